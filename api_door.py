"""The webhook server's other paths: the JSON API, its description, and charts at their addresses.

With them comes every file of answers/, so that door.py imports this when the first of them is asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson

import bot
import json_api
import openapi
import settings
from answers import chart
from answers.asked import Misread, by_coins
from answers.chart_address import PATH, Refused
from answers.pictures import KEEP_S
from bot import Bot
from exchanges.errors import NoAnswer, NotListed
from exchanges.symbols import NotASymbol
from health import Health, check_key
from http1.server import Handler, HTTPError, Request, Response
from settings import Settings
from telegram.limiter import Limiter

T = TypeVar("T")
MAX_FIELDS = 16  # of a query
EACH_SIGNED_A_MINUTE = 6  # requests for one signed address, of which Telegram makes one or two
SIGNED_A_MINUTE = 60  # for all of them


class ApiDoor:
    """routes: by path and method. in_json: the paths whose refusals have a code, too."""

    def __init__(self, bot: Bot, settings: Settings, health: Health) -> None:
        self._bot, self._settings, self._health = bot, settings, health
        self._signed, self._each_signed = Limiter(SIGNED_A_MINUTE), Limiter(EACH_SIGNED_A_MINUTE)
        self.routes: dict[str, dict[str, Handler]] = {PATH: {"GET": self._chart}}
        self.in_json: frozenset[str] = frozenset()
        if settings.api_key or settings.is_demo:
            known = json_api.ROUTES | json_api.ALERT_ROUTES
            for path, route in known.items():
                self.routes[path] = dict.fromkeys(route.methods, partial(self._api, route))
            self.routes["/openapi.json"] = {"GET": self._openapi}
            self.in_json = frozenset((*known, "/openapi.json", PATH))

    @staticmethod
    def refusal(error: HTTPError, allowed: Sequence[str]) -> Response:
        """A refusal in JSON. allowed: methods that the path takes."""
        return Response(
            error.status, orjson.dumps(json_api.refusal(error.status, error.text, allowed)), headers=error.headers
        )

    async def _openapi(self, request: Request) -> Response:
        check_key(self._settings, request)
        return Response(200, orjson.dumps(openapi.openapi(settings.VERSION)))

    async def _api(self, route: json_api.Route, request: Request) -> Response:
        """Answers a question of the JSON API; a stranger's body is never read. As bounded as updates are."""
        check_key(self._settings, request)
        asked = _json(await request.body()) if request.method == "POST" else _query(request)
        with self._health.place(on_update=False):
            try:
                async with asyncio.timeout(bot.COMMAND_S):
                    tools = self._bot.tools if self._bot.duty is None else self._bot.duty.lent(self._bot.tools)
                    told = await json_api.answer(route, tools, asked)
            except json_api.BadRequest as error:
                raise HTTPError(400, str(error)) from error
            except TimeoutError:
                told = json_api.failure("too_slow", "This takes too long just now.")
        return Response(200, orjson.dumps(told))

    async def _chart(self, request: Request) -> Response:
        """The picture that /chart would send, with its ETag, for who has the key or a signed address.

        Raises HTTPError where there is none.
        """
        query = _query(request)
        words = self._signed_words(query) if "sig" in query else None
        if words is None:
            check_key(self._settings, request)
        with self._health.place(on_update=False):
            try:
                async with asyncio.timeout(bot.COMMAND_S):
                    typed = words or json_api.chart_words(query)
                    tools, named = await by_coins(self._bot.tools, typed)
                    png = (await chart.ask(tools, chart.command(named))).png
            except (json_api.BadRequest, NotASymbol, Misread) as error:
                raise HTTPError(400, str(error)) from error
            except NotListed as error:
                raise HTTPError(404, f"{error.symbol} is not listed") from error
            except (NoAnswer, TimeoutError) as error:
                raise HTTPError(503, "no exchange answers", [("retry-after", "30")]) from error
        if png is None:
            raise HTTPError(500, "the picture could not be drawn")
        etag = f'"{hashlib.sha256(png).hexdigest()[:32]}"'
        headers = (("etag", etag), ("cache-control", f"private, max-age={KEEP_S:.0f}"))
        known = request.headers.get("if-none-match", "")
        if etag in known or known.strip() == "*":
            return Response(304, b"", "image/png", headers)
        return Response(200, png, "image/png", headers)

    def _signed_words(self, query: Mapping[str, str]) -> list[str]:
        """What a signed address is of. Raises HTTPError: 403 where it is none of ours, 429 for too many requests.

        Telegram fetches an address once or twice. A stranger who has one is slowed down, and gets the picture that was
        drawn within the last KEEP_S.
        """
        addresses, now_s = self._bot.queries.addresses, self._bot.clock()
        if addresses is None:
            raise HTTPError(404, "there is nothing here")
        try:
            words = addresses.read(query, now_s)
        except Refused as error:
            raise HTTPError(403, str(error)) from error
        wait_s = self._each_signed.count(int(query["sig"][:12], 16), now_s) or self._signed.count(0, now_s)
        if wait_s:
            raise HTTPError(429, "too many requests for pictures", [("retry-after", str(math.ceil(wait_s)))])
        return words


def _json(body: bytes) -> object:
    """What a body says. Raises HTTPError 400, also for a field that is said twice: which one is meant, nobody knows."""
    try:
        asked = orjson.loads(body or b"{}")
        if isinstance(asked, dict) and len(asked) < body.count(b":"):
            json.loads(body, object_pairs_hook=_once)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise HTTPError(400, "the body is not JSON") from error
    return asked


def _query(request: Request) -> dict[str, str]:
    """The query's fields. Raises HTTPError 400."""
    try:
        return _once(parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise HTTPError(400, f"the query has more than {MAX_FIELDS} fields") from error


def _once(fields: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Fields by name. Raises HTTPError 400 for two of one name."""
    found: dict[str, T] = {}
    for name, value in fields:
        if name in found:
            raise HTTPError(400, f"{name[:40]} is there twice")
        found[name] = value
    return found
