"""An event loop whose time is turned: when all wait, it is at once the moment of the next timer.

Hedges, deadlines, rests and caches cost no real second, and a busy machine makes nothing late, as no time passes while
there is work. All is within one loop, over loopback sockets, whose bytes are there as soon as they are sent; the grace
is for what the kernel puts off. While a thread of the loop's (a name looked up, `asyncio.to_thread`) or a child process
is at work, time runs as everywhere: nobody can tell when it will be done.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

GRACE_S = 0.001  # the least that epoll waits
MAX_REAL_S = 100.0  # of a test, on a busy machine
T = TypeVar("T")


class TurningLoop(asyncio.SelectorEventLoop):
    """Starts at the machine's own monotonic time. `n_elsewhere`: threads and processes at work."""

    def __init__(self) -> None:
        self.now_s = time.monotonic()
        self.n_elsewhere = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.n_elsewhere += 1
        future.add_done_callback(self._came_back)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:  # which Python 3.12 and later hand in
        self.n_elsewhere += 1
        await super().shutdown_default_executor(*timeout)

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        self.n_elsewhere += 1  # for the rest of the test
        return await super().subprocess_exec(*args, **options)

    def _came_back(self, _: object) -> None:
        self.n_elsewhere -= 1


class _Selector(selectors.DefaultSelector):
    """Waits for no timer: it turns the loop's time to it."""

    def __init__(self, loop: TurningLoop) -> None:
        super().__init__()
        self._loop = loop
        self._give_up_at = time.monotonic() + MAX_REAL_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if time.monotonic() > self._give_up_at:
            self._give_up_at += MAX_REAL_S  # for the loop's end
            raise TimeoutError(f"the test took {MAX_REAL_S:.0f} real seconds")
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._loop.n_elsewhere or timeout is None:
            return self._wait(MAX_REAL_S if timeout is None else timeout)
        ready = super().select(GRACE_S)
        if not ready:
            self._loop.now_s += timeout
        return ready

    def _wait(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        began = time.monotonic()
        ready = super().select(min(timeout, MAX_REAL_S))
        self._loop.now_s += time.monotonic() - began
        return ready


class Rounds:
    """Counts the rounds of the event loop."""

    def __init__(self) -> None:
        self.n = 0
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        self.n += 1
        self._loop.call_soon(self._next)
