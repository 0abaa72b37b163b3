"""/chart pnl: what was realised day by day over thirty days, at all exchanges together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import Profit
from answers import pnl
from answers.account import Asked, asked_line, part_notes
from indicators import DAY_MS
from render.figures import format_usd
from render.keyboards import again as acts
from render.keyboards import keyboard
from render.message import Answer, Button
from render.sentences import exchange_name, in_words

if TYPE_CHECKING:
    from render.picture.figure import Figure

command = pnl.command
ask = pnl.ask


def by_day(told: Asked[Profit]) -> dict[int, float]:
    """Dollars by day (00:00 UTC) over all exchanges that tell every one; nothing when none does."""
    days: dict[int, float] = {}
    for part in told.parts:
        for day, dollars in (part.found.by_day if part.found is not None else None) or ():
            days[day] = days.get(day, 0.0) + dollars
    return dict(sorted(days.items()))


def figure(told: Asked[Profit]) -> Figure | None:
    from render.picture import charts

    days = by_day(told)
    if not days:
        return None
    names = ", ".join(exchange_name(part.exchange) for part in told.parts if part.found and part.found.by_day)
    first, last = min(days), max(days)
    head = charts.Head("Profit and loss", f"realised · 30 days · {names}", None, None)
    return charts.pnl(head, list(days.items()), charts.Span(first, DAY_MS, (last - first) // DAY_MS + 1))


def show(told: Asked[Profit], now_s: float) -> Answer:
    """What stands under the picture."""
    days = by_day(told)
    line = f"{format_usd(sum(days.values()), sign=True)} realised, by days in UTC."
    if not days:
        line = "n/a: no exchange tells what was realised day by day."
    untold = [exchange_name(part.exchange) for part in told.parts if part.found and part.found.by_day is None]
    notes = [f"Not in it: {in_words(untold)}."] if untold and days else []
    if any(part.found is not None and part.found.whole_since_ms for part in told.parts):
        notes.append("There is more than could be read: days are those that are known whole.")
    row = (*acts(f"chart pnl {told.exchange}".strip()), Button("PnL", f"pnl {told.exchange}".strip()))
    return Answer(
        "<b>Profit and loss</b> · 30 days",
        (line,),
        (*notes, *part_notes(told.parts)),
        asked_line(told.parts, now_s),
        keyboard(row),
    )
