"""Figures that do not come for long: whoever waits for them is told so, once. Pure, in memory only.

What is silent is the exchange, when nothing at all has been heard of it since; or one kind of its figures; or one
market of an exchange that tells that kind of others; or accounts. An exchange is told of once a day and chat, a market
once. The message's number says so, hence several machines and a restart tell nothing twice either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import orjson

from answers.hearing import POSITIONS, is_own, whose
from answers.judging import DAY_MS, MINUTE_MS, Need
from store.words import Alert, Message

SILENT_MS = 15 * MINUTE_MS
MAX_TOLD = 4096  # kept in memory
MAX_WAITING = 500
NO_KEY = "key"  # in the place of an exchange that tells positions: none does


class Silence:
    """Since when what is asked for is not told; what of that is still to be said, and what was."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}  # by need; of accounts by exchange, too
        self._heard: dict[str, int] = {}  # the last answer, by source, exchange and kind
        self._waiting: dict[tuple[str, int], Message] = {}
        self._told: set[tuple[str, int]] = set()

    def listen(self, asked: Iterable[str], told: Collection[str], answered: Iterable[str], now_ms: int) -> None:
        """What was asked for and told in a tick, by need; and lists that were answered, whatever they hold."""
        self._heard |= dict.fromkeys(answered, now_ms)
        for need in asked:
            if need in told:
                self._since.pop(need, None)
            else:
                self._since.setdefault(need, now_ms)

    def forget(self, needs: Collection[str]) -> None:
        """All but these, which are still waited for."""
        left = (each for each in self._since if each not in needs and each.partition(" ")[0] not in needs)
        for need in list(left):
            del self._since[need]

    def needs(self, now_ms: int) -> set[str]:
        """Of the alerts that wait for what has been silent for long."""
        long = {need for need, since_ms in self._since.items() if now_ms - since_ms >= SILENT_MS}
        return long | {POSITIONS} if any(need.startswith(POSITIONS) for need in long) else long

    def hear(self, alert: Alert, now_ms: int) -> None:
        """Notes an alert that waits for what has been silent for long."""
        needs = [each for each in self._since if each.startswith(alert.need)] if is_own(alert) else [alert.need]
        for need in needs:
            since_ms = self._since.get(need, now_ms)
            if now_ms - since_ms >= SILENT_MS:
                self._add(alert, *self._what(need, since_ms), now_ms)

    def miss(self, alert: Alert, from_ms: int, to_ms: int, now_ms: int) -> None:
        """An alert whose market was not looked at for so long, and no candles tell what it did."""
        _, exchange, kind, symbol = alert.need.split(" ")
        key = f"missed {exchange} {kind} {symbol}", to_ms // MINUTE_MS
        facts = {"event": "missed", "exchange": exchange, "kind": kind, "symbol": symbol}
        if from_ms < to_ms:
            self._add(alert, key, {**facts, "from_ms": from_ms, "to_ms": to_ms}, now_ms)

    def messages(self) -> list[Message]:
        """What is to be told, until it `was_told`."""
        return list(self._waiting.values())

    def was_told(self, message: Message) -> None:
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        key = message.alert_id, message.number
        self._told.add(key)
        del self._waiting[key]

    def _what(self, need: str, since_ms: int) -> tuple[tuple[str, int], dict[str, Any]]:
        """What is silent as a key, and as facts: of these, symbol is "" for all markets, source for all figures."""
        source, exchange, kind, symbol, _ = Need(*need.split(" "))
        if source != "positions":
            heard = {of: at_ms for of, at_ms in self._heard.items() if of.split(" ")[1] == exchange}
            if max(heard.values(), default=0) < since_ms:
                source = symbol = ""
            elif heard.get(f"{source} {exchange} {kind}", 0) < since_ms and source != "spread":
                symbol = ""
        facts = {"source": source, "exchange": exchange, "kind": kind, "symbol": symbol}
        words = " ".join(each for each in (source, exchange, kind if source else "", symbol) if each)
        number = 0 if symbol else since_ms // DAY_MS
        return (f"silent {words}", number), {"event": "silent", **facts, "from_ms": since_ms}

    def _add(self, alert: Alert, key: tuple[str, int], facts: dict[str, Any], now_ms: int) -> None:
        key = f"{key[0]} {alert.chat_id}", key[1]
        if key in self._told or key in self._waiting or len(self._waiting) >= MAX_WAITING:
            return
        text = orjson.dumps({**facts, **whose(alert)}).decode()
        self._waiting[key] = Message(*key, alert.chat_id, alert.thread_id, text, now_ms, now_ms)
