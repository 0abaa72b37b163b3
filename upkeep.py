"""What a process does for itself while it runs, behind either door: lets go of connections and memory not needed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from metrics import resident_bytes

SETTLED_S = 3.0  # after the start, when what serves for good has been made
SWEEP_S = 15.0
KEPT = 2 * 1024 * 1024  # bytes beyond those at the start, before the allocator is asked to give back


async def keep_tidy(*sweeps: Callable[[], None]) -> None:
    """Sweeps now and then, and gives memory back, also while nobody asks. sweeps: each lets go of what nobody needs."""
    await asyncio.sleep(SETTLED_S)
    gc.unfreeze()
    gc.collect()
    gc.freeze()  # the collector need not look again at what stays
    memory = Memory()
    while True:
        await asyncio.sleep(SWEEP_S)
        for sweep in sweeps:
            sweep()
        memory.give_back()


class Memory:
    """Gives the system what the C library holds in holes of its heap, after Python has let go of what is dead.

    Python's own collector looks at what is old once a minute under load: until then, hundreds of connections that
    clients have closed (asyncio's, which hold themselves) lie between the living. It takes 17 ms with all caches full.

    The C library gives back only from its heap's end, and one small thing that lives there keeps all before it: after
    exchanges had babbled for half a minute, 13 of 75 MiB were such holes. A call takes some ms when there is much, and
    0.2 when there is nothing: so it is made whenever more is in use than at the start, and not only after a growth,
    as what was in use at the last call may be holes by now.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._enough = resident_bytes() + kept

    def give_back(self) -> None:
        """Where the process has grown by as much. Some C libraries have no such call (musl, macOS)."""
        if resident_bytes() < self._enough:
            return
        gc.collect()
        import ctypes  # only when there is need of it: 0.7 MiB, 10 ms

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)  # to the last page
