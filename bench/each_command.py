"""`python bench/each_command.py`: CPU, seconds and memory of each command, on the real server.

Cold: nothing is kept (CACHE_SECONDS=0), so every command asks exchanges for all it needs. Warm: the same
question again while the answers are kept. Growth: how far the peak RSS rises above what /price needs, on a
server of its own for each command. Seconds are with 80 ms to every exchange.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import load
from house import Process, World, free_port, median

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

    command: str
    cold_ms: float
    warm_ms: float
    p50_ms: float
    p95_ms: float
    growth_mib: float


async def asked(port: int, secret: str, command: str, n: int) -> list[float]:
    """Seconds to each of n answers, one after another on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seconds = []
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
    return seconds


def cpu_ms(server: Process, port: int, secret: str, command: str, n: int) -> float:
    before = server.cpu_s()
    asyncio.run(asked(port, secret, command, n))
    return (server.cpu_s() - before) / n * 1000


def measured(world: World, command: str, n: int) -> Cost:
    """One command's costs, on servers of its own; of each figure n."""
    port = free_port()
    keeping = world.server(port, CACHE_SECONDS="60")
    asyncio.run(asked(port, world.secret, "/price BTC", 30))
    before = keeping.memory_mib("VmHWM")
    asyncio.run(asked(port, world.secret, command, 1))
    growth = keeping.memory_mib("VmHWM") - before
    warm = cpu_ms(keeping, port, world.secret, command, n)
    keeping.stop()
    port = free_port()
    asking = world.server(port)
    asyncio.run(asked(port, world.secret, command, 2))
    cold = cpu_ms(asking, port, world.secret, command, n)
    world.set_latency(LATENCY_MS)
    seconds = sorted(asyncio.run(asked(port, world.secret, command, n)))
    world.set_latency(0)
    asking.stop()
    return Cost(command, cold, warm, median(seconds) * 1000, seconds[n * 95 // 100] * 1000, growth)


def table(world: World, n: int = N) -> list[str]:
    lines = ["command           CPU ms cold   warm   p50 ms   p95 ms   MiB above /price"]
    for command in COMMANDS:
        cost = measured(world, command, n)
        lines.append(
            f"{cost.command:17} {cost.cold_ms:11.1f} {cost.warm_ms:6.2f} {cost.p50_ms:8.0f} {cost.p95_ms:8.0f}"
            f" {cost.growth_mib:18.1f}"
        )
    return lines


if __name__ == "__main__":
    with World() as the_world:
        print("\n".join(table(the_world)))
