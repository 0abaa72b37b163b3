"""What /balance, /positions and /pnl have in common: whose accounts, who failed, whose key is too strong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from accounts import NoKeys, Part
from answers.asked import Room
from exchanges.table import ACCOUNTS
from exchanges.words import DOLLARS
from render import sentences
from render.fields import Json
from render.figures import escape, format_moment, format_usd
from render.message import Answer, Button
from render.sentences import exchange_name, in_words, reasons

T = TypeVar("T")


async def account_command(
    room: Room,
    words: list[str],
    name: str,
    ask: Callable[[str], Awaitable[list[Part[T]]]],
    show: Callable[[list[Part[T]], float], Answer],
) -> Answer:
    exchange = words[0].lower() if words else ""
    if exchange and exchange not in ACCOUNTS:
        known = in_words([sentences.exchange_name(each) for each in ACCOUNTS])
        return Answer(f"Accounts can be asked for at {known}. For example /{name} {next(iter(ACCOUNTS))}.")
    try:
        answer = show(await ask(exchange), room.clock())
    except NoKeys as error:
        return no_keys(error.variables)
    return answer._replace(keyboard=((Button("🔄 Refresh", f"{name} {exchange}".strip()),),))


def signed_usd(usd: float | None, amount: float | None, asset: str) -> str:
    """+$12.30, and what it is in the coin where it settles in one."""
    if amount is None:
        return "n/a"
    in_coin = "" if asset in DOLLARS else f"{amount:+.6g} {asset[:8]}"
    return in_coin if usd is None else f"{format_usd(usd, sign=True)}{in_coin and ' ' + in_coin}"


def part_notes(parts: Sequence[Part[Any]]) -> list[str]:
    """Who failed, and keys that can do more than they should."""
    failed = [error for part in parts for error in part.errors]
    notes = (
        [escape(f"{'Not' if all(p.found is None for p in parts) else 'Not all'} shown: {reasons(failed)}.")]
        if failed
        else []
    )
    strong = [exchange_name(part.exchange) for part in parts if part.may_do_more]
    if strong:
        notes.append(f"⚠️ The API key of {escape(in_words(strong))} may trade or withdraw. A read-only key is enough.")
    return notes


def asked_line(parts: Sequence[Part[Any]], now_s: float) -> str:
    names = in_words([exchange_name(part.exchange) for part in parts if part.found is not None]) or "nobody"
    return f"<i>{escape(names)} · {format_moment(int(now_s * 1000), now_s)}</i>"


def no_keys(variables: Sequence[str]) -> Answer:
    """Which variables the owner has to set."""
    return Answer(f"No API key is set for this. Set {escape(in_words(list(variables)))}; a read-only key is enough.")


class AllFailed(Exception):
    """None of the accounts could be read. The text says why."""


class Partial(NamedTuple):
    """What of several accounts is known, and a sentence for each that is missing in it."""

    known: Json | list[Json]
    missing: list[str]


def of_accounts(parts: Sequence[Part[Any]], known: Json | list[Json]) -> Json | list[Json] | Partial:
    """The answer, with who is missing in it. Raises AllFailed."""
    missing = [f"{sentences.exchange_name(error.exchange)} {error.reason}" for part in parts for error in part.errors]
    if all(part.found is None for part in parts):
        raise AllFailed("; ".join(dict.fromkeys(missing)) + ".")
    return Partial(known, list(dict.fromkeys(missing))) if missing else known
