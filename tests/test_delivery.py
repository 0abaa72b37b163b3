"""Messages on their way to a Telegram that does not always say yes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
from alerting import FakeTelegram, PlainShow
from conftest import together

from store.connect import open_store
from store.scripts import SqlStore
from store.words import ARMED, Alert, Limits, Message
from telegram.api import TelegramError
from watchman.delivery import CHATS, MINUTE_MS, OLD_MS, REST_MS, Delivery, plain_text, verdict

T = TypeVar("T")
T0 = 1_700_000_000_000


def error(code: int, description: str = "", **more: Any) -> TelegramError:
    return TelegramError("sendMessage", code, description, **more)


class House:
    """A store with messages, a Telegram, and a delivery. Time is `now_ms`."""

    def __init__(self, store: SqlStore, *answers: Exception | None) -> None:
        self.store, self.telegram, self.now_ms = store, FakeTelegram(*answers), T0
        self.delivery = self.another()

    def another(self, **options: Any) -> Delivery:
        return Delivery(self.store, self.telegram, PlainShow, lambda: self.now_ms, pace_s=0, **options)

    async def add(self, *numbers: int, chat_id: int = 5, facts: str = "{}", thread_id: int | None = None) -> None:
        for number in numbers:
            message = Message("alert", number, chat_id, thread_id, facts, self.now_ms, self.now_ms)
            assert await self.store.add_message(message)

    async def deliver(self, after_ms: int = 0) -> int:
        self.now_ms += after_ms
        return await self.delivery.deliver(self.now_ms)


def in_house(tmp_path: Path, act: Callable[[House], Coroutine[Any, Any, T]], *answers: Exception | None) -> T:
    async def acted() -> T:
        store = await open_store(f"{tmp_path}/bot.db")
        try:
            return await act(House(store, *answers))
        finally:
            await store.close()

    return asyncio.run(acted())


def test_a_message_is_sent_once(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.add(1)
        assert [await house.deliver(), await house.deliver(10_000)] == [1, 0]
        ((method, params),) = house.telegram.calls
        assert method == "sendMessage"
        assert (params["chat_id"], params["text"], params["parse_mode"]) == (5, "<b>alert</b> #1", "HTML")
        assert "disable_notification" not in params

    in_house(tmp_path, act)


def test_what_may_not_be_heard_waits_and_holds_up_nothing(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        for chat_id in range(5, 5 + CHATS):
            await house.add(chat_id, chat_id=chat_id)
        await house.add(100, 101)
        house.delivery = house.another(rests=lambda message: message.number != 101)
        assert [await house.deliver(), await house.deliver(10_000)] == [1, 0]
        house.delivery = house.another()
        assert await house.deliver(REST_MS) == CHATS + 1

    in_house(tmp_path, act)


def test_what_cannot_be_shown_keeps_no_other_from_its_chat(tmp_path: Path) -> None:
    """As another version of the program has stored it."""

    async def act(house: House) -> None:
        await house.add(0, facts="no JSON")
        await house.add(1, 8, facts='{"is_odd": true}')
        await house.add(2, 3, 4, 5, 6, 7, 9)  # as many as come alone, and two in a summary
        await house.add(10, chat_id=6)
        house.delivery = house.another(rests=lambda message: bool(orjson.loads(message.facts).get("rests")))
        assert [await house.deliver(), await house.deliver(10_000)] == [8, 0]
        singles = [f"<b>alert</b> #{number}" for number in range(2, 7)]
        assert house.telegram.texts == [*singles, "2 alerts\nalert #7\nalert #9", "<b>alert</b> #10"]
        assert house.delivery.n_dropped == 3

    in_house(tmp_path, act)


def test_what_rests_was_not_tried(tmp_path: Path) -> None:
    """So what Telegram does not take is tried again soon, however long it has rested; all of it is put off at once."""

    async def act(house: House) -> None:
        await house.add(1, 2, 3)
        n_runs, run = 0, house.store.engine.run

        async def counted(script: Any) -> Any:
            nonlocal n_runs
            n_runs += 1
            return await run(script)

        house.delivery = house.another(rests=lambda message: True)
        house.store.engine.run = counted  # type: ignore[method-assign]
        for _ in range(9):
            await house.deliver(REST_MS)
        assert n_runs <= 9 * 4  # the chat, its messages, that they rest, the chat again
        house.delivery = house.another()
        await house.deliver(REST_MS)
        late = await house.store.due_messages(5, 9, house.now_ms + 1000)
        assert [each.n_tries for each in late if each.due_ms == house.now_ms + 1000] == [1]

    in_house(tmp_path, act, error(502))


def test_once_it_is_over_no_other_chat_is_read(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.add(1, chat_id=5)
        await house.add(2, chat_id=6)
        read, due_messages = list[int](), house.store.due_messages

        async def noted(chat_id: int, limit: int, now_ms: int | None = None) -> list[Message]:
            read.append(chat_id)
            return await due_messages(chat_id, limit, now_ms)

        async def stop() -> None:
            house.delivery.is_stopping = True

        house.store.due_messages = noted  # type: ignore[method-assign]
        house.telegram.before_answer = stop
        assert (await house.deliver(), read) == (1, [5])
        house.delivery, house.telegram.before_answer = house.another(), None
        assert (await house.deliver(), read) == (1, [5, 6])

    in_house(tmp_path, act)


def test_a_quiet_message_and_a_topic(tmp_path: Path) -> None:
    async def act(house: House) -> dict[str, Any]:
        await house.add(1, facts='{"is_quiet": true}', thread_id=9)
        await house.deliver()
        return house.telegram.calls[0][1]

    params = in_house(tmp_path, act)
    assert (params["disable_notification"], params["message_thread_id"]) == (True, 9)


def test_two_machines_send_a_message_once(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1, 2, 3)
        other = house.another()
        return list(await asyncio.gather(house.delivery.deliver(T0), other.deliver(T0)))

    assert sorted(in_house(tmp_path, act)) == [0, 3]


def test_many_chats(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        for chat_id in range(35):
            await house.add(chat_id, chat_id=chat_id)
        return await house.deliver()

    assert in_house(tmp_path, act) == 35


# What Telegram says.


@together(
    "said, expected",
    [
        (error(429, "Too Many Requests: retry after 7", retry_after_s=7), "later"),
        (error(0, "no connection"), "later"),
        (error(502, "the answer is not the Bot API's"), "later"),
        (error(401, "Unauthorized"), "later"),
        (error(403, "Forbidden: bot was blocked by the user"), "blocked"),
        (error(403, "Forbidden: bot was kicked from the supergroup chat"), "blocked"),
        (error(400, "Bad Request: chat not found"), "blocked"),
        (error(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100), "moved"),
        (error(400, "Bad Request: message thread not found"), "topic"),
        (error(400, "Bad Request: TOPIC_CLOSED"), "topic"),
        (error(400, "Bad Request: message to edit not found"), "gone"),
        (error(400, "Bad Request: can't parse entities"), "plain"),
    ],
)
def test_verdicts(said: TelegramError, expected: str) -> None:
    assert verdict(said) == expected


def test_too_many_requests_are_waited_out(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1)
        return [await house.deliver(), await house.deliver(6_999), await house.deliver(1)]

    assert in_house(tmp_path, act, error(429, "", retry_after_s=7)) == [0, 0, 1]


def test_one_chat_that_is_too_quick_holds_up_no_other(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1)
        first = await house.deliver()
        await house.add(2, chat_id=6)
        return [first, await house.deliver()]

    assert in_house(tmp_path, act, error(429, "", retry_after_s=7)) == [0, 1]


def test_when_several_chats_are_too_quick_it_is_the_bot(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1)
        await house.add(2, chat_id=6)
        await house.deliver()
        await house.add(3, chat_id=7)
        return [await house.deliver(), await house.deliver(7_000)]

    assert in_house(tmp_path, act, *[error(429, "", retry_after_s=7)] * 2) == [0, 3]


def test_without_an_answer_it_waits_longer_each_time(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1)
        waits: list[int] = []
        waited = 0
        await house.deliver()
        while len(waits) < 8:
            waited += 1
            before = len(house.telegram.calls)
            await house.deliver(1000)
            if len(house.telegram.calls) > before:
                waits.append(waited)
                waited = 0
        return waits

    assert in_house(tmp_path, act, *[error(0, "no connection")] * 99) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_is_six_hours_old_is_dropped_and_told_of(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(1, 2)
        house.now_ms += OLD_MS + 1
        await house.add(3)
        await house.deliver()
        await house.add(4)
        await house.deliver()
        return house.telegram.texts

    assert in_house(tmp_path, act) == [
        "<b>alert</b> #3\n2 alerts were too old to send.",
        "<b>alert</b> #4",
    ]


def test_a_chat_that_blocks_the_bot_is_left_alone_until_it_is_back(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.store.add_alert(Alert("alert", 5, None, 7, 1, ARMED, "need", "{}", "", 0, T0, 10**15), Limits())
        await house.add(1)
        assert await house.deliver() == 0
        assert await house.store.needs() == []
        assert await house.deliver(MINUTE_MS) == 0
        assert len(house.telegram.calls) == 1
        assert await house.store.unblock_chat(5)
        assert await house.store.needs() == ["need"]
        assert await house.deliver() == 1

    in_house(tmp_path, act, error(403, "Forbidden: bot was blocked by the user"))


def test_a_group_that_became_a_supergroup(tmp_path: Path) -> None:
    async def act(house: House) -> list[int]:
        await house.add(1, 2)
        await house.deliver()
        await house.deliver(10_000)
        return [params["chat_id"] for _, params in house.telegram.calls]

    moved = error(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100)
    assert in_house(tmp_path, act, moved) == [5, -100, -100]


def test_a_topic_that_was_closed(tmp_path: Path) -> None:
    async def act(house: House) -> list[bool]:
        await house.add(1, thread_id=9)
        assert await house.deliver() == 1
        return ["message_thread_id" in params for _, params in house.telegram.calls]

    assert in_house(tmp_path, act, error(400, "Bad Request: TOPIC_CLOSED")) == [True, False]


def test_a_text_that_telegram_cannot_parse(tmp_path: Path) -> None:
    async def act(house: House) -> tuple[int, dict[str, Any]]:
        await house.add(1)
        return await house.deliver(), house.telegram.calls[1][1]

    n_sent, params = in_house(tmp_path, act, error(400, "Bad Request: can't parse entities"))
    assert (n_sent, params["text"], "parse_mode" in params) == (1, "alert #1", False)


def test_a_text_that_telegram_does_not_take_at_all(tmp_path: Path) -> None:
    async def act(house: House) -> tuple[int, int, int]:
        await house.add(1, 2)
        return await house.deliver(), len(house.telegram.calls), house.delivery.n_dropped

    assert in_house(tmp_path, act, *[error(400, "Bad Request: BUTTON_DATA_INVALID")] * 2) == (1, 3, 1)


async def test_a_telegram_that_hangs_holds_up_one_call(tmp_path: Path) -> None:
    """And the chats whose turn does not come are first the next time."""
    store = await open_store(f"{tmp_path}/bot.db")
    house = House(store, *[error(0, "nothing within 10 s")] * 2)

    async def hang() -> None:
        if house.telegram.answers:
            await asyncio.sleep(10)

    house.telegram.before_answer = hang
    for chat_id in range(1, 13):
        await house.add(chat_id, chat_id=chat_id)
    for n_sent, n_calls in ((0, 1), (0, 2), (12, 14)):
        began = asyncio.get_running_loop().time()
        assert await house.deliver(10_000) == n_sent
        assert len(house.telegram.calls) == n_calls
        assert asyncio.get_running_loop().time() - began == pytest.approx(10 if not n_sent else 0, abs=2)
    assert house.telegram.calls[1][1]["chat_id"] == 2
    await store.close()


# Storms.


def test_five_a_minute_and_then_one_summary_that_is_edited(tmp_path: Path) -> None:
    async def act(house: House) -> list[tuple[str, str]]:
        await house.add(*range(200))
        assert await house.deliver() == 200
        await house.add(200, 201)
        await house.deliver(10_000)
        return [(method, params["text"].split("\n")[0]) for method, params in house.telegram.calls]

    assert in_house(tmp_path, act) == [
        *[("sendMessage", f"<b>alert</b> #{i}") for i in range(5)],
        ("sendMessage", "195 alerts"),
        ("editMessageText", "197 alerts"),
    ]


def test_a_summary_has_forty_lines_and_counts_the_rest(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(200))
        await house.deliver()
        return house.telegram.texts[-1].split("\n")

    lines = in_house(tmp_path, act)
    assert (len(lines), lines[-1]) == (42, "155 more")


def test_after_a_quiet_minute_messages_come_alone_again(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(7))
        await house.deliver()
        await house.add(7)
        await house.deliver(MINUTE_MS)
        return house.telegram.texts[-2:]

    assert in_house(tmp_path, act) == ["2 alerts\nalert #5\nalert #6", "<b>alert</b> #7"]


def test_a_summary_that_somebody_deleted_is_sent_anew(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(6))
        await house.deliver()
        await house.add(6)
        house.telegram.answers = [error(400, "Bad Request: message to edit not found")]
        await house.deliver(10_000)
        await house.deliver(10_000)
        assert [method for method, _ in house.telegram.calls[-3:]] == ["sendMessage", "editMessageText", "sendMessage"]
        return house.telegram.texts[-2:]

    assert in_house(tmp_path, act) == ["2 alerts\nalert #5\nalert #6", "1 alerts\nalert #6"]


def test_a_summary_that_telegram_did_not_take_leaves_no_lines(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(7))
        await house.deliver()
        await house.deliver(7000)
        return house.telegram.texts[-2:]

    refused = error(429, "", retry_after_s=7)
    assert in_house(tmp_path, act, *[None] * 5, refused) == ["2 alerts\nalert #5\nalert #6"] * 2


def test_what_comes_alone_behind_such_a_summary_is_never_edited(tmp_path: Path) -> None:
    async def act(house: House) -> list[tuple[str, str]]:
        await house.add(*range(4))
        await house.deliver()
        await house.add(4, 5)
        await house.deliver(35_000)
        await house.deliver(25_000)
        await house.add(6)
        await house.deliver(5000)
        return [(method, params["text"]) for method, params in house.telegram.calls[-2:]]

    refused = error(429, "", retry_after_s=25)
    alone = [("sendMessage", "<b>alert</b> #5"), ("sendMessage", "<b>alert</b> #6")]
    assert in_house(tmp_path, act, *[None] * 5, refused) == alone


def test_a_clock_that_was_ahead_makes_no_storm(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(7))
        await house.deliver()
        house.now_ms -= 60 * MINUTE_MS
        await house.add(7)
        await house.deliver()
        return house.telegram.texts[-1:]

    assert in_house(tmp_path, act) == ["<b>alert</b> #7"]


@pytest.mark.parametrize("n_letters", [200, 5000])
def test_a_summary_has_a_bound_in_letters(n_letters: int, tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(30), facts=f'{{"n_letters": {n_letters}}}')
        assert await house.deliver() == 30
        await house.add(30)
        assert await house.deliver(10_000) == 1
        return house.telegram.texts[-1].split("\n")

    head, *lines, more = in_house(tmp_path, act)
    assert (head, len(lines), more) == ("26 alerts", 3900 // (n_letters + 1), f"{26 - len(lines)} more")


def test_what_has_no_line_comes_alone_in_a_storm_too(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(5))
        await house.add(5, 7, facts='{"n_letters": 0}')
        await house.add(6, 8)
        assert await house.deliver() == 9
        return house.telegram.texts[5:]

    assert in_house(tmp_path, act) == ["2 alerts\nalert #6\nalert #8", "<b>alert</b> #5", "<b>alert</b> #7"]


def test_a_storm_outlives_a_restart(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(*range(7))
        await house.deliver()
        house.delivery = house.another()
        await house.add(7)
        await house.deliver(10_000)
        return [method for method, _ in house.telegram.calls[-2:]]

    assert in_house(tmp_path, act) == ["sendMessage", "editMessageText"]


def test_what_is_told_a_day_late_comes_in_one_list(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(1, 2, 3, facts='{"late_ms": 90000000}')
        await house.deliver()
        return house.telegram.texts

    assert in_house(tmp_path, act) == ["3 alerts\nalert #1\nalert #2\nalert #3"]


# Stopping.


def test_a_stop_lets_the_message_on_its_way_be_marked(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(1, 2, 3)

        async def stop() -> None:
            house.delivery.is_stopping = True

        house.telegram.before_answer = stop
        assert await house.deliver() == 1
        house.telegram.before_answer = None
        house.delivery = house.another()
        await house.deliver()
        return house.telegram.texts

    assert in_house(tmp_path, act) == [f"<b>alert</b> #{i}" for i in (1, 2, 3)]


def test_who_is_cancelled_in_the_middle_still_marks(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(1)
        is_asked, goes_on = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            is_asked.set()
            await goes_on.wait()

        house.telegram.before_answer = wait
        delivering = asyncio.ensure_future(house.deliver())
        await is_asked.wait()
        delivering.cancel()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await delivering
        house.telegram.before_answer = None
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        await house.deliver(MINUTE_MS + 1)
        return house.telegram.texts

    assert in_house(tmp_path, act) == ["<b>alert</b> #1"]


def test_a_lease_that_went_to_another_machine_is_respected(tmp_path: Path) -> None:
    async def act(house: House) -> list[str]:
        await house.add(1, 2)

        async def dawdle() -> None:
            house.telegram.before_answer = None
            house.now_ms += MINUTE_MS + 1
            await house.store.claim_chats("other", MINUTE_MS, 9, house.now_ms)

        house.telegram.before_answer = dawdle
        await house.deliver()
        return house.telegram.texts

    assert in_house(tmp_path, act) == ["<b>alert</b> #1"]


def test_html_without_tags() -> None:
    assert plain_text("<b>BTC</b> &lt; 5 &amp; <i>more</i>") == "BTC < 5 & more"
