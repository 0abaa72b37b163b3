"""The chat page: what a browser on this machine sees of the offline Telegram, and what it may do there.

Everything that happens becomes an event with a number; the page asks for the events after the
last one it has. It also shows what nobody sees in life: each update as it was sent, the call
that came back, and the bot's log lines about it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from demo.telegram import Telegram
from demo.telegram_people import ELSEWHERE
from demo.weather import Weather
from demo.web import Asked, Reply, in_json

MAX_EVENTS = 1000
MAX_LINES = 400  # of the log
MAX_SHOWN = 6000  # characters of an update or a call
WAIT_S = 20.0  # for the next event
PAGE = Path(__file__).with_name("page.html")
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
    "img-src 'self' data: http://127.0.0.1:* http://localhost:*; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)  # only the page's own script and style run, by their hashes
SHOWN = (
    "sendMessage",
    "sendRichMessage",
    "sendPhoto",
    "editMessageText",
    "editMessageMedia",
    "editMessageCaption",
    "deleteMessage",
)
WIRE = ("trace", "call", "lost", "weather")
GROUP, FORUM, TOPIC = -1_000_000_000_777, -1_000_000_000_778, 5


class Person(NamedTuple):
    """Somebody the page may be, in a chat of theirs."""

    name: str
    about: str
    user_id: int
    chat_id: int
    thread_id: int | None = None


def people(owner_id: int) -> list[Person]:
    return [
        Person("Owner", "the accounts are yours", owner_id, owner_id),
        Person("Listed user", "is on the list, too", owner_id + 1, owner_id + 1),
        Person("Stranger", "is not on the list", owner_id + 900, owner_id + 900),
        Person("Group", "owner in a group with the bot", owner_id, GROUP),
        Person("Topic", "owner in a topic of a forum", owner_id, FORUM, TOPIC),
        Person("Elsewhere", "owner in a chat without the bot: @name asks it as a guest", owner_id, ELSEWHERE),
    ]


class LogLines(logging.Handler):
    """The last lines of the log, written as the first handler there writes them: without secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=MAX_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        others = [handler for handler in logging.getLogger().handlers if handler is not self and handler.formatter]
        if others:
            self.lines.append(others[0].format(record)[:2000])

    def about(self, update_id: int) -> list[str]:
        return [line for line in self.lines if f"update {update_id}" in line]


def policy(page: bytes) -> str:
    """The Content-Security-Policy of a page with one script and one style."""
    hashes = {}
    for tag in ("script", "style"):
        inside = page.partition(f"<{tag}>".encode())[2].partition(f"</{tag}>".encode())[0]
        hashes[tag] = f"'sha256-{base64.b64encode(hashlib.sha256(inside).digest()).decode()}'"
    return POLICY.format(**hashes)


class ChatPage:
    """The page's doors. telegram: gives the Telegram that is looked at. weather: what its user may change."""

    def __init__(self, telegram: Callable[[], Telegram], weather: Weather, owner_id: int) -> None:
        self._telegram, self._weather = telegram, weather
        self.people = people(owner_id)
        self.log = LogLines()
        self.events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._n_events = 0
        self._news = asyncio.Event()

    def watch(self) -> None:
        """Looks on from now on."""
        telegram = self._telegram()
        telegram.on_event, telegram.on_delivered, telegram.on_call = self.tell, self._delivered, self._called
        self._weather.on_news = lambda words: self.tell({"kind": "weather", "text": words})
        telegram.forums.add(FORUM)
        telegram.names |= {person.user_id: person.name for person in self.people[:3]}
        telegram.names |= {GROUP: "Traders", FORUM: "Traders' forum", ELSEWHERE: "A friend"}
        logging.getLogger().addHandler(self.log)

    def leave(self) -> None:
        logging.getLogger().removeHandler(self.log)

    def tell(self, event: dict[str, Any]) -> None:
        self._n_events += 1
        self.events.append({"number": self._n_events, **event})
        self._news.set()

    def _delivered(self, update: dict[str, Any], outcome: str, answer: str, seconds: float) -> None:
        self.tell(
            {
                "kind": "trace",
                "update_id": update["update_id"],
                "update": json.dumps(update, ensure_ascii=False, indent=1)[:MAX_SHOWN],
                "outcome": outcome,
                "answer": answer[:MAX_SHOWN],
                "ms": round(seconds * 1000),
                "lines": self.log.about(update["update_id"]),
            }
        )

    def _called(self, method: str, shown: str) -> None:
        if method in SHOWN:
            self.tell({"kind": "call", "method": method, "call": shown[:MAX_SHOWN]})

    async def handle(self, asked: Asked) -> Reply:
        host = asked.headers.get("host", "").partition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            return in_json({"error": "this page is for the same machine only"}, 403)
        if asked.method == "GET":
            return await self._get(asked)
        if asked.method != "POST" or asked.headers.get("content-type") != "application/json":
            return in_json({"error": "not found"}, 404)
        try:
            wanted = json.loads(asked.body)
            if not isinstance(wanted, dict):
                raise TypeError("an object is wanted")
            in_world = asked.path.startswith("/world/")
            done = await self._change(asked.path, wanted) if in_world else self._do(asked.path, wanted)
        except (ValueError, TypeError, LookupError, StopIteration) as error:
            return in_json({"error": f"not understood: {error}"}, 400)
        return in_json({"error": "not found"}, 404) if done is None else in_json(done)

    async def _get(self, asked: Asked) -> Reply:
        telegram = self._telegram()
        if asked.path == "/":
            page = PAGE.read_bytes()
            headers = (("Content-Security-Policy", policy(page)), ("X-Content-Type-Options", "nosniff"))
            return Reply(200, page, "text/html; charset=utf-8", headers)
        if asked.path == "/world":
            return in_json(self._weather.state())
        if asked.path == "/chat/events":
            after = asked.query.get("after", "0")
            events = await self._events_after(int(after) if after.isdecimal() else 0, "all" in asked.query)
            return in_json(events)
        if asked.path == "/chat/menu":
            return in_json(self._menu(asked.query))
        if asked.path.startswith("/chat/photo/"):
            picture = telegram.pictures.get(asked.path.removeprefix("/chat/photo/"))
            if picture is not None:
                return Reply(200, picture.content, picture.content_type, (("Cache-Control", "max-age=3600"),))
        return in_json({"error": "not found"}, 404)

    def _menu(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Who the bot is, and what a person sees of its menu. whom: by place in `people`."""
        telegram, whom = self._telegram(), query.get("whom", "0")
        person = self.people[int(whom) % len(self.people) if whom.isdecimal() else 0]
        return {
            "username": telegram.username,
            "last_event": self._n_events,
            **{name: telegram.texts.get(name, "") for name in ("description", "short_description")},
            "is_blocked": person.chat_id in telegram.blocked | telegram.kicked,
            "commands": telegram.menu_in(person.chat_id, person.user_id),
            "people": [each._asdict() for each in self.people],
        }

    def _do(self, path: str, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """What the page's user does; None for a door that is none. Raises ValueError, TypeError or LookupError."""
        telegram, owner = self._telegram(), self.people[0]
        chat_id, user_id = int(wanted.get("chat_id", owner.chat_id)), int(wanted.get("user_id", owner.user_id))
        if path == "/chat/send":
            return {"update_id": self._say(str(wanted["text"])[:4096], chat_id, user_id, wanted)}
        if path == "/chat/press":
            return {"update_id": telegram.press(chat_id, int(wanted["message_id"]), str(wanted["data"]), user_id)}
        if path == "/chat/block":
            telegram.stop(chat_id, user_id) if wanted.get("is_blocked") else telegram.resume(chat_id, user_id)
            return {"is_blocked": bool(wanted.get("is_blocked"))}
        if path == "/chat/inline":
            text, offset = str(wanted["text"])[:256], str(wanted.get("offset", ""))
            return {"query_id": telegram.ask_inline(text, user_id, chat_id, offset)}
        if path == "/chat/choose":
            return {"message_id": telegram.choose(str(wanted["query_id"]), str(wanted["result_id"])).message_id}
        return None

    def _say(self, text: str, chat_id: int, user_id: int, wanted: Mapping[str, Any]) -> int | None:
        """Sends a text; None where the bot does not hear it: in groups all but commands, elsewhere all but its name."""
        telegram = self._telegram()
        fields: dict[str, Any] = {}
        if wanted.get("thread_id") is not None:
            fields |= {"message_thread_id": int(wanted["thread_id"]), "is_topic_message": True}
        if wanted.get("reply_to") is not None:
            fields |= telegram.reply_fields(chat_id, int(wanted["reply_to"]))
        if chat_id in telegram.elsewhere and f"@{telegram.username}".lower() in text.lower():
            return telegram.mention(text, chat_id, user_id)
        is_heard = chat_id > 0 or text.startswith("/") or "reply_to_message" in fields
        if chat_id in telegram.elsewhere or not is_heard:
            telegram.say(text, chat_id, user_id, fields.get("message_thread_id"))
            return None
        return telegram.send(text, chat_id, user_id, **fields)

    async def _change(self, path: str, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """What the page's user does to the world; its new state. Raises ValueError, TypeError or LookupError."""
        weather = self._weather
        if path == "/world/fault":
            name = str(wanted.get("site") or wanted.get("exchange") or "")
            await weather.set(name, str(wanted.get("fault", "")), float(wanted.get("latency_ms", 0)))
        elif path == "/world/weather":
            weather.stop()
            await weather.choose(str(wanted["name"]))
        elif path == "/world/replay":
            weather.replay(str(wanted["name"]), float(wanted.get("speed", 1)))
        elif path == "/world/clock":
            weather.turn(float(wanted.get("speed", 1)), float(wanted.get("jump_s", 0)))
        elif path == "/world/forget":
            weather.forget()
        else:
            return None
        return {"ok": True, **weather.state()}

    async def _events_after(self, number: int, is_all: bool) -> list[dict[str, Any]]:
        """The events after a number; waits for the next. A number from before a restart counts as 0.

        is_all: also what the wire carried.
        """
        number = number if number <= self._n_events else 0
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while not (found := self._found(number, is_all)):
                    self._news.clear()
                    await self._news.wait()
                return found
        return []

    def _found(self, number: int, is_all: bool) -> list[dict[str, Any]]:
        return [each for each in self.events if each["number"] > number and (is_all or each["kind"] not in WIRE)]
