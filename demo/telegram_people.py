"""People who write to a bot, the chats they write in, and the messages that stand there.

What people can do is what a test or the chat page makes them do; each of it becomes an update.
Source: Bot API 10.3: Update, Message, CallbackQuery, InlineQuery, ChatMemberUpdated.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from demo.pictures import Picture
from demo.telegram_delivery import Delivery
from demo.telegram_html import Parsed, as_page
from demo.telegram_inline import Cache, Content, Query, content_of

MAX_KEPT = 5000  # messages, and of each kind of query
MAX_PICTURES = 100
ELSEWHERE = -5001  # a chat that the bot is not in


K = TypeVar("K")
V = TypeVar("V")


class Kept(dict[K, V]):
    """A dict of the last MAX_KEPT that were put into it."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > MAX_KEPT:
            del self[next(iter(self))]


class Message:
    """A message as it stands in a chat now. text: of a picture its caption. markup: its keyboard."""

    def __init__(self, chat_id: int, message_id: int, of_bot: bool, raw: str, parsed: Parsed, markup: Any) -> None:
        self.chat_id, self.message_id, self.of_bot = chat_id, message_id, of_bot
        self.raw, self.text, self.page, self.markup = raw, parsed.text, parsed.page, markup
        self.thread_id: int | None = None
        self.file_id = ""  # of its picture
        self.inline_id = ""  # of a message that was sent by way of the bot
        self.user_id = 0  # who wrote it; 0 for the bot
        self.reply_to: int | None = None
        self.preview_url = ""
        self.blocks: list[dict[str, Any]] = []  # of a rich message, which has no text of its own
        self.is_edited = False
        self.time_s = time.time()

    @property
    def shown(self) -> tuple[str, str, str]:
        """What an edit has to change at least."""
        return self.page, self.file_id, json.dumps(self.markup, sort_keys=True)


class People(Delivery):
    """Chats and people, for one bot.

    What tests may switch on: `blocked` (users), `kicked` (groups), `migrated` (old to new chat),
    `closed_topics`, `elsewhere` (chats that the bot is not in), `strangers_first` (a private chat
    has to be begun by the user), `inline_feedback` (BotFather's /setinlinefeedback).
    """

    def __init__(self, token: str, username: str, back_off_s: float, clock: Callable[[], float]) -> None:
        super().__init__(back_off_s, clock)
        self.dates = clock  # what dates are told by; how long something lives is counted by `clock` always
        self.token, self.username = token, username
        self.messages: Kept[tuple[int, int], Message] = Kept()
        self.pictures: dict[str, Picture] = {}  # by file_id
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None
        self.blocked: set[int] = set()
        self.kicked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.closed_topics: set[tuple[int, int]] = set()
        self.elsewhere: set[int] = {ELSEWHERE}
        self.strangers_first = False
        self.inline_feedback = False
        self.names: dict[int, str] = {}  # of users and groups
        self.forums: set[int] = set()
        self._next_message_id = 1
        self._ids = itertools.count(4_900_000_001)
        self._callbacks: Kept[str, float] = Kept()
        self._queries: Kept[str, Query] = Kept()
        self._guests: Kept[str, Query] = Kept()
        self._offered: deque[tuple[str, list[dict[str, Any]]]] = deque(maxlen=50)  # answered queries and their results
        self._inline: Kept[str, Message] = Kept()
        self._cache = Cache()

    @property
    def me(self) -> dict[str, Any]:
        """The bot as a user."""
        bot_id = int(self.token.partition(":")[0])
        modes = {"supports_inline_queries": True, "supports_guest_queries": True, "can_join_groups": True}
        return {"id": bot_id, "is_bot": True, "first_name": "Demo", "username": self.username, **modes}

    # What people do.

    def send(self, text: str, chat_id: int = 1001, user_id: int | None = None, **fields: Any) -> int:
        """A person writes; the update_id. Chats below zero are groups. fields go into the message as they are."""
        user_id = user_id if user_id is not None else abs(chat_id)
        message = self.say(text, chat_id, user_id, fields.get("message_thread_id"))
        return self._push(("chat", chat_id), {"message": self._said(message) | fields})

    def say(self, text: str, chat_id: int, user_id: int, thread_id: int | None = None) -> Message:
        """A person writes what the bot does not hear."""
        message = self._new_message(chat_id, text, Parsed(text, as_page(text)), None)
        message.user_id, message.thread_id = user_id, thread_id
        self._tell("message", message)
        return message

    def reply_fields(self, chat_id: int, message_id: int) -> dict[str, Any]:
        """What `send` needs for a reply to a message; nothing when it is gone."""
        message = self.messages.get((chat_id, message_id))
        return {"reply_to_message": self.result_of(message)} if message is not None else {}

    def edit(self, chat_id: int, message_id: int, text: str) -> int:
        """A person changes a message; the update_id."""
        message = self.messages[chat_id, message_id]
        message.raw, message.text, message.page, message.is_edited = text, text, as_page(text), True
        self._tell("edit", message)
        said = self._said(message) | {"edit_date": int(self.dates())}
        return self._push(("chat", chat_id), {"edited_message": said})

    def press(self, chat_id: int, message_id: int, data: str, user_id: int | None = None) -> int:
        """A person presses a button; the update_id. A message that is gone is told of by its ids and date 0."""
        user_id = user_id if user_id is not None else abs(chat_id)
        message = self.messages.get((chat_id, message_id))
        shown: dict[str, Any] = {"message_id": message_id, "chat": self._chat(chat_id), "date": 0}
        if message is not None and message.inline_id:
            return self._press({"inline_message_id": message.inline_id}, data, user_id)
        return self._press({"message": shown if message is None else self.result_of(message)}, data, user_id)

    def _press(self, where: dict[str, Any], data: str, user_id: int) -> int:
        callback_id = str(next(self._ids))
        self._callbacks[callback_id] = self.clock()
        callback = {"id": callback_id, "from": self._user(user_id), **where, "chat_instance": "1", "data": data}
        return self._push(("user", user_id), {"callback_query": callback})

    def ask_inline(self, text: str, user_id: int = 1001, chat_id: int = 1001, offset: str = "") -> str:
        """A person types "@bot text" in a chat; the query's id. What Telegram still has it answers by itself."""
        query_id = str(next(self._ids))
        query = Query(query_id, user_id, chat_id, text, offset, self.clock())
        self._queries[query_id] = query
        if answer := self._cache.find(user_id, text, offset, self.clock()):
            self._offer(query, answer)
            return query_id
        where = "sender" if chat_id == user_id else "private" if chat_id > 0 else "supergroup"
        asked = {"id": query_id, "from": self._user(user_id), "query": text, "offset": offset, "chat_type": where}
        self._push(("inline", user_id), {"inline_query": asked})
        return query_id

    def offered(self, query_id: str) -> list[dict[str, Any]] | None:
        """The results that the bot has answered with; None before."""
        return next((results for asked, results in self._offered if asked == query_id), None)

    def choose(self, query_id: str, result_id: str) -> Message:
        """A person takes a result, which is posted by way of the bot; a bot that is in that chat hears of it."""
        query, results = self._queries[query_id], self.offered(query_id)
        assert results is not None, "the bot has not answered"
        content = content_of(next(each for each in results if each["id"] == result_id))
        message = self._post(query.chat_id, content)
        message.user_id = query.user_id
        self._tell("message", message)
        if self.inline_feedback:
            chosen: dict[str, Any] = {"result_id": result_id, "from": self._user(query.user_id), "query": query.text}
            if content.markup:
                chosen["inline_message_id"] = message.inline_id
            self._push(("chosen", query.user_id), {"chosen_inline_result": chosen})
        if query.chat_id == query.user_id or (query.chat_id < 0 and query.chat_id not in self.elsewhere):
            via = {"via_bot": self.me}
            self._push(("chat", query.chat_id), {"message": self._said(message) | via})
        return message

    def mention(self, text: str, chat_id: int = ELSEWHERE, user_id: int = 1001) -> int:
        """A person names the bot in a chat that it is not in: a guest message; the update_id."""
        message, query_id = self.say(text, chat_id, user_id), str(next(self._ids))
        self._guests[query_id] = Query(query_id, user_id, chat_id, text, "", self.clock())
        said = self._said(message) | {"guest_query_id": query_id}
        return self._push(("chat", chat_id), {"guest_message": said})

    def stop(self, chat_id: int, user_id: int | None = None) -> int:
        """A user blocks the bot, or removes it from a group; the update_id."""
        (self.blocked if chat_id > 0 else self.kicked).add(chat_id)
        return self._membership(chat_id, user_id or abs(chat_id), "member", "kicked")

    def resume(self, chat_id: int, user_id: int | None = None) -> int:
        """They have it back; the update_id."""
        self.blocked.discard(chat_id)
        self.kicked.discard(chat_id)
        return self._membership(chat_id, user_id or abs(chat_id), "kicked", "member")

    def migrate(self, chat_id: int) -> int:
        """A group becomes a supergroup; its new id. Both chats hear of it."""
        new_id = self.migrated[chat_id] = -1_000_000_000_000 - abs(chat_id)
        for told, field, other in ((chat_id, "migrate_to_chat_id", new_id), (new_id, "migrate_from_chat_id", chat_id)):
            message = self._said(self._new_message(told, "", Parsed("", ""), None)) | {field: other}
            del message["text"]
            self._push(("chat", told), {"message": message})
        return new_id

    def _membership(self, chat_id: int, user_id: int, old: str, new: str) -> int:
        def member(status: str) -> dict[str, Any]:
            return {"user": self.me, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        changed = {"chat": self._chat(chat_id), "from": self._user(user_id), "date": int(self.dates())}
        changed |= {"old_chat_member": member(old), "new_chat_member": member(new)}
        return self._push(("member", chat_id), {"my_chat_member": changed})

    # Messages.

    def _new_message(self, chat_id: int, raw: str, parsed: Parsed, markup: Any, *, of_bot: bool = False) -> Message:
        message = Message(chat_id, self._next_message_id, of_bot, raw, parsed, markup)
        self._next_message_id += 1
        message.time_s = self.dates()
        self.messages[chat_id, message.message_id] = message
        return message

    def _post(self, chat_id: int, content: Content) -> Message:
        """A message that is sent by way of the bot, into a chat that the bot may not know."""
        message = self._new_message(chat_id, content.raw, content.parsed, content.markup)
        message.preview_url = content.photo_url
        message.inline_id = f"AAInline{next(self._ids)}"
        self._inline[message.inline_id] = message
        return message

    def _said(self, message: Message) -> dict[str, Any]:
        """A person's message as it stands in an update."""
        said: dict[str, Any] = {
            "message_id": message.message_id,
            "from": self._user(message.user_id or abs(message.chat_id)),
            "chat": self._chat(message.chat_id),
            "date": int(message.time_s),
            "text": message.text,
        }
        command = re.match(r"/\w+(@\w+)?", message.text)
        if command:
            said["entities"] = [{"offset": 0, "length": command.end(), "type": "bot_command"}]
        if message.thread_id is not None:
            said |= {"message_thread_id": message.thread_id, "is_topic_message": True}
        return said

    def result_of(self, message: Message) -> dict[str, Any]:
        """A message as a call's result has it."""
        result: dict[str, Any] = {
            "message_id": message.message_id,
            "from": self.me if message.of_bot else self._user(message.user_id),
            "chat": self._chat(message.chat_id),
            "date": int(message.time_s),
        }
        if message.thread_id is not None:
            result |= {"message_thread_id": message.thread_id, "is_topic_message": True}
        if message.is_edited:
            result["edit_date"] = int(self.dates())
        if message.markup and "inline_keyboard" in message.markup:
            result["reply_markup"] = message.markup
        if message.blocks:
            return result | {"rich_message": {"blocks": message.blocks}}
        if not message.file_id:
            return result | {"text": message.text}
        picture = self.pictures[message.file_id]
        size = {"file_id": message.file_id, "file_unique_id": message.file_id[-8:], "file_size": len(picture.content)}
        result["photo"] = [size | {"width": picture.width, "height": picture.height}]
        return result | ({"caption": message.text} if message.text else {})

    def _keep_picture(self, picture: Picture) -> str:
        """Its file_id; the same for the same picture."""
        for file_id, known in self.pictures.items():
            if known == picture:
                return file_id
        file_id = f"AgACPhoto{next(self._ids)}"
        self.pictures[file_id] = picture
        while len(self.pictures) > MAX_PICTURES:
            self.pictures.pop(next(iter(self.pictures)))
        return file_id

    def _user(self, user_id: int) -> dict[str, Any]:
        return {"id": user_id, "is_bot": False, "first_name": self.names.get(user_id, "Ada"), "language_code": "en"}

    def _chat(self, chat_id: int) -> dict[str, Any]:
        if chat_id > 0:
            return {"id": chat_id, "first_name": self.names.get(chat_id, "Ada"), "type": "private"}
        kind = "group" if chat_id in self.migrated else "supergroup"
        chat = {"id": chat_id, "title": self.names.get(chat_id, "Traders"), "type": kind}
        return chat | ({"is_forum": True} if chat_id in self.forums else {})

    # For those who look on.

    def _tell(self, kind: str, message: Message) -> None:
        self.on_event(
            {
                "kind": kind,
                "chat_id": message.chat_id,
                "message_id": message.message_id,
                "of_bot": message.of_bot,
                "user_id": message.user_id,
                "via_bot": bool(message.inline_id) and not message.of_bot,
                "thread_id": message.thread_id,
                "reply_to": message.reply_to,
                "html": message.page,
                "photo": f"/chat/photo/{message.file_id}" if message.file_id else "",
                "preview_url": message.preview_url,
                "sides": self.pictures[message.file_id][2:] if message.file_id else (),
                "keyboard": (message.markup or {}).get("inline_keyboard", []),
                "reply_markup": message.markup if message.markup and "inline_keyboard" not in message.markup else None,
                "time": time.strftime("%H:%M", time.localtime(message.time_s)),
            }
        )

    def _offer(self, query: Query, answer: dict[str, Any]) -> None:
        self._offered.append((query.query_id, answer["results"]))
        results = [
            {name: str(each.get(name) or "") for name in ("id", "type", "title", "description", "thumbnail_url")}
            for each in answer["results"]
        ]
        shown = {"results": results, "button": answer.get("button"), "next_offset": answer.get("next_offset") or ""}
        self.on_event(
            {"kind": "inline", "chat_id": query.chat_id, "query_id": query.query_id, "query": query.text, **shown}
        )
