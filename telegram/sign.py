"""The sign that a command is at work: "typing…" for a question, the spinner of a button."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from telegram.api import TelegramAPI, TelegramError
from telegram.replies import Call
from telegram.updates import Question

TYPING_AFTER_S = 0.7
TYPING_EVERY_S = 4.0  # Telegram shows it for 5
SIDE_CALL_S = 2.0  # "typing…" and the end of a button's spinner
SPINNER_S = 0.3  # that an edit waits for the spinner's end, which then comes beside it
_ending: set[asyncio.Task[None]] = set()  # kept from the garbage collector until they are done


class Sign:
    """ "typing…" when the answer to a message takes long. A button has its spinner, which Telegram itself shows."""

    def __init__(self, api: TelegramAPI | None, question: Question) -> None:
        self._api, self._question = api, question
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if api is not None and not question.is_button:
            self._timer = asyncio.get_running_loop().call_later(TYPING_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._show())

    async def _show(self) -> None:
        assert self._api is not None
        with suppress(TelegramError):  # a sign more or less: the answer does not depend on it
            params: Call = {"chat_id": self._question.chat_id, "action": "typing"}
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
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None  # it keeps how it ended, with the frame that has this sign


async def end_spinner(api: TelegramAPI | None, question: Question) -> None:
    """Ends a button's spinner, once its answer is there and about to leave.

    The edit travels in the webhook's answer, so the end of the spinner needs a call of its own; nothing can be done
    after the answer has left, as on Lambda the process freezes then. So the spinner ends a moment before the edit
    shows; where Telegram is slow, the edit goes ahead after SPINNER_S, and the spinner ends beside it.
    """
    if api is None or not question.is_button:
        return
    task = asyncio.ensure_future(_answer_callback(api, question.callback_id))
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    await asyncio.wait([task], timeout=SPINNER_S)


async def _answer_callback(api: TelegramAPI, callback_id: str) -> None:
    with suppress(TelegramError):
        await api.call("answerCallbackQuery", {"callback_query_id": callback_id}, timeout_s=SIDE_CALL_S)
