"""/volscan: the spikes that there truly are."""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from typing import Any

import orjson
import pytest
from answering import NOW, QUARTER_S, asked_of, freeze, intercept, largest, scanned
from conftest import House, a_house, a_house_among_many

from answers import volscan
from answers.volscan import Scan
from clock import loop_time
from demo.market import Market as Truth
from demo.telegram_html import parse
from demo.web import Reply, in_json

# /volscan


async def scan(house: House, threshold: float = 200.0, interval: str = "15m", n: int = 200) -> Scan:
    return await volscan.ask(house.bot.tools, volscan.Scanning(threshold, interval, n))


def true_spike(truth: Truth, base: str, minutes: int, exchange: str = "binance") -> float:
    """Percent above the median of the 96 candles before, the 4 highest and 4 lowest left out."""
    last = int(truth.clock() // (minutes * 60)) - 1
    candles = truth.candles(exchange, base, "perp", minutes, last - 96, last)
    *before, now = (candle.volume for candle in candles)
    return (now / statistics.median(sorted(before)[4:-4]) - 1) * 100


@pytest.mark.parametrize("interval", ["15m", "1h"])
async def test_scan_finds_the_true_spikes(interval: str) -> None:
    async with a_house() as house:
        truth = freeze(house)
        found = await scan(house, 0.0, interval, n=50)
        minutes = {"15m": 15, "1h": 60}[interval]
        wanted = list(largest(truth, "binance", "perp"))[:50]
        spikes = {base: true_spike(truth, base, minutes) for base in wanted}
        assert {each.symbol.partition("-")[0] for each in found.spikes} == {b for b, pct in spikes.items() if pct >= 0}
        for each in found.spikes:
            assert each.spike_pct == pytest.approx(spikes[each.symbol.partition("-")[0]], rel=1e-4, abs=1e-3)
        assert [each.spike_pct for each in found.spikes] == sorted((e.spike_pct for e in found.spikes), reverse=True)
        assert (found.n_scanned, found.n_young, found.failed) == (50, 0, {})


async def test_scan_tells_turnover_and_price_of_the_closed_candle() -> None:
    async with a_house() as house:
        truth = freeze(house)
        each = (await scan(house, 100.0)).spikes[0]
        base = each.symbol.partition("-")[0]
        last = int(NOW // QUARTER_S) - 1
        (candle,) = truth.candles("binance", base, "perp", 15, last, last, truth.coins[base].multiplier)
        assert each.dollars == pytest.approx(candle.turnover, rel=1e-6)
        assert each.change_pct == pytest.approx((candle.close / candle.open - 1) * 100, abs=1e-3)
        assert each.closed_ms == (last + 1) * QUARTER_S * 1000


@pytest.mark.parametrize("threshold", [0.0, 50.0, 200.0, 400.0])
async def test_scan_threshold(threshold: float) -> None:
    async with a_house() as house:
        freeze(house)
        everything = (await scan(house, 0.0)).spikes
        found = (await scan(house, threshold)).spikes
        assert found == [each for each in everything if each.spike_pct >= threshold]


async def test_scan_takes_the_most_traded() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        truth = freeze(house)
        text = await house.ask("/volscan")
        assert "20 perpetuals scanned, 0 failed" in text
        assert set(scanned(house)) == set(list(largest(truth, "binance", "perp"))[:20])


@pytest.mark.no_cover
async def test_scan_is_of_two_hundred_unless_told() -> None:
    async with a_house_among_many() as house:
        assert "200 perpetuals scanned, 0 failed" in await house.ask("/volscan")
        asked = set(asked_of(house, "BINANCE_USDM", "/fapi/v1/klines"))
        assert len(asked) >= 200  # of a coin that shares its name with another, two contracts
        assert len(set(scanned(house))) in (199, 200)  # the two have one name here, where both are among the largest


async def test_scan_asks_few_at_once() -> None:
    open_now, most = 0, 0

    async def counting(asked: Any, whole: Any) -> Any:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.005)
        try:
            return await whole(asked)
        finally:
            open_now -= 1

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", counting)
        await scan(house)
        assert 8 <= most <= 24


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("intervals", "most"), [(("15m",), 600), pytest.param(("15m", "1h", "5m", "4h"), 2400, marks=pytest.mark.trial)]
)
async def test_scan_stays_within_the_weight(intervals: tuple[str, ...], most: int) -> None:
    """Four of them within a minute's."""
    async with a_house_among_many() as house:
        freeze(house)
        for interval in intervals:
            await house.ask(f"/volscan {interval}")
        assert 200 < sum(house.world.sites["BINANCE_USDM"].weights.values()) <= most


async def test_scan_again_costs_nothing_within_the_candle() -> None:
    async with a_house() as house:
        freeze(house)
        first = await scan(house)
        n_asked = len(scanned(house))
        second = await scan(house, 10.0)
        assert len(scanned(house)) == n_asked
        assert (second.n_scanned, second.closed_ms) == (first.n_scanned, first.closed_ms)


async def test_scan_of_the_next_candle_asks_again() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        freeze(house)
        before = await scan(house, 0.0, n=20)
        truth = freeze(house, NOW + QUARTER_S)
        after = await scan(house, -100.0, n=20)
        assert after.closed_ms == before.closed_ms + QUARTER_S * 1000
        for each in after.spikes:
            spike = true_spike(truth, each.symbol.partition("-")[0], 15)
            assert each.spike_pct == pytest.approx(spike, rel=1e-4, abs=1e-3)


async def test_scan_some_markets_fail() -> None:
    async def failing(asked: Any, whole: Any) -> Any:
        broken = asked.query.get("symbol") in ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        return Reply(500, b"{}") if broken and asked.path.endswith("klines") else await whole(asked)

    async with a_house(VOLSCAN_SYMBOLS="50") as house:
        intercept(house, "BINANCE_USDM", failing)
        found = await scan(house, 0.0, n=50)
        assert set(found.failed) == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
        assert found.n_scanned == 47
        text = await house.ask("/volscan")
        assert "47 perpetuals scanned, 3 failed" in text
        assert "Failed: Binance answered HTTP 500." in text


async def test_scan_forgets_failures() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        assert len((await scan(house, n=20)).failed) == 20
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "")
        await house.later()
        assert (await scan(house, n=20)).failed == {}


async def test_scan_exchange_fails_midway() -> None:
    n_asked = 0

    async def until_the_thirtieth(asked: Any, whole: Any) -> Any:
        nonlocal n_asked
        n_asked += asked.path.endswith("klines")
        return Reply(500, b"{}") if n_asked > 30 else await whole(asked)

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", until_the_thirtieth)
        found = await scan(house, 0.0, n=60)
        assert 10 < found.n_scanned <= 30
        assert found.n_scanned + len(found.failed) == 60
        assert all(each.symbol not in found.failed for each in found.spikes)


async def test_scan_ends_in_time() -> None:

    async def slow(asked: Any, whole: Any) -> Any:
        if asked.path.endswith("klines") and asked.query["symbol"] == "BTCUSDT":
            await asyncio.sleep(9)
        return await whole(asked)

    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        intercept(house, "BINANCE_USDM", slow)
        began = loop_time()
        text = await house.ask("/volscan")
        assert loop_time() - began <= volscan.SCAN_S
        assert "19 perpetuals scanned, 1 failed" in text
        assert "Failed: Binance did not answer in time." in text


async def test_scan_that_saw_nothing_says_so() -> None:
    """Neither “no market is above” nor a candle of 1970: nothing is known."""
    async with a_house() as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        text = parse(await house.ask("/volscan")).text
        assert "No market is above" not in text
        assert "1970" not in text
        assert "00:00:00 UTC" not in text
        assert "9999d" not in text


async def test_scan_of_an_exchange_with_a_small_budget_goes_on() -> None:
    """OKX allows 40 candles per 2 s: the scan takes its time, it does not give up on all others at once."""
    async with a_house_among_many(EXCHANGES="okx") as house:
        found = await scan(house, n=80)
        assert (found.n_scanned, found.failed) == (80, {})


async def test_scan_without_lists_of_perpetuals() -> None:
    async with a_house(EXCHANGES="coinbase") as house:
        text = await house.ask("/volscan")
        assert "Something went wrong" not in text
        assert "Coinbase" in text


async def test_scan_names_who_failed_before() -> None:
    async with a_house(VOLSCAN_SYMBOLS="10") as house:
        await house.world.set_fault("binance", "451")
        text = await house.ask("/volscan")
        assert "Binance refused this server's region." in text
        assert "Bybit · candle closed" in text


async def test_scan_young_markets_are_no_spikes() -> None:
    """20 candles before the last closed one are what it takes to say what is normal."""

    async def young(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        keep = {"BTCUSDT": 21, "ETHUSDT": 22, "SOLUSDT": 1}.get(asked.query.get("symbol", ""))
        return in_json(orjson.loads(reply.body)[-keep:]) if keep and asked.path.endswith("klines") else reply

    async with a_house(VOLSCAN_SYMBOLS="10") as house:
        intercept(house, "BINANCE_USDM", young)
        found = await scan(house, -100.0, n=10)
        names = {each.symbol for each in found.spikes}
        assert "ETH-USDT" in names
        assert not names & {"BTC-USDT", "SOL-USDT"}
        assert (found.n_scanned, found.n_young, len(found.failed)) == (8, 2, 0)
        assert ", 2 too young." in await house.ask("/volscan")


OFFSETS = (1, 9, 90, 450, 891, 899)  # seconds of a candle's 900


@pytest.mark.parametrize("offset_s", OFFSETS)
async def test_scan_flat_market_is_no_spike(offset_s: int) -> None:
    async with a_house() as house:
        truth = freeze(house, NOW // QUARTER_S * QUARTER_S + offset_s)
        truth.activities["BTC"] = lambda minute: 1.0
        (each,) = (await scan(house, -100.0, n=1)).spikes
        assert each.spike_pct == pytest.approx(0, abs=1e-4)
        assert each.level == "NORMAL"


@pytest.mark.parametrize("offset_s", OFFSETS)
async def test_scan_fourfold_candle_at_every_moment(offset_s: int) -> None:
    begin_s = NOW // QUARTER_S * QUARTER_S
    async with a_house() as house:
        truth = freeze(house, begin_s + offset_s)
        truth.activities["BTC"] = lambda minute: 4.0 if begin_s - QUARTER_S <= minute * 60 < begin_s else 1.0
        (each,) = (await scan(house, 200.0, n=1)).spikes
        assert each.spike_pct == pytest.approx(300, abs=1e-3)
        assert each.level == "HIGH"


@pytest.mark.parametrize(
    ("words", "head"),
    [
        ("", "Volume spikes from +200% 15m"),
        ("300", "Volume spikes from +300% 15m"),
        ("1h", "Volume spikes from +200% 1h"),
        ("1h 50", "Volume spikes from +50% 1h"),
        ("50 1H", "Volume spikes from +50% 1h"),
        ("50%", "Volume spikes from +50% 15m"),
        ("0", "Volume spikes from +0% 15m"),
        ("12.5", "Volume spikes from +12.5% 15m"),
        ("100000", "Volume spikes from +100000% 15m"),
    ],
)
async def test_scan_words(words: str, head: str) -> None:
    async with a_house(VOLSCAN_SYMBOLS="2") as house:
        assert parse(await house.ask(f"/volscan {words}")).text.split("\n")[0] == head


@pytest.mark.parametrize("word", ["BTC", "1e999", "nan", "inf", "٣", "5x", "%", "<b>", "1_000", "7m"])
async def test_scan_unknown_word(word: str) -> None:
    async with a_house() as house:
        text = parse(await house.ask(f"/volscan {word}")).text
        assert text == f"“{word}” is not understood here. Try /volscan 200 15m."
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


@pytest.mark.parametrize("word", ["-5", "100001", "999999999999"])
async def test_scan_beyond_its_bounds(word: str) -> None:
    async with a_house() as house:
        text = parse(await house.ask(f"/volscan {word}")).text
        assert text == "A spike is looked for from 0% to 100,000%. Try /volscan 200 15m."


async def test_scan_at_once_costs_one_set_of_requests() -> None:
    async with a_house(VOLSCAN_SYMBOLS="30") as house:
        await asyncio.gather(*(house.ask("/volscan") for _ in range(20)))
        counts = Counter(house.world.sites["BINANCE_USDM"].asked)
        assert len(set(scanned(house))) == 30
        assert max(counts.values()) == 1


async def test_scan_asks_for_no_market_singly() -> None:
    """Which of two coins of one name is meant, the list that it scans has settled."""
    async with a_house(EXCHANGES="binance") as house:
        await house.ask("/volscan 200")
        assert asked_of(house, "BINANCE_USDM", "/fapi/v1/ticker/24hr?symbol") == []
        assert asked_of(house, "BINANCE_SPOT", "/api/v3/ticker/24hr") == []
