"""A long answer, cut down to the rows around some moments before anything of it is read.

A card shows what a price was 7 and 30 days ago: eight of the 181 candles that it asks for tell that, and eight of 98
open interests. To read all of them took 3.6 of a card's 8.2 million instructions. What is cut out is not looked at.
What is left is an answer of the same form, for the same reader with all of its checks; where a row is not found, it is
the whole answer.
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
        return whole.parse(rows) if rows is body else whole.parse(rows)._replace(is_excerpt=True)

    return whole._replace(parse=parse)


def figures_around(
    whole: Endpoint[list[tuple[int, float]]], form: Form, step_ms: int, moments_ms: Sequence[int]
) -> Endpoint[list[tuple[int, float]]]:
    """Likewise, of figures of the past."""
    return whole._replace(parse=lambda body: whole.parse(rows_around(body, form, step_ms, moments_ms)))


def rows_around(body: bytes, form: Form, step_ms: int, moments_ms: Sequence[int]) -> bytes:
    """The answer with the rows at the moments and the newest ones. step_ms: between rows, at multiples of it."""
    first, last = body.find(b"[") + 1, body.rfind(b"]")
    if not (body.startswith(form.begin, first) and body.endswith(form.end, first, last)):
        return body
    spans = [_newest(body, form, first, last)]
    likely, length, before_ms = first, 0, 0
    for at_ms in sorted([each // step_ms * step_ms for each in moments_ms], reverse=form.is_newest_first):
        likely += abs(at_ms - before_ms) // step_ms * length
        if (span := _rows_at(body, form, first, last, at_ms, step_ms, likely)) is None:
            return body
        spans.append(span)
        (likely, end), before_ms = span, at_ms
        length = (end - likely) // N_NEXT
    kept, taken = [], first
    for begin, end in sorted(spans):
        if end > taken:
            kept.append(body[begin if begin > taken else taken : end])
            taken = end + 1  # behind its comma
    return b"%b%b%b" % (body[:first], b",".join(kept), body[last:])


def _newest(body: bytes, form: Form, first: int, last: int) -> Span:
    """Where the newest rows begin and end."""
    begin, end = (first, first) if form.is_newest_first else (last, last)
    for _ in range(N_NEWEST):
        if form.is_newest_first:
            end = body.find(form.end, end, last) + 1 or last
        else:
            begin = body.rfind(form.begin, first, begin)
            begin = first if begin < 0 else begin
    return begin, end


def _rows_at(body: bytes, form: Form, first: int, last: int, at_ms: int, step_ms: int, likely: int) -> Span | None:
    """Where the row of a time begins, and the next ones end, or the other way round. None where one of the first two is
    missing, or the order is another. likely: where it should be."""
    time, next_time = form.time % (at_ms // form.unit_ms), form.time % ((at_ms + step_ms) // form.unit_ms)
    found = body.find(time, likely - NEAR if likely > NEAR else first, likely + NEAR)
    if found < 0 and (found := body.find(time, first, last)) < 0:
        return None
    begin = body.rfind(form.begin, first, found + 1)
    end = body.find(form.end, found, last) + 1
    for _ in range(N_NEXT - 1):
        if form.is_newest_first:
            begin = body.rfind(form.begin, first, begin)
        else:
            end = body.find(form.end, end, last) + 1
    if begin < 0 or end <= 0 or body.find(next_time, begin, end) < 0:
        return None
    return begin, end
