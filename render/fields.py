"""What the JSON answers have in common: names of markets, times, tickers."""

import time
from typing import Any, TypedDict

from exchanges.symbols import split
from exchanges.words import COIN, Snapshot, Ticker

Json = dict[str, Any]
TRENDS = {1: "BULLISH", -1: "BEARISH", 0: "NEUTRAL", None: None}


class TickerFields(TypedDict):
    """A market over 24 hours: price in quote, volume in coins, change in percent."""

    symbol: str
    price: float
    volume_24h: float | None
    change_24h: float | None
    market_type: str


class PerpFields(TickerFields):
    """open_interest in coins; funding_rate a fraction per period."""

    open_interest: float | None
    funding_rate: float | None
    funding_rate_change: float | None


def iso(time_ms: float) -> str:
    """2026-11-24T14:03:22Z"""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms / 1000))


def slashed(symbol: str, kind: str = "spot") -> str:
    """BTC/USDT; BTC/USDT:USDT for the perpetual settled in USDT."""
    base, quote = split(symbol)
    if kind == "spot":
        return f"{base}/{quote}"
    return f"{base}/USD:{base}" if quote == COIN else f"{base}/{quote}:{quote}"


def ticker_fields(symbol: str, ticker: Ticker, kind: str) -> TickerFields:
    """symbol: what was asked for, whose coin figures are of: a contract on many coins is listed by another name."""
    return {
        "symbol": slashed(f"{split(symbol)[0]}-{split(ticker.symbol)[1]}", kind),
        "price": ticker.last,
        "volume_24h": ticker.base_volume,
        "change_24h": ticker.change_pct,
        "market_type": kind,
    }


def perp_fields(symbol: str, perp: Snapshot) -> PerpFields:
    assert perp.ticker is not None
    return {
        **ticker_fields(symbol, perp.ticker, "perp"),
        "open_interest": perp.open_interest and perp.open_interest.open_interest,
        "funding_rate": perp.funding and perp.funding.funding_rate,
        "funding_rate_change": None,
    }


def sum_of_known(figures: Any) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [each for each in figures if each is not None]
    return sum(known) if known else None
