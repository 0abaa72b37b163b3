"""Long polling: the same answers without a webhook."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from telegram.api import MAX_RETRY_AFTER_S, TelegramAPI, TelegramError
from telegram.replies import Call, is_about_the_picture, plain_text, without_picture
from telegram.rich import as_html
from telegram.standing import POLLER_MARK, Standing
from telegram.updates import ALLOWED_UPDATES, chat_of, id_in
from telegram.webhook import ask_info, remove, why_failed

log = logging.getLogger("bot")
POLL_S = 30  # how long Telegram holds a getUpdates that has nothing to give
ASK_AGAIN_S = (1.0, 2.0, 3.0)  # while chats are at work; longer each time that nothing new came
MAX_KNOWN = 100  # updates unanswered, or answered and not confirmed: getUpdates gives no more, from the offset on
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
MAX_SEND_S = 900.0  # of waiting to send one answer again; an older question is not answered, either (bot.STALE_S)
HURRIED_S = 31.0  # the same where it answers 500 itself, and where it limits a chat while MAX_KNOWN updates are in work
LOOK_S = 10.0  # how often whoever waits to send looks whether that is so
BEGIN_S = 1.0  # once stopped: until the last question is begun, which takes up to 8 s
FINISH_S, CONFIRM_S = 9.5, 2.0  # the same for answers that are in work, and to confirm them; a kill comes after 15 s
LAST_WAIT_S = 5.0  # of the latter, until Telegram may be sent an answer again
ANOTHER_POLLER = "Another poller takes this token's updates: only one may run, so stop the other one."
AnswerUpdate = Callable[[Mapping[str, Any]], Awaitable[Call | None]]
"""From an update to the one call that answers it."""
Counted = Callable[[bool], AbstractContextManager[None]]
"""What counts an update in work: while it is answered, and then, with True, while that is sent."""
WEBHOOK_WAS_SET = "A webhook was set, so Telegram gives the updates to it; --delete-webhook brings them back here."


class Poller:
    """Long polling. An update is confirmed only after it was answered.

    Each chat's updates are answered in order, and the chats side by side; Telegram is asked on meanwhile. As it forgets
    only what is below an offset, it gives again what stands above the first unanswered one, which is known by its id
    then: at most MAX_KNOWN updates. n_at_once of them are answered at a time.
    """

    def __init__(
        self,
        answer: AnswerUpdate,
        api: TelegramAPI,
        n_at_once: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        standing: Standing | None = None,
        counted: Counted = lambda is_sent: nullcontext(),
    ) -> None:
        self._answer, self._api, self._n_at_once, self._sleep = answer, api, n_at_once, sleep
        self._counted = counted
        self._unsent: dict[object, str] = {}  # why each answer waits that Telegram did not take at once
        self._standing = standing or Standing()
        self.stopped = asyncio.Event()
        self.offset = 0
        self._room = asyncio.Semaphore(n_at_once)
        self._chats: dict[object, deque[tuple[int, dict[str, Any]]]] = {}  # what each has to have answered, with its id
        self._tasks: set[asyncio.Task[None]] = set()  # one for each of them
        self._unanswered: set[int] = set()
        self._answered: set[int] = set()  # above the first unanswered one
        self._all_answered = asyncio.Event()
        self._begun = -1  # the highest that was
        self._left = math.inf  # the first that is left, as we were stopped
        self._begin_until = math.inf  # on the loop's clock

    async def run(self, stopped: asyncio.Event) -> None:
        """Polls until stopped; what is at work then is finished and confirmed.

        Raises TelegramError when the token is refused, or a webhook was set.
        """
        self.stopped = stopped
        try:
            await self._ask_on()
            await self.finish()
            await self._confirm()
        finally:
            for task in self._tasks:
                task.cancel()

    async def _ask_on(self) -> None:
        """Takes updates in until stopped."""
        failures = n_vain = 0
        while not self.stopped.is_set():
            if self._is_full:
                self._standing.hitch = f"{MAX_KNOWN} updates are in work, so others wait."
                await self._sleep_unless(ASK_AGAIN_S[0], self.stopped, self._all_answered)
                continue
            asked_from = self.offset
            try:
                updates = await self._take_unless_stopped()
            except TelegramError as error:
                await self._pause(error, failures)
                failures += 1
                continue
            failures, self._standing.hitch = 0, ""
            n_vain = 0 if self.take_in(updates, asked_from) else n_vain + 1
            again_s = ASK_AGAIN_S[min(n_vain, len(ASK_AGAIN_S) - 1)]
            if self._unanswered:  # else Telegram holds the next call until something comes
                await self._sleep_unless(again_s, self.stopped, self._all_answered)
            elif updates and self.offset == asked_from:  # of no known shape: Telegram will not wait with these, either
                await self._sleep_unless(again_s, self.stopped)

    @property
    def _is_full(self) -> bool:
        return self._n_known >= MAX_KNOWN

    @property
    def _n_known(self) -> int:
        return len(self._unanswered) + len(self._answered)

    async def _take_unless_stopped(self) -> list[dict[str, Any]]:
        taking, stopping = asyncio.ensure_future(self._take()), asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait([taking, stopping], return_when=asyncio.FIRST_COMPLETED)
            return taking.result() if taking.done() else []
        finally:
            taking.cancel()
            stopping.cancel()

    async def _take(self, timeout_s: int = POLL_S) -> list[dict[str, Any]]:
        """The updates that wait; this confirms all below the offset. Raises TelegramError."""
        params = {
            "offset": self.offset,
            "timeout": timeout_s,
            "limit": min(MAX_KNOWN, self._n_known + self._n_at_once),
            "allowed_updates": [*ALLOWED_UPDATES, POLLER_MARK],
        }
        updates = await self._api.call("getUpdates", params, timeout_s=timeout_s + 10.0)
        if not isinstance(updates, list):
            raise TelegramError("getUpdates", 502, "the answer is no list")
        return [update for update in updates if isinstance(update, dict)]

    async def _confirm(self) -> None:
        if self.offset:
            with suppress(TelegramError, TimeoutError):  # then the last updates are delivered, and answered, once more
                async with asyncio.timeout(CONFIRM_S):
                    await self._take(0)

    async def _pause(self, error: TelegramError, failures: int) -> None:
        """Waits as long as the error asks for, or a little longer after each failure."""
        if error.code in (401, 404) or is_of_a_webhook(error):
            raise error
        wait_s = min(error.retry_after_s or back_off(failures), MAX_RETRY_AFTER_S)
        self._standing.hitch = ANOTHER_POLLER if error.code == 409 else cannot_be_asked(error)
        log.warning("%s Polling again in %.0f s.", self._standing.hitch, wait_s)
        await self._sleep_unless(wait_s, self.stopped)

    async def _sleep_unless(self, seconds: float, *events: asyncio.Event) -> None:
        """Sleeps until one of the events."""
        tasks = [asyncio.ensure_future(self._sleep(seconds)), *(asyncio.ensure_future(each.wait()) for each in events)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def take_in(self, updates: list[dict[str, Any]], asked_from: int = 0) -> int:
        """Sets chats to work at those that are new; how many these are. asked_from: the offset that they came for."""
        n_new = 0
        for update in updates:
            update_id = id_in(update.get("update_id"))
            if update_id is None or update_id in self._unanswered or update_id in self._answered:
                continue
            if (
                asked_from <= update_id < self.offset or self._n_known >= MAX_KNOWN
            ):  # answered meanwhile; or one too many
                continue
            n_new += 1
            self._unanswered.add(update_id)
            self._all_answered.clear()
            chat = chat_of(update)
            if chat not in self._chats:
                self._chats[chat] = deque()
                task = asyncio.ensure_future(self._answer_in_order(chat))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self._chats[chat].append((update_id, update))
        self._move_on()
        return n_new

    async def finish(self) -> None:
        """Until what was taken in is answered; once we are stopped, as much of it as has to be, for FINISH_S."""
        loop = asyncio.get_running_loop()
        self._begin_until = loop.time() + BEGIN_S
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=FINISH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _answer_in_order(self, chat: object) -> None:
        """Answers a chat's updates, one after another, until none is left, or one has to be left as we are stopped."""
        updates = self._chats[chat]
        try:
            while updates:
                update_id, update = updates[0]
                if not await self._is_answered(update_id, update):
                    self._left = min(self._left, update_id)
                    return
                updates.popleft()
                self._unanswered.discard(update_id)
                self._answered.add(update_id)
                self._move_on()
        finally:
            del self._chats[chat]

    async def _is_answered(self, update_id: int, update: dict[str, Any]) -> bool:
        """Answers it; False when we were stopped before that was sent."""
        try:
            async with self._room:
                if not self._may_begin(update_id):
                    return False
                self._begun = max(self._begun, update_id)
                with self._counted(False):
                    call = await self._answer(update)
            if call is None:
                return True
            with self._counted(True):
                return await self.send(call)
        except Exception:  # it would come again and again, and hold up all others
            log.exception("an update is not answered")
            return True

    def _may_begin(self, update_id: int) -> bool:
        """Once we are stopped, only what stands in the way of confirming others that are answered, or in work."""
        if not self.stopped.is_set():
            return True
        is_in_the_way = update_id < min(self._begun, self._left)
        return is_in_the_way and asyncio.get_running_loop().time() < self._begin_until

    def _move_on(self) -> None:
        """Brings the offset to the first that is unanswered, or behind all."""
        if self._unanswered:
            self.offset = min(self._unanswered)
        else:
            self.offset = max(self._answered, default=self.offset - 1) + 1
            self._all_answered.set()
        self._answered = {each for each in self._answered if each >= self.offset}

    async def send(self, call: Call) -> bool:
        """Makes the call, again where that may help, for MAX_SEND_S. False when stopped before it was made.

        What Telegram refuses for good, or for too long, is given up and logged; so is what may have been sent twice.
        """
        ticket = object()
        try:
            return await self._send(call, ticket)
        finally:
            self._note_unsent(ticket, "")

    def _note_unsent(self, ticket: object, why: str) -> None:
        """Why an answer waits; "" once it does not."""
        self._unsent[ticket] = why
        if not why:
            del self._unsent[ticket]
        self._standing.unsent = next(iter(self._unsent.values()), "")

    async def _send(self, call: Call, ticket: object) -> bool:
        method, params = _split(call)
        waited_s, failures, is_uncertain = 0.0, 0, False
        while True:
            try:
                await self._api.call(method, params)
                return True
            except TelegramError as error:
                wait_s = error.retry_after_s or back_off(failures)
                if "photo" in params and error.code == 400 and is_about_the_picture(error.description):
                    log.error("%s; the text is sent without its picture", error)
                    method, params = _split(without_picture(params))
                elif "can't parse entities" in error.description and "parse_mode" in params:
                    log.error("%s; resent as plain text: %r", error, params["text"])
                    params = {**as_html(params), "text": plain_text(params["text"])}
                    del params["parse_mode"]
                elif error.migrate_to_chat_id is not None and params.get("chat_id") != error.migrate_to_chat_id:
                    params = {**params, "chat_id": error.migrate_to_chat_id}
                elif error.was_sent and method.startswith("send") and is_uncertain:
                    log.error("the answer may have been delivered: %s", error)  # more tries would be more messages
                    return True
                elif error.is_passing and waited_s + wait_s <= self._patience_s(error):
                    log.warning("%s; sent again in %.0f s", error, wait_s)
                    self._note_unsent(ticket, f"An answer waits to be sent: {error}.")
                    until = asyncio.get_running_loop().time() + wait_s
                    waited_s = await self._wait_to_send(waited_s, waited_s + wait_s, error)
                    failures += 1
                    is_uncertain = is_uncertain or error.was_sent
                    if self.stopped.is_set() and not await self._has_waited(until):
                        return False
                else:
                    if "message is not modified" not in error.description:
                        log.error("the answer could not be delivered: %s", error)
                    return True

    def _patience_s(self, error: TelegramError) -> float:
        """How long one answer may wait: less where Telegram fails at this very one, or all others wait for it."""
        is_hurried = error.code == 500 or (error.code == 429 and self._is_full)
        return HURRIED_S if is_hurried else MAX_SEND_S

    async def _wait_to_send(self, waited_s: float, until_s: float, error: TelegramError) -> float:
        """Waits on, unless we are stopped or it takes too long; how long it was in all."""
        while waited_s < min(until_s, self._patience_s(error)) and not self.stopped.is_set():
            look_s = min(LOOK_S, until_s - waited_s)
            await self._sleep_unless(look_s, self.stopped)
            waited_s += look_s
        return waited_s

    async def _has_waited(self, until: float) -> bool:
        """Once we are stopped: waits to the end where that is near, and others are confirmed only after it."""
        left_s = until - asyncio.get_running_loop().time()
        if not self._answered or left_s > LAST_WAIT_S:
            return False
        await self._sleep(max(0.0, left_s))
        return True


def _split(call: Call) -> tuple[str, Call]:
    return str(call["method"]), {key: value for key, value in call.items() if key != "method"}


def is_of_a_webhook(error: TelegramError) -> bool:
    """Whether a 409 tells of a webhook; else it tells of another poller (Client.cpp: abort_long_poll)."""
    return error.code == 409 and "webhook" in error.description.lower()


def cannot_be_asked(error: TelegramError) -> str:
    return f"Telegram cannot be asked: {error}."


def why_ended(error: TelegramError) -> str:
    """Why polling ended for good, and the way out."""
    return WEBHOOK_WAS_SET if is_of_a_webhook(error) else f"{why_failed(error)}."


def back_off(failures: int) -> float:
    return BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]


async def clear_webhook(api: TelegramAPI, delete: bool, stopped: asyncio.Event, standing: Standing) -> bool:
    """Whether Telegram may be polled: no webhook is set, or it was to be deleted. Waits for a Telegram that is down.

    Raises TelegramError when the token is refused.
    """
    failures = 0
    while not stopped.is_set():
        try:
            url = (await ask_info(api)).get("url")
            if url and not delete:
                log.error("A webhook is set, so Telegram would refuse polling. --delete-webhook removes it first.")
                return False
            if url:
                await remove(api)
                log.info("the webhook is removed; updates that wait are kept")
            standing.hitch = ""
            return True
        except TelegramError as error:
            if not error.is_passing:
                raise
            wait_s = min(error.retry_after_s or back_off(failures), MAX_RETRY_AFTER_S)
            failures += 1
            standing.hitch = cannot_be_asked(error)
            log.warning("%s; again in %.0f s", error, wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), wait_s)
    return False
