"""How the bot looks before anybody has asked: its descriptions, and the menu of commands by scope."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from render.sentences import exchange_name
from settings import Settings
from telegram.api import TelegramAPI, TelegramError

log = logging.getLogger("bot")
Menu = list[dict[str, str]]
"""Commands as setMyCommands takes them."""
MAX_CHATS = 20  # that have a menu of their own


class Introduction(NamedTuple):
    """menu: for everybody. listed_menu: for those who are listed by id, in their private chats: it has more.

    description: what an empty chat shows. short_description: what is shown beside the bot's name.
    """

    menu: Menu
    listed_menu: Menu
    listed: tuple[int, ...]
    description: str
    short_description: str


async def introduce_to(api: TelegramAPI, introduction: Introduction) -> None:
    """Brings what people see before the first question to what it should be; what is so already is left alone.

    Raises TelegramError. A listed user who has never written has no chat yet, and gets the menu at a later start.
    """
    for scope, menu in _menus(introduction):
        try:
            await _set_menu(api, scope, menu)
        except TelegramError as error:
            if "chat_id" not in scope or error.is_passing:
                raise
            log.info("no menu of their own for a listed user: %s", error)
    await _set_text(api, "Description", "description", introduction.description)
    await _set_text(api, "ShortDescription", "short_description", introduction.short_description)


async def introduce_or_warn(api: TelegramAPI, how: Introduction) -> None:
    """Menus and descriptions, at a start; without them all works as well."""
    try:
        await introduce_to(api, how)
    except TelegramError as error:
        log.warning("menus and descriptions are left as they were: %s", error)


def _menus(introduction: Introduction) -> Iterator[tuple[Mapping[str, object], Menu]]:
    """Each scope and its menu; {} is the default, for clients that ask for no other.

    What is set for all private chats or all groups stands before the default, so that is set too: otherwise a menu that
    was left there, by another bot of the same token or at BotFather, would be shown for ever.
    """
    yield {}, introduction.menu
    for scope in ("all_private_chats", "all_group_chats"):
        yield {"type": scope}, introduction.menu
    for user_id in introduction.listed[:MAX_CHATS]:
        yield {"type": "chat", "chat_id": user_id}, introduction.listed_menu


async def _set_menu(api: TelegramAPI, scope: Mapping[str, object], menu: Menu) -> None:
    of: dict[str, Any] = {"scope": dict(scope)} if scope else {}
    if await api.call("getMyCommands", of) != menu:
        await api.call("setMyCommands", {"commands": menu, **of})
        log.info("the command menu is set, for %s", scope.get("type", "all"))


async def _set_text(api: TelegramAPI, method: str, name: str, text: str) -> None:
    told = await api.call(f"getMy{method}")
    if not isinstance(told, dict) or told.get(name) != text:
        await api.call(f"setMy{method}", {name: text})
        log.info("the %s is set", name.replace("_", " "))


def introduction_of(settings: Settings, for_all: Menu, for_listed: Menu) -> Introduction:
    """What people see before they ask; the longer menu is of the users who are listed by id."""
    n = len(settings.exchanges)
    from_where = f"from {n} exchanges" if n > 1 else f"from {exchange_name(settings.exchanges[0])}"
    return Introduction(
        for_all,
        for_listed,
        tuple(sorted(each for each in settings.allowed_ids if each > 0)),
        f"Prices, open interest, funding, volume and charts of crypto markets, straight {from_where}.\n\n"
        "Press Start, then type a coin: btc, eth, sol.",
        f"Crypto markets {from_where}: type a coin.",
    )
