"""Periods in which nothing was traded: candles of volume 0, which count for windows as any other."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import pytest
from wired import NOW_MS, say, wired

from exchanges.gaps import filled, filled_flow
from exchanges.words import Candles, Flow
from sessions import QUARTERS_A_DAY, day_volatility

STEP = 900_000
NOW = 2000 * STEP + 60_000  # a minute into a quarter


def candles(slots: list[int], exchange: str = "coinbase", n_odd: int = 0) -> Candles:
    """A candle in each slot of a quarter, which opens at 1 and closes at 2; 10 coins each."""
    n = len(slots)
    opens, highs, lows, closes, volumes = (array("d", [figure] * n) for figure in (1.0, 3.0, 0.5, 2.0, 10.0))
    times = array("q", (slot * STEP for slot in slots))
    return Candles(exchange, "AB-USD", "spot", STEP, times, opens, highs, lows, closes, volumes, n_odd=n_odd)


def slots_of(found: Candles) -> list[int]:
    return [at // STEP for at in found.open_ms]


def test_gap_is_a_candle_without_volume_at_the_close_before() -> None:
    found = filled(candles([1996, 1999, 2000]), 4, NOW)
    assert slots_of(found) == [1996, 1997, 1998, 1999, 2000]
    assert list(found.volume) == [10, 0, 0, 10, 10]
    assert (found.open[1], found.high[1], found.low[1], found.close[1]) == (2, 2, 2, 2)


def test_candles_without_gaps_are_the_same_object() -> None:
    whole = candles([1998, 1999, 2000])
    assert filled(whole, 2, NOW) is whole


def test_of_old_candles_only_the_window_is_left() -> None:
    """Asked for four, a thin market gives four that span days: those before the window lend it a price."""
    found = filled(candles([1000, 1500, 1998]), 4, NOW)
    assert slots_of(found) == [1996, 1997, 1998, 1999]
    assert list(found.volume) == [0, 0, 10, 0]


def test_a_young_market_gets_no_past() -> None:
    assert slots_of(filled(candles([1998, 2000]), 96, NOW)) == [1998, 1999, 2000]


def test_a_candle_just_closed_may_be_late() -> None:
    assert slots_of(filled(candles([1996, 1998]), 9, 2000 * STEP + 2_000)) == [1996, 1997, 1998]
    assert slots_of(filled(candles([1996, 1998]), 9, 2000 * STEP + 30_000)) == [1996, 1997, 1998, 1999]


def test_nothing_is_put_after_the_last_where_no_gaps_are_usual() -> None:
    """Our clock may be ahead of the exchange's."""
    whole = candles([1996, 1997], "binance")
    assert filled(whole, 9, NOW) is whole


def test_an_odd_candle_that_was_left_out_is_no_empty_one() -> None:
    odd = candles([1996, 1998, 1999], n_odd=1)
    assert filled(odd, 9, NOW) is odd


def test_flow_without_takers_is_zero() -> None:
    flow = Flow("okx", "A-USDT", "perp", STEP, [1995 * STEP, 1998 * STEP], [1.0, 2.0], [3.0, 4.0])
    found = filled_flow(flow, 9, NOW)
    assert list(found.buy) == [1, 0, 0, 2, 0]
    assert list(found.sell) == [3, 0, 0, 4, 0]


@pytest.mark.parametrize("of", [[], [2000]])
def test_nothing_and_one_candle_stay_what_they_are(of: list[int]) -> None:
    assert slots_of(filled(candles(of), 4, NOW)) == of


def test_day_volatility_is_of_a_day() -> None:
    """Of 97 candles that span 85 hours it is not known; of a day with gaps put in it is."""
    scattered = candles([2000 - 3 * each for each in reversed(range(1, 98))], "binance", n_odd=1)
    assert day_volatility(scattered, NOW) is None
    whole = filled(candles([2000 - 3 * each for each in reversed(range(1, 40))]), QUARTERS_A_DAY + 1, NOW)
    assert day_volatility(whole, NOW) == 0.0


async def test_volume_without_trades_says_so() -> None:
    """Of a listed market in which nothing was traded there are enough candles."""

    def answer(host: str, path: str, query: Mapping[str, str]) -> Any:
        if not path.endswith("klines"):
            return None
        last, n = NOW_MS // STEP, int(query["limit"])
        coins = {(last - i) * STEP: "5" if i < 3 else "0" for i in reversed(range(n))}
        return [[at, "1", "1", "1", "1", v, at + STEP - 1, v, 1, "0", "0", "0"] for at, v in coins.items()]

    told = await say(wired(answer, "binance"), "/volume AB")
    assert "Baseline n/a: most candles before had no trades." in told
