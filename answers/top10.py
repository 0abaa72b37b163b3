"""/top10: the first markets of an exchange.

Lists are streamed and reduced row by row (asking/fetch.py), so that no list is ever held as it came.

Memory: one record per market of an exchange, some 400 bytes each, for LISTING_S.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, NotRequired, TypedDict, cast

from answers.asked import KIND_WORDS, Misread, Tools, cut
from answers.funding import perps_with_funding
from answers.traded import refuse_stale, trading, volume_of
from asking import races
from asking.races import Question
from exchanges import coingecko
from exchanges.errors import BadResponse, MarketError, NotSupported, PartName, Reason, Unavailable, bare
from exchanges.symbols import multiplied, split
from exchanges.table import Exchange
from exchanges.words import Snapshot, Ticker, per_8h
from market import Market
from render.fields import TickerFields, iso, ticker_fields
from render.figures import (
    STALE_S,
    counted,
    format_amount,
    format_dollars,
    format_moment,
    format_points,
    format_short_price,
    short_rate,
)
from render.keyboards import again, choices, keyboard, of_coins
from render.message import Answer, Button, folded, foot, pre, short
from render.sentences import exchange_name, failed_before, said

ROWS = 10
CAPS_S = 600.0
CAPS_LATE_S = 1.5  # the table never waits longer for them
CAPS_AGAIN_S = 60.0
MAX_PRICE_GAP = 0.2  # between a coin's price here and its namesake's at CoinGecko
SORTS = ("volume", "gainers", "losers", "funding", "oi")
MIN_QUOTE_VOLUME = 1_000_000.0  # of gainers and losers: a thin market's jump is no news
ABOUT = "list of"
SORT_NAMES = {
    "volume": "volume",
    "gainers": "gain in 24h",
    "losers": "loss in 24h",
    "funding": "funding",
    "oi": "open interest",
}
MAX_LIMIT = 50


class Sorting(NamedTuple):
    """The n first markets of a kind, by one of SORTS."""

    kind: str = "perp"
    sort: str = "volume"
    n: int = ROWS


def command(words: list[str]) -> Sorting:
    """Raises Misread."""
    asked = Sorting()
    for word in words:
        plain = word.lower()
        if plain in KIND_WORDS:
            asked = asked._replace(kind=KIND_WORDS[plain][0])
        elif plain in SORTS:
            asked = asked._replace(sort=plain)
        else:
            raise Misread(f"“{cut(word)}” is not understood here. Try /top10 perps gainers, or /top10 spot.")
    if asked.kind == "spot" and asked.sort in ("funding", "oi"):
        raise Misread(f"Spot markets have no {SORT_NAMES[asked.sort]}. Try /top10 perps {asked.sort}.")
    return asked


class Top(NamedTuple):
    """The first of an exchange's markets. caps: market capitalisation in dollars, by symbol, where it is known."""

    exchange: str
    kind: str
    sort: str
    rows: list[tuple[str, Snapshot]]
    n_markets: int
    caps: dict[str, float]
    no_caps: MarketError | None  # where CoinGecko told none
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float
    caps_ms: int | None = None  # when they were asked for


class _Caps(dict[str, list[coingecko.MarketCap]]):
    """Market capitalisations by base. error: why there are none. is_asked: whether CoinGecko was."""

    def __init__(self, error: MarketError | None = None, *, is_asked: bool = True) -> None:
        super().__init__()
        self.error, self.is_asked = error, is_asked
        self.asked_ms: int | None = None  # where it told them


async def ask(tools: Tools, asked: Sorting) -> Top:
    """Of the first exchange that tells all. Raises NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    caps = asyncio.ensure_future(_market_caps(market))
    exchanges = market.offering(asked.kind)
    question = Question(exchanges, (_listed_at(market, each, asked) for each in exchanges))
    is_late = True
    try:
        (exchange, found), failed = await market.first_answer("all markets", {asked.kind: question})
        listed = trading(found, market.now_ms())
        listed.sort(key=by(asked.sort))
        rows = listed[: asked.n]
        left_s = max(0.0, min(CAPS_LATE_S - (market.clock.monotonic() - began), races.DEADLINE_S))
        await asyncio.wait([caps], timeout=left_s)
        is_late = not caps.done()
        known = _Caps(Unavailable(coingecko.ID, "late", Reason.LATE)) if is_late else caps.result()
    finally:
        if not is_late or not market.may_run_on:
            caps.cancel()
    if known.error is not None and known.is_asked and not (is_late and market.may_run_on):
        market.leave_alone(coingecko.ID, CAPS_AGAIN_S)
    took_s = market.clock.monotonic() - began
    of_rows = caps_of(rows, known)
    return Top(
        exchange.id,
        asked.kind,
        asked.sort,
        rows,
        len(listed),
        of_rows,
        known.error,
        failed,
        market.now_ms(),
        took_s,
        known.asked_ms,
    )


async def _listed_at(market: Market, exchange: Exchange, asked: Sorting) -> tuple[Exchange, dict[str, Snapshot]]:
    """All markets, with what they are sorted by. Raises MarketError."""
    if asked.sort == "funding":
        return await perps_with_funding(market, exchange)
    parts = () if asked.kind == "spot" else (PartName.FUNDING, PartName.OPEN_INTEREST)
    found = await market.listing(exchange, asked.kind, *parts)
    refuse_stale(exchange.id, found, market.now_ms())
    if asked.sort == "oi" and not any(perp.open_interest for perp in found.values()):
        raise NotSupported(exchange.id, "no list of open interest", Reason.NO_OPEN_INTEREST_LIST)
    return exchange, found


def _ticker(perp: Snapshot) -> Ticker:
    assert perp.ticker is not None
    return perp.ticker


def by(sort: str) -> Callable[[tuple[str, Snapshot]], tuple[float, float]]:
    """What to sort by, the first row lowest; those without the figure last, equal ones by volume."""

    def key(row: tuple[str, Snapshot]) -> tuple[float, float]:
        volume = volume_of(row[1])
        figure = volume if sort == "volume" else _figure(row[1], sort)
        return math.inf if figure is None else -figure, -volume

    return key


def _figure(perp: Snapshot, sort: str) -> float | None:
    """What another sort than "volume" goes by, the largest first; None where it is not told, or the market is thin."""
    if sort == "funding":
        rate = per_8h(perp.funding)
        return None if rate is None else abs(rate)
    if sort == "oi":
        return perp.open_interest and perp.open_interest.open_interest_quote
    change = _ticker(perp).change_pct
    if change is None or volume_of(perp) < MIN_QUOTE_VOLUME:
        return None
    return change if sort == "gainers" else -change


async def _market_caps(market: Market) -> _Caps:
    """Market capitalisations; none when they are not to be had, and why."""
    if not market.may_ask(coingecko.ID):
        return _Caps(Unavailable(coingecko.ID, "left alone", Reason.FAILED), is_asked=False)

    async def load() -> _Caps:
        found = _Caps()
        found.asked_ms = market.now_ms()

        rows: list[coingecko.MarketCap] = []
        await market.stream(coingecko.market_caps(), rows.extend)
        for each in rows:
            found.setdefault(each.base, []).append(each)
        if not found:
            raise BadResponse(coingecko.ID, "no coin", Reason.UNTOLD)
        return found

    try:
        return await market.cached_load(("coingecko", "market caps"), CAPS_S, load())
    except MarketError as error:
        return _Caps(bare(error))


def caps_of(rows: Sequence[tuple[str, Snapshot]], caps: dict[str, list[coingecko.MarketCap]]) -> dict[str, float]:
    """By symbol. Many coins share a name, so one counts only when its price is near the market's."""
    found = {}
    for symbol, perp in rows:
        base, multiplier = multiplied(split(symbol)[0])  # told as listed only beside another coin of that name
        last = _ticker(perp).last / multiplier
        for each in caps.get(base, ()):
            if abs(each.price / last - 1) <= MAX_PRICE_GAP:
                found[symbol] = each.market_cap
                break
    return found


def show(top: Top, now_s: float) -> Answer:
    """One row a market; of perpetuals open interest and market capitalisation are folded."""
    is_spot = top.kind == "spot"
    last = "cap" if is_spot else "OI" if top.sort == "oi" else "fund%"
    rows = [["", "price", "24h%", "vol$", last]]
    for symbol, perp in top.rows:
        assert perp.ticker is not None
        ticker = perp.ticker
        figure = format_amount(top.caps.get(symbol))
        if not is_spot:
            figure = format_amount(_oi_dollars(perp)) if top.sort == "oi" else short_rate(per_8h(perp.funding))
        change = format_points(ticker.change_pct, 0 if abs(ticker.change_pct or 0.0) >= 100 else 1)
        rows.append(
            [
                split(symbol)[0],
                format_short_price(ticker.last),
                change,
                format_amount(ticker.quote_volume),
                figure,
            ]
        )
    name = "spot" if is_spot else "perpetuals"
    lines = [f"<b>Top {len(top.rows)} {name}</b> by {SORT_NAMES[top.sort]}", pre(rows)]
    if not is_spot:
        lines.append("Funding is per 8 hours." if top.sort != "oi" else "Open interest is in dollars.")
        lines.append(folded([_more(symbol, perp, top.caps.get(symbol)) for symbol, perp in top.rows]))
    if top.sort in ("gainers", "losers"):
        lines.append(f"Markets with less than {format_dollars(MIN_QUOTE_VOLUME)} of volume stand last.")
    if top.no_caps is not None:
        lines.append(f"Market cap n/a: {coingecko.NAME} {said(top.no_caps)}.")
    elif len(top.caps) < len(top.rows):
        lines.append("Market cap is CoinGecko's; n/a where it knows no such coin at this price.")
    if top.caps_ms is not None and now_s - top.caps_ms / 1000 > STALE_S:
        lines.append(f"Market caps are of {format_moment(top.caps_ms, now_s)}.")
    lines += failed_before(top.failed)
    source = f"{exchange_name(top.exchange)}, of {counted(top.n_markets, 'market')}"
    kind = "spot" if is_spot else "perps"
    sorts = ("volume", "gainers", "losers") if is_spot else ("volume", "gainers", "losers", "funding", "oi")
    other = "perps" if is_spot else "spot"
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=foot(source, top.time_ms, now_s),
        keyboard=keyboard(
            (*again(f"top10 {kind} {top.sort}"), Button(other, f"top10 {other}")),
            choices(((each, f"top10 {kind} {each}") for each in sorts), top.sort),
            of_coins(
                [split(symbol)[0] for symbol, _ in top.rows[:5]],
                [f"price {short(symbol)}" for symbol, _ in top.rows[:5]],
            ),
        ),
    )


def _oi_dollars(perp: Snapshot) -> float | None:
    return perp.open_interest and perp.open_interest.open_interest_quote


def _more(symbol: str, perp: Snapshot, cap: float | None) -> str:
    value = _oi_dollars(perp)
    interest = "" if value is None else f"OI {format_dollars(value)} · "
    return f"{split(symbol)[0]}: {interest}cap {format_dollars(cap)}"


class SpotRow(TickerFields):
    market_cap: float | None


class MarketRow(SpotRow):
    """Of perpetuals with open interest in coins, and funding as a fraction per period."""

    open_interest: NotRequired[float | None]
    funding_rate: NotRequired[float | None]


class Fields(TypedDict):
    market_type: str
    exchange: str
    timestamp: str
    symbols: list[MarketRow]


def fields(top: Top) -> Fields:
    return {
        "market_type": top.kind,
        "exchange": top.exchange,
        "timestamp": iso(top.time_ms),
        "symbols": [_row(symbol, perp, top) for symbol, perp in top.rows],
    }


def _row(symbol: str, perp: Snapshot, top: Top) -> MarketRow:
    assert perp.ticker is not None
    spot: SpotRow = {**ticker_fields(symbol, perp.ticker, top.kind), "market_cap": top.caps.get(symbol)}
    if top.kind == "spot":
        return cast(MarketRow, spot)
    interest = perp.open_interest and perp.open_interest.open_interest
    return {**spot, "open_interest": interest, "funding_rate": perp.funding and perp.funding.funding_rate}
