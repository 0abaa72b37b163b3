"""What once grew without end, or took all memory at once, in groups that are killed when it does: alive, and flat."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import group
import hostile
import load
import pytest
from conftest import ROOT
from house import Process, first_answer, free_port

import demo
from upkeep import SWEEP_S

pytestmark = [
    pytest.mark.trial,
    pytest.mark.real_time,
    pytest.mark.skipif(not group.are_writable(), reason="memory groups cannot be made here (cgroup v1, as root)"),
]
HEAVY = ("brackets", "braces", "digits", "exactly_too_long", "body_until_closed", "spaces")
SYMBOLS = ("BTC", "ETH", "SOL", "XRP", "DOGE")
MIB = 1024 * 1024


@asynccontextmanager
async def a_server(megabytes: int) -> AsyncIterator[tuple[demo.World, Process, int]]:
    """The offline world, and the real server in a group of so many MB."""
    world = await demo.start()
    memory = group.Group(megabytes)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, **world.environ, **hostile.VARIABLES, "PORT": str(port), "DATA_DIR": folder}
        server = Process(
            ["-c", hostile.SERVER.format(rest_s=0.2, look_s=hostile.LOOK_S)],
            {**environ, "PYTHONPATH": str(ROOT)},
            memory.prefix,
        )
        try:
            await first_answer(port, hostile.SECRET, time.perf_counter())
            yield world, server, port
        finally:
            await asyncio.to_thread(server.stop)
            memory.close()
            await world.close()


async def ask(port: int, text: str, n: int, n_connections: int) -> None:
    """Raises RuntimeError for what is no answer, and OSError when the server is gone."""
    await load.run(port, hostile.SECRET, lambda _: text, n, n_connections, any_text=True)


async def test_a_list_that_fails_at_every_command_is_not_kept() -> None:
    """Binance's list of funding periods: each failure once held all perpetuals, 100 KiB a command."""
    async with a_server(48) as (world, server, port):
        world.set_path_fault("BINANCE_USDM", "/fapi/v1/fundingInfo", "500")
        await ask(port, "/funding top", 60, 4)
        before = server.memory_mib("VmRSS")
        await ask(port, "/funding top", 240, 4)
        assert server.process.poll() is None
        assert server.memory_mib("VmRSS") < before + 3


async def test_long_refused_answers_are_gone_with_their_requests() -> None:
    """Eight users who ask for five symbols each, while every exchange answers a megabyte of rubbish."""
    async with a_server(64) as (world, server, port):
        text = f"/price {' '.join(SYMBOLS)}"
        await ask(port, f"/price {hostile.NOT_LISTED}", 8, 8)  # lists of symbols are kept from now on
        for latency_s in (hostile.SLOW_S, 0.0):
            for site in world.sites.values():
                site.latency_s = latency_s
            await ask(port, text, 80, 8)
        await asyncio.sleep(SWEEP_S + 1)
        before = server.memory_mib("VmRSS")
        lying = hostile.Hostile(1, 1.0, HEAVY)
        lying.take_over(world)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            await ask(port, text, 8, 8)
        assert server.process.poll() is None
        assert sum(lying.acted[name] for name in HEAVY) > 100
        lying.share = 0.0
        await asyncio.sleep(SWEEP_S + 1)
        assert server.process.poll() is None
        assert server.memory_mib("VmRSS") < before + 3
        await ask(port, "/price BTC", 8, 8)
