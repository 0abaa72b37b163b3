"""The way from a request to the bot and back, at the webhook's server and on AWS Lambda: paths, checks, refusals.

An update's answer travels in the HTTP response to it, so nothing is queued here: what is not answered, Telegram
delivers again.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from answers.chart_address import PATH, Addresses
from bot import Bot
from health import Health, check_key, health_response, metrics_response
from http1.server import MAX_BODY, Handler, HTTPError, Request, Response, Server
from settings import Settings
from telegram.beside import in_answer
from telegram.multipart import body_of
from telegram.replies import Call

if TYPE_CHECKING:
    from api_door import ApiDoor

log = logging.getLogger("webhook_server")
MAX_SENT_BESIDE = 1000  # update_ids, some 100 bytes each; Telegram delivers again within minutes


class Door:
    """Takes requests to the bot. `respond` is what a Server calls."""

    def __init__(self, bot: Bot, settings: Settings, mode: str = "webhook") -> None:
        self._bot, self._settings = bot, settings
        self._secret = settings.webhook_secret.encode()
        self.health = Health(bot, settings, "demo" if settings.is_demo else mode)
        self._in_work: dict[object, asyncio.Future[Call | None]] = {}  # what will be answered, by update_id
        self._sent_beside: dict[object, None] = {}  # update_ids whose answer is out already, the oldest first
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
            call = await self._answered(update)
        content_type, body = ("application/json", b"") if call is None else body_of(call)
        return Response(200, body, content_type)

    async def _answered(self, update: Mapping[str, object]) -> Call | None:
        """What travels in the answer to an update, which Telegram may deliver again, as its line was cut.

        One that comes while the first is in work has its answer, too, as nobody knows which of them arrives; but what
        was sent beside is out, and not sent again. Where the first failed or was cut off, the second is answered anew.
        """
        update_id = update["update_id"]
        while (first := self._in_work.get(update_id)) is not None:
            await asyncio.wait([first])
            if not first.cancelled():
                return first.result()
        if update_id in self._sent_beside:
            return None
        mine = self._in_work[update_id] = asyncio.get_running_loop().create_future()
        try:
            call = await self._bot.answer(update)
            left = call and await in_answer(self._bot.api, call)
            if call is not None and left is None:
                self._sent_beside[update_id] = None
                if len(self._sent_beside) > MAX_SENT_BESIDE:
                    del self._sent_beside[next(iter(self._sent_beside))]
            mine.set_result(left)
            return left
        finally:
            del self._in_work[update_id]
            mine.cancel()  # nothing, where it has a result


def _update(body: bytes) -> Mapping[str, object]:
    """The update in a body. Raises HTTPError 400."""
    try:
        update = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "the body is not JSON") from error
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise HTTPError(400, "the body is not an update")
    return update
