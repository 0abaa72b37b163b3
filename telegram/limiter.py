"""How often a user may ask, and what a chat was told lately. Both are bounded: the oldest user or chat is forgotten."""

from __future__ import annotations

MAX_USERS = 4096  # whose commands are counted


class Limiter:
    """Counts each user's commands per minute."""

    def __init__(self, per_minute: int, max_users: int = MAX_USERS) -> None:
        self._per_minute, self._max_users = per_minute, max_users
        self._users: dict[int, tuple[float, float]] = {}  # left to spend, and when that was so

    def count(self, user_id: int, now: float) -> float:
        """Seconds until the user may ask again; 0 for one who may. What a user may spend grows back evenly."""
        if not self._per_minute:
            return 0.0
        left, since = self._users.pop(user_id, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + max(0.0, now - since) * self._per_minute / 60)
        if len(self._users) >= self._max_users:
            del self._users[next(iter(self._users))]
        self._users[user_id] = (left - 1 if left >= 1 else left, now)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._per_minute


class Told:
    """Which chats were told of something within the last `lasts_s`."""

    def __init__(self, lasts_s: float, max_chats: int = MAX_USERS) -> None:
        self._lasts_s, self._max_chats = lasts_s, max_chats
        self._chats: dict[int, float] = {}

    def is_told(self, chat_id: int, now: float) -> bool:
        """Whether it was told; else it counts as told from now on."""
        since = self._chats.pop(chat_id, None)
        is_told = since is not None and abs(now - since) < self._lasts_s  # a clock may also be set back
        if len(self._chats) >= self._max_chats:
            del self._chats[next(iter(self._chats))]
        self._chats[chat_id] = since if since is not None and is_told else now
        return is_told
