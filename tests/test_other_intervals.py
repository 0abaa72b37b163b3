"""Candles of another interval, and of a time that has not come, are no answer: whichever exchange tells them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import a_house

from exchanges.endpoints import Endpoint
from exchanges.errors import MarketError
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Listing

DAY_MS = 86_400_000
Ask = Callable[..., Endpoint[Candles]]


def answers_of(monkeypatch: pytest.MonkeyPatch, exchange: str, instead: str) -> None:
    """From now on the exchange answers questions about any interval with candles of one."""
    venue = type(EXCHANGES[exchange])
    honest: Ask = venue.candles

    def candles(self: Any, of: Listing, interval: str, *more: Any) -> Endpoint[Candles]:
        return honest(self, of, instead, *more)._replace(parse=honest(self, of, interval, *more).parse)

    monkeypatch.setattr(venue, "candles", candles)


def answers_later(monkeypatch: pytest.MonkeyPatch, exchange: str, by_ms: int) -> None:
    """From now on the exchange's candles are told to be of another time."""
    venue = type(EXCHANGES[exchange])
    honest: Ask = venue.candles

    def candles(self: Any, *asked: Any) -> Endpoint[Candles]:
        endpoint = honest(self, *asked)

        def parse(body: bytes) -> Candles:
            told = endpoint.parse(body)
            return replace(told, open_ms=array("q", [at + by_ms for at in told.open_ms]))

        return endpoint._replace(parse=parse)

    monkeypatch.setattr(venue, "candles", candles)


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_candles_of_another_interval_are_refused(monkeypatch: pytest.MonkeyPatch, exchange: str) -> None:
    venue = EXCHANGES[exchange]
    kind = venue.kinds[-1]
    async with a_house(EXCHANGES=exchange, RATE_BUDGETS="0") as house:
        assert await house.bot.market.candles(venue, "BTC-USDT", kind, "1h", 30)
        for instead, asked in (("15m", "1h"), ("1d", "1h"), ("1h", "1d")):
            house.bot.market.forget()
            with monkeypatch.context() as lie:
                answers_of(lie, exchange, instead)
                with pytest.raises(MarketError):
                    await house.bot.market.candles(venue, "BTC-USDT", kind, asked, 30)


@pytest.mark.parametrize("by_ms", [DAY_MS, 20_000 * DAY_MS])
async def test_candles_of_a_time_that_has_not_come_are_refused(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    """Filled up to the year 2080, minutes would also take all memory."""
    venue = EXCHANGES["coinbase"]
    async with a_house(EXCHANGES="coinbase") as house:
        answers_later(monkeypatch, "coinbase", by_ms)
        with pytest.raises(MarketError, match="is told"):
            await house.bot.market.candles(venue, "BTC-USDT", "spot", "1m", 30)
        with pytest.raises(MarketError, match="is told"):
            await house.bot.market.running_candle(venue, "BTC-USDT", "spot", "1m")
