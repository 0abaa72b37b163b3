"""Asks a running server, as Telegram would: `python -m pytest tests/live --url https://…`.

What it is told: TELEGRAM_BOT_TOKEN, TELEGRAM_CHAT_ID (the first user in it asks), and, where they are set there,
WEBHOOK_SECRET, API_KEY and COMMANDS_PER_MINUTE. With --demo the server is `python webhook_server.py --demo`, and
nothing needs to be set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import bot
import demo
import settings
from answers.command import Command
from exchanges import table
from settings import Settings, SettingsError

PATIENCE_S = 20.0  # Telegram's is 60 s
SOMEBODY = 1001  # who asks where everybody may
HINT = "no --url: python -m pytest tests/live --url https://…"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--url", default="", help="tests/live: where the bot's webhook server is, https://…")
    parser.addoption("--demo", action="store_true", help="tests/live: it is python webhook_server.py --demo")


class Pace:
    """Keeps to a server's COMMANDS_PER_MINUTE, which grow back evenly; two are left to whoever else asks meanwhile."""

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._most = max(1.0, per_minute - 2.0)
        self._per_s = per_minute / 60
        self._clock, self._sleep = clock, sleep
        self._left, self._since = self._most, clock()

    def wait(self) -> None:
        """Until one more command is allowed, and counts it."""
        if not self._per_s:
            return
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._since) * self._per_s)
        if self._left < 1:
            self._sleep((1 - self._left) / self._per_s)
            now, self._left = self._clock(), 1.0
        self._left, self._since = self._left - 1, now


class Server(NamedTuple):
    """The server that is asked. url: without /webhook. user_id: who asks; is_listed: by that id."""

    url: str
    is_demo: bool
    settings: Settings
    user_id: int
    is_listed: bool
    client: httpx.Client
    pace: Pace = Pace(0)
    clock: Callable[[], float] = time.monotonic

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/webhook"

    def get(self, path: str, **headers: str) -> tuple[httpx.Response, float]:
        """The answer, and how many seconds it took."""
        return self._timed("GET", path, None, headers)

    def post(self, path: str, body: object, headers: Mapping[str, str]) -> tuple[httpx.Response, float]:
        return self._timed("POST", path, body, headers)

    def deliver(self, text: str) -> tuple[httpx.Response, float]:
        """Posts a message of the user's, as Telegram does, when there is room in the limit."""
        self.pace.wait()
        headers = {"x-telegram-bot-api-secret-token": self.settings.webhook_secret}
        return self.post("/webhook", update(text, self.user_id), headers)

    def _timed(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> tuple[httpx.Response, float]:
        began = self.clock()
        try:
            response = self.client.request(method, f"{self.url}{path}", json=body, headers=dict(headers))
        except httpx.TimeoutException:
            fail(f"{path} did not answer within {PATIENCE_S:.0f} s.")
        except httpx.HTTPError as error:
            fail(f"{self.url} cannot be reached: {str(error) or type(error).__name__}.")
        return response, self.clock() - began

    def may_ask(self, command: Command) -> bool:
        return self.is_listed or not command.is_private


def fail(line: str) -> NoReturn:
    """Fails a test with one line."""
    pytest.fail(line, pytrace=False)


def update(text: str, user_id: int) -> dict[str, Any]:
    now = int(time.time())
    return {
        "update_id": now,
        "message": {
            "message_id": 1,
            "from": {"id": user_id, "is_bot": False, "first_name": "Live test"},
            "chat": {"id": user_id, "type": "private", "first_name": "Live test"},
            "date": now,
            "text": text,
            "entities": [{"offset": 0, "length": len(text.split()[0]), "type": "bot_command"}],
        },
    }


def question(name: str) -> str:
    """A command with the words that it needs."""
    return f"/{name} BTC" if bot.COMMANDS[name].usage.startswith("SYMBOL") else f"/{name}"


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """What --url and the environment say. Skips without --url."""
    url = str(request.config.getoption("url", "") or "").rstrip("/").removesuffix("/webhook")
    if not url:
        pytest.skip(HINT)
    is_demo = bool(request.config.getoption("demo", False))
    chosen, user_id = of_demo(url) if is_demo else of_environment()
    with httpx.Client(timeout=PATIENCE_S, trust_env=not is_demo, headers={"user-agent": "live test"}) as client:
        pace = Pace(chosen.commands_per_minute)
        yield Server(url, is_demo, chosen, user_id, user_id in chosen.allowed_ids, client, pace)


def of_demo(url: str) -> tuple[Settings, int]:
    """The demo's settings; its Telegram is at the next port."""
    environ = {
        "TELEGRAM_BOT_TOKEN": demo.TOKEN,
        "TELEGRAM_CHAT_ID": f"*,{demo.keys.USER_ID}",
        "TELEGRAM_API_URL": f"http://127.0.0.1:{(urlsplit(url).port or 80) + 1}",
        "COMMANDS_PER_MINUTE": demo.keys.COMMANDS_PER_MINUTE,
        **{name: os.environ[name] for name in ("COMMANDS_PER_MINUTE", "VOLSCAN_SYMBOLS") if name in os.environ},
    }
    return settings.load(environ, table.EXCHANGES, is_demo=True), demo.keys.USER_ID


def of_environment() -> tuple[Settings, int]:
    """Fails with what is wrong or missing."""
    try:
        chosen = settings.load(os.environ, table.EXCHANGES)
    except SettingsError as error:
        fail(str(error))
    if not chosen.webhook_secret:
        fail("Set TELEGRAM_BOT_TOKEN, or WEBHOOK_SECRET, to what the server has: updates are proved by it.")
    ids = [int(word) for word in os.environ.get("TELEGRAM_CHAT_ID", "").split(",") if word.strip().isdecimal()]
    if not ids and not chosen.is_open:
        fail("Set TELEGRAM_CHAT_ID to what the server has: the first user in it asks.")
    return chosen, ids[0] if ids else SOMEBODY


@pytest.fixture(scope="session")
def health(server: Server) -> tuple[int, dict[str, Any], float]:
    """What /health says at first: status, fields, seconds. Fails every test when there is no such server."""
    response, _ = server.get("/health")  # also opens the connection, and wakes the machine
    response, took_s = server.get("/health")
    try:
        told = response.json()
    except ValueError:
        told = None
    if not isinstance(told, dict) or "exchanges" not in told:
        fail(f"{server.url}/health is not this bot's: it answers {response.status_code}.")
    return response.status_code, told, took_s


@pytest.fixture(scope="session")
def admitted(server: Server, health: tuple[int, dict[str, Any], float]) -> Server:
    """The server, once it has taken our secret. Fails every test with the one line that matters otherwise."""
    response, _ = server.deliver("/start")
    if response.status_code == 401:
        fail("The server refuses our secret: TELEGRAM_BOT_TOKEN or WEBHOOK_SECRET here is not what the server has.")
    return server


# The table at the end.


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What each command took, by webhook and by polling; seconds from the update to its answer."""
    told = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    noted = [(name, value) for report in told for name, value in report.user_properties]
    webhook = {value["command"]: value for name, value in noted if name == "webhook"}
    polling = {value["command"]: value for name, value in noted if name == "polling"}
    if not webhook and not polling:
        return
    terminalreporter.section("seconds from update to answer")
    terminalreporter.write_line(f"{'command':<16}{'status':<8}{'webhook':>8}{'polling':>9}  answer")
    for command in {**webhook, **polling}:
        of = webhook.get(command, {})
        cells = [f"{each['seconds']:.2f}" if each else "" for each in (of, polling.get(command))]
        line = f"{command:<16}{of.get('status', ''):<8}{cells[0]:>8}{cells[1]:>9}  {of.get('answer', '')}"
        terminalreporter.write_line(line.rstrip())
    terminalreporter.write_line("webhook: through the server at --url; polling: bot.Poller, from this machine")
