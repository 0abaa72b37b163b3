"""The JSON API's paths over all exchanges, /liq, /spread, /funding and /ls, against what the offline world knows."""

from __future__ import annotations

import math
from typing import Any

import pytest
from test_api import AT, BTC, NOW, Api, an_api
from test_liq import TELLERS, true_dollars

from answers import funding, ls, spread
from exchanges.table import EXCHANGES
from exchanges.words import per_8h

pytestmark = pytest.mark.no_cover  # others reach what these do

TYPED = ("/liq", "/spread", "/funding", "/ls")


def of(rows: list[dict[str, Any]], exchange: str) -> dict[str, Any]:
    return next(each for each in rows if each["exchange"] == exchange)


def tools(service: Api) -> Any:
    service.freeze()
    return service.house.bot.tools


@pytest.mark.parametrize("window", ["1h", "24h"])
async def test_liq_is_the_truth(window: str) -> None:
    async with an_api() as service:
        truth = service.house.stop_at(NOW)
        told = await service.data("/liq", base_symbol="BTC", window=window)
        since_ms = (NOW * 1000 - {"1h": 1, "24h": 24}[window] * 3_600_000) // 900_000 * 900_000
        assert {each["exchange"] for each in told["exchange_breakdown"]} == set(TELLERS)
        for each in told["exchange_breakdown"]:
            name = each["exchange"]
            found = true_dollars(truth, name, "BTC", int(since_ms), "")
            assert each["liquidated_usd"] == pytest.approx(found, 0.02, 500), name
            assert each["is_estimate"] is (name == "bitget" or (name == "kraken" and found > 0))
        sums = sum(each["liquidated_usd"] for each in told["exchange_breakdown"])
        assert (told["liquidated_usd"], told["is_partial"], told["window"]) == (pytest.approx(sums), False, window)
        assert told["streamed"] == ["binance", "bybit"]


async def test_liq_of_who_tells_no_sides() -> None:
    async with an_api(EXCHANGES="kraken") as service:
        service.freeze()
        told = await service.data("/liq")
        (kraken,) = told["exchange_breakdown"]
        assert (kraken["longs_usd"], kraken["shorts_usd"], told["largest"]) == (None, None, [])
        assert kraken["liquidated_usd"] > 0


@pytest.mark.parametrize("exchange", TELLERS)
async def test_liq_while_one_source_fails(exchange: str) -> None:
    async with an_api() as service:
        service.freeze()
        await service.house.world.set_fault(exchange, "500")
        told = await service.data("/liq")
        assert told["is_partial"] is True
        assert [each.split(":")[0] for each in told["missing"]] == [exchange]
        assert exchange not in {each["exchange"] for each in told["exchange_breakdown"]}


async def test_liq_largest_are_ordered_and_have_their_units() -> None:
    async with an_api() as service:
        service.freeze()
        largest = (await service.data("/liq"))["largest"]
        assert [each["amount_usd"] for each in largest] == sorted(
            (each["amount_usd"] for each in largest), reverse=True
        )
        for each in largest:
            assert each["amount_tokens"] * each["price"] == pytest.approx(each["amount_usd"], 0.01)


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_spread_is_the_truth(kind: str) -> None:
    async with an_api() as service:
        truth = service.house.stop_at(NOW)
        told = await service.data("/spread", symbol="BTC/USDT", market_type=kind)
        days = {each["exchange"]: truth.day(each["exchange"], "BTC", kind) for each in told["exchange_quotes"]}
        assert len(days) == sum(kind in each.kinds for each in EXCHANGES.values())
        for each in told["exchange_quotes"]:
            day = days[each["exchange"]]
            assert (each["bid"], each["ask"], each["price"]) == (day.bid, day.ask, day.last)
            assert each["spread_bps"] == pytest.approx((day.ask - day.bid) / (day.ask + day.bid) * 2e4)
        gap, bid = told["widest_gap"], max(day.bid for day in days.values())
        ask = min(day.ask for day in days.values())
        assert (gap["buy_price"], gap["sell_price"]) == (ask, bid)
        assert gap["gap_bps"] == pytest.approx((bid - ask) / (bid + ask) * 2e4)
        assert told["market_type"] == kind


async def test_spread_never_of_two_coins_of_one_name() -> None:
    async with an_api() as service:
        told = await service.data("/spread", symbol="NEIRO", market_type="perp")
        assert set(told["other_coins"]) == {"gate", "bitget", "hyperliquid"}
        assert not set(told["other_coins"]) & {each["exchange"] for each in told["exchange_quotes"]}


async def test_spread_of_one_exchange_has_no_gap() -> None:
    async with an_api(EXCHANGES="okx") as service:
        assert (await service.data("/spread", **BTC))["widest_gap"] is None


async def test_spread_is_the_reports() -> None:
    async with an_api() as service:
        report = await spread.ask(tools(service), spread.command(["BTC"]))
        assert await service.data("/spread", **BTC) == spread.fields(report)
        assert report.kind == "spot"


async def test_funding_is_the_truth() -> None:
    async with an_api() as service:
        truth = service.house.stop_at(NOW)
        told = await service.data("/funding", base_symbol="BTC")
        binance = of(told["exchange_breakdown"], "binance")
        usdt = next(each for each in binance["market_breakdown"] if each["symbol"] == "BTC/USDT:USDT")
        assert usdt["funding_rate"] == pytest.approx(truth.funding_of("binance", "BTC")[0], abs=1e-8)
        assert (usdt["funding_interval_hours"], usdt["next_funding"]) == (8, "2025-11-23T16:00:00Z")
        assert of(told["exchange_breakdown"], "deribit")["market_breakdown"][0]["next_funding"] is None
        assert told["funding_year_percentage"] == pytest.approx(told["funding_8h"] * 3 * 365 * 100)


async def test_funding_paid_is_the_reports() -> None:
    async with an_api() as service:
        report: Any = await funding.ask(tools(service), "BTC")
        told = await service.data("/funding")
        assert told == funding.fields(report)
        for each in told["exchange_breakdown"]:
            assert math.isfinite(each["paid_7d"]), each["exchange"]
            assert abs(each["paid_7d"]) <= abs(each["paid_30d"]) * 3


async def test_funding_of_a_rate_that_is_not_told() -> None:
    async with an_api(EXCHANGES="binance") as service:
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/premiumIndex", "500")
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/fundingRate", "500")
        binance = of((await service.data("/funding"))["exchange_breakdown"], "binance")
        symbols = [each["symbol"] for each in binance["market_breakdown"]]
        assert "BTC/USDT:USDT" not in symbols
        assert binance["paid_7d"] is None


async def test_funding_names_who_has_no_weight() -> None:
    async with an_api() as service:
        service.freeze()
        service.house.world.set_path_fault("BINANCE_COINM", "/dapi/v1/openInterest", "500")
        told = await service.data("/funding")
        (missing,) = told["missing"]
        assert missing.startswith("binance: open interest of BTC/USD:BTC, ")
        assert missing.endswith(": answered HTTP 500")


async def test_funding_extremes_are_the_reports() -> None:
    async with an_api() as service:
        extremes = await funding.ask_extremes(service.freeze(), 3)
        told = await service.data("/funding_extremes", limit=3)
        assert told == funding.extremes_fields(extremes)
        assert len(told["highest"]) == 3
        rates = [per_8h(perp.funding) for _, perp in extremes.highest]
        assert [each["funding_8h"] for each in told["highest"]] == rates


@pytest.mark.parametrize(("limit", "n"), [(0, 1), (-5, 1), (10_000, 50)])
async def test_funding_extremes_limit(limit: int, n: int) -> None:
    async with an_api() as service:
        told = await service.data("/funding_extremes", limit=limit)
        assert max(len(told["highest"]), len(told["lowest"])) <= n
        assert told["highest"]


async def test_ls_is_the_truth() -> None:
    async with an_api() as service:
        truth = service.house.stop_at(NOW)
        told = await service.data("/ls", **BTC)
        assert told == ls.fields(await ls.ask(service.house.bot.tools, "BTC-USDT"))
        kraken = of(told["shares"], "kraken")
        at_s = (NOW // 3600) * 3600
        assert kraken["share_long"] == pytest.approx(truth.long_share("kraken", "BTC", at_s=at_s), abs=1e-4)
        assert kraken["long_short_ratio"] == pytest.approx(kraken["share_long"] / (1 - kraken["share_long"]))
        assert {"hyperliquid", "deribit"} <= set(told["untold"])


@pytest.mark.parametrize("path", TYPED)
async def test_when_it_was_told(path: str) -> None:
    async with an_api() as service:
        service.freeze()
        told = await service.data(path, **(BTC if path in ("/spread", "/ls") else {}))
        assert told["timestamp"][:13] == AT[:13]


@pytest.mark.parametrize("path", TYPED)
async def test_a_coin_that_nobody_lists(path: str) -> None:
    async with an_api() as service:
        name = "symbol" if path in ("/spread", "/ls") else "base_symbol"
        told = await service.ask(path, **{name: "NOPE"})
        assert (told["success"], told["code"]) == (False, "not_listed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/liq", {"window": "2h"}),
        ("/liq", {"symbol": "BTC"}),
        ("/spread", {}),
        ("/spread", {"symbol": "BTC", "market_type": "futures"}),
        ("/funding", {"base_symbol": 5}),
        ("/funding_extremes", {"limit": "7"}),
        ("/ls", {}),
    ],
)
async def test_wrong_fields(path: str, body: dict[str, Any]) -> None:
    async with an_api() as service:
        answer = await service.client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
