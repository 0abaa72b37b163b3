"""What the bot does while nobody asks, over one store: opens it, and keeps the time of its rounds (rounds.py).

`tick` is the one function that does what is due. Four callers keep the time: the loop `keep` beside the webhook's
server and beside polling, a schedule on AWS Lambda, and POST /tick for any other schedule. A store that cannot be
opened is tried again at every tick; meanwhile everything else works, and `sentence` says what is missing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from answers.asked import Asker, Tools
from answers.quiet import Wishes, load_wishes
from answers.typed import Meant
from clock import MACHINE, Clock
from render.figures import format_span
from store.words import CannotWrite, Counts, Message, Overtaken, Store, StoreError
from telegram.api import TelegramAPI, TelegramError
from watchman.moves import Moves
from watchman.presence import Presence
from watchman.ticked import PERIOD_MS, Ticked

if TYPE_CHECKING:
    from watchman.rounds import Rounds

log = logging.getLogger("bot")

FIRST_S = 1.0  # before the first tick: who has woken this machine is answered first
MOVE_S = 3.0  # for a group's move to be stored while its update waits
STOP_S = 12.0  # for a message on its way
WISHES_S = 60.0  # how long what a chat wishes is kept in memory
READ_S = 0.5
DNS_S = 2.0
OPEN_S = 3.0  # for a store that is not open yet when it should be told something
WRITE_S = 2.0
WEEK_MS = 7 * 86_400_000
ADMIN_S = 2.0  # for Telegram to say who runs a group
MAX_CHATS = 4096  # kept in memory
LOST_S = 12 * PERIOD_MS / 1000  # without a tick that ended well: longer than one takes while Telegram hangs
MAX_SAID = 8  # causes of one failure that are put into the log
OPENING, JUDGING, SENDING = "no alerts", "a tick was not judged", "the outbox is not read"  # what of a tick may fail
NOT_OPEN = "Nothing can be remembered just now: the database is not open yet. Please try again in a minute."
NO_SERVER = "Nothing can be remembered here: set DATABASE_URL to a PostgreSQL database."
NO_DISK = "Nothing can be remembered here: set DATABASE_URL, or DATA_DIR to a folder that can be written."


async def n_machines(app: str) -> int:
    """How many machines of an app Fly knows; 1 where it does not say."""
    try:
        async with asyncio.timeout(DNS_S):
            found = await asyncio.get_running_loop().getaddrinfo(f"{app}.internal", None, family=socket.AF_INET6)
    except (OSError, TimeoutError):
        return 1
    return len({address[0] for *_, address in found})


class Duty:
    """Opens the store, keeps the time, lends to answers what is remembered."""

    def __init__(self, tools: Tools, api: TelegramAPI, clock: Clock = MACHINE) -> None:
        self._tools, self._api = tools, api
        self._clock = clock
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()
        self._rounds: Rounds | None = None
        self._failing: dict[str, StoreError] = {}  # what fails now, and why
        self._said: dict[str, set[str]] = {}  # of the same: the causes that the log has
        self._ended_s: float | None = None  # when a tick last ended well, monotonic; None where no loop keeps the time
        self._wishes: dict[int, tuple[float, Wishes]] = {}  # by chat, when they were read
        self._wishing: frozenset[int] | None = None  # every chat that wishes something; None where that is not known
        self._wishing_read_s = -WISHES_S
        self._reading = asyncio.Lock()
        self._moves = Moves(tools.settings.allowed_ids, self._wishes_moved)
        self._presence = Presence(clock)
        self.store: Store | None = None
        self.sentence, self._no_disk = NOT_OPEN, NO_DISK
        self.last = Ticked()
        self.counted: Counts | None = None  # as the last tick left it

    def keep_no_file(self) -> None:
        """For a process whose files do not outlive it: only a server can remember anything."""
        self.sentence = self._no_disk = NO_SERVER

    async def open(self) -> bool:
        """Whether the store is open now. Done twice, it is the same."""
        if self.store is not None:
            return True
        from store.connect import open_store  # after the first answer: it takes 2 ms

        try:
            self.store = await open_store(self._tools.settings.database_url)
        except StoreError as error:
            has_no_disk = isinstance(error, CannotWrite) and not self._is_on_server
            self.sentence = self._no_disk if has_no_disk else error.sentence
            self._fail(OPENING, error)
            return False
        self._succeed(OPENING)
        await self._look_for_others(self.store)
        return True

    @property
    def _is_on_server(self) -> bool:
        return self._tools.settings.database_url.startswith("postgres")

    async def _look_for_others(self, store: Store) -> None:
        """A second machine with a file of its own would lose half of what is asked of it: said once, to the owner."""
        settings = self._tools.settings
        if not settings.fly_app or self._is_on_server:
            return
        n = await n_machines(settings.fly_app)
        if n < 2:
            return
        log.warning("%d machines, and each has an SQLite file of its own: fly scale count 1, or DATABASE_URL", n)
        if (owner := settings.owner_id) is not None:
            now_ms = int(self._clock.now() * 1000)
            facts = orjson.dumps({"event": "machines", "n": n}).decode()
            with suppress(StoreError):
                await store.add_message(Message("machines", now_ms // WEEK_MS, owner, None, facts, now_ms, now_ms))

    async def tick(self) -> Ticked:
        """Does what is due: judges the tick, if it is ours, and sends what waits. Never raises but when cancelled."""
        async with self._turn:
            if not await self.open():
                return Ticked()
            assert self.store is not None
            await self._write_presence(self.store)
            rounds = self._begin_rounds(self.store)
            ticked = Ticked()
            with suppress(StoreError):  # a move that cannot be stored holds up nothing else
                await self._moves.carry_out(self.store)
            try:
                ticked = await rounds.judge(self._now_ms())
                self._succeed(JUDGING)
            except Overtaken as error:
                log.info("%s", error)
            except StoreError as error:
                self._fail(JUDGING, error)
            try:
                await rounds.send(ticked, self._now_ms())
                self.counted = await self.store.counts()
                self._succeed(SENDING)
            except StoreError as error:
                self._fail(SENDING, error)
        if ticked.is_claimed:
            self.last = ticked
        return ticked

    def _begin_rounds(self, store: Store) -> Rounds:
        from watchman.rounds import Rounds  # with the answers that are watched: 15 ms, which the first question spares

        if self._rounds is None:
            owner = self._tools.settings.owner_id
            self._rounds = Rounds(self.lent(self._tools), store, self._api, self._clock, owner, self._moves)
        return self._rounds

    async def keep(self) -> None:
        """Opens the store at once; then ticks every period, until `stop`."""
        self._ended_s = self._clock.monotonic()
        await self._is_done(self._open_in_turn)
        wait_s = FIRST_S
        while not await self._is_stopped_within(wait_s):
            if await self._is_done(self.tick):
                self._ended_s = self._clock.monotonic()
            wait_s = PERIOD_MS / 1000 - self._clock.now() % (PERIOD_MS / 1000)

    async def _open_in_turn(self) -> None:
        async with self._turn:
            await self.open()

    @staticmethod
    async def _is_done(work: Callable[[], Awaitable[object]]) -> bool:
        try:
            await work()
        except Exception:
            log.exception("a tick failed")
            return False
        return True

    async def _is_stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    def begin_stop(self) -> None:
        """No further tick begins, and no message behind the one on its way; questions still have the store."""
        self._stopping.set()
        if self._rounds is not None:
            self._rounds.stop()

    async def stop(self) -> None:
        """Lets a message on its way be marked, and closes the store."""
        self.begin_stop()
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

    @property
    def trouble(self) -> str:
        """Why alerts do not ring, a sentence; "" while nothing is known against it, and where no database is wished."""
        error = next(iter(self._failing.values()), None)
        if error is not None:
            is_wished = self.store is not None or self._tools.settings.is_database_chosen
            return f"Alerts do not ring: {error.cause}." if is_wished or not isinstance(error, CannotWrite) else ""
        silent_s = 0.0 if self._ended_s is None else self._clock.monotonic() - self._ended_s
        return f"Alerts do not ring: none was looked at for {format_span(silent_s)}." if silent_s > LOST_S else ""

    def lent(self, tools: Tools, asker: Asker | None = None) -> Tools:
        """The tools with what is remembered, in the hands of who asks."""
        return tools._replace(
            asker=asker, store=self.store, no_store=self.sentence, is_admin=self._is_admin, trouble=self.trouble
        )

    async def standing_changed(self, chat_id: int, is_there: bool) -> None:
        """The bot may write to a chat again, or no more: its alerts go on, or rest.

        Telegram says it once, perhaps to a process that has just started: the store is opened first. What cannot be
        written now is written before the next tick.
        """
        self._presence.note(chat_id, is_there)
        if (store := await self._opened()) is not None:
            await self._write_presence(store)

    async def _opened(self) -> Store | None:
        """The store; None where it cannot be opened within OPEN_S."""
        if self.store is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(OPEN_S):
                    await self._open_in_turn()
        return self.store

    async def heard(self, chat_id: int, *, is_start: bool) -> None:
        """Something came from a chat, so the bot is there: if its alerts rest, they go on.

        Nearly always that asks nothing of the store; is_start: it is written, whatever is known of the chat.
        """
        if is_start or (self.store is not None and await self._presence.is_marked(self.store, chat_id)):
            self._presence.note(chat_id, is_there=True)
            if self.store is not None:
                await self._write_presence(self.store)

    async def _write_presence(self, store: Store) -> None:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(WRITE_S):
                await self._presence.write(store)

    async def chat_moved(self, old_id: int, new_id: int) -> None:
        """A group became a supergroup: what is remembered of it goes along, at once or with the next tick."""
        self._moves.hear(old_id, new_id)
        if (store := await self._opened()) is None:
            return
        try:
            async with asyncio.timeout(MOVE_S):
                await self._moves.carry_out(store)
        except (StoreError, TimeoutError) as error:
            log.warning("group %d is not moved yet: %s", old_id, str(error) or "the database takes long")

    def _wishes_moved(self, old_id: int, new_id: int) -> None:
        self._wishes.pop(old_id, None)
        self._note_wishes(new_id, -WISHES_S, Wishes())  # to be read anew

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
            self._note_wishes(chat_id, -WISHES_S, Wishes())  # they are about to change, and to be read anew
            return meant.words
        wishes = await self.wishes(chat_id)
        if not (wishes.symbol or wishes.interval):  # as in nearly all chats
            return meant.words
        from answers import chat_settings

        return chat_settings.filled(meant.name, meant.words, wishes)

    async def wishes(self, chat_id: int) -> Wishes:
        """What a chat wishes, at most WISHES_S old; nothing where that is not known in time.

        Most chats wish nothing. Who does is read at once for all: one by one, it would be a third of an answer's CPU.
        """
        read_s, wishes = self._wishes.get(chat_id, (-WISHES_S, Wishes()))
        now_s = self._clock.monotonic()
        if self.store is None or now_s - read_s < WISHES_S or self._wishes_nothing(chat_id, now_s):
            return wishes
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(READ_S):
                if chat_id not in self._wishes and not await self._may_wish(self.store, chat_id, now_s):
                    return wishes
                wishes = load_wishes((await self.store.chat(chat_id)).settings)
        self._note_wishes(chat_id, now_s, wishes)
        return wishes

    def _wishes_nothing(self, chat_id: int, now_s: float) -> bool:
        """Whether that is known without asking, which it is of nearly all chats and twice in each answer."""
        if self._wishing is None or chat_id in self._wishing or chat_id in self._wishes:
            return False
        return now_s - self._wishing_read_s < WISHES_S

    def _note_wishes(self, chat_id: int, read_s: float, wishes: Wishes) -> None:
        if len(self._wishes) >= MAX_CHATS:
            self._wishes.clear()
        self._wishes[chat_id] = (read_s, wishes)

    async def _may_wish(self, store: Store, chat_id: int, now_s: float) -> bool:
        """Whether a chat wishes something, or that is not known, as there are too many who do. Raises StoreError."""
        async with self._reading:
            if now_s - self._wishing_read_s >= WISHES_S:
                self._wishing, self._wishing_read_s = None, now_s
                found = await store.chats_that_wish(MAX_CHATS + 1)
                self._wishing = frozenset(found) if len(found) <= MAX_CHATS else None
        return self._wishing is None or chat_id in self._wishing

    def _succeed(self, what: str) -> None:
        self._failing.pop(what, None)
        self._said.pop(what, None)

    def _fail(self, what: str, error: StoreError) -> None:
        """Noted; and put into the log, each cause once for as long as that fails."""
        self._failing[what] = error
        said = self._said.setdefault(what, set())
        if str(error) not in said and len(said) < MAX_SAID:
            said.add(str(error))
            log.warning("%s: %s", what, error)
