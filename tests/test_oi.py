"""/oi: over all exchanges, to the last coin, and what is said when one of them is missing."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from answering import HOUR_MS, NOW, WITH_PERPS, freeze, interest, margin_of, n_requests, rewrite
from conftest import a_house, some, together

from answers import oi
from answers.contracts import Contract, DerivativesReport
from answers.interest import at_hours_ago
from asking.races import DEADLINE_S
from clock import loop_time
from demo.market import Market as Truth
from demo.telegram_html import parse
from demo.web import in_json
from exchanges.table import EXCHANGES
from exchanges.words import OpenInterest, Snapshot, Ticker

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
    """Open interest some hours before 14:03:22, 202 seconds on the way from one quarter of an hour to the next."""
    begin, end = (
        truth.interest_of(of.exchange, "BTC", margin_of(of), NOW - 202 - hours * 3600 + later) for later in (0, 900)
    )
    return begin + (end - begin) * 202 / 900


async def test_open_interest_has_a_past() -> None:
    """An hour before 14:03 is a little more than the row of 13:00, on the way to that of 13:15; a day, likewise."""
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


@pytest.mark.parametrize("exchange", some(((each,) for each in WITH_PERPS), 3))
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
        assert "$n/a" not in text
        assert "Margin USDT: n/a, no exchange told it" in text
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


async def test_open_interest_that_is_not_worth_its_coins_makes_it_partial() -> None:
    def a_tenth(answer: Any) -> None:
        for row in answer.get("result", {}).get("list", []):
            if isinstance(row, dict) and "singleOpenInterestValue" in row:
                row["singleOpenInterestValue"] = str(float(row["singleOpenInterestValue"]) / 10)

    async with a_house(EXCHANGES="bybit,okx") as house:
        rewrite(house, "BYBIT", a_tenth)
        text = parse(await house.ask("/oi BTC")).text
        assert "(partial)" in text
        assert "Bybit gave an unusable answer" in text


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


@pytest.mark.parametrize(("step_min", "rough"), [(15, set()), (30, {1, 24}), (60, {1, 24})])
def test_history_between_rows_that_are_far_apart_is_rough(step_min: int, rough: set[int]) -> None:
    rows = [(100 * HOUR_MS - i * step_min * 60_000, 10.0) for i in range(26 * 60 // step_min)]
    assert at_hours_ago(rows, 100 * HOUR_MS + 60_000).rough == rough
    assert at_hours_ago(rows, 100 * HOUR_MS).rough == set()  # at a row itself


async def test_change_between_rows_that_are_far_apart_says_so() -> None:
    """Binance leaves out three rows of four, as if it told full hours only."""

    def hourly(answer: Any) -> None:
        if isinstance(answer, list) and answer and "sumOpenInterest" in answer[0]:
            answer[:] = [row for row in answer if row["timestamp"] % HOUR_MS == 0]

    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        rewrite(house, "BINANCE_USDM", hourly)
        for command, change in (
            ("oi", r"≈[+-]\d+\.\d\d% 1h"),
            ("price", r"1h ≈[+-]"),
            ("analysis", r"≈[+-]\d+\.\d% 1h"),
        ):
            text = parse(await house.ask(f"/{command} BTC")).text
            assert re.search(change, text), command
            assert "≈: between two rows of the past" in text, command


async def test_change_between_quarters_of_an_hour_is_told_plainly() -> None:
    async with a_house() as house:
        for command in ("oi", "price", "analysis"):
            text = await house.ask(f"/{command} BTC")
            assert "≈: between two rows" not in text
            assert re.search(r"≈[+-]?[\d.]+%", text) is None, command


def test_history_with_a_hole_is_not_told_across_it() -> None:
    now = 100 * HOUR_MS
    rows = [(now - hours * HOUR_MS, 10.0 * hours) for hours in (0, 2, 3, 24, 25)]
    assert at_hours_ago(rows, now) == {24: 240.0}


@together("off_min", [-31, -1, 1, 31])
def test_history_of_one_row_tells_its_own_moment_only(off_min: int) -> None:
    row = (99 * HOUR_MS + off_min * 60_000, 5.0)
    assert at_hours_ago([row], 100 * HOUR_MS) == {}
    assert at_hours_ago([row], 100 * HOUR_MS + off_min * 60_000) == {1: 5.0}


def test_history_of_nothing() -> None:
    assert at_hours_ago([], 100 * HOUR_MS) == {}


def is_paused(row: Any) -> None:
    """Kraken's BTC in its list of tickers."""
    for each in row.get("tickers", []):
        each["suspended"] = each["symbol"].endswith("XBTUSD") or each.get("suspended")


@pytest.mark.parametrize("command", ["oi", "funding"])
async def test_a_paused_perpetual_is_not_called_missing(command: str) -> None:
    async with a_house(EXCHANGES="binance,kraken") as house:
        rewrite(house, "KRAKEN_FUTURES", is_paused)
        text = parse(await house.ask(f"/{command} BTC")).text
        assert "Kraken does not trade it now." in text
        assert "No perpetual" not in text
        assert "(partial)" not in text


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((400, {"code": -1122, "msg": "Invalid symbol status."}), "Binance does not trade it now."),
        ((400, {"code": -1121, "msg": "Invalid symbol."}), "No perpetual of MEGA on Binance."),
    ],
)
async def test_a_perpetual_that_is_not_open_yet_is_listed(refusal: tuple[int, Any], said: str) -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:

        async def refused(asked: Any, whole: Any) -> Any:
            return in_json(refusal[1], refusal[0]) if "MEGA" in str(asked.query) else await whole(asked)

        house.world.sites["BINANCE_USDM"].intercept(refused)
        for command in ("oi", "funding"):
            assert said in parse(await house.ask(f"/{command} MEGA")).text


async def test_a_delisted_perpetual_is_not_traded_now() -> None:
    async with a_house() as house:
        text = parse(await house.ask("/oi FTT")).text
        assert "Hyperliquid does not trade it now." in text
        assert "Hyperliquid" not in text.partition("No perpetual of FTT on ")[2]


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


async def test_a_past_that_is_yet_to_come_is_none() -> None:
    """By a clock that is two hours late, what exchanges tell of the last hour lies ahead: an hour ago is not told."""
    async with a_house() as house:
        await house.ask("/price BTC")
        house.wall.wrong_s = -7200.0
        assert "change n/a: no exchange that answered tells the past" in await house.ask("/oi BTC")
        house.wall.wrong_s = -1800.0  # machines that slept are late for a while
        await house.later()
        assert "% 1h" in await house.ask("/oi BTC")
