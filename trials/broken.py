"""Breaks the bot's surroundings on purpose, one thing after the other, and prints who says what of it.

    python trials/broken.py [NAME …]

For each: the real server (or poller) as its own process, an offline Telegram that delivers to it by way of a proxy
which can misbehave, one question sent; then what `webhook info`, /health, /status, the log and tests/live say. A table,
in Markdown. It takes some ten seconds a row.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import demo
import demo.keys
from demo.telegram import Refused

USER = demo.keys.USER_ID
SETTLE_S = 1.2  # for a delivery, its failure, and the process to ask Telegram how it stands
START = """\
{more}
import sys, {module}
from telegram import webhook
webhook.WATCH_EVERY_S = 0.2
sys.exit({module}.main([]))
"""
ELSEWHERE = "http://127.0.0.1:9/webhook"


class Front:
    """What stands before the server, as a platform's proxy does. answer: what it says itself; None passes things on."""

    def __init__(self) -> None:
        self.answer: str | None = None
        self.port, self.behind = 0, 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            if self.answer == "silence":
                await asyncio.sleep(30)
            elif self.answer is not None:
                writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
            else:
                writer.write(await self._passed_on(head, body))
            await writer.drain()
        writer.close()

    async def _passed_on(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.behind)
        writer.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
        answer = await reader.read()
        writer.close()
        return answer


class Scene:
    """A world, a front, and the process that is looked at."""

    def __init__(self, world: demo.World, front: Front, port: int) -> None:
        self.world, self.front, self.port = world, front, port
        self.telegram = world.telegram
        self.process: asyncio.subprocess.Process | None = None
        self.log: list[str] = []

    @property
    def environ(self) -> dict[str, str]:
        at = {"PORT": str(self.port), "WEBHOOK_URL": self.front.url, "TELEGRAM_CHAT_ID": str(USER)}
        return {**self.world.environ, **at, "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "COLUMNS": "400"}

    async def start(self, module: str, more: str = "pass") -> None:
        self.process = await self._run("-c", START.format(module=module, more=more))
        self._reading = asyncio.ensure_future(self._read())

    async def _run(self, *arguments: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        out = asyncio.subprocess.STDOUT
        return await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, env=self.environ, stdout=pipe, stderr=out
        )

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line.decode().rstrip())

    async def stop(self) -> int | None:
        if self.process is None:
            return None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), 20)
        await self._reading
        return code

    async def output(self, *arguments: str) -> tuple[int | None, str]:
        process = await self._run(*arguments)
        out, _ = await process.communicate()
        return process.returncode, out.decode()


Break = Callable[[Scene], Awaitable[None]]


class Case(NamedTuple):
    """before: the process starts. after: it runs. module: whose main. more: run in the process before it."""

    before: Break | None = None
    after: Break | None = None
    module: str = "webhook_server"
    more: str = "pass"


def answers(status: str) -> Break:
    async def set_answer(scene: Scene) -> None:
        scene.front.answer = status

    return set_answer


def called(method: str, **params: Any) -> Break:
    async def call(scene: Scene) -> None:
        scene.telegram.execute(method, params)

    return call


async def another_secret(scene: Scene) -> None:
    scene.telegram.webhook["secret_token"] = "another"


async def polled_before(scene: Scene) -> None:
    scene.telegram.allowed_updates = ["message", "callback_query", "shipping_query"]


async def token_revoked(scene: Scene) -> None:
    scene.telegram.token = "123456:TEST-another-token"


async def nothing_listens(scene: Scene) -> None:
    await scene.front.close()


async def name_is_unknown(scene: Scene) -> None:
    words = "Bad Request: bad webhook: Failed to resolve host: Name or service not known"

    def refuse(params: dict[str, Any]) -> bool:
        raise Refused(400, words)

    scene.telegram._set_webhook = refuse  # type: ignore[method-assign]


async def bad_certificate(scene: Scene) -> None:
    """The offline Telegram speaks no TLS: its words are put into its mouth."""
    await scene.front.close()
    real = scene.telegram._note

    def note(update: dict[str, Any], outcome: int | str, description: str) -> None:
        real(update, outcome, "SSL error {error:0A000086:SSL routines::certificate verify failed}")

    scene.telegram._note = note  # type: ignore[method-assign]


async def was_ill_once(scene: Scene) -> None:
    scene.telegram._last_error = (int(time.time()) - 300, "Wrong response from the webhook: 502 Bad Gateway")


async def impatient(scene: Scene) -> None:
    scene.front.answer = "silence"
    scene.telegram._client.timeout = httpx.Timeout(0.5)


async def region_refused(scene: Scene) -> None:
    for name in scene.world.sites:
        await scene.world.set_fault(name, "451")


async def second_poller(scene: Scene) -> None:
    async def poll() -> None:
        while True:
            await asyncio.sleep(0.1)
            with suppress(Refused):
                await scene.telegram.get_updates({"timeout": 1})

    scene.other = asyncio.ensure_future(poll())  # type: ignore[attr-defined]


AHEAD = "import time; real = time.time; time.time = lambda: real() + 7200"
CASES = {
    "nothing": Case(),
    "another secret was registered": Case(after=another_secret),
    "another server was chosen": Case(before=called("setWebhook", url=ELSEWHERE)),
    "a poller was chosen": Case(before=polled_before),
    "the webhook was deleted meanwhile": Case(after=called("deleteWebhook")),
    "the token was revoked": Case(before=token_revoked),
    "the host name is unknown": Case(before=name_is_unknown),
    "the certificate is bad": Case(after=bad_certificate),
    "nothing listens at the address": Case(after=nothing_listens),
    "a redirect stands before it (301)": Case(after=answers("301 Moved Permanently")),
    "another program is there (404)": Case(after=answers("404 Not Found")),
    "it takes no POST (405)": Case(after=answers("405 Method Not Allowed")),
    "something limits Telegram (429)": Case(after=answers("429 Too Many Requests")),
    "the server fails (500)": Case(after=answers("500 Internal Server Error")),
    "the platform finds no server (502)": Case(after=answers("502 Bad Gateway")),
    "something swallows updates (200)": Case(after=answers("200 OK")),
    "nothing comes back in time": Case(after=impatient),
    "an error of five minutes ago": Case(after=was_ill_once),
    "the clock is two hours ahead": Case(more=AHEAD),
    "all exchanges refuse the region": Case(before=region_refused),
    "polling: a second poller": Case(after=second_poller, module="bot"),
    "polling: a webhook is set": Case(after=called("setWebhook", url=ELSEWHERE), module="bot"),
}


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    world, front = demo.World(back_off_s=0.1), Front()
    await world.start()
    await front.start()
    with socket.create_server(("", 0)) as taken:
        port = int(taken.getsockname()[1])
    front.behind = port
    scene = Scene(world, front, port)
    try:
        yield scene
    finally:
        await scene.stop()
        if other := getattr(scene, "other", None):
            other.cancel()
        await front.close()
        await world.close()


async def look(case: Case) -> list[str]:
    """A row: what each of the five says."""
    async with a_scene() as scene:
        if case.before:
            await case.before(scene)
        await scene.start(case.module, case.more)
        await asyncio.sleep(SETTLE_S)
        if case.after:
            await case.after(scene)
        scene.telegram.send("/price BTC", USER)
        await asyncio.sleep(SETTLE_S)
        health = await told_by_health(scene)
        status = await told_by_status(scene)
        code, info = await scene.output("bot.py", "webhook", "info")
        log = list(scene.log)
        live = await told_by_live(scene) if case.module == "webhook_server" else "–"
        ended = scene.process.returncode if scene.process is not None else None
        await scene.stop()
        return [f"{code}: {verdict_in(info)}", health, status, said_by_log(log, ended), live]


def verdict_in(info: str) -> str:
    """What follows Telegram's own words."""
    lines = [line for line in info.splitlines() if not re.match(r"(url|pending|address|error) +", line)]
    return " ".join(lines)


async def told_by_health(scene: Scene) -> str:
    try:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            told = (await client.get(f"http://127.0.0.1:{scene.port}/health")).json()
    except httpx.HTTPError as error:
        return f"({type(error).__name__})"
    return f"{told['status']}: {told['reason']}" if told["reason"] else str(told["status"])


async def told_by_status(scene: Scene) -> str:
    """The line of /status that tells of updates, asked past the front; a poller answers by sendMessage."""
    import settings
    from exchanges import table

    secret = settings.load(scene.environ, table.EXCHANGES).webhook_secret
    now = int(time.time())
    chat = {"id": USER, "type": "private"}
    message = {"message_id": 1, "from": {"id": USER}, "chat": chat, "date": now, "text": "/status"}
    try:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.post(
                f"http://127.0.0.1:{scene.port}/webhook",
                json={"update_id": 9, "message": message},
                headers={"x-telegram-bot-api-secret-token": secret},
            )
        text = str(answer.json()["text"])
    except (httpx.HTTPError, ValueError, KeyError):
        return "–"
    found = re.search(r"^Updates: (.+)$", text, re.MULTILINE)
    return found[1] if found else text.splitlines()[0]


def said_by_log(lines: list[str], ended: int | None) -> str:
    """Its last warning or error; and how it ended, if it did."""
    ill = [line.split(" ", 3)[-1] for line in lines if re.search(r" (WARNING|ERROR) ", line)]
    shown = ill[-1] if ill else "–"
    return f"{shown} (ended with {ended})" if ended is not None else shown


async def told_by_live(scene: Scene) -> str:
    """The first failure of tests/live, and how many there are."""
    words = ("--url", scene.front.url, "-k", "not polling", "-q")
    code, out = await scene.output("-m", "pytest", "tests/live", *words)
    failures = list(dict.fromkeys(re.findall(r"^(?:FAILED|ERROR) \S+ - Failed: (.*)$", out, re.MULTILINE)))
    if not failures:
        return "passes" if code == 0 else str(out.splitlines()[-1])
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    return f"{failures[0]}{more}"


def cell(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", text).replace("|", "/").replace("\n", " ")


async def main(names: list[str]) -> None:
    print("| broken | webhook info | /health | /status | log | tests/live |\n|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if not names or name in names:
            print("| " + " | ".join([name, *(cell(each) for each in await look(case))]) + " |", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
