"""Who is told what without asking: whoever may ask for it, for as long as he may. Pure.

What is set while somebody may ask outlives that: he is taken out of TELEGRAM_CHAT_ID, or accounts are told in groups no
more. Then his alerts rest, and what waits to be sent to him rests; when he may ask again, both go on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from settings import Settings
from store.words import Alert, Limits, Message

POSITIONS = "positions"  # what is needed for one's own money
MAX_KEPT = Limits().instance  # alerts come in the same order at every tick, of which a smaller cache has never the next
NOT_STORED = 0  # in the place of a user: settings and messages of before did not tell who had set them
NOT_LISTED = "who set it is not listed any more"
CHAT_NOT_LISTED = "this chat is not listed any more"  # which, or another one, spoke for itself
IN_PRIVATE = "accounts are told in private"


def whose(alert: Alert) -> dict[str, Any]:
    """What of an alert has to stand in the facts of its messages."""
    return {"user_id": alert.user_id, "is_own": is_own(alert)}


def is_own(alert: Alert) -> bool:
    """Whether it is about somebody's own money."""
    return alert.need == POSITIONS


def resting(settings: Settings) -> Callable[[Alert], bool]:
    """Whether an alert rests, for those who ask it of thousands: a fifth of the time."""

    @lru_cache(MAX_KEPT)
    def rests(chat_id: int, user_id: int, is_own: bool) -> bool:
        return bool(why_not_told(settings, chat_id, user_id, is_own=is_own))

    return lambda alert: rests(alert.chat_id, alert.user_id, alert.need == POSITIONS)  # is_own, without its call


def why_it_rests(settings: Settings, alert: Alert) -> str:
    """Continues “It rests: …”; "" for an alert that is judged."""
    return why_not_told(settings, alert.chat_id, alert.user_id, is_own=is_own(alert))


def message_rests(settings: Settings, message: Message) -> bool:
    """Whether nobody may hear of it now."""
    facts = orjson.loads(message.facts)
    user_id, is_own = facts.get("user_id", NOT_STORED), facts.get("is_own", False)
    return bool(why_not_told(settings, message.chat_id, user_id, is_own=is_own))


def why_not_told(settings: Settings, chat_id: int, user_id: int, *, is_own: bool = False) -> str:
    """What a chat is told because of a user. In private the chat is who hears it, whoever has set it: by the JSON API
    the owner may do so for others. A group goes on to hear what was stored when who had set it was not."""
    is_private = chat_id > 0
    if not is_private and not is_own and user_id == NOT_STORED:
        return ""
    reader = chat_id if is_private else user_id
    is_user = reader > 0  # and no chat that speaks for itself
    if not is_own:
        may_ask = settings.may_ask(chat_id, reader if is_user else None)
        return "" if may_ask else NOT_LISTED if is_user else CHAT_NOT_LISTED
    if not is_user or reader not in settings.allowed_ids:
        return NOT_LISTED
    return "" if is_private or settings.accounts_in_groups else IN_PRIVATE
