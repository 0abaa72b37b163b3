"""Coinbase Exchange: spot, priced in USD; it answers hosts in the US.

Figures are strings in tickers and numbers in candles; errors are {"message": "…"} with an HTTP status. A request
without a User-Agent is refused. Few pairs are quoted in USDT, so USD it is.
Source: Coinbase Exchange REST documentation, 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, percent_encode
from exchanges.errors import (
    Blocked,
    MarketError,
    NotTraded,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import At, Row, change_pct, is_name, load, moment_ms, read_candles
from exchanges.words import INTERVALS, Book, Candles, Last, Listing, Ticker

ID = "coinbase"
HOST = Host("COINBASE", ID, "https://api.exchange.coinbase.com")
REQUESTS = Budget("coinbase requests", 10, 1)
WORDS = {each: str(INTERVALS[each] // 1000) for each in ("1m", "5m", "15m", "1h", "6h", "1d")}


def _name(of: Listing) -> str:
    """The product in a path; it is spelt as here."""
    return percent_encode(of.listed)


class Coinbase(Exchange):
    """One site. Every coin is priced singly; of all products there is no list of prices, but an object."""

    id = ID
    name = "Coinbase"
    hosts = (HOST,)
    quotes = {"spot": ("USD",)}
    intervals = {"spot": WORDS}
    max_candles = {"spot": 300}
    tells = {"candles": ("spot",)}
    unnamed = {"spot": ("ticker", "candles")}
    leaves_out_candles = True
    is_timed_by_trades = True

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /products/BTC-USD/stats: the price, and the 24 hours before it."""
        target = f"/products/{_name(of)}/stats"
        return Endpoint(HOST, target, partial(parse_spot, of=of), explain, REQUESTS)

    def last_again(self, of: Listing) -> Endpoint[Last]:
        """GET /products/BTC-USD/ticker: neither this nor the statistics state the product."""
        target = f"/products/{_name(of)}/ticker"
        return Endpoint(HOST, target, partial(parse_last, of=of), explain, REQUESTS, part="last")

    def book(self, of: Listing) -> Endpoint[Book] | None:
        """GET /products/BTC-USD/ticker: the statistics have no bid and ask."""
        return Endpoint(HOST, f"/products/{_name(of)}/ticker", parse_book, explain, REQUESTS)

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every product that is online."""
        return ListEndpoint(HOST, "/products", (), parse_symbol, explain, REQUESTS)

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """GET /products/BTC-USD/candles, between two moments."""
        step_s = INTERVALS[interval] // 1000
        end_s = (now_ms if end_ms is None else end_ms - 1) // 1000 // step_s * step_s
        start, end = (
            datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for each in (end_s - (n - 1) * step_s, end_s)
        )
        target = f"/products/{_name(of)}/candles?granularity={WORDS[interval]}&start={start}&end={end}"
        return Endpoint(HOST, target, partial(parse_candles, of=of, interval=interval), explain, REQUESTS)


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """{"open": "62000", "high": "63500", "low": "61800", "last": "63000.1", "volume": "9120.5", "volume_30day": …}

    open is of 24 hours ago; volume in base. The turnover, a time and the market are not told: see last_again. Of a
    product that never traded last is "0" or missing; one that is delisted keeps its last.
    """
    row = _traded(Row.of(ID, body), "last", of)
    last = row.needed_price("last")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
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


def parse_book(body: bytes) -> Book:
    """{"price": "63000.1", "bid": "63000.0", "ask": "63000.2", "volume": …, "time": …}: the market is not told."""
    row = Row.of(ID, body)
    return Book(row.price("bid"), row.price("ask"))


def parse_last(body: bytes, of: Listing) -> Last:
    """{"price": "63000.1", "size": "0.002", "volume": "9120.5", "time": "2026-10-02T02:13:33.012523Z", …}

    The last trade, which may be of years ago. The market is not told.
    """
    row = _traded(Row.of(ID, body), "price", of)
    return Last(row.needed_price("price"), moment_ms(row.get("time")))


def _traded(row: Row, last: str, of: Listing) -> Row:
    """The row itself. Raises NotTraded where it tells no last price, and no volume."""
    price = row.number(last)
    if price == 0 or (price is None and row.number("volume") == 0):
        raise NotTraded(ID, f"{of.listed} has no trades")
    return row


def parse_symbol(row: Row) -> str | None:
    """BTC-USD of {"id": "BTC-USD", "status": "online", "trading_disabled": false, …}."""
    listed = row.get("id")
    is_online = row.get("status") in (None, "online") and row.get("trading_disabled") is not True
    return listed if is_online and is_name(listed) else None


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """[[1611000000, 36200.1, 36300.5, 36250.0, 36280.2, 12.5], …]

    SECONDS, LOW, HIGH, OPEN, CLOSE, base volume; NEWEST FIRST, the first one running. The market is not told.
    """
    return read_candles(ID, of, INTERVALS[interval], load(ID, body), At(0, 3, 2, 1, 4, 5), time_ms=1000)


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
        return Unavailable(ID, said, Reason.HTTP_STATUS, status)
    return unexplained(ID, status, said)
