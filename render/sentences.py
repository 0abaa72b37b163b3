"""Why something is missing, in words. What is said of each reason and part is a table: another language is another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from exchanges.errors import (
    Blocked,
    Gone,
    MarketError,
    NoAnswer,
    NotListed,
    NotSupported,
    NotTraded,
    PartName,
    Reason,
    UnknownSymbol,
)
from exchanges.symbols import NotASymbol
from exchanges.table import EXCHANGES
from exchanges.words import Source
from render.figures import escape, format_day

REASONS = {
    Reason.FAILED: ("failed", "failed"),
    Reason.LATE: ("did not answer in time", "did not answer in time"),
    Reason.SLOWER: ("was slow", "were slow"),
    Reason.UNREACHABLE: ("could not be reached", "could not be reached"),
    Reason.HTTP_STATUS: ("answered HTTP {status}", "answered HTTP {status}"),
    Reason.OUT_OF_ORDER: ("was out of order", "were out of order"),
    Reason.PROBED: ("is being tried again", "are being tried again"),
    Reason.RATE_LIMITED: ("limited our requests", "limited our requests"),
    Reason.OVER_BUDGET: ("was not asked, to keep within the limits", "were not asked, to keep within the limits"),
    Reason.BLOCKED: ("refused this server's region", "refused this server's region"),
    Reason.GONE: ("has closed this address", "have closed this address"),
    Reason.UNUSABLE: ("gave an unusable answer", "gave an unusable answer"),
    Reason.UNTOLD: ("did not tell", "did not tell"),
    Reason.TOO_MUCH: ("had more than could be read", "had more than could be read"),
    Reason.BEHIND: ("had no figures of now", "had no figures of now"),
    Reason.WRONG_MARKET: ("answered about another market", "answered about another market"),
    Reason.DECLINED: ("declined the question", "declined the question"),
    Reason.NOT_LISTED: ("had no such market", "had no such market"),
    Reason.NAMESAKE: ("lists another coin of that name", "list another coin of that name"),
    Reason.NOT_TRADED: ("has no trades of it yet", "have no trades of it yet"),
    Reason.NOT_TRADED_NOW: ("does not trade it now", "do not trade it now"),
    Reason.NOT_TRADED_SINCE: ("has had no trades of it since {since}", "have had no trades of it since {since}"),
    Reason.NOT_OFFERED: ("did not offer it", "did not offer it"),
    Reason.NOT_TOLD: ("does not tell it", "do not tell it"),
    Reason.NO_SPOT: ("has no spot markets", "have no spot markets"),
    Reason.NO_PERPS: ("has no perpetuals", "have no perpetuals"),
    Reason.NO_SUCH_CANDLES: ("has no such candles", "have no such candles"),
    Reason.NO_CANDLE: ("had no candle", "had no candle"),
    Reason.NO_CLOSED_CANDLE: ("had no closed candle", "had no closed candle"),
    Reason.NO_TAKER_VOLUME: ("tells no taker volume", "tell no taker volume"),
    Reason.NO_FUNDING: ("tells no funding", "tell no funding"),
    Reason.NO_FUNDING_HISTORY: ("tells no history of its funding", "tell no history of their funding"),
    Reason.NO_BASIS: ("tells no basis", "tell no basis"),
    Reason.NO_RATIOS: ("tells no longs and shorts", "tell no longs and shorts"),
    Reason.NO_LIQUIDATIONS: ("tells no liquidations", "tell no liquidations"),
    Reason.NO_LIST: ("has no list of all markets", "have no list of all markets"),
    Reason.NO_OPEN_INTEREST_LIST: ("has no list of open interest", "have no list of open interest"),
    Reason.NO_OPEN_INTEREST_HISTORY: ("tells no history of open interest", "tell no history of open interest"),
    Reason.NO_OPEN_INTEREST_HISTORY_OF_IT: (
        "has no history of its open interest",
        "have no history of its open interest",
    ),
    Reason.KEY_REFUSED: ("refused the API key", "refused the API key"),
    Reason.KEY_WRONG: (
        "refused the API key: it is wrong, or of another site",
        "refused the API key: it is wrong, or of another site",
    ),
    Reason.KEY_UNKNOWN: ("does not know the API key", "do not know the API key"),
    Reason.KEY_OF_OTHER_FORM: ("does not know this form of API key", "do not know this form of API key"),
    Reason.KEY_OF_OTHER_ENVIRONMENT: (
        "says that the API key is of another environment: see OKX_TESTNET",
        "say that the API key is of another environment: see OKX_TESTNET",
    ),
    Reason.KEY_EXPIRED: ("says that the API key has expired", "say that the API key has expired"),
    Reason.KEY_MAY_NOT: ("says that the API key may not do this", "say that the API key may not do this"),
    Reason.KEY_OR_ADDRESS_REFUSED: (
        "refused the API key, this address, or what it may do",
        "refused the API key, this address, or what it may do",
    ),
    Reason.ADDRESS_REFUSED: (
        "says that the API key may not be used from this address",
        "say that the API key may not be used from this address",
    ),
    Reason.PASSPHRASE_REFUSED: ("refused the passphrase", "refused the passphrase"),
    Reason.SIGNATURE_WRONG: (
        "found the signature wrong: check the secret key",
        "found the signature wrong: check the secret key",
    ),
    Reason.CLOCK_WRONG: ("found this machine's clock wrong", "found this machine's clock wrong"),
}
"""What an exchange did or did not, and what several did: they continue “Binance …” and “Binance and OKX …”."""
PARTS = {
    PartName.SPOT: "spot market",
    PartName.PERP: "perpetual",
    PartName.OPEN_INTEREST: "open interest",
    PartName.FUNDING: "funding",
    PartName.FUNDING_PERIOD: "funding period",
    PartName.OPEN_INTEREST_CHANGE: "OI change",
    PartName.HOUR_CHANGE: "1h change",
    PartName.DAY_CHANGE: "24h change",
    PartName.WEEK_AND_MONTH_CHANGE: "7d and 30d change",
    PartName.CVD: "CVD",
    PartName.DAY_CVD: "CVD of 24h",
    PartName.SESSION_AND_DAY: "session and day",
    PartName.LONG_SHORT: "long/short",
}
"""They are continued by “n/a”; spot and perpetual are led by “No”."""
QUIET_S = 86400.0  # without a trade
MAX_NAMED = 3  # exchanges that lack a market; of more, their number is told


def exchange_name(exchange: str) -> str:
    return EXCHANGES[exchange].name if exchange in EXCHANGES else exchange


class Told(Protocol):
    """An error, or what is kept of one."""

    @property
    def reason(self) -> Reason: ...
    @property
    def status(self) -> int | None: ...


def said(error: Told, n: int = 1) -> str:
    """What an error says of its exchange, or of n exchanges of which it tells the same."""
    return REASONS[error.reason][n > 1].format(status=error.status, since=getattr(error, "since", ""))


def reasons(errors: Iterable[MarketError]) -> str:
    """“Binance and Bybit did not answer in time; not listed on OKX”, each exchange once."""
    alike: dict[tuple[Reason, int | None, str], list[MarketError]] = {}
    for error in {error.exchange: error for error in errors}.values():
        alike.setdefault((error.reason, error.status, error.since), []).append(error)
    unlisted = [error for each in alike.values() for error in each if error.reason is Reason.NOT_LISTED]
    told = [_of_all(each) for each in alike.values() if each[0].reason is not Reason.NOT_LISTED]
    if len(unlisted) > MAX_NAMED:
        others = "others" if told else "exchanges"
        told.append(f"not listed on {'' if told else 'any of '}{len(unlisted)} {others}")
    elif unlisted:
        told.append(_of_all(unlisted))
    return "; ".join(told)


def _of_all(errors: Sequence[MarketError]) -> str:
    """What several exchanges say alike."""
    names = in_words([exchange_name(error.exchange) for error in errors])
    if errors[0].reason is Reason.NOT_LISTED:
        return f"not listed on {names}"
    return f"{names} {said(errors[0], len(errors))}"


def failed_of(errors: Mapping[str, Iterable[MarketError]]) -> list[str]:
    """By coin: who did not answer, once for all of them; who does not list a coin, with its name."""
    silent: dict[str, MarketError] = {}
    unlisted: dict[str, list[str]] = {}
    for coin, each_of in errors.items():
        own = [each for each in each_of if isinstance(each, UnknownSymbol)]
        silent |= {each.exchange: each for each in each_of if each not in own}
        if own:
            unlisted.setdefault(reasons(own), []).append(coin)
    told = [sentence(reasons([each])) for each in silent.values()]
    return [*told, *(f"{in_words(coins)}: {why}." for why, coins in unlisted.items())]


def without(missing: Mapping[PartName, Iterable[MarketError]]) -> list[str]:
    """Which parts of an answer are missing, and why: those of one reason in one sentence."""
    by_reason: dict[str, list[str]] = {}
    for what, errors in missing.items():
        is_market = what in (PartName.SPOT, PartName.PERP)
        name = f"No {PARTS[what]}" if is_market else f"{capital(PARTS[what])} n/a"
        by_reason.setdefault(reasons(errors), []).append(name)
    return [f"{in_words([first, *map(continued, others)])}: {why}." for why, (first, *others) in by_reason.items()]


def is_quiet(time_ms: int, now_s: float) -> bool:
    """Whether a market was last traded so long ago that it is told as one that may be gone."""
    return now_s - time_ms / 1000 > QUIET_S


def quiet(name: str, exchange: str, time_ms: int) -> str:
    """What is said of such a market. name: how the answer calls it."""
    return f"{name}: no trade on {exchange_name(exchange)} since {format_day(time_ms)}; it may be halted or delisted."


def continued(text: str) -> str:
    """As it goes on in a sentence: OI stays OI."""
    return text if text[:2].isupper() else f"{text[:1].lower()}{text[1:]}"


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def sentence(text: str) -> str:
    return f"{capital(text)}."


def in_words(names: Sequence[str], last: str = "and") -> str:
    """A, B and C"""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sorry(error: NotListed | NoAnswer | NotASymbol, what: str = "price for") -> str:
    """Why there is no answer, and what to do next. what: as in “No price for BTC-USDT right now.”"""
    if isinstance(error, NotListed):
        return escape(f"{_not_listed(error)} {_maybe(error)}".rstrip())
    if isinstance(error, NoAnswer):
        is_passing = not all(
            isinstance(each, (Blocked, Gone, UnknownSymbol, NotSupported, NotTraded)) for each in error.errors
        )
        advice = " Please try again in a minute." if is_passing else ""
        when = "" if error.is_for_good else " right now"
        return escape(f"No {what} {error.symbol}{when}. {sentence(reasons(error.errors))}{advice}")
    return escape(str(error))


def _not_listed(error: NotListed) -> str:
    """The verdict in one line: Not listed on any of 9 exchanges: BTV."""
    n, name = len(error.exchanges), error.symbol.removesuffix("-USDT")
    where = f"any of {n} exchanges" if n > 1 else exchange_name(error.exchanges[0]) if n else "any exchange"
    what = {"perp": "No perpetual", "spot": "No spot market"}.get(error.kind, "Not listed")
    return f"{what} on {where}: {name}."


def _maybe(error: NotListed) -> str:
    """What to look at; where only one kind was asked for, the name may be right."""
    if error.suggestions:
        return f"Did you mean {in_words(error.suggestions, 'or')}?"
    return "" if error.kind else "Check the spelling?"


def failed_before(errors: Sequence[MarketError], kind: str = "") -> list[str]:
    """Who was asked before, in vain; and for what, where it was another market than the one that is shown."""
    lines = []
    for of in dict.fromkeys(error.kind for error in errors):
        text = reasons([error for error in errors if error.kind == of])
        name = {"perp": "Perpetual", "spot": "Spot"}.get(of, "") if of != kind else ""
        lines.append(escape(f"{name}: {text}." if name and kind else sentence(text)))
    return lines


def of_source(source: Source) -> list[str]:
    """What is to be said of where figures come from: who was asked before in vain, and which of two coins it is."""
    return [*failed_before(source.failed, source.kind), *which_coin(source.symbol, source.exchange, source.other)]


def which_coin(symbol: str, exchange: str, other: str) -> list[str]:
    """other: what another coin's contract is called beside that of the symbol; "" for none."""
    base = symbol.partition("-")[0]
    return [escape(f"This is {base}; {other} on {exchange_name(exchange)} is another coin.")] if other else []


def no_keys(variables: Sequence[str]) -> str:
    """Which variables the owner has to set."""
    return escape(f"No API key is set for this. Set {in_words(list(variables))}; a read-only key is enough.")
