"""A tick: how often there is one, and what it did."""

from __future__ import annotations

from collections.abc import Mapping

PERIOD_MS = 10_000


class Ticked:
    """What a tick did. is_claimed: whether this machine judged it. gap_ms: since the tick before was stored."""

    def __init__(self, is_claimed: bool = False, now_ms: int = 0, gap_ms: int = 0) -> None:
        self.is_claimed, self.now_ms, self.gap_ms = is_claimed, now_ms, gap_ms
        self.n_alerts = self.n_requests = self.n_fired = 0
        self.failed: Mapping[str, str] = {}

    @property
    def told(self) -> dict[str, object]:
        """For who keeps the time outside."""
        return {"ticked": self.is_claimed, "alerts": self.n_alerts, "fired": self.n_fired}
