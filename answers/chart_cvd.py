"""/chart cvd BTC: the path of the cumulative volume delta under that of the price."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from answers.asked import OfMarket, Tools, of_market, source_of
from answers.chart_candles import SHOWN, buttons, candles_at, takers_since
from asking.races import Question, both
from exchanges.exchange import Exchange
from exchanges.joined import flow_of
from exchanges.words import Candles, Flow, Source
from market import Market
from render.keyboards import INTERVAL_BUTTONS
from render.message import Answer, source_foot, title
from render.sentences import exchange_name, of_source

if TYPE_CHECKING:
    from render.picture.figure import Figure


def command(words: list[str]) -> OfMarket:
    """Raises NotASymbol and Misread."""
    return of_market(words, "chart cvd", "1h")


class FlowChart(NamedTuple):
    """Candles, the running one last, and what takers bought and sold meanwhile."""

    source: Source
    interval: str
    candles: Candles
    is_running: bool
    flow: Flow


async def ask(tools: Tools, asked: OfMarket) -> FlowChart:
    """Of the first exchange that tells taker volume. Raises NotListed and NoAnswer, within DEADLINE_S."""
    market, began = tools.market, tools.market.clock.monotonic()

    def question(kind: str) -> Question[tuple[Candles, Flow]]:
        exchanges = market.offering(kind)
        return Question(exchanges, (_flow_at(market, each, kind, asked) for each in exchanges))

    questions = {kind: question(kind) for kind in asked.kinds}
    (candles, flow), failed = await market.first_answer(asked.symbol, questions)
    is_running = candles.n_closed(market.now_ms()) < len(candles)
    return FlowChart(source_of(market, candles, failed, began), asked.choice, candles, is_running, flow)


async def _flow_at(market: Market, exchange: Exchange, kind: str, asked: OfMarket) -> tuple[Candles, Flow]:
    candles = candles_at(market, exchange, asked.symbol, kind, asked.choice, SHOWN)
    if not exchange.has_takers_in_candles:
        return await both(candles, market.flow(exchange, asked.symbol, kind, asked.choice, SHOWN))
    whole = await candles
    return whole, flow_of(whole)


def figure(report: FlowChart) -> Figure:
    from render.picture import charts

    source = report.source
    subtitle = f"CVD · {report.interval} · {exchange_name(source.exchange)} · {charts.moment(source.time_ms)}"
    head = charts.Head(f"{source.symbol} {source.kind}", subtitle, report.candles.close[-1], None)
    return charts.cvd(head, report.candles, report.flow, is_running=report.is_running)


def show(report: FlowChart, now_s: float) -> Answer:
    """What stands under the picture."""
    source, later = report.source, takers_since(report.candles, report.flow)
    since = "" if later else ", summed from the picture's first candle on"
    return Answer(
        title(source, f"{report.interval} CVD"),
        (f"Takers' own volume{since}.",),
        (*later, *of_source(source)),
        source_foot(source, now_s),
        buttons(source, "cvd", INTERVAL_BUTTONS, report.interval),
    )
