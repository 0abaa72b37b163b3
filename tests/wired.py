"""A bot whose exchanges are one plain function from request to answer, for tests whose input is literal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from conftest import updated
from mocked import Mocked

import accounts
import bot as bot_module
import settings as settings_module
from asking import fetch
from clock import Clock, loop_time
from exchanges import table
from market import Market

NOW_MS = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC, a Monday
DAY_MS = 86_400_000
KEYS = {"BINANCE_API_KEY": "a-key-of-nobody", "BINANCE_SECRET_KEY": "a-word-of-nobody"}

Answering = Callable[[str, str, Mapping[str, str]], Any]
"""Host, path and query to what is answered as JSON; None is a 404; a pair is a status and JSON; HANGS is silence."""
HANGS = object()


def wired(
    answer: Answering,
    exchanges: str,
    variables: Mapping[str, str] | None = None,
    now: Callable[[], float] = lambda: NOW_MS / 1000,
    monotonic: Callable[[], float] = loop_time,
) -> bot_module.Bot:
    """The bot, which takes the time from `now` and `monotonic`, and asks `answer` everything."""

    async def handle(request: httpx.Request) -> httpx.Response:
        told = answer(request.url.host, request.url.path, dict(request.url.params.items()))
        if told is HANGS:
            await asyncio.Future()
        status, body = told if isinstance(told, tuple) else (404, {"code": -1}) if told is None else (200, told)
        return httpx.Response(status, content=json.dumps(body).encode())

    environ = {"TELEGRAM_CHAT_ID": "1001", "COMMANDS_PER_MINUTE": "0", "EXCHANGES": exchanges, "CACHE_SECONDS": "0"}
    settings = settings_module.load({**environ, **(variables or {})}, table.EXCHANGES)
    clock = Clock(now, monotonic)
    fetcher = fetch.Fetcher(Mocked(handle), settings.urls, keep_budgets=False, clock=clock)
    market = Market(fetcher, settings.exchanges, settings.cache_s, clock)
    kept = accounts.Accounts(fetcher, market, settings.keys, clock)
    return bot_module.Bot(settings, market, lambda: kept, clock=clock)


async def say(bot: bot_module.Bot, text: str) -> str:
    """The answer's words, without markup."""
    call = await bot.answer(updated(text))
    assert call is not None
    return re.sub(r"<[^>]+>", "", str(call["text"])).replace("&amp;", "&").replace("&gt;", ">")
