"""Coinbase: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import a_spot, recorded, together
from wire import plain, rows_of
from wired import say, wired

import json_api
from exchanges import coinbase
from exchanges.coinbase import Coinbase
from exchanges.errors import BadResponse, NotTraded
from exchanges.reading import Row
from exchanges.words import Last, Ticker


def test_coinbase_spot() -> None:
    body = b'{"open":"60000","high":"63500","low":"59800","last":"63000","volume":"9120.5","volume_30day":"300000"}'
    assert coinbase.parse_spot(body, a_spot("BTC-USD")) == Ticker(
        exchange="coinbase",
        symbol="BTC-USD",
        last=63000,
        bid=None,
        ask=None,
        high=63500,
        low=59800,
        change_pct=5,
        base_volume=9120.5,
        quote_volume=None,
        time_ms=0,
    )


def test_coinbase_stats_of_before_they_had_a_price() -> None:
    with pytest.raises(BadResponse, match="last is missing"):
        coinbase.parse_spot(recorded("coinbase/exchange-stats"), a_spot("X-USD"))
    row = json.loads(recorded("coinbase/exchange-stats")) | {"last": "34.19", "open": "0"}
    ticker = coinbase.parse_spot(plain(row), a_spot("X-USD"))
    assert (ticker.high, ticker.low, ticker.base_volume, ticker.change_pct) == (95.7, 7.06, 2.41, None)


def test_coinbase_candles_are_newest_first() -> None:
    """[time in s, LOW, HIGH, OPEN, CLOSE, volume]"""
    candles = coinbase.parse_candles(recorded("coinbase/exchange-candles"), a_spot("BTC-USD"), "1m")
    assert rows_of(candles)[0] == (1517443200000, 10099.99, 10099.99, 10099.98, 10099.98, 1.87868123)
    assert rows_of(candles)[-1] == (1517443740000, 10106.01, 10120.21, 10106, 10120.21, 2.85107455)
    assert (len(candles), candles.quote_volume, candles.kind) == (10, None, "spot")


def test_coinbase_candles_without_trades_are_missing() -> None:
    rows = json.loads(recorded("coinbase/exchange-candles"))
    candles = coinbase.parse_candles(plain(rows[:2] + rows[5:]), a_spot("BTC-USD"), "1m")
    assert (len(candles), candles.n_closed(candles.open_ms[-1] + 59_999)) == (7, 6)


@together(
    "row, is_there",
    [
        ({"last": "0", "volume": "0"}, False),
        ({"last": "0"}, False),
        ({"open": "0", "volume": "0"}, False),
        ({"last": None, "volume": 0}, False),
        ({"last": "5", "volume": "0"}, True),
    ],
)
def test_coinbase_product_without_trades(row: dict[str, Any], is_there: bool) -> None:
    """One that is new: nothing is wrong with its exchange. One that was traded long ago has a price."""
    of, again = a_spot("NEW-USD"), {"bid": "0", "ask": "0", **row}
    again["price"] = again.pop("last", None)
    if is_there:
        assert (coinbase.parse_spot(plain(row), of).last, coinbase.parse_last(plain(again), of)) == (5, Last(5, 0))
        return
    with pytest.raises(NotTraded):
        coinbase.parse_spot(plain(row), of)
    with pytest.raises(NotTraded):
        coinbase.parse_last(plain(again), of)


def test_coinbase_last_trade_and_its_time() -> None:
    told = coinbase.parse_last(recorded("coinbase/exchange-ticker"), a_spot("X-USD"))
    assert told == Last(0.997999, 1580177613012)
    for odd in ("yesterday", None, 5, "0001-01-01T00:00:00Z"):
        assert coinbase.parse_last(plain({"price": "5", "time": odd}), a_spot("X-USD")) == Last(5, 0)
    with pytest.raises(BadResponse):
        coinbase.parse_last(plain({"time": "2020-01-28T02:13:33Z"}), a_spot("X-USD"))


OLD = {"open": "0", "high": "0", "low": "0", "last": "12.34", "volume": "0", "volume_30day": "0"}
TRADED = {"trade_id": 1, "price": "12.34", "size": "1", "bid": "11", "ask": "13", "volume": "0"}


def old(trade: dict[str, Any] | None) -> Any:
    """Coinbase, which lists OLD no more, and tells its statistics; and its last trade, or nothing of that."""
    by_path = {"stats": OLD, "ticker": trade, "products": [{"id": "OLD-USD", "status": "delisted"}]}

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        return by_path.get(path.rpartition("/")[2]) or (404, {"message": "NotFound"})

    return answer


async def test_coinbase_old_price_is_told_as_old() -> None:
    bot = wired(old(TRADED | {"time": "2025-03-01T00:00:00Z"}), "coinbase")
    text = await say(bot, "/price OLD")
    assert "Spot: no trade on Coinbase since 2025-03-01 00:00 UTC; it may be halted or delisted." in text
    told = await json_api.answer(json_api.ROUTES["/price"], bot.tools, {"symbol": "OLD"})
    assert told["data"]["timestamp"].startswith("2025-03-01T00:00:00")


@pytest.mark.parametrize("trade", [None, TRADED, {"price": "12.34"}])
async def test_a_price_of_nobody_knows_when_is_none(trade: dict[str, Any] | None) -> None:
    """It is not of the last day: nothing was traded then."""
    text = await say(wired(old(trade), "coinbase"), "/price OLD")
    assert text.startswith("No price for OLD-USDT right now. Coinbase has had no trades of it since 2026-09-20.")


@together(
    "row, symbol",
    [
        ({"id": "BTC-USD", "status": "online", "trading_disabled": False}, "BTC-USD"),
        ({"id": "BTC-USD"}, "BTC-USD"),
        ({"id": "OLD-USD", "status": "delisted"}, None),
        ({"id": "OLD-USD", "status": "online", "trading_disabled": True}, None),
        ({"id": None, "status": "online"}, None),
        ({}, None),
    ],
)
def test_coinbase_products(row: dict[str, Any], symbol: str | None) -> None:
    assert Coinbase().symbols("spot").row(Row("coinbase", row)) == symbol
