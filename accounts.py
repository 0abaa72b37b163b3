"""Questions about the owner's own accounts: balances, positions, profit and loss.

All exchanges that have keys are asked side by side; one that fails is named, the others are
shown. Keys only ever read. Sums are in dollars: at the exchange's own valuation, or at the
last spot price of the asset (prices.py); what has no price is counted as such, not as zero.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

from asking import races
from asking.cache import Cache
from asking.fetch import Fetcher
from clock import MACHINE, Clock
from exchanges.endpoints import Endpoint, IncomeList, ListEndpoint, PositionsEndpoint
from exchanges.errors import MarketError, NoKeys, Reason, Unavailable, bare
from exchanges.finite import finite
from exchanges.joined import take_sole
from exchanges.table import ACCOUNTS, AccountExchange
from exchanges.words import WINDOW_MS, Income, Key, Position
from market import Market
from prices import Priced, Prices

T = TypeVar("T")
DAY_MS = 86_400_000
RIGHTS_S = 3600.0
CONTRACTS_S = 3600.0
MAX_PAGES = 10  # of one list of income, or of positions
READ_S = 4.2  # for what an account tells: a little more than one answer has; what has not come by then is late
SECOND_S = 3.0  # for what completes positions, of it
PAGES_S = 4.0  # for their pages
ANSWERED_S = 6.6  # for all, with the prices: a little less than a command has, so that it tells what came
DAYS_TOLD = 30  # of what was realised, today among them


class Part(NamedTuple, Generic[T]):
    """One exchange's part of a report. errors: what of it failed; found None when all did.

    may_do_more: whether the key can do more than read; None when that could not be learnt. unpriced: why prices of what
    it is in could not be read.
    """

    exchange: str
    found: T | None
    errors: tuple[MarketError, ...]
    may_do_more: bool | None
    unpriced: tuple[MarketError, ...] = ()


class _Read(NamedTuple, Generic[T]):
    """As in Part."""

    found: T | None
    errors: list[MarketError]
    unpriced: tuple[MarketError, ...] = ()


class Holding(NamedTuple):
    """An asset over all wallets of an exchange. usd: None without a price."""

    asset: str
    free: float
    in_use: float
    usd: float | None


class Profit(NamedTuple):
    """In dollars. realised by window; funding and fees over 7 days. None: not told.

    unrealised_pct: of the margin that the positions hold. whole_since_ms: where there was more than could be read, what
    was realised is of the time since then, where that is less than what it is called; costs_since_ms: so are funding
    and fees, None where they are of 7 days. by_day: what was realised in each of the last 30 days, or of those that are
    known whole, with its 00:00 UTC, the oldest first. unpriced: assets without a price, in which a part of it is.
    shortened: the windows that are longer than what is known.
    """

    unrealised: float | None
    unrealised_pct: float | None
    realised: dict[str, float | None]  # today, 7d, 30d
    funding: float | None
    fees: float | None
    whole_since_ms: int | None = None
    by_day: tuple[tuple[int, float], ...] | None = None
    unpriced: tuple[str, ...] = ()
    shortened: tuple[str, ...] = ()
    costs_since_ms: int | None = None


class Valued(NamedTuple):
    """A position, and its profit in dollars; None without a price of the asset in which it settles."""

    position: Position
    pnl_usd: float | None
    funding_usd: float | None


class Accounts:
    """Answers questions about the accounts whose keys are given, by exchange."""

    def __init__(self, fetcher: Fetcher, market: Market, keys: Mapping[str, Key], clock: Clock = MACHINE) -> None:
        self._fetcher, self._market, self._keys, self._clock = fetcher, market, keys, clock
        self._cache = Cache(64, clock=clock)
        self._prices = Prices(market)

    async def balance(self, exchange: str = "") -> list[Part[list[Holding]]]:
        """What is held. Raises NoKeys."""
        return await self._ask_all(exchange, self._balance)

    async def positions(
        self, exchange: str = "", deadline_s: float | None = None, *, priced: bool = True
    ) -> list[Part[list[Valued]]]:
        """Open positions, the largest first. priced: what they settle in, for profit in dollars. Raises NoKeys."""
        return await self._ask_all(exchange, partial(self._positions, priced=priced), deadline_s)

    async def pnl(self, exchange: str = "") -> list[Part[Profit]]:
        """Profit and loss. Raises NoKeys."""
        return await self._ask_all(exchange, self._pnl)

    async def _ask_all(
        self,
        exchange: str,
        ask: Callable[[AccountExchange], Awaitable[_Read[T]]],
        deadline_s: float | None = None,
    ) -> list[Part[T]]:
        """Every exchange's part, in deadline_s; None for DEADLINE_S."""
        wanted = [exchange] if exchange else list(ACCOUNTS)
        accounts = [ACCOUNTS[each] for each in wanted if each in self._keys]
        if not accounts:
            raise NoKeys([name for each in wanted for name in variables(each)])
        tasks = [asyncio.ensure_future(self._part(account, ask)) for account in accounts]
        try:
            await asyncio.wait(tasks, timeout=races.DEADLINE_S if deadline_s is None else deadline_s)
            late = Reason.LATE
            return [
                task.result()
                if task.done()
                else Part(account.id, None, (Unavailable(account.id, "deadline passed", late),), None)
                for task, account in zip(tasks, accounts, strict=True)
            ]
        finally:
            for task in tasks:
                task.cancel()

    async def _part(self, account: AccountExchange, ask: Callable[[AccountExchange], Awaitable[_Read[T]]]) -> Part[T]:
        read, may_do_more = await asyncio.gather(ask(account), self._may_do_more(account))
        return Part(account.id, read.found, tuple(read.errors), may_do_more, read.unpriced)

    async def _may_do_more(self, account: AccountExchange) -> bool | None:
        try:
            async with asyncio.timeout(READ_S):
                reading = self._read(account, account.rights())
                return await self._cache.get((account.id, "rights"), RIGHTS_S, reading)
        except (MarketError, TimeoutError):
            return None

    async def _read(self, account: AccountExchange, endpoint: Endpoint[T]) -> T:
        return await self._fetcher.fetch_signed(endpoint, self._keys[account.id], account.sign, account.time())

    async def _balance(self, account: AccountExchange) -> _Read[list[Holding]]:
        began = self._clock.monotonic()
        wallets, errors = await _in_time(account, [self._read(account, each) for each in account.balances()])
        if not wallets:
            return _Read(None, errors)
        balances = [each for wallet in wallets for each in wallet if each.free or each.in_use]
        prices, unpriced = await self._priced(account, {each.asset for each in balances if each.usd is None}, began)
        holdings: dict[str, Holding] = {}
        for each in balances:
            known = prices.get(each.asset)
            usd = each.usd if each.usd is not None else None if known is None else (each.free + each.in_use) * known
            seen = holdings.get(each.asset, Holding(each.asset, 0.0, 0.0, 0.0))
            value = None if usd is None or seen.usd is None else seen.usd + usd
            holdings[each.asset] = Holding(each.asset, seen.free + each.free, seen.in_use + each.in_use, value)
        return _Read(sorted(holdings.values(), key=lambda each: -(each.usd or 0.0)), errors, unpriced)

    async def _priced(self, account: AccountExchange, assets: set[str], began: float) -> Priced:
        """In what is left of ANSWERED_S."""
        return await self._prices.of(account, assets, max(0.0, began + ANSWERED_S - self._clock.monotonic()))

    async def _positions(self, account: AccountExchange, *, priced: bool = True) -> _Read[list[Valued]]:
        began = self._clock.monotonic()
        told, errors = await _in_time(account, [self._positions_at(account, each) for each in account.positions()])
        if not told:
            return _Read(None, errors)
        positions = [each for found, _ in told for each in found]
        errors += [each for _, missing in told for each in missing]
        assets = {each.asset for each in positions} if priced else set()
        prices, unpriced = await self._priced(account, assets, began)
        valued = [_valued(each, prices.get(each.asset)) for each in positions]
        return _Read(sorted(valued, key=lambda each: -(each.position.notional or 0.0)), errors, unpriced)

    async def _positions_at(
        self, account: AccountExchange, where: PositionsEndpoint
    ) -> tuple[list[Position], list[MarketError]]:
        """Page after page, at most MAX_PAGES in PAGES_S; of more, those that came, and why others did not."""
        until = self._clock.monotonic() + PAGES_S
        page, second = await races.both(self._read(account, where.first), self._second(account, where.second))
        found = finite(account.id, where.parse(page, second))
        n_pages = 1
        try:
            while (behind := where.behind(page)) is not None:
                if n_pages == MAX_PAGES:
                    raise Unavailable(account.id, f"{n_pages} pages of positions, and more", Reason.TOO_MUCH)
                async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                    page = await self._read(account, behind)
                known = set(map(_identity, found))  # one that moved between two questions may be on both pages
                more = finite(account.id, where.parse(page, second))
                found += [each for each in more if _identity(each) not in known]
                n_pages += 1
        except TimeoutError:
            return found, [Unavailable(account.id, "pages of positions", Reason.LATE)]
        except MarketError as error:
            return found, [bare(error)]
        return found, []

    async def _second(
        self, account: AccountExchange, where: Endpoint[Any] | ListEndpoint[tuple[str, float]] | None
    ) -> Any:
        """What completes positions; None where nothing has to, or it failed or is late."""
        if where is None:
            return None
        reading = self._read(account, where) if isinstance(where, Endpoint) else self._contracts(where)
        try:
            async with asyncio.timeout(SECOND_S):
                return await reading
        except (MarketError, TimeoutError):
            return None

    async def _contracts(self, endpoint: ListEndpoint[tuple[str, float]]) -> dict[str, float]:
        """A list of pairs as a dict, kept for CONTRACTS_S."""

        async def load() -> dict[str, float]:
            sizes: dict[str, float] = {}
            await self._fetcher.fetch_items(endpoint, partial(take_sole, endpoint.host.exchange, sizes))
            return sizes

        return await self._cache.get((endpoint.host.name, endpoint.target), CONTRACTS_S, load())

    async def _pnl(self, account: AccountExchange) -> _Read[Profit]:
        now_ms = int(self._clock.now() * 1000)
        lists = account.income(now_ms - 30 * DAY_MS, now_ms)
        began = self._clock.monotonic()
        held, read = await asyncio.gather(
            self._positions(account, priced=False), asyncio.gather(*(self._income(account, each) for each in lists))
        )
        errors = [*held.errors, *(error for each in read for error in each.errors)]
        since_ms = _known_since(read)
        if held.found is None and not since_ms:
            return _Read(None, errors)
        rows = [row for each in read for row in each.rows if row.kind in since_ms]
        incomes = [row for row in rows if row.time_ms >= since_ms[row.kind]]
        assets = {each.asset for each in incomes} | {each.position.asset for each in held.found or []}
        prices, unpriced = await self._priced(account, assets, began)
        valued = held.found and [_valued(each.position, prices.get(each.position.asset)) for each in held.found]
        return _Read(_profit(valued, incomes, prices, since_ms, now_ms), errors, unpriced)

    async def _income(self, account: AccountExchange, of: IncomeList) -> "_Incomes":
        """A list of income, page by page, at most MAX_PAGES in READ_S: of more, the newest."""
        rows: list[Income] = []
        cursor, whole_since_ms = "", int(self._clock.now() * 1000)
        began = self._clock.monotonic()
        for n in range(1, MAX_PAGES + 1):
            try:
                async with asyncio.timeout(max(0.0, began + READ_S - self._clock.monotonic())):
                    page = await self._read(account, of.ask(cursor))
            except TimeoutError:
                if n > 1:
                    break
                return _Incomes(of.kinds, rows, [Unavailable(account.id, "late", Reason.LATE)])
            except MarketError as error:
                return _Incomes(of.kinds, rows, [error])
            rows += page.rows
            cursor = page.cursor
            if not cursor:
                return _Incomes(of.kinds, rows, [])
            if page.whole_since_ms is not None:
                whole_since_ms = page.whole_since_ms
            if (self._clock.monotonic() - began) * (n + 1) / n > READ_S:  # the next page would come too late
                break
        return _Incomes(of.kinds, rows, [], whole_since_ms)


class _Incomes(NamedTuple):
    """whole_since_ms: of the time before it, not all rows are there; 0 when all are. kinds: as in IncomeList."""

    kinds: tuple[str, ...]
    rows: list[Income]
    errors: list[MarketError]
    whole_since_ms: int = 0


def _known_since(read: Sequence[_Incomes]) -> dict[str, int]:
    """From when on all of a kind is known, 0 for all that was asked; a kind of which a list failed is missing."""
    since_ms: dict[str, int] = {}
    for each in read:
        since_ms |= {kind: max(since_ms.get(kind, 0), each.whole_since_ms) for kind in each.kinds}
    failed = {kind for each in read if each.errors for kind in each.kinds}
    return {kind: begin for kind, begin in since_ms.items() if kind not in failed}


def _profit(
    valued: list[Valued] | None,
    incomes: Sequence[Income],
    prices: Mapping[str, float],
    since_ms: Mapping[str, int],
    now_ms: int,
) -> Profit:
    """Sums of positions and of income. since_ms: as _known_since says."""
    today_ms = now_ms - now_ms % DAY_MS
    since = {"today": today_ms, "7d": now_ms - WINDOW_MS, "30d": now_ms - DAYS_TOLD * DAY_MS}

    def total(kind: str, window: str) -> float | None:
        if kind not in since_ms or since_ms[kind] >= now_ms:
            return None
        of = [each for each in incomes if each.kind == kind and each.time_ms >= since[window]]
        amounts = [_times(each.amount, prices.get(each.asset)) for each in of]
        return None if None in amounts else sum(cast("list[float]", amounts))

    unrealised, margin = _unrealised(valued, prices)
    whole_since_ms = since_ms.get("realised", 0)
    costs_since_ms = max(since_ms.get("funding", 0), since_ms.get("fee", 0))
    assets = {each.asset for each in incomes} | {each.position.asset for each in valued or []}
    return Profit(
        unrealised=unrealised,
        unrealised_pct=unrealised / margin * 100 if unrealised is not None and margin else None,
        realised={window: total("realised", window) for window in since},
        funding=total("funding", "7d"),
        fees=total("fee", "7d"),
        whole_since_ms=whole_since_ms or None,
        by_day=_by_day(incomes, prices, today_ms, whole_since_ms) if "realised" in since_ms else None,
        unpriced=tuple(sorted(assets - prices.keys())),
        shortened=tuple(window for window, begin in since.items() if begin < whole_since_ms),
        costs_since_ms=costs_since_ms if costs_since_ms > since["7d"] else None,
    )


async def _in_time(account: AccountExchange, asked: Sequence[Awaitable[T]]) -> tuple[list[T], list[MarketError]]:
    """The answers that came in READ_S, and why others did not."""
    parts = [races.Part(account, each) for each in asked]
    await races.settled(parts, READ_S)
    errors = [each.error for each in parts if each.error is not None]
    return [cast("T", each.found) for each in parts if each.error is None], errors


def _identity(position: Position) -> tuple[str, ...]:
    return position.symbol, position.side, position.margin_mode, position.asset


def _valued(position: Position, price: float | None) -> Valued:
    """price: of what it settles in."""
    if position.notional is None:
        position = position._replace(notional=_times(position.worth, price))
    return Valued(position, _times(position.pnl, price), _times(position.funding, price))


def _times(amount: float | None, price: float | None) -> float | None:
    return None if amount is None or price is None else amount * price


def _by_day(
    incomes: Sequence[Income], prices: Mapping[str, float], today_ms: int, whole_since_ms: int
) -> tuple[tuple[int, float], ...] | None:
    """What was realised day by day, in dollars; None where an asset has no price."""
    begins = [today_ms - ago * DAY_MS for ago in reversed(range(DAYS_TOLD))]
    days = {begin: 0.0 for begin in begins if begin >= whole_since_ms}
    for each in incomes:
        dollars = _times(each.amount, prices.get(each.asset))
        day = each.time_ms - each.time_ms % DAY_MS
        if each.kind != "realised" or day not in days:
            continue
        if dollars is None:
            return None
        days[day] += dollars
    return tuple(days.items())


def _unrealised(valued: list[Valued] | None, prices: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Profit and margin of all positions, in dollars; None where one of them is not known."""
    if valued is None or any(each.pnl_usd is None for each in valued):
        return None, None
    margins = [_times(each.position.margin, prices.get(each.position.asset)) for each in valued]
    profit = sum(each.pnl_usd or 0.0 for each in valued)
    return profit, None if None in margins else sum(cast("list[float]", margins))


def variables(exchange: str) -> tuple[str, ...]:
    """The environment variables of an exchange's key."""
    return tuple(f"{exchange.upper()}_{part}" for part in ACCOUNTS[exchange].key_parts)
