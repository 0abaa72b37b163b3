"""Candles without gaps. Pure.

Some exchanges leave out candles in which nothing was traded. Such a candle has volume 0, and stands where the price
stood before it: for a window of 24 hours it counts as much as any other, and for what is normal, too.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence

from exchanges.errors import BadResponse, LongQuiet, Reason, Unavailable
from exchanges.reading import check_interval, is_unbroken
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Flow

MAX_QUIET_MS = 24 * 3_600_000  # without any trade: the market is delisted or halted, its last candles are no news
MAX_AHEAD_MS = 3_600_000  # of our clock, that a period begins: machines that slept are late for a while
BEHIND_MS = 15 * 60_000  # without a candle, where each is listed: the exchange is behind, or the market is halted
FLOW_BEHIND_MS = 3_600_000  # likewise of takers' volume, whose quiet periods may be left out
LATE_MS = 15_000  # exchanges list a candle some seconds after its close: one that is missing so early is not empty


def filled(candles: Candles, n: int, now_ms: int) -> Candles:
    """The last n closed periods up to now and the running one, those without trades put in.

    What is before the first candle is not known, and the running candle is there only when it was listed.
    Candles that are on no common grid are given back as they are, and those of which some were left out as odd, or were
    not read: what was traded then is not known.
    """
    step, times = candles.interval_ms, candles.open_ms
    if not len(times) or candles.n_odd or candles.is_excerpt or not _are_on_a_grid(times, step):
        return candles
    running, last = _ends(times, step, now_ms, _leaves_out(candles.exchange))
    begin = max(times[0], running - n * step)
    if last == times[-1] and len(times) == (last - times[0]) // step + 1:  # none is missing, as a rule
        return candles if begin == times[0] else candles.part((begin - times[0]) // step, len(times))
    at = range(begin, last + step, step)
    where = _where(times, at)

    def price(column: array[float]) -> array[float]:
        return array("d", (candles.close[i] if is_gap else column[i] for i, is_gap in where))

    def amount(column: array[float]) -> array[float]:
        return array("d", (0.0 if is_gap else column[i] for i, is_gap in where))

    return candles._replace(
        open_ms=array("q", at),
        open=price(candles.open),
        high=price(candles.high),
        low=price(candles.low),
        close=price(candles.close),
        volume=amount(candles.volume),
        quote_volume=None if candles.quote_volume is None else amount(candles.quote_volume),
        taker_buy=None if candles.taker_buy is None else amount(candles.taker_buy),
        is_last_closed=True if last > times[-1] else candles.is_last_closed,
    )


def _are_on_a_grid(times: array[int], step: int) -> bool:
    return is_unbroken(times, step) or not any((at - times[0]) % step for at in times)


def _ends(times: Sequence[int], step: int, now_ms: int, leaves_out: bool) -> tuple[int, int]:
    """When the running period began, and the last one that is told begins.

    After the last one that was listed periods are put in only where the exchange is known to leave some out: where
    it is not, it stopped listing them, or our clock is ahead.
    """
    running = now_ms - (now_ms - times[0]) % step
    if not leaves_out and len(times) == (times[-1] - times[0]) // step + 1:
        return running, times[-1]
    is_late = now_ms - running < min(LATE_MS, step // 2)
    return running, max(times[-1], running - 2 * step if is_late else running - step)


def _where(times: array[int], wanted: range) -> list[tuple[int, bool]]:
    """For each wanted time the index of its candle, or of the last one before it; and whether it is missing."""
    found, i = list[tuple[int, bool]](), 0
    for at in wanted:
        while i + 1 < len(times) and times[i + 1] <= at:
            i += 1
        found.append((i, times[i] != at))
    return found


def filled_flow(flow: Flow, n: int, now_ms: int) -> Flow:
    """As filled: periods in which takers did nothing are put in. Raises BadResponse for those of another interval."""
    step, times = flow.interval_ms, flow.open_ms
    check_interval(flow.exchange, times, step)
    if not times:
        return flow
    running, last = _ends(times, step, now_ms, _leaves_out(flow.exchange))
    at = range(max(times[0], running - n * step), last + step, step)
    bought, sold = dict(zip(times, flow.buy, strict=True)), dict(zip(times, flow.sell, strict=True))
    return flow._replace(open_ms=at, buy=[bought.get(t, 0.0) for t in at], sell=[sold.get(t, 0.0) for t in at])


def _leaves_out(exchange: str) -> bool:
    return exchange in EXCHANGES and EXCHANGES[exchange].leaves_out_candles


def refuse_future(exchange: str, times: Sequence[int], now_ms: int) -> None:
    """Raises BadResponse for times, oldest first, that have not come: nothing can have been traded then."""
    if times and times[-1] - now_ms > MAX_AHEAD_MS:
        raise BadResponse(exchange, f"what is of {times[-1]} ms is told, and it is {now_ms} ms")


def refuse_long_quiet(candles: Candles | Flow, now_ms: int) -> None:
    """Raises LongQuiet for candles, or what takers did, that ended long ago; Unavailable where they ended so that what
    is made of them is no news, as nobody's price would be: another exchange may have those of now. As refuse_future."""
    if not candles.open_ms:
        return
    refuse_future(candles.exchange, candles.open_ms, now_ms)
    ended_ms = candles.open_ms[-1] + candles.interval_ms
    if now_ms - ended_ms > max(MAX_QUIET_MS, 2 * candles.interval_ms):
        day = time.strftime("%Y-%m-%d", time.gmtime(ended_ms / 1000))
        raise LongQuiet(candles.exchange, f"the last candle ended {day}", day)
    most_ms = FLOW_BEHIND_MS if isinstance(candles, Flow) else BEHIND_MS
    if now_ms - ended_ms > max(most_ms, 2 * candles.interval_ms) and _lists_each(candles):
        raise Unavailable(candles.exchange, f"the last period ended {ended_ms} ms", Reason.BEHIND)


def _lists_each(candles: Candles | Flow) -> bool:
    """Whether the exchange lists quiet periods, too, as far as is known: then there is none that is missing.

    Of an excerpt, its newest ones tell.
    """
    is_excerpt = isinstance(candles, Candles) and candles.is_excerpt
    newest = candles.open_ms[-2:] if is_excerpt else candles.open_ms
    return is_unbroken(newest, candles.interval_ms) and not _leaves_out(candles.exchange)
