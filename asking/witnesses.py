"""What is known of each market's price, and answers that are held against it.

An answer that states no market is believed only as far as one that does (exchanges/anothers.py). That one is asked
for beside it, and not at all where the market was seen within FRESH_S: most answers ask for the price anyhow.

Where the witness fails, the last that was seen of the market serves, and then the coin's prices elsewhere. With none
of them the answer is believed, and nothing is said of it: an exchange that lies is rare, and one whose ticker fails is
not. But a witness that is itself about another market is no failure: then neither is believed, as whoever mixes up the
one mixes up the other.

Memory: the markets of at most MAX_COINS coins, some 200 bytes each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from asking.kept import Kept
from asking.races import start
from exchanges.anothers import Seen, refuse_candles, refuse_flow, refuse_history, refuse_other_last
from exchanges.errors import LongQuiet, MarketError, Reason, UnknownSymbol, WrongMarket
from exchanges.exchange import Exchange
from exchanges.joined import named
from exchanges.symbols import are_of_one_coin, split
from exchanges.words import COIN, DOLLARS, Candles, Flow, Listing, Snapshot, Ticker

T = TypeVar("T")
U = TypeVar("U")
FRESH_S = 60.0  # that a price serves as one of now: candles have a range, and reach back to when it was seen
KEPT_S = 3600.0  # that it serves where there is no newer one
LATE_S = 1.0  # that an answer which is there waits for its witness
ENDING_S = 0.1  # that an answer which failed waits for it
MAX_COINS = 256
DAY_S = 86_400.0  # of which tickers tell the volume


class _Of(NamedTuple):
    exchange: str
    kind: str
    listed: str
    multiplier: int  # as the same contract is asked for per coin, and as it is listed


class Witnesses:
    """The markets that were seen, by coin; the coin that was seen longest ago is forgotten first."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._seen: dict[tuple[str, str], dict[_Of, Seen]] = {}

    def saw(self, exchange: Exchange, of: Listing, ticker: Ticker | None) -> None:
        """Keeps where a market stands, by an answer that states it."""
        if ticker is None:
            return
        coin = _coin(of)
        markets = self._seen.pop(coin, {})
        markets[_Of(exchange.id, of.kind, of.listed, of.multiplier)] = Seen(
            ticker.last, ticker.base_volume, self._kept.now_ms()
        )
        if len(self._seen) >= MAX_COINS:
            del self._seen[next(iter(self._seen))]
        self._seen[coin] = markets

    def forget(self) -> None:
        self._seen.clear()

    async def spot(self, exchange: Exchange, of: Listing, *, is_one_of_many: bool = False) -> Ticker:
        """A spot market's ticker; where it states no market, held against another answer that tells the last trade,
        and of that trade's time.

        is_one_of_many: whether others are asked for the coin, too. Then it has to stand near to where it stood there:
        where it does not, it is another coin of that name, or both answers were another market's. Raises MarketError.
        """
        asked, again = self._kept.cached(exchange.spot(of), per=of.multiplier), exchange.last_again(of)
        if again is None:
            ticker = await asked
        else:
            told_again = self._kept.cached(again)
            ticker, last = await beside(asked, told_again)
            refuse_other_last(ticker, last and last.price)
            ticker = ticker._replace(time_ms=ticker.time_ms or (last.time_ms if last is not None else 0))
            prices = [each.last for each in self._elsewhere(of)] if is_one_of_many or last is None else []
            if prices and not any(are_of_one_coin(ticker.last, each) for each in prices):
                raise UnknownSymbol(exchange.id, f"{of.listed} at {ticker.last:g} is another coin", Reason.NAMESAKE)
        self._refuse_quiet(ticker)
        self.saw(exchange, of, ticker)
        return ticker

    def _refuse_quiet(self, ticker: Ticker) -> None:
        """Raises LongQuiet for a price of nobody knows when, which is not of the last day: it would pass for news."""
        if not ticker.time_ms and ticker.base_volume == 0:
            since = datetime.fromtimestamp(self._kept.now_ms() / 1000 - DAY_S, UTC).strftime("%Y-%m-%d")
            raise LongQuiet(ticker.exchange, f"{ticker.symbol} has had no trades for a day", since)

    async def candles(self, exchange: Exchange, of: Listing, work: Awaitable[Candles]) -> Candles:
        """What the work gives, held against the market's price, or else the coin's. Raises MarketError."""
        if "candles" not in exchange.unnamed.get(of.kind, ()):
            return await work
        candles, seen = await self._with_witness(exchange, of, work)
        refuse_candles(candles, *([seen] if seen is not None else self._elsewhere(of)))
        return candles

    async def flow(self, exchange: Exchange, of: Listing, work: Awaitable[Flow]) -> Flow:
        """What the work gives, held against what was traded in a day. Raises MarketError."""
        if "flow" not in exchange.unnamed.get(of.kind, ()):
            return await work
        flow, seen = await self._with_witness(exchange, of, work)
        if seen is not None:
            refuse_flow(flow, seen)
        return flow

    async def history(
        self, exchange: Exchange, of: Listing, work: Awaitable[list[tuple[int, float]]]
    ) -> Sequence[tuple[int, float]]:
        """Open interest of the past, which the work gives, held against that of now. Raises MarketError."""
        if "open_interest_history" not in exchange.unnamed.get(of.kind, ()):
            rows, now = await work, None
        else:
            rows, now = await beside(work, self._open_interest(exchange, of))
        refuse_history(exchange.id, of.listed, rows, now)
        return rows

    async def _with_witness(self, exchange: Exchange, of: Listing, work: Awaitable[T]) -> tuple[T, Seen | None]:
        """What the work gives, and where the market stands, or stood."""
        if (seen := self._seen_within(FRESH_S, exchange, of)) is not None:
            return await work, seen
        found, ticker = await beside(work, self._ticker(exchange, of))
        self.saw(exchange, of, ticker)
        return found, self._seen_within(KEPT_S, exchange, of)

    def _seen_within(self, seconds: float, exchange: Exchange, of: Listing) -> Seen | None:
        seen = self._seen.get(_coin(of), {}).get(_Of(exchange.id, of.kind, of.listed, of.multiplier))
        return seen if seen is not None and self._is_within(seconds, seen) else None

    def _elsewhere(self, of: Listing) -> list[Seen]:
        """Where the coin's markets stood, at all exchanges, spot and perpetuals."""
        return [each for each in self._seen.get(_coin(of), {}).values() if self._is_within(KEPT_S, each)]

    def _is_within(self, seconds: float, seen: Seen) -> bool:
        return 0 <= self._kept.now_ms() - seen.at_ms <= seconds * 1000

    async def _ticker(self, exchange: Exchange, of: Listing) -> Ticker | None:
        """Of a list that is there, or asked for by itself."""
        if (listed := named(self._kept.kept_list(exchange, of.kind), of.symbol)) is not None:
            return listed.ticker
        if of.kind == "spot":
            return await self.spot(exchange, of)
        return (await self._perp(exchange, of, "ticker")).ticker

    async def _open_interest(self, exchange: Exchange, of: Listing) -> float | None:
        """In coins, where the exchange tells it so."""
        interest = (await self._perp(exchange, of, "open_interest")).open_interest
        return interest and interest.open_interest

    async def _perp(self, exchange: Exchange, of: Listing, part: str) -> Snapshot:
        """The answer that has a part of a perpetual."""
        if exchange.is_told_in_list:
            return (await self._kept.listing(exchange, of.kind)).get(of.symbol, Snapshot())
        endpoints = exchange.perp(await self._kept.sized(exchange, of, "perp"))
        return await self._kept.cached(endpoints.get(part, endpoints["ticker"]), per=of.multiplier)


async def beside(work: Awaitable[T], witness: Awaitable[U]) -> tuple[T, U | None]:
    """What the work gives, and its witness, which was asked for beside it; None for one that is late or failed.

    Raises what the work raises, and WrongMarket where the witness is about another market.
    """
    asked = start(witness)
    try:
        try:
            found = await work
        except MarketError:  # of what is not listed, both say so: given up, a request costs its connection
            await asyncio.wait([asked], timeout=ENDING_S)
            raise
        if not asked.done():
            await asyncio.wait([asked], timeout=LATE_S)
        if not asked.done():
            return found, None
        try:
            return found, asked.result()
        except WrongMarket:
            raise
        except MarketError:
            return found, None
    finally:
        asked.cancel()


def _coin(of: Listing) -> tuple[str, str]:
    base, quote = split(of.symbol)
    return base, "USD" if quote in DOLLARS or quote == COIN else quote
