"""Sessions and days, on candles of our own: seasons, medians, young markets."""

from __future__ import annotations

import calendar
import statistics
import time
from array import array
from collections.abc import Callable

import pytest
from answering import DAY_MS, HOUR_MS, QUARTER_MS, freeze
from conftest import a_house, together

import sessions
from answers import analysis
from answers.asked import OfMarket
from demo.telegram_html import parse
from exchanges.joined import flow_of
from exchanges.words import Candles

# Sessions and days, on candles of our own.


def quarters(until_ms: int, volume: Callable[[int], float], days: float = 8, price: float = 100.0) -> Candles:
    """Closed quarters of an hour up to a moment; volume(ms) of each."""
    times = array("q", range(until_ms - int(days * 96) * QUARTER_MS, until_ms, QUARTER_MS))
    flat, volumes = array("d", [price] * len(times)), array("d", map(volume, times))
    dollars = array("d", [each * price for each in volumes])
    bought = array("d", [each * 0.6 for each in volumes])
    return Candles(
        "binance", "BTC-USDT", "perp", QUARTER_MS, times, flat, flat, flat, flat, volumes, dollars, bought, True
    )


def at(text: str) -> int:
    """Milliseconds of "2025-07-15 10:00" UTC."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M")) * 1000


def uneven(time_ms: int) -> float:
    """A volume that tells hours and days apart."""
    return 10 + time_ms // HOUR_MS % 24 + (time_ms // DAY_MS % 7) ** 2


SEASONS = [  # until, session, begins, ends; hours of UTC
    ("2025-07-15 10:00", "London", 6, 12),
    ("2025-07-15 12:15", "New York", 12, 21),
    ("2025-07-15 20:45", "New York", 12, 21),
    ("2025-07-15 23:00", "Close", 21, 25),
    ("2025-07-15 03:30", "Asia", 1, 6),
    ("2025-01-15 10:00", "London", 7, 13),
    ("2025-01-15 15:30", "New York", 13, 22),
    ("2025-01-15 23:00", "Close", 22, 25),
    ("2025-01-15 06:30", "Asia", 1, 7),
    ("2025-03-19 11:00", "London", 7, 12),  # America has put its clocks forward, Europe has not
    ("2025-03-19 13:00", "New York", 12, 21),
    ("2025-10-29 11:45", "London", 7, 12),  # Europe has put its clocks back, America has not
    ("2025-10-29 20:00", "New York", 12, 21),
]


@together("until, name, begin_h, end_h", SEASONS)
def test_session_in_every_season(until: str, name: str, begin_h: int, end_h: int) -> None:
    """Sums up to the last closed quarter; usual is the median of the seven days before, up to the same hour."""
    until_ms = at(until)
    midnight = until_ms // DAY_MS * DAY_MS
    candles = quarters(until_ms, uneven)
    found = sessions.session_sums(candles, None, until_ms + 1000)
    assert found is not None
    begin_ms, end_ms = midnight + begin_h * HOUR_MS, midnight + end_h * HOUR_MS
    assert found.session == (name, begin_ms, end_ms)
    assert found.coins == pytest.approx(sum(uneven(ms) for ms in range(begin_ms, until_ms, QUARTER_MS)))
    assert found.gone == pytest.approx((until_ms - begin_ms) / (end_ms - begin_ms))
    assert found.n_usual == 7


@together("until, begin_h", [(each[0], each[2]) for each in SEASONS if each[0][5:7] in ("07", "01")])
def test_session_usual_is_the_median(until: str, begin_h: int) -> None:
    until_ms = at(until)
    begin_ms = until_ms // DAY_MS * DAY_MS + begin_h * HOUR_MS
    found = sessions.session_sums(quarters(until_ms, uneven), None, until_ms + 1000)
    days = [
        sum(uneven(ms) for ms in range(begin_ms - back * DAY_MS, until_ms - back * DAY_MS, QUARTER_MS))
        for back in range(1, 8)
    ]
    assert found is not None
    assert found.usual == pytest.approx(statistics.median(days))


def test_session_across_a_change_of_clocks() -> None:
    """On 2025-03-12 New York begins at 12:00; on the days before the 9th it began at 13:00 UTC."""
    until_ms = at("2025-03-12 15:00")
    found = sessions.session_sums(quarters(until_ms, uneven), None, until_ms)
    assert found is not None
    days = []
    for back in range(1, 8):
        begin_h = 12 if back <= 3 else 13
        begin_ms = until_ms // DAY_MS * DAY_MS - back * DAY_MS + begin_h * HOUR_MS
        days.append(sum(uneven(ms) for ms in range(begin_ms, begin_ms + 3 * HOUR_MS, QUARTER_MS)))
    assert (found.session.name, found.n_usual) == ("New York", 7)
    assert found.usual == pytest.approx(statistics.median(days))


def test_session_that_was_shorter_is_not_exceeded() -> None:
    """London had five hours in the week before 2025-03-30, and has six since: what follows five hours is New York."""
    until_ms = at("2025-03-31 12:00")
    found = sessions.session_sums(quarters(until_ms, lambda ms: 1.0), None, until_ms)
    assert found is not None
    assert (found.session.name, found.coins) == ("London", 24)
    assert found.usual == 20


def test_session_just_begun_is_the_last_one() -> None:
    found = sessions.session_sums(quarters(at("2025-07-15 12:00"), uneven), None, at("2025-07-15 12:05"))
    assert found is not None
    assert (found.session.name, found.gone) == ("London", 1.0)


def test_session_delta_and_price() -> None:
    until_ms = at("2025-07-15 08:00")
    candles = quarters(until_ms, lambda ms: 10.0)
    candles.close[-1] = 103.0
    found = sessions.session_sums(candles, flow_of(candles), until_ms)
    assert found is not None
    assert found.delta == pytest.approx(8 * 2.0)
    assert found.change_pct == pytest.approx(3)
    assert sessions.session_sums(candles, None, until_ms) == found._replace(delta=None)


def test_session_of_a_young_market() -> None:
    """What began within the session has no sum of it; what is three days old has a usual of two."""
    until_ms = at("2025-07-15 10:00")
    assert sessions.session_sums(quarters(until_ms, uneven, days=0.1), None, until_ms) is None
    found = sessions.session_sums(quarters(until_ms, uneven, days=3), None, until_ms)
    assert found is not None
    assert found.n_usual == 2
    fresh = sessions.session_sums(quarters(until_ms, uneven, days=0.5), None, until_ms)
    assert fresh is not None
    assert (fresh.usual, fresh.n_usual) == (None, 0)
    assert sessions.session_sums(quarters(until_ms, uneven, days=0), None, until_ms) is None


def test_session_ignores_the_running_quarter() -> None:
    until_ms = at("2025-07-15 10:00")
    candles = quarters(until_ms + QUARTER_MS, lambda ms: 1.0)
    found = sessions.session_sums(candles._replace(is_last_closed=None), None, until_ms + 60_000)
    assert found is not None
    assert found.coins == 16


def test_day_so_far_against_seven_days() -> None:
    until_ms = at("2025-07-15 10:00")
    midnight = until_ms // DAY_MS * DAY_MS
    found = sessions.sums_of_day(quarters(until_ms, uneven), until_ms + 1000)
    assert found is not None
    days = [
        sum(uneven(ms) for ms in range(midnight - back * DAY_MS, midnight - (back - 1) * DAY_MS, QUARTER_MS))
        for back in range(1, 8)
    ]
    assert found.coins == pytest.approx(sum(uneven(ms) for ms in range(midnight, until_ms, QUARTER_MS)))
    assert found.dollars == pytest.approx(found.coins * 100)
    assert (found.mean_coins, found.mean_dollars) == pytest.approx(
        (statistics.fmean(days), statistics.fmean(days) * 100)
    )
    assert found.gone == pytest.approx(10 / 24)


def test_day_of_a_young_market_has_no_mean() -> None:
    until_ms = at("2025-07-15 10:00")
    found = sessions.sums_of_day(quarters(until_ms, uneven, days=7), until_ms)
    assert found is not None
    assert (found.mean_coins, found.mean_dollars) == (None, None)
    assert sessions.sums_of_day(quarters(until_ms, uneven, days=0.25), until_ms) is None


def test_day_without_turnover_has_no_dollars() -> None:
    """Kraken and Coinbase tell no turnover: 0 dollars would be invented."""
    until_ms = at("2025-07-15 10:00")
    found = sessions.sums_of_day(quarters(until_ms, uneven)._replace(quote_volume=None), until_ms)
    assert found is not None
    assert found.coins > 0
    assert found.dollars is None
    assert found.mean_dollars is None


async def test_analysis_without_turnover_shows_no_dollars() -> None:
    async with a_house(EXCHANGES="kraken") as house:
        text = parse(await house.ask("/analysis BTC 1h")).text
        assert "$0" not in text


async def test_analysis_session_of_the_world() -> None:
    """At 14:03 UTC in November four quarters of New York's nine hours are closed."""
    async with a_house() as house:
        truth = freeze(house)
        report = await analysis.ask(house.bot.tools, OfMarket("BTC-USDT", "1h", ("perp", "spot")))
        first = int(at("2025-11-23 13:00") // QUARTER_MS)
        candles = truth.candles("binance", "BTC", "perp", 15, first, first + 3)
        assert report.session is not None
        assert report.session.session.name == "New York"
        assert report.session.gone == pytest.approx(1 / 9)
        assert report.session.coins == pytest.approx(sum(candle.volume for candle in candles), rel=1e-6)
        assert report.session.delta == pytest.approx(sum(2 * c.buy_volume - c.volume for c in candles), rel=1e-4)
        assert report.session.change_pct == pytest.approx((candles[-1].close / candles[0].open - 1) * 100, abs=1e-3)


def test_volatility_needs_the_whole_day() -> None:
    until_ms = at("2025-07-15 10:00")
    assert sessions.day_volatility(quarters(until_ms, uneven), until_ms) == 0
    assert sessions.day_volatility(quarters(until_ms, uneven, days=1), until_ms) is None
