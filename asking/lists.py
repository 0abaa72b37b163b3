"""Lists of all markets of an exchange, and what of them is kept."""

from __future__ import annotations

from asking.cache import Cache
from asking.fetch import Fetcher
from asking.periods import FundingPeriods
from asking.races import start
from exchanges.endpoints import ListEndpoint
from exchanges.errors import NotSupported, PartName, Reason
from exchanges.joined import Rows
from exchanges.table import Exchange
from exchanges.words import Snapshot

LISTING_S = 10.0  # a list of all markets costs up to 80 of Binance's weight


class Lists:
    """Asks for the lists; each is kept for keep_s."""

    def __init__(self, fetcher: Fetcher, cache: Cache, periods: FundingPeriods, keep_s: float) -> None:
        self._fetcher, self._cache, self._periods, self._keep_s = fetcher, cache, periods, keep_s

    def kept(self, exchange: Exchange, kind: str) -> Rows:
        """All markets as they are listed, where that was asked for within keep_s; else none."""
        kept: Rows | None = self._cache.peek((exchange.id, "list", kind, "ticker"))
        return Rows() if kept is None else kept

    async def of(self, exchange: Exchange, kind: str, now_ms: int, *parts: PartName) -> dict[str, Snapshot]:
        """All markets in dollars that trade, by symbol; see Market.listing."""
        endpoints = exchange.tickers(kind, now_ms)
        if "ticker" not in endpoints:
            raise NotSupported(exchange.id, f"no list of {kind} tickers", Reason.NO_LIST)
        wanted = ["ticker", *(part for part in parts if part in endpoints)]
        dollar = exchange.quotes[kind][0]
        intervals = self._periods.begin(exchange, dollar) if PartName.FUNDING in parts else None
        lists = [start(self.rows(exchange, kind, part, endpoints[part])) for part in wanted]
        try:
            of_tickers, *others = [await each for each in lists]
            changed = await self._periods.changed(exchange, intervals)
            await self._fetcher.turns.take()  # all who wait for the same list have it in the same round
        finally:
            for each in lists:
                each.cancel()
            if intervals is not None:
                intervals.changed_h.cancel()
        if not others:
            return of_tickers.by_coin()
        return of_tickers.completed(others, changed, intervals and intervals.of_all_others)

    async def rows(
        self, exchange: Exchange, kind: str, part: str, endpoint: ListEndpoint[tuple[str, Snapshot]]
    ) -> Rows:
        """One of an exchange's lists. Raises MarketError."""

        async def load() -> Rows:
            found = Rows()
            found.exchange = exchange.id
            await self._fetcher.fetch_items(endpoint, found.take)
            return found

        return await self._cache.get((exchange.id, "list", kind, part), self._keep_s, load())
