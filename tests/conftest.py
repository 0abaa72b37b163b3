"""Async tests run in a loop of their own; the recordings are read where they lie."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bot as bot_module  # noqa: E402
import demo  # noqa: E402
import http1  # noqa: E402
import settings as settings_module  # noqa: E402
import webhook_server  # noqa: E402
from exchanges import table  # noqa: E402
from exchanges.words import Listing  # noqa: E402

RECORDINGS = Path(os.environ.get("RECORDINGS") or ROOT.parent / "shared" / "recordings")
ADA = 1001


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test, at most 50 s long."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        async with asyncio.timeout(50):
            await pyfuncitem.obj(**arguments)

    asyncio.run(run())
    return True


@pytest.fixture(autouse=True)
def log_without_secrets(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Loggers are as they were, whatever a test has set up; and no line of any test holds a key or a signature.

    What is looked at is the raw record, before the log's own redaction.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    if "raw_secrets" in request.keywords:
        return
    said = "\n".join(logging.Formatter().format(record) for record in caplog.get_records("call"))
    for secret in (*demo.keys.ENVIRON.values(), demo.TOKEN, "&signature=", "TEST-"):
        assert secret not in said, "a secret is in the log"


def recorded(name: str) -> bytes:
    """The body of a recorded answer, as bytes. Skips the test on a machine without the recordings."""
    path = RECORDINGS / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no recording {name}: ../shared/recordings is not on this machine")
    body = json.loads(path.read_text())["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def updated(text: str, update_id: int = 1, chat_id: int = ADA, user_id: int = ADA, **fields: Any) -> dict[str, Any]:
    """An update with a text message; fields go into the message. Chats below zero are groups."""
    message: dict[str, Any] = {
        "message_id": 40 + update_id,
        "from": {"id": user_id, "is_bot": False, "first_name": "Ada"},
        "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"},
        "date": 4_000_000_000,
        "text": text,
    }
    return {"update_id": update_id, "message": message | fields}


def pressed(data: str, update_id: int = 1, chat_id: int = ADA, user_id: int = ADA) -> dict[str, Any]:
    """An update with a pressed button."""
    callback = {
        "id": "77",
        "from": {"id": user_id, "is_bot": False, "first_name": "Ada"},
        "message": {"message_id": 9, "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}},
        "data": data,
    }
    return {"update_id": update_id, "callback_query": callback}


class Answers:
    """A file of answers/ for a test: without words to read, and what it gives is the answer itself."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self.ask = ask

    def command(self, words: list[str]) -> None:
        """Nothing is read."""

    def show(self, record: Any, now_s: float) -> Any:
        return record


class House:
    """The real server, bot and exchange code, living in the offline world."""

    def __init__(self, world: demo.World, settings: settings_module.Settings, transport: http1.Transport) -> None:
        self.world, self.settings, self.transport = world, settings, transport
        self.bot = bot_module.build(settings, transport)
        self.server = http1.Server(webhook_server.Door(self.bot, settings).respond)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        (self.port,) = await self.server.start("127.0.0.1", 0)

    async def ask(self, text: str, **fields: Any) -> str:
        """The text that answers a private message."""
        call = await self.bot.answer(updated(text, **fields))
        assert call is not None, f"no answer to {text}"
        return str(call["text"])

    async def reopen_circuits(self) -> None:
        """Forgets failures and cached answers, as if time had passed."""
        self.bot.market._fetcher._circuits.clear()
        self.bot.market._cache._kept.clear()


@asynccontextmanager
async def a_house(**variables: str) -> AsyncIterator[House]:
    """A house whose settings are the world's, with the variables given."""
    world = demo.World(back_off_s=0.02)
    await world.start()
    environ = {"TELEGRAM_CHAT_ID": str(ADA), "COMMANDS_PER_MINUTE": "0", **world.environ, **variables}
    settings = settings_module.load(environ, table.EXCHANGES)
    transport = http1.Transport()
    house = House(world, settings, transport)
    try:
        await house.open()
        yield house
    finally:
        told = repr([(method, params) for method, params in world.telegram.calls if method != "setWebhook"])
        assert not any(secret in told for secret in demo.keys.ENVIRON.values()), "a secret was sent to a chat"
        await house.server.close(1)
        await transport.aclose()
        await world.close()


NOW_MS = 1_700_000_000_000  # 22:13:20; the next full hour is 1700002800000


def a_listing(kind: str, listed: str, multiplier: int = 1, contract_size: float | None = None) -> Listing:
    """A market as an exchange lists it, of which nothing was asked yet."""
    return Listing(kind, listed, listed, multiplier, contract_size)


def a_spot(listed: str, multiplier: int = 1) -> Listing:
    return a_listing("spot", listed, multiplier)


def a_perp(listed: str, multiplier: int = 1, contract_size: float | None = None) -> Listing:
    return a_listing("perp", listed, multiplier, contract_size)
