"""Telegram as a bot meets it: the Bot API, the delivery of updates, and a chat page for people.

Deliveries follow Telegram's rules: one update per chat at a time (a user's button presses are
a queue of their own), at most max_connections at once, the secret in its header, the call in
the answer executed and its result thrown away, failures retried at once, then after 2, 4, 8 …
s, and Retry-After obeyed.
Source: tdlib/telegram-bot-api WebhookActor.cpp and Client.cpp; Bot API 10.0.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from demo.telegram_html import BadHTML, Parsed, parse
from demo.web import Asked, Reply, in_json

READ_S = 60.0
MAX_EVENTS = 2000
MAX_BACK_OFF_S = 60.0
PAGE = Path(__file__).with_name("page.html")


class Refused(Exception):
    """A Bot API call is answered with ok: false."""

    def __init__(self, code: int, description: str, **parameters: object) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Message:
    """A message as it stands in a chat now. markup: its inline keyboard."""

    def __init__(self, chat_id: int, message_id: int, of_bot: bool, raw: str, parsed: Parsed, markup: Any) -> None:
        self.chat_id, self.message_id, self.of_bot = chat_id, message_id, of_bot
        self.raw, self.text, self.page, self.markup = raw, parsed.text, parsed.page, markup
        self.thread_id: int | None = None
        self.time_s = time.time()


class Telegram:
    """The server, for one bot. back_off_s is the unit of the retry delays (2 s in life)."""

    def __init__(self, token: str, username: str = "DemoMarketBot", back_off_s: float = 2.0) -> None:
        self.token, self.username, self.back_off_s = token, username, back_off_s
        self.webhook: dict[str, Any] = {"url": ""}
        self.commands: list[dict[str, str]] = []
        self.messages: dict[tuple[int, int], Message] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []  # every call made or answered with, in order
        self.lost: list[str] = []  # errors of calls made inside a webhook's answer: nobody hears them
        self.events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self.fail_next: list[Refused] = []  # the next calls are refused with these
        self.attempts: list[tuple[int, int | str]] = []  # update_id, status or the error's name
        self._n_events = 0
        self._news = asyncio.Event()
        self._next_update_id = 700_000_001
        self._next_message_id = 1
        self._queues: dict[tuple[str, int], deque[dict[str, Any]]] = defaultdict(deque)
        self._workers: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._deliveries = asyncio.Semaphore(40)
        # Deliveries go to loopback, by http: reading the certificates would cost more than all the rest.
        self._client = httpx.AsyncClient(timeout=READ_S, trust_env=False, verify=False)  # noqa: S501
        self._poll: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._last_error: tuple[int, str] | None = None

    async def close(self) -> None:
        for task in list(self._workers.values()):
            task.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        await self._client.aclose()

    # What people do.

    def send(self, text: str, chat_id: int = 1001, user_id: int | None = None, **fields: Any) -> int:
        """A person writes; the update_id. Chats below zero are groups. fields go into the message as they are."""
        message = self._said(text, chat_id, user_id if user_id is not None else abs(chat_id), fields)
        return self._push(("chat", chat_id), {"message": message})

    def press(self, chat_id: int, message_id: int, data: str, user_id: int | None = None) -> int:
        """A person presses a button; the update_id."""
        user_id = user_id if user_id is not None else abs(chat_id)
        message = self.messages.get((chat_id, message_id))
        shown: dict[str, Any] = {"message_id": message_id, "chat": _chat(chat_id), "date": int(time.time())}
        if message is not None:
            shown["text"] = message.text
        callback = {
            "id": str(self._next_update_id * 7),
            "from": _user(user_id),
            "message": shown,
            "chat_instance": "1",
            "data": data,
        }
        return self._push(("user", user_id), {"callback_query": callback})

    def _said(self, text: str, chat_id: int, user_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        message_id = self._next_message_id
        self._next_message_id += 1
        shown = Message(chat_id, message_id, False, text, Parsed(text, _as_page(text)), None)
        self.messages[chat_id, message_id] = shown
        self._tell("message", shown)
        message: dict[str, Any] = {
            "message_id": message_id,
            "from": _user(user_id),
            "chat": _chat(chat_id),
            "date": int(time.time()),
            "text": text,
        }
        command = re.match(r"/\w+(@\w+)?", text)
        if command:
            message["entities"] = [{"offset": 0, "length": command.end(), "type": "bot_command"}]
        return message | dict(fields)

    def _push(self, key: tuple[str, int], update: dict[str, Any]) -> int:
        update_id = self._next_update_id
        self._next_update_id += 1
        self._queues[key].append({"update_id": update_id, **update})
        self._arrived.set()
        self._start_deliveries()
        return update_id

    @property
    def n_pending(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def settle(self, timeout_s: float = 30.0) -> None:
        """Waits until every update was taken. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.n_pending:
                self._taken.clear()
                await self._taken.wait()

    # Delivery.

    def _start_deliveries(self) -> None:
        for key, queue in self._queues.items():
            if self.webhook["url"] and queue and key not in self._workers:
                self._workers[key] = asyncio.ensure_future(self._deliver_queue(key))

    async def _deliver_queue(self, key: tuple[str, int]) -> None:
        failures = 0
        try:
            while self._queues[key] and self.webhook["url"]:
                update = self._queues[key][0]
                async with self._deliveries:
                    wait_s = await self._deliver(update)
                if wait_s is None:
                    if self._queues[key]:  # else dropped meanwhile
                        self._queues[key].popleft()
                    self._taken.set()
                    failures = 0
                    continue
                if wait_s < 0:  # no Retry-After: at once, then slower and slower
                    wait_s = 0.0 if not failures else min(self.back_off_s * 2 ** (failures - 1), MAX_BACK_OFF_S)
                    failures += 1
                await asyncio.sleep(wait_s)
        finally:
            self._workers.pop(key, None)

    async def _deliver(self, update: dict[str, Any]) -> float | None:
        """None when it was taken; else the seconds of Retry-After, or -1."""
        headers = {"content-type": "application/json"}
        if self.webhook.get("secret_token"):
            headers["x-telegram-bot-api-secret-token"] = self.webhook["secret_token"]
        try:
            answer = await self._client.post(self.webhook["url"], content=json.dumps(update), headers=headers)
        except httpx.HTTPError as error:
            self._note(update, type(error).__name__, "Connection failed")
            return -1.0
        self._note(update, answer.status_code, f"Wrong response from the webhook: {answer.status_code}")
        if not 200 <= answer.status_code < 300:
            retry_after = answer.headers.get("retry-after", "")
            return float(retry_after) if retry_after.isdecimal() else -1.0
        with suppress(ValueError):
            call = json.loads(answer.content)
            if isinstance(call, dict) and isinstance(call.get("method"), str):
                self._execute_quietly(call.pop("method"), call)
        return None

    def _note(self, update: dict[str, Any], outcome: int | str, description: str) -> None:
        self.attempts.append((update["update_id"], outcome))
        if not isinstance(outcome, int) or not 200 <= outcome < 300:
            self._last_error = (int(time.time()), description)

    def _execute_quietly(self, method: str, params: dict[str, Any]) -> None:
        if method.lower().startswith("get") or method.lower() in ("setwebhook", "deletewebhook", "close", "logout"):
            return
        try:
            self.execute(method, params)
        except Refused as error:
            self.lost.append(f"{method}: {error.description}")

    # The Bot API.

    async def handle(self, asked: Asked) -> Reply:
        """Bot API calls; everything else is the page's."""
        found = re.fullmatch(r"/bot([^/]+)/(\w+)", asked.path)
        if found is None:
            return await self._page(asked)
        try:
            if found[1] != self.token:
                raise Refused(401, "Unauthorized")
            params = json.loads(asked.body) if asked.body else dict(asked.query)
            result = await self.get_updates(params) if found[2] == "getUpdates" else self.execute(found[2], params)
        except Refused as error:
            answer: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
            if error.parameters:
                answer["parameters"] = error.parameters
            return in_json(answer, error.code)
        return in_json({"ok": True, "result": result})

    def execute(self, method: str, params: dict[str, Any]) -> Any:
        """Carries out a call. Raises Refused."""
        self.calls.append((method, params))
        if self.fail_next:
            raise self.fail_next.pop(0)
        action = {
            "getMe": self._get_me,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "setMyCommands": self._set_my_commands,
            "getMyCommands": lambda params: self.commands,
            "sendMessage": self._send_message,
            "editMessageText": self._edit_message_text,
            "answerCallbackQuery": self._answer_callback_query,
            "sendChatAction": self._send_chat_action,
        }.get(method)
        if action is None:
            raise Refused(404, "Not Found")
        return action(params)

    def _get_me(self, params: dict[str, Any]) -> dict[str, Any]:
        bot_id = int(self.token.partition(":")[0])
        return {"id": bot_id, "is_bot": True, "first_name": "Demo", "username": self.username}

    def _set_webhook(self, params: dict[str, Any]) -> bool:
        url = str(params.get("url", ""))
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", url):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", str(params.get("secret_token", ""))):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = dict(params)
        self._last_error = None
        self._deliveries = asyncio.Semaphore(min(100, max(1, int(params.get("max_connections", 40)))))
        self._end_poll()
        self._start_deliveries()
        return True

    def _delete_webhook(self, params: dict[str, Any]) -> bool:
        self.webhook = {"url": ""}
        self._last_error = None
        if params.get("drop_pending_updates"):
            self._queues.clear()
        return True

    def _get_webhook_info(self, params: dict[str, Any]) -> dict[str, Any]:
        public = ("url", "max_connections", "allowed_updates")
        shown = {key: value for key, value in self.webhook.items() if key in public}
        info = {**shown, "has_custom_certificate": False, "pending_update_count": self.n_pending}
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    def _set_my_commands(self, params: dict[str, Any]) -> bool:
        commands = params.get("commands")
        if not isinstance(commands, list) or len(commands) > 100:
            raise Refused(400, "Bad Request: commands must be a list")
        for each in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", each["command"]) or not 1 <= len(each["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands = commands
        return True

    def _send_message(self, params: dict[str, Any]) -> dict[str, Any]:
        chat_id = _chat_id(params)
        parsed = _text(params)
        if params.get("message_thread_id") == 1:
            raise Refused(400, "Bad Request: message thread not found")
        message_id = self._next_message_id
        self._next_message_id += 1
        message = Message(chat_id, message_id, True, params["text"], parsed, _markup(params))
        message.thread_id = params.get("message_thread_id")
        self.messages[chat_id, message_id] = message
        self._tell("message", message)
        return _result(message)

    def _edit_message_text(self, params: dict[str, Any]) -> dict[str, Any]:
        message = self.messages.get((_chat_id(params), params.get("message_id", 0)))
        if message is None or not message.of_bot:
            raise Refused(400, "Bad Request: message to edit not found")
        parsed, markup = _text(params), _markup(params)
        if (message.page, message.markup) == (parsed.page, markup):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message",
            )
        message.raw, message.text, message.page, message.markup = params["text"], parsed.text, parsed.page, markup
        self._tell("edit", message)
        return _result(message)

    def _answer_callback_query(self, params: dict[str, Any]) -> bool:
        if not params.get("callback_query_id"):
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        text = str(params.get("text", ""))
        if len(text) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self._event({"kind": "toast", "text": text})
        return True

    def _send_chat_action(self, params: dict[str, Any]) -> bool:
        self._event({"kind": "typing", "chat_id": _chat_id(params)})
        return True

    async def get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Long polling. A newer call ends an older one. Raises Refused."""
        self.calls.append(("getUpdates", params))
        if self.fail_next:
            raise self.fail_next.pop(0)
        if self.webhook["url"]:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        self._end_poll()
        mine = self._poll = asyncio.get_running_loop().create_future()
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 100))
        for queue in self._queues.values():
            while queue and queue[0]["update_id"] < offset:
                queue.popleft()
                self._taken.set()
        try:
            async with asyncio.timeout(float(params.get("timeout", 0))):
                while not (found := self._waiting()[:limit]):
                    self._arrived.clear()
                    arrived = asyncio.ensure_future(self._arrived.wait())
                    try:
                        await asyncio.wait([arrived, mine], return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        arrived.cancel()
                    if mine.done():
                        raise Refused(
                            409,
                            "Conflict: terminated by other getUpdates request; make sure that only one bot "
                            "instance is running",
                        )
        except TimeoutError:
            found = []
        return found

    def _waiting(self) -> list[dict[str, Any]]:
        return sorted((each for queue in self._queues.values() for each in queue), key=lambda each: each["update_id"])

    def _end_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    # The page.

    def _tell(self, kind: str, message: Message) -> None:
        self._event(
            {
                "kind": kind,
                "chat_id": message.chat_id,
                "message_id": message.message_id,
                "of_bot": message.of_bot,
                "html": message.page,
                "keyboard": (message.markup or {}).get("inline_keyboard", []),
                "time": time.strftime("%H:%M", time.localtime(message.time_s)),
            }
        )

    def _event(self, event: dict[str, Any]) -> None:
        self._n_events += 1
        self.events.append({"number": self._n_events, **event})
        self._news.set()

    async def _page(self, asked: Asked) -> Reply:
        host = asked.headers.get("host", "").partition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            return in_json({"error": "this page is for the same machine only"}, 403)
        if asked.method == "GET" and asked.path == "/":
            return Reply(200, PAGE.read_bytes(), "text/html; charset=utf-8")
        if asked.method == "GET" and asked.path == "/chat/events":
            return in_json(await self._events_after(int(asked.query.get("after", "0"))))
        if asked.method == "GET" and asked.path == "/chat/menu":
            return in_json(self.commands)
        if asked.method == "POST" and asked.headers.get("content-type") == "application/json":
            wanted = json.loads(asked.body)
            if asked.path == "/chat/send":
                return in_json({"update_id": self.send(str(wanted["text"])[:4096])})
            if asked.path == "/chat/press":
                return in_json({"update_id": self.press(1001, int(wanted["message_id"]), str(wanted["data"]))})
        return in_json({"error": "not found"}, 404)

    async def _events_after(self, number: int) -> list[dict[str, Any]]:
        """The events after a number; waits up to 20 s for the next."""
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while not self.events or self.events[-1]["number"] <= number:
                    self._news.clear()
                    await self._news.wait()
        return [event for event in self.events if event["number"] > number]


def _as_page(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _user(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "Ada", "language_code": "en"}


def _chat(chat_id: int) -> dict[str, Any]:
    if chat_id > 0:
        return {"id": chat_id, "first_name": "Ada", "type": "private"}
    return {"id": chat_id, "title": "Traders", "type": "supergroup"}


def _chat_id(params: dict[str, Any]) -> int:
    chat_id = params.get("chat_id")
    if not isinstance(chat_id, int):
        raise Refused(400, "Bad Request: chat_id is empty")
    return chat_id


def _text(params: dict[str, Any]) -> Parsed:
    text = params.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    mode = str(params.get("parse_mode", "")).lower()
    if not mode:
        if len(text) > 4096:
            raise Refused(400, "Bad Request: message is too long")
        return Parsed(text.strip(), _as_page(text))
    if mode != "html":
        raise Refused(400, "Bad Request: unsupported parse_mode")
    try:
        return parse(text)
    except BadHTML as error:
        raise Refused(400, str(error)) from error


def _markup(params: dict[str, Any]) -> Any:
    """The inline keyboard, checked as Telegram checks it. Raises Refused."""
    markup = params.get("reply_markup")
    if markup is None:
        return None
    for row in markup["inline_keyboard"]:
        for button in row:
            if not button.get("text"):
                raise Refused(400, "Bad Request: BUTTON_TEXT_INVALID")
            data = button.get("callback_data")
            if not isinstance(data, str) or not 1 <= len(data.encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup


def _result(message: Message) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "chat": _chat(message.chat_id),
        "date": int(message.time_s),
        "text": message.text,
    }
