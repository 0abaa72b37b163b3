"""All exchanges: what is asked of whom, what refusals mean, and answers that no exchange should send."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote as by_the_book

import pytest
from conftest import a_perp, a_spot, recorded, together
from wire import first_of, of_bitget, of_bybit, of_deribit_ticker, of_kraken_ticker, of_okx, plain

from exchanges import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.deribit import Deribit
from exchanges.endpoints import Endpoint, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    ClockWrong,
    Declined,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    Refused,
    Unavailable,
    UnknownSymbol,
)
from exchanges.gate import Gate
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.reading import Row
from exchanges.symbols import split
from exchanges.table import EXCHANGES
from exchanges.words import Funding, OpenInterest, Snapshot, Ticker

# Figures and units, against recordings.


def test_everything_by_the_thousand_is_per_coin() -> None:
    funding = binance.parse_funding(
        b'{"lastFundingRate":"0.0001","markPrice":"0.0123"}', a_perp("BTC-USDT", 1000)
    ).funding
    assert funding is not None
    assert funding.mark == pytest.approx(0.0000123)
    row = {"lastPrice": "0.0123", "markPrice": "0.0123", "fundingRate": "0.0001", "singleOpenInterest": "5"}
    perp = bybit.parse_perp(of_bybit([row]), a_perp("1000PEPE-USDT", 1000))
    assert perp.funding is not None
    assert perp.funding.mark == pytest.approx(0.0000123)
    assert perp.open_interest == OpenInterest(5000, None)


# Errors, against recordings.


@together(
    "name, status, explain, kind",
    [
        ("binance/error-restricted-location-451", 451, binance.explain, Blocked),
        ("binance/error-unknown-symbol", 400, binance.explain, UnknownSymbol),
        ("binance/error-rate-limit-429", 429, binance.explain, RateLimited),
        ("binance/error-ip-ban-418", 418, binance.explain, RateLimited),
        ("binance/error-bad-interval", 400, binance.explain, NotSupported),
        ("bybit/error-ip-403", 403, bybit.explain, Blocked),
        ("bybit/error-rate-limit", 200, bybit.explain, RateLimited),
        ("okx/error-unknown-instrument", 200, okx.explain, UnknownSymbol),
        ("okx/error-rate-limit", 429, okx.explain, RateLimited),
    ],
)
def test_recorded_refusals(
    name: str, status: int, explain: Callable[[int, bytes], MarketError], kind: type[MarketError]
) -> None:
    assert type(explain(status, recorded(name))) is kind


@pytest.mark.parametrize("module", [binance, bybit, okx])
@together("body", [b"", b"<html>", b"[]", b"null", b'{"code": {}}', b'{"retCode": []}', b"\xff\xfe"])
@together("status", [400, 403, 404, 418, 429, 451, 500, 503])
def test_any_refusal_has_a_meaning(module: Any, body: bytes, status: int) -> None:
    error = module.explain(status, body)
    assert isinstance(error, MarketError)
    assert error.exchange == module.ID
    assert isinstance(error, Unavailable) == (status in (403, 418, 429, 451, 500, 503) and type(error) is not Declined)


# Missing and malformed figures, at every exchange.


TICKERS: list[Any] = [
    pytest.param(binance.parse_ticker, first_of, {"lastPrice": "5", "closeTime": 1}, "lastPrice", id="binance"),
    pytest.param(bybit.parse_spot, of_bybit, {"lastPrice": "5"}, "lastPrice", id="bybit"),
    pytest.param(okx.parse_spot, of_okx, {"last": "5", "ts": "1"}, "last", id="okx"),
]


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
def test_ticker_with_nothing_but_a_price(parse: Any, wrap: Any, row: dict[str, Any], key: str) -> None:
    ticker = parse(wrap([row]), a_spot("X-USDT"))
    assert ticker.last == 5
    assert [ticker.bid, ticker.high, ticker.change_pct, ticker.base_volume, ticker.quote_volume] == [None] * 5


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
@pytest.mark.parametrize("value", ["", None, "abc", [], {}, True, "NaN", "inf", "-5", -1, "1e999"])
def test_ticker_without_a_price_is_unusable(parse: Any, wrap: Any, row: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(NotTraded if value in ("", None) and parse is not binance.parse_ticker else BadResponse):
        parse(wrap([row | {key: value}]), a_spot("X-USDT"))


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"null", b'"x"', b"{", b"\xff", b"<html>", b'{"code":"0","data":[7]}']
)
def test_ticker_that_is_no_ticker(parse: Any, wrap: Any, row: dict[str, Any], key: str, body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse(body, a_spot("X-USDT"))


def test_empty_list_is_an_unknown_symbol() -> None:
    with pytest.raises(UnknownSymbol):
        bybit.parse_spot(of_bybit([]), a_spot("X-USDT"))
    with pytest.raises(UnknownSymbol):
        okx.parse_spot(of_okx([]), a_spot("X-USDT"))


# Spelling.


@together(
    "endpoint, target",
    [
        (Binance().spot(a_spot("BTC-USDT")), "/api/v3/ticker/24hr?symbol=BTCUSDT"),
        (Binance().perp(a_perp("1000PEPE-USDT", 1000))["ticker"], "/fapi/v1/ticker/24hr?symbol=1000PEPEUSDT"),
        (
            Binance().perp(a_perp("1MBABYDOGE-USDT", 1_000_000))["funding"],
            "/fapi/v1/premiumIndex?symbol=1MBABYDOGEUSDT",
        ),
        (Bybit().perp(a_perp("BTC-USDC"))["ticker"], "/v5/market/tickers?category=linear&symbol=BTCPERP"),
        (Bybit().spot(a_spot("BTC-USDC")), "/v5/market/tickers?category=spot&symbol=BTCUSDC"),
        (
            Bybit().perp(a_perp("1000000BABYDOGE-USDT", 1_000_000))["ticker"],
            "/v5/market/tickers?category=linear&symbol=1000000BABYDOGEUSDT",
        ),
        (Okx().spot(a_spot("BTC-USDT")), "/api/v5/market/ticker?instId=BTC-USDT"),
        (
            Okx().perp(a_perp("BTC-USDT"))["open_interest"],
            "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP",
        ),
        (
            Binance().spot(a_spot("币安人生-USDT")),
            "/api/v3/ticker/24hr?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT",
        ),
    ],
)
def test_targets(endpoint: Endpoint[Any], target: str) -> None:
    assert endpoint.target == target


def test_symbols_in_lists() -> None:
    assert binance.parse_symbol(Row("binance", {"symbol": "1000SATSUSDT"})) == "1000SATS-USDT"
    assert binance.parse_symbol(Row("binance", {"symbol": "ETHBTC"})) is None
    assert binance.parse_symbol(Row("binance", {"symbol": "ETHUSDT_230331"})) is None
    assert binance.parse_symbol(Row("binance", {"symbol": "USDT"})) is None
    assert okx.parse_symbol(Row("okx", {"instId": "BTC-USDT-SWAP"})) == "BTC-USDT"
    assert okx.parse_symbol(Row("okx", {})) is None
    assert binance.parse_funding_interval(Row("binance", {"symbol": "ETHBTC", "fundingIntervalHours": 4})) is None


def test_numbers() -> None:
    row = Row("okx", {"a": "1.5", "b": "", "c": None, "d": 7, "e": "x"})
    assert [row.number(key) for key in "abcdz"] == [1.5, None, None, 7.0, None]
    with pytest.raises(BadResponse, match="okx: e is no number"):
        row.number("e")


def test_split() -> None:
    assert split("BTC-USDT") == ("BTC", "USDT")


# Six more exchanges, and what is margined in coins: figures and units, against recordings.


@pytest.mark.parametrize(
    ("parse", "keys"),
    [
        (
            lambda row: binance.parse_ticker(first_of([row]), a_spot("PEPE-USDT", 1000)),
            ("lastPrice", "bidPrice", "askPrice", "highPrice", "lowPrice", "closeTime"),
        ),
        (
            lambda row: bybit.parse_perp(of_bybit([row]), a_perp("PEPE-USDT", 1000)).ticker,
            ("lastPrice", "bid1Price", "ask1Price", "highPrice24h", "lowPrice24h", "ts"),
        ),
        (
            lambda row: bitget.parse_perp(of_bitget([row]), a_perp("PEPE-USDT", 1000)).ticker,
            ("lastPr", "bidPr", "askPr", "high24h", "low24h", "ts"),
        ),
    ],
)
def test_every_price_by_the_thousand_is_per_coin(parse: Callable[[Any], Any], keys: tuple[str, ...]) -> None:
    ticker = parse(dict(zip(keys, ("5000", "4000", "6000", "7000", "3000", "1"), strict=True)))
    assert (ticker.last, ticker.bid, ticker.ask, ticker.high, ticker.low) == (5, 4, 6, 7, 3)


# What is asked of whom.


@together("module", [binance, bybit, okx, gate, bitget, hyperliquid, deribit, kraken, coinbase, coingecko])
def test_head_says_source_and_what_is_announced(module: Any) -> None:
    assert re.search(r"^Source: .*\b202\d\.$", module.__doc__, re.MULTILINE)
    assert re.search(r"^Announced: .*\b20\d\d", module.__doc__, re.MULTILINE | re.DOTALL)


@together(
    "module, name, hosts, spot_quotes, perp_quotes, multiplied",
    [
        (binance, "Binance", "SPOT USDM COINM", "USDT USDC", "USDT USDC COIN", "spot perp"),
        (bybit, "Bybit", "HOST", "USDT USDC", "USDT USDC COIN", "spot perp"),
        (okx, "OKX", "HOST", "USDT USDC", "USDT USDC COIN", ""),
        (gate, "Gate", "HOST", "USDT USDC", "USDT COIN", "perp"),
        (bitget, "Bitget", "HOST", "USDT USDC", "USDT USDC COIN", "perp"),
        (hyperliquid, "Hyperliquid", "HOST", "", "USDC", "perp"),
        (deribit, "Deribit", "HOST", "", "USDC COIN", "perp"),
        (kraken, "Kraken", "SPOT FUTURES", "USD USDT", "USD COIN", ""),
        (coinbase, "Coinbase", "HOST", "USD", "", ""),
    ],
)
def test_what_an_exchange_offers(
    module: Any, name: str, hosts: str, spot_quotes: str, perp_quotes: str, multiplied: str
) -> None:
    exchange = EXCHANGES[name.lower()]
    assert (exchange.id, exchange.name) == (module.ID, name)
    assert exchange.hosts == tuple(getattr(module, each) for each in hosts.split())
    for host in exchange.hosts:
        assert (host.exchange, host.name.partition("_")[0]) == (exchange.id, name.upper())
    assert list(exchange.quotes.get("spot", ())) == spot_quotes.split()
    assert list(exchange.quotes.get("perp", ())) == perp_quotes.split()
    assert list(exchange.multiplied) == multiplied.split()
    assert ("spot" in exchange.kinds, "perp" in exchange.kinds) == (bool(spot_quotes), bool(perp_quotes))
    assert set(exchange.max_candles) == set(exchange.intervals) == set(exchange.kinds)


@together(
    "endpoint, target, weight",
    [
        (Binance().perp(a_perp("BTC-USDT"))["ticker"], "/fapi/v1/ticker/24hr?symbol=BTCUSDT", 1),
        (Binance().perp(a_perp("BTC-USDT"))["open_interest"], "/fapi/v1/openInterest?symbol=BTCUSDT", 1),
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["ticker"], "/dapi/v1/ticker/24hr?symbol=BTCUSD_PERP", 1),
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["open_interest"], "/dapi/v1/openInterest?symbol=BTCUSD_PERP", 1),
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["funding"], "/dapi/v1/premiumIndex?symbol=BTCUSD_PERP", 10),
        (Binance().contract_size(a_perp("BTC-COIN"), "perp"), "/dapi/v1/exchangeInfo", 1),
        (Binance().spot(a_spot("BTC-USDC")), "/api/v3/ticker/24hr?symbol=BTCUSDC", 2),
        (Bybit().perp(a_perp("BTC-COIN"))["ticker"], "/v5/market/tickers?category=inverse&symbol=BTCUSD", 1),
        (
            Bybit().perp(a_perp("币安人生-USDT"))["ticker"],
            "/v5/market/tickers?category=linear&symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT",
            1,
        ),
        (Okx().perp(a_perp("BTC-COIN"))["ticker"], "/api/v5/market/ticker?instId=BTC-USD-SWAP", 1),
        (Okx().perp(a_perp("BTC-COIN"))["funding"], "/api/v5/public/funding-rate?instId=BTC-USD-SWAP", 1),
        (
            Okx().spot(a_spot("币安人生-USDT")),
            "/api/v5/market/ticker?instId=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F-USDT",
            1,
        ),
        (Gate().spot(a_spot("BTC-USDT")), "/api/v4/spot/tickers?currency_pair=BTC_USDT", 1),
        (Gate().perp(a_perp("BTC-USDT"))["ticker"], "/api/v4/futures/usdt/tickers?contract=BTC_USDT", 1),
        (Gate().perp(a_perp("BTC-USDT"))["open_interest"], "/api/v4/futures/usdt/contracts/BTC_USDT", 1),
        (Gate().perp(a_perp("BTC-COIN"))["ticker"], "/api/v4/futures/btc/tickers?contract=BTC_USD", 1),
        (Gate().perp(a_perp("BTC-COIN"))["open_interest"], "/api/v4/futures/btc/contracts/BTC_USD", 1),
        (Gate().contract_size(a_perp("BTC-USDT"), "candles"), "/api/v4/futures/usdt/contracts/BTC_USDT", 1),
        (
            Gate().spot(a_spot("币安人生-USDT")),
            "/api/v4/spot/tickers?currency_pair=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT",
            1,
        ),
        (
            Gate().perp(a_perp("币安人生-USDT"))["open_interest"],
            "/api/v4/futures/usdt/contracts/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT",
            1,
        ),
        (Bitget().spot(a_spot("BTC-USDT")), "/api/v2/spot/market/tickers?symbol=BTCUSDT", 1),
        (
            Bitget().perp(a_perp("1000PEPE-USDT", 1000))["ticker"],
            "/api/v2/mix/market/ticker?symbol=1000PEPEUSDT&productType=USDT-FUTURES",
            1,
        ),
        (
            Bitget().perp(a_perp("BTC-USDC"))["funding"],
            "/api/v2/mix/market/current-fund-rate?symbol=BTCPERP&productType=USDC-FUTURES",
            1,
        ),
        (
            Bitget().perp(a_perp("BTC-COIN"))["ticker"],
            "/api/v2/mix/market/ticker?symbol=BTCUSD&productType=COIN-FUTURES",
            1,
        ),
        (Bitget().spot(a_spot("币-USDT")), "/api/v2/spot/market/tickers?symbol=%E5%B8%81USDT", 1),
        (Deribit().perp(a_perp("BTC-COIN"))["ticker"], "/api/v2/public/ticker?instrument_name=BTC-PERPETUAL", 1),
        (Deribit().perp(a_perp("SOL-USDC"))["ticker"], "/api/v2/public/ticker?instrument_name=SOL_USDC-PERPETUAL", 1),
        (
            Deribit().perp(a_perp("币-USDC"))["ticker"],
            "/api/v2/public/ticker?instrument_name=%E5%B8%81_USDC-PERPETUAL",
            1,
        ),
        (Kraken().spot(a_spot("BTC-USD")), "/0/public/Ticker?pair=XBTUSD", 1),
        (Kraken().spot(a_spot("DOGE-USDT")), "/0/public/Ticker?pair=XDGUSDT", 1),
        (Kraken().spot(a_spot("ETH-BTC")), "/0/public/Ticker?pair=ETHXBT", 1),
        (Kraken().spot(a_spot("币-USD")), "/0/public/Ticker?pair=%E5%B8%81USD", 1),
        (Coinbase().spot(a_spot("BTC-USD")), "/products/BTC-USD/stats", 1),
        (Coinbase().spot(a_spot("../币-USD")), "/products/..%2F%E5%B8%81-USD/stats", 1),
    ],
)
def test_targets_of_prices(endpoint: Endpoint[Any] | None, target: str, weight: int) -> None:
    assert endpoint is not None
    assert (endpoint.target, endpoint.weight, endpoint.body) == (target, weight, b"")


@together(
    "endpoint, name, max_weight, window_s",
    [
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["funding"], "binance COIN-M weight", 2400, 60),
        (Binance().contract_size(a_perp("BTC-COIN"), "perp"), "binance COIN-M weight", 2400, 60),
        (Binance().spot(a_spot("BTC-USDT")), "binance spot weight", 6000, 60),
        (Binance().perp(a_perp("BTC-USDT"))["ticker"], "binance USD-M weight", 2400, 60),
        (Bybit().spot(a_spot("BTC-USDT")), "bybit requests", 600, 5),
        (Okx().spot(a_spot("BTC-USDT")), "okx market/ticker", 20, 2),
        (Okx().perp(a_perp("BTC-USDT"))["open_interest"], "okx public/open-interest", 20, 2),
        (Okx().perp(a_perp("BTC-USDT"))["funding"], "okx public/funding-rate", 10, 2),
        (Gate().spot(a_spot("BTC-USDT")), "gate spot/tickers", 200, 10),
        (Gate().perp(a_perp("BTC-COIN"))["open_interest"], "gate futures/btc/contracts", 200, 10),
        (Gate().contract_size(a_perp("BTC-USDT"), "candles"), "gate futures/usdt/contracts", 200, 10),
        (Bitget().perp(a_perp("BTC-USDT"))["funding"], "bitget mix/market/current-fund-rate", 20, 1),
        (Deribit().perp(a_perp("BTC-COIN"))["ticker"], "deribit requests", 100, 5),
        (Kraken().spot(a_spot("BTC-USD")), "kraken spot requests", 15, 15),
        (Coinbase().spot(a_spot("BTC-USD")), "coinbase requests", 10, 1),
    ],
)
def test_budgets_of_prices(endpoint: Endpoint[Any] | None, name: str, max_weight: int, window_s: float) -> None:
    assert endpoint is not None
    assert endpoint.budget[:3] == (name, max_weight, window_s)
    assert endpoint.budget.is_told == (endpoint.host.exchange in ("binance", "gate"))


def test_answers_are_read_for_the_symbol_that_was_asked_for() -> None:
    pairs: list[tuple[Endpoint[Any], bytes]] = [
        (Gate().spot(a_spot("X-USDT")), b'[{"last":"5"}]'),
        (Gate().perp(a_perp("X-USDT"))["ticker"], b'[{"last":"5"}]'),
        (Bitget().spot(a_spot("X-USDT")), of_bitget([{"lastPr": "5", "ts": "1"}])),
        (Bitget().perp(a_perp("X-USDT"))["ticker"], of_bitget([{"lastPr": "5", "ts": "1"}])),
        (
            Deribit().perp(a_perp("X-USDC"))["ticker"],
            of_deribit_ticker([{"last_price": 5, "stats": {}, "timestamp": 1}]),
        ),
        (Kraken().spot(a_spot("X-USD")), of_kraken_ticker([{"c": ["5"]}]).replace(b"XXBTZUSD", b"XUSD")),
        (Coinbase().spot(a_spot("X-USD")), b'{"last":"5"}'),
        (Binance().perp(a_perp("X-COIN", 1, 10))["ticker"], b'[{"lastPrice":"5","closeTime":1}]'),
    ]
    for endpoint, body in pairs:
        found = endpoint.parse(body)
        ticker = found.ticker if isinstance(found, Snapshot) else found
        assert isinstance(ticker, Ticker)
        assert (ticker.exchange, ticker.symbol.partition("-")[0], ticker.last) == (endpoint.host.exchange, "X", 5)
        assert endpoint.explain(500, b"").exchange == endpoint.host.exchange


def test_contract_sizes_are_asked_for_where_they_are_needed() -> None:
    needed = {
        (exchange.id, symbol, question)
        for exchange in EXCHANGES.values()
        for symbol in ("BTC-USDT", "BTC-COIN")
        for question in ("perp", "candles")
        if exchange.contract_size(a_perp(symbol), question) is not None
    }
    assert needed == {("binance", "BTC-COIN", "perp"), ("gate", "BTC-USDT", "candles")}


@together("exchange", ["binance", "bybit", "okx", "gate", "bitget"])
def test_answers_are_kept_under_different_keys(exchange: str) -> None:
    """Two endpoints that the cache takes for one are one: they read the answer in the same way."""
    venue = EXCHANGES[exchange]
    for quote in ("USDT", "COIN"):
        of = a_perp(f"BTC-{quote}", 1, 10.0)
        asked: list[Endpoint[Any] | None] = [venue.spot(a_spot(f"BTC-{quote}")), *venue.perp(of).values()]
        asked += venue.ratios(of, 25) if venue.has("ratios", "perp", quote) else []
        asked += [venue.open_interest_history(of, 25)] if venue.has("open_interest_history", "perp", quote) else []
        asked += [venue.contract_size(of, question) for question in ("perp", "candles")]
        keys = [(each.host.name, each.target, each.body, each.part) for each in asked if each is not None]
        assert len(keys) == len(set(keys))


def test_contract_list_is_read_for_each_symbol_apart() -> None:
    first, second = (Binance().contract_size(a_perp(symbol), "perp") for symbol in ("BTC-COIN", "ETH-COIN"))
    assert first is not None
    assert second is not None
    assert first.target == second.target
    assert first.part != second.part


# Refusals.


@together(
    "kind, http_status, reason",
    [
        (MarketError, 502, Reason.FAILED),
        (UnknownSymbol, 404, Reason.NOT_LISTED),
        (NotSupported, 501, Reason.NOT_OFFERED),
        (Unavailable, 503, Reason.UNREACHABLE),
        (RateLimited, 429, Reason.RATE_LIMITED),
        (Blocked, 503, Reason.BLOCKED),
        (Refused, 403, Reason.KEY_REFUSED),
        (ClockWrong, 403, Reason.CLOCK_WRONG),
        (BadResponse, 502, Reason.UNUSABLE),
    ],
)
def test_errors_know_their_status(kind: type[MarketError], http_status: int, reason: Reason) -> None:
    error = kind("okx", "what happened")
    assert (error.http_status, error.reason, str(error)) == (http_status, reason, "okx: what happened")


@together(
    "module, status, code, kind",
    [
        (binance, 400, -1121, UnknownSymbol),
        (binance, 400, -1100, UnknownSymbol),
        (binance, 400, -1021, ClockWrong),
        (binance, 400, -1022, Refused),
        (binance, 400, -2008, Refused),
        (binance, 401, -2014, Refused),
        (binance, 400, -2015, Refused),
        (binance, 401, -1, Refused),
        (binance, 200, -1003, RateLimited),
        (binance, 418, 0, RateLimited),
        (binance, 429, 0, RateLimited),
        (binance, 451, 0, Blocked),
        (binance, 403, 0, Unavailable),
        (binance, 400, -1000, Unavailable),
        (binance, 400, -1001, Unavailable),
        (binance, 400, -1007, Unavailable),
        (binance, 400, -1008, Unavailable),
        (binance, 404, None, Declined),
        (binance, 404, -1, Declined),
        (bybit, 200, 10001, UnknownSymbol),
        (bybit, 200, 10029, UnknownSymbol),
        (bybit, 200, 10002, ClockWrong),
        (bybit, 200, 10003, Refused),
        (bybit, 200, 10004, Refused),
        (bybit, 200, 10005, Refused),
        (bybit, 200, 10007, Refused),
        (bybit, 200, 10010, Refused),
        (bybit, 200, 10028, Refused),
        (bybit, 200, -2015, Refused),
        (bybit, 200, 33004, Refused),
        (bybit, 401, None, Refused),
        (bybit, 200, 10006, RateLimited),
        (bybit, 200, 10018, RateLimited),
        (bybit, 429, None, RateLimited),
        (bybit, 200, 10009, Blocked),
        (bybit, 200, 10024, Blocked),
        (bybit, 200, 10000, Unavailable),
        (bybit, 200, 10016, Unavailable),
        (okx, 200, "51001", UnknownSymbol),
        (okx, 400, "51000", Declined),  # which names no parameter here
        (okx, 401, "50102", ClockWrong),
        (okx, 401, "50112", ClockWrong),
        *((okx, 401, code, Refused) for code in ("50101", "50105", "50110", "50111", "50113", "50119", "50120")),
        (okx, 200, "50120", Refused),
        (okx, 401, None, Refused),
        (okx, 451, None, Blocked),
        (okx, 200, "50011", RateLimited),
        (okx, 200, "50061", RateLimited),
        *((okx, 200, code, Unavailable) for code in ("50001", "50004", "50013", "50026")),
    ],
)
def test_codes_of_three(module: Any, status: int, code: Any, kind: type[MarketError]) -> None:
    key = "retCode" if module is bybit else "code"
    error = module.explain(status, json.dumps({key: code, "msg": "x"}).encode())
    assert type(error) is kind
    if kind is Refused and code not in (None, -1):
        assert error.reason == module.REFUSALS[code]


@pytest.mark.parametrize("module", [binance, bybit, okx])
def test_server_errors_of_three(module: Any) -> None:
    for status in (500, 502, 599):
        error = module.explain(status, b"<html>")
        assert (type(error), error.reason) == (Unavailable, Reason.HTTP_STATUS)
    assert type(module.explain(499, b"<html>")) is Declined


@together(
    "name, status, module, kind",
    [
        ("gate/error-forbidden", 403, gate, Blocked),
        ("gate/error-invalid-currency", 400, gate, UnknownSymbol),
        ("gate/error-invalid-key", 401, gate, Declined),
        ("gate/error-ip-forbidden", 401, gate, Declined),
        ("gate/error-server", 500, gate, Unavailable),
        ("bitget/error-missing-param", 400, bitget, Declined),
        ("bitget/error-rate-limit", 429, bitget, RateLimited),
        ("bitget/error-symbol-not-found", 400, bitget, UnknownSymbol),
        ("hyperliquid/error-422-text", 422, hyperliquid, Declined),
        ("deribit/error-bad-instrument", 400, deribit, UnknownSymbol),
        ("deribit/error-rate-limit", 429, deribit, RateLimited),
        ("kraken/error-rate-limit", 200, kraken, RateLimited),
        ("kraken/error-too-many", 200, kraken, RateLimited),
        ("kraken/error-unavailable", 200, kraken, Unavailable),
        ("kraken/error-unknown-pair", 200, kraken, UnknownSymbol),
        ("coinbase/exchange-error-not-found", 404, coinbase, UnknownSymbol),
        ("coingecko/error-429", 429, coingecko, RateLimited),
        ("coingecko/markets-error-missing-vs-currency", 422, coingecko, Declined),
    ],
)
def test_recorded_refusals_of_six_more(name: str, status: int, module: Any, kind: type[MarketError]) -> None:
    error = module.explain(status, recorded(name))
    assert type(error) is kind
    assert (error.exchange, f"HTTP {status}" in error.detail) == (module.ID, True)


@together(
    "module, status, body, kind",
    [
        (gate, 400, b'{"label":"INVALID_CURRENCY_PAIR"}', UnknownSymbol),
        (gate, 400, b'{"label":"CONTRACT_NOT_FOUND"}', UnknownSymbol),
        (gate, 400, b'{"label":"INVALID_CONTRACT"}', UnknownSymbol),
        (gate, 400, b'{"label":"TOO_FAST"}', RateLimited),
        (gate, 404, b'{"label":"SOMETHING_NEW"}', UnknownSymbol),
        (gate, 404, b"<html>", Declined),
        (gate, 400, b'{"label":"TOO_MANY_REQUESTS"}', RateLimited),
        (gate, 403, b"<html>", Blocked),
        (bitget, 400, b'{"code":"40309"}', UnknownSymbol),
        (bitget, 200, b'{"code":"40034","data":null}', UnknownSymbol),
        (bitget, 200, b'{"code":"429"}', RateLimited),
        (bitget, 200, b'{"code":"40725"}', Unavailable),
        (bitget, 400, b'{"code":"45001"}', Unavailable),
        (bitget, 400, b'{"code":"30007"}', RateLimited),
        (bitget, 403, b"<html>", Blocked),
        (deribit, 200, b'{"error":{"code":-32602}}', UnknownSymbol),
        (deribit, 400, b'{"error":{"code":10020}}', UnknownSymbol),
        (deribit, 400, b'{"error":{"code":13020}}', UnknownSymbol),
        (deribit, 200, b'{"error":{"code":10028}}', RateLimited),
        (deribit, 200, b'{"error":{"code":11051}}', Unavailable),
        (deribit, 400, b'{"error":{"code":11094}}', Unavailable),
        (deribit, 400, b'{"error":{"code":[]}}', Declined),
        (deribit, 200, b'{"error":"no"}', BadResponse),
        (kraken, 200, b'{"error":["EQuery:Invalid asset pair"]}', UnknownSymbol),
        (kraken, 200, b'{"error":["EService:Market in cancel_only mode"]}', NotTraded),
        (kraken, 200, b'{"result":"error","error":"contractNotFound"}', UnknownSymbol),
        (kraken, 400, b'{"result":"error","error":"apiLimitExceeded"}', RateLimited),
        (kraken, 200, b'{"result":"error","error":"marketUnavailable"}', NotTraded),
        (kraken, 200, b'{"result":"error","error":"Unavailable"}', Unavailable),
        (kraken, 404, b"<html>", UnknownSymbol),
        (kraken, 404, b'{"error":"somethingElse"}', Declined),
        (kraken, 200, b'{"error":{"a":1}}', Declined),
        (coinbase, 400, b'{"message":"granularity too small"}', Declined),
        (coinbase, 404, b"", UnknownSymbol),
        (coingecko, 403, b"error code: 1020", Blocked),
    ],
)
def test_refusals_of_six_more(module: Any, status: int, body: bytes, kind: type[MarketError]) -> None:
    assert type(module.explain(status, body)) is kind


@together(
    "module, wait_s",
    [(okx, 2), (gate, 10), (bitget, 1), (hyperliquid, 10), (deribit, 2), (kraken, 5), (coinbase, 2), (coingecko, 60)],
)
def test_rate_limits_say_how_long(module: Any, wait_s: float) -> None:
    error = module.explain(429, b"")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@together("module", [gate, bitget, hyperliquid, deribit, kraken, coinbase, coingecko])
@together(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"label": {}}', b'{"code": []}', b'{"error": [5]}', b'{"error": {}}', b"\xff"],
)
@together(
    "status, kind",
    [
        (400, Declined),
        (401, Declined),
        (403, Blocked),
        (418, Declined),
        (429, RateLimited),
        (451, Blocked),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_any_refusal_of_six_more(module: Any, body: bytes, status: int, kind: type[MarketError]) -> None:
    error = module.explain(status, body)
    assert (type(error), error.exchange) == (kind, module.ID)
    if status >= 500:
        assert error.reason == Reason.HTTP_STATUS


@together(
    "parse, body, kind",
    [
        (lambda body: bitget.parse_spot(body, a_spot("X-USDT")), b'{"code":"40034","data":null}', UnknownSymbol),
        (lambda body: bitget.parse_perp(body, a_perp("X-USDT")), b'{"code":"00000","data":null}', BadResponse),
        (
            lambda body: bitget.parse_perp(body, a_perp("X-USDT")),
            b'{"code":"00000","data":{"symbol":"X"}}',
            BadResponse,
        ),
        (lambda body: bitget.parse_perp(body, a_perp("X-USDT")), b'{"code":"00000","data":[]}', UnknownSymbol),
        (lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")), b'{"code":"00000","data":[]}', UnknownSymbol),
        (
            lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")),
            b'{"code":0,"data":[{"fundingRate":"0"}]}',
            BadResponse,
        ),
        (lambda body: gate.parse_spot(body, a_spot("X-USDT")), b"[]", UnknownSymbol),
        (lambda body: gate.parse_perp(body, a_perp("X-USDT")), b"[]", UnknownSymbol),
        (lambda body: gate.parse_perp(body, a_perp("X-USDT")), b'{"last":"5"}', BadResponse),
        (lambda body: gate.parse_contract(body, a_perp("X-USDT")), b'[{"name":"X"}]', BadResponse),
        (lambda body: deribit.parse_perp(body, a_perp("X-COIN")), b'{"error":{"code":-32602}}', UnknownSymbol),
        (lambda body: deribit.parse_perp(body, a_perp("X-COIN")), b'{"result":[]}', BadResponse),
        (
            lambda body: deribit.parse_perp(body, a_perp("X-COIN")),
            b'{"result":{"last_price":5,"timestamp":1}}',
            BadResponse,
        ),
        (
            lambda body: kraken.parse_spot(body, a_spot("X-USD")),
            b'{"error":["EQuery:Unknown asset pair"]}',
            UnknownSymbol,
        ),
        (lambda body: kraken.parse_spot(body, a_spot("X-USD")), b'{"error":["EAPI:Rate limit exceeded"]}', RateLimited),
        (lambda body: okx.parse_funding(body, a_perp("BTC-USDT")), b'{"code":"0","data":[]}', UnknownSymbol),
        (lambda body: okx.parse_open_interest(body, a_perp("BTC-USDT")), b'{"code":"0","data":[]}', UnknownSymbol),
    ],
)
def test_refused_with_http_200(parse: Callable[[bytes], Any], body: bytes, kind: type[MarketError]) -> None:
    with pytest.raises(MarketError) as caught:
        parse(body)
    assert type(caught.value) is kind


# Missing and malformed figures, at the others.


class Part(NamedTuple):
    """An answer with every figure that its parser reads. needed: those without which it is worth nothing."""

    parse: Callable[[bytes], Any]
    wrap: Callable[[list[dict[str, Any]]], bytes]
    row: dict[str, Any]
    needed: tuple[str, ...] = ()
    price: str = ""  # without which there is no market


def _usdm(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"symbols": rows}).encode()


def _of_figures(rows: list[dict[str, Any]]) -> bytes:
    """Kraken's spot ticker, whose figures are the first or second of a list."""
    return of_kraken_ticker(
        [{key: [value] if key in "abc" else ["1", value] for key, value in row.items()} for row in rows]
    )


def _with_stats(rows: list[dict[str, Any]]) -> bytes:
    """Deribit's ticker, a part of which is one level deeper."""
    keys = ("high", "low", "price_change", "volume", "volume_usd")
    row = rows[0]
    outer = {key: row[key] for key in row if key not in keys}
    return of_deribit_ticker([{**outer, "stats": {key: row[key] for key in row if key in keys}}])


PARTS = {
    "binance coin-margined ticker": Part(
        lambda body: binance.parse_coinm_ticker(body, a_perp("X-COIN", 1, 10)),
        plain,
        {"lastPrice": "5", "highPrice": "6", "lowPrice": "4", "priceChangePercent": "1", "volume": "9"}
        | {"baseVolume": "8", "closeTime": 1, "bidPrice": "4", "askPrice": "6"},
        ("closeTime", "lastPrice"),
    ),
    "binance coin-margined open interest": Part(
        lambda body: binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 10)),
        first_of,
        {"openInterest": "5"},
        ("openInterest",),
    ),
    "binance coin-margined funding": Part(
        lambda body: binance.parse_coinm_funding(body, a_perp("BTC-COIN")),
        plain,
        {"lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
        ("lastFundingRate",),
    ),
    "binance funding": Part(
        lambda body: binance.parse_funding(body, a_perp("BTC-USDT")),
        first_of,
        {"lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
        ("lastFundingRate",),
    ),
    "binance open interest": Part(
        lambda body: binance.parse_open_interest(body, a_perp("BTC-USDT")),
        first_of,
        {"openInterest": "5"},
        ("openInterest",),
    ),
    "bybit perp": Part(
        lambda body: bybit.parse_perp(body, a_perp("X-USDT")),
        of_bybit,
        {"lastPrice": "5", "bid1Price": "4", "ask1Price": "6", "highPrice24h": "6", "lowPrice24h": "4"}
        | {"price24hPcnt": "0.1", "volume24h": "9", "turnover24h": "9", "openInterest": "9", "openInterestValue": "9"}
        | {"fundingRate": "0.1", "nextFundingTime": "1", "fundingIntervalHour": "8", "markPrice": "5"},
        price="lastPrice",
    ),
    "bybit one side": Part(
        lambda body: bybit.parse_perp(body, a_perp("X-USDT")),
        of_bybit,
        {"lastPrice": "5", "singleOpenInterest": "9", "singleOpenInterestValue": "9"},
        price="lastPrice",
    ),
    "okx swap": Part(
        lambda body: okx.parse_perp(body, a_perp("X-USDT")),
        of_okx,
        {"last": "5", "bidPx": "4", "askPx": "6", "high24h": "6", "low24h": "4", "open24h": "4", "volCcy24h": "9"}
        | {"ts": "1"},
        ("ts",),
        price="last",
    ),
    "okx open interest": Part(
        lambda body: okx.parse_open_interest(body, a_perp("BTC-USDT")), of_okx, {"oiCcy": "5", "oiUsd": "9"}, ("oiCcy",)
    ),
    "okx funding": Part(
        lambda body: okx.parse_funding(body, a_perp("BTC-USDT")),
        of_okx,
        {"fundingRate": "0.1", "fundingTime": "1", "nextFundingTime": "2"},
        ("fundingRate",),
    ),
    "gate spot": Part(
        lambda body: gate.parse_spot(body, a_spot("X-USDT")),
        plain,
        {"last": "5", "highest_bid": "4", "lowest_ask": "6", "high_24h": "6", "low_24h": "4", "base_volume": "9"}
        | {"change_percentage": "1", "quote_volume": "9"},
        price="last",
    ),
    "gate perp": Part(
        lambda body: gate.parse_perp(body, a_perp("X-USDT")),
        plain,
        {"last": "5", "volume_24h_base": "9", "volume_24h_quote": "9"},
        price="last",
    ),
    "gate contract": Part(
        lambda body: gate.parse_contract(body, a_perp("X-USDT")),
        first_of,
        {"position_size": 9, "quanto_multiplier": "0.1", "mark_price": "5", "funding_rate": "0.1"}
        | {"funding_interval": 28800, "funding_next_apply": 1},
    ),
    "gate contract size": Part(
        lambda body: gate.parse_contract_size(body, a_perp("BTC-USDT")),
        first_of,
        {"quanto_multiplier": "0.1"},
        ("quanto_multiplier",),
    ),
    "bitget spot": Part(
        lambda body: bitget.parse_spot(body, a_spot("X-USDT")),
        of_bitget,
        {"lastPr": "5", "bidPr": "4", "askPr": "6", "high24h": "6", "low24h": "4", "change24h": "0.1"}
        | {"baseVolume": "9", "quoteVolume": "9", "ts": "1"},
        ("ts",),
        price="lastPr",
    ),
    "bitget perp": Part(
        lambda body: bitget.parse_perp(body, a_perp("X-USDT")),
        of_bitget,
        {"lastPr": "5", "holdingAmount": "9", "fundingRate": "0.1", "markPrice": "5", "ts": "1"},
        ("ts",),
        price="lastPr",
    ),
    "bitget funding": Part(
        lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")),
        of_bitget,
        {"fundingRate": "0.1", "fundingRateInterval": "8", "nextUpdate": "1"},
        ("fundingRate",),
    ),
    "deribit perp": Part(
        lambda body: deribit.parse_perp(body, a_perp("X-COIN")),
        _with_stats,
        {"last_price": 5, "mark_price": 5, "best_bid_price": 4, "best_ask_price": 6, "open_interest": 9}
        | {"funding_8h": 0.1, "timestamp": 1, "high": 6, "low": 4, "price_change": 1, "volume": 9, "volume_usd": 9},
        ("timestamp",),
        price="last_price",
    ),
    "kraken spot": Part(
        lambda body: kraken.parse_spot(body, a_spot("BTC-USD")),
        _of_figures,
        {"a": "6", "b": "4", "c": "5", "v": "9", "p": "5", "l": "4", "h": "6"},
        ("c",),
    ),
    "coinbase spot": Part(
        lambda body: coinbase.parse_spot(body, a_spot("X-USD")),
        first_of,
        {"last": "5", "high": "6", "low": "4", "open": "4", "volume": "9"},
        ("last",),
    ),
}
EVERY_PART = together("part", PARTS.values(), ids=PARTS)


@EVERY_PART
def test_figures_as_texts_and_as_numbers(part: Part) -> None:
    as_told = part.parse(part.wrap([part.row]))
    for write in (str, float):
        assert part.parse(part.wrap([{key: write(value) for key, value in part.row.items()}])) == as_told


@EVERY_PART
@together("value", ["abc", [], {}, True, False, "NaN", "nan", "inf", "-inf", "1e999", "1e31", 1e300])
def test_figure_that_is_none(part: Part, value: Any) -> None:
    for key in part.row:
        with pytest.raises(BadResponse):
            part.parse(part.wrap([part.row | {key: value}]))


@EVERY_PART
@together("value", ["", None])
def test_figure_that_is_missing(part: Part, value: Any) -> None:
    for key in part.row:
        row = part.row | {key: value}
        if key == part.price:
            with pytest.raises(NotTraded):
                part.parse(part.wrap([row]))
        elif key in part.needed:
            with pytest.raises(BadResponse):
                part.parse(part.wrap([row]))
        else:
            assert part.parse(part.wrap([row])) is not None


PRICES = {"bidPrice", "askPrice", "highPrice", "lowPrice", "markPrice", "bid1Price", "ask1Price", "highPrice24h"}
PRICES |= {"lowPrice24h", "bidPx", "askPx", "high24h", "low24h", "open24h", "highest_bid", "lowest_ask", "high_24h"}
PRICES |= {"low_24h", "mark_price", "bidPr", "askPr", "best_bid_price", "best_ask_price", "high", "low", "open"}
TIMES = {"nextFundingTime", "fundingTime", "funding_interval", "funding_next_apply", "nextUpdate"}


@EVERY_PART
@together("zero", ["0", "0.00000000", 0, 0.0])
def test_zero_for_a_price_or_a_time_that_there_is_not(part: Part, zero: Any) -> None:
    keys = part.row.keys() & (PRICES | TIMES | ({"a", "b", "l", "h"} if part.wrap is _of_figures else set()))
    for key in keys:
        missing, told = (part.parse(part.wrap([part.row | {key: value}])) for value in (None, zero))
        assert told == missing, key


@EVERY_PART
def test_no_price_is_below_zero(part: Part) -> None:
    for key in part.row.keys() & (PRICES | ({"a", "b", "c"} if part.wrap is _of_figures else set())):
        for price in (-5, "-0.1"):
            with pytest.raises(BadResponse):
                part.parse(part.wrap([part.row | {key: price}]))


@EVERY_PART
def test_row_without_a_key(part: Part) -> None:
    for key in part.row:
        row = {each: part.row[each] for each in part.row if each != key}
        if key == part.price or key in part.needed:
            with pytest.raises(MarketError):
                part.parse(part.wrap([row]))
        else:
            part.parse(part.wrap([row]))


@together("name", [name for name, part in PARTS.items() if part.price or {"last", "c"} & part.row.keys()])
@together("price", ["0", 0, -5, "-0.1"])
def test_price_at_or_below_zero(name: str, price: Any) -> None:
    part = PARTS[name]
    key = part.price or ("c" if "c" in part.row else "last")
    with pytest.raises(NotTraded if price in ("0", 0) else BadResponse):
        part.parse(part.wrap([part.row | {key: price}]))


@EVERY_PART
@together("body", [b"", b"{", b"\xff", b"<html>", b"5", b'"x"', b"true", b"null", b"[5]", b"[null]"])
def test_answer_that_is_none(part: Part, body: bytes) -> None:
    with pytest.raises(BadResponse):
        part.parse(body)


@together("name", [name for name, part in PARTS.items() if part.wrap in (plain, of_bybit, of_okx, of_bitget)])
@together("row", [None, 5, "x", [], True])
def test_row_that_is_none(name: str, row: Any) -> None:
    with pytest.raises(BadResponse):
        PARTS[name].parse(PARTS[name].wrap([row]))


def test_funding_period_is_the_distance_of_two_times() -> None:
    told = okx.parse_funding(
        of_okx([{"fundingRate": "0", "fundingTime": "14400000", "nextFundingTime": "28800000"}]), a_perp("BTC-USDT")
    )
    assert told.funding == Funding(0, 4.0, 14400000, None)
    for after in ("14400000", "0", "", "1"):
        row = {"fundingRate": "0", "fundingTime": "14400000", "nextFundingTime": after}
        assert okx.parse_funding(of_okx([row]), a_perp("BTC-USDT")).funding == Funding(0, None, 14400000, None)


@together(
    "name", ["BTCUSDT", "BTC-USDT", "FF_XBTUSD", "", "../币-USD", "a/b", "a b", "A&symbol=B", "50%", "BTC\n", "ß"]
)
def test_name_stands_in_a_query_as_the_standard_library_has_it(name: str) -> None:
    assert percent_encode(name) == by_the_book(name, safe="")
