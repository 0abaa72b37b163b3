"""Letters as pixels. Pure; the atlas is unpacked when a face is first asked for, and then kept (0.4 MiB for all three).

A letter is kept column by column: a text is then its letters' bytes joined, and each of its rows a slice with a step.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache
from typing import NamedTuple

from render.picture import font_data

ASCII = "".join(map(chr, range(32, 127)))
UNKNOWN = "?"  # stands for what the font lacks
_NIBBLES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))


class Face(NamedTuple):
    """A size of the font. line: height of a line; baseline: where letters stand in it; capital: height of an H."""

    line: int
    baseline: int
    capital: int
    letters: dict[str, bytes]

    def width(self, text: str) -> int:
        """Pixels from the left edge of the first letter to the right edge of the last."""
        return sum(len(self.letters.get(letter) or self.letters[UNKNOWN]) for letter in text) // self.line

    def columns(self, text: str) -> bytes:
        """The text's pixels, column by column from top to bottom: 0 is the ground, 15 the letter."""
        unknown = self.letters[UNKNOWN]
        return b"".join([self.letters.get(letter, unknown) for letter in text])

    def has(self, text: str) -> bool:
        """Whether nothing in text would stand as a question mark."""
        return all(letter in self.letters for letter in text)

    def cut(self, text: str, room: int) -> str:
        """text, or as much of it as fits into room with a … behind; nothing where not even that fits."""
        if self.width(text) <= room:
            return text
        while text and self.width(f"{text}…") > room:
            text = text[:-1]
        return f"{text.rstrip()}…" if text else ""


@cache
def small() -> Face:
    """26 pixels: axes, legends, the names of panes."""
    return _unpacked(font_data.SMALL_LINE, font_data.SMALL_LETTERS, font_data.SMALL)


@cache
def medium() -> Face:
    """30 pixels: what stands under the headline."""
    return _unpacked(font_data.MEDIUM_LINE, font_data.MEDIUM_LETTERS, font_data.MEDIUM)


@cache
def large() -> Face:
    """46 pixels, bold: the headline."""
    return _unpacked(font_data.LARGE_LINE, font_data.LARGE_LETTERS, font_data.LARGE)


def _unpacked(metrics: tuple[int, int, int], letters: str, spelt: str) -> Face:
    letters = ASCII + letters
    packed = zlib.decompress(base64.b85decode(spelt))
    widths, line = packed[: len(letters)], metrics[0]
    pixels = packed[len(letters) :].hex().encode().translate(_NIBBLES)
    found, at = {}, 0
    for letter, width in zip(letters, widths, strict=True):
        found[letter] = pixels[at : at + width * line]
        at += width * line
    return Face(*metrics, found)
