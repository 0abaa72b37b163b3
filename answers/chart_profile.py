"""/chart profile BTC: volume and time by price beside the candles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from answers.asked import OfMarket, of_market
from answers.chart_candles import buttons
from answers.profile import PROFILE_WINDOWS, WINDOW_BUTTONS, ProfileReport, ask, why_none
from exchanges.words import INTERVALS
from indicators import DAY_MS, HOUR_MS
from render.figures import format_day
from render.message import Answer, source_foot, title
from render.sentences import exchange_name, of_source

if TYPE_CHECKING:
    from render.picture.figure import Figure

__all__ = ["ask", "command", "figure", "show"]


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "chart profile", "24h", PROFILE_WINDOWS)


def figure(report: ProfileReport) -> Figure:
    from render.picture import charts

    source, of = report.source, report.candles
    assert of is not None
    subtitle = f"profile {_name(report)} · {exchange_name(source.exchange)} · {charts.moment(source.time_ms)}"
    head = charts.Head(f"{source.symbol} {source.kind}", subtitle, report.last or of.close[-1], None)
    is_running = of.n_closed(source.time_ms) < len(of)
    return charts.profile(head, of, report.volume, report.time, is_running=is_running, tick=report.tick)


def _name(report: ProfileReport) -> str:
    return {"today": "today (UTC)"}.get(report.window, report.window)


def show(report: ProfileReport, now_s: float) -> Answer:
    """What stands under the picture."""
    source = report.source
    return Answer(
        title(source, f"profile {_name(report)}"),
        (_line(report),),
        (*_young(report), *of_source(source)),
        source_foot(source, now_s),
        buttons(source, "profile", WINDOW_BUTTONS, report.window),
    )


def _line(report: ProfileReport) -> str:
    """Whose levels are drawn."""
    if report.volume is not None:
        return "POC and value area (70%) are those of volume."
    if report.time is not None:
        return f"Volume n/a: {why_none(report)}. POC and value area (70%) are those of time."
    return f"Profile n/a: {why_none(report)}."


def _young(report: ProfileReport) -> list[str]:
    """Since when the picture is, where its market has no candles of the window's beginning."""
    hours, now_ms = PROFILE_WINDOWS[report.window][1], report.source.time_ms
    begin_ms = now_ms - hours * HOUR_MS if hours else now_ms // DAY_MS * DAY_MS
    if report.begin_ms <= begin_ms + INTERVALS[report.interval]:
        return []
    return [f"No candles before {format_day(report.begin_ms)}: the picture begins there."]
