"""/funding: funding over all exchanges, or the extremes over all perpetuals."""

from __future__ import annotations

import time
from typing import NamedTuple

from answers.asked import Misread, Room, only_symbol, sorry_for
from answers.contracts import Contract, DerivativesReport, _everywhere, contract_name, partial_notes
from exchanges.errors import MarketError, NoAnswer, NotListed
from exchanges.symbols import NotASymbol, split
from exchanges.table import Exchange
from exchanges.words import Funding, Snapshot, per_8h, per_year_pct
from market import Market, perps_with_funding
from render.figures import _rate, counted, escape, format_percent, format_span, plain_percent
from render.message import Answer, Button, folded, foot, keyboard, neighbours, pre, refresh, that_fit
from render.sentences import exchange_name, failed_before


async def command(room: Room, words: list[str]) -> Answer:
    """Funding over all exchanges, or the extremes over all perpetuals."""
    try:
        if [word.lower() for word in words] == ["top"]:
            return show_extremes(await ask_extremes(room.market), room.clock())
        base = split(only_symbol(words or ["BTC"]))[0]
        return show(await ask(room.market, base), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return sorry_for(error, "funding of")


async def ask(market: Market, base: str) -> DerivativesReport:
    """The same without the past. Raises NotListed and NoAnswer, always within DEADLINE_S."""
    return await _everywhere(market, base, "funding")


class FundingExtremes(NamedTuple):
    """All perpetuals of one exchange by funding per 8 hours: the lowest and the highest, extremes first."""

    exchange: str
    highest: list[tuple[str, Snapshot]]
    lowest: list[tuple[str, Snapshot]]
    n_markets: int
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float


async def ask_extremes(market: Market, n: int = 7) -> FundingExtremes:
    """Extremes over all perpetuals of the first exchange that tells them. Raises NoAnswer within DEADLINE_S."""
    began = time.monotonic()

    async def ask(exchange: Exchange, kind: str) -> tuple[str, dict[str, Snapshot]]:
        return exchange.ID, await perps_with_funding(market, exchange)

    (exchange, perps), failed = await market.first("all perpetuals", ask, ("perp",))
    ranked = [(rate, symbol, perp) for symbol, perp in perps.items() if (rate := per_8h(perp.funding)) is not None]
    ranked.sort(key=lambda each: (each[0], each[1]))
    lowest = [(symbol, perp) for rate, symbol, perp in ranked[:n] if rate < 0]
    highest = [(symbol, perp) for rate, symbol, perp in reversed(ranked[-n:]) if rate > 0]
    took_s = time.monotonic() - began
    return FundingExtremes(exchange, highest, lowest, len(ranked), failed, market.now_ms(), took_s)


def show(report: DerivativesReport, now_s: float) -> Answer:
    """Exchanges side by side: what it is per 8 hours and per year; their own terms folded."""
    known = [each for each in report.contracts if each.perp.funding is not None]
    ranked = sorted(known, key=lambda each: -(per_8h(each.perp.funding) or 0.0))
    rows = [["", "8h %", "year %"]]
    for each in ranked:
        year = plain_percent(per_year_pct(each.perp.funding))
        rows.append([contract_name(each), _rate(per_8h(each.perp.funding)), year])
    lines = [f"<b>{escape(report.base)} funding</b>{' (partial)' if report.failed else ''}"]
    lines.append(pre(rows) if known else "No exchange tells it.")
    if known:
        lines.append(folded([_terms(each, now_s) for each in ranked]))
        lines.append("Above zero longs pay shorts. Per year without compounding.")
    untold = [contract_name(each) for each in report.contracts if each.perp.funding is None]
    if untold:
        lines.append(escape(f"n/a: {', '.join(untold)}."))
    lines += partial_notes(report)
    lines.append(foot(counted(len(known), "market"), report.time_ms, report.took_s, now_s))
    return Answer(
        "\n".join(lines),
        keyboard(
            (*refresh(f"funding {report.base}"), Button("Extremes", "funding top")),
            neighbours(f"{report.base}-USDT", "oi", "ls", "price", "analysis"),
        ),
    )


def _terms(contract: Contract, now_s: float) -> str:
    funding = contract.perp.funding
    assert funding is not None
    rate = format_percent(funding.funding_rate * 100, 4)
    if contract.exchange == "deribit":
        return f"{contract_name(contract)}: {rate} over the last 8h, paid continuously"
    period = "n/a" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    due = "" if funding.next_funding_ms is None else f", next in {until(funding, now_s)}"
    return f"{contract_name(contract)}: {rate} every {period}{due}"


def until(funding: Funding, now_s: float) -> str:
    return format_span((funding.next_funding_ms or 0) / 1000 - now_s)


def show_extremes(extremes: FundingExtremes, now_s: float) -> Answer:
    """Who pays most, in both directions."""
    lines = ["<b>Funding extremes</b> · perpetuals"]
    for name, side in (("Longs pay", extremes.highest), ("Shorts pay", extremes.lowest)):
        rows = [[name, "8h %", "year %", "every"]]
        for symbol, perp in side:
            funding = perp.funding
            hours = funding.funding_interval_h if funding is not None else None
            period = "n/a" if hours is None else f"{hours:g}h"
            year = plain_percent(per_year_pct(funding), 0)
            rows.append([split(symbol)[0][:11], _rate(per_8h(funding)), year, period])
        lines.append(pre(rows) if side else f"{name}: no market.")
    lines += failed_before(extremes.failed)
    source = f"{exchange_name(extremes.exchange)}, {counted(extremes.n_markets, 'market')}"
    lines.append(foot(source, extremes.time_ms, extremes.took_s, now_s))
    leaders = [split(symbol)[0] for symbol, _ in (*extremes.highest[:2], *extremes.lowest[:2])]
    return Answer(
        "\n".join(lines),
        keyboard(refresh("funding top"), that_fit(Button(each, f"funding {each}") for each in leaders)),
    )
