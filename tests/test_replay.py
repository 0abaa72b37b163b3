"""Three days of one-minute candles with a turned clock: forty alerts of all kinds, against other code that reads the
candles at leisure and knows when each must ring. Nothing is missed, nothing rings twice, to the minute."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from alerting import FakeQuotes, an_alert

from answers.judging import Rule
from exchanges.words import Candles
from store.connect import open_store
from store.words import Limits
from watchman.ticker import Ticker

MINUTE = 60_000
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
T0 = 1_700_000_000_000 // DAY * DAY
BASE = Rule("price", "up", 100.0, exchange="binance", kind="perp", symbol="BTC-USDT")

Row = tuple[int, float, float, float]  # open_ms, low, high, close


def a_market(n_minutes: int, seed: int) -> list[Row]:
    """Candles of a price that wanders around 100 and has wicks: in some hours hardly any, in others long ones.

    Some level that rings for ever is always within a percent, so that the candles of each minute are read.
    """
    chance, rows, close = random.Random(seed), [], 100.0
    for i in range(n_minutes):
        before = close
        close = 100.0 + 1.6 * math.sin(i / 217) + 0.5 * math.sin(i / 41) + (close - 100.0) * 0.2 + chance.gauss(0, 0.12)
        wick = abs(chance.gauss(0, 0.08)) * (6 if i // 150 % 2 else 1)
        rows.append((T0 + i * MINUTE, min(before, close) - wick, max(before, close) + wick, close))
    return rows


def wave(length_minutes: float, height: float, middle: float = 0.0) -> Callable[[int], float]:
    return lambda now_ms: middle + height * math.sin((now_ms - T0) / MINUTE / length_minutes)


FUNDING, CHANGE, BASIS, INTEREST = wave(97, 0.06), wave(311, 12.0), wave(53, 0.4), wave(31, 6.0, 100.0)


class Replayed(FakeQuotes):
    """The markets of one moment."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self.rows = rows

    def turn(self, n_minutes: int) -> int:
        """To the end of so many minutes; the moment."""
        now_ms = T0 + n_minutes * MINUTE
        self.minutes["BTC-USDT"] = list(self.rows[max(0, n_minutes - 1000) : n_minutes])
        self.price["BTC-USDT"] = self.rows[n_minutes - 1][3]
        self.funding["BTC-USDT"], self.change["BTC-USDT"] = FUNDING(now_ms), CHANGE(now_ms)
        self.basis["BTC-USDT"], self.open_interest["BTC-USDT"] = BASIS(now_ms), INTEREST(now_ms)
        self.now_ms, self.n_minutes = now_ms, n_minutes
        return now_ms

    async def candles(self, exchange: str, kind: str, symbol: str, interval: str, n_candles: int) -> Candles:
        if interval == "1m":
            return await super().candles(exchange, kind, symbol, interval, n_candles)
        length = {"15m": 15, "1h": 60}[interval]
        return joined(self.rows[: self.n_minutes], length, n_candles)


def joined(rows: Sequence[Row], length: int, n_candles: int) -> Candles:
    """Candles of that many minutes, the running one among them; a volume that has spikes."""
    groups = [rows[i : i + length] for i in range(0, len(rows), length)][-n_candles:]
    open_ms = array("q", [group[0][0] for group in groups])
    low, high = (array("d", [pick(row[i] for row in group) for group in groups]) for pick, i in ((min, 1), (max, 2)))
    close = array("d", [group[-1][3] for group in groups])
    volume = array("d", [volume_of(group[0][0]) for group in groups])
    return Candles("binance", "BTC-USDT", "perp", length * MINUTE, open_ms, close, high, low, close, volume)


def volume_of(open_ms: int) -> float:
    return 8.0 if open_ms // (15 * MINUTE) % 37 == 0 else 1.0


# Forty rules.


def forty() -> list[tuple[Rule, int]]:
    """Rules and how long they live."""
    prices = [
        replace(BASE, direction=direction, level=level, times=times, pause_ms=pause_ms)
        for direction in ("up", "down", "either")
        for level, times, pause_ms in (
            (98.0, 0, 0),
            (99.5, 0, HOUR),
            (101.0, 3 - 3 * (direction == "either"), 0),
            (102.5, 0, 0),
        )
    ]
    moves = [
        replace(BASE, measure="move", direction=direction, level=level, window_ms=window_ms, times=times)
        for direction, level, window_ms, times in (
            ("down", 1.0, 15 * MINUTE, 0),
            ("up", 1.5, 30 * MINUTE, 0),
            ("either", 2.0, HOUR, 0),
            ("either", 3.0, 4 * HOUR, 2),
            ("down", 0.8, 5 * MINUTE, 1),
            ("either", 1.0, 0, 0),
            ("up", 2.0, 0, 0),
            ("down", 5.0, 0, 1),
        )
    ]
    figures = [
        replace(BASE, measure=measure, direction=direction, level=level, times=times)
        for measure, direction, level, times in (
            ("funding", "up", 0.05, 0),
            ("funding", "down", 0.0, 0),
            ("funding", "either", 0.02, 4),
            ("change", "either", 8.0, 0),
            ("change", "up", 5.0, 2),
            ("change", "down", -5.0, 0),
            ("basis", "up", 0.3, 0),
            ("basis", "down", -0.1, 1),
        )
    ]
    others = [
        replace(BASE, measure="oi", direction="either", level=5.0, window_ms=HOUR, times=0),
        replace(BASE, measure="oi", direction="down", level=8.0, window_ms=2 * HOUR, times=0),
        replace(BASE, measure="rsi", direction="down", level=35.0, window_ms=15 * MINUTE, times=0),
        replace(BASE, measure="rsi", direction="up", level=65.0, window_ms=HOUR, times=0),
        replace(BASE, measure="volume", direction="up", level=300.0, window_ms=15 * MINUTE, times=0),
        replace(BASE, measure="volume", direction="up", level=500.0, window_ms=15 * MINUTE, times=2),
        replace(BASE, measure="step", direction="either", level=1.0, times=0),
        replace(BASE, measure="step", direction="up", level=0.5, times=0),
        replace(BASE, measure="timer", direction="", level=0.0, window_ms=4 * HOUR, times=0),
        replace(BASE, measure="timer", direction="", level=0.0, window_ms=90 * MINUTE, times=5),
    ]
    short = [(replace(BASE, direction="either", level=100.0, times=0), 20 * HOUR)]
    short.append((replace(BASE, measure="funding", direction="up", level=0.03, times=0), 30 * HOUR))
    return [(rule, 90 * DAY) for rule in (*prices, *moves, *figures, *others)] + short


# The other code. Each gives the moments at which a rule rings, from all candles at once; n counts minutes from 1.


def expected(rule: Rule, rows: Sequence[Row], set_at: int, life_ms: int) -> list[int]:
    by_measure = {"price": of_price, "move": of_move, "oi": of_move, "step": of_step, "timer": of_timer}
    moments = by_measure.get(rule.measure, of_figure)(rule, rows, set_at)
    ends_ms = T0 + set_at * MINUTE + life_ms
    lived = [ring_ms for ring_ms, seen_ms in moments if seen_ms < ends_ms]
    too_often = (i for i in range(14, len(lived)) if lived[i] - lived[i - 14] < HOUR)
    lived = lived[: next(too_often, len(lived)) + 1]  # the fifteenth within an hour is the last
    return lived[: rule.times] if rule.times else lived


def true_range_mean(rows: Sequence[Row]) -> float:
    """Wilder's, over fourteen, of the sixteen candles that are read."""
    ranges = [max(now[2], before[3]) - min(now[1], before[3]) for before, now in itertools.pairwise(rows)]
    mean = sum(ranges[:14]) / 14
    for each in ranges[14:]:
        mean = (mean * 13 + each) / 14
    return mean


def of_price(rule: Rule, rows: Sequence[Row], set_at: int) -> list[tuple[int, int]]:
    """Every candle in turn: first whether it crosses, then whether it comes back."""
    begin = rows[set_at - 1][3]
    above, below = begin > rule.level, begin < rule.level
    can_rise, can_fall = below and rule.direction != "down", above and rule.direction != "up"
    margin, quiet_until, found = 0.0, 0, []
    for n in range(set_at + 1, len(rows) + 1):
        open_ms, low, high, close = rows[n - 1]
        now_ms = open_ms + MINUTE
        was_armed = can_rise or can_fall
        if not was_armed:
            reach_low, reach_high = (close, close) if rule.direction == "either" else (low, high)
            back = reach_low <= rule.level - margin if margin else reach_low < rule.level
            forth = reach_high >= rule.level + margin if margin else reach_high > rule.level
            can_rise = back and rule.direction != "down"
            can_fall = not can_rise and forth and rule.direction != "up"
        top, bottom = (high, low) if was_armed else (close, close)
        rings = (can_rise and top >= rule.level) or (can_fall and bottom <= rule.level)
        if rings and now_ms >= quiet_until:
            found.append((open_ms, now_ms))
            can_rise = can_fall = False
            atr = true_range_mean(rows[max(0, n - 16) : n])
            margin, quiet_until = max(0.0025 * rule.level, 0.5 * atr), open_ms + rule.pause_ms
            can_rise = close <= rule.level - margin and rule.direction != "down"  # its last price may be back already
            can_fall = close >= rule.level + margin and rule.direction != "up"
    return found


def of_move(rule: Rule, rows: Sequence[Row], set_at: int) -> list[tuple[int, int]]:
    def figure(n: int) -> float:
        return INTEREST(T0 + n * MINUTE) if rule.measure == "oi" else rows[n - 1][3]

    since, found = set_at, []
    for n in range(set_at + 1, len(rows) + 1):
        first = max(since, n - rule.window_ms // MINUTE) if rule.window_ms else since
        seen = [figure(i) for i in range(first, n + 1)] if rule.window_ms else [figure(since)]
        rise, fall = (figure(n) / min(seen) - 1) * 100, (1 - figure(n) / max(seen)) * 100
        if (rule.direction != "down" and rise >= rule.level) or (rule.direction != "up" and fall >= rule.level):
            found.append((T0 + n * MINUTE, T0 + n * MINUTE))
            since = n
    return found


def of_step(rule: Rule, rows: Sequence[Row], set_at: int) -> list[tuple[int, int]]:
    stands, found = rows[set_at - 1][3], []
    for n in range(set_at + 1, len(rows) + 1):
        gone = rows[n - 1][3] - stands
        whole = math.floor(abs(gone) / rule.level)
        if whole and (rule.direction == "either" or gone > 0):
            stands += math.copysign(whole * rule.level, gone)
            found.append((T0 + n * MINUTE, T0 + n * MINUTE))
    return found


def of_timer(rule: Rule, rows: Sequence[Row], set_at: int) -> list[tuple[int, int]]:
    first = T0 + set_at * MINUTE + rule.window_ms
    return [(ms, ms) for ms in range(first, T0 + len(rows) * MINUTE + 1, rule.window_ms)]


def of_figure(rule: Rule, rows: Sequence[Row], set_at: int) -> list[tuple[int, int]]:
    """A series of figures, each with its moment: crossing, and half or a tenth of the way back."""
    share, least = {"funding": (0.1, 0.001), "rsi": (0.1, 1.0)}.get(rule.measure, (0.5, 0.1))
    margin, series = max(abs(rule.level) * share, least), figures_of(rule, rows)
    first = settled_at(rule, rows, set_at)
    way = 0 if rule.direction == "either" and rule.measure != "change" else -1 if rule.direction == "down" else 1
    armed, found = (1 if first < rule.level else -1 if first > rule.level else 0), []
    armed = armed if way in (0, armed) else 0
    has_rung = False
    for moment_ms, figure in series:
        if moment_ms <= T0 + set_at * MINUTE:
            continue
        distance = (figure - rule.level) * (armed or 1)
        if armed and distance >= 0:
            found.append((moment_ms, moment_ms))
            armed, has_rung = 0, True
        elif not armed:
            needed = margin if has_rung else 0.0
            if way >= 0 and (figure <= rule.level - needed if needed else figure < rule.level):
                armed = 1
            elif way <= 0 and (figure >= rule.level + needed if needed else figure > rule.level):
                armed = -1
    return found


def figures_of(rule: Rule, rows: Sequence[Row]) -> list[tuple[int, float]]:
    every_minute = {"funding": FUNDING, "basis": BASIS, "change": CHANGE}.get(rule.measure)
    if every_minute is not None:
        fold: Callable[[float], float] = abs if rule.direction == "either" and rule.measure == "change" else float
        return [(T0 + n * MINUTE, fold(every_minute(T0 + n * MINUTE))) for n in range(1, len(rows) + 1)]
    length = rule.window_ms // MINUTE
    closes = [rows[i + length - 1][3] for i in range(0, len(rows) - length + 1, length)]
    found = []
    for i in range(len(closes)):
        moment_ms = T0 + (i + 1) * rule.window_ms
        if rule.measure == "rsi" and i >= 14:
            # 120 candles are asked for; the running one may be the last of them.
            found.append((moment_ms, wilder_rsi(closes[max(0, i - 119) : i + 1])))
        elif rule.measure == "volume" and i >= 20:
            found.append((moment_ms, (volume_of(T0 + i * rule.window_ms) - 1.0) * 100.0))
    return found


def settled_at(rule: Rule, rows: Sequence[Row], set_at: int) -> float:
    every_minute = {"funding": FUNDING, "basis": BASIS, "change": CHANGE}.get(rule.measure)
    if every_minute is None:
        return 50.0 if rule.measure == "rsi" else 0.0
    figure = every_minute(T0 + set_at * MINUTE)
    return abs(figure) if rule.direction == "either" and rule.measure == "change" else figure


def wilder_rsi(closes: Sequence[float]) -> float:
    ups = [max(b - a, 0.0) for a, b in itertools.pairwise(closes)]
    downs = [max(a - b, 0.0) for a, b in itertools.pairwise(closes)]
    up, down = sum(ups[:14]) / 14, sum(downs[:14]) / 14
    for u, d in zip(ups[14:], downs[14:], strict=True):
        up, down = (up * 13 + u) / 14, (down * 13 + d) / 14
    return 100.0 * up / (up + down)


# The replay.


def replayed(path: Path, rows: Sequence[Row], set_at: int) -> Mapping[str, list[int]]:
    """What the engine fires, by alert: its moments, in the order of their numbers."""

    async def run() -> Mapping[str, list[int]]:
        store, quotes = await open_store(str(path)), Replayed(rows)
        now_ms = quotes.turn(set_at)
        for number, (rule, life_ms) in enumerate(forty()):
            alert = an_alert(rule, begin_of(rule, quotes), now_ms, number=number, life_ms=life_ms)
            await store.add_alert(alert, Limits(99, 99, 99))
        ticker = Ticker(store, quotes, period_ms=MINUTE)
        for n in range(set_at + 1, len(rows) + 1):
            await ticker.tick(quotes.turn(n))
        found: dict[str, list[int]] = {f"alert{number:04}": [] for number in range(len(forty()))}
        for message in sorted(await store.due_messages(5, 10**6, 10**15), key=lambda each: each.number):
            facts: dict[str, Any] = orjson.loads(message.facts)
            if facts["event"] == "fired":
                found[message.alert_id].append(facts["firing"]["at_ms"])
        await store.close()
        return found

    return asyncio.run(run())


def begin_of(rule: Rule, quotes: Replayed) -> float | None:
    symbol = "BTC-USDT"
    if rule.measure in ("rsi", "volume"):
        return 50.0 if rule.measure == "rsi" else 0.0
    by_measure = {"funding": quotes.funding, "change": quotes.change, "basis": quotes.basis, "oi": quotes.open_interest}
    return None if rule.measure == "timer" else by_measure.get(rule.measure, quotes.price)[symbol]


def test_forty_alerts_over_days_ring_when_they_must(tmp_path: Path) -> None:
    rows, set_at = a_market(1440, seed=7), 301
    found = replayed(tmp_path / "bot.db", rows, set_at)
    n_rung = 0
    for number, (rule, life_ms) in enumerate(forty()):
        moments = expected(rule, rows, set_at, life_ms)
        assert found[f"alert{number:04}"] == moments, rule
        n_rung += len(moments)
    assert len(forty()) == 40
    assert n_rung > 200
