"""/chart pnl: what was realised day by day at all exchanges together, over thirty days or those that each one tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import DAYS_TOLD, Profit
from answers import pnl
from answers.account import Asked, asked_line, part_notes
from indicators import DAY_MS
from render.figures import counted, escape, format_day, format_usd
from render.keyboards import again as acts
from render.keyboards import keyboard
from render.message import Answer, Button
from render.sentences import exchange_name, in_words

if TYPE_CHECKING:
    from render.picture.figure import Figure

command = pnl.command
ask = pnl.ask


def told_by_day(told: Asked[Profit]) -> dict[str, dict[int, float]]:
    """Dollars by day (00:00 UTC), by exchange, of those that tell any day."""
    parts = ((part.exchange, part.found.by_day) for part in told.parts if part.found is not None)
    return {exchange: dict(days) for exchange, days in parts if days}


def by_day(told: Asked[Profit]) -> dict[int, float]:
    """Dollars by day over all exchanges, of the days that each of them tells: no sum is of fewer than another."""
    parts = list(told_by_day(told).values())
    days = set.intersection(*map(set, parts)) if parts else set()
    return {day: sum(of[day] for of in parts) for day in sorted(days)}


def figure(told: Asked[Profit]) -> Figure | None:
    from render.picture import charts

    days = by_day(told)
    if not days:
        return None
    names = ", ".join(map(exchange_name, told_by_day(told)))
    first, last = min(days), max(days)
    head = charts.Head("Profit and loss", f"realised · {counted(len(days), 'day')} · {names}", None, None)
    return charts.pnl(head, list(days.items()), charts.Span(first, DAY_MS, (last - first) // DAY_MS + 1))


def show(told: Asked[Profit], now_s: float) -> Answer:
    """What stands under the picture."""
    days = by_day(told)
    line = f"{format_usd(sum(days.values()), sign=True)} realised, by days in UTC."
    if not days:
        line = f"n/a: {_why_none(told)}."
    parts = told_by_day(told)
    untold = [exchange_name(part.exchange) for part in told.parts if part.found and part.exchange not in parts]
    notes = [f"Not in it: {in_words(untold)}."] if untold and days else []
    notes += [f"{escape(each)}: there is more than could be read, of today alone." for each in _cut(told) if days]
    notes += [
        f"{escape(exchange_name(exchange))}: there is more than could be read. Known whole since {format_day(min(of))}."
        for exchange, of in parts.items()
        if len(of) < DAYS_TOLD
    ]
    row = (*acts(f"chart pnl {told.exchange}".strip()), Button("PnL", f"pnl {told.exchange}".strip()))
    return Answer(
        f"<b>Profit and loss</b> · {counted(len(days) or DAYS_TOLD, 'day')}",
        (line,),
        (*notes, *part_notes(told.parts)),
        asked_line(told.parts, now_s),
        keyboard(row),
    )


def _cut(told: Asked[Profit]) -> list[str]:
    """The exchanges that tell more than could be read of today."""
    return [exchange_name(part.exchange) for part in told.parts if part.found is not None and part.found.by_day == ()]


def _why_none(told: Asked[Profit]) -> str:
    if cut := _cut(told):
        return f"there is more than could be read, of today alone, at {in_words(cut)}"
    for part in told.parts:
        if part.found is not None and part.found.unpriced:
            return escape(pnl.why_unpriced(part))
    return "no exchange tells what was realised day by day"
