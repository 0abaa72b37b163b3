"""What was set goes on for as long as who set it may ask: then it rests, until he may again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conftest import ADA, House, pressed, together, updated
from test_alert import BOB, a_watching_house, an_id, tick
from test_settings import loaded

import demo
from answers import alerts_api
from answers.hearing import CHAT_NOT_LISTED, IN_PRIVATE, NOT_LISTED, NOT_STORED, why_not_told
from store.words import Message, Store

GROUP = -1009
NEAR = "/alert pos liq 100% every"  # all of them are


@asynccontextmanager
async def a_house_of(tmp_path: Path, *listed: int, groups: int = 0) -> AsyncIterator[House]:
    variables = {"TELEGRAM_CHAT_ID": ",".join(map(str, listed)), "ACCOUNTS_IN_GROUPS": str(groups)}
    async with a_watching_house(tmp_path, **variables, **demo.keys.ENVIRON) as house:
        yield house


def store_of(house: House) -> Store:
    assert house.bot.duty is not None
    assert house.bot.duty.store is not None
    return house.bot.duty.store


async def sent_to(house: House, chat_id: int, n_ticks: int = 2, after_s: float = 60.0) -> list[str]:
    before = len(house.world.telegram.calls)
    for _ in range(n_ticks):
        await tick(house, after_s)
    calls = house.world.telegram.calls[before:]
    return [str(each["text"]) for method, each in calls if method == "sendMessage" and each["chat_id"] == chat_id]


@together(
    "chat_id, user_id, is_own, why",
    [
        (ADA, ADA, True, ""),
        (BOB, BOB, False, NOT_LISTED),
        (BOB, BOB, True, NOT_LISTED),
        (BOB, ADA, True, NOT_LISTED),  # set by the API's key, for whom was listed then
        (BOB, ADA, False, NOT_LISTED),
        (GROUP, BOB, False, ""),
        (GROUP, BOB, True, NOT_LISTED),
        (GROUP, ADA, True, IN_PRIVATE),
        (GROUP - 1, ADA, False, ""),
        (GROUP - 1, BOB, False, NOT_LISTED),
        (GROUP, GROUP, False, ""),  # set in the group's name
        (GROUP, GROUP, True, NOT_LISTED),
        (GROUP - 1, GROUP, False, CHAT_NOT_LISTED),
        (GROUP - 1, NOT_STORED, False, ""),  # as before it was
        (GROUP, NOT_STORED, True, NOT_LISTED),
        (BOB, NOT_STORED, False, NOT_LISTED),
    ],
)
def test_who_is_told(chat_id: int, user_id: int, is_own: bool, why: str) -> None:
    settings = loaded(TELEGRAM_CHAT_ID=f"{ADA},{GROUP}")
    assert why_not_told(settings, chat_id, user_id, is_own=is_own) == why


def test_everybody_is_told_of_the_market_and_nobody_of_accounts() -> None:
    settings = loaded(TELEGRAM_CHAT_ID="*")
    assert why_not_told(settings, BOB, BOB) == ""
    assert why_not_told(settings, BOB, BOB, is_own=True) == NOT_LISTED


async def test_positions_are_told_to_nobody_who_is_listed_no_more(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA, BOB) as house:
        await house.ask(NEAR, chat_id=BOB, user_id=BOB)
    async with a_house_of(tmp_path, ADA) as house:
        await tick(house, 120.0)
        n_before = sum(site.n_requests for site in house.world.sites.values())
        assert await sent_to(house, BOB, n_ticks=7) == []
        assert sum(site.n_requests for site in house.world.sites.values()) == n_before
    async with a_house_of(tmp_path, ADA, BOB) as house:
        (told,) = await sent_to(house, BOB, 1, 1200.0)
        assert re.match(r"🔴 <b>\d positions near liquidation</b>", told)


async def test_positions_are_told_in_no_group_that_may_not_hear_them(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA, groups=1) as house:
        alert_id = an_id(await house.bot.answer(updated(NEAR, 1, GROUP, ADA)))
    async with a_house_of(tmp_path, ADA, groups=0) as house:
        assert await sent_to(house, GROUP) == []
        (line,) = (await house.ask("/alerts", update_id=2, chat_id=GROUP, user_id=ADA)).split("\n")[1:2]
        assert line.endswith("every time (rests: accounts are told in private)")
        refused = await house.bot.answer(pressed(f"alert resume {alert_id}", 3, GROUP, ADA))
        assert "It rests: accounts are told in private." in str(refused)
    async with a_house_of(tmp_path, ADA, groups=1) as house:
        assert len(await sent_to(house, GROUP, 1, 1200.0)) == 1


async def test_the_api_says_why_an_alert_rests(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA, GROUP, groups=1) as house:
        await house.ask(NEAR, chat_id=GROUP, user_id=ADA)
    async with a_house_of(tmp_path, ADA, GROUP, groups=0) as house:
        assert house.bot.duty is not None
        listed = await alerts_api.ask_list(house.bot.duty.lent(house.bot.tools), alerts_api.Asked(GROUP))
        assert [each["rests"] for each in listed["alerts"]] == [IN_PRIVATE]


async def test_a_chat_that_may_not_ask_is_told_nothing(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA, BOB) as house:
        await house.ask("/alert btc every 5m", update_id=1, chat_id=BOB, user_id=BOB)
        await house.ask("/settings digest 22:30", update_id=2, chat_id=BOB, user_id=BOB)  # T0 is 22:13:20
    async with a_house_of(tmp_path, ADA) as house:
        assert await sent_to(house, BOB, 10, 301.0) == []
        assert await store_of(house).due_messages(BOB, 9, 10**15) == []
    async with a_house_of(tmp_path, ADA, BOB) as house:
        house.stop_at(house.wall() + 86400.0)
        told = await sent_to(house, BOB, 8, 301.0)
        assert {each[:3] for each in told} == {"⏰ <", "<b>"}  # both go on


async def test_a_group_is_told_what_a_listed_user_wished_there(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA) as house:
        await house.ask("/alert btc every 5m", update_id=1, chat_id=GROUP, user_id=ADA)
        await house.ask("/settings digest 22:15", update_id=2, chat_id=GROUP, user_id=ADA)  # T0 is 22:13:20
        told = await sent_to(house, GROUP, 2, 301.0)
        assert sorted(each[:3] for each in told) == ["<b>", "⏰ <", "⏰ <"]


async def test_a_group_is_told_what_was_stored_before_users_were(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA) as house:
        now_ms, facts = int(house.wall() * 1000), '{"event": "machines", "n": 2}'
        await store_of(house).add_message(Message("x", 1, GROUP, None, facts, now_ms, now_ms))
        await store_of(house).change_settings(GROUP, '{"digest_at": 1335}')  # 22:15
        machines, digest = await sent_to(house, GROUP, 2, 301.0)
        assert machines.startswith("2 machines")
        assert digest.startswith("<b>Digest</b>")


async def test_what_waits_for_a_chat_waits_until_it_is_listed_again(tmp_path: Path) -> None:
    async with a_house_of(tmp_path, ADA) as house:
        now_ms = int(house.wall() * 1000)
        for number in range(12):
            chat_id = BOB + number
            facts = '{"event": "machines", "n": 2}'
            await store_of(house).add_message(Message("x", number, chat_id, None, facts, now_ms, now_ms))
        assert await sent_to(house, BOB, 5) == []
    async with a_house_of(tmp_path, ADA, BOB) as house:
        assert len(await sent_to(house, BOB, 1, 900.0)) == 1
