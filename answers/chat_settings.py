"""/settings: what one chat wishes, by words and by buttons; and what that means for what is typed there.

/settings symbol ETH · interval 1h · quiet 23:00-07:00 · digest 8:00 · zone Berlin · charts on · rich on · each: off
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import NamedTuple

from answers.asked import (
    CHARTS_OF_ACCOUNTS,
    EXAMPLES,
    KIND_WORDS,
    NO_MONTH,
    Misread,
    Tools,
    cut,
    is_month,
    is_span,
)
from answers.quiet import DAY_MINUTES, Wishes, load_wishes, zone_of
from exchanges.errors import NoAnswer
from exchanges.symbols import parse_symbol
from exchanges.words import INTERVALS
from market import Market
from render.keyboards import INTERVAL_BUTTONS, choices, keyboard
from render.message import Answer, Button, pairs, short
from store.words import StoreError

OF_ONE = ("price", "analysis", "volume", "cvd", "chart", "profile", "ls", "oi", "funding", "liq", "spread", "alert")
IN_INTERVALS = ("analysis", "volume", "cvd", "chart")
VIEWS_IN_INTERVALS = ("candles", "cvd")  # of a chart
OTHER_WORDS = ("today", "top", "extremes")  # that some command takes for no coin
AREAS = ("Europe", "America", "Asia", "Australia", "Africa", "Pacific", "Atlantic", "Indian", "Arctic", "Antarctica")
MAX_ZONE = 14 * 60  # minutes ahead of UTC, and 12 hours behind
MAX_ZONE_NAME = 40  # letters
WIDEST_ZONE = 22  # columns that a phone has for it
NAMES = {
    "symbol": "Symbol",
    "interval": "Interval",
    "quiet": "Quiet hours",
    "digest": "Digest",
    "zone": "Time zone",
    "charts": "Charts",
    "rich": "Rich tables",
}
ABOUTS = {
    "symbol": "The coin that a command without one is about. Another one: /settings symbol DOGE",
    "interval": "The interval that a command without one takes.",
    "quiet": "When messages come without a sound, by this chat's clock. Other hours: /settings quiet 22:30-06:30",
    "digest": "Once a day: the watchlist, what moved, funding extremes, alerts. Another time: /settings digest 7:45",
    "zone": "This chat's clock. A city brings its summer time along: /settings zone New York, or zone +5:30",
    "charts": "Whether an alert that rings brings its chart.",
    "rich": "Tables as true ones instead of fixed-width letters. Telegram's apps show them since June 2026; "
    "where you see nothing, or “not supported”, switch them off again.",
}
CHOICES = {
    "symbol": (*EXAMPLES, "off"),
    "interval": (*INTERVAL_BUTTONS, "off"),
    "quiet": ("22:00-06:00", "23:00-07:00", "00:00-08:00", "off"),
    "digest": ("06:00", "08:00", "18:00", "off"),
    "zone": ("-8", "-5", "+0", "+1", "+2", "+3", "+8", "+9"),
    "charts": ("on", "off"),
    "rich": ("on", "off"),
}
A_ROW = 4


class Asked(NamedTuple):
    """name: of a setting, "" for all of them; value: what it should be, "" to choose."""

    name: str = ""
    value: str = ""


class Told(NamedTuple):
    wishes: Wishes
    name: str = ""


def command(words: list[str]) -> Asked:
    """Raises Misread."""
    if not words:
        return Asked()
    name = words[0].lower()
    if name not in NAMES:
        raise Misread(f"Which setting? One of {', '.join(NAMES)}; for example /settings quiet 23:00-07:00")
    return Asked(name, " ".join(words[1:]))


async def ask(tools: Tools, asked: Asked) -> Told:
    """Raises Misread and NotASymbol; NotListed for a symbol that all later questions would be asked in vain for."""
    try:
        wishes = load_wishes((await tools.memory.chat(tools.who.chat_id)).settings)
        if not asked.value:
            return Told(wishes, asked.name)
        wishes = changed(wishes, asked.name, asked.value)._replace(set_by=tools.who.user_id)
        if asked.name == "symbol" and wishes.symbol:
            await _look_for(tools.market, parse_symbol(wishes.symbol))
        await tools.memory.change_settings(tools.who.chat_id, wishes.text)
    except StoreError as error:
        raise Misread(error.sentence) from error
    return Told(wishes)


async def _look_for(market: Market, symbol: str) -> None:
    """Raises NotListed where no exchange has it; whether one has is not known while none answers."""
    # duty.py imports this file when the process starts, and that one costs 5 ms.
    from answers.price_report import report_of

    with suppress(NoAnswer):
        await report_of(market, symbol)


# What is typed, as wishes.


def changed(wishes: Wishes, name: str, value: str) -> Wishes:
    """The same with one setting changed. Raises Misread and NotASymbol."""
    plain = value.lower().strip()
    is_off = plain in ("off", "none", "no", "-")
    if name == "symbol":
        return wishes._replace(symbol="" if is_off else short(parse_symbol(value)))
    if name == "interval":
        if is_month(value.strip()):
            raise Misread(f"{NO_MONTH} One of {', '.join(INTERVALS)}.")
        if not is_off and plain not in INTERVALS:
            raise Misread(f"An interval is one of {', '.join(INTERVALS)}.")
        return wishes._replace(interval="" if is_off else plain)
    if name == "quiet":
        begin, end = (-1, -1) if is_off else _span(plain)
        return wishes._replace(quiet_from=begin, quiet_to=end)
    if name == "digest":
        return wishes._replace(digest_at=-1 if is_off else _minute(plain))
    if name == "zone":
        zone, minutes = ("", 0) if is_off else _zone(value.strip())
        return wishes._replace(zone=zone, zone_minutes=minutes)
    if plain not in ("on", "off"):
        raise Misread(f"{'Charts with alerts' if name == 'charts' else 'Rich tables'}: on or off?")
    return wishes._replace(has_charts=plain == "on") if name == "charts" else wishes._replace(is_rich=plain == "on")


def _span(text: str) -> tuple[int, int]:
    begin, _, end = re.sub(r"\s*(?:to|until|[-–—])\s*|\s+", "-", text).partition("-")
    if not begin or not end:
        raise Misread("From when to when? For example /settings quiet 23:00-07:00")
    return _minute(begin), _minute(end)


def _minute(text: str) -> int:
    """Of the day: 8, 8:30, 08.30, 8am."""
    found = re.fullmatch(r"(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm)?", text)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if found and found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0) if 1 <= hour <= 12 else 99
    if hour > 23 or minute > 59:
        raise Misread(f"“{cut(text)}” is no time of day. For example 8:00, or 23:30")
    return hour * 60 + minute


def _zone(text: str) -> tuple[str, int]:
    """The name of a zone, and how far it is ahead of UTC where it has none: only names bring their summers along."""
    found = re.fullmatch(r"(?:utc|gmt)?\s?(?:([+\-−]?)(\d{1,2})(?::(\d{2}))?)?", text.lower())
    if found is None or not text:
        return _named_zone(text)
    minutes = int(found[2] or 0) * 60 + int(found[3] or 0)
    minutes = -minutes if found[1] in ("-", "−") else minutes
    if not -12 * 60 <= minutes <= MAX_ZONE:
        raise Misread("Clocks are from UTC-12 to UTC+14.")
    return "", minutes


def _named_zone(text: str) -> tuple[str, int]:
    """Europe/Berlin of berlin, America/New_York of new york: the whole name or its city, however it is spelt."""
    name = _zones().get(_plain(text[:MAX_ZONE_NAME]), "")
    zone = zone_of(name) if name else None
    if zone is None:
        raise Misread("How far from UTC, or which city? For example /settings zone Berlin, zone +2, or +5:30")
    ahead = zone.utcoffset(datetime(2000, 1, 1)) if name.startswith("Etc/") else None  # GMT+2 there is UTC-2
    return (name, 0) if ahead is None else ("", int(ahead.total_seconds()) // 60)


@cache
def _zones() -> dict[str, str]:
    """The IANA's names of zones by how they may be typed, for those who type one: 190 KiB, and 20 ms."""
    from zoneinfo import available_timezones

    names = sorted(available_timezones() - {"localtime", "Factory"}, key=lambda each: (each.count("/"), each))
    cities = [
        (_plain(name.rpartition("/")[2]), name) for area in AREAS for name in names if name.startswith(f"{area}/")
    ]
    return dict([*reversed(cities), *((_plain(name), name) for name in names)])


def _plain(name: str) -> str:
    """As it is compared: dar es salaam for Dar_es_Salaam, port au prince for Port-au-Prince; but -2 is kept."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[ _]+|-(?=[a-z])", " ", letters).strip()


# What it means for what is typed.


def filled(name: str, words: list[str], wishes: Wishes) -> list[str]:
    """The words of a command, with the chat's symbol and interval where none is said."""
    n_before = 1 if name == "chart" and words and _is_view(words[0].lower()) else 0
    view = words[0].lower() if n_before else ""
    if wishes.symbol and name in OF_ONE and _are_of_no_coin(view or name, words[n_before:]):
        words = [*words[:n_before], _askable(view or name, wishes.symbol), *words[n_before:]]
    if not words or not wishes.interval or name not in IN_INTERVALS:
        return words
    plain = [word.lower() for word in words]
    is_other = view not in ("", *VIEWS_IN_INTERVALS) or (
        name == "chart" and sum(word not in KIND_WORDS for word in plain[n_before:]) > 1
    )
    return words if is_other or any(word in INTERVALS for word in plain) else [*words, wishes.interval]


def _are_of_no_coin(name: str, words: list[str]) -> bool:
    """Whether the words behind a command, or behind the view of a chart, leave open which coin is meant."""
    if name in CHARTS_OF_ACCOUNTS or (name == "alert" and words):
        return False
    others = (*INTERVALS, *KIND_WORDS, *(("today",) if name == "profile" else ()))
    return all(is_span(word) or word.lower() in others for word in words)


def _askable(name: str, symbol: str) -> str:
    """The symbol as it is typed; with its quote where the coin is called like another word behind the command."""
    word = symbol.lower()
    is_other = word in (*KIND_WORDS, *OTHER_WORDS) or (name == "chart" and _is_view(word))
    return f"{symbol}-USDT" if is_other else symbol


def _is_view(word: str) -> bool:
    """Whether it is the picture of another answer."""
    from answers import chart  # with all its views, for those who have something drawn

    return word in chart.VIEWS


# Looks.


def show(told: Told, now_s: float) -> Answer:
    if told.name:
        return _show_choices(told)
    rows = [(NAMES[name], value_of(told.wishes, name) or "off") for name in NAMES]
    buttons = [Button(label, f"settings {name}") for name, label in NAMES.items()]
    return Answer("<b>Settings</b> of this chat", (pairs(rows),), keyboard=keyboard(*_in_rows(buttons, 3)))


def _show_choices(told: Told) -> Answer:
    """One setting, with its usual values as buttons; the one that it has is marked."""
    value = value_of(told.wishes, told.name) or "off"
    lines = [(each, f"settings {told.name} {each}") for each in CHOICES[told.name]]
    rows = _in_rows(choices(lines, value.removeprefix("UTC")), A_ROW)
    text = f"<b>{NAMES[told.name]}</b>  {value}"
    return Answer(text, (ABOUTS[told.name],), keyboard=keyboard(*rows, (Button("‹ Settings", "settings"),)))


def value_of(wishes: Wishes, name: str) -> str:
    """As it is typed; "" for none."""
    if name == "quiet":
        return "" if wishes.quiet_from < 0 else f"{_clock(wishes.quiet_from)}-{_clock(wishes.quiet_to)}"
    if name == "digest":
        return "" if wishes.digest_at < 0 else _clock(wishes.digest_at)
    if name == "zone" and wishes.zone:
        return wishes.zone if len(wishes.zone) <= WIDEST_ZONE else wishes.zone.rpartition("/")[2]
    if name == "zone":
        sign, (hours, minutes) = "-" if wishes.zone_minutes < 0 else "+", divmod(abs(wishes.zone_minutes), 60)
        return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")
    if name in ("charts", "rich"):
        return "on" if (wishes.has_charts if name == "charts" else wishes.is_rich) else ""
    return wishes.symbol if name == "symbol" else wishes.interval


def _clock(minute: int) -> str:
    return f"{minute % DAY_MINUTES // 60:02}:{minute % 60:02}"


def _in_rows(buttons: Sequence[Button], n: int) -> list[tuple[Button, ...]]:
    return [tuple(buttons[i : i + n]) for i in range(0, len(buttons), n)]
