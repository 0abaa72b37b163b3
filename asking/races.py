"""Several questions at once: the first good answer of several exchanges, or all of them, until a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from exchanges.errors import MarketError, Reason, Unavailable, bare
from exchanges.table import Exchange

T = TypeVar("T")
U = TypeVar("U")
DEADLINE_S = 7.0  # a command has 8 s
HEDGE_S = 1.0


class Question(NamedTuple, Generic[T]):
    """Whom to ask, the preferred exchange first, and their answers in the same order.

    answers: a generator, so that the question of an exchange begins when its turn comes, and may never begin.
    """

    exchanges: Sequence[Exchange]
    answers: Iterable[Awaitable[T]]


class Outcome(NamedTuple, Generic[T]):
    """An answer wherever it was found first, and the errors of the exchanges preferred to that one."""

    found: T | None
    errors: tuple[MarketError, ...]


async def first_answers(*questions: Question[T], timeout_s: float) -> list[Outcome[T]]:
    """The first good answer to each question, all asked side by side; what is not there in time has failed."""
    return await outcomes([Race(each) for each in questions], timeout_s)


async def outcomes(running: Sequence[Race[T]], timeout_s: float) -> list[Outcome[T]]:
    """As first_answers, of races that have begun, for who begins something else after them.

    Answers that are kept are there after one round of the loop: then no timer is set, and no callback waited for.
    """
    timer = None

    def give_up() -> None:
        for race in running:
            race.give_up()

    try:
        await asyncio.sleep(0)
        if [race for race in running if not race.has_it_at_once()]:
            timer = asyncio.get_running_loop().call_later(timeout_s, give_up)
        return [await race.outcome for race in running]
    finally:
        if timer is not None:
            timer.cancel()
        for race in running:
            race.stop()


async def all_answers(
    asked: Mapping[str, Awaitable[T]], timeout_s: float
) -> tuple[dict[str, T], dict[str, MarketError]]:
    """What each exchange answers, and who failed, by exchange; what is not there in time has failed."""
    tasks = {name: asyncio.ensure_future(each) for name, each in asked.items()}
    found: dict[str, T] = {}
    failed: dict[str, MarketError] = {}
    try:
        await asyncio.sleep(0)  # as in first_answers
        if late := [task for task in tasks.values() if not task.done()]:
            await asyncio.wait(late, timeout=max(0.0, timeout_s))
        for name, task in tasks.items():
            if not task.done():
                failed[name] = Unavailable(name, "deadline passed", Reason.LATE)
                continue
            try:
                found[name] = task.result()
            except MarketError as error:
                failed[name] = bare(error)
    finally:
        for task in tasks.values():
            task.cancel()
    return found, failed


async def each_of(asked: Iterable[Awaitable[T]]) -> list[T | MarketError]:
    """What comes of each, all asked side by side: its answer, or its error."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    found: list[T | MarketError] = []
    try:
        for task in tasks:
            try:
                found.append(await task)
            except MarketError as error:
                found.append(bare(error))
    finally:
        for task in tasks[len(found) :]:
            _give_up(task)
    return found


async def all_rows(
    asked: Mapping[str, Awaitable[tuple[list[T], list[MarketError]]]], timeout_s: float
) -> tuple[list[T], dict[str, MarketError], list[str]]:
    """The rows of all who were asked; by exchange, who failed, be it in part; and who has neither rows nor errors."""
    answers, failed = await all_answers(asked, timeout_s)
    for name, (_, errors) in answers.items():
        if errors:
            failed[name] = errors[0]
    rows = [row for found, _ in answers.values() for row in found]
    return rows, failed, [name for name, (found, errors) in answers.items() if not found and not errors]


class Part(Generic[T]):
    """An answer of one exchange that may be done without: `found`, or why it is not there, `error`."""

    def __init__(self, exchange: Exchange, work: Awaitable[T]) -> None:
        self.exchange, self.task = exchange, start(work)
        self.found: T | None = None
        self.error: MarketError | None = None

    def settle(self) -> None:
        """Looks at what has come. Raises what is no MarketError."""
        if not self.task.done():
            self.task.cancel()
            self.error = Unavailable(self.exchange.id, "late", Reason.LATE)
            return
        try:
            self.found = self.task.result()
        except MarketError as error:
            self.error = bare(error)


async def settled(parts: Sequence[Part[Any]], timeout_s: float) -> None:
    """Waits for parts, and leaves none of them running."""
    tasks = [part.task for part in parts]
    try:
        if late := [task for task in tasks if not task.done()]:
            await asyncio.wait(late, timeout=max(0.0, timeout_s))
        for part in parts:
            part.settle()
    finally:
        for task in tasks:
            task.cancel()


class Race(Generic[T]):
    """Asks exchanges in order until one gives a good answer: the next one when one fails, or is silent for HEDGE_S.

    `outcome` is what comes of it; `has_it_at_once` has to be asked once before that, after a round of the loop.
    Callbacks instead of a task that waits for tasks: it runs twice in every command.
    """

    def __init__(self, question: Question[T]) -> None:
        self._exchanges, self._answers = [each.id for each in question.exchanges], iter(question.answers)
        self._n_asked = 0
        self._running: dict[asyncio.Future[T], str] = {}
        self._errors: dict[str, MarketError] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome[T]] = self._loop.create_future()
        if self._exchanges:
            self._ask()
        else:
            self.outcome.set_result(Outcome(None, ()))

    def _ask(self) -> asyncio.Future[T]:
        task = asyncio.ensure_future(next(self._answers))
        self._running[task] = self._exchanges[self._n_asked]
        self._n_asked += 1
        return task

    def has_it_at_once(self) -> bool:
        """Whether the first one's answer is there already; else it is waited for from now on."""
        for task in list(self._running):
            self._wait_for(task)
        return self.outcome.done()

    def _wait_for(self, task: asyncio.Future[T]) -> None:
        """And asks the next one, when that takes HEDGE_S."""
        if task.done():
            self._ended(task)
            return
        task.add_done_callback(self._ended)
        if self._n_asked < len(self._exchanges):
            self._timer = self._loop.call_later(HEDGE_S, self._ask_next)

    def _ask_next(self) -> None:
        self._stop_timer()
        self._wait_for(self._ask())

    def _ended(self, task: asyncio.Future[T]) -> None:
        exchange = self._running.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if self.outcome.done() or exchange is None or task.cancelled():
            return
        if error is None or not isinstance(error, MarketError):
            self._stop_timer()  # another race may go on, and nobody is asked for it here
        if error is None:
            self.outcome.set_result(Outcome(task.result(), self._errors_before(exchange)))
        elif not isinstance(error, MarketError):
            self.outcome.set_exception(error)
        else:
            self._errors[exchange] = bare(error)
            if self._n_asked < len(self._exchanges):
                self._ask_next()
            elif not self._running:
                self.outcome.set_result(Outcome(None, tuple(self._errors.values())))

    def _errors_before(self, exchange: str) -> tuple[MarketError, ...]:
        """Of those who failed, and of the preferred ones that are still asked; the first one's answer needs none."""
        if not self._running and not self._errors:
            return ()
        preferred = self._exchanges[: self._exchanges.index(exchange)]
        waiting = [each for each in self._running.values() if each in preferred]
        slow: dict[str, MarketError] = {each: Unavailable(each, "slower", Reason.SLOWER) for each in waiting}
        return tuple((slow | self._errors).values())

    def give_up(self) -> None:
        """The deadline has passed: who has not answered by now did not answer in time."""
        if not self.outcome.done():
            late = [*self._running.values(), *self._exchanges[self._n_asked :]]
            silent: dict[str, MarketError] = {each: Unavailable(each, "deadline passed", Reason.LATE) for each in late}
            self.outcome.set_result(Outcome(None, tuple((silent | self._errors).values())))

    def stop(self) -> None:
        """Leaves nothing running."""
        self._stop_timer()
        self.outcome.cancel()  # where it is done this changes nothing, but that an error was looked at
        for task in self._running:
            _give_up(task)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def start(work: Awaitable[T]) -> asyncio.Future[T]:
    """A task whose error need not be looked at: who has an answer already does not wait for the others.

    An answer that is kept is there already, and stays as it is.
    """
    if isinstance(work, asyncio.Future) and work.done():
        return work
    task = asyncio.ensure_future(work)
    task.add_done_callback(_look)
    return task


def _give_up(task: asyncio.Future[Any]) -> None:
    task.add_done_callback(_look)
    task.cancel()


def _look(done: asyncio.Future[Any]) -> None:
    """At an error, so that nobody says that it was never looked at."""
    if not done.cancelled():
        done.exception()


async def both(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """Two answers, asked for side by side. When one fails, the other is given up: nothing is left running."""
    tasks = start(one), start(other)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def nothing() -> None:
    """In the place of a question that is not asked."""


async def or_none(work: Awaitable[T]) -> T | None:
    """None in the place of an answer that failed."""
    try:
        return await work
    except MarketError:
        return None
