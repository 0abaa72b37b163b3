"""A long JSON array cut into its elements as the bytes arrive. No I/O."""

from __future__ import annotations

import re
from typing import Any

import orjson

from exchanges.endpoints import Wanted
from exchanges.errors import BadResponse

MAX_ELEMENT = 64 * 1024
MAX_ELEMENTS = 50_000
MAX_SPACES = 64  # between a bracket and what stands before it
MAX_TRIES = 64  # guesses per chunk at where an element ends
MAX_LOOKS = 4096  # at places where an element could end, likewise
MAX_SEARCH = 16 * 1024 * 1024  # bytes parsed to see whether an array stands at the place: some 30 ms
MAX_BEFORE_LIST = 256 * 1024  # Hyperliquid puts the names of all coins before the list


class ArrayCutter:
    """Cuts the elements out of a JSON array while its bytes arrive. No I/O.

    place is the way to the array: () for the body itself, ("result", "list") for
    {"result": {"list": […]}}, (1,) for the second member of an outer array. The elements are
    objects.

    No JSON is scanned here. Whether a guess was right, orjson tells: what stands before the
    array must, closed with the brackets that place asks for, parse to a document that has an
    empty list there; and the bytes up to a "}" are whole elements exactly when, put in brackets,
    they parse. So the last "}" of what has arrived is tried first, then earlier ones.

    wanted: which elements are handed out; see _sifted. n_elements counts the others, too.

    Raises BadResponse. Keeps one chunk and one unfinished element.
    """

    def __init__(self, exchange: str, place: tuple[str | int, ...], wanted: Wanted | None = None) -> None:
        self._exchange, self._place, self._wanted = exchange, place, wanted
        self._buffer = b""
        self._searched = 0  # no array at the place begins before this
        self._n_parsed = 0  # bytes, to find it
        self._opening = _opening(place)
        self._after_element = False
        self.n_elements = 0
        self.head: Any = None  # the document before the array, with an empty list in its place
        self.found = False
        self.is_done = False

    @property
    def unread(self) -> bytes:
        """What has arrived and was not handed out."""
        return self._buffer

    def feed(self, chunk: bytes) -> list[Any]:
        """The elements that are whole now, and wanted."""
        if self.is_done:
            return []
        self._buffer += chunk
        if not self.found and not self._find_array():
            if len(self._buffer) > MAX_BEFORE_LIST:
                raise BadResponse(self._exchange, f"no list at {self._place} in the first {MAX_BEFORE_LIST} bytes")
            return []
        elements = self._cut()
        self.n_elements += len(elements)
        if self.n_elements > MAX_ELEMENTS:
            raise BadResponse(self._exchange, f"the list has more than {MAX_ELEMENTS} elements")
        if len(self._buffer) > MAX_ELEMENT:
            raise BadResponse(self._exchange, f"an element has more than {MAX_ELEMENT} bytes, or is no object")
        return elements

    def _find_array(self) -> bool:
        while (candidate := self._opening.search(self._buffer, self._searched)) is not None:
            start = self._searched = candidate.end() - 1
            if self._is_at_place(self._buffer[:start]):
                self._buffer = self._buffer[start + 1 :]
                self.found = True
                return True
        self._searched = max(self._searched, len(self._buffer) - MAX_SPACES - 1)
        return False

    def _is_at_place(self, before: bytes) -> bool:
        """Whether an array that begins after these bytes stands at the place. Raises BadResponse after MAX_SEARCH."""
        self._n_parsed += len(before)
        if self._n_parsed > MAX_SEARCH:
            raise BadResponse(self._exchange, f"no list at {self._place} among too many others")
        closing = "".join("}" if isinstance(step, str) else "]" for step in reversed(self._place))
        try:
            here = head = orjson.loads(before + b"[]" + closing.encode())
            for step in self._place:
                here = here[step]
            if here != []:
                return False
            self.head = head
            return True
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return False

    def _cut(self) -> list[Any]:
        self._skip_separator()
        end, tries, looks = len(self._buffer), 0, 0
        while tries < MAX_TRIES and looks < MAX_LOOKS and (end := self._buffer.rfind(b"}", 0, end)) >= 0:
            looks += 1
            if not _may_end_element(self._buffer, end + 1):
                continue
            tries += 1
            whole, n_unwanted = self._buffer[: end + 1], 0
            if self._wanted is not None and tries == 1:  # as a rule the first guess is right
                whole, n_unwanted = _sifted(whole, self._wanted)
            try:
                elements: list[Any] = orjson.loads(b"[" + whole + b"]")
            except orjson.JSONDecodeError:
                continue
            self.n_elements += n_unwanted
            self._buffer = self._buffer[end + 1 :]
            self._after_element = True
            self._skip_separator()
            return elements
        return []

    def _skip_separator(self) -> None:
        """Takes the comma after an element off the buffer; notes the array's end."""
        rest = self._buffer.lstrip()
        if self._after_element and rest[:1] == b",":
            self._buffer, self._after_element = rest[1:], False
        elif rest[:1] == b"]" and (self._after_element or not self.n_elements):
            self._buffer, self.is_done = b"", True
        elif self._after_element and rest:
            raise BadResponse(self._exchange, f"between two elements of the list stands {rest[:20]!r}")


def _opening(place: tuple[str | int, ...]) -> re.Pattern[bytes]:
    """What an array at the place begins with: its bracket, and what stands before that."""
    last = place[-1] if place else None
    before = rb"\A" if last is None else rb":" if isinstance(last, str) else rb"," if last else rb"\["
    return re.compile(before + rb"[ \t\r\n]{0,%d}\[" % MAX_SPACES)


def _sifted(elements: bytes, wanted: Wanted) -> tuple[bytes, int]:
    """Elements without those that are not wanted, and how many these were, before any JSON is read.

    Of Binance's spot markets a fifth is in dollars: without the rest its list costs a fourth less to cut and read.
    Nothing is left out unless all elements are of one plain form, {"key":"TEXT",…}: the key first, no space, no escape,
    no object within. Then `},{"key":"` cannot stand within a text, as its quotes would end that, and there one element
    ends and another begins. The last one is kept whatever it is: whether it is whole, or was cut within a text, is
    found out by reading it. That the others are JSON, nobody looks at: nobody looks at what they say.
    """
    begin = b'{"%b":"' % wanted.key
    rows = elements[len(begin) : -1].split(b"}," + begin)
    n_braces = len(elements) - len(elements.replace(b"{", b""))  # in a fourth of the time of bytes.count
    if n_braces != len(rows) or not elements.startswith(begin) or b"\\" in elements:
        return elements, 0
    *others, last = rows
    kept = [row for row in others if row.partition(b'"')[0].endswith(wanted.endings)]
    kept.append(last)
    return begin + (b"}," + begin).join(kept) + b"}", len(rows) - len(kept)


def _may_end_element(buffer: bytes, end: int) -> bool:
    """Whether what follows the "}" before end is the array's end, another object, or not there yet."""
    rest = buffer[end : end + 16].lstrip()
    return not rest or rest[:1] == b"]" or (rest[:1] == b"," and rest[1:].lstrip()[:1] in (b"", b"{"))
