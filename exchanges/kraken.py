"""Kraken: spot, and the perpetuals of Kraken Futures. Both answer hosts in the US.

Spot: errors come with HTTP 200 in a list `error`, and the result's key may differ from the pair that was asked
for. Bitcoin is XBT, Dogecoin XDG. Futures: {"result": "success", …} with JSON numbers. PF_XBTUSD, BTC-USD here, is
linear and counts coins; PI_XBTUSD, BTC-COIN here, is inverse and counts dollars. Funding is paid hourly and told
as an ABSOLUTE amount.
Source: Kraken REST and Kraken Futures REST documentation, 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from time import time
from typing import Any
from urllib.parse import quote as percent_encode

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint
from exchanges.errors import BadResponse, Blocked, MarketError, NotSupported, RateLimited, Unavailable, UnknownSymbol
from exchanges.reading import At, Row, read_candles, row_in
from exchanges.symbols import split
from exchanges.words import COIN, INTERVALS, Candles, Funding, OpenInterest, Ratio, Snapshot, Ticker

ID = "kraken"
NAME = "Kraken"
SPOT = Host("KRAKEN", ID, "https://api.kraken.com")
FUTURES = Host("KRAKEN_FUTURES", ID, "https://futures.kraken.com")
SPOT_REQUESTS = Budget("kraken spot requests", 15, 15)
FUTURES_REQUESTS = Budget("kraken futures requests", 100, 10)
MARKETS = ("spot", "perp")
SPOT_QUOTES = ("USD", "USDT")  # the pairs in USD are far deeper
PERP_QUOTES = ("USD", COIN)
MULTIPLIED = ()  # every coin is priced singly
MAX_CANDLES = {"spot": 720, "perp": 2000}  # of one answer
TAKERS_IN_CANDLES = False
IN_LIST = True  # the list of all perpetuals tells everything of each
SPOT_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
PERP_INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")
NAMES = {"BTC": "XBT", "DOGE": "XDG"}
COINS = {native: coin for coin, native in NAMES.items()}
FUNDING_INTERVAL_H = 1.0
HOUR_MS = 3_600_000


def spot_pair(symbol: str) -> str:
    """XBTUSD for BTC-USD."""
    base, quote = split(symbol)
    return percent_encode(f"{NAMES.get(base, base)}{NAMES.get(quote, quote)}", safe="")


def contract(symbol: str) -> str:
    """PF_XBTUSD for BTC-USD, PI_XBTUSD for BTC-COIN. Here Dogecoin is called DOGE."""
    base, quote = split(symbol)
    kind = "PI" if quote == COIN else "PF"
    return percent_encode(f"{kind}_{'XBT' if base == 'BTC' else base}USD", safe="")


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /0/public/Ticker of one pair."""
    target = f"/0/public/Ticker?pair={spot_pair(symbol)}"
    return Endpoint(SPOT, target, partial(parse_spot, symbol=symbol), explain, SPOT_REQUESTS)


def perp(symbol: str, multiplier: int = 1, contract_size: float | None = None) -> dict[str, Endpoint[Snapshot]]:
    """{}: the answer for one contract lacks the funding, the list of all has it; see tickers."""
    return {}


def contract_size(symbol: str, question: str) -> None:
    """Open interest is in dollars or coins, not in contracts."""


def symbols(kind: str) -> None:
    """Spot has no list, but an object of some 400 KB."""


def tickers(kind: str) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
    """All perpetuals, with open interest and funding. Of spot there is no list, but an object of some 400 KB."""
    if kind == "spot":
        return {}
    target = "/derivatives/api/v3/tickers"
    return {"ticker": ListEndpoint(FUTURES, target, ("tickers",), parse_perp_row, explain, FUTURES_REQUESTS)}


def funding_intervals() -> None:
    """Always one hour."""


def candles(
    symbol: str,
    kind: str,
    interval: str,
    n: int,
    end_ms: int | None = None,
    multiplier: int = 1,
    contract_size: float | None = None,
) -> Endpoint[Candles]:
    """The last n candles before end_ms, the running one among them; spot reaches 720 back, whatever is asked.

    Raises NotSupported for an interval that Kraken has not.
    """
    known = SPOT_MINUTES if kind == "spot" else PERP_INTERVALS
    if interval not in known or split(symbol)[1] == COIN:  # whose volume is in dollars
        raise NotSupported(ID, f"no candles of {interval}", "has no such candles")
    step_s = INTERVALS[interval] // 1000
    end_s = (end_ms - 1) // 1000 if end_ms is not None else int(time())
    since_s = end_s // step_s * step_s - (n - 1) * step_s
    parse = partial(parse_spot_candles, symbol=symbol, interval=interval)
    if kind == "perp":
        target = f"/api/charts/v1/trade/{contract(symbol)}/{interval}?from={since_s}&to={end_s}"
        parse = partial(parse_perp_candles, symbol=symbol, interval=interval)
        return Endpoint(FUTURES, target, parse, explain, FUTURES_REQUESTS)
    # `since` is exclusive.
    query = f"pair={spot_pair(symbol)}&interval={SPOT_MINUTES[interval]}&since={since_s - 1}"
    return Endpoint(SPOT, f"/0/public/OHLC?{query}", parse, explain, SPOT_REQUESTS)


def open_interest_history(symbol: str, n: int, multiplier: int = 1, contract_size: float | None = None) -> None:
    """Kraken tells no history."""


def ratios(symbol: str, n: int) -> list[Endpoint[dict[str, list[Ratio]]]]:
    """Kraken tells none."""
    return []


def taker_flow(symbol: str, kind: str, interval: str, n: int, multiplier: int = 1) -> None:
    """Kraken tells no series of taker volume."""


def parse_spot(body: bytes, symbol: str) -> Ticker:
    """The last 24 hours of a pair.

        {"error": [], "result": {"XXBTZUSD": {"a": ["63000.1", …], "b": ["63000.0", …], "c": ["63000.1", "0.002"],
         "v": ["912.1", "2210.4"], "p": ["62800.2", "62500.1"], "l": […], "h": […], "o": "62000.0"}}}

    The second of v, p, l, h covers 24 hours, the first the UTC day; o is the DAY's open, so that the change over 24
    hours is not told. Turnover is volume x mean price p. There is no time.
    """
    row = row_in(ID, _only(_spot_result(body).json))

    def day(key: str) -> float | None:
        return Row(ID, {key: _member(row, key, 1)}).number(key)

    volume, mean = day("v"), day("p")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=Row(ID, {"c": _member(row, "c", 0)}).needed_price("c"),
        bid=Row(ID, {"b": _member(row, "b", 0)}).price("b"),
        ask=Row(ID, {"a": _member(row, "a", 0)}).price("a"),
        high=day("h") or None,
        low=day("l") or None,
        change_pct=None,
        base_volume=volume,
        quote_volume=None if volume is None or mean is None else volume * mean,
        time_ms=0,
    )


def _member(row: Row, key: str, place: int) -> object:
    """One figure of a list; None when the list is missing."""
    figures = row.get(key)
    if figures is None:
        return None
    if not isinstance(figures, list) or len(figures) <= place:
        raise BadResponse(ID, f"{key} is no list of figures: {str(figures)[:80]!r}")
    return figures[place]


def parse_spot_candles(body: bytes, symbol: str, interval: str) -> Candles:
    """{"error": [], "result": {"XXBTZUSD": [[1616662740, "52591", "52599", "52591", "52599", "52595.1", "0.11", 5], …],
                                "last": 1616662740}}

    SECONDS, open, high, low, close, mean price, base volume, trades; oldest first, the last one running.
    """
    result = {key: rows for key, rows in _spot_result(body).json.items() if key != "last"}
    of = (ID, symbol, "spot", INTERVALS[interval])
    return read_candles(of, _only(result), At(0, 1, 2, 3, 4, 6), time_ms=1000)


def _spot_result(body: bytes) -> Row:
    answer = Row.of(ID, body)
    if answer.get("error"):
        raise explain(200, body)
    return answer.row("result")


def _only(result: Mapping[str, Any]) -> Any:
    if len(result) != 1:
        raise BadResponse(ID, f"one pair was expected, not {len(result)}")
    return next(iter(result.values()))


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """Everything of one perpetual; None for dated contracts, indexes, and what does not trade.

        {"symbol": "PF_XBTUSD", "last": 77343, "lastTime": "2026-09-01T12:00:00.123Z", "markPrice": 77343.1, "bid": …,
         "ask": …, "vol24h": 1950.5, "volumeQuote": 150900000, "openInterest": 1950.5966, "high24h": …, "low24h": …,
         "fundingRate": -7.4e-7, "indexPrice": 77340, "suspended": false, "change24h": -1.2}

    PF_: openInterest and vol24h in coins, relative funding = fundingRate / markPrice. PI_: both in DOLLARS, relative
    funding = fundingRate x indexPrice, as the price of a dollar is counted in coins. change24h is a percent.
    """
    listed = row.get("symbol")
    if not isinstance(listed, str) or not listed.startswith(("PF_", "PI_")) or not listed.endswith("USD"):
        return None
    last, volume = row.price("last"), row.number("vol24h")
    if last is None or not volume or row.get("suspended") is True:
        return None
    is_inverse = listed.startswith("PI_")
    base = listed[3:-3]
    symbol = f"{COINS.get(base, base)}-{COIN if is_inverse else 'USD'}"
    mark, index, amount = row.price("markPrice"), row.price("indexPrice"), row.number("openInterest")
    rate, scale = row.number("fundingRate"), index if is_inverse else None if mark is None else 1 / mark
    return symbol, Snapshot(
        Ticker(
            exchange=ID,
            symbol=symbol,
            last=last,
            bid=row.price("bid"),
            ask=row.price("ask"),
            high=row.price("high24h"),
            low=row.price("low24h"),
            change_pct=row.number("change24h"),
            base_volume=volume if not is_inverse else None if mark is None else volume / mark,
            quote_volume=volume if is_inverse else row.number("volumeQuote"),
            time_ms=_moment_ms(row.get("lastTime")),
        ),
        _open_interest(amount, mark, is_inverse=is_inverse),
        # The next payment is due at the full hour; the answer does not say so.
        None if rate is None or scale is None else Funding(rate * scale, FUNDING_INTERVAL_H, _next_hour_ms(), mark),
    )


def _open_interest(amount: float | None, mark: float | None, *, is_inverse: bool) -> OpenInterest | None:
    if amount is None:
        return None
    if is_inverse:
        return OpenInterest(None if mark is None else amount / mark, amount)
    return OpenInterest(amount, None if mark is None else amount * mark)


def _moment_ms(text: object) -> int:
    """The milliseconds of an ISO 8601 time; 0 for none."""
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _next_hour_ms() -> int:
    return (int(time() * 1000) // HOUR_MS + 1) * HOUR_MS


def parse_perp_candles(body: bytes, symbol: str, interval: str) -> Candles:
    """{"candles": [{"time": 1616644800000, "open": "52500", "high": …, "low": …, "close": …, "volume": "10824"}]}

    Oldest first, the last one running; volume in coins on PF_.
    """
    answer = Row.of(ID, body)
    if answer.get("candles") is None:
        raise explain(200, body)
    if answer.get("candles") == []:
        raise UnknownSymbol(ID, f"no candles of {symbol}")
    of = (ID, symbol, "perp", INTERVALS[interval])
    return read_candles(of, answer.get("candles"), At("time", "open", "high", "low", "close", "volume"))


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. Spot says it in `error`, a list of texts; futures in `error`, one text."""
    said = f"HTTP {status} {body[:160]!r}"
    try:
        error = str(Row.of(ID, body).get("error") or "")
    except BadResponse:
        error = ""
    if "asset pair" in error or "contractNotFound" in error or (status == 404 and not error):
        return UnknownSymbol(ID, said)
    if status == 429 or "Rate limit" in error or "Too many requests" in error or "apiLimitExceeded" in error:
        return RateLimited(ID, said, retry_after_s=5.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500 or error.startswith("['EService") or "navailable" in error:
        return Unavailable(ID, said, f"answered HTTP {status}" if status >= 500 else "was out of order")
    return BadResponse(ID, said)
