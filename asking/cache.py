"""Answers that are kept for a while, and one request for all who ask meanwhile.

Memory: at most MAX_CACHED answers with MAX_CACHED_ROWS rows in all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar, cast

from asking.races import start
from clock import MACHINE, Clock
from exchanges.words import Candles

T = TypeVar("T")
MAX_CACHED = 2048  # answers; some 400 bytes each
MAX_CACHED_ROWS = 40_000  # candles (64 bytes), markets of a list (600) and symbols (60) in all of them: some 6 MiB


class Cache:
    """Answers by key, each for its time, and one request for all who ask meanwhile.

    A time counts from when an answer was asked for, as its figures are of then; by either clock, as a machine that
    slept has a monotonic one that did not go on. Who asks after that time does not wait for an answer on its way.
    Failures are not kept, but all who wait for a failing request get its error. A request
    whose askers have all gone is cancelled. At most max_entries, and max_rows in all of them (candles, markets of a
    list); what is over goes first, then the oldest.
    """

    def __init__(self, max_entries: int, max_rows: int = MAX_CACHED_ROWS, clock: Clock = MACHINE) -> None:
        self._max_entries, self._max_rows, self._clock = max_entries, max_rows, clock
        self._kept: dict[Any, tuple[_Until, Any]] = {}
        self._n_rows = 0
        self._flights: dict[Any, _Flight] = {}
        self.n_hits = 0
        self.n_misses = 0

    async def get(self, key: Any, keep_s: float, load: Callable[[], Awaitable[T]]) -> T:
        """What was loaded for the key less than keep_s ago, or is loaded now. Raises what load raises."""
        kept = self._kept.get(key)
        if kept is not None and kept[0].is_to_come(self._clock):
            self.n_hits += 1
            return cast(T, kept[1])
        flight = self._flights.get(key)
        if flight is None or (keep_s and not flight.until.is_to_come(self._clock)):
            self.n_misses += 1
            until = _Until(self._clock.monotonic() + keep_s, self._clock.now() + keep_s)
            flight = self._flights[key] = _Flight(start(self._load(key, until, load)), until)
        else:
            self.n_hits += 1
        flight.n_waiting += 1
        try:
            return cast(T, await asyncio.shield(flight.task))
        finally:
            flight.n_waiting -= 1
            if not flight.n_waiting and not flight.task.done():
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def peek(self, key: Any) -> Any:
        """What is kept for the key; None when there is nothing, or its time is over."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0].is_to_come(self._clock) else None

    def soon(self, key: Any, keep_s: float, load: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        """As get, without waiting: a future that is done when the answer is there already."""
        kept = self._kept.get(key)
        if kept is None or not kept[0].is_to_come(self._clock):
            return start(self.get(key, keep_s, load))
        self.n_hits += 1
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.set_result(kept[1])
        return future

    async def _load(self, key: Any, until: _Until, load: Callable[[], Awaitable[T]]) -> T:
        me = asyncio.current_task()
        try:
            found = await load()
        finally:
            flight = self._flights.get(key)
            if flight is not None and flight.task is me:
                del self._flights[key]
            del flight, me  # they would keep an error's frames, and these the answer, in a circle
        self._forget(key)
        if not until.is_to_come(self._clock):
            return found
        n_rows = _rows_of(found)
        if self._is_full(n_rows):
            for each in [key for key, (then, _) in self._kept.items() if not then.is_to_come(self._clock)]:
                self._forget(each)
        while self._kept and self._is_full(n_rows):
            self._forget(next(iter(self._kept)))
        self._kept[key] = (until, found)
        self._n_rows += n_rows
        return found

    def _is_full(self, n_more: int) -> bool:
        return len(self._kept) >= self._max_entries or self._n_rows + n_more > self._max_rows

    def clear(self) -> None:
        """Keeps nothing of what was loaded; what is on its way still comes."""
        self._kept.clear()
        self._n_rows = 0

    def _forget(self, key: Any) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._n_rows -= _rows_of(kept[1])


def _rows_of(found: Any) -> int:
    """How many rows a kept answer has: 1 for a single record."""
    return len(found) if isinstance(found, (Candles, dict, frozenset, list)) else 1


class _Until(NamedTuple):
    """A moment, on the monotonic clock and on the wall's."""

    monotonic_s: float
    now_s: float

    def is_to_come(self, clock: Clock) -> bool:
        return self.monotonic_s > clock.monotonic() and self.now_s > clock.now()


class _Flight:
    __slots__ = ("n_waiting", "task", "until")

    def __init__(self, task: asyncio.Future[Any], until: _Until) -> None:
        self.task, self.until, self.n_waiting = task, until, 0
