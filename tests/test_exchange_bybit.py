"""Bybit: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import about, listed, of_bybit, only, rows_of, ticker_of

from exchanges import bybit
from exchanges.bybit import Bybit
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest, Ratio, Ticker


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
    perp = bybit.parse_perp(of_bybit([row | {"fundingRate": "", "fundingIntervalHour": ""}]), a_perp("X-USDT"))
    assert perp.open_interest == OpenInterest(5, 500)
    assert perp.funding is None


def test_bybit_rate_limit_with_http_403_is_no_region() -> None:
    assert type(bybit.explain(403, b'{"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit."}')) is RateLimited


@together(
    "code, kind",
    [(10001, UnknownSymbol), (10006, RateLimited), (10009, Blocked), (10016, Unavailable), (1, BadResponse)],
)
def test_bybit_codes_with_http_200(code: int, kind: type[MarketError]) -> None:
    body = json.dumps({"retCode": code, "retMsg": "no", "result": {}, "time": 1}).encode()
    with pytest.raises(kind):
        bybit.parse_spot(body, a_spot("BTC-USDT"))


@together(
    "row, symbol",
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


def test_bybit_inverse_contracts_count_dollars() -> None:
    perp = bybit.parse_perp(recorded("bybit/inverse-ticker-2"), a_perp("BTC-COIN"))
    assert perp.ticker is not None
    assert (perp.ticker.base_volume, perp.ticker.quote_volume) == (2352.94950046, 49337318)
    assert perp.open_interest == OpenInterest(22505.67 / 2, 373504107 / 2)  # of both sides
    assert about(22505.67, rel=1e-5) == 373504107 / 16596
    newer = bybit.parse_perp(recorded("bybit/inverse-ticker"), a_perp("BTC-COIN"))
    assert newer.funding == Funding(0.0001, 8.0, 1760371200000, 114898.43)
    assert newer.open_interest == OpenInterest(2089.79 / 2, 240113967 / 2)


def test_bybit_inverse_open_interest_of_one_side() -> None:
    row = {"lastPrice": "100", "singleOpenInterest": "500", "singleOpenInterestValue": "5", "openInterest": "1000"}
    assert bybit.parse_perp(of_bybit([row]), a_perp("X-COIN")).open_interest == OpenInterest(5, 500)
    assert bybit.parse_perp(of_bybit([{"lastPrice": "100"}]), a_perp("X-COIN")).open_interest is None


def test_bybit_spot_candles() -> None:
    candles = bybit.parse_candles(recorded("bybit/spot-kline"), a_spot("BTC-USDT"), "1h")
    assert rows_of(candles)[0] == (1715162400000, 62308.69, 62524.28, 62258.76, 62439.82, 421.80928)
    assert rows_of(candles)[-1] == (1715176800000, 62440.14, 62841.64, 62160.72, 62564.68, 706.187244)
    assert (candles.quote_volume or [])[-1] == 44137837.83110939
    assert (candles.taker_buy, candles.is_last_closed) == (None, None)


def test_bybit_linear_candles() -> None:
    candles = bybit.parse_candles(recorded("bybit/linear-kline"), a_perp("BTC-USDT"), "1m")
    assert rows_of(candles) == [(1709891679000, 27450, 27460, 27440, 27455, 123.45)]
    assert list(candles.quote_volume or ()) == [3390000]


def test_bybit_inverse_candles_count_dollars() -> None:
    candles = bybit.parse_candles(recorded("bybit/inverse-kline"), a_perp("BTC-COIN"), "1h")
    assert rows_of(candles)[-1] == (1670608800000, 17071, 17073, 17027, 17055.5, 15.74462667)
    assert (candles.quote_volume or [])[-1] == 268611
    for coins, dollars, price in zip(candles.volume, candles.quote_volume or (), candles.close, strict=True):
        assert dollars / coins == pytest.approx(price, rel=0.01)


def test_bybit_open_interest_history_counts_one_side() -> None:
    row = {"timestamp": "1700000000000", "openInterest": "50"}
    assert bybit.parse_open_interest_history(of_bybit([row]), a_perp("BTC-USDT")) == [(1700000000000, 25)]
    both = row | {"singleOpenInterest": "24"}
    assert bybit.parse_open_interest_history(of_bybit([both]), a_perp("BTC-USDT")) == [(1700000000000, 24)]
    assert bybit.parse_open_interest_history(of_bybit([both]), a_perp("BTC-USDT", 1000)) == [(1700000000000, 24000)]


def test_bybit_open_interest_history_recorded() -> None:
    """Of inverse contracts, in dollars; they are not asked for, the shape is the same."""
    older = bybit.parse_open_interest_history(recorded("bybit/open-interest-inverse"), a_perp("BTC-COIN"))
    assert older == [(1669571100000, 461134292 / 2), (1669571400000, 461134384 / 2)]
    newer = bybit.parse_open_interest_history(recorded("bybit/inverse-open-interest"), a_perp("BTC-COIN"))
    assert (newer[0], newer[-1]) == ((1780617600000, 31971156), (1780963200000, 31955346))


def test_bybit_ratios_are_shares_newest_first() -> None:
    assert bybit.parse_ratios(recorded("bybit/account-ratio"), a_perp("BTC-USDT")) == {
        "accounts": [Ratio(1696258800000, 0.4927), Ratio(1696262400000, 0.49)]
    }


async def test_bybit_rows_tell_all() -> None:
    symbol, perp = only(await listed(Bybit().tickers("perp", NOW_MS)["ticker"], recorded("bybit/linear-ticker")))
    whole = bybit.parse_perp(recorded("bybit/linear-ticker"), a_perp("BTC-USDT"))
    assert whole.ticker is not None
    assert (symbol, perp) == ("BTC-USDT", whole._replace(ticker=whole.ticker._replace(time_ms=0)))


async def test_bybit_spot_rows() -> None:
    symbol, perp = only(await listed(Bybit().tickers("spot", NOW_MS)["ticker"], recorded("bybit/spot-ticker")))
    assert (symbol, perp.open_interest, perp.funding) == ("BTC-USDT", None, None)
    assert ticker_of((symbol, perp)).change_pct == pytest.approx(0.68)


def test_bybit_rows_are_per_coin() -> None:
    row = {"symbol": "1000PEPEUSDT", "lastPrice": "5", "turnover24h": "35", "volume24h": "7", "markPrice": "6"}
    found = bybit.parse_perp_row(
        Row("bybit", row | {"openInterest": "4", "openInterestValue": "20", "fundingRate": "0.1"})
    )
    assert found is not None
    assert (found[0], ticker_of(found).last, ticker_of(found).base_volume) == ("1000PEPE-USDT", 0.005, 7000)
    assert found[1].open_interest == OpenInterest(2000, 10)
    assert found[1].funding == Funding(0.1, None, None, 0.006)
    spot = bybit.parse_spot_row(Row("bybit", row | {"symbol": "1000TOSHIUSDC"}))
    assert (spot and spot[0], ticker_of(spot).last) == ("1000TOSHI-USDC", 0.005)


@together("parse", [bybit.parse_spot_row, bybit.parse_perp_row])
@together(
    "row",
    [
        {"symbol": "BTC-27DEC24", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "BTCUSDT", "lastPrice": "5", "turnover24h": "5", "deliveryTime": "1735286400000"},
        {"symbol": "BTCUSD", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "BTC-27DEC24-USDT", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "USDT", "lastPrice": "5", "turnover24h": "5"},
        {"symbol": "PERP", "lastPrice": "5", "turnover24h": "5"},
        {},
    ],
)
def test_bybit_rows_of_other_markets(parse: Callable[[Any], Any], row: dict[str, Any]) -> None:
    assert parse(Row("bybit", row)) is None


@together("parse", [bybit.parse_spot_row, bybit.parse_perp_row])
@together("told", [{"lastPrice": "", "turnover24h": "5"}, {"lastPrice": "5", "turnover24h": "0"}, {}])
def test_bybit_rows_that_do_not_trade(parse: Callable[[Any], Any], told: dict[str, str]) -> None:
    """Their market is told, and nothing of it."""
    assert parse(Row("bybit", {"symbol": "OLDUSDT", **told})) == ("OLD-USDT", NOTHING)


async def test_bybit_list_of_2026() -> None:
    """A 4-hour contract, one in USDC; the dated one is left out."""
    rows = dict(await listed(Bybit().tickers("perp", NOW_MS)["ticker"], recorded("bybit/linear-tickers-list-2026-09")))
    assert list(rows) == ["0G-USDT", "BTC-USDT", "BTC-USDC", "OPENAI-USDT"]
    assert rows["0G-USDT"].funding == Funding(0.00005, 4, 1789833600000, 0.2223)
    assert rows["BTC-USDC"].open_interest == OpenInterest(1363.268 / 2, 110767842.56 / 2)
