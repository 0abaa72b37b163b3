"""What a process does for itself while it runs, behind either door: lets go of connections and memory not needed."""

from __future__ import annotations

import asyncio
import gc

from http1.client import Transport
from metrics import resident_bytes

SETTLED_S = 3.0  # after the start, when what serves for good has been made
SWEEP_S = 15.0
KEPT = 2 * 1024 * 1024  # bytes: what the allocator may hold on to before it is asked to give back


async def keep_tidy(transport: Transport) -> None:
    """Closes connections that nobody needs any more, and gives memory back, also while nobody asks."""
    await asyncio.sleep(SETTLED_S)
    gc.collect()
    gc.freeze()  # the collector need not look again at what stays
    memory = Memory()
    while True:
        await asyncio.sleep(SWEEP_S)
        transport.sweep()
        memory.give_back()


class Memory:
    """Gives the system what the C library holds in holes of its heap.

    By itself it gives back only from the heap's end, and one small thing that lives there keeps all before it: after
    exchanges had babbled for half a minute, 13 of 75 MiB were such holes. A call takes some ms when there is much.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._least = resident_bytes()

    def give_back(self) -> None:
        """Where the process has grown by as much; nothing where the C library has no such call (musl, macOS)."""
        if resident_bytes() < self._least + self._kept:
            return
        import ctypes  # only when there is need of it: 0.7 MiB, 10 ms

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)  # to the last page
        self._least = resident_bytes()
