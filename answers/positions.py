"""/positions: the owner's open positions."""

from __future__ import annotations

from collections.abc import Sequence

from accounts import Accounts, Part, Valued
from answers.account import Partial, account_command, asked_line, of_accounts, part_notes, signed_usd
from answers.asked import Room
from market import Market
from render.fields import Json
from render.figures import circle, escape, format_amount, format_percent, format_price, format_usd
from render.message import Answer, table
from render.sentences import exchange_name

MAX_POSITIONS = 15  # in all: 15 take some 2,500 characters


async def command(room: Room, words: list[str]) -> Answer:
    """The owner's open positions."""
    return await account_command(room, words, "positions", room.accounts.positions, show)


def show(parts: Sequence[Part[list[Valued]]], now_s: float) -> Answer:
    """One block per position, the largest of each exchange first."""
    all_of_them = [(part.exchange, each) for part in parts for each in part.found or []]
    shown = all_of_them[:MAX_POSITIONS]
    is_known = any(part.found is not None for part in parts)
    lines = [f"<b>Positions</b>  {len(all_of_them) if is_known else 'n/a'}"]
    lines += [_position(exchange, each) for exchange, each in shown]
    if len(all_of_them) > len(shown):
        lines.append(f"And {len(all_of_them) - len(shown)} smaller ones.")
    if not all_of_them and is_known:
        lines.append("None is open.")
    return Answer("\n".join([*lines, *part_notes(parts), asked_line(parts, now_s)]))


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


async def route(market: Market, accounts: Accounts, asked: Json) -> Json | list[Json] | Partial:
    """Open positions."""
    parts = await accounts.positions(asked["exchange"])
    rows: list[Json] = [
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
        for part in parts
        for each in part.found or []
    ]
    return of_accounts(parts, rows)
