"""Alerts of a chat that counts as blocked go on when it is heard of, whatever the moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import ADA, House, a_house, pressed, updated
from test_alert import T0, a_standing, a_watching_house, tick

from store.words import Store, Unreachable
from watchman import presence


def store_of(house: House) -> Store:
    assert house.bot.duty is not None
    assert house.bot.duty.store is not None
    return house.bot.duty.store


async def is_blocked(house: House, chat_id: int = ADA) -> bool:
    return (await store_of(house).chat(chat_id)).blocked_ms is not None


async def a_blocked_timer(tmp_path: Path) -> None:
    """Is in the database when the bot is started."""
    async with a_watching_house(tmp_path) as house:
        await house.ask("/alert btc every 5m", update_id=1)
        await store_of(house).block_chat(ADA, 1)


async def test_a_server_just_started_keeps_what_it_is_told(tmp_path: Path) -> None:
    await a_blocked_timer(tmp_path)
    async with a_house(DATA_DIR=str(tmp_path)) as house:
        house.stop_at(T0)
        assert await house.bot.answer(a_standing("member")) is None
        assert not await is_blocked(house)
        assert house.bot.duty is not None
        await house.bot.duty.stop()


async def test_what_cannot_be_written_is_written_before_the_next_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(chat_id: int) -> bool:
        raise Unreachable("gone")

    await a_blocked_timer(tmp_path)
    async with a_watching_house(tmp_path) as house:
        with monkeypatch.context() as patch:
            patch.setattr(store_of(house), "unblock_chat", failing)
            assert await house.bot.answer(a_standing("member")) is None
            await tick(house)
            assert await is_blocked(house)
        await tick(house)
        assert not await is_blocked(house)


async def test_the_last_word_on_a_chat_is_written() -> None:
    """Also when it is said while another chat's is on its way."""
    noted, written = presence.Presence(), list[str]()

    class Slow:
        async def unblock_chat(self, chat_id: int) -> bool:
            is_first = not written
            written.append(f"unblock {chat_id}")
            if is_first:
                noted.note(2, is_there=False)
                await noted.write(store)
            return True

        async def block_chat(self, chat_id: int, now_ms: int) -> None:
            written.append(f"block {chat_id}")

    store = cast(Store, Slow())
    noted.note(1, is_there=True)
    noted.note(2, is_there=True)
    await noted.write(store)
    assert written[-1] == "block 2"
    assert noted.unwritten == {}


async def test_a_mark_that_was_written_is_known_before_it_is_read_again() -> None:
    noted = presence.Presence()

    class Read:
        async def blocked_chats(self, most: int) -> list[int]:
            return [7]

        async def block_chat(self, chat_id: int, now_ms: int) -> None: ...

        async def unblock_chat(self, chat_id: int) -> bool:
            return True

    store = cast(Store, Read())
    assert [await noted.is_marked(store, chat_id) for chat_id in (5, 7)] == [False, True]
    noted.note(5, is_there=False)
    noted.note(7, is_there=True)
    await noted.write(store)
    assert [await noted.is_marked(store, chat_id) for chat_id in (5, 7)] == [True, False]


@pytest.mark.parametrize(
    "update", [updated("btc", 2), pressed("price BTC", 2), updated("/alerts", 2), updated("/start", 2)]
)
async def test_whatever_comes_from_a_chat_is_heard(update: dict[str, Any], tmp_path: Path) -> None:
    await a_blocked_timer(tmp_path)
    async with a_watching_house(tmp_path) as house:
        await house.bot.answer(update)
        assert not await is_blocked(house)
        await tick(house)
        assert any(text.startswith("⏰") for text in await tick(house, 301.0))


async def test_an_alert_that_is_set_rings_where_the_mark_is_not_known(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("btc", update_id=1)  # the marks are read, and there is none
        await store_of(house).change_settings(ADA, "")
        await store_of(house).block_chat(ADA, 1)
        await house.ask("/alert eth every 5m", update_id=2)
        sent = await tick(house, 301.0)
        assert [text.startswith("⏰ <b>ETH ") for text in sent] == [True]


async def test_which_chats_rest_is_read_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_watching_house(tmp_path) as house:
        store, read = store_of(house), list[int]()
        blocked_chats = store.blocked_chats

        async def noted(most: int) -> Sequence[int]:
            read.append(most)
            return await blocked_chats(most)

        monkeypatch.setattr(store, "blocked_chats", noted)
        for number in range(5):
            await house.ask("/help", update_id=number)
        assert read == [presence.MAX_CHATS]


def test_what_is_not_written_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MAX_CHATS", 2)
    noted = presence.Presence()
    for chat_id in (1, 2, 1, 3):
        noted.note(chat_id, is_there=True)
    assert noted.unwritten == {1: True, 3: True}
