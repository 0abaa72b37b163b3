"""The pictures that were drawn lately; whoever asks for the same again, or at the same time, gets the same.

Memory: at most MAX_KEPT pictures of some 50 kB, and 3 MiB while one is drawn. What draws them is imported when the
first one is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from asking.cache import Cache
from clock import MACHINE, Clock

if TYPE_CHECKING:
    from render.picture.figure import Figure

T = TypeVar("T")
KEEP_S = 20.0
MAX_KEPT = 8


class Pictures:
    """Draws one picture at a time, and keeps the last few."""

    def __init__(self, clock: Clock = MACHINE) -> None:
        self._cache = Cache(MAX_KEPT, clock=clock)
        self._drawing = asyncio.Lock()

    async def kept(self, key: object, work: Coroutine[Any, Any, T]) -> T:
        """What was made for the key less than KEEP_S ago, or is made now by the work, once for all who ask.

        Raises what the work raises.
        """
        return await self._cache.get(key, KEEP_S, work)

    async def draw(self, figure: Figure) -> tuple[bytes, list[str]]:
        """The PNG, and the texts that found no room on it or that the font lacks.

        Some 20 ms, in two halves, after each of which it is everybody else's turn.
        """
        from render.picture import drawing

        async with self._drawing:
            drawn = drawing.draw(figure)
            await asyncio.sleep(0)
            png = drawn.png()
            await asyncio.sleep(0)
            return png, drawn.left_out
