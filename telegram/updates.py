"""Reading updates. Whatever is not as documented is treated as not there."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from render.keyboards import APART

MAX_ARGUMENTS = 16
ALLOWED_UPDATES = ["message", "callback_query", "inline_query", "guest_message", "my_chat_member"]
MAX_DEPTH = 64  # of lists and objects in a rich message, which has 16 levels
SHOWN_PARTS = ("caption", "summary", "text", "cells", "blocks")  # of a RichBlock and a RichText
MAX_QUERY = 256  # characters, as Telegram has it
MAX_ID = 1 << 53  # Telegram's have at most 52 bits
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w*)?(?:\s+|$)")  # a name that is not finished is nobody's
_ADDRESSED = re.compile(r"/\w{1,32}@(\w+)")
_BETWEEN_WORDS = re.compile(r"[\s,;]+")
INACCESSIBLE = 0  # the date of a message that may not be edited any more (Bot API: InaccessibleMessage)


class Question(NamedTuple):
    """What an update asks: by whom, where, and the words. From a message, or from a button under one.

    user_id: None where nobody says which person it is. sender_chat_id: who speaks then, the group itself for its
    anonymous administrators, or a channel. Whoever presses a button is always told as a person.
    """

    update_id: int
    name: str  # of the command, without the slash; "" for a text that is none
    words: list[str]
    user_id: int | None
    chat_id: int
    is_private: bool
    is_button: bool
    message_id: int | None
    thread_id: int | None
    age_s: float
    callback_id: str = ""
    addressee: str = ""  # "ourbot" for /price@OurBot
    has_photo: bool = False  # of the message under which the button is
    shown: str | None = None  # its text, without markup
    markup: object = None  # its buttons
    typed: str = ""  # what stood behind the command, as it was typed
    inline_id: str = ""  # of a message that was sent by way of us, maybe into a chat that we are not in
    is_apart: bool = False  # a button's answer is a new message
    is_rich: bool = False  # the message under which the button is
    sender_chat_id: int | None = None

    @property
    def asker_id(self) -> int:
        """Whose commands and alerts are counted together."""
        return self.sender_chat_id or self.user_id or self.chat_id

    @property
    def is_the_group(self) -> bool:
        """Whether it is an administrator who asks, in the group's own name."""
        return not self.is_private and self.sender_chat_id == self.chat_id


class Query(NamedTuple):
    """What somebody types after our name in any chat; or, as a guest, asks us in a chat that we are not in."""

    update_id: int
    query_id: str
    user_id: int
    text: str
    is_guest: bool


def read_question(update: Mapping[str, Any], now: float) -> Question | None:
    """What a new text message or a pressed button asks; None for everything else.

    What a bot sent, or somebody by way of one, is no question: two bots that answer would talk for ever.
    """
    callback = _object(update.get("callback_query"))
    message = _object(callback.get("message")) if callback else _object(update.get("message"))
    chat, inline_id = _object(message.get("chat")), callback.get("inline_message_id")
    chat_id, text = id_in(chat.get("id")), callback.get("data") if callback else message.get("text")
    if isinstance(inline_id, str) and inline_id and not message:
        inline_id, chat_id = (
            _whole(inline_id),
            id_in(_object(callback.get("from")).get("id")),
        )  # of no chat that we know
    else:
        inline_id = ""
    if chat_id is None or not isinstance(text, str) or (not callback and _is_of_a_bot(message)):
        return None
    text, is_private = _whole(text), chat.get("type") == "private"
    is_apart = bool(callback) and (text.startswith(APART) or message.get("date") == INACCESSIBLE)
    text = text.removeprefix(APART) if callback else text.lstrip()
    name, words = _command(f"/{text}" if callback else text)
    if not name and not is_private and not callback:
        return None
    date = id_in(message.get("date"))
    callback_id = callback.get("id", "")
    if callback and not (isinstance(callback_id, str) and re.fullmatch(r"[!-~]{1,64}", callback_id)):
        return None
    return Question(
        update_id=id_in(update.get("update_id")) or 0,
        name=name,
        words=words,
        user_id=_person(callback or message),
        chat_id=chat_id,
        is_private=is_private,
        is_button=bool(callback),
        message_id=id_in(message.get("message_id")),
        thread_id=_topic(message),
        age_s=max(0.0, now - date) if date is not None and not callback else 0.0,
        callback_id=callback_id,
        addressee="" if callback else _addressee(text),
        has_photo=bool(callback and message.get("photo")),
        shown=_text(message) if callback else None,
        markup=message.get("reply_markup") if callback else None,
        typed=" ".join(text.split(maxsplit=1)[1:]).strip(),
        inline_id=inline_id,
        is_apart=is_apart,
        is_rich=bool(callback and message.get("rich_message")),
        sender_chat_id=None if callback else _speaking_chat(message),
    )


def _person(said: Mapping[str, Any]) -> int | None:
    """Who wrote or pressed. Where a chat speaks, "from" is a bot of Telegram's own, the same for all such chats."""
    return None if said.get("sender_chat") else id_in(_object(said.get("from")).get("id"))


def _speaking_chat(message: Mapping[str, Any]) -> int | None:
    """In whose name a message is written, where that is no person: groups and channels have ids below zero."""
    chat_id = id_in(_object(message.get("sender_chat")).get("id"))
    return chat_id if chat_id is not None and chat_id < 0 else None


def _is_of_a_bot(message: Mapping[str, Any]) -> bool:
    """Of one that speaks for itself: where a chat or channel speaks, Telegram names a bot of its own as the sender."""
    is_bots_own = _object(message.get("from")).get("is_bot") is True and not message.get("sender_chat")
    return is_bots_own or bool(message.get("via_bot"))


def _text(message: Mapping[str, Any]) -> str | None:
    """A message's text; of a rich one, that of its blocks."""
    if message.get("rich_message"):
        return "".join(_texts(_object(message["rich_message"]).get("blocks")))
    text = message.get("text")
    return _whole(text) if isinstance(text, str) else None


def _whole(text: str) -> str:
    """Without half characters (lone surrogates), of which no UTF-8 can be made.

    No wire brings them, as orjson refuses them however they are spelt; but updates are also handed in.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _texts(of: object, depth: int = 0) -> list[str]:
    """The texts in a RichBlock or RichText, in the order in which they are shown."""
    if isinstance(of, str):
        return [of]
    if depth > MAX_DEPTH:
        return []
    if isinstance(of, list):
        return [text for each in of for text in _texts(each, depth + 1)]
    return [text for name in SHOWN_PARTS for text in _texts(_object(of).get(name, []), depth + 1)]


def read_query(update: Mapping[str, Any]) -> Query | None:
    """An inline query, or a guest's message without our name; None for everything else.

    Of a guest's message it is the caller who counts, whoever wrote what he calls us to.
    """
    inline, guest = _object(update.get("inline_query")), _object(update.get("guest_message"))
    if not inline and not guest:
        return None
    if inline:
        query_id, text, user_id = inline.get("id"), inline.get("query"), _person(inline)
    else:
        query_id, text = guest.get("guest_query_id"), guest.get("text")
        caller = _object(guest.get("guest_bot_caller_user"))
        user_id = id_in(caller.get("id")) if caller else _person(guest)
    if user_id is None or not isinstance(query_id, str) or not query_id or not isinstance(text, str):
        return None
    query_id, text = _whole(query_id), _whole(text[:MAX_QUERY])
    words = re.sub(r"@\w+", " ", text).strip().lstrip("/")
    return Query(id_in(update.get("update_id")) or 0, query_id, user_id, words, not inline)


def _topic(message: Mapping[str, Any]) -> int | None:
    """The forum topic a message is in. The General topic, 1, is answered without its number (Bot API: sendMessage)."""
    thread_id = id_in(message.get("message_thread_id")) if message.get("is_topic_message") is True else None
    return thread_id if thread_id != 1 else None


def _command(text: str) -> tuple[str, list[str]]:
    """("price", ["BTC", "ETH"]) for "/price@OurBot BTC, ETH"; ("", its words) for a text that is no command."""
    found = _COMMAND.match(text)
    rest = text if found is None else text[found.end() :]
    words = _BETWEEN_WORDS.split(rest.strip(), maxsplit=MAX_ARGUMENTS)
    name = "" if found is None else found[1].lower()
    return name, [word for word in words[:MAX_ARGUMENTS] if word]


def _addressee(text: str) -> str:
    found = _ADDRESSED.match(text)
    return found[1].lower() if found else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def id_in(value: object) -> int | None:
    """An id or a time."""
    return value if type(value) is int and -MAX_ID < value < MAX_ID else None  # and no bool


class ChatStanding(NamedTuple):
    """Whether the bot may write to a chat; of a person, whether it was not stopped."""

    chat_id: int
    is_there: bool


def read_standing(update: Mapping[str, Any]) -> ChatStanding | None:
    """What has become of the bot in a chat; None for an update that tells nothing of it."""
    change = _object(update.get("my_chat_member"))
    if not change:
        return None
    chat_id = id_in(_object(change.get("chat")).get("id"))
    member = _object(change.get("new_chat_member"))
    status = member.get("status")
    if chat_id is None or not isinstance(status, str):
        return None
    is_there = status in ("member", "administrator", "creator") or (
        status == "restricted" and member.get("is_member") is True and member.get("can_send_messages") is not False
    )
    return ChatStanding(chat_id, is_there)


class ChatMove(NamedTuple):
    """A group that became a supergroup, by both of its ids."""

    old_id: int
    new_id: int


def read_move(update: Mapping[str, Any]) -> ChatMove | None:
    """What a group's own service message tells of its other id; None for everything else.

    Telegram says it in the old chat and in the new one. What is quoted or pinned in a message is not looked at.
    """
    message = _object(update.get("message"))
    chat = _object(message.get("chat"))
    name = {"group": "migrate_to_chat_id", "supergroup": "migrate_from_chat_id"}.get(str(chat.get("type")), "")
    here, there = id_in(chat.get("id")), id_in(message.get(name))
    if here is None or there is None or not (here < 0 and there < 0 and here != there):
        return None
    return ChatMove(here, there) if name == "migrate_to_chat_id" else ChatMove(there, here)


def chat_of(update: Mapping[str, Any]) -> object:
    """What Telegram keeps in order: a chat's messages; each user's buttons; each user's queries."""
    if (query := read_query(update)) is not None:
        return "query", query.user_id
    callback = _object(update.get("callback_query"))
    if callback:
        return "user", id_in(_object(callback.get("from")).get("id"))
    message = _object(update.get("message") or update.get("my_chat_member"))
    return "chat", id_in(_object(message.get("chat")).get("id"))
