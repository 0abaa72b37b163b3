"""Where to ask: hosts, budgets, and endpoints with the way to read their answers."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from exchanges.errors import MarketError
from exchanges.reading import Row
from exchanges.symbols import coin_symbol, split
from exchanges.words import Income, Page, Position, Snapshot

T = TypeVar("T")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")  # RFC 3986 §2.3


def percent_encode(name: str) -> str:
    """A name as it stands in a path or a query. Nearly all of them stay as they are, which quote sees in nine calls."""
    return name if _UNRESERVED.fullmatch(name) else quote(name, safe="")


class Host(NamedTuple):
    """One address of an exchange. The environment variable <NAME>_URL replaces it.

    testnet_url: where the keys of its testnet belong.
    """

    name: str
    exchange: str
    url: str
    testnet_url: str = ""


class Budget(NamedTuple):
    """A documented limit: at most max_weight per window_s seconds, from one address.

    is_told: the exchange's own count comes with every answer.
    """

    name: str
    max_weight: int
    window_s: float
    is_told: bool = False


class Endpoint(NamedTuple, Generic[T]):
    """Where to ask, and how to read the answer.

    target: path and query exactly as they are sent. parse: raises MarketError.
    explain: what an answer with HTTP status >= 400 means, as a MarketError.
    weight: what it costs of the budget. body: JSON, to be sent by POST; b"" is a GET.
    part: which part of the answer parse reads, where others are read from the same target.
    """

    host: Host
    target: str
    parse: Callable[[bytes], T]
    explain: Callable[[int, bytes], MarketError]
    budget: Budget
    weight: int = 1
    body: bytes = b""
    part: str = ""


class Wanted(NamedTuple):
    """Which rows of a list are read at all: those whose text under `key`, which is their first, ends so.

    For lists of which most rows are of no use: `row` gives None for those, whatever else they say. It is how they are
    most often told, no promise: of what is told otherwise all is read.
    """

    key: bytes
    endings: tuple[bytes, ...]


class ListEndpoint(NamedTuple, Generic[T]):
    """Where a long list of JSON objects is, and how to read one of them.

    place: the way to the JSON array, e.g. ("result", "list"), () when the body is the array.
    row: gives None for a row that is not wanted; raises MarketError.
    explain: as in Endpoint; also asked, with status 200, when there is no array at that place.
    reader: where rows mean nothing without what stands before the list, makes `row` of that.
    wanted: which rows `row` has to see; None: all.
    """

    host: Host
    target: str
    place: tuple[str | int, ...]
    row: Callable[[Row], T | None]
    explain: Callable[[int, bytes], MarketError]
    budget: Budget
    weight: int = 1
    body: bytes = b""
    reader: Callable[[Any], Callable[[Row], T | None]] | None = None
    wanted: Wanted | None = None


def names_and_one(
    names: ListEndpoint[str], whole: ListEndpoint[tuple[str, Snapshot]], base: str, *, is_multiplied: bool
) -> ListEndpoint[tuple[str, Snapshot | None]]:
    """The list of whole, read for the symbols that names reads, and for what it says of one coin's markets.

    is_multiplied: those on many of the coin are among them (1000PEPE-USDT). None is told of the others, and of an odd
    row or one that tells nothing, whose market is asked for by itself then.
    """

    def row(each: Row) -> tuple[str, Snapshot | None] | None:
        listed = names.row(each)
        if listed is None:
            return None
        if base in listed and split(coin_symbol(listed)[0] if is_multiplied else listed)[0] == base:
            with suppress(MarketError):
                told = whole.row(each)
                return told if told is not None and any(told[1]) else (listed, None)
        return listed, None

    asked = (whole.host, whole.target, whole.place, row, whole.explain, whole.budget, whole.weight)
    return ListEndpoint(*asked, wanted=names.wanted)


class PositionsEndpoint(NamedTuple):
    """Where positions are asked, where what completes them is, and how both together are read.

    second: None where the first answer says all; signed when it is an Endpoint, public when a ListEndpoint
    of pairs, which become a dict. parse gets both answers, None for a second that failed. behind: where the page behind
    an answer is, which is read like the first one; None behind the last.
    """

    first: Endpoint[Any]
    second: Endpoint[Any] | ListEndpoint[tuple[str, float]] | None
    parse: Callable[[Any, Any], list[Position]]
    behind: Callable[[Any], Endpoint[Any] | None] = lambda answer: None


class IncomeList(NamedTuple):
    """A list of income in pages. kinds: of Income, what it tells. ask takes a cursor, "" for the first page."""

    kinds: tuple[str, ...]
    ask: Callable[[str], Endpoint[Page[Income]]]
