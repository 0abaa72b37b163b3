"""Open interest of the past, and the basis, at one exchange."""

from __future__ import annotations

from collections.abc import Sequence

from exchanges.errors import UnknownSymbol
from exchanges.table import Exchange
from market import HOUR_MS, Market

HISTORY_S = 60.0  # how long an hourly history serves
HISTORY_H = 26  # rows: the last one may be an hour old, and the first one has to be more than 24
MAX_BETWEEN_MS = 3 * HOUR_MS // 2  # between two rows of an hourly history


async def open_interest_before(
    market: Market, exchange: Exchange, symbol: str, *, exact: bool = False
) -> dict[int, float]:
    """Open interest 1 and 24 hours ago, in coins, where it is told of that moment. Raises MarketError."""
    return at_hours_ago(await open_interest_history(market, exchange, symbol, HISTORY_H, exact=exact), market.now_ms())


async def open_interest_history(
    market: Market, exchange: Exchange, symbol: str, n: int, *, exact: bool = False
) -> Sequence[tuple[int, float]]:
    """Open interest of the last n hours, or as many as are told: ms and coins, oldest first. Raises MarketError."""
    spellings = market.spellings(exchange, "perp", symbol, exact=exact)
    async for of in spellings:
        with spellings:
            exchange.require("open_interest_history", of.kind, of.quote)
            history = exchange.open_interest_history(of, n, market.now_ms())
            return await market.cached(history, HISTORY_S, of.multiplier)
    raise spellings.unknown


async def basis_at(market: Market, exchange: Exchange, symbol: str) -> tuple[float, float | None]:
    """How far a perpetual is above its index, a fraction: in the running hour, and 24 hours before that.

    Raises MarketError.
    """
    spellings = market.spellings(exchange, "perp", symbol)
    async for of in spellings:
        with spellings:
            exchange.require("basis_history", of.kind, of.quote)
            rows = await market.cached(exchange.basis_history(of, HISTORY_H, market.now_ms()), HISTORY_S)
            if not rows:
                raise UnknownSymbol(exchange.id, f"no basis of {of.listed}")
            before = dict(rows).get(rows[-1][0] - 24 * HOUR_MS)
            return rows[-1][1], before
    raise spellings.unknown


def at_hours_ago(rows: Sequence[tuple[int, float]], now_ms: int) -> dict[int, float]:
    """The figures of 1 and of 24 hours ago, to the minute: exchanges tell one an hour, and between two of them it
    is taken to have moved evenly. Not told where the two are further apart than an hour and a half."""
    found = {}
    for hours in (1, 24):
        wanted = now_ms - hours * HOUR_MS
        before = max((row for row in rows if row[0] <= wanted), default=None)
        after = min((row for row in rows if row[0] >= wanted), default=None)
        if before is None or after is None or after[0] - before[0] > MAX_BETWEEN_MS:
            continue
        share = (wanted - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        found[hours] = before[1] + (after[1] - before[1]) * share
    return found
