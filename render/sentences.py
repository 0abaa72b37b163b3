"""Why something is missing, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exchanges.errors import Blocked, Gone, MarketError, NoAnswer, NotListed, NotSupported, NotTraded, UnknownSymbol
from exchanges.symbols import NotASymbol
from exchanges.table import EXCHANGES
from render.figures import escape

_PLURALS = {"was": "were", "is": "are", "has": "have", "tells": "tell"}


def exchange_name(exchange: str) -> str:
    return EXCHANGES[exchange].name if exchange in EXCHANGES else exchange


def reasons(errors: Iterable[MarketError]) -> str:
    """“Binance and Bybit did not answer in time; not listed on OKX”, each exchange once."""
    names: dict[str, list[str]] = {}
    for error in {error.exchange: error for error in errors}.values():
        names.setdefault(error.reason, []).append(exchange_name(error.exchange))
    return "; ".join(
        f"not listed on {in_words(each)}" if reason == UnknownSymbol.reason else f"{in_words(each)} {_of(reason, each)}"
        for reason, each in names.items()
    )


def _of(reason: str, names: Sequence[str]) -> str:
    """A reason in the plural where there are several of whom it tells."""
    verb, _, rest = reason.partition(" ")
    return f"{_PLURALS.get(verb, verb)} {rest}" if len(names) > 1 else reason


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def in_words(names: Sequence[str]) -> str:
    """A, B and C"""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sorry(error: NotListed | NoAnswer | NotASymbol, what: str = "price for") -> str:
    """Why there is no answer, and what to do next. what: as in “No price for BTC-USDT right now.”"""
    if isinstance(error, NotListed):
        asked = in_words([exchange_name(each) for each in error.exchanges])
        maybe = f" Did you mean {in_words(error.suggestions)}?" if error.suggestions else " Check the spelling?"
        not_there = "is not listed as a perpetual" if error.kind == "perp" else "is not listed"
        return escape(f"{error.symbol} {not_there} on {asked}.{maybe}")
    if isinstance(error, NoAnswer):
        is_passing = not all(
            isinstance(each, (Blocked, Gone, UnknownSymbol, NotSupported, NotTraded)) for each in error.errors
        )
        advice = " Please try again in a minute." if is_passing else ""
        return escape(f"No {what} {error.symbol} right now. {sentence(reasons(error.errors))}{advice}")
    return escape(str(error))


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
