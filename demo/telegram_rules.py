"""What Telegram checks in a call before it carries it out; pure functions of the parameters.

Refusals have Telegram's words where they are known. Each check takes the whole `params`, in
which a form's texts have already become numbers and objects (`typed`).
Source: tdlib/telegram-bot-api Client.cpp; Bot API 10.3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from demo.multipart import File
from demo.pictures import NoPicture, Picture, read_picture
from demo.telegram_html import BadHTML, Parsed, as_page, parse

MAX_CAPTION = 1024  # characters
MAX_BUTTONS = 100
MAX_RESULTS = 50
INTEGERS = (
    *("chat_id", "message_id", "message_thread_id", "offset", "limit", "timeout", "max_connections", "cache_time"),
    "user_id",
)
FLAGS = ("drop_pending_updates", "is_personal", "disable_notification", "show_alert", "protect_content")
OBJECTS = (
    *("reply_markup", "media", "results", "result", "commands", "scope", "allowed_updates", "link_preview_options"),
    *("reply_parameters", "entities", "caption_entities", "button", "rich_message"),
)
BUTTON_ACTIONS = (
    *("callback_data", "url", "copy_text", "switch_inline_query", "switch_inline_query_current_chat"),
    *("switch_inline_query_chosen_chat", "web_app", "login_url", "callback_game", "pay", "disabled", "force_reply"),
)
STYLES = ("danger", "success", "primary")
SCOPES = (
    *("default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators"),
    "chat_member",
)
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


class Refused(Exception):
    """A Bot API call is answered with ok: false."""

    def __init__(self, code: int, description: str, **parameters: object) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(words: str) -> Refused:
    return Refused(400, f"Bad Request: {words}")


def typed(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the types of the documentation, whether they came as JSON or as a form's text."""
    return {name: _typed(name, value) for name, value in params.items()}


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in INTEGERS and re.fullmatch(r"-?[0-9]{1,16}", value):
        return int(value)
    if name in FLAGS:
        return value.lower() in ("true", "yes", "1")
    if name in OBJECTS:
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            what = "reply keyboard markup" if name == "reply_markup" else name.replace("_", " ")
            raise bad(f"can't parse {what} JSON object") from error
    return value


def chat_id_of(params: Mapping[str, Any]) -> int:
    chat_id = params.get("chat_id")
    if isinstance(chat_id, str) and chat_id:
        raise bad("chat not found")
    if not isinstance(chat_id, int) or isinstance(chat_id, bool):
        raise bad("chat_id is empty")
    return chat_id


def text_of(params: Mapping[str, Any], key: str = "text") -> Parsed:
    """The text of a message, which may not be empty."""
    text = params.get(key)
    if not isinstance(text, str) or not text.strip():
        raise bad("message text is empty")
    mode = str(params.get("parse_mode") or "").lower()
    if not mode:
        if len(text) > 4096:
            raise bad("message is too long")
        return Parsed(text.strip(), as_page(text))
    return _formatted(text, mode)


def caption_of(params: Mapping[str, Any]) -> Parsed:
    """The words under a picture, which may be empty."""
    caption = params.get("caption") or ""
    if not isinstance(caption, str) or not caption.strip():
        return Parsed("", "")
    mode = str(params.get("parse_mode") or "").lower()
    parsed = _formatted(caption, mode) if mode else Parsed(caption.strip(), as_page(caption))
    if len(parsed.text) > MAX_CAPTION:
        raise bad("message caption is too long")
    return parsed


def _formatted(text: str, mode: str) -> Parsed:
    if mode != "html":
        raise bad("unsupported parse_mode")
    try:
        return parse(text)
    except BadHTML as error:
        raise Refused(400, str(error)) from error


def markup_of(params: Mapping[str, Any], *, is_inline: bool = True) -> Any:
    """The keyboard. is_inline: only an inline one may stand there, as under what is edited."""
    markup = params.get("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" not in markup:
        if is_inline:
            raise bad("inline keyboard expected")
        return markup
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("can't parse inline keyboard")
    buttons = [button for row in rows for button in row]
    if len(buttons) > MAX_BUTTONS:
        raise bad("REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        _check_button(button)
    return markup if buttons else None


def _check_button(button: Any) -> None:
    """One text, one action, each within its bounds. The words for a wrong style are ours."""
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: Object expected")
    if not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad("BUTTON_TEXT_INVALID")
    actions = [name for name in BUTTON_ACTIONS if name in button]
    if not actions:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad(f"BUTTON_TYPE_INVALID: {' and '.join(actions)}")
    if button.get("style", STYLES[0]) not in STYLES:
        raise bad("can't parse inline keyboard button: invalid button style specified")
    value = button[actions[0]]
    if actions[0] == "callback_data" and (not isinstance(value, str) or not 1 <= len(value.encode()) <= 64):
        raise bad("BUTTON_DATA_INVALID")
    if actions[0] == "url" and not re.match(r"(https?|tg)://\S", str(value)):
        raise bad("BUTTON_URL_INVALID")
    if actions[0] == "copy_text" and not (isinstance(value, dict) and 1 <= len(str(value.get("text", ""))) <= 256):
        raise bad("BUTTON_COPY_TEXT_INVALID")
    if actions[0].startswith("switch_inline_query") and actions[0] != "switch_inline_query_chosen_chat":
        _check_switch(value)


def _check_switch(query: Any) -> None:
    if not isinstance(query, str) or len(query) > 256:
        raise bad("BUTTON_SWITCH_QUERY_INVALID")


def picture_of(value: Any, params: Mapping[str, Any], known: Mapping[str, Picture]) -> Picture:
    """The picture that `photo` or `media` names: a part of the form, a file_id, or attach:// and a part's name.

    Telegram also takes an address, which it fetches itself; the offline one fetches nothing.
    """
    if isinstance(value, str) and value.startswith("attach://"):
        value = params.get(value.removeprefix("attach://"))
        if not isinstance(value, File):
            raise bad("wrong file identifier/HTTP URL specified")
    if isinstance(value, File):
        try:
            return read_picture(value.content)
        except NoPicture as error:
            raise Refused(400, str(error)) from error
    if not value:
        raise bad("there is no photo in the request")
    if re.match(r"https?://", str(value)):
        raise bad("failed to get HTTP URL content")
    if value not in known:
        raise bad("wrong file identifier/HTTP URL specified")
    return known[value]


def preview_of(params: Mapping[str, Any]) -> str:
    """The address whose preview is shown with a text, as far as the call names it."""
    options = params.get("link_preview_options")
    return str(options.get("url") or "") if isinstance(options, dict) and not options.get("is_disabled") else ""


def commands_of(params: Mapping[str, Any]) -> list[dict[str, str]]:
    commands = params.get("commands")
    if not isinstance(commands, list):
        raise bad("commands must be a list")
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for each in commands:
        if not isinstance(each, dict) or not re.fullmatch(r"[a-z0-9_]{1,32}", str(each.get("command"))):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(each.get("description") or "")) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    return commands


def scope_of(params: Mapping[str, Any]) -> tuple[str, int, int, str]:
    """Where a menu holds: type, chat_id, user_id (0 where the type has none), language code."""
    scope = params.get("scope") or {"type": "default"}
    kind = scope.get("type") if isinstance(scope, dict) else None
    if kind not in SCOPES:
        raise bad("can't parse BotCommandScope: Unsupported type specified")
    language = str(params.get("language_code") or "")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad("BOT_COMMAND_LANGUAGE_CODE_INVALID")
    chat_id = chat_id_of(typed(scope)) if kind in SCOPES[4:] else 0
    user_id = int(scope.get("user_id", 0)) if kind == "chat_member" else 0
    return str(kind), chat_id, user_id, language
