"""What was paid before: behind /funding, and as a picture; each exchange's history against the world's."""

from __future__ import annotations

import json

import pytest
from conftest import House, a_house, recorded
from wire import about

from answers import chart_funding, funding
from answers.contracts import DerivativesReport
from answers.paid import DAY_MS, HOUR_MS, Past, paid_over, rates_per_8h
from demo.telegram_html import parse
from exchanges import binance, bitget, bybit, deribit, gate, hyperliquid, kraken, okx
from exchanges.errors import BadResponse, UnknownSymbol, WrongMarket
from exchanges.words import Listing, Paid

NOW = 1_763_906_602.0
MS = 1_763_899_200_000
BTC = Listing("perp", "BTC-USDT", "BTC-USDT")
ETH = Listing("perp", "ETH-USDC", "ETH-USDC")
PAYERS = {"binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken"}


async def paid(house: House, base: str) -> DerivativesReport:
    report = await funding.ask(house.bot.tools, base)
    assert isinstance(report, DerivativesReport)
    return report


@pytest.mark.parametrize("base", ["BTC", "JUP", "PEPE"])
async def test_paid_is_the_truth(base: str) -> None:
    async with a_house() as house:
        truth = house.stop_at(NOW)
        report = await paid(house, base)
        assert set(report.paid) >= PAYERS - {"deribit"}
        for name, rows in report.paid.items():
            for days in (7, 30):
                begin = int(NOW * 1000) - days * DAY_MS
                was = sum(rate for _, rate in truth.fundings(name, base, begin, int(NOW * 1000), 1 << 20))
                if name == "deribit":  # tells hours of what is told for 8
                    hours = range(-(-begin // HOUR_MS), int(NOW * 1000) // HOUR_MS + 1)
                    was = sum(truth.funding_of(name, base, hour * 3600 - 1)[0] for hour in hours) / 8
                assert paid_over(rows, days, int(NOW * 1000)) == pytest.approx(was, rel=0.01), (name, days)


async def test_paid_comes_from_as_many_pages_as_it_takes() -> None:
    """Of hours: OKX's coin pays every 4, Hyperliquid every hour, five hundred a page."""
    async with a_house() as house:
        house.stop_at(NOW)
        report = await paid(house, "JUP")
        assert len(report.paid["hyperliquid"].at_ms) == 720
        times = list(report.paid["okx"].at_ms)
        assert len(times) == 180
        assert times == sorted(set(times))


@pytest.mark.parametrize("exchange", ["okx", "gate", "kraken"])
async def test_paid_one_exchange_is_late(exchange: str) -> None:
    async with a_house() as house:
        paths = {"okx": "/api/v5/public/funding-rate-history", "gate": "/api/v4/futures/usdt/funding_rate"}
        site = "KRAKEN_FUTURES" if exchange == "kraken" else exchange.upper()
        house.world.set_path_fault(site, paths.get(exchange, "/api/charts/v1/analytics"), "hang")
        text = parse(await house.ask("/funding BTC")).text
        assert "(partial)" not in text
        assert "Paid before n/a: " in text
        assert "did not answer in time" in text


async def test_paid_over_what_is_younger_is_not_told() -> None:
    async with a_house() as house:
        rows = [line.split() for line in parse(await house.ask("/funding MEGA")).text.split("\n")]
        assert ["paid", "7d%", "30d%", "mean", "8h%"] in rows


def test_paid_over_days() -> None:
    rows = Past.of((MS - n * 8 * HOUR_MS, 0.0001) for n in range(31))
    assert paid_over(rows, 7, MS + HOUR_MS) == about(0.0021)
    assert paid_over(rows, 30, MS + HOUR_MS) is None
    assert paid_over(Past.of([]), 7, MS) is None


def test_rates_are_of_8_hours() -> None:
    rows = Past.of([(MS, 0.0001), (MS + 4 * HOUR_MS, 0.0002), (MS + 5 * HOUR_MS, 0.0001), (MS + DAY_MS, 0.1)])
    assert [(at - MS, about(rate)) for at, rate in rates_per_8h(rows)] == [
        (0, 0.0002),
        (4 * HOUR_MS, 0.0004),
        (5 * HOUR_MS, 0.0008),
    ]  # what follows a hole is of an unknown period


async def test_chart_of_funding_is_drawn() -> None:
    async with a_house() as house:
        report = await chart_funding.ask(house.bot.tools, "BTC")
        assert set(report.paths) == PAYERS
        assert all(30 <= len(path) <= 31 for path in report.paths.values())
        assert "funding paid" in await house.ask("/chart funding BTC")


async def test_chart_of_funding_names_who_is_missing() -> None:
    async with a_house() as house:
        await house.world.set_fault("gate", "500")
        assert "Missing: Gate answered HTTP 500" in await house.ask("/chart funding BTC")


def test_step_is_the_mean_of_its_hours() -> None:
    midnight = MS // DAY_MS * DAY_MS
    hours = [(midnight + n * HOUR_MS, 0.0001 * n) for n in range(1, 9)]
    assert chart_funding.per_step(hours) == [(midnight, about(0.045))]


# The exchanges' words.


def test_paid_recorded() -> None:
    assert binance.parse_paid(recorded("binance/um-funding-rate-history"), BTC).rows[0] == Paid(1698768000000, 0.0001)
    eth_perp = bybit.parse_paid(recorded("bybit/funding-history"), ETH)
    assert (eth_perp.rows, eth_perp.cursor) == ([Paid(1672041600000, 0.0001)], "")
    page = bitget.parse_paid(recorded("bitget/mix-history-fund-rate"), BTC, 0, 1)
    assert page.rows == [Paid(1695776400000, 0.0005), Paid(1695715200000, 0.000013)]
    assert deribit.parse_paid(recorded("deribit/funding-rate-history")).rows[0].rate == about(-4.739622041017375e-07)
    assert gate.parse_paid(recorded("gate/funding-rate-history-doc")).rows
    assert hyperliquid.parse_paid(recorded("hyperliquid/fundingHistory"), BTC).rows
    assert okx.parse_paid(recorded("okx/funding-rate-history"), BTC, 0).rows


def test_okx_paid_is_the_realised_rate() -> None:
    row = {"instId": "BTC-USDT-SWAP", "fundingRate": "0.0001", "realizedRate": "0.0002", "fundingTime": str(MS)}
    body = json.dumps({"code": "0", "data": [row, row | {"realizedRate": ""}]}).encode()
    assert [each.rate for each in okx.parse_paid(body, BTC, 0).rows] == [0.0002, 0.0001]
    with pytest.raises(WrongMarket):
        okx.parse_paid(body.replace(b"BTC", b"ETH"), BTC, 0)


def test_full_pages_go_on() -> None:
    rows = [{"symbol": "BTCUSDT", "fundingRate": "0.1", "fundingTime": str(MS - n)} for n in range(100)]
    body = json.dumps({"code": "00000", "data": rows}).encode()
    assert bitget.parse_paid(body, BTC, 0, 3).cursor == "4"
    assert bitget.parse_paid(body, BTC, MS - 50, 3).cursor == ""


def test_kraken_paid_at_the_end_of_the_hour() -> None:
    data = {"rate": [["1"] * 4] * 2, "relativeRate": [["1", "1", "1", "7e-6"], ["1"] * 4]}
    body = json.dumps({"result": {"timestamp": [MS, MS + HOUR_MS], "data": data, "more": False}}).encode()
    assert kraken.parse_paid(body).rows == [Paid(MS + HOUR_MS, 7e-6)]
    for odd in (body.replace(b'"7e-6"', b'"x"'), body.replace(b"relativeRate", b"r"), b'{"result": {}}'):
        with pytest.raises(BadResponse):
            kraken.parse_paid(odd)


def test_hyperliquid_of_an_unknown_coin() -> None:
    with pytest.raises(UnknownSymbol):
        hyperliquid.parse_paid(b"null", ETH)
    with pytest.raises(BadResponse):
        hyperliquid.parse_paid(b'[{"coin": "ETH", "fundingRate": "x", "time": 1}]', ETH)
