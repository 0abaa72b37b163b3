"""Gate v4: spot and perpetuals settled in USDT and, of BTC, in the coin.

Errors are {"label": "…", "message": "…"} with an HTTP status. Spot and perpetual share the spelling
BTC_USDT; the settlement currency is in the path. Perpetuals count contracts of `quanto_multiplier`
coins; the inverse BTC_USD, which we call BTC-COIN, has multiplier "0" and contracts of one dollar.
Source: Gate API v4 documentation, 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote as percent_encode

from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, T
from exchanges.errors import BadResponse, Blocked, MarketError, NotSupported, RateLimited, Unavailable, UnknownSymbol
from exchanges.reading import (
    At,
    Row,
    code_in,
    load,
    long_share,
    read_candles,
    rows_of,
)
from exchanges.symbols import split
from exchanges.words import COIN, DOLLARS, INTERVALS, Candles, Funding, OpenInterest, Ratio, Snapshot, Ticker

ID = "gate"
NAME = "Gate"
HOST = Host("GATE", ID, "https://api.gateio.ws")
MARKETS = ("spot", "perp")
SPOT_QUOTES = ("USDT", "USDC")
PERP_QUOTES = ("USDT", COIN)
MULTIPLIED = ()  # every coin is priced singly
MAX_CANDLES = {"spot": 1000, "perp": 2000}  # of one answer
TAKERS_IN_CANDLES = False
IN_LIST = False
CANDLE_INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")


def native(symbol: str) -> str:
    """BTC_USDT for BTC-USDT, BTC_USD for BTC-COIN."""
    base, quote = split(symbol)
    return percent_encode(f"{base}_{'USD' if quote == COIN else quote}", safe="")


def symbol_of(native_symbol: object) -> str | None:
    """BTC-USDT for BTC_USDT; None for quotes that are no dollar and for dated contracts."""
    base, separator, quote = native_symbol.partition("_") if isinstance(native_symbol, str) else ("", "", "")
    return f"{base}-{quote}" if base and separator and quote in DOLLARS else None


def _settle(symbol: str) -> str:
    return "btc" if split(symbol)[1] == COIN else "usdt"


def _budget(path: str) -> Budget:
    return Budget(f"gate {path}", 200, 10, is_told=True)


def _ask(path: str, query: str, parse: Callable[[bytes], T], budget: str = "") -> Endpoint[T]:
    return Endpoint(HOST, f"/api/v4/{path}{query and '?' + query}", parse, explain, _budget(budget or path))


def _list(path: str, row: Callable[[Row], T | None]) -> ListEndpoint[T]:
    return ListEndpoint(HOST, f"/api/v4/{path}", (), row, explain, _budget(path))


def spot(symbol: str, multiplier: int = 1) -> Endpoint[Ticker]:
    """GET /spot/tickers of one pair."""
    return _ask("spot/tickers", f"currency_pair={native(symbol)}", partial(parse_spot, symbol=symbol))


def perp(symbol: str, multiplier: int = 1, contract_size: float | None = None) -> dict[str, Endpoint[Snapshot]]:
    """The ticker, and the contract, which tells open interest, funding and what a contract is."""
    path = f"futures/{_settle(symbol)}"
    contract = partial(parse_contract, symbol=symbol)
    return {
        "ticker": _ask(f"{path}/tickers", f"contract={native(symbol)}", partial(parse_perp, symbol=symbol)),
        "open interest": _ask(f"{path}/contracts/{native(symbol)}", "", contract, f"{path}/contracts"),
    }


def contract_size(symbol: str, question: str) -> Endpoint[float] | None:
    """Coins of one contract, of the "candles" question for a perpetual: candles count contracts."""
    if question != "candles" or split(symbol)[1] == COIN:
        return None
    asked = _ask(f"futures/usdt/contracts/{native(symbol)}", "", parse_contract_size, "futures/usdt/contracts")
    return asked._replace(part="size")


def symbols(kind: str) -> ListEndpoint[str]:
    """Every symbol in dollars."""
    if kind == "spot":
        return _list("spot/tickers", lambda row: symbol_of(row.get("currency_pair")))
    return _list("futures/usdt/tickers", lambda row: symbol_of(row.get("contract")))


def tickers(kind: str) -> dict[str, ListEndpoint[tuple[str, Snapshot]]]:
    """All markets in dollars. Of perpetuals the contracts tell open interest and funding."""
    if kind == "spot":
        return {"ticker": _list("spot/tickers", parse_spot_row)}
    contracts = _list("futures/usdt/contracts", parse_contract_row)
    return {"ticker": _list("futures/usdt/tickers", parse_perp_row), "funding": contracts}


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

    contract_size: what the endpoint of that name said; perpetuals' candles count contracts.
    Raises NotSupported for an interval that Gate has not.
    """
    if interval not in CANDLE_INTERVALS or split(symbol)[1] == COIN:
        raise NotSupported(ID, f"no candles of {interval} for {symbol}", "has no such candles")
    step_s = INTERVALS[interval] // 1000
    query = f"interval={interval}&limit={n}"
    if end_ms is not None:  # which Gate refuses beside a limit
        last_s = (end_ms - 1) // 1000 // step_s * step_s
        query = f"interval={interval}&from={last_s - (n - 1) * step_s}&to={last_s}"
    if kind == "spot":
        parse = partial(parse_spot_candles, symbol=symbol, interval=interval)
        return _ask("spot/candlesticks", f"currency_pair={native(symbol)}&{query}", parse)
    parse = partial(parse_perp_candles, symbol=symbol, interval=interval, contract_size=contract_size)
    return _ask("futures/usdt/candlesticks", f"contract={native(symbol)}&{query}", parse)


def open_interest_history(
    symbol: str, n: int, multiplier: int = 1, contract_size: float | None = None
) -> Endpoint[list[tuple[int, float]]] | None:
    """Open interest every hour, n times: (ms, base coins), oldest first. None for the inverse contract."""
    if split(symbol)[1] == COIN:
        return None
    query = f"contract={native(symbol)}&interval=1h&limit={n}"
    return _ask("futures/usdt/contract_stats", query, parse_open_interest_history)


def ratios(symbol: str, n: int) -> list[Endpoint[dict[str, list[Ratio]]]]:
    """Long shares every hour, n times, oldest first; all three are in one answer."""
    query = f"contract={native(symbol)}&interval=1h&limit={n}"
    return [_ask("futures/usdt/contract_stats", query, parse_ratios)._replace(part="ratios")]


def taker_flow(symbol: str, kind: str, interval: str, n: int, multiplier: int = 1) -> None:
    """Gate tells a ratio of taker volumes, but not the volumes."""


def parse_spot(body: bytes, symbol: str) -> Ticker:
    """The last 24 hours of a spot pair.

        [{"currency_pair": "BTC_USDT", "last": "67432.1", "lowest_ask": …, "highest_bid": …,
          "change_percentage": "1.71", "base_volume": "4210.5", "quote_volume": "283911238.1",
          "high_24h": …, "low_24h": …}]

    Always an array. change_percentage is a percent already. There is no time: it is that of asking.
    """
    return _ticker(_only_row(body, symbol), symbol, "base_volume", "quote_volume")


def parse_spot_row(row: Row) -> tuple[str, Snapshot] | None:
    """A spot ticker of the list; None for other quotes and for what does not trade."""
    symbol = symbol_of(row.get("currency_pair"))
    if symbol is None or not row.number("last") or not row.number("quote_volume"):
        return None
    return symbol, Snapshot(_ticker(row, symbol, "base_volume", "quote_volume"))


def parse_perp(body: bytes, symbol: str) -> Snapshot:
    """[{"contract": "BTC_USDT", "last": "67401.5", "mark_price": …, "change_percentage": "1.71",
         "volume_24h": "118711042", "volume_24h_base": "11871", "volume_24h_quote": "800123456", "total_size": …}]

    volume_24h counts contracts, volume_24h_base coins, volume_24h_quote the quote currency.
    """
    return Snapshot(_ticker(_only_row(body, symbol), symbol, "volume_24h_base", "volume_24h_quote"))


def parse_perp_row(row: Row) -> tuple[str, Snapshot] | None:
    """The ticker of a perpetual of the list."""
    symbol = symbol_of(row.get("contract"))
    if symbol is None or not row.number("last") or not row.number("volume_24h_quote"):
        return None
    return symbol, Snapshot(_ticker(row, symbol, "volume_24h_base", "volume_24h_quote"))


def parse_contract(body: bytes, symbol: str) -> Snapshot:
    """Open interest and funding of one contract; see _contract."""
    return _contract(Row.of(ID, body))


def parse_contract_row(row: Row) -> tuple[str, Snapshot] | None:
    """Open interest and funding of a contract of the list; None for one that is being delisted."""
    symbol = symbol_of(row.get("name"))
    return None if symbol is None or row.get("in_delisting") is True else (symbol, _contract(row))


def _contract(row: Row) -> Snapshot:
    """{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "position_size": 616999728,
        "mark_price": "75180.8", "funding_rate": "0.0001", "funding_interval": 28800, "funding_next_apply": 1610035200}

    position_size counts contracts, one side. quanto_multiplier is coins a contract; "0" on an inverse contract, which
    is one dollar. funding_interval and funding_next_apply are in SECONDS.
    """
    contracts, size = row.number("position_size"), row.number("quanto_multiplier")
    mark, rate = row.price("mark_price"), row.number("funding_rate")
    interest = None
    if contracts is not None and row.get("type") == "inverse":
        interest = OpenInterest(None, contracts)
    elif contracts is not None and size:
        interest = OpenInterest(contracts * size, None if mark is None else contracts * size * mark)
    funding = None
    if rate is not None:
        interval_s, due_s = row.number("funding_interval"), row.number("funding_next_apply")
        due_ms = int(due_s * 1000) if due_s else None
        funding = Funding(rate, interval_s / 3600 if interval_s else None, due_ms, mark)
    return Snapshot(open_interest=interest, funding=funding)


def parse_spot_candles(body: bytes, symbol: str, interval: str) -> Candles:
    """[["1539852480", "971519.677", "0.0021724", "0.0021922", "0.0021724", "0.0021737", "447120", "true"], …]

    SECONDS, quote volume, CLOSE, high, low, OPEN, base volume, closed; oldest first.
    """
    rows = load(ID, body)
    newest = rows[-1] if isinstance(rows, list) and rows and isinstance(rows[-1], list) else []
    is_closed = newest[7] == "true" if len(newest) > 7 else None
    of = (ID, symbol, "spot", INTERVALS[interval])
    return read_candles(of, rows, At(0, 5, 3, 4, 2, 6, 1), time_ms=1000, is_last_closed=is_closed)


def parse_perp_candles(body: bytes, symbol: str, interval: str, contract_size: float | None) -> Candles:
    """[{"t": 1539852480, "v": 97151, "c": "1.032", "h": "1.032", "l": "1.032", "o": "1.032", "sum": "3580"}, …]

    t in SECONDS, v in CONTRACTS, sum the turnover in quote.
    """
    if contract_size is None:
        raise BadResponse(ID, "the contract's size is not known")
    rows = load(ID, body)
    of = (ID, symbol, "perp", INTERVALS[interval])
    return read_candles(of, rows, At("t", "o", "h", "l", "c", "v", "sum"), volume_in=contract_size, time_ms=1000)


def parse_contract_size(body: bytes) -> float:
    """quanto_multiplier, see _contract."""
    return Row.of(ID, body).needed_price("quanto_multiplier")


def parse_open_interest_history(body: bytes) -> list[tuple[int, float]]:
    """[{"time": 1603865400, "open_interest": 2851725, "open_interest_usd": 9872386.7, "mark_price": 0.34619, …}, …]

    open_interest counts contracts; the coins are open_interest_usd, which is in quote, over mark_price.
    """
    found = []
    for row in rows_of(ID, body):
        coins = row.needed("open_interest_usd") / row.needed_price("mark_price")
        found.append((int(row.needed("time")) * 1000, coins))
    if not found:
        raise UnknownSymbol(ID, "no history of open interest")
    return sorted(found)


def parse_ratios(body: bytes) -> dict[str, list[Ratio]]:
    """[{"time": 1603865400, "lsr_account": 0.5, "top_lsr_account": 2.5, "top_lsr_size": 1.02, …}, …]: long / short."""
    rows = rows_of(ID, body)

    def shares(key: str) -> list[Ratio]:
        told = ((int(row.needed("time")) * 1000, row.number(key)) for row in rows)
        return sorted(Ratio(time_ms, long_share(ID, ratio)) for time_ms, ratio in told if ratio is not None)

    keys = {"accounts": "lsr_account", "top accounts": "top_lsr_account", "top positions": "top_lsr_size"}
    return {what: found for what, key in keys.items() if (found := shares(key))}


def _only_row(body: bytes, symbol: str) -> Row:
    rows = rows_of(ID, body)
    if not rows:
        raise UnknownSymbol(ID, f"no row for {symbol}")
    return rows[0]


def _ticker(row: Row, symbol: str, base_volume: str, quote_volume: str) -> Ticker:
    if not row.number("last"):
        raise UnknownSymbol(ID, f"{symbol} has no trades")
    return Ticker(
        exchange=ID,
        symbol=symbol,
        last=row.needed_price("last"),
        bid=row.price("highest_bid"),
        ask=row.price("lowest_ask"),
        high=row.price("high_24h"),
        low=row.price("low_24h"),
        change_pct=row.number("change_percentage"),
        base_volume=row.number(base_volume),
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
        return Unavailable(ID, said, f"answered HTTP {status}")
    return BadResponse(ID, said)
