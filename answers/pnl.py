"""/pnl: the owner's profit and loss."""

from __future__ import annotations

from typing import TypedDict

from accounts import Profit, Valued
from answers.account import Asked, again, asked_line, part_notes, which_exchange
from answers.asked import Tools
from render.figures import escape, format_percent, format_usd, sum_or_none
from render.message import Answer, Button, Keyboard, table
from render.sentences import exchange_name


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "pnl")


async def ask(tools: Tools, exchange: str) -> Asked[Profit]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts.pnl(exchange))


def show(told: Asked[Profit], now_s: float) -> Answer:
    """Each exchange's profit and loss, and the sum where there are several."""
    parts = told.parts
    lines = ["<b>Profit and loss</b>"]
    known = [part for part in parts if part.found is not None]
    for part in known:
        assert part.found is not None
        lines += [f"<b>{exchange_name(part.exchange)}</b>", f"<pre>{escape(table(_profit(part.found)))}</pre>"]
        if part.found.is_partial:
            lines.append("There is more than could be read: sums are of the latest entries.")
    if len(known) > 1:
        total = sum_or_none(part.found.unrealised for part in known if part.found is not None)
        lines.append(f"Unrealised in all: {format_usd(total, sign=True)}")
    notes, foot = tuple(part_notes(parts)), asked_line(parts, now_s)
    return Answer(lines[0], tuple(lines[1:]), notes, foot, with_picture(told.exchange))


def with_picture(exchange: str) -> Keyboard:
    (row,) = again("pnl", exchange)
    return ((*row, Button("📈", f"chart pnl {exchange}".strip())),)


def _profit(profit: Profit) -> list[list[str]]:
    percent = "" if profit.unrealised_pct is None else f"  {format_percent(profit.unrealised_pct, 1)} of margin"
    return [
        ["open", f"{format_usd(profit.unrealised, sign=True)}{percent}"],
        *([f"{name}", format_usd(amount, sign=True)] for name, amount in profit.realised.items()),
        ["funding 7d", format_usd(profit.funding, sign=True)],
        ["fees 7d", format_usd(profit.fees, sign=True)],
    ]


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
