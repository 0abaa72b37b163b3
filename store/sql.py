"""Every statement that is ever sent to a database, in the dialect that SQLite and PostgreSQL both understand.

$1, $2, … are the parameters in order (SQLite gets them as ?1, ?2, …). In braces stands what the engines say
differently, see Dialect. Moments are BIGINT milliseconds, truth is 0 or 1, records without a form of their own are TEXT
with JSON in it, and no id is made by the database: so any row can be copied from one engine to the other as it is.

Both need ON CONFLICT … DO UPDATE … WHERE … RETURNING: SQLite 3.35 (2021), PostgreSQL 9.5.
"""

from typing import NamedTuple


class Dialect(NamedTuple):
    """now_ms: the database's clock. skip_locked: passes over rows that another transaction holds. lock: makes whoever
    else asks for the same thing wait until this transaction ends; SQLite has one writer at a time anyway."""

    now_ms: str
    skip_locked: str
    lock: str

    def spell(self, statement: str) -> str:
        return statement.format(**self._asdict())


SQLITE = Dialect("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", "", "SELECT 1")
POSTGRES = Dialect(
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    "FOR UPDATE OF bot_chat SKIP LOCKED",
    "SELECT pg_advisory_xact_lock(7204117)",  # of the transaction, so a transaction pooler may stand between
)

# Migrations: forward only, each in one transaction with the line that says it is done. A released one never changes.

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE bot_alert (
            id TEXT PRIMARY KEY, chat_id BIGINT NOT NULL, thread_id BIGINT, user_id BIGINT NOT NULL, update_id BIGINT,
            status TEXT NOT NULL, need TEXT NOT NULL, rule TEXT NOT NULL, state TEXT NOT NULL, n_fired BIGINT NOT NULL,
            made_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL, version BIGINT NOT NULL)""",
        "CREATE UNIQUE INDEX bot_alert_update ON bot_alert (chat_id, update_id)",
        "CREATE INDEX bot_alert_need ON bot_alert (need, id) WHERE status = 'armed'",
        "CREATE INDEX bot_alert_user ON bot_alert (user_id)",
        """CREATE TABLE bot_chat (
            id BIGINT PRIMARY KEY, settings TEXT NOT NULL, burst TEXT NOT NULL, blocked_ms BIGINT,
            n_dropped BIGINT NOT NULL, not_before_ms BIGINT NOT NULL, lease_until_ms BIGINT NOT NULL,
            lease_by TEXT NOT NULL)""",
        """CREATE TABLE bot_outbox (
            alert_id TEXT NOT NULL, number BIGINT NOT NULL, chat_id BIGINT NOT NULL, thread_id BIGINT,
            facts TEXT NOT NULL, made_ms BIGINT NOT NULL, due_ms BIGINT NOT NULL, n_tries BIGINT NOT NULL,
            outcome TEXT NOT NULL, done_ms BIGINT, message_id BIGINT, reason TEXT NOT NULL,
            PRIMARY KEY (alert_id, number))""",
        "CREATE INDEX bot_outbox_waiting ON bot_outbox (chat_id, due_ms) WHERE outcome = 'waiting'",
        """CREATE TABLE bot_tick (
            name TEXT PRIMARY KEY, at_ms BIGINT NOT NULL, seen TEXT NOT NULL, seen_ms BIGINT NOT NULL)""",
        """CREATE TABLE bot_watch (
            chat_id BIGINT NOT NULL, symbol TEXT NOT NULL, added_ms BIGINT NOT NULL, PRIMARY KEY (chat_id, symbol))""",
    ),
    (
        """CREATE TABLE bot_quarter (
            exchange TEXT NOT NULL, base TEXT NOT NULL, quarter_ms BIGINT NOT NULL, longs DOUBLE PRECISION NOT NULL,
            shorts DOUBLE PRECISION NOT NULL, unsided DOUBLE PRECISION NOT NULL, largest TEXT NOT NULL,
            PRIMARY KEY (base, exchange, quarter_ms))""",
    ),
)
TABLES = {
    "bot_alert": 13,
    "bot_chat": 8,
    "bot_outbox": 12,
    "bot_tick": 4,
    "bot_watch": 3,
    "bot_quarter": 7,
}  # with the number of their columns, in the order in which they may be filled

LOCK = "{lock}"
CREATE_SCHEMA = "CREATE TABLE IF NOT EXISTS bot_schema (version BIGINT NOT NULL)"
SCHEMA_VERSION = "SELECT max(version) FROM bot_schema"
ADD_VERSION = "INSERT INTO bot_schema (version) VALUES ($1)"

# Alerts.

ALERT = "id, chat_id, thread_id, user_id, update_id, status, need, rule, state, n_fired, made_ms, until_ms, version"
ADD_ALERT = f"INSERT INTO bot_alert ({ALERT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
ALERT_OF_UPDATE = f"SELECT {ALERT} FROM bot_alert WHERE chat_id = $1 AND update_id = $2"
ALERT_OF_ID = f"SELECT {ALERT} FROM bot_alert WHERE id = $1"
STATUS_OF_ALERT = "SELECT status FROM bot_alert WHERE id = $1 AND version = $2"
ALERTS_OF_CHAT = f"SELECT {ALERT} FROM bot_alert WHERE chat_id = $1 AND status <> 'done' ORDER BY made_ms, id"
HOW_MANY = """SELECT count(*), coalesce(sum(CASE WHEN chat_id = $1 THEN 1 ELSE 0 END), 0),
    coalesce(sum(CASE WHEN user_id = $2 THEN 1 ELSE 0 END), 0) FROM bot_alert WHERE status <> 'done'"""
CHANGE_ALERT = """UPDATE bot_alert
    SET status = $3, need = $4, rule = $5, state = $6, until_ms = $7, version = version + 1
    WHERE id = $1 AND version = $2 RETURNING id"""
DELETE_ALERT = "DELETE FROM bot_alert WHERE id = $1 RETURNING id"
RESET_STATES = "UPDATE bot_alert SET state = '', version = version + 1 WHERE chat_id = $1 AND status = 'armed'"

# The tick. One that is far ahead was claimed by a clock that was wrong, and holds up nothing.

CLAIM_TICK = """INSERT INTO bot_tick (name, at_ms, seen, seen_ms)
    VALUES ($1, coalesce(CAST($3 AS BIGINT), {now_ms}) / CAST($2 AS BIGINT) * CAST($2 AS BIGINT), '', 0)
    ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms
    WHERE bot_tick.at_ms < excluded.at_ms OR bot_tick.at_ms > excluded.at_ms + 6 * CAST($2 AS BIGINT)
    RETURNING name, at_ms, coalesce(CAST($3 AS BIGINT), {now_ms}), seen, seen_ms"""
FENCE = """UPDATE bot_tick SET seen = CASE WHEN $3 = '' THEN seen ELSE $3 END,
    seen_ms = CASE WHEN $3 = '' THEN seen_ms ELSE CAST($4 AS BIGINT) END
    WHERE name = $1 AND at_ms = $2 RETURNING at_ms"""
_ARMED = """FROM bot_alert WHERE status = 'armed'
    AND NOT EXISTS (SELECT 1 FROM bot_chat WHERE bot_chat.id = chat_id AND blocked_ms IS NOT NULL)"""
NEEDS = f"SELECT DISTINCT need {_ARMED} ORDER BY need"
ARMED_ALERTS = f"SELECT {ALERT} {_ARMED} AND (need, id) > ($1, $2) ORDER BY need, id LIMIT $3"
STORE_JUDGED = """UPDATE bot_alert SET status = $3, state = $4, n_fired = $5, version = version + 1
    WHERE id = $1 AND version = $2"""
# Only where the line before has just succeeded: then, and only then, the alert has both that version and that count.
ADD_FIRING = """INSERT INTO bot_outbox
    (alert_id, number, chat_id, thread_id, facts, made_ms, due_ms, n_tries, outcome, done_ms, message_id, reason)
    SELECT id, CAST($3 AS BIGINT), chat_id, thread_id, CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($5 AS BIGINT),
        0, 'waiting', NULL, NULL, ''
    FROM bot_alert WHERE id = $1 AND version = $2 AND n_fired = $6 ON CONFLICT (alert_id, number) DO NOTHING"""
COUNT_MADE = "SELECT count(*) FROM bot_outbox WHERE outcome = 'waiting' AND made_ms = $1"

# The outbox.

MESSAGE = "alert_id, number, chat_id, thread_id, facts, made_ms, due_ms, n_tries"
ADD_MESSAGE = f"""INSERT INTO bot_outbox ({MESSAGE}, outcome, done_ms, message_id, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', NULL, NULL, '')
    ON CONFLICT (alert_id, number) DO NOTHING RETURNING number"""
CHAT = "id, settings, burst, blocked_ms, n_dropped"
CLAIM_CHATS = f"""WITH due AS MATERIALIZED (
        SELECT id FROM bot_chat
        WHERE blocked_ms IS NULL AND lease_until_ms <= coalesce(CAST($4 AS BIGINT), {{now_ms}})
        AND not_before_ms <= coalesce(CAST($4 AS BIGINT), {{now_ms}})
        AND EXISTS (SELECT 1 FROM bot_outbox WHERE bot_outbox.chat_id = bot_chat.id AND outcome = 'waiting'
            AND due_ms <= coalesce(CAST($4 AS BIGINT), {{now_ms}}))
        ORDER BY not_before_ms, id LIMIT $3 {{skip_locked}})
    UPDATE bot_chat SET lease_by = $1, lease_until_ms = coalesce(CAST($4 AS BIGINT), {{now_ms}}) + CAST($2 AS BIGINT)
    WHERE id IN (SELECT id FROM due) RETURNING {CHAT}"""
RENEW_CHAT = """UPDATE bot_chat SET lease_until_ms = coalesce(CAST($4 AS BIGINT), {now_ms}) + CAST($3 AS BIGINT)
    WHERE id = $1 AND lease_by = $2 RETURNING id"""
RELEASE_CHAT = """UPDATE bot_chat SET lease_by = '', lease_until_ms = 0, burst = $3, not_before_ms = $4
    WHERE id = $1 AND lease_by = $2"""
DUE_MESSAGES = f"""SELECT {MESSAGE} FROM bot_outbox WHERE chat_id = $1 AND outcome = 'waiting'
    AND due_ms <= coalesce(CAST($3 AS BIGINT), {{now_ms}}) ORDER BY made_ms, alert_id, number LIMIT $2"""
MARK_DONE = """UPDATE bot_outbox SET outcome = $3, message_id = $4, reason = $5, done_ms = $6
    WHERE alert_id = $1 AND number = $2 AND outcome = 'waiting'"""
MARK_LATE = """UPDATE bot_outbox SET due_ms = $3, n_tries = n_tries + 1
    WHERE alert_id = $1 AND number = $2 AND outcome = 'waiting'"""
MARK_RESTING = "UPDATE bot_outbox SET due_ms = $3 WHERE alert_id = $1 AND number = $2 AND outcome = 'waiting'"
STORE_BURST = "UPDATE bot_chat SET burst = $2 WHERE id = $1"
ADD_DROPPED = "UPDATE bot_chat SET n_dropped = n_dropped + $2 WHERE id = $1"
CLEAR_DROPPED = "UPDATE bot_chat SET n_dropped = 0 WHERE id = $1"

# Chats.

ADD_CHAT = """INSERT INTO bot_chat
    (id, settings, burst, blocked_ms, n_dropped, not_before_ms, lease_until_ms, lease_by)
    VALUES ($1, '', '', NULL, 0, 0, 0, '') ON CONFLICT (id) DO NOTHING"""
CHAT_OF_ID = f"SELECT {CHAT} FROM bot_chat WHERE id = $1"
CHATS_WITH_SETTINGS = f"SELECT {CHAT} FROM bot_chat WHERE settings <> '' AND blocked_ms IS NULL ORDER BY id"
CHATS_THAT_WISH = "SELECT id FROM bot_chat WHERE settings <> '' ORDER BY id LIMIT $1"
BLOCKED_CHATS = "SELECT id FROM bot_chat WHERE blocked_ms IS NOT NULL ORDER BY blocked_ms DESC, id LIMIT $1"
CHANGE_SETTINGS = "UPDATE bot_chat SET settings = $2 WHERE id = $1"
BLOCK_CHAT = "UPDATE bot_chat SET blocked_ms = coalesce(blocked_ms, $2) WHERE id = $1"
UNBLOCK_CHAT = "UPDATE bot_chat SET blocked_ms = NULL WHERE id = $1 AND blocked_ms IS NOT NULL RETURNING id"
# A message of no alert may be one of each chat, and its key ends with the chat's id then: what the old chat was told is
# dropped at once where the new one would be told it again.
_OLD_ID, _NEW_ID = "CAST(CAST($1 AS BIGINT) AS TEXT)", "CAST(CAST($2 AS BIGINT) AS TEXT)"
_NEW_KEY = f"substr(bot_outbox.alert_id, 1, length(bot_outbox.alert_id) - length({_OLD_ID})) || {_NEW_ID}"
_OWN_KEY = f"bot_outbox.chat_id = $1 AND bot_outbox.alert_id LIKE '% ' || {_OLD_ID}"
MOVE_CHAT = (
    """UPDATE bot_chat SET settings = CASE WHEN settings = ''
        THEN coalesce((SELECT old.settings FROM bot_chat old WHERE old.id = $1), '') ELSE settings END,
        n_dropped = n_dropped + coalesce((SELECT old.n_dropped FROM bot_chat old WHERE old.id = $1), 0)
        WHERE id = $2""",
    """UPDATE bot_alert SET chat_id = $2, thread_id = NULL, version = version + 1, update_id = CASE WHEN EXISTS
        (SELECT 1 FROM bot_alert other WHERE other.chat_id = $2 AND other.update_id = bot_alert.update_id)
        THEN NULL ELSE update_id END WHERE chat_id = $1""",
    f"""DELETE FROM bot_outbox WHERE {_OWN_KEY} AND outcome = 'waiting' AND EXISTS
        (SELECT 1 FROM bot_outbox other WHERE other.alert_id = {_NEW_KEY} AND other.number = bot_outbox.number)""",
    f"""INSERT INTO bot_outbox
        (alert_id, number, chat_id, thread_id, facts, made_ms, due_ms, n_tries, outcome, done_ms, message_id, reason)
        SELECT {_NEW_KEY}, number, CAST($2 AS BIGINT), NULL, facts, made_ms, due_ms, 0,
            'dropped', made_ms, NULL, 'moved'
        FROM bot_outbox WHERE {_OWN_KEY} ON CONFLICT (alert_id, number) DO NOTHING""",
    "UPDATE bot_outbox SET chat_id = $2, thread_id = NULL WHERE chat_id = $1",
    """DELETE FROM bot_watch WHERE chat_id = $1
        AND EXISTS (SELECT 1 FROM bot_watch other WHERE other.chat_id = $2 AND other.symbol = bot_watch.symbol)""",
    "UPDATE bot_watch SET chat_id = $2 WHERE chat_id = $1",
)
DELETE_CHAT = "DELETE FROM bot_chat WHERE id = $1"
WATCH = """INSERT INTO bot_watch (chat_id, symbol, added_ms)
    SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
    WHERE (SELECT count(*) FROM bot_watch WHERE chat_id = CAST($1 AS BIGINT)) < $4
    ON CONFLICT (chat_id, symbol) DO NOTHING"""
UNWATCH = "DELETE FROM bot_watch WHERE chat_id = $1 AND symbol = $2"
WATCHED = "SELECT symbol FROM bot_watch WHERE chat_id = $1 ORDER BY added_ms, symbol"

MOST_WATCHED = "SELECT symbol FROM bot_watch GROUP BY symbol ORDER BY count(*) DESC, symbol LIMIT $1"

# Liquidations.

QUARTER = "exchange, base, quarter_ms, longs, shorts, unsided, largest"
KEEP_QUARTER = f"""INSERT INTO bot_quarter ({QUARTER}) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (base, exchange, quarter_ms) DO UPDATE SET longs = excluded.longs, shorts = excluded.shorts,
    unsided = excluded.unsided, largest = excluded.largest"""
QUARTERS = f"SELECT {QUARTER} FROM bot_quarter WHERE base = $1 AND quarter_ms >= $2 ORDER BY exchange, quarter_ms"

# The whole.

COUNTS = """SELECT
    (SELECT count(*) FROM bot_alert WHERE status = 'armed'), (SELECT count(*) FROM bot_alert WHERE status = 'paused'),
    (SELECT count(*) FROM bot_outbox WHERE outcome <> 'dropped'), count(*),
    (SELECT max(at_ms) FROM bot_tick WHERE name = 'alerts'), min(made_ms)
    FROM bot_outbox WHERE outcome = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM bot_chat WHERE bot_chat.id = chat_id AND blocked_ms IS NOT NULL)"""
PRUNE = (
    "DELETE FROM bot_outbox WHERE made_ms < CAST($1 AS BIGINT) - 604800000 RETURNING number",
    "DELETE FROM bot_alert WHERE status = 'done' AND until_ms < CAST($1 AS BIGINT) - 2592000000 RETURNING version",
    "DELETE FROM bot_quarter WHERE quarter_ms < CAST($1 AS BIGINT) - 93600000 RETURNING quarter_ms",
    "DELETE FROM bot_tick WHERE name <> 'alerts' AND at_ms < CAST($1 AS BIGINT) - 93600000 RETURNING at_ms",
)
