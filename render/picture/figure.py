"""What a picture shows, in the words of charts: a figure has panes, a pane has series and levels. Pure records.

Time runs in columns of equal length, numbered from 0; a series has one value per column, nan where nothing is told, so
that a gap stays a gap. `render.picture.drawing` makes pixels of it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

NAN = math.nan


class Colour(enum.IntEnum):
    """The sixteen; `render.picture.drawing` mixes them."""

    TEXT = 0
    GREY = 1
    GRID = 2
    UP = 3
    DOWN = 4
    AMBER = 5
    BLUE = 6
    PURPLE = 7
    GREEN = 8
    MAGENTA = 9
    ORANGE = 10
    CYAN = 11
    PINK = 12
    SAND = 13
    DIM = 14


# For lines that stand for exchanges or coins, told apart also by those who see few colours: neighbours differ in
# brightness as well.
LINE_COLOURS = (
    Colour.AMBER,
    Colour.BLUE,
    Colour.GREEN,
    Colour.MAGENTA,
    Colour.TEXT,
    Colour.ORANGE,
    Colour.CYAN,
    Colour.PURPLE,
)


class Candles(NamedTuple):
    """Columns of prices. is_running: the last one is not closed yet, and is drawn paler."""

    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    is_running: bool = False


class Bars(NamedTuple):
    """Bars from zero. colours: one per column; strength: 15 is the full colour."""

    values: Sequence[float]
    colours: Sequence[Colour]
    strength: int = 9


class Path(NamedTuple):
    """A line. name: for the legend, none without. lifts: columns before which the pen is lifted."""

    values: Sequence[float]
    colour: Colour
    name: str = ""
    lifts: frozenset[int] = frozenset()
    thickness: float = 2.6
    is_filled: bool = False  # faintly, down to the foot of the pane


class Level(NamedTuple):
    """A price that matters: a dashed line across the pane, and its figure on the axis.

    is_tag: the figure stands in a filled box. is_line: False for a figure alone, e.g. beside the end of a line.
    text: instead of the figure. stretches: the pane reaches out to show it, if that costs at most half of its height.
    """

    value: float
    colour: Colour
    is_tag: bool = False
    is_line: bool = True
    text: str = ""
    stretches: bool = False


class Side(NamedTuple):
    """Bars by price, growing from the left, in a strip of their own at the pane's right.

    bins: equal steps of price from low to high. val and vah bound the value area, whose bins are stronger.
    """

    name: str
    bins: Sequence[float]
    low: float
    high: float
    val: float
    vah: float
    colour: Colour


class Pane(NamedTuple):
    """One of the strips below each other. share: of the height. spell: what a figure of its axis looks like.

    has_grid: round figures with lines; otherwise its ends alone are told. from_zero: bars need it.
    """

    share: float
    series: Sequence[Candles | Bars | Path]
    name: str = ""
    colour: Colour = Colour.GREY
    levels: Sequence[Level] = ()
    sides: Sequence[Side] = ()
    spell: Callable[[float], str] | None = None
    has_grid: bool = True
    from_zero: bool = False


class Figure(NamedTuple):
    """A picture. start_ms: where its first column begins; step_ms: a column's length; n: how many there are.

    headline and remark stand at the right of the title and of the line under it. is_whole: columns have whole pixels,
    as candles and bars need it: a few of the oldest are left out for that.
    """

    title: str
    subtitle: str
    headline: str
    remark: str
    colour: Colour
    start_ms: int
    step_ms: int
    n: int
    panes: Sequence[Pane]
    is_whole: bool = True
