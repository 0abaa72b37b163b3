"""/funding: funding over all exchanges, or the extremes over all perpetuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

from answers.asked import Tools, only_symbol
from answers.contracts import Contract, DerivativesReport, contract_name, contracts_of, partial_notes
from answers.paid import DAYS, paid_at, paid_over
from answers.traded import refuse_stale, trades
from asking.races import Part, Question, settled
from exchanges.errors import MarketError, NotSupported, PartName, Reason, is_not_there
from exchanges.symbols import split
from exchanges.table import EXCHANGES, Exchange
from exchanges.words import Funding, Snapshot, per_8h, per_year_pct
from market import Market
from render.fields import iso, slashed
from render.figures import counted, dash_or, escape, format_percent, format_points, format_rate, format_span
from render.keyboards import again, keyboard, neighbours, that_fit
from render.message import Answer, Button, folded, foot, pre
from render.sentences import exchange_name, failed_before, in_words, reasons, said

ABOUT = "funding of"
EXTRAS_S = 1.0


def command(words: list[str]) -> str | None:
    """The coin; None for the extremes over all of them. Raises NotASymbol and Misread."""
    if [word.lower() for word in words] in (["top"], ["extremes"]):
        return None
    return split(only_symbol(words or ["BTC"]))[0]


async def ask(tools: Tools, base: str | None) -> DerivativesReport | FundingExtremes:
    """Raises NotListed and NoAnswer, always within DEADLINE_S."""
    return await (ask_extremes(tools.market) if base is None else of_coin(tools, base))


async def of_coin(tools: Tools, base: str) -> DerivativesReport:
    """Funding as it is, and what was paid, which is waited for no longer than EXTRAS_S after the rest."""
    market = tools.market
    past = [Part(each, paid_at(market, each, base)) for each in market.offering("perp")]
    wait_s = 0.0
    try:
        report = await contracts_of(market, base, PartName.FUNDING)
        wait_s = EXTRAS_S if report.took_s + EXTRAS_S < market.deadline_s else 0.0
    finally:
        await settled(past, wait_s)
    return report._replace(
        paid={
            part.exchange.id: part.found
            for part in past
            if part.found is not None and part.found.at_ms and part.exchange.id not in report.namesakes
        },
        unpaid={part.exchange.id: part.error for part in past if part.error and not is_not_there(part.error)},
    )


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
    ranked = [
        (rate, symbol, perp)
        for symbol, perp in perps.items()
        if (rate := per_8h(perp.funding)) is not None and trades(perp.ticker, market.now_ms())
    ]
    ranked.sort(key=lambda each: (each[0], each[1]))
    lowest = [(symbol, perp) for rate, symbol, perp in ranked[:n] if rate < 0]
    highest = [(symbol, perp) for rate, symbol, perp in reversed(ranked[-n:]) if rate > 0]
    took_s = market.clock.monotonic() - began
    return FundingExtremes(exchange.id, highest, lowest, len(ranked), failed, market.now_ms(), took_s)


def show(report: DerivativesReport | FundingExtremes, now_s: float) -> Answer:
    return _extremes(report, now_s) if isinstance(report, FundingExtremes) else _of_coin(report, now_s)


def _of_coin(report: DerivativesReport, now_s: float) -> Answer:
    """The mean weighted by open interest, a row an exchange; every contract's own terms are folded."""
    known = [each for each in report.contracts if per_8h(each.perp.funding) is not None]
    mean, unweighed = weighted(known), [each for each in known if each.dollars is None]
    is_plain = not any(each.dollars for each in known)
    partial = " (partial)" if report.failed or (unweighed and not is_plain) else ""
    headline = f"<b>{escape(report.base)} funding {_mean(mean)}</b>{partial}"
    rows = [["", "8h%", "year%", "next"]]
    by_exchange: dict[str, list[Contract]] = {}
    for each in known:
        by_exchange.setdefault(each.exchange, []).append(each)
    means = {exchange: weighted(of) or 0.0 for exchange, of in by_exchange.items()}
    for exchange in sorted(means, key=lambda each: -means[each]):
        rate = means[exchange]
        due = _next(by_exchange[exchange], now_s)
        rows.append([exchange_name(exchange)[:8], format_rate(rate), format_points(rate * 3 * 365 * 100), due])
    blocks = [pre(rows) if known else "No exchange tells it."]
    if mean is not None:
        payer = "longs pay shorts" if mean > 0 else "shorts pay longs" if mean < 0 else "nobody pays"
        plain = f"plain mean, open interest {'n/a' if unweighed else '0'}"
        blocks.insert(0, f"{plain if is_plain else 'weighted by open interest'}, {payer}")
    if report.paid:
        blocks.append(pre(_past(report)))
    ranked = sorted(known, key=lambda each: -(per_8h(each.perp.funding) or 0.0))
    if known:
        blocks.append(folded([_terms(each, now_s) for each in ranked]))
    notes = list(partial_notes(report, {each.exchange for each in known}))
    untold = [contract_name(each) for each in report.contracts if each not in known]
    if untold:
        notes.insert(0, escape(f"n/a: {', '.join(untold)}."))
    if unweighed:
        why = f"Open interest n/a: {reasons(each.why_no_interest for each in unweighed)}."
        notes.insert(0, escape(why if is_plain else f"Not in the mean: {_not_in_the_mean(by_exchange)}. {why}"))
    if report.unpaid:
        notes.append(escape(f"Paid before n/a: {reasons(report.unpaid.values())}."))
    line = f"funding {report.base}"
    return Answer(
        headline,
        tuple(blocks),
        tuple(notes),
        foot(counted(len(known), "market"), report.time_ms, now_s),
        keyboard(
            (*again(line, f"chart {line}", f"alert {report.base}"), Button("Extremes", "funding top")),
            neighbours("funding", f"{report.base}-USDT"),
        ),
    )


def _past(report: DerivativesReport) -> list[list[str]]:
    """What each exchange's contract paid over 7 and 30 days, in percent, and the mean of 30 days per 8 hours."""
    rows = [["paid", *(f"{days}d%" for days in DAYS), "mean 8h%"]]
    sums = {name: [paid_over(rows, days, report.time_ms) for days in DAYS] for name, rows in report.paid.items()}
    for name, each in sorted(sums.items(), key=lambda item: -(item[1][0] or 0.0)):
        mean = None if each[-1] is None else each[-1] / (DAYS[-1] * 3)
        cells = [dash_or(None if paid is None else paid * 100, 3) for paid in each]
        rows.append([exchange_name(name)[:8], *cells, "–" if mean is None else format_rate(mean)])
    return rows


def weighted(contracts: Sequence[Contract]) -> float | None:
    """The mean rate per 8 hours, weighted by open interest in dollars: of the contracts that tell both.

    A plain mean where none of them tells any open interest.
    """
    rates = [(rate, each.dollars or 0.0) for each in contracts if (rate := per_8h(each.perp.funding)) is not None]
    total = sum(dollars for _, dollars in rates)
    if total:
        return sum(rate * dollars for rate, dollars in rates) / total
    return sum(rate for rate, _ in rates) / len(rates) if rates else None


def _not_in_the_mean(by_exchange: Mapping[str, Sequence[Contract]]) -> str:
    """The contracts that have no weight: an exchange of which all have none is named as a whole."""
    names = list[str]()
    for exchange, of in by_exchange.items():
        without = [each for each in of if each.dollars is None]
        if len(without) < len(of) or len(of) == 1:
            names += map(contract_name, without)
        else:
            names.append(f"{exchange_name(exchange)} (a plain mean in its row)")
    return in_words(names)


def _mean(rate: float | None) -> str:
    if rate is None:
        return "n/a"
    return f"{format_percent(rate * 100, 4)}/8h {format_percent(rate * 3 * 365 * 100, 1)}/y"


def _next(contracts: Sequence[Contract], now_s: float) -> str:
    """When the exchange's next payment is due, the soonest of its contracts."""
    fundings = [each.perp.funding for each in contracts if each.perp.funding is not None]
    if fundings and all(each.is_continuous for each in fundings):
        return "cont."
    due = [each for each in fundings if each.due_ms(now_s * 1000) is not None]
    return until(min(due, key=lambda each: each.next_funding_ms or 0), now_s) if due else "–"


def _terms(contract: Contract, now_s: float) -> str:
    funding = contract.perp.funding
    assert funding is not None
    rate = format_percent(funding.funding_rate * 100, 4)
    period = "n/a" if funding.funding_interval_h is None else f"{funding.funding_interval_h:g}h"
    if funding.is_continuous:
        return f"{contract_name(contract)}: {rate} over the last {period}, paid continuously"
    due = "" if funding.due_ms(now_s * 1000) is None else f", next in {until(funding, now_s)}"
    return f"{contract_name(contract)}: {rate} every {period}{due}"


def until(funding: Funding, now_s: float) -> str:
    return format_span((funding.next_funding_ms or 0) / 1000 - now_s)


def market_name(symbol: str, exchange: str) -> str:
    """BTC, or BTC USDC where that is not the exchange's usual dollar."""
    base, quote = split(symbol)
    known = EXCHANGES.get(exchange)
    if known is None or quote == known.quotes["perp"][0]:
        return base
    return f"{base} {quote}"


def _extremes(extremes: FundingExtremes, now_s: float) -> Answer:
    """Who pays most, in both directions."""
    lines = ["<b>Funding extremes</b> perpetuals"]
    for name, side in (("Longs pay", extremes.highest), ("Shorts pay", extremes.lowest)):
        rows = [[name, "8h %", "year %", "every"]]
        for symbol, perp in side:
            funding = perp.funding
            hours = funding.funding_interval_h if funding is not None else None
            period = "n/a" if hours is None else f"{hours:g}h"
            year = format_points(per_year_pct(funding), 0)
            rows.append([market_name(symbol, extremes.exchange), format_rate(per_8h(funding)), year, period])
        lines.append(pre(rows) if side else f"{name}: no market.")
    lines += failed_before(extremes.failed)
    source = f"{exchange_name(extremes.exchange)}, {counted(extremes.n_markets, 'market')}"
    leaders = [split(symbol)[0] for symbol, _ in (*extremes.highest[:2], *extremes.lowest[:2])]
    return Answer(
        lines[0],
        tuple(lines[1:]),
        foot=foot(source, extremes.time_ms, now_s),
        keyboard=keyboard(again("funding top"), that_fit(Button(each, f"funding {each}") for each in leaders)),
    )


async def perps_with_funding(market: Market, exchange: Exchange) -> tuple[Exchange, dict[str, Snapshot]]:
    """All perpetuals of an exchange, the funding of some at least comparable. Raises MarketError."""
    found = await market.listing(exchange, "perp", PartName.FUNDING)
    refuse_stale(exchange.id, found, market.now_ms())
    if not any(per_8h(perp.funding) is not None for perp in found.values()):
        raise market.periods.error(exchange) or NotSupported(exchange.id, "no funding", Reason.NO_FUNDING)
    return exchange, found


class Rate(TypedDict):
    """Of one perpetual: its own rate and period, and the same for 8 hours."""

    symbol: str
    funding_rate: float
    funding_interval_hours: float | None
    funding_8h: float | None
    next_funding: str | None


class OfExchange(TypedDict):
    exchange: str
    funding_8h: float | None
    paid_7d: float | None
    paid_30d: float | None
    market_breakdown: list[Rate]


class Fields(TypedDict):
    base_symbol: str
    market_type: str
    timestamp: str
    funding_8h: float | None
    funding_year_percentage: float | None
    exchange_breakdown: list[OfExchange]
    missing: list[str]


class ExtremesFields(TypedDict):
    exchange: str
    market_type: str
    timestamp: str
    total_markets: int
    highest: list[Rate]
    lowest: list[Rate]


def fields(report: DerivativesReport) -> Fields:
    """Of one coin."""
    mean = weighted(report.contracts)
    by_exchange: dict[str, list[Contract]] = {}
    for each in report.contracts:
        by_exchange.setdefault(each.exchange, []).append(each)
    return {
        "base_symbol": report.base,
        "market_type": "perp",
        "timestamp": iso(report.time_ms),
        "funding_8h": mean,
        "funding_year_percentage": None if mean is None else mean * 3 * 365 * 100,
        "exchange_breakdown": [_exchange_fields(name, of, report) for name, of in by_exchange.items()],
        "missing": [
            *(f"{name}: {said(error)}" for name, error in report.failed.items()),
            *(
                f"{each.exchange}: open interest of {slashed(f'{report.base}-{each.margin}', 'perp')}, by which"
                f" funding_8h is weighted: {said(each.why_no_interest)}"
                for each in report.contracts
                if each.dollars is None and per_8h(each.perp.funding) is not None
            ),
        ],
    }


def _exchange_fields(name: str, contracts: Sequence[Contract], report: DerivativesReport) -> OfExchange:
    past = report.paid.get(name)
    week, month = (None if past is None else paid_over(past, days, report.time_ms) for days in DAYS)
    rates = [_rate_fields(f"{report.base}-{each.margin}", each.perp, report.time_ms) for each in contracts]
    return {
        "exchange": name,
        "funding_8h": weighted(contracts),
        "paid_7d": week,
        "paid_30d": month,
        "market_breakdown": [each for each in rates if each is not None],
    }


def _rate_fields(symbol: str, perp: Snapshot, now_ms: int) -> Rate | None:
    funding = perp.funding
    if funding is None:
        return None
    due = funding.due_ms(now_ms)
    return {
        "symbol": slashed(symbol, "perp"),
        "funding_rate": funding.funding_rate,
        "funding_interval_hours": funding.funding_interval_h,
        "funding_8h": per_8h(funding),
        "next_funding": None if due is None or funding.is_continuous else iso(due),
    }


def extremes_fields(extremes: FundingExtremes) -> ExtremesFields:
    highest, lowest = (
        [each for each in (_rate_fields(symbol, perp, extremes.time_ms) for symbol, perp in side) if each is not None]
        for side in (extremes.highest, extremes.lowest)
    )
    return {
        "exchange": extremes.exchange,
        "market_type": "perp",
        "timestamp": iso(extremes.time_ms),
        "total_markets": extremes.n_markets,
        "highest": highest,
        "lowest": lowest,
    }
