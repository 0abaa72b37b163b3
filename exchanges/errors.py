"""What can go wrong, as a tree split by who can do something about it.

MarketError
  UnknownSymbol      the exchange lists no such market
  NotTraded          it does, but nobody has traded there yet, or may now
    LongQuiet        nobody has for a day and more: delisted, or halted
  NotSupported       the exchange does not offer it at all
  Unavailable        timeout, refused, 5xx
    RateLimited      carries retry_after_s
    Blocked          not served to the country of this machine's address
    Gone             the exchange has closed this address for good
  Refused            an API key is wrong, or may not do this
    ClockWrong       the request's time stamp is not the exchange's time
  BadResponse        not the documented shape, cut, or larger than allowed
    WrongMarket      the answer is about another market than was asked for
    Unlikely         the documented shape, with figures that no market can have
    Declined         a refusal in good form, whose meaning is not known here
NotListed            no exchange lists the symbol
NoAnswer             no exchange answered; carries what each of them said
NoKeys               no key of an account is set
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum, auto
from typing import ClassVar, TypeVar

E = TypeVar("E", bound=BaseException)


class Reason(StrEnum):
    """Why an exchange did not give the answer. What is said of each is one table, in render/sentences.py."""

    FAILED = auto()
    # It could not, this time.
    LATE = auto()
    SLOWER = auto()  # than one that was asked after it
    UNREACHABLE = auto()
    HTTP_STATUS = auto()  # which, is MarketError.status
    OUT_OF_ORDER = auto()
    PROBED = auto()  # it rested after failures, and one request finds out whether it is well
    RATE_LIMITED = auto()
    OVER_BUDGET = auto()  # ours
    BLOCKED = auto()
    GONE = auto()
    UNUSABLE = auto()
    UNTOLD = auto()
    TOO_MUCH = auto()
    BEHIND = auto()
    WRONG_MARKET = auto()
    DECLINED = auto()
    # It has not.
    NOT_LISTED = auto()
    NAMESAKE = auto()  # it lists another coin of that name
    NOT_TRADED = auto()
    NOT_TRADED_NOW = auto()
    NOT_TRADED_SINCE = auto()  # which day, is LongQuiet.since
    NOT_OFFERED = auto()
    NOT_TOLD = auto()
    NO_SPOT = auto()
    NO_PERPS = auto()
    NO_SUCH_CANDLES = auto()
    NO_CANDLE = auto()
    NO_CLOSED_CANDLE = auto()
    NO_TAKER_VOLUME = auto()
    NO_FUNDING = auto()
    NO_FUNDING_HISTORY = auto()
    NO_RATIOS = auto()
    NO_BASIS = auto()
    NO_LIQUIDATIONS = auto()
    NO_LIST = auto()
    NO_OPEN_INTEREST_LIST = auto()
    NO_OPEN_INTEREST_HISTORY = auto()
    NO_OPEN_INTEREST_HISTORY_OF_IT = auto()
    # It does not let the owner of the key.
    KEY_REFUSED = auto()
    KEY_WRONG = auto()  # or of another site
    KEY_UNKNOWN = auto()
    KEY_OF_OTHER_FORM = auto()
    KEY_OF_OTHER_ENVIRONMENT = auto()
    KEY_EXPIRED = auto()
    KEY_MAY_NOT = auto()
    KEY_OR_ADDRESS_REFUSED = auto()
    ADDRESS_REFUSED = auto()
    PASSPHRASE_REFUSED = auto()
    SIGNATURE_WRONG = auto()
    CLOCK_WRONG = auto()


class PartName(StrEnum):
    """A part of an answer that can be missing."""

    SPOT = auto()
    PERP = auto()
    OPEN_INTEREST = auto()
    FUNDING = auto()
    FUNDING_PERIOD = auto()
    OPEN_INTEREST_CHANGE = auto()
    HOUR_CHANGE = auto()
    DAY_CHANGE = auto()
    WEEK_AND_MONTH_CHANGE = auto()
    CVD = auto()
    DAY_CVD = auto()
    SESSION_AND_DAY = auto()
    LONG_SHORT = auto()


class MarketError(Exception):
    """An exchange did not give the answer.

    exchange: its id. detail: for operators, in the log only; it may quote the exchange.
    status: the HTTP status that it answered with, where that is the reason; since: the day, likewise.
    """

    reason = Reason.FAILED
    since = ""
    http_status = 502
    counts_for_circuit: ClassVar[bool] = True
    """Whether it says that the host is ill: silence, 5xx and garbage do, as do bans. Any answer that refuses one
    question (an unknown market, a bad parameter, a key), or has one market's figures that cannot be, says that the host
    is well."""

    def __init__(self, exchange: str, detail: str, reason: Reason | None = None, status: int | None = None) -> None:
        super().__init__(f"{exchange}: {detail}")
        self.exchange, self.detail, self.status = exchange, detail, status
        self.kind = ""  # spot or perp, where the question was asked of both
        if reason is not None:
            self.reason = reason


class UnknownSymbol(MarketError):
    reason = Reason.NOT_LISTED
    http_status = 404
    counts_for_circuit = False


class NotTraded(MarketError):
    reason = Reason.NOT_TRADED
    http_status = 404
    counts_for_circuit = False


class LongQuiet(NotTraded):
    """since: the day, 2026-09-11."""

    reason = Reason.NOT_TRADED_SINCE

    def __init__(self, exchange: str, detail: str, since: str = "long ago") -> None:
        super().__init__(exchange, detail)
        self.since = since


class NotSupported(MarketError):
    reason = Reason.NOT_OFFERED
    http_status = 501
    counts_for_circuit = False


class Unavailable(MarketError):
    reason = Reason.UNREACHABLE
    http_status = 503


class RateLimited(Unavailable):
    """retry_after_s: how long to ask nothing; until_ms: the same as a moment. Either may be unknown."""

    reason = Reason.RATE_LIMITED
    http_status = 429

    def __init__(
        self, exchange: str, detail: str, retry_after_s: float | None = None, until_ms: int | None = None
    ) -> None:
        super().__init__(exchange, detail)
        self.retry_after_s, self.until_ms = retry_after_s, until_ms


class Blocked(Unavailable):
    reason = Reason.BLOCKED


class Gone(Unavailable):
    reason = Reason.GONE
    counts_for_circuit = False


class Refused(MarketError):
    reason = Reason.KEY_REFUSED
    http_status = 403
    counts_for_circuit = False


class ClockWrong(Refused):
    reason = Reason.CLOCK_WRONG


class BadResponse(MarketError):
    reason = Reason.UNUSABLE


class WrongMarket(BadResponse):
    reason = Reason.WRONG_MARKET


class Unlikely(BadResponse):
    """One market's figures say nothing of its host: whoever asks for an odd market three times takes it from nobody."""

    counts_for_circuit = False


class Declined(BadResponse):
    reason = Reason.DECLINED
    counts_for_circuit = False


def unexplained(exchange: str, status: int, said: str, code: object = None) -> BadResponse:
    """What a refusal means that has no meaning here: Declined when it was told by a status or a code, else garbage."""
    is_told = 400 <= status < 500 or bool(str("" if code is None else code).strip("0"))  # 0, "00000": all is well
    return Declined(exchange, said) if is_told else BadResponse(exchange, said)


def ill(exchange: str, said: str, status: int) -> Unavailable:
    """An exchange that says it is ill: by the status, or by a code while the status is none of an error."""
    if status >= 500:
        return Unavailable(exchange, said, Reason.HTTP_STATUS, status)
    return Unavailable(exchange, said, Reason.OUT_OF_ORDER)


class NotListed(Exception):
    """No exchange lists the symbol. suggestions: similar bases that one of them does list.

    kind: perp or spot, where only that was asked for; the coin may have a market of the other kind then.
    """

    def __init__(self, symbol: str, exchanges: Sequence[str], suggestions: Sequence[str], kind: str = "") -> None:
        super().__init__(f"{symbol} is not listed")
        self.symbol, self.exchanges, self.suggestions = symbol, tuple(exchanges), tuple(suggestions)
        self.kind = kind


class NoAnswer(Exception):
    """No exchange answered. errors: one for each that was asked, those that do not list the symbol last."""

    def __init__(self, symbol: str, errors: Sequence[MarketError]) -> None:
        # Of several of one exchange a failure tells more than what it has not, and that more than what is not listed.
        telling: dict[str, MarketError] = {}
        for error in sorted(errors, key=lambda error: (is_not_there(error), isinstance(error, UnknownSymbol))):
            telling.setdefault(error.exchange, error)
        errors = sorted(telling.values(), key=lambda error: isinstance(error, UnknownSymbol))
        super().__init__(f"{symbol}: " + "; ".join(str(error) for error in errors))
        self.symbol, self.errors = symbol, tuple(errors)

    @property
    def is_for_good(self) -> bool:
        """Whether none of them will ever tell this, so that it is no use to ask again."""
        return all(isinstance(error, (NotSupported, UnknownSymbol)) for error in self.errors)


class NoKeys(Exception):
    """No key is set, or none for the exchange that was asked for. variables: what to set."""

    def __init__(self, variables: Sequence[str]) -> None:
        super().__init__(f"not set: {', '.join(variables)}")
        self.variables = tuple(variables)


def bare(error: E) -> E:
    """The error as nothing but what it says, for whoever keeps it, or raises it where less is known.

    Its frames, and the errors it came of, hold the answer that was refused: up to half a megabyte for as long as a
    command waits for other exchanges, and longer where errors are kept.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def is_unlisted(error: object) -> bool:
    """Whether the exchange has no such market; one that is paused, or not traded yet, is listed."""
    return isinstance(error, (UnknownSymbol, NotSupported))


def is_not_there(error: object) -> bool:
    """Whether the exchange does not have it at all, which is no failure of its."""
    return isinstance(error, (UnknownSymbol, NotTraded, NotSupported))
