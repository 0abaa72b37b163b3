"""HTTP/1.1 on asyncio streams, both directions.

`Server` takes requests from strangers, `Transport` sends ours to others. h11 does the
framing (RFC 9112); this module adds what h11 leaves open: bytes, seconds and connections,
all of them bounded. It knows nothing of Telegram or exchanges.

Memory: a server connection holds at most one head (16 KiB) until the handler asks for the
body, which it does only after it has checked who is asking.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from http import HTTPStatus
from typing import NamedTuple

import certifi
import h11
import httpx
import orjson

log = logging.getLogger(__name__)

MAX_HEAD = 16 * 1024  # bytes; Telegram's heads are under 500
MAX_BODY = 1024 * 1024  # bytes; Telegram's largest updates are some tens of KiB
MAX_CONNECTIONS = 256  # some 15 KiB each while they wait
BACKLOG = 64  # accepted in one turn of the loop: many more would push out a client before its head is read
HEAD_S = 5.0  # from a head's first byte to its last
BODY_S = 10.0  # for a whole body
IDLE_S = 75.0  # Telegram itself lets go after 60 s
WRITE_S = 10.0  # for a client to take its answer
LINGER_S = 1.0  # see _linger
LINGER_BYTES = 4 * 1024 * 1024
READ_SIZE = MAX_HEAD  # of a server's read: what is left over from one request holds no longer head than allowed


class HTTPError(Exception):
    """A refusal that has its HTTP status; the text is shown to the client."""

    def __init__(self, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(f"{status} {text}")
        self.status, self.text, self.headers = status, text, tuple(headers)


class Response(NamedTuple):
    """What a handler gives back; Content-Length, Date and Connection are added on the way out."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Request:
    """A request's head, and its body for a handler that asks for it.

    Header names are lower case; of a repeated header the last one is kept.
    """

    __slots__ = ("_read_body", "headers", "method", "path", "query", "target")

    def __init__(
        self, method: str, target: str, headers: Mapping[str, str], read_body: Callable[[int], Awaitable[bytes]]
    ) -> None:
        self.method, self.target, self.headers = method, target, headers
        self.path, _, self.query = target.partition("?")
        self._read_body = read_body

    async def body(self, max_bytes: int = MAX_BODY) -> bytes:
        """The whole body. Raises HTTPError 413 beyond max_bytes, 408 when it comes too slowly, 400 when cut."""
        return await self._read_body(max_bytes)


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Listens, and keeps the connections in bounds.

    At most `max_connections` are open. When one more comes, the connection that has waited
    longest for its client (idle, sending a head, not taking its answer) makes room; one with a
    request in work never does.
    """

    def __init__(self, handler: Handler, max_connections: int = MAX_CONNECTIONS) -> None:
        self.handler = handler
        self.max_connections = max_connections
        self.closing = False
        self.n_refused = 0
        self._server: asyncio.Server | None = None
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self.waiting: dict[Connection, None] = {}  # oldest first: who may be closed to make room

    async def start(self, host: str | None, port: int) -> list[int]:
        """Listens on host, or with None on every address, IPv4 and IPv6; the ports in use. Raises OSError."""
        try:
            self._server = await self._listen(host, port)
        except OSError as error:
            if host is not None or error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            self._server = await self._listen("0.0.0.0", port)  # noqa: S104
        return [sock.getsockname()[1] for sock in self._server.sockets]

    async def _listen(self, host: str | None, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._accept, host, port, limit=READ_SIZE, backlog=BACKLOG)

    @property
    def n_connections(self) -> int:
        return len(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        if len(self._tasks) >= self.max_connections:
            oldest = next(iter(self.waiting), None)
            if oldest is None or self.closing:
                self.n_refused += 1
                writer.transport.abort()
                return
            oldest.abort()
        task = asyncio.current_task()
        assert task is not None
        self._tasks[connection] = task
        try:
            await serve_connection(connection)
        except asyncio.CancelledError:
            writer.transport.abort()  # by close(), at the end of the grace time
        finally:
            self.forget(connection)

    def forget(self, connection: Connection) -> None:
        self._tasks.pop(connection, None)
        self.waiting.pop(connection, None)

    async def close(self, grace_s: float = 10.0) -> None:
        """Stops accepting, closes who waits, and gives open requests grace_s to finish."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.waiting):
            connection.abort()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d requests were cut off at the end of the grace time", len(late))
                await asyncio.wait(late, timeout=1)


class Connection:
    """One client's connection: its streams and its h11 state."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        # asyncio reads 256 KiB at a time, whatever the stream's limit is: 100 senders were 25 MiB.
        writer.transport.max_size = READ_SIZE  # type: ignore[attr-defined]

    def abort(self) -> None:
        """Drops the connection at once; its task then ends by itself."""
        self.server.forget(self)
        self.writer.transport.abort()

    async def read_head(self) -> Request | None:
        """The next request's head; None when the client has gone or stayed idle.

        Raises HTTPError for a head that is malformed, too long or too slow.
        """
        self.server.waiting[self] = None
        try:
            if not self.h11.trailing_data[0]:
                async with asyncio.timeout(IDLE_S):
                    data = await self.reader.read(READ_SIZE)
                if not data:
                    return None
                self.h11.receive_data(data)
            event = await self._next_event(HEAD_S, "the request's head came too slowly")
        except TimeoutError:
            return None
        finally:
            self.server.waiting.pop(self, None)
        if not isinstance(event, h11.Request) or self.writer.transport.is_closing():
            return None  # a request whose answer could not be sent is not begun
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
        return Request(event.method.decode("ascii"), event.target.decode("latin-1"), headers, self.read_body)

    async def read_body(self, max_bytes: int) -> bytes:
        if self.h11.they_are_waiting_for_100_continue:
            self.writer.write(self.h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        parts: list[bytes] = []
        size = 0
        deadline = asyncio.get_running_loop().time() + BODY_S
        while self.h11.their_state is h11.SEND_BODY:
            left = deadline - asyncio.get_running_loop().time()
            event = await self._next_event(left, "the request's body came too slowly")
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > max_bytes:
                    raise HTTPError(413, f"the body is larger than {max_bytes} bytes")
                parts.append(bytes(event.data))
        return b"".join(parts)

    async def _next_event(self, timeout_s: float, too_slow: str) -> object:
        """The next h11 event. Raises HTTPError: 408 after timeout_s, or what h11 refuses."""
        try:
            event = self.h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            async with asyncio.timeout(timeout_s):
                while event is h11.NEED_DATA:
                    # h11 measures only what is incomplete, so it gets no more than what may be a head.
                    room = max(1, MAX_HEAD - len(self.h11.trailing_data[0]))
                    self.h11.receive_data(await self.reader.read(room))
                    event = self.h11.next_event()
            return event
        except TimeoutError as error:
            raise HTTPError(408, too_slow) from error
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            text = "the request's head is too long" if status == 431 else f"not HTTP/1.1 as in RFC 9112: {error}"
            raise HTTPError(status, text) from error

    def has_whole_request(self) -> bool:
        """Whether the request has arrived to its end; what of it still lies in the buffer is thrown away."""
        with suppress(h11.RemoteProtocolError):
            while self.h11.their_state is h11.SEND_BODY:
                if self.h11.next_event() is h11.NEED_DATA:
                    return False
        return self.h11.their_state is h11.DONE

    async def write(self, response: Response, *, head_only: bool, close: bool) -> None:
        """Sends a response in one piece; the client has WRITE_S to take it."""
        headers = [("date", _http_date()), ("content-length", str(len(response.body)))]
        if response.body:
            headers.append(("content-type", response.content_type))
        if close:
            headers.append(("connection", "close"))
        head = h11.Response(
            status_code=response.status,
            reason=HTTPStatus(response.status).phrase.encode(),
            headers=[*headers, *response.headers],
        )
        parts = [self.h11.send(head)]
        if not head_only:
            parts.append(self.h11.send(h11.Data(data=response.body)))
        parts.append(self.h11.send(h11.EndOfMessage()))
        self.writer.write(b"".join(part for part in parts if part))
        if self.writer.transport.get_write_buffer_size():
            self.server.waiting[self] = None
            try:
                async with asyncio.timeout(WRITE_S):
                    await self.writer.drain()
            finally:
                self.server.waiting.pop(self, None)

    async def linger(self) -> None:
        """Reads on for a moment after a refusal, so that the client gets to read it.

        Closing a socket that has unread bytes resets the connection, and the reset can
        overtake our answer (RFC 9112 §9.6). What is read here is thrown away.
        """
        self.server.waiting[self] = None
        with suppress(OSError, TimeoutError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                left = LINGER_BYTES
                while left > 0 and (data := await self.reader.read(READ_SIZE)):
                    left -= len(data)


async def serve_connection(connection: Connection) -> None:
    """Serves one connection's requests, one after another, until one side closes."""
    h11_connection, server = connection.h11, connection.server
    try:
        while True:
            request: Request | None = None
            try:
                request = await connection.read_head()
                if request is None:
                    break
                response = await server.handler(request)
            except HTTPError as error:
                response = error_response(error)
            except Exception:
                log.exception("the handler failed")
                response = error_response(HTTPError(500, "internal error"))
            if connection.writer.transport.is_closing() or h11_connection.our_state is h11.ERROR:
                break
            unread = not connection.has_whole_request()
            head_only = request is not None and request.method == "HEAD"
            await connection.write(response, head_only=head_only, close=unread or server.closing)
            if unread:
                await connection.linger()
            if unread or h11_connection.our_state is not h11.DONE:
                break
            h11_connection.start_next_cycle()
            # A pipeline of requests must not keep the loop, nor the place, from others.
            server.waiting[connection] = None
            await asyncio.sleep(0)
    except (OSError, TimeoutError, h11.LocalProtocolError):
        connection.writer.transport.abort()  # the client has gone, or does not read: there is nobody to tell
    finally:
        connection.writer.close()


def error_response(error: HTTPError) -> Response:
    """The JSON form of a refusal: {"error": text}."""
    return Response(error.status, orjson.dumps({"error": error.text}), headers=error.headers)


_date: tuple[int, str] = (0, "")


def _http_date() -> str:
    """Now as RFC 9110 §5.6.7 writes it, made once a second. (strftime follows no locale unless one is set.)"""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)))
    return _date[1]


# ------------------------------------------------------------------------------------------
# The other direction.

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
