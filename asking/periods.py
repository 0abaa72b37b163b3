"""Hours per funding period, of exchanges that tell them in a list of their own: it is asked for beside all else."""

import asyncio
from functools import partial
from typing import NamedTuple

from asking.cache import Cache
from asking.circuits import Failure
from asking.fetch import Fetcher
from clock import Clock
from exchanges.errors import MarketError, Reason, Unavailable
from exchanges.joined import take_sole
from exchanges.table import Exchange

PERIODS_S = 60.0  # a funding period may be changed any day
LATE_S = 0.5  # after all else has arrived
AGAIN_S = 30.0


class Asked(NamedTuple):
    """A list on its way: the contracts whose period was changed, by symbol. of_all_others: the rest's period."""

    changed_h: asyncio.Future[dict[str, float]]
    of_all_others: float
    host: str


class FundingPeriods:
    """Asks for the lists. One that is late or fails is done without for a while: the rest is there."""

    def __init__(self, fetcher: Fetcher, cache: Cache, clock: Clock) -> None:
        self._fetcher, self._cache, self._clock = fetcher, cache, clock
        self._failures: dict[str, Failure] = {}
        self._again_after: dict[str, float] = {}  # by host, on the monotonic clock

    def begin(self, exchange: Exchange, quote: str) -> Asked | None:
        """The list of an exchange's contracts in that quote; None where there is none, or it failed just now."""
        told = exchange.funding_intervals(quote)
        if told is None or self._clock.monotonic() < self._again_after.get(told[0].host.name, 0.0):
            return None
        endpoint, of_all_others = told

        async def load() -> dict[str, float]:
            periods: dict[str, float] = {}
            await self._fetcher.fetch_items(endpoint, partial(take_sole, exchange.id, periods))
            return periods

        host = endpoint.host.name
        key = (host, "funding intervals")
        return Asked(self._cache.at_hand(key) or self._cache.get(key, PERIODS_S, load()), of_all_others, host)

    async def of(self, exchange: Exchange, asked: Asked | None, symbol: str) -> float | None:
        """Hours per funding period of a contract."""
        changed = await self.changed(exchange, asked)
        return None if changed is None or asked is None else changed.get(symbol, asked.of_all_others)

    async def changed(self, exchange: Exchange, asked: Asked | None) -> dict[str, float] | None:
        """The list, when it comes within LATE_S."""
        if asked is None:
            return None
        try:
            if asked.changed_h.done():  # as it is where the list is kept
                changed = asked.changed_h.result()
            else:
                async with asyncio.timeout(LATE_S):
                    changed = await asked.changed_h
            self._failures.pop(asked.host, None)
            return changed
        except (MarketError, TimeoutError) as error:
            late = Unavailable(exchange.id, "the list of funding periods is late", Reason.LATE)
            self._failures[asked.host] = Failure.of(error if isinstance(error, MarketError) else late)
            self._again_after[asked.host] = self._clock.monotonic() + AGAIN_S
            return None

    def error(self, exchange: Exchange, quote: str = "") -> MarketError | None:
        """Why the exchange's periods are not known; None when they are, or were not asked for."""
        told = exchange.funding_intervals(quote or exchange.quotes["perp"][0])
        failure = None if told is None else self._failures.get(told[0].host.name)
        return None if failure is None else failure.again(exchange.id)

    def forget(self) -> None:
        """Lets failures go: the next question asks anew."""
        self._again_after.clear()
