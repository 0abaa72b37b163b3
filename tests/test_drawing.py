"""Whole pictures: labels, hard markets, and three that must not change unseen."""

from __future__ import annotations

import hashlib
import io
import itertools
from array import array

import pictures
import pytest
from conftest import together
from PIL import Image

from exchanges.words import Candles
from indicators import Profile
from render.figures import format_amount
from render.picture import charts, drawing, layout
from render.picture.drawing import Drawn
from render.picture.figure import NAN, Colour, Figure, Level, Pane, Path
from render.picture.labels import SIZE, Label, Labels
from render.picture.scales import moments, speller


def seen(drawn: Drawn) -> Image.Image:
    image = Image.open(io.BytesIO(drawn.png()))
    image.load()
    return image.convert("RGB")


def texts(drawn: Drawn) -> list[str]:
    return [label.text for label in drawn.labels]


def check_labels(labels: list[Label]) -> None:
    for label in labels:
        assert 0 <= label.box.left < label.box.right <= SIZE, label
        assert 0 <= label.box.top < label.box.bottom <= SIZE, label
    for one, other in itertools.combinations(labels, 2):
        assert not one.box.overlaps(other.box), (one, other)


@pytest.mark.no_cover
@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.trial) for first in range(50, 500, 50))])
def test_labels_never_overlap(first: int) -> None:
    for seed in range(first, first + 50):
        labels = Labels()
        layout.arrange(pictures.random_figure(seed), labels)
        check_labels(labels.placed)


@pytest.mark.no_cover
@pytest.mark.parametrize("first", [1000, pytest.param(1005, marks=pytest.mark.trial)])
def test_random_figures_are_drawn(first: int) -> None:
    for seed in range(first, first + (5 if first == 1000 else 25)):
        seen(drawing.draw(pictures.random_figure(seed)))


def test_letters_stay_in_their_boxes() -> None:
    """What is drawn in white beyond a headline's box would be letters that claimed too little."""
    drawn = drawing.draw(pictures.whole(pictures.candles()))
    title = next(label for label in drawn.labels if label.text == "BTC-USDT perp")
    image = seen(drawn)
    white = [xy for xy in itertools.product(range(600), range(70)) if image.getpixel(xy) == (0xF2, 0xF3, 0xF5)]
    assert white
    assert all(title.box.left <= x < title.box.right and title.box.top <= y < title.box.bottom for x, y in white)


def test_picture_is_square_and_small() -> None:
    drawn = drawing.draw(pictures.whole(pictures.candles()))
    assert seen(drawn).size == (1080, 1080)
    assert len(drawn.png()) < 60_000


GOLDEN = {
    "candles": "a70a1f89be432aa3",
    "lines": "0a21ef227afde85c",
    "profile": "abc2cd2070a42e92",
}


def golden_figure(name: str) -> Figure:
    of = pictures.candles()
    if name == "candles":
        return pictures.whole(of)
    if name == "profile":
        return pictures.profile(of)
    head = charts.Head("BTC open interest", "7 days", None, 1.33)
    return charts.by_exchange(head, pictures.lines(3), charts.span_of(of, 168), "", format_amount)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_picture(name: str) -> None:
    """After a change that is meant: look at the picture, then write down its new hash."""
    pixels = seen(drawing.draw(golden_figure(name))).tobytes()
    assert hashlib.sha256(pixels).hexdigest()[:16] == GOLDEN[name]


def chart(of: Candles, title: str = "BTC-USDT perp") -> Drawn:
    drawn = drawing.draw(charts.candles(pictures.head(of, title), of, is_running=True))
    check_labels(drawn.labels)
    seen(drawn)
    return drawn


def test_running_candle_is_paler() -> None:
    """Half of the way between the ground and its colour, which the price's tag has in full."""
    of = pictures.candles(1)
    closed = drawing.draw(charts.candles(pictures.head(of), of, is_running=False))
    full = (0x26, 0xB0, 0x9E) if of.close[0] > of.open[0] else (0xF2, 0x5C, 0x57)
    pixels = [{pixel: n for n, pixel in seen(drawn).getcolors(10_000) or []} for drawn in (chart(of), closed)]
    assert pixels[0][full] < pixels[1][full] / 2


def flat(price: float) -> Candles:
    of = pictures.candles()
    column = array("d", [price] * len(of))
    return of._replace(open=column, high=column, low=column, close=column)


def test_flat_prices_stand_in_the_middle() -> None:
    tag = next(label for label in chart(flat(1.0)).labels if label.is_tag)
    assert tag.text == "1.00000"
    assert 300 < tag.box.top < 600


@together("price", [1e-8, 3e-13, 1e6, 1e12, 0.0, 5e-324, 1e99])
def test_prices_of_every_size(price: float) -> None:
    assert any(label.is_tag for label in chart(flat(price)).labels)
    chart(pictures.candles(start=price))


def test_tiny_prices_keep_their_digits() -> None:
    assert {"0.00000001164", "0.0000000109", "0.0000000110"} <= set(texts(chart(pictures.candles(start=1.2e-8))))


def test_million_has_its_commas() -> None:
    assert any(text.count(",") == 2 for text in texts(chart(pictures.candles(start=1.2e6))))


def with_gap(of: Candles) -> Candles:
    """Without the candles from 101 to 117."""
    kept = [i for i in range(len(of)) if not 100 < i < 118]
    open_ms = array("q", [of.open_ms[i] for i in kept])
    columns = (of.open, of.high, of.low, of.close, of.volume)
    opens, highs, lows, closes, volumes = (array("d", [column[i] for i in kept]) for column in columns)
    return of._replace(open_ms=open_ms, open=opens, high=highs, low=lows, close=closes, volume=volumes, taker_buy=None)


def test_gap_stays_a_gap() -> None:
    of = pictures.candles()
    gapped = with_gap(of)
    assert charts.span_of(gapped) == charts.span_of(of)
    placed = charts.span_of(gapped).placed(gapped.open_ms, gapped.close)
    assert [i for i, each in enumerate(placed) if each != each] == list(range(61, 78))
    chart(gapped)


def test_spike_is_cut_and_told() -> None:
    of = pictures.candles()
    high = array("d", of.high)
    high[130] *= 100
    spiked = texts(chart(of._replace(high=high)))
    assert any(text.startswith("▲ ") for text in spiked)
    assert not any(text.startswith("▲ ") for text in texts(chart(of)))
    assert [text for text in texts(chart(of)) if text in spiked and text.endswith(",000")]


def test_no_volume() -> None:
    of = pictures.candles()
    assert "Volume  0 BTC" in texts(chart(of._replace(volume=array("d", [0.0] * len(of)))))


def test_unknown_letters_are_named() -> None:
    drawn = chart(pictures.candles(symbol="币安人生-USDT"), "币安人生-USDT perp")
    assert "币安人生-USDT perp" in drawn.left_out


@pytest.mark.parametrize("n", [3, 30])
def test_legend_of_exchanges(n: int) -> None:
    head, of = charts.Head("BTC open interest", "7 days", None, None), pictures.candles(168)
    figure = charts.by_exchange(head, pictures.lines(n), charts.span_of(of, 168), "", format_amount)
    drawn = drawing.draw(figure)
    check_labels(drawn.labels)
    named = [text for text in texts(drawn) if text.startswith("Exchange ")]
    assert len(named) == min(n, charts.MAX_LINES)
    assert ("6 others" in texts(drawn)) == (n == 30)


def test_long_title_is_cut_and_told() -> None:
    drawn = chart(pictures.candles(), "A" * 100)
    assert "A" * 100 in drawn.left_out
    assert texts(drawn)[1].endswith("…")


def test_figures_that_are_none_are_gaps() -> None:
    values = [NAN, float("inf"), -float("inf"), 1e308, -1e308]
    figure = Figure("t", "s", "", "", Colour.TEXT, 0, 60_000, 5, [Pane(1.0, [Path(values, Colour.BLUE)])])
    assert texts(drawing.draw(figure)) == ["t", "s", "1 Jan"]


def test_nothing_at_all() -> None:
    drawn = drawing.draw(Figure("", "", "", "", Colour.TEXT, 0, 60_000, 0, []))
    assert seen(drawn).getcolors() == [(1080 * 1080, (0x13, 0x17, 0x22))]


def levels(*found: Level) -> Drawn:
    pane = Pane(1.0, [Path([100.0, 110.0], Colour.BLUE)], levels=found)
    return drawing.draw(Figure("t", "", "", "", Colour.TEXT, 0, 60_000, 2, [pane]))


def test_level_far_away_is_told() -> None:
    drawn = levels(Level(500.0, Colour.MAGENTA, stretches=True))
    assert drawn.left_out == ["500.00 (above the picture)"]


def test_level_near_stretches_the_scale() -> None:
    assert "115.00" in texts(levels(Level(115.0, Colour.MAGENTA, stretches=True)))


def test_levels_side_by_side_make_room() -> None:
    close = [Level(105.0 + i / 100, Colour.MAGENTA) for i in range(5)]
    drawn = levels(*close)
    check_labels(drawn.labels)
    assert sum(text.startswith("105.0") for text in texts(drawn)) == 5


def test_axis_hides_under_a_tag() -> None:
    drawn = levels(Level(105.0, Colour.UP, is_tag=True))
    assert [label.is_tag for label in drawn.labels if label.text.startswith("105")] == [True]


@together(
    "step, largest, value, text",
    [
        (1000.0, 65_000.0, 64_000.0, "64,000"),
        (0.5, 12.0, 11.5, "11.5"),
        (1e-9, 1e-8, 1.2e-8, "0.000000012"),
        (1e-14, 5e-13, 4.9e-13, "4.9e-13"),
        (0.1, 1e15, 1e15, "1.000000e+15"),
    ],
)
def test_axis_figures(step: float, largest: float, value: float, text: str) -> None:
    assert speller(step, largest)(value) == text


def test_levels_of_a_profile_have_the_tick() -> None:
    of = pictures.candles()
    lead = Profile(60_000.0, 68_000.0, [1.0] * 48, 64_123.37, 62_000.12, 66_000.88)
    found = texts(drawing.draw(charts.profile(pictures.head(of), of, lead, None, is_running=True, tick=0.5)))
    assert {"POC 64,123.5", "VAH 66,001.0", "VAL 62,000.0"} <= set(found)


def test_end_that_rounds_to_nothing_has_no_sign() -> None:
    of = pictures.candles(60)
    bought, sold = [*[0.0] * 30, *[2000.0] * 30], [*[0.0] * 29, 0.4, *[0.0] * 30]
    flow = pictures.flow(of)._replace(buy=bought, sell=sold)
    found = texts(drawing.draw(charts.candles(pictures.head(of), of, is_running=True, flow=flow)))
    assert "0.0K" in found
    assert "-0.0K" not in found


@together(
    "hours, n, first",
    [(1, 12, "4:00"), (1, 120, "21 Nov"), (4, 120, "9 Nov"), (24, 120, "Aug 2026"), (24, 400, "Nov 2025")],
)
def test_marks_of_time(hours: int, n: int, first: str) -> None:
    step = hours * pictures.HOUR_MS
    begin = pictures.NOW_MS - n * step
    found = [text for _, text in moments(begin, pictures.NOW_MS, step, (140 / 8 if n > 20 else 4) * step)]
    assert found[0] == first


def test_what_stands_beside_candles_is_named_before_a_moment() -> None:
    for hours in range(24):
        of = pictures.candles(160 + hours)
        drawn = drawing.draw(pictures.profile(of))
        assert {"Volume", "Time"} <= set(texts(drawn)), hours


def test_name_that_the_font_lacks_is_left_to_the_caption() -> None:
    said = texts(chart(pictures.candles()._replace(symbol="币安人生-USDT")))
    assert [text for text in said if text.startswith("Volume  ") and text.endswith("K")]
    assert not any("?" in text for text in said)
