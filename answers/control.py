"""Who is in control of a market, as points. Pure."""

from __future__ import annotations

from typing import NamedTuple

from indicators import Spike
from render.figures import direction


class Component(NamedTuple):
    """A part of the market-control score. points: None when its source is missing."""

    name: str
    points: int | None
    why: str


def score(
    change_pct: float | None,
    spike: Spike | None,
    flow_trend: int | None,
    day_delta: float | None,
    divergence: str | None,
    rsi: float | None,
) -> list[Component]:
    """Who is in control of the market, as points that add up to -7 … +9, above zero for the bulls.

    price   24 h change above 5 %: 3, above 2: 2, above 0.00: 1; mirrored below zero
    volume  EXTREME 2, HIGH and MODERATE 1
    CVD     its trend with the 24 h delta of the same sign 2, else 1; mirrored
    split   CVD against price: 1 bullish, -1 bearish
    RSI     above 70 -1, below 30 +1, else above 50 +1, below 50 -1
    """
    return [
        Component("price", None if change_pct is None else _steps(change_pct), "24h change"),
        Component("volume", None if spike is None else _volume_points(spike), spike.level if spike else "no baseline"),
        Component("CVD", _flow_points(flow_trend, day_delta), "trend and 24h delta"),
        Component("split", _split_points(flow_trend, divergence), divergence or "none"),
        Component("RSI", None if rsi is None else _rsi_points(rsi), "14"),
    ]


def _steps(change_pct: float) -> int:
    return direction(change_pct) * (1 + sum(abs(change_pct) > step for step in (2, 5)))


def _volume_points(spike: Spike) -> int:
    return 2 if spike.level == "EXTREME" else 1 if spike.is_significant else 0


def _flow_points(trend: int | None, day_delta: float | None) -> int | None:
    if trend is None or day_delta is None:
        return None
    return trend * (2 if trend * day_delta > 0 else 1)


def _split_points(trend: int | None, divergence: str | None) -> int | None:
    return None if trend is None or divergence is None else {"bullish": 1, "bearish": -1}.get(divergence, 0)


def _rsi_points(rsi: float) -> int:
    if rsi > 70 or rsi < 50:
        return 1 if rsi < 30 else -1
    return 1 if rsi > 50 else 0
