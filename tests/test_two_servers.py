"""Two servers on one real PostgreSQL behind the offline Telegram; and a storm of alerts in one chat."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conftest import House, a_house, pressed, updated
from databases import fresh_url
from test_alert import T0, an_id

import bot as bot_module
from bot import Bot
from clock import Clock


@asynccontextmanager
async def two_bots(tmp_path: Path, **variables: str) -> AsyncIterator[tuple[House, Bot, Bot]]:
    """A house, its bot, and another one with a connection of its own to the same database and the same Telegram."""
    url = await asyncio.to_thread(fresh_url, "postgres", tmp_path)
    async with a_house(DATABASE_URL=url, **variables) as house:
        house.stop_at(T0)
        bots = house.bot, bot_module.build(house.settings, house.transport, Clock(house.wall.in_the_house))
        for each in bots:
            assert each.duty is not None
            assert await each.duty.open(), each.duty.sentence
        yield house, *bots
        for each in bots:
            assert each.duty is not None
            await each.duty.stop()


async def both_tick(house: House, one: Bot, other: Bot, after_s: float) -> list[str]:
    """What was sent in a tick that both try at the same moment."""
    house.stop_at(house.wall() + after_s)
    before = len(house.world.telegram.calls)
    for each in (one, other):
        each.market.forget()
    assert one.duty is not None
    assert other.duty is not None
    ticked = await asyncio.gather(one.duty.tick(), other.duty.tick())
    assert sum(each.is_claimed for each in ticked) == 1
    calls = house.world.telegram.calls[before:]
    return [str(params["text"]) for method, params in calls if method in ("sendMessage", "editMessageText")]


@pytest.mark.real_time
async def test_two_servers_share_alerts_limits_and_outbox(tmp_path: Path) -> None:
    async with two_bots(tmp_path, ALERTS_PER_USER="2") as (house, one, other):
        first = await one.answer(updated("/alert btc every 5m", update_id=1))
        assert "BTC price every 5m" in str(await other.answer(updated("/alerts", update_id=2)))
        assert an_id(await other.answer(updated("/alert btc every 5m", update_id=1))) == an_id(first), "the same update"
        await other.answer(updated("/alert eth every 5m", update_id=3))
        assert "2 alerts, and that is the limit" in str(await one.answer(updated("/alert btc > 9", update_id=4)))
        for _ in range(4):
            sent = await both_tick(house, one, other, 301.0)
            assert sorted(re.findall(r"<b>(BTC|ETH) ", " ".join(sent))) == ["BTC", "ETH"]
        assert "Deleted" in str(await other.answer(pressed(f"alert delete {an_id(first)}", update_id=5)))
        assert "ETH price" in str(await one.answer(updated("/alerts", update_id=6)))


@pytest.mark.real_time
async def test_settings_and_watchlist_are_shared_within_a_minute(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as (_, one, other):
        await one.answer(updated("/settings symbol eth", update_id=1))
        await one.answer(updated("/watch sol btc", update_id=2))
        assert "<b>ETH " in str(await other.answer(updated("/price", update_id=3)))
        assert "2 coins" in str(await other.answer(updated("/watch", update_id=4)))


@pytest.mark.real_time
async def test_a_storm_of_two_hundred_is_six_messages(tmp_path: Path) -> None:
    """Five that ring alone, and one summary that counts the others."""
    async with two_bots(tmp_path, ALERTS_PER_USER="200") as (house, one, other):
        for number in range(200):
            line = f"/alert {('btc', 'eth', 'sol')[number % 3]} every 5m"
            await one.answer(updated(line, update_id=number + 1))
        sent = await both_tick(house, one, other, 301.0)
        methods = Counter(method for method, _ in house.world.telegram.calls if method.startswith(("send", "edit")))
        del methods["sendChatAction"]  # where the machine is busy: an answer is being written
        assert methods == {"sendMessage": 6}
        assert all(re.match(r"⏰ <b>(BTC|ETH|SOL) [\d,.]+</b>\n", each) and "#1" in each for each in sent[:5])
        assert sent[5].startswith("🔔 <b>195 alerts</b> at once\n22:18 ")
        assert "\nand 155 more" in sent[5]
        assert len(sent[5]) <= 4096
        assert one.duty is not None
        assert one.duty.store is not None
        counts = await one.duty.store.counts()
        assert (counts.n_fired, counts.n_waiting) == (200, 0)
