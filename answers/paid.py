"""What a coin's perpetuals paid: the past of funding, which /funding sums up and /chart funding draws.

Of each exchange the contract that it is known for: the first of its dollars. Exchanges pay every 1, 2, 4 or 8 hours, or
all the time; sums over days are comparable whatever the period.

Memory: up to 720 payments an exchange, of 16 bytes, kept by the market's cache for some minutes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from exchanges.endpoints import Endpoint
from exchanges.errors import BadResponse, UnknownSymbol
from exchanges.exchange import Exchange
from exchanges.gaps import refuse_future
from exchanges.words import MINUTE_MS, Page, Paid
from market import Market

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAYS = (7, 30)
MAX_PAGES = 8  # OKX's: 720 hours, a hundred a page
PAID_S = 300.0  # a new row comes every hour at most
LONGEST_PERIOD_MS = 8 * HOUR_MS


class Past(NamedTuple):
    """What was paid, oldest first, as columns: when, in ms, and a fraction."""

    at_ms: array[int]
    rate: array[float]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, float]]) -> Past:
        """Payments in any order. Of those in one minute the last counts: Hyperliquid pays some ms later."""
        rates = {at // MINUTE_MS * MINUTE_MS: rate for at, rate in rows}
        at_ms = sorted(rates)
        return cls(array("q", at_ms), array("d", [rates[at] for at in at_ms]))


def paid_at(market: Market, exchange: Exchange, base: str, days: int = DAYS[-1]) -> Awaitable[Past]:
    """What was paid over the last days; fewer where the market is younger. Raises MarketError."""
    since_ms = market.now_ms() // HOUR_MS * HOUR_MS - days * DAY_MS
    load = _paid_since(market, exchange, f"{base}-{exchange.quotes['perp'][0]}", since_ms)
    return market.cached_load((exchange.id, "paid", base, since_ms), PAID_S, load)


async def _paid_since(market: Market, exchange: Exchange, symbol: str, since_ms: int) -> Past:
    spellings = market.spellings(exchange, "perp", symbol)
    async for of in spellings:
        with spellings:
            exchange.require("funding_history", of.kind, of.quote)
            found = await _pages_of(market, exchange.funding_history(of, since_ms, market.now_ms()))
            if not found:
                raise UnknownSymbol(exchange.id, f"nothing was paid for {of.listed}")
            if market.now_ms() - max(at for at, _ in found) > DAY_MS:  # the sum over seven days would be of fewer
                raise BadResponse(exchange.id, f"what was paid for {of.listed} is told up to some days ago")
            return Past.of((at, rate) for at, rate in found if at >= since_ms + MINUTE_MS)
    raise spellings.unknown


async def _pages_of(market: Market, question: Callable[[str], Endpoint[Page[Paid]]]) -> list[Paid]:
    """All pages; those that came before another one was late need not be asked for again."""
    found: list[Paid] = []
    asked: list[Endpoint[Page[Paid]]] = []
    cursor = ""
    while len(asked) < MAX_PAGES and (cursor or not asked):
        asked.append(question(cursor))
        page = await market.cached(asked[-1], PAID_S)
        newest_ms = max((row.time_ms for row in page.rows), default=0)
        refuse_future(asked[-1].host.exchange, [newest_ms], market.now_ms())
        found += page.rows
        cursor = page.cursor
    for each in asked:
        market.let_go(each)
    return found


def paid_over(past: Past, days: int, now_ms: int) -> float | None:
    """The sum over the last days, a fraction; None where the payments do not reach back so far."""
    since_ms = now_ms - days * DAY_MS
    if not past.at_ms or past.at_ms[0] > since_ms + LONGEST_PERIOD_MS:
        return None
    return sum(past.rate[bisect_right(past.at_ms, since_ms) :])


def rates_per_8h(past: Past) -> list[tuple[int, float]]:
    """Each payment as of 8 hours: it was for the time since the one before it; the first one's is the second's."""
    steps = [after - before for before, after in pairwise(past.at_ms)]
    periods = [round(step / HOUR_MS) for step in (*steps[:1], *steps)]
    return [(at, rate * 8 / hours) for at, rate, hours in zip(*past, periods, strict=False) if 0 < hours <= 8]
