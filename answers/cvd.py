"""/cvd: what takers bought less what they sold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import indicators
from answers.asked import OfMarket, Tools, of_market, source_of
from asking.races import Question, both
from exchanges.errors import Reason, Unavailable
from exchanges.symbols import split
from exchanges.table import Exchange
from exchanges.words import Candles, Flow, Source
from indicators import DAY_MS
from market import Market
from render.fields import TRENDS, iso, slashed
from render.figures import circle, escape, format_delta, format_price, format_share, shortened
from render.keyboards import INTERVAL_BUTTONS, again, choices_of, keyboard, neighbours
from render.message import Answer, clock, labelled, short, source_foot, title
from render.sentences import exchange_name, failed_before, which_coin
from sessions import QUARTER, QUARTERS_A_DAY

FLOW_CANDLES = 40  # of the interval, for trend and divergence
TREND_CANDLES = 20  # as many as a divergence is sought over, so that the two cannot contradict each other
ARROWS = {1: "rising", -1: "falling", 0: "flat", None: "n/a"}
ABOUT = "taker volume of"


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "cvd", "1h")


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


async def ask(tools: Tools, asked: OfMarket) -> FlowReport:
    """Of the first exchange that tells taker volume. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()

    def question(kind: str) -> Question[tuple[Flow, Flow, Candles]]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_flow_at(market, each, kind, asked) for each in exchanges))

    questions = {kind: question(kind) for kind in asked.kinds}
    (flow, day, candles), failed = await market.first_answer(asked.symbol, questions)
    now_ms = market.now_ms()
    n = candles.n_closed(now_ms)
    closed = closed_flow(flow, now_ms)
    if not closed.open_ms or not n:
        raise await market.why_not(
            asked.symbol, [Unavailable(flow.exchange, "no closed candle", Reason.NO_CLOSED_CANDLE)], began
        )
    close, cumulative = candles.close[:n], cumulated(closed)
    closes, sums_beside = until_one_end(candles, n, closed, cumulative)
    sums = day_sums(day, now_ms)
    return FlowReport(
        source_of(market, candles, failed, began),
        asked.choice,
        closed.buy[-1] - closed.sell[-1],
        share_bought(closed.buy[-1], closed.sell[-1]),
        closed.open_ms[-1] + closed.interval_ms,
        None if sums is None else sums[0] - sums[1],
        None if sums is None else share_bought(*sums),
        indicators.trend(sums_beside[-TREND_CANDLES:]),
        indicators.trend(closes[-TREND_CANDLES:]),
        indicators.divergence(closes, sums_beside),
        cumulative[-1],
        close[-1],
    )


def until_one_end(
    candles: Candles, n_closed: int, flow: Flow, cumulative: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Closes, and the sums of a flow's closed periods, up to the last period that both tell, as an exchange may be
    behind with one of them: what takers did an hour ago says nothing beside the price of now."""
    end_ms = min(candles.open_ms[n_closed - 1], flow.open_ms[-1])
    n_sums = bisect_right(flow.open_ms, end_ms) - len(flow.open_ms) + len(cumulative)
    return candles.close[: bisect_right(candles.open_ms, end_ms, 0, n_closed)], cumulative[: max(0, n_sums)]


async def _flow_at(market: Market, exchange: Exchange, kind: str, asked: OfMarket) -> tuple[Flow, Flow, Candles]:
    """Of the interval, of the quarters of the last 24 hours, and the candles. Raises MarketError."""
    flow, day = await flows_of(market, exchange, asked.symbol, kind, asked.choice)
    return flow, day, await market.candles(exchange, asked.symbol, kind, asked.choice, FLOW_CANDLES)


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
    """What takers bought less what they sold: of the last candle, of 24 hours, and the path."""
    source = report.source
    base = shortened(split(source.symbol)[0], 10)
    rows = [
        ("last", [format_delta(report.last_delta, base), f"{format_share(report.last_share)} bought"]),
        ("24h", [format_delta(report.day_delta, base), f"{format_share(report.day_share)} bought"]),
        ("CVD", [f"{ARROWS[report.trend]} over {TREND_CANDLES} candles"]),
        ("price", [f"{ARROWS[report.price_trend]}, {format_price(report.close)}"]),
        (
            "apart",
            ["n/a" if report.divergence is None else f"{report.divergence} divergence" if report.divergence else "no"],
        ),
    ]
    blocks: list[str] = [labelled(rows)]
    if report.divergence:
        blocks.append(
            "Price falls while takers buy." if report.divergence == "bullish" else "Price rises while takers sell."
        )
    blocks.append(f"Takers' own volume, not candle colours. Candle closed {clock(report.closed_ms)}.")
    notes = ["24h n/a: the market's candles do not reach back so far."] if report.day_delta is None else []
    if source.failed:
        whose = escape(f"This is {exchange_name(source.exchange)}'s.")
        notes.append(" ".join([*failed_before(source.failed, source.kind), whose]))
    notes += which_coin(source.symbol, source.exchange, source.other)
    spot = " spot" if source.kind == "spot" else ""
    line = f"{short(source.symbol)} {report.interval}{spot}"
    return Answer(
        f"{title(source, f'{report.interval} CVD')}  {circle(report.last_delta, least=0)}",
        tuple(blocks),
        tuple(notes),
        source_foot(source, now_s),
        keyboard(
            again(f"cvd {line}", f"chart cvd {line}", f"alert {short(source.symbol)}{spot}"),
            choices_of("cvd", source.symbol, source.kind, INTERVAL_BUTTONS, report.interval),
            neighbours("cvd", source.symbol, source.kind, report.interval),
        ),
    )


class Fields(TypedDict):
    """The JSON answer. CVD over the last FLOW_CANDLES, in coins."""

    symbol: str
    timeframe: str
    current_cvd: float | None
    cvd_change_24h: float | None
    cvd_trend: str | None
    divergence_detected: bool | None
    price_trend: str | None
    timestamp: str
    exchange: str
    market_type: str


def fields(report: FlowReport) -> Fields:
    return {
        "symbol": slashed(report.source.symbol, report.source.kind),
        "timeframe": report.interval,
        "current_cvd": report.cvd,
        "cvd_change_24h": report.day_delta,
        "cvd_trend": TRENDS[report.trend],
        "divergence_detected": None if report.divergence is None else bool(report.divergence),
        "price_trend": TRENDS[report.price_trend],
        "timestamp": iso(report.closed_ms),
        "exchange": report.source.exchange,
        "market_type": report.source.kind,
    }
