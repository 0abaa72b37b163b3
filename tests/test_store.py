"""What is remembered, on both engines as they are: SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
from conftest import ROOT
from databases import ENGINES, PGBOUNCER, fresh_url, postgres_server

from answers.judging import Rule
from answers.quiet import Wishes, load_wishes
from store import sql
from store.__main__ import main
from store.connect import copy, open_store
from store.scripts import One, Script, SqlStore
from store.sqlite import open_sqlite
from store.words import (
    ARMED,
    DONE,
    PAUSED,
    Alert,
    CannotWrite,
    Chat,
    Claim,
    Damaged,
    Judged,
    LimitReached,
    Limits,
    Message,
    NewerSchema,
    Overtaken,
    Refused,
    StoreError,
    Unreachable,
    new_id,
)
from watchman.judged import expired

T = TypeVar("T")
Opening = Callable[[str], Awaitable[SqlStore]]
BTC = Alert("aaaaaaaa", 5, None, 7, 100, ARMED, "price binance perp BTC-USDT", "{}", "", 0, 1_000, 10**15)


NO_POOLER = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")
POOLER = pytest.param("pooler", marks=[NO_POOLER, pytest.mark.trial])


@pytest.fixture(params=[*ENGINES, POOLER])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_url(request.param, tmp_path)


def in_store(url: str, ask: Callable[[SqlStore], Awaitable[T]], opened: Opening = open_store) -> T:
    """What a store answers that is opened for the question only: so all of it comes from the database."""

    async def asked() -> T:
        store = await opened(url)
        try:
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(asked())


def alert(number: int, **fields: object) -> Alert:
    return BTC._replace(id=f"alert{number:03}", update_id=number, **fields)  # type: ignore[arg-type]


# Alerts.


def test_an_alert_outlives_the_process(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC


def test_an_alert_that_is_not_there(url: str) -> None:
    assert in_store(url, lambda store: store.alert("nothing")) is None


def test_one_update_makes_one_alert(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    again, is_new = in_store(url, lambda store: store.add_alert(BTC._replace(id="bbbbbbbb"), Limits()))
    assert (again, is_new) == (BTC, False)


def test_one_update_delivered_to_two_machines_at_once(url: str) -> None:
    async def both() -> list[tuple[Alert, bool]]:
        stores = [await open_store(url), await open_store(url)]
        made = await asyncio.gather(*(each.add_alert(BTC._replace(id=new_id()), Limits()) for each in stores))
        for each in stores:
            await each.close()
        return made

    made = asyncio.run(both())
    assert made[0][0] == made[1][0]
    assert sorted(is_new for _, is_new in made) == [False, True]


def test_an_id_that_is_taken_is_made_anew(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    other, is_new = in_store(url, lambda store: store.add_alert(BTC._replace(update_id=101), Limits()))
    assert is_new
    assert other.id != BTC.id


@pytest.mark.parametrize(
    ("limits", "holder"),
    [(Limits(1, 9, 9), "You have"), (Limits(9, 1, 9), "This chat has"), (Limits(9, 9, 1), "This bot has")],
)
def test_limits_are_said_in_a_sentence(url: str, limits: Limits, holder: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, limits))
    with pytest.raises(LimitReached) as reached:
        in_store(url, lambda store: store.add_alert(alert(2), limits))
    assert reached.value.sentence == f"{holder} 1 alert, and that is the limit. Delete one first."


def test_ended_alerts_count_for_no_limit(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC._replace(status=DONE), Limits(1, 1, 1)))
    assert in_store(url, lambda store: store.add_alert(alert(2), Limits(1, 1, 1)))[1]


@pytest.mark.parametrize("limits", [Limits(1, 9, 9), Limits(9, 1, 9), Limits(9, 9, 1)])
def test_an_ended_alert_that_goes_on_takes_a_place(url: str, limits: Limits) -> None:
    async def ask(store: SqlStore) -> None:
        ended, other = alert(1, status=DONE), alert(2)
        await store.add_alert(ended, limits)
        await store.add_alert(other, limits)
        for status in (ARMED, PAUSED):
            with pytest.raises(LimitReached):
                await store.change_alert(ended._replace(status=status), limits)
        assert await store.alert(ended.id) == ended
        assert await store.change_alert(other._replace(status=PAUSED), limits)
        assert await store.change_alert(other._replace(version=1), limits)
        assert await store.delete_alert(other.id)
        assert await store.change_alert(ended._replace(status=ARMED), limits)

    in_store(url, ask)


def test_two_machines_cannot_both_take_the_last_place(url: str) -> None:
    async def both() -> Sequence[object]:
        stores = [await open_store(url) for _ in range(3)]
        adding = [each.add_alert(alert(i), Limits(user=1)) for i, each in enumerate(stores)]
        outcomes = await asyncio.gather(*adding, return_exceptions=True)
        for each in stores:
            await each.close()
        return outcomes

    outcomes = asyncio.run(both())
    assert sum(isinstance(each, LimitReached) for each in outcomes) == 2


def test_who_changes_an_old_version_changes_nothing(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    assert in_store(url, lambda store: store.change_alert(BTC._replace(status=PAUSED), Limits()))
    assert not in_store(url, lambda store: store.change_alert(BTC._replace(status=DONE), Limits()))
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC._replace(status=PAUSED, version=1)


def test_deleting_twice(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    assert in_store(url, lambda store: store.delete_alert(BTC.id))
    assert not in_store(url, lambda store: store.delete_alert(BTC.id))


def test_alerts_of_a_chat(url: str) -> None:
    for each in (alert(1), alert(2, chat_id=6), alert(3, user_id=8), alert(4, status=DONE)):
        in_store(url, lambda store, each=each: store.add_alert(each, Limits()))  # type: ignore[misc]
    assert [each.id for each in in_store(url, lambda store: store.alerts_of_chat(5))] == ["alert001", "alert003"]


# The tick.


def test_a_tick_is_claimed_once(url: str) -> None:
    claim = in_store(url, lambda store: store.claim_tick("alerts", 10_000, 123_456))
    assert claim == Claim("alerts", 120_000, 123_456, "", 0)
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 129_999)) is None
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 130_000)) is not None


def test_a_clock_that_goes_back_claims_nothing(url: str) -> None:
    in_store(url, lambda store: store.claim_tick("alerts", 10_000, 130_000))
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 120_000)) is None


def test_a_tick_that_is_far_ahead_was_claimed_by_a_wrong_clock(url: str) -> None:
    in_store(url, lambda store: store.claim_tick("alerts", 10_000, 3_600_000))
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 3_540_000)) is None
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 3_520_000)) is not None
    assert in_store(url, lambda store: store.claim_tick("alerts", 10_000, 3_530_000)) is not None


def test_the_databases_own_clock(url: str) -> None:
    claim = in_store(url, lambda store: store.claim_tick("alerts", 10_000))
    assert claim is not None
    assert abs(claim.now_ms - time.time_ns() // 1_000_000) < 5_000


def test_one_of_ten_claims_wins(url: str) -> None:
    async def ten() -> int:
        stores = [await open_store(url) for _ in range(10)]
        claims = await asyncio.gather(*(each.claim_tick("alerts", 10_000, 50_000) for each in stores))
        for each in stores:
            await each.close()
        return sum(claim is not None for claim in claims)

    assert asyncio.run(ten()) == 1


def fired(url: str, *alerts: Alert, now_ms: int = 120_000) -> int:
    """Each of them rings once, at that tick."""

    async def ask(store: SqlStore) -> int:
        claim = await store.claim_tick("alerts", 10_000, now_ms)
        assert claim is not None
        return await store.store_tick(claim, "", [Judged(each, ARMED, "{}", ['{"n": 1}']) for each in alerts], now_ms)

    return in_store(url, ask)


def test_state_and_firing_are_stored_together(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    assert fired(url, BTC) == 1
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC._replace(state="{}", n_fired=1, version=1)
    assert in_store(url, lambda store: store.due_messages(5, 9, 120_000)) == [
        Message(BTC.id, 1, 5, None, '{"n": 1}', 120_000, 120_000)
    ]


def test_an_alert_that_was_paused_meanwhile_does_not_ring(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    in_store(url, lambda store: store.change_alert(BTC._replace(status=PAUSED), Limits()))
    assert fired(url, BTC) == 0
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC._replace(status=PAUSED, version=1)


def test_an_alert_that_was_deleted_meanwhile_does_not_ring(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    in_store(url, lambda store: store.delete_alert(BTC.id))
    assert fired(url, BTC) == 0


def test_one_firing_is_stored_once(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    assert [fired(url, BTC), fired(url, BTC, now_ms=130_000)] == [1, 0]


def test_a_tick_that_was_overtaken_leaves_nothing(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    old = in_store(url, lambda store: store.claim_tick("alerts", 10_000, 120_000))
    in_store(url, lambda store: store.claim_tick("alerts", 10_000, 130_000))
    assert old is not None
    with pytest.raises(Overtaken):
        in_store(url, lambda store: store.store_tick(old, "", [Judged(BTC, DONE, "{}", ["{}"])], 121_000))
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC
    assert in_store(url, lambda store: store.counts()).n_waiting == 0


def test_what_was_seen_comes_back_with_the_next_claim(url: str) -> None:
    async def ask(store: SqlStore) -> Claim | None:
        for now_ms, seen in ((10_000, '{"a":1}'), (20_000, "")):
            claim = await store.claim_tick("alerts", 10_000, now_ms)
            assert claim is not None
            await store.store_tick(claim, seen, [], now_ms)
        return await store.claim_tick("alerts", 10_000, 30_000)

    assert in_store(url, ask) == Claim("alerts", 30_000, 30_000, '{"a":1}', 10_000)


def test_needs_and_pages(url: str) -> None:
    for each in (alert(1, need="b"), alert(2, need="a"), alert(3, need="a"), alert(4, need="c", status=PAUSED)):
        in_store(url, lambda store, each=each: store.add_alert(each, Limits()))  # type: ignore[misc]
    assert in_store(url, lambda store: store.needs()) == ["a", "b"]
    first = in_store(url, lambda store: store.armed_alerts(("", ""), 2))
    assert [each.id for each in first] == ["alert002", "alert003"]
    rest = in_store(url, lambda store: store.armed_alerts(("a", "alert003"), 2))
    assert [each.id for each in rest] == ["alert001"]


# The outbox.


def test_a_chat_is_claimed_by_one_until_its_lease_ends(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    fired(url, BTC)
    assert in_store(url, lambda store: store.claim_chats("me", 30_000, 9, 120_000)) == [Chat(5)]
    assert in_store(url, lambda store: store.claim_chats("you", 30_000, 9, 149_999)) == []
    assert in_store(url, lambda store: store.claim_chats("you", 30_000, 9, 150_000)) == [Chat(5)]
    assert not in_store(url, lambda store: store.renew_chat(5, "me", 30_000, 150_000))
    assert in_store(url, lambda store: store.renew_chat(5, "you", 30_000, 150_000))


def test_ten_machines_share_ten_chats(url: str) -> None:
    for number in range(10):
        message = Message("digest", number, number, None, "{}", 1, 1)
        in_store(url, lambda store, message=message: store.add_message(message))  # type: ignore[misc]

    async def ten() -> list[int]:
        stores = [await open_store(url) for _ in range(5)]
        claiming = [each.claim_chats(str(i), 30_000, 4, 10) for i, each in enumerate(stores)]
        claimed = await asyncio.gather(*claiming)
        for each in stores:
            await each.close()
        return sorted(chat.id for chats in claimed for chat in chats)

    claimed = asyncio.run(ten())
    assert len(claimed) == len(set(claimed))


def test_a_released_chat_waits_as_long_as_it_should(url: str) -> None:
    in_store(url, lambda store: store.add_message(Message("digest", 1, 5, None, "{}", 1, 1)))
    in_store(url, lambda store: store.claim_chats("me", 30_000, 9, 10))
    in_store(url, lambda store: store.release_chat(5, "me", '{"b":1}', 500))
    assert in_store(url, lambda store: store.claim_chats("you", 30_000, 9, 499)) == []
    assert in_store(url, lambda store: store.claim_chats("you", 30_000, 9, 500)) == [Chat(5, burst='{"b":1}')]


def test_sent_dropped_and_late_messages(url: str) -> None:
    messages = [Message("digest", number, 5, None, "{}", 1, 1) for number in (1, 2, 3)]

    async def ask(store: SqlStore) -> tuple[list[Message], Chat]:
        for each in messages:
            assert await store.add_message(each)
            assert not await store.add_message(each)
        await store.mark_sent(messages[:1], 77, "{}", 10)
        await store.mark_dropped(messages[1:2], "too old", 10, is_told=True)
        await store.mark_resting(messages[2:], 15)
        assert await store.due_messages(5, 9, 14) == []
        await store.mark_late(messages[2:], 20)
        assert await store.due_messages(5, 9, 19) == []
        return await store.due_messages(5, 9, 20), await store.chat(5)

    assert in_store(url, ask) == ([messages[2]._replace(due_ms=20, n_tries=1)], Chat(5, burst="{}", n_dropped=1))


def test_a_blocked_chat_rests_until_it_is_heard_of(url: str) -> None:
    async def ask(store: SqlStore) -> None:
        await store.add_alert(BTC._replace(state="{}"), Limits())
        await store.add_message(Message("digest", 1, 5, None, "{}", 1, 1))
        await store.block_chat(5, 10)
        await store.block_chat(5, 20)
        assert (await store.chat(5)).blocked_ms == 10
        assert (await store.needs(), await store.armed_alerts(("", ""), 9)) == ([], [])
        assert await store.claim_chats("me", 1, 9, 10) == []
        assert await store.unblock_chat(5)
        assert not await store.unblock_chat(5)
        assert await store.armed_alerts(("", ""), 9) == [BTC._replace(state="", version=1)]

    in_store(url, ask)


def test_a_chat_in_which_an_alert_is_set_is_there(url: str) -> None:
    async def ask(store: SqlStore) -> None:
        await store.add_alert(BTC._replace(state="{}"), Limits())
        await store.block_chat(5, 10)
        assert (await store.blocked_chats(9), await store.blocked_chats(0)) == ([5], [])
        other = alert(2, state="{}")
        await store.add_alert(other, Limits())
        assert await store.blocked_chats(9) == []
        assert await store.armed_alerts(("", ""), 9) == [BTC._replace(state="", version=1), other]

    in_store(url, ask)


def test_a_group_that_became_a_supergroup(url: str) -> None:
    async def ask(store: SqlStore) -> None:
        await store.add_alert(BTC._replace(thread_id=3), Limits())
        await store.add_message(Message("digest", 1, 5, 3, "{}", 1, 1))
        await store.watch(5, ["BTC-USDT", "ETH-USDT"], 9, 1)
        await store.watch(-100, ["ETH-USDT"], 9, 1)
        await store.change_settings(5, '{"zone":1}')
        for _ in range(2):
            await store.move_chat(5, -100)
        assert (await store.chat(-100)).settings == '{"zone":1}'
        assert await store.chat(5) == Chat(5)
        assert [each.chat_id for each in await store.armed_alerts(("", ""), 9)] == [-100]
        assert [each.thread_id for each in await store.due_messages(-100, 9, 10)] == [None]
        assert sorted(await store.watched(-100)) == ["BTC-USDT", "ETH-USDT"]

    in_store(url, ask)


def test_a_supergroup_that_has_something_of_its_own(url: str) -> None:
    """Ids of updates may begin anew; what is told once a chat is not told twice, and what waits is sent once."""

    async def ask(store: SqlStore) -> None:
        await store.add_alert(BTC, Limits())
        await store.add_alert(BTC._replace(id="bbbbbbbb", chat_id=-100), Limits())
        for chat_id, day in ((-5, 1), (-5, 2), (-100, 2), (-77, 3)):
            await store.add_message(Message(f"digest {chat_id}", day, chat_id, None, "{}", day, day))
        await store.mark_dropped(await store.due_messages(-77, 9, 10), "too old", 10, is_told=True)
        for old_id in (5, -5, -5, -77):
            await store.move_chat(old_id, -100)
        assert len(await store.alerts_of_chat(-100)) == 2
        waiting = await store.due_messages(-100, 9, 10)
        assert [(each.alert_id, each.number) for each in waiting] == [("digest -5", 1), ("digest -100", 2)]
        again = [waiting[0]._replace(alert_id="digest -100", number=day) for day in (1, 3, 4)]
        assert [await store.add_message(each) for each in again] == [False, False, True]
        assert (await store.chat(-100)).n_dropped == 1

    in_store(url, ask)


def test_a_group_that_is_not_known_moves_nothing(url: str) -> None:
    async def ask(store: SqlStore) -> None:
        await store.move_chat(5, -100)
        await store.block_chat(-100, 1)
        assert await store.chat(-100) == Chat(-100)

    in_store(url, ask)


# Chats and the whole.


def test_all_of_a_chat_is_deleted_as_in_the_docs(url: str) -> None:
    lines = sql_of("test_all_of_a_chat_is_deleted_as_in_the_docs", "-1001234567890", "-77")

    async def ask(store: SqlStore) -> None:
        for chat_id in (-77, -78):
            await store.add_alert(BTC._replace(chat_id=chat_id), Limits())
            await store.add_message(Message(f"digest {chat_id}", 1, chat_id, None, "{}", 1, 1))
            await store.watch(chat_id, ["BTC-USDT"], 9, 1)
            await store.change_settings(chat_id, '{"zone":1}')
        before = await everything(store)
        for line in lines:
            await store.engine.run(_rows(line))
        after = await everything(store)
        assert len(before) == len(lines)
        assert after == {table: [row for row in rows if -77 not in row] for table, rows in before.items()}
        assert all(len(rows) == 1 for rows in after.values())

    in_store(url, ask)


def test_all_of_a_user_is_deleted_as_in_the_docs(url: str) -> None:
    """Of 77, and neither of 7 nor of 777."""
    lines = sql_of("test_all_of_a_user_is_deleted_as_in_the_docs", "1234567890", "77")

    async def ask(store: SqlStore) -> None:
        for user_id in (7, 77, 777):
            set_by_him = BTC._replace(id=f"of{user_id}", user_id=user_id, update_id=None)
            await store.add_alert(set_by_him, Limits())
            ended = expired(set_by_him, Rule("price")).facts[0]
            digest = orjson.dumps({"event": "digest", "user_id": user_id}).decode()
            for number, facts in enumerate((ended, digest)):
                await store.add_message(Message(f"m{user_id}", number, -9, None, facts, 1, 1))
            await store.change_settings(-user_id, Wishes(digest_at=480, set_by=user_id).text)
        for line in lines:
            await store.engine.run(_rows(line))
        after = await everything(store)
        assert sorted(row[0] for row in after["bot_alert"]) == ["of7", "of777"]
        assert sorted(row[0] for row in after["bot_outbox"]) == ["m7", "m7", "m777", "m777"]
        assert [load_wishes((await store.chat(-user_id)).settings).set_by for user_id in (7, 77, 777)] == [7, -1, 777]

    in_store(url, ask)


def sql_of(test: str, written: str, meant: str) -> list[str]:
    """The lines in SECURITY.md that a test runs, with another id."""
    (block,) = re.findall(rf"{test} -->\n```sql\n(.*?)```", (ROOT / "SECURITY.md").read_text(), re.DOTALL)
    lines = block.replace(written, meant).replace("}", "}}").split(";")  # as a Dialect spells them
    return [line for line in lines if line.strip()]


async def everything(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    """Of each table that has some."""
    found = {table: await store.engine.run(_rows(f"SELECT * FROM {table}")) for table in sql.TABLES}
    return {table: rows for table, rows in found.items() if rows}


def _rows(statement: str) -> Script[list[tuple[Any, ...]]]:
    return [tuple(row) for row in (yield One(statement))]


def test_a_watchlist_keeps_its_order_and_its_bound(url: str) -> None:
    async def ask(store: SqlStore) -> list[str]:
        assert await store.watched(5) == []
        assert await store.watch(5, ["ETH-USDT", "BTC-USDT"], 3, 1) == ["ETH-USDT", "BTC-USDT"]
        assert await store.watch(5, ["BTC-USDT", "SOL-USDT", "XRP-USDT"], 3, 9) == ["ETH-USDT", "BTC-USDT", "SOL-USDT"]
        return await store.unwatch(5, ["ETH-USDT", "DOGE-USDT"])

    assert in_store(url, ask) == ["BTC-USDT", "SOL-USDT"]


def test_settings_of_chats(url: str) -> None:
    async def ask(store: SqlStore) -> list[Chat]:
        await store.change_settings(5, '{"a":1}')
        await store.change_settings(5, '{"a":2}')
        return await store.chats_with_settings()

    assert in_store(url, ask) == [Chat(5, '{"a":2}')]


def test_chats_that_wish_something(url: str) -> None:
    async def ask(store: SqlStore) -> list[list[int]]:
        await store.watch(4, ["BTC-USDT"], 9, 1)
        for chat_id in (7, 5):
            await store.change_settings(chat_id, '{"a":1}')
        both = await store.chats_that_wish(9)
        await store.change_settings(5, "")
        return [both, await store.chats_that_wish(9), await store.chats_that_wish(0)]

    assert in_store(url, ask) == [[5, 7], [7], []]


def test_counts(url: str) -> None:
    in_store(url, lambda store: store.add_alert(alert(1), Limits()))
    in_store(url, lambda store: store.add_alert(alert(2, status=PAUSED), Limits()))
    fired(url, alert(1))
    assert in_store(url, lambda store: store.counts()) == (1, 1, 1, 1, 120_000, 120_000)


def test_what_is_over_is_forgotten(url: str) -> None:
    in_store(url, lambda store: store.add_alert(BTC._replace(status=DONE, until_ms=5), Limits()))
    in_store(url, lambda store: store.add_message(Message("digest", 1, 5, None, "{}", 1, 1)))
    assert in_store(url, lambda store: store.prune(604_800_001)) == 0
    assert in_store(url, lambda store: store.prune(604_800_002)) == 1
    assert in_store(url, lambda store: store.prune(10**13)) == 1


# Schema.


def test_migrating_twice(url: str) -> None:
    assert in_store(url, lambda store: store.migrate()) == len(sql.MIGRATIONS)


def test_two_machines_migrate_at_once(url: str) -> None:
    async def ten() -> None:
        for each in await asyncio.gather(*(open_store(url) for _ in range(5))):
            await each.close()

    asyncio.run(ten())
    assert in_store(url, lambda store: store.needs()) == []


def test_an_older_program_respects_a_newer_schema(url: str) -> None:
    in_store(url, lambda store: store.engine.run(_newer()))
    with pytest.raises(NewerSchema) as newer:
        in_store(url, lambda store: store.needs())
    assert newer.value.sentence == (
        "The database was changed by a newer program (schema 99, this one knows 2): update this one."
    )


def test_a_running_program_notices_a_newer_schema(url: str) -> None:
    async def ask(store: SqlStore) -> None:
        await store.claim_tick("alerts", 10_000, 10_000)
        await store.engine.run(_newer())
        await store.claim_tick("alerts", 10_000, 20_000)

    with pytest.raises(NewerSchema):
        in_store(url, ask)


def _newer() -> Script[None]:
    yield One(sql.ADD_VERSION, (99,))


def test_a_migration_that_fails_leaves_the_old_schema(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    broken = ("CREATE TABLE bot_new (id BIGINT)", "CREATE TABLE bot_alert (id BIGINT)")
    monkeypatch.setattr(sql, "MIGRATIONS", (*sql.MIGRATIONS, broken))
    with pytest.raises(StoreError):
        in_store(url, lambda store: store.needs())
    monkeypatch.undo()
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC


def test_a_newer_program_brings_an_older_schema_forward(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    monkeypatch.setattr(sql, "MIGRATIONS", (*sql.MIGRATIONS, ("CREATE TABLE bot_new (id BIGINT)",)))
    assert in_store(url, lambda store: store.migrate()) == 3
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC


def test_each_released_schema_is_brought_forward(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "MIGRATIONS", sql.MIGRATIONS[:1])
    in_store(url, lambda store: store.add_alert(BTC, Limits()))
    monkeypatch.undo()
    assert in_store(url, lambda store: store.quarters("BTC", 0)) == []
    assert in_store(url, lambda store: store.alert(BTC.id)) == BTC


# Copying.


@pytest.mark.parametrize("way", [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_everything_moves_from_one_engine_to_the_other(way: tuple[str, str], tmp_path: Path) -> None:
    source, target = (fresh_url(engine, tmp_path) for engine in way)
    for number in range(3):
        in_store(source, lambda store, number=number: store.add_alert(alert(number), Limits()))  # type: ignore[misc]
    fired(source, alert(0))
    in_store(source, lambda store: store.watch(5, ["BTC-USDT"], 9, 1))
    ran = run_copy(source, target)
    assert ran.stdout == "copied: 3 alert, 1 chat, 1 outbox, 1 tick, 1 watch, 0 quarter\n"
    assert in_store(target, lambda store: store.alerts_of_chat(5)) == in_store(
        source, lambda store: store.alerts_of_chat(5)
    )
    assert in_store(target, lambda store: store.due_messages(5, 9, 10**13)) == in_store(
        source, lambda store: store.due_messages(5, 9, 10**13)
    )


def test_copying_into_a_store_that_is_not_empty(tmp_path: Path) -> None:
    source, target = (fresh_url("sqlite", tmp_path) for _ in range(2))
    for each in (source, target):
        in_store(each, lambda store: store.add_alert(BTC, Limits()))
    ran = run_copy(source, target)
    assert (ran.returncode, ran.stderr.partition(" (")[0]) == (
        1,
        "The database to copy to is not empty, so nothing was copied.",
    )


@pytest.mark.parametrize("engine", [*ENGINES, "no file", "another's"])
def test_copying_from_where_there_is_none(engine: str, tmp_path: Path) -> None:
    source = fresh_url(engine, tmp_path) if engine in ENGINES else f"{tmp_path}/other.db"
    if engine == "another's":
        sqlite3.connect(source).execute("CREATE TABLE notes (text TEXT)").connection.close()
    before = sorted(tmp_path.iterdir())
    ran = run_copy(source, f"{tmp_path}/new.db")
    said = "There is no database of this bot, so nothing was copied."
    assert (ran.returncode, ran.stdout, ran.stderr.partition(" (")[0]) == (1, "", said)
    assert sorted(tmp_path.iterdir()) == before


def test_a_copy_that_breaks_off_copies_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        source, target = [await open_store(fresh) for fresh in urls]
        await source.add_alert(BTC, Limits())
        await source.watch(5, ["BTC-USDT"], 9, 1)
        monkeypatch.setitem(sql.TABLES, "bot_watch", 7)
        with pytest.raises(StoreError):
            await copy(source, target)
        assert await target.alert(BTC.id) is None
        await source.close()
        await target.close()

    urls = [fresh_url("sqlite", tmp_path) for _ in range(2)]
    asyncio.run(ask())


def run_copy(source: str, target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "store", "copy", source, target]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False)


# What goes wrong.


def test_an_engine_that_there_is_not() -> None:
    with pytest.raises(StoreError) as error:
        asyncio.run(open_store("mysql://root:secret@host/db"))
    assert error.value.sentence == "DATABASE_URL should begin with postgresql:// or sqlite:///."
    assert "secret" not in str(error.value)


def test_a_full_disk(tmp_path: Path) -> None:
    async def ask(store: SqlStore) -> None:
        await store.engine.run(_limited())
        for number in range(2000):
            await store.add_alert(alert(number, rule="x" * 1000), Limits(10**6, 10**6, 10**6))

    url = fresh_url("sqlite", tmp_path)
    with pytest.raises(CannotWrite) as full:
        in_store(url, ask)
    assert full.value.sentence == "The disk of the database is full or cannot be written, so nothing was stored."
    kept = in_store(url, lambda store: store.alerts_of_chat(5))
    assert [each.id for each in kept] == [f"alert{number:03}" for number in range(len(kept))]


def _limited() -> Script[None]:
    yield One("PRAGMA max_page_count = 60")  # SQLite says SQLITE_FULL then, as it does when the disk is


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        asyncio.run(open_store(f"sqlite:///{tmp_path}/file/bot.db"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_text("no database" * 100)
    with pytest.raises(Damaged, match="file is not a database"):
        asyncio.run(open_store(f"sqlite:///{tmp_path}/bot.db"))


def test_a_file_whose_pages_are_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    in_store(str(path), lambda store: store.add_alert(BTC, Limits()))
    pages = bytearray(path.read_bytes())
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    path.write_bytes(pages)
    with pytest.raises(Damaged, match="malformed"):
        in_store(str(path), lambda store: store.needs())


def test_a_file_that_another_program_has_locked(tmp_path: Path) -> None:
    path = str(tmp_path / "bot.db")
    in_store(path, lambda store: store.needs())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unreachable):
        in_store(path, lambda store: store.needs(), partial(open_sqlite, busy_s=0.05))
    other.close()


def test_the_loop_goes_on_while_the_file_is_locked(tmp_path: Path) -> None:
    path = str(tmp_path / "bot.db")

    async def ask(store: SqlStore) -> int:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        asking, turns = asyncio.ensure_future(store.needs()), 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0.01)
        other.close()
        assert isinstance(asking.exception(), Unreachable)
        return turns

    assert in_store(path, ask, partial(open_sqlite, busy_s=1.0)) > 3


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(Unreachable) as gone:
        asyncio.run(open_store("postgresql://bot:secret-word@127.0.0.1:1/bot"))
    assert "secret-word" not in str(gone.value)


SECRET = "pw-of-plain-12345"


async def a_plain_user(url: str) -> str:
    """The address of the same database for a user who may not make tables."""
    import asyncpg

    connection = await asyncpg.connect(url, statement_cache_size=0)
    await connection.execute("DROP ROLE IF EXISTS plain")
    await connection.execute(f"CREATE ROLE plain LOGIN PASSWORD '{SECRET}'")
    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await connection.close()
    return url.replace("//postgres:@", f"//plain:{SECRET}@")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("", "permission denied for schema public"),
        ("/no_", 'database "no_test'),
        ("&no_such=thing", 'unrecognized configuration parameter "no_such"'),
        ("&sslmode=bogus", "`sslmode` parameter must be one of"),
    ],
)
def test_a_database_that_refuses_says_why(how: str, words: str, tmp_path: Path) -> None:
    url = asyncio.run(a_plain_user(fresh_url("postgres", tmp_path)))
    url = url.replace("/test", "/no_test", 1) if how == "/no_" else f"{url}{how}"
    with pytest.raises(Refused) as refused:
        asyncio.run(open_store(url))
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)
    assert (
        refused.value.sentence == "The database refuses this bot, so nothing was stored: see DATABASE_URL and the log."
    )


@pytest.mark.parametrize("rest", ["1:99999/bot", "1:port/bot", "1/bot?odd"])
def test_an_address_that_cannot_be_is_told_in_a_sentence(rest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", f"postgresql://bot:secret-word@127.0.0.{rest}", "to.db"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("DATABASE_URL should be like postgresql://user:password@host:5432/name. (")
    assert "secret-word" not in told


def test_parameters_of_libpq_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    url = fresh_url("postgres", tmp_path)
    for _ in range(2):
        assert in_store(f"{url}&channel_binding=require&sslmode=prefer&sslsni=1", lambda store: store.needs()) == []
    assert [each.getMessage() for each in caplog.records] == [
        "of DATABASE_URL only libpq knows, and it is left out: channel_binding, sslsni"
    ]


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "store.postgres", None)
    with pytest.raises(StoreError) as missing:
        asyncio.run(open_store("postgresql://bot:secret-word@127.0.0.1:1/bot"))
    assert "pip install -r requirements-postgres.txt" in missing.value.sentence


def test_a_database_that_is_restarted_and_gone_for_a_while() -> None:
    """A server of its own, stopped and started under an open store."""
    ran = subprocess.run(
        [sys.executable, __file__],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                (str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "bench"))
            ),
        },
        check=False,
        timeout=60,
    )
    assert ran.stdout.split("\n")[:3] == ["stored", "The database does not answer just now, so nothing was stored. "
                                          "Please try again.", "1 alert, and one more"], ran.stderr  # fmt: skip


async def _restarted(server: Any) -> None:
    store = await open_store(server.get_uri())
    await store.add_alert(alert(1), Limits())
    print("stored")
    await asyncio.to_thread(server.stop)
    try:
        await store.add_alert(alert(2), Limits())
    except StoreError as error:
        print(error.sentence)
    await asyncio.to_thread(server.ensure_postgres_running)
    n_kept = len(await store.alerts_of_chat(5))
    _, is_new = await store.add_alert(alert(2), Limits())
    print(f"{n_kept} alert, {'and one more' if is_new else 'and no more'}")
    await store.close()


if __name__ == "__main__":
    asyncio.run(_restarted(postgres_server()))
