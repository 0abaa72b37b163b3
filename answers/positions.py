"""/positions: the owner's open positions."""

from __future__ import annotations

from typing import TypedDict

from accounts import Valued
from answers.account import Asked, again, asked_line, part_notes, signed_usd, which_exchange
from answers.asked import Tools
from render.figures import circle, escape, format_amount, format_percent, format_price, format_usd
from render.message import Answer, table
from render.sentences import exchange_name

MAX_POSITIONS = 15  # in all: 15 take some 2,500 characters


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "positions")


async def ask(tools: Tools, exchange: str) -> Asked[list[Valued]]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts.positions(exchange))


def show(told: Asked[list[Valued]], now_s: float) -> Answer:
    """One block per position, the largest of each exchange first."""
    parts = told.parts
    all_of_them = [(part.exchange, each) for part in parts for each in part.found or []]
    shown = all_of_them[:MAX_POSITIONS]
    is_known = any(part.found is not None for part in parts)
    lines = [f"<b>Positions</b>  {len(all_of_them) if is_known else 'n/a'}"]
    lines += [_position(exchange, each) for exchange, each in shown]
    if len(all_of_them) > len(shown):
        lines.append(f"And {len(all_of_them) - len(shown)} smaller ones.")
    if not all_of_them and is_known:
        lines.append("None is open.")
    notes, foot = tuple(part_notes(parts)), asked_line(parts, now_s)
    return Answer(lines[0], tuple(lines[1:]), notes, foot, again("positions", told.exchange))


def _position(exchange: str, valued: Valued) -> str:
    each = valued.position
    leverage = "" if each.leverage is None else f" {each.leverage:.3g}x"
    head = f"{circle(each.pnl)} <b>{escape(each.symbol[:24])}</b> {each.side}{leverage} · {exchange_name(exchange)}"
    notional = "" if each.notional is None else f" ({format_usd(each.notional)})"
    rows = [
        ["size", f"{format_amount(each.size)} {each.base[:8]}{notional}"],
        ["entry", format_price(each.entry)],
        ["mark", format_price(each.mark)],
        ["liq", "none" if each.liquidation is None else format_price(each.liquidation)],
        ["PnL", f"{signed_usd(valued.pnl_usd, each.pnl, each.asset)}  {format_percent(each.pnl_pct, 1)}"],
    ]
    if each.funding is not None:
        rows.append(["funding", signed_usd(valued.funding_usd, each.funding, each.asset)])
    return f"{head}\n<pre>{escape(table(rows))}</pre>"


class Row(TypedDict):
    exchange: str
    symbol: str
    side: str
    size: float | None
    notional: float | None
    entry_price: float | None
    mark_price: float | None
    unrealized_pnl: float | None
    percentage: float | None


Fields = list[Row]


def fields(told: Asked[list[Valued]]) -> Fields:
    return [
        {
            "exchange": part.exchange,
            "symbol": each.position.symbol,
            "side": each.position.side,
            "size": each.position.size,
            "notional": each.position.notional,
            "entry_price": each.position.entry,
            "mark_price": each.position.mark,
            "unrealized_pnl": each.pnl_usd,
            "percentage": each.position.pnl_pct,
        }
        for part in told.parts
        for each in part.found or []
    ]
