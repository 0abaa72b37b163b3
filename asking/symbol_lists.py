"""What exchanges list: for who asks for what is not there, and for contracts on many coins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from asking.cache import Cache
from asking.fetch import Fetcher
from exchanges.errors import UnknownSymbol
from exchanges.symbols import in_every_dollar, in_quotes, multiplied, of_many, similar, split
from exchanges.table import Exchange
from exchanges.words import COIN, Listing

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


class Spellings:
    """What an exchange may list a coin as, one after another: in each of its dollars, plain, or on 1000 and more.

        async for of in spellings:
            with spellings:
                return await ...
        raise spellings.unknown

    The block says by UnknownSymbol that it is not this one; every other error goes through. What is not asked for is
    what the exchange's symbols, where they are at hand, do not have; they are asked for only after a plain spelling
    failed. exact: in no dollar but the symbol's own, or the exchange's first, as for who asks for each of them.
    """

    def __init__(self, symbols: Symbols, exchange: Exchange, kind: str, symbol: str, *, exact: bool = False) -> None:
        quotes = exchange.quotes.get(kind, ())
        self._symbols, self._exchange, self._kind, self._quotes = symbols, exchange, kind, quotes
        self._left = iter([in_quotes(symbol, quotes)] if exact else in_every_dollar(symbol, quotes))
        self._plain: Listing | None = None  # it was tried, and may be listed as a contract on many
        self._unknown: UnknownSymbol | None = None

    @property
    def unknown(self) -> UnknownSymbol:
        """Why it is none of them: what was said of the last one."""
        assert self._unknown is not None
        return self._unknown

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Listing:
        plain, self._plain = self._plain, None
        if plain is not None:
            with self:  # an exchange may refuse its list of them as it refuses a symbol
                many = of_many(plain, await self._symbols.of(self._exchange, self._kind))
                if many is not None:
                    return many
        for symbol in self._left:
            if (of := self._spelled(Listing(self._kind, symbol, symbol))) is not None:
                return of
        raise StopAsyncIteration

    def _spelled(self, of: Listing) -> Listing | None:
        """As it is to be tried in this dollar, if it is."""
        if of.kind == "perp" and of.quote not in self._quotes:
            self._unknown = UnknownSymbol(self._exchange.id, f"no perpetual of {of.symbol}")
            return None
        may_be_many = of.kind in self._exchange.multiplied and of.quote != COIN
        kept = self._symbols.kept(self._exchange, of.kind)
        many = None if not kept or of.symbol in kept else of_many(of, kept)
        if many is not None and may_be_many:
            return many
        if self._unknown is not None and kept and of.symbol not in kept and many is None:
            return None
        self._plain = of if may_be_many else None
        return of

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, UnknownSymbol):
            return False
        self._unknown = error.with_traceback(None)
        return True
