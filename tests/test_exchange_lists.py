"""Lists of all markets at all exchanges: the same nonsense for all, refusals, what is asked of whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import about, listed

from exchanges import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.coingecko import MarketCap
from exchanges.deribit import Deribit
from exchanges.endpoints import ListEndpoint
from exchanges.errors import BadResponse, Blocked, MarketError, RateLimited, Unavailable
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.reading import Row, is_name
from exchanges.symbols import MULTIPLIERS, coin_symbol, multiplied, of_many
from exchanges.table import EXCHANGES
from exchanges.words import OpenInterest

# The same nonsense for all of them.


NAMES = {"symbol", "instId", "currency_pair", "contract", "name", "instrument_name"}


class Sample(NamedTuple):
    """A row of a list with every figure that is read. needed: those without which it is malformed."""

    read: Callable[[Any], Any]
    row: dict[str, Any]
    needed: tuple[str, ...] = ()

    def read_row(self, row: dict[str, Any]) -> Any:
        return self.read(Row("x", row))

    @property
    def figures(self) -> list[str]:
        return [key for key in self.row if key not in NAMES]


def one_of_hyperliquid(row: Any) -> Any:
    return hyperliquid.rows_reader([{"universe": [{"name": "BTC"}]}, []], NOW_MS)(row)


ROWS = {
    "binance ticker": Sample(
        binance.parse_ticker_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "quoteVolume": "9", "closeTime": 1, "volume": "9", "bidPrice": "4"}
        | {"askPrice": "6", "highPrice": "6", "lowPrice": "4", "priceChangePercent": "1"},
        ("closeTime", "priceChangePercent"),
    ),
    "binance ticker of spot": Sample(
        partial(binance.parse_ticker_row, kind="spot"),
        {"symbol": "BTCUSDT", "lastPrice": "5", "openPrice": "4", "quoteVolume": "9", "closeTime": 1, "volume": "9"}
        | {"highPrice": "6", "lowPrice": "4"},
        ("closeTime",),
    ),
    "binance funding": Sample(
        binance.parse_funding_row,
        {"symbol": "BTCUSDT", "lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
    ),
    "binance funding period": Sample(
        binance.parse_funding_interval,
        {"symbol": "BTCUSDT", "fundingIntervalHours": 8},
        ("fundingIntervalHours",),
    ),
    "bybit spot": Sample(
        bybit.parse_spot_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "9", "volume24h": "9", "price24hPcnt": "0.1"},
    ),
    "bybit perp": Sample(
        bybit.parse_perp_row,
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "9", "openInterest": "9", "openInterestValue": "9"}
        | {"fundingRate": "0.1", "markPrice": "5", "nextFundingTime": "1", "fundingIntervalHour": "8"},
    ),
    "okx spot": Sample(
        okx.parse_spot_row,
        {"instId": "BTC-USDT", "last": "5", "vol24h": "9", "volCcy24h": "9", "ts": "1", "open24h": "4"},
        ("ts",),
    ),
    "okx swap": Sample(
        okx.parse_perp_row,
        {"instId": "BTC-USDT-SWAP", "last": "5", "vol24h": "9", "volCcy24h": "9", "ts": "1"},
        ("ts",),
    ),
    "okx open interest": Sample(
        okx.parse_open_interest_row,
        {"instId": "BTC-USDT-SWAP", "oiCcy": "5", "oiUsd": "9"},
    ),
    "okx funding": Sample(
        okx.parse_funding_row,
        {"instId": "BTC-USDT-SWAP", "fundingRate": "0.1", "fundingTime": "1", "nextFundingTime": "2"},
    ),
    "gate spot": Sample(
        gate.parse_spot_row,
        {"currency_pair": "BTC_USDT", "last": "5", "quote_volume": "9", "base_volume": "9", "change_percentage": "1"},
    ),
    "gate perp": Sample(
        gate.parse_perp_row,
        {"contract": "BTC_USDT", "last": "5", "volume_24h_quote": "9", "volume_24h_base": "9"},
    ),
    "gate contract": Sample(
        gate.parse_contract_row,
        {"name": "BTC_USDT", "position_size": 9, "quanto_multiplier": "0.1", "mark_price": "5", "funding_rate": "0.1"}
        | {"funding_interval": 28800, "funding_next_apply": 1},
    ),
    "bitget spot": Sample(
        bitget.parse_spot_row,
        {"symbol": "BTCUSDT", "lastPr": "5", "quoteVolume": "9", "baseVolume": "9", "change24h": "0.1", "ts": "1"},
        ("ts",),
    ),
    "bitget perp": Sample(
        bitget.parse_perp_row,
        {"symbol": "BTCUSDT", "lastPr": "5", "quoteVolume": "9", "holdingAmount": "9", "fundingRate": "0.1"}
        | {"markPrice": "5", "ts": "1"},
        ("ts",),
    ),
    "bitget funding": Sample(
        bitget.parse_funding_row,
        {"symbol": "BTCUSDT", "fundingRate": "0.1", "fundingRateInterval": "8", "nextUpdate": "1"},
    ),
    "hyperliquid": Sample(
        one_of_hyperliquid,
        {"markPx": "5", "midPx": "5", "prevDayPx": "4", "dayNtlVlm": "9", "dayBaseVlm": "9", "openInterest": "9"}
        | {"funding": "0.1"},
    ),
    "deribit": Sample(
        deribit.parse_perp_row,
        {"instrument_name": "X_USDC-PERPETUAL", "last": 5, "volume_usd": 9, "volume": 9, "mark_price": 5, "high": 6}
        | {"creation_timestamp": 1, "open_interest": 9, "funding_8h": 0.1, "price_change": 1, "low": 4, "bid_price": 4}
        | {"ask_price": 6},
        ("creation_timestamp",),
    ),
    "kraken": Sample(
        lambda row: kraken.parse_perp_row(row, NOW_MS),
        {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 9, "markPrice": 5, "indexPrice": 5, "openInterest": 9}
        | {"fundingRate": 0.1, "bid": 4, "ask": 6, "high24h": 6, "low24h": 4, "change24h": 1, "volumeQuote": 9},
    ),
    "kraken inverse": Sample(
        lambda row: kraken.parse_perp_row(row, NOW_MS),
        {"symbol": "PI_XBTUSD", "last": 5, "vol24h": 9, "markPrice": 5, "indexPrice": 5, "openInterest": 9}
        | {"fundingRate": 0.1},
    ),
    "coingecko": Sample(
        coingecko.parse_market_cap,
        {"symbol": "btc", "current_price": 5, "market_cap": 9},
    ),
}
EVERY_ROW = together("of", ROWS.values(), ids=ROWS)


@EVERY_ROW
def test_row_of_texts_and_of_numbers(of: Sample) -> None:
    whole = of.read_row(of.row)
    assert whole is not None
    for write in (str, float):
        assert of.read_row({**of.row, **{key: write(of.row[key]) for key in of.figures}}) == whole


@EVERY_ROW
@together("value", ["abc", [], {}, True, False, "NaN", "inf", "-inf", "1e999", "1e31", 1e300])
def test_row_with_a_figure_that_is_none(of: Sample, value: Any) -> None:
    for key in of.figures:
        with pytest.raises(BadResponse):
            of.read_row({**of.row, key: value})


@EVERY_ROW
@together("value", ["", None])
def test_row_with_a_figure_that_is_missing(of: Sample, value: Any) -> None:
    for key in of.figures:
        without = {each: of.row[each] for each in of.row if each != key}
        for row in ({**of.row, key: value}, without):
            if key in of.needed:
                with pytest.raises(BadResponse):
                    of.read_row(row)
            else:
                of.read_row(row)


PRICES = {"bidPrice", "askPrice", "highPrice", "lowPrice", "markPrice", "open24h", "mark_price", "markPx", "midPx"}
PRICES |= {"prevDayPx", "high", "low", "bid_price", "ask_price", "indexPrice", "bid", "ask", "high24h", "low24h"}
TIMES = {"nextFundingTime", "fundingTime", "funding_interval", "funding_next_apply", "nextUpdate"}


@EVERY_ROW
@together("zero", ["0", "0.0", 0, 0.0])
def test_row_with_zero_for_a_price_or_a_time_that_there_is_not(of: Sample, zero: Any) -> None:
    for key in of.row.keys() & (PRICES | TIMES):
        assert of.read_row({**of.row, key: zero}) == of.read_row({**of.row, key: None}), key


@EVERY_ROW
def test_row_with_any_price_below_zero(of: Sample) -> None:
    for key in of.row.keys() & PRICES:
        for price in (-5, "-0.1"):
            with pytest.raises(BadResponse):
                of.read_row({**of.row, key: price})


@EVERY_ROW
@together("name", [None, 5, [], {}, "", "X", "-", "_", "é"])
def test_row_with_a_name_that_is_none(of: Sample, name: Any) -> None:
    """It is left out, whatever else is in it."""
    if of.read is one_of_hyperliquid:
        return
    (key,) = of.row.keys() & NAMES
    row = {**of.row, key: name}
    if of.read is coingecko.parse_market_cap and is_name(name):
        assert coingecko.parse_market_cap(Row("coingecko", row)) == MarketCap(name.upper(), 9, 5)
    else:
        assert of.read_row(row) is None


@together(
    "name, key", [("hyperliquid", "midPx"), ("deribit", "last"), ("kraken", "last"), ("coingecko", "current_price")]
)
def test_row_with_a_price_below_zero(name: str, key: str) -> None:
    with pytest.raises(BadResponse):
        ROWS[name].read_row({**ROWS[name].row, key: -5})


# Refusals where a list was expected.


@pytest.mark.parametrize(
    ("endpoint", "body", "kind"),
    [
        (
            Bybit().tickers("perp", NOW_MS)["ticker"],
            b'{"retCode":10006,"retMsg":"x","result":{},"time":1}',
            RateLimited,
        ),
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"msg":"Too Many Requests","code":"50011"}', RateLimited),
        (
            Bitget().tickers("perp", NOW_MS)["ticker"],
            b'{"code":"429","msg":"x","requestTime":1,"data":null}',
            RateLimited,
        ),
        (Bitget().tickers("perp", NOW_MS)["ticker"], b'{"code":"00000","data":null}', BadResponse),
        (Gate().tickers("spot", NOW_MS)["ticker"], b'{"label":"TOO_MANY_REQUESTS","message":"x"}', RateLimited),
        (Deribit().tickers("perp", NOW_MS)["ticker"], b'{"jsonrpc":"2.0","error":{"code":10028}}', RateLimited),
        (Kraken().tickers("perp", NOW_MS)["ticker"], b'{"result":"error","error":"apiLimitExceeded"}', RateLimited),
        (Kraken().tickers("perp", NOW_MS)["ticker"], b'{"result":"error","error":"Unavailable"}', Unavailable),
        (Coinbase().symbols("spot"), b'{"message":"x"}', BadResponse),
        (coingecko.market_caps(), b'{"status":{"error_code":429}}', BadResponse),
        (Binance().tickers("spot", NOW_MS)["ticker"], b'{"code":-1003,"msg":"x"}', RateLimited),
        (Hyperliquid().symbols("perp"), b"null", BadResponse),
    ],
)
async def test_list_refused_with_http_200(endpoint: ListEndpoint[Any], body: bytes, kind: type[MarketError]) -> None:
    with pytest.raises(MarketError) as caught:
        await listed(endpoint, body)
    assert (type(caught.value), caught.value.exchange) == (kind, endpoint.host.exchange)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"code":"50011","data":[],"msg":"Too Many Requests"}'),
        (Okx().tickers("perp", NOW_MS)["ticker"], b'{"data":[],"msg":"Too Many Requests","code":"50011"}'),
        (Bybit().tickers("perp", NOW_MS)["ticker"], b'{"retCode":10006,"retMsg":"x","result":{"list":[]},"time":1}'),
        (Bitget().tickers("perp", NOW_MS)["ticker"], b'{"code":"429","msg":"x","requestTime":1,"data":[]}'),
    ],
)
async def test_list_refused_with_an_empty_list(endpoint: ListEndpoint[Any], body: bytes) -> None:
    with pytest.raises(RateLimited):
        await listed(endpoint, body)


async def test_list_refused() -> None:
    for endpoint in (
        Gate().tickers("spot", NOW_MS)["ticker"],
        Kraken().tickers("perp", NOW_MS)["ticker"],
        Hyperliquid().symbols("perp"),
    ):
        with pytest.raises(Blocked):
            await listed(endpoint, b"<html>", 403)


# What is asked of whom, and what it costs.


TICKERS, FUNDING = "ticker", "funding"
LISTS: list[tuple[ListEndpoint[Any] | None, str, str, tuple[Any, ...], int]] = [
    (Binance().symbols("spot"), "https://api.binance.com", "/api/v3/ticker/price", (), 4),
    (Binance().symbols("perp"), "https://fapi.binance.com", "/fapi/v1/ticker/price", (), 2),
    (Binance().prices("spot", NOW_MS), "https://api.binance.com", "/api/v3/ticker/price", (), 4),
    (Binance().prices("perp", NOW_MS), "https://fapi.binance.com", "/fapi/v2/ticker/price", (), 2),
    (Binance().tickers("spot", NOW_MS)[TICKERS], "https://api.binance.com", "/api/v3/ticker/24hr?type=MINI", (), 80),
    (Binance().tickers("perp", NOW_MS)[TICKERS], "https://fapi.binance.com", "/fapi/v1/ticker/24hr", (), 40),
    (Binance().tickers("perp", NOW_MS)[FUNDING], "https://fapi.binance.com", "/fapi/v1/premiumIndex", (), 10),
    (Binance().funding_intervals("USDT")[0], "https://fapi.binance.com", "/fapi/v1/fundingInfo", (), 1),
    (Bybit().symbols("spot"), "https://api.bybit.com", "/v5/market/tickers?category=spot", ("result", "list"), 1),
    (Bybit().symbols("perp"), "https://api.bybit.com", "/v5/market/tickers?category=linear", ("result", "list"), 1),
    (
        Bybit().tickers("spot", NOW_MS)[TICKERS],
        "https://api.bybit.com",
        "/v5/market/tickers?category=spot",
        ("result", "list"),
        1,
    ),
    (
        Bybit().tickers("perp", NOW_MS)[TICKERS],
        "https://api.bybit.com",
        "/v5/market/tickers?category=linear",
        ("result", "list"),
        1,
    ),
    (Okx().symbols("spot"), "https://www.okx.com", "/api/v5/market/tickers?instType=SPOT", ("data",), 1),
    (Okx().symbols("perp"), "https://www.okx.com", "/api/v5/market/tickers?instType=SWAP", ("data",), 1),
    (
        Okx().tickers("spot", NOW_MS)[TICKERS],
        "https://www.okx.com",
        "/api/v5/market/tickers?instType=SPOT",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)[TICKERS],
        "https://www.okx.com",
        "/api/v5/market/tickers?instType=SWAP",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)["open_interest"],
        "https://www.okx.com",
        "/api/v5/public/open-interest?instType=SWAP",
        ("data",),
        1,
    ),
    (
        Okx().tickers("perp", NOW_MS)[FUNDING],
        "https://www.okx.com",
        "/api/v5/public/funding-rate?instId=ANY",
        ("data",),
        1,
    ),
    (Gate().symbols("spot"), "https://api.gateio.ws", "/api/v4/spot/tickers", (), 1),
    (Gate().symbols("perp"), "https://api.gateio.ws", "/api/v4/futures/usdt/tickers", (), 1),
    (Gate().tickers("spot", NOW_MS)[TICKERS], "https://api.gateio.ws", "/api/v4/spot/tickers", (), 1),
    (Gate().tickers("perp", NOW_MS)[TICKERS], "https://api.gateio.ws", "/api/v4/futures/usdt/tickers", (), 1),
    (Gate().tickers("perp", NOW_MS)[FUNDING], "https://api.gateio.ws", "/api/v4/futures/usdt/contracts", (), 1),
    (Bitget().symbols("spot"), "https://api.bitget.com", "/api/v2/spot/market/tickers", ("data",), 1),
    (
        Bitget().symbols("perp"),
        "https://api.bitget.com",
        "/api/v2/mix/market/tickers?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (Bitget().tickers("spot", NOW_MS)[TICKERS], "https://api.bitget.com", "/api/v2/spot/market/tickers", ("data",), 1),
    (
        Bitget().tickers("perp", NOW_MS)[TICKERS],
        "https://api.bitget.com",
        "/api/v2/mix/market/tickers?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (
        Bitget().tickers("perp", NOW_MS)[FUNDING],
        "https://api.bitget.com",
        "/api/v2/mix/market/current-fund-rate?productType=USDT-FUTURES",
        ("data",),
        1,
    ),
    (Hyperliquid().symbols("perp"), "https://api.hyperliquid.xyz", "/info", ("universe",), 20),
    (Hyperliquid().tickers("perp", NOW_MS)[TICKERS], "https://api.hyperliquid.xyz", "/info", (1,), 20),
    (
        Deribit().symbols("perp"),
        "https://www.deribit.com",
        "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future",
        ("result",),
        1,
    ),
    (
        Deribit().tickers("perp", NOW_MS)[TICKERS],
        "https://www.deribit.com",
        "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future",
        ("result",),
        1,
    ),
    (
        Kraken().tickers("perp", NOW_MS)[TICKERS],
        "https://futures.kraken.com",
        "/derivatives/api/v3/tickers",
        ("tickers",),
        1,
    ),
    (Coinbase().symbols("spot"), "https://api.exchange.coinbase.com", "/products", (), 1),
    (
        coingecko.market_caps(),
        "https://api.coingecko.com",
        "/api/v3/coins/markets?vs_currency=usd&order=market_cap_desc&per_page=250&page=1&sparkline=false",
        (),
        1,
    ),
]


@together("endpoint, url, target, place, weight", LISTS)
def test_lists(endpoint: ListEndpoint[Any] | None, url: str, target: str, place: tuple[Any, ...], weight: int) -> None:
    assert endpoint is not None
    assert (endpoint.host.url, endpoint.target) == (url, target)
    assert (endpoint.place, endpoint.weight) == (place, weight)
    assert endpoint.explain(500, b"").exchange == endpoint.host.exchange


@together(
    "endpoint, max_weight, window_s",
    [
        (Binance().tickers("spot", NOW_MS)["ticker"], 6000, 60),
        (Binance().tickers("perp", NOW_MS)["ticker"], 2400, 60),
        (Binance().funding_intervals("USDT")[0], 500, 300),
        (Bybit().tickers("perp", NOW_MS)["ticker"], 600, 5),
        (Okx().tickers("perp", NOW_MS)["ticker"], 20, 2),
        (Okx().tickers("perp", NOW_MS)["open_interest"], 20, 2),
        (Okx().tickers("perp", NOW_MS)["funding"], 10, 2),
        (Gate().tickers("perp", NOW_MS)["funding"], 200, 10),
        (Bitget().tickers("perp", NOW_MS)["funding"], 20, 1),
        (Hyperliquid().tickers("perp", NOW_MS)["ticker"], 1200, 60),
        (Deribit().tickers("perp", NOW_MS)["ticker"], 100, 5),
        (Kraken().tickers("perp", NOW_MS)["ticker"], 100, 10),
        (Coinbase().symbols("spot"), 10, 1),
        (coingecko.market_caps(), 5, 60),
    ],
)
def test_budgets_of_lists(endpoint: ListEndpoint[Any], max_weight: int, window_s: float) -> None:
    assert endpoint.budget[1:3] == (max_weight, window_s)


def test_exchanges_without_lists() -> None:
    assert Kraken().symbols("spot") is None
    assert (Kraken().tickers("spot", NOW_MS), Coinbase().tickers("spot", NOW_MS)) == ({}, {})
    assert [name for name, each in EXCHANGES.items() if each.funding_intervals("USDT") is not None] == ["binance"]
    assert [name for name, each in EXCHANGES.items() if each.is_told_in_list] == ["hyperliquid", "kraken"]
    assert [each.perp(a_perp("BTC-USD")) for each in EXCHANGES.values() if each.is_told_in_list] == [{}, {}]


def test_lists_of_spot_have_no_parts() -> None:
    tellers = [name for name, each in EXCHANGES.items() if "spot" in each.kinds and each.tickers("spot", NOW_MS)]
    assert tellers == ["binance", "bybit", "okx", "gate", "bitget"]
    assert all(list(EXCHANGES[each].tickers("spot", NOW_MS)) == ["ticker"] for each in tellers)


def test_lists_of_perpetuals_and_their_parts() -> None:
    perps = {name: each for name, each in EXCHANGES.items() if "perp" in each.kinds}
    assert {name: sorted(each.tickers("perp", NOW_MS)) for name, each in perps.items()} == {
        "binance": ["funding", "ticker"],
        "bybit": ["ticker"],
        "okx": ["funding", "open_interest", "ticker"],
        "gate": ["funding", "ticker"],
        "bitget": ["funding", "ticker"],
        "hyperliquid": ["ticker"],
        "deribit": ["ticker"],
        "kraken": ["ticker"],
    }


# Coins by the thousand.


@together(
    "base, coin, multiplier",
    [
        ("1000PEPE", "PEPE", 1000),
        ("10000LADYS", "LADYS", 10_000),
        ("100000X", "X", 100_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1000X", "X", 1000),
        ("1000币安人生", "币安人生", 1000),
        ("1INCH", "1INCH", 1),
        ("100X", "100X", 1),
        ("1000", "1000", 1),
        ("10000000MOG", "MOG", 10_000_000),
        ("SHIB1000", "SHIB", 1000),
        ("AIDOGE10000000", "AIDOGE", 10_000_000),
        ("MBABYDOGE", "BABYDOGE", 1_000_000),
        ("MANA", "MANA", 1),
        ("X100", "X100", 1),
        ("1MIL", "1MIL", 1),
        ("BTC", "BTC", 1),
    ],
)
def test_coins_by_the_thousand(base: str, coin: str, multiplier: int) -> None:
    assert multiplied(base) == (coin, multiplier)
    assert coin_symbol(f"{base}-USDT") == (f"{coin}-USDT", multiplier)


@together(
    "coin, listed, found",
    [
        ("SHIB", "SHIB1000-USDT", ("SHIB1000-USDT", 1000)),
        ("MOG", "10000000MOG-USDT", ("10000000MOG-USDT", 10_000_000)),
        ("BABYDOGE", "MBABYDOGE-USDT", ("MBABYDOGE-USDT", 1_000_000)),
        ("BABYDOGE", "1MBABYDOGE-USDT", ("1MBABYDOGE-USDT", 1_000_000)),
        ("PEPE", "1000PEPE-USDC", None),
        ("ANA", "MANA-USDT", None),
    ],
)
def test_contract_that_stands_in_a_coins_place(coin: str, listed: str, found: tuple[str, int] | None) -> None:
    of = of_many(a_perp(f"{coin}-USDT"), {listed, "BTC-USDT"})
    assert (of and (of.listed, of.multiplier)) == found
    assert of is None or (of.symbol, of.kind) == (f"{coin}-USDT", "perp")


def test_gate_contracts_of_a_million_coins() -> None:
    of = a_perp("MBABYDOGE-USDT", 1_000_000, 1.0)
    row = {"contract": "MBABYDOGE_USDT", "last": "0.0012", "volume_24h_base": "7", "volume_24h_quote": "9"}
    ticker = gate.parse_perp(json.dumps([row]).encode(), of).ticker
    assert ticker is not None
    assert (ticker.last, ticker.base_volume, ticker.quote_volume) == (about(1.2e-9), 7e6, 9)
    contract = {
        "name": "MBABYDOGE_USDT",
        "type": "direct",
        "position_size": 5,
        "quanto_multiplier": "10",
        "mark_price": "0.001",
    }
    perp = gate.parse_contract(json.dumps(contract).encode(), of)
    assert perp.open_interest == OpenInterest(5e7, about(0.05))
    found = gate.parse_contract_row(Row("gate", contract))
    assert found == ("MBABYDOGE-USDT", perp)
    candles = (
        Gate().candles(of, "1h", 2, NOW_MS).parse(b'[{"t":1700000000,"v":3,"c":"1","h":"1","l":"1","o":"1","sum":"3"}]')
    )
    assert (list(candles.volume), list(candles.close)) == ([3e6], [about(1e-6)])


@together("multiplier, prefix", MULTIPLIERS)
def test_every_prefix_is_understood(multiplier: int, prefix: str) -> None:
    assert multiplied(f"{prefix}BABYDOGE") == ("BABYDOGE", multiplier)


# Answers of 2026.


def test_tickers_of_2026() -> None:
    perp = bitget.parse_perp(recorded("bitget/mix-ticker-trimmed-2026-09"), a_perp("BTC-USDT"))
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume, perp.open_interest) == (77202.1, None, None)
    spot = coinbase.parse_spot(recorded("coinbase/exchange-stats-2026-06"), a_spot("BTC-USD"))
    assert (spot.last, spot.base_volume) == (63212.41, 4918.33722403)
    assert spot.change_pct == pytest.approx((63212.41 / 62605.56 - 1) * 100)
