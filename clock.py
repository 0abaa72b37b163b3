"""The time, handed in to all who ask for it, so that a test or the offline world can turn it.

Nobody else reads the machine's clock: what is compared with an exchange's or Telegram's time takes `now`; what waits,
rests, keeps or measures takes `monotonic`, which is the event loop's own clock, so that a timer and the comparison
that follows it agree.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple


def loop_time() -> float:
    """Seconds on the running loop's clock, which never goes back."""
    return asyncio.get_running_loop().time()


class Clock(NamedTuple):
    """now: seconds since 1970; it jumps when the machine's clock is set. monotonic: seconds since whenever."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = loop_time


MACHINE = Clock()
PROCESS = Clock(monotonic=time.monotonic)
"""Of a process of our own, whose loop is asyncio's, with this very clock: to ask it takes one step instead of three."""
