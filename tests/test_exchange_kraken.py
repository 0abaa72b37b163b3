"""Kraken: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import NEXT_HOUR_MS, about, listed, of_kraken_ticker, only, rows_of, ticker_of
from wired import wired

from exchanges import kraken
from exchanges.errors import (
    BadResponse,
    Gone,
    LongQuiet,
    NotSupported,
    Reason,
    UnknownSymbol,
)
from exchanges.joined import NOTHING
from exchanges.kraken import Kraken
from exchanges.reading import Row
from exchanges.table import EXCHANGES
from exchanges.words import Funding, OpenInterest, Ticker


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
    assert older.quote_volume == about(4433.77288826 * 354.543044)


async def test_kraken_price_of_a_day_without_trades_is_none() -> None:
    """It tells no time, and would pass for one of now."""
    row = {key: ["0", "0"] for key in "vplh"} | {"a": ["13"], "b": ["11"], "c": ["12.34"]}
    bot = wired(lambda host, path, query: {"error": [], "result": {"OLDUSD": row}}, "kraken")
    with pytest.raises(LongQuiet) as quiet:
        await bot.market.spot_at(EXCHANGES["kraken"], "OLD-USDT")
    assert quiet.value.since == "2026-09-20"


@together(
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
        {"c": ["-5"]},
    ],
)
def test_kraken_spot_figures_are_in_lists(row: dict[str, Any]) -> None:
    with pytest.raises(BadResponse):
        kraken.parse_spot(of_kraken_ticker([row]), a_spot("BTC-USD"))


@together(
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


def test_kraken_tells_coins_instead_of_markets() -> None:
    """By the names that pairs are made of; "Get Asset Info" has what is staked, too."""
    names = {"XXBT": "XBT", "XXDG": "XDG", "SOL": "SOL", "DOT.S": "DOT.S", "ZUSD": "USD"}
    assets = {key: {"aclass": "currency", "altname": name, "decimals": 10} for key, name in names.items()}
    body = json.dumps({"error": [], "result": assets | {"ODD": None, "NAMELESS": {}}}).encode()
    assert kraken.parse_assets(body) == {"BTC", "DOGE", "SOL", "USD"}
    assert Kraken().coins("perp") is None


@together("body", [b'{"error":[],"result":{}}', b'{"error":[],"result":{"A":{}}}', b'{"error":[]}', b"[]"])
def test_kraken_coins_that_are_none(body: bytes) -> None:
    with pytest.raises(BadResponse):
        kraken.parse_assets(body)


def test_kraken_address_that_is_no_more() -> None:
    """It is no unknown symbol, nor is a resolution that there is not."""
    gone = kraken.explain(404, recorded("krakenfutures/error-404-2026-09"))
    assert (type(gone), gone.reason) == (Gone, Reason.GONE)
    assert type(kraken.explain(410, b'{"errors": [{"code": 0}]}')) is Gone
    assert type(kraken.explain(404, b'{"errors": "none"}')) is UnknownSymbol
    assert type(kraken.explain(400, b"Invalid resolution")) is NotSupported


def test_kraken_spot_candles() -> None:
    candles = kraken.parse_spot_candles(recorded("kraken/ohlc-1m"), a_spot("BTC-USD"), "1m")
    assert rows_of(candles)[0] == (1688671200000, 30306.1, 30306.2, 30305.7, 30305.7, 3.39243896)
    assert (len(candles), candles.quote_volume, candles.kind) == (4, None, "spot")


def test_kraken_spot_candles_of_a_whole_answer() -> None:
    """721 minutes, many of them without a trade."""
    candles = kraken.parse_spot_candles(recorded("kraken/ohlc-1m-full"), a_spot("BTC-USDT"), "1m")
    assert (len(candles), candles.open_ms[0], candles.open_ms[-1]) == (721, 1762777020000, 1762820220000)
    assert rows_of(candles)[3] == (1762777200000, 106038.1, 106044.3, 106038.1, 106040.1, 0.08317981)


@together(
    "symbol, contract",
    [("BTC-USD", "PF_XBTUSD"), ("BTC-COIN", "PI_XBTUSD"), ("DOGE-USD", "PF_DOGEUSD"), ("币-USD", "PF_币USD")],
)
def test_kraken_contracts(symbol: str, contract: str) -> None:
    assert kraken.native(a_perp(symbol)) == contract


async def test_kraken_linear_row() -> None:
    symbol, perp = only(
        await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/ticker-PF_ENJUSD-row"))
    )
    assert perp.ticker == Ticker(
        exchange="kraken",
        symbol="ENJ-USD",
        last=0.0433,
        bid=0.0433,
        ask=0.0435,
        high=0.0435,
        low=0.0433,
        change_pct=-0.46,
        base_volume=1696,
        quote_volume=73.5216,
        time_ms=1761130945599,
    )
    assert (symbol, perp.open_interest) == ("ENJ-USD", OpenInterest(72513, about(72513 * 0.0434)))
    # The rate is told as an amount of dollars per coin.
    assert perp.funding == Funding(about(-7.56414717067e-07 / 0.0434), 1.0, NEXT_HOUR_MS, 0.0434)


def test_kraken_funding_is_absolute_on_linear_contracts() -> None:
    """-7.4269e-7 at a mark price of 0.0962418 is -7.717e-6 an hour."""
    row = {"symbol": "PF_XDGUSD", "last": 0.096, "vol24h": 5, "markPrice": 0.0962418, "fundingRate": -7.4269e-7}
    found = kraken.parse_perp_row(Row("kraken", row), NOW_MS)
    assert found is not None
    assert found[1].funding is not None
    assert found[1].funding.funding_rate == pytest.approx(-7.717e-6, rel=1e-4)
    assert found[0] == "DOGE-USD"


def test_kraken_funding_is_absolute_the_other_way_round_on_inverse_contracts() -> None:
    """In coins per dollar. A recorded history has both: relative / absolute is the index price."""
    for rate in json.loads(recorded("krakenfutures/historical-funding-rates"))["rates"][:1]:
        row = {"symbol": "PI_XBTUSD", "last": 20700, "vol24h": 5, "markPrice": 20650, "indexPrice": 20712.8}
        found = kraken.parse_perp_row(Row("kraken", row | {"fundingRate": rate["fundingRate"]}), NOW_MS)
        assert found is not None
        assert found[1].funding is not None
        assert found[1].funding.funding_rate == pytest.approx(rate["relativeFundingRate"], rel=1e-4)


async def test_kraken_inverse_row_counts_dollars() -> None:
    rows = dict(await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/tickers-2")))
    assert list(rows) == ["BTC-COIN", "ETH-USD"]
    btc = rows["BTC-COIN"]
    assert btc.open_interest == OpenInterest(about(21279580 / 91506.6009839176), 21279580)
    assert (btc.ticker.base_volume, btc.ticker.quote_volume) == (about(21118140 / 91506.6009839176), 21118140)
    assert btc.funding == Funding(about(-3.995839963e-09 * 91468.38), 1.0, NEXT_HOUR_MS, 91506.6009839176)
    assert rows["ETH-USD"].open_interest == OpenInterest(1000000, 1000000 * 3205.25)


async def test_kraken_rows_without_most_fields() -> None:
    """Of an inverse perpetual, a dated contract, and two indexes with nothing but a price."""
    rows = await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded("krakenfutures/tickers-mixed-rows"))
    symbol, perp = only(rows)
    assert (symbol, ticker_of((symbol, perp)).ask, perp.open_interest) == (
        "BTC-COIN",
        49289,
        OpenInterest(about(149655 / 30209.9), 149655),
    )


@pytest.mark.parametrize("name", ["krakenfutures/tickers-all-2019", "krakenfutures/tickers-all-2019-2"])
async def test_kraken_rows_of_2019_make_sense_as_dollars(name: str) -> None:
    """Their names were in lower case, and are not ours; their figures are of a whole market."""
    assert await listed(Kraken().tickers("perp", NOW_MS)["ticker"], recorded(name)) == []
    upper = [row | {"symbol": row["symbol"].upper()} for row in json.loads(recorded(name))["tickers"]]
    found = dict(await listed(Kraken().tickers("perp", NOW_MS)["ticker"], json.dumps({"tickers": upper}).encode()))
    assert set(found) == {f"{base}-COIN" for base in ("BTC", "ETH", "LTC", "BCH", "XRP")}
    assert 1000 < found["BTC-COIN"].open_interest.open_interest < 10_000
    assert found["BTC-COIN"].funding is None  # without an index price


@together(
    "row",
    [
        {"symbol": "FI_XBTUSD_211231", "last": 5, "vol24h": 5},
        {"symbol": "FF_XBTUSD_260327", "last": 5, "vol24h": 5},
        {"symbol": "in_xbtusd", "last": 5},
        {"symbol": "rr_xbtusd", "last": 5},
        {"symbol": "PF_XBTEUR", "last": 5, "vol24h": 5},
        {"symbol": None},
        {},
    ],
)
def test_kraken_rows_of_no_perpetual(row: dict[str, Any]) -> None:
    assert kraken.parse_perp_row(Row("kraken", row), NOW_MS) is None


@together("row", [{"vol24h": 5}, {"last": 5}, {"last": 5, "vol24h": 0}, {"last": 5, "vol24h": 5, "suspended": True}])
def test_kraken_rows_that_do_not_trade(row: dict[str, Any]) -> None:
    """They are listed, which is all that is told of them."""
    found = kraken.parse_perp_row(Row("kraken", row | {"symbol": "PF_XBTUSD"}), NOW_MS)
    assert found == ("BTC-USD", NOTHING)


@together(
    "text, time_ms",
    [
        ("2026-09-01T12:00:00.123Z", 1788264000123),
        ("2025-11-17T00:31:01.835715Z", 1763339461835),
        ("soon", 0),
        ("9999-12-31T00:00:00Z", 0),
        ("1066-10-14T00:00:00Z", 0),
        (None, 0),
        (5, 0),
        ([], 0),
    ],
)
def test_kraken_times_are_texts(text: object, time_ms: int) -> None:
    row = {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 5, "lastTime": text}
    assert ticker_of(kraken.parse_perp_row(Row("kraken", row), NOW_MS)).time_ms == time_ms


def test_kraken_row_without_a_mark_price() -> None:
    row = {"last": 5, "vol24h": 6, "openInterest": 7, "fundingRate": 0.1}
    linear, inverse = (
        kraken.parse_perp_row(Row("kraken", row | {"symbol": f"{kind}_XBTUSD"}), NOW_MS) for kind in ("PF", "PI")
    )
    assert linear is not None
    assert linear[1][1:] == (OpenInterest(7, None), None)
    assert inverse is not None
    assert inverse[1][1:] == (OpenInterest(None, 7), None)
    assert (ticker_of(inverse).base_volume, ticker_of(inverse).quote_volume) == (None, 6)


async def test_kraken_tells_the_relative_rate() -> None:
    endpoint = Kraken().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("krakenfutures/tickers-relative-2026-09")))
    assert rows["BTC-USD"].funding == Funding(7.094779166667e-06, 1, NEXT_HOUR_MS, 83778.43)
