"""The only I/O to exchanges.

`Fetcher.fetch` asks an Endpoint and `Fetcher.fetch_items` streams a ListEndpoint. Here, and
nowhere else, bytes and seconds are bounded, foreign errors become MarketErrors, rate budgets
are kept and circuits broken. What to ask and how to read it is the exchange modules' business.

Memory: one answer of at most MAX_ANSWER bytes, or for a list one chunk and one element.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
import orjson

from exchanges import (
    BadResponse,
    Blocked,
    Budget,
    ClockWrong,
    Endpoint,
    Host,
    Key,
    ListEndpoint,
    MarketError,
    NotSupported,
    RateLimited,
    Refused,
    Signed,
    Unavailable,
    UnknownSymbol,
    row_in,
)
from metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_S = 2.0
WHOLE_S = 4.0  # one answer, from asking to its last byte
LIST_S = 6.0  # a long list, likewise
MAX_ANSWER = 1024 * 1024  # bytes; 1000 candles, the longest answer that is not a list, are some 160 KiB
MAX_LIST = 16 * 1024 * 1024  # Binance's list of all spot tickers is 1.9 MiB
MAX_ELEMENT = 64 * 1024
MAX_ELEMENTS = 50_000
MAX_REFUSAL = 4096  # bytes of an answer without rows, which may be a refusal
MAX_TRIES = 64  # guesses per chunk at where an element ends
MAX_BEFORE_LIST = 256 * 1024  # Hyperliquid puts the names of all coins before the list
MAX_REQUESTS = 256  # kept ready to be sent again; about 3 KiB each
INFLATE_STEP = 64 * 1024

FAILURES_TO_REST = 3
REST_S = 30.0
BLOCKED_S = 600.0
MAX_REST_S = 3 * 86400.0  # Binance's longest ban
SAME_FAILURE_S = 0.5
RATE_LIMITED_S = 10.0  # when the exchange does not say how long
SLOW_S = 1.0  # an answer given up after this long counts as a failure
WINDOW_MARGIN_S = 0.25  # requests take unequally long to arrive, so that two windows of ours may touch in theirs
BUDGET_SHARE = 0.8  # of a documented limit: the address may be shared with others
MAX_BUDGET_WAIT_S = 1.5  # enough for a limit of one request a second

_EXTENSIONS = {"timeout": {"connect": CONNECT_S, "pool": WHOLE_S}, "repeatable": True}  # nobody is asked to do a thing
_USED_WEIGHT = "x-mbx-used-weight-1m"  # Binance counts for us, all machines behind one address together
_REQUESTS_LEFT = "x-gate-ratelimit-requests-remain"  # Gate tells what is left of an endpoint's limit


class Fetcher:
    """Asks exchanges, through an httpx transport.

    urls replaces the address of hosts by name. clock gives seconds since 1970, for signatures.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        urls: Mapping[str, str] | None = None,
        *,
        keep_budgets: bool = True,
        clock: Callable[[], float] = time.time,
        user_agent: str = "market-bot",
        metrics: Metrics | None = None,
    ) -> None:
        self._transport, self._metrics = transport, metrics or Metrics()
        self._urls = urls or {}
        self._keep_budgets = keep_budgets
        self._headers = {"accept": "application/json", "user-agent": user_agent}
        self._clock = clock
        self._offsets_ms: dict[str, int] = {}  # of each exchange's clock against ours
        self._clock_locks: dict[str, asyncio.Lock] = {}
        self._requests: dict[tuple[str, str, bytes], httpx.Request] = {}
        self._circuits: dict[str, Circuit] = {}
        self._spent: dict[str, Spending] = {}

    async def fetch(self, endpoint: Endpoint[T]) -> T:
        """Asks once. Raises MarketError, always within WHOLE_S."""
        request = self._request(endpoint, "identity")
        return await self._ask(endpoint, WHOLE_S, request, self._reader(endpoint))

    def _reader(self, endpoint: Endpoint[T]) -> Callable[[httpx.Response], Awaitable[T]]:
        async def read(response: httpx.Response) -> T:
            body = await _read(endpoint.host.exchange, response, MAX_ANSWER)
            try:
                return endpoint.parse(body)
            except RateLimited as error:  # some exchanges say so with HTTP 200
                _note_wait(error, response)
                raise

        return read

    async def fetch_items(self, endpoint: ListEndpoint[T], take: Callable[[list[T]], None]) -> None:
        """Hands the list's wanted rows to `take`, in order, as many at a time as each chunk of bytes brings.

        Raises MarketError, always within LIST_S: BadResponse for a list that is cut, malformed or
        beyond the limits; `take` has then had the rows before the fault.
        """
        exchange = endpoint.host.exchange

        async def read(response: httpx.Response) -> None:
            cutter = ArrayCutter(exchange, endpoint.place)
            read_row = endpoint.row
            seen = b""  # of an answer without rows

            def cut(chunk: bytes) -> None:
                nonlocal read_row, seen
                if not cutter.n_elements and len(seen) < MAX_REFUSAL:
                    seen += chunk[:MAX_REFUSAL]
                rows = cutter.feed(chunk)
                if cutter.head is not None and endpoint.reader is not None:
                    read_row, cutter.head = endpoint.reader(cutter.head), None
                if rows:
                    take([item for row in rows if (item := read_row(row_in(exchange, row))) is not None])

            await _read_chunks(exchange, response, MAX_LIST, cut)
            if not cutter.found:
                raise endpoint.explain(200, cutter.unread)
            if endpoint.place and not cutter.n_elements:  # an envelope with a list of nothing says why
                raise endpoint.explain(200, seen)
            if not cutter.is_done:
                raise BadResponse(exchange, f"the list was cut after {cutter.n_elements} elements")

        await self._ask(endpoint, LIST_S, self._request(endpoint, "gzip"), read)

    async def fetch_signed(
        self, endpoint: Endpoint[T], key: Key, sign: Callable[[Endpoint[Any], Key, int], Signed], clock: Endpoint[int]
    ) -> T:
        """Asks once as the key's owner; twice when the exchange finds our clock wrong and `clock` has told its own.

        Raises MarketError. A resumed machine's clock lags for a while; what was learnt is kept.
        """
        exchange = endpoint.host.exchange
        offset_ms = self._offsets_ms.get(exchange, 0)
        try:
            return await self._fetch_signed(endpoint, key, sign, offset_ms)
        except ClockWrong:
            async with self._clock_locks.setdefault(exchange, asyncio.Lock()):
                if self._offsets_ms.get(exchange, 0) == offset_ms:
                    began_s = self._clock()
                    theirs_ms = await self._fetch_as(clock, key, None)
                    ours_s = (began_s + self._clock()) / 2
                    self._offsets_ms[exchange] = round(theirs_ms - ours_s * 1000)
                    log.warning("%s: our clock is off by %d ms", exchange, -self._offsets_ms[exchange])
            return await self._fetch_signed(endpoint, key, sign, self._offsets_ms[exchange])

    async def _fetch_signed(
        self, endpoint: Endpoint[T], key: Key, sign: Callable[[Endpoint[Any], Key, int], Signed], offset_ms: int
    ) -> T:
        return await self._fetch_as(endpoint, key, sign(endpoint, key, int(self._clock() * 1000) + offset_ms))

    async def _fetch_as(self, endpoint: Endpoint[T], key: Key, signed: Signed | None) -> T:
        """An answer from where the key belongs. A signed request is made anew every time, and kept nowhere."""
        host = endpoint.host
        base = self._urls.get(host.name) or (host.testnet_url if key.is_testnet and host.testnet_url else host.url)
        try:
            request = httpx.Request(
                "GET",
                base.rstrip("/") + (signed.target if signed is not None else endpoint.target),
                headers={
                    **self._headers,
                    "accept-encoding": "identity",
                    **(signed.headers if signed is not None else {}),
                },
                extensions=_EXTENSIONS,
            )
        except httpx.InvalidURL as error:  # the cursor of a next page is the exchange's own text
            raise BadResponse(host.exchange, "where the list goes on is no address") from error
        return await self._ask(endpoint, WHOLE_S, request, self._reader(endpoint))

    async def _ask(
        self,
        endpoint: Endpoint[Any] | ListEndpoint[Any],
        timeout_s: float,
        request: httpx.Request,
        read: Callable[[httpx.Response], Awaitable[T]],
    ) -> T:
        """What `read` makes of the answer, whose status is 200; within circuit, budget and seconds."""
        host = endpoint.host
        with self.circuit(host).watch(), _Counted(self._metrics, host.exchange):
            try:
                async with asyncio.timeout(timeout_s):
                    answered = await self._pay(endpoint.budget, endpoint.weight)
                    try:
                        response = await self._send(host, request)
                    finally:
                        answered()
                    try:
                        self._note_used_weight(endpoint.budget, response)
                        if response.status_code != 200:
                            raise await _refusal(endpoint, response)
                        return await read(response)
                    finally:
                        await response.stream.aclose()  # type: ignore[union-attr]
            except TimeoutError as error:
                detail = f"no whole answer within {timeout_s} s"
                raise Unavailable(host.exchange, detail, "did not answer in time") from error

    def circuit(self, host: Host) -> Circuit:
        circuit = self._circuits.get(host.name)
        if circuit is None:
            circuit = self._circuits[host.name] = Circuit(host.exchange, host.name)
        return circuit

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """By host name, for /health."""
        return self._circuits

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _pay(self, budget: Budget, weight: int) -> Callable[[], None]:
        """Takes weight from the budget, waiting up to MAX_BUDGET_WAIT_S for it. Raises RateLimited.

        Gives what has to be called when the request is answered, or given up.
        """
        if not self._keep_budgets:
            return lambda: None
        spending = self._spent.get(budget.name)
        if spending is None:
            spending = self._spent[budget.name] = Spending(budget)
        wait_s = spending.pay(weight, time.monotonic())
        if wait_s > MAX_BUDGET_WAIT_S:
            raise OverBudget(budget.name.partition(" ")[0], f"our own budget, {budget.name}, is spent", wait_s)
        paid = spending.latest
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = spending.still_full(paid, time.monotonic())
        return lambda: spending.answered(paid, time.monotonic())

    def _note_used_weight(self, budget: Budget, response: httpx.Response) -> None:
        spending = self._spent.get(budget.name)
        if spending is None or not budget.is_told:
            return
        used = _count(response.headers.get(_USED_WEIGHT, ""))
        left = _count(response.headers.get(_REQUESTS_LEFT, ""))
        if used is None and left is not None:
            used = max(0, budget.max_weight - left)
        if used is not None:
            spending.heard(used, time.monotonic())

    def _request(self, endpoint: Endpoint[Any] | ListEndpoint[Any], encoding: str) -> httpx.Request:
        """The request for an endpoint. The last ones are kept: making one costs more CPU than sending it."""
        host = endpoint.host
        key = (host.name, endpoint.target, endpoint.body)
        request = self._requests.pop(key, None)
        if request is None:
            headers = {**self._headers, "accept-encoding": encoding}
            request = httpx.Request(
                "POST" if endpoint.body else "GET",
                self._urls.get(host.name, host.url).rstrip("/") + endpoint.target,
                content=endpoint.body or None,
                headers=headers | {"content-type": "application/json"} if endpoint.body else headers,
                extensions=_EXTENSIONS,
            )
            if len(self._requests) >= MAX_REQUESTS:
                del self._requests[next(iter(self._requests))]
        self._requests[key] = request
        return request

    async def _send(self, host: Host, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except httpx.TimeoutException as error:
            raise Unavailable(host.exchange, str(error), "did not answer in time") from error
        except httpx.HTTPError as error:
            raise Unavailable(host.exchange, str(error)) from error


def _count(text: str) -> int | None:
    """A header's whole number; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


async def _refusal(endpoint: Endpoint[Any] | ListEndpoint[Any], response: httpx.Response) -> MarketError:
    """What a status other than 200 means; no redirect is followed."""
    status = response.status_code
    if status < 400:
        return Unavailable(endpoint.host.exchange, f"HTTP {status}", f"answered HTTP {status}")
    error = endpoint.explain(status, await _read(endpoint.host.exchange, response, MAX_ANSWER))
    if isinstance(error, RateLimited):
        _note_wait(error, response)
    return error


def _note_wait(error: RateLimited, response: httpx.Response) -> None:
    """Puts into the error how long the exchange wants to be left alone, from where it says so."""
    retry_after = response.headers.get("retry-after", "")
    reset_ms = response.headers.get("x-bapi-limit-reset-timestamp", "")
    if retry_after.isdecimal():
        error.retry_after_s = float(retry_after[:9])
    elif reset_ms.isdecimal() and len(reset_ms) < 15:
        error.until_ms = int(reset_ms)
    if error.until_ms is not None and error.retry_after_s is None:
        error.retry_after_s = max(1.0, error.until_ms / 1000 - time.time())


async def _read(exchange: str, response: httpx.Response, max_bytes: int) -> bytes:
    """The whole body. Raises as _read_chunks."""
    parts: list[bytes] = []
    try:
        await _read_chunks(exchange, response, max_bytes, parts.append)
    except BaseException:
        parts.clear()  # an error that is kept for its reason keeps this frame too
        raise
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _read_chunks(exchange: str, response: httpx.Response, max_bytes: int, take: Callable[[bytes], None]) -> None:
    """Hands the body to `take` as it arrives, unpacked.

    Gzip is unpacked in steps, so that a small answer cannot become a huge one in memory. Raises
    BadResponse beyond max_bytes, or when the body is cut or is no gzip; Unavailable when the line fails.
    """
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise BadResponse(exchange, f"the answer has {length} bytes, more than {max_bytes}")
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise BadResponse(exchange, f"content-encoding {encoding[:20]!r} was not asked for")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    size = 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        async for raw in response.stream:
            for chunk in (raw,) if unpack is None else _unpacked(unpack, raw):
                size += len(chunk)
                if size > max_bytes:
                    raise BadResponse(exchange, f"the answer is longer than {max_bytes} bytes")
                take(chunk)
    except zlib.error as error:
        raise BadResponse(exchange, f"not gzip: {error}") from error
    except httpx.RemoteProtocolError as error:
        raise BadResponse(exchange, f"the answer was cut after {size} bytes: {error}") from error
    except httpx.HTTPError as error:
        raise Unavailable(exchange, f"the line failed after {size} bytes: {error}") from error
    if unpack is not None and not unpack.eof:
        raise BadResponse(exchange, f"the gzip answer was cut after {size} bytes")


def _unpacked(unpack: zlib._Decompress, raw: bytes) -> Iterator[bytes]:
    while raw:
        yield unpack.decompress(raw, INFLATE_STEP)
        raw = unpack.unconsumed_tail


class ArrayCutter:
    """Cuts the elements out of a JSON array while its bytes arrive. No I/O.

    place is the way to the array: () for the body itself, ("result", "list") for
    {"result": {"list": […]}}, (1,) for the second member of an outer array. The elements are
    objects.

    No JSON is scanned here. Whether a guess was right, orjson tells: what stands before the
    array must, closed with the brackets that place asks for, parse to a document that has an
    empty list there; and the bytes up to a "}" are whole elements exactly when, put in brackets,
    they parse. So the last "}" of what has arrived is tried first, then earlier ones.

    Raises BadResponse. Keeps one chunk and one unfinished element.
    """

    def __init__(self, exchange: str, place: tuple[str | int, ...]) -> None:
        self._exchange, self._place = exchange, place
        self._buffer = b""
        self._searched = 0  # no array at the place begins before this
        self._after_element = False
        self.n_elements = 0
        self.head: Any = None  # the document before the array, with an empty list in its place
        self.found = False
        self.is_done = False

    @property
    def unread(self) -> bytes:
        """What has arrived and was not handed out."""
        return self._buffer

    def feed(self, chunk: bytes) -> list[Any]:
        """The elements that are whole now."""
        if self.is_done:
            return []
        self._buffer += chunk
        if not self.found and not self._find_array():
            if len(self._buffer) > MAX_BEFORE_LIST:
                raise BadResponse(self._exchange, f"no list at {self._place} in the first {MAX_BEFORE_LIST} bytes")
            return []
        elements = self._cut()
        self.n_elements += len(elements)
        if self.n_elements > MAX_ELEMENTS:
            raise BadResponse(self._exchange, f"the list has more than {MAX_ELEMENTS} elements")
        if len(self._buffer) > MAX_ELEMENT:
            raise BadResponse(self._exchange, f"an element has more than {MAX_ELEMENT} bytes, or is no object")
        return elements

    def _find_array(self) -> bool:
        while (start := self._buffer.find(b"[", self._searched)) >= 0:
            self._searched = start + 1
            if self._is_at_place(self._buffer[:start]):
                self._buffer = self._buffer[start + 1 :]
                self.found = True
                return True
        return False

    def _is_at_place(self, before: bytes) -> bool:
        """Whether an array that begins after these bytes stands at the place."""
        last = self._place[-1] if self._place else None
        opening = b"" if last is None else b":" if isinstance(last, str) else b"," if last else b"["
        if before.rstrip()[-1:] != opening:
            return False
        closing = "".join("}" if isinstance(step, str) else "]" for step in reversed(self._place))
        try:
            here = head = orjson.loads(before + b"[]" + closing.encode())
            for step in self._place:
                here = here[step]
            if here != []:
                return False
            self.head = head
            return True
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return False

    def _cut(self) -> list[Any]:
        self._skip_separator()
        end, tries = len(self._buffer), 0
        while tries < MAX_TRIES and (end := self._buffer.rfind(b"}", 0, end)) >= 0:
            if not _may_end_element(self._buffer, end + 1):
                continue
            tries += 1
            try:
                elements: list[Any] = orjson.loads(b"[" + self._buffer[: end + 1] + b"]")
            except orjson.JSONDecodeError:
                continue
            self._buffer = self._buffer[end + 1 :]
            self._after_element = True
            self._skip_separator()
            return elements
        return []

    def _skip_separator(self) -> None:
        """Takes the comma after an element off the buffer; notes the array's end."""
        rest = self._buffer.lstrip()
        if self._after_element and rest[:1] == b",":
            self._buffer, self._after_element = rest[1:], False
        elif rest[:1] == b"]" and (self._after_element or not self.n_elements):
            self._buffer, self.is_done = b"", True
        elif self._after_element and rest:
            raise BadResponse(self._exchange, f"between two elements of the list stands {rest[:20]!r}")


def _may_end_element(buffer: bytes, end: int) -> bool:
    """Whether what follows the "}" before end is the array's end, another object, or not there yet."""
    rest = buffer[end : end + 16].lstrip()
    return not rest or rest[:1] == b"]" or (rest[:1] == b"," and rest[1:].lstrip()[:1] in (b"", b"{"))


class OverBudget(RateLimited):
    """We held back ourselves; the exchange was not asked."""

    reason = "was not asked, to keep within the limits"


class Spending:
    """What was spent of a Budget within its window.

    Each request counts from when it was paid for, and once it is answered from then: when the exchange counted it
    lies in between, and on a slow line or machine those are seconds apart.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._max = budget.max_weight * BUDGET_SHARE
        self._window_s = budget.window_s + WINDOW_MARGIN_S
        self._spent: deque[list[float]] = deque()  # when, and how much
        self._total = 0.0

    def pay(self, weight: int, now: float) -> float:
        """Seconds to wait before asking; 0 when the budget has room. Beyond MAX_BUDGET_WAIT_S nothing was taken."""
        self._forget(now)
        wait_s = 0.0
        if self._total + weight > self._max and self._spent:
            left = self._total + weight - self._max
            for when, spent in self._spent:
                left -= spent
                wait_s = when + self._window_s - now
                if left <= 0:
                    break
        if wait_s <= MAX_BUDGET_WAIT_S:
            self._spent.append([now + wait_s, weight])
            self._total += weight
        return wait_s

    @property
    def latest(self) -> list[float]:
        """What was paid last, to be told to `answered`."""
        return self._spent[-1]

    def still_full(self, paid: list[float], now: float) -> float:
        """Seconds to wait on: those before were answered later than was thought when this one was paid for."""
        before = 0.0
        earliest = now
        for entry in self._spent:
            if entry is paid:
                break
            if entry[0] > now - self._window_s:
                before += entry[1]
                earliest = min(earliest, entry[0])
        is_full = before > 0 and before + paid[1] > self._max
        return max(0.0, earliest + self._window_s - now) if is_full else 0.0

    def answered(self, paid: list[float], now: float) -> None:
        paid[0] = max(paid[0], now)

    def heard(self, used: int, now: float) -> None:
        """The exchange's own count, which includes what others behind this address spent."""
        self._forget(now)
        if used > self._total:
            self._spent.append([now, used - self._total])
            self._total = used

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self._window_s:
            self._total -= self._spent.popleft()[1]


class Circuit:
    """Whether a host may be asked. After failures it rests, then one probe decides.

    Three failures in a row: REST_S. Blocked: BLOCKED_S. Rate limited: as long as the host says.
    """

    def __init__(self, exchange: str, host: str) -> None:
        self.exchange, self.host = exchange, host
        self.failures = 0
        self.rest_until = 0.0  # time.monotonic()
        self.last_success = 0.0  # time.time()
        self.last_error: MarketError | None = None
        self._probing = False
        self._failed_at = self._counted_at = -math.inf  # time.monotonic(): the last failure, the last that counted

    def watch(self) -> _Watch:
        """Around one request. Raises the last error's kind while the host rests."""
        return _Watch(self)

    @property
    def resting_s(self) -> float:
        """How much longer the host is left alone; 0 when it may be asked."""
        return max(0.0, self.rest_until - time.monotonic())

    def admit(self) -> bool:
        """Whether this request is the probe after a rest. Raises the last error's kind while the host rests."""
        if not self.rest_until:
            return False
        if self.resting_s > 0 or self._probing:
            raise self._resting()
        self._probing = True
        return True

    def _resting(self) -> MarketError:
        detail = f"left alone for {self.resting_s:.0f} s more after: {self.last_error and self.last_error.detail}"
        reason = self.last_error.reason if self.last_error is not None else None
        if not self.resting_s:
            return Unavailable(self.exchange, "a probe is under way", "is being tried again")
        if isinstance(self.last_error, RateLimited):
            return RateLimited(self.exchange, detail, self.resting_s)
        if isinstance(self.last_error, Blocked):
            return Blocked(self.exchange, detail, reason)
        return Unavailable(self.exchange, detail, reason)

    def ended(self, *, was_probe: bool) -> None:
        if was_probe:
            self._probing = False

    def succeeded(self, began: float, *, was_probe: bool) -> None:
        """An answer counts when it was asked for after the last failure: an older one knows nothing of it."""
        self.last_success = time.time()
        if not was_probe and began < self._failed_at:
            return
        if self.rest_until:
            log.warning("%s: %s answers again", self.exchange, self.host)
        self.failures, self.rest_until = 0, 0.0

    def failed(self, error: MarketError) -> None:
        """Failures of requests that ran side by side count once; a longer rest is never cut short."""
        now = time.monotonic()
        if now - self._counted_at > SAME_FAILURE_S or not self.failures:
            self.failures += 1
            self._counted_at = now
        self._failed_at = now
        rest_s = 0.0
        if isinstance(error, RateLimited):
            rest_s = min(error.retry_after_s or RATE_LIMITED_S, MAX_REST_S)
        elif isinstance(error, Blocked):
            rest_s = BLOCKED_S
        elif self.failures >= FAILURES_TO_REST:
            rest_s = REST_S
        if self.last_error is None or now + rest_s >= self.rest_until:
            self.last_error = error
        if rest_s:
            self.rest_until = max(self.rest_until, now + rest_s)
        resting = f"; left alone for {rest_s:.0f} s" if rest_s else ""
        log.warning("%s: %s: %s%s", self.exchange, self.host, error.detail, resting)


class _Counted:
    """Counts one request, and how it ended."""

    def __init__(self, metrics: Metrics, exchange: str) -> None:
        self._metrics, self._exchange, self._began = metrics, exchange, time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        outcome = "ok" if kind is None else kind.__name__ if issubclass(kind, MarketError) else "given up"
        self._metrics.requests.add(self._exchange, outcome)
        self._metrics.request_seconds.observe(time.monotonic() - self._began, self._exchange)


class _Watch:
    """Tells a circuit how one request ended."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._began = time.monotonic()
        self._was_probe = False

    def __enter__(self) -> None:
        self._was_probe = self._circuit.admit()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._circuit.ended(was_probe=self._was_probe)
        if error is None or isinstance(error, (UnknownSymbol, NotSupported, Refused)):
            self._circuit.succeeded(self._began, was_probe=self._was_probe)
        elif isinstance(error, OverBudget):
            pass  # nobody was asked
        elif isinstance(error, MarketError):
            self._circuit.failed(error)
        else:
            # Given up: another exchange was faster, or the command's time was over. A request
            # that was cancelled after SLOW_S is a failure of the exchange, an earlier one says nothing.
            waited_s = time.monotonic() - self._began
            if waited_s >= SLOW_S:
                exchange = self._circuit.exchange
                detail = f"given up after {waited_s:.1f} s"
                self._circuit.failed(Unavailable(exchange, detail, "did not answer in time"))
