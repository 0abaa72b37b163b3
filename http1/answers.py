"""Reads the answer to one request from bytes as they arrive. No I/O.

Strict where a lax reader could be led to take one answer for another (RFC 9112 §6.3, §11.2): whatever leaves open
where an answer ends, or has bytes after that end, is refused. h11, which takes more than this, is the witness in
tests/test_http1_answers.py: both read the same, or this one refuses.

Not taken: HTTP/0.9, folded header lines, lines that end in a bare line feed, an upgrade (101), transfer codings other
than chunked. What follows a chunk's size, and trailers, are checked and thrown away.

Memory and CPU: keeps what has arrived and was not yet asked for, and looks at each byte of it once. Framing has
bounds of its own: heads before the answer end at MAX_INTERIM, chunks of one byte each at MAX_FRAMING. What the last
MAX_KNOWN different lines of heads say is kept, some 64 KiB, and at most 512, where each head is a long one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, Protocol

from http1 import MAX_HEAD

MAX_INTERIM = 8  # 1xx answers before the answer; nothing that we ask calls for one
MAX_FRAMING = 16 * 1024  # bytes of chunk sizes and trailers, beyond as many as there are of body
MAX_CHUNK_LINE = 256  # bytes
MAX_DIGITS = 15  # of a body's length
MAX_KNOWN = 256  # lines of heads whose reading is kept: an exchange sends nearly the same 25 with every answer
MAX_STATUSES = 16  # first lines, likewise
MAX_KNOWN_HEAD = 2048  # bytes of a head whose lines are kept; those of exchanges have some 1000

_START = b"HTTP/1."
_TEXT = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: " + _TEXT + rb")?")
_HEADER_LINE = re.compile(rb"(" + _TOKEN + rb"):(" + _TEXT + rb")")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;" + _TEXT + rb"|[ \t]*)\r\n")
_OF_A_BODY = ("content-length", "transfer-encoding")
READ = {
    *("content-length", "transfer-encoding", "connection", "content-type", "content-encoding", "date", "location"),
    *("retry-after", "x-mbx-used-weight-1m", "x-gate-ratelimit-requests-remain", "x-bapi-limit-reset-timestamp"),
}
"""The headers that somebody here reads, of the 25 that exchanges send."""
_NAMES = {spelled.encode(): name for name in READ for spelled in (name, name.title())}
"""As they are nearly always spelled. Their lines are read for half of what the expression takes that reads any."""


class BadAnswer(Exception):
    """Not HTTP/1.1, ambiguous, cut, or beyond the bounds."""


class UnaskedBytes(BadAnswer):
    """More bytes came than the answer has: to which question they belong, nobody knows."""


class Head(NamedTuple):
    """Of an answer. headers: those of READ, with their names in lower case; a repeated one's values are joined."""

    status: int
    headers: dict[str, str]
    is_1_1: bool


class AnswerReader:
    """`receive` bytes, ask for the head, then for pieces of the body until b"", which is its end.

    `head` and `body` give None when they need more bytes, and raise BadAnswer.
    """

    __slots__ = ("_at_end", "_body", "_buffer", "_has_body", "_is_kept", "_n_interim", "_searched", "is_whole")

    def __init__(self, *, has_body: bool = True) -> None:
        """has_body: False for the answer to HEAD."""
        self.is_whole = False
        self._has_body = has_body
        self._buffer = b""
        self._searched = 0  # no head ends before this
        self._at_end = False
        self._n_interim = 0
        self._is_kept = False
        self._body: _Body = _NOTHING

    def receive(self, data: bytes) -> None:
        """More bytes; b"" says that the other side has closed."""
        if data:
            self._buffer = self._buffer + data if self._buffer else data
        else:
            self._at_end = True

    @property
    def may_go_on(self) -> bool:
        """Whether the answer is whole and another request may follow on its connection (RFC 9112 §9.3)."""
        return self.is_whole and self._is_kept and not self._at_end

    def head(self) -> Head | None:
        """The answer's; 1xx answers before it are skipped."""
        while (end := self._end_of_head()) is not None:
            head = _read_head(self._buffer[: end - 4])
            self._buffer, self._searched = self._buffer[end:], 0
            if head.status >= 200:
                self._body, self._is_kept = _framing(head, self._has_body)
                return head
            self._n_interim += 1
            has_body = not head.headers.keys().isdisjoint(_OF_A_BODY)
            if head.status == 101 or has_body or self._n_interim > MAX_INTERIM:
                raise BadAnswer(f"an answer {head.status} that nobody asked for")
        return None

    def _end_of_head(self) -> int | None:
        buffer = self._buffer
        if not buffer and not self._at_end:
            return None
        if not buffer.startswith(_START) and not _START.startswith(buffer):
            raise BadAnswer("what came is no HTTP/1.1")
        at = buffer.find(b"\r\n\r\n", self._searched, MAX_HEAD)
        if at >= 0:
            return at + 4
        if len(buffer) >= MAX_HEAD:
            raise BadAnswer(f"the head is longer than {MAX_HEAD} bytes")
        if self._at_end:
            raise BadAnswer("the connection was closed without a whole head")
        self._searched = max(0, len(buffer) - 3)
        return None

    def body(self) -> bytes | None:
        """What has come of the body."""
        if self.is_whole:
            return b""
        body = self._body
        piece, self._buffer = body.cut(self._buffer)
        if body.is_done or (self._at_end and body.ends_with_the_connection):
            if self._buffer:
                raise UnaskedBytes(f"{len(self._buffer)} bytes came after the answer's end")
            self.is_whole = True
            return piece
        if self._at_end and not piece:
            raise BadAnswer("the connection was closed before the answer's end")
        return piece or None


def _read_head(head: bytes) -> Head:
    """The head's lines, without the empty one that ends it."""
    first, *lines = head.split(b"\r\n")
    is_usual = len(head) <= MAX_KNOWN_HEAD
    status, is_1_1 = (_known_status if is_usual else _status)(first)
    told = list(filter(None, map(_known.__getitem__ if is_usual else _header, lines)))
    headers = dict(told)
    return Head(status, headers if len(headers) == len(told) else _joined(told), is_1_1)


def _joined(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each name's values as one line could have told them (RFC 9110 §5.3); the same length, told twice, once (§8.6)."""
    headers: dict[str, str] = {}
    for name, value in told:
        before = headers.get(name)
        is_new = before is None or (before == value and name == "content-length")
        headers[name] = value if is_new else f"{before}, {value}"
    return headers


def _status(line: bytes) -> tuple[int, bool]:
    """The status that a first line tells, and whether it is one of HTTP/1.1."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise BadAnswer("the answer has no status line of HTTP/1.1")
    return int(found[2]), found[1] == b"1"


def _header(line: bytes) -> tuple[str, str] | None:
    """A header's name and value; None for one that nobody reads."""
    start, colon, rest = line.partition(b":")
    if colon and (name := _NAMES.get(start)) and (value := rest.decode("latin-1")).isprintable():
        return name, value.strip(" ")
    found = _HEADER_LINE.fullmatch(line)
    if found is None:
        raise BadAnswer("one of the answer's header lines is none")
    name = found[1].decode("ascii").lower()
    return (name, found[2].strip(b" \t").decode("latin-1")) if name in READ else None


class _Known(dict[bytes, tuple[str, str] | None]):
    """What header lines say, as long as they were among the last MAX_KNOWN that were new, or nearly.

    Two halves, of which the older is forgotten when the newer is full: to look a line up costs half of what it does
    in an lru_cache, which keeps them all in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[bytes, tuple[str, str] | None] = {}

    def __missing__(self, line: bytes) -> tuple[str, str] | None:
        header = self._older[line] if line in self._older else _header(line)
        if len(self) >= MAX_KNOWN // 2:
            self._older = dict(self)
            self.clear()
        self[line] = header
        return header


_known, _known_status = _Known(), lru_cache(MAX_STATUSES)(_status)


def _framing(head: Head, has_body: bool) -> tuple[_Body, bool]:
    """How the body is cut out of what follows (RFC 9112 §6.3), and whether the connection goes on after it."""
    told = head.headers.get
    length, coding, options = told("content-length"), told("transfer-encoding"), told("connection", "").lower()
    is_kept = head.is_1_1 and not ("close" in options and "close" in [each.strip(" \t") for each in options.split(",")])
    if coding is not None and (coding.lower() != "chunked" or length is not None or not head.is_1_1):
        raise BadAnswer("the body's end is told in two ways, or in one that is not known")
    if length is not None and not (length.isdecimal() and len(length) <= MAX_DIGITS):
        raise BadAnswer("the body's length is no number, or two")
    if not has_body or head.status in (204, 304):
        return _NOTHING, is_kept
    if coding is not None:
        return _InChunks(), is_kept
    if length is None:
        return _UntilClosed(), False
    return _ByLength(int(length)), is_kept


class _Body(Protocol):
    """Cuts a body out of the bytes after the head."""

    is_done: bool
    ends_with_the_connection: bool

    def cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        """What of these bytes is body, and what is left over."""
        ...


class _UntilClosed:
    is_done = False
    ends_with_the_connection = True

    def cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        return buffer, b""


class _ByLength:
    ends_with_the_connection = False

    def __init__(self, left: int) -> None:
        self._left = left
        self.is_done = not left

    def cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        piece, rest = (buffer, b"") if len(buffer) <= self._left else (buffer[: self._left], buffer[self._left :])
        self._left -= len(piece)
        self.is_done = not self._left
        return piece, rest


_NOTHING = _ByLength(0)


class _InChunks:
    """RFC 9112 §7.1: a size in hexadecimal, so many bytes, and so on until a size of 0; then trailers."""

    ends_with_the_connection = False

    def __init__(self) -> None:
        self.is_done = False
        self._left = 0  # of the chunk
        self._is_in_chunk = False  # between its size and the line that ends it
        self._is_in_trailers = False
        self._allowed = MAX_FRAMING  # bytes of framing still

    def cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        pieces = []
        at, end = 0, len(buffer)
        while at < end and not self.is_done:
            if self._left:
                piece = buffer[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                self._allowed += len(piece)
                at += len(piece)
                continue
            line_end = buffer.find(b"\r\n", at, at + MAX_CHUNK_LINE) + 2
            if line_end == 1:
                if end - at >= MAX_CHUNK_LINE:
                    raise BadAnswer(f"a line between chunks is longer than {MAX_CHUNK_LINE} bytes")
                break
            self._allowed -= line_end - at
            if self._allowed < 0:
                raise BadAnswer("the answer is more framing than body")
            self._take_line(buffer, at, line_end)
            at = line_end
        return b"".join(pieces), buffer[at:]

    def _take_line(self, buffer: bytes, at: int, end: int) -> None:
        """A line outside of a chunk's bytes: its end, a size, a trailer, or the last one, which is empty."""
        if self._is_in_chunk:
            if end - at != 2:
                raise BadAnswer("a chunk is longer than its size")
            self._is_in_chunk = False
        elif self._is_in_trailers:
            self.is_done = end - at == 2
            trailer = _HEADER_LINE.fullmatch(buffer, at, end - 2)
            if not self.is_done and (trailer is None or trailer[1].decode("ascii").lower() in _OF_A_BODY):
                raise BadAnswer("a trailer is no header line, or one that belongs before the body")
        else:
            size = _CHUNK_LINE.match(buffer, at)
            if size is None:
                raise BadAnswer("a chunk's size is no number")
            self._left = int(size[1], 16)
            self._is_in_chunk, self._is_in_trailers = self._left > 0, self._left == 0
