"""The outbox on its way: messages that nobody asked for just now, each until Telegram has it.

At least once: a message is marked when Telegram has said yes, so it is sent twice only if the process dies in between;
its number tells the reader. A chat is claimed with a lease before anything is sent to it, so that of several machines
one sends to it at a time. What Telegram says decides (`verdict`):

    later     429: after retry_after, for all chats when several are told so; 5xx or no answer: 1, 2, 4 … 60 s
    blocked   the chat is gone or does not want us: its alerts rest until it is heard of again
    moved     a group became a supergroup: everything of it moves, and the message is sent there
    topic     the forum topic is closed or gone: to the chat without it
    plain     Telegram does not like the text: once more without tags, then dropped

In a storm a chat gets MAX_A_MINUTE messages a minute; the rest is one summary, which is edited while the storm lasts
and so rings once. What cannot be said in a line of it, as a digest, comes alone also then. A message that cannot be
shown, as another version of the program has stored it, is given up, and keeps no other from its chat.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import orjson

from store.words import Chat, Message, Store
from telegram.api import TelegramError
from telegram.rich import as_html, rich_message

log = logging.getLogger("bot")

T = TypeVar("T")

LEASE_MS = 60_000
CALL_MS = 12_000  # the longest that one call may take: a lease with less than that left is renewed first
CHATS = 10  # claimed at once
MESSAGES = 200  # read at once
MAX_A_MINUTE = 5
MINUTE_MS = 60_000
MAX_LINES = 40  # of a summary; what is beyond is counted
MAX_LETTERS = 3900  # of its lines, of the 4096 UTF-16 units that Telegram takes: the rest is for its head and its foot
REST_MS = MINUTE_MS  # until a message that nobody may hear now is looked at again
OLD_MS = 6 * 3_600_000  # then a message is of no use any more
LIST_MS = 24 * 3_600_000  # what is told that late goes into one list
PACE_S = 0.04  # between two messages: Telegram's FAQ allows 30 a second
SEND_S = 8.0  # in one go: then the next tick is judged first, which a Telegram that hangs must not hold up
MAX_BACK_OFF_S = 60
MAX_RETRY_AFTER_S = 3600

Verdict = Literal["later", "blocked", "moved", "topic", "gone", "plain"]


class Send(Protocol):
    """A call of the Bot API, as TelegramAPI.call is. Raises TelegramError."""

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Any: ...


class Shown(Protocol):
    """How a message looks: HTML, and its reply_markup, None for none. rich: the same as rich HTML, "" for none."""

    @property
    def text(self) -> str: ...
    @property
    def rich(self) -> str: ...
    @property
    def markup(self) -> Mapping[str, Any] | None: ...
    @property
    def is_quiet(self) -> bool: ...


class Show(Protocol):
    """What is made of facts. Pure."""

    def message(self, message: Message, chat: Chat, now_ms: int) -> Shown:
        """One firing; is_quiet by its rule and by the chat's quiet hours."""
        ...

    def line(self, message: Message) -> str:
        """The same in one line of a summary; "" for what one cannot tell, and so comes alone."""
        ...

    def summary(self, lines: Sequence[str], n_more: int, chat: Chat, now_ms: int) -> Shown:
        """Several that came at once, and how many have no line."""
        ...

    def dropped(self, n_dropped: int) -> str:
        """A line that tells of messages which were too old to send."""
        ...


@dataclass(frozen=True, slots=True)
class Burst:
    """What a chat was sent lately. sent_ms: of the last single ones. An open summary has message_id and its lines."""

    sent_ms: Sequence[int] = ()
    summary_id: int | None = None
    summary_ms: int = 0
    lines: Sequence[str] = ()
    n_more: int = 0

    @classmethod
    def load(cls, text: str) -> Burst:
        return cls(**orjson.loads(text)) if text else cls()

    @property
    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @property
    def has_room(self) -> bool:
        """Whether one more may be sent alone: few in the last minute, and no summary that still goes on."""
        return self.summary_id is None and len(self.sent_ms) < MAX_A_MINUTE

    def at(self, now_ms: int) -> Burst:
        """Without what is over, and without what a clock that was ahead has left; another machine's may be so a bit."""
        sent_ms = [each for each in self.sent_ms if abs(now_ms - each) < MINUTE_MS]
        is_open = self.summary_id is not None and abs(now_ms - self.summary_ms) < MINUTE_MS
        return replace(self, sent_ms=sent_ms) if is_open else Burst(sent_ms)

    def with_single(self, now_ms: int) -> Burst:
        return replace(self, sent_ms=[*self.sent_ms, now_ms])

    def with_lines(self, lines: Sequence[str], now_ms: int) -> Burst:
        """Those for which its summary has room; the others are counted."""
        room = MAX_LETTERS - sum(map(_n_letters, self.lines))
        n_taken = 0
        for line in lines[: 0 if self.n_more else MAX_LINES - len(self.lines)]:
            room -= _n_letters(line)
            if room < 0:
                break
            n_taken += 1
        taken = [*self.lines, *lines[:n_taken]]
        return replace(self, summary_ms=now_ms, lines=taken, n_more=self.n_more + len(lines) - n_taken)


def _n_letters(line: str) -> int:
    """As Telegram counts them, with the line's end."""
    return len(line.encode("utf-16-le")) // 2 + 1


class _Stop(Exception):
    """Nothing more is sent to this chat now. not_before_ms: when it may be tried again; 0 for at once."""

    def __init__(self, not_before_ms: int = 0) -> None:
        super().__init__()
        self.not_before_ms = not_before_ms


class Rung(NamedTuple):
    """A message that Telegram has, by its id there."""

    message: Message
    chat: Chat
    message_id: int


class Delivery:
    """Sends what waits, by `deliver`. show: called when there is something. clock: milliseconds since 1970.

    pace_s: between two messages to whomever. send_s: after which no further one is begun in one go. move: a chat that
    has another id now, by both. rests: whether nobody may hear of a message now.
    """

    def __init__(
        self,
        store: Store,
        send: Send,
        show: Callable[[], Show],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        pace_s: float = PACE_S,
        move: Callable[[int, int], Awaitable[None]] | None = None,
        send_s: float = SEND_S,
        rests: Callable[[Message], bool] = lambda message: False,
    ) -> None:
        self._store, self._send, self._show, self._clock, self._pace_s = store, send, show, clock, pace_s
        self._move, self._rests = move or store.move_chat, rests
        self._owner = os.urandom(8).hex()
        self._send_s = send_s
        self._silent_until_ms = 0
        self._next_slot_s = self._until_s = 0.0
        self.is_stopping = False  # set by who stops the process: what is on its way is still marked
        self.n_sent = self.n_dropped = 0
        self._rung: list[Rung] = []

    def taken(self) -> list[Rung]:
        """What was sent alone since this was last asked; the first few."""
        rung, self._rung = self._rung, []
        return rung

    async def deliver(self, now_ms: int | None = None) -> int:
        """Sends to every chat that has something due, within send_s and a call; how many messages Telegram took.

        What is left waits for the next time. Raises StoreError. now_ms: None for the store's clock, as leases are
        compared between machines.
        """
        before = self.n_sent
        self._until_s = asyncio.get_running_loop().time() + self._send_s
        while not self.is_over and (now_ms or self._clock()) >= self._silent_until_ms:
            chats = await self._store.claim_chats(self._owner, LEASE_MS, CHATS, now_ms)
            turns = [_Turn(self, chat, has_own_clock=now_ms is not None) for chat in chats]
            # One after the other: whoever kills this process has at most one message sent twice.
            n_limited = sum([await turn.take() for turn in turns])
            if n_limited > 1:  # several chats at once: it is the bot that is too quick
                self._silent_until_ms = max(turn.not_before_ms for turn in turns)
            if len(chats) < CHATS:
                break
        return self.n_sent - before

    @property
    def is_over(self) -> bool:
        """Whether no further message is begun now."""
        return self.is_stopping or asyncio.get_running_loop().time() >= self._until_s

    async def _wait_for_slot(self) -> None:
        """Messages go out one after the other, pace_s apart."""
        now_s = time.monotonic()
        slot_s = max(now_s, self._next_slot_s)
        self._next_slot_s = slot_s + self._pace_s
        if slot_s > now_s:
            await asyncio.sleep(slot_s - now_s)


class _Turn:
    """One chat that is claimed, until it has all that waits or something is in the way."""

    def __init__(self, delivery: Delivery, chat: Chat, *, has_own_clock: bool) -> None:
        self._delivery, self._store, self._show = delivery, delivery._store, delivery._show()
        self._chat, self._burst, self._has_own_clock = chat, Burst.load(chat.burst), has_own_clock
        self._lease_ms = self._now() + LEASE_MS
        self.not_before_ms = 0

    async def take(self) -> bool:
        """Whether Telegram said that it was too much."""
        is_limited = False
        try:
            await self._send_all()
        except _Stop as stop:
            self.not_before_ms = stop.not_before_ms
            is_limited = isinstance(stop.__cause__, TelegramError) and stop.__cause__.code == 429
        await self._store.release_chat(self._chat.id, self._delivery._owner, self._burst.text, self.not_before_ms)
        return is_limited

    async def _send_all(self) -> None:
        if self._delivery.is_over:
            return
        messages = await self._store.due_messages(self._chat.id, MESSAGES, self._store_now())
        messages = await self._that_may_be_heard(await self._without_old(messages))
        for i, message in enumerate(messages):
            await self._check_lease()
            self._burst = self._burst.at(self._now())
            if not self._burst.has_room or _belongs_in_list(message):
                await self._send_storm(messages[i:])
                return
            await self._send_one(message)

    async def _send_storm(self, messages: Sequence[Message]) -> None:
        """One summary, and what has no line in it."""
        lines = [await self._read(each, self._show.line) for each in messages]
        listed = [each for each, line in zip(messages, lines, strict=True) if line]
        if listed:
            await self._send_summary(listed, [line for line in lines if line])
        for message in (each for each, line in zip(messages, lines, strict=True) if line == ""):
            await self._check_lease()
            await self._send_one(message)

    async def _without_old(self, messages: Sequence[Message]) -> list[Message]:
        old = [each for each in messages if self._now() - each.made_ms > OLD_MS]
        if old:
            await self._store.mark_dropped(old, "too old", self._now(), is_told=True)
            self._delivery.n_dropped += len(old)
            self._chat = self._chat._replace(n_dropped=self._chat.n_dropped + len(old))
        return [each for each in messages if self._now() - each.made_ms <= OLD_MS]

    async def _that_may_be_heard(self, messages: Sequence[Message]) -> list[Message]:
        """The others are put off for a while, as their chat may be let in again until they are old."""
        told = [(each, await self._read(each, self._delivery._rests)) for each in messages]
        if resting := [each for each, rests in told if rests]:
            await self._store.mark_resting(resting, self._now() + REST_MS)
        return [each for each, rests in told if rests is False]

    async def _read(self, message: Message, read: Callable[[Message], T]) -> T | None:
        """None for a message that cannot be read: it is given up."""
        try:
            return read(message)
        except Exception:  # whatever its facts are, others are told theirs
            log.exception("message %s #%d cannot be shown", message.alert_id, message.number)
            await self._give_up([message], "cannot be shown")
            return None

    async def _send_one(self, message: Message) -> None:
        shown = await self._read(message, lambda each: self._show.message(each, self._chat, self._now()))
        if shown is None:
            return
        params = self._params(shown, message.thread_id)
        await asyncio.shield(self._call_and_mark("sendMessage", params, [message], None))

    async def _send_summary(self, messages: Sequence[Message], lines: Sequence[str]) -> None:
        burst = self._burst.with_lines(lines, self._now())
        shown = self._show.summary(burst.lines, burst.n_more, self._chat, self._now())
        params = self._params(shown, messages[0].thread_id if burst.summary_id is None else None)
        method = "sendMessage"
        if burst.summary_id is not None:
            method, params = "editMessageText", {**params, "message_id": burst.summary_id}
        await asyncio.shield(self._call_and_mark(method, params, messages, burst))

    async def _call_and_mark(
        self, method: str, params: Mapping[str, Any], messages: Sequence[Message], summary: Burst | None
    ) -> None:
        """One call, and its mark behind it: not to be parted by a stop. summary: with these messages, once Telegram has
        them; None for a message that comes alone."""
        result = await self._call(method, params, messages)
        if result is None:
            return
        message_id = result.get("message_id") if isinstance(result, dict) else None
        if summary is None:
            self._burst = self._burst.with_single(self._now())
            if message_id is not None and len(self._delivery._rung) < MAX_A_MINUTE:
                self._delivery._rung.append(Rung(messages[0], self._chat, message_id))
        else:
            self._burst = replace(summary, summary_id=message_id if summary.summary_id is None else summary.summary_id)
        await self._store.mark_sent(messages, message_id, self._burst.text, self._now())
        self._delivery.n_sent += len(messages)
        if self._chat.n_dropped:
            await self._store.clear_dropped(self._chat.id)
            self._chat = self._chat._replace(n_dropped=0)

    async def _call(self, method: str, params: Mapping[str, Any], messages: Sequence[Message]) -> Any:
        """Telegram's result; None when the messages were given up."""
        for _ in range(3):  # as it is; without its topic; without its tags
            await self._delivery._wait_for_slot()
            try:
                return await self._delivery._send(method, params)
            except TelegramError as error:
                if "message is not modified" in error.description.lower():
                    return {"message_id": params.get("message_id")}
                instead = await self._heard(error, params, messages)
                if instead is None:
                    return None
                params = instead
        await self._give_up(messages, "refused")
        return None

    async def _heard(
        self, error: TelegramError, params: Mapping[str, Any], messages: Sequence[Message]
    ) -> Mapping[str, Any] | None:
        """What to call instead; None when the messages were given up. Raises _Stop."""
        said = verdict(error)
        log.warning("message of chat %d: %s: %s", self._chat.id, said, error)
        if said == "later":
            raise _Stop(await self._put_off(error, messages)) from error
        if said == "blocked":
            await self._store.block_chat(self._chat.id, self._now())
            raise _Stop from error
        if said == "moved":
            assert error.migrate_to_chat_id is not None
            await self._delivery._move(self._chat.id, error.migrate_to_chat_id)
            raise _Stop from error
        if said == "topic" and "message_thread_id" in params:
            return {key: value for key, value in params.items() if key != "message_thread_id"}
        if said == "gone" and "message_id" in params:  # somebody deleted the summary
            self._burst = Burst(self._burst.sent_ms)
            raise _Stop from error
        if "parse_mode" in params:
            plain = {key: value for key, value in as_html(params).items() if key != "parse_mode"}
            return {**plain, "text": plain_text(str(params["text"]))}
        await self._give_up(messages, error.description)
        return None

    async def _put_off(self, error: TelegramError, messages: Sequence[Message]) -> int:
        back_off_s = min(2.0 ** messages[0].n_tries, MAX_BACK_OFF_S)
        wait_s = min(error.retry_after_s or back_off_s, MAX_RETRY_AFTER_S)
        due_ms = self._now() + int(wait_s * 1000)
        await self._store.mark_late(messages, due_ms)
        return due_ms

    async def _give_up(self, messages: Sequence[Message], reason: str) -> None:
        await self._store.mark_dropped(messages, reason[:200], self._now(), is_told=False)
        self._delivery.n_dropped += len(messages)

    async def _check_lease(self) -> None:
        if self._delivery.is_over:
            raise _Stop
        if self._lease_ms - self._now() < 2 * CALL_MS:
            if not await self._store.renew_chat(self._chat.id, self._delivery._owner, LEASE_MS, self._store_now()):
                raise _Stop
            self._lease_ms = self._now() + LEASE_MS

    def _params(self, shown: Shown, thread_id: int | None) -> dict[str, Any]:
        text, rich = shown.text, shown.rich
        if self._chat.n_dropped:
            dropped = self._show.dropped(self._chat.n_dropped)
            text, rich = f"{text}\n{dropped}", rich and f"{rich}<p>{dropped}</p>"
        params: dict[str, Any] = {"chat_id": self._chat.id, "text": text, "parse_mode": "HTML"}
        params["link_preview_options"] = {"is_disabled": True}
        if rich:
            params["rich_message"] = rich_message(rich)
        if thread_id is not None:
            params["message_thread_id"] = thread_id
        if shown.is_quiet:
            params["disable_notification"] = True
        if shown.markup is not None:
            params["reply_markup"] = shown.markup
        return params

    def _store_now(self) -> int | None:
        return self._now() if self._has_own_clock else None

    def _now(self) -> int:
        return self._delivery._clock()


def verdict(error: TelegramError) -> Verdict:
    """What follows from what Telegram said (telegram-bot-api's Client.cpp has the texts)."""
    said = error.description.lower()
    if error.migrate_to_chat_id is not None:
        return "moved"
    if error.is_passing:
        return "later"
    if error.code in (401, 404):  # the token: it will be mended, and the messages wait
        return "later"
    if error.code == 403 or "chat not found" in said or "user is deactivated" in said:
        return "blocked"
    if "topic_closed" in said or "message thread not found" in said or "topic_deleted" in said:
        return "topic"
    if "message to edit not found" in said or "message can't be edited" in said:
        return "gone"
    return "plain"


def plain_text(text: str) -> str:
    """Our own HTML without its tags."""
    import html  # rarely needed: its table of entities is 0.5 MiB

    return html.unescape(re.sub(r"<[^<>]*>", "", text))


def _belongs_in_list(message: Message) -> bool:
    """Whether it is told so late that a message of its own would only be noise."""
    late_ms = orjson.loads(message.facts).get("late_ms")
    return isinstance(late_ms, int) and late_ms > LIST_MS
