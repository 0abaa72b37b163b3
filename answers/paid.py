"""What a coin's perpetuals paid: the past of funding, which /funding sums up and /chart funding draws.

Of each exchange the contract that it is known for: the first of its dollars. Exchanges pay every 1, 2, 4 or 8 hours, or
all the time; sums over days are comparable whatever the period.

Memory: up to 720 rows an exchange, kept by the market's cache for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from exchanges.endpoints import Endpoint
from exchanges.errors import UnknownSymbol
from exchanges.exchange import Exchange
from exchanges.words import MINUTE_MS, Page, Paid
from market import Market

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAYS = (7, 30)
MAX_PAGES = 8  # OKX's: 720 hours, a hundred a page
PAID_S = 300.0  # a new row comes every hour at most
LONGEST_PERIOD_MS = 8 * HOUR_MS


async def paid_at(market: Market, exchange: Exchange, base: str, days: int = DAYS[-1]) -> list[Paid]:
    """What was paid over the last days, oldest first; fewer where the market is younger. Raises MarketError."""
    since_ms = market.now_ms() // HOUR_MS * HOUR_MS - days * DAY_MS
    rows = await _rows_since(market, exchange, f"{base}-{exchange.quotes['perp'][0]}", since_ms)
    times = {at // MINUTE_MS * MINUTE_MS: rate for at, rate in rows if at > since_ms}  # Hyperliquid's is some ms later
    return [Paid(at, rate) for at, rate in sorted(times.items()) if at > since_ms]


async def _rows_since(market: Market, exchange: Exchange, symbol: str, since_ms: int) -> list[Paid]:
    spellings = market.spellings(exchange, "perp", symbol)
    async for of in spellings:
        with spellings:
            exchange.require("funding_history", of.kind, of.quote)
            question = exchange.funding_history(of, since_ms, market.now_ms())
            found = await _pages_of(market, question)
            if not found:
                raise UnknownSymbol(exchange.id, f"nothing was paid for {of.listed}")
            return found
    raise spellings.unknown


async def _pages_of(market: Market, question: Callable[[str], Endpoint[Page[Paid]]]) -> list[Paid]:
    found: list[Paid] = []
    cursor = ""
    for _ in range(MAX_PAGES):
        page = await market.cached(question(cursor), PAID_S)
        found += page.rows
        cursor = page.cursor
        if not cursor:
            break
    return found


def paid_over(rows: Sequence[Paid], days: int, now_ms: int) -> float | None:
    """The sum over the last days, a fraction; None where the rows do not reach back so far."""
    since_ms = now_ms - days * DAY_MS
    if not rows or rows[0].time_ms > since_ms + LONGEST_PERIOD_MS:
        return None
    return sum(rate for at, rate in rows if at > since_ms)


def rates_per_8h(rows: Sequence[Paid]) -> list[tuple[int, float]]:
    """Each payment as of 8 hours: it was for the time since the one before it; the first one's is the second's."""
    steps = [after.time_ms - before.time_ms for before, after in pairwise(rows)]
    periods = [round(step / HOUR_MS) for step in (*steps[:1], *steps)]
    return [(row.time_ms, row.rate * 8 / hours) for row, hours in zip(rows, periods, strict=False) if 0 < hours <= 8]
