"""What the numbers of a market mean: pure functions over columns of figures, oldest first.

Every function gives None where the figures do not suffice; none of them guesses. Columns are
sequences of floats such as array("d"); nothing is kept between calls. Which candles to ask for,
and what is said of the outcome, are others' business (render/).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

BASELINE = 96  # candles that a volume is held against: a day of 15m
MIN_BASELINE = 20  # fewer say nothing of what is normal
TRIM = 0.05  # of the highest and of the lowest, at least one each
LEVELS = ((500.0, "EXTREME"), (300.0, "HIGH"), (150.0, "MODERATE"), (50.0, "LOW"))  # percent above the baseline
SIGNIFICANT_PCT = 150.0
MIN_FIT = 0.5  # of the variance, that a line explains before it counts as a trend
VALUE_AREA = 0.7
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIN_PRICES = 20  # different ones: that so many are all even by chance happens once in a million times
N_BANDS = 20  # closes that Bollinger bands are of
N_INDICATORS = 200  # candles, so that Wilder's means have forgotten their seed


def rsi(close: Sequence[float], period: int = 14) -> float | None:
    """Relative strength index of the last close, 0 to 100.

    100 - 100 / (1 + G / L); G and L are Wilder's means of gains and losses: the simple mean of the first
    `period` changes, then mean += (change - mean) / period. Without losses 100. None for fewer than period + 1
    closes, and when nothing moved at all (0 / 0).
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TradingView's ta.rsi shows the same.
    """
    if len(close) <= period:
        return None
    changes = [after - before for before, after in pairwise(close)]
    gain = sum(change for change in changes[:period] if change > 0) / period
    loss = -sum(change for change in changes[:period] if change < 0) / period
    for change in changes[period:]:
        gain += (max(change, 0.0) - gain) / period
        loss += (max(-change, 0.0) - loss) / period
    if not gain and not loss:
        return None
    return 100.0 if not loss else 100.0 - 100.0 / (1.0 + gain / loss)


def atr(high: Sequence[float], low: Sequence[float], close: Sequence[float], period: int = 14) -> float | None:
    """Average true range of the last candle, in quote.

    True range: max(high, close before) - min(low, close before); the first candle has none. Wilder's mean of it,
    seeded with the simple mean of the first `period`. None for fewer than period + 1 candles.
    Source: Wilder, 1978; TA-Lib's ATR. TradingView's ta.atr counts the first candle's own range too, which is
    forgotten after some hundred candles.
    """
    if len(close) <= period:
        return None
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, len(close))]
    mean = sum(ranges[:period]) / period
    for each in ranges[period:]:
        mean += (each - mean) / period
    return mean


class Bands(NamedTuple):
    """Bollinger bands, in quote."""

    lower: float
    middle: float
    upper: float


def bollinger(close: Sequence[float], period: int = N_BANDS, width: float = 2.0) -> Bands | None:
    """The mean of the last `period` closes, and `width` population deviations to either side.

    Source: J. Bollinger, Bollinger on Bollinger Bands, 2001; TradingView's ta.bb.
    """
    if len(close) < period:
        return None
    last = close[-period:]
    middle = math.fsum(last) / period
    reach = width * math.sqrt(math.fsum((each - middle) ** 2 for each in last) / period)
    return Bands(middle - reach, middle, middle + reach)


def ema(values: Sequence[float], period: int) -> float | None:
    """Exponential mean, weight 2 / (period + 1), seeded with the simple mean of the first `period` values.

    Source: TradingView's ta.ema with an SMA seed, as StockCharts and TA-Lib do.
    """
    if len(values) < period:
        return None
    mean = sum(values[:period]) / period
    weight = 2.0 / (period + 1)
    for each in values[period:]:
        mean += (each - mean) * weight
    return mean


def vwap(high: Sequence[float], low: Sequence[float], close: Sequence[float], volume: Sequence[float]) -> float | None:
    """Mean of the typical price (high + low + close) / 3, weighted by volume; None without any volume.

    Source: Berkowitz, Logue and Noser, Journal of Finance, 1988; TradingView's ta.vwap over the same candles.
    """
    total = math.fsum(volume)
    if not total:
        return None
    paid = math.fsum([(h + lo + c) / 3.0 * v for h, lo, c, v in zip(high, low, close, volume, strict=True)])
    return paid / total


def volatility(close: Sequence[float]) -> float | None:
    """Realised volatility over the whole column, percent: 100 x the root of the sum of squared log returns.

    None for fewer than two closes. Not annualised: over the candles of 24 hours it is of a day.
    Source: Andersen, Bollerslev, Diebold and Labys, Econometrica, 2003.
    """
    if len(close) < 2 or min(close) <= 0:
        return None
    return 100.0 * math.sqrt(math.fsum(math.log(after / before) ** 2 for before, after in pairwise(close)))


class Line(NamedTuple):
    """A least-squares line: slope per step; fit, the share of variance it explains (r squared), 0 to 1."""

    slope: float
    fit: float


def line(values: Sequence[float]) -> Line | None:
    """The line through values one step apart; None for fewer than three. A flat column has slope and fit 0.

    slope = sum((x - mean x)(y - mean y)) / sum((x - mean x)^2), with x = 0, 1, 2, …
    """
    n = len(values)
    if n < 3:
        return None
    middle, mean = (n - 1) / 2, math.fsum(values) / n
    across = math.fsum((x - middle) * (y - mean) for x, y in enumerate(values))
    spread_x = n * (n * n - 1) / 12
    spread_y = math.fsum((y - mean) ** 2 for y in values)
    fit = across * across / (spread_x * spread_y) if spread_y else 0.0
    return Line(across / spread_x, min(fit, 1.0))


def slope(values: Sequence[float]) -> float | None:
    """The slope of `line`."""
    found = line(values)
    return None if found is None else found.slope


def trend(values: Sequence[float]) -> int | None:
    """1 up, -1 down; 0 where no line explains MIN_FIT of the variance; None for too few figures for a line."""
    found = line(values)
    if found is None:
        return None
    if found.fit < MIN_FIT:
        return 0
    return 1 if found.slope > 0 else -1


class Spike(NamedTuple):
    """A closed candle's volume against what is normal. spike_pct: percent above (or below) the baseline."""

    volume: float
    baseline: float
    spike_pct: float
    level: str

    @property
    def is_significant(self) -> bool:
        return self.spike_pct >= SIGNIFICANT_PCT


def trimmed_median(values: Sequence[float], trim: float = TRIM) -> float | None:
    """The median of what is left without the highest and the lowest `trim`, at least one of each."""
    cut = max(1, int(len(values) * trim))
    return _middle(sorted(values)[cut : len(values) - cut])


def median(values: Sequence[float]) -> float | None:
    """The middle one, or the mean of the middle two. (The statistics module costs 1 MiB and 8 ms at start.)"""
    return _middle(sorted(values))


def _middle(ordered: Sequence[float]) -> float | None:
    half = len(ordered) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def volume_spike(volume: Sequence[float]) -> Spike | None:
    """The last volume against the trimmed median of the BASELINE before it. All candles have to be closed.

    spike_pct = (volume / baseline - 1) x 100. None for fewer than MIN_BASELINE candles before it, or
    when most of them had no volume.
    """
    before = volume[-BASELINE - 1 : -1]
    baseline = trimmed_median(before) if len(before) >= MIN_BASELINE else None
    if not baseline:
        return None
    spike_pct = (volume[-1] / baseline - 1.0) * 100.0
    return Spike(volume[-1], baseline, spike_pct, level(spike_pct))


def level(spike_pct: float) -> str:
    """EXTREME from 500 % above normal, HIGH from 300, MODERATE from 150, LOW from 50; else NORMAL."""
    return next((name for least, name in LEVELS if spike_pct >= least), "NORMAL")


def deltas(volume: Sequence[float], taker_buy: Sequence[float]) -> list[float]:
    """What takers bought less what they sold, candle by candle: 2 x taker_buy - volume."""
    return [2.0 * bought - all_of_it for all_of_it, bought in zip(volume, taker_buy, strict=True)]


def cvd(volume: Sequence[float], taker_buy: Sequence[float]) -> list[float]:
    """Cumulative volume delta: the running sum of `deltas`, from 0 before the first candle."""
    return list(accumulate(deltas(volume, taker_buy)))


def divergence(price: Sequence[float], flow: Sequence[float], n: int = 20) -> str | None:
    """ "bullish" when price falls while flow (CVD) rises over the last n, "bearish" the other way round, else "".

    None for fewer than n of either.
    Both have to be a `trend`: two lines through noise disagree half of the time. Still, of two random walks
    that know nothing of each other one pair in ten diverges, measured: a hint, no proof.
    """
    if len(price) < n or len(flow) < n:
        return None
    of_price, of_flow = trend(price[-n:]), trend(flow[-n:])
    if not of_price or not of_flow or of_price == of_flow:
        return ""
    return "bullish" if of_flow > 0 else "bearish"


class Profile(NamedTuple):
    """How much was traded, or how often a price was touched, by price.

    bins: equal steps from `low` to `high`, lowest first. poc: the middle of the fullest bin; val and vah: the
    outer edges of the value area, which holds at least VALUE_AREA of all.
    """

    low: float
    high: float
    bins: list[float]
    poc: float
    val: float
    vah: float

    @property
    def step(self) -> float:
        return (self.high - self.low) / len(self.bins)


def volume_profile(
    low: Sequence[float], high: Sequence[float], volume: Sequence[float], n_bins: int = 48
) -> Profile | None:
    """Each candle's volume spread evenly over its range, and summed by price.

    The fullest bin is chosen as in tpo_profile. The value area grows from it by two bins above or two below,
    whichever hold more (a tie goes down). None without volume or without a range.
    Source: J. Dalton, Mind over Markets, 1990, value area by volume.
    """
    bottom, top = min(low, default=0.0), max(high, default=0.0)
    if not top > bottom or not any(volume):
        return None
    scale, last_bin = n_bins / (top - bottom), n_bins - 1  # the top itself is in the last one
    bins, density = [0.0] * n_bins, [0.0] * (n_bins + 1)  # density: steps of what every bin gets in full
    for lowest, highest, traded in zip(low, high, volume, strict=True):
        begin, end = (lowest - bottom) * scale, (highest - bottom) * scale
        first, last = int(begin), int(end)
        if last > last_bin:
            first, last = first if first < last_bin else last_bin, last_bin
        if first == last:
            bins[first] += traded
            continue
        per_bin = traded / (end - begin)
        bins[first] += (first + 1 - begin) * per_bin
        bins[last] += (end - last) * per_bin
        density[first + 1] += per_bin
        density[last] -= per_bin
    bins = [max(0.0, part + full) for part, full in zip(bins, accumulate(density), strict=False)]  # no -1e-12
    fullest = _fullest(bins)
    return _profile(bottom, top, bins, fullest, *_grown_by_pairs(bins, fullest))


def tpo_profile(low: Sequence[float], high: Sequence[float], n_bins: int = 100) -> Profile | None:
    """Time at price: each candle counts 1 in every bin that its range touches.

    The fullest bin is, of several, the one nearest the middle of the range (then the lower one). The value area
    grows from it as in volume_profile. None without a range.
    Source: P. Steidlmayer, Market Profile; J. Dalton, Mind over Markets, 1990.
    """
    bottom, top = min(low, default=0.0), max(high, default=0.0)
    if not top > bottom:
        return None
    scale = n_bins / (top - bottom)
    steps = [0.0] * (n_bins + 1)
    for lowest, highest in zip(low, high, strict=True):
        first, last = int((lowest - bottom) * scale), int((highest - bottom) * scale)
        steps[first if first < n_bins else n_bins - 1] += 1  # the top itself is in the last bin
        steps[last + 1 if last < n_bins else n_bins] -= 1
    bins = list(accumulate(steps[:-1]))
    fullest = _fullest(bins)
    return _profile(bottom, top, bins, fullest, *_grown_by_pairs(bins, fullest))


def _fullest(bins: Sequence[float]) -> int:
    """The fullest bin; of several (but for rounding) the one nearest the middle, then the lower one."""
    middle, least = (len(bins) - 1) / 2, max(bins) * (1 - 1e-9)
    return min((i for i, each in enumerate(bins) if each >= least), key=lambda i: (abs(i - middle), i))


def _profile(low: float, high: float, bins: list[float], fullest: int, first: int, last: int) -> Profile:
    step = (high - low) / len(bins)
    return Profile(low, high, bins, low + (fullest + 0.5) * step, low + first * step, low + (last + 1) * step)


def _grown_by_pairs(bins: Sequence[float], fullest: int) -> tuple[int, int]:
    """The first and last bin of the value area: Dalton's rule, two prices above against two below, the larger added."""
    first = last = fullest
    held, wanted = bins[fullest], VALUE_AREA * math.fsum(bins)
    while held < wanted and (first > 0 or last < len(bins) - 1):
        above, below = sum(bins[last + 1 : last + 3]), sum(bins[max(0, first - 2) : first])
        if last < len(bins) - 1 and (above > below or first == 0):
            held, last = held + above, min(last + 2, len(bins) - 1)
        else:
            held, first = held + below, max(first - 2, 0)
    return first, last


def tick_of(prices: Sequence[float], max_decimals: int = 14) -> float:
    """The smallest step that prices were seen to make: their greatest common divisor in decimal digits.

    Of fewer than MIN_PRICES different ones, a unit of their last digit: a divisor that few have in common is chance,
    and one price is its own.
    """
    decimals, prices = 0, list(dict.fromkeys(prices))  # one candle's close is often another one's high
    for each in prices:
        while decimals < max_decimals and abs(round(each, decimals) - each) > 1e-9 * abs(each):
            decimals += 1
    scale = 10.0**decimals
    step = math.gcd(*[round(each * scale) for each in prices]) if len(prices) >= MIN_PRICES else 1
    return (step or 1) / scale


def sums_between(open_ms: Sequence[int], values: Sequence[float], start_ms: int, end_ms: int) -> float | None:
    """The sum of the values whose candle opens in [start_ms, end_ms), oldest first; None if they begin later."""
    if len(open_ms) != len(values):
        raise ValueError("one column is shorter than the other")
    if not open_ms or open_ms[0] > start_ms:
        return None
    return math.fsum(values[bisect_left(open_ms, start_ms) : bisect_left(open_ms, end_ms)])


# Paths: an indicator at every candle, nan where it is not known yet.


def ema_path(values: Sequence[float], period: int) -> list[float]:
    """`ema` at every value: nan for the first period - 1, the seed, and then the mean as it moves."""
    path = [math.nan] * min(period - 1, len(values))
    if len(values) < period:
        return path
    mean = sum(values[:period]) / period
    path.append(mean)
    weight = 2.0 / (period + 1)
    for each in values[period:]:
        mean += (each - mean) * weight
        path.append(mean)
    return path


def day_vwap_path(
    open_ms: Sequence[int],
    high: Sequence[float],
    low: Sequence[float],
    close: Sequence[float],
    volume: Sequence[float],
) -> list[float]:
    """`vwap` from 00:00 UTC to every candle: it begins anew each day.

    nan until the first midnight that the candles reach over, as a day that began before them is not known whole, and
    until a day's first trade. Source: TradingView's VWAP with its anchor at the session.
    """
    path, is_known, paid, traded = list[float](), False, 0.0, 0.0
    for i, at in enumerate(open_ms):
        if at % DAY_MS == 0 or (i and at // DAY_MS != open_ms[i - 1] // DAY_MS):
            is_known, paid, traded = True, 0.0, 0.0
        paid += (high[i] + low[i] + close[i]) / 3.0 * volume[i]
        traded += volume[i]
        path.append(paid / traded if is_known and traded > 0 else math.nan)
    return path
