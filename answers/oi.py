"""/oi: open interest over all exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from answers.asked import Tools, only_symbol
from answers.contracts import MARGINS, Contract, DerivativesReport, contract_name, contracts_of, partial_notes
from answers.interest import ROUGH, basis_at, is_rough
from asking.races import Part, settled
from exchanges.errors import PartName
from exchanges.symbols import split
from exchanges.words import COIN, per_8h
from render.fields import iso, slashed, sum_of_known
from render.figures import (
    circle,
    counted,
    dash_or,
    escape,
    format_amount,
    format_bp,
    format_coins,
    format_dollars,
    format_percent,
    format_rate,
    format_share,
)
from render.keyboards import again, keyboard, neighbours
from render.message import Answer, folded, foot, pre
from render.sentences import exchange_name, said

MAX_CONTRACTS = 30
BASIS_S = 0.15  # that is waited for a basis when all else is there: it was asked for at the same time
VALIDATING = 4  # exchanges that make an open interest valid
ABOUT = "open interest of"


def command(words: list[str]) -> str:
    """The coin. Raises NotASymbol and Misread."""
    return split(only_symbol(words or ["BTC"]))[0]


async def ask(tools: Tools, base: str) -> DerivativesReport:
    """Open interest of every perpetual of a coin, and what it was 1 and 24 hours ago where that is told.

    Raises NotListed and NoAnswer, always within DEADLINE_S.
    """
    market = tools.market
    market.raise_if_not_listed(f"{base}-USDT", "perp")
    tellers = [each for each in market.offering("perp") if each.tells.get("basis_history")]
    parts = [Part(each, basis_at(market, each, f"{base}-{each.quotes['perp'][0]}")) for each in tellers]
    try:
        report = await contracts_of(market, base, PartName.OPEN_INTEREST)
    finally:
        await settled(parts, BASIS_S)
    counted_at = {each.exchange for each in report.contracts}  # not where another coin has the name
    basis = {part.exchange.id: part.found for part in parts if part.found and part.exchange.id in counted_at}
    return report._replace(basis=basis)


def show(report: DerivativesReport, now_s: float) -> Answer:
    """The total and its change, a row an exchange; margins and every market are folded."""
    base, total = report.base, report.dollars
    partial = " (partial)" if report.failed else ""
    changes = {hours: change for hours in (1, 24) if (change := report.change_pct(hours)) is not None}
    moves = " ".join(
        f"{'≈' * report.is_rough(hours)}{format_percent(percent)} {hours}h" for hours, (percent, _) in changes.items()
    )
    sign = f" {circle(next(iter(changes.values()))[0])} {moves}" if changes else ""
    headline = f"<b>{escape(base)} OI {format_dollars(total)}</b>{partial}{sign}"
    by_exchange: dict[str, list[Contract]] = {}
    for each in report.contracts:
        by_exchange.setdefault(each.exchange, []).append(each)
    rows = [["", "$", "share", "1h%", "24h%"]]
    for exchange, of in sorted(by_exchange.items(), key=lambda item: -sum(each.dollars or 0.0 for each in item[1])):
        moved = [f"{'≈' * _is_rough(of, hours)}{dash_or(_change_pct(of, hours))}" for hours in (1, 24)]
        rows.append([exchange_name(exchange)[:8], *_sum_cells(of, total), *moved])
    return Answer(
        headline,
        (
            escape(" · ".join([format_coins(report.coins, base), *_covered(changes)])),
            pre(rows),
            folded(
                [
                    *_margins(report, total),
                    *_basis(report),
                    *(_contract_line(each, base, total) for each in report.contracts[:MAX_CONTRACTS]),
                    *([ROUGH] if any(map(report.is_rough, (1, 24))) else []),
                ]
            ),
        ),
        (
            *partial_notes(report, {each.exchange for each in report.contracts if each.coins is not None}),
            "Perpetuals, one side counted; dated futures are not.",
        ),
        foot(
            f"{counted(len(report.contracts), 'market')} on {counted(len(by_exchange), 'exchange')}",
            report.time_ms,
            now_s,
        ),
        keyboard(again(f"oi {base}", f"chart oi {base}", f"alert {base}"), neighbours("oi", f"{base}-USDT")),
    )


def _covered(changes: dict[int, tuple[float, float]]) -> list[str]:
    """What the changes are of, where they are not of all."""
    if not changes:
        return ["change n/a: no exchange that answered tells the past"]
    shares = {hours: f"{share * 100:.0f}%" for hours, (_, share) in changes.items()}
    if set(shares.values()) == {"100%"}:
        return []
    if len(set(shares.values())) == 1:
        return [f"change covers {next(iter(shares.values()))}"]
    return ["change covers " + ", ".join(f"{share} ({hours}h)" for hours, share in shares.items())]


def _change_pct(contracts: Sequence[Contract], hours: int) -> float | None:
    """Of those contracts whose past is told."""
    told = [each for each in contracts if hours in each.before and each.coins is not None]
    before = sum(each.before[hours] for each in told)
    return (sum(each.coins or 0.0 for each in told) / before - 1) * 100 if before else None


def _is_rough(contracts: Sequence[Contract], hours: int) -> bool:
    return any(is_rough(each.before, hours) for each in contracts)


def _margins(report: DerivativesReport, total: float | None) -> list[str]:
    lines = []
    for margin, name in MARGINS.items():
        of = [each for each in report.contracts if each.margin == margin]
        if of:
            dollars, share = _sum_cells(of, total)
            told = any(each.coins is not None for each in of)
            lines.append(f"Margin {name}: ${dollars}, {share}%" if told else f"Margin {name}: n/a, no exchange told it")
    return lines


def _basis(report: DerivativesReport) -> list[str]:
    """≈, as who tells it does not say what it is a share of."""
    lines = []
    for exchange, (now, before) in report.basis.items():
        ago = "" if before is None else f", 24h ago ≈{format_bp(before * 100)}"
        lines.append(f"Basis of {exchange_name(exchange)}: ≈{format_bp(now * 100)} of the index{ago}")
    return lines


def _sum_cells(contracts: Sequence[Contract], total: float | None) -> list[str]:
    """Dollars and their share of all, in percent."""
    known = [each for each in contracts if each.coins is not None]
    if not known:
        return ["n/a", "n/a"]
    dollars = sum(each.dollars or 0.0 for each in known)
    share = dollars / total * 100 if total else None
    return [format_amount(dollars), "n/a" if share is None else f"{share:.1f}"]


def _contract_line(contract: Contract, base: str, total: float | None) -> str:
    dollars = contract.dollars
    share = dollars / total if dollars is not None and total else None
    amounts = f"{format_coins(contract.coins, base)}, {format_dollars(dollars)}, {format_share(share)}"
    rate = per_8h(contract.perp.funding)
    funding = "funding n/a" if rate is None else f"funding {format_rate(rate)}% per 8h"
    volume = f"24h {format_dollars(contract.ticker.quote_volume)}"
    return f"{contract_name(contract)}: {amounts} · {funding} · {volume}"


class Row(TypedDict):
    """Of one market, or of all at one exchange. Funding is a fraction; of several, per 8 hours."""

    oi_tokens: float | None
    oi_usd: float | None
    funding_rate: float | None
    volume_24h: float | None
    volume_24h_usd: float | None


class MarketRow(Row):
    type: str
    symbol: str
    price: float


class ExchangeRow(Row):
    exchange: str
    oi_percentage: float | None
    markets: int
    market_breakdown: list[MarketRow]


class Sums(TypedDict):
    total_tokens: float | None
    total_usd: float | None
    total_volume_24h: float | None
    total_volume_24h_usd: float | None
    exchanges_count: int


class Category(TypedDict):
    total_tokens: float
    total_usd: float
    percentage: float | None
    exchanges: int


class Categories(TypedDict):
    usdt_stable: Category
    usdc_stable: Category
    usd_stable: Category
    usd_inverse: Category


class Validation(TypedDict):
    successful_exchanges: int
    failed_exchanges: int
    total_markets: int
    validation_passed: bool
    failed_details: list[str]


class Fields(TypedDict):
    base_symbol: str
    market_type: str
    timestamp: str
    total_markets: int
    aggregated_oi: Sums
    exchange_breakdown: list[ExchangeRow]
    market_categories: Categories
    validation_summary: Validation


def fields(report: DerivativesReport) -> Fields:
    by_exchange: dict[str, list[Contract]] = {}
    for each in report.contracts:
        by_exchange.setdefault(each.exchange, []).append(each)
    whole = [name for name in by_exchange if name not in report.failed]
    return {
        "base_symbol": report.base,
        "market_type": "perp",
        "timestamp": iso(report.time_ms),
        "total_markets": len(report.contracts),
        "aggregated_oi": {
            "total_tokens": report.coins,
            "total_usd": report.dollars,
            "total_volume_24h": sum_of_known(each.ticker.base_volume for each in report.contracts),
            "total_volume_24h_usd": sum_of_known(each.ticker.quote_volume for each in report.contracts),
            "exchanges_count": len(whole),
        },
        "exchange_breakdown": [_exchange_oi(name, of, report) for name, of in by_exchange.items()],
        "market_categories": {
            "usdt_stable": _category(report, "USDT"),
            "usdc_stable": _category(report, "USDC"),
            "usd_stable": _category(report, "USD"),
            "usd_inverse": _category(report, COIN),
        },
        "validation_summary": {
            "successful_exchanges": len(whole),
            "failed_exchanges": len(report.failed),
            "total_markets": len(report.contracts),
            "validation_passed": len(whole) >= VALIDATING,
            "failed_details": [f"{name}: {said(error)}" for name, error in report.failed.items()],
        },
    }


def _exchange_oi(name: str, contracts: Sequence[Contract], report: DerivativesReport) -> ExchangeRow:
    dollars = sum_of_known(each.dollars for each in contracts)
    return {
        "exchange": name,
        "oi_tokens": sum_of_known(each.coins for each in contracts),
        "oi_usd": dollars,
        "oi_percentage": dollars / report.dollars * 100 if dollars is not None and report.dollars else None,
        "funding_rate": mean_funding(contracts),
        "volume_24h": sum_of_known(each.ticker.base_volume for each in contracts),
        "volume_24h_usd": sum_of_known(each.ticker.quote_volume for each in contracts),
        "markets": len(contracts),
        "market_breakdown": [
            {
                "type": "USD" if each.margin == COIN else each.margin,
                "symbol": slashed(f"{report.base}-{each.margin}", "perp"),
                "oi_tokens": each.coins,
                "oi_usd": each.dollars,
                "price": each.ticker.last,
                "funding_rate": each.perp.funding and each.perp.funding.funding_rate,
                "volume_24h": each.ticker.base_volume,
                "volume_24h_usd": each.ticker.quote_volume,
            }
            for each in contracts
        ],
    }


def mean_funding(contracts: Sequence[Contract]) -> float | None:
    """Per 8 hours, weighted by open interest, of those that tell it: exchanges' own periods differ."""
    known = [
        (rate, each.dollars) for each in contracts if each.dollars and (rate := per_8h(each.perp.funding)) is not None
    ]
    total = sum(dollars for _, dollars in known)
    return sum(rate * dollars for rate, dollars in known) / total if total else None


def _category(report: DerivativesReport, margin: str) -> Category:
    of = [each for each in report.contracts if each.margin == margin]
    dollars = sum(each.dollars or 0.0 for each in of)
    return {
        "total_tokens": sum(each.coins or 0.0 for each in of),
        "total_usd": dollars,
        "percentage": dollars / report.dollars * 100 if report.dollars else None,
        "exchanges": len({each.exchange for each in of}),
    }
