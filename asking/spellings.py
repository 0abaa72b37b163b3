"""What one exchange may list a coin as, to be tried one after another."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from asking.namesakes import Namesakes
from asking.symbol_lists import Symbols
from exchanges.errors import Reason, UnknownSymbol
from exchanges.symbols import in_every_dollar, in_quotes, of_many
from exchanges.table import Exchange
from exchanges.words import COIN, Listing


class Spellings:
    """What an exchange may list a coin as, one after another: in each of its dollars, plain, or on 1000 and more.

        async for of in spellings:
            with spellings:
                return await ...
        raise spellings.unknown

    The block says by UnknownSymbol that it is not this one; every other error goes through. What is not asked for is
    what the exchange's symbols, where they are at hand, do not have; they are asked for only after a plain spelling
    failed. Nor is what another coin is called alike, unless namesakes is None. exact: in no dollar but the symbol's
    own, or the exchange's first, as for who asks for each of them.
    """

    def __init__(
        self,
        symbols: Symbols,
        namesakes: Namesakes | None,
        exchange: Exchange,
        kind: str,
        symbol: str,
        *,
        exact: bool = False,
    ) -> None:
        quotes = exchange.quotes.get(kind, ())
        self._symbols, self._namesakes = symbols, namesakes
        self._exchange, self._kind, self._quotes = exchange, kind, quotes
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
        while (of := await self._next()) is not None:
            if self._namesakes is None or (await self._namesakes.verdict(self._exchange, of)).is_meant:
                return of
            self._fail(UnknownSymbol(self._exchange.id, f"{of.listed} is another coin", Reason.NAMESAKE))
        raise StopAsyncIteration

    async def _next(self) -> Listing | None:
        plain, self._plain = self._plain, None
        if plain is not None:
            with self:  # an exchange may refuse its list of them as it refuses a symbol
                many = of_many(plain, await self._symbols.of(self._exchange, self._kind))
                if many is not None:
                    return many
        for symbol in self._left:
            if (of := self._spelled(Listing(self._kind, symbol, symbol))) is not None:
                return of
        return None

    def _fail(self, error: UnknownSymbol) -> None:
        """Of several reasons, that another coin is listed tells most."""
        if self._unknown is None or self._unknown.reason is not Reason.NAMESAKE:
            self._unknown = error.with_traceback(None)

    def _spelled(self, of: Listing) -> Listing | None:
        """As it is to be tried in this dollar, if it is."""
        if of.kind == "perp" and of.quote not in self._quotes:
            self._fail(UnknownSymbol(self._exchange.id, f"no perpetual of {of.symbol}"))
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
        self._fail(error)
        return True
