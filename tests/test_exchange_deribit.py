"""Deribit: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json

import pytest
from conftest import NOW_MS, a_perp, recorded, together
from wire import about, listed, of_deribit_ticker, only, rows_of, ticker_of

from exchanges import deribit
from exchanges.deribit import Deribit
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest, Snapshot, Ticker


def test_deribit_open_interest_is_in_dollars_on_inverse_contracts() -> None:
    """An order book is the ticker and two lists."""
    perp = deribit.parse_perp(recorded("deribit/order-book-BTC-PERPETUAL"), a_perp("BTC-COIN"))
    assert perp.open_interest == OpenInterest(about(13097.36, abs=0.01), 1139551440)
    assert perp.funding == Funding(6.55e-06, 8.0, None, 87006.21, is_continuous=True)  # funding_8h, not current_funding
    assert perp.ticker == Ticker(
        exchange="deribit",
        symbol="BTC-COIN",
        last=87002.5,
        bid=87002.5,
        ask=87003,
        high=88392.5,
        low=86600,
        change_pct=-0.8292,  # a percent already
        base_volume=5052.9374427,
        quote_volume=442197230,
        time_ms=1766554855140,
    )


def test_deribit_open_interest_is_in_coins_on_linear_contracts() -> None:
    row = {"last_price": 125, "mark_price": 125.5, "open_interest": 80000, "stats": {}, "timestamp": 1}
    perp = deribit.parse_perp(of_deribit_ticker([row]), a_perp("SOL-USDC"))
    assert perp.open_interest == OpenInterest(80000, 80000 * 125.5)
    assert perp.funding is None
    without_mark = deribit.parse_perp(of_deribit_ticker([row | {"mark_price": None}]), a_perp("SOL-COIN"))
    assert without_mark.open_interest == OpenInterest(None, 80000)


def test_deribit_candles_are_columns() -> None:
    candles = deribit.parse_candles(recorded("deribit/tradingview-chart-1m"), a_perp("BTC-COIN"), "1m")
    assert rows_of(candles)[0] == (1766483460000, 87451, 87456.5, 87451, 87456.5, 2.94375216)
    assert (candles.quote_volume or [])[0] == 257490  # dollars
    assert (len(candles), candles.kind, candles.taker_buy) == (5, "perp", None)


async def test_deribit_rows_of_linear_perpetuals() -> None:
    row = json.loads(recorded("deribit/book-summary-by-instrument-perp-testnet"))["result"][0]
    rows = [row, row | {"instrument_name": "BTC_USDC-PERPETUAL", "open_interest": 100}]
    body = json.dumps({"jsonrpc": "2.0", "result": rows}).encode()
    symbol, perp = only(await listed(Deribit().tickers("perp", NOW_MS)["ticker"], body))
    assert (symbol, perp) == (
        "BTC-USDC",
        Snapshot(
            Ticker(
                exchange="deribit",
                symbol="BTC-USDC",
                last=87197,
                bid=87083,
                ask=87149.5,
                high=93099.5,
                low=81773,
                change_pct=-3.2032,  # a percent already
                base_volume=7377.18657991,
                quote_volume=661040250,
                time_ms=1763674177068,
            ),
            OpenInterest(100, 8710201),  # in coins
            Funding(-0.00081069, 8.0, None, 87102.01, is_continuous=True),
        ),
    )


@pytest.mark.parametrize(
    "name",
    [
        "deribit/book-summary-BTC-27MAR20",
        "deribit/book-summary-BTC-PERPETUAL-2020",
        "deribit/book-summary-BTC-PERPETUAL-2020-2",
        "deribit/book-summary-by-currency-option-row",
        "deribit/book-summary-by-instrument-perp-testnet",
    ],
)
async def test_deribit_inverse_and_dated_rows_are_left_out(name: str) -> None:
    assert await listed(Deribit().tickers("perp", NOW_MS)["ticker"], recorded(name)) == []


def test_deribit_rows_of_2020_have_no_change() -> None:
    row = json.loads(recorded("deribit/book-summary-BTC-PERPETUAL-2020"))["result"][0]
    ticker = ticker_of(deribit.parse_perp_row(Row("deribit", row | {"instrument_name": "X_USDT-PERPETUAL"})))
    assert (ticker.change_pct, ticker.last, ticker.quote_volume) == (None, 7212, 209783120)


@together(
    "listed, symbol",
    [
        ("BTC_USDC-PERPETUAL", "BTC-USDC"),
        ("SOL_USDT-PERPETUAL", "SOL-USDT"),
        ("BTC-PERPETUAL", None),
        ("BTC_USDC-27MAR26", None),
        ("BTC-27MAR26-100000-C", None),
        ("BTC_USDC", None),
        (None, None),
    ],
)
def test_deribit_symbols(listed: object, symbol: str | None) -> None:
    assert deribit.parse_symbol(Row("deribit", {"instrument_name": listed})) == symbol
    assert Deribit().symbols("perp").row(Row("deribit", {"instrument_name": listed})) == symbol


def test_deribit_rows_that_do_not_trade() -> None:
    row = {"instrument_name": "X_USDC-PERPETUAL", "last": 5, "volume_usd": 9, "creation_timestamp": 1}
    assert deribit.parse_perp_row(Row("deribit", row)) is not None
    for missing in ({"last": None}, {"last": 0}, {"volume_usd": 0}, {"volume_usd": None}):
        assert deribit.parse_perp_row(Row("deribit", row | missing)) == ("X-USDC", NOTHING)


async def test_deribit_contracts_of_a_thousand_coins() -> None:
    endpoint = Deribit().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("deribit/book-summary-USDC-1000PEPE-shape")))
    eth, pepe = rows["ETH-USDC"], rows["1000PEPE-USDC"]
    assert eth.ticker is not None
    assert (eth.ticker.last, eth.ticker.base_volume) == (3188.6, 11026.577)
    assert eth.open_interest == OpenInterest(7695.018, about(7695.018 * 3187.42))
    assert pepe.ticker is not None
    assert pepe.ticker[2:7] == (about(4.6e-6), about(4.5e-6), about(4.7e-6), about(4.8e-6), about(4.4e-6))
    assert (pepe.ticker.base_volume, pepe.ticker.quote_volume) == (2e9, 9200)
    assert pepe.open_interest == OpenInterest(5e9, about(5e6 * 0.0046))
    assert pepe.funding == Funding(0, 8, None, about(4.6e-6), is_continuous=True)


def test_deribit_ticker_and_candles_of_a_thousand_coins() -> None:
    of = a_perp("1000PEPE-USDC", 1000)
    row = {"last_price": 0.0046, "mark_price": 0.0046, "open_interest": 5e6, "timestamp": 1, "stats": {"volume": 7}}
    perp = deribit.parse_perp(json.dumps({"result": row}).encode(), of)
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume) == (about(4.6e-6), 7000)
    assert perp.open_interest == OpenInterest(5e9, about(5e6 * 0.0046))
    assert Deribit().perp(of)["ticker"].target.endswith("instrument_name=1000PEPE_USDC-PERPETUAL")
