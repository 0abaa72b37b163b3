"""What the bot does while nobody asks: ticks (ticker.py) and the outbox (delivery.py), over one store.

`tick` is the one function that does what is due. Four callers keep the time: the loop `keep` beside the webhook's
server and beside polling, a schedule on AWS Lambda, and POST /tick for any other schedule. A store that cannot be
opened is tried again at every tick; meanwhile everything else works, and `sentence` says what is missing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson

from answers import chart, chat_settings, digest
from answers.asked import Asker, Misread, Tools
from answers.fired import FiredShow, chart_words
from answers.quiet import Wishes, load_wishes
from answers.typed import Meant
from clock import MACHINE, Clock
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol
from store.connect import open_store
from store.words import CannotWrite, Counts, Message, Overtaken, Store, StoreError
from telegram.api import TelegramAPI, TelegramError
from telegram.multipart import File
from watchman.delivery import Delivery, Rung
from watchman.quarters import Quarters
from watchman.quotes import MarketQuotes
from watchman.ticker import PERIOD_MS, Ticked, Ticker

log = logging.getLogger("bot")

STOP_S = 12.0  # for a message on its way
PRUNE_S = 3600.0
WISHES_S = 60.0  # how long what a chat wishes is kept in memory
READ_S = 0.5
DNS_S = 2.0
MINUTE_MS = 60_000
WEEK_MS = 7 * 86_400_000
ADMIN_S = 2.0  # for Telegram to say who runs a group
MAX_CHARTS = 2  # with alerts, in one tick: each takes a moment
CHART_S = 4.0
MAX_CHATS = 4096  # kept in memory
NOT_OPEN = "Nothing can be remembered just now: the database is not open yet. Please try again in a minute."
NO_DISK = "Nothing can be remembered here: set DATABASE_URL, or DATA_DIR to a folder that can be written."


def told_of(ticked: Ticked) -> dict[str, object]:
    """What a tick did, for who keeps the time outside."""
    return {"ticked": ticked.is_claimed, "alerts": ticked.n_alerts, "fired": ticked.n_fired}


async def due_chats(store: Store, now_ms: int) -> list[tuple[int, int]]:
    """Chats whose digest is due, each with the number of its day. Raises StoreError."""
    chats = await store.chats_with_settings()
    days = [(chat.id, digest.due_day(load_wishes(chat.settings), now_ms)) for chat in chats]
    return [(chat_id, day) for chat_id, day in days if day is not None]


async def n_machines(app: str) -> int:
    """How many machines of an app Fly knows; 1 where it does not say."""
    try:
        async with asyncio.timeout(DNS_S):
            found = await asyncio.get_running_loop().getaddrinfo(f"{app}.internal", None, family=socket.AF_INET6)
    except (OSError, TimeoutError):
        return 1
    return len({address[0] for *_, address in found})


class Duty:
    """Opens the store, keeps the time, judges and sends."""

    def __init__(self, tools: Tools, api: TelegramAPI, clock: Clock = MACHINE) -> None:
        self._tools, self._api = tools, api
        self._clock = clock
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()
        self._ticker: Ticker | None = None
        self._delivery: Delivery | None = None
        self._quarters: Quarters | None = None
        self._said = ""
        self._prune_after = 0.0
        self._digested: dict[int, int] = {}  # by chat, the day
        self._due: list[tuple[int, int]] = []  # chats whose digest is due, and the day, as of the minute of _digests_ms
        self._digests_ms = 0
        self._wishes: dict[int, tuple[float, Wishes]] = {}  # by chat, when they were read
        self.store: Store | None = None
        self.sentence = NOT_OPEN
        self.last = Ticked()
        self.counted: Counts | None = None  # as the last tick left it

    async def open(self) -> bool:
        """Whether the store is open now. Done twice, it is the same."""
        if self.store is not None:
            return True
        try:
            self.store = await open_store(self._tools.settings.database_url)
        except StoreError as error:
            self.sentence = NO_DISK if isinstance(error, CannotWrite) else error.sentence
            self._say(f"no alerts: {error}")
            return False
        owner = min((each for each in self._tools.settings.allowed_ids if each > 0), default=None)
        quotes = MarketQuotes(self._tools.market, self._tools.accounts, self.store)
        self._ticker = Ticker(self.store, quotes, owner=owner)
        self._quarters = Quarters(self._tools.market, self.store)
        show = FiredShow(is_demo=self._tools.settings.is_demo)
        await self._look_for_others(self.store, owner)
        self._delivery = Delivery(self.store, self._api.call, show, lambda: int(self._clock.now() * 1000))
        return True

    async def _look_for_others(self, store: Store, owner: int | None) -> None:
        """A second machine with a file of its own would lose half of what is asked of it: said once, to the owner."""
        settings = self._tools.settings
        if not settings.fly_app or settings.database_url.startswith("postgres"):
            return
        n = await n_machines(settings.fly_app)
        if n < 2:
            return
        log.warning("%d machines, and each has an SQLite file of its own: fly scale count 1, or DATABASE_URL", n)
        if owner is not None:
            now_ms = int(self._clock.now() * 1000)
            facts = orjson.dumps({"event": "machines", "n": n}).decode()
            with suppress(StoreError):
                await store.add_message(Message("machines", now_ms // WEEK_MS, owner, None, facts, now_ms, now_ms))

    async def tick(self) -> Ticked:
        """Does what is due: judges the tick, if it is ours, and sends what waits. Never raises but when cancelled."""
        async with self._turn:
            if not await self.open():
                return Ticked()
            assert self._ticker is not None
            assert self._delivery is not None
            assert self.store is not None
            ticked = Ticked()
            try:
                ticked = await self._ticker.tick(self._now_ms())
            except Overtaken as error:
                log.info("%s", error)
            except StoreError as error:
                self._say(f"a tick was not judged: {error}")
            try:
                if ticked.is_claimed:
                    await self._digest(self.store)
                await self._delivery.deliver(self._now_ms())
                await self._send_charts(self._delivery.taken())
                if self._quarters is not None and ticked.is_claimed:
                    await self._quarters.keep(ticked.now_ms)
                await self._prune(self.store)
                self.counted = await self.store.counts()
                self._said = ""
            except StoreError as error:
                self._say(f"the outbox is not read: {error}")
        if ticked.is_claimed:
            self.last = ticked
        return ticked

    async def keep(self) -> None:
        """Ticks every period, until `stop`."""
        while not self._stopping.is_set():
            try:
                await self.tick()
            except Exception:
                log.exception("a tick failed")
            to_next_s = PERIOD_MS / 1000 - self._clock.now() % (PERIOD_MS / 1000)
            with suppress(TimeoutError):
                async with asyncio.timeout(to_next_s):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Lets a message on its way be marked, and closes the store."""
        self._stopping.set()
        if self._delivery is not None:
            self._delivery.is_stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S), self._turn:
                pass
        if self.store is not None:
            await self.store.close()

    def _now_ms(self) -> int | None:
        """None, for the database's clock, unless the time was handed in."""
        return None if self._clock is MACHINE else int(self._clock.now() * 1000)

    def told(self) -> dict[str, Any] | None:
        """How the alerts do, for /health; None where nothing is remembered, or before the first tick."""
        if self.counted is None:
            return None
        armed, paused, fired, waiting, *moments = self.counted
        now_ms = self._clock.now() * 1000
        tick_s, oldest_s = (None if each is None else round((now_ms - each) / 1000, 1) for each in moments)
        ages = {"last_tick_s_ago": tick_s, "oldest_unsent_s": oldest_s}
        return {"armed": armed, "paused": paused, "fired": fired, "waiting": waiting, **ages}

    def lent(self, tools: Tools) -> Tools:
        """The tools with what is remembered."""
        return tools._replace(store=self.store, no_store=self.sentence, is_admin=self._is_admin)

    async def standing_changed(self, chat_id: int, is_there: bool) -> None:
        """The bot may write to a chat again, or no more: its alerts go on, or rest."""
        if self.store is None:
            return
        with suppress(StoreError):
            if is_there:
                await self.store.unblock_chat(chat_id)
            else:
                await self.store.block_chat(chat_id, int(self._clock.now() * 1000))

    async def _is_admin(self, chat_id: int, user_id: int) -> bool:
        """Whether Telegram says that this user runs the group; no, where it says nothing."""
        try:
            member = await self._api.call("getChatMember", {"chat_id": chat_id, "user_id": user_id}, timeout_s=ADMIN_S)
        except TelegramError:
            return False
        return isinstance(member, dict) and member.get("status") in ("creator", "administrator")

    async def filled(self, meant: Meant, chat_id: int) -> list[str]:
        """A command's words, with what the chat wishes where they leave it open."""
        if meant.name == "settings":
            self._wishes.pop(chat_id, None)  # they are about to change
            return meant.words
        return chat_settings.filled(meant.name, meant.words, await self.wishes(chat_id))

    async def wishes(self, chat_id: int) -> Wishes:
        """What a chat wishes, at most WISHES_S old; nothing where that is not known in time."""
        read_s, wishes = self._wishes.get(chat_id, (0.0, Wishes()))
        now_s = self._clock.monotonic()
        if self.store is None or (read_s and now_s - read_s < WISHES_S):
            return wishes
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(READ_S):
                wishes = load_wishes((await self.store.chat(chat_id)).settings)
        if len(self._wishes) >= MAX_CHATS:
            self._wishes.clear()
        self._wishes[chat_id] = (now_s, wishes)
        return wishes

    async def _send_charts(self, rung: Sequence[Rung]) -> None:
        """The chart of what has just rung, under it, where the chat wishes that. One that fails is not made up for."""
        for each in rung[:MAX_CHARTS]:
            words = chart_words(each.message)
            if not words or not load_wishes(each.chat.settings).has_charts:
                continue
            try:
                async with asyncio.timeout(CHART_S):
                    await self._send_chart(each, words)
            except (NoAnswer, NotListed, NotASymbol, Misread, TelegramError, TimeoutError) as error:
                log.info("no chart with an alert: %s: %s", type(error).__name__, error)

    async def _send_chart(self, rung: Rung, words: list[str]) -> None:
        message = rung.message
        asker = Asker(message.chat_id, message.thread_id, 0, None, is_private=False, is_listed=False)
        tools = self.lent(self._tools)._replace(asker=asker)
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

    async def _digest(self, store: Store) -> None:
        """Puts the digest of one chat that is due into the outbox; others follow at the next ticks."""
        now_ms = int(self._clock.now() * 1000)
        if now_ms // MINUTE_MS > self._digests_ms // MINUTE_MS:
            self._digests_ms, self._due = now_ms, await due_chats(store, now_ms)
        self._due = [(chat_id, day) for chat_id, day in self._due if self._digested.get(chat_id) != day]
        if not self._due:
            return
        chat_id, day = self._due.pop(0)
        if len(self._digested) >= MAX_CHATS:
            self._digested.clear()
        facts = orjson.dumps(await digest.gather(self._tools.market, store, chat_id)).decode()
        await store.add_message(Message(f"digest {chat_id}", day, chat_id, None, facts, now_ms, now_ms))
        self._digested[chat_id] = day

    async def _prune(self, store: Store) -> None:
        if self._clock.monotonic() >= self._prune_after:
            self._prune_after = self._clock.monotonic() + PRUNE_S
            await store.prune(int(self._clock.now() * 1000))

    def _say(self, text: str) -> None:
        """Into the log, once for as long as it goes on."""
        if text != self._said:
            self._said = text
            log.warning("%s", text)
