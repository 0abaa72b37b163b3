"""The one market that all exchanges of the offline world agree on.

Every figure is a function of the seed and of time, so that the same moment gives the same
market in every process, on every exchange, and for as long as one looks. Prices are sums of
slow and fast waves; volume comes minute by minute.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import NamedTuple

WAVES = ((780, 0.0004), (3600, 0.002), (5 * 3600, 0.006), (86400, 0.015), (9 * 86400, 0.05), (40 * 86400, 0.1))
DAY = 1440  # minutes


class Coin(NamedTuple):
    """A coin: dollars a piece, tick, dollars traded a day and of open interest; 0 where there is no such market."""

    base: str
    price: float
    tick: float
    spot_usd: float
    perp_usd: float
    interest_usd: float
    funding_h: int = 8
    multiplier: int = 1  # of the perpetual contract, where the exchange trades by the thousand
    only_on: tuple[str, ...] = ()


COINS = (
    Coin("BTC", 67_400, 0.1, 1.6e9, 21e9, 5.5e9),
    Coin("ETH", 3_450, 0.01, 0.9e9, 14e9, 3.9e9),
    Coin("SOL", 148, 0.01, 0.42e9, 4.1e9, 1.1e9),
    Coin("XRP", 0.5231, 0.0001, 0.2e9, 1.2e9, 0.41e9),
    Coin("BNB", 580, 0.1, 0.15e9, 0.61e9, 0.3e9),
    Coin("DOGE", 0.12431, 0.00001, 0.12e9, 0.9e9, 0.33e9),
    Coin("ADA", 0.4411, 0.0001, 61e6, 0.31e9, 0.12e9),
    Coin("LINK", 14.12, 0.001, 41e6, 0.2e9, 88e6),
    Coin("JUP", 0.8123, 0.0001, 22e6, 0.11e9, 41e6, 4),
    Coin("SUPER", 0.6134, 0.0001, 5e6, 21e6, 8e6, 4),
    Coin("PEPE", 0.00001234, 0.00000001, 0.1e9, 0.51e9, 0.14e9, 8, 1000),
    Coin("SHIB", 0.00002301, 0.00000001, 60e6, 0.2e9, 0.1e9, 8, 1000),
    Coin("USDC", 1.0002, 0.0001, 0.8e9, 0, 0),
    Coin("HYPE", 31.2, 0.001, 0, 0.4e9, 0.2e9, 1),
    Coin("OKB", 48.1, 0.01, 9e6, 0, 0, only_on=("okx",)),
)
SHARES = {"binance": 1.0, "bybit": 0.45, "okx": 0.35}  # of what the table above says
SHIFT = {"binance": 0.0, "bybit": 0.00006, "okx": -0.00005}  # of the price
BASIS = -0.0004  # of a perpetual against spot


class Day(NamedTuple):
    """One market over its last 24 hours. Prices in quote, volume in base, turnover in quote."""

    last: float
    open: float
    high: float
    low: float
    volume: float
    turnover: float
    bid: float
    ask: float


class Market:
    """The market as a function of time. clock gives seconds since 1970."""

    def __init__(self, seed: int = 7, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.coins = {coin.base: coin for coin in COINS}
        self._phases = {
            coin.base: [random.Random(f"{seed}{coin.base}{i}").uniform(0, math.tau) for i in range(len(WAVES))]
            for coin in COINS
        }
        self._days: dict[tuple[str, int], tuple[float, float, float, float, float]] = {}

    def lists(self, exchange: str, base: str, market: str) -> Coin | None:
        coin = self.coins.get(base)
        if coin is None or (coin.only_on and exchange not in coin.only_on):
            return None
        return coin if (coin.spot_usd if market == "spot" else coin.perp_usd) else None

    def price(self, base: str, at_s: float) -> float:
        coin = self.coins[base]
        if base == "USDC":
            return coin.price
        phases = self._phases[base]
        return coin.price * math.exp(
            sum(a * math.sin(math.tau * at_s / T + p) for (T, a), p in zip(WAVES, phases, strict=True))
        )

    def day(self, exchange: str, base: str, market: str, multiplier: int = 1) -> Day:
        """The last 24 hours of a market. multiplier: prices are per so many coins, volume counts so many."""
        coin, now = self.coins[base], self.clock()
        factor = (1 + SHIFT[exchange]) * (1 + (BASIS if market == "perp" else 0)) * multiplier
        tick = coin.tick * (multiplier if multiplier > 1 else 1)
        high, low, open_, weight, turnover = self._day_of(base, int(now // 60))
        last = self.price(base, now)
        dollars = (coin.spot_usd if market == "spot" else coin.perp_usd) * SHARES[exchange]
        coins = dollars / coin.price

        def rounded(price: float) -> float:
            return round(price * factor / tick) * tick

        return Day(
            last=rounded(last),
            open=rounded(open_),
            high=rounded(max(high, last)),
            low=rounded(min(low, last)),
            volume=coins * weight / multiplier,
            turnover=coins * turnover,
            bid=rounded(last) - tick,
            ask=rounded(last) + tick,
        )

    def interest(self, exchange: str, base: str) -> float:
        """Open interest, one side, in coins; it breathes by a few percent."""
        coin = self.coins[base]
        return coin.interest_usd * SHARES[exchange] / coin.price * (1 + 0.03 * math.sin(self.clock() / 7000))

    def funding(self, base: str) -> tuple[float, int, int]:
        """Rate per period, hours of a period, and when it is due next, in ms."""
        hours = self.coins[base].funding_h
        period = hours * 3600
        rate = 0.0001 * hours / 8 * (1 + 0.6 * math.sin(self.clock() / 9000 + len(base)))
        return rate, hours, int((self.clock() // period + 1) * period * 1000)

    def _day_of(self, base: str, minute: int) -> tuple[float, float, float, float, float]:
        """high, low, open, volume and turnover (both as shares of an ordinary day) of the 24 h before a minute."""
        found = self._days.get((base, minute))
        if found is None:
            prices = [self.price(base, (minute - each) * 60) for each in range(0, DAY, 5)]
            weights = [_activity(base, (minute - each) // 5) / (DAY / 5) for each in range(0, DAY, 5)]
            turnover = sum(price * weight for price, weight in zip(prices, weights, strict=True))
            found = (max(prices), min(prices), prices[-1], sum(weights), turnover)
            if len(self._days) > 500:
                self._days.clear()
            self._days[base, minute] = found
        return found


def _activity(base: str, slot: int) -> float:
    """How busy a stretch of time is, around 1: busier in the afternoon (UTC), and never twice the same."""
    noise = (hash((len(base), slot * 2654435761)) & 0xFFFF) / 0xFFFF
    return (1 + 0.4 * math.sin(slot * 300 / 86400 * math.tau - 2)) * (0.6 + 0.8 * noise)
