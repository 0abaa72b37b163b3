"""Events of AWS Lambda of every shape: a request, or 400."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import fuzz
import pytest
from conftest import together

from aws_events import method_of, request_of
from aws_lambda import Lambda
from exchanges import table
from http1.server import HTTPError
from settings import load

PAYLOAD_2 = {
    "version": "2.0",
    "rawPath": "/webhook",
    "rawQueryString": "a=b",
    "headers": {"content-type": "application/json", "x-telegram-bot-api-secret-token": "s" * 16},
    "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/webhook"}},
    "body": "e30=",
    "isBase64Encoded": True,
}
PAYLOAD_1 = {
    "httpMethod": "GET",
    "path": "/prod/health",
    "queryStringParameters": {"a": "b"},
    "headers": {"host": "x"},
    "requestContext": {"stage": "prod"},
    "body": None,
    "isBase64Encoded": False,
}
CONTEXTS: tuple[Any, ...] = ([], "x", {"http": "POST"}, {"http": [1]})
PATHS: tuple[Any, ...] = (None, 7, {"a": 1})
BODIES: tuple[Any, ...] = ("%%%", 7, [1], {"a": 1}, "\udcff")
ODD: tuple[Any, ...] = (
    *(None, 7, "text", [], [1], {}, {"httpMethod": "GET"}, {"httpMethod": ["GET"], "path": "/"}),
    *({**PAYLOAD_2, "requestContext": each} for each in CONTEXTS),
    *({**PAYLOAD_2, "rawPath": each, "path": each} for each in PATHS),
    *({**PAYLOAD_2, "body": each} for each in BODIES),
)


@together("event", ODD)
def test_event_that_is_no_request(event: Any) -> None:
    with pytest.raises(HTTPError) as caught:
        request_of(event)
    assert caught.value.status == 400


@together(
    "change", [{"headers": "x"}, {"headers": [1]}, {"rawQueryString": 5}, {"headers": {"transfer-encoding": "chunked"}}]
)
def test_what_is_odd_beside_the_request_counts_as_absent(change: dict[str, Any]) -> None:
    request = request_of({**PAYLOAD_2, **change})
    assert (request.method, request.path) == ("POST", "/webhook")
    assert request.query == ("" if "rawQueryString" in change else "a=b")
    assert "transfer-encoding" not in request.headers
    assert request.headers["content-length"] == "2"


@together(
    "change",
    [
        {"queryStringParameters": {"a": "\udc20"}},
        {"queryStringParameters": {"\udc20": "a"}},
        {"path": "/health\udc20"},
        {"httpMethod": "\udc20"},
        {"headers": {"host": "\udc20", "\udc20": "x"}},
    ],
)
def test_half_a_character_is_no_fault_of_ours(change: dict[str, Any]) -> None:
    request = request_of({**PAYLOAD_1, **change})
    for text in (request.method, request.path, request.query, *request.headers.values()):
        text.encode()


def test_both_payloads() -> None:
    one, two = request_of(PAYLOAD_1), request_of(PAYLOAD_2)
    assert (one.method, one.path, one.query) == ("GET", "/health", "a=b")
    assert (two.method, two.path, two.query, method_of(PAYLOAD_2)) == ("POST", "/webhook", "a=b", "POST")


def test_mutated_events_are_answered_below_500() -> None:
    """By the whole door; FUZZ_SEED runs a failure again."""
    seed = os.environ.get("FUZZ_SEED") or "1"
    print(f"seed {seed}")
    rng = random.Random(seed)
    door = Lambda(load({"TELEGRAM_BOT_TOKEN": "123456:TEST-never-shown", "API_KEY": "k" * 16}, table.EXCHANGES))
    try:
        for _ in range(400):
            event = fuzz.mutated(rng, rng.choice((PAYLOAD_1, PAYLOAD_2)), rng.choice((1, 2, 4, 8)))
            told = door.answer(event)
            assert told["statusCode"] < 500, event
            json.dumps(told)
    finally:
        door.close()
