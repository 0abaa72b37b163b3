"""The daily digest: what is watched, what moved, funding extremes, alerts. Gathered by the tick, sent like an alert."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

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
from render.message import Answer, foot, pre, short
from render.sentences import continued, exchange_name, in_words, is_quiet, quiet, reasons
from store.words import ARMED, Store

T = TypeVar("T")
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
    """What a digest tells, and why the rest is missing. Raises StoreError."""
    symbols, alerts = await store.watched(chat_id), await store.alerts_of_chat(chat_id)
    reports, (movers, no_movers), (funding, no_funding) = await asyncio.gather(
        asyncio.gather(*(_in_time(report_of(market, each)) for each in symbols)),
        _in_time(_movers(market)),
        _in_time(_funding(market)),
    )
    n_armed = sum(each.status == ARMED for each in alerts)
    return {
        "event": "digest",
        **_watched([each for each, _ in reports if each is not None], market.now_ms()),
        "untold": [(symbol, why) for symbol, (_, why) in zip(symbols, reports, strict=True) if why],
        "movers": movers,
        "no_movers": no_movers,
        "funding": funding,
        "no_funding": no_funding,
        "n_armed": n_armed,
    }


async def _in_time(asking: Awaitable[T]) -> tuple[T | None, str]:
    """What was told, or why it was not."""
    try:
        async with asyncio.timeout(GATHER_S):
            return await asking, ""
    except NoAnswer as error:
        return None, reasons(error.errors)
    except NotListed:
        return None, "not listed"
    except TimeoutError:
        return None, "no exchange answered in time"


def _watched(reports: Sequence[PriceReport], now_ms: int) -> dict[str, Any]:
    """Symbol, price, change over 24 hours; who told them; and when, but for markets that may be gone."""
    leads = [(each.symbol, each.lead) for each in reports]
    halted = [(symbol, each.exchange, each.time_ms) for symbol, each in leads if is_quiet(each.time_ms, now_ms / 1000)]
    gone = [symbol for symbol, _, _ in halted]
    return {
        "now_ms": min([now_ms, *(each.time_ms for symbol, each in leads if symbol not in gone)]),
        "watched": [(symbol, each.last, each.change_pct) for symbol, each in leads],
        "watched_at": list(dict.fromkeys(each.exchange for _, each in leads)),
        "halted": halted,
    }


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


def answer_of(facts: Mapping[str, Any], now_s: float) -> Answer:
    """As it is sent. What an older version left in the outbox has neither time nor reasons."""
    blocks: list[str] = []
    watched, movers, funding = facts["watched"], facts["movers"], facts["funding"]
    watched_at = facts.get("watched_at", [])
    if watched:
        blocks += [f"Watchlist{_at(watched_at)}", pre([["", "last", "24h%"], *(_row(*each) for each in watched)])]
    if movers and (moved := [*movers["up"], *movers["down"]]):
        blocks.append(f"Moved most{_at([movers['exchange']], ' perpetuals')}")
        blocks.append(pre([["", "last", "24h%"], *(_row(*each) for each in moved)]))
    if funding and (extremes := _extremes(funding)):
        rates = [[market_name(each, funding["exchange"]), format_percent(rate, 4)] for each, rate in extremes]
        blocks += [f"Funding per 8h{_at([funding['exchange']])}", pre(rates, has_head=False)]
    if not (watched or movers or funding):
        blocks.append("No exchange answered just now.")
    blocks.append(f"{counted(facts['n_armed'], 'alert')} armed." if facts["n_armed"] else "No alerts are armed.")
    exchanges = dict.fromkeys([*watched_at, *(each["exchange"] for each in (movers, funding) if each)])
    names = in_words(list(map(exchange_name, exchanges))) or "No exchange"
    bottom = foot(names, facts["now_ms"], now_s) if "now_ms" in facts else ""
    return Answer("<b>Digest</b>", tuple(blocks), tuple(map(escape, _notes(facts))), bottom)


def _at(exchanges: Sequence[str], kind: str = "") -> str:
    return escape(f" ({in_words([exchange_name(each) for each in exchanges])}{kind})") if exchanges else ""


def _notes(facts: Mapping[str, Any]) -> list[str]:
    """Which watched coins are missing or halted, and what else was not told."""
    halted = [quiet(short(symbol), exchange, time_ms) for symbol, exchange, time_ms in facts.get("halted", [])]
    coins = _by_reason((short(symbol), why) for symbol, why in facts.get("untold", []))
    parts = _by_reason([("Moved most", facts.get("no_movers", "")), ("Funding", facts.get("no_funding", ""))])
    return [
        *halted,
        *(f"{in_words(names)}: {why}." for why, names in coins.items()),
        *(f"{in_words([names[0], *map(continued, names[1:])])} n/a: {why}." for why, names in parts.items()),
    ]


def _by_reason(told: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, why in told:
        if why:
            names.setdefault(why, []).append(name)
    return names


def _extremes(funding: Mapping[str, Any]) -> list[tuple[str, float]]:
    return list(dict(funding["highest"]).items()) + [
        (symbol, rate) for symbol, rate in funding["lowest"] if symbol not in dict(funding["highest"])
    ]


def _row(symbol: str, last: float, change_pct: float | None) -> list[str]:
    return [short(symbol), format_short_price(last), format_points(change_pct)]
