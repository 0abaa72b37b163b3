"""A running server: alive, registered, guarded, and every command answered in time, beside the same by polling."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

import bot
import demo
import settings
from demo.multipart import Malformed, read_form
from demo.telegram_html import BadHTML, parse
from exchanges import table
from http1.client import Transport
from live.conftest import Server, fail, question, update
from settings import Settings
from telegram import polling, standing
from telegram.api import CALL_S, TelegramAPI

MAX_COMMAND_S = 8.0  # as the bot promises
MAX_ANY_S = 15.0  # as its owner demands of every command
LEAST_ANSWERED = 0.95  # of all that is asked
MAX_HEALTH_S = 1.0  # across an ocean
MAX_POLLED_S = 60.0
MAX_RSS_MIB = 200.0  # of a machine of 256
MAX_GROWTH_MIB = 8.0  # from one round of questions to the next
ROUND = ("price", "oi", "top10")  # asked once more, to see whether memory grows
APOLOGIES = (
    "Something went wrong here",
    "This takes too long just now",
    "That was a lot at once",
    "I do not know that command",
    "This bot answers only those",
    "Only users who are listed",
)
SENT = ("sendMessage", "sendPhoto")
NO_DATA = re.compile(r"^No \S.* right now\.", re.MULTILINE)
Health = tuple[int, dict[str, Any], float]


def test_health_is_ok_and_quick(health: Health) -> None:
    status, told, took_s = health
    if status != 200 or told["status"] != "ok":
        fail(f"/health answers {status}: {told['status']}, {str(told['reason']).rstrip('.')}.")
    if took_s > MAX_HEALTH_S:
        fail(f"/health takes {took_s:.1f} s.")


@pytest.mark.usefixtures("health")
def test_webhook_is_registered_here(server: Server) -> None:
    if not server.settings.token:
        pytest.skip("TELEGRAM_BOT_TOKEN is not set, so Telegram cannot be asked")
    lines, is_well = standing.judge(webhook_info(server), server.webhook_url, time.time())
    if not is_well:
        said = "; ".join(" ".join(line.split()) for line in reversed(lines))
        fail(said.replace("WEBHOOK_URL asks", "--url asks"))


def webhook_info(server: Server) -> Mapping[str, Any]:
    """Telegram's getWebhookInfo. No text of a failure holds the token."""
    url = f"{server.settings.telegram_url}/bot{server.settings.token}/getWebhookInfo"
    try:
        answer = server.client.get(url)
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        fail(f"Telegram cannot be asked for the webhook: {type(error).__name__}.")
    if answer.status_code in (401, 404):
        fail("Telegram does not accept TELEGRAM_BOT_TOKEN.")
    found = told.get("result") if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}


@pytest.mark.usefixtures("health")
@pytest.mark.parametrize("given", ["missing", "wrong"])
def test_secret_is_enforced(server: Server, given: str) -> None:
    headers = {"x-telegram-bot-api-secret-token": "a-guess"} if given == "wrong" else {}
    response, _ = server.post("/webhook", update("/help", server.user_id), headers)
    if response.status_code != 401:
        fail(f"An update whose secret is {given} is answered with {response.status_code}, not 401.")


@pytest.fixture(scope="module")
def asked() -> dict[str, tuple[bool, float]]:
    """Of each command that was asked: whether it was answered, and how many seconds that took."""
    return {}


@pytest.mark.parametrize("name", bot.COMMANDS)
def test_command_is_answered(
    admitted: Server,
    name: str,
    asked: dict[str, tuple[bool, float]],
    record_property: Callable[[str, object], None],
) -> None:
    if not admitted.may_ask(bot.COMMANDS[name]):
        pytest.skip("TELEGRAM_CHAT_ID names no user, and only a listed one may ask this")
    text = question(name)
    response, took_s = admitted.deliver(text)
    call = call_in(response)
    said = shown(call)
    first = said.splitlines()[0][:60] if said else "nothing"
    row = {"command": text, "status": response.status_code, "seconds": took_s, "answer": first}
    record_property("webhook", row)
    asked[text] = (False, took_s)
    judge(text, response, call, said, admitted.user_id)
    if took_s > MAX_COMMAND_S:
        fail(f"{text} takes {took_s:.1f} s, more than {MAX_COMMAND_S:.0f}.")
    asked[text] = (True, took_s)


def judge(text: str, response: httpx.Response, call: Mapping[str, Any], said: str, user_id: int) -> None:
    """Fails for everything that is no answer."""
    if response.status_code == 200 and not response.content:
        fail(f"{text} is not answered: COMMANDS_PER_MINUTE is used up, or nobody may ask.")
    if response.status_code != 200 or call.get("method") not in SENT or call.get("chat_id") != user_id:
        fail(f"{text} is answered with {response.status_code} and {call.get('method', 'no call')}.")
    if not said or said.startswith(APOLOGIES):
        fail(f"{text} is answered: {said or 'with HTML that Telegram refuses'}")
    if nothing := NO_DATA.search(said):
        fail(f"{text} finds nothing: {said[nothing.start() :].splitlines()[0]}")


def call_in(response: httpx.Response) -> dict[str, Any]:
    """The Bot API call in an answer; {} without one."""
    content_type = response.headers.get("content-type", "")
    try:
        if content_type.startswith("multipart/form-data"):
            form = dict(read_form(content_type, response.content))
            return form | {"chat_id": int(str(form.get("chat_id", "0")))}
        call = response.json()
    except (ValueError, Malformed):
        return {}
    return call if isinstance(call, dict) else {}


def shown(call: Mapping[str, Any]) -> str:
    """A call's text as it is shown; "" for what Telegram refuses."""
    try:
        return parse(str(call.get("text") or call.get("caption", ""))).text
    except BadHTML:
        return ""


def test_the_owners_criteria_are_met(asked: dict[str, tuple[bool, float]]) -> None:
    """More than 95 % answered, each within 15 s."""
    if not asked:
        pytest.skip("no command was asked")
    share = sum(is_answered for is_answered, _ in asked.values()) / len(asked)
    slowest = max(asked, key=lambda text: asked[text][1])
    if share <= LEAST_ANSWERED or asked[slowest][1] >= MAX_ANY_S:
        fail(
            f"{share:.0%} of {len(asked)} commands are answered; the slowest, {slowest}, in {asked[slowest][1]:.1f} s."
        )


def test_memory_is_small_and_steady(admitted: Server, health: Health) -> None:
    """After every command was asked, a few of them once more; by one and the same process."""
    before = vitals(admitted)
    for name in ROUND:
        admitted.deliver(question(name))
    after = vitals(admitted)
    if after["rss_mib"] > MAX_RSS_MIB:
        fail(f"The process uses {after['rss_mib']} MiB, more than {MAX_RSS_MIB:.0f}.")
    if after["rss_mib"] - before["rss_mib"] > MAX_GROWTH_MIB:
        fail(f"Memory grows: {before['rss_mib']} MiB, then {after['rss_mib']} MiB, after {len(ROUND)} more questions.")
    if not health[1].get("uptime_s", 0.0) <= before["uptime_s"] <= after["uptime_s"]:
        fail(f"The process was restarted meanwhile, or there are several: up for {after['uptime_s']:.0f} s.")


def vitals(server: Server) -> dict[str, float]:
    """Memory and uptime, as /health tells them."""
    told = server.get("/health")[0].json()
    found = {name: told.get(name) for name in ("rss_mib", "uptime_s")}
    if not all(isinstance(value, int | float) for value in found.values()):
        fail("/health tells neither memory nor uptime.")
    return found


@pytest.mark.usefixtures("health")
def test_exchanges_answer(server: Server) -> None:
    """Not all of them may be blocked or dead; after the commands, so that they were asked."""
    hosts = exchanges_of(server)
    if not hosts:
        server.deliver("/price BTC")
        hosts = exchanges_of(server)
    if not hosts or all(of["state"] != "ok" for of in hosts.values()):
        fail("No exchange answers: " + ("; ".join(f"{name} {of['last_failure']}" for name, of in hosts.items()) or "?"))


def exchanges_of(server: Server) -> dict[str, Any]:
    told = server.get("/health")[0].json()["exchanges"]
    return {name: of for name, of in told.items() if name != "COINGECKO"}


@pytest.mark.usefixtures("health")
def test_json_api_is_reachable(server: Server) -> None:
    key = server.settings.api_key
    if not key and not server.is_demo:
        pytest.skip("API_KEY is not set")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    response, _ = server.post("/price", {"symbol": "BTC/USDT"}, headers)
    if response.status_code in (401, 404):
        fail(f"The JSON API answers {response.status_code}: the server has {'another' if key else 'no'} API_KEY.")
    told = call_in(response)
    if response.status_code != 200 or not isinstance(told.get("success"), bool):
        fail(f"The JSON API answers {response.status_code} to /price.")
    if key and server.post("/price", {"symbol": "BTC"}, {})[0].status_code != 401:
        fail("The JSON API answers those who have no key.")


# The same by polling.


class Recorder(TelegramAPI):
    """A Bot API that hands out one update after the other, and only records what is sent."""

    def __init__(self, texts: list[str], user_id: int) -> None:
        self._texts, self._user_id = texts, user_id
        self._n_given = 0
        self._given_at = 0.0
        self.seconds: dict[str, float] = {}  # from the update to its answer, by text
        self.answers: dict[str, str] = {}  # the answer's text, by the question's
        self.done = asyncio.Event()

    async def call(self, method: str, params: Mapping[str, Any] | None = None, timeout_s: float = CALL_S) -> Any:
        if method == "getUpdates":
            return await self._give()
        if method in SENT:
            asked = self._texts[self._n_given - 1]
            self.seconds[asked] = time.monotonic() - self._given_at
            self.answers[asked] = shown(params or {})
        return True

    async def _give(self) -> list[dict[str, Any]]:
        if self._n_given and self._texts[self._n_given - 1] not in self.seconds and not self._is_given_up():
            await asyncio.sleep(0.02)  # one at a time, so that it is known which one is answered
            return []
        if self._n_given == len(self._texts):
            self.done.set()
            return []
        self._n_given += 1
        self._given_at = time.monotonic()
        return [{**update(self._texts[self._n_given - 1], self._user_id), "update_id": self._n_given}]

    def _is_given_up(self) -> bool:
        return time.monotonic() - self._given_at > MAX_ANY_S


async def poll(chosen: Settings, api: Recorder) -> None:
    """Answers all that the Bot API hands out, in this process."""
    transport = Transport()
    the_bot = bot.build(chosen._replace(commands_per_minute=0), transport)
    the_bot.api = api
    try:
        async with asyncio.timeout(MAX_POLLED_S):
            await polling.Poller(the_bot.answer, api, 20).run(api.done)
    finally:
        await transport.aclose()


async def poll_the_demo(chosen: Settings, api: Recorder) -> None:
    """Against a world of its own, whose market is the same: it follows from the seed and the time."""
    async with asyncio.timeout(MAX_POLLED_S):
        world = await demo.start()
        try:
            environ = {**world.environ, "TELEGRAM_CHAT_ID": f"*,{world.user_id}"}
            ours = settings.load(environ, table.EXCHANGES, is_demo=True)
            await poll(ours._replace(volscan_symbols=chosen.volscan_symbols), api)
        finally:
            await world.close()


@pytest.mark.usefixtures("health")
def test_polling_answers_the_same(server: Server, record_property: Callable[[str, object], None]) -> None:
    texts = [question(name) for name, command in bot.COMMANDS.items() if server.may_ask(command)]
    api = Recorder(texts, server.user_id)
    try:
        asyncio.run(poll_the_demo(server.settings, api) if server.is_demo else poll(server.settings, api))
    except TimeoutError:
        fail(f"Polling answers {len(api.seconds)} of {len(texts)} commands within {MAX_POLLED_S:.0f} s.")
    for text, took_s in api.seconds.items():
        record_property("polling", {"command": text, "seconds": took_s})
    if unanswered := [text for text in texts if text not in api.seconds]:
        fail(f"By polling, not answered: {', '.join(unanswered)}.")
    if ill := [text for text, said in api.answers.items() if said.startswith(APOLOGIES) or NO_DATA.search(said)]:
        fail(f"By polling, no figures for: {', '.join(ill)}.")
