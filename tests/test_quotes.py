"""What a tick asks, of the offline world's nine exchanges."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest
from conftest import a_house

from accounts import Accounts, Part, Valued
from answers.judging import Rule, State, judge_holdings
from exchanges import okx
from exchanges.binance import parse_price_row
from exchanges.errors import MarketError
from exchanges.reading import row_in
from exchanges.table import EXCHANGES
from watchman.quotes import MarketQuotes

NOW = 1_763_906_602.0
T0 = int(NOW * 1000)
PERPS = [name for name, each in EXCHANGES.items() if "perp" in each.kinds]


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_prices_singly_and_by_list_are_the_same(exchange: str) -> None:
    async with a_house(CACHE_SECONDS="60") as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        kind = EXCHANGES[exchange].kinds[-1]
        few = await quotes.prices(exchange, kind, ["BTC-USDT", "ETH-USDT", "NOSUCH-USDT"])
        assert sorted(few) == ["BTC-USDT", "ETH-USDT"]
        many = await quotes.prices(exchange, kind, ["BTC-USDT", "ETH-USDT", *(f"NO{i}-USDT" for i in range(9))])
        assert {symbol: pytest.approx(price, rel=2e-3) for symbol, price in many.items()} == few


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_many_prices_come_by_a_list_of_prices_alone(kind: str) -> None:
    """Under their coins' names, per coin; and no list of tickers is asked for."""
    symbols = [f"{base}-USDT" for base in ("BTC", "ETH", "PEPE", "SOL", "DOGE", "XRP", "NOSUCH")]
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        many = await quotes.prices("binance", kind, symbols)
        assert sorted(many) == sorted(symbols[:-1])
        house.bot.market.forget()
        for symbol in symbols[:-1]:
            (few,) = (await quotes.prices("binance", kind, [symbol])).values()
            assert many[symbol] == pytest.approx(few, rel=2e-3)


def test_a_price_that_is_old_is_none() -> None:
    def read(**fields: object) -> tuple[str, float] | None:
        return parse_price_row(row_in("binance", fields), since_ms=1000)

    assert read(symbol="1000PEPEUSDT", price="0.012", time=1000) == ("1000PEPE-USDT", 0.012 / 1000)
    assert read(symbol="BTCUSDT", price="5") == ("BTC-USDT", 5.0)
    assert read(symbol="BTCUSDT", price="5", time=999) is None
    assert read(symbol="BTCEUR", price="5", time=1000) is None
    assert read(symbol="BTCUSDT", price="0", time=1000) is None


@pytest.mark.parametrize("exchange", PERPS)
async def test_funding_and_open_interest(exchange: str) -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        funding = await quotes.fundings(exchange, ["BTC-USDT"])
        interest = await quotes.open_interests(exchange, ["BTC-USDT"])
        assert -1 < funding["BTC-USDT"] < 1
        assert interest["BTC-USDT"] > 10


async def test_a_contract_on_thousands_is_told_per_coin() -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        perp = await quotes.prices("binance", "perp", ["PEPE-USDT"])
        spot = await quotes.prices("binance", "spot", ["PEPE-USDT"])
        assert perp["PEPE-USDT"] == pytest.approx(spot["PEPE-USDT"], rel=0.01)


async def test_basis_candles_and_changes() -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        assert abs((await quotes.bases("binance", ["BTC-USDT"]))["BTC-USDT"]) < 1
        assert "BTC-USDT" in await quotes.changes("binance", "perp", ["BTC-USDT"])
        candles = await quotes.candles("binance", "perp", "BTC-USDT", "1m", 16)
        assert len(candles) == 17


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "kraken"])
async def test_the_past_of_open_interest_comes_every_five_minutes(exchange: str) -> None:
    async with a_house() as house:
        truth, quotes = house.stop_at(NOW), MarketQuotes(house.bot.market, house.bot.accounts())
        history = await quotes.open_interest_history(exchange, "BTC-USDT", 120)
        assert 24 <= len(history) <= 26
        assert {later[0] - before[0] for before, later in pairwise(history)} == {300_000}
        margin = "USD" if exchange == "kraken" else "USDT"
        for moment_ms, coins in history:
            assert coins == pytest.approx(truth.interest_of(exchange, "BTC", margin, moment_ms / 1000), rel=1e-3)


async def test_the_longer_past_of_open_interest_comes_every_hour_before() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        history = await MarketQuotes(house.bot.market, house.bot.accounts()).open_interest_history(
            "okx", "BTC-USDT", 722
        )
        moments = [moment_ms for moment_ms, _ in history]
        assert moments[0] <= NOW * 1000 - 720 * 60_000
        assert [later - before for before, later in pairwise(moments)][-97:] == [300_000] * 97
        assert max(later - before for before, later in pairwise(moments)) == 3_600_000


async def test_who_tells_no_past_of_open_interest_is_not_asked() -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        assert await quotes.open_interest_history("deribit", "BTC-USDT", 120) == []
        assert house.world.sites["DERIBIT"].n_requests == 0


async def test_an_exchange_that_is_down_is_said_to_be() -> None:
    async with a_house() as house:
        await house.world.set_fault("BINANCE", "500")
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        with pytest.raises(MarketError):
            await quotes.prices("binance", "perp", ["BTC-USDT"])


async def test_own_positions_have_a_distance() -> None:
    async with a_house() as house:
        held, exchanges = await MarketQuotes(house.bot.market, house.bot.accounts()).holdings()
        assert set(exchanges) <= {"binance", "bybit", "okx"}
        assert held
        assert all(each.key.split(" ")[0] in exchanges and each.usd >= 50 for each in held)
        assert any(each.distance_pct is not None and 0 < each.distance_pct < 100 for each in held)


async def test_a_contract_held_in_two_ways_is_two_positions() -> None:
    """At OKX one may be held isolated and cross at once, and cross by each asset."""
    row = {"instId": "BTC-USDT-SWAP", "posSide": "long", "pos": "10", "markPx": "60000", "notionalUsd": "6000"}
    modes = [("isolated", "USDT", "55200"), ("cross", "USDT", "27000"), ("cross", "BTC", "30000")]
    data = [row | {"mgnMode": mode, "ccy": asset, "liqPx": price} for mode, asset, price in modes]
    valued = [Valued(each, None, None) for each in okx.parse_positions({"code": "0", "data": data})]

    class Held:
        async def positions(self) -> list[Part[list[Valued]]]:
            return [Part("okx", valued, (), None)]

    async with a_house() as house:
        held, _ = await MarketQuotes(house.bot.market, cast(Accounts, Held())).holdings()
    state, first = judge_holdings(Rule("liquidation", "down", 10.0, times=0), State(T0), held, ["okx"], T0)
    _, again = judge_holdings(Rule("liquidation", "down", 10.0, times=0), state, held, ["okx"], T0 + 60_000)
    assert (first is not None, again) == (True, None)
    assert {each.label for each in held} == {"BTC long · OKX isolated", "BTC long · OKX"}


async def test_liquidations_of_those_that_tell_them() -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        found = await quotes.liquidations("okx", ["BTC-USDT 60m", "ETH-USDT 15m"])
        assert sorted(found) == ["BTC-USDT 60m", "ETH-USDT 15m"]
        assert all(dollars >= 0 for dollars in found.values())
        with pytest.raises(MarketError):
            await quotes.liquidations("binance", ["BTC-USDT 15m"])
