"""What an asset of the owner's is worth: dollars of one unit, at its own exchange first.

A few assets are asked for one by one. More of them are answered by one list of prices per exchange, whatever their
number and their names. An asset that no list has is remembered as such for UNLISTED_S, and costs nothing meanwhile.

Memory: a price per asset of an exchange (some 100 bytes), for LISTING_S, in the market's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from asking import races
from asking.lists import LISTING_S
from asking.races import all_answers
from exchanges.errors import MarketError, NotSupported, UnknownSymbol
from exchanges.joined import take_once
from exchanges.symbols import are_of_one_coin, coin_symbol, split
from exchanges.table import AccountExchange, Exchange
from exchanges.words import CREDITS, DOLLARS, Snapshot
from market import Market

FEW = 3  # assets that cost less one by one
MAX_ONE_BY_ONE = 100  # where the own exchange's list is not to be had
UNLISTED_S = 3600.0
FAILED_S = 60.0  # a list that failed is left alone for so long
LISTS_S = races.DEADLINE_S / 2


class Prices:
    """Prices of assets in dollars, and which assets have none."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._unlisted: dict[tuple[str, str], float] = {}  # exchange or "" for all, asset: until when, monotonic

    async def of(
        self, account: AccountExchange, assets: set[str], timeout_s: float = races.DEADLINE_S
    ) -> dict[str, float]:
        """Of the assets that have a price. Never raises a MarketError: what is not known in timeout_s is missing.

        A step has half of what is left of it, as the next one is for what that did not tell.
        """
        until = self._market.clock.monotonic() + timeout_s
        found = {asset: 1.0 for asset in assets if asset in DOLLARS or asset in CREDITS}
        left = {asset for asset in assets - found.keys() if not self._is_unlisted("", asset)}
        if len(left) <= FEW:
            found |= await self._last_prices(left, self._left_s(until, 2))
            left -= found.keys()
        if not left:
            return found
        own = await self._list_of(account, self._left_s(until, 2))
        found |= {asset: own[asset] for asset in left if own and asset in own}
        left -= found.keys()
        if left:
            found |= await self._elsewhere(account, left, self._left_s(until, 1), has_own=bool(own))
        return found

    def _left_s(self, until: float, n_steps: int) -> float:
        """For one of so many steps until then."""
        return min(LISTS_S, max(0.0, until - self._market.clock.monotonic()) / n_steps)

    async def _last_prices(self, assets: Iterable[str], timeout_s: float) -> dict[str, float]:
        """One by one, at any exchange."""
        assets = list(assets)
        last = await asyncio.gather(*(self._market.last_price(f"{asset}-USDT", timeout_s) for asset in assets))
        return {asset: price for asset, price in zip(assets, last, strict=True) if price is not None}

    async def _elsewhere(
        self, account: AccountExchange, assets: set[str], timeout_s: float, *, has_own: bool
    ) -> dict[str, float]:
        """Of assets that the own exchange does not list, or whose list there is not to be had."""
        others = [each for each in self._market.offering("spot") if each.id != account.id]
        asked = {each.id: self._list_of(each) for each in others}
        (lists, failed), at_home = await asyncio.gather(
            all_answers(asked, timeout_s), _nothing() if has_own else self._one_by_one(account, assets, timeout_s)
        )
        listed = {name: prices for name, prices in lists.items() if prices}
        agreed = {asset: price for asset in assets if (price := _agreed(asset, listed.values())) is not None}
        if has_own and not failed and all(prices is not None for prices in lists.values()):
            self._note_unlisted("", (each for each in assets if not any(each in prices for prices in listed.values())))
        return agreed | at_home

    async def _one_by_one(self, account: AccountExchange, assets: set[str], timeout_s: float) -> dict[str, float]:
        """At the own exchange; what it does not list is remembered."""
        asked = sorted(asset for asset in assets if not self._is_unlisted(account.id, asset))[:MAX_ONE_BY_ONE]
        prices = await asyncio.gather(*(self._at_home(account, asset, timeout_s) for asset in asked))
        return {asset: price for asset, price in zip(asked, prices, strict=True) if price is not None}

    async def _at_home(self, account: AccountExchange, asset: str, timeout_s: float) -> float | None:
        try:
            async with asyncio.timeout(timeout_s):
                ticker = (await self._market.spot_at(account, f"{asset}-USDT", exact=True)).snapshot.ticker
            return ticker.last if ticker is not None else None
        except UnknownSymbol:
            self._note_unlisted(account.id, [asset])
        except (MarketError, TimeoutError):
            pass  # it has no price then, which is said
        return None

    async def _list_of(self, exchange: Exchange, timeout_s: float = LISTS_S) -> dict[str, float] | None:
        """Prices by asset; {} where the exchange has no such list, None where it failed or is late."""
        market, what = self._market, f"prices of {exchange.id}"
        if not market.may_ask(what):
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await market.cached_load((exchange.id, "prices"), LISTING_S, self._load(exchange))
        except NotSupported:
            return {}
        except (MarketError, TimeoutError):
            market.leave_alone(what, FAILED_S)
            return None

    async def _load(self, exchange: Exchange) -> dict[str, float]:
        endpoint = exchange.tickers("spot", self._market.now_ms()).get("ticker")
        if endpoint is None:
            raise NotSupported(exchange.id, "no list of spot tickers")
        told: dict[str, tuple[float, float]] = {}  # by symbol: turnover, price
        twice = set[str]()

        def take(rows: list[tuple[str, Snapshot]]) -> None:
            tickers = [(symbol, found.ticker) for symbol, found in rows if split(symbol)[1] in DOLLARS]
            twice.update(take_once(told, [(symbol, (of.quote_volume or 0.0, of.last)) for symbol, of in tickers if of]))

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


def _agreed(asset: str, lists: Iterable[dict[str, float]]) -> float | None:
    """The first list's price; None where another one's is far from it: then the name means two coins."""
    prices = [each[asset] for each in lists if asset in each]
    return prices[0] if prices and all(are_of_one_coin(each, prices[0]) for each in prices) else None


async def _nothing() -> dict[str, float]:
    return {}
