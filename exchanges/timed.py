"""Rows of a moment and figures, of which answers about the past are made: read all at once, or one by one.

A card asks for a hundred of them, of which it needs two. Read by name, each costs 8 µs; column by column a tenth of
that. A list in which anything is odd is read row by row, so that an odd row costs itself only.
"""

from __future__ import annotations

from contextlib import suppress
from math import isnan
from typing import Any

from exchanges.reading import FIGURES, LATEST_MS, MAX_ROWS, Row, rows_read
from exchanges.words import MAX_FIGURE, MIN_FIGURE

Timed = tuple[int, float]


def timed_rows(
    exchange: str,
    rows: object,
    time: str,
    figure: str,
    *,
    unit_ms: int = 1,
    stated: tuple[str, str] | None = None,
    is_share: bool = False,
) -> list[Timed]:
    """(ms, figure) of each row of a JSON list of objects, in its order.

    time, figure: keys of the objects. unit_ms: of one unit of time. stated: a key, and what every row that has it must
    say there. is_share: the figure is one, 0 to 1. Raises BadResponse as rows_read does; WrongMarket.
    """
    with suppress(ValueError, TypeError, LookupError, AttributeError, OverflowError):
        if isinstance(rows, list) and (found := _at_once(rows, time, figure, unit_ms, stated, is_share)) is not None:
            return found

    def read(row: Row) -> Timed:
        if stated is not None:
            row.must_be(*stated)
        return row.moment(time, unit_ms), row.share(figure) if is_share else row.needed(figure)

    return rows_read(exchange, rows, read)


def _at_once(
    rows: list[Any], time: str, figure: str, unit_ms: int, stated: tuple[str, str] | None, is_share: bool
) -> list[Timed] | None:
    """None, or any of the errors above, where one of the rows needs a look of its own."""
    if not rows or len(rows) > MAX_ROWS:
        return None
    if stated is not None and any(row.get(stated[0], stated[1]) != stated[1] for row in rows):
        return None
    times = [int(each) * unit_ms for each in _numbers([row[time] for row in rows])]
    figures = list(map(float, _numbers([row[figure] for row in rows])))
    least, most = (0.0, 1.0) if is_share else (-MAX_FIGURE, MAX_FIGURE)
    amounts = list(filter(None, map(abs, figures)))
    is_sound = (
        0 < min(times) <= max(times) <= LATEST_MS
        and least <= min(figures) <= max(figures) <= most
        and not isnan(sum(figures))
        and (not amounts or min(amounts) >= MIN_FIGURE)
    )
    return list(zip(times, figures, strict=True)) if is_sound else None


def _numbers(cells: list[Any]) -> list[Any]:
    kinds = set(map(type, cells))
    if not kinds <= FIGURES:
        raise TypeError("a figure is neither a number nor a text")
    return list(map(float, cells)) if str in kinds else cells
