"""A closed candle is closed: what was asked for while it was running never serves as one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from wired import DAY_MS, NOW_MS, say, wired

from asking.cache import Cache
from clock import Clock, loop_time
from exchanges.words import INTERVALS

MINUTE_MS = 60_000
CLOSE_MS = NOW_MS - NOW_MS % MINUTE_MS + MINUTE_MS


class Minutes:
    """Binance's candles, of one minute as a rule: 1000 coins each, the running one 10 by its first seconds."""

    def __init__(self, now_ms: int, takes_s: float = 0.0) -> None:
        self.now_ms, self.takes_s, self.n_asked = now_ms, takes_s, 0

    def now(self) -> float:
        return self.now_ms / 1000

    def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
        if not path.endswith("klines"):
            return None
        self.n_asked += 1
        takes_ms = INTERVALS[query["interval"]]
        last, n = self.now_ms // takes_ms, int(query["limit"])
        volumes = {(last - i) * takes_ms: "1000" if i else "10" for i in reversed(range(n))}
        tail = ["1000", 3, "500", "500", "0"]
        found = [[at, "1", "1", "1", "1", coins, at + takes_ms - 1, *tail] for at, coins in volumes.items()]
        self.now_ms += round(self.takes_s * 1000)
        return found


async def test_an_answer_that_arrives_after_the_close_was_asked_before_it() -> None:
    """Asked for 100 ms before a minute ends, it tells 10 coins of it; there were 1,000."""
    minutes = Minutes(CLOSE_MS - 100, takes_s=0.2)
    told = await say(wired(minutes, "binance", now=minutes.now), "/volume BTC 1m")
    assert "1.00K" in told
    assert "-99" not in told


async def test_at_the_close_candles_are_asked_for_again() -> None:
    minutes = Minutes(CLOSE_MS - 100)
    bot = wired(minutes, "binance", {"CACHE_SECONDS": "2"}, now=minutes.now)
    before = await say(bot, "/volume BTC 1m")
    minutes.now_ms, n_before = CLOSE_MS + 100, minutes.n_asked
    after = await say(bot, "/volume BTC 1m")
    assert minutes.n_asked > n_before
    assert "-99" not in before + after
    assert "closed 14:13" in before
    assert "closed 14:14" in after


async def test_kept_time_counts_from_the_asking() -> None:
    cache, n = Cache(10), 0

    async def load() -> int:
        nonlocal n
        n += 1
        await asyncio.sleep(0.4)
        return n

    assert await cache.get("a", 1.0, load()) == 1
    await asyncio.sleep(0.7)
    assert await cache.get("a", 1.0, load()) == 2


async def test_nobody_joins_a_question_that_is_older_than_its_answer_may_be() -> None:
    cache, log = Cache(10), list[int]()

    async def load() -> int:
        log.append(len(log))
        await asyncio.sleep(3)
        return log[-1]

    first = asyncio.ensure_future(cache.get("a", 1.0, load()))
    await asyncio.sleep(1.5)
    await cache.get("a", 1.0, load())
    await first
    assert len(log) == 2


async def test_a_machine_that_slept_keeps_nothing() -> None:
    """The monotonic clock stood still while the wall's went on."""
    wall = [1000.0]
    cache = Cache(10, clock=Clock(lambda: wall[0], loop_time))

    async def load() -> float:
        return wall[0]

    assert await cache.get("a", 60.0, load()) == 1000.0
    wall[0] += 8 * 3600
    assert cache.peek("a") is None
    assert await cache.get("a", 60.0, load()) == wall[0]


async def test_candles_that_ended_days_ago_are_no_news() -> None:
    old = Minutes(NOW_MS - 10 * DAY_MS)
    bot = wired(old, "binance", now=lambda: NOW_MS / 1000)
    for command in ("/volume OLD", "/cvd OLD", "/profile OLD", "/chart OLD"):
        told = await say(bot, command)
        assert "Binance has had no trades of it since 2026-09-11" in told
        assert "try again" not in told
