"""Bitget v2: spot and perpetuals settled in USDT, USDC and the coin.

Every answer is {"code": "00000", "msg": "success", "requestTime": …, "data": …}, the code a string. Spot and
perpetual share the spelling BTCUSDT; `productType` tells the market. The USDC perpetual of BTC is BTCPERP, the
coin-margined one BTCUSD, which we call BTC-COIN. Open interest and volume count coins.
Source: Bitget API v2 documentation, 2026.
Announced: v2 is "in maintenance mode" and v3 (UTA) is recommended (introduction of the classic API, 2026); v2 still
answered in September 2026, and no end was named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from typing import Any

from exchanges.around import Form
from exchanges.columns import Columns
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    NotTraded,
    RateLimited,
    UnknownSymbol,
    ill,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import (
    At,
    AtOnce,
    Row,
    code_in,
    in_coins,
    is_name,
    per_coin,
    read_candles,
    row_in,
    rows_read,
    sole,
)
from exchanges.symbols import listing
from exchanges.timed import timed_rows
from exchanges.words import (
    COIN,
    INTERVALS,
    Candles,
    Funding,
    Liquidation,
    LiquidationPage,
    Listing,
    OpenInterest,
    Page,
    Paid,
    Ratio,
    Snapshot,
    Ticker,
)

ID = "bitget"
LIQUIDATED = {"buy": "long", "sell": "short"}  # the side of the position, as it is written
HOST = Host("BITGET", ID, "https://api.bitget.com")
PRODUCTS = {"USDT": "USDT-FUTURES", "USDC": "USDC-FUTURES", COIN: "COIN-FUTURES"}
LIQUIDATIONS = Budget("bitget market/liquidations", 5, 1)
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


def native(of: Listing) -> str:
    """BTCUSDT for BTC-USDT, BTCPERP for the perpetual of BTC-USDC, BTCUSD for BTC-COIN."""
    quote = of.quote if of.kind == "spot" else {"USDC": "PERP", COIN: "USD"}.get(of.quote, of.quote)
    return f"{of.base}{quote}"


def _symbol(of: Listing) -> str:
    """The native symbol in a query."""
    return f"symbol={percent_encode(native(of))}"


def _of_product(of: Listing) -> str:
    """A perpetual in a query."""
    return f"{_symbol(of)}&productType={PRODUCTS[of.quote]}"


def _ask(path: str, query: str, parse: Callable[[bytes], T], per_second: int = 20) -> Endpoint[T]:
    return Endpoint(HOST, f"/api/v2/{path}?{query}", parse, explain, Budget(f"bitget {path}", per_second, 1))


def _list(path: str, query: str, row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    target = f"/api/v2/{path}{query and '?' + query}"
    return ListEndpoint(HOST, target, ("data",), row, explain, Budget(f"bitget {path}", 20, 1))


class Bitget(Exchange):
    """One site; `productType` tells in what a perpetual settles. Every path has a budget of its own."""

    id = ID
    name = "Bitget"
    hosts = (HOST,)
    quotes = {"spot": ("USDT", "USDC"), "perp": ("USDT", "USDC", COIN)}
    multiplied = ("perp",)
    by_many = {"perp": {"CAT": "1000CAT"}}
    intervals = {"spot": SPOT_WORDS, "perp": PERP_WORDS}
    max_candles = {"spot": 1000, "perp": 1000}
    tells = {
        "candles": ("spot", "USDT", "USDC", COIN),
        "ratios": ("USDT", "USDC", COIN),
        "liquidations": ("USDT", "USDC", COIN),
        "funding_history": ("USDT", "USDC", COIN),
    }
    forms = {"candles": Form(b"[", b"]", b'["%d",')}
    told_in = {"spot": "ticker", "perp": "ticker"}
    unnamed = {"spot": ("candles",), "perp": ("candles",)}

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /api/v2/spot/market/tickers of one symbol."""
        return _ask("spot/market/tickers", _symbol(of), partial(parse_spot, of=of))

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """The ticker, which tells open interest too; and funding with its period and time."""
        query = _of_product(of)
        parse = partial(parse_perp, of=of)
        return {
            "ticker": _ask("mix/market/ticker", query, parse),
            "funding": _ask("mix/market/current-fund-rate", query, partial(parse_funding, of=of)),
        }

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every symbol quoted in USDT or USDC; of perpetuals those in USDT."""
        if kind == "spot":
            return _list("spot/market/tickers", "", parse_symbol)
        return _list("mix/market/tickers", "productType=USDT-FUTURES", parse_symbol)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars; of perpetuals with open interest, and the funding with its period."""
        if kind == "spot":
            return {"ticker": _list("spot/market/tickers", "", parse_spot_row)}
        query = "productType=USDT-FUTURES"
        return {
            "ticker": _list("mix/market/tickers", query, parse_perp_row),
            "funding": _list("mix/market/current-fund-rate", query, parse_funding_row),
        }

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """The words for intervals differ."""
        parse = partial(parse_candles, of=of, interval=interval)
        query = f"granularity={self.intervals[of.kind][interval]}&limit={n}" + (f"&endTime={end_ms}" if end_ms else "")
        if of.kind == "spot":
            return _ask("spot/market/candles", f"{_symbol(of)}&{query}", parse)
        return _ask("mix/market/candles", f"{_of_product(of)}&{query}", parse)

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Of all accounts; how many hours is Bitget's choice."""
        query = f"{_symbol(of)}&period=1h"
        return [_ask("mix/market/account-long-short", query, partial(parse_ratios, of=of), 1)]

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """A hundred a page, newest first, by the page's number."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            query = f"{_of_product(of)}&pageSize=100&pageNo={cursor or 1}"
            parse = partial(parse_paid, of=of, since_ms=since_ms, page=int(cursor or 1))
            return _ask("mix/market/history-fund-rate", query, parse)

        return paid

    def liquidations(self, of: Listing, since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[LiquidationPage]]]:
        """GET /api/v3/market/liquidations, newest first, of three days, some minutes late."""

        def orders(cursor: str) -> Endpoint[LiquidationPage]:
            after = f"&cursor={percent_encode(cursor)}" if cursor else ""
            target = f"/api/v3/market/liquidations?category={PRODUCTS[of.quote]}&{_symbol(of)}&limit=100{after}"
            return Endpoint(HOST, target, partial(parse_liquidations, of=of, since_ms=since_ms), explain, LIQUIDATIONS)

        return [orders]


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours of a spot market.

        {"data": [{"symbol": "BTCUSDT", "lastPr": "67432", "open": "67200", "change24h": "0.00321", "high24h": …,
                   "low24h": …, "bidPr": …, "askPr": …, "baseVolume": "4210", "quoteVolume": "283911238", "ts": …}]}

    change24h is a FRACTION.
    """
    return _ticker(_only_row(body, of.listed).must_be("symbol", native(of)).must_lack("open24h"), of)


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes and for what does not trade."""
    symbol = parse_symbol(row.must_lack("open24h", "fundingRate"))
    if symbol is None or not row.number("lastPr") or not row.number("quoteVolume"):
        return None
    return symbol, Snapshot(_ticker(row, Listing("spot", symbol, symbol)))


def parse_perp(body: bytes, of: Listing) -> Snapshot:
    """As parse_spot, and {"holdingAmount": "52234.1", "markPrice": "37180.2", "fundingRate": "0.000125", …}.

    holdingAmount is the open interest in coins, on coin-margined contracts too. open24h is called open on
    spot, which has the same names.
    """
    return _perp(_only_row(body, of.listed).must_be("symbol", native(of)).must_lack("open"), of)


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """The ticker of a perpetual of the list; None for a dated contract, nothing of what does not trade."""
    listed = parse_symbol(row.must_lack("open"))
    if listed is None:
        return None
    if not row.number("lastPr") or not row.number("quoteVolume"):
        return listed, Snapshot()
    of = listing("perp", listed)
    return of.listed, _perp(row, of)


def _perp(row: Row, of: Listing) -> Snapshot:
    coins, rate = row.number("holdingAmount"), row.number("fundingRate")
    mark = per_coin(row.price("markPrice"), of.multiplier)
    interest = None
    if coins is not None:
        coins *= of.multiplier
        interest = OpenInterest(coins, None if mark is None else coins * mark)
    funding = None if rate is None else Funding(rate, None, None, mark)
    return Snapshot(_ticker(row, of), interest, funding)


def parse_funding(body: bytes, of: Listing) -> Snapshot:
    """{"data": [{"symbol": "BTCUSDT", "fundingRate": "0.000068", "fundingRateInterval": "8", "nextUpdate": "174306…"}]}

    The period and the time are absent from answers of before 2025.
    """
    row = _only_row(body, "funding").must_be("symbol", native(of))
    row.needed("fundingRate")
    return Snapshot(funding=_funding(row))


def parse_funding_row(row: Row) -> tuple[str, Snapshot] | None:
    """Funding of a perpetual of the list."""
    listed = parse_symbol(row)
    return None if listed is None else (listed, Snapshot(funding=_funding(row)))


def _funding(row: Row) -> Funding | None:
    """None where the list leaves a contract's rate empty."""
    if (rate := row.number("fundingRate")) is None:
        return None
    interval_h, due_ms = row.number("fundingRateInterval"), row.whole("nextUpdate")
    return Funding(rate, interval_h, due_ms, None)


def parse_symbol(row: Row) -> str | None:
    """BTC-USDT for BTCUSDT, BTC-USDC for BTCPERP; None for other quotes and for dated contracts."""
    listed = row.get("symbol")
    for ending, quote in (("USDT", "USDT"), ("USDC", "USDC"), ("PERP", "USDC")):
        if is_name(listed) and listed.endswith(ending) and len(listed) > len(ending):
            return f"{listed[: -len(ending)]}-{quote}"
    return None


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"data": [["1695835800000", "26210.5", "26210.5", "26194.5", "26194.5", "26.26", "688036.43"], …]}

    Start, open, high, low, close, base volume, quote volume; oldest first, the last one running. The market is not
    told.
    """
    return read_candles(ID, of, INTERVALS[interval], _data(body), At(0, 1, 2, 3, 4, 5, 6))


def parse_ratios(body: bytes, of: Listing) -> dict[str, list[Ratio]]:
    """{"data": [{"longAccountRatio": "0.58", "shortAccountRatio": "0.42", "longShortAccountRatio": "0.0138", …}, …]}

    longShortAccountRatio is off by a factor of 100 (seen in 2024) and not read. The market is not told.
    """
    rows = timed_rows(ID, _data(body), "ts", "longAccountRatio", is_share=True)
    return {"accounts": sorted(starmap(Ratio, rows))}


def _data(body: bytes) -> Any:
    """The envelope's data. Raises MarketError."""
    answer = Row.of(ID, body)
    if answer.get("code") != "00000":
        raise explain(200, body)
    return answer.get("data")


def _only_row(body: bytes, what: str) -> Row:
    rows = _data(body)
    if not isinstance(rows, list):
        raise BadResponse(ID, "the data is no list")
    if not rows:
        raise UnknownSymbol(ID, f"no row: {what}")
    return sole(ID, rows, "symbol")


def _ticker(row: Row, of: Listing) -> Ticker:
    fraction = row.number("change24h")
    if not row.number("lastPr"):
        raise NotTraded(ID, f"{of.listed} has no trades")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
        last=row.needed_price("lastPr") / of.multiplier,
        bid=per_coin(row.price("bidPr"), of.multiplier),
        ask=per_coin(row.price("askPr"), of.multiplier),
        high=per_coin(row.price("high24h"), of.multiplier),
        low=per_coin(row.price("low24h"), of.multiplier),
        change_pct=None if fraction is None else fraction * 100,
        base_volume=in_coins(row.number("baseVolume"), of.multiplier),
        quote_volume=row.number("quoteVolume"),
        time_ms=row.moment("ts"),
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
        return ill(ID, said, status)
    return unexplained(ID, status, said, code)


def parse_liquidations(body: bytes, of: Listing, since_ms: int) -> LiquidationPage:
    """{"data": {"list": [{"symbol": "BTCUSDT", "side": "buy", "price": "62950", "amount": "0.013", "ts": "1782…"}, …],
                 "cursor": "1782…"}}

    The documentation says neither what amount counts nor whose side is told. Readers found coins, and the POSITION's
    side: a long that was liquidated is "buy". No recording proves it, so that what is made of it is marked "≈".
    """
    data = row_in(ID, _data(body))

    def read(row: Row) -> Liquidation:
        side = LIQUIDATED.get(row.must_be("symbol", native(of)).name("side").lower())
        if side is None:
            raise BadResponse(ID, f"side is {row.name('side')[:20]!r}")
        price = row.needed_price("price") / of.multiplier
        coins = row.needed_price("amount") * of.multiplier
        return Liquidation(row.moment("ts"), side, coins, coins * price, price)

    def read_all(rows: Sequence[Any]) -> list[Liquidation]:
        told = Columns(ID, rows).must_be("symbol", native(of))
        sides = told.meant("side", LIQUIDATED)
        prices = [each / of.multiplier for each in told.needed_prices("price")]
        coins = [each * of.multiplier for each in told.needed_prices("amount")]
        dollars = [amount * price for amount, price in zip(coins, prices, strict=True)]
        return list(map(Liquidation, told.moments("ts"), sides, coins, dollars, prices))

    found = rows_read(ID, data.get("list"), AtOnce(read, read_all))
    wanted = [each for each in found if each.time_ms >= since_ms]
    cursor = data.get("cursor")
    if not isinstance(cursor, str) or not cursor or not found or len(wanted) < len(found):
        return LiquidationPage(wanted, since_ms)
    return LiquidationPage(wanted, min(each.time_ms for each in found), cursor)


def parse_paid(body: bytes, of: Listing, since_ms: int, page: int) -> Page[Paid]:
    """{"data": [{"symbol": "BTCUSDT", "fundingRate": "0.0005", "fundingTime": "1695776400000"}, …]}, newest first."""
    rows = timed_rows(ID, _data(body), "fundingTime", "fundingRate", stated=("symbol", native(of)))
    oldest = min(rows, default=(0, 0.0))[0]
    return Page(list(starmap(Paid, rows)), str(page + 1) if len(rows) >= 100 and oldest > since_ms else "")
