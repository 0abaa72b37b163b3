"""Deribit v2: perpetuals, of BTC and ETH margined in the coin, of more in USDC.

JSON-RPC over GET: {"result": …} or {"error": {"code": …, "message": …}}; figures are JSON numbers. BTC-PERPETUAL
is inverse, BTC-COIN in our spelling; BTC_USDC-PERPETUAL is linear. Funding is continuous: the realised rate of the
last 8 hours is what is told. Its spot markets are small and not asked.
Source: Deribit API v2 documentation, 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import starmap

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    UnknownSymbol,
    ill,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import At, Row, in_coins, is_name, per_coin, read_candles, row_in, rows_read
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
    Snapshot,
    Ticker,
)

ID = "deribit"
HOST = Host("DERIBIT", ID, "https://www.deribit.com")
REQUESTS = Budget("deribit requests", 100, 5)
HOUR_MS = 3_600_000
MAX_TRADES = 1000  # of an answer
TRADES_MS = 30_000  # within which the same question is asked
WORDS = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "6h": "360",
    "12h": "720",
    "1d": "1D",
}
"""Deribit's words for intervals; there are no 4 hours."""
REALISED_H = 8.0  # hours that funding_8h is of


def native(of: Listing) -> str:
    """BTC-PERPETUAL for BTC-COIN, BTC_USDC-PERPETUAL for BTC-USDC."""
    return f"{of.base}-PERPETUAL" if of.quote == COIN else f"{of.base}_{of.quote}-PERPETUAL"


def _name(of: Listing) -> str:
    """The native symbol in a query."""
    return percent_encode(native(of))


def _ask(method: str, query: str, parse: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(HOST, f"/api/v2/public/{method}?{query}", parse, explain, REQUESTS)


class Deribit(Exchange):
    """One site, JSON-RPC over GET. Some linear contracts are of a thousand coins."""

    id = ID
    name = "Deribit"
    hosts = (HOST,)
    quotes = {"perp": ("USDC", COIN)}
    multiplied = ("perp",)
    max_liquidation_pages = 6  # of all trades, some 300 KB each
    intervals = {"perp": WORDS}
    max_candles = {"perp": 5000}
    tells = {"candles": ("USDC", COIN), "liquidations": ("USDC", COIN), "funding_history": ("USDC", COIN)}
    unnamed = {"perp": ("candles",)}

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """The ticker, which tells open interest and funding too."""
        return {"ticker": _ask("ticker", f"instrument_name={_name(of)}", partial(parse_perp, of=of))}

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every linear perpetual."""
        return _summaries(parse_symbol)

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All linear perpetuals, with open interest and funding."""
        return {"ticker": _summaries(parse_perp_row)}

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """GET get_tradingview_chart_data, between two moments."""
        step = INTERVALS[interval]
        end = now_ms if end_ms is None else end_ms - 1
        start = end // step * step - (n - 1) * step
        query = f"instrument_name={_name(of)}&start_timestamp={start}&end_timestamp={end}&resolution={WORDS[interval]}"
        return _ask("get_tradingview_chart_data", query, partial(parse_candles, of=of, interval=interval))

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """Of every hour, between two moments."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            span = f"start_timestamp={since_ms}&end_timestamp={(now_ms // HOUR_MS + 1) * HOUR_MS}"
            return _ask("get_funding_rate_history", f"instrument_name={_name(of)}&{span}", parse_paid)

        return paid

    def liquidations(self, of: Listing, since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[LiquidationPage]]]:
        """They are marked among all trades, which are asked for a thousand at a time, newest first."""

        def trades(cursor: str) -> Endpoint[LiquidationPage]:
            end_ms = int(cursor) - 1 if cursor else -(-now_ms // TRADES_MS) * TRADES_MS
            span = f"start_timestamp={since_ms}&end_timestamp={end_ms}&count={MAX_TRADES}&sorting=desc"
            query = f"instrument_name={_name(of)}&{span}"
            parse = partial(parse_liquidations, of=of, since_ms=since_ms)
            return _ask("get_last_trades_by_instrument_and_time", query, parse)

        return [trades]


def _summaries(row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    target = "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future"
    return ListEndpoint(HOST, target, ("result",), row, explain, REQUESTS)


def parse_perp(body: bytes, of: Listing) -> Snapshot:
    """Everything of one perpetual.

        {"result": {"instrument_name": "BTC-PERPETUAL", "last_price": 87010.5, "mark_price": 87013.1,
                    "best_bid_price": …, "best_ask_price": …, "open_interest": 1139551440, "current_funding": 0.0,
                    "funding_8h": 0.0000508, "timestamp": 1766548800000,
                    "stats": {"volume": 3401.2, "volume_usd": 296000000, "price_change": -0.8292, "low": …, "high": …}}}

    open_interest is in DOLLARS on inverse contracts, in coins on linear ones; price_change a percent; stats.volume in
    coins, volume_usd in dollars. There is no next time of funding: it is paid all the time.
    """
    row = _result(body).must_be("instrument_name", native(of))
    stats = row.row("stats")
    last = row.price("last_price")
    if last is None:
        raise NotTraded(ID, f"{of.listed} has no trades")
    ticker = Ticker(
        exchange=ID,
        symbol=of.listed,
        last=last / of.multiplier,
        bid=per_coin(row.price("best_bid_price"), of.multiplier),
        ask=per_coin(row.price("best_ask_price"), of.multiplier),
        high=per_coin(stats.price("high"), of.multiplier),
        low=per_coin(stats.price("low"), of.multiplier),
        change_pct=stats.number("price_change"),
        base_volume=in_coins(stats.number("volume"), of.multiplier),
        quote_volume=stats.number("volume_usd"),
        time_ms=row.moment("timestamp"),
    )
    return Snapshot(ticker, _open_interest(row, of), _funding(row, of))


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """A linear perpetual of the list of summaries; nothing of what does not trade.

    {"instrument_name": "SOL_USDC-PERPETUAL", "last": 122.5, "mark_price": …, "price_change": -0.5, "volume": …,
     "volume_usd": …, "open_interest": 81200, "funding_8h": …, "creation_timestamp": …, "high": …, "low": …}
    """
    listed, last = parse_symbol(row), row.price("last")
    if listed is None:
        return None
    if last is None or not row.number("volume_usd"):
        return listed, Snapshot()
    of = listing("perp", listed)
    ticker = Ticker(
        exchange=ID,
        symbol=of.listed,
        last=last / of.multiplier,
        bid=per_coin(row.price("bid_price"), of.multiplier),
        ask=per_coin(row.price("ask_price"), of.multiplier),
        high=per_coin(row.price("high"), of.multiplier),
        low=per_coin(row.price("low"), of.multiplier),
        change_pct=row.number("price_change"),
        base_volume=in_coins(row.number("volume"), of.multiplier),
        quote_volume=row.number("volume_usd"),
        time_ms=row.moment("creation_timestamp"),
    )
    return of.listed, Snapshot(ticker, _open_interest(row, of), _funding(row, of))


def parse_symbol(row: Row) -> str | None:
    """SOL-USDC for SOL_USDC-PERPETUAL; None for dated contracts."""
    listed = row.get("instrument_name")
    if not is_name(listed) or not listed.endswith("-PERPETUAL"):
        return None
    base, _, quote = listed.removesuffix("-PERPETUAL").partition("_")
    return f"{base}-{quote}" if quote else None


def _open_interest(row: Row, of: Listing) -> OpenInterest | None:
    amount, mark = row.number("open_interest"), row.price("mark_price")
    if amount is None:
        return None
    if of.quote == COIN:
        return OpenInterest(None if mark is None else amount / mark, amount)
    return OpenInterest(amount * of.multiplier, None if mark is None else amount * mark)


def _funding(row: Row, of: Listing) -> Funding | None:
    rate, mark = row.number("funding_8h"), per_coin(row.price("mark_price"), of.multiplier)
    return None if rate is None else Funding(rate, REALISED_H, None, mark, is_continuous=True)


def parse_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """{"result": {"ticks": [1554373800000], "open": [4963], "high": […], "low": […], "close": […], "volume": [2.94],
                   "cost": [257490], "status": "ok"}}

    Columns, not rows; volume in coins, cost in dollars; oldest first, the last one running. The market is
    not told.
    """
    result = _result(body)
    if result.get("status") == "no_data":
        raise UnknownSymbol(ID, f"no candles of {of.listed}")
    keys = ("ticks", "open", "high", "low", "close", "volume", "cost")
    columns = [result.get(key) for key in keys]
    if not all(isinstance(column, list) and len(column) == len(columns[0] or []) for column in columns):
        raise BadResponse(ID, "the candles' columns are not of one length")
    rows = [list(row) for row in zip(*columns, strict=True)]
    return read_candles(ID, of, INTERVALS[interval], rows, At(0, 1, 2, 3, 4, 5, 6))


def _result(body: bytes) -> Row:
    answer = Row.of(ID, body)
    if answer.get("error") is not None:
        raise explain(200, body)
    return answer.row("result")


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means."""
    said = f"HTTP {status} {body[:160]!r}"
    try:
        error = Row.of(ID, body).row("error")
    except BadResponse:
        error = Row(ID, {})
    code, data = error.get("code"), error.get("data")
    param = data.get("param") if isinstance(data, dict) else None
    if code in (10020, 13020) or (code == -32602 and param in (None, "instrument_name")):  # which parameter, it says
        return UnknownSymbol(ID, said)
    if code == -32602 and param == "resolution":
        return NotSupported(ID, said, Reason.NO_SUCH_CANDLES)
    if status == 429 or code == 10028:
        return RateLimited(ID, said, retry_after_s=2.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status >= 500 or code in (11051, 11094):
        return ill(ID, said, status)
    return unexplained(ID, status, said, code)


def parse_liquidations(body: bytes, of: Listing, since_ms: int) -> LiquidationPage:
    """Trades, of which some are marked.

        {"result": {"trades": [{"instrument_name": "BTC-PERPETUAL", "direction": "sell", "price": 62950.5,
                                "amount": 1000, "timestamp": 1766548800000, "liquidation": "T", …}], "has_more": true}}

    liquidation says who was liquidated: "T" the taker, "M" the maker, "MT" both; direction is the taker's. amount is in
    DOLLARS on inverse contracts, in coins on linear ones.
    """
    trades = _result(body).get("trades")
    if not isinstance(trades, list):
        raise BadResponse(ID, "there is no list of trades")
    marked = [each for each in trades if not isinstance(each, dict) or each.get("liquidation") is not None]
    found = [each for pair in rows_read(ID, marked, partial(_liquidated, of=of)) for each in pair]
    wanted = [each for each in found if each.time_ms >= since_ms]
    newest_ms, oldest_ms = (row_in(ID, trades[i]).moment("timestamp") if trades else 0 for i in (0, -1))
    if len(trades) < MAX_TRADES or oldest_ms < since_ms:
        return LiquidationPage(wanted, since_ms)
    if newest_ms == oldest_ms:  # no way to ask for the rest of this millisecond
        return LiquidationPage(wanted, oldest_ms, str(oldest_ms))
    # More of the oldest millisecond may be on the next page, which has it whole.
    return LiquidationPage([each for each in wanted if each.time_ms > oldest_ms], oldest_ms + 1, str(oldest_ms + 1))


def _liquidated(row: Row, of: Listing) -> list[Liquidation]:
    """A marked trade: one position, or two."""
    row.must_be("instrument_name", native(of))
    price, amount = row.needed_price("price") / of.multiplier, row.needed_price("amount")
    coins = amount / price if of.quote == COIN else amount * of.multiplier
    taker, maker = {"sell": ("long", "short"), "buy": ("short", "long")}.get(row.name("direction"), ("", ""))
    sides = {"T": (taker,), "M": (maker,), "MT": (taker, maker)}.get(row.name("liquidation"), ())
    if not taker or not sides:
        raise BadResponse(ID, f"direction is {row.name('direction')[:20]!r}, of {row.name('liquidation')[:20]!r}")
    dollars = amount if of.quote == COIN else coins * price
    return [Liquidation(row.moment("timestamp"), side, coins, dollars, price) for side in sides]


def parse_paid(body: bytes) -> Page[Paid]:
    """{"result": [{"timestamp": 1569891600000, "interest_1h": -4.7e-07, "interest_8h": -9.2e-05, …}, …]}

    What was paid over the hour to that moment, and over 8 hours. The market is not told.
    """
    answer = Row.of(ID, body)
    if answer.get("error") is not None:
        raise explain(200, body)
    return Page(list(starmap(Paid, timed_rows(ID, answer.get("result"), "timestamp", "interest_1h"))), "")
