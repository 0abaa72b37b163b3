"""The records in which the project speaks of markets, and their units.

Here, and where else there are many fields of records, annotations are no texts (`from __future__ import annotations`):
typing compiles each text of a NamedTuple's field when its module is imported. 280 of them took 5 ms of every start.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from exchanges.errors import MarketError

T = TypeVar("T")
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
MIN_PRICE = 1e-18  # below it, nothing is: the cheapest coin is of 1e-12
MIN_FIGURE = 1e-24  # nearer to nothing, a figure is none: what is divided by it, or squared, stays finite
DOLLARS = ("USDT", "USDC", "USD", "FDUSD", "USD1")  # what counts as a dollar
CREDITS = ("BNFCR",)  # a dollar each, in which an exchange keeps accounts: Binance's in the EEA. They have no market.
COIN = "COIN"
"""As a quote: the perpetual that is priced in dollars and margined in its coin. BTC-COIN is Binance's BTCUSD_PERP."""
OLD_MS = 3_600_000  # of a price, by which nothing is valued any more
WINDOW_MS = 7 * 86_400_000  # of funding and fees, and the longest that Bybit gives at a time


class Listing(NamedTuple):
    """A market as one exchange lists it.

    kind: spot or perp. symbol: the coin's, in a quote that the exchange has (PEPE-USDT). listed: the contract's, in
    our spelling (1000PEPE-USDT), which is one of `multiplier` coins. contract_size: what one contract is worth,
    where the exchange counts contracts and was asked for it.
    """

    kind: str
    symbol: str
    listed: str
    multiplier: int = 1
    contract_size: float | None = None

    @property
    def base(self) -> str:
        """1000PEPE of 1000PEPE-USDT."""
        return self.listed.partition("-")[0]

    @property
    def quote(self) -> str:
        """USDT of 1000PEPE-USDT."""
        return self.listed.partition("-")[2]


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

    def is_old(self, now_ms: int) -> bool:
        """Whether it is of a market that has stood still: halted, or without trades. What tells no time is of now."""
        return bool(self.time_ms) and now_ms - self.time_ms > OLD_MS


class Book(NamedTuple):
    """The best price that is bid and the best that is asked, per coin; None where nobody does."""

    bid: float | None
    ask: float | None


class Last(NamedTuple):
    """The last trade of a market. time_ms: 0 where that is not told."""

    price: float
    time_ms: int


class OpenInterest(NamedTuple):
    """Contracts outstanding, one side counted: in base, and in quote.

    An exchange that tells only one of them tells the mark price, or the last one, which the other comes from.
    """

    open_interest: float | None
    open_interest_quote: float | None


MAX_PERIOD_MS = 25 * 3_600_000  # the longest funding period is a day; our clock may be late
MAX_OVERDUE_MS = 15 * MINUTE_MS  # in which exchanges tell the next one, and answers are kept


class Funding(NamedTuple):
    """funding_rate: a fraction per period of funding_interval_h hours (0.0001 is 0.01 %), due at next_funding_ms.

    is_continuous: paid all the time; the rate is what was paid over the last period.
    """

    funding_rate: float
    funding_interval_h: float | None
    next_funding_ms: int | None
    mark: float | None
    is_continuous: bool = False

    def due_ms(self, now_ms: float) -> int | None:
        """When the next payment is; None where a time is told that it cannot be, long over or days away."""
        due_ms = self.next_funding_ms
        return due_ms if due_ms is not None and -MAX_OVERDUE_MS <= due_ms - now_ms <= MAX_PERIOD_MS else None


class Snapshot(NamedTuple):
    """What is known of a perpetual. One endpoint may tell only a part of it."""

    ticker: Ticker | None = None
    open_interest: OpenInterest | None = None
    funding: Funding | None = None


class Candles:
    """A market's candles, oldest first, as columns of the same length.

    open_ms: when each begins. open, high, low, close in quote; volume and taker_buy (what takers bought
    of it) in base; quote_volume in quote. A column that the exchange does not give is None. Candles without
    trades may be missing. is_last_closed: where the exchange says whether the last one is over. n_odd: how many were
    left out, as no candle has such figures. asked_ms: when they were asked for; one that was running then is not
    closed, whenever one looks. is_excerpt: others were not read, as nobody needs them; see around. is_bounded:
    read_candles has held every figure of these very columns against its bounds; whatever is made of them (a part,
    several joined) does not say so.

    Written out, as making this one class by `dataclass` was a sixtieth of a start.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        kind: str,  # spot or perp
        interval_ms: int,
        open_ms: "array[int]",
        open: "array[float]",
        high: "array[float]",
        low: "array[float]",
        close: "array[float]",
        volume: "array[float]",
        quote_volume: "array[float] | None" = None,
        taker_buy: "array[float] | None" = None,
        is_last_closed: bool | None = None,
        n_odd: int = 0,
        asked_ms: int | None = None,
        is_excerpt: bool = False,
    ) -> None:
        self.exchange: Final = exchange
        self.symbol: Final = symbol
        self.kind: Final = kind
        self.interval_ms: Final = interval_ms
        self.open_ms: Final = open_ms
        self.open: Final = open
        self.high: Final = high
        self.low: Final = low
        self.close: Final = close
        self.volume: Final = volume
        self.quote_volume: Final = quote_volume
        self.taker_buy: Final = taker_buy
        self.is_last_closed: Final = is_last_closed
        self.n_odd: Final = n_odd
        self.asked_ms: Final = asked_ms
        self.is_excerpt: Final = is_excerpt
        self.is_bounded = False

    def __len__(self) -> int:
        return len(self.open_ms)

    def n_closed(self, now_ms: int) -> int:
        """How many are over: those that one follows, and the last if its time had passed when it was asked for."""
        if not self.open_ms:
            return 0
        is_over = self.is_last_closed
        if is_over is None:
            asked_ms = now_ms if self.asked_ms is None else min(now_ms, self.asked_ms)
            is_over = self.open_ms[-1] + self.interval_ms <= asked_ms
        return len(self.open_ms) - (not is_over)

    def _replace(self, **fields: Any) -> "Candles":
        """The same but for these fields, as of a NamedTuple."""
        told = vars(self) | fields
        del told["is_bounded"]
        return Candles(**told)

    def asked(self, symbol: str, asked_ms: int) -> "Candles":
        """The same under another symbol, and when they were asked for."""
        return self._replace(symbol=symbol, asked_ms=asked_ms)

    def part(self, begin: int, end: int) -> "Candles":
        """The candles of a slice."""
        whole = slice(begin, end)
        return Candles(
            self.exchange,
            self.symbol,
            self.kind,
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
            self.n_odd,
            self.asked_ms,
            self.is_excerpt,
        )


class Flow(NamedTuple):
    """What takers bought and sold, in base, oldest first. Periods without trades may be missing.

    asked_ms: when it was asked for; a period that was running then is not over, whenever one looks.
    """

    exchange: str
    symbol: str
    kind: str
    interval_ms: int
    open_ms: Sequence[int]
    buy: Sequence[float]
    sell: Sequence[float]
    asked_ms: int | None = None

    def asked(self, symbol: str, asked_ms: int) -> "Flow":
        """The same under another symbol, and when it was asked for."""
        return self._replace(symbol=symbol, asked_ms=asked_ms)


class Ratio(NamedTuple):
    """How many of the accounts, or how much of their positions, is long: a share, 0 to 1."""

    time_ms: int
    long_share: float


class Paid(NamedTuple):
    """What longs paid shorts at a moment, or over the period that ends then: a fraction."""

    time_ms: int
    rate: float


class Liquidation(NamedTuple):
    """A position that its exchange closed by force; or all of a stretch that begins at time_ms, without a price.

    side: of the position, long or short; "" where it is not told. size in coins, price and dollars in quote.
    """

    time_ms: int
    side: str
    size: float | None
    dollars: float | None
    price: float | None = None


class LiquidationPage(NamedTuple):
    """Some of them. since_ms: how far back they are whole. cursor: where older ones begin; "" when all are told."""

    rows: list[Liquidation]
    since_ms: int
    cursor: str = ""


class Key(NamedTuple):
    """An API key for reading one's own account. It has no repr that could show a secret."""

    api_key: str
    secret: str
    passphrase: str = ""
    is_testnet: bool = False

    def __repr__(self) -> str:
        return "Key(…)"


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

    symbol: as the exchange spells it. size in base, notional in dollars. pnl, margin, funding and worth
    in `asset`, in which the contract settles; pnl_pct of the margin. funding: paid (-) or
    received (+) so far. liquidation None: the exchange gives none. margin_mode: cross or isolated, at an exchange
    where one contract may be held both ways at once, and by each asset; "" elsewhere. worth: the notional where it is
    told in no dollars.
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
    margin_mode: str = ""
    worth: float | None = None


class Income(NamedTuple):
    """Money that came (+) or went (-). kind: realised, funding or fee; amount in asset."""

    time_ms: int
    kind: str
    asset: str
    amount: float


class Page(NamedTuple, Generic[T]):
    """Some rows of a list that comes in pages. cursor: where the next page begins; "" after the last.

    Pages share no row and leave none out, also where rows of one millisecond lie across an edge. whole_since_ms:
    from when on all rows have been told by now, of those that are not kept as well; None where a page does not say.
    """

    rows: list[T]
    cursor: str
    whole_since_ms: int | None = None


class Source(NamedTuple):
    """Which market a report is of, who was asked before in vain, when and how long.

    other: what another coin's contract is called there, where both bear the name.
    """

    exchange: str
    symbol: str
    kind: str
    failed: tuple[MarketError, ...]
    time_ms: int
    took_s: float
    other: str = ""


def dollars_at(candles: Candles, at: int) -> float | None:
    """A candle's turnover in quote; None where it is not told."""
    return candles.quote_volume[at] if candles.quote_volume is not None else None


def per_8h(funding: Funding | None) -> float | None:
    """The funding rate as of 8 hours, a fraction; None where the period is not known."""
    if funding is None or not funding.funding_interval_h:
        return None
    return funding.funding_rate * 8 / funding.funding_interval_h


def per_year_pct(funding: Funding | None) -> float | None:
    """What a year of this rate comes to, in percent, without compounding."""
    rate = per_8h(funding)
    return None if rate is None else rate * 3 * 365 * 100
