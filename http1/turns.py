"""Work that many may have at once, spread over rounds of the event loop: a round is all callbacks that are due."""

from __future__ import annotations

import asyncio

TURN_S = 0.02


class Turns:
    """In one round of the event loop, work is begun for most_s; whoever comes later waits for the next round.

    Each piece is short, but a round takes all that are due, and nobody is heard before its end: five answers of half a
    megabyte that came at once took 190 ms to be parsed, a hundred TLS connections that were opened at once 60.
    """

    def __init__(self, most_s: float = TURN_S) -> None:
        self._most_s = most_s
        self._until: float | None = None  # in this round, on the loop's clock; None before its first piece

    async def take(self) -> None:
        """Comes back when a piece of work may be begun: at once where there is time, without leaving the loop."""
        while not self.at_once():  # noqa: ASYNC110 - each round of the loop ends it
            await asyncio.sleep(0)

    def at_once(self) -> bool:
        """Whether a piece of work may be begun now."""
        loop = asyncio.get_running_loop()
        if self._until is not None:
            return loop.time() < self._until
        self._until = loop.time() + self._most_s
        loop.call_soon(self._begin_round)
        return True

    def _begin_round(self) -> None:
        self._until = None
