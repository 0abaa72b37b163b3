"""One connection to a server: over the first of its addresses that takes it, with TLS or without.

Own lines instead of asyncio's for two reasons. asyncio's TLS keeps 256 KiB for every connection and knows no
resumption; here OpenSSL works on bytes in memory, and nothing is kept but its own state. And asyncio's staggered
attempts lose sockets when they are cancelled (Python 3.11).

Memory: at most two reads, and only while an answer comes faster than it is read. All links of a thread receive into the
same room, and keep copies as long as what came: a new buffer for every read, cut to size, left the heap full of holes
that were never given back (measured under hostile exchanges, over TLS: 17 MiB). A transport of asyncio holds itself by
a bound method, so that a closed one stays until the collector looks at what is old: that hold is taken away at its end
(likewise: 1,600 of them in a minute, 4 MiB).
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import cast

from http1.names import Address

READ_SIZE = 32 * 1024  # of one read; where more than that lies unread, nothing is taken from the system
TLS_READ_SIZE = 8 * 1024
NEXT_ATTEMPT_S = 0.25  # after which the next address is tried as well (RFC 8305 §8)


class _Rooms(threading.local):
    """Where a thread's event loop receives into: what lies there is taken before anything else comes."""

    def __init__(self) -> None:
        self.room = memoryview(bytearray(READ_SIZE))


_rooms = _Rooms()


class Link(asyncio.BufferedProtocol):
    """An open connection. `ask` writes a question, `read` gives what comes, `rest` ends the answer.

    What comes before the first question or between two belongs to nobody: the link is dropped, and `on_unasked` is
    told, as `on_close` is when it ends while it rests.
    """

    def __init__(self, tls: Tls | None = None) -> None:
        self.tls = tls
        self._room = _rooms.room if tls is None else _rooms.room[:TLS_READ_SIZE]  # as OpenSSL keeps what it once needed
        self.on_unasked: Callable[[bytes], None] | None = None
        self.on_close: Callable[[Link], None] | None = None
        self.resting_since = 0.0
        self.is_open = True
        self._is_asked = False
        self._received = b""
        self._is_paused = False
        self._failure = ""  # a text: an error that is raised holds its frames, and they this link and its TLS
        self._waiter: asyncio.Future[None] | None = None
        self._poll = select.poll()

    async def shake_hands(self) -> None:
        """Raises OSError, of which ssl.SSLError is one."""
        while self.tls is not None and not self.tls.is_ready:
            await self._more()

    def ask(self, question: bytes) -> None:
        self._is_asked = True
        self._transport.write(question if self.tls is None else self.tls.send(question))

    async def read(self) -> bytes:
        """What has come since, at least a byte; b"" when the other side has closed. Raises OSError."""
        while not self._received:
            if not self.is_open and not self._failure:
                return b""
            await self._more()
        data, self._received = self._received, b""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    def rest(self, now: float) -> None:
        self._is_asked, self.resting_since = False, now

    def is_silent(self) -> bool:
        """Whether nothing lies in the system's buffer either: no byte to nobody, no end."""
        return self.is_open and not self._poll.poll(0)

    def drop(self) -> None:
        self.is_open = False
        self._transport.abort()

    def _more(self) -> asyncio.Future[None]:
        """To be waited for: something has come, or nothing will."""
        if not self.is_open:
            raise ConnectionError(self._failure or "the connection was closed")
        self._waiter = asyncio.Future()  # of the running loop
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        if self.tls is not None:
            transport.write(self.tls.begin())

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    def buffer_updated(self, n_bytes: int) -> None:
        if self.tls is None:
            data = bytes(self._room[:n_bytes])
        else:
            try:
                data = self.tls.receive(self._room[:n_bytes])
            except ssl.SSLError as error:
                self._transport.write(self.tls.to_send())  # the alert that says why
                self._end(str(error))
                return
            if to_send := self.tls.to_send():
                self._transport.write(to_send)
            if self.tls.is_at_end:
                self.is_open = False
        if data and not self._is_asked:
            self._end("the other side spoke without a question")
            if self.on_unasked is not None:
                self.on_unasked(data)
            return
        self._received = self._received + data if self._received else data
        if len(self._received) > READ_SIZE and not self._is_paused:  # one whole read is taken before the next one
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        is_cut = self.tls is not None and not self.tls.is_at_end
        self._end("the connection was cut: TLS has not said goodbye" if is_cut else "")

    def connection_lost(self, error: Exception | None) -> None:
        self._end("" if error is None else str(error) or type(error).__name__)
        if self.on_close is not None and not self._is_asked:
            self.on_close(self)
        for of_asyncio in ("_read_ready_cb", "_write_ready"):  # by which a transport holds itself; since 3.12 by both
            vars(self._transport).pop(of_asyncio, None)

    def _end(self, failure: str) -> None:
        self._failure = self._failure or failure
        if failure and self.is_open:
            self._transport.abort()
        self.is_open = False
        self._wake()


class Tls:
    """TLS on bytes in memory (OpenSSL through ssl.SSLObject). No I/O.

    session, of an earlier connection to the same place, spares the server's certificate and a signature.
    """

    def __init__(self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=session)
        self.is_ready = False
        self.is_at_end = False  # the other side has said that nothing more comes

    def begin(self) -> bytes:
        """The first bytes to send."""
        self._shake_hands()
        return self.to_send()

    def receive(self, data: bytes | memoryview) -> bytes:
        """What the bytes say. Raises ssl.SSLError, also for a certificate that is not right."""
        self._incoming.write(data)
        if not self.is_ready:
            self._shake_hands()
        pieces = []
        room = _rooms.room
        while self.is_ready and not self.is_at_end:
            try:
                n_bytes = cast(int, self._object.read(READ_SIZE, room))  # with a buffer, the number; typeshed: bytes
            except ssl.SSLWantReadError:
                break
            pieces.append(bytes(room[:n_bytes]))
            self.is_at_end = not n_bytes
            if not (self._incoming.pending or self._object.pending()):
                break  # to be told so by an error takes as long as to read 1 KB
        return b"".join(pieces)

    def send(self, data: bytes) -> bytes:
        """The bytes that say this."""
        self._object.write(data)
        return self._outgoing.read()

    def to_send(self) -> bytes:
        """What TLS itself has to say: the handshake, new keys, an alert."""
        return self._outgoing.read()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What the next connection can resume, after an answer has come.

        Each reading costs 6 KiB that Python never gives back (3.11, measured over 2,400): seldom, please.
        """
        return self._object.session

    @property
    def is_resumed(self) -> bool:
        return bool(self._object.session_reused)

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
            self.is_ready = True
        except ssl.SSLWantReadError:
            pass


async def open_link(addresses: list[Address], port: int, tls: Tls | None) -> tuple[Link, Address]:
    """A connection to one of the addresses, before any handshake. Raises OSError, OverflowError."""
    sock, address = await connect(addresses, port)
    try:
        _, link = await asyncio.get_running_loop().create_connection(lambda: Link(tls), sock=sock)
    except BaseException:
        sock.close()
        raise
    return link, address


async def connect(
    addresses: list[Address], port: int, next_attempt_s: float = NEXT_ATTEMPT_S
) -> tuple[socket.socket, Address]:
    """The first address that takes a connection; every next_attempt_s, or when one fails, another is tried as well.

    No other socket stays open, however this ends. Raises OSError.
    """
    untried = list(reversed(addresses))
    attempts: dict[asyncio.Task[socket.socket], Address] = {}
    error: BaseException = OSError("there is no address")
    try:
        while untried or attempts:
            if untried:
                address = untried.pop()
                attempts[asyncio.ensure_future(_connect(address, port))] = address
            next_s = next_attempt_s if untried else None
            done, _ = await asyncio.wait(attempts, timeout=next_s, return_when=asyncio.FIRST_COMPLETED)
            for attempt in done:
                error = attempt.exception() or error
                if attempt.exception() is None:
                    return attempt.result(), attempts.pop(attempt)
                del attempts[attempt]
        raise error
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close)


async def _connect(address: Address, port: int) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.at(port))
    except BaseException:
        sock.close()
        raise
    return sock


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Of an attempt that came too late."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
