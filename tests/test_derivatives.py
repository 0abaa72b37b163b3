"""/oi and /funding: over all exchanges, to the last coin, and what is said when one of them is missing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from conftest import House, a_house

from answers import funding, oi
from answers import funding as funding_answer
from answers.contracts import Contract, DerivativesReport, contracts_of
from answers.interest import at_hours_ago
from asking.races import DEADLINE_S
from clock import loop_time
from demo.market import Market as Truth
from demo.telegram_html import parse
from exchanges.errors import PartName
from exchanges.table import EXCHANGES
from exchanges.words import COIN, Funding, OpenInterest, Snapshot, Ticker, per_8h, per_year_pct

NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC
HOUR_MS = 3_600_000
WITH_PERPS = [each for each in EXCHANGES if "perp" in EXCHANGES[each].kinds]


def freeze(house: House, at_s: float = NOW) -> Truth:
    return house.stop_at(at_s)


def rewrite(house: House, site: str, change: Callable[[Any], None]) -> None:
    """What a site says in JSON is changed before it is sent."""

    async def changed(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        answer = orjson.loads(reply.body)
        change(answer)
        return reply._replace(body=orjson.dumps(answer))

    house.world.sites[site].intercept(changed)


def margin_of(contract: Contract) -> str:
    """The margin as the world calls it."""
    return "coin" if contract.margin == COIN else contract.margin


def n_requests(house: House) -> int:
    return sum(site.n_requests for site in house.world.sites.values())


async def interest(house: House, base: str = "BTC") -> DerivativesReport:
    return await oi.ask(house.bot.tools, base)


# /oi


@pytest.mark.parametrize("base", ["BTC", "ETH", "DOGE", "PEPE", "JUP", "HYPE"])
async def test_open_interest_is_the_truth(base: str) -> None:
    """Every exchange and margin, to the last coin or the contract that is counted whole."""
    async with a_house() as house:
        truth = freeze(house).truth_of_interest(base)
        report = await interest(house, base)
        assert {(each.exchange, margin_of(each)) for each in report.contracts} == set(truth)
        for each in report.contracts:
            assert each.coins == pytest.approx(truth[each.exchange, margin_of(each)], rel=1e-6)
        assert report.coins == pytest.approx(sum(truth.values()), rel=1e-6)
        assert report.failed == {}


async def test_open_interest_in_dollars() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await interest(house)
        marks = {exchange: truth.mark(exchange, "BTC") for exchange in WITH_PERPS}
        worth = sum(coins * marks[exchange] for (exchange, _), coins in truth.truth_of_interest("BTC").items())
        assert report.dollars == pytest.approx(worth, rel=1e-4)
        largest_first = [each.dollars or 0 for each in report.contracts]
        assert largest_first == sorted(largest_first, reverse=True)


def _between(truth: Truth, of: Contract, hours: int) -> float:
    """Open interest some hours before 14:03:22, 202 seconds on the way from one full hour to the next."""
    begin, end = (
        truth.interest_of(of.exchange, "BTC", margin_of(of), NOW - 202 - (hours - later) * 3600) for later in (0, 1)
    )
    return begin + (end - begin) * 202 / 3600


async def test_open_interest_has_a_past() -> None:
    """An hour before 14:03 is a little more than the row of 13:00, on the way to that of 14:00; a day, likewise."""
    async with a_house() as house:
        truth = freeze(house)
        report = await interest(house)
        with_past = [each for each in report.contracts if each.before]
        assert {each.exchange for each in with_past} == {"binance", "bybit", "okx", "gate", "kraken"}
        for each in with_past:
            for hours in (1, 24):
                was = _between(truth, each, hours)
                assert each.before[hours] == pytest.approx(was, rel=1e-6)


@pytest.mark.parametrize("hours", [1, 24])
async def test_open_interest_change(hours: int) -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await interest(house)
        told = [each for each in report.contracts if hours in each.before]
        now = sum(truth.interest_of(each.exchange, "BTC", margin_of(each)) for each in told)
        was = sum(_between(truth, each, hours) for each in told)
        change = report.change_pct(hours)
        assert change is not None
        assert change[0] == pytest.approx((now / was - 1) * 100, abs=1e-4)
        assert change[1] == pytest.approx(now / sum(truth.truth_of_interest("BTC").values()), rel=1e-6)


async def test_open_interest_states_whose_past_is_told() -> None:
    async with a_house() as house:
        freeze(house)
        report = await interest(house)
        change = report.change_pct(1)
        assert change is not None
        text = await house.ask("/oi BTC")
        assert f"{change[0]:+.2f}% 1h" in text
        assert f"change covers {change[1] * 100:.0f}%" in text


async def test_open_interest_states_each_share() -> None:
    """A contract that was listed today has a figure of an hour ago, but none of yesterday."""
    report = a_report(
        a_contract("binance", 100, {1: 100, 24: 50}), a_contract("bybit", 100, {1: 100}), a_contract("gate", 200, {})
    )
    first = parse(derivatives_text(report)).text.split("\n")[1]
    assert "50%" in first
    assert "25%" in first


async def test_open_interest_without_any_past() -> None:
    async with a_house(EXCHANGES="hyperliquid,deribit") as house:
        text = await house.ask("/oi BTC")
        assert "change n/a" in text
        assert "1h" not in parse(text).text.split("\n")[0]


async def test_open_interest_names_who_lists_no_perpetual() -> None:
    async with a_house() as house:
        text = parse(await house.ask("/oi SYRUP")).text
        assert "No perpetual of SYRUP on Deribit, Kraken." in text
        assert "(partial)" not in text


@pytest.mark.parametrize("exchange", WITH_PERPS)
async def test_open_interest_one_exchange_hangs(exchange: str) -> None:
    async with a_house() as house:
        truth = freeze(house).truth_of_interest("BTC")
        await house.world.set_fault(exchange, "hang")
        began = loop_time()
        text = parse(await house.ask("/oi BTC")).text
        assert loop_time() - began < DEADLINE_S
        name = EXCHANGES[exchange].name
        assert text.startswith("BTC OI $")
        assert "(partial)" in text
        assert f"Missing: {name} did not answer in time." in text
        rest = await interest(house)
        assert rest.coins == pytest.approx(sum(truth[key] for key in truth if key[0] != exchange), rel=1e-6)


async def test_open_interest_all_but_one_hang() -> None:
    async with a_house() as house:
        for exchange in WITH_PERPS[1:]:
            await house.world.set_fault(exchange, "hang")
        text = parse(await house.ask("/oi BTC")).text
        assert "(partial)" in text
        for exchange in WITH_PERPS[1:]:
            assert EXCHANGES[exchange].name in text


async def test_open_interest_of_one_host_is_partial() -> None:
    """COIN-M is a host of its own: what Binance's other host tells stays."""
    async with a_house(EXCHANGES="binance") as house:
        await house.world.set_fault("BINANCE_COINM", "500")
        text = parse(await house.ask("/oi BTC")).text
        assert "(partial)" in text
        assert "Binance answered HTTP 500" in text
        assert [margin for margin in ("USDT", "USDC", "coin") if f"Binance {margin}: " in text] == ["USDT", "USDC"]


async def test_open_interest_that_is_not_told_is_no_zero() -> None:
    """Of tickers without open interest there is no sum: 0 coins would be invented."""
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/openInterest", "500")
        house.world.set_path_fault("BINANCE_COINM", "/dapi/v1/openInterest", "500")
        text = parse(await house.ask("/oi BTC")).text
        assert "0 BTC" not in text
        assert "$0" not in text
        assert "Binance answered HTTP 500" in text


async def test_open_interest_that_is_left_out_makes_it_partial() -> None:
    """A smaller total without a word is what the predecessor did."""

    def left_out(answer: Any) -> None:
        for row in answer.get("result", {}).get("list", []):
            if isinstance(row, dict):
                row.update({key: "" for key in row if "penInterest" in key})

    async with a_house() as house:
        rewrite(house, "BYBIT", left_out)
        text = parse(await house.ask("/oi BTC")).text
        assert text.startswith("BTC OI $")
        assert "(partial)" in text
        assert "Bybit did not tell" in text


async def test_open_interest_of_a_coin_without_perpetuals() -> None:
    """OKB has a spot market: it is listed, only no perpetual of it is."""
    async with a_house() as house:
        text = await house.ask("/oi OKB")
        assert "Did you mean OKB" not in text
        assert "perpetual" in text


async def test_fifty_at_once_cost_one_set_of_requests() -> None:
    async with a_house() as house:
        await house.ask("/oi BTC")
        one = n_requests(house)
    async with a_house() as house:
        texts = await asyncio.gather(*(house.ask("/oi BTC") for _ in range(50)))
        assert n_requests(house) == one
        assert len(texts) == 50
        assert all("(partial)" not in text for text in texts)


LIMITS = {  # documented: requests per seconds, of each path
    "OKX": {
        "/api/v5/market/ticker": (20, 2),
        "/api/v5/public/open-interest": (20, 2),
        "/api/v5/public/funding-rate": (10, 2),
        "/api/v5/rubik/stat/contracts/open-interest-history": (5, 2),
    },
    "GATE": {"/api/v4/futures/usdt/tickers": (200, 10), "/api/v4/futures/usdt/contract_stats": (200, 10)},
    "BITGET": {"/api/v2/mix/market/ticker": (20, 1), "/api/v2/mix/market/current-fund-rate": (20, 1)},
    "BYBIT": {"/": (600, 5)},
    "DERIBIT": {"/": (100, 5)},
}


async def test_many_coins_at_once_stay_within_budgets() -> None:
    async with a_house() as house:
        moments: dict[str, list[tuple[str, float]]] = {name: [] for name in LIMITS}

        def watch(name: str) -> None:
            def noting(asked: Any, whole: Any) -> Any:
                moments[name].append((asked.path, loop_time()))
                return whole(asked)

            house.world.sites[name].intercept(noting)

        for name in LIMITS:
            watch(name)
        coins = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "LINK", "JUP", "SUPER", "PEPE", "SHIB")
        await asyncio.gather(*(house.ask(f"/oi {base}") for base in coins))
        for name, paths in LIMITS.items():
            for path, (most, seconds) in paths.items():
                times = [at for asked, at in moments[name] if asked.startswith(path)]
                busiest = max((sum(at <= other < at + seconds for other in times) for at in times), default=0)
                assert 0 < busiest <= most, (name, path)
        for name, weight in (("BINANCE_SPOT", 6000), ("BINANCE_USDM", 2400), ("BINANCE_COINM", 2400)):
            assert max(house.world.sites[name].weights.values(), default=0) <= weight


def test_history_is_of_the_minute_that_is_meant() -> None:
    """Rows of every full hour: at 14:30, an hour ago is halfway between 13:00 and 14:00."""
    now = 100 * HOUR_MS
    rows = [(now - hours * HOUR_MS, 10.0 * hours) for hours in range(26)]
    assert at_hours_ago(rows, now) == {1: 10.0, 24: 240.0}
    assert at_hours_ago(rows, now + 30 * 60_000) == {1: 5.0, 24: 235.0}
    assert at_hours_ago(rows, now + 59 * 60_000)[1] == pytest.approx(10 / 60)


def test_history_with_a_hole_is_not_told_across_it() -> None:
    now = 100 * HOUR_MS
    rows = [(now - hours * HOUR_MS, 10.0 * hours) for hours in (0, 2, 3, 24, 25)]
    assert at_hours_ago(rows, now) == {24: 240.0}


@pytest.mark.parametrize("off_min", [-31, -1, 1, 31])
def test_history_of_one_row_tells_its_own_moment_only(off_min: int) -> None:
    row = (99 * HOUR_MS + off_min * 60_000, 5.0)
    assert at_hours_ago([row], 100 * HOUR_MS) == {}
    assert at_hours_ago([row], 100 * HOUR_MS + off_min * 60_000) == {1: 5.0}


def test_history_of_nothing() -> None:
    assert at_hours_ago([], 100 * HOUR_MS) == {}


# /funding


@pytest.mark.parametrize(("base", "hours"), [("BTC", 8), ("JUP", 4), ("HYPE", 1)])
async def test_funding_is_brought_to_8_hours(base: str, hours: int) -> None:
    async with a_house() as house:
        truth = freeze(house, float(int(time.time())))
        report = await contracts_of(house.bot.market, base, PartName.FUNDING)
        of_binance = next(each for each in report.contracts if each.exchange == "binance")
        assert of_binance.perp.funding is not None
        assert of_binance.perp.funding.funding_interval_h == hours
        for each in report.contracts:
            rate, period_h, _ = truth.funding_of(each.exchange, base)
            least = 5.1e-7 * 8 / period_h  # Gate tells six decimals of a period's rate
            assert per_8h(each.perp.funding) == pytest.approx(rate * 8 / period_h, rel=1e-3, abs=least)
            year = per_year_pct(each.perp.funding)
            assert year == pytest.approx(rate / period_h * 24 * 365 * 100, rel=1e-3, abs=least * 3 * 365 * 100)


@pytest.mark.parametrize(("base", "hours"), [("BTC", 8), ("JUP", 4), ("HYPE", 1)])
async def test_funding_tells_the_next_payment(base: str, hours: int) -> None:
    async with a_house() as house:
        truth = freeze(house, float(int(time.time())))
        report = await contracts_of(house.bot.market, base, PartName.FUNDING)
        for each in report.contracts:
            assert each.perp.funding is not None
            due_ms = each.perp.funding.next_funding_ms
            told = None if each.exchange == "deribit" else truth.funding_of(each.exchange, base)[2]
            assert due_ms == told or (told and each.exchange in ("kraken", "hyperliquid") and due_ms == told + HOUR_MS)
        text = await house.ask(f"/funding {base}")
        assert f" every {hours}h, next in " in text


async def test_funding_of_hourly_exchanges() -> None:
    async with a_house(EXCHANGES="hyperliquid,kraken") as house:
        report = await contracts_of(house.bot.market, "BTC", PartName.FUNDING)
        assert {each.exchange for each in report.contracts} == {"hyperliquid", "kraken"}
        for each in report.contracts:
            assert each.perp.funding is not None
            assert each.perp.funding.funding_interval_h == 1
            assert per_8h(each.perp.funding) == pytest.approx(each.perp.funding.funding_rate * 8)


def test_funding_without_a_period_is_not_known() -> None:
    assert per_8h(Funding(0.0001, None, None, None)) is None
    assert per_year_pct(Funding(0.0001, None, None, None)) is None
    assert per_8h(None) is None


def test_funding_per_year_is_not_compounded() -> None:
    assert per_year_pct(Funding(0.0001, 8, None, None)) == pytest.approx(10.95)
    assert per_year_pct(Funding(0.0001, 1, None, None)) == pytest.approx(87.6)


async def test_funding_is_ranked() -> None:
    async with a_house() as house:
        freeze(house)
        report = await contracts_of(house.bot.market, "BTC", PartName.FUNDING)
        by_exchange: dict[str, list[Contract]] = {}
        for each in report.contracts:
            by_exchange.setdefault(each.exchange, []).append(each)
        means = {name: funding_answer.weighted(of) or 0.0 for name, of in by_exchange.items()}
        best = max(means, key=lambda name: means[name])
        rows = parse(await house.ask("/funding BTC")).text.split("\n")[3:]
        assert rows[0].startswith(EXCHANGES[best].name)


async def test_funding_without_its_endpoint_is_na() -> None:
    """It is shown for no market of Binance, and the reason is."""
    async with a_house(EXCHANGES="binance,bybit") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/premiumIndex", "500")
        text = parse(await house.ask("/funding BTC")).text
        assert "(partial)" in text
        assert "n/a: Binance USDT, Binance USDC." in text
        assert "Only in part: Binance answered HTTP 500." in text
        assert "Bybit USDT: " in text


async def test_funding_without_periods_says_so() -> None:
    """Binance's list of periods is missing: a rate without its period is no rate per 8 hours."""
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/fundingInfo", "500")
        text = parse(await house.ask("/funding JUP")).text
        assert "n/a: Binance USDT" in text
        assert "HTTP 500" in text


async def test_funding_costs_what_open_interest_has_asked() -> None:
    """Beside what was paid before: a question an exchange, and a second page of Hyperliquid's hours."""
    async with a_house() as house:
        await house.ask("/oi BTC")
        before = n_requests(house)
        await house.ask("/funding BTC")
        assert n_requests(house) == before + len(WITH_PERPS) + 1
        await house.ask("/chart funding BTC")
        assert n_requests(house) == before + len(WITH_PERPS) + 1


@pytest.mark.parametrize("exchange", WITH_PERPS)
async def test_funding_one_exchange_hangs(exchange: str) -> None:
    async with a_house() as house:
        await house.world.set_fault(exchange, "hang")
        text = parse(await house.ask("/funding BTC")).text
        assert text.startswith("BTC funding ")
        assert "(partial)" in text.split("\n")[0]
        assert f"Missing: {EXCHANGES[exchange].name} did not answer in time." in text


async def test_funding_extremes_are_right() -> None:
    async with a_house() as house:
        truth = freeze(house)
        found = await funding.ask_extremes(house.bot.market)
        rates: dict[str, float] = {}
        for coin in truth.listed("binance", "perp"):
            rate, hours, _ = truth.funding(coin.base)
            for margin in {"USDT", "USDC"} & set(truth.margins("binance", coin.base)):
                rates[f"{coin.base}-{margin}"] = round(rate, 8) * 8 / hours
        ranked = sorted(rates.values())
        assert found.n_markets == len(rates)
        assert [rates[symbol] for symbol, _ in found.highest] == pytest.approx(ranked[:-8:-1])
        assert [rates[symbol] for symbol, _ in found.lowest] == pytest.approx(ranked[:7])


async def test_funding_extremes_cost_two_requests() -> None:
    async with a_house() as house:
        await house.ask("/funding top")
        asked = [target.partition("?")[0] for target in house.world.sites["BINANCE_USDM"].asked]
        assert Counter(asked) == {"/fapi/v1/ticker/24hr": 1, "/fapi/v1/premiumIndex": 1, "/fapi/v1/fundingInfo": 1}
        assert sum(site.n_requests for site in house.world.sites.values()) == 3


async def test_funding_extremes_without_periods_are_elsewhere() -> None:
    """“No market” would be false: where periods are not told, the next exchange is asked."""
    async with a_house(EXCHANGES="binance,bybit") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/fundingInfo", "500")
        text = parse(await house.ask("/funding top")).text
        assert "no market" not in text
        assert "Bybit, " in text
        assert "Binance " in text


async def test_funding_extremes_name_who_failed() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "451")
        text = parse(await house.ask("/funding top")).text
        assert "Binance refused this server's region." in text
        assert "Bybit, " in text


async def test_funding_extremes_leave_halted_contracts_out() -> None:
    """A contract that does not trade keeps an old rate in the list; it is not in the list of tickers."""

    def add_one(answer: Any) -> None:
        if isinstance(answer, list) and "lastFundingRate" in answer[0]:
            answer.append({"symbol": "DEADUSDT", "markPrice": "1", "lastFundingRate": "0.9", "nextFundingTime": 0})

    async with a_house(EXCHANGES="binance") as house:
        rewrite(house, "BINANCE_USDM", add_one)
        assert "DEAD" not in await house.ask("/funding top")


# Records.


def a_contract(exchange: str, coins: float | None, before: dict[int, float]) -> Contract:
    ticker = Ticker(exchange, "BTC-USDT", 100.0, None, None, None, None, None, None, None, 0)
    interest = None if coins is None else OpenInterest(coins, coins * 100)
    return Contract(exchange, "USDT", Snapshot(ticker, interest, None), before, {})


def a_report(*contracts: Contract) -> DerivativesReport:
    return DerivativesReport("BTC", list(contracts), {}, [], int(NOW * 1000), 0.1)


def derivatives_text(report: DerivativesReport) -> str:
    return oi.show(report, NOW).text


def test_change_is_of_those_with_a_past() -> None:
    report = a_report(a_contract("binance", 110, {1: 100}), a_contract("gate", 90, {}), a_contract("okx", None, {1: 9}))
    assert report.change_pct(1) == pytest.approx((10.0, 0.55))
    assert report.change_pct(24) is None


def test_change_from_nothing_is_not_known() -> None:
    assert a_report(a_contract("binance", 110, {1: 0})).change_pct(1) is None
    assert a_report(a_contract("binance", 0, {1: 0})).change_pct(1) is None
