"""A long answer, cut down to the rows around some moments before anything of it is read.

A card shows what a price was 7 and 30 days ago: eight of the 181 candles that it asks for tell that, and eight of 98
open interests. Reading all of them was half of its CPU. What is cut out is not looked at. What is left is an answer of
the same form, for the same reader with all of its checks; where a row is not found, it is the whole answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exchanges.endpoints import Endpoint
from exchanges.words import Candles

N_NEXT = 3  # rows for a moment: before it, after it, and one more for who asks later what is kept
N_NEWEST = 2  # the last may be running
NEAR = 2048  # bytes around where a row should be, as rows are of about one length
Span = tuple[int, int]


class Form(NamedTuple):
    """How rows stand in an answer's only JSON array: how each begins and ends, and where its time is, for %d.

    unit_ms: of its time.
    """

    begin: bytes
    end: bytes
    time: bytes
    unit_ms: int = 1
    is_newest_first: bool = False


def candles_around(whole: Endpoint[Candles], form: Form, step_ms: int, moments_ms: Sequence[int]) -> Endpoint[Candles]:
    """The same question, of whose answer the rows around moments are read."""

    def parse(body: bytes) -> Candles:
        rows = rows_around(body, form, step_ms, moments_ms)
        return whole.parse(rows) if rows is body else whole.parse(rows).excerpt()

    return whole._replace(parse=parse)


def figures_around(
    whole: Endpoint[list[tuple[int, float]]], form: Form, step_ms: int, moments_ms: Sequence[int]
) -> Endpoint[list[tuple[int, float]]]:
    """Likewise, of figures of the past."""
    return whole._replace(parse=lambda body: whole.parse(rows_around(body, form, step_ms, moments_ms)))


def rows_around(body: bytes, form: Form, step_ms: int, moments_ms: Sequence[int]) -> bytes:
    """The answer with the rows at the moments and the newest ones. step_ms: between rows, at multiples of it."""
    rows = _Rows(body, form)
    if rows.first >= rows.last:
        return body
    spans = [rows.newest()]
    likely, length, before_ms = rows.first, 0, 0
    for at_ms in sorted([each // step_ms * step_ms for each in moments_ms], reverse=form.is_newest_first):
        likely += abs(at_ms - before_ms) // step_ms * length
        if (span := rows.at(at_ms, step_ms, likely)) is None:
            return body
        spans.append(span)
        (likely, end), before_ms = span, at_ms
        length = (end - likely) // N_NEXT
    kept, taken = [], rows.first
    for begin, end in sorted(spans):
        if end > taken:
            kept.append(body[max(begin, taken) : end])
            taken = end + 1  # behind its comma
    return b"%b%b%b" % (body[: rows.first], b",".join(kept), body[rows.last :])


class _Rows:
    """Where rows begin and end in an answer; the first one begins at `first`, and the last one ends at `last`."""

    __slots__ = ("_body", "_form", "first", "last")

    def __init__(self, body: bytes, form: Form) -> None:
        self._body, self._form = body, form
        self.first, self.last = body.find(b"[") + 1, body.rfind(b"]")
        if not (body.startswith(form.begin, self.first) and body.endswith(form.end, self.first, self.last)):
            self.last = 0

    def newest(self) -> Span:
        if self._form.is_newest_first:
            return self.first, self._end(self.first, N_NEWEST)
        return self._begin(self.last, N_NEWEST), self.last

    def at(self, at_ms: int, step_ms: int, likely: int) -> Span | None:
        """The row of a time and the next ones; None where one of the first two is missing, or the order is another."""
        body, form = self._body, self._form
        time, next_time = (form.time % (each // form.unit_ms) for each in (at_ms, at_ms + step_ms))
        found = body.find(time, max(likely - NEAR, self.first), likely + NEAR)
        if found < 0 and (found := body.find(time, self.first, self.last)) < 0:
            return None
        begin = self._begin(found + 1, 1)
        end = self._end(begin, 1 if form.is_newest_first else N_NEXT)
        if form.is_newest_first:
            begin = self._begin(begin, N_NEXT - 1)
        return None if body.find(next_time, begin, end) < 0 else (begin, end)

    def _begin(self, at: int, n: int) -> int:
        """Where the n-th row before a place begins, or the first one."""
        for _ in range(n):
            at = max(self._body.rfind(self._form.begin, self.first, at), self.first)
        return at

    def _end(self, at: int, n: int) -> int:
        """Behind the n-th row from a place on, or the last one."""
        for _ in range(n):
            at = self._body.find(self._form.end, at, self.last) + 1 or self.last
        return at
