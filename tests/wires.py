"""Servers and clients on loopback, for the tests of http1/."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from http1.server import Handler, HTTPError, Request, Response, Serve, Server

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


def served(server: Server, handler: Handler) -> Serve:
    """Each client's requests are answered by handler."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with server.connection(reader, writer) as connection:
            while (request := await connection.next_request()) is not None:
                await connection.answer(request, handler(request))

    return serve


@asynccontextmanager
async def a_server(
    handler: Handler = echo, max_connections: int = 128, **bounds: int
) -> AsyncIterator[tuple[Server, int]]:
    server = Server(max_connections, **bounds)
    (port,) = await server.start(served(server, handler), "127.0.0.1", 0)
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


@asynccontextmanager
async def a_peer(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A server that says what `talk` makes it say; its url."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextmanager
def no_more_files() -> Iterator[None]:
    """As if no file descriptor were left: the lowest free one is beyond the process's bound."""
    lowest, (soft, hard) = os.open(os.devnull, os.O_RDONLY), resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
