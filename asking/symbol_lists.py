"""What exchanges list: for who asks for what is not there, and for contracts on many coins.

Nobody is asked for every list at the start. A first question asks for the market by the name that it most likely has;
where an exchange knows no such market, its list is looked into, and so are those of the exchanges that are asked next:
one request tells there what would take one for every dollar, and tells it of every other wrong name for a while.

Memory: the lists, which the cache bounds, and some hundred names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from asking.cache import Cache
from asking.fetch import Fetcher
from clock import MACHINE, Clock
from exchanges.endpoints import ListEndpoint, names_and_one
from exchanges.errors import MarketError, UnknownSymbol
from exchanges.symbols import BY_THE_THOUSAND, WELL_KNOWN, in_every_dollar, listing, multiplied, of_many, similar, split
from exchanges.table import Exchange
from exchanges.words import DOLLARS, Listing, Snapshot

T = TypeVar("T")
U = TypeVar("U")
SYMBOLS_S = 3600.0
NOT_LISTED_S = 300.0  # that a name which is in no list asks nobody: a coin may be listed any minute
MAX_SUGGESTING = 3  # exchanges whose symbols are looked through
LOOK_S = 0.9  # for a list that is asked for before the market itself
AGAIN_S = 60.0  # after such a list failed
MAX_NAMES = 512  # that were doubted, or have answered; the oldest are forgotten

Tell = Callable[[Exchange, Listing, str, Snapshot, float], None]
"""A market, which part of it a list told, and how long ago the list was asked for, in seconds."""


class Symbols:
    """Every symbol of an exchange, kept for SYMBOLS_S; and which markets are there, as far as that is known."""

    def __init__(self, fetcher: Fetcher, cache: Cache, clock: Clock = MACHINE, tell: Tell | None = None) -> None:
        self._fetcher, self._cache, self._clock, self._tell = fetcher, cache, clock, tell
        self._loaded_s: dict[tuple[str, str], float] = {}  # when each list was asked for, monotonic
        self._perps: dict[str, tuple[float, frozenset[str]]] = {}  # of who tells them in one list; likewise
        self._look_after_s: dict[tuple[str, str], float] = {}  # when a list that failed is asked for again, monotonic
        self._doubted_s: dict[tuple[str, str], float] = {}  # kind and coin that an exchange has not; likewise
        self._answered: dict[tuple[str, str, str], None] = {}  # exchange, kind and symbol

    async def of(self, exchange: Exchange, kind: str, base: str = "") -> frozenset[str]:
        """Every symbol that an exchange lists, or may list; none where it has no list.

        base: the coin whose market is asked for next. What a list says of it beyond the name is told to `tell`.
        """

        async def load() -> frozenset[str]:
            found: set[str] = set()
            began_s = self._clock.monotonic()
            endpoint = exchange.symbols(kind)
            if endpoint is not None:
                if (part := self._part_told(exchange, kind, base)) is not None:
                    found = await self._telling(exchange, kind, endpoint, base, part, began_s)
                if not found:
                    await self._fetcher.fetch_items(endpoint, found.update)
            elif (coins := exchange.coins(kind)) is not None:
                known = await self._fetcher.fetch(coins)
                found.update(f"{coin}-{quote}" for coin in known for quote in exchange.quotes[kind])
            self._loaded_s[exchange.id, kind] = began_s
            return frozenset(found)

        return await self._cache.get((exchange.id, "symbols", kind), SYMBOLS_S, load())

    def _part_told(self, exchange: Exchange, kind: str, base: str) -> str | None:
        """What of a coin's market the list tells beyond its name, that somebody is to be told."""
        is_told = base and self._tell is not None and multiplied(base)[1] == 1  # per coin
        return exchange.told_in.get(kind) if is_told else None

    async def _telling(
        self, exchange: Exchange, kind: str, names: ListEndpoint[str], base: str, part: str, began_s: float
    ) -> set[str]:
        """The symbols, from the list that tells of markets; what it says of the one coin's is told on."""
        found: set[str] = set()
        is_multiplied = kind in exchange.multiplied
        whole = exchange.tickers(kind, int(self._clock.now() * 1000))[part]

        def take(rows: list[tuple[str, Snapshot | None]]) -> None:
            found.update(listed for listed, _ in rows)
            for listed, told in rows:
                if told is not None and self._tell is not None:
                    of = listing(kind, listed) if is_multiplied else Listing(kind, listed, listed)
                    self._tell(exchange, of, part, told, self._clock.monotonic() - began_s)

        await self._fetcher.fetch_items(names_and_one(names, whole, base, is_multiplied=is_multiplied), take)
        return found

    async def look(self, exchange: Exchange, kind: str, base: str) -> None:
        """Sees to the symbols where none are at hand and a list tells more of a coin's market than its name.

        The list takes the place of a question that an answer asks anyhow, and then a market that is not there costs one
        instead of two. A list of tickers is too long for that.
        """
        if exchange.told_in.get(kind, "ticker") == "ticker" or self.kept(exchange, kind) or multiplied(base)[1] != 1:
            return
        if self._clock.monotonic() < self._look_after_s.get((exchange.id, kind), 0.0):
            return
        try:
            async with asyncio.timeout(LOOK_S):
                await self.of(exchange, kind, base)
        except (MarketError, TimeoutError):  # then the market is asked for by itself, and so are the next ones
            self._look_after_s[exchange.id, kind] = self._clock.monotonic() + AGAIN_S

    def kept(self, exchange: Exchange, kind: str) -> frozenset[str]:
        """The symbols that are at hand; none where there are none."""
        return self._cache.peek((exchange.id, "symbols", kind)) or frozenset()

    async def like(self, symbol: str, exchanges: Sequence[Exchange], timeout_s: float, kind: str = "") -> list[str]:
        """Bases that look like the symbol's, from the lists that are there within timeout_s. kind: which they have."""
        markets = [(each, market) for each in exchanges[:MAX_SUGGESTING] for market in each.kinds]
        wanted = asyncio.gather(*(self.of(*each) for each in markets), return_exceptions=True)
        try:
            async with asyncio.timeout(max(0.1, timeout_s)):
                lists = await wanted
        except TimeoutError:
            return []
        bases: dict[str, set[str]] = {"spot": set(), "perp": set()}
        for (_, market), symbols in zip(markets, lists, strict=True):
            if not isinstance(symbols, BaseException):
                bases[market] |= {multiplied(split(each)[0])[0] for each in symbols}
        every = bases["spot"] | bases["perp"]
        return _like(symbol, every, bases[kind] if kind else every)

    def is_likely(self, exchange: Exchange, kind: str, symbol: str) -> bool:
        """Whether the exchange may be asked for everything about a market at once, as it most likely has it."""
        dollars = in_every_dollar(symbol, exchange.quotes.get(kind, ()))
        for each in dollars:
            if (exchange.id, kind, each) in self._answered:
                return True
        base = split(symbol)[0]
        if known := self.kept(exchange, kind):
            found = [of for each in dollars if (of := place(exchange, Listing(kind, each, each), known)) is not None]
            return bool(found) and (base in BY_THE_THOUSAND or _is_one_coin(exchange, found[0], known))
        has_many = any(base in names for names in exchange.by_many.values())  # and then spot of it, as a rule
        return base in WELL_KNOWN or (base in BY_THE_THOUSAND and has_many)

    async def where(self, exchange: Exchange, of: Listing) -> Listing:
        """What the exchange most likely lists in the coin's place: what its symbols have, where they are at hand, or
        what it is called there as a rule. They are asked for where another exchange had no such market lately.

        Raises UnknownSymbol where they are not older than NOT_LISTED_S, and have no such market.
        """
        found = place(exchange, of, self.kept(exchange, of.kind))
        if found is not None:
            return found
        if (exchange.id, of.kind, of.symbol) in self._answered:
            return guess(exchange, of)
        try:
            await self._look_where_doubted(exchange, of)
        except MarketError:
            return guess(exchange, of)  # it may still tell of the market itself
        known = self.kept(exchange, of.kind)
        found = place(exchange, of, known)
        if found is None and self._is_new(self._loaded_s.get((exchange.id, of.kind))) and _tells(known, of.quote):
            self.doubt(of)
            raise UnknownSymbol(exchange.id, f"{of.symbol} is not among its symbols")
        return found or guess(exchange, of)

    async def instead(self, exchange: Exchange, tried: Listing) -> Listing | None:
        """What is listed in the place of a spelling that it was not; None where nothing is. Raises MarketError."""
        of = Listing(tried.kind, tried.symbol, tried.symbol)
        if of.kind not in exchange.multiplied and tried == of:
            return None
        known = await self.of(exchange, of.kind)
        return of_many(of, known) if tried == of or of.symbol not in known else of

    def many_beside(self, exchange: Exchange, of: Listing) -> Listing | None:
        """The contract on many that is listed beside a plain one; where no symbols are at hand, as far as is known."""
        known = self.kept(exchange, of.kind)
        name = exchange.by_many.get(of.kind, {}).get(of.base)
        return of_many(of, known or ([f"{name}-{of.quote}"] if name else []))

    async def lacks(self, exchange: Exchange, of: Listing) -> bool:
        """Whether its symbols do not have a market of that very name; they are asked for as in `where`."""
        with suppress(MarketError):
            await self._look_where_doubted(exchange, of)
        known = self.kept(exchange, of.kind)
        return of.listed not in known and _tells(known, of.quote)

    async def _look_where_doubted(self, exchange: Exchange, of: Listing) -> None:
        """Sees to a new list of symbols, where an exchange lately had no such market. Raises MarketError."""
        if not self._is_new(self._doubted_s.get((of.kind, split(of.symbol)[0]))):
            return
        if self.kept(exchange, of.kind) and not self._is_new(self._loaded_s.get((exchange.id, of.kind))):
            self._cache.drop((exchange.id, "symbols", of.kind))
        await self.of(exchange, of.kind, split(of.symbol)[0])

    def learn(self, exchange: Exchange, perps: Iterable[str]) -> None:
        """The perpetuals of an exchange that tells all of them in one list."""
        self._perps[exchange.id] = self._clock.monotonic(), frozenset(perps)

    def raise_if_not_learnt(self, exchange: Exchange, symbol: str) -> None:
        """Raises UnknownSymbol where such a list had no such market a short while ago."""
        at_s, perps = self._perps.get(exchange.id, (None, frozenset()))
        if self._is_new(at_s) and symbol not in perps:
            raise UnknownSymbol(exchange.id, f"{symbol} was not in the list")

    def answered(self, exchange: Exchange, of: Listing) -> None:
        """It has got it."""
        _note(self._answered, (exchange.id, of.kind, of.symbol), None)

    def doubt(self, of: Listing) -> None:
        """An exchange has not got it."""
        _note(self._doubted_s, (of.kind, split(of.symbol)[0]), self._clock.monotonic())

    def forget(self) -> None:
        """As if nothing had been asked yet; what the cache keeps is the cache's."""
        for each in (self._loaded_s, self._perps, self._look_after_s, self._doubted_s, self._answered):
            each.clear()

    def _is_new(self, at_s: float | None) -> bool:
        return at_s is not None and self._clock.monotonic() - at_s < NOT_LISTED_S


def _like(symbol: str, known: Collection[str], meant: Collection[str]) -> list[str]:
    """Bases like the symbol's, of those that may be meant; of BTC-ETH, BTC. A coin that is known in dollars is like no
    other."""
    base, quote = split(symbol)
    if base not in known:
        return [each for each in similar(base, meant) if each not in ("USD", "USDT")]
    return [base] if quote not in DOLLARS and base in meant else []


def place(exchange: Exchange, of: Listing, known: Collection[str]) -> Listing | None:
    """The market among those that are listed: the coin itself before the contract on many of it."""
    if of.symbol in known:
        return of
    return of_many(of, known) if known and of.kind in exchange.multiplied else None


def _is_one_coin(exchange: Exchange, of: Listing, known: Collection[str]) -> bool:
    """Whether a market bears the plain name, and none beside it might be another coin's."""
    if of.multiplier != 1:
        return False
    return of.kind not in exchange.multiplied or split(of.symbol)[0] in WELL_KNOWN or of_many(of, known) is None


def guess(exchange: Exchange, of: Listing) -> Listing:
    """What the market is called there as a rule; a name that another coin may have as well is taken as it is."""
    name = exchange.by_many.get(of.kind, {}).get(of.base) if of.base in BY_THE_THOUSAND else None
    return of if name is None or of.quote not in DOLLARS else of_many(of, [f"{name}-{of.quote}"]) or of


def _tells(known: Collection[str], quote: str) -> bool:
    """Whether a list is of markets in that quote, too."""
    return any(each.endswith(f"-{quote}") for each in known)


def _note(names: dict[T, U], name: T, value: U) -> None:
    names.pop(name, None)
    if len(names) >= MAX_NAMES:
        del names[next(iter(names))]
    names[name] = value
