"""Inline mode and guest mode: what is asked in any chat, and what Telegram takes as an answer.

Source: Bot API 10.3, answerInlineQuery, InlineQueryResult, answerGuestQuery; core.telegram.org/api/bots/guest-mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from demo.telegram_html import Parsed
from demo.telegram_rules import MAX_RESULTS, bad, caption_of, markup_of, preview_of, text_of

INLINE_S = 30.0  # in which a query may be answered
CACHE_S = 300  # unless the answer says otherwise
KINDS = (
    *("article", "photo", "gif", "mpeg4_gif", "video", "audio", "voice", "document", "location", "venue", "contact"),
    *("game", "sticker"),
)


class Query(NamedTuple):
    """An inline query (chat_id: where it is typed) or a guest one, and since when it waits."""

    query_id: str
    user_id: int
    chat_id: int
    text: str
    offset: str
    at_s: float


class Content(NamedTuple):
    """The message that a result becomes. photo_url: of the picture, or of what a text's preview shows; "" for none."""

    raw: str
    parsed: Parsed
    markup: Any
    photo_url: str = ""


def results_of(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results of answerInlineQuery, each one checked. Raises Refused."""
    results = params.get("results")
    if not isinstance(results, list):
        raise bad("can't parse inline query results: expected an Array of inline query results")
    if len(results) > MAX_RESULTS:
        raise bad("RESULTS_TOO_MUCH")
    for result in results:
        content_of(result)
    ids = [result["id"] for result in results]
    if len(set(ids)) < len(ids):
        raise bad("RESULT_ID_DUPLICATE")
    if len(str(params.get("next_offset") or "").encode()) > 64:
        raise bad("NEXT_OFFSET_INVALID")
    if params.get("button") is not None:
        _check_button(params["button"])
    return results


def _check_button(button: Any) -> None:
    """Above the results: words, and either a Mini App or the parameter of a /start."""
    if not isinstance(button, dict) or not button.get("text"):
        raise bad("can't parse inline query results button: text is empty")
    if "web_app" in button:
        return
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(button.get("start_parameter") or "")):
        raise bad("START_PARAM_INVALID")


def content_of(result: Any) -> Content:
    """What is posted when a result is chosen. Raises Refused for a result that Telegram does not take."""
    if not isinstance(result, dict) or result.get("type") not in KINDS:
        raise bad("can't parse inline query result: invalid inline query result type specified")
    if not isinstance(result.get("id"), str) or not 1 <= len(result["id"].encode()) <= 64:
        raise bad("RESULT_ID_INVALID")
    markup, message = markup_of(result), result.get("input_message_content")
    if result["type"] == "article":
        if not isinstance(result.get("title"), str) or not result["title"]:
            raise bad("can't parse inline query result: can't find field \"title\"")
        if message is None:
            raise bad("can't parse inline query result: input message content is not specified")
    if message is not None:
        if not isinstance(message, dict) or "message_text" not in message:
            raise bad("can't parse inline query result: can't parse input message content")
        return Content(str(message["message_text"]), text_of(message, "message_text"), markup, preview_of(message))
    urls = [str(result.get(name)) for name in ("photo_url", "thumbnail_url")]
    if result["type"] == "photo" and not result.get("photo_file_id") and not all(map(_is_url, urls)):
        raise bad("WEBDOCUMENT_URL_INVALID")
    return Content(str(result.get("caption") or ""), caption_of(result), markup, str(result.get("photo_url") or ""))


def _is_url(text: str) -> bool:
    return re.match(r"https?://", text) is not None


class Cache:
    """Answers to inline queries that Telegram gives again by itself: to all, or, if personal, to their user."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str, str], tuple[float, dict[str, Any]]] = {}

    def keep(self, query: Query, answer: dict[str, Any], now: float) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}
        whose = query.user_id if answer.get("is_personal") else 0
        self._kept[whose, query.text, query.offset] = (now + answer.get("cache_time", CACHE_S), answer)

    def find(self, user_id: int, text: str, offset: str, now: float) -> dict[str, Any] | None:
        for whose in (user_id, 0):
            dies, answer = self._kept.get((whose, text, offset), (0.0, {}))
            if dies > now:
                return answer
        return None
