"""What one exchange may list a coin as, to be tried one after another."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from asking.namesakes import Namesakes, Verdict, is_likely_meant
from asking.races import start
from asking.symbol_lists import Symbols, place
from exchanges.errors import NotTraded, Reason, UnknownSymbol
from exchanges.symbols import in_every_dollar, in_quotes
from exchanges.table import Exchange
from exchanges.words import DOLLARS, Listing


class Spellings:
    """What an exchange may list a coin as, one after another: in each of its dollars, plain, or on 1000 and more.

        async for of in spellings:
            with spellings:
                return await ...
        raise spellings.unknown

    The block says by UnknownSymbol that it is not this one; every other error goes through. What is tried first is the
    likely name. What is not asked for is what the exchange's symbols, where they are at hand, do not have; they are
    asked for only after a spelling failed, here or elsewhere. Nor is what another coin is called alike, unless
    namesakes is None. exact: in no dollar but the symbol's own, or the exchange's first, as for who asks for each.

    beside: whether a market is another coin's is found out while the block asks, unless that is likely. The block has
    to wait for `refuse_namesake` before it gives anything away. names_other: for who tells what another coin's contract
    is called there; see Namesakes.verdict.
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
        beside: bool = False,
        names_other: bool = False,
    ) -> None:
        quotes = exchange.quotes.get(kind, ())
        self._symbols, self._namesakes, self._is_beside, self._with_list = symbols, namesakes, beside, names_other
        self._exchange, self._kind = exchange, kind
        self._left = iter([in_quotes(symbol, quotes)] if exact else in_every_dollar(symbol, quotes))
        self._tried: Listing | None = None
        self._were: set[Listing] = set()
        self._others: set[str] = set()  # another coin's names, whatever the dollar
        self._verdict: asyncio.Future[Verdict] | None = None  # of the one that is tried, on its way
        self._unknown: UnknownSymbol | None = None

    @property
    def unknown(self) -> UnknownSymbol:
        """Why it is none of them: what was said of the last one, to be raised.

        It is given away, and told once: whoever raises it has this object in his frames, and the error has the frames.
        """
        assert self._unknown is not None
        unknown, self._unknown = self._unknown, None
        return unknown

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Listing:
        while (of := await self._next()) is not None:
            self._tried = of
            self._were.add(of)
            if self._namesakes is None or not self._namesakes.may_be_another(self._exchange, of):
                return of
            if of.base in self._others:
                continue
            verdict = self._namesakes.known(self._exchange, of, with_list=self._with_list)
            if verdict is None:
                asked = self._namesakes.verdict(self._exchange, of, with_list=self._with_list)
                if self._is_beside and is_likely_meant(of):
                    self._verdict = start(asked)
                    return of
                verdict = await asked
            if verdict.is_meant:
                return of
            self._fail(self._namesake(of))
        raise StopAsyncIteration

    async def refuse_namesake(self) -> None:
        """Raises UnknownSymbol where the one that is tried is another coin's."""
        if self._verdict is not None and self._tried is not None and not (await self._verdict).is_meant:
            raise self._namesake(self._tried)

    def _namesake(self, of: Listing) -> UnknownSymbol:
        self._others.add(of.base)
        return UnknownSymbol(self._exchange.id, f"{of.listed} is another coin", Reason.NAMESAKE)

    async def _next(self) -> Listing | None:
        tried, self._tried = self._tried, None
        if tried is not None and tried.quote in DOLLARS:
            try:
                other = await self._symbols.instead(self._exchange, tried)
                if other is not None and other not in self._were:
                    return other
            except UnknownSymbol as error:  # an exchange may refuse its list of them as it refuses a symbol
                self._fail(error)
        for symbol in self._left:
            try:
                if (of := await self._spelled(Listing(self._kind, symbol, symbol))) is not None:
                    return of
            except UnknownSymbol as error:
                self._fail(error)
        return None

    def _fail(self, error: UnknownSymbol) -> None:
        """Of several reasons, that another coin is listed tells most."""
        if self._unknown is None or self._unknown.reason is not Reason.NAMESAKE:
            self._unknown = error.with_traceback(None)

    async def _spelled(self, of: Listing) -> Listing | None:
        """As it is to be tried in this dollar, if it is. Raises UnknownSymbol."""
        self._exchange.require_quote(of)
        if of.quote not in DOLLARS:
            return of
        if self._unknown is not None:
            known = self._symbols.kept(self._exchange, of.kind)
            if known and place(self._exchange, of, known) is None:
                return None
        return await self._symbols.where(self._exchange, of)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            verdict.cancel()
        if self._tried is not None:
            self._learn(self._tried, error)
        if not isinstance(error, UnknownSymbol):
            return False
        self._fail(error)
        return True

    def _learn(self, tried: Listing, error: BaseException | None) -> None:
        if error is None or isinstance(error, NotTraded):  # which a list of what trades does not tell
            self._symbols.answered(self._exchange, tried)
        elif isinstance(error, UnknownSymbol) and error.reason is not Reason.NAMESAKE:
            self._symbols.doubt(tried)
