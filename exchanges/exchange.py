"""What an exchange can be asked. Each is a class that says only what it has: the rest says here that it tells none.

A new exchange is a file with its class, and a line in exchanges/table.py. Answers are read by functions of the
module, which do no I/O and know no clock: what time it is, is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal

from exchanges.around import Form, candles_around, figures_around
from exchanges.endpoints import Endpoint, Host, IncomeList, ListEndpoint, PositionsEndpoint
from exchanges.errors import NotSupported, Reason, UnknownSymbol
from exchanges.words import (
    INTERVALS,
    Balance,
    Book,
    Candles,
    Flow,
    Key,
    Last,
    LiquidationPage,
    Listing,
    Page,
    Paid,
    Ratio,
    Signed,
    Snapshot,
    Ticker,
)

Question = Literal[
    "candles", "flow", "open_interest_history", "ratios", "liquidations", "funding_history", "basis_history"
]
UNTOLD: dict[Question, Reason] = {
    "candles": Reason.NO_SUCH_CANDLES,
    "flow": Reason.NO_TAKER_VOLUME,
    "open_interest_history": Reason.NO_OPEN_INTEREST_HISTORY,
    "ratios": Reason.NO_RATIOS,
    "liquidations": Reason.NO_LIQUIDATIONS,
    "funding_history": Reason.NO_FUNDING_HISTORY,
    "basis_history": Reason.NO_BASIS,
}


class Exchange:
    """A venue. Its questions give endpoints: where to ask, and how to read the answer.

    id: its module's name. quotes: by kind (spot, perp), what its markets are priced in, the preferred one first;
    a kind that it has not is missing. multiplied: the kinds of which cheap coins are listed by the thousand.
    by_many: by kind and coin, what the best known of them are called there (1000PEPE): a first guess, which saves
    asking for the coin itself and for the list of all; the list puts it right.
    intervals: by kind, the exchange's word for each of ours. max_candles: by kind, of one answer.
    tells: of which markets a question can be asked: "spot", and perpetuals by their quote. forms: how rows stand in the
    answers to one, where a few of them can be cut out; see around.
    has_takers_in_candles: what takers bought comes with the candles.
    leaves_out_candles: it lists none in which nothing was traded. is_told_in_list: everything of a perpetual is
    in the list of all of them. streams_liquidations: by websocket only, which is not asked here.
    max_liquidation_pages: of one question, so that a wild day is told as far back as is worth it.
    told_in: by kind, the one of `tickers` that is read instead of `symbols` where one market is looked for: it names
    all of them, too, and says as much of one as the question for that part (see perp) does.
    is_timed_by_trades: the time of a ticker is that of the last trade, and not of its bid and ask, which are of now.
    unnamed: by kind, the questions whose answers state no market. They are held against one that does; see anothers.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    hosts: ClassVar[tuple[Host, ...]]
    quotes: ClassVar[Mapping[str, tuple[str, ...]]]
    multiplied: ClassVar[Collection[str]] = ()
    by_many: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    intervals: ClassVar[Mapping[str, Mapping[str, str]]]
    max_candles: ClassVar[Mapping[str, int]]
    tells: ClassVar[Mapping[Question, Collection[str]]]
    forms: ClassVar[Mapping[Question, Form]] = {}
    has_takers_in_candles: ClassVar[bool] = False
    leaves_out_candles: ClassVar[bool] = False
    streams_liquidations: ClassVar[bool] = False
    max_liquidation_pages: ClassVar[int] = 25
    is_told_in_list: ClassVar[bool] = False
    is_timed_by_trades: ClassVar[bool] = False
    told_in: ClassVar[Mapping[str, str]] = {}
    unnamed: ClassVar[Mapping[str, Collection[str]]] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """spot, perp, or both."""
        return tuple(self.quotes)

    def has(self, question: Question, kind: str, quote: str, interval: str = "") -> bool:
        """Whether the question can be asked of the kind's markets in that quote, in that interval."""
        is_told = ("spot" if kind == "spot" else quote) in self.tells.get(question, ())
        return is_told and (not interval or interval in self.intervals[kind])

    def require(self, question: Question, kind: str, quote: str, interval: str = "") -> None:
        """Raises NotSupported for what the exchange has not."""
        if not self.has(question, kind, quote, interval):
            raise self._untold(question, f" of {kind} in {quote} {interval}".rstrip())

    def _untold(self, question: Question, of: str = "") -> NotSupported:
        return NotSupported(self.id, f"no {question.replace('_', ' ')}{of}", UNTOLD[question])

    def require_quote(self, of: Listing) -> None:
        """Raises UnknownSymbol for a perpetual in a quote in which none are listed. Of spot, its answer tells."""
        if of.kind == "perp" and of.quote not in self.quotes.get("perp", ()):
            raise UnknownSymbol(self.id, f"no perpetual of {of.symbol}")

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """The last 24 hours of a spot market."""
        raise NotSupported(self.id, "no spot markets", Reason.NO_SPOT)

    def last_again(self, of: Listing) -> Endpoint[Last] | None:
        """The last trade of a spot market, where `spot` states neither a market nor a time; else None.

        Two answers, mixed up each for itself, are not of the same wrong market.
        """
        return None

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """What tells of a perpetual: "ticker", and what that does not tell: "open_interest", "funding".

        {} where everything is in the list of all; see tickers.
        """
        return {}

    def book(self, of: Listing) -> Endpoint[Book] | None:
        """The best bid and ask, where the ticker does not tell them; else None."""
        return None

    def contract_size(self, of: Listing, question: str) -> Endpoint[float] | None:
        """What one contract is worth, where the answers to "perp", "candles" or "liquidations" count; else None."""
        return None

    def symbols(self, kind: str) -> ListEndpoint[str] | None:
        """Every symbol in dollars, as it is listed (1000PEPE-USDT); None where there is no list."""
        return None

    def coins(self, kind: str) -> Endpoint[frozenset[str]] | None:
        """Every coin that may have a market, where there is no list of symbols: what is not among them has none."""
        return None

    def prices(self, kind: str, now_ms: int) -> ListEndpoint[tuple[str, float | None]] | None:
        """Last prices and nothing else of all markets in dollars, per coin, by their symbols as they are listed; None
        where there is no list that is smaller than that of the tickers. now_ms: for prices that are old: they are none,
        but their market is told."""
        return None

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars, by their symbols as they are listed (1000PEPE-USDT), figures per coin; {} where there
        is no list.

        Perpetuals come in up to three lists, as in perp. now_ms: for funding whose time is not told.
        """
        return {}

    def funding_intervals(self, quote: str) -> tuple[ListEndpoint[tuple[str, float]], float] | None:
        """Hours per funding period of some contracts in a quote, as listed, and those of all others.

        None where the period is told with the funding.
        """
        return None

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """The last n candles before end_ms; without it those up to now, the running one among them.

        Candles without trades may be missing. Ask `has` first. now_ms: for those who want to be told both ends.
        """
        raise self._untold("candles")

    def candles_around(
        self, of: Listing, interval: str, n: int, now_ms: int, moments_ms: Sequence[int]
    ) -> Endpoint[Candles]:
        """As candles, for who needs those at some moments and the newest ones: the others need not be among them."""
        whole, form = self.candles(of, interval, n, now_ms), self.forms.get("candles")
        return whole if form is None else candles_around(whole, form, INTERVALS[interval], moments_ms)

    def taker_flow(self, of: Listing, interval: str, n: int, now_ms: int = 0) -> Endpoint[Flow]:
        """What takers bought and sold in the last n periods, where it does not come with the candles.

        now_ms: here as below, for those who want to be told a beginning.
        """
        raise self._untold("flow")

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """Open interest every hour, or every step of "15m" or "5m", n times: (ms, base coins), oldest first."""
        raise self._untold("open_interest_history")

    def open_interest_around(
        self, of: Listing, n: int, now_ms: int, step: str, moments_ms: Sequence[int]
    ) -> Endpoint[list[tuple[int, float]]]:
        """As open_interest_history, for who needs that at some moments and the newest: the rest need not be told."""
        whole, form = self.open_interest_history(of, n, now_ms, step), self.forms.get("open_interest_history")
        return whole if form is None else figures_around(whole, form, INTERVALS[step], moments_ms)

    def basis_history(self, of: Listing, n: int, now_ms: int = 0) -> Endpoint[list[tuple[int, float]]]:
        """How far the perpetual is above its index every hour, n times: (ms, fraction), oldest first."""
        raise self._untold("basis_history")

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Long shares every hour, n times, oldest first, by whose they are: accounts, top accounts, top positions.

        Where they state no market (OKX, Gate, Bitget, Kraken) nothing tells another's: shares of all are alike.
        """
        raise self._untold("ratios")

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """What was paid since a moment: a question that takes the cursor of a page, "" for the first.

        Pages may reach further back, in either order of time. Where they state no market (Gate, Deribit) nothing tells
        another's: rates of all are alike.
        """
        raise self._untold("funding_history")

    def liquidations(
        self, of: Listing, since_ms: int, now_ms: int
    ) -> Sequence[Callable[[str], Endpoint[LiquidationPage]]]:
        """What was liquidated since a moment: questions that take the cursor of a page, "" for the newest.

        Some tell of sums only. of: with its contract_size, see there.
        """
        raise self._untold("liquidations")


class AccountExchange(Exchange):
    """An exchange that can be asked about the owner of a key, which only ever reads.

    key_parts: of what a key consists; each is a variable <ID>_<PART>.
    """

    key_parts: ClassVar[tuple[str, ...]] = ("API_KEY", "SECRET_KEY")

    def sign(self, endpoint: Endpoint[Any], key: Key, now_ms: int) -> Signed:
        """The endpoint's target as it is sent, with the proof of who asks."""
        raise NotImplementedError

    def time(self) -> Endpoint[int]:
        """The exchange's clock, ms."""
        raise NotImplementedError

    def balances(self) -> list[Endpoint[list[Balance]]]:
        """What each wallet holds."""
        raise NotImplementedError

    def positions(self) -> list[PositionsEndpoint]:
        """Open positions in derivatives."""
        raise NotImplementedError

    def income(self, since_ms: int, now_ms: int) -> list[IncomeList]:
        """What was realised, paid and received."""
        raise NotImplementedError

    def rights(self) -> Endpoint[bool]:
        """Whether the key can do more than read."""
        raise NotImplementedError
