"""CoinGecko: market capitalisations. No exchange; it is asked for nothing else.

Keyless, it allows a handful of requests a minute, so its one list is kept for long (market.py).
Source: CoinGecko API v3 documentation, 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

from typing import NamedTuple

from exchanges.endpoints import Budget, Host, ListEndpoint
from exchanges.errors import Blocked, MarketError, RateLimited, Reason, Unavailable, unexplained
from exchanges.reading import Row, is_name

ID = "coingecko"
NAME = "CoinGecko"
HOST = Host("COINGECKO", ID, "https://api.coingecko.com")
REQUESTS = Budget("coingecko requests", 5, 60)
ROWS = 250  # of a page: every coin that is traded much


class MarketCap(NamedTuple):
    """What all coins in circulation are worth, in dollars, and the dollars of one, by which a namesake is told."""

    base: str
    market_cap: float
    price: float


def market_caps() -> ListEndpoint[MarketCap]:
    """The largest coins, the largest first. Several may have one name."""
    query = f"vs_currency=usd&order=market_cap_desc&per_page={ROWS}&page=1&sparkline=false"
    return ListEndpoint(HOST, f"/api/v3/coins/markets?{query}", (), parse_market_cap, explain, REQUESTS)


def parse_market_cap(row: Row) -> MarketCap | None:
    """{"symbol": "btc", "current_price": 63000.1, "market_cap": 1241000000000, …}; any figure may be null."""
    base, value, each = row.get("symbol"), row.number("market_cap"), row.price("current_price")
    return MarketCap(base.upper(), value, each) if is_name(base) and value and value > 0 and each else None


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means."""
    said = f"HTTP {status} {body[:160]!r}"
    if status == 429:
        return RateLimited(ID, said, retry_after_s=60.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500:
        return Unavailable(ID, said, Reason.HTTP_STATUS, status)
    return unexplained(ID, status, said)
