"""Two coins of one name: which of an exchange's markets are of the coin that a name means there.

CAT is a stock at one exchange and a coin at another; 1000CAT is listed beside either. What a name means is settled by
price: at one exchange by its spot market of that very name, else by its perpetual of that very name. A market that is
more than MAX_APART times away is another coin's. A name that is typed with its thousand (1000CAT) means the coin that
contracts of that name are on.

Memory: a verdict a market, kept for an hour by the market's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from asking.cache import Cache
from asking.kept import Kept
from asking.races import Question, both, first_answers, or_none
from asking.symbol_lists import Symbols, guess
from exchanges.errors import MarketError, Reason, Unavailable, UnknownSymbol, is_not_there
from exchanges.symbols import (
    BY_THE_THOUSAND,
    UNMISTAKABLE,
    are_of_one_coin,
    coin_symbol,
    in_quotes,
    multiplied,
    of_many,
    split,
)
from exchanges.table import Exchange
from exchanges.words import COIN, Listing

VERDICT_S = 3600.0
CHECK_S = 0.9  # to find out which of two coins is meant; then the market is taken for the one of its name
TYPED_S = 1.5  # the same for a name with its thousand, of which several exchanges are asked


class Verdict(NamedTuple):
    """is_meant: the market is of the coin that its name means. other: another coin's contract on many beside it."""

    is_meant: bool
    other: str = ""


MEANT = Verdict(is_meant=True)


class Namesakes:
    """Tells coins of one name apart."""

    def __init__(self, kept: Kept, cache: Cache, symbols: Symbols) -> None:
        self._kept, self._cache, self._symbols = kept, cache, symbols

    def may_be_another(self, exchange: Exchange, of: Listing) -> bool:
        """Whether a market may be another coin's than its name means, as far as the name tells."""
        base, quote = split(of.symbol)
        if base in UNMISTAKABLE or multiplied(base)[1] != 1 or quote == COIN:
            return False
        return of.multiplier != 1 or (of.kind == "perp" and "spot" in exchange.quotes)

    async def verdict(self, exchange: Exchange, of: Listing, *, with_list: bool = False) -> Verdict:
        """Whether a market is of the coin that is meant by the name it is asked by.

        It is taken to be where that need not be found out: a spot market of the plain name says itself what the name
        means, and so does a perpetual where there are no spot markets. It is, too, where that cannot be found out.
        Raises Unavailable where it is not found out in time, of one on many whose plain name may be another coin's.

        with_list: what another coin's contract is called beside it, is looked for in the exchange's list, once an hour;
        otherwise in a list that is at hand, or else among the best known names.
        """
        if not self.may_be_another(exchange, of):
            return MEANT
        try:
            async with asyncio.timeout(CHECK_S):
                key = self._key(exchange, of, with_list)
                return await self._cache.get(key, VERDICT_S, self._judge(exchange, of, with_list))
        except MarketError:
            return MEANT
        except TimeoutError:
            if is_likely_meant(of):
                return MEANT
            raise Unavailable(exchange.id, f"whether {of.listed} is another coin", Reason.LATE) from None

    def known(self, exchange: Exchange, of: Listing, *, with_list: bool = False) -> Verdict | None:
        """The verdict that was found within the hour, if there is one."""
        kept: Verdict | None = self._cache.peek(self._key(exchange, of, with_list))
        return kept

    def other(self, exchange: Exchange, symbol: str) -> str:
        """What another coin's perpetual is called beside that of the symbol, where that was found out; else ""."""
        listed = in_quotes(symbol, exchange.quotes.get("perp", ()))
        of = Listing("perp", listed, listed)
        verdicts = (self._cache.peek((*_key(exchange, of), has_list)) for has_list in (True, False))
        kept: Verdict | None = next((each for each in verdicts if each is not None), None)
        return kept.other if kept is not None else ""

    def _key(self, exchange: Exchange, of: Listing, with_list: bool) -> tuple[object, ...]:
        """A verdict from before the exchange's list was there is found anew with it: that may name another coin's."""
        return *_key(exchange, of), with_list or bool(self._symbols.kept(exchange, of.kind))

    async def _judge(self, exchange: Exchange, of: Listing, with_list: bool) -> Verdict:
        """Raises MarketError, also where there is no such market: that is no verdict."""
        if of.multiplier != 1:  # it is in a list: what the plain name means may be asked for beside it
            last, anchor = await both(self._kept.last(exchange, of), self._anchor(exchange, of))
            return Verdict(is_meant=not _are_apart(last, anchor))
        last = await self._kept.last(exchange, of)
        anchor, other = await both(self._anchor(exchange, of), self._other_beside(exchange, of, last, with_list))
        return Verdict(is_meant=False) if _are_apart(last, anchor) else Verdict(is_meant=True, other=other)

    async def _other_beside(self, exchange: Exchange, of: Listing, last: float | None, with_list: bool) -> str:
        """What another coin's contract on many is called beside a plain one at that price; "" for none."""
        if with_list and of.kind in exchange.multiplied:
            await self._symbols.of(exchange, of.kind)
        many = self._symbols.many_beside(exchange, of)
        return many.base if many and _are_apart(last, await self._last_or_none(exchange, many)) else ""

    async def _anchor(self, exchange: Exchange, of: Listing) -> float | None:
        """The price of what the plain name means: of spot, else of the perpetual that is not the one in question."""
        base = split(of.symbol)[0]
        for kind in ("spot", "perp"):
            if kind not in exchange.kinds or (kind == of.kind and of.multiplier == 1):
                continue
            listed = f"{base}-{exchange.quotes[kind][0]}"
            plain = Listing(kind, listed, listed)
            if await self._symbols.lacks(exchange, plain):
                continue
            if (price := await self._last_or_none(exchange, plain)) is not None:
                return price
        return None

    async def _last_or_none(self, exchange: Exchange, of: Listing) -> float | None:
        """None where there is no such market. Raises what else fails."""
        try:
            return await self._kept.last(exchange, of)
        except MarketError as error:
            if is_not_there(error):
                return None
            raise

    async def typed(self, symbol: str, exchanges: Sequence[Exchange]) -> str:
        """PEPE-USDT for 1000PEPE-USDT, whose plain name is that of the same coin; 1000CAT-USDT stays what it is.

        Where nobody lists a contract on many, a plain name is trusted that is known to be the coin's own.
        """
        coin, multiplier = coin_symbol(symbol)
        if multiplier == 1:
            return symbol
        key = ("typed", symbol, tuple(each.id for each in exchanges))
        try:
            async with asyncio.timeout(TYPED_S):
                return await self._cache.get(key, VERDICT_S, self._meant(symbol, coin, exchanges))
        except (MarketError, TimeoutError):
            return _trusted(symbol, coin)

    async def _meant(self, symbol: str, coin: str, exchanges: Sequence[Exchange]) -> str:
        perps, spots = ([each for each in exchanges if kind in each.kinds] for kind in ("perp", "spot"))
        if spots and (known := await or_none(self._by_likely_names(symbol, coin, perps[:1], spots[0]))):
            return known
        outcomes = await first_answers(
            Question(perps, (self._last_of_many(each, "perp", coin) for each in perps)),
            Question(spots, (self._last_of_many(each, "spot", coin) for each in spots)),
            Question(perps, (self._last_of_plain(each, "perp", coin) for each in perps)),
            Question(spots, (self._last_of_plain(each, "spot", coin) for each in spots)),
            timeout_s=TYPED_S,
        )
        if failed := [
            error for each in outcomes for error in each.errors if each.found is None and not is_not_there(error)
        ]:
            raise failed[0]
        many, plain = ([each.found for each in part if each.found] for part in (outcomes[:2], outcomes[2:]))
        if not many:
            return _trusted(symbol, coin)
        return coin if all(are_of_one_coin(many[0], each) for each in plain) else symbol

    async def _by_likely_names(
        self, symbol: str, coin: str, perps: Sequence[Exchange], spot_at: Exchange
    ) -> str | None:
        """By what an answer asks anyhow of the preferred exchanges, where these have the markets of likely names.

        A spot market that bears its thousand is what that name means. Where the plain name is nobody else's as far as
        is known, and spot of it has the price of the contract on many, they are one coin. Raises MarketError.
        """
        if split(symbol)[0] in spot_at.by_many.get("spot", {}).values():
            return symbol if await self._last_of_plain(spot_at, "spot", symbol) else None
        for exchange in perps:
            plain = in_quotes(coin, exchange.quotes["perp"])
            many = guess(exchange, Listing("perp", plain, plain))
            if many.multiplier != 1:
                perp, spot = await both(self._priced(exchange, many), self._last_of_plain(spot_at, "spot", coin))
                return coin if are_of_one_coin(perp, spot) else None
        return None

    async def _last_of_many(self, exchange: Exchange, kind: str, coin: str) -> float:
        listed = in_quotes(coin, exchange.quotes[kind])
        known = await self._symbols.of(exchange, kind) if kind in exchange.multiplied else frozenset[str]()
        return await self._priced(exchange, of_many(Listing(kind, listed, listed), known))

    async def _last_of_plain(self, exchange: Exchange, kind: str, coin: str) -> float:
        listed = in_quotes(coin, exchange.quotes[kind])
        return await self._priced(exchange, Listing(kind, listed, listed))

    async def _priced(self, exchange: Exchange, of: Listing | None) -> float:
        price = None if of is None else await self._kept.last(exchange, of)
        if price is None:
            raise UnknownSymbol(exchange.id, "no such market")
        return price


def is_likely_meant(of: Listing) -> bool:
    """It bears the plain name, or nothing else is known to bear it."""
    return of.multiplier == 1 or split(of.symbol)[0] in BY_THE_THOUSAND


def _are_apart(price: float | None, other: float | None) -> bool:
    return price is not None and other is not None and not are_of_one_coin(price, other)


def _key(exchange: Exchange, of: Listing) -> tuple[str, ...]:
    return ("meant", exchange.id, of.kind, of.listed)


def _trusted(symbol: str, coin: str) -> str:
    return coin if split(coin)[0] in BY_THE_THOUSAND else symbol
