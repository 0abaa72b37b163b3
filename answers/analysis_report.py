"""What /analysis tells of one market at one exchange, and how it is put together.

Every figure is an exchange's or follows from its candles (indicators.py); what an exchange does not tell is missing,
with the reason, and nothing stands in for it. Baselines and indicators use closed candles only.

Memory: the candles of a report, some 60 KB, in the market's cache until the next candle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import indicators
from answers.asked import OfMarket, source_of
from answers.control import Component, score
from answers.cvd import (
    FLOW_CANDLES,
    TREND_CANDLES,
    closed_flow,
    cumulated,
    day_sums,
    flows_of,
    share_bought,
    until_one_end,
)
from answers.interest import leading_to, open_interest_before
from answers.ls import LongShare, ratios_at
from asking.races import Part, Question, both, settled
from exchanges.errors import BadResponse, MarketError, PartName, Reason, Unavailable
from exchanges.gaps import MAX_QUIET_MS
from exchanges.joined import flow_of, refuse_two_markets
from exchanges.table import Exchange
from exchanges.words import Candles, Flow, Snapshot, Source, Ticker, dollars_at
from indicators import N_INDICATORS, Bands, Spike
from market import Market
from sessions import DAYS, QUARTER, QUARTERS_A_DAY, DaySums, SessionSums, day_volatility, session_sums, sums_of_day

N_CONVERGED = 100  # with fewer, Wilder's seed still weighs: (13/14)^86 = 0.2 %
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
EMA_FAST, EMA_SLOW = 20, 50
PARTS_S = 3.0  # what may be missing is waited for no longer, once the candles are there


class AnalysisReport(NamedTuple):
    """Everything of one market. What is None is explained in missing, by its name there."""

    source: Source
    interval: str
    perp: Snapshot
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
    open_interest_before: Mapping[int, float]
    shares: list[LongShare]
    rsi: float | None
    vwap: float | None
    n_vwap: int
    n_candles: int  # closed ones, of N_INDICATORS at most
    atr: float | None
    volatility: float | None  # of 24 hours, percent
    bands: Bands | None
    ema_fast: float | None
    ema_slow: float | None
    score: list[Component]
    missing: dict[PartName, MarketError]

    @property
    def ticker(self) -> Ticker:
        assert self.perp.ticker is not None
        return self.perp.ticker


class Core(NamedTuple):
    """What a report cannot do without. missing: parts of a perpetual that failed."""

    exchange: Exchange
    perp: Snapshot
    candles: Candles
    missing: dict[PartName, MarketError]


async def report_of(market: Market, asked: OfMarket) -> AnalysisReport:
    """One market at one exchange: its ticker and candles decide which. Raises NotListed and NoAnswer, in DEADLINE_S."""
    began = market.clock.monotonic()

    def question(kind: str) -> Question[Core]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_core_at(market, each, kind, asked) for each in exchanges))

    questions = {kind: question(kind) for kind in asked.kinds}
    core, failed = await market.first_answer(asked.symbol, questions)
    parts = Parts(market, core, asked)
    await settled(parts.begun, min(PARTS_S, began + market.deadline_s - 0.3 - market.clock.monotonic()))
    return _report(market, core, parts, asked.choice, failed, began)


async def _core_at(market: Market, exchange: Exchange, kind: str, asked: OfMarket) -> Core:
    """Ticker and candles, of which one is closed at least. Raises MarketError."""
    symbol = asked.symbol
    snapshot = market.perp_at(exchange, symbol) if kind == "perp" else market.spot_at(exchange, symbol)
    found, candles = await both(snapshot, _indicator_candles(market, exchange, symbol, kind, asked.choice))
    if not candles.n_closed(market.now_ms()):
        raise Unavailable(exchange.id, "no closed candle", Reason.NO_CLOSED_CANDLE)
    refuse_two_markets(candles, found.snapshot.ticker)
    return Core(exchange, found.snapshot, candles, found.missing if kind == "perp" else {})


class Parts:
    """What a report can do without, each asked for at the core's exchange; None where it is not asked for."""

    def __init__(self, market: Market, core: Core, asked: OfMarket) -> None:
        exchange, symbol, kind = core.exchange, asked.symbol, core.candles.kind
        self._core = core
        self.sessions = Part(exchange, market.candles(exchange, symbol, kind, QUARTER, DAYS * QUARTERS_A_DAY))
        self.flow: Part[tuple[Flow, Flow]] | None = None
        self.history: Part[dict[int, float]] | None = None
        self.ratios: Part[tuple[list[LongShare], list[MarketError]]] | None = None
        if not exchange.has_takers_in_candles:
            self.flow = Part(exchange, flows_of(market, exchange, symbol, kind, asked.choice))
        if kind == "perp":
            self.history = Part(exchange, open_interest_before(market, exchange, symbol))
            self.ratios = Part(exchange, _ratios_of_today(market, exchange, symbol))

    @property
    def begun(self) -> list[Part[Any]]:
        return [part for part in (self.sessions, self.flow, self.history, self.ratios) if part is not None]

    @property
    def flows(self) -> tuple[Flow, Flow | None] | None:
        """Of the interval, and of the quarters of the last 24 hours; None where taker volume is not told."""
        if self._core.exchange.has_takers_in_candles:
            quarters = self.sessions.found
            of_day = _flow_of(quarters, QUARTERS_A_DAY) if quarters is not None and len(quarters) else None
            return _flow_of(self._core.candles, FLOW_CANDLES), of_day
        return self.flow.found if self.flow is not None else None

    @property
    def shares(self) -> list[LongShare]:
        return self.ratios.found[0] if self.ratios is not None and self.ratios.found is not None else []

    @property
    def missing(self) -> dict[PartName, MarketError]:
        """Why a part is not there, by what the report calls it."""
        named = {
            PartName.SESSION_AND_DAY: self.sessions,
            PartName.CVD: self.flow,
            PartName.OPEN_INTEREST_CHANGE: self.history,
            PartName.LONG_SHORT: self.ratios,
        }
        missing = {name: part.error for name, part in named.items() if part is not None and part.error is not None}
        if self.ratios is not None and self.ratios.found is not None and self.ratios.found[1]:
            missing[PartName.LONG_SHORT] = self.ratios.found[1][0]
        if self.sessions.error is not None and self._core.exchange.has_takers_in_candles:
            missing[PartName.DAY_CVD] = self.sessions.error
        return self._core.missing | missing


def _flow_of(candles: Candles, n: int) -> Flow:
    """Of the last n closed ones, and of what runs or has just ended."""
    return flow_of(candles.part(max(0, len(candles) - n - 2), len(candles)))


async def _ratios_of_today(
    market: Market, exchange: Exchange, symbol: str
) -> tuple[list[LongShare], list[MarketError]]:
    """As ratios_at, without what is older than a day: a report has one time, and such shares are not of it."""
    shares, errors = await ratios_at(market, exchange, symbol)
    recent = [each for each in shares if market.now_ms() - each.time_ms <= MAX_QUIET_MS]
    old = [BadResponse(exchange.id, "shares of longs that are a day old")] if len(recent) < len(shares) else []
    return recent, [*errors, *old]


async def _indicator_candles(market: Market, exchange: Exchange, symbol: str, kind: str, interval: str) -> Candles:
    """Of the quarter of an hour the report needs eight days anyhow: one answer serves both."""
    n = DAYS * QUARTERS_A_DAY if interval == QUARTER else N_INDICATORS
    return await market.candles(exchange, symbol, kind, interval, n)


def _report(
    market: Market, core: Core, parts: Parts, interval: str, failed: tuple[MarketError, ...], began: float
) -> AnalysisReport:
    """The figures that follow from the answers; pure but for the clock."""
    exchange, perp, candles, _ = core
    quarters, flows = parts.sessions.found, parts.flows
    now_ms = market.now_ms()
    n = candles.n_closed(now_ms)
    recent = candles.part(max(0, n - N_INDICATORS), n)
    spike = indicators.volume_spike(candles.volume[:n])
    is_long = len(recent) >= N_CONVERGED
    rsi = indicators.rsi(recent.close) if is_long else None
    flow = flows and closed_flow(flows[0], now_ms)
    delta = day_delta = day_share = flow_trend = cvd = None
    divergence, price_trend = None, indicators.trend(recent.close[-TREND_CANDLES:])
    if flow and flows and flow.open_ms:
        n_flow = max(0, len(flow.open_ms) - FLOW_CANDLES)
        cumulative = cumulated(flow._replace(buy=flow.buy[n_flow:], sell=flow.sell[n_flow:]))
        delta, cvd = flow.buy[-1] - flow.sell[-1], cumulative[-1]
        closes, sums_beside = until_one_end(recent, len(recent), flow, cumulative)
        flow_trend = indicators.trend(sums_beside[-TREND_CANDLES:])
        price_trend = indicators.trend(closes[-TREND_CANDLES:])
        divergence = indicators.divergence(closes, sums_beside)
        if flows[1] is not None and (sums := day_sums(flows[1], now_ms)) is not None:
            day_delta, day_share = sums[0] - sums[1], share_bought(*sums)
    n_vwap = min(VWAP_CANDLES[interval], len(recent))
    last = recent.part(len(recent) - n_vwap, len(recent))
    quarter_flow = flows[1] if flows and exchange.has_takers_in_candles else None
    assert perp.ticker is not None
    source = source_of(market, candles, failed, began)
    return AnalysisReport(
        source=source._replace(time_ms=min(source.time_ms, perp.ticker.time_ms)),
        interval=interval,
        perp=perp,
        spike=spike,
        candle_coins=recent.volume[-1],
        candle_dollars=dollars_at(candles, n - 1),
        candle_closed_ms=recent.open_ms[-1] + recent.interval_ms,
        delta=delta,
        day_delta=day_delta,
        day_share=day_share,
        flow_trend=flow_trend,
        cvd=cvd,
        price_trend=price_trend,
        divergence=divergence,
        session=None if quarters is None else session_sums(quarters, quarter_flow, now_ms),
        day=None if quarters is None else sums_of_day(quarters, now_ms),
        open_interest_before=leading_to(perp.open_interest, parts.history.found if parts.history is not None else None),
        shares=parts.shares,
        rsi=rsi,
        vwap=indicators.vwap(last.high, last.low, last.close, last.volume),
        n_vwap=n_vwap,
        n_candles=len(recent),
        atr=indicators.atr(recent.high, recent.low, recent.close) if is_long else None,
        volatility=None if quarters is None else day_volatility(quarters, now_ms),
        bands=indicators.bollinger(recent.close),
        ema_fast=indicators.ema(recent.close, EMA_FAST),
        ema_slow=indicators.ema(recent.close, EMA_SLOW),
        score=score(perp.ticker.change_pct, spike, flow_trend, day_delta, divergence, rsi),
        missing=parts.missing,
    )
