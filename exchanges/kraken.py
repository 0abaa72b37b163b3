"""Kraken: spot, and the perpetuals of Kraken Futures. Both answer hosts in the US.

Spot: errors come with HTTP 200 in a list `error`, and the result's key may differ from the pair that was asked
for. Bitcoin is XBT, Dogecoin XDG. Futures: {"result": "success", …} with JSON numbers. PF_XBTUSD, BTC-USD here, is
linear and counts coins; PI_XBTUSD, BTC-COIN here, is inverse and counts dollars. Funding is paid hourly and told
as an ABSOLUTE amount.
Source: Kraken REST and Kraken Futures REST documentation, 2026.
Announced: the derivatives REST is to be decommissioned on 2027-03-01 (docs.kraken.com, Futures REST reference); what is
named in its place is a WebSocket that needs a key. tickers and charts still answered on 2026-10-02. Addresses that are
no more answer 404 with a list `errors`: see Gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from exchanges.columns import Columns
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    Gone,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    UnknownSymbol,
    WrongMarket,
    ill,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import (
    At,
    AtOnce,
    Row,
    check_interval,
    is_name,
    long_share,
    moment_ms,
    read_candles,
    row_in,
)
from exchanges.timed import at_once
from exchanges.words import (
    COIN,
    INTERVALS,
    Candles,
    Flow,
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

ID = "kraken"
SPOT = Host("KRAKEN", ID, "https://api.kraken.com")
FUTURES = Host("KRAKEN_FUTURES", ID, "https://futures.kraken.com")
SPOT_REQUESTS = Budget("kraken spot requests", 15, 15)
FUTURES_REQUESTS = Budget("kraken futures requests", 100, 10)
SPOT_WORDS = {"1m": "1", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "4h": "240", "1d": "1440"}
PERP_WORDS = {each: each for each in ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")}
NAMES = {"BTC": "XBT", "DOGE": "XDG"}
COINS = {native: coin for coin, native in NAMES.items()}
CURRENCIES = frozenset(["AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "USD"])
FUNDING_INTERVAL_H = 1.0
HOUR_MS = 3_600_000
STEPS_S = {"5m": 300, "15m": 900, "1h": 3600}  # of histories


def native(of: Listing) -> str:
    """XBTUSD for BTC-USD; of perpetuals PF_XBTUSD, and PI_XBTUSD for BTC-COIN. There Dogecoin is called DOGE."""
    if of.kind == "spot":
        return f"{NAMES.get(of.base, of.base)}{NAMES.get(of.quote, of.quote)}"
    return f"{'PI' if of.quote == COIN else 'PF'}_{'XBT' if of.base == 'BTC' else of.base}USD"


def _name(of: Listing) -> str:
    """The native symbol in a path or query."""
    return percent_encode(native(of))


class Kraken(Exchange):
    """Two sites. Every coin is priced singly; spot has no list, but an object of some 400 KB."""

    id = ID
    name = "Kraken"
    hosts = (SPOT, FUTURES)
    quotes = {"spot": ("USD", "USDT"), "perp": ("USD", COIN)}  # its pairs in USD are far deeper, and many have no other
    intervals = {"spot": SPOT_WORDS, "perp": PERP_WORDS}
    max_candles = {"spot": 720, "perp": 2000}
    is_timed_by_trades = True
    tells = {
        "candles": ("spot", "USD"),  # of coin-margined contracts the volume is in dollars, as their analyses are
        "flow": ("USD",),
        "open_interest_history": ("USD",),
        "ratios": ("USD", COIN),
        "basis_history": ("USD", COIN),
        "liquidations": ("USD", COIN),
        "funding_history": ("USD", COIN),
    }
    unnamed = {"perp": ("candles", "flow", "open_interest_history")}
    is_told_in_list = True

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /0/public/Ticker of one pair."""
        target = f"/0/public/Ticker?pair={_name(of)}"
        return Endpoint(SPOT, target, partial(parse_spot, of=of), explain, SPOT_REQUESTS)

    def coins(self, kind: str) -> Endpoint[frozenset[str]] | None:
        """GET /0/public/Assets: some 100 KB, a fifth of what all pairs take."""
        return Endpoint(SPOT, "/0/public/Assets", parse_assets, explain, SPOT_REQUESTS) if kind == "spot" else None

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All perpetuals, with open interest and funding."""
        if kind == "spot":
            return {}
        target = "/derivatives/api/v3/tickers"
        return {"ticker": ListEndpoint(FUTURES, target, ("tickers",), perps_reader(now_ms), explain, FUTURES_REQUESTS)}

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """Spot reaches 720 back, whatever is asked."""
        step_s = INTERVALS[interval] // 1000
        end_s = (now_ms if end_ms is None else end_ms - 1) // 1000
        since_s = end_s // step_s * step_s - (n - 1) * step_s
        parse = partial(parse_spot_candles, of=of, interval=interval)
        if of.kind == "perp":
            target = f"/api/charts/v1/trade/{_name(of)}/{interval}?from={since_s}&to={end_s}"
            parse = partial(parse_perp_candles, of=of, interval=interval)
            return Endpoint(FUTURES, target, parse, explain, FUTURES_REQUESTS)
        # `since` is exclusive.
        query = f"pair={_name(of)}&interval={SPOT_WORDS[interval]}&since={since_s - 1}"
        return Endpoint(SPOT, f"/0/public/OHLC?{query}", parse, explain, SPOT_REQUESTS)

    def taker_flow(self, of: Listing, interval: str, n: int, now_ms: int = 0) -> Endpoint[Flow]:
        """Of linear contracts, in coins."""
        step_s = INTERVALS[interval] // 1000
        parse = partial(parse_flow, of=of, interval=interval)
        return _analytics(of, "cvd", step_s, _since_s(now_ms, step_s, n), parse)

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """Of linear contracts, in coins."""
        step_s = STEPS_S[step]
        return _analytics(of, "open-interest", step_s, _since_s(now_ms, step_s, n), parse_open_interest_history)

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """Of all accounts, as far as Kraken says."""
        return [_analytics(of, "long-short-ratio", 3600, _since_s(now_ms, 3600, n), parse_ratios)]

    def basis_history(self, of: Listing, n: int, now_ms: int = 0) -> Endpoint[list[tuple[int, float]]]:
        """Of both kinds of contracts."""
        return _analytics(of, "future-basis", 3600, _since_s(now_ms, 3600, n), parse_basis)

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """Of every hour, from the analytics: the history itself comes as a whole, of years."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            return _analytics(of, "funding", 3600, since_ms // 1000, parse_paid)

        return paid

    def liquidations(self, of: Listing, since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[LiquidationPage]]]:
        """Sums of each quarter of an hour, without sides."""

        def sums(cursor: str) -> Endpoint[LiquidationPage]:
            parse = partial(parse_liquidation_sums, of=of, since_ms=since_ms)
            return _analytics(of, "liquidation-volume", 900, since_ms // 1000, parse)

        return [sums]


def _since_s(now_ms: int, step_s: int, n: int) -> int:
    """When the last n periods began, the running one among them."""
    return now_ms // 1000 // step_s * step_s - (n - 1) * step_s


def _analytics(of: Listing, what: str, interval_s: int, since_s: int, parse: Callable[[bytes], T]) -> Endpoint[T]:
    """GET /api/charts/v1/analytics of a perpetual, in periods of an interval, up to now."""
    target = f"/api/charts/v1/analytics/{_name(of)}/{what}?since={since_s}&interval={interval_s}"
    return Endpoint(FUTURES, target, parse, explain, FUTURES_REQUESTS)


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours of a pair.

        {"error": [], "result": {"XXBTZUSD": {"a": ["63000.1", …], "b": ["63000.0", …], "c": ["63000.1", "0.002"],
         "v": ["912.1", "2210.4"], "p": ["62800.2", "62500.1"], "l": […], "h": […], "o": "62000.0"}}}

    The second of v, p, l, h covers 24 hours, the first the UTC day; o is the DAY's open, so that the change over 24
    hours is not told. Turnover is volume x mean price p. There is no time. The key states the pair.
    """
    row = row_in(ID, _only(_spot_result(body).json, of))
    if Row(ID, {"c": _member(row, "c", 0)}).number("c") == 0:
        raise NotTraded(ID, f"{of.listed} has no trades")

    def day(key: str) -> float | None:
        return Row(ID, {key: _member(row, key, 1)}).number(key)

    volume, mean = day("v"), day("p")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
        last=Row(ID, {"c": _member(row, "c", 0)}).needed_price("c"),
        bid=Row(ID, {"b": _member(row, "b", 0)}).price("b"),
        ask=Row(ID, {"a": _member(row, "a", 0)}).price("a"),
        high=day("h") or None,
        low=day("l") or None,
        change_pct=None,
        base_volume=volume,
        quote_volume=None if volume is None or mean is None else volume * mean,
        time_ms=0,
    )


def _member(row: Row, key: str, place: int) -> object:
    """One figure of a list; None when the list is missing."""
    figures = row.get(key)
    if figures is None:
        return None
    if not isinstance(figures, list) or len(figures) <= place:
        raise BadResponse(ID, f"{key} is no list of figures: {type(figures).__name__}")
    return figures[place]


def parse_spot_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"error": [], "result": {"XXBTZUSD": [[1616662740, "52591", "52599", "52591", "52599", "52595.1", "0.11", 5], …],
                                "last": 1616662740}}

    SECONDS, open, high, low, close, mean price, base volume, trades; oldest first, the last one running.
    """
    result = {key: rows for key, rows in _spot_result(body).json.items() if key != "last"}
    return read_candles(ID, of, INTERVALS[interval], _only(result, of), At(0, 1, 2, 3, 4, 6), time_ms=1000)


def _spot_result(body: bytes) -> Row:
    answer = Row.of(ID, body)
    if answer.get("error"):
        raise explain(200, body)
    return answer.row("result")


def parse_assets(body: bytes) -> frozenset[str]:
    """{"error": [], "result": {"XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, …}, …}}

    By the names that pairs are made of; what is staked ("DOT.S") has no market. Source: Kraken REST, "Get Asset Info".
    """
    names = [each.get("altname") for each in _spot_result(body).json.values() if isinstance(each, dict)]
    coins = frozenset(COINS.get(each, each) for each in names if is_name(each) and "." not in each)
    if not coins:
        raise BadResponse(ID, "no asset has a name")
    return coins


def _only(result: Mapping[str, Any], of: Listing) -> Any:
    """The only pair's value. Its key may be XBTUSD, XXBTZUSD or BTC/USD. Raises BadResponse, WrongMarket."""
    if len(result) != 1:
        raise BadResponse(ID, f"one pair was expected, not {len(result)}")
    ((key, value),) = result.items()
    bases, quotes = map(_spelt, (of.base, of.quote))
    if key not in {f"{base}{middle}{quote}" for base in bases for quote in quotes for middle in ("", "/")}:
        raise WrongMarket(ID, f"the pair is {key[:40]!r}, not {native(of)!r}")
    return value


def _spelt(name: str) -> set[str]:
    """What stands in keys for a coin or a currency: of the oldest X and Z before their names, XXBT and ZEUR."""
    letter, names = "Z" if name in CURRENCIES else "X", {name, NAMES.get(name, name)}
    return names | {f"{letter}{each}" for each in names}


def parse_perp_row(row: Row, now_ms: int) -> tuple[str, Snapshot] | None:
    """Everything of one perpetual; None for dated contracts and indexes; nothing of what does not trade.

        {"symbol": "PF_XBTUSD", "last": 77343, "lastTime": "2026-09-01T12:00:00.123Z", "markPrice": 77343.1, "bid": …,
         "ask": …, "vol24h": 1950.5, "volumeQuote": 150900000, "openInterest": 1950.5966, "high24h": …, "low24h": …,
         "fundingRate": -7.4e-7, "indexPrice": 77340, "suspended": false, "change24h": -1.2}

    PF_: openInterest and vol24h in coins, relative funding = fundingRate / markPrice. PI_: both in DOLLARS, relative
    funding = fundingRate x indexPrice, as the price of a dollar is counted in coins. Newer answers tell the relative
    rate themselves, as relativeFundingRate. change24h is a percent.
    """
    listed = row.get("symbol")
    symbol = _perp_symbol(listed)
    if symbol is None:
        return None
    is_inverse = listed.startswith("PI_")
    last, volume = row.price("last"), row.number("vol24h")
    if last is None or not volume or row.get("suspended") is True:
        return symbol, Snapshot()
    mark, index, amount = row.price("markPrice"), row.price("indexPrice"), row.number("openInterest")
    scale = index if is_inverse else mark and 1 / mark
    relative, rate = row.number("relativeFundingRate"), row.number("fundingRate")
    return symbol, Snapshot(
        Ticker(
            exchange=ID,
            symbol=symbol,
            last=last,
            bid=row.price("bid"),
            ask=row.price("ask"),
            high=row.price("high24h"),
            low=row.price("low24h"),
            change_pct=row.number("change24h"),
            base_volume=volume if not is_inverse else None if mark is None else volume / mark,
            quote_volume=volume if is_inverse else row.number("volumeQuote"),
            time_ms=moment_ms(row.get("lastTime")),
        ),
        _open_interest(amount, mark, is_inverse=is_inverse),
        _funding(relative, rate, scale, _next_hour_ms(now_ms), mark),
    )


def _funding(
    relative: float | None, rate: float | None, scale: float | None, due_ms: int, mark: float | None
) -> Funding | None:
    """scale: what makes a rate of the one in dollars. The next payment is due at the full hour, which is not told."""
    if relative is None and rate is not None and scale is not None:
        relative = rate * scale
    return None if relative is None else Funding(relative, FUNDING_INTERVAL_H, due_ms, mark)


def perps_reader(now_ms: int) -> AtOnce[tuple[str, Snapshot]]:
    return AtOnce(partial(parse_perp_row, now_ms=now_ms), partial(parse_perp_rows, now_ms=now_ms))


def _perp_symbol(listed: object) -> str | None:
    """BTC-USD for PF_XBTUSD, BTC-COIN for PI_XBTUSD; None for what is no perpetual."""
    if not is_name(listed) or not listed.startswith(("PF_", "PI_")) or not listed.endswith("USD"):
        return None
    base = listed[3:-3]
    return f"{COINS.get(base, base)}-{COIN if listed.startswith('PI_') else 'USD'}"


def parse_perp_rows(rows: Sequence[Any], now_ms: int) -> list[tuple[str, Snapshot]]:
    """As parse_perp_row, of many rows at once. Raises Odd."""
    markets = Columns(ID, rows)
    names = list(map(_perp_symbol, markets.get("symbol")))
    symbols, markets = list(filter(None, names)), markets.where(names)
    last, volumes, due_ms = markets.prices("last"), markets.numbers("vol24h"), _next_hour_ms(now_ms)
    columns = zip(
        repeat(ID),
        symbols,
        last,
        markets.prices("bid"),
        markets.prices("ask"),
        markets.prices("high24h"),
        markets.prices("low24h"),
        markets.numbers("change24h"),
        volumes,
        markets.numbers("volumeQuote"),
        map(moment_ms, markets.get("lastTime")),
        strict=False,
    )
    tickers = map(Ticker._make, columns)
    marks, amounts = markets.prices("markPrice"), markets.numbers("openInterest")
    interests = [_open_interest(*each, is_inverse=False) for each in zip(amounts, marks, strict=True)]
    markets.prices("indexPrice")  # which only PI_ needs, but which has to be a price
    told = zip(markets.numbers("relativeFundingRate"), markets.numbers("fundingRate"), marks, strict=True)
    fundings = [_funding(relative, rate, mark and 1 / mark, due_ms, mark) for relative, rate, mark in told]
    found = list(zip(symbols, map(Snapshot, tickers, interests, fundings), strict=True))
    are_apart = [
        symbol.endswith(COIN) or price is None or not volume or suspended is True
        for symbol, price, volume, suspended in zip(symbols, last, volumes, markets.get("suspended"), strict=True)
    ]
    return markets.read_apart(found, are_apart, partial(parse_perp_row, now_ms=now_ms))


def _open_interest(amount: float | None, mark: float | None, *, is_inverse: bool) -> OpenInterest | None:
    if amount is None:
        return None
    if is_inverse:
        return OpenInterest(None if mark is None else amount / mark, amount)
    return OpenInterest(amount, None if mark is None else amount * mark)


def _next_hour_ms(now_ms: int) -> int:
    return (now_ms // HOUR_MS + 1) * HOUR_MS


def parse_perp_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"candles": [{"time": 1616644800000, "open": "52500", "high": …, "low": …, "close": …, "volume": "10824"}]}

    Oldest first, the last one running; volume in coins on PF_. The market is not told.
    """
    answer = Row.of(ID, body)
    if answer.get("candles") is None:
        raise explain(200, body)
    if answer.get("candles") == []:
        raise UnknownSymbol(ID, f"no candles of {of.listed}")
    at = At("time", "open", "high", "low", "close", "volume")
    return read_candles(ID, of, INTERVALS[interval], answer.get("candles"), at)


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means. Spot says it in `error`, a list of texts; futures in `error`, one text.

    An address of futures that is no more says 404 with a list `errors`; charts refuse a resolution in plain text.
    """
    said = f"HTTP {status} {body[:160]!r}"
    try:
        answer = Row.of(ID, body)
    except BadResponse:
        answer = Row(ID, {})
    error = str(answer.get("error") or "")
    if status in (404, 410) and isinstance(answer.get("errors"), list):
        return Gone(ID, said)
    if body == b"Invalid resolution":
        return NotSupported(ID, said, Reason.NO_SUCH_CANDLES)
    if "asset pair" in error or "contractNotFound" in error or (status == 404 and not error):
        return UnknownSymbol(ID, said)
    if status == 429 or "Rate limit" in error or "Too many requests" in error or "apiLimitExceeded" in error:
        return RateLimited(ID, said, retry_after_s=5.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if "Market in" in error or error == "marketUnavailable":  # cancel_only, post_only …: of this market only
        return NotTraded(ID, said, Reason.NOT_TRADED_NOW)
    if status >= 500 or error.startswith("['EService") or "navailable" in error:
        return ill(ID, said, status)
    return unexplained(ID, status, said, error or None)


def parse_liquidation_sums(body: bytes, of: Listing, since_ms: int) -> LiquidationPage:
    """{"result": {"timestamp": [1690000200, …], "data": ["12.5", …], "more": false}, "errors": []}

    SECONDS; what was liquidated in each period, in coins on PF_, in DOLLARS on PI_. Sides and prices are not told.
    """
    found = []
    for time_ms, amount in _figures(body):
        if amount < 0:
            raise BadResponse(ID, f"{amount} cannot be liquidated")
        if amount and time_ms >= since_ms:
            coins, dollars = (None, amount) if of.quote == COIN else (amount, None)
            found.append(Liquidation(time_ms, "", coins, dollars))
    return LiquidationPage(found, since_ms)


def parse_flow(body: bytes, of: Listing, interval: str) -> Flow:
    """{"result": {"timestamp": [1690000200, …], "data": {"buy_volume": ["1.5", …], "sell_volume": […], "cvd": […]}}}

    What takers bought and sold in each period, in coins on PF_; cvd is summed up from the first one asked for.
    """
    bought, sold = (_figures(body, column) for column in ("buy_volume", "sell_volume"))
    buys, sells = [each for _, each in bought], [each for _, each in sold]
    if any(each < 0 for each in (*buys, *sells)):
        raise BadResponse(ID, "a volume is below zero")
    return Flow(ID, of.listed, of.kind, INTERVALS[interval], [at for at, _ in bought], buys, sells)


def parse_open_interest_history(body: bytes) -> list[tuple[int, float]]:
    """{"result": {"timestamp": [1690000200, …], "data": [["1950.5", "1951.0", "1949.2", "1950.1"], …]}}

    Open, high, low and close of each period, in coins on PF_: the open is of its beginning.
    """
    columns = _analysis(body)
    if not all(isinstance(levels, list) and len(levels) == 4 for _, levels in columns):
        raise BadResponse(ID, "an open interest is not told as four levels")
    return _numbers([(at, levels[0]) for at, levels in columns])


def parse_ratios(body: bytes) -> dict[str, list[Ratio]]:
    """{"result": {"timestamp": [1690000200, …], "data": ["1.0833", …]}}: long / short, each hour.

    The documentation does not say of what; accounts, as everywhere else, is the reading of those who use it.
    """
    return {"accounts": [Ratio(at, long_share(ID, ratio)) for at, ratio in _figures(body)]}


def parse_basis(body: bytes) -> list[tuple[int, float]]:
    """{"result": {"timestamp": [1690000200, …], "data": {"basis": ["0.00042", …]}}}

    The documentation names neither unit nor sign, and lets the running hour change: that it is a fraction of the index,
    above zero where the contract is dearer, is the reading of those who use it. What is twice the index cannot be.
    """
    rows = _figures(body, "basis")
    if any(abs(figure) >= 1 for _, figure in rows):
        raise BadResponse(ID, "a basis is no fraction")
    return rows


def _figures(body: bytes, column: str = "") -> list[tuple[int, float]]:
    """The ms of each period of an analysis, and its figure, oldest first. Raises MarketError."""
    return _numbers(_analysis(body, column))


def _numbers(pairs: Sequence[tuple[Any, Any]]) -> list[tuple[int, float]]:
    return sorted(_timed([at for at, _ in pairs], [figure for _, figure in pairs], 1000))


def _timed(times: Sequence[Any], figures: Sequence[Any], unit_ms: int) -> list[tuple[int, float]]:
    """Two columns of one length. Raises BadResponse where anything in them is odd."""
    if (found := at_once(times, figures, unit_ms)) is not None:
        return found
    rows = [Row(ID, {"timestamp": at, "figure": figure}) for at, figure in zip(times, figures, strict=True)]
    return [(row.moment("timestamp", unit_ms), row.needed("figure")) for row in rows]


def _analysis(body: bytes, column: str = "") -> list[tuple[Any, Any]]:
    """When each period of an analysis begins, and what is told of it; in a column, where there are some.

    Raises MarketError.
    """
    answer = Row.of(ID, body)
    if answer.get("result") is None:
        raise explain(200, body)
    result = answer.row("result")
    times, data = result.get("timestamp"), result.row("data").get(column) if column else result.get("data")
    if not isinstance(times, list) or not isinstance(data, list) or len(times) != len(data):
        raise BadResponse(ID, "the analysis has not as many figures as times")
    return list(zip(times, data, strict=True))


def parse_paid(body: bytes) -> Page[Paid]:
    """{"result": {"timestamp": [1690000200000, …], "data": {"rate": […], "relativeRate": [["7e-6", …], …]}}}

    MILLISECONDS, alone among the analyses; the relative rate of each hour as open, high, low and close. The hour that
    runs has paid nothing yet.
    """
    columns = _analysis(body, "relativeRate")
    if not all(isinstance(levels, list) and len(levels) == 4 for _, levels in columns):
        raise BadResponse(ID, "a rate is not told as four levels")
    rows = _timed([at for at, _ in columns[:-1]], [levels[3] for _, levels in columns[:-1]], 1)
    check_interval(ID, sorted(at for at, _ in rows), HOUR_MS)  # rates of every fourth hour are a fourth of all
    return Page([Paid(at + HOUR_MS, rate) for at, rate in rows], "")
