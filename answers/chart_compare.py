"""/chart BTC ETH SOL: several symbols over seven days, in percent of one start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from answers.asked import ANY_KIND, Misread, Tools
from answers.chart_candles import candles_at
from asking.races import Question
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import parse_symbol
from exchanges.words import INTERVALS, Candles
from market import Market
from render.figures import escape
from render.keyboards import again, keyboard, that_fit
from render.message import Answer, Button, foot, short
from render.sentences import exchange_name, in_words, sorry

if TYPE_CHECKING:
    from render.picture.figure import Figure

MAX_SYMBOLS = 5
WEEK_H = 7 * 24


def command(words: list[str]) -> tuple[str, ...]:
    """The symbols. Raises NotASymbol and Misread."""
    wanted = dict.fromkeys(parse_symbol(word) for word in words if word.lower() not in INTERVALS)
    if len(wanted) > MAX_SYMBOLS:
        raise Misread(f"At most {MAX_SYMBOLS} symbols at once, please.")
    return tuple(wanted)


class Compared(NamedTuple):
    """Hourly candles by symbol. lost: symbols that are not there; why: a sentence for each, as errors are not kept."""

    candles: dict[str, Candles]
    lost: list[str]
    why: list[str]
    time_ms: int
    took_s: float


async def ask(tools: Tools, wanted: tuple[str, ...]) -> Compared:
    """Raises NotListed and NoAnswer when none of them is there, within DEADLINE_S."""
    began = tools.market.clock.monotonic()
    results = await asyncio.gather(*(_week(tools.market, symbol) for symbol in wanted), return_exceptions=True)
    known: dict[str, Candles] = {}
    for symbol, result in zip(wanted, results, strict=True):
        if isinstance(result, Candles):
            known[symbol] = result
        elif not isinstance(result, (NotListed, NoAnswer)) or not any(isinstance(each, Candles) for each in results):
            raise result
    lost = [symbol for symbol in wanted if symbol not in known]
    why = [sorry(each, "candles of") for each in results if isinstance(each, (NotListed, NoAnswer))]
    return Compared(known, lost, why, tools.market.now_ms(), tools.market.clock.monotonic() - began)


async def _week(market: Market, symbol: str) -> Candles:
    """Seven days of hourly candles of the perpetual, else of spot. Raises NotListed and NoAnswer."""

    def question(kind: str) -> Question[Candles]:
        exchanges = market.offering(kind)
        return Question(exchanges, (candles_at(market, each, symbol, kind, "1h", WEEK_H) for each in exchanges))

    return (await market.first_answer(symbol, {kind: question(kind) for kind in ANY_KIND}))[0]


def figure(report: Compared) -> Figure:
    from render.picture import charts

    names = " · ".join(map(short, report.candles))
    head = charts.Head(names, f"7 days · percent · {charts.moment(report.time_ms)}", None, None)
    paths = {short(name): list(zip(of.open_ms, of.close, strict=True)) for name, of in report.candles.items()}
    return charts.compare(head, paths, charts.span_of(next(iter(report.candles.values())), WEEK_H))


def show(report: Compared, now_s: float) -> Answer:
    """What stands under the picture."""
    names = [short(symbol) for symbol in report.candles]
    source = in_words(list(dict.fromkeys(exchange_name(each.exchange) for each in report.candles.values())))
    return Answer(
        f"<b>{escape(' · '.join(names))}</b> · 7 days",
        ("Closes of an hour, in percent of one start.",),
        (escape(f"n/a: {in_words(report.lost)}."), *report.why) if report.lost else (),
        foot(source, report.time_ms, now_s),
        keyboard(
            again(f"chart {'' if len(names) > 1 else 'compare '}{' '.join(names)}"),
            that_fit(Button(name, f"chart {name}") for name in names),
        ),
    )
