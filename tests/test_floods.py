"""Strangers flood the server while genuine updates are answered: trials/floods.py, small."""

from __future__ import annotations

import floods
import pytest
from conftest import a_house
from house import World, free_port

from asking.races import DEADLINE_S
from exchanges import table

pytestmark = pytest.mark.no_cover  # others reach what these do

MAX_MIB = 64.0  # of resident memory at its peak; the bench tells how much it really is


@pytest.mark.trial
def test_genuine_updates_are_answered_in_every_flood() -> None:
    port = free_port()
    with World() as world:
        server = world.server(port, CACHE_SECONDS="2", MAX_CONNECTIONS="20")
        try:
            found = floods.all_floods(world, server, port, scale=0.1)
            peak = server.memory_mib("VmHWM")
        finally:
            server.stop()
    assert {name: weather.n_lost for name, weather in found.items()} == dict.fromkeys(found, 0)
    assert not [status for weather in found.values() for status in weather.outcomes if status.startswith("5")]
    assert found["1000 wrong secrets"].outcomes == {"401": 1000}
    assert peak < MAX_MIB


async def test_heads_and_bodies_at_and_over_their_limits() -> None:
    async with a_house() as house:
        assert await floods.limits(house.port, house.settings.webhook_secret) == floods.LIMITS


async def test_nobody_waits_behind_others_when_all_exchanges_hang() -> None:
    """Each has its sentence by the market's deadline: chats that waited in line would take many."""
    async with a_house(MAX_CONNECTIONS="100", TELEGRAM_CHAT_ID="*") as house:
        for exchange in table.EXCHANGES:
            await house.world.set_fault(exchange, "hang")
        waited = await floods.all_hang(house.port, house.settings.webhook_secret, n_chats=40)
        assert len(waited) == 40
        assert waited[-1] < DEADLINE_S + 0.5
