"""Calls of the Bot API, their errors, and that the token never leaves."""

from __future__ import annotations

import asyncio
import json
import traceback
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from conftest import together
from house import free_port
from mocked import Mocked

from http1.client import Transport
from telegram import api as api_module
from telegram.api import TelegramAPI, TelegramError
from telegram.webhook import why_failed

TOKEN = "123456:TEST-never-shown"


def an_api(answer: httpx.Response | Exception) -> TelegramAPI:
    async def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return TelegramAPI(TOKEN, Mocked(handle), "https://api.telegram.org")


def refused(code: int, description: str, **parameters: Any) -> httpx.Response:
    body = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return httpx.Response(code, json=body)


async def test_call_gives_the_result() -> None:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"ok": True, "result": {"message_id": 5}})

    api = TelegramAPI(TOKEN, Mocked(handle), "https://api.telegram.org")
    assert await api.call("sendMessage", {"chat_id": 1, "text": "é"}) == {"message_id": 5}
    assert seen[0].url.path == f"/bot{TOKEN}/sendMessage"
    assert seen[0].content == '{"chat_id":1,"text":"é"}'.encode()


@pytest.mark.parametrize(
    ("answer", "code", "is_passing", "was_sent"),
    [
        (refused(400, "Bad Request: chat not found"), 400, False, False),
        (refused(403, "Forbidden: bot was blocked by the user"), 403, False, False),
        (refused(429, "Too Many Requests: retry after 7", retry_after=7), 429, True, False),
        (refused(409, "Conflict"), 409, True, False),
        (httpx.Response(502, text="<html>Bad Gateway</html>"), 502, True, False),  # nginx reaches nobody behind it
        (httpx.Response(503, text="<html>"), 503, True, False),
        (httpx.Response(504, text="<html>Gateway Time-out</html>"), 504, True, True),
        (httpx.Response(200, text="<html>"), 502, True, True),
        (httpx.Response(404, text="<html>404 Not Found</html>"), 502, True, False),
        (httpx.Response(401, json={"error": "sign in"}), 502, True, False),
        (httpx.Response(302, text=""), 502, True, False),
        (httpx.Response(429, text="slow down"), 429, True, False),
        (httpx.Response(413, text="<html>"), 413, False, False),
        (httpx.ConnectError(f"https://api.telegram.org/bot{TOKEN}/x"), 0, True, False),
        (httpx.ReadError(f"bot{TOKEN}"), 0, True, True),
        (httpx.Response(200, content=b"x" * 9_000_000), 0, True, True),
    ],
)
async def test_call_errors(answer: Any, code: int, is_passing: bool, was_sent: bool) -> None:
    with pytest.raises(TelegramError) as caught:
        await an_api(answer).call("sendMessage")
    error = caught.value
    assert (error.code, error.is_passing, error.was_sent) == (code, is_passing, was_sent)
    assert TOKEN not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("told", [TOKEN, "bot" + TOKEN, TOKEN.replace(":", "%3A"), "5551234567:AAbbCCddEEffGG"])
async def test_a_token_in_the_description_goes_no_further(told: str) -> None:
    """Whoever stands between Telegram and us may write the address that was asked into its refusal."""
    with pytest.raises(TelegramError) as caught:
        await an_api(refused(404, f"Not Found: /{told}/getMe\n 12:30")).call("getMe")
    assert caught.value.description.endswith("[secret]/getMe 12:30")
    assert told not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "told", "meant"),
    [
        (
            httpx.ConnectError("[Errno 111] Connect call failed ('127.0.0.1', 9)"),
            "Connect call failed",
            "Nothing listens at that address.",
        ),
        (
            httpx.ConnectError("[Errno -2] Name or service not known"),
            "Name or service not known",
            "The host name of the address is not known.",
        ),
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed (_ssl.c:1006)"),
            "certificate verify failed: self-signed",
            "The certificate of the address is not in order.",
        ),
        (httpx.ConnectTimeout("no connection within 5.0 s"), "timed out", "The server does not answer in time."),
        (httpx.ConnectError(""), "ConnectError", ""),
    ],
)
async def test_why_there_is_no_connection(failure: Exception, told: str, meant: str) -> None:
    with pytest.raises(TelegramError) as caught:
        await an_api(failure).call("getMe")
    assert str(caught.value) == f"getMe: no answer: no connection, {told}"
    assert why_failed(caught.value) == f"{caught.value}. {meant}".rstrip(". ")


async def test_nobody_listens() -> None:
    transport = Transport()
    with pytest.raises(TelegramError, match=r"no answer: no connection, .*Connect") as caught:
        await TelegramAPI(TOKEN, transport, f"http://127.0.0.1:{free_port()}").call("getMe")
    assert "127.0.0.1" not in str(caught.value)
    await transport.aclose()


async def test_call_error_parameters() -> None:
    with pytest.raises(TelegramError) as caught:
        await an_api(refused(400, "upgraded", migrate_to_chat_id=-100, retry_after=3)).call("sendMessage")
    assert (caught.value.migrate_to_chat_id, caught.value.retry_after_s) == (-100, 3)


@together(
    "answer, code, retry_after_s, migrate_to_chat_id",
    [
        ({"error_code": "429", "parameters": {"retry_after": "7"}}, 502, None, None),
        ({"error_code": "<b>", "parameters": {"retry_after": "soon", "migrate_to_chat_id": "-100"}}, 502, None, None),
        ({"error_code": None, "parameters": "retry_after"}, 502, None, None),
        ({"error_code": True, "parameters": {"retry_after": True, "migrate_to_chat_id": [-100]}}, 502, None, None),
        ({"error_code": 429.5, "parameters": {"retry_after": 1.5}}, 502, None, None),
        ({"error_code": 429, "parameters": {"retry_after": -3, "migrate_to_chat_id": -100}}, 429, 0, -100),
        ({}, 502, None, None),
    ],
)
def test_error_of_mutated_types(
    answer: dict[str, Any], code: int, retry_after_s: float | None, migrate_to_chat_id: int | None
) -> None:
    """As something between Telegram and us may send them: the status counts, and nobody sleeps for a text."""
    body = json.dumps({"ok": False, "description": 5, **answer}).encode()
    with pytest.raises(TelegramError, match="sendMessage: ") as caught:
        api_module.result_of("sendMessage", 502, body)
    error = caught.value
    assert (error.code, error.retry_after_s, error.migrate_to_chat_id) == (code, retry_after_s, migrate_to_chat_id)
    assert error.is_passing


async def test_call_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(TelegramError, match="nothing within"):
        await TelegramAPI(TOKEN, Mocked(hang), "https://x").call("getMe", timeout_s=0.05)
    assert api_module.CALL_S <= 10


@pytest.mark.parametrize(
    ("date", "moment"),
    [("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0), ("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800.0)],
)
def test_date_of_an_answer(date: str, moment: float) -> None:
    assert api_module.moment_of(date) == moment
    assert parsedate_to_datetime(date).timestamp() == moment


@together(
    "date",
    ["", "yesterday", "Sun, 06 Foo 1994 08:49:37 GMT", "Thu, 30 Feb 2024 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37"],
)
def test_date_that_is_none(date: str) -> None:
    with pytest.raises(ValueError, match=r"no date|day is out of range"):
        api_module.moment_of(date)
