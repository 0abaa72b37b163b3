"""Bitget: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import about, listed, of_bitget, only, rows_of, ticker_of

from exchanges import bitget
from exchanges.bitget import Bitget
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest, Ratio, Snapshot, Ticker


def test_bitget_spot_ticker() -> None:
    ticker = bitget.parse_spot(recorded("bitget/spot-ticker-one"), a_spot("BTC-USDT"))
    assert ticker.change_pct == about(0.321)  # sent as the fraction 0.00321
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
    assert perp.ticker.change_pct == about(0.471)
    assert perp.open_interest == OpenInterest(7452.6421, about(7452.6421 * 104824.2))
    assert perp.funding == Funding(-0.000014, None, None, 104824.2)


def test_bitget_coin_margined_open_interest_is_in_coins() -> None:
    perp = bitget.parse_perp(recorded("bitget/mix-tickers-all-coin-futures"), a_perp("BTC-COIN"))
    assert perp.open_interest == OpenInterest(125.6844, None)  # there is no mark price here
    assert perp.funding == Funding(-0.0007, None, None, None)
    dated = bitget.parse_perp(
        recorded("bitget/mix-ticker-ETHUSD-delivery-doc").replace(b"ETHUSD_231229", b"ETHUSD"), a_perp("ETH-COIN")
    )
    assert dated.open_interest == OpenInterest(9488.49, None)
    assert dated.ticker is not None
    assert (dated.ticker.high, dated.ticker.low) == (None, None)  # "0" where nothing was traded


def test_bitget_funding() -> None:
    perp = bitget.parse_funding(recorded("bitget/mix-current-fund-rate"), a_perp("BTC-USDT"))
    assert perp.funding == Funding(-0.000013, 8.0, 1745510400000, None)
    older = bitget.parse_funding(of_bitget([{"symbol": "BTCUSDT", "fundingRate": "0.0001"}]), a_perp("BTC-USDT"))
    assert older.funding == Funding(0.0001, None, None, None)


def test_bitget_by_the_thousand_is_per_coin() -> None:
    row = {"lastPr": "0.012", "markPrice": "0.0121", "baseVolume": "5", "quoteVolume": "0.06", "ts": "1"}
    perp = bitget.parse_perp(of_bitget([row | {"holdingAmount": "7", "fundingRate": "0"}]), a_perp("PEPE-USDT", 1000))
    assert perp.ticker is not None
    assert (perp.ticker.last, perp.ticker.base_volume, perp.ticker.quote_volume) == (0.012 / 1000, 5000, 0.06)
    assert perp.open_interest == OpenInterest(7000, about(7 * 0.0121))
    assert perp.funding == Funding(0, None, None, 0.0121 / 1000)


@pytest.mark.parametrize("name", ["bitget/mix-candles", "bitget/mix-candles-2"])
def test_bitget_candles(name: str) -> None:
    candles = bitget.parse_candles(recorded(name), a_perp("BTC-USDT"), "5m")
    assert rows_of(candles) == [
        (1695835800000, 26210.5, 26210.5, 26194.5, 26194.5, 26.26),
        (1695836100000, 26194.5, 26194.5, 26171, 26171, 17.98),
    ]
    assert list(candles.quote_volume or ()) == [687897.63, 470618.72]


def test_bitget_spot_candles_have_a_column_more() -> None:
    answer = json.loads(recorded("bitget/spot-candles"))
    answer["data"] = answer["data"][:1]  # the example tells the same candle twice
    candles = bitget.parse_candles(json.dumps(answer).encode(), a_spot("BTC-USDT"), "1m")
    assert rows_of(candles) == [(1656604800000, 37834.5, 37849.5, 37773.5, 37773.5, 428.3462)]
    assert (list(candles.quote_volume or ()), candles.kind) == ([16198849.1079], "spot")


def test_bitget_ratio_field_is_a_hundredth_and_not_read() -> None:
    """longShortAccountRatio says 0.0138 where it is 1.38."""
    ratios = bitget.parse_ratios(recorded("bitget/mix-account-long-short"), a_perp("BTC-USDT"))
    assert ratios == {"accounts": [Ratio(1729312200000, 0.58)]}


async def test_bitget_spot_rows() -> None:
    symbol, perp = only(await listed(Bitget().tickers("spot", NOW_MS)["ticker"], recorded("bitget/spot-ticker-one")))
    assert (symbol, perp) == (
        "BTC-USDT",
        Snapshot(bitget.parse_spot(recorded("bitget/spot-ticker-one"), a_spot("BTC-USDT"))),
    )
    assert (
        await listed(Bitget().tickers("spot", NOW_MS)["ticker"], recorded("bitget/spot-tickers-all-doc")) == []
    )  # no volume


async def test_bitget_perp_rows() -> None:
    symbol, perp = only(await listed(Bitget().tickers("perp", NOW_MS)["ticker"], recorded("bitget/mix-ticker-one")))
    assert (symbol, perp) == ("BTC-USDT", bitget.parse_perp(recorded("bitget/mix-ticker-one"), a_perp("BTC-USDT")))
    assert (
        await listed(Bitget().tickers("perp", NOW_MS)["ticker"], recorded("bitget/mix-tickers-all-coin-futures")) == []
    )


async def test_bitget_list_of_funding() -> None:
    rows = await listed(Bitget().tickers("perp", NOW_MS)["funding"], recorded("bitget/mix-current-fund-rate"))
    assert rows == [("BTC-USDT", Snapshot(funding=Funding(-0.000013, 8.0, 1745510400000, None)))]
    thousand = {"symbol": "1000BONKUSDT", "fundingRate": "0.1", "fundingRateInterval": "4"}
    assert bitget.parse_funding_row(Row("bitget", thousand)) == (
        "1000BONK-USDT",
        Snapshot(funding=Funding(0.1, 4.0, None, None)),
    )
    assert bitget.parse_funding_row(Row("bitget", {"symbol": "ETHUSD_231229", "fundingRate": "x"})) is None


def test_bitget_rows_are_per_coin() -> None:
    row = {"symbol": "1000BONKUSDT", "lastPr": "5", "quoteVolume": "35", "baseVolume": "7", "ts": "1"}
    found = bitget.parse_perp_row(Row("bitget", row | {"holdingAmount": "4", "markPrice": "6"}))
    assert found is not None
    assert (found[0], ticker_of(found).last, ticker_of(found).base_volume) == ("1000BONK-USDT", 0.005, 7000)
    assert found[1].open_interest == OpenInterest(4000, about(24))
    assert bitget.parse_perp_row(Row("bitget", row | {"quoteVolume": "0"})) == ("1000BONK-USDT", NOTHING)
    assert bitget.parse_perp_row(Row("bitget", row | {"lastPr": None})) == ("1000BONK-USDT", NOTHING)


@together(
    "listed, symbol",
    [
        ("BTCUSDT", "BTC-USDT"),
        ("BTCUSDC", "BTC-USDC"),
        ("BTCPERP", "BTC-USDC"),
        ("ETHUSD_231229", None),
        ("BTCUSD", None),
        ("USDT", None),
        (None, None),
        ([], None),
    ],
)
def test_bitget_symbols(listed: object, symbol: str | None) -> None:
    assert bitget.parse_symbol(Row("bitget", {"symbol": listed})) == symbol
