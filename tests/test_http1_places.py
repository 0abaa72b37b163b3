"""http1/places.py: who may open a connection, and who waits."""

from __future__ import annotations

import asyncio

import pytest

from http1.places import Busy, Places


async def test_who_has_waited_longest_is_served_first() -> None:
    places, host = Places(max_each=1, max_open=9, own_places=0), Busy()
    assert places.take(host)
    came: list[str] = []

    async def wait(name: str) -> None:
        await places.wait(host, None)
        came.append(name)

    waiting = [asyncio.ensure_future(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    places.give_back(host)
    assert not places.take(host)  # it is the first one's already, though he has not looked yet
    await waiting[0]
    places.give_back(host)
    await waiting[1]
    assert came == ["first", "second"]


async def test_hosts_that_take_all_leave_the_others_their_own() -> None:
    places, one, other = Places(max_each=9, max_open=2, own_places=1), Busy(), Busy()
    assert [places.take(one) for _ in range(4)] == [True, True, True, False]
    assert [places.take(other) for _ in range(2)] == [True, False]


async def test_a_place_serves_who_may_have_it_though_another_waits_longer() -> None:
    places, full, other = Places(max_each=1, max_open=9, own_places=0), Busy(), Busy()
    assert places.take(full)
    assert places.take(other)
    waits = asyncio.ensure_future(places.wait(full, None))
    served = asyncio.ensure_future(places.wait(other, None))
    await asyncio.sleep(0)
    places.give_back(other)
    await served
    assert not waits.done()
    places.give_back(full)
    await waits


async def test_who_gives_up_waiting_has_no_place() -> None:
    places, host = Places(max_each=1, max_open=9, own_places=0), Busy()
    assert places.take(host)
    with pytest.raises(TimeoutError):
        await places.wait(host, 0.01)
    places.give_back(host)
    assert places.take(host)


async def test_a_place_that_comes_as_one_gives_up_is_given_back() -> None:
    places, host = Places(max_each=1, max_open=9, own_places=0), Busy()
    assert places.take(host)
    waits = asyncio.ensure_future(places.wait(host, None))
    await asyncio.sleep(0)
    places.give_back(host)
    waits.cancel()
    await asyncio.wait([waits])
    assert waits.cancelled()
    assert host.n_busy == 0
