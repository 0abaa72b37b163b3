"""/volscan: all liquid perpetuals by volume spike.

Memory: one record per scanned market until its candle is over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from answers.asked import NO_MONTH, Misread, Tools, cut, is_month
from answers.top10 import by
from answers.traded import refuse_stale, trading
from asking import races
from asking.budgets import OverBudget
from asking.races import Question
from exchanges.errors import MarketError, Reason, Unavailable, bare
from exchanges.symbols import split
from exchanges.table import Exchange
from exchanges.words import INTERVALS, Snapshot
from indicators import BASELINE, SIGNIFICANT_PCT, volume_spike
from market import Market
from render.fields import iso, slashed
from render.figures import counted, escape, format_amount, format_dollars, format_percent, format_points
from render.keyboards import INTERVAL_BUTTONS, again, choices, keyboard, of_coins
from render.message import Answer, folded, foot, pre, short
from render.sentences import exchange_name, failed_before, reasons

MAX_THRESHOLD_PCT = 100_000.0
SCAN_AT_ONCE = 24  # requests under way
SCAN_S = races.DEADLINE_S - 0.5
SCANNED_S = 4 * 3600.0  # a candle's outcome does not change
MAX_SPIKES = 15
MIN_DOLLARS = 100_000.0  # of a candle: what spikes below it is no news
ABOUT = "list of"
MAX_SCANNED = 1000


class Scanning(NamedTuple):
    """threshold_pct: above what is normal. n: how many markets are looked at; None: as the settings say."""

    threshold_pct: float = 200.0
    interval: str = "15m"
    n: int | None = None


def command(words: list[str]) -> Scanning:
    """Raises Misread."""
    asked, n_figures = Scanning(), 0
    for word in words:
        plain = word.lower().removesuffix("%")
        if is_month(word):
            raise Misread(f"{NO_MONTH} Try /volscan 200 15m.")
        if plain in INTERVALS:
            asked = asked._replace(interval=plain)
        elif (figure := _threshold(plain)) is not None:
            if not 0 <= figure <= MAX_THRESHOLD_PCT:
                raise Misread(f"A spike is looked for from 0% to {MAX_THRESHOLD_PCT:,.0f}%. Try /volscan 200 15m.")
            asked, n_figures = asked._replace(threshold_pct=figure), n_figures + 1
        else:
            raise Misread(f"“{cut(word)}” is not understood here. Try /volscan 200 15m.")
    if n_figures > 1:  # 200,5 as well
        raise Misread("One figure at a time, with a point if it has a fraction. Try /volscan 200 15m.")
    return asked


def _threshold(text: str) -> float | None:
    try:
        return float(text) if re.fullmatch(r"[+-]?[0-9]{1,64}(\.[0-9]{1,6})?", text) else None
    except ValueError:
        return None


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

    n_young: markets without enough candles to say what is normal. closed_ms: the end of the candles; the time of the
    answer where none was scanned.
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


async def ask(tools: Tools, asked: Scanning) -> Scan:
    """Scans the perpetuals with the most volume. Raises NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    interval, threshold_pct = asked.interval, asked.threshold_pct
    n_markets = tools.settings.volscan_symbols if asked.n is None else asked.n
    exchanges = market.offering("perp")
    question = Question(exchanges, (_listed_at(market, each, interval) for each in exchanges))
    (exchange, found), failed_before = await market.first_answer("all perpetuals", {"perp": question})
    listed = trading(found, market.now_ms())
    listed.sort(key=by("volume"))
    symbols = [symbol for symbol, _ in listed[:n_markets]]
    outcomes = await _all_of(market, exchange, symbols, interval, until=began + SCAN_S)
    known = [each for each in outcomes if isinstance(each, Scanned)]
    failed = {
        symbol: outcome if isinstance(outcome, MarketError) else Unavailable(exchange.id, "late", Reason.LATE)
        for symbol, outcome in zip(symbols, outcomes, strict=True)
        if isinstance(outcome, (MarketError, TimeoutError))
    }
    spikes = sorted((each for each in known if each.spike_pct >= threshold_pct), key=lambda each: -each.spike_pct)
    closed_ms = max((each.closed_ms for each in known), default=market.now_ms())
    n_young = len(symbols) - len(known) - len(failed)
    took_s = market.clock.monotonic() - began
    return Scan(
        exchange.id, interval, threshold_pct, spikes, len(known), n_young, failed, failed_before, closed_ms, took_s
    )


async def _listed_at(market: Market, exchange: Exchange, interval: str) -> tuple[Exchange, dict[str, Snapshot]]:
    """All perpetuals, where the exchange has candles of the interval. Raises MarketError."""
    exchange.require("candles", "perp", exchange.quotes["perp"][0], interval)
    found = await market.listing(exchange, "perp")
    refuse_stale(exchange.id, found, market.now_ms())
    return exchange, found


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

    return await market.cached_load((exchange.id, "scanned", symbol, interval, running_ms), SCANNED_S, load())


async def _all_of(
    market: Market, exchange: Exchange, symbols: Sequence[str], interval: str, until: float
) -> list[Scanned | MarketError | TimeoutError | None]:
    """Each market's outcome, SCAN_AT_ONCE at a time; a TimeoutError for what is not there by then (monotonic), or
    OverBudget where we held back ourselves."""
    outcomes: list[Scanned | MarketError | TimeoutError | None] = [TimeoutError()] * len(symbols)
    waiting = iter(enumerate(symbols))

    async def work() -> None:
        for i, symbol in waiting:
            while isinstance(outcomes[i], (TimeoutError, OverBudget)):
                try:
                    outcomes[i] = await _scanned(market, exchange, symbol, interval)
                except OverBudget as error:  # nobody was asked: wait for room
                    outcomes[i] = bare(error)
                    await asyncio.sleep(error.retry_after_s or 1.0)
                except MarketError as error:
                    outcomes[i] = bare(error)

    workers = [asyncio.ensure_future(work()) for _ in range(min(SCAN_AT_ONCE, len(symbols)))]
    try:
        if workers:
            done, _ = await asyncio.wait(workers, timeout=until - market.clock.monotonic())
            for worker in done:
                worker.result()
    finally:
        for worker in workers:
            worker.cancel()
    held_back = next((each for each in outcomes if isinstance(each, OverBudget)), None)
    # Those whose turn never came waited behind our own budget.
    return [held_back if held_back and isinstance(each, TimeoutError) else each for each in outcomes]


def show(scan: Scan, now_s: float) -> Answer:
    """The markets above the threshold whose candle was worth something, and how many were looked at."""
    worth = [each for each in scan.spikes if each.dollars >= MIN_DOLLARS]
    small = [each for each in scan.spikes if each.dollars < MIN_DOLLARS]
    blocks: list[str] = []
    if worth:
        rows = [["", "spike%", "price%", "vol$"], *(_cells(each) for each in worth[:MAX_SPIKES])]
        blocks.append(pre(rows))
        if len(worth) > MAX_SPIKES:
            blocks.append(f"And {len(worth) - MAX_SPIKES} more.")
    else:
        of_size = f" with {format_dollars(MIN_DOLLARS)} a candle" if small else ""
        blocks.append(f"No market{of_size} is above that now." if scan.n_scanned else "Nothing could be scanned.")
    if small:
        names = ", ".join(f"{split(each.symbol)[0]} {format_percent(each.spike_pct, 0)}" for each in small[:MAX_SPIKES])
        more = f" and {len(small) - MAX_SPIKES} more" if len(small) > MAX_SPIKES else ""
        blocks.append(folded([f"Below {format_dollars(MIN_DOLLARS)} a candle: {names}{more}"]))
    looked_at = f"{counted(scan.n_scanned, 'perpetual')} scanned, {len(scan.failed)} failed"
    young = f", {scan.n_young} too young" if scan.n_young else ""
    blocks.append(f"{looked_at}{young}. Last closed candle against the median of the 96 before it.")
    notes = [escape(f"Failed: {reasons(list(scan.failed.values())[:1])}.")] if scan.failed else []
    of = "candle closed " if scan.n_scanned else ""
    threshold = f"{scan.threshold_pct:g}"
    line = f"volscan {threshold}"
    symbols = [short(each.symbol) for each in worth[:5]]
    return Answer(
        f"<b>Volume spikes</b> from +{threshold}% {scan.interval}",
        tuple(blocks),
        (*notes, *failed_before(scan.failed_before)),
        foot(exchange_name(scan.exchange), scan.closed_ms, now_s, of),
        keyboard(
            again(f"{line} {scan.interval}"),
            choices(((each, f"{line} {each}") for each in INTERVAL_BUTTONS), scan.interval),
            of_coins(symbols, [f"analysis {each} {scan.interval}" for each in symbols]),
        ),
    )


def _cells(each: Scanned) -> list[str]:
    percents = format_points(each.spike_pct, 0), format_points(each.change_pct, 2)
    return [split(each.symbol)[0], *percents, format_amount(each.dollars)]


class Spike(TypedDict):
    symbol: str
    spike_percentage: float
    spike_level: str
    current_volume: float
    volume_usd: float
    is_significant: bool


class Fields(TypedDict):
    exchange: str
    market_type: str
    timestamp: str
    timeframe: str
    min_spike_threshold: float
    spikes_found: int
    markets_scanned: int
    markets_failed: int
    spikes: list[Spike]


def fields(found: Scan) -> Fields:
    return {
        "exchange": found.exchange,
        "market_type": "perp",
        "timestamp": iso(found.closed_ms),
        "timeframe": found.interval,
        "min_spike_threshold": found.threshold_pct,
        "spikes_found": len(found.spikes),
        "markets_scanned": found.n_scanned,
        "markets_failed": len(found.failed),
        "spikes": [
            {
                "symbol": slashed(each.symbol, "perp"),
                "spike_percentage": each.spike_pct,
                "spike_level": each.level,
                "current_volume": each.volume,
                "volume_usd": each.dollars,
                "is_significant": each.spike_pct >= SIGNIFICANT_PCT,
            }
            for each in found.spikes
        ],
    }
