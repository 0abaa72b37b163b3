"""The world's clock: it can be turned, so that a test need not wait and an alert comes while one looks."""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_SPEED = 86_400.0  # a day in a second


class Clock:
    """Seconds since 1970, as a function: `clock()`.

    source: what it runs on; it is this machine's time as long as nobody turns it.
    `clock.speed = 60`: a second is a minute from now on. `clock.jump(3600)`: an hour later.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source, self._speed = source, 1.0
        self._began = self._ahead = 0.0  # of the source when the speed was set, and what it was ahead then

    def __call__(self) -> float:
        now = self._source()
        return now + self._ahead + (now - self._began) * (self._speed - 1) if self._speed != 1 else now + self._ahead

    @property
    def speed(self) -> float:
        """Seconds of the world in a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not 0 <= speed <= MAX_SPEED:
            raise ValueError(f"no such speed: {speed}")
        now, here = self._source(), self()
        self._began, self._ahead, self._speed = now, here - now, float(speed)

    @property
    def ahead_s(self) -> float:
        """How far it is before this machine's time."""
        return self() - self._source()

    def jump(self, seconds: float) -> None:
        """Turns it forward (or back) at once."""
        self._ahead += seconds

    def reset(self) -> None:
        """To this machine's time again."""
        self._speed, self._ahead = 1.0, 0.0
