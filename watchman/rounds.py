"""A round of what is due: alerts are judged (ticker.py), digests made, what waits is sent (delivery.py), with charts,
and liquidations are kept (quarters.py).

It is imported before the first tick, and not at the start; what can be watched, when somebody does: without any of
that it is 1 MiB less.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import orjson

from answers.asked import Asker, Misread, Tools
from answers.hearing import message_rests, resting, why_not_told
from answers.quiet import load_wishes
from clock import Clock
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol
from store.words import Message, Store
from telegram.api import TelegramAPI, TelegramError
from telegram.multipart import File
from watchman.delivery import Delivery, Rung, Show
from watchman.moves import Moves
from watchman.quarters import Quarters
from watchman.quotes import MarketQuotes
from watchman.ticked import Ticked
from watchman.ticker import Ticker

log = logging.getLogger("bot")

PRUNE_S = 3600.0
MINUTE_MS = 60_000
MAX_CHARTS = 2  # with alerts, in one tick: each takes a moment
CHART_S = 4.0
MAX_CHATS = 4096  # kept in memory


class Due(NamedTuple):
    """A chat whose digest is due, the number of its day, and the user who wished it."""

    chat_id: int
    day: int
    user_id: int


async def due_chats(store: Store, now_ms: int) -> list[Due]:
    """Raises StoreError."""
    chats = await store.chats_with_settings()
    if not chats:
        return []
    from answers import digest  # for chats that wish something

    wishes = [(chat.id, load_wishes(chat.settings)) for chat in chats]
    days = [(chat_id, digest.due_day(each, now_ms), each.set_by) for chat_id, each in wishes]
    return [Due(chat_id, day, user_id) for chat_id, day, user_id in days if day is not None]


class Rounds:
    """Judges and sends. tools: with the store lent; owner: who is told of what concerns the whole bot."""

    def __init__(
        self, tools: Tools, store: Store, api: TelegramAPI, clock: Clock, owner: int | None, moves: Moves
    ) -> None:
        self._tools, self._store, self._api, self._clock = tools, store, api, clock
        quotes = MarketQuotes(tools.market, tools.accounts(), store)
        self._ticker = Ticker(store, quotes, owner=owner, rests=resting(tools.settings))
        self._quarters = Quarters(tools.market, store)
        now_ms, move = lambda: int(clock.now() * 1000), partial(moves.move, store)
        rests = partial(message_rests, tools.settings)
        self._delivery = Delivery(store, api.call, self._show, now_ms, move=move, rests=rests)
        self._prune_after = 0.0
        self._digested: dict[int, int] = {}  # by chat, the day
        self._due: list[Due] = []  # as of the minute of _digests_ms
        self._digests_ms = 0

    async def judge(self, now_ms: int | None) -> Ticked:
        """Raises StoreError. now_ms: None for the store's clock."""
        return await self._ticker.tick(now_ms)

    async def send(self, ticked: Ticked, now_ms: int | None) -> None:
        """What waits, and what goes with a tick that is ours. Raises StoreError."""
        if ticked.is_claimed:
            await self._digest()
        await self._delivery.deliver(now_ms)
        await self._send_charts(self._delivery.taken())
        if ticked.is_claimed:
            await self._quarters.keep(ticked.now_ms)
        await self._prune()

    def _show(self) -> Show:
        from answers.fired import FiredShow  # when there is something to show

        return FiredShow(is_demo=self._tools.settings.is_demo)

    def stop(self) -> None:
        """Nothing more is sent after the message that is on its way."""
        self._delivery.is_stopping = True

    async def _send_charts(self, rung: Sequence[Rung]) -> None:
        """The chart of what has just rung, under it, where the chat wishes that. One that fails is not made up for."""
        if not rung:
            return
        from answers.fired import chart_words

        for each in rung[:MAX_CHARTS]:
            words = chart_words(each.message)
            if not words or not load_wishes(each.chat.settings).has_charts or self._delivery.is_over:
                continue
            try:
                async with asyncio.timeout(CHART_S):
                    await self._send_chart(each, words)
            except (NoAnswer, NotListed, NotASymbol, Misread, TelegramError, TimeoutError) as error:
                log.info("no chart with an alert: %s: %s", type(error).__name__, error)

    async def _send_chart(self, rung: Rung, words: list[str]) -> None:
        from answers import chart  # with all its views

        message = rung.message
        asker = Asker(message.chat_id, message.thread_id, 0, None, is_private=False, is_listed=False)
        tools = self._tools._replace(asker=asker)
        pictured = await chart.ask(tools, chart.command(words))
        if pictured.png is None:
            return
        caption = chart.show(pictured, self._clock.now()).caption
        if self._tools.settings.is_demo:
            caption += "\n<b>SIMULATED</b> market"
        call = {"chat_id": message.chat_id, "caption": caption, "parse_mode": "HTML", "disable_notification": True}
        call |= {"photo": File("chart.png", "image/png", pictured.png)}
        call |= {"reply_parameters": {"message_id": rung.message_id, "allow_sending_without_reply": True}}
        if message.thread_id is not None:
            call |= {"message_thread_id": message.thread_id}
        await self._api.call("sendPhoto", call)

    async def _digest(self) -> None:
        """Puts the digest of one chat that is due into the outbox; others follow at the next ticks."""
        now_ms = int(self._clock.now() * 1000)
        if now_ms // MINUTE_MS != self._digests_ms // MINUTE_MS:  # a clock may also be set back
            self._digests_ms, self._due = now_ms, await due_chats(self._store, now_ms)
        self._due = [each for each in self._due if self._digested.get(each.chat_id) != each.day and self._hears(each)]
        if not self._due:
            return
        from answers import digest

        chat_id, day, user_id = self._due.pop(0)
        if len(self._digested) >= MAX_CHATS:
            self._digested.clear()
        gathered = await digest.gather(self._tools.market, self._store, chat_id)
        facts = orjson.dumps({**gathered, "user_id": user_id}).decode()
        await self._store.add_message(Message(f"digest {chat_id}", day, chat_id, None, facts, now_ms, now_ms))
        self._digested[chat_id] = day

    def _hears(self, due: Due) -> bool:
        return not why_not_told(self._tools.settings, due.chat_id, due.user_id)

    async def _prune(self) -> None:
        if self._clock.monotonic() >= self._prune_after:
            self._prune_after = self._clock.monotonic() + PRUNE_S
            await self._store.prune(int(self._clock.now() * 1000))
