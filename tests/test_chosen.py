"""Who gets the updates when a server, a poller and a woken server follow each other; processes of their own."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from conftest import ADA, House, a_house
from test_webhook_server import Process

from settings import VERSION
from telegram import polling
from telegram.api import TelegramError
from telegram.standing import POLLER_MARK


class Place:
    """A machine with its address, on which a server or a poller can be started, again and again."""

    def __init__(self, house: House, port: int) -> None:
        self.house, self.port = house, port
        self.url = f"http://127.0.0.1:{port}"

    def environ(self, **more: str) -> dict[str, str]:
        at = {"TELEGRAM_CHAT_ID": str(ADA), "PORT": str(self.port), "WEBHOOK_URL": self.url}
        return {**self.house.world.environ, **at, **more}

    @asynccontextmanager
    async def runs(self, *arguments: str, until: str, **more: str) -> AsyncIterator[Process]:
        process = Process(list(arguments), self.environ(**more))
        try:
            await asyncio.to_thread(process.until, until)
            yield process
        finally:
            await asyncio.to_thread(process.end, signal.SIGTERM)

    async def done(self, *arguments: str) -> tuple[int, str]:
        return await asyncio.to_thread(Process(list(arguments), self.environ()).end)

    async def health(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            told: dict[str, Any] = (await client.get(f"{self.url}/health")).json()
            return told


def a_port() -> int:
    """A free one below those that the kernel hands out, so that nobody gets it while its process starts again."""
    while True:
        port = random.randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("", port)):
            return port


def two_places(house: House) -> tuple[Place, Place]:
    return Place(house, a_port()), Place(house, a_port())


async def answered(house: House) -> str:
    """By which road an update is answered now: "webhook" or "polling"."""
    telegram = house.world.telegram
    n_attempts = len(telegram.attempts)
    telegram.send("/help", ADA)
    await telegram.settle()
    return "webhook" if len(telegram.attempts) > n_attempts else "polling"


KEY = "open-sesame.1234"
SERVER, POLLER = "webhook_server.py", "bot.py"


@pytest.mark.no_cover
@pytest.mark.real_time
async def test_a_woken_server_takes_nothing_back_from_a_poller() -> None:
    """webhook, polling, a woken server in between, polling started again, and back to the webhook on purpose."""
    async with a_house() as house:
        fly, home = two_places(house)
        async with fly.runs(SERVER, until="Telegram delivers to"):
            assert await answered(house) == "webhook"
        async with home.runs(POLLER, "--delete-webhook", until="polling as"):
            assert await answered(house) == "polling"
            async with fly.runs(SERVER, until="left as it is: a poller was chosen"):
                assert await answered(house) == "polling"
                told = await fly.health()
                assert (told["status"], told["webhook"]) == ("degraded", "not here: a poller was chosen")
        async with fly.runs(SERVER, until="left as it is"):  # woken while no poller runs: it was chosen all the same
            async with home.runs(POLLER, until="polling as"):
                assert await answered(house) == "polling"
            assert (await fly.done("bot.py", "webhook", "set"))[0] == 0
            assert await answered(house) == "webhook"
        async with fly.runs(SERVER, until="Telegram delivers to"):
            assert await answered(house) == "webhook"


@pytest.mark.real_time
async def test_a_server_takes_nothing_back_from_another_server() -> None:
    async with a_house() as house:
        old, new = two_places(house)
        async with new.runs(SERVER, until="Telegram delivers to"):
            async with old.runs(SERVER, until=f"left as it is: another server was chosen, {new.url}/webhook"):
                assert house.world.telegram.webhook["url"] == f"{new.url}/webhook"
                assert "webhook set` brings them here" in (await old.health())["reason"]
            code, out = await old.done("bot.py", "webhook", "info")
            assert (code, "The webhook is elsewhere" in out) == (1, True)


@pytest.mark.real_time
async def test_webhook_delete_chooses_polling() -> None:
    async with a_house() as house:
        place = Place(house, a_port())
        async with place.runs(SERVER, until="Telegram delivers to"):
            pass
        house.world.telegram.send("/help", ADA)
        code, out = await place.done("bot.py", "webhook", "delete")
        assert (code, out.splitlines()[-1]) == (0, "No webhook is set: a poller was chosen.")
        assert POLLER_MARK in house.world.telegram.allowed_updates
        assert house.world.telegram.n_pending == 1  # what waits is kept
        async with place.runs(SERVER, until="left as it is: a poller was chosen"):
            pass


@pytest.mark.real_time
async def test_a_poller_ends_when_a_webhook_is_set() -> None:
    async with a_house() as house:
        place = Place(house, a_port())
        process = Process([POLLER], place.environ())
        await asyncio.to_thread(process.until, "polling as")
        house.world.telegram.execute("setWebhook", {"url": "http://127.0.0.1:1/webhook"})
        code, out = await asyncio.to_thread(process.end)
        assert (code, polling.WEBHOOK_WAS_SET in out, "Traceback" in out) == (1, True, False)


@pytest.mark.parametrize(
    ("description", "ends"),
    [
        ("Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first", True),
        ("Conflict: terminated by setWebhook request", True),
        ("Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", False),
    ],
)
def test_which_conflict_ends_polling(description: str, ends: bool) -> None:
    assert polling.is_of_a_webhook(TelegramError("getUpdates", 409, description)) is ends


# The poller's own door.


@pytest.mark.real_time
async def test_a_poller_tells_how_it_does() -> None:
    async with a_house() as house:
        home = Place(house, a_port())
        async with home.runs(POLLER, until="polling as @demomarketbot, version", API_KEY=KEY, COMMIT="1a2b3c4"):
            assert await answered(house) == "polling"
            told = await home.health()
            assert (told["status"], told["mode"], told["webhook"]) == ("ok", "polling", "polling")
            assert (told["commit"], told["telegram"]["is_ours"]) == ("1a2b3c4", True)
            assert 0 <= told["last_update_s_ago"] < 10
            async with httpx.AsyncClient(base_url=home.url, trust_env=False, verify=False) as client:
                assert (await client.get("/metrics")).status_code == 401
                metrics = await client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
                assert 'bot_updates_total{outcome="answered"} 1' in metrics.text
                assert f'bot_build_info{{version="{VERSION}",commit="1a2b3c4",image=""}} 1' in metrics.text
                refused = [await client.post("/webhook"), await client.get("/price"), await client.post("/health")]
                assert [each.status_code for each in refused] == [404, 404, 405]


@pytest.mark.real_time
async def test_a_pollers_door_is_off_by_port_0_and_no_reason_to_end() -> None:
    async with a_house() as house:
        taken = Place(house, house.port)
        async with taken.runs(POLLER, until="cannot be listened on, so there is no /health"):
            assert await answered(house) == "polling"
        async with taken.runs(POLLER, until="polling as", PORT="0") as process:
            assert await answered(house) == "polling"
        assert "cannot be listened on" not in "".join(process.lines)


@pytest.mark.real_time
async def test_two_pollers_know_of_each_other() -> None:
    async with a_house() as house:
        one, other = two_places(house)
        async with one.runs(POLLER, until="polling as") as first, other.runs(POLLER, until="polling as"):
            await asyncio.to_thread(first.until, "Another poller takes this token's updates")


@pytest.mark.real_time
async def test_a_poller_that_hangs_ends_with_its_traceback() -> None:
    script = (
        "import time, bot, health\n"
        "from answers import help\n"
        "health.HUNG_S = 3\n"
        "help.command = lambda words: time.sleep(30)\n"
        "raise SystemExit(bot.main([]))\n"
    )
    async with a_house() as house:
        process = Process(["-c", script], Place(house, 1).environ(PORT="0"))
        await asyncio.to_thread(process.until, "polling as")
        house.world.telegram.send("/help", ADA)
        code, out = await asyncio.to_thread(process.end)
        assert (code, "Timeout" in out, "time.sleep" in out or "lambda" in out) == (1, True, True), out
