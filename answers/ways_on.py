"""What to press when there is no answer: the same once more, what was probably meant, or an example."""

from __future__ import annotations

from collections.abc import Sequence

from answers.asked import EXAMPLES, KIND_WORDS, Misread, OneAtATime, WhichSymbol, is_odd, is_symbol, placed
from exchanges.errors import NoAnswer, NoKeys, NotListed
from exchanges.symbols import NotASymbol, parse_symbol, split
from render.keyboards import (
    INTERVAL_BUTTONS,
    NEIGHBOURS,
    carried,
    choices_of,
    keyboard,
    neighbours,
    that_fit,
    try_again,
)
from render.message import Button, Keyboard, short

IN_INTERVALS = ("analysis", "volume", "cvd", "chart")


def ways_on(error: Misread | NotASymbol | NotListed | NoAnswer | NoKeys, name: str, words: Sequence[str]) -> Keyboard:
    """Buttons under the sentence that says why; name and words: what was asked. Never none."""
    if isinstance(error, NoAnswer):
        return _elsewhere(name, words) if error.is_for_good else try_again(" ".join([name, *words]))
    if isinstance(error, NotListed):
        return _instead(error, name, words)
    if isinstance(error, NotASymbol):
        line = f"{name} {words[0].lower()}" if name == "settings" else name
        of = [Button(each, f"{line} {each}") for each in ((error.instead,) if error.instead else EXAMPLES)]
        return carried(keyboard(that_fit(of)), placed(words)[1])
    if isinstance(error, OneAtATime):
        view = [name, *words[:1]] if name == "chart" and words[0] not in error.coins and is_symbol(words[0]) else [name]
        each_of = that_fit(Button(short(coin.upper()[:24]), " ".join([*view, coin])) for coin in error.coins[:5])
        return carried(keyboard(each_of), placed(words)[1]) or keyboard((Button("Help", f"help {name}"),))
    if isinstance(error, WhichSymbol):
        return keyboard(that_fit(Button(each, f"{error.command} {each}") for each in EXAMPLES))
    kept = (Button("🔔 All alerts", "alerts"),) if name == "alert" else ()
    return keyboard((*kept, Button("Help", f"help {name}")))


def _elsewhere(name: str, words: Sequence[str]) -> Keyboard:
    """What else there is of the coin, or a usual one: the same question would get the same answer for ever."""
    rest, place = placed(words)
    coins = [each for each in rest if not is_odd(each)]
    if not coins or name not in NEIGHBOURS:
        examples = that_fit(Button(each, f"price {each}") for each in EXAMPLES)
        return keyboard(examples, (Button("Help", f"help {name}"),))
    symbol = parse_symbol(coins[-1])
    others = choices_of(name, symbol, place.kind, INTERVAL_BUTTONS, place.interval) if place.interval else ()
    return keyboard(others if name in IN_INTERVALS else (), *carried(keyboard(neighbours(name, symbol)), place))


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
    if word.lower() in KIND_WORDS:
        return False
    try:
        return split(parse_symbol(word))[0] == split(symbol)[0]
    except NotASymbol:
        return False
