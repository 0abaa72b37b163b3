"""Coinbase Exchange: spot, priced in USD; it answers hosts in the US.

Figures are strings in tickers and numbers in candles; errors are {"message": "…"} with an HTTP status. A request
without a User-Agent is refused. Few pairs are quoted in USDT, so USD it is.
Source: Coinbase Exchange REST documentation, 2026.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from time import time
from urllib.parse import quote as percent_encode

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint
from exchanges.errors import BadResponse, Blocked, MarketError, NotSupported, RateLimited, Unavailable, UnknownSymbol
from exchanges.reading import At, Row, change_pct, load, read_candles
from exchanges.words import INTERVALS, Candles, Ratio, Snapshot, Ticker

ID = "coinbase"
NAME = "Coinbase"
HOST = Host("COINBASE", ID, "https://api.exchange.coinbase.com")
REQUESTS = Budget("coinbase requests", 10, 1)
MARKETS = ("spot",)
SPOT_QUOTES = ("USD",)
PERP_QUOTES = ()
MULTIPLIED = ()  # every coin is priced singly
MAX_CANDLES = {"spot": 300}  # of one answer
TAKERS_IN_CANDLES = False
IN_LIST = False
CANDLE_INTERVALS = ("1m", "5m", "15m", "1h", "6h", "1d")


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /products/BTC-USD/stats: the price, and the 24 hours before it."""
    target = f"/products/{percent_encode(symbol, safe='-')}/stats"
    return Endpoint(HOST, target, partial(parse_spot, symbol=symbol), explain, REQUESTS)


def perp(symbol: str, multiplier: int = 1, contract_size: float | None = None) -> dict[str, Endpoint[Snapshot]]:
    """Not asked: MARKETS has no perpetual."""
    raise NotImplementedError


def contract_size(symbol: str, question: str) -> None:
    """There are no contracts."""


def symbols(kind: str) -> ListEndpoint[str]:
    """Every product that is online."""
    return ListEndpoint(HOST, "/products", (), parse_symbol, explain, REQUESTS)


def tickers(kind: str) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
    """There is no list, but an object of all products."""
    return {}


def funding_intervals() -> None:
    """There is no funding."""


def candles(
    symbol: str,
    kind: str,
    interval: str,
    n: int,
    end_ms: int | None = None,
    multiplier: int = 1,
    contract_size: float | None = None,
) -> Endpoint[Candles]:
    """The last n candles before end_ms, the running one among them; those without trades are missing.

    Raises NotSupported for an interval that Coinbase has not.
    """
    if interval not in CANDLE_INTERVALS:
        raise NotSupported(ID, f"no candles of {interval}", "has no such candles")
    step_s = INTERVALS[interval] // 1000
    end_s = (end_ms - 1 if end_ms is not None else int(time() * 1000)) // 1000 // step_s * step_s
    start, end = (
        datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (end_s - (n - 1) * step_s, end_s)
    )
    target = f"/products/{percent_encode(symbol, safe='-')}/candles?granularity={step_s}&start={start}&end={end}"
    return Endpoint(HOST, target, partial(parse_candles, symbol=symbol, interval=interval), explain, REQUESTS)


def open_interest_history(symbol: str, n: int, multiplier: int = 1, contract_size: float | None = None) -> None:
    """There is no open interest."""


def ratios(symbol: str, n: int) -> list[Endpoint[dict[str, list[Ratio]]]]:
    """There are none."""
    return []


def taker_flow(symbol: str, kind: str, interval: str, n: int, multiplier: int = 1) -> None:
    """Coinbase tells no series of taker volume."""


def parse_spot(body: bytes, symbol: str) -> Ticker:
    """{"open": "62000", "high": "63500", "low": "61800", "last": "63000.1", "volume": "9120.5", "volume_30day": …}

    open is of 24 hours ago; volume in base. The turnover and a time are not told.
    """
    row = Row.of(ID, body)
    last = row.needed_price("last")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=last,
        bid=None,
        ask=None,
        high=row.price("high"),
        low=row.price("low"),
        change_pct=change_pct(last, row.price("open")),
        base_volume=row.number("volume"),
        quote_volume=None,
        time_ms=0,
    )


def parse_symbol(row: Row) -> str | None:
    """BTC-USD of {"id": "BTC-USD", "status": "online", "trading_disabled": false, …}."""
    listed = row.get("id")
    is_online = row.get("status") in (None, "online") and row.get("trading_disabled") is not True
    return listed if is_online and isinstance(listed, str) else None


def parse_candles(body: bytes, symbol: str, interval: str) -> Candles:
    """[[1611000000, 36200.1, 36300.5, 36250.0, 36280.2, 12.5], …]

    SECONDS, LOW, HIGH, OPEN, CLOSE, base volume; NEWEST FIRST, the first one running.
    """
    return read_candles((ID, symbol, "spot", INTERVALS[interval]), load(ID, body), At(0, 3, 2, 1, 4, 5), time_ms=1000)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means."""
    said = f"HTTP {status} {body[:160]!r}"
    if status == 404:
        return UnknownSymbol(ID, said)
    if status == 429:
        return RateLimited(ID, said, retry_after_s=2.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500:
        return Unavailable(ID, said, f"answered HTTP {status}")
    return BadResponse(ID, said)
