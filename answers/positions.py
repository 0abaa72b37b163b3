"""/positions: the owner's open positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from accounts import Valued
from answers.account import Asked, again, asked_line, part_notes, partial, signed_usd, which_exchange
from answers.asked import Tools
from exchanges.words import Position
from render.figures import (
    circle,
    escape,
    format_amount,
    format_coins,
    format_percent,
    format_points,
    format_price,
    format_signed,
    format_usd,
    sum_or_none,
    told_apart,
)
from render.message import Answer, folded, pre
from render.sentences import exchange_name, in_words

SHORT_NAMES = {"binance": "Bn", "bybit": "By", "okx": "OK"}
MAX_UNPRICED = 5  # assets named
MAX_POSITIONS = 15  # in all: 15 take some 2,500 characters


def command(words: list[str]) -> str:
    """The exchange, "" for all. Raises Misread."""
    return which_exchange(words, "positions")


async def ask(tools: Tools, exchange: str) -> Asked[list[Valued]]:
    """Raises NoKeys."""
    return Asked(exchange, await tools.accounts().positions(exchange))


def show(told: Asked[list[Valued]], now_s: float) -> Answer:
    """One table, the largest of all by exchange, each one's largest first; entries, marks and coins are folded."""
    parts = told.parts
    all_of_them = [(part.exchange, each) for part in parts for each in part.found or []]
    shown = _largest(all_of_them)
    is_known = any(part.found is not None for part in parts)
    total = sum_or_none(each.pnl_usd for _, each in all_of_them) if all_of_them else None
    headline = f"<b>Positions {len(all_of_them) if is_known else 'n/a'}</b>"
    if all_of_them:
        headline += f"  {circle(total)} {format_usd(total, sign=True)}"
    blocks = []
    if shown:
        rows = [["", "size$", "PnL$", "PnL%", "liq"], *_rows(shown)]
        blocks = [pre(rows, has_names=False), folded([_terms(exchange, each) for exchange, each in shown])]
        blocks.append("L long, S short; liq is how far the mark is from liquidation.")
    if len(all_of_them) > len(shown):
        are_known = all(each.position.notional is not None for _, each in all_of_them)
        blocks.append(f"And {len(all_of_them) - len(shown)} more{', none larger' if are_known else ''}.")
    if not all_of_them and is_known:
        blocks.append("None is open.")
    unpriced = _unpriced([each for _, each in all_of_them])
    return Answer(
        f"{headline}{partial(parts)}",
        tuple(blocks),
        (*unpriced, *part_notes(parts)),
        asked_line(parts, now_s),
        again("positions", told.exchange),
    )


def _unpriced(positions: Sequence[Valued]) -> list[str]:
    """Why profits are told in coins alone."""
    assets = [each.position.asset for each in positions if each.pnl_usd is None and each.position.pnl is not None]
    names = in_words([*dict.fromkeys(assets)][:MAX_UNPRICED])
    return [escape(f"No price of {names} came, so PnL in dollars is n/a.")] if assets else []


def _largest(positions: Sequence[tuple[str, Valued]]) -> list[tuple[str, Valued]]:
    """MAX_POSITIONS of them, in the order in which they came; those whose size is not told are the last to be taken."""
    sizes = [each.position.notional or 0.0 for _, each in positions]
    places = sorted(range(len(positions)), key=lambda i: -sizes[i])[:MAX_POSITIONS]
    return [positions[i] for i in sorted(places)]


def _rows(shown: Sequence[tuple[str, Valued]]) -> Iterator[list[str]]:
    names = told_apart([each.position.base for _, each in shown], 5)
    return (_cells(name, exchange, each) for name, (exchange, each) in zip(names, shown, strict=True))


def _cells(name: str, exchange: str, valued: Valued) -> list[str]:
    each = valued.position
    leverage = "" if each.leverage is None else f"{each.leverage:.0f}"
    side = {"long": "L", "short": "S"}.get(each.side, "?")
    label = f"{name} {side}{leverage} {SHORT_NAMES.get(exchange, exchange[:2].capitalize())}"
    percent = "n/a" if each.pnl_pct is None else format_points(each.pnl_pct, 0)
    pnl = "n/a" if valued.pnl_usd is None else format_signed(valued.pnl_usd)
    return [label, format_amount(each.notional), pnl, percent, _distance(each)]


def _distance(position: Position) -> str:
    """How far the price has to go from mark to liquidation; a dash where the exchange gives none."""
    if position.liquidation is None:
        return "–"
    if not position.mark:
        return "n/a"
    return format_percent((position.liquidation / position.mark - 1) * 100, 0)


def _terms(exchange: str, valued: Valued) -> str:
    each = valued.position
    parts = [
        f"{each.symbol[:24]} {each.side} on {exchange_name(exchange)}: {format_coins(each.size, each.base)}",
        f"entry {format_price(each.entry)}, mark {format_price(each.mark)}",
        f"liquidation {'none' if each.liquidation is None else format_price(each.liquidation)}",
        f"PnL {signed_usd(valued.pnl_usd, each.pnl, each.asset)}",
    ]
    if each.funding is not None:
        parts.append(f"funding {signed_usd(valued.funding_usd, each.funding, each.asset)}")
    return ", ".join(parts)


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
