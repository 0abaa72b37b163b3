"""Hyperliquid: perpetuals settled in USDC.

Everything is a POST to /info with {"type": …}; an error may be plain text. Two lists belong together by INDEX:
the names (`universe`) and what is known of each. Funding is paid every hour. Cheap coins are traded by the
thousand and spelt kPEPE, which we call 1000PEPE-USDC.
Source: Hyperliquid documentation, "Info endpoint", 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from typing import Any

import orjson

from exchanges.columns import Columns
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    NotTraded,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
    WrongMarket,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import At, AtOnce, Odd, Row, change_pct, load, per_coin, read_candles, row_in, rows_in
from exchanges.symbols import listing
from exchanges.timed import timed_rows
from exchanges.words import INTERVALS, Book, Candles, Funding, Listing, OpenInterest, Page, Paid, Snapshot, Ticker

ID = "hyperliquid"
HOST = Host("HYPERLIQUID", ID, "https://api.hyperliquid.xyz")
WEIGHT = Budget("hyperliquid weight", 1200, 60)
ALL_OF_THEM = orjson.dumps({"type": "metaAndAssetCtxs"})
FUNDING_INTERVAL_H = 1.0
MAX_PAID = 500  # of an answer
HOUR_MS = 3_600_000


def native(of: Listing) -> str:
    """BTC for BTC-USDC, kPEPE for 1000PEPE-USDC."""
    base = of.base
    return f"k{base.removeprefix('1000')}" if base.startswith("1000") and base != "1000" else base


def _listed(coin: str) -> str:
    """1000PEPE-USDC for kPEPE."""
    return f"1000{coin[1:]}-USDC" if coin.startswith("k") and coin[1:].isupper() else f"{coin}-USDC"


class Hyperliquid(Exchange):
    """One path for all questions."""

    id = ID
    name = "Hyperliquid"
    hosts = (HOST,)
    quotes = {"perp": ("USDC",)}
    multiplied = ("perp",)
    intervals = {"perp": {each: each for each in INTERVALS if each != "6h"}}
    max_candles = {"perp": 5000}
    tells = {"candles": ("USDC",), "funding_history": ("USDC",)}
    is_told_in_list = True

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every perpetual that is not delisted."""
        meta = orjson.dumps({"type": "meta"})
        return ListEndpoint(HOST, "/info", ("universe",), parse_symbol, explain, WEIGHT, 20, meta)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All perpetuals with open interest and funding: the answer's second array, by the first one's names."""
        reader = partial(rows_reader, now_ms=now_ms)
        return {"ticker": ListEndpoint(HOST, "/info", (1,), _unnamed, explain, WEIGHT, 20, ALL_OF_THEM, reader)}

    def book(self, of: Listing) -> Endpoint[Book] | None:
        """The book, weight 2; the list has only the middle."""
        body = orjson.dumps({"type": "l2Book", "coin": native(of)})
        return Endpoint(HOST, "/info", partial(parse_book, of=of), explain, WEIGHT, 2, body)

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """Weight 20, and 1 for 60 of them."""
        step = INTERVALS[interval]
        last = (now_ms if end_ms is None else end_ms - 1) // step * step
        span = {
            "coin": native(of),
            "interval": interval,
            "startTime": last - (n - 1) * step,
            "endTime": last + step - 1,
        }
        body = orjson.dumps({"type": "candleSnapshot", "req": span})
        parse = partial(parse_candles, of=of, interval=interval)
        return Endpoint(HOST, "/info", parse, explain, WEIGHT, 20 + n // 60, body)

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """Five hundred hours a page, oldest first; weight 20, and 1 for 20 rows."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            begin = int(cursor) if cursor else since_ms
            body = orjson.dumps({"type": "fundingHistory", "coin": native(of), "startTime": begin})
            return Endpoint(HOST, "/info", partial(parse_paid, of=of), explain, WEIGHT, 20 + MAX_PAID // 20, body)

        return paid


def rows_reader(head: Any, now_ms: int) -> AtOnce[tuple[str, Snapshot]]:
    """Reads the rows of the second array in turn, each with the name at the same place of the first."""
    names = _universe(head[0]) if isinstance(head, list) and head else []
    n_read = 0

    def read(row: Row) -> tuple[str, Snapshot]:
        nonlocal n_read
        if n_read >= len(names):
            raise WrongMarket(ID, "there are more rows than names")
        named, n_read = names[n_read], n_read + 1
        of = listing("perp", _listed(named.name("name")))
        if named.get("isDelisted") or not row.number("dayNtlVlm"):
            return of.listed, Snapshot()
        return of.listed, _perp(row, of, now_ms)

    def read_all(rows: Sequence[Any]) -> list[tuple[str, Snapshot]]:
        nonlocal n_read
        found = _perps(names[n_read : n_read + len(rows)], rows, now_ms)
        n_read += len(rows)
        return found

    return AtOnce(read, read_all)


def _unnamed(row: Row) -> None:
    raise BadResponse(ID, "a row came before the names")


def _universe(head: Any) -> list[Row]:
    return rows_in(ID, row_in(ID, head).get("universe"))


def _perp(row: Row, of: Listing, time_ms: int) -> Snapshot:
    """{"markPx": "77562", "midPx": "77561.5", "prevDayPx": "76800", "dayNtlVlm": "2100000000", "dayBaseVlm": "27100",
        "openInterest": "27353.18", "funding": "0.0000125", "oraclePx": …, "premium": null, "impactPxs": null}

    There is no last trade: the price is midPx, markPx when the book is empty. dayNtlVlm is in USDC, openInterest in
    coins, funding per HOUR; the next is due at the full hour. The answer has no time.
    """
    mark = row.price("markPx")
    last = row.price("midPx") or mark
    if last is None:
        raise NotTraded(ID, f"{of.listed} has no price")
    coins, rate, before = row.number("openInterest"), row.number("funding"), row.price("prevDayPx")
    return _snapshot(of, time_ms, last, mark, before, coins, rate, row.number("dayBaseVlm"), row.number("dayNtlVlm"))


def _perps(names: Sequence[Row], rows: Sequence[Any], time_ms: int) -> list[tuple[str, Snapshot]]:
    """As _perp, of many rows at once. Raises Odd; BadResponse for a name that is none."""
    if len(names) < len(rows):
        raise Odd("more rows than names")
    markets = Columns(ID, rows)
    marks, mids = markets.prices("markPx"), markets.prices("midPx")
    lasts = [mid or mark for mid, mark in zip(mids, marks, strict=True)]
    columns = zip(
        marks,
        markets.prices("prevDayPx"),
        markets.numbers("openInterest"),
        markets.numbers("funding"),
        markets.numbers("dayBaseVlm"),
        markets.numbers("dayNtlVlm"),
        strict=True,
    )
    found = []
    for named, last, figures in zip(names, lasts, columns, strict=True):
        of = listing("perp", _listed(named.name("name")))
        if named.get("isDelisted") or not figures[-1]:
            found.append((of.listed, Snapshot()))
        elif last is None:
            raise Odd("no price")
        else:
            found.append((of.listed, _snapshot(of, time_ms, last, *figures)))
    return found


def _snapshot(
    of: Listing,
    time_ms: int,
    last: float,
    mark: float | None,
    before: float | None,
    coins: float | None,
    rate: float | None,
    base_volume: float | None,
    turnover: float | None,
) -> Snapshot:
    interest = None
    if coins is not None:
        interest = OpenInterest(coins * of.multiplier, None if mark is None else coins * mark)
    due_ms = (time_ms // HOUR_MS + 1) * HOUR_MS
    return Snapshot(
        Ticker(
            exchange=ID,
            symbol=of.listed,
            last=last / of.multiplier,
            bid=None,
            ask=None,
            high=None,
            low=None,
            change_pct=change_pct(mark or last, before),
            base_volume=None if base_volume is None else base_volume * of.multiplier,
            quote_volume=turnover,
            time_ms=time_ms,
        ),
        interest,
        None if rate is None else Funding(rate, FUNDING_INTERVAL_H, due_ms, per_coin(mark, of.multiplier)),
    )


def parse_book(body: bytes, of: Listing) -> Book:
    """{"coin": "BTC", "time": 1754450974231, "levels": [[{"px": "113377.0", "sz": "7.6", "n": 17}, …], […]]}

    Bids, then asks, each the best one first. An unknown coin is null, with HTTP 200.
    """
    answer = load(ID, body)
    if answer is None:
        raise UnknownSymbol(ID, f"no book of {of.listed}")
    levels = row_in(ID, answer).must_be("coin", native(of)).get("levels")
    if not isinstance(levels, list) or len(levels) != 2:
        raise BadResponse(ID, "levels are not two lists")
    bids, asks = (rows_in(ID, side) for side in levels)
    bid, ask = (per_coin(side[0].needed_price("px"), of.multiplier) if side else None for side in (bids, asks))
    return Book(bid, ask)


def parse_symbol(row: Row) -> str | None:
    """BTC-USDC of {"name": "BTC", "szDecimals": 5, "maxLeverage": 40}."""
    return None if row.get("isDelisted") else _listed(row.name("name"))


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """[{"t": 1681923600000, "T": 1681924499999, "s": "BTC", "i": "15m", "o": "29295", "c": "29258", "h": "29309",
         "l": "29250", "v": "0.98639", "n": 189}, …]

    v counts coins; oldest first, the last one running. Every row states coin and interval. An unknown coin is [] or
    null, with HTTP 200.
    """
    rows = load(ID, body)
    if rows is None or rows == []:
        raise UnknownSymbol(ID, f"no candles of {of.listed}")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            Row(ID, row).must_be("s", native(of)).must_be("i", interval)
    return read_candles(ID, of, INTERVALS[interval], rows, At("t", "o", "h", "l", "c", "v"))


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means; 422 is plain text for a body it cannot read."""
    said = f"HTTP {status} {body[:160]!r}"
    if status == 429:
        return RateLimited(ID, said, retry_after_s=10.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500:
        return Unavailable(ID, said, Reason.HTTP_STATUS, status)
    return unexplained(ID, status, said)


def parse_paid(body: bytes, of: Listing) -> Page[Paid]:
    """[{"coin": "BTC", "fundingRate": "0.0000125", "premium": "0.0003", "time": 1683849600076}, …]

    Oldest first. An unknown coin is null, or nothing.
    """
    rows = load(ID, body)
    if rows is None:
        raise UnknownSymbol(ID, f"no funding of {of.listed}")

    found = timed_rows(ID, rows, "time", "fundingRate", stated=("coin", native(of)))
    return Page(list(starmap(Paid, found)), str(max(found)[0] + 1) if len(found) >= MAX_PAID else "")
