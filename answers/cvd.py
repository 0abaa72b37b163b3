"""/cvd: what takers bought less what they sold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import indicators
from accounts import Accounts
from answers.asked import Room, of_candles, symbol_and_interval
from asking.races import both
from exchanges.errors import Unavailable
from exchanges.symbols import split
from exchanges.table import Exchange
from exchanges.words import Candles, Flow, Source
from indicators import DAY_MS
from market import Market, source_of
from render.fields import TRENDS, Json, iso, slashed
from render.figures import circle, escape, format_price, share_pct, signed
from render.message import (
    INTERVAL_BUTTONS,
    Answer,
    choice_buttons,
    clock,
    keyboard,
    neighbours,
    pairs,
    source_foot,
    title,
)
from render.sentences import exchange_name, failed_before
from sessions import QUARTER, QUARTERS_A_DAY

FLOW_CANDLES = 40  # of the interval, for trend and divergence
TREND_CANDLES = 20  # as many as a divergence is sought over, so that the two cannot contradict each other
ARROWS = {1: "rising", -1: "falling", 0: "flat", None: "n/a"}
_CVD = {
    "symbol": "string",
    "timeframe": "string",
    "current_cvd": "number?",
    "cvd_change_24h": "number?",
    "cvd_trend": "string?",
    "divergence_detected": "boolean?",
    "price_trend": "string?",
    "timestamp": "string",
}


async def command(room: Room, words: list[str]) -> Answer:
    """What takers bought less what they sold."""
    return await of_candles(room, words, "cvd", "1h", ask, show, "taker volume of")


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


async def ask(market: Market, symbol: str, interval: str, markets: Sequence[str]) -> FlowReport:
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
    cumulative = cumulated(closed)
    sums = day_sums(day, now_ms)
    return FlowReport(
        source_of(market, candles, failed, began),
        interval,
        closed.buy[-1] - closed.sell[-1],
        share_bought(closed.buy[-1], closed.sell[-1]),
        closed.open_ms[-1] + closed.interval_ms,
        None if sums is None else sums[0] - sums[1],
        None if sums is None else share_bought(*sums),
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


def cumulated(flow: Flow) -> list[float]:
    total = [bought + sold for bought, sold in zip(flow.buy, flow.sell, strict=True)]
    return indicators.cvd(total, flow.buy)


def share_bought(bought: float, sold: float) -> float | None:
    return bought / (bought + sold) if bought + sold else None


async def flows_of(market: Market, exchange: Exchange, symbol: str, kind: str, interval: str) -> tuple[Flow, Flow]:
    """Of the interval, and of the quarters of the last 24 hours."""
    flow, day = await both(
        market.flow(exchange, symbol, kind, interval, FLOW_CANDLES),
        market.flow(exchange, symbol, kind, QUARTER, QUARTERS_A_DAY),
    )
    return flow, day


def show(report: FlowReport, now_s: float) -> Answer:
    """What takers bought less what they sold."""
    source = report.source
    base = split(source.symbol)[0]
    lines = [title(source, f"{report.interval} CVD")]
    rows = [
        ("last", f"{circle(report.last_delta)} {signed(report.last_delta)} {base[:10]}"),
        ("", f"{share_pct(report.last_share)} bought"),
        ("24h", f"{circle(report.day_delta)} {signed(report.day_delta)} {base[:10]}"),
        ("", f"{share_pct(report.day_share)} bought"),
        ("CVD", ARROWS[report.trend]),
        ("price", f"{ARROWS[report.price_trend]}, {format_price(report.close)}"),
        ("diverges", "n/a" if report.divergence is None else report.divergence or "no"),
    ]
    lines.append(pairs(rows))
    if report.divergence:
        lines.append(
            "Price falls while takers buy." if report.divergence == "bullish" else "Price rises while takers sell."
        )
    lines.append(f"Takers' own volume, not candle colours. Candle closed {clock(report.closed_ms)}.")
    if report.day_delta is None:
        lines.append("24h n/a: the market's candles do not reach back so far.")
    if source.failed:
        whose = escape(f"This is {exchange_name(source.exchange)}'s.")
        lines.append(" ".join([*failed_before(source.failed, source.kind), whose]))
    lines.append(source_foot(source, now_s))
    return Answer(
        "\n".join(lines),
        keyboard(
            choice_buttons("cvd", source, INTERVAL_BUTTONS, report.interval),
            neighbours(source.symbol, "price", "volume", "analysis", "ls", kind=source.kind),
        ),
    )


async def route(market: Market, accounts: Accounts, asked: Json) -> Json:
    """What takers bought less what they sold."""
    report = await ask(market, *symbol_and_interval(asked), ("perp", "spot"))
    return fields(report)


def fields(report: FlowReport) -> Json:
    return {
        "symbol": slashed(report.source.symbol, report.source.kind),
        "timeframe": report.interval,
        "current_cvd": report.cvd,
        "cvd_change_24h": report.day_delta,
        "cvd_trend": TRENDS[report.trend],
        "divergence_detected": None if report.divergence is None else bool(report.divergence),
        "price_trend": TRENDS[report.price_trend],
        "timestamp": iso(report.closed_ms),
    }
