"""Kraken's analyses of its perpetuals, in /cvd, /ls and /oi, against the world."""

from __future__ import annotations

import json

import pytest
from conftest import a_house, a_perp, together
from wire import about

from answers import cvd, ls, oi
from answers.asked import OfMarket
from exchanges.errors import BadResponse, UnknownSymbol
from exchanges.kraken import explain, parse_basis, parse_flow, parse_open_interest_history, parse_ratios
from exchanges.words import Ratio

NOW = 1_763_906_602.0
MS = 1_763_899_200_000
HOUR_MS = 3_600_000
OF = a_perp("BTC-USD")


def analysis(data: object, n: int = 2) -> bytes:
    times = [MS // 1000 + 3600 * i for i in range(n)]
    return json.dumps({"result": {"timestamp": times, "data": data, "more": False}, "errors": []}).encode()


async def test_cvd_of_kraken_is_the_truth() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        truth = house.stop_at(NOW)
        report = await cvd.ask(house.bot.tools, OfMarket("BTC-USDT", "1h", ("perp",)))
        hour = int(NOW // 3600) - 1
        (candle,) = truth.candles("kraken", "BTC", "perp", 60, hour, hour, margin="USD")
        assert report.last_delta == pytest.approx(2 * candle.buy_volume - candle.volume, rel=1e-4, abs=1e-4)
        assert report.day_delta is not None


async def test_longs_and_shorts_of_kraken_are_the_truth() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        truth = house.stop_at(NOW)
        (share,) = (await ls.ask(house.bot.tools, "BTC-USDT")).shares
        assert (share.exchange, share.what) == ("kraken", "accounts")
        assert share.now == pytest.approx(truth.long_share("kraken", "BTC", at_s=share.time_ms / 1000), abs=1e-4)
        assert share.before is not None


async def test_open_interest_of_kraken_has_a_past() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        truth = house.stop_at(NOW)
        report = await oi.ask(house.bot.tools, "BTC")
        (contract,) = [each for each in report.contracts if each.margin == "USD"]
        was = truth.interest_of("kraken", "BTC", "USD", NOW // 3600 * 3600 - 24 * 3600)
        assert contract.before[24] == pytest.approx(was, rel=1e-3)


async def test_basis_of_kraken_is_the_truth_and_marked_as_doubted() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        truth = house.stop_at(NOW)
        report = await oi.ask(house.bot.tools, "BTC")
        hours = (NOW // 3600 * 3600, NOW // 3600 * 3600 - 86_400)
        now, before = (truth.mark("kraken", "BTC", at) / truth.index("kraken", "BTC", at) - 1 for at in hours)
        assert report.basis["kraken"] == pytest.approx((now, before), abs=1e-8)
        text = await house.ask("/oi BTC")
        assert f"Basis of Kraken: ≈{now * 1e4:+.1f}bp of the index, 24h ago ≈{before * 1e4:+.1f}bp" in text


async def test_open_interest_does_without_a_basis() -> None:
    async with a_house() as house:
        house.world.set_path_fault("KRAKEN_FUTURES", "/api/charts/v1/analytics/PF_XBTUSD/future-basis", "hang")
        report = await oi.ask(house.bot.tools, "BTC")
        assert report.basis == {}
        assert report.failed == {}
        assert "kraken" in {each.exchange for each in report.contracts}


def test_basis_of_an_analysis() -> None:
    assert parse_basis(analysis({"basis": ["0.00042", -0.001]})) == [(MS, 0.00042), (MS + HOUR_MS, -0.001)]


@together(
    "data", [{"basis": ["4.2", "1"]}, {"basis": ["x", "1"]}, {"basis": ["1e-3"]}, {"base": []}, ["1e-3", "1e-3"], None]
)
def test_malformed_basis(data: object) -> None:
    with pytest.raises(BadResponse):
        parse_basis(analysis(data))


def test_flow_of_an_analysis() -> None:
    body = analysis({"buy_volume": ["1.5", "2"], "sell_volume": ["0.5", 1], "cvd": ["1", "2"]})
    flow = parse_flow(body, OF, "1h")
    assert (flow.open_ms, flow.buy, flow.sell) == ([MS, MS + HOUR_MS], [1.5, 2.0], [0.5, 1.0])


def test_open_interest_is_of_the_full_hour() -> None:
    body = analysis([["10", "12", "9", "11"], ["11", "11", "11", "11"]])
    assert parse_open_interest_history(body) == [(MS, 10.0), (MS + HOUR_MS, 11.0)]


def test_ratio_becomes_a_share() -> None:
    assert parse_ratios(analysis(["3", "1"])) == {"accounts": [Ratio(MS, about(0.75)), Ratio(MS + HOUR_MS, about(0.5))]}


@together("data", [None, ["1"], ["x", "1"], [["1"], ["1"]], [{}, {}], ["-1", "1"]])
def test_malformed_analysis(data: object) -> None:
    columns = {"buy_volume": data, "sell_volume": data}
    for parse in (lambda: parse_ratios(analysis(data)), lambda: parse_flow(analysis(columns), OF, "1h")):
        with pytest.raises(BadResponse):
            parse()
    with pytest.raises(BadResponse):
        parse_open_interest_history(analysis(data))


def test_analysis_of_an_unknown_contract() -> None:
    body = b'{"result": "error", "error": "contractNotFound", "serverTime": "2024-06-28T09:29:04.243Z"}'
    assert isinstance(explain(404, body), UnknownSymbol)
