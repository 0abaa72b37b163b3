"""Where a figure's panes, axes and letters stand. Pure.

What has to be read stands first; a label that finds no room is named for the caption. Letters have 26 pixels at least,
9 points on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from render.picture import font
from render.picture.figure import Candles, Colour, Figure, Level, Pane, Path
from render.picture.font import Face
from render.picture.labels import SIZE, Labels
from render.picture.scales import Columns, Scale, is_told, moments, reach, round_step, speller

MARGIN = 16
SUBTITLE = 68  # where the line under the title begins
HEADER = 114  # height of title and subtitle
FOOTER = 48  # height of the times
ROW = 36  # height of a line of a legend
MAX_ROWS = 3  # of a legend
GAP = 10  # between panes
SWATCH = 28  # length of the stroke before a name in a legend
MIN_ROOM = 20  # height of a plot, below which it is left empty
SIDE = 150  # width of a profile
TICK = 66  # pixels between round figures at least
TIME_TICK = 140  # pixels between times at least
MOST_SHOWN = 0.83  # of the columns are shown at least where the others are left out for the sake of whole pixels
MAX_STRETCH = 2  # times the height of what is to be seen, for the sake of a line or a level far away
MAX_PITCH = 40  # pixels of a column at most: a lone candle is no wall


class Frame(NamedTuple):
    """A pane with its place. cut: column, value and whether it is above, of candles that leave the scale."""

    pane: Pane
    strokes: list[tuple[int, int, Colour]]
    top: int
    bottom: int
    scale: Scale | None
    figures: list[tuple[float, str]]
    cut: list[tuple[int, float]]


def arrange(figure: Figure, labels: Labels) -> tuple[list[Frame], Columns, list[int]]:
    """The panes, the columns, and where the marks of time stand; all texts are claimed in labels."""
    _header(figure, labels)
    columns, frames = _fitted(figure, _frames(figure, labels))
    for frame in frames:
        _name_sides(frame.pane, columns, labels)
    times = list(_times(figure, columns, labels))
    for frame in frames:
        _claim_figures(frame, columns, labels)
    return frames, columns, times


def _header(figure: Figure, labels: Labels) -> None:
    """Title and headline, and under them the subtitle and the remark. What is at the right goes first."""
    first = (font.large(), 34, figure.title, figure.headline)
    second = (font.medium(), SUBTITLE + 16, figure.subtitle, figure.remark)
    for face, middle, left, right in (first, second):
        right_face = face if face.width(right) < SIZE // 2 else font.small()
        right = _cut(right, right_face, SIZE // 2, labels)
        width = right_face.width(right)
        labels.put(right, SIZE - MARGIN - width, middle, right_face, figure.colour)
        room = SIZE - 2 * MARGIN - width - 24
        left_face = face if face.width(left) <= room else font.small()
        colour = Colour.TEXT if face is font.large() else Colour.GREY
        labels.put(_cut(left, left_face, room, labels), MARGIN, middle, left_face, colour)


def _cut(text: str, face: Face, room: int, labels: Labels) -> str:
    shown = face.cut(text, room)
    if shown != text:
        labels.leave_out(text)
    return shown


def _legend(pane: Pane, top: int, labels: Labels) -> tuple[int, list[tuple[int, int, Colour]]]:
    """Names of the pane and of its lines in rows: where the plot begins, and the strokes before the names."""
    face, strokes = font.small(), list[tuple[int, int, Colour]]()
    names = [(pane.name, pane.colour, 0)] if pane.name else []
    names += [(each.name, each.colour, SWATCH + 10) for each in pane.series if isinstance(each, Path) and each.name]
    x, row = MARGIN, 0
    for name, colour, indent in names:
        shown = _cut(name, face, SIZE - 2 * MARGIN - indent, labels)
        width = indent + face.width(shown)
        if x > MARGIN and x + width > SIZE - MARGIN:
            x, row = MARGIN, row + 1
        middle = top + row * ROW + ROW // 2
        if row >= MAX_ROWS or not labels.put(shown, x + indent, middle, face, Colour.TEXT if indent else colour):
            labels.leave_out(name)
        elif indent:
            strokes.append((x, middle, colour))
        x += width + 30
    return top + min(row + 1, MAX_ROWS) * ROW if names else top, strokes


def _frames(figure: Figure, labels: Labels) -> list[Frame]:
    """The panes below each other, by their shares."""
    whole = sum(max(0.0, pane.share) for pane in figure.panes) or 1.0
    room = SIZE - HEADER - FOOTER
    frames, at = [], 0.0
    for pane in figure.panes:
        top = HEADER + round(at / whole * room) + (GAP if at else 0)
        at += max(0.0, pane.share)
        begin, strokes = _legend(pane, top, labels)
        frames.append(Frame(pane, strokes, begin, HEADER + round(at / whole * room), None, [], []))
    return frames


def _fitted(figure: Figure, frames: list[Frame]) -> tuple[Columns, list[Frame]]:
    """Columns and scales depend on each other: the axis is as wide as its figures; columns left out have none."""
    all_of_them = [_scaled(frame, 0) for frame in frames]
    first = _columns(figure, _axis_width(all_of_them), 0).first
    frames = [_scaled(frame, first) for frame in frames]
    return _columns(figure, max(_axis_width(frames), _axis_width(all_of_them)), first), frames


def _columns(figure: Figure, axis: int, first: int) -> Columns:
    """At most as many columns as have room; the last one stands at the right."""
    right = SIZE - MARGIN - axis
    end = right - max((len(pane.sides) for pane in figure.panes), default=0) * SIDE
    room, n = end - MARGIN, max(1, figure.n)
    if not figure.is_whole:
        return Columns(MARGIN, room / n, 0, n, end, right)
    wide = math.ceil(room / (n - first))
    pitch = wide if not first and room // wide >= n * MOST_SHOWN else room // (n - first)
    pitch = min(MAX_PITCH, max(2, pitch))
    shown = min(n - first, room // pitch)
    return Columns(end - shown * pitch, pitch, n - shown, n, end, right)


def _axis_width(frames: Sequence[Frame]) -> int:
    """Of the figures at the right, at least that of six digits."""
    face = font.small()
    texts = [text for frame in frames for _, text in frame.figures]
    texts += [_spelt(frame, level) for frame in frames for level in frame.pane.levels]
    return 18 + max([face.width(text) for text in texts] + [face.width("64,000")])


def _scaled(frame: Frame, first: int) -> Frame:
    """The frame with its scale, for the columns from `first` on, and the figures of its axis."""
    extent, cut = _extent(frame.pane, first)
    room = frame.bottom - frame.top
    if extent is None or room < MIN_ROOM:
        return frame
    low, high = _with_levels(frame.pane, *extent)
    low, high = _apart(low, high)
    scale = Scale(low, high, frame.top + room // 25, frame.bottom - (room // 25 if low else 1))
    figures = _round_figures(frame.pane, scale) if frame.pane.has_grid else _ends(frame.pane, *extent)
    return frame._replace(scale=scale, figures=figures, cut=[each for each in cut if not low <= each[1] <= high])


def _apart(low: float, high: float) -> tuple[float, float]:
    """The range, or a hundredth to either side of a flat one."""
    largest = max(abs(low), abs(high))
    if high - low > max(largest * 1e-12, 1e-100):
        return low, high
    pad = largest * 0.01 if largest > 1e-90 else 1.0
    return low - pad, high + pad


def _extent(pane: Pane, first: int) -> tuple[tuple[float, float] | None, list[tuple[int, float]]]:
    """The lowest and the highest value, and the candles that are to be cut there.

    Beside candles a line counts only as far as it does not press them flat: a mean remembers a spike for long.
    """
    ends, cut, paths = list[float](), list[tuple[int, float]](), list[float]()
    for each in pane.series:
        if isinstance(each, Candles):
            known, cut = reach(each, first)
            ends += known
        else:
            (paths if isinstance(each, Path) else ends).extend(filter(is_told, each.values[first:]))
    ends += [0.0] if pane.from_zero and (ends or paths) else []
    if any(isinstance(each, Candles) for each in pane.series) and ends:
        wide = MAX_STRETCH * (max(ends) - min(ends))
        paths = [each for each in paths if max(ends) - wide <= each <= min(ends) + wide]
    ends += paths
    return (min(ends), max(ends)) if ends else None, cut


def _with_levels(pane: Pane, low: float, high: float) -> tuple[float, float]:
    """The range with those levels that it reaches out for."""
    span = high - low
    for level in pane.levels:
        wide = max(high, level.value) - min(low, level.value)
        if is_told(wide) and (not level.stretches or wide <= MAX_STRETCH * span):
            low, high = min(low, level.value), max(high, level.value)
    return low, high


def _round_figures(pane: Pane, scale: Scale) -> list[tuple[float, str]]:
    """Round figures at least TICK pixels apart, and how they are written."""
    span = scale.high - scale.low
    step = round_step(span / max(1.0, (scale.bottom - scale.top) / TICK))
    values = [step * k for k in range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1)]
    spell = pane.spell or speller(step, max(abs(scale.low), abs(scale.high)))
    return [(value, spell(value)) for value in values]


def _ends(pane: Pane, low: float, high: float) -> list[tuple[float, str]]:
    """The highest and the lowest value, but not where bars begin."""
    bottom, top = _apart(low, high)
    spell = pane.spell or speller(round_step((top - bottom) / 100), max(abs(low), abs(high)))
    return [(each, spell(each)) for each in ((high, low) if high > low else (high,)) if each]


def _spelt(frame: Frame, level: Level) -> str:
    """A level's figure, with more digits than those of the axis have if there is room."""
    if level.text or frame.scale is None:
        return level.text
    if frame.pane.spell is not None:
        return frame.pane.spell(level.value)
    span, largest = frame.scale.high - frame.scale.low, max(abs(frame.scale.low), abs(frame.scale.high))
    fine, coarse = (speller(round_step(span / steps), largest)(level.value) for steps in (1000, 100))
    return coarse if "e" in fine else fine


def _claim_figures(frame: Frame, columns: Columns, labels: Labels) -> None:
    """The figures at the right: filled ones first, then those of other levels, then those of the axis."""
    if frame.scale is None:
        return
    face, x = font.small(), columns.right + 12
    for level in sorted(frame.pane.levels, key=lambda each: not each.is_tag):
        text = _spelt(frame, level)
        if not frame.scale.low <= level.value <= frame.scale.high:
            labels.leave_out(f"{text} ({'above' if level.value > frame.scale.high else 'below'} the picture)")
        elif not labels.put_near(text, x, round(frame.scale.y(level.value)), face, level.colour, level.is_tag):
            labels.leave_out(text)
    for value, text in frame.figures:
        labels.put(text, x, round(frame.scale.y(value)), face, Colour.GREY)
    for column, value in frame.cut:
        _claim_cut(frame, columns, labels, column, value)


def _name_sides(pane: Pane, columns: Columns, labels: Labels) -> None:
    """Below what stands beside the candles, before a moment takes the place."""
    face = font.small()
    for i, side in enumerate(pane.sides):
        left = round(columns.end) + i * SIDE + (SIDE - face.width(side.name)) // 2
        if not labels.put(side.name, left, SIZE - FOOTER // 2, face, side.colour):
            labels.leave_out(side.name)


def _claim_cut(frame: Frame, columns: Columns, labels: Labels, column: int, value: float) -> None:
    """Beside the end of a candle that leaves the scale, how far it went."""
    assert frame.scale is not None
    face, is_above = font.small(), value > frame.scale.high
    text = f"{'▲' if is_above else '▼'} {speller(abs(value) / 1000, abs(value))(value)}"
    middle = frame.scale.top + 14 if is_above else frame.scale.bottom - 14
    x, width = round(columns.x(column)), face.width(text)
    places = (x + 12, x - 12 - width)
    if not any(labels.put(text, left, middle, face, Colour.TEXT) for left in places if left + width < columns.end):
        labels.leave_out(text)


# Times.


def _times(figure: Figure, columns: Columns, labels: Labels) -> Iterator[int]:
    """Where round moments in UTC stand, as many as have room."""
    face, middle = font.small(), SIZE - FOOTER // 2
    begin, end = figure.start_ms + columns.first * figure.step_ms, figure.start_ms + (figure.n - 1) * figure.step_ms
    for moment, text in moments(begin, end, figure.step_ms, TIME_TICK / columns.pitch * figure.step_ms):
        x = round(columns.x((moment - figure.start_ms) // figure.step_ms))
        width = face.width(text)
        left = min(max(x - width // 2, 4), SIZE - width - 4)
        if labels.put(text, left, middle, face, Colour.GREY):
            yield x
