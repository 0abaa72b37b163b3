"""/chart oi BTC: a coin's open interest over seven days, by exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from answers import oi
from answers.asked import Tools
from answers.interest import open_interest_history
from answers.same_coin import namesakes
from asking.races import all_answers, both
from exchanges.errors import MarketError, NotSupported, UnknownSymbol, bare, is_not_there
from exchanges.exchange import Exchange
from indicators import HOUR_MS
from market import Market
from render.figures import escape, format_amount
from render.keyboards import again, keyboard, neighbours
from render.message import Answer, Button, foot
from render.sentences import exchange_name, in_words, reasons

if TYPE_CHECKING:
    from render.picture.figure import Figure

WEEK_H = 7 * 24
command = oi.command


class InterestChart(NamedTuple):
    """Hours and coins, by exchange. failed: who does not tell, by exchange.

    partly: whose line is without a contract whose past failed, and why it did, by exchange.
    """

    base: str
    paths: dict[str, list[tuple[int, float]]]
    failed: dict[str, MarketError]
    time_ms: int
    took_s: float
    partly: Mapping[str, MarketError] = {}


async def ask(tools: Tools, base: str) -> InterestChart:
    """Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()
    asked = {each.id: _interest_at(market, each, base) for each in market.offering("perp")}
    (found, failed), others = await both(
        all_answers(asked, market.deadline_s - 0.2), namesakes(market, base, market.offering("perp"))
    )
    paths = {name: path for name, (path, _) in found.items() if path and name not in others}
    partly = {name: error for name, (path, error) in found.items() if name in paths and error is not None}
    failed |= {name: error for name, error in others.items() if name in found and found[name][0]}
    if not paths:
        untold = [UnknownSymbol(name, f"no perpetual of {base}") for name in found if name not in failed]
        errors = [*failed.values(), *untold]
        raise await market.why_not(f"{base}-USDT", errors or market.no_such_markets("perp"), began, "perp")
    return InterestChart(base, paths, failed, market.now_ms(), market.clock.monotonic() - began, partly)


async def _interest_at(
    market: Market, exchange: Exchange, base: str
) -> tuple[list[tuple[int, float]], MarketError | None]:
    """Coins outstanding hour by hour, in all contracts of a coin that tell their past; and why one of them failed to.

    Hours that not all of them tell are left out. Nothing where it is not listed. Raises MarketError.
    """
    of = [
        open_interest_history(market, exchange, f"{base}-{margin}", WEEK_H, exact=True)
        for margin in exchange.quotes["perp"]
    ]
    paths: list[dict[int, float]] = []
    errors: list[MarketError] = []
    is_unknown = False  # where it is told: then a margin whose past is not told says nothing of the coin
    for result in await asyncio.gather(*of, return_exceptions=True):
        if isinstance(result, UnknownSymbol):
            is_unknown = True
        elif isinstance(result, MarketError):
            errors.append(bare(result))
        elif isinstance(result, BaseException):
            raise result
        elif result:
            paths.append({at // HOUR_MS * HOUR_MS: coins for at, coins in result})
    telling = [each for each in errors if not (is_unknown and isinstance(each, NotSupported))]
    if not paths and telling:
        raise telling[0]
    hours = set.intersection(*map(set, paths)) if paths else set()
    failed = next((each for each in errors if not is_not_there(each)), None)
    return [(hour, sum(path[hour] for path in paths)) for hour in sorted(hours)], failed


def figure(report: InterestChart) -> Figure:
    from render.picture import charts

    title = f"{report.base} open interest"
    head = charts.Head(title, f"7 days · {report.base} · {charts.moment(report.time_ms)}", None, None)
    part = dict.fromkeys(report.partly, " (part)")
    lines = {f"{exchange_name(name)}{part.get(name, '')}": path for name, path in report.paths.items()}
    span = charts.Span((report.time_ms // HOUR_MS - WEEK_H + 1) * HOUR_MS, HOUR_MS, WEEK_H)
    return charts.by_exchange(head, lines, span, "", format_amount)


def show(report: InterestChart, now_s: float) -> Answer:
    """What stands under the picture."""
    base = report.base
    untold = {"Missing": report.failed, "Only in part": report.partly}
    notes = tuple(escape(f"{what}: {reasons(of.values())}.") for what, of in untold.items() if of)
    names = in_words([exchange_name(name) for name in report.paths])
    return Answer(
        f"<b>{escape(base)} open interest</b> · 7 days",
        (f"In {escape(base)}, of contracts whose past is told.",),
        notes,
        foot(names, report.time_ms, now_s),
        keyboard(
            again(f"chart oi {base}", alert=f"alert {base}"),
            (Button("OI", f"oi {base}"), *neighbours("oi", f"{base}-USDT")),
        ),
    )
