"""Every figure is held against the same figure found in another way.

Published tables, literals of TA-Lib 0.8.2 and numpy 2.4.6 (neither is needed here), or the definition written out in
exact fractions: sums of weights where the code recurs, overlaps bin by bin where it takes steps.
"""

from __future__ import annotations

import math
import random
import statistics
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, cycle, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from conftest import together

import indicators
import sessions
from indicators import (
    Bands,
    Line,
    atr,
    bollinger,
    cvd,
    day_vwap_path,
    deltas,
    divergence,
    ema,
    ema_path,
    level,
    line,
    median,
    rsi,
    slope,
    sums_between,
    tick_of,
    tpo_profile,
    trend,
    trimmed_median,
    volatility,
    volume_profile,
    volume_spike,
    vwap,
)
from sessions import Session, session_at

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


class Candles(NamedTuple):
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    bought: list[float]


def random_candles(n: int, price: float, size: float, seed: int) -> Candles:
    drawn, candles = random.Random(seed), Candles([], [], [], [], [])
    for _ in range(n):
        before, price = price, price * math.exp(drawn.gauss(0, 0.01))
        candles.high.append(max(before, price) * (1 + drawn.random() / 200))
        candles.low.append(min(before, price) * (1 - drawn.random() / 200))
        candles.close.append(price)
        candles.volume.append(size * drawn.lognormvariate(0, 1))
        candles.bought.append(candles.volume[-1] * drawn.random())
    return candles


# StockCharts ChartSchool, "Average True Range": highs, lows and closes of its example, as other projects' tests have
# them from stockcharts.com/school/doku.php?id=chart_school:technical_indicators:average_true_range_atr. The volumes are
# ours. The examples of its pages on RSI and Bollinger bands are as in PyAlgoTrade's tests.
TEXTBOOK = Candles(
    [
        *(48.70, 48.72, 48.90, 48.87, 48.82, 49.05, 49.20, 49.35, 49.92, 50.19, 50.12, 49.66, 49.88, 50.19, 50.36),
        *(50.57, 50.65, 50.43, 49.63, 50.33, 50.29, 50.17, 49.32, 48.50, 48.32, 46.80, 47.80, 48.39, 48.66, 48.79),
    ],
    [
        *(47.79, 48.14, 48.39, 48.37, 48.24, 48.64, 48.94, 48.86, 49.50, 49.87, 49.20, 48.90, 49.43, 49.73, 49.26),
        *(50.09, 50.30, 49.21, 48.98, 49.61, 49.20, 49.43, 48.08, 47.64, 41.55, 44.28, 47.31, 47.20, 47.90, 47.73),
    ],
    [
        *(48.16, 48.61, 48.75, 48.63, 48.74, 49.03, 49.07, 49.32, 49.91, 50.13, 49.53, 49.50, 49.75, 50.03, 50.31),
        *(50.52, 50.41, 49.34, 49.37, 50.23, 49.24, 49.93, 48.43, 48.18, 46.57, 45.41, 47.77, 47.72, 48.62, 47.85),
    ],
    [9000.0 + 137 * (i * i % 53) for i in range(30)],
    [4000.0 + 211 * (i * i % 31) for i in range(30)],
)
FLAT = Candles([101.0] * 97, [99.0] * 97, [100.0] * 97, [5.0] * 97, [2.5] * 97)
SPIKE = Candles(*(column[:] for column in FLAT))
SPIKE.high[90], SPIKE.close[90], SPIKE.volume[90], SPIKE.bought[90] = 400.0, 300.0, 60.0, 45.0

SERIES = {
    "textbook": TEXTBOOK,
    "flat": FLAT,
    "spike": SPIKE,
    "tiny coin": random_candles(200, 1e-8, 1e12, 7),
    "random": random_candles(1000, 65000.0, 30.0, 11),
}
on_every_series = together("candles", SERIES.values(), ids=SERIES)


def near(expected: float | Fraction | None) -> Any:
    """To nine digits however small the price; approx's own margin of 1e-12 would let a coin of 1e-8 be wrong."""
    return None if expected is None else pytest.approx(float(expected), rel=1e-9, abs=0)


def near_all(expected: Sequence[float | Fraction]) -> Any:
    return pytest.approx([float(each) for each in expected], rel=1e-9, abs=0)


def exactly(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(value) for value in values]


def total(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def smoothed(values: Sequence[Fraction], weight: Fraction, period: int) -> Fraction:
    """The recursion unrolled: each value weighs weight x (1 - weight)^age, the mean they start from what is left."""
    kept, later = 1 - weight, values[period:]
    start = total(values[:period]) / period * kept ** len(later)
    return start + total([value * weight * kept**age for age, value in enumerate(reversed(later))])


# Oscillators and bands.

# ChartSchool, "Relative Strength Index": closes, and RSI 14 from the 15th on.
RSI_CLOSES = [
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931),
    *(46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521),
    *(45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314),
]
RSI_PUBLISHED = [
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46),
    *(41.87, 45.46, 37.30, 33.08, 37.77),
]


def rsi_by_weights(close: Sequence[float], period: int) -> Fraction | None:
    changes = [after - before for before, after in pairwise(exactly(close))]
    gain = smoothed([max(change, Fraction(0)) for change in changes], Fraction(1, period), period)
    moved = smoothed([abs(change) for change in changes], Fraction(1, period), period)
    return 100 * gain / moved if moved else None


def test_rsi_as_published() -> None:
    found = [rsi(RSI_CLOSES[:n]) for n in range(15, 34)]
    assert found == pytest.approx(RSI_PUBLISHED, rel=0, abs=0.005001)


@together(
    "n, talib", [(15, 70.53278948369497), (16, 66.31856180517232), (27, 39.98982314537658), (33, 37.77295211443484)]
)
def test_rsi_as_talib(n: int, talib: float) -> None:
    assert rsi(RSI_CLOSES[:n]) == near(talib)


@on_every_series
@together("period", [2, 14])
def test_rsi_by_weights(candles: Candles, period: int) -> None:
    assert rsi(candles.close, period) == near(rsi_by_weights(candles.close, period))


@together(
    "close, expected",
    [([1, 2, 3, 4], 100.0), ([4, 3, 2, 1], 0.0), ([1, 2, 2, 2], 100.0), ([1, 2, 1, 2, 1], 37.5), ([7, 7, 7, 7], None)],
    ids=["only gains", "only losses", "one gain then flat", "ups and downs", "flat"],
)
def test_rsi_one_sided_markets(close: list[float], expected: float | None) -> None:
    """Ups and downs by hand, period 2: G and L 1/2; then 3/4 and 1/4; then 3/8 and 5/8."""
    assert rsi(close, 2) == expected


def test_rsi_shortest_column() -> None:
    assert rsi([1, 2, 1]) is None
    assert rsi([1.0, 2.0] * 7) is None
    assert rsi([1.0, 2.0] * 7 + [1.0]) == 50.0


# ChartSchool, "Average True Range": ATR 14 of TEXTBOOK from the 14th candle on, found from prices of more digits. It
# counts the first candle's high less low, as a candle before it, closing inside it, makes ours do too.
ATR_PUBLISHED = [0.56, 0.59, 0.59, 0.57, 0.62, 0.62, 0.64, 0.67, 0.69, 0.78, 0.78, 1.21, 1.30, 1.38, 1.37, 1.34, 1.32]


def atr_by_weights(candles: Candles, period: int) -> Fraction:
    high, low, close = exactly(candles.high), exactly(candles.low), exactly(candles.close)
    ranges = [max(h - lo, abs(h - c), abs(lo - c)) for h, lo, c in zip(high[1:], low[1:], close, strict=False)]
    return smoothed(ranges, Fraction(1, period), period)


def test_atr_as_published() -> None:
    high, low, close = ([column[0], *column] for column in TEXTBOOK[:3])
    found = [atr(high[:n], low[:n], close[:n]) for n in range(15, 32)]
    assert found == pytest.approx(ATR_PUBLISHED, rel=0, abs=0.006)


@together(
    "n, talib", [(15, 0.5678571428571431), (16, 0.5615816326530612), (25, 1.1966533980869818), (30, 1.3079828533793758)]
)
def test_atr_as_talib(n: int, talib: float) -> None:
    assert atr(TEXTBOOK.high[:n], TEXTBOOK.low[:n], TEXTBOOK.close[:n]) == near(talib)


@on_every_series
@together("period", [3, 14])
def test_atr_by_weights(candles: Candles, period: int) -> None:
    assert atr(candles.high, candles.low, candles.close, period) == near(atr_by_weights(candles, period))


@together(
    "high, low, expected",
    [(12, 10, 3), (8, 5, 4), (10, 7, 3), (9, 9, 0)],
    ids=["gap up", "gap down", "around the close", "no range"],
)
def test_atr_reaches_over_gaps(high: float, low: float, expected: float) -> None:
    assert atr([9, high], [9, low], [9, 9], 1) == expected


def test_atr_shortest_column() -> None:
    assert atr([2.0] * 14, [1.0] * 14, [1.5] * 14) is None
    assert atr([2.0] * 15, [1.0] * 15, [1.5] * 15) == 1.0
    assert atr([], [], []) is None


# ChartSchool, "Bollinger Bands": closes, and the bands of 20 and 2 deviations on the 20th, 40th and 42nd.
BOLLINGER_CLOSES = [
    *(86.1557, 89.0867, 88.7829, 90.3228, 89.0671, 91.1453, 89.4397, 89.1750, 86.9302, 87.6752, 86.9596),
    *(89.4299, 89.3221, 88.7241, 87.4497, 87.2634, 89.4985, 87.9006, 89.1260, 90.7043, 92.9001, 92.9784),
    *(91.8021, 92.6647, 92.6843, 92.3021, 92.7725, 92.5373, 92.9490, 93.2039, 91.0669, 89.8318, 89.7435),
    *(90.3994, 90.7387, 88.0177, 88.0867, 88.8439, 90.7781, 90.5416, 91.3894, 90.6500),
]


@pytest.mark.parametrize(
    ("n", "published"), [(20, (86.12, 88.71, 91.29)), (40, (87.95, 91.24, 94.53)), (42, (87.95, 91.05, 94.15))]
)
def test_bollinger_as_published(n: int, published: tuple[float, float, float]) -> None:
    assert bollinger(BOLLINGER_CLOSES[:n]) == pytest.approx(published, rel=0, abs=0.005001)


def test_bollinger_as_talib() -> None:
    assert bollinger(BOLLINGER_CLOSES) == near_all([87.95185653167076, 91.05018, 94.14850346832932])


@on_every_series
@together("period, width", [(5, 1.5), (20, 2.0)])
def test_bollinger_as_statistics(candles: Candles, period: int, width: float) -> None:
    last = candles.close[len(candles.close) - period :]
    middle, reach = statistics.mean(last), width * statistics.pstdev(last)
    assert bollinger(candles.close, period, width) == near_all([middle - reach, middle, middle + reach])


def test_bollinger_shortest_column() -> None:
    assert bollinger([5.0] * 19) is None
    assert bollinger([5.0] * 20) == Bands(5.0, 5.0, 5.0)
    assert bollinger([3.0, 5.0] * 10) == Bands(2.0, 4.0, 6.0)


# ChartSchool, "Moving Averages": closes, and EMA 10 from the 10th on.
EMA_CLOSES = [
    *(22.2734, 22.1940, 22.0847, 22.1741, 22.1840, 22.1344, 22.2337, 22.4323, 22.2436, 22.2933),
    *(22.1542, 22.3926, 22.3816, 22.6109, 23.3558, 24.0519, 23.7530, 23.8324, 23.9516, 23.6338),
    *(23.8225, 23.8722, 23.6537, 23.1870, 23.0976, 23.3260, 22.6805, 23.0976, 22.4025, 22.1725),
]
EMA_PUBLISHED = [
    *(22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.54),
    *(23.47, 23.40, 23.39, 23.26, 23.23, 23.08, 22.92),
]


def test_ema_as_published() -> None:
    found = [ema(EMA_CLOSES[:n], 10) for n in range(10, 31)]
    assert found == pytest.approx(EMA_PUBLISHED, rel=0, abs=0.005001)


@pytest.mark.parametrize(("n", "talib"), [(10, 22.22475), (11, 22.21192272727273), (30, 22.91556023003094)])
def test_ema_as_talib(n: int, talib: float) -> None:
    assert ema(EMA_CLOSES[:n], 10) == near(talib)


@on_every_series
@together("period", [2, 20])
def test_ema_by_weights(candles: Candles, period: int) -> None:
    expected = smoothed(exactly(candles.close), Fraction(2, period + 1), period)
    assert ema(candles.close, period) == near(expected)


def test_ema_shortest_column() -> None:
    assert ema([], 3) is None
    assert ema([1, 2], 3) is None
    assert ema([1, 2, 6], 3) == 3.0
    assert ema([1, 2, 6, 7], 3) == 5.0


def test_ema_path_ends_as_ema_everywhere() -> None:
    path = ema_path(EMA_CLOSES, 10)
    assert [math.isnan(each) for each in path[:10]] == [True] * 9 + [False]
    assert path[9:] == [ema(EMA_CLOSES[: i + 1], 10) for i in range(9, len(EMA_CLOSES))]


@pytest.mark.parametrize("n", [0, 1, 9])
def test_ema_path_of_too_few(n: int) -> None:
    path = ema_path(EMA_CLOSES[:n], 10)
    assert len(path) == n
    assert all(map(math.isnan, path))


def test_day_vwap_begins_anew_each_day() -> None:
    half = 43_200_000
    times, price, volume = [0, half, 2 * half, 3 * half], [10.0, 20.0, 30.0, 60.0], [1.0, 3.0, 2.0, 1.0]
    assert day_vwap_path(times, price, price, price, volume) == [10.0, 17.5, 30.0, 40.0]


def test_day_vwap_of_half_a_day_is_unknown() -> None:
    half = 43_200_000
    path = day_vwap_path([half, 2 * half, 3 * half], [9.0, 1.0, 3.0], [9.0, 1.0, 3.0], [9.0, 1.0, 3.0], [1.0] * 3)
    assert math.isnan(path[0])
    assert path[1:] == [1.0, 2.0]


def test_day_vwap_begins_late_after_a_gap() -> None:
    """A candle without trades may be missing, that of midnight too: the day begins with the first that there is."""
    hour = 3_600_000
    path = day_vwap_path([23 * hour, 25 * hour], [5.0, 7.0], [5.0, 7.0], [5.0, 7.0], [1.0, 1.0])
    assert math.isnan(path[0])
    assert path[1] == 7.0


def test_day_vwap_without_trades() -> None:
    path = day_vwap_path([0, 60_000], [5.0, 7.0], [5.0, 7.0], [5.0, 7.0], [0.0, 2.0])
    assert math.isnan(path[0])
    assert path[1] == 7.0


@on_every_series
def test_day_vwap_path_ends_as_vwap(candles: Candles) -> None:
    times = range(0, 60_000 * len(candles.close), 60_000)
    if len(times) < 1440 and any(candles.volume):
        path = day_vwap_path(times, candles.high, candles.low, candles.close, candles.volume)
        assert path[-1] == near(vwap(candles.high, candles.low, candles.close, candles.volume))


def test_vwap_as_numpy() -> None:
    """numpy.average((high + low + close) / 3, weights=volume)"""
    assert vwap(*TEXTBOOK[:4]) == near(48.85723445980797)


@on_every_series
def test_vwap_in_fractions(candles: Candles) -> None:
    high, low, close, volume = map(exactly, candles[:4])
    paid = total([(h + lo + c) * v for h, lo, c, v in zip(high, low, close, volume, strict=True)])
    assert vwap(*candles[:4]) == near(paid / total(volume) / 3)


def test_vwap_ignores_empty_candles() -> None:
    assert vwap([9, 900], [3, 800], [6, 850], [5, 0]) == 6.0
    assert vwap([9, 900], [3, 800], [6, 850], [1e-9, 0]) == near(6.0)


def test_vwap_without_volume() -> None:
    assert vwap(FLAT.high, FLAT.low, FLAT.close, [0.0] * 97) is None
    assert vwap([], [], [], []) is None


def test_vwap_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        vwap([1, 2], [1, 2], [1, 2], [1])


def test_volatility_as_numpy() -> None:
    """100 * numpy.sqrt(numpy.sum(numpy.diff(numpy.log(close)) ** 2))"""
    assert volatility(TEXTBOOK.close) == near(8.861890123157863)


@on_every_series
def test_volatility_in_decimals(candles: Candles) -> None:
    logs = [Decimal(close).ln() for close in candles.close]
    squares = sum(((after - before) ** 2 for before, after in pairwise(logs)), Decimal(0))
    assert volatility(candles.close) == near(float(100 * squares.sqrt()))


def test_volatility_shortest_column() -> None:
    assert volatility([]) is None
    assert volatility([5.0]) is None
    assert volatility([5.0, 5.0]) == 0.0
    assert volatility([1.0, math.e]) == near(100.0)
    assert volatility([math.e, 1.0]) == near(100.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_volatility_of_worthless_price(wrong: float) -> None:
    assert volatility([1.0, wrong, 1.0]) is None


# Lines.


def line_by_normal_equations(values: Sequence[float]) -> tuple[Fraction, Fraction]:
    n, y = len(values), exactly(values)
    sum_x, sum_xx, sum_y = n * (n - 1) // 2, (n - 1) * n * (2 * n - 1) // 6, total(y)
    xy = n * total([x * each for x, each in enumerate(y)]) - sum_x * sum_y
    xx, yy = n * sum_xx - sum_x**2, n * total([each * each for each in y]) - sum_y**2
    return xy / xx, xy * xy / (xx * yy) if yy else Fraction(0)


def test_line_as_talib() -> None:
    """LINEARREG_SLOPE over 30, and the square of CORREL with 0, 1, … 29."""
    assert line(TEXTBOOK.close) == near_all([-0.04543715239154582, 0.12029015595299601])


@on_every_series
@together("column", ["close", "volume"])
def test_line_by_normal_equations(candles: Candles, column: str) -> None:
    values = getattr(candles, column)
    assert line(values) == near_all(line_by_normal_equations(values))
    assert slope(values) == near(line_by_normal_equations(values)[0])


def test_line_shortest_column() -> None:
    assert line([]) is line([1.0, 2.0]) is None
    assert slope([1.0, 2.0]) is None
    assert line([1.0, 3.0, 5.0]) == Line(2.0, 1.0)
    assert slope([5.0, 3.0, 1.0]) == -2.0


def test_line_flat_column() -> None:
    assert line([0.1] * 3) == line([0.0] * 20) == Line(0.0, 0.0)


def test_line_far_from_zero() -> None:
    """Steps of 2^-30 at a million: what is small has to be subtracted before it is multiplied."""
    assert line([1e6 + x * 2**-30 for x in range(16)]) == near_all([2**-30, 1])


def test_line_fit_stays_below_one() -> None:
    """Steps of 1/10 are not exact; the share would come out as 1.0000000000000002."""
    fits = [found.fit for n in range(3, 60) if (found := line([0.1 * x for x in range(n)]))]
    assert max(fits) == 1.0
    assert min(fits) == near(1.0)


@together(
    "values, expected",
    [
        ([1, 2, 3], 1),
        ([3, 2, 1], -1),
        ([1, 3, 2, 4, 3, 5], 1),
        ([5, 3, 4, 2, 3, 1], -1),
        ([1, 2], None),
        ([], None),
        ([7, 7, 7, 7], 0),
        ([1, 2] * 10, 0),
        ([1, 9, 1], 0),
    ],
    ids=["up", "down", "rough up", "rough down", "too few", "none", "flat", "zigzag", "tent"],
)
def test_trend_of_a_column(values: list[float], expected: int | None) -> None:
    assert trend(values) == expected


def test_trend_from_a_half_explained() -> None:
    """-1, m, 1: the line explains 2 / (2 + 2 m^2 / 3), which is 1/2 where m is the root of 3, 1.732."""
    assert trend([-1, 1.73, 1]) == 1
    assert trend([1, 1.73, -1]) == -1
    assert trend([-1, 1.74, 1]) == trend([1, 1.74, -1]) == 0


def test_trend_noise_has_none() -> None:
    """A half explained by chance: 1 in 2000 of 20 figures (t = 4.24 at 18 degrees of freedom, both sides)."""
    drawn = random.Random(5)
    found = [trend([drawn.gauss(100, 1) for _ in range(20)]) for _ in range(1000)]
    assert found.count(1) + found.count(-1) <= 5


# Volume.


def test_spike_flat_market() -> None:
    """The predecessor read -17 % here in the evening, and -92 % early in a candle."""
    assert volume_spike([5.0] * 97) == (5.0, 5.0, 0.0, "NORMAL")


def test_spike_four_times_normal() -> None:
    found = volume_spike([5.0] * 96 + [20.0])
    assert found == (20.0, 5.0, 300.0, "HIGH")
    assert found is not None
    assert found.is_significant


def test_spike_of_an_empty_candle() -> None:
    assert volume_spike([5.0] * 96 + [0.0]) == (0.0, 5.0, -100.0, "NORMAL")


def test_spike_against_96_before() -> None:
    """Of 104 to 199 the middle is 151.5; one candle more or less, at either end, and it would not be."""
    assert volume_spike([float(i) for i in range(1, 200)] + [303.0]) == (303.0, 151.5, 100.0, "LOW")


@on_every_series
def test_spike_by_taking_ends_off(candles: Candles) -> None:
    left = candles.volume[:-1][-96:]
    for _ in range(max(1, len(left) * 5 // 100)):
        left.remove(max(left))
        left.remove(min(left))
    baseline = Fraction(statistics.median(left))
    found = volume_spike(candles.volume)
    assert found is not None
    assert found[:2] == near_all([candles.volume[-1], baseline])
    assert found.spike_pct == near(100 * (Fraction(candles.volume[-1]) - baseline) / baseline)


def test_spike_shortest_column() -> None:
    assert volume_spike([]) is None
    assert volume_spike([5.0] * 20) is None
    assert volume_spike([5.0] * 21) == (5.0, 5.0, 0.0, "NORMAL")


@together("n_empty, baseline", [(96, None), (49, None), (48, 2.5), (47, 5.0)])
def test_spike_mostly_empty_candles(n_empty: int, baseline: float | None) -> None:
    found = volume_spike([0.0] * n_empty + [5.0] * (97 - n_empty))
    assert (found and found.baseline) == baseline


@together(
    "spike_pct, name, is_significant",
    [
        (1e9, "EXTREME", True),
        (500.0, "EXTREME", True),
        (math.nextafter(500.0, 0), "HIGH", True),
        (300.0, "HIGH", True),
        (math.nextafter(300.0, 0), "MODERATE", True),
        (150.0, "MODERATE", True),
        (math.nextafter(150.0, 0), "LOW", False),
        (50.0, "LOW", False),
        (math.nextafter(50.0, 0), "NORMAL", False),
        (0.0, "NORMAL", False),
        (-100.0, "NORMAL", False),
    ],
)
def test_level_at_each_threshold(spike_pct: float, name: str, is_significant: bool) -> None:
    assert level(spike_pct) == name
    assert indicators.Spike(1.0, 1.0, spike_pct, name).is_significant is is_significant


@together("times, name", [(1.5, "LOW"), (2.5, "MODERATE"), (4, "HIGH"), (6, "EXTREME")])
def test_spike_on_each_threshold(times: float, name: str) -> None:
    found = volume_spike([8.0] * 96 + [8.0 * times])
    assert found is not None
    assert found.level == name


@together("values", [[3.0, 1.0, 2.0], [4.0, 1.0, 3.0, 2.0], [2.0, 2.0, 1.0], [7.0], [9.0, 1.0]])
def test_median_as_statistics(values: list[float]) -> None:
    before = values[:]
    assert median(values) == statistics.median(values)
    assert values == before


def test_median_of_nothing() -> None:
    assert median([]) is None


@pytest.mark.parametrize("n", [0, 1, 2])
def test_trimmed_median_nothing_left(n: int) -> None:
    assert trimmed_median([1.0] * n) is None


def test_trimmed_median_drops_both_ends() -> None:
    assert trimmed_median([1000.0, 3.0, 0.0]) == 3.0
    assert trimmed_median([float(i) for i in range(40)], 0.25) == 19.5


@on_every_series
def test_cvd_bought_less_sold(candles: Candles) -> None:
    bought, volume = exactly(candles.bought), exactly(candles.volume)
    assert deltas(candles.volume, candles.bought) == near_all(
        [b - (v - b) for b, v in zip(bought, volume, strict=True)]
    )
    so_far = zip(accumulate(bought), accumulate(volume), strict=True)
    assert cvd(candles.volume, candles.bought) == near_all([2 * b - v for b, v in so_far])


def test_cvd_by_hand() -> None:
    assert deltas([10, 10, 10, 0], [10, 0, 4, 0]) == [10.0, -10.0, -2.0, 0.0]
    assert cvd([10, 10, 10, 0], [10, 0, 4, 0]) == [10.0, 0.0, -2.0, -2.0]
    assert cvd([], []) == []


def test_cvd_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        cvd([1.0, 2.0], [1.0])


RISING, FALLING, LEVEL_OFF = [float(i) for i in range(20)], [float(-i) for i in range(20)], [1.0, 2.0] * 10


@together(
    "price, flow, expected",
    [
        (FALLING, RISING, "bullish"),
        (RISING, FALLING, "bearish"),
        (RISING, RISING, ""),
        (FALLING, FALLING, ""),
        (RISING, LEVEL_OFF, ""),
        (LEVEL_OFF, FALLING, ""),
        (LEVEL_OFF, LEVEL_OFF, ""),
    ],
)
def test_divergence_price_against_flow(price: list[float], flow: list[float], expected: str) -> None:
    assert divergence(price, flow) == expected


def test_divergence_of_last_20_only() -> None:
    assert divergence([500.0 + i for i in range(200)] + FALLING, FALLING * 10 + RISING) == "bullish"
    assert divergence([*RISING[:18], 1e3, 1e3 - 1, 1e3 - 2], [*FALLING[:18], -99.0, -98.0, -97.0], 3) == "bullish"


def test_divergence_shortest_columns() -> None:
    assert divergence(FALLING[:19], RISING) is divergence(FALLING, RISING[:19]) is divergence([], []) is None
    assert divergence(FALLING[:2], RISING, 3) is divergence(FALLING, RISING[:2], 3) is None
    assert divergence(FALLING[:3], RISING[:3], 3) == "bullish"
    assert divergence(FALLING[:2], RISING[:2], 2) == ""


def test_divergence_noise_has_none() -> None:
    """By chance 1 in 40 x 1 in 40 / 2; the signs of two slopes alone, as the predecessor took them, 1 in 2."""
    drawn = random.Random(6)
    columns = [[drawn.gauss(100, 1) for _ in range(20)] for _ in range(1000)]
    slopes = [found.slope for each in columns if (found := line(each))]
    assert sum(divergence(price, flow) != "" for price, flow in pairwise(columns)) <= 3
    assert sum(price * flow < 0 for price, flow in pairwise(slopes)) > 400


# Profiles.


def volume_by_overlap(candles: Candles, n_bins: int) -> list[Fraction]:
    """Every candle is laid over every bin: its volume x what part of its range lies there."""
    low, high, volume = exactly(candles.low), exactly(candles.high), exactly(candles.volume)
    bottom, step = min(low), (max(high) - min(low)) / n_bins
    edges, bins = [bottom + i * step for i in range(n_bins + 1)], [Fraction(0)] * n_bins
    for lowest, highest, traded in zip(low, high, volume, strict=True):
        for i, (begin, end) in enumerate(pairwise(edges)):
            if lowest < end and highest > begin:
                bins[i] += traded * (min(highest, end) - max(lowest, begin)) / (highest - lowest)
    return bins


def touches(candles: Candles, n_bins: int) -> list[int]:
    bottom, step = min(candles.low), (max(candles.high) - min(candles.low)) / n_bins
    ranges = list(zip(candles.low, candles.high, strict=True))
    edges = [bottom + i * step for i in range(n_bins)] + [math.inf]
    return [sum(low < end and high >= begin for low, high in ranges) for begin, end in pairwise(edges)]


def area_by_pairs(bins: Sequence[Fraction], fullest: int) -> tuple[int, int]:
    """The edges of the value area, counted in bins; what lies below and above is eaten up from the fullest on."""
    held, below, above = bins[fullest], bins[:fullest][::-1], bins[fullest + 1 :]
    while held < total(bins) * 7 / 10:
        if not below or total(above[:2]) > total(below[:2]):
            held, above = held + total(above[:2]), above[2:]
        else:
            held, below = held + total(below[:2]), below[2:]
    return len(below), len(bins) - len(above)


def edges_of(found: indicators.Profile) -> tuple[int, int, int]:
    """The fullest bin and the edges of the value area, counted in bins."""
    poc, val, vah = ((price - found.low) / found.step for price in (found.poc, found.val, found.vah))
    assert [poc, val, vah] == pytest.approx([round(poc - 0.5) + 0.5, round(val), round(vah)], abs=1e-6)
    return round(poc - 0.5), round(val), round(vah)


@on_every_series
@together("n_bins", [7, 48])
def test_volume_profile_by_overlap(candles: Candles, n_bins: int) -> None:
    found, bins = volume_profile(candles.low, candles.high, candles.volume, n_bins), volume_by_overlap(candles, n_bins)
    assert found is not None
    assert found.bins == near_all(bins)
    assert (found.low, found.high) == (min(candles.low), max(candles.high))
    if candles is not FLAT:  # there every bin holds the same, and rounding decides
        fullest = bins.index(max(bins))
        assert edges_of(found) == (fullest, *area_by_pairs(bins, fullest))


@on_every_series
@together("n_bins", [7, 100])
def test_tpo_profile_by_touches(candles: Candles, n_bins: int) -> None:
    found, bins = tpo_profile(candles.low, candles.high, n_bins), touches(candles, n_bins)
    assert found is not None
    assert found.bins == bins
    assert (found.low, found.high) == (min(candles.low), max(candles.high))
    fullest = min((abs(2 * i - n_bins + 1), i) for i in range(n_bins) if bins[i] == max(bins))[1]
    assert edges_of(found) == (fullest, *area_by_pairs([Fraction(each) for each in bins], fullest))


def test_profiles_default_bins() -> None:
    volumes, times = volume_profile(TEXTBOOK.low, TEXTBOOK.high, TEXTBOOK.volume), tpo_profile(*TEXTBOOK[1::-1])
    assert volumes is not None
    assert times is not None
    assert (len(volumes.bins), len(times.bins)) == (48, 100)
    assert (volumes.step, times.step) == (near((50.65 - 41.55) / 48), near((50.65 - 41.55) / 100))


def test_profiles_hold_value_area() -> None:
    drawn = random.Random(8)
    for _ in range(150):
        candles = random_candles(drawn.randint(2, 60), drawn.choice([1e-8, 0.3, 1e5]), 50.0, drawn.randint(0, 10**9))
        by_volume = volume_profile(candles.low, candles.high, candles.volume, drawn.randint(2, 80))
        by_time = tpo_profile(candles.low, candles.high, n := drawn.randint(2, 120))
        for found, whole in ((by_volume, math.fsum(candles.volume)), (by_time, sum(touches(candles, n)))):
            assert found is not None
            fullest, first, end = edges_of(found)
            assert 0 <= first <= fullest < end <= len(found.bins)
            assert math.fsum(found.bins) == near(whole)
            assert math.fsum(found.bins[first:end]) >= 0.7 * whole * (1 - 1e-12)


def ladder(volumes: Sequence[float]) -> indicators.Profile:
    """One candle on each rung, from i to i + 1."""
    n = len(volumes)
    found = volume_profile(range(n), range(1, n + 1), volumes, n)
    assert found is not None
    assert found.bins == list(volumes)
    return found


@together(
    "volumes, poc, val, vah",
    [
        ([5, 5, 20, 5, 5], 2.5, 0, 3),  # a tie goes down: 30 of 40
        ([5, 5, 20, 5, 6], 2.5, 2, 5),
        ([5, 6, 20, 5, 5], 2.5, 0, 3),
        ([0, 1, 9, 8, 20, 1, 1, 1, 18], 4.5, 2, 9),  # of 59: 20, 17 below, then 2 above against 1, then 19
        ([30, 1, 1, 2, 9, 9], 0.5, 0, 5),  # at the bottom: only upwards, by two, 32, 43
        ([9, 9, 2, 1, 1, 30], 5.5, 1, 6),  # at the top: only downwards
        ([2, 9, 1, 1, 1, 30, 9], 5.5, 5, 7),  # one rung is left above: 39 of 53
        ([9, 30, 1, 1, 1, 9, 2], 1.5, 0, 2),
        ([70, 30], 0.5, 0, 1),  # 70 % is enough
        ([69, 31], 0.5, 0, 2),
        ([30, 0, 0, 0, 0, 0, 30], 0.5, 0, 7),  # over a gap
        ([0, 0, 5, 0, 0], 2.5, 2, 3),
    ],
)
def test_volume_profile_value_area(volumes: list[float], poc: float, val: float, vah: float) -> None:
    """By hand, after Dalton: two rungs above against two below, whichever hold more, until 70 %."""
    assert ladder(volumes)[3:] == (poc, val, vah)


def test_volume_profile_points_and_ranges() -> None:
    """A candle without a range is in one bin, at the top in the last; 0 to 4 is spread over four bins."""
    found = volume_profile([0, 1, 4, 1], [4, 1, 4, 2.5], [8, 5, 7, 3], 4)
    assert found is not None
    assert found.bins == [2.0, 9.0, 3.0, 9.0]


def test_volume_profile_part_of_bin() -> None:
    found = volume_profile([0, 0.25, 1.5], [2, 0.75, 2], [0, 6, 4], 2)
    assert found is not None
    assert found.bins == [6.0, 4.0]


def test_volume_profile_gap_below_top() -> None:
    """Bins that hold nothing come out as -4e-17 here; the value area crosses them all the same."""
    found = volume_profile([0, 0.1, 0.2, 14], [5.1, 3, 5.2, 14], [0.1, 0.7, 0.2, 1], 14)
    assert found is not None
    assert found.bins[6:] == pytest.approx([0] * 7 + [1], abs=1e-15)
    assert edges_of(found) == (13, 1, 14)


def test_tpo_profile_counts_touches() -> None:
    """A point at k of 0..4 is in the k-th of five bins, the top in the last; a range is in all it touches."""
    found = tpo_profile([0, 1, 1, 4, 3], [2, 1, 3, 4, 3], 5)
    assert found is not None
    assert found.bins == [1, 3, 2, 2, 1]
    assert found[3:] == pytest.approx((1.2, 0.8, 3.2))  # of 9: 3, then 4 above against 1 below


@together(
    "prices, fullest",
    [([0, 4], 0), ([0, 1, 4], 1), ([0, 0, 3, 3, 4], 3), ([0, 2, 4], 2), ([0, 0, 4], 0), ([0, 1, 3, 4], 1)],
    ids=["ends", "nearer the middle", "above, nearer", "the middle", "more touched", "equally near"],
)
def test_tpo_profile_several_fullest(prices: list[float], fullest: int) -> None:
    found = tpo_profile(prices, prices, 5)
    assert found is not None
    assert found.poc == near((fullest + 0.5) * 0.8)


@together(
    "counts, val, vah",
    [
        ([1, 1, 6, 3, 1], 2, 5),  # 4 above against 2 below: 10 of 12
        ([1, 3, 6, 1, 1], 0, 3),  # 2 above against 4 below
        ([9, 1, 1, 1, 1, 9], 0, 6),  # at the bottom: only up, by two
        ([2, 1, 1, 1, 6], 2, 5),  # at the top: only down
        ([2, 9, 1, 1, 1, 1], 0, 2),  # a tie goes down: 11 of 15
        ([7, 1, 1, 1], 0, 1),  # 70 % is enough
    ],
)
def test_tpo_profile_value_area(counts: list[int], val: int, vah: int) -> None:
    """By hand: two bins above or two below, whichever hold more, until 70 %."""
    prices = [i for i, count in enumerate(counts) for _ in range(count)]
    found = tpo_profile(prices, prices, len(counts))
    assert found is not None
    assert (edges_of(found)[1:], found.bins) == ((val, vah), counts)


def test_profiles_need_range() -> None:
    assert volume_profile([], [], []) is tpo_profile([], []) is None
    assert volume_profile([5, 5], [5, 5], [1, 1]) is tpo_profile([5, 5], [5, 5]) is None


def test_volume_profile_without_volume() -> None:
    assert volume_profile([1, 2], [3, 4], [0, 0]) is None


def test_profiles_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        volume_profile([1, 2], [3, 4], [1])
    with pytest.raises(ValueError, match="longer"):
        tpo_profile([1], [3, 4])


@together(
    "first, tick",
    [(64250.1, 0.1), (64250.15, 0.05), (1.2e-8, 1e-9), (1.25e-6, 2.5e-7), (100.0, 5.0), (0.3, 0.3), (0.1, 0.1)],
)
def test_tick_of_prices_seen(first: float, tick: float) -> None:
    assert tick_of([first + i * tick for i in range(20)]) == near(tick)


@together(
    "prices, tick",
    [
        ([146.0, 148.0], 1.0),
        ([65485.1], 0.1),
        ([64250.15, 64250.2], 0.01),
        ([1.25e-6, 1.5e-6], 1e-8),
        ([0.3, 0.1 + 0.2], 0.1),
        ([100.0 + 2 * i for i in range(19)], 1.0),
        ([], 1.0),
        ([0.0], 1.0),
    ],
)
def test_tick_of_few_prices_is_a_unit_of_their_last_digit(prices: list[float], tick: float) -> None:
    assert tick_of(prices) == tick


def test_tick_of_bounded_decimals() -> None:
    """To nine digits by itself: more are the noise of a division."""
    assert tick_of([2 / 3]) == 1e-9
    assert tick_of([2 / 3, 0.5], 2) == 0.01
    assert tick_of([1.2e-14, 4e-14]) == 1e-14


# Sessions of the day.


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def at_ms(time_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)


def session_name(time_ms: int) -> str:
    """By the clocks on the walls of London and New York."""
    at = at_ms(time_ms)
    if 8 <= at.astimezone(NEW_YORK).hour < 17:
        return "New York"
    if at.hour >= 21 or at.hour < 1:
        return "Close"
    return "London" if at.astimezone(LONDON).hour >= 7 else "Asia"


FIRST_MS, LAST_MS = ms(datetime(2020, 1, 1, 1, tzinfo=UTC)), ms(datetime(2036, 1, 1, 1, tzinfo=UTC))


@pytest.mark.no_cover
def test_sessions_follow_each_other() -> None:
    """2020 to 2035: each begins as the one before ends, and all of its moments agree on it."""
    drawn, time_ms = random.Random(3), FIRST_MS
    names = cycle(("Asia", "London", "New York", "Close"))
    while time_ms < LAST_MS:
        found = session_at(time_ms)
        assert (found.name, found.start_ms) == (next(names), time_ms)
        assert session_at(drawn.randrange(time_ms, found.end_ms)) == found
        time_ms = found.end_ms
    assert time_ms == LAST_MS


@pytest.mark.no_cover
def test_sessions_by_wall_clocks() -> None:
    """Every 31st hour of 2020 to 2035, so all of the day within a month, and what lies next to each border."""
    for time_ms in range(FIRST_MS, LAST_MS, 31 * 3_600_000):
        found = session_at(time_ms)
        assert found.name == session_name(time_ms) == session_name(found.start_ms) == session_name(found.end_ms - 1)
        assert session_name(found.end_ms) != found.name


@together(
    "day, hours",
    [
        ((2025, 1, 15), (1, 7, 13, 22, 25)),  # winter
        ((2025, 3, 8), (1, 7, 13, 22, 25)),
        ((2025, 3, 9), (1, 7, 12, 21, 25)),  # America has put its clocks forward
        ((2025, 3, 29), (1, 7, 12, 21, 25)),
        ((2025, 3, 30), (1, 6, 12, 21, 25)),  # so has Europe
        ((2025, 7, 15), (1, 6, 12, 21, 25)),
        ((2025, 10, 25), (1, 6, 12, 21, 25)),
        ((2025, 10, 26), (1, 7, 12, 21, 25)),  # Europe has put them back
        ((2025, 11, 1), (1, 7, 12, 21, 25)),
        ((2025, 11, 2), (1, 7, 13, 22, 25)),  # so has America
    ],
)
def test_sessions_in_mismatched_weeks(day: tuple[int, int, int], hours: tuple[int, ...]) -> None:
    midnight = ms(datetime(*day, tzinfo=UTC))
    borders = [midnight + hour * 3_600_000 for hour in hours]
    expected = [
        Session(name, *ends)
        for name, ends in zip(("Asia", "London", "New York", "Close"), pairwise(borders), strict=True)
    ]
    assert [session_at(start) for start in borders[:-1]] == expected


def test_session_before_one_at_night() -> None:
    """From 00:00 to 01:00 UTC it is still yesterday's Close; in winter that began at 22:00."""
    found = session_at(ms(datetime(2025, 1, 16, 0, 59, 59, tzinfo=UTC)))
    assert (found.name, at_ms(found.start_ms)) == ("Close", datetime(2025, 1, 15, 22, tzinfo=UTC))


def clock_changes(zone: ZoneInfo) -> Iterator[tuple[int, bool]]:
    """When, 2020 to 2035, and whether summer begins."""
    days = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(16 * 365 + 4)]
    of_days = [day.astimezone(zone).dst() for day in (*days, days[-1] + timedelta(days=1))]
    for day, (here, there) in zip(days, pairwise(of_days), strict=True):
        if here != there:
            hours = [day + timedelta(hours=i) for i in range(25)]
            change = next(b for a, b in pairwise(hours) if a.astimezone(zone).dst() != b.astimezone(zone).dst())
            yield ms(change), bool(change.astimezone(zone).dst())


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("is_summer", "zone"),
    [(sessions.is_summer_in_europe, LONDON), (sessions.is_summer_in_america, NEW_YORK)],
    ids=["Europe", "America"],
)
def test_summer_changes_with_clocks(is_summer: Any, zone: ZoneInfo) -> None:
    changes = list(clock_changes(zone))
    assert len(changes) == 32
    for time_ms, begins in changes:
        assert (is_summer(time_ms - 1), is_summer(time_ms)) == (not begins, begins)


def test_sums_between_two_moments() -> None:
    """From the first moment on, until just before the second."""
    assert sums_between([10, 20, 30, 40], [1, 2, 4, 8], 20, 40) == 6.0
    assert sums_between([10, 20, 30, 40], [1, 2, 4, 8], 10, 41) == 15.0
    assert sums_between([10, 20, 30, 40], [1, 2, 4, 8], 11, 20) == 0.0
    assert sums_between([10, 20, 30, 40], [1, 2, 4, 8], 21, 31) == 4.0


def test_sums_between_begin_too_late() -> None:
    assert sums_between([10, 20], [1, 2], 9, 20) is None
    assert sums_between([10, 20], [1, 2], 10, 20) == 1.0
    assert sums_between([], [], 0, 20) is None


def test_sums_between_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        sums_between([10, 20], [1], 10, 30)


def test_sums_between_adds_exactly() -> None:
    assert sums_between(range(10), [0.1] * 10, 0, 10) == 1.0


# All.


@on_every_series
def test_arrays_do_as_lists(candles: Candles) -> None:
    def figures(high: Any, low: Any, close: Any, volume: Any, bought: Any) -> list[object]:
        flow = cvd(volume, bought)
        oscillators = [
            rsi(close),
            atr(high, low, close),
            bollinger(close),
            ema(close, 9),
            vwap(high, low, close, volume),
        ]
        lines = [volatility(close), line(close), trend(close), divergence(close, flow), volume_spike(volume), flow]
        return [*oscillators, *lines, volume_profile(low, high, volume), tpo_profile(low, high), tick_of(close)]

    assert figures(*(array("d", column) for column in candles)) == figures(*candles)
