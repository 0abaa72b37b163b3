"""The doors: routes, refusals in their order, and the process from start to stop."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest
from conftest import ADA, ROOT, Answers, House, a_house, some, updated
from forks import Fork, can_fork
from house import free_port

import aws_lambda
import demo
import health as health_module
import serving
import settings
import webhook_server
from answers.asked import Tools
from answers.command import Command
from bot import COMMANDS
from clock import loop_time
from exchanges import table
from render.message import Answer

JSON = "application/json"


def post(house: House, body: bytes, **headers: str) -> dict[str, Any]:
    named = {
        "content-type": JSON,
        "x-telegram-bot-api-secret-token": house.settings.webhook_secret,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return {"url": f"{house.url}/webhook", "content": body, "headers": named}


def as_bytes(update: object) -> bytes:
    return json.dumps(update).encode()


async def test_update_is_answered_in_the_response() -> None:
    async with a_house() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        response = await client.post(**post(house, as_bytes(updated("/price BTC"))))
        call = response.json()
        assert (response.status_code, response.headers["content-type"]) == (200, JSON)
        assert (call["method"], call["chat_id"]) == ("sendMessage", ADA)
        assert "<b>BTC " in call["text"]


async def test_nothing_to_say_is_an_empty_answer() -> None:
    async with a_house() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        response = await client.post(**post(house, as_bytes({"update_id": 1, "poll": {}})))
        assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"x_telegram_bot_api_secret_token": "wrong"}, 401),
        (b"{}", {"x_telegram_bot_api_secret_token": ""}, 401),
        (b"{}", {"x_telegram_bot_api_secret_token": "é"}, 401),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"junk", {}, 400),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b"{}", {}, 400),
        (b'{"update_id": "7"}', {}, 400),
        (b'{"update_id": 7, "message": {"text": "\\ud800"}}', {}, 400),
        (b"[" * 5000, {}, 400),
        (b" " * (2 * 1024 * 1024), {}, 413),
    ],
)
async def test_refusals(body: bytes, headers: dict[str, str], status: int) -> None:
    async with a_house() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        request = post(house, body, **headers)
        request["headers"] = {name: value.encode("latin-1") for name, value in request["headers"].items()}
        response = await client.post(**request)
        assert response.status_code == status
        assert set(response.json()) == {"error"}
        assert house.settings.webhook_secret not in response.text


async def test_wrong_secret_is_refused_before_the_body_is_read() -> None:
    async with a_house() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        writer.write(b"X-Telegram-Bot-Api-Secret-Token: guess\r\nContent-Length: 1000000\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_length_is_required() -> None:
    async with a_house() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        secret = house.settings.webhook_secret.encode()
        writer.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        writer.write(b"X-Telegram-Bot-Api-Secret-Token: " + secret + b"\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 411")
        writer.close()


async def test_chunked_update() -> None:
    async with a_house() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:

        async def pieces() -> Any:
            for byte in as_bytes(updated("/help")):
                yield bytes([byte])

        request = post(house, b"")
        request["content"] = pieces()
        response = await client.post(**request)
        assert response.json()["method"] == "sendMessage"


async def test_routes() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        assert (await client.get("/")).text.count("\n") == 1
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.get("/webhook/")).status_code == 404
        put = await client.put("/webhook")
        assert (put.status_code, put.headers["allow"]) == (405, "POST")
        posted = await client.post("/health")
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
        head = await client.head("/health")
        assert (head.status_code, head.content) == (200, b"")


async def test_health() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        before = (await client.get("/health")).json()
        assert (before["status"], before["last_update_s_ago"], before["exchanges"]) == ("ok", None, {})
        await house.world.set_fault("binance", "451")
        await client.post(**post(house, as_bytes(updated("/price BTC"))))
        after = (await client.get("/health")).json()
        assert after["last_update_s_ago"] < 5
        assert after["exchanges"]["BYBIT"]["state"] == "ok"
        blocked = after["exchanges"]["BINANCE_SPOT"]
        assert (blocked["state"], blocked["last_failure"]) == ("resting", "refused this server's region")


async def test_health_fields() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        await client.post(**post(house, as_bytes(updated("/help", date=1))))
        health = (await client.get("/health")).json()
        assert health.pop("uptime_s") < 50
        assert 8 < health.pop("rss_mib") < 4096
        assert health.pop("last_update_s_ago") < 5
        assert health == {
            "status": "ok",
            "reason": None,
            "mode": "webhook",
            "version": settings.VERSION,
            "commit": None,
            "image": None,
            "bot_id": int(house.settings.token.partition(":")[0]),
            "updates_in_work": 0,
            "webhook": "not asked for",
            "telegram": {
                **dict.fromkeys(("is_ours", "pending_updates", "last_error", "last_error_s_ago", "asked_s_ago")),
                "clock_off_s": ANY,  # of the look before a question counts as old
            },
            "requests_refused": {},
            "updates_too_old": 1,
            "alerts": None,
            "exchanges": {},
        }


async def test_health_waits_for_nothing_and_asks_nobody() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        await client.post(**post(house, as_bytes(updated("/oi"))))
        n_before = {name: site.n_requests for name, site in house.world.sites.items()}
        began = loop_time()
        assert (await client.get("/health")).status_code == 200
        assert loop_time() - began < 0.005
        assert {name: site.n_requests for name, site in house.world.sites.items()} == n_before


async def test_health_and_log_tell_of_refusals(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        for _ in range(3):
            await client.post(**post(house, b"{}", x_telegram_bot_api_secret_token="wrong"))
        await client.get("/nothing")
        assert (await client.get("/health")).json()["requests_refused"] == {"401": 3, "404": 1}
        assert caplog.text.count("POST '/webhook' refused: 401") == 1


async def test_path_of_the_webhook_url_is_served() -> None:
    url = "http://127.0.0.1:1/some/path"
    async with a_house(WEBHOOK_URL=url) as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        request = post(house, as_bytes(updated("/help")))
        for path in ("/webhook", "/some/path/webhook"):
            assert (await client.post(**(request | {"url": house.url + path}))).status_code == 200


async def test_health_says_when_the_intake_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a command that does not end when it is told to."""
    release = asyncio.Event()

    async def wait(tools: Tools, asked: None) -> Answer:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        return Answer("done")

    monkeypatch.setitem(COMMANDS, "wait", Command(Answers(wait), "", "waits"))
    async with (
        a_house() as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False, timeout=60) as client,
    ):
        waiting = asyncio.ensure_future(client.post(**post(house, as_bytes(updated("/wait")))))
        await asyncio.sleep(health_module.STUCK_S + 1)
        health = await client.get("/health")
        assert health.status_code == 503
        assert "in work" in health.json()["reason"]
        release.set()
        assert (await waiting).json()["text"] == "done"
        assert (await client.get("/health")).status_code == 200


async def test_too_many_updates_in_work(monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()

    async def wait(tools: Tools, asked: None) -> Answer:
        await release.wait()
        return Answer("done")

    monkeypatch.setitem(COMMANDS, "wait", Command(Answers(wait), "", "waits"))
    async with a_house(MAX_CONNECTIONS="2") as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        waiting = [asyncio.ensure_future(client.post(**post(house, as_bytes(updated("/wait"))))) for _ in range(2)]
        await asyncio.sleep(0.1)
        busy = await client.post(**post(house, as_bytes(updated("/wait"))))
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
        release.set()
        assert [(await each).status_code for each in waiting] == [200, 200]


async def test_delivery_from_the_offline_telegram() -> None:
    """Webhook, secret, order per chat, buttons: as Telegram does it."""
    async with a_house() as house:
        telegram = house.world.telegram
        telegram.execute(
            "setWebhook",
            {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret, "max_connections": 10},
        )
        for text in ("/help", "/price BTC", "/nope"):
            telegram.send(text)
        await telegram.settle()
        answers = [message for message in telegram.messages.values() if message.of_bot]
        assert [message.text.split()[0] for message in answers] == ["What", "BTC", "I"]
        priced = answers[1]
        data = priced.markup["inline_keyboard"][0][0]["callback_data"]
        before = priced.raw
        await house.later()  # another minute, another price
        telegram.press(ADA, priced.message_id, data)
        await telegram.settle()
        assert priced.raw != before
        assert telegram.lost == []
        assert all(status == 200 for _, status in telegram.attempts)


async def test_delivery_is_repeated_after_a_refusal() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        telegram.execute("setWebhook", {"url": f"{house.url}/webhook", "secret_token": "wrong"})
        telegram.send("/help")
        await asyncio.sleep(0.15)
        assert {status for _, status in telegram.attempts} == {401}
        telegram.execute("setWebhook", {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret})
        await telegram.settle()
        assert telegram.attempts[-1][1] == 200
        assert sum(message.of_bot for message in telegram.messages.values()) == 1


# Lambda.


def an_event(kind: str, body: bytes, secret: str, *, base64_encoded: bool = False) -> dict[str, Any]:
    text = b64encode(body).decode() if base64_encoded else body.decode()
    headers = {"Content-Type": JSON, "X-Telegram-Bot-Api-Secret-Token": secret}
    if kind == "1.0":
        return {
            "httpMethod": "POST",
            "path": "/webhook",
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "requestContext": {"stage": "prod"},
            "body": text,
            "isBase64Encoded": base64_encoded,
        }
    return {
        "version": "2.0",
        "rawPath": "/live/webhook" if kind == "2.0 with a stage" else "/webhook",
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "stage": "live" if kind == "2.0 with a stage" else "$default",
            "http": {"method": "POST", "path": "/webhook"},
        },
        "body": text,
        "isBase64Encoded": base64_encoded,
    }


def test_lambda_answers_every_shape_of_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world lives in another process: between events this one's loop stands still, as on Lambda."""
    process = Process(["-m", "demo"], {})
    for name, value in {**json.loads(process.until(r"^\{.*\}$")[0]), "TELEGRAM_CHAT_ID": str(ADA)}.items():
        monkeypatch.setenv(name, value)
    aws_lambda.function.cache_clear()
    secret = settings.load(os.environ, table.EXCHANGES).webhook_secret
    for number, kind in enumerate(["2.0", "1.0", "2.0 with a stage"] * 7):
        body = as_bytes(updated("/price BTC" if number < 3 else "/help", number + 1))
        event = an_event(kind, body, secret, base64_encoded=number % 2 == 1)
        answer = webhook_server.handle_webhook(event, None)
        assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
        assert json.loads(answer["body"])["method"] == "sendMessage"
        assert asyncio.all_tasks(aws_lambda.function().runner.get_loop()) == set()

    def status(event: dict[str, Any]) -> int:
        return int(webhook_server.handle_webhook(event, None)["statusCode"])

    good = an_event("2.0", as_bytes(updated("/help")), secret)
    assert status(an_event("1.0", b"{}", "wrong")) == 401
    assert status(an_event("2.0", b"junk", secret)) == 400
    assert status(an_event("2.0", b" " * (2 * 1024 * 1024), secret)) == 413
    assert status(good | {"body": "%%%", "isBase64Encoded": True}) == 400
    assert status(good | {"rawPath": "/nothing"}) == 404
    assert status(good | {"requestContext": {"http": {"method": "PUT"}}}) == 405
    assert status({"source": "aws.events", "detail-type": "Scheduled Event"}) == 400
    aws_lambda.function().close()
    process.end(signal.SIGINT)


def test_lambda_without_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    aws_lambda.function.cache_clear()
    with pytest.raises(settings.SettingsError, match="TELEGRAM_BOT_TOKEN"):
        webhook_server.handle_webhook({}, None)


# The process.


class Process:
    """webhook_server.py as its own process; its log is read when it has ended. Unless it is whole, it is a fork."""

    def __init__(self, arguments: list[str], environ: dict[str, str], is_whole: bool = False) -> None:
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COV")}
        whole = {**clean, **coverage, "PYTHONUNBUFFERED": "1", "DATA_DIR": os.environ["DATA_DIR"], **environ}
        self.process = (
            Fork(arguments, whole)
            if can_fork(arguments) and not is_whole
            else subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=whole,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        self._arguments = arguments
        self.lines: list[str] = []
        self._end_of_patience = threading.Timer(60, self.process.kill)
        self._end_of_patience.start()

    def patience(self, seconds: float) -> None:
        """Lets it run so long before it is killed."""
        self._end_of_patience.cancel()
        self._end_of_patience = threading.Timer(seconds, self.process.kill)
        self._end_of_patience.start()

    def until(self, pattern: str) -> re.Match[str]:
        """Reads the output up to a line that matches."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} never came:\n{''.join(self.lines)}")

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Exit code and all output, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        self._end_of_patience.cancel()
        said = "".join(self.lines) + out
        if "demo" not in self._arguments:  # `python -m demo` prints its keys on purpose
            assert not any(secret in said for secret in (*demo.keys.ENVIRON.values(), demo.TOKEN)), said
        return self.process.returncode, said


@pytest.mark.real_time
def test_process_without_token_says_both_ways_on() -> None:
    code, out = Process(["webhook_server.py"], {}).end()
    assert (code, out.count("\n")) == (2, 1)
    assert "TELEGRAM_BOT_TOKEN" in out
    assert "--demo" in out


@pytest.mark.real_time
def test_process_with_a_wrong_value() -> None:
    assert Process(["webhook_server.py"], {"PORT": "http"}).end() == (
        2,
        "PORT should be a whole number from 0 to 65535.\n",
    )


COLLECTOR = """
import asyncio, gc, os, signal, sys
gc.disable()
import serving, settings

def began(bot):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000)
    os.kill(os.getpid(), signal.SIGTERM)

environ = {"TELEGRAM_BOT_TOKEN": sys.argv[1], "PORT": "0", "DATA_DIR": sys.argv[2]}
asyncio.run(serving.serve(settings.load(environ, serving.table.EXCHANGES), began))
"""


@pytest.mark.real_time
def test_collector_works_once_it_serves(tmp_path: Path) -> None:
    """It is off while that is imported which stays."""
    asked = [sys.executable, "-c", COLLECTOR, demo.TOKEN, str(tmp_path)]
    assert subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout == "True True\n"


def test_arguments_that_end_it_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", "0")
    assert serving.main(["--demo"]) == 2
    assert "PORT should not be 0" in "".join(capsys.readouterr())
    assert serving.main(["--help"]) == 0
    assert serving.main(["--nope"]) == 2


@pytest.mark.parametrize("number", some([(signal.SIGINT,), (signal.SIGTERM,)], 2))
@pytest.mark.real_time
def test_process_demo_runs_until_stopped(number: int) -> None:
    port = free_port()
    process = Process(["webhook_server.py", "--demo"], {"PORT": str(port)})
    page = process.until(r"^(http://\S+)$")[1]
    httpx.post(f"{page}chat/send", json={"text": "/price BTC"}, trust_env=False)
    deadline = time.monotonic() + 30
    said: list[Any] = []
    while len(said) < 2 and time.monotonic() < deadline:
        events = httpx.get(f"{page}chat/events?after=0", timeout=30, trust_env=False).json()
        said = [event for event in events if event["kind"] == "message"]  # a slow answer is preceded by its sign
        time.sleep(0.05)
    assert "SIMULATED" in said[1]["html"]
    assert "spot" in said[1]["html"]
    code, out = process.end(number)
    assert code == 0
    assert "Traceback" not in out


@pytest.mark.real_time
def test_process_with_a_token_that_telegram_does_not_know() -> None:
    async def run() -> tuple[int, str]:
        async with a_house() as house:
            environ = {
                **house.world.environ,
                "TELEGRAM_BOT_TOKEN": "123456:TEST-unknown",
                "PORT": str(await asyncio.to_thread(free_port)),
                "WEBHOOK_URL": "http://127.0.0.1:9",
            }
            process = Process(["webhook_server.py"], environ)
            await asyncio.to_thread(process.until, "Telegram does not accept TELEGRAM_BOT_TOKEN")
            return await asyncio.to_thread(process.end, signal.SIGTERM)

    assert asyncio.run(run())[0] == 0


@pytest.mark.real_time
def test_process_port_taken() -> None:
    async def run() -> tuple[int, str]:
        async with a_house() as house:
            environ = {"TELEGRAM_BOT_TOKEN": demo.TOKEN, "PORT": str(house.port)}
            return await asyncio.to_thread(lambda: Process(["webhook_server.py"], environ).end())

    code, out = asyncio.run(run())
    assert code == 1
    assert re.search(r"PORT \d+ cannot be listened on", out)


@pytest.mark.real_time
async def test_process_starts_while_telegram_is_down_and_registers_later() -> None:
    port = await asyncio.to_thread(free_port)
    async with a_house() as house:
        await house.world.telegram_site.set_fault("refuse")
        environ = {
            **house.world.environ,
            "PORT": str(port),
            "TELEGRAM_CHAT_ID": str(ADA),
            "WEBHOOK_URL": f"http://127.0.0.1:{port}",
        }
        process = Process(["webhook_server.py"], environ)
        await asyncio.to_thread(process.until, "registering again")
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200
            assert "no connection" in (await client.get(f"http://127.0.0.1:{port}/health")).json()["webhook"]
        await house.world.telegram_site.set_fault("")
        house.world.telegram.send("/price ETH")
        await house.world.telegram.settle()
        await asyncio.to_thread(process.until, "Telegram delivers to")
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            for _ in range(100):  # updates come from setWebhook on, before the menus are set
                told = (await client.get(f"http://127.0.0.1:{port}/health")).json()["webhook"]
                if told == "registered":
                    break
                await asyncio.sleep(0.05)
            assert told == "registered"
        assert [m.text[:4] for m in house.world.telegram.messages.values() if m.of_bot] == ["ETH "]
        assert [each["command"] for each in house.world.telegram.menu_in(ADA, ADA)] == list(COMMANDS)
        code, out = await asyncio.to_thread(process.end, signal.SIGTERM)
        assert code == 0
        assert house.settings.token not in out
        assert house.settings.webhook_secret not in out


@pytest.mark.real_time
async def test_process_serves_without_any_network() -> None:
    """Nobody listens where the exchanges and Telegram should be."""
    port, nowhere = await asyncio.to_thread(free_port), f"http://127.0.0.1:{await asyncio.to_thread(free_port)}"
    environ = {
        **{f"{name}_URL": nowhere for name in (host.name for host in table.HOSTS)},
        "TELEGRAM_API_URL": nowhere,
        "TELEGRAM_BOT_TOKEN": demo.TOKEN,
        "TELEGRAM_CHAT_ID": str(ADA),
        "WEBHOOK_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
    }
    process = Process(["webhook_server.py"], environ)
    await asyncio.to_thread(process.until, "serving on port")
    assert "registering again" not in "".join(process.lines), "it does not wait for Telegram"
    secret = settings.load(environ, table.EXCHANGES).webhook_secret
    headers = {"x-telegram-bot-api-secret-token": secret}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as client:
        assert (await client.get("/health")).status_code == 200
        answer = await client.post("/webhook", json=updated("/price BTC"), headers=headers)
        health = (await client.get("/health")).json()
    assert await asyncio.to_thread(process.end, signal.SIGTERM) == (0, ANY)
    assert answer.json()["text"].startswith("No price for BTC-USDT right now. Binance, ")
    assert "could not be reached" in answer.json()["text"]
    assert "no connection" in health["webhook"]


@pytest.mark.real_time
async def test_process_log_of_failing_networks_shows_no_secret() -> None:
    """Telegram and all exchanges broken in every way: the log tells the causes, and no token."""
    port = await asyncio.to_thread(free_port)
    async with a_house() as house:
        environ = {
            **house.world.environ,
            "PORT": str(port),
            "TELEGRAM_CHAT_ID": f"*,{ADA}",
            "LOG_LEVEL": "DEBUG",
            "CACHE_SECONDS": "0",
            "WEBHOOK_URL": f"http://127.0.0.1:{port}",
        }
        await house.world.telegram_site.set_fault("drop")
        process = Process(["webhook_server.py"], environ)
        await asyncio.to_thread(process.until, "registering again")
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=20) as client:
            house.port = port
            for number, fault in enumerate(("refuse", "drop", "html")):
                for exchange in table.EXCHANGES:
                    await house.world.set_fault(exchange, fault)
                answer = await client.post(**post(house, as_bytes(updated("/price BTC", number + 1))))
                assert "No price for BTC-USDT" in answer.json()["text"]
                answer = await client.post(**post(house, as_bytes(updated("/balance", number + 51))))
                assert "Not shown: " in answer.json()["text"]
        code, out = await asyncio.to_thread(process.end, signal.SIGTERM)
        assert code == 0
        assert "[update 1 /price] binance: BINANCE_SPOT" in out
        for secret in (*house.settings.secrets, house.settings.token.partition(":")[2], "&signature="):
            assert secret not in out


@pytest.mark.real_time
def test_watchdog_ends_a_stuck_process() -> None:
    """The loop is blocked for longer than HUNG_S (here 1 s): the process dies with a traceback."""
    script = (
        "import asyncio, time, health, metrics\n"
        "health.HUNG_S = 1\n"
        "async def main():\n"
        "    asyncio.ensure_future(health.keep_watchdog_quiet(metrics.Metrics()))\n"
        "    await asyncio.sleep(1.5)\n"
        "    print('alive', flush=True)\n"
        "    time.sleep(15)\n"
        "    print('woken', flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = Process(["-c", script], {"PYTHONPATH": str(ROOT)})
    code, out = process.end()
    assert code != 0
    assert "alive" in out
    assert "Timeout" in out
    assert "time.sleep" in out or "in main" in out
    assert "woken" not in out
