"""`python bench/run.py`: what the bot costs, measured on the real server against the offline world.

Server, world and load are three processes. CPU is the server's own, from the kernel's accounting; unless a row
says warm, nothing is kept (CACHE_SECONDS=0), so that every /price asks an exchange four times. Machines differ
and are noisy: "by hand" is the same exchange of bytes in bench/by_hand.py, measured in the same minute; compare
with that. The table goes into bench/RESULTS.md.
"""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from typing import NamedTuple

import each_command
import group
import load
from house import ROOT, Process, World, first_answer, free_port, median


def starts(world: World, n: int = 7) -> tuple[float, float]:
    """Medians of process start to first answer, and of the interpreter's own start, in seconds."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", ".", "-x", "venv"], cwd=ROOT, check=True)  # as the image
    answered, bare = [], []
    for _ in range(n):
        port = free_port()
        began = time.perf_counter()
        server = Process(["webhook_server.py"], {**world.environ, "PORT": str(port)})
        answered.append(asyncio.run(first_answer(port, world.secret, began)))
        server.stop()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - began)
    return median(answered), median(bare)


class Measured(NamedTuple):
    took_s: float
    cpu_ms: float  # of the server, per update
    p50_ms: float
    p99_ms: float


def measured(process: Process, port: int, secret: str, n: int, n_connections: int) -> Measured:
    """n updates over some connections, after a warm-up."""
    asyncio.run(load.run(port, secret, lambda _: "/price BTC", max(50, n_connections * 2), n_connections))
    cpu_s, began = process.cpu_s(), time.perf_counter()
    seconds = sorted(asyncio.run(load.run(port, secret, lambda _: "/price BTC", n, n_connections)))
    took_s, cpu_s = time.perf_counter() - began, process.cpu_s() - cpu_s
    return Measured(took_s, cpu_s / n * 1000, seconds[n // 2] * 1000, seconds[n * 99 // 100] * 1000)


def prices(world: World, server: Process, port: int) -> list[str]:
    """/price at 1 and 40 connections, with exchanges at 0 and 80 ms."""
    hand_port = free_port()
    hand = Process(["bench/by_hand.py"], {**world.environ, "PORT": str(hand_port)})
    asyncio.run(first_answer(hand_port, world.secret, time.perf_counter()))
    lines = ["upstream  connections    /price per s   CPU ms each   by hand   p50 ms   p99 ms"]
    for latency_ms in (0, 80):
        world.set_latency(latency_ms)
        for n_connections in (1, 40):
            n = 1500 if n_connections == 40 else 700 if not latency_ms else 60
            by_hand = measured(hand, hand_port, world.secret, n, n_connections)
            ours = measured(server, port, world.secret, n, n_connections)
            lines.append(
                f"{latency_ms:5} ms  {n_connections:11}  {n / ours.took_s:13.0f}  {ours.cpu_ms:12.2f}"
                f"  {by_hand.cpu_ms:8.2f}  {ours.p50_ms:7.1f}  {ours.p99_ms:7.1f}"
            )
    world.set_latency(0)
    hand.stop()
    return lines


def mix(world: World) -> tuple[float, float]:
    """Idle and peak RSS over the whole mix of commands, in MiB; warm, as in use."""
    port = free_port()
    server = world.server(port, CACHE_SECONDS="2")
    time.sleep(1)
    idle = server.memory_mib("VmRSS")
    commands = each_command.COMMANDS
    asyncio.run(load.run(port, world.secret, lambda number: commands[number % len(commands)], 1400, 40, any_text=True))
    peak = server.memory_mib("VmHWM")
    server.stop()
    return idle, peak


def table() -> list[str]:
    packages = ", ".join(f"{name} {version(name)}" for name in ("httpx", "h11", "orjson"))
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [f"Python {platform.python_version()}, {packages}, {os.cpu_count()} processors, {day}", ""]
    with World() as world:
        answered_s, bare_s = starts(world)
        bare = f"the bare interpreter: {bare_s * 1000:.0f} ms"
        idle, peak = mix(world)
        lines += [
            f"start to first answer       {answered_s * 1000:6.0f} ms ({bare})",
            f"idle RSS                    {idle:6.1f} MiB",
            f"peak RSS, all commands      {peak:6.1f} MiB",
            f"smallest memory group       {group.smallest(world)}",
            "",
        ]
        port = free_port()
        server = world.server(port)
        lines += prices(world, server, port)
        server.stop()
        lines += ["", *each_command.table(world)]
    return lines


def main() -> None:
    lines = table()
    print("\n".join(lines))
    head = "# Results\n\nWritten by `python bench/run.py`; what is measured and how stands in bench/.\n\n"
    (ROOT / "bench" / "RESULTS.md").write_text(head + "```\n" + "\n".join(lines) + "\n```\n")


if __name__ == "__main__":
    main()
