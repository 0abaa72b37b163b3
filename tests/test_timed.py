"""Rows of a moment and a figure: read all at once they say what they say one by one."""

from __future__ import annotations

import random
from typing import Any

import pytest
from conftest import together

from exchanges.errors import BadResponse, WrongMarket
from exchanges.reading import Row, rows_read
from exchanges.timed import timed_rows

T = 1_700_000_000_000
ODD: tuple[Any, ...] = (
    *(
        "",
        None,
        True,
        [],
        {},
        "x",
        "nan",
        "inf",
        "-inf",
        "1,2",
        -1,
        0,
        "0",
        1e31,
        -1e31,
        "1e-300",
        5e-324,
        2.5,
        "1e400",
    ),
    *(2**64 - 1, "9" * 400, 4_102_444_800_001, "0.999999", 1.0000001),
)


def one_by_one(rows: object, unit_ms: int = 1, stated: str = "", *, is_share: bool = False) -> list[tuple[int, float]]:
    def read(row: Row) -> tuple[int, float]:
        if stated:
            row.must_be("symbol", stated)
        return row.moment("t", unit_ms), row.share("v") if is_share else row.needed("v")

    return rows_read("x", rows, read)


def said(read: Any, *arguments: Any, **more: Any) -> Any:
    """What it gives, or the kind of its error and what that says."""
    try:
        return read(*arguments, **more)
    except BadResponse as error:
        return type(error), error.detail


def test_texts_and_numbers_in_their_order() -> None:
    rows = [{"t": str(T), "v": "-0.5"}, {"t": T - 1, "v": 3}, {"t": f"{T - 2}", "v": 1e-7}]
    assert timed_rows("x", rows, "t", "v") == [(T, -0.5), (T - 1, 3.0), (T - 2, 1e-7)]


def test_seconds_are_told_in_milliseconds() -> None:
    assert timed_rows("x", [{"t": "1700000000", "v": 1}], "t", "v", unit_ms=1000) == [(T, 1.0)]


def test_another_market_is_refused_and_an_unstated_one_believed() -> None:
    rows = [{"t": T, "v": 1, "symbol": "AB"}, {"t": T, "v": 1, "symbol": "CD"}]
    with pytest.raises(WrongMarket):
        timed_rows("x", rows, "t", "v", stated=("symbol", "AB"))
    assert timed_rows("x", [{"t": T, "v": 1}], "t", "v", stated=("symbol", "AB")) == [(T, 1.0)]


@together("odd", ODD)
def test_an_odd_figure_costs_its_row(odd: object) -> None:
    rows: list[dict[str, object]] = [{"t": T + i, "v": 0.25} for i in range(8)]
    rows[3] = {"t": T, "v": odd}
    assert timed_rows("x", rows, "t", "v") == one_by_one(rows)
    assert timed_rows("x", rows, "t", "v", is_share=True) == one_by_one(rows, is_share=True)
    rows[3] = {"t": odd, "v": 0.25}
    assert timed_rows("x", rows, "t", "v") == one_by_one(rows)


@together("rows", [None, {}, "x", 5, [], [1], [[]], [{}], [None], [{"t": T}], [{"v": 1}]])
def test_what_is_no_list_of_such_rows(rows: object) -> None:
    assert said(timed_rows, "x", rows, "t", "v") == said(one_by_one, rows)


def test_what_stands_instead_is_read_where_the_figure_is_missing() -> None:
    rows = [{"t": T, "v": 1}, {"t": T, "w": 2}, {"t": T, "v": "", "w": 3}]
    assert timed_rows("x", rows, "t", "v", instead="w") == [(T, 1.0), (T, 2.0), (T, 3.0)]


def test_random_lists_say_the_same() -> None:
    dice = random.Random(20)
    for _ in range(2_000):
        rows: list[Any] = [
            {"t": dice.choice((T, str(T))), "v": dice.choice((0.5, "0.5", 0)), "symbol": "AB"}
            for _ in range(dice.randrange(9))
        ]
        for _ in range(dice.randrange(3)):
            if rows:
                row = dice.choice(rows)
                row[dice.choice(("t", "v", "symbol"))] = dice.choice((*ODD, "AB", "CD"))
        is_share = dice.random() < 0.3
        at_once = said(timed_rows, "x", rows, "t", "v", unit_ms=1, stated=("symbol", "AB"), is_share=is_share)
        assert at_once == said(one_by_one, rows, 1, "AB", is_share=is_share), rows
