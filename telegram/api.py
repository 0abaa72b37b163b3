"""The Bot API as a client: one call, its result or its error. No text here ever holds the token."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from http1.words import Answer, ConnectTimeout, Line, LineError, NotSent, Timeouts, to_ask
from telegram.multipart import body_of
from telegram.rich import as_html, as_rich, is_refused

MAX_ANSWER = 8 * 1024 * 1024  # getUpdates gives up to some 4 MiB
MAX_WORDS = 300  # characters of a text of Telegram's
CALL_S = 10.0
MAX_RETRY_AFTER_S = 60.0  # that is waited before Telegram is asked again, whatever it says
CLOCK_OFF_S = 60.0  # more than any answer takes on its way
log = logging.getLogger("bot")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = (
    r"[A-Z][a-z]{2}, (?P<day>[0-9]{2}) (?P<month>[A-Z][a-z]{2}) (?P<year>[0-9]{4})"
    r" (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2}) GMT"
)
_TOKENS = r"(?i)[0-9]{5,}(?::|%3A)[A-Za-z0-9_-]{8,}"


class TelegramError(Exception):
    """A call failed.

    code: as Telegram says it, 0 when there was no answer. retry_after_s and migrate_to_chat_id
    where given. was_sent: whether Telegram may have carried the call out nevertheless.
    """

    def __init__(
        self,
        method: str,
        code: int,
        description: str,
        *,
        retry_after_s: float | None = None,
        migrate_to_chat_id: int | None = None,
        was_sent: bool = False,
    ) -> None:
        super().__init__(f"{method}: {code or 'no answer:'} {description}")
        self.method, self.code, self.description = method, code, description
        self.retry_after_s, self.migrate_to_chat_id, self.was_sent = retry_after_s, migrate_to_chat_id, was_sent

    @property
    def is_passing(self) -> bool:
        """Whether the same call may succeed later: no answer, 429, 5xx; 409 while another poller lives."""
        return self.code in (0, 409, 429) or self.code >= 500


class TelegramAPI:
    """Calls the Bot API for one token.

    clock_off_s: how many seconds our clock is ahead of Telegram's, by the Date of its answers; None without one.
    """

    clock_off_s: float | None = None

    def __init__(self, token: str, line: Line, url: str, clock: Callable[[], float] = time.time) -> None:
        self._line, self._clock = line, clock
        self._base = f"{url}/bot{token}/"

    async def call(self, method: str, params: Mapping[str, Any] | None = None, timeout_s: float = CALL_S) -> Any:
        """The call's `result`. Raises TelegramError, always within timeout_s, or twice that for a text in two forms.

        The one place where a text that has a rich form goes out in it, and as HTML when Telegram refuses that.
        """
        rich = as_rich(method, params or {})
        if rich is None:
            return await self._call(method, params, timeout_s)
        try:
            return await self._call(*rich, timeout_s)
        except TelegramError as error:
            if error.migrate_to_chat_id is not None or not is_refused(error.code, error.description):
                raise
            log.warning("%s; the same goes out as HTML", error)
        return await self._call(method, as_html(params or {}), timeout_s)

    async def _call(self, method: str, params: Mapping[str, Any] | None, timeout_s: float) -> Any:
        """One call, in the form that it has."""
        content_type, content = body_of(params or {})
        headers = {"content-type": content_type, "accept-encoding": "identity"}
        asked = to_ask("POST", self._base + method, headers, content)
        # Foreign errors are cut off their cause ("from None"): its text may hold the address, and that the token.
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._line.send(asked, Timeouts(connect=min(timeout_s, 5.0)))
                try:
                    body = await _read(method, answer)
                finally:
                    answer.close()
        except TimeoutError:
            raise TelegramError(method, 0, f"nothing within {timeout_s} s", was_sent=True) from None
        except NotSent as error:
            raise TelegramError(method, 0, f"no connection, {cause_in(error)}") from None
        except LineError as error:
            raise TelegramError(method, 0, f"the line failed: {type(error).__name__}", was_sent=True) from None
        self._look_at_the_clock(answer.headers.get("date"))
        return result_of(method, answer.status, body)

    def _look_at_the_clock(self, date: str | None) -> None:
        """Dates have whole seconds, and were written before the answer travelled: some seconds mean nothing."""
        before = self.clock_off_s
        with suppress(ValueError):  # no date, or none that can be
            self.clock_off_s = self._clock() - moment_of(date or "")
        if abs(self.clock_off_s or 0) > CLOCK_OFF_S >= abs(before or 0):
            log.warning("this machine's clock is %+.0f s off Telegram's: set it right", self.clock_off_s)


def moment_of(date: str) -> float:
    """Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7). Raises ValueError.

    The library's parser, which also takes what mails have, brings 0.6 MiB of modules.
    """
    found = re.fullmatch(_DATE, date)
    if found is None or found["month"] not in MONTHS:
        raise ValueError("no date of HTTP")
    day, year, hour, minute, second = (int(found[name]) for name in ("day", "year", "hour", "minute", "second"))
    return datetime(year, MONTHS.index(found["month"]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()


def cause_in(error: NotSent) -> str:
    """Why there is no connection, in the system's or OpenSSL's own words without numbers and addresses."""
    if isinstance(error, ConnectTimeout):
        return "timed out"
    return clean(re.sub(r"\[[^]]*\]|\([^)]*\)", "", str(error))) or type(error).__name__


async def _read(method: str, answer: Answer) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := await answer.read():
        size += len(chunk)
        if size > MAX_ANSWER:
            raise TelegramError(method, 0, f"the answer is longer than {MAX_ANSWER} bytes", was_sent=True)
        parts.append(chunk)
    return b"".join(parts)


def result_of(method: str, status: int, body: bytes) -> Any:
    """The `result` of {"ok": true, "result": …}. Raises TelegramError, also for what something between answers instead.

    Such a 4xx is no word of Telegram's, least of all on the token: it counts as a gateway's failure, which passes. Only
    what is too large stays so.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        code = status if status >= 500 or status in (413, 429) else 502
        told = "the answer is not the Bot API's" + ("" if code == status else f", with status {status}")
        raise TelegramError(method, code, told, was_sent=_may_have_passed(status))
    if answer.get("ok") is True:
        return answer.get("result")
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    retry_after_s = _whole(parameters.get("retry_after"))
    raise TelegramError(
        method,
        _whole(answer.get("error_code")) or status,
        clean(answer.get("description")),
        retry_after_s=None if retry_after_s is None else max(0, retry_after_s),
        migrate_to_chat_id=_whole(parameters.get("migrate_to_chat_id")),
    )


def _may_have_passed(status: int) -> bool:
    """Whether a call may have come through to Telegram, of which something between tells only this status.

    A 502 or 503 is of a front that reaches nobody behind it; 3xx and 4xx are of one that refuses.
    """
    return not (300 <= status < 500 or status in (502, 503))


def clean(words: object) -> str:
    """A text of Telegram's, or of who answers in its place, on one line, cut, and without what looks like a token."""
    return re.sub(_TOKENS, "[secret]", " ".join(words.split()))[:MAX_WORDS] if isinstance(words, str) else ""


def _whole(value: object) -> int | None:
    """A whole number as the Bot API sends them; None for anything else, as a proxy may answer in its place."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
