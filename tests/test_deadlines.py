"""One timer for many: each has its whole time and no more, whoever else comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from clock import loop_time
from http1.deadlines import Deadlines


async def ends_after(deadlines: Deadlines, seconds: float) -> tuple[str, float]:
    """How something that takes so long ended, and when, on a clock that begins with it."""
    began = loop_time()
    try:
        with deadlines.begin():
            await asyncio.sleep(seconds)
        return "whole", round(loop_time() - began, 3)
    except TimeoutError:
        return "late", round(loop_time() - began, 3)


async def later(deadlines: Deadlines, begin_s: float, seconds: float) -> tuple[str, float]:
    await asyncio.sleep(begin_s)
    return await ends_after(deadlines, seconds)


async def test_each_has_its_whole_time() -> None:
    deadlines = Deadlines(4.0)
    asked = [later(deadlines, begin_s, took_s) for begin_s, took_s in ((0, 1), (0.5, 9), (0.5, 4.1), (3, 9), (3.9, 3))]
    assert await asyncio.gather(*asked) == [("whole", 1), ("late", 4), ("late", 4), ("late", 4), ("whole", 3)]


@pytest.mark.parametrize(("stays", "n_timers"), [(False, 10), (True, 1)])
async def test_one_timer_looks_after_all(monkeypatch: pytest.MonkeyPatch, stays: bool, n_timers: int) -> None:
    loop, set_for = asyncio.get_running_loop(), list[float]()

    def call_at(when: float, *rest: Any, call_at: Callable[..., asyncio.TimerHandle] = loop.call_at) -> Any:
        set_for.append(when)
        return call_at(when, *rest)

    monkeypatch.setattr(loop, "call_at", call_at)
    deadlines = Deadlines(60.0, stays=stays)
    for _ in range(10):
        with deadlines.begin(), deadlines.begin(), deadlines.begin():
            pass
    assert len(set_for) == n_timers


@pytest.mark.parametrize("stays", [False, True])
async def test_nothing_is_left_when_all_have_gone(stays: bool) -> None:
    deadlines = Deadlines(4.0, stays=stays)
    assert await ends_after(deadlines, 1) == ("whole", 1)
    assert await later(deadlines, 2.5, 9) == ("late", 4)  # not when the first one would have been due
    assert await ends_after(deadlines, 9) == ("late", 4)


async def test_who_is_cancelled_by_others_is_not_late() -> None:
    task = asyncio.ensure_future(ends_after(Deadlines(4.0), 9))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_by_others_in_the_same_moment() -> None:
    task = asyncio.ensure_future(ends_after(Deadlines(4.0), 9))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(4.0, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_other_errors_go_through() -> None:
    with pytest.raises(LookupError), Deadlines(4.0).begin():
        raise LookupError


async def test_who_does_not_end_keeps_nobody_else() -> None:
    """One that goes on after its time is told once; those behind it are told in their time."""
    deadlines = Deadlines(4.0)

    async def goes_on() -> str:
        try:
            with deadlines.begin():
                try:
                    await asyncio.sleep(9)
                except asyncio.CancelledError:
                    await asyncio.sleep(9)
            return "done"
        except TimeoutError:
            return "late"

    one, other = await asyncio.gather(goes_on(), later(deadlines, 1, 9))
    assert (one, other) == ("done", ("late", 4))
