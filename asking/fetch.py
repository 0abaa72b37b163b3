"""The only I/O to exchanges.

`Fetcher.fetch` asks an Endpoint and `Fetcher.fetch_items` streams a ListEndpoint. Here, and
nowhere else, bytes and seconds are bounded and foreign errors become MarketErrors. What to ask
and how to read it is the exchange modules' business.

Memory: one answer of at most MAX_ANSWER bytes, or for a list one chunk and one element.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from asking.bodies import Held, read_body, read_chunks
from asking.budgets import MAX_BUDGET_WAIT_S, OverBudget, Spending, Unkept
from asking.circuits import Circuit
from asking.cutter import ArrayCutter
from clock import MACHINE, Clock
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint
from exchanges.errors import BadResponse, ClockWrong, MarketError, RateLimited, Reason, Unavailable, bare
from exchanges.finite import finite
from exchanges.reading import RowsRead
from exchanges.words import Key, Signed
from http1 import NO_FILES
from http1.deadlines import Deadlines
from http1.words import Answer, Asked, Line, LineError, LocalProtocolError, Timeouts, to_ask
from metrics import Metrics

T = TypeVar("T")
log = logging.getLogger("fetch")
CONNECT_S = 2.0
WHOLE_S = 4.0  # one answer, from asking to its last byte
LIST_S = 6.0  # a long list, likewise
MAX_ANSWER = 512 * 1024  # bytes; 1000 candles, the longest answer that is not a list, are some 160 KiB
MAX_VALUES = 24_000  # of one answer's JSON: 1500 candles have 18,000, and each costs 24 times its bytes when it is {}
MAX_REFUSAL_BODY = 64 * 1024  # bytes of an answer whose status is not 200
MAX_LIST = 16 * 1024 * 1024  # Binance's list of all spot tickers is 1.9 MiB
MAX_REFUSAL = 4096  # bytes of an answer without rows, which may be a refusal
MAX_REQUESTS = 512  # kept ready to be sent again; less than 1 KiB each
_TIMEOUTS = Timeouts(pool=WHOLE_S, connect=CONNECT_S)
_USED_WEIGHT = "x-mbx-used-weight-1m"  # Binance counts for us, all machines behind one address together
_REQUESTS_LEFT = "x-gate-ratelimit-requests-remain"  # Gate tells what is left of an endpoint's limit


class Fetcher:
    """Asks exchanges, through http1's client.

    urls replaces the address of hosts by name.
    """

    def __init__(
        self,
        line: Line,
        urls: Mapping[str, str] | None = None,
        *,
        keep_budgets: bool = True,
        clock: Clock = MACHINE,
        user_agent: str = "market-bot",
        metrics: Metrics | None = None,
    ) -> None:
        self._line, self._metrics = line, metrics or Metrics()
        self._urls = urls or {}
        self._held = Held()
        self.turns = self._held.turns
        self._keep_budgets = keep_budgets
        self._headers = {"accept": "application/json", "user-agent": user_agent}
        self._clock = clock
        self._offsets_ms: dict[str, int] = {}  # of each exchange's clock against ours
        self._clock_locks: dict[str, asyncio.Lock] = {}
        self._requests: dict[tuple[str, str, bytes], Asked] = {}
        self._circuits: dict[str, Circuit] = {}
        self._spent: dict[str, Spending] = {}
        self._soon, self._lists = Deadlines(WHOLE_S), Deadlines(LIST_S)

    async def fetch(self, endpoint: Endpoint[T]) -> T:
        """Asks once. Raises MarketError, always within WHOLE_S."""
        return await self._ask(endpoint, self._soon, self._request(endpoint, "identity"), self._reader(endpoint))

    def _reader(self, endpoint: Endpoint[T]) -> Callable[[Answer], Awaitable[T]]:
        async def read(answer: Answer) -> T:
            body = await read_body(endpoint.host.exchange, answer, MAX_ANSWER, self._held)
            if len(body) > 2 * MAX_VALUES and body.count(b",") > MAX_VALUES:  # each takes two bytes and more
                raise BadResponse(endpoint.host.exchange, f"the answer has more than {MAX_VALUES} values")
            try:
                return finite(endpoint.host.exchange, endpoint.parse(body))
            except RateLimited as error:  # some exchanges say so with HTTP 200
                _note_wait(error, answer, self._clock.now())
                raise

        return read

    async def fetch_items(self, endpoint: ListEndpoint[T], take: Callable[[list[T]], None]) -> None:
        """Hands the list's wanted rows to `take`, in order, as many at a time as each chunk of bytes brings.

        Raises MarketError, always within LIST_S: BadResponse for a list that is cut, malformed or
        beyond the limits; `take` has then had the rows before the fault.
        """
        exchange = endpoint.host.exchange

        async def read(answer: Answer) -> None:
            cutter = ArrayCutter(exchange, endpoint.place, endpoint.wanted)
            reading: RowsRead[T] = RowsRead(exchange)
            read_row = endpoint.row
            seen = b""  # of an answer without rows

            def cut(chunk: bytes) -> None:
                nonlocal read_row, seen
                if not cutter.n_elements and len(seen) < MAX_REFUSAL:
                    seen += chunk[:MAX_REFUSAL]
                rows = cutter.feed(chunk)
                if cutter.head is not None and endpoint.reader is not None:
                    read_row, cutter.head = endpoint.reader(cutter.head), None
                reading.n_rows = cutter.n_elements - len(rows)  # with those that are not wanted
                if rows:
                    take(reading.read(rows, read_row))

            await read_chunks(exchange, answer, MAX_LIST, cut, self.turns)
            if not cutter.found:
                raise endpoint.explain(200, cutter.unread)
            if endpoint.place and not cutter.n_elements:  # an envelope with a list of nothing says why
                raise endpoint.explain(200, seen)
            if not cutter.is_done:
                raise BadResponse(exchange, f"the list was cut after {cutter.n_elements} elements")
            reading.end()
            if reading.first_odd is not None:
                told = (exchange, reading.n_odd, reading.n_rows, reading.first_odd.detail)
                log.info("%s: %d of %d rows of a list were left out: %s", *told)

        await self._ask(endpoint, self._lists, self._request(endpoint, "gzip"), read)

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
                    began_s = self._clock.now()
                    theirs_ms = await self._fetch_as(clock, key, None)
                    ours_s = (began_s + self._clock.now()) / 2
                    self._offsets_ms[exchange] = round(theirs_ms - ours_s * 1000)
                    log.warning("%s: our clock is off by %d ms", exchange, -self._offsets_ms[exchange])
            return await self._fetch_signed(endpoint, key, sign, self._offsets_ms[exchange])

    async def _fetch_signed(
        self, endpoint: Endpoint[T], key: Key, sign: Callable[[Endpoint[Any], Key, int], Signed], offset_ms: int
    ) -> T:
        return await self._fetch_as(endpoint, key, sign(endpoint, key, int(self._clock.now() * 1000) + offset_ms))

    async def _fetch_as(self, endpoint: Endpoint[T], key: Key, signed: Signed | None) -> T:
        """An answer from where the key belongs. A signed request is made anew every time, and kept nowhere."""
        host = endpoint.host
        base = self._urls.get(host.name) or (host.testnet_url if key.is_testnet and host.testnet_url else host.url)
        try:
            asked = to_ask(
                "GET",
                base.rstrip("/") + (signed.target if signed is not None else endpoint.target),
                {
                    **self._headers,
                    "accept-encoding": "identity",
                    **(signed.headers if signed is not None else {}),
                },
            )
        except LocalProtocolError as error:  # the cursor of a next page is the exchange's own text
            raise BadResponse(host.exchange, "where the list goes on is no address") from error
        return await self._ask(endpoint, self._soon, asked, self._reader(endpoint))

    async def _ask(
        self,
        endpoint: Endpoint[Any] | ListEndpoint[Any],
        deadlines: Deadlines,
        asked: Asked,
        read: Callable[[Answer], Awaitable[T]],
    ) -> T:
        """What `read` makes of the answer, whose status is 200; within circuit, budget and seconds.

        An error that leaves here is bare: nothing that was refused outlives its request.
        """
        circuit = self.circuit(endpoint.host)
        if circuit.is_probed:
            await circuit.probed(deadlines.seconds)
        try:
            with circuit.watch() as began:
                return await self._answer(endpoint, deadlines, asked, read, began)
        except MarketError as error:
            raise bare(error) from None

    async def _answer(
        self,
        endpoint: Endpoint[Any] | ListEndpoint[Any],
        deadlines: Deadlines,
        asked: Asked,
        read: Callable[[Answer], Awaitable[T]],
        began: float,
    ) -> T:
        exchange, spending = endpoint.host.exchange, self._spending(endpoint.budget)
        try:
            with deadlines.begin():
                wait_s = spending.pay(endpoint.weight, began)
                paid = spending.latest
                if wait_s > 0:
                    await self._wait_for_room(spending, paid, wait_s)
                try:
                    answer = await self._line.send(asked, _TIMEOUTS)
                except LineError as error:
                    if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_FILES:
                        log.warning("%s was not asked: %s", exchange, error)
                        raise OverBudget(exchange, str(error)) from error
                    reason = Reason.LATE if error.is_late else Reason.UNREACHABLE
                    raise Unavailable(exchange, str(error), reason) from error
                finally:
                    spending.answered(paid, now := self._clock.monotonic())
                try:
                    if endpoint.budget.is_told:
                        _hear_used_weight(spending, answer, now)
                    if answer.status != 200:
                        raise await self._refusal(endpoint, answer)
                    return await read(answer)
                finally:
                    answer.close()
        except TimeoutError as error:
            raise Unavailable(exchange, f"no whole answer within {deadlines.seconds} s", Reason.LATE) from error

    async def _refusal(self, endpoint: Endpoint[Any] | ListEndpoint[Any], answer: Answer) -> MarketError:
        """What a status other than 200 means; no redirect is followed."""
        status = answer.status
        if status < 400:
            return Unavailable(endpoint.host.exchange, f"HTTP {status}", Reason.HTTP_STATUS, status)
        error = endpoint.explain(status, await read_body(endpoint.host.exchange, answer, MAX_REFUSAL_BODY, self._held))
        if isinstance(error, RateLimited):
            _note_wait(error, answer, self._clock.now())
        return error

    def circuit(self, host: Host) -> Circuit:
        circuit = self._circuits.get(host.name)
        if circuit is None:
            count = partial(self._count_request, host.exchange)
            circuit = self._circuits[host.name] = Circuit(host.exchange, host.name, self._clock, count)
        return circuit

    def _count_request(self, exchange: str, outcome: str, seconds: float) -> None:
        self._metrics.requests.add(exchange, outcome)
        self._metrics.request_seconds.observe(seconds, exchange)

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """By host name, for /health."""
        return self._circuits

    def forget_failures(self) -> None:
        """Lets every host be asked again at once, as if none had failed."""
        self._circuits.clear()

    async def aclose(self) -> None:
        await self._line.aclose()

    def _spending(self, budget: Budget) -> Spending:
        spending = self._spent.get(budget.name)
        if spending is None:
            spending = self._spent[budget.name] = (Spending if self._keep_budgets else Unkept)(budget)
        return spending

    async def _wait_for_room(self, spending: Spending, paid: list[float], wait_s: float) -> None:
        """Until what was paid may be spent, up to MAX_BUDGET_WAIT_S. Raises OverBudget."""
        if wait_s > MAX_BUDGET_WAIT_S:
            budget = spending.budget.name
            raise OverBudget(budget.partition(" ")[0], f"our own budget, {budget}, is spent", wait_s)
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = spending.still_full(paid, self._clock.monotonic())

    def _request(self, endpoint: Endpoint[Any] | ListEndpoint[Any], encoding: str) -> Asked:
        """The request for an endpoint. The last ones are kept: making one costs more CPU than sending it."""
        host = endpoint.host
        key = (host.name, endpoint.target, endpoint.body)
        asked = self._requests.pop(key, None)
        if asked is None:
            headers = {**self._headers, "accept-encoding": encoding}
            asked = to_ask(
                "POST" if endpoint.body else "GET",
                self._urls.get(host.name, host.url).rstrip("/") + endpoint.target,
                headers | {"content-type": "application/json"} if endpoint.body else headers,
                endpoint.body,
                is_repeatable=True,  # nobody is asked to do a thing
            )
            if len(self._requests) >= MAX_REQUESTS:
                del self._requests[next(iter(self._requests))]
        self._requests[key] = asked
        return asked


def _hear_used_weight(spending: Spending, answer: Answer, now: float) -> None:
    used = _count(answer.headers.get(_USED_WEIGHT, ""))
    if used is None and (left := _count(answer.headers.get(_REQUESTS_LEFT, ""))) is not None:
        used = max(0, spending.budget.max_weight - left)
    if used is not None:
        spending.heard(used, now)


def _count(text: str) -> int | None:
    """A header's whole number; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _note_wait(error: RateLimited, answer: Answer, now_s: float) -> None:
    """Puts into the error how long the exchange wants to be left alone, from where it says so."""
    retry_after = answer.headers.get("retry-after", "")
    reset_ms = answer.headers.get("x-bapi-limit-reset-timestamp", "")
    if retry_after.isdecimal():
        error.retry_after_s = float(retry_after[:9])
    elif reset_ms.isdecimal() and len(reset_ms) < 15:
        error.until_ms = int(reset_ms)
    if error.until_ms is not None and error.retry_after_s is None:
        error.retry_after_s = max(1.0, error.until_ms / 1000 - now_s)
