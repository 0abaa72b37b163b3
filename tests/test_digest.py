"""The daily digest: what it gathers, and how it tells it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from answering import DAY_MS, rewrite
from conftest import House
from test_alert import a_watching_house

from answers import digest


async def gathered(house: House) -> Mapping[str, Any]:
    assert house.bot.duty is not None
    assert house.bot.duty.store is not None
    return await digest.gather(house.bot.market, house.bot.duty.store, 1001)


def yesterday(answer: Any) -> None:
    """Makes a list of tickers one of the day before."""
    for row in answer if isinstance(answer, list) else []:
        if "closeTime" in row:
            row["closeTime"] -= DAY_MS


async def test_a_digest_tells_of_no_list_of_yesterday(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        rewrite(house, "BINANCE_USDM", yesterday)
        await house.ask("/watch BTC")
        facts = await gathered(house)
        assert (facts["movers"], facts["funding"]) == (None, None)


async def test_a_market_of_few_does_not_both_rise_and_fall(tmp_path: Path) -> None:
    def thin(answer: Any) -> None:
        changes = {"BTCUSDT": "3", "ETHUSDT": "2", "SOLUSDT": "-1"}
        for row in answer if isinstance(answer, list) else []:
            if "quoteVolume" in row:
                row["quoteVolume"] = "2e6" if row["symbol"] in changes else "1"
                row["priceChangePercent"] = changes.get(row["symbol"], "9")

    async with a_watching_house(tmp_path, EXCHANGES="binance") as house:
        rewrite(house, "BINANCE_USDM", thin)
        movers = (await gathered(house))["movers"]
        assert [symbol for symbol, _, _ in movers["up"]] == ["BTC-USDT", "ETH-USDT"]
        assert [symbol for symbol, _, _ in movers["down"]] == ["SOL-USDT"]


def test_two_contracts_of_one_coin_have_a_name_each() -> None:
    funding = {"exchange": "binance", "highest": [("ETH-USDT", 1.0), ("ETH-USDC", 0.9)], "lowest": []}
    facts = {"event": "digest", "watched": [], "movers": None, "funding": funding, "n_armed": 0}
    assert "ETH      +1.0000%\nETH USDC +0.9000%" in digest.answer_of(facts).text


def test_a_digest_in_which_nothing_moved_has_no_table_of_it() -> None:
    movers, funding = {"exchange": "binance", "up": [], "down": []}, {"exchange": "okx", "highest": [], "lowest": []}
    facts = {"event": "digest", "watched": [], "movers": movers, "funding": funding, "n_armed": 0}
    text = digest.answer_of(facts).text
    assert "Moved" not in text
    assert "Funding" not in text
