"""Telegram as a bot meets it: the Bot API, and the people who write to the bot.

A strict one: what Telegram refuses is refused here, in its words where they are known. How
updates reach the bot is `telegram_delivery.py`, what a call may hold `telegram_rules.py`, inline
and guest mode `telegram_inline.py`, the page for people `chat_page.py`.
Source: tdlib/telegram-bot-api Client.cpp; Bot API 10.3.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from demo.multipart import File, Malformed, read_form
from demo.telegram_delivery import IGNORED_IN_AN_ANSWER, shown_call
from demo.telegram_html import Parsed
from demo.telegram_inline import INLINE_S, content_of, results_of
from demo.telegram_limits import ChatLimits
from demo.telegram_people import Message, People
from demo.telegram_rich import rich_of
from demo.telegram_rules import (
    NOT_MODIFIED,
    TOO_OLD,
    Refused,
    bad,
    caption_of,
    chat_id_of,
    commands_of,
    markup_of,
    picture_of,
    preview_of,
    scope_of,
    text_of,
    typed,
)
from demo.web import Asked, Reply, in_json

MAX_CALLS = 20_000  # that are remembered
CALLBACK_S = 150.0
EDIT_S = 48 * 3600.0  # in which a bot may delete what it wrote

__all__ = ["Message", "Refused", "Telegram"]


class Telegram(People):
    """The server, for one bot.

    Besides what `People` has, tests may switch on: `fail_next` (the next calls are refused with
    these) and `limits` (how often a bot may write).
    """

    def __init__(
        self,
        token: str,
        username: str = "DemoMarketBot",
        back_off_s: float = 2.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(token, username, back_off_s, clock)
        self.menus: dict[tuple[str, int, int, str], list[dict[str, str]]] = {}
        self.texts: dict[str, str] = {}  # "description", "short_description"
        self.calls: list[tuple[str, dict[str, Any]]] = []  # every call made or answered with, in order
        self.lost: list[str] = []  # errors of calls made inside a webhook's answer: nobody hears them
        self.on_call: Callable[[str, str], None] = lambda method, shown: None
        self.fail_next: list[Refused] = []
        self.limits: ChatLimits | None = None

    @property
    def commands(self) -> list[dict[str, str]]:
        """The menu that holds where no other does."""
        return self.menus.get(("default", 0, 0, ""), [])

    # The Bot API.

    async def handle(self, asked: Asked) -> Reply:
        """A Bot API call."""
        found = re.fullmatch(r"/bot([^/]+)/(\w+)", asked.path)
        if found is None:
            return in_json({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        try:
            if found[1] != self.token:
                raise Refused(401, "Unauthorized")
            params = dict(asked.query) | _params_in(asked)
            self.on_call(found[2], shown_call(params))
            is_poll = found[2].lower() == "getupdates"
            result = await self.get_updates(params) if is_poll else self.execute(found[2], params)
        except Refused as error:
            answer: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
            if error.parameters:
                answer["parameters"] = error.parameters
            wait_s = error.parameters.get("retry_after")
            return in_json(answer, error.code, () if wait_s is None else (("Retry-After", str(wait_s)),))
        return in_json({"ok": True, "result": result})

    def execute(self, method: str, params: dict[str, Any]) -> Any:
        """Carries out a call; a parameter may be a File. Raises Refused."""
        params = self._take_note(method, params)
        actions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getme": lambda params: self.me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "setmycommands": self._set_my_commands,
            "getmycommands": lambda params: self.menus.get(scope_of(params), []),
            "deletemycommands": lambda params: self.menus.pop(scope_of(params), None) is not None or True,
            "setmydescription": lambda params: self._set_text("description", params, 512),
            "getmydescription": lambda params: {"description": self.texts.get("description", "")},
            "setmyshortdescription": lambda params: self._set_text("short_description", params, 120),
            "getmyshortdescription": lambda params: {"short_description": self.texts.get("short_description", "")},
            "sendmessage": self._send_message,
            "sendrichmessage": self._send_rich_message,
            "sendphoto": self._send_photo,
            "editmessagetext": self._edit_message_text,
            "editmessagecaption": self._edit_message_caption,
            "editmessagemedia": self._edit_message_media,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_callback_query,
            "answerinlinequery": self._answer_inline_query,
            "answerguestquery": self._answer_guest_query,
            "sendchataction": self._send_chat_action,
        }
        action = actions.get(method.lower())
        if action is None:
            raise Refused(404, "Not Found")
        return action(params)

    async def get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Long polling. Raises Refused."""
        return await super().get_updates(self._take_note("getUpdates", params))

    def _take_note(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Remembers a call, and refuses it if a test wants it so; the parameters with their types."""
        params = typed(params)
        self.calls.append((method, params))
        del self.calls[:-MAX_CALLS], self.lost[:-MAX_CALLS]
        if self.fail_next:
            raise self.fail_next.pop(0)
        return params

    def _execute_quietly(self, method: str, params: dict[str, Any]) -> None:
        if method.lower().startswith("get") or method.lower() in IGNORED_IN_AN_ANSWER:
            return
        try:
            self.execute(method, params)
        except Refused as error:
            self.lost.append(f"{method}: {error.description}")
            self.on_event({"kind": "lost", "chat_id": params.get("chat_id"), "text": self.lost[-1]})

    # About the bot itself.

    def _set_webhook(self, params: dict[str, Any]) -> bool:
        url = str(params.get("url", ""))
        if not url:
            return self._delete_webhook(params)
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", url):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        secret = str(params.get("secret_token") or "")
        if len(secret) > 256:
            raise bad("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise bad("secret token contains unallowed characters")
        self.webhook = dict(params)
        if isinstance(params.get("allowed_updates"), list):
            self.allowed_updates = params["allowed_updates"]
        self._last_error = None
        self._limit_deliveries(int(params.get("max_connections", 40)))
        if params.get("drop_pending_updates"):
            self._queues.clear()
        self._end_poll()
        self._start_deliveries()
        return True

    def _delete_webhook(self, params: dict[str, Any]) -> bool:
        self.webhook = {"url": ""}
        self._last_error = None
        if params.get("drop_pending_updates"):
            self._queues.clear()
        return True

    def _get_webhook_info(self, params: dict[str, Any]) -> dict[str, Any]:
        public = ("url", "max_connections")
        shown = {key: value for key, value in self.webhook.items() if key in public}
        info = {**shown, "has_custom_certificate": False, "pending_update_count": self.n_pending}
        if self.allowed_updates:  # as asked for last, by webhook or polling
            info["allowed_updates"] = self.allowed_updates
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    def _set_my_commands(self, params: dict[str, Any]) -> bool:
        self.menus[scope_of(params)] = commands_of(params)
        return True

    def menu_in(
        self, chat_id: int, user_id: int, language: str = "", *, is_admin: bool = False
    ) -> list[dict[str, str]]:
        """The commands that a user sees in a chat: the first menu there is, from the narrowest scope on, each in the
        user's language before the one for all (Bot API, "Determining list of commands")."""
        if chat_id > 0:
            scopes = [("chat", chat_id, 0), ("all_private_chats", 0, 0)]
        else:
            of_admins = [("chat_administrators", chat_id, 0)], [("all_chat_administrators", 0, 0)]
            here, anywhere = of_admins if is_admin else ([], [])
            scopes = [("chat_member", chat_id, user_id), *here, ("chat", chat_id, 0), *anywhere]
            scopes.append(("all_group_chats", 0, 0))
        keys = [(*scope, of) for scope in [*scopes, ("default", 0, 0)] for of in dict.fromkeys((language, ""))]
        return next((self.menus[key] for key in keys if key in self.menus), [])

    def _set_text(self, name: str, params: dict[str, Any], max_length: int) -> bool:
        text = str(params.get(name) or "")
        if len(text) > max_length:
            raise bad(f"{'ABOUT' if name == 'short_description' else 'DESCRIPTION'}_TOO_LONG")
        self.texts[name] = text
        return True

    # Messages that the bot sends.

    def _send_message(self, params: dict[str, Any]) -> dict[str, Any]:
        chat_id, parsed = chat_id_of(params), text_of(params)
        markup = markup_of(params, is_inline=False)
        self._check_reachable(chat_id, params)
        message = self._new_message(chat_id, params["text"], parsed, markup, of_bot=True)
        return self._sent(message, params)

    def _send_rich_message(self, params: dict[str, Any]) -> dict[str, Any]:
        chat_id, rich = chat_id_of(params), rich_of(params)
        markup = markup_of(params, is_inline=False)
        self._check_reachable(chat_id, params)
        raw = params["rich_message"]["html"]
        message = self._new_message(chat_id, raw, Parsed(rich.text, rich.page), markup, of_bot=True)
        message.blocks = rich.blocks
        return self._sent(message, params)

    def _send_photo(self, params: dict[str, Any]) -> dict[str, Any]:
        chat_id, parsed = chat_id_of(params), caption_of(params)
        markup = markup_of(params, is_inline=False)
        picture = picture_of(params.get("photo"), params, self.pictures)
        self._check_reachable(chat_id, params)
        message = self._new_message(chat_id, str(params.get("caption") or ""), parsed, markup, of_bot=True)
        message.file_id = self._keep_picture(picture)
        return self._sent(message, params)

    def _sent(self, message: Message, params: dict[str, Any]) -> dict[str, Any]:
        message.thread_id = params.get("message_thread_id")
        message.reply_to = (params.get("reply_parameters") or {}).get("message_id")
        message.preview_url = preview_of(params)
        self._tell("message", message)
        return self.result_of(message)

    def _check_reachable(self, chat_id: int, params: dict[str, Any]) -> None:
        """Whether the bot may write there now."""
        thread_id = params.get("message_thread_id")
        if chat_id in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat_id in self.kicked:
            raise Refused(403, "Forbidden: bot was kicked from the supergroup chat")
        if chat_id in self.migrated:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, words, migrate_to_chat_id=self.migrated[chat_id])
        if self.strangers_first and chat_id > 0 and not any(chat == chat_id for chat, _ in self.messages):
            raise bad("chat not found")
        if thread_id == 1:
            raise bad("message thread not found")
        if (chat_id, thread_id) in self.closed_topics:
            raise bad("TOPIC_CLOSED")
        self._check_reply(chat_id, params.get("reply_parameters"))
        if self.limits and (wait_s := self.limits.wait_s(chat_id, self.clock())):
            raise Refused(429, f"Too Many Requests: retry after {wait_s}", retry_after=wait_s)

    def _check_reply(self, chat_id: int, reply: Any) -> None:
        if not reply:
            return
        if not isinstance(reply, dict) or not isinstance(reply.get("message_id"), int):
            raise bad("can't parse reply parameters")
        if (chat_id, reply["message_id"]) not in self.messages and not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")

    def _send_chat_action(self, params: dict[str, Any]) -> bool:
        chat_id, action = chat_id_of(params), params.get("action")
        if action not in ("typing", "upload_photo", "upload_document", "choose_sticker", "find_location"):
            raise bad("wrong parameter action in request")
        self.on_event({"kind": "typing", "chat_id": chat_id, "text": action})
        return True

    # Messages that it changes.

    def _message_to_edit(self, params: dict[str, Any]) -> Message:
        if inline_id := params.get("inline_message_id"):
            if inline_id not in self._inline:
                raise bad("MESSAGE_ID_INVALID")
            return self._inline[inline_id]
        message = self.messages.get((chat_id_of(params), params.get("message_id", 0)))
        if message is None:
            raise bad("message to edit not found")
        if not message.of_bot:
            raise bad("message can't be edited")
        return message

    def _edit_message_text(self, params: dict[str, Any]) -> Any:
        message = self._message_to_edit(params)
        if message.file_id:
            raise bad("there is no text in the message to edit")
        if "rich_message" in params:
            return self._edit_into_rich(message, params)
        return self._change(message, str(params.get("text") or ""), text_of(params), "", params)

    def _edit_into_rich(self, message: Message, params: dict[str, Any]) -> Any:
        if params.get("text"):
            raise bad("MESSAGE_TEXT_AND_RICH_MESSAGE: only one of them")  # our words
        rich = rich_of(params)
        parsed = Parsed(rich.text, rich.page)
        return self._change(message, params["rich_message"]["html"], parsed, "", params, rich.blocks)

    def _edit_message_caption(self, params: dict[str, Any]) -> Any:
        message = self._message_to_edit(params)
        if not message.file_id:
            raise bad("there is no caption in the message to edit")
        return self._change(message, str(params.get("caption") or ""), caption_of(params), message.file_id, params)

    def _edit_message_media(self, params: dict[str, Any]) -> Any:
        message, media = self._message_to_edit(params), params.get("media")
        if not isinstance(media, dict) or media.get("type") != "photo":
            raise bad("can't parse input media: only photos are played here")
        if message.inline_id and str(media.get("media")).startswith("attach://"):
            raise bad("a new file can't be uploaded when an inline message is edited")
        picture = picture_of(media.get("media"), params, self.pictures)
        raw, parsed = str(media.get("caption") or ""), caption_of(media)
        return self._change(message, raw, parsed, self._keep_picture(picture), params)

    def _edit_message_reply_markup(self, params: dict[str, Any]) -> Any:
        message = self._message_to_edit(params)
        parsed = Parsed(message.text, message.page)
        return self._change(message, message.raw, parsed, message.file_id, params, message.blocks)

    def _change(
        self,
        message: Message,
        raw: str,
        parsed: Parsed,
        file_id: str,
        params: dict[str, Any],
        blocks: Sequence[dict[str, Any]] = (),
    ) -> Any:
        """Sets a message's new content. An edit without a keyboard takes the keyboard away."""
        before, markup = message.shown, markup_of(params)
        if (parsed.page, file_id, json.dumps(markup, sort_keys=True)) == before:
            raise Refused(400, NOT_MODIFIED)
        message.raw, message.text, message.page = raw, parsed.text, parsed.page
        message.file_id, message.markup, message.is_edited = file_id, markup, True
        message.blocks, message.preview_url = list(blocks), preview_of(params)
        self._tell("edit", message)
        return True if message.inline_id else self.result_of(message)

    def _delete_message(self, params: dict[str, Any]) -> bool:
        message = self.messages.get((chat_id_of(params), params.get("message_id", 0)))
        if message is None:
            raise bad("message to delete not found")
        if message.time_s < self.dates() - EDIT_S or (not message.of_bot and message.chat_id < 0):
            raise bad("message can't be deleted")
        del self.messages[message.chat_id, message.message_id]
        self.on_event({"kind": "delete", "chat_id": message.chat_id, "message_id": message.message_id})
        return True

    # Answers to presses and queries.

    def _answer_callback_query(self, params: dict[str, Any]) -> bool:
        callback_id = str(params.get("callback_query_id") or "")
        asked = self._callbacks.get(callback_id, self.clock())
        if not callback_id or asked < self.clock() - CALLBACK_S:
            raise Refused(400, TOO_OLD)
        text = str(params.get("text") or "")
        if len(text) > 200:
            raise bad("MESSAGE_TOO_LONG")
        self.on_event({"kind": "toast", "text": text, "is_alert": bool(params.get("show_alert"))})
        return True

    def _answer_inline_query(self, params: dict[str, Any]) -> bool:
        query = self._queries.get(str(params.get("inline_query_id") or ""))
        if query is None or query.at_s < self.clock() - INLINE_S:
            raise Refused(400, TOO_OLD)
        answer = params | {"results": results_of(params)}
        self._cache.keep(query, answer, self.clock())
        self._offer(query, answer)
        return True

    def _answer_guest_query(self, params: dict[str, Any]) -> dict[str, Any]:
        query = self._guests.pop(str(params.get("guest_query_id") or ""), None)
        if query is None:
            raise Refused(400, TOO_OLD)
        message = self._post(query.chat_id, content_of(params.get("result")))
        message.of_bot = True
        self._tell("message", message)
        return {"inline_message_id": message.inline_id}


def _params_in(asked: Asked) -> dict[str, Any]:
    """The parameters in a request's body. Raises Refused for a form that cannot be read.

    JSON that cannot be read is as if there were none, as for Telegram.
    """
    content_type = asked.headers.get("content-type", "")
    if "multipart/form-data" in content_type.lower():
        try:
            found: dict[str, str | File] = read_form(content_type, asked.body)
        except Malformed as error:
            raise Refused(error.status, error.words) from error
        return found
    if "application/x-www-form-urlencoded" in content_type.lower():
        return dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        params = json.loads(asked.body) if asked.body else {}
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}
