"""A long answer, cut down to the rows around some moments before anything of it is read.

A card shows what a price was 7 and 30 days ago: eight of the 181 candles that it asks for tell that, and eight of 98
open interests. Reading all of them was half of its CPU. What is cut out is not looked at. What is left is an answer of
the same form, for the same reader with all of its checks; where a row is not found, it is the whole answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NEAR = 2048  # bytes around where a row should be, as rows are of about one length
N_NEXT = 3  # rows for a moment: before it, after it, and one more for who asks later what is kept


class Form(NamedTuple):
    """How rows stand in a JSON array, oldest first: how each begins and ends, and where its time is, ms for %d."""

    begin: bytes
    end: bytes
    time: bytes


LISTS = Form(b"[", b"]", b"[%d,")  # [[1499040000000,"0.0163",…],[1499043600000,…],…]
OBJECTS = Form(b"{", b"}", b'"timestamp":%d}')  # [{"sumOpenInterest":"7.5",…,"timestamp":1583127900000},…]


def rows_around(body: bytes, form: Form, step_ms: int, moments_ms: Sequence[int]) -> bytes:
    """The answer with the rows at the moments and the newest two, of which the last may be running.

    step_ms: between rows, whose times are multiples of it.
    """
    rows, taken = [], 1  # behind the bracket of the array
    likely = begun_ms = length = 0
    for at_ms in (each // step_ms * step_ms for each in sorted(moments_ms)):
        time = form.time % at_ms
        likely += (at_ms - begun_ms) // step_ms * length
        found = body.find(time, max(likely - NEAR, taken), likely + NEAR)
        if found < 0:  # a hundred rows and more are looked through
            found = body.find(time, taken)
        begin = end = body.rfind(form.begin, taken, found + 1)
        for _ in range(N_NEXT):
            end = body.find(form.end, end) + 1
        if not 0 < begin < end:
            return body
        rows.append(body[begin:end])
        likely, begun_ms, length, taken = begin, at_ms, (end - begin) // N_NEXT, end + 1
    last = body.rfind(form.begin, taken)
    newest = body.rfind(form.begin, taken, last)
    if last < 0:
        return body
    return b"[%b,%b" % (b",".join(rows), body[newest if newest > 0 else last :])
