"""Parsers on recorded answers, field by field with units; and on what no exchange should send."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from conftest import NOW_MS, RECORDINGS, a_perp, a_spot, recorded

from asking.cutter import ArrayCutter
from exchanges import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.coinbase import Coinbase
from exchanges.deribit import Deribit
from exchanges.endpoints import Endpoint, ListEndpoint
from exchanges.errors import (
    BadResponse,
    Blocked,
    ClockWrong,
    Gone,
    MarketError,
    NotSupported,
    RateLimited,
    Refused,
    Unavailable,
    UnknownSymbol,
)
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.reading import Row, row_in
from exchanges.symbols import split
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Funding, OpenInterest, Ratio, Snapshot, Ticker

# Figures and units, against recordings.


def test_binance_spot_ticker() -> None:
    assert binance.parse_ticker(recorded("binance/spot-ticker-24hr"), a_spot("BTC-USDT")) == Ticker(
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
    ticker = binance.parse_perp(recorded("binance/um-ticker-24hr"), a_perp("S-USDT")).ticker
    assert ticker is not None
    assert (ticker.last, ticker.bid, ticker.ask) == (0.315, None, None)
    assert (ticker.base_volume, ticker.quote_volume, ticker.change_pct) == (120588225, 38709237.2289, -6.777)


def test_binance_open_interest_in_coins() -> None:
    perp = binance.parse_open_interest(recorded("binance/um-open-interest"), a_perp("BTC-USDT"))
    assert perp.open_interest == OpenInterest(10659.509, None)


def test_binance_funding_is_a_fraction() -> None:
    perp = binance.parse_funding(recorded("binance/um-premium-index"), a_perp("BTC-USDT"))
    assert perp.funding == Funding(0.00038246, None, 1597392000000, 11793.63104562)


def test_binance_funding_interval() -> None:
    (row,) = json.loads(recorded("binance/um-funding-info"))
    assert binance.parse_funding_interval(Row("binance", row)) == ("BLZ-USDT", 8.0)


def test_binance_by_the_thousand_is_per_coin() -> None:
    body = b'{"lastPrice":"0.0123400","highPrice":"0.0130000","lowPrice":"0.0120000","priceChangePercent":"1.5",'
    body += b'"volume":"1000","quoteVolume":"12.34","closeTime":1700000000000}'
    ticker = binance.parse_ticker(body, a_spot("PEPE-USDT", 1000))
    assert ticker.last == pytest.approx(0.00001234)
    assert (ticker.base_volume, ticker.quote_volume) == (1_000_000, 12.34)
    assert binance.parse_open_interest(b'{"openInterest":"5"}', a_perp("BTC-USDT", 1000)).open_interest == OpenInterest(
        5000, None
    )


def test_everything_by_the_thousand_is_per_coin() -> None:
    funding = binance.parse_funding(
        b'{"lastFundingRate":"0.0001","markPrice":"0.0123"}', a_perp("BTC-USDT", 1000)
    ).funding
    assert funding is not None
    assert funding.mark == pytest.approx(0.0000123)
    row = {"lastPrice": "0.0123", "markPrice": "0.0123", "fundingRate": "0.0001", "singleOpenInterest": "5"}
    perp = bybit.parse_perp(_bybit([row]), a_perp("1000PEPE-USDT", 1000))
    assert perp.funding is not None
    assert perp.funding.mark == pytest.approx(0.0000123)
    assert perp.open_interest == OpenInterest(5000, None)


def test_bybit_spot_ticker() -> None:
    ticker = bybit.parse_spot(recorded("bybit/spot-ticker"), a_spot("BTC-USDT"))
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
    perp = bybit.parse_perp(recorded("bybit/linear-ticker"), a_perp("BTC-USDT"))
    assert perp.ticker is not None
    assert perp.ticker.change_pct == pytest.approx(0.8797)
    assert (perp.ticker.base_volume, perp.ticker.quote_volume) == (115859.112, 7940401914.5025)
    # Both sides are counted by openInterest; we count one.
    assert perp.open_interest == OpenInterest(69655.813 / 2, 4781864596.87 / 2)
    assert perp.funding == Funding(0.0001, None, 1730736000000, 68649.9)


def test_bybit_one_side_where_it_is_told() -> None:
    row = {"lastPrice": "100", "openInterest": "10", "singleOpenInterest": "5", "singleOpenInterestValue": "500"}
    perp = bybit.parse_perp(_bybit([row | {"fundingRate": "", "fundingIntervalHour": ""}]), a_perp("X-USDT"))
    assert perp.open_interest == OpenInterest(5, 500)
    assert perp.funding is None


def test_okx_spot_ticker() -> None:
    ticker = okx.parse_spot(recorded("okx/spot-ticker"), a_spot("ETH-BTC"))
    assert (ticker.base_volume, ticker.quote_volume) == (167493.829229, 11788.887619)
    assert ticker.change_pct == pytest.approx((0.07319 - 0.07801) / 0.07801 * 100)
    assert (ticker.last, ticker.bid, ticker.ask, ticker.time_ms) == (0.07319, 0.0732, 0.07322, 1621440583784)


def test_okx_swap_volume_is_in_coins_not_contracts() -> None:
    row = {"last": "50000", "open24h": "40000", "vol24h": "12345678", "volCcy24h": "123456.78", "ts": "1700000000000"}
    ticker = okx.parse_perp(_okx([row]), a_perp("BTC-USDT")).ticker
    assert ticker is not None
    assert (ticker.base_volume, ticker.quote_volume, ticker.change_pct) == (123456.78, 123456.78 * 50000, 25)


def test_okx_swap_ticker_recorded() -> None:
    ticker = okx.parse_perp(recorded("okx/swap-tickers"), a_perp("LTC-USD")).ticker
    assert ticker is not None
    assert (ticker.last, ticker.base_volume) == (9999.99, 2222)


def test_okx_open_interest_in_coins_not_contracts() -> None:
    perp = okx.parse_open_interest(recorded("okx/open-interest-swap-docs"), a_perp("BTC-USDT"))
    assert perp.open_interest == OpenInterest(555.55, None)
    newer = _okx([{"oi": "2663107.3", "oiCcy": "26631.073", "oiUsd": "1676426045.35", "ts": "1"}])
    assert okx.parse_open_interest(newer, a_perp("BTC-USDT")).open_interest == OpenInterest(26631.073, 1676426045.35)


def test_okx_next_funding_is_the_nearer_time() -> None:
    perp = okx.parse_funding(recorded("okx/funding-rate"), a_perp("BTC-USDT"))
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
        bybit.parse_spot(body, a_spot("BTC-USDT"))


@pytest.mark.parametrize(
    ("code", "kind"), [("51001", UnknownSymbol), ("50011", RateLimited), ("50001", Unavailable), ("1", BadResponse)]
)
def test_okx_codes_with_http_200(code: str, kind: type[MarketError]) -> None:
    with pytest.raises(kind):
        okx.parse_spot(json.dumps({"code": code, "msg": "no"}).encode(), a_spot("BTC-USDT"))


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
    ticker = parse(wrap([row]), a_spot("X-USDT"))
    assert ticker.last == 5
    assert [ticker.bid, ticker.high, ticker.change_pct, ticker.base_volume, ticker.quote_volume] == [None] * 5


@pytest.mark.parametrize(("parse", "wrap", "row", "key"), TICKERS)
@pytest.mark.parametrize("value", ["", None, "abc", [], {}, True, "NaN", "inf", "-5", -1, "1e999"])
def test_ticker_without_a_price_is_unusable(parse: Any, wrap: Any, row: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(UnknownSymbol if value in ("", None) and parse is not binance.parse_ticker else BadResponse):
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
        bybit.parse_spot(_bybit([]), a_spot("X-USDT"))
    with pytest.raises(UnknownSymbol):
        okx.parse_spot(_okx([]), a_spot("X-USDT"))


def test_binance_market_that_never_traded() -> None:
    with pytest.raises(UnknownSymbol):
        binance.parse_ticker(b'{"lastPrice":"0.00000000","closeTime":1}', a_spot("X-USDT"))


# Spelling.


@pytest.mark.parametrize(
    ("endpoint", "target"),
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
            Okx().perp(a_perp("BTC-USDT"))["open interest"],
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
    assert bybit.parse_symbol(Row("bybit", row)) == symbol


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


def _about(figure: float, **options: Any) -> Any:
    """pytest.approx, where a record's type does not allow for it."""
    return pytest.approx(figure, **options)


def _bitget(rows: Any) -> bytes:
    return json.dumps({"code": "00000", "msg": "success", "requestTime": 1700000000000, "data": rows}).encode()


def _rows(rows: Any) -> bytes:
    return json.dumps(rows).encode()


def _deribit(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": rows[0] if rows else {}, "testnet": False}).encode()


def _kraken(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"error": [], "result": {"XXBTZUSD": rows[0]}}).encode()


def test_gate_spot_ticker() -> None:
    """In an array although one was asked for; without a time."""
    assert gate.parse_spot(recorded("gate/spot-ticker-one"), a_spot("BTC-USDT")) == Ticker(
        exchange="gate",
        symbol="BTC-USDT",
        last=26028.7,
        bid=26026.7,
        ask=26026.8,
        high=26202.4,
        low=25606.3,
        change_pct=1.1,  # a percent already
        base_volume=4726.066213526,
        quote_volume=122407105.4829,
        time_ms=0,
    )


def test_gate_perp_volume_is_in_coins_not_contracts() -> None:
    ticker = gate.parse_perp(recorded("gate/perp-ticker-doc"), a_perp("BTC-USDT")).ticker
    assert ticker is not None
    assert (ticker.last, ticker.high, ticker.low, ticker.change_pct) == (6432, 6790, 6278, 4.43)
    assert (ticker.base_volume, ticker.quote_volume) == (28613220, 184040233284)  # volume_24h counts contracts
    assert (ticker.bid, ticker.ask, ticker.time_ms) == (34089.7, 34217.9, 0)


def test_gate_contract_tells_open_interest_and_funding() -> None:
    """Funding period and time are in seconds."""
    perp = gate.parse_contract(recorded("gate/contract-usdt-one"), a_perp("0G-USDT"))
    assert perp.open_interest == OpenInterest(783779, _about(783779 * 0.2048))
    assert perp.funding == Funding(-0.003216, 8.0, 1784131200000, 0.2048)
    assert perp.ticker is None


def test_gate_contract_of_many_coins_in_decimal_texts() -> None:
    (row,) = json.loads(recorded("gate/contracts-usdt-doc"))
    perp = gate.parse_contract(_rows(row), a_perp("LAB-USDT"))
    assert perp.open_interest == OpenInterest(_about(4017780), _about(4017780 * 37985.6))
    assert perp.funding == Funding(0.002053, 8.0, 1610035200000, 37985.6)


def test_gate_contract_of_a_ten_thousandth_coin() -> None:
    row = {"type": "direct", "quanto_multiplier": "0.0001", "position_size": 616999728, "mark_price": "75180.8"}
    interest = gate.parse_contract(_rows(row), a_perp("BTC-USDT")).open_interest
    assert interest == OpenInterest(_about(61699.97), _about(4.6387e9, rel=1e-4))


def test_gate_quanto_contract_recorded() -> None:
    perp = gate.parse_contract(recorded("gate/contract-eth-usd-btc-settled-2019"), a_perp("ETH-USD"))
    assert perp.open_interest == OpenInterest(_about(1.368355), _about(1.368355 * 180.14))
    assert perp.funding == Funding(0.0001, 8.0, 1570089600000, 180.14)


def test_gate_inverse_contract_is_a_dollar_though_its_multiplier_is_zero() -> None:
    row = next(row for row in json.loads(recorded("gate/contracts-btc-settled-2019")) if row["name"] == "BTC_USD")
    assert row["quanto_multiplier"] == "0"
    assert gate.parse_contract(_rows(row), a_perp("BTC-COIN")).open_interest == OpenInterest(None, 8491108)


def test_gate_contract_size() -> None:
    assert gate.parse_contract_size(recorded("gate/contract-usdt-one"), a_perp("BTC-USDT")) == 1
    assert gate.parse_contract_size(b'{"quanto_multiplier": "0.0001"}', a_perp("BTC-USDT")) == 0.0001
    with pytest.raises(BadResponse):
        gate.parse_contract_size(b'{"quanto_multiplier": "0"}', a_perp("BTC-USDT"))


def test_gate_contract_without_what_it_may_lack() -> None:
    row = {"type": "direct", "quanto_multiplier": "0.01", "position_size": 5, "mark_price": "0", "funding_rate": "0.1"}
    perp = gate.parse_contract(_rows(row), a_perp("X-USDT"))
    assert perp.open_interest == OpenInterest(0.05, None)
    assert perp.funding == Funding(0.1, None, None, None)
    assert gate.parse_contract(b'{"type": "direct", "quanto_multiplier": "0"}', a_perp("X-USDT")) == Snapshot()
    later = {"funding_rate": "0", "funding_next_apply": 1700000000.5, "funding_interval": 3600}
    assert gate.parse_contract(_rows(later), a_perp("X-USDT")).funding == Funding(0, 1.0, 1700000000500, None)


def test_bitget_spot_ticker() -> None:
    ticker = bitget.parse_spot(recorded("bitget/spot-ticker-one"), a_spot("BTC-USDT"))
    assert ticker.change_pct == _about(0.321)  # sent as the fraction 0.00321
    assert ticker._replace(change_pct=None) == Ticker(
        exchange="bitget",
        symbol="BTC-USDT",
        last=37583.69,
        bid=37583.68,
        ask=37583.69,
        high=37744.75,
        low=36666,
        change_pct=None,
        base_volume=13907.0386,
        quote_volume=519127705.303,
        time_ms=1700532903261,
    )


def test_bitget_perp_in_a_list_of_one() -> None:
    perp = bitget.parse_perp(recorded("bitget/mix-ticker-one"), a_perp("BTC-USDT"))
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume, perp.ticker.quote_volume) == (
        104823.8,
        79089.5675,
        8274870921.80485,
    )
    assert perp.ticker.change_pct == _about(0.471)
    assert perp.open_interest == OpenInterest(7452.6421, _about(7452.6421 * 104824.2))
    assert perp.funding == Funding(-0.000014, None, None, 104824.2)


def test_bitget_coin_margined_open_interest_is_in_coins() -> None:
    perp = bitget.parse_perp(recorded("bitget/mix-tickers-all-coin-futures"), a_perp("BTC-COIN"))
    assert perp.open_interest == OpenInterest(125.6844, None)  # there is no mark price here
    assert perp.funding == Funding(-0.0007, None, None, None)
    dated = bitget.parse_perp(recorded("bitget/mix-ticker-ETHUSD-delivery-doc"), a_perp("ETH-COIN"))
    assert dated.open_interest == OpenInterest(9488.49, None)
    assert dated.ticker is not None
    assert (dated.ticker.high, dated.ticker.low) == (None, None)  # "0" where nothing was traded


def test_bitget_funding() -> None:
    perp = bitget.parse_funding(recorded("bitget/mix-current-fund-rate"), a_perp("BTC-USDT"))
    assert perp.funding == Funding(-0.000013, 8.0, 1745510400000, None)
    older = bitget.parse_funding(_bitget([{"symbol": "BTCUSDT", "fundingRate": "0.0001"}]), a_perp("BTC-USDT"))
    assert older.funding == Funding(0.0001, None, None, None)


def test_bitget_by_the_thousand_is_per_coin() -> None:
    row = {"lastPr": "0.012", "markPrice": "0.0121", "baseVolume": "5", "quoteVolume": "0.06", "ts": "1"}
    perp = bitget.parse_perp(_bitget([row | {"holdingAmount": "7", "fundingRate": "0"}]), a_perp("PEPE-USDT", 1000))
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume, perp.ticker.quote_volume) == (0.012 / 1000, 5000, 0.06)
    assert perp.open_interest == OpenInterest(7000, _about(7 * 0.0121))
    assert perp.funding == Funding(0, None, None, 0.0121 / 1000)


@pytest.mark.parametrize(
    ("parse", "keys"),
    [
        (
            lambda row: binance.parse_ticker(_plain([row]), a_spot("PEPE-USDT", 1000)),
            ("lastPrice", "bidPrice", "askPrice", "highPrice", "lowPrice", "closeTime"),
        ),
        (
            lambda row: bybit.parse_perp(_bybit([row]), a_perp("PEPE-USDT", 1000)).ticker,
            ("lastPrice", "bid1Price", "ask1Price", "highPrice24h", "lowPrice24h", "ts"),
        ),
        (
            lambda row: bitget.parse_perp(_bitget([row]), a_perp("PEPE-USDT", 1000)).ticker,
            ("lastPr", "bidPr", "askPr", "high24h", "low24h", "ts"),
        ),
    ],
)
def test_every_price_by_the_thousand_is_per_coin(parse: Callable[[Any], Any], keys: tuple[str, ...]) -> None:
    ticker = parse(dict(zip(keys, ("5000", "4000", "6000", "7000", "3000", "1"), strict=True)))
    assert (ticker.last, ticker.bid, ticker.ask, ticker.high, ticker.low) == (5, 4, 6, 7, 3)


def test_deribit_open_interest_is_in_dollars_on_inverse_contracts() -> None:
    """An order book is the ticker and two lists."""
    perp = deribit.parse_perp(recorded("deribit/order-book-BTC-PERPETUAL"), a_perp("BTC-COIN"))
    assert perp.open_interest == OpenInterest(_about(13097.36, abs=0.01), 1139551440)
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
    perp = deribit.parse_perp(_deribit([row]), a_perp("SOL-USDC"))
    assert perp.open_interest == OpenInterest(80000, 80000 * 125.5)
    assert perp.funding is None
    without_mark = deribit.parse_perp(_deribit([row | {"mark_price": None}]), a_perp("SOL-COIN"))
    assert without_mark.open_interest == OpenInterest(None, 80000)


@pytest.mark.parametrize("name", ["kraken/ticker-one-2"])
def test_kraken_spot_ticker_under_another_key(name: str) -> None:
    """XBTUSD was asked for, XXBTZUSD answers. Of two figures the second is of 24 hours, and o of the day."""
    assert kraken.parse_spot(recorded(name), a_spot("BTC-USD")) == Ticker(
        exchange="kraken",
        symbol="BTC-USD",
        last=30303.2,
        bid=30300,
        ask=30300.1,
        high=31631,
        low=29868.3,
        change_pct=None,
        base_volume=4412.73601799,
        quote_volume=4412.73601799 * 30689.13205,
        time_ms=0,
    )


def test_kraken_spot_ticker_of_24_hours_not_of_the_day() -> None:
    ticker = kraken.parse_spot(recorded("kraken/ticker-one"), a_spot("BTC-USDT"))
    assert (ticker.last, ticker.high, ticker.low, ticker.base_volume) == (105899.4, 106613.1, 104711, 163.28908096)
    older = kraken.parse_spot(recorded("kraken/ticker-BCHEUR-2017"), a_spot("BCH-EUR"))
    assert (older.last, older.high, older.low, older.bid, older.ask) == (355.4, 369, 346, 354.3, 355.4)
    assert older.quote_volume == _about(4433.77288826 * 354.543044)


@pytest.mark.parametrize(
    "row",
    [
        {"c": []},
        {"c": "5"},
        {"c": {"0": "5"}},
        {"c": None},
        {},
        {"c": ["5"], "v": ["1"]},
        {"c": ["5"], "h": "9"},
        {"c": ["5"], "a": []},
        {"c": ["0.0"]},
        {"c": ["-5"]},
    ],
)
def test_kraken_spot_figures_are_in_lists(row: dict[str, Any]) -> None:
    with pytest.raises(BadResponse):
        kraken.parse_spot(_kraken([row]), a_spot("BTC-USD"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":[],"result":{}}',
        b'{"error":[],"result":{"A":{"c":["5"]},"B":{"c":["5"]}}}',
        b'{"error":[],"result":[]}',
        b'{"error":[]}',
        b'{"error":[],"result":{"A":[]}}',
        b'{"error":["EGeneral:Internal error"]}',
    ],
)
def test_kraken_spot_is_one_pair(body: bytes) -> None:
    with pytest.raises(BadResponse):
        kraken.parse_spot(body, a_spot("BTC-USD"))


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
    ticker = coinbase.parse_spot(_rows(row), a_spot("X-USD"))
    assert (ticker.high, ticker.low, ticker.base_volume, ticker.change_pct) == (95.7, 7.06, 2.41, None)


def test_binance_coin_margined_ticker_counts_contracts() -> None:
    """volume x 100 dollars a contract, over the mean price, is baseVolume."""
    perp = binance.parse_coinm_ticker(recorded("binance/cm-ticker-24hr"), a_perp("BTC-COIN", 1, 100))
    assert perp.ticker == Ticker(
        exchange="binance",
        symbol="BTC-COIN",
        last=37993.4,
        bid=None,
        ask=None,
        high=39938.3,
        low=36457.2,
        change_pct=0.556,
        base_volume=214549.95171161,
        quote_volume=8199045100,
        time_ms=1621965286847,
    )
    assert _about(214549.95171161, rel=1e-6) == 8199045100 / 38215.08713747
    unknown = binance.parse_coinm_ticker(recorded("binance/cm-ticker-24hr"), a_perp("BTC-COIN")).ticker
    assert unknown is not None
    assert (unknown.base_volume, unknown.quote_volume) == (214549.95171161, None)


def test_binance_coin_margined_open_interest_in_dollars() -> None:
    body = recorded("binance/cm-open-interest")
    assert binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 100)).open_interest == OpenInterest(
        None, 1500400
    )
    assert binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 10)).open_interest == OpenInterest(
        None, 150040
    )
    with pytest.raises(BadResponse, match="size is not known"):
        binance.parse_coinm_open_interest(body, a_perp("BTC-COIN"))


def test_binance_coin_margined_funding_is_of_8_hours() -> None:
    perp = binance.parse_coinm_funding(recorded("binance/cm-premium-index"), a_perp("BTC-COIN"))
    assert perp.funding == Funding(0.00071003, 8.0, 1596096000000, 11029.69574559)


def test_binance_contract_size_is_of_the_contract() -> None:
    body = recorded("binance/cm-exchange-info")
    assert binance.parse_contract_size(body, "BTCUSD_200925") == 100
    rows = [{"symbol": "BTCUSD_PERP", "contractSize": 100}, {"symbol": "ETHUSD_PERP", "contractSize": 10}]
    for symbol, size in (("BTC-COIN", 100), ("ETH-COIN", 10)):
        endpoint = Binance().contract_size(a_perp(symbol), "perp")
        assert endpoint is not None
        assert endpoint.parse(_rows({"symbols": rows})) == size
        with pytest.raises(UnknownSymbol):
            endpoint.parse(body)


@pytest.mark.parametrize(
    "parse",
    [
        lambda body: binance.parse_coinm_ticker(body, a_perp("X-COIN", 1, 10)),
        lambda body: binance.parse_coinm_funding(body, a_perp("BTC-COIN")),
    ],
)
def test_binance_coin_margined_answers_are_lists(parse: Callable[[bytes], Any]) -> None:
    with pytest.raises(UnknownSymbol):
        parse(b"[]")
    with pytest.raises(BadResponse):
        parse(b'{"symbol":"BTCUSD_PERP","lastPrice":"5","closeTime":1,"lastFundingRate":"0.1"}')


@pytest.mark.parametrize("size", [0, "0", -10, None, "x"])
def test_binance_contract_size_that_is_none(size: Any) -> None:
    with pytest.raises(BadResponse):
        binance.parse_contract_size(_rows({"symbols": [{"symbol": "A", "contractSize": size}]}), "A")


def test_bybit_inverse_contracts_count_dollars() -> None:
    perp = bybit.parse_perp(recorded("bybit/inverse-ticker-2"), a_perp("BTC-COIN"))
    assert perp.ticker is not None
    assert (perp.ticker.base_volume, perp.ticker.quote_volume) == (2352.94950046, 49337318)
    assert perp.open_interest == OpenInterest(22505.67 / 2, 373504107 / 2)  # of both sides
    assert _about(22505.67, rel=1e-5) == 373504107 / 16596
    newer = bybit.parse_perp(recorded("bybit/inverse-ticker"), a_perp("BTC-COIN"))
    assert newer.funding == Funding(0.0001, 8.0, 1760371200000, 114898.43)
    assert newer.open_interest == OpenInterest(2089.79 / 2, 240113967 / 2)


def test_bybit_inverse_open_interest_of_one_side() -> None:
    row = {"lastPrice": "100", "singleOpenInterest": "500", "singleOpenInterestValue": "5", "openInterest": "1000"}
    assert bybit.parse_perp(_bybit([row]), a_perp("X-COIN")).open_interest == OpenInterest(5, 500)
    assert bybit.parse_perp(_bybit([{"lastPrice": "100"}]), a_perp("X-COIN")).open_interest is None


# What is asked of whom.


@pytest.mark.parametrize(
    ("module", "name", "hosts", "spot_quotes", "perp_quotes", "multiplied"),
    [
        (binance, "Binance", "SPOT USDM COINM", "USDT USDC", "USDT USDC COIN", "spot perp"),
        (bybit, "Bybit", "HOST", "USDT USDC", "USDT USDC COIN", "spot perp"),
        (okx, "OKX", "HOST", "USDT USDC", "USDT USDC COIN", ""),
        (gate, "Gate", "HOST", "USDT USDC", "USDT COIN", ""),
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


@pytest.mark.parametrize(
    ("endpoint", "target", "weight"),
    [
        (Binance().perp(a_perp("BTC-USDT"))["ticker"], "/fapi/v1/ticker/24hr?symbol=BTCUSDT", 1),
        (Binance().perp(a_perp("BTC-USDT"))["open interest"], "/fapi/v1/openInterest?symbol=BTCUSDT", 1),
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["ticker"], "/dapi/v1/ticker/24hr?symbol=BTCUSD_PERP", 1),
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["open interest"], "/dapi/v1/openInterest?symbol=BTCUSD_PERP", 1),
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
        (Gate().perp(a_perp("BTC-USDT"))["open interest"], "/api/v4/futures/usdt/contracts/BTC_USDT", 1),
        (Gate().perp(a_perp("BTC-COIN"))["ticker"], "/api/v4/futures/btc/tickers?contract=BTC_USD", 1),
        (Gate().perp(a_perp("BTC-COIN"))["open interest"], "/api/v4/futures/btc/contracts/BTC_USD", 1),
        (Gate().contract_size(a_perp("BTC-USDT"), "candles"), "/api/v4/futures/usdt/contracts/BTC_USDT", 1),
        (
            Gate().spot(a_spot("币安人生-USDT")),
            "/api/v4/spot/tickers?currency_pair=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT",
            1,
        ),
        (
            Gate().perp(a_perp("币安人生-USDT"))["open interest"],
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


@pytest.mark.parametrize(
    ("endpoint", "name", "max_weight", "window_s"),
    [
        (Binance().perp(a_perp("BTC-COIN", 1, 100))["funding"], "binance COIN-M weight", 2400, 60),
        (Binance().contract_size(a_perp("BTC-COIN"), "perp"), "binance COIN-M weight", 2400, 60),
        (Binance().spot(a_spot("BTC-USDT")), "binance spot weight", 6000, 60),
        (Binance().perp(a_perp("BTC-USDT"))["ticker"], "binance USD-M weight", 2400, 60),
        (Bybit().spot(a_spot("BTC-USDT")), "bybit requests", 600, 5),
        (Okx().spot(a_spot("BTC-USDT")), "okx market/ticker", 20, 2),
        (Okx().perp(a_perp("BTC-USDT"))["open interest"], "okx public/open-interest", 20, 2),
        (Okx().perp(a_perp("BTC-USDT"))["funding"], "okx public/funding-rate", 10, 2),
        (Gate().spot(a_spot("BTC-USDT")), "gate spot/tickers", 200, 10),
        (Gate().perp(a_perp("BTC-COIN"))["open interest"], "gate futures/btc/contracts", 200, 10),
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
        (Bitget().spot(a_spot("X-USDT")), _bitget([{"lastPr": "5", "ts": "1"}])),
        (Bitget().perp(a_perp("X-USDT"))["ticker"], _bitget([{"lastPr": "5", "ts": "1"}])),
        (Deribit().perp(a_perp("X-USDC"))["ticker"], _deribit([{"last_price": 5, "stats": {}, "timestamp": 1}])),
        (Kraken().spot(a_spot("X-USD")), _kraken([{"c": ["5"]}])),
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


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "bitget"])
def test_answers_are_kept_under_different_keys(exchange: str) -> None:
    """Two endpoints that the cache takes for one are one: they read the answer in the same way."""
    venue = EXCHANGES[exchange]
    for quote in ("USDT", "COIN"):
        of = a_perp(f"BTC-{quote}", 1, 10.0)
        asked: list[Endpoint[Any] | None] = [venue.spot(a_spot(f"BTC-{quote}")), *venue.perp(of).values()]
        asked += venue.ratios(of, 25) if venue.has("ratios", "perp", quote) else []
        asked += [venue.open_interest_history(of, 25)] if venue.has("open interest history", "perp", quote) else []
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


@pytest.mark.parametrize(
    ("kind", "http_status", "reason"),
    [
        (MarketError, 502, "failed"),
        (UnknownSymbol, 404, "had no such market"),
        (NotSupported, 501, "did not offer it"),
        (Unavailable, 503, "could not be reached"),
        (RateLimited, 429, "limited our requests"),
        (Blocked, 503, "refused this server's region"),
        (Refused, 403, "refused the API key"),
        (ClockWrong, 403, "found this machine's clock wrong"),
        (BadResponse, 502, "gave an unusable answer"),
    ],
)
def test_errors_know_their_status(kind: type[MarketError], http_status: int, reason: str) -> None:
    error = kind("okx", "what happened")
    assert (error.http_status, error.reason, str(error)) == (http_status, reason, "okx: what happened")


@pytest.mark.parametrize(
    ("module", "status", "code", "kind"),
    [
        (binance, 400, -1121, UnknownSymbol),
        (binance, 400, -1100, UnknownSymbol),
        (binance, 400, -1021, ClockWrong),
        (binance, 400, -1022, Refused),
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
        (binance, 404, None, NotSupported),
        (binance, 404, -1, BadResponse),
        (bybit, 200, 10001, UnknownSymbol),
        (bybit, 200, 10029, UnknownSymbol),
        (bybit, 200, 10002, ClockWrong),
        (bybit, 200, 10003, Refused),
        (bybit, 200, 10004, Refused),
        (bybit, 200, 10005, Refused),
        (bybit, 200, 10010, Refused),
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
        (okx, 400, "51000", BadResponse),  # which names no parameter here
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


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Parameter instId error", UnknownSymbol),
        ("Parameter instFamily error", BadResponse),
        ("Parameter period error", NotSupported),
        ("Parameter bar error", NotSupported),
        ("Parameter sz error", BadResponse),
    ],
)
def test_okx_names_the_parameter_that_is_wrong(text: str, kind: type[MarketError]) -> None:
    assert type(okx.explain(400, json.dumps({"code": "51000", "data": [], "msg": text}).encode())) is kind


def test_kraken_address_that_is_no_more() -> None:
    """It is no unknown symbol, nor is a resolution that there is not."""
    gone = kraken.explain(404, recorded("krakenfutures/error-404-2026-09"))
    assert (type(gone), gone.reason) == (Gone, "has closed this address")
    assert type(kraken.explain(410, b'{"errors": [{"code": 0}]}')) is Gone
    assert type(kraken.explain(404, b'{"errors": "none"}')) is UnknownSymbol
    assert type(kraken.explain(400, b"Invalid resolution")) is NotSupported


@pytest.mark.parametrize("module", [binance, bybit, okx])
def test_server_errors_of_three(module: Any) -> None:
    for status in (500, 502, 599):
        error = module.explain(status, b"<html>")
        assert (type(error), error.reason) == (Unavailable, f"answered HTTP {status}")
    assert type(module.explain(499, b"<html>")) is BadResponse


@pytest.mark.parametrize(
    ("name", "status", "module", "kind"),
    [
        ("gate/error-forbidden", 403, gate, Blocked),
        ("gate/error-invalid-currency", 400, gate, UnknownSymbol),
        ("gate/error-invalid-key", 401, gate, BadResponse),
        ("gate/error-ip-forbidden", 401, gate, BadResponse),
        ("gate/error-server", 500, gate, Unavailable),
        ("bitget/error-missing-param", 400, bitget, BadResponse),
        ("bitget/error-rate-limit", 429, bitget, RateLimited),
        ("bitget/error-symbol-not-found", 400, bitget, UnknownSymbol),
        ("hyperliquid/error-422-text", 422, hyperliquid, BadResponse),
        ("deribit/error-bad-instrument", 400, deribit, UnknownSymbol),
        ("deribit/error-rate-limit", 429, deribit, RateLimited),
        ("kraken/error-rate-limit", 200, kraken, RateLimited),
        ("kraken/error-too-many", 200, kraken, RateLimited),
        ("kraken/error-unavailable", 200, kraken, Unavailable),
        ("kraken/error-unknown-pair", 200, kraken, UnknownSymbol),
        ("coinbase/exchange-error-not-found", 404, coinbase, UnknownSymbol),
        ("coingecko/error-429", 429, coingecko, RateLimited),
        ("coingecko/markets-error-missing-vs-currency", 422, coingecko, BadResponse),
    ],
)
def test_recorded_refusals_of_six_more(name: str, status: int, module: Any, kind: type[MarketError]) -> None:
    error = module.explain(status, recorded(name))
    assert type(error) is kind
    assert (error.exchange, f"HTTP {status}" in error.detail) == (module.ID, True)


@pytest.mark.parametrize(
    ("module", "status", "body", "kind"),
    [
        (gate, 400, b'{"label":"INVALID_CURRENCY_PAIR"}', UnknownSymbol),
        (gate, 400, b'{"label":"CONTRACT_NOT_FOUND"}', UnknownSymbol),
        (gate, 400, b'{"label":"INVALID_CONTRACT"}', UnknownSymbol),
        (gate, 400, b'{"label":"TOO_FAST"}', RateLimited),
        (gate, 404, b'{"label":"SOMETHING_NEW"}', UnknownSymbol),
        (gate, 404, b"<html>", BadResponse),
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
        (deribit, 400, b'{"error":{"code":[]}}', BadResponse),
        (deribit, 200, b'{"error":"no"}', BadResponse),
        (kraken, 200, b'{"error":["EQuery:Invalid asset pair"]}', UnknownSymbol),
        (kraken, 200, b'{"error":["EService:Market in cancel_only mode"]}', Unavailable),
        (kraken, 200, b'{"result":"error","error":"contractNotFound"}', UnknownSymbol),
        (kraken, 400, b'{"result":"error","error":"apiLimitExceeded"}', RateLimited),
        (kraken, 200, b'{"result":"error","error":"marketUnavailable"}', Unavailable),
        (kraken, 200, b'{"result":"error","error":"Unavailable"}', Unavailable),
        (kraken, 404, b"<html>", UnknownSymbol),
        (kraken, 404, b'{"error":"somethingElse"}', BadResponse),
        (kraken, 200, b'{"error":{"a":1}}', BadResponse),
        (coinbase, 400, b'{"message":"granularity too small"}', BadResponse),
        (coinbase, 404, b"", UnknownSymbol),
        (coingecko, 403, b"error code: 1020", Blocked),
    ],
)
def test_refusals_of_six_more(module: Any, status: int, body: bytes, kind: type[MarketError]) -> None:
    assert type(module.explain(status, body)) is kind


@pytest.mark.parametrize(
    ("module", "wait_s"),
    [(okx, 2), (gate, 10), (bitget, 1), (hyperliquid, 10), (deribit, 2), (kraken, 5), (coinbase, 2), (coingecko, 60)],
)
def test_rate_limits_say_how_long(module: Any, wait_s: float) -> None:
    error = module.explain(429, b"")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("module", [gate, bitget, hyperliquid, deribit, kraken, coinbase, coingecko])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"label": {}}', b'{"code": []}', b'{"error": [5]}', b'{"error": {}}', b"\xff"],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadResponse),
        (401, BadResponse),
        (403, Blocked),
        (418, BadResponse),
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
        assert error.reason == f"answered HTTP {status}"


@pytest.mark.parametrize(
    ("parse", "body", "kind"),
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
    return _kraken([{key: [value] if key in "abc" else ["1", value] for key, value in row.items()} for row in rows])


def _with_stats(rows: list[dict[str, Any]]) -> bytes:
    """Deribit's ticker, a part of which is one level deeper."""
    keys = ("high", "low", "price_change", "volume", "volume_usd")
    row = rows[0]
    outer = {key: row[key] for key in row if key not in keys}
    return _deribit([{**outer, "stats": {key: row[key] for key in row if key in keys}}])


PARTS = {
    "binance coin-margined ticker": Part(
        lambda body: binance.parse_coinm_ticker(body, a_perp("X-COIN", 1, 10)),
        _rows,
        {"lastPrice": "5", "highPrice": "6", "lowPrice": "4", "priceChangePercent": "1", "volume": "9"}
        | {"baseVolume": "8", "closeTime": 1, "bidPrice": "4", "askPrice": "6"},
        ("closeTime", "lastPrice"),
    ),
    "binance coin-margined open interest": Part(
        lambda body: binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 10)),
        _plain,
        {"openInterest": "5"},
        ("openInterest",),
    ),
    "binance coin-margined funding": Part(
        lambda body: binance.parse_coinm_funding(body, a_perp("BTC-COIN")),
        _rows,
        {"lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
        ("lastFundingRate",),
    ),
    "binance funding": Part(
        lambda body: binance.parse_funding(body, a_perp("BTC-USDT")),
        _plain,
        {"lastFundingRate": "0.1", "nextFundingTime": 1, "markPrice": "5"},
        ("lastFundingRate",),
    ),
    "binance open interest": Part(
        lambda body: binance.parse_open_interest(body, a_perp("BTC-USDT")),
        _plain,
        {"openInterest": "5"},
        ("openInterest",),
    ),
    "bybit perp": Part(
        lambda body: bybit.parse_perp(body, a_perp("X-USDT")),
        _bybit,
        {"lastPrice": "5", "bid1Price": "4", "ask1Price": "6", "highPrice24h": "6", "lowPrice24h": "4"}
        | {"price24hPcnt": "0.1", "volume24h": "9", "turnover24h": "9", "openInterest": "9", "openInterestValue": "9"}
        | {"fundingRate": "0.1", "nextFundingTime": "1", "fundingIntervalHour": "8", "markPrice": "5"},
        price="lastPrice",
    ),
    "bybit one side": Part(
        lambda body: bybit.parse_perp(body, a_perp("X-USDT")),
        _bybit,
        {"lastPrice": "5", "singleOpenInterest": "9", "singleOpenInterestValue": "9"},
        price="lastPrice",
    ),
    "okx swap": Part(
        lambda body: okx.parse_perp(body, a_perp("X-USDT")),
        _okx,
        {"last": "5", "bidPx": "4", "askPx": "6", "high24h": "6", "low24h": "4", "open24h": "4", "volCcy24h": "9"}
        | {"ts": "1"},
        ("ts",),
        price="last",
    ),
    "okx open interest": Part(
        lambda body: okx.parse_open_interest(body, a_perp("BTC-USDT")), _okx, {"oiCcy": "5", "oiUsd": "9"}, ("oiCcy",)
    ),
    "okx funding": Part(
        lambda body: okx.parse_funding(body, a_perp("BTC-USDT")),
        _okx,
        {"fundingRate": "0.1", "fundingTime": "1", "nextFundingTime": "2"},
        ("fundingRate",),
    ),
    "gate spot": Part(
        lambda body: gate.parse_spot(body, a_spot("X-USDT")),
        _rows,
        {"last": "5", "highest_bid": "4", "lowest_ask": "6", "high_24h": "6", "low_24h": "4", "base_volume": "9"}
        | {"change_percentage": "1", "quote_volume": "9"},
        price="last",
    ),
    "gate perp": Part(
        lambda body: gate.parse_perp(body, a_perp("X-USDT")),
        _rows,
        {"last": "5", "volume_24h_base": "9", "volume_24h_quote": "9"},
        price="last",
    ),
    "gate contract": Part(
        lambda body: gate.parse_contract(body, a_perp("X-USDT")),
        _plain,
        {"position_size": 9, "quanto_multiplier": "0.1", "mark_price": "5", "funding_rate": "0.1"}
        | {"funding_interval": 28800, "funding_next_apply": 1},
    ),
    "gate contract size": Part(
        lambda body: gate.parse_contract_size(body, a_perp("BTC-USDT")),
        _plain,
        {"quanto_multiplier": "0.1"},
        ("quanto_multiplier",),
    ),
    "bitget spot": Part(
        lambda body: bitget.parse_spot(body, a_spot("X-USDT")),
        _bitget,
        {"lastPr": "5", "bidPr": "4", "askPr": "6", "high24h": "6", "low24h": "4", "change24h": "0.1"}
        | {"baseVolume": "9", "quoteVolume": "9", "ts": "1"},
        ("ts",),
        price="lastPr",
    ),
    "bitget perp": Part(
        lambda body: bitget.parse_perp(body, a_perp("X-USDT")),
        _bitget,
        {"lastPr": "5", "holdingAmount": "9", "fundingRate": "0.1", "markPrice": "5", "ts": "1"},
        ("ts",),
        price="lastPr",
    ),
    "bitget funding": Part(
        lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")),
        _bitget,
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
        lambda body: kraken.parse_spot(body, a_spot("X-USD")),
        _of_figures,
        {"a": "6", "b": "4", "c": "5", "v": "9", "p": "5", "l": "4", "h": "6"},
        ("c",),
    ),
    "coinbase spot": Part(
        lambda body: coinbase.parse_spot(body, a_spot("X-USD")),
        _plain,
        {"last": "5", "high": "6", "low": "4", "open": "4", "volume": "9"},
        ("last",),
    ),
}
EVERY_PART = pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())


@EVERY_PART
def test_figures_as_texts_and_as_numbers(part: Part) -> None:
    as_told = part.parse(part.wrap([part.row]))
    for write in (str, float):
        assert part.parse(part.wrap([{key: write(value) for key, value in part.row.items()}])) == as_told


@EVERY_PART
@pytest.mark.parametrize("value", ["abc", [], {}, True, False, "NaN", "nan", "inf", "-inf", "1e999", "1e31", 1e300])
def test_figure_that_is_none(part: Part, value: Any) -> None:
    for key in part.row:
        with pytest.raises(BadResponse):
            part.parse(part.wrap([part.row | {key: value}]))


@EVERY_PART
@pytest.mark.parametrize("value", ["", None])
def test_figure_that_is_missing(part: Part, value: Any) -> None:
    for key in part.row:
        row = part.row | {key: value}
        if key == part.price:
            with pytest.raises(UnknownSymbol):
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
@pytest.mark.parametrize("zero", ["0", "0.00000000", 0, 0.0])
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


@pytest.mark.parametrize(
    "name", [name for name, part in PARTS.items() if part.price or {"last", "c"} & part.row.keys()]
)
@pytest.mark.parametrize("price", ["0", 0, -5, "-0.1"])
def test_price_at_or_below_zero(name: str, price: Any) -> None:
    part = PARTS[name]
    key = part.price or ("c" if "c" in part.row else "last")
    with pytest.raises(UnknownSymbol if part.price and price in ("0", 0) else BadResponse):
        part.parse(part.wrap([part.row | {key: price}]))


@EVERY_PART
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"<html>", b"5", b'"x"', b"true", b"null", b"[5]", b"[null]"])
def test_answer_that_is_none(part: Part, body: bytes) -> None:
    with pytest.raises(BadResponse):
        part.parse(body)


@pytest.mark.parametrize("name", [name for name, part in PARTS.items() if part.wrap in (_rows, _bybit, _okx, _bitget)])
@pytest.mark.parametrize("row", [None, 5, "x", [], True])
def test_row_that_is_none(name: str, row: Any) -> None:
    with pytest.raises(BadResponse):
        PARTS[name].parse(PARTS[name].wrap([row]))


def test_funding_period_is_the_distance_of_two_times() -> None:
    told = okx.parse_funding(
        _okx([{"fundingRate": "0", "fundingTime": "14400000", "nextFundingTime": "28800000"}]), a_perp("BTC-USDT")
    )
    assert told.funding == Funding(0, 4.0, 14400000, None)
    for after in ("14400000", "0", "", "1"):
        row = {"fundingRate": "0", "fundingTime": "14400000", "nextFundingTime": after}
        assert okx.parse_funding(_okx([row]), a_perp("BTC-USDT")).funding == Funding(0, None, 14400000, None)


# Every recording, and who reads it.


def _listed(endpoint: ListEndpoint[Any]) -> Callable[[bytes], Any]:
    """Reads a list as fetch.py does."""

    def read(body: bytes) -> Any:
        exchange = endpoint.host.exchange
        cutter = ArrayCutter(exchange, endpoint.place)
        rows = cutter.feed(body)
        if not cutter.found:
            raise endpoint.explain(200, cutter.unread)
        read_row = endpoint.row if endpoint.reader is None else endpoint.reader(cutter.head)
        found = [read_row(row_in(exchange, row)) for row in rows]
        if not cutter.is_done:
            raise BadResponse(exchange, "the list was cut")
        return found

    return read


def _refusal(module: Any, status: int, kind: type[MarketError]) -> Callable[[bytes], Any]:
    def read(body: bytes) -> Any:
        error = module.explain(status, body)
        assert isinstance(error, MarketError)
        return error, kind

    return read


def _both(*readers: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    return lambda body: [read(body) for read in readers]


def _named_by_ourselves(body: bytes) -> Any:
    """Hyperliquid's contexts without their names."""
    rows = json.loads(body)
    try:
        rows = rows["data"]["ctxs"][0][1] if isinstance(rows, dict) else rows
        names = [{"name": f"C{i}"} for i in range(len(rows))]
    except (LookupError, TypeError):
        raise BadResponse("hyperliquid", "no list of contexts") from None
    return _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"])(_rows([{"universe": names}, rows]))


def _row(row: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Reads an answer about one market as a row of the list of all."""
    return lambda body: row(row_in("x", json.loads(body)))


def _contract_list() -> ListEndpoint[Any]:
    found = Binance().positions()[1].second
    assert isinstance(found, ListEndpoint)
    return found


def _usdm_positions(body: bytes) -> Any:
    answer = json.loads(body)
    account, risks = (answer, []) if isinstance(answer, dict) else (None, answer)
    return binance.parse_usdm_positions(risks, account)


NOT_ASKED = "none of our questions asks this"
CONTRACTS = "contract sizes and periods are known without it"
PAST_FUNDING = "the past of funding is not asked"
TRADES = "trades are not asked"
VECTORS = "no answer; tests/test_accounts.py signs by it"
RECORDINGS_READ: dict[str, Callable[[bytes], Any] | str] = {
    "binance/cm-balance": binance.parse_futures_balances,
    "binance/cm-exchange-info": _both(
        lambda body: binance.parse_contract_size(body, "BTCUSD_200925"),
        _listed(_contract_list()),
    ),
    "binance/cm-klines": "candles of COIN-M are not asked: they count contracts",
    "binance/cm-open-interest-hist": Binance().open_interest_history(a_perp("BTC-COIN"), 25).parse,
    "binance/cm-open-interest": lambda body: binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 100)),
    "binance/cm-position-risk": lambda body: binance.parse_coinm_positions(json.loads(body), {"BTCUSD_201225": 100.0}),
    "binance/cm-premium-index": lambda body: binance.parse_coinm_funding(body, a_perp("BTC-COIN")),
    "binance/cm-taker-buy-sell-vol": NOT_ASKED,
    "binance/cm-ticker-24hr": lambda body: binance.parse_coinm_ticker(body, a_perp("BTC-COIN", 1, 100)),
    "binance/cm-top-long-short-position-ratio": NOT_ASKED,
    "binance/error-api-key": _refusal(binance, 401, Refused),
    "binance/error-bad-interval": _refusal(binance, 400, BadResponse),
    "binance/error-ip-ban-418": _refusal(binance, 418, RateLimited),
    "binance/error-rate-limit-429": _refusal(binance, 429, RateLimited),
    "binance/error-restricted-location-451": _refusal(binance, 451, Blocked),
    "binance/error-signature": _refusal(binance, 400, Refused),
    "binance/error-timestamp": _refusal(binance, 400, ClockWrong),
    "binance/error-unknown-symbol": _refusal(binance, 400, UnknownSymbol),
    "binance/signature-vectors": VECTORS,
    "binance/spot-account": binance.parse_spot_balances,
    "binance/spot-agg-trades": TRADES,
    "binance/spot-exchange-info": "symbols are read from the list of last prices",
    "binance/spot-klines-1h": lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "binance/spot-klines": lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1m"),
    "binance/spot-ticker-24hr": _both(
        lambda body: binance.parse_ticker(body, a_spot("BTC-USDT")), _row(binance.parse_ticker_row)
    ),
    "binance/spot-time": binance.parse_time,
    "binance/spot-trades": TRADES,
    "binance/um-account-v3": _usdm_positions,
    "binance/um-balance-v3": binance.parse_futures_balances,
    "binance/um-exchange-info": "symbols are read from the list of last prices",
    "binance/um-force-orders": NOT_ASKED,
    "binance/um-funding-info-2026-09": _listed(Binance().funding_intervals()[0]),
    "binance/um-funding-info": _listed(Binance().funding_intervals()[0]),
    "binance/um-funding-rate-history": PAST_FUNDING,
    "binance/um-global-long-short-account-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "accounts"
    ),
    "binance/um-income": binance.parse_income,
    "binance/um-klines": lambda body: binance.parse_candles(body, a_perp("BTC-USDT"), "1h"),
    "binance/um-open-interest-hist-docs": lambda body: binance.parse_open_interest_history(
        body, a_perp("BTC-USDT"), "sumOpenInterest"
    ),
    "binance/um-open-interest-hist": lambda body: binance.parse_open_interest_history(
        body, a_perp("BTC-USDT", 1000), "sumOpenInterest"
    ),
    "binance/um-open-interest": lambda body: binance.parse_open_interest(body, a_perp("BTC-USDT")),
    "binance/um-position-risk-v3": _usdm_positions,
    "binance/um-premium-index": _both(
        lambda body: binance.parse_funding(body, a_perp("BTC-USDT")), _row(binance.parse_funding_row)
    ),
    "binance/um-taker-long-short-ratio": "told with the candles",
    "binance/um-ticker-24hr": _both(
        lambda body: binance.parse_perp(body, a_perp("S-USDT")), _row(binance.parse_ticker_row)
    ),
    "binance/um-top-long-short-account-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "top accounts"
    ),
    "binance/um-top-long-short-position-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "top positions"
    ),
    "bitget/error-missing-param": _refusal(bitget, 400, BadResponse),
    "bitget/error-rate-limit": _refusal(bitget, 429, RateLimited),
    "bitget/error-symbol-not-found": _refusal(bitget, 400, UnknownSymbol),
    "bitget/margin-long-short-ratio": NOT_ASKED,
    "bitget/mix-account-long-short": lambda body: bitget.parse_ratios(body, a_perp("BTC-USDT")),
    "bitget/mix-candles-2": lambda body: bitget.parse_candles(body, a_perp("BTC-USDT"), "5m"),
    "bitget/mix-candles": lambda body: bitget.parse_candles(body, a_perp("BTC-USDT"), "5m"),
    "bitget/mix-contracts": CONTRACTS,
    "bitget/mix-current-fund-rate": _both(
        lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")),
        _listed(Bitget().tickers("perp", NOW_MS)["funding"]),
    ),
    "bitget/mix-funding-time": "told with the funding",
    "bitget/mix-history-fund-rate": PAST_FUNDING,
    "bitget/mix-open-interest-2": "told with the ticker",
    "bitget/mix-open-interest": "told with the ticker",
    "bitget/mix-ticker-trimmed-2026-09": lambda body: bitget.parse_perp(body, a_perp("BTC-USDT")),
    "bitget/mix-ticker-ETHUSD-delivery-doc": lambda body: bitget.parse_perp(body, a_perp("ETH-COIN")),
    "bitget/mix-ticker-one": _both(
        lambda body: bitget.parse_perp(body, a_perp("BTC-USDT")), _listed(Bitget().tickers("perp", NOW_MS)["ticker"])
    ),
    "bitget/mix-tickers-all-coin-futures": _both(
        lambda body: bitget.parse_perp(body, a_perp("BTC-COIN")), _listed(Bitget().tickers("perp", NOW_MS)["ticker"])
    ),
    "bitget/spot-candles": "the example tells one candle twice, which is refused; see test_exchange_candles.py",
    "bitget/spot-ticker-one": _both(
        lambda body: bitget.parse_spot(body, a_spot("BTC-USDT")), _listed(Bitget().tickers("spot", NOW_MS)["ticker"])
    ),
    "bitget/spot-tickers-all-doc": _listed(Bitget().tickers("spot", NOW_MS)["ticker"]),
    "bitget/v3-futures-ticker": "of version 3, which is not asked",
    "bybit/account-ratio": lambda body: bybit.parse_ratios(body, a_perp("BTC-USDT")),
    "bybit/closed-pnl": bybit.parse_closed_pnl,
    "bybit/error-ip-403": _refusal(bybit, 403, Blocked),
    "bybit/error-rate-limit": _refusal(bybit, 200, RateLimited),
    "bybit/error-timestamp": _refusal(bybit, 200, ClockWrong),
    "bybit/funding-history": PAST_FUNDING,
    "bybit/instruments-inverse": CONTRACTS,
    "bybit/instruments-linear": CONTRACTS,
    "bybit/inverse-kline": lambda body: bybit.parse_candles(body, a_perp("BTC-COIN"), "1h"),
    "bybit/inverse-open-interest": lambda body: bybit.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "bybit/inverse-ticker-2": lambda body: bybit.parse_perp(body, a_perp("BTC-COIN")),
    "bybit/inverse-ticker": lambda body: bybit.parse_perp(body, a_perp("BTC-COIN")),
    "bybit/linear-kline": lambda body: bybit.parse_candles(body, a_perp("BTC-USDT"), "1m"),
    "bybit/linear-ticker": _both(
        lambda body: bybit.parse_perp(body, a_perp("BTC-USDT")), _listed(Bybit().tickers("perp", NOW_MS)["ticker"])
    ),
    "bybit/open-interest-inverse": lambda body: bybit.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "bybit/position-list-inverse": lambda body: bybit.parse_positions(json.loads(body)),
    "bybit/recent-trade-spot": TRADES,
    "bybit/signature-vectors": VECTORS,
    "bybit/spot-kline": lambda body: bybit.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "bybit/spot-ticker": _both(
        lambda body: bybit.parse_spot(body, a_spot("BTC-USDT")), _listed(Bybit().tickers("spot", NOW_MS)["ticker"])
    ),
    "bybit/time": bybit.parse_time,
    "bybit/linear-tickers-list-2026-09": _both(
        _listed(Bybit().tickers("perp", NOW_MS)["ticker"]), _listed(Bybit().symbols("perp"))
    ),
    "bybit/wallet-balance-borrowed": bybit.parse_unified_balances,
    "bybit/wallet-balance": bybit.parse_unified_balances,
    "coinbase/advanced-candles": "of the other API, which is not asked",
    "coinbase/advanced-product": "of the other API, which is not asked",
    "coinbase/advanced-products-future": "of the other API, which is not asked",
    "coinbase/advanced-products": "of the other API, which is not asked",
    "coinbase/advanced-ticker": "of the other API, which is not asked",
    "coinbase/exchange-candles": lambda body: coinbase.parse_candles(body, a_spot("BTC-USD"), "1m"),
    "coinbase/exchange-error-not-found": _refusal(coinbase, 404, UnknownSymbol),
    "coinbase/exchange-stats-2026-06": lambda body: coinbase.parse_spot(body, a_spot("BTC-USD")),
    "coinbase/exchange-stats": lambda body: coinbase.parse_spot(
        json.dumps({"last": "50", **json.loads(body)}).encode(), a_spot("X-USD")
    ),
    "coinbase/exchange-ticker-2017": "the price is told with the stats",
    "coinbase/exchange-ticker": "the price is told with the stats",
    "coingecko/error-429": _refusal(coingecko, 429, RateLimited),
    "coingecko/global-2021": NOT_ASKED,
    "coingecko/market-chart-1d": NOT_ASKED,
    "coingecko/market-chart-30d-hourly": NOT_ASKED,
    "coingecko/markets-error-missing-vs-currency": _refusal(coingecko, 422, BadResponse),
    "coingecko/markets-one-2021": _listed(coingecko.market_caps()),
    "coingecko/markets-one-2024": _listed(coingecko.market_caps()),
    "coingecko/markets-one-in-myr": _listed(coingecko.market_caps()),
    "coingecko/markets-two-in-eth": _listed(coingecko.market_caps()),
    "coingecko/simple-price-2021": NOT_ASKED,
    "coingecko/simple-price-error-missing-ids": _refusal(coingecko, 422, BadResponse),
    "coingecko/simple-price-spaces-lose-coins": NOT_ASKED,
    "coingecko/simple-price-unknown-vs-currency": NOT_ASKED,
    "deribit/book-summary-BTC-27MAR20": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-BTC-PERPETUAL-2020-2": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-BTC-PERPETUAL-2020": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-USDC-1000PEPE-shape": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-by-currency-option-row": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-by-instrument-perp-testnet": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/error-bad-instrument": _refusal(deribit, 400, UnknownSymbol),
    "deribit/error-rate-limit": _refusal(deribit, 429, RateLimited),
    "deribit/funding-rate-history": PAST_FUNDING,
    "deribit/get-index-2020": NOT_ASKED,
    "deribit/get-instrument-perp": CONTRACTS,
    "deribit/get-instruments-BTC-future-2020": CONTRACTS,
    "deribit/get-instruments-ETH-future-2020": CONTRACTS,
    "deribit/get-instruments-mixed": CONTRACTS,
    "deribit/order-book-BTC-PERPETUAL": lambda body: deribit.parse_perp(body, a_perp("BTC-COIN")),
    "deribit/tradingview-chart-1m": lambda body: deribit.parse_candles(body, a_perp("BTC-COIN"), "1m"),
    "gate/contract-eth-usd-btc-settled-2019": lambda body: gate.parse_contract(body, a_perp("ETH-USD")),
    "gate/contract-stats-doc": _both(
        lambda body: gate.parse_open_interest_history(body, a_perp("BTC-USDT")),
        lambda body: gate.parse_ratios(body, a_perp("BTC-USDT")),
    ),
    "gate/contract-usdt-one": _both(
        lambda body: gate.parse_contract(body, a_perp("0G-USDT")),
        lambda body: gate.parse_contract_size(body, a_perp("BTC-USDT")),
    ),
    "gate/contracts-btc-settled-2019": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/contracts-list-2026-09-19": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/oi-two-answers-2026-08": lambda body: gate.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "gate/perp-tickers-with-dated-2026-09": _both(
        _listed(Gate().tickers("perp", NOW_MS)["ticker"]), _listed(Gate().symbols("perp"))
    ),
    "gate/contracts-usdt-doc": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/delivery-contract": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/error-forbidden": _refusal(gate, 403, Blocked),
    "gate/error-invalid-currency": _refusal(gate, 400, UnknownSymbol),
    "gate/error-invalid-key": _refusal(gate, 401, BadResponse),
    "gate/error-ip-forbidden": _refusal(gate, 401, BadResponse),
    "gate/error-server": _refusal(gate, 500, Unavailable),
    "gate/funding-rate-history-doc": PAST_FUNDING,
    "gate/liq-orders": NOT_ASKED,
    "gate/perp-candles-doc": lambda body: gate.parse_perp_candles(body, a_perp("BTC-USDT", 1, 0.0001), "1m"),
    "gate/perp-ticker-doc": _both(
        lambda body: gate.parse_perp(body, a_perp("BTC-USDT")), _listed(Gate().tickers("perp", NOW_MS)["ticker"])
    ),
    "gate/perp-tickers-all-btc-settled-2019": _listed(Gate().tickers("perp", NOW_MS)["ticker"]),
    "gate/spot-candles": lambda body: gate.parse_spot_candles(body, a_spot("BTC-USDT"), "1m"),
    "gate/spot-ticker-one": _both(
        lambda body: gate.parse_spot(body, a_spot("BTC-USDT")), _listed(Gate().tickers("spot", NOW_MS)["ticker"])
    ),
    "gate/spot-tickers-all": _listed(Gate().tickers("spot", NOW_MS)["ticker"]),
    "hyperliquid/allDexsAssetCtxs-ws": _named_by_ourselves,
    "hyperliquid/allMids": NOT_ASKED,
    "hyperliquid/allPerpMetas-other-collateral": "markets of other builders are not asked",
    "hyperliquid/assetCtx-HYPE-merged": "names and contexts merged by somebody; no answer has this shape",
    "hyperliquid/candleSnapshot-spot": lambda body: hyperliquid.parse_candles(body, a_perp("HYPE-USDC"), "1d"),
    "hyperliquid/candleSnapshot": lambda body: hyperliquid.parse_candles(body, a_perp("1000PEPE-USDC", 1000), "1h"),
    "hyperliquid/ctx-rows-with-nulls": _named_by_ourselves,
    "hyperliquid/error-422-text": _refusal(hyperliquid, 422, BadResponse),
    "hyperliquid/fundingHistory-2": PAST_FUNDING,
    "hyperliquid/fundingHistory": PAST_FUNDING,
    "hyperliquid/meta-with-delisted": _listed(Hyperliquid().symbols("perp")),
    "hyperliquid/meta": _listed(Hyperliquid().symbols("perp")),
    "hyperliquid/metaAndAssetCtxs-2026-09": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-doc3": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-one": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/spotMetaAndAssetCtxs": "its spot markets are not asked",
    "kraken/asset-pairs-all-2017": NOT_ASKED,
    "kraken/asset-pairs-few": NOT_ASKED,
    "kraken/error-rate-limit": _refusal(kraken, 200, RateLimited),
    "kraken/error-too-many": _refusal(kraken, 200, RateLimited),
    "kraken/error-unavailable": _refusal(kraken, 200, Unavailable),
    "kraken/error-unknown-pair": _refusal(kraken, 200, UnknownSymbol),
    "kraken/ohlc-1m-full": lambda body: kraken.parse_spot_candles(body, a_spot("BTC-USDT"), "1m"),
    "kraken/ohlc-1m": lambda body: kraken.parse_spot_candles(body, a_spot("BTC-USD"), "1m"),
    "kraken/system-status": NOT_ASKED,
    "kraken/ticker-BCHEUR-2017": lambda body: kraken.parse_spot(body, a_spot("BCH-EUR")),
    "kraken/ticker-one-2": lambda body: kraken.parse_spot(body, a_spot("BTC-USD")),
    "kraken/ticker-one": lambda body: kraken.parse_spot(body, a_spot("BTC-USDT")),
    "krakenfutures/candles-trade-1h": lambda body: kraken.parse_perp_candles(body, a_perp("BTC-COIN"), "1h"),
    "krakenfutures/error-404-2026-09": _refusal(kraken, 404, Gone),
    "krakenfutures/error-resolution-400-2026-09": lambda body: kraken.explain(400, b"Invalid resolution"),
    "krakenfutures/historical-funding-rates": PAST_FUNDING,
    "krakenfutures/instruments-2019": CONTRACTS,
    "krakenfutures/instruments": CONTRACTS,
    "krakenfutures/ticker-PF_ENJUSD-row": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-2": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-all-2019-2": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-all-2019": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-relative-2026-09": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-mixed-rows": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "okx/account-balance": okx.parse_trading_balances,
    "okx/account-bills": okx.parse_bills,
    "okx/account-positions": lambda body: okx.parse_positions(json.loads(body)),
    "okx/error-invalid-key": _refusal(okx, 401, Refused),
    "okx/error-invalid-sign": _refusal(okx, 401, Refused),
    "okx/error-rate-limit": _refusal(okx, 429, RateLimited),
    "okx/error-timestamp-expired": _refusal(okx, 401, ClockWrong),
    "okx/error-unknown-instrument": _refusal(okx, 200, UnknownSymbol),
    "okx/funding-account-balances": okx.parse_funding_balances,
    "okx/funding-rate-history": PAST_FUNDING,
    "okx/error-parameter-2026-09": _refusal(okx, 200, BadResponse),
    "okx/funding-rate-any-2026-09": _listed(Okx().tickers("perp", NOW_MS)["funding"]),
    "okx/open-interest-list-2026-01": _listed(Okx().tickers("perp", NOW_MS)["open interest"]),
    "okx/funding-rate": _both(
        lambda body: okx.parse_funding(body, a_perp("BTC-USDT")), _listed(Okx().tickers("perp", NOW_MS)["funding"])
    ),
    "okx/instruments-spot": CONTRACTS,
    "okx/instruments-swap": CONTRACTS,
    "okx/open-interest-option": _listed(Okx().tickers("perp", NOW_MS)["open interest"]),
    "okx/open-interest-swap-docs": _both(
        lambda body: okx.parse_open_interest(body, a_perp("BTC-USDT")),
        _listed(Okx().tickers("perp", NOW_MS)["open interest"]),
    ),
    "okx/positions-history-eth": lambda body: okx.parse_closed_positions(body, 0),
    "okx/positions-history": lambda body: okx.parse_closed_positions(body, 0),
    "okx/rubik-long-short-account-ratio-contract": lambda body: okx.parse_ratios(body, a_perp("BTC-USDT")),
    "okx/rubik-long-short-account-ratio": lambda body: okx.parse_ratios(body, a_perp("BTC-USDT")),
    "okx/rubik-open-interest-history": lambda body: okx.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "okx/rubik-open-interest-volume": NOT_ASKED,
    "okx/rubik-taker-volume": lambda body: okx.parse_taker_flow(body, a_perp("BTC-USDT"), "1d"),
    "okx/signature-vectors": VECTORS,
    "okx/spot-candles": lambda body: okx.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "okx/spot-ticker": _both(
        lambda body: okx.parse_spot(body, a_spot("ETH-BTC")),
        _listed(Okx().tickers("spot", NOW_MS)["ticker"]),
        _listed(Okx().symbols("spot")),
    ),
    "okx/swap-candles": lambda body: okx.parse_candles(body, a_perp("BTC-USDT"), "1h"),
    "okx/swap-tickers": _both(
        lambda body: okx.parse_perp(body, a_perp("LTC-COIN")), _listed(Okx().tickers("perp", NOW_MS)["ticker"])
    ),
    "okx/time": okx.parse_time,
    "okx/trades-spot": TRADES,
}
"""The parser of every recording but BitMEX's, which is not asked; or why there is none."""

READ = {name: reader for name, reader in RECORDINGS_READ.items() if not isinstance(reader, str)}
YEAR_2010_MS, YEAR_2100_MS = 1_262_304_000_000, 4_102_444_800_000


def _check(found: Any) -> None:
    """That a figure of a parser is one that a market may have."""
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], MarketError):
        assert type(found[0]) is found[1]
    elif isinstance(found, Candles):
        assert len(found) > 0
        assert YEAR_2010_MS < found.open_ms[0] <= found.open_ms[-1] < YEAR_2100_MS
        for volume, bought in zip(found.volume, found.taker_buy or found.volume, strict=True):
            assert 0 <= bought <= volume
        for volume, quote, low, high in zip(
            found.volume, found.quote_volume or (), found.low, found.high, strict=False
        ):
            assert found.symbol != "BTC-USDT" or volume * low * 0.9 <= quote <= volume * high * 1.1 or low < 2
    elif isinstance(found, Ticker):
        assert found.last > 0
        assert found.high is None or found.low is None or found.low <= found.high
        assert abs(found.change_pct or 0) < 100
        assert min(found.base_volume or 0, found.quote_volume or 0) >= 0
        assert found.time_ms == 0 or YEAR_2010_MS < found.time_ms < YEAR_2100_MS
        assert found.symbol == found.symbol.upper()
    elif isinstance(found, OpenInterest):
        assert min(each for each in found if each is not None) >= 0
    elif isinstance(found, Funding):
        assert abs(found.funding_rate) < 0.02
        assert found.funding_interval_h in (None, 1, 2, 4, 8)
        assert found.next_funding_ms is None or YEAR_2010_MS < found.next_funding_ms < YEAR_2100_MS
    elif isinstance(found, Ratio):
        assert 0 <= found.long_share <= 1
    elif isinstance(found, dict):
        _check(list(found.values()))
    elif isinstance(found, (tuple, list)):
        for each in found:
            _check(each)


def test_every_recording_has_its_reader() -> None:
    """A new recording needs a line in RECORDINGS_READ."""
    if not RECORDINGS.is_dir():
        pytest.skip("no recordings on this machine")
    there = {str(path.relative_to(RECORDINGS).with_suffix("")) for path in RECORDINGS.rglob("*.json")}
    assert {name for name in there if not name.startswith("bitmex/")} == set(RECORDINGS_READ)


@pytest.mark.parametrize("name", READ)
def test_recording_is_read(name: str) -> None:
    found = READ[name](recorded(name))
    assert found is not None
    _check(found)


# Recordings with one thing in them changed.


N_CHANGED = 3000
LEAVES: list[Any] = [
    "",
    None,
    "x",
    [],
    {},
    True,
    -1,
    0,
    1e300,
    -0.5,
    "NaN",
    "inf",
    "1e999",
    "-1",
    " 5 ",
    "é",
    [None],
    {"a": []},
]


def _document(body: bytes) -> Any:
    """The body as JSON; None for what is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _holders(document: Any) -> list[Any]:
    """Every object and list of a document that has something in it."""
    found, left = [], [document]
    while left:
        each = left.pop()
        if isinstance(each, (dict, list)) and each:
            found.append(each)
            left += each.values() if isinstance(each, dict) else each
    return found


def _spoil(document: Any, rng: random.Random) -> Callable[[], None]:
    """Changes one thing somewhere, and gives what puts it back."""
    holder = rng.choice(_holders(document))
    before = holder.copy()
    place = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    kind = rng.randrange(5)
    if kind == 0:
        del holder[place]
    elif kind == 1 and isinstance(holder, list):
        del holder[place:]
    elif kind == 2 and isinstance(holder, list):
        holder.insert(place, holder[place])
    else:
        holder[place] = rng.choice(LEAVES)

    def put_back() -> None:
        holder.clear()
        (holder.update if isinstance(holder, dict) else holder.extend)(before)

    return put_back


def test_changed_recordings_are_read_or_refused() -> None:
    """Whatever an exchange makes of its answer: a parser gives a record or raises a MarketError."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    names = [name for name in READ if (RECORDINGS / f"{name}.json").is_file()]
    if not names:
        pytest.skip("no recordings on this machine")
    for name in names:
        document = _document(recorded(name))
        n_cases = 4 if len(recorded(name)) > 20_000 else N_CHANGED // len(names) + 4
        for _ in range(n_cases if _holders(document) else 0):
            put_back = _spoil(document, rng)
            body = json.dumps(document).encode()
            with suppress(MarketError):
                try:
                    READ[name](body)
                except Exception as error:
                    if not isinstance(error, MarketError):
                        pytest.fail(f"seed {seed}, {name}: {error!r} of {body[:2000]!r}")
                    raise
            put_back()


@pytest.mark.parametrize("value", [[], {}, None, 5, "X"])
def test_binance_texts_that_are_none(value: Any) -> None:
    """What kind of income, which side: both are looked up."""
    row = {"incomeType": value, "income": "1", "asset": "USDT", "time": 1}
    assert binance.parse_income(_rows([row])).rows == []
    held = {"symbol": "BTCUSDT", "positionAmt": "1", "positionSide": value, "markPrice": "5"}
    (position,) = binance.parse_usdm_positions([held], {"positions": [held | {"initialMargin": "2"}]})
    assert (position.side, position.margin) == ("long", 2)
    with pytest.raises(BadResponse):
        binance.parse_usdm_positions([held | {"symbol": []}], None)
