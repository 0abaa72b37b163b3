"""What a chat wishes, as it is stored: quiet hours and their zone, default symbol, digest, charts, tables. Pure."""

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

import orjson

MINUTE_MS = 60_000
DAY_MINUTES = 1440
TOGETHER = (("quiet_from", "quiet_to"), ("zone", "zone_minutes"))  # wishes that are one


class Wishes(NamedTuple):
    """Minutes of the chat's own day; -1 for none. zone_minutes: how far its clock is ahead of UTC, where it has no
    zone with a name, whose summers count (Europe/Berlin)."""

    quiet_from: int = -1
    quiet_to: int = -1
    digest_at: int = -1
    zone_minutes: int = 0
    symbol: str = ""
    interval: str = ""
    has_charts: bool = False  # with what rang
    is_rich: bool = False  # tables as true ones
    zone: str = ""
    set_by: int = 0  # the user who changed them last; 0 where that was not stored

    @property
    def text(self) -> str:
        """As it is stored; "" where nothing is wished, so that nobody's id stays."""
        return orjson.dumps(self._asdict()).decode() if self._replace(set_by=0) != Wishes() else ""


def load_wishes(text: str) -> Wishes:
    """Also those that a newer program has stored, on another machine perhaps: what is not known here is passed over."""
    told = orjson.loads(text) if text else {}
    return Wishes(**{name: value for name, value in told.items() if name in Wishes._fields})


def both(old: Wishes, new: Wishes) -> Wishes:
    """The wishes of a chat that had another id before: the newer one where it says something, and else the older."""
    said = {name: value for name, value in new._asdict().items() if value != Wishes._field_defaults[name]}
    for one, other in TOGETHER:
        if one in said or other in said:
            said |= {name: getattr(new, name) for name in (one, other)}
    return old._replace(**said)


def minute_of_day(wishes: Wishes, now_ms: int) -> int:
    """On the chat's own clock."""
    return (now_ms // MINUTE_MS + minutes_ahead(wishes, now_ms)) % DAY_MINUTES


def minutes_ahead(wishes: Wishes, now_ms: int) -> int:
    """How far the chat's clock is ahead of UTC at a moment. A zone that this machine does not know counts as none."""
    zone = zone_of(wishes.zone) if wishes.zone else None
    if zone is None:
        return wishes.zone_minutes
    ahead = datetime.fromtimestamp(now_ms / 1000, zone).utcoffset()
    return wishes.zone_minutes if ahead is None else int(ahead.total_seconds()) // 60


@lru_cache(64)
def zone_of(name: str) -> tzinfo | None:
    """A zone of the IANA's by its name; None where there is none, or this machine has no list of them."""
    from zoneinfo import ZoneInfo  # 0.4 MiB, for those who use it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; not a name; a folder
        return None


def is_quiet_at(settings: str, now_ms: int) -> bool:
    """Whether messages come without a sound now. From 23:00 to 07:00 goes over midnight."""
    wishes = load_wishes(settings)
    if wishes.quiet_from < 0 or wishes.quiet_from == wishes.quiet_to:
        return False
    minute = minute_of_day(wishes, now_ms)
    if wishes.quiet_from < wishes.quiet_to:
        return wishes.quiet_from <= minute < wishes.quiet_to
    return minute >= wishes.quiet_from or minute < wishes.quiet_to
