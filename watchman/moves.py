"""Groups that became supergroups, and have another id since: what is remembered of them goes along.

Telegram says so in the old chat and in the new one, and of whatever is sent to the old one. Any of these is enough, in
any order and more than once. What cannot be stored just now waits in memory for the next tick.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from answers.quiet import both, load_wishes
from store.words import Store, StoreError

log = logging.getLogger("bot")

MAX_MOVES = 1024  # kept in memory


class Moves:
    """Those that wait, and those that were told of. allowed_ids: who may ask; on_move: a chat's old and new id, once
    all is stored under the new one."""

    def __init__(self, allowed_ids: frozenset[int], on_move: Callable[[int, int], None]) -> None:
        self._allowed_ids, self._on_move = allowed_ids, on_move
        self._waiting: dict[int, int] = {}  # new ids by old ones
        self._told: set[int] = set()

    def hear(self, old_id: int, new_id: int) -> None:
        """It is done with the next `carry_out`."""
        if len(self._waiting) < MAX_MOVES:
            self._waiting[old_id] = new_id

    async def carry_out(self, store: Store) -> None:
        """What waits is done. Raises StoreError: then the one that failed waits behind the others."""
        for old_id, new_id in [*self._waiting.items()]:
            try:
                await self.move(store, old_id, new_id)
            except StoreError:
                self._waiting.pop(old_id, None)
                self._waiting[old_id] = new_id
                raise
            if self._waiting.get(old_id) == new_id:
                del self._waiting[old_id]

    async def move(self, store: Store, old_id: int, new_id: int) -> None:
        """Settings of both chats are one then; all else the store moves. Raises StoreError. Twice is as once."""
        self._tell(old_id, new_id)
        old, new = await store.chat(old_id), await store.chat(new_id)
        if old.settings and new.settings:
            await store.change_settings(new_id, both(load_wishes(old.settings), load_wishes(new.settings)).text)
        await store.move_chat(old_id, new_id)
        self._on_move(old_id, new_id)

    def _tell(self, old_id: int, new_id: int) -> None:
        """The log, once: whoever keeps the list has to know of the new id."""
        if old_id in self._told:
            return
        if len(self._told) >= MAX_MOVES:
            self._told.clear()
        self._told.add(old_id)
        log.info("group %d became the supergroup %d", old_id, new_id)
        if old_id in self._allowed_ids and new_id not in self._allowed_ids:
            log.warning("TELEGRAM_CHAT_ID lists group %d, whose id is %d now: put that there", old_id, new_id)
