"""/balance: what the owner's accounts hold."""

from __future__ import annotations

from accounts import Holding
from answers.account import PARTIAL, Asked, again, asked_line, part_notes, partial, which_exchange
from answers.asked import Tools
from render.figures import escape, format_amount, format_short_price, format_usd
from render.message import Answer, pre
from render.sentences import exchange_name

MAX_HOLDINGS = 25  # of one exchange
MAX_UNPRICED = 10
DUST_USD = 1.0


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "balance")


async def ask(tools: Tools, exchange: str) -> Asked[list[Holding]]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts().balance(exchange))


def show(told: Asked[list[Holding]], now_s: float) -> Answer:
    """Each exchange's assets by value, dust in one line, and the sum of what has a price."""
    parts = told.parts
    holdings = [each for part in parts for each in part.found or []]
    is_known = any(part.found is not None for part in parts)
    worth = _worth(holdings) if is_known else None
    is_partial = worth is not None and any(each.usd is None for each in holdings)
    lines = [f"<b>Balance</b>  {format_usd(worth)}{PARTIAL if is_partial else partial(parts)}"]
    for part in parts:
        if part.found is not None:
            lines += _wallet(part.exchange, part.found)
    notes, foot = tuple(part_notes(parts)), asked_line(parts, now_s)
    return Answer(lines[0], tuple(lines[1:]), notes, foot, again("balance", told.exchange))


def _worth(holdings: list[Holding]) -> float | None:
    """In dollars, of what has a price; None where nothing that is held has one."""
    priced = [each.usd for each in holdings if each.usd is not None]
    return sum(priced) if priced or not holdings else None


def _wallet(exchange: str, holdings: list[Holding]) -> list[str]:
    head = f"<b>{escape(exchange_name(exchange))}</b>  {format_usd(_worth(holdings))}"
    if not holdings:
        return [head, "Nothing is held."]
    unpriced = [each for each in holdings if each.usd is None]
    large = [each for each in holdings if each.usd is not None and abs(each.usd) >= DUST_USD]
    largest = sorted(large, key=lambda each: -abs(each.usd or 0.0))[:MAX_HOLDINGS]  # a debt may be among them
    shown = [*(each for each in large if each in largest), *unpriced[:MAX_UNPRICED]]
    rows = [["", "free", "locked", "$"]] if shown else []
    rows += [[each.asset, *(_short(figure) for figure in (each.free, each.in_use, each.usd))] for each in shown]
    lines = [head, pre(rows)] if rows else [head]
    rest = [each for each in holdings if each not in shown and each.usd is not None]
    if rest:
        of_rest = sum(each.usd or 0.0 for each in rest)
        lines.append(
            f"{len(rest)} more worth {format_usd(of_rest) if abs(of_rest) >= 0.005 else 'less than a cent'} in all."
        )
    if unpriced:
        more = f" ({len(unpriced)} of them)" if len(unpriced) > MAX_UNPRICED else ""
        lines.append(f"Assets without a price (n/a) are not in the sums{more}.")
    return lines


def _short(amount: float | None) -> str:
    """24.1K, 0.0123; 0.0₅193 for what would not fit its column."""
    return format_short_price(amount) if amount and abs(amount) < 0.001 else format_amount(amount)


Fields = dict[str, float]


def fields(told: Asked[list[Holding]]) -> Fields:
    """Assets over all wallets and exchanges, in their own units."""
    totals: Fields = {}
    for each in (holding for part in told.parts for holding in part.found or []):
        totals[each.asset] = totals.get(each.asset, 0.0) + each.free + each.in_use
    return totals
