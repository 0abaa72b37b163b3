"""Places among the open connections, of which there is a bounded number: in all, and to each host.

Memory: those who wait, one future each.
"""

from __future__ import annotations

import asyncio


class Busy:
    """How many connections to one host are in use; n_shared: those on places that any host may have."""

    __slots__ = ("n_busy", "n_shared")

    def __init__(self) -> None:
        self.n_busy = self.n_shared = 0


class Places:
    """At most max_each connections to one host. own_places of them no other host can have; beyond these, all hosts
    together have max_open.

    A place that becomes free goes at once to who has waited longest of those whom it serves. So nobody who comes later
    is served before: what is free when he comes, none of those who wait may have.
    """

    def __init__(self, max_each: int, max_open: int, own_places: int) -> None:
        self._max_each, self._n_free, self._own_places = max_each, max_open, own_places
        self._waiting: dict[asyncio.Future[None], Busy] = {}  # oldest first

    def take(self, of: Busy) -> bool:
        """Takes a place, if there is one."""
        is_shared = of.n_busy - of.n_shared >= self._own_places
        if of.n_busy >= self._max_each or (is_shared and not self._n_free):
            return False
        of.n_busy += 1
        if is_shared:
            of.n_shared += 1
            self._n_free -= 1
        return True

    async def wait(self, of: Busy, timeout_s: float | None) -> None:
        """Takes a place as soon as there is one. Raises TimeoutError."""
        place = asyncio.get_running_loop().create_future()
        self._waiting[place] = of
        try:
            async with asyncio.timeout(timeout_s):
                await place
        except BaseException:
            if place.done() and not place.cancelled():  # it came in the same moment
                self.give_back(of)
            raise
        finally:
            self._waiting.pop(place, None)

    def give_back(self, of: Busy) -> None:
        of.n_busy -= 1
        if of.n_shared:
            of.n_shared -= 1
            self._n_free += 1
        for place, waiting in self._waiting.items():
            if not place.done() and self.take(waiting):
                place.set_result(None)
                return
