"""Bybit v5: spot and linear perpetuals; the unified account.

Every answer is {"retCode": 0, "retMsg": "OK", "result": {…}, "time": 1730729903941}; most
errors come with HTTP 200, so retCode is what counts. In `result` numbers are strings and
"" is missing. Spot and linear share the spelling BTCUSDT and are told apart by `category`;
the USDC perpetual of BTC is BTCPERP.
Source: Bybit v5 API documentation, 2026.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote as percent_encode

import orjson

from exchanges import (
    WINDOW_MS,
    BadResponse,
    Balance,
    Blocked,
    Budget,
    ClockWrong,
    Endpoint,
    Funding,
    Host,
    Income,
    Key,
    ListEndpoint,
    MarketError,
    OpenInterest,
    Page,
    Perp,
    Position,
    PositionsEndpoint,
    RateLimited,
    Refused,
    Signed,
    T,
    Ticker,
    Unavailable,
    UnknownSymbol,
    code_in,
    in_coins,
    load,
    name,
    needed,
    needed_price,
    number,
    per_coin,
    price,
    row_in,
    rows_in,
    split,
    whole,
)

ID = "bybit"
NAME = "Bybit"
HOST = Host("BYBIT", ID, "https://api.bybit.com", "https://api-testnet.bybit.com")
REQUESTS = Budget("bybit requests", 600, 5)
RECV_WINDOW_MS = 5000
REFUSALS = {
    10003: "refused the API key: it is wrong, or of another site",
    10004: "found the signature wrong: check the secret key",
    10005: "says that the API key may not do this",
    10010: "says that the API key may not be used from this address",
    33004: "says that the API key has expired",
}


def native(symbol: str, market: str) -> str:
    """BTCUSDT for BTC-USDT, BTCPERP for the perpetual of BTC-USDC."""
    base, quote = split(symbol)
    if market == "perp" and quote == "USDC":
        quote = "PERP"
    return percent_encode(f"{base}{quote}", safe="")


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /v5/market/tickers?category=spot."""
    target = f"/v5/market/tickers?category=spot&symbol={native(symbol, 'spot')}"
    return Endpoint(HOST, target, partial(parse_spot, symbol=symbol, multiplier=multiplier), explain, REQUESTS)


def perp(symbol: str, multiplier: int = 1) -> dict[str, Endpoint[Perp]]:
    """GET /v5/market/tickers?category=linear: price, open interest and funding in one answer."""
    target = f"/v5/market/tickers?category=linear&symbol={native(symbol, 'perp')}"
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
    if not number(ID, row, "lastPrice"):
        raise UnknownSymbol(ID, f"{symbol} has no trades")
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


# Accounts.


def sign(endpoint: Endpoint[T], key: Key, now_ms: int) -> Signed:
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


def _ask(target: str, parse: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(HOST, target, parse, explain, REQUESTS)


def time() -> Endpoint[int]:
    """GET /v5/market/time: the exchange's clock, ms."""
    return _ask("/v5/market/time", parse_time)


def balances() -> list[Endpoint[list[Balance]]]:
    """The unified account and the funding wallet."""
    return [
        _ask("/v5/account/wallet-balance?accountType=UNIFIED", parse_unified_balances),
        _ask("/v5/asset/transfer/query-account-coins-balance?accountType=FUND", parse_funding_wallet),
    ]


def positions() -> list[PositionsEndpoint]:
    """Positions that settle in USDT, in USDC, and in coins."""
    kinds = ("category=linear&settleCoin=USDT", "category=linear&settleCoin=USDC", "category=inverse")
    return [
        PositionsEndpoint(_ask(f"/v5/position/list?{kind}&limit=200", partial(load, ID)), None, parse_positions)
        for kind in kinds
    ]


def income(since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[Page[Income]]]]:
    """Closed profit and loss, in stretches of 7 days, the longest allowed; funding and fees of the last 7."""

    def closed(category: str, begin: int, end: int, cursor: str) -> Endpoint[Page[Income]]:
        target = f"/v5/position/closed-pnl?category={category}&startTime={begin}&endTime={end}&limit=100"
        return _ask(target + _after(cursor), parse_closed_pnl)

    def log(cursor: str) -> Endpoint[Page[Income]]:
        window = f"startTime={now_ms - WINDOW_MS}&endTime={now_ms}"
        target = f"/v5/account/transaction-log?accountType=UNIFIED&{window}&limit=50{_after(cursor)}"
        return _ask(target, parse_transaction_log)

    stretches = [(begin, min(begin + WINDOW_MS, now_ms)) for begin in range(since_ms, now_ms, WINDOW_MS)]
    asks = [partial(closed, each, *stretch) for each in ("linear", "inverse") for stretch in stretches]
    return [*asks, log]


def _after(cursor: str) -> str:
    return f"&cursor={cursor}" if cursor else ""


def rights() -> Endpoint[bool]:
    """Whether the key can do more than read."""
    return _ask("/v5/user/query-api", parse_rights)


def parse_time(body: bytes) -> int:
    """The envelope's time, ms."""
    return int(needed(ID, row_in(ID, load(ID, body)), "time"))


def _result(body: bytes) -> Mapping[str, Any]:
    """The envelope's `result`. Raises MarketError."""
    answer = row_in(ID, load(ID, body))
    if answer.get("retCode") != 0:
        raise explain(200, body)
    return row_in(ID, answer.get("result"))


def parse_unified_balances(body: bytes) -> list[Balance]:
    """{"list": [{"coin": [{"coin": "BTC", "walletBalance": "1.5", "usdValue": "96000", "totalPositionIM": "0.2",
    "totalOrderIM": "0", "locked": "0"}]}]}

    availableToWithdraw is "" for unified accounts: free is what no position, order or lock holds.
    """
    found = []
    for account in rows_in(ID, _result(body).get("list")):
        for row in rows_in(ID, account.get("coin")):
            total = number(ID, row, "walletBalance") or 0.0
            held = sum(number(ID, row, key) or 0.0 for key in ("totalPositionIM", "totalOrderIM", "locked"))
            free = max(0.0, total - held)
            found.append(Balance(name(ID, row, "coin"), free, total - free, number(ID, row, "usdValue")))
    return found


def parse_funding_wallet(body: bytes) -> list[Balance]:
    """{"balance": [{"coin": "USDT", "walletBalance": "10", "transferBalance": "10"}]}"""
    rows = rows_in(ID, _result(body).get("balance"))
    return [Balance(name(ID, row, "coin"), number(ID, row, "walletBalance") or 0.0, 0.0) for row in rows]


def parse_positions(answer: Any, second: None = None) -> list[Position]:
    """Held positions of one category; see /v5/position/list.

        {"symbol": "BTCUSD", "side": "Sell", "size": "300", "avgPrice": "27464.5", "markPrice": "28224.5",
         "positionValue": "0.0109", "leverage": "10", "liqPrice": "", "unrealisedPnl": "-0.00029",
         "positionIM": "0.00010923"}

    Asked by symbol, a row comes even when nothing is held: side "" and size "0". Linear: size in base,
    value and profit in the settling dollar. Inverse: size in dollars, value and profit in the coin.
    """
    envelope = row_in(ID, answer)
    if envelope.get("retCode") != 0:
        raise explain(200, orjson.dumps(answer))
    result = row_in(ID, envelope.get("result"))
    is_inverse = result.get("category") == "inverse"
    found = []
    for row in rows_in(ID, result.get("list")):
        size, side = number(ID, row, "size"), row.get("side")
        if not size or side not in ("Buy", "Sell"):
            continue
        symbol = name(ID, row, "symbol")
        base, asset = _settling(symbol, is_inverse)
        value, margin, pnl = (number(ID, row, key) for key in ("positionValue", "positionIM", "unrealisedPnl"))
        found.append(
            Position(
                symbol=symbol,
                base=base,
                side="long" if side == "Buy" else "short",
                size=value if is_inverse else size,
                notional=size if is_inverse else value,
                entry=price(ID, row, "avgPrice"),
                mark=price(ID, row, "markPrice"),
                liquidation=price(ID, row, "liqPrice"),
                leverage=number(ID, row, "leverage"),
                margin=margin,
                asset=asset,
                pnl=pnl,
                pnl_pct=pnl / margin * 100 if pnl is not None and margin else None,
            )
        )
    return found


def _settling(symbol: str, is_inverse: bool) -> tuple[str, str]:
    """Base, and the asset in which it settles: BTCUSDT, BTCPERP and BTC-27DEC24 (USDC), BTCUSD and BTCUSDZ24 (BTC)."""
    if is_inverse:
        base = symbol.partition("USD")[0]
        return base, base
    if symbol.endswith("USDT"):
        return symbol.removesuffix("USDT"), "USDT"
    return symbol.partition("-")[0].removesuffix("PERP"), "USDC"


def parse_closed_pnl(body: bytes) -> Page[Income]:
    """{"list": [{"symbol": "ETHPERP", "closedPnl": "-47.40", "updatedTime": "1672214887236"}], "nextPageCursor": ""}"""
    result = _result(body)
    is_inverse = result.get("category") == "inverse"
    found = [
        Income(
            int(needed(ID, row, "updatedTime")),
            "realised",
            _settling(name(ID, row, "symbol"), is_inverse)[1],
            needed(ID, row, "closedPnl"),
        )
        for row in rows_in(ID, result.get("list"))
    ]
    return Page(found, str(result.get("nextPageCursor") or ""))


def parse_transaction_log(body: bytes) -> Page[Income]:
    """{"list": [{"currency": "USDT", "funding": "-0.31", "fee": "0.12", "transactionTime": "1672121182224"}]}

    funding is what was received (+) or paid (-), "" elsewhere; fee is what was paid (+).
    """
    result = _result(body)
    found = []
    for row in rows_in(ID, result.get("list")):
        time_ms, asset = int(needed(ID, row, "transactionTime")), name(ID, row, "currency")
        funding, fee = number(ID, row, "funding"), number(ID, row, "fee")
        if funding:
            found.append(Income(time_ms, "funding", asset, funding))
        if fee:
            found.append(Income(time_ms, "fee", asset, -fee))
    return Page(found, str(result.get("nextPageCursor") or ""))


def parse_rights(body: bytes) -> bool:
    """{"readOnly": 1, …}: 1 is a key that only reads."""
    return _result(body).get("readOnly") != 1


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
    if code in (10001, 10029):  # bad parameter: the symbol is the only one that varies; symbol not allowed
        return UnknownSymbol(ID, said)
    if code in (10009, 10024):
        return Blocked(ID, said)
    if status >= 500 or code in (10000, 10016):
        return Unavailable(ID, said, f"answered HTTP {status}" if status >= 500 else "was out of order")
    return BadResponse(ID, said)
