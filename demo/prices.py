"""The price of every coin at any time, and how much of it is traded, before exchanges come into it.

What both are made of is in paths.py. In memory: what stays for a minute; closed bars are kept with the tables.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from operator import mul
from typing import NamedTuple

from demo.coins import COINS, ENDING, FILLERS, SAME_NAME, Coin
from demo.paths import (
    DAYS,
    LEVELS,
    MAX_DAYS,
    MAX_NEWS,
    MAX_SPLITS,
    MINUTES,
    N_SHAPES,
    PARTS,
    Shape,
    Span,
    split,
    tables,
)
from demo.shocks import STEP_S, Shock, scenario

DAY = 1440  # minutes
CYCLE_D = 1461  # of the years in which all go up and down
FLOW = 0.1  # the minutes of buying that come with a move of an ordinary hour
NEWS_D = 30  # every coin has news about every other month: a jump that wears off, on a busy day
NEWS_KEPT_D = 12  # what is left of them afterwards is nothing
NEWS_WEAR_D = 2.5
RANGE = 0.7  # how far an ordinary day goes beyond its ends, of an ordinary day's move
MAX_SHOCKS = 8  # that are remembered
MOMENT_S = 0.05  # for which a market stands still, so that a list costs less


class Bar(NamedTuple):
    """What all exchanges' candles of a stretch are made of: dollars, and minutes of ordinary trading."""

    open: float
    high: float
    low: float
    close: float
    mean: float
    volume: float
    buys: float


class News(NamedTuple):
    """Of a day: how far the price jumped, from which minute of it, and how many times as busy the next 24 h were."""

    day: int
    jump: float
    minute: int
    busy: float


class Lay(NamedTuple):
    """How a coin reads the tables: where it begins, and how much of each goes into its price."""

    log_price: float
    day: float  # what it moves by on an ordinary day
    market: float  # of the walk that all follow
    own: float  # of its own
    cycle: float
    first_day: int
    first_minute: int
    number: int
    alike: int  # of 256 candles, those that have the shape of everybody's


@lru_cache(maxsize=4)
def _coins(n_fillers: int) -> dict[str, Coin]:
    """All that there are, by their keys."""
    fillers = FILLERS[len(FILLERS) - n_fillers :]
    return {coin.key: coin for coin in (*COINS, *SAME_NAME, *ENDING, *fillers)}


def _lay(seed: int, coin: Coin) -> Lay:
    chance = random.Random(f"{seed}{coin.key}")
    daily = coin.vol / math.sqrt(365.25)
    return Lay(
        math.log(coin.price),
        daily,
        daily * coin.tie,
        daily * math.sqrt(1 - coin.tie**2),
        min(0.25, 0.25 * coin.vol * coin.tie),
        chance.randrange(DAYS),
        chance.randrange(MINUTES // 60) * 60,
        chance.getrandbits(32) | 1,
        int(coin.tie * 240),
    )


class Moment(NamedTuple):
    """Of the last 24 hours: dollars, and minutes of ordinary trading."""

    last: float
    open: float
    high: float
    low: float
    mean: float
    volume: float


class Prices:
    """Prices as a function of time. clock gives seconds since 1970.

    activities: for a base, how busy a minute since 1970 is (1: as ordinary), for tests that
    need to know: `market.activities["BTC"] = lambda minute: 1.0`. shocks: see shocks.py.
    n_fillers: of the coins that nobody asks for, which make lists as long as real ones are.
    """

    def __init__(self, seed: int = 7, clock: Callable[[], float] = time.time, n_fillers: int = len(FILLERS)) -> None:
        self.clock = self._runs = clock
        self.fillers = FILLERS[len(FILLERS) - n_fillers :]
        self.coins = dict(_coins(n_fillers))
        self.activities: dict[str, Callable[[int], float]] = {}
        self.shocks: list[Shock] = []
        self._seed, self._tables = seed, tables(seed)
        self._moments: dict[str, tuple[float, int, Moment]] = {}
        self._days: dict[tuple[str, int, int], Span] = {}  # since there are shocks, or activities that were told
        self._cycles: dict[int, list[float]] = {}

    def shake(self, name: str, speed: float = 1.0, base: str = "") -> None:
        """Begins a scenario (shocks.py) now; at a speed of 3 it takes a third of its time. Raises ValueError."""
        self.shocks.append(scenario(name, self.clock(), speed, base))
        del self.shocks[:-MAX_SHOCKS]

    def calm(self) -> None:
        """As if nothing had happened."""
        self.shocks.clear()
        self._days.clear()
        self._moments.clear()

    # Prices. Where a coin is not traded any more they stay what they were.

    def price(self, base: str, at_s: float) -> float:
        """Dollars a coin. base may be a key, too."""
        coin = self.coins[base]
        if coin.ended_d:
            at_s = min(at_s, self.end_s(coin))
        if at_s % 3600:
            minute, second = divmod(at_s, 60)
            price = _within(self._part(coin, len(LEVELS) - 1, int(minute)), second)
        else:  # where an hour begins, so do its parts
            price = self._part(coin, LEVELS.index(60), int(at_s // 3600))[0]
        return price * math.exp(sum(shock.at(coin, at_s) for shock in self.shocks)) if self.shocks else price

    def end_s(self, coin: Coin) -> float:
        """When the trading of a coin came to an end: at a midnight (UTC)."""
        return (self.clock() // 86_400 - coin.ended_d + 1) * 86_400 if coin.ended_d else math.inf

    def begin_s(self, coin: Coin) -> float:
        return (self.clock() // 86_400 - coin.began_d + 1) * 86_400 if coin.began_d else 0.0

    def lay_of(self, coin: Coin) -> Lay:
        lay: Lay | None = self._tables.lays.get(coin.key)
        if lay is None:
            self._tables.lays[coin.key] = lay = _lay(self._seed, coin)
        return lay

    def _part(self, coin: Coin, level: int, slot: int) -> Span:
        """One stretch of a level."""
        above, part = divmod(slot, PARTS[LEVELS[level]])
        parts = self._tables.splits.get((coin.key, level, above)) or self._split(coin, level, above)
        return parts[part]

    def _parts(self, coin: Coin, level: int, first: int, last: int) -> list[Span]:
        """Many stretches of a level, one after the other."""
        n = PARTS[LEVELS[level]]
        begin, parts = first // n, []
        for above in range(begin, last // n + 1):
            parts += self._split(coin, level, above)
        return parts[first - begin * n : last + 1 - begin * n]

    def _split(self, coin: Coin, level: int, above: int) -> list[Span]:
        """All stretches of a level that are one of the level above, or a day, which has none above it."""
        key, splits = (coin.key, level, above), self._tables.splits
        parts = splits.get(key)
        if parts is None:
            if level:
                parts = split(self._part(coin, level - 1, above), self._shape(self.lay_of(coin), level, above))
            else:
                parts = self._days_of(coin, above, above)
            if len(splits) >= MAX_SPLITS:
                del splits[next(iter(splits))]
            splits[key] = parts
        return parts

    def _shape(self, lay: Lay, level: int, slot: int) -> Shape:
        """Most stretches have the shape that all coins have at that time, so that they move together."""
        mixed = ((slot + level * 7919) * 0x9E3779B1 >> 5) & 0xFFFFFFF
        own = mixed * lay.number >> 11
        shapes = self._tables.shapes[PARTS[LEVELS[level]]]
        return shapes[(mixed if own & 0xFF < lay.alike else own >> 8) % N_SHAPES]

    def _days_of(self, coin: Coin, first: int, last: int) -> list[Span]:
        lay, wicks = self.lay_of(coin), self._tables.wicks
        midnights = [math.exp(each) for each in self._midnights(coin, first, last - first + 2)]
        spans = []
        for day, begin, end in zip(range(first, last + 1), midnights, midnights[1:], strict=False):
            mixed = (day * 0x9E3779B1 >> 7) & 0xFFFFFF
            own = mixed * lay.number >> 13
            up, down = wicks[(mixed if own & 0xFF < lay.alike else own >> 8) % N_SHAPES]
            reach = begin * lay.day * RANGE
            spans.append((begin, max(begin, end) + up * reach, min(begin, end) / (1 + down * reach / begin), end))
        return spans

    def _midnights(self, coin: Coin, first: int, n: int) -> list[float]:
        """Logarithms of the price at n midnights (UTC)."""
        lay, walk = self.lay_of(coin), self._tables.days
        turn = math.tau / CYCLE_D
        values = [
            lay.log_price
            + lay.market * walk[day % DAYS]
            + lay.own * walk[(day + lay.first_day) % DAYS]
            + lay.cycle * math.sin(day * turn)
            for day in range(first, first + n)
        ]
        for news in self._news_of(coin, first - NEWS_KEPT_D, first + n):
            for day in range(max(first, news.day + 1), min(first + n, news.day + NEWS_KEPT_D)):
                values[day - first] += news.jump * math.exp((news.day + 1 - day) / NEWS_WEAR_D)
        return values

    def _news_of(self, coin: Coin, first: int, last: int) -> list[News]:
        """News in the days from first to last."""
        found = [self._news_in(coin, slot) for slot in range(first // NEWS_D, last // NEWS_D + 1)]
        return [news for news in found if news is not None and first <= news.day <= last]

    def _news_in(self, coin: Coin, slot: int) -> News | None:
        key, kept = (coin.key, slot), self._tables.news
        if key not in kept:
            if len(kept) >= MAX_NEWS:
                kept.clear()
            chance = random.Random(f"{self._seed}{coin.key}{slot}")
            news = None
            if coin.vol > 0.1 and chance.random() < 0.5:
                size = coin.vol / math.sqrt(365.25) * chance.uniform(1.5, 4)
                day, minute = slot * NEWS_D + chance.randrange(NEWS_D - NEWS_KEPT_D), chance.randrange(DAY)
                news = News(day, chance.choice((1, 1, -1)) * size, minute, chance.uniform(0.4, 1.4))
            kept[key] = news
        found: News | None = kept[key]
        return found

    def moment(self, coin: Coin, now: float) -> Moment:
        """last, open, high, low, mean price and minutes of trading of the last 24 h, for MOMENT_S."""
        kept = self._moments.get(coin.key)
        if kept and 0 <= now - kept[0] < MOMENT_S and kept[1] == len(self.shocks) and coin.base not in self.activities:
            return kept[2]
        high, low, begin, mean = self._day_of(coin, int(now // 60))
        way = self._way(coin, int(now // 60), now)
        traded = self._traded(coin, now / 60 - DAY, now / 60)
        found = Moment(way[-1], begin, max(high, *way), min(low, *way), mean, traded)
        self._moments[coin.key] = now, len(self.shocks), found
        return found

    def _day_of(self, coin: Coin, minute: int) -> Span:
        """high, low, open and mean price of the 24 h before a minute."""
        is_alike = not self.shocks and coin.base not in self.activities
        days, key = self._tables.past_days if is_alike else self._days, (coin.key, minute, len(self.shocks))
        found = days.get(key)
        if found is None:
            if len(days) >= MAX_DAYS:
                days.clear()
            days[key] = found = self._make_day(coin, minute)
        return found

    def _make_day(self, coin: Coin, minute: int) -> Span:
        if minute * 60 - DAY * 60 >= self.end_s(coin):
            price = self.price(coin.key, minute * 60)
            return price, price, price, price
        begin = max(minute - DAY, int(self.begin_s(coin) // 60))
        minute = int(min(minute, self.end_s(coin) // 60))
        opens, highs, lows, _, means, volumes, _ = zip(*self._stretch(coin, begin, minute), strict=True)
        return max(highs), min(lows), opens[0], sum(map(mul, means, volumes)) / (sum(volumes) or 1)

    def _stretch(self, coin: Coin, begin: int, end: int) -> Iterable[Bar]:
        """The bars of hours, quarters, five minutes and single ones that are between two minutes."""
        while begin < end:
            minutes = next(each for each in LEVELS[2:] if begin % each == 0 and begin + each <= end)
            n = (end - begin) // minutes
            if minutes < 60:
                longer = LEVELS[LEVELS.index(minutes) - 1]
                n = min(n, (-begin % longer) // minutes or n)
            yield from self._closed_bars(coin, minutes, begin // minutes, begin // minutes + n - 1)
            begin += n * minutes

    # Volume.

    def activity(self, base: str, minute: int) -> float:
        """How busy a minute since 1970 is; 1 is ordinary."""
        return self._traded(self.coins[base], minute, minute + 1)

    def _traded(self, coin: Coin, begin: float, end: float) -> float:
        """Volume between two moments in minutes since 1970, in ordinary minutes."""
        told = self.activities.get(coin.base)
        if told is not None:
            return _told(told, begin, end)
        if coin.ended_d or coin.began_d:
            begin, end = max(begin, self.begin_s(coin) / 60), min(end, self.end_s(coin) / 60)
            if begin >= end:
                return 0.0
        shift, read = self.lay_of(coin).first_minute, self._tables.read
        volume = read(end + shift)[0] - read(begin + shift)[0] + _rhythm(end) - _rhythm(begin)
        return volume + self._more(coin, begin, end)

    def _bought(self, coin: Coin, begin: float, end: float, volume: float, moved: float) -> float:
        """The takers' buys of a volume, while the price has moved by so many dollars."""
        if coin.base in self.activities:
            return volume * (0.5 + 0.1 * math.sin((begin + end) / 60 + len(coin.base)))
        lay, read = self.lay_of(coin), self._tables.read
        (before, bought_before), (after, bought) = read(begin + lay.first_minute), read(end + lay.first_minute)
        return bought - bought_before + (volume - after + before) / 2 + FLOW / (lay.day / 4.9) * moved / coin.price

    def _more(self, coin: Coin, begin: float, end: float) -> float:
        """What news and shocks add between two moments in minutes."""
        more = sum(shock.traded(coin, begin * 60, end * 60) for shock in self.shocks)
        return more + self._more_by_news(coin, begin, end)

    def _more_by_news(self, coin: Coin, begin: float, end: float) -> float:
        more = 0.0
        for news in self._news_of(coin, int(begin // DAY) - 1, int(end // DAY)):
            first = news.day * DAY + news.minute
            more += news.busy * max(0.0, min(end, first + DAY) - max(begin, first))
        return more

    # Candles.

    def bars(self, base: str, minutes: int, first: int, last: int) -> list[Bar]:
        """The stretches of so many minutes from the first to the last number, counted from 1970; none of the future."""
        coin, now = self.coins[base], self.clock()
        running = int(now // (minutes * 60))
        bars = self._closed_bars(coin, minutes, first, min(last, running - 1))
        if first <= running <= last:
            bars.append(self._running(coin, running * minutes, now))
        return bars

    def _running(self, coin: Coin, begin: int, now: float) -> Bar:
        minute, last = int(now // 60), self.price(coin.key, now)
        pieces = list(self._stretch(coin, begin, minute))
        first = pieces[0].open if pieces else self.price(coin.key, begin * 60)
        whole = sum(piece.volume for piece in pieces)
        mean = sum(piece.mean * piece.volume for piece in pieces) / whole if whole else (first + last) / 2
        volume, way = self._traded(coin, begin, now / 60), self._way(coin, minute, now)
        return Bar(
            first,
            max([first, *way, *(piece.high for piece in pieces)]),
            min([first, *way, *(piece.low for piece in pieces)]),
            last,
            mean,
            volume,
            self._bought(coin, begin, now / 60, volume, last - first),
        )

    def _way(self, coin: Coin, minute: int, now: float) -> list[float]:
        """The prices from the beginning of a minute to now, at every corner."""
        if self.shocks:
            return [self.price(coin.key, at) for at in (*range(minute * 60, int(now) + 1, STEP_S), now)]
        if coin.ended_d:
            return [self.price(coin.key, now)]
        span, second = self._part(coin, len(LEVELS) - 1, minute), now - minute * 60
        return [*_corners(span)[: int(second // STEP_S) + 1], _within(span, second)]

    def _closed_bars(self, coin: Coin, minutes: int, first: int, last: int) -> list[Bar]:
        """Those of the past, of which a process keeps the ones that nothing of this market alone has changed."""
        if coin.base in self.activities:
            return self._told_bars(coin, minutes, first, last)
        make = partial(self._make_bars, coin, minutes)
        whole: list[Bar] = self._tables.bars.read((coin.key, minutes), first, last, make)
        if not self.shocks or (last + 1) * minutes * 60 <= min(shock.begin_s for shock in self.shocks):
            return whole
        return [self._shaken(coin, minutes, slot, bar) for slot, bar in enumerate(whole, first)]

    def _shaken(self, coin: Coin, minutes: int, slot: int, bar: Bar) -> Bar:
        """What shocks have made of a bar: another one while they last, the same at other prices afterwards."""
        begin, end = slot * minutes * 60, (slot + 1) * minutes * 60
        if any(shock.begin_s < end and begin < shock.end_s for shock in self.shocks):
            return self._shaken_bar(coin, minutes, slot)
        factor = math.exp(sum(shock.at(coin, begin) for shock in self.shocks))
        return Bar._make((*(price * factor for price in bar[:5]), bar.volume, bar.buys))

    def _make_bars(self, coin: Coin, minutes: int, first: int, last: int) -> list[Bar]:
        level = next(i for i, each in enumerate(LEVELS) if minutes % each == 0)
        n, lay = minutes // LEVELS[level], self.lay_of(coin)
        spans = self._parts(coin, level, first * n, (last + 1) * n - 1)
        if n > 1:
            spans = [_joined(spans[i : i + n]) for i in range(0, len(spans), n)]
        read, bought = self._tables.readings(first * minutes + lay.first_minute, minutes, last - first + 2)
        if minutes % DAY:
            rhythm = self._rhythms(minutes)
            rhythms = [rhythm[slot % len(rhythm)] for slot in range(first, last + 1)]
        else:
            rhythms = [0.0] * (last - first + 1)
        if self._news_of(coin, first * minutes // DAY - 1, (last + 1) * minutes // DAY):
            for i in range(len(rhythms)):
                rhythms[i] += self._more_by_news(coin, (first + i) * minutes, (first + i + 1) * minutes)
        flow = FLOW / (lay.day / 4.9) / coin.price
        traded = [after - before + more for before, after, more in zip(read, read[1:], rhythms, strict=False)]
        means = [sum(span) / 4 for span in spans]
        buys = [
            after - before + more / 2 + flow * (end - begin)
            for before, after, more, (begin, _, _, end) in zip(bought, bought[1:], rhythms, spans, strict=False)
        ]
        return list(map(Bar._make, zip(*zip(*spans, strict=True), means, traded, buys, strict=True)))

    def _rhythms(self, minutes: int) -> list[float]:
        """What the afternoon's rhythm adds to each candle of a cycle of days."""
        found = self._cycles.get(minutes)
        if found is None:
            n = math.lcm(minutes, DAY) // minutes
            found = [_rhythm((slot + 1) * minutes) - _rhythm(slot * minutes) for slot in range(n)]
            self._cycles[minutes] = found
        return found

    def _shaken_bar(self, coin: Coin, minutes: int, slot: int) -> Bar:
        """A bar since the first shock, from every corner of the price's way."""
        begin, end = slot * minutes * 60, (slot + 1) * minutes * 60
        prices = [self.price(coin.key, at) for at in range(begin, end + 1, STEP_S)]
        volume = self._traded(coin, begin / 60, end / 60)
        buys = self._bought(coin, begin / 60, end / 60, volume, prices[-1] - prices[0])
        buys = min(max(buys, 0.2 * volume), 0.8 * volume)
        return Bar(prices[0], max(prices), min(prices), prices[-1], sum(prices) / len(prices), volume, buys)

    def _told_bars(self, coin: Coin, minutes: int, first: int, last: int) -> list[Bar]:
        """Bars of a coin whose activity is told."""
        bars = []
        for slot, bar in enumerate(self._make_bars(coin, minutes, first, last), first):
            volume = self._traded(coin, slot * minutes, (slot + 1) * minutes)
            buys = self._bought(coin, slot * minutes, (slot + 1) * minutes, volume, 0)
            bars.append(bar._replace(volume=volume, buys=buys))
        return bars


def _rhythm(minute: float) -> float:
    """More is traded in the afternoon (UTC): what that has added up to a moment in minutes."""
    return -0.12 * DAY / math.tau * math.cos(math.tau * minute / DAY - 2)


def _told(told: Callable[[int], float], begin: float, end: float) -> float:
    first, last = math.floor(begin), math.floor(end)
    volume = sum(map(told, range(first, last)))
    volume += told(last) * (end - last) if end > last else 0
    return volume - (told(first) * (begin - first) if begin > first else 0)


def _joined(spans: list[Span]) -> Span:
    begins, highs, lows, ends = zip(*spans, strict=True)
    return begins[0], max(highs), min(lows), ends[-1]


def _corners(span: Span) -> Span:
    """The price within a minute, every STEP_S: by way of its low when it rises, of its high when it falls."""
    begin, high, low, end = span
    return (begin, low, high, end) if end >= begin else (begin, high, low, end)


def _within(span: Span, second: float) -> float:
    corners = _corners(span)
    third, rest = divmod(second, STEP_S)
    here = corners[int(third)]
    return here + (corners[int(third) + 1] - here) * rest / STEP_S if rest else here
