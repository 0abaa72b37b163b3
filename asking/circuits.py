"""When a host is left alone: after failures in a row, refusals, bans."""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from asking.budgets import OverBudget
from clock import MACHINE, Clock
from exchanges.errors import Blocked, Gone, MarketError, RateLimited, Reason, Unavailable, WrongMarket

log = logging.getLogger("fetch")
FAILURES_TO_REST = 3
REST_S = 30.0
BLOCKED_S = 600.0
MAX_REST_S = 3 * 86400.0  # Binance's longest ban
SAME_FAILURE_S = 0.5
RATE_LIMITED_S = 10.0  # when the exchange does not say how long
SLOW_S = 1.0  # an answer given up after this long counts as a failure


class Failure(NamedTuple):
    """What is kept of an error. The error itself would keep its frames, and these the answer that was refused."""

    kind: type[MarketError]
    detail: str
    reason: Reason
    status: int | None

    @classmethod
    def of(cls, error: MarketError) -> "Failure":
        return cls(type(error), error.detail, error.reason, error.status)

    def again(self, exchange: str) -> MarketError:
        """A new error of the same kind, to be raised: one that is raised twice holds the frames of both."""
        error = self.kind(exchange, self.detail)
        error.reason, error.status = self.reason, self.status
        return error


class HostHealth(NamedTuple):
    """state: ok, failing, resting or gone. resting_s: how much longer."""

    state: str
    resting_s: int
    last_success_s_ago: float | None
    last_failure: Failure | None


class Circuit:
    """Whether a host may be asked. After failures it rests, then one probe decides.

    Three failures in a row: REST_S. Blocked: BLOCKED_S. Rate limited: as long as the host says.

    count: is told how each request ended, and the seconds that it took.
    """

    def __init__(
        self, exchange: str, host: str, clock: Clock = MACHINE, count: Callable[[str, float], None] | None = None
    ) -> None:
        self.exchange, self.host, self.clock, self.count = exchange, host, clock, count
        self.failures = 0
        self.rest_until = 0.0  # on the monotonic clock, as the other moments
        self.last_success = 0.0  # since 1970
        self.last_error: Failure | None = None
        self.is_gone = False  # whether an address of the host was found closed for good
        self._probe_over: asyncio.Event | None = None  # there while a probe is under way
        self._failed_at = self._counted_at = -math.inf  # the last failure, the last that counted

    def watch(self) -> "_Watch":
        """Around one request. Raises the last error's kind while the host rests."""
        return _Watch(self)

    @property
    def resting_s(self) -> float:
        """How much longer the host is left alone; 0 when it may be asked."""
        return max(0.0, self.rest_until - self.clock.monotonic())

    def health(self) -> HostHealth:
        """What the last requests said of the host."""
        ago_s = round(self.clock.now() - self.last_success, 1) if self.last_success else None
        return HostHealth(self._state(), round(self.resting_s), ago_s, self._failure())

    def _state(self) -> str:
        if self.resting_s:
            return "resting"
        return "failing" if self.failures else "gone" if self.is_gone else "ok"

    def _failure(self) -> Failure | None:
        if self.failures and self.last_error is not None:
            return self.last_error
        return Failure(Gone, "closed for good", Gone.reason, None) if self.is_gone else None

    def admit(self) -> bool:
        """Whether this request is the probe after a rest. Raises the last error's kind while the host rests."""
        if not self.rest_until:
            return False
        if self.resting_s > 0 or self._probe_over is not None:
            raise self._resting()
        self._probe_over = asyncio.Event()
        return True

    @property
    def is_probed(self) -> bool:
        """Whether a probe is under way."""
        return self._probe_over is not None

    async def probed(self, timeout_s: float) -> None:
        """Waits while a probe is under way, no longer than a request may take: one answer is made of several requests,
        and the first that is refused would give up the others, the probe among them."""
        if self._probe_over is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._probe_over.wait()

    def _resting(self) -> MarketError:
        detail = f"left alone for {self.resting_s:.0f} s more after: {self.last_error and self.last_error.detail}"
        if not self.resting_s:
            return Unavailable(self.exchange, "a probe is under way", Reason.PROBED)
        if self.last_error is None:
            return Unavailable(self.exchange, detail)
        kind, _, reason, status = self.last_error
        if issubclass(kind, RateLimited):
            return RateLimited(self.exchange, detail, self.resting_s)
        if issubclass(kind, Blocked):
            return Blocked(self.exchange, detail, reason, status)
        return Unavailable(self.exchange, detail, reason, status)

    def ended_probe(self) -> None:
        if self._probe_over is not None:
            self._probe_over.set()
            self._probe_over = None

    def succeeded(self, began: float, *, was_probe: bool) -> None:
        """An answer counts when it was asked for after the last failure: an older one knows nothing of it."""
        self.last_success = self.clock.now()
        if not was_probe and began < self._failed_at:
            return
        if self.rest_until:
            log.warning("%s: %s answers again", self.exchange, self.host)
        self.failures, self.rest_until = 0, 0.0

    def found_closed(self, error: Gone) -> None:
        """An address is no more. That is said once; the host's others may well be there."""
        if not self.is_gone:
            log.warning("%s: %s has closed an address for good: %s", self.exchange, self.host, error.detail)
        self.is_gone = True

    def failed(self, error: MarketError) -> None:
        """Failures of requests that ran side by side count once; a longer rest is never cut short.

        One market taken for one other counts once as well, however often it is asked for: that is one odd name.
        """
        now = self.clock.monotonic()
        is_new = now - self._counted_at > SAME_FAILURE_S or not self.failures
        if self.failures and isinstance(error, WrongMarket) and self.last_error == Failure.of(error):
            is_new = False
        if is_new:
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
            self.last_error = Failure.of(error)
        if rest_s:
            self.rest_until = max(self.rest_until, now + rest_s)
        resting = f"; left alone for {rest_s:.0f} s" if rest_s else ""
        level = logging.WARNING if is_new else logging.DEBUG  # one command may have asked for ten things
        log.log(level, "%s: %s: %s%s", self.exchange, self.host, error.detail, resting)


class _Watch:
    """Tells a circuit how one request ended."""

    __slots__ = ("_began", "_circuit", "_was_probe")

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._began = circuit.clock.monotonic()
        self._was_probe = False

    def __enter__(self) -> float:
        """The moment, on the monotonic clock."""
        self._was_probe = self._circuit.admit()
        return self._began

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        circuit = self._circuit
        if self._was_probe:
            circuit.ended_probe()
        took_s = circuit.clock.monotonic() - self._began
        if circuit.count is not None:
            outcome = "ok" if kind is None else kind.__name__ if issubclass(kind, MarketError) else "given up"
            circuit.count(outcome, took_s)
        if error is None or (isinstance(error, MarketError) and not error.counts_for_circuit):
            if isinstance(error, Gone):
                circuit.found_closed(error)
            circuit.succeeded(self._began, was_probe=self._was_probe)
        elif isinstance(error, OverBudget):
            pass  # nobody was asked
        elif isinstance(error, MarketError):
            circuit.failed(error)
        elif took_s >= SLOW_S:
            # Given up: another exchange was faster, or the command's time was over. A request
            # that was cancelled after SLOW_S is a failure of the exchange, an earlier one says nothing.
            detail = f"given up after {took_s:.1f} s"
            circuit.failed(Unavailable(circuit.exchange, detail, Reason.LATE))
