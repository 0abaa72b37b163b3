"""Errors that are kept are what they say, and no more: no frames, no answer that was refused, nothing that grows."""

from __future__ import annotations

import asyncio
import gc
import json
import traceback
from typing import Any

import httpx
import pytest
from conftest import of_this_test_only
from test_fetch import BUDGET, HOST, LIST, a_fetcher, answer, explain

from asking.cache import Cache
from asking.fetch import MAX_VALUES
from asking.races import Question, all_answers, first_answers
from exchanges.endpoints import Endpoint
from exchanges.errors import BadResponse, MarketError, Unavailable, bare
from exchanges.reading import load
from exchanges.table import EXCHANGES

LONG = b'{"a": "' + b"x" * 300_000
REFUSED: Endpoint[Any] = Endpoint(HOST, "/a", lambda body: load("x", body), explain, BUDGET)


def held_by(error: BaseException) -> int:
    """The bytes that an error keeps alive: in frames, and in the errors that it came of."""
    assert error.__cause__ is None
    assert error.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    values = [value for frame in frames for value in frame.f_locals.values()]
    return sum(len(value) for value in values if isinstance(value, (bytes, str)))


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_refused_answer_dies_with_its_request(status: int) -> None:
    with pytest.raises(MarketError) as caught:
        await a_fetcher(answer(status, LONG)).fetch(REFUSED)
    assert held_by(caught.value) < 1000


async def test_refused_list_dies_with_its_request() -> None:
    with pytest.raises(MarketError) as caught:
        await a_fetcher(answer(200, b"[" + LONG)).fetch_items(LIST, lambda rows: None)
    assert held_by(caught.value) < 1000


async def test_bodies_are_gone_while_a_command_waits_for_others() -> None:
    """Several exchanges have answered rubbish, the last one is silent: what was refused is not there any more."""
    of_this_test_only()
    never = asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/slow":
            await never.wait()
        return answer(200, LONG)

    fetcher = a_fetcher(handle)
    slow: Endpoint[Any] = REFUSED._replace(target="/slow", host=HOST._replace(name="Y"))
    names = list(EXCHANGES)[:3]
    asked = {names[0]: fetcher.fetch(REFUSED), names[1]: fetcher.fetch(slow)}
    waiting = asyncio.ensure_future(all_answers(asked, timeout_s=2))
    question = Question([EXCHANGES[each] for each in names[:2]], (fetcher.fetch(each) for each in (REFUSED, slow)))
    racing = asyncio.ensure_future(first_answers(question, timeout_s=2))
    await asyncio.sleep(1)
    gc.collect()
    alive = [each for each in gc.get_objects() if isinstance(each, BaseException) and isinstance(each, MarketError)]
    assert alive
    assert all(held_by(error) < 1000 for error in alive)
    _, failed = await waiting
    (outcome,) = await racing
    assert {held_by(error) < 1000 for error in (*failed.values(), *outcome.errors)} == {True}


async def test_error_raised_again_does_not_grow() -> None:
    """All who wait get the same error, each in frames of its own; and whoever keeps it keeps none of them."""
    cache = Cache(10)

    async def load_it() -> None:
        await asyncio.sleep(1)
        raise Unavailable("x", "down")

    found = await asyncio.gather(*(cache.get("a", 5, load_it()) for _ in range(50)), return_exceptions=True)
    errors = [each for each in found if isinstance(each, Unavailable)]
    assert len(errors) == 50
    assert len(set(errors)) == 1
    assert len(list(traceback.walk_tb(errors[0].__traceback__))) < 10
    assert bare(errors[0]).__traceback__ is None


async def test_an_answer_of_too_many_values_is_not_taken_apart() -> None:
    """{} takes 3 bytes on the wire and 64 in memory."""
    many = json.dumps([{}] * (MAX_VALUES + 2)).encode()
    with pytest.raises(BadResponse, match="values"):
        await a_fetcher(answer(200, many)).fetch(REFUSED)
    few = json.dumps([{}] * 1000).encode()
    assert len(await a_fetcher(answer(200, few)).fetch(REFUSED)) == 1000


async def test_values_of_one_byte_are_counted_to_the_last() -> None:
    shortest = b"[" + b"1," * MAX_VALUES + b"1]"  # so many commas are allowed, of which each has another byte
    assert len(await a_fetcher(answer(200, shortest)).fetch(REFUSED)) == MAX_VALUES + 1
    with pytest.raises(BadResponse, match="values"):
        await a_fetcher(answer(200, shortest.replace(b"[", b"[1,"))).fetch(REFUSED)
