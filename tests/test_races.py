"""Several questions at once: however they end, nothing is left that somebody complains of later."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from asking.races import Question, all_answers, each_of, first_answers
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
