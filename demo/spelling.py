"""How numbers and times are spelt on the wire, and which candles a request means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import orjson

from demo.web import ENCODER, Reply


def plain(figure: float, decimals: int = 8) -> str:
    return f"{figure:.{decimals}f}"


def short(figure: float, decimals: int = 12) -> str:
    """Without the zeros at the end, and to 14 digits, where a float is still what it was meant to be."""
    if decimals > 12 or not -100 < figure < 100:
        decimals = max(0, min(decimals, 14 - len(str(int(abs(figure))))))
    text = f"{figure:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def iso(at_s: float, timespec: str = "milliseconds") -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def number(text: str | None, otherwise: int) -> int:
    """A whole number from a query."""
    return int(float(text)) if text and text.replace(".", "", 1).isdecimal() else otherwise


def latest(minutes: float, limit: int, begin_ms: int | None, end_ms: int) -> tuple[int, int]:
    """The numbers of the last `limit` candles that open within the times."""
    step = int(minutes * 60_000)
    last = end_ms // step
    first = -(-begin_ms // step) if begin_ms is not None else 0
    return max(first, last - limit + 1), last


def earliest(minutes: float, limit: int, begin_ms: int, end_ms: int) -> tuple[int, int]:
    """The numbers of the first `limit` candles that open within the times."""
    step = int(minutes * 60_000)
    first = -(-begin_ms // step)
    return first, min(end_ms // step, first + limit - 1)


def in_pieces(before: str, rows: Iterable[str], after: str) -> Reply:
    """A list of rows that are JSON already."""
    return Reply(200, f"{before}{','.join(rows)}{after}".encode())


def compact(value: object) -> str:
    """JSON of words in ASCII and of numbers that are whole or from 0.001 on; for others there is `with_floats`."""
    return orjson.dumps(value).decode()


def with_floats(value: object) -> str:
    """JSON whose numbers are all spelt as Python does: 0.00001234 is 1.234e-05."""
    return ENCODER.encode(value)
