"""What the process tells of itself: the verdict of /health, the build, the clock beside Telegram's."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from conftest import House, a_house, updated
from mocked import Mocked

import health
import settings
from exchanges import table
from telegram.api import TelegramAPI


async def told(house: House) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def verdict(house: House) -> tuple[str, str | None]:
    fields = await told(house)
    return fields["status"], fields["reason"]


@pytest.mark.real_time
async def test_well() -> None:
    async with a_house() as house:
        assert await verdict(house) == ("ok", None)


@pytest.mark.real_time
async def test_a_dead_token_and_a_failed_registration() -> None:
    async with a_house() as house:
        house.bot.standing.fail("Telegram does not accept TELEGRAM_BOT_TOKEN")
        assert await verdict(house) == ("degraded", "Telegram does not accept TELEGRAM_BOT_TOKEN.")


@pytest.mark.real_time
async def test_a_hitch_of_the_poller() -> None:
    async with a_house() as house:
        house.bot.standing.hitch = "Another poller takes this token's updates."
        assert await verdict(house) == ("degraded", "Another poller takes this token's updates.")


@pytest.mark.parametrize(
    ("off_s", "reason"),
    [
        (7200, "This machine's clock is 7200 s ahead of Telegram's: set it right."),
        (-90, "This machine's clock is 90 s behind Telegram's: set it right."),
        (30, None),
        (None, None),
    ],
)
@pytest.mark.real_time
async def test_a_clock_that_is_off(off_s: float | None, reason: str | None) -> None:
    async with a_house() as house:
        assert house.bot.api is not None
        house.bot.api.clock_off_s = off_s
        assert await verdict(house) == ("degraded" if reason else "ok", reason)
        assert (await told(house))["telegram"]["clock_off_s"] == off_s


@pytest.mark.real_time
async def test_a_clock_that_is_off_makes_no_question_too_late() -> None:
    async with a_house() as house:
        assert house.bot.api is not None
        house.bot.api.clock_off_s = 7200
        house.bot.clock = lambda: time.time() + 7200
        call = await house.bot.answer(updated("/help", date=int(time.time())))
        assert call is not None
        assert "reached me only now" not in call["text"]


@pytest.mark.real_time
async def test_a_clock_that_was_just_set_right_makes_no_question_too_late() -> None:
    """What was known of it is from before: Telegram is asked once, for all that seem old."""
    async with a_house() as house:
        assert house.bot.api is not None
        house.bot.api.clock_off_s = -7200
        fresh = [house.bot.answer(updated("/help", date=int(time.time()), update_id=number)) for number in range(3)]
        for call in await asyncio.gather(*fresh):
            assert call is not None
            assert "reached me only now" not in call["text"]
        late = await house.bot.answer(updated("/help", date=int(time.time()) - 7200))
        assert late is not None
        assert "2h00 old" in late["text"]
        assert [method for method, _ in house.world.telegram.calls] == ["getMe"]


@pytest.mark.real_time
async def test_no_exchange_answers() -> None:
    async with a_house(EXCHANGES="okx") as house:
        await house.world.set_fault("okx", "451")
        await house.ask("/oi BTC")
        status, reason = await verdict(house)
        assert status == "degraded"
        assert str(reason).startswith("No exchange answers: ")
        assert "region" in str(reason)


@pytest.mark.real_time
async def test_the_build_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house(COMMIT="1a2b3c4d5e6f7890", FLY_IMAGE_REF="registry.fly.io/bot:deployment-01J\n<b>") as house:
        fields = await told(house)
        assert (fields["version"], fields["commit"]) == (settings.VERSION, "1a2b3c4d5e6f")
        assert fields["image"] == "registry.fly.io/bot:deployment-01Jb"
        assert "1a2b3c4d5e6f" in await house.ask("/status")


def test_the_build_in_a_line() -> None:
    chosen = settings.load({"COMMIT": "1a2b3c4"}, table.EXCHANGES)
    assert chosen.build_line == f"version {settings.VERSION}, commit 1a2b3c4"
    assert settings.load({}, table.EXCHANGES).build_line == f"version {settings.VERSION}"


@pytest.mark.parametrize(
    ("environ", "host"),
    [({}, "127.0.0.1"), ({"PORT": "8000"}, None), ({"FLY_APP_NAME": "market-bot"}, None)],
)
def test_a_pollers_door_is_open_to_others_only_when_asked_for(environ: dict[str, str], host: str | None) -> None:
    assert settings.load(environ, table.EXCHANGES).poller_host == host


# Telegram's clock.

NOW = 1_764_000_000.0


@pytest.mark.parametrize(
    ("headers", "off_s"),
    [
        ({"date": formatdate(NOW - 7200, usegmt=True)}, 7200),
        ({"date": formatdate(NOW + 5, usegmt=True)}, -5),
        ({"date": "yesterday"}, None),
        ({"date": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
@pytest.mark.real_time
async def test_the_date_of_an_answer_is_compared(headers: dict[str, str], off_s: float | None) -> None:
    line = Mocked(lambda _: httpx.Response(200, json={"ok": True, "result": 7}, headers=headers))
    api = TelegramAPI("123456:TEST-00000", line, "http://127.0.0.1", clock=lambda: NOW)
    assert await api.call("getMe") == 7
    assert api.clock_off_s == off_s


def test_what_a_metric_does_not_know_has_no_figure() -> None:
    assert list(health.known("bot_updates_pending", "Wait.", None).lines())[-1] == "# TYPE bot_updates_pending gauge"
    assert list(health.known("bot_updates_pending", "Wait.", 3).lines())[-1] == "bot_updates_pending 3"
