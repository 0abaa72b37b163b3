"""How much may be asked of an exchange: documented limits, kept by ourselves."""

from __future__ import annotations

from collections import deque

from exchanges.endpoints import Budget
from exchanges.errors import RateLimited, Reason

WINDOW_MARGIN_S = 0.25  # requests take unequally long to arrive, so that two windows of ours may touch in theirs
BUDGET_SHARE = 0.8  # of a documented limit: the address may be shared with others
MAX_BUDGET_WAIT_S = 1.5  # enough for a limit of one request a second


class OverBudget(RateLimited):
    """We held back ourselves; the exchange was not asked."""

    reason = Reason.OVER_BUDGET


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
        if now > paid[0]:
            paid[0] = now

    def heard(self, used: int, now: float) -> None:
        """The exchange's own count, which includes what others behind this address spent."""
        self._forget(now)
        if used > self._total:
            self._spent.append([now, used - self._total])
            self._total = used

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self._window_s:
            self._total -= self._spent.popleft()[1]


class Unkept(Spending):
    """Of a budget that nobody keeps: there is always room, and nothing is remembered."""

    def pay(self, weight: int, now: float) -> float:
        return 0.0

    @property
    def latest(self) -> list[float]:
        return [0.0, 0.0]

    def heard(self, used: int, now: float) -> None:
        pass
