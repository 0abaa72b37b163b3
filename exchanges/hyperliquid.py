"""Hyperliquid: perpetuals settled in USDC.

Everything is a POST to /info with {"type": …}; an error may be plain text. Two lists belong together by INDEX:
the names (`universe`) and what is known of each. Funding is paid every hour. Cheap coins are traded by the
thousand and spelt kPEPE, which we call 1000PEPE-USDC.
Source: Hyperliquid documentation, "Info endpoint", 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import time
from typing import Any

import orjson

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint
from exchanges.errors import BadResponse, Blocked, MarketError, NotSupported, RateLimited, Unavailable, UnknownSymbol
from exchanges.reading import At, Row, change_pct, load, per_coin, read_candles, row_in, rows_in
from exchanges.symbols import coin_symbol, split
from exchanges.words import INTERVALS, Candles, Funding, OpenInterest, Ratio, Snapshot, Ticker

ID = "hyperliquid"
NAME = "Hyperliquid"
HOST = Host("HYPERLIQUID", ID, "https://api.hyperliquid.xyz")
WEIGHT = Budget("hyperliquid weight", 1200, 60)
ALL_OF_THEM = orjson.dumps({"type": "metaAndAssetCtxs"})
MARKETS = ("perp",)
SPOT_QUOTES = ()
PERP_QUOTES = ("USDC",)
MULTIPLIED = ("perp",)  # the markets in which cheap coins are listed by the thousand
MAX_CANDLES = {"perp": 5000}  # of one answer
TAKERS_IN_CANDLES = False
IN_LIST = True  # the list of all perpetuals tells everything of each
FUNDING_INTERVAL_H = 1.0
HOUR_MS = 3_600_000


def native(symbol: str) -> str:
    """BTC for BTC-USDC, kPEPE for 1000PEPE-USDC."""
    base = split(symbol)[0]
    return f"k{base.removeprefix('1000')}" if base.startswith("1000") and base != "1000" else base


def _listed(coin: str) -> str:
    """1000PEPE-USDC for kPEPE."""
    return f"1000{coin[1:]}-USDC" if coin.startswith("k") and coin[1:].isupper() else f"{coin}-USDC"


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """Not asked: MARKETS has no spot."""
    raise NotImplementedError


def perp(symbol: str, multiplier: int = 1, contract_size: float | None = None) -> dict[str, Endpoint[Snapshot]]:
    """{}: everything is in the list of all perpetuals, some 80 KB; see tickers."""
    return {}


def contract_size(symbol: str, question: str) -> None:
    """A contract is one coin."""


def symbols(kind: str) -> ListEndpoint[str]:
    """Every perpetual that is not delisted."""
    meta = orjson.dumps({"type": "meta"})
    return ListEndpoint(HOST, "/info", ("universe",), parse_symbol, explain, WEIGHT, 20, meta)


def tickers(kind: str) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
    """All perpetuals with open interest and funding: the answer's second array, by the first one's names."""
    return {
        "ticker": ListEndpoint(
            HOST, "/info", (1,), _unnamed, explain, WEIGHT, 20, ALL_OF_THEM, reader=partial(rows_reader, now_ms=_now_ms)
        )
    }


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
    """The last n candles before end_ms, the running one among them; weight 20 and 1 for 60 of them.

    Raises NotSupported for 6h, which Hyperliquid has not.
    """
    if interval == "6h":
        raise NotSupported(ID, "no candles of 6h", "has no such candles")
    step = INTERVALS[interval]
    last = ((_now_ms() if end_ms is None else end_ms - 1) // step) * step
    span = {
        "coin": native(symbol),
        "interval": interval,
        "startTime": last - (n - 1) * step,
        "endTime": last + step - 1,
    }
    body = orjson.dumps({"type": "candleSnapshot", "req": span})
    parse = partial(parse_candles, symbol=symbol, interval=interval, multiplier=multiplier)
    return Endpoint(HOST, "/info", parse, explain, WEIGHT, 20 + n // 60, body)


def open_interest_history(symbol: str, n: int, multiplier: int = 1, contract_size: float | None = None) -> None:
    """Hyperliquid tells no history."""


def ratios(symbol: str, n: int) -> list[Endpoint[dict[str, list[Ratio]]]]:
    """Hyperliquid tells none."""
    return []


def taker_flow(symbol: str, kind: str, interval: str, n: int, multiplier: int = 1) -> None:
    """Hyperliquid tells no series of taker volume."""


def rows_reader(head: Any, now_ms: Callable[[], int]) -> Callable[[Row], tuple[str, Snapshot] | None]:
    """Reads the rows of the second array in turn, each with the name at the same place of the first."""
    names = iter(_universe(head[0]) if isinstance(head, list) and head else [])
    time_ms = now_ms()

    def read(row: Row) -> tuple[str, Snapshot] | None:
        of = next(names, None)
        if of is None:
            raise BadResponse(ID, "there are more rows than names")
        if of.get("isDelisted") or not row.number("dayNtlVlm"):
            return None
        symbol, multiplier = coin_symbol(_listed(of.name("name")))
        return symbol, _perp(row, symbol, multiplier, time_ms)

    return read


def _unnamed(row: Row) -> None:
    raise BadResponse(ID, "a row came before the names")


def _universe(head: Any) -> list[Row]:
    return rows_in(ID, row_in(ID, head).get("universe"))


def _perp(row: Row, symbol: str, multiplier: int, time_ms: int) -> Snapshot:
    """{"markPx": "77562", "midPx": "77561.5", "prevDayPx": "76800", "dayNtlVlm": "2100000000", "dayBaseVlm": "27100",
        "openInterest": "27353.18", "funding": "0.0000125", "oraclePx": …, "premium": null, "impactPxs": null}

    There is no last trade: the price is midPx, markPx when the book is empty. dayNtlVlm is in USDC, openInterest in
    coins, funding per HOUR; the next is due at the full hour. The answer has no time.
    """
    mark = row.price("markPx")
    last = row.price("midPx") or mark
    if last is None:
        raise UnknownSymbol(ID, f"{symbol} has no price")
    coins, rate, before = row.number("openInterest"), row.number("funding"), row.price("prevDayPx")
    base_volume = row.number("dayBaseVlm")
    interest = None
    if coins is not None:
        interest = OpenInterest(coins * multiplier, None if mark is None else coins * mark)
    due_ms = (time_ms // HOUR_MS + 1) * HOUR_MS
    return Snapshot(
        Ticker(
            exchange=ID,
            symbol=symbol,
            last=last / multiplier,
            bid=None,
            ask=None,
            high=None,
            low=None,
            change_pct=change_pct(mark or last, before),
            base_volume=None if base_volume is None else base_volume * multiplier,
            quote_volume=row.number("dayNtlVlm"),
            time_ms=time_ms,
        ),
        interest,
        None if rate is None else Funding(rate, FUNDING_INTERVAL_H, due_ms, per_coin(mark, multiplier)),
    )


def parse_symbol(row: Row) -> str | None:
    """BTC-USDC of {"name": "BTC", "szDecimals": 5, "maxLeverage": 40}."""
    return None if row.get("isDelisted") else _listed(row.name("name"))


def parse_candles(body: bytes, symbol: str, interval: str, multiplier: int = 1) -> Candles:
    """[{"t": 1681923600000, "T": 1681924499999, "s": "BTC", "i": "15m", "o": "29295", "c": "29258", "h": "29309",
         "l": "29250", "v": "0.98639", "n": 189}, …]

    v counts coins; oldest first, the last one running. An unknown coin is [] or null, with HTTP 200.
    """
    rows = load(ID, body)
    if rows is None or rows == []:
        raise UnknownSymbol(ID, f"no candles of {symbol}")
    of = (ID, symbol, "perp", INTERVALS[interval])
    return read_candles(of, rows, At("t", "o", "h", "l", "c", "v"), multiplier=multiplier)


def _now_ms() -> int:
    return int(time() * 1000)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means; 422 is plain text for a body it cannot read."""
    said = f"HTTP {status} {body[:160]!r}"
    if status == 429:
        return RateLimited(ID, said, retry_after_s=10.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500:
        return Unavailable(ID, said, f"answered HTTP {status}")
    return BadResponse(ID, said)
