"""Makes render/picture/font_data.py: the letters of a font as pixels, once, on a developer's machine.

    pip install Pillow==13.0.0 fontpkg-inter==4.1.post1
    python tools/bake_font.py

The program itself then draws with neither of the two. The font is Inter (SIL Open Font License 1.1, see LICENSE),
whose open shapes and tall small letters are made for screens; its digits are all given the width of the widest,
so that figures stand still while they change.
"""

from __future__ import annotations

import base64
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

DATA = Path(__file__).parent.parent / "render" / "picture" / "font_data.py"
ROOM = 104  # characters of a string in the file, so that its lines stay below 120

ASCII = "".join(map(chr, range(32, 127)))
SIGNS = "–−±×·▲▼…≥≤°Δ€£¥→•"
LATIN = "".join(chr(code) for code in range(0xC0, 0x100) if code not in (0xD7, 0xF7))


class Face(NamedTuple):
    """One size of the font to be baked. weight: 100 to 900. optical: the size that the shapes are made for."""

    name: str
    size: int
    weight: int
    optical: int
    letters: str


FACES = (
    Face("SMALL", 26, 450, 22, ASCII + SIGNS + LATIN),
    Face("MEDIUM", 30, 450, 26, ASCII + SIGNS + LATIN),
    Face("LARGE", 46, 650, 32, ASCII + SIGNS),
)


def font_file() -> Path:
    import fontpkg_inter  # type: ignore[import-untyped]

    return Path(fontpkg_inter.__file__).parent / "files" / "Inter[opsz,wght].ttf"


def bake(face: Face, file: Path) -> tuple[list[int], bytes]:
    """The widths of the letters, and their pixels, column by column, two to a byte: 0 is the ground, 15 the letter."""
    font = ImageFont.truetype(str(file), face.size)
    font.set_variation_by_axes([face.optical, face.weight])
    digits = max(font.getlength(digit) for digit in "0123456789")
    unknown = bytes(font.getmask("\uffff"))
    widths, pixels = [], bytearray()
    for letter in face.letters:
        if letter != " " and bytes(font.getmask(letter)) == unknown:
            raise SystemExit(f"{file.name} has no {letter!r}")
        own = font.getlength(letter)
        width = round(digits if letter.isdigit() else own)
        widths.append(width)
        pixels += bytes(columns(font, letter, width, (width - own) / 2))
    if len(pixels) % 2:
        pixels.append(0)
    return widths, bytes.fromhex("".join(f"{each:x}" for each in pixels))


def columns(font: ImageFont.FreeTypeFont, letter: str, width: int, left: float) -> Iterator[int]:
    """A letter's pixels, the leftmost column first, each from top to bottom."""
    height, baseline = line_of(font)
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((left, baseline), letter, 255, font, anchor="ls")
    for x in range(width):
        for y in range(height):
            strength = image.getpixel((x, y))
            assert isinstance(strength, int)
            yield round(strength / 17)


def line_of(font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """A line's height in pixels, from the top of an accented capital to the foot of a p, and where letters stand."""
    top, foot = font.getbbox("Ä|", anchor="ls")[1], font.getbbox("pgj|", anchor="ls")[3]
    return round(foot - top), round(-top)


def written(file: Path) -> str:
    """The text of font_data.py."""
    lines = [
        '"""Inter 4.1, baked by tools/bake_font.py: do not edit. SIL Open Font License 1.1, see LICENSE.',
        "",
        "Per face: the height of a line, where letters stand in it, the height of a capital, in pixels; what it has",
        "beside ASCII; then, squeezed by zlib and spelt in base 85, the widths of its letters in pixels, a byte each,",
        "and their pixels, column by column, two to a byte.",
        '"""',
        "",
    ]
    for face in FACES:
        widths, pixels = bake(face, file)
        font = ImageFont.truetype(str(file), face.size)
        font.set_variation_by_axes([face.optical, face.weight])
        height, baseline = line_of(font)
        capital = -font.getbbox("H", anchor="ls")[1]
        spelt = base64.b85encode(zlib.compress(bytes(widths) + pixels, 9)).decode()
        lines += [f"{face.name}_LINE = ({height}, {baseline}, {round(capital)})"]
        lines += [f'{face.name}_LETTERS = "{face.letters.removeprefix(ASCII)}"', f"{face.name} = ("]
        lines += [*(f'    "{spelt[i : i + ROOM]}"' for i in range(0, len(spelt), ROOM)), ")"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DATA.write_text(written(font_file()), encoding="utf-8")
    sys.stdout.write(f"{DATA}: {DATA.stat().st_size} bytes\n")
