"""Several questions at once: the first good answer of several exchanges, or all of them, until a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from exchanges.errors import MarketError, Unavailable
from exchanges.table import Exchange

T = TypeVar("T")
U = TypeVar("U")
DEADLINE_S = 7.0  # a command has 8 s
HEDGE_S = 1.0


class Side(NamedTuple, Generic[T]):
    """An answer wherever it was found first, and the errors of the exchanges preferred to that one."""

    found: T | None
    errors: tuple[MarketError, ...]


class Race(Generic[T]):
    """Asks exchanges in order until one gives a good answer: the next one when one fails, or is silent for HEDGE_S.

    `side` is its outcome. Callbacks instead of a task that waits for tasks: it runs twice in every command.
    """

    def __init__(self, ask: Callable[[Exchange], Awaitable[T]], exchanges: Sequence[Exchange]) -> None:
        self._ask, self._exchanges, self._to_ask = ask, list(exchanges), list(exchanges)
        self._running: dict[asyncio.Future[T], Exchange] = {}
        self._errors: dict[str, MarketError] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.side: asyncio.Future[Side[T]] = self._loop.create_future()
        if self._to_ask:
            self._ask_next()
        else:
            self.side.set_result(Side(None, ()))

    def _ask_next(self) -> None:
        self._stop_timer()
        exchange = self._to_ask.pop(0)
        task = asyncio.ensure_future(self._ask(exchange))
        self._running[task] = exchange
        task.add_done_callback(self._ended)
        if self._to_ask:
            self._timer = self._loop.call_later(HEDGE_S, self._ask_next)

    def _ended(self, task: asyncio.Future[T]) -> None:
        exchange = self._running.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if self.side.done() or exchange is None or task.cancelled():
            return
        if error is None:
            preferred = self._exchanges[: self._exchanges.index(exchange)]
            waiting = [each for each in self._running.values() if each in preferred]
            slow = {each.ID: Unavailable(each.ID, "slower", "was slow") for each in waiting}
            self.side.set_result(Side(task.result(), tuple((slow | self._errors).values())))
        elif not isinstance(error, MarketError):
            self.side.set_exception(error)
        else:
            self._errors[exchange.ID] = error
            if self._to_ask:
                self._ask_next()
            elif not self._running:
                self.side.set_result(Side(None, tuple(self._errors.values())))

    def give_up(self) -> None:
        """The deadline has passed: who has not answered by now did not answer in time."""
        if not self.side.done():
            late = [*self._running.values(), *self._to_ask]
            silent = {each.ID: Unavailable(each.ID, "deadline passed", "did not answer in time") for each in late}
            self.side.set_result(Side(None, tuple((silent | self._errors).values())))

    def stop(self) -> None:
        """Leaves nothing running."""
        self._stop_timer()
        if not self.side.done():
            self.side.cancel()
        for task in list(self._running):
            task.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def start(work: Awaitable[T]) -> asyncio.Future[T]:
    """A task whose error need not be looked at: who has an answer already does not wait for the others."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def both(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """Two answers, asked for side by side. When one fails, the other is given up: nothing is left running."""
    tasks = start(one), start(other)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def parts_until(
    exchange: Exchange, parts: Mapping[str, Awaitable[object]], timeout_s: float
) -> tuple[dict[str, object], dict[str, MarketError]]:
    """What of the parts is there in time, and why the others are not."""
    tasks = {name: asyncio.ensure_future(part) for name, part in parts.items()}
    told: dict[str, object] = {}
    lost: dict[str, MarketError] = {}
    try:
        await asyncio.wait(tasks.values(), timeout=max(0.0, timeout_s))
        for name, task in tasks.items():
            try:
                if task.done():
                    told[name] = task.result()
                else:
                    lost[name] = Unavailable(exchange.ID, f"{name}: late", "did not answer in time")
            except MarketError as error:
                lost[name] = error
    finally:
        for task in tasks.values():
            task.cancel()
    return told, lost


async def nothing() -> None:
    """In the place of a question that is not asked."""


async def or_none(question: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await question()
    except MarketError:
        return None
