"""CoinGecko: market capitalisations."""

from __future__ import annotations

import json
from typing import Any

from conftest import recorded, together
from wire import listed

from exchanges import coingecko
from exchanges.coingecko import MarketCap
from exchanges.reading import Row


async def test_coingecko_market_caps() -> None:
    found = await listed(coingecko.market_caps(), recorded("coingecko/markets-one-2024"))
    assert found == [MarketCap("BTC", 1381651251183, 70187)]
    older = await listed(coingecko.market_caps(), recorded("coingecko/markets-one-2021"))
    assert older == [MarketCap("BTC", 917825524991, 49053)]


async def test_coingecko_figures_are_in_what_was_asked_for() -> None:
    """We ask for dollars; these were asked for in Ringgit and in Ether."""
    assert "vs_currency=usd" in coingecko.market_caps().target
    assert await listed(coingecko.market_caps(), recorded("coingecko/markets-one-in-myr")) == [
        MarketCap("BTC", 3786489203349, 202369)
    ]
    assert await listed(coingecko.market_caps(), recorded("coingecko/markets-two-in-eth")) == [
        MarketCap("BTC", 236997829, 12.666344),
        MarketCap("ETH", 115885506, 1),
    ]


async def test_coingecko_worth_is_above_zero() -> None:
    rows = [{"symbol": "a", "current_price": 5.5, "market_cap": each} for each in (-5, 0, None, 7)]
    assert await listed(coingecko.market_caps(), json.dumps(rows).encode()) == [MarketCap("A", 7, 5.5)]


async def test_coingecko_namesakes_are_all_there() -> None:
    """Several coins have one symbol: which is meant, its price tells."""
    rows = [{"symbol": "uni", "current_price": 5.5, "market_cap": 9}, {"symbol": "UNI", "current_price": 0.01}]
    rows.append({"symbol": "uni", "current_price": 0.02, "market_cap": 3})
    assert await listed(coingecko.market_caps(), json.dumps(rows).encode()) == [
        MarketCap("UNI", 9, 5.5),
        MarketCap("UNI", 3, 0.02),
    ]


@together(
    "change", [{"market_cap": None}, {"current_price": None}, {"symbol": None}, {"market_cap": 0}, {"current_price": 0}]
)
def test_coingecko_nulls(change: dict[str, Any]) -> None:
    row = {"symbol": "x", "current_price": 1.5, "market_cap": 9, "market_cap_rank": None, "high_24h": None}
    assert coingecko.parse_market_cap(Row("coingecko", row)) == MarketCap("X", 9, 1.5)
    assert coingecko.parse_market_cap(Row("coingecko", row | change)) is None
