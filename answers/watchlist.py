"""/watch: the chat's own list of coins, as one table; added to and taken from by words and by buttons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from answers import price
from answers.asked import EXAMPLES, Misread, Tools, cut
from answers.price import Prices
from answers.price_report import PriceReport
from exchanges.symbols import NotASymbol, parse_symbol
from render.figures import counted, escape
from render.keyboards import again, keyboard, of_coins
from render.message import Answer, Button, Keyboard, short
from render.sentences import sorry
from store.words import StoreError

ABOUT = "price for"
MAX_WATCHED = 10
MAX_COMPARED = 5  # on the picture
A_ROW = 4  # buttons
WORDS = {"add": "add", "+": "add", "remove": "remove", "rm": "remove", "delete": "remove", "-": "remove"}


class Asked(NamedTuple):
    """action: "show", "edit", "add" or "remove"."""

    action: str
    words: tuple[str, ...] = ()


class Told(NamedTuple):
    """The list, and its prices; prices None where it is only edited. refused: what was not added, why in words."""

    symbols: Sequence[str]
    prices: Prices | None = None
    refused: Sequence[str] = ()


def command(words: list[str]) -> Asked:
    """Raises Misread."""
    if not words:
        return Asked("show")
    first = words[0].lower()
    if first == "edit" and len(words) == 1:
        return Asked("edit")
    action = WORDS.get(first, "add")
    rest = tuple(dict.fromkeys(words[1:] if first in WORDS else words))
    if not rest:
        raise Misread(f"Which coins? For example /watch {action} BTC ETH")
    return Asked(action, rest)


async def ask(tools: Tools, asked: Asked) -> Told:
    """Raises Misread and NotASymbol."""
    memory, chat_id = tools.memory, tools.who.chat_id
    try:
        if asked.action == "remove":
            return Told(await memory.unwatch(chat_id, [parse_symbol(each) for each in asked.words]))
        symbols = await memory.watched(chat_id)
        if asked.action == "add":
            return await _added(tools, symbols, asked.words)
    except StoreError as error:
        raise Misread(error.sentence) from error
    if asked.action == "edit" or not symbols:
        return Told(symbols)
    return Told(symbols, await price.ask(tools, price.Asked(tuple(symbols))))


async def _added(tools: Tools, watched: Sequence[str], words: Sequence[str]) -> Told:
    """The list with those coins that some exchange has; why the others are not in it.

    Prices of what is watched and of what is new are asked for at once, as there is time for one answer only.
    """
    new = [word for word in words if _symbol(word) not in watched]
    asked = price.Asked((*watched, *new[:MAX_WATCHED]))
    found = (await price.ask(tools, asked)).results
    listed = [each.symbol for each in found if isinstance(each, PriceReport) and each.symbol not in watched]
    now_ms = int(tools.clock() * 1000)
    symbols = await tools.memory.watch(tools.who.chat_id, listed, MAX_WATCHED, now_ms)
    shown = [each for each in found if not isinstance(each, NotASymbol) and each.symbol in symbols]
    refused = [sorry(each) for each in found if not isinstance(each, PriceReport) and each not in shown]
    if beyond := [*(short(each) for each in listed if each not in symbols), *new[MAX_WATCHED:]]:
        names = escape(", ".join(cut(each) for each in beyond))
        refused.append(f"{MAX_WATCHED} coins are the most, so {names} is left out.")
    return Told(symbols, Prices(shown) if symbols else None, refused)


def _symbol(word: str) -> str:
    """ "" for what is none."""
    try:
        return parse_symbol(word)
    except NotASymbol:
        return ""


def show(told: Told, now_s: float) -> Answer:
    """The table of /price, or why there is none; while it is edited, a button for each coin."""
    if not told.symbols:
        buttons = tuple(Button(f"+ {each}", f"watch add {each}") for each in EXAMPLES)
        text = "Nothing is watched here. For example <code>/watch BTC ETH SOL</code>"
        return Answer(text, notes=tuple(told.refused), keyboard=(buttons,))
    if told.prices is None:
        names = escape(", ".join(short(each) for each in told.symbols))
        return Answer(f"<b>Watchlist</b> {names}", notes=tuple(told.refused), keyboard=_edit_buttons(told.symbols))
    answer = price.show(told.prices, now_s)
    names = " ".join(short(each) for each in told.symbols[:MAX_COMPARED])
    acts = (*again("watch", f"chart {names}"), Button("✏️ Edit", "watch edit"))
    results = told.prices.results
    is_table = len(results) > 1 and any(isinstance(each, PriceReport) for each in results)
    return answer._replace(
        headline=f"<b>Watchlist</b> {counted(len(told.symbols), 'coin')}" if is_table else answer.headline,
        notes=(*answer.notes, *told.refused),
        keyboard=keyboard(acts, *_in_rows(button for row in answer.keyboard[1:] for button in row)),
    )


def _edit_buttons(symbols: Sequence[str]) -> Keyboard:
    """What takes a coin away, and what adds a usual one."""
    names = [short(each) for each in symbols]
    removes = of_coins(names, [f"watch remove {each}" for each in names], "✖ ")
    more = [each for each in EXAMPLES if f"{each}-USDT" not in symbols] if len(symbols) < MAX_WATCHED else []
    adds = tuple(Button(f"+ {each}", f"watch add {each}") for each in more)
    return keyboard(*_in_rows(removes), (*adds, Button("Done", "watch")))


def _in_rows(buttons: Iterable[Button]) -> list[tuple[Button, ...]]:
    every = tuple(buttons)
    return [every[i : i + A_ROW] for i in range(0, len(every), A_ROW)]
