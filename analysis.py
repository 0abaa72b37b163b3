"""Questions about one market's candles: volume, taker flow, long and short, the whole report, the profile.

One report is of one market at one exchange, which it names. Every figure is an exchange's or follows
from its candles (indicators.py); what an exchange does not tell is missing, with the reason, and nothing
stands in for it. Baselines and indicators use closed candles only.

Memory: the candles of a report, some 60 KB, in the market's cache until the next candle.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import indicators
from derivatives import HISTORY_S, open_interest_before
from exchanges import (
    INTERVALS,
    Candles,
    Flow,
    MarketError,
    NotSupported,
    Perp,
    Ratio,
    Ticker,
    Unavailable,
    UnknownSymbol,
    coin_symbol,
)
from indicators import BASELINE, DAY_MS, HOUR_MS, Bands, Profile, Session, Spike
from market import DEADLINE_S, Exchange, Market, both, flow_of, is_not_there

T = TypeVar("T")

N_INDICATORS = 200  # candles, so that Wilder's means have forgotten their seed
N_CONVERGED = 100  # with fewer, Wilder's seed still weighs: (13/14)^86 = 0.2 %
FLOW_CANDLES = 40  # of the interval, for trend and divergence
TREND_CANDLES = 20  # as many as a divergence is sought over, so that the two cannot contradict each other
BARS = 12  # volumes shown
QUARTER = "15m"
QUARTERS_A_DAY = 96
DAYS = 8  # today, and the seven before it
VWAP_CANDLES = {
    "1m": 60,
    "3m": 40,
    "5m": 48,
    "15m": 24,
    "30m": 24,
    "1h": 24,
    "2h": 12,
    "4h": 6,
    "6h": 4,
    "12h": 2,
    "1d": 7,
}
RATIO_HOURS = 25  # rows: now, and 24 hours back
PARTS_S = 3.0  # what may be missing is waited for no longer, once the candles are there
PROFILE_WINDOWS = {
    "today": ("5m", 0),
    "24h": ("5m", 24),
    "7d": ("15m", 7 * 24),
    "30d": ("1h", 30 * 24),
}
"""By name: the candles that a profile is built of, and its hours; 0 is since 00:00 UTC."""


class Source(NamedTuple):
    """Which market a report is of, who was asked before in vain, when and how long."""

    exchange: str
    symbol: str
    market: str
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float


class VolumeReport(NamedTuple):
    """The last closed candle's volume against its baseline, and the running one's so far.

    spike: None when there are too few candles. coins and dollars of the closed candle. so_far: volume of the running
    candle and the share of its time that is gone; None when it is not known. bars: the last BARS closed volumes.
    """

    source: Source
    interval: str
    spike: Spike | None
    coins: float
    dollars: float | None
    close: float
    closed_ms: int
    so_far: tuple[float, float] | None
    bars: list[float]


async def volume(market: Market, symbol: str, interval: str, markets: Sequence[str]) -> VolumeReport:
    """Raises NotListed and NoAnswer, within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[Candles, Candles | None]:
        whole, running = await both(
            market.candles(exchange, symbol, kind, interval, BASELINE + 1),
            _or_none(lambda: market.running_candle(exchange, symbol, kind, interval)),
        )
        if not whole.n_closed(market.now_ms()):
            raise Unavailable(exchange.ID, "no closed candle", "had no closed candle")
        return whole, running

    (candles, running), failed = await market.first(symbol, ask, markets)
    now_ms = market.now_ms()
    at = candles.n_closed(now_ms) - 1
    return VolumeReport(
        _source(market, candles, failed, began),
        interval,
        indicators.volume_spike(candles.volume[: at + 1]),
        candles.volume[at],
        _dollars(candles, at),
        candles.close[at],
        candles.open_ms[at] + candles.interval_ms,
        so_far(running, now_ms),
        list(candles.volume[max(0, at + 1 - BARS) : at + 1]),
    )


def so_far(candles: Candles | None, now_ms: int) -> tuple[float, float] | None:
    """The volume of the running candle and the share of its time that is gone, 0 to 1."""
    if candles is None or not len(candles) or candles.n_closed(now_ms) == len(candles):
        return None
    gone = (now_ms - candles.open_ms[-1]) / candles.interval_ms
    return (candles.volume[-1], gone) if 0 < gone < 1 else None


class FlowReport(NamedTuple):
    """What takers did. delta: bought less sold, in coins; share: bought, of all; last: of the last closed candle.

    day_*: over 24 hours by the clock; None when the periods do not reach back. trend: of CVD over TREND_CANDLES, price
    alike; 1, -1 or 0. divergence: see indicators.divergence.
    """

    source: Source
    interval: str
    last_delta: float
    last_share: float | None
    closed_ms: int
    day_delta: float | None
    day_share: float | None
    trend: int | None
    price_trend: int | None
    divergence: str | None
    cvd: float  # over the last FLOW_CANDLES
    close: float


async def cvd(market: Market, symbol: str, interval: str, markets: Sequence[str]) -> FlowReport:
    """Of the first exchange that tells taker volume. Raises NotListed and NoAnswer, within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[Flow, Flow, Candles]:
        flow, day = await both(
            market.flow(exchange, symbol, kind, interval, FLOW_CANDLES),
            market.flow(exchange, symbol, kind, QUARTER, QUARTERS_A_DAY),
        )
        candles = await market.candles(exchange, symbol, kind, interval, FLOW_CANDLES)
        return flow, day, candles

    (flow, day, candles), failed = await market.first(symbol, ask, markets)
    now_ms = market.now_ms()
    n = candles.n_closed(now_ms)
    closed = closed_flow(flow, now_ms)
    if not closed.open_ms or not n:
        raise await market.why_not(
            symbol, [Unavailable(flow.exchange, "no closed candle", "had no closed candle")], began
        )
    close = candles.close[:n]
    cumulative = _cumulative(closed)
    sums = day_sums(day, now_ms)
    return FlowReport(
        _source(market, candles, failed, began),
        interval,
        closed.buy[-1] - closed.sell[-1],
        _share(closed.buy[-1], closed.sell[-1]),
        closed.open_ms[-1] + closed.interval_ms,
        None if sums is None else sums[0] - sums[1],
        None if sums is None else _share(*sums),
        indicators.trend(cumulative[-TREND_CANDLES:]),
        indicators.trend(close[-TREND_CANDLES:]),
        indicators.divergence(close, cumulative),
        cumulative[-1],
        close[-1],
    )


def closed_flow(flow: Flow, now_ms: int) -> Flow:
    """Without the period that is still running."""
    n = len(flow.open_ms)
    while n and flow.open_ms[n - 1] + flow.interval_ms > now_ms:
        n -= 1
    return flow._replace(open_ms=flow.open_ms[:n], buy=flow.buy[:n], sell=flow.sell[:n])


def day_sums(flow: Flow, now_ms: int) -> tuple[float, float] | None:
    """Bought and sold over the 24 hours before the last closed period's end; None if they are not all there."""
    closed = closed_flow(flow, now_ms)
    if not closed.open_ms:
        return None
    end_ms = closed.open_ms[-1] + closed.interval_ms
    bought = indicators.sums_between(closed.open_ms, closed.buy, end_ms - DAY_MS, end_ms)
    sold = indicators.sums_between(closed.open_ms, closed.sell, end_ms - DAY_MS, end_ms)
    return None if bought is None or sold is None else (bought, sold)


def _cumulative(flow: Flow) -> list[float]:
    total = [bought + sold for bought, sold in zip(flow.buy, flow.sell, strict=True)]
    return indicators.cvd(total, flow.buy)


def _share(bought: float, sold: float) -> float | None:
    return bought / (bought + sold) if bought + sold else None


class LongShare(NamedTuple):
    """Who is long at one exchange: the share of "accounts", "top accounts" or "top positions", and 24 hours before."""

    exchange: str
    what: str
    now: float
    before: float | None
    time_ms: int


class RatioReport(NamedTuple):
    """All that exchanges tell of longs and shorts. failed: by exchange; without: those that tell nothing of it."""

    symbol: str
    shares: list[LongShare]
    failed: dict[str, MarketError]
    without: list[str]
    time_ms: int
    took_s: float


async def ratios(market: Market, symbol: str) -> RatioReport:
    """Of all exchanges that tell any. Raises NotListed and NoAnswer, within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange) -> tuple[list[LongShare], list[MarketError]]:
        return await ratios_at(market, exchange, symbol)

    answers, failed = await market.everywhere(ask, market.offering("perp"))
    shares: list[LongShare] = []
    without = []
    for name, (found, errors) in answers.items():
        shares += found
        if errors:
            failed[name] = errors[0]
        elif not found:
            without.append(name)
    if not shares:
        # Who tells of other markets does not list this one.
        tellers = {each.ID for each in market.exchanges if "perp" in each.MARKETS and each.ratios(symbol, RATIO_HOURS)}
        untold = [
            UnknownSymbol(each, "no ratios")
            if each in tellers
            else NotSupported(each, "none", "tells no longs and shorts")
            for each in without
            if each in tellers or not tellers
        ]
        raise await market.why_not(symbol, [*failed.values(), *untold] or market.without("perp"), began, "perp")
    return RatioReport(symbol, shares, failed, without, market.now_ms(), time.monotonic() - began)


async def ratios_at(market: Market, exchange: Exchange, symbol: str) -> tuple[list[LongShare], list[MarketError]]:
    """What one exchange tells, and what failed there other than that it has no such thing."""

    async def ask(listed: str, multiplier: int) -> list[dict[str, list[Ratio]] | BaseException]:
        endpoints = exchange.ratios(listed, RATIO_HOURS)
        answers = await asyncio.gather(*(market.get(each, HISTORY_S) for each in endpoints), return_exceptions=True)
        if endpoints and all(isinstance(each, UnknownSymbol) or each == {"accounts": []} for each in answers):
            raise UnknownSymbol(exchange.ID, f"no ratios of {listed}")
        return answers

    try:
        answers = await market.by_any_multiplier(exchange, "perp", symbol, ask)
    except MarketError as error:
        answers = [error]
    shares = []
    errors = []
    for answer in answers:
        if isinstance(answer, MarketError):
            if not is_not_there(answer):
                errors.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            shares += [_long_share(exchange.ID, what, rows) for what, rows in answer.items() if rows]
    return shares, errors


def _long_share(exchange: str, what: str, rows: Sequence[Ratio]) -> LongShare:
    last = rows[-1]
    before = next((row.long_share for row in rows if row.time_ms == last.time_ms - DAY_MS), None)
    return LongShare(exchange, what, last.long_share, before, last.time_ms)


# The whole report.


class SessionSums(NamedTuple):
    """The running session so far, or the last one when it has just begun.

    usual: the median volume of the same session on the seven days before, up to the same moment. coins, delta: of its
    closed quarters of an hour; delta is None where taker volume is not told. change_pct: of the price.
    """

    session: Session
    until_ms: int
    coins: float
    usual: float | None
    n_usual: int
    delta: float | None
    change_pct: float

    @property
    def gone(self) -> float:
        """The share of the session's time, 0 to 1."""
        return (self.until_ms - self.session.start_ms) / (self.session.end_ms - self.session.start_ms)


class DaySums(NamedTuple):
    """Since 00:00 UTC, against the mean of the seven whole days before."""

    coins: float
    dollars: float | None
    mean_coins: float | None
    mean_dollars: float | None
    gone: float


class Component(NamedTuple):
    """A part of the market-control score. points: None when its source is missing."""

    name: str
    points: int | None
    why: str


class AnalysisReport(NamedTuple):
    """Everything of one market. What is None is explained in missing, by its name there."""

    source: Source
    interval: str
    perp: Perp
    spike: Spike | None
    candle_coins: float
    candle_dollars: float | None
    candle_closed_ms: int
    delta: float | None  # of the last closed candle
    day_delta: float | None
    day_share: float | None
    flow_trend: int | None
    cvd: float | None  # over the last FLOW_CANDLES
    price_trend: int | None
    divergence: str | None
    session: SessionSums | None
    day: DaySums | None
    open_interest_before: dict[int, float]
    shares: list[LongShare]
    rsi: float | None
    vwap: float | None
    n_vwap: int
    atr: float | None
    volatility: float | None  # of 24 hours, percent
    bands: Bands | None
    ema_fast: float | None
    ema_slow: float | None
    score: list[Component]
    missing: dict[str, MarketError]

    @property
    def ticker(self) -> Ticker:
        assert self.perp.ticker is not None
        return self.perp.ticker


EMA_FAST, EMA_SLOW = 20, 50


async def analysis(market: Market, symbol: str, interval: str, markets: Sequence[str]) -> AnalysisReport:
    """One market at one exchange: its ticker and candles decide which. Raises NotListed and NoAnswer, in DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[Exchange, Perp, Candles, dict[str, MarketError]]:
        asked = market.perp_at(exchange, symbol) if kind == "perp" else market.spot_at(exchange, symbol)
        found, candles = await both(asked, _indicator_candles(market, exchange, symbol, kind, interval))
        if not candles.n_closed(market.now_ms()):
            raise Unavailable(exchange.ID, "no closed candle", "had no closed candle")
        return exchange, found.of, candles, found.missing if kind == "perp" else {}

    (exchange, perp, candles, missing), failed = await market.first(symbol, ask, markets)
    kind = candles.market
    missing = dict(missing)
    parts: dict[str, Awaitable[object]] = {
        "sessions": market.candles(exchange, symbol, kind, QUARTER, DAYS * QUARTERS_A_DAY)
    }
    if not exchange.TAKERS_IN_CANDLES:
        parts["flow"] = _flows(market, exchange, symbol, kind, interval)
    if kind == "perp":
        parts["history"] = open_interest_before(market, exchange, symbol)
        parts["ratios"] = ratios_at(market, exchange, symbol)
    left_s = min(PARTS_S, began + DEADLINE_S - 0.3 - time.monotonic())
    told, lost = await _parts(exchange, parts, left_s)
    quarters = cast("Candles | None", told.get("sessions"))
    flows = cast("tuple[Flow, Flow | None] | None", told.get("flow"))
    if exchange.TAKERS_IN_CANDLES:
        flows = flow_of(candles), flow_of(quarters) if quarters is not None else None
    shares, ratio_errors = cast("tuple[list[LongShare], list[MarketError]]", told.get("ratios", ([], [])))
    missing |= {_LOST[name]: error for name, error in lost.items()}
    if ratio_errors:
        missing["long/short"] = ratio_errors[0]
    if "sessions" in lost and exchange.TAKERS_IN_CANDLES:
        missing["CVD of 24h"] = lost["sessions"]
    before = cast("dict[int, float]", told.get("history", {}))
    return _report(
        market, (exchange, perp, candles), (quarters, flows, before, shares), missing, interval, failed, began
    )


_LOST = {"sessions": "session and day", "flow": "CVD", "history": "OI change", "ratios": "long/short"}


async def _indicator_candles(market: Market, exchange: Exchange, symbol: str, kind: str, interval: str) -> Candles:
    """Of the quarter of an hour the report needs eight days anyhow: one answer serves both."""
    n = DAYS * QUARTERS_A_DAY if interval == QUARTER else N_INDICATORS
    return await market.candles(exchange, symbol, kind, interval, n)


async def _flows(market: Market, exchange: Exchange, symbol: str, kind: str, interval: str) -> tuple[Flow, Flow]:
    """Of the interval, and of the quarters of the last 24 hours."""
    flow, day = await both(
        market.flow(exchange, symbol, kind, interval, FLOW_CANDLES),
        market.flow(exchange, symbol, kind, QUARTER, QUARTERS_A_DAY),
    )
    return flow, day


async def _parts(
    exchange: Exchange, parts: Mapping[str, Awaitable[object]], timeout_s: float
) -> tuple[dict[str, object], dict[str, MarketError]]:
    """What of the parts is there in time, and why the others are not."""
    tasks = {name: asyncio.ensure_future(part) for name, part in parts.items()}
    told: dict[str, object] = {}
    lost: dict[str, MarketError] = {}
    try:
        await asyncio.wait(tasks.values(), timeout=max(0.0, timeout_s))
        for name, task in tasks.items():
            try:
                if task.done():
                    told[name] = task.result()
                else:
                    lost[name] = Unavailable(exchange.ID, f"{name}: late", "did not answer in time")
            except MarketError as error:
                lost[name] = error
    finally:
        for task in tasks.values():
            task.cancel()
    return told, lost


def _report(
    market: Market,
    core: tuple[Exchange, Perp, Candles],
    parts: tuple[Candles | None, tuple[Flow, Flow | None] | None, dict[int, float], list[LongShare]],
    missing: dict[str, MarketError],
    interval: str,
    failed: tuple[MarketError, ...],
    began: float,
) -> AnalysisReport:
    """The figures that follow from the answers; pure but for the clock."""
    exchange, perp, candles = core
    quarters, flows, before, shares = parts
    now_ms = market.now_ms()
    n = candles.n_closed(now_ms)
    recent = candles.part(max(0, n - N_INDICATORS), n)
    spike = indicators.volume_spike(candles.volume[:n])
    is_long = len(recent) >= N_CONVERGED
    rsi = indicators.rsi(recent.close) if is_long else None
    flow = flows and closed_flow(flows[0], now_ms)
    delta = day_delta = day_share = flow_trend = cvd = None
    divergence = None
    if flow and flows and flow.open_ms:
        n_flow = max(0, len(flow.open_ms) - FLOW_CANDLES)
        cumulative = _cumulative(flow._replace(buy=flow.buy[n_flow:], sell=flow.sell[n_flow:]))
        delta, cvd = flow.buy[-1] - flow.sell[-1], cumulative[-1]
        flow_trend = indicators.trend(cumulative[-TREND_CANDLES:])
        divergence = indicators.divergence(recent.close, cumulative)
        if flows[1] is not None and (sums := day_sums(flows[1], now_ms)) is not None:
            day_delta, day_share = sums[0] - sums[1], _share(*sums)
    n_vwap = min(VWAP_CANDLES[interval], len(recent))
    last = recent.part(len(recent) - n_vwap, len(recent))
    quarter_flow = flows[1] if flows and exchange.TAKERS_IN_CANDLES else None
    assert perp.ticker is not None
    return AnalysisReport(
        source=_source(market, candles, failed, began),
        interval=interval,
        perp=perp,
        spike=spike,
        candle_coins=recent.volume[-1],
        candle_dollars=_dollars(candles, n - 1),
        candle_closed_ms=recent.open_ms[-1] + recent.interval_ms,
        delta=delta,
        day_delta=day_delta,
        day_share=day_share,
        flow_trend=flow_trend,
        cvd=cvd,
        price_trend=indicators.trend(recent.close[-TREND_CANDLES:]),
        divergence=divergence,
        session=None if quarters is None else session_sums(quarters, quarter_flow, now_ms),
        day=None if quarters is None else sums_of_day(quarters, now_ms),
        open_interest_before=before,
        shares=shares,
        rsi=rsi,
        vwap=indicators.vwap(last.high, last.low, last.close, last.volume),
        n_vwap=n_vwap,
        atr=indicators.atr(recent.high, recent.low, recent.close) if is_long else None,
        volatility=None if quarters is None else day_volatility(quarters, now_ms),
        bands=indicators.bollinger(recent.close),
        ema_fast=indicators.ema(recent.close, EMA_FAST),
        ema_slow=indicators.ema(recent.close, EMA_SLOW),
        score=score(perp.ticker.change_pct, spike, flow_trend, day_delta, divergence, rsi),
        missing=missing,
    )


def session_sums(quarters: Candles, flow: Flow | None, now_ms: int) -> SessionSums | None:
    """The session of the last closed quarter; None when there is none."""
    n = quarters.n_closed(now_ms)
    if not n:
        return None
    until_ms = quarters.open_ms[n - 1] + quarters.interval_ms
    session = indicators.session_at(quarters.open_ms[n - 1])
    times, volumes = quarters.open_ms[:n], quarters.volume[:n]
    coins = indicators.sums_between(times, volumes, session.start_ms, until_ms)
    if coins is None:
        return None
    gone_ms = until_ms - session.start_ms
    usual = []
    for days in range(1, DAYS):
        # The same session of another day: its own clock may have been put forward or back since.
        then = indicators.session_at(session.start_ms - days * DAY_MS + HOUR_MS)
        total = indicators.sums_between(times, volumes, then.start_ms, min(then.start_ms + gone_ms, then.end_ms))
        if then.name == session.name and total is not None:
            usual.append(total)
    first = next(i for i, at in enumerate(times) if at >= session.start_ms)
    delta = None
    if flow is not None:
        sums = [
            indicators.sums_between(flow.open_ms, side, session.start_ms, until_ms) for side in (flow.buy, flow.sell)
        ]
        delta = None if sums[0] is None or sums[1] is None else sums[0] - sums[1]
    change_pct = (quarters.close[n - 1] / quarters.open[first] - 1) * 100
    return SessionSums(session, until_ms, coins, indicators.median(usual), len(usual), delta, change_pct)


def sums_of_day(quarters: Candles, now_ms: int) -> DaySums | None:
    """Since 00:00 UTC of the last closed quarter's day."""
    n = quarters.n_closed(now_ms)
    if not n:
        return None
    times, until_ms = quarters.open_ms[:n], quarters.open_ms[n - 1] + quarters.interval_ms
    midnight = quarters.open_ms[n - 1] // DAY_MS * DAY_MS
    dollars = None if quarters.quote_volume is None else quarters.quote_volume[:n]

    def total(values: Sequence[float], start_ms: int, end_ms: int) -> float | None:
        return indicators.sums_between(times, values, start_ms, end_ms)

    def mean(values: Sequence[float]) -> float | None:
        days = [total(values, midnight - day * DAY_MS, midnight - (day - 1) * DAY_MS) for day in range(1, DAYS)]
        known = [each for each in days if each is not None]
        return sum(known) / len(known) if len(known) == DAYS - 1 else None

    coins = total(quarters.volume[:n], midnight, until_ms)
    if coins is None:
        return None
    worth = None if dollars is None else total(dollars, midnight, until_ms)
    mean_worth = None if dollars is None else mean(dollars)
    return DaySums(coins, worth, mean(quarters.volume[:n]), mean_worth, (until_ms - midnight) / DAY_MS)


def day_volatility(quarters: Candles, now_ms: int) -> float | None:
    """Realised volatility of the last 24 hours, from quarters of an hour; None when they are not all there."""
    n = quarters.n_closed(now_ms)
    closes = quarters.close[max(0, n - QUARTERS_A_DAY - 1) : n]
    return indicators.volatility(closes) if len(closes) == QUARTERS_A_DAY + 1 else None


def score(
    change_pct: float | None,
    spike: Spike | None,
    flow_trend: int | None,
    day_delta: float | None,
    divergence: str | None,
    rsi: float | None,
) -> list[Component]:
    """Who is in control of the market, as points that add up to -7 … +9, above zero for the bulls.

    price   24 h change above 5 %: 3, above 2: 2, above 0: 1; mirrored below zero
    volume  EXTREME 2, HIGH and MODERATE 1
    CVD     its trend with the 24 h delta of the same sign 2, else 1; mirrored
    split   CVD against price: 1 bullish, -1 bearish
    RSI     above 70 -1, below 30 +1, else above 50 +1, below 50 -1
    """
    return [
        Component("price", None if change_pct is None else _steps(change_pct), "24h change"),
        Component("volume", None if spike is None else _volume_points(spike), spike.level if spike else "no baseline"),
        Component("CVD", _flow_points(flow_trend, day_delta), "trend and 24h delta"),
        Component("split", _split_points(flow_trend, divergence), divergence or "none"),
        Component("RSI", None if rsi is None else _rsi_points(rsi), "14"),
    ]


def _steps(change_pct: float) -> int:
    size = sum(abs(change_pct) > step for step in (0, 2, 5))
    return size if change_pct > 0 else -size


def _volume_points(spike: Spike) -> int:
    return 2 if spike.level == "EXTREME" else 1 if spike.is_significant else 0


def _flow_points(trend: int | None, day_delta: float | None) -> int | None:
    if trend is None or day_delta is None:
        return None
    return trend * (2 if trend * day_delta > 0 else 1)


def _split_points(trend: int | None, divergence: str | None) -> int | None:
    return None if trend is None or divergence is None else {"bullish": 1, "bearish": -1}.get(divergence, 0)


def _rsi_points(rsi: float) -> int:
    if rsi > 70 or rsi < 50:
        return 1 if rsi < 30 else -1
    return 1 if rsi > 50 else 0


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
    of = next((each for each in market.exchanges if exchange == each.ID), None)
    if of is None:
        return Quarter()
    candles, now, before = await asyncio.gather(
        _or_none(lambda: market.candles(of, symbol, kind, QUARTER, N_INDICATORS)),
        _or_none(lambda: market.perp_at(of, symbol)) if kind == "perp" else _nothing(),
        _or_none(lambda: open_interest_before(market, of, symbol)) if kind == "perp" else _nothing(),
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


async def _nothing() -> None:
    """In the place of a question that is not asked."""


# The profile.


class ProfileReport(NamedTuple):
    """Where a window's volume and time were spent. tick: the smallest step that prices were seen to make."""

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


async def profile(market: Market, symbol: str, window: str, markets: Sequence[str]) -> ProfileReport:
    """window: one of PROFILE_WINDOWS. Raises NotListed and NoAnswer, within DEADLINE_S."""
    began = time.monotonic()
    interval, hours = PROFILE_WINDOWS[window]
    step = INTERVALS[interval]
    now_ms = market.now_ms()
    begin_ms = now_ms - hours * HOUR_MS if hours else now_ms // DAY_MS * DAY_MS
    n = max(1, math.ceil((now_ms - begin_ms) / step))

    async def ask(exchange: Exchange, kind: str) -> tuple[Candles, Candles | None]:
        candles, now = await both(
            # Always of a whole day, so that "today" and "24h" are one answer.
            market.candles(exchange, symbol, kind, interval, max(n, DAY_MS // step)),
            _or_none(lambda: market.running_candle(exchange, symbol, kind, "1m")),
        )
        if not len(candles):
            raise Unavailable(exchange.ID, "no candle", "had no candle")
        return candles, now

    (candles, now), failed = await market.first(symbol, ask, markets)
    first = next((i for i, at in enumerate(candles.open_ms) if at >= begin_ms), len(candles) - 1)
    inside = candles.part(first, len(candles))
    return ProfileReport(
        _source(market, candles, failed, began),
        window,
        interval,
        len(inside),
        inside.open_ms[0],
        indicators.volume_profile(inside.low, inside.high, inside.volume),
        indicators.tpo_profile(inside.low, inside.high),
        indicators.vwap(inside.high, inside.low, inside.close, inside.volume),
        now.close[-1] if now is not None and len(now) else None,
        indicators.tick_of((*inside.high, *inside.low, *inside.close)),
    )


def _source(market: Market, candles: Candles, failed: tuple[MarketError, ...], began: float) -> Source:
    of = (candles.exchange, coin_symbol(candles.symbol)[0], candles.market)
    return Source(*of, failed, market.now_ms(), time.monotonic() - began)


def _dollars(candles: Candles, at: int) -> float | None:
    """A candle's turnover in quote; None where it is not told."""
    return candles.quote_volume[at] if candles.quote_volume is not None else None


async def _or_none(question: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await question()
    except MarketError:
        return None
