"""Polling while Telegram falters, while a chat is slow, and at the end: nothing lost, as little doubled as can be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import ADA, House, a_house, updated
from mocked import Mocked
from test_bot import a_poller, said

from bot import COMMAND_S
from clock import loop_time
from demo.telegram import Refused
from demo.web import Asked, Handler, Reply
from telegram import polling
from telegram.api import TelegramAPI
from telegram.polling import HURRIED_S, Poller
from telegram.standing import Standing

OK = httpx.Response(200, json={"ok": True, "result": {}})
NGINX = httpx.Response(502, text="<html><title>502 Bad Gateway</title></html>")
HELLO = {"method": "sendMessage", "chat_id": ADA, "text": "hello"}


def limited(seconds: int) -> httpx.Response:
    """A chat to which Telegram takes no more just now."""
    told = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": seconds}}
    return httpx.Response(429, json=told)


async def at_once(seconds: float) -> None:
    await asyncio.sleep(0)


async def nothing(update: object) -> None: ...


def an_api(*answers: httpx.Response | Exception) -> tuple[TelegramAPI, list[str]]:
    """One whose calls are answered so, and OK after that; and the calls."""
    left, calls = list(answers), []

    async def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path.rpartition("/")[2])
        given = left.pop(0) if left else OK
        if isinstance(given, Exception):
            raise given
        return given

    return TelegramAPI("123456:TEST-token", Mocked(answer), "http://telegram.invalid"), calls


# One chat, and the others.


class Slow:
    """Answers with what was typed, but for "hold", which waits until it is let go."""

    def __init__(self) -> None:
        self.is_let_go, self.began = asyncio.Event(), Counter[str]()

    async def answer(self, update: Mapping[str, Any]) -> dict[str, Any]:
        message = update["message"]
        self.began[message["text"]] += 1
        if message["text"] == "hold":
            await self.is_let_go.wait()
        return {"method": "sendMessage", "chat_id": message["chat"]["id"], "text": message["text"]}


@asynccontextmanager
async def a_slow_poller(house: House) -> AsyncIterator[tuple[Slow, list[float]]]:
    """Polls inside; and the list of its pauses."""
    slow, slept = Slow(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0.005)

    assert house.bot.api is not None
    stopped = asyncio.Event()
    running = asyncio.ensure_future(Poller(slow.answer, house.bot.api, 20, sleep, house.bot.standing).run(stopped))
    try:
        yield slow, slept
    finally:
        stopped.set()
        await running


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - what is waited for is at Telegram
            await asyncio.sleep(0.001)


async def test_others_are_answered_while_one_chat_is_slow() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        async with a_slow_poller(house) as (slow, slept):
            for text in ("hold", "after it"):
                telegram.send(text, chat_id=7)
            await until(lambda: slow.began["hold"] > 0)
            for number in range(3):
                telegram.send(f"other {number}", chat_id=10 + number)
                await until(lambda number=number: f"other {number}" in said(house))  # type: ignore[misc]
            await until(lambda: len(slept) > 5)
            assert telegram.n_pending == 5  # a crash now would lose none
            slow.is_let_go.set()
            await telegram.settle()
        assert said(house) == ["other 0", "other 1", "other 2", "hold", "after it"]
        assert set(slow.began.values()) == {1}
        assert max(slept) == slept[-1] == 3
        assert telegram.n_pending == 0


async def test_no_more_than_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "MAX_KNOWN", 3)
    async with a_house() as house:
        telegram = house.world.telegram
        async with a_slow_poller(house) as (slow, _):
            for number, text in enumerate(("hold", *"abcd")):
                telegram.send(text, chat_id=7 + number)
            await until(lambda: house.bot.standing.hitch != "")
            assert house.bot.standing.hitch == "3 updates are in work, so others wait."
            assert sorted(slow.began) == ["a", "b", "hold"]
            slow.is_let_go.set()
            await telegram.settle()
            await until(lambda: house.bot.standing.hitch == "")
        assert sorted(said(house)) == ["a", "b", "c", "d", "hold"]


async def test_what_was_answered_while_it_came_again_is_not_answered_twice() -> None:
    api, calls = an_api()
    poller = Poller(Slow().answer, api, 20)
    updates = [updated("x", number) for number in (5, 6)]
    assert poller.take_in(updates) == 2
    await poller.finish()
    assert poller.offset == 7
    assert poller.take_in(updates, asked_from=5) == 0
    assert poller.take_in([updated("y", 3)], asked_from=7) == 1  # after a quiet week, ids begin anywhere
    await poller.finish()
    assert (poller.offset, calls) == (4, ["sendMessage"] * 3)


async def test_an_update_that_goes_wrong_holds_up_none(caplog: pytest.LogCaptureFixture) -> None:
    async def wrong(update: Mapping[str, Any]) -> None:
        raise RuntimeError("of a kind that nobody thought of")

    poller = Poller(wrong, an_api()[0], 20)
    poller.take_in([updated("x", 5), {"update_id": None}, updated("y", 6)])
    await poller.finish()
    assert poller.offset == 7
    assert "nobody thought of" in caplog.text


# The end.


async def stopped_while(
    house: House, *texts: tuple[int, str], until_began: int, n_unsent: int = 0
) -> tuple[Slow, Callable[[], Any]]:
    """A poller that was stopped while it had these in work, by chat; and what awaits its end."""
    slow, stopped = Slow(), asyncio.Event()
    for chat_id, text in texts:
        house.world.telegram.send(text, chat_id=chat_id)
    assert house.bot.api is not None

    async def sleep(seconds: float) -> None:
        await stopped.wait()

    running = asyncio.ensure_future(Poller(slow.answer, house.bot.api, 20, sleep).run(stopped))
    await until(lambda: slow.began.total() == until_began)
    await until(lambda: len(said(house)) == until_began - slow.began["hold"] - n_unsent)
    stopped.set()
    return slow, lambda: asyncio.wait_for(running, 5)


async def test_once_stopped_no_more_is_begun() -> None:
    async with a_house() as house:
        slow, end = await stopped_while(house, (7, "hold"), (7, "b"), (7, "c"), until_began=1)
        slow.is_let_go.set()
        await end()
        assert (said(house), house.world.telegram.n_pending) == (["hold"], 2)


async def test_once_stopped_what_stands_before_an_answered_one_is_still_answered() -> None:
    """Telegram confirms all below an offset, so the other chat's would come, and be answered, again."""
    async with a_house() as house:
        slow, end = await stopped_while(house, (7, "hold"), (7, "b"), (8, "other"), (7, "c"), until_began=2)
        slow.is_let_go.set()
        await end()
        assert (said(house), house.world.telegram.n_pending) == (["other", "hold", "b"], 1)


def limiting(house: House, seconds: int, n_times: int = 99) -> None:
    """Telegram takes "limited" no sooner."""
    telegram, left = house.world.telegram, [Refused(429, "Too Many Requests", retry_after=seconds)] * n_times
    execute = telegram.execute

    def busy(method: str, params: dict[str, Any]) -> Any:
        if method == "sendMessage" and params["text"] == "limited" and left:
            raise left.pop()
        return execute(method, params)

    telegram.execute = busy  # type: ignore[method-assign]


async def test_once_stopped_nothing_is_begun_that_cannot_be_confirmed() -> None:
    """Behind an answer that cannot be sent; what is above it comes again anyway."""
    async with a_house() as house:
        limiting(house, 20)
        texts = ((6, "limited"), (7, "hold"), (7, "b"), (8, "other"))
        slow, end = await stopped_while(house, *texts, until_began=3, n_unsent=1)
        await asyncio.sleep(0)
        slow.is_let_go.set()
        await end()
        assert (said(house), house.world.telegram.n_pending) == (["other", "hold"], 4)


async def test_once_stopped_an_answer_that_others_wait_for_is_sent_if_that_is_soon() -> None:
    async with a_house() as house:
        limiting(house, 1, n_times=1)
        _, end = await stopped_while(house, (6, "limited"), (8, "other"), until_began=2, n_unsent=1)
        await end()
        assert (said(house), house.world.telegram.n_pending) == (["other", "limited"], 0)


async def test_the_end_waits_for_no_answer_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "FINISH_S", 0.01)
    async with a_house() as house:
        _, end = await stopped_while(house, (6, "other"), (7, "hold"), until_began=2)
        await end()
        assert (said(house), house.world.telegram.n_pending) == (["other"], 1)


def test_the_end_comes_before_the_kill() -> None:
    assert polling.BEGIN_S + COMMAND_S < polling.FINISH_S
    assert polling.FINISH_S + polling.CONFIRM_S < 15


# What something between Telegram and us answers.


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_proxys_refusal_is_no_verdict_on_the_token(status: int, caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        left = [Reply(status, b"<html>Who are you?</html>", "text/html")] * 2

        async def portal(asked: Asked, whole: Handler) -> Reply:
            return left.pop() if left and asked.path.endswith("/getUpdates") else await whole(asked)

        house.world.telegram_site.intercept(portal)
        house.world.telegram.send("/help")
        async with a_poller(house):
            await house.world.telegram.settle()
        assert len(said(house)) == 1
        assert f"getUpdates: 502 the answer is not the Bot API's, with status {status}" in caplog.text


# An answer that cannot be sent.


@pytest.mark.parametrize(
    ("answers", "n_sent"),
    [
        ([NGINX] * 4, 5),
        ([NGINX, httpx.ReadError("reset"), NGINX], 4),
        ([httpx.ReadError("reset")] * 4, 2),
        ([httpx.ConnectError("no way"), httpx.ReadError("reset"), httpx.ReadError("reset")], 3),
    ],
)
async def test_only_what_may_have_arrived_is_not_sent_a_third_time(answers: list[Any], n_sent: int) -> None:
    api, calls = an_api(*answers)
    assert await Poller(nothing, api, 20, at_once).send(HELLO)
    assert calls == ["sendMessage"] * n_sent


@pytest.mark.parametrize(
    ("answers", "slept"),
    [
        ([httpx.ConnectError("no way")] * 8, [1, 2, 4, 8, *(10, 6), *(10, 10, 10) * 3]),
        ([limited(35)], [10, 10, 10, 5]),
    ],
)
async def test_an_answer_outlasts_an_outage(answers: list[Any], slept: list[float]) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    api, calls = an_api(*answers)
    assert await Poller(nothing, api, 20, sleep).send(HELLO)
    assert (len(calls), waits) == (len(answers) + 1, slept)


async def test_an_answer_to_which_telegram_itself_says_500_is_given_up_sooner() -> None:
    """One that it cannot take holds up its chat for half a minute, and not for a quarter of an hour."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    failed = httpx.Response(500, json={"ok": False, "error_code": 500, "description": "Internal Server Error"})
    api, calls = an_api(*[failed] * 50)
    assert await Poller(nothing, api, 20, sleep).send(HELLO)
    assert sum(waits) <= HURRIED_S
    assert len(calls) > 2


async def test_a_limited_chat_gives_way_once_it_holds_up_all_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(polling, "MAX_KNOWN", 2)
    waits: list[float] = []
    api, calls = an_api(*[limited(100)] * 2)
    slow = Slow()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        poller.take_in([updated("hold", 6, chat_id=8)])

    poller = Poller(slow.answer, api, 20, sleep)
    poller.take_in([updated("x", 5)])
    await until(lambda: poller.offset == 6)
    assert waits == [10] * 4
    assert calls == ["sendMessage"] * 2
    assert "could not be delivered: sendMessage: 429" in caplog.text
    slow.is_let_go.set()
    await poller.finish()


# What /health tells of it.


async def test_an_answer_that_waits_to_be_sent_is_told() -> None:
    async with a_house() as house:
        telegram, health, may_sleep = house.world.telegram, house.door.health, asyncio.Event()

        async def sleep(seconds: float) -> None:
            await may_sleep.wait()

        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 20, sleep, house.bot.standing, health.polled)
        telegram.fail_next.append(Refused(502, "Bad Gateway"))
        poller.take_in([updated("/help")])
        await until(lambda: house.bot.standing.unsent != "")
        assert health.verdict() == ("degraded", "An answer waits to be sent: sendMessage: 502 Bad Gateway.")
        assert health.n_in_work == 1
        assert house.bot.standing.told.startswith("An answer waits")
        house.bot.monotonic = lambda: loop_time() + 60
        assert health.verdict()[0] == "degraded"  # a restart would be no help
        may_sleep.set()
        await poller.finish()
        assert (health.verdict(), health.n_in_work) == (("ok", None), 0)
        assert len(said(house)) == 1


async def test_a_telegram_that_is_down_at_the_start_is_told() -> None:
    standing, stopped = Standing(), asyncio.Event()
    starting = asyncio.ensure_future(
        polling.clear_webhook(an_api(httpx.ConnectError("Name or service not known"))[0], False, stopped, standing)
    )
    await until(lambda: standing.hitch != "")
    assert standing.hitch == (
        "Telegram cannot be asked: getWebhookInfo: no answer: no connection, Name or service not known."
    )
    stopped.set()
    assert await starting is False
    assert await polling.clear_webhook(an_api()[0], False, asyncio.Event(), standing)
    assert standing.hitch == ""
