"""What messages are made of: buttons, tables, folded parts, the foot. Pure.

Every text made here is valid Telegram HTML and fits one message, whatever exchanges and
users sent: all that is not ours goes through `escape`, and lists are bounded. A phone shows
about 34 characters of monospace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exchanges.symbols import split
from exchanges.words import Source
from render.figures import escape, format_moment
from render.sentences import exchange_name

MAX_TEXT = 4096  # characters of a message
MAX_CAPTION = 1024  # characters under a picture
DOOR = 64  # characters that a door may add to a caption
MAX_BUTTON_DATA = 64  # bytes
COLUMN = 12  # characters of a table's column at least
INTERVAL_BUTTONS = ("5m", "15m", "1h", "4h", "1d")


class Button(NamedTuple):
    """data: a command line without its slash, to be run when the button is pressed."""

    label: str
    data: str


Keyboard = tuple[tuple[Button, ...], ...]


class Answer(NamedTuple):
    """A message in parts, each of them Telegram HTML. keyboard: rows of buttons.

    headline: what the answer is, in a line. blocks: tables and what belongs to them. notes: what is missing, and why.
    foot: source and time. photo: a PNG above them, whose caption they are then. outcome: as /metrics counts it.
    """

    headline: str
    blocks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    foot: str = ""
    keyboard: Keyboard = ()
    photo: bytes | None = None
    outcome: str = "answered"

    @property
    def text(self) -> str:
        """The whole message, at most MAX_TEXT characters: what is folded, then notes, make room."""
        return self._within(MAX_TEXT)

    @property
    def caption(self) -> str:
        """The same for under a picture, at most MAX_CAPTION characters; markup is counted, and what a door adds."""
        return self._within(MAX_CAPTION - DOOR)

    def _within(self, most: int) -> str:
        parts = [self.headline, *self.blocks, *self.notes, *([self.foot] if self.foot else [])]
        while len(whole := "\n".join(parts)) > most and len(parts) > 2:
            parts.remove(next((each for each in parts if each.startswith("<blockquote")), parts[-2]))
        return whole


def table(rows: Iterable[Sequence[str]], column: int = COLUMN) -> str:
    """Rows of a label and cells as aligned columns. The only cell of a row may hang over into the next column."""
    rows = [row for row in rows if row]
    label = max(len(row[0]) for row in rows) + 1
    column = max([column, *(len(cell) + 1 for row in rows if len(row) > 2 for cell in row[1:])])
    lines = (row[0].ljust(label) + "".join(cell.ljust(column) for cell in row[1:]) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def short(symbol: str) -> str:
    """BTC for BTC-USDT: how people type it, and what fits a button."""
    return symbol.removesuffix("-USDT")


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned columns: the first to the left, all others to the right."""
    rows = [row for row in rows if row]
    widths = [max(len(row[i]) for row in rows if len(row) > i) for i in range(max(map(len, rows)))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)),
        ]
        lines.append(" ".join(cells).rstrip())
    return "\n".join(lines)


def pre(rows: Iterable[Sequence[str]]) -> str:
    return f"<pre>{escape(columns(rows))}</pre>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Label and figure, the figures beginning in one column."""
    rows = list(rows)
    width = max(len(label) for label, _ in rows) + 1
    return f"<pre>{escape(chr(10).join(f'{label.ljust(width)}{figure}' for label, figure in rows))}</pre>"


def folded(lines: Sequence[str]) -> str:
    """Escaped lines that open at a tap."""
    return f"<blockquote expandable>{escape(chr(10).join(lines))}</blockquote>"


def foot(source: str, time_ms: int, took_s: float, now_s: float, of: str = "") -> str:
    """Source, time and latency. of: what the time is of, where it is not the answer's."""
    return f"<i>{escape(source)} · {of}{format_moment(time_ms, now_s)} · {took_s * 1000:.0f} ms</i>"


def source_foot(source: Source, now_s: float) -> str:
    return foot(exchange_name(source.exchange), source.time_ms, source.took_s, now_s)


def title(source: Source, what: str) -> str:
    return f"<b>{escape(source.symbol)} {source.kind}</b> · {escape(what)}"


def choice_buttons(command: str, source: Source, choices: Sequence[str], chosen: str) -> tuple[Button, ...]:
    """The same command about the same market with other words after it; the chosen one is marked."""
    of = short(source.symbol)
    spot = " spot" if source.kind == "spot" else ""
    buttons = (Button(f"•{each}" if each == chosen else each, f"{command} {of} {each}{spot}") for each in choices)
    return that_fit(buttons)


def neighbours(symbol: str, *commands: str, kind: str = "perp") -> tuple[Button, ...]:
    of = short(symbol)
    spot = " spot" if kind == "spot" else ""
    labels = {"price": "Price", "volume": "Volume", "cvd": "CVD", "oi": "OI", "ls": "L/S", "funding": "Funding"}
    labels |= {"analysis": "Analysis", "profile": "Profile"}
    base = split(symbol)[0]
    words = {"oi": base, "funding": base, "price": of, "ls": of}
    return that_fit(Button(labels[each], f"{each} {words.get(each, of + spot)}") for each in commands)


def picture_button(what: str, source: Source, choice: str) -> tuple[Button, ...]:
    """The same as a picture: of candles, or `what` in front of the symbol."""
    spot = " spot" if source.kind == "spot" else ""
    return that_fit([Button("📈", " ".join(f"chart {what} {short(source.symbol)} {choice}{spot}".split()))])


def that_fit(buttons: Iterable[Button]) -> tuple[Button, ...]:
    return tuple(each for each in buttons if len(each.data.encode()) <= MAX_BUTTON_DATA)


def keyboard(*rows: tuple[Button, ...]) -> Keyboard:
    return tuple(row for row in rows if row)


def refresh(data: str) -> tuple[Button, ...]:
    return that_fit([Button("🔄 Refresh", data)])


def clock(time_ms: int) -> str:
    return format_moment(time_ms, time_ms / 1000).replace(":00 UTC", " UTC")
