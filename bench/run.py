"""`python bench/run.py [--quick]`: what the bot costs, measured on the real server against the offline world.

Server, world and load are three processes. CPU is the server's own, from the kernel's accounting; unless a row
says warm, nothing is kept (CACHE_SECONDS=0), so that every /price asks an exchange seven times. Machines differ
and are noisy: "by hand" is the same exchange of bytes in bench/by_hand.py, measured in the same minute; compare
with that. Rows of TLS: the exchanges speak HTTPS; its connections are open, but for the row that says cold. Reused: of
the requests at 40 connections, those for which no connection was opened. The table goes into bench/RESULTS.md.

--quick shows within two minutes whether all of it works; its figures mean little, and are not written down.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from typing import NamedTuple

import each_command
import group
import load
from house import ROOT, Process, World, first_answer, free_port, median

API_KEY = "the-bench-reads-metrics"
PARTS = ("bench/charts.py", "bench/alerts.py")  # each prints lines of its own


def starts(world: World, n: int) -> tuple[float, float]:
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


def connections(port: int) -> dict[str, float]:
    """What has become of the server's connections so far: opened, resumed, reused, unasked."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"authorization": f"Bearer {API_KEY}"})
    told = urllib.request.urlopen(asked, timeout=5).read().decode()
    return {name: float(n) for name, n in re.findall(r'bot_connections_total\{outcome="(\w+)"\} (\S+)', told)}


def share_reused(before: dict[str, float], after: dict[str, float]) -> float:
    opened, reused = (after[name] - before[name] for name in ("opened", "reused"))
    return reused / (opened + reused) if opened + reused else 0.0


def prices(world: World, name: str, parts: int) -> list[str]:
    """/price at 1 and 40 connections, with exchanges at 0 and 80 ms; with TLS also with the handshakes."""
    hand_port, port = free_port(), free_port()
    hand = Process(["bench/by_hand.py"], {**world.environ, "PORT": str(hand_port)})
    asyncio.run(first_answer(hand_port, world.secret, time.perf_counter()))
    server = world.server(port, API_KEY=API_KEY)
    lines = []
    for latency_ms in (0, 80):
        world.set_latency(latency_ms)
        for n_connections in (1, 40):
            n = (1500 if n_connections == 40 else 700 if not latency_ms else 60) // parts
            by_hand = measured(hand, hand_port, world.secret, n, n_connections)
            before = connections(port)
            ours = measured(server, port, world.secret, n, n_connections)
            reused = share_reused(before, connections(port)) * 100
            lines.append(
                f"{name} {latency_ms:3} ms  {n_connections:11}  {n / ours.took_s:12.0f}  {n / by_hand.took_s:7.0f}"
                f"  {ours.cpu_ms:11.2f}  {by_hand.cpu_ms:7.2f}  {ours.p50_ms:6.1f}  {ours.p99_ms:6.1f}"
                f"  {by_hand.p50_ms:6.1f}  {by_hand.p99_ms:6.1f}  {reused:5.1f}%"
            )
    world.set_latency(0)
    lines.append(f"{name} RSS with the connections of 40 open: {server.memory_mib('VmRSS'):.1f} MiB")
    if name == "TLS  ":
        lines.append(
            f"TLS   a coin that nobody lists, asked of all, every handshake in it: {cold(world):.1f} ms of CPU"
        )
    server.stop()
    hand.stop()
    return lines


def cold(world: World, n: int = 3) -> float:
    """Milliseconds of CPU of a server's first question to an exchange that it has not spoken with yet."""
    taken = []
    for _ in range(n):
        port = free_port()
        server = world.server(port)  # the first answer is Binance's
        before = server.cpu_s()
        asyncio.run(load.run(port, world.secret, lambda _: "/price NOPE", 1, 1, any_text=True))
        taken.append((server.cpu_s() - before) * 1000)
        server.stop()
    return median(taken)


def mix(world: World, n: int) -> tuple[float, float]:
    """Idle and peak RSS over the whole mix of commands, in MiB; warm, as in use."""
    port = free_port()
    server = world.server(port, CACHE_SECONDS="2")
    time.sleep(1)
    idle = server.memory_mib("VmRSS")
    commands = each_command.COMMANDS
    asyncio.run(load.run(port, world.secret, lambda number: commands[number % len(commands)], n, 40, any_text=True))
    peak = server.memory_mib("VmHWM")
    server.stop()
    return idle, peak


def parts_of_their_own() -> list[str]:
    """What charts and alerts cost, each in a process that does nothing else."""
    lines = []
    for script in PARTS:
        told = subprocess.run([sys.executable, script], cwd=ROOT, check=False, capture_output=True, text=True)
        lines += ["", script, *(told.stdout or told.stderr).rstrip().splitlines()[-22:]]
    return lines


HEAD = (
    "upstream   connections  /price per s  by hand  CPU ms each  by hand  p50 ms  p99 ms   p50 and p99 by hand  reused"
)


def table(*, is_quick: bool) -> list[str]:
    parts = 12 if is_quick else 1
    packages = ", ".join(f"{name} {version(name)}" for name in ("httpx", "h11", "orjson"))
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [f"Python {platform.python_version()}, {packages}, {os.cpu_count()} processors, {day}", ""]
    with World() as world:
        answered_s, bare_s = starts(world, 1 if is_quick else 7)
        bare = f"the bare interpreter: {bare_s * 1000:.0f} ms"
        idle, peak = mix(world, 1400 // parts)
        lines += [
            f"start to first answer       {answered_s * 1000:6.0f} ms ({bare})",
            f"idle RSS                    {idle:6.1f} MiB",
            f"peak RSS, all commands      {peak:6.1f} MiB",
            f"smallest memory group       {'not in --quick' if is_quick else group.smallest(world)}",
            "",
            HEAD,
        ]
        lines += prices(world, "plain", parts)
        with World(is_tls=True) as secret_world:
            lines += prices(secret_world, "TLS  ", parts)
        lines += ["", *each_command.table(world, 2 if is_quick else each_command.N)]
    return lines if is_quick else [*lines, *parts_of_their_own()]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true")
    is_quick = words.parse_args().quick
    lines = table(is_quick=is_quick)
    print("\n".join(lines))
    if is_quick:
        return
    head = "# Results\n\nWritten by `python bench/run.py`; what is measured and how stands in bench/.\n\n"
    (ROOT / "bench" / "RESULTS.md").write_text(head + "```\n" + "\n".join(lines) + "\n```\n")


if __name__ == "__main__":
    main()
