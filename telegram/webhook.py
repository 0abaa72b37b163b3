"""Registering the webhook, when nobody else was chosen since; watching it; and what Telegram says of it, to people."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from clock import MACHINE
from http1.client import Transport
from http1.words import Answer, Line, LineError, to_ask
from settings import Settings
from telegram.api import MAX_RETRY_AFTER_S, TelegramAPI, TelegramError
from telegram.introduction import Introduction, introduce_or_warn
from telegram.standing import POLLER_MARK, Standing, chosen_instead, is_of_the_host, judge, meaning, words_in
from telegram.updates import ALLOWED_UPDATES

log = logging.getLogger("bot")
REGISTER_BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
HOST_AGAIN_S = 60.0  # a name that was just made becomes known to Telegram's resolvers within minutes
WATCH_EVERY_S = 60.0  # Telegram is asked how deliveries go
LOOK_AGAIN_S = 3.0  # whether what waits grows less
DOOR_S = 5.0  # for an address to answer /health
MAX_HEALTH = 65536  # bytes of an answer that is looked at


async def register(
    api: TelegramAPI, settings: Settings, introduction: Introduction, now: Mapping[str, Any] | None = None
) -> None:
    """Brings webhook, menus and descriptions to what they should be. now: what getWebhookInfo says.

    Raises TelegramError for the webhook; menus and descriptions, without which all works as well, are only warned of.

    The webhook is set even when all that Telegram shows is as it should be: the secret, which may have
    changed, it never shows; and an identical setWebhook disturbs nothing (tdlib/telegram-bot-api, Client.cpp).
    """
    now = await ask_info(api) if now is None else now
    wanted = {
        "url": settings.webhook_url,
        "max_connections": settings.max_connections,
        "allowed_updates": ALLOWED_UPDATES,
    }
    await api.call("setWebhook", {**wanted, "secret_token": settings.webhook_secret})
    if any(now.get(key) != value for key, value in wanted.items()):
        log.info("the webhook is set to %s", settings.webhook_url)
    await introduce_or_warn(api, introduction)


async def ask_info(api: TelegramAPI) -> Mapping[str, Any]:
    """getWebhookInfo's answer; {} for one of a wrong shape. Raises TelegramError."""
    info = await api.call("getWebhookInfo")
    return info if isinstance(info, dict) else {}


# A server's own.


class Registered(Protocol):
    """Who is introduced to Telegram, and keeps how that went."""

    @property
    def api(self) -> TelegramAPI | None: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def clock(self) -> Callable[[], float]: ...

    async def learn_username(self) -> None: ...


async def introduce(the_bot: Registered, settings: Settings, introduction: Introduction) -> None:
    """Tells Telegram where we are, unless another was chosen for the updates, and watches how deliveries go.

    A Telegram that is down delays this, never the serving.
    """
    if the_bot.api is None:
        return
    if not settings.webhook_url:
        log.info("WEBHOOK_URL is not set, so no webhook is registered: set it to this server's public https address")
        return
    try:
        await _register_in_time(the_bot, the_bot.api, settings, introduction)
        await watch(the_bot.api, the_bot.standing, settings.webhook_url, the_bot.clock)
    except Exception:
        the_bot.standing.fail("registering the webhook went wrong: see the log")
        log.exception("the webhook is not registered")


async def _register_in_time(
    the_bot: Registered, api: TelegramAPI, settings: Settings, introduction: Introduction
) -> None:
    """Registers, again and again while that may help."""
    failures = 0
    while True:
        try:
            if not await _take_the_place(the_bot, api, settings, introduction):
                return
            await the_bot.learn_username()
            log.info("Telegram delivers to %s", settings.webhook_url)
            return
        except TelegramError as error:
            the_bot.standing.fail(why_failed(error))
            is_new_host = not error.is_passing and is_of_the_host(error.description)
            if not error.is_passing and not is_new_host:
                log.error("the webhook is not registered: %s", the_bot.standing.state)
                return
            back_off_s = (
                HOST_AGAIN_S if is_new_host else REGISTER_BACK_OFF_S[min(failures, len(REGISTER_BACK_OFF_S) - 1)]
            )
            wait_s = min(error.retry_after_s or back_off_s, MAX_RETRY_AFTER_S)
            failures += 1
            log.warning("%s; registering again in %.0f s", error, wait_s)
            await asyncio.sleep(wait_s)


async def _take_the_place(
    the_bot: Registered, api: TelegramAPI, settings: Settings, introduction: Introduction
) -> bool:
    """Whether we are registered; not when another was chosen since we last were. Raises TelegramError."""
    info, standing = await ask_info(api), the_bot.standing
    if who := chosen_instead(info, settings.webhook_url):
        standing.learn(info, settings.webhook_url, the_bot.clock())
        log.warning("the webhook is left as it is: %s; python bot.py webhook set brings updates here", who)
        return False
    await register(api, settings, introduction, info)
    now_so = {"url": settings.webhook_url, "pending_update_count": info.get("pending_update_count")}
    standing.learn(now_so, settings.webhook_url, the_bot.clock())
    return True


def why_failed(error: TelegramError) -> str:
    """In words for those who can mend it; a sentence without its full stop."""
    if error.code in (401, 404):
        return "Telegram does not accept TELEGRAM_BOT_TOKEN"
    return f"{error}. {meaning(error.description)}".rstrip(". ")


async def watch(api: TelegramAPI, standing: Standing, our_url: str, clock: Callable[[], float]) -> None:
    """Asks Telegram every minute how we stand, for ever, and logs what is new and bad; our_url is "" for a poller."""
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        before = standing.trouble
        try:
            standing.learn(await ask_info(api), our_url, clock())
        except TelegramError as error:
            if not error.is_passing:
                standing.fail(why_failed(error))
        if standing.trouble and standing.trouble != before:
            log.warning("%s", standing.trouble)


# By hand.


async def look_after_webhook(settings: Settings, action: str, introduction: Introduction, *, drop_pending: bool) -> int:
    """`python bot.py webhook set|info|delete`; exit code 0 when it was done, and for info when nothing is wrong."""
    transport = Transport(ca_file=settings.ca_file)
    api = TelegramAPI(settings.token, transport, settings.telegram_url)
    try:
        if action == "set":
            if not settings.webhook_url:
                print("WEBHOOK_URL is not set: put there the https address of the webhook server.", file=sys.stderr)
                return 2
            await register(api, settings, introduction)
        if action == "delete":
            await remove(api, drop_pending=drop_pending)
        lines, is_well = await inspect(api, transport, settings)
        print("\n".join(lines))
        return 0 if is_well or action != "info" else 1
    except TelegramError as error:
        print(f"{why_failed(error)}.", file=sys.stderr)
        return 1
    finally:
        await transport.aclose()


async def remove(api: TelegramAPI, *, drop_pending: bool = False) -> None:
    """Removes the webhook and chooses polling: no server that merely starts takes it back. Raises TelegramError.

    A getUpdates without an offset confirms nothing; it leaves the poller's mark.
    """
    await api.call("deleteWebhook", {"drop_pending_updates": drop_pending})
    await api.call("getUpdates", {"limit": 1, "timeout": 0, "allowed_updates": [*ALLOWED_UPDATES, POLLER_MARK]})


async def inspect(api: TelegramAPI, line: Line, settings: Settings) -> tuple[list[str], bool]:
    """What Telegram says of the webhook, and what its address says itself. Raises TelegramError."""
    info, was_pending = await ask_info(api), None
    url = words_in(info, "url")
    if url and info.get("pending_update_count"):
        was_pending = info["pending_update_count"]
        await asyncio.sleep(LOOK_AGAIN_S)
        info = await ask_info(api)
    door = await ask_the_door(line, url, settings.token) if url else None
    return judge(info, settings.webhook_url, MACHINE.now(), door, was_pending)


async def ask_the_door(line: Line, url: str, token: str) -> str:
    """Why /health beside a webhook's address is not this bot's, in a few words; "" when it is."""
    parts = urlsplit(url)
    try:
        asked = to_ask("GET", f"{parts.scheme}://{parts.netloc}/health", {"accept-encoding": "identity"})
        async with asyncio.timeout(DOOR_S):
            answer = await line.send(asked)
            try:
                body = await _read(answer)
            finally:
                answer.close()
    except TimeoutError:
        return f"timeout, nothing came within {DOOR_S:.0f} s"
    except LineError as error:
        return " ".join(str(error).split())[:200] or type(error).__name__
    return _whose(answer.status, body, token)


async def _read(answer: Answer) -> bytes:
    """The beginning of the body."""
    body = b""
    while len(body) <= MAX_HEALTH and (chunk := await answer.read()):
        body += chunk
    return body[:MAX_HEALTH]


def _whose(status: int, body: bytes, token: str) -> str:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or "bot_id" not in told:
        return f"/health answers {status}"
    if str(told["bot_id"]) != token.partition(":")[0]:
        return "it is another bot, with another token"
    return ""
