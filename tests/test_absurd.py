"""Figures and names that no market has: they end as nothing, or as a bad answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import NOW_MS, a_spot, together

from exchanges import binance
from exchanges.errors import BadResponse
from exchanges.joined import by_coin, completed_snapshot
from exchanges.reading import MAX_NAME, Row, is_name, rows_read
from exchanges.table import EXCHANGES
from exchanges.words import OpenInterest, Snapshot, Ticker
from render.keyboards import that_fit
from render.message import Button


@together("price", ["1e-300", 1e-300, "1e-19", "-1e-300", "inf", "Infinity", "nan", "1e31"])
def test_price_that_cannot_be(price: Any) -> None:
    row = Row("x", {"p": price})
    for read in (row.price, row.needed_price):
        with pytest.raises(BadResponse):
            read("p")
    assert Row("x", {"p": "1e-12"}).price("p") == 1e-12


@pytest.mark.parametrize("amount", ["1e-310", 5e-324, "-1e-300"])
def test_amount_of_next_to_nothing(amount: Any) -> None:
    """What is divided by it would be without bounds: in a field it is nothing, in a candle no candle has it."""
    assert Row("x", {"a": amount}).number("a") == Row("x", {"a": amount}).needed("a") == 0
    assert Row("x", {"a": "1e-20"}).number("a") == 1e-20
    row = [NOW_MS, "2", "3", "1", "2", amount, NOW_MS + 59_999, "5", 1, "1", "1", "0"]
    with pytest.raises(BadResponse):
        binance.parse_candles(json.dumps([row]).encode(), a_spot("BTC-USDT"), "1h")


@together("place", range(1, 6))
def test_candle_with_nan_anywhere(place: int) -> None:
    """It compares as false with everything: a check that asks the wrong way round lets it in."""
    row: list[Any] = [NOW_MS, "2", "3", "1", "2", "7", NOW_MS + 59_999, "14", 1, "1", "2", "0"]
    assert binance.parse_candles(json.dumps([row]).encode(), a_spot("BTC-USDT"), "1h").volume[0] == 7
    row[place] = "NaN"
    with pytest.raises(BadResponse):
        binance.parse_candles(json.dumps([row]).encode(), a_spot("BTC-USDT"), "1h")


@together("moment", ["1e30", 10**18, -1, "-5", 4_102_444_800_001, "inf"])
def test_moment_beyond_the_calendar(moment: Any) -> None:
    row = Row("x", {"t": moment})
    for read in (row.moment, row.whole):
        with pytest.raises(BadResponse):
            read("t")
    assert (
        Row("x", {"t": "1700000000000"}).moment("t") == Row("x", {"t": 1700000000}).moment("t", 1000) == 1700000000000
    )


@pytest.mark.parametrize("depth", [50, 900, 1020])
def test_what_is_nested_deep_is_no_figure_and_no_name(depth: int) -> None:
    row = Row.of("x", b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    for read in (row.number, row.name, row.row, row.rows if depth < 0 else row.needed):
        with pytest.raises(BadResponse) as caught:
            read("a")
        assert len(str(caught.value)) < 100
    with pytest.raises(BadResponse):
        binance.parse_candles(b"[" * depth + b"]" * depth, a_spot("BTC-USDT"), "1h")


@together(
    "name", ["BTC\nUSDT", "BTC\u202eUSDT", "B TC", "", "BTC\u0000", "A" * (MAX_NAME + 1), None, 5, ["BTC"], "BTC\u200b"]
)
def test_name_that_may_not_stand_in_a_line_of_ours(name: Any) -> None:
    assert not is_name(name)
    with pytest.raises(BadResponse):
        Row("x", {"n": name}).name("n")


@together("name", ["BTCUSDT", "币安人生USDT", "1000PEPE_USDC-PERPETUAL", "A" * MAX_NAME])
def test_name_that_may(name: str) -> None:
    assert Row("x", {"n": name}).name("n") == name


@together("exchange", [each for each in EXCHANGES if each != "kraken"])
@together("spoilt", ["BTC\nX", "\u202eBTC", "B" * 90])
def test_odd_names_are_left_out_of_lists(exchange: str, spoilt: str) -> None:
    venue = EXCHANGES[exchange]
    endings = {
        "gate": "_USDT",
        "okx": "-USDT-SWAP",
        "deribit": "_USDC-PERPETUAL",
        "hyperliquid": "",
        "coinbase": "-USD",
    }
    name = f"{spoilt}{endings.get(exchange, 'USDT')}"
    kind = venue.kinds[-1]
    symbols = venue.symbols(kind)
    assert symbols is not None
    keys = ("symbol", "instId", "contract", "currency_pair", "name", "instrument_name", "id")
    rows = [dict.fromkeys(keys, name), dict.fromkeys(keys, name.replace(spoilt, "BTC"))]
    assert len(rows_read(exchange, rows, symbols.row)) == 1


def test_market_of_no_coin_is_left_out() -> None:
    """_USDC-PERPETUAL of Deribit, which was a row without a name, and a button without a text."""
    assert list(by_coin({"-USDC": Snapshot(), "BTC-USDC": Snapshot()})) == ["BTC-USDC"]
    assert that_fit([Button("", "price -USDC"), Button("BTC", "price BTC")]) == (Button("BTC", "price BTC"),)


def test_kraken_odd_names_are_left_out() -> None:
    endpoint = EXCHANGES["kraken"].tickers("perp", NOW_MS)["ticker"]
    good = {"symbol": "PF_XBTUSD", "last": 5, "vol24h": 5}
    rows = [good | {"symbol": "PF_XB\nTUSD"}, good]
    assert [symbol for symbol, _ in rows_read("kraken", json.loads(json.dumps(rows)), endpoint.row)] == ["BTC-USD"]


@together(
    "told, known",
    [
        ((3.0, 0.0), (3.0, 30.0)),
        ((0.0, 30.0), (3.0, 30.0)),
        ((0.0, 0.0), (0.0, 0.0)),
        ((None, 0.0), (0.0, 0.0)),
        ((0.0, None), (0.0, 0.0)),
        ((3.0, 31.0), (3.0, 31.0)),
        ((None, None), (None, None)),
    ],
)
def test_coins_that_are_worth_nothing_are_worth_their_price(
    told: tuple[float | None, float | None], known: tuple[float | None, float | None]
) -> None:
    """OKX's 1e-310 dollars of 16 million coins were shown as $0."""
    ticker = Ticker("okx", "AB-USDT", 10.0, None, None, None, None, None, None, None, 0)
    assert completed_snapshot(Snapshot(ticker, OpenInterest(*told)), None).open_interest == OpenInterest(*known)


@together("worth, is_told", [(31.0, True), (89.0, True), (91.0, False), (11.0, True), (9.0, False), (3e6, False)])
def test_open_interest_is_worth_its_coins(worth: float, is_told: bool) -> None:
    """Three coins at 10."""
    ticker = Ticker("okx", "AB-USDT", 10.0, None, None, None, None, None, None, None, 0)
    found = completed_snapshot(Snapshot(ticker, OpenInterest(3.0, worth)), None).open_interest
    assert found == (OpenInterest(3.0, worth) if is_told else None)
