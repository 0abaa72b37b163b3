"""Memory groups without swap, where this machine's may be made: the smallest in which the server holds out."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import load
from house import World, free_port

GROUPS = Path("/sys/fs/cgroup/memory")
SIZES_MB = (64, 56, 48, 44, 40, 36)
COMMANDS = ("/price BTC", "/analysis ETH", "/oi BTC", "/top10 spot", "/volscan", "/profile BTC 30d", "/price SOL")
N = 280


class Group:
    """A memory group of so many MB. `prefix` starts a command inside it."""

    def __init__(self, megabytes: int) -> None:
        self._path = GROUPS / f"market-bot-bench-{os.getpid()}"
        self._path.mkdir()
        limit = str(megabytes * 1024 * 1024)
        (self._path / "memory.limit_in_bytes").write_text(limit)
        with suppress(OSError):  # absent where swap is not accounted
            (self._path / "memory.memsw.limit_in_bytes").write_text(limit)

    @property
    def prefix(self) -> list[str]:
        return ["sh", "-c", f'echo $$ > {self._path}/cgroup.procs && exec "$@"', "sh"]

    def close(self) -> None:
        self._path.rmdir()


def are_writable() -> bool:
    return GROUPS.is_dir() and os.access(GROUPS, os.W_OK)


def holds(world: World, megabytes: int) -> bool:
    """Whether the server answers N commands of the mix at 40 connections in a group of that size."""
    group = Group(megabytes)
    port = free_port()
    try:
        server = world.server(port, group.prefix, CACHE_SECONDS="2")
        try:
            asyncio.run(
                load.run(port, world.secret, lambda number: COMMANDS[number % len(COMMANDS)], N, 40, any_text=True)
            )
            return server.process.poll() is None
        finally:
            server.stop()
    except (OSError, RuntimeError, asyncio.IncompleteReadError):
        return False
    finally:
        group.close()


def smallest(world: World) -> str:
    """The smallest of SIZES_MB that holds."""
    if not are_writable():
        return "n/a: memory groups cannot be made here"
    passed = [size for size in SIZES_MB if holds(world, size)]
    return f"{min(passed):4} MB" if passed else f"none of {SIZES_MB} MB"
