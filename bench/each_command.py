"""`python bench/each_command.py [--against DIRECTORY] [COMMAND …]`: what each command costs, on the real server.

Nothing is measured before a server has settled: its first tick, a second after the start, loads what watches need.
First: of a process that has answered /price, and this command never: what it takes to load the command's own file is in
it, as bot.COMMANDS names files that are imported when they are first asked; also for what it opens connections.
Cold: the file is loaded, and no answer is kept (CACHE_SECONDS=0), so that exchanges are asked for all that is needed;
what is kept for an hour whatever the setting (names, periods) is there. Warm: the same question again while answers are
kept. All three are CPU of the server's process. Of cold and warm the smallest of TURNS means of n answers is told; two
checkouts are measured in turns, both servers open. Seconds are with 80 ms to every exchange. Requests: to exchanges,
for the first answer of all in a process that keeps answers, as in use. Bytes: of the answer's body. MiB: how far the
peak RSS rises above what /price needs, on a server of its own for each command.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import load
from house import ROOT, World, free_port, median

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
TURNS = 5
SETTLED_S = 1.5  # after a server's start
LATENCY_MS = 80


class Cost(NamedTuple):
    """Milliseconds of CPU of the first answer, cold and warm; ms to the answer, median and 95th percentile."""

    first_ms: float
    cold_ms: float
    warm_ms: float
    p50_ms: float
    p95_ms: float
    n_requests: int
    n_bytes: int
    growth_mib: float


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


class Server:
    """A checkout's server."""

    def __init__(self, world: World, tree: Path, cache_s: int, first: str = "/price BTC") -> None:
        self._world, self._port = world, free_port()
        self._process = world.server(self._port, tree=tree, first=first, CACHE_SECONDS=str(cache_s))
        self._settled_at = time.perf_counter() + SETTLED_S

    def ask(self, command: str, n: int = 1) -> tuple[list[float], int]:
        return asyncio.run(asked(self._port, self._world.secret, command, n))

    def settle(self) -> None:
        time.sleep(max(0.0, self._settled_at - time.perf_counter()))

    def n_requests(self, command: str) -> int:
        """To exchanges, for an answer."""
        before = self._world.n_requests()
        self.ask(command)
        return self._world.n_requests() - before

    def cpu_ms(self, command: str, n: int) -> float:
        """Of one answer, the mean of n."""
        before = self._process.cpu_s()
        self.ask(command, n)
        return (self._process.cpu_s() - before) / n * 1000

    def peak_mib(self) -> float:
        return self._process.memory_mib("VmHWM")

    def stop(self) -> None:
        self._process.stop()


def measured(world: World, trees: Sequence[Path], command: str, n: int) -> list[Cost]:
    """One command's costs in each checkout, on servers of its own, in turns."""
    keeping = [Server(world, tree, 60) for tree in trees]
    asking = [Server(world, tree, 0) for tree in trees]
    for each in (*keeping, *asking):
        each.settle()
    growths = []
    for each in keeping:
        each.ask("/price BTC", 30)
        peak_mib = each.peak_mib()
        each.ask(command)
        growths.append(each.peak_mib() - peak_mib)
    firsts = [each.cpu_ms(command, 1) for each in asking]
    n_bytes = [each.ask(command)[1] for each in asking]
    turns = [
        [(cold.cpu_ms(command, n), warm.cpu_ms(command, n)) for cold, warm in zip(asking, keeping, strict=True)]
        for _ in range(TURNS)
    ]
    world.set_latency(LATENCY_MS)
    seconds = [sorted(each.ask(command, n)[0]) for each in asking]
    world.set_latency(0)
    for each in (*keeping, *asking):
        each.stop()
    return [
        Cost(
            firsts[i],
            min(turn[i][0] for turn in turns),
            min(turn[i][1] for turn in turns),
            median(seconds[i]) * 1000,
            seconds[i][n * 95 // 100] * 1000,
            n_requests(world, trees[i], command),
            n_bytes[i],
            growths[i],
        )
        for i in range(len(trees))
    ]


def n_requests(world: World, tree: Path, command: str) -> int:
    """To exchanges, for the first answer of all in a process that keeps answers."""
    server = Server(world, tree, 60, first="/help")
    try:
        return server.n_requests(command)
    finally:
        server.stop()


def known(tree: Path) -> set[str]:
    """The commands that a checkout has."""
    told = subprocess.run(
        [sys.executable, "-c", "import bot; print(*bot.COMMANDS)"], cwd=tree, check=True, capture_output=True, text=True
    )
    return set(told.stdout.split())


def table(world: World, n: int = N, against: Path | None = None, commands: Sequence[str] = COMMANDS) -> Iterator[str]:
    """A line of each command, and with `against` the same of another checkout, measured in turns with it."""
    head = "command           CPU ms first   cold   warm   p50 ms   p95 ms  requests   bytes   MiB above /price"
    yield head if against is None else f"{head}   before: first   cold   warm   p50 ms  requests   bytes"
    theirs = known(against) if against is not None else set()
    for command in commands:
        trees = [ROOT, against] if against is not None and command.split()[0][1:] in theirs else [ROOT]
        cost, *others = measured(world, trees, command, n)
        line = (
            f"{command:17} {cost.first_ms:12.1f} {cost.cold_ms:6.1f} {cost.warm_ms:6.2f} {cost.p50_ms:8.0f}"
            f" {cost.p95_ms:8.0f} {cost.n_requests:9} {cost.n_bytes:7} {cost.growth_mib:18.1f}"
        )
        for before in others:
            line += (
                f" {before.first_ms:15.1f} {before.cold_ms:6.1f} {before.warm_ms:6.2f} {before.p50_ms:8.0f}"
                f" {before.n_requests:9} {before.n_bytes:7}"
            )
        yield line


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--against", type=Path)
    words.add_argument("commands", nargs="*", default=COMMANDS)
    said = words.parse_args()
    with World() as the_world:
        for each in table(the_world, against=said.against and said.against.resolve(), commands=said.commands):
            print(each, flush=True)


if __name__ == "__main__":
    main()
