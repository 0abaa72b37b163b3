"""What /balance, /positions and /pnl have in common: whose accounts, who failed, whose key is too strong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from accounts import Part, Valued
from answers.asked import Misread
from exchanges.table import ACCOUNTS
from exchanges.words import DOLLARS
from render.figures import escape, format_usd, shortened, unsigned_zero
from render.keyboards import again as row_of_acts
from render.keyboards import keyboard
from render.message import Button, Keyboard, moment
from render.sentences import exchange_name, in_words, reasons, said

PARTIAL = " (partial)"
ACCOUNT_LABELS = {"balance": "Balance", "positions": "Positions", "pnl": "PnL"}
T = TypeVar("T")


def which_exchange(words: Sequence[str], command: str) -> str:
    """The exchange that was named; "" for all of them. Raises Misread."""
    exchange = words[0].lower() if words else ""
    if exchange and exchange not in ACCOUNTS:
        known = in_words([exchange_name(each) for each in ACCOUNTS])
        raise Misread(f"Accounts can be asked for at {known}. For example /{command} {next(iter(ACCOUNTS))}.")
    return exchange


class Asked(NamedTuple, Generic[T]):
    """What the accounts told. exchange: the one that was asked for, "" for all."""

    exchange: str
    parts: Sequence[Part[T]]


def again(command: str, exchange: str) -> Keyboard:
    others = tuple(
        Button(label, f"{name} {exchange}".strip()) for name, label in ACCOUNT_LABELS.items() if name != command
    )
    picture = f"chart pnl {exchange}".strip() if command == "pnl" else ""
    return keyboard(row_of_acts(f"{command} {exchange}".strip(), picture), others)


def signed_usd(usd: float | None, amount: float | None, asset: str) -> str:
    """+$12.30, and what it is in the coin where it settles in one."""
    if amount is None:
        return "n/a"
    in_coin = "" if asset in DOLLARS else f"{unsigned_zero(_six_digits(amount))} {shortened(asset, 8)}"
    return in_coin if usd is None else f"{format_usd(usd, sign=True)}{in_coin and ' ' + in_coin}"


def _six_digits(amount: float) -> str:
    """+0.5 · -0.00008549 · +1234570000, without an exponent."""
    text = f"{amount:+.6g}"
    if "e" not in text:
        return text
    decimals = max(0, 5 - math.floor(math.log10(abs(amount))))
    return f"{float(text):+.{decimals}f}".rstrip("0") if decimals else f"{float(text):+.0f}"


def partial(parts: Sequence[Part[Any]]) -> str:
    """Behind a sum that is without an account which could not be read."""
    return PARTIAL if any(part.errors for part in parts) and any(part.found is not None for part in parts) else ""


def part_notes(parts: Sequence[Part[Any]]) -> list[str]:
    """Who failed, also with prices, and keys that can do more than they should."""
    failed = [error for part in parts for error in part.errors]
    notes = (
        [escape(f"{'Not' if all(p.found is None for p in parts) else 'Not all'} shown: {reasons(failed)}.")]
        if failed
        else []
    )
    if unpriced := [error for part in parts for error in part.unpriced]:
        notes.append(escape(f"Prices not read: {reasons(unpriced)}."))
    strong = [exchange_name(part.exchange) for part in parts if part.may_do_more]
    if strong:
        notes.append(f"⚠️ The API key of {escape(in_words(strong))} may trade or withdraw. A read-only key is enough.")
    return notes


def asked_line(parts: Sequence[Part[Any]], now_s: float) -> str:
    names = in_words([exchange_name(part.exchange) for part in parts if part.found is not None]) or "no account"
    return f"<i>{escape(names)} · {moment(int(now_s * 1000), now_s)}</i>"


class AllFailed(Exception):
    """None of the accounts could be read. The text says why."""


def missing_in(parts: Sequence[Part[Any]]) -> list[str]:
    """A sentence for each that is missing in a JSON answer. Raises AllFailed."""
    missing = [f"{exchange_name(error.exchange)} {said(error)}" for part in parts for error in part.errors]
    missing += [
        f"prices: {exchange_name(error.exchange)} {said(error)}"
        for part in parts
        if any(isinstance(each, Valued) for each in part.found or ())  # what is told of balances is in no dollars
        for error in part.unpriced
    ]
    if all(part.found is None for part in parts):
        raise AllFailed("; ".join(dict.fromkeys(missing)) + ".")
    return list(dict.fromkeys(missing))
