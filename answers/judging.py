"""Whether an alert rings: pure functions from a rule, how far it has come, and what was seen, to what happens.

    settle   a rule and the figure of now   -> the state it begins with; nothing rings
    judge    a rule, its state, a Look      -> the state behind it, and a Firing or None

A level rings when it is crossed, never because the figure lies beyond it: the state remembers on which side the figure
was last seen clearly ("armed"). Having rung, an alert is armed again only when the figure has come back by a margin
(hysteresis; netdata explains why in #3082), or a price that trembles on its level would ring all night. A move is
measured from the price last told (the anchor), which does the same for percentages.

While an alert that repeats is cooling, it may be armed but does not ring; what was crossed meanwhile rings at the end
of the pause if the figure is still beyond, for it is news since the last message.

Nothing here reads a clock, a market or a store.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import orjson

import indicators
from exchanges.words import INTERVALS, Candles
from render.figures import unsigned_zero

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

PRICE_MARGIN = 0.0025  # of the level
MARGIN_TICKS = 4
MARGIN_ATR = 0.5  # of the average true range of 14 minutes
MARGINS = {"funding": (0.1, 0.001), "rsi": (0.1, 1.0)}  # share of the threshold, and at least
OTHER_MARGIN = (0.5, 0.1)  # percentages come back half way
MAX_AN_HOUR = 15  # firings of one alert; then it is paused (TradingView stops at 15 in 3 minutes)
KEPT = 256  # rules and states in memory (0.3 MiB), which few bots have more of: most are the same at every tick
MAX_HOLDINGS = 50  # positions that are looked at; of those whose side is remembered twice as many
MIN_USD = 50.0  # a position that is smaller when it is first seen rings for nothing
MAX_ITEMS = 10  # of them in one message

MEASURES = {
    "price": "price",  # crosses a level
    "step": "price",  # goes on by an amount
    "move": "price",  # goes up or down by percent, within a window or since the last message
    "timer": "price",  # is told on time
    "change": "change",  # over 24 hours, percent
    "volume": "candles",  # of a closed candle, percent above normal
    "rsi": "candles",  # of closed candles
    "funding": "funding",  # percent per 8 hours
    "oi": "oi",  # goes up or down by percent within a window
    "basis": "basis",  # percent of spot
    "spread": "spread",  # the widest gap between two exchanges, basis points
    "liquidations": "liqs",  # of everybody, dollars within a window at one exchange
    "liquidation": "positions",  # distance of one's own, percent
    "pnl": "positions",  # of one's own, percent of the margin
}
"""What can be measured, and where its figures come from: the first word of a need."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When to ring. level: a price or amount in quote, percent, or RSI; of moves it has no sign.

    direction: "up", "down", "either"; "" until `settle` deduces it from the figure of now. window_ms: of a move and of
    open interest (0: since the last message), a candle's length, a timer's period. times: 0 for every time.
    """

    measure: str
    direction: str = ""
    level: float = 0.0
    window_ms: int = 0
    times: int = 1
    pause_ms: int = 0
    is_quiet: bool = False
    exchange: str = ""
    kind: str = ""  # spot or perp
    symbol: str = ""

    @property
    def need(self) -> str:
        """What has to be asked for it; the same text for all rules that one answer serves."""
        source = MEASURES[self.measure]
        words = [source] if source == "positions" else [source, self.exchange, self.kind, self.symbol]
        if source in ("candles", "liqs"):
            words.append(interval_of(self.window_ms) if source == "candles" else f"{self.window_ms // MINUTE_MS}m")
        return " ".join(words)

    @property
    def text(self) -> str:
        """As it is stored."""
        return orjson.dumps(asdict(self)).decode()


class Need(NamedTuple):
    """A need in its parts."""

    source: str
    exchange: str = ""
    kind: str = ""
    symbol: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """How far a rule has come.

    side: where the figure was when it was armed, "below" or "above" the level; "" while it is not armed. margin: how
    far it must come back to be armed. anchor: the figure that was told last, at anchor_ms; a timer rings next then.
    since_ms: what began earlier has been judged. rang_ms: the latest firings. sides: by position.
    """

    since_ms: int
    side: str = ""
    margin: float = 0.0
    anchor: float | None = None
    anchor_ms: int = 0
    rang_ms: tuple[int, ...] = ()
    sides: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


class Look(NamedTuple):
    """What was seen of a figure from from_ms to at_ms: a quote (both the same moment), or a closed candle."""

    from_ms: int
    at_ms: int
    low: float
    high: float
    last: float

    @classmethod
    def at(cls, moment_ms: int, figure: float) -> Look:
        return cls(moment_ms, moment_ms, figure, figure, figure)


class Extremes(NamedTuple):
    """The lowest and the highest of a stretch, and when."""

    low: float
    low_ms: int
    high: float
    high_ms: int


class Holding(NamedTuple):
    """One's own position. key names it, beginning with its exchange and a space; label is shown.

    usd: None where its size is not told. distance_pct: to its liquidation. pnl_pct: of the margin.
    """

    key: str
    label: str
    usd: float | None
    distance_pct: float | None
    pnl_pct: float | None


class Firing(NamedTuple):
    """It rang. value: the figure then, or the level when a candle's wick went beyond it. reference: what it came
    from, at reference_ms: where a move began, or what was told last.

    items: the positions that it is about.
    """

    at_ms: int
    direction: str
    value: float
    reference: float | None = None
    reference_ms: int | None = None
    items: tuple[str, ...] = ()


@lru_cache(KEPT)
def load_rule(text: str) -> Rule:
    return Rule(**orjson.loads(text))


@lru_cache(KEPT)
def load_state(text: str) -> State:
    fields: dict[str, Any] = orjson.loads(text)
    return State(**{**fields, "rang_ms": tuple(fields["rang_ms"])})


def interval_of(window_ms: int) -> str:
    """15m for its milliseconds, of the intervals that candles have."""
    return next(name for name, length_ms in INTERVALS.items() if length_ms == window_ms)


# Beginning.


def settle(rule: Rule, figure: float | None, now_ms: int) -> tuple[Rule, State]:
    """The rule with its direction, and the state it begins with. figure: of now; None where it has none."""
    if rule.measure == "timer":
        return rule, State(now_ms, anchor_ms=now_ms + rule.window_ms)
    if figure is None or rule.measure in ("liquidation", "pnl"):
        return rule, State(now_ms)
    if rule.measure in ("move", "oi", "step"):
        return rule, State(now_ms, anchor=figure, anchor_ms=now_ms)
    if not rule.direction:
        rule = replace(rule, direction="up" if figure < rule.level else "down")
    folded, look = _folded(rule, Look.at(now_ms, figure))
    return rule, State(now_ms, side=_clear_side(folded, look.last, 0.0), anchor=figure, anchor_ms=now_ms)


def is_beyond(rule: Rule, state: State) -> bool:
    """Whether a level lies behind the figure already, so that it must come back before it can be crossed."""
    measures = ("price", "change", "volume", "rsi", "funding", "basis", "spread", "liquidations")
    return rule.measure in measures and not state.side


def is_calm(rule: Rule, state: State, figure: float) -> bool:
    """Whether a figure stands where an armed level expects it, so that judging it would change nothing. Most do."""
    if rule.measure == "change":  # which may know no sign
        return False
    return figure < rule.level if state.side == "below" else figure > rule.level if state.side == "above" else False


def margin_of(rule: Rule, tick: float | None = None, atr: float | None = None) -> float:
    """How far a figure must come back before its level can be crossed again."""
    level = abs(rule.level)
    if rule.measure == "price":
        return max(level * PRICE_MARGIN, (tick or 0.0) * MARGIN_TICKS, (atr or 0.0) * MARGIN_ATR)
    share, least = MARGINS.get(rule.measure, OTHER_MARGIN)
    return max(level * share, least)


# Judging.


def judge(
    rule: Rule, state: State, look: Look, extremes: Extremes | None = None, margin: float | None = None
) -> tuple[State, Firing | None]:
    """What this look means. extremes: of a rule's window, since `window_begin`. margin: as margin_of gives it.

    Looks come in order; one that began before the state last changed holds what was before that, and changes nothing.
    """
    if look.from_ms < state.since_ms:
        return state, None
    if rule.measure == "timer":
        return _judge_timer(rule, state, look)
    if rule.measure in ("move", "oi"):
        return _judge_move(rule, state, look, extremes)
    if rule.measure == "step":
        return _judge_step(rule, state, look)
    return _judge_level(rule, state, look, margin_of(rule) if margin is None else margin)


def judge_holdings(
    rule: Rule, state: State, holdings: Sequence[Holding], exchanges: Collection[str], at_ms: int
) -> tuple[State, Firing | None]:
    """Each position is a figure of its own; exchanges: those that told all of theirs, what is not told by them is gone.

    Of very many the largest are looked at, wherever they are held.

    One that is seen for the first time rings if it is near its liquidation already, for that is danger; its profit must
    be seen on the other side first. It is not seen before it is worth MIN_USD; then it is for as long as it is held.
    """
    state = _under_new_keys(state, holdings)
    sides = {key: side for key, side in state.sides.items() if key.partition(" ")[0] not in exchanges}
    rung = []
    for holding in _looked_at(holdings, state.sides):
        figure = holding.distance_pct if rule.measure == "liquidation" else holding.pnl_pct
        before = state.sides.get(holding.key)
        if figure is None:
            if before is not None:
                sides[holding.key] = before
            continue
        if before is None:
            before = "above" if rule.measure == "liquidation" else _clear_side(rule, figure, 0.0)
        side, has_crossed = _side(rule, before, Look.at(at_ms, figure), margin_of(rule))
        if has_crossed and _is_cooling(rule, state, at_ms):
            side, has_crossed = before, False
        sides[holding.key] = "" if has_crossed else side
        if has_crossed:
            rung.append((f"{holding.label}  {unsigned_zero(f'{figure:.1f}')} %", figure))
    state = state if sides == state.sides else replace(state, sides=sides)
    if not rung:
        return state, None
    firing = Firing(at_ms, rule.direction, rung[0][1], items=tuple(label for label, _ in rung[:MAX_ITEMS]))
    return _rung(state, firing, at_ms), firing


def _looked_at(holdings: Sequence[Holding], known: Collection[str]) -> list[Holding]:
    """The largest, in front of them those whose size is not told. known: their keys; those stay a while longer, so that
    none rings anew whenever another one grows."""
    seen = [each for each in holdings if each.key in known or each.usd is None or each.usd >= MIN_USD]
    seen.sort(key=lambda each: -inf if each.usd is None else -each.usd)
    return seen[:MAX_HOLDINGS] + [each for each in seen[MAX_HOLDINGS : 2 * MAX_HOLDINGS] if each.key in known]


def _under_new_keys(state: State, holdings: Sequence[Holding]) -> State:
    """Positions that were stored by exchange, symbol and side alone, before their margin was told: the same ones."""
    before = {each.key: " ".join(each.key.split(" ")[:3]) for each in holdings if each.key not in state.sides}
    known = {key: state.sides[old] for key, old in before.items() if old in state.sides}
    return replace(state, sides={**state.sides, **known}) if known else state


def window_begin(rule: Rule, state: State, now_ms: int) -> int:
    """Since when a window's extremes count: the price that was told counts as its first, whatever was before it."""
    return max(state.anchor_ms, now_ms - rule.window_ms)


def is_over(rule: Rule, n_fired: int) -> bool:
    """Whether it has rung as often as it should."""
    return 0 < rule.times <= n_fired


def rings_too_often(state: State) -> bool:
    """Whether the last MAX_AN_HOUR firings were within one hour."""
    return len(state.rang_ms) >= MAX_AN_HOUR and state.rang_ms[-1] - state.rang_ms[0] < HOUR_MS


def candle_figure(measure: str, closed: Candles) -> float | None:
    """RSI, or the last candle's volume in percent above normal, of closed candles; None for too few."""
    if measure == "rsi":
        return indicators.rsi(closed.close)
    spike = indicators.volume_spike(closed.volume)
    return None if spike is None else spike.spike_pct


# By measure.


def _judge_level(rule: Rule, state: State, seen: Look, margin: float) -> tuple[State, Firing | None]:
    folded, look = _folded(rule, seen)
    if not rule.direction:
        return state, None
    side, has_crossed = _side(folded, state.side, look, state.margin)
    if not has_crossed or _is_cooling(rule, state, look.at_ms):
        return (state if side == state.side else replace(state, side=side, since_ms=look.at_ms)), None
    is_candle = look.from_ms < look.at_ms
    is_rise = seen.last > 0 if folded is not rule else side == "below"
    figure = rule.level if is_candle else seen.last
    firing = Firing(look.from_ms, "up" if is_rise else "down", figure, state.anchor, state.anchor_ms)
    rung = _rung(state, firing, look.at_ms)
    return replace(rung, side="", margin=margin, anchor=figure, anchor_ms=look.from_ms), firing


def _side(rule: Rule, side: str, look: Look, margin: float) -> tuple[str, bool]:
    """The side on which it is armed behind this look, and whether the level was crossed from there.

    Of a candle nobody knows whether its high or its low came first: what arms it may be followed by a crossing only if
    its last price lies beyond.
    """
    low, high = look.low, look.high
    if not side:
        side = _armed(rule, look, margin)
        low = high = look.last
    if side == "below" and rule.direction != "down":
        return side, high >= rule.level
    if side == "above" and rule.direction != "up":
        return side, low <= rule.level
    return side, False


def _armed(rule: Rule, look: Look, margin: float) -> str:
    if rule.direction == "up":
        return _clear_side(rule, look.low, margin)
    if rule.direction == "down":
        return _clear_side(rule, look.high, margin)
    return _clear_side(rule, look.last, margin)


def _clear_side(rule: Rule, figure: float, margin: float) -> str:
    """On which side of the level the figure is, from where it can be crossed; "" on the other, or too near."""
    if rule.direction != "down" and (figure < rule.level if not margin else figure <= rule.level - margin):
        return "below"
    if rule.direction != "up" and (figure > rule.level if not margin else figure >= rule.level + margin):
        return "above"
    return ""


def _folded(rule: Rule, look: Look) -> tuple[Rule, Look]:
    """A change of ±8 % either way is one of 8 % that knows no sign, and rises above 8."""
    if rule.measure != "change" or rule.direction != "either":
        return rule, look
    low, high = sorted((abs(look.low), abs(look.high)))
    return replace(rule, direction="up"), look._replace(low=low, high=high, last=abs(look.last))


def _judge_move(rule: Rule, state: State, look: Look, extremes: Extremes | None) -> tuple[State, Firing | None]:
    if state.anchor is None:
        return replace(state, anchor=look.last, anchor_ms=look.at_ms, since_ms=look.at_ms), None
    if _is_cooling(rule, state, look.at_ms):
        return state, None
    lowest, highest = _references(rule, state, look, extremes)
    rise, fall = _percent(lowest[0], look.last), _percent(highest[0], look.last)
    found = []
    if rule.direction != "down" and rise >= rule.level:
        found.append((rise, "up", lowest))
    if rule.direction != "up" and -fall >= rule.level:
        found.append((-fall, "down", highest))
    if not found:
        return state, None
    _, direction, (reference, reference_ms) = max(found)
    firing = Firing(look.at_ms, direction, look.last, reference, reference_ms)
    return replace(_rung(state, firing, look.at_ms), anchor=look.last, anchor_ms=look.at_ms), firing


def _references(
    rule: Rule, state: State, look: Look, extremes: Extremes | None
) -> tuple[tuple[float, int], tuple[float, int]]:
    """The lowest and the highest figure that now is held against, each with its moment."""
    candidates = []
    if state.anchor is not None and (not rule.window_ms or look.at_ms - state.anchor_ms <= rule.window_ms):
        candidates.append((state.anchor, state.anchor_ms))
    if rule.window_ms and extremes is not None:
        candidates += [(extremes.low, extremes.low_ms), (extremes.high, extremes.high_ms)]
    if not candidates:
        candidates.append((look.last, look.at_ms))
    return min(candidates), max(candidates)


def _judge_step(rule: Rule, state: State, look: Look) -> tuple[State, Firing | None]:
    """The anchor goes on by whole steps, so that the levels stay where they were."""
    if state.anchor is None:
        return replace(state, anchor=look.last, anchor_ms=look.at_ms, since_ms=look.at_ms), None
    n_steps = int((look.last - state.anchor) / rule.level)
    direction = "up" if n_steps > 0 else "down"
    if not n_steps or rule.direction not in ("either", direction) or _is_cooling(rule, state, look.at_ms):
        return state, None
    firing = Firing(look.at_ms, direction, look.last, state.anchor, state.anchor_ms)
    anchor = state.anchor + n_steps * rule.level
    return replace(_rung(state, firing, look.at_ms), anchor=anchor, anchor_ms=look.at_ms), firing


def _judge_timer(rule: Rule, state: State, look: Look) -> tuple[State, Firing | None]:
    """Once, however long it was due; then at the next of its own hours."""
    next_ms = state.anchor_ms or look.at_ms + rule.window_ms
    if look.at_ms < next_ms:
        return (state if state.anchor_ms else replace(state, anchor_ms=next_ms)), None
    firing = Firing(next_ms, "", look.last)
    next_ms += ((look.at_ms - next_ms) // rule.window_ms + 1) * rule.window_ms
    return replace(_rung(state, firing, look.at_ms), anchor_ms=next_ms), firing


def _is_cooling(rule: Rule, state: State, at_ms: int) -> bool:
    return bool(state.rang_ms) and at_ms < state.rang_ms[-1] + rule.pause_ms


def _rung(state: State, firing: Firing, at_ms: int) -> State:
    rang_ms = (*state.rang_ms, firing.at_ms)[-MAX_AN_HOUR:]
    return replace(state, since_ms=at_ms, rang_ms=rang_ms)


def _percent(before: float, after: float) -> float:
    return (after - before) / before * 100.0 if before > 0 else 0.0
