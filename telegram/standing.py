"""How the bot stands with Telegram: who gets the updates, whether they arrive, what is wrong. Pure.

Telegram hands a bot's updates either to one webhook or to one poller, and remembers which across every
restart. Here is read from its getWebhookInfo whom its owner has chosen, and what its words for a failed
delivery mean. "Delivered" is said only where that is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from render.figures import format_span
from telegram.api import clean

FRESH_ERROR_S = 3600.0  # an older delivery error is history
POLLER_MARK = "shipping_query"
"""A kind of update that a bot which sells nothing never gets. Our poller asks for it too, as a mark: Telegram keeps the
list, and shows it in getWebhookInfo also while no webhook is set (tdlib/telegram-bot-api, Client.cpp, JsonWebhookInfo).
So a server that starts can see that a poller was chosen since, whether or not one runs at that moment."""

UNKNOWN_HOST = "The host name of the address is not known."
_BY_STATUS = {
    "301": "The address answers with a redirect, which Telegram does not follow: register the address it leads to.",
    "400": "The server takes it for no update: is it this bot, and this version of it?",
    "401": "The server refuses the secret: the one Telegram has is another. Set the webhook again.",
    "403": "Something before the server, a firewall or proxy, refuses Telegram; on Lambda, a permission is missing.",
    "404": "Something answers there, but it is not this bot: check the address.",
    "405": "Something answers there, but takes no updates: check the address's path.",
    "413": "Something before the server refuses its size.",
    "429": "Something before the server limits how often Telegram may call.",
    "500": "The server fails at it: its log says why.",
    "502": "The platform cannot reach the server: it does not run, or listens on another port.",
    "503": "The server is overloaded, or its machine does not start.",
    "504": "The server does not answer in time.",
}
_BY_STATUS |= dict.fromkeys(("302", "303", "307", "308"), _BY_STATUS["301"])
_BY_WORD = (
    ("resolve", UNKNOWN_HOST),
    ("name or service", UNKNOWN_HOST),
    ("name resolution", UNKNOWN_HOST),
    ("ssl", "The certificate of the address is not in order."),
    ("certificate", "The certificate of the address is not in order."),
    ("timeout", "The server does not answer in time."),
    ("timed out", "The server does not answer in time."),
    ("refused", "Nothing listens at that address."),
    ("connect call failed", "Nothing listens at that address."),
    ("reserved", "The address is a private one, which Telegram cannot reach."),
    ("unreachable", "There is no way to that address."),
    ("https", "Telegram delivers to https addresses only."),
    ("port", "Telegram delivers to the ports 443, 80, 88 and 8443 only."),
    ("closed", "The connection is closed before an answer: is it this bot that listens there?"),
    ("reset", "The connection is closed before an answer: is it this bot that listens there?"),
)


def meaning(words: str) -> str:
    """What Telegram's words for a failed delivery, or a refused setWebhook, mean; "" for unknown ones."""
    status = re.search(r"(?:webhook: |answers )(\d{3})\b", words)
    if status is not None:
        return _BY_STATUS.get(status[1], "")
    return next((text for word, text in _BY_WORD if word in words.lower()), "")


def is_of_the_host(words: str) -> bool:
    """Whether they tell of a host name that Telegram does not know, which it may yet learn."""
    return meaning(words) == UNKNOWN_HOST


def chosen_instead(info: Mapping[str, Any], our_url: str) -> str:
    """Who was chosen for the updates in place of the server at our_url; "" when it is this one, or nobody yet."""
    url = words_in(info, "url")
    if url:
        return "" if url == our_url else f"another server was chosen, {url}"
    return "a poller was chosen" if POLLER_MARK in _names(info.get("allowed_updates")) else ""


class Standing:
    """What is known; kept by whoever asks Telegram, told by /health, /status and /metrics.

    state: a few words. trouble: why updates do not arrive here, a sentence; "" while nothing is known against it.
    hitch: why the poller's last call failed, a sentence; "" when it did not. unsent: likewise, why an answer waits.
    failure: why we could not register.
    is_ours: whether Telegram hands the updates to us; None when that is not known. Times are seconds since 1970.
    """

    def __init__(self, n_pending: int | None = None) -> None:
        self.state, self.trouble, self.hitch, self.unsent, self.failure = "not asked for", "", "", "", ""
        self.is_ours: bool | None = None
        self.n_pending = n_pending
        self.last_error = ""
        self.last_error_at: float | None = None
        self.asked_at: float | None = None

    def learn(self, info: Mapping[str, Any], our_url: str, now: float) -> None:
        """Takes in what getWebhookInfo says. our_url is "" for a poller."""
        was_pending, self.n_pending = self.n_pending, _count(info.get("pending_update_count"))
        self.last_error, self.last_error_at = words_in(info, "last_error_message"), _moment(info.get("last_error_date"))
        self.asked_at = now
        self.is_ours = words_in(info, "url") == our_url
        who = chosen_instead(info, our_url)
        if not self.is_ours and self.failure and not who:
            return
        self.failure = ""
        if not self.is_ours:
            who = who or "no webhook is set"
            self.state = f"not here: {who}"
            self.trouble = f"Updates go elsewhere: {who}. {_WAYS_OUT[bool(our_url)]}"
        else:
            self.state = "registered" if our_url else "polling"
            self.trouble = _failing(info, was_pending, now)

    @property
    def told(self) -> str:
        """What is wrong, or else the state, for /status."""
        return self.trouble or self.hitch or self.unsent or self.state

    def fail(self, why: str) -> None:
        """Registering failed; why is a sentence without its full stop. It stands until we are registered."""
        self.state, self.trouble, self.failure, self.is_ours = f"failed: {why}", f"{why}.", why, False


_WAYS_OUT = {
    True: "`python bot.py webhook set` brings them here.",
    False: "`python bot.py --delete-webhook` brings them here.",
}


def _failing(info: Mapping[str, Any], was_pending: int | None, now: float) -> str:
    """What is wrong with deliveries now; "" for an old error, and while what waits grows less."""
    said, at = words_in(info, "last_error_message"), _moment(info.get("last_error_date"))
    n_pending = _count(info.get("pending_update_count"))
    if not said or at is None or now - at > FRESH_ERROR_S or not n_pending:
        return ""
    if was_pending is not None and n_pending < was_pending:
        return ""
    return f"Deliveries fail, {n_pending} wait: {said}. {meaning(said)}".rstrip()


def judge(
    info: Mapping[str, Any], our_url: str, now: float, door: str | None = None, was_pending: int | None = None
) -> tuple[list[str], bool]:
    """What getWebhookInfo says and what that means, in lines; whether nothing speaks against updates arriving.

    our_url may be "", for whoever is registered. door: why the address's /health is not this bot's, "" when it is,
    None when it was not asked. was_pending: how many updates waited some seconds before.
    """
    standing = Standing(n_pending=was_pending)
    standing.learn(info, our_url or words_in(info, "url"), now)
    verdict, is_well = _verdict(info, standing, our_url)
    if door and words_in(info, "url"):
        also = "" if meaning(door) in verdict else meaning(door)
        is_well, verdict = False, [*verdict, f"The address does not answer as this bot: {door}. {also}".rstrip()]
    elif is_well:
        verdict = _as_far_as_known(standing, was_pending, door)
    return [*_told(info, standing, now), *verdict], is_well


def _told(info: Mapping[str, Any], standing: Standing, now: float) -> list[str]:
    """Telegram's own words."""
    lines = [f"url      {words_in(info, 'url') or 'none'}", f"pending  {standing.n_pending or 0}"]
    if words_in(info, "ip_address"):
        lines.append(f"address  {words_in(info, 'ip_address')}")
    if standing.last_error:
        lines.append(f"error    {standing.last_error}, {format_span(now - (standing.last_error_at or now))} ago")
    return lines


def _verdict(info: Mapping[str, Any], standing: Standing, our_url: str) -> tuple[list[str], bool]:
    """What is wrong by Telegram's own words; ([], True) when nothing is."""
    if not words_in(info, "url"):
        who = chosen_instead(info, our_url)
        text = who or "updates wait for polling (python bot.py), or for a webhook"
        return [f"No webhook is set: {text}."], False
    if not standing.is_ours:
        return [f"The webhook is elsewhere: WEBHOOK_URL asks for {our_url}."], False
    if standing.trouble:
        return [meaning(standing.last_error) or "Deliveries fail."], False
    return [], True


def _as_far_as_known(standing: Standing, was_pending: int | None, door: str | None) -> list[str]:
    """Nothing speaks against it; and what speaks for it."""
    history = ["That error is history, as nothing waits now."] if standing.last_error and not standing.n_pending else []
    if standing.n_pending and (was_pending is None or standing.n_pending >= was_pending):
        return [*history, "Updates wait, and none failed lately: ask again in a minute."]
    if door is None:
        return [*history, "Nothing waits. Whether the next update arrives is not known: the address was not asked."]
    return [*history, "Updates are delivered: the address answers as this bot, and what waited is taken."]


def words_in(info: Mapping[str, Any], key: str) -> str:
    """A text of Telegram's answer, cleaned; "" for anything else."""
    return clean(info.get(key))


def _names(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _moment(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
