"""/chart funding BTC: what a coin's perpetuals paid over 30 days, by exchange: each day's mean, per 8 hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from answers import oi
from answers.asked import Tools
from answers.paid import DAYS, HOUR_MS, paid_at, rates_per_8h
from answers.same_coin import namesakes
from asking.races import all_answers, both
from exchanges.errors import MarketError, UnknownSymbol, is_not_there
from render.figures import escape, format_percent
from render.keyboards import again, keyboard, neighbours
from render.message import Answer, Button, foot
from render.sentences import exchange_name, in_words, reasons

if TYPE_CHECKING:
    from render.picture.figure import Figure

STEP_H = 24
MONTH_STEPS = DAYS[-1] * 24 // STEP_H
command = oi.command


class FundingChart(NamedTuple):
    """Moments and the percent per 8 hours that was paid, by exchange. failed: who does not tell, by exchange."""

    base: str
    paths: dict[str, list[tuple[int, float]]]
    failed: dict[str, MarketError]
    time_ms: int
    took_s: float


async def ask(tools: Tools, base: str) -> FundingChart:
    """Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    asked = {each.id: paid_at(market, each, base) for each in market.offering("perp")}
    (found, failed), others = await both(
        all_answers(asked, market.deadline_s - 0.2), namesakes(market, base, market.offering("perp"))
    )
    failed |= {name: error for name, error in others.items() if found.pop(name, None)}
    paths = {name: per_step(rates_per_8h(rows)) for name, rows in found.items()}
    paths = {name: path for name, path in paths.items() if path}
    if not paths:
        untold = [UnknownSymbol(name, f"no perpetual of {base}") for name in found]
        errors = [*failed.values(), *untold]
        raise await market.why_not(f"{base}-USDT", errors or market.no_such_markets("perp"), began, "perp")
    missing = {name: error for name, error in failed.items() if name in others or not is_not_there(error)}
    return FundingChart(base, paths, missing, market.now_ms(), market.clock.monotonic() - began)


def per_step(rates: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The mean of every STEP_H hours, in percent: single payments of eight exchanges would be a thicket."""
    step_ms = STEP_H * HOUR_MS
    steps: dict[int, list[float]] = {}
    for at, rate in rates:
        steps.setdefault((at - HOUR_MS // 2) // step_ms * step_ms, []).append(rate * 100)
    return [(at, sum(each) / len(each)) for at, each in sorted(steps.items())]


def figure(report: FundingChart) -> Figure:
    from render.picture import charts

    subtitle = f"30 days · % per 8 hours · {charts.moment(report.time_ms)}"
    head = charts.Head(f"{report.base} funding paid", subtitle, None, None)
    lines = {exchange_name(name): path for name, path in report.paths.items()}
    step_ms = STEP_H * HOUR_MS
    span = charts.Span((report.time_ms // step_ms - MONTH_STEPS + 1) * step_ms, step_ms, MONTH_STEPS)
    return charts.by_exchange(head, lines, span, "", lambda percent: format_percent(percent, 3), from_zero=True)


def show(report: FundingChart, now_s: float) -> Answer:
    """What stands under the picture."""
    base = report.base
    missing = (escape(f"Missing: {reasons(report.failed.values())}."),) if report.failed else ()
    names = in_words([exchange_name(name) for name in report.paths])
    return Answer(
        f"<b>{escape(base)} funding paid</b> · 30 days",
        ("Each day's mean, in percent per 8 hours; above zero longs paid shorts.",),
        missing,
        foot(names, report.time_ms, now_s),
        keyboard(
            again(f"chart funding {base}"),
            (Button("Funding", f"funding {base}"), *neighbours("funding", f"{base}-USDT")),
        ),
    )
