"""OKX v5: spot and linear swaps; accounts.

Every answer is {"code": "0", "msg": "", "data": […]}; code and all figures are strings, ""
is missing. Some errors come with HTTP 200. Swaps are counted in contracts; the fields read
here are those that OKX already gives in coins, so that no contract size is needed.
Source: OKX v5 API documentation, November 2025.
Announced: aws.okx.com was retired on 2025-03-19; several clients moved from www.okx.com to openapi.okx.com in 2026, but
no end of www.okx.com was known in November 2026.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise, starmap
from typing import Any

import orjson

from exchanges.around import Form
from exchanges.columns import Columns
from exchanges.endpoints import Budget, Endpoint, Host, IncomeList, ListEndpoint, PositionsEndpoint, T, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    ClockWrong,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    Refused,
    UnknownSymbol,
    ill,
    unexplained,
)
from exchanges.exchange import AccountExchange
from exchanges.reading import (
    At,
    AtOnce,
    Row,
    change_pct,
    code_in,
    is_name,
    load,
    long_share,
    newest_of,
    page_of,
    read_candles,
    row_in,
    rows_in,
    rows_read,
    sole,
)
from exchanges.symbols import split
from exchanges.timed import Timed, at_once, timed_rows
from exchanges.words import (
    COIN,
    DOLLARS,
    INTERVALS,
    Balance,
    Candles,
    Flow,
    Funding,
    Income,
    Key,
    Liquidation,
    LiquidationPage,
    Listing,
    OpenInterest,
    Page,
    Paid,
    Position,
    Ratio,
    Signed,
    Snapshot,
    Ticker,
)

ID = "okx"
LIQUIDATED = {"sell": "long", "buy": "short"}  # the side of the position, by that of the order
HOST = Host("OKX", ID, "https://www.okx.com")
TICKER_REQUESTS = Budget("okx market/ticker", 20, 2)
TICKERS_REQUESTS = Budget("okx market/tickers", 20, 2)
OPEN_INTEREST_REQUESTS = Budget("okx public/open-interest", 20, 2)
FUNDING_REQUESTS = Budget("okx public/funding-rate", 10, 2)
CANDLE_REQUESTS = Budget("okx market/candles", 40, 2)
PAID_REQUESTS = Budget("okx public/funding-rate-history", 10, 2)
INSTRUMENT_REQUESTS = Budget("okx public/instruments", 20, 2)
SLICE_MS = 6 * 3_600_000
LIQUIDATION_REQUESTS = Budget("okx public/liquidation-orders", 40, 2)
OLD_CANDLE_REQUESTS = Budget("okx market/history-candles", 20, 2)
WORDS = {
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1H",
    "2h": "2H",
    "4h": "4H",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
}
"""OKX's words for intervals; without utc, those of 6 hours and more begin at UTC+8."""
ROWS = 100  # of a page
REFUSALS = {
    "50101": Reason.KEY_OF_OTHER_ENVIRONMENT,
    "50105": Reason.PASSPHRASE_REFUSED,
    "50110": Reason.ADDRESS_REFUSED,
    "50111": Reason.KEY_REFUSED,
    "50113": Reason.SIGNATURE_WRONG,
    "50119": Reason.KEY_UNKNOWN,
    "50120": Reason.KEY_MAY_NOT,
}


def native(of: Listing) -> str:
    """BTC-USDT, and BTC-USDT-SWAP for the perpetual. BTC-USD-SWAP is margined in the coin, BTC-COIN here."""
    return of.listed if of.kind == "spot" else f"{of.base}-{'USD' if of.quote == COIN else of.quote}-SWAP"


def _name(of: Listing) -> str:
    """The native symbol in a query."""
    return percent_encode(native(of))


class Okx(AccountExchange):
    """One site; every path has a budget of its own. Every coin is priced singly."""

    id = ID
    name = "OKX"
    hosts = (HOST,)
    quotes = {"spot": ("USDT", "USDC"), "perp": ("USDT", "USDC", COIN)}
    intervals = {"spot": WORDS, "perp": WORDS}
    max_candles = {"spot": 300, "perp": 300}
    tells = {
        "candles": ("spot", "USDT", "USDC", COIN),
        "flow": ("USDT", "USDC", COIN),  # of spot OKX only sums up all pairs of a coin
        "open_interest_history": ("USDT", "USDC", COIN),
        "ratios": ("USDT", "USDC", COIN),
        "liquidations": ("USDT", "USDC", COIN),
        "funding_history": ("USDT", "USDC", COIN),
    }
    forms = dict.fromkeys(("candles", "open_interest_history"), Form(b"[", b"]", b'["%d",', is_newest_first=True))
    told_in = {"spot": "ticker", "perp": "ticker"}
    unnamed = {"spot": ("candles",), "perp": ("candles", "flow", "open_interest_history")}
    key_parts = ("API_KEY", "SECRET_KEY", "PASSPHRASE")

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /api/v5/market/ticker."""
        target = f"/api/v5/market/ticker?instId={_name(of)}"
        return Endpoint(HOST, target, partial(parse_spot, of=of), explain, TICKER_REQUESTS)

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """Ticker, open interest and funding of the swap."""
        name = _name(of)

        def ask(path: str, parse: Callable[[bytes], Snapshot], budget: Budget) -> Endpoint[Snapshot]:
            return Endpoint(HOST, f"/api/v5/{path}instId={name}", parse, explain, budget)

        return {
            "ticker": ask("market/ticker?", partial(parse_perp, of=of), TICKER_REQUESTS),
            "open_interest": ask(
                "public/open-interest?instType=SWAP&", partial(parse_open_interest, of=of), OPEN_INTEREST_REQUESTS
            ),
            "funding": ask("public/funding-rate?", partial(parse_funding, of=of), FUNDING_REQUESTS),
        }

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every symbol."""
        return _tickers_list(kind, parse_symbol)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars: tickers; of swaps also open interest and funding."""
        if kind == "spot":
            return {"ticker": _tickers_list(kind, parse_spot_row)}
        interest = "/api/v5/public/open-interest?instType=SWAP"
        return {
            "ticker": _tickers_list(kind, parse_perp_row),
            "open_interest": ListEndpoint(
                HOST, interest, ("data",), parse_open_interest_row, explain, OPEN_INTEREST_REQUESTS
            ),
            "funding": ListEndpoint(
                HOST, "/api/v5/public/funding-rate?instId=ANY", ("data",), parse_funding_row, explain, FUNDING_REQUESTS
            ),
        }

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """`candles` reaches 1440 back, `history-candles` as far as there are any. Its plain 1D is no UTC day."""
        is_old = end_ms is not None
        query = f"instId={_name(of)}&bar={WORDS[interval]}&limit={n}" + (f"&after={end_ms}" if is_old else "")
        parse = partial(parse_candles, of=of, interval=interval)
        if is_old:
            return Endpoint(HOST, f"/api/v5/market/history-candles?{query}", parse, explain, OLD_CANDLE_REQUESTS)
        return Endpoint(HOST, f"/api/v5/market/candles?{query}", parse, explain, CANDLE_REQUESTS)

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """In coins, though swaps count contracts."""
        path = "/api/v5/rubik/stat/contracts/open-interest-history"
        target = f"{path}?instId={_name(of)}&period={WORDS[step]}&limit={min(n, ROWS)}"
        return Endpoint(HOST, target, partial(parse_open_interest_history, of=of), explain, _statistics(path))

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Of all accounts."""
        path = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
        target = f"{path}?instId={_name(of)}&period=1H&limit={n}"
        return [Endpoint(HOST, target, partial(parse_ratios, of=of), explain, _statistics(path))]

    def taker_flow(self, of: Listing, interval: str, n: int, now_ms: int = 0) -> Endpoint[Flow]:
        """Of a swap, at most 100 periods."""
        path = "/api/v5/rubik/stat/taker-volume-contract"
        query = f"instId={_name(of)}&period={WORDS[interval]}&unit=0&limit={min(n, ROWS)}"
        parse = partial(parse_taker_flow, of=of, interval=interval)
        return Endpoint(HOST, f"{path}?{query}", parse, explain, _statistics(path))

    def sign(self, endpoint: Endpoint[Any], key: Key, now_ms: int) -> Signed:
        """The base64 HMAC-SHA256 of time, method and path with query as sent; demo trading has a header of its own."""
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = f"{moment}GET{endpoint.target}"
        headers = {
            "ok-access-key": key.api_key,
            "ok-access-sign": b64encode(hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).digest()).decode(),
            "ok-access-timestamp": moment,
            "ok-access-passphrase": key.passphrase,
        }
        if key.is_testnet:
            headers["x-simulated-trading"] = "1"
        return Signed(endpoint.target, headers)

    def time(self) -> Endpoint[int]:
        """GET /api/v5/public/time: the exchange's clock, ms."""
        return _private("/api/v5/public/time", parse_time)

    def balances(self) -> list[Endpoint[list[Balance]]]:
        """The trading account and the funding account; an owner's money may be in both."""
        return [
            _private("/api/v5/account/balance", parse_trading_balances),
            _private("/api/v5/asset/balances", parse_funding_balances),
        ]

    def positions(self) -> list[PositionsEndpoint]:
        """Swaps, futures, options and margin alike."""
        return [PositionsEndpoint(_private("/api/v5/account/positions", partial(load, ID)), None, parse_positions)]

    def income(self, since_ms: int, now_ms: int) -> list[IncomeList]:
        """Closed positions, newest first, until since_ms; and the bills of the last 7 days for funding and fees."""

        def closed(cursor: str) -> Endpoint[Page[Income]]:
            target = f"/api/v5/account/positions-history?limit={ROWS}" + (f"&after={cursor}" if cursor else "")
            return _private(target, partial(parse_closed_positions, since_ms=since_ms))

        def bills(cursor: str) -> Endpoint[Page[Income]]:
            return _private(f"/api/v5/account/bills?limit={ROWS}" + (f"&after={cursor}" if cursor else ""), parse_bills)

        return [IncomeList(("realised",), closed), IncomeList(("funding", "fee"), bills)]

    def rights(self) -> Endpoint[bool]:
        """Whether the key can do more than read."""
        return _private("/api/v5/account/config", parse_rights)

    def contract_size(self, of: Listing, question: str) -> Endpoint[float] | None:
        """Coins of a linear contract, dollars of one margined in the coin; only "liquidations" count contracts."""
        if question != "liquidations":
            return None
        target = f"/api/v5/public/instruments?instType=SWAP&instId={_name(of)}"
        return Endpoint(HOST, target, partial(parse_contract_size, of=of), explain, INSTRUMENT_REQUESTS)

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """Newest first, back to older ones by `after`."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            target = f"/api/v5/public/funding-rate-history?instId={_name(of)}&limit={ROWS}"
            parse = partial(parse_paid, of=of, since_ms=since_ms)
            return Endpoint(HOST, target + (f"&after={cursor}" if cursor else ""), parse, explain, PAID_REQUESTS)

        return paid

    def liquidations(self, of: Listing, since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[LiquidationPage]]]:
        """Newest first, back to older ones by `after`; some 20 pages for a day of BTC-USDT, so in slices at once."""
        family, step = _name(of).removesuffix("-SWAP"), SLICE_MS if of.quote == "USDT" else now_ms

        def orders(cursor: str, begin_ms: int) -> Endpoint[LiquidationPage]:
            until = cursor or (str(begin_ms + step) if begin_ms + step < now_ms else "")
            query = f"instType=SWAP&instFamily={family}&state=filled&limit={ROWS}" + (
                f"&after={until}" if until else ""
            )
            parse = partial(parse_liquidations, of=of, since_ms=since_ms, begin_ms=begin_ms)
            return Endpoint(HOST, f"/api/v5/public/liquidation-orders?{query}", parse, explain, LIQUIDATION_REQUESTS)

        return [partial(orders, begin_ms=each) for each in range(since_ms, now_ms, step)]


def _tickers_list(kind: str, row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    kind = "SPOT" if kind == "spot" else "SWAP"
    target = f"/api/v5/market/tickers?instType={kind}"
    return ListEndpoint(HOST, target, ("data",), row, explain, TICKERS_REQUESTS)


def _statistics(path: str) -> Budget:
    return Budget(f"okx {path.partition('stat/')[2]}", 5, 2)


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours of a spot market.

        {"instId": "ETH-BTC", "last": "0.07319", "askPx": "0.07322", "bidPx": "0.0732",
         "open24h": "0.07801", "high24h": …, "low24h": …, "vol24h": "167493.8",
         "volCcy24h": "11788.8", "ts": "1621440583784"}

    Spot: vol24h in base, volCcy24h in quote. There is no percent field: it is last against open24h.
    """
    row = _only_row(body, of.listed).must_be("instId", native(of))
    return _ticker(row, of, row.number("vol24h"), row.number("volCcy24h"))


def parse_perp(body: bytes, of: Listing) -> Snapshot:
    """The ticker of a swap: vol24h counts CONTRACTS, volCcy24h base coins.

    There is no turnover in quote; it is taken as base volume x last price.
    """
    return Snapshot(ticker=_swap_ticker(_only_row(body, of.listed).must_be("instId", native(of)), of))


def _swap_ticker(row: Row, of: Listing) -> Ticker:
    base_volume = row.number("volCcy24h")
    last = row.price("last")
    return _ticker(row, of, base_volume, None if base_volume is None or last is None else base_volume * last)


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes and for what does not trade."""
    symbol = parse_symbol(row.must_be("instType", "SPOT"))
    if symbol is None or split(symbol)[1] not in DOLLARS or not _trades(row):
        return None
    return symbol, Snapshot(
        _ticker(row, Listing("spot", symbol, symbol), row.number("vol24h"), row.number("volCcy24h"))
    )


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """The ticker of a swap of the list. Those margined in the coin (BTC-USD) are left out: they are other markets."""
    symbol = parse_linear_symbol(row.must_be("instType", "SWAP"))
    return (
        None
        if symbol is None or not _trades(row)
        else (symbol, Snapshot(_swap_ticker(row, Listing("perp", symbol, symbol))))
    )


def _trades(row: Row) -> bool:
    return bool(row.number("last") and row.number("vol24h"))


def parse_open_interest_row(row: Row) -> tuple[str, Snapshot] | None:
    """Open interest of a swap of the list."""
    symbol = parse_linear_symbol(row)
    if symbol is None or row.number("oiCcy") is None:
        return None
    return symbol, Snapshot(open_interest=_open_interest(row))


def parse_funding_row(row: Row) -> tuple[str, Snapshot] | None:
    """Funding of a swap of the list."""
    symbol = parse_linear_symbol(row)
    return None if symbol is None else (symbol, Snapshot(funding=_funding(row)))


def parse_linear_symbol(row: Row) -> str | None:
    """BTC-USDT for BTC-USDT-SWAP; None for spot, dated and coin-margined contracts."""
    name = row.get("instId")
    if not is_name(name) or not name.endswith(("-USDT-SWAP", "-USDC-SWAP")):
        return None
    return name.removesuffix("-SWAP")


def parse_open_interest(body: bytes, of: Listing) -> Snapshot:
    """{"instId": "BTC-USDT-SWAP", "oi": "2663107.3", "oiCcy": "26631.073", "oiUsd": "1676426045", "ts": …}

    oi counts contracts, oiCcy base coins, oiUsd (absent from older answers) dollars; one side.
    """
    return Snapshot(open_interest=_open_interest(_only_row(body, "open interest").must_be("instId", native(of))))


def _open_interest(row: Row) -> OpenInterest:
    return OpenInterest(row.needed("oiCcy"), row.number("oiUsd"))


def parse_funding(body: bytes, of: Listing) -> Snapshot:
    """Funding.

        {"fundingRate": "0.0000792", "fundingTime": "1703088000000", "nextFundingTime": "1703116800000", …}

    fundingRate is paid at fundingTime; nextFundingTime is the one AFTER that, so that their
    difference is the period.
    """
    row = _only_row(body, "funding").must_be("instId", native(of))
    row.needed("fundingRate")
    return Snapshot(funding=_funding(row))


def _funding(row: Row) -> Funding | None:
    """None for a contract whose figures are empty, as some in the list are."""
    if (rate := row.number("fundingRate")) is None:
        return None
    due, after = row.whole("fundingTime"), row.whole("nextFundingTime")
    interval_h = (after - due) / 3_600_000 if due and after and after > due else None
    return Funding(rate, interval_h, due, None)


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"data": [["1597026383085", "3.721", "3.743", "3.677", "3.708", "8422410", "22698348.0", "12698348.0", "1"], …]}

    Time, open, high, low, close, vol, volCcy, volCcyQuote, confirm; NEWEST FIRST. Base volume is vol on spot, and
    volCcy on swaps, whose vol counts CONTRACTS; volCcyQuote is in quote. confirm "1": closed. The market is not told.
    """
    rows = _list(body)
    told = newest_of(rows, 0, 8)
    is_closed = None if told is None else told == "1"
    at = At(0, 1, 2, 3, 4, 5 if of.kind == "spot" else 6, 7)
    return read_candles(ID, of, INTERVALS[interval], rows, at, is_last_closed=is_closed)


def parse_open_interest_history(body: bytes, of: Listing) -> list[tuple[int, float]]:
    """{"data": [["1701417600000", "731377.57", "111", "2428649.6"], …]}, newest first.

    Time, contracts, COINS, dollars. The market is not told.
    """
    return sorted(_timed(_list(body), 2))


def parse_ratios(body: bytes, of: Listing) -> dict[str, list[Ratio]]:
    """{"data": [["1701417600000", "1.1739"], …]}: time, accounts long / accounts short, newest first.

    The market is not told.
    """
    return {"accounts": sorted(Ratio(time_ms, long_share(ID, ratio)) for time_ms, ratio in _timed(_list(body), 1))}


def parse_taker_flow(body: bytes, of: Listing, interval: str) -> Flow:
    """{"data": [["1701417600000", "200", "380"], …]}: time, SOLD, BOUGHT, in coins as unit=0 asks.

    Newest first. The market is not told. An odd row that leaves a hole spoils them all: in a hole nothing was traded.
    """
    told, step = _list(body), INTERVALS[interval]
    rows = sorted(_columns(told, 0, 1, 2))
    times, sell, buy = [int(row[0]) for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    if len(rows) < len(told) and any(later - at > step for at, later in pairwise(times)):
        raise BadResponse(ID, "what takers did is not told of a period between others")
    return Flow(ID, of.listed, of.kind, step, times, buy, sell)


def _timed(rows: list[Any], place: int) -> list[Timed]:
    """The ms and one figure of rows that are lists of strings. Raises MarketError."""
    if set(map(type, rows)) == {list} and min(map(len, rows)) > place:
        found = at_once([row[0] for row in rows], [row[place] for row in rows])
        if found is not None:
            return found
    return [(int(time_ms), figure) for time_ms, figure in _columns(rows, 0, place)]


def _columns(rows: list[Any], *places: int) -> list[tuple[float, ...]]:
    """Figures of rows that are lists of strings. Raises MarketError."""

    def as_object(row: object) -> object:
        return {str(i): row[i] for i in places} if isinstance(row, list) and len(row) > max(places) else row

    def read(row: Row) -> tuple[float, ...]:
        return float(row.moment("0")), *(row.needed(str(i)) for i in places[1:])

    return rows_read(ID, [as_object(row) for row in rows], read)


def _list(body: bytes) -> list[Any]:
    """`data`, whose rows are lists. Raises MarketError."""
    answer = Row.of(ID, body)
    if answer.get("code") != "0":
        raise explain(200, body)
    rows = answer.get("data")
    if not isinstance(rows, list):
        raise BadResponse(ID, "data is missing")
    return rows


def parse_symbol(row: Row) -> str | None:
    """BTC-USDT for BTC-USDT and BTC-USDT-SWAP."""
    name = row.get("instId")
    return name.removesuffix("-SWAP") if is_name(name) else None


def _only_row(body: bytes, what: str) -> Row:
    """data[0]. Raises MarketError, UnknownSymbol when data is empty."""
    rows = _list(body)
    if not rows:
        raise UnknownSymbol(ID, f"no row: {what}")
    return sole(ID, rows, "instId")


def _ticker(row: Row, of: Listing, base_volume: float | None, quote_volume: float | None) -> Ticker:
    if not row.number("last"):
        raise NotTraded(ID, f"{of.listed} has no trades")
    last = row.needed_price("last")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
        last=last,
        bid=row.price("bidPx"),
        ask=row.price("askPx"),
        high=row.price("high24h"),
        low=row.price("low24h"),
        change_pct=change_pct(last, row.price("open24h")),
        base_volume=base_volume,
        quote_volume=quote_volume,
        time_ms=row.moment("ts"),
    )


# Accounts.


def _private(target: str, parse: Callable[[bytes], T]) -> Endpoint[T]:
    path = target.partition("?")[0]
    return Endpoint(HOST, target, parse, explain, Budget(f"okx {path}", 10 if "config" not in path else 5, 2))


def _rows(body: bytes) -> list[Row]:
    """`data`, whose rows are objects. Raises MarketError."""
    return rows_in(ID, _list(body))


def parse_time(body: bytes) -> int:
    """{"data": [{"ts": "1597026383085"}]}"""
    return _only_row(body, "time").moment("ts")


def parse_trading_balances(body: bytes) -> list[Balance]:
    """{"data": [{"details": [{"ccy": "USDT", "eq": "99.89", "availBal": "94.42", "availEq": "", "eqUsd": "99.88"}]}]}

    eq is all there is, unrealised profit included; availEq, where the account uses it, else availBal, is free.
    """
    found = []
    for account in _rows(body):
        for row in account.rows("details"):
            total = row.number("eq") or 0.0
            available = row.number("availEq")
            if available is None:
                available = row.number("availBal") or 0.0
            free = min(max(0.0, available), max(0.0, total))
            found.append(Balance(row.name("ccy"), free, total - free, row.number("eqUsd")))
    return found


def parse_funding_balances(body: bytes) -> list[Balance]:
    """{"data": [{"ccy": "ETH", "bal": "37.1", "availBal": "37.1", "frozenBal": "0"}]}"""
    found = []
    for row in _rows(body):
        total, free = row.needed("bal"), row.number("availBal") or 0.0
        found.append(Balance(row.name("ccy"), free, total - free))
    return found


def parse_positions(answer: Any, second: None = None) -> list[Position]:
    """Open positions.

        {"instId": "ETH-USD-210430", "pos": "1", "posSide": "long", "avgPx": "2566.31", "markPx": "2353.849",
         "upl": "-0.00000099", "uplRatio": "-0.0025", "lever": "10", "liqPx": "2352.84", "notionalUsd": "2276.25",
         "margin": "0.00038", "imr": "", "ccy": "ETH", "mgnMode": "isolated", "fundingFee": "0"}

    A margin position's pos is never negative: posCcy says the side, the base currency is long, the quote is short.
    In the base it is the size. Elsewhere pos counts contracts, signed only in net mode; the size in coins is
    notionalUsd over the mark price, where that is in dollars: an option's is in the coin, that of ETH-BTC in BTC. upl,
    margin (isolated) or imr (cross), and fundingFee are in ccy, the coin for inverse contracts.
    """
    envelope = row_in(ID, answer)
    if envelope.get("code") != "0":
        raise explain(200, orjson.dumps(answer))
    found = []
    for row in envelope.rows("data"):
        contracts = row.needed("pos")
        if not contracts:
            continue
        symbol = row.name("instId")
        notional, mark, ratio = row.number("notionalUsd"), row.price("markPx"), row.number("uplRatio")
        found.append(
            Position(
                symbol=symbol,
                base=symbol.partition("-")[0],
                side=_side(row, contracts),
                size=_size(row, contracts, notional, mark),
                notional=None if notional is None else abs(notional),
                entry=row.price("avgPx"),
                mark=mark,
                liquidation=row.price("liqPx"),
                leverage=row.number("lever"),
                margin=row.number("margin") or row.number("imr"),
                asset=row.name("ccy"),
                pnl=row.number("upl"),
                pnl_pct=None if ratio is None else ratio * 100,
                funding=row.number("fundingFee"),
                margin_mode=str(row.get("mgnMode") or ""),
            )
        )
    return found


def _size(row: Row, contracts: float, notional: float | None, mark: float | None) -> float | None:
    """In base, None where it is not told."""
    base, quote, *_ = (*row.name("instId").split("-"), "")
    kind = row.get("instType")
    if kind == "MARGIN" and row.get("posCcy") == base:
        return abs(contracts)
    is_in_dollars = kind != "OPTION" and quote.removesuffix("_UM") in DOLLARS
    return abs(notional) / mark if is_in_dollars and notional is not None and mark else None


def _side(row: Row, contracts: float) -> str:
    side, held = row.get("posSide"), row.get("posCcy")
    if side in ("long", "short"):
        return str(side)
    base, quote, *_ = (*row.name("instId").split("-"), "")
    if row.get("instType") == "MARGIN" and held in (base, quote):
        return "long" if held == base else "short"
    return "long" if contracts > 0 else "short"


def parse_closed_positions(body: bytes, since_ms: int) -> Page[Income]:
    """{"data": [{"realizedPnl": "-0.066", "ccy": "USDT", "uTime": "1736745929198", …}]}, newest first.

    realizedPnl is net: pnl + fee + fundingFee + liqPenalty. The next page is of what is older than its cursor: rows of
    the last millisecond of a full page are read with the next one.
    """
    rows = _rows(body)
    found = [Income(row.moment("uTime"), "realised", row.name("ccy"), row.needed("realizedPnl")) for row in rows]
    if len(rows) < ROWS or found[-1].time_ms < since_ms:
        return Page(found, "")
    last_ms = found[-1].time_ms
    before = [each for each in found if each.time_ms > last_ms]
    return Page(before, str(last_ms + 1), last_ms + 1) if before else Page(found, str(last_ms), last_ms + 1)


def parse_bills(body: bytes) -> Page[Income]:
    """{"data": [{"type": "8", "balChg": "-0.31", "fee": "0", "ccy": "USDT", "ts": …, "billId": "62"}]}, newest first.

    type 8 is funding, its balChg what was received (+) or paid (-); fee is negative when paid. A page may hold
    nothing but others, such as interest: how far back all is read is told by the rows that came.
    """
    rows = _rows(body)
    found = []
    for row in rows:
        time_ms, asset = row.moment("ts"), row.name("ccy")
        fee = row.number("fee")
        if row.get("type") == "8":
            found.append(Income(time_ms, "funding", asset, row.needed("balChg")))
        elif fee:
            found.append(Income(time_ms, "fee", asset, fee))
    if len(rows) < ROWS:
        return Page(found, "")
    return Page(found, rows[-1].name("billId"), rows[-1].moment("ts") + 1)


def parse_rights(body: bytes) -> bool:
    """{"data": [{"perm": "read_only,trade"}]}"""
    rights = str(_only_row(body, "config").get("perm") or "").split(",")
    return any(each.strip() not in ("read_only", "") for each in rights)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. A 403 with HTML comes from the CDN."""
    code = code_in(body, "code")
    said = f"HTTP {status} {body[:160]!r}"
    if code in ("50102", "50112"):
        return ClockWrong(ID, said)
    if code in REFUSALS:
        return Refused(ID, said, REFUSALS[code])
    if status == 401:
        return Refused(ID, said)
    if status in (403, 451):
        return Blocked(ID, said)
    if status == 429 or code in ("50011", "50061"):
        return RateLimited(ID, said, retry_after_s=2.0)
    if code == "51001" or (code == "51000" and b"instId" in body):  # 51000 names the parameter, whichever it is
        return UnknownSymbol(ID, said)
    if code == "51000" and (b"period" in body or b"bar" in body):
        return NotSupported(ID, said, Reason.NO_SUCH_CANDLES)
    if status >= 500 or code in ("50001", "50004", "50013", "50026"):
        return ill(ID, said, status)
    return unexplained(ID, status, said, code)


def parse_contract_size(body: bytes, of: Listing) -> float:
    """{"data": [{"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", …}]}

    ctVal is in coins of a linear contract, in dollars of one margined in the coin; a contract is worth ctMult of it.
    """
    row = _only_row(body, of.listed).must_be("instId", native(of))
    return row.needed_price("ctVal") * (row.price("ctMult") or 1.0)


def parse_liquidations(body: bytes, of: Listing, since_ms: int, begin_ms: int = 0) -> LiquidationPage:
    """Orders that closed positions by force, newest first.

        {"data": [{"instId": "BTC-USDT-SWAP", "instFamily": "BTC-USDT", "details":
                   [{"side": "sell", "posSide": "long", "bkPx": "62000.1", "sz": "13", "ts": "1692266434010"}, …]}]}

    side is the order's: whoever was long is sold out; posSide is "net" or missing in net mode. sz counts contracts.
    bkPx is the BANKRUPTCY price, at which nothing is left of the margin: a little beyond the fill. No rows is no error.
    """
    size = of.contract_size
    if size is None:
        raise BadResponse(ID, "the contract's size is not known")

    def read(row: Row) -> Liquidation:
        side = LIQUIDATED.get(row.name("side"))
        if side is None:
            raise BadResponse(ID, f"side is {row.name('side')[:20]!r}")
        price, amount = row.needed_price("bkPx"), row.needed_price("sz") * size
        coins, dollars = (amount / price, amount) if of.quote == COIN else (amount, amount * price)
        return Liquidation(row.moment("ts"), side, coins, dollars, price)

    def read_all(rows: Sequence[Any]) -> list[Liquidation]:
        told = Columns(ID, rows)
        sides = told.meant("side", LIQUIDATED)
        prices, amounts = told.needed_prices("bkPx"), [each * size for each in told.needed_prices("sz")]
        if of.quote == COIN:
            coins, dollars = [amount / price for amount, price in zip(amounts, prices, strict=True)], amounts
        else:
            coins, dollars = amounts, [amount * price for amount, price in zip(amounts, prices, strict=True)]
        return list(map(Liquidation, told.moments("ts"), sides, coins, dollars, prices))

    rows = [row_in(ID, each).must_be("instFamily", native(of).removesuffix("-SWAP")) for each in _list(body)]
    details = [detail for row in rows for detail in row.rows("details")]
    found = rows_read(ID, details, AtOnce(read, read_all))
    page = page_of(found, len(details) >= ROWS, max(since_ms, begin_ms))
    return page if page.cursor else page._replace(since_ms=since_ms)


def parse_paid(body: bytes, of: Listing, since_ms: int) -> Page[Paid]:
    """{"data": [{"instId": "BTC-USDT-SWAP", "fundingRate": "0.0001", "realizedRate": "0.0001", "fundingTime": …}, …]}

    Newest first. realizedRate is what was paid; fundingRate, told alone by older answers, was the last estimate.
    """
    stated = ("instId", native(of))
    rows = timed_rows(ID, _list(body), "fundingTime", "realizedRate", instead="fundingRate", stated=stated)
    oldest = min(rows, default=(0, 0.0))[0]
    return Page(list(starmap(Paid, rows)), str(oldest) if len(rows) >= ROWS and oldest > since_ms else "")
