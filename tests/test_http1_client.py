"""The client transport against servers that misbehave."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import certifi
import pytest
import trustme
from turning import Rounds
from wires import a_peer, a_server

from http1 import links
from http1.client import DISTRUST_S, IDLE_KEEP_S, LATELY_S, Transport, certifis_file
from http1.names import Names
from http1.turns import Turns
from http1.words import (
    Answer,
    ConnectError,
    ConnectTimeout,
    LineError,
    PoolTimeout,
    ReadTimeout,
    RemoteProtocolError,
    Timeouts,
    to_ask,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def get(transport: Transport, url: str, **timeouts: float) -> bytes:
    answer = await transport.send(to_ask("GET", url, {}), Timeouts(**timeouts))
    try:
        return await whole(answer)
    finally:
        answer.close()


async def whole(answer: Answer) -> bytes:
    body = b""
    while piece := await answer.read():
        body += piece
    return body


async def post(transport: Transport, url: str, content: bytes) -> bytes:
    answer = await transport.send(to_ask("POST", url, {}, content))
    try:
        return await whole(answer)
    finally:
        answer.close()


async def test_transport_uses_a_connection_again() -> None:
    async with a_server() as (server, port):
        transport = Transport()
        for _ in range(3):
            assert await post(transport, f"http://127.0.0.1:{port}/a", b"hello") == b"POST /a hello"
        assert server.n_connections == 1
        await transport.aclose()


async def test_answer_has_status_and_the_headers_that_are_read() -> None:
    said = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nX-Other: 1\r\nDate: a\r\ndate: b\r\nContent-Length: 0\r\n\r\n"
    async with a_peer(lambda reader, writer: talks(reader, writer, said)) as url:
        transport = Transport()
        answer = await transport.send(to_ask("GET", url, {}))
        assert (answer.status, answer.headers) == (429, {"retry-after": "7", "date": "a, b", "content-length": "0"})
        answer.close()
        await transport.aclose()


async def test_transport_lifo_and_bounds() -> None:
    async with a_server() as (server, port):
        transport = Transport(max_idle=2)
        await asyncio.gather(*(get(transport, f"http://127.0.0.1:{port}/slow") for _ in range(5)))
        await asyncio.sleep(0.05)
        assert server.n_connections == 2
        await transport.aclose()


@pytest.mark.real_time
async def test_what_forty_cards_use_at_once_is_kept() -> None:
    """Seven requests each, three of them to one host and four to another, of which 128 may be open."""
    async with a_server(max_connections=256) as (_, spot), a_server(max_connections=256) as (_, perp):
        transport = Transport()
        ports = [spot] * 120 + [perp] * 128
        for _ in range(2):
            await asyncio.gather(*(get(transport, f"http://127.0.0.1:{port}/slow") for port in ports))
        assert (transport.counts.opened, transport.counts.reused) == (248, 248)
        await transport.aclose()


async def test_transport_waits_for_a_place() -> None:
    async with a_server() as (server, port):
        transport = Transport(max_per_origin=1)
        first = asyncio.ensure_future(get(transport, f"http://127.0.0.1:{port}/slow"))
        await asyncio.sleep(0.02)
        with pytest.raises(PoolTimeout):
            await get(transport, f"http://127.0.0.1:{port}/", pool=0.05)
        assert await first == b"GET /slow "
        assert await get(transport, f"http://127.0.0.1:{port}/", pool=0.05) == b"GET / "
        assert server.n_connections == 1
        await transport.aclose()


async def test_transport_stale_connection_is_replaced() -> None:
    """The peer closes after every answer without saying so."""
    n_connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_connections
        n_connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read(1)  # the next request arrives, and is met by a closed door

    async with a_peer(talk) as url:
        transport = Transport()
        assert [await get(transport, url) for _ in range(3)] == [b"ok"] * 3
        assert n_connections == 3
        await transport.aclose()


async def test_transport_408_to_an_idle_connection_is_no_answer() -> None:
    """The peer tells the idle connection that it has waited too long; the next request has not been seen yet."""
    n_connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_connections
        n_connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with a_peer(talk) as url:
        transport = Transport()
        assert await get(transport, url) == b"ok"
        await asyncio.sleep(0.05)
        assert await get(transport, url) == b"ok"
        assert n_connections == 2
        await transport.aclose()


async def test_transport_old_idle_connection_is_not_used() -> None:
    ends: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        ends.append(await reader.read())  # until it is closed

    async with a_peer(talk) as url:
        transport = Transport()
        await get(transport, url)
        await asyncio.sleep(IDLE_KEEP_S + 1)
        assert await get(transport, url) == b"ok"
        await asyncio.sleep(0.05)
        assert ends == [b""]
        await transport.aclose()


async def test_transport_place_is_given_back_when_the_house_is_full() -> None:
    async with a_server() as (_, port):
        transport = Transport(max_per_origin=2, max_open=1, own_places=0)
        first = asyncio.ensure_future(get(transport, f"http://127.0.0.1:{port}/slow"))
        await asyncio.sleep(0.02)
        for _ in range(3):  # more often than there are places at the origin
            with pytest.raises(PoolTimeout):
                await get(transport, f"http://127.0.0.1:{port}/", pool=0.01)
        assert await first == b"GET /slow "
        assert await get(transport, f"http://127.0.0.1:{port}/", pool=0.5) == b"GET / "
        await transport.aclose()


async def test_hosts_that_hang_take_no_place_of_others() -> None:
    """Everything that is shared is taken by one host; another still has its own."""
    async with a_peer(lambda reader, writer: reader.read()) as silent, a_server() as (_, port):
        transport = Transport(max_open=3, own_places=2)
        waiting = [asyncio.ensure_future(get(transport, silent)) for _ in range(9)]
        await asyncio.sleep(0.05)
        got = await asyncio.gather(*(get(transport, f"http://127.0.0.1:{port}/", pool=0.5) for _ in range(2)))
        assert got == [b"GET / "] * 2
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        slow = (get(transport, f"http://127.0.0.1:{port}/slow", pool=0.05) for _ in range(5))
        assert await asyncio.gather(*slow) == [b"GET /slow "] * 5, "all places are free again"
        await transport.aclose()


@pytest.mark.real_time  # a thread looks up
async def test_who_waits_for_a_name_holds_no_place() -> None:
    released = threading.Event()

    def silent(host: str) -> list[Any]:
        released.wait(5)
        return []

    transport = Transport(max_per_origin=1, names=Names(silent))
    waiting = [asyncio.ensure_future(get(transport, "http://silent.example/", pool=0.02)) for _ in range(3)]
    await asyncio.sleep(0.1)
    released.set()  # by now who had waited for another's place would have given up
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [ConnectError] * 3
    await transport.aclose()


async def test_transport_post_is_not_sent_twice() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read(1)

    async with a_peer(talk) as url:
        transport = Transport()
        await get(transport, url)
        with pytest.raises(RemoteProtocolError):
            await post(transport, url, b"x")
        await transport.aclose()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", RemoteProtocolError),
        (b"nonsense\r\n\r\n", RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", RemoteProtocolError),
    ],
)
async def test_transport_broken_answer(said: bytes, error: type[Exception]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    async with a_peer(talk) as url:
        transport = Transport()
        with pytest.raises(error):
            await get(transport, url)
        await transport.aclose()


async def test_transport_skips_informational_answers() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)

    async with a_peer(talk) as url:
        transport = Transport()
        assert await get(transport, url) == b"ok"
        await transport.aclose()


async def test_transport_timeouts() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await reader.read()

    transport = Transport()
    async with a_peer(silent) as url:
        with pytest.raises(ReadTimeout):
            await get(transport, url, read=0.05)
    async with a_peer(stalls) as url:
        with pytest.raises(ReadTimeout):
            await get(transport, url, read=0.05)
    await transport.aclose()


@pytest.mark.real_time  # a thread looks up
async def test_transport_refused_and_unknown_host() -> None:
    def unknown(host: str) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not known")

    transport = Transport(names=Names(unknown))
    async with a_peer(lambda *_: asyncio.sleep(0)) as url:
        pass
    with pytest.raises(ConnectError):
        await get(transport, url)
    with pytest.raises(ConnectError):
        await get(transport, "http://no-such-host.invalid/")
    await transport.aclose()


def test_authorities_arecertifis_file() -> None:
    assert certifis_file() == certifi.where()


async def test_transport_verifies_certificates(tmp_path: object) -> None:
    """A server that speaks no TLS, and our context's settings: verification is on."""
    transport = Transport()
    context = transport._tls_context()
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.check_hostname
    async with a_server() as (_, port):
        with pytest.raises(ConnectError):
            await get(transport, f"https://127.0.0.1:{port}/")
    await transport.aclose()


async def test_transport_compressed_body_passes_through() -> None:
    packed = gzip.compress(b"hello")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    async with a_peer(talk) as url:
        transport = Transport()
        assert await get(transport, url) == packed
        await transport.aclose()


async def once(transport: Transport, url: str) -> bytes | str:
    """A body, or the name of the error."""
    try:
        return await get(transport, url)
    except LineError as error:
        return type(error).__name__


async def until(is_so: Callable[[], bool]) -> None:
    """Turns the loop until it is so, for at most 5 s."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


# What nobody asked for.


async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *answers: bytes) -> None:
    """An answer to each request."""
    for answer in answers:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
    await reader.read()


async def test_second_answer_on_an_idle_connection_is_nobody_s() -> None:
    late = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await late.wait()
        writer.write(OK.replace(b"ok", b"no"))
        await reader.read()

    async with a_peer(talk) as url:
        transport = Transport()
        assert await get(transport, url) == b"ok"
        late.set()
        await until(lambda: transport.counts.unasked == 1)
        late.clear()
        assert await get(transport, url) == b"ok"
        assert (transport.counts.opened, transport.counts.reused) == (2, 0)
        await transport.aclose()


async def test_second_answer_that_has_not_been_seen_yet_is_nobody_s() -> None:
    """It lies in the system's buffer when the next request is made, and the loop has had no turn since."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        transport = Transport()

        async def asked_and_answered(body: bytes) -> tuple[bytes, socket.socket]:
            getting = asyncio.ensure_future(get(transport, url))
            peer, _ = await asyncio.to_thread(listening.accept)
            await asyncio.to_thread(peer.recv, 1000)
            peer.sendall(OK.replace(b"ok", body))
            return await getting, peer

        body, peer = await asked_and_answered(b"1.")
        peer.sendall(OK.replace(b"ok", b"no"))
        assert body == b"1."
        body, second_peer = await asked_and_answered(b"2.")
        assert body == b"2."
        await transport.aclose()
        peer.close()
        second_peer.close()


async def test_bytes_after_an_answer_make_it_unusable() -> None:
    async with a_peer(lambda reader, writer: talks(reader, writer, OK + b"HTTP/1.1 200 OK")) as url:
        transport = Transport()
        assert await once(transport, url) == "RemoteProtocolError"
        assert transport.counts.unasked == 1
        await transport.aclose()


async def test_length_and_chunks_together_are_refused() -> None:
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with a_peer(lambda reader, writer: talks(reader, writer, both, both)) as url:
        transport = Transport()
        assert [await once(transport, url) for _ in range(2)] == ["RemoteProtocolError"] * 2
        assert transport.counts.opened == 2
        await transport.aclose()


async def test_who_has_spoken_unasked_gets_one_request_a_connection() -> None:
    """Until it is forgotten: another second answer would otherwise shift all that follow."""
    now = 0.0
    answers = [OK + b"x", *[OK] * 9]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.pop(0))

    async with a_peer(talk) as url:
        transport = Transport(clock=lambda: now)
        assert await once(transport, url) == "RemoteProtocolError"
        assert [await get(transport, url) for _ in range(3)] == [b"ok"] * 3
        assert (transport.counts.opened, transport.counts.reused) == (4, 0)
        now = DISTRUST_S + 1
        assert [await get(transport, url) for _ in range(3)] == [b"ok"] * 3
        assert (transport.counts.opened, transport.counts.reused) == (5, 2)
        await transport.aclose()


async def test_408_to_an_idle_connection_is_no_reason_for_distrust() -> None:
    answered = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await answered.wait()
        answered.clear()
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    async with a_peer(talk) as url:
        transport = Transport()
        for _ in range(3):
            assert await get(transport, url) == b"ok"
            answered.set()
            await until(lambda: transport.n_idle == 0)
        assert transport.counts.unasked == 0
        await transport.aclose()


# What is kept.


async def test_as_many_connections_are_kept_as_were_in_use_lately() -> None:
    now = 0.0
    async with a_server() as (_, port):
        url = f"http://127.0.0.1:{port}/"
        transport = Transport(clock=lambda: now)
        for _ in range(3):
            await asyncio.gather(*(get(transport, url) for _ in range(10)))
        assert transport.counts.opened == 10
        for _ in range(3):
            now += LATELY_S + 1
            await get(transport, url)
        assert transport.n_idle == 1
        await transport.aclose()


async def test_connections_that_the_other_side_closes_are_forgotten() -> None:
    async with a_server() as (server, port):
        transport = Transport()
        await get(transport, f"http://127.0.0.1:{port}/")
        await server.close(1)
        await until(lambda: transport.n_idle == 0)
        await transport.aclose()


async def test_connections_that_nobody_needs_are_closed_in_time() -> None:
    now = 0.0
    async with a_server() as (server, port):
        transport = Transport(clock=lambda: now)
        await asyncio.gather(*(get(transport, f"http://127.0.0.1:{port}/") for _ in range(3)))
        transport.sweep()
        assert (transport.n_idle, server.n_connections) == (3, 3)
        now = IDLE_KEEP_S
        transport.sweep()
        await until(lambda: server.n_connections == 0)
        await transport.aclose()


async def test_answer_that_comes_faster_than_it_is_read_waits_outside() -> None:
    size = 4 * 1024 * 1024

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talks(reader, writer, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    async with a_peer(talk) as url:
        transport = Transport()
        answer = await transport.send(to_ask("GET", url, {}))
        await asyncio.sleep(0.05)
        pieces = []
        while piece := await answer.read():
            pieces.append(len(piece))
        assert sum(pieces) == size
        assert max(pieces) <= 2 * links.READ_SIZE
        answer.close()
        await transport.aclose()


async def test_endless_answers_leave_the_loop_to_others() -> None:
    """Chunks of 16 bytes without end: half of them is framing, which is as much as may be."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10\r\n0123456789abcdef\r\n" * 4000)
            await writer.drain()

    async with a_peer(talk) as url:
        transport = Transport()
        getting = asyncio.ensure_future(get(transport, url))
        for _ in range(100):
            await asyncio.sleep(0)  # each turn is short: others get theirs
        getting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await getting
        await transport.aclose()


async def test_failed_connections_hold_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the collector: an error that was kept would hold its frames, and they the link."""
    seen: list[weakref.ref[links.Link]] = []
    made = links.Link.connection_made

    def noted(link: links.Link, transport: asyncio.BaseTransport) -> None:
        seen.append(weakref.ref(link))
        made(link, transport)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    monkeypatch.setattr(links.Link, "connection_made", noted)
    async with a_peer(talk) as url:
        transport = Transport()
        gc.disable()
        try:
            for _ in range(3):
                await once(transport, url)
            await asyncio.sleep(0.05)
            assert [link() for link in seen] == [None] * 3
        finally:
            gc.enable()
        await transport.aclose()


# TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def of_server(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_with_an_authority_of_ours(authority: trustme.CA, ca_file: str) -> None:
    tls = of_server(authority, "127.0.0.1")
    async with a_peer(lambda reader, writer: talks(reader, writer, OK, OK, OK), tls) as url:
        transport = Transport(ca_file=ca_file)
        assert [await get(transport, url) for _ in range(3)] == [b"ok"] * 3
        assert (transport.counts.opened, transport.counts.reused) == (1, 2)
        await transport.aclose()


@pytest.mark.parametrize("size", [1, 7, 600, 100_000])
def test_tls_of_several_records_cut_anywhere(authority: trustme.CA, ca_file: str, size: int) -> None:
    """In pieces of that size; the last one has the goodbye as well."""
    to_server, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = of_server(authority, "a.example").wrap_bio(to_server, to_us, server_side=True)
    tls = links.Tls(ssl.create_default_context(cafile=ca_file), "a.example")
    to_server.write(tls.begin())
    while not tls.is_ready:
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        assert tls.receive(to_us.read()) == b""
        to_server.write(tls.to_send())
    server.do_handshake()
    for each in (b"one", b"two" * 5000, b"three"):
        server.write(each)
    with suppress(ssl.SSLWantReadError):
        server.unwrap()
    sent, received, at_end = to_us.read(), b"", list[bool]()
    for at in range(0, len(sent), size):
        received += tls.receive(sent[at : at + size])
        at_end.append(tls.is_at_end)
    assert received == b"one" + b"two" * 5000 + b"three"
    assert at_end == [False] * (len(at_end) - 1) + [True]


async def test_tls_session_is_resumed(authority: trustme.CA, ca_file: str) -> None:
    tls = of_server(authority, "127.0.0.1")
    closing = OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    async with a_peer(lambda reader, writer: talks(reader, writer, closing), tls) as url:
        transport = Transport(ca_file=ca_file)
        assert [await get(transport, url) for _ in range(3)] == [b"ok"] * 3
        assert (transport.counts.opened, transport.counts.resumed) == (3, 2)
        await transport.aclose()


async def test_tls_connections_that_are_wanted_at_once_are_opened_round_by_round(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, begun, tls_of = Rounds(), list[int](), links.Tls

    def begin(*of: Any) -> links.Tls:
        begun.append(rounds.n)
        return tls_of(*of)

    monkeypatch.setattr("http1.client.Tls", begin)
    async with a_peer(lambda reader, writer: talks(reader, writer, OK), of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        transport.turns = Turns(0.0)
        await asyncio.gather(*(get(transport, url) for _ in range(5)))
        assert len(begun) == len(set(begun)) == 5
        await transport.aclose()


async def test_tls_large_answer(authority: trustme.CA, ca_file: str) -> None:
    size = 3_000_000
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    async with a_peer(lambda reader, writer: talks(reader, writer, large), of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        assert len(await get(transport, url)) == size
        await transport.aclose()


async def test_tls_of_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    async with a_peer(lambda *_: asyncio.sleep(0), of_server(authority, "127.0.0.1")) as url:
        transport = Transport()
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(transport, url, connect=5)
        await transport.aclose()


async def test_tls_of_another_name_is_refused(authority: trustme.CA, ca_file: str) -> None:
    async with a_peer(lambda *_: asyncio.sleep(0), of_server(authority, "other.example")) as url:
        transport = Transport(ca_file=ca_file)
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(transport, url, connect=5)
        await transport.aclose()


async def test_tls_second_answer_is_nobody_s(authority: trustme.CA, ca_file: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talks(reader, writer, OK + b"x")

    async with a_peer(talk, of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        assert await once(transport, url) == "RemoteProtocolError"
        await transport.aclose()


async def test_tls_that_speaks_before_it_is_asked_is_dropped(authority: trustme.CA, ca_file: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await talks(reader, writer, OK)

    async with a_peer(talk, of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        told = await once(transport, url)
        assert told in (b"ok", "ConnectError", "ReadError")  # pushed after our question, nobody can tell
        assert transport.n_idle == 0 or not transport.counts.unasked
        await transport.aclose()


async def test_tls_cut_without_goodbye_ends_no_body(authority: trustme.CA, ca_file: str) -> None:
    """A body that ends with the connection could have been cut by anybody on the way."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n[1,2")
        await writer.drain()
        writer.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
        await reader.read()

    async with a_peer(talk, of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        assert await once(transport, url) == "ReadError"
        await transport.aclose()


async def test_tls_goodbye_ends_a_body(authority: trustme.CA, ca_file: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n[1,2]")

    async with a_peer(talk, of_server(authority, "127.0.0.1")) as url:
        transport = Transport(ca_file=ca_file)
        assert await get(transport, url) == b"[1,2]"
        await transport.aclose()


async def test_tls_handshake_that_never_ends() -> None:
    async with a_peer(lambda reader, _: reader.read()) as url:
        transport = Transport()
        with pytest.raises(ConnectTimeout):
            await get(transport, url.replace("http:", "https:"), connect=0.05)
        await transport.aclose()
