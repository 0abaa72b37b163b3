"""What a card shows beside its prices: how far they moved, and open interest. Each part may be left out."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from answers.interest import open_interest_before
from asking.races import Part
from exchanges.errors import PartName
from exchanges.symbols import are_of_one_coin
from exchanges.table import Exchange
from exchanges.words import Candles
from indicators import DAY_MS, HOUR_MS
from market import Market

T = TypeVar("T")
EXTRAS_S = 1.0  # what may be left out is waited for no longer
MOVES = {
    PartName.HOUR_CHANGE: ("1m", 60, (HOUR_MS,)),
    PartName.WEEK_AND_MONTH_CHANGE: ("4h", 180, (7 * DAY_MS, 30 * DAY_MS)),
}
"""The candles that tell of what a price was: an hour ago to half a minute, 7 and 30 days ago to two hours, whose moment
is told with them: to be exact there as well would be another 720 rows."""
SPANS = {
    "1h": (PartName.HOUR_CHANGE, HOUR_MS),
    "7d": (PartName.WEEK_AND_MONTH_CHANGE, 7 * DAY_MS),
    "30d": (PartName.WEEK_AND_MONTH_CHANGE, 30 * DAY_MS),
}
CARD = (*MOVES, PartName.OPEN_INTEREST_CHANGE)
ROW = (PartName.OPEN_INTEREST_CHANGE,)

Parts = dict[PartName, Part[Any]]


def early(market: Market, symbol: str, extras: Collection[PartName]) -> Parts:
    """The extras at the preferred exchanges, asked for beside the prices: most answers come from there, and so a card
    takes as long as one answer, not as two after one another. Where one failed last time, the prices go first."""
    leads, perps = ([each for each in market.offering(kind)[:1] if market.is_well(each)] for kind in ("spot", "perp"))
    return asked_at(market, symbol, extras, leads[0] if leads else None, "spot", perps[0] if perps else None)


def asked_at(
    market: Market,
    symbol: str,
    extras: Collection[PartName],
    lead: Exchange | None,
    kind: str,
    perp: Exchange | None,
    begun: Parts | None = None,
) -> Parts:
    """Each extra at its exchange; one that was begun there already is taken."""
    begun = begun or {}
    parts: Parts = {}
    for name in extras:
        exchange = lead if name in MOVES else perp
        early = begun.get(name)
        if exchange is None:
            continue
        if early is not None and early.exchange is exchange and (name not in MOVES or kind == "spot"):
            parts[name] = early
        elif name in MOVES:
            interval, n, ago_ms = MOVES[name]
            of = (exchange, symbol, kind, interval, n)
            candles = partial(market.candles, *of, names_other=False, ago_ms=ago_ms)
            parts[name] = Part(exchange, _once_there(market, exchange, kind, symbol, candles))
        else:
            history = partial(open_interest_before, market, exchange, symbol)
            parts[name] = Part(exchange, _once_there(market, exchange, "perp", symbol, history))
    return parts


def _once_there(
    market: Market, exchange: Exchange, kind: str, symbol: str, ask: Callable[[], Awaitable[T]]
) -> Awaitable[T]:
    """What is asked; where it is unlikely that there is such a market, it is asked when the ticker has come."""

    async def later() -> T:
        await market.price_comes(exchange, kind, symbol)
        return await ask()

    return ask() if market.is_likely(exchange, kind, symbol) else later()


class Move(NamedTuple):
    """Percent since a candle opened."""

    percent: float
    since_ms: int


def moves_of(last: float, candles: Mapping[PartName, Candles], now_ms: int) -> dict[str, Move]:
    """Against an hour, 7 days and 30 days ago, where the candles reach back so far."""
    moves = {}
    for span, (name, before_ms) in SPANS.items():
        told = candles.get(name)
        if told is None or not len(told) or not are_of_one_coin(told.close[-1], last):
            continue  # the ticker may be old, or of another contract
        if (then := opening_at(told, now_ms - before_ms)) is not None:
            since_ms, price = then
            moves[span] = Move((last / price - 1) * 100, since_ms)
    return moves


def opening_at(candles: Candles, at_ms: int) -> tuple[int, float] | None:
    """When a market's candle opened nearest to a moment, and at what; None where none begins within half of one."""
    opened = candles.open_ms
    nearest = bisect_left(opened, at_ms)
    if nearest == len(opened) or (nearest and at_ms - opened[nearest - 1] <= opened[nearest] - at_ms):
        nearest -= 1
    if nearest < 0 or abs(opened[nearest] - at_ms) > candles.interval_ms / 2:
        return None
    return opened[nearest], candles.open[nearest]
