"""What assets are worth: one list answers all, what nobody lists is remembered, no name is taken for another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from wired import HANGS, KEYS, NOW_MS, say, wired

import json_api
from exchanges.table import ACCOUNTS
from prices import Prices


def ticker(symbol: str, last: str, turnover: str = "1000000") -> dict[str, Any]:
    fields = ("bidPrice", "askPrice", "highPrice", "lowPrice")
    row: dict[str, Any] = {
        "symbol": symbol,
        "lastPrice": last,
        "priceChangePercent": "1",
        **dict.fromkeys(fields, last),
    }
    return row | {"volume": "1000", "quoteVolume": turnover, "closeTime": NOW_MS}


def short(row: dict[str, Any]) -> dict[str, Any]:
    """As the list has it, which tells where the day began instead of the change since."""
    return {key: row[key] for key in row if key != "priceChangePercent"} | {"openPrice": row["lastPrice"]}


class Owner:
    """A Binance account that holds `held`, where Binance lists `listed` and the others `elsewhere`."""

    def __init__(self, held: dict[str, float], listed: dict[str, str], bybit: dict[str, str] | None = None) -> None:
        self.held, self.listed, self.bybit = held, listed, bybit or {}
        self.asked: Counter[str] = Counter()

    def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
        self.asked[f"{host}{path}"] += 1
        if path == "/api/v3/account":
            return {"balances": [{"asset": name, "free": str(n), "locked": "0"} for name, n in self.held.items()]}
        if path.endswith("apiRestrictions"):
            return {"enableReading": True}
        if "bybit" in host:
            rows = [
                {"symbol": f"{base}USDT", "lastPrice": last, "turnover24h": "1000", "volume24h": "1"}
                for base, last in self.bybit.items()
            ]
            return {"retCode": 0, "time": NOW_MS, "result": {"category": "spot", "list": rows}}
        if path.endswith("ticker/price"):
            return [{"symbol": "BTCUSDT", "price": "60000"}]
        if "binance" not in host or not path.endswith("ticker/24hr"):
            return [] if "/balance" in path else None
        wanted = query.get("symbol")
        if wanted is None:
            return [short(ticker(f"{base}USDT", last)) for base, last in self.listed.items()]
        last = self.listed.get(wanted.removesuffix("USDT"))
        return (400, {"code": -1121, "msg": "Invalid symbol."}) if last is None else ticker(wanted, last)

    @property
    def n_public(self) -> int:
        return sum(n for path, n in self.asked.items() if "ticker" in path)


class Failing(Owner):
    """As an Owner, where Binance tells no price."""

    def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
        is_ticker = "binance" in host and "ticker" in path
        return (500, {}) if is_ticker else super().__call__(host, path, query)


async def test_one_list_prices_all_assets() -> None:
    """Seventy-two crumbs before XRP in the alphabet, as freqtrade's users have: none hides it."""
    crumbs = {f"D{i:02}": 0.2 for i in range(72)}
    owner = Owner(crumbs | {"XRP": 5000.0}, dict.fromkeys([*crumbs, "XRP"], "2.0"))
    told = await say(wired(owner, "binance", KEYS), "/balance")
    assert "$10,028.80" in told
    assert "72 more worth $28.80" in told
    assert owner.n_public == 1


@pytest.mark.parametrize("n_others", [0, 4])
async def test_what_is_held_by_the_thousand_is_worth_the_same_in_a_list(n_others: int) -> None:
    """A wallet counts what the pair is named for, 1000SATS; a list tells its price per coin."""
    others = dict.fromkeys(("AAA", "BBB", "CCC", "DDD")[:n_others], 1.0)
    owner = Owner({"1000SATS": 1e6, **others}, {"1000SATS": "0.0002", **dict.fromkeys(others, "2.0")})
    told = await say(wired(owner, "binance", KEYS), "/balance")
    assert told.startswith(f"Balance  ${200 + 2 * n_others}.00")


async def test_a_name_that_begins_with_a_thousand_is_as_it_is_listed_where_none_are_by_the_thousand() -> None:
    """Gate lists no spot by the thousand: its list tells what its pair does."""
    rows = [{"currency_pair": "1000XYZ_USDT", "last": "0.5", "base_volume": "10", "quote_volume": "5"}]
    binance = [short(ticker("BTCUSDT", "60000"))]
    bot = wired(lambda host, path, query: rows if path.endswith("spot/tickers") else binance, "gate")
    priced = await Prices(bot.market).of(ACCOUNTS["binance"], {"1000XYZ", "AAA", "BBB", "CCC"})
    assert priced == ({"1000XYZ": 0.5}, ())


async def test_an_asset_that_a_list_prices_twice_has_no_price_there() -> None:
    class Contradicting(Owner):
        def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
            answer = super().__call__(host, path, query)
            is_list = path.endswith("ticker/24hr") and isinstance(answer, list)
            return [*answer, short(ticker("XRPUSDT", "200.0", "9000000"))] if is_list else answer

    held = {"AAA": 1.0, "BBB": 1.0, "CCC": 1.0, "XRP": 5000.0}
    told = await say(wired(Contradicting(held, dict.fromkeys(held, "2.0")), "binance", KEYS), "/balance")
    assert ("$6.00" in told, "1,000,000" in told, "without a price" in told) == (True, False, True)


async def test_what_nobody_lists_is_remembered() -> None:
    owner = Owner({f"U{i:02}": 1.0 for i in range(60)}, {"BTC": "60000"}, {"ETH": "3000"})
    bot = wired(owner, "binance,bybit", KEYS)
    told = await say(bot, "/balance")
    assert "Assets without a price (n/a) are not in the sums (60 of them)." in told
    assert owner.n_public == 2  # a list each
    await say(bot, "/balance")
    assert owner.n_public == 2


@pytest.mark.parametrize("n_assets", [1, 5])
async def test_a_price_that_does_not_come_holds_up_nothing(n_assets: int) -> None:
    """COIN-M hangs, and so does the spot ticker: what is held in dollars is told, and who is late."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if "dapi" in host or "ticker" in path:
            return HANGS
        if path == "/api/v3/account":
            return {"balances": [{"asset": f"C{i}", "free": "1", "locked": "0"} for i in range(n_assets)]}
        return [{"asset": "USDT", "balance": "1000", "availableBalance": "1000"}] if "balance" in path else []

    told = await say(wired(answer, "binance", KEYS), "/balance")
    assert told.startswith("Balance  $1,000.00 (partial)")
    assert "Not all shown: Binance did not answer in time." in told


async def test_positions_say_which_price_did_not_come() -> None:
    row = {"symbol": "BTCUSD_PERP", "positionAmt": "10", "markPrice": "60000", "unRealizedProfit": "0.01"}

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if "ticker" in path:
            return HANGS
        return [row] if path == "/dapi/v1/positionRisk" else [] if path.endswith("positionRisk") else None

    told = await say(wired(answer, "binance", KEYS), "/positions")
    assert "PnL +0.01 BTC" in told
    assert "No price of BTC came, so PnL in dollars is n/a." in told


async def test_an_own_list_that_hangs_leaves_time_for_others() -> None:
    class Hanging(Owner):
        def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
            return HANGS if "binance" in host and "ticker" in path else super().__call__(host, path, query)

    held = dict.fromkeys(("ADA", "BCH", "DOT", "ETC"), 1.0)
    told = await say(wired(Hanging(held, {}, dict.fromkeys(held, "2.0")), "binance,bybit", KEYS), "/balance")
    assert told.startswith("Balance  $8.00\n")


async def test_unlisted_assets_of_a_failing_list_cost_one_question_each() -> None:
    """Where the list is not to be had, the own exchange alone is asked one by one, and once."""
    owner = Owner({f"U{i:02}": 1.0 for i in range(60)}, {})
    bot = wired(owner, "binance,bybit", KEYS)
    await say(bot, "/balance")
    n_first = owner.n_public
    assert n_first <= 64  # lists of prices and symbols beside them
    await say(bot, "/balance")
    assert owner.n_public - n_first <= 2


@pytest.mark.parametrize("n_others", [0, 3])
async def test_own_exchange_prices_before_others(n_others: int) -> None:
    """CAT is a coin at one exchange and a stock at another."""
    others = dict.fromkeys(("A1", "A2", "A3")[:n_others], "1.0")
    owner = Owner(dict.fromkeys(["CAT", *others], 1000.0), {"CAT": "0.005", **others}, {"CAT": "612.5"})
    assert f"${n_others * 1000 + 5:,}.00" in await say(wired(owner, "bybit,binance", KEYS), "/balance")


@pytest.mark.parametrize("n_others", [0, 3])
async def test_what_the_own_exchange_does_not_list_is_priced_where_others_agree(n_others: int) -> None:
    others = dict.fromkeys(("A1", "A2", "A3")[:n_others], "1.0")
    owner = Owner(dict.fromkeys(["QQQ", *others], 10.0), {"BTC": "60000", **others}, {"QQQ": "5"})
    assert f"${n_others * 10 + 50}.00" in await say(wired(owner, "binance,bybit", KEYS), "/balance")


@pytest.mark.parametrize("n_others", [0, 3])
async def test_another_coin_prices_nothing_while_the_own_exchange_fails(n_others: int) -> None:
    """Whether Binance lists CAT, and at what, is not known then; there is but one BTC."""

    held = dict.fromkeys(("CAT", "BTC", *("A1", "A2", "A3")[:n_others]), 2.0)
    told = await say(wired(Failing(held, {}, {"CAT": "612.5", "BTC": "60000"}), "bybit,binance", KEYS), "/balance")
    assert told.startswith("Balance  $120,000.00")


@pytest.mark.parametrize("n_others", [0, 3])
async def test_a_price_of_long_ago_is_none(n_others: int) -> None:
    """A pair that was halted keeps its last row."""

    class Halted(Owner):
        def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
            answer = super().__call__(host, path, query)
            for row in answer if isinstance(answer, list) else [answer]:
                if isinstance(row, dict) and row.get("symbol") == "OMGUSDT":
                    row["closeTime"] = NOW_MS - 7_200_000
            return answer

    held = dict.fromkeys(("OMG", *("A1", "A2", "A3")[:n_others]), 10.0)
    told = await say(wired(Halted(held, dict.fromkeys(held, "2.0")), "binance", KEYS), "/balance")
    assert re.search(r"OMG +10.0 +0 +n/a", told)


async def test_unit_of_account_without_a_market_is_a_dollar() -> None:
    owner = Owner({"BNFCR": 12.5}, {"BTC": "60000"})
    told = await say(wired(owner, "binance", KEYS), "/balance")
    assert "$12.50" in told
    assert owner.n_public == 0


async def test_asset_without_a_price_is_named_and_not_zero() -> None:
    owner = Owner({"ZZZ": 5.0, "USDT": 1.0}, {"BTC": "60000"})
    told = await say(wired(owner, "binance", KEYS), "/balance")
    assert "ZZZ" in told
    assert "Assets without a price (n/a) are not in the sums." in told


@pytest.mark.parametrize("n_coins", [1, 5])
async def test_what_prices_failed_of_is_not_worth_nothing(n_coins: int) -> None:
    coins = dict.fromkeys(("BTC", "ETH", "SOL", "ADA", "DOT")[:n_coins], 10.0)
    told = await say(wired(Failing(coins, {}), "binance", KEYS), "/balance")
    assert told.startswith("Balance  n/a\nBinance  n/a\n")
    assert "Prices not read: Binance answered HTTP 500." in told
    told = await say(wired(Failing(coins | {"USDT": 1000.0}, {}), "binance", KEYS), "/balance")
    assert told.startswith("Balance  $1,000.00 (partial)\n")
    assert "Prices not read: Binance answered HTTP 500." in told


async def test_profit_in_what_prices_failed_of_says_so() -> None:
    class Earning(Failing):
        def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
            if path == "/fapi/v3/account":
                return {"positions": []}
            if path == "/dapi/v1/income":
                of = {"symbol": "S", "incomeType": "REALIZED_PNL", "income": "1", "asset": "BTC", "time": NOW_MS - 1000}
                return [of] if int(query["startTime"]) <= NOW_MS - 1000 else []
            is_account = "ticker" not in path and "apiRestrictions" not in path
            return [] if is_account else super().__call__(host, path, query)

    bot = wired(Earning({}, {}), "binance", KEYS)
    told = await say(bot, "/pnl")
    assert "Binance: the price of BTC could not be read, so sums with it are n/a." in told
    assert "Prices not read: Binance answered HTTP 500." in told
    assert "n/a: the price of BTC could not be read." in await say(bot, "/chart pnl")


async def test_position_without_a_price_says_why_in_the_api() -> None:
    class Holding(Failing):
        def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
            if path == "/dapi/v1/positionRisk":
                row = {"symbol": "BTCUSD_PERP", "positionAmt": "1", "entryPrice": "60000", "markPrice": "60000"}
                return [row | {"unRealizedProfit": "0.1", "leverage": "5", "positionSide": "LONG"}]
            return {"symbols": []} if "exchangeInfo" in path else super().__call__(host, path, query)

    bot = wired(Holding({"BTC": 1.0}, {}), "binance", KEYS)
    answers = [await json_api.answer(json_api.ROUTES[path], bot.tools, {}) for path in ("/positions", "/balance")]
    told = [[each for each in answer.get("missing", []) if "prices" in each] for answer in answers]
    assert told == [["prices: Binance answered HTTP 500"], []]
