"""Which chats the bot may write to: what Telegram says of it, and what follows from a chat's own words.

The store marks a chat that blocked the bot or put it out, and its alerts rest. They go on when Telegram says that the
bot is there again, or when anything comes from the chat. What cannot be written at once, as the store is not open yet
or does not answer, is written later: before the next tick is judged.

Memory: the ids of MAX_CHATS that are marked, and of as many whose change is not written.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from clock import MACHINE, Clock
from store.words import Store, StoreError

MAX_CHATS = 4096
MARKED_S = 60.0  # how old what is known of the marks may be: other machines set them, and the outbox does
READ_S = 0.25  # once a minute, behind what a chat wishes


class Presence:
    def __init__(self, clock: Clock = MACHINE) -> None:
        self._clock = clock
        self.unwritten: dict[int, bool] = {}  # by chat, whether the bot is there; the newest last
        self._marked: frozenset[int] = frozenset()
        self._read_s = -MARKED_S

    def note(self, chat_id: int, is_there: bool) -> None:
        """To be written."""
        self.unwritten.pop(chat_id, None)
        if len(self.unwritten) >= MAX_CHATS:
            del self.unwritten[next(iter(self.unwritten))]
        self.unwritten[chat_id] = is_there

    async def write(self, store: Store) -> None:
        """What is noted. Raises StoreError: what is left then waits for the next time."""
        for chat_id in list(self.unwritten):
            is_there = self.unwritten.get(chat_id)
            if is_there is None:  # written meanwhile, by who noted something newer
                continue
            if is_there:
                await store.unblock_chat(chat_id)
                self._marked -= {chat_id}
            else:
                await store.block_chat(chat_id, int(self._clock.now() * 1000))
                self._marked |= {chat_id}
            if self.unwritten.get(chat_id) is is_there:  # and not the contrary by now
                del self.unwritten[chat_id]

    async def is_marked(self, store: Store, chat_id: int) -> bool:
        """Whether a chat's alerts rest, as far as that is known: of all chats it is read once a minute."""
        now_s = self._clock.monotonic()
        if now_s - self._read_s >= MARKED_S:
            self._read_s = now_s
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(READ_S):
                    self._marked = frozenset(await store.blocked_chats(MAX_CHATS))
        return chat_id in self._marked
