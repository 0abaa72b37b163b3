"""What an asset of the owner's is worth: dollars of one unit, at its own exchange first.

A few assets are asked for one by one. More of them are answered by one list of prices per exchange, whatever their
number and their names; so is what their own exchange does not list. Where that has not said so, the name may mean
another coin elsewhere: then two exchanges have to agree, unless it is unmistakable. An old price is none.
An asset that no list has is remembered as such for UNLISTED_S, and costs nothing meanwhile.

Memory: a price per asset of an exchange (some 100 bytes), for LISTING_S, in the market's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from asking import races
from asking.lists import LISTING_S
from asking.races import all_answers
from exchanges.errors import MarketError, NotSupported, Reason, Unavailable, UnknownSymbol, bare, is_not_there
from exchanges.joined import take_once
from exchanges.symbols import UNMISTAKABLE, are_of_one_coin, coin_symbol, split
from exchanges.table import AccountExchange, Exchange
from exchanges.words import CREDITS, DOLLARS, Snapshot
from market import Market

FEW = 3  # assets that cost less one by one
MAX_ONE_BY_ONE = 100  # where the own exchange's list is not to be had
UNLISTED_S = 3600.0
FAILED_S = 60.0  # a list that failed is left alone for so long
LISTS_S = races.DEADLINE_S / 2


class Priced(NamedTuple):
    """Of the assets that have a price; and why others have none, where that could not be read."""

    prices: dict[str, float]
    failed: tuple[MarketError, ...]


class Prices:
    """Prices of assets in dollars, and which assets have none."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._unlisted: dict[tuple[str, str], float] = {}  # exchange or "" for all, asset: until when, monotonic
        self._failed: dict[str, MarketError] = {}  # by exchange, the last time

    async def of(self, account: AccountExchange, assets: set[str], timeout_s: float = races.DEADLINE_S) -> Priced:
        """Never raises a MarketError: what is not known in timeout_s is missing.

        A step has half of what is left of it, as the next one is for what that did not tell.
        """
        until = self._market.clock.monotonic() + timeout_s
        found = {asset: 1.0 for asset in assets if asset in DOLLARS or asset in CREDITS}
        left = {asset for asset in assets - found.keys() if not self._is_unlisted("", asset)}
        if not left:
            return Priced(found, ())
        if len(left) <= FEW:
            own = await self._one_by_one(account, left, self._left_s(until, 2))
            unlisted = {asset for asset in left - own.keys() if self._is_unlisted(account.id, asset)}
        else:
            prices = await self._list_of(account, self._left_s(until, 2)) or {}
            own = {asset: prices[asset] for asset in left if asset in prices}
            unlisted = left - own.keys() if prices else set()
        left -= own.keys()
        if left:
            ask_home = len(left) > FEW and not unlisted  # whose list is not to be had
            found |= await self._elsewhere(account, left, self._left_s(until, 1), unlisted, ask_home=ask_home)
        failed = self._failed.values() if left - found.keys() else ()
        return Priced(found | own, tuple(failed))

    def _left_s(self, until: float, n_steps: int) -> float:
        """For one of so many steps until then."""
        return min(LISTS_S, max(0.0, until - self._market.clock.monotonic()) / n_steps)

    async def _elsewhere(
        self, account: AccountExchange, assets: set[str], timeout_s: float, unlisted: set[str], *, ask_home: bool
    ) -> dict[str, float]:
        """Of assets that the own exchange does not list, which are those unlisted, or of which it told nothing."""
        others = [each for each in self._market.offering("spot") if each.id != account.id]
        asked = {each.id: self._list_of(each) for each in others}
        (lists, failed), at_home = await asyncio.gather(
            all_answers(asked, timeout_s), self._one_by_one(account, assets, timeout_s) if ask_home else _nothing()
        )
        self._failed |= failed
        listed = [prices for prices in lists.values() if prices]
        unlisted = unlisted | {asset for asset in assets if self._is_unlisted(account.id, asset)}
        agreed = {
            asset: price
            for asset in assets
            if (price := _agreed(asset, listed, 1 if asset in unlisted | UNMISTAKABLE else 2)) is not None
        }
        if not failed and all(prices is not None for prices in lists.values()):
            self._note_unlisted("", (each for each in unlisted if not any(each in prices for prices in listed)))
        return agreed | at_home

    async def _one_by_one(self, account: AccountExchange, assets: set[str], timeout_s: float) -> dict[str, float]:
        """At the own exchange; what it does not list is remembered."""
        asked = sorted(asset for asset in assets if not self._is_unlisted(account.id, asset))[:MAX_ONE_BY_ONE]
        exact = len(asked) > FEW  # in one dollar each
        prices = await asyncio.gather(*(self._at_home(account, asset, timeout_s, exact=exact) for asset in asked))
        return {asset: price for asset, price in zip(asked, prices, strict=True) if price is not None}

    async def _at_home(self, account: AccountExchange, asset: str, timeout_s: float, *, exact: bool) -> float | None:
        try:
            async with asyncio.timeout(timeout_s):
                ticker = (await self._market.spot_at(account, f"{asset}-USDT", exact=exact)).snapshot.ticker
            self._failed.pop(account.id, None)
            return None if ticker is None or ticker.is_old(self._market.now_ms()) else ticker.last
        except UnknownSymbol:
            self._failed.pop(account.id, None)
            self._note_unlisted(account.id, [asset])
        except MarketError as error:
            self._note_failed(account, error)
        except TimeoutError:
            self._note_failed(account, Unavailable(account.id, "late", Reason.LATE))
        return None

    def _note_failed(self, exchange: Exchange, error: MarketError) -> None:
        if not is_not_there(error):  # not traded yet, or halted: nothing failed
            self._failed[exchange.id] = bare(error)

    async def _list_of(self, exchange: Exchange, timeout_s: float = LISTS_S) -> dict[str, float] | None:
        """Prices by asset; {} where the exchange has no such list, None where it failed or is late."""
        market, what = self._market, f"prices of {exchange.id}"
        if not market.may_ask(what):
            return None
        try:
            async with asyncio.timeout(timeout_s):
                prices = await market.cached_load((exchange.id, "prices"), LISTING_S, self._load(exchange))
            self._failed.pop(exchange.id, None)
            return prices
        except NotSupported:
            return {}
        except MarketError as error:
            self._note_failed(exchange, error)
        except TimeoutError:
            self._note_failed(exchange, Unavailable(exchange.id, "late", Reason.LATE))
        market.leave_alone(what, FAILED_S)
        return None

    async def _load(self, exchange: Exchange) -> dict[str, float]:
        now_ms = self._market.now_ms()
        endpoint = exchange.tickers("spot", now_ms).get("ticker")
        if endpoint is None:
            raise NotSupported(exchange.id, "no list of spot tickers")
        told: dict[str, tuple[float, float]] = {}  # by symbol: turnover, price
        twice = set[str]()

        def take(rows: list[tuple[str, Snapshot]]) -> None:
            tickers = [(symbol, found.ticker) for symbol, found in rows if split(symbol)[1] in DOLLARS]
            new = [(symbol, of) for symbol, of in tickers if of is not None and not of.is_old(now_ms)]
            twice.update(take_once(told, [(symbol, (of.quote_volume or 0.0, of.last)) for symbol, of in new]))

        await self._market.stream(endpoint, take)
        best: dict[str, tuple[float, float]] = {}  # by asset
        for symbol in told.keys() - twice:
            base, (turnover, price) = split(symbol)[0], told[symbol]
            if "spot" in exchange.multiplied:  # told per coin, while a wallet counts what is named 1000SATS
                price *= coin_symbol(symbol)[1]
            best[base] = max(best.get(base, (-1.0, 0.0)), (turnover, price))
        return {base: price for base, (_, price) in best.items()}

    def _is_unlisted(self, exchange: str, asset: str) -> bool:
        return self._unlisted.get((exchange, asset), 0.0) > self._market.clock.monotonic()

    def _note_unlisted(self, exchange: str, assets: Iterable[str]) -> None:
        now = self._market.clock.monotonic()
        self._unlisted = {key: until for key, until in self._unlisted.items() if until > now}
        self._unlisted |= {(exchange, asset): now + UNLISTED_S for asset in assets}


def _agreed(asset: str, lists: Iterable[dict[str, float]], n_needed: int) -> float | None:
    """The first list's price, of n_needed at least; None where another one's is far: then the name means two coins."""
    prices = [each[asset] for each in lists if asset in each]
    return prices[0] if len(prices) >= n_needed and all(are_of_one_coin(each, prices[0]) for each in prices) else None


async def _nothing() -> dict[str, float]:
    return {}
