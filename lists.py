"""Questions that need all markets of an exchange: the top ten, and the scan for volume spikes.

Lists are streamed and reduced row by row (fetch.py), so that no list is ever held as it came.

Memory: one record per market of an exchange, some 400 bytes each, for LISTING_S; one record per
scanned market until its candle is over.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from derivatives import per_8h, perps_with_funding
from exchanges import (
    COIN,
    INTERVALS,
    MarketError,
    NotSupported,
    Perp,
    Ticker,
    Unavailable,
    coingecko,
    split,
)
from fetch import OverBudget
from indicators import BASELINE, volume_spike
from market import DEADLINE_S, Exchange, Market

ROWS = 10
CAPS_S = 600.0
CAPS_LATE_S = 1.5  # the table never waits longer for them
CAPS_AGAIN_S = 60.0
MAX_PRICE_GAP = 0.2  # between a coin's price here and its namesake's at CoinGecko
STALE_MS = 15 * 60_000  # a market whose last news is older does not trade

SORTS = ("volume", "gainers", "losers", "funding", "oi")
MIN_QUOTE_VOLUME = 1_000_000.0  # of gainers and losers: a thin market's jump is no news

SCAN_AT_ONCE = 24  # requests under way
SCAN_S = DEADLINE_S - 0.5
SCANNED_S = 4 * 3600.0  # a candle's outcome does not change


class Top(NamedTuple):
    """The first of an exchange's markets. caps: market capitalisation in dollars, by symbol, where it is known."""

    exchange: str
    market: str
    sort: str
    rows: list[tuple[str, Perp]]
    n_markets: int
    caps: dict[str, float]
    has_caps: bool  # whether CoinGecko told any
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float


class NoSuchSort(ValueError):
    """Spot markets have neither funding nor open interest."""


async def top(market: Market, kind: str, sort: str, n: int = ROWS) -> Top:
    """The n first markets of the first exchange that tells all. kind: spot or perp; sort: one of SORTS.

    Raises NoSuchSort and NoAnswer, within DEADLINE_S.
    """
    began = time.monotonic()
    if kind == "spot" and sort in ("funding", "oi"):
        raise NoSuchSort(sort)
    caps = asyncio.ensure_future(_market_caps(market))
    parts = () if kind == "spot" else ("funding", "open interest")

    async def ask(exchange: Exchange, kind: str) -> tuple[str, dict[str, Perp]]:
        if sort == "funding":
            return exchange.ID, await perps_with_funding(market, exchange)
        found = await market.listing(exchange, kind, *parts)
        if sort == "oi" and not any(perp.open_interest for perp in found.values()):
            raise NotSupported(exchange.ID, "no list of open interest", "has no list of open interest")
        return exchange.ID, found

    is_late = True
    try:
        (exchange, found), failed = await market.first("all markets", ask, (kind,))
        listed = trading(found, market.now_ms())
        listed.sort(key=_key(sort))
        rows = listed[:n]
        left_s = max(0.0, min(CAPS_LATE_S - (time.monotonic() - began), DEADLINE_S))
        await asyncio.wait([caps], timeout=left_s)
        is_late = not caps.done()
        known = {} if is_late else caps.result()
    finally:
        if not is_late or not market.may_run_on:
            caps.cancel()
    if not known and not (is_late and market.may_run_on):
        market.leave_alone(coingecko.ID, CAPS_AGAIN_S)
    took_s = time.monotonic() - began
    of_rows = caps_of(rows, known)
    return Top(exchange, kind, sort, rows, len(listed), of_rows, bool(known), failed, market.now_ms(), took_s)


def trading(found: dict[str, Perp], now_ms: int) -> list[tuple[str, Perp]]:
    """The markets against one dollar that trade, without leveraged tokens.

    A market trades when it has volume and, where its ticker tells a time, was heard of within STALE_MS. Of a coin
    with several dollars the one with the most volume counts.
    """
    bases = {split(symbol)[0] for symbol in found}
    best: dict[str, tuple[str, Perp]] = {}
    for symbol, perp in found.items():
        base, quote = split(symbol)
        ticker = perp.ticker
        if ticker is None or quote == COIN or not ticker.quote_volume or is_leveraged(base, bases):
            continue
        if ticker.time_ms and now_ms - ticker.time_ms > STALE_MS:
            continue
        other = best.get(base)
        if other is None or _volume(perp) > _volume(other[1]):
            best[base] = (symbol, perp)
    return list(best.values())


_OPPOSITES = {"UP": "DOWN", "DOWN": "UP", "BULL": "BEAR", "BEAR": "BULL"}


def is_leveraged(base: str, bases: set[str]) -> bool:
    """Whether a coin is a leveraged token: BTCUP beside BTCDOWN, ETHBULL beside ETHBEAR, BTC3L beside BTC3S.

    Such tokens come in opposite pairs, so JUP, SUPER and SYRUP, which have no opposite, are none.
    """
    for ending, opposite in _OPPOSITES.items():
        if base.endswith(ending) and base != ending:
            return base.removesuffix(ending) + opposite in bases
    found = re.fullmatch(r"(.+[2-9])([LS])", base)
    return found is not None and f"{found[1]}{'S' if found[2] == 'L' else 'L'}" in bases


def _ticker(perp: Perp) -> Ticker:
    assert perp.ticker is not None
    return perp.ticker


def _volume(perp: Perp) -> float:
    return _ticker(perp).quote_volume or 0.0


def _key(sort: str) -> Callable[[tuple[str, Perp]], tuple[float, float]]:
    """What to sort by, the first row lowest; those without the figure last, equal ones by volume."""

    def key(row: tuple[str, Perp]) -> tuple[float, float]:
        figure = _figure(row[1], sort)
        return math.inf if figure is None else -figure, -_volume(row[1])

    return key


def _figure(perp: Perp, sort: str) -> float | None:
    """What a sort goes by, the largest first; None where it is not told, or says nothing of a thin market."""
    if sort == "volume":
        return _volume(perp)
    if sort == "funding":
        rate = per_8h(perp.funding)
        return None if rate is None else abs(rate)
    if sort == "oi":
        return perp.open_interest and perp.open_interest.open_interest_quote
    change = _ticker(perp).change_pct
    if change is None or _volume(perp) < MIN_QUOTE_VOLUME:
        return None
    return change if sort == "gainers" else -change


async def _market_caps(market: Market) -> dict[str, list[coingecko.MarketCap]]:
    """Market capitalisations by base; {} when they are not to be had."""
    if not market.may_ask(coingecko.ID):
        return {}

    async def load() -> dict[str, list[coingecko.MarketCap]]:
        found: dict[str, list[coingecko.MarketCap]] = {}

        def take(rows: list[coingecko.MarketCap]) -> None:
            for each in rows:
                found.setdefault(each.base, []).append(each)

        await market.items(coingecko.market_caps(), take)
        return found

    try:
        return await market.kept(("coingecko", "market caps"), CAPS_S, load)
    except MarketError:
        return {}


def caps_of(rows: Sequence[tuple[str, Perp]], caps: dict[str, list[coingecko.MarketCap]]) -> dict[str, float]:
    """By symbol. Many coins share a name, so one counts only when its price is near the market's."""
    found = {}
    for symbol, perp in rows:
        last = _ticker(perp).last
        for each in caps.get(split(symbol)[0], ()):
            if abs(each.price / last - 1) <= MAX_PRICE_GAP:
                found[symbol] = each.market_cap
                break
    return found


# The scan for volume spikes.


class Scanned(NamedTuple):
    """The last closed candle of one market against its baseline. volume in coins, dollars of the whole candle."""

    symbol: str
    spike_pct: float
    level: str
    volume: float
    dollars: float
    change_pct: float
    closed_ms: int


class Scan(NamedTuple):
    """Markets whose volume is above the threshold, the highest first. failed: who did not tell, by symbol.

    n_young: markets without enough candles to say what is normal.
    """

    exchange: str
    interval: str
    threshold_pct: float
    spikes: list[Scanned]
    n_scanned: int
    n_young: int
    failed: dict[str, MarketError]
    failed_before: tuple[MarketError, ...]
    closed_ms: int
    took_s: float


async def volume_scan(market: Market, threshold_pct: float, interval: str, n_markets: int) -> Scan:
    """Scans the perpetuals with the most volume. Raises NoAnswer, within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[Exchange, dict[str, Perp]]:
        exchange.candles("BTC-USDT", "perp", interval, 2, None, 1, 1.0)  # raises NotSupported for the interval
        return exchange, await market.listing(exchange, "perp")

    (exchange, found), failed_before = await market.first("all perpetuals", ask, ("perp",))
    listed = trading(found, market.now_ms())
    listed.sort(key=_key("volume"))
    symbols = [symbol for symbol, _ in listed[:n_markets]]
    outcomes = await _all_of(
        [lambda symbol=symbol: _scanned(market, exchange, symbol, interval) for symbol in symbols],  # type: ignore[misc]
        until=began + SCAN_S,
    )
    known = [each for each in outcomes if isinstance(each, Scanned)]
    failed = {
        symbol: outcome
        if isinstance(outcome, MarketError)
        else Unavailable(exchange.ID, "late", "did not answer in time")
        for symbol, outcome in zip(symbols, outcomes, strict=True)
        if isinstance(outcome, (MarketError, TimeoutError))
    }
    spikes = sorted((each for each in known if each.spike_pct >= threshold_pct), key=lambda each: -each.spike_pct)
    closed_ms = max((each.closed_ms for each in known), default=0)
    n_young = len(symbols) - len(known) - len(failed)
    took_s = time.monotonic() - began
    return Scan(
        exchange.ID, interval, threshold_pct, spikes, len(known), n_young, failed, failed_before, closed_ms, took_s
    )


async def _scanned(market: Market, exchange: Exchange, symbol: str, interval: str) -> Scanned | None:
    """None for a market that is too young. Raises MarketError."""
    step = INTERVALS[interval]
    running_ms = market.now_ms() // step * step

    async def load() -> Scanned | None:
        candles = await market.candles(exchange, symbol, "perp", interval, BASELINE + 1, keep=False)
        n = candles.n_closed(market.now_ms())
        spike = volume_spike(candles.volume[:n])
        if spike is None:
            return None
        at = n - 1
        dollars = candles.quote_volume[at] if candles.quote_volume else candles.volume[at] * candles.close[at]
        change_pct = (candles.close[at] / candles.open[at] - 1) * 100
        closed_ms = candles.open_ms[at] + step
        return Scanned(symbol, spike.spike_pct, spike.level, spike.volume, dollars, change_pct, closed_ms)

    return await market.kept((exchange.ID, "scanned", symbol, interval, running_ms), SCANNED_S, load)


async def _all_of(
    questions: Sequence[Callable[[], Awaitable[Scanned | None]]], until: float
) -> list[Scanned | MarketError | TimeoutError | None]:
    """Each question's outcome, SCAN_AT_ONCE at a time; a TimeoutError for what is not there by then (monotonic)."""
    outcomes: list[Scanned | MarketError | TimeoutError | None] = [TimeoutError()] * len(questions)
    waiting = iter(enumerate(questions))

    async def work() -> None:
        for i, question in waiting:
            while isinstance(outcomes[i], TimeoutError):
                try:
                    outcomes[i] = await question()
                except OverBudget as error:  # nobody was asked: wait for room
                    await asyncio.sleep(error.retry_after_s or 1.0)
                except MarketError as error:
                    outcomes[i] = error.with_traceback(None)  # whose frames hold the answer that was refused

    workers = [asyncio.ensure_future(work()) for _ in range(min(SCAN_AT_ONCE, len(questions)))]
    try:
        if workers:
            done, _ = await asyncio.wait(workers, timeout=until - time.monotonic())
            for worker in done:
                worker.result()
    finally:
        for worker in workers:
            worker.cancel()
    return outcomes
