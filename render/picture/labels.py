"""Where letters stand: every label claims its box, and none ever covers another one or leaves the picture. Pure."""

from __future__ import annotations

from typing import NamedTuple

from render.picture.figure import Colour
from render.picture.font import Face

SIZE = 1080  # pixels a side: kept unscaled by Telegram, which has 1280 as its limit
NUDGE = 96  # pixels that a label may stand beside the place where it belongs


class Box(NamedTuple):
    """Whole pixels; right and bottom are not included."""

    left: int
    top: int
    right: int
    bottom: int

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Label(NamedTuple):
    """A text where it stands. top: of its line, which has empty rows above its letters; box: what it claims."""

    text: str
    left: int
    top: int
    face: Face
    colour: Colour
    box: Box
    is_tag: bool = False


class Labels:
    """Who stands where. First come, first served."""

    def __init__(self) -> None:
        self.placed: list[Label] = []
        self.left_out: list[str] = []

    def put(self, text: str, left: int, middle: int, face: Face, colour: Colour, is_tag: bool = False) -> bool:
        """text with its capitals centred on the row `middle`, if there is room."""
        if not text:
            return True
        top = middle + face.capital // 2 - face.baseline
        pad = 8 if is_tag else 2
        foot = middle + face.capital // 2 + (pad if is_tag else face.line - face.baseline)
        box = Box(left - pad, middle - face.capital // 2 - pad, left + face.width(text) + pad, foot)
        if box.left < 0 or box.top < 0 or box.right > SIZE or box.bottom > SIZE:
            return False
        if any(box.overlaps(other.box) for other in self.placed):
            return False
        self.placed.append(Label(text, left, top, face, colour, box, is_tag))
        if not face.has(text):
            self.leave_out(text)
        return True

    def put_near(self, text: str, left: int, middle: int, face: Face, colour: Colour, is_tag: bool = False) -> bool:
        """The same, as near as there is room above or below."""
        for away in range(0, NUDGE, 4):
            if self.put(text, left, middle + away, face, colour, is_tag):
                return True
            if away and self.put(text, left, middle - away, face, colour, is_tag):
                return True
        return False

    def leave_out(self, text: str) -> None:
        if text not in self.left_out:
            self.left_out.append(text)
