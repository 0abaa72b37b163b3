"""PostgreSQL: where several machines share what is remembered, or none has a disk. Needs requirements-postgres.txt.

One connection a process. Every script is a transaction, also those of one statement: behind a transaction pooler
(PgBouncer, Supabase's 6543, Neon's -pooler) two round trips may else meet two servers. For the same reason nothing is
kept in a session: no cached statements, no LISTEN, no session lock; the one lock there is ends with its transaction.
When the database has gone, the connection is made anew at the next script, which fails with one sentence when that
takes longer than CONNECT_S.
Memory: 3.9 MiB connected, 5 with TLS (measured with asyncpg 0.32).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from store.scripts import Each, One, Row, Script, SqlStore
from store.sql import POSTGRES
from store.words import CannotWrite, Damaged, Refused, StoreError, Unreachable

log = logging.getLogger("bot")
T = TypeVar("T")

CONNECT_S = 5.0
SCRIPT_S = 8.0  # a transaction that takes longer is given up
WAITERS = 64  # scripts that wait for the connection; what is beyond is refused at once

GONE = (OSError, EOFError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
FULL = (asyncpg.DiskFullError, asyncpg.ReadOnlySQLTransactionError, asyncpg.OutOfMemoryError)
REFUSED = (  # user, password, name of the database, a parameter of the address, what the user may do
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidParameterValueError,
    asyncpg.ProtocolViolationError,
    asyncpg.InsufficientPrivilegeError,
)
DAMAGED = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)
WORDED = (asyncpg.PostgresError, asyncpg.ClientConfigurationError)
LIBPQS = re.compile(
    r"channel_binding|connect_timeout|fallback_application_name|gssdelegation|gssencmode|keepalives(_[a-z]+)?"
    r"|load_balance_hosts|(max|min)_protocol_version|requiressl|sslcertmode|sslcompression|sslsni|tcp_user_timeout"
)
"""Parameters of an address that are libpq's own (PostgreSQL's manual, 32.1.2), as providers write them there. asyncpg
takes what it does not know for a setting of the server, which then refuses it: so it does those that are left, by which
somebody wishes to be safer than asyncpg can be (require_auth, requirepeer)."""
UNREADABLE = "DATABASE_URL should be like postgresql://user:password@host:5432/name."
MAX_WORDS = 300  # characters of what a server says


async def open_postgres(url: str, *, is_there: bool = False) -> SqlStore:
    """The store behind postgresql://…; the tables are made if need be, unless is_there. Raises Unreachable, Refused,
    NewerSchema."""
    store = SqlStore(Postgres(for_asyncpg(url)))
    try:
        await store.migrate(is_there=is_there)
    except BaseException:
        await store.close()
        raise
    return store


@cache
def for_asyncpg(url: str) -> str:
    """The address without libpq's own parameters; said once which."""
    address, mark, query = url.partition("?")
    fields = query.split("&")
    left_out = [each for each in fields if LIBPQS.fullmatch(each.partition("=")[0])]
    if left_out:
        names = ", ".join(each.partition("=")[0] for each in left_out)
        log.info("of DATABASE_URL only libpq knows, and it is left out: %s", names)
    rest = "&".join(each for each in fields if each not in left_out)
    return f"{address}{mark}{rest}" if rest else address


def password_in(url: str) -> str:
    """As the server hears it; "" where the address has none."""
    address = urlsplit(url)
    return unquote(address.password or "") or dict(parse_qsl(address.query)).get("password", "")


class Postgres:
    """Runs scripts, one after the other."""

    def __init__(self, url: str) -> None:
        self._url, self._password = url, password_in(url)
        self._turn = asyncio.Lock()
        self._n_waiting = 0
        self._connection: asyncpg.Connection[Any] | None = None

    async def run(self, script: Script[T]) -> T:
        if self._n_waiting >= WAITERS:
            raise Unreachable(f"{WAITERS} are waiting for the database")
        self._n_waiting += 1
        try:
            async with self._turn:
                return await self._translated(script)
        finally:
            self._n_waiting -= 1

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=1.0)
            except GONE:
                connection.terminate()

    async def _translated(self, script: Script[T]) -> T:
        """Runs it, and says foreign errors in our words."""
        try:
            async with asyncio.timeout(SCRIPT_S):
                connection, transaction = await self._begin()
                return await _play(script, connection, transaction)
        except StoreError:
            raise
        except FULL as error:
            raise CannotWrite(self._told(error)) from None
        except DAMAGED as error:
            raise Damaged(self._told(error)) from None
        except REFUSED as error:
            self._drop()
            raise Refused(self._told(error)) from None
        except GONE as error:
            self._drop()
            raise Unreachable(self._told(error)) from None
        except asyncpg.PostgresError as error:
            raise Unreachable(self._told(error)) from None
        except BaseException:  # given up in the middle, by a deadline or a stop: what state it is in, nobody knows
            self._drop()
            raise

    def _told(self, error: BaseException) -> str:
        """What went wrong, in the server's words, or in those that asyncpg has for an address; others may repeat it."""
        told = f"PostgreSQL: {type(error).__name__}"
        if not isinstance(error, WORDED):
            return told
        words = " ".join(str(error).split())[:MAX_WORDS]
        return f"{told}: {words.replace(self._password, '[secret]') if self._password else words}"

    async def _begin(self) -> tuple[asyncpg.Connection[Any], Any]:
        """The connection, and a transaction that has begun. One that was closed while it lay idle is made anew."""
        if self._connection is not None:
            try:
                return await self._began(self._connection)
            except (*GONE, asyncpg.PostgresError):
                self._drop()
        try:
            self._connection = await asyncpg.connect(self._url, statement_cache_size=0, timeout=CONNECT_S)
        except asyncpg.ClientConfigurationError as error:
            raise Refused(self._told(error)) from None
        except (ValueError, OverflowError) as error:
            raise StoreError(self._told(error), UNREADABLE) from None
        return await self._began(self._connection)

    async def _began(self, connection: asyncpg.Connection[Any]) -> tuple[asyncpg.Connection[Any], Any]:
        transaction = connection.transaction()
        await transaction.start()
        return connection, transaction

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None


async def _play(script: Script[T], connection: asyncpg.Connection[Any], transaction: Any) -> T:
    rows: Sequence[Row] = ()
    try:
        step = next(script)
        while True:
            if isinstance(step, One):
                rows = await connection.fetch(_spelled(step.statement), *step.parameters)
            else:
                assert isinstance(step, Each)
                await connection.executemany(_spelled(step.statement), step.parameters)
                rows = ()
            step = script.send(rows)
    except StopIteration as done:
        await transaction.commit()
        outcome: T = done.value
        return outcome
    except Exception:
        if not connection.is_closed():
            await transaction.rollback()
        raise


_spelled: Callable[[str], str] = cache(POSTGRES.spell)
