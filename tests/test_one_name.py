"""One name, two coins: never added, never compared; the offline world has two NEIROs a hundred times apart."""

from __future__ import annotations

import re

import pytest
from conftest import a_house

from answers import top10
from answers.contracts import contracts_of
from answers.top10 import Sorting
from exchanges.errors import PartName, Reason


async def test_open_interest_is_of_one_of_them() -> None:
    """Binance's spot market says which one is meant."""
    async with a_house() as house:
        text = re.sub(r"<[^>]+>", "", await house.ask("/oi NEIRO"))
        assert "list another coin of that name" in text
        here = house.world.market.day("binance", "NEIRO", "perp").last
        report = await contracts_of(house.bot.market, "NEIRO", PartName.OPEN_INTEREST)
        assert {each.exchange for each in report.contracts} == {"binance", "bybit", "okx", "kraken"}
        assert all(each.ticker.last == pytest.approx(here, rel=0.05) for each in report.contracts)
        assert {error.reason for error in report.namesakes.values()} == {Reason.NAMESAKE}
        assert set(report.namesakes) == {"gate", "bitget", "hyperliquid"}


async def test_order_of_exchanges_says_which_of_two_is_meant() -> None:
    async with a_house(EXCHANGES="gate,bitget,hyperliquid,binance") as house:
        text = re.sub(r"<[^>]+>", "", await house.ask("/funding NEIRO"))
        assert "Binance lists another coin of that name." in text


@pytest.mark.parametrize("coin", ["CAT", "1000CAT"])
async def test_list_has_both_coins(coin: str) -> None:
    async with a_house(EXCHANGES="binance") as house:
        found = await top10.ask(house.bot.tools, Sorting(n=1000))
        tickers = {symbol: perp.ticker for symbol, perp in found.rows}
        truth = house.world.market.day("binance", coin, "perp").last
        ticker = tickers[f"{coin}-USDT"]
        assert ticker is not None
        assert ticker.last == pytest.approx(truth, rel=0.01)
