"""Gate: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import about, listed, only, plain, rows_of, ticker_of

from exchanges import gate
from exchanges.errors import (
    BadResponse,
)
from exchanges.gate import Gate
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest, Ratio, Snapshot, Ticker


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
    assert perp.open_interest == OpenInterest(783779, about(783779 * 0.2048))
    assert perp.funding == Funding(-0.003216, 8.0, 1784131200000, 0.2048)
    assert perp.ticker is None


def test_gate_contract_of_many_coins_in_decimal_texts() -> None:
    (row,) = json.loads(recorded("gate/contracts-usdt-doc"))
    perp = gate.parse_contract(plain(row), a_perp("LAB-USDT"))
    assert perp.open_interest == OpenInterest(about(4017780), about(4017780 * 37985.6))
    assert perp.funding == Funding(0.002053, 8.0, 1610035200000, 37985.6)


def test_gate_contract_of_a_ten_thousandth_coin() -> None:
    row = {"type": "direct", "quanto_multiplier": "0.0001", "position_size": 616999728, "mark_price": "75180.8"}
    interest = gate.parse_contract(plain(row), a_perp("BTC-USDT")).open_interest
    assert interest == OpenInterest(about(61699.97), about(4.6387e9, rel=1e-4))


def test_gate_quanto_contract_recorded() -> None:
    perp = gate.parse_contract(recorded("gate/contract-eth-usd-btc-settled-2019"), a_perp("ETH-USD"))
    assert perp.open_interest == OpenInterest(about(1.368355), about(1.368355 * 180.14))
    assert perp.funding == Funding(0.0001, 8.0, 1570089600000, 180.14)


def test_gate_inverse_contract_is_a_dollar_though_its_multiplier_is_zero() -> None:
    row = next(row for row in json.loads(recorded("gate/contracts-btc-settled-2019")) if row["name"] == "BTC_USD")
    assert row["quanto_multiplier"] == "0"
    assert gate.parse_contract(plain(row), a_perp("BTC-COIN")).open_interest == OpenInterest(None, 8491108)


def test_gate_contract_size() -> None:
    assert gate.parse_contract_size(recorded("gate/contract-usdt-one"), a_perp("0G-USDT")) == 1
    assert gate.parse_contract_size(b'{"quanto_multiplier": "0.0001"}', a_perp("BTC-USDT")) == 0.0001
    with pytest.raises(BadResponse):
        gate.parse_contract_size(b'{"quanto_multiplier": "0"}', a_perp("BTC-USDT"))


def test_gate_contract_without_what_it_may_lack() -> None:
    row = {"type": "direct", "quanto_multiplier": "0.01", "position_size": 5, "mark_price": "0", "funding_rate": "0.1"}
    perp = gate.parse_contract(plain(row), a_perp("X-USDT"))
    assert perp.open_interest == OpenInterest(0.05, None)
    assert perp.funding == Funding(0.1, None, None, None)
    assert gate.parse_contract(b'{"type": "direct", "quanto_multiplier": "0"}', a_perp("X-USDT")) == Snapshot()
    later = {"funding_rate": "0", "funding_next_apply": 1700000000.5, "funding_interval": 3600}
    assert gate.parse_contract(plain(later), a_perp("X-USDT")).funding == Funding(0, 1.0, 1700000000500, None)


def test_gate_next_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(BadResponse, match="no moment"):
        gate.parse_contract(plain({"funding_rate": "0.1", "funding_next_apply": 1e25}), a_perp("X-USDT"))


def test_gate_spot_candles() -> None:
    """The columns stand in an order of their own: time in s, quote volume, CLOSE, high, low, OPEN, base volume."""
    candles = gate.parse_spot_candles(recorded("gate/spot-candles"), a_spot("BTC-USDT"), "1m")
    assert rows_of(candles) == [(1717246800000, 67715.1, 67839.9, 67715, 67772.5, 17.0779)]
    assert (list(candles.quote_volume or ()), candles.is_last_closed) == ([1157762.868212], True)
    assert candles.kind == "spot"


def test_gate_perp_candles() -> None:
    candles = gate.parse_perp_candles(recorded("gate/perp-candles-doc"), a_perp("BTC-USDT", 1, 0.0001), "1m")
    assert rows_of(candles) == [(1539852480000, 1.032, 1.032, 1.032, 1.032, about(9.7151))]
    assert (list(candles.quote_volume or ()), candles.is_last_closed, candles.kind) == ([3580], None, "perp")


def test_gate_open_interest_history_in_coins_and_ms() -> None:
    row = {"time": 1603865400, "open_interest": 2851725, "open_interest_usd": 9872386.7775, "mark_price": 0.34619}
    ((time_ms, coins),) = gate.parse_open_interest_history(plain([row]), a_perp("BTC-USDT"))
    assert time_ms == 1603865400000
    assert coins == pytest.approx(28517250 / 2)  # contracts of 10 coins, of both sides


def test_gate_open_interest_history_recorded() -> None:
    ((time_ms, coins),) = gate.parse_open_interest_history(recorded("gate/contract-stats-doc"), a_perp("BTC-USDT"))
    assert (time_ms, coins) == (1603865400000, 1511 / 2 / 8865)


def test_gate_history_is_on_the_basis_of_the_contract() -> None:
    """An unchanged market: contract_stats counts both sides, position_size one. 2026: 1.95 times as many."""
    contract = gate.parse_contract(
        plain({"type": "direct", "position_size": 1000, "quanto_multiplier": "0.01", "mark_price": "50"}),
        a_perp("X-USDT"),
    )
    told = {"time": 1603865400, "open_interest": 2000, "open_interest_usd": 1000, "mark_price": 50}
    ((_, coins),) = gate.parse_open_interest_history(plain([told]), a_perp("X-USDT"))
    assert contract.open_interest == OpenInterest(coins, coins * 50)
    ((_, coins),) = gate.parse_open_interest_history(recorded("gate/oi-two-answers-2026-08"), a_perp("BTC-USDT"))
    assert coins == pytest.approx(705372304 * 0.0001 / 2, rel=2e-3)


def test_gate_ratios_are_long_over_short_three_in_one() -> None:
    ratios = gate.parse_ratios(recorded("gate/contract-stats-doc"), a_perp("BTC-USDT"))
    assert ratios == {
        "accounts": [Ratio(1603865400000, about(1 / 3))],
        "top accounts": [Ratio(1603865400000, about(0.6))],
        "top positions": [Ratio(1603865400000, about(1.02 / 2.02))],
    }


def test_gate_ratios_that_are_not_told_are_left_out() -> None:
    rows: list[Any] = [
        {"time": 2, "lsr_account": 1, "top_lsr_size": None},
        {"time": 1, "lsr_account": "", "top_lsr_size": None},
    ]
    assert gate.parse_ratios(plain(rows), a_perp("BTC-USDT")) == {"accounts": [Ratio(2000, 0.5)]}
    assert gate.parse_ratios(b"[]", a_perp("BTC-USDT")) == {}


def test_gate_history_without_a_price() -> None:
    for price in ("0", 0, -5):
        row = {"time": 1700000000, "open_interest_usd": 5000, "mark_price": price}
        with pytest.raises(BadResponse):
            gate.parse_open_interest_history(plain([row]), a_perp("BTC-USDT"))


async def test_gate_spot_rows() -> None:
    rows = await listed(Gate().tickers("spot", NOW_MS)["ticker"], recorded("gate/spot-tickers-all"))
    assert [symbol for symbol, _ in rows] == ["BTC-USDT", "ETH-USDT"]
    ticker = ticker_of(rows[1])
    assert (ticker.last, ticker.bid, ticker.ask, ticker.change_pct) == (1752.96, 1752.96, 1752.97, 0.24)
    assert (ticker.base_volume, ticker.quote_volume) == (34842.614438438, 60887901.935971)


async def test_gate_perp_rows() -> None:
    symbol, perp = only(await listed(Gate().tickers("perp", NOW_MS)["ticker"], recorded("gate/perp-ticker-doc")))
    assert symbol == "BTC-USDT"
    assert ticker_of((symbol, perp)).base_volume == 28613220
    assert ticker_of((symbol, perp)).quote_volume == 184040233284
    assert (perp.open_interest, perp.funding) == (None, None)


async def test_gate_rows_of_before_there_was_a_turnover() -> None:
    """22 markets of 2019, which tell their volume in contracts, BTC and USD."""
    rows = await listed(Gate().tickers("perp", NOW_MS)["ticker"], recorded("gate/perp-tickers-all-btc-settled-2019"))
    assert (len(rows), {market for _, market in rows}) == (22, {NOTHING})


async def test_gate_contract_rows() -> None:
    rows = await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-usdt-doc"))
    funding = Funding(0.002053, 8.0, 1610035200000, 37985.6)
    assert rows == [("LAB-USDT", Snapshot(None, OpenInterest(about(4017780), about(4017780 * 37985.6)), funding))]
    row = json.loads(recorded("gate/contracts-usdt-doc"))[0]
    assert gate.parse_contract_row(Row("gate", row | {"in_delisting": True})) is None


async def test_gate_contracts_of_2019_as_many_as_their_tickers() -> None:
    """position_size of a contract is total_size of its ticker: one side, on 22 of 22."""
    sizes = {
        row["contract"]: row["total_size"] for row in json.loads(recorded("gate/perp-tickers-all-btc-settled-2019"))
    }
    rows = json.loads(recorded("gate/contracts-btc-settled-2019"))
    found = dict(await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-btc-settled-2019")))
    assert len(found) == len(rows) == len(sizes) == 22
    assert found["BTC-USD"].open_interest == OpenInterest(None, 8491108)  # the inverse one, with multiplier "0"
    for row in rows:
        interest = found[row["name"].replace("_", "-")].open_interest
        assert interest is not None
        if row["type"] == "direct":
            assert interest.open_interest == about(float(sizes[row["name"]]) * float(row["quanto_multiplier"]))


async def test_gate_dated_contracts_are_left_out() -> None:
    assert await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/delivery-contract")) == []


@together(
    "listed, symbol",
    [
        ("BTC_USDT", "BTC-USDT"),
        ("BTC3L_USDT", "BTC3L-USDT"),
        ("币安人生_USDT", "币安人生-USDT"),
        ("BTC_USD", "BTC-USD"),
        ("ETH_BTC", None),
        ("BTC_USDT_20200814", None),
        ("_USDT", None),
        ("USDT", None),
        (None, None),
        (5, None),
    ],
)
def test_gate_symbols(listed: object, symbol: str | None) -> None:
    assert gate.symbol_of(listed) == symbol
    assert Gate().symbols("spot").row(Row("gate", {"currency_pair": listed})) == symbol
    assert Gate().symbols("perp").row(Row("gate", {"contract": listed})) == symbol


async def test_gate_contracts_of_2026() -> None:
    rows = dict(await listed(Gate().tickers("perp", NOW_MS)["funding"], recorded("gate/contracts-list-2026-09-19")))
    assert rows["BTC-USDT"].open_interest == OpenInterest(about(32874.304), about(32874.304 * 81241))
    assert rows["CVC-USDT"].funding == Funding(-0.000379, 1, 1789826400000, 0.02788)


async def test_gate_dated_contracts_of_2026_are_left_out() -> None:
    endpoint = Gate().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("gate/perp-tickers-with-dated-2026-09")))
    assert list(rows) == ["BTC-USDT"]
    assert ticker_of(("", rows["BTC-USDT"])).quote_volume == 5615401236
