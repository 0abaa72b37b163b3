"""`python bench/run.py [--quick] [--against DIRECTORY]`: what the bot costs, on the real server and the offline world.

Server, world and load are three processes. CPU is the server's own, from the kernel's accounting; unless a row
says warm, nothing is kept (CACHE_SECONDS=0). Each of forty coins is asked for in turn, so that questions side by side
share nothing, and every /price asks an exchange seven times; but in the rows of one coin, where those who ask at once
share candles and the past of open interest. Machines differ and are noisy: "by hand" is bench/by_hand.py, which fetches
the same seven answers and writes a card with the same figures, in the same minute; compare with that. "Bytes" is the
same without reading and writing figures. Rows of TLS: the exchanges speak HTTPS; its connections are open, but for the
row that says cold. Reused: of the requests at 40 connections, those for which no connection was opened.

--against: another checkout, whose server is measured in turn with this one's. The table goes into bench/RESULTS.md.
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
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import each_command
import group
import load
from house import ROOT, Process, World, first_answer, free_port, median

API_KEY = "the-bench-reads-metrics"
PARTS = ("bench/charts.py", "bench/alerts.py")  # each prints lines of its own


def starts(world: World, n: int, against: Path | None) -> list[str]:
    """Medians of process start to first answer: ours, by hand, and of the interpreter's own start."""
    programs = {"ours": ("webhook_server.py", ROOT), "by hand": ("bench/by_hand.py", ROOT)}
    if against is not None:
        programs["before"] = ("webhook_server.py", against)
    for tree in {tree for _, tree in programs.values()}:  # as in the image
        subprocess.run([sys.executable, "-m", "compileall", "-q", ".", "-x", "venv"], cwd=tree, check=True)
    taken: dict[str, list[float]] = {name: [] for name in (*programs, "the bare interpreter")}
    for _ in range(n):
        for name, (script, tree) in programs.items():
            port = free_port()
            began = time.perf_counter()
            server = Process([script], {**world.environ, "PORT": str(port)}, tree=tree)
            taken[name].append(asyncio.run(first_answer(port, world.secret, began)))
            server.stop()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken["the bare interpreter"].append(time.perf_counter() - began)
    told = {name: median(seconds) * 1000 for name, seconds in taken.items()}
    others = ", ".join(f"{name} {ms:.0f} ms" for name, ms in told.items() if name != "ours")
    ratio = told["ours"] / told["by hand"]
    return [f"start to first answer       {told['ours']:6.0f} ms, {ratio:.2f} x by hand ({others})"]


Text = Callable[[int], str]


class Measured(NamedTuple):
    took_s: float
    cpu_ms: float  # of the server, per update
    p50_ms: float
    p99_ms: float


def measured(process: Process, port: int, secret: str, text: Text, n: int, n_connections: int) -> Measured:
    """n updates over some connections."""
    cpu_s, began = process.cpu_s(), time.perf_counter()
    seconds = sorted(asyncio.run(load.run(port, secret, text, n, n_connections)))
    took_s, cpu_s = time.perf_counter() - began, process.cpu_s() - cpu_s
    return Measured(took_s, cpu_s / n * 1000, seconds[n // 2] * 1000, seconds[n * 99 // 100] * 1000)


def connections(port: int) -> dict[str, float]:
    """What has become of the server's connections so far: opened, resumed, reused, unasked."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"authorization": f"Bearer {API_KEY}"})
    told = urllib.request.urlopen(asked, timeout=5).read().decode()
    return {name: float(n) for name, n in re.findall(r'bot_connections_total\{outcome="(\w+)"\} (\S+)', told)}


def share_reused(before: dict[str, float], after: dict[str, float]) -> str:
    """In percent; n/a for a checkout that does not count them."""
    if not before or not after:
        return "n/a"
    opened, reused = (after[name] - before[name] for name in ("opened", "reused"))
    return f"{reused / (opened + reused) * 100:.1f}%" if opened + reused else "n/a"


class Row(NamedTuple):
    """What is asked: by so many connections at once, in so many updates, with exchanges so far away."""

    latency_ms: int
    n_connections: int
    n_coins: int
    n: int


ROWS = (
    Row(0, 1, 40, 700),
    Row(0, 40, 40, 1500),
    Row(0, 40, 1, 1500),
    Row(80, 1, 40, 60),
    *[Row(80, 40, 40, 1500)] * 3,
)
YARDSTICKS = {"by hand": {}, "bytes": {"BYTES_ONLY": "1"}}  # and their variables
HEAD = (
    "       upstream  conns  coins  per s  by hand  CPU ms  by hand  bytes  ratios     "
    " p50, p99 ms   by hand     reused"
)


def prices(world: World, name: str, parts: int, against: Path | None = None) -> Iterator[str]:
    """/price beside the yardstick's two forms, and beside another checkout's."""
    programs = {each: ("bench/by_hand.py", ROOT, variables) for each, variables in YARDSTICKS.items()}
    programs[name] = ("webhook_server.py", ROOT, {})
    if against is not None:
        programs["before"] = ("webhook_server.py", against, {})
    running: dict[str, tuple[Process, int]] = {}
    for each, (script, tree, variables) in programs.items():
        port = free_port()
        environ = {**world.environ, "PORT": str(port), "API_KEY": API_KEY, "DATA_DIR": world.folder(port), **variables}
        running[each] = (Process([script], environ, tree=tree), port)
        asyncio.run(first_answer(port, world.secret, time.perf_counter()))
    coins = world.coins(40)
    for row in ROWS:
        world.set_latency(row.latency_ms)
        yield from row_of(world, running, [f"/price {coin}" for coin in coins[: row.n_coins]], row, row.n // parts)
    world.set_latency(0)
    yield f"{name:6} RSS with the connections of 40 open: {running[name][0].memory_mib('VmRSS'):.1f} MiB"
    for process, _ in running.values():
        process.stop()


def row_of(world: World, running: dict[str, tuple[Process, int]], texts: list[str], row: Row, n: int) -> list[str]:
    """A line of each server, beside both forms of the yardstick, which is measured once."""

    def text(number: int) -> str:
        return texts[number % len(texts)]

    told, lines = {}, []
    for name, (process, port) in running.items():
        n_warming = max(50, row.n_connections * 5)  # opens the connections that it needs
        asyncio.run(load.run(port, world.secret, text, n_warming, row.n_connections))
        before = {} if name in YARDSTICKS else connections(port)
        ours = told[name] = measured(process, port, world.secret, text, n, row.n_connections)
        if name in YARDSTICKS:
            continue
        hand, bare = told["by hand"], told["bytes"]
        ratios = f"{ours.cpu_ms / hand.cpu_ms:.2f}, {ours.cpu_ms / bare.cpu_ms:.2f}"
        lines.append(
            f"{name:6} {row.latency_ms:5} ms {row.n_connections:6} {row.n_coins:6} {n / ours.took_s:6.0f}"
            f" {n / hand.took_s:8.0f} {ours.cpu_ms:7.2f} {hand.cpu_ms:8.2f} {bare.cpu_ms:6.2f}  {ratios}"
            f" {ours.p50_ms:7.1f} {ours.p99_ms:7.1f} {hand.p50_ms:6.1f}, {hand.p99_ms:5.1f}"
            f" {share_reused(before, connections(port)):>6}"
        )
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


def mix(world: World, n: int, tree: Path) -> tuple[float, float]:
    """Idle and peak RSS over the whole mix of commands, in MiB; warm, as in use."""
    port = free_port()
    server = world.server(port, tree=tree, CACHE_SECONDS="2")
    time.sleep(1)
    idle = server.memory_mib("VmRSS")
    known = each_command.known(tree)
    commands = [each for each in each_command.COMMANDS if each.split()[0][1:] in known]
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


def table(*, is_quick: bool, against: Path | None) -> Iterator[str]:
    parts = 12 if is_quick else 1
    packages = ", ".join(f"{name} {version(name)}" for name in ("h11", "orjson"))
    day = time.strftime("%Y-%m-%d", time.gmtime())
    yield f"Python {platform.python_version()}, {packages}, {os.cpu_count()} processors, {day}"
    if against is not None:
        yield f"before: commit {commit_of(against)}"
    with World() as world, World(is_tls=True) as secret_world:
        yield from ("", *starts(world, 1 if is_quick else 7, against))
        for name, tree in ({"": ROOT} if against is None else {"": ROOT, " before": against}).items():
            idle, peak = mix(world, 1400 // parts, tree)
            yield f"idle RSS{name:18} {idle:6.1f} MiB, peak of all commands {peak:.1f} MiB"
        yield f"smallest memory group      {'not in --quick' if is_quick else group.smallest(world)}"
        yield from ("", HEAD, *prices(world, "plain", parts, against))
        yield from prices(secret_world, "TLS", parts)
        yield f"TLS    a coin that nobody lists, with all handshakes: {cold(secret_world):.1f} ms of CPU"
        yield ""
        yield from each_command.table(world, 2 if is_quick else each_command.N, against)
    if not is_quick:
        yield from parts_of_their_own()


def commit_of(tree: Path) -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    told = subprocess.run(asked, cwd=tree, check=False, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--against", type=Path)
    said = words.parse_args()
    lines = []
    for line in table(is_quick=said.quick, against=said.against and said.against.resolve()):
        print(line, flush=True)
        lines.append(line)
    if said.quick:
        return
    head = "# Results\n\nWritten by `python bench/run.py`; what is measured and how stands in bench/.\n\n"
    (ROOT / "bench" / "RESULTS.md").write_text(head + "```\n" + "\n".join(lines) + "\n```\n")


if __name__ == "__main__":
    main()
