"""Why something is missing, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exchanges.errors import Blocked, Gone, MarketError, NoAnswer, NotListed, NotSupported, NotTraded, UnknownSymbol
from exchanges.symbols import NotASymbol
from exchanges.table import EXCHANGES
from render.figures import escape

MAX_NAMED = 3  # exchanges that lack a market; of more, their number is told
_PLURALS = {"was": "were", "is": "are", "has": "have", "tells": "tell"}


def exchange_name(exchange: str) -> str:
    return EXCHANGES[exchange].name if exchange in EXCHANGES else exchange


def reasons(errors: Iterable[MarketError]) -> str:
    """“Binance and Bybit did not answer in time; not listed on OKX”, each exchange once."""
    names: dict[str, list[str]] = {}
    for error in {error.exchange: error for error in errors}.values():
        names.setdefault(error.reason, []).append(exchange_name(error.exchange))
    unlisted = names.pop(UnknownSymbol.reason, [])
    told = [f"{in_words(each)} {_of(reason, each)}" for reason, each in names.items()]
    if len(unlisted) > MAX_NAMED:
        others = "others" if names else "exchanges"
        told.append(f"not listed on {'' if names else 'any of '}{len(unlisted)} {others}")
    elif unlisted:
        told.append(f"not listed on {in_words(unlisted)}")
    return "; ".join(told)


def _of(reason: str, names: Sequence[str]) -> str:
    """A reason in the plural where there are several of whom it tells."""
    verb, _, rest = reason.partition(" ")
    return f"{_PLURALS.get(verb, verb)} {rest}" if len(names) > 1 else reason


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def in_words(names: Sequence[str], last: str = "and") -> str:
    """A, B and C"""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sorry(error: NotListed | NoAnswer | NotASymbol, what: str = "price for") -> str:
    """Why there is no answer, and what to do next. what: as in “No price for BTC-USDT right now.”"""
    if isinstance(error, NotListed):
        return escape(f"{_not_listed(error)} {_maybe(error.suggestions)}")
    if isinstance(error, NoAnswer):
        is_passing = not all(
            isinstance(each, (Blocked, Gone, UnknownSymbol, NotSupported, NotTraded)) for each in error.errors
        )
        advice = " Please try again in a minute." if is_passing else ""
        return escape(f"No {what} {error.symbol} right now. {sentence(reasons(error.errors))}{advice}")
    return escape(str(error))


def _not_listed(error: NotListed) -> str:
    """The verdict in one line: Not listed on any of 9 exchanges: BTV."""
    n, name = len(error.exchanges), error.symbol.removesuffix("-USDT")
    where = f"any of {n} exchanges" if n > 1 else exchange_name(error.exchanges[0]) if n else "any exchange"
    what = {"perp": "No perpetual", "spot": "No spot market"}.get(error.kind, "Not listed")
    return f"{what} on {where}: {name}."


def _maybe(suggestions: Sequence[str]) -> str:
    return f"Did you mean {in_words(suggestions, 'or')}?" if suggestions else "Check the spelling?"


def failed_before(errors: Sequence[MarketError], kind: str = "") -> list[str]:
    """Who was asked before, in vain; and for what, where it was another market than the one that is shown."""
    lines = []
    for of in dict.fromkeys(error.kind for error in errors):
        text = reasons([error for error in errors if error.kind == of])
        name = {"perp": "Perpetual", "spot": "Spot"}.get(of, "") if of != kind else ""
        lines.append(escape(f"{name}: {text}." if name and kind else sentence(text)))
    return lines


def no_keys(variables: Sequence[str]) -> str:
    """Which variables the owner has to set."""
    return escape(f"No API key is set for this. Set {in_words(list(variables))}; a read-only key is enough.")
