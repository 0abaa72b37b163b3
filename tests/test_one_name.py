"""One name, two coins: never added, never compared; the offline world has two NEIROs a hundred times apart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import a_house
from test_alert import a_watching_house
from wired import NOW_MS, say, wired

import json_api
from answers import chart_oi, inline, ls, top10
from answers.contracts import contracts_of
from answers.interest import open_interest_before
from answers.same_coin import price_of_the_coin
from answers.top10 import Sorting
from exchanges.errors import PartName, Reason, Unavailable, UnknownSymbol
from exchanges.symbols import parse_symbol
from exchanges.table import EXCHANGES, Exchange
from market import Market
from watchman.quotes import MarketQuotes


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


async def test_a_spot_market_that_stands_still_does_not_say_which_is_meant() -> None:
    """The preferred exchange's was halted at 100 two hours ago; at the other one the coin is at 5."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if "binance" in host and path.endswith("ticker/24hr") and query.get("symbol") == "QQQUSDT":
            figures = dict.fromkeys(("lastPrice", "highPrice", "lowPrice"), "100")
            return {"symbol": "QQQUSDT", **figures, "volume": "1", "quoteVolume": "1", "closeTime": NOW_MS - 7_200_000}
        if "bybit" in host and query.get("symbol") == "QQQUSDT":
            row = {"symbol": "QQQUSDT", "lastPrice": "5", "turnover24h": "1000", "volume24h": "1"}
            return {"retCode": 0, "time": NOW_MS, "result": {"category": "spot", "list": [row]}}
        return None

    market = wired(answer, "binance,bybit").market
    assert await price_of_the_coin(market, "QQQ", [100.0, 5.0]) == 5.0


STOCK = "612.50"


def binance(contract: str, spot: Mapping[str, str], perp: Mapping[str, str]) -> Callable[..., Any]:
    """Binance with a few markets: what each is called there, and its price."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        listed = spot if host.startswith("api.") else perp if host.startswith("fapi.") else {}
        what, symbol = path.rpartition("/")[2], query.get("symbol")
        if symbol is None:
            return [{"symbol": name, "price": price} for name, price in listed.items()] if what == "price" else []
        if symbol not in listed:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        if what == "openInterest":
            return {"symbol": symbol, "openInterest": "5000", "time": NOW_MS}
        if what == "premiumIndex":
            return {"symbol": symbol, "markPrice": listed[symbol], "lastFundingRate": "0.0001", "time": NOW_MS}
        if what == "openInterestHist":
            return []
        if what == "klines":
            return 429, {"code": -1003, "msg": "Too many requests"}
        price = {"lastPrice": listed[symbol], "highPrice": listed[symbol], "lowPrice": listed[symbol]}
        return {"symbol": symbol, **price, "volume": "9", "quoteVolume": "9", "closeTime": NOW_MS}

    return answer


TYPED = [
    ("1000CAT", "1000CATUSDT", "CATUSDT"),
    ("1000CATUSDT", "1000CATUSDT", "CATUSDT"),
    ("kPEPE", "1000PEPEUSDT", "PEPEUSDT"),
    ("1000000MOG", "1000000MOGUSDT", "MOGUSDT"),
    ("MBABYDOGE", "1MBABYDOGEUSDT", "BABYDOGEUSDT"),
    ("1MBABYDOGE", "1MBABYDOGEUSDT", "BABYDOGEUSDT"),
    ("10000SATS", "10000SATSUSDT", "SATSUSDT"),
]


@pytest.mark.parametrize("command", ["price", "oi", "funding", "spread"])
@pytest.mark.parametrize(("typed", "contract", "plain"), TYPED)
@pytest.mark.parametrize("kinds", ["spot", "perp", "both"])
async def test_a_thousand_that_was_typed_leads_to_no_namesake(
    command: str, typed: str, contract: str, plain: str, kinds: str
) -> None:
    """Another thing has the plain name, on spot, as a perpetual, or as both."""
    spot = {plain: STOCK} if kinds in ("spot", "both") else {}
    perp = {contract: "0.00512"} | ({plain: STOCK} if kinds in ("perp", "both") else {})
    told = await say(wired(binance(contract, spot, perp), "binance"), f"/{command} {typed}")
    assert "612" not in told
    assert "0.005120" in told or command in ("oi", "funding")
    assert "No " not in told.split("\n")[0]
    if command == "oi":
        assert "OI $25.6 " in told  # 5,000 contracts at 0.00512


@pytest.mark.parametrize("typed", ["1000CAT", "1000CATUSDT"])
async def test_a_thousand_of_what_nobody_lists_is_not_the_namesake(typed: str) -> None:
    told = await say(wired(binance("", {"CATUSDT": STOCK}, {"CATUSDT": STOCK}), "binance"), f"/price {typed}")
    assert told.startswith("Not listed on Binance: 1000CAT.")


@pytest.mark.parametrize(("typed", "contract", "plain"), TYPED)
async def test_a_thousand_of_the_same_coin_is_told_per_coin(typed: str, contract: str, plain: str) -> None:
    n = {"1000": 1000, "1000000": 10**6, "1M": 10**6, "10000": 10**4}[re.match("1M|10+", contract)[0]]  # type: ignore[index]
    world = binance(contract, {plain: f"{0.00512 / n:.12f}"}, {contract: "0.00512"})
    told = await say(wired(world, "binance"), f"/price {typed}")
    assert told.startswith(plain.removesuffix("USDT"))
    assert f"The perp contract is on {n:,} " in told
    assert "basis 0.0bp" in told


JUST_AFTER_THE_HOUR = 1_763_906_402.0
ONE_MARKET = ["price", "volume", "analysis", "cvd", "profile", "chart"]


@pytest.mark.parametrize("command", ONE_MARKET)
@pytest.mark.parametrize(("coin", "other"), [("CAT", "1000CAT"), ("1000CAT", "CAT")])
async def test_every_answer_about_a_name_is_of_the_same_coin(command: str, coin: str, other: str) -> None:
    """CAT is what is listed as CAT; the other one is named."""
    async with a_house(EXCHANGES="binance") as house:
        truth = house.stop_at(JUST_AFTER_THE_HOUR)  # some tell the price at which the last candle closed
        text = re.sub(r"<[^>]+>", "", await house.ask(f"/{command} {coin}"))
        price = truth.day("binance", coin, "perp").last
        figures = {float(each) for each in re.findall(r"\d+\.\d+", text.replace(",", ""))}
        assert text.startswith(coin)
        assert any(each == pytest.approx(price, rel=0.03) for each in figures)
        assert other in text or coin == "1000CAT"


@pytest.mark.parametrize("exchange", ["binance", "bitget"])
async def test_the_other_coin_is_named_also_where_no_name_is_known_beforehand(
    monkeypatch: pytest.MonkeyPatch, exchange: str
) -> None:
    monkeypatch.setattr(type(EXCHANGES[exchange]), "by_many", {})
    async with a_house(EXCHANGES=exchange) as house:
        for line in ("/volume CAT", "/price CAT"):
            assert "This is CAT; 1000CAT on" in await house.ask(line)


ASKED: Mapping[str, Callable[[Market, Exchange], Awaitable[Any]]] = {
    "perpetual": lambda market, at: market.perp_at(at, "PEPE-USDT"),
    "sparing": lambda market, at: market.perp_at(at, "PEPE-USDT", is_sparing=True),
    "last": lambda market, at: market.last_of_perp(at, "PEPE-USDT"),
    "candles": lambda market, at: market.candles(at, "PEPE-USDT", "perp", "1h", 30),
    "interest": lambda market, at: open_interest_before(market, at, "PEPE-USDT"),
}


@pytest.mark.parametrize("what", ASKED)
async def test_what_is_asked_beside_the_verdict_is_not_given_away_before_it(what: str) -> None:
    """Spot of PEPE costs a million times what one of the contract's thousand does."""
    async with a_house(EXCHANGES="binance") as house:

        async def dear(asked: Any, whole: Any) -> Any:
            reply = await whole(asked)
            return reply._replace(body=re.sub(rb'(Price":")0\.', rb"\g<1>9.", reply.body))

        house.world.sites["BINANCE_SPOT"].intercept(dear)
        with pytest.raises(UnknownSymbol) as refused:
            await ASKED[what](house.bot.market, EXCHANGES["binance"])
        assert refused.value.reason is Reason.NAMESAKE


async def test_one_on_many_is_not_taken_for_the_plain_coin_when_nobody_tells_in_time() -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/ticker/24hr", "hang")
        with pytest.raises(Unavailable) as late:
            await house.bot.market.spot_at(EXCHANGES["binance"], "CAT-USDT")
        assert late.value.reason is Reason.LATE


async def test_longs_and_shorts_are_of_one_of_them() -> None:
    async with a_house() as house:
        report = await ls.ask(house.bot.tools, "NEIRO-USDT")
        assert {each.exchange for each in report.shares} == {"binance", "bybit", "okx", "kraken"}
        assert set(report.namesakes) == {"gate", "bitget"}
        text = re.sub(r"<[^>]+>", "", await house.ask("/ls NEIRO"))
        assert "Gate and Bitget list another coin of that name." in text


async def test_charts_of_open_interest_are_of_one_of_them() -> None:
    async with a_house() as house:
        report = await chart_oi.ask(house.bot.tools, "NEIRO")
        assert set(report.paths) == {"binance", "bybit", "okx", "kraken"}
        assert report.failed["gate"].reason is Reason.NAMESAKE


@pytest.mark.parametrize("many", [False, True])
async def test_alerts_are_of_the_coin_that_was_named(many: bool) -> None:
    """Of 1000CAT as it is listed, though lists tell it per coin; also where there are many of them."""
    others = ["BTC", "ETH", "SOL", "XRP", "DOGE", "ADA"] if many else []
    symbols = [f"{each}-USDT" for each in ("1000CAT", "CAT", *others)]
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        found = await quotes.prices("binance", "perp", symbols)
        for coin in ("CAT", "1000CAT"):
            truth = house.world.market.day("binance", coin, "perp").last
            assert found[f"{coin}-USDT"] == pytest.approx(truth, rel=0.01)


def test_a_coin_that_is_typed_stays_what_it_is_on_the_watchlist() -> None:
    assert parse_symbol("1000CAT-USDT") == "1000CAT-USDT"


async def test_basis_is_of_no_namesake() -> None:
    """Kraken tells the basis of its NEIRO, which is not the one of who comes first here."""
    async with a_house(EXCHANGES="gate,kraken") as house:
        text = re.sub(r"<[^>]+>", "", await house.ask("/oi NEIRO"))
        assert "Kraken lists another coin of that name." in text
        assert "of the index" not in text


@pytest.mark.parametrize("command", ["liq", "funding", "chart funding"])
async def test_what_was_is_of_no_namesake(command: str) -> None:
    """Liquidations and payments of the NEIRO that Binance's spot market is of."""
    async with a_house() as house:
        text = re.sub(r"<[^>]+>", "", await house.ask(f"/{command} NEIRO"))
        told = text.partition("another coin of that name")[0].rpartition("\n")[0]
        assert re.search("list another coin of that name", text)
        assert not re.search(r"^(Gate|Bitget|Hyperliq)\S* ", told, re.MULTILINE), told


async def test_liquidations_of_one_margin_count_once() -> None:
    """TON has no contract in USDC at OKX, nor one in coins: its only one is not told in their place."""
    async with a_house(EXCHANGES="okx", RATE_BUDGETS="0") as house:
        text = re.sub(r"<[^>]+>", "", await house.ask("/liq TON"))
        asked = [each for each in house.world.sites["OKX"].asked if "liquidation-orders" in each]
        assert len({each.split("after=")[0].rstrip("&") for each in asked}) == 1
        lines = re.findall(r"^\$\S+ \w+ at .*", text, re.MULTILINE)
        assert len(lines) == len(set(lines))


async def test_json_tells_a_typed_thousand_as_it_is_listed() -> None:
    world = binance("1000CATUSDT", {"CATUSDT": STOCK}, {"CATUSDT": STOCK, "1000CATUSDT": "0.00512"})
    tools = wired(world, "binance").tools
    told = await json_api.answer(json_api.ROUTES["/price"], tools, {"symbol": "1000CAT"})
    assert (told["data"]["symbol"], told["data"]["price"]) == ("1000CAT/USDT:USDT", 0.00512)
    whole = await json_api.answer(json_api.ROUTES["/multi_oi"], tools, {"base_symbol": "1000CAT"})
    assert whole["aggregated_oi"]["total_usd"] == pytest.approx(25.6)


@pytest.mark.parametrize(("typed", "name"), [("1000CAT", "1000CAT"), ("kPEPE", "PEPE"), ("1000PEPE", "PEPE")])
async def test_inline_tells_a_typed_thousand(typed: str, name: str) -> None:
    async with a_house(EXCHANGES="binance") as house:
        await house.ask("/top10")  # what is listed is known
        first, *_ = await inline.articles(house.bot.market, typed, house.wall())
        assert first.title.startswith(f"{name} 0.0")


def bybit(*rows: tuple[str, str]) -> Callable[..., Any]:
    """Bybit with a few perpetuals: what each is called there, and its price; of one that is asked for, the last."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        found = [
            {"symbol": symbol, "turnover24h": "9000", "fundingRate": "0.0001", "fundingIntervalHour": "8"}
            | dict.fromkeys(("lastPrice", "markPrice", "highPrice24h", "lowPrice24h"), last)
            | {"price24hPcnt": "0.01", "singleOpenInterest": "5000", "singleOpenInterestValue": str(5000 * float(last))}
            for symbol, last in rows
            if query.get("category") == "linear" and query.get("symbol") in (None, symbol)
        ]
        if not found or not path.endswith("tickers"):
            return {"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}, "time": NOW_MS}
        listed = found[-1:] if "symbol" in query else found
        return {"retCode": 0, "time": NOW_MS, "result": {"category": "linear", "list": listed}}

    return answer


TWO_CATS = (("CATUSDT", STOCK), ("1000CATUSDT", "0.00512"))


@pytest.mark.parametrize("is_listed", [False, True])
async def test_inline_tells_a_typed_thousand_alike_with_a_list_at_hand(is_listed: bool) -> None:
    """Of the contract, as it is listed: the list has its figures per coin."""
    market = wired(bybit(*TWO_CATS), "bybit", {"CACHE_SECONDS": "5"}).market
    if is_listed:
        await market.listing(EXCHANGES["bybit"], "perp")
    price, _, interest, *_ = await inline.articles(market, "1000CAT", NOW_MS / 1000)
    assert price.title == "1000CAT 0.005120  +1.00%"
    assert (interest.title, interest.description) == ("1000CAT OI $25.6", "5.00K 1000CAT at Bybit")


async def test_inline_asks_for_a_market_that_a_list_tells_twice() -> None:
    market = wired(bybit(*TWO_CATS, ("CATUSDT", "3.0")), "bybit", {"CACHE_SECONDS": "5"}).market
    await market.listing(EXCHANGES["bybit"], "perp")
    price, *_ = await inline.articles(market, "CAT", NOW_MS / 1000)
    assert price.title.startswith("CAT 3.00")


async def test_watchlist_holds_a_typed_thousand(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        for line in ("/watch add 1000CAT kPEPE", "/watch"):
            text = re.sub(r"<[^>]+>", "", await house.ask(line))
            assert re.search(r"^1000CAT\s+0\.0", text, re.MULTILINE), text
            assert re.search(r"^PEPE\s+0\.0", text, re.MULTILINE), text


async def test_alert_on_a_typed_thousand_is_as_it_is_listed(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        last = house.world.market.day("binance", "1000CAT", "perp").last
        text = re.sub(r"<[^>]+>", "", await house.ask(f"/alert 1000CAT > {last * 1.5:.6f}"))
        assert text.count("1000CAT")
        figures = [float(each) for each in re.findall(r"\d\.\d+", text)]
        assert any(each == pytest.approx(last, rel=0.01) for each in figures), text


@pytest.mark.parametrize(
    "exchange", [each for each in EXCHANGES.values() if each.is_told_in_list], ids=lambda of: of.id
)
async def test_where_a_list_tells_all_no_other_contract_is_looked_for(exchange: Exchange) -> None:
    """Its price lay apart from spot's, and what asks for one market by itself found nothing to ask with."""
    async with a_house() as house:
        with pytest.raises(UnknownSymbol):
            await house.bot.market.perp_of_many(exchange, "PEPE-USDT")
        with pytest.raises(UnknownSymbol):
            await house.bot.market.perp_near(exchange, "PEPE-USDT", 5.0)
