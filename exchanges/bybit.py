"""Bybit v5: spot and linear perpetuals.

Every answer is {"retCode": 0, "retMsg": "OK", "result": {…}, "time": 1730729903941}; most
errors come with HTTP 200, so retCode is what counts. In `result` numbers are strings and
"" is missing. Spot and linear share the spelling BTCUSDT and are told apart by `category`;
the USDC perpetual of BTC is BTCPERP.
Source: Bybit v5 API documentation, 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote as percent_encode

import orjson

from exchanges import (
    BadResponse,
    Blocked,
    Budget,
    Endpoint,
    Funding,
    Host,
    ListEndpoint,
    MarketError,
    OpenInterest,
    Perp,
    RateLimited,
    Ticker,
    Unavailable,
    UnknownSymbol,
    in_coins,
    load,
    needed,
    needed_price,
    number,
    per_coin,
    price,
    row_in,
    split,
    whole,
)

ID = "bybit"
NAME = "Bybit"
HOST = Host("BYBIT", ID, "https://api.bybit.com")
REQUESTS = Budget("bybit requests", 600, 5)


def native(symbol: str, market: str, multiplier: int = 1) -> str:
    """BTCUSDT for BTC-USDT, BTCPERP for the perpetual of BTC-USDC."""
    base, quote = split(symbol)
    prefix = "" if multiplier == 1 else str(multiplier)
    if market == "perp" and quote == "USDC":
        quote = "PERP"
    return percent_encode(f"{prefix}{base}{quote}", safe="")


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /v5/market/tickers?category=spot."""
    target = f"/v5/market/tickers?category=spot&symbol={native(symbol, 'spot', multiplier)}"
    return Endpoint(HOST, target, partial(parse_spot, symbol=symbol, multiplier=multiplier), explain, REQUESTS)


def perp(symbol: str, multiplier: int = 1) -> dict[str, Endpoint[Perp]]:
    """GET /v5/market/tickers?category=linear: price, open interest and funding in one answer."""
    target = f"/v5/market/tickers?category=linear&symbol={native(symbol, 'perp', multiplier)}"
    parse = partial(parse_perp, symbol=symbol, multiplier=multiplier)
    return {"ticker": Endpoint(HOST, target, parse, explain, REQUESTS)}


def symbols(market: str) -> ListEndpoint[str]:
    """Every symbol quoted in USDT or USDC."""
    category = "spot" if market == "spot" else "linear"
    target = f"/v5/market/tickers?category={category}"
    return ListEndpoint(HOST, target, ("result", "list"), parse_symbol, explain, REQUESTS)


def funding_intervals() -> None:
    """Told with the funding."""


def parse_spot(body: bytes, symbol: str, multiplier: int = 1) -> Ticker:
    """The last 24 hours of a spot market; see parse_perp for the fields."""
    row, time_ms = _only_row(body, symbol)
    return _ticker(row, symbol, multiplier, time_ms)


def parse_perp(body: bytes, symbol: str, multiplier: int = 1) -> Perp:
    """All there is to know of a linear perpetual.

        {"symbol": "BTCUSDT", "lastPrice": "68641.30", "markPrice": "68649.90",
         "price24hPcnt": "0.008797", "highPrice24h": …, "lowPrice24h": …,
         "openInterest": "69655.813", "openInterestValue": "4781864596.87",
         "turnover24h": "7940401914.50", "volume24h": "115859.1120",
         "fundingRate": "0.0001", "nextFundingTime": "1730736000000", "fundingIntervalHour": "8",
         "bid1Price": …, "ask1Price": …}

    price24hPcnt is a FRACTION. volume24h is in base, turnover24h in quote. openInterest (base)
    counts both sides since June 2026, singleOpenInterest, where present, one; we count one, as
    the other exchanges do. fundingIntervalHour is absent from older answers.
    """
    row, time_ms = _only_row(body, symbol)
    return Perp(_ticker(row, symbol, multiplier, time_ms), _open_interest(row, multiplier), _funding(row, multiplier))


def parse_symbol(row: Mapping[str, Any]) -> str | None:
    """One row of a ticker list; dated contracts (BTC-27DEC24) are left out."""
    name = row.get("symbol")
    if not isinstance(name, str) or "-" in name or row.get("deliveryTime", "0") not in ("0", ""):
        return None
    for ending, quote in (("USDT", "USDT"), ("USDC", "USDC"), ("PERP", "USDC")):
        if name.endswith(ending) and len(name) > len(ending):
            return f"{name[: -len(ending)]}-{quote}"
    return None


def _only_row(body: bytes, symbol: str) -> tuple[Mapping[str, Any], int]:
    """The row of result.list, and the envelope's time. Raises MarketError, UnknownSymbol for an empty list."""
    answer = row_in(ID, load(ID, body))
    if answer.get("retCode") != 0:
        raise explain(200, body)
    rows = row_in(ID, answer.get("result")).get("list")
    if not isinstance(rows, list):
        raise BadResponse(ID, "result.list is missing")
    if not rows:
        raise UnknownSymbol(ID, f"no row for {symbol}")
    return row_in(ID, rows[0]), int(needed(ID, answer, "time"))


def _ticker(row: Mapping[str, Any], symbol: str, multiplier: int, time_ms: int) -> Ticker:
    fraction = number(ID, row, "price24hPcnt")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=needed_price(ID, row, "lastPrice") / multiplier,
        bid=per_coin(price(ID, row, "bid1Price"), multiplier),
        ask=per_coin(price(ID, row, "ask1Price"), multiplier),
        high=per_coin(price(ID, row, "highPrice24h"), multiplier),
        low=per_coin(price(ID, row, "lowPrice24h"), multiplier),
        change_pct=None if fraction is None else fraction * 100,
        base_volume=in_coins(number(ID, row, "volume24h"), multiplier),
        quote_volume=number(ID, row, "turnover24h"),
        time_ms=time_ms,
    )


def _open_interest(row: Mapping[str, Any], multiplier: int) -> OpenInterest | None:
    one_side = number(ID, row, "singleOpenInterest")
    if one_side is not None:
        return OpenInterest(one_side * multiplier, number(ID, row, "singleOpenInterestValue"))
    both_sides = number(ID, row, "openInterest")
    if both_sides is None:
        return None
    value = number(ID, row, "openInterestValue")
    return OpenInterest(both_sides / 2 * multiplier, None if value is None else value / 2)


def _funding(row: Mapping[str, Any], multiplier: int) -> Funding | None:
    rate = number(ID, row, "fundingRate")
    if rate is None:
        return None
    mark = per_coin(price(ID, row, "markPrice"), multiplier)
    return Funding(rate, number(ID, row, "fundingIntervalHour"), whole(ID, row, "nextFundingTime"), mark)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. HTTP 403 has an HTML body: a blocked country, or 600 requests in 5 s exceeded."""
    said = f"HTTP {status} {body[:160]!r}"
    if status == 403:
        return Blocked(ID, said)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = {}
    code = answer.get("retCode") if isinstance(answer, dict) else None
    if status == 429 or code in (10006, 10018):
        return RateLimited(ID, said)
    if code in (10001, 10029):  # bad parameter: the symbol is the only one that varies; symbol not allowed
        return UnknownSymbol(ID, said)
    if code in (10009, 10024):
        return Blocked(ID, said)
    if status >= 500 or code in (10000, 10016):
        return Unavailable(ID, said, f"answered HTTP {status}" if status >= 500 else "was out of order")
    return BadResponse(ID, said)
