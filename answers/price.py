"""/price: spot and perpetual side by side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import indicators
from answers.asked import Tools, WhichSymbol, outcome_of
from answers.cvd import day_sums
from asking import races
from asking.races import Question, first_answers, nothing, or_none
from exchanges.errors import MarketError, NoAnswer, NotListed
from exchanges.symbols import NotASymbol, parse_symbol, split
from exchanges.words import DOLLARS, Funding, Snapshot, Ticker
from indicators import N_INDICATORS
from market import Market, flow_of, open_interest_before
from render.fields import PerpFields, TickerFields, iso, perp_fields, slashed, ticker_fields
from render.figures import (
    circle,
    escape,
    format_amount,
    format_moment,
    format_percent,
    format_price,
    format_span,
    range_bar,
)
from render.message import MAX_BUTTON_DATA, Answer, Button, short, table
from render.sentences import exchange_name, reasons, sentence, sorry
from sessions import QUARTER

log = logging.getLogger("bot")
ABOUT = "price for"
MAX_SYMBOLS = 5


class Asked(NamedTuple):
    """words: up to MAX_SYMBOLS of them; n_left_out: how many there were beyond that."""

    words: tuple[str, ...]
    n_left_out: int = 0


def command(words: list[str]) -> Asked:
    """Raises WhichSymbol. Words that are no symbols are told one by one, beside the others' prices."""
    if not words:
        raise WhichSymbol("price", "/price BTC, or /price BTC ETH SOL")
    wanted = tuple(dict.fromkeys(words))
    return Asked(wanted[:MAX_SYMBOLS], max(0, len(wanted) - MAX_SYMBOLS))


async def ask(tools: Tools, asked: Asked) -> Prices:
    """Each symbol's report, or why there is none; the same symbol counts once."""
    results = await asyncio.gather(*(_report_or_why(tools.market, word) for word in asked.words))
    found = {str(each) if isinstance(each, NotASymbol) else each.symbol: each for each in results}
    return Prices(list(found.values()), asked.n_left_out)


async def _report_or_why(market: Market, word: str) -> Result:
    try:
        return await report_of(market, parse_symbol(word))
    except NoAnswer as error:
        log.warning("no answer: %s", error)
        return error
    except (NotListed, NotASymbol) as error:
        return error


class PriceReport(NamedTuple):
    """A symbol's spot and perpetual market.

    perp.ticker is there when perp is. A side that is None, and a part of perp that is None, is
    explained in missing, by "spot", "perp", "open interest", "funding". failed: by "spot" and
    "perp", the preferred exchanges that did not give what is shown. multipliers: contracts on 1000 and more coins,
    whose figures are given per coin here.
    """

    symbol: str
    spot: Ticker | None
    perp: Snapshot | None
    missing: dict[str, tuple[MarketError, ...]]
    failed: dict[str, tuple[MarketError, ...]]
    multipliers: dict[str, int]
    took_s: float

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Who answered; one id when spot and perp come from the same exchange."""
        tickers = (self.spot, self.perp and self.perp.ticker)
        return tuple(dict.fromkeys(ticker.exchange for ticker in tickers if ticker))

    @property
    def basis_pct(self) -> float | None:
        """How far the perpetual stands above spot, in percent of spot; None across exchanges."""
        if self.spot is None or self.perp is None or self.perp.ticker is None or len(self.exchanges) != 1:
            return None
        return (self.perp.ticker.last - self.spot.last) / self.spot.last * 100


async def report_of(market: Market, symbol: str) -> PriceReport:
    """Spot and perpetual of BASE-QUOTE. Raises NotListed and NoAnswer, always within DEADLINE_S."""
    began = market.clock.monotonic()
    spots, perps = market.offering("spot"), market.offering("perp")
    spot, perp = await first_answers(
        Question(spots, (market.spot_at(each, symbol) for each in spots)),
        Question(perps, (market.perp_at(each, symbol) for each in perps)),
        timeout_s=races.DEADLINE_S,
    )
    if spot.found is None and perp.found is None:
        raise await market.why_not(symbol, (*spot.errors, *perp.errors), began)
    missing: dict[str, tuple[MarketError, ...]] = {}
    failed: dict[str, tuple[MarketError, ...]] = {}
    multipliers: dict[str, int] = {}
    for name, side in (("spot", spot), ("perp", perp)):
        if side.found is None:
            missing[name] = side.errors or market.no_such_markets(name)
            continue
        if side.errors:
            failed[name] = side.errors
        missing |= {what: (error,) for what, error in side.found.missing.items()}
        if side.found.multiplier != 1:
            multipliers[name] = side.found.multiplier
    return PriceReport(
        symbol,
        spot.found.of.ticker if spot.found is not None else None,
        perp.found.of if perp.found is not None else None,
        missing,
        failed,
        multipliers,
        market.clock.monotonic() - began,
    )


Result = PriceReport | NotListed | NoAnswer | NotASymbol


class Prices(NamedTuple):
    """Of all symbols that were asked for; n_left_out: of how many not."""

    results: Sequence[Result]
    n_left_out: int = 0


class Quarter(NamedTuple):
    """What a quarter of an hour adds to a price; None where it is not told. Volumes and deltas in coins."""

    volume: float | None = None
    change_pct: float | None = None
    delta: float | None = None
    day_delta: float | None = None
    atr: float | None = None
    open_interest_change_pct: float | None = None  # over 24 hours


async def quarter_of(market: Market, symbol: str, kind: str, exchange: str) -> Quarter:
    """The last closed quarter of an hour of one market at one exchange. Never raises: what fails is None."""
    of = next((each for each in market.exchanges if exchange == each.id), None)
    if of is None:
        return Quarter()
    candles, now, before = await asyncio.gather(
        or_none(market.candles(of, symbol, kind, QUARTER, N_INDICATORS)),
        or_none(market.perp_at(of, symbol)) if kind == "perp" else nothing(),
        or_none(open_interest_before(market, of, symbol)) if kind == "perp" else nothing(),
    )
    n = candles.n_closed(market.now_ms()) if candles is not None else 0
    if candles is None or not n:
        return Quarter()
    delta = day_delta = None
    if candles.taker_buy is not None:
        flow = flow_of(candles)
        delta = flow.buy[n - 1] - flow.sell[n - 1]
        sums = day_sums(flow, market.now_ms())
        day_delta = None if sums is None else sums[0] - sums[1]
    interest = now and now.of.open_interest and now.of.open_interest.open_interest
    then = (before or {}).get(24)
    return Quarter(
        candles.volume[n - 1],
        (candles.close[n - 1] / candles.open[n - 1] - 1) * 100,
        delta,
        day_delta,
        indicators.atr(candles.high[:n], candles.low[:n], candles.close[:n]),
        None if not interest or not then else (interest / then - 1) * 100,
    )


def show(prices: Prices, now_s: float) -> Answer:
    """One block per symbol, with a refresh button for those that were found."""
    reports = prices.results
    found = [each for each in reports if isinstance(each, PriceReport)]
    suggestions = [each for report in reports if isinstance(report, NotListed) for each in report.suggestions]
    blocks = [block(each, now_s) if isinstance(each, PriceReport) else sorry(each) for each in reports]
    rows: list[tuple[Button, ...]] = []
    names = " ".join(short(report.symbol) for report in found)
    if found and len(f"price {names}".encode()) <= MAX_BUTTON_DATA:
        rows.append((Button("🔄 Refresh", f"price {names}"), Button("📈", f"chart {names}")))
    elif suggestions:
        rows.append(
            tuple(Button(each, f"price {each}") for each in suggestions if len(each.encode()) + 6 <= MAX_BUTTON_DATA)
        )
    text = "\n\n".join(blocks)
    if prices.n_left_out:
        text += f"\n\nAt most {MAX_SYMBOLS} symbols at once; the rest is left out."
    missing = [outcome_of(each) for each in reports if not isinstance(each, PriceReport)]
    outcome = "answered" if found or not missing else min(missing)  # "not understood" only where all were
    return Answer(text, keyboard=tuple(row for row in rows if row), outcome=outcome)


def block(report: PriceReport, now_s: float) -> str:
    """A headline, a table of spot beside perpetual, what is missing and why, and the source."""
    spot, perp = report.spot, report.perp
    perp_ticker = perp.ticker if perp is not None else None
    lead = spot or perp_ticker
    assert lead is not None
    base, quote = split(report.symbol)
    unit = "$" if quote in DOLLARS else quote[:6]
    coin = base if len(base) <= 5 else "coin"
    sides = [(name, each) for name, each in (("spot", spot), ("perp", perp_ticker)) if each is not None]
    rows = [
        ["", *(name for name, _ in sides)],
        ["last", *(format_price(each.last) for _, each in sides)],
        ["24h", *(format_percent(each.change_pct) for _, each in sides)],
        ["high", *(format_price(each.high) for _, each in sides)],
        ["low", *(format_price(each.low) for _, each in sides)],
        ["range", *(range_bar(each.low, each.high, each.last) for _, each in sides)],
        [f"vol {coin}", *(format_amount(each.base_volume) for _, each in sides)],
        [f"vol {unit}", *(format_amount(each.quote_volume) for _, each in sides)],
    ]
    if perp is not None:
        rows += _perp_rows(report, perp, coin, unit, now_s)
    headline = f"<b>{escape(report.symbol)}</b>  {format_price(lead.last)}  {circle(lead.change_pct)} "
    lines = [headline + format_percent(lead.change_pct), f"<pre>{escape(table(rows))}</pre>"]
    lines += [escape(note) for note in _notes(report, base)]
    lines.append(f"<i>{escape(_source(report, lead, now_s))}</i>")
    return "\n".join(lines)


def _perp_rows(report: PriceReport, perp: Snapshot, coin: str, unit: str, now_s: float) -> list[list[str]]:
    blank = [""] if report.spot is not None else []
    interest, funding = perp.open_interest, perp.funding
    return [
        [f"OI {coin}", *blank, format_amount(interest and interest.open_interest)],
        [f"OI {unit}", *blank, format_amount(interest and interest.open_interest_quote)],
        ["funding", *blank, format_percent(None if funding is None else funding.funding_rate * 100, 4)],
        ["", *blank, _period(funding, now_s)] if funding is not None else [],
        ["basis", *blank, format_percent(report.basis_pct, 3)] if report.spot is not None else [],
    ]


def _period(funding: Funding, now_s: float) -> str:
    """8h, in 3h12: the funding period, and the time to the next payment."""
    period = "n/a h" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    due = "" if funding.next_funding_ms is None else f", in {format_span(funding.next_funding_ms / 1000 - now_s)}"
    return f"{period}{due}"


def _notes(report: PriceReport, base: str) -> list[str]:
    """What the reader should know of the figures: what is missing and why, who did not answer."""
    notes = []
    for what, errors in report.missing.items():
        name = {"spot": "No spot market", "perp": "No perpetual"}.get(what, f"{what[0].upper()}{what[1:]} n/a")
        notes.append(f"{name}: {reasons(errors)}.")
    sentences = {side: sentence(reasons(errors)) for side, errors in report.failed.items()}
    if len(sentences) == 2 and len(set(sentences.values())) == 1:
        notes.append(next(iter(sentences.values())))
    else:
        notes += [f"{side.capitalize()}: {sentence}" for side, sentence in sentences.items()]
    if report.spot is not None and report.perp is not None and report.basis_pct is None:
        notes.append("Basis n/a: spot and perpetual come from different exchanges.")
    for market, ticker in (("Spot", report.spot), ("The perpetual", report.perp and report.perp.ticker)):
        if ticker is None:
            continue
        if (quote := split(ticker.symbol)[1]) != split(report.symbol)[1]:
            notes.append(f"{market} is priced in {quote} there.")
        if ticker.change_pct is None:
            notes.append(f"{exchange_name(ticker.exchange)} tells no change over 24 hours.")
    for market, multiplier in report.multipliers.items():
        notes.append(f"The {market} contract is on {multiplier:,} {base}; figures are per {base}.")
    return notes


def _source(report: PriceReport, lead: Ticker, now_s: float) -> str:
    names = [exchange_name(each) for each in report.exchanges]
    source = names[0] if len(names) == 1 else f"spot {names[0]}, perp {names[1]}"
    return f"{source} · {format_moment(lead.time_ms, now_s)} · {report.took_s * 1000:.0f} ms"


class Fields(TickerFields):
    timestamp: str


def fields(report: PriceReport) -> Fields:
    """Spot, or the perpetual where there is no spot market."""
    ticker = report.spot or (report.perp and report.perp.ticker)
    assert ticker is not None
    return {**ticker_fields(ticker, "spot" if report.spot else "perp"), "timestamp": iso(ticker.time_ms)}


class QuarterFields(TypedDict):
    """Of the last closed quarter of an hour: volume and deltas in coins, change in percent, ATR in quote."""

    volume_15m: float | None
    change_15m: float | None
    delta_24h: float | None
    delta_15m: float | None
    atr_24h: float | None
    atr_15m: float | None


class SpotSide(TickerFields, QuarterFields):
    pass


class PerpSide(PerpFields, QuarterFields):
    oi_change_24h: float | None
    oi_change_15m: float | None


class CombinedFields(TypedDict):
    base_symbol: str
    timestamp: str
    spot: SpotSide | None
    perp: PerpSide | None
    spot_exchange: str | None
    perp_exchange: str | None


class Combined(NamedTuple):
    """A report, and what the last closed quarter of an hour adds to either side."""

    report: PriceReport
    of_spot: Quarter
    of_perp: Quarter
    time_ms: int


async def ask_combined(tools: Tools, symbol: str) -> Combined:
    """Raises NotListed and NoAnswer."""
    market = tools.market
    report = await report_of(market, symbol)
    of_spot, of_perp = await asyncio.gather(
        *(
            quarter_of(market, symbol, kind, ticker.exchange if ticker is not None else "")
            for kind, ticker in (("spot", report.spot), ("perp", report.perp and report.perp.ticker))
        )
    )
    return Combined(report, of_spot, of_perp, market.now_ms())


def combined_fields(combined: Combined) -> CombinedFields:
    """Spot and perpetual side by side, each with its last quarter of an hour."""
    report = combined.report
    perp_ticker = report.perp and report.perp.ticker
    spot: SpotSide | None = None
    perp: PerpSide | None = None
    if report.spot is not None:
        spot = {**ticker_fields(report.spot, "spot"), **_quarter_fields(combined.of_spot)}
    if report.perp is not None and perp_ticker is not None:
        perp = {
            **perp_fields(report.perp),
            **_quarter_fields(combined.of_perp),
            "oi_change_24h": combined.of_perp.open_interest_change_pct,
            "oi_change_15m": None,
        }
    return {
        "base_symbol": slashed(report.symbol),
        "timestamp": iso(combined.time_ms),
        "spot": spot,
        "perp": perp,
        "spot_exchange": report.spot and report.spot.exchange,
        "perp_exchange": perp_ticker and perp_ticker.exchange,
    }


def _quarter_fields(quarter: Quarter) -> QuarterFields:
    return {
        "volume_15m": quarter.volume,
        "change_15m": quarter.change_pct,
        "delta_24h": quarter.day_delta,
        "delta_15m": quarter.delta,
        "atr_24h": None,
        "atr_15m": quarter.atr,
    }
