"""What can go wrong, as a tree split by who can do something about it.

MarketError
  UnknownSymbol      the exchange lists no such market
  NotTraded          it does, but nobody has traded there yet, or may now
  NotSupported       the exchange does not offer it at all
  Unavailable        timeout, refused, 5xx
    RateLimited      carries retry_after_s
    Blocked          not served to the country of this machine's address
    Gone             the exchange has closed this address for good
  Refused            an API key is wrong, or may not do this
    ClockWrong       the request's time stamp is not the exchange's time
  BadResponse        not the documented shape, cut, or larger than allowed
    WrongMarket      the answer is about another market than was asked for
    Declined         a refusal in good form, whose meaning is not known here
NotListed            no exchange lists the symbol
NoAnswer             no exchange answered; carries what each of them said
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class MarketError(Exception):
    """An exchange did not give the answer.

    exchange: its id. detail: for operators, in the log only; it may quote the exchange.
    reason: a few words of our own for the user, which continue "Binance …".
    """

    reason = "failed"
    http_status = 502
    counts_for_circuit: ClassVar[bool] = True
    """Whether it says that the host is ill: silence, 5xx and garbage do, as do bans. Any answer that refuses one
    question (an unknown market, a bad parameter, a key) says that the host is well."""

    def __init__(self, exchange: str, detail: str, reason: str | None = None) -> None:
        super().__init__(f"{exchange}: {detail}")
        self.exchange, self.detail = exchange, detail
        self.kind = ""  # spot or perp, where the question was asked of both
        if reason is not None:
            self.reason = reason


class UnknownSymbol(MarketError):
    reason = "had no such market"
    http_status = 404
    counts_for_circuit = False


class NotTraded(MarketError):
    reason = "has no trades of it yet"
    http_status = 404
    counts_for_circuit = False


class NotSupported(MarketError):
    reason = "did not offer it"
    http_status = 501
    counts_for_circuit = False


class Unavailable(MarketError):
    reason = "could not be reached"
    http_status = 503


class RateLimited(Unavailable):
    """retry_after_s: how long to ask nothing; until_ms: the same as a moment. Either may be unknown."""

    reason = "limited our requests"
    http_status = 429

    def __init__(
        self, exchange: str, detail: str, retry_after_s: float | None = None, until_ms: int | None = None
    ) -> None:
        super().__init__(exchange, detail)
        self.retry_after_s, self.until_ms = retry_after_s, until_ms


class Blocked(Unavailable):
    reason = "refused this server's region"


class Gone(Unavailable):
    reason = "has closed this address"
    counts_for_circuit = False


class Refused(MarketError):
    reason = "refused the API key"
    http_status = 403
    counts_for_circuit = False


class ClockWrong(Refused):
    reason = "found this machine's clock wrong"


class BadResponse(MarketError):
    reason = "gave an unusable answer"


class WrongMarket(BadResponse):
    reason = "answered about another market"


class Declined(BadResponse):
    reason = "declined the question"
    counts_for_circuit = False


def unexplained(exchange: str, status: int, said: str, code: object = None) -> BadResponse:
    """What a refusal means that has no meaning here: Declined when it was told by a status or a code, else garbage."""
    is_told = 400 <= status < 500 or bool(str("" if code is None else code).strip("0"))  # 0, "00000": all is well
    return Declined(exchange, said) if is_told else BadResponse(exchange, said)


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
        telling: dict[str, MarketError] = {}  # of several of one exchange, a failure tells more than what it has not
        for error in sorted(errors, key=is_not_there):
            telling.setdefault(error.exchange, error)
        errors = sorted(telling.values(), key=lambda error: isinstance(error, UnknownSymbol))
        super().__init__(f"{symbol}: " + "; ".join(str(error) for error in errors))
        self.symbol, self.errors = symbol, tuple(errors)


def is_not_there(error: object) -> bool:
    """Whether the exchange does not have it at all, which is no failure of its."""
    return isinstance(error, (UnknownSymbol, NotTraded, NotSupported))
