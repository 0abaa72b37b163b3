"""/chart: pictures of what the other answers tell in figures.

    /chart BTC 1h spot       candles, volume, open interest, takers
    /chart BTC ETH SOL       several compared, in percent
    /chart oi BTC            the picture of another answer: VIEWS

What a picture leaves out since nobody tells it, its caption names with the reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from answers import chart_candles, chart_compare, chart_cvd, chart_funding, chart_oi, chart_pnl, chart_profile
from answers.asked import CHARTS_OF_ACCOUNTS, Tools, WhichSymbol, is_odd, placed
from answers.judging import load_rule
from render.figures import escape
from render.message import Answer
from store.words import ARMED, StoreError

if TYPE_CHECKING:
    from render.picture.figure import Figure

log = logging.getLogger("bot")
LEVELS_S = 0.5  # for the store to tell of alerts
MAX_NAMED = 6  # texts that found no room on the picture
ABOUT = "chart of"


class View(NamedTuple):
    """A kind of picture, as a file of this room offers it; ask's record becomes a figure, and a caption by show.

    figure: None where there is nothing to draw, and show says why.
    """

    command: Callable[[list[str]], Any]
    ask: Callable[[Tools, Any], Awaitable[Any]]
    figure: Callable[[Any], Figure | None]
    show: Callable[[Any, float], Answer]


VIEWS: dict[str, View] = {
    name: View(of.command, of.ask, of.figure, of.show)
    for name, of in (
        ("candles", chart_candles),
        ("compare", chart_compare),
        ("cvd", chart_cvd),
        ("funding", chart_funding),
        ("oi", chart_oi),
        ("pnl", chart_pnl),
        ("profile", chart_profile),
    )
}
"""By the first word after /chart; of candles and of several symbols it may be left out."""


class Asked(NamedTuple):
    """A view, and what it is asked for. levels: at which this chat's alerts ring, drawn into candles."""

    view: str
    of: Any
    levels: tuple[float, ...] = ()


class Pictured(NamedTuple):
    """A view's record, its picture where there is something to draw, and the texts that found no room on it."""

    view: str
    record: Any
    png: bytes | None = None
    left_out: Sequence[str] = ()
    has_failed: bool = False


def command(words: list[str]) -> Asked:
    """Raises WhichSymbol, NotASymbol and Misread."""
    if not words:
        raise WhichSymbol("chart", "/chart BTC 1h, /chart BTC ETH, or /chart oi BTC")
    view, rest = words[0].lower(), words[1:]
    if view not in VIEWS:
        coins = [word for word in placed(words)[0] if not is_odd(word)]
        view, rest = "candles" if len(coins) <= 1 else "compare", words
    default = [] if view in CHARTS_OF_ACCOUNTS else ["BTC"]
    return Asked(view, VIEWS[view].command(rest or default))


async def ask(tools: Tools, asked: Asked) -> Pictured:
    """The picture that was drawn for the same question a moment ago, or a new one. Raises NotListed and NoAnswer."""

    if asked.view == "candles":
        asked = asked._replace(levels=await _levels(tools, asked.of.symbol))

    async def draw() -> Pictured:
        record = await VIEWS[asked.view].ask(tools, asked.of)
        if asked.levels:
            record = record._replace(levels=asked.levels)
        try:
            figure = VIEWS[asked.view].figure(record)
            if figure is None:
                return Pictured(asked.view, record)
            return Pictured(asked.view, record, *await tools.pictures.draw(figure))
        except Exception:
            log.exception("a picture could not be drawn")
            return Pictured(asked.view, record, has_failed=True)

    return await tools.pictures.kept(asked, draw())


async def _levels(tools: Tools, symbol: str) -> tuple[float, ...]:
    """Of the prices that this chat waits for; none where nothing is remembered, or not in time."""
    if tools.store is None or tools.asker is None:
        return ()
    try:
        async with asyncio.timeout(LEVELS_S):
            alerts = await tools.store.alerts_of_chat(tools.asker.chat_id)
    except (StoreError, TimeoutError):
        return ()
    rules = [load_rule(each.rule) for each in alerts if each.status == ARMED]
    return tuple(sorted({rule.level for rule in rules if rule.measure == "price" and rule.symbol == symbol}))


def show(pictured: Pictured, now_s: float) -> Answer:
    """The picture over its caption, which says what it does not; the caption alone where there is no picture."""
    answer = VIEWS[pictured.view].show(pictured.record, now_s)
    if pictured.has_failed:
        return answer._replace(notes=("The picture could not be drawn, which is noted.", *answer.notes))
    if pictured.left_out:
        named = ", ".join(each[:40] for each in pictured.left_out[:MAX_NAMED])
        answer = answer._replace(notes=(escape(f"Not, or not whole, on the picture: {named}."), *answer.notes))
    return answer._replace(photo=pictured.png)
