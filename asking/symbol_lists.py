"""What exchanges list: for who asks for what is not there, and for contracts on many coins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from asking.cache import Cache
from asking.fetch import Fetcher
from exchanges.symbols import multiplied, similar, split
from exchanges.table import Exchange

SYMBOLS_S = 3600.0
MAX_SUGGESTING = 3  # exchanges whose symbols are looked through


class Symbols:
    """Every symbol of an exchange, kept for SYMBOLS_S."""

    def __init__(self, fetcher: Fetcher, cache: Cache) -> None:
        self._fetcher, self._cache = fetcher, cache

    async def of(self, exchange: Exchange, kind: str) -> frozenset[str]:
        """Every symbol that an exchange lists; none where it has no list."""

        async def load() -> frozenset[str]:
            found: set[str] = set()
            endpoint = exchange.symbols(kind)
            if endpoint is not None:
                await self._fetcher.fetch_items(endpoint, found.update)
            return frozenset(found)

        return await self._cache.get((exchange.id, "symbols", kind), SYMBOLS_S, load())

    def kept(self, exchange: Exchange, kind: str) -> frozenset[str] | None:
        """As `of`, where somebody asked for them lately; else None."""
        found: frozenset[str] | None = self._cache.peek((exchange.id, "symbols", kind))
        return found

    async def like(self, symbol: str, exchanges: Sequence[Exchange], timeout_s: float) -> list[str]:
        """Bases that look like the symbol's, from the lists that are there within timeout_s."""
        wanted = asyncio.gather(
            *(self.of(each, market) for each in exchanges[:MAX_SUGGESTING] for market in each.kinds),
            return_exceptions=True,
        )
        try:
            async with asyncio.timeout(max(0.1, timeout_s)):
                lists = await wanted
        except TimeoutError:
            return []
        listed = {each for symbols in lists if not isinstance(symbols, BaseException) for each in symbols}
        return similar(split(symbol)[0], {multiplied(split(each)[0])[0] for each in listed})
