"""What does not travel in the answer to an update, but is sent by itself beside it.

Of what Telegram refuses in an answer nobody hears: what it may refuse has another form, which would never be sent.
"""

from __future__ import annotations

import logging

from telegram.api import TelegramAPI, TelegramError
from telegram.multipart import File
from telegram.replies import Call, is_about_the_picture, without_picture
from telegram.rich import as_html

log = logging.getLogger("bot")
TEXT_S = 3.0  # for Telegram to take it
PICTURE_S = 10.0  # it is some 50 kB on its way up; what takes longer may have been taken, so nothing else answers then


async def in_answer(api: TelegramAPI | None, call: Call) -> Call | None:
    """What of a call travels in the answer to its update: all where there is no API. A rich text, and a picture in a
    group, which may allow none, are sent now: then nothing is left, or what Telegram takes instead."""
    is_picture = _is_picture_in_a_group(call)
    if api is None or not ("rich_message" in call or is_picture):
        return call
    params = {name: value for name, value in call.items() if name != "method"}
    try:
        await api.call(call["method"], params, PICTURE_S if is_picture else TEXT_S)
    except TelegramError as error:
        if "message is not modified" in error.description:
            return None
        log.warning("%s", error)
        return None if error.was_sent else _instead(call, error)
    return None


def _is_picture_in_a_group(call: Call) -> bool:
    return isinstance(call.get("photo"), File) and call.get("chat_id", 0) < 0


def _instead(call: Call, error: TelegramError) -> Call:
    if error.migrate_to_chat_id is not None:
        call = {**call, "chat_id": error.migrate_to_chat_id}
    elif "photo" in call and error.code == 400 and is_about_the_picture(error.description):
        return without_picture(call)
    return as_html(call)
