"""Pixels, letters and the file they become, which an independent reader (Pillow) opens."""

from __future__ import annotations

import io

import pytest
from conftest import together
from PIL import Image

from render.picture import font
from render.picture.png import Canvas, Rgb

GROUND, RED, BLUE = (16, 16, 16), (255, 0, 0), (0, 0, 255)
COLOURS: list[tuple[Rgb, Rgb]] = [(GROUND, RED), (GROUND, BLUE)]


def seen(canvas: Canvas) -> Image.Image:
    return Image.open(io.BytesIO(canvas.png(COLOURS))).convert("RGB")


def reds(canvas: Canvas) -> int:
    return sum(pixel == RED for pixel in seen(canvas).get_flattened_data())


def test_empty_canvas_is_ground() -> None:
    image = seen(Canvas(7, 5))
    assert image.size == (7, 5)
    assert set(image.get_flattened_data()) == {GROUND}


def test_fill_covers_whole_pixels() -> None:
    canvas = Canvas(10, 10)
    canvas.fill(2, 3, 5, 9, 0)
    assert seen(canvas).getpixel((2, 3)) == seen(canvas).getpixel((4, 8)) == RED
    assert seen(canvas).getpixel((5, 8)) == seen(canvas).getpixel((4, 9)) == GROUND
    assert reds(canvas) == 18


def test_fill_wide_and_high_alike() -> None:
    wide, high = Canvas(10, 10), Canvas(10, 10)
    wide.fill(1, 1, 9, 3, 0)
    high.fill(1, 1, 3, 9, 0)
    assert seen(wide).transpose(Image.Transpose.TRANSPOSE).tobytes() == seen(high).tobytes()


@together("box, n", [((-5, -5, 2, 2), 4), ((8, 8, 99, 99), 4), ((4, 4, 4, 9), 0), ((20, 0, 30, 5), 0)])
def test_fill_is_cut_at_edges(box: tuple[int, int, int, int], n: int) -> None:
    canvas = Canvas(10, 10)
    canvas.fill(*box, 0)
    assert reds(canvas) == n


def test_strength_mixes_with_ground() -> None:
    canvas = Canvas(1, 1)
    canvas.fill(0, 0, 1, 1, 0, 5)
    assert seen(canvas).getpixel((0, 0)) == (96, 11, 11)


def test_flat_line_has_its_thickness() -> None:
    canvas = Canvas(100, 20)
    canvas.path([(10, 10), (90, 10)], 0, 2.0)
    column = [seen(canvas).getpixel((50, y)) for y in range(20)]
    assert [y for y, pixel in enumerate(column) if pixel == RED] == [9, 10]


@together("end", [(90, 12), (90, 30), (90, 90), (30, 90), (12, 90)])
def test_every_slope_is_equally_thick(end: tuple[float, float]) -> None:
    canvas = Canvas(100, 100)
    canvas.path([(10, 10), end], 0, 3.0)
    length = ((end[0] - 10) ** 2 + (end[1] - 10) ** 2) ** 0.5
    ink = sum((red - 16) / 239 * n for n, red in seen(canvas).getchannel("R").getcolors() or [] if isinstance(red, int))
    assert ink / length == pytest.approx(3.0, rel=0.06)


def test_edge_of_slope_is_smooth() -> None:
    canvas = Canvas(100, 40)
    canvas.path([(5, 10), (95, 26.5)], 0, 2.5)
    assert len(set(seen(canvas).get_flattened_data())) > 10


def test_path_beyond_edges_stays_inside() -> None:
    canvas = Canvas(50, 50)
    canvas.path([(-100, -100), (25, 500), (1e9, -1e9)], 0, 3.0)
    assert 0 < reds(canvas) < 2500


def test_single_point_is_a_dot() -> None:
    canvas = Canvas(50, 50)
    canvas.path([(25, 25)], 0, 2.0)
    assert reds(canvas) == 16


def test_stronger_pixel_stays() -> None:
    canvas = Canvas(40, 40)
    canvas.fill(0, 0, 40, 40, 1)
    canvas.path([(0, 5), (40, 25)], 0, 2.5)
    assert set(seen(canvas).get_flattened_data()) == {RED, BLUE}


def test_area_lies_between_line_and_foot() -> None:
    canvas = Canvas(30, 30)
    canvas.area([(0, 10), (30, 20)], 25, 0, 15)
    image = seen(canvas)
    assert [image.getpixel((15, y)) == RED for y in range(30)] == [15 <= y < 25 for y in range(30)]


def test_area_above_foot_and_below() -> None:
    canvas = Canvas(30, 30)
    canvas.area([(0, 5), (10, 5), (10, 25), (30, 25)], 15, 0, 15)
    assert reds(canvas) == 10 * 10 + 20 * 10


def test_dash_leaves_gaps() -> None:
    canvas = Canvas(40, 3)
    canvas.dash(0, 40, 1, 0, thickness=1, on=8, off=6)
    assert [seen(canvas).getpixel((x, 1)) == RED for x in (0, 7, 8, 13, 14)] == [True, True, False, False, True]


def test_text_is_as_wide_as_measured() -> None:
    face, canvas = font.large(), Canvas(400, 80)
    canvas.text(10, 10, "HIHI", face, 0)
    left, top, right, bottom = seen(canvas).point(lambda each: 255 if each > 16 else 0).getbbox() or (0, 0, 0, 0)
    assert 10 <= left <= 15
    assert 0 <= 10 + face.width("HIHI") - right <= 5
    assert (top, bottom) == (10 + face.baseline - face.capital, 10 + face.baseline)


def test_text_on_colour_is_ground() -> None:
    canvas = Canvas(200, 40)
    canvas.fill(0, 0, 200, 40, 0)
    canvas.text(5, 5, "64,401", font.small(), 0, is_on_colour=True)
    image = seen(canvas)
    assert image.getpixel((0, 0)) == RED
    assert GROUND in set(image.get_flattened_data())


@pytest.mark.parametrize("left", [-1, 190])
def test_text_beyond_the_edge_is_refused(left: int) -> None:
    with pytest.raises(ValueError, match="leaves the picture"):
        Canvas(200, 40).text(left, 5, "64,401", font.small(), 0)


def test_digits_are_equally_wide() -> None:
    for face in (font.small(), font.medium(), font.large()):
        assert len({face.width(digit) for digit in "0123456789"}) == 1


def test_letters_are_large_enough() -> None:
    """18/900 of the width at least, the size of a font being some 1.4 times its capitals."""
    assert font.small().capital / 0.727 >= 1080 * 18 / 900


def test_unknown_letter_is_a_question_mark() -> None:
    face = font.small()
    assert face.columns("币") == face.columns("?")
    assert not face.has("币-USDT")
    assert face.has("BTC–USDT −1.2 % ±3 ≥4 ≤5 ▲▼…·× Überfälle")


def test_cut_ends_with_an_ellipsis() -> None:
    face = font.small()
    short = face.cut("a long name of a market", 120)
    assert short.endswith("…")
    assert face.width(short) <= 120
    assert (face.cut("BTC", 200), face.cut("BTC", 3)) == ("BTC", "")
