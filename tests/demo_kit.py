"""A world for tests of the world: its clock stands still, and its sites are asked by somebody else's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

import demo

NOW = 1_763_906_602.0


@asynccontextmanager
async def a_world(clock: Callable[[], float] | None = None) -> AsyncIterator[demo.World]:
    world = demo.World(clock=clock)
    await world.start()
    try:
        yield world
    finally:
        await world.close()


Ask = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def a_still_world() -> AsyncIterator[tuple[demo.World, Ask]]:
    """A world whose clock stands, and a function that asks a site of it: a GET, or a POST of what is wanted."""
    async with a_world(lambda: NOW) as world, httpx.AsyncClient(trust_env=False, verify=False) as client:

        async def ask(site: str, target: str, wanted: Any = None) -> Any:
            url = world.sites[site].url + target
            return (await (client.get(url) if wanted is None else client.post(url, json=wanted))).json()

        yield world, ask


HYPERLIQUID = ("HYPERLIQUID", "/info")


def of_list(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}
