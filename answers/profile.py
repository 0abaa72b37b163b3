"""/profile: where a window's volume and time were spent."""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple, TypedDict, cast

import indicators
from answers.asked import OfMarket, Tools, of_market, source_of
from asking.races import Question
from exchanges.errors import Reason, Unavailable
from exchanges.joined import joined
from exchanges.table import Exchange
from exchanges.words import INTERVALS, Candles, Source
from indicators import DAY_MS, HOUR_MS, Profile
from market import Market
from render.fields import iso, slashed
from render.figures import at_tick, counted, escape, format_at_tick, format_price, zeros_counted
from render.keyboards import again, choices_of, keyboard, neighbours
from render.message import Answer, pre, short, source_foot, title
from render.sentences import of_source

PROFILE_WINDOWS = {
    "today": ("5m", 0),
    "24h": ("5m", 24),
    "7d": ("15m", 7 * 24),
    "30d": ("1h", 30 * 24),
}
"""By name: the candles that a profile is built of, and its hours; 0 is since 00:00 UTC."""
WINDOW_BUTTONS = ("today", "24h", "7d", "30d")
PROFILE_ROWS = 16
PROFILE_BAR = 14
LEVEL = 14  # columns
ABOUT = "profile of"


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words or ["BTC"], "profile", "24h", PROFILE_WINDOWS)


class ProfileReport(NamedTuple):
    """Where a window's volume and time were spent. tick: the smallest step that prices were seen to make, in a day at
    least.
    """

    source: Source
    window: str
    interval: str
    n_candles: int
    begin_ms: int
    volume: Profile | None
    time: Profile | None
    vwap: float | None
    last: float | None
    tick: float
    candles: Candles | None = None  # those of the window


async def ask(tools: Tools, asked: OfMarket) -> ProfileReport:
    """Of the window that is asked for. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    interval, hours = PROFILE_WINDOWS[asked.choice]
    now_ms = market.now_ms()
    begin_ms = now_ms - hours * HOUR_MS if hours else now_ms // DAY_MS * DAY_MS
    # Always of a whole day, so that "today" and "24h" are one answer.
    n = max(1, math.ceil((now_ms - begin_ms) / INTERVALS[interval]), DAY_MS // INTERVALS[interval])

    def question(kind: str) -> Question[tuple[Candles, Candles | None]]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_candles_at(market, each, asked.symbol, kind, interval, n) for each in exchanges))

    questions = {kind: question(kind) for kind in asked.kinds}
    (candles, now), failed = await market.first_answer(asked.symbol, questions)
    first = next((i for i, at in enumerate(candles.open_ms) if at >= begin_ms), len(candles) - 1)
    inside = candles.part(first, len(candles))
    return ProfileReport(
        source_of(market, candles, failed, began),
        asked.choice,
        interval,
        len(inside),
        inside.open_ms[0],
        indicators.volume_profile(inside.low, inside.high, inside.volume),
        indicators.tpo_profile(inside.low, inside.high),
        indicators.vwap(inside.high, inside.low, inside.close, inside.volume),
        now.close[-1] if now is not None and len(now) else None,
        indicators.tick_of((*candles.high, *candles.low, *candles.close)),
        inside,
    )


async def _candles_at(
    market: Market, exchange: Exchange, symbol: str, kind: str, interval: str, n: int
) -> tuple[Candles, Candles | None]:
    """The candles of the window, the running one as it is now; and that one by itself. Raises MarketError."""
    candles, now = await market.candles_and_now(exchange, symbol, kind, interval, n)
    if not len(candles):
        raise Unavailable(exchange.id, "no candle", Reason.NO_CANDLE)
    # What is kept of the running candle may be nearly an hour old, and a profile is of now.
    whole = candles.part(0, candles.n_closed(market.now_ms())) if now is None else joined([candles, now])
    return whole if len(whole) else candles, now


def show(report: ProfileReport, now_s: float) -> Answer:
    """Volume by price as a drawing, the levels, and where the price stands."""
    source = report.source
    window = {"today": "today (UTC)"}.get(report.window, report.window)
    lines = [title(source, f"profile {window}")]
    shown = report.volume
    if shown is None:
        lines.append(f"Profile n/a: {why_none(report)}.")
    else:
        lines.append(f"<pre>{escape(drawing(shown, report.last, report.tick))}</pre>")
        rows = [["", "volume", "time"]]
        time = report.time
        for name in ("vah", "poc", "val"):
            levels = [None if of is None else getattr(of, name) for of in (shown, time)]
            rows.append([name.upper(), *(_level(each, report.tick) for each in levels)])
        lines.append(pre(rows))
        lines.append(_where(report, shown))
    vwap = "n/a" if report.vwap is None else format_at_tick(report.vwap, report.tick)
    candles = f"{counted(report.n_candles, 'candle')} of {report.interval}"
    lines.append(f"VWAP {vwap}. From {candles}.{' █ is the value area, 70%.' if shown is not None else ''}")
    lines += of_source(source)
    spot = " spot" if source.kind == "spot" else ""
    line = f"{short(source.symbol)} {report.window}{spot}"
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=source_foot(source, now_s),
        keyboard=keyboard(
            again(f"profile {line}", f"chart profile {line}", f"alert {short(source.symbol)}{spot}"),
            choices_of("profile", source.symbol, source.kind, WINDOW_BUTTONS, report.window),
            neighbours("profile", source.symbol, source.kind, report.window),
        ),
    )


def why_none(report: ProfileReport) -> str:
    """Why there is no profile of volume."""
    return "nothing was traded" if report.vwap is None else "all was traded at one price"


def _level(price: float | None, tick: float) -> str:
    """So short that two of them are in a line."""
    text = "n/a" if price is None else format_at_tick(price, tick)
    return text if len(text) <= LEVEL else zeros_counted(text)


def drawing(profile: Profile, last: float | None, tick: float) -> str:
    """At most PROFILE_ROWS rows, the highest price on top: price, bar; P marks the POC, ◄ the price now.

    A row is as long as the fullest of its bins: by their sums, the longest need not be the one that has the POC.
    """
    n = len(profile.bins)
    per_row = -(-n // PROFILE_ROWS)
    rows = [max(profile.bins[i : i + per_row]) for i in range(0, n, per_row)]
    step = profile.step * per_row
    fullest = max(rows)
    poc_at = _row_of(profile.poc, profile.low, profile.high, step, len(rows))
    at = _row_of(last, profile.low, profile.high, step, len(rows))
    lines = []
    for i in reversed(range(len(rows))):
        low = profile.low + i * step
        high = min(low + step, profile.high)
        middle = (low + high) / 2
        mark = "█" if profile.val <= middle <= profile.vah else "░"
        bar = mark * max(1 if rows[i] else 0, round(rows[i] / fullest * PROFILE_BAR))
        here = i == at
        signs = ("P" if i == poc_at else "") + ("◄" if here else "")
        lines.append((format_at_tick(middle, tick), f"{bar} {signs}".rstrip()))
    width = max(len(price) for price, _ in lines)
    return "\n".join(f"{price.rjust(width)} {bar}" for price, bar in lines)


def _row_of(last: float | None, low: float, high: float, step: float, n: int) -> int | None:
    """The one row that a price stands in; None outside of the profile."""
    if last is None or not low <= last <= high or not step:
        return None
    return min(n - 1, int((last - low) / step))


def _where(report: ProfileReport, profile: Profile) -> str:
    last = report.last
    if last is None:
        return "Price now n/a."
    vah, val = at_tick(profile.vah, report.tick), at_tick(profile.val, report.tick)  # as they are told
    name = "inside the value area"
    if last > vah:
        name = f"above the value area by {(last / vah - 1) * 100:.2f}%"
    elif last < val:
        name = f"below the value area by {(1 - last / val) * 100:.2f}%"
    return f"Price {format_price(last)} ◄ {name}."


class Levels(TypedDict):
    poc: float
    vah: float
    val: float


class Window(TypedDict):
    volume_profile: Levels | None
    tpo: Levels | None
    vwap: float | None
    candles: int
    period: str


Fields = TypedDict(
    "Fields",
    {
        "symbol": str,
        "exchange": str,
        "market_type": str,
        "timestamp": str,
        "current_price": float | None,
        "today": Window,
        "24h": Window,
        "7d": Window,
        "30d": Window,
    },
)


async def ask_all(tools: Tools, symbol: str) -> tuple[str, dict[str, ProfileReport]]:
    """A profile of each window, by its name. Raises NotListed and NoAnswer, within DEADLINE_S.

    The first tells whether anybody lists the market: a wrong name is not asked for once a window.
    """
    first, *others = (OfMarket(symbol, window) for window in PROFILE_WINDOWS)
    began = tools.market.clock.monotonic()
    reports = [await ask(tools, first)]
    tools = tools._replace(market=tools.market.since(began))
    reports += await asyncio.gather(*(ask(tools, other) for other in others))
    return symbol, dict(zip(PROFILE_WINDOWS, reports, strict=True))


def fields(told: tuple[str, dict[str, ProfileReport]]) -> Fields:
    """The market is that of the longest window; levels are at its tick."""
    _, reports = told
    windows = {name: _window(report) for name, report in reports.items()}
    report = [*reports.values()][-1]
    of = {
        "symbol": slashed(report.source.symbol, report.source.kind),
        "exchange": report.source.exchange,
        "market_type": report.source.kind,
        "timestamp": iso(report.source.time_ms),
    }
    return cast(Fields, {**of, "current_price": report.last, **windows})


def _window(report: ProfileReport) -> Window:
    return {
        "volume_profile": _levels(report.volume, report.tick),
        "tpo": _levels(report.time, report.tick),
        "vwap": report.vwap and at_tick(report.vwap, report.tick),
        "candles": report.n_candles,
        "period": f"{report.interval} candles since {iso(report.begin_ms)}",
    }


def _levels(profile: Profile | None, tick: float) -> Levels | None:
    if profile is None:
        return None
    return {"poc": at_tick(profile.poc, tick), "vah": at_tick(profile.vah, tick), "val": at_tick(profile.val, tick)}
