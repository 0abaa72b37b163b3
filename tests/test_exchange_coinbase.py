"""Coinbase: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import a_spot, recorded, together
from wire import plain, rows_of

from exchanges import coinbase
from exchanges.coinbase import Coinbase
from exchanges.errors import (
    BadResponse,
)
from exchanges.reading import Row
from exchanges.words import Ticker


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
