"""The client transport against servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest
from wires import a_peer, a_server

from http1.client import Transport

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
        monkeypatch.setattr("http1.client.IDLE_KEEP_S", -1.0)
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
