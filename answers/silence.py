"""Markets that say nothing for long: whoever waits for one is told so, once. Pure, in memory only.

An exchange that fails is told of once a day and chat; a market that an exchange which answers tells nothing of, once.
The message's number says so, hence several machines and a restart tell nothing twice either.
"""

from __future__ import annotations

import orjson

from answers.hearing import whose
from answers.judging import DAY_MS, MINUTE_MS
from store.words import Alert, Message

SILENT_MS = 15 * MINUTE_MS
MAX_TOLD = 4096  # kept in memory
MAX_WAITING = 500


class Silence:
    """What is still to be told, and what was."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], Message] = {}
        self._told: set[tuple[str, int]] = set()

    def hear(self, alert: Alert, since_ms: int, now_ms: int, *, is_failing: bool) -> None:
        """An alert whose market has been silent since then. is_failing: its exchange does not answer at all."""
        if now_ms - since_ms < SILENT_MS:
            return
        source, exchange, kind, symbol = alert.need.split(" ")[:4]
        gap = " gap" if source == "spread" else ""
        what = exchange if is_failing else f"{exchange} {kind} {symbol}{gap}"
        key = f"silent {what} {alert.chat_id}", since_ms // DAY_MS if is_failing else 0
        if key in self._told or len(self._waiting) >= MAX_WAITING:
            return
        facts = {"event": "silent", "exchange": exchange, "kind": kind, "from_ms": since_ms, **whose(alert)}
        text = orjson.dumps({**facts, "symbol": "" if is_failing else symbol, "is_gap": bool(gap)}).decode()
        self._waiting[key] = Message(*key, alert.chat_id, alert.thread_id, text, now_ms, now_ms)

    def miss(self, alert: Alert, from_ms: int, to_ms: int, now_ms: int) -> None:
        """An alert whose market was not looked at for so long, and no candles tell what it did."""
        _, exchange, kind, symbol = alert.need.split(" ")
        key = f"missed {exchange} {kind} {symbol} {alert.chat_id}", to_ms // MINUTE_MS
        if from_ms < to_ms and key not in self._told and len(self._waiting) < MAX_WAITING:
            facts = {"event": "missed", "exchange": exchange, "kind": kind, "symbol": symbol}
            text = orjson.dumps({**facts, "from_ms": from_ms, "to_ms": to_ms, **whose(alert)}).decode()
            self._waiting[key] = Message(*key, alert.chat_id, alert.thread_id, text, now_ms, now_ms)

    def messages(self) -> list[Message]:
        """What is to be told now; it counts as told from then on."""
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told.update(self._waiting)
        messages, self._waiting = list(self._waiting.values()), {}
        return messages
