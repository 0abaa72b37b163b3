"""A market's day: sessions by their own clocks, sums since midnight, the volatility of 24 hours. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import indicators
from exchanges.words import Candles, Flow
from indicators import DAY_MS, HOUR_MS

QUARTER = "15m"
QUARTERS_A_DAY = 96
DAYS = 8  # today, and the seven before it


class SessionSums(NamedTuple):
    """The running session so far, or the last one when it has just begun.

    usual: the median volume of the same session on the seven days before, up to the same moment. coins, delta: of its
    closed quarters of an hour; delta is None where taker volume is not told. change_pct: of the price.
    """

    session: Session
    until_ms: int
    coins: float
    usual: float | None
    n_usual: int
    delta: float | None
    change_pct: float

    @property
    def gone(self) -> float:
        """The share of the session's time, 0 to 1."""
        return (self.until_ms - self.session.start_ms) / (self.session.end_ms - self.session.start_ms)


class DaySums(NamedTuple):
    """Since 00:00 UTC, against the mean of the seven whole days before."""

    coins: float
    dollars: float | None
    mean_coins: float | None
    mean_dollars: float | None
    gone: float


def session_sums(quarters: Candles, flow: Flow | None, now_ms: int) -> SessionSums | None:
    """The session of the last closed quarter; None when there is none."""
    n = quarters.n_closed(now_ms)
    if not n:
        return None
    until_ms = quarters.open_ms[n - 1] + quarters.interval_ms
    session = session_at(quarters.open_ms[n - 1])
    times, volumes = quarters.open_ms[:n], quarters.volume[:n]
    coins = indicators.sums_between(times, volumes, session.start_ms, until_ms)
    if coins is None:
        return None
    gone_ms = until_ms - session.start_ms
    usual = []
    for days in range(1, DAYS):
        # The same session of another day: its own clock may have been put forward or back since.
        then = session_at(session.start_ms - days * DAY_MS + HOUR_MS)
        total = indicators.sums_between(times, volumes, then.start_ms, min(then.start_ms + gone_ms, then.end_ms))
        if then.name == session.name and total is not None:
            usual.append(total)
    first = bisect_left(times, session.start_ms)
    delta = None
    if flow is not None:
        sums = [
            indicators.sums_between(flow.open_ms, side, session.start_ms, until_ms) for side in (flow.buy, flow.sell)
        ]
        delta = None if sums[0] is None or sums[1] is None else sums[0] - sums[1]
    change_pct = (quarters.close[n - 1] / quarters.open[first] - 1) * 100
    return SessionSums(session, until_ms, coins, indicators.median(usual), len(usual), delta, change_pct)


def sums_of_day(quarters: Candles, now_ms: int) -> DaySums | None:
    """Since 00:00 UTC of the last closed quarter's day."""
    n = quarters.n_closed(now_ms)
    if not n:
        return None
    times, until_ms = quarters.open_ms[:n], quarters.open_ms[n - 1] + quarters.interval_ms
    midnight = quarters.open_ms[n - 1] // DAY_MS * DAY_MS
    dollars = None if quarters.quote_volume is None else quarters.quote_volume[:n]

    def total(values: Sequence[float], start_ms: int, end_ms: int) -> float | None:
        return indicators.sums_between(times, values, start_ms, end_ms)

    def mean(values: Sequence[float]) -> float | None:
        days = [total(values, midnight - day * DAY_MS, midnight - (day - 1) * DAY_MS) for day in range(1, DAYS)]
        known = [each for each in days if each is not None]
        return sum(known) / len(known) if len(known) == DAYS - 1 else None

    coins = total(quarters.volume[:n], midnight, until_ms)
    if coins is None:
        return None
    worth = None if dollars is None else total(dollars, midnight, until_ms)
    mean_worth = None if dollars is None else mean(dollars)
    return DaySums(coins, worth, mean(quarters.volume[:n]), mean_worth, (until_ms - midnight) / DAY_MS)


def day_volatility(quarters: Candles, now_ms: int) -> float | None:
    """Realised volatility of the last 24 hours, from quarters of an hour; None when they are not all there."""
    n = quarters.n_closed(now_ms)
    first = n - QUARTERS_A_DAY - 1
    if first < 0 or quarters.open_ms[n - 1] - quarters.open_ms[first] != DAY_MS:
        return None
    return indicators.volatility(quarters.close[first:n])


class Session(NamedTuple):
    """A stretch of the trading day."""

    name: str
    start_ms: int
    end_ms: int


def session_at(time_ms: int) -> Session:
    """The session that a moment belongs to. Four cover the day without a gap:

    Asia      01:00 UTC, until London begins
    London    07:00 London time, until New York begins
    New York  08:00 to 17:00 New York time
    Close     until 01:00 UTC

    So London is 06-12 UTC and New York 12-21 in summer, an hour later in winter. In the weeks in which only
    America has put its clocks forward, or only Europe back, London has five hours instead of six.
    """
    midnight = time_ms - time_ms % DAY_MS
    for day in (midnight - DAY_MS, midnight):
        asia = day + HOUR_MS
        london = day + (6 if is_summer_in_europe(day + 6 * HOUR_MS) else 7) * HOUR_MS
        new_york = day + (12 if is_summer_in_america(day + 12 * HOUR_MS) else 13) * HOUR_MS
        close = new_york + 9 * HOUR_MS
        bounds = (asia, london, new_york, close, day + DAY_MS + HOUR_MS)
        for name, (start, end) in zip(("Asia", "London", "New York", "Close"), pairwise(bounds), strict=True):
            if start <= time_ms < end:
                return Session(name, start, end)
    raise AssertionError("the four sessions cover the day")


def is_summer_in_europe(time_ms: int) -> bool:
    """From 01:00 UTC on the last Sunday of March to 01:00 UTC on the last of October (EU directive 2000/84)."""
    year = _year(time_ms)
    return _sunday_before(year, 4, 1) + HOUR_MS <= time_ms < _sunday_before(year, 11, 1) + HOUR_MS


def is_summer_in_america(time_ms: int) -> bool:
    """From 02:00 local on the second Sunday of March to 02:00 on the first of November (15 U.S.C. § 260a)."""
    year = _year(time_ms)
    return _sunday_before(year, 3, 15) + 7 * HOUR_MS <= time_ms < _sunday_before(year, 11, 8) + 6 * HOUR_MS


def _year(time_ms: int) -> int:
    return datetime.fromtimestamp(time_ms / 1000, UTC).year


@lru_cache(maxsize=16)
def _sunday_before(year: int, month: int, day: int) -> int:
    """00:00 UTC, in ms, of the last Sunday before a date."""
    midnight = datetime(year, month, day, tzinfo=UTC)
    return (int(midnight.timestamp()) - (midnight.isoweekday() % 7 or 7) * 86400) * 1000
