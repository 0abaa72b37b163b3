"""Questions about one market, or one exchange's list of them: whom to ask, and what is kept.

A question is asked of the exchanges in order of preference (asking/races.py). Nothing is known here of
how exchanges spell (exchanges/) or are reached (asking/fetch.py), and nothing of chats.

Memory: a bounded number of parsed answers, kept for some seconds, with a bounded number of rows in
them: candles until the next one begins, lists of all markets, and the exchanges' symbols for an hour
once somebody has asked for one that is not listed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import NamedTuple, TypeVar

from asking.circuits import HostHealth
from asking.fetch import Fetcher
from asking.kept import Kept
from asking.namesakes import Namesakes
from asking.pages import candle_pages, open_interest_page
from asking.races import Question, first_answers, or_none, start
from asking.spellings import Spellings
from asking.symbol_lists import NOT_LISTED_S, Symbols
from asking.witnesses import Witnesses
from clock import MACHINE, Clock
from exchanges.endpoints import ListEndpoint
from exchanges.errors import (
    BadResponse,
    MarketError,
    NoAnswer,
    NotListed,
    NotSupported,
    NotTraded,
    PartName,
    Reason,
    UnknownSymbol,
    bare,
)
from exchanges.gaps import filled, filled_flow, refuse_long_quiet
from exchanges.joined import completed_snapshot, flow_of, named
from exchanges.symbols import are_of_one_coin, in_quotes, multiplied, of_many, split
from exchanges.table import EXCHANGES, Exchange
from exchanges.words import DOLLARS, INTERVALS, Candles, Flow, Listing, Snapshot, Ticker

T = TypeVar("T")
Past = TypeVar("Past", Candles, Flow)
FIRST_KIND_SHARE = 0.7  # of the time: where all exchanges of the first kind hang, the second needs the rest
HOUR_MS = 3_600_000
HISTORY_S = 60.0  # how long an hourly history serves


class Found(NamedTuple):
    """A market at one exchange; of spot, a Snapshot that has nothing but its ticker. missing: its parts that failed.

    symbol: as the exchange lists it, which may be priced in another dollar. multiplier: coins of one contract.
    """

    snapshot: Snapshot
    symbol: str
    multiplier: int
    missing: dict[PartName, MarketError]


class Market(Kept):
    """Answers questions, with a Fetcher. clock: for what is kept, and how old it is."""

    def __init__(
        self,
        fetcher: Fetcher,
        exchanges: Sequence[str],
        cache_s: float,
        clock: Clock = MACHINE,
    ) -> None:
        super().__init__(fetcher, cache_s, clock)
        self._take([EXCHANGES[each] for each in exchanges])
        self.may_run_on = True  # whether what comes too late for an answer may still come for the next one
        self._again_after: dict[str, float] = {}  # when something that failed may be asked for again, monotonic
        self.symbols = Symbols(fetcher, self._cache, clock, self.told_in_list)
        self.namesakes = Namesakes(self, self._cache, self.symbols)
        self._witnesses = Witnesses(self)

    def health(self) -> dict[str, HostHealth]:
        """What the last requests said of each host that was asked."""
        return {name: circuit.health() for name, circuit in self.fetcher.circuits.items()}

    def is_well(self, exchange: Exchange) -> bool:
        """Whether no host of it failed when asked last: such an exchange may be asked for more than is needed."""
        circuits = self.fetcher.circuits.values()
        return not any(each.exchange == exchange.id for each in circuits if each.failures or each.rest_until)

    def is_likely(self, exchange: Exchange, kind: str, symbol: str) -> bool:
        """Whether it most likely has such a market."""
        return self.symbols.is_likely(exchange, kind, symbol)

    def forget(self) -> None:
        """Lets failures and kept answers go, as if time had passed: the next question asks anew."""
        self.fetcher.forget_failures()
        self._cache.clear()
        self._witnesses.forget()
        self._again_after.clear()
        self.symbols.forget()
        self.periods.forget()

    def of_exchange(self, exchange: str) -> Market:
        """The same market, with the same answers kept, of one exchange."""
        other = copy(self)
        other._take([EXCHANGES[exchange]])
        return other

    def _take(self, exchanges: list[Exchange]) -> None:
        self.exchanges = exchanges
        self._offering = {kind: tuple(each for each in exchanges if kind in each.quotes) for kind in ("spot", "perp")}

    def exchange(self, exchange: str) -> Exchange:
        """The exchange of that id, which has answered."""
        return EXCHANGES[exchange]

    # Asking in order of preference.

    def offering(self, kind: str) -> Sequence[Exchange]:
        """The exchanges that have spot markets, or perpetuals, the preferred one first."""
        return self._offering[kind]

    async def first_answer(
        self, symbol: str, questions: Mapping[str, Question[T]]
    ) -> tuple[T, tuple[MarketError, ...]]:
        """The first good answer to the questions by kind, in their order; and who failed before.

        Raises NotListed and NoAnswer, always within deadline_s.
        """
        began = self.clock.monotonic()
        kind = next(iter(questions)) if len(questions) == 1 else ""
        self.raise_if_not_listed(symbol, kind)
        errors: tuple[MarketError, ...] = ()
        for n_left, (of, question) in zip(range(len(questions), 0, -1), questions.items(), strict=True):
            left_s = began + self.deadline_s - self.clock.monotonic()
            (outcome,) = await first_answers(question, timeout_s=left_s if n_left == 1 else left_s * FIRST_KIND_SHARE)
            for error in outcome.errors:
                error.kind = of
            if outcome.found is not None:
                errors = (*errors, *outcome.errors)
                return outcome.found, tuple(error for error in errors if not isinstance(error, UnknownSymbol))
            errors += outcome.errors
        raise await self.why_not(symbol, errors or self.no_such_markets(of), began, kind)

    def no_such_markets(self, kind: str) -> tuple[MarketError, ...]:
        """What to say when none of the exchanges has such markets at all."""
        reason = {"perp": Reason.NO_PERPS, "spot": Reason.NO_SPOT}[kind]
        return tuple(NotSupported(each.id, f"no {kind} markets", reason) for each in self.exchanges)

    async def why_not(
        self, symbol: str, errors: Sequence[MarketError], began: float, kind: str = ""
    ) -> NotListed | NoAnswer:
        """What to raise when nobody has an answer; began on the monotonic clock. kind: as in NotListed."""
        if not all(isinstance(error, UnknownSymbol) for error in errors):
            return NoAnswer(symbol, errors)
        left_s = began + self.deadline_s - self.clock.monotonic()

        async def suggestions() -> list[str]:
            return await self.symbols.like(symbol, self.exchanges, left_s, kind)

        found = await self.cached_load(self._not_listed(symbol, kind), NOT_LISTED_S, suggestions())
        return NotListed(symbol, self._asked_for(kind), found, kind)

    def raise_if_not_listed(self, symbol: str, kind: str = "") -> None:
        """Raises NotListed where all exchanges have said so some minutes ago: then nobody is asked again."""
        suggestions = self._cache.peek(self._not_listed(symbol, kind))
        if suggestions is not None:
            raise NotListed(symbol, self._asked_for(kind), suggestions, kind)

    def _asked_for(self, kind: str) -> tuple[str, ...]:
        return tuple([each.id for each in (self.offering(kind) if kind else self.exchanges)])

    def _not_listed(self, symbol: str, kind: str) -> tuple[object, ...]:
        """The key of that verdict, with the similar names that belong to it."""
        return ("not listed", symbol, kind, self._asked_for(kind))

    async def stream(self, endpoint: ListEndpoint[T], take: Callable[[list[T]], None]) -> None:
        """Streams a list; see Fetcher.fetch_items."""
        await self.fetcher.fetch_items(endpoint, take)

    def may_ask(self, what: str) -> bool:
        """Whether something that is done without when it fails, was not left alone just now."""
        return self.clock.monotonic() >= self._again_after.get(what, 0.0)

    def leave_alone(self, what: str, seconds: float) -> None:
        self._again_after[what] = self.clock.monotonic() + seconds

    def known_bases(self) -> frozenset[str]:
        """Every coin that the lists which are kept just now name; none when there are none."""
        kept = [
            self._cache.peek(key)
            for each in self.exchanges
            for kind in each.kinds
            if each.coins(kind) is None  # which are no markets
            for key in ((each.id, "symbols", kind), (each.id, "list", kind, "ticker"))
        ]
        return frozenset(multiplied(split(symbol)[0])[0] for symbols in kept if symbols for symbol in symbols)

    # One market at one exchange.

    async def spot_at(self, exchange: Exchange, symbol: str, *, exact: bool = False, hurried: bool = False) -> Found:
        """exact, hurried: as in spellings. Raises MarketError."""
        spellings = self.spellings(exchange, "spot", symbol, exact=exact, hurried=hurried, beside=True)
        async for of in spellings:
            with spellings:
                ticker = await self._witnesses.spot(exchange, of, is_one_of_many=len(self.exchanges) > 1)
                await spellings.refuse_namesake()
                return Found(Snapshot(self._timed(ticker)), of.listed, of.multiplier, {})
        raise spellings.unknown

    async def perp_at(
        self,
        exchange: Exchange,
        symbol: str,
        *,
        exact: bool = False,
        hurried: bool = False,
        is_sparing: bool = False,
    ) -> Found:
        """exact, hurried: as in spellings. is_sparing: where it is unlikely that there is such a market, nothing but
        its ticker is asked for until that has come. Raises MarketError."""
        if exchange.is_told_in_list:
            return await self._perp_of_list(exchange, in_quotes(symbol, exchange.quotes["perp"]))
        if is_sparing:
            await self._look(exchange, symbol)
        spellings = self.spellings(exchange, "perp", symbol, exact=exact, hurried=hurried, beside=True)
        async for of in spellings:
            with spellings:
                if is_sparing and self._cache_s and not self.is_likely(exchange, "perp", of.symbol):
                    await self.last(exchange, of)
                    await spellings.refuse_namesake()
                found = await self._whole_perp(exchange, of)
                await spellings.refuse_namesake()
                return found
        raise spellings.unknown

    async def perp_near(self, exchange: Exchange, symbol: str, price: float, *, exact: bool = False) -> Found:
        """The perpetual of the coin at that price, where another coin bears its name. Raises UnknownSymbol."""
        found = await self.perp_at(exchange, symbol, exact=exact)
        if not _is_near(found, price):
            found = await self.perp_of_many(exchange, symbol)
        if not _is_near(found, price):
            raise UnknownSymbol(exchange.id, f"{found.symbol} is not at {price}", Reason.NAMESAKE)
        return found

    def spellings(
        self,
        exchange: Exchange,
        kind: str,
        symbol: str,
        *,
        exact: bool = False,
        hurried: bool = False,
        beside: bool = False,
        names_other: bool = False,
    ) -> Spellings:
        """What the exchange may list the coin as, to be tried one after another. exact, beside, names_other: as there.

        hurried: without a question whether two coins have the name, as for who names the market beside its figures.
        """
        of = (self.symbols, None if hurried else self.namesakes, exchange, kind, symbol)
        return Spellings(*of, exact=exact, beside=beside, names_other=names_other)

    async def meant(self, symbol: str) -> str:
        """The symbol of the coin that a typed one means: PEPE-USDT by 1000PEPE-USDT; see Namesakes.typed."""
        return await self.namesakes.typed(symbol, self.exchanges)

    async def price_comes(self, exchange: Exchange, kind: str, symbol: str) -> None:
        """Waits for a market's ticker, which somebody else asks for, too; or for a list that has it.

        Raises MarketError.
        """
        if kind == "spot":
            await self.spot_at(exchange, symbol)
        elif exchange.is_told_in_list:
            await self.perp_at(exchange, symbol)
        else:
            await self._look(exchange, symbol)
            if not self.is_likely(exchange, "perp", symbol):  # else its list has it
                await self.last_of_perp(exchange, symbol)

    async def _look(self, exchange: Exchange, symbol: str) -> None:
        """Sees to a list of perpetuals where it is unlikely that the coin has one; see Symbols.look."""
        base, quote = split(symbol)
        if self._cache_s and quote in DOLLARS and not self.is_likely(exchange, "perp", symbol):
            await self.symbols.look(exchange, "perp", base)

    async def last_of_perp(self, exchange: Exchange, symbol: str) -> float:
        """The last price of a coin's perpetual. Raises MarketError."""
        spellings = self.spellings(exchange, "perp", symbol, beside=True)
        async for of in spellings:
            with spellings:
                last = await self.last(exchange, of)
                await spellings.refuse_namesake()
                if last is not None:
                    return last
                raise UnknownSymbol(exchange.id, f"{of.listed} is not in the list")
        raise spellings.unknown

    async def _whole_perp(self, exchange: Exchange, of: Listing) -> Found:
        """The perpetual from all endpoints that tell of it; all but the ticker may fail."""
        of = await self.sized(exchange, of, "perp")
        endpoints = self.perp_of(exchange, of)
        others = [what for what in endpoints if what != "ticker"]
        intervals = self.periods.begin(exchange, of.quote)
        ticker = self.cached(endpoints["ticker"], per=of.multiplier)  # before all else
        parts = {what: start(self.cached(endpoints[what], per=of.multiplier)) for what in others}
        missing: dict[PartName, MarketError] = {}
        try:
            whole = await ticker
            self._witnesses.saw(exchange, of, whole.ticker)
            for what, asked in parts.items():
                try:
                    part = await asked
                except MarketError as error:
                    missing[PartName(what)] = bare(error)
                else:
                    whole = Snapshot(
                        whole.ticker, part.open_interest or whole.open_interest, part.funding or whole.funding
                    )
            interval_h = await self.periods.of(exchange, intervals, of.listed)
        finally:
            for asked in parts.values():
                asked.cancel()
            if intervals is not None:
                intervals.changed_h.cancel()
        return self._found(exchange, whole, of, missing, interval_h)

    async def perp_of_many(self, exchange: Exchange, symbol: str) -> Found:
        """The contract on 1000 and more of a coin, where another coin has the plain name. Raises MarketError."""
        symbol = in_quotes(symbol, exchange.quotes["perp"])
        listed = frozenset[str]()  # where one list tells all, every contract on the coin was looked at already
        if not exchange.is_told_in_list:
            listed = await self.symbols.of(exchange, "perp")
        found = of_many(Listing("perp", symbol, symbol), listed)
        if found is None:
            raise UnknownSymbol(exchange.id, f"{symbol} is another coin there", Reason.NAMESAKE)
        return await self._whole_perp(exchange, found)

    async def _perp_of_list(self, exchange: Exchange, symbol: str) -> Found:
        """A perpetual of an exchange that tells everything in one list."""
        self.symbols.raise_if_not_learnt(exchange, symbol)
        rows = await self.perps_of_list(exchange)
        found = named(rows, symbol)
        if found is None and symbol in rows.idle:
            raise NotTraded(exchange.id, f"{symbol} is paused or delisted", Reason.NOT_TRADED_NOW)
        if found is None:
            self.symbols.learn(exchange, (*rows, *rows.by_coin(), *rows.idle))
            raise UnknownSymbol(exchange.id, f"{symbol} is not in the list")
        if symbol in rows:  # by that very name, so that no list of names is asked for
            self.symbols.answered(exchange, Listing("perp", symbol, symbol))
        return self._found(exchange, found, Listing("perp", symbol, symbol), {}, None)

    def _found(
        self,
        exchange: Exchange,
        whole: Snapshot,
        of: Listing,
        missing: dict[PartName, MarketError],
        interval_h: float | None,
    ) -> Found:
        untold = partial(BadResponse, exchange.id, "it is not in the answer", Reason.UNTOLD)
        for what, told in ((PartName.OPEN_INTEREST, whole.open_interest), (PartName.FUNDING, whole.funding)):
            if told is None and what not in missing:
                missing[what] = next(iter(missing.values()), None) or untold()  # one answer may tell both
        ticker, interest, funding = completed_snapshot(whole, interval_h)
        if interest is None and whole.open_interest is not None:
            missing[PartName.OPEN_INTEREST] = BadResponse(exchange.id, "its coins are not worth what it is told to be")
        if funding is not None and funding.funding_interval_h is None:
            missing[PartName.FUNDING_PERIOD] = self.periods.error(exchange, of.quote) or untold()
        return Found(Snapshot(self._timed(ticker), interest, funding), of.listed, of.multiplier, missing)

    def _timed(self, ticker: Ticker | None) -> Ticker | None:
        """A ticker that tells no time is of now: it was asked for within the cache's seconds."""
        return ticker if ticker is None or ticker.time_ms else ticker._replace(time_ms=self.now_ms())

    # Candles.

    def candles(
        self,
        exchange: Exchange,
        symbol: str,
        kind: str,
        interval: str,
        n: int,
        *,
        keep: bool = True,
        names_other: bool = True,
        ago_ms: tuple[int, ...] = (),
    ) -> Awaitable[Candles]:
        """The last n closed candles at one exchange, and the running one as it was when they were asked for.

        Those without trades are among them, with volume 0. Kept until the running one closes, unless who asks keeps
        what they come to. Fewer where the market is younger. Raises MarketError: as refuse_long_quiet
        where they are none of now. names_other: as in spellings; ago_ms: in candle_pages.
        """
        key = (exchange.id, "candles", symbol, kind, interval, n, ago_ms)
        if keep and (kept := self._cache.at_hand(key)) is not None:
            return kept
        spellings = self.spellings(exchange, kind, symbol, hurried=not keep, beside=True, names_other=names_other)
        load = self._load_candles(exchange, spellings, kind, interval, n, ago_ms)
        if not keep:
            return load
        step_s = INTERVALS[interval] / 1000
        return self.cached_load(key, step_s - self.clock.now() % step_s, load)

    async def _load_candles(
        self, exchange: Exchange, spellings: Spellings, kind: str, interval: str, n: int, ago_ms: tuple[int, ...]
    ) -> Candles:
        now_ms = self.now_ms()
        async for of in spellings:
            with spellings:
                await self.require_candles(exchange, of, interval)
                of = await self.sized(exchange, of, "candles")
                pages = candle_pages(self.fetcher, exchange, of, interval, n + 1, now_ms, ago_ms)
                found = await self._witnesses.candles(exchange, of, pages)
                await spellings.refuse_namesake()
                refuse_long_quiet(found, now_ms)
                return filled(found.asked(of.symbol, now_ms), n, now_ms)
        raise spellings.unknown

    async def candles_and_now(
        self, exchange: Exchange, symbol: str, kind: str, interval: str, n: int, *, is_needed: bool = False
    ) -> tuple[Candles, Candles | None]:
        """As candles; and as running_candle, None where that fails, unless is_needed. Raises MarketError.

        Candles that were asked for just now have the running one: it is asked for by itself where they were kept.
        """
        since_ms = self.now_ms() - int(self._cache_s * 1000)
        whole = await self.candles(exchange, symbol, kind, interval, n)
        if len(whole) and (whole.asked_ms or 0) >= since_ms:
            return whole, whole.part(max(0, len(whole) - 2), len(whole))
        running = self.running_candle(exchange, symbol, kind, interval)
        return whole, await (running if is_needed else or_none(running))

    async def running_candle(self, exchange: Exchange, symbol: str, kind: str, interval: str) -> Candles:
        """The candle before the running one, and the running one as it is now. Raises MarketError."""
        spellings = self.spellings(exchange, kind, symbol, names_other=True)
        async for of in spellings:
            with spellings:
                await self.require_candles(exchange, of, interval)
                of = await self.sized(exchange, of, "candles")
                asked = self.when_asked(exchange.candles(of, interval, 2, self.now_ms()), of.multiplier)
                found = await self._witnesses.candles(exchange, of, _when_asked(of, asked))
                refuse_long_quiet(found, self.now_ms())
                return found
        raise spellings.unknown

    async def flow(self, exchange: Exchange, symbol: str, kind: str, interval: str, n: int) -> Flow:
        """What takers bought and sold over the last n closed candles. Raises MarketError, NotSupported if untold."""
        if exchange.has_takers_in_candles:
            return flow_of(await self.candles(exchange, symbol, kind, interval, n))
        spellings = self.spellings(exchange, kind, symbol, names_other=True)
        async for of in spellings:
            with spellings:
                if not exchange.has("flow", kind, of.quote, interval):
                    await self.running_candle(exchange, symbol, kind, interval)  # UnknownSymbol for what is not there
                exchange.require("flow", kind, of.quote, interval)
                asked = self.when_asked(exchange.taker_flow(of, interval, n + 1, self.now_ms()), of.multiplier)
                found = await self._witnesses.flow(exchange, of, _when_asked(of, asked))
                refuse_long_quiet(found, self.now_ms())
                return filled_flow(found, n, found.asked_ms or self.now_ms())
        raise spellings.unknown

    async def open_interest_history(
        self, exchange: Exchange, of: Listing, n: int, step: str = "1h", ago_ms: tuple[int, ...] = ()
    ) -> Sequence[tuple[int, float]]:
        """Open interest of the last n steps, or as many as are told: ms and coins, oldest first. Raises MarketError.

        ago_ms: as in open_interest_page.
        """
        exchange.require("open_interest_history", of.kind, of.quote)

        async def load() -> Sequence[tuple[int, float]]:
            endpoint = open_interest_page(exchange, of, n, step, self.now_ms(), ago_ms)
            return await self._witnesses.history(exchange, of, self.fetcher.fetch(endpoint))

        key = (exchange.id, "open interest", of.listed, of.multiplier, n, step, ago_ms)
        return await self.cached_load(key, HISTORY_S, load())


async def _when_asked(of: Listing, asked: Awaitable[tuple[int, Past]]) -> Past:
    asked_ms, found = await asked
    return found.asked(of.symbol, asked_ms)


def _is_near(found: Found, price: float) -> bool:
    return found.snapshot.ticker is not None and are_of_one_coin(found.snapshot.ticker.last, price)
