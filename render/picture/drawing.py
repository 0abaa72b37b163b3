"""A figure becomes a picture: 1080 x 1080, as a phone shows it best. Pure.

`layout` says where everything stands, `strokes` draws it.
"""

from __future__ import annotations

from typing import NamedTuple

from render.picture import layout, strokes
from render.picture.figure import Figure
from render.picture.labels import SIZE, Label, Labels
from render.picture.png import Canvas


class Drawn(NamedTuple):
    """A picture, the texts on it, and those that are not, or not whole: for the caption."""

    canvas: Canvas
    labels: list[Label]
    left_out: list[str]

    def png(self) -> bytes:
        """The picture as a file; it takes as long as drawing it, so that others may have a turn between the two."""
        return self.canvas.png(strokes.RAMPS)


def draw(figure: Figure) -> Drawn:
    """The figure in pixels. Raises nothing, whatever its values are; those that are not finite are gaps."""
    labels = Labels()
    frames, columns, times = layout.arrange(figure, labels)
    canvas = Canvas(SIZE, SIZE)
    for frame in frames:
        strokes.draw_pane(canvas, frame, columns, times)
    for label in labels.placed:
        if label.is_tag:
            canvas.fill(*label.box, label.colour)
        canvas.text(label.left, label.top, label.text, label.face, label.colour, label.is_tag)
    return Drawn(canvas, labels.placed, labels.left_out)
