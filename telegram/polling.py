"""Long polling: the same answers without a webhook."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from telegram.api import MAX_RETRY_AFTER_S, TelegramAPI, TelegramError
from telegram.replies import Call, is_about_the_picture, plain_text, without_picture
from telegram.rich import as_html
from telegram.standing import POLLER_MARK, Standing
from telegram.updates import ALLOWED_UPDATES, chat_of, id_in
from telegram.webhook import ask_info, remove, why_failed

log = logging.getLogger("bot")
POLL_S = 30  # how long Telegram holds a getUpdates that has nothing to give
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
MAX_SEND_S = 31.0  # of waiting to send one answer again; other chats wait with it
ANOTHER_POLLER = "Another poller takes this token's updates: only one may run, so stop the other one."
AnswerUpdate = Callable[[Mapping[str, Any]], Awaitable[Call | None]]
"""From an update to the one call that answers it."""
WEBHOOK_WAS_SET = "A webhook was set, so Telegram gives the updates to it; --delete-webhook brings them back here."


class Poller:
    """Long polling. An update is confirmed only after it was answered; n_at_once of them are taken at a time."""

    def __init__(
        self,
        answer: AnswerUpdate,
        api: TelegramAPI,
        n_at_once: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        standing: Standing | None = None,
    ) -> None:
        self._answer, self._api, self._n_at_once, self._sleep = answer, api, n_at_once, sleep
        self._standing = standing or Standing()
        self.stopped = asyncio.Event()
        self.offset = 0

    async def run(self, stopped: asyncio.Event) -> None:
        """Polls until stopped; what is at work then is finished and confirmed.

        Raises TelegramError when the token is refused, or a webhook was set.
        """
        self.stopped = stopped
        stopping = asyncio.ensure_future(stopped.wait())
        failures = 0
        try:
            while not stopped.is_set():
                taking = asyncio.ensure_future(self._take())
                await asyncio.wait([taking, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    taking.cancel()
                    break
                try:
                    updates = taking.result()
                except TelegramError as error:
                    await self._pause(error, failures)
                    failures += 1
                else:
                    failures, self._standing.hitch = 0, ""
                    await self.answer_all(updates)
            await self._confirm()
        finally:
            stopping.cancel()

    async def _take(self, timeout_s: int = POLL_S) -> list[dict[str, Any]]:
        """The updates that wait; this confirms all below the offset. Raises TelegramError."""
        params = {
            "offset": self.offset,
            "timeout": timeout_s,
            "limit": self._n_at_once,
            "allowed_updates": [*ALLOWED_UPDATES, POLLER_MARK],
        }
        updates = await self._api.call("getUpdates", params, timeout_s=timeout_s + 10.0)
        if not isinstance(updates, list):
            raise TelegramError("getUpdates", 502, "the answer is no list")
        return [update for update in updates if isinstance(update, dict)]

    async def _confirm(self) -> None:
        if self.offset:
            with suppress(TelegramError):  # then the last updates are delivered, and answered, once more
                await self._take(0)

    async def _pause(self, error: TelegramError, failures: int) -> None:
        """Waits as long as the error asks for, or a little longer after each failure."""
        if error.code in (401, 404) or is_of_a_webhook(error):
            raise error
        wait_s = min(error.retry_after_s or back_off(failures), MAX_RETRY_AFTER_S)
        self._standing.hitch = ANOTHER_POLLER if error.code == 409 else f"Telegram cannot be asked: {error}."
        log.warning("%s Polling again in %.0f s.", self._standing.hitch, wait_s)
        await self._sleep_unless_stopped(wait_s)

    async def _sleep_unless_stopped(self, seconds: float) -> None:
        tasks = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self.stopped.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def answer_all(self, updates: list[dict[str, Any]]) -> None:
        """Answers updates, each chat's in order and the chats side by side.

        Those before the first that is not answered, as we were stopped meanwhile, count as confirmed then.
        """
        by_chat: dict[object, list[dict[str, Any]]] = {}
        for update in updates:
            by_chat.setdefault(chat_of(update), []).append(update)
        left = await asyncio.gather(*(self._answer_in_order(chat) for chat in by_chat.values()))
        unanswered = [update_id for update_id in left if update_id is not None]
        done = [each for update in updates if (each := id_in(update.get("update_id"))) is not None]
        self.offset = min(unanswered) if unanswered else max(done, default=self.offset - 1) + 1

    async def _answer_in_order(self, updates: list[dict[str, Any]]) -> int | None:
        """The update_id of the first that is left unanswered; None when all are answered."""
        for update in updates:
            call = await self._answer(update)
            if call is not None and not await self.send(call):
                return id_in(update.get("update_id"))
        return None

    async def send(self, call: Call) -> bool:
        """Makes the call, again where that may help, for MAX_SEND_S. False when stopped before it was made.

        What Telegram refuses for good, or for too long, is given up and logged.
        """
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
                elif error.is_passing and waited_s + wait_s <= MAX_SEND_S:
                    log.warning("%s; sent again in %.0f s", error, wait_s)
                    await self._sleep_unless_stopped(wait_s)
                    waited_s, failures = waited_s + wait_s, failures + 1
                    is_uncertain = is_uncertain or error.was_sent
                    if self.stopped.is_set():
                        return False
                else:
                    if "message is not modified" not in error.description:
                        log.error("the answer could not be delivered: %s", error)
                    return True


def _split(call: Call) -> tuple[str, Call]:
    return str(call["method"]), {key: value for key, value in call.items() if key != "method"}


def is_of_a_webhook(error: TelegramError) -> bool:
    """Whether a 409 tells of a webhook; else it tells of another poller (Client.cpp: abort_long_poll)."""
    return error.code == 409 and "webhook" in error.description.lower()


def why_ended(error: TelegramError) -> str:
    """Why polling ended for good, and the way out."""
    return WEBHOOK_WAS_SET if is_of_a_webhook(error) else f"{why_failed(error)}."


def back_off(failures: int) -> float:
    return BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]


async def clear_webhook(api: TelegramAPI, delete: bool, stopped: asyncio.Event) -> bool:
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
            return True
        except TelegramError as error:
            if not error.is_passing:
                raise
            wait_s = min(error.retry_after_s or back_off(failures), MAX_RETRY_AFTER_S)
            failures += 1
            log.warning("%s; again in %.0f s", error, wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), wait_s)
    return False
