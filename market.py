"""Questions about one market, or one exchange's list of them: whom to ask, and what is kept.

A question is asked of the exchanges in order of preference (asking/races.py). Nothing is known here of
how exchanges spell (exchanges/) or are reached (asking/fetch.py), and nothing of chats.

Memory: a bounded number of parsed answers, kept for some seconds, with a bounded number of rows in
them: candles until the next one begins, lists of all markets, and the exchanges' symbols for an hour
once somebody has asked for one that is not listed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from asking import races
from asking.cache import MAX_CACHED, Cache
from asking.circuits import Circuit, Failure
from asking.fetch import Fetcher
from asking.races import Question, first_answers, start
from clock import MACHINE, Clock
from exchanges.endpoints import Endpoint, ListEndpoint
from exchanges.errors import (
    BadResponse,
    Gone,
    LongQuiet,
    MarketError,
    NoAnswer,
    NotListed,
    NotSupported,
    PartName,
    Reason,
    Unavailable,
    UnknownSymbol,
    bare,
)
from exchanges.symbols import (
    are_of_one_coin,
    coin_symbol,
    in_every_dollar,
    in_quotes,
    multiplied,
    of_many,
    similar,
    split,
)
from exchanges.table import EXCHANGES, Exchange
from exchanges.words import COIN, INTERVALS, Candles, Flow, Listing, OpenInterest, Snapshot, Source, Ticker, per_8h
from gaps import filled, filled_flow

T = TypeVar("T")
LISTING_S = 10.0  # a list of all markets costs up to 80 of Binance's weight
SYMBOLS_S = 3600.0
CONTRACTS_S = 3600.0
INTERVALS_S = 3600.0
INTERVALS_LATE_S = 0.5  # after all else has arrived
INTERVALS_AGAIN_S = 30.0
FIRST_KIND_SHARE = 0.7  # of the time: where all exchanges of the first kind hang, the second needs the rest
NOT_LISTED_S = 300.0  # that the same wrong name asks nobody
MAX_SUGGESTING = 3  # exchanges whose symbols are looked through
HISTORY_S = 60.0  # how long an hourly history serves
HISTORY_H = 26  # rows: the last one may be an hour old, and the first one has to be more than 24
HOUR_MS = 3_600_000
MAX_BETWEEN_MS = 3 * HOUR_MS // 2  # between two rows of an hourly history
MAX_QUIET_MS = 24 * HOUR_MS  # without any trade: the market is delisted or halted, its last candles are no news


class Found(NamedTuple):
    """A market at one exchange; of spot, a Snapshot that has nothing but its ticker. missing: its parts that failed.

    symbol: as the exchange lists it, which may be priced in another dollar. multiplier: coins of one contract.
    """

    of: Snapshot
    symbol: str
    multiplier: int
    missing: dict[PartName, MarketError]


class HostHealth(NamedTuple):
    """state: ok, failing, resting or gone. resting_s: how much longer."""

    state: str
    resting_s: int
    last_success_s_ago: float | None
    last_failure: Failure | None


class Market:
    """Answers questions, with a Fetcher. clock: for what is kept, and how old it is."""

    def __init__(
        self,
        fetcher: Fetcher,
        exchanges: Sequence[str],
        cache_s: float,
        clock: Clock = MACHINE,
    ) -> None:
        self.fetcher, self._cache_s, self.clock = fetcher, cache_s, clock
        self.exchanges = [EXCHANGES[each] for each in exchanges]
        self.may_run_on = True  # whether what comes too late for an answer may still come for the next one
        self._cache = Cache(MAX_CACHED, clock=clock)
        self._again_after: dict[str, float] = {}  # when something that failed may be asked for again, monotonic
        self._intervals_failure: dict[str, Failure] = {}

    async def last_price(self, symbol: str, timeout_s: float = races.DEADLINE_S / 2) -> float | None:
        """The last spot price; None when no exchange gives one in time."""
        spots = self.offering("spot")
        question = Question(spots, (self.spot_at(each, symbol) for each in spots))
        (outcome,) = await first_answers(question, timeout_s=timeout_s)
        ticker = outcome.found and outcome.found.of.ticker
        return ticker.last if ticker is not None else None

    def health(self) -> dict[str, HostHealth]:
        """What the last requests said of each host that was asked."""
        now = self.clock.now()
        return {
            name: HostHealth(
                _state_of(circuit),
                round(circuit.resting_s),
                round(now - circuit.last_success, 1) if circuit.last_success else None,
                _failure_of(circuit),
            )
            for name, circuit in self.fetcher.circuits.items()
        }

    def forget(self) -> None:
        """Lets failures and kept answers go, as if time had passed: the next question asks anew."""
        self.fetcher.forget_failures()
        self._cache.clear()
        self._again_after.clear()

    def of_exchange(self, exchange: str) -> Market:
        """The same market, with the same answers kept, of one exchange."""
        other = copy(self)
        other.exchanges = [EXCHANGES[exchange]]
        return other

    def exchange(self, exchange: str) -> Exchange:
        """The exchange of that id, which has answered."""
        return EXCHANGES[exchange]

    @property
    def cache_use(self) -> tuple[int, int]:
        """How many questions found an answer that was kept or on its way, and how many did not."""
        return self._cache.n_hits, self._cache.n_misses

    # Asking in order of preference.

    def offering(self, kind: str) -> list[Exchange]:
        """The exchanges that have spot markets, or perpetuals, the preferred one first."""
        return [each for each in self.exchanges if kind in each.kinds]

    async def first_answer(
        self, symbol: str, questions: Mapping[str, Question[T]]
    ) -> tuple[T, tuple[MarketError, ...]]:
        """The first good answer to the questions by kind, in their order; and who failed before.

        Raises NotListed and NoAnswer, always within DEADLINE_S.
        """
        began = self.clock.monotonic()
        kind = next(iter(questions)) if len(questions) == 1 else ""
        self.raise_if_not_listed(symbol, kind)
        errors: tuple[MarketError, ...] = ()
        for n_left, (of, question) in zip(range(len(questions), 0, -1), questions.items(), strict=True):
            left_s = began + races.DEADLINE_S - self.clock.monotonic()
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
        left_s = began + races.DEADLINE_S - self.clock.monotonic()

        async def suggestions() -> list[str]:
            return await self._suggestions(symbol, left_s)

        found = await self.kept(self._not_listed(symbol, kind), NOT_LISTED_S, suggestions())
        return NotListed(symbol, self._asked_for(kind), found, kind)

    def raise_if_not_listed(self, symbol: str, kind: str = "") -> None:
        """Raises NotListed where all exchanges have said so some minutes ago: then nobody is asked again."""
        suggestions = self._cache.peek(self._not_listed(symbol, kind))
        if suggestions is not None:
            raise NotListed(symbol, self._asked_for(kind), suggestions, kind)

    def _asked_for(self, kind: str) -> tuple[str, ...]:
        return tuple(each.id for each in (self.offering(kind) if kind else self.exchanges))

    def _not_listed(self, symbol: str, kind: str) -> tuple[object, ...]:
        """The key of that verdict, with the similar names that belong to it."""
        return ("not listed", symbol, kind, self._asked_for(kind))

    async def get(self, endpoint: Endpoint[T], keep_s: float | None = None) -> T:
        """An endpoint's answer, shared among all who ask for it within keep_s, or the cache's usual time."""
        keep_s = self._cache_s if keep_s is None or not self._cache_s else keep_s
        if not keep_s:
            return await self.fetcher.fetch(endpoint)
        key = (endpoint.host.name, endpoint.target, endpoint.body, endpoint.part)
        return await self._cache.get(key, keep_s, self.fetcher.fetch(endpoint))

    async def _when_asked(self, endpoint: Endpoint[T]) -> tuple[int, T]:
        """When it was asked for, ms, and the answer, shared as in `get`."""

        async def load() -> tuple[int, T]:
            return self.now_ms(), await self.fetcher.fetch(endpoint)

        return await self.kept((endpoint.host.name, endpoint.target, endpoint.body, "when"), self._cache_s, load())

    async def kept(self, key: tuple[object, ...], keep_s: float, work: Coroutine[Any, Any, T]) -> T:
        """What was found for the key less than keep_s ago, or is found now by the work, once for all who ask."""
        return await self._cache.get(key, keep_s if self._cache_s else 0.0, work)

    async def items(self, endpoint: ListEndpoint[T], take: Callable[[list[T]], None]) -> None:
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
            for key in ((each.id, "symbols", kind), (each.id, "list", kind, "ticker"))
        ]
        return frozenset(multiplied(split(symbol)[0])[0] for symbols in kept if symbols for symbol in symbols)

    def kept_list(self, exchange: Exchange, kind: str) -> Mapping[str, Snapshot]:
        """All markets of an exchange by symbol, where its list was asked for within LISTING_S; else none."""
        return self._cache.peek((exchange.id, "list", kind, "ticker")) or {}

    def intervals_error(self, exchange: Exchange, quote: str = "") -> MarketError | None:
        """Why the exchange's funding periods are not known; None when they are, or were not asked for."""
        told = exchange.funding_intervals(quote or exchange.quotes["perp"][0])
        failure = None if told is None else self._intervals_failure.get(told[0].host.name)
        return None if failure is None else failure.again(exchange.id)

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    # One market at one exchange.

    async def spot_at(self, exchange: Exchange, symbol: str, *, exact: bool = False) -> Found:
        """exact: as in by_any_multiplier. Raises MarketError."""

        async def ask(of: Listing) -> Found:
            ticker = await self.get(exchange.spot(of))
            return Found(Snapshot(self._timed(ticker)), of.listed, of.multiplier, {})

        return await self.by_any_multiplier(exchange, "spot", symbol, ask, exact=exact)

    async def perp_at(self, exchange: Exchange, symbol: str, *, exact: bool = False) -> Found:
        """exact: as in by_any_multiplier. Raises MarketError."""

        async def ask(of: Listing) -> Found:
            return await self._whole_perp(exchange, of)

        if exchange.is_told_in_list:
            return await self._perp_of_list(exchange, in_quotes(symbol, exchange.quotes["perp"]))
        return await self.by_any_multiplier(exchange, "perp", symbol, ask, exact=exact)

    async def perp_near(self, exchange: Exchange, symbol: str, price: float, *, exact: bool = False) -> Found:
        """The perpetual of the coin at that price, where another coin bears its name. Raises UnknownSymbol."""
        found = await self.perp_at(exchange, symbol, exact=exact)
        if not _is_near(found, price):
            found = await self.perp_of_many(exchange, symbol)
        if not _is_near(found, price):
            raise UnknownSymbol(exchange.id, f"{found.symbol} is not at {price}", Reason.NAMESAKE)
        return found

    async def by_any_multiplier(
        self,
        exchange: Exchange,
        kind: str,
        symbol: str,
        ask: Callable[[Listing], Awaitable[T]],
        *,
        exact: bool = False,
    ) -> T:
        """Asks for the coin; if it is not listed, for the contract on 1000 and more of it that is.

        Every dollar that the exchange has is tried; exact: none but the symbol's own, or the exchange's first, as for
        who asks for each of them. Raises UnknownSymbol only when the exchange's list was there to look in.
        """
        quotes = exchange.quotes.get(kind, ())
        symbols = [in_quotes(symbol, quotes)] if exact else in_every_dollar(symbol, quotes)
        unknown: UnknownSymbol | None = None
        for each in symbols:
            if unknown is not None and self._is_known_not_listed(exchange, Listing(kind, each, each)):
                continue
            try:
                return await self._by_any_multiplier(exchange, Listing(kind, each, each), ask)
            except UnknownSymbol as error:
                unknown = error.with_traceback(None)
        assert unknown is not None
        raise unknown

    def _is_known_not_listed(self, exchange: Exchange, of: Listing) -> bool:
        """Whether the exchange's symbols are at hand, and this one is not among them."""
        known: frozenset[str] | None = self._cache.peek((exchange.id, "symbols", of.kind))
        return bool(known) and of.symbol not in (known or ()) and of_many(of, known or ()) is None

    async def _by_any_multiplier(self, exchange: Exchange, of: Listing, ask: Callable[[Listing], Awaitable[T]]) -> T:
        kind, symbol = of.kind, of.symbol
        if kind == "perp" and of.quote not in exchange.quotes.get(kind, ()):
            raise UnknownSymbol(exchange.id, f"no perpetual of {symbol}")
        if kind not in exchange.multiplied or of.quote == COIN:
            return await ask(of)
        known: frozenset[str] | None = self._cache.peek((exchange.id, "symbols", kind))
        if known is not None and symbol not in known and (found := of_many(of, known)) is not None:
            return await ask(found)
        try:
            return await ask(of)
        except UnknownSymbol:
            found = of_many(of, await self._symbols(exchange, kind))
            if found is None:
                raise
            return await ask(found)

    async def sized(self, exchange: Exchange, of: Listing, question: str) -> Listing:
        """The listing with what a contract is worth, where the exchange needs it to convert units."""
        endpoint = exchange.contract_size(of, question)
        if endpoint is None:
            return of
        size: float = await self.get(endpoint, CONTRACTS_S)
        return of._replace(contract_size=size)

    async def _whole_perp(self, exchange: Exchange, of: Listing) -> Found:
        """The perpetual from all endpoints that tell of it; all but the ticker may fail."""
        of = await self.sized(exchange, of, "perp")
        endpoints = exchange.perp(of)
        others = [what for what in endpoints if what != "ticker"]
        intervals = self._funding_intervals(exchange, of.quote)
        parts = {what: start(self.get(endpoints[what])) for what in others}
        missing: dict[PartName, MarketError] = {}
        try:
            whole = await self.get(endpoints["ticker"])
            for what, asked in parts.items():
                try:
                    part = await asked
                except MarketError as error:
                    missing[PartName(what)] = bare(error)
                else:
                    whole = Snapshot(
                        whole.ticker, part.open_interest or whole.open_interest, part.funding or whole.funding
                    )
            interval_h = await self._funding_interval(exchange, intervals, of.listed)
        finally:
            for asked in parts.values():
                asked.cancel()
            if intervals is not None:
                intervals.changed.cancel()
        return self._found(exchange, whole, of, missing, interval_h)

    async def perp_of_many(self, exchange: Exchange, symbol: str) -> Found:
        """The contract on 1000 and more of a coin, where another coin has the plain name. Raises MarketError."""
        symbol = in_quotes(symbol, exchange.quotes["perp"])
        found = of_many(Listing("perp", symbol, symbol), await self._symbols(exchange, "perp"))
        if found is None:
            raise UnknownSymbol(exchange.id, f"{symbol} is another coin there", Reason.NAMESAKE)
        return await self._whole_perp(exchange, found)

    async def _perp_of_list(self, exchange: Exchange, symbol: str) -> Found:
        """A perpetual of an exchange that tells everything in one list."""
        found = (await self.listing(exchange, "perp")).get(symbol)
        if found is None:
            raise UnknownSymbol(exchange.id, f"{symbol} is not in the list")
        return self._found(exchange, found, Listing("perp", symbol, symbol), {}, None)

    def _found(
        self,
        exchange: Exchange,
        whole: Snapshot,
        of: Listing,
        missing: dict[PartName, MarketError],
        interval_h: float | None,
    ) -> Found:
        untold = BadResponse(exchange.id, "it is not in the answer", Reason.UNTOLD)
        failure = next(iter(missing.values()), untold)  # one answer may tell both
        for what, told in ((PartName.OPEN_INTEREST, whole.open_interest), (PartName.FUNDING, whole.funding)):
            if told is None:
                missing.setdefault(what, failure)
        completed = _completed(whole, interval_h)
        if completed.funding is not None and completed.funding.funding_interval_h is None:
            missing[PartName.FUNDING_PERIOD] = self.intervals_error(exchange, of.quote) or untold
        return Found(completed._replace(ticker=self._timed(completed.ticker)), of.listed, of.multiplier, missing)

    def _timed(self, ticker: Ticker | None) -> Ticker | None:
        """A ticker that tells no time is of now: it was asked for within the cache's seconds."""
        return ticker if ticker is None or ticker.time_ms else ticker._replace(time_ms=self.now_ms())

    def _funding_intervals(self, exchange: Exchange, quote: str) -> _Intervals | None:
        """The list of funding periods, where the exchange tells them in a list of their own; it is on its way."""
        told = exchange.funding_intervals(quote)
        if told is None or not self.may_ask(told[0].host.name):
            return None
        endpoint, of_all_others = told

        async def load() -> dict[str, float]:
            intervals: dict[str, float] = {}
            await self.fetcher.fetch_items(endpoint, intervals.update)
            return intervals

        host = endpoint.host.name
        return _Intervals(self._cache.soon((host, "funding intervals"), INTERVALS_S, load()), of_all_others, host)

    async def _funding_interval(self, exchange: Exchange, intervals: _Intervals | None, symbol: str) -> float | None:
        """Hours per funding period of a contract."""
        changed = await self._changed_intervals(exchange, intervals)
        return None if changed is None or intervals is None else changed.get(symbol, intervals.of_all_others)

    async def _changed_intervals(self, exchange: Exchange, intervals: _Intervals | None) -> dict[str, float] | None:
        """A list that is late or fails is done without for a while: the rest is there."""
        if intervals is None:
            return None
        try:
            async with asyncio.timeout(INTERVALS_LATE_S):
                changed = await intervals.changed
            self._intervals_failure.pop(intervals.host, None)
            return changed
        except (MarketError, TimeoutError) as error:
            late = Unavailable(exchange.id, "the list of funding periods is late", Reason.LATE)
            self._intervals_failure[intervals.host] = Failure.of(error if isinstance(error, MarketError) else late)
            self.leave_alone(intervals.host, INTERVALS_AGAIN_S)
            return None

    # Lists of all markets of an exchange.

    async def listing(self, exchange: Exchange, kind: str, *parts: PartName) -> dict[str, Snapshot]:
        """All markets in dollars that trade, by symbol. parts: which of open interest and funding to ask for.

        Those that the exchange's list of tickers tells are there in any case. Raises MarketError, NotSupported
        when the exchange has no such list.
        """
        endpoints = exchange.tickers(kind, self.now_ms())
        if "ticker" not in endpoints:
            raise NotSupported(exchange.id, f"no list of {kind} tickers", Reason.NO_LIST)
        wanted = ["ticker", *(part for part in parts if part in endpoints)]
        dollar = exchange.quotes[kind][0]
        intervals = self._funding_intervals(exchange, dollar) if PartName.FUNDING in parts else None
        lists = [start(self._rows(exchange, kind, part, endpoints[part])) for part in wanted]
        try:
            of_tickers, *others = [await each for each in lists]
            changed = await self._changed_intervals(exchange, intervals)
        finally:
            for each in lists:
                each.cancel()
            if intervals is not None:
                intervals.changed.cancel()
        if not others:
            return of_tickers.by_coin()
        found = {}
        for listed, perp in of_tickers.items():
            for other in others:
                if (more := other.get(listed)) is not None:
                    perp = Snapshot(perp.ticker, more.open_interest or perp.open_interest, more.funding or perp.funding)
            interval_h = None if changed is None or intervals is None else changed.get(listed, intervals.of_all_others)
            found[listed] = _completed(perp, interval_h)
        return by_coin(found)

    async def _rows(
        self, exchange: Exchange, kind: str, part: str, endpoint: ListEndpoint[tuple[str, Snapshot]]
    ) -> _Rows:
        async def load() -> _Rows:
            found = _Rows()
            await self.fetcher.fetch_items(endpoint, found.update)
            return found

        return await self.kept((exchange.id, "list", kind, part), LISTING_S, load())

    async def _symbols(self, exchange: Exchange, kind: str) -> frozenset[str]:
        """Every symbol that an exchange lists; none where it has no list."""

        async def load() -> frozenset[str]:
            found: set[str] = set()
            endpoint = exchange.symbols(kind)
            if endpoint is not None:
                await self.fetcher.fetch_items(endpoint, found.update)
            return frozenset(found)

        return await self._cache.get((exchange.id, "symbols", kind), SYMBOLS_S, load())

    async def _suggestions(self, symbol: str, timeout_s: float) -> list[str]:
        """Bases that look like the symbol's, from the lists that are there within timeout_s."""
        wanted = asyncio.gather(
            *(self._symbols(each, market) for each in self.exchanges[:MAX_SUGGESTING] for market in each.kinds),
            return_exceptions=True,
        )
        try:
            async with asyncio.timeout(max(0.1, timeout_s)):
                lists = await wanted
        except TimeoutError:
            return []
        listed = {each for symbols in lists if not isinstance(symbols, BaseException) for each in symbols}
        return similar(split(symbol)[0], {multiplied(split(each)[0])[0] for each in listed})

    # Candles.

    async def candles(
        self, exchange: Exchange, symbol: str, kind: str, interval: str, n: int, *, keep: bool = True
    ) -> Candles:
        """The last n closed candles at one exchange, and the running one as it was when they were asked for.

        Those without trades are among them, with volume 0. Kept until the running one closes, unless who asks keeps
        what they come to. Fewer where the market is younger. Raises MarketError: LongQuiet where nothing was traded
        for MAX_QUIET_MS, so that nobody takes what is left of a market for its news.
        """

        async def ask(of: Listing) -> Candles:
            exchange.require("candles", kind, of.quote, interval)
            return await self._pages(exchange, await self.sized(exchange, of, "candles"), interval, n + 1)

        async def load() -> Candles:
            now_ms = self.now_ms()
            found = await self.by_any_multiplier(exchange, kind, symbol, ask)
            _refuse_long_quiet(found, now_ms)
            return filled(replace(found, asked_ms=now_ms), n, now_ms)

        if not keep:
            return await load()
        step_s = INTERVALS[interval] / 1000
        to_next_s = step_s - self.clock.now() % step_s
        return await self.kept((exchange.id, "candles", symbol, kind, interval, n), to_next_s, load())

    async def running_candle(self, exchange: Exchange, symbol: str, kind: str, interval: str) -> Candles:
        """The candle before the running one, and the running one as it is now. Raises MarketError."""

        async def ask(of: Listing) -> Candles:
            exchange.require("candles", kind, of.quote, interval)
            of = await self.sized(exchange, of, "candles")
            asked_ms, found = await self._when_asked(exchange.candles(of, interval, 2, self.now_ms()))
            return replace(found, asked_ms=asked_ms)

        return await self.by_any_multiplier(exchange, kind, symbol, ask)

    async def _pages(self, exchange: Exchange, of: Listing, interval: str, n: int) -> Candles:
        """As many answers as n candles take, put together."""
        step, most, now_ms = INTERVALS[interval], exchange.max_candles[of.kind], self.now_ms()
        end_ms = (now_ms // step + 1) * step
        asked: list[Endpoint[Candles]] = []
        while n > 0:
            page = min(n, most)
            asked.append(exchange.candles(of, interval, page, now_ms, end_ms if asked else None))
            end_ms, n = end_ms - page * step, n - page
        answers = [start(self.fetcher.fetch(endpoint)) for endpoint in asked]
        try:
            return joined([await answer for answer in reversed(answers)])
        finally:
            for answer in answers:
                answer.cancel()

    async def flow(self, exchange: Exchange, symbol: str, kind: str, interval: str, n: int) -> Flow:
        """What takers bought and sold over the last n closed candles. Raises MarketError, NotSupported if untold."""

        async def ask(of: Listing) -> Flow:
            if not exchange.has("flow", kind, of.quote, interval):
                await self.running_candle(
                    exchange, symbol, kind, interval
                )  # raises UnknownSymbol for what is not there
            exchange.require("flow", kind, of.quote, interval)
            asked_ms, found = await self._when_asked(exchange.taker_flow(of, interval, n + 1, self.now_ms()))
            return filled_flow(found._replace(asked_ms=asked_ms), n, asked_ms)

        if exchange.has_takers_in_candles:
            return flow_of(await self.candles(exchange, symbol, kind, interval, n))
        return await self.by_any_multiplier(exchange, kind, symbol, ask)


def _state_of(circuit: Circuit) -> str:
    if circuit.resting_s:
        return "resting"
    return "failing" if circuit.failures else "gone" if circuit.is_gone else "ok"


def _failure_of(circuit: Circuit) -> Failure | None:
    if circuit.failures and circuit.last_error is not None:
        return circuit.last_error
    return Failure(Gone, "closed for good", Gone.reason, None) if circuit.is_gone else None


def flow_of(candles: Candles) -> Flow:
    """The flow that candles tell. Raises NotSupported when they tell none."""
    if candles.taker_buy is None:
        raise NotSupported(candles.exchange, "no taker volume", Reason.NO_TAKER_VOLUME)
    sold = [max(0.0, volume - bought) for volume, bought in zip(candles.volume, candles.taker_buy, strict=True)]
    of = (candles.exchange, candles.symbol, candles.kind, candles.interval_ms)
    return Flow(*of, candles.open_ms, candles.taker_buy, sold, candles.asked_ms)


def _refuse_long_quiet(candles: Candles, now_ms: int) -> None:
    """Raises LongQuiet for candles that ended long ago."""
    if not len(candles):
        return
    ended_ms = candles.open_ms[-1] + candles.interval_ms
    if now_ms - ended_ms > max(MAX_QUIET_MS, 2 * candles.interval_ms):
        day = time.strftime("%Y-%m-%d", time.gmtime(ended_ms / 1000))
        raise LongQuiet(candles.exchange, f"the last candle ended {day}", day)


def joined(pages: Sequence[Candles]) -> Candles:
    """One set of candles from several, oldest first; where they overlap, the later one counts."""
    whole = pages[-1]
    for page in reversed(pages[:-1]):
        n = next((i for i, at in enumerate(page.open_ms) if at >= whole.open_ms[0]), len(page)) if len(whole) else 0
        older = page.part(0, n) if len(whole) else page
        whole = Candles(
            whole.exchange,
            whole.symbol,
            whole.kind,
            whole.interval_ms,
            older.open_ms + whole.open_ms,
            older.open + whole.open,
            older.high + whole.high,
            older.low + whole.low,
            older.close + whole.close,
            older.volume + whole.volume,
            older.quote_volume + whole.quote_volume if older.quote_volume and whole.quote_volume else None,
            older.taker_buy + whole.taker_buy if older.taker_buy and whole.taker_buy else None,
            whole.is_last_closed,
            older.n_odd + whole.n_odd,
        )
    return whole


class _Rows(dict[str, Snapshot]):
    """The markets of a list by their symbols as they are listed."""

    _by_coin: dict[str, Snapshot] | None = None

    def by_coin(self) -> dict[str, Snapshot]:
        """As the function; worked out once."""
        if self._by_coin is None:
            self._by_coin = by_coin(self)
        return self._by_coin


def by_coin(listed: Mapping[str, Snapshot]) -> dict[str, Snapshot]:
    """Markets by the symbols of their coins, figures per coin.

    Of several contracts on one coin (PEPE, 1000PEPE) the one with the most turnover counts. Two coins of one name
    (CAT the stock, 1000CAT the coin) are told apart by their prices: the one on many keeps its name, and is told as it
    is listed.
    """
    found = {}
    for name, market in listed.items():
        symbol, multiplier = coin_symbol(name)
        if multiplier == 1:
            found[symbol] = market
    for name, market in listed.items():
        symbol, multiplier = coin_symbol(name)
        if multiplier == 1 or market.ticker is None:
            continue
        other = found.get(symbol)
        if other is None or other.ticker is None:
            found[symbol] = market._replace(ticker=market.ticker._replace(symbol=symbol))
        elif not are_of_one_coin(other.ticker.last, market.ticker.last):
            found[name] = _as_listed(market, multiplier)
        elif (market.ticker.quote_volume or 0.0) > (other.ticker.quote_volume or 0.0):
            found[symbol] = market._replace(ticker=market.ticker._replace(symbol=symbol))
    return found


def _as_listed(market: Snapshot, multiplier: int) -> Snapshot:
    """Figures of the contract, which is on many coins, instead of those per coin."""
    ticker, interest, funding = market
    if ticker is not None:
        prices = {
            name: figure * multiplier
            for name in ("last", "bid", "ask", "high", "low")
            if (figure := getattr(ticker, name)) is not None
        }
        volume = None if ticker.base_volume is None else ticker.base_volume / multiplier
        ticker = ticker._replace(**prices, base_volume=volume)
    if interest is not None and interest.open_interest is not None:
        interest = interest._replace(open_interest=interest.open_interest / multiplier)
    if funding is not None and funding.mark is not None:
        funding = funding._replace(mark=funding.mark * multiplier)
    return Snapshot(ticker, interest, funding)


class _Intervals(NamedTuple):
    """Hours per funding period: of the contracts whose period was changed, by symbol, and of all others."""

    changed: asyncio.Future[dict[str, float]]
    of_all_others: float
    host: str


def _turnover(snapshot: Snapshot) -> float:
    return (snapshot.ticker.quote_volume if snapshot.ticker is not None else None) or 0.0


def _completed(perp: Snapshot, funding_interval_h: float | None) -> Snapshot:
    """What one endpoint does not tell and another does: the funding period; open interest in quote, or in base."""
    ticker, open_interest, funding = perp
    if funding is not None and funding.funding_interval_h is None:
        funding = funding._replace(funding_interval_h=funding_interval_h)
    if open_interest is not None and ticker is not None and None in open_interest:
        price = funding.mark if funding is not None and funding.mark is not None else ticker.last
        coins, value = open_interest
        if coins is None and value is not None:
            open_interest = OpenInterest(value / price, value)
        elif coins is not None:
            open_interest = OpenInterest(coins, coins * price)
    return Snapshot(ticker, open_interest, funding)


def _is_near(found: Found, price: float) -> bool:
    return found.of.ticker is not None and are_of_one_coin(found.of.ticker.last, price)


def source_of(market: Market, candles: Candles, failed: tuple[MarketError, ...], began: float) -> Source:
    of = (candles.exchange, coin_symbol(candles.symbol)[0], candles.kind)
    return Source(*of, failed, market.now_ms(), market.clock.monotonic() - began)


async def open_interest_before(
    market: Market, exchange: Exchange, symbol: str, *, exact: bool = False
) -> dict[int, float]:
    """Open interest 1 and 24 hours ago, in coins, where it is told of that moment. Raises MarketError."""
    return at_hours_ago(await open_interest_history(market, exchange, symbol, HISTORY_H, exact=exact), market.now_ms())


async def open_interest_history(
    market: Market, exchange: Exchange, symbol: str, n: int, *, exact: bool = False
) -> Sequence[tuple[int, float]]:
    """Open interest of the last n hours, or as many as are told: ms and coins, oldest first. Raises MarketError."""

    async def ask(of: Listing) -> list[tuple[int, float]]:
        exchange.require("open_interest_history", of.kind, of.quote)
        return await market.get(exchange.open_interest_history(of, n, market.now_ms()), HISTORY_S)

    return await market.by_any_multiplier(exchange, "perp", symbol, ask, exact=exact)


def at_hours_ago(rows: Sequence[tuple[int, float]], now_ms: int) -> dict[int, float]:
    """The figures of 1 and of 24 hours ago, to the minute: exchanges tell one an hour, and between two of them it
    is taken to have moved evenly. Not told where the two are further apart than an hour and a half."""
    found = {}
    for hours in (1, 24):
        wanted = now_ms - hours * HOUR_MS
        before = max((row for row in rows if row[0] <= wanted), default=None)
        after = min((row for row in rows if row[0] >= wanted), default=None)
        if before is None or after is None or after[0] - before[0] > MAX_BETWEEN_MS:
            continue
        share = (wanted - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        found[hours] = before[1] + (after[1] - before[1]) * share
    return found


async def perps_with_funding(market: Market, exchange: Exchange) -> tuple[Exchange, dict[str, Snapshot]]:
    """All perpetuals of an exchange, the funding of some at least comparable. Raises MarketError."""
    found = await market.listing(exchange, "perp", PartName.FUNDING)
    if not any(per_8h(perp.funding) is not None for perp in found.values()):
        raise market.intervals_error(exchange) or NotSupported(exchange.id, "no funding", Reason.NO_FUNDING)
    return exchange, found
