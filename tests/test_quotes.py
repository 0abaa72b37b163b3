"""What a tick asks, of the offline world's nine exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import pytest
from conftest import a_house
from wired import KEYS, NOW_MS, wired

import demo
from accounts import Accounts, Part, Valued
from answers.judging import Rule, State, judge_holdings
from exchanges import okx
from exchanges.binance import parse_price_row
from exchanges.errors import MarketError
from exchanges.reading import row_in
from exchanges.table import EXCHANGES
from watchman.figures import Held
from watchman.quotes import MarketQuotes
from watchman.ticker import ASK_S

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
    """Its market is told all the same."""

    def read(**fields: object) -> tuple[str, float | None] | None:
        return parse_price_row(row_in("binance", fields), since_ms=1000)

    assert read(symbol="1000PEPEUSDT", price="0.012", time=1000) == ("1000PEPE-USDT", 0.012 / 1000)
    assert read(symbol="BTCUSDT", price="5") == ("BTC-USDT", 5.0)
    assert read(symbol="BTCUSDT", price="5", time=999) == ("BTC-USDT", None)
    assert read(symbol="BTCEUR", price="5", time=1000) is None
    assert read(symbol="BTCUSDT", price="0", time=1000) == ("BTC-USDT", None)


def priced(prices: Mapping[str, str], times: Mapping[str, int] | None = None) -> MarketQuotes:
    """Of Binance's list of prices; of now, but for those whose times are told."""
    rows = [{"symbol": name, "price": price, "time": (times or {}).get(name, NOW_MS)} for name, price in prices.items()]
    bot = wired(lambda host, path, query: rows if path.endswith("ticker/price") else None, "binance")
    return MarketQuotes(bot.market, bot.accounts())


OTHERS = {f"{base}USDT": "5" for base in ("BTC", "ETH", "SOL", "XRP", "ADA")}
SEVENTY_MINUTES_MS = 4_200_000


@pytest.mark.parametrize("is_plain_first", [True, False])
@pytest.mark.parametrize("ago_ms", [0, SEVENTY_MINUTES_MS])
async def test_a_coin_whose_price_is_old_has_none_of_another_coin(ago_ms: int, is_plain_first: bool) -> None:
    """CAT is a stock that rests at night, 1000CAT a coin."""
    cats = {"CATUSDT": "500", "1000CATUSDT": "0.0123"}
    cats = cats if is_plain_first else dict(reversed(cats.items()))
    quotes = priced({**OTHERS, **cats}, {"CATUSDT": NOW_MS - ago_ms})
    found = await quotes.prices("binance", "perp", [*(f"{each[:-4]}-USDT" for each in OTHERS), "CAT-USDT"])
    assert (len(found), found.get("CAT-USDT")) == ((6, 500.0) if not ago_ms else (5, None))


async def test_two_dollars_of_one_market_have_its_price_each() -> None:
    """FDUSD, in which prices are not read, is told in USDT; as it is where few are asked for."""
    symbols = ["BTC-USDT", "BTC-FDUSD", "BTC-USDT", *(f"{each[:-4]}-USDT" for each in OTHERS)]
    found = await priced({**OTHERS, "BTCUSDT": "60000"}).prices("binance", "spot", symbols)
    assert (len(found), found["BTC-FDUSD"], found["BTC-USDT"]) == (6, 60000, 60000)


async def test_a_coin_that_is_listed_on_many_only_has_their_price() -> None:
    found = await priced({**OTHERS, "1000CATUSDT": "0.0123"}).prices(
        "binance", "perp", [*(f"{each[:-4]}-USDT" for each in OTHERS), "CAT-USDT"]
    )
    assert found["CAT-USDT"] == pytest.approx(0.0000123)


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
        held, exchanges, lacking = await MarketQuotes(house.bot.market, house.bot.accounts()).holdings()
        assert set(exchanges) <= {"binance", "bybit", "okx"}
        assert held
        assert not lacking
        assert all(each.key.split(" ")[0] in exchanges and each.usd is not None for each in held)
        assert any(each.distance_pct is not None and 0 < each.distance_pct < 100 for each in held)


async def test_a_contract_held_in_two_ways_is_two_positions() -> None:
    """At OKX one may be held isolated and cross at once, and cross by each asset."""
    row = {"instId": "BTC-USDT-SWAP", "posSide": "long", "pos": "10", "markPx": "60000", "notionalUsd": "6000"}
    modes = [("isolated", "USDT", "55200"), ("cross", "USDT", "27000"), ("cross", "BTC", "30000")]
    data = [row | {"mgnMode": mode, "ccy": asset, "liqPx": price} for mode, asset, price in modes]
    valued = [Valued(each, None, None) for each in okx.parse_positions({"code": "0", "data": data})]

    class Owner:
        async def positions(self, deadline_s: float, priced: bool) -> list[Part[list[Valued]]]:
            return [Part("okx", valued, (), None)]

    async with a_house() as house:
        held, *_ = await MarketQuotes(house.bot.market, cast(Accounts, Owner())).holdings()
    state, first = judge_holdings(Rule("liquidation", "down", 10.0, times=0), State(T0), held, ["okx"], T0)
    _, again = judge_holdings(Rule("liquidation", "down", 10.0, times=0), state, held, ["okx"], T0 + 60_000)
    assert (first is not None, again) == (True, None)
    assert {each.label for each in held} == {"BTC long · OKX isolated", "BTC long · OKX"}


async def test_a_position_of_unknown_size_is_held_and_so_is_a_small_one() -> None:
    """Of COIN-M where neither the list of contracts nor the row tells what it is worth."""
    small = {"symbol": "ETHUSDT", "positionAmt": "1", "notional": "48", "markPrice": "48", "liquidationPrice": "45"}
    row = {"symbol": "BTCUSD_PERP", "positionAmt": "1000", "markPrice": "60000", "liquidationPrice": "58500"}

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        return {"/dapi/v1/positionRisk": [row], "/fapi/v3/positionRisk": [small]}.get(path)

    bot = wired(answer, "binance", KEYS)
    held, whole, _ = await MarketQuotes(bot.market, bot.accounts()).holdings()
    assert {each.key: (each.usd, each.distance_pct) for each in held} == {
        "binance BTCUSD_PERP long": (None, 2.5),
        "binance ETHUSDT long": (48, 6.25),
    }
    assert whole == ["binance"]


async def test_an_account_that_hangs_hides_no_other() -> None:
    async with a_house() as house:
        house.world.set_path_fault("OKX", "/api/v5/account/positions", "hang")
        began = house.bot.monotonic()
        held, whole, lacking = await MarketQuotes(house.bot.market, house.bot.accounts()).holdings()
        assert house.bot.monotonic() - began < ASK_S
        assert (sorted(whole), lacking) == (["binance", "bybit"], ["okx"])
        assert {each.key.split(" ")[0] for each in held} == {"binance", "bybit"}


@pytest.mark.parametrize(
    ("site", "path", "is_whole"),
    [
        ("BINANCE_COINM", "/dapi/v1/positionRisk", False),
        ("BINANCE_COINM", "/dapi/v1/exchangeInfo", True),  # long lists may take 6 s
        ("BINANCE_SPOT", "/api/v3/ticker", True),
        ("BINANCE_SPOT", "/sapi", True),
    ],
)
async def test_what_hangs_hides_no_position_beside_it(site: str, path: str, is_whole: bool) -> None:
    async with a_house() as house:
        house.world.set_path_fault(site, path, "hang")
        began = house.bot.monotonic()
        held, whole, lacking = await MarketQuotes(house.bot.market, house.bot.accounts()).holdings()
        assert house.bot.monotonic() - began < ASK_S
        assert ("binance" in whole, lacking) == (is_whole, [] if is_whole else ["binance"])
        names = {each.key.split(" ")[1] for each in held if each.key.startswith("binance ")}
        assert names >= ({"BTCUSDT", "ETHUSD_PERP"} if is_whole else {"BTCUSDT"})


async def test_alerts_on_positions_ask_for_no_price() -> None:
    async with a_house() as house:
        await MarketQuotes(house.bot.market, house.bot.accounts()).holdings()
        assert not [each for each in house.world.sites["BINANCE_SPOT"].asked if "ticker" in each]


async def test_without_keys_there_are_no_positions() -> None:
    async with a_house(**dict.fromkeys(demo.keys.ENVIRON, "")) as house:
        assert await MarketQuotes(house.bot.market, house.bot.accounts()).holdings() == Held()


async def test_liquidations_of_those_that_tell_them() -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        found = await quotes.liquidations("okx", ["BTC-USDT 60m", "ETH-USDT 15m"])
        assert sorted(found) == ["BTC-USDT 60m", "ETH-USDT 15m"]
        assert all(dollars >= 0 for dollars in found.values())
        with pytest.raises(MarketError):
            await quotes.liquidations("binance", ["BTC-USDT 15m"])
