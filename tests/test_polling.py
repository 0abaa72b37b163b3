"""Polling while Telegram falters, while a chat is slow, and at the end: nothing lost, as little doubled as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from conftest import ADA, a_house
from mocked import Mocked
from test_bot import a_poller, said

from demo.web import Asked, Handler, Reply
from telegram.api import TelegramAPI
from telegram.polling import Poller

OK = httpx.Response(200, json={"ok": True, "result": {}})
NGINX = httpx.Response(502, text="<html><title>502 Bad Gateway</title></html>")
HELLO = {"method": "sendMessage", "chat_id": ADA, "text": "hello"}


async def at_once(seconds: float) -> None:
    await asyncio.sleep(0)


async def nothing(update: object) -> None: ...


def a_sender(
    *answers: httpx.Response | Exception, sleep: Callable[[float], Awaitable[None]] = at_once
) -> tuple[Poller, list[Any]]:
    """A poller whose calls are answered so, and OK after that; its calls."""
    left, calls = list(answers), []

    async def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path.rpartition("/")[2])
        given = left.pop(0) if left else OK
        if isinstance(given, Exception):
            raise given
        return given

    api = TelegramAPI("123456:TEST-token", Mocked(answer), "http://telegram.invalid")
    return Poller(nothing, api, 20, sleep), calls


# What something between Telegram and us answers.


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_proxys_refusal_is_no_verdict_on_the_token(status: int, caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        left = [Reply(status, b"<html>Who are you?</html>", "text/html")] * 2

        async def portal(asked: Asked, whole: Handler) -> Reply:
            return left.pop() if left and asked.path.endswith("/getUpdates") else await whole(asked)

        house.world.telegram_site.intercept(portal)
        house.world.telegram.send("/help")
        async with a_poller(house):
            await house.world.telegram.settle()
        assert len(said(house)) == 1
        assert f"getUpdates: 502 the answer is not the Bot API's, with status {status}" in caplog.text


# An answer that cannot be sent.


@pytest.mark.parametrize(
    ("answers", "n_sent"),
    [
        ([NGINX] * 4, 5),
        ([NGINX, httpx.ReadError("reset"), NGINX], 4),
        ([httpx.ReadError("reset")] * 4, 2),
        ([httpx.ConnectError("no way"), httpx.ReadError("reset"), httpx.ReadError("reset")], 3),
    ],
)
async def test_only_what_may_have_arrived_is_not_sent_a_third_time(answers: list[Any], n_sent: int) -> None:
    poller, calls = a_sender(*answers)
    assert await poller.send(HELLO)
    assert calls == ["sendMessage"] * n_sent
