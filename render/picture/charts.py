"""What the bot has pictures of, as figures. Pure: market data in, a `Figure` out.

What a picture leaves out since nobody told it, is not known here; who asked the market says so in the caption.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import indicators
from exchanges.symbols import split
from exchanges.words import Candles as MarketCandles
from exchanges.words import Flow
from render.figures import format_amount, format_at_tick, format_percent, format_price, unsigned_zero
from render.picture.figure import (
    LINE_COLOURS,
    NAN,
    Bars,
    Candles,
    Colour,
    Figure,
    Level,
    Pane,
    Path,
    Side,
)
from render.picture.scales import MONTHS, is_told

SHOWN = 120  # candles
EMA_PERIOD = 21
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


class Head(NamedTuple):
    """What stands above a picture. change_pct: over 24 hours, coloured by its sign; None where it is not told."""

    title: str
    subtitle: str
    last: float | None
    change_pct: float | None
    change_name: str = "24h"

    @property
    def colour(self) -> Colour:
        return Colour.TEXT if not self.change_pct else Colour.UP if self.change_pct > 0 else Colour.DOWN

    @property
    def remark(self) -> str:
        return "" if self.change_pct is None else f"{format_percent(self.change_pct)} {self.change_name}"


class Span(NamedTuple):
    """n columns of step_ms from start_ms on."""

    start_ms: int
    step_ms: int
    n: int

    def placed(self, times: Sequence[int], values: Sequence[float]) -> list[float]:
        """The values in their columns; nan where there is none, the last of several."""
        columns = [NAN] * self.n
        for at, value in zip(times, values, strict=True):
            column = (at - self.start_ms) // self.step_ms
            if 0 <= column < self.n:
                columns[column] = value
        return columns


def span_of(candles: MarketCandles, shown: int = SHOWN) -> Span:
    """The columns of the last `shown` periods up to the last candle; missing candles have theirs."""
    step, end = candles.interval_ms, candles.open_ms[-1]
    n = min(shown, (end - candles.open_ms[0]) // step + 1)
    return Span(end - (n - 1) * step, step, n)


def has_day(of: MarketCandles) -> bool:
    """Whether the candles reach back over a midnight, so that a day's VWAP is known."""
    return of.open_ms[0] % DAY_MS == 0 or of.open_ms[0] // DAY_MS != of.open_ms[-1] // DAY_MS


def reaches(of: MarketCandles, path: Sequence[tuple[int, float]]) -> bool:
    """Whether a path is told for a quarter of the columns at least: less of it looks like a fault."""
    span = span_of(of)
    return bool(path) and path[0][0] <= span.start_ms + span.n * span.step_ms * 3 // 4


def moment(time_ms: int) -> str:
    """23 Nov 14:05 UTC"""
    when = time.gmtime(time_ms / 1000)
    return f"{when.tm_mday} {MONTHS[when.tm_mon - 1]} {when.tm_hour:02}:{when.tm_min:02} UTC"


# Candles.


def candles(
    head: Head,
    of: MarketCandles,
    *,
    is_running: bool,
    alerts: Sequence[float] = (),
    interest: Sequence[tuple[int, float]] | None = None,
    flow: Flow | None = None,
) -> Figure:
    """Candles with EMA and the day's VWAP, volume, and what is told of open interest and takers.

    of: more candles than are shown, so that the means have begun. interest: moments and coins.
    """
    span, coin = span_of(of), split(of.symbol)[0]
    panes = [_prices(head, of, span, is_running, alerts), _volume(of, span, coin)]
    if interest and reaches(of, interest):
        panes.append(_interest(span, interest, coin))
    if flow is not None and len(flow.open_ms):
        panes.append(_flow(span, flow, coin))
    return _figure(head, span, panes)


def cvd(head: Head, of: MarketCandles, flow: Flow, *, is_running: bool) -> Figure:
    """The path of the cumulative volume delta under that of the price."""
    span, coin = span_of(of), split(of.symbol)[0]
    prices = _prices(head, of, span, is_running, (), has_means=False)._replace(share=0.5)
    return _figure(head, span, [prices, _flow(span, flow, coin)._replace(share=0.34), _deltas(span, flow, coin)])


def _figure(head: Head, span: Span, panes: Sequence[Pane], is_whole: bool = True) -> Figure:
    headline = "" if head.last is None else format_price(head.last)
    return Figure(head.title, head.subtitle, headline, head.remark, head.colour, *span, panes, is_whole)


def _prices(
    head: Head, of: MarketCandles, span: Span, is_running: bool, alerts: Sequence[float], has_means: bool = True
) -> Pane:
    columns = _drawn(of, span, is_running)
    series: list[Candles | Bars | Path] = [columns]
    if has_means:
        series += _means(of, span)
    levels = [Level(price, Colour.MAGENTA, stretches=True) for price in alerts]
    if alerts:
        series.append(Path([NAN] * span.n, Colour.MAGENTA, "alert" if len(alerts) == 1 else "alerts"))
    if len(of) and head.last is not None:
        colour = Colour.UP if head.last >= of.open[-1] else Colour.DOWN
        levels.insert(0, Level(head.last, colour, is_tag=True))
    return Pane(0.56, series, levels=levels)


def _drawn(of: MarketCandles, span: Span, is_running: bool) -> Candles:
    opened, high, low, close = (span.placed(of.open_ms, each) for each in (of.open, of.high, of.low, of.close))
    return Candles(opened, high, low, close, is_running)


def _means(of: MarketCandles, span: Span) -> list[Path]:
    """EMA and the day's VWAP, those that have begun."""
    ema = span.placed(of.open_ms, indicators.ema_path(of.close, EMA_PERIOD))
    paths = [Path(ema, Colour.AMBER, f"EMA {EMA_PERIOD}  {format_price(ema[-1])}")] if ema[-1] == ema[-1] else []
    if span.step_ms < DAY_MS:
        path = indicators.day_vwap_path(of.open_ms, of.high, of.low, of.close, of.volume)
        vwap = span.placed(of.open_ms, path)
        resets = frozenset(i for i in range(1, span.n) if _day(span, i) != _day(span, i - 1))
        if vwap[-1] == vwap[-1]:
            paths.append(Path(vwap, Colour.BLUE, f"VWAP day  {format_price(vwap[-1])}", resets))
    return paths


def _day(span: Span, column: int) -> int:
    return (span.start_ms + column * span.step_ms) // DAY_MS


def _coins(amount: float, coin: str) -> str:
    """3.24K BTC; without a name that the font lacks, which the caption has."""
    return f"{format_amount(amount)} {coin}" if coin.isascii() else format_amount(amount)


def _volume(of: MarketCandles, span: Span, coin: str) -> Pane:
    rising = span.placed(of.open_ms, [close - begin for begin, close in zip(of.open, of.close, strict=True)])
    values = span.placed(of.open_ms, of.volume)
    colours = [Colour.UP if not each < 0 else Colour.DOWN for each in rising]
    name = f"Volume  {_coins(values[-1], coin)}"
    return Pane(0.15, [Bars(values, colours)], name, spell=format_amount, has_grid=False, from_zero=True)


def _interest(span: Span, interest: Sequence[tuple[int, float]], coin: str) -> Pane:
    values = span.placed([at for at, _ in interest], [value for _, value in interest])
    name = f"Open interest  {_coins(interest[-1][1], coin)}{_day_change(interest)}"
    path = Path(_joined_up(values, 2 * HOUR_MS // span.step_ms), Colour.PURPLE, is_filled=True)
    return Pane(0.15, [path], name, Colour.PURPLE, spell=_amounts(values), has_grid=False)


def _joined_up(values: list[float], most: int) -> list[float]:
    """The values, and between two that are at most `most` columns apart the straight line from one to the other."""
    told = [i for i, each in enumerate(values) if is_told(each)]
    filled = list(values)
    for begin, end in pairwise(told):
        if end - begin <= most:
            slope = (values[end] - values[begin]) / (end - begin)
            for i in range(begin + 1, end):
                filled[i] = values[begin] + slope * (i - begin)
    return filled


def _flow(span: Span, flow: Flow, coin: str) -> Pane:
    """CVD from the first column that is shown on; no sum of 24 hours, which /cvd tells to the quarter of an hour."""
    inside = [i for i, at in enumerate(flow.open_ms) if at >= span.start_ms]
    total, path = 0.0, list[tuple[int, float]]()
    for i in inside:
        total += flow.buy[i] - flow.sell[i]
        path.append((flow.open_ms[i], total))
    values = span.placed([at for at, _ in path], [value for _, value in path])
    name = f"CVD  {_coins(total, coin)}"
    series = Path(values, Colour.GREEN, is_filled=True)
    return Pane(0.15, [series], name, Colour.GREEN, spell=_amounts(values), has_grid=False)


def _deltas(span: Span, flow: Flow, coin: str) -> Pane:
    """What takers bought less what they sold, candle by candle."""
    deltas = [bought - sold for bought, sold in zip(flow.buy, flow.sell, strict=True)]
    values = span.placed(flow.open_ms, deltas)
    colours = [Colour.UP if not each < 0 else Colour.DOWN for each in values]
    name = f"Delta  {_coins(deltas[-1], coin)}"
    return Pane(0.2, [Bars(values, colours, 11)], name, spell=format_amount, has_grid=False, from_zero=True)


def _day_change(path: Sequence[tuple[int, float]]) -> str:
    """+1.25K 24h: against the value of a day before; nothing where there is none."""
    begin = next((value for at, value in reversed(path) if at <= path[-1][0] - DAY_MS), None)
    return "" if begin is None else f"  {_signed(path[-1][1] - begin)} 24h"


def _signed(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{format_amount(amount)}"


def _amounts(values: Sequence[float]) -> Callable[[float], str]:
    """How a pane's ends are written: 84.33K; with as many digits as tell them apart."""
    known = [each for each in values if is_told(each)]
    most = max((abs(each) for each in known), default=0.0)
    unit, sign = next(((u, s) for u, s in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")) if most >= u), (1.0, ""))
    span = (max(known) - min(known)) / unit if known else 0.0
    digits = min(6, max(0, 2 - math.floor(math.log10(span)))) if span > 0 else 2
    digits = min(digits, max(0, 4 - math.floor(math.log10(most / unit)))) if most else 0

    def spell(value: float) -> str:
        return f"{unsigned_zero(f'{value / unit:,.{digits}f}')}{sign}" if 1e-6 < most < 1e15 else format_amount(value)

    return spell


# Profiles.

MERGED = 90  # candles beside a profile at most


def merged(of: MarketCandles, n: int) -> MarketCandles:
    """Every n candles as one, from round moments on. What takers bought is left out."""
    if n <= 1:
        return of
    step = of.interval_ms * n
    begins = [i for i, at in enumerate(of.open_ms) if i == 0 or at // step != of.open_ms[i - 1] // step]
    parts = [slice(begin, end) for begin, end in pairwise([*begins, len(of)])]
    return MarketCandles(
        of.exchange,
        of.symbol,
        of.kind,
        step,
        array("q", [of.open_ms[each.start] // step * step for each in parts]),
        array("d", [of.open[each.start] for each in parts]),
        array("d", [max(of.high[each]) for each in parts]),
        array("d", [min(of.low[each]) for each in parts]),
        array("d", [of.close[each.stop - 1] for each in parts]),
        array("d", [math.fsum(of.volume[each]) for each in parts]),
    )


def profile(
    head: Head,
    of: MarketCandles,
    volume: indicators.Profile | None,
    spent: indicators.Profile | None,
    *,
    is_running: bool,
    tick: float,
) -> Figure:
    """Candles, and beside them volume and time by price. POC and value area are those of volume, else of time."""
    of = merged(of, -(-len(of) // MERGED))
    span = span_of(of)
    sides = [
        Side(name, each.bins, each.low, each.high, each.val, each.vah, colour)
        for name, each, colour in (("Volume", volume, Colour.BLUE), ("Time", spent, Colour.PURPLE))
        if each is not None
    ]
    levels = []
    if head.last is not None:
        colour = Colour.UP if head.last >= of.open[-1] else Colour.DOWN
        levels.append(Level(head.last, colour, is_tag=True))
    lead = volume or spent
    legend = []
    if lead is not None:
        marks = (("POC", lead.poc, Colour.AMBER), ("VAH", lead.vah, Colour.CYAN), ("VAL", lead.val, Colour.ORANGE))
        levels += [Level(price, colour) for _, price, colour in marks]
        legend = [
            Path([NAN] * span.n, colour, f"{name} {format_at_tick(price, tick)}") for name, price, colour in marks
        ]
    pane = Pane(1.0, [_drawn(of, span, is_running), *legend], levels=levels, sides=sides)
    return _figure(head, span, [pane])


# Lines.

MAX_LINES = 8  # that have a colour and a name of their own
MAX_GREY = 6  # more, without; still more are not drawn: the caption says so


def by_exchange(
    head: Head,
    lines: Mapping[str, Sequence[tuple[int, float]]],
    span: Span,
    name: str,
    spell: Callable[[float], str],
    *,
    from_zero: bool = False,
) -> Figure:
    """A line for each exchange, the largest last value first. lines: moments and values, by the exchange's name."""
    known = sorted((each for each in lines.items() if each[1]), key=lambda each: -abs(each[1][-1][1]))
    return _figure(head, span, [_lines(known, span, name, spell, from_zero)], is_whole=False)


def compare(head: Head, prices: Mapping[str, Sequence[tuple[int, float]]], span: Span) -> Figure:
    """Several prices in percent of what each was in the span's first column."""
    lines = []
    for symbol, path in prices.items():
        inside = [(at, price) for at, price in path if at >= span.start_ms]
        if inside and inside[0][1] > 0:
            lines.append((symbol, [(at, (price / inside[0][1] - 1) * 100) for at, price in inside]))
    lines.sort(key=lambda each: -each[1][-1][1])
    return _figure(head, span, [_lines(lines, span, "", format_percent, True)], is_whole=False)


def _lines(
    known: Sequence[tuple[str, Sequence[tuple[int, float]]]],
    span: Span,
    name: str,
    spell: Callable[[float], str],
    from_zero: bool,
) -> Pane:
    series, levels = list[Candles | Bars | Path](), list[Level]()
    others = known[MAX_LINES : MAX_LINES + MAX_GREY]
    for _, path in others:
        series.append(Path(span.placed(*_columns(path)), Colour.DIM, thickness=2.0))
    for (title, path), colour in zip(known[:MAX_LINES], LINE_COLOURS, strict=False):
        value = path[-1][1]
        series.append(Path(span.placed(*_columns(path)), colour, f"{title} {spell(value)}", thickness=3.0))
        levels.append(Level(value, colour, is_line=False, text=spell(value)))
    if others:
        series.append(Path([NAN] * span.n, Colour.DIM, f"{len(others)} others"))
    return Pane(1.0, series, name, levels=levels, spell=spell, from_zero=from_zero)


def _columns(path: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [at for at, _ in path], [value for _, value in path]


# Profit and loss.


def pnl(head: Head, days: Sequence[tuple[int, float]], span: Span) -> Figure:
    """Realised profit and loss day by day as bars, and its sum as a line. days: 00:00 UTC and dollars."""
    values = span.placed(*_columns(days))
    colours = [Colour.UP if not each < 0 else Colour.DOWN for each in values]
    total, sums = 0.0, list[float]()
    for each in values:
        total += each if is_told(each) else 0.0
        sums.append(total)
    bars = Pane(0.6, [Bars(values, colours, 15)], "Realised by day", spell=_dollars, from_zero=True)
    line = Path(sums, Colour.AMBER, thickness=3.0, is_filled=True)
    path = Pane(0.4, [line], f"Sum  {_dollars(total)}", Colour.AMBER, spell=_dollars, from_zero=True)
    return _figure(head, span, [bars, path])


def _dollars(amount: float) -> str:
    return f"{'-' if amount < 0 else ''}${format_amount(abs(amount))}"
