"""Pixels, and the PNG that they become. Pure: a bytearray and zlib, nothing else.

A picture of 1080 x 1080 takes 1.2 MiB while it is drawn. Each pixel is a byte: one of 16 colours, and how strong it is,
0 to 15. The palette mixes each colour with the dark ground in that many steps, so that edges of lines and letters are
smooth although nothing is ever blended: where two things meet, the stronger one stays.

Source: PNG (ISO/IEC 15948), §11 for the chunks, §9 for filters; filter 0 squeezes best where there is a palette.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

from render.picture.font import Face

FULL = 15  # the strength of an unmixed colour
LEVEL = 5  # of zlib: 6 ms and 42 kB; level 3 takes 4 ms and 50 kB, level 6 8 ms and 39 kB
_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Rgb = tuple[int, int, int]


class Canvas:
    """Width x height pixels of ground. Whatever is drawn beyond an edge is cut there.

    x grows to the right, y down. Shapes take the number of a colour, 0 to 15.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._stride = width + 1  # each row begins with the number of its filter, 0
        self._pixels = bytearray(self._stride * height)

    def png(self, colours: Sequence[tuple[Rgb, Rgb]]) -> bytes:
        """The picture as a file. colours: for each number what it is mixed from (mostly the ground) and to."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        body = zlib.compress(self._pixels, LEVEL)
        chunks = ((b"IHDR", header), (b"PLTE", palette(colours)), (b"IDAT", body), (b"IEND", b""))
        return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)

    def fill(self, left: int, top: int, right: int, bottom: int, colour: int, strength: int = FULL) -> None:
        """A rectangle of whole pixels, right and bottom not included."""
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        if left >= right or top >= bottom:
            return
        value, pixels, stride = bytes([colour << 4 | strength]), self._pixels, self._stride
        first, last = top * stride + 1, bottom * stride
        if right - left < bottom - top:  # the fewer slices, the sooner
            run = value * (bottom - top)
            for x in range(left, right):
                pixels[first + x : last : stride] = run
            return
        run = value * (right - left)
        for start in range(first + left, last, stride):
            pixels[start : start + right - left] = run

    def dash(self, left: int, right: int, y: int, colour: int, thickness: int = 2, on: int = 8, off: int = 6) -> None:
        """A horizontal dashed line; what it crosses shows between the dashes."""
        for x in range(left, right, on + off):
            self.fill(x, y, min(x + on, right), y + thickness, colour)

    def area(self, points: Sequence[tuple[float, float]], foot: int, colour: int, strength: int) -> None:
        """What lies between a line and the row `foot`, column of pixels by column of pixels."""
        value, pixels, stride = bytes([colour << 4 | strength]), self._pixels, self._stride
        run, foot = value * self.height, min(max(foot, 0), self.height)
        for (x0, y0), (x1, y1) in pairwise(points):
            first, last = max(0, round(x0)), min(self.width, round(x1))
            slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
            for x in range(first, last):
                y = min(max(round(y0 + (x - x0) * slope), 0), self.height)
                top, bottom = (y, foot) if y < foot else (foot, y)
                pixels[top * stride + 1 + x : bottom * stride : stride] = run[top:bottom]

    def path(self, points: Iterable[tuple[float, float]], colour: int, thickness: float) -> None:
        """A smooth line through points, which are moved inside the picture; with a single one, a dot."""
        points = [self._inside(x, y, thickness) for x, y in points]
        if len(points) == 1:
            (x, y), half = points[0], math.ceil(thickness)
            self.fill(round(x) - half, round(y) - half, round(x) + half, round(y) + half, colour)
        for (x0, y0), (x1, y1) in pairwise(points):
            if abs(x1 - x0) >= abs(y1 - y0):
                self._stroke(x0, y0, x1, y1, 1, self._stride, colour << 4, thickness)
            else:
                self._stroke(y0, x0, y1, x1, self._stride, 1, colour << 4, thickness)

    def _inside(self, x: float, y: float, margin: float) -> tuple[float, float]:
        return min(max(x, margin), self.width - margin), min(max(y, margin), self.height - margin)

    def _stroke(
        self, a0: float, b0: float, a1: float, b1: float, step_a: int, step_b: int, colour: int, thickness: float
    ) -> None:
        """A straight piece. a: along which it advances pixel by pixel; b: across, where its edges are softened.

        Its extent across grows with the slope, so that steep and flat pieces look equally thick; both ends reach half a
        pixel too far, which closes the joints.
        """
        if a0 > a1:
            a0, b0, a1, b1 = a1, b1, a0, b0
        slope = (b1 - b0) / (a1 - a0) if a1 > a0 else 0.0
        extent = thickness * math.sqrt(1 + slope * slope)
        pixels, full, first_k = self._pixels, colour | FULL, math.ceil(a0 - 1)
        low = b0 + (first_k + 0.5 - a0) * slope - extent / 2
        for start in range(1 + first_k * step_a, 1 + math.ceil(a1) * step_a, step_a):
            first, high = int(low), low + extent
            i, last = start + first * step_b, int(high)
            strength = int((first + 1 - low) * 15.99)
            if pixels[i] & 15 < strength:
                pixels[i] = colour | strength
            i += step_b
            for _ in range(first + 1, last):
                pixels[i] = full
                i += step_b
            strength = int((high - last) * 15.99)
            if pixels[i] & 15 < strength:
                pixels[i] = colour | strength
            low += slope

    def text(self, left: int, top: int, text: str, face: Face, colour: int, is_on_colour: bool = False) -> None:
        """A line of letters on the ground, or (is_on_colour) letters of the ground on the full colour.

        It covers what is beneath. It has to lie inside the picture, but for its empty rows.
        """
        steps = range(15, -1, -1) if is_on_colour else range(16)
        ramp = bytes(colour << 4 | step if step else 0 for step in steps).ljust(256, b"\0")
        columns = face.columns(text).translate(ramp)
        width = len(columns) // face.line
        if left < 0 or left + width > self.width:
            raise ValueError(f"{text!r} at {left} leaves the picture")
        for y in range(max(0, -top), min(face.line, self.height - top)):
            start = (top + y) * self._stride + 1 + left
            self._pixels[start : start + width] = columns[y :: face.line]


def palette(colours: Sequence[tuple[Rgb, Rgb]]) -> bytes:
    """256 colours of three bytes: 16 steps for each of at most 16."""
    steps = [
        round(start + (end - start) * step / FULL)
        for begin, full in colours
        for step in range(16)
        for start, end in zip(begin, full, strict=True)
    ]
    return bytes(steps).ljust(768, b"\0")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
