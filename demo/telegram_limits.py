"""How often a bot may write, as Telegram's FAQ says it: some 30 messages a second in all, one a second to a chat
(short bursts pass), 20 a minute to a group.

Telegram does not tell the size of a burst; here it is BURST.
"""

from __future__ import annotations

import math
from collections import defaultdict

ALL_PER_S = 30
CHAT_PER_S = 1.0
BURST = 3
GROUP_PER_MINUTE = 20


class ChatLimits:
    """Counts what was sent."""

    def __init__(self) -> None:
        self._sent: dict[int, list[float]] = defaultdict(list)  # chat_id -> moments, of the last minute

    def wait_s(self, chat_id: int, now: float) -> int:
        """0 and counted when a message may go out now; else the whole seconds after which it may."""
        own = self._sent[chat_id] = [at for at in self._sent[chat_id] if at > now - 60]
        waits = [0.0]
        if sum(at > now - 1 for sent in self._sent.values() for at in sent) >= ALL_PER_S:
            waits.append(1.0)
        if len(own) >= BURST:
            waits.append(own[-BURST] + BURST / CHAT_PER_S - now)
        if chat_id < 0 and len(own) >= GROUP_PER_MINUTE:
            waits.append(own[-GROUP_PER_MINUTE] + 60 - now)
        wait_s = math.ceil(max(waits))
        if wait_s <= 0:
            own.append(now)
        return max(wait_s, 0)
