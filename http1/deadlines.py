"""An end to what takes too long: one timer for many at once."""

from __future__ import annotations

import asyncio
from typing import Any


class Deadlines:
    """So many seconds for each that begins.

        with deadlines.begin():
            await ...

    All have the same time, so who began first is due first: one timer, set for the first of those who are still at it,
    looks after all of them. asyncio.timeout sets one for each, which costs as much as reading a short answer.

    stays: whether the timer does when all have gone, for those who begin before it comes: as it is where a process is
    never frozen between two of them.
    """

    def __init__(self, seconds: float, *, stays: bool = False) -> None:
        self.seconds, self._stays = seconds, stays
        self.open: dict[Deadline, None] = {}  # in the order in which they are due
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """To be entered at once, by the task whose time it is. Raises TimeoutError at its end, where that is over."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        deadline = Deadline(self, loop.time() + self.seconds, task)
        if self._timer is None:
            self._timer = loop.call_at(deadline.due, self._end_those_due, loop)
        return deadline

    def leave(self, deadline: Deadline) -> None:
        del self.open[deadline]
        if not self.open and self._timer is not None and not self._stays:
            self._timer.cancel()
            self._timer = None

    def _end_those_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, now = None, loop.time()
        for deadline in self.open:
            if deadline.due > now:
                self._timer = loop.call_at(deadline.due, self._end_those_due, loop)
                return
            deadline.end()


class Deadline:
    """Of one task, which is cancelled when its time is over. That others have cancelled it as well, its own count
    tells: asyncio.timeout does the same."""

    __slots__ = ("_all", "_is_over", "_n_cancelled", "_task", "due")

    def __init__(self, all_: Deadlines, due: float, task: asyncio.Task[Any]) -> None:
        self._all, self.due, self._is_over = all_, due, False
        self._task, self._n_cancelled = task, task.cancelling()

    def __enter__(self) -> None:
        self._all.open[self] = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._all.leave(self)
        if self._is_over and self._task.uncancel() <= self._n_cancelled and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._task.cancel()
