"""The reader of answers, with h11 as a witness: on thousands of answers both read the same, or ours refuses."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

import h11
import pytest
from conftest import some, together

from http1 import MAX_HEAD
from http1.answers import (
    MAX_FRAMING,
    MAX_INTERIM,
    MAX_KNOWN,
    MAX_KNOWN_HEAD,
    READ,
    AnswerReader,
    BadAnswer,
    UnaskedBytes,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SAMPLES = (
    OK,
    b'HTTP/1.1 200 OK\r\nDate: now\r\ncontent-type: application/json\r\nContent-Length:  13 \r\n\r\n{"price":"1"}',
    CHUNKED + b"3\r\nabc\r\n00a;x=y\r\n0123456789\r\n0\r\n\r\n",
    CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100\r\n\r\n" + OK,
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 \r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nVia: Content-Length: 7\r\nDate-Of: x\r\nCONTENT-LENGTH: 2 \t\r\n\r\nok",
)


class Read(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    may_go_on: bool


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """As h11 gives them, the values of a name together: it has a repeated length once, a coding in lower case."""
    told: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        told.setdefault(name, []).append(value.lower() if name == b"transfer-encoding" else value)
    return {name: b", ".join(values) for name, values in told.items()}


def ours(pieces: list[bytes], method: str = "GET") -> Read | None:
    """What our reader makes of the pieces, of which b"" is the connection's end; None: it refuses them."""
    reader = AnswerReader(has_body=method != "HEAD")
    head, body = None, b""
    try:
        for piece in pieces:
            reader.receive(piece)
            head = head or reader.head()
            while head is not None and (part := reader.body()):
                body += part
    except BadAnswer:
        return None
    assert head is not None
    assert reader.is_whole
    headers = [(name.encode(), value.encode("latin-1")) for name, value in head.headers.items()]
    return Read(head.status, joined(headers), body, reader.may_go_on)


def theirs(sent: bytes, method: str = "GET") -> Read | None:
    """The same by h11, which leaves bytes after the end where they are."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(sent)
    connection.receive_data(b"")
    head, body = None, b""
    try:
        while connection.their_state not in (h11.DONE, h11.MUST_CLOSE):
            event = connection.next_event()
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, (h11.InformationalResponse, h11.EndOfMessage)):
                return None
    except h11.RemoteProtocolError:
        return None
    if head is None or connection.trailing_data[0]:
        return None
    return Read(head.status_code, joined(each for each in head.headers if each[0].decode() in READ), body, False)


def same_or_refused(sent: bytes, method: str = "GET") -> bool:
    """Whether ours read it; it must then be what h11 read."""
    read = ours([sent, b""], method)
    if read is not None:
        assert read == theirs(sent, method), sent
    return read is not None


@together("sent", SAMPLES)
def test_samples_are_read_as_h11_reads_them(sent: bytes) -> None:
    assert same_or_refused(sent)


@together("sent", SAMPLES)
def test_cut_at_every_byte(sent: bytes) -> None:
    """A connection that closes in the middle: the same, which is nothing but for bodies that end with it."""
    for length in range(len(sent)):
        same_or_refused(sent[:length])


@together("sent", SAMPLES)
def test_in_two_pieces_at_every_byte(sent: bytes) -> None:
    whole = ours([sent, b""])
    assert all(ours([sent[:at], sent[at:], b""]) == whole for at in range(1, len(sent)))
    assert ours([*(sent[at : at + 1] for at in range(len(sent))), b""]) == whole


@together("sent", [sent for sent in SAMPLES if b"until" not in sent])
@together("after", [b"\r\n", b"x", OK, b"\x00"])
def test_bytes_after_the_end_are_refused(sent: bytes, after: bytes) -> None:
    assert ours([sent + after]) is None


SCRAPS = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"1", b"9", b"a", b"F", b"\x00", b"\x80", b"-", b"+"),
    *(
        b"Content-Length: 2\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 2, 2\r\n",
        b"content-length:2\r\n",
        b"chunked",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n", b" folded"),
    *(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0",
        b"HTTP/1.1",
        b"HTTP/2.0",
        b"204",
        b"101",
        b"304",
        b"0\r\n\r\n",
        OK,
    ),
)


def mutated(rng: random.Random) -> bytes:
    sent = rng.choice(SAMPLES)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(sent) + 1)
        upto = min(len(sent), at + rng.choice((0, 0, 0, 1, 1, 2, 5)))
        again = sent[at : at + rng.randint(1, 30)]
        sent = sent[:at] + rng.choice((b"", again, rng.choice(SCRAPS), rng.randbytes(1))) + sent[upto:]
    return sent


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", some(((seed,) for seed in range(4)), 4))
def test_mutated_answers_are_read_alike_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    n = 6000
    n_read = sum(same_or_refused(mutated(rng), rng.choice(("GET", "GET", "GET", "HEAD"))) for _ in range(n))
    assert n / 10 < n_read < n  # it does not agree by refusing all


@together(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2_0\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-type\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-type: a\x7fb\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"\r\n" + OK,
        CHUNKED + b"2\r\nokX\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"fffffffff\r\nok",
        CHUNKED + b"2\r\nok\r\n0\r\nno trailer\r\n\r\n",
        CHUNKED + b"2" + b" " * 300 + b"\r\nok\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_unambiguous_is_refused(sent: bytes) -> None:
    assert ours([sent, b""]) is None


def test_a_long_head_reads_as_a_short_one() -> None:
    """Whose lines are known from the last time; a line that is none is refused each time."""
    long, short = (OK.replace(b"\r\n", b"\r\nX: %b\r\n" % (b"y" * n), 1) for n in (MAX_KNOWN_HEAD, 9))
    assert ours([long, b""]) == ours([short, b""]) == ours([short, b""])
    for head in (long, short, short):
        assert ours([head.replace(b"X:", b"X\n:"), b""]) is None


def test_lines_that_are_new_each_time_make_the_others_forgotten_at_most() -> None:
    """However many: each answer tells its own, and what came before is no answer's."""
    for n in range(3 * MAX_KNOWN):
        told = ours([OK.replace(b"\r\n", b"\r\nDate: %d\r\nX: %d\r\n" % (n, n), 1), b""])
        assert told is not None
        assert told.headers == {b"date": b"%d" % n, b"content-length": b"2"}


def test_bytes_that_nobody_asked_for_are_told_apart() -> None:
    reader = AnswerReader()
    reader.receive(OK + b"HTTP/1.1 200 OK")
    assert reader.head() is not None
    with pytest.raises(UnaskedBytes):
        reader.body()


def test_endless_interim_answers_are_refused() -> None:
    reader = AnswerReader()
    reader.receive(b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1))
    with pytest.raises(BadAnswer, match="nobody asked for"):
        reader.head()


def test_chunks_of_a_byte_each_are_refused() -> None:
    """Beside a body in a few chunks of any size, which is not."""
    reader = AnswerReader()
    reader.receive(CHUNKED + b"1\r\nx\r\n" * MAX_FRAMING)
    assert reader.head() is not None
    with pytest.raises(BadAnswer, match="more framing than body"):
        reader.body()
    assert ours([CHUNKED + b"10\r\n0123456789abcdef\r\n" * 20_000 + b"0\r\n\r\n", b""]) is not None


def test_trailers_without_end_are_refused() -> None:
    reader = AnswerReader()
    reader.receive(CHUNKED + b"0\r\n" + b"X: y\r\n" * MAX_FRAMING)
    assert reader.head() is not None
    with pytest.raises(BadAnswer):
        reader.body()


def test_head_without_end_is_refused() -> None:
    reader = AnswerReader()
    reader.receive(b"HTTP/1.1 200 OK\r\n" + b"X: 0123456789\r\n" * (MAX_HEAD // 15 - 2))
    assert reader.head() is None
    reader.receive(b"X: 0123456789\r\n" * 2)
    with pytest.raises(BadAnswer, match="longer than"):
        reader.head()


def test_what_is_no_answer_is_refused_at_its_first_byte() -> None:
    reader = AnswerReader()
    reader.receive(b"<")
    with pytest.raises(BadAnswer, match="no HTTP"):
        reader.head()
