"""/funding: over all exchanges and of all markets, brought to eight hours."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from answering import HOUR_MS, WITH_PERPS, freeze, n_requests, rewrite
from conftest import House, a_house, a_house_among_many, some

from answers import funding
from answers import funding as funding_answer
from answers.contracts import Contract, contracts_of
from demo.telegram_html import parse
from exchanges.errors import PartName
from exchanges.table import EXCHANGES
from exchanges.words import Funding, per_8h, per_year_pct

OPEN_INTEREST = (("BINANCE_USDM", "/fapi/v1/openInterest"), ("BINANCE_COINM", "/dapi/v1/openInterest"))

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


def shorts_pay_at_binance(house: House) -> None:
    """-0.1 % in every contract of Binance's, whatever the others pay."""

    def change(answer: Any) -> None:
        for row in answer if isinstance(answer, list) else [answer]:
            if "lastFundingRate" in row:
                row["lastFundingRate"] = "-0.00100000"

    for site in ("BINANCE_USDM", "BINANCE_COINM"):
        rewrite(house, site, change)


@pytest.mark.parametrize(
    ("sites", "sign", "named"),
    [
        ((), "-", ""),
        (OPEN_INTEREST[:1], "+", "Binance USDT and Binance USDC"),
        (OPEN_INTEREST, "+", "Binance (a plain mean in its row)"),
    ],
)
async def test_funding_without_its_weight_is_not_in_the_mean(
    sites: tuple[tuple[str, str], ...], sign: str, named: str
) -> None:
    """The largest exchange's rate would turn the mean: which contracts are not in it is said, and why."""
    async with a_house() as house:
        freeze(house)
        shorts_pay_at_binance(house)
        for site, path in sites:
            house.world.set_path_fault(site, path, "500")
        text = parse(await house.ask("/funding BTC")).text
        assert text.startswith(f"BTC funding {sign}")
        assert ("(partial)" in text) == bool(named)
        note = f"Not in the mean: {named}. Open interest n/a: Binance answered HTTP 500."
        assert (note in text) == bool(named)
        assert text.split("\n")[1].startswith("weighted by open interest, ")


async def test_funding_without_any_weight_is_a_plain_mean() -> None:
    async with a_house(EXCHANGES="binance") as house:
        for site, path in OPEN_INTEREST:
            house.world.set_path_fault(site, path, "500")
        text = parse(await house.ask("/funding BTC")).text
        assert text.split("\n")[1].startswith("plain mean, open interest n/a, ")
        assert "Open interest n/a: Binance answered HTTP 500." in text
        assert "(partial)" not in text


async def test_funding_of_no_contracts_at_all_is_a_plain_mean() -> None:
    """Nobody holds any: that is told, and is no failure."""

    def none_held(answer: Any) -> None:
        if "openInterest" in answer:
            answer["openInterest"] = "0"

    async with a_house(EXCHANGES="binance") as house:
        for site in ("BINANCE_USDM", "BINANCE_COINM"):
            rewrite(house, site, none_held)
        text = parse(await house.ask("/funding BTC")).text
        assert text.split("\n")[1].startswith("plain mean, open interest 0, ")
        assert "Open interest n/a" not in text


async def test_funding_costs_what_open_interest_has_asked() -> None:
    """Beside what was paid before: a question an exchange, and a second page of Hyperliquid's hours."""
    async with a_house() as house:
        await house.ask("/oi BTC")
        before = n_requests(house)
        await house.ask("/funding BTC")
        assert n_requests(house) == before + len(WITH_PERPS) + 1
        await house.ask("/chart funding BTC")
        assert n_requests(house) == before + len(WITH_PERPS) + 1


@pytest.mark.parametrize("exchange", some(((each,) for each in WITH_PERPS), 3))
async def test_funding_one_exchange_hangs(exchange: str) -> None:
    async with a_house() as house:
        await house.world.set_fault(exchange, "hang")
        text = parse(await house.ask("/funding BTC")).text
        assert text.startswith("BTC funding ")
        assert "(partial)" in text.split("\n")[0]
        assert f"Missing: {EXCHANGES[exchange].name} did not answer in time." in text


async def test_funding_extremes_are_right() -> None:
    async with a_house_among_many() as house:
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
