"""What messages are made of: buttons, tables, folded parts, the foot. Pure.

A table is a text in letters of one width, and keeps its rows for rich.py, which makes a true table of them.
Every text made here is valid Telegram HTML and fits one message, whatever exchanges and users sent: all that is not
ours goes through `escape`, and lists are bounded. A phone shows about 34 characters of monospace.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from exchanges.words import Source
from render.figures import display_width, escape, format_moment, is_narrow, shortened, told_apart, widths
from render.sentences import exchange_name

MAX_TEXT = 4096  # characters of a message
MAX_CAPTION = 1024  # characters under a picture
DOOR = 64  # characters that a door may add to a caption
PHONE = 34  # columns of a phone
MIN_LABEL = 3  # columns of a label, by which it is still known
MAX_MOMENT_MS = 2**31 * 1000  # beyond it, no clock of today means anything
DAY_S = 86_400.0
SEPARATOR = " · "  # of texts in one cell
COLUMN = 12  # characters of a table's column at least


class Button(NamedTuple):
    """data: a command line without its slash, to be run when the button is pressed; or copy: what it puts into the
    reader's clipboard."""

    label: str
    data: str
    copy: str = ""


CHOSEN = "•"  # before the label of the choice that is shown
Keyboard = tuple[tuple[Button, ...], ...]


class Answer(NamedTuple):
    """A message in parts, each of them Telegram HTML. keyboard: rows of buttons.

    headline: what the answer is, in a line. blocks: tables and what belongs to them. notes: what is missing, and why.
    foot: source and time. photo: a PNG above them, whose caption they are then. picture_url: an address of a picture
    above them, for where none can be sent. outcome: as /metrics counts it.
    """

    headline: str
    blocks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    foot: str = ""
    keyboard: Keyboard = ()
    photo: bytes | None = None
    picture_url: str = ""
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


class Table(str):
    """A table as Telegram HTML, in letters of one width, that still knows its cells, which are no HTML.

    has_head: the first row names the columns.
    """

    rows: tuple[tuple[str, ...], ...]
    has_head: bool

    @classmethod
    def of(cls, text: str, rows: Iterable[Sequence[str]], *, has_head: bool = False) -> "Table":
        """text: the rows as they stand in a message, unescaped."""
        table = cls(f"<pre>{escape(text)}</pre>")
        table.rows, table.has_head = tuple([tuple(row) for row in rows]), has_head
        return table


class Article(NamedTuple):
    """A ready answer to choose from a list. title and description are plain text, which answer already."""

    title: str
    description: str
    answer: Answer


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
    if not rows:
        return ""
    is_plain = is_narrow("".join(chain.from_iterable(rows)))  # then Python's own are right, and quick
    size: Callable[[str], int] = len if is_plain else display_width
    left: Callable[[str, int], str] = str.ljust if is_plain else _to_the_left
    right: Callable[[str, int], str] = str.rjust if is_plain else _to_the_right
    first, *others = [max(map(size, column)) for column in zip_longest(*rows, fillvalue="")]
    lines = [" ".join([left(row[0], first), *map(right, row[1:], others)]).rstrip() for row in rows]
    return "\n".join(lines)


def _to_the_left(text: str, columns: int) -> str:
    """str.ljust, which knows of no signs that take two columns."""
    return text + " " * (columns - display_width(text))


def _to_the_right(text: str, columns: int) -> str:
    return " " * (columns - display_width(text)) + text


def pre(rows: Iterable[Sequence[str]], *, has_head: bool = True, has_names: bool = True) -> Table:
    """Aligned columns; where the figures leave no room for whole labels, these are cut to what there is.

    has_names: the labels are names, no two of which may read alike.
    """
    rows = [row for row in rows if row]
    text = columns(rows)
    over = max(widths(text.split("\n"))) - PHONE
    if over > 0:
        names = [row[0] for row in rows]
        left = max(MIN_LABEL, max(widths(names)) - over)
        labels = told_apart(names, left) if has_names else [shortened(name, left) for name in names]
        text = columns([[label, *row[1:]] for label, row in zip(labels, rows, strict=True)])
    return Table.of(text, rows, has_head=has_head)


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Label and figure, the figures beginning in one column."""
    rows = list(rows)
    width = max(len(label) for label, _ in rows) + 1
    return Table.of("\n".join(f"{label.ljust(width)}{figure}" for label, figure in rows), rows)


def folded(lines: Sequence[str]) -> str:
    """Escaped lines that open at a tap."""
    return f"<blockquote expandable>{escape(chr(10).join(lines))}</blockquote>"


def foot(source: str, time_ms: int, now_s: float, of: str = "") -> str:
    """Source and time. of: what the time is of, where it is not the answer's."""
    return f"<i>{escape(source)} · {of}{moment(time_ms, now_s)}</i>"


def moment(time_ms: int, now_s: float) -> str:
    """Each reader's own time (Bot API 9.5), for outside tables; clients without it show the UTC inside."""
    inside = format_moment(time_ms, now_s)
    if not 0 < time_ms < MAX_MOMENT_MS:
        return inside
    clock, comma, age = inside.partition(", ")
    how = "T" if abs(now_s - time_ms / 1000) < DAY_S else "dT"
    return f'<tg-time unix="{time_ms // 1000}" format="{how}">{clock}</tg-time>{comma}{age}'


def source_foot(source: Source, now_s: float) -> str:
    return foot(exchange_name(source.exchange), source.time_ms, now_s)


def title(source: Source, what: str) -> str:
    return f"<b>{escape(short(source.symbol))} {source.kind}</b> {escape(what)}"


def clock(time_ms: int) -> str:
    return format_moment(time_ms, time_ms / 1000).replace(":00 UTC", " UTC")


def spread(left: str, right: str, width: int = PHONE) -> list[str]:
    """Two texts at the ends of a line; on two lines where they are too long for one."""
    gap = width - display_width(left) - display_width(right)
    return [left + " " * gap + right] if gap > 0 else [left, right.rjust(width)]


def labelled(rows: Iterable[tuple[str, Sequence[str]]], label: int = 6, width: int = PHONE) -> Table:
    """Lines of a label and texts: as many texts on a line as fit, the others on lines below it."""
    rows, lines = list(rows), []
    for name, texts in rows:
        line = name.ljust(label - 1)
        is_empty = True
        for text in texts:
            longer = f"{line} {text}" if is_empty else f"{line}  {text}"
            if not is_empty and display_width(longer) > width:
                lines.append(line)
                line, is_empty = " " * (label - 1), True
                longer = f"{line} {text}"
            line, is_empty = longer, False
        lines.append(line)
    text = "\n".join([line.rstrip() for line in lines])
    return Table.of(text, [(name, SEPARATOR.join(texts)) for name, texts in rows])
