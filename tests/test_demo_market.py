"""The offline market: whatever one looks at, and whenever, it is one market."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from conftest import ROOT, together
from demo_kit import NOW

import demo
from demo.clock import Clock
from demo.coins import SHARES, SPREAD, contract_of
from demo.market import Market
from demo.paths import MAX_SAID_BYTES, Said, Series
from demo.web import Asked, Reply


async def test_world_agrees_with_itself() -> None:
    """The same moment is the same market on every exchange; another moment is another one."""
    now = [1_763_906_602.0]
    one, other = demo.World(clock=lambda: now[0]).market, demo.World(clock=lambda: now[0]).market
    assert one.day("binance", "BTC", "spot") == other.day("binance", "BTC", "spot")
    assert one.day("bybit", "BTC", "perp").last == pytest.approx(one.day("okx", "BTC", "spot").last, rel=1e-3)
    before = one.day("binance", "BTC", "spot")
    now[0] += 600
    assert one.day("binance", "BTC", "spot") != before
    for base in one.coins:
        day = one.day("okx", base, "spot")
        assert day.low <= day.last <= day.high
        assert day.bid < day.last < day.ask


# The market.


def a_market(at_s: float = NOW) -> Market:
    return Market(clock=lambda: at_s)


@together("minutes", [5, 15, 60, 240, 1440])
def test_candles_sum_to_bigger_candles(minutes: int) -> None:
    market = a_market()
    slot = int(NOW // (minutes * 60)) - 1
    (whole,) = market.candles("bybit", "ETH", "perp", minutes, slot, slot)
    parts = market.candles("bybit", "ETH", "perp", 1, slot * minutes, (slot + 1) * minutes - 1)
    assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)
    assert max(part.high for part in parts) == pytest.approx(whole.high, rel=4e-3)
    assert min(part.low for part in parts) == pytest.approx(whole.low, rel=4e-3)
    assert whole.low <= min(whole.open, whole.close) <= max(whole.open, whole.close) <= whole.high
    for field in ("volume", "buy_volume"):
        assert sum(getattr(part, field) for part in parts) == pytest.approx(getattr(whole, field), rel=1e-3)
    assert 0.35 <= whole.buy_volume / whole.volume <= 0.65


def test_running_candle_has_its_elapsed_part_only() -> None:
    market = a_market(NOW // 3600 * 3600 + 900)
    market.activities["BTC"] = lambda minute: 1.0
    slot = int(NOW // 3600)
    before, running = market.candles("binance", "BTC", "spot", 60, slot - 1, slot + 5)
    assert (before.is_closed, running.is_closed) == (True, False)
    assert running.volume == pytest.approx(before.volume / 4)
    assert running.close == round(market.price("BTC", market.clock()), 1)
    assert before.close == running.open


def test_day_is_the_sum_of_its_candles() -> None:
    for base in ("BTC", "JUP", "QAK"):
        market = a_market(NOW // 3600 * 3600)
        slot = int(NOW // 3600)
        day = market.day("okx", base, "perp")
        candles = market.candles("okx", base, "perp", 60, slot - 24, slot - 1)
        assert sum(candle.volume for candle in candles) == pytest.approx(day.volume, rel=1e-6)
        assert sum(candle.turnover for candle in candles) == pytest.approx(day.turnover, rel=0.03)
        assert max(candle.high for candle in candles) == pytest.approx(day.high, rel=0.01)
        assert candles[0].open == pytest.approx(day.open, rel=1e-4)


def test_activity_can_be_told() -> None:
    market = a_market()
    usual = market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)
    busy = range(1_959_004 * 15, 1_959_005 * 15)
    market.activities["SOL"] = lambda minute: 4.0 if minute in busy else 1.0
    volumes = [candle.volume for candle in market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)]
    assert [round(volume / volumes[0], 6) for volume in volumes] == [1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1]
    assert market.activity("SOL", busy[0]) == 4.0
    del market.activities["SOL"]
    assert market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010) == usual


@together("minutes", [5, 15, 60, 240])
def test_few_candles_are_spikes(minutes: int) -> None:
    """Of all coins' last closed candles some are at least twice the twenty before, and most are as ever."""
    market, last = a_market(), int(NOW // (minutes * 60)) - 1
    ratios = []
    for base in market.coins:
        *before, bar = market.bars(base, minutes, last - 20, last)
        ratios.append(bar.volume / (sum(each.volume for each in before) / 20))
    assert 1 <= sum(ratio > 2 for ratio in ratios) <= len(ratios) * 0.08
    assert sum(0.6 < ratio < 1.4 for ratio in ratios) > len(ratios) * 0.8


def test_interest_has_a_past_and_funding_a_period() -> None:
    market = a_market()
    assert market.interest("okx", "BTC") == market.interest_of("okx", "BTC", "USDT", NOW)
    assert market.interest_of("okx", "BTC", "USDT", NOW - 86_400) != market.interest("okx", "BTC")
    assert market.interest_of("gate", "ETH", "coin") == 0
    assert market.margins("hyperliquid", "BTC") == ("USDC",)
    assert market.margins("kraken", "SOL") == ("USD",)
    assert market.funding_of("binance", "BTC") == market.funding("BTC")
    hours = {exchange: market.funding_of(exchange, "BTC")[1] for exchange in ("bybit", "kraken", "hyperliquid")}
    assert hours == {"bybit": 8, "kraken": 1, "hyperliquid": 1}
    assert market.funding_of("bybit", "JUP")[1] == 4


# A hundred moments.


def moments(
    n: int, seed: str, step_s: int = 1, kinds: Sequence[str] = ("spot", "perp")
) -> list[tuple[Market, str, str, str]]:
    """Markets at any time of the last two years: the world then, an exchange, a coin, and spot or perp."""
    chance = random.Random(seed)
    found: list[tuple[Market, str, str, str]] = []
    while len(found) < n:
        market = a_market(chance.randrange(int(NOW) - 63_000_000, int(NOW)) // step_s * step_s + 0.0)
        exchange, kind = chance.choice([*SHARES]), chance.choice(kinds)
        listed = market.listed(exchange, kind)
        if listed:
            found.append((market, exchange, chance.choice(listed).base, kind))
    return found


@pytest.mark.parametrize("n", [12, pytest.param(100, marks=pytest.mark.trial)])
def test_ticker_is_what_candles_say(n: int) -> None:
    for market, exchange, base, kind in moments(n, "tickers"):
        now, coin = market.clock(), market.coin(exchange, base)
        many, margin = contract_of(exchange, coin)[1] if kind == "perp" else 1, "USDT"
        if kind == "perp":
            margin = market.margins(exchange, base)[0]
        day, minute = market.day(exchange, base, kind, many, margin), int(now // 60)
        candles = market.candles(exchange, base, kind, 1, minute - 1440, minute, many, margin)
        if coin.ended_d:
            assert (candles, day.volume) == ([], 0)
            continue
        assert (candles[0].open, candles[-1].close) == (day.open, day.last), (exchange, base)
        assert (max(c.high for c in candles), min(c.low for c in candles)) == (day.high, day.low), (exchange, base)
        volumes = [c.volume for c in candles]
        assert sum(volumes[1:]) * 0.999999 <= day.volume <= sum(volumes) * 1.000001
        assert day.turnover == pytest.approx(sum(c.turnover for c in candles), rel=0.01)


@pytest.mark.parametrize("n", [12, pytest.param(100, marks=pytest.mark.trial)])
def test_candles_of_any_length_agree(n: int) -> None:
    for market, exchange, base, kind in moments(n, "lengths"):
        day = int(market.clock() // 86_400) - 5
        days = market.candles(exchange, base, kind, 1440, day, day)
        for minutes in (720, 240, 60, 30, 15, 5, 1):
            n_parts = 1440 // minutes
            parts = market.candles(exchange, base, kind, minutes, day * n_parts, (day + 1) * n_parts - 1)
            if not days:
                assert parts == []
                continue
            (whole,) = days
            assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)
            assert (max(c.high for c in parts), min(c.low for c in parts)) == (whole.high, whole.low)
            assert sum(c.volume for c in parts) == pytest.approx(whole.volume, rel=1e-9)
            assert sum(c.buy_volume for c in parts) == pytest.approx(whole.buy_volume, rel=1e-9)
            assert all(0 < c.buy_volume < c.volume for c in parts)


def test_exchanges_agree_within_their_spread() -> None:
    for market, exchange, base, kind in moments(100, "spreads"):
        coin = market.coin(exchange, base)
        last = market.day(exchange, base, kind).last
        others = [name for name in SHARES if market.lists(name, base, kind) is coin]
        prices = [market.day(name, base, kind).last for name in others]
        assert exchange in others
        assert max(prices) - min(prices) <= last * SPREAD + 2 * coin.tick, (
            base,
            dict(zip(others, prices, strict=True)),
        )


def test_interest_of_the_past_leads_to_that_of_now() -> None:
    for market, exchange, base, _ in moments(100, "interest", kinds=["perp"]):
        if market.coin(exchange, base).ended_d:
            continue
        now, margin = market.clock(), market.margins(exchange, base)[0]
        past = [market.interest_of(exchange, base, margin, now - ago * 300) for ago in range(289)]
        assert past[0] == market.interest_of(exchange, base, margin)
        step = market.smallest(exchange, base)
        assert all(abs(one - other) <= 0.02 * other + 2 * step for one, other in itertools.pairwise(past)), (
            exchange,
            base,
        )


@pytest.mark.parametrize("n", [40, pytest.param(100, marks=pytest.mark.trial)])
def test_liquidations_are_of_what_the_price_did(n: int) -> None:
    """Each at a price that its five minutes had, longs below where they began; in two halves as in one whole."""
    n_told = 0
    for market, exchange, base, _ in moments(n, "liquidations", kinds=["perp"]):
        coin, now = market.coin(exchange, base), market.clock()
        if coin.ended_d:
            continue
        margin, many = market.margins(exchange, base)[0], contract_of(exchange, coin)[1]
        begin = now - 6 * 3600
        told = market.liquidations(exchange, base, begin, now, margin)
        halves = [
            market.liquidations(exchange, base, *each, margin) for each in ((begin, now - 9999), (now - 9999, now))
        ]
        assert halves[0] + halves[1] == told
        for each in told:
            slot = each.time_ms // 300_000
            (bar,) = market.candles(exchange, base, "perp", 5, slot, slot, many, margin)
            near = 0.003 * bar.close / many  # a perpetual's basis, and its exchange's own
            low, high = (bar.low / many, bar.open / many) if each.side == "long" else (bar.open / many, bar.high / many)
            assert low - near <= each.price <= high + near, (exchange, base, each)
            assert begin * 1000 <= each.time_ms < now * 1000
        n_told += len(told)
    assert n_told > 100


def test_coins_of_one_name_are_not_one() -> None:
    market = a_market()
    here, there = market.day("binance", "NEIRO", "perp").last, market.day("gate", "NEIRO", "perp").last
    assert there / here > 30
    stock, coin = market.day("binance", "CAT", "perp").last, market.day("binance", "1000CAT", "perp").last
    assert stock / coin > 10_000


def returns(market: Market, base: str, days: int = 400) -> list[float]:
    prices = [market.price(base, NOW - day * 86_400) for day in range(days)]
    return [later / earlier - 1 for later, earlier in itertools.pairwise(prices)]


def test_coins_follow_btc_as_they_are_said_to() -> None:
    market = a_market()
    btc = returns(market, "BTC")
    assert 0.015 < statistics.pstdev(btc) < 0.04
    ties = {base: statistics.correlation(btc, returns(market, base)) for base in ("ETH", "SOL", "TRB", "XAUT")}
    assert ties["ETH"] > 0.6 < ties["SOL"] + 0.1
    assert abs(ties["XAUT"]) < 0.3 > abs(ties["TRB"]) - 0.2
    assert statistics.pstdev(returns(market, "TRB")) > 2 * statistics.pstdev(btc)


# What is done to it.


def test_crash_moves_price_volume_interest_and_longs() -> None:
    now = [NOW]
    market = Market(clock=lambda: now[0])
    calm = Market(clock=lambda: now[0])
    market.shake("crash")
    before, interest = market.price("BTC", NOW), market.interest("okx", "BTC")
    now[0] += 1200
    assert market.price("BTC", now[0]) < before * 0.9
    assert market.interest("okx", "BTC") < interest * 0.96
    (running,) = market.candles("okx", "BTC", "perp", 60, int(NOW // 3600), int(NOW // 3600))
    assert running.low == market.day("okx", "BTC", "perp").low
    assert running.volume > 1.5 * calm.candles("okx", "BTC", "perp", 60, int(NOW // 3600), int(NOW // 3600))[0].volume
    sides = [each.side for each in market.liquidations("okx", "BTC", NOW, now[0])]
    assert sides.count("long") > 4 * sides.count("short")
    market.calm()
    assert market.day("okx", "BTC", "perp") == calm.day("okx", "BTC", "perp")


def test_candles_agree_while_it_crashes_and_ever_after() -> None:
    now = [NOW]
    market = Market(clock=lambda: now[0])
    market.shake("crash")
    market.shake("squeeze", base="ETH")
    now[0] += 2 * 86_400
    for base in ("BTC", "ETH", "DOGE"):
        for slot in range(int(NOW // 14_400) - 1, int(NOW // 14_400) + 8):
            (whole,) = market.candles("okx", base, "perp", 240, slot, slot)
            for minutes in (60, 15, 1):
                n = 240 // minutes
                parts = market.candles("okx", base, "perp", minutes, slot * n, (slot + 1) * n - 1)
                assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)
                assert (max(c.high for c in parts), min(c.low for c in parts)) == (whole.high, whole.low)
                assert all(early.close == late.open for early, late in itertools.pairwise(parts))
                assert sum(c.volume for c in parts) == pytest.approx(whole.volume, rel=1e-9)


def test_crash_at_three_times_its_speed() -> None:
    market, faster = a_market(), a_market()
    market.shake("crash")
    faster.shake("crash", speed=3)
    assert faster.price("BTC", NOW + 220) == pytest.approx(market.price("BTC", NOW + 620), rel=0.01)
    for name, speed in (("nonsense", 1.0), ("crash", 0.0), ("crash", 1000.0)):
        with pytest.raises(ValueError, match="no such"):
            market.shake(name, speed)


def test_crash_stays_in_its_world() -> None:
    now = [NOW]
    shaken, calm = Market(8, lambda: now[0], 0), Market(8, lambda: now[0], 0)
    shaken.shake("crash")
    now[0] += 7200
    quarter = int(NOW // 900)
    for base in calm.coins:
        shaken.bars(base, 15, quarter, quarter + 3)
        quarters, minutes = (
            calm.bars(base, 15, quarter, quarter + 3),
            calm.bars(base, 1, quarter * 15, quarter * 15 + 59),
        )
        assert sum(bar.volume for bar in quarters) == pytest.approx(sum(bar.volume for bar in minutes))


async def test_rows_are_kept_for_worlds_that_are_alike() -> None:
    now = [NOW]
    shaken, calm = (demo.World(clock=lambda: now[0], n_fillers=0) for _ in range(2))

    async def rows(world: demo.World) -> Any:
        query = {"symbol": "ETHUSDT", "interval": "5m", "limit": "20"}
        reply = await world.sites["BINANCE_USDM"].handler(Asked("GET", "/fapi/v1/klines", query, {}, b""))
        return json.loads(reply.body)[:-1]  # but for the running one, of which none is kept

    before = await rows(shaken)
    shaken.market.shake("rally")
    assert await rows(calm) == before
    now[0] += 3600
    assert await rows(shaken) != await rows(calm)
    shaken.market.calm()
    assert await rows(shaken) == await rows(calm)


def test_answer_is_made_once_while_the_clock_stands() -> None:
    now, made = [NOW], list[str]()
    one, other = (Market(10, lambda: now[0], 0) for _ in range(2))

    def said(market: Market, question: str) -> str:
        def answer() -> Reply:
            made.append(question)
            return Reply(200, f"{len(made)} at {market.clock() - NOW}".encode())

        return market.say((question,), answer).body.decode()

    assert said(one, "a") == "1 at 0.0"  # nobody knows yet that it stands
    assert [said(one, "a"), said(other, "a"), said(other, "b")] == ["2 at 0.0", "2 at 0.0", "3 at 0.0"]
    one.shake("crash")
    assert [said(one, "a"), said(other, "a")] == ["4 at 0.0", "2 at 0.0"]
    now[0] += 1
    assert (said(other, "a"), other.clock()) == ("5 at 1.0", NOW + 1)


def test_what_was_said_has_its_bounds() -> None:
    kept, body = Said(), bytes(MAX_SAID_BYTES // 5)

    def said(question: str, body: bytes = b"anew") -> bytes:
        reply: Reply = kept.say(NOW, (question,), lambda: Reply(200, body))
        return reply.body

    for question in "aabcdef":
        said(question, body)
    assert [said(question) == body for question in "fba"] == [True, True, False]
    said("long", body + body)
    assert said("long") == b"anew"


def test_what_was_asked_longest_ago_is_forgotten() -> None:
    made: list[tuple[int, int]] = []

    def make(first: int, last: int) -> list[str]:
        made.append((first, last))
        return [str(number) for number in range(first, last + 1)]

    series = Series(10)
    assert series.read("one", 3, 6, make) == ["3", "4", "5", "6"]
    assert series.read("one", 1, 7, make) == ["1", "2", "3", "4", "5", "6", "7"]
    assert series.read("one", 2, 7, make)[0] == "2"
    series.read("other", 1, 4, make)
    series.read("one", 1, 1, make)
    assert made == [(3, 6), (1, 7), (1, 4), (1, 1)]


def test_squeeze_of_one_coin() -> None:
    market, calm = a_market(), a_market()
    market.shake("squeeze", base="DOGE")
    assert market.price("DOGE", NOW + 800) > 1.5 * calm.price("DOGE", NOW + 800)
    assert market.price("BTC", NOW + 800) == calm.price("BTC", NOW + 800)


def test_market_that_has_ended_and_one_that_has_begun() -> None:
    market = a_market()
    ended, begun = market.day("gate", "FTT", "perp"), market.day("gate", "MEGA", "perp")
    assert (ended.volume, ended.high) == (0, ended.low)
    last = market.candles("gate", "FTT", "perp", 60, int(NOW // 3600) - 200, int(NOW // 3600))[-1]
    assert NOW * 1000 - last.open_ms > 2 * 86_400_000
    assert last.close == ended.last
    assert begun.volume > 0
    days = market.candles("gate", "MEGA", "perp", 1440, int(NOW // 86_400) - 100, int(NOW // 86_400))
    assert len(days) == 5


# Its clock.


def test_clock_can_be_turned() -> None:
    source = [1000.0]
    clock = Clock(lambda: source[0])
    assert clock() == 1000
    clock.jump(60)
    assert clock() == 1060
    clock.speed = 60
    source[0] += 2
    assert clock() == 1180
    clock.speed = 0
    source[0] += 100
    assert (clock(), clock.ahead_s) == (1180, 78)
    clock.reset()
    assert clock() == source[0]
    with pytest.raises(ValueError, match="no such speed"):
        clock.speed = -1


async def test_world_at_turned_speed() -> None:
    source = [NOW]
    world = demo.World(clock=lambda: source[0])
    world.clock.speed = 60
    before = world.market.day("binance", "BTC", "perp")
    source[0] += 60
    assert world.market.clock() == NOW + 3600
    assert world.market.day("binance", "BTC", "perp") != before


MEASURED = """
import asyncio, json, resource, sys, time
sys.modules.update(click=None, rich=None)  # httpx loads its own command line where they are, as on developers' machines

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

bare = peak()
began = time.process_time()
import demo
from demo.web import Asked
imported = time.process_time()
world = demo.World(clock=lambda: 1_763_906_602.0)
made = time.process_time()

async def ask(site, path, **query):
    await world.sites[site].handler(Asked("GET", path, query, {"user-agent": "x"}, b""))

async def everything():
    await ask("BINANCE_SPOT", "/api/v3/ticker/24hr")
    await ask("BYBIT", "/v5/market/tickers", category="linear")
    await ask("GATE", "/api/v4/futures/usdt/contracts")
    await ask("OKX", "/api/v5/market/tickers", instType="SWAP")
    for coin in world.market.listed("binance", "perp")[::2]:
        for minutes in (5, 60, 1440):
            slot = 1_763_906_602 // 60 // minutes
            world.market.candles("binance", coin.base, "perp", minutes, slot - 100, slot)

asyncio.run(everything())
print(json.dumps({"make_s": made - imported, "grown_mib": peak() - bare}))
"""


@pytest.mark.no_cover
def test_world_is_small_and_soon_made() -> None:
    """Everything is asked of it, more than a process keeps: at most 40 MiB, all imports included."""
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, check=True, cwd=ROOT, timeout=60)
    measured = json.loads(done.stdout)
    assert measured["grown_mib"] < 40
    assert measured["make_s"] < 0.5
