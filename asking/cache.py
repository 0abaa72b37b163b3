"""Answers that are kept for a while, and one request for all who ask meanwhile.

Memory: at most MAX_CACHED answers with MAX_CACHED_ROWS rows in all of them.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from clock import MACHINE, Clock
from exchanges.words import Candles

T = TypeVar("T")
MAX_CACHED = 2048  # answers; some 400 bytes each
MAX_CACHED_ROWS = 40_000  # candles (64 bytes), payments (130), markets of a list (600), symbols (60): some 6 MiB


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
        self._kept: dict[Any, tuple[_Moment, Any]] = {}
        self._n_rows = 0
        self._flights: dict[Any, _Flight] = {}
        self.n_hits = 0
        self.n_misses = 0

    @property
    def n_kept(self) -> int:
        """How many answers hold memory; the time of some may be over."""
        return len(self._kept)

    def peek(self, key: Any) -> Any:
        """What is kept for the key; None when there is nothing, or its time is over."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and self._is_ahead(kept[0]) else None

    def at_hand(self, key: Any) -> asyncio.Future[Any] | None:
        """What is kept for the key, as who asks for it gets it; None when there is nothing, or its time is over."""
        kept = self._kept.get(key)
        if kept is None or not self._is_ahead(kept[0]):
            return None
        self.n_hits += 1
        there: asyncio.Future[Any] = asyncio.Future()  # of the running loop
        there.set_result(kept[1])
        return there

    def get(self, key: Any, keep_s: float, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """What was found for the key less than keep_s ago, or comes of the work, which begins only where it has to.

        The future is done where the answer is there already, and raises what the work raises.
        """
        if (there := self.at_hand(key)) is not None:
            work.close()
            return there
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        flight = self._flights.get(key)
        if flight is not None and (not keep_s or self._is_ahead(flight.until)):
            self.n_hits += 1
            work.close()
        else:
            self.n_misses += 1
            flight = self._flights[key] = _Flight(loop.create_task(work), self._now().later(keep_s))
            flight.task.add_done_callback(partial(self._landed, key, flight))
        left = flight.waiting[waiting] = partial(self._left, key, flight)
        waiting.add_done_callback(left)
        return waiting

    def _left(self, key: Any, flight: _Flight, waiting: asyncio.Future[Any]) -> None:
        """One of those who wait does so no longer: without any, the work ends."""
        flight.waiting.pop(waiting, None)
        if not flight.waiting and not flight.task.done():
            flight.task.cancel()
            if self._flights.get(key) is flight:
                del self._flights[key]

    def _landed(self, key: Any, flight: _Flight, task: asyncio.Future[Any]) -> None:
        """All who wait have what came of the work; of an error, those who do not look need not."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            self._keep(key, flight.until, task.result())
        waits, flight.waiting = flight.waiting, {}
        for waiting, left in waits.items():
            if waiting.done():
                continue
            waiting.remove_done_callback(left)  # it leaves with the answer, which nobody has to be told
            if task.cancelled():
                waiting.cancel()
            elif error is not None:
                waiting.set_exception(error)
                waiting.exception()
            else:
                waiting.set_result(task.result())

    def _keep(self, key: Any, until: _Moment, found: Any) -> None:
        self._forget(key)
        now = self._now()
        if not until.is_after(now):
            return
        n_rows = _rows_of(found)
        if self._is_full(n_rows):
            self.sweep()
        while self._kept and self._is_full(n_rows):
            self._forget(next(iter(self._kept)))
        self._kept[key] = (until, found)
        self._n_rows += n_rows

    def sweep(self) -> None:
        """Keeps nothing any more whose time is over. Nobody asks for most of it again, and it is memory."""
        now = self._now()
        for key in [key for key, (until, _) in self._kept.items() if not until.is_after(now)]:
            self._forget(key)

    def _is_ahead(self, moment: _Moment) -> bool:
        """By either clock: every answer that is kept is asked this."""
        return moment.monotonic_s > self._clock.monotonic() and moment.now_s > self._clock.now()

    def _now(self) -> _Moment:
        return _Moment(self._clock.monotonic(), self._clock.now())

    def _is_full(self, n_more: int) -> bool:
        return len(self._kept) >= self._max_entries or self._n_rows + n_more > self._max_rows

    def keep(self, key: Any, keep_s: float, found: Any) -> None:
        """Keeps what another question has answered, too."""
        self._keep(key, self._now().later(keep_s), found)

    def drop(self, key: Any) -> None:
        """Keeps no longer what was found for the key; what is on its way still comes."""
        self._forget(key)

    def clear(self) -> None:
        """Keeps nothing of what was loaded; what is on its way still comes."""
        self._kept.clear()
        self._n_rows = 0

    def _forget(self, key: Any) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._n_rows -= _rows_of(kept[1])


def _rows_of(found: Any) -> int:
    """How many rows a kept answer has: 1 for a single record. A page, or an answer with its time, has those in it."""
    if isinstance(found, tuple):
        return 1 + sum(map(_rows_in, found))
    if isinstance(found, dict):
        return len(found) + sum(len(each) for each in found.values() if isinstance(each, list))
    return _rows_in(found) or 1


def _rows_in(part: Any) -> int:
    """Figures in an array count by the eight, as a candle's."""
    if isinstance(part, array):
        return len(part) // 8
    return len(part) if isinstance(part, (Candles, dict, frozenset, list)) else 0


class _Moment(NamedTuple):
    """A moment, on the monotonic clock and on the wall's."""

    monotonic_s: float
    now_s: float

    def later(self, seconds: float) -> _Moment:
        return _Moment(self.monotonic_s + seconds, self.now_s + seconds)

    def is_after(self, now: _Moment) -> bool:
        """By either clock."""
        return self.monotonic_s > now.monotonic_s and self.now_s > now.now_s


class _Flight:
    """Work on its way, and who waits for it, with what is to be called where he leaves."""

    __slots__ = ("task", "until", "waiting")

    def __init__(self, task: asyncio.Future[Any], until: _Moment) -> None:
        self.task, self.until = task, until
        self.waiting: dict[asyncio.Future[Any], Callable[[asyncio.Future[Any]], None]] = {}
