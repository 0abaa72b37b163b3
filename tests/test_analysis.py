"""/analysis, /volume, /cvd, /ls and /profile: figures that are the world's, and none whose source is missing."""

from __future__ import annotations

import asyncio
import calendar
import math
import statistics
import time
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from conftest import House, a_house

import sessions
from answers import analysis, control, ls
from answers import cvd as cvd_answer
from answers import profile as profile_answer
from answers import volume as volume_answer
from answers.analysis_report import AnalysisReport
from answers.asked import OfMarket
from answers.cvd import FlowReport
from answers.ls import RatioReport
from answers.profile import ProfileReport
from answers.volume import VolumeReport
from clock import loop_time
from demo.market import Market as Truth
from demo.telegram_html import parse
from demo.web import Reply, in_json
from exchanges.joined import flow_of
from exchanges.words import Candles, Flow
from indicators import LEVELS, Spike

NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC, a Sunday
HOUR_MS, DAY_MS, QUARTER_MS = 3_600_000, 86_400_000, 900_000
BOTH = ("perp", "spot")
MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "1d": 1440}


def freeze(house: House, at_s: float = NOW) -> Truth:
    return house.stop_at(at_s)


def intercept(house: House, site: str, answer: Callable[[Any, Callable[[Any], Awaitable[Reply]]], Any]) -> None:
    """answer(asked, whole) answers in a site's place; whole is how the site itself answers."""
    house.world.sites[site].intercept(answer)


def n_requests(house: House) -> int:
    return sum(site.n_requests for site in house.world.sites.values())


def closed(truth: Truth, interval: str, n: int, exchange: str = "binance", kind: str = "perp") -> list[Any]:
    """The world's last n closed candles."""
    minutes = MINUTES[interval]
    last = int(truth.clock() // (minutes * 60)) - 1
    return truth.candles(exchange, "BTC", kind, minutes, last - n + 1, last)


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
        assert n_requests(house) - before == 1
        assert first is not None
        assert report.so_far == pytest.approx((running.volume, (NOW + 300) % 900 / 900), rel=1e-6)
        assert report.so_far is not None
        assert report.so_far[0] > first[0]


async def test_volume_running_candle_that_fails_is_na() -> None:
    async def failing(asked: Any, whole: Any) -> Any:
        return Reply(500, b"{}") if asked.query.get("limit") == "2" else await whole(asked)

    async with a_house() as house:
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


def young(n: int) -> Callable[[Any, Any], Any]:
    """A market of which there are but n candles, the running one among them."""

    async def answer(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        return in_json(orjson.loads(reply.body)[-n:]) if asked.path.endswith("klines") else reply

    return answer


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


# /cvd


async def cvd(house: House, interval: str = "1h", kind: tuple[str, ...] = BOTH) -> FlowReport:
    return await cvd_answer.ask(house.bot.tools, OfMarket("BTC-USDT", interval, kind))


@pytest.mark.parametrize(
    ("exchange", "interval"),
    [("binance", "1m"), *((name, interval) for name in ("binance", "okx") for interval in ("15m", "1h", "4h"))],
)
async def test_cvd_is_the_takers(exchange: str, interval: str) -> None:
    """Delta and share of the last candle, and of 24 hours by the clock whatever the interval."""
    async with a_house(EXCHANGES=exchange) as house:
        truth = freeze(house)
        report = await cvd(house, interval)
        last, day = closed(truth, interval, 1, exchange)[0], closed(truth, "15m", 96, exchange)
        bought, all_of_it = sum(candle.buy_volume for candle in day), sum(candle.volume for candle in day)
        assert report.last_delta == pytest.approx(2 * last.buy_volume - last.volume, rel=1e-4, abs=0.1)
        assert report.last_share == pytest.approx(last.buy_volume / last.volume, rel=1e-4)
        assert report.day_delta == pytest.approx(2 * bought - all_of_it, rel=1e-4, abs=1)
        assert report.day_share == pytest.approx(bought / all_of_it, rel=1e-4)
        assert report.closed_ms == last.open_ms + MINUTES[interval] * 60_000
        assert report.close == last.close


async def test_cvd_is_not_of_candle_colours() -> None:
    """Takers buy three quarters of every candle of a day on which the price falls."""

    async def bought(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        if not asked.path.endswith("klines"):
            return reply
        rows = orjson.loads(reply.body)
        for i, row in enumerate(rows):
            price = 60_000 - i
            row[1:6] = [str(price), str(price + 1), str(price - 2), str(price - 1), "100"]
            row[9] = "75"
        return in_json(rows)

    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        intercept(house, "BINANCE_USDM", bought)
        report = await cvd(house)
        assert (report.last_delta, report.last_share) == (50, 0.75)
        assert (report.day_delta, report.day_share) == (96 * 50, 0.75)
        assert (report.trend, report.price_trend, report.divergence) == (1, -1, "bullish")
        assert "Price falls while takers buy." in await house.ask("/cvd BTC")


async def test_cvd_does_not_contradict_itself() -> None:
    """Both trends of the same stretch: “CVD falling” beside “while takers buy” is nonsense."""
    async with a_house() as house:
        for hours in range(0, 480, 8):
            freeze(house, NOW - hours * 3600)
            await house.later()
            report = await cvd(house, "15m")
            if report.divergence:
                assert report.trend != report.price_trend or not report.trend, f"{hours} h before"
            if report.divergence == "bullish":
                assert (report.trend, report.price_trend) != (-1, -1)


async def test_cvd_comes_from_binance_first() -> None:
    async with a_house() as house:
        report = await cvd(house)
        assert (report.source.exchange, report.source.failed) == ("binance", ())


async def test_cvd_names_who_tells_none() -> None:
    async with a_house(EXCHANGES="bybit,okx") as house:
        text = parse(await house.ask("/cvd BTC")).text
        assert "Bybit tells no taker volume. This is OKX's." in text
        assert "OKX · " in text


async def test_cvd_that_nobody_tells() -> None:
    """A sentence, and no advice to try again: a minute changes nothing."""
    async with a_house(EXCHANGES="bybit") as house:
        text = await house.ask("/cvd BTC")
        assert text.startswith("No taker volume of BTC-USDT")
        assert "Bybit tells no taker volume." in text
        assert "try again" not in text


async def test_cvd_of_okx_that_hangs_is_not_called_untold() -> None:
    """OKX tells the takers' volume of perpetuals; that it tells none of spot is no reason here."""
    async with a_house(EXCHANGES="okx") as house:
        await house.world.set_fault("okx", "hang")
        assert "OKX did not answer in time" in await house.ask("/cvd BTC")


async def test_cvd_of_okx_spot_is_not_told() -> None:
    async with a_house(EXCHANGES="okx") as house:
        assert "OKX tells no taker volume." in await house.ask("/cvd BTC spot")


async def test_cvd_of_a_young_market_is_no_flat_one() -> None:
    """Of two candles there is no trend: n/a, not “flat”, and 24 hours are not there."""
    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", young(3))
        report = await cvd(house, kind=("perp",))
        text = parse(await house.ask("/cvd BTC perp")).text
        assert report.day_delta is None
        assert "24h n/a: the market's candles do not reach back so far." in text
        assert "flat" not in text
        assert "diverges no" not in text


def test_day_sums_are_by_the_clock() -> None:
    """96 quarters to the end of the last closed one; a running one does not count, and gaps count nothing."""
    begin = int(NOW * 1000) // QUARTER_MS * QUARTER_MS - 97 * QUARTER_MS
    times = [begin + i * QUARTER_MS for i in range(98) if i != 50]
    flow = Flow("x", "BTC-USDT", "perp", QUARTER_MS, times, [1.0] * 97, [2.0] * 97)
    assert cvd_answer.day_sums(flow, int(NOW * 1000)) == (95, 190)
    assert (
        cvd_answer.day_sums(flow._replace(open_ms=times[2:], buy=[1.0] * 95, sell=[1.0] * 95), int(NOW * 1000)) is None
    )
    assert cvd_answer.day_sums(flow._replace(open_ms=[], buy=[], sell=[]), int(NOW * 1000)) is None


# /ls


async def ratios(house: House, symbol: str = "BTC-USDT") -> RatioReport:
    return await ls.ask(house.bot.tools, symbol)


async def test_ratios_are_the_truth() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await ratios(house)
        of = ["accounts", "top accounts", "top positions"]
        assert [(each.exchange, each.what) for each in report.shares] == [
            *(("binance", what) for what in of),
            ("bybit", "accounts"),
            ("okx", "accounts"),
            *(("gate", what) for what in of),
            ("bitget", "accounts"),
            ("kraken", "accounts"),
        ]
        for each in report.shares:
            now, before = (
                truth.long_share(each.exchange, "BTC", each.what, (each.time_ms - back) / 1000) for back in (0, DAY_MS)
            )
            assert 0 <= NOW * 1000 - each.time_ms < 2 * HOUR_MS
            assert (each.now, each.before) == pytest.approx((now, before), abs=2e-4)
        assert report.without == ["hyperliquid", "deribit"]


async def test_ratios_without_yesterday_are_na() -> None:
    async def short(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        return in_json(orjson.loads(reply.body)[-5:]) if asked.path.startswith("/futures/data") else reply

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", short)
        assert {each.before for each in (await ratios(house)).shares} == {None}
        lines = parse(await house.ask("/ls BTC")).text.split("\n")
        assert [line.split()[-1] for line in lines if line.startswith((" all ", " top "))] == ["n/a"] * 3


async def test_ratios_one_exchange_hangs() -> None:
    async with a_house() as house:
        await house.world.set_fault("gate", "hang")
        text = parse(await house.ask("/ls BTC")).text
        assert "Missing: Gate did not answer in time." in text
        assert "Hyperliquid, Deribit: no data." in text
        assert "\nBitget\n" in text


async def test_ratios_one_of_three_fails() -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/futures/data/topLongShortAccountRatio", "500")
        text = parse(await house.ask("/ls BTC")).text
        assert "top accounts" not in text
        assert "top positions" in text
        assert "Binance answered HTTP 500" in text


@pytest.mark.parametrize("symbol", ["XYZXYZ", "OKB"])
async def test_ratios_of_what_has_no_perpetual(symbol: str) -> None:
    """“Please try again” is no help with a coin of which there are none."""
    async with a_house() as house:
        text = await house.ask(f"/ls {symbol}")
        assert "try again" not in text
        assert "not listed" in text or "perpetual" in text


async def test_ratios_of_thousands() -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:
        assert [each.exchange for each in (await ratios(house, "PEPE-USDT")).shares] == ["binance"] * 3 + ["bybit"]


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
        return in_json([[row[0], *["5.0"] * 4, *row[5:]] for row in orjson.loads(reply.body)])

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", still)
        text = parse(await house.ask("/profile BTC perp")).text
        assert "Profile n/a: nothing was traded, or at one price only." in text


# /analysis


async def report_of(house: House, interval: str = "1h", symbol: str = "BTC-USDT") -> AnalysisReport:
    return await analysis.ask(house.bot.tools, OfMarket(symbol, interval, BOTH))


Take = Callable[[House], None]


def path(prefix: str) -> Take:
    return lambda house: house.world.set_path_fault("BINANCE_USDM", prefix, "500")


def candles_of(interval: str) -> Take:
    async def failing(asked: Any, whole: Any) -> Any:
        is_it = asked.path.endswith("klines") and asked.query.get("interval") == interval
        return Reply(500, b"{}") if is_it else await whole(asked)

    return lambda house: intercept(house, "BINANCE_USDM", failing)


QUARTERS = {"session", "day", "volatility", "day_delta", "day_share"}
SOURCES: dict[str, tuple[Take, set[str], str]] = {
    "openInterest": (path("/fapi/v1/openInterest"), {"perp"}, "Open interest n/a"),
    "premiumIndex": (path("/fapi/v1/premiumIndex"), {"perp"}, "Funding n/a"),
    "openInterestHist": (path("/futures/data/openInterestHist"), {"open_interest_before"}, "OI change n/a"),
    "fundingInfo": (path("/fapi/v1/fundingInfo"), {"perp"}, "unding period n/a"),
    "quarters": (candles_of("15m"), QUARTERS, "n/a: Binance"),
    "all accounts": (path("/futures/data/globalLongShortAccountRatio"), {"shares"}, "ong/short"),
    "top accounts": (path("/futures/data/topLongShortAccountRatio"), {"shares"}, "ong/short"),
    "top positions": (path("/futures/data/topLongShortPositionRatio"), {"shares"}, "ong/short"),
}
"""How it is taken away, which fields come from it, and what names the loss."""


@pytest.mark.parametrize("source", SOURCES)
async def test_analysis_without_a_source_has_all_else(source: str) -> None:
    take, fields, _ = SOURCES[source]
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        whole = await report_of(house)
        await house.later()
        take(house)
        left = await report_of(house)
        changed = {each for each in left._fields if getattr(left, each) != getattr(whole, each)}
        assert changed - {"source", "missing", "score"} == fields
        assert left.ticker == whole.ticker
        now, before = ({each.name: each.points for each in report.score} for report in (left, whole))
        del now["CVD"], before["CVD"]  # of the trend and the 24 hours
        assert now == before


@pytest.mark.parametrize("source", SOURCES)
async def test_analysis_without_a_source_names_it(source: str) -> None:
    take, _, words = SOURCES[source]
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        take(house)
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert text.startswith("BTC perp 1h ")
        assert words in text
        assert "Binance answered HTTP 500" in text


@pytest.mark.parametrize(
    ("source", "absent", "present"),
    [
        ("openInterest", ["% 1h"], ["OI    n/a", "fund  +0."]),
        ("premiumIndex", ["longs pay", "shorts pay", "+0.0100%"], ["fund  n/a", "OI    "]),
        ("openInterestHist", ["% 1h"], ["change n/a", "OI    $"]),
        ("fundingInfo", ["%/8h"], ["fund  +0.", "a period", "longs pay"]),
        (
            "quarters",
            ["session,", "Day so far", "delta n/a", "CVD   n/a"],
            ["RSI 14: ", "VWAP of 24: 6", "Volatility 24h: n/a"],
        ),
        ("all accounts", ["All accounts:", "against all"], ["Top accounts:", "Top positions:"]),
        ("top accounts", ["Top accounts:"], ["All accounts:", "Top positions:", "against all"]),
        ("top positions", ["Top positions:", "against all"], ["All accounts:", "Top accounts:"]),
    ],
)
async def test_analysis_without_a_source_shows_none_of_it(source: str, absent: list[str], present: list[str]) -> None:
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        SOURCES[source][0](house)
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert [each for each in absent if each in text] == []
        assert [each for each in present if each not in text] == []


@pytest.mark.parametrize("take", [path("/fapi/v1/ticker/24hr"), candles_of("1h")])
async def test_analysis_without_ticker_or_candles_is_of_spot(take: Take) -> None:
    """One report is of one market, which its title names: no open interest beside a spot price."""
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        take(house)
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert text.startswith("BTC spot 1h ")
        assert [each for each in ("OI ", "fund ", "accounts") if each in text] == []
        assert "erpetual: " in text, "which market failed is said"
        assert "Binance answered HTTP 500" in text


async def test_analysis_is_of_one_market() -> None:
    async with a_house() as house:
        truth = freeze(house)
        for kind in BOTH:
            report = await analysis.ask(house.bot.tools, OfMarket("BTC-USDT", "1h", (kind,)))
            day = truth.day("binance", "BTC", kind)
            (last,) = closed(truth, "1h", 1, kind=kind)
            assert report.source[:3] == ("binance", "BTC-USDT", kind)
            assert report.ticker.last == day.last
            assert report.candle_coins == pytest.approx(last.volume, rel=1e-6)
            text = parse(await house.ask(f"/analysis BTC 1h {kind}")).text
            assert text.startswith(f"BTC {kind} 1h ")


async def test_analysis_figures_are_the_truth() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await report_of(house)
        candles = closed(truth, "1h", 200)
        close = [candle.close for candle in candles]
        last, day = candles[-1], closed(truth, "15m", 97)
        assert report.delta == pytest.approx(2 * last.buy_volume - last.volume, rel=1e-4, abs=0.1)
        assert report.day_delta == pytest.approx(sum(2 * c.buy_volume - c.volume for c in day[1:]), rel=1e-4, abs=1)
        steps = [math.log(after.close / before.close) for before, after in pairwise(day)]
        assert report.volatility == pytest.approx(100 * math.sqrt(sum(step**2 for step in steps)), rel=1e-6)
        assert report.bands is not None
        assert report.bands.middle == pytest.approx(statistics.fmean(close[-20:]))
        assert report.bands.upper == pytest.approx(statistics.fmean(close[-20:]) + 2 * statistics.pstdev(close[-20:]))
        paid = sum((c.high + c.low + c.close) / 3 * c.volume for c in candles[-24:])
        assert report.vwap == pytest.approx(paid / sum(c.volume for c in candles[-24:]), rel=1e-6)
        assert report.rsi == pytest.approx(wilder_rsi(close), abs=0.01)


def wilder_rsi(close: list[float]) -> float:
    gains = [max(0.0, b - a) for a, b in pairwise(close)]
    losses = [max(0.0, a - b) for a, b in pairwise(close)]
    up, down = sum(gains[:14]) / 14, sum(losses[:14]) / 14
    for gain, loss in zip(gains[14:], losses[14:], strict=True):
        up, down = (up * 13 + gain) / 14, (down * 13 + loss) / 14
    return 100 - 100 / (1 + up / down)


@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"])
async def test_analysis_every_interval_is_whole(interval: str) -> None:
    """The predecessor invented figures at 8 of 11 intervals."""
    async with a_house() as house:
        freeze(house)
        before = n_requests(house)
        report = await report_of(house, interval)
        assert n_requests(house) - before <= 12
        assert [each for each in report._fields if getattr(report, each) is None] == []
        assert report.missing == {}
        assert "n/a" not in await house.ask(f"/analysis BTC {interval}")
        await asyncio.sleep(2.5)
        before = n_requests(house)
        await report_of(house, interval)
        assert n_requests(house) - before <= 3


async def test_analysis_fifty_at_once_cost_one_set_of_requests() -> None:
    async with a_house() as house:
        freeze(house)
        await asyncio.gather(*(house.ask("/analysis BTC 1h") for _ in range(50)))
        assert n_requests(house) <= 12


async def test_analysis_is_quick_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """At 80 ms to every exchange; how fast it really is, the benchmarks say."""
    async with a_house() as house:
        house.world.set_latency(0.08)
        times = []
        for _ in range(10):
            await house.later()
            began = loop_time()
            await house.ask("/analysis BTC 1h")
            times.append(loop_time() - began)
        with capsys.disabled():
            print(f"\n/analysis cold at 80 ms: p95 {sorted(times)[-1] * 1000:.0f} ms of {len(times)}")
        assert max(times) < 8


HANGING = ["/fapi/v1/openInterest", "/fapi/v1/premiumIndex", "/fapi/v1/fundingInfo", "/futures/data/openInterestHist"]


@pytest.mark.parametrize("prefix", [*HANGING, "/futures/data/topLongShortAccountRatio", "/futures/data"])
async def test_analysis_one_source_never_answers(prefix: str) -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", prefix, "hang")
        began = loop_time()
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert loop_time() - began < 5
        assert text.startswith("BTC perp 1h ")
        assert "RSI 14: " in text
        assert "n/a: Binance did not answer in time." in text


async def test_analysis_parts_have_their_own_deadline() -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/futures/data", "hang")
        began = loop_time()
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert loop_time() - began < 4
        assert "OI change and long/short n/a: Binance did not answer in time." in text


async def test_analysis_of_a_silent_exchange_is_of_the_next() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "hang")
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert "Binance was slow." in text
        assert "\nBybit · " in text
        assert "CVD   n/a" in text
        assert "Bybit tells no taker volume." in text
        assert "n/a  n/a" not in text


@pytest.mark.parametrize("n", [2, 3, 10, 15])
async def test_analysis_of_a_young_market_invents_nothing(n: int) -> None:
    """On 1d: neither RSI 50 nor ATR 0, no “flat” trend and no score of what is not known."""
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        intercept(house, "BINANCE_USDM", young(n))
        report = await analysis.ask(house.bot.tools, OfMarket("BTC-USDT", "1d", ("perp",)))
        text = parse(await house.ask("/analysis BTC 1d perp")).text
        assert (report.rsi, report.atr, report.bands, report.ema_fast, report.volatility, report.spike) == (None,) * 6
        for line in ("vol   ", "n/a", "RSI 14: n/a", "ATR 14: n/a", "Bollinger 20, 2: n/a", "Volatility 24h: n/a"):
            assert line in text
        assert {each.name: each.points for each in report.score} | {"price": 0} == {
            "price": 0, "volume": None, "CVD": None, "split": None, "RSI": None,
        }  # fmt: skip
        assert "flat" not in text or n > 3
        assert f"VWAP of {min(7, n - 1)}: " in text


async def test_analysis_of_an_hour_old_market_names_why_days_are_missing() -> None:
    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        intercept(house, "BINANCE_USDM", young(3))
        text = parse(await house.ask("/analysis BTC 1h perp")).text
        assert "Session: n/a" in text
        assert "Day: n/a" in text
        assert "not enough history" in text or "too few candles" in text


async def test_analysis_of_thousands_is_per_coin() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await report_of(house, symbol="PEPE-USDT")
        coins = report.perp.open_interest and report.perp.open_interest.open_interest
        assert coins == pytest.approx(truth.interest("binance", "PEPE"), rel=1e-4)
        assert report.vwap == pytest.approx(truth.price("PEPE", NOW), rel=0.1)
        hour_rows = [truth.interest_of("binance", "PEPE", "USDT", NOW - 202 - hours * 3600) for hours in (1, 0)]
        evenly = hour_rows[0] + (hour_rows[1] - hour_rows[0]) * 202 / 3600
        assert report.open_interest_before[1] == pytest.approx(evenly, rel=1e-6)


async def test_analysis_edge_is_named_for_what_it_is() -> None:
    """It compares top POSITIONS with all accounts."""
    async with a_house() as house:
        freeze(house)
        report = await report_of(house)
        share = {each.what: each.now for each in report.shares if each.exchange == "binance"}
        points = (share["top positions"] - share["accounts"]) * 100
        assert f"Top positions against all: {points:+.1f} pp" in await house.ask("/analysis BTC 1h")


# Sessions and days, on candles of our own.


def quarters(until_ms: int, volume: Callable[[int], float], days: float = 8, price: float = 100.0) -> Candles:
    """Closed quarters of an hour up to a moment; volume(ms) of each."""
    times = array("q", range(until_ms - int(days * 96) * QUARTER_MS, until_ms, QUARTER_MS))
    flat, volumes = array("d", [price] * len(times)), array("d", map(volume, times))
    dollars = array("d", [each * price for each in volumes])
    bought = array("d", [each * 0.6 for each in volumes])
    return Candles(
        "binance", "BTC-USDT", "perp", QUARTER_MS, times, flat, flat, flat, flat, volumes, dollars, bought, True
    )


def at(text: str) -> int:
    """Milliseconds of "2025-07-15 10:00" UTC."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M")) * 1000


def uneven(time_ms: int) -> float:
    """A volume that tells hours and days apart."""
    return 10 + time_ms // HOUR_MS % 24 + (time_ms // DAY_MS % 7) ** 2


SEASONS = [  # until, session, begins, ends; hours of UTC
    ("2025-07-15 10:00", "London", 6, 12),
    ("2025-07-15 12:15", "New York", 12, 21),
    ("2025-07-15 20:45", "New York", 12, 21),
    ("2025-07-15 23:00", "Close", 21, 25),
    ("2025-07-15 03:30", "Asia", 1, 6),
    ("2025-01-15 10:00", "London", 7, 13),
    ("2025-01-15 15:30", "New York", 13, 22),
    ("2025-01-15 23:00", "Close", 22, 25),
    ("2025-01-15 06:30", "Asia", 1, 7),
    ("2025-03-19 11:00", "London", 7, 12),  # America has put its clocks forward, Europe has not
    ("2025-03-19 13:00", "New York", 12, 21),
    ("2025-10-29 11:45", "London", 7, 12),  # Europe has put its clocks back, America has not
    ("2025-10-29 20:00", "New York", 12, 21),
]


@pytest.mark.parametrize(("until", "name", "begin_h", "end_h"), SEASONS)
def test_session_in_every_season(until: str, name: str, begin_h: int, end_h: int) -> None:
    """Sums up to the last closed quarter; usual is the median of the seven days before, up to the same hour."""
    until_ms = at(until)
    midnight = until_ms // DAY_MS * DAY_MS
    candles = quarters(until_ms, uneven)
    found = sessions.session_sums(candles, None, until_ms + 1000)
    assert found is not None
    begin_ms, end_ms = midnight + begin_h * HOUR_MS, midnight + end_h * HOUR_MS
    assert found.session == (name, begin_ms, end_ms)
    assert found.coins == pytest.approx(sum(uneven(ms) for ms in range(begin_ms, until_ms, QUARTER_MS)))
    assert found.gone == pytest.approx((until_ms - begin_ms) / (end_ms - begin_ms))
    assert found.n_usual == 7


@pytest.mark.parametrize(("until", "begin_h"), [(each[0], each[2]) for each in SEASONS if each[0][5:7] in ("07", "01")])
def test_session_usual_is_the_median(until: str, begin_h: int) -> None:
    until_ms = at(until)
    begin_ms = until_ms // DAY_MS * DAY_MS + begin_h * HOUR_MS
    found = sessions.session_sums(quarters(until_ms, uneven), None, until_ms + 1000)
    days = [
        sum(uneven(ms) for ms in range(begin_ms - back * DAY_MS, until_ms - back * DAY_MS, QUARTER_MS))
        for back in range(1, 8)
    ]
    assert found is not None
    assert found.usual == pytest.approx(statistics.median(days))


def test_session_across_a_change_of_clocks() -> None:
    """On 2025-03-12 New York begins at 12:00; on the days before the 9th it began at 13:00 UTC."""
    until_ms = at("2025-03-12 15:00")
    found = sessions.session_sums(quarters(until_ms, uneven), None, until_ms)
    assert found is not None
    days = []
    for back in range(1, 8):
        begin_h = 12 if back <= 3 else 13
        begin_ms = until_ms // DAY_MS * DAY_MS - back * DAY_MS + begin_h * HOUR_MS
        days.append(sum(uneven(ms) for ms in range(begin_ms, begin_ms + 3 * HOUR_MS, QUARTER_MS)))
    assert (found.session.name, found.n_usual) == ("New York", 7)
    assert found.usual == pytest.approx(statistics.median(days))


def test_session_that_was_shorter_is_not_exceeded() -> None:
    """London had five hours in the week before 2025-03-30, and has six since: what follows five hours is New York."""
    until_ms = at("2025-03-31 12:00")
    found = sessions.session_sums(quarters(until_ms, lambda ms: 1.0), None, until_ms)
    assert found is not None
    assert (found.session.name, found.coins) == ("London", 24)
    assert found.usual == 20


def test_session_just_begun_is_the_last_one() -> None:
    found = sessions.session_sums(quarters(at("2025-07-15 12:00"), uneven), None, at("2025-07-15 12:05"))
    assert found is not None
    assert (found.session.name, found.gone) == ("London", 1.0)


def test_session_delta_and_price() -> None:
    until_ms = at("2025-07-15 08:00")
    candles = quarters(until_ms, lambda ms: 10.0)
    candles.close[-1] = 103.0
    found = sessions.session_sums(candles, flow_of(candles), until_ms)
    assert found is not None
    assert found.delta == pytest.approx(8 * 2.0)
    assert found.change_pct == pytest.approx(3)
    assert sessions.session_sums(candles, None, until_ms) == found._replace(delta=None)


def test_session_of_a_young_market() -> None:
    """What began within the session has no sum of it; what is three days old has a usual of two."""
    until_ms = at("2025-07-15 10:00")
    assert sessions.session_sums(quarters(until_ms, uneven, days=0.1), None, until_ms) is None
    found = sessions.session_sums(quarters(until_ms, uneven, days=3), None, until_ms)
    assert found is not None
    assert found.n_usual == 2
    fresh = sessions.session_sums(quarters(until_ms, uneven, days=0.5), None, until_ms)
    assert fresh is not None
    assert (fresh.usual, fresh.n_usual) == (None, 0)
    assert sessions.session_sums(quarters(until_ms, uneven, days=0), None, until_ms) is None


def test_session_ignores_the_running_quarter() -> None:
    until_ms = at("2025-07-15 10:00")
    candles = quarters(until_ms + QUARTER_MS, lambda ms: 1.0)
    found = sessions.session_sums(replace(candles, is_last_closed=None), None, until_ms + 60_000)
    assert found is not None
    assert found.coins == 16


def test_day_so_far_against_seven_days() -> None:
    until_ms = at("2025-07-15 10:00")
    midnight = until_ms // DAY_MS * DAY_MS
    found = sessions.sums_of_day(quarters(until_ms, uneven), until_ms + 1000)
    assert found is not None
    days = [
        sum(uneven(ms) for ms in range(midnight - back * DAY_MS, midnight - (back - 1) * DAY_MS, QUARTER_MS))
        for back in range(1, 8)
    ]
    assert found.coins == pytest.approx(sum(uneven(ms) for ms in range(midnight, until_ms, QUARTER_MS)))
    assert found.dollars == pytest.approx(found.coins * 100)
    assert (found.mean_coins, found.mean_dollars) == pytest.approx(
        (statistics.fmean(days), statistics.fmean(days) * 100)
    )
    assert found.gone == pytest.approx(10 / 24)


def test_day_of_a_young_market_has_no_mean() -> None:
    until_ms = at("2025-07-15 10:00")
    found = sessions.sums_of_day(quarters(until_ms, uneven, days=7), until_ms)
    assert found is not None
    assert (found.mean_coins, found.mean_dollars) == (None, None)
    assert sessions.sums_of_day(quarters(until_ms, uneven, days=0.25), until_ms) is None


def test_day_without_turnover_has_no_dollars() -> None:
    """Kraken and Coinbase tell no turnover: 0 dollars would be invented."""
    until_ms = at("2025-07-15 10:00")
    found = sessions.sums_of_day(replace(quarters(until_ms, uneven), quote_volume=None), until_ms)
    assert found is not None
    assert found.coins > 0
    assert found.dollars is None
    assert found.mean_dollars is None


async def test_analysis_without_turnover_shows_no_dollars() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert "$0" not in text


async def test_analysis_session_of_the_world() -> None:
    """At 14:03 UTC in November four quarters of New York's nine hours are closed."""
    async with a_house() as house:
        truth = freeze(house)
        report = await report_of(house)
        first = int(at("2025-11-23 13:00") // QUARTER_MS)
        candles = truth.candles("binance", "BTC", "perp", 15, first, first + 3)
        assert report.session is not None
        assert report.session.session.name == "New York"
        assert report.session.gone == pytest.approx(1 / 9)
        assert report.session.coins == pytest.approx(sum(candle.volume for candle in candles), rel=1e-6)
        assert report.session.delta == pytest.approx(sum(2 * c.buy_volume - c.volume for c in candles), rel=1e-4)
        assert report.session.change_pct == pytest.approx((candles[-1].close / candles[0].open - 1) * 100, abs=1e-3)


def test_volatility_needs_the_whole_day() -> None:
    until_ms = at("2025-07-15 10:00")
    assert sessions.day_volatility(quarters(until_ms, uneven), until_ms) == 0
    assert sessions.day_volatility(quarters(until_ms, uneven, days=1), until_ms) is None


# The score.


def points(**changes: Any) -> dict[str, int | None]:
    neutral: dict[str, Any] = {
        "change_pct": 0.0, "spike": Spike(1, 1, 0, "NORMAL"), "flow_trend": 0, "day_delta": 0.0, "divergence": "",
        "rsi": 50.0,
    }  # fmt: skip
    return {each.name: each.points for each in control.score(**(neutral | changes))}


@pytest.mark.parametrize(
    ("change_pct", "expected"),
    [(6, 3), (5, 2), (2.1, 2), (2, 1), (0.1, 1), (0, 0), (-0.1, -1), (-2, -1), (-2.1, -2), (-5, -2), (-5.1, -3)],
)
def test_score_of_price(change_pct: float, expected: int) -> None:
    assert points(change_pct=change_pct)["price"] == expected


@pytest.mark.parametrize(
    ("spike_pct", "level", "expected"),
    [
        (600, "EXTREME", 2),
        (400, "HIGH", 1),
        (200, "MODERATE", 1),
        (100, "LOW", 0),
        (0, "NORMAL", 0),
        (-90, "NORMAL", 0),
    ],
)
def test_score_of_volume(spike_pct: float, level: str, expected: int) -> None:
    assert points(spike=Spike(1, 1, spike_pct, level))["volume"] == expected


@pytest.mark.parametrize(
    ("trend", "day_delta", "expected"), [(1, 5, 2), (1, -5, 1), (1, 0, 1), (-1, -5, -2), (-1, 5, -1), (0, 5, 0)]
)
def test_score_of_flow(trend: int, day_delta: float, expected: int) -> None:
    assert points(flow_trend=trend, day_delta=day_delta)["CVD"] == expected


@pytest.mark.parametrize(("divergence", "expected"), [("bullish", 1), ("bearish", -1), ("", 0)])
def test_score_of_divergence(divergence: str, expected: int) -> None:
    assert points(divergence=divergence)["split"] == expected


@pytest.mark.parametrize(
    ("rsi", "expected"), [(71, -1), (70, 1), (51, 1), (50, 0), (49, -1), (30, -1), (29, 1), (0, 1), (100, -1)]
)
def test_score_of_rsi(rsi: float, expected: int) -> None:
    assert points(rsi=rsi)["RSI"] == expected


def test_score_of_what_is_missing() -> None:
    found = control.score(None, None, None, None, "", None)
    assert [each.points for each in found] == [None] * 5
    assert points(flow_trend=1, day_delta=None)["CVD"] is None


async def test_score_adds_up_in_the_message() -> None:
    async with a_house() as house:
        freeze(house)
        report = await report_of(house)
        line = next(
            each for each in parse(await house.ask("/analysis BTC 1h")).text.split("\n") if each.startswith("Bias")
        )
        total = sum(each.points or 0 for each in report.score)
        assert f"Bias {f'{total:+d}' if total else '0'} (-7…+9)" in line
        for each in report.score:
            name = analysis.BIAS[each.name]
            assert f"{name} {each.points:+d}" in line or (each.points == 0 and f"{name} 0" in line)


@pytest.mark.parametrize("exchange", ["bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken", "coinbase"])
async def test_analysis_of_every_exchange(exchange: str) -> None:
    """None tells everything; what one does not tell is n/a, with no zero in its place."""
    async with a_house(EXCHANGES=exchange) as house:
        text = parse(await house.ask("/analysis BTC 1h")).text
        kind = "spot" if exchange == "coinbase" else "perp"
        assert text.split("\n")[0].split()[1:3] == [kind, "1h"]
        assert "RSI 14: " in text
        assert "RSI 14: n/a" not in text
        for zero in ("$0", " 0 BTC", "Volatility 24h: 0.00"):
            assert zero not in text
        assert ("CVD   n/a" in text) == (exchange not in ("okx", "kraken"))
