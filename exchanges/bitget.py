"""Bitget v2: spot and perpetuals settled in USDT, USDC and the coin.

Every answer is {"code": "00000", "msg": "success", "requestTime": …, "data": …}, the code a string. Spot and
perpetual share the spelling BTCUSDT; `productType` tells the market. The USDC perpetual of BTC is BTCPERP, the
coin-margined one BTCUSD, which we call BTC-COIN. Open interest and volume count coins.
Source: Bitget API v2 documentation, 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote as percent_encode

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T
from exchanges.errors import BadResponse, Blocked, MarketError, NotSupported, RateLimited, Unavailable, UnknownSymbol
from exchanges.reading import (
    At,
    Row,
    code_in,
    in_coins,
    per_coin,
    read_candles,
    rows_in,
)
from exchanges.symbols import coin_symbol, split
from exchanges.words import COIN, INTERVALS, Candles, Funding, OpenInterest, Ratio, Snapshot, Ticker

ID = "bitget"
NAME = "Bitget"
HOST = Host("BITGET", ID, "https://api.bitget.com")
MARKETS = ("spot", "perp")
SPOT_QUOTES = ("USDT", "USDC")
PERP_QUOTES = ("USDT", "USDC", COIN)
MULTIPLIED = ("perp",)  # the markets in which cheap coins are listed by the thousand
MAX_CANDLES = {"spot": 1000, "perp": 1000}  # of one answer
TAKERS_IN_CANDLES = False
IN_LIST = False
PRODUCTS = {"USDT": "USDT-FUTURES", "USDC": "USDC-FUTURES", COIN: "COIN-FUTURES"}
SPOT_WORDS = {
    "1m": "1min",
    "3m": "3min",
    "5m": "5min",
    "15m": "15min",
    "30m": "30min",
    "1h": "1h",
    "4h": "4h",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
}
PERP_WORDS = {
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1H",
    "4h": "4H",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
}
"""Bitget's words for intervals; without utc, those of 6 hours and more begin at UTC+8."""


def native(symbol: str, kind: str) -> str:
    """BTCUSDT for BTC-USDT, BTCPERP for the perpetual of BTC-USDC, BTCUSD for BTC-COIN."""
    base, quote = split(symbol)
    if kind == "perp":
        quote = {"USDC": "PERP", COIN: "USD"}.get(quote, quote)
    return percent_encode(f"{base}{quote}", safe="")


def _of_product(symbol: str) -> str:
    return f"symbol={native(symbol, 'perp')}&productType={PRODUCTS[split(symbol)[1]]}"


def _ask(path: str, query: str, parse: Callable[[bytes], T], per_second: int = 20) -> Endpoint[T]:
    return Endpoint(HOST, f"/api/v2/{path}?{query}", parse, explain, Budget(f"bitget {path}", per_second, 1))


def _list(path: str, query: str, row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    target = f"/api/v2/{path}{query and '?' + query}"
    return ListEndpoint(HOST, target, ("data",), row, explain, Budget(f"bitget {path}", 20, 1))


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /api/v2/spot/market/tickers of one symbol."""
    return _ask("spot/market/tickers", f"symbol={native(symbol, 'spot')}", partial(parse_spot, symbol=symbol))


def perp(symbol: str, multiplier: int = 1, contract_size: float | None = None) -> dict[str, Endpoint[Snapshot]]:
    """The ticker, which tells open interest too; and funding with its period and time."""
    query = _of_product(symbol)
    parse = partial(parse_perp, symbol=symbol, multiplier=multiplier)
    return {
        "ticker": _ask("mix/market/ticker", query, parse),
        "funding": _ask("mix/market/current-fund-rate", query, parse_funding),
    }


def contract_size(symbol: str, question: str) -> None:
    """A contract is one coin."""


def symbols(kind: str) -> ListEndpoint[str]:
    """Every symbol quoted in USDT or USDC; of perpetuals those in USDT."""
    if kind == "spot":
        return _list("spot/market/tickers", "", parse_symbol)
    return _list("mix/market/tickers", "productType=USDT-FUTURES", parse_symbol)


def tickers(kind: str) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
    """All markets in dollars; of perpetuals with open interest, and the funding with its period."""
    if kind == "spot":
        return {"ticker": _list("spot/market/tickers", "", parse_spot_row)}
    query = "productType=USDT-FUTURES"
    return {
        "ticker": _list("mix/market/tickers", query, parse_perp_row),
        "funding": _list("mix/market/current-fund-rate", query, parse_funding_row),
    }


def funding_intervals() -> None:
    """Told with the funding."""


def candles(
    symbol: str,
    kind: str,
    interval: str,
    n: int,
    end_ms: int | None = None,
    multiplier: int = 1,
    contract_size: float | None = None,
) -> Endpoint[Candles]:
    """The last n candles before end_ms, the running one among them.

    Raises NotSupported for an interval that Bitget has not.
    """
    words = SPOT_WORDS if kind == "spot" else PERP_WORDS
    if interval not in words:
        raise NotSupported(ID, f"no candles of {interval}", "has no such candles")
    parse = partial(parse_candles, symbol=symbol, kind=kind, interval=interval, multiplier=multiplier)
    query = f"granularity={words[interval]}&limit={n}" + (f"&endTime={end_ms}" if end_ms else "")
    if kind == "spot":
        return _ask("spot/market/candles", f"symbol={native(symbol, kind)}&{query}", parse)
    return _ask("mix/market/candles", f"{_of_product(symbol)}&{query}", parse)


def open_interest_history(symbol: str, n: int, multiplier: int = 1, contract_size: float | None = None) -> None:
    """Bitget tells no history."""


def ratios(symbol: str, n: int) -> list[Endpoint[dict[str, list[Ratio]]]]:
    """Long shares of all accounts every hour, oldest first."""
    query = f"symbol={native(symbol, 'perp')}&period=1h"
    return [_ask("mix/market/account-long-short", query, parse_ratios, 1)]


def taker_flow(symbol: str, kind: str, interval: str, n: int, multiplier: int = 1) -> None:
    """Bitget tells no series of taker volume."""


def parse_spot(body: bytes, symbol: str) -> Ticker:
    """The last 24 hours of a spot market.

        {"data": [{"symbol": "BTCUSDT", "lastPr": "67432", "open": "67200", "change24h": "0.00321", "high24h": …,
                   "low24h": …, "bidPr": …, "askPr": …, "baseVolume": "4210", "quoteVolume": "283911238", "ts": …}]}

    change24h is a FRACTION.
    """
    return _ticker(_only_row(body, symbol), symbol)


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes and for what does not trade."""
    symbol = parse_symbol(row)
    if symbol is None or not row.number("lastPr") or not row.number("quoteVolume"):
        return None
    return symbol, Snapshot(_ticker(row, symbol))


def parse_perp(body: bytes, symbol: str, multiplier: int = 1) -> Snapshot:
    """As parse_spot, and {"holdingAmount": "52234.1", "markPrice": "37180.2", "fundingRate": "0.000125", …}.

    holdingAmount is the open interest in coins, on coin-margined contracts too.
    """
    return _perp(_only_row(body, symbol), symbol, multiplier)


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """The ticker of a perpetual of the list; None for a dated contract and for what does not trade."""
    listed = parse_symbol(row)
    if listed is None or not row.number("lastPr") or not row.number("quoteVolume"):
        return None
    symbol, multiplier = coin_symbol(listed)
    return symbol, _perp(row, symbol, multiplier)


def _perp(row: Row, symbol: str, multiplier: int) -> Snapshot:
    coins, rate = row.number("holdingAmount"), row.number("fundingRate")
    mark = per_coin(row.price("markPrice"), multiplier)
    interest = None
    if coins is not None:
        coins *= multiplier
        interest = OpenInterest(coins, None if mark is None else coins * mark)
    funding = None if rate is None else Funding(rate, None, None, mark)
    return Snapshot(_ticker(row, symbol, multiplier), interest, funding)


def parse_funding(body: bytes) -> Snapshot:
    """{"data": [{"symbol": "BTCUSDT", "fundingRate": "0.000068", "fundingRateInterval": "8", "nextUpdate": "174306…"}]}

    The period and the time are absent from answers of before 2025.
    """
    return Snapshot(funding=_funding(_only_row(body, "funding")))


def parse_funding_row(row: Row) -> tuple[str, Snapshot] | None:
    """Funding of a perpetual of the list."""
    listed = parse_symbol(row)
    return None if listed is None else (coin_symbol(listed)[0], Snapshot(funding=_funding(row)))


def _funding(row: Row) -> Funding:
    interval_h, due_ms = row.number("fundingRateInterval"), row.whole("nextUpdate")
    return Funding(row.needed("fundingRate"), interval_h, due_ms, None)


def parse_symbol(row: Row) -> str | None:
    """BTC-USDT for BTCUSDT, BTC-USDC for BTCPERP; None for other quotes and for dated contracts."""
    listed = row.get("symbol")
    for ending, quote in (("USDT", "USDT"), ("USDC", "USDC"), ("PERP", "USDC")):
        if isinstance(listed, str) and listed.endswith(ending) and len(listed) > len(ending):
            return f"{listed[: -len(ending)]}-{quote}"
    return None


def parse_candles(body: bytes, symbol: str, kind: str, interval: str, multiplier: int = 1) -> Candles:
    """{"data": [["1695835800000", "26210.5", "26210.5", "26194.5", "26194.5", "26.26", "688036.43"], …]}

    Start, open, high, low, close, base volume, quote volume; oldest first, the last one running.
    """
    of = (ID, symbol, kind, INTERVALS[interval])
    return read_candles(of, _data(body), At(0, 1, 2, 3, 4, 5, 6), multiplier=multiplier)


def parse_ratios(body: bytes) -> dict[str, list[Ratio]]:
    """{"data": [{"longAccountRatio": "0.58", "shortAccountRatio": "0.42", "longShortAccountRatio": "0.0138", …}, …]}

    longShortAccountRatio is off by a factor of 100 (seen in 2024) and not read.
    """
    rows = rows_in(ID, _data(body))
    return {"accounts": sorted(Ratio(int(row.needed("ts")), row.share("longAccountRatio")) for row in rows)}


def _data(body: bytes) -> Any:
    """The envelope's data. Raises MarketError."""
    answer = Row.of(ID, body)
    if answer.get("code") != "00000":
        raise explain(200, body)
    return answer.get("data")


def _only_row(body: bytes, what: str) -> Row:
    rows = rows_in(ID, _data(body))
    if not rows:
        raise UnknownSymbol(ID, f"no row: {what}")
    return rows[0]


def _ticker(row: Row, symbol: str, multiplier: int = 1) -> Ticker:
    fraction = row.number("change24h")
    if not row.number("lastPr"):
        raise UnknownSymbol(ID, f"{symbol} has no trades")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=row.needed_price("lastPr") / multiplier,
        bid=per_coin(row.price("bidPr"), multiplier),
        ask=per_coin(row.price("askPr"), multiplier),
        high=per_coin(row.price("high24h"), multiplier),
        low=per_coin(row.price("low24h"), multiplier),
        change_pct=None if fraction is None else fraction * 100,
        base_volume=in_coins(row.number("baseVolume"), multiplier),
        quote_volume=row.number("quoteVolume"),
        time_ms=int(row.needed("ts")),
    )


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. A 403 with HTML comes from the edge."""
    code = code_in(body, "code")
    said = f"HTTP {status} {body[:160]!r}"
    if code in ("40034", "40309"):  # unknown, or taken off
        return UnknownSymbol(ID, said)
    if status == 429 or code in ("429", "30007"):
        return RateLimited(ID, said, retry_after_s=1.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500 or code in ("40725", "45001"):
        return Unavailable(ID, said, f"answered HTTP {status}" if status >= 500 else "was out of order")
    return BadResponse(ID, said)
