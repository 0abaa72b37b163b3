"""Which engine a DATABASE_URL means; and everything of one store into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from store import sql
from store.scripts import Each, One, Row, Script, SqlStore
from store.words import StoreError


async def open_store(url: str, *, is_there: bool = False) -> SqlStore:
    """postgresql://… (asyncpg is imported only then), sqlite:///path, or a path. Raises StoreError.

    is_there: it was made earlier; where it was not, NotThere is raised, and nothing is made.
    """
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from store.postgres import open_postgres
        except ImportError as error:
            raise StoreError(
                f"asyncpg is missing ({error})",
                "PostgreSQL is not spoken here yet: pip install -r requirements-postgres.txt.",
            ) from error
        return await open_postgres(url, is_there=is_there)
    if "://" in url and not url.startswith("sqlite:///"):
        raise StoreError(
            f"{url.partition(':')[0]} is no engine", "DATABASE_URL should begin with postgresql:// or sqlite:///."
        )
    from store.sqlite import open_sqlite

    return await open_sqlite(url.removeprefix("sqlite:///"), is_there=is_there)


async def copy(source: SqlStore, target: SqlStore) -> dict[str, int]:
    """Everything of one store into another, in one transaction each; how many rows by table.

    The target must be empty, so that nothing is mixed: raises StoreError otherwise.
    """
    rows = await source.engine.run(_read_all())
    await target.engine.run(_write_all(rows))
    return {table: len(of_table) for table, of_table in rows.items()}


def _read_all() -> Script[dict[str, Sequence[Row]]]:
    found = {}
    for table in sql.TABLES:
        found[table] = yield One(f"SELECT * FROM {table}")  # noqa: S608, one of our own names
    return found


def _write_all(rows: Mapping[str, Sequence[Row]]) -> Script[None]:
    yield One(sql.LOCK)
    for table, columns in sql.TABLES.items():
        if (yield One(f"SELECT 1 FROM {table} LIMIT 1")):  # noqa: S608
            raise StoreError(f"{table} has rows", "The database to copy to is not empty, so nothing was copied.")
        places = ", ".join(f"${i + 1}" for i in range(columns))
        yield Each(f"INSERT INTO {table} VALUES ({places})", [tuple(row) for row in rows[table]])  # noqa: S608
