"""Registering the webhook, and what Telegram says of it."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

import http1
from metrics import Process
from render import figures
from settings import Settings
from telegram.api import TelegramAPI, TelegramError
from telegram.updates import ALLOWED_UPDATES

log = logging.getLogger("bot")
FRESH_ERROR_S = 3600.0  # an older delivery error is history
_DELIVERY_ERRORS = (
    ("401", "The server refuses the secret: the one Telegram has is another. Set the webhook again."),
    ("403", "Something before the server, a firewall or proxy, refuses Telegram."),
    ("404", "Something answers there, but it is not this bot: check the address."),
    ("503", "The server is overloaded, or its machine does not start."),
    ("502", "The platform cannot reach the server: it does not run, or listens on another port."),
    ("timeout", "The server does not answer in time."),
    ("timed out", "The server does not answer in time."),
    ("refused", "Nothing listens at that address."),
    ("resolve", "The host name of the address is not known."),
    ("ssl", "The certificate of the address is not in order."),
    ("certificate", "The certificate of the address is not in order."),
)
"""Words of Telegram's last_error_message, and what to do about them."""
Menu = list[dict[str, str]]
"""The commands as setMyCommands takes them."""

REGISTER_BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)


async def register(api: TelegramAPI, settings: Settings, menu: Menu) -> None:
    """Brings webhook and command menu to what they should be. Raises TelegramError.

    The webhook is set even when all that Telegram shows is as it should be: the secret, which may have
    changed, it never shows; and an identical setWebhook disturbs nothing (tdlib/telegram-bot-api, Client.cpp).
    """
    now = await api.call("getWebhookInfo")
    wanted = {
        "url": settings.webhook_url,
        "max_connections": settings.max_connections,
        "allowed_updates": ALLOWED_UPDATES,
    }
    await api.call("setWebhook", {**wanted, "secret_token": settings.webhook_secret})
    if any(now.get(key) != value for key, value in wanted.items()):
        log.info("the webhook is set to %s", settings.webhook_url)
    if await api.call("getMyCommands") != menu:
        await api.call("setMyCommands", {"commands": menu})
        log.info("the command menu is set")


async def look_after_webhook(settings: Settings, action: str, menu: Menu, *, drop_pending: bool) -> int:
    """`python bot.py webhook set|info|delete`; exit code 0 when all is as it should be."""
    transport = http1.Transport()
    api = TelegramAPI(settings.token, transport, settings.telegram_url)
    try:
        if action == "set":
            if not settings.webhook_url:
                print("WEBHOOK_URL is not set: put there the https address of the webhook server.", file=sys.stderr)
                return 2
            await register(api, settings, menu)
        if action == "delete":
            await api.call("deleteWebhook", {"drop_pending_updates": drop_pending})
        lines, is_well = describe_webhook(await api.call("getWebhookInfo"), settings.webhook_url, time.time())
        print("\n".join(lines))
        return 0 if is_well or action == "delete" else 1
    except TelegramError as error:
        why = "Telegram does not accept TELEGRAM_BOT_TOKEN" if error.code in (401, 404) else str(error)
        print(f"{why}.", file=sys.stderr)
        return 1
    finally:
        await transport.aclose()


def describe_webhook(info: Mapping[str, Any], wanted_url: str, now: float) -> tuple[list[str], bool]:
    """What getWebhookInfo says, and what that means; whether updates arrive."""
    url, said = str(info.get("url") or ""), str(info.get("last_error_message") or "")
    age_s = now - float(info.get("last_error_date") or 0)
    lines = [f"url      {url or 'none'}", f"pending  {info.get('pending_update_count', 0)}"]
    if info.get("ip_address"):
        lines.append(f"address  {info['ip_address']}")
    if said:
        lines.append(f"error    {said}, {figures.format_span(age_s)} ago")
    verdicts = []
    if not url:
        verdicts.append("No webhook is set: updates wait for polling (python bot.py), or for a webhook.")
    elif wanted_url and url != wanted_url:
        verdicts.append(f"The webhook is elsewhere: WEBHOOK_URL asks for {wanted_url}.")
    if url and said and age_s < FRESH_ERROR_S:
        verdicts.append(next((text for word, text in _DELIVERY_ERRORS if word in said.lower()), "Deliveries fail."))
    return [*lines, *(verdicts or ["Updates are delivered."])], not verdicts


class Registered(Protocol):
    """Who is introduced to Telegram."""

    @property
    def api(self) -> TelegramAPI | None: ...
    @property
    def process(self) -> Process: ...

    async def learn_username(self) -> None: ...


async def introduce(the_bot: Registered, settings: Settings, menu: Menu) -> None:
    """Tells Telegram where we are. A Telegram that is down delays this, never the serving."""
    if the_bot.api is None:
        return
    if not settings.webhook_url:
        log.info("WEBHOOK_URL is not set, so no webhook is registered: set it to this server's public https address")
        return
    failures = 0
    while True:
        try:
            await register(the_bot.api, settings, menu)
            await the_bot.learn_username()
        except TelegramError as error:
            the_bot.process.webhook_state = f"failed: {error}"
            if error.code in (401, 404):
                the_bot.process.webhook_state = "failed: Telegram does not accept TELEGRAM_BOT_TOKEN"
            if not error.is_passing:
                log.error("the webhook is not registered: %s", the_bot.process.webhook_state)
                return
            wait_s = error.retry_after_s or REGISTER_BACK_OFF_S[min(failures, len(REGISTER_BACK_OFF_S) - 1)]
            failures += 1
            log.warning("%s; registering again in %.0f s", error, wait_s)
            await asyncio.sleep(wait_s)
        except Exception:
            the_bot.process.webhook_state = "failed: see the log"
            log.exception("the webhook is not registered")
            return
        else:
            the_bot.process.webhook_state = "registered"
            log.info("Telegram delivers to %s", settings.webhook_url)
            return
