"""What is remembered between two starts, as records; and what a store can do with them. No database is named here.

    Alert      a rule that somebody set, and how far it has come
    Message    one line of the outbox: a message that nobody asked for just now, until Telegram has it
    Chat       what one chat wishes (settings), and how sending to it goes
    Claim      the right to judge one tick

Rules, states and facts are JSON texts here: what they mean is others' business (answers/), and a store that does not
read them needs no migration when they grow. Moments are milliseconds since 1970; ids of alerts are made by the program,
never by the database, so that rows can move from one engine to another as they are.

    StoreError         one sentence for the user; the other commands go on without the store
      Unreachable      the database does not answer (gone, restarted, wrong address)
      CannotWrite      the disk is full, or only to be read
      Refused          the database lets nobody in with this address, or its user may not write
      Damaged          the file is no database, or its pages are corrupt: no new try helps
      NotThere         there is none of ours where one should be
      NewerSchema      a newer program has changed the tables
      LimitReached     too many alerts; says whose limit
      Overtaken        another machine has claimed a later tick: what this one judged is not stored
"""

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
ID_LENGTH = 8  # 31^8: two of a million alerts are the same with a chance of one in two, and the second is made anew

ARMED, PAUSED, DONE = "armed", "paused", "done"
WAITING, SENT, DROPPED = "waiting", "sent", "dropped"


class StoreError(Exception):
    """Nothing was stored. sentence: what to tell the user; the error's text is for the log.

    cause: a few words for /health, which anybody reads: it names no file and nobody.
    """

    cause = "the database fails, as the log says"

    def __init__(self, detail: str, sentence: str) -> None:
        super().__init__(detail)
        self.sentence = sentence


class Unreachable(StoreError):
    def __init__(self, detail: str) -> None:
        super().__init__(detail, "The database does not answer just now, so nothing was stored. Please try again.")


class CannotWrite(StoreError):
    cause = "the disk is full or cannot be written"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "The disk of the database is full or cannot be written, so nothing was stored.")


class Refused(StoreError):
    cause = "the database refuses this bot, as the log says"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "The database refuses this bot, so nothing was stored: see DATABASE_URL and the log.")


class Damaged(StoreError):
    cause = "the database is damaged, or its file is none"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"no database, or a corrupt one: {detail}",
            "This bot's database is damaged, or its file is no database, so nothing was stored: please tell its owner.",
        )


class NotThere(StoreError):
    def __init__(self, detail: str) -> None:
        super().__init__(detail, "There is no database of this bot, so nothing was copied.")


class NewerSchema(StoreError):
    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the database has schema {found}, this program knows {known}",
            f"The database was changed by a newer program (schema {found}, this one knows {known}): update this one.",
        )
        self.cause = f"a newer program has changed the database (schema {found}, this one knows {known})"


class LimitReached(StoreError):
    """whose: user, chat or instance; most: how many alerts are allowed there."""

    def __init__(self, whose: str, most: int) -> None:
        holder = {"user": "You have", "chat": "This chat has"}.get(whose, "This bot has")
        super().__init__(
            f"{most} alerts per {whose}",
            f"{holder} {most} {'alert' if most == 1 else 'alerts'}, and that is the limit. Delete one first.",
        )
        self.whose, self.most = whose, most


class Overtaken(StoreError):
    def __init__(self, at_ms: int) -> None:
        super().__init__(f"tick {at_ms} was overtaken", "Another machine was quicker.")


class Alert(NamedTuple):
    """user_id: who set it, below zero for a chat that spoke for itself. need: what has to be asked for it, the same
    text for all alerts that one answer serves. update_id: of the Telegram update that made it; a second one with the
    same chat and update is the same alert.

    version grows with each change: who changes an alert names the version that he has read.
    """

    id: str
    chat_id: int
    thread_id: int | None
    user_id: int
    update_id: int | None
    status: str  # ARMED, PAUSED or DONE
    need: str
    rule: str
    state: str  # "" when it has not been judged yet
    n_fired: int
    made_ms: int
    until_ms: int
    version: int = 0


class Limits(NamedTuple):
    """How many alerts, armed and paused, there may be."""

    user: int = 20
    chat: int = 200
    instance: int = 5000


class Judged(NamedTuple):
    """An alert as a tick leaves it. facts: of each firing, numbered from n_fired on; the alert had `version` before.

    made_ms: when the message was made. due_ms: when it may be sent.
    """

    alert: Alert
    status: str
    state: str
    facts: Sequence[str] = ()


class Message(NamedTuple):
    """A line of the outbox. alert_id and number are unique together: one firing, one message. Of no alert: alert_id
    says what it is, and ends with the chat's id where each chat has its own.

    n_tries: how often Telegram did not take it.
    """

    alert_id: str
    number: int
    chat_id: int
    thread_id: int | None
    facts: str
    made_ms: int
    due_ms: int
    n_tries: int = 0


class Chat(NamedTuple):
    """settings: JSON, "" for none. burst: JSON of what was sent in the last minute and of the summary that is open.

    blocked_ms: since when the chat takes no messages; its alerts rest until it is heard of again. n_dropped: messages
    that grew too old to send and have not been told of.
    """

    id: int
    settings: str = ""
    burst: str = ""
    blocked_ms: int | None = None
    n_dropped: int = 0


class Claim(NamedTuple):
    """at_ms: the tick, now_ms rounded down to its period. seen: JSON of what earlier ticks have judged; seen_ms: when
    that was, 0 for never."""

    name: str
    at_ms: int
    now_ms: int
    seen: str
    seen_ms: int


class Quarter(NamedTuple):
    """What one exchange closed by force in a coin's perpetuals within a quarter of an hour, in dollars: of longs, of
    shorts, and of whose side is not told. largest: JSON of single positions among them."""

    exchange: str
    base: str
    quarter_ms: int
    longs: float
    shorts: float
    unsided: float
    largest: str


class Counts(NamedTuple):
    """How the alerts do. tick_ms: the last tick that was claimed. oldest_ms: of the messages that wait."""

    n_armed: int
    n_paused: int
    n_fired: int
    n_waiting: int
    tick_ms: int | None
    oldest_ms: int | None


def new_id() -> str:
    """A name for an alert: short enough for a button's 64 bytes, and not to be guessed."""
    number = int.from_bytes(os.urandom(16), "big")  # of 128 bits, so that every name is as likely as any other
    return "".join(ID_LETTERS[number // len(ID_LETTERS) ** place % len(ID_LETTERS)] for place in range(ID_LENGTH))


class Store(Protocol):
    """What is remembered. Every method raises StoreError, and is done wholly or not at all.

    now_ms is handed in where time matters; None takes the database's own clock, as machines' clocks differ.
    """

    # Alerts.

    async def add_alert(self, alert: Alert, limits: Limits) -> tuple[Alert, bool]:
        """Stores it; says whether it is new. Idempotent by (chat_id, update_id): the second call gives back the first
        alert, whatever has become of it. A chat in which one is set is there: see unblock_chat. Raises LimitReached."""
        ...

    async def alert(self, alert_id: str) -> Alert | None:
        """One alert; None when there is none (deleted, or never made)."""
        ...

    async def alerts_of_chat(self, chat_id: int) -> list[Alert]:
        """Armed and paused ones, oldest first."""
        ...

    async def change_alert(self, alert: Alert, limits: Limits) -> bool:
        """Stores status, need, rule, state and until_ms; False when it has another version now, or is gone.

        One that had ended and is armed or paused takes a place again: raises LimitReached where there is none. Not
        idempotent by itself: the second call with the same version changes nothing and says False.
        """
        ...

    async def delete_alert(self, alert_id: str) -> bool:
        """False when there is none: done twice, it is still gone. What it has fired is still sent."""
        ...

    # The tick.

    async def claim_tick(self, name: str, period_ms: int, now_ms: int | None = None) -> Claim | None:
        """The tick that now belongs to, for the first who asks; None for all others. Never gives one tick twice."""
        ...

    async def needs(self) -> list[str]:
        """What has to be asked for all armed alerts of chats that take messages, each once, in order."""
        ...

    async def armed_alerts(self, after: tuple[str, str], limit: int) -> list[Alert]:
        """The next ones behind (need, id), in that order; fewer than limit: these were the last."""
        ...

    async def store_tick(self, claim: Claim, seen: str, judged: Sequence[Judged], now_ms: int) -> int:
        """Writes states, firings and what was seen, all at once; returns how many firings went to the outbox.

        Raises Overtaken when a later tick was claimed meanwhile. An alert that was changed or deleted since it was read
        stays as it is now, and its firing is left out: it is judged anew at the next tick. Not found is no error.
        """
        ...

    async def add_message(self, message: Message) -> bool:
        """A message of no alert (a digest, a word to the owner). Idempotent by (alert_id, number)."""
        ...

    # The outbox.

    async def claim_chats(self, owner: str, lease_ms: int, limit: int, now_ms: int | None = None) -> list[Chat]:
        """Chats with messages that are due and that nobody else sends to; they are the owner's for lease_ms."""
        ...

    async def renew_chat(self, chat_id: int, owner: str, lease_ms: int, now_ms: int | None = None) -> bool:
        """The lease anew; False when it has been lost to another owner, who sends now."""
        ...

    async def release_chat(self, chat_id: int, owner: str, burst: str, not_before_ms: int) -> None:
        """Gives the chat back; nothing is sent to it before that moment. Of another's chat: does nothing."""
        ...

    async def due_messages(self, chat_id: int, limit: int, now_ms: int | None = None) -> list[Message]:
        """What waits for the chat and is due, oldest first."""
        ...

    async def mark_sent(self, messages: Sequence[Message], message_id: int | None, burst: str, now_ms: int) -> None:
        """Telegram has them. Done twice, it is the same."""
        ...

    async def mark_late(self, messages: Sequence[Message], due_ms: int) -> None:
        """They were not sent, as Telegram did not take them; again at that moment."""
        ...

    async def mark_resting(self, messages: Sequence[Message], due_ms: int) -> None:
        """They were not sent, as nobody may hear them now; looked at again at that moment."""
        ...

    async def mark_dropped(self, messages: Sequence[Message], reason: str, now_ms: int, *, is_told: bool) -> None:
        """It is given up. is_told: counted in n_dropped, to be told with the next message."""
        ...

    async def clear_dropped(self, chat_id: int) -> None:
        """n_dropped has been told."""
        ...

    async def block_chat(self, chat_id: int, now_ms: int) -> None:
        """The chat takes no messages: its alerts rest. Done twice, the first moment stays."""
        ...

    async def unblock_chat(self, chat_id: int) -> bool:
        """The chat is there again. Its alerts begin anew (state ""), so that nothing old rings.

        False: it was not blocked.
        """
        ...

    async def blocked_chats(self, most: int) -> list[int]:
        """The ids of chats that take no messages, the latest first."""
        ...

    async def move_chat(self, old_id: int, new_id: int) -> None:
        """A group became a supergroup: alerts, messages, watchlist and settings go with it. Idempotent.

        Where the new chat has settings, those stay. What the old one was told, the new one is not told again.
        """
        ...

    # Chats.

    async def chat(self, chat_id: int) -> Chat:
        """What is known of it; an empty record when nothing is."""
        ...

    async def change_settings(self, chat_id: int, settings: str) -> None:
        """Idempotent; the chat need not be known."""
        ...

    async def chats_with_settings(self) -> list[Chat]:
        """All chats that have settings and take messages (for digests)."""
        ...

    async def chats_that_wish(self, most: int) -> list[int]:
        """The ids of chats that have settings."""
        ...

    async def watch(self, chat_id: int, symbols: Sequence[str], most: int, now_ms: int) -> list[str]:
        """Adds to the watchlist, and gives the whole, in order; what is beyond `most` is left out. Idempotent."""
        ...

    async def unwatch(self, chat_id: int, symbols: Sequence[str]) -> list[str]:
        """Takes from the watchlist, and gives the rest. What is not in it is no error."""
        ...

    async def watched(self, chat_id: int) -> list[str]:
        """The watchlist, in the order in which it was made; empty when there is none."""
        ...

    async def most_watched(self, limit: int) -> list[str]:
        """Symbols of all watchlists, those that are on most of them first."""
        ...

    # Liquidations.

    async def keep_quarters(self, quarters: Sequence[Quarter]) -> None:
        """Idempotent by exchange, base and quarter: who keeps one again, also another machine, counts nothing twice."""
        ...

    async def quarters(self, base: str, since_ms: int) -> list[Quarter]:
        """By exchange, oldest first."""
        ...

    # The whole.

    async def counts(self) -> Counts:
        """For /status, /health and /metrics."""
        ...

    async def prune(self, now_ms: int) -> int:
        """Forgets what is over: sent messages after a week, ended alerts after a month, quarters after a day; returns
        how many rows."""
        ...

    async def close(self) -> None:
        """Done twice, it is the same."""
        ...
