"""/chart BTC ETH SOL: several symbols over seven days, in percent of one start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from answers.asked import ANY_KIND, EXAMPLES, Misread, Tools, cut, is_odd, placed
from answers.chart_candles import candles_at
from asking.races import Question
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import parse_symbol
from exchanges.words import Candles
from indicators import HOUR_MS
from market import Market
from render.figures import counted, escape, format_day
from render.keyboards import again, keyboard, that_fit
from render.message import Answer, Button, foot, short
from render.sentences import exchange_name, in_words, sorry

if TYPE_CHECKING:
    from render.picture.figure import Figure

MAX_SYMBOLS = 5
WEEK_H = 7 * 24


class Asked(NamedTuple):
    """kinds: of each symbol the first that exists is meant."""

    symbols: tuple[str, ...]
    kinds: tuple[str, ...] = ANY_KIND


def command(words: list[str]) -> Asked:
    """An interval changes nothing; without a symbol the first example is meant. Raises NotASymbol and Misread."""
    named, place = placed(words)
    if odd := [word for word in named if is_odd(word)] if len(named) > 1 else []:
        raise Misread(f"“{cut(odd[0])}” is not understood here. Several coins are compared over 7 days.")
    wanted = dict.fromkeys(map(parse_symbol, named or EXAMPLES[:1]))
    if len(wanted) > MAX_SYMBOLS:
        raise Misread(f"At most {MAX_SYMBOLS} symbols at once, please.")
    return Asked(tuple(wanted), (place.kind,) if place.kind else ANY_KIND)


class Compared(NamedTuple):
    """Hourly candles by symbol. lost: symbols that are not there; why: a sentence for each, as errors are not kept.

    kind: of all markets, where one was asked for.
    """

    candles: dict[str, Candles]
    lost: list[str]
    why: list[str]
    time_ms: int
    took_s: float
    kind: str = ""


async def ask(tools: Tools, asked: Asked) -> Compared:
    """Raises NotListed and NoAnswer when none of them is there, within DEADLINE_S."""
    began = tools.market.clock.monotonic()
    weeks = (_week(tools.market, symbol, asked.kinds) for symbol in asked.symbols)
    results = await asyncio.gather(*weeks, return_exceptions=True)
    known: dict[str, Candles] = {}
    for symbol, result in zip(asked.symbols, results, strict=True):
        if isinstance(result, Candles):
            known[symbol] = result
        elif not isinstance(result, (NotListed, NoAnswer)) or not any(isinstance(each, Candles) for each in results):
            raise result
    lost = [symbol for symbol in asked.symbols if symbol not in known]
    why = [sorry(each, "candles of") for each in results if isinstance(each, (NotListed, NoAnswer))]
    kind = asked.kinds[0] if len(asked.kinds) == 1 else ""
    return Compared(known, lost, why, tools.market.now_ms(), tools.market.clock.monotonic() - began, kind)


async def _week(market: Market, symbol: str, kinds: Sequence[str]) -> Candles:
    """Seven days of hourly candles of the first kind that exists. Raises NotListed and NoAnswer."""

    def question(kind: str) -> Question[Candles]:
        exchanges = market.offering(kind)
        return Question(exchanges, (candles_at(market, each, symbol, kind, "1h", WEEK_H) for each in exchanges))

    return (await market.first_answer(symbol, {kind: question(kind) for kind in kinds}))[0]


def hours_of(report: Compared) -> range:
    """When the picture's hours begin: those of seven days, from the first one on that all symbols have."""
    end = max(of.open_ms[-1] for of in report.candles.values())
    shared = set.intersection(*(set(of.open_ms) for of in report.candles.values()))
    begin = min((at for at in shared if at > end - WEEK_H * HOUR_MS), default=end + 1)
    return range(begin, end + 1, HOUR_MS)


def _length(report: Compared) -> str:
    n = len(hours_of(report))
    return counted(n, "hour") if 0 < n < WEEK_H else "7 days"


def figure(report: Compared) -> Figure | None:
    from render.picture import charts

    hours = hours_of(report)
    if not hours:
        return None
    names = " · ".join(map(short, report.candles))
    of = f"{report.kind} · {_length(report)}" if report.kind else _length(report)
    head = charts.Head(names, f"{of} · percent · {charts.moment(report.time_ms)}", None, None)
    paths = {short(name): list(zip(of.open_ms, of.close, strict=True)) for name, of in report.candles.items()}
    return charts.compare(head, paths, charts.Span(hours[0], HOUR_MS, len(hours)))


def show(report: Compared, now_s: float) -> Answer:
    """What stands under the picture."""
    names = [short(symbol) for symbol in report.candles]
    kind = f" {report.kind}" if report.kind else ""
    source = in_words(list(dict.fromkeys(exchange_name(each.exchange) for each in report.candles.values())))
    is_drawn = bool(hours_of(report))
    line = "Hourly closes, in percent of change since the start." if is_drawn else "n/a: they have no hour in common."
    lost = (escape(f"n/a: {in_words(report.lost)}."), *report.why) if report.lost else ()
    return Answer(
        f"<b>{escape(' · '.join(names))}</b>{kind} · {_length(report)}",
        (line,),
        (*_young(report), *lost),
        foot(source, report.time_ms, now_s),
        keyboard(
            again(f"chart {'' if len(names) > 1 else 'compare '}{' '.join(names)}{kind}"),
            that_fit(Button(name, f"chart {name}{kind}") for name in names),
        ),
    )


def _young(report: Compared) -> list[str]:
    """Since when the picture is, where that is less than seven days, and due to whom."""
    hours = hours_of(report)
    names = [short(symbol) for symbol, of in report.candles.items() if hours and of.open_ms[0] == hours[0]]
    if not names or len(hours) >= WEEK_H:
        return []
    have = "has" if len(names) == 1 else "have"
    return [escape(f"{in_words(names)} {have} no candles before {format_day(hours[0])}: the picture begins there.")]
