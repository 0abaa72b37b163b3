"""Sends our requests to others.

`words` says what a request, an answer and an error are, `answers` reads what comes, `links` opens connections, `names`
finds where; this module keeps connections for the next request, and bounds their number and the seconds.

Two things are held to be worse than a failed request: a figure that answers another question, and a wait without end.
So a connection on which anything comes unasked is dropped, before and after its use; and for DISTRUST_S every
connection to that place then serves one request only.

Memory: some 12 KiB a kept connection. With TLS 45 more, all of them OpenSSL's: 23 after the handshake, and what the
largest record needed, up to 16 KiB, which it keeps.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from http1.answers import AnswerReader, BadAnswer, UnaskedBytes
from http1.links import Link, Tls, open_link
from http1.names import Names
from http1.places import Busy, Places
from http1.turns import Turns
from http1.words import (
    NO_TIMEOUTS,
    Asked,
    ConnectError,
    ConnectTimeout,
    LineError,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Timeouts,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_PER_ORIGIN = 128  # open connections to one host: 40 commands at once, 3 requests each
MAX_OPEN = 256  # of all hosts together, beyond OWN_PLACES of each
OWN_PLACES = 4  # of each host, which no other can take: a few hosts that hang keep nobody else waiting
MAX_IDLE = 256  # kept for the next request, all hosts together
IDLE_KEEP_S = 55.0  # exchanges let go after 60 s and more
LATELY_S = 30.0  # as many connections are kept as were in use at once in this time, or in that before
DISTRUST_S = 600.0
SESSION_S = 3600.0  # for which a TLS session is offered; servers take it for hours


class Counts:
    """What happened to connections; `unasked`: dropped because something came that nobody had asked for."""

    def __init__(self) -> None:
        self.opened = self.resumed = self.reused = self.unasked = 0

    def figures(self) -> Mapping[str, float]:
        return vars(self)


class _Origin(Busy):
    """What is open to one scheme, host and port."""

    __slots__ = (
        *("distrusted_until", "host", "idle", "peak", "peak_before", "peak_since"),
        *("port", "scheme", "session", "session_until"),
    )

    def __init__(self, place: tuple[str, str, int]) -> None:
        super().__init__()
        self.scheme, self.host, self.port = place
        self.idle: list[Link] = []  # the last one is taken first
        self.session: ssl.SSLSession | None = None
        self.session_until = 0.0  # no newer one is read before
        self.distrusted_until = 0.0
        self.peak = self.peak_before = 0
        self.peak_since = 0.0

    def busy_lately(self, now: float) -> int:
        """The most connections in use at once, in the last LATELY_S to 2 LATELY_S."""
        if now - self.peak_since > LATELY_S:
            self.peak_before = self.peak if now - self.peak_since <= 2 * LATELY_S else self.n_busy
            self.peak, self.peak_since = self.n_busy, now
        return max(self.peak, self.peak_before)


class Transport:
    """A stack of idle connections per origin: taking one and giving it back cost the same whatever their number.

    As many are kept as were in use at once lately. A repeatable request is sent once more on a fresh connection when a
    kept one turns out to be dead. TLS certificates are always verified, against ca_file or else certifi's roots;
    redirects are not followed.

    It is a words.Line.
    """

    def __init__(
        self,
        max_per_origin: int = MAX_PER_ORIGIN,
        max_open: int = MAX_OPEN,
        max_idle: int = MAX_IDLE,
        *,
        own_places: int = OWN_PLACES,
        ca_file: str = "",
        names: Names | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.counts = Counts()
        self._max_idle = max_idle
        self._places = Places(max_per_origin, max_open, own_places)
        self._origins: dict[tuple[str, str, int], _Origin] = {}
        self.n_idle = 0
        self._closed = False
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._clock = clock or _loop_time
        self._names = names or Names(clock=self._clock)
        self.turns = Turns()

    async def send(self, asked: Asked, timeouts: Timeouts = NO_TIMEOUTS) -> Received:
        """The answer, as soon as its head is there. Raises LineError."""
        origin = self._origins.get(asked.place)
        if origin is None:
            origin = self._origins[asked.place] = _Origin(asked.place)
        if not origin.idle:  # whoever waits for a name holds no place meanwhile
            async with _connecting(timeouts.connect):
                await self._names.addresses(origin.host)
        if not self._places.take(origin):
            await self._wait_for_place(origin, timeouts.pool)
        now = self._clock()
        origin.busy_lately(now)  # a new stretch begins before its peak, not with the first that is given back
        if origin.n_busy > origin.peak:
            origin.peak = origin.n_busy
        link = self._take_idle(origin, now)
        try:
            if link is not None:
                try:
                    answer = Received(self, link, origin, asked, timeouts.read)
                    await answer.begin(asked.sent)
                    if answer.status != 408:  # said to the idle connection, not to the request
                        return answer
                except (ReadError, RemoteProtocolError):
                    if not asked.is_repeatable:
                        raise
                link.drop()  # the other side let go while it lay idle
            link = await self._connect(origin, timeouts.connect)
            answer = Received(self, link, origin, asked, timeouts.read)
            await answer.begin(asked.sent)
            return answer
        except BaseException:
            if link is not None:
                link.drop()
            self._places.give_back(origin)
            raise

    async def _wait_for_place(self, origin: _Origin, timeout_s: float | None) -> None:
        try:
            await self._places.wait(origin, timeout_s)
        except TimeoutError as error:
            raise PoolTimeout("too many connections are open") from error

    # Connections that wait for the next request.

    def _take_idle(self, origin: _Origin, now: float) -> Link | None:
        while origin.idle:
            link = origin.idle.pop()
            self.n_idle -= 1
            if now - link.resting_since <= IDLE_KEEP_S and link.is_silent():
                self.counts.reused += 1
                return link
            link.drop()
        return None

    def give_back(self, link: Link, origin: _Origin, *, may_go_on: bool) -> None:
        """Keeps a connection whose answer was read to its end, if so many are needed; closes any other."""
        self._places.give_back(origin)
        now = self._clock()
        if link.tls is not None and now >= origin.session_until and not link.tls.is_resumed:
            origin.session, origin.session_until = link.tls.session, now + SESSION_S
        if self._closed or not may_go_on or now < origin.distrusted_until or not link.is_open:
            link.drop()
            return
        while origin.idle and len(origin.idle) >= origin.busy_lately(now):
            self._let_go(origin)
        if self.n_idle >= self._max_idle:
            self._let_go(max(self._origins.values(), key=lambda each: len(each.idle)))
        link.rest(now)
        origin.idle.append(link)
        self.n_idle += 1

    def _let_go(self, origin: _Origin) -> None:
        """Closes the connection that has waited longest."""
        origin.idle.pop(0).drop()
        self.n_idle -= 1

    def _forget(self, origin: _Origin, link: Link) -> None:
        """The other side has closed a connection that waited."""
        if link in origin.idle:
            origin.idle.remove(link)
            self.n_idle -= 1

    def sweep(self) -> None:
        """Closes what has waited too long: called now and then, as nobody may ask any more."""
        oldest = self._clock() - IDLE_KEEP_S
        for origin in self._origins.values():
            while origin.idle and origin.idle[0].resting_since <= oldest:
                self._let_go(origin)

    def distrust(self, origin: _Origin, data: bytes) -> None:
        """Something came that nobody had asked for: perhaps a second answer, and the next will be one too late."""
        if re.match(rb"HTTP/1\.[01] 408 ", data):
            return  # said to a connection that waited, by many servers, before they close it
        self.counts.unasked += 1
        if self._clock() >= origin.distrusted_until:
            log.warning(
                "%.60s sent what was not asked for; its connections serve one request each for a while", origin.host
            )
        origin.distrusted_until = self._clock() + DISTRUST_S
        while origin.idle:
            self._let_go(origin)

    # One connection, one request.

    async def _connect(self, origin: _Origin, timeout_s: float | None) -> Link:
        address = link = None
        tls: Tls | None = None
        try:
            async with _connecting(timeout_s):
                if origin.scheme == "https":
                    await self.turns.take()  # all who wait for the same name have it in the same round
                    tls = Tls(self._tls_context(), origin.host, origin.session)
                addresses = await self._names.addresses(origin.host)
                link, address = await open_link(addresses, origin.port, tls)
                await link.shake_hands()
        except BaseException:
            if link is not None and address is not None:
                link.drop()
                self._names.failed(origin.host, address)
            raise
        self._names.worked(origin.host, address)
        link.on_unasked = partial(self.distrust, origin)
        link.on_close = partial(self._forget, origin)
        self.counts.opened += 1
        self.counts.resumed += tls is not None and tls.is_resumed
        return link

    def _tls_context(self) -> ssl.SSLContext:
        """One for all, made when first needed: it holds some 140 certificates."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file or certifis_file())
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def aclose(self) -> None:
        """Closes the idle connections now, and those in use when their answer has been read."""
        self._closed = True
        for origin in self._origins.values():
            while origin.idle:
                self._let_go(origin)


class Received:
    """A words.Answer as it arrives. Closing it gives the connection back, or drops it when something is unread."""

    __slots__ = ("_is_closed", "_link", "_origin", "_read_s", "_reader", "_transport", "headers", "status")

    def __init__(self, transport: Transport, link: Link, origin: _Origin, asked: Asked, read_s: float | None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._reader = AnswerReader(has_body=asked.has_body)
        self._transport, self._link, self._origin = transport, link, origin
        self._read_s = read_s
        self._is_closed = False

    async def begin(self, question: bytes) -> None:
        """Sends the request and reads the answer's head; the body comes as it is asked for."""
        self._link.ask(question)
        head = None
        try:
            while head is None:
                self._reader.receive(await self._more())
                head = self._reader.head()
        except (OSError, BadAnswer) as error:
            raise self._translated(error) from error
        self.status, self.headers = head.status, head.headers

    @property
    def is_whole(self) -> bool:
        return self._reader.is_whole

    def at_hand(self) -> bytes | None:
        try:
            return self._reader.body()
        except BadAnswer as error:
            raise self._translated(error) from error

    async def read(self) -> bytes:
        while (piece := self.at_hand()) is None:
            try:
                self._reader.receive(await self._more())
            except OSError as error:
                raise self._translated(error) from error
        return piece

    def _more(self) -> Awaitable[bytes]:
        """What comes next, where a bound is set within that: asyncio.timeout costs 5 µs."""
        return self._link.read() if self._read_s is None else self._soon(self._read_s)

    async def _soon(self, seconds: float) -> bytes:
        async with asyncio.timeout(seconds):
            return await self._link.read()

    def _translated(self, error: OSError | BadAnswer) -> LineError:
        if isinstance(error, TimeoutError):
            return ReadTimeout(f"nothing came for {self._read_s} s")
        if isinstance(error, OSError):
            return ReadError(str(error))
        if isinstance(error, UnaskedBytes):
            self._transport.distrust(self._origin, b"")
        return RemoteProtocolError(str(error))

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._transport.give_back(self._link, self._origin, may_go_on=self._reader.may_go_on)


@asynccontextmanager
async def _connecting(timeout_s: float | None) -> AsyncIterator[None]:
    """Within so many seconds, and with our errors."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise ConnectTimeout(f"no connection within {timeout_s} s") from error
    except (OSError, OverflowError, UnicodeError) as error:  # also a port or name that cannot be
        raise ConnectError(str(error)) from error


def certifis_file() -> str:
    """What certifi.where() says; that imports importlib.resources to say it, which is 15 ms before the first answer."""
    from importlib.util import find_spec  # for those who have no ca_file

    found = find_spec("certifi")
    assert found is not None
    assert found.origin is not None
    return os.path.join(os.path.dirname(found.origin), "cacert.pem")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
