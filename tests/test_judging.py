"""When an alert rings, look by look."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from conftest import together

from answers.judging import (
    HOUR_MS,
    MAX_HOLDINGS,
    MIN_USD,
    MINUTE_MS,
    Extremes,
    Firing,
    Holding,
    Look,
    Rule,
    State,
    is_beyond,
    is_calm,
    judge,
    judge_holdings,
    load_state,
    margin_of,
    rings_too_often,
    settle,
    window_begin,
)
from answers.windows import Window

T0 = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
ABOVE = Rule("price", "up", 100.0, times=0)
BELOW = Rule("price", "down", 100.0, times=0)
EITHER = Rule("price", "either", 100.0, times=0)


def rings(rule: Rule, figures: list[float], every_ms: int = 10_000) -> list[int]:
    """At which of the figures it rings; it is set at the first."""
    rule, state = settle(rule, figures[0], T0)
    found = []
    for i, figure in enumerate(figures[1:], 1):
        state, firing = judge(rule, state, Look.at(T0 + i * every_ms, figure))
        if firing is not None:
            found.append(i)
    return found


# Levels.


@together(
    "rule, figures, expected",
    [
        (ABOVE, [99, 99.9, 100.0, 101], [2]),
        (BELOW, [101, 100.1, 100.0, 99], [2]),
        (ABOVE, [101, 102, 101], []),  # set beyond its level: it never rings at once
        (ABOVE, [101, 102, 99.99, 101], [3]),  # and then as soon as it has been on the other side
        (ABOVE, [99, 101, 99.9, 101], [1]),  # trembling: 0.25 % back is wanted
        (ABOVE, [99, 101, 99.75, 101], [1, 3]),
        (BELOW, [101, 99, 100.2, 99, 100.25, 99], [1, 5]),
        (EITHER, [99, 101, 99.9, 100.1, 102, 99], [1, 5]),
        (EITHER, [99, 101, 99, 101], [1, 3]),
        (Rule("price", "", 100.0, times=0), [99, 101], [1]),  # the direction is that of the way there
        (Rule("price", "", 100.0, times=0), [101, 99], [1]),
    ],
)
def test_levels(rule: Rule, figures: list[float], expected: list[int]) -> None:
    assert rings(rule, figures) == expected


@pytest.mark.parametrize("direction", ["up", "down", "either"])
def test_what_is_calm_is_judged_to_nothing(direction: str) -> None:
    for begin, figure in itertools.product((90.0, 99.9, 100.0, 110.0), (95.0, 99.99, 100.0, 100.01, 105.0)):
        rule, state = settle(replace(ABOVE, direction=direction), begin, T0)
        if is_calm(rule, state, figure):
            assert judge(rule, state, Look.at(T0 + 1, figure)) == (state, None)
        else:
            assert not state.side or judge(rule, state, Look.at(T0 + 1, figure))[1] is not None


def test_a_change_without_a_sign_is_never_calm() -> None:
    rule, state = settle(Rule("change", "either", 8.0), 5.0, T0)
    assert not is_calm(rule, state, -9.0)


def test_an_alert_beyond_its_level_says_so() -> None:
    assert is_beyond(*settle(ABOVE, 101.0, T0))
    assert not is_beyond(*settle(ABOVE, 99.0, T0))


def test_a_firing_tells_when_and_what() -> None:
    rule, state = settle(ABOVE, 99.0, T0)
    _, firing = judge(rule, state, Look.at(T0 + 5, 100.5))
    assert firing == Firing(T0 + 5, "up", 100.5, 99.0, T0)


def test_a_wick_in_a_candle_rings_at_its_level() -> None:
    rule, state = settle(ABOVE, 99.0, T0)
    _, firing = judge(rule, state, Look(T0, T0 + MINUTE_MS, 98.0, 103.0, 99.0))
    assert firing == Firing(T0, "up", 100.0, 99.0, T0)


def test_a_candle_that_began_before_the_alert_is_no_news() -> None:
    rule, state = settle(ABOVE, 99.0, T0 + 1)
    assert judge(rule, state, Look(T0, T0 + MINUTE_MS, 98.0, 103.0, 99.0)) == (state, None)


def test_the_candle_behind_a_quote_that_rang_rings_no_more() -> None:
    rule, state = settle(ABOVE, 99.0, T0)
    state, _ = judge(rule, state, Look.at(T0 + 10_000, 101.0))
    assert judge(rule, state, Look(T0, T0 + MINUTE_MS, 98.0, 103.0, 99.0)) == (state, None)


def test_a_candle_that_arms_rings_only_if_it_ends_beyond() -> None:
    rule, state = settle(ABOVE, 101.0, T0)
    candle = Look(T0, T0 + MINUTE_MS, 98.0, 103.0, 99.5)
    armed, firing = judge(rule, state, candle)
    assert (armed.side, firing) == ("below", None)
    _, firing = judge(rule, state, candle._replace(last=100.5))
    assert firing is not None


def test_looking_at_the_same_candles_again_changes_nothing() -> None:
    rule, state = settle(ABOVE, 99.0, T0)
    candles = [Look(T0 + i * MINUTE_MS, T0 + (i + 1) * MINUTE_MS, 99.8, 98 + i, 99.9) for i in range(5)]
    firings = []
    for look in (*candles, *candles, *candles):
        state, firing = judge(rule, state, look)
        firings += [firing] if firing else []
    assert [firing.at_ms for firing in firings] == [T0 + 2 * MINUTE_MS]


def test_a_margin_is_the_largest_of_three() -> None:
    assert margin_of(ABOVE) == 0.25
    assert margin_of(ABOVE, tick=0.1) == 0.4
    assert margin_of(ABOVE, tick=0.1, atr=2.0) == 1.0
    assert margin_of(Rule("funding", "up", 0.05)) == pytest.approx(0.005)
    assert margin_of(Rule("funding", "up", 0.0)) == 0.001
    assert margin_of(Rule("rsi", "down", 30.0)) == 3.0
    assert margin_of(Rule("change", "up", 8.0)) == 4.0


def test_a_restless_market_needs_to_come_back_further() -> None:
    rule, state = settle(ABOVE, 99.0, T0)
    state, _ = judge(rule, state, Look.at(T0 + 1, 101.0), margin=1.0)
    assert judge(rule, state, Look.at(T0 + 2, 99.5))[0].side == ""
    assert judge(rule, state, Look.at(T0 + 3, 99.0))[0].side == "below"


@together(
    "figures, expected",
    [([5, 8.1, 9, 5, 8.2], [1]), ([5, 8.1, 3.9, 8.2], [1, 3]), ([5, -8.1, -3, -9], [1, 3]), ([9, 3, 8], [2])],
)
def test_a_change_over_24_hours_either_way(figures: list[float], expected: list[int]) -> None:
    assert rings(Rule("change", "either", 8.0, times=0), figures) == expected


def test_a_change_tells_which_way() -> None:
    rule, state = settle(Rule("change", "either", 8.0), 5.0, T0)
    _, firing = judge(rule, state, Look.at(T0 + 1, -8.5))
    assert firing == Firing(T0 + 1, "down", -8.5, 5.0, T0)


@together(
    "rule, figures, expected",
    [
        (Rule("rsi", "down", 30.0, times=0), [40, 29, 32, 29, 33, 29], [1, 5]),
        (Rule("funding", "down", 0.0, times=0), [0.01, -0.001, 0.0005, -0.001, 0.001, -0.001], [1, 5]),
        (Rule("volume", "up", 300.0, times=0), [50, 400, 200, 400, 150, 301], [1, 5]),
        (Rule("basis", "up", 0.3, times=0), [0.1, 0.31, 0.2, 0.31, 0.15, 0.3], [1, 5]),
        (Rule("spread", "up", 20.0, times=0), [-3, 21, 11, 21, 10, 20], [1, 5]),
    ],
)
def test_other_figures_have_their_own_way_back(rule: Rule, figures: list[float], expected: list[int]) -> None:
    assert rings(rule, figures) == expected


# Repeating.


def test_while_it_cools_it_is_silent() -> None:
    rule = replace(ABOVE, pause_ms=60_000)
    assert rings(rule, [99, 101, 99, 101, 99, 99, 99, 99, 99, 101]) == [1, 9]


def test_what_still_holds_when_the_pause_ends_is_told_then() -> None:
    rule = replace(ABOVE, pause_ms=60_000)
    assert rings(rule, [99, 101, 99, 101, 101, 101, 101, 101, 101]) == [1, 7]


def test_what_has_held_all_along_is_not_told_again() -> None:
    assert rings(replace(ABOVE, pause_ms=60_000), [99, *[101] * 30]) == [1]


def test_fifteen_in_an_hour_are_too_many() -> None:
    _, state = settle(ABOVE, 99.0, T0)
    for i in range(15):
        assert not rings_too_often(state)
        state = replace(state, side="below", margin=0.0)
        state, firing = judge(ABOVE, state, Look.at(T0 + i * MINUTE_MS, 101.0))
        assert firing is not None
    assert rings_too_often(state)
    assert not rings_too_often(replace(state, rang_ms=(T0 - HOUR_MS, *state.rang_ms[1:])))


# Moves.

FALL = Rule("move", "down", 3.0, 15 * MINUTE_MS, times=0)


def moves(rule: Rule, figures: list[float], every_ms: int = MINUTE_MS) -> list[tuple[int, float | None]]:
    """At which figures it rings, and from where it says that the move came."""
    rule, state = settle(rule, figures[0], T0)
    window, found = Window(rule.window_ms), []
    window.add(Look.at(T0, figures[0]))
    for i, figure in enumerate(figures[1:], 1):
        now_ms = T0 + i * every_ms
        window.add(Look.at(now_ms, figure))
        state, firing = judge(rule, state, Look.at(now_ms, figure), window.extremes(window_begin(rule, state, now_ms)))
        if firing is not None:
            found.append((i, firing.reference))
    return found


def test_a_fall_is_measured_from_the_highest_of_its_window() -> None:
    assert moves(FALL, [100, 102, 101, 99.5, 98.9]) == [(4, 102)]


def test_a_fall_that_took_longer_than_the_window() -> None:
    assert moves(FALL, [100 - 0.19 * i for i in range(40)]) == []


def test_having_rung_it_goes_on_from_the_price_that_was_told() -> None:
    assert moves(FALL, [100, 96.9, 96, 95, 94.1, 93.9]) == [(1, 100), (5, 96.9)]


def test_a_move_before_the_alert_was_set_does_not_ring() -> None:
    rule, state = settle(FALL, 96.0, T0)
    extremes = Extremes(96.0, T0, 100.0, T0 - MINUTE_MS)
    assert window_begin(rule, state, T0 + 1) == T0
    assert judge(rule, state, Look.at(T0 + 1, 96.0), None)[1] is None
    assert extremes.high_ms < window_begin(rule, state, T0 + 1)


def test_either_way_tells_the_larger_move() -> None:
    rule = Rule("move", "either", 2.0, 15 * MINUTE_MS, times=0)
    assert moves(rule, [100, 102.1, 100, 104.2]) == [(1, 100), (2, 102.1), (3, 100)]


def test_without_a_window_it_counts_from_the_price_last_told() -> None:
    rule = Rule("move", "either", 5.0, times=0)
    assert moves(rule, [100, 104, 105.1, 101, 99.8, 94]) == [(2, 100), (4, 105.1), (5, 99.8)]


def test_steps_stay_where_they_were() -> None:
    rule = Rule("step", "either", 10.0, times=0)
    assert moves(rule, [640, 638, 630, 631, 639, 641, 655]) == [(2, 640), (5, 630), (6, 640)]


# Timers.


def test_a_timer_keeps_its_own_hours() -> None:
    rule, state = settle(Rule("timer", window_ms=4 * HOUR_MS, times=0), None, T0)
    assert judge(rule, state, Look.at(T0 + 4 * HOUR_MS - 1, 100.0))[1] is None
    state, firing = judge(rule, state, Look.at(T0 + 4 * HOUR_MS + 7, 100.0))
    assert firing == Firing(T0 + 4 * HOUR_MS, "", 100.0)
    assert state.anchor_ms == T0 + 8 * HOUR_MS


def test_a_timer_that_slept_rings_once() -> None:
    rule, state = settle(Rule("timer", window_ms=HOUR_MS, times=0), None, T0)
    state, _ = judge(rule, state, Look.at(T0 + 30 * HOUR_MS + 5, 100.0))
    assert state.anchor_ms == T0 + 31 * HOUR_MS


# One's own.

LIQUIDATION = Rule("liquidation", "down", 10.0, times=0)


def holding(distance_pct: float | None, pnl_pct: float | None = None, key: str = "okx BTC") -> Holding:
    return Holding(key, key, 1000.0, distance_pct, pnl_pct)


def test_a_position_near_its_liquidation_rings_at_once_and_then_not_again() -> None:
    state, firing = judge_holdings(LIQUIDATION, State(T0), [holding(8.0)], ["okx"], T0)
    assert firing == Firing(T0, "down", 8.0, items=("okx BTC  8.0 %",))
    for distance, expected in ((7.0, False), (14.0, False), (9.0, False), (15.0, False), (9.9, True)):
        state, firing = judge_holdings(LIQUIDATION, state, [holding(distance)], ["okx"], T0 + 1)
        assert (firing is not None) == expected


def test_a_position_that_was_closed_is_forgotten() -> None:
    state, _ = judge_holdings(LIQUIDATION, State(T0), [holding(8.0)], ["okx"], T0)
    state, _ = judge_holdings(LIQUIDATION, state, [], ["okx"], T0 + 1)
    assert state.sides == {}
    assert judge_holdings(LIQUIDATION, state, [holding(8.0)], ["okx"], T0 + 2)[1] is not None


def test_an_account_that_does_not_answer_closes_no_position() -> None:
    state, _ = judge_holdings(LIQUIDATION, State(T0), [holding(8.0)], ["okx"], T0)
    state, _ = judge_holdings(LIQUIDATION, state, [], ["binance"], T0 + 1)
    assert judge_holdings(LIQUIDATION, state, [holding(8.0)], ["okx"], T0 + 2)[1] is None


def test_a_position_whose_margin_was_not_told_before_rings_no_second_time() -> None:
    old, new = holding(8.0, key="okx BTC-USDT-SWAP long"), holding(8.0, key="okx BTC-USDT-SWAP long cross USDT")
    state, _ = judge_holdings(LIQUIDATION, State(T0), [old], ["okx"], T0)
    state, firing = judge_holdings(LIQUIDATION, state, [new], ["okx"], T0 + 1)
    assert (firing, state.sides) == (None, {new.key: ""})
    isolated = new._replace(key="okx BTC-USDT-SWAP long isolated USDT")
    assert judge_holdings(LIQUIDATION, state, [new, isolated], ["okx"], T0 + 2)[1] is not None


def test_a_profit_that_rounds_to_nothing_has_no_sign() -> None:
    rule = Rule("pnl", "down", 0.0)
    state, _ = judge_holdings(rule, State(T0), [holding(None, 9.0)], ["okx"], T0)
    _, firing = judge_holdings(rule, state, [holding(None, -0.01)], ["okx"], T0 + 1)
    assert firing is not None
    assert firing.items == ("okx BTC  0.0 %",)


def test_of_many_positions_the_largest_are_looked_at() -> None:
    small = [holding(50.0, key=f"binance C{i}") for i in range(MAX_HOLDINGS)]
    held = [*small, holding(8.0, key="okx BTC")._replace(usd=1e6)]
    state, firing = judge_holdings(LIQUIDATION, State(T0), held, ["binance", "okx"], T0)
    assert (firing and firing.items, len(state.sides)) == (("okx BTC  8.0 %",), MAX_HOLDINGS)


def test_those_of_unknown_size_are_looked_at_first() -> None:
    held = [holding(50.0, key=f"binance C{i}") for i in range(MAX_HOLDINGS)]
    held.append(holding(8.0, key="okx BTC")._replace(usd=None))
    state, firing = judge_holdings(LIQUIDATION, State(T0), held, ["binance", "okx"], T0)
    assert (firing and firing.items, len(state.sides)) == (("okx BTC  8.0 %",), MAX_HOLDINGS)


def test_a_position_that_others_outgrow_rings_no_second_time() -> None:
    held = [holding(50.0, key=f"binance C{i}") for i in range(MAX_HOLDINGS)]
    state, n_rung = State(T0), 0
    for usd in (1001.0, 999.0, 1001.0, 999.0):
        now = [*held, holding(8.0, key="okx BTC")._replace(usd=usd)]
        state, firing = judge_holdings(LIQUIDATION, state, now, ["binance", "okx"], T0)
        n_rung += firing is not None
    assert (n_rung, len(state.sides)) == (1, MAX_HOLDINGS + 1)


def test_a_small_position_rings_for_nothing_before_it_is_worth_more() -> None:
    state, n_rung = State(T0), []
    for usd in (MIN_USD - 1, MIN_USD, MIN_USD - 1, MIN_USD + 1, MIN_USD - 1):
        state, firing = judge_holdings(LIQUIDATION, state, [holding(8.0)._replace(usd=usd)], ["okx"], T0)
        n_rung.append(firing is not None)
    assert n_rung == [False, True, False, False, False]


def test_a_loss_that_makes_a_position_small_rings() -> None:
    rule, state = Rule("pnl", "down", -20.0), State(T0)
    state, _ = judge_holdings(rule, state, [holding(None, 0.0)._replace(usd=60.0)], ["okx"], T0)
    assert judge_holdings(rule, state, [holding(None, -20.0)._replace(usd=48.0)], ["okx"], T0)[1] is not None


def test_a_position_without_a_liquidation_price_rings_when_it_has_one() -> None:
    state, firing = judge_holdings(LIQUIDATION, State(T0), [holding(None)], ["okx"], T0)
    assert firing is None
    assert judge_holdings(LIQUIDATION, state, [holding(8.0)], ["okx"], T0)[1] is not None


def test_profit_rings_when_it_crosses() -> None:
    rule, state = Rule("pnl", "down", -20.0, times=0), State(T0)
    for pnl, expected in ((-25.0, False), (-5.0, False), (-20.0, True), (-15.0, False), (-21.0, False)):
        state, firing = judge_holdings(rule, state, [holding(None, pnl)], ["okx"], T0 + 1)
        assert (firing is not None) == expected


# Stored and read.


def test_a_state_is_stored_and_read() -> None:
    state = State(T0, "below", 0.25, 99.0, T0 + 1, (T0, T0 + 5), {"okx BTC": "above"})
    assert load_state(state.text) == state


# Windows.


def test_a_window_keeps_no_more_than_its_span() -> None:
    window = Window(5 * MINUTE_MS)
    for i in range(20):
        window.add(Look.at(T0 + i * MINUTE_MS, float(i)))
    assert window.extremes(0) == Extremes(14.0, T0 + 14 * MINUTE_MS, 19.0, T0 + 19 * MINUTE_MS)


def test_a_window_takes_late_candles_in_their_place() -> None:
    window = Window(HOUR_MS)
    window.add(Look.at(T0 + 5 * MINUTE_MS, 5.0))
    window.fill([Look(T0, T0 + MINUTE_MS, 1.0, 9.0, 2.0), Look(T0, T0 + MINUTE_MS, 0.5, 3.0, 2.0)])
    assert window.extremes(T0) == Extremes(0.5, T0, 9.0, T0)
    assert window.extremes(T0 + 1) == Extremes(5.0, T0 + 5 * MINUTE_MS, 5.0, T0 + 5 * MINUTE_MS)
    assert window.extremes(T0 + 6 * MINUTE_MS) is None


def test_a_hole_in_a_window() -> None:
    window = Window(HOUR_MS)
    assert window.hole_begin(T0, T0 + HOUR_MS) == T0
    for minute in (0, 1, 2, 10, 11):
        window.add(Look.at(T0 + minute * MINUTE_MS, 1.0))
    assert window.hole_begin(T0, T0 + 11 * MINUTE_MS) == T0 + 2 * MINUTE_MS
    assert window.hole_begin(T0 + 10 * MINUTE_MS, T0 + 12 * MINUTE_MS) is None
    assert window.hole_begin(T0 + 10 * MINUTE_MS, T0 + 20 * MINUTE_MS) == T0 + 11 * MINUTE_MS
