"""The chat page's doors: what a browser on this machine may ask and do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

import demo


@asynccontextmanager
async def a_world() -> AsyncIterator[demo.World]:
    world = demo.World()
    await world.start()
    try:
        yield world
    finally:
        await world.close()


async def test_page_is_for_this_machine_only() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        assert "<title>" in (await client.get(world.page_url)).text
        assert (await client.get(world.page_url, headers={"host": "evil.example"})).status_code == 403
        assert (await client.post(f"{world.page_url}chat/send", content=b'{"text":"x"}')).status_code == 404
        body = {"site": "OKX", "fault": "500", "latency_ms": 0}
        await client.post(f"{world.page_url}world/fault", json=body)
        assert (await client.get(f"{world.page_url}world")).json()["sites"]["OKX"] == "500"
