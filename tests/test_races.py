"""Several questions at once: however they end, nothing is left that somebody complains of later."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from asking.races import Question, all_answers, each_of, first_answers
from clock import loop_time
from exchanges.errors import Unavailable
from exchanges.table import EXCHANGES

BINANCE = EXCHANGES["binance"]


async def fail(error: Exception) -> int:
    await asyncio.sleep(0.1)
    raise error


def one_question(error: Exception) -> Question[int]:
    return Question([BINANCE], (each for each in [fail(error)]))


@pytest.fixture
def complaints() -> list[str]:
    return []


async def of(work: Any, complaints: list[str]) -> str:
    """How the work ended; its complaints are those of what nobody looked at."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, said: complaints.append(said["message"]))
    try:
        await work
    except (ValueError, KeyError, Unavailable) as error:
        return type(error).__name__
    finally:
        await asyncio.sleep(1)
        gc.collect()
    return ""


async def test_of_two_faults_of_ours_one_is_told_and_the_other_looked_at(complaints: list[str]) -> None:
    both = first_answers(one_question(ValueError("ours")), one_question(KeyError("ours, too")), timeout_s=5)
    assert await of(both, complaints) == "ValueError"
    assert complaints == []


async def test_likewise_of_all_and_of_each(complaints: list[str]) -> None:
    both = all_answers({"a": fail(ValueError()), "b": fail(KeyError())}, 5)
    assert await of(both, complaints) == "ValueError"
    assert await of(each_of([fail(KeyError()), fail(Unavailable("binance", "late"))]), complaints) == "KeyError"
    assert complaints == []


async def test_a_fault_of_ours_waits_for_nobody() -> None:
    began = loop_time()
    slow = Question([BINANCE], (each for each in [asyncio.sleep(3, 1)]))
    with pytest.raises(KeyError):
        await first_answers(slow, one_question(KeyError()), timeout_s=5)
    assert round(loop_time() - began, 1) == 0.1


async def test_each_silent_exchange_has_a_second_before_the_next_is_asked() -> None:
    """Also where the first one of another question fails, which asks the next one at once; until the time is over."""
    began, asked = loop_time(), list[tuple[str, float]]()

    async def answer(name: str, error: Exception | None) -> int:
        asked.append((name, round(loop_time() - began, 1)))
        return await (asyncio.sleep(9, 1) if error is None else fail(error))

    exchanges = list(EXCHANGES.values())[:4]
    silent = Question(exchanges, (answer(f"silent {i}", None) for i in range(4)))
    failing = Question(exchanges, (answer(f"failing {i}", None if i else Unavailable("x", "down")) for i in range(4)))
    outcomes = await first_answers(silent, failing, timeout_s=2.5)
    assert [(each.found, len(each.errors)) for each in outcomes] == [(None, 4), (None, 4)]
    assert sorted(asked) == [
        *(("failing 0", 0.0), ("failing 1", 0.1), ("failing 2", 1.1), ("failing 3", 2.1)),
        *(("silent 0", 0.0), ("silent 1", 1.0), ("silent 2", 2.0)),
    ]
