"""What trades, of all the markets that an exchange lists."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exchanges.errors import Reason, Unavailable
from exchanges.symbols import split
from exchanges.words import COIN, Snapshot, Ticker

STALE_MS = 15 * 60_000  # a market whose last news is older does not trade
_OPPOSITES = {"UP": "DOWN", "DOWN": "UP", "BULL": "BEAR", "BEAR": "BULL"}
_ENDINGS = (*_OPPOSITES, "L", "S")  # of leveraged tokens; BTC3L


def refuse_stale(exchange: str, found: Mapping[str, Snapshot], now_ms: int) -> None:
    """Raises Unavailable for a list of which nothing trades: it is of another day."""
    if not any(trades(each.ticker, now_ms) for each in found.values()):
        raise Unavailable(exchange, "no market of the list trades", Reason.BEHIND)


def trades(ticker: Ticker | None, now_ms: int) -> bool:
    """Whether a market has volume and, where its ticker tells a time, was heard of within STALE_MS."""
    if ticker is None or not ticker.quote_volume:
        return False
    return not ticker.time_ms or now_ms - ticker.time_ms <= STALE_MS


def trading(found: dict[str, Snapshot], now_ms: int) -> list[tuple[str, Snapshot]]:
    """The markets against one dollar that trade, without leveraged tokens.

    Of a coin with several dollars the one with the most volume counts.
    """
    names = list(map(split, found))
    bases = {base for base, _ in names}
    best: dict[str, tuple[str, Snapshot]] = {}
    for (base, quote), (symbol, perp) in zip(names, found.items(), strict=True):
        if quote == COIN or not trades(perp.ticker, now_ms):
            continue
        if base.endswith(_ENDINGS) and is_leveraged(base, bases):  # hardly any, and there are hundreds in a list
            continue
        other = best.get(base)
        if other is None or volume_of(perp) > volume_of(other[1]):
            best[base] = (symbol, perp)
    return list(best.values())


def is_leveraged(base: str, bases: set[str]) -> bool:
    """Whether a coin is a leveraged token: BTCUP, ETHBEAR or BTC3L, of a coin that is listed, too.

    The opposite (BTCDOWN, BTC3S) need not have traded today. Where the coin is not listed the opposite decides, and
    names of one or two letters before UP are no coin's: JUP, SUPER and SYRUP are none.
    """
    for ending, opposite in _OPPOSITES.items():
        if base.endswith(ending) and base != ending:
            coin = base.removesuffix(ending)
            return coin + opposite in bases or (len(coin) > 2 and coin in bases)
    found = re.fullmatch(r"(.+)([2-9])([LS])", base)
    if found is None:
        return False
    coin, times, side = found.groups()
    return coin in bases or f"{coin}{times}{'S' if side == 'L' else 'L'}" in bases


def volume_of(perp: Snapshot) -> float:
    """Of 24 hours, in dollars."""
    return (perp.ticker and perp.ticker.quote_volume) or 0.0
