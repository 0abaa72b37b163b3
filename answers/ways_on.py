"""What to press when there is no answer: the same once more, what was probably meant, or an example."""

from __future__ import annotations

from collections.abc import Sequence

from accounts import NoKeys
from answers.asked import EXAMPLES, Misread, OneAtATime, WhichSymbol, placed
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol, parse_symbol, split
from render.keyboards import carried, keyboard, that_fit, try_again
from render.message import Button, Keyboard, short


def ways_on(error: Misread | NotASymbol | NotListed | NoAnswer | NoKeys, name: str, words: Sequence[str]) -> Keyboard:
    """Buttons under the sentence that says why; name and words: what was asked. Never none."""
    if isinstance(error, NoAnswer):
        return try_again(" ".join([name, *words]))
    if isinstance(error, NotListed):
        return _instead(error, name, words)
    if isinstance(error, NotASymbol):
        of = [Button(each, f"{name} {each}") for each in EXAMPLES]
        return carried(keyboard(that_fit(of)), placed(words)[1])
    if isinstance(error, OneAtATime):
        each_of = that_fit(Button(short(coin.upper()[:24]), f"{name} {coin}") for coin in error.coins[:5])
        return carried(keyboard(each_of), placed(words)[1]) or keyboard((Button("Help", f"help {name}"),))
    if isinstance(error, WhichSymbol):
        return keyboard(that_fit(Button(each, f"{error.command} {each}") for each in EXAMPLES))
    return keyboard((Button("Help", f"help {name}"),))


def _instead(error: NotListed, name: str, words: Sequence[str]) -> Keyboard:
    """Similar coins, each with the rest of what was typed; the coin's price, where only one kind was asked for."""
    similar = that_fit(Button(each, _line(name, words, error.symbol, each)) for each in error.suggestions)
    base = split(error.symbol)[0]
    price = that_fit([Button("Price", f"price {base}")]) if error.kind and not similar else ()
    return keyboard(similar, price) or keyboard((Button("Help", f"help {name}"),))


def _line(name: str, words: Sequence[str], wrong: str, right: str) -> str:
    others = [right if _is(word, wrong) else word for word in words]
    return " ".join([name, *(others if right in others else [right])])


def _is(word: str, symbol: str) -> bool:
    try:
        return split(parse_symbol(word))[0] == split(symbol)[0]
    except NotASymbol:
        return False
