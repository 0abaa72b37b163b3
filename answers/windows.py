"""What a figure did in the last minutes and hours: a bar of low and high for each minute. Pure, in memory only.

Filled by the looks of every tick, and after a start from candles of one minute, which have the same shape: so a window
tells the same before and after. Memory: 24 bytes a minute, and no more minutes than the longest window that an alert
on it has (17 KB for the twelve hours that are the most).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from answers.judging import MINUTE_MS, Extremes, Look

MAX_HOLE_MS = 2 * MINUTE_MS  # without a bar: what lay in it is unknown


class Window:
    """The latest minutes of one figure, oldest first."""

    def __init__(self, span_ms: int) -> None:
        self.span_ms = span_ms
        self._minutes: array[int] = array("q")
        self._lows: array[float] = array("d")
        self._highs: array[float] = array("d")

    def add(self, look: Look) -> None:
        """Looks may come late and twice (a candle behind its quotes): a minute's bar only grows."""
        minute = look.from_ms // MINUTE_MS * MINUTE_MS
        i = bisect_left(self._minutes, minute)
        if i < len(self._minutes) and self._minutes[i] == minute:
            self._lows[i] = min(self._lows[i], look.low)
            self._highs[i] = max(self._highs[i], look.high)
            return
        self._minutes.insert(i, minute)
        self._lows.insert(i, look.low)
        self._highs.insert(i, look.high)
        n_old = bisect_left(self._minutes, self._minutes[-1] - self.span_ms)
        if n_old:
            del self._minutes[:n_old], self._lows[:n_old], self._highs[:n_old]

    def fill(self, looks: Iterable[Look]) -> None:
        """Adds several."""
        for look in looks:
            self.add(look)

    def extremes(self, begin_ms: int) -> Extremes | None:
        """Of the minutes that begin at begin_ms or later; None without any."""
        i = bisect_left(self._minutes, begin_ms)
        if i == len(self._minutes):
            return None
        low, high = min(self._lows[i:]), max(self._highs[i:])
        return Extremes(low, self._minutes[self._lows.index(low, i)], high, self._minutes[self._highs.index(high, i)])

    def hole_begin(self, begin_ms: int, now_ms: int, max_hole_ms: int = MAX_HOLE_MS) -> int | None:
        """Since when more than max_hole_ms is missing between begin_ms and now; None when nothing is."""
        before = begin_ms
        for minute in self._minutes[bisect_left(self._minutes, begin_ms) :]:
            if minute - before > max_hole_ms:
                return before
            before = minute
        return before if now_ms - before > max_hole_ms else None
