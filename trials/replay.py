"""A year of the offline world's one-minute candles with a turned clock: forty alerts of all kinds, against other code
that reads the same figures at leisure and knows when each must ring. Nothing is missed, nothing rings twice, to the
minute.

    python trials/replay.py                  525,600 ticks
    python trials/replay.py --days 30 --seed 3

In the loop is what judges in the product: Ticker, the rules, their windows, and a store in an SQLite file, with one
tick a minute. The clock is the loop's; figures come from arrays instead of exchanges, and nothing is delivered
(kills.py does that). Every week the process begins anew, and every 37 days it sleeps for some hours: what crossed
meanwhile is told late, and a start changes nothing else.

The witness below imports nothing of what judges but the names of the rules' fields; it follows docs/alerts.md.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import statistics
import sys
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import orjson
from alerting import an_alert

from answers.judging import Holding, Rule
from demo.market import Market as World
from exchanges.words import Candles
from store.connect import open_store
from store.words import Limits
from watchman.figures import Held, Spread
from watchman.ticker import Ticker

MINUTE = 60_000
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
BEGIN_MS = 1_735_689_600_000  # 1 January 2025
WARM = 2 * 1440  # minutes before the first alert is set: a day for the 24 h change, 120 candles of 15 minutes
RESTART = 7 * 1440
SLEEP_EVERY, SLEEPS = 37 * 1440, (95, 420, 700, 31)  # minutes
BASE = Rule("price", "up", 100.0, exchange="binance", kind="perp", symbol="BTC-USDT")
CHAT = 5


class Rang(NamedTuple):
    """A firing: when it happened, and at which tick it was seen."""

    at_ms: int
    seen_ms: int


# The world.


@dataclass
class Year:
    """One market, minute by minute: figures of minute i are those of its end, when i + 1 minutes are over."""

    low: array[float]
    high: array[float]
    close: array[float]
    volume: array[float]
    funding: array[float]
    interest: array[float]
    change: array[float]
    basis: array[float]
    gap: array[float]
    liquidated: array[float]  # dollars up to there
    held: list[tuple[str, float, float]]  # positions: side, entry, liquidation

    def __len__(self) -> int:
        return len(self.close)


def a_year(days: float, seed: int) -> Year:
    """What the offline world says of Bitcoin. The basis follows its funding, and the gap between exchanges how far a
    minute goes: of both the world has the same at all times."""
    n, first = int(days * 1440) + WARM, BEGIN_MS // MINUTE
    world = World(seed, clock=lambda: (BEGIN_MS + (n + 5) * MINUTE) / 1000)
    candles = world.candles("binance", "BTC", "perp", 1, first, first + n - 1)
    low, high, close, volume = (array("d", [each[i] for each in candles]) for i in (3, 2, 4, 5))
    ends_s = [(BEGIN_MS + (i + 1) * MINUTE) / 1000 for i in range(n)]
    rates = [world.funding_of("binance", "BTC", at_s) for at_s in ends_s]
    funding = array("d", [rate * 100 * 8 / hours for rate, hours, _ in rates])
    begin = close[0]
    return Year(
        *(low, high, close, volume, funding),
        interest=array("d", [world.interest_of("binance", "BTC", "USDT", at_s) for at_s in ends_s]),
        change=array("d", [(close[i] / close[max(0, i - 1440)] - 1) * 100 for i in range(n)]),
        basis=array("d", [20 * rate for rate in funding]),
        gap=array("d", [(high[i] - low[i]) / close[i] * 2500 for i in range(n)]),
        liquidated=_liquidated(world, n),
        held=[("long", begin, begin * 0.82), ("short", begin * 1.02, begin * 1.22)],
    )


def _liquidated(world: World, n: int) -> array[float]:
    """Dollars that were closed by force at OKX, added up."""
    sums = [0.0] * n
    begin_s, end_s = BEGIN_MS / 1000, (BEGIN_MS + n * MINUTE) / 1000
    for each in world.liquidations("okx", "BTC", begin_s, end_s):
        sums[(each.time_ms - BEGIN_MS) // MINUTE] += each.price * each.size
    return array("d", itertools.accumulate(sums))


class Replayed:
    """What a tick asks (watchman.figures.Quotes), of the moment at which `n` minutes are over."""

    def __init__(self, year: Year) -> None:
        self.year, self.n = year, 0

    async def prices(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbols[0]: self.year.close[self.n - 1]}

    async def changes(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbols[0]: self.year.change[self.n - 1]}

    async def fundings(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbols[0]: self.year.funding[self.n - 1]}

    async def open_interests(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbols[0]: self.year.interest[self.n - 1]}

    async def bases(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbols[0]: self.year.basis[self.n - 1]}

    async def spreads(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, Spread]:
        return {symbols[0]: Spread(self.year.gap[self.n - 1], "")}

    async def liquidations(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return {each: liquidated_within(self.year, self.n, int(each.split(" ")[1][:-1])) for each in symbols}

    async def candles(self, exchange: str, kind: str, symbol: str, interval: str, n_candles: int) -> Candles:
        minutes = {"1m": 1, "15m": 15, "1h": 60}[interval]
        first = max(0, self.n // minutes - n_candles)
        return joined(self.year, minutes, first, self.n)

    async def open_interest_history(self, exchange: str, symbol: str, n_minutes: int) -> Sequence[tuple[int, float]]:
        first = max(0, self.n - n_minutes)
        return [(BEGIN_MS + (i + 1) * MINUTE, self.year.interest[i]) for i in range(first, self.n)]

    async def holdings(self) -> Held:
        price = self.year.close[self.n - 1]
        told = [
            Holding(f"binance BTCUSDT {side}", side, 1000.0, distance_pct(price, stop), profit_pct(side, price, entry))
            for side, entry, stop in self.year.held
        ]
        return Held(told, ("binance",))


def joined(year: Year, minutes: int, first: int, n: int) -> Candles:
    """Candles of so many minutes, from the first one's number to the one that runs when n minutes are over."""
    begins = range(first * minutes, n, minutes)
    ends = [min(begin + minutes, n) for begin in begins]
    open_ms = array("q", [BEGIN_MS + begin * MINUTE for begin in begins])
    spans = list(zip(begins, ends, strict=True))
    low = array("d", [min(year.low[begin:end]) for begin, end in spans])
    high = array("d", [max(year.high[begin:end]) for begin, end in spans])
    close = array("d", [year.close[end - 1] for end in ends])
    volume = array("d", [sum(year.volume[begin:end]) for begin, end in spans])
    return Candles("binance", "BTC-USDT", "perp", minutes * MINUTE, open_ms, close, high, low, close, volume)


def liquidated_within(year: Year, n: int, minutes: int) -> float:
    return year.liquidated[n - 1] - (year.liquidated[n - 1 - minutes] if n > minutes else 0.0)


def distance_pct(price: float, stop: float) -> float:
    return abs(price - stop) / price * 100.0


def profit_pct(side: str, price: float, entry: float) -> float:
    return (price / entry - 1.0) * (500.0 if side == "long" else -500.0)


def awake(n: int) -> bool:
    """Whether the process ticks when n minutes are over."""
    if n < SLEEP_EVERY:
        return True
    number, within = divmod(n, SLEEP_EVERY)
    return within >= SLEEPS[number % len(SLEEPS)]


# Forty rules.


def at(values: Sequence[float], share: float) -> float:
    """A quantile, to four digits, so that every level is met."""
    return float(f"{sorted(values[WARM::61])[int(share * (len(values[WARM::61]) - 1))]:.4g}")


def forty(year: Year) -> list[tuple[Rule, int]]:
    """Rules and how long they live."""
    close, whole = year.close, 364 * DAY

    def level(measure: str, direction: str, at_level: float, times: int = 0, **more: Any) -> Rule:
        return replace(BASE, measure=measure, direction=direction, level=at_level, times=times, **more)

    def move(measure: str, direction: str, percent: float, minutes: int, times: int = 0) -> Rule:
        return level(measure, direction, percent, times, window_ms=minutes * MINUTE)

    rules = [
        (level("price", "up", at(close, 0.2)), whole),
        (level("price", "up", at(close, 0.5), pause_ms=HOUR), whole),
        (level("price", "up", at(close, 0.8), 3), whole),
        (level("price", "down", at(close, 0.3)), whole),
        (level("price", "down", at(close, 0.6), pause_ms=6 * HOUR), whole),
        (level("price", "down", at(close, 0.05), 1), whole),
        (level("price", "either", at(close, 0.4)), whole),
        (level("price", "either", at(close, 0.7), 25), whole),
        (level("price", "either", float(f"{close[WARM]:.3g}")), 40 * HOUR),
        (move("move", "down", 1.0, 15), whole),
        (move("move", "up", 1.5, 60), whole),
        (move("move", "either", 2.0, 120), whole),
        (move("move", "either", 3.0, 240, 12), whole),
        (move("move", "down", 0.7, 5, 1), whole),
        (move("move", "either", 4.0, 0), whole),
        (move("move", "up", 0.8, 30), 30 * DAY),
        (level("funding", "up", 0.0145), whole),
        (level("funding", "down", 0.006), 100 * DAY),
        (level("funding", "either", 0.01, 40), whole),
        (level("change", "either", 4.0), whole),
        (level("change", "up", 3.0, 5), whole),
        (level("change", "down", -2.5, pause_ms=2 * HOUR), whole),
        (level("basis", "up", 0.28), whole),
        (level("basis", "down", 0.1, 7), whole),
        (level("spread", "up", at(year.gap, 0.997)), whole),
        (level("spread", "up", at(year.gap, 0.98), pause_ms=DAY), whole),
        (move("oi", "either", 1.0, 120), whole),
        (move("oi", "down", 2.0, 360), whole),
        (move("rsi", "down", 28.0, 15), whole),
        (move("rsi", "up", 70.0, 60), whole),
        (move("volume", "up", 80.0, 15), whole),
        (move("volume", "up", 60.0, 60, 9), whole),
        (level("step", "either", 500.0), whole),
        (level("step", "up", 1000.0), whole),
        (move("timer", "", 0.0, 240), whole),
        (move("timer", "", 0.0, 90, 50), whole),
        (
            move("liquidations", "up", at([liquidated_within(year, n, 15) for n in range(1, len(year))], 0.995), 15),
            whole,
        ),
        (
            move("liquidations", "up", at([liquidated_within(year, n, 60) for n in range(1, len(year))], 0.99), 60),
            whole,
        ),
        (Rule("liquidation", "down", 12.0, times=0), whole),
        (Rule("pnl", "up", 20.0, times=0), whole),
    ]
    assert len(rules) == 40
    return rules


# The witness. Each gives the firings of a rule from all figures at once; minutes are counted by how many are over.


class Expected(NamedTuple):
    rang: list[Rang]
    ended_ms: int | None  # the tick that told that its time is over


def all_expected(rules: Sequence[tuple[Rule, int]], year: Year) -> list[Expected]:
    prices = [each for each in rules if each[0].measure == "price"]
    of_price = iter(of_prices(prices, year))
    return [
        expected(rule, year, life_ms, next(of_price) if rule.measure == "price" else None) for rule, life_ms in rules
    ]


def expected(rule: Rule, year: Year, life_ms: int, of_price: list[Rang] | None) -> Expected:
    by_measure: dict[str, Callable[[Rule, Year], list[Rang]]] = {
        "move": of_move,
        "oi": of_move,
        "step": of_step,
        "timer": of_timer,
        "rsi": of_candles,
        "volume": of_candles,
        "liquidation": of_positions,
        "pnl": of_positions,
    }
    ends_ms = moment(WARM) + life_ms
    moments = by_measure.get(rule.measure, of_figure)(rule, year) if of_price is None else of_price
    lived = [each for each in moments if each.seen_ms < ends_ms]
    lived = lived[: rule.times] if rule.times else lived
    crowd = next((i for i in range(14, len(lived)) if lived[i].at_ms - lived[i - 14].at_ms < HOUR), None)
    if crowd is not None:  # the fifteenth within an hour is the last
        lived = lived[: crowd + 1]
    is_over = crowd is not None or bool(rule.times and len(lived) == rule.times)
    ticks = (moment(n) for n in range(WARM + 1, len(year) + 1) if moment(n) >= ends_ms and awake(n))
    return Expected(lived, None if is_over else next(ticks, None))


def moment(n: int) -> int:
    """When n minutes are over."""
    return BEGIN_MS + n * MINUTE


def looks(year: Year) -> list[int]:
    """The minutes at whose end somebody looks, after the alerts were set."""
    return [n for n in range(WARM + 1, len(year) + 1) if awake(n)]


@dataclass
class Level:
    """A price rule on its way. since_ms: what began before it has been judged."""

    rule: Rule
    ends_ms: int
    rises: bool
    falls: bool
    since_ms: int
    margin: float = 0.0
    quiet_until: int = 0
    found: list[Rang] = field(default_factory=list)

    def lives(self, now_ms: int) -> bool:
        return now_ms < self.ends_ms and not 0 < self.rule.times <= len(self.found)

    def look(self, from_ms: int, at_ms: int, low: float, high: float, last: float, seen_ms: int, margin: float) -> None:
        """First whether it crosses, then whether it has come back. Of what arms it, only its end may cross."""
        if from_ms < self.since_ms:
            return
        top, bottom = (high, low) if self.rises or self.falls else (last, last)
        if not self.rises and not self.falls:
            self.rises, self.falls = armed(self.rule, (last, last) if self.both_ways else (low, high), self.margin)
            self.since_ms = at_ms if self.rises or self.falls else self.since_ms
        level = self.rule.level
        if ((self.rises and top >= level) or (self.falls and bottom <= level)) and at_ms >= self.quiet_until:
            self.found.append(Rang(from_ms, seen_ms))
            self.rises = self.falls = False
            self.margin, self.since_ms, self.quiet_until = margin, at_ms, from_ms + self.rule.pause_ms

    @property
    def both_ways(self) -> bool:
        return self.rule.direction == "either"


def of_prices(rules: Sequence[tuple[Rule, int]], year: Year, near: float = 0.01) -> list[list[Rang]]:
    """All rules on the price of the one market side by side, as the candles of a minute are read for all of them when
    the price is near the level of any; the last sixteen, or those that were slept through. Then the price itself."""
    begin, levels = year.close[WARM - 1], []
    for rule, life_ms in rules:
        rises, falls = begin < rule.level and rule.direction != "down", begin > rule.level and rule.direction != "up"
        levels.append(Level(rule, moment(WARM) + life_ms, rises, falls, moment(WARM)))
    before, read = WARM, 0  # the last look, and the last candle that was read in this life of the process
    for n in looks(year):
        price, now_ms = year.close[n - 1], moment(n)
        alive = [each for each in levels if each.lives(now_ms)]
        is_new, has_slept = begins_anew(n), n - before > 2
        if is_new or has_slept or any(abs(price - each.rule.level) <= near * each.rule.level for each in alive):
            first = n - max(16, n - before + 2 if has_slept else 0) + 1
            candles, read = range(first if is_new else max(first, read - 1), n + 1), n
        else:
            candles = range(0)
        mean = true_range_mean(year, read) if read else 0.0
        for each in alive:
            margin = max(0.0025 * each.rule.level, 0.5 * mean)
            for i in candles:
                each.look(
                    moment(i - 1), moment(i), year.low[i - 1], year.high[i - 1], year.close[i - 1], now_ms, margin
                )
                if not each.lives(now_ms):
                    break
            else:
                each.look(now_ms, now_ms, price, price, price, now_ms, margin)
        before = n
    return [each.found for each in levels]


def begins_anew(n: int) -> bool:
    """Whether the process is a new one then."""
    return n % RESTART == 0 or not awake(n - 1)


def armed(rule: Rule, reach: tuple[float, float], margin: float) -> tuple[bool, bool]:
    """Whether a level can be crossed upwards, or downwards, from the lowest and the highest price."""
    low, high = reach
    from_below = low <= rule.level - margin if margin else low < rule.level
    from_above = high >= rule.level + margin if margin else high > rule.level
    rises = from_below and rule.direction != "down"
    return rises, from_above and rule.direction != "up" and not rises


def true_range_mean(year: Year, n: int) -> float:
    """Wilder's, over fourteen, of the last sixteen candles."""
    span = range(n - 15, n)
    ranges = [max(year.high[i], year.close[i - 1]) - min(year.low[i], year.close[i - 1]) for i in span]
    mean = sum(ranges[:14]) / 14
    for each in ranges[14:]:
        mean = (mean * 13 + each) / 14
    return mean


def of_move(rule: Rule, year: Year) -> list[Rang]:
    figures = year.interest if rule.measure == "oi" else year.close
    minutes, since, found = rule.window_ms // MINUTE, WARM, []
    for n in looks(year):
        if minutes:
            seen = figures[max(since, n - minutes) - 1 : n]
            lowest, highest = min(seen), max(seen)
        else:
            lowest = highest = figures[since - 1]
        rise, fall = (figures[n - 1] / lowest - 1) * 100, (1 - figures[n - 1] / highest) * 100
        if (rule.direction != "down" and rise >= rule.level) or (rule.direction != "up" and fall >= rule.level):
            found.append(Rang(moment(n), moment(n)))
            since = n
    return found


def of_step(rule: Rule, year: Year) -> list[Rang]:
    stands, found = year.close[WARM - 1], []
    for n in looks(year):
        gone = year.close[n - 1] - stands
        whole = math.floor(abs(gone) / rule.level)
        if whole and (rule.direction == "either" or gone > 0):
            stands += math.copysign(whole * rule.level, gone)
            found.append(Rang(moment(n), moment(n)))
    return found


def of_timer(rule: Rule, year: Year) -> list[Rang]:
    """On its own hours; what was slept through is told once."""
    due_ms, found = moment(WARM) + rule.window_ms, []
    for n in looks(year):
        if moment(n) >= due_ms:
            found.append(Rang(due_ms, moment(n)))
            while due_ms <= moment(n):
                due_ms += rule.window_ms
    return found


def of_figure(rule: Rule, year: Year) -> list[Rang]:
    if rule.measure == "liquidations":
        minutes = rule.window_ms // MINUTE
        figures = array("d", [liquidated_within(year, n, minutes) for n in range(1, len(year) + 1)])
    else:
        columns = {"funding": year.funding, "basis": year.basis, "change": year.change, "spread": year.gap}
        figures = columns[rule.measure]
    if rule.measure == "change" and rule.direction == "either":
        figures, rule = array("d", map(abs, figures)), replace(rule, direction="up")
    series = [(moment(n), moment(n), figures[n - 1]) for n in looks(year)]
    return crossed(rule, figures[WARM - 1], series)


def of_candles(rule: Rule, year: Year) -> list[Rang]:
    """Of the last candle that has closed at each tick that follows a close. It was set at an RSI of 50, or a volume as
    usual."""
    minutes, series, before = rule.window_ms // MINUTE, [], WARM // (rule.window_ms // MINUTE)
    closes = [year.close[i + minutes - 1] for i in range(0, len(year) - minutes + 1, minutes)]
    volumes = [sum(year.volume[i : i + minutes]) for i in range(0, len(year) - minutes + 1, minutes)]
    for n in looks(year):
        n_closed = n // minutes
        if n_closed > before:
            before = n_closed
            if rule.measure == "rsi":
                figure = wilder_rsi(closes[max(0, n_closed - 120) : n_closed])
            else:
                before_it = sorted(volumes[max(0, n_closed - 97) : n_closed - 1])
                least = max(1, len(before_it) // 20)  # a twentieth at either end is no part of what is usual
                figure = (volumes[n_closed - 1] / statistics.median(before_it[least:-least]) - 1) * 100
            series.append((moment(n_closed * minutes), moment(n), figure))
    return crossed(rule, 50.0 if rule.measure == "rsi" else 0.0, series)


def crossed(rule: Rule, first: float, series: Sequence[tuple[int, int, float]]) -> list[Rang]:
    """A series of figures, each with its moment and its tick: crossing, and a part of the way back, which positions
    have to go also before they ring first."""
    share, least = {"funding": (0.1, 0.001), "rsi": (0.1, 1.0)}.get(rule.measure, (0.5, 0.1))
    way_back = max(abs(rule.level) * share, least)
    needed = way_back if rule.need == "positions" else 0.0
    rises, falls = first < rule.level and rule.direction != "down", first > rule.level and rule.direction != "up"
    quiet_until, found = 0, []
    for at_ms, seen_ms, figure in series:
        if not rises and not falls:
            rises, falls = armed(rule, (figure, figure), needed)
        if ((rises and figure >= rule.level) or (falls and figure <= rule.level)) and at_ms >= quiet_until:
            found.append(Rang(at_ms, seen_ms))
            rises, falls, needed, quiet_until = False, False, way_back, at_ms + rule.pause_ms
    return found


def of_positions(rule: Rule, year: Year) -> list[Rang]:
    """Each position apart; those that ring at one tick ring together. Near its liquidation it rings also when it is
    seen first; a profit must have been on the other side."""
    moments = set[int]()
    for side, entry, stop in year.held:
        figures = [
            distance_pct(year.close[n - 1], stop)
            if rule.measure == "liquidation"
            else profit_pct(side, year.close[n - 1], entry)
            for n in looks(year)
        ]
        first = math.inf if rule.measure == "liquidation" else figures[0]
        series = [(moment(n), moment(n), figure) for n, figure in zip(looks(year), figures, strict=True)]
        rings = crossed(rule, first, series)
        moments.update(ring.at_ms for ring in rings)
    return [Rang(each, each) for each in sorted(moments)]


def wilder_rsi(closes: Sequence[float]) -> float:
    ups = [max(b - a, 0.0) for a, b in itertools.pairwise(closes)]
    downs = [max(a - b, 0.0) for a, b in itertools.pairwise(closes)]
    up, down = sum(ups[:14]) / 14, sum(downs[:14]) / 14
    for u, d in zip(ups[14:], downs[14:], strict=True):
        up, down = (up * 13 + u) / 14, (down * 13 + d) / 14
    return 100.0 * up / (up + down)


# The replay.


def name_of(number: int) -> str:
    return f"alert{number:04}"


async def replayed(path: Path, year: Year, rules: Sequence[tuple[Rule, int]]) -> Mapping[str, Expected]:
    """What the engine fires, by alert, in the order of the firings' numbers."""
    store, quotes = await open_store(str(path)), Replayed(year)
    quotes.n = WARM
    for number, (rule, life_ms) in enumerate(rules):
        alert = an_alert(rule, await begin_of(rule, quotes), moment(WARM), number=number, chat_id=CHAT, life_ms=life_ms)
        await store.add_alert(alert, Limits(99, 99, 99))
    ticker = Ticker(store, quotes, period_ms=MINUTE)
    for n in range(WARM + 1, len(year) + 1):
        if not awake(n):
            continue
        if begins_anew(n):
            ticker = Ticker(store, quotes, period_ms=MINUTE)
        quotes.n = n
        await ticker.tick(moment(n))
    found = {name_of(number): Expected([], None) for number in range(len(rules))}
    for message in sorted(await store.due_messages(CHAT, 10**7, 10**15), key=lambda each: each.number):
        facts: dict[str, Any] = orjson.loads(message.facts)
        if facts["event"] == "expired":
            found[message.alert_id] = found[message.alert_id]._replace(ended_ms=message.made_ms)
        else:
            assert message.number == len(found[message.alert_id].rang) + 1
            found[message.alert_id].rang.append(Rang(facts["firing"]["at_ms"], facts["now_ms"]))
    await store.close()
    return found


async def begin_of(rule: Rule, quotes: Replayed) -> float | None:
    """The figure at which it is set, as /alert asks for it."""
    symbol, exchange = [rule.symbol], rule.exchange
    if rule.measure in ("timer", "liquidation", "pnl"):
        return None
    if rule.measure in ("rsi", "volume"):
        return 50.0 if rule.measure == "rsi" else 0.0
    if rule.measure == "liquidations":
        return liquidated_within(quotes.year, quotes.n, rule.window_ms // MINUTE)
    if rule.measure == "spread":
        return quotes.year.gap[quotes.n - 1]
    asks = {"funding": quotes.fundings, "oi": quotes.open_interests, "basis": quotes.bases}
    if rule.measure in asks:
        return (await asks[rule.measure](exchange, symbol))[rule.symbol]
    ask = quotes.changes if rule.measure == "change" else quotes.prices
    return (await ask(exchange, rule.kind, symbol))[rule.symbol]


def compared(days: float, seed: int, folder: Path) -> dict[str, Any]:
    """Both sides' firings. n: how many by measure; wrong: what differs, of each alert the first."""
    clock = time.process_time()
    year = a_year(days, seed)
    rules = forty(year)
    made_s, clock = time.process_time() - clock, time.process_time()
    found = asyncio.run(replayed(folder / "replay.db", year, rules))
    replayed_s, clock = time.process_time() - clock, time.process_time()
    counted, wrong, n_late, n_ended = Counter[str](), [], 0, 0
    all_wanted = all_expected(rules, year)
    for number, ((rule, _), wanted) in enumerate(zip(rules, all_wanted, strict=True)):
        fired = found[name_of(number)]
        counted[rule.measure] += len(wanted.rang)
        n_late += sum(each.seen_ms - each.at_ms > 3 * MINUTE for each in wanted.rang)
        n_ended += wanted.ended_ms is not None
        if fired != wanted:
            pairs = itertools.zip_longest(wanted.rang, fired.rang)
            first = next(((i, *pair) for i, pair in enumerate(pairs) if pair[0] != pair[1]), None)
            wrong.append((rule.text, len(wanted.rang), len(fired.rang), first, wanted.ended_ms, fired.ended_ms))
    ticks = sum(map(awake, range(WARM + 1, len(year) + 1)))
    at_leisure = of_prices([each for each in rules if each[0].measure == "price"], year, near=math.inf)
    of_price = [each.rang for (rule, _), each in zip(rules, all_wanted, strict=True) if rule.measure == "price"]
    seconds = {"world": made_s, "replay": replayed_s, "witness": time.process_time() - clock}
    return {
        "ticks": ticks,
        "minutes": len(year) - WARM,
        "alerts": len(rules),
        "fired": dict(counted),
        "all": sum(counted.values()),
        "late": n_late,
        "ended": n_ended,
        "prices, had every candle been read": sum(map(len, at_leisure)),
        "of them at another tick": sum(len(set(a) ^ set(b)) for a, b in zip(at_leisure, of_price, strict=True)),
        "wrong": wrong,
        "cpu_s": {name: round(each, 1) for name, each in seconds.items()},
    }


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--days", type=int, default=365)
    words.add_argument("--seed", type=int, default=7)
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = compared(said.days, said.seed, Path(folder))
    print(json.dumps(outcome, indent=1))
    return 1 if outcome["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
