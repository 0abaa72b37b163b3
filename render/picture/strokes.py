"""What a pane shows, as pixels: candles, bars, lines, profiles. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from render.picture.figure import Bars, Candles, Colour, Path, Side
from render.picture.layout import MARGIN, SIDE, SWATCH, Frame
from render.picture.png import Canvas, Rgb
from render.picture.scales import Columns, Scale, is_told, is_whole

GROUND: Rgb = (0x13, 0x17, 0x22)
MIXED: dict[Colour, Rgb] = {
    Colour.TEXT: (0xF2, 0xF3, 0xF5),
    Colour.GREY: (0x9A, 0x9F, 0xAB),
    Colour.GRID: (0x2A, 0x2F, 0x3B),
    Colour.UP: (0x26, 0xB0, 0x9E),
    Colour.DOWN: (0xF2, 0x5C, 0x57),
    Colour.AMBER: (0xFB, 0xBF, 0x2D),
    Colour.BLUE: (0x4F, 0x9D, 0xFF),
    Colour.PURPLE: (0xB1, 0x8C, 0xFF),
    Colour.GREEN: (0x86, 0xD9, 0x7D),
    Colour.MAGENTA: (0xE0, 0x6C, 0xE0),
    Colour.ORANGE: (0xFF, 0x8A, 0x47),
    Colour.CYAN: (0x4D, 0xD0, 0xE1),
    Colour.PINK: (0xFF, 0x8F, 0xB8),
    Colour.SAND: (0xD7, 0xC4, 0x9A),
    Colour.DIM: (0x5A, 0x61, 0x70),
}
RAMPS: list[tuple[Rgb, Rgb]] = [(GROUND, MIXED[each]) for each in Colour]


def draw_pane(canvas: Canvas, frame: Frame, columns: Columns, times: Sequence[int]) -> None:
    """From what lies behind to what lies before."""
    for x, y, colour in frame.strokes:
        canvas.fill(x, y - 2, x + SWATCH, y + 2, colour)
    if frame.scale is None:
        return
    for series in frame.pane.series:
        if isinstance(series, Path) and series.is_filled:
            _draw_area(canvas, frame, columns, series)
    _draw_grid(canvas, frame, columns, times)
    for i, side in enumerate(frame.pane.sides):
        _draw_side(canvas, frame.scale, round(columns.end) + i * SIDE, side)
    for level in frame.pane.levels:
        if level.is_line and frame.scale.low <= level.value <= frame.scale.high:
            canvas.dash(MARGIN, columns.right, round(frame.scale.y(level.value)) - 1, level.colour)
    for series in frame.pane.series:
        if isinstance(series, Candles):
            _draw_candles(canvas, frame.scale, columns, series)
        elif isinstance(series, Bars):
            _draw_bars(canvas, frame.scale, columns, series)
        else:
            _draw_path(canvas, frame.scale, columns, series)


def _draw_grid(canvas: Canvas, frame: Frame, columns: Columns, times: Sequence[int]) -> None:
    assert frame.scale is not None
    for x in times:
        canvas.fill(x, frame.top, x + 1, frame.bottom, Colour.GRID)
    if frame.pane.has_grid:
        for value, _ in frame.figures:
            y = round(frame.scale.y(value))
            canvas.fill(MARGIN, y, columns.right, y + 1, Colour.GRID)
    if frame.scale.low <= 0 <= frame.scale.high:
        y = round(frame.scale.y(0.0))
        canvas.fill(MARGIN, y, columns.right, y + 1, Colour.DIM)


def _draw_candles(canvas: Canvas, scale: Scale, columns: Columns, candles: Candles) -> None:
    wick = 2 if columns.pitch >= 6 else 1
    body = max(wick, int(columns.pitch * 0.75) // 2 * 2 - (wick == 1))
    for i in range(columns.first, min(columns.n, len(candles.open))):
        if not is_whole(candles, i):
            continue
        opened, high, low, close = (round(scale.y(column[i])) for column in candles[:4])
        colour = Colour.UP if candles.close[i] >= candles.open[i] else Colour.DOWN
        strength = 8 if candles.is_running and i == columns.n - 1 else 15
        left = round(columns.x(i) - body / 2)
        middle = left + (body - wick) // 2
        canvas.fill(middle, high, middle + wick, max(low, high + 1), colour, strength)
        top, bottom = min(opened, close), max(opened, close)
        canvas.fill(left, top, left + body, max(bottom, top + 2), colour, strength)


def _draw_bars(canvas: Canvas, scale: Scale, columns: Columns, bars: Bars) -> None:
    width = max(1, int(columns.pitch * 0.75) // 2 * 2)
    zero = round(scale.y(0.0))
    for i in range(columns.first, min(columns.n, len(bars.values))):
        value = bars.values[i]
        if not is_told(value) or not value:
            continue
        y, left = round(scale.y(value)), round(columns.x(i) - width / 2)
        top, bottom = (min(y, zero - 1), zero) if value > 0 else (zero, max(y, zero + 1))
        canvas.fill(left, top, left + width, bottom, bars.colours[i], bars.strength)


def _draw_path(canvas: Canvas, scale: Scale, columns: Columns, path: Path) -> None:
    for points in _strokes(scale, columns, path):
        canvas.path(points, path.colour, path.thickness)


def _strokes(scale: Scale, columns: Columns, path: Path) -> Iterator[list[tuple[float, float]]]:
    """Points between which the pen is not lifted: for a gap, beyond the scale, or by the path's wish."""
    points: list[tuple[float, float]] = []
    for i in range(columns.first, min(columns.n, len(path.values))):
        is_there = scale.low <= path.values[i] <= scale.high
        if points and (not is_there or i in path.lifts):
            yield points
            points = []
        if is_there:
            points.append((columns.x(i), scale.y(path.values[i])))
    if points:
        yield points


def _draw_area(canvas: Canvas, frame: Frame, columns: Columns, path: Path) -> None:
    """Faintly what lies between a line and zero, or the pane's foot."""
    assert frame.scale is not None
    foot = round(frame.scale.y(0.0)) if frame.scale.low <= 0 <= frame.scale.high else frame.bottom
    for points in _strokes(frame.scale, columns, path):
        canvas.area(points, foot, path.colour, 2)


def _draw_side(canvas: Canvas, scale: Scale, left: int, side: Side) -> None:
    """Bars by price. What lies beyond the scale is cut with it."""
    step, fullest = (side.high - side.low) / max(1, len(side.bins)), max(side.bins, default=0.0)
    for i, each in enumerate(side.bins):
        low, high = side.low + i * step, side.low + (i + 1) * step
        if not fullest > 0 or high <= scale.low or low >= scale.high:
            continue
        top, bottom = round(scale.y(high)), round(scale.y(low))
        is_inside = side.val <= (low + high) / 2 <= side.vah
        width = round(each / fullest * (SIDE - 14))
        end = max(top + 1, bottom - 1) if bottom - top > 2 else bottom
        canvas.fill(left + 10, top, left + 10 + width, end, side.colour, 11 if is_inside else 4)
