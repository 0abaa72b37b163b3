"""Hyperliquid: figures and units against recorded answers, spelling, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import NOW_MS, a_perp, recorded, together
from wire import END_MS, NEXT_HOUR_MS, about, listed, rows_of, ticker_of

from exchanges import hyperliquid
from exchanges.errors import (
    BadResponse,
    NotTraded,
)
from exchanges.hyperliquid import Hyperliquid
from exchanges.joined import NOTHING
from exchanges.reading import Row
from exchanges.words import Funding, OpenInterest


def test_hyperliquid_candles_of_a_thousand_coins() -> None:
    candles = hyperliquid.parse_candles(recorded("hyperliquid/candleSnapshot"), a_perp("1000PEPE-USDC", 1000), "1h")
    assert (len(candles), candles.open_ms[0], candles.open_ms[-1]) == (24, 1684699200000, 1684782000000)
    first = [candles.open[0], candles.high[0], candles.low[0], candles.close[0]]
    assert first == pytest.approx([0.000001601, 0.000001616, 0.000001601, 0.000001604])
    assert candles.volume[0] == 520665683000
    assert (candles.quote_volume, candles.taker_buy, candles.is_last_closed) == (None, None, None)


def test_hyperliquid_candles() -> None:
    candles = hyperliquid.parse_candles(recorded("hyperliquid/candleSnapshot-spot"), a_perp("@107-USDC"), "1d")
    assert rows_of(candles) == [
        (1737331200000, 20.184, 22.755, 19.3, 20.547, 10651612.71),
        (1737417600000, 20.552, 21.917, 20.027, 21.738, 1736000.02),
    ]
    assert (candles.exchange, candles.kind) == ("hyperliquid", "perp")


@together("coin", ["BTC", "1INCH", "kPEPE", "币"])
def test_hyperliquid_coins_as_they_are(coin: str) -> None:
    symbol = {"kPEPE": "1000PEPE-USDC"}.get(coin, f"{coin}-USDC")
    assert json.loads(Hyperliquid().candles(a_perp(symbol), "1h", 5, NOW_MS, END_MS).body)["req"]["coin"] == coin


def hyperliquid_rows(names: list[Any], rows: list[Any]) -> list[Any]:
    read = hyperliquid.rows_reader([{"universe": names}, []], NOW_MS)
    found = [read(Row("hyperliquid", row)) for row in rows]
    return [None if each is None or each[1] == NOTHING else each for each in found]


async def test_hyperliquid_figures_and_units() -> None:
    rows = dict(
        await listed(
            Hyperliquid().tickers("perp", NOW_MS)["ticker"], recorded("hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM")
        )
    )
    assert list(rows) == ["BTC-USDC", "ETH-USDC", "ATOM-USDC"]
    btc = rows["BTC-USDC"]
    ticker = ticker_of(("BTC-USDC", btc))
    assert (ticker.last, ticker.base_volume, ticker.quote_volume) == (77558.5, 19707.77457, 1516669192.1953897476)
    assert ticker.change_pct == about((77562 / 76317 - 1) * 100)
    assert btc.open_interest == OpenInterest(27353.17682, about(27353.17682 * 77562))
    assert btc.funding is not None
    assert btc.funding[:2] == (-0.0000015186, 1.0)  # of one hour
    assert btc.funding.mark == 77562


def test_hyperliquid_funding_is_due_at_the_full_hour() -> None:
    row = {"markPx": "5", "dayNtlVlm": "1", "funding": "0.0000125"}
    ((_, perp),) = hyperliquid_rows([{"name": "BTC"}], [row])
    assert perp.funding == Funding(0.0000125, 1.0, 1700002800000, 5)
    assert perp.ticker.time_ms == NOW_MS
    read = hyperliquid.rows_reader([{"universe": [{"name": "BTC"}]}, []], 1700002800000)
    found = read(Row("hyperliquid", row))
    assert found is not None
    assert found[1].funding == Funding(0.0000125, 1.0, 1700006400000, 5)


def test_hyperliquid_joins_by_index() -> None:
    """A delisted coin, and one that nobody trades, keep their place."""
    names = [{"name": "A"}, {"name": "B", "isDelisted": True}, {"name": "C"}, {"name": "D"}]
    rows = [{"markPx": str(price), "dayNtlVlm": "9"} for price in (1, 2, 3, 4)]
    rows[2]["dayNtlVlm"] = "0.0"
    found = hyperliquid_rows(names, rows)
    assert [each and (each[0], ticker_of(each).last) for each in found] == [("A-USDC", 1), None, None, ("D-USDC", 4)]


def test_hyperliquid_rows_with_nulls() -> None:
    rows = json.loads(recorded("hyperliquid/ctx-rows-with-nulls"))
    found = hyperliquid_rows([{"name": name} for name in "ABCD"], rows)
    assert found[:2] == [None, None]
    assert [(ticker_of(each).symbol, ticker_of(each).last) for each in found[2:]] == [
        ("C-USDC", 7551.15),
        ("D-USDC", 433.85),
    ]


def test_hyperliquid_without_a_book_there_is_the_mark_price() -> None:
    row = {"markPx": "5", "midPx": None, "prevDayPx": "0.0", "dayNtlVlm": "9", "premium": None, "impactPxs": None}
    ((_, perp),) = hyperliquid_rows([{"name": "A"}], [row])
    assert (perp.ticker.last, perp.ticker.change_pct, perp.open_interest, perp.funding) == (5, None, None, None)
    ((_, perp),) = hyperliquid_rows([{"name": "A"}], [row | {"midPx": "4", "markPx": None, "openInterest": "7"}])
    assert (perp.ticker.last, perp.open_interest) == (4, OpenInterest(7, None))
    with pytest.raises(NotTraded):
        hyperliquid_rows([{"name": "A"}], [row | {"markPx": None}])


def test_hyperliquid_thousands_are_spelt_with_a_k() -> None:
    row = {"markPx": "0.0015", "midPx": "0.0016", "dayNtlVlm": "9", "dayBaseVlm": "7", "openInterest": "4"}
    ((symbol, perp),) = hyperliquid_rows([{"name": "kPEPE"}], [row | {"funding": "0.1", "prevDayPx": "0.001"}])
    assert (symbol, perp.ticker.last, perp.ticker.base_volume) == ("1000PEPE-USDC", about(0.0000016), 7000)
    assert perp.ticker.change_pct == about(50)
    assert perp.open_interest == OpenInterest(4000, about(0.006))
    assert perp.funding.mark == about(0.0000015)


@together(
    "coin, symbol",
    [
        ("BTC", "BTC-USDC"),
        ("1000", "1000-USDC"),
        ("kSHIB", "1000SHIB-USDC"),
        ("k", "k-USDC"),
        ("kX", "1000X-USDC"),
        ("kas", "kas-USDC"),
    ],
)
def test_hyperliquid_symbols(coin: str, symbol: str) -> None:
    assert hyperliquid.parse_symbol(Row("hyperliquid", {"name": coin, "szDecimals": 5})) == symbol
    assert hyperliquid.native(a_perp(symbol)) == coin


async def test_hyperliquid_symbols_without_the_delisted() -> None:
    symbols = await listed(Hyperliquid().symbols("perp"), recorded("hyperliquid/meta-with-delisted"))
    assert symbols == ["BTC-USDC", "ETH-USDC", "HPOS-USDC"]
    whole = await listed(Hyperliquid().symbols("perp"), recorded("hyperliquid/meta"))
    assert (len(whole), whole[0], whole[15]) == (28, "BTC-USDC", "1000PEPE-USDC")


def test_hyperliquid_more_rows_than_names() -> None:
    row = {"markPx": "5", "dayNtlVlm": "9"}
    with pytest.raises(BadResponse, match="more rows than names"):
        hyperliquid_rows([{"name": "A"}], [row, row])


@pytest.mark.parametrize(
    "body",
    [
        b'[{"universe":null},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[[],[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[5]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"name":""}]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"szDecimals":5}]},[{"markPx":"5","dayNtlVlm":"9"}]]',
        b'[{"universe":[{"name":"A"}]}]',
        b'[{"universe":[{"name":"A"}]},null]',
        b'[{"universe":[{"name":"A"}]},[5]]',
        b"null",
        b"Failed to deserialize the JSON body into the target type",
    ],
)
async def test_hyperliquid_lists_that_do_not_belong_together(body: bytes) -> None:
    with pytest.raises(BadResponse):
        await listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"], body)


def test_hyperliquid_row_before_the_names() -> None:
    with pytest.raises(BadResponse, match="before the names"):
        Hyperliquid().tickers("perp", NOW_MS)["ticker"].row(Row("hyperliquid", {"markPx": "5"}))


async def test_hyperliquid_full_list() -> None:
    """Contexts of the main exchange, as long as a whole answer is; the names are ours."""
    rows = json.loads(recorded("hyperliquid/allDexsAssetCtxs-ws"))["data"]["ctxs"][0][1]
    names = [{"name": f"C{i}"} for i in range(len(rows))]
    found = await listed(
        Hyperliquid().tickers("perp", NOW_MS)["ticker"], json.dumps([{"universe": names}, rows]).encode()
    )
    found = [each for each in found if each[1] != NOTHING]
    dollars = [perp.open_interest.open_interest_quote for _, perp in found]
    assert (len(rows), len(found)) == (230, sum(float(row["dayNtlVlm"]) > 0 for row in rows))
    assert sum(dollars) == pytest.approx(7.07e9, rel=0.01)


def test_hyperliquid_lists_are_asked_for_by_post() -> None:
    assert json.loads(Hyperliquid().symbols("perp").body) == {"type": "meta"}
    assert json.loads(Hyperliquid().tickers("perp", NOW_MS)["ticker"].body) == {"type": "metaAndAssetCtxs"}


async def test_hyperliquid_list_of_2026() -> None:
    endpoint = Hyperliquid().tickers("perp", NOW_MS)["ticker"]
    rows = dict(await listed(endpoint, recorded("hyperliquid/metaAndAssetCtxs-2026-09")))
    assert list(rows) == ["BTC-USDC", "ETH-USDC", "ATOM-USDC", "MATIC-USDC"]
    assert rows["MATIC-USDC"] == NOTHING  # it is delisted
    assert rows["BTC-USDC"].open_interest == OpenInterest(36295.80812, about(36295.80812 * 80639))
    assert rows["ATOM-USDC"].funding == Funding(-0.0000604394, 1, NEXT_HOUR_MS, 1.5008)
