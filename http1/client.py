"""Sends our requests to others, on asyncio streams: an httpx transport.

h11 does the framing (RFC 9112); this module adds connections, seconds and what is kept open.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext

import certifi
import h11
import httpx

from http1 import MAX_HEAD

MAX_PER_ORIGIN = 128  # open connections to one host: 40 commands at once, 3 requests each
MAX_OPEN = 256
MAX_IDLE = 64  # kept for the next request, all hosts together
IDLE_KEEP_S = 55.0  # exchanges let go after 60 s and more
ANSWER_READ_SIZE = 64 * 1024


class _Link:
    """One open connection to a server."""

    __slots__ = ("h11", "idle_since", "reader", "writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self.idle_since = 0.0

    def is_usable(self, now: float) -> bool:
        gone = self.reader.at_eof() or self.writer.transport.is_closing()
        return not gone and now - self.idle_since <= IDLE_KEEP_S

    def is_finished(self) -> bool:
        """Whether the last answer was read to its end and another request may follow."""
        return self.h11.our_state is self.h11.their_state is h11.DONE and not self.h11.trailing_data[0]

    async def next_event(self) -> object:
        event = self.h11.next_event()
        while event is h11.NEED_DATA:
            data = await self.reader.read(ANSWER_READ_SIZE)
            if not data and self.h11.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("the connection was closed without a whole head")
            self.h11.receive_data(data)
            event = self.h11.next_event()
        return event

    def drop(self) -> None:
        self.writer.transport.abort()


class _Origin:
    """What is open to one scheme, host and port."""

    __slots__ = ("idle", "places")

    def __init__(self, max_open: int) -> None:
        self.idle: list[_Link] = []
        self.places = asyncio.Semaphore(max_open)


class Transport(httpx.AsyncBaseTransport):
    """httpx's transport interface without httpcore's pool.

    A stack of idle connections per origin: taking one and giving it back cost the same
    whatever their number. Timeouts come as httpx passes them (extensions["timeout"], seconds
    for pool, connect and read). A GET, or what extensions["repeatable"] calls so, is sent once more on a
    fresh connection when a kept one turns out to be dead. TLS certificates are always verified;
    redirects are not followed.

    Raises httpx.ConnectError, ConnectTimeout, PoolTimeout, ReadError, ReadTimeout, RemoteProtocolError.
    """

    def __init__(
        self, max_per_origin: int = MAX_PER_ORIGIN, max_open: int = MAX_OPEN, max_idle: int = MAX_IDLE
    ) -> None:
        self._max_per_origin, self._max_idle = max_per_origin, max_idle
        self._places = asyncio.Semaphore(max_open)
        self._origins: dict[tuple[bytes, bytes, int | None], _Origin] = {}
        self._n_idle = 0
        self._closed = False
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        key = (request.url.raw_scheme, request.url.raw_host, request.url.port)
        origin = self._origins.get(key)
        if origin is None:
            origin = self._origins[key] = _Origin(self._max_per_origin)
        await self._enter(origin, timeouts.get("pool"))
        link = self._take_idle(origin)
        try:
            if link is not None:
                try:
                    response = await self._exchange(link, origin, request, timeouts.get("read"))
                    if response.status_code != 408:  # said to the idle connection, not to the request
                        return response
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    if request.method != "GET" and not request.extensions.get("repeatable"):
                        raise
                link.drop()  # the other side let go while it lay idle
            link = await self._connect(request.url, timeouts.get("connect"))
            return await self._exchange(link, origin, request, timeouts.get("read"))
        except BaseException:
            if link is not None:
                link.drop()
            self._leave(origin)
            raise

    async def _enter(self, origin: _Origin, timeout_s: float | None) -> None:
        try:
            async with _within(timeout_s if origin.places.locked() or self._places.locked() else None):
                await origin.places.acquire()
                try:
                    await self._places.acquire()
                except BaseException:
                    origin.places.release()
                    raise
        except TimeoutError as error:
            raise httpx.PoolTimeout("too many connections are open") from error

    def _leave(self, origin: _Origin) -> None:
        self._places.release()
        origin.places.release()

    def _take_idle(self, origin: _Origin) -> _Link | None:
        now = asyncio.get_running_loop().time()
        while origin.idle:
            link = origin.idle.pop()
            self._n_idle -= 1
            if link.is_usable(now):
                return link
            link.drop()
        return None

    def _give_back(self, link: _Link, origin: _Origin) -> None:
        """Keeps a connection whose answer was read to its end; closes any other."""
        self._leave(origin)
        if self._closed or not link.is_finished():
            link.drop()
            return
        if self._n_idle >= self._max_idle:
            busiest = max(self._origins.values(), key=lambda each: len(each.idle))
            busiest.idle.pop(0).drop()
            self._n_idle -= 1
        link.h11.start_next_cycle()
        link.idle_since = asyncio.get_running_loop().time()
        origin.idle.append(link)
        self._n_idle += 1

    async def _connect(self, url: httpx.URL, timeout_s: float | None) -> _Link:
        tls = self._tls_context() if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        try:
            async with asyncio.timeout(timeout_s):
                # No happy_eyeballs_delay: its race forgets to close sockets when it is cancelled (Python 3.11).
                reader, writer = await asyncio.open_connection(url.host, port, ssl=tls, limit=ANSWER_READ_SIZE)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {timeout_s} s") from error
        except (OSError, OverflowError, UnicodeError) as error:  # also a port or name that cannot be
            raise httpx.ConnectError(str(error)) from error
        return _Link(reader, writer)

    def _tls_context(self) -> ssl.SSLContext:
        """One for all, made when first needed: it holds some 140 certificates."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=certifi.where())
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def _exchange(
        self, link: _Link, origin: _Origin, request: httpx.Request, read_s: float | None
    ) -> httpx.Response:
        """Sends the request and reads the answer's head; the body comes as it is asked for."""
        head = request.extensions.get("h11")  # checking names and values costs more than sending: once is enough
        if head is None:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            request.extensions["h11"] = head
        parts = [link.h11.send(head)]
        if request.method != "GET":
            assert isinstance(request.stream, httpx.AsyncByteStream)
            parts += [link.h11.send(h11.Data(data=chunk)) async for chunk in request.stream]
        parts.append(link.h11.send(h11.EndOfMessage()))
        with _foreign_errors(read_s):
            async with _within(read_s):
                link.writer.write(b"".join(part for part in parts if part))
                if link.writer.transport.get_write_buffer_size():
                    await link.writer.drain()
                event = await link.next_event()
                while isinstance(event, h11.InformationalResponse):
                    event = await link.next_event()
        if not isinstance(event, h11.Response):
            raise httpx.RemoteProtocolError("the connection was closed without an answer")
        return httpx.Response(
            status_code=event.status_code,
            headers=event.headers.raw_items(),
            stream=_Body(self, link, origin, read_s),
            request=request,
        )

    async def aclose(self) -> None:
        """Closes the idle connections now, and those in use when their answer has been read."""
        self._closed = True
        for origin in self._origins.values():
            while origin.idle:
                origin.idle.pop().drop()
        self._n_idle = 0


class _Body(httpx.AsyncByteStream):
    """An answer's body as it arrives. Closing it gives the connection back, or drops it when unread."""

    def __init__(self, transport: Transport, link: _Link, origin: _Origin, read_s: float | None) -> None:
        self._transport, self._link, self._origin, self._read_s = transport, link, origin, read_s
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            with _foreign_errors(self._read_s):
                async with _within(self._read_s):
                    event = await self._link.next_event()
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._transport._give_back(self._link, self._origin)


def _within(seconds: float | None) -> AbstractAsyncContextManager[object]:
    """asyncio.timeout, which costs 5 µs, where there is something to time."""
    return nullcontext() if seconds is None else asyncio.timeout(seconds)


@contextmanager
def _foreign_errors(read_s: float | None) -> Iterator[None]:
    """asyncio's and h11's errors in httpx's words."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"nothing came for {read_s} s") from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
