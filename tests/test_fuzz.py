"""Random and mutated input against every reader: trials/fuzz.py, some cases of one seed, the same each time."""

from __future__ import annotations

import asyncio
import os

import fuzz
import pytest

pytestmark = pytest.mark.no_cover  # others reach what these do


@pytest.mark.parametrize("n_cases", [50, pytest.param(3000, marks=pytest.mark.trial)])
async def test_nothing_escapes(n_cases: int) -> None:
    """FUZZ_SEED runs the cases of a failure again, and trials/fuzz.py --only one of them."""
    seed = int(os.environ.get("FUZZ_SEED") or 1)
    print(f"seed {seed}")
    run = await fuzz.fuzz(seed, n_cases)
    assert not run.failures, ascii("\n".join([f"seed {seed}", *run.failures[:5]]))  # surrogates would stop pytest
    assert set(run.n_run) == set(fuzz.SHARES)


async def test_the_kept_corpus_is_taken_as_it_is() -> None:
    """One of each kind of update, and each request, unchanged; both are what the cases are made of."""
    run = fuzz.Fuzz(1, is_alone=False)
    await run.open(has_answers=False)
    try:
        for update in run.updates:
            fuzz.check_call(run.telegram, await run.bots[0].answer(update))
        for request in run.requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", run.port)
            writer.write(request)
            writer.write_eof()
            found = fuzz.statuses_of(await reader.read(), may_be_head=request.startswith(b"HEAD"))
            writer.close()
            assert found
            assert max(found) < 500
    finally:
        await run.close()
    assert len({key for update in run.updates for key in update} - {"update_id"}) == 24


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", [200]),
        (b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n", [100, 401]),
        (b"", []),
    ],
)
def test_the_reader_of_answers(received: bytes, found: list[int]) -> None:
    assert fuzz.statuses_of(received, may_be_head=False) == found


@pytest.mark.parametrize(
    "received", [b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"]
)
def test_the_reader_of_answers_refuses(received: bytes) -> None:
    with pytest.raises(fuzz.Failed):
        fuzz.statuses_of(received, may_be_head=False)
