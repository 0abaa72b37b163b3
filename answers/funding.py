"""/funding: funding over all exchanges, or the extremes over all perpetuals."""

from __future__ import annotations

from typing import NamedTuple

from answers.asked import Tools, only_symbol
from answers.contracts import Contract, DerivativesReport, contract_name, contracts_of, partial_notes
from asking.races import Question
from exchanges.errors import MarketError
from exchanges.symbols import split
from exchanges.words import Funding, Snapshot, per_8h, per_year_pct
from market import Market, perps_with_funding
from render.figures import counted, escape, format_percent, format_points, format_rate, format_span
from render.message import Answer, Button, folded, foot, keyboard, neighbours, pre, refresh, that_fit
from render.sentences import exchange_name, failed_before

ABOUT = "funding of"


def command(words: list[str]) -> str | None:
    """The coin; None for the extremes over all of them. Raises NotASymbol and Misread."""
    if [word.lower() for word in words] == ["top"]:
        return None
    return split(only_symbol(words or ["BTC"]))[0]


async def ask(tools: Tools, base: str | None) -> DerivativesReport | FundingExtremes:
    """Raises NotListed and NoAnswer, always within DEADLINE_S."""
    if base is None:
        return await ask_extremes(tools.market)
    return await contracts_of(tools.market, base, "funding")


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
    began = market.clock.monotonic()

    exchanges = market.offering("perp")
    question = Question(exchanges, (perps_with_funding(market, each) for each in exchanges))
    (exchange, perps), failed = await market.first_answer("all perpetuals", {"perp": question})
    ranked = [(rate, symbol, perp) for symbol, perp in perps.items() if (rate := per_8h(perp.funding)) is not None]
    ranked.sort(key=lambda each: (each[0], each[1]))
    lowest = [(symbol, perp) for rate, symbol, perp in ranked[:n] if rate < 0]
    highest = [(symbol, perp) for rate, symbol, perp in reversed(ranked[-n:]) if rate > 0]
    took_s = market.clock.monotonic() - began
    return FundingExtremes(exchange.id, highest, lowest, len(ranked), failed, market.now_ms(), took_s)


def show(report: DerivativesReport | FundingExtremes, now_s: float) -> Answer:
    return _extremes(report, now_s) if isinstance(report, FundingExtremes) else _of_coin(report, now_s)


def _of_coin(report: DerivativesReport, now_s: float) -> Answer:
    """Exchanges side by side: what it is per 8 hours and per year; their own terms folded."""
    known = [each for each in report.contracts if each.perp.funding is not None]
    ranked = sorted(known, key=lambda each: -(per_8h(each.perp.funding) or 0.0))
    rows = [["", "8h %", "year %"]]
    for each in ranked:
        year = format_points(per_year_pct(each.perp.funding))
        rows.append([contract_name(each), format_rate(per_8h(each.perp.funding)), year])
    lines = [f"<b>{escape(report.base)} funding</b>{' (partial)' if report.failed else ''}"]
    lines.append(pre(rows) if known else "No exchange tells it.")
    if known:
        lines.append(folded([_terms(each, now_s) for each in ranked]))
        lines.append("Above zero longs pay shorts. Per year without compounding.")
    untold = [contract_name(each) for each in report.contracts if each.perp.funding is None]
    if untold:
        lines.append(escape(f"n/a: {', '.join(untold)}."))
    lines += partial_notes(report)
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=foot(counted(len(known), "market"), report.time_ms, report.took_s, now_s),
        keyboard=keyboard(
            (*refresh(f"funding {report.base}"), Button("Extremes", "funding top")),
            neighbours(f"{report.base}-USDT", "oi", "ls", "price", "analysis"),
        ),
    )


def _terms(contract: Contract, now_s: float) -> str:
    funding = contract.perp.funding
    assert funding is not None
    rate = format_percent(funding.funding_rate * 100, 4)
    period = "n/a" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    if funding.is_continuous:
        return f"{contract_name(contract)}: {rate} over the last {period}, paid continuously"
    due = "" if funding.next_funding_ms is None else f", next in {until(funding, now_s)}"
    return f"{contract_name(contract)}: {rate} every {period}{due}"


def until(funding: Funding, now_s: float) -> str:
    return format_span((funding.next_funding_ms or 0) / 1000 - now_s)


def _extremes(extremes: FundingExtremes, now_s: float) -> Answer:
    """Who pays most, in both directions."""
    lines = ["<b>Funding extremes</b> · perpetuals"]
    for name, side in (("Longs pay", extremes.highest), ("Shorts pay", extremes.lowest)):
        rows = [[name, "8h %", "year %", "every"]]
        for symbol, perp in side:
            funding = perp.funding
            hours = funding.funding_interval_h if funding is not None else None
            period = "n/a" if hours is None else f"{hours:g}h"
            year = format_points(per_year_pct(funding), 0)
            rows.append([split(symbol)[0][:11], format_rate(per_8h(funding)), year, period])
        lines.append(pre(rows) if side else f"{name}: no market.")
    lines += failed_before(extremes.failed)
    source = f"{exchange_name(extremes.exchange)}, {counted(extremes.n_markets, 'market')}"
    foot_line = foot(source, extremes.time_ms, extremes.took_s, now_s)
    leaders = [split(symbol)[0] for symbol, _ in (*extremes.highest[:2], *extremes.lowest[:2])]
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=foot_line,
        keyboard=keyboard(refresh("funding top"), that_fit(Button(each, f"funding {each}") for each in leaders)),
    )
