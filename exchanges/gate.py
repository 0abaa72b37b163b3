"""Gate v4: spot and perpetuals settled in USDT and, of BTC, in the coin.

Errors are {"label": "…", "message": "…"} with an HTTP status. Spot and perpetual share the spelling
BTC_USDT; the settlement currency is in the path. Perpetuals count contracts of `quanto_multiplier`
coins; the inverse BTC_USD, which we call BTC-COIN, has multiplier "0" and contracts of one dollar.
Source: Gate API v4 documentation, 2026.
Announced: nothing that ends what is asked here, as far as known in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import starmap

from exchanges.around import Form
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T, percent_encode
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    NotSupported,
    NotTraded,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
    unexplained,
)
from exchanges.exchange import Exchange
from exchanges.reading import (
    At,
    Row,
    code_in,
    in_coins,
    is_name,
    load,
    long_share,
    newest_of,
    per_coin,
    read_candles,
    rows_of,
    rows_read,
    sole,
)
from exchanges.symbols import listing
from exchanges.timed import timed_rows
from exchanges.words import (
    COIN,
    DOLLARS,
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

ID = "gate"
HOST = Host("GATE", ID, "https://api.gateio.ws")
MAX_ORDERS = 1000  # of an answer
MAX_ORDER_HOURS = 5
WORDS = {each: each for each in ("1m", "5m", "15m", "30m", "1h", "4h", "1d")}


def native(of: Listing) -> str:
    """BTC_USDT for BTC-USDT, BTC_USD for BTC-COIN."""
    return f"{of.base}_{'USD' if of.quote == COIN else of.quote}"


def _name(of: Listing) -> str:
    """The native symbol in a path or query."""
    return percent_encode(native(of))


def symbol_of(native_symbol: object) -> str | None:
    """BTC-USDT for BTC_USDT; None for quotes that are no dollar and for dated contracts."""
    base, separator, quote = native_symbol.partition("_") if is_name(native_symbol) else ("", "", "")
    return f"{base}-{quote}" if base and separator and quote in DOLLARS else None


def _settled(of: Listing) -> str:
    """The path of the currency in which it settles."""
    return "futures/btc" if of.quote == COIN else "futures/usdt"


def _budget(path: str) -> Budget:
    return Budget(f"gate {path}", 200, 10, is_told=True)


def _ask(path: str, query: str, parse: Callable[[bytes], T], budget: str = "") -> Endpoint[T]:
    return Endpoint(HOST, f"/api/v4/{path}{query and '?' + query}", parse, explain, _budget(budget or path))


def _list(path: str, row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    return ListEndpoint(HOST, f"/api/v4/{path}", (), row, explain, _budget(path))


class Gate(Exchange):
    """One site; every path has a budget of its own. Few contracts are of many coins: MBABYDOGE_USDT of a million."""

    id = ID
    name = "Gate"
    hosts = (HOST,)
    quotes = {"spot": ("USDT", "USDC"), "perp": ("USDT", COIN)}
    multiplied = ("perp",)
    intervals = {"spot": WORDS, "perp": WORDS}
    max_candles = {"spot": 1000, "perp": 2000}
    tells = {
        "candles": ("spot", "USDT"),
        "open_interest_history": ("USDT",),
        "ratios": ("USDT",),
        "liquidations": ("USDT", COIN),
        "funding_history": ("USDT", COIN),
    }
    forms = {"open_interest_history": Form(b"{", b"}", b'"time":%d', unit_ms=1000)}
    told_in = {"spot": "ticker", "perp": "ticker"}
    unnamed = {"spot": ("candles",), "perp": ("candles", "open_interest_history")}

    def spot(self, of: Listing) -> Endpoint[Ticker]:
        """GET /spot/tickers of one pair."""
        return _ask("spot/tickers", f"currency_pair={_name(of)}", partial(parse_spot, of=of))

    def perp(self, of: Listing) -> dict[str, Endpoint[Snapshot]]:
        """The ticker, and the contract, which tells open interest, funding and what a contract is."""
        path = _settled(of)
        contract = partial(parse_contract, of=of)
        return {
            "ticker": _ask(f"{path}/tickers", f"contract={_name(of)}", partial(parse_perp, of=of)),
            "open_interest": _ask(f"{path}/contracts/{_name(of)}", "", contract, f"{path}/contracts"),
        }

    def contract_size(self, of: Listing, question: str) -> Endpoint[float] | None:
        """Coins of one contract, of questions whose answers count contracts; one of an inverse contract is a dollar.

        Spot counts coins.
        """
        if question not in ("candles", "liquidations") or of.quote == COIN or of.kind == "spot":
            return None
        asked = _ask(
            f"futures/usdt/contracts/{_name(of)}", "", partial(parse_contract_size, of=of), "futures/usdt/contracts"
        )
        return asked._replace(part="size")

    def symbols(self, kind: str) -> ListEndpoint[str]:
        """Every symbol in dollars."""
        if kind == "spot":
            return _list("spot/tickers", lambda row: symbol_of(row.get("currency_pair")))
        return _list("futures/usdt/tickers", lambda row: symbol_of(row.get("contract")))

    def tickers(self, kind: str, now_ms: int) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
        """All markets in dollars. Of perpetuals the contracts tell open interest and funding."""
        if kind == "spot":
            return {"ticker": _list("spot/tickers", parse_spot_row)}
        contracts = _list("futures/usdt/contracts", parse_contract_row)
        return {"ticker": _list("futures/usdt/tickers", parse_perp_row), "funding": contracts}

    def candles(self, of: Listing, interval: str, n: int, now_ms: int, end_ms: int | None = None) -> Endpoint[Candles]:
        """Of perpetuals they count contracts, of the size that the listing has."""
        step_s = INTERVALS[interval] // 1000
        query = f"interval={interval}&limit={n}"
        if end_ms is not None:  # which Gate refuses beside a limit
            last_s = (end_ms - 1) // 1000 // step_s * step_s
            query = f"interval={interval}&from={last_s - (n - 1) * step_s}&to={last_s}"
        if of.kind == "spot":
            parse = partial(parse_spot_candles, of=of, interval=interval)
            return _ask("spot/candlesticks", f"currency_pair={_name(of)}&{query}", parse)
        parse = partial(parse_perp_candles, of=of, interval=interval)
        return _ask("futures/usdt/candlesticks", f"contract={_name(of)}&{query}", parse)

    def open_interest_history(
        self, of: Listing, n: int, now_ms: int = 0, step: str = "1h"
    ) -> Endpoint[list[tuple[int, float]]]:
        """GET contract_stats, which has the ratios too; at most 100."""
        query = f"contract={_name(of)}&interval={step}&limit={n}"
        return _ask("futures/usdt/contract_stats", query, partial(parse_open_interest_history, of=of))

    def ratios(self, of: Listing, n: int, now_ms: int = 0) -> list[Endpoint[dict[str, list[Ratio]]]]:
        """All three are in one answer."""
        query = f"contract={_name(of)}&interval=1h&limit={n}"
        return [_ask("futures/usdt/contract_stats", query, partial(parse_ratios, of=of))._replace(part="ratios")]

    def funding_history(self, of: Listing, since_ms: int, now_ms: int) -> Callable[[str], Endpoint[Page[Paid]]]:
        """A thousand at most."""

        def paid(cursor: str) -> Endpoint[Page[Paid]]:
            query = f"contract={_name(of)}&from={since_ms // 1000}&limit=1000"
            return _ask(f"{_settled(of)}/funding_rate", query, parse_paid)

        return paid

    def liquidations(self, of: Listing, since_ms: int, now_ms: int) -> list[Callable[[str], Endpoint[LiquidationPage]]]:
        """Orders, an hour a question; of more than MAX_ORDER_HOURS the sums of each quarter of an hour."""
        path, since_s = _settled(of), since_ms // 1000

        def orders(cursor: str, begin_s: int) -> Endpoint[LiquidationPage]:
            query = f"contract={_name(of)}&from={begin_s}&to={begin_s + 3599}&limit={MAX_ORDERS}"
            return _ask(f"{path}/liq_orders", query, partial(parse_liquidations, of=of, since_ms=since_ms))

        def sums(cursor: str) -> Endpoint[LiquidationPage]:
            query = f"contract={_name(of)}&interval=15m&from={since_s}&limit=100"
            parse = partial(parse_liquidation_sums, of=of, since_ms=since_ms)
            return _ask(f"{path}/contract_stats", query, parse)._replace(part="liquidations")

        hours = range(since_s, now_ms // 1000 + 1, 3600)
        return [partial(orders, begin_s=each) for each in hours] if len(hours) <= MAX_ORDER_HOURS else [sums]


def parse_spot(body: bytes, of: Listing) -> Ticker:
    """The last 24 hours of a spot pair.

        [{"currency_pair": "BTC_USDT", "last": "67432.1", "lowest_ask": …, "highest_bid": …,
          "change_percentage": "1.71", "base_volume": "4210.5", "quote_volume": "283911238.1",
          "high_24h": …, "low_24h": …}]

    Always an array. change_percentage is a percent already. There is no time: it is that of asking.
    """
    row = _only_row(body, of).must_be("currency_pair", native(of)).must_lack("contract")
    return _ticker(row, of, "base_volume", "quote_volume")


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes and for what does not trade."""
    symbol = symbol_of(row.get("currency_pair"))
    if symbol is None or not row.number("last") or not row.number("quote_volume"):
        return None
    return symbol, Snapshot(_ticker(row, Listing("spot", symbol, symbol), "base_volume", "quote_volume"))


def parse_perp(body: bytes, of: Listing) -> Snapshot:
    """[{"contract": "BTC_USDT", "last": "67401.5", "mark_price": …, "change_percentage": "1.71",
         "volume_24h": "118711042", "volume_24h_base": "11871", "volume_24h_quote": "800123456", "total_size": …}]

    volume_24h counts contracts, volume_24h_base coins, volume_24h_quote the quote currency.
    """
    row = _only_row(body, of).must_be("contract", native(of)).must_lack("currency_pair")
    return Snapshot(_ticker(row, of, "volume_24h_base", "volume_24h_quote"))


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """The ticker of a perpetual of the list; None for other quotes, nothing of what does not trade."""
    symbol = symbol_of(row.get("contract"))
    if symbol is None:
        return None
    if not row.number("last") or not row.number("volume_24h_quote"):
        return symbol, Snapshot()
    of = listing("perp", symbol)
    return of.listed, Snapshot(_ticker(row, of, "volume_24h_base", "volume_24h_quote"))


def parse_contract(body: bytes, of: Listing) -> Snapshot:
    """Open interest and funding of one contract; see _contract."""
    return _contract(Row.of(ID, body).must_be("name", native(of)), of)


def parse_contract_row(row: Row) -> tuple[str, Snapshot] | None:
    """Open interest and funding of a contract of the list; None for one that is being delisted."""
    symbol = symbol_of(row.get("name"))
    if symbol is None or row.get("in_delisting") is True:
        return None
    of = listing("perp", symbol)
    return of.listed, _contract(row, of)


def _contract(row: Row, of: Listing) -> Snapshot:
    """{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "position_size": 616999728,
        "mark_price": "75180.8", "funding_rate": "0.0001", "funding_interval": 28800, "funding_next_apply": 1610035200}

    position_size counts contracts, one side; the ticker's total_size counts both, see parse_open_interest_history.
    quanto_multiplier is coins a contract; "0" on an inverse contract, which is one dollar. funding_interval and
    funding_next_apply are in SECONDS.
    """
    contracts, size = row.number("position_size"), row.number("quanto_multiplier")
    mark, rate = per_coin(row.price("mark_price"), of.multiplier), row.number("funding_rate")
    interest = None
    if contracts is not None and row.get("type") == "inverse":
        interest = OpenInterest(None, contracts)
    elif contracts is not None and size:
        coins = contracts * size * of.multiplier
        interest = OpenInterest(coins, None if mark is None else coins * mark)
    funding = None
    if rate is not None:
        interval_s, due_ms = row.number("funding_interval"), row.whole("funding_next_apply", 1000)
        funding = Funding(rate, interval_s / 3600 if interval_s else None, due_ms, mark)
    return Snapshot(open_interest=interest, funding=funding)


def parse_spot_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """[["1539852480", "971519.677", "0.0021724", "0.0021922", "0.0021724", "0.0021737", "447120", "true"], …]

    SECONDS, quote volume, CLOSE, high, low, OPEN, base volume, closed; oldest first. The market is not told.
    """
    rows = load(ID, body)
    told = newest_of(rows, 0, 7)
    is_closed = None if told is None else told == "true"
    return read_candles(
        ID, of, INTERVALS[interval], rows, At(0, 5, 3, 4, 2, 6, 1), time_ms=1000, is_last_closed=is_closed
    )


def parse_perp_candles(body: bytes, of: Listing, interval: str) -> Candles:
    """[{"t": 1539852480, "v": 97151, "c": "1.032", "h": "1.032", "l": "1.032", "o": "1.032", "sum": "3580"}, …]

    t in SECONDS, v in CONTRACTS, sum the turnover in quote. The market is not told.
    """
    if of.contract_size is None:
        raise BadResponse(ID, "the contract's size is not known")
    rows = load(ID, body)
    at = At("t", "o", "h", "l", "c", "v", "sum")
    return read_candles(ID, of, INTERVALS[interval], rows, at, volume_in=of.contract_size * of.multiplier, time_ms=1000)


def parse_contract_size(body: bytes, of: Listing) -> float:
    """quanto_multiplier, see _contract."""
    return Row.of(ID, body).must_be("name", native(of)).needed_price("quanto_multiplier")


def parse_open_interest_history(body: bytes, of: Listing) -> list[tuple[int, float]]:
    """[{"time": 1603865400, "open_interest": 2851725, "open_interest_usd": 9872386.7, "mark_price": 0.34619, …}, …]

    open_interest counts contracts of BOTH sides, position_size one side: on 2026-08-14 the 4,425,426,554 dollars
    told here were those of the ticker's total_size, 705,372,304 contracts; and total_size is twice position_size
    (577,776,862 and 289,031,937 on 2026-09-25). The coins are half of open_interest_usd, which is in quote, over
    mark_price. The market is not told.
    """

    def read(row: Row) -> tuple[int, float]:
        return row.moment("time", 1000), row.needed("open_interest_usd") / 2 / row.needed_price(
            "mark_price"
        ) * of.multiplier

    found = rows_read(ID, load(ID, body), read)
    if not found:
        raise NotSupported(ID, "no history of open interest", Reason.NO_OPEN_INTEREST_HISTORY_OF_IT)
    return sorted(found)


def parse_ratios(body: bytes, of: Listing) -> dict[str, list[Ratio]]:
    """[{"time": 1603865400, "lsr_account": 0.5, "top_lsr_account": 2.5, "top_lsr_size": 1.02, …}, …]: long / short."""
    rows = rows_of(ID, body)

    def shares(key: str) -> list[Ratio]:
        def read(row: Row) -> Ratio | None:
            time_ms, ratio = row.moment("time", 1000), row.number(key)
            return None if ratio is None else Ratio(time_ms, long_share(ID, ratio))

        return sorted(rows_read(ID, rows, read))

    keys = {"accounts": "lsr_account", "top accounts": "top_lsr_account", "top positions": "top_lsr_size"}
    return {what: found for what, key in keys.items() if (found := shares(key))}


def _only_row(body: bytes, of: Listing) -> Row:
    rows = load(ID, body)
    if not isinstance(rows, list):
        raise BadResponse(ID, "the answer is no list")
    if not rows:
        raise UnknownSymbol(ID, f"no row for {of.listed}")
    return sole(ID, rows, "currency_pair" if of.kind == "spot" else "contract")


def _ticker(row: Row, of: Listing, base_volume: str, quote_volume: str) -> Ticker:
    if not row.number("last"):
        raise NotTraded(ID, f"{of.listed} has no trades")
    return Ticker(
        exchange=ID,
        symbol=of.listed,
        last=row.needed_price("last") / of.multiplier,
        bid=per_coin(row.price("highest_bid"), of.multiplier),
        ask=per_coin(row.price("lowest_ask"), of.multiplier),
        high=per_coin(row.price("high_24h"), of.multiplier),
        low=per_coin(row.price("low_24h"), of.multiplier),
        change_pct=row.number("change_percentage"),
        base_volume=in_coins(row.number(base_volume), of.multiplier),
        quote_volume=row.number(quote_volume),
        time_ms=0,
    )


def explain(status: int, body: bytes) -> MarketError:
    """What a refusal means."""
    label = code_in(body, "label")
    said = f"HTTP {status} {body[:160]!r}"
    if label in ("INVALID_CURRENCY_PAIR", "INVALID_CURRENCY", "CONTRACT_NOT_FOUND", "INVALID_CONTRACT"):
        return UnknownSymbol(ID, said)
    if status == 429 or label in ("TOO_MANY_REQUESTS", "TOO_FAST"):
        return RateLimited(ID, said, retry_after_s=10.0)
    if status in (403, 451):
        return Blocked(ID, said)
    if status == 404 and label is not None:
        return UnknownSymbol(ID, said)
    if status >= 500:
        return Unavailable(ID, said, Reason.HTTP_STATUS, status)
    return unexplained(ID, status, said, label)


def parse_liquidations(body: bytes, of: Listing, since_ms: int) -> LiquidationPage:
    """[{"time": 1548654951, "contract": "BTC_USDT", "size": 600, "order_size": -600, "order_price": "3405",
         "fill_price": "3424", "left": 0}, …]

    size is the POSITION's: + is a long that was liquidated, - a short; order_size the order's, of which `left` was not
    filled. Contracts, which may be texts with decimals. time in SECONDS.
    """
    if of.contract_size is None and of.quote != COIN:
        raise BadResponse(ID, "the contract's size is not known")
    contract = (of.contract_size or 0.0) * of.multiplier

    def read(row: Row) -> Liquidation | None:
        size = row.must_be("contract", native(of)).needed("size")
        price = row.needed_price("fill_price") / of.multiplier
        order = row.number("order_size")
        filled = abs(size if order is None else order) - abs(row.number("left") or 0.0)
        if not size or filled <= 0:
            return None
        coins, dollars = filled * contract, filled * contract * price
        if of.quote == COIN:
            coins, dollars = filled / price, filled
        return Liquidation(row.moment("time", 1000), "long" if size > 0 else "short", coins, dollars, price)

    rows = load(ID, body)
    found = rows_read(ID, rows, read)
    is_whole = len(rows) < MAX_ORDERS  # else the oldest are left out, without a way to them
    return LiquidationPage(found, since_ms if is_whole else min(each.time_ms for each in found))


def parse_liquidation_sums(body: bytes, of: Listing, since_ms: int) -> LiquidationPage:
    """[{"time": 1603865400, "long_liq_usd": 1203.5, "long_liq_amount": 0.02, "short_liq_usd": 0, …}, …]

    amount counts coins, usd the quote currency; of each quarter of an hour, the running one among them.
    """

    def read(row: Row) -> list[Liquidation]:
        time_ms = row.moment("time", 1000)
        return [
            Liquidation(time_ms, side, row.needed(f"{side}_liq_amount") * of.multiplier, row.needed(f"{side}_liq_usd"))
            for side in ("long", "short")
        ]

    found = [each for pair in rows_read(ID, load(ID, body), read) for each in pair if each.time_ms >= since_ms]
    return LiquidationPage([each for each in found if each.dollars], since_ms)


def parse_paid(body: bytes) -> Page[Paid]:
    """[{"t": 1543968000, "r": "0.000157"}, …]: SECONDS, newest first. The market is not told."""
    return Page(list(starmap(Paid, timed_rows(ID, load(ID, body), "t", "r", unit_ms=1000))), "")
