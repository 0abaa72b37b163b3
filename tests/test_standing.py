"""What Telegram says of the webhook, in words for people: who gets the updates, whether they arrive, what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import together

from telegram.standing import FRESH_ERROR_S, POLLER_MARK, Standing, chosen_instead, judge, meaning

A, B = "https://a/webhook", "https://b/webhook"
NOW = 1_000_000.0
POLLED = {"url": "", "allowed_updates": ["message", POLLER_MARK]}


def said(words: str, n_pending: int = 1, age_s: float = 60) -> dict[str, Any]:
    """getWebhookInfo's answer for our webhook with an error."""
    error = {"last_error_message": words, "last_error_date": int(NOW - age_s)}
    return {"url": A, "pending_update_count": n_pending, **error}


@together(
    "info, who",
    [
        ({"url": A}, ""),
        ({"url": B}, "another server was chosen, https://b/webhook"),
        (POLLED, "a poller was chosen"),
        ({"url": A, "allowed_updates": [POLLER_MARK]}, ""),
        ({"url": "", "allowed_updates": ["message"]}, ""),
        ({"url": ""}, ""),
        ({}, ""),
        ({"url": None, "allowed_updates": "shipping_query"}, ""),
        ({"url": 7, "allowed_updates": [7, None]}, ""),
    ],
)
def test_who_was_chosen(info: dict[str, Any], who: str) -> None:
    assert chosen_instead(info, A) == who


@together(
    "words, means",
    [
        ("Wrong response from the webhook: 301 Moved Permanently", "redirect"),
        ("Wrong response from the webhook: 308 Permanent Redirect", "redirect"),
        ("Wrong response from the webhook: 401 Unauthorized", "refuses the secret"),
        ("Wrong response from the webhook: 403 Forbidden", "a permission is missing"),
        ("Wrong response from the webhook: 404 Not Found", "not this bot"),
        ("Wrong response from the webhook: 405 Method Not Allowed", "takes no updates"),
        ("Wrong response from the webhook: 429 Too Many Requests", "how often"),
        ("Wrong response from the webhook: 500 Internal Server Error", "its log says why"),
        ("Wrong response from the webhook: 502 Bad Gateway", "cannot reach the server"),
        ("Wrong response from the webhook: 503 Service Unavailable", "overloaded"),
        ("Read timeout expired", "in time"),
        ("Connection timed out", "in time"),
        ("Connection refused", "Nothing listens"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "certificate"),
        ("Bad Request: bad webhook: Failed to resolve host: Name or service not known", "host name"),
        ("Bad Request: bad webhook: IP address 127.0.0.1 is reserved", "private one"),
        ("Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443", "ports 443"),
        ("Bad Request: bad webhook: An HTTPS URL must be provided for webhook", "https"),
        ("Webhook connection closed", "closed before an answer"),
        ("Wrong response from the webhook: 418 I'm a teapot", ""),
        ("Something that nobody has seen", ""),
        ("", ""),
    ],
)
def test_usual_errors_have_their_sentence(words: str, means: str) -> None:
    assert means in meaning(words)
    assert bool(meaning(words)) is bool(means)


def verdict(info: dict[str, Any], **known: Any) -> tuple[str, bool]:
    """The last line, and whether all is well."""
    lines, is_well = judge(info, A, NOW, **known)
    return lines[-1], is_well


def test_delivered_is_said_only_when_it_is_known() -> None:
    assert verdict({"url": A}, door="") == (
        "Updates are delivered: the address answers as this bot, and what waited is taken.",
        True,
    )
    assert verdict({"url": A})[0].startswith("Nothing waits. Whether the next update arrives is not known")
    waiting = {"url": A, "pending_update_count": 3}
    assert verdict(waiting, door="", was_pending=3)[0].startswith("Updates wait, and none failed lately")
    assert verdict(waiting, door="", was_pending=9)[0].startswith("Updates are delivered")


@pytest.mark.parametrize(("n_pending", "age_s"), [(0, 60), (0, FRESH_ERROR_S * 9), (5, FRESH_ERROR_S + 1)])
def test_an_old_error_is_history(n_pending: int, age_s: float) -> None:
    info = said("Wrong response from the webhook: 401 Unauthorized", n_pending, age_s)
    lines, is_well = judge(info, A, NOW, door="", was_pending=n_pending)
    assert is_well
    assert ("That error is history, as nothing waits now." in lines) is (n_pending == 0)


def test_an_error_while_updates_wait_is_no_history() -> None:
    assert verdict(said("Wrong response from the webhook: 401 Unauthorized"), door="") == (
        "The server refuses the secret: the one Telegram has is another. Set the webhook again.",
        False,
    )
    assert verdict(said("odd"), door="") == ("Deliveries fail.", False)


def test_an_address_that_answers_otherwise_is_told() -> None:
    text, is_well = verdict({"url": A}, door="/health answers 404")
    assert (text.startswith("The address does not answer as this bot: /health answers 404."), is_well) == (True, False)
    assert "check the address" in text


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"url": ""}, "No webhook is set: updates wait for polling (python bot.py), or for a webhook."),
        (POLLED, "No webhook is set: a poller was chosen."),
        ({"url": B}, "The webhook is elsewhere: WEBHOOK_URL asks for https://a/webhook."),
    ],
)
def test_updates_that_go_elsewhere(info: dict[str, Any], text: str) -> None:
    assert verdict(info) == (text, False)


def test_lines_hold_telegrams_own_words() -> None:
    lines, _ = judge(said("Read\ntimeout " + "x" * 900, 4) | {"ip_address": "1.2.3.4"}, A, NOW)
    assert lines[:3] == ["url      https://a/webhook", "pending  4", "address  1.2.3.4"]
    assert lines[3].startswith("error    Read timeout xxx")
    assert lines[3].endswith(", 1m ago")
    assert len(lines[3]) < 330


# What a process knows.


def test_a_server_learns_that_it_is_registered() -> None:
    standing = Standing()
    standing.learn({"url": A, "pending_update_count": 0}, A, NOW)
    assert (standing.state, standing.trouble, standing.is_ours, standing.n_pending) == ("registered", "", True, 0)


def test_a_server_learns_that_another_was_chosen() -> None:
    standing = Standing()
    standing.learn(POLLED, A, NOW)
    assert standing.state == "not here: a poller was chosen"
    assert standing.trouble.endswith("`python bot.py webhook set` brings them here.")
    standing.learn({"url": A}, A, NOW + 60)
    assert (standing.state, standing.trouble) == ("registered", "")


def test_a_poller_learns_that_a_webhook_is_set() -> None:
    standing = Standing()
    standing.learn({"url": B}, "", NOW)
    assert (standing.is_ours, standing.trouble) == (
        False,
        "Updates go elsewhere: another server was chosen, https://b/webhook. "
        "`python bot.py --delete-webhook` brings them here.",
    )


def test_failing_deliveries_are_trouble_until_less_waits() -> None:
    standing, words = Standing(), "Wrong response from the webhook: 500 Internal Server Error"
    standing.learn(said(words, 7), A, NOW)
    assert standing.trouble == f"Deliveries fail, 7 wait: {words}. The server fails at it: its log says why."
    standing.learn(said(words, 3), A, NOW)
    assert standing.trouble == ""
    standing.learn(said(words, 0), A, NOW)
    assert (standing.trouble, standing.last_error) == ("", words)


def test_why_registering_failed_is_told_until_it_is_mended() -> None:
    standing = Standing()
    standing.fail("setWebhook: 400 Bad Request: bad webhook: Failed to resolve host")
    standing.learn({"url": ""}, A, NOW)
    assert standing.trouble == "setWebhook: 400 Bad Request: bad webhook: Failed to resolve host."
    standing.learn({"url": A}, A, NOW)
    assert (standing.state, standing.trouble) == ("registered", "")


def test_what_is_wrong_is_told_first() -> None:
    standing = Standing()
    assert standing.told == "not asked for"
    standing.hitch = "Another poller."
    assert standing.told == "Another poller."
    standing.fail("a dead token")
    assert standing.told == "a dead token."


@together("info", [{}, {"url": 5}, {"pending_update_count": "7", "last_error_date": "x"}, {"last_error_date": True}])
def test_answers_of_a_wrong_shape_are_survived(info: dict[str, Any]) -> None:
    standing = Standing()
    standing.learn(info, A, NOW)
    assert (standing.is_ours, standing.n_pending, standing.last_error_at) == (False, None, None)
