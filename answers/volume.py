"""/volume: the last closed candle against what is normal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import indicators
from answers.asked import OfMarket, Tools, of_market, source_of
from asking.races import Question
from exchanges.errors import Reason, Unavailable
from exchanges.symbols import split
from exchanges.table import Exchange
from exchanges.words import Candles, Source, dollars_at
from indicators import BASELINE, MIN_BASELINE, Spike
from market import Market
from render.fields import iso, slashed
from render.figures import BLOCKS, format_amounts, format_coins, format_percent, format_price
from render.keyboards import INTERVAL_BUTTONS, again, choices_of, keyboard, neighbours
from render.message import Answer, clock, labelled, short, source_foot, title
from render.sentences import of_source

BARS = 12  # volumes shown
ABOUT = "volume of"


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "volume", "15m")


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
    n_before: int = 0  # closed candles before the last one


async def ask(tools: Tools, asked: OfMarket) -> VolumeReport:
    """Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()

    def question(kind: str) -> Question[tuple[Candles, Candles | None]]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_candles_at(market, each, kind, asked) for each in exchanges))

    questions = {kind: question(kind) for kind in asked.kinds}
    (candles, running), failed = await market.first_answer(asked.symbol, questions)
    now_ms = market.now_ms()
    at = candles.n_closed(now_ms) - 1
    return VolumeReport(
        source_of(market, candles, failed, began),
        asked.choice,
        indicators.volume_spike(candles.volume[: at + 1]),
        candles.volume[at],
        dollars_at(candles, at),
        candles.close[at],
        candles.open_ms[at] + candles.interval_ms,
        so_far(running, now_ms),
        list(candles.volume[max(0, at + 1 - BARS) : at + 1]),
        at,
    )


async def _candles_at(market: Market, exchange: Exchange, kind: str, asked: OfMarket) -> tuple[Candles, Candles | None]:
    """Closed candles, of which there is one at least; and the running one. Raises MarketError."""
    whole, running = await market.candles_and_now(exchange, asked.symbol, kind, asked.choice, BASELINE + 1)
    if not whole.n_closed(market.now_ms()):
        raise Unavailable(exchange.id, "no closed candle", Reason.NO_CLOSED_CANDLE)
    return whole, running


def so_far(candles: Candles | None, now_ms: int) -> tuple[float, float] | None:
    """The volume of the running candle and the share of its time that is gone, 0 to 1."""
    if candles is None or not len(candles) or candles.n_closed(now_ms) == len(candles):
        return None
    gone = (now_ms - candles.open_ms[-1]) / candles.interval_ms
    return (candles.volume[-1], gone) if 0 < gone < 1 else None


def show(report: VolumeReport, now_s: float) -> Answer:
    """The last closed candle, the running one, and how the last ones compare."""
    source, spike = report.source, report.spike
    base = split(source.symbol)[0]
    if spike is None:
        is_young = report.n_before < MIN_BASELINE
        why = "too few candles to say what is normal" if is_young else "most candles before had no trades"
        verdict = f"Baseline n/a: {why}."
    else:
        mark = "🔥 " if spike.is_significant else ""
        verdict = f"{mark}<b>{spike.level}</b> {format_percent(spike.spike_pct, 0)} against normal"
    rows: list[tuple[str, list[str]]] = [
        ("closed", format_amounts(report.coins, report.dollars, source).split("  ")),
        ("normal", [format_coins(spike and spike.baseline, base)]),
        ("so far", _pace(report, base)),
        (f"last {len(report.bars)}", [format_bars(report.bars)]),
    ]
    closed = f"Candle closed {clock(report.closed_ms)} at {format_price(report.close)}."
    of = short(source.symbol)
    spot = " spot" if source.kind == "spot" else ""
    line = f"{of} {report.interval}{spot}"
    return Answer(
        title(source, f"{report.interval} volume"),
        (verdict, labelled(rows, 8), closed),
        (*_untold(report), *of_source(source)),
        source_foot(source, now_s),
        keyboard(
            again(f"volume {line}", f"chart {line}", f"alert {of}{spot}"),
            choices_of("volume", source.symbol, source.kind, INTERVAL_BUTTONS, report.interval),
            neighbours("volume", source.symbol, source.kind, report.interval),
        ),
    )


def _pace(report: VolumeReport, base: str) -> list[str]:
    """What the running candle has, and how that compares with a normal one at the same time."""
    if report.so_far is None:
        return ["n/a"]
    amount, gone = report.so_far
    texts = [format_coins(amount, base), f"in {gone * 100:.0f}% of its time"]
    if report.spike is not None and report.spike.baseline and gone:
        texts.append(f"pace {amount / gone / report.spike.baseline:.1f}x")
    return texts


def _untold(report: VolumeReport) -> list[str]:
    if report.so_far is not None:
        return []
    return ["So far n/a: the running candle is not told just now."]


def format_bars(values: Sequence[float]) -> str:
    """▂ ▃ ▅ █ ▃: each against the highest, apart from one another."""
    highest = max(values, default=0.0)
    if not highest:
        return " ".join(BLOCKS[0] * len(values))
    return " ".join(BLOCKS[min(7, int(each / highest * 8))] for each in values)


class Fields(TypedDict):
    """The JSON answer. Volumes in coins."""

    symbol: str
    timeframe: str
    current_volume: float
    average_volume: float | None
    spike_percentage: float | None
    spike_level: str | None
    volume_usd: float | None
    is_significant: bool | None
    timestamp: str
    exchange: str
    market_type: str


def fields(report: VolumeReport) -> Fields:
    spike = report.spike
    return {
        "symbol": slashed(report.source.symbol, report.source.kind),
        "timeframe": report.interval,
        "current_volume": report.coins,
        "average_volume": spike and spike.baseline,
        "spike_percentage": spike and spike.spike_pct,
        "spike_level": spike and spike.level,
        "volume_usd": report.dollars,
        "is_significant": spike and spike.is_significant,
        "timestamp": iso(report.closed_ms),
        "exchange": report.source.exchange,
        "market_type": report.source.kind,
    }
