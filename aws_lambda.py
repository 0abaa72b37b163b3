"""The same door for AWS Lambda, which calls this process with an event at a time and freezes it in between."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from contextlib import suppress
from functools import cache
from typing import Any

import orjson

import bot
import settings
from aws_events import method_of, request_of
from bot import Bot
from clock import PROCESS
from door import Door
from exchanges import table
from http1.client import Transport
from http1.server import HTTPError, Response, error_response
from log import set_up_log
from settings import Settings, SettingsError

log = logging.getLogger("webhook_server")
OPEN_S = 3.0  # for a database at a function's first event; later ticks try again
GIVEN_UP_S = 1.0  # to end, before Lambda freezes the process
BINARY = ("multipart/", "image/")  # content types that Lambda wants in base64


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
            self._transport = Transport(ca_file=self._settings.ca_file, clock=PROCESS.monotonic)
            the_bot = bot.build(self._settings, self._transport, PROCESS)
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
    if the_bot.duty is None:
        return
    if not url.startswith("postgres"):
        the_bot.duty.keep_no_file()
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
