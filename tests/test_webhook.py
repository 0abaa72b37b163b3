"""A server's registration: what is refused beside it, and what is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from conftest import House, a_house

import bot as bot_module
from demo.telegram import Refused
from telegram import webhook

BUSY = Refused(429, "Too Many Requests: retry after 3600", retry_after=3600)


def refusing(house: House, of: str, *refusals: Refused) -> None:
    """Telegram refuses the next calls of a method so."""
    telegram, left = house.world.telegram, list(refusals)
    execute = telegram.execute

    def refused(method: str, params: dict[str, Any]) -> Any:
        if method == of and left:
            raise left.pop(0)
        return execute(method, params)

    telegram.execute = refused  # type: ignore[method-assign]


@asynccontextmanager
async def an_introduced(house: House) -> AsyncIterator[None]:
    """A server that tells Telegram where it is, inside until it is registered."""
    how = bot_module.introduction(house.settings)
    telling = asyncio.ensure_future(webhook.introduce(house.bot, house.settings, how))
    try:
        async with asyncio.timeout(5):
            while not house.bot.standing.is_ours:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def test_refused_description_is_no_failed_registration(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(house, "setMyDescription", BUSY)
        async with an_introduced(house):
            assert (house.bot.standing.state, house.bot.standing.trouble) == ("registered", "")
        assert "descriptions are left as they were: setMyDescription: 429" in caplog.text


async def test_webhook_set_in_spite_of_a_refused_menu() -> None:
    """On Fly it is the release command: a deployment hangs on its exit code."""
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(house, "setMyCommands", BUSY)
        how = bot_module.introduction(house.settings)
        assert await webhook.look_after_webhook(house.settings, "set", how, drop_pending=False) == 0


async def test_no_wait_is_longer_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MAX_RETRY_AFTER_S", 0.001)
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(house, "setWebhook", BUSY)
        async with an_introduced(house):
            assert house.world.telegram.webhook["url"] == "http://127.0.0.1:1/webhook"


async def test_a_host_name_that_telegram_learns_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "HOST_AGAIN_S", 0.001)
    unknown = Refused(400, "Bad Request: bad webhook: failed to resolve host: Name or service not known")
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(house, "setWebhook", unknown, unknown)
        async with an_introduced(house):
            assert house.bot.standing.trouble == ""


async def test_telegrams_own_name_that_is_not_found_is_asked_again_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this machine, whose network is just coming up: that is no word on the host of the webhook."""
    monkeypatch.setattr(webhook, "HOST_AGAIN_S", 60.0)
    monkeypatch.setattr(webhook, "REGISTER_BACK_OFF_S", (0.001,))
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(house, "getWebhookInfo", Refused(502, "no connection, Name or service not known"))
        async with an_introduced(house):
            assert house.bot.standing.trouble == ""


async def test_an_address_that_is_wrong_for_good(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        refusing(
            house, "setWebhook", Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        )
        telling = asyncio.ensure_future(
            webhook.introduce(house.bot, house.settings, bot_module.introduction(house.settings))
        )
        async with asyncio.timeout(5):
            while "the webhook is not registered" not in caplog.text:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        assert "again in" not in caplog.text
        telling.cancel()
