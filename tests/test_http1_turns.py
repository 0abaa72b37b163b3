"""Work that is there all at once is spread over rounds of the event loop."""

from __future__ import annotations

import asyncio

from turning import Rounds

from http1.turns import Turns


async def test_work_within_the_time_of_a_round_shares_it() -> None:
    turns, rounds = Turns(1000.0), Rounds()
    for _ in range(5):
        await turns.take()
    assert rounds.n == 0


async def test_work_beyond_it_waits_for_the_next_in_order() -> None:
    turns, rounds = Turns(0.0), Rounds()
    begun: list[tuple[str, int]] = []

    async def work(name: str) -> None:
        await turns.take()
        begun.append((name, rounds.n))

    await asyncio.gather(*(work(name) for name in "abc"))
    first = begun[0][1]
    assert begun == [("a", first), ("b", first + 1), ("c", first + 2)]


async def test_who_gives_up_holds_nobody() -> None:
    turns = Turns(0.0)
    await turns.take()
    gone = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)
    gone.cancel()
    await turns.take()
    await asyncio.gather(gone, return_exceptions=True)
    await turns.take()
