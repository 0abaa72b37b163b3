"""Bybit v5: spot, linear and inverse perpetuals; the unified account.

Every answer is {"retCode": 0, "retMsg": "OK", "result": {…}, "time": 1730729903941}; most
errors come with HTTP 200, so retCode is what counts. In `result` numbers are strings and
"" is missing. Spot and linear share the spelling BTCUSDT and are told apart by `category`;
the USDC perpetual of BTC is BTCPERP. The inverse BTCUSD, which we call BTC-COIN, counts dollars.
Source: Bybit v5 API documentation, 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026. openInterest counts both sides;
singleOpenInterest, one, came on 2026-06-11 (v5 changelog).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from typing import Any

import orjson

from exchanges.around import Form
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
    Row,
    code_in,
    in_coins,
    is_name,
    load,
    per_coin,
    read_candles,
    row_in,
    rows_in,
    rows_read,
    sole,
)
from exchanges.symbols import listing
from exchanges.timed import timed_rows
from exchanges.words import (
    COIN,
    INTERVALS,
    WINDOW_MS,
    Balance,
    Candles,
    Funding,
    Income,
    Key,
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

ID = "bybit"
HOST = Host("BYBIT", ID, "https://api.bybit.com", "https://api-testnet.bybit.com")
REQUESTS = Budget("bybit requests", 600, 5)
STEPS = {"5m": "5min", "15m": "15min", "1h": "1h"}  # of histories: other words than the candles'
WORDS = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "6h": "360",
    "12h": "720",
    "1d": "D",
}
"""Bybit's words for intervals."""
HOUR_MS = 3_600_000
RECV_WINDOW_MS = 5000
REFUSALS = {
    10003: Reason.KEY_WRONG,
    10004: Reason.SIGNATURE_WRONG,
    10005: Reason.KEY_MAY_NOT,
    10007: Reason.KEY_REFUSED,
    10010: Reason.ADDRESS_REFUSED,
    10028: Reason.KEY_MAY_NOT,  # its account is not unified
    33004: Reason.KEY_EXPIRED,  # of derivatives, and of spot:
    -2015: Reason.KEY_EXPIRED,
}


def native(of: Listing) -> str:
    """BTCUSDT for BTC-USDT, BTCPERP for the perpetual of BTC-USDC, BTCUSD for the inverse BTC-COIN."""
    quote = of.quote if of.kind == "spot" else {"USDC": "PERP", COIN: "USD"}.get(of.quote, of.quote)
    return f"{of.base}{quote}"


BY_MANY = {each: f"1000{each}" for each in ("PEPE", "BONK", "FLOKI", "LUNC", "XEC", "RATS")} | {
    "SHIB": "SHIB1000",
    "SATS": "10000SATS",
    "BABYDOGE": "1000000BABYDOGE",
    "MOG": "1000000MOG",
}


def category(of: Listing) -> str:
    """Which of Bybit's markets it is in."""
    return "spot" if of.kind == "spot" else "inverse" if of.quote == COIN else "linear"


def _market(of: Listing) -> str:
    """The market in a query."""
    return f"category={category(of)}&symbol={percent_encode(native(of))}"


class Bybit(AccountExchange):
    """One site; `category` tells spot, linear and inverse markets apart."""

    id = ID
    name = "Bybit"
    hosts = (HOST,)
    quotes = {"spot": ("USDT", "USDC"), "perp": ("USDT", "USDC", COIN)}
    multiplied = ("spot", "perp")
    by_many = {"perp": BY_MANY}
    intervals = {"spot": WORDS, "perp": WORDS}
    max_candles = {"spot": 1000, "perp": 1000}
    tells = {
        "candles": ("spot", "USDT", "USDC", COIN),
        "open_interest_history": ("USDT", "USDC"),  # of inverse ones in dollars, without the prices of those hours
        "ratios": ("USDT", "USDC", COIN),
        "funding_history": ("USDT", "USDC", COIN),
    }
    forms = {
        "candles": Form(b"[", b"]", b'["%d",', is_newest_first=True),
        "open_interest_history": Form(b"{", b"}", b'"timestamp":"%d"', is_newest_first=True),
    }
    streams_liquidations = True
    told_in = {"spot": "ticker", "perp": "ticker"}

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /v5/market/tickers?category=spot."""
        target = f"/v5/market/tickers?{_market(of)}"
        return Endpoint(HOST, target, partial(parse_spot, of=of), explain, REQUESTS)

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """GET /v5/market/tickers, linear or inverse: price, open interest and funding in one answer."""
        target = f"/v5/market/tickers?{_market(of)}"
        parse = partial(parse_perp, of=of)
        return {"ticker": Endpoint(HOST, target, parse, explain, REQUESTS)}

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every symbol quoted in USDT or USDC."""
        category = "spot" if kind == "spot" else "linear"
        target = f"/v5/market/tickers?category={category}"
        return ListEndpoint(HOST, target, ("result", "list"), parse_symbol, explain, REQUESTS)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars; of perpetuals with open interest and funding."""
        category, row = ("spot", parse_spot_row) if kind == "spot" else ("linear", parse_perp_row)
        target = f"/v5/market/tickers?category={category}"
        return {"ticker": ListEndpoint(HOST, target, ("result", "list"), row, explain, REQUESTS)}

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """GET /v5/market/kline."""
        query = f"{_market(of)}&interval={WORDS[interval]}&limit={n}"
        target = f"/v5/market/kline?{query}" + (f"&end={end_ms - 1}" if end_ms else "")
        parse = partial(parse_candles, of=of, interval=interval)
        return Endpoint(HOST, target, parse, explain, REQUESTS)

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """Of linear contracts, which count coins."""
        query = f"{_market(of)}&intervalTime={STEPS[step]}&limit={min(n, 200)}"
        parse = partial(parse_open_interest_history, of=of)
        return Endpoint(HOST, f"/v5/market/open-interest?{query}", parse, explain, REQUESTS)

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Of all accounts."""
        query = f"{_market(of)}&period=1h&limit={n}"
        return [Endpoint(HOST, f"/v5/market/account-ratio?{query}", partial(parse_ratios, of=of), explain, REQUESTS)]

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """Newest first, 200 a page; a beginning alone is refused."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            end_ms = int(cursor) if cursor else (now_ms // HOUR_MS + 1) * HOUR_MS
            query = f"{_market(of)}&startTime={since_ms}&endTime={end_ms}&limit=200"
            return Endpoint(HOST, f"/v5/market/funding/history?{query}", partial(parse_paid, of=of), explain, REQUESTS)

        return paid

    def sign(self, endpoint: Endpoint[Any], key: Key, now_ms: int) -> Signed:
        """The hex HMAC-SHA256 of time, key, window and query as it is sent, in headers."""
        query = endpoint.target.partition("?")[2]
        text = f"{now_ms}{key.api_key}{RECV_WINDOW_MS}{query}"
        headers = {
            "x-bapi-api-key": key.api_key,
            "x-bapi-timestamp": str(now_ms),
            "x-bapi-recv-window": str(RECV_WINDOW_MS),
            "x-bapi-sign": hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        }
        return Signed(endpoint.target, headers)

    def time(self) -> Endpoint[int]:
        """GET /v5/market/time: the exchange's clock, ms."""
        return _ask("/v5/market/time", parse_time)

    def balances(self) -> list[Endpoint[list[Balance]]]:
        """The unified account and the funding wallet."""
        return [
            _ask("/v5/account/wallet-balance?accountType=UNIFIED", parse_unified_balances),
            _ask("/v5/asset/transfer/query-account-coins-balance?accountType=FUND", parse_funding_wallet),
        ]

    def positions(self) -> list[PositionsEndpoint]:
        """Positions that settle in USDT, in USDC, and in coins; 200 a page."""
        kinds = ("category=linear&settleCoin=USDT", "category=linear&settleCoin=USDC", "category=inverse")
        return [
            PositionsEndpoint(_positions_of(kind), None, parse_positions, partial(_positions_behind, of=kind))
            for kind in kinds
        ]

    def income(self, since_ms: int, now_ms: int) -> list[IncomeList]:
        """Closed profit and loss, in stretches of 7 days, the longest allowed; funding and fees of the last 7."""

        def closed(category: str, begin: int, end: int, cursor: str) -> Endpoint[Page[Income]]:
            target = f"/v5/position/closed-pnl?category={category}&startTime={begin}&endTime={end}&limit=100"
            return _ask(target + _after(cursor), parse_closed_pnl)

        def log(cursor: str) -> Endpoint[Page[Income]]:
            window = f"startTime={now_ms - WINDOW_MS}&endTime={now_ms}"
            target = f"/v5/account/transaction-log?accountType=UNIFIED&{window}&limit=50{_after(cursor)}"
            return _ask(target, parse_transaction_log)

        stretches = [(begin, min(begin + WINDOW_MS - 1, now_ms)) for begin in range(since_ms, now_ms + 1, WINDOW_MS)]
        asks = [partial(closed, each, *stretch) for each in ("linear", "inverse") for stretch in stretches]
        return [*(IncomeList(("realised",), each) for each in asks), IncomeList(("funding", "fee"), log)]

    def rights(self) -> Endpoint[bool]:
        """Whether the key can do more than read."""
        return _ask("/v5/user/query-api", parse_rights)


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours of a spot market; see parse_perp for the fields."""
    row, time_ms = _only_row(body, of)
    return _ticker(row, of, time_ms)


def parse_perp(body: bytes, of: Listing) -> Snapshot:
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

    Inverse contracts count dollars: openInterest and volume24h are dollars, openInterestValue and
    turnover24h coins.
    """
    row, time_ms = _only_row(body, of)
    return _perp(row, of, time_ms)


def _perp(row: Row, of: Listing, time_ms: int) -> Snapshot:
    ticker, interest = _ticker(row, of, time_ms), _open_interest(row, of)
    if of.quote == COIN:
        ticker = ticker._replace(base_volume=ticker.quote_volume, quote_volume=ticker.base_volume)
        interest = interest and OpenInterest(interest.open_interest_quote, interest.open_interest)
    return Snapshot(ticker, interest, _funding(row, of))


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes, nothing of what does not trade. The row has no time of its
    own."""
    listed = parse_symbol(row.must_lack("openInterest"))
    if listed is None:
        return None
    if not row.number("lastPrice") or not row.number("turnover24h"):
        return listed, Snapshot()
    of = listing("spot", listed)
    return of.listed, Snapshot(_ticker(row, of, 0))


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """A linear perpetual of the list, as parse_spot_row."""
    listed = parse_symbol(row.must_lack("usdIndexPrice"))
    if listed is None:
        return None
    if not row.number("lastPrice") or not row.number("turnover24h"):
        return listed, Snapshot()
    of = listing("perp", listed)
    return of.listed, _perp(row, of, 0)


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"result": {"list": [["1670608800000", "17071", "17073", "17027", "17055.5", "268611", "15.74"], …]}}

    Start, open, high, low, close, volume, turnover; NEWEST FIRST, the first one running. Volume is in base and
    turnover in quote; on inverse contracts volume is in dollars and turnover in coins.
    """
    answer = Row.of(ID, body)
    if answer.get("retCode") != 0:
        raise explain(200, body)
    rows = _of_market(answer.row("result"), of).get("list")
    at = At(0, 1, 2, 3, 4, 6, 5) if category(of) == "inverse" else At(0, 1, 2, 3, 4, 5, 6)
    return read_candles(ID, of, INTERVALS[interval], rows, at)


def parse_open_interest_history(body: bytes, of: Listing) -> list[tuple[int, float]]:
    """{"result": {"list": [{"openInterest": "461134384", "timestamp": "1669571400000"}, …]}}, newest first.

    Linear contracts count coins; see parse_perp for the sides.
    """

    def read(row: Row) -> tuple[int, float]:
        one_side = row.number("singleOpenInterest")
        coins = row.needed("openInterest") / 2 if one_side is None else one_side
        return row.moment("timestamp"), coins * of.multiplier

    found = rows_read(ID, _rows_of(body, of), read)
    if not found:
        raise NotSupported(ID, "no history of open interest", Reason.NO_OPEN_INTEREST_HISTORY_OF_IT)
    return sorted(found)


def parse_ratios(body: bytes, of: Listing) -> dict[str, list[Ratio]]:
    """{"result": {"list": [{"buyRatio": "0.5777", "sellRatio": "0.4223", "timestamp": "1672051897447"}, …]}}"""
    stated = ("symbol", native(of))
    rows = timed_rows(ID, _rows_of(body, of), "timestamp", "buyRatio", stated=stated, is_share=True)
    return {"accounts": sorted(starmap(Ratio, rows))}


def _of_market(result: Row, of: Listing) -> Row:
    return result.must_be("category", category(of)).must_be("symbol", native(of))


def _rows_of(body: bytes, of: Listing) -> Any:
    """result.list. Raises MarketError."""
    answer = Row.of(ID, body)
    if answer.get("retCode") != 0:
        raise explain(200, body)
    return _of_market(answer.row("result"), of).get("list")


def parse_symbol(row: Row) -> str | None:
    """One row of a ticker list; dated contracts (BTC-27DEC24) are left out."""
    name = row.get("symbol")
    if not is_name(name) or "-" in name or row.get("deliveryTime") not in (None, "0", ""):
        return None
    for ending, quote in (("USDT", "USDT"), ("USDC", "USDC"), ("PERP", "USDC")):
        if name.endswith(ending) and len(name) > len(ending):
            return f"{name[: -len(ending)]}-{quote}"
    return None


def _only_row(body: bytes, of: Listing) -> tuple[Row, int]:
    """The row of result.list, and the envelope's time. Raises MarketError, UnknownSymbol for an empty list."""
    answer = Row.of(ID, body)
    if answer.get("retCode") != 0:
        raise explain(200, body)
    rows = answer.row("result").must_be("category", category(of)).get("list")
    if not isinstance(rows, list):
        raise BadResponse(ID, "result.list is missing")
    if not rows:
        raise UnknownSymbol(ID, f"no row for {of.listed}")
    return sole(ID, rows, "symbol").must_be("symbol", native(of)), answer.moment("time")


def _ticker(row: Row, of: Listing, time_ms: int) -> Ticker:
    fraction = row.number("price24hPcnt")
    if not row.number("lastPrice"):
        raise NotTraded(ID, f"{of.listed} has no trades")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
        last=row.needed_price("lastPrice") / of.multiplier,
        bid=per_coin(row.price("bid1Price"), of.multiplier),
        ask=per_coin(row.price("ask1Price"), of.multiplier),
        high=per_coin(row.price("highPrice24h"), of.multiplier),
        low=per_coin(row.price("lowPrice24h"), of.multiplier),
        change_pct=None if fraction is None else fraction * 100,
        base_volume=in_coins(row.number("volume24h"), of.multiplier),
        quote_volume=row.number("turnover24h"),
        time_ms=time_ms,
    )


def _open_interest(row: Row, of: Listing) -> OpenInterest | None:
    one_side = row.number("singleOpenInterest")
    if one_side is not None:
        return OpenInterest(one_side * of.multiplier, row.number("singleOpenInterestValue"))
    both_sides = row.number("openInterest")
    if both_sides is None:
        return None
    value = row.number("openInterestValue")
    return OpenInterest(both_sides / 2 * of.multiplier, None if value is None else value / 2)


def _funding(row: Row, of: Listing) -> Funding | None:
    rate = row.number("fundingRate")
    if rate is None:
        return None
    mark = per_coin(row.price("markPrice"), of.multiplier)
    return Funding(rate, row.number("fundingIntervalHour"), row.whole("nextFundingTime"), mark)


# Accounts.


def _ask(target: str, parse: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(HOST, target, parse, explain, REQUESTS)


def _after(cursor: str) -> str:
    return f"&cursor={cursor}" if cursor else ""


def _positions_of(kind: str, cursor: str = "") -> Endpoint[Any]:
    return _ask(f"/v5/position/list?{kind}&limit=200{_after(cursor)}", partial(load, ID))


def _positions_behind(answer: Any, of: str) -> Endpoint[Any] | None:
    """{"result": {"list": […], "nextPageCursor": "…"}}: a cursor may come with the last rows, too."""
    result = row_in(ID, answer).row("result")
    cursor = result.get("nextPageCursor")
    return _positions_of(of, str(cursor)) if cursor and result.get("list") else None


def parse_time(body: bytes) -> int:
    """The envelope's time, ms."""
    return Row.of(ID, body).moment("time")


def _result(body: bytes) -> Row:
    """The envelope's `result`. Raises MarketError."""
    answer = Row.of(ID, body)
    if answer.get("retCode") != 0:
        raise explain(200, body)
    return answer.row("result")


def parse_unified_balances(body: bytes) -> list[Balance]:
    """{"list": [{"coin": [{"coin": "BTC", "walletBalance": "1.5", "usdValue": "96000", "totalPositionIM": "0.2",
    "totalOrderIM": "0", "locked": "0"}]}]}

    availableToWithdraw is "" for unified accounts: free is what no position, order or lock holds. What is borrowed is
    owed: {"coin": "ETH", "walletBalance": "0", "spotBorrow": "0.06142", "usdValue": "-191.31"} is less than nothing.
    """
    found = []
    for account in rows_in(ID, _result(body).get("list")):
        for row in account.rows("coin"):
            total, value = row.number("walletBalance") or 0.0, row.number("usdValue")
            owed = row.number("spotBorrow") or row.number("borrowAmount") or 0.0
            if total == 0 and owed and (value or 0.0) <= 0:  # where it is not counted in walletBalance
                total = -owed
            held = sum(row.number(key) or 0.0 for key in ("totalPositionIM", "totalOrderIM", "locked"))
            free = max(0.0, total - held)
            found.append(Balance(row.name("coin"), free, total - free, value))
    return found


def parse_funding_wallet(body: bytes) -> list[Balance]:
    """{"balance": [{"coin": "USDT", "walletBalance": "10", "transferBalance": "10"}]}"""
    rows = rows_in(ID, _result(body).get("balance"))
    return [Balance(row.name("coin"), row.number("walletBalance") or 0.0, 0.0) for row in rows]


def parse_positions(answer: Any, second: None = None) -> list[Position]:
    """Held positions of one category; see /v5/position/list.

        {"symbol": "BTCUSD", "side": "Sell", "size": "300", "avgPrice": "27464.5", "markPrice": "28224.5",
         "positionValue": "0.0109", "leverage": "10", "liqPrice": "", "unrealisedPnl": "-0.00029",
         "positionIM": "0.00010923"}

    Asked by symbol, a row comes even when nothing is held: side "" and size "0". Linear: size in base,
    value and profit in the settling dollar. Inverse: size in dollars, value and profit in the coin. positionValue is
    at ENTRY; the notional is size x mark price, as at the other exchanges.
    """
    envelope = row_in(ID, answer)
    if envelope.get("retCode") != 0:
        raise explain(200, orjson.dumps(answer))
    result = envelope.row("result")
    is_inverse = result.get("category") == "inverse"
    found = []
    for row in result.rows("list"):
        size, side = row.number("size"), row.get("side")
        if not size or side not in ("Buy", "Sell"):
            continue
        symbol = row.name("symbol")
        base, asset = settling_of(symbol, is_inverse)
        value, margin, pnl = (row.number(key) for key in ("positionValue", "positionIM", "unrealisedPnl"))
        mark = row.price("markPrice")
        coins, dollars = (
            (size / mark if mark else value, size) if is_inverse else (size, size * mark if mark else value)
        )
        found.append(
            Position(
                symbol=symbol,
                base=base,
                side="long" if side == "Buy" else "short",
                size=coins,
                notional=dollars,
                entry=row.price("avgPrice"),
                mark=mark,
                liquidation=row.price("liqPrice"),
                leverage=row.number("leverage"),
                margin=margin,
                asset=asset,
                pnl=pnl,
                pnl_pct=pnl / margin * 100 if pnl is not None and margin else None,
            )
        )
    return found


def settling_of(symbol: str, is_inverse: bool) -> tuple[str, str]:
    """Base, and the asset in which it settles.

    BTCUSDT and BTCUSDT-02OCT26; BTCPERP and BTC-27DEC24 (USDC); BTCUSD and BTCUSDZ24 (BTC).
    """
    if is_inverse:
        base = symbol.partition("USD")[0]
        return base, base
    name = symbol.partition("-")[0]
    if name.endswith("USDT"):
        return name.removesuffix("USDT"), "USDT"
    return name.removesuffix("PERP"), "USDC"


def parse_closed_pnl(body: bytes) -> Page[Income]:
    """{"list": [{"symbol": "ETHPERP", "closedPnl": "-47.40", "updatedTime": "1672214887236"}], "nextPageCursor": ""}"""
    result = _result(body)
    is_inverse = result.get("category") == "inverse"
    found = [
        Income(
            row.moment("updatedTime"),
            "realised",
            settling_of(row.name("symbol"), is_inverse)[1],
            row.needed("closedPnl"),
        )
        for row in result.rows("list")
    ]
    return _page(found, result, [each.time_ms for each in found])


def parse_transaction_log(body: bytes) -> Page[Income]:
    """{"list": [{"currency": "USDT", "funding": "-0.31", "fee": "0.12", "transactionTime": "1672121182224"}]}

    funding is what was received (+) or paid (-), "" elsewhere; fee is what was paid (+).
    """
    result = _result(body)
    found, times = [], []
    for row in result.rows("list"):
        time_ms, asset = row.moment("transactionTime"), row.name("currency")
        times.append(time_ms)
        funding, fee = row.number("funding"), row.number("fee")
        if funding:
            found.append(Income(time_ms, "funding", asset, funding))
        if fee:
            found.append(Income(time_ms, "fee", asset, -fee))
    return _page(found, result, times)


def _page(found: list[Income], result: Row, times: Sequence[int]) -> Page[Income]:
    """times: of all rows that came, newest first; the next page may begin with more rows of the oldest one."""
    return Page(found, str(result.get("nextPageCursor") or ""), min(times) + 1 if times else None)


def parse_rights(body: bytes) -> bool:
    """{"readOnly": 1, …}: 1 is a key that only reads."""
    return bool(_result(body).get("readOnly") != 1)


def _names_the_symbol(body: bytes) -> bool:
    """10001 is any bad parameter, and its text says which; without one the symbol is the only one that varies."""
    try:
        text = str(Row.of(ID, body).get("retMsg") or "").lower()
    except BadResponse:
        return False
    others = ("accounttype", "category", "coin", "cursor", "limit", "time")
    return "symbol" in text or not any(word in text for word in others)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. HTTP 403 has an HTML body: a blocked country, or 600 requests in 5 s exceeded."""
    said = f"HTTP {status} {body[:160]!r}"
    code = code_in(body, "retCode")
    if code == 10002:
        return ClockWrong(ID, said)
    if code in REFUSALS:
        return Refused(ID, said, REFUSALS[code])
    if status == 401:
        return Refused(ID, said)
    if status == 429 or code in (10006, 10018):
        return RateLimited(ID, said)
    if status == 403:
        return Blocked(ID, said)
    if code == 10001 and (b"nterval" in body or b"eriod" in body):
        return NotSupported(ID, said, Reason.NO_SUCH_CANDLES)
    if code == 10029 or (code == 10001 and _names_the_symbol(body)):  # symbol not allowed; bad parameter
        return UnknownSymbol(ID, said)
    if code in (10009, 10024):
        return Blocked(ID, said)
    if status >= 500 or code in (10000, 10016):
        return ill(ID, said, status)
    return unexplained(ID, status, said, code)


def parse_paid(body: bytes, of: Listing) -> Page[Paid]:
    """{"result": {"list": [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": "1672041600000"}]}}

    Newest first. The cursor is the end of the page before it.
    """
    stated = ("symbol", native(of))
    rows = timed_rows(ID, _rows_of(body, of), "fundingRateTimestamp", "fundingRate", stated=stated)
    return Page(list(starmap(Paid, rows)), str(min(rows)[0] - 1) if len(rows) >= 200 else "")
