"""Rows of a long list, read all at once: column by column, as timed.py reads those of the past.

A list of all markets has thousands of figures. By name, row by row, a market costs 10 µs; by columns a third of that.
What is read here is what reading.Row reads of each row, to the bit. Where Row would raise, or a row needs a look of its
own, Odd is raised: then all rows at hand are read one by one, so that an odd row costs itself only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress, repeat
from math import isnan
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from exchanges.finite import is_finite
from exchanges.reading import IN_SECONDS, LATEST_MS, Odd, Row, are_texts, floats_of
from exchanges.words import MAX_FIGURE, MIN_FIGURE, MIN_PRICE

T = TypeVar("T")
R = TypeVar("R", bound=NamedTuple)
_NUMBERS = frozenset([int, float])
_TEXTS = frozenset([str])
_NOTHING = frozenset([type(None)])
_FIGURES = _NUMBERS | _TEXTS | _NOTHING
_WHOLE = frozenset([int])


class Columns:
    """JSON objects of one list, of which one key is read at a time. Its methods are named as Row's, and raise Odd."""

    __slots__ = ("_exchange", "rows")

    def __init__(self, exchange: str, rows: Sequence[Any]) -> None:
        if (kinds := set(map(type, rows))) == {Row}:
            rows = [row.json for row in rows]
        elif not kinds <= {dict}:
            raise Odd("no object")
        self._exchange, self.rows = exchange, rows

    def where(self, wanted: Iterable[object]) -> Columns:
        """The rows at whose places something true stands."""
        return Columns(self._exchange, list(compress(self.rows, wanted)))

    def get(self, key: str) -> Sequence[Any]:
        """The values as they are; None for those that are missing."""
        try:
            return list(map(itemgetter(key), self.rows))
        except KeyError:
            return [row.get(key) for row in self.rows]

    def texts(self, key: str) -> Sequence[str]:
        """Values that are texts, all of them."""
        cells = self.get(key)
        if not are_texts(cells):
            raise Odd(key)
        return cells

    def meant(self, key: str, meanings: Mapping[str, str]) -> Sequence[str]:
        """What each text stands for, all of which are known."""
        try:
            return [meanings[each] for each in self.texts(key)]
        except KeyError as error:
            raise Odd(key) from error

    def numbers(self, key: str, at_least: float = -MAX_FIGURE) -> Sequence[float | None]:
        """at_least: what none can be below; see BOUNDS."""
        figures, told = _figures(key, self.get(key))
        if not told:
            return figures
        least = min(told)
        if least >= MIN_FIGURE >= at_least and sum(told) <= MAX_FIGURE:  # then each is, and none is nan: the rule
            return figures
        if not (least >= at_least and max(told) <= MAX_FIGURE and not isnan(sum(told))):
            raise Odd(key)
        if min(map(abs, told)) >= MIN_FIGURE:
            return figures
        return [0.0 if each is not None and -MIN_FIGURE < each < MIN_FIGURE else each for each in figures]

    def prices(self, key: str) -> Sequence[float | None]:
        figures, told = _figures(key, self.get(key))
        if not all(told):
            figures = [each or None for each in figures]
            told = list(filter(None, told))
        check_prices(key, told)
        return figures

    def needed(self, key: str, at_least: float = -MAX_FIGURE) -> Sequence[float]:
        return _all_told(key, self.numbers(key, at_least))

    def needed_prices(self, key: str) -> Sequence[float]:
        return _all_told(key, self.prices(key))

    def must_be(self, key: str, expected: str) -> Columns:
        if any(stated is not None and stated != expected for stated in self.get(key)):
            raise Odd(key)
        return self

    def must_lack(self, key: str) -> Columns:
        if any(key in row for row in self.rows):
            raise Odd(key)
        return self

    def moments(self, key: str, unit_ms: int = 1) -> Sequence[int]:
        cells = self.get(key)
        if unit_ms != 1 or set(map(type, cells)) != _WHOLE:
            cells = [int(each) * unit_ms for each in self.needed(key)]
        moments: Sequence[int] = cells
        if moments and (not 0 < min(moments) <= max(moments) <= LATEST_MS or min(moments) in IN_SECONDS):
            raise Odd(key)
        return moments

    def wholes(self, key: str) -> Sequence[int | None]:
        figures = self.numbers(key)
        told = list(filter(None, figures))
        if told and not 0 <= min(told) <= max(told) <= LATEST_MS:
            raise Odd(key)
        return [int(each) if each else None for each in figures]

    def read_apart(self, found: list[T], are_apart: Iterable[object], read: Callable[[Row], T | None]) -> list[T]:
        """What was found in these rows, but for those that are not like the others: they are read one by one."""
        for i, is_apart in enumerate(are_apart):
            if is_apart:
                each = read(Row(self._exchange, self.rows[i]))
                if each is None or not is_finite(each):
                    raise Odd("a row that is not wanted, or without bounds")
                found[i] = each
        return found


def records(kind: type[R], *columns: Iterable[Any]) -> list[R]:
    """Named tuples of these columns, as many as the shortest one has.

    By the class itself they would take twice as long: it is a function of Python's, which is called once a row.
    """
    assert len(columns) == len(kind._fields)
    return list(map(tuple.__new__, repeat(kind), zip(*columns, strict=False)))


def _figures(key: str, cells: Sequence[Any]) -> tuple[Sequence[Any], list[float]]:
    """Of whatever size; None for those that are missing. And those that are told."""
    with suppress(TypeError, ValueError):  # one is no text; or "", which is no figure, too
        told = floats_of(cells)
        return told, told
    kinds = frozenset(map(type, cells))
    if not kinds <= _FIGURES:
        raise Odd(key)
    if kinds == _NOTHING:
        return cells, []
    if kinds <= _NUMBERS:
        with suppress(OverflowError):
            told = list(map(float, cells))
            return told, told
    try:
        figures = [None if each is None or each == "" else float(each) for each in cells]
        return figures, [each for each in figures if each is not None]
    except (ValueError, OverflowError) as error:
        raise Odd(key) from error


def check_prices(key: str, prices: Sequence[float]) -> None:
    """Raises Odd where one is none."""
    if not prices:
        return
    least = min(prices)
    is_well = least >= MIN_PRICE and sum(prices) <= MAX_FIGURE  # of all: then each is, and none is nan
    if not (is_well or (least >= MIN_PRICE and max(prices) <= MAX_FIGURE and not isnan(sum(prices)))):
        raise Odd(key)


def _all_told(key: str, figures: Sequence[float | None]) -> Sequence[Any]:
    if None in figures:
        raise Odd(key)
    return figures
