"""Takes requests from strangers, on asyncio streams.

h11 reads what comes, and does the framing (RFC 9112); this module adds what h11 leaves open: bytes, seconds and
connections, all of them bounded.

Nothing here calls upwards: asyncio calls whoever serves, for each client, and that asks for one request after another:

    with server.connection(reader, writer) as connection:
        while (request := await connection.next_request()) is not None:
            await connection.answer(request, respond(request))

Memory: a connection holds at most one head (16 KiB) until whoever serves asks for the body, which
it does only after it has checked who is asking; the bodies that are arriving hold at most MAX_ARRIVING together.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

import h11
import orjson

from http1 import MAX_HEAD, NO_FILES
from http1.deadlines import Deadlines
from http1.heads import MAX_EMPTY_LINES, REASONS, http_date, own_part, usual_head, without_empty_lines

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BODY = 1024 * 1024  # bytes; Telegram's largest updates are some tens of KiB
MAX_ARRIVING = 8 * 1024 * 1024  # bytes of bodies that are not whole yet, all connections together
MAX_PARTS, FAIR_PART = 1000, 64  # of a body: so many pieces at any size, and more if they have so many bytes each
MAX_CONNECTIONS = 256  # some 15 KiB each while they wait
BACKLOG = 64  # clients that wait to be accepted, one in a turn of the loop, so that each one's head is read soon
HEAD_S = 5.0  # from a head's first byte to its last
BODY_S = 10.0  # for a whole body
IDLE_S = 75.0  # Telegram itself lets go after 60 s
WRITE_S = 10.0  # for a client to take its answer
LINGER_S = 1.0  # see Connection._linger
LINGER_BYTES = 4 * 1024 * 1024
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - as numbers, they need no resolver and no thread for it
READ_SIZE = MAX_HEAD  # of a server's read: what is left over from one request holds no longer head than allowed


class HTTPError(Exception):
    """A refusal that has its HTTP status; the text is shown to the client."""

    def __init__(self, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(f"{status} {text}")
        self.status, self.text, self.headers = status, text, tuple(headers)


class ClientGone(Exception):
    """The client has reset the connection or closed it within a request: nobody is there to be told."""


class Response(NamedTuple):
    """What a request is answered with; Content-Length, Date and Connection are added on the way out."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Request:
    """A request's head, and its body for whoever asks for it.

    Header names are lower case; of a repeated header the last one is kept. target may be a whole address, as to a
    proxy (RFC 9112 §3.2.2); path and query are then its own.
    """

    __slots__ = ("_read_body", "headers", "method", "path", "query", "target")

    def __init__(
        self, method: str, target: str, headers: Mapping[str, str], read_body: Callable[[int], Awaitable[bytes]]
    ) -> None:
        self.method, self.target, self.headers = method, target, headers
        self.path, _, self.query = own_part(target).partition("?")
        self._read_body = read_body

    async def body(self, max_bytes: int = MAX_BODY) -> bytes:
        """The whole body. Raises HTTPError 413 beyond max_bytes, 408 when it comes too slowly, 400 when cut.

        One that is declared too long is refused before it is sent (RFC 9110 §10.1.1).
        """
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > max_bytes:
            raise HTTPError(413, f"the body is larger than {max_bytes} bytes")
        return await self._read_body(max_bytes)


Handler = Callable[[Request], Awaitable[Response]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What asyncio calls for each client."""


class Server:
    """Listens, and keeps the connections in bounds.

    At most `max_connections` are open. When one more comes, the connection that has waited
    longest for its client (idle, sending a head or a body, not taking its answer) makes room; one
    with a request in work never does.
    """

    def __init__(self, max_connections: int = MAX_CONNECTIONS, max_arriving: int = MAX_ARRIVING) -> None:
        self.max_connections, self.max_arriving = max_connections, max_arriving
        self.closing = False
        self.n_refused = 0
        self.n_gone = 0  # clients that left within a request
        self.arriving: dict[Connection, int] = {}  # bytes of each body that is not whole yet; oldest first
        self.idle, self.heads, self.bodies = (Deadlines(each, stays=True) for each in (IDLE_S, HEAD_S, BODY_S))
        self._server: asyncio.Server | None = None
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self.waiting: dict[Connection, bool] = {}  # who may be closed to make room, oldest first; is a request begun

    async def start(self, serve: Serve, host: str | None, port: int) -> list[int]:
        """Listens on host, or with None on every address, IPv4 and IPv6; the ports in use. Raises OSError."""
        try:
            self._server = await self.listen(serve, host, port)
        except OSError as error:
            if host is not None or error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            self._server = await self.listen(serve, "0.0.0.0", port)  # noqa: S104
        return [sock.getsockname()[1] for sock in self._server.sockets]

    async def listen(self, serve: Serve, host: str | None, port: int) -> asyncio.Server:
        """asyncio's backlog is also how often it tries to accept in a row. Where no file descriptor is left, each try
        logs a traceback and sets a timer that tries as often again: so it is one, and the system is told BACKLOG."""
        server = await asyncio.start_server(serve, host or EVERYWHERE, port, limit=READ_SIZE, backlog=1)
        for sock in server.sockets:
            with sock.dup() as same:
                same.listen(BACKLOG)
        return server

    @property
    def n_connections(self) -> int:
        return len(self._tasks)

    @contextmanager
    def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Iterator[Connection]:
        """A client's connection, while the client is served; where there is no room for it, it brings no request.

        Nor does it after `close`, which waits for no one who was accepted just before: what is not begun is sent again.
        """
        connection = Connection(self, reader, writer)
        if self.closing or len(self._tasks) >= self.max_connections:
            self._make_room_for(connection)
        task = asyncio.current_task()
        assert task is not None
        if not connection.is_dropped:
            self._tasks[connection] = task
        try:
            yield connection
        except (OSError, TimeoutError, h11.LocalProtocolError) as error:
            connection.note_gone(error)
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # by close(), at the end of the grace time
        finally:
            writer.close()
            self.forget(connection)

    def _make_room_for(self, connection: Connection) -> None:
        oldest = next(iter(self.waiting), None)
        if oldest is None or self.closing:
            self.n_refused += 1
            connection.abort()
        else:
            oldest.abort()

    def forget(self, connection: Connection) -> None:
        self._tasks.pop(connection, None)
        self.waiting.pop(connection, None)
        self.arriving.pop(connection, None)

    def make_room(self) -> None:
        """Closes the connections whose bodies have been arriving longest, until the others' are within the bound."""
        while sum(self.arriving.values()) > self.max_arriving:
            next(iter(self.arriving)).abort()

    async def close(self, grace_s: float = 10.0) -> None:
        """Stops accepting, closes who has no request, and gives the others grace_s to send it and take its answer."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in [each for each, is_begun in self.waiting.items() if not is_begun]:
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
        self.is_dropped = False  # by us
        self.is_last = False  # whatever the client wants, its connection ends after this request
        self.is_over = False  # no request follows
        # asyncio reads 256 KiB at a time, whatever the stream's limit is: 100 senders were 25 MiB.
        writer.transport.max_size = READ_SIZE  # type: ignore[attr-defined]
        writer.transport.set_write_buffer_limits(0)  # an answer is sent when all of it is: a process may end then

    def abort(self) -> None:
        """Drops the connection at once; its task then ends by itself."""
        self.is_dropped = self.is_over = True
        self.server.forget(self)
        self.writer.transport.abort()

    async def next_request(self) -> Request | None:
        """The next request, whose head has come; None when none follows. What cannot be read is refused here."""
        while not self.is_over:
            request = await self._come(self._read_head())
            if not isinstance(request, Response):
                self.is_over = request is None
                return request
            await self._send(request)
        return None

    async def answer(self, request: Request, response: Awaitable[Response]) -> None:
        """Sends what a request is answered with, once it is there."""
        sent = await self._come(response)
        if sent is not None:
            await self._send(sent, head_only=request.method == "HEAD")

    async def _come(self, what: Awaitable[T]) -> T | Response | None:
        """What is waited for, or the refusal that comes of it; None when the client has gone meanwhile."""
        try:
            return await what
        except HTTPError as error:
            return error_response(error)
        except ClientGone as error:
            self._end(error)
            return None
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_FILES:
                log.error("a request is refused: %s", error)
                return error_response(HTTPError(503, "too many files are open", [("retry-after", "30")]))
            log.exception("the handler failed")
            return error_response(HTTPError(500, "internal error"))

    def _end(self, error: Exception) -> None:
        self.is_over = True
        self.note_gone(error)

    async def _read_head(self) -> Request | None:
        """The next request's head; None when the client has gone or stayed idle.

        Raises HTTPError for a head that is malformed, too long or too slow.
        """
        self.server.waiting[self] = False
        try:
            if not self.h11.trailing_data[0]:
                with self.server.idle.begin():
                    data = await self._read_first_bytes()
                if not data:
                    return None
                self.h11.receive_data(data)
            event = self._next_event()
            if event is h11.NEED_DATA:
                slow = "the request's head came too slowly"
                event = await _within(self.server.heads, self._whole_event(), slow)
        except TimeoutError:
            return None
        finally:
            self.server.waiting.pop(self, None)
        if not isinstance(event, h11.Request) or self.writer.transport.is_closing():
            return None  # a request whose answer could not be sent is not begun
        headers = {name.lower().decode("ascii"): value.decode("latin-1") for name, value in event.headers.raw_items()}
        if event.http_version not in (b"1.0", b"1.1"):
            self.is_last = True
            raise HTTPError(505, "this server speaks HTTP/1.1")
        # Two ways to tell where the body ends: some proxy on the way may have taken the other one (RFC 9112 §6.1).
        self.is_last = "transfer-encoding" in headers and "content-length" in headers
        return Request(event.method.decode("ascii"), event.target.decode("latin-1"), headers, self.read_body)

    async def _read_first_bytes(self) -> bytes:
        """What comes first of a request, without empty lines before it."""
        data = b""
        while not data.lstrip(b"\r\n") and len(data) <= MAX_EMPTY_LINES:
            more = await self._read(READ_SIZE)
            if not more:
                return b""
            data += more
        return without_empty_lines(data)

    async def _read(self, max_bytes: int) -> bytes:
        """Raises ClientGone, also when the connection was dropped to make room."""
        try:
            data = await self.reader.read(max_bytes)
        except OSError as error:
            raise ClientGone(str(error)) from error
        if not data and self.is_dropped:
            raise ClientGone("its connection has made room for others")
        return data

    def note_gone(self, error: Exception) -> None:
        """A client's leaving is no error of ours: one line for those who look closely, and a count."""
        self.server.n_gone += not self.is_dropped
        log.debug("a client has gone: %s", error)

    async def read_body(self, max_bytes: int) -> bytes:
        if self.h11.they_are_waiting_for_100_continue:
            self.writer.write(self.h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        if self.h11.their_state is not h11.SEND_BODY:
            return b""
        self.server.waiting[self] = True
        self.server.arriving[self] = 0
        try:
            parts = self._parts_of_body(max_bytes)
            return b"".join(await _within(self.server.bodies, parts, "the request's body came too slowly"))
        finally:
            self.server.waiting.pop(self, None)
            self.server.arriving.pop(self, None)

    async def _parts_of_body(self, max_bytes: int) -> list[bytes]:
        parts: list[bytes] = []
        size = 0
        while self.h11.their_state is h11.SEND_BODY:
            event = await self._whole_event()
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > max_bytes:
                    raise HTTPError(413, f"the body is larger than {max_bytes} bytes")
                parts.append(bytes(event.data))
                if len(parts) > MAX_PARTS + size // FAIR_PART:
                    raise HTTPError(400, "the body comes in too many pieces")
                if self in self.server.arriving:
                    self.server.arriving[self] = size
                    self.server.make_room()
                if len(parts) > 1:  # what has come is read without waiting: others get their turn here
                    await asyncio.sleep(0)
        return parts

    async def _whole_event(self) -> object:
        """The next h11 event, when all of it has come. Raises HTTPError and ClientGone."""
        while (event := self._next_event()) is h11.NEED_DATA:
            # h11 measures only what is incomplete, so it gets no more than what may be a head.
            room = max(1, MAX_HEAD - len(self.h11.trailing_data[0]))
            self.h11.receive_data(await self._read(room))
        return event

    def _next_event(self) -> object:
        """The next h11 event, or NEED_DATA. Raises HTTPError for what h11 refuses."""
        try:
            return self.h11.next_event()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            text = "the request's head is too long" if status == 431 else f"not HTTP/1.1 as in RFC 9112: {error!s:.100}"
            raise HTTPError(status, text) from error

    def _start_next_request(self) -> None:
        """An h11 of its own for each request: it was not told of the answer, and takes no empty line before a request
        line. What came behind the request is the next one's."""
        begun = without_empty_lines(self.h11.trailing_data[0])
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        if begun:
            self.h11.receive_data(begun)

    def _has_whole_request(self) -> bool:
        """Whether the request has arrived to its end; what of it still lies in the buffer is thrown away."""
        with suppress(h11.RemoteProtocolError):
            while self.h11.their_state is h11.SEND_BODY:
                if self.h11.next_event() is h11.NEED_DATA:
                    return False
        return self.h11.their_state is h11.DONE

    async def _send(self, response: Response, *, head_only: bool = False) -> None:
        """Sends an answer, and makes ready for the next request, where one may follow."""
        if self.writer.transport.is_closing():
            self._end(ConnectionError("it did not wait for its answer"))
            return
        if self.h11.our_state is h11.ERROR:
            self.is_over = True
            return
        must_close = not self._has_whole_request() or self.is_last
        await self._write(response, head_only=head_only, close=must_close or self.server.closing)
        if must_close:
            await self._linger()
        if must_close or self.server.closing or self.h11.our_state is h11.MUST_CLOSE:
            self.is_over = True
            return
        self._start_next_request()
        # A pipeline of requests must not keep the loop, nor the place, from others.
        self.server.waiting[self] = False
        await asyncio.sleep(0)

    async def _write(self, response: Response, *, head_only: bool, close: bool) -> None:
        """Sends a response in one piece; the client has WRITE_S to take it."""
        if response.status == 200 and not close and not response.headers:
            head = usual_head(response.content_type if response.body else "", len(response.body))
            self.writer.write(head if head_only else head + response.body)
        else:
            self.writer.write(self._in_bytes(response, head_only=head_only, close=close))
        if self.writer.transport.get_write_buffer_size():
            self.server.waiting[self] = True
            try:
                async with asyncio.timeout(WRITE_S):
                    await self.writer.drain()
            finally:
                self.server.waiting.pop(self, None)

    def _in_bytes(self, response: Response, *, head_only: bool, close: bool) -> bytes:
        """A response as h11 writes it, which knows what else has to be said where a connection ends."""
        headers = [("date", http_date()), ("content-length", str(len(response.body)))]
        if response.body:
            headers.append(("content-type", response.content_type))
        if close:
            headers.append(("connection", "close"))
        head = h11.Response(
            status_code=response.status,
            reason=REASONS.get(response.status, "").encode(),
            headers=[*headers, *response.headers],
        )
        parts = [self.h11.send(head)]
        if not head_only:
            parts.append(self.h11.send(h11.Data(data=response.body)))
        parts.append(self.h11.send(h11.EndOfMessage()))
        return b"".join(part for part in parts if part)

    async def _linger(self) -> None:
        """Reads on for a moment after a refusal, so that the client gets to read it.

        Closing a socket that has unread bytes resets the connection, and the reset can
        overtake our answer (RFC 9112 §9.6). What is read here is thrown away.
        """
        self.server.waiting[self] = False
        with suppress(OSError, TimeoutError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                left = LINGER_BYTES
                while left > 0 and (data := await self.reader.read(READ_SIZE)):
                    left -= len(data)


async def _within(deadlines: Deadlines, what: Awaitable[T], too_slow: str) -> T:
    """What is waited for; raises HTTPError 408 where it takes longer."""
    try:
        with deadlines.begin():
            return await what
    except TimeoutError as error:
        raise HTTPError(408, too_slow) from error


def error_response(error: HTTPError) -> Response:
    """The JSON form of a refusal: {"error": text}."""
    return Response(error.status, orjson.dumps({"error": error.text}), headers=error.headers)
