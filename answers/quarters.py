"""Liquidations by quarters of an hour, as a store keeps them: sums of each side, and the largest single positions.

Pure. What a quarter does not name singly is what is left of its sums, so that nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from exchanges.words import Liquidation
from store.words import Quarter

QUARTER_MS = 15 * 60_000
LARGEST = 8  # single positions of a quarter that are kept: as many as an answer names


def quarters_of(exchange: str, base: str, rows: Sequence[Liquidation], begin_ms: int, end_ms: int) -> list[Quarter]:
    """The full quarters from begin to end, those without any liquidation too."""
    by_quarter: dict[int, list[Liquidation]] = {
        quarter_ms: []
        for quarter_ms in range(-(-begin_ms // QUARTER_MS) * QUARTER_MS, end_ms - QUARTER_MS + 1, QUARTER_MS)
    }
    for row in rows:
        of_quarter = by_quarter.get(row.time_ms // QUARTER_MS * QUARTER_MS)
        if of_quarter is not None:
            of_quarter.append(row)
    return [_quarter(exchange, base, quarter_ms, of) for quarter_ms, of in by_quarter.items()]


def _quarter(exchange: str, base: str, quarter_ms: int, rows: Sequence[Liquidation]) -> Quarter:
    longs, shorts, unsided = (_dollars(rows, side) for side in ("long", "short", ""))
    single = sorted(
        (row for row in rows if row.price is not None and row.dollars), key=lambda row: -(row.dollars or 0.0)
    )
    largest = orjson.dumps([tuple(row) for row in single[:LARGEST]]).decode()
    return Quarter(exchange, base, quarter_ms, longs, shorts, unsided, largest)


def rows_of(quarter: Quarter) -> list[Liquidation]:
    """Single positions, and of each side what else there was."""
    single = [Liquidation(*row) for row in orjson.loads(quarter.largest)]
    sums = (("long", quarter.longs), ("short", quarter.shorts), ("", quarter.unsided))
    rest = [(side, dollars - _dollars(single, side)) for side, dollars in sums]
    return [
        *single,
        *(Liquidation(quarter.quarter_ms, side, None, dollars) for side, dollars in rest if dollars > 0.005),
    ]


def unbroken(quarters: Iterable[Quarter], since_ms: int) -> list[Quarter]:
    """Those that follow each other from that moment on, oldest first; none where the first of them is missing."""
    found, next_ms = [], since_ms
    for quarter in quarters:
        if quarter.quarter_ms != next_ms:
            break
        found.append(quarter)
        next_ms += QUARTER_MS
    return found


def _dollars(rows: Iterable[Liquidation], side: str) -> float:
    return float(sum(row.dollars or 0.0 for row in rows if row.side == side))
