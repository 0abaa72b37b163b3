"""tests/live against servers that are well, and that are ill in every way it looks for."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import httpx
import pytest
from conftest import ADA, ROOT
from forks import Fork, can_fork
from house import free_port
from live.conftest import Pace, Server, of_environment
from live.test_deployment import test_command_is_answered as command_is_answered
from live.test_deployment import test_the_owners_criteria_are_met as the_owners_criteria_are_met
from test_webhook_server import Process
from wires import served

import demo
import http1.server
import settings
from bot import COMMANDS
from http1.server import Handler, Request, Response

pytestmark = [pytest.mark.no_cover, pytest.mark.real_time]  # others reach what these do

URL = "http://127.0.0.1"
FEW = {"VOLSCAN_SYMBOLS": "10"}


def live(*arguments: str, **environ: str) -> tuple[int, str]:
    """Exit code and output of `python -m pytest tests/live …`; no secret is in it."""
    clean = FEW | {"COLUMNS": "300"}  # so that no line of the summary is cut
    clean |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # it needs none of those that are installed here
    clean |= {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    code, out = finished(["-m", "pytest", "tests/live", *arguments], clean | environ)
    secret = settings.load({"TELEGRAM_BOT_TOKEN": demo.TOKEN}, ["okx"]).webhook_secret
    assert demo.TOKEN not in out
    assert secret not in out
    return code, out


def finished(arguments: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """Exit code and all output of a Python with these arguments."""
    if can_fork(arguments):
        fork = Fork(arguments, environ)
        out, _ = fork.communicate(timeout=120)
        assert fork.returncode is not None
        return fork.returncode, out
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def failures(out: str) -> list[str]:
    """The lines of the short summary."""
    return re.findall(r"^(?:FAILED|ERROR) \S+ - Failed: (.*)$", out, re.MULTILINE)


def port_before_a_free_one() -> int:
    """A free port whose next one is free as well."""
    while True:
        port = free_port()
        with socket.socket() as next_one, suppress(OSError):
            next_one.bind(("127.0.0.1", port + 1))
            return port


@contextmanager
def a_demo() -> Iterator[tuple[str, str]]:
    """`python webhook_server.py --demo`, registered: its address, and its chat page's."""
    port = port_before_a_free_one()
    process = Process(["webhook_server.py", "--demo"], {"PORT": str(port)} | FEW)
    process.patience(120)
    try:
        process.until("Telegram delivers to")
        yield f"{URL}:{port}", f"{URL}:{port + 1}"
    finally:
        process.end(signal.SIGTERM)


def said(text: str, **fields: Any) -> Response:
    call = {"method": "sendMessage", "chat_id": ADA, "text": text, "parse_mode": "HTML", **fields}
    return Response(200, json.dumps(call).encode())


@asynccontextmanager
async def a_stand_in(respond: Handler) -> AsyncIterator[str]:
    """The address of some other server."""
    server = http1.server.Server()
    (port,) = await server.start(served(server, respond), "127.0.0.1", 0)
    try:
        yield f"{URL}:{port}"
    finally:
        await server.close(1)


@pytest.mark.trial
def test_the_demo_passes() -> None:
    with a_demo() as (url, _):
        code, out = live("--demo", "--url", url)
    assert failures(out) == []
    assert code == 0
    assert re.search(r"\d+ passed in", out)
    assert "skipped" not in out
    table = out.partition("seconds from update to answer")[2]
    for name in COMMANDS:
        assert re.search(rf"^/{name}(?: BTC)? +200 +\d\.\d\d +\d\.\d\d  \S", table, re.MULTILINE), name


@pytest.mark.trial
def test_the_environment_tells_the_same() -> None:
    """Token, secret and user from the variables that the server has; only the polling is left out here."""
    with a_demo() as (url, page):
        code, out = live(
            *("--url", f"{url}/webhook", "-k", "not polling", "-rs"),
            TELEGRAM_BOT_TOKEN=demo.TOKEN,
            TELEGRAM_CHAT_ID=f"-5, {demo.keys.USER_ID}",
            TELEGRAM_API_URL=page,
            COMMANDS_PER_MINUTE=demo.keys.COMMANDS_PER_MINUTE,
        )
    assert (code, failures(out)) == (0, [])
    assert "API_KEY is not set" in out


@pytest.mark.trial
def test_a_webhook_elsewhere_and_a_dead_exchange_set_fail() -> None:
    with a_demo() as (url, page):
        elsewhere = {"url": f"{URL}:9/webhook"}
        httpx.post(f"{page}/bot{demo.TOKEN}/setWebhook", json=elsewhere, trust_env=False)
        httpx.post(f"{page}/world/fault", json={"fault": "451"}, trust_env=False)
        code, out = live("--demo", "--url", url, "-k", "registered or exchanges or price")
    assert code == 1
    lines = failures(out)
    nothing, lines = lines[1], [lines[0], *lines[2:]]
    assert nothing.startswith("/price BTC finds nothing: No price for BTC-USDT right now. Binance, ")
    assert lines[0] == f"The webhook is elsewhere: --url asks for {url}/webhook.; pending 0; url {URL}:9/webhook"
    assert lines[1].startswith("No exchange answers: ")
    assert "BINANCE_SPOT refused this server's region" in lines[1]
    assert len(lines) == 2
    assert re.search(r"/price BTC +200 .+ No price for BTC-USDT right now", out)


ILL = {
    "/price BTC": (Response(200), "/price BTC is not answered: COMMANDS_PER_MINUTE is used up, or nobody may ask."),
    "/analysis BTC": (Response(503, b"{}"), "/analysis BTC is answered with 503 and no call."),
    "/volume BTC": (Response(502, b"<html>", "text/html"), "/volume BTC is answered with 502 and no call."),
    "/cvd BTC": (said("x", method="editMessageText"), "/cvd BTC is answered with 200 and editMessageText."),
    "/ls BTC": (said("x", chat_id=7), "/ls BTC is answered with 200 and sendMessage."),
    "/oi": (said("a < b"), "/oi is answered: with HTML that Telegram refuses"),
    "/funding": (said("Something went wrong here, …"), "/funding is answered: Something went wrong here, …"),
    "/balance": (said("This takes too long just now. …"), "/balance is answered: This takes too long just now. …"),
}
"""What a server answers, and what is said of it."""


async def test_a_server_with_every_ill_fails() -> None:
    """It asks for no secret, is stuck, hides its API, and answers all sorts of things."""

    async def respond(request: Request) -> Response:
        if request.path == "/health":
            stuck = {"status": "stuck", "reason": "an update has been in work for 21 s", "exchanges": {}}
            return Response(503, json.dumps(stuck).encode())
        if request.path != "/webhook":
            return Response(404, b"{}")
        text = json.loads(await request.body())["message"]["text"]
        return ILL.get(text, (said("As it should be."), ""))[0]

    async with a_stand_in(respond) as url:
        code, out = await asyncio.to_thread(live, "--demo", "--url", url, "-k", "not polling and not registered")
    assert code == 1
    assert [re.sub(r"; the slowest, .*", "", line) for line in failures(out)] == [
        "/health answers 503: stuck, an update has been in work for 21 s.",
        "An update whose secret is missing is answered with 200, not 401.",
        "An update whose secret is wrong is answered with 200, not 401.",
        *(line for _, line in ILL.values()),
        f"{1 - len(ILL) / len(COMMANDS):.0%} of {len(COMMANDS)} commands are answered",
        "/health tells neither memory nor uptime.",
        "No exchange answers: ?",
        "The JSON API answers 404: the server has no API_KEY.",
    ]
    assert re.search(r"/balance +200 +\d\.\d\d +This takes too long just now", out)


def a_slow_server(took_s: float) -> Server:
    """Whatever is asked is answered well, after so many seconds of its clock."""
    chosen = settings.load({"TELEGRAM_BOT_TOKEN": demo.TOKEN}, ["okx"])
    replies = httpx.MockTransport(lambda _: httpx.Response(200, content=said("As it should be.").body))
    readings = itertools.count(0.0, took_s)
    client = httpx.Client(transport=replies, trust_env=False)
    return Server(URL, True, chosen, ADA, True, client, clock=lambda: next(readings))


def test_a_slow_command_fails() -> None:
    asked: dict[str, tuple[bool, float]] = {}
    command_is_answered(a_slow_server(8.0), "help", asked, lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match=r"^/status takes 8\.1 s, more than 8\.$"):
        command_is_answered(a_slow_server(8.1), "status", asked, lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match=r"^50% of 2 commands .* slowest, /status, in 8\.1 s"):
        the_owners_criteria_are_met(asked)


@pytest.mark.trial
def test_a_wrong_secret_is_one_line() -> None:
    with a_demo() as (url, page):
        code, out = live(
            *("--url", url, "-k", "command or memory"),
            TELEGRAM_BOT_TOKEN=demo.TOKEN,
            WEBHOOK_SECRET="another-secret-of-24-letters",
            TELEGRAM_CHAT_ID=str(demo.keys.USER_ID),
            TELEGRAM_API_URL=page,
        )
    assert (code, len(set(failures(out)))) == (1, 1)
    assert failures(out)[0].startswith("The server refuses our secret: ")


@pytest.mark.trial
def test_a_server_that_finds_no_figures_fails() -> None:
    """Of one kind of market alone, too."""
    with a_demo() as (url, page):
        httpx.post(f"{page}/world/fault", json={"fault": "451"}, trust_env=False)
        code, out = live("--demo", "--url", url, "-k", "command and (oi or help)")
    assert (code, len(failures(out))) == (1, 1)
    assert failures(out)[0].startswith("/oi finds nothing: No ")


class Clock:
    """A clock that only sleeping turns."""

    def __init__(self) -> None:
        self.now_s, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now_s += seconds


def test_pace_keeps_to_the_limit() -> None:
    clock = Clock()
    pace = Pace(20, lambda: clock.now_s, clock.sleep)
    for _ in range(21):
        pace.wait()
    assert clock.slept == [3.0, 3.0, 3.0]
    clock.now_s += 60
    pace.wait()
    assert len(clock.slept) == 3


def test_pace_without_a_limit() -> None:
    clock = Clock()
    for _ in range(100):
        Pace(0, lambda: clock.now_s, clock.sleep).wait()
    assert clock.slept == []


async def test_a_server_that_is_another_fails() -> None:
    async def respond(request: Request) -> Response:
        return Response(200, b'{"status": "healthy"}')

    async with a_stand_in(respond) as url:
        code, out = await asyncio.to_thread(live, "--demo", "--url", url)
    assert code == 1
    assert set(failures(out)) == {f"{url}/health is not this bot's: it answers 200."}


def test_a_server_that_is_not_there_fails() -> None:
    code, out = live("--demo", "--url", f"{URL}:{port_before_a_free_one()}", "-k", "quick")
    assert code == 1
    assert re.search(r"cannot be reached: .+\.$", failures(out)[0])


def test_without_url_it_is_skipped() -> None:
    code, out = live("-rs")
    assert code == 0
    assert "no --url: python -m pytest tests/live --url https://…" in out
    assert "passed" not in out


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "Set TELEGRAM_BOT_TOKEN, or WEBHOOK_SECRET"),
        ({"TELEGRAM_BOT_TOKEN": "nonsense"}, "TELEGRAM_BOT_TOKEN should look like"),
        ({"WEBHOOK_SECRET": "abc-of-16-letters"}, "Set TELEGRAM_CHAT_ID"),
        ({"WEBHOOK_SECRET": "abc-of-16-letters", "TELEGRAM_CHAT_ID": "-5"}, "Set TELEGRAM_CHAT_ID"),
    ],
)
def test_what_the_environment_lacks(environ: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", environ)
    with pytest.raises(pytest.fail.Exception, match=words):
        of_environment()


@pytest.mark.parametrize(
    ("chats", "user_id", "is_listed"),
    [("1001", 1001, True), ("-5, 42,1001", 42, True), ("*,7", 7, True), ("*", 1001, False), ("*,-5", 1001, False)],
)
def test_who_asks(chats: str, user_id: int, is_listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"WEBHOOK_SECRET": "abc-of-16-letters", "TELEGRAM_CHAT_ID": chats})
    chosen, asks = of_environment()
    assert (asks, asks in chosen.allowed_ids) == (user_id, is_listed)
    with httpx.Client(trust_env=False, verify=False) as client:
        server = Server(URL, False, chosen, asks, is_listed, client)
        assert {server.may_ask(each) for each in COMMANDS.values() if each.is_private} == {is_listed}
        assert server.may_ask(COMMANDS["price"])
