"""/pnl: the owner's profit and loss."""

from __future__ import annotations

from typing import TypedDict

from accounts import Profit, Valued
from answers.account import Asked, again, asked_line, part_notes, which_exchange
from answers.asked import Tools
from render.figures import format_percent, format_signed, format_usd, sum_or_none, unsigned_zero
from render.message import Answer, folded, pre
from render.sentences import exchange_name

SPANS = ("today", "7d", "30d")


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "pnl")


async def ask(tools: Tools, exchange: str) -> Asked[Profit]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts.pnl(exchange))


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
    for name, figures in (
        ("funding", [profit.funding for _, profit in known]),
        ("fees", [profit.fees for _, profit in known]),
    ):
        rows.append([name, "", "", _whole(sum_or_none(figures)), ""])
    notes = [
        f"{exchange_name(exchange)}: there is more than could be read, sums are of the latest entries."
        for exchange, profit in known
        if profit.is_partial
    ]
    said = f"  open {format_usd(open_now, sign=True)}  today {format_usd(today, sign=True)}" if known else ""
    blocks = (pre(rows), "In dollars; days from 00:00 UTC. Funding and fees are of 7 days.") if known else ()
    shares = [
        f"{exchange_name(exchange)}: open is {format_percent(profit.unrealised_pct, 1)} of margin"
        for exchange, profit in known
        if profit.unrealised_pct is not None
    ]
    if shares:
        blocks = (*blocks, folded(shares))
    return Answer(
        f"<b>PnL</b>{said}",
        blocks,
        (*notes, *part_notes(parts)),
        asked_line(parts, now_s),
        again("pnl", told.exchange),
    )


def _cells(profit: Profit) -> list[str]:
    return [_whole(profit.unrealised), *(_whole(profit.realised[span]) for span in SPANS)]


def _whole(usd: float | None) -> str:
    """+2,552 · -36.4 · n/a: three digits at least."""
    if usd is None:
        return "n/a"
    if abs(usd) >= 99_999.5:
        return format_signed(usd)
    return unsigned_zero(f"{usd:+,.0f}" if abs(usd) >= 99.95 else f"{usd:+.1f}")


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
