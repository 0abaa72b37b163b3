"""What can be done to the market while one looks: a crash, a rise, a single coin's squeeze.

A shock moves prices along straight lines between points in time and stays at its last one. Volume grows
with it, open interest falls, and positions are liquidated, as after any move of that size.
"""

from __future__ import annotations

from typing import NamedTuple

from demo.coins import Coin

STEP_S = 20  # prices have a corner that often, and shocks only there
BUSY = 7.0  # times as much is traded while it lasts


class Shock(NamedTuple):
    """points: seconds since its beginning, and what the logarithm of BTC's price is moved by, of other coins more.

    bases: the coins that it is about; all of them when empty.
    """

    name: str
    begin_s: float
    points: tuple[tuple[float, float], ...]
    bases: frozenset[str] = frozenset()

    @property
    def end_s(self) -> float:
        return self.begin_s + self.points[-1][0]

    def of(self, coin: Coin) -> float:
        """How strongly a coin feels it: BTC 1, a wild coin that follows it twice as much."""
        if self.bases:
            return float(coin.base in self.bases)
        return min(2.0, coin.tie * coin.vol / 0.5)

    def at(self, coin: Coin, at_s: float) -> float:
        """What the logarithm of a coin's price is moved by at a time."""
        return self.of(coin) * self._moved(at_s - self.begin_s)

    def _moved(self, past_s: float) -> float:
        if past_s <= 0:
            return 0.0
        before_s, before = 0.0, 0.0
        for then_s, then in self.points:
            if past_s < then_s:
                return before + (then - before) * (past_s - before_s) / (then_s - before_s)
            before_s, before = then_s, then
        return before

    def traded(self, coin: Coin, begin_s: float, end_s: float) -> float:
        """The minutes of ordinary trading that it adds between two times."""
        lasts = min(end_s, self.end_s) - max(begin_s, self.begin_s)
        return max(0.0, lasts) / 60 * BUSY * min(1.0, self.of(coin))


def _shock(name: str, now_s: float, speed: float, minutes: tuple[tuple[float, float], ...], *bases: str) -> Shock:
    begin = (now_s // STEP_S + 1) * STEP_S
    points = tuple((max(1, round(minute * 60 / speed / STEP_S)) * STEP_S, moved) for minute, moved in minutes)
    return Shock(name, begin, points, frozenset(bases))


SCENARIOS = {  # minutes since the beginning, and the logarithm of what the price is multiplied by
    "crash": ((10, -0.12), (18, -0.155), (40, -0.09), (90, -0.1)),
    "flash crash": ((2, -0.17), (6, -0.06), (20, -0.045)),
    "rally": ((15, 0.05), (35, 0.085), (60, 0.075)),
    "squeeze": ((5, 0.3), (12, 0.65), (30, 0.4), (90, 0.25)),
}


def scenario(name: str, now_s: float, speed: float = 1.0, base: str = "") -> Shock:
    """A scenario that begins at the next step; at a speed of 3 it takes a third of its time. base: of one coin."""
    if name not in SCENARIOS:
        raise ValueError(f"no such scenario: {name}")
    if not 0.1 <= speed <= 60:
        raise ValueError(f"no such speed: {speed}")
    return _shock(name, now_s, speed, SCENARIOS[name], *([base] if base else []))
