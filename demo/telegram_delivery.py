"""How Telegram brings updates to a bot: by webhook or by long polling.

One update per chat at a time (a user's button presses and inline queries are queues of their
own), at most max_connections at once, the secret in its header, the call in the answer (JSON, a
form, or multipart with files) executed and its result thrown away, failures repeated at once,
then after 2, 4, 8 … s, and Retry-After obeyed. A kind of update that the bot did not ask for is
never made; one that is too old is forgotten.
Source: tdlib/telegram-bot-api WebhookActor.cpp and Client.cpp; Bot API 10.3.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import httpx

from demo.multipart import File, Malformed, read_form
from demo.telegram_rules import Refused

READ_S = 60.0
MAX_BACK_OFF_S = 60.0
MAX_ATTEMPTS = 5000  # that are remembered
DAY_S = 86_400
LIVES_S = {"callback_query": 150, "inline_query": 30, "chosen_inline_result": 600}  # all others a day
LEFT_OUT = ("chat_member", "message_reaction", "message_reaction_count")  # unless asked for by name
IGNORED_IN_AN_ANSWER = ("setwebhook", "deletewebhook", "close", "logout")
POLLED_BY_ANOTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HAS_A_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class Delivery:
    """The queues of one bot. back_off_s is the unit of the retry delays (2 s in life).

    attempts: update_id, then the status or the error's name. exchanges: by update, what was sent
    and what came back, for those who look on.
    """

    def __init__(self, back_off_s: float, clock: Callable[[], float]) -> None:
        self.back_off_s, self.clock = back_off_s, clock
        self.webhook: dict[str, Any] = {"url": ""}
        self.allowed_updates: list[str] = []
        self.attempts: deque[tuple[int, int | str]] = deque(maxlen=MAX_ATTEMPTS)
        self.on_delivered: Callable[[dict[str, Any], str, str, float], None] = lambda update, outcome, answer, s: None
        self._next_update_id = 700_000_001
        self._queues: dict[tuple[str, int], deque[dict[str, Any]]] = defaultdict(deque)
        self._dies: dict[int, float] = {}  # update_id -> when it is forgotten
        self._workers: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._deliveries = asyncio.Semaphore(40)
        self._poll: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._last_error: tuple[int, str] | None = None

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Deliveries go to loopback, by http: reading the certificates would cost more than all the rest."""
        return httpx.AsyncClient(timeout=READ_S, trust_env=False, verify=False)  # noqa: S501

    async def close(self) -> None:
        for task in list(self._workers.values()):
            task.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        if "_client" in self.__dict__:
            await self._client.aclose()

    @property
    def n_pending(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def settle(self, timeout_s: float = 30.0) -> None:
        """Waits until every update was taken. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.n_pending:
                self._taken.clear()
                await self._taken.wait()

    def _wants(self, kind: str) -> bool:
        return kind in self.allowed_updates if self.allowed_updates else kind not in LEFT_OUT

    def _push(self, key: tuple[str, int], update: dict[str, Any]) -> int:
        """Queues an update; its id, also where the bot does not want its kind and it is dropped here."""
        update_id = self._next_update_id
        self._next_update_id += 1
        (kind,) = update
        if self._wants(kind):
            self._queues[key].append({"update_id": update_id, **update})
            self._dies[update_id] = self.clock() + LIVES_S.get(kind, DAY_S)
            self._arrived.set()
            self._start_deliveries()
        return update_id

    def _forget(self, key: tuple[str, int]) -> None:
        """Takes the first update off its queue."""
        queue = self._queues[key]
        if queue:  # else dropped meanwhile
            self._dies.pop(queue.popleft()["update_id"], None)
        self._taken.set()

    def _is_dead(self, update: dict[str, Any]) -> bool:
        return self._dies.get(update["update_id"], float("inf")) <= self.clock()

    # By webhook.

    def _start_deliveries(self) -> None:
        for key, queue in self._queues.items():
            if self.webhook["url"] and queue and key not in self._workers:
                self._workers[key] = asyncio.ensure_future(self._deliver_queue(key))

    async def _deliver_queue(self, key: tuple[str, int]) -> None:
        failures = 0
        try:
            while self._queues[key] and self.webhook["url"]:
                update = self._queues[key][0]
                if self._is_dead(update):
                    self._forget(key)
                    failures = 0
                    continue
                async with self._deliveries:
                    wait_s = await self._deliver(update)
                if wait_s is None:
                    self._forget(key)
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
        began = time.monotonic()
        try:
            answer = await self._client.post(self.webhook["url"], content=json.dumps(update), headers=headers)
            call = _call_in(answer)
        except httpx.HTTPError as error:
            self._note(update, type(error).__name__, _words(error))
            return -1.0
        except Malformed as error:
            self._note(update, "Malformed", error.words)
            self.on_delivered(update, error.words, "", time.monotonic() - began)
            return -1.0
        words = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
        self._note(update, answer.status_code, words)
        self.on_delivered(update, str(answer.status_code), shown_call(call), time.monotonic() - began)
        if not 200 <= answer.status_code < 300:
            retry_after = answer.headers.get("retry-after", "")
            return min(float(retry_after), 3600.0) if retry_after.isdecimal() else -1.0
        if isinstance(call.get("method"), str):
            self._execute_quietly(call.pop("method"), call)
        return None

    def _note(self, update: dict[str, Any], outcome: int | str, description: str) -> None:
        self.attempts.append((update["update_id"], outcome))
        if not isinstance(outcome, int) or not 200 <= outcome < 300:
            self._last_error = (int(self.clock()), description)

    def _execute_quietly(self, method: str, params: dict[str, Any]) -> None:
        """Carries out the call of an answer; nobody hears its result."""
        raise NotImplementedError

    # By long polling.

    async def get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Long polling. A newer call ends an older one. Raises Refused."""
        if self.webhook["url"]:
            raise Refused(409, HAS_A_WEBHOOK)
        self._end_poll()
        mine = self._poll = asyncio.get_running_loop().create_future()
        if isinstance(params.get("allowed_updates"), list):
            self.allowed_updates = params["allowed_updates"]
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 100))
        for key, queue in self._queues.items():
            while queue and (queue[0]["update_id"] < offset or self._is_dead(queue[0])):
                self._forget(key)
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
                        raise Refused(409, POLLED_BY_ANOTHER)
        except TimeoutError:
            found = []
        return found

    def _waiting(self) -> list[dict[str, Any]]:
        return sorted((each for queue in self._queues.values() for each in queue), key=lambda each: each["update_id"])

    def _limit_deliveries(self, max_connections: int) -> None:
        """At most so many at once, clamped to what Telegram allows."""
        self._deliveries = asyncio.Semaphore(min(100, max(1, max_connections)))

    def _end_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)


def _words(error: httpx.HTTPError) -> str:
    """What getWebhookInfo says of it."""
    kinds = {"ReadTimeout": "Read timeout expired", "ConnectTimeout": "Connection timed out"}
    if type(error).__name__ == "ConnectError":
        return "Connection refused"
    return kinds.get(type(error).__name__, "Webhook connection closed")


def _call_in(answer: httpx.Response) -> dict[str, Any]:
    """The call that an answer holds, {} for none. Raises Malformed for a form that Telegram cannot read.

    JSON that cannot be read is no call, and no failure; a body of another type is not looked at.
    """
    content_type = answer.headers.get("content-type", "")
    kind = content_type.lower()
    if not 200 <= answer.status_code < 300:
        return {}
    if "multipart/form-data" in kind:
        return dict(read_form(content_type, answer.content)) if answer.content else {}
    if "application/x-www-form-urlencoded" in kind:
        return dict(parse_qsl(answer.text, keep_blank_values=True))
    if "application/json" not in kind:
        return {}
    try:
        call = json.loads(answer.content)
    except ValueError:
        return {}
    return call if isinstance(call, dict) else {}


def shown_call(call: dict[str, Any]) -> str:
    """The call as JSON; of a file its name and size."""
    return json.dumps({name: _plain(value) for name, value in call.items()}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return f"{value.name}, {len(value.content)} bytes" if isinstance(value, File) else value
