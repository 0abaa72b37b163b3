"""What a chat wishes, as it is stored: quiet hours and their zone, default symbol, digest, charts, tables. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

MINUTE_MS = 60_000
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Wishes:
    """Minutes of the chat's own day; -1 for none. zone_minutes: how far its clock is ahead of UTC."""

    quiet_from: int = -1
    quiet_to: int = -1
    digest_at: int = -1
    zone_minutes: int = 0
    symbol: str = ""
    interval: str = ""
    has_charts: bool = False  # with what rang
    is_rich: bool = False  # tables as true ones

    @property
    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def load_wishes(text: str) -> Wishes:
    return Wishes(**orjson.loads(text)) if text else Wishes()


def minute_of_day(wishes: Wishes, now_ms: int) -> int:
    """On the chat's own clock."""
    return (now_ms // MINUTE_MS + wishes.zone_minutes) % DAY_MINUTES


def is_quiet_at(settings: str, now_ms: int) -> bool:
    """Whether messages come without a sound now. From 23:00 to 07:00 goes over midnight."""
    wishes = load_wishes(settings)
    if wishes.quiet_from < 0 or wishes.quiet_from == wishes.quiet_to:
        return False
    minute = minute_of_day(wishes, now_ms)
    if wishes.quiet_from < wishes.quiet_to:
        return wishes.quiet_from <= minute < wishes.quiet_to
    return minute >= wishes.quiet_from or minute < wishes.quiet_to
