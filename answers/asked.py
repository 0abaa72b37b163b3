"""What was typed after a command: symbol, interval, spot or perpetual; and what a command can ask."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from accounts import Accounts
from exchanges import symbols
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol
from exchanges.words import INTERVALS
from market import Market
from metrics import Metrics
from render import figures, sentences
from render.fields import Json
from render.message import Answer, Button
from settings import Settings

T = TypeVar("T")
log = logging.getLogger("bot")
MAX_SYMBOLS = 5
EXAMPLES = ("BTC", "ETH", "SOL")
MARKET_WORDS = {
    "perp": ("perp",),
    "perps": ("perp",),
    "futures": ("perp",),
    "swap": ("perp",),
    "spot": ("spot",),
}
ANY_MARKET = ("perp", "spot")  # the perpetual, where there is one


class Room(Protocol):
    """What a command can ask."""

    @property
    def market(self) -> Market: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Callable[[], float]: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def began(self) -> float: ...
    @property
    def webhook_state(self) -> str: ...


class Misread(ValueError):
    """The words after a command cannot be meant. The text says why, and what to type."""


async def of_candles(
    room: Room,
    words: list[str],
    name: str,
    default: str,
    ask: Callable[[Market, str, str, Sequence[str]], Awaitable[T]],
    show: Callable[[T, float], Answer],
    what: str,
    choices: Collection[str] = tuple(INTERVALS),
) -> Answer:
    """A question about one symbol over an interval (or window) on the perpetual or the spot market."""
    if not words:
        return which_symbol(name, f"/{name} BTC, or /{name} BTC {default}")
    try:
        symbol, choice, of = read_words(words, choices, default)
        return show(await ask(room.market, symbol, choice, of), room.clock())
    except (NotListed, NoAnswer, NotASymbol, Misread) as error:
        return sorry_for(error, what)


def read_words(words: Sequence[str], choices: Collection[str], default: str) -> tuple[str, str, tuple[str, ...]]:
    """Symbol, choice and markets from "BTC 1h spot", in any order; a symbol that is left out is the first example.

    Raises NotASymbol and Misread.
    """
    symbol, choice = "", default
    of: tuple[str, ...] = ANY_MARKET
    for word in words:
        plain = word.lower()
        if plain in choices:
            choice = plain
        elif plain in MARKET_WORDS:
            of = MARKET_WORDS[plain]
        elif not symbol:
            symbol = symbols.parse_symbol(word)
        else:
            known = ", ".join(choices)
            raise Misread(f"“{cut(word)}” is not understood here. Beside the symbol: one of {known}; spot or perp.")
    return symbol or symbols.parse_symbol(EXAMPLES[0]), choice, of


def only_symbol(words: Sequence[str]) -> str:
    """Raises NotASymbol, and Misread for further words."""
    if len(words) > 1:
        raise Misread(f"One symbol at a time, please: {cut(words[0])}?")
    return symbols.parse_symbol(words[0])


def which_symbol(name: str, example: str) -> Answer:
    return Answer(
        f"Which symbol? For example {example}.", (tuple(Button(each, f"{name} {each}") for each in EXAMPLES),)
    )


def sorry_for(error: NotListed | NoAnswer | NotASymbol | Misread, what: str) -> Answer:
    if isinstance(error, Misread):
        return Answer(figures.escape(str(error)))
    if isinstance(error, NoAnswer):
        log.warning("no answer: %s", error)
    return Answer(sentences.sorry(error, what))


def cut(word: str) -> str:
    return word if len(word) <= 24 else f"{word[:24]}…"


def symbol_and_interval(asked: Json) -> tuple[str, str]:
    return symbols.parse_symbol(asked["symbol"]), asked["timeframe"]
