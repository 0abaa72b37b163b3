"""Failover, hedge, deadline, cache and spelling, against the offline world and against plain functions."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from conftest import House, a_house, a_house_among_many, requests_of, together
from mocked import Mocked
from turning import Rounds

from answers.paid import Past
from answers.price_report import PriceReport, report_of
from asking import fetch
from asking.cache import Cache
from asking.races import DEADLINE_S, each_of
from clock import Clock, loop_time
from demo.web import in_json
from exchanges import binance
from exchanges.endpoints import Budget, Endpoint, Host
from exchanges.errors import (
    BadResponse,
    Blocked,
    Gone,
    NoAnswer,
    NotListed,
    PartName,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
)
from exchanges.joined import Rows, by_coin
from exchanges.symbols import NotASymbol, are_of_one_coin, in_every_dollar, parse_symbol
from exchanges.table import EXCHANGES
from exchanges.words import Funding, Liquidation, LiquidationPage, OpenInterest, Page, Paid, Ratio, Snapshot, Ticker
from market import Market


async def price(house: House, symbol: str = "BTC-USDT") -> PriceReport:
    return await report_of(house.bot.market, symbol)


async def test_price_comes_from_the_preferred_exchange() -> None:
    async with a_house() as house:
        report = await price(house)
        truth = house.world.market.day("binance", "BTC", "spot")
        assert report.exchanges == ("binance",)
        assert report.spot is not None
        assert report.spot.last == pytest.approx(truth.last, rel=1e-4)
        assert report.spot.base_volume == pytest.approx(truth.volume, rel=1e-6)
        assert (report.missing, report.failed, report.multipliers) == ({}, {}, {})


async def test_price_of_perpetual_is_whole() -> None:
    async with a_house() as house:
        report = await price(house, "JUP-USDT")
        rate, hours, due = house.world.market.funding("JUP")
        assert report.perp is not None
        assert report.perp.funding is not None
        assert report.perp.funding.funding_rate == pytest.approx(rate, rel=1e-3)
        assert (report.perp.funding.funding_interval_h, report.perp.funding.next_funding_ms) == (hours, due)
        assert report.perp.open_interest is not None
        assert report.perp.open_interest.open_interest == pytest.approx(
            house.world.market.interest("binance", "JUP"), rel=1e-4
        )
        assert report.perp.open_interest.open_interest_quote is not None


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx"])
async def test_price_agrees_across_exchanges(exchange: str) -> None:
    """Every exchange spells the same truth in its own units."""
    async with a_house(EXCHANGES=exchange) as house:
        report = await price(house, "ETH-USDT")
        truth = house.world.market.day(exchange, "ETH", "perp")
        perp = report.perp
        assert perp is not None
        assert perp.ticker is not None
        assert perp.open_interest is not None
        assert perp.funding is not None
        assert perp.ticker.base_volume == pytest.approx(truth.volume, rel=1e-6)
        assert perp.ticker.quote_volume == pytest.approx(truth.turnover, rel=0.05)
        assert perp.ticker.change_pct == pytest.approx((truth.last / truth.open - 1) * 100, abs=0.02)
        coins = house.world.market.interest(exchange, "ETH")
        assert perp.open_interest.open_interest == pytest.approx(coins, rel=1e-4)
        assert perp.open_interest.open_interest_quote == pytest.approx(coins * truth.last, rel=0.01)
        assert perp.funding.funding_interval_h == 8


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("451", Blocked), ("403", Unavailable), ("429", RateLimited), ("500", Unavailable), ("refuse", Unavailable)],
)
async def test_price_fails_over_and_names_its_source(fault: str, kind: type[Exception]) -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", fault)
        report = await price(house)
        assert report.exchanges == ("bybit",)
        assert [(error.exchange, isinstance(error, kind)) for error in report.failed["perp"]] == [("binance", True)]
        assert report.perp is not None
        assert report.perp.funding is not None


async def test_price_hedges_a_silent_exchange() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "hang")
        began = loop_time()
        report = await price(house)
        assert "binance" not in report.exchanges
        assert loop_time() - began < 2
        first = report.failed["perp"][0]
        assert (first.exchange, first.reason) == ("binance", Reason.SLOWER)
        # The silence was counted, so that soon nobody waits for it any more.
        for _ in range(2):
            await asyncio.sleep(10)
            await price(house)
        await asyncio.sleep(0.01)  # the request that was given up ends
        assert house.bot.market.health()["BINANCE_USDM"].state == "resting"


async def test_price_spot_and_perp_from_different_exchanges() -> None:
    async with a_house() as house:
        await house.world.set_fault("BINANCE_SPOT", "451")
        report = await price(house)
        assert report.exchanges == ("bybit", "binance")
        assert report.basis_pct is None


async def test_price_partial_when_one_part_fails() -> None:
    async with a_house(EXCHANGES="okx") as house:

        async def without_interest(asked: Any, whole: Any) -> Any:
            reply = await whole(asked)
            return reply._replace(status=500) if "open-interest" in asked.path else reply

        house.world.sites["OKX"].intercept(without_interest)
        report = await price(house)
        assert report.perp is not None
        assert report.perp.open_interest is None
        assert report.perp.funding is not None
        assert [error.reason for error in report.missing[PartName.OPEN_INTEREST]] == [Reason.HTTP_STATUS]


async def test_price_without_any_exchange() -> None:
    async with a_house(EXCHANGES="binance,bybit,okx") as house:
        for exchange, fault in (("binance", "451"), ("bybit", "refuse"), ("okx", "nulls")):
            await house.world.set_fault(exchange, fault)
        with pytest.raises(NoAnswer) as caught:
            await price(house)
        assert {(error.exchange, type(error)) for error in caught.value.errors} == {
            ("binance", Blocked),
            ("bybit", Unavailable),
            ("okx", BadResponse),
        }


async def test_price_ends_at_the_deadline() -> None:
    async with a_house() as house:
        house.world.set_latency(20)
        began = loop_time()
        with pytest.raises(NoAnswer) as caught:
            await price(house)
        assert loop_time() - began == pytest.approx(DEADLINE_S, abs=0.01)
        assert {error.reason for error in caught.value.errors} == {Reason.LATE}


async def test_price_half_at_the_deadline() -> None:
    async with a_house(EXCHANGES="binance") as house:
        await house.world.set_fault("BINANCE_USDM", "hang")
        report = await price(house)
        assert report.spot is not None
        assert report.perp is None
        assert [error.reason for error in report.missing[PartName.PERP]] == [Reason.LATE]


async def test_price_leaves_nothing_running() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "hang")
        market_tasks = asyncio.all_tasks()
        await price(house)
        await asyncio.sleep(0.05)
        ours = [task for task in asyncio.all_tasks() - market_tasks if "demo" not in repr(task)]
        assert ours == []


async def test_price_by_the_thousand() -> None:
    async with a_house() as house:
        report = await price(house, "PEPE-USDT")
        assert report.multipliers == {"perp": 1000}
        assert report.spot is not None
        assert report.perp is not None
        assert report.perp.ticker is not None
        assert report.perp.ticker.last == pytest.approx(report.spot.last, rel=0.01)
        assert report.perp.open_interest is not None
        assert report.perp.open_interest.open_interest == pytest.approx(
            house.world.market.interest("binance", "PEPE"), rel=1e-3
        )


LISTS_OF_PERPS = ("/fapi/v1/ticker/price", "/fapi/v1/premiumIndex")


@pytest.mark.parametrize("prefix", ["1000000", "1M", "10000"])
async def test_price_asks_for_the_contract_as_it_is_listed(prefix: str) -> None:
    """A million is written in two ways, even at one exchange: what the list says is asked for."""
    async with a_house(EXCHANGES="binance") as house:
        asked_for: list[str] = []

        async def with_one_more(asked: Any, whole: Any) -> Any:
            symbol = asked.query.get("symbol", "")
            if asked.path in LISTS_OF_PERPS and not symbol:
                return in_json([{"symbol": f"{prefix}MOGUSDT", "price": "1", "lastFundingRate": ""}])
            if symbol == f"{prefix}MOGUSDT":
                asked_for.append(symbol)
                told = await whole(asked._replace(query={"symbol": "BTCUSDT"}))
                return told._replace(body=told.body.replace(b"BTCUSDT", symbol.encode()))
            return await whole(asked)

        house.world.sites["BINANCE_USDM"].intercept(with_one_more)
        report = await price(house, "MOG-USDT")
        assert len(asked_for) == 3
        assert report.multipliers == {"perp": 10_000 if prefix == "10000" else 1_000_000}


@together(
    "symbol, quotes, tried",
    [
        ("FET-USDT", ("USD", "USDT"), ("FET-USD", "FET-USDT")),
        ("FET-USDC", ("USD", "USDT"), ("FET-USD", "FET-USDT")),
        ("FET-USDC", ("USDT", "USDC"), ("FET-USDC", "FET-USDT")),
        ("FET-USDT", ("USDT", "USDC"), ("FET-USDT", "FET-USDC")),
        ("ETH-BTC", ("USDT", "USDC"), ("ETH-BTC",)),
        ("FET-USDT", (), ("FET-USDT",)),
    ],
)
def test_every_dollar_is_tried(symbol: str, quotes: tuple[str, ...], tried: tuple[str, ...]) -> None:
    assert in_every_dollar(symbol, quotes) == tried


async def test_price_in_the_dollar_that_there_is() -> None:
    """A coin that is only in USDC; and the reply says so."""
    async with a_house(EXCHANGES="binance") as house:
        site, asked_for = house.world.sites["BINANCE_SPOT"], []

        async def only_in_usdc(asked: Any, answer: Any) -> Any:
            symbol = asked.query.get("symbol", "")
            asked_for.append(symbol)
            if symbol != "FETUSDC":
                return in_json({"code": -1121, "msg": "Invalid symbol."}, 400)
            told = await answer(asked._replace(query={"symbol": "BTCUSDT"}))
            return told._replace(body=told.body.replace(b"BTCUSDT", b"FETUSDC"))

        site.intercept(only_in_usdc)
        found = await house.bot.market.spot_at(EXCHANGES["binance"], "FET-USDT")
        assert (found.symbol, asked_for[0], asked_for[-1]) == ("FET-USDC", "FETUSDT", "FETUSDC")


async def test_price_is_not_called_unlisted_when_the_list_is_missing() -> None:
    """XAXUQ is listed by the thousand, and by no name that is known beforehand."""
    async with a_house_among_many(EXCHANGES="binance") as house:

        async def without_list(asked: Any, whole: Any) -> Any:
            reply = await whole(asked)
            return reply._replace(status=500) if asked.path in LISTS_OF_PERPS and not asked.query else reply

        house.world.sites["BINANCE_USDM"].intercept(without_list)
        report = await price(house, "XAXUQ-USDT")
        assert report.perp is None
        assert {error.reason for error in report.missing[PartName.PERP]} == {Reason.HTTP_STATUS}


async def test_price_without_the_list_of_funding_periods() -> None:
    async with a_house() as house:

        async def hanging_list(asked: Any, whole: Any) -> Any:
            if asked.path == "/fapi/v1/fundingInfo":
                await asyncio.sleep(60)
            return await whole(asked)

        house.world.sites["BINANCE_USDM"].intercept(hanging_list)
        for _ in range(2):
            report = await price(house)
            assert report.exchanges == ("binance",)
            assert report.perp is not None
            assert report.perp.funding is not None
            assert report.perp.funding.funding_interval_h is None
            assert report.failed == {}
            assert report.took_s < 0.9


async def test_price_of_what_only_one_exchange_lists() -> None:
    async with a_house() as house:
        report = await price(house, "OKB-USDT")
        assert report.exchanges == ("okx",)
        assert report.perp is None
        assert {type(error) for error in report.missing[PartName.PERP]} == {UnknownSymbol}


async def test_price_of_nothing_suggests() -> None:
    async with a_house() as house:
        with pytest.raises(NotListed) as caught:
            await price(house, "PEPEE-USDT")
        assert caught.value.suggestions == ("PEPE",)
        with pytest.raises(NotListed) as caught:
            await price(house, "QQQQQQ-USDT")
        assert caught.value.suggestions == ()


async def test_same_wrong_name_asks_nobody() -> None:
    async with a_house() as house:
        for command in ("price", "oi", "volume", "ls"):
            first = await house.ask(f"/{command} BTV")
            before = requests_of(house)
            assert await house.ask(f"/{command} BTV") == first
            assert requests_of(house) == before
        await house.later()
        await house.ask("/price BTV")
        assert requests_of(house) > before


async def test_price_not_listed_while_one_is_down_is_no_verdict() -> None:
    async with a_house() as house:
        await house.world.set_fault("okx", "500")
        with pytest.raises(NoAnswer):
            await price(house, "OKB-USDT")


async def test_fifty_at_once_cost_one_set_of_requests() -> None:
    async with a_house() as house:
        await price(house)  # the funding periods are known now
        before = sum(site.n_requests for site in house.world.sites.values())
        await asyncio.gather(*(price(house, "ETH-USDT") for _ in range(50)))
        assert sum(site.n_requests for site in house.world.sites.values()) - before == 4


async def test_no_cache_asks_anew() -> None:
    async with a_house(CACHE_SECONDS="0") as house:
        await price(house)
        before = sum(site.n_requests for site in house.world.sites.values())
        await price(house)
        assert sum(site.n_requests for site in house.world.sites.values()) - before == 4


# The cache.


async def later(value: object, log: list[object], wait_s: float = 0.0) -> object:
    log.append(value)
    await asyncio.sleep(wait_s)
    if isinstance(value, Exception):
        raise value
    return value


async def test_cache_keeps_for_its_time() -> None:
    cache, log = Cache(10), list[object]()
    assert await cache.get("a", 0.05, later(1, log)) == 1
    assert await cache.get("a", 0.05, later(2, log)) == 1
    await asyncio.sleep(0.06)
    assert await cache.get("a", 0.05, later(3, log)) == 3
    assert (log, cache.n_hits, cache.n_misses) == ([1, 3], 1, 2)


async def test_cache_has_at_hand_what_is_kept() -> None:
    cache, log = Cache(10), list[object]()
    assert cache.at_hand("a") is None
    await cache.get("a", 0.05, later(1, log))
    there = cache.at_hand("a")
    assert there is not None
    assert (there.done(), there.result(), cache.n_hits) == (True, 1, 1)
    await asyncio.sleep(0.06)
    assert cache.at_hand("a") is None


async def test_each_answer_or_error_stands_in_its_place() -> None:
    log, failure = list[object](), Unavailable("x", "y")
    assert await each_of([later(1, log, 0.02), later(failure, log), later(3, log)]) == [1, failure, 3]


async def test_what_is_no_exchange_error_gives_the_others_up() -> None:
    log = list[object]()
    with pytest.raises(ZeroDivisionError):
        await each_of([later(ZeroDivisionError(), log, 0.01), later(2, log, 60)])
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "later" in repr(task)] == []


async def test_a_price_that_is_kept_takes_one_round_of_the_loop() -> None:
    async with a_house() as house:
        house.stop_at(1_763_906_602.0)
        await price(house)
        rounds = Rounds()
        await price(house)
        assert rounds.n == 1


async def test_swept_cache_has_only_what_is_kept() -> None:
    wall = [1000.0]
    cache = Cache(10, clock=Clock(lambda: wall[0], lambda: wall[0]))
    cache.keep("short", 5.0, [1, 2])
    cache.keep("long", 60.0, [3])
    wall[0] += 5
    cache.sweep()
    assert (cache.n_kept, cache.peek("long")) == (1, [3])


async def test_cache_failure_is_shared_but_not_kept() -> None:
    cache, log = Cache(10), list[object]()
    failure = Unavailable("x", "y")
    results = await asyncio.gather(
        *(cache.get("a", 9, later(failure, log, 0.01)) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in results] == [Unavailable] * 3
    assert len(log) == 1
    assert await cache.get("a", 9, later(1, log)) == 1


async def test_cache_one_asker_leaves_the_others_are_served() -> None:
    cache, log = Cache(10), list[object]()
    first, second = (asyncio.ensure_future(cache.get("a", 9, later(1, log, 0.05))) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == 1
    assert len(log) == 1


async def test_cache_all_askers_leave_the_request_ends() -> None:
    cache, log = Cache(10), list[object]()
    asker = asyncio.ensure_future(cache.get("a", 9, later(1, log, 60)))
    await asyncio.sleep(0.01)
    asker.cancel()
    await asyncio.sleep(0.01)
    assert [task for task in asyncio.all_tasks() if "later" in repr(task)] == []
    assert await cache.get("a", 9, later(2, log)) == 2


async def test_cache_is_bounded() -> None:
    cache, log = Cache(3), list[object]()
    for number in range(10):
        await cache.get(number, 9, later(number, log))
    assert [each for each in range(10) if cache.peek(each) is not None] == [7, 8, 9]


@pytest.mark.parametrize(
    "found",
    [
        [0] * 60,
        dict.fromkeys(range(60)),
        Page([Paid(0, 0.1)] * 60, ""),
        LiquidationPage([Liquidation(0, "long", 1.0, 5.0)] * 60, 0),
        {"accounts": [Ratio(0, 0.5)] * 30, "top accounts": [Ratio(0, 0.5)] * 30},
        (1, dict.fromkeys(range(60))),
        Past.of((minute * 60_000, 0.1) for minute in range(240)),
    ],
    ids=["list", "markets", "page", "liquidations", "ratios", "with its time", "columns"],
)
async def test_cache_counts_the_rows_that_an_answer_holds(found: object) -> None:
    cache, log = Cache(10, max_rows=100), list[object]()
    for key in "abc":
        await cache.get(key, 9, later(found, log))
    assert [key for key in "abc" if cache.peek(key) is not None] == ["c"]


async def test_cache_keeps_parts_of_one_answer_apart() -> None:
    """One target may be read in several ways; what differs is in the endpoint's part, or its body."""
    n_asked = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal n_asked
        n_asked += 1
        return httpx.Response(200, json=request.content.decode())

    host, budget = Host("X", "binance", "https://x.example"), Budget("x", 100, 1)
    plain: Endpoint[Any] = Endpoint(host, "/a", lambda body: (b"plain", body), binance.explain, budget)
    other = plain._replace(part="other", parse=lambda body: (b"other", body))
    posted = plain._replace(body=b"{}")
    house = Market(fetch.Fetcher(Mocked(handle)), ["binance"], 10)
    for _ in range(2):
        found = [await house.cached(endpoint) for endpoint in (plain, other, posted)]
        assert found == [(b"plain", b'""'), (b"other", b'""'), (b"plain", b'"{}"')]
    assert n_asked == 3


# Spelling.


@together(
    "text",
    [
        "btc",
        "BTC",
        "$BTC",
        "#btc",
        "BTCUSDT",
        "btcusdt",
        "BTC-USDT",
        "btc/usdt",
        "BTC_USDT",
        "BTC-USDT-SWAP",
        "BTC/USDT:USDT",
        "BTCUSDT.P",
        "BTCPERP",
        "BTC-PERP",
        "BTC_PERP",
        "BINANCE:BTCUSDT",
        "BINANCE:BTCUSDT.P",
        "BTCUSD",
        "BTC-USD",
        "BTC/USD",
        "btc-usd-swap",
        "1000BTC",
    ],
)
def test_symbol_any_spelling(text: str) -> None:
    assert parse_symbol(text) == "BTC-USDT"


@together(
    "text, symbol",
    [
        ("BTC-USDC", "BTC-USDC"),
        ("XBT", "BTC-USDT"),
        ("XBTUSD", "BTC-USDT"),
        ("xdg/usd", "DOGE-USDT"),
        ("XBTC", "XBTC-USDT"),
        ("kPEPE", "1000PEPE-USDT"),
        ("kSHIBUSDT", "1000SHIB-USDT"),
        ("KAVA", "KAVA-USDT"),
        ("kava", "KAVA-USDT"),
        ("SHIB1000", "SHIB1000-USDT"),
        ("SHIB1000USDT", "SHIB1000-USDT"),
        ("XUSD", "XUSD-USDT"),
        ("BTC\u200b", "BTC-USDT"),
        ("\u2060BTC\ufeff", "BTC-USDT"),
        ("\uff22\uff34\uff23", "BTC-USDT"),
        ("BTC\uff0fUSDT", "BTC-USDT"),
        ("btcusdc", "BTC-USDC"),
        ("BTCFDUSD", "BTC-FDUSD"),
        ("ETH-BTC", "ETH-BTC"),
        ("1000PEPE", "1000PEPE-USDT"),
        ("1000PEPEUSDT", "1000PEPE-USDT"),
        ("1MBABYDOGE", "1MBABYDOGE-USDT"),
        ("1000000MOG", "1000000MOG-USDT"),
        ("1INCH", "1INCH-USDT"),
        ("USDC", "USDC-USDT"),
        ("PYUSD", "PYUSD-USDT"),
        ("PERP", "PERP-USDT"),
        ("PERPUSDT", "PERP-USDT"),
        ("JUP", "JUP-USDT"),
        ("币安人生", "币安人生-USDT"),
        ("ETHBTC", "ETH-BTC"),
        ("btceur", "BTC-EUR"),
        ("WBTC", "WBTC-USDT"),
        ("STETH", "STETH-USDT"),
        ("ethereum", "ETH-USDT"),
        ("Bitcoin", "BTC-USDT"),
        ("bitcoin/usdc", "BTC-USDC"),
        ("solana", "SOL-USDT"),
        ("XBT/EUR", "BTC-EUR"),
        ("XDGUSD", "DOGE-USDT"),
        ("kshib", "1000SHIB-USDT"),
        ("KNC", "KNC-USDT"),
        ("\u200bbtc\ufeff", "BTC-USDT"),
        ("BTCUSDTUSDT", "BTCUSDT-USDT"),
    ],
)
def test_symbol_other_markets(text: str, symbol: str) -> None:
    assert parse_symbol(text) == symbol


@together(
    "text",
    [
        "",
        "-",
        "🚀",
        "<b>",
        "../../etc",
        "a b",
        "BTC--USDT",
        "A" * 25,
        "USDT",
        "USDT-USDT",
        "%",
        "BTC/",
        "&amp;",
        "'; DROP",
        "\u202eBTC",
        "BTC\x00",
        "BT-CUSDT",
    ],
)
def test_symbol_junk(text: str) -> None:
    with pytest.raises(NotASymbol) as caught:
        parse_symbol(text)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("n", [30, 48, 49, 4000])
def test_symbol_that_is_too_long_is_told_by_its_beginning(n: int) -> None:
    with pytest.raises(NotASymbol, match=f"“{'A' * 24}…” is not a symbol"):
        parse_symbol("A" * n)
    assert parse_symbol("BTC" + "\u200b" * n) == "BTC-USDT"


async def test_address_that_is_closed_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Kraken's derivatives REST is to be closed: 404 with a list of errors is no unknown symbol."""
    async with a_house(EXCHANGES="kraken") as house:
        gone = in_json(
            {"status": "NOT_FOUND", "result": "error", "errors": [{"code": 0, "message": "404 NOT_FOUND"}]}, 404
        )
        house.world.sites["KRAKEN_FUTURES"].intercept(lambda asked, answer: gone)
        for _ in range(4):
            with pytest.raises(Gone):
                await house.bot.market.perp_at(EXCHANGES["kraken"], "BTC-USD")
        state = house.bot.market.health()["KRAKEN_FUTURES"]
        assert (state.state, state.last_failure and state.last_failure.reason) == ("gone", Reason.GONE)
        said = [line for line in caplog.messages if "closed an address for good" in line]
        assert len(said) == 1
        assert "KRAKEN_FUTURES" in said[0]
        assert Reason.GONE in await house.ask("/status")


@pytest.mark.parametrize(("has_thousands", "last"), [(True, 0.00000512), (False, None)])
async def test_a_stock_of_a_coins_name_is_not_its_perpetual(has_thousands: bool, last: float | None) -> None:
    """Bitget lists CATUSDT, a stock, beside 1000CATUSDT, the coin."""
    prices = {"spot": {"CATUSDT": "0.00000512"}, "mix": {"CATUSDT": "612.5"}}
    if has_thousands:
        prices["mix"]["1000CATUSDT"] = "0.00512"

    def cats(asked: Any, answer: Any) -> Any:
        rows = [
            {"symbol": symbol, "lastPr": price, "ts": "1700000000000", "markPrice": price, "fundingRate": "0.0001"}
            for symbol, price in prices["spot" if "/spot/" in asked.path else "mix"].items()
            if asked.query.get("symbol", symbol) == symbol
        ]
        told = {"code": "00000", "data": rows} if rows else {"code": "40034", "data": None}
        return in_json(told, 200 if rows else 400)

    async with a_house(EXCHANGES="bitget") as house:
        house.world.sites["BITGET"].intercept(cats)
        report = await price(house, "CAT-USDT")
    assert report.spot is not None
    assert report.spot.last == 0.00000512
    found = report.perp and report.perp.ticker
    assert (found and found.last) == (None if last is None else pytest.approx(last))
    assert report.multipliers == ({"perp": 1000} if has_thousands else {})


@together("one, other, is_one", [(5, 5.1, True), (5, 9.9, True), (5, 10.1, False), (612.5, 5e-6, False)])
def test_two_prices_of_one_coin(one: float, other: float, is_one: bool) -> None:
    assert are_of_one_coin(one, other) == are_of_one_coin(other, one) == is_one


# Lists by coin.


def a_row(listed: str, last: float, turnover: float) -> tuple[str, Snapshot]:
    """A row whose figures are per coin already, as exchanges' readers give them."""
    ticker = Ticker("x", listed, last, None, None, None, None, 1.0, turnover / last, turnover, 0)
    return listed, Snapshot(ticker, OpenInterest(1000.0, 1000.0 * last), Funding(0.0001, 8, None, last))


def test_list_calls_contracts_on_many_by_their_coin() -> None:
    found = by_coin(dict([a_row("1000PEPE-USDT", 0.00001, 5e6), a_row("BTC-USDT", 6e4, 9e9)]))
    assert {name: each.ticker and each.ticker.symbol for name, each in found.items()} == {
        "PEPE-USDT": "PEPE-USDT",
        "BTC-USDT": "BTC-USDT",
    }


@together("is_plain_first", [True, False])
@together("turnover", [1e6, 9e9])
def test_list_keeps_two_coins_of_one_name_apart(is_plain_first: bool, turnover: float) -> None:
    """CAT the stock, 1000CAT the coin: neither is overwritten, whichever comes later or is larger."""
    rows = [a_row("CAT-USDT", 338.4, 5e6), a_row("1000CAT-USDT", 0.00000812, turnover)]
    found = by_coin(dict(rows if is_plain_first else rows[::-1]))
    stock, coin = found["CAT-USDT"].ticker, found["1000CAT-USDT"].ticker
    assert stock is not None
    assert coin is not None
    assert (stock.last, round(coin.last, 8)) == (338.4, 0.00812)
    assert coin.base_volume == pytest.approx(turnover / 0.00812)
    assert coin.symbol == "1000CAT-USDT"
    interest = found["1000CAT-USDT"].open_interest
    assert interest == OpenInterest(1.0, pytest.approx(0.00812))  # type: ignore[arg-type]


@together("is_told_twice", [False, True])
def test_list_takes_no_contract_on_many_for_a_coin_that_is_listed_and_not_told(is_told_twice: bool) -> None:
    """CAT the stock, which nobody has traded for a day, or which has two prices; 1000CAT the coin."""
    twice = [a_row("CAT-USDT", 338.4, 5e6), a_row("CAT-USDT", 338.4, 6e6)]
    rows = Rows()
    rows.take([a_row("1000CAT-USDT", 0.00000812, 1e6), *(twice if is_told_twice else [("CAT-USDT", Snapshot())])])
    for found in (rows.by_coin(), rows.completed([Rows()], {}, 8.0)):
        assert list(found) == ["1000CAT-USDT"]
        coin = found["1000CAT-USDT"].ticker
        assert coin is not None
        assert coin.last == pytest.approx(0.00812)


@pytest.mark.parametrize("is_plain_first", [True, False])
def test_list_shows_the_larger_of_two_contracts_on_one_coin(is_plain_first: bool) -> None:
    rows = [a_row("PEPE-USDT", 0.0000101, 1e6), a_row("1000PEPE-USDT", 0.00001, 5e6)]
    found = by_coin(dict(rows if is_plain_first else rows[::-1]))
    assert list(found) == ["PEPE-USDT"]
    pepe = found["PEPE-USDT"].ticker
    assert pepe is not None
    assert pepe.quote_volume == 5e6


async def test_list_that_many_wait_for_is_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so no round of the loop has to do it for each of them."""
    joined: list[Snapshot] = []

    def complete(perp: Snapshot, interval_h: float | None) -> Snapshot:
        joined.append(perp)
        return perp

    monkeypatch.setattr("exchanges.joined.completed_snapshot", complete)
    async with a_house() as house:
        market = house.bot.market
        asked = (market.listing(EXCHANGES["binance"], "perp", PartName.FUNDING) for _ in range(3))
        first, *others = await asyncio.gather(*asked)
        assert others == [first, first] != [{}, {}]
        assert len(joined) == len(set(joined)) > 50


def test_list_is_joined_anew_with_other_periods_or_another_list() -> None:
    rows = Rows([a_row("BTC-USDT", 6e4, 9e9)])
    funding = Rows([("BTC-USDT", Snapshot(funding=Funding(0.1, None, None, None)))])
    joined = [
        rows.completed([funding], None, None),
        rows.completed([funding], {}, 8.0),
        rows.completed([funding], {"BTC-USDT": 4.0}, 8.0),
        rows.completed([Rows(funding)], {"BTC-USDT": 1.0}, 8.0),
    ]
    told = [each["BTC-USDT"].funding for each in joined]
    assert [each and each.funding_interval_h for each in told] == [None, 8.0, 4.0, 1.0]
