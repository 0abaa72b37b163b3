"""/balance: what the owner's accounts hold."""

from __future__ import annotations

from collections.abc import Sequence

from accounts import Accounts, Holding, Part
from answers.account import Partial, account_command, asked_line, of_accounts, part_notes
from answers.asked import Room
from market import Market
from render.fields import Json
from render.figures import escape, format_amount, format_usd
from render.message import Answer, table
from render.sentences import exchange_name

MAX_HOLDINGS = 25  # of one exchange
DUST_USD = 1.0


async def command(room: Room, words: list[str]) -> Answer:
    """What the owner's accounts hold."""
    return await account_command(room, words, "balance", room.accounts.balance, show)


def show(parts: Sequence[Part[list[Holding]]], now_s: float) -> Answer:
    """Each exchange's assets by value, dust in one line, and the sum of what has a price."""
    holdings = [each for part in parts for each in part.found or []]
    is_known = any(part.found is not None for part in parts)
    lines = [f"<b>Balance</b>  {format_usd(sum(each.usd or 0.0 for each in holdings) if is_known else None)}"]
    for part in parts:
        if part.found is not None:
            lines += _wallet(part.exchange, part.found)
    return Answer("\n".join([*lines, *part_notes(parts), asked_line(parts, now_s)]))


def _wallet(exchange: str, holdings: list[Holding]) -> list[str]:
    worth = sum(each.usd or 0.0 for each in holdings)
    head = f"<b>{escape(exchange_name(exchange))}</b>  {format_usd(worth)}"
    if not holdings:
        return [head, "Nothing is held."]
    shown = [each for each in holdings if each.usd is None or abs(each.usd) >= DUST_USD][:MAX_HOLDINGS]
    rows = [["", "free", "in use", "$"]] if shown else []
    for each in shown:
        figures = (each.free, each.in_use, each.usd)
        rows.append([each.asset[:8], *(format_amount(figure) for figure in figures)])
    lines = [head, f"<pre>{escape(table(rows, column=9))}</pre>"] if rows else [head]
    dust = [each for each in holdings if each not in shown]
    if dust:
        lines.append(f"{len(dust)} more worth {format_usd(sum(each.usd or 0.0 for each in dust))}.")
    if any(each.usd is None for each in holdings):
        lines.append("Assets without a price (n/a) are not in the sums.")
    return lines


async def route(market: Market, accounts: Accounts, asked: Json) -> Json | list[Json] | Partial:
    """Assets over all wallets and exchanges."""
    parts = await accounts.balance(asked["exchange"])
    totals: Json = {}
    for each in (holding for part in parts for holding in part.found or []):
        totals[each.asset] = totals.get(each.asset, 0.0) + each.free + each.in_use
    return of_accounts(parts, totals)
