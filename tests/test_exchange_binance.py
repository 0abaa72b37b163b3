"""Binance: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from conftest import a_perp, a_spot, recorded, together
from wire import HOUR_MS, about, listed, plain, rows_of, ticker_of

from exchanges import binance
from exchanges.binance import Binance
from exchanges.errors import (
    BadResponse,
    NotTraded,
    RateLimited,
    UnknownSymbol,
)
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest, Ratio, Snapshot, Ticker


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


def test_binance_ban_says_until_when() -> None:
    error = binance.explain(418, recorded("binance/error-ip-ban-418"))
    assert isinstance(error, RateLimited)
    assert error.until_ms == 1660090423228


def test_binance_market_that_never_traded() -> None:
    with pytest.raises(NotTraded):
        binance.parse_ticker(b'{"lastPrice":"0.00000000","closeTime":1}', a_spot("X-USDT"))


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
    assert about(214549.95171161, rel=1e-6) == 8199045100 / 38215.08713747
    unknown = binance.parse_coinm_ticker(recorded("binance/cm-ticker-24hr"), a_perp("BTC-COIN")).ticker
    assert unknown is not None
    assert (unknown.base_volume, unknown.quote_volume) == (214549.95171161, None)


def test_binance_coin_margined_open_interest_in_dollars() -> None:
    body = recorded("binance/cm-open-interest").replace(b"BTCUSD_200626", b"BTCUSD_PERP")
    assert binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 100)).open_interest == OpenInterest(
        None, 1500400
    )
    assert binance.parse_coinm_open_interest(body, a_perp("BTC-COIN", 1, 10)).open_interest == OpenInterest(
        None, 150040
    )
    with pytest.raises(BadResponse, match="size is not known"):
        binance.parse_coinm_open_interest(body, a_perp("BTC-COIN"))


def test_binance_coin_margined_funding_tells_no_period() -> None:
    perp = binance.parse_coinm_funding(recorded("binance/cm-premium-index"), a_perp("BTC-COIN"))
    assert perp.funding == Funding(0.00071003, None, 1596096000000, 11029.69574559)


def test_binance_contract_size_is_of_the_contract() -> None:
    body = recorded("binance/cm-exchange-info")
    assert binance.parse_contract_size(body, "BTCUSD_200925") == 100
    rows = [{"symbol": "BTCUSD_PERP", "contractSize": 100}, {"symbol": "ETHUSD_PERP", "contractSize": 10}]
    for symbol, size in (("BTC-COIN", 100), ("ETH-COIN", 10)):
        endpoint = Binance().contract_size(a_perp(symbol), "perp")
        assert endpoint is not None
        assert endpoint.parse(plain({"symbols": rows})) == size
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


@together("size", [0, "0", -10, None, "x"])
def test_binance_contract_size_that_is_none(size: Any) -> None:
    with pytest.raises(BadResponse):
        binance.parse_contract_size(plain({"symbols": [{"symbol": "A", "contractSize": size}]}), "A")


@together("value", [[], {}, None, 5, "X"])
def test_binance_texts_that_are_none(value: Any) -> None:
    """What kind of income, which side: income of a kind that cannot be read is refused, and not left out."""
    row = {"incomeType": value, "income": "1", "asset": "USDT", "time": 1}
    with nullcontext() if value == "X" else pytest.raises(BadResponse):
        assert binance.parse_income(plain([row])).rows == []
    held = {"symbol": "BTCUSDT", "positionAmt": "1", "positionSide": value, "markPrice": "5"}
    (position,) = binance.parse_usdm_positions([held], {"positions": [held | {"initialMargin": "2"}]})
    assert (position.side, position.margin) == ("long", 2)
    with pytest.raises(BadResponse):
        binance.parse_usdm_positions([held | {"symbol": []}], None)


def test_binance_spot_candles() -> None:
    candles = binance.parse_candles(recorded("binance/spot-klines-1h"), a_spot("BTC-USDT"), "1h")
    assert len(candles) == 4
    assert rows_of(candles)[0] == (1672981200000, 16823.24, 16823.63, 16792.12, 16810.18, 6230.44034)
    assert (candles.quote_volume or [])[0] == 104737787.3657063
    assert (candles.taker_buy or [])[0] == 3058.60695  # index 9; 10 is in quote
    assert (candles.exchange, candles.symbol, candles.kind, candles.interval_ms) == (
        "binance",
        "BTC-USDT",
        "spot",
        HOUR_MS,
    )


def test_binance_spot_candles_of_a_minute() -> None:
    candles = binance.parse_candles(recorded("binance/spot-klines"), a_spot("BTC-USDT"), "1m")
    assert rows_of(candles)[-1] == (1634944320000, 60739.85, 60739.85, 60739.85, 60739.85, 0.04734)
    assert (len(candles), candles.interval_ms) == (10, 60_000)
    assert all(bought <= volume for bought, volume in zip(candles.taker_buy or (), candles.volume, strict=True))


def test_binance_usdm_candles() -> None:
    candles = binance.parse_candles(recorded("binance/um-klines"), a_perp("BTC-USDT"), "1h")
    assert rows_of(candles)[0] == (1718654400000, 66661.4, 66746.2, 66122.3, 66376, 14150.996)
    assert ((candles.quote_volume or [])[0], (candles.taker_buy or [])[0]) == (939449103.5838, 7106.24)
    assert candles.kind == "perp"


def test_binance_open_interest_history_in_coins() -> None:
    body = recorded("binance/um-open-interest-hist")
    assert binance.parse_open_interest_history(body, a_perp("BTC-USDT"), "sumOpenInterest") == [
        (1642179900000, 75375.617)
    ]
    assert binance.parse_open_interest_history(body, a_perp("BTC-USDT", 1000), "sumOpenInterest") == [
        (1642179900000, 75375617)
    ]


def test_binance_history_and_ratios_as_they_are_asked_for() -> None:
    history = Binance().open_interest_history(a_perp("1000PEPE-USDT", 1000), 25)
    assert history.parse(recorded("binance/um-open-interest-hist").replace(b"BTCUSDT", b"1000PEPEUSDT")) == [
        (1642179900000, 75375617)
    ]
    everybody = (
        Binance().ratios(a_perp("BTC-USDT"), 25)[0].parse(recorded("binance/um-global-long-short-account-ratio"))
    )
    assert everybody == {"accounts": [Ratio(1726790400000, 0.4558)]}


def test_binance_open_interest_history_with_quoted_times() -> None:
    rows = binance.parse_open_interest_history(
        recorded("binance/um-open-interest-hist-docs"), a_perp("BTC-USDT"), "sumOpenInterest"
    )
    assert rows == [(1583127900000, 20403.637), (1583128200000, 20401.367)]


def test_binance_coin_margined_history_in_coins_not_contracts() -> None:
    endpoint = Binance().open_interest_history(a_perp("BTC-COIN"), 25)
    assert endpoint.parse(recorded("binance/cm-open-interest-hist")) == [(1791835200000, 15796.96988405)]


def test_binance_ratios_are_shares() -> None:
    body = recorded("binance/um-global-long-short-account-ratio")
    assert binance.parse_ratios(body, a_perp("BTC-USDT"), "accounts") == {"accounts": [Ratio(1726790400000, 0.4558)]}


def test_binance_ratios_of_top_traders() -> None:
    (_, accounts, positions) = Binance().ratios(a_perp("BTC-USDT"), 25)
    assert accounts.parse(recorded("binance/um-top-long-short-account-ratio")) == {
        "top accounts": [Ratio(1583139600000, 0.6442), Ratio(1583139900000, 0.358)]
    }
    assert positions.parse(recorded("binance/um-top-long-short-position-ratio")) == {
        "top positions": [Ratio(1583139600000, 0.5891), Ratio(1583139900000, 0.3583)]
    }


SHORT = ("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "closeTime")


def test_binance_row_is_as_the_ticker() -> None:
    """But for what type=MINI leaves out: bid, ask, and the change, whose third decimal the exchange rounds."""
    whole = json.loads(recorded("binance/spot-ticker-24hr"))
    row = binance.parse_ticker_row(Row("binance", {key: whole[key] for key in SHORT}), "spot")
    of_row, of_one = ticker_of(row), binance.parse_ticker(recorded("binance/spot-ticker-24hr"), a_spot("BTC-USDT"))
    assert of_row.change_pct == pytest.approx(of_one.change_pct, abs=0.0005)
    assert of_row == of_one._replace(bid=None, ask=None, change_pct=of_row.change_pct)
    um = binance.parse_ticker_row(Row("binance", json.loads(recorded("binance/um-ticker-24hr"))))
    assert um is not None
    assert (um[0], ticker_of(um).base_volume, ticker_of(um).change_pct) == ("S-USDT", 120588225, -6.777)


@together(
    "listed, symbol, multiplier",
    [
        ("1000PEPEUSDT", "1000PEPE-USDT", 1000),
        ("1MBABYDOGEUSDT", "1MBABYDOGE-USDT", 1_000_000),
        ("1000000MOGUSDT", "1000000MOG-USDT", 1_000_000),
        ("1INCHUSDC", "1INCH-USDC", 1),
        ("币安人生USDT", "币安人生-USDT", 1),
    ],
)
def test_binance_rows_are_per_coin(listed: str, symbol: str, multiplier: int) -> None:
    row = {"symbol": listed, "lastPrice": "5", "volume": "7", "quoteVolume": "35", "closeTime": 1}
    row |= {"priceChangePercent": "1"}
    ticker = ticker_of(binance.parse_ticker_row(Row("binance", row)))
    assert (ticker.symbol, ticker.last, ticker.base_volume) == (symbol, 5 / multiplier, 7 * multiplier)
    assert (ticker.quote_volume, ticker.exchange) == (35, "binance")
    funding = binance.parse_funding_row(Row("binance", {"symbol": listed, "lastFundingRate": "0.1", "markPrice": "5"}))
    assert funding == (symbol, Snapshot(funding=Funding(0.1, None, None, 5 / multiplier)))


@together(
    "row",
    [
        {"symbol": "ETHBTC", "lastPrice": "x"},
        {"symbol": "BTCUSDT_230331", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": "BTCUSD_PERP", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": "USDT", "lastPrice": "5", "quoteVolume": "5"},
        {"symbol": 5},
        {},
    ],
)
def test_binance_rows_of_other_quotes(row: dict[str, Any]) -> None:
    assert binance.parse_ticker_row(Row("binance", row)) is None


@together("told", [{"lastPrice": "0.00000000", "quoteVolume": "5"}, {"lastPrice": "5", "quoteVolume": "0.00"}, {}])
def test_binance_rows_that_do_not_trade(told: dict[str, str]) -> None:
    """Their market is told, and nothing of it."""
    row = {"symbol": "OLDUSDT", **told}
    assert binance.parse_ticker_row(Row("binance", row)) == ("OLD-USDT", NOTHING)
    assert binance.parse_ticker_rows([row, row]) == [("OLD-USDT", NOTHING)] * 2


def test_binance_funding_rows() -> None:
    row = json.loads(recorded("binance/um-premium-index"))
    funding = Funding(0.00038246, None, 1597392000000, 11793.63104562)
    assert binance.parse_funding_row(Row("binance", row)) == ("BTC-USDT", Snapshot(funding=funding))
    assert binance.parse_funding_row(Row("binance", row | {"symbol": "BTCUSDT_230331"})) is None
    assert binance.parse_funding_row(Row("binance", row | {"lastFundingRate": ""})) is None
    assert binance.parse_funding_row(Row("binance", row | {"symbol": "ETHBTC"})) is None


async def test_binance_funding_periods() -> None:
    """Those that were changed; all others are of 8 hours."""
    endpoint, of_all_others = Binance().funding_intervals("USDT")
    assert of_all_others == 8
    assert await listed(endpoint, recorded("binance/um-funding-info")) == [("BLZ-USDT", 8.0)]
    rows = b'[{"symbol":"1000PEPEUSDT","fundingIntervalHours":4},{"symbol":"ETHBTC","fundingIntervalHours":1}]'
    assert await listed(endpoint, rows) == [("1000PEPE-USDT", 4.0)]
    with pytest.raises(BadResponse):
        await listed(endpoint, b'[{"symbol":"BTCUSDT"}]')


async def test_binance_funding_periods_of_2026() -> None:
    changed, _ = Binance().funding_intervals("USDT")
    hours = dict(await listed(changed, recorded("binance/um-funding-info-2026-09")))
    assert (hours["GTC-USDT"], hours["LPT-USDT"], hours["T-USDT"], hours["1000XEC-USDT"]) == (8, 4, 1, 4)


async def test_binance_coin_margined_funding_periods_are_asked_for() -> None:
    endpoint, of_all_others = Binance().funding_intervals("COIN")
    assert (endpoint.host.name, endpoint.target, of_all_others) == ("BINANCE_COINM", "/dapi/v1/fundingInfo", 8)
    rows = [{"symbol": "BTCUSD_PERP", "fundingIntervalHours": 4}, {"symbol": "USD_PERP", "fundingIntervalHours": 1}]
    rows += [{"symbol": "BTCUSD_261225", "fundingIntervalHours": 2}]
    assert await listed(endpoint, json.dumps(rows).encode()) == [("BTC-COIN", 4)]
