"""The sign that a command is at work."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from telegram.api import TelegramAPI, TelegramError
from telegram.replies import Call
from telegram.updates import Question

TYPING_AFTER_S = 0.7
TYPING_EVERY_S = 4.0  # Telegram shows it for 5
SIDE_CALL_S = 2.0  # "typing…" and the end of a button's spinner


class Sign:
    """The sign that a command is at work: "typing…" when it takes long; for a button, the end of its spinner."""

    def __init__(self, api: TelegramAPI | None, question: Question) -> None:
        self._api, self._question = api, question
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if api is None:
            return
        if question.is_button:
            self._begin()
        else:
            self._timer = asyncio.get_running_loop().call_later(TYPING_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._show())

    async def _show(self) -> None:
        assert self._api is not None
        with suppress(TelegramError):  # a sign more or less: the answer does not depend on it
            if self._question.is_button:
                params: Call = {"callback_query_id": self._question.callback_id}
                await self._api.call("answerCallbackQuery", params, timeout_s=SIDE_CALL_S)
                return
            params = {"chat_id": self._question.chat_id, "action": "typing"}
            if self._question.thread_id is not None:
                params["message_thread_id"] = self._question.thread_id
            while True:
                await self._api.call("sendChatAction", params, timeout_s=SIDE_CALL_S)
                await asyncio.sleep(TYPING_EVERY_S)

    async def end(self) -> None:
        """Leaves nothing running: on Lambda whatever still ran would freeze."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            if not self._question.is_button:
                self._task.cancel()
            await asyncio.wait([self._task])
