"""Rows of figures, read without the quotes of their texts: as orjson reads them with these, or not at all."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import product
from typing import Any

import orjson
import pytest
from conftest import together

from exchanges.binance import parse_candles
from exchanges.columns import Columns
from exchanges.errors import BadResponse
from exchanges.reading import MANY_TEXTS, At, Odd, Row, floats_of, load, load_figures, read_candles
from exchanges.timed import timed_rows
from exchanges.words import Candles, Listing

OF = Listing("spot", "BTC-USDT", "BTC-USDT")
ROW = '[1700000000000,"10.5","11.0","10.0","10.7","3.25",1700000059999,"34.1",8,"1.5","15.9","0"]'


def candles(*rows: str) -> Candles:
    return parse_candles(f"[{','.join(rows)}]".encode(), OF, "1m")


def test_figures_are_the_ones_that_the_texts_say() -> None:
    rng = random.Random(5)
    texts = [repr(rng.uniform(0, 10.0 ** rng.randint(-12, 12))) for _ in range(2000)]
    body = orjson.dumps([[1, *texts[at : at + 10]] for at in range(0, 2000, 10)])
    assert [float(each) for row in load("x", body) for each in row] == [
        each for row in load_figures("x", body) for each in row
    ]


def test_candles_of_texts() -> None:
    told = candles(ROW)
    assert (told.open[0], told.high[0], told.low[0], told.close[0], told.volume[0]) == (10.5, 11.0, 10.0, 10.7, 3.25)


@together("text", ["", " ", "x", "null", "true", "[]", "{}", "1,2", "1],[2", "0x1", "--1", "NaN", "1e999"])
def test_text_that_is_no_figure_spoils_its_candle(text: str) -> None:
    """As it did with its quotes: no figure moves into the place of another."""
    with pytest.raises(BadResponse):
        candles(ROW.replace("10.7", text))
    others = [ROW.replace("1700000000000", str(1_700_000_000_000 + n * 60_000)) for n in (1, 2, 3)]
    assert candles(ROW.replace("10.7", text), *others).n_odd == 1


@together("cell", ["true", "false", "null", "[10.7]", "{}", '{"10.7":1}'])
def test_cell_that_is_no_figure_spoils_its_candle(cell: str) -> None:
    with pytest.raises(BadResponse):
        candles(ROW.replace('"3.25"', cell))  # its volume: true would be one
    others = [ROW.replace("1700000000000", str(1_700_000_000_000 + n * 60_000)) for n in (1, 2, 3)]
    assert candles(ROW.replace('"3.25"', cell), *others).n_odd == 1


@pytest.mark.parametrize("text", ["1_0.7", "+10.7"])
def test_figure_that_json_writes_otherwise_is_read_from_its_text(text: str) -> None:
    assert candles(ROW.replace("10.7", text)).close[0] == 10.7


@together("cell", ["[]", "{}", "[5]", '"[5]"', '"{}"'])
def test_rows_with_a_nested_cell_are_not_of_nothing_but_figures(cell: str) -> None:
    assert type(load_figures("x", f"[[1,{cell}],[2,3]]".encode())) is list


@together("cell", ["[5]", "{}", "true", "null"])
def test_candles_of_many_with_a_cell_that_is_no_figure(cell: str) -> None:
    """A list times a million is a list of millions."""
    of = Listing("perp", "BABYDOGE-USDT", "1MBABYDOGE-USDT", 1_000_000)
    with pytest.raises(BadResponse, match="neither a number nor a text"):
        parse_candles(f"[{ROW}]".replace('"3.25"', cell).encode(), of, "1m")


@together("body", [b"", b"{", b'{"code":-1121,"msg":"Invalid symbol."}', b"[1,2]", b'["a"]', b"[]", b"7"])
def test_what_is_no_rows_is_as_load_reads_it(body: bytes) -> None:
    try:
        expected = load("x", body)
    except BadResponse:
        with pytest.raises(BadResponse):
            load_figures("x", body)
    else:
        assert load_figures("x", body) == expected


TOLD = ("1", "-2.50", "0", "1e5", "007", "1.", "+5", "1_0", " 5 ", "9" * 30, "1e400", "nan", "inf", "5e-324", "0.1")
UNTOLD = ("", " ", "x", "null", "true", "false", '"5"', "[5]", "{}", "1,2", "1],[2", "-", "1e")


def test_texts_say_what_float_reads() -> None:
    rng = random.Random(6)
    for _ in range(500):
        texts = [repr(rng.uniform(0, 10.0 ** rng.randint(-12, 25))) for _ in range(rng.choice((3, MANY_TEXTS)))]
        texts += rng.choices(TOLD, k=rng.choice((0, 0, 1)))
        assert repr(floats_of(texts)) == repr(list(map(float, texts)))


@together("text", UNTOLD)
def test_text_that_is_no_figure_is_found_out(text: str) -> None:
    for texts in ([text], ["1", text, "2"], [text, ""], ["[1", text, "2]"]):
        for others in ([], ["1.5"] * MANY_TEXTS):
            with pytest.raises(ValueError, match="could not convert"):
                floats_of([*others, *texts])


@together("cell", [5, 5.0, None, True, [], {}, b"5"])
def test_cell_that_is_no_text_is_found_out(cell: Any) -> None:
    with pytest.raises(TypeError):
        floats_of(["1", cell])


def test_infinite_figures_are_none() -> None:
    assert not any(math.isinf(each) for row in (load_figures("x", b'[["1e308"]]')) for each in row)


PRICES = (0.0, -1.0, 1e-19, 1e-18, 4.0, 5.0, 1e30, 1e31, math.nan, math.inf, -math.inf)


def can_be(begin: float, high: float, low: float, end: float) -> bool:
    """What the prices of a candle have to be, each by itself."""
    are_prices = all(1e-18 <= each <= 1e30 for each in (begin, high, low, end))
    return are_prices and low <= min(begin, end) and max(begin, end) <= high


def test_prices_that_a_candle_can_have() -> None:
    for prices in product(PRICES, repeat=4):
        rows = [[1_700_000_000_000, *map(repr, prices), "3.25"]]
        try:
            told = read_candles("x", OF, 60_000, rows, At(0, 1, 2, 3, 4, 5))
        except BadResponse:
            assert not can_be(*prices), prices
        else:
            assert can_be(*prices), prices
            assert (told.open[0], told.high[0], told.low[0], told.close[0]) == prices


TEXTS = ("", "x", "1,2", "nan", "-1", "0", "1e31", "1e-30", "1e999", "2.5")
CELLS: tuple[Any, ...] = (*TEXTS, -1, 0, 1.5, 2**63, 1e25, True, None, [5.0], {})
MORE = (*CELLS, 1_700_000_060_000, "1700000060000", 1_700_000_060_000.0, 1_700_000_120_001)


@together("seed", range(300))
def test_candles_say_the_same_with_quotes_and_without(seed: int) -> None:
    draw = random.Random(seed)
    rows = [orjson.loads(each) for each in at_minutes(*range(8))]
    for _ in range(draw.choice((1, 1, 2, 5))):
        rows[draw.randrange(8)][draw.randrange(12)] = draw.choice(MORE)
    if seed % 10 == 0:
        draw.choice((rows.reverse, rows.pop, rows[3].pop))()
    body = orjson.dumps(rows)
    texts = said(lambda: read_candles("binance", OF, 60_000, load("x", body), At(0, 1, 2, 3, 4, 5, 7, 9)))
    assert said(lambda: parse_candles(body, OF, "1m")) == texts, rows


def said(read: Callable[[], Candles]) -> str:
    try:
        return repr(vars(read()))
    except BadResponse as error:
        return type(error).__name__


def at_minutes(*minutes: float) -> list[str]:
    return [ROW.replace("1700000000000", str(1_700_000_000_000 + int(each * 60_000))) for each in minutes]


@together(
    "minutes, is_of_a_minute",
    [
        ((0, 1, 2, 3, 4, 5), True),
        ((0, 60), True),  # nothing was traded in between
        ((0, 15, 30, 45, 60, 75), False),  # of a quarter
        ((0, 60, 120, 180, 240, 300), False),  # of an hour
        ((0, 60, 120, 180, 240), True),  # too few to tell quiet from it
        ((0, 60, 120, 180, 240, 301), True),
        ((0, 7, 14, 21, 28, 35), True),  # seven minutes are nobody's interval
        ((0, 0.5), False),
        ((0, 0.5, 2, 3), False),  # as many as there should be, at other times
        ((0, 1, 2.25), False),
    ],
)
def test_candles_of_another_interval(minutes: tuple[float, ...], is_of_a_minute: bool) -> None:
    """An hour's volume is no day's, and a day's candles are no hours between which nothing was traded."""
    if is_of_a_minute:
        assert len(candles(*at_minutes(*minutes))) == len(minutes)
    else:
        with pytest.raises(BadResponse, match="apart are not of 60 s"):
            candles(*at_minutes(*minutes))


@together(
    "told, is_moment",
    [(1_763_906_602_000, True), (1_763_906_602, False), (1_763_906_602_000_000, False), (-5, False)],
)
def test_a_moment_is_told_in_ms(told: int, is_moment: bool) -> None:
    """Binance's closeTime in seconds was shown as 1970."""
    rows = [{"t": told + i, "f": "5"} for i in range(3)]
    if is_moment:
        assert Row("x", rows[0]).moment("t") == told
        assert Row("x", {"t": told // 1000}).moment("t", 1000) == told
        assert timed_rows("x", rows, "t", "f") == [(told, 5.0), (told + 1, 5.0), (told + 2, 5.0)]
        assert Columns("x", rows).moments("t") == [told, told + 1, told + 2]
    else:
        with pytest.raises(BadResponse):
            Row("x", rows[0]).moment("t")
        with pytest.raises(BadResponse):
            timed_rows("x", rows, "t", "f")
        with pytest.raises(Odd):
            Columns("x", rows).moments("t")
