"""The JSON API: the old service's paths and fields, refusals in their order, the OpenAPI file against real answers."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, NotRequired, TypedDict

import httpx
import pytest
from conftest import ROOT, House, a_house, some, updated
from openapi_schema_validator import OAS31Validator

import json_api
import market
import openapi
from answers import analysis, combined_price, cvd, oi, price_report, profile, top10, volscan, volume
from answers import contracts as contracts_answer
from answers.asked import OfMarket, Tools
from door import Door
from exchanges import table
from exchanges.table import EXCHANGES
from exchanges.words import Funding, OpenInterest, Snapshot
from render import fields as fields_module
from settings import VERSION

KEY = "open-sesame.1234"
NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC; the last candle of 15m closed at 14:00
AT = "2025-11-23T14:03:22Z"
CLOSED = "2025-11-23T14:00:00Z"
BTC = {"symbol": "BTC/USDT"}
ACCOUNTS = ("/balance", "/positions", "/pnl")
OF_A_SYMBOL = ("/price", "/combined_price", "/volume_spike", "/cvd", "/comprehensive_analysis", "/market_profile")
OVER_ALL = ("/multi_oi", "/liq", "/spread", "/funding", "/ls")  # of all exchanges at once

TICKER = "symbol price volume_24h change_24h market_type"
QUARTER = "volume_15m change_15m delta_24h delta_15m atr_24h atr_15m"
SUMS = "total_tokens total_usd"
DOCUMENTED: dict[str, Any] = {
    "/price": "symbol price volume_24h change_24h timestamp",
    "/combined_price": {
        "": "base_symbol timestamp spot_exchange perp_exchange",
        "spot": f"{TICKER} {QUARTER}",
        "perp": f"{TICKER} {QUARTER} open_interest funding_rate funding_rate_change oi_change_24h oi_change_15m",
    },
    "/top_symbols": {"": "market_type", "symbols": [f"{TICKER} market_cap"]},
    "/volume_spike": "symbol timeframe current_volume average_volume spike_percentage spike_level volume_usd"
    " is_significant timestamp",
    "/cvd": "symbol timeframe current_cvd cvd_change_24h cvd_trend divergence_detected price_trend timestamp",
    "/volume_scan": {
        "": "timeframe min_spike_threshold spikes_found",
        "spikes": ["symbol spike_percentage spike_level current_volume volume_usd is_significant"],
    },
    "/comprehensive_analysis": {
        "": "symbol timeframe timestamp price_data volume_analysis cvd_analysis market_sentiment oi_data",
        "technical_indicators": "rsi_14 vwap atr_14 volatility_24h bb_upper bb_middle bb_lower",
    },
    "/multi_oi": {
        "": "base_symbol timestamp total_markets",
        "aggregated_oi": f"{SUMS} total_volume_24h total_volume_24h_usd exchanges_count",
        "exchange_breakdown": [
            {
                "": "exchange oi_tokens oi_usd oi_percentage funding_rate volume_24h volume_24h_usd markets",
                "market_breakdown": ["type symbol oi_tokens oi_usd price funding_rate volume_24h volume_24h_usd"],
            }
        ],
        "market_categories": dict.fromkeys(
            ("usdt_stable", "usdc_stable", "usd_inverse"), f"{SUMS} percentage exchanges"
        ),
        "validation_summary": "successful_exchanges failed_exchanges total_markets validation_passed failed_details",
    },
    "/liq": {
        "": "base_symbol market_type timestamp window since longs_usd shorts_usd liquidated_usd is_partial streamed",
        "exchange_breakdown": ["exchange longs_usd shorts_usd liquidated_usd since is_estimate"],
        "largest": ["exchange side price amount_tokens amount_usd timestamp"],
    },
    "/spread": {
        "": "base_symbol market_type timestamp other_coins outdated unlisted missing",
        "widest_gap": "gap_bps buy_exchange buy_price sell_exchange sell_price is_one_currency",
        "exchange_quotes": ["exchange quote_currency bid ask price mid_price deviation_bps spread_bps timestamp"],
    },
    "/funding": {
        "": "base_symbol market_type timestamp funding_8h funding_year_percentage missing",
        "exchange_breakdown": [
            {
                "": "exchange funding_8h paid_7d paid_30d",
                "market_breakdown": ["symbol funding_rate funding_interval_hours funding_8h next_funding"],
            }
        ],
    },
    "/funding_extremes": {
        "": "exchange market_type timestamp total_markets",
        "highest": ["symbol funding_rate funding_interval_hours funding_8h next_funding"],
        "lowest": ["symbol funding_rate funding_interval_hours funding_8h next_funding"],
    },
    "/ls": {
        "": "symbol market_type timestamp untold missing",
        "shares": ["exchange whose share_long share_long_24h_ago long_short_ratio timestamp"],
    },
    "/balance": "BTC USDT",
    "/positions": ["symbol"],
    "/pnl": "total_unrealized_pnl average_percentage position_count",
    "/market_profile": {
        "": "symbol current_price",
        **dict.fromkeys(("today", "24h", "7d", "30d"), "volume_profile tpo vwap candles period"),
    },
}
"""The fields of the service that this API replaces, and of what it never had, by path; "" are those of the object."""


def lacks(told: Any, wanted: Any, where: str = "") -> list[str]:
    """The wanted fields that are not there."""
    if isinstance(wanted, list):
        return (
            [name for i, each in enumerate(told) for name in lacks(each, wanted[0], f"{where}[{i}]")]
            if told
            else [f"{where}[0]"]
        )
    own = wanted.split() if isinstance(wanted, str) else wanted.get("", "").split()
    missing = [f"{where}.{name}" for name in own if name not in told]
    if isinstance(wanted, dict):
        for name, each in wanted.items():
            missing += lacks(told.get(name) or {}, each, f"{where}.{name}") if name else []
    return missing


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine no exchange is overtaken by the next one."""


class Api(NamedTuple):
    """A client of a house's API. Whatever it answers is held against the OpenAPI file."""

    house: House
    client: httpx.AsyncClient

    async def ask(self, path: str, **fields: Any) -> dict[str, Any]:
        """The answer to a POST; its status is 200."""
        return checked(path, await self.client.post(path, json=fields))

    async def data(self, path: str, **fields: Any) -> Any:
        """The data of a success."""
        answer = await self.ask(path, **fields)
        assert answer["success"] is True, answer
        assert set(answer) == {"success", "data"} | ({"exchanges", "timestamp"} if path in ACCOUNTS else set())
        return answer["data"]

    async def error(self, path: str, **fields: Any) -> str:
        """The sentence of a failure."""
        answer = await self.ask(path, **fields)
        assert answer["success"] is False, answer
        assert set(answer) - {"suggestions"} == {"success", "error", "code"}
        assert answer["code"] in json_api.CODES
        assert answer["error"][-1] in ".?"
        return str(answer["error"])

    def frozen(self) -> Tools:
        self.freeze()
        return self.house.bot.tools

    def freeze(self) -> market.Market:
        """Stops all clocks at NOW; the market that the API asks."""
        self.house.stop_at(NOW)
        return self.house.bot.market


@asynccontextmanager
async def an_api(**variables: str) -> AsyncIterator[Api]:
    async with (
        a_house(**{"API_KEY": KEY, **variables}) as house,
        httpx.AsyncClient(
            base_url=house.url,
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
            verify=False,
            timeout=20,
        ) as client,
    ):
        yield Api(house, client)


OPENAPI = openapi.openapi(VERSION)


def schema(*where: str) -> OAS31Validator:
    """What stands in the OpenAPI file at a place; every object may hold the fields that stand there, and no others."""
    pointer = "/".join(each.replace("~", "~0").replace("/", "~1") for each in where)
    return OAS31Validator({**STRICT, "$ref": f"#/paths/{pointer}"})


def usual(path: str) -> dict[str, Any]:
    """The fields that have to be there; and few markets to scan."""
    if path == "/volume_scan":
        return {"symbols": 5, "min_spike": -100}
    return BTC if "symbol" in json_api.ROUTES[path].fields else {}


def closed(part: Any) -> Any:
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    held = {name: closed(each) for name, each in part.items()}
    return {**held, "additionalProperties": False} if isinstance(part.get("properties"), dict) else held


STRICT = closed(OPENAPI)
JSON = ("content", "application/json", "schema")
ANSWERS = {path: schema(path, "post", "responses", "200", *JSON) for path in OPENAPI["paths"]}
REQUESTS = {path: schema(path, "post", "requestBody", *JSON) for path in OPENAPI["paths"]}


def checked(path: str, response: httpx.Response) -> dict[str, Any]:
    """A real answer, which is as the OpenAPI file says."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    answer: dict[str, Any] = response.json()
    ANSWERS[path].validate(answer)
    return answer


# What it answers.


@pytest.mark.parametrize("path", json_api.ROUTES)
async def test_documented_fields(path: str) -> None:
    async with an_api() as service:
        answer = await service.ask(path, **usual(path))
        assert answer["success"] is True
        assert lacks(answer if path == "/multi_oi" else answer["data"], DOCUMENTED[path]) == []


def test_every_route_is_documented_above() -> None:
    assert set(DOCUMENTED) == set(json_api.ROUTES)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/combined_price", "base_symbol spot perp"),
        ("/volume_spike", "current_volume average_volume spike_percentage spike_level volume_usd"),
        ("/cvd", "current_cvd cvd_change_24h cvd_trend price_trend"),
        ("/comprehensive_analysis", "price_data volume_analysis cvd_analysis technical_indicators"),
    ],
)
async def test_requests_of_the_old_production_suite(path: str, names: str) -> None:
    async with an_api() as service:
        data = await service.data(path, symbol="BTC/USDT", timeframe="15m")
        assert [name for name in names.split() if data.get(name) is None] == []


async def test_price_is_the_reports() -> None:
    async with an_api() as service:
        spot = (await price_report.report_of(service.freeze(), "BTC-USDT")).spot
        assert spot is not None
        assert await service.data("/price", **BTC) == {
            "symbol": "BTC/USDT",
            "price": spot.last,
            "volume_24h": spot.base_volume,
            "change_24h": spot.change_pct,
            "market_type": "spot",
            "timestamp": AT,
            "exchange": "binance",
        }


async def test_price_without_a_spot_market() -> None:
    async with an_api() as service:
        report = await price_report.report_of(service.freeze().of_exchange("hyperliquid"), "BTC-USDT")
        assert report.perp is not None
        assert report.perp.ticker is not None
        data = await service.data("/price", **BTC, exchange="hyperliquid")
        assert (data["symbol"], data["market_type"]) == ("BTC/USDC:USDC", "perp")
        assert data["price"] == report.perp.ticker.last


@pytest.mark.parametrize("exchange", ["binance", "bybit"])
async def test_a_price_of_one_coin_stands_under_its_name(exchange: str) -> None:
    """Both list a contract on 1000 PEPE."""
    async with an_api() as service:
        service.freeze()
        of = {"symbol": "PEPE", "exchange": exchange}
        combined = await service.data("/combined_price", **of)
        assert [combined[kind]["symbol"] for kind in ("spot", "perp")] == ["PEPE/USDT", "PEPE/USDT:USDT"]
        assert combined["perp"]["price"] == pytest.approx(combined["spot"]["price"], rel=0.01)
        analysed = await service.data("/comprehensive_analysis", **of, timeframe="15m")
        assert analysed["price_data"]["perp"]["symbol"] == analysed["symbol"] == "PEPE/USDT:USDT"


async def test_combined_price_is_the_reports() -> None:
    async with an_api() as service:
        report = await price_report.report_of(service.freeze(), "BTC-USDT")
        data = await service.data("/combined_price", **BTC)
        assert report.spot is not None
        assert report.perp is not None
        ticker, interest, funding = report.perp
        assert ticker is not None
        assert interest is not None
        assert funding is not None
        assert (data["base_symbol"], data["timestamp"]) == ("BTC/USDT", AT)
        assert (data["spot_exchange"], data["perp_exchange"]) == ("binance", "binance")
        spot, perp = data["spot"], data["perp"]
        assert (spot["symbol"], perp["symbol"]) == ("BTC/USDT", "BTC/USDT:USDT")
        assert (spot["price"], spot["volume_24h"]) == (report.spot.last, report.spot.base_volume)
        assert (perp["price"], perp["volume_24h"]) == (ticker.last, ticker.base_volume)
        assert (perp["open_interest"], perp["funding_rate"]) == (interest.open_interest, funding.funding_rate)


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_combined_price_quarter_is_the_reports(kind: str) -> None:
    async with an_api() as service:
        market, binance = service.freeze(), EXCHANGES["binance"]
        found = await (market.spot_at if kind == "spot" else market.perp_at)(binance, "BTC-USDT")
        quarter = await combined_price.quarter_of(market, "BTC-USDT", kind, found.snapshot.ticker)
        side = (await service.data("/combined_price", **BTC))[kind]
        assert (side["volume_15m"], side["change_15m"]) == (quarter.volume, quarter.change_pct)
        assert (side["delta_15m"], side["delta_24h"]) == (quarter.delta, quarter.day_delta)
        assert side["atr_15m"] == quarter.atr
        assert side.get("oi_change_24h") == quarter.open_interest_change_pct
        assert None not in (quarter.volume, quarter.change_pct, quarter.delta, quarter.day_delta, quarter.atr)


async def test_paths_agree_with_each_other() -> None:
    async with an_api() as service:
        service.freeze()
        perp = (await service.data("/combined_price", **BTC))["perp"]
        spike, flow = await service.data("/volume_spike", **BTC), await service.data("/cvd", **BTC)
        whole = await service.data("/comprehensive_analysis", **BTC)
        assert perp["volume_15m"] == spike["current_volume"] == whole["volume_analysis"]["current_volume"]
        assert perp["delta_24h"] == flow["cvd_change_24h"] == whole["cvd_analysis"]["cvd_change_24h"]
        assert perp["oi_change_24h"] == whole["oi_data"]["oi_change_24h"] != whole["oi_data"]["oi_change_1h"]
        assert perp["price"] == whole["price_data"]["perp"]["price"]
        assert {name: spike[name] for name in spike} == {name: whole["volume_analysis"][name] for name in spike}
        assert flow == whole["cvd_analysis"]


async def test_volume_spike_is_the_reports() -> None:
    async with an_api() as service:
        report = await volume.ask(service.frozen(), OfMarket("BTC-USDT", "1h", ("perp",)))
        assert report.spike is not None
        assert await service.data("/volume_spike", symbol="btcusdt", timeframe="1h") == {
            "symbol": "BTC/USDT:USDT",
            "timeframe": "1h",
            "current_volume": report.coins,
            "average_volume": report.spike.baseline,
            "spike_percentage": report.spike.spike_pct,
            "spike_level": report.spike.level,
            "volume_usd": report.dollars,
            "is_significant": report.spike.is_significant,
            "timestamp": CLOSED,
            "exchange": "binance",
            "market_type": "perp",
        }


async def test_cvd_is_the_reports() -> None:
    async with an_api() as service:
        report = await cvd.ask(service.frozen(), OfMarket("ETH-USDT", "15m", ("perp",)))
        trends = {1: "BULLISH", 0: "NEUTRAL", -1: "BEARISH", None: None}
        assert await service.data("/cvd", symbol="ETH/USDT") == {
            "symbol": "ETH/USDT:USDT",
            "timeframe": "15m",
            "current_cvd": report.cvd,
            "cvd_change_24h": report.day_delta,
            "cvd_trend": trends[report.trend],
            "divergence_detected": None if report.divergence is None else report.divergence != "",
            "price_trend": trends[report.price_trend],
            "timestamp": CLOSED,
            "exchange": "binance",
            "market_type": "perp",
        }


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_top_symbols_is_the_reports(kind: str) -> None:
    async with an_api() as service:
        top = await top10.ask(service.frozen(), top10.Sorting(kind, "volume", 7))
        data = await service.data("/top_symbols", market_type=kind, limit=7)
        assert data["market_type"] == kind
        for row, (symbol, perp) in zip(data["symbols"], top.rows, strict=True):
            assert perp.ticker is not None
            assert row["symbol"].replace("/", "-").partition(":")[0] == symbol
            assert (row["price"], row["volume_24h"]) == (perp.ticker.last, perp.ticker.base_volume)
            assert row["market_cap"] == top.caps.get(symbol)
            assert ("funding_rate" in row, "open_interest" in row) == (kind == "perp", kind == "perp")
            assert kind == "spot" or (perp.funding and row["funding_rate"] == perp.funding.funding_rate)
        assert data["symbols"][0]["market_cap"] > 1e11


@pytest.mark.parametrize(("limit", "n"), [(None, 10), (1, 1), (0, 1), (-3, 1), (1_000_000, 50)])
async def test_top_symbols_limit(limit: int | None, n: int) -> None:
    async with an_api() as service:
        asked = {} if limit is None else {"limit": limit}
        assert len((await service.data("/top_symbols", **asked))["symbols"]) == n


async def test_volume_scan_is_the_reports() -> None:
    async with an_api() as service:
        found = await volscan.ask(service.frozen(), volscan.Scanning(10, "1h", 12))
        data = await service.data("/volume_scan", timeframe="1h", min_spike=10, symbols=12)
        assert (data["timeframe"], data["min_spike_threshold"]) == ("1h", 10)
        assert (data["markets_scanned"], data["markets_failed"]) == (found.n_scanned, 0)
        assert data["spikes_found"] == len(found.spikes) > 0
        for row, spike in zip(data["spikes"], found.spikes, strict=True):
            assert row["symbol"].startswith(spike.symbol.replace("-", "/"))
            assert (row["spike_percentage"], row["spike_level"]) == (spike.spike_pct, spike.level)
            assert (row["current_volume"], row["volume_usd"]) == (spike.volume, spike.dollars)
            assert row["is_significant"] == (spike.spike_pct >= 150)


async def test_volume_scan_without_any_candle_is_of_now() -> None:
    async with an_api() as service:
        service.freeze()
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        data = await service.data("/volume_scan", symbols=5)
        assert (data["markets_scanned"], data["timestamp"]) == (0, AT)


async def test_volume_scan_counts_failures() -> None:
    async with an_api() as service:
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        data = await service.data("/volume_scan", symbols=5, min_spike=-100)
        assert (data["markets_scanned"], data["markets_failed"], data["spikes"]) == (0, 5, [])


async def test_comprehensive_analysis_is_the_reports() -> None:
    async with an_api() as service:
        report = await analysis.ask(service.frozen(), OfMarket("BTC-USDT", "15m", ("perp",)))
        data = await service.data("/comprehensive_analysis", **BTC)
        assert (data["symbol"], data["timeframe"], data["timestamp"]) == ("BTC/USDT:USDT", "15m", AT)
        assert data["price_data"]["spot"] is None
        assert data["price_data"]["perp"]["price"] == report.ticker.last
        assert report.bands is not None
        assert report.spike is not None
        assert data["technical_indicators"] == {
            "rsi_14": report.rsi,
            "vwap": report.vwap,
            "atr_14": report.atr,
            "volatility_24h": report.volatility,
            "bb_upper": report.bands.upper,
            "bb_middle": report.bands.middle,
            "bb_lower": report.bands.lower,
        }
        assert data["volume_analysis"]["relative_volume"] == report.spike.volume / report.spike.baseline
        points = data["market_sentiment"]["components"]
        assert data["market_sentiment"]["score"] == sum(points.values())
        assert points == {each.name: each.points for each in report.score}
        assert all(0 < share < 1 for share in data["market_sentiment"]["long_share"].values())


async def test_comprehensive_analysis_open_interest() -> None:
    async with an_api() as service:
        report = await analysis.ask(service.frozen(), OfMarket("BTC-USDT", "15m", ("perp",)))
        interest, before = report.perp.open_interest, report.open_interest_before
        assert interest is not None
        assert interest.open_interest is not None
        assert report.perp.funding is not None
        assert (await service.data("/comprehensive_analysis", **BTC))["oi_data"] == {
            "open_interest": interest.open_interest,
            "open_interest_usd": interest.open_interest_quote,
            "oi_change_1h": pytest.approx((interest.open_interest - before[1]) / before[1] * 100),
            "oi_change_24h": pytest.approx((interest.open_interest - before[24]) / before[24] * 100),
            "funding_rate": report.perp.funding.funding_rate,
        }


async def test_comprehensive_analysis_of_spot() -> None:
    async with an_api() as service:
        data = await service.data("/comprehensive_analysis", **BTC, exchange="coinbase")
        assert data["price_data"]["perp"] is None
        assert data["price_data"]["spot"]["symbol"] == data["symbol"] == "BTC/USD"
        assert set(data["oi_data"].values()) == {None}
        points = data["market_sentiment"]["components"]
        assert points["CVD"] is None
        assert data["market_sentiment"]["score"] == sum(each for each in points.values() if each is not None)
        assert data["cvd_analysis"]["cvd_trend"] is data["cvd_analysis"]["divergence_detected"] is None


async def test_comprehensive_analysis_by_get() -> None:
    async with an_api() as service:
        service.freeze()
        posted = await service.ask("/comprehensive_analysis", symbol="ETH", timeframe="1h", exchange="okx")
        got = await service.client.get("/comprehensive_analysis?symbol=ETH&timeframe=1h&exchange=OKX")
        assert checked("/comprehensive_analysis", got) == posted
        assert (await service.client.get("/comprehensive_analysis")).json() == {
            "error": "symbol is missing",
            "code": "bad_request",
        }
        wrong = await service.client.get("/comprehensive_analysis?symbol=ETH&timeframe=9m")
        assert wrong.status_code == 400
        failed = checked("/comprehensive_analysis", await service.client.get("/comprehensive_analysis?symbol="))
        assert failed["success"] is False


async def test_multi_oi_is_flat_and_the_reports() -> None:
    async with an_api() as service:
        report = await oi.ask(service.frozen(), "BTC")
        told = await service.ask("/multi_oi", base_symbol="btc")
        assert "data" not in told
        assert (told["success"], told["base_symbol"], told["timestamp"]) == (True, "BTC", AT)
        assert told["total_markets"] == told["validation_summary"]["total_markets"] == len(report.contracts)
        assert told["aggregated_oi"] == {
            "total_tokens": report.coins,
            "total_usd": report.dollars,
            "total_volume_24h": sum(each.ticker.base_volume or 0 for each in report.contracts),
            "total_volume_24h_usd": sum(each.ticker.quote_volume or 0 for each in report.contracts),
            "exchanges_count": 8,
        }
        assert (await service.ask("/multi_oi"))["base_symbol"] == "BTC"


async def test_multi_oi_parts_make_the_whole() -> None:
    async with an_api() as service:
        report = await oi.ask(service.frozen(), "BTC")
        told = await service.ask("/multi_oi")
        for exchange in told["exchange_breakdown"]:
            contracts = [each for each in report.contracts if each.exchange == exchange["exchange"]]
            assert exchange["markets"] == len(exchange["market_breakdown"]) == len(contracts)
            for contract, row in zip(contracts, exchange["market_breakdown"], strict=True):
                assert row["type"] == contract.margin.replace("COIN", "USD")
                assert (row["oi_tokens"], row["oi_usd"]) == (contract.coins, contract.dollars)
                assert (row["price"], row["volume_24h"]) == (contract.ticker.last, contract.ticker.base_volume)
                assert row["volume_24h_usd"] == contract.ticker.quote_volume
                assert contract.perp.funding is not None
                assert row["funding_rate"] == contract.perp.funding.funding_rate
            for name in ("oi_tokens", "oi_usd", "volume_24h", "volume_24h_usd"):
                assert exchange[name] == pytest.approx(sum(row[name] for row in exchange["market_breakdown"]))
        parts = told["exchange_breakdown"]
        assert sum(each["oi_percentage"] for each in parts) == pytest.approx(100)
        kinds = told["market_categories"]
        assert sum(each["percentage"] for each in kinds.values()) == pytest.approx(100)
        assert sum(each["total_usd"] for each in kinds.values()) == pytest.approx(report.dollars)
        assert sum(each["total_tokens"] for each in kinds.values()) == pytest.approx(report.coins)


async def test_multi_oi_categories_by_margin() -> None:
    async with an_api() as service:
        report = await oi.ask(service.frozen(), "BTC")
        kinds = (await service.ask("/multi_oi"))["market_categories"]
        names = {"usdt_stable": "USDT", "usdc_stable": "USDC", "usd_stable": "USD", "usd_inverse": "COIN"}
        for name, margin in names.items():
            of = [each for each in report.contracts if each.margin == margin]
            assert kinds[name]["total_usd"] == pytest.approx(sum(each.dollars or 0 for each in of))
            assert kinds[name]["exchanges"] == len({each.exchange for each in of})


def a_contract(rate: float | None, hours: float | None, dollars: float | None) -> contracts_answer.Contract:
    funding = None if rate is None else Funding(rate, hours, None, None)
    return contracts_answer.Contract("okx", "USDT", Snapshot(None, OpenInterest(1.0, dollars), funding), {}, {})


@pytest.mark.parametrize(
    ("contracts", "mean"),
    [
        ([(0.01, 8, 300), (0.05, 8, 100)], 0.02),
        ([(0.01, 8, 300), (0.05, 1, 100)], (0.01 * 300 + 0.4 * 100) / 400),
        ([(0.01, 8, 300), (None, None, 100), (0.5, 8, None), (0.5, None, 9), (0.5, 8, 0)], 0.01),
        ([(None, None, 100)], None),
        ([], None),
    ],
)
def test_multi_oi_funding_is_a_mean_by_open_interest(contracts: list[Any], mean: float | None) -> None:
    assert oi.mean_funding([a_contract(*each) for each in contracts]) == (mean and pytest.approx(mean))


async def test_multi_oi_funding_is_of_eight_hours() -> None:
    """Hyperliquid's rate is of one hour."""
    async with an_api() as service:
        service.freeze()
        told = await service.ask("/multi_oi")
        hyperliquid = next(each for each in told["exchange_breakdown"] if each["exchange"] == "hyperliquid")
        (row,) = hyperliquid["market_breakdown"]
        assert hyperliquid["funding_rate"] == pytest.approx(row["funding_rate"] * 8)


async def test_multi_oi_names_who_failed() -> None:
    async with an_api() as service:
        for exchange in ("bybit", "okx", "gate", "bitget"):
            await service.house.world.set_fault(exchange, "500")
        told = (await service.ask("/multi_oi"))["validation_summary"]
        assert (told["successful_exchanges"], told["failed_exchanges"], told["validation_passed"]) == (4, 4, True)
        assert [each.partition(":")[0] for each in told["failed_details"]] == ["bybit", "okx", "gate", "bitget"]
        await service.house.world.set_fault("kraken", "500")
        await service.house.later()
        assert (await service.ask("/multi_oi"))["validation_summary"]["validation_passed"] is False


async def test_market_profile_is_the_reports() -> None:
    async with an_api() as service:
        service.freeze()
        data = await service.data("/market_profile")
        assert (data["symbol"], data["market_type"]) == ("BTC/USDT:USDT", "perp")
        for window in ("today", "24h", "7d", "30d"):
            report = await profile.ask(service.house.bot.tools, OfMarket("BTC-USDT", window, ("perp",)))
            assert report.volume is not None
            assert report.time is not None
            assert data["current_price"] == report.last
            told = data[window]
            assert told["candles"] == report.n_candles
            assert told["vwap"] == pytest.approx(report.vwap, abs=report.tick / 2)
            for levels, of in ((told["volume_profile"], report.volume), (told["tpo"], report.time)):
                for name in ("poc", "vah", "val"):
                    assert levels[name] == pytest.approx(getattr(of, name), abs=report.tick * 0.51)
                    assert round(levels[name] / report.tick) * report.tick == pytest.approx(levels[name])
        assert data["today"]["period"] == "5m candles since 2025-11-23T00:00:00Z"
        assert data["30d"]["period"].startswith("1h candles since 2025-10-24T")


async def test_exchange_is_the_one_that_is_asked() -> None:
    async with an_api() as service:
        for exchange in ("bybit", "OKX"):
            data = await service.data("/combined_price", **BTC, exchange=exchange)
            assert data["spot_exchange"] == data["perp_exchange"] == exchange.lower()
        assert service.house.world.sites["BINANCE_SPOT"].n_requests == 0
        assert (await service.data("/combined_price", **BTC))["spot_exchange"] == "binance"


# Accounts.


async def test_balance_is_the_accounts() -> None:
    async with an_api() as service:
        parts = await service.house.bot.accounts().balance()
        data = await service.data("/balance")
        held = [each for part in parts for each in part.found or []]
        assert data["USDT"] == sum(each.free + each.in_use for each in held if each.asset == "USDT")
        assert set(data) == {each.asset for each in held}


async def test_balance_of_one_exchange() -> None:
    async with an_api() as service:
        parts = {part.exchange: part.found or [] for part in await service.house.bot.accounts().balance()}
        for name in ("binance", "bybit", "okx"):
            data = await service.data("/balance", exchange=name)
            assert data == {each.asset: each.free + each.in_use for each in parts[name]}


async def test_positions_are_the_accounts() -> None:
    async with an_api() as service:
        service.house.stop_at(time.time())
        parts = await service.house.bot.accounts().positions()
        data = await service.data("/positions")
        valued = [(part.exchange, each) for part in parts for each in part.found or []]
        for row, (exchange, each) in zip(data, valued, strict=True):
            position = each.position
            assert (row["exchange"], row["symbol"], row["side"]) == (exchange, position.symbol, position.side)
            assert (row["size"], row["notional"]) == (position.size, position.notional)
            assert (row["entry_price"], row["mark_price"]) == (position.entry, position.mark)
            assert (row["unrealized_pnl"], row["percentage"]) == (each.pnl_usd, position.pnl_pct)


async def test_pnl_is_the_positions() -> None:
    async with an_api() as service:
        service.house.stop_at(time.time())
        for exchange in ("binance", "bybit", "okx"):
            positions = await service.data("/positions", exchange=exchange)
            data = await service.data("/pnl", exchange=exchange)
            assert data["position_count"] == len(positions)
            assert data["total_unrealized_pnl"] == pytest.approx(sum(each["unrealized_pnl"] for each in positions))
        margins = [each["unrealized_pnl"] / each["percentage"] * 100 for each in positions]  # OKX: two, in USDT
        average = sum(each["unrealized_pnl"] for each in positions) / sum(margins) * 100
        assert data["average_percentage"] == pytest.approx(average, rel=1e-3)
        assert (await service.data("/pnl", exchange="binance"))["average_percentage"] is None  # one settles in ETH


@pytest.mark.parametrize("path", ACCOUNTS)
async def test_accounts_without_keys(path: str) -> None:
    async with an_api(OKX_API_KEY="", OKX_SECRET_KEY="", OKX_PASSPHRASE="") as service:
        assert "OKX_PASSPHRASE" in await service.error(path, exchange="okx")


@pytest.mark.parametrize("path", ACCOUNTS)
async def test_accounts_all_exchanges_down(path: str) -> None:
    async with an_api() as service:
        for exchange in ("binance", "bybit", "okx"):
            await service.house.world.set_fault(exchange, "refuse")
        assert "could not be reached" in await service.error(path)


# What is missing.


@pytest.mark.parametrize(
    ("site", "prefix", "path", "where"),
    [
        ("BINANCE_SPOT", "/api/v3/klines", "/combined_price", "spot.volume_15m"),
        ("BINANCE_SPOT", "/api/v3/klines", "/combined_price", "spot.atr_15m"),
        ("BINANCE_USDM", "/fapi/v1/klines", "/combined_price", "perp.delta_24h"),
        ("BINANCE_USDM", "/fapi/v1/klines", "/combined_price", "perp.oi_change_24h"),
        ("BINANCE_USDM", "/fapi/v1/openInterest", "/combined_price", "perp.open_interest"),
        ("BINANCE_USDM", "/fapi/v1/openInterest", "/combined_price", "perp.oi_change_24h"),
        ("BINANCE_USDM", "/fapi/v1/premiumIndex", "/combined_price", "perp.funding_rate"),
        ("BINANCE_USDM", "/futures/data", "/combined_price", "perp.oi_change_24h"),
        ("BINANCE_USDM", "/fapi/v1/openInterest", "/comprehensive_analysis", "oi_data.open_interest_usd"),
        ("BINANCE_USDM", "/fapi/v1/openInterest", "/comprehensive_analysis", "oi_data.oi_change_1h"),
        ("BINANCE_USDM", "/fapi/v1/premiumIndex", "/comprehensive_analysis", "oi_data.funding_rate"),
        ("BINANCE_USDM", "/futures/data", "/comprehensive_analysis", "oi_data.oi_change_24h"),
        ("COINGECKO", "/", "/top_symbols", "symbols.0.market_cap"),
    ],
)
async def test_a_source_is_taken_away(site: str, prefix: str, path: str, where: str) -> None:
    async with an_api() as service:
        asked = BTC if path != "/top_symbols" else {}
        service.house.world.set_path_fault(site, prefix, "500")
        told: Any = await service.data(path, **asked)
        for step in where.split("."):
            told = told[int(step)] if step.isdecimal() else told[step]
        assert told is None


async def test_long_share_without_its_source() -> None:
    async with an_api() as service:
        service.house.world.set_path_fault("BINANCE_USDM", "/futures/data", "500")
        sentiment = (await service.data("/comprehensive_analysis", **BTC))["market_sentiment"]
        assert sentiment["long_share"] == {}


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_combined_price_of_one_side(kind: str) -> None:
    async with an_api(EXCHANGES="binance") as service:
        await service.house.world.set_fault("BINANCE_USDM" if kind == "spot" else "BINANCE_SPOT", "refuse")
        data = await service.data("/combined_price", **BTC)
        other = "perp" if kind == "spot" else "spot"
        assert (data[other], data[f"{other}_exchange"], data[f"{kind}_exchange"]) == (None, None, "binance")
        assert data[kind]["price"] > 0


async def test_multi_oi_without_figures() -> None:
    async with an_api() as service:
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/openInterest", "500")
        service.house.world.set_path_fault("BINANCE_COINM", "/dapi/v1/openInterest", "500")
        told = await service.ask("/multi_oi")
        binance = next(each for each in told["exchange_breakdown"] if each["exchange"] == "binance")
        assert [binance[name] for name in ("oi_tokens", "oi_usd", "oi_percentage", "funding_rate")] == [None] * 4
        assert binance["market_breakdown"][0]["oi_usd"] is None
        assert binance["volume_24h"] > 0


async def test_multi_oi_counts_each_exchange_once() -> None:
    async with an_api() as service:
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/openInterest", "500")
        service.house.world.set_path_fault("BINANCE_COINM", "/dapi/v1/openInterest", "500")
        told = (await service.ask("/multi_oi"))["validation_summary"]
        assert (told["successful_exchanges"], told["failed_exchanges"]) == (7, 1)


async def test_combined_price_while_candles_hang() -> None:
    """A request to an exchange ends after 4 s (here 0.4), an answer after 8 (here 0.7)."""
    async with an_api() as service:
        service.house.world.set_path_fault("BINANCE_SPOT", "/api/v3/klines", "hang")
        service.house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "hang")
        data = await service.data("/combined_price", **BTC)
        assert data["spot"]["price"] > 0
        assert data["spot"]["volume_15m"] is data["perp"]["volume_15m"] is None


@pytest.mark.parametrize("fault", some([("nulls",), ("types",), ("empty",), ("cut",), ("garbage",)], 2))
async def test_spoiled_answers_keep_to_the_schema(fault: str) -> None:
    """Whatever Binance's perpetuals say, all paths answer in their shape; another exchange may stand in."""
    async with an_api(EXCHANGES="binance,bybit") as service:
        await service.house.world.set_fault("BINANCE_USDM", fault)
        for path in json_api.ROUTES:
            await service.ask(path, **usual(path))
            await service.house.later()


# Failures of the market.


@pytest.mark.parametrize("path", OF_A_SYMBOL)
async def test_unknown_symbol(path: str) -> None:
    async with an_api() as service:
        said = await service.error(path, symbol="NOPE")
        assert said == f"Not listed on any of {len(table.EXCHANGES)} exchanges: NOPE. Check the spelling?"


async def test_unknown_symbol_of_open_interest() -> None:
    async with an_api() as service:
        said = await service.error("/multi_oi", base_symbol="NOPE")
        assert said.startswith("No perpetual on any of 8 exchanges: NOPE.")


@pytest.mark.parametrize("junk", ["", "...", "<b>", "BTC&ETH", "BT-CUSDT", "x" * 5000, "USDT"])
async def test_junk_symbol(junk: str) -> None:
    async with an_api() as service:
        said = await service.error("/price", symbol=junk)
        assert "Try " in said
        assert "&" not in said.replace("BTC&ETH", "")  # no entities: this is no HTML
        assert len(said) < 120


@pytest.mark.parametrize("path", [path for path in json_api.ROUTES if path not in ACCOUNTS])
async def test_all_exchanges_down(path: str) -> None:
    async with an_api() as service:
        for exchange in table.EXCHANGES:
            await service.house.world.set_fault(exchange, "refuse")
        said = await service.error(path, **usual(path))
        assert said.startswith("No answer about ")
        assert "could not be reached" in said


async def test_what_an_exchange_does_not_have() -> None:
    async with an_api() as service:
        assert "Coinbase has no perpetuals" in await service.error("/volume_scan", exchange="coinbase")
        assert "no spot markets" in await service.error("/top_symbols", exchange="deribit")
        assert "tells no taker volume" in await service.error("/cvd", **BTC, exchange="bybit")


async def test_answer_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(tools: Tools, asked: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(json_api.ROUTES, "/price", json_api.ROUTES["/price"]._replace(ask=never))
    async with an_api() as service:
        assert await service.error("/price", **BTC) == "This takes too long just now."


# Requests that cannot be meant.

REFUSED: list[tuple[str, Any, str]] = [
    ("/price", [], "JSON object"),
    ("/price", "BTC", "JSON object"),
    ("/price", {}, "symbol is missing"),
    ("/price", {"symbol": None}, "symbol is missing"),
    ("/price", {"symbol": 7}, "symbol should be a string"),
    ("/price", {"symbol": ["BTC"]}, "symbol should be a string"),
    ("/price", {"symbol": "BTC", "exchange": "mtgox"}, "exchange should be one of binance, bybit"),
    ("/price", {"symbol": "BTC", "exchange": ""}, "exchange should be one of"),
    ("/price", {"symbol": "BTC", "exchange": 1}, "exchange should be a string"),
    ("/combined_price", {}, "symbol is missing"),
    ("/volume_spike", {"timeframe": "15m"}, "symbol is missing"),
    ("/volume_spike", {"symbol": "BTC", "timeframe": "7m"}, "timeframe should be one of 1m"),
    ("/cvd", {"symbol": "BTC", "timeframe": "15 minutes"}, "timeframe should be one of 1m"),
    ("/cvd", {"symbol": "BTC", "timeframe": 15}, "timeframe should be a string"),
    ("/comprehensive_analysis", {"timeframe": "15m"}, "symbol is missing"),
    ("/volume_scan", {"timeframe": "1w"}, "timeframe should be one of"),
    ("/volume_scan", {"min_spike": "200"}, "min_spike should be a number"),
    ("/volume_scan", {"min_spike": True}, "min_spike should be a number"),
    ("/volume_scan", {"symbols": 1.5}, "symbols should be a"),
    ("/top_symbols", {"limit": "10"}, "limit should be a"),
    ("/top_symbols", {"limit": False}, "limit should be a"),
    ("/top_symbols", {"market_type": "futures"}, "market_type should be one of spot, perp"),
    ("/multi_oi", {"base_symbol": 1}, "base_symbol should be a string"),
    ("/balance", {"exchange": "kraken"}, "exchange should be one of binance, bybit, okx"),
    ("/positions", {"exchange": "kraken"}, "exchange should be one of binance, bybit, okx"),
    ("/pnl", {"exchange": "kraken"}, "exchange should be one of binance, bybit, okx"),
]


@pytest.mark.parametrize(("path", "body", "words"), REFUSED)
async def test_refused_requests(path: str, body: Any, words: str) -> None:
    async with an_api() as service:
        response = await service.client.post(path, json=body)
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/json"
        assert (set(response.json()), response.json()["code"]) == ({"error", "code"}, "bad_request")
        assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"junk", 400),
        (b'{"symbol": "BTC"', 400),
        (b'{"symbol": "\\ud800"}', 400),
        (b'{"symbol": "\xff"}', 400),
        (b"[" * 5000, 400),
        (b"", 400),
        (b'{"symbol": "BTC", "extra": 1e999}', 400),
        (b" " * (2 * 1024 * 1024), 413),
    ],
)
async def test_refused_bodies(body: bytes, status: int) -> None:
    async with an_api() as service:
        response = await service.client.post("/price", content=body)
        assert (response.status_code, set(response.json())) == (status, {"error", "code"})


@pytest.mark.parametrize(
    ("path", "key", "status", "code"),
    [
        ("/chart.png", KEY, 400, "bad_request"),
        ("/chart.png?symbol=...", KEY, 400, "bad_request"),
        ("/chart.png?symbol=BTC", "", 401, "unauthorized"),
        ("/chart.png?symbol=NOPENOPE", KEY, 404, "not_found"),
        ("/openapi.json", "", 401, "unauthorized"),
    ],
)
async def test_refusals_of_what_is_only_fetched(path: str, key: str, status: int, code: str) -> None:
    async with an_api() as service:
        response = await service.client.get(path, headers={"authorization": f"Bearer {key}".strip()})
        assert (response.status_code, response.json()["code"]) == (status, code)
        OAS31Validator(openapi.REFUSAL).validate(response.json())


async def test_body_that_comes_too_slowly() -> None:
    async with an_api() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.house.port)
        key = f"Authorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n".encode()
        writer.write(b"POST /price HTTP/1.1\r\nHost: x\r\n" + key)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer
        writer.close()


def test_every_code_is_in_the_docs() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| (\d+) \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    told = {code: int(status) for codes, status in rows for code in re.findall(r"\w+", codes)}
    assert told == json_api.CODES


async def test_empty_body_means_defaults() -> None:
    async with an_api() as service:
        assert checked("/multi_oi", await service.client.post("/multi_oi"))["base_symbol"] == "BTC"
        assert len(checked("/top_symbols", await service.client.post("/top_symbols"))["data"]["symbols"]) == 10


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/multi_oi", {"symbol": "ETH"}, "symbol is not known; known are base_symbol"),
        ("/market_profile", {"base_symbol": "ETH"}, "base_symbol is not known; known are symbol, exchange"),
        ("/volume_spike", {"symbol": "ETH", "interval": "4h"}, "interval is not known; known are symbol, timeframe"),
        ("/price", {"symbol": "BTC", "Symbol": "ETH"}, "Symbol is not known"),
        ("/price", {"symbol": "BTC", "": 1}, " is not known"),
    ],
)
async def test_unknown_fields_are_refused(path: str, body: dict[str, Any], words: str) -> None:
    async with an_api() as service:
        response = await service.client.post(path, json=body)
        assert (response.status_code, response.json()["code"]) == (400, "bad_request")
        assert words in response.json()["error"]
        assert not REQUESTS[path].is_valid(body)


async def test_suggestions_are_a_list() -> None:
    async with an_api() as service:
        told = await service.ask("/price", symbol="BTCC")
        assert (told["code"], told["suggestions"][0]) == ("not_listed", "BTC")
        assert (await service.ask("/price", symbol="..."))["code"] == "bad_symbol"
        assert (await service.ask("/volume_scan", exchange="coinbase"))["code"] == "no_answer"


@pytest.mark.parametrize("path", [path for path in json_api.ROUTES if path not in (*ACCOUNTS, *OVER_ALL)])
async def test_who_told_of_which_market_and_when(path: str) -> None:
    async with an_api(EXCHANGES="okx") as service:
        service.freeze()
        data = await service.data(path, **usual(path))
        exchanges = {data.get(name) for name in ("exchange", "spot_exchange", "perp_exchange")} - {None}
        assert exchanges == {"okx"}
        assert data["timestamp"].startswith("2025-11-23T1")
        assert path == "/combined_price" or data["market_type"] in ("spot", "perp")


async def test_accounts_say_who_told_and_when() -> None:
    async with an_api() as service:
        service.freeze()
        told = await service.ask("/balance")
        assert (told["exchanges"], told["timestamp"]) == (["binance", "bybit", "okx"], AT)


def test_every_field_is_described_with_an_example() -> None:
    """All that is no object of its own; and what the examples look like is what the schema says."""
    for path, item in OPENAPI["paths"].items():
        for operation in item.values():
            if path == "/chart.png":
                continue
            content = operation["responses"]["200"]["content"]["application/json"]
            for example in content["examples"].values():
                ANSWERS[path].validate(example["value"])
            assert undescribed(content["schema"]["oneOf"][0]) == []
            body = operation.get("requestBody", {"content": {"application/json": {"example": None}}})
            if (example := body["content"]["application/json"]["example"]) is not None:
                REQUESTS[path].validate(example)


def undescribed(schema: dict[str, Any]) -> list[str]:
    """The names of plain values that nobody says anything about."""
    found = []
    for name, each in schema.get("properties", {}).items():
        is_plain = "properties" not in each and "properties" not in each.get("items", {})
        if is_plain and "description" not in each and name not in ("success", "data"):
            found.append(name)
        found += undescribed(each) + undescribed(each.get("items", {}))
    return found


async def test_no_other_origin_is_let_in() -> None:
    async with an_api() as service:
        response = await service.client.post("/price", json=BTC, headers={"origin": "https://elsewhere.example"})
        assert not [name for name in response.headers if name.startswith("access-control")]
        asked = await service.client.options("/price", headers={"origin": "https://elsewhere.example"})
        assert (asked.status_code, "access-control-allow-origin" in asked.headers) == (405, False)


async def test_wrong_methods() -> None:
    async with an_api() as service:
        got = await service.client.get("/price")
        assert (got.status_code, got.headers["allow"]) == (405, "POST")
        assert got.json() == {"error": "/price takes POST", "code": "method_not_allowed", "allowed": ["POST"]}
        put = await service.client.put("/comprehensive_analysis")
        assert (put.status_code, put.headers["allow"]) == (405, "GET, POST, HEAD")


async def test_query_of_many_fields() -> None:
    async with an_api() as service:
        query = "&".join(f"a{i}=1" for i in range(20))
        assert (await service.client.get(f"/comprehensive_analysis?{query}")).status_code == 400


@pytest.mark.parametrize("query", ["symbol=BTC&symbol=ETH", "symbol=BTC&symbol=BTC", "symbol=BTC&%73ymbol=ETH"])
async def test_field_of_a_query_that_is_there_twice(query: str) -> None:
    async with an_api() as service:
        for path in ("/comprehensive_analysis", "/chart.png"):
            got = await service.client.get(f"{path}?{query}")
            assert (got.status_code, got.json()["error"]) == (400, "symbol is there twice")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"symbol":"BTC","symbol":"ETH"}', "symbol is there twice"),
        (b'{"symbol":"a:b:c"}', ""),
        (b'{"symbol":{"x":1,"x":2}}', "x is there twice"),
    ],
)
async def test_field_of_a_body_that_is_there_twice(body: bytes, error: str) -> None:
    """One of the two would be taken, without a word."""
    async with an_api() as service:
        got = await service.client.post("/price", content=body)
        assert got.status_code == (400 if error else 200)
        assert not error or got.json()["error"] == error


async def test_body_that_is_nested_deep() -> None:
    """Too deep for Python 3.11's reader; to later ones it is a symbol that is none."""
    error = "the body is not JSON" if sys.version_info < (3, 12) else "symbol should be a string"
    async with an_api() as service:
        got = await service.client.post("/price", content=b'{"symbol":' + b'{"a":' * 1000 + b"1" + b"}" * 1001)
        assert got.status_code == 400
        assert got.json()["error"] == error


async def test_chart_that_is_known_already() -> None:
    async with an_api() as service:
        asked = "/chart.png?symbol=BTC"
        etag = (await service.client.get(asked)).headers["etag"]
        for known in ("*", etag, f'"x", {etag}', f"W/{etag}"):
            assert (await service.client.get(asked, headers={"if-none-match": known})).status_code == 304


# Who may ask.

HIDDEN = [("POST", path) for path in json_api.ROUTES] + [("GET", "/comprehensive_analysis"), ("GET", "/openapi.json")]


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY}x", "Bearer \u00e9"]
)
async def test_wrong_key(given: str) -> None:
    async with an_api() as service:
        headers = {b"authorization": given.encode("latin-1")}
        for method, path in HIDDEN:
            response = await service.client.request(method, path, headers=headers)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
            assert response.json()["error"] == "the key is missing or wrong"


async def test_missing_key() -> None:
    async with an_api() as service:
        del service.client.headers["authorization"]
        for method, path in HIDDEN:
            assert (await service.client.request(method, path)).status_code == 401


@pytest.mark.parametrize("given", [f"bearer {KEY}", f"BEARER  {KEY}"])
async def test_spellings_of_the_right_key(given: str) -> None:
    async with an_api() as service:
        response = await service.client.post("/price", json=BTC, headers={"authorization": given})
        assert response.status_code == 200


async def test_wrong_key_is_refused_before_the_body_is_read() -> None:
    async with an_api() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.house.port)
        writer.write(b"POST /price HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\nContent-Length: 1000000\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_no_key_no_api() -> None:
    async with an_api(API_KEY="") as service:
        for method, path in [*HIDDEN, ("GET", "/price"), ("PUT", "/openapi.json")]:
            for given in (f"Bearer {KEY}", "Bearer", "Bearer "):
                response = await service.client.request(method, path, headers={"authorization": given.strip()})
                assert (response.status_code, response.json()) == (404, {"error": "there is nothing here"})


async def test_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    honest = hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return honest(one, other)

    async with an_api() as service:
        monkeypatch.setattr(hmac, "compare_digest", compare)
        response = await service.client.post("/price", json=BTC, headers={"authorization": "Bearer guess"})
        assert response.status_code == 401
        assert compared == [(b"guess", KEY.encode())]


async def test_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="webhook_server")
    async with an_api() as service:
        wrong = await service.client.post("/price", headers={"authorization": f"Bearer {KEY}x"})
        assert KEY not in wrong.text + caplog.text
        assert KEY not in repr(service.house.settings)


async def test_demo_needs_no_key() -> None:
    async with an_api(API_KEY="") as service:
        house = service.house
        house.door = Door(house.bot, house.settings._replace(is_demo=True))
        del service.client.headers["authorization"]
        assert (await service.data("/price", **BTC))["price"] > 0
        assert (await service.client.get("/openapi.json")).status_code == 200


# Too much at once.


@asynccontextmanager
async def a_busy_api(monkeypatch: pytest.MonkeyPatch, n_more: int = 0) -> AsyncIterator[tuple[Api, asyncio.Event]]:
    """An API that takes 1 + n_more questions at once, and has one in work until the event is set."""
    began, release = asyncio.Event(), asyncio.Event()

    async def wait(tools: Tools, asked: Any) -> dict[str, Any]:
        began.set()
        await release.wait()
        return {}

    monkeypatch.setitem(json_api.ROUTES, "/wait", json_api.Route("Waits", {}, dict, wait, dict, dict[str, str]))
    async with an_api(MAX_CONNECTIONS=str(1 + n_more)) as service:
        waiting = asyncio.ensure_future(service.client.post("/wait", json={}))
        await began.wait()
        yield service, release
        release.set()
        assert (await waiting).json() == {"success": True, "data": {}}


async def test_too_many_questions_in_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_busy_api(monkeypatch) as (service, release):
        busy = await service.client.post("/price", json=BTC)
        assert (busy.status_code, busy.headers["retry-after"], busy.json()["code"]) == (503, "1", "busy")
        release.set()
        await asyncio.sleep(0.01)
        assert (await service.data("/price", **BTC))["price"] > 0


async def test_questions_leave_room_as_updates_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_busy_api(monkeypatch) as (service, _):
        headers = {"x-telegram-bot-api-secret-token": service.house.settings.webhook_secret}
        assert (await service.client.post("/webhook", json=updated("/help"), headers=headers)).status_code == 503


async def test_one_more_question_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_busy_api(monkeypatch, n_more=1) as (service, _):
        assert (await service.data("/price", **BTC))["price"] > 0


async def test_refused_questions_leave_nothing_in_work() -> None:
    async with an_api(MAX_CONNECTIONS="1") as service:
        for _ in range(3):
            assert (await service.client.post("/price", json={})).status_code == 400
            await service.error("/price", symbol="...")
        assert (await service.client.get("/health")).json()["updates_in_work"] == 0


# OpenAPI.


def test_openapi_is_valid() -> None:
    from openapi_spec_validator import validate  # takes long to import

    validate(OPENAPI)


async def test_openapi_is_served() -> None:
    async with an_api() as service:
        response = await service.client.get("/openapi.json")
        assert response.json() == OPENAPI
        assert response.json()["info"]["version"] == VERSION


async def test_openapi_has_what_is_served() -> None:
    """Every path and method of the file is there, and no other path of the API."""
    async with an_api() as service:
        await service.client.get("/openapi.json")  # what is there besides is imported when it is first asked
        routes = service.house.door.routes
        served = {(path, method.lower()) for path, methods in routes.items() for method in methods}
        others = {("/", "get"), ("/health", "get"), ("/metrics", "get"), ("/webhook", "post"), ("/openapi.json", "get")}
        others.add(("/tick", "post"))
        described = {(path, method) for path, item in OPENAPI["paths"].items() for method in item}
        assert described == served - others
        for path, method in described:
            assert (await service.client.request(method, path, content=b"[]")).status_code == 400


@pytest.mark.parametrize(("path", "body", "words"), REFUSED)
def test_openapi_refuses_what_is_refused(path: str, body: Any, words: str) -> None:
    assert not REQUESTS[path].is_valid(body), words


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/price", BTC),
        ("/price", {**BTC, "exchange": "okx"}),
        ("/combined_price", BTC),
        ("/top_symbols", {}),
        ("/top_symbols", {"market_type": "perp", "limit": 3, "exchange": "okx"}),
        ("/volume_spike", {**BTC, "timeframe": "1h", "exchange": "okx"}),
        ("/cvd", {**BTC, "timeframe": "4h", "exchange": "okx"}),
        ("/volume_scan", {"timeframe": "1h", "min_spike": 12.5, "symbols": 3}),
        ("/comprehensive_analysis", {**BTC, "timeframe": "1h", "exchange": "bybit"}),
        ("/multi_oi", {"base_symbol": "ETH"}),
        ("/market_profile", {"symbol": "ETH", "exchange": "gate"}),
        ("/liq", {"base_symbol": "ETH", "window": "1h"}),
        ("/spread", {**BTC, "market_type": "perp"}),
        ("/funding", {"base_symbol": "ETH"}),
        ("/funding_extremes", {"limit": 3, "exchange": "okx"}),
        ("/ls", {**BTC, "exchange": "binance"}),
        ("/balance", {"exchange": "okx"}),
        ("/positions", {}),
        ("/pnl", {"exchange": "bybit"}),
    ],
)
async def test_openapi_describes_real_requests(path: str, body: dict[str, Any]) -> None:
    REQUESTS[path].validate(body)
    async with an_api() as service:
        assert (await service.ask(path, **body))["success"] is True


def request_schema(path: str) -> dict[str, Any]:
    body = OPENAPI["paths"][path]["post"]["requestBody"]
    found: dict[str, Any] = body["content"]["application/json"]["schema"]
    return found


@pytest.mark.parametrize(
    "path", ["/top_symbols", "/volume_spike", "/cvd", "/multi_oi", "/market_profile", "/liq", "/funding_extremes"]
)
async def test_openapi_defaults_are_the_real_ones(path: str) -> None:
    described = request_schema(path)
    defaults = {name: each["default"] for name, each in described["properties"].items() if "default" in each}
    asked = BTC if "required" in described else {}
    async with an_api() as service:
        service.freeze()
        assert defaults
        assert await service.ask(path, **asked) == await service.ask(path, **asked, **defaults)


def test_openapi_get_has_the_posts_fields() -> None:
    path = "/comprehensive_analysis"
    parameters = OPENAPI["paths"][path]["get"]["parameters"]
    assert {each["name"]: each["schema"] for each in parameters} == request_schema(path)["properties"]
    assert [each["name"] for each in parameters if each["required"]] == request_schema(path)["required"]
    assert {each["in"] for each in parameters} == {"query"}


class Told(TypedDict):
    a: str
    b: NotRequired[int]


def test_schema_of_types() -> None:
    assert openapi.schema_of(float | None) == {"type": ["number", "null"]}
    assert openapi.schema_of(list[str]) == {"type": "array", "items": {"type": "string"}}
    assert openapi.schema_of(dict[str, float]) == {"type": "object", "additionalProperties": {"type": "number"}}
    assert openapi.schema_of(Told | None) == {
        "type": ["object", "null"],
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "required": ["a"],
    }


def test_iso_and_slashed() -> None:
    assert fields_module.iso(NOW * 1000) == AT
    assert fields_module.slashed("BTC-USDT") == "BTC/USDT"
    assert fields_module.slashed("BTC-USDC", "perp") == "BTC/USDC:USDC"
    assert fields_module.slashed("BTC-COIN", "perp") == "BTC/USD:BTC"
