"""Questions about the market: which exchanges to ask, for how long, and what to do when one fails.

A question is asked of the exchanges in order of preference. The next one is asked when one
fails, and also when it has not answered for HEDGE_S; the first good answer wins. Everything
ends within DEADLINE_S, with what has arrived by then. Nothing is known here of how exchanges
spell (exchanges/) or are reached (fetch.py), and nothing of chats.

Memory: a bounded number of parsed answers, kept for some seconds, and the exchanges' symbols
(about 60 bytes each), kept for an hour once somebody has asked for one that is not listed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from exchanges import (
    Endpoint,
    ListEndpoint,
    MarketError,
    OpenInterest,
    Perp,
    Ticker,
    Unavailable,
    UnknownSymbol,
    binance,
    bybit,
    okx,
    split,
)
from fetch import Fetcher

T = TypeVar("T")

DEADLINE_S = 7.0  # a command has 8 s
HEDGE_S = 1.0
MAX_CACHED = 2048  # answers; some 400 bytes each
SYMBOLS_S = 3600.0
INTERVALS_S = 3600.0
INTERVALS_LATE_S = 0.5  # after all else has arrived
INTERVALS_AGAIN_S = 30.0
MAX_SUGGESTIONS = 5


class Exchange(Protocol):
    """What a module in exchanges/ offers; see exchanges/binance.py for the meaning of each."""

    @property
    def ID(self) -> str: ...
    @property
    def NAME(self) -> str: ...
    @property
    def spot(self) -> Callable[[str, int], Endpoint[Ticker]]: ...
    @property
    def perp(self) -> Callable[[str, int], dict[str, Endpoint[Perp]]]: ...
    @property
    def symbols(self) -> Callable[[str], ListEndpoint[str]]: ...
    @property
    def funding_intervals(self) -> Callable[[], tuple[ListEndpoint[tuple[str, float]], float] | None]: ...


EXCHANGES: dict[str, Exchange] = {exchange.ID: exchange for exchange in (binance, bybit, okx)}
"""In the order in which they are asked when EXCHANGES says nothing."""


class NotASymbol(ValueError):
    """What somebody typed cannot be the name of a market. The text says why."""


class NotListed(Exception):
    """No exchange lists the symbol. suggestions: similar bases that one of them does list."""

    def __init__(self, symbol: str, exchanges: Sequence[str], suggestions: Sequence[str]) -> None:
        super().__init__(f"{symbol} is not listed")
        self.symbol, self.exchanges, self.suggestions = symbol, tuple(exchanges), tuple(suggestions)


class NoAnswer(Exception):
    """No exchange answered. errors: one for each that was asked, those that do not list the symbol last."""

    def __init__(self, symbol: str, errors: Sequence[MarketError]) -> None:
        unlisted = [error for error in errors if isinstance(error, UnknownSymbol)]
        failed = {error.exchange: error for error in errors if error not in unlisted}
        errors = [*failed.values(), *{e.exchange: e for e in unlisted if e.exchange not in failed}.values()]
        super().__init__(f"{symbol}: " + "; ".join(str(error) for error in errors))
        self.symbol, self.errors = symbol, tuple(errors)


class PriceReport(NamedTuple):
    """A symbol's spot and perpetual market.

    perp.ticker is there when perp is. A side that is None, and a part of perp that is None, is
    explained in missing, by "spot", "perp", "open interest", "funding". failed: by "spot" and
    "perp", the preferred exchanges that did not give what is shown. multipliers: contracts on 1000 and more coins,
    whose figures are given per coin here.
    """

    symbol: str
    spot: Ticker | None
    perp: Perp | None
    missing: dict[str, tuple[MarketError, ...]]
    failed: dict[str, tuple[MarketError, ...]]
    multipliers: dict[str, int]
    took_s: float

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Who answered; one id when spot and perp come from the same exchange."""
        tickers = (self.spot, self.perp and self.perp.ticker)
        return tuple(dict.fromkeys(ticker.exchange for ticker in tickers if ticker))

    @property
    def basis_pct(self) -> float | None:
        """How far the perpetual stands above spot, in percent of spot; None across exchanges."""
        if self.spot is None or self.perp is None or self.perp.ticker is None or len(self.exchanges) != 1:
            return None
        return (self.perp.ticker.last - self.spot.last) / self.spot.last * 100


class Market:
    """Answers questions, with a Fetcher."""

    def __init__(self, fetcher: Fetcher, exchanges: Sequence[str], cache_s: float) -> None:
        self._fetcher = fetcher
        self._exchanges = [EXCHANGES[each] for each in exchanges]
        self._cache_s = cache_s
        self._cache = Cache(MAX_CACHED)
        self._intervals_after: dict[str, float] = {}  # when a list that failed may be asked for again

    async def price(self, symbol: str) -> PriceReport:
        """Spot and perpetual of BASE-QUOTE. Raises NotListed and NoAnswer, always within DEADLINE_S."""
        began = time.monotonic()
        spot, perp = await self._both(
            lambda exchange: self._spot(exchange, symbol), lambda exchange: self._perp(exchange, symbol)
        )
        if spot.found is None and perp.found is None:
            errors = (*spot.errors, *perp.errors)
            if not all(isinstance(error, UnknownSymbol) for error in errors):
                raise NoAnswer(symbol, errors)
            left_s = began + DEADLINE_S - time.monotonic()
            raise NotListed(symbol, [each.ID for each in self._exchanges], await self._suggestions(symbol, left_s))
        missing: dict[str, tuple[MarketError, ...]] = {}
        failed: dict[str, tuple[MarketError, ...]] = {}
        multipliers: dict[str, int] = {}
        for name, side in (("spot", spot), ("perp", perp)):
            if side.found is None:
                missing[name] = side.errors
                continue
            if side.errors:
                failed[name] = side.errors
            missing |= {what: (error,) for what, error in side.found.missing.items()}
            if side.found.multiplier != 1:
                multipliers[name] = side.found.multiplier
        return PriceReport(
            symbol,
            spot.found.of.ticker if spot.found is not None else None,
            perp.found.of if perp.found is not None else None,
            missing,
            failed,
            multipliers,
            time.monotonic() - began,
        )

    async def last(self, symbol: str) -> float | None:
        """The last spot price; None when no exchange gives one in time."""
        race = _Race(lambda exchange: self._spot(exchange, symbol), self._exchanges)
        timer = asyncio.get_running_loop().call_later(DEADLINE_S / 2, race.give_up)
        try:
            side = await race.side
            return side.found.of.ticker.last if side.found is not None and side.found.of.ticker is not None else None
        finally:
            timer.cancel()
            race.stop()

    def health(self) -> dict[str, dict[str, object]]:
        """What the last requests said of each host that was asked."""
        now = time.time()
        return {
            name: {
                "state": "resting" if circuit.resting_s else "failing" if circuit.failures else "ok",
                "resting_s": round(circuit.resting_s),
                "last_success_s_ago": round(now - circuit.last_success, 1) if circuit.last_success else None,
                "last_failure": circuit.last_error.reason if circuit.failures and circuit.last_error else None,
            }
            for name, circuit in self._fetcher.circuits.items()
        }

    # How exchanges are asked.

    async def _both(
        self, spot: Callable[[Exchange], Awaitable[_Found]], perp: Callable[[Exchange], Awaitable[_Found]]
    ) -> list[_Side]:
        """Both sides of a market, each from the first exchange that has it; one not there by the deadline failed."""
        races = [_Race(spot, self._exchanges), _Race(perp, self._exchanges)]
        timers = [asyncio.get_running_loop().call_later(DEADLINE_S, race.give_up) for race in races]
        try:
            return [await race.side for race in races]
        finally:
            for race, timer in zip(races, timers, strict=True):
                timer.cancel()
                race.stop()

    async def _get(self, endpoint: Endpoint[T]) -> T:
        """An endpoint's answer, shared among all who ask for it within the cache's time."""
        if not self._cache_s:
            return await self._fetcher.fetch(endpoint)
        key = (endpoint.host.name, endpoint.target)
        return await self._cache.get(key, self._cache_s, lambda: self._fetcher.fetch(endpoint))

    async def _spot(self, exchange: Exchange, symbol: str) -> _Found:
        async def ask(listed: str, multiplier: int) -> _Found:
            ticker = await self._get(exchange.spot(listed, multiplier))
            return _Found(Perp(ticker), multiplier, {})

        return await self._by_any_multiplier(exchange, "spot", symbol, ask)

    async def _perp(self, exchange: Exchange, symbol: str) -> _Found:
        async def ask(listed: str, multiplier: int) -> _Found:
            return await self._whole_perp(exchange, listed, multiplier)

        return await self._by_any_multiplier(exchange, "perp", symbol, ask)

    async def _by_any_multiplier(
        self, exchange: Exchange, market: str, symbol: str, ask: Callable[[str, int], Awaitable[_Found]]
    ) -> _Found:
        """Asks for the coin; if it is not listed, for the contract on 1000 and more of it that is.

        Raises UnknownSymbol only when the exchange's list was there to look in.
        """
        try:
            return await ask(symbol, 1)
        except UnknownSymbol:
            listed = await self._symbols(exchange, market)
            for multiplier, prefix in MULTIPLIERS:
                if f"{prefix}{symbol}" in listed:
                    return await ask(f"{prefix}{symbol}", multiplier)
            raise

    async def _whole_perp(self, exchange: Exchange, symbol: str, multiplier: int) -> _Found:
        """The perpetual from all endpoints that tell of it; all but the ticker may fail."""
        endpoints = exchange.perp(symbol, multiplier)
        others = [what for what in endpoints if what != "ticker"]
        intervals = self._funding_intervals(exchange)
        parts = {what: _start(self._get(endpoints[what])) for what in others}
        missing: dict[str, MarketError] = {}
        try:
            whole = await self._get(endpoints["ticker"])
            for what, asked in parts.items():
                try:
                    part = await asked
                except MarketError as error:
                    missing[what] = error
                else:
                    whole = Perp(whole.ticker, part.open_interest or whole.open_interest, part.funding or whole.funding)
            interval_h = await self._funding_interval(exchange, intervals, symbol)
        finally:
            for asked in parts.values():
                asked.cancel()
            if intervals is not None:
                intervals.changed.cancel()
        for what, told in (("open interest", whole.open_interest), ("funding", whole.funding)):
            if told is None and what not in missing:
                missing[what] = UnknownSymbol(exchange.ID, f"{what} is not in the answer", "did not tell")
        return _Found(_completed(whole, interval_h), multiplier, missing)

    def _funding_intervals(self, exchange: Exchange) -> _Intervals | None:
        """The list of funding periods, where the exchange tells them in a list of their own; it is on its way."""
        told = exchange.funding_intervals()
        if told is None or time.monotonic() < self._intervals_after.get(exchange.ID, 0.0):
            return None
        endpoint, of_all_others = told

        async def load() -> dict[str, float]:
            intervals: dict[str, float] = {}
            await self._fetcher.fetch_items(endpoint, intervals.update)
            return intervals

        key = (exchange.ID, "funding intervals")
        return _Intervals(self._cache.soon(key, INTERVALS_S, load), of_all_others)

    async def _funding_interval(self, exchange: Exchange, intervals: _Intervals | None, symbol: str) -> float | None:
        """Hours per funding period. A list that is late or fails is done without for a while: the rest is there."""
        if intervals is None:
            return None
        try:
            async with asyncio.timeout(INTERVALS_LATE_S):
                changed = await intervals.changed
        except (MarketError, TimeoutError):
            self._intervals_after[exchange.ID] = time.monotonic() + INTERVALS_AGAIN_S
            return None
        return changed.get(symbol, intervals.of_all_others)

    async def _symbols(self, exchange: Exchange, market: str) -> frozenset[str]:
        """Every symbol that an exchange lists."""

        async def load() -> frozenset[str]:
            found: set[str] = set()
            await self._fetcher.fetch_items(exchange.symbols(market), found.update)
            return frozenset(found)

        return await self._cache.get((exchange.ID, "symbols", market), SYMBOLS_S, load)

    async def _suggestions(self, symbol: str, timeout_s: float) -> list[str]:
        """Bases that look like the symbol's, from the lists that are there within timeout_s."""
        wanted = asyncio.gather(
            *(self._symbols(each, market) for each in self._exchanges for market in ("spot", "perp")),
            return_exceptions=True,
        )
        try:
            async with asyncio.timeout(max(0.1, timeout_s)):
                lists = await wanted
        except TimeoutError:
            return []
        listed = {each for symbols in lists if not isinstance(symbols, BaseException) for each in symbols}
        return _similar(split(symbol)[0], {without_multiplier(split(each)[0]) for each in listed})


class _Found(NamedTuple):
    """A market at one exchange; of spot, a Perp that has nothing but its ticker. missing: its parts that failed."""

    of: Perp
    multiplier: int
    missing: dict[str, MarketError]


class _Side(NamedTuple):
    """A market wherever it was found first, and the errors of the exchanges preferred to that one."""

    found: _Found | None
    errors: tuple[MarketError, ...]


class _Intervals(NamedTuple):
    """Hours per funding period: of the contracts whose period was changed, by symbol, and of all others."""

    changed: asyncio.Future[dict[str, float]]
    of_all_others: float


class _Race:
    """Asks exchanges in order until one gives a good answer: the next one when one fails, or is silent for HEDGE_S.

    `side` is its outcome. Callbacks instead of a task that waits for tasks: it runs twice in every command.
    """

    def __init__(self, ask: Callable[[Exchange], Awaitable[_Found]], exchanges: Sequence[Exchange]) -> None:
        self._ask, self._exchanges, self._to_ask = ask, list(exchanges), list(exchanges)
        self._running: dict[asyncio.Future[_Found], Exchange] = {}
        self._errors: dict[str, MarketError] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.side: asyncio.Future[_Side] = self._loop.create_future()
        self._ask_next()

    def _ask_next(self) -> None:
        self._stop_timer()
        exchange = self._to_ask.pop(0)
        task = asyncio.ensure_future(self._ask(exchange))
        self._running[task] = exchange
        task.add_done_callback(self._ended)
        if self._to_ask:
            self._timer = self._loop.call_later(HEDGE_S, self._ask_next)

    def _ended(self, task: asyncio.Future[_Found]) -> None:
        exchange = self._running.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if self.side.done() or exchange is None or task.cancelled():
            return
        if error is None:
            preferred = self._exchanges[: self._exchanges.index(exchange)]
            waiting = [each for each in self._running.values() if each in preferred]
            slow = {each.ID: Unavailable(each.ID, "slower", "was slow") for each in waiting}
            self.side.set_result(_Side(task.result(), tuple((slow | self._errors).values())))
        elif not isinstance(error, MarketError):
            self.side.set_exception(error)
        else:
            self._errors[exchange.ID] = error
            if self._to_ask:
                self._ask_next()
            elif not self._running:
                self.side.set_result(_Side(None, tuple(self._errors.values())))

    def give_up(self) -> None:
        """The deadline has passed: who has not answered by now did not answer in time."""
        if not self.side.done():
            late = [*self._running.values(), *self._to_ask]
            silent = {each.ID: Unavailable(each.ID, "deadline passed", "did not answer in time") for each in late}
            self.side.set_result(_Side(None, tuple((silent | self._errors).values())))

    def stop(self) -> None:
        """Leaves nothing running."""
        self._stop_timer()
        if not self.side.done():
            self.side.cancel()
        for task in list(self._running):
            task.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _completed(perp: Perp, funding_interval_h: float | None) -> Perp:
    """What one endpoint does not tell and another does: the funding period, open interest in quote."""
    ticker, open_interest, funding = perp
    if funding is not None and funding.funding_interval_h is None:
        funding = funding._replace(funding_interval_h=funding_interval_h)
    if open_interest is not None and open_interest.open_interest_quote is None and ticker is not None:
        price = funding.mark if funding is not None and funding.mark is not None else ticker.last
        open_interest = OpenInterest(open_interest.open_interest, open_interest.open_interest * price)
    return Perp(ticker, open_interest, funding)


def _start(work: Awaitable[T]) -> asyncio.Future[T]:
    """A task whose error need not be looked at: who has an answer already does not wait for the others."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


class Cache:
    """Answers by key, each for its time, and one request for all who ask meanwhile.

    Failures are not kept, but all who wait for a failing request get its error. A request
    whose askers have all gone is cancelled. At most max_entries; the oldest go first.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._kept: dict[Any, tuple[float, Any]] = {}
        self._flights: dict[Any, _Flight] = {}
        self.n_hits = 0
        self.n_misses = 0

    async def get(self, key: Any, keep_s: float, load: Callable[[], Awaitable[T]]) -> T:
        """What was loaded for the key less than keep_s ago, or is loaded now. Raises what load raises."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            self.n_hits += 1
            return cast(T, kept[1])
        flight = self._flights.get(key)
        if flight is None:
            self.n_misses += 1
            flight = self._flights[key] = _Flight(_start(self._load(key, keep_s, load)))
        else:
            self.n_hits += 1
        flight.n_waiting += 1
        try:
            return cast(T, await asyncio.shield(flight.task))
        finally:
            flight.n_waiting -= 1
            if not flight.n_waiting and not flight.task.done():
                flight.task.cancel()
                self._flights.pop(key, None)

    def soon(self, key: Any, keep_s: float, load: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        """As get, without waiting: a future that is done when the answer is there already."""
        kept = self._kept.get(key)
        if kept is None or kept[0] <= time.monotonic():
            return _start(self.get(key, keep_s, load))
        self.n_hits += 1
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.set_result(kept[1])
        return future

    async def _load(self, key: Any, keep_s: float, load: Callable[[], Awaitable[T]]) -> T:
        me = asyncio.current_task()
        try:
            found = await load()
        finally:
            flight = self._flights.get(key)
            if flight is not None and flight.task is me:
                del self._flights[key]
        self._kept.pop(key, None)
        while len(self._kept) >= self._max_entries:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (time.monotonic() + keep_s, found)
        return found


class _Flight:
    __slots__ = ("n_waiting", "task")

    def __init__(self, task: asyncio.Future[Any]) -> None:
        self.task, self.n_waiting = task, 0


# How people spell.

MULTIPLIERS = (
    (1000, "1000"),
    (10_000, "10000"),
    (100_000, "100000"),
    (1_000_000, "1000000"),
    (1_000_000, "1M"),
)
"""Contracts on many cheap coins: how many, and what stands before the coin's name."""

_QUOTES = ("USDT", "USDC", "FDUSD", "USD")
_NAMED_LIKE_PAIRS = frozenset(["PYUSD", "TUSD", "BUSD", "FDUSD", "RLUSD", "GUSD", "LUSD", "SUSD", "CRVUSD", "BFUSD"])
_MAX_SYMBOL = 24  # characters; the longest listed base has 13


def parse_symbol(text: str) -> str:
    """BASE-QUOTE from any usual spelling. Raises NotASymbol.

    btc, $BTC, BTCUSDT, BTC-USDT, btc/usdt, BTC_USDT, BTC-USDT-SWAP, BTC/USDT:USDT, BTCUSDT.P,
    BTCPERP and BINANCE:BTCUSDT are all BTC-USDT, as is BTC-USD: the dollar traded on exchanges
    is USDT. 1000PEPE is PEPE, whose figures are given per coin.
    """
    shown = text if len(text) <= _MAX_SYMBOL else f"{text[:_MAX_SYMBOL]}…"
    junk = NotASymbol(f"“{shown}” is not a symbol. Try BTC, or BTC-USDT.")
    name = text.strip().upper().lstrip("$#")
    before, _, after = name.partition(":")
    name = before if "/" in before or not after else after
    name = name.removesuffix(".P")
    for ending in ("-SWAP", "-PERP", "_PERP", "/PERP", "PERP"):
        if name.endswith(ending) and len(name) > len(ending):
            name = name.removesuffix(ending)
            break
    base, *rest = re.split(r"[-/_]", name)
    if not base.isalnum() or len(name) > _MAX_SYMBOL or len(rest) > 1 or not all(each.isalnum() for each in rest):
        raise junk
    quote = rest[0] if rest else ""
    if not quote:
        if base not in _NAMED_LIKE_PAIRS:
            quote = next((each for each in _QUOTES if base.endswith(each) and base != each), "")
            base = base.removesuffix(quote)
    elif quote not in _QUOTES and f"{base}{quote}".endswith(("USDT", "USDC", "FDUSD")):
        raise junk  # BT-CUSDT is no way to write BTCUSDT
    quote = "USDT" if quote in ("", "USD") else quote
    base = without_multiplier(base)
    if base == quote:
        raise NotASymbol(f"{base} is what prices are counted in here. Try another symbol, such as BTC.")
    return f"{base}-{quote}"


def without_multiplier(base: str) -> str:
    """PEPE for 1000PEPE and 1MPEPE; 1INCH stays."""
    return re.sub(r"^(10{3,6}(?=[^\W\d])|1M(?=[A-Z]{4}))", "", base)


def _similar(base: str, listed: Iterable[str]) -> list[str]:
    """Up to MAX_SUGGESTIONS of the listed bases, the most similar first."""
    import difflib  # needed for a typing error only; costs 1 MiB and 5 ms at start

    candidates = [each for each in listed if each and (each[0] == base[:1] or each[-1] == base[-1:])]
    return difflib.get_close_matches(base, sorted(candidates), MAX_SUGGESTIONS, 0.6)
