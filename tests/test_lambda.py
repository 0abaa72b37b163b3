"""On AWS Lambda: the real runtime client (awslambdaric) asks a small Runtime API, which lives here, for events.

Between events the process is stopped, as Lambda freezes it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from conftest import ADA, ROOT, House, a_house, pressed, updated
from forks import Fork, can_fork

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(
        find_spec("awslambdaric") is None or not Path("/proc/self/stat").exists(),
        reason="awslambdaric is not installed (pip install -r tests/requirements.txt), or this is no Linux",
    ),
]

JSON = "application/json"
KEY = "an-api-key-of-24-letters"
HANDLER = "webhook_server.handle_webhook"
PATIENCE_S = 60.0  # on a busy machine
TICKS = os.sysconf("SC_CLK_TCK")


class Runtime:
    """AWS's side of the Runtime API (2018-06-01): hands out events, one at a time, and takes what comes back."""

    def __init__(self) -> None:
        self.is_waiting = asyncio.Event()  # the function has nothing to do
        self._events: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._outcomes: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._connections: set[asyncio.Task[None]] = set()
        self._n = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def invoke(self, event: object) -> Any:
        """What the function returns for an event."""
        kind, outcome = await self.outcome_of(event)
        assert kind == "response", outcome
        return outcome

    async def outcome_of(self, event: object) -> tuple[str, Any]:
        """("response", what it returns) or ("error", what it raises)."""
        self._n += 1
        self._events.put_nowait((f"request-{self._n}", json.dumps(event).encode()))
        path, body = await asyncio.wait_for(self._outcomes.get(), PATIENCE_S)
        assert path.startswith(f"/2018-06-01/runtime/invocation/request-{self._n}/")
        await asyncio.wait_for(self.is_waiting.wait(), PATIENCE_S)
        return path.rpartition("/")[2], body

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = re.search(r"(?i)\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                writer.write(await self._answer(head.split(" ", 2)[1], body))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the function has ended, or the test has
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, path: str, body: bytes) -> bytes:
        if not path.endswith("/invocation/next"):
            self._outcomes.put_nowait((path, json.loads(body)))
            return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        self.is_waiting.set()
        name, event = await self._events.get()
        self.is_waiting.clear()
        head = (
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(event)}",
            f"Lambda-Runtime-Aws-Request-Id: {name}",
            f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 15_000}",
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:market-bot",
            "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        )
        return "\r\n".join([*head, "", ""]).encode() + event


class Function:
    """The bot as a function: a process that the runtime client runs, and the house it shares the world with."""

    def __init__(self, house: House, runtime: Runtime, pid: int, log: Path) -> None:
        self.house, self.runtime, self.pid, self._log = house, runtime, pid, log

    @property
    def secret(self) -> str:
        return self.house.settings.webhook_secret

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def cpu_s(self) -> float:
        """Used so far, by all of its threads."""
        after_the_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_the_name[11]) + int(after_the_name[12])) / TICKS

    @property
    def n_open(self) -> int:
        """Its open files and sockets."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def memory_mib(self, what: str) -> float:
        """VmRSS is now, VmHWM at most so far."""
        found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    async def ask(self, text: str, update_id: int = 1) -> str:
        """The text that answers a message, which comes through a Function URL."""
        answer = await self.runtime.invoke(url_event("POST", "/webhook", self.secret, updated(text, update_id)))
        assert answer["statusCode"] == 200, answer
        return str(json.loads(answer["body"])["text"])


@asynccontextmanager
async def a_function(
    tmp_path: Path,
    environ: dict[str, str] | None = None,
    handler: str = HANDLER,
    *,
    is_whole: bool = False,
    **variables: str,
) -> AsyncIterator[Function]:
    """A function whose settings are the house's; environ goes over them for the function alone."""
    runtime = Runtime()
    async with a_house(**variables) as house:
        inherited = {
            n: v for n, v in os.environ.items() if n in ("PATH", "HOME", "LANG", "DATA_DIR") or n.startswith("COV")
        }
        of_lambda = {
            "AWS_LAMBDA_RUNTIME_API": await runtime.start(),
            "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
            "AWS_LAMBDA_FUNCTION_NAME": "market-bot",
            "AWS_REGION": "eu-central-1",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path))),
        }
        of_bot = {"TELEGRAM_CHAT_ID": str(ADA), "COMMANDS_PER_MINUTE": "0", **house.world.environ, **variables}
        arguments, whole = ["-m", "awslambdaric", handler], {**inherited, **of_lambda, **of_bot, **(environ or {})}
        with (tmp_path / "log").open("wb") as log:
            process = (
                Fork(arguments, whole, tmp_path, log.fileno())
                if can_fork(arguments) and handler == HANDLER and not is_whole
                else subprocess.Popen(  # noqa: ASYNC220 - it waits for nothing
                    [sys.executable, *arguments],
                    cwd=tmp_path,
                    env=whole,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
        function = Function(house, runtime, process.pid, tmp_path / "log")
        try:
            await asyncio.wait_for(runtime.is_waiting.wait(), PATIENCE_S)
            yield function
            assert process.poll() is None, function.log
            for secret in house.settings.secrets:
                assert secret not in function.log, "a secret is in the log"
        finally:
            process.kill()
            process.wait()
            await runtime.close()


# Events, as AWS documents them.


def headers_of(secret: str, **more: str) -> dict[str, str]:
    return {
        "Accept-Encoding": "gzip, deflate",
        "Content-Type": "application/json",
        "Host": "abcdefg.lambda-url.eu-central-1.on.aws",
        "X-Telegram-Bot-Api-Secret-Token": secret,
        "X-Forwarded-For": "91.108.6.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    } | {name.replace("_", "-").title(): value for name, value in more.items()}


def url_event(
    method: str, path: str, secret: str = "", body: object = None, query: str = "", **headers: str
) -> dict[str, Any]:
    """Of a Function URL, which is also an HTTP API's with payload 2.0. A body of bytes comes in base64."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in headers_of(secret, **headers).items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefg",
            "domainName": "abcdefg.lambda-url.eu-central-1.on.aws",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "91.108.6.1"},
            "requestId": "5f7c5e3a",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:14:03:22 +0000",
            "timeEpoch": 1795529002000,
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if body is not None:
        event["body"] = b64encode(body).decode() if isinstance(body, bytes) else json.dumps(body)
    return event


def rest_event(
    method: str, path: str, secret: str = "", body: object = None, query: str = "", **headers: str
) -> dict[str, Any]:
    """Of a REST API, payload 1.0: names as the client wrote them, null for what is absent."""
    named = headers_of(secret, **headers)
    pairs = dict(parse_qsl(query)) if query else None
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": named,
        "multiValueHeaders": {name: [value] for name, value in named.items()},
        "queryStringParameters": pairs,
        "multiValueQueryStringParameters": {name: [value] for name, value in pairs.items()} if pairs else None,
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {"resourcePath": "/{proxy+}", "httpMethod": method, "path": f"/prod{path}", "stage": "prod"},
        "body": None if body is None else b64encode(body).decode() if isinstance(body, bytes) else json.dumps(body),
        "isBase64Encoded": isinstance(body, bytes),
    }


def balancer_event(
    method: str, path: str, secret: str = "", body: object = None, query: str = "", **headers: str
) -> dict[str, Any]:
    """Of a load balancer: fewer fields, and no stage."""
    event = rest_event(method, path, secret, body, query, **headers)
    event["headers"] = {name.lower(): value for name, value in event["headers"].items()}
    event["body"] = event["body"] or ""
    event["requestContext"] = {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b"}}
    return {
        name: event[name]
        for name in ("requestContext", "httpMethod", "path", "headers", "body", "isBase64Encoded")
        if event[name] is not None
    } | {"queryStringParameters": event["queryStringParameters"] or {}}


SHAPES = {"Function URL": url_event, "REST API": rest_event, "load balancer": balancer_event}


# Tests.


@pytest.mark.parametrize("shape", SHAPES)
async def test_events_are_answered_as_requests_are(tmp_path: Path, shape: str) -> None:
    """The server, asked the same over HTTP, is the witness."""
    help_me = updated("/help")
    bearer = {"authorization": f"Bearer {KEY}"}
    cases: list[tuple[int, str, str, object, str, dict[str, str]]] = [
        (200, "POST", "/webhook", help_me, "", {}),
        (200, "POST", "/webhook", json.dumps(help_me).encode(), "", {}),
        (200, "POST", "/webhook", updated("/nope é €"), "", {}),
        (200, "POST", "/webhook", pressed("nope"), "", {}),
        (200, "POST", "/webhook", {"update_id": 1, "poll": {}}, "", {}),
        (401, "POST", "/webhook", help_me, "", {"x_telegram_bot_api_secret_token": "wrong"}),
        (415, "POST", "/webhook", help_me, "", {"content_type": "text/plain"}),
        (400, "POST", "/webhook", b"\xff\xfe", "", {}),
        (400, "POST", "/webhook", b"", "", {}),
        (413, "POST", "/webhook", b" " * (2 * 1024 * 1024), "", {}),
        (405, "GET", "/webhook", None, "", {}),
        (200, "GET", "/", None, "", {}),
        (404, "GET", "/nothing", None, "", {}),
        (401, "GET", "/metrics", None, "", {}),
        (401, "GET", "/openapi.json", None, "", {"authorization": "Bearer wrong"}),
        (200, "GET", "/openapi.json", None, "", bearer),
        (401, "POST", "/price", {"symbol": "BTC"}, "", {}),
        (400, "POST", "/price", {"symbol": 7}, "", bearer),
        (200, "POST", "/price", {"symbol": "NOSUCHCOIN"}, "", bearer),
    ]
    async with (
        a_function(tmp_path, API_KEY=KEY) as function,
        httpx.AsyncClient(base_url=function.house.url, trust_env=False, verify=False) as client,
    ):
        for status, method, path, body, query, headers in cases:
            event = SHAPES[shape](method, path, function.secret, body, query, **headers)
            answer = await function.runtime.invoke(event)
            response = await client.request(
                method,
                f"{path}?{query}" if query else path,
                headers=headers_of(function.secret, **headers),
                content=body if isinstance(body, bytes) or body is None else json.dumps(body),
            )
            what = (method, path, str(body)[:80], headers)
            assert (answer["statusCode"], response.status_code) == (status, status), what
            assert (answer["body"], answer["isBase64Encoded"]) == (response.text, False), what
            of_bytes = ("date", "connection", "content-length")  # how it is sent is the platform's affair
            told = {name: value for name, value in response.headers.items() if name not in of_bytes}
            assert answer["headers"] == {"content-type": JSON} | told, what


async def test_function_knows_the_market(tmp_path: Path) -> None:
    async with a_function(tmp_path, API_KEY=KEY) as function:
        for shape in SHAPES.values():
            answer = await function.runtime.invoke(shape("POST", "/webhook", function.secret, updated("/price BTC")))
            call = json.loads(answer["body"])
            assert (call["method"], call["chat_id"]) == ("sendMessage", ADA)
            assert "<b>BTC " in call["text"]
            asked = shape("POST", "/price", "", {"symbol": "ETH/USDT"}, authorization=f"bearer {KEY}")
            told = json.loads((await function.runtime.invoke(asked))["body"])
            assert told["data"]["symbol"] == "ETH/USDT"
        health = json.loads((await function.runtime.invoke(url_event("GET", "/health")))["body"])
        assert (health["status"], health["mode"], health["updates_in_work"]) == ("ok", "lambda", 0)


@pytest.mark.parametrize("shape", ["Function URL", "REST API"])
async def test_query_of_an_event(tmp_path: Path, shape: str) -> None:
    async with a_function(tmp_path, API_KEY=KEY) as function:
        path, query = "/comprehensive_analysis", "symbol=ETH%2FUSDT&timeframe=1h&exchange="
        event = SHAPES[shape]("GET", path, "", None, query + "okx", authorization=f"Bearer {KEY}")
        told = json.loads((await function.runtime.invoke(event))["body"])["data"]
        assert (told["symbol"], told["timeframe"]) == ("ETH/USDT:USDT", "1h")
        event = SHAPES[shape]("GET", path, "", None, query + "%C3%A9+%26", authorization=f"Bearer {KEY}")
        answer = await function.runtime.invoke(event)
        assert answer["statusCode"] == 400
        assert "exchange should be one of" in answer["body"]


async def test_events_that_are_no_requests(tmp_path: Path) -> None:
    """They are refused, not failed: Lambda would call the function twice more for an asynchronous event that fails."""
    good = url_event("POST", "/webhook", "", updated("/help"))
    async with a_function(tmp_path) as function:
        for event in (
            {},
            {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
            {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]},
            {"httpMethod": None, "path": None, "headers": None, "requestContext": None},
            good | {"requestContext": {}},
            good | {"isBase64Encoded": True, "body": "%%%"},
            good | {"isBase64Encoded": True, "body": "é"},
            good | {"body": {"update_id": 1}},
            good | {"body": "\ud800"},
        ):
            answer = await function.runtime.invoke(event)
            assert answer["statusCode"] == 400, event
        for event in (good | {"headers": None}, good | {"headers": {}}):
            assert (await function.runtime.invoke(event))["statusCode"] == 401
        assert "Traceback" not in function.log
        assert "/price" in await function.ask("/help")


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (401, url_event("POST", "/webhook", "€", updated("/help"))),
        (401, url_event("GET", "/metrics", authorization="Bearer €")),
        (400, url_event("POST", "/webhook", "", b"") | {"body": {"update_id": 1}}),
    ],
)
async def test_strange_events_are_refused(tmp_path: Path, status: int, event: dict[str, Any]) -> None:
    """Headers hold any text there, also what HTTP could not send."""
    async with a_function(tmp_path, API_KEY=KEY) as function:
        answer = await function.runtime.invoke(event)
        assert answer["statusCode"] == status
        assert "Traceback" not in function.log


async def test_exchanges_close_while_the_function_is_frozen(tmp_path: Path) -> None:
    async with a_function(tmp_path, CACHE_SECONDS="0") as function:
        world = function.house.world
        for number in (1, 2, 3):
            before = {name: site.n_connections for name, site in world.sites.items()}
            text = await function.ask("/price BTC", number)
            assert "<b>BTC " in text
            assert "Not" not in text
            assert "Balance" in await function.ask("/balance", 10 + number)
            used = [site for name, site in world.sites.items() if site.n_connections > before[name]]
            assert used
            assert sum(site.n_open for site in used) > 0, "the world kept nothing open, so nothing was tried"
            os.kill(function.pid, signal.SIGSTOP)
            for site in (*world.sites.values(), world.telegram_site):
                await site.set_fault("refuse")
                await site.set_fault("")
            await asyncio.sleep(0.2)
            os.kill(function.pid, signal.SIGCONT)
        assert "WARNING" not in function.log
        assert "ERROR" not in function.log


async def test_button_after_a_freeze_ends_its_spinner(tmp_path: Path) -> None:
    async with a_function(tmp_path) as function:
        telegram, event = function.house.world.telegram, url_event("POST", "/webhook", "", pressed("price BTC"))
        event["headers"]["x-telegram-bot-api-secret-token"] = function.secret
        for n_pressed in (1, 2):
            answer = json.loads((await function.runtime.invoke(event))["body"])
            assert answer["method"] == "editMessageText"
            assert [method for method, _ in telegram.calls].count("answerCallbackQuery") == n_pressed
            os.kill(function.pid, signal.SIGSTOP)
            await function.house.world.telegram_site.set_fault("refuse")
            await function.house.world.telegram_site.set_fault("")
            os.kill(function.pid, signal.SIGCONT)


async def test_many_events_leave_nothing_behind(tmp_path: Path) -> None:
    async with a_function(tmp_path, is_whole=True, CACHE_SECONDS="0") as function:
        for number in range(1, 6):
            assert "<b>BTC " in await function.ask("/price BTC", number)
        n_open, rss = function.n_open, function.memory_mib("VmRSS")
        for number in range(6, 26):
            assert "<b>BTC " in await function.ask("/price BTC", number)
        assert function.n_open <= n_open + 4
        assert function.memory_mib("VmRSS") < rss + 4
        assert function.memory_mib("VmHWM") < 100  # of 256
        assert re.findall(r"\[update (\d+) /price\] answered", function.log) == [str(n) for n in range(1, 26)]


WATCHED = """
import asyncio, os, aws_lambda, webhook_server
from asking import races
races.HEDGE_S = float(os.environ.get("TEST_HEDGE_S", races.HEDGE_S))
def handle(event, context):
    answer = webhook_server.handle_webhook(event, context)
    loop = aws_lambda.function().runner.get_loop()
    left = [*asyncio.all_tasks(loop), *(timer for timer in loop._scheduled if not timer.cancelled())]
    return answer | {"left": [repr(each) for each in left]}
"""


async def test_nothing_runs_on_between_events(tmp_path: Path) -> None:
    """Tasks left in the loop would freeze, and wake up in the middle of another event."""
    (tmp_path / "watched.py").write_text(WATCHED)
    async with a_function(tmp_path, handler="watched.handle", CACHE_SECONDS="0") as function:
        await function.house.world.set_fault("okx", "refuse")
        commands = ("/price BTC", "/price ETH SOL", "/top10", "/analysis BTC", "/oi BTC", "/balance", "/help")
        for number, text in enumerate(commands, 1):
            event = url_event("POST", "/webhook", function.secret, updated(text, number))
            answer = await function.runtime.invoke(event)
            assert (answer["statusCode"], answer["left"]) == (200, []), text
        await asyncio.sleep(0.1)  # until it waits, on a busy machine
        cpu_s = function.cpu_s
        await asyncio.sleep(0.3)
        assert function.cpu_s == cpu_s


async def test_what_was_given_up_ends_before_the_answer(tmp_path: Path) -> None:
    """Or the freeze would count as the time that the exchange took, and three such rest it."""
    (tmp_path / "watched.py").write_text(WATCHED)
    async with a_function(
        tmp_path, {"TEST_HEDGE_S": "0.1"}, handler="watched.handle", CACHE_SECONDS="0", EXCHANGES="binance,bybit"
    ) as function:
        for site in ("BINANCE_SPOT", "BINANCE_USDM"):
            function.house.world.sites[site].latency_s = 5.0  # so that the other one is asked, and is faster
        for text in ("/price BTC", "/top10"):
            event = url_event("POST", "/webhook", function.secret, updated(text))
            answer = await function.runtime.invoke(event)
            assert (answer["statusCode"], answer["left"]) == (200, []), text


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TELEGRAM_BOT_TOKEN": ""}, "TELEGRAM_BOT_TOKEN is not set"),
        ({"EXCHANGES": "nope"}, "EXCHANGES should name some of"),
    ],
)
async def test_wrong_environment_is_told_at_every_event(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    async with a_function(tmp_path, environ) as function:
        for _ in range(2):
            kind, error = await function.runtime.outcome_of(url_event("GET", "/health"))
            assert (kind, error["errorType"]) == ("error", "SettingsError")
            assert error["errorMessage"].startswith(said)
        assert f"SettingsError: {said}" in function.log
