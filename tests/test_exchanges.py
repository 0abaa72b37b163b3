"""Parsers on recorded answers, field by field with units; and on what no exchange should send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import recorded

from exchanges import (
    BadResponse,
    Blocked,
    Endpoint,
    Funding,
    MarketError,
    OpenInterest,
    RateLimited,
    Ticker,
    Unavailable,
    UnknownSymbol,
    binance,
    bybit,
    number,
    okx,
    split,
)

# Figures and units, against recordings.


def test_binance_spot_ticker() -> None:
    assert binance.parse_ticker(recorded("binance/spot-ticker-24hr"), "BTC-USDT") == Ticker(
        exchange="binance",
        symbol="BTC-USDT",
        last=118449.03,
        bid=118449.02,
        ask=118449.03,
        high=119273.36,
        low=117427.5,
        change_pct=-0.159,  # a percent already
        base_volume=14741.41491,
        quote_volume=1744744445.8064074,
        time_ms=1753787874013,
    )


def test_binance_usdm_ticker_has_no_book() -> None:
    ticker = binance.parse_perp(recorded("binance/um-ticker-24hr"), "S-USDT").ticker
    assert ticker is not None
    assert (ticker.last, ticker.bid, ticker.ask) == (0.315, None, None)
    assert (ticker.base_volume, ticker.quote_volume, ticker.change_pct) == (120588225, 38709237.2289, -6.777)


def test_binance_open_interest_in_coins() -> None:
    perp = binance.parse_open_interest(recorded("binance/um-open-interest"))
    assert perp.open_interest == OpenInterest(10659.509, None)


def test_binance_funding_is_a_fraction() -> None:
    perp = binance.parse_funding(recorded("binance/um-premium-index"))
    assert perp.funding == Funding(0.00038246, None, 1597392000000, 11793.63104562)


def test_binance_funding_interval() -> None:
    (row,) = json.loads(recorded("binance/um-funding-info"))
    assert binance.parse_funding_interval(row) == ("BLZ-USDT", 8.0)


def test_binance_by_the_thousand_is_per_coin() -> None:
    body = b'{"lastPrice":"0.0123400","highPrice":"0.0130000","lowPrice":"0.0120000","priceChangePercent":"1.5",'
    body += b'"volume":"1000","quoteVolume":"12.34","closeTime":1700000000000}'
    ticker = binance.parse_ticker(body, "PEPE-USDT", 1000)
    assert ticker.last == pytest.approx(0.00001234)
    assert (ticker.base_volume, ticker.quote_volume) == (1_000_000, 12.34)
    assert binance.parse_open_interest(b'{"openInterest":"5"}', 1000).open_interest == OpenInterest(5000, None)


def test_everything_by_the_thousand_is_per_coin() -> None:
    funding = binance.parse_funding(b'{"lastFundingRate":"0.0001","markPrice":"0.0123"}', 1000).funding
    assert funding is not None
    assert funding.mark == pytest.approx(0.0000123)
    row = {"lastPrice": "0.0123", "markPrice": "0.0123", "fundingRate": "0.0001", "singleOpenInterest": "5"}
    perp = bybit.parse_perp(_bybit([row]), "1000PEPE-USDT", 1000)
    assert perp.funding is not None
    assert perp.funding.mark == pytest.approx(0.0000123)
    assert perp.open_interest == OpenInterest(5000, None)


def test_bybit_spot_ticker() -> None:
    ticker = bybit.parse_spot(recorded("bybit/spot-ticker"), "BTC-USDT")
    assert ticker.change_pct == pytest.approx(0.68)  # sent as the fraction 0.0068
    assert ticker._replace(change_pct=None) == Ticker(
        exchange="bybit",
        symbol="BTC-USDT",
        last=20533.13,
        bid=20517.96,
        ask=20527.77,
        high=21128.12,
        low=20318.89,
        change_pct=None,
        base_volume=11801.27771,
        quote_volume=243765620.65899866,
        time_ms=1673859087947,
    )


def test_bybit_perp_tells_everything_at_once() -> None:
    perp = bybit.parse_perp(recorded("bybit/linear-ticker"), "BTC-USDT")
    assert perp.ticker is not None
    assert perp.ticker.change_pct == pytest.approx(0.8797)
    assert (perp.ticker.base_volume, perp.ticker.quote_volume) == (115859.112, 7940401914.5025)
    # Both sides are counted by openInterest; we count one.
    assert perp.open_interest == OpenInterest(69655.813 / 2, 4781864596.87 / 2)
    assert perp.funding == Funding(0.0001, None, 1730736000000, 68649.9)


def test_bybit_one_side_where_it_is_told() -> None:
    row = {"lastPrice": "100", "openInterest": "10", "singleOpenInterest": "5", "singleOpenInterestValue": "500"}
    perp = bybit.parse_perp(_bybit([row | {"fundingRate": "", "fundingIntervalHour": ""}]), "X-USDT")
    assert perp.open_interest == OpenInterest(5, 500)
    assert perp.funding is None


def test_okx_spot_ticker() -> None:
    ticker = okx.parse_spot(recorded("okx/spot-ticker"), "ETH-BTC")
    assert (ticker.base_volume, ticker.quote_volume) == (167493.829229, 11788.887619)
    assert ticker.change_pct == pytest.approx((0.07319 - 0.07801) / 0.07801 * 100)
    assert (ticker.last, ticker.bid, ticker.ask, ticker.time_ms) == (0.07319, 0.0732, 0.07322, 1621440583784)


def test_okx_swap_volume_is_in_coins_not_contracts() -> None:
    row = {"last": "50000", "open24h": "40000", "vol24h": "12345678", "volCcy24h": "123456.78", "ts": "1700000000000"}
    ticker = okx.parse_perp(_okx([row]), "BTC-USDT").ticker
    assert ticker is not None
    assert (ticker.base_volume, ticker.quote_volume, ticker.change_pct) == (123456.78, 123456.78 * 50000, 25)


def test_okx_swap_ticker_recorded() -> None:
    ticker = okx.parse_perp(recorded("okx/swap-tickers"), "LTC-USD").ticker
    assert ticker is not None
    assert (ticker.last, ticker.base_volume) == (9999.99, 2222)


def test_okx_open_interest_in_coins_not_contracts() -> None:
    perp = okx.parse_open_interest(recorded("okx/open-interest-swap-docs"))
    assert perp.open_interest == OpenInterest(555.55, None)
    newer = _okx([{"oi": "2663107.3", "oiCcy": "26631.073", "oiUsd": "1676426045.35", "ts": "1"}])
    assert okx.parse_open_interest(newer).open_interest == OpenInterest(26631.073, 1676426045.35)


def test_okx_next_funding_is_the_nearer_time() -> None:
    perp = okx.parse_funding(recorded("okx/funding-rate"))
    assert perp.funding == Funding(0.000079238688534, 8.0, 1703088000000, None)


# Errors, against recordings.


@pytest.mark.parametrize(
    ("name", "status", "explain", "kind"),
    [
        ("binance/error-restricted-location-451", 451, binance.explain, Blocked),
        ("binance/error-unknown-symbol", 400, binance.explain, UnknownSymbol),
        ("binance/error-rate-limit-429", 429, binance.explain, RateLimited),
        ("binance/error-ip-ban-418", 418, binance.explain, RateLimited),
        ("binance/error-bad-interval", 400, binance.explain, BadResponse),
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


def test_bybit_rate_limit_with_http_403_is_no_region() -> None:
    assert type(bybit.explain(403, b'{"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit."}')) is RateLimited


def test_binance_ban_says_until_when() -> None:
    error = binance.explain(418, recorded("binance/error-ip-ban-418"))
    assert isinstance(error, RateLimited)
    assert error.until_ms == 1660090423228


@pytest.mark.parametrize("module", [binance, bybit, okx])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"code": {}}', b'{"retCode": []}', b"\xff\xfe"])
@pytest.mark.parametrize("status", [400, 403, 404, 418, 429, 451, 500, 503])
def test_any_refusal_has_a_meaning(module: Any, body: bytes, status: int) -> None:
    error = module.explain(status, body)
    assert isinstance(error, MarketError)
    assert error.exchange == module.ID
    assert isinstance(error, Unavailable) == (
        status in (403, 418, 429, 451, 500, 503) and type(error) is not BadResponse
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [(10001, UnknownSymbol), (10006, RateLimited), (10009, Blocked), (10016, Unavailable), (1, BadResponse)],
)
def test_bybit_codes_with_http_200(code: int, kind: type[MarketError]) -> None:
    body = json.dumps({"retCode": code, "retMsg": "no", "result": {}, "time": 1}).encode()
    with pytest.raises(kind):
        bybit.parse_spot(body, "BTC-USDT")


@pytest.mark.parametrize(
    ("code", "kind"), [("51001", UnknownSymbol), ("50011", RateLimited), ("50001", Unavailable), ("1", BadResponse)]
)
def test_okx_codes_with_http_200(code: str, kind: type[MarketError]) -> None:
    with pytest.raises(kind):
        okx.parse_spot(json.dumps({"code": code, "msg": "no"}).encode(), "BTC-USDT")


# Missing and malformed figures, at every exchange.


def _bybit(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "time": 1700000000000}).encode()


def _okx(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": rows}).encode()


def _plain(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows[0]).encode()


TICKERS: list[Any] = [
    pytest.param(binance.parse_ticker, _plain, {"lastPrice": "5", "closeTime": 1}, "lastPrice", id="binance"),
    pytest.param(bybit.parse_spot, _bybit, {"lastPrice": "5"}, "lastPrice", id="bybit"),
    pytest.param(okx.parse_spot, _okx, {"last": "5", "ts": "1"}, "last", id="okx"),
]


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
def test_ticker_with_nothing_but_a_price(parse: Any, wrap: Any, row: dict[str, Any], key: str) -> None:
    ticker = parse(wrap([row]), "X-USDT")
    assert ticker.last == 5
    assert [ticker.bid, ticker.high, ticker.change_pct, ticker.base_volume, ticker.quote_volume] == [None] * 5


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
@pytest.mark.parametrize("value", ["", None, "abc", [], {}, True, "NaN", "inf", "-5", -1, "1e999"])
def test_ticker_without_a_price_is_unusable(parse: Any, wrap: Any, row: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(UnknownSymbol if value in ("", None) and parse is not binance.parse_ticker else BadResponse):
        parse(wrap([row | {key: value}]), "X-USDT")


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"null", b'"x"', b"{", b"\xff", b"<html>", b'{"code":"0","data":[7]}']
)
def test_ticker_that_is_no_ticker(parse: Any, wrap: Any, row: dict[str, Any], key: str, body: bytes) -> None:
    with pytest.raises(BadResponse):
        parse(body, "X-USDT")


def test_empty_list_is_an_unknown_symbol() -> None:
    with pytest.raises(UnknownSymbol):
        bybit.parse_spot(_bybit([]), "X-USDT")
    with pytest.raises(UnknownSymbol):
        okx.parse_spot(_okx([]), "X-USDT")


def test_binance_market_that_never_traded() -> None:
    with pytest.raises(UnknownSymbol):
        binance.parse_ticker(b'{"lastPrice":"0.00000000","closeTime":1}', "X-USDT")


# Spelling.


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        (binance.spot("BTC-USDT"), "/api/v3/ticker/24hr?symbol=BTCUSDT"),
        (binance.perp("1000PEPE-USDT", 1000)["ticker"], "/fapi/v1/ticker/24hr?symbol=1000PEPEUSDT"),
        (binance.perp("1MBABYDOGE-USDT", 1_000_000)["funding"], "/fapi/v1/premiumIndex?symbol=1MBABYDOGEUSDT"),
        (bybit.perp("BTC-USDC")["ticker"], "/v5/market/tickers?category=linear&symbol=BTCPERP"),
        (bybit.spot("BTC-USDC"), "/v5/market/tickers?category=spot&symbol=BTCUSDC"),
        (
            bybit.perp("1000000BABYDOGE-USDT", 1_000_000)["ticker"],
            "/v5/market/tickers?category=linear&symbol=1000000BABYDOGEUSDT",
        ),
        (okx.spot("BTC-USDT"), "/api/v5/market/ticker?instId=BTC-USDT"),
        (okx.perp("BTC-USDT")["open interest"], "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP"),
        (binance.spot("币安人生-USDT"), "/api/v3/ticker/24hr?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"),
    ],
)
def test_targets(endpoint: Endpoint[Any], target: str) -> None:
    assert endpoint.target == target


@pytest.mark.parametrize(
    ("row", "symbol"),
    [
        ({"symbol": "BTCUSDT", "deliveryTime": "0"}, "BTC-USDT"),
        ({"symbol": "BTCUSDT"}, "BTC-USDT"),
        ({"symbol": "BTCPERP", "deliveryTime": "0"}, "BTC-USDC"),
        ({"symbol": "1000PEPEUSDT"}, "1000PEPE-USDT"),
        ({"symbol": "BTC-27DEC24"}, None),
        ({"symbol": "BTCUSDZ24", "deliveryTime": "1735286400000"}, None),
        ({"symbol": None}, None),
        ({}, None),
    ],
)
def test_bybit_symbols_in_lists(row: dict[str, Any], symbol: str | None) -> None:
    assert bybit.parse_symbol(row) == symbol


def test_symbols_in_lists() -> None:
    assert binance.parse_symbol({"symbol": "1000SATSUSDT"}) == "1000SATS-USDT"
    assert binance.parse_symbol({"symbol": "ETHBTC"}) is None
    assert binance.parse_symbol({"symbol": "ETHUSDT_230331"}) is None
    assert binance.parse_symbol({"symbol": "USDT"}) is None
    assert okx.parse_symbol({"instId": "BTC-USDT-SWAP"}) == "BTC-USDT"
    assert okx.parse_symbol({}) is None
    assert binance.parse_funding_interval({"symbol": "ETHBTC", "fundingIntervalHours": 4}) is None


def test_numbers() -> None:
    row = {"a": "1.5", "b": "", "c": None, "d": 7, "e": "x"}
    assert [number("okx", row, key) for key in "abcdz"] == [1.5, None, None, 7.0, None]
    with pytest.raises(BadResponse, match="okx: e is no number"):
        number("okx", row, "e")


def test_split() -> None:
    assert split("BTC-USDT") == ("BTC", "USDT")
