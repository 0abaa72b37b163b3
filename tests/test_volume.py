"""/volume: the last closed candle against what is normal, and the running one."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import pytest
from answering import BOTH, MINUTES, NOW, closed, freeze, intercept, n_requests, young
from conftest import House, a_house

from answers import volume as volume_answer
from answers.asked import OfMarket
from answers.volume import VolumeReport
from demo.telegram_html import parse
from demo.web import Reply
from indicators import LEVELS

# /volume


async def volume(house: House, interval: str = "15m", symbol: str = "BTC-USDT") -> VolumeReport:
    return await volume_answer.ask(house.bot.tools, OfMarket(symbol, interval, BOTH))


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "4h", "1d"])
async def test_volume_is_the_truth(interval: str) -> None:
    async with a_house() as house:
        truth = freeze(house)
        *before, last = closed(truth, interval, 97)
        report = await volume(house, interval)
        normal = statistics.median(sorted(candle.volume for candle in before)[4:-4])
        assert report.spike is not None
        assert report.spike.spike_pct == pytest.approx((last.volume / normal - 1) * 100, rel=1e-4, abs=1e-4)
        assert (report.coins, report.dollars) == pytest.approx((last.volume, last.turnover), rel=1e-6)
        assert (report.close, report.closed_ms) == (last.close, last.open_ms + MINUTES[interval] * 60_000)
        assert report.bars == pytest.approx([candle.volume for candle in [*before, last][-12:]], rel=1e-6)


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "bitget"])
@pytest.mark.parametrize("kind", BOTH)
async def test_volume_agrees_across_exchanges(exchange: str, kind: str) -> None:
    async with a_house(EXCHANGES=exchange) as house:
        truth = freeze(house)
        report = await volume_answer.ask(house.bot.tools, OfMarket("BTC-USDT", "15m", (kind,)))
        (last,) = closed(truth, "15m", 1, exchange, kind)
        assert report.coins == pytest.approx(last.volume, rel=1e-3)
        assert report.source[:3] == (exchange, "BTC-USDT", kind)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
async def test_volume_flat_market_at_every_moment(share: float) -> None:
    async with a_house() as house:
        truth = freeze(house, NOW // 900 * 900 + share * 900)
        truth.activities["BTC"] = lambda minute: 1.0
        report = await volume(house)
        assert report.spike is not None
        assert report.spike.spike_pct == pytest.approx(0, abs=1e-4)
        text = parse(await house.ask("/volume BTC")).text
        assert "NORMAL 0% against normal" in text
        assert f"in {share * 100:.0f}% of its time" in text
        assert "pace 1.0x" in text


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
async def test_volume_fourfold_candle_at_every_moment(share: float) -> None:
    begin_s = NOW // 900 * 900
    async with a_house() as house:
        truth = freeze(house, begin_s + share * 900)
        truth.activities["BTC"] = lambda minute: 4.0 if begin_s - 900 <= minute * 60 < begin_s else 1.0
        text = parse(await house.ask("/volume BTC")).text
        assert "🔥 HIGH +300% against normal" in text


async def test_volume_running_candle_is_of_now() -> None:
    """The baseline is kept until the next candle; what is so far is not."""
    async with a_house() as house:
        freeze(house)
        first = (await volume(house)).so_far
        truth = freeze(house, NOW + 300)
        await asyncio.sleep(2.5)
        before = n_requests(house)
        report = await volume(house)
        (running,) = truth.candles("binance", "BTC", "perp", 15, *(int((NOW + 300) // 900),) * 2)
        assert n_requests(house) - before == 2  # that candle, and a price that tells whose it is
        assert first is not None
        assert report.so_far == pytest.approx((running.volume, (NOW + 300) % 900 / 900), rel=1e-6)
        assert report.so_far is not None
        assert report.so_far[0] > first[0]


async def test_volume_takes_the_running_candle_of_candles_that_were_just_asked_for() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await volume(house)
        (running,) = truth.candles("binance", "BTC", "perp", 15, *(int(NOW // 900),) * 2)
        assert n_requests(house) == 2  # the candles, and a price that tells whose they are
        assert report.so_far == pytest.approx((running.volume, NOW % 900 / 900), rel=1e-6)


async def test_volume_running_candle_that_fails_is_na() -> None:
    async def failing(asked: Any, whole: Any) -> Any:
        return Reply(500, b"{}") if asked.query.get("limit") == "2" else await whole(asked)

    async with a_house() as house:
        freeze(house)
        assert "so far  n/a" not in await house.ask("/volume BTC")
        await asyncio.sleep(5)
        freeze(house, NOW + 5)
        intercept(house, "BINANCE_USDM", failing)
        text = parse(await house.ask("/volume BTC")).text
        assert "so far  n/a" in text
        assert "of its time" not in text


@pytest.mark.parametrize(("n", "is_enough"), [(2, False), (21, False), (22, True)])
async def test_volume_of_a_young_market(n: int, is_enough: bool) -> None:
    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", young(n))
        text = parse(await house.ask("/volume BTC perp")).text
        assert ("Baseline n/a: too few candles" in text) != is_enough
        assert any(f"{name} " in text for _, name in (*LEVELS, (0, "NORMAL"))) == is_enough


async def test_volume_of_a_market_without_a_closed_candle() -> None:
    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", young(1))
        text = await house.ask("/volume BTC perp")
        assert "Binance had no closed candle." in text


async def test_volume_other_exchange_is_named() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "451")
        text = parse(await house.ask("/volume BTC")).text
        assert "Binance refused this server's region." in text
        assert "Bybit · " in text


async def test_volume_of_spot() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await volume_answer.ask(house.bot.tools, OfMarket("BTC-USDT", "15m", ("spot",)))
        assert report.coins == pytest.approx(closed(truth, "15m", 1, kind="spot")[0].volume, rel=1e-6)
        assert parse(await house.ask("/volume BTC spot")).text.startswith("BTC spot 15m volume")


async def test_volume_of_a_coin_without_perpetual_is_of_spot() -> None:
    async with a_house() as house:
        assert parse(await house.ask("/volume OKB")).text.startswith("OKB spot 15m volume")


async def test_volume_of_thousands_is_per_coin() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await volume(house, symbol="PEPE-USDT")
        last = int(NOW // 900) - 1
        (candle,) = truth.candles("binance", "PEPE", "perp", 15, last, last)
        assert report.coins == pytest.approx(candle.volume, rel=1e-6)
        assert report.close == pytest.approx(candle.close, rel=1e-3)
        assert report.source.symbol == "PEPE-USDT"
