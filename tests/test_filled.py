"""exchanges/gaps.py: candles without trades are put in, and no more periods are given than were asked for."""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from exchanges.errors import BadResponse, Unavailable
from exchanges.gaps import MAX_AHEAD_MS, filled, refuse_future, refuse_long_quiet
from exchanges.words import Candles

MINUTE_MS, T = 60_000, 1_700_000_040_000


def candles(minutes: Sequence[int], exchange: str = "binance") -> Candles:
    """At so many minutes after T, each with its minute as its prices and volume."""
    column = array("d", map(float, minutes))
    times = array("q", [T + minute * MINUTE_MS for minute in minutes])
    return Candles(exchange, "A-USDT", "spot", MINUTE_MS, times, column, column, column, column, column, None, column)


def at(minute: float) -> int:
    return T + int(minute * MINUTE_MS)


def test_as_many_as_were_asked_for_are_given_back_as_they_are() -> None:
    of = candles([1, 2, 3, 4])
    assert filled(of, 3, at(4.5)) is of


@pytest.mark.parametrize(("now", "minutes"), [(5.5, [3, 4, 5]), (6.5, [4, 5]), (9.5, [])])
def test_older_ones_than_were_asked_for_are_left_out(now: float, minutes: list[int]) -> None:
    of = filled(candles([1, 2, 3, 4, 5]), 2, at(now))
    assert list(of.open_ms) == [at(minute) for minute in minutes]
    assert list(of.open) == list(of.close) == list(of.volume) == list(of.taker_buy or ()) == minutes
    assert of.quote_volume is None


def test_minutes_without_trades_stand_where_the_price_stood_before() -> None:
    of = filled(candles([1, 2, 5]), 3, at(5.5))
    assert list(of.open_ms) == [at(minute) for minute in (2, 3, 4, 5)]
    assert list(of.open) == [2, 2, 2, 5]
    assert list(of.volume) == [2, 0, 0, 5]


def test_what_an_exchange_leaves_out_at_the_end_is_put_in() -> None:
    assert list(filled(candles([1, 2], "coinbase"), 9, at(4.5)).volume) == [1, 2, 0]
    assert list(filled(candles([1, 2], "binance"), 9, at(4.5)).volume) == [1, 2]  # it lists every one


def test_two_minutes_many_years_apart_take_no_memory() -> None:
    """They are nine million periods, of which three were asked for."""
    of = candles([-9_000_000, 1, 2])
    tracemalloc.start()
    assert list(filled(of, 3, at(2.5)).open_ms) == [at(minute) for minute in (-1, 0, 1, 2)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("ahead_ms", [MAX_AHEAD_MS + 1, 40 * 365 * 86_400_000])
def test_what_has_not_begun_is_refused(ahead_ms: int) -> None:
    """A machine that slept may be late by some minutes, and is told the candles of now."""
    of = candles([1, 2])
    refuse_future("binance", of.open_ms, at(2) - MAX_AHEAD_MS)
    refuse_future("binance", [], at(2))
    with pytest.raises(BadResponse, match="is told"):
        refuse_long_quiet(of, at(2) - ahead_ms)


@pytest.mark.parametrize(
    ("exchange", "minutes", "is_told"), [("binance", 15, True), ("binance", 16, False), ("coinbase", 600, True)]
)
def test_candles_that_ended_are_refused(exchange: str, minutes: int, is_told: bool) -> None:
    """Where each period is listed, a quarter of an hour without one is no quiet market. Coinbase leaves these out."""
    of = candles([1, 2])._replace(exchange=exchange)
    with nullcontext() if is_told else pytest.raises(Unavailable, match="ended"):
        refuse_long_quiet(of, at(3 + minutes))


def test_who_leaves_quiet_periods_out_is_not_behind() -> None:
    """A coin that is traded every half hour, at an exchange of which nobody knew that it leaves candles out."""
    of = candles([1, 30, 31, 62])
    refuse_long_quiet(of, at(92))
    with pytest.raises(Unavailable):
        refuse_long_quiet(of.part(0, 3)._replace(is_excerpt=True), at(92))


def test_long_candles_may_end_two_of_them_ago() -> None:
    of = candles([0, 240])._replace(interval_ms=4 * 3_600_000)
    refuse_long_quiet(of, of.open_ms[-1] + 3 * of.interval_ms)
    with pytest.raises(Unavailable):
        refuse_long_quiet(of, of.open_ms[-1] + 3 * of.interval_ms + 1)
