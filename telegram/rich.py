"""A text in two forms: rich, for chats that wish so, and as HTML, for when Telegram does not take the rich one. Pure.

A call with a "rich_message" beside its "text" is both: api.py makes the rich one, and the other when that is refused.
Source: Bot API 10.1, sendRichMessage; editMessageText has either a text or a rich_message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_TEXT = ("text", "parse_mode", "link_preview_options")
METHODS = {"sendMessage": "sendRichMessage", "editMessageText": "editMessageText"}


def rich_message(html: str) -> dict[str, Any]:
    """Without looking for entities: figures look like telephone numbers, and $BTC like a cashtag."""
    return {"html": html, "skip_entity_detection": True}


def as_rich(method: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The call's rich form; None for a call that has none."""
    if "rich_message" not in params or method not in METHODS:
        return None
    return METHODS[method], {name: value for name, value in params.items() if name not in OF_TEXT}


def as_html(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same without its rich form."""
    return {name: value for name, value in params.items() if name != "rich_message"}


def is_refused(code: int, description: str) -> bool:
    """Whether the other form may be taken: a server before 10.1 does not know the method, or misses the text.

    What else a 400 says of the chat, it will say of the other form, too.
    """
    return code in (400, 404) and "message is not modified" not in description.lower()
