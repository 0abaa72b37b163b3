"""Open interest of the past, and the basis, at one exchange."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import itemgetter

from exchanges.anothers import MAX_INTEREST_APART
from exchanges.errors import UnknownSymbol
from exchanges.gaps import refuse_future
from exchanges.table import Exchange
from exchanges.words import OpenInterest
from market import HISTORY_S, HOUR_MS, Market

AGO_H = (1, 24)
AGO_MS = tuple(hours * HOUR_MS for hours in AGO_H)
STEP, STEP_MS = "15m", HOUR_MS // 4  # the finest of which one answer of every exchange reaches back a day
N_STEPS = 98  # rows: the last one may be a step old, and the first one has to be of more than 24 hours ago
BASIS_H = 26  # rows of an hourly history: the first one has to be more than 24 hours old
MAX_BETWEEN_MS = 3 * HOUR_MS // 2  # between two rows of an hourly history


ROUGH = "≈: between two rows of the past that are up to an hour and a half apart."


class Before(dict[int, float]):
    """Open interest by hours ago, in coins. rough: the hours whose figure lies between rows of more than STEP.

    newest: what the last row tells; None where there are no rows.
    """

    rough: frozenset[int] = frozenset()
    newest: float | None = None


def is_rough(before: Mapping[int, float], hours: int | None = None) -> bool:
    """Whether the figure of so many hours ago is, or any of them."""
    return isinstance(before, Before) and bool(before.rough if hours is None else hours in before.rough)


def leading_to(now: OpenInterest | None, before: Mapping[int, float] | None) -> Mapping[int, float]:
    """The past, where it leads to what is outstanding now. Nothing where it does not: then it is another contract's, as
    the past of the coin's contract in another dollar is, when an exchange says that it knows nothing of this one."""
    coins, newest = now and now.open_interest, before.newest if isinstance(before, Before) else None
    if coins and newest and max(coins, newest) > MAX_INTEREST_APART * min(coins, newest):
        return {}
    return before or {}


async def open_interest_before(market: Market, exchange: Exchange, symbol: str, *, exact: bool = False) -> Before:
    """Open interest 1 and 24 hours ago, in coins, where it is told of that moment. Raises MarketError."""
    rows = await open_interest_history(market, exchange, symbol, N_STEPS, STEP, exact=exact, ago_ms=AGO_MS)
    return at_hours_ago(rows, market.now_ms())


async def open_interest_history(
    market: Market,
    exchange: Exchange,
    symbol: str,
    n: int,
    step: str = "1h",
    *,
    exact: bool = False,
    ago_ms: tuple[int, ...] = (),
) -> Sequence[tuple[int, float]]:
    """As Market.open_interest_history, by the name that the coin's perpetual has there. Raises MarketError."""
    spellings = market.spellings(exchange, "perp", symbol, exact=exact, beside=True)
    async for of in spellings:
        with spellings:
            rows = await market.open_interest_history(exchange, of, n, step, ago_ms)
            refuse_future(exchange.id, [at for at, _ in rows[-1:]], market.now_ms())
            await spellings.refuse_namesake()
            return rows
    raise spellings.unknown


async def basis_at(market: Market, exchange: Exchange, symbol: str) -> tuple[float, float | None]:
    """How far a perpetual is above its index, a fraction: in the running hour, and 24 hours before that.

    Raises MarketError.
    """
    spellings = market.spellings(exchange, "perp", symbol)
    async for of in spellings:
        with spellings:
            exchange.require("basis_history", of.kind, of.quote)
            rows = await market.cached(exchange.basis_history(of, BASIS_H, market.now_ms()), HISTORY_S)
            if not rows:
                raise UnknownSymbol(exchange.id, f"no basis of {of.listed}")
            before = dict(rows).get(rows[-1][0] - 24 * HOUR_MS)
            return rows[-1][1], before
    raise spellings.unknown


_moment = itemgetter(0)


def at_hours_ago(rows: Sequence[tuple[int, float]], now_ms: int) -> Before:
    """The figures of 1 and of 24 hours ago, to the minute: between two rows it is taken to have moved evenly.

    Rows are a quarter of an hour apart; a figure between two that are further apart is rough, and beyond an hour and
    a half it is not told.
    """
    found, rough, rows = Before(), set[int](), sorted(rows)
    for hours in AGO_H:
        wanted = now_ms - hours * HOUR_MS
        n = bisect_left(rows, wanted, key=_moment)  # that are older
        if n == len(rows) or (n == 0 and rows[0][0] > wanted):
            continue
        after = rows[n]
        before = after if after[0] == wanted else rows[n - 1]
        if after[0] - before[0] > MAX_BETWEEN_MS:
            continue
        share = (wanted - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        found[hours] = before[1] + (after[1] - before[1]) * share
        if after[0] - before[0] > STEP_MS:
            rough.add(hours)
    found.rough, found.newest = frozenset(rough), rows[-1][1] if rows else None
    return found
