"""The HTTP server spoken to by http.client, httpx and raw bytes; the transport against servers that misbehave."""

from __future__ import annotations

import asyncio
import errno
import gzip
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

import http1
from http1 import HTTPError, Request, Response, Server, Transport

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(request: Request) -> Response:
    """Answers with method, path, and the body where it is wanted."""
    if request.path == "/refuse":
        raise HTTPError(401, "no", [("x-why", "because")])
    if request.path == "/crash":
        raise RuntimeError("secret details")
    if request.path == "/slow":
        await asyncio.sleep(0.2)
    body = await request.body(1000) if request.method == "POST" else b""
    return Response(200, f"{request.method} {request.path} ".encode() + body, "text/plain")


@asynccontextmanager
async def a_server(handler: http1.Handler = echo, max_connections: int = 128) -> AsyncIterator[tuple[Server, int]]:
    server = Server(handler, max_connections)
    (port,) = await server.start("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close(1)


async def connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def exchange(port: int, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await connect(port)
    writer.write(sent)
    try:
        return await answer(reader)
    finally:
        writer.close()


async def is_gone(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes, or resets, without another word."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


def post(body: bytes, path: str = "/") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_http_client_of_the_standard_library() -> None:
    async with a_server() as (_, port):

        def ask() -> tuple[int, bytes, int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/a", b"one")
            first = connection.getresponse()
            body = first.read()
            connection.request("GET", "/b?c=d")
            second = connection.getresponse()
            result = first.status, body, second.status, second.read()
            connection.close()
            return result

        assert await asyncio.to_thread(ask) == (200, b"POST /a one", 200, b"GET /b ")


async def test_httpx_keeps_the_connection() -> None:
    async with a_server() as (server, port), httpx.AsyncClient() as client:
        for _ in range(3):
            response = await client.post(f"http://127.0.0.1:{port}/x", content=b"hello")
            assert response.text == "POST /x hello"
        assert server.n_connections == 1


async def test_bytes_one_at_a_time() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        for byte in post(b"hello", "/drip"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[2] == b"POST /drip hello"
        writer.close()


async def test_pipelined_requests_in_order() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(post(b"1", "/slow") + post(b"2") + b"GET /three HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(await answer(reader))[2] for _ in range(3)] == [b"POST /slow 1", b"POST / 2", b"GET /three "]
        writer.close()


async def test_chunked_body() -> None:
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with a_server() as (_, port):
        assert await exchange(port, sent) == (200, await _headers(port, sent), b"POST / abcde")


async def _headers(port: int, sent: bytes) -> dict[str, str]:
    return (await exchange(port, sent))[1]


async def test_head_has_length_without_body() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 8" in head
        assert (await answer(reader))[2] == b"GET /y "
        writer.close()


async def test_expect_continue() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"ok")
        assert (await answer(reader))[2] == b"POST / ok"
        writer.close()


async def test_refusal_before_the_body_is_read() -> None:
    """The client never sends its body, and is answered nevertheless."""
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        status, headers, body = await answer(reader)
        assert (status, body, headers["x-why"], headers["connection"]) == (401, b'{"error":"no"}', "because", "close")
        writer.close()


async def test_refusal_reaches_a_client_that_is_still_sending() -> None:
    async with a_server() as (_, port):

        def ask() -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/refuse", b"x" * 2_000_000)
            status = connection.getresponse().status
            connection.close()
            return status

        assert await asyncio.to_thread(ask) == 401


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_body_too_large(framing: str) -> None:
    body = b"x" * 1001
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + b"\r\n0\r\n\r\n"
    async with a_server() as (_, port):
        status, _, text = await exchange(port, post(body) if framing == "length" else chunked)
        assert status == 413
        assert text == b'{"error":"the body is larger than 1000 bytes"}'


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
    ],
)
async def test_malformed_head(sent: bytes, status: int) -> None:
    async with a_server() as (_, port):
        got, headers, _ = await exchange(port, sent)
        assert (got, headers["connection"]) == (status, "close")


async def test_cut_body() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(post(b"hello")[:-2])
        writer.write_eof()
        assert (await answer(reader))[0] == 400
        writer.close()


async def test_crash_tells_nothing() -> None:
    async with a_server() as (_, port):
        assert (await exchange(port, b"GET /crash HTTP/1.1\r\nHost: x\r\n\r\n"))[::2] == (
            500,
            b'{"error":"internal error"}',
        )


async def test_slow_head_is_dropped_while_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_S", 0.1)
    async with a_server() as (_, port):
        slow_reader, slow_writer = await connect(port)
        slow_writer.write(b"GET / HTTP/1.1\r\nHo")
        assert (await exchange(port, post(b"quick")))[0] == 200
        assert (await answer(slow_reader))[0] == 408
        assert await slow_reader.read() == b""
        slow_writer.close()


async def test_slow_body_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "BODY_S", 0.1)
    async with a_server() as (_, port):
        assert (await exchange(port, post(b"hello")[:-1]))[0] == 408


async def test_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "IDLE_S", 0.05)
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        assert await reader.read() == b""
        writer.close()


async def test_oldest_idle_connection_makes_room() -> None:
    async with a_server(max_connections=2) as (server, port):
        oldest, newer = await connect(port), await connect(port)
        newer[1].write(post(b"warm"))
        await answer(newer[0])
        newest = await connect(port)
        newest[1].write(post(b"new"))
        assert (await answer(newest[0]))[0] == 200
        assert await oldest[0].read() == b""
        newer[1].write(post(b"still here"))
        assert (await answer(newer[0]))[2] == b"POST / still here"
        assert server.n_refused == 0
        for _, writer in (oldest, newer, newest):
            writer.close()


@pytest.mark.real_time  # nobody waits
async def test_endless_pipelines_keep_nobody_waiting() -> None:
    """Twenty connections send requests without end; one more is served all the same."""
    async with a_server() as (_, port):
        stopped = asyncio.Event()

        async def flood() -> None:
            reader, writer = await connect(port)
            while not stopped.is_set():
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
                await asyncio.wait([asyncio.ensure_future(writer.drain())], timeout=0.05)
                await reader.read(65536)
            writer.close()

        floods = [asyncio.ensure_future(flood()) for _ in range(20)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            for _ in range(3):
                assert (await exchange(port, post(b"genuine")))[2] == b"POST / genuine"
        stopped.set()
        await asyncio.gather(*floods)


async def test_refused_senders_make_room() -> None:
    """Whoever was refused and does not go away holds no place."""
    async with a_server(max_connections=3) as (server, port):
        lingering = [await connect(port) for _ in range(3)]
        for reader, writer in lingering:
            writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            assert (await answer(reader))[0] == 401
        assert (await exchange(port, post(b"genuine")))[2] == b"POST / genuine"
        assert server.n_refused == 0
        for _, writer in lingering:
            writer.close()


async def test_requests_in_work_never_make_room() -> None:
    release = asyncio.Event()

    async def wait(request: Request) -> Response:
        await release.wait()
        return Response(200, b"done")

    async with a_server(wait, max_connections=1) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        refused, refused_writer = await connect(port)
        assert await is_gone(refused)
        release.set()
        assert (await answer(reader))[2] == b"done"
        assert server.n_refused == 1
        writer.close()
        refused_writer.close()


async def test_close_lets_open_requests_finish() -> None:
    async with a_server() as (server, port):
        idle, busy = await connect(port), await connect(port)
        busy[1].write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        closing = asyncio.ensure_future(server.close(5))
        status, headers, body = await answer(busy[0])
        assert (status, body, headers["connection"]) == (200, b"GET /slow ", "close")
        assert await idle[0].read() == b""
        await closing
        with pytest.raises(OSError):  # noqa: PT011
            await connect(port)
        idle[1].close()
        busy[1].close()


async def test_close_cuts_off_what_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def never(request: Request) -> Response:
        await asyncio.sleep(60)
        return Response(200)

    async with a_server(never) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        await server.close(0.05)
        assert await is_gone(reader)
        assert "cut off" in caplog.text
        writer.close()


async def test_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "WRITE_S", 0.1)

    async def much(request: Request) -> Response:
        return Response(200, b"x" * 30_000_000)

    async with a_server(much) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        assert server.n_connections == 1
        await asyncio.sleep(0.3)
        assert server.n_connections == 0
        taken = 0  # the socket is closed with it: what was not taken by then never comes
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                taken += len(data)
        assert taken < 30_000_000
        writer.close()


async def test_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(echo)
    listen = server._listen

    async def only_ipv4(host: str | None, port: int) -> asyncio.Server:
        if host is None:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6 here")
        return await listen(host, port)

    monkeypatch.setattr(server, "_listen", only_ipv4)
    (port,) = await server.start(None, 0)
    assert (await exchange(port, post(b"x")))[0] == 200
    await server.close(1)


def test_date_is_as_in_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 784111777.0)  # the RFC's own example
    monkeypatch.setattr(http1, "_date", (0, ""))
    assert http1._http_date() == "Sun, 06 Nov 1994 08:49:37 GMT"


# The transport.


@asynccontextmanager
async def a_peer(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that says what `talk` makes it say; its url."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def get(transport: Transport, url: str, **timeouts: float) -> bytes:
    request = httpx.Request("GET", url, extensions={"timeout": timeouts})
    response = await transport.handle_async_request(request)
    try:
        return await response.aread()
    finally:
        await response.aclose()


async def test_transport_serves_httpx() -> None:
    async with a_server() as (server, port), httpx.AsyncClient(transport=Transport(), trust_env=False) as client:
        for _ in range(3):
            response = await client.post(f"http://127.0.0.1:{port}/a", content=b"hello")
            assert (response.status_code, response.text) == (200, "POST /a hello")
        assert server.n_connections == 1


async def test_transport_lifo_and_bounds() -> None:
    async with a_server() as (server, port):
        transport = Transport(max_idle=2)
        await asyncio.gather(*(get(transport, f"http://127.0.0.1:{port}/slow") for _ in range(5)))
        await asyncio.sleep(0.05)
        assert server.n_connections == 2
        await transport.aclose()


async def test_transport_waits_for_a_place() -> None:
    async with a_server() as (server, port):
        transport = Transport(max_per_origin=1)
        first = asyncio.ensure_future(get(transport, f"http://127.0.0.1:{port}/slow"))
        await asyncio.sleep(0.02)
        with pytest.raises(httpx.PoolTimeout):
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


async def test_transport_old_idle_connection_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_server() as (server, port):
        transport = Transport()
        await get(transport, f"http://127.0.0.1:{port}/")
        first = list(server._tasks)
        monkeypatch.setattr(http1, "IDLE_KEEP_S", -1.0)
        await get(transport, f"http://127.0.0.1:{port}/")
        await asyncio.sleep(0.05)
        assert server.n_connections == 1
        assert list(server._tasks) != first
        await transport.aclose()


async def test_transport_place_is_given_back_when_the_house_is_full() -> None:
    async with a_server() as (_, port):
        transport = Transport(max_per_origin=2, max_open=1)
        first = asyncio.ensure_future(get(transport, f"http://127.0.0.1:{port}/slow"))
        await asyncio.sleep(0.02)
        for _ in range(3):  # more often than there are places at the origin
            with pytest.raises(httpx.PoolTimeout):
                await get(transport, f"http://127.0.0.1:{port}/", pool=0.01)
        assert await first == b"GET /slow "
        assert await get(transport, f"http://127.0.0.1:{port}/", pool=0.5) == b"GET / "
        await transport.aclose()


async def test_transport_post_is_not_sent_twice() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read(1)

    async with a_peer(talk) as url, httpx.AsyncClient(transport=Transport(), trust_env=False) as client:
        await client.get(url)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url, content=b"x")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", httpx.RemoteProtocolError),
        (b"nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", httpx.RemoteProtocolError),
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
        with pytest.raises(httpx.ReadTimeout):
            await get(transport, url, read=0.05)
    async with a_peer(stalls) as url:
        with pytest.raises(httpx.ReadTimeout):
            await get(transport, url, read=0.05)
    await transport.aclose()


async def test_transport_refused_and_unknown_host() -> None:
    transport = Transport()
    async with a_peer(lambda *_: asyncio.sleep(0)) as url:
        pass
    with pytest.raises(httpx.ConnectError):
        await get(transport, url)
    with pytest.raises(httpx.ConnectError):
        await get(transport, "http://no-such-host.invalid/", connect=5)
    await transport.aclose()


async def test_transport_verifies_certificates(tmp_path: object) -> None:
    """A server that speaks no TLS, and our context's settings: verification is on."""
    transport = Transport()
    context = transport._tls_context()
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.check_hostname
    async with a_server() as (_, port):
        with pytest.raises(httpx.ConnectError):
            await get(transport, f"https://127.0.0.1:{port}/")
    await transport.aclose()


async def test_transport_compressed_body_passes_through() -> None:
    packed = gzip.compress(b"hello")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    async with a_peer(talk) as url:
        transport = Transport()
        assert await get(transport, url) == b"hello"
        await transport.aclose()
