"""Values and times as rows and columns, and the round figures beside them. Pure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from render.picture.figure import Candles

OUTLIERS = 33  # one candle in so many may be cut, where the others would be flat without that
MIN_CUT = 20  # candles, below which none is cut
MOST = 1e100  # far beyond every price, and far from what a float can hold
MAX_SPELT = 13  # characters of a figure on the axis; longer ones are written with an exponent
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MONDAY_MS = 4 * DAY_MS  # 1970 began on a Thursday
TIME_STEPS = (
    *(minutes * MINUTE_MS for minutes in (1, 5, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 4, 6, 12)),
    *(days * DAY_MS for days in (1, 2, 7, 14)),
)


class Columns(NamedTuple):
    """Columns from `first` on stand side by side from `left`, each `pitch` wide. right: where the axis begins."""

    left: float
    pitch: float
    first: int
    n: int
    end: float
    right: int

    def x(self, column: int) -> float:
        """The middle of a column."""
        return self.left + (column - self.first + 0.5) * self.pitch


class Scale(NamedTuple):
    """Values from low to high stand on rows from bottom to top. Values beyond stand at its ends."""

    low: float
    high: float
    top: int
    bottom: int

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - min(1.0, max(0.0, share)) * (self.bottom - self.top)


def is_told(value: float) -> bool:
    """Whether there is a figure that can be drawn: nan is not, nor what no market ever paid."""
    return -MOST < value < MOST


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * each for each in (1, 2, 5) if power * each >= least), power * 10)


def speller(step: float, largest: float) -> Callable[[float], str]:
    """How figures `step` apart are written: 64,000 · 0.315 · 1.23e-12."""
    largest = max(largest, step)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if len(f"{largest:,.{min(decimals, 20)}f}") <= MAX_SPELT:
        return lambda value: f"{value:,.{decimals}f}"
    digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9))
    return lambda value: f"{value:.{min(digits, 6)}e}"


def reach(candles: Candles, first: int) -> tuple[list[float], list[tuple[int, float]]]:
    """Lows and highs, without the very few that would make all others flat; and these, with their columns.

    Very few: one in OUTLIERS. Flat: the others would have less than a fifth of the height.
    """
    columns = [i for i in range(first, len(candles.high)) if is_whole(candles, i)]
    lows, highs = sorted(candles.low[i] for i in columns), sorted(candles.high[i] for i in columns)
    few = len(columns) // OUTLIERS + 1
    if len(columns) < MIN_CUT:
        return lows + highs, []
    low, high = lows[few], highs[-1 - few]
    span = high - low
    top = high + span / 4 if span > 0 and highs[-1] > high + 4 * span else math.inf
    bottom = low - span / 4 if span > 0 and lows[0] < low - 4 * span else -math.inf
    cut = [(i, candles.high[i]) for i in columns if candles.high[i] > top]
    cut += [(i, candles.low[i]) for i in columns if candles.low[i] < bottom]
    return [max(each, bottom) for each in lows] + [min(each, top) for each in highs], cut


def is_whole(candles: Candles, i: int) -> bool:
    return all(is_told(column[i]) for column in candles[:4])


def moments(begin: int, end: int, step_ms: int, least_ms: float) -> Iterator[tuple[int, str]]:
    """Round moments from begin to end in UTC, and how they are written: 14:00 · 23 Nov · Nov 2026.

    They are at least least_ms apart. step_ms: the length of a column, within which no two are told apart.
    """
    step = next((each for each in TIME_STEPS if each >= least_ms and each >= step_ms), None)
    if step is None:
        yield from _months(begin, end, least_ms)
        return
    offset = MONDAY_MS if step % (7 * DAY_MS) == 0 else 0
    for moment in range(begin + (offset - begin) % step, end + 1, step):
        when = time.gmtime(moment / 1000)
        is_day = moment % DAY_MS == 0
        yield moment, f"{when.tm_mday} {MONTHS[when.tm_mon - 1]}" if is_day else f"{when.tm_hour}:{when.tm_min:02}"


def _months(begin: int, end: int, least_ms: float) -> Iterator[tuple[int, str]]:
    """The first days of every month, of every third, or of every year."""
    every = next((each for each in (1, 3, 6) if each * 28 * DAY_MS >= least_ms), 12)
    day = begin - begin % DAY_MS + (DAY_MS if begin % DAY_MS else 0)
    for moment in range(day, end + 1, DAY_MS):
        when = time.gmtime(moment / 1000)
        if when.tm_mday == 1 and (when.tm_mon - 1) % every == 0:
            yield moment, f"{MONTHS[when.tm_mon - 1]} {when.tm_year}"
