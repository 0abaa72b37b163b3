"""/liq: whose positions the exchanges closed by force, longs and shorts, and the largest of them.

Five exchanges tell theirs when asked, each in its own way: single orders, a mark on trades, or sums of a quarter of an
hour. Hence every window begins at a full quarter. Who does not reach back so far makes the answer partial.
Where there is a store, quarters that are over come from it, of coins that somebody watches (watchman/quarters.py).

Memory: some thousands of records while one question is answered; nothing is kept but what the market's cache keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, TypedDict

from answers.asked import EXAMPLES, Tools, of_market
from answers.quarters import LARGEST, QUARTER_MS, rows_of, unbroken
from answers.same_coin import namesakes
from asking.races import all_answers, both, or_none
from exchanges.endpoints import Endpoint
from exchanges.errors import (
    MarketError,
    NotSupported,
    Reason,
    Unavailable,
    UnknownSymbol,
    WrongMarket,
    is_not_there,
    is_unlisted,
)
from exchanges.exchange import Exchange
from exchanges.gaps import refuse_future
from exchanges.symbols import split
from exchanges.words import Liquidation, LiquidationPage, Ticker
from market import Found, Market
from render.fields import iso
from render.figures import (
    counted,
    escape,
    format_amount,
    format_day,
    format_dollars,
    format_price,
    format_share,
)
from render.keyboards import again, choices, keyboard, neighbours
from render.message import Answer, clock, folded, foot, pre
from render.sentences import exchange_name, in_words, reasons, said, sentence
from store.words import Quarter, Store, StoreError

WINDOWS = {"1h": 1, "4h": 4, "24h": 24}  # hours
READ_S = 1.0  # for the store; without it, exchanges are asked for all of it
PAGE_S = 30.0  # how long a page serves
PAGES_S = 5.5  # no further page is asked for later than this
DAY_MS = 86_400_000
MAX_CLOSED = 2.0  # times the volume of a day, that can be closed by force in it: some is handed over without a trade
EXACT_MIN = 60  # minutes of a window up to which an alert counts to the second; a longer one begins at a full quarter
DOUBTED = "bitget"  # whose figures are read as others found them, see exchanges/bitget.py
ABOUT = "liquidations of"


class Asked(NamedTuple):
    base: str
    window: str


def command(words: list[str]) -> Asked:
    """Raises NotASymbol and Misread."""
    asked = of_market(words or list(EXAMPLES[:1]), "liq", "24h", tuple(WINDOWS))
    return Asked(split(asked.symbol)[0], asked.choice)


class Told(NamedTuple):
    """What one exchange tells, and since when that is whole."""

    rows: list[Liquidation]
    since_ms: int

    def dollars(self, *sides: str) -> float:
        """Of the sides that are named; without any, of all."""
        return sum(each.dollars or 0.0 for each in self.rows if not sides or each.side in sides)


class LiquidationReport(NamedTuple):
    """A coin's liquidations since a moment, by exchange. failed: by exchange; without: who lists no perpetual of it.

    untold: who tells none; streamed: who publishes them by stream only; n_exchanges: all that there are.
    namesakes: by exchange, that it lists another coin of that name, of which nothing is counted.
    """

    base: str
    window: str
    since_ms: int
    told: dict[str, Told]
    failed: dict[str, MarketError]
    without: list[str]
    untold: list[str]
    streamed: list[str]
    n_exchanges: int
    time_ms: int
    took_s: float
    namesakes: Mapping[str, MarketError] = {}

    def dollars(self, *sides: str) -> float:
        return sum(each.dollars(*sides) for each in self.told.values())

    @property
    def late(self) -> dict[str, int]:
        """Since when those tell that do not reach back to the window's begin."""
        return {name: each.since_ms for name, each in self.told.items() if each.since_ms > self.since_ms}


async def ask(tools: Tools, asked: Asked) -> LiquidationReport:
    """Of all exchanges that tell theirs. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    since_ms = (market.now_ms() - WINDOWS[asked.window] * 3_600_000) // QUARTER_MS * QUARTER_MS
    tellers = [each for each in market.offering("perp") if each.tells.get("liquidations")]
    kept = await kept_since(tools.store, asked.base, since_ms)
    each_at = {each.id: liquidations_at(market, each, asked.base, since_ms, kept.get(each.id, ())) for each in tellers}
    (found, failed), strangers = await both(
        all_answers(each_at, market.deadline_s - 0.2), namesakes(market, asked.base, market.offering("perp"))
    )
    strangers = {name: error for name, error in strangers.items() if found.pop(name, None)}
    without = [name for name, error in failed.items() if is_unlisted(error)]
    if not found:
        raise await market.why_not(
            f"{asked.base}-USDT", [*failed.values(), *strangers.values()] or _untold(market), began, "perp"
        )
    others = [each for each in market.exchanges if each not in tellers]
    return LiquidationReport(
        asked.base,
        asked.window,
        since_ms,
        found,
        {name: error for name, error in failed.items() if name not in without},
        without,
        [each.id for each in others if not each.streams_liquidations],
        [each.id for each in others if each.streams_liquidations],
        len(market.exchanges),
        market.now_ms(),
        market.clock.monotonic() - began,
        strangers,
    )


def _untold(market: Market) -> list[MarketError]:
    return [NotSupported(each.id, "no liquidations", Reason.NO_LIQUIDATIONS) for each in market.exchanges]


async def kept_since(store: Store | None, base: str, since_ms: int) -> dict[str, list[Quarter]]:
    """What a store has of each exchange without a gap from a quarter's begin on; nothing where it does not answer."""
    if store is None:
        return {}
    try:
        async with asyncio.timeout(READ_S):
            quarters = await store.quarters(base, since_ms)
    except (StoreError, TimeoutError):
        return {}
    by_exchange = groupby(quarters, key=lambda each: each.exchange)
    return {exchange: unbroken(of_exchange, since_ms) for exchange, of_exchange in by_exchange}


async def told_since(market: Market, base: str, begins: Mapping[str, int], timeout_s: float) -> dict[str, Told]:
    """What exchanges tell since a moment of each; those that do not in time are left out."""
    asked = {name: liquidations_at(market, market.exchange(name), base, since) for name, since in begins.items()}
    return (await all_answers(asked, timeout_s))[0]


async def liquidations_at(
    market: Market, exchange: Exchange, base: str, since_ms: int, kept: Sequence[Quarter] = ()
) -> Told:
    """Of all perpetuals of a coin at one exchange; sums without dollars are priced as the perpetual is when asked.

    kept: quarters since then, for which nobody is asked again. Raises MarketError; UnknownSymbol where there is none.
    """
    if not kept:
        return await _asked_at(market, exchange, base, since_ms)
    until_ms = kept[-1].quarter_ms + QUARTER_MS
    told = await _asked_at(market, exchange, base, until_ms)
    if told.since_ms > until_ms:  # a hole behind what is kept
        return told
    return Told([*(row for each in kept for row in rows_of(each)), *told.rows], since_ms)


async def _asked_at(market: Market, exchange: Exchange, base: str, since_ms: int) -> Told:
    symbols = [f"{base}-{margin}" for margin in exchange.quotes["perp"] if exchange.has("liquidations", "perp", margin)]
    outcomes = await asyncio.gather(
        *(_of_market(market, exchange, each, since_ms) for each in symbols), return_exceptions=True
    )
    found = [each for each in outcomes if isinstance(each, Told)]
    for error in outcomes:
        if isinstance(error, BaseException) and not is_not_there(error):
            raise error
    if not found:
        raise UnknownSymbol(exchange.id, f"no perpetual of {base}")
    rows = [row for told in found for row in told.rows]
    return Told(sorted(rows, key=lambda row: row.time_ms), max(told.since_ms for told in found))


async def liquidated(
    market: Market, exchange: Exchange, symbol: str, n_minutes: int, store: Store | None = None
) -> float:
    """Dollars within the last minutes, both sides. Raises MarketError, also where that much is not told."""
    since_ms, base = market.now_ms() - n_minutes * 60_000, split(symbol)[0]
    exchange.require("liquidations", "perp", exchange.quotes["perp"][0])
    kept: Sequence[Quarter] = ()
    if n_minutes > EXACT_MIN:
        since_ms = since_ms // QUARTER_MS * QUARTER_MS
        kept = (await kept_since(store, base, since_ms)).get(exchange.id, ())
    told = await liquidations_at(market, exchange, base, since_ms, kept)
    if told.since_ms > since_ms:
        raise Unavailable(exchange.id, "liquidations reach back too short a time", Reason.NO_LIQUIDATIONS)
    return sum(row.dollars or 0.0 for row in told.rows if row.time_ms >= since_ms)


async def _of_market(market: Market, exchange: Exchange, symbol: str, since_ms: int) -> Told:
    """Of one perpetual. Raises MarketError."""
    told = await _told_of(market, exchange, symbol, since_ms)
    if all(None not in (row.size, row.dollars) for row in told.rows):
        return told
    asked = market.perp_at(exchange, symbol)
    is_needed = any(row.dollars is None for row in told.rows)
    priced = await (_needed(exchange, asked) if is_needed else or_none(asked))
    rows = [_priced(row, priced) for row in told.rows]
    refuse_more_than_traded(exchange.id, rows, priced and priced.snapshot.ticker, market.now_ms())
    return told._replace(rows=rows)


async def _needed(exchange: Exchange, asked: Awaitable[Found]) -> Found:
    """What prices coins: without it nobody knows what they were worth, and a sum without them would be too small.

    Raises MarketError, and never that there is no such market, as it has liquidations.
    """
    try:
        found = await asked
    except MarketError as error:
        if not is_not_there(error):
            raise
    else:
        if found.snapshot.ticker is not None:
            return found
    raise Unavailable(exchange.id, "coins are told, and no price of them", Reason.UNTOLD)


def refuse_more_than_traded(exchange: str, rows: Sequence[Liquidation], ticker: Ticker | None, now_ms: int) -> None:
    """Raises WrongMarket where more was closed by force in a day than was traded: then it is another market's."""
    traded = ticker and ticker.base_volume
    closed = sum(row.size or 0.0 for row in rows if row.time_ms > now_ms - DAY_MS)
    if traded and closed > traded * MAX_CLOSED:
        raise WrongMarket(exchange, f"{closed:g} were closed by force in a day, of {traded:g} that were traded")


async def _told_of(market: Market, exchange: Exchange, symbol: str, since_ms: int) -> Told:
    spellings = market.spellings(exchange, "perp", symbol, exact=True)
    async for of in spellings:
        with spellings:
            of = await market.sized(exchange, of, "liquidations")
            questions = exchange.liquidations(of, since_ms, market.now_ms())
            most = exchange.max_liquidation_pages
            pages = (_pages(market, each, since_ms, most, of.multiplier) for each in questions)
            parts = await asyncio.gather(*pages)
            return Told([row for part in parts for row in part.rows], max(part.since_ms for part in parts))
    raise spellings.unknown


def _priced(row: Liquidation, found: Found | None) -> Liquidation:
    """With coins from dollars, or dollars from coins, where one is not told."""
    price = found.snapshot.ticker.last if found is not None and found.snapshot.ticker is not None else None
    if price is None or None not in (row.size, row.dollars):
        return row
    if row.dollars is None and row.size is not None:
        return row._replace(dollars=row.size * price)
    return row._replace(size=None if row.dollars is None else row.dollars / price)


async def _pages(
    market: Market, question: Callable[[str], Endpoint[LiquidationPage]], since_ms: int, most: int, per: int
) -> LiquidationPage:
    """As many pages as there are since a moment, or as time allows. A page has what is wanted of it only, so that it
    serves no question that reaches further back."""
    began, rows, cursor = market.clock.monotonic(), list[Liquidation](), ""
    for _ in range(most):
        endpoint = question(cursor)
        page = await market.cached(endpoint._replace(part=f"{endpoint.part} {since_ms}"), PAGE_S, per)
        refuse_future(endpoint.host.exchange, [max((row.time_ms for row in page.rows), default=0)], market.now_ms())
        rows += page.rows
        cursor = page.cursor
        if not cursor or market.clock.monotonic() - began > PAGES_S:
            break
    return LiquidationPage(rows, page.since_ms if cursor else max(since_ms, page.since_ms))


def largest(told: dict[str, Told], n: int) -> list[tuple[str, Liquidation]]:
    """Single positions with their exchange, the largest first. Sums are none."""
    single = [(name, row) for name, of in told.items() for row in of.rows if row.price is not None and row.dollars]
    return sorted(single, key=lambda pair: -(pair[1].dollars or 0.0))[:n]


def show(report: LiquidationReport, now_s: float) -> Answer:
    """Longs against shorts, a row an exchange; the largest are folded."""
    base, window = report.base, report.window
    partial = " (partial)" if report.failed or report.late else ""
    blocks = [_sides(report), pre(_rows(report))]
    top = largest(report.told, LARGEST)
    if top:
        blocks.append(escape(f"Largest: {_in_words(*top[0])}"))
    if len(top) > 1:
        blocks.append(folded([_in_words(*each) for each in top[1:]]))
    windows = ((each, f"liq {base} {each}") for each in WINDOWS)
    about = "≈" if DOUBTED in report.told else ""
    return Answer(
        f"<b>{escape(base)} liquidations {window} {about}{format_dollars(report.dollars())}</b>{partial}",
        tuple(blocks),
        tuple(escape(note) for note in _notes(report)),
        _foot(report, now_s),
        keyboard(
            again(f"liq {base} {window}", f"chart {base}", f"alert {base}"),
            choices(windows, window),
            neighbours("liq", f"{base}-USDT"),
        ),
    )


def _foot(report: LiquidationReport, now_s: float) -> str:
    """since 2026-11-26 07:30 UTC · 07:32:04 UTC: of a day, the beginning has nearly the clock of now."""
    begin = format_day(report.since_ms) if report.window == "24h" else clock(report.since_ms)
    return foot(f"since {begin}", report.time_ms, now_s)


def _sides(report: LiquidationReport) -> str:
    longs, shorts = report.dollars("long"), report.dollars("short")
    share = longs / (longs + shorts) if longs + shorts else None
    if share is None:
        return "Nobody's side is told." if report.dollars() else "Nobody was liquidated."
    return f"longs {format_dollars(longs)} ({format_share(share, 0)}) · shorts {format_dollars(shorts)}"


def _rows(report: LiquidationReport) -> list[list[str]]:
    rows = [["", "longs", "shorts", "all"]]
    for name, told in sorted(report.told.items(), key=lambda item: -item[1].dollars()):
        is_sided = all(row.side for row in told.rows)
        sides = [format_amount(told.dollars(side)) if is_sided else "–" for side in ("long", "short")]
        doubt = " ≈" if name == DOUBTED else ""
        rows.append([f"{exchange_name(name)[:8]}{doubt}", *sides, format_amount(told.dollars())])
    return rows


def _in_words(exchange: str, row: Liquidation) -> str:
    """$1.2M long at 63,012, OKX 13:02:11 UTC"""
    doubt = "≈" if exchange == DOUBTED else ""
    amount = f"{doubt}{format_dollars(row.dollars)} {row.side or 'position'}"
    return f"{amount} at {format_price(row.price)}, {exchange_name(exchange)} {clock(row.time_ms)}"


def _notes(report: LiquidationReport) -> list[str]:
    n_told = counted(report.n_exchanges, "exchange")
    tells = "tells its own" if len(report.told) == 1 else "tell theirs"
    streamed = ""
    if report.streamed:
        names = in_words([exchange_name(each) for each in report.streamed])
        streamed = f"; {names} {'publish' if len(report.streamed) > 1 else 'publishes'} by stream only"
    notes = [f"{len(report.told)} of {n_told} {tells}{streamed}."]
    if report.failed:
        notes.append(f"Missing: {reasons(report.failed.values())}.")
    if report.namesakes:
        notes.append(sentence(reasons(report.namesakes.values())))
    late = [f"{exchange_name(name)} since {clock(at)}" for name, at in report.late.items()]
    if late:
        notes.append(f"Not the whole {report.window}: {in_words(late)}.")
    unsided = [exchange_name(name) for name, told in report.told.items() if any(not row.side for row in told.rows)]
    if unsided:
        notes.append(f"{in_words(unsided)}: sums without sides, priced when they were asked for.")
    if "okx" in report.told:
        notes.append("OKX tells bankruptcy prices, a little beyond the fills.")
    if DOUBTED in report.told:
        notes.append("≈: Bitget does not say whose side and which unit it tells.")
    return notes


class OfExchange(TypedDict):
    """longs_usd and shorts_usd are null where sides are not told."""

    exchange: str
    longs_usd: float | None
    shorts_usd: float | None
    liquidated_usd: float
    since: str
    is_estimate: bool


class Largest(TypedDict):
    exchange: str
    side: str | None
    price: float
    amount_tokens: float | None
    amount_usd: float
    timestamp: str


class Fields(TypedDict):
    base_symbol: str
    market_type: str
    timestamp: str
    window: str
    since: str
    longs_usd: float
    shorts_usd: float
    liquidated_usd: float
    is_partial: bool
    exchange_breakdown: list[OfExchange]
    largest: list[Largest]
    streamed: list[str]
    untold: list[str]
    missing: list[str]


def fields(report: LiquidationReport) -> Fields:
    return {
        "base_symbol": report.base,
        "market_type": "perp",
        "timestamp": iso(report.time_ms),
        "window": report.window,
        "since": iso(report.since_ms),
        "longs_usd": report.dollars("long"),
        "shorts_usd": report.dollars("short"),
        "liquidated_usd": report.dollars(),
        "is_partial": bool(report.failed or report.late),
        "exchange_breakdown": [_exchange_fields(name, told) for name, told in report.told.items()],
        "largest": [_largest_fields(name, row) for name, row in largest(report.told, LARGEST)],
        "streamed": report.streamed,
        "untold": report.untold,
        "missing": [f"{name}: {said(error)}" for name, error in report.failed.items()],
    }


def _exchange_fields(name: str, told: Told) -> OfExchange:
    is_sided = all(row.side for row in told.rows)
    return {
        "exchange": name,
        "longs_usd": told.dollars("long") if is_sided else None,
        "shorts_usd": told.dollars("short") if is_sided else None,
        "liquidated_usd": told.dollars(),
        "since": iso(told.since_ms),
        "is_estimate": name == DOUBTED or not is_sided,
    }


def _largest_fields(name: str, row: Liquidation) -> Largest:
    assert row.price is not None
    assert row.dollars is not None
    return {
        "exchange": name,
        "side": row.side or None,
        "price": row.price,
        "amount_tokens": row.size,
        "amount_usd": row.dollars,
        "timestamp": iso(row.time_ms),
    }
