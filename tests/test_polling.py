"""Polling while Telegram falters, while a chat is slow, and at the end: nothing lost, as little doubled as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from conftest import ADA
from mocked import Mocked

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
