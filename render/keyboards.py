"""One grammar of buttons under every answer. Pure.

    row 1   act on what is shown: again, a picture, an alert
    row 2   another interval, window or order; the one that is shown is marked
    row 3   neighbours, always in the same order; last the same market's other kind

A button's data is a command line. Where one looks, an interval and spot or perp, travels along through answers that
make no use of it, so that the way back leads to where one came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from exchanges.symbols import split
from exchanges.words import COIN, DOLLARS, INTERVALS
from render.figures import format_price, is_figure, told_apart
from render.message import CHOSEN, Button, Keyboard, short

MAX_BUTTON_DATA = 64  # bytes
MAX_COPIED = 256  # characters
NAME = 8  # columns of a coin among others
MAX_ROWS = 64  # of each kind that are kept, as people ask of the same coins; some 1 KB each
APART = "+"  # before a button's command line: answered by a new message
INTERVAL_BUTTONS = ("5m", "15m", "1h", "4h", "1d")
LABELS = {
    "price": "Price",
    "analysis": "Analysis",
    "volume": "Volume",
    "cvd": "CVD",
    "profile": "Profile",
    "oi": "OI",
    "funding": "Funding",
    "ls": "L/S",
}
"""The neighbours, in their order. All of them take an interval and a kind, whether they make use of them or not."""
NEIGHBOURS = {
    "price": ("analysis", "cvd", "oi", "funding"),
    "analysis": ("price", "volume", "cvd", "oi"),
    "volume": ("price", "analysis", "cvd", "profile"),
    "cvd": ("price", "analysis", "volume", "profile"),
    "profile": ("price", "analysis", "volume", "cvd"),
    "oi": ("price", "analysis", "funding", "ls"),
    "funding": ("price", "analysis", "oi", "ls"),
    "ls": ("price", "analysis", "oi", "funding"),
    "chart": ("price", "analysis", "volume", "cvd"),
    "liq": ("price", "analysis", "oi", "funding"),
    "spread": ("price", "analysis", "oi", "funding"),
}
OF_OTHERS = ("price", "analysis", "oi", "funding")  # neighbours of an answer that has none of its own
KINDS = ("spot", "perp")


class Place(NamedTuple):
    """Where one looks: the interval and the kind that were chosen, "" where none was."""

    interval: str = ""
    kind: str = ""


@lru_cache(MAX_ROWS)
def again(line: str, picture: str = "", alert: str = "") -> tuple[Button, ...]:
    """Row 1. line: the command that was asked; picture, alert: command lines of those, where there are any.

    An alert is set in a message of its own, so that the figures stay.
    """
    return that_fit([Button("🔄", line), Button("📈 Chart", picture), Button("🔔 Alert", apart(alert))])


def apart(line: str) -> str:
    """A command line whose answer is a new message, and leaves the one above the button as it is."""
    return f"{APART}{line}" if line else ""


def choices(lines: Iterable[tuple[str, str]], chosen: str) -> tuple[Button, ...]:
    """Row 2: label and command line of each choice."""
    return that_fit(Button(f"{CHOSEN}{label}" if label == chosen else label, line) for label, line in lines)


@lru_cache(MAX_ROWS)
def choices_of(command: str, symbol: str, kind: str, names: tuple[str, ...], chosen: str) -> tuple[Button, ...]:
    """Row 2 of an answer about one market: intervals, or windows."""
    spot = " spot" if kind == "spot" else ""
    return choices(((each, f"{command} {short(symbol)} {each}{spot}") for each in names), chosen)


def may_be(kind: str, symbol: str) -> bool:
    """Whether there are such markets in the symbol's quote at all: perpetuals in dollars and coins, spot in no coin."""
    quote = split(symbol)[1]
    return quote != COIN if kind == "spot" else quote in (*DOLLARS, COIN)


@lru_cache(MAX_ROWS)
def neighbours(command: str, symbol: str, kind: str = "", choice: str = "") -> tuple[Button, ...]:
    """Row 3. kind: of the market that is shown, where the answer is of one kind; choice: what the other kind keeps."""
    of, base = short(symbol), split(symbol)[0]
    spot = " spot" if kind == "spot" else ""
    names: Iterable[str] = NEIGHBOURS.get(command, OF_OTHERS)
    if kind == "spot":
        names = [each for each in names if each not in ("oi", "funding", "ls")]
    buttons = [Button(LABELS[each], f"{each} {base if each in ('oi', 'funding') else of}{spot}") for each in names]
    other = "perp" if kind == "spot" else "spot"
    if kind and may_be(other, symbol):
        buttons.append(Button(other, " ".join(each for each in (command, of, choice, other) if each)))
    return that_fit(buttons)


def carried(keyboard: Keyboard, place: Place) -> Keyboard:
    """The same buttons, with the place added to those lines that have room for it and none of their own."""
    return tuple([tuple([_carried(button, place) for button in row]) for row in keyboard])


@lru_cache(4 * MAX_ROWS)
def _carried(button: Button, place: Place) -> Button:
    command, *words = button.data.split() or [""]
    if not _has_room(command, words):
        return button
    more = []
    if place.interval and INTERVALS.keys().isdisjoint(words):
        more.append(place.interval)
    if place.kind and not any(word in KINDS for word in words):
        more.append(place.kind)
    if not more:
        return button
    line = " ".join([button.data, *more])
    return button._replace(data=line) if len(line.encode()) <= MAX_BUTTON_DATA else button


def _has_room(command: str, words: Sequence[str]) -> bool:
    """Whether a line of one market takes an interval and a kind. Pictures of other answers are named by a word more."""
    if command == "chart":
        return len(words) == 1
    return command in LABELS and len(words) > 0 and (command, words[0]) != ("funding", "top")


def try_again(line: str) -> Keyboard:
    """Under a failure that may pass. line: what was asked."""
    return keyboard(that_fit([Button("Try again", line)]))


def copying(price: float | None) -> tuple[Button, ...]:
    """Puts a price into the clipboard as an order's field takes it: 67432.10, without commas. None without a price."""
    return that_fit([Button("📋", "", format_price(price).replace(",", ""))]) if is_figure(price) and price else ()


def that_fit(buttons: Iterable[Button]) -> tuple[Button, ...]:
    """Those that have a text, and a command line of at most as many bytes as Telegram takes, or something to copy."""
    return tuple([each for each in buttons if _fits(each)])


def of_coins(names: Sequence[str], lines: Iterable[str], before: str = "") -> tuple[Button, ...]:
    """A button for each coin, with its command line; five stand in a row, so that long names are cut."""
    labels = told_apart(names, NAME)
    return that_fit(Button(f"{before}{label}", line) for label, line in zip(labels, lines, strict=True))


def _fits(button: Button) -> bool:
    if not button.label.strip():
        return False
    if button.copy:
        return len(button.copy) <= MAX_COPIED
    return 0 < len(button.data.encode()) <= MAX_BUTTON_DATA


def in_json(button: Button) -> dict[str, Any]:
    """As the Bot API has it; the marked choice in the colour of what is chosen (9.4; older clients pass it over)."""
    label, data, copy = button
    shown: dict[str, Any] = (
        {"text": label, "copy_text": {"text": copy}} if copy else {"text": label, "callback_data": data}
    )
    if label.startswith(CHOSEN):
        shown["style"] = "primary"
    return shown


def keyboard(*rows: tuple[Button, ...]) -> Keyboard:
    return tuple([row for row in rows if row])
