"""The one place where everything that was read of an exchange is looked at once more: its figures have bounds.

Each figure is checked where it is read (reading.Row, read_candles); what is worked out of several (per coin, in
dollars, in coins) is not, but where a record says of itself that it was (Candles.is_bounded, Bounded). Whatever leaves
the exchange modules passes here, on its way out of asking/fetch.py and accounts.py, row by row or whole: an infinite
figure, or one that is no number, costs its record, not an answer.

Sums do it, as they carry infinity and nan along, column by column where there are many rows of a kind. And what no
market can have is none either (BOUNDS): a volume or an open interest below zero, a price that fell by more than all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf, isfinite
from operator import itemgetter
from typing import Any, TypeVar

from exchanges.errors import Unlikely
from exchanges.words import Book, Candles, Flow, Funding, Liquidation, OpenInterest, Page, Paid, Ratio, Snapshot, Ticker

T = TypeVar("T")
FEW = 8  # rows, for which finding out their kinds would cost more than their figures
MAX_RATE = 1.0  # of funding per period; the highest cap of an exchange is 0.04 an hour
MAX_PERIOD_H = 168.0
MAX_BEYOND = 1.2  # times the day's high that the last price can be; by as much below its low
MAX_QUOTED = 2.0  # as far may quotes go, which move where nobody trades
MAX_CROSSED = 1.05  # times the best ask that the best bid can be: the two are not always of one moment
BOUNDS: dict[type, tuple[tuple[str, float, float], ...]] = {
    Ticker: (("change_pct", -100.0, inf), ("base_volume", 0.0, inf), ("quote_volume", 0.0, inf)),
    OpenInterest: (("open_interest", 0.0, inf), ("open_interest_quote", 0.0, inf)),
    Funding: (("funding_rate", -MAX_RATE, MAX_RATE), ("funding_interval_h", 0.0, MAX_PERIOD_H)),
    Paid: (("rate", -MAX_RATE, MAX_RATE),),
    Liquidation: (("size", 0.0, inf), ("dollars", 0.0, inf)),
}
"""Of a record's figures, where they are told: the least and the most that they can be."""


class Bounded(list[T]):
    """Rows as their reader made them: every figure within its bounds, and of the past each of another moment.

    What is made of them does not say so.
    """

    __slots__ = ()


MAX_DEPTH = 4  # of a page with rows of figures: what is nested deeper is JSON that is yet to be read


def finite(exchange: str, record: T) -> T:
    """The record itself; where it repeats rows of the past to the letter, with each of them once. Raises Unlikely."""
    if not is_finite(record):
        raise Unlikely(exchange, f"a figure without bounds in a {type(record).__name__}")
    has_twice = _OF_MOMENTS.get(type(record))
    if has_twice is None or not has_twice(record):
        return record
    once: T = _once(record)
    if has_twice(once):
        raise Unlikely(exchange, f"one moment is told twice in a {type(record).__name__}")
    return once


def _once(record: Any) -> Any:
    """Rows of the past without those that are told already: pages that overlap have some."""
    if isinstance(record, Page):
        return record._replace(rows=_once(record.rows))
    if isinstance(record, Flow):
        rows = dict.fromkeys(zip(record.open_ms, record.buy, record.sell, strict=True))
        open_ms, buy, sell = map(list, zip(*rows, strict=True))
        return record._replace(open_ms=open_ms, buy=buy, sell=sell)
    if isinstance(record, dict):
        return {name: _once(rows) for name, rows in record.items()}
    return list(dict.fromkeys(record)) if isinstance(record, list) else record


def finite_rows(rows: list[T]) -> list[T]:
    """Those of the rows that are finite: the list itself, but for a lie."""
    return (
        rows if not rows or type(rows) is Bounded or _are_finite(rows) else [each for each in rows if is_finite(each)]
    )


def _are_finite(rows: Sequence[Any]) -> bool:
    """Rows of one kind, most often (symbol, Snapshot): their columns are added up, which takes next to no time."""
    try:
        return isfinite(sum(filter(None, rows)))
    except TypeError:  # they are no numbers
        kinds = set(map(type, rows))
    if type(None) in kinds:
        return _are_finite([each for each in rows if each is not None])
    if kinds == _TEXT:
        return True
    if len(kinds) == 1 and isinstance(rows[0], tuple):
        with suppress(ValueError):  # of several lengths
            columns = list(zip(*rows, strict=True))
            return all(map(_are_finite, columns)) and _are_within(kinds.pop(), columns)
    return all(map(is_finite, rows))


def _are_within(kind: type, columns: Sequence[Sequence[Any]]) -> bool:
    """Whether the figures of records of a kind, column by column, can be."""
    for place, least, most in _PLACES.get(kind, ()):
        told = [each for each in columns[place] if each is not None]
        if told and not (least <= min(told) and (most == inf or max(told) <= most)):  # they are finite
            return False
    return True


def _is_within(record: tuple[Any, ...]) -> bool:
    return all(record[place] is None or least <= record[place] <= most for place, least, most in _PLACES[type(record)])


def is_finite(record: Any, depth: int = 0) -> bool:
    """Whether all figures in a record are numbers with bounds: of one of words.py, or of anything made of such."""
    check = _CHECKS.get(type(record))
    if check is not None:
        return check(record)
    if type(record) is list and len(record) > FEW:
        return depth >= MAX_DEPTH or _are_finite(record)
    if isinstance(record, (tuple, list)):
        return depth >= MAX_DEPTH or all(is_finite(each, depth + 1) for each in record)
    if isinstance(record, dict):
        return depth >= MAX_DEPTH or all(is_finite(each, depth + 1) for each in record.values())
    return True


def _has_twice(rows: Sequence[Any]) -> bool:
    """Whether rows of the past tell one moment twice: which of the two is true, nobody knows, and sums would have both.

    Of liquidations and of money that came and went, many are of one moment.
    """
    if not rows or type(rows[0]) not in _A_MOMENT_EACH or type(rows[0][0]) is not int:
        return False
    return len(set(map(itemgetter(0), rows))) < len(rows)


def _ticker(of: Ticker) -> bool:
    _, _, last, bid, ask, high, low, change, base, quote, time_ms = of
    some = (bid or 0.0) + (ask or 0.0) + (high or 0.0) + (low or 0.0) + (change or 0.0) + (base or 0.0)
    is_ordered = (not low or not high or low <= high) and (not bid or not ask or bid <= MAX_CROSSED * ask)
    is_ordered = is_ordered and (not high or (last <= MAX_BEYOND * high and (bid or 0.0) <= MAX_QUOTED * high))
    is_ordered = is_ordered and (not low or (last * MAX_BEYOND >= low and (ask or last) * MAX_QUOTED >= low))
    return isfinite(last + some + (quote or 0.0) + time_ms) and is_ordered and _is_within(of)


def _book(of: Book) -> bool:
    bid, ask = of
    return isfinite((bid or 0.0) + (ask or 0.0)) and (not bid or not ask or bid <= MAX_CROSSED * ask)


def _interest(of: OpenInterest) -> bool:
    return isfinite((of[0] or 0.0) + (of[1] or 0.0)) and _is_within(of)


def _funding(of: Funding) -> bool:
    rate, interval_h, next_ms, mark, _ = of
    return isfinite(rate + (interval_h or 0.0) + (next_ms or 0) + (mark or 0.0)) and _is_within(of)


def _paid(of: Paid) -> bool:
    return isfinite(of.time_ms + of.rate) and _is_within(of)


def _liquidation(of: Liquidation) -> bool:
    return isfinite(of.time_ms + (of.size or 0.0) + (of.price or 0.0) + (of.dollars or 0.0)) and _is_within(of)


def _snapshot(of: Snapshot) -> bool:
    ticker, interest, funding = of
    return (
        (ticker is None or _ticker(ticker))
        and (interest is None or _interest(interest))
        and (funding is None or _funding(funding))
    )


def _candles(of: Candles) -> bool:
    if of.is_bounded:
        return True
    columns = (of.open, of.high, of.low, of.close, of.volume, of.quote_volume, of.taker_buy)
    return isfinite(sum(map(sum, filter(None, columns))))


def _flow(of: Flow) -> bool:
    sums = sum(of.buy), sum(of.sell)
    return all(map(isfinite, sums)) and min((*of.buy, *of.sell), default=0.0) >= 0


def _none(of: object) -> bool:
    return True


_PLACES: dict[type, tuple[tuple[int, float, float], ...]] = {
    kind: tuple((kind._fields.index(name), least, most) for name, least, most in bounds)  # type: ignore[attr-defined]
    for kind, bounds in BOUNDS.items()
}
_TEXT = frozenset((str,))
_CHECKS: dict[type, Callable[[Any], bool]] = {
    **dict.fromkeys((str, int, bool, bytes, type(None), frozenset, Bounded), _none),
    float: isfinite,
    Ticker: _ticker,
    Book: _book,
    OpenInterest: _interest,
    Funding: _funding,
    Paid: _paid,
    Liquidation: _liquidation,
    Snapshot: _snapshot,
    Candles: _candles,
    Flow: _flow,
}
_A_MOMENT_EACH = frozenset((tuple, Ratio, Paid))  # rows whose first figure is the moment that they are of
_OF_MOMENTS: dict[type, Callable[[Any], bool]] = {
    list: _has_twice,
    Page: lambda page: _has_twice(page.rows),
    dict: lambda by_name: any(type(rows) is list and _has_twice(rows) for rows in by_name.values()),
    Flow: lambda flow: len(set(flow.open_ms)) < len(flow.open_ms),
}
