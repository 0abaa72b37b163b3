"""The JSON API of alerts: list, create, delete. Whoever has the key acts for the owner, in chats that are listed."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from answers import alert
from answers.alert import Fields, Wish, fields_of
from answers.asked import Asker, Misread, Tools
from answers.hearing import why_it_rests
from store.words import StoreError


class Asked(NamedTuple):
    """chat_id: None for the owner's. condition: as it is typed after /alert. alert_id: of the one that goes."""

    chat_id: int | None = None
    condition: str = ""
    alert_id: str = ""


class Standing(Fields):
    rests: str | None


class Listed(TypedDict):
    alerts: list[Standing]


class Deleted(TypedDict):
    id: str
    deleted: bool


def chat_in(tools: Tools, chat_id: int | None) -> int:
    """The chat that is meant. Raises Misread for one that is not listed."""
    allowed = tools.settings.allowed_ids
    if chat_id is None:
        return owner_of(tools)
    if chat_id not in allowed:
        raise Misread("chat_id should be one of TELEGRAM_CHAT_ID.")
    return chat_id


def owner_of(tools: Tools) -> int:
    """The first user that is listed. Raises Misread where none is."""
    owner_id = tools.settings.owner_id
    if owner_id is None:
        raise Misread("TELEGRAM_CHAT_ID lists no user, so there is nobody to tell.")
    return owner_id


async def ask_list(tools: Tools, asked: Asked) -> Listed:
    """Armed and paused ones of a chat. Raises Misread."""
    try:
        alerts = await tools.memory.alerts_of_chat(chat_in(tools, asked.chat_id))
    except StoreError as error:
        raise Misread(error.sentence) from error
    return {"alerts": [{**fields_of(each), "rests": why_it_rests(tools.settings, each) or None} for each in alerts]}


async def ask_create(tools: Tools, asked: Asked) -> Fields:
    """Raises Misread, NotASymbol, NotListed, NoAnswer."""
    chat_id, user_id = chat_in(tools, asked.chat_id), owner_of(tools)
    who = Asker(chat_id, None, user_id, None, chat_id == user_id, is_listed=True, text=asked.condition)
    told = await alert.ask(tools._replace(asker=who), Wish("set", asked.condition))
    if told.alert is None:
        raise Misread(f"{told.question} Say one of: {'; '.join(told.choices)}.")
    return fields_of(told.alert)


async def ask_delete(tools: Tools, asked: Asked) -> Deleted:
    """deleted: false where there was none, so that it may be said twice. Raises Misread."""
    try:
        found = await tools.memory.alert(asked.alert_id)
        is_ours = found is not None and found.chat_id in tools.settings.allowed_ids
        is_deleted = is_ours and await tools.memory.delete_alert(asked.alert_id)
    except StoreError as error:
        raise Misread(error.sentence) from error
    return {"id": asked.alert_id, "deleted": is_deleted}
