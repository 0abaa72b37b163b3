"""Answers as the exchanges write them, made of rows; and records looked at."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from mocked import Mocked

from asking.fetch import Fetcher
from exchanges.endpoints import ListEndpoint
from exchanges.words import Candles, Snapshot, Ticker

HOUR_MS = 3_600_000
NEXT_HOUR_MS = 1_700_002_800_000  # after conftest.NOW_MS
MS, S = 1_700_000_000_000 // HOUR_MS * HOUR_MS, 1_700_000_000 // 3600 * 3600
END_MS = MS + HOUR_MS  # a whole hour, 2023-11-14 23:00 UTC
DERIBIT_ROW = {"ticks": MS, "open": 100, "high": 120, "low": 90, "close": 110, "volume": 7, "cost": 700}


def plain(rows: object) -> bytes:
    return json.dumps(rows).encode()


def first_of(rows: list[dict[str, Any]]) -> bytes:
    """An answer that is an object."""
    return plain(rows[0])


def of_bybit(rows: object) -> bytes:
    return plain({"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "time": 1700000000000})


def of_okx(rows: object) -> bytes:
    return plain({"code": "0", "msg": "", "data": rows})


def of_bitget(rows: object) -> bytes:
    return plain({"code": "00000", "msg": "success", "requestTime": 1700000000000, "data": rows})


def of_deribit(rows: list[Any]) -> bytes:
    """Candles as the columns that Deribit writes; a row that is no object spoils all of them."""
    if not all(isinstance(row, dict) and row for row in rows):
        return plain({"result": rows})
    columns = {key: [row[key] for row in rows if key in row] for key in DERIBIT_ROW}
    return plain({"result": {**columns, "status": "ok"}})


def of_deribit_ticker(rows: list[dict[str, Any]]) -> bytes:
    return plain({"jsonrpc": "2.0", "result": rows[0] if rows else {}, "testnet": False})


def of_kraken(rows: object) -> bytes:
    """Candles of spot."""
    return plain({"error": [], "result": {"XXBTZUSD": rows, "last": 1700002800}})


def of_kraken_ticker(rows: list[dict[str, Any]]) -> bytes:
    return plain({"error": [], "result": {"XXBTZUSD": rows[0]}})


def about(figure: float, **options: Any) -> Any:
    """pytest.approx, where a record's type does not allow for it."""
    return pytest.approx(figure, **options)


def rows_of(candles: Candles) -> list[tuple[float, ...]]:
    """Each candle as (open_ms, open, high, low, close, volume)."""
    columns = (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume)
    return list(zip(*columns, strict=True))


async def listed(endpoint: ListEndpoint[Any], body: bytes, status: int = 200) -> list[Any]:
    """The wanted rows of a list, asked for as the bot does."""

    async def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=httpx.ByteStream(body))

    found: list[Any] = []
    await Fetcher(Mocked(handle)).fetch_items(endpoint, found.extend)
    return found


def only(rows: list[tuple[str, Snapshot]]) -> tuple[str, Snapshot]:
    ((symbol, perp),) = rows
    return symbol, perp


def ticker_of(found: tuple[str, Snapshot] | None) -> Ticker:
    assert found is not None
    assert found[1].ticker is not None
    return found[1].ticker
