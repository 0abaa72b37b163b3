"""Reading JSON. Exchanges write numbers as strings, missing ones as "", null or not at all."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial
from itertools import pairwise
from operator import itemgetter, lt
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar

import orjson

from exchanges.errors import BadResponse, NotTraded, Unlikely, WrongMarket
from exchanges.finite import FEW, finite_rows
from exchanges.words import INTERVALS, MAX_FIGURE, MIN_FIGURE, MIN_PRICE, Candles, Liquidation, LiquidationPage, Listing

T = TypeVar("T")
_LONGER_MS = {each: frozenset(ms for ms in INTERVALS.values() if ms > each) for each in INTERVALS.values()}
_FIGURES = frozenset([str, int, float])  # types, of which bool is none
MAX_ROWS = 6000  # of one answer: no exchange tells more than 5000 candles at once
MAX_UNBROKEN = 8  # rows of times that are kept, of some kilobytes each
MAX_SOUGHT = 2000  # rows among which odd ones are sought: twice what most exchanges tell at once
MAX_ODD = 1000  # rows, the most of a list, after which nobody reads on: each that is refused costs some 10 µs
MANY_TEXTS = 24  # of which orjson makes figures sooner than float()
MAX_NAME = 64  # characters; the longest native symbol has some 30
N_ALIKE = 6  # periods in a row that leave out as many, which no market's quiet does
EARLIEST_MS, LATEST_MS = 1_230_768_000_000, 4_102_444_800_000  # 2009, 2100: beyond them a time counts something else
IN_SECONDS = range(EARLIEST_MS // 1000, LATEST_MS // 1000)  # what is no ms, but a time in seconds: 1970 has no markets


def load(exchange: str, body: bytes) -> Any:
    """The body as JSON. Raises BadResponse."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadResponse(exchange, f"not JSON: {error}: {body[:80]!r}") from error


class Figures(list[list[float]]):
    """Rows, lists in which every cell is a number: none is a text, true, false or null, and none is nested.

    columns: the same, turned; all rows are of one length.
    """

    __slots__ = ("columns",)

    def __init__(self, rows: list[list[float]], columns: Sequence[Sequence[Any]]) -> None:
        super().__init__(rows)
        self.columns = columns


def load_figures(exchange: str, body: bytes) -> Any:
    """As load, for rows whose texts are all figures, such as candles: without their quotes orjson reads them at once.

    It costs half of reading texts and making figures of these. A text that is something else is found out: it is no
    JSON without its quotes, or no figure (of JSON's other words, each has a "u" or an "s"), or makes its row longer
    than the first one is with them ("1,2").
    """
    unquoted = body.translate(None, b'"')
    if b"u" not in unquoted and b"s" not in unquoted:
        with suppress(ValueError, TypeError):
            rows = orjson.loads(unquoted)
            columns = list(zip(*rows, strict=True))
            if len(columns) == len(orjson.loads(body[1 : body.index(b"]") + 1])):
                n_lists = len(unquoted) - len(unquoted.replace(b"[", b""))  # in a third of the time of bytes.count
                is_flat = b"{" not in unquoted and n_lists == len(rows) + 1
                return Figures(rows, columns) if is_flat else rows  # a nested list times a million is one of millions
    return load(exchange, body)


def code_in(body: bytes, key: str) -> str | int | None:
    """The error code in a refusal's body; None when there is none, as in a proxy's HTML."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = answer.get(key) if isinstance(answer, dict) else None
    return code if isinstance(code, (str, int)) else None


def is_name(value: object) -> TypeGuard[str]:
    """Whether it is a text that may stand in a line of ours: short, without blanks, line ends and signs unseen."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable() and " " not in value


def are_names(texts: Sequence[str]) -> bool:
    """As is_name, whether all of them are."""
    told = "".join(texts)
    return told.isprintable() and " " not in told and "" not in texts and max(map(len, texts), default=0) <= MAX_NAME


def _shown(value: object) -> str:
    """A value in a line of the log. What is nested may be nested too deep to be written."""
    return repr(value)[:80] if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"


class Row:
    """A JSON object of an exchange's answer, whose figures are read by name. Its methods raise BadResponse."""

    __slots__ = ("exchange", "json")

    def __init__(self, exchange: str, json: Mapping[str, Any]) -> None:
        self.exchange, self.json = exchange, json

    @classmethod
    def of(cls, exchange: str, body: bytes) -> Row:
        """The body, which has to be a JSON object."""
        return row_in(exchange, load(exchange, body))

    def get(self, key: str) -> Any:
        """The value as it is; None when it is missing."""
        return self.json.get(key)

    def row(self, key: str) -> Row:
        """An object in the object."""
        return row_in(self.exchange, self.json.get(key))

    def rows(self, key: str) -> list[Row]:
        """A list of objects in the object."""
        return rows_in(self.exchange, self.json.get(key))

    def name(self, key: str) -> str:
        """A text that may be shown, see is_name."""
        value = self.json.get(key)
        if not is_name(value):
            raise self._bad(f"{key} is no name: {_shown(value)}")
        return value

    def number(self, key: str) -> float | None:
        """A figure that may be missing: None for absent, null and "". Less than MIN_FIGURE of anything is nothing."""
        figure = self._figure(key)
        return 0.0 if figure is not None and -MIN_FIGURE < figure < MIN_FIGURE else figure

    def _figure(self, key: str) -> float | None:
        value = self.json.get(key)
        if value is None or value == "":
            return None
        if type(value) in _FIGURES:
            try:
                figure = float(value)
            except ValueError:
                figure = math.nan
            if -MAX_FIGURE <= figure <= MAX_FIGURE:
                return figure
        raise self._bad(f"{key} is no number: {_shown(value)}")

    def must_be(self, key: str, expected: str) -> Row:
        """The row itself. Raises WrongMarket when it states another market; one that states none is believed."""
        stated = self.json.get(key)
        if stated is not None and stated != expected:
            raise WrongMarket(self.exchange, f"{key} is {str(stated)[:40]!r}, not {expected!r}")
        return self

    def must_lack(self, *keys: str) -> Row:
        """The row itself. Raises WrongMarket for what only a market of the other kind is told with."""
        if stated := [key for key in keys if key in self.json]:
            raise WrongMarket(self.exchange, f"{stated[0]} is told of the other kind of market only")
        return self

    def needed(self, key: str) -> float:
        """A figure without which the answer is worth nothing."""
        figure = self.number(key)
        if figure is None:
            raise self._bad(f"{key} is missing")
        return figure

    def price(self, key: str) -> float | None:
        """As number, but zero counts as missing: exchanges write "0" for a price there was not. None is below zero."""
        figure = self._figure(key) or None
        if figure is not None and figure < MIN_PRICE:
            raise self._bad(f"{key} is {figure}, not a price")
        return figure

    def needed_price(self, key: str) -> float:
        """As needed, for a price, which is above zero, and not by next to nothing."""
        figure = self._figure(key)
        if figure is None or figure < MIN_PRICE:
            raise self._bad(f"{key} is {'missing' if figure is None else figure}, not a price")
        return figure

    def share(self, key: str) -> float:
        """As needed, for a share, 0 to 1."""
        figure = self.needed(key)
        if not 0 <= figure <= 1:
            raise self._bad(f"{key} is {figure}, not a share")
        return figure

    def moment(self, key: str, unit_ms: int = 1) -> int:
        """As needed, for a moment, in ms; unit_ms: of one unit of it. Times beyond the calendar are none."""
        time_ms = int(self.needed(key)) * unit_ms
        if not 0 < time_ms <= LATEST_MS or time_ms in IN_SECONDS:
            raise self._bad(f"{key} is {time_ms} ms, no moment")
        return time_ms

    def whole(self, key: str, unit_ms: int = 1) -> int | None:
        """As moment, for one that may be missing; zero counts as missing."""
        figure = self.number(key)
        if figure is not None and not 0 <= figure * unit_ms <= LATEST_MS:
            raise self._bad(f"{key} is {figure}, no moment")
        return int(figure * unit_ms) if figure else None

    def _bad(self, detail: str) -> BadResponse:
        return BadResponse(self.exchange, detail)


def moment_ms(text: object) -> int:
    """The milliseconds of an ISO 8601 time; 0 for none, and for one beyond the calendar."""
    try:
        time_ms = int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
    return time_ms if 0 < time_ms <= LATEST_MS else 0


def row_in(exchange: str, value: object) -> Row:
    """value, which has to be a JSON object. Raises BadResponse."""
    if not isinstance(value, dict):
        raise BadResponse(exchange, f"an object was expected, not {_shown(value)}")
    return Row(exchange, value)


def rows_in(exchange: str, value: object) -> list[Row]:
    """value, which has to be a list of JSON objects. Raises BadResponse."""
    if not isinstance(value, list):
        raise BadResponse(exchange, f"a list was expected, not {_shown(value)}")
    return [row_in(exchange, row) for row in value]


def rows_of(exchange: str, body: bytes) -> list[Row]:
    """The body, which has to be a JSON list of objects. Raises BadResponse."""
    return rows_in(exchange, load(exchange, body))


def sole(exchange: str, rows: Sequence[Any], key: str) -> Row:
    """The first row of a list about one market. key: where a row names it.

    Raises Unlikely where another row names the same market with other figures: nobody knows which are true.
    """
    first = row_in(exchange, rows[0])
    for other in rows[1:]:
        if isinstance(other, dict) and other.get(key) == first.get(key) and other != first.json:
            raise Unlikely(exchange, f"{_shown(first.get(key))} is told twice")
    return first


class Odd(ValueError):
    """Among rows that are read at once there is one that has to be read by itself."""


class AtOnce(Generic[T]):
    """A reader of rows for many of them (see columns.py), and for one of them, which it is when it is called.

    rows: what `row` gives of each, without None. Raises Odd, or what `row` raises of one of them.
    """

    def __init__(self, row: Callable[[Row], T | None], rows: Callable[[Sequence[Any]], list[T]]) -> None:
        self.row, self.rows = row, rows

    def __call__(self, row: Row) -> T | None:
        return self.row(row)

    def read(self, rows: Sequence[Any]) -> list[T] | None:
        """None where they are to be read one by one: for one that is odd or not traded, or as they are few."""
        try:
            return self.rows(rows) if len(rows) >= FEW else None
        except (Odd, BadResponse, NotTraded):
            return None


class RowsRead(Generic[T]):
    """Rows read one by one. One that cannot be read costs itself only; when more than half cannot, the list is no list.

    n_odd: how many were left out. Raises WrongMarket at once: what does not belong together is worth nothing.
    """

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self.n_rows = self.n_odd = 0
        self.first_odd: BadResponse | None = None

    def read(self, rows: Sequence[object], read_row: Callable[[Row], T | None]) -> list[T]:
        """What read_row makes of the rows; None is not wanted, and what is not traded is not there."""
        found = read_row.read(rows) if isinstance(read_row, AtOnce) else None
        if found is None:
            found = self._one_by_one(rows, read_row)
        else:
            self.n_rows += len(rows)
        sound = finite_rows(found)
        if len(sound) < len(found):
            self._left_out(len(found) - len(sound), "a figure without bounds")
        return sound

    def _one_by_one(self, rows: Sequence[object], read_row: Callable[[Row], T | None]) -> list[T]:
        found = []
        for row in rows:
            self.n_rows += 1
            try:
                item = read_row(row if isinstance(row, Row) else row_in(self._exchange, row))
            except WrongMarket:
                raise
            except BadResponse as error:
                self._left_out(1, error.detail)  # without its frames
            except NotTraded:
                pass
            else:
                if item is not None:
                    found.append(item)
        return found

    def _left_out(self, n: int, why: str) -> None:
        self.n_odd += n
        self.first_odd = self.first_odd or BadResponse(self._exchange, why)
        if self.n_odd > MAX_ODD:
            self.end()

    def end(self) -> None:
        """Raises BadResponse when more than half of the rows could not be read."""
        if self.first_odd is not None and self.n_odd * 2 > self.n_rows:
            raise self.first_odd


def rows_read(exchange: str, rows: object, read_row: Callable[[Row], T | None]) -> list[T]:
    """As RowsRead, of a list that is there as a whole. Raises BadResponse."""
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        raise BadResponse(exchange, f"a list of {MAX_ROWS} at most was expected, not {_shown(rows)}")
    reading: RowsRead[T] = RowsRead(exchange)
    found = reading.read(rows, read_row)
    reading.end()
    return found


def per_coin(figure: float | None, multiplier: int) -> float | None:
    """The price of one coin from the price of a contract on `multiplier` coins (1000PEPE)."""
    return None if figure is None else figure / multiplier


def in_coins(figure: float | None, multiplier: int) -> float | None:
    """An amount of coins from an amount in units of `multiplier` coins."""
    return None if figure is None else figure * multiplier


def change_pct(last: float, before: float | None) -> float | None:
    """By how many percent `last` is above a price before; None without one."""
    return None if not before else (last - before) / before * 100


def long_share(exchange: str, ratio: float) -> float:
    """The share that is long, from long / short. Raises BadResponse for a ratio below zero."""
    if ratio < 0:
        raise BadResponse(exchange, f"{ratio} is no ratio of long to short")
    return ratio / (1 + ratio)


class At(NamedTuple):
    """Where a candle's figures stand in a row: indexes of a list, or keys of an object."""

    time: Any
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any
    quote_volume: Any = None
    taker_buy: Any = None


def read_candles(
    exchange: str,
    of: Listing,
    interval_ms: int,
    rows: object,
    at: At,
    *,
    volume_in: float | None = None,
    time_ms: int = 1,
    is_last_closed: bool | None = None,
) -> Candles:
    """Candles from rows in either order of time.

    volume_in: base coins that one unit of volume is, when that is not of.multiplier. time_ms: of one unit of time.
    A candle with figures that no candle has (a low above the high, a price that is none) is left out and counted.
    Raises BadResponse when more than half are so, or when they are not in the order of time, or of another interval.
    """
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        raise BadResponse(exchange, f"a list of {MAX_ROWS} at most was expected, not {_shown(rows)}")
    coins = of.multiplier if volume_in is None else volume_in
    read = partial(_columns, exchange, of, interval_ms, at=at, coins=coins, time_ms=time_ms)
    try:
        candles = read(_oldest_first(rows, at), is_last_closed=is_last_closed)
    except BadResponse:
        sound = _oldest_first(_sound(read, rows), at) if len(rows) <= MAX_SOUGHT else []
        if len(sound) == len(rows) or len(sound) * 2 < len(rows):
            raise
        is_newest_there = sound[-1] is rows[0] or sound[-1] is rows[-1]
        is_last_closed = is_last_closed if is_newest_there else True  # what is followed by another is over
        candles = read(sound, is_last_closed=is_last_closed, n_odd=len(rows) - len(sound))
    times = candles.open_ms
    if not is_unbroken(times, interval_ms):
        if not all(map(lt, times, times[1:])):
            raise BadResponse(exchange, "the candles are not in the order of time")
        check_interval(exchange, times, interval_ms)
    return candles


def newest_of(rows: object, time: int, flag: int) -> object:
    """What the newest row of a list, in either order of time, has at a place; None where there is none."""
    if not isinstance(rows, list) or not rows:
        return None
    try:
        newest = max(rows[0], rows[-1], key=lambda row: int(row[time]))
        return newest[flag]
    except (ValueError, TypeError, LookupError, OverflowError):
        return None


def _oldest_first(rows: list[Any], at: At) -> list[Any]:
    try:
        is_backward = len(rows) > 1 and int(rows[0][at.time]) > int(rows[-1][at.time])
    except (ValueError, TypeError, LookupError, OverflowError):
        return rows  # one of the two is odd
    return rows[::-1] if is_backward else rows


def _sound(read: Callable[[list[Any]], Candles], rows: list[Any]) -> list[Any]:
    """The rows that can be candles, sought by sixteenths: of a thousand, one odd row costs some fifty readings.

    Only some of them once more than half are odd: then the rest need not be looked at.
    """
    sound, pieces, n_odd = list[Any](), [rows], 0
    while pieces and n_odd * 2 <= len(rows):
        piece = pieces.pop()
        try:
            read(piece)
        except BadResponse:
            if len(piece) == 1:
                n_odd += 1
                continue
            step = -(-len(piece) // 16)
            pieces += [piece[at : at + step] for at in reversed(range(0, len(piece), step))]
        else:
            sound += piece
    return sound


def _columns(
    exchange: str,
    of: Listing,
    interval_ms: int,
    rows: list[Any],
    *,
    at: At,
    coins: float,
    time_ms: int,
    is_last_closed: bool | None = None,
    n_odd: int = 0,
) -> Candles:
    """The candles, all of them. Raises BadResponse."""

    are_numbers = isinstance(rows, Figures)

    def column(place: Any, factor: float = 1) -> Sequence[float]:
        figures = columns[place] if are_numbers else numbers(columns[place])
        return figures if factor == 1 else [each * factor for each in figures]

    try:
        columns = _turned(rows, at)
        times = _times(exchange, columns[at.time], time_ms, interval_ms, are_numbers=are_numbers)
        open_, high, low, close = (column(each, 1 / of.multiplier) for each in (at.open, at.high, at.low, at.close))
        volume = column(at.volume, coins)
        quote_volume = None if at.quote_volume is None else column(at.quote_volume)
        taker_buy = None if at.taker_buy is None else column(at.taker_buy, coins)
        _check_prices(exchange, open_, high, low, close)
        _check_amounts(exchange, volume, quote_volume or (), taker_buy or ())
        packed = _packed(open_, high, low, close, volume, quote_volume, taker_buy)
        told = (exchange, of.listed, of.kind, interval_ms, times, *packed, is_last_closed, n_odd)
        candles = Candles(*told)
        candles.is_bounded = True  # nobody else may say so
        return candles
    except (ValueError, TypeError, LookupError, OverflowError, struct.error) as error:
        raise BadResponse(exchange, f"a candle is malformed: {error}") from error


def _packed(first: Sequence[float], *others: Sequence[float] | None) -> list[Any]:
    """Each, all of one length, as array("d", column), a hundred rows in half of its time; None as it is.

    Raises struct.error for what is no figure.
    """
    pack = struct.Struct(f"{len(first)}d").pack
    return [each if each is None else array("d", pack(*each)) for each in (first, *others)]


def whole_ms(cells: Sequence[Any], unit_ms: int) -> Sequence[int]:
    """A column of JSON's times in ms. Raises TypeError and ValueError for what is none, OverflowError for infinity."""
    whole = cells if set(map(type, cells)) == {int} else [int(each) for each in numbers(cells)]
    return whole if unit_ms == 1 else [each * unit_ms for each in whole]


def are_texts(cells: Sequence[Any]) -> bool:
    """Whether all are texts: str.join finds that out in a fourth of the time that it takes to ask each for its type."""
    try:
        "".join(cells)
    except TypeError:
        return False
    return True


def floats_of(texts: Sequence[str]) -> list[float]:
    """The figures that texts say. Raises TypeError where one is no text, ValueError where it says no figure.

    Most are as JSON writes figures: then orjson reads many at once, six hundred in two thirds of the time that float()
    takes. Of "-0" the sign is lost, no more. A text that says another thing is found out: it is no JSON, or has a
    quote, a "u" or an "s" (true, false, null), is two figures, or none (a list).
    """
    told = ",".join(texts)
    if len(texts) >= MANY_TEXTS and '"' not in told and "u" not in told and "s" not in told:
        with suppress(ValueError, TypeError):
            figures = orjson.loads(f"[{told}]")
            if len(figures) == len(texts):
                return list(map(float, figures))
    return list(map(float, texts))


def numbers(cells: Sequence[Any]) -> Sequence[float]:
    """A column of JSON's figures. Raises TypeError and ValueError for what is none."""
    if cells and type(cells[0]) is str:
        with suppress(TypeError):
            return floats_of(cells)
    kinds = set(map(type, cells))
    if not kinds <= _FIGURES:
        raise TypeError("a figure is neither a number nor a text")
    return list(map(float, cells)) if str in kinds else cells


def floats(cells: Sequence[Any]) -> list[float]:
    """As numbers, each of them a float, in a list of its own."""
    figures = numbers(cells)
    return list(map(float, figures)) if figures is cells else list(figures)


def _times(exchange: str, cells: Sequence[Any], unit_ms: int, interval_ms: int, *, are_numbers: bool) -> array[int]:
    """When candles begin, from a column of JSON. Raises BadResponse; what whole_ms raises."""
    if are_numbers and unit_ms == 1:
        with suppress(struct.error):  # a fraction, or beyond 64 bits
            times = array("q", struct.pack(f"{len(cells)}q", *cells))
            if is_unbroken(times, interval_ms):
                _check_times(exchange, (times[0], times[-1]))
            else:
                _check_times(exchange, times)
            return times
    whole = whole_ms(cells, unit_ms)
    _check_times(exchange, whole)
    return array("q", whole)


def _turned(rows: list[Any], at: At) -> Sequence[Sequence[Any]] | Mapping[Any, Sequence[Any]]:
    """Rows as columns. Where all are lists of one length, at once: that costs a third of one by one."""
    if isinstance(rows, Figures):
        return rows.columns
    if set(map(type, rows)) == {list}:
        with suppress(ValueError):  # of several lengths
            return list(zip(*rows, strict=True))
    return {place: list(map(itemgetter(place), rows)) for place in at if place is not None}


# What no candle has: a scan of 200 markets has 160,000 figures. All raise BadResponse.


def _check_times(exchange: str, times: Sequence[int]) -> None:
    if times and not EARLIEST_MS <= min(times) <= max(times) <= LATEST_MS:
        raise BadResponse(exchange, f"no candle begins at {min(times)} or {max(times)} ms")


def check_interval(exchange: str, times: Sequence[int], interval_ms: int) -> None:
    """Raises BadResponse for periods, oldest first, that are of another interval: an hour's volume is no day's.

    Each begins a whole number of intervals after the one before. Where nothing was traded some are missing; but a row
    of N_ALIKE and more that leave out the same number each time has a longer interval.
    """
    if not times or is_unbroken(times, interval_ms):
        return
    steps = {later - at for at, later in pairwise(times)}
    is_longer = len(times) >= N_ALIKE and len(steps) == 1 and steps <= _LONGER_MS[interval_ms]
    if is_longer or any(step % interval_ms for step in steps):
        raise BadResponse(exchange, f"periods {min(steps) / 1000:g} s apart are not of {interval_ms / 1000:g} s")


def is_unbroken(times: Sequence[int], interval_ms: int) -> bool:
    """Whether each period begins where the one before ends, which is the rule."""
    n = len(times)
    if not n or times[-1] - times[0] != (n - 1) * interval_ms:
        return False
    whole = _unbroken(times[0], n, interval_ms)
    return times == whole if isinstance(times, array) else [*times] == whole.tolist()


@lru_cache(MAX_UNBROKEN)
def _unbroken(first_ms: int, n: int, interval_ms: int) -> array[int]:
    """n periods in a row. A scan asks two hundred markets for the same ones."""
    return array("q", range(first_ms, first_ms + n * interval_ms, interval_ms))


def _check_prices(
    exchange: str, begins: Sequence[float], high: Sequence[float], low: Sequence[float], ends: Sequence[float]
) -> None:
    """In one loop of our own: six in C cost half as much again, and each makes a number or a truth of every figure."""
    least, most = MIN_PRICE, MAX_FIGURE
    for begin, highest, lowest, end in zip(begins, high, low, ends, strict=True):
        if not (least <= lowest <= begin <= highest <= most and lowest <= end <= highest):  # nan is not, whatever it is
            raise BadResponse(exchange, "a candle's prices cannot be")


def _check_amounts(exchange: str, *columns: Sequence[float]) -> None:
    for column in filter(None, columns):
        least = min(column) or min(filter(None, column), default=MIN_FIGURE)  # nothing may be traded
        if not (least >= MIN_FIGURE and sum(column) <= MAX_FIGURE):  # which nan is not
            raise BadResponse(exchange, "a candle's volume cannot be")


def page_of(rows: Sequence[Liquidation], is_full: bool, since_ms: int) -> LiquidationPage:
    """A page of those since a moment, from rows of which a full page is followed by another one.

    The cursor is a time, before which the next page ends. More of the oldest millisecond may be on the next page: it is
    left to that, whole.
    """
    wanted = [each for each in rows if each.time_ms >= since_ms]
    oldest = min((each.time_ms for each in rows), default=0)
    if not is_full or len(wanted) < len(rows):
        return LiquidationPage(wanted, since_ms)
    later = [each for each in wanted if each.time_ms > oldest]
    if not later:  # all of one millisecond: no way to ask for the rest of it
        return LiquidationPage(wanted, oldest, str(oldest))
    return LiquidationPage(later, oldest + 1, str(oldest + 1))
