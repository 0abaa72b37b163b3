"""What the bot can say, to whom, and in how much time.

`Bot.answer` takes one update and gives back at most one Bot API call, which the door it came
in by hands out: the webhook inside its HTTP response, polling by sending it. Nothing is kept
between updates but each user's count of commands.

`python bot.py` polls: the same answers without a webhook.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import http1
import market
import render
import settings
from accounts import Accounts
from commands import COMMANDS, Command
from fetch import Fetcher
from market import Market
from metrics import Metrics
from render import Answer
from settings import Settings, SettingsError, working_on
from telegram_api import TelegramAPI, TelegramError

log = logging.getLogger("bot")

COMMAND_S = 8.0  # from update to answer; the market ends at 7
TYPING_AFTER_S = 0.7
TYPING_EVERY_S = 4.0  # Telegram shows it for 5
SIDE_CALL_S = 2.0  # "typing…" and the end of a button's spinner
NAME_S = 0.9  # with the market's 7 s still within 8
NAME_AGAIN_S = 30.0
STALE_S = 900.0  # an older market question is not answered any more
MAX_USERS = 4096  # whose commands are counted
MAX_ARGUMENTS = 16
ALLOWED_UPDATES = ["message", "callback_query"]

Call = dict[str, Any]
"""A Bot API call: its parameters, and its name under "method"."""


class Question(NamedTuple):
    """What an update asks: by whom, where, and the words. From a message, or from a button under one."""

    update_id: int
    name: str  # of the command, without the slash; "" for a text that is none
    words: list[str]
    user_id: int | None
    chat_id: int
    is_private: bool
    is_button: bool
    message_id: int | None
    thread_id: int | None
    age_s: float
    callback_id: str = ""


class Bot:
    """Answers updates."""

    def __init__(
        self,
        settings: Settings,
        market: Market,
        accounts: Accounts,
        api: TelegramAPI | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings, self.market, self.accounts, self.api, self.clock = settings, market, accounts, api, clock
        self._ask_name_after = 0.0
        self.username = ""  # ours, lower case; "" until Telegram has said it
        self.limiter = Limiter(settings.commands_per_minute)
        self.metrics = metrics or Metrics()
        self.webhook_state = "not asked for"  # at Telegram, for /health and /status
        self.began = time.monotonic()
        self.n_stale = 0

    async def answer(self, update: Mapping[str, Any]) -> Call | None:
        """The one call that answers an update; None when there is nothing to say.

        Never raises but when cancelled, and takes at most COMMAND_S.
        """
        question = read_question(update, self.clock())
        if question is None or self._is_silent(question) or not await self._is_for_us(update, question):
            self.metrics.updates.add("not for us")
            return None
        token = working_on.set(f"update {question.update_id} /{question.name[:32]}")
        try:
            return await self._answer(question)
        finally:
            working_on.reset(token)

    async def _answer(self, question: Question) -> Call | None:
        command = COMMANDS.get(question.name)
        if question.age_s > STALE_S:
            self.n_stale += 1
            self.metrics.updates.add("too old")
            log.info("not answered any more: it is %.0f s old", question.age_s)
            return None
        verdict = self.limiter.count(question.user_id or question.chat_id, self.clock())
        if verdict != "fine":
            self.metrics.updates.add("too many")
            text = "" if verdict == "silent" else "That was a lot at once. Please wait a minute, then ask again."
            return self._short_reply(question, text)
        if not self._may_ask(question):
            self.metrics.updates.add("refused")
            return self._refuse(question)
        if command is None:
            self.metrics.updates.add("unknown")
            return self._short_reply(question, _unknown(question))
        if command.is_private and (refusal := self._private_refusal(command, question)):
            self.metrics.updates.add("refused")
            return self._short_reply(question, refusal)
        return self._reply(question, await self._run(command, question))

    async def _run(self, command: Command, question: Question) -> Answer:
        """The command's answer; a sentence when it takes too long or fails."""
        began, outcome = time.monotonic(), "answered"
        sign = _Sign(self.api, question)
        try:
            async with asyncio.timeout(COMMAND_S):
                answer = await command.run(self, question.words)
        except TimeoutError:
            log.error("no answer within %.0f s", COMMAND_S)
            outcome = "too slow"
            answer = Answer("This takes too long just now. Please try again in a minute.")
        except Exception:
            log.exception("the command failed")
            outcome = "failed"
            answer = Answer("Something went wrong here, and it is noted. Please try again in a minute.")
        finally:
            await sign.end()
        took_s = time.monotonic() - began
        self.metrics.updates.add(outcome)
        self.metrics.commands.observe(took_s, question.name)
        log.info("answered in %.0f ms", took_s * 1000)
        return answer

    def _is_silent(self, question: Question) -> bool:
        """A group hears nothing of unknown commands and of strangers; a private chat and a button are answered."""
        is_loud = question.is_private or question.is_button
        return not is_loud and (question.name not in COMMANDS or not self._may_ask(question))

    async def _is_for_us(self, update: Mapping[str, Any], question: Question) -> bool:
        """Whether /command@Name names us. A name is only compared once we know our own."""
        name = _addressee(update)
        if not name or question.is_button:
            return True
        if not self.username:
            await self.learn_username()
        return not self.username or name == self.username

    async def learn_username(self) -> None:
        """Asks Telegram for our name, which /command@Name is compared with; when it fails, not again for a while."""
        if self.api is None or time.monotonic() < self._ask_name_after:
            return
        self._ask_name_after = time.monotonic() + NAME_AGAIN_S
        with suppress(TelegramError):
            me = await self.api.call("getMe", timeout_s=NAME_S)
            self.username = str(me.get("username", "")).lower() if isinstance(me, dict) else ""

    def _may_ask(self, question: Question) -> bool:
        allowed = self.settings.allowed_ids
        return self.settings.is_open or question.chat_id in allowed or question.user_id in allowed

    def _is_listed(self, question: Question) -> bool:
        """Whether the user is listed by id; "*" opens nothing of this kind."""
        return question.user_id is not None and question.user_id in self.settings.allowed_ids

    def _private_refusal(self, command: Command, question: Question) -> str:
        """Why this user may not ask that here; "" for a user who may."""
        if not self._is_listed(question):
            of_what = "accounts" if command.is_account else "this"
            return f"Only users who are listed by their own id may ask of {of_what}."
        if not command.is_account:
            return ""
        if not question.is_private and not self.settings.accounts_in_groups:
            return "Ask me in private: what your accounts hold is nobody else's business."
        return ""

    def _refuse(self, question: Question) -> Call | None:
        """Tells a private chat how to be let in."""
        log.info("user %s in chat %s may not ask", question.user_id, question.chat_id)
        if question.is_button:
            return self._short_reply(question, "This bot does not know you.")
        return self._short_reply(
            question,
            f"This bot answers only those whom its owner has listed. Your id is <code>{question.user_id}</code>; "
            "the owner can add it to TELEGRAM_CHAT_ID.",
        )

    def _short_reply(self, question: Question, text: str) -> Call | None:
        """A sentence without buttons: a message, or for a pressed button a note over the chat. "" says nothing."""
        if not question.is_button:
            return self._reply(question, Answer(text)) if text else None
        call: Call = {"method": "answerCallbackQuery", "callback_query_id": question.callback_id}
        if text:
            call["text"] = f"SIMULATED. {text}" if self.settings.is_demo else text
        return call

    def _reply(self, question: Question, answer: Answer) -> Call:
        """The call that shows an answer: a new message, or the message under which the button was."""
        text = f"{answer.text}\n<b>SIMULATED</b> market" if self.settings.is_demo else answer.text
        is_edit = question.is_button and question.message_id is not None
        call: Call = {
            "method": "editMessageText" if is_edit else "sendMessage",
            "chat_id": question.chat_id,
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if answer.keyboard:
            rows = [[{"text": label, "callback_data": data} for label, data in row] for row in answer.keyboard]
            call["reply_markup"] = {"inline_keyboard": rows}
        if is_edit:
            call["message_id"] = question.message_id
            return call
        if question.thread_id is not None:
            call["message_thread_id"] = question.thread_id
        if not question.is_private and question.message_id is not None:
            call["reply_parameters"] = {"message_id": question.message_id, "allow_sending_without_reply": True}
        return call


def _unknown(question: Question) -> str:
    """What to do next, for a text that is no command of ours."""
    if question.is_button:
        return "This button is out of date. Please send the command again."
    return "I do not know that command. /help shows all of them." if question.name else "Try /price BTC, or /help."


class _Sign:
    """The sign that a command is at work: "typing…" when it takes long; for a button, the end of its spinner."""

    def __init__(self, api: TelegramAPI | None, question: Question) -> None:
        self._api, self._question = api, question
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if api is None:
            return
        if question.is_button:
            self._begin()
        else:
            self._timer = asyncio.get_running_loop().call_later(TYPING_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._show())

    async def _show(self) -> None:
        assert self._api is not None
        with suppress(TelegramError):  # a sign more or less: the answer does not depend on it
            if self._question.is_button:
                params: Call = {"callback_query_id": self._question.callback_id}
                await self._api.call("answerCallbackQuery", params, timeout_s=SIDE_CALL_S)
                return
            params = {"chat_id": self._question.chat_id, "action": "typing"}
            if self._question.thread_id is not None:
                params["message_thread_id"] = self._question.thread_id
            while True:
                await self._api.call("sendChatAction", params, timeout_s=SIDE_CALL_S)
                await asyncio.sleep(TYPING_EVERY_S)

    async def end(self) -> None:
        """Leaves nothing running: on Lambda whatever still ran would freeze."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            if not self._question.is_button:
                self._task.cancel()
            await asyncio.wait([self._task])


class Limiter:
    """Counts each user's commands per minute; the first one too many is told so, the others are met with silence."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._users: dict[int, tuple[float, float, bool]] = {}  # left to spend, when that was so, told

    def count(self, user_id: int, now: float) -> str:
        """ "fine", "told" or "silent". What a user may spend grows back evenly."""
        if not self._per_minute:
            return "fine"
        left, since, told = self._users.pop(user_id, (float(self._per_minute), now, False))
        left = min(float(self._per_minute), left + max(0.0, now - since) * self._per_minute / 60)
        if len(self._users) >= MAX_USERS:
            del self._users[next(iter(self._users))]
        if left >= 1:
            self._users[user_id] = (left - 1, now, False)
            return "fine"
        self._users[user_id] = (left, now, True)
        return "silent" if told else "told"


# Reading updates. Whatever is not as documented is treated as not there.


def read_question(update: Mapping[str, Any], now: float) -> Question | None:
    """What a new text message or a pressed button asks; None for everything else."""
    callback = _object(update.get("callback_query"))
    message = _object(callback.get("message")) if callback else _object(update.get("message"))
    chat = _object(message.get("chat"))
    chat_id, text = _id(chat.get("id")), callback.get("data") if callback else message.get("text")
    if chat_id is None or not isinstance(text, str):
        return None
    is_private = chat.get("type") == "private"
    name, words = _command(f"/{text}" if callback else text)
    if not name and not is_private and not callback:
        return None
    sender = _object(callback.get("from") if callback else message.get("from"))
    date = _id(message.get("date"))
    callback_id = callback.get("id", "")
    if callback and not (isinstance(callback_id, str) and re.fullmatch(r"[!-~]{1,64}", callback_id)):
        return None
    return Question(
        update_id=_id(update.get("update_id")) or 0,
        name=name,
        words=words,
        user_id=_id(sender.get("id")),
        chat_id=chat_id,
        is_private=is_private,
        is_button=bool(callback),
        message_id=_id(message.get("message_id")),
        thread_id=_topic(message),
        age_s=max(0.0, now - date) if date is not None and not callback else 0.0,
        callback_id=callback_id,
    )


def _topic(message: Mapping[str, Any]) -> int | None:
    """The forum topic a message is in. The General topic, 1, is answered without its number (Bot API: sendMessage)."""
    thread_id = _id(message.get("message_thread_id"))
    return thread_id if message.get("is_topic_message") is True and thread_id != 1 else None


def _command(text: str) -> tuple[str, list[str]]:
    """("price", ["BTC", "ETH"]) for "/price@OurBot BTC, ETH"; ("", []) for a text that is no command."""
    found = re.match(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+|$)", text)
    if found is None:
        return "", []
    words = re.split(r"[\s,;]+", text[found.end() :].strip(), maxsplit=MAX_ARGUMENTS)
    return found[1].lower(), [word for word in words[:MAX_ARGUMENTS] if word]


def _addressee(update: Mapping[str, Any]) -> str:
    """ "ourbot" for "/price@OurBot"."""
    text = _object(update.get("message")).get("text")
    found = re.match(r"/\w{1,32}@(\w+)", text) if isinstance(text, str) else None
    return found[1].lower() if found else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: object) -> int | None:
    """An id or a time; Telegram's have at most 52 bits."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53 else None


# The menu, and the webhook.


def menu() -> list[dict[str, str]]:
    """The commands as setMyCommands takes them."""
    return [{"command": name, "description": command.summary} for name, command in COMMANDS.items()]


async def register(api: TelegramAPI, settings: Settings) -> None:
    """Brings webhook and command menu to what they should be. Raises TelegramError.

    The webhook is set even when all that Telegram shows is as it should be: the secret, which may have
    changed, it never shows; and an identical setWebhook disturbs nothing (tdlib/telegram-bot-api, Client.cpp).
    """
    now = await api.call("getWebhookInfo")
    wanted = {
        "url": settings.webhook_url,
        "max_connections": settings.max_connections,
        "allowed_updates": ALLOWED_UPDATES,
    }
    await api.call("setWebhook", {**wanted, "secret_token": settings.webhook_secret})
    if any(now.get(key) != value for key, value in wanted.items()):
        log.info("the webhook is set to %s", settings.webhook_url)
    if await api.call("getMyCommands") != menu():
        await api.call("setMyCommands", {"commands": menu()})
        log.info("the command menu is set")


def build(settings: Settings, transport: http1.Transport) -> Bot:
    """A bot on a transport, as settings say."""
    metrics = Metrics()
    fetcher = Fetcher(transport, settings.urls, keep_budgets=settings.keep_budgets, metrics=metrics)
    api = TelegramAPI(settings.token, transport, settings.telegram_url) if settings.token else None
    market = Market(fetcher, settings.exchanges, settings.cache_s)
    return Bot(settings, market, Accounts(fetcher, market, settings.keys), api, metrics=metrics)


FRESH_ERROR_S = 3600.0  # an older delivery error is history


async def look_after_webhook(settings: Settings, action: str, *, drop_pending: bool) -> int:
    """`python bot.py webhook set|info|delete`; exit code 0 when all is as it should be."""
    transport = http1.Transport()
    api = TelegramAPI(settings.token, transport, settings.telegram_url)
    try:
        if action == "set":
            if not settings.webhook_url:
                print("WEBHOOK_URL is not set: put there the https address of the webhook server.", file=sys.stderr)
                return 2
            await register(api, settings)
        if action == "delete":
            await api.call("deleteWebhook", {"drop_pending_updates": drop_pending})
        lines, is_well = describe_webhook(await api.call("getWebhookInfo"), settings.webhook_url, time.time())
        print("\n".join(lines))
        return 0 if is_well or action == "delete" else 1
    except TelegramError as error:
        why = "Telegram does not accept TELEGRAM_BOT_TOKEN" if error.code in (401, 404) else str(error)
        print(f"{why}.", file=sys.stderr)
        return 1
    finally:
        await transport.aclose()


def describe_webhook(info: Mapping[str, Any], wanted_url: str, now: float) -> tuple[list[str], bool]:
    """What getWebhookInfo says, and what that means; whether updates arrive."""
    url, said = str(info.get("url") or ""), str(info.get("last_error_message") or "")
    age_s = now - float(info.get("last_error_date") or 0)
    lines = [f"url      {url or 'none'}", f"pending  {info.get('pending_update_count', 0)}"]
    if info.get("ip_address"):
        lines.append(f"address  {info['ip_address']}")
    if said:
        lines.append(f"error    {said}, {render.format_span(age_s)} ago")
    verdicts = []
    if not url:
        verdicts.append("No webhook is set: updates wait for polling (python bot.py), or for a webhook.")
    elif wanted_url and url != wanted_url:
        verdicts.append(f"The webhook is elsewhere: WEBHOOK_URL asks for {wanted_url}.")
    if url and said and age_s < FRESH_ERROR_S:
        verdicts.append(next((text for word, text in _DELIVERY_ERRORS if word in said.lower()), "Deliveries fail."))
    return [*lines, *(verdicts or ["Updates are delivered."])], not verdicts


_DELIVERY_ERRORS = (
    ("401", "The server refuses the secret: the one Telegram has is another. Set the webhook again."),
    ("403", "Something before the server, a firewall or proxy, refuses Telegram."),
    ("404", "Something answers there, but it is not this bot: check the address."),
    ("503", "The server is overloaded, or its machine does not start."),
    ("502", "The platform cannot reach the server: it does not run, or listens on another port."),
    ("timeout", "The server does not answer in time."),
    ("timed out", "The server does not answer in time."),
    ("refused", "Nothing listens at that address."),
    ("resolve", "The host name of the address is not known."),
    ("ssl", "The certificate of the address is not in order."),
    ("certificate", "The certificate of the address is not in order."),
)
"""Words of Telegram's last_error_message, and what to do about them."""


# Polling.

POLL_S = 30  # how long Telegram holds a getUpdates that has nothing to give
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
MAX_SEND_S = 31.0  # of waiting to send one answer again; other chats wait with it
MAX_RETRY_AFTER_S = 60.0


class Poller:
    """Long polling. An update is confirmed only after it was answered."""

    def __init__(self, bot: Bot, api: TelegramAPI, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._bot, self._api, self._sleep = bot, api, sleep
        self._stopped = asyncio.Event()
        self.offset = 0

    async def run(self, stopped: asyncio.Event) -> None:
        """Polls until stopped; what is at work then is finished and confirmed.

        Raises TelegramError when the token is refused.
        """
        self._stopped = stopped
        stopping = asyncio.ensure_future(stopped.wait())
        failures = 0
        try:
            while not stopped.is_set():
                taking = asyncio.ensure_future(self._take())
                await asyncio.wait([taking, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    taking.cancel()
                    break
                try:
                    updates = taking.result()
                except TelegramError as error:
                    await self._pause(error, failures)
                    failures += 1
                else:
                    failures = 0
                    await self.answer_all(updates)
            await self._confirm()
        finally:
            stopping.cancel()

    async def _take(self, timeout_s: int = POLL_S) -> list[dict[str, Any]]:
        """The updates that wait; this confirms all below the offset. Raises TelegramError."""
        params = {
            "offset": self.offset,
            "timeout": timeout_s,
            "limit": self._bot.settings.max_connections,
            "allowed_updates": ALLOWED_UPDATES,
        }
        updates = await self._api.call("getUpdates", params, timeout_s=timeout_s + 10.0)
        return [update for update in updates or [] if isinstance(update, dict)]

    async def _confirm(self) -> None:
        if self.offset:
            with suppress(TelegramError):  # then the last updates are delivered, and answered, once more
                await self._take(0)

    async def _pause(self, error: TelegramError, failures: int) -> None:
        """Waits as long as the error asks for, or a little longer after each failure."""
        if error.code in (401, 404):
            raise error
        wait_s = min(error.retry_after_s or _back_off(failures), MAX_RETRY_AFTER_S)
        hint = ": another bot.py polls with this token, or a webhook was set" if error.code == 409 else ""
        log.warning("%s%s; polling again in %.0f s", error, hint, wait_s)
        await self._sleep_unless_stopped(wait_s)

    async def _sleep_unless_stopped(self, seconds: float) -> None:
        tasks = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._stopped.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def answer_all(self, updates: list[dict[str, Any]]) -> None:
        """Answers updates, each chat's in order and the chats side by side.

        Those before the first that is not answered, as we were stopped meanwhile, count as confirmed then.
        """
        by_chat: dict[object, list[dict[str, Any]]] = {}
        for update in updates:
            by_chat.setdefault(_chat_of(update), []).append(update)
        left = await asyncio.gather(*(self._answer_in_order(chat) for chat in by_chat.values()))
        unanswered = [update_id for update_id in left if update_id is not None]
        done = [each for update in updates if (each := _id(update.get("update_id"))) is not None]
        self.offset = min(unanswered) if unanswered else max(done, default=self.offset - 1) + 1

    async def _answer_in_order(self, updates: list[dict[str, Any]]) -> int | None:
        """The update_id of the first that is left unanswered; None when all are answered."""
        for update in updates:
            call = await self._bot.answer(update)
            if call is not None and not await self.send(call):
                return _id(update.get("update_id"))
        return None

    async def send(self, call: Call) -> bool:
        """Makes the call, again where that may help, for MAX_SEND_S. False when stopped before it was made.

        What Telegram refuses for good, or for too long, is given up and logged.
        """
        method = str(call["method"])
        params = {key: value for key, value in call.items() if key != "method"}
        waited_s, failures = 0.0, 0
        while True:
            try:
                await self._api.call(method, params)
                return True
            except TelegramError as error:
                wait_s = error.retry_after_s or _back_off(failures)
                if "can't parse entities" in error.description and "parse_mode" in params:
                    log.error("%s; resent as plain text: %r", error, params["text"])
                    params = {**params, "text": plain_text(params["text"])}
                    del params["parse_mode"]
                elif error.migrate_to_chat_id is not None and params.get("chat_id") != error.migrate_to_chat_id:
                    params = {**params, "chat_id": error.migrate_to_chat_id}
                elif error.was_sent and method == "sendMessage" and failures:
                    log.error("the answer may have been delivered: %s", error)  # more tries would be more messages
                    return True
                elif error.is_passing and waited_s + wait_s <= MAX_SEND_S:
                    log.warning("%s; sent again in %.0f s", error, wait_s)
                    await self._sleep_unless_stopped(wait_s)
                    waited_s, failures = waited_s + wait_s, failures + 1
                    if self._stopped.is_set():
                        return False
                else:
                    if "message is not modified" not in error.description:
                        log.error("the answer could not be delivered: %s", error)
                    return True


def _back_off(failures: int) -> float:
    return BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]


def plain_text(text: str) -> str:
    """Our own HTML without its tags."""
    text = re.sub(r"<[^<>]*>", "", text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def _chat_of(update: Mapping[str, Any]) -> object:
    """What Telegram keeps in order: a chat's messages; each user's buttons."""
    callback = _object(update.get("callback_query"))
    if callback:
        return "user", _id(_object(callback.get("from")).get("id"))
    return "chat", _id(_object(_object(update.get("message")).get("chat")).get("id"))


async def poll(settings: Settings, *, delete_webhook: bool) -> int:
    """Polls until SIGINT or SIGTERM; the process's exit code."""
    transport = http1.Transport()
    bot = build(settings, transport)
    assert bot.api is not None
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        if not await _clear_webhook(bot.api, delete_webhook, stopped):
            return 0 if stopped.is_set() else 1
        await bot.learn_username()
        log.info("polling as @%s", bot.username or "?")
        await Poller(bot, bot.api).run(stopped)
        return 0
    except TelegramError as error:
        log.error("Telegram does not accept TELEGRAM_BOT_TOKEN: %s", error)
        return 1
    finally:
        await transport.aclose()


async def _clear_webhook(api: TelegramAPI, delete: bool, stopped: asyncio.Event) -> bool:
    """Whether Telegram may be polled: no webhook is set, or it was to be deleted. Waits for a Telegram that is down.

    Raises TelegramError when the token is refused.
    """
    failures = 0
    while not stopped.is_set():
        try:
            url = (await api.call("getWebhookInfo")).get("url")
            if url and not delete:
                log.error("A webhook is set, so Telegram would refuse polling. --delete-webhook removes it first.")
                return False
            if url:
                await api.call("deleteWebhook")
                log.info("the webhook is removed; updates that wait are kept")
            return True
        except TelegramError as error:
            if not error.is_passing:
                raise
            wait_s = min(error.retry_after_s or _back_off(failures), MAX_RETRY_AFTER_S)
            failures += 1
            log.warning("%s; again in %.0f s", error, wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), wait_s)
    return False


def warn_of_nobody(settings: Settings) -> None:
    if not settings.allowed_ids and not settings.is_open:
        log.warning("TELEGRAM_CHAT_ID is empty, so nobody may ask. A refused user is told the id to put there.")


USAGE = """\
python bot.py [--delete-webhook]
python bot.py webhook set|info|delete [--drop-pending]

Answers by long polling: no public address is needed. Settings come from the environment (README.md).
  --delete-webhook   first remove the webhook that is set; updates that wait are kept

  webhook set        register WEBHOOK_URL with Telegram, and look whether it took
  webhook info       what Telegram says of the webhook, and what that means; exit code 1 when something is wrong
  webhook delete     remove it, so that polling may begin; updates that wait are kept
  --drop-pending     with delete: throw them away
"""
ARGUMENTS: tuple[list[str], ...] = (
    [],
    ["--delete-webhook"],
    ["webhook", "set"],
    ["webhook", "info"],
    ["webhook", "delete"],
    ["webhook", "delete", "--drop-pending"],
)


def main(arguments: list[str]) -> int:
    if arguments not in ARGUMENTS:
        print(USAGE, end="")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    try:
        chosen = settings.load(os.environ, market.EXCHANGES)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if not chosen.token:
        print("TELEGRAM_BOT_TOKEN is not set: put there the token that @BotFather gave you.", file=sys.stderr)
        return 2
    settings.set_up_log(chosen)
    if arguments[:1] == ["webhook"]:
        return asyncio.run(look_after_webhook(chosen, arguments[1], drop_pending="--drop-pending" in arguments))
    warn_of_nobody(chosen)
    return asyncio.run(poll(chosen, delete_webhook=bool(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
