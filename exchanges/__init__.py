"""The words in which the project speaks of markets, and the tree of what can go wrong.

One module per exchange stands beside this file. Such a module does no I/O: it says where
to ask (`Endpoint`) and how to read the answer (`parse_…`). Units are converted there, once:
whatever leaves a module is in base or quote currency, in percent where the name says
`_pct`, in milliseconds where it says `_ms`; what the exchange did not say is None.

    MarketError
      UnknownSymbol      the exchange lists no such market
      NotSupported       the exchange does not offer it at all
      Unavailable        timeout, refused, 5xx
        RateLimited      carries retry_after_s
        Blocked          not served to the country of this machine's address
      Refused            an API key is wrong, or may not do this
        ClockWrong       the request's time stamp is not the exchange's time
      BadResponse        not the documented shape, cut, or larger than allowed
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

T = TypeVar("T")


class MarketError(Exception):
    """An exchange did not give the answer.

    exchange: its id. detail: for operators, in the log only; it may quote the exchange.
    reason: a few words of our own for the user, which continue "Binance …".
    """

    reason = "failed"
    http_status = 502

    def __init__(self, exchange: str, detail: str, reason: str | None = None) -> None:
        super().__init__(f"{exchange}: {detail}")
        self.exchange, self.detail = exchange, detail
        self.market = ""  # spot or perp, where the question was asked of both
        if reason is not None:
            self.reason = reason


class UnknownSymbol(MarketError):
    reason = "had no such market"
    http_status = 404


class NotSupported(MarketError):
    reason = "did not offer it"
    http_status = 501


class Unavailable(MarketError):
    reason = "could not be reached"
    http_status = 503


class RateLimited(Unavailable):
    """retry_after_s: how long to ask nothing; until_ms: the same as a moment. Either may be unknown."""

    reason = "limited our requests"
    http_status = 429

    def __init__(
        self, exchange: str, detail: str, retry_after_s: float | None = None, until_ms: int | None = None
    ) -> None:
        super().__init__(exchange, detail)
        self.retry_after_s, self.until_ms = retry_after_s, until_ms


class Blocked(Unavailable):
    reason = "refused this server's region"


class Refused(MarketError):
    reason = "refused the API key"
    http_status = 403


class ClockWrong(Refused):
    reason = "found this machine's clock wrong"


class BadResponse(MarketError):
    reason = "gave an unusable answer"


class Ticker(NamedTuple):
    """One market over the last 24 hours. last, bid, ask, high, low in quote; change_pct in percent."""

    exchange: str
    symbol: str
    last: float
    bid: float | None
    ask: float | None
    high: float | None
    low: float | None
    change_pct: float | None
    base_volume: float | None
    quote_volume: float | None
    time_ms: int


class OpenInterest(NamedTuple):
    """Contracts outstanding, one side counted: in base, and in quote.

    An exchange that tells only one of them tells the mark price, or the last one, which the other comes from.
    """

    open_interest: float | None
    open_interest_quote: float | None


class Funding(NamedTuple):
    """funding_rate: a fraction per period of funding_interval_h hours (0.0001 is 0.01 %), due at next_funding_ms."""

    funding_rate: float
    funding_interval_h: float | None
    next_funding_ms: int | None
    mark: float | None


class Perp(NamedTuple):
    """What is known of a perpetual. One endpoint may tell only a part of it."""

    ticker: Ticker | None = None
    open_interest: OpenInterest | None = None
    funding: Funding | None = None


@dataclass(frozen=True, slots=True)
class Candles:
    """A market's candles, oldest first, as columns of the same length.

    open_ms: when each begins. open, high, low, close in quote; volume and taker_buy (what takers bought
    of it) in base; quote_volume in quote. A column that the exchange does not give is None. Candles without
    trades may be missing. is_last_closed: where the exchange says whether the last one is over.
    """

    exchange: str
    symbol: str
    market: str  # spot or perp
    interval_ms: int
    open_ms: array[int]
    open: array[float]
    high: array[float]
    low: array[float]
    close: array[float]
    volume: array[float]
    quote_volume: array[float] | None = None
    taker_buy: array[float] | None = None
    is_last_closed: bool | None = None

    def __len__(self) -> int:
        return len(self.open_ms)

    def n_closed(self, now_ms: int) -> int:
        """How many are over. One that a later one follows is; the last is when its time has passed."""
        if not self.open_ms:
            return 0
        is_over = self.is_last_closed
        if is_over is None:
            is_over = self.open_ms[-1] + self.interval_ms <= now_ms
        return len(self.open_ms) - (not is_over)

    def part(self, begin: int, end: int) -> Candles:
        """The candles of a slice."""
        whole = slice(begin, end)
        return Candles(
            self.exchange,
            self.symbol,
            self.market,
            self.interval_ms,
            self.open_ms[whole],
            self.open[whole],
            self.high[whole],
            self.low[whole],
            self.close[whole],
            self.volume[whole],
            self.quote_volume and self.quote_volume[whole],
            self.taker_buy and self.taker_buy[whole],
            True if end < len(self) else self.is_last_closed,
        )


class Flow(NamedTuple):
    """What takers bought and sold, in base, oldest first. Periods without trades may be missing."""

    exchange: str
    symbol: str
    market: str
    interval_ms: int
    open_ms: Sequence[int]
    buy: Sequence[float]
    sell: Sequence[float]


class Ratio(NamedTuple):
    """How many of the accounts, or how much of their positions, is long: a share, 0 to 1."""

    time_ms: int
    long_share: float


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """An API key for reading one's own account. It has no repr that could show a secret."""

    api_key: str
    secret: str
    passphrase: str = ""
    is_testnet: bool = False


class Signed(NamedTuple):
    """What proves who asks: the target as it is sent, and the headers beside it."""

    target: str
    headers: dict[str, str]


class Balance(NamedTuple):
    """An asset in one wallet, in its own units. usd: where the exchange says it."""

    asset: str
    free: float
    in_use: float
    usd: float | None = None


class Position(NamedTuple):
    """An open derivatives position.

    symbol: as the exchange spells it. size in base, notional in dollars. pnl, margin and funding
    in `asset`, in which the contract settles; pnl_pct of the margin. funding: paid (-) or
    received (+) so far. liquidation None: the exchange gives none.
    """

    symbol: str
    base: str
    side: str  # long or short
    size: float | None
    notional: float | None
    entry: float | None
    mark: float | None
    liquidation: float | None
    leverage: float | None
    margin: float | None
    asset: str
    pnl: float | None
    pnl_pct: float | None
    funding: float | None = None


class Income(NamedTuple):
    """Money that came (+) or went (-). kind: realised, funding or fee; amount in asset."""

    time_ms: int
    kind: str
    asset: str
    amount: float


class Page(NamedTuple, Generic[T]):
    """Some rows of a list that comes in pages. cursor: where the next page begins; "" after the last."""

    rows: list[T]
    cursor: str


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


class ListEndpoint(NamedTuple, Generic[T]):
    """Where a long list of JSON objects is, and how to read one of them.

    place: the way to the JSON array, e.g. ("result", "list"), () when the body is the array.
    row: gives None for a row that is not wanted; raises MarketError.
    explain: as in Endpoint; also asked, with status 200, when there is no array at that place.
    reader: where rows mean nothing without what stands before the list, makes `row` of that.
    """

    host: Host
    target: str
    place: tuple[str | int, ...]
    row: Callable[[Mapping[str, Any]], T | None]
    explain: Callable[[int, bytes], MarketError]
    budget: Budget
    weight: int = 1
    body: bytes = b""
    reader: Callable[[Any], Callable[[Mapping[str, Any]], T | None]] | None = None


class PositionsEndpoint(NamedTuple):
    """Where positions are asked, where what completes them is, and how both together are read.

    second: None where the first answer says all; signed when it is an Endpoint, public when a ListEndpoint
    of pairs, which become a dict. parse gets both answers, None for a second that failed.
    """

    first: Endpoint[Any]
    second: Endpoint[Any] | ListEndpoint[tuple[str, float]] | None
    parse: Callable[[Any, Any], list[Position]]


MINUTE_MS = 60_000
INTERVALS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}
"""Candle intervals by our spelling, in ms."""

MAX_FIGURE = 1e30  # beyond it, nothing is a price or an amount
DOLLARS = ("USDT", "USDC", "USD", "FDUSD", "USD1")  # what counts as a dollar
COIN = "COIN"
"""As a quote: the perpetual that is priced in dollars and margined in its coin. BTC-COIN is Binance's BTCUSD_PERP."""
WINDOW_MS = 7 * 86_400_000  # of funding and fees, and the longest that Bybit gives at a time

# Reading JSON. Exchanges write numbers as strings, missing ones as "", null or not at all.


def load(exchange: str, body: bytes) -> Any:
    """The body as JSON. Raises BadResponse."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadResponse(exchange, f"not JSON: {error}: {body[:80]!r}") from error


def code_in(body: bytes, key: str) -> str | int | None:
    """The error code in a refusal's body; None when there is none, as in a proxy's HTML."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = answer.get(key) if isinstance(answer, dict) else None
    return code if isinstance(code, (str, int)) else None


def row_in(exchange: str, value: object) -> Mapping[str, Any]:
    """value, which has to be a JSON object. Raises BadResponse."""
    if not isinstance(value, dict):
        raise BadResponse(exchange, f"an object was expected, not {str(value)[:80]!r}")
    return value


def rows_in(exchange: str, value: object) -> list[Mapping[str, Any]]:
    """value, which has to be a list of JSON objects. Raises BadResponse."""
    if not isinstance(value, list):
        raise BadResponse(exchange, f"a list was expected, not {str(value)[:80]!r}")
    return [row_in(exchange, row) for row in value]


def name(exchange: str, row: Mapping[str, Any], key: str) -> str:
    """A text that is not empty. Raises BadResponse."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise BadResponse(exchange, f"{key} is no name: {str(value)[:80]!r}")
    return value


def number(exchange: str, row: Mapping[str, Any], key: str) -> float | None:
    """A figure that may be missing: None for absent, null and "". Raises BadResponse for what is no number."""
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            figure = float(value)
        except ValueError:
            figure = math.nan
        if abs(figure) <= MAX_FIGURE:
            return figure
    raise BadResponse(exchange, f"{key} is no number: {str(value)[:80]!r}")


def needed(exchange: str, row: Mapping[str, Any], key: str) -> float:
    """A figure without which the answer is worth nothing. Raises BadResponse."""
    figure = number(exchange, row, key)
    if figure is None:
        raise BadResponse(exchange, f"{key} is missing")
    return figure


def price(exchange: str, row: Mapping[str, Any], key: str) -> float | None:
    """As number, but zero counts as missing: exchanges write "0" for a price there was not. None is below zero."""
    figure = number(exchange, row, key) or None
    if figure is not None and figure < 0:
        raise BadResponse(exchange, f"{key} is {figure}, not a price")
    return figure


def share(exchange: str, row: Mapping[str, Any], key: str) -> float:
    """As needed, for a share, 0 to 1."""
    figure = needed(exchange, row, key)
    if not 0 <= figure <= 1:
        raise BadResponse(exchange, f"{key} is {figure}, not a share")
    return figure


def needed_price(exchange: str, row: Mapping[str, Any], key: str) -> float:
    """As needed, for a price, which is above zero."""
    figure = needed(exchange, row, key)
    if figure <= 0:
        raise BadResponse(exchange, f"{key} is {figure}, not a price")
    return figure


def whole(exchange: str, row: Mapping[str, Any], key: str) -> int | None:
    """As number, for milliseconds and counts; zero counts as missing."""
    figure = number(exchange, row, key)
    return int(figure) if figure else None


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
    market: tuple[str, str, str, int],
    rows: object,
    at: At,
    *,
    multiplier: float = 1,
    volume_in: float | None = None,
    time_ms: int = 1,
    is_last_closed: bool | None = None,
) -> Candles:
    """Candles from rows in either order of time.

    market: exchange, symbol, spot or perp, and the interval in ms. multiplier: coins that prices are of.
    volume_in: base coins that one unit of volume is, when that is not multiplier. time_ms: of one unit of time.
    Raises BadResponse, also for figures that no candle has: a low above the high, a price that is none.
    """
    exchange = market[0]
    coins = multiplier if volume_in is None else volume_in
    if not isinstance(rows, list):
        raise BadResponse(exchange, f"a list was expected, not {str(rows)[:80]!r}")
    try:
        if len(rows) > 1 and int(rows[0][at.time]) > int(rows[-1][at.time]):
            rows = rows[::-1]

        def column(place: Any, factor: float = 1) -> array[float]:
            cells = list(map(itemgetter(place), rows))
            if not set(map(type, cells)) <= _FIGURES:
                raise TypeError("a figure is neither a number nor a text")
            figures = array("d", map(float, cells))
            return figures if factor == 1 else array("d", [each * factor for each in figures])

        times = array("q", [int(float(row[at.time])) * time_ms for row in rows])
        open_, high, low, close = (column(each, 1 / multiplier) for each in (at.open, at.high, at.low, at.close))
        candles = Candles(
            *market,
            times,
            open_,
            high,
            low,
            close,
            column(at.volume, coins),
            None if at.quote_volume is None else column(at.quote_volume),
            None if at.taker_buy is None else column(at.taker_buy, coins),
            is_last_closed,
        )
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise BadResponse(exchange, f"a candle is malformed: {error}") from error
    _check_candles(candles)
    return candles


_FIGURES = {str, int, float}
EARLIEST_MS, LATEST_MS = 1_230_768_000_000, 4_102_444_800_000  # 2009, 2100: beyond them a time counts something else


def _check_candles(candles: Candles) -> None:
    """Raises BadResponse for candles that cannot be."""
    times = candles.open_ms
    if times and not EARLIEST_MS <= times[0] <= times[-1] <= LATEST_MS:
        raise BadResponse(candles.exchange, f"no candle begins at {times[0]} or ends at {times[-1]} ms")
    if any(after <= before for before, after in pairwise(times)):
        raise BadResponse(candles.exchange, "the candles are not in the order of time")
    prices = zip(candles.low, candles.open, candles.close, candles.high, strict=True)
    if not all(0 < low <= first <= high <= MAX_FIGURE and low <= last <= high for low, first, last, high in prices):
        raise BadResponse(candles.exchange, "a candle's prices cannot be")
    if not all(0 <= each <= MAX_FIGURE for each in candles.volume):
        raise BadResponse(candles.exchange, "a candle's volume cannot be")
    for column in (candles.quote_volume, candles.taker_buy):
        if column is not None and not all(0 <= each <= MAX_FIGURE for each in column):
            raise BadResponse(candles.exchange, "a candle's volume cannot be")


MULTIPLIERS = (
    (1000, "1000"),
    (10_000, "10000"),
    (100_000, "100000"),
    (1_000_000, "1000000"),
    (1_000_000, "1M"),
)
"""Contracts on many cheap coins: how many, and what stands before the coin's name."""

_MULTIPLIED = re.compile(r"^(10{3,6}(?=[^\W\d])|1M(?=[A-Z]{4}))")


def multiplied(base: str) -> tuple[str, int]:
    """("PEPE", 1000) for 1000PEPE, ("BABYDOGE", 1000000) for 1MBABYDOGE; 1INCH and BTC are of 1."""
    found = _MULTIPLIED.match(base)
    if found is None:
        return base, 1
    prefix = found[0]
    return base[len(prefix) :], 1_000_000 if prefix == "1M" else int(prefix)


def coin_symbol(symbol: str) -> tuple[str, int]:
    """("PEPE-USDT", 1000) for 1000PEPE-USDT."""
    base, quote = split(symbol)
    coin, multiplier = multiplied(base)
    return f"{coin}-{quote}", multiplier


def split(symbol: str) -> tuple[str, str]:
    """("BTC", "USDT") from "BTC-USDT"."""
    base, _, quote = symbol.partition("-")
    return base, quote
