"""/pnl: the owner's profit and loss."""

from __future__ import annotations

from typing import TypedDict

from accounts import Part, Profit, Valued
from answers.account import Asked, again, asked_line, part_notes, partial, which_exchange
from answers.asked import Tools
from render.figures import escape, format_day, format_percent, format_signed, format_usd, sum_or_none, unsigned_zero
from render.message import Answer, folded, pre
from render.sentences import capital, exchange_name, in_words

SPANS = ("today", "7d", "30d")
MAX_UNPRICED = 5  # assets named


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "pnl")


async def ask(tools: Tools, exchange: str) -> Asked[Profit]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts().pnl(exchange))


def show(told: Asked[Profit], now_s: float) -> Answer:
    """One table, a row an exchange, and their sum."""
    parts = told.parts
    known = [(part.exchange, part.found) for part in parts if part.found is not None]
    open_now = sum_or_none(profit.unrealised for _, profit in known) if known else None
    today = sum_or_none(profit.realised["today"] for _, profit in known) if known else None
    rows = [["", "open", *SPANS]]
    rows += [[exchange_name(exchange)[:8], *_cells(profit)] for exchange, profit in known]
    if len(known) > 1:
        sums = [sum_or_none(profit.realised[span] for _, profit in known) for span in SPANS]
        rows.append(["all", *(_whole(each) for each in (open_now, *sums))])
    funding = sum_or_none(profit.funding for _, profit in known)
    fees = sum_or_none(profit.fees for _, profit in known)
    notes = [note for part in parts if part.found is not None for note in _notes(part, part.found)]
    said = f"  open {format_usd(open_now, sign=True)}  today {format_usd(today, sign=True)}" if known else ""
    costs = f"Over 7 days: funding {format_usd(funding, sign=True)}, fees {format_usd(fees, sign=True)}."
    blocks = (pre(rows), f"In dollars; days from 00:00 UTC. {costs}") if known else ()
    shares = [
        f"{exchange_name(exchange)}: open is {format_percent(profit.unrealised_pct, 1)} of margin"
        for exchange, profit in known
        if profit.unrealised_pct is not None
    ]
    if shares:
        blocks = (*blocks, folded(shares))
    return Answer(
        f"<b>PnL</b>{said}{partial(parts)}",
        blocks,
        (*notes, *part_notes(parts)),
        asked_line(parts, now_s),
        again("pnl", told.exchange),
    )


def _notes(part: Part[Profit], profit: Profit) -> list[str]:
    """What the sums leave out: assets without a price, and time before more than could be read."""
    name = escape(exchange_name(part.exchange))
    notes = []
    if profit.unpriced:
        them = "it" if len(profit.unpriced) == 1 else "them"
        notes.append(f"{name}: {escape(why_unpriced(part))}, so sums with {them} are n/a.")
    since = []
    if profit.shortened and profit.whole_since_ms is not None:
        since.append((in_words(profit.shortened), profit.realised[profit.shortened[0]], profit.whole_since_ms))
    if profit.costs_since_ms is not None:
        costs = (("funding", profit.funding), ("fees", profit.fees))
        for is_told, usd in ((True, 0.0), (False, None)):
            if names := [name for name, figure in costs if (figure is not None) is is_told]:
                since.append((in_words(names), usd, profit.costs_since_ms))
    if since:
        told = (f"{what}: {'n/a' if usd is None else f'since {format_day(begin)}'}" for what, usd, begin in since)
        notes.append(f"{name}: there is more than could be read. {capital('; '.join(told))}.")
    return notes


def why_unpriced(part: Part[Profit]) -> str:
    """Of a part that has assets without a price."""
    unpriced = part.found.unpriced[:MAX_UNPRICED] if part.found is not None else ()
    if part.unpriced:
        return f"the price of {in_words(unpriced)} could not be read"
    return f"{in_words(unpriced)} {'has' if len(unpriced) == 1 else 'have'} no price here"


def _cells(profit: Profit) -> list[str]:
    return [_whole(profit.unrealised), *(_whole(profit.realised[span]) for span in SPANS)]


def _whole(usd: float | None) -> str:
    """+2,552 · -36.4 · +18.7K · n/a: three digits at least, six letters at most."""
    if usd is None:
        return "n/a"
    if abs(usd) >= 9_999.5:
        return format_signed(usd)
    return unsigned_zero(f"{usd:+,.0f}" if abs(usd) >= 99.95 else f"{usd:+.{1 if abs(usd) >= 9.995 else 2}f}")


class Fields(TypedDict):
    total_unrealized_pnl: float | None
    average_percentage: float | None
    position_count: int


def fields(told: Asked[list[Valued]]) -> Fields:
    """Unrealised profit over all positions; the percentage is of their margin."""
    valued = [each for part in told.parts for each in part.found or []]
    known = [each for each in valued if each.pnl_usd is not None]
    margins = [each.position.margin for each in known if each.position.margin is not None]
    total, margin = sum(each.pnl_usd or 0.0 for each in known), sum(margins)
    has_all = len(margins) == len(valued) == len(known) and all(
        each.position.asset in ("USDT", "USDC") for each in valued
    )
    return {
        "total_unrealized_pnl": total if len(known) == len(valued) else None,
        "average_percentage": total / margin * 100 if has_all and margin else None,
        "position_count": len(valued),
    }
