"""What exchanges' answers say, read off their JSON by other code than the product's, in decimals.

Nothing here imports the product. Each exchange has a few lines for each thing that an answer of ours is made of; prices
are per coin, amounts in coins. A figure that an exchange does not tell is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

D = Decimal
STEP_MS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000}
KILO = {  # coins of one contract, by exchange and what it calls the contract
    "binance": {"1000PEPE": 1000},
    "bybit": {"1000PEPE": 1000},
    "deribit": {"1000PEPE": 1000},
    "hyperliquid": {"kPEPE": 1000},
}


class Said(NamedTuple):
    """One answer: who gave it, to what, and its JSON."""

    site: str
    path: str
    query: dict[str, str]
    sent: str
    body: Any

    @property
    def asked(self) -> str:
        return f"{self.path}?{'&'.join(f'{name}={value}' for name, value in self.query.items())} {self.sent}"


def said(site: str, path: str, query: dict[str, str], sent: bytes, body: bytes) -> Said:
    return Said(site, path, query, sent.decode(), json.loads(body, parse_float=D, parse_int=D))


class Wire(list[Said]):
    """All answers to one question."""

    def all(self, *parts: str) -> list[Any]:
        """The bodies of the answers whose question has all these parts in it."""
        return [each.body for each in self if all(part in f"{each.site} {each.asked} " for part in parts)]

    def one(self, *parts: str) -> Any:
        found = self.all(*parts)
        assert found, f"nobody was asked {parts}: {[each.asked for each in self]}"
        return found[-1]


class Day(NamedTuple):
    last: Decimal
    high: Decimal | None
    low: Decimal | None
    change: Decimal | None
    coins: Decimal | None
    dollars: Decimal | None
    bid: Decimal | None = None
    ask: Decimal | None = None


class Perp(NamedTuple):
    day: Day
    interest: Decimal  # coins
    worth: Decimal
    rate: Decimal
    hours: Decimal  # of a funding period; 0 where it is not told


class Bar(NamedTuple):
    at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    coins: Decimal
    dollars: Decimal | None = None
    bought: Decimal | None = None


def _figures(row: Any, names: str, n: int = 1) -> Day:
    """Of "last high low change coins dollars bid ask"; a name with a star is a fraction, "-" is not told."""
    told: list[Decimal | None] = []
    for name in names.split():
        figure = None if name == "-" or row[name.rstrip("*")] is None else D(row[name.rstrip("*")])
        told.append(figure * 100 if figure is not None and name.endswith("*") else figure)
    last, high, low, change, coins, dollars, bid, ask = told
    prices = [None if each is None else each / n for each in (last, high, low, bid, ask)]
    assert prices[0] is not None
    return Day(prices[0], prices[1], prices[2], change, coins and coins * n, dollars, prices[3], prices[4])


def many(exchange: str, base: str) -> tuple[str, int]:
    """What an exchange calls the perpetual on a coin, and of how many coins it is."""
    for name, n in KILO.get(exchange, {}).items():
        if name.removeprefix("1000").removeprefix("k") == base:
            return name, n
    return base, 1


# The last 24 hours.


def spot(exchange: str, wire: Wire, base: str) -> Day:
    if exchange == "binance":
        row = wire.one("/api/v3/ticker/24hr", f"symbol={base}USDT ")
        names = "lastPrice highPrice lowPrice priceChangePercent volume quoteVolume bidPrice askPrice"
    elif exchange == "bybit":
        (row,) = wire.one("/v5/market/tickers", "category=spot", f"symbol={base}USDT ")["result"]["list"]
        names = "lastPrice highPrice24h lowPrice24h price24hPcnt* volume24h turnover24h bid1Price ask1Price"
    elif exchange == "okx":
        (row,) = wire.one("/market/ticker?", f"instId={base}-USDT ")["data"]
        row = row | {"change": D(row["last"]) / D(row["open24h"]) - 1}
        names = "last high24h low24h change* vol24h volCcy24h bidPx askPx"
    elif exchange == "gate":
        (row,) = wire.one("/spot/tickers", f"currency_pair={base}_USDT ")
        names = "last high_24h low_24h change_percentage base_volume quote_volume highest_bid lowest_ask"
    elif exchange == "bitget":
        (row,) = wire.one("/spot/market/tickers", f"symbol={base}USDT ")["data"]
        names = "lastPr high24h low24h change24h* baseVolume quoteVolume bidPr askPr"
    elif exchange == "kraken":
        (row,) = wire.one("/0/public/Ticker")["result"].values()
        row = {"last": row["c"][0], "high": row["h"][1], "low": row["l"][1], "coins": row["v"][1]} | {
            "dollars": D(row["v"][1]) * D(row["p"][1]),
            "bid": row["b"][0],
            "ask": row["a"][0],
        }
        names = "last high low - coins dollars bid ask"
    else:
        row = wire.one(f"/products/{base}-USD/stats")
        row = row | {"change": D(row["last"]) / D(row["open"]) - 1}
        names = "last high low change* volume - - -"
    return _figures(row, names)


def perp(exchange: str, wire: Wire, base: str) -> Perp:
    name, n = many(exchange, base)
    return globals()[f"_{exchange}_perp"](wire, name, n)  # type: ignore[no-any-return]


def _binance_perp(wire: Wire, name: str, n: int) -> Perp:
    symbol = f"symbol={name}USDT "
    row = wire.one("/fapi/v1/ticker/24hr", symbol)
    mark = wire.one("/fapi/v1/premiumIndex", symbol)
    contracts = D(wire.one("/fapi/v1/openInterest", symbol)["openInterest"])
    changed = {each["symbol"]: each["fundingIntervalHours"] for each in wire.one("/fapi/v1/fundingInfo")}
    day = _figures(row, "lastPrice highPrice lowPrice priceChangePercent volume quoteVolume - -", n)
    hours = D(changed.get(f"{name}USDT", 8))
    return Perp(day, contracts * n, contracts * D(mark["markPrice"]), D(mark["lastFundingRate"]), hours)


def _bybit_perp(wire: Wire, name: str, n: int) -> Perp:
    (row,) = wire.one("/v5/market/tickers", "category=linear", f"symbol={name}USDT ")["result"]["list"]
    names = "lastPrice highPrice24h lowPrice24h price24hPcnt* volume24h turnover24h bid1Price ask1Price"
    both_sides, worth = D(row["openInterest"]), D(row["openInterestValue"])
    return Perp(
        _figures(row, names, n),
        both_sides / 2 * n,
        worth / 2,
        D(row["fundingRate"]),
        D(row.get("fundingIntervalHour") or 0),
    )


def _okx_perp(wire: Wire, name: str, n: int) -> Perp:
    of = f"instId={name}-USDT-SWAP "
    (row,), (interest,) = wire.one("/market/ticker?", of)["data"], wire.one("/public/open-interest", of)["data"]
    (funding,) = wire.one("/public/funding-rate", of)["data"]
    row = row | {"change": D(row["last"]) / D(row["open24h"]) - 1, "dollars": D(row["volCcy24h"]) * D(row["last"])}
    day = _figures(row, "last high24h low24h change* volCcy24h dollars bidPx askPx")
    hours = (D(funding["nextFundingTime"]) - D(funding["fundingTime"])) / 3_600_000
    return Perp(day, D(interest["oiCcy"]), D(interest["oiUsd"]), D(funding["fundingRate"]), hours)


def _gate_perp(wire: Wire, name: str, n: int) -> Perp:
    (row,) = wire.one("/futures/usdt/tickers", f"contract={name}_USDT ")
    of = wire.one(f"/futures/usdt/contracts/{name}_USDT")
    names = "last high_24h low_24h change_percentage volume_24h_base volume_24h_quote highest_bid lowest_ask"
    coins = D(of["position_size"]) * D(of["quanto_multiplier"])
    worth, hours = coins * D(of["mark_price"]), D(of["funding_interval"]) / 3600
    return Perp(_figures(row, names), coins, worth, D(of["funding_rate"]), hours)


def _bitget_perp(wire: Wire, name: str, n: int) -> Perp:
    (row,) = wire.one("/mix/market/ticker?", f"symbol={name}USDT")["data"]
    (funding,) = wire.one("/mix/market/current-fund-rate", f"symbol={name}USDT")["data"]
    day = _figures(row, "lastPr high24h low24h change24h* baseVolume quoteVolume bidPr askPr")
    coins, rate = D(row["holdingAmount"]), D(funding["fundingRate"])
    return Perp(day, coins, coins * D(row["markPrice"]), rate, D(funding["fundingRateInterval"]))


def _hyperliquid_perp(wire: Wire, name: str, n: int) -> Perp:
    meta, contexts = wire.one("metaAndAssetCtxs")
    row = contexts[[each["name"] for each in meta["universe"]].index(name)]
    row = {"dayBaseVlm": None} | row | {"change": D(row["markPx"]) / D(row["prevDayPx"]) - 1}
    contracts = D(row["openInterest"])
    day = _figures(row, "midPx - - change* dayBaseVlm dayNtlVlm - -", n)
    return Perp(day, contracts * n, contracts * D(row["markPx"]), D(row["funding"]), D(1))


def _deribit_perp(wire: Wire, name: str, n: int) -> Perp:
    row = wire.one("/public/ticker", f"instrument_name={name}_USDC-PERPETUAL")["result"]
    row = row | row["stats"]
    names = "last_price high low price_change volume volume_usd best_bid_price best_ask_price"
    amount = D(row["open_interest"])
    return Perp(_figures(row, names, n), amount * n, amount * D(row["mark_price"]), D(row["funding_8h"]), D(8))


def _kraken_perp(wire: Wire, name: str, n: int) -> Perp:
    native = f"PF_{'XBT' if name == 'BTC' else name}USD"
    (row,) = (each for each in wire.one("/derivatives/api/v3/tickers")["tickers"] if each["symbol"] == native)
    names = "last high24h low24h change24h vol24h volumeQuote bid ask"
    coins, mark = D(row["openInterest"]), D(row["markPrice"])
    return Perp(_figures(row, names), coins, coins * mark, D(row["fundingRate"]) / mark, D(1))


# Lists of all markets: last price per coin, change and dollars, by coin.

Listed = dict[str, tuple[Decimal, Decimal, Decimal]]


def listed(exchange: str, wire: Wire, kind: str) -> Listed:
    """Of the markets in the exchange's own dollar; of several contracts on one coin, that with the most dollars."""
    found: Listed = {}
    for name, price, change, dollars in globals()[f"_{exchange}_list"](wire, kind):
        coin, n = of_many(name)
        if price and dollars and (coin not in found or found[coin][2] < dollars):
            found[coin] = (price / n, change, dollars)
    return found


def of_many(name: str) -> tuple[str, int]:
    """("PEPE", 1000) for 1000PEPE; 1000CAT is told as it is listed, beside a stock of the plain name."""
    if name == "1000CAT":
        return name, 1
    if name == "MBABYDOGE":
        return "BABYDOGE", 10**6
    number = re.match(r"1M(?=BABY)|10{3,6}(?=[A-Z])|k(?=[A-Z])", name)
    if number is not None:
        n = {"1M": 10**6, "k": 1000}.get(number[0]) or int(number[0])
        return name[number.end() :], n
    return (name.removesuffix("1000"), 1000) if name.endswith("1000") else (name, 1)


Rows = Iterator[tuple[str, Decimal, Decimal, Decimal]]


def _ending(rows: Sequence[Any], names: str, ending: str) -> Rows:
    """names: of the symbol, the price, the change (with a star when it is a fraction) and the dollars."""
    symbol, price, change, dollars = names.split()
    for row in rows:
        if row[symbol].endswith(ending):
            percent = D(row[change.rstrip("*")]) * (100 if change.endswith("*") else 1)
            yield row[symbol].removesuffix(ending), D(row[price]), percent, D(row[dollars])


def _binance_list(wire: Wire, kind: str) -> Rows:
    if kind == "perp":
        return _ending(wire.one("/fapi/v1/ticker/24hr? "), "symbol lastPrice priceChangePercent quoteVolume", "USDT")
    return _of_short(wire.one("/api/v3/ticker/24hr?", "type=MINI "))


def _of_short(rows: Any) -> Rows:
    for row in rows:
        if row["symbol"].endswith("USDT") and D(row["openPrice"]):
            change = (D(row["lastPrice"]) / D(row["openPrice"]) - 1) * 100
            yield row["symbol"].removesuffix("USDT"), D(row["lastPrice"]), change, D(row["quoteVolume"])


def _bybit_list(wire: Wire, kind: str) -> Rows:
    rows = wire.one("/v5/market/tickers", f"category={'linear' if kind == 'perp' else 'spot'} ")["result"]["list"]
    return _ending(rows, "symbol lastPrice price24hPcnt* turnover24h", "USDT")


def _okx_list(wire: Wire, kind: str) -> Rows:
    """Of a swap volCcy24h counts coins, of a pair dollars."""
    for row in wire.one("/market/tickers?", f"instType={'SWAP' if kind == 'perp' else 'SPOT'} ")["data"]:
        ending = "-USDT-SWAP" if kind == "perp" else "-USDT"
        if row["instId"].endswith(ending) and row["last"] and D(row["open24h"] or 0):
            last, volume = D(row["last"]), D(row["volCcy24h"])
            change = (last / D(row["open24h"]) - 1) * 100
            yield row["instId"].removesuffix(ending), last, change, volume * (last if kind == "perp" else 1)


def _gate_list(wire: Wire, kind: str) -> Rows:
    if kind == "spot":
        return _ending(wire.one("/spot/tickers? "), "currency_pair last change_percentage quote_volume", "_USDT")
    rows = wire.one("/futures/usdt/tickers? ")
    return _ending(rows, "contract last change_percentage volume_24h_quote", "_USDT")


def _bitget_list(wire: Wire, kind: str) -> Rows:
    rows = wire.one("/spot/market/tickers? " if kind == "spot" else "/mix/market/tickers?")["data"]
    return _ending(rows, "symbol lastPr change24h* quoteVolume", "USDT")


def _hyperliquid_list(wire: Wire, kind: str) -> Rows:
    meta, contexts = wire.one("metaAndAssetCtxs")
    for of, row in zip(meta["universe"], contexts, strict=True):
        price = row["midPx"] or row["markPx"]
        if D(row["dayNtlVlm"]) and not of.get("isDelisted"):
            yield of["name"], D(price), (D(row["markPx"]) / D(row["prevDayPx"]) - 1) * 100, D(row["dayNtlVlm"])


def _kraken_list(wire: Wire, kind: str) -> Rows:
    for row in wire.one("/derivatives/api/v3/tickers")["tickers"]:
        if row["symbol"].startswith("PF_") and row.get("vol24h"):
            name = row["symbol"][3:-3]
            yield "BTC" if name == "XBT" else name, D(row["last"]), D(row["change24h"]), D(row["volumeQuote"])


# Candles, oldest first, the running one last.


def bars(exchange: str, wire: Wire, kind: str, interval: str, base: str = "BTC") -> list[Bar]:
    name, n = many(exchange, base) if kind == "perp" else (base, 1)
    found = list(globals()[f"_{exchange}_bars"](wire, kind, interval, name))
    told = [each._replace(coins=each.coins * n, bought=each.bought and each.bought * n) for each in found]
    for figure in ("open", "high", "low", "close"):
        told = [each._replace(**{figure: getattr(each, figure) / n}) for each in told]
    return sorted(told)


def _longest(bodies: Sequence[Any]) -> Any:
    """Of several answers about the same candles, the one that reaches back farthest."""
    return max(bodies, key=lambda body: len(json.dumps(body, default=str)))


def _rows(rows: Sequence[Any], order: Sequence[Any], ms: int = 1) -> Iterator[Bar]:
    """order: where time, open, high, low, close, coins, dollars and the takers' coins stand; None for nowhere."""
    for row in rows:
        at, *figures = (None if place is None else D(row[place]) for place in order)
        assert at is not None
        yield Bar(int(at) * ms, *figures)  # type: ignore[arg-type]


def _binance_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    path = "/api/v3/klines" if kind == "spot" else "/fapi/v1/klines"
    return _rows(_longest(wire.all(path, f"symbol={name}USDT", f"interval={interval}")), (0, 1, 2, 3, 4, 5, 7, 9))


def _bybit_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    category, minutes = "spot" if kind == "spot" else "linear", STEP_MS[interval] // 60_000
    told = wire.all("/v5/market/kline", f"category={category}", f"symbol={name}USDT", f"interval={minutes}&")
    return _rows(_longest(told)["result"]["list"], (0, 1, 2, 3, 4, 5, 6))


def _okx_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    of = f"instId={name}-USDT&" if kind == "spot" else f"instId={name}-USDT-SWAP&"
    pages = wire.all("candles?", of, f"bar={interval.replace('h', 'H')}&")
    rows = {row[0]: row for page in pages for row in page["data"]}
    return _rows(list(rows.values()), (0, 1, 2, 3, 4, 5 if kind == "spot" else 6, 7))


def _gate_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    if kind == "spot":
        rows = _longest(wire.all("/spot/candlesticks", f"currency_pair={name}_USDT", f"interval={interval}"))
        return _rows(rows, (0, 5, 3, 4, 2, 6, 1), 1000)
    of = D(wire.one(f"/futures/usdt/contracts/{name}_USDT")["quanto_multiplier"])
    rows = _longest(wire.all("/futures/usdt/candlesticks", f"contract={name}_USDT", f"interval={interval}"))
    rows = [row | {"v": D(row["v"]) * of} for row in rows]
    return _rows(rows, ("t", "o", "h", "l", "c", "v", "sum"), 1000)


def _bitget_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    word = {"spot": {"1m": "1min", "5m": "5min", "15m": "15min"}, "perp": {"1h": "1H", "4h": "4H"}}[kind]
    told = wire.all(
        f"{'spot' if kind == 'spot' else 'mix'}/market/",
        f"symbol={name}USDT",
        f"granularity={word.get(interval, interval)}&",
    )
    rows = {row[0]: row for page in told for row in page["data"]}
    return _rows(list(rows.values()), (0, 1, 2, 3, 4, 5, 6))


def _hyperliquid_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    told = wire.all("candleSnapshot", f'"coin":"{name}"', f'"interval":"{interval}"')
    return _rows(_longest(told), ("t", "o", "h", "l", "c", "v"))


def _deribit_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    minutes = STEP_MS[interval] // 60_000
    told = wire.all("get_tradingview_chart_data", f"{name}_USDC-PERPETUAL", f"resolution={minutes} ")
    of = _longest(told)["result"]
    columns = [of[each] for each in ("ticks", "open", "high", "low", "close", "volume", "cost")]
    return _rows(list(zip(*columns, strict=True)), range(7))


def _kraken_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    name = "XBT" if name == "BTC" else name
    if kind == "perp":
        rows = _longest(wire.all(f"/api/charts/v1/trade/PF_{name}USD/{interval}?"))["candles"]
        return _rows(rows, ("time", "open", "high", "low", "close", "volume"))
    minutes = STEP_MS[interval] // 60_000
    told = _longest(wire.all("/0/public/OHLC", f"pair={name}USD&", f"interval={minutes}&"))["result"]
    (rows,) = (value for key, value in told.items() if key != "last")
    return _rows(rows, (0, 1, 2, 3, 4, 6), 1000)


def _coinbase_bars(wire: Wire, kind: str, interval: str, name: str) -> Iterator[Bar]:
    pages = wire.all(f"/products/{name}-USD/candles", f"granularity={STEP_MS[interval] // 1000}&")
    rows = {row[0]: row for page in pages for row in page}
    return _rows(list(rows.values()), (0, 3, 2, 1, 4, 5), 1000)


# What was, and who does what.


def interest_before(exchange: str, wire: Wire, base: str, at_ms: int) -> Decimal:
    """Coins outstanding at a moment, on the straight line between the rows around it."""
    rows = sorted(_past_of(exchange, wire, *many(exchange, base)))
    (left, low), (right, high) = (
        next(row for row in reversed(rows) if row[0] <= at_ms),
        next(row for row in rows if row[0] >= at_ms),
    )
    return low if left == right else low + (high - low) * (at_ms - left) / (right - left)


def _past_of(exchange: str, wire: Wire, name: str, n: int) -> Iterator[tuple[int, Decimal]]:
    if exchange == "binance":
        for row in wire.one("openInterestHist", f"symbol={name}USDT&"):
            yield int(row["timestamp"]), D(row["sumOpenInterest"]) * n
    elif exchange == "bybit":
        for row in wire.one("/v5/market/open-interest", f"symbol={name}USDT&")["result"]["list"]:
            yield int(row["timestamp"]), D(row["openInterest"]) / 2 * n
    elif exchange == "okx":
        for at, _, coins, _ in wire.one("open-interest-history", f"instId={name}-USDT-SWAP")["data"]:
            yield int(at), D(coins)
    elif exchange == "gate":
        for row in wire.one("contract_stats", f"contract={name}_USDT"):
            yield int(row["time"]) * 1000, D(row["open_interest_usd"]) / 2 / D(row["mark_price"])
    else:
        told = wire.one(f"/PF_{'XBT' if name == 'BTC' else name}USD/open-interest")["result"]
        for at, levels in zip(told["timestamp"], told["data"], strict=True):
            yield int(at) * 1000, D(levels[0])


def shares(exchange: str, wire: Wire) -> dict[str, list[tuple[int, Decimal]]]:
    """The long share of accounts and so on, by time, oldest first."""
    found: dict[str, list[tuple[int, Decimal]]] = {}
    if exchange == "binance":
        paths = {"all accounts": "globalLong", "top accounts": "topLongShortAcc", "top positions": "topLongShortPos"}
        for what, path in paths.items():
            found[what] = [(int(row["timestamp"]), D(row["longAccount"])) for row in wire.one(path)]
    elif exchange == "bybit":
        rows = wire.one("account-ratio")["result"]["list"]
        found["all accounts"] = [(int(row["timestamp"]), D(row["buyRatio"])) for row in rows]
    elif exchange == "okx":
        rows = wire.one("long-short-account-ratio-contract")["data"]
        found["all accounts"] = [(int(at), D(ratio) / (1 + D(ratio))) for at, ratio in rows]
    elif exchange == "gate":
        words = {"all accounts": "lsr_account", "top accounts": "top_lsr_account", "top positions": "top_lsr_size"}
        for what, word in words.items():
            rows = [(int(row["time"]) * 1000, D(row[word])) for row in wire.one("contract_stats")]
            found[what] = [(at, ratio / (1 + ratio)) for at, ratio in rows]
    elif exchange == "bitget":
        rows = wire.one("account-long-short")["data"]
        found["all accounts"] = [(int(row["ts"]), D(row["longAccountRatio"])) for row in rows]
    else:
        told = wire.one("long-short-ratio")["result"]
        pairs = zip(told["timestamp"], told["data"], strict=True)
        found["all accounts"] = [(int(at) * 1000, D(ratio) / (1 + D(ratio))) for at, ratio in pairs]
    return {what: sorted(rows) for what, rows in found.items()}


# What the chat shows.

SUFFIX = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}
SMALL = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def shown(text: str) -> tuple[Decimal, Decimal]:
    """A figure as it is written, and half a unit of its last place: 0.0₅66 is 0.0000066, $4.8B is 4,800 million."""
    text = text.replace(",", "").replace("$", "").replace("%", "").replace("≈", "")
    if (tiny := re.fullmatch(r"([+-]?)0\.0([₀-₉]+)(\d+)", text)) is not None:
        sign, zeros, digits = tiny.groups()
        text = f"{sign}0.{'0' * int(zeros.translate(SMALL))}{digits}"
    power = SUFFIX.get(text[-1], 0)
    figure = D(text.rstrip("KMBT"))
    exponent = figure.as_tuple().exponent
    assert isinstance(exponent, int)
    return figure.scaleb(power), D(5).scaleb(exponent - 1 + power)


def is_shown(text: str, figure: Decimal | float) -> bool:
    """Whether a text shows a figure as exactly as it is written."""
    told, half = shown(text)
    return abs(told - D(figure)) <= half * D("1.0001")
