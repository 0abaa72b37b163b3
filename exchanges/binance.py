"""Binance: spot and USD-M futures.

Prices and sizes are JSON strings, times JSON numbers in ms. Errors are told by the HTTP
status; the body is {"code": -1121, "msg": "…"}. Spot and USD-M share the spelling BTCUSDT.
Cheap coins are traded by the thousand on USD-M: 1000PEPEUSDT, 1MBABYDOGEUSDT.
Source: Binance Spot REST and USD-M Futures REST documentation, 2025/2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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

ID = "binance"
NAME = "Binance"
SPOT = Host("BINANCE_SPOT", ID, "https://api.binance.com")
USDM = Host("BINANCE_USDM", ID, "https://fapi.binance.com")
SPOT_WEIGHT = Budget("binance spot weight", 6000, 60)
USDM_WEIGHT = Budget("binance USD-M weight", 2400, 60)
FUNDING_REQUESTS = Budget("binance funding requests", 500, 300)
QUOTES = ("USDT", "USDC")  # by which the lists, which do not separate, are read
FUNDING_INTERVAL_H = 8.0  # of a contract that fundingInfo does not name


def native(symbol: str, multiplier: int = 1) -> str:
    """BTCUSDT for BTC-USDT; 1000PEPEUSDT for PEPE-USDT by the thousand; "1M" is a million."""
    base, quote = split(symbol)
    prefix = "" if multiplier == 1 else "1M" if multiplier == 1_000_000 else str(multiplier)
    return percent_encode(f"{prefix}{base}{quote}", safe="")


def symbol_of(native_symbol: object) -> str | None:
    """BTC-USDT for BTCUSDT; None for other quotes and for dated futures."""
    for quote in QUOTES:
        if isinstance(native_symbol, str) and native_symbol.endswith(quote) and len(native_symbol) > len(quote):
            return f"{native_symbol[: -len(quote)]}-{quote}"
    return None


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /api/v3/ticker/24hr, weight 2."""
    target = f"/api/v3/ticker/24hr?symbol={native(symbol, multiplier)}"
    parse = partial(parse_ticker, symbol=symbol, multiplier=multiplier)
    return Endpoint(SPOT, target, parse, explain, SPOT_WEIGHT, 2)


def perp(symbol: str, multiplier: int = 1) -> dict[str, Endpoint[Perp]]:
    """24 h ticker, open interest and funding of the USD-M perpetual, weight 1 each."""
    name = native(symbol, multiplier)

    def ask(path: str, parse: Callable[[bytes], Perp]) -> Endpoint[Perp]:
        return Endpoint(USDM, f"/fapi/v1/{path}?symbol={name}", parse, explain, USDM_WEIGHT)

    return {
        "ticker": ask("ticker/24hr", partial(parse_perp, symbol=symbol, multiplier=multiplier)),
        "open interest": ask("openInterest", partial(parse_open_interest, multiplier=multiplier)),
        "funding": ask("premiumIndex", partial(parse_funding, multiplier=multiplier)),
    }


def symbols(market: str) -> ListEndpoint[str]:
    """Every symbol quoted in USDT or USDC, from the list of last prices (spot weight 4, USD-M 2)."""
    if market == "spot":
        return ListEndpoint(SPOT, "/api/v3/ticker/price", (), parse_symbol, explain, SPOT_WEIGHT, 4)
    return ListEndpoint(USDM, "/fapi/v1/ticker/price", (), parse_symbol, explain, USDM_WEIGHT, 2)


def funding_intervals() -> tuple[ListEndpoint[tuple[str, float]], float]:
    """Hours per funding period of the USD-M contracts whose period was changed, and those of all others."""
    changed = ListEndpoint(USDM, "/fapi/v1/fundingInfo", (), parse_funding_interval, explain, FUNDING_REQUESTS)
    return changed, FUNDING_INTERVAL_H


def parse_ticker(body: bytes, symbol: str, multiplier: int = 1) -> Ticker:
    """The last 24 hours, spot or USD-M.

        {"symbol": "BTCUSDT", "lastPrice": "118449.03", "priceChangePercent": "-0.159",
         "bidPrice": "118449.02", "askPrice": …, "highPrice": …, "lowPrice": …,
         "volume": "14741.41", "quoteVolume": "1744744445.80", "closeTime": 1753787874013}

    priceChangePercent is a percent already; volume is in base, quoteVolume in quote. USD-M has
    no bidPrice and askPrice. A market that never traded has lastPrice "0".
    """
    row = row_in(ID, load(ID, body))
    if needed(ID, row, "lastPrice") == 0:
        raise UnknownSymbol(ID, f"{symbol} has no trades")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=needed_price(ID, row, "lastPrice") / multiplier,
        bid=per_coin(price(ID, row, "bidPrice"), multiplier),
        ask=per_coin(price(ID, row, "askPrice"), multiplier),
        high=per_coin(price(ID, row, "highPrice"), multiplier),
        low=per_coin(price(ID, row, "lowPrice"), multiplier),
        change_pct=number(ID, row, "priceChangePercent"),
        base_volume=in_coins(number(ID, row, "volume"), multiplier),
        quote_volume=number(ID, row, "quoteVolume"),
        time_ms=int(needed(ID, row, "closeTime")),
    )


def parse_perp(body: bytes, symbol: str, multiplier: int = 1) -> Perp:
    """The ticker of a perpetual."""
    return Perp(ticker=parse_ticker(body, symbol, multiplier))


def parse_open_interest(body: bytes, multiplier: int = 1) -> Perp:
    """{"openInterest": "10659.509", "symbol": "BTCUSDT", "time": 1589437530011}: base coins, one side."""
    row = row_in(ID, load(ID, body))
    return Perp(open_interest=OpenInterest(needed(ID, row, "openInterest") * multiplier, None))


def parse_funding(body: bytes, multiplier: int = 1) -> Perp:
    """Funding and mark price.

        {"symbol": "BTCUSDT", "markPrice": "11793.63", "indexPrice": "11781.80",
         "lastFundingRate": "0.00038246", "nextFundingTime": 1597392000000, "time": …}

    lastFundingRate is the estimate to be paid at nextFundingTime, a fraction. It is "" and 0 on
    contracts that pay none. The period is not told here: see funding_intervals.
    """
    row = row_in(ID, load(ID, body))
    rate = needed(ID, row, "lastFundingRate")
    mark = per_coin(price(ID, row, "markPrice"), multiplier)
    return Perp(funding=Funding(rate, None, whole(ID, row, "nextFundingTime"), mark))


def parse_symbol(row: Mapping[str, Any]) -> str | None:
    """{"symbol": "BTCUSDT", "price": "118449.03", …} of a list of last prices."""
    return symbol_of(row.get("symbol"))


def parse_funding_interval(row: Mapping[str, Any]) -> tuple[str, float] | None:
    """{"symbol": "BLZUSDT", "fundingIntervalHours": 8, …}"""
    symbol = symbol_of(row.get("symbol"))
    return (symbol, needed(ID, row, "fundingIntervalHours")) if symbol else None


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. 451 has code 0, so the status is looked at first; a WAF's 403 is HTML."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = {}
    code = answer.get("code") if isinstance(answer, dict) else None
    said = f"HTTP {status} {body[:160]!r}"
    if status == 451:
        return Blocked(ID, said)
    if status in (418, 429) or code == -1003:
        banned = re.search(rb"banned until (\d{13})", body)
        return RateLimited(ID, said, until_ms=int(banned[1]) if banned else None)
    if code in (-1121, -1100):  # no such symbol; characters that no symbol has
        return UnknownSymbol(ID, said)
    if status >= 500 or code in (-1000, -1001, -1007, -1008) or status == 403:
        return Unavailable(ID, said, f"answered HTTP {status}")
    return BadResponse(ID, said)
