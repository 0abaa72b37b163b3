"""Where a coin's price goes and how much of it is traded: tables of chance that all coins share.

Every coin reads the same tables, each beginning elsewhere, so that years of candles cost no memory.
A day's candle comes from a random walk of days (`Tables.days`). It is split into six candles of four
hours, each of those into four of an hour, and so on down to minutes (LEVELS): the parts begin where the
whole begins, end where it ends, and one of them has its high, one its low. Hence the candles of every
interval agree to the last digit, and a day costs as little as a minute. Within a minute the price goes
by way of its low and its high.

Volume is the difference of two readings of an ever growing meter (`Tables.readings`), so that the candles
of an hour are together the candle of the hour; so are the takers' buys.

In memory: the tables (about 2 MB a seed), and what was made of them: MAX_BARS, MAX_ROWS, MAX_SPLITS,
MAX_DAYS, MAX_NEWS, MAX_LISTS, MAX_SAID_BYTES.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

DAYS = 4096  # of the walk
RETURN_D = 40  # how long it takes the walk to come back
LEVELS = (1440, 240, 60, 15, 5, 1)  # minutes
PARTS = {1440: 1, 240: 6, 60: 4, 15: 4, 5: 3, 1: 5}  # of the level above; a day has none and is whole
N_SHAPES = 251  # of each number of parts
MINUTES = 30_720  # of the meter, 21 days
SPIKES = ((15, 2.2), (60, 1.8), (240, 1.6))  # minutes, and the least that they are busier than ever by
APART = 100  # of each length of spike there is one in so many stretches
SALT = 22  # with it, the usual seed has ordinary prices these years
MAX_BARS = 20_000  # that are kept, about 6 MB
MAX_ROWS = 24_000  # that are kept, about 7 MB
MAX_SPLITS = 8_000  # that are kept, about 6 MB
MAX_DAYS = 2_000  # that are kept, about 500 KB
MAX_NEWS = 5_000  # or none, that are kept
MAX_LISTS = 48  # that are kept, about 10 MB
MAX_SAID = 3_000  # answers that are kept
MAX_SAID_BYTES = 12 * 1024 * 1024  # of all of them

Lists = dict[tuple[str, int, int], tuple[float, Any]]  # when each was made, and it; by name, fillers and minute
Span = tuple[float, float, float, float]  # open, high, low and close of a stretch of time


class Shape(NamedTuple):
    """How a stretch is split: where on the line between its ends a part ends, and how far off, of its range."""

    parts: tuple[tuple[float, float], ...]  # but for the last, which ends where all ends
    wicks: tuple[tuple[float, float], ...]


class Series:
    """What was made of the tables, by a name and by numbers that follow each other.

    When it is too much, the names that were asked for the longest time ago go.
    """

    def __init__(self, most: int) -> None:
        self._most, self._n_kept = most, 0
        self._series: dict[object, dict[int, Any]] = {}

    def read(self, name: object, first: int, last: int, make: Callable[[int, int], list[Any]]) -> list[Any]:
        """Those from the first to the last number; make gives the ones that are missing, one for every number."""
        kept = self._series[name] = self._series.pop(name, {})
        found = [kept.get(number) for number in range(first, last + 1)]
        if None in found:
            begin, end = found.index(None), len(found)
            while found[end - 1] is not None:
                end -= 1
            found[begin:end] = made = make(first + begin, first + end - 1)
            self._n_kept -= len(kept)
            kept.update(enumerate(made, first + begin))
            self._n_kept += len(kept)
            while self._n_kept > self._most:
                self._n_kept -= len(self._series.pop(next(iter(self._series))))
        return found


class Said:
    """What was said while the clock stood: to a question at the moment of the one before it.

    When it is too much, what was asked the longest time ago goes.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Any] = {}
        self._n_bytes, self._asked_at = 0, 0.0

    def say(self, now: float, question: tuple[object, ...], answer: Callable[[], Any]) -> Any:
        """What was said to a question at this moment, or the answer to it, which has a body."""
        stands, self._asked_at = now == self._asked_at, now
        question = (now, *question)
        found = self._kept.pop(question, None)
        if found is not None:
            self._kept[question] = found
        else:
            found = answer()
            if stands and len(found.body) < MAX_SAID_BYTES / 4:
                self._keep(question, found)
        return found

    def _keep(self, question: tuple[object, ...], found: Any) -> None:
        self._kept[question] = found
        self._n_bytes += len(found.body)
        while self._n_bytes > MAX_SAID_BYTES or len(self._kept) > MAX_SAID:
            self._n_bytes -= len(self._kept.pop(next(iter(self._kept))).body)


class Tables:
    def __init__(self, seed: int) -> None:
        chance = random.Random(f"tables {seed} {SALT}")
        self.days = _walk(chance)
        self.wicks = [(0.1 + 0.7 * chance.random() ** 2, 0.1 + 0.7 * chance.random() ** 2) for _ in range(N_SHAPES)]
        self.shapes = {n: [_shape(chance, n) for _ in range(N_SHAPES)] for n in sorted({*PARTS.values()} - {1})}
        self.volume, self.buys = _meter(chance)
        self.lays: dict[str, Any] = {}  # of every coin, see `Prices.lay_of`
        self.news: dict[tuple[str, int], Any] = {}  # see `Prices._news_in`
        self.bars = Series(MAX_BARS)  # see `Prices.bars`
        self.rows = Series(MAX_ROWS)  # see `Market.history`
        self.past_days: dict[tuple[str, int, int], Span] = {}  # see `Prices._day_of`
        self.splits: dict[tuple[str, int, int], list[Span]] = {}  # see `Prices._part`
        self.lists: Lists = {}  # see `Market.kept`
        self.said = Said()  # see `Market.say`

    def read(self, minute: float) -> tuple[float, float]:
        """All that was traded up to a moment, in ordinary minutes, and the takers' buys of it."""
        rounds, index = divmod(minute, MINUTES)
        whole = int(index)
        part, volume, buys = index - whole, self.volume, self.buys
        read, bought = volume[whole], buys[whole]
        if part:
            read += (volume[whole + 1] - read) * part
            bought += (buys[whole + 1] - bought) * part
        return read + rounds * volume[-1], bought + rounds * buys[-1]

    def readings(self, first: int, step: int, n: int) -> tuple[list[float], list[float]]:
        """n readings of whole minutes, at equal distances."""
        minutes = range(first, first + step * n, step)
        volume, buys, whole, bought = self.volume, self.buys, self.volume[-1], self.buys[-1]
        return (
            [volume[minute % MINUTES] + minute // MINUTES * whole for minute in minutes],
            [buys[minute % MINUTES] + minute // MINUTES * bought for minute in minutes],
        )


@lru_cache(maxsize=2)
def tables(seed: int) -> Tables:
    """Those of a seed: every world of a process reads the same ones."""
    return Tables(seed)


def split(whole: Span, shape: Shape) -> list[Span]:
    """The parts of a stretch: one of them has its high, one its low."""
    begin, high, low, close = whole
    width, way = high - low, close - begin
    top, bottom = high - 0.03 * width, low + 0.03 * width
    ends = [begin + way * part + width * off for part, off in shape.parts]
    ends = [top if end > top else bottom if end < bottom else end for end in ends]
    ends.append(close)
    highs, lows, at = [], [], begin
    for end, (up, down) in zip(ends, shape.wicks, strict=True):
        upper, lower = (end, at) if end > at else (at, end)
        highs.append(upper + width * up)
        lows.append(lower - width * down)
        at = end
    highs[highs.index(max(highs))], lows[lows.index(min(lows))] = high, low
    parts, at = [], begin
    for end, upper, lower in zip(ends, highs, lows, strict=True):
        parts.append((at, upper if upper < high else high, lower if lower > low else low, end))
        at = end
    return parts


def _walk(chance: random.Random) -> array[float]:
    """Values at midnights, each a step of about 1 from the one before; the last leads to the first."""
    at, values, stay = 0.0, array("d"), 1 - 1 / RETURN_D
    for _ in range(DAYS):
        values.append(at)
        at = at * stay + chance.gauss(0, 1)
    drift, mean = at / DAYS, sum(values) / DAYS - at / 2
    return array("d", (value - drift * day - mean for day, value in enumerate(values)))


def _shape(chance: random.Random, n: int) -> Shape:
    """As a random walk would go, from the line's beginning to its end."""
    size = 0.55 / math.sqrt(n)
    walk = list(accumulate(chance.gauss(0, size) for _ in range(n)))
    parts = [((i + 1) / n, at - walk[-1] * (i + 1) / n) for i, at in enumerate(walk[:-1])]
    return Shape(tuple(parts), tuple((size * chance.random() * 0.9, size * chance.random() * 0.9) for _ in range(n)))


def _meter(chance: random.Random) -> tuple[array[float], array[float]]:
    """What was traded, and bought, up to each minute; about 1 a minute, more in few places."""
    draw = chance.random
    quarters = [0.83 + 0.24 * draw() for _ in range(MINUTES // 15)]
    slow = [draw() - 0.5 for _ in range(MINUTES // 120 + 1)]
    speeds = [quarter * (0.6 + 0.8 * draw()) for quarter in quarters for _ in range(15)]
    for minutes, least in SPIKES:
        for begin in range(0, MINUTES, minutes * APART):
            first, more = begin + chance.randrange(APART) * minutes, least * math.exp(chance.uniform(0, 1))
            for minute in range(first, min(first + minutes, MINUTES)):
                speeds[minute] += more
    scale = MINUTES / sum(speeds)
    shares = [
        0.5 + 0.1 * (slow[i // 8] + (slow[i // 8 + 1] - slow[i // 8]) * (i % 8) / 8) + 0.08 * (draw() - 0.5)
        for i in range(MINUTES // 15)
    ]
    volume = accumulate([speed * scale for speed in speeds], initial=0.0)
    buys = accumulate([speeds[i] * scale * shares[i // 15] for i in range(MINUTES)], initial=0.0)
    return array("d", volume), array("d", buys)
