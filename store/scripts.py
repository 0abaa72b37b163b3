"""What each method of a store does, as a script: it yields statements, is given their rows, and returns the outcome.

An engine runs a script in one transaction: what it raises undoes all of it. So the rules stand here once, without I/O,
and an engine is only: open, run, close. `Each` is one statement for many parameters, whose rows nobody needs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from store import sql
from store.words import (
    DONE,
    DROPPED,
    SENT,
    Alert,
    Chat,
    Claim,
    Counts,
    Judged,
    LimitReached,
    Limits,
    Message,
    NewerSchema,
    NotThere,
    Overtaken,
    Quarter,
    new_id,
)

T = TypeVar("T")
Row = Sequence[Any]


class One(NamedTuple):
    """A statement and its parameters; its rows come back."""

    statement: str
    parameters: tuple[object, ...] = ()


class Each(NamedTuple):
    """A statement and the parameters of each time; no rows come back."""

    statement: str
    parameters: Sequence[tuple[object, ...]]


Script = Generator[One | Each, Sequence[Row], T]


class Engine(Protocol):
    """A database that runs scripts."""

    async def run(self, script: Script[T]) -> T:
        """The script's outcome, stored wholly; or its error, and nothing is stored. Raises StoreError."""
        ...

    async def close(self) -> None: ...


def migrate(*, is_there: bool = False) -> Script[int]:
    """Brings the tables to the newest schema; its number. Done twice, it is the same. Raises NewerSchema; and NotThere
    where is_there and no tables are."""
    yield One(sql.LOCK)
    yield One(sql.CREATE_SCHEMA)
    known = len(sql.MIGRATIONS)
    found = (yield One(sql.SCHEMA_VERSION))[0][0] or 0
    if found > known:
        raise NewerSchema(found, known)
    if is_there and not found:
        raise NotThere("it has none of our tables")
    for number, statements in enumerate(sql.MIGRATIONS[found:], found + 1):
        for statement in statements:
            yield One(statement)
        yield One(sql.ADD_VERSION, (number,))
    return known


class SqlStore:
    """A Store (see words.py) over an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def close(self) -> None:
        await self.engine.close()

    async def migrate(self, *, is_there: bool = False) -> int:
        return await self.engine.run(migrate(is_there=is_there))

    # Alerts.

    async def add_alert(self, alert: Alert, limits: Limits) -> tuple[Alert, bool]:
        return await self.engine.run(_add_alert(alert, limits))

    async def alert(self, alert_id: str) -> Alert | None:
        return next(iter(await self._alerts(sql.ALERT_OF_ID, alert_id)), None)

    async def alerts_of_chat(self, chat_id: int) -> list[Alert]:
        return await self._alerts(sql.ALERTS_OF_CHAT, chat_id)

    async def change_alert(self, alert: Alert, limits: Limits) -> bool:
        return await self.engine.run(_change_alert(alert, limits))

    async def delete_alert(self, alert_id: str) -> bool:
        return bool(await self._rows(sql.DELETE_ALERT, alert_id))

    # The tick.

    async def claim_tick(self, name: str, period_ms: int, now_ms: int | None = None) -> Claim | None:
        return await self.engine.run(_claim_tick(name, period_ms, now_ms))

    async def needs(self) -> list[str]:
        return [need for (need,) in await self._rows(sql.NEEDS)]

    async def armed_alerts(self, after: tuple[str, str], limit: int) -> list[Alert]:
        return await self._alerts(sql.ARMED_ALERTS, *after, limit)

    async def store_tick(self, claim: Claim, seen: str, judged: Sequence[Judged], now_ms: int) -> int:
        return await self.engine.run(_store_tick(claim, seen, judged, now_ms))

    async def add_message(self, message: Message) -> bool:
        return await self.engine.run(_add_message(message))

    # The outbox.

    async def claim_chats(self, owner: str, lease_ms: int, limit: int, now_ms: int | None = None) -> list[Chat]:
        return [Chat(*row) for row in await self._rows(sql.CLAIM_CHATS, owner, lease_ms, limit, now_ms)]

    async def renew_chat(self, chat_id: int, owner: str, lease_ms: int, now_ms: int | None = None) -> bool:
        return bool(await self._rows(sql.RENEW_CHAT, chat_id, owner, lease_ms, now_ms))

    async def release_chat(self, chat_id: int, owner: str, burst: str, not_before_ms: int) -> None:
        await self._rows(sql.RELEASE_CHAT, chat_id, owner, burst, not_before_ms)

    async def due_messages(self, chat_id: int, limit: int, now_ms: int | None = None) -> list[Message]:
        return [Message(*row) for row in await self._rows(sql.DUE_MESSAGES, chat_id, limit, now_ms)]

    async def mark_sent(self, messages: Sequence[Message], message_id: int | None, burst: str, now_ms: int) -> None:
        await self.engine.run(_mark_sent(messages, message_id, burst, now_ms))

    async def mark_late(self, messages: Sequence[Message], due_ms: int) -> None:
        await self.engine.run(_each(sql.MARK_LATE, [(each.alert_id, each.number, due_ms) for each in messages]))

    async def mark_resting(self, messages: Sequence[Message], due_ms: int) -> None:
        await self.engine.run(_each(sql.MARK_RESTING, [(each.alert_id, each.number, due_ms) for each in messages]))

    async def mark_dropped(self, messages: Sequence[Message], reason: str, now_ms: int, *, is_told: bool) -> None:
        await self.engine.run(_mark_dropped(messages, reason, now_ms, is_told))

    async def clear_dropped(self, chat_id: int) -> None:
        await self._rows(sql.CLEAR_DROPPED, chat_id)

    async def block_chat(self, chat_id: int, now_ms: int) -> None:
        await self._rows(sql.BLOCK_CHAT, chat_id, now_ms)

    async def unblock_chat(self, chat_id: int) -> bool:
        return await self.engine.run(_unblock_chat(chat_id))

    async def blocked_chats(self, most: int) -> list[int]:
        return _column(await self._rows(sql.BLOCKED_CHATS, most))

    async def move_chat(self, old_id: int, new_id: int) -> None:
        await self.engine.run(_move_chat(old_id, new_id))

    # Chats.

    async def chat(self, chat_id: int) -> Chat:
        return next((Chat(*row) for row in await self._rows(sql.CHAT_OF_ID, chat_id)), Chat(chat_id))

    async def change_settings(self, chat_id: int, settings: str) -> None:
        await self.engine.run(_in_chat(chat_id, One(sql.CHANGE_SETTINGS, (chat_id, settings))))

    async def chats_with_settings(self) -> list[Chat]:
        return [Chat(*row) for row in await self._rows(sql.CHATS_WITH_SETTINGS)]

    async def chats_that_wish(self, most: int) -> list[int]:
        return _column(await self._rows(sql.CHATS_THAT_WISH, most))

    async def watch(self, chat_id: int, symbols: Sequence[str], most: int, now_ms: int) -> list[str]:
        added = [One(sql.WATCH, (chat_id, symbol, now_ms + i, most)) for i, symbol in enumerate(symbols)]
        return _column(await self.engine.run(_in_chat(chat_id, *added, One(sql.WATCHED, (chat_id,)))))

    async def unwatch(self, chat_id: int, symbols: Sequence[str]) -> list[str]:
        removed = [One(sql.UNWATCH, (chat_id, symbol)) for symbol in symbols]
        return _column(await self.engine.run(_in_chat(chat_id, *removed, One(sql.WATCHED, (chat_id,)))))

    async def watched(self, chat_id: int) -> list[str]:
        return _column(await self._rows(sql.WATCHED, chat_id))

    async def most_watched(self, limit: int) -> list[str]:
        return _column(await self._rows(sql.MOST_WATCHED, limit))

    # Liquidations.

    async def keep_quarters(self, quarters: Sequence[Quarter]) -> None:
        await self.engine.run(_each(sql.KEEP_QUARTER, quarters))

    async def quarters(self, base: str, since_ms: int) -> list[Quarter]:
        return [Quarter(*row) for row in await self._rows(sql.QUARTERS, base, since_ms)]

    # The whole.

    async def counts(self) -> Counts:
        return Counts(*(await self._rows(sql.COUNTS))[0])

    async def prune(self, now_ms: int) -> int:
        return await self.engine.run(_prune(now_ms))

    async def _rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        return await self.engine.run(_only(One(statement, parameters)))

    async def _alerts(self, statement: str, *parameters: object) -> list[Alert]:
        return [Alert(*row) for row in await self._rows(statement, *parameters)]


def _column(rows: Sequence[Row]) -> list[Any]:
    return [row[0] for row in rows]


def _only(one: One) -> Script[Sequence[Row]]:
    return (yield one)


def _each(statement: str, rows: Sequence[tuple[object, ...]]) -> Script[None]:
    if rows:
        yield Each(statement, [tuple(row) for row in rows])


def _in_chat(chat_id: int, *steps: One) -> Script[Sequence[Row]]:
    """The rows of the last step; the chat is known by then."""
    rows: Sequence[Row] = yield One(sql.ADD_CHAT, (chat_id,))
    for step in steps:
        rows = yield step
    return rows


def _add_alert(alert: Alert, limits: Limits) -> Script[tuple[Alert, bool]]:
    """One at a time, so that two machines cannot both take the last place."""
    yield One(sql.LOCK)
    if alert.update_id is not None:
        for row in (yield One(sql.ALERT_OF_UPDATE, (alert.chat_id, alert.update_id))):
            return Alert(*row), False
    yield from _check_limits(alert, limits)
    while (yield One(sql.ALERT_OF_ID, (alert.id,))):
        alert = alert._replace(id=new_id())
    yield One(sql.ADD_CHAT, (alert.chat_id,))
    yield from _unblock_chat(alert.chat_id)
    yield One(sql.ADD_ALERT, tuple(alert))
    return alert, True


def _check_limits(alert: Alert, limits: Limits) -> Script[None]:
    """Whether there is room for one more. Raises LimitReached."""
    ((n_all, n_chat, n_user),) = yield One(sql.HOW_MANY, (alert.chat_id, alert.user_id))
    for whose, n, most in zip(Limits._fields, (n_user, n_chat, n_all), limits, strict=True):
        if n >= most:
            raise LimitReached(whose, most)


def _change_alert(alert: Alert, limits: Limits) -> Script[bool]:
    """One that had ended takes a place again, like a new one."""
    found = yield One(sql.STATUS_OF_ALERT, (alert.id, alert.version))
    if alert.status != DONE and [row[0] for row in found] == [DONE]:
        yield One(sql.LOCK)
        yield from _check_limits(alert, limits)
    changed = (alert.status, alert.need, alert.rule, alert.state, alert.until_ms)
    return bool((yield One(sql.CHANGE_ALERT, (alert.id, alert.version, *changed))))


def _claim_tick(name: str, period_ms: int, now_ms: int | None) -> Script[Claim | None]:
    for row in (yield One(sql.CLAIM_TICK, (name, period_ms, now_ms))):
        found = (yield One(sql.SCHEMA_VERSION))[0][0]
        if found > len(sql.MIGRATIONS):
            raise NewerSchema(found, len(sql.MIGRATIONS))
        return Claim(*row)
    return None


def _store_tick(claim: Claim, seen: str, judged: Sequence[Judged], now_ms: int) -> Script[int]:
    if not (yield One(sql.FENCE, (claim.name, claim.at_ms, seen, now_ms))):
        raise Overtaken(claim.at_ms)
    if judged:
        yield Each(sql.STORE_JUDGED, [_judged(each) for each in judged])
    firings = list(chain.from_iterable(_firings(each, now_ms) for each in judged))
    if not firings:
        return 0
    yield Each(sql.ADD_FIRING, firings)
    return int((yield One(sql.COUNT_MADE, (now_ms,)))[0][0])


def _judged(each: Judged) -> tuple[object, ...]:
    alert = each.alert
    return alert.id, alert.version, each.status, each.state, alert.n_fired + len(each.facts)


def _firings(each: Judged, now_ms: int) -> list[tuple[object, ...]]:
    alert, n_fired = each.alert, each.alert.n_fired + len(each.facts)
    numbered = enumerate(each.facts, alert.n_fired + 1)
    return [(alert.id, alert.version + 1, number, facts, now_ms, n_fired) for number, facts in numbered]


def _add_message(message: Message) -> Script[bool]:
    yield One(sql.ADD_CHAT, (message.chat_id,))
    return bool((yield One(sql.ADD_MESSAGE, tuple(message))))


def _mark_sent(messages: Sequence[Message], message_id: int | None, burst: str, now_ms: int) -> Script[None]:
    yield Each(sql.MARK_DONE, [(each.alert_id, each.number, SENT, message_id, "", now_ms) for each in messages])
    for chat_id in {each.chat_id for each in messages}:
        yield One(sql.STORE_BURST, (chat_id, burst))


def _mark_dropped(messages: Sequence[Message], reason: str, now_ms: int, is_told: bool) -> Script[None]:
    yield Each(sql.MARK_DONE, [(each.alert_id, each.number, DROPPED, None, reason, now_ms) for each in messages])
    if is_told and messages:
        yield One(sql.ADD_DROPPED, (messages[0].chat_id, len(messages)))


def _unblock_chat(chat_id: int) -> Script[bool]:
    was_blocked = bool((yield One(sql.UNBLOCK_CHAT, (chat_id,))))
    if was_blocked:
        yield One(sql.RESET_STATES, (chat_id,))
    return was_blocked


def _move_chat(old_id: int, new_id: int) -> Script[None]:
    if old_id == new_id or not (yield One(sql.CHAT_OF_ID, (old_id,))):  # of which nothing is remembered
        return
    yield One(sql.ADD_CHAT, (new_id,))
    for statement in sql.MOVE_CHAT:
        yield One(statement, (old_id, new_id))
    yield One(sql.DELETE_CHAT, (old_id,))


def _prune(now_ms: int) -> Script[int]:
    n_rows = 0
    for statement in sql.PRUNE:
        n_rows += len((yield One(statement, (now_ms,))))
    return n_rows
