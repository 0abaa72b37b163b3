"""/profile: volume and time by price."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
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
from exchanges.words import Source
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


async def test_tick_just_after_midnight_is_the_markets() -> None:
    """One candle from 146 to 148 made steps of 2: levels are as fine as the day before them."""

    def whole_dollars(rows: list[list[Any]]) -> None:
        rows[-1][1:5] = ["146.00", "148.00", "146.00", "148.00"]

    async with a_house(EXCHANGES="binance") as house:
        freeze(house, NOW // 86_400 * 86_400 + 75)
        intercept(house, "BINANCE_USDM", of_candles(whole_dollars))
        report = await profile(house, "today", "SOL-USDT")
        assert report.n_candles == 1
        assert report.tick == pytest.approx(0.01)
        text = parse(await house.ask("/profile SOL today")).text
        assert "VWAP 147.33." in text
        assert re.search(r"^VAH +147\.50 ", text, re.MULTILINE)
        assert "Price 148.00 ◄ above the value area by 0.34%." in text


def a_report(of: Profile, last: float, tick: float) -> ProfileReport:
    source = Source("binance", "SOL-USDT", "perp", (), int(NOW * 1000), 0.1)
    return ProfileReport(source, "24h", "5m", 288, 0, of, of, 147.0, last, tick)


def test_price_at_the_edge_that_is_told_is_inside() -> None:
    """Told are VAH 148 and VAL 146, of which neither 148 is above nor 146 below."""
    bins = [1.0] * 48
    of = Profile(146.0, 148.0, bins, 147.0, 146.4, 147.6)
    for last, words in ((148.0, "inside"), (146.0, "inside"), (149.0, "above the value area by 0.68%")):
        assert words in profile_answer.show(a_report(of, last, 1.0), NOW).text


def of_candles(change: Callable[[list[list[Any]]], None]) -> Any:
    """Binance's candles, changed."""

    async def answer(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        if not asked.path.endswith("klines"):
            return reply
        rows = orjson.loads(reply.body)
        change(rows)
        return in_json(rows)

    return answer


@pytest.mark.parametrize(
    ("volume", "why", "vwap"), [(None, "all was traded at one price", "65,485.1"), ("0", "nothing was traded", "n/a")]
)
async def test_profile_of_a_price_that_never_moved(volume: str | None, why: str, vwap: str) -> None:
    def still(rows: list[list[Any]]) -> None:
        for row in rows:
            row[1:5] = ["65485.10"] * 4
            if volume is not None:
                row[5] = row[7] = row[9] = row[10] = volume

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", of_candles(still))
        told = parse(await house.ask("/profile BTC perp")).text
        assert f"Profile n/a: {why}.\nVWAP {vwap}. From 288 candles of 5m.\n" in told
        assert f"Profile n/a: {why}." in parse(await house.ask("/chart profile BTC perp")).text


async def test_picture_of_prices_without_volume_tells_whose_levels_it_has() -> None:
    def untraded(rows: list[list[Any]]) -> None:
        for row in rows:
            row[5] = row[7] = row[9] = row[10] = "0"

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", of_candles(untraded))
        told = parse(await house.ask("/chart profile BTC perp")).text
        assert "Volume n/a: nothing was traded. POC and value area (70%) are those of time." in told
