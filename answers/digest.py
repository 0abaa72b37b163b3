"""The daily digest: what is watched, what moved, funding extremes, alerts. Gathered by the tick, sent like an alert."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from answers.funding import ask_extremes, market_name
from answers.price_report import PriceReport, report_of
from answers.quiet import DAY_MINUTES, MINUTE_MS, Wishes, minute_of_day, minutes_ahead
from answers.traded import refuse_stale, trading
from asking.races import Question
from exchanges.errors import NoAnswer, NotListed
from exchanges.exchange import Exchange
from exchanges.words import Snapshot, per_8h
from market import Market
from render.figures import counted, escape, format_percent, format_points, format_short_price
from render.message import Answer, pre, short
from render.sentences import exchange_name
from store.words import ARMED, Store

LATE_MINUTES = 60  # a digest is sent so long after its time, and then no more that day
N_MOVERS = 3
MIN_VOLUME = 1e6  # dollars a day: what is traded less moves for nothing
GATHER_S = 8.0


def due_day(wishes: Wishes, now_ms: int) -> int | None:
    """The number of the day whose digest is due now, by the chat's clock; None when none is.

    The hour that spring leaves out makes nothing late: what is due at its beginning is due when it would be over.
    """
    if wishes.digest_at < 0:
        return None
    late, ahead = (minute_of_day(wishes, now_ms) - wishes.digest_at) % DAY_MINUTES, minutes_ahead(wishes, now_ms)
    left_out = ahead - minutes_ahead(wishes, now_ms - late * MINUTE_MS) if late < 3 * LATE_MINUTES else 0
    return (now_ms // MINUTE_MS + ahead - late) // DAY_MINUTES if late - max(0, left_out) < LATE_MINUTES else None


async def gather(market: Market, store: Store, chat_id: int) -> dict[str, Any]:
    """What a digest tells; what no exchange told in time is left out. Raises StoreError."""
    symbols, alerts = await store.watched(chat_id), await store.alerts_of_chat(chat_id)
    watched, movers, funding = await asyncio.gather(
        _in_time(_watched(market, symbols)), _in_time(_movers(market)), _in_time(_funding(market))
    )
    n_armed = sum(each.status == ARMED for each in alerts)
    return {"event": "digest", "watched": watched, "movers": movers, "funding": funding, "n_armed": n_armed}


async def _in_time(asking: Any) -> Any:
    try:
        async with asyncio.timeout(GATHER_S):
            return await asking
    except (TimeoutError, NoAnswer, NotListed):
        return None


async def _watched(market: Market, symbols: Sequence[str]) -> list[tuple[str, float, float | None]]:
    """Symbol, price, change over 24 hours."""
    reports = await asyncio.gather(*(report_of(market, each) for each in symbols), return_exceptions=True)
    found = [each for each in reports if isinstance(each, PriceReport)]
    return [(each.symbol, each.lead.last, each.lead.change_pct) for each in found]


async def _movers(market: Market) -> dict[str, Any]:
    """The perpetuals that rose and fell most, of the first exchange that tells all."""

    async def listed(exchange: Exchange) -> tuple[Exchange, dict[str, Snapshot]]:
        found = await market.listing(exchange, "perp")
        refuse_stale(exchange.id, found, market.now_ms())
        return exchange, found

    exchanges = market.offering("perp")
    question = Question(exchanges, (listed(each) for each in exchanges))
    (exchange, found), _ = await market.first_answer("all markets", {"perp": question})
    tickers = [each.ticker for _, each in trading(found, market.now_ms()) if each.ticker is not None]
    moved = sorted(
        (each.change_pct, each.symbol, each.last)
        for each in tickers
        if each.change_pct is not None and (each.quote_volume or 0.0) >= MIN_VOLUME
    )
    rose = [(symbol, last, change) for change, symbol, last in reversed(moved) if change > 0]
    fell = [(symbol, last, change) for change, symbol, last in moved if change < 0]
    return {"exchange": exchange.id, "up": rose[:N_MOVERS], "down": fell[:N_MOVERS]}


async def _funding(market: Market) -> dict[str, Any]:
    extremes = await ask_extremes(market, N_MOVERS)
    rates = [
        [(symbol, (per_8h(each.funding) or 0.0) * 100) for symbol, each in side if per_8h(each.funding) is not None]
        for side in (extremes.highest, extremes.lowest)
    ]
    return {"exchange": extremes.exchange, "highest": rates[0], "lowest": rates[1]}


def answer_of(facts: Mapping[str, Any]) -> Answer:
    """As it is sent."""
    blocks: list[str] = []
    if facts["watched"]:
        blocks += ["Watchlist", pre([["", "last", "24h%"], *(_row(*each) for each in facts["watched"])])]
    movers, funding = facts["movers"], facts["funding"]
    if movers and (moved := [*movers["up"], *movers["down"]]):
        blocks.append(f"Moved most ({escape(exchange_name(movers['exchange']))} perpetuals)")
        blocks.append(pre([["", "last", "24h%"], *(_row(*each) for each in moved)]))
    if funding and (extremes := _extremes(funding)):
        rates = [[market_name(each, funding["exchange"]), format_percent(rate, 4)] for each, rate in extremes]
        blocks += [f"Funding per 8h ({escape(exchange_name(funding['exchange']))})", pre(rates, has_head=False)]
    if not (facts["watched"] or movers or funding):
        blocks.append("No exchange answered just now.")
    blocks.append(f"{counted(facts['n_armed'], 'alert')} armed." if facts["n_armed"] else "No alerts are armed.")
    return Answer("<b>Digest</b>", tuple(blocks))


def _extremes(funding: Mapping[str, Any]) -> list[tuple[str, float]]:
    return list(dict(funding["highest"]).items()) + [
        (symbol, rate) for symbol, rate in funding["lowest"] if symbol not in dict(funding["highest"])
    ]


def _row(symbol: str, last: float, change_pct: float | None) -> list[str]:
    return [short(symbol), format_short_price(last), format_points(change_pct)]
