"""No answer within the limits holds the loop for long while it is read: told by the calls that reading it takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from conftest import NOW_MS, a_perp, a_spot, together

from asking.fetch import MAX_VALUES
from exchanges import binance, bybit, okx
from exchanges.errors import BadResponse, MarketError
from exchanges.reading import MAX_ODD, MAX_ROWS, RowsRead, rows_read

MAX_CALLS = 120_000  # some 20 ms of CPU; each odd row costs several
HOUR_MS = 3_600_000
Parse = Callable[[bytes], Any]
OF = a_perp("BTC-USDT")
READERS: dict[str, tuple[Parse, Callable[[list[Any]], Any]]] = {
    "candles of Binance": (lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1h"), lambda rows: rows),
    "candles of OKX": (lambda body: okx.parse_candles(body, OF, "1h"), lambda rows: {"code": "0", "data": rows}),
    "history of Bybit": (
        lambda body: bybit.parse_open_interest_history(body, OF),
        lambda rows: {"retCode": 0, "result": {"category": "linear", "symbol": "BTCUSDT", "list": rows}},
    ),
}


def row(i: int, close: str = "2") -> list[Any]:
    at = NOW_MS // HOUR_MS * HOUR_MS - i * HOUR_MS
    return [at, "2", "3", "1", close, "7", at + HOUR_MS - 1, "14", 1, "1", "2", "0"]


def calls_of(parse: Parse, body: bytes) -> int:
    """Of Python's functions and of C's."""
    n_calls = 0

    def called(frame: FrameType, event: str, argument: object) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        with pytest.raises(MarketError):
            parse(body)
    finally:
        sys.setprofile(None)
    return n_calls


@together("reader", READERS)
@together("each", [{}, [], 0, "", None])
def test_as_many_rows_of_nothing_as_fit(reader: str, each: Any) -> None:
    parse, wrapped = READERS[reader]
    body = json.dumps(wrapped([each] * (MAX_VALUES - 100)), separators=(",", ":")).encode()
    assert calls_of(parse, body) < MAX_CALLS


@together(
    "rows",
    [
        [row(0)] * 3300,  # in no order of time
        [row(i, "99") for i in range(3300)],  # each odd
        [row(i, "99" if i % 2 else "2") for i in range(3300)],
        [row(i, "99" if i % 2 or i < 9 else "2") for i in range(1999)],
    ],
    ids=["one again and again", "all odd", "half", "a few more than half"],
)
def test_as_many_candles_as_fit(rows: list[Any]) -> None:
    parse, _ = READERS["candles of Binance"]
    assert calls_of(parse, json.dumps(rows).encode()) < MAX_CALLS


@together("odd", [{3}, {0}, {999}, {3, 4, 500}, set(range(0, 1000, 5)), set(range(400))])
def test_odd_candles_are_found_wherever_they_stand(odd: set[int]) -> None:
    rows = [row(i, "99" if i in odd else "2") for i in reversed(range(1000))]
    found = binance.parse_candles(json.dumps(rows).encode(), a_spot("BTC-USDT"), "1h")
    assert (len(found), found.n_odd) == (1000 - len(odd), len(odd))
    assert list(found.open_ms) == sorted(row(i)[0] for i in range(1000) if i not in odd)


def test_candles_in_disorder_are_none_though_each_could_be_one() -> None:
    rows = [row(5), row(3), row(4), row(2)]
    with pytest.raises(BadResponse, match="order of time"):
        binance.parse_candles(json.dumps(rows).encode(), a_spot("BTC-USDT"), "1h")


def test_a_list_that_is_too_long_is_none() -> None:
    assert len(rows_read("x", [{}] * MAX_ROWS, lambda row: 1)) == MAX_ROWS
    with pytest.raises(BadResponse, match="at most"):
        rows_read("x", [{}] * (MAX_ROWS + 1), lambda row: 1)


def test_a_list_of_odd_rows_is_not_read_to_its_end() -> None:
    reading = RowsRead[float]("x")
    with pytest.raises(BadResponse):
        reading.read([{}] * 30_000, lambda row: row.needed("a"))
    assert reading.n_rows == MAX_ODD + 1
