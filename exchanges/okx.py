"""OKX v5: spot and linear swaps.

Every answer is {"code": "0", "msg": "", "data": […]}; code and all figures are strings, ""
is missing. Some errors come with HTTP 200. Swaps are counted in contracts; the fields read
here are those that OKX already gives in coins, so that no contract size is needed.
Source: OKX v5 API documentation, November 2025.
"""

from __future__ import annotations

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
    load,
    needed,
    needed_price,
    number,
    price,
    row_in,
    whole,
)

ID = "okx"
NAME = "OKX"
HOST = Host("OKX", ID, "https://www.okx.com")
TICKER_REQUESTS = Budget("okx market/ticker", 20, 2)
TICKERS_REQUESTS = Budget("okx market/tickers", 20, 2)
OPEN_INTEREST_REQUESTS = Budget("okx public/open-interest", 20, 2)
FUNDING_REQUESTS = Budget("okx public/funding-rate", 10, 2)


def native(symbol: str, market: str) -> str:
    """BTC-USDT, and BTC-USDT-SWAP for the perpetual."""
    return percent_encode(symbol if market == "spot" else f"{symbol}-SWAP", safe="-")


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /api/v5/market/ticker. OKX prices every coin singly: multiplier is always 1."""
    target = f"/api/v5/market/ticker?instId={native(symbol, 'spot')}"
    return Endpoint(HOST, target, partial(parse_spot, symbol=symbol), explain, TICKER_REQUESTS)


def perp(symbol: str, multiplier: int = 1) -> dict[str, Endpoint[Perp]]:
    """Ticker, open interest and funding of the swap."""
    name = native(symbol, "perp")

    def ask(path: str, parse: Callable[[bytes], Perp], budget: Budget) -> Endpoint[Perp]:
        return Endpoint(HOST, f"/api/v5/{path}instId={name}", parse, explain, budget)

    return {
        "ticker": ask("market/ticker?", partial(parse_perp, symbol=symbol), TICKER_REQUESTS),
        "open interest": ask("public/open-interest?instType=SWAP&", parse_open_interest, OPEN_INTEREST_REQUESTS),
        "funding": ask("public/funding-rate?", parse_funding, FUNDING_REQUESTS),
    }


def symbols(market: str) -> ListEndpoint[str]:
    """Every symbol."""
    kind = "SPOT" if market == "spot" else "SWAP"
    target = f"/api/v5/market/tickers?instType={kind}"
    return ListEndpoint(HOST, target, ("data",), parse_symbol, explain, TICKERS_REQUESTS)


def funding_intervals() -> None:
    """Told with the funding."""


def parse_spot(body: bytes, symbol: str) -> Ticker:
    """The last 24 hours of a spot market.

        {"instId": "ETH-BTC", "last": "0.07319", "askPx": "0.07322", "bidPx": "0.0732",
         "open24h": "0.07801", "high24h": …, "low24h": …, "vol24h": "167493.8",
         "volCcy24h": "11788.8", "ts": "1621440583784"}

    Spot: vol24h in base, volCcy24h in quote. There is no percent field: it is last against open24h.
    """
    row = _only_row(body, symbol)
    return _ticker(row, symbol, number(ID, row, "vol24h"), number(ID, row, "volCcy24h"))


def parse_perp(body: bytes, symbol: str) -> Perp:
    """The ticker of a swap: vol24h counts CONTRACTS, volCcy24h base coins.

    There is no turnover in quote; it is taken as base volume x last price.
    """
    row = _only_row(body, symbol)
    base_volume = number(ID, row, "volCcy24h")
    quote_volume = None if base_volume is None else base_volume * needed_price(ID, row, "last")
    return Perp(ticker=_ticker(row, symbol, base_volume, quote_volume))


def parse_open_interest(body: bytes) -> Perp:
    """{"instId": "BTC-USDT-SWAP", "oi": "2663107.3", "oiCcy": "26631.073", "oiUsd": "1676426045", "ts": …}

    oi counts contracts, oiCcy base coins, oiUsd (absent from older answers) dollars; one side.
    """
    row = _only_row(body, "open interest")
    return Perp(open_interest=OpenInterest(needed(ID, row, "oiCcy"), number(ID, row, "oiUsd")))


def parse_funding(body: bytes) -> Perp:
    """Funding.

        {"fundingRate": "0.0000792", "fundingTime": "1703088000000", "nextFundingTime": "1703116800000", …}

    fundingRate is paid at fundingTime; nextFundingTime is the one AFTER that, so that their
    difference is the period.
    """
    row = _only_row(body, "funding")
    due, after = whole(ID, row, "fundingTime"), whole(ID, row, "nextFundingTime")
    interval_h = (after - due) / 3_600_000 if due and after and after > due else None
    return Perp(funding=Funding(needed(ID, row, "fundingRate"), interval_h, due, None))


def parse_symbol(row: Mapping[str, Any]) -> str | None:
    """BTC-USDT for BTC-USDT and BTC-USDT-SWAP."""
    name = row.get("instId")
    return name.removesuffix("-SWAP") if isinstance(name, str) else None


def _only_row(body: bytes, what: str) -> Mapping[str, Any]:
    """data[0]. Raises MarketError, UnknownSymbol when data is empty."""
    answer = row_in(ID, load(ID, body))
    if answer.get("code") != "0":
        raise explain(200, body)
    rows = answer.get("data")
    if not isinstance(rows, list):
        raise BadResponse(ID, "data is missing")
    if not rows:
        raise UnknownSymbol(ID, f"no row: {what}")
    return row_in(ID, rows[0])


def _ticker(row: Mapping[str, Any], symbol: str, base_volume: float | None, quote_volume: float | None) -> Ticker:
    last, open_24h = needed_price(ID, row, "last"), price(ID, row, "open24h")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=last,
        bid=price(ID, row, "bidPx"),
        ask=price(ID, row, "askPx"),
        high=price(ID, row, "high24h"),
        low=price(ID, row, "low24h"),
        change_pct=None if open_24h is None else (last - open_24h) / open_24h * 100,
        base_volume=base_volume,
        quote_volume=quote_volume,
        time_ms=int(needed(ID, row, "ts")),
    )


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. A 403 with HTML comes from the CDN."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = {}
    code = answer.get("code") if isinstance(answer, dict) else None
    said = f"HTTP {status} {body[:160]!r}"
    if status in (403, 451):
        return Blocked(ID, said)
    if status == 429 or code in ("50011", "50061"):
        return RateLimited(ID, said, retry_after_s=2.0)
    if code in ("51001", "51000"):  # unknown instrument; bad parameter: the symbol is the only one that varies
        return UnknownSymbol(ID, said)
    if status >= 500 or code in ("50001", "50004", "50013", "50026"):
        return Unavailable(ID, said, f"answered HTTP {status}" if status >= 500 else "was out of order")
    return BadResponse(ID, said)
