"""OKX: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json

import pytest
from conftest import NOW_MS, a_perp, a_spot, recorded, together
from wire import HOUR_MS, about, listed, of_okx, only, rows_of, ticker_of

from exchanges import okx
from exchanges.errors import (
    BadResponse,
    Declined,
    MarketError,
    NotSupported,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)
from exchanges.okx import Okx
from exchanges.reading import Row
from exchanges.words import INTERVALS, Flow, Funding, OpenInterest, Ratio, Snapshot


def test_okx_spot_ticker() -> None:
    ticker = okx.parse_spot(recorded("okx/spot-ticker"), a_spot("ETH-BTC"))
    assert (ticker.base_volume, ticker.quote_volume) == (167493.829229, 11788.887619)
    assert ticker.change_pct == pytest.approx((0.07319 - 0.07801) / 0.07801 * 100)
    assert (ticker.last, ticker.bid, ticker.ask, ticker.time_ms) == (0.07319, 0.0732, 0.07322, 1621440583784)


def test_okx_swap_volume_is_in_coins_not_contracts() -> None:
    row = {"last": "50000", "open24h": "40000", "vol24h": "12345678", "volCcy24h": "123456.78", "ts": "1700000000000"}
    ticker = okx.parse_perp(of_okx([row]), a_perp("BTC-USDT")).ticker
    assert ticker is not None
    assert (ticker.base_volume, ticker.quote_volume, ticker.change_pct) == (123456.78, 123456.78 * 50000, 25)


def test_okx_swap_ticker_recorded() -> None:
    ticker = okx.parse_perp(recorded("okx/swap-tickers"), a_perp("LTC-USD")).ticker
    assert ticker is not None
    assert (ticker.last, ticker.base_volume) == (9999.99, 2222)


def test_okx_open_interest_in_coins_not_contracts() -> None:
    perp = okx.parse_open_interest(recorded("okx/open-interest-swap-docs"), a_perp("BTC-USDT"))
    assert perp.open_interest == OpenInterest(555.55, None)
    newer = of_okx([{"oi": "2663107.3", "oiCcy": "26631.073", "oiUsd": "1676426045.35", "ts": "1"}])
    assert okx.parse_open_interest(newer, a_perp("BTC-USDT")).open_interest == OpenInterest(26631.073, 1676426045.35)


def test_okx_next_funding_is_the_nearer_time() -> None:
    perp = okx.parse_funding(recorded("okx/funding-rate"), a_perp("BTC-USDT"))
    assert perp.funding == Funding(0.000079238688534, 8.0, 1703088000000, None)


@together("code, kind", [("51001", UnknownSymbol), ("50011", RateLimited), ("50001", Unavailable), ("1", BadResponse)])
def test_okx_codes_with_http_200(code: str, kind: type[MarketError]) -> None:
    with pytest.raises(kind):
        okx.parse_spot(json.dumps({"code": code, "msg": "no"}).encode(), a_spot("BTC-USDT"))


@together(
    "text, kind",
    [
        ("Parameter instId error", UnknownSymbol),
        ("Parameter instFamily error", Declined),
        ("Parameter period error", NotSupported),
        ("Parameter bar error", NotSupported),
        ("Parameter sz error", Declined),
    ],
)
def test_okx_names_the_parameter_that_is_wrong(text: str, kind: type[MarketError]) -> None:
    assert type(okx.explain(400, json.dumps({"code": "51000", "data": [], "msg": text}).encode())) is kind


def test_okx_spot_candles() -> None:
    candles = okx.parse_candles(recorded("okx/spot-candles"), a_spot("BTC-USDT"), "1h")
    assert rows_of(candles)[0] == (1705420800000, 43253.6, 43440.2, 43000, 43250.9, 942.87870026)
    assert (candles.quote_volume or [])[0] == 40743115.773175484
    assert (len(candles), candles.is_last_closed) == (4, True)


def test_okx_swap_candles_in_coins_not_contracts() -> None:
    candles = okx.parse_candles(recorded("okx/swap-candles"), a_perp("BTC-USDT"), "1h")
    assert rows_of(candles)[-1] == (1718658000000, 66401, 66734, 66310.1, 66575.3, 2016.056)  # 201605.6 contracts
    assert (candles.quote_volume or [])[-1] == 134181486.8892


def test_okx_open_interest_history_in_coins_not_contracts() -> None:
    body = recorded("okx/rubik-open-interest-history")
    assert okx.parse_open_interest_history(body, a_perp("BTC-USDT")) == [(1790550000000, 28006.5419)]


def test_okx_ratio_is_long_over_short() -> None:
    (first, _, last) = okx.parse_ratios(recorded("okx/rubik-long-short-account-ratio-contract"), a_perp("BTC-USDT"))[
        "accounts"
    ]
    assert (first.time_ms, last.time_ms) == (1729323000000, 1729323600000)
    assert last.long_share == pytest.approx(0.9398602814619824 / 1.9398602814619824)
    assert okx.parse_ratios(of_okx([["1", "3"]]), a_perp("BTC-USDT")) == {"accounts": [Ratio(1, 0.75)]}


def test_okx_ratio_of_a_coin() -> None:
    ratios = okx.parse_ratios(recorded("okx/rubik-long-short-account-ratio"), a_perp("BTC-USDT"))
    assert ratios == {"accounts": [Ratio(1630502100000, about(1.25 / 2.25))]}


def test_okx_taker_flow_tells_what_was_sold_first() -> None:
    """Of a coin's contracts together; the answer for one contract has the same shape."""
    flow = okx.parse_taker_flow(recorded("okx/rubik-taker-volume"), a_perp("BTC-USDT"), "1d")
    assert flow == Flow(
        "okx",
        "BTC-USDT",
        "perp",
        24 * HOUR_MS,
        [1630339200000, 1630425600000],
        buy=[7002.7541, 7149.4855],
        sell=[5312.7876, 7596.2651],
    )


def test_okx_takers_of_an_odd_row_are_not_taken_for_none() -> None:
    """A hole is filled with nothing bought and nothing sold; at an end there is none."""
    rows = [[str(hour * HOUR_MS), "1", "2"] for hour in (4, 3, 2, 1)]
    for i, n_told in ((0, 3), (1, None), (2, None), (3, 3)):
        for odd in ([rows[i][0], "", "2"], [rows[i][0], "1", "NaN"], [rows[i][0], None, "2"]):
            body = of_okx([*rows[:i], odd, *rows[i + 1 :]])
            if n_told is None:
                with pytest.raises(BadResponse, match="between others"):
                    okx.parse_taker_flow(body, a_perp("BTC-USDT"), "1h")
            else:
                assert len(okx.parse_taker_flow(body, a_perp("BTC-USDT"), "1h").buy) == n_told


def test_okx_empty_history() -> None:
    assert okx.parse_open_interest_history(of_okx([]), a_perp("BTC-USDT")) == []


def test_okx_taker_flow_is_asked_for_in_coins() -> None:
    """unit=0; what is not asked for is told in contracts."""
    flow = Okx().taker_flow(a_perp("BTC-USDT"), "1d", 25)
    assert flow is not None
    query = "instId=BTC-USDT-SWAP&period=1Dutc&unit=0&limit=25"
    assert flow.target == f"/api/v5/rubik/stat/taker-volume-contract?{query}"
    assert flow.parse(of_okx([["1", "2", "3"]])) == Flow("okx", "BTC-USDT", "perp", INTERVALS["1d"], [1], [3], [2])
    longer = Okx().taker_flow(a_perp("BTC-USDT"), "1h", 500)
    assert longer is not None
    assert longer.target.endswith("&limit=100")
    assert not Okx().has("flow", "spot", "USDT", "1h")  # of all pairs of a coin together


async def test_okx_rows_of_swaps_in_coins() -> None:
    row = {"instId": "BTC-USDT-SWAP", "last": "50000", "open24h": "40000", "vol24h": "1234", "volCcy24h": "12.34"}
    body = json.dumps({"code": "0", "data": [row | {"ts": "1700000000000"}]}).encode()
    symbol, perp = only(await listed(Okx().tickers("perp", NOW_MS)["ticker"], body))
    ticker = ticker_of((symbol, perp))
    assert (symbol, ticker.symbol, ticker.base_volume) == ("BTC-USDT", "BTC-USDT", 12.34)
    assert (ticker.quote_volume, ticker.change_pct, ticker.time_ms) == (617000, 25, 1700000000000)


async def test_okx_coin_margined_swaps_are_other_markets() -> None:
    assert await listed(Okx().tickers("perp", NOW_MS)["ticker"], recorded("okx/swap-tickers")) == []
    assert okx.parse_perp_row(Row("okx", {"instId": "BTC-USDT-260626", "last": "5", "vol24h": "5"})) is None
    assert okx.parse_perp_row(Row("okx", {"instId": "BTC-USDC-SWAP", "last": "5", "vol24h": "0"})) is None
    assert okx.parse_linear_symbol(Row("okx", {"instId": None})) is None


def test_okx_spot_rows() -> None:
    row = {"instId": "BTC-USDC", "last": "50000", "vol24h": "3", "volCcy24h": "150000", "ts": "1"}
    ticker = ticker_of(okx.parse_spot_row(Row("okx", row)))
    assert (ticker.symbol, ticker.base_volume, ticker.quote_volume) == ("BTC-USDC", 3, 150000)
    for quote in ("USDT", "USDC", "USD", "FDUSD", "USD1"):  # what counts as a dollar
        assert okx.parse_spot_row(Row("okx", row | {"instId": f"BTC-{quote}"})) is not None
    for other in ("ETH-BTC", "BTC-EUR", "BTC"):
        assert okx.parse_spot_row(Row("okx", row | {"instId": other})) is None
    assert okx.parse_spot_row(Row("okx", row | {"last": "0"})) is None


async def test_okx_lists_of_open_interest_and_funding() -> None:
    lists = Okx().tickers("perp", NOW_MS)
    interest = await listed(lists["open_interest"], recorded("okx/open-interest-swap-docs"))
    assert interest == [("BTC-USDT", Snapshot(open_interest=OpenInterest(555.55, None)))]
    funding = await listed(lists["funding"], recorded("okx/funding-rate"))
    assert funding == [("BTC-USDT", Snapshot(funding=Funding(0.000079238688534, 8.0, 1703088000000, None)))]
    assert await listed(lists["open_interest"], recorded("okx/open-interest-option")) == []


async def test_okx_list_of_spot() -> None:
    row = json.loads(recorded("okx/spot-ticker"))["data"][0]
    rows = [row, row | {"instId": "ETH-USDT"}]
    symbol, perp = only(
        await listed(Okx().tickers("spot", NOW_MS)["ticker"], json.dumps({"code": "0", "data": rows}).encode())
    )
    assert (symbol, ticker_of((symbol, perp)).base_volume) == ("ETH-USDT", 167493.829229)


@together(
    "listed, symbol",
    [
        ("BTC-USDT-SWAP", "BTC-USDT"),
        ("BTC-USDC-SWAP", "BTC-USDC"),
        ("BTC-USD-SWAP", None),
        ("BTC-USDT", None),
        ("BTC-USDT-260626", None),
        (None, None),
    ],
)
def test_okx_linear_symbols(listed: object, symbol: str | None) -> None:
    assert okx.parse_linear_symbol(Row("okx", {"instId": listed})) == symbol


async def test_okx_lists_of_2026() -> None:
    """Periods of 8, 4 and 1 hours; a futures row among them is left out. Contracts of 0.01, 0.1 and 1 coin."""
    lists = Okx().tickers("perp", NOW_MS)
    funding = dict(await listed(lists["funding"], recorded("okx/funding-rate-any-2026-09")))
    assert {symbol: perp.funding[:2] for symbol, perp in funding.items() if perp.funding} == {
        "BTC-USDT": (0.0001, 8),
        "OKB-USDT": (0.00005, 4),
        "ONE-USDT": (-0.0018087460514744, 1),
    }
    interest = dict(await listed(lists["open_interest"], recorded("okx/open-interest-list-2026-01")))
    assert interest["ETH-USDT"].open_interest == OpenInterest(593293.553000001767, 1877845290.47136559276704)
