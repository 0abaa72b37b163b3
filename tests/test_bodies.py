"""Bodies of answers: gzip in every shape, and all that are read at once within one bound. And what a list costs."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from conftest import together
from mocked import MockedAnswer
from turning import Rounds

from asking.bodies import INFLATE_STEP, SHORT, Body, Gunzip, Held, read_body, read_chunks
from asking.cutter import ArrayCutter
from exchanges.errors import BadResponse, Unavailable
from http1.turns import Turns
from http1.words import LineError, ReadError, RemoteProtocolError

MIB = 1024 * 1024


class Pieces(httpx.AsyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def packed(*pieces: bytes) -> MockedAnswer:
    return MockedAnswer(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(*pieces)))


def unpacked(*pieces: bytes) -> bytes:
    unpack = Gunzip()
    body = b"".join(step for piece in pieces for step in unpack.feed(piece))
    assert unpack.is_whole
    return body


ONE, TWO = gzip.compress(b"one", mtime=0), gzip.compress(b"two", mtime=0)


@together(
    "sent, body",
    [
        (ONE, b"one"),
        (ONE + TWO, b"onetwo"),
        (ONE + bytes(900), b"one"),
        (ONE + TWO + bytes(1), b"onetwo"),
        (gzip.compress(b"", mtime=0), b""),
        (gzip.compress(bytes(MIB)), bytes(MIB)),
    ],
)
def test_gzip_in_one_piece_and_in_bytes(sent: bytes, body: bytes) -> None:
    assert unpacked(sent) == body
    assert unpacked(*(sent[at : at + 1] for at in range(len(sent)))) == body


@pytest.mark.parametrize(
    "sent",
    [ONE + b"x", ONE + bytes(9) + TWO, ONE + bytes(9) + b"x", b"one", b"", ONE[:-1], ONE + TWO[:-1], ONE * 65],
)
async def test_gzip_that_goes_on_or_is_cut_is_refused(sent: bytes) -> None:
    for pieces in ([sent], [sent[at : at + 1] for at in range(len(sent))]):
        with pytest.raises(BadResponse):
            await read_body("x", packed(*pieces), MIB, Held())


async def test_gzip_of_nothing_without_end_is_refused() -> None:
    """Empty blocks (RFC 1951 §3.2.4) of one member, which unpack to nothing: what came on the wire counts."""
    begun, nothing = gzip.compress(b"", mtime=0)[:10], b"\x00\x00\x00\xff\xff" * 1000
    with pytest.raises(BadResponse, match="longer than"):
        await read_body("x", packed(begun, *[nothing] * 100), 100_000, Held())


async def test_bomb_leaves_the_loop_to_others() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(MIB)) for _ in range(8)), packer.flush()])
    rounds = Rounds()
    await read_chunks("x", packed(bomb), 16 * MIB, lambda _: None, Turns(0.0))
    assert rounds.n >= 8 * MIB // INFLATE_STEP - 1


@pytest.mark.parametrize("is_long", [True, False])
async def test_answers_that_come_all_at_once_are_parsed_round_by_round_but_for_short_ones(is_long: bool) -> None:
    held, rounds = Held(), Rounds()
    held.turns = Turns(0.0)  # only the one that is begun
    parsed_in: list[int] = []

    async def one() -> None:
        await read_body("x", MockedAnswer(httpx.Response(200, stream=Pieces(b"x" * (SHORT + is_long)))), MIB, held)
        parsed_in.append(rounds.n)

    await asyncio.gather(*(one() for _ in range(5)))
    assert sorted(set(parsed_in)) == (parsed_in if is_long else parsed_in[:1])


class Come(MockedAnswer):
    """An answer whose body has come with its head: all of it, or as far as it failed."""

    def __init__(self, body: bytes, headers: Mapping[str, str] | None = None, failed: LineError | None = None) -> None:
        super().__init__(httpx.Response(200, headers=headers, stream=Pieces(body)))
        self._body, self._failure = body, failed

    def at_hand(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        self.is_whole = True
        return self._body


async def test_body_that_is_there_is_held_by_nobody_but_where_it_waits() -> None:
    held, long = Held(SHORT), b"x" * (SHORT + 1)
    held.turns = Turns(0.0)  # only the one that is begun
    assert await read_body("x", Come(long), MIB, held) == long
    assert await read_body("x", Come(long[1:]), MIB, held) == long[1:]
    for body, headers in ((long, {}), (gzip.compress(long), {"content-encoding": "gzip"})):
        with pytest.raises(BadResponse, match="of more than are held"):
            await read_body("x", Come(body, headers), MIB, held)
    assert await read_body("x", Come(ONE, {"content-encoding": "gzip"}), MIB, held) == b"one"
    with pytest.raises(BadResponse, match="longer than 9 bytes"):
        await read_body("x", Come(b"x" * 10), 9, held)


@pytest.mark.parametrize("failed", [RemoteProtocolError("it was cut"), ReadError("it was reset")])
async def test_body_that_fails_before_it_is_waited_for(failed: LineError) -> None:
    kind = BadResponse if isinstance(failed, RemoteProtocolError) else Unavailable
    with pytest.raises(kind, match="after 0 bytes: it was"):
        await read_body("x", Come(b"x", failed=failed), MIB, Held())


async def test_longest_of_too_many_is_given_up() -> None:
    held = Held(1000)
    short, long = Body("okx", held), Body("okx", held)
    held.add(long, b"x" * 700)
    held.add(short, b"x" * 299)
    assert (held.total, long.is_given_up) == (999, False)
    held.add(short, b"x" * 2)
    assert (held.total, long.is_given_up, long.parts, short.is_given_up) == (301, True, [], False)
    held.let_go(short)
    held.let_go(long)
    assert held.total == 0


async def test_body_that_is_given_up_is_refused() -> None:
    held = Held(1000)
    waits = asyncio.Event()

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x" * 700
            await waits.wait()

    long = asyncio.ensure_future(read_body("x", MockedAnswer(httpx.Response(200, stream=Slow())), MIB, held))
    await asyncio.sleep(0)
    assert len(await read_body("x", MockedAnswer(httpx.Response(200, stream=Pieces(b"x" * 400))), MIB, held)) == 400
    waits.set()
    with pytest.raises(BadResponse, match="more than are held"):
        await long
    assert held.total == 0


# What a list can cost. Seconds are of this process alone, and ten times what they are.


def cpu_s(place: tuple[str | int, ...], sent: bytes, step: int = 32 * 1024) -> tuple[float, float]:
    """Seconds of CPU that a list takes, in all and for its longest chunk."""
    cutter = ArrayCutter("x", place)
    longest_s, began = 0.0, time.process_time()
    for at in range(0, len(sent), step):
        before = time.process_time()
        try:
            cutter.feed(sent[at : at + step])
        except BadResponse:
            break
        finally:
            longest_s = max(longest_s, time.process_time() - before)
    return time.process_time() - began, longest_s


SIZE = 900_000


@pytest.mark.no_cover
@together("place", [(), ("result", "list"), (1,), (0, "a")])
@together(
    "piece",
    [
        b"[",
        b"[ ",
        b":[",
        b",[",
        b'{"a":[1],',
        b'"a":[1],',
        b"{},}",
        b"}",
        b"},{",
        b'{"a":',
        b" ",
        b"[{},{},}",
        b'"[',
        b"9",
    ],
)
@together("before", [b"", b"[", b'{"result":', b'{"result":{"list":[', b"[{"])
def test_no_list_takes_long(place: tuple[str | int, ...], piece: bytes, before: bytes) -> None:
    in_all_s, longest_s = cpu_s(place, before + piece * (SIZE // len(piece)))
    assert in_all_s < 1.0
    assert longest_s < 0.5
