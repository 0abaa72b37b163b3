"""`python bench/each_command.py`: CPU, seconds, bytes and memory of each command, on the real server.

Cold: nothing is kept (CACHE_SECONDS=0), so every command asks exchanges for all it needs. Warm: the same
question again while the answers are kept. Bytes: of the answer's body. Growth: how far the peak RSS rises above what
/price needs, on a server of its own for each command. Seconds are with 80 ms to every exchange.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import load
from house import ROOT, Process, World, free_port, median

COMMANDS = (
    "/price BTC",
    "/volume BTC",
    "/cvd BTC",
    "/ls BTC",
    "/analysis BTC",
    "/profile BTC",
    "/profile BTC 30d",
    "/oi BTC",
    "/funding BTC",
    "/spread BTC",
    "/liq BTC",
    "/funding top",
    "/top10",
    "/top10 spot",
    "/volscan",
    "/help",
)
N = 12  # of each, each time
LATENCY_MS = 80


class Cost(NamedTuple):
    """Milliseconds of CPU cold and warm; milliseconds to the answer, median and 95th percentile; MiB of peak."""

    cold_ms: float
    warm_ms: float
    p50_ms: float
    p95_ms: float
    growth_mib: float
    n_bytes: int


async def asked(port: int, secret: str, command: str, n: int) -> tuple[list[float], int]:
    """Seconds to each of n answers, one after another on one connection; and the bytes of the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seconds, body = [], b""
    try:
        for _ in range(n):
            began = time.perf_counter()
            writer.write(load.request(load.update(command), secret))
            status, body = await load.read_answer(reader)
            seconds.append(time.perf_counter() - began)
            if status != 200 or b"sendMessage" not in body or b"went wrong" in body:
                raise RuntimeError(f"{command}: {status} {body[:200]!r}")
    finally:
        writer.close()
    return seconds, len(body)


def cpu_ms(server: Process, port: int, secret: str, command: str, n: int) -> float:
    before = server.cpu_s()
    asyncio.run(asked(port, secret, command, n))
    return (server.cpu_s() - before) / n * 1000


def measured(world: World, tree: Path, command: str, n: int) -> Cost:
    """One command's costs in a checkout, on servers of its own; of each figure n."""
    port = free_port()
    keeping = world.server(port, tree=tree, CACHE_SECONDS="60")
    asyncio.run(asked(port, world.secret, "/price BTC", 30))
    before = keeping.memory_mib("VmHWM")
    asyncio.run(asked(port, world.secret, command, 1))
    growth = keeping.memory_mib("VmHWM") - before
    warm = cpu_ms(keeping, port, world.secret, command, n)
    keeping.stop()
    port = free_port()
    asking = world.server(port, tree=tree)
    _, n_bytes = asyncio.run(asked(port, world.secret, command, 2))
    cold = cpu_ms(asking, port, world.secret, command, n)
    world.set_latency(LATENCY_MS)
    seconds = sorted(asyncio.run(asked(port, world.secret, command, n))[0])
    world.set_latency(0)
    asking.stop()
    return Cost(cold, warm, median(seconds) * 1000, seconds[n * 95 // 100] * 1000, growth, n_bytes)


def known(tree: Path) -> set[str]:
    """The commands that a checkout has."""
    told = subprocess.run(
        [sys.executable, "-c", "import bot; print(*bot.COMMANDS)"], cwd=tree, check=True, capture_output=True, text=True
    )
    return set(told.stdout.split())


def table(world: World, n: int = N, against: Path | None = None) -> Iterator[str]:
    """A line of each command, and with `against` the same of another checkout, measured right after it."""
    head = "command           CPU ms cold   warm   p50 ms   p95 ms   bytes   MiB above /price"
    yield head if against is None else f"{head}   before: cold   warm   p50 ms   bytes"
    theirs = known(against) if against is not None else set()
    for command in COMMANDS:
        cost = measured(world, ROOT, command, n)
        line = (
            f"{command:17} {cost.cold_ms:11.1f} {cost.warm_ms:6.2f} {cost.p50_ms:8.0f} {cost.p95_ms:8.0f}"
            f" {cost.n_bytes:7} {cost.growth_mib:18.1f}"
        )
        if against is not None and command.split()[0][1:] in theirs:
            before = measured(world, against, command, n)
            line += f" {before.cold_ms:14.1f} {before.warm_ms:6.2f} {before.p50_ms:8.0f} {before.n_bytes:7}"
        yield line


if __name__ == "__main__":
    with World() as the_world:
        for each in table(the_world):
            print(each, flush=True)
