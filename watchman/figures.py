"""What a tick asks of the markets (quotes.py asks it), what it was told, and what it keeps of that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from answers.judging import Holding, Look
from answers.silence import NO_KEY
from answers.windows import Window
from exchanges.errors import MarketError, Reason, is_not_there
from exchanges.words import Candles

DAY_MINUTES = 1440


class Spread(NamedTuple):
    """bps: before fees, below zero where nothing is to be gained. sides: who asks and who bids, in words."""

    bps: float
    sides: str


class Held(NamedTuple):
    """One's own positions. whole: exchanges that told all of theirs; lacking: those with a key that did not. Without
    any key both are empty."""

    holdings: Sequence[Holding] = ()
    whole: Collection[str] = ()
    lacking: Collection[str] = ()


class Quotes(Protocol):
    """What a tick asks of the markets. All raise MarketError only; a symbol that is not in the answer was not told."""

    async def prices(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """Last prices: one small list, or a few single questions where that is less."""
        ...

    async def changes(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """Percent over 24 hours."""
        ...

    async def fundings(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """Percent per 8 hours."""
        ...

    async def open_interests(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """In base."""
        ...

    async def bases(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """How far the perpetual stands above spot, percent of spot."""
        ...

    async def spreads(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, Spread]:
        """The widest gap between two exchanges, of the coins that this one means by their names."""
        ...

    async def liquidations(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        """Dollars within a span, of "BTC-USDT 15m"."""
        ...

    async def candles(self, exchange: str, kind: str, symbol: str, interval: str, n_candles: int) -> Candles:
        """The latest ones, the running one among them."""
        ...

    async def open_interest_history(self, exchange: str, symbol: str, n_minutes: int) -> Sequence[tuple[int, float]]:
        """Moments and figures of the last minutes, every five of them or every hour, oldest first; empty where the
        exchange has none."""
        ...

    async def holdings(self) -> Held:
        """One's own positions."""
        ...


@dataclass(slots=True)
class Watched:
    """A market in memory. seen_ms: of the last look, 0 before the first.

    judged_ms: where the last candle ended that was judged. gap_ms: since when those of a gap are asked for, 0 for none.
    """

    seen_ms: int = 0
    judged_ms: int = 0
    atr: float | None = None
    window: Window | None = None
    gap_ms: int = 0


@dataclass(slots=True)
class Figures:
    """What a tick was told. by_need: the figure of each need; looks: closed candles that it had not seen, by need;
    reach: how many minutes back they go; gaps: likewise, how many are needed of needs that were not looked at for long,
    of which only candles tell what was missed."""

    by_need: dict[str, float] = field(default_factory=dict)
    candles: dict[str, Candles] = field(default_factory=dict)
    looks: dict[str, list[Look]] = field(default_factory=dict)
    reach: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)  # what is told with a firing, by need
    holdings: Held | None = None
    failed: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # needs, and positions by exchange
    told: set[str] = field(default_factory=set)  # of these
    answered: set[str] = field(default_factory=set)  # lists, whatever they hold: source, exchange and kind
    n_requests: int = 0

    def hold(self, held: Held) -> None:
        """Every exchange with a key is asked for positions, and whether there is one."""
        self.holdings = held
        self.asked |= {f"positions {each}" for each in (*held.whole, *held.lacking, NO_KEY)}
        self.told |= {"positions", *(f"positions {each}" for each in held.whole)}
        if held.whole or held.lacking:
            self.told.add(f"positions {NO_KEY}")

    def fail(self, question: str, of: str, error: MarketError) -> None:
        """of: source, exchange and kind. An exchange that has not what was asked for has answered all the same."""
        self.failed[question] = error.reason
        if is_not_there(error):
            self.answered.add(of)
        elif not error.counts_for_circuit:
            self.answered.add(f"any {of.partition(' ')[2]}")

    def is_owed(self, need: str) -> bool:
        """Whether what was missed is still not known."""
        return need in self.gaps and (need not in self.looks or self.reach.get(need, 0) < self.gaps[need])


def had_no_trades(reasons: Collection[str], n_minutes: int) -> bool:
    """Whether there are no candles of these minutes because nothing was traded in them, so that nothing was crossed."""
    is_long_quiet = Reason.NOT_TRADED_SINCE in reasons and n_minutes <= DAY_MINUTES  # for a day at least
    return is_long_quiet or Reason.NOT_TRADED in reasons
