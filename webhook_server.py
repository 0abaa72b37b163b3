"""The process and its doors.

`python webhook_server.py` serves Telegram's webhook; with --demo it does so against the
offline world in demo/, without network and keys. An update's answer travels in the HTTP
response to it, so nothing is queued here: what is not answered, Telegram delivers again.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hmac
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

import bot
import settings
from answers.chart_address import PATH, Addresses
from aws_events import method_of, request_of
from bot import Bot
from clock import MACHINE, Clock
from exchanges import table
from health import (
    Health,
    check_key,
    health_response,
    keep_watchdog_quiet,
    let_watchdog_sleep,
    metrics_response,
    of_hosts,
)
from http1.client import Transport
from http1.server import MAX_BODY, Handler, HTTPError, Request, Response, Server, error_response
from log import set_up_log
from settings import Settings, SettingsError
from telegram.multipart import body_of
from telegram.webhook import introduce
from upkeep import keep_tidy

if TYPE_CHECKING:
    from api_door import ApiDoor

log = logging.getLogger("webhook_server")
GRACE_S = 10.0  # for open requests at the end
COLLECT_AFTER = 5_000  # new containers; at Python's 700 the rows of one answer set the collector off
GREET_S = 5.0  # that the greeting of the demo waits for the webhook
OPEN_S = 3.0  # for a database at a function's first event; later ticks try again
GIVEN_UP_S = 1.0  # to end, before Lambda freezes the process
BINARY = ("multipart/", "image/")  # content types that Lambda wants in base64
USAGE = """\
python webhook_server.py [--demo]

Serves the bot's webhook. Settings come from the environment (docs/settings.md).
  --demo   against an offline market and an offline Telegram, with a chat page; needs no network and no token
"""


class Door:
    """Takes requests to the bot. `respond` is what a Server calls."""

    def __init__(self, bot: Bot, settings: Settings, mode: str = "webhook") -> None:
        self._bot, self._settings = bot, settings
        self._secret = settings.webhook_secret.encode()
        self.health = Health(bot, settings, "demo" if settings.is_demo else mode)
        self._last_said: dict[int, float] = {}  # when a refusal was last logged, monotonic
        self.routes: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._front},
            "/health": {"GET": self._health},
            "/metrics": {"GET": self._metrics},
            "/webhook": {"POST": self._webhook},
            "/tick": {"POST": self._tick},
            urlsplit(settings.webhook_url).path or "/webhook": {"POST": self._webhook},
        }
        if settings.webhook_url and settings.webhook_secret:
            bot.queries.addresses = Addresses(settings.webhook_url, settings.webhook_secret)
        self._api: ApiDoor | None = None

    async def respond(self, request: Request) -> Response:
        """Routes a request. Raises HTTPError, which is counted and, once a minute of each kind, logged."""
        try:
            return await self._route(request)
        except HTTPError as error:
            self.health.refused[error.status] = self.health.refused.get(error.status, 0) + 1
            now = self._bot.monotonic()
            if now - self._last_said.get(error.status, -60.0) >= 60:
                self._last_said[error.status] = now
                log.warning("%.10s %.40r refused: %.200s", request.method, request.path, error)
            if self._api is None or request.path not in self._api.in_json:
                raise
            return self._api.refusal(error, self._allowed(request.path) if error.status == 405 else [])

    async def serve(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a client's requests, one after another, until one side closes."""
        with server.connection(reader, writer) as connection:
            while (request := await connection.next_request()) is not None:
                await connection.answer(request, self.respond(request))

    async def _route(self, request: Request) -> Response:
        if request.path not in self.routes:
            self._learn_others(request.path)
        methods = self.routes.get(request.path)
        if methods is None:
            raise HTTPError(404, "there is nothing here")
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            allowed = self._allowed(request.path)
            raise HTTPError(405, f"{request.path} takes {' and '.join(allowed)}", [("allow", ", ".join(allowed))])
        return await answer(request)

    def _learn_others(self, path: str) -> None:
        """Imports the JSON API, where there is one, and what draws charts: not before somebody asks for them."""
        is_chart = path == PATH and self._bot.queries.addresses is not None
        if self._api is None and (self._settings.api_key or self._settings.is_demo or is_chart):
            from api_door import ApiDoor  # with all of answers/: 40 ms and 3 MiB

            self._api = ApiDoor(self._bot, self._settings, self.health)
            self.routes |= self._api.routes

    async def tick(self) -> dict[str, object]:
        """What is due, done; what it was."""
        return await self._bot.tick()

    def _allowed(self, path: str) -> list[str]:
        methods = self.routes[path]
        return [*methods, "HEAD"] if "GET" in methods else [*methods]

    async def _front(self, request: Request) -> Response:
        return Response(200, b"A Telegram bot for market questions lives here.\n", "text/plain; charset=utf-8")

    async def _health(self, request: Request) -> Response:
        return health_response(self.health)

    async def _metrics(self, request: Request) -> Response:
        return metrics_response(self.health, request)

    async def _tick(self, request: Request) -> Response:
        """Does what is due, for a schedule outside. Two at once, or one too many, do no harm: a tick is claimed."""
        check_key(self._settings, request)
        return Response(200, orjson.dumps(await self._bot.tick()))

    async def _webhook(self, request: Request) -> Response:
        """Answers an update. The order of the checks matters: a stranger's body is never read."""
        given = request.headers.get("x-telegram-bot-api-secret-token", "").encode("latin-1")
        if not self._secret or not hmac.compare_digest(given, self._secret):
            raise HTTPError(401, "the secret token is missing or wrong")
        if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
            raise HTTPError(411, "the body's length is missing")
        if int(request.headers.get("content-length", "0")) > MAX_BODY:
            raise HTTPError(413, f"the body is larger than {MAX_BODY} bytes")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPError(415, "an update is application/json")
        update = _update(await request.body())  # first: a place is for work, not for waiting until a body has come
        with self.health.place():
            call = await self._bot.answer(update)
            call = call and await self._bot.in_answer(call)
        content_type, body = ("application/json", b"") if call is None else body_of(call)
        return Response(200, body, content_type)


def _update(body: bytes) -> Mapping[str, object]:
    """The update in a body. Raises HTTPError 400."""
    try:
        update = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "the body is not JSON") from error
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise HTTPError(400, "the body is not an update")
    return update


async def serve(settings: Settings, began: Callable[[Bot], None] | None = None, clock: Clock = MACHINE) -> int:
    """Serves until SIGTERM or SIGINT; the process's exit code. began: is called once requests are taken.

    The demo is for this machine only, and listens on loopback.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    transport = Transport(ca_file=settings.ca_file)
    the_bot = bot.build(settings, transport, clock)
    door = Door(the_bot, settings)
    server = Server()
    try:
        host = "127.0.0.1" if settings.is_demo else None
        (port, *_) = await server.start(partial(door.serve, server), host, settings.port)
    except OSError as error:
        why = error.strerror or str(error)
        log.error("PORT %d cannot be listened on, choose another one: %s", settings.port, why)
        return 1
    log.info("serving on port %d, %s", port, settings.build_line)
    the_bot.metrics.watch(
        "bot_clients_gone_total", "Clients that left before their answer.", "", lambda: {"": server.n_gone}
    )
    tasks = (
        keep_watchdog_quiet(the_bot.metrics),
        keep_tidy(transport.sweep, the_bot.market.sweep),
        introduce(the_bot, settings, bot.introduction(settings)),
    )
    background = [asyncio.ensure_future(each) for each in tasks]
    keeping = [asyncio.ensure_future(the_bot.duty.keep())] if the_bot.duty is not None else []
    gc.set_threshold(COLLECT_AFTER)
    if began is not None:
        began(the_bot)
    await stopped.wait()
    log.info("stopping: %d connections are open", server.n_connections)
    for task in background:
        task.cancel()
    await server.close(GRACE_S)
    if the_bot.duty is not None:
        await the_bot.duty.stop()
    await asyncio.gather(*background, *keeping, return_exceptions=True)
    await transport.aclose()
    let_watchdog_sleep()
    return 0


class Lambda:
    """The same door for AWS Lambda: one loop and one transport for the life of the process.

    Between events the process is frozen. Nothing runs on then, as an answer leaves nothing running;
    connections that died meanwhile are replaced when they are used.
    """

    def __init__(self, settings: Settings) -> None:
        self.runner = asyncio.Runner()
        self._settings = settings
        self._door: Door | None = None
        self._transport: Transport | None = None
        self._bot: Bot | None = None

    def answer(self, event: object) -> dict[str, Any]:
        """The answer to a Function URL or API Gateway event, payload 2.0 or 1.0."""
        return self.runner.run(self._answer(event))

    def close(self) -> None:
        """For tests: on Lambda the process just ends."""
        if self._bot is not None and self._bot.duty is not None:
            self.runner.run(self._bot.duty.stop())
        if self._transport is not None:
            self.runner.run(self._transport.aclose())
        self.runner.close()

    async def _answer(self, event: object) -> dict[str, Any]:
        if self._door is None:  # made inside the loop
            self._transport = Transport(ca_file=self._settings.ca_file)
            the_bot = bot.build(self._settings, self._transport)
            the_bot.market.may_run_on = False
            self._door = Door(the_bot, self._settings, "lambda")
            self._bot = the_bot
            await _open_database(the_bot, self._settings.database_url)
        if isinstance(event, dict) and event.get("tick") is True:
            return {"statusCode": 200, "body": orjson.dumps(await self._door.tick()).decode()}
        try:
            response = await self._door.respond(request_of(event))
        except HTTPError as error:
            response = error_response(error)
        except Exception:
            log.exception("the handler failed")
            response = error_response(HTTPError(500, "internal error"))
        # What was given up gets its turn to end now: frozen, it would take the freeze for the exchange's time.
        if given_up := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(given_up, timeout=GIVEN_UP_S)
        return lambda_answer(response, is_head=method_of(event) == "HEAD")


async def _open_database(the_bot: Bot, url: str) -> None:
    """What several processes share is open before the first question: the schedule's tick may be another one's."""
    if the_bot.duty is None or not url.startswith("postgres"):
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(OPEN_S):
            await the_bot.duty.open()


def lambda_answer(response: Response, *, is_head: bool) -> dict[str, Any]:
    """A response as Lambda returns it: what is no text in base64."""
    is_binary = response.content_type.startswith(BINARY)
    body = base64.b64encode(response.body).decode() if is_binary else response.body.decode()
    return {
        "statusCode": response.status,
        "headers": {"content-type": response.content_type, **dict(response.headers)},
        "body": "" if is_head else body,
        "isBase64Encoded": is_binary,
    }


@cache
def function() -> Lambda:
    """The one of this process, as the environment says. Raises SettingsError when that is wrong."""
    chosen = settings.load(os.environ, table.EXCHANGES)
    set_up_log(chosen)
    if not chosen.token:
        raise SettingsError("TELEGRAM_BOT_TOKEN is not set: put there the token that @BotFather gave you.")
    return Lambda(chosen)


def handle_webhook(event: object, context: object) -> dict[str, Any]:
    """AWS Lambda's handler, `webhook_server.handle_webhook`. Raises SettingsError when the environment is wrong."""
    return function().answer(event)


async def serve_demo(settings_of_demo: Settings) -> int:
    """Serves against the offline world, which starts in this process, on loopback, and ends with it.

    The chat page's port is the one after PORT, or any other when that is taken.
    """
    try:
        import demo
    except ImportError:  # the image has only what serves
        log.error("--demo needs the folder demo/, which is not here: run it from a checkout.")
        return 1

    world = await demo.start((settings_of_demo.port + 1) % 65536)
    environ = {
        "COMMANDS_PER_MINUTE": demo.keys.COMMANDS_PER_MINUTE,
        **os.environ,
        **world.environ,
        "TELEGRAM_CHAT_ID": world.chat_ids,
        "WEBHOOK_URL": f"http://127.0.0.1:{settings_of_demo.port}",
    }
    chosen = settings.load(environ, table.EXCHANGES, is_demo=True)
    greetings: list[asyncio.Future[None]] = []

    def began(the_bot: Bot) -> None:
        world.weather.hooks = demo.Hooks(partial(of_hosts, the_bot.market), the_bot.market.forget)
        greetings.append(asyncio.ensure_future(_greet(the_bot, world.page_url)))

    try:
        return await serve(chosen, began, Clock(now=world.clock))
    finally:
        for greeting in greetings:
            greeting.cancel()
        await asyncio.gather(*greetings, return_exceptions=True)
        await world.close()


async def _greet(the_bot: Bot, page_url: str) -> None:
    """Says where the chat is: last, after what the log has of the start, and on a line of its own."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GREET_S):
            while the_bot.process.webhook_state != "registered":  # noqa: ASYNC110 - it is so within milliseconds
                await asyncio.sleep(0.02)
    print(f"The offline chat is open, all its figures are SIMULATED; Ctrl-C ends it:\n{page_url}", flush=True)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--demo"]):
        print(USAGE, end="")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    is_demo = bool(arguments)
    try:
        chosen = settings.load(os.environ, table.EXCHANGES, is_demo=is_demo)
        if is_demo and not chosen.port:
            raise SettingsError("PORT should not be 0 with --demo, as the offline Telegram has to know it.")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if is_demo:
        set_up_log(chosen)
        return asyncio.run(serve_demo(chosen))
    if not chosen.token:
        print(
            "TELEGRAM_BOT_TOKEN is not set: put there the token that @BotFather gave you, "
            "or try the bot offline with --demo.",
            file=sys.stderr,
        )
        return 2
    set_up_log(chosen)
    bot.warn_of_nobody(chosen)
    return asyncio.run(serve(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
