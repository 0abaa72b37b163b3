"""What the tests of alerts share: markets that say what they should, and a Telegram that writes down what it gets."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from answers.judging import MINUTE_MS, Rule, settle
from exchanges.errors import LongQuiet, MarketError, Unavailable
from exchanges.words import INTERVALS, Candles
from store.words import ARMED, Alert, Chat, Message
from watchman.figures import Held, Spread

DAY_MS = 1440 * MINUTE_MS


class FakeQuotes:
    """Figures by what is asked for. down: exchanges that do not answer. asked: what was asked for, in order.

    minutes: of each symbol, (open_ms, low, high, close) of closed candles of one minute.
    """

    def __init__(self) -> None:
        self.price: dict[str, float] = {}
        self.change: dict[str, float] = {}
        self.funding: dict[str, float] = {}
        self.open_interest: dict[str, float] = {}
        self.basis: dict[str, float] = {}
        self.gap: dict[str, float] = {}
        self.liquidated: dict[str, float] = {}
        self.minutes: dict[str, list[tuple[int, float, float, float]]] = {}
        self.closed: dict[str, Candles] = {}
        self.interest_history: list[tuple[int, float]] = []
        self.own = Held()
        self.down: set[str] = set()
        self.without_candles: set[str] = set()  # exchanges that answer, but tell none
        self.quiet: set[str] = set()  # exchanges where nothing was traded for a day
        self.asked: list[str] = []

    async def prices(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"prices {exchange} {kind}", exchange, self.price, symbols)

    async def changes(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"changes {exchange} {kind}", exchange, self.change, symbols)

    async def fundings(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"fundings {exchange}", exchange, self.funding, symbols)

    async def open_interests(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"interests {exchange}", exchange, self.open_interest, symbols)

    async def bases(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"bases {exchange}", exchange, self.basis, symbols)

    async def spreads(self, exchange: str, kind: str, symbols: Sequence[str]) -> Mapping[str, Spread]:
        told = self._told(f"spreads {exchange} {kind}", exchange, self.gap, symbols)
        return {symbol: Spread(bps, "OKX asks 100, Binance bids 101") for symbol, bps in told.items()}

    async def liquidations(self, exchange: str, symbols: Sequence[str]) -> Mapping[str, float]:
        return self._told(f"liquidations {exchange}", exchange, self.liquidated, symbols)

    async def candles(self, exchange: str, kind: str, symbol: str, interval: str, n_candles: int) -> Candles:
        self._check(f"candles {exchange} {symbol} {interval}", exchange)
        if exchange in self.without_candles:
            raise Unavailable(exchange, "down")
        if exchange in self.quiet:
            raise LongQuiet(exchange, f"{symbol} has had no trades for a day")
        if interval != "1m":
            return self.closed[f"{symbol} {interval}"]
        return candles(symbol, "1m", self.minutes.get(symbol, [])[-n_candles:])

    async def open_interest_history(self, exchange: str, symbol: str, n_minutes: int) -> Sequence[tuple[int, float]]:
        self._check(f"interest history {exchange} {symbol}", exchange)
        return self.interest_history

    async def holdings(self) -> Held:
        self._check("holdings", "accounts")
        return self.own

    def _told(
        self, question: str, exchange: str, figures: Mapping[str, float], symbols: Sequence[str]
    ) -> dict[str, float]:
        self._check(question, exchange)
        return {symbol: figures[symbol] for symbol in symbols if symbol in figures}

    def _check(self, question: str, exchange: str) -> None:
        self.asked.append(question)
        if exchange in self.down:
            raise Unavailable(exchange, "down")


assert issubclass(Unavailable, MarketError)


def candles(symbol: str, interval: str, rows: Sequence[tuple[int, float, float, float]]) -> Candles:
    """Closed candles of (open_ms, low, high, close); what opens one is what closed the one before."""
    columns = [array("q", [row[0] for row in rows])]
    low, high, close = (array("d", [row[i] for row in rows]) for i in (1, 2, 3))
    opens = array("d", [row[3] for row in rows[:1]]) + close[:-1]
    volume = array("d", [1.0] * len(rows))
    length_ms = INTERVALS[interval]
    return Candles("binance", symbol, "perp", length_ms, columns[0], opens, high, low, close, volume)


def an_alert(
    rule: Rule, figure: float | None, now_ms: int, *, number: int = 1, chat_id: int = 5, life_ms: int = 90 * DAY_MS
) -> Alert:
    """An alert as the command stores it: settled at the figure of now."""
    rule, state = settle(rule, figure, now_ms)
    return Alert(
        f"alert{number:04}",
        chat_id,
        None,
        7,
        number,
        ARMED,
        rule.need,
        rule.text,
        state.text,
        0,
        now_ms,
        now_ms + life_ms,
    )


class Plain(NamedTuple):
    """A message without looks."""

    text: str
    markup: Mapping[str, Any] | None = None
    is_quiet: bool = False
    rich: str = ""


class PlainShow:
    """Shows facts by their number alone. In a summary some are longer, or have no line: n_letters of the facts.

    Odd ones cannot be shown."""

    def message(self, message: Message, chat: Chat, now_ms: int) -> Plain:
        facts = self._facts(message)
        return Plain(f"<b>{message.alert_id}</b> #{message.number}", is_quiet=bool(facts.get("is_quiet")))

    def line(self, message: Message) -> str:
        line = f"{message.alert_id} #{message.number}"
        n_letters: int = self._facts(message).get("n_letters", len(line))
        return line.ljust(n_letters, ".")[:n_letters]

    def summary(self, lines: Sequence[str], n_more: int, chat: Chat, now_ms: int) -> Plain:
        return Plain("\n".join([f"{len(lines) + n_more} alerts", *lines, *([f"{n_more} more"] if n_more else [])]))

    @staticmethod
    def _facts(message: Message) -> dict[str, Any]:
        facts: dict[str, Any] = orjson.loads(message.facts)
        if facts.get("is_odd"):
            raise KeyError("what there is not")
        return facts

    def dropped(self, n_dropped: int) -> str:
        return f"{n_dropped} alerts were too old to send."


class FakeTelegram:
    """Takes every call, until `answers` says otherwise: one error for each call, None for yes."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.before_answer: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Any:
        self.calls.append((method, dict(params)))
        if self.before_answer is not None:
            await self.before_answer()
        error = self.answers.pop(0) if self.answers else None
        if error is not None:
            raise error
        return {"message_id": 1000 + len(self.calls)}

    @property
    def texts(self) -> list[str]:
        return [params["text"] for _, params in self.calls]
