"""What a tick asks (figures.Quotes), of the market and the accounts: few symbols singly, more of them by one list.

The market's own cache, budgets and circuits serve here as everywhere. One exchange is asked and no other: an alert
belongs to the market that it names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from accounts import Accounts, Part, Valued
from answers.judging import Holding
from exchanges.endpoints import ListEndpoint
from exchanges.errors import MarketError, NoKeys, PartName, UnknownSymbol
from exchanges.exchange import Exchange
from exchanges.symbols import are_of_one_coin, coin_symbol, in_quotes
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Snapshot, Ticker, per_8h
from market import Market
from render.figures import shortened
from render.sentences import exchange_name
from store.words import Store
from watchman.figures import Held, Spread

T = TypeVar("T")

FEW = 5  # symbols at one exchange that are asked for singly: less than a list of 650
AT_ONCE = 8  # single questions side by side
HOLDINGS_S = 5.0  # for all accounts: below a tick's time, so that one that hangs hides no other
MAX_FINE = 98  # rows of five minutes: OKX tells a hundred


class MarketQuotes:
    """figures.Quotes over a Market and Accounts; a store for liquidations that are kept."""

    def __init__(self, market: Market, accounts: Accounts, store: Store | None = None) -> None:
        self._market, self._accounts, self._store = market, accounts, store

    async def prices(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        endpoint = EXCHANGES[exchange].prices(kind, self._market.now_ms())
        if endpoint is not None and len(symbols) > FEW and not any(map(_is_typed_with_its_thousand, symbols)):
            return await self._by_price_list(EXCHANGES[exchange], kind, endpoint, symbols)
        tickers = await self._tickers(EXCHANGES[exchange], kind, symbols)
        return {symbol: ticker.last for symbol, ticker in tickers.items()}

    async def changes(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        tickers = await self._tickers(EXCHANGES[exchange], kind, symbols)
        return {symbol: each.change_pct for symbol, each in tickers.items() if each.change_pct is not None}

    async def fundings(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        perps = await self._perps(EXCHANGES[exchange], symbols, PartName.FUNDING)
        rates = {symbol: per_8h(perp.funding) for symbol, perp in perps.items()}
        return {symbol: rate * 100.0 for symbol, rate in rates.items() if rate is not None}

    async def open_interests(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        perps = await self._perps(EXCHANGES[exchange], symbols, PartName.OPEN_INTEREST)
        coins = {symbol: perp.open_interest and perp.open_interest.open_interest for symbol, perp in perps.items()}
        return {symbol: amount for symbol, amount in coins.items() if amount is not None}

    async def bases(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        asked = (self.prices(exchange, kind, symbols) for kind in ("perp", "spot"))
        perps, spots = await asyncio.gather(*asked)
        both = [each for each in symbols if each in perps and each in spots]
        alike = [each for each in both if are_of_one_coin(perps[each], spots[each])]
        return {each: (perps[each] / spots[each] - 1.0) * 100.0 for each in alike}

    async def spreads(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, Spread]:
        from answers.gaps import gaps_at  # where somebody waits for one
        from answers.spread import sides_of

        gaps = await gaps_at(self._market, EXCHANGES[exchange], kind, symbols)
        return {symbol: Spread(gap.bps, sides_of(gap)) for symbol, gap in gaps.items()}

    async def liquidations(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        from answers.liq import liquidated  # where somebody waits for them

        async def ask(of: str) -> float:
            symbol, span = of.split(" ")
            return await liquidated(self._market, EXCHANGES[exchange], symbol, int(span[:-1]), self._store)

        return await _singly(symbols, ask)

    async def candles(self, exchange: str, kind: str, symbol: str, interval: str, n_candles: int) -> Candles:
        return await self._market.candles(EXCHANGES[exchange], symbol, kind, interval, n_candles)

    async def open_interest_history(self, exchange: str, symbol: str, n_minutes: int) -> Sequence[tuple[int, float]]:
        """Every five minutes, as far as that is told at once; of full hours before."""
        of = EXCHANGES[exchange]
        spellings = self._market.spellings(of, "perp", symbol)
        async for listing in spellings:
            with spellings:
                if not of.has("open_interest_history", listing.kind, listing.quote):
                    return []
                sized = await self._market.sized(of, listing, "perp")
                fine = list(
                    await self._market.open_interest_history(of, sized, min(MAX_FINE, n_minutes // 5 + 2), "5m")
                )
                if n_minutes // 5 + 2 <= MAX_FINE or not fine:
                    return fine
                coarse = await self._market.open_interest_history(of, sized, n_minutes // 60 + 2)
                return [each for each in coarse if each[0] < fine[0][0]] + fine
        raise spellings.unknown

    async def holdings(self) -> Held:
        try:
            parts = await self._accounts.positions(deadline_s=HOLDINGS_S, priced=False)
        except NoKeys:
            return Held()
        held = [_holding(part.exchange, each) for part in parts for each in part.found or []]
        whole = [part.exchange for part in parts if _is_whole(part)]
        lacking = [part.exchange for part in parts if part.exchange not in whole]
        return Held(held, whole, lacking)

    async def _by_price_list(
        self, exchange: Exchange, kind: str, endpoint: ListEndpoint[tuple[str, float | None]], symbols: Sequence[str]
    ) -> Mapping[str, float]:
        """Of the smallest list that there is; of the rows only those that are wanted stay in memory.

        A contract on many stands in for a coin that is not listed by itself; not where that only has no price of now,
        as it may be another coin's.
        """
        wanted = {symbol: in_quotes(symbol, exchange.quotes.get(kind, ())) for symbol in symbols}
        coins = frozenset(wanted.values())  # fewer, where one market stands for two dollars
        listed: dict[str, float | None] = {}
        twice = set[str]()  # coins

        def take(rows: list[tuple[str, float | None]]) -> None:
            for name, price in rows:
                coin, _ = coin_symbol(name)
                if coin in coins and listed.setdefault(name, price) != price:
                    twice.add(coin)

        await self._market.fetcher.fetch_items(endpoint, take)
        found: dict[str, float | None] = {name: price for name, price in listed.items() if name in coins}
        for name, price in listed.items():
            found.setdefault(coin_symbol(name)[0], price)
        told = {symbol: found.get(coin) for symbol, coin in wanted.items() if coin not in twice}
        return {symbol: price for symbol, price in told.items() if price is not None}

    async def _tickers(self, exchange: Exchange, kind: str, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        has_list = "ticker" in exchange.tickers(kind, self._market.now_ms())
        is_singly = len(symbols) <= FEW or any(map(_is_typed_with_its_thousand, symbols))
        if not has_list or (is_singly and not (exchange.is_told_in_list and kind == "perp")):
            return await _singly(symbols, lambda symbol: self._ticker(exchange, kind, symbol))
        listed = await self._market.listing(exchange, kind)
        found = _of_list(exchange, kind, listed, symbols)
        return {symbol: each.ticker for symbol, each in found.items() if each.ticker is not None}

    async def _ticker(self, exchange: Exchange, kind: str, symbol: str) -> Ticker | None:
        """The ticker and nothing else of a market."""
        if kind == "spot":
            return (await self._market.spot_at(exchange, symbol)).snapshot.ticker
        spellings = self._market.spellings(exchange, "perp", symbol)
        async for of in spellings:
            with spellings:
                sized = await self._market.sized(exchange, of, "perp")
                return (await self._market.cached(exchange.perp(sized)["ticker"], per=sized.multiplier)).ticker
        raise spellings.unknown

    async def _perps(self, exchange: Exchange, symbols: Sequence[str], part: PartName) -> Mapping[str, Snapshot]:
        """With that part: by a list where the exchange has one and there are many, else singly."""
        lists = exchange.tickers("perp", self._market.now_ms())
        is_told_in_list = exchange.is_told_in_list or part in lists or list(lists) == ["ticker"]
        if is_told_in_list and len(symbols) > FEW and not any(map(_is_typed_with_its_thousand, symbols)):
            listed = await self._market.listing(exchange, "perp", part)
            return _of_list(exchange, "perp", listed, symbols)

        async def ask(symbol: str) -> Snapshot:
            return (await self._market.perp_at(exchange, symbol)).snapshot

        return await _singly(symbols, ask)


def _is_typed_with_its_thousand(symbol: str) -> bool:
    """1000CAT-USDT beside another CAT: told as it is listed, which lists do only where both coins are in them."""
    return coin_symbol(symbol)[1] != 1


async def _singly(symbols: Sequence[str], ask: Callable[[str], Awaitable[T | None]]) -> dict[str, T]:
    """What is told of each. Raises MarketError when nothing is told of any, and it is not that they are not listed."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def in_turn(symbol: str) -> T | MarketError | None:
        async with turn:
            try:
                return await ask(symbol)
            except MarketError as error:
                return error

    answers = await asyncio.gather(*(in_turn(symbol) for symbol in symbols))
    found = {each: told for each, told in zip(symbols, answers, strict=True) if not isinstance(told, MarketError)}
    failed = [each for each in answers if isinstance(each, MarketError) and not isinstance(each, UnknownSymbol)]
    if failed and not found:
        raise failed[0]
    return {symbol: told for symbol, told in found.items() if told is not None}


def _of_list(
    exchange: Exchange, kind: str, listed: Mapping[str, Snapshot], symbols: Sequence[str]
) -> dict[str, Snapshot]:
    """Those that were asked for, under the names by which they were."""
    found = {symbol: listed.get(in_quotes(symbol, exchange.quotes.get(kind, ()))) for symbol in symbols}
    return {symbol: each for symbol, each in found.items() if each is not None}


def _holding(exchange: str, valued: Valued) -> Holding:
    each, distance_pct = valued.position, None
    if each.mark and each.liquidation:
        distance_pct = abs(each.mark - each.liquidation) / each.mark * 100.0
    words = [exchange, each.symbol, each.side]
    if each.margin_mode:  # one contract held twice: two positions, each with a liquidation of its own
        words += [each.margin_mode, each.asset]
    is_isolated = each.margin_mode == "isolated"
    label = f"{shortened(each.base, 8)} {each.side} · {exchange_name(exchange)}{' isolated' * is_isolated}"
    return Holding(" ".join(words), label, each.notional, distance_pct, each.pnl_pct)


def _is_whole(part: Part[list[Valued]]) -> bool:
    return part.found is not None and not part.errors
