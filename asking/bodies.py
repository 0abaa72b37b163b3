"""The bodies of answers: unpacked as they arrive, within bounds of their own and of all together.

Every loop here goes on by the bytes that it reads, or ends: bytes on the wire count like unpacked ones, so that what
unpacks to nothing ends as well; and all of them together leave the event loop its turn (http1/turns.py).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NoReturn

from exchanges.errors import BadResponse, MarketError, Unavailable
from http1.turns import Turns
from http1.words import Answer, LineError, RemoteProtocolError

INFLATE_STEP = 64 * 1024
MAX_MEMBERS = 64  # of one gzip stream; servers send one
SHORT = 4 * 1024  # bytes that are parsed at once: of all open connections' answers together 1 MiB, some 20 ms
MAX_HELD = 6 * 1024 * 1024  # bytes of answers that are being read, all together; a long one has 160 KiB


class Held:
    """Keeps the answers that are being read within a bound together: when it is passed, the longest is given up."""

    def __init__(self, most: int = MAX_HELD) -> None:
        self.turns = Turns()
        self._most = most
        self._bodies: set[Body] = set()
        self.total = 0

    def add(self, body: Body, chunk: bytes) -> None:
        self._bodies.add(body)
        body.parts.append(chunk)
        body.size += len(chunk)
        self.total += len(chunk)
        if self.total > self._most:
            longest = max(self._bodies, key=lambda each: each.size)
            self.let_go(longest)
            longest.is_given_up = True

    def let_go(self, body: Body) -> None:
        """Of one that is read, or is given up."""
        if body in self._bodies:
            self._bodies.remove(body)
            self.total -= body.size
        body.parts.clear()  # an error that is kept for its reason may keep a frame that has it


class Body:
    """One answer's body while it is read."""

    __slots__ = ("_exchange", "_held", "is_given_up", "parts", "size")

    def __init__(self, exchange: str, held: Held) -> None:
        self._exchange, self._held = exchange, held
        self.parts: list[bytes] = []
        self.size = 0
        self.is_given_up = False

    def take(self, chunk: bytes) -> None:
        """Raises BadResponse when it is the longest of too many at once."""
        if not self.is_given_up:
            self._held.add(self, chunk)
        if self.is_given_up:
            self.refuse()

    def refuse(self) -> NoReturn:
        raise BadResponse(self._exchange, f"{self.size} bytes, the most of more than are held at once")


async def read_body(exchange: str, answer: Answer, max_bytes: int, held: Held) -> bytes:
    """The whole body, when it is its turn to be parsed.

    Most come whole with their head, and are parsed at once, so that nobody holds them.
    Raises as read_chunks; BadResponse also when it is the longest of too many at once.
    """
    unpack = _unpacking(exchange, answer, max_bytes)
    first = _at_hand(exchange, answer)
    if first is not None and answer.is_whole and unpack is None and len(first) <= max_bytes:  # noqa: SIM102 - two thoughts
        if len(first) <= SHORT or held.turns.at_once():
            return first
    body = Body(exchange, held)
    try:
        reading = _read_on(exchange, answer, first, max_bytes, body.take, held.turns, unpack, is_kept=True)
        del first  # which stays here else until the last piece has come
        await reading
        if body.size > SHORT:
            await held.turns.take()
        if body.is_given_up:
            body.refuse()
        return body.parts[0] if len(body.parts) == 1 else b"".join(body.parts)
    finally:
        held.let_go(body)


async def read_chunks(
    exchange: str, answer: Answer, max_bytes: int, take: Callable[[bytes], None], turns: Turns
) -> None:
    """Hands the body to `take` as it arrives, unpacked, each piece when it is its turn.

    Gzip is unpacked in steps, so that a small answer cannot become a huge one in memory. Raises BadResponse beyond
    max_bytes, packed or unpacked, or when the body is cut or is no gzip; Unavailable when the line fails.
    """
    unpack = _unpacking(exchange, answer, max_bytes)
    await _read_on(exchange, answer, _at_hand(exchange, answer), max_bytes, take, turns, unpack)


def _unpacking(exchange: str, answer: Answer, max_bytes: int) -> Gunzip | None:
    """What unpacks the body, if it is packed. Raises BadResponse where the head already says too much."""
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise BadResponse(exchange, f"the answer has {length} bytes, more than {max_bytes}")
    encoding = answer.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise BadResponse(exchange, f"content-encoding {encoding[:20]!r} was not asked for")
    return Gunzip() if encoding == "gzip" else None


def _at_hand(exchange: str, answer: Answer) -> bytes | None:
    try:
        return answer.at_hand()
    except LineError as error:
        raise _failed(exchange, 0, error) from error


async def _read_on(
    exchange: str,
    answer: Answer,
    raw: bytes | None,
    max_bytes: int,
    take: Callable[[bytes], None],
    turns: Turns,
    unpack: Gunzip | None,
    *,
    is_kept: bool = False,
) -> None:
    """Hands over the first piece, raw, where that has come already, and all that comes after it; as read_chunks.

    is_kept: the pieces are put aside, which is no work that takes turns, unless they have to be unpacked.
    """
    is_work = unpack is not None or not is_kept
    size = packed_size = 0
    try:
        if raw is None:
            raw = await answer.read()
        while raw:
            packed_size += len(raw)
            for chunk in (raw,) if unpack is None else unpack.feed(raw):
                size += len(chunk)
                if size > max_bytes:
                    break
                if is_work:
                    await turns.take()
                take(chunk)
            if size > max_bytes or packed_size > max_bytes:
                raise BadResponse(exchange, f"the answer is longer than {max_bytes} bytes")
            raw = b"" if answer.is_whole else await answer.read()
    except zlib.error as error:
        raise BadResponse(exchange, f"not gzip: {error}") from error
    except LineError as error:
        raise _failed(exchange, size, error) from error
    if unpack is not None and not unpack.is_whole:
        raise BadResponse(exchange, f"the gzip answer was cut after {size} bytes")


def _failed(exchange: str, size: int, error: LineError) -> MarketError:
    """What a failure after so many bytes means."""
    if isinstance(error, RemoteProtocolError):
        return BadResponse(exchange, f"the answer was cut after {size} bytes: {error}")
    return Unavailable(exchange, f"the line failed after {size} bytes: {error}")


class Gunzip:
    """Unpacks gzip (RFC 1952): one member after another; zeros after the last are padding. No I/O.

    Raises zlib.error for anything else.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._n_members = 1
        self._is_padding = False

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """What these bytes unpack to, in steps of at most INFLATE_STEP."""
        while raw:
            if self._member.eof and not self._begin_member(raw):
                return
            while True:
                step = self._member.decompress(raw, INFLATE_STEP)
                yield step
                raw = self._member.unconsumed_tail
                if self._member.eof or (not raw and len(step) < INFLATE_STEP):
                    break
            raw = self._member.unused_data

    def _begin_member(self, raw: bytes) -> bool:
        """Whether another member begins with these bytes, and not only padding goes on."""
        if not raw.strip(b"\0"):
            self._is_padding = True
            return False
        self._n_members += 1
        if self._is_padding or self._n_members > MAX_MEMBERS:
            raise zlib.error("after its end something goes on")
        self._member = zlib.decompressobj(wbits=31)
        return True
