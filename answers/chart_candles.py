"""/chart BTC: candles with their means, volume, and what is told of open interest and takers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from answers.asked import OfMarket, Tools, of_market, source_of
from answers.interest import open_interest_history
from asking.races import Part, Question, settled
from exchanges.errors import MarketError, NotSupported, PartName, Reason, Unavailable, bare
from exchanges.exchange import Exchange
from exchanges.joined import flow_of, joined
from exchanges.words import INTERVALS, Candles, Flow, Source, Ticker
from indicators import DAY_MS, HOUR_MS
from market import Found, Market
from render.figures import circle, escape, format_day, format_percent, format_price
from render.keyboards import INTERVAL_BUTTONS, again, choices_of, keyboard, neighbours, that_fit
from render.message import Answer, Button, Keyboard, short, source_foot, title
from render.sentences import PARTS, capital, exchange_name, of_source, reasons

if TYPE_CHECKING:
    from render.picture.figure import Figure

SHOWN = 120  # candles, or a few less
MAX_LEVELS = 6  # of alerts
WARM_UP = 60  # more before them, for the means to settle
LATE_S = 2.0  # that a picture waits for what stands beside its candles
MAX_HOURS = 480  # of history of open interest: the most that any exchange tells at once


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "chart", "1h")


class ChartReport(NamedTuple):
    """Candles of one market, the running one last, and what stands beside them. missing: its parts, and why.

    levels: prices at which an alert rings.
    """

    source: Source
    interval: str
    candles: Candles
    is_running: bool
    ticker: Ticker | None
    interest: Sequence[tuple[int, float]] | None
    flow: Flow | None
    missing: dict[PartName, MarketError]
    levels: Sequence[float] = ()


class _Told(NamedTuple):
    candles: Candles
    ticker: Ticker | None
    interest: Sequence[tuple[int, float]] | None
    flow: Flow | None
    missing: dict[PartName, MarketError]


async def ask(tools: Tools, asked: OfMarket) -> ChartReport:
    """Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()

    def question(kind: str) -> Question[_Told]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_told_at(market, each, kind, asked) for each in exchanges))

    told, failed = await market.first_answer(asked.symbol, {kind: question(kind) for kind in asked.kinds})
    source = source_of(market, told.candles, failed, began)
    is_running = told.candles.n_closed(market.now_ms()) < len(told.candles)
    return ChartReport(
        source, asked.choice, told.candles, is_running, told.ticker, told.interest, told.flow, told.missing
    )


async def _told_at(market: Market, exchange: Exchange, kind: str, asked: OfMarket) -> _Told:
    """The candles, and what else comes within LATE_S. Raises MarketError."""
    symbol, interval = asked.symbol, asked.choice
    ticker = Part(exchange, _ticker(market, exchange, symbol, kind))
    flow = (
        None if exchange.has_takers_in_candles else Part(exchange, market.flow(exchange, symbol, kind, interval, SHOWN))
    )
    hours = min(SHOWN * INTERVALS[interval] // HOUR_MS + 25, MAX_HOURS)
    interest = Part(exchange, open_interest_history(market, exchange, symbol, hours)) if kind == "perp" else None
    parts = {PartName.DAY_CHANGE: ticker, PartName.CVD: flow, PartName.OPEN_INTEREST: interest}
    asked_for = [part for part in parts.values() if part is not None]
    end, left_s = market.clock.monotonic() + LATE_S, 0.0
    try:
        n = n_wanted(market, exchange, kind, interval)
        candles = await candles_at(market, exchange, symbol, kind, interval, n)
        left_s = end - market.clock.monotonic()
    finally:
        await settled(asked_for, left_s)
    missing = {name: part.error for name, part in parts.items() if part is not None and part.error is not None}
    takers = flow.found if flow is not None else None
    if flow is None:
        try:
            takers = flow_of(candles)
        except NotSupported as error:
            missing[PartName.CVD] = bare(error)
    return _Told(candles, ticker.found, interest.found if interest is not None else None, takers, missing)


def n_wanted(market: Market, exchange: Exchange, kind: str, interval: str) -> int:
    """Closed candles to ask for: those shown, some before them, and back to 00:00 UTC if one answer holds so many."""
    of_today = market.now_ms() % DAY_MS // INTERVALS[interval] + 1
    return max(SHOWN + WARM_UP, min(of_today, exchange.max_candles[kind] - 1))


async def candles_at(market: Market, exchange: Exchange, symbol: str, kind: str, interval: str, n: int) -> Candles:
    """The last n closed candles, and the running one as it is now. Raises MarketError."""
    closed, running = await market.candles_and_now(exchange, symbol, kind, interval, n, is_needed=True)
    if not len(closed) and not (running is not None and len(running)):
        raise Unavailable(exchange.id, "no candle", Reason.NO_CANDLE)
    return closed if running is None else joined([closed, running])


async def _ticker(market: Market, exchange: Exchange, symbol: str, kind: str) -> Ticker | None:
    found: Found = await (market.spot_at if kind == "spot" else market.perp_at)(exchange, symbol)
    return found.snapshot.ticker


def figure(report: ChartReport) -> Figure:
    from render.picture import charts

    source = report.source
    subtitle = f"{report.interval} · {exchange_name(source.exchange)} · {charts.moment(source.time_ms)}"
    change_pct = report.ticker.change_pct if report.ticker is not None else None
    head = charts.Head(f"{source.symbol} {source.kind}", subtitle, report.candles.close[-1], change_pct)
    return charts.candles(
        head,
        report.candles,
        is_running=report.is_running,
        interest=report.interest,
        flow=report.flow,
        alerts=near(report.levels, report.candles),
    )


def near(levels: Sequence[float], candles: Candles) -> list[float]:
    """Those that leave the candles at least half of the height; at most MAX_LEVELS, the nearest."""
    low, high, last = min(candles.low[-SHOWN:]), max(candles.high[-SHOWN:]), candles.close[-1]
    room = (high - low) / 2
    inside = sorted((each for each in levels if low - room <= each <= high + room), key=lambda each: abs(each - last))
    return sorted(inside[:MAX_LEVELS])


def show(report: ChartReport, now_s: float) -> Answer:
    """What stands under the picture."""
    source = report.source
    change_pct = report.ticker.change_pct if report.ticker is not None else None
    change = f"  {circle(change_pct)} {format_percent(change_pct)} 24h" if change_pct is not None else ""
    notes = [escape(f"{capital(PARTS[part])} n/a: {reasons([error])}.") for part, error in report.missing.items()]
    notes += [*_too_short(report), *takers_since(report.candles, report.flow), *of_source(source)]
    return Answer(
        title(source, f"{report.interval} chart"),
        (f"{format_price(report.candles.close[-1])}{change}",),
        tuple(notes),
        source_foot(source, now_s),
        buttons(source, "", INTERVAL_BUTTONS, report.interval),
    )


def _too_short(report: ChartReport) -> list[str]:
    """What is not drawn since its past is not there."""
    from render.picture import charts

    of, notes = report.candles, []
    if report.interest is not None and not charts.reaches(of, report.interest):
        notes.append("Open interest n/a: its past is not told for so long.")
    if len(of) < charts.EMA_PERIOD:
        notes.append(f"EMA n/a: it needs {charts.EMA_PERIOD} candles.")
    if of.interval_ms < DAY_MS and not charts.has_day(of):
        notes.append("VWAP n/a: the candles do not reach back to 00:00 UTC.")
    return notes


def takers_since(of: Candles, flow: Flow | None) -> list[str]:
    """Since when takers are told, where that is not from the picture's first candle on: OKX tells 100 periods."""
    from render.picture import charts

    if flow is None or not len(flow.open_ms) or flow.open_ms[0] <= charts.span_of(of).start_ms:
        return []
    return [f"CVD since {format_day(flow.open_ms[0])}: what takers did before is not told."]


def buttons(source: Source, view: str, choices: tuple[str, ...], chosen: str) -> Keyboard:
    """Under a picture of one market: the same again, other intervals, other answers."""
    name = f"chart {view}".strip()
    spot = " spot" if source.kind == "spot" else ""
    return keyboard(
        again(f"{name} {short(source.symbol)} {chosen}{spot}", alert=f"alert {short(source.symbol)}{spot}"),
        choices_of(name, source.symbol, source.kind, choices, chosen),
        neighbours("chart", source.symbol)
        + that_fit(
            [Button("perp" if spot else "spot", f"{name} {short(source.symbol)} {chosen} {'perp' if spot else 'spot'}")]
        ),
    )
