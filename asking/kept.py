"""One question, asked once: its answer is kept for some seconds, and shared by all who ask meanwhile.

Everything that asks stands on this: the witnesses, the namesakes, and the market above them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from copy import copy
from functools import lru_cache
from typing import Any, Self, TypeVar

from asking.cache import MAX_CACHED, Cache
from asking.fetch import Fetcher
from asking.lists import LISTING_S, Lists
from asking.periods import FundingPeriods
from asking.races import DEADLINE_S
from clock import MACHINE, Clock
from exchanges.endpoints import Endpoint
from exchanges.errors import MarketError, PartName, UnknownSymbol
from exchanges.joined import Rows, named
from exchanges.table import Exchange
from exchanges.words import Listing, Snapshot

T = TypeVar("T")
PerpOf = Callable[[Exchange, Listing], Mapping[str, Endpoint[Snapshot]]]
CONTRACTS_S = 3600.0
MAX_PERPS = 128  # whose endpoints are kept, some 2 KiB each: people ask of the same markets


class Kept:
    """Asks with a Fetcher, and keeps answers. cache_s: for how long, usually; 0 to keep none. clock: for their age.

    deadline_s: how long an answer may take that begins now.
    """

    deadline_s = DEADLINE_S

    def __init__(self, fetcher: Fetcher, cache_s: float, clock: Clock = MACHINE) -> None:
        self.fetcher, self._cache_s, self.clock = fetcher, cache_s, clock
        self._cache = Cache(MAX_CACHED, clock=clock)
        self.periods = FundingPeriods(fetcher, self._cache, clock)
        # Where to ask for a perpetual, made once: answers that are kept are found by it.
        self.perp_of: PerpOf = lru_cache(MAX_PERPS)(lambda exchange, of: exchange.perp(of))
        self._lists = Lists(fetcher, self._cache, self.periods, LISTING_S if cache_s else 0.0)

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def since(self, began: float) -> Self:
        """The same, for an answer that began before: it has as much less time. began: on the monotonic clock."""
        other = copy(self)
        other.deadline_s = max(0.0, self.deadline_s - (self.clock.monotonic() - began))
        return other

    @property
    def cache_use(self) -> tuple[int, int]:
        """How many questions found an answer that was kept or on its way, and how many did not."""
        return self._cache.n_hits, self._cache.n_misses

    def sweep(self) -> None:
        """Keeps nothing any more whose time is over: called now and then, as nobody may ask any more."""
        self._cache.sweep()

    def cached(self, endpoint: Endpoint[T], keep_s: float | None = None, per: int = 1) -> Awaitable[T]:
        """An endpoint's answer, shared among all who ask for it within keep_s, or the cache's usual time.

        per: the listing's multiplier, as the same contract may be asked for per coin, and as it is listed.
        """
        keep_s = self._cache_s if keep_s is None or not self._cache_s else keep_s
        if not keep_s:
            return self.fetcher.fetch(endpoint)
        key = _key(endpoint, per)
        return self._cache.at_hand(key) or self._cache.get(key, keep_s, self.fetcher.fetch(endpoint))

    def let_go(self, endpoint: Endpoint[Any], per: int = 1) -> None:
        """Keeps an endpoint's answer no longer: what was made of it is kept instead."""
        self._cache.drop(_key(endpoint, per))

    def told_in_list(self, exchange: Exchange, of: Listing, part: str, told: Snapshot, ago_s: float) -> None:
        """Keeps what a list that was asked for so long ago says of one market, as the answer to the question for it."""
        is_spot = of.kind == "spot"
        endpoint: Endpoint[Any] = exchange.spot(of) if is_spot else exchange.perp(of)[part]
        self._cache.keep(_key(endpoint, of.multiplier), self._cache_s - ago_s, told.ticker if is_spot else told)

    def cached_load(self, key: tuple[object, ...], keep_s: float, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """What was found for the key less than keep_s ago, or is found now by the work, once for all who ask."""
        return self._cache.get(key, keep_s if self._cache_s else 0.0, work)

    def when_asked(self, endpoint: Endpoint[T], per: int) -> Awaitable[tuple[int, T]]:
        """When it was asked for, ms, and the answer, shared as in `cached`."""

        async def load() -> tuple[int, T]:
            return self.now_ms(), await self.fetcher.fetch(endpoint)

        return self.cached_load(
            (endpoint.host.name, endpoint.target, endpoint.body, "when", per), self._cache_s, load()
        )

    async def sized(self, exchange: Exchange, of: Listing, question: str) -> Listing:
        """The listing with what a contract is worth, where the exchange needs it to convert units."""
        endpoint = exchange.contract_size(of, question)
        if endpoint is None:
            return of
        size: float = await self.cached(endpoint, CONTRACTS_S)
        return of._replace(contract_size=size)

    async def last(self, exchange: Exchange, of: Listing) -> float | None:
        """The last price of one market, per coin; None where nothing was traded. Raises MarketError."""
        exchange.require_quote(of)
        if of.kind == "spot":
            return (await self.cached(exchange.spot(of), per=of.multiplier)).last
        if exchange.is_told_in_list:
            found = named(await self.perps_of_list(exchange), of.listed)
            return found and found.ticker and found.ticker.last / of.multiplier
        of = await self.sized(exchange, of, "perp")
        ticker = (await self.cached(exchange.perp(of)["ticker"], per=of.multiplier)).ticker
        return ticker and ticker.last

    async def require_candles(self, exchange: Exchange, of: Listing, interval: str) -> None:
        """Raises NotSupported where the exchange has no such candles; UnknownSymbol where it has no such market."""
        if exchange.has("candles", of.kind, of.quote, interval):
            return
        try:
            if await self.last(exchange, of) is None:
                raise UnknownSymbol(exchange.id, f"{of.listed} is not in the list")
        except UnknownSymbol:
            raise
        except MarketError:
            pass  # whether it is listed, is not known; that there are no such candles, is
        exchange.require("candles", of.kind, of.quote, interval)

    # Lists of all markets of an exchange.

    async def listing(self, exchange: Exchange, kind: str, *parts: PartName) -> dict[str, Snapshot]:
        """All markets in dollars that trade, by symbol. parts: which of open interest and funding to ask for.

        Those that the exchange's list of tickers tells are there in any case. Raises MarketError, NotSupported
        when the exchange has no such list.
        """
        return await self._lists.of(exchange, kind, self.now_ms(), *parts)

    async def perps_of_list(self, exchange: Exchange) -> Rows:
        """All perpetuals of an exchange that tells of none by itself."""
        return await self._lists.rows(exchange, "perp", "ticker", exchange.tickers("perp", self.now_ms())["ticker"])

    def kept_list(self, exchange: Exchange, kind: str) -> Rows:
        """All markets of an exchange as they are listed, where its list was asked for within LISTING_S; else none."""
        return self._lists.kept(exchange, kind)


def _key(endpoint: Endpoint[Any], per: int) -> tuple[object, ...]:
    return (endpoint.host.name, endpoint.target, endpoint.body, endpoint.part, per)
