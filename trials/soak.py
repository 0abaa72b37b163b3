"""`python trials/soak.py`: a long day in a small memory group.

The real server lives in a memory group of 64 MB without swap, the offline world outside of it. First 3,660 commands at
40 connections: 2,000 /price, 200 each of the other market commands, 20 /top10 spot and 20 /volscan; none may fail. Then
the same mix up to 20,000 commands, with the resident memory after 1,000, 5,000, 10,000 and 20,000. At last the first
part again in smaller groups, to find the smallest that holds. Where groups cannot be made, the server runs without one.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import group
import load
from house import Process, World, free_port

GROUP_MB = 64
SMALLER_MB = (56, 48, 44, 40, 36)
N_CONNECTIONS = 40
N_ALL = 20_000
MARKS = (1_000, 5_000, 10_000, N_ALL)
BASES = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "PEPE", "LINK", "BNB", "SHIB")
OTHERS = (
    *("/volume {}", "/cvd {}", "/ls {}", "/analysis {}", "/profile {}", "/oi {}", "/funding {}", "/funding top"),
    "/top10",
)


class Soaked(NamedTuple):
    """rss_mib: by number of commands so far. failures: what was no answer."""

    rss_mib: dict[int, float]
    peak_mib: float
    failures: list[str]
    took_s: float


def mix(rng: random.Random) -> list[str]:
    """The first part's commands, shuffled."""
    commands = ["/price {}"] * 2000 + [each for each in OTHERS for _ in range(200 if each != "/funding top" else 0)]
    commands += ["/funding top"] * 20 + ["/top10 spot"] * 20 + ["/volscan"] * 20
    rng.shuffle(commands)
    return [each.format(rng.choice(BASES)) for each in commands]


async def asked(port: int, secret: str, commands: list[str]) -> list[str]:
    """Sends the commands over N_CONNECTIONS; what failed, in a few words each."""
    failures: list[str] = []
    left = iter(commands)

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for command in left:
            writer.write(load.request(load.update(command), secret))
            status, body = await load.read_answer(reader)
            if status != 200 or b'"sendMessage"' not in body or b"<pre>" not in body:
                failures.append(f"{command}: {status} {body[:400]!r}")
        writer.close()

    results = await asyncio.gather(*(one_connection() for _ in range(N_CONNECTIONS)), return_exceptions=True)
    failures += [f"a connection ended: {each!r}" for each in results if isinstance(each, BaseException)]
    return failures


def soak(world: World, server: Process, port: int, commands: list[str], marks: tuple[int, ...]) -> Soaked:
    began, so_far = time.monotonic(), 0
    rss: dict[int, float] = {}
    failures: list[str] = []
    for mark in marks:
        failures += asyncio.run(asked(port, world.secret, commands[so_far:mark]))
        so_far = mark
        if server.process.poll() is not None:
            return Soaked(rss, 0.0, [*failures, "the server is gone"], time.monotonic() - began)
        rss[mark] = server.memory_mib("VmRSS")
    return Soaked(rss, server.memory_mib("VmHWM"), failures, time.monotonic() - began)


def in_group(world: World, megabytes: int | None, commands: list[str], marks: tuple[int, ...]) -> Soaked:
    """A new server in a group of that size, or in none."""
    memory = group.Group(megabytes) if megabytes is not None else None
    port = free_port()
    try:
        server = world.server(port, memory.prefix if memory is not None else None, CACHE_SECONDS="2")
    except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
        if memory is not None:
            memory.close()
        return Soaked({}, 0.0, [f"the server did not start: {error!r}"], 0.0)
    try:
        return soak(world, server, port, commands, marks)
    finally:
        server.stop()
        if memory is not None:
            memory.close()


def main() -> int:
    rng = random.Random(7)
    first = mix(rng)
    commands = [command for _ in range(N_ALL // len(first) + 1) for command in mix(rng)]
    commands = [*first, *commands][:N_ALL]
    has_groups = group.are_writable()
    if not has_groups:
        print("memory groups cannot be made here: the server runs without one")
    with World() as world:
        small = in_group(world, GROUP_MB if has_groups else None, first, (len(first),))
        print(f"{len(first)} commands in {GROUP_MB} MB: {len(small.failures)} failures,", end=" ")
        print(f"peak RSS {small.peak_mib:.1f} MiB, {small.took_s:.0f} s", flush=True)
        whole = in_group(world, GROUP_MB if has_groups else None, commands, MARKS)
        for mark, mib in whole.rss_mib.items():
            print(f"RSS after {mark:6} commands  {mib:6.2f} MiB")
        if len(whole.rss_mib) == len(MARKS):
            growth = whole.rss_mib[MARKS[3]] - whole.rss_mib[MARKS[1]]
            print(f"growth from the {MARKS[1]}th to the {MARKS[3]}th: {growth:.2f} MiB")
        print(f"peak RSS {whole.peak_mib:.1f} MiB, {len(whole.failures)} failures, {whole.took_s:.0f} s", flush=True)
        for megabytes in SMALLER_MB if has_groups else ():
            found = in_group(world, megabytes, first, (len(first),))
            print(f"{megabytes} MB: {len(found.failures)} failures, peak RSS {found.peak_mib:.1f} MiB", flush=True)
        for line in [*small.failures, *whole.failures][:10]:
            print(line)
    return 1 if small.failures or whole.failures else 0


if __name__ == "__main__":
    sys.exit(main())
