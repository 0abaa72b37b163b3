"""The widest gap of a coin, one at a time and by lists, of the offline world's nine exchanges."""

from __future__ import annotations

import pytest
from conftest import House, a_house

from answers import spread
from answers.gaps import FEW, gap_at, gaps_at
from answers.spread import widest_gap
from exchanges.errors import MarketError, UnknownSymbol
from exchanges.table import EXCHANGES
from watchman.quotes import MarketQuotes

NOW = 1_763_906_602.0
BINANCE = EXCHANGES["binance"]
MANY = [f"{base}-USDT" for base in ("BTC", "ETH", "SOL", "DOGE", "XRP", "ADA", "NOSUCH")]


async def shown(house: House, words: str) -> float:
    """The gap that /spread tells."""
    gap = widest_gap((await spread.ask(house.bot.tools, spread.command(words.split()))).tickers)
    assert gap is not None
    return gap.bps


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_the_gap_is_what_the_command_tells(kind: str) -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        gap = await gap_at(house.bot.market, BINANCE, kind, "BTC-USDT")
        assert gap is not None
        assert gap.bps == pytest.approx(await shown(house, f"BTC {kind}"))


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_many_gaps_by_lists_are_the_same(kind: str) -> None:
    assert len(MANY) > FEW
    async with a_house() as house:
        house.stop_at(NOW)
        gaps = await gaps_at(house.bot.market, BINANCE, kind, MANY)
        assert sorted(gaps) == sorted(MANY[:-1])
        for symbol in MANY[:3]:
            assert gaps[symbol].bps == pytest.approx(await shown(house, f"{symbol} {kind}"), abs=0.2)


async def test_one_list_an_exchange_serves_all_symbols() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        await gaps_at(house.bot.market, BINANCE, "perp", MANY)
        assert [house.world.sites[name].n_requests for name in ("BYBIT", "OKX")] == [1, 1]


async def test_without_the_exchange_that_says_which_coin_is_meant_nothing_is_told() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        await house.world.set_fault("BINANCE", "500")
        for symbols in (MANY[:1], MANY):
            with pytest.raises(MarketError):
                await gaps_at(house.bot.market, BINANCE, "perp", symbols)


async def test_another_exchange_that_is_down_takes_no_part() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        await house.world.set_fault("OKX", "500")
        gap = await gap_at(house.bot.market, BINANCE, "perp", "BTC-USDT")
        assert gap is not None
        assert "okx" not in (gap.buy.exchange, gap.sell.exchange)


async def test_two_coins_of_one_name_are_never_compared() -> None:
    """Gate's, Bitget's and Hyperliquid's NEIRO is another coin than Binance's: each is compared with its own kind."""
    async with a_house() as house:
        house.stop_at(NOW)
        for exchange, strangers in (("binance", {"gate", "bitget", "hyperliquid"}), ("gate", {"binance", "bybit"})):
            for symbols in (["NEIRO-USDT"], ["NEIRO-USDT", *MANY]):
                gap = (await gaps_at(house.bot.market, EXCHANGES[exchange], "perp", symbols))["NEIRO-USDT"]
                assert abs(gap.bps) < 100
                assert not {gap.buy.exchange, gap.sell.exchange} & strangers


async def test_what_is_not_listed() -> None:
    async with a_house() as house:
        with pytest.raises(UnknownSymbol):
            await gap_at(house.bot.market, BINANCE, "spot", "NOSUCH-USDT")


async def test_a_tick_is_told_both_sides() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        told = await MarketQuotes(house.bot.market, house.bot.accounts()).spreads("binance", "spot", ["BTC-USDT"])
        assert " asks " in told["BTC-USDT"].sides
        assert " bids " in told["BTC-USDT"].sides
