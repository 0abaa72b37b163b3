"""Rows of a moment and figures, of which answers about the past are made: read all at once, or one by one.

A card asks for a hundred of them, of which it needs two. Read by name, each costs 8 µs; column by column a tenth of
that. A list in which anything is odd is read row by row, so that an odd row costs itself only.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from operator import lt
from typing import Any

from exchanges.finite import Bounded
from exchanges.reading import IN_SECONDS, LATEST_MS, MAX_ROWS, Row, floats, rows_read, whole_ms
from exchanges.words import MAX_FIGURE, MIN_FIGURE

Timed = tuple[int, float]


def timed_rows(
    exchange: str,
    rows: object,
    time: str,
    figure: str,
    *,
    instead: str = "",
    unit_ms: int = 1,
    stated: tuple[str, str] | None = None,
    is_share: bool = False,
) -> list[Timed]:
    """(ms, figure) of each row of a JSON list of objects, in its order.

    time, figure: keys of the objects; instead: of the figure where that one is missing. unit_ms: of one unit of time.
    stated: a key, and what every row that has it must say there. is_share: the figure is one, 0 to 1. Raises
    BadResponse as rows_read does; WrongMarket.
    """
    if (found := _rows_at_once(rows, time, figure, stated, unit_ms, is_share)) is not None:
        return found

    def read(row: Row) -> Timed:
        if stated is not None:
            row.must_be(*stated)
        key = instead if instead and row.number(figure) is None else figure
        return row.moment(time, unit_ms), row.share(key) if is_share else row.needed(key)

    return rows_read(exchange, rows, read)


def _rows_at_once(
    rows: object, time: str, figure: str, stated: tuple[str, str] | None, unit_ms: int, is_share: bool
) -> list[Timed] | None:
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        return None
    try:
        if stated is not None:
            key, expected = stated
            if [row[key] for row in rows].count(expected) != len(rows):
                return None
        times, figures = [row[time] for row in rows], [row[figure] for row in rows]
    except (TypeError, LookupError, AttributeError):
        return None
    return at_once(times, figures, unit_ms, is_share=is_share)


def at_once(
    times: Sequence[Any], figures: Sequence[Any], unit_ms: int = 1, *, is_share: bool = False
) -> list[Timed] | None:
    """(ms, figure) of two columns of JSON of one length; None where one of them needs a look of its own."""
    try:
        moments, told = whole_ms(times, unit_ms), floats(figures)
    except (ValueError, TypeError, OverflowError):
        return None
    if not told:
        return None
    in_order = sorted(moments)  # as they are told, most often: that costs less than to seek the first and the last
    is_sound = 0 < in_order[0] <= in_order[-1] <= LATEST_MS and in_order[0] not in IN_SECONDS
    is_sound = is_sound and all(map(lt, in_order, in_order[1:])) and _are_bounded(told, is_share)
    return Bounded(zip(moments, told, strict=True)) if is_sound else None


def _are_bounded(figures: Sequence[float], is_share: bool) -> bool:
    least = min(figures)
    if least >= MIN_FIGURE and sum(figures) <= MAX_FIGURE:  # then each of them is, and none is nan: the rule
        return not is_share or max(figures) <= 1.0
    lowest, highest = (0.0, 1.0) if is_share else (-MAX_FIGURE, MAX_FIGURE)
    amounts = list(filter(None, map(abs, figures)))
    return (
        lowest <= least <= max(figures) <= highest
        and not isnan(sum(figures))
        and (not amounts or min(amounts) >= MIN_FIGURE)
    )
