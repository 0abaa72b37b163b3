"""/profile: volume and time by price."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from answering import BOTH, NOW, freeze, intercept, n_requests
from conftest import House, a_house

from answers import profile as profile_answer
from answers.asked import OfMarket
from answers.profile import ProfileReport, drawing
from demo.telegram_html import parse
from demo.web import in_json
from indicators import Profile

# /profile


async def profile(house: House, window: str = "24h", symbol: str = "BTC-USDT") -> ProfileReport:
    return await profile_answer.ask(house.bot.tools, OfMarket(symbol, window, BOTH))


WINDOWS = [("today", "5m", 5), ("24h", "5m", 5), ("7d", "15m", 15), ("30d", "1h", 60)]


@pytest.mark.parametrize(("window", "interval", "minutes"), WINDOWS)
async def test_profile_is_of_its_window(window: str, interval: str, minutes: int) -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await profile(house, window)
        begin_s = {
            "today": NOW // 86_400 * 86_400,
            "24h": NOW - 86_400,
            "7d": NOW - 7 * 86_400,
            "30d": NOW - 30 * 86_400,
        }
        first, last = math.ceil(begin_s[window] / minutes / 60), int(NOW / minutes / 60)
        candles = truth.candles("binance", "BTC", "perp", minutes, first, last)
        assert (report.n_candles, report.begin_ms) == (len(candles), candles[0].open_ms)
        assert report.volume is not None
        assert sum(report.volume.bins) == pytest.approx(sum(candle.volume for candle in candles), rel=1e-6)
        assert (report.volume.low, report.volume.high) == (min(c.low for c in candles), max(c.high for c in candles))
        text = await house.ask(f"/profile BTC {window}")
        assert f"From {len(candles)} candles of {interval}." in text
        paid = sum((c.high + c.low + c.close) / 3 * c.volume for c in candles)
        assert report.vwap == pytest.approx(paid / sum(c.volume for c in candles), rel=1e-6)


@pytest.mark.parametrize("symbol", ["BTC", "PEPE", "DOGE", "SHIB", "ETH", "XRP"])
@pytest.mark.parametrize("window", ["today", "24h", "7d", "30d"])
async def test_profile_levels_are_in_order(symbol: str, window: str) -> None:
    async with a_house() as house:
        freeze(house)
        report = await profile(house, window, f"{symbol}-USDT")
        for each in (report.volume, report.time):
            assert each is not None
            assert each.low <= each.val <= each.poc <= each.vah <= each.high * (1 + 1e-12)
            inside = [v for i, v in enumerate(each.bins) if each.val <= each.low + (i + 0.5) * each.step <= each.vah]
            assert sum(inside) >= 0.7 * sum(each.bins) * (1 - 1e-9)
        text = parse(await house.ask(f"/profile {symbol} {window}")).text
        drawn = [line for line in text.split("\n") if "█" in line or "░" in line][:-1]
        assert 1 < len(drawn) <= 16
        assert sum("P" in line for line in drawn) == 1
        assert sum("◄" in line for line in drawn) <= 1
        assert max(map(len, drawn)) <= 34


def test_the_longest_row_has_the_poc() -> None:
    """By sums, three bins of 5 would be longer than the one of 9 that is the POC."""
    bins = [1.0, 9.0, 1.0, 5.0, 5.0, 5.0] + [1.0] * 42
    rows = drawing(Profile(100.0, 148.0, bins, 101.5, 100.0, 106.0), 147.0, 0.1).splitlines()
    assert max(rows, key=lambda row: row.count("█")) == rows[-1] == "101.5 ██████████████ P"
    assert rows[-2] == "104.5 ████████"
    assert rows[0].endswith(" ◄")


async def test_profile_keeps_the_tick() -> None:
    """Levels have the digits that prices have: neither whole dollars nor 14 decimals."""
    async with a_house() as house:
        freeze(house)
        assert (await profile(house)).tick == pytest.approx(0.1)
        assert (await profile(house, symbol="PEPE-USDT")).tick == pytest.approx(1e-8)
        assert (await profile(house, symbol="ETH-USDT")).tick == pytest.approx(0.01)


async def test_profile_windows_share_their_candles() -> None:
    async with a_house() as house:
        freeze(house)
        await house.ask("/profile BTC 24h")
        before = n_requests(house)
        await house.ask("/profile BTC today")
        assert n_requests(house) == before


async def test_profile_just_after_midnight() -> None:
    async with a_house() as house:
        freeze(house, NOW // 86_400 * 86_400 + 61)
        report = await profile(house, "today")
        assert report.n_candles == 1
        assert "From 1 candle of 5m." in await house.ask("/profile BTC today")


async def test_profile_of_bitcoin_unless_told() -> None:
    async with a_house() as house:
        assert parse(await house.ask("/profile")).text.startswith("BTC perp profile 24h")
        assert parse(await house.ask("/profile 7d")).text.startswith("BTC perp profile 7d")


async def test_profile_of_a_price_that_never_moved() -> None:
    async def still(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        if not asked.path.endswith("klines"):
            return reply
        return in_json([[row[0], *["67000"] * 4, *row[5:]] for row in orjson.loads(reply.body)])

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", still)
        text = parse(await house.ask("/profile BTC perp")).text
        assert "Profile n/a: nothing was traded, or at one price only." in text
