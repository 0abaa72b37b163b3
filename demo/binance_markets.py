"""Binance's public market data: spot, USD-M (one symbol in USDT, one in USDC) and COIN-M (contracts of dollars)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from demo.coins import COIN_MARGINED, ONLY_IN_USDC, SHOWN, Coin, contract_of, decimals_of, dollar_contract
from demo.market import Candle, Day, Market
from demo.spelling import compact, earliest, in_pieces, latest, number, plain
from demo.web import Asked, Reply, in_json

QUOTES = {  # of spot, and their part of the trading
    "USDT": 1.0, "USDC": 0.12, "FDUSD": 0.2, "TRY": 0.03, "EUR": 0.02, "BTC": 0.03, "ETH": 0.01, "BNB": 0.01,
}  # fmt: skip
RANK = ("BTC", "ETH", "BNB")  # a coin is priced in those before it only
LEVERAGED = {  # three times the move of a coin, or three times against it
    "BTCUP": ("BTC", 3), "BTCDOWN": ("BTC", -3), "ETHUP": ("ETH", 3), "ETHDOWN": ("ETH", -3), "XRPUP": ("XRP", 3),
    "XRPDOWN": ("XRP", -3), "ETHBULL": ("ETH", 3), "ETHBEAR": ("ETH", -3), "BNBBULL": ("BNB", 3),
    "BNBBEAR": ("BNB", -3),
}  # fmt: skip
N_SPOT = 3300  # rows of the list, about a third of them halted
HALTED_IN = ("BUSD", "TUSD", "BRL", "AUD", "PAX", "RUB")
MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720,
    "1d": 1440, "3d": 4320,
}  # fmt: skip
PERIODS = {word: MINUTES[word] for word in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")}
MINI = (
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
)
NOTHING = dict.fromkeys(
    (
        *("priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty"),
        *("bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume"),
    ),
    "0.00000000",
)


class Pair(NamedTuple):
    """A market. kind: "spot" or "perp"; quote: of spot, or the margin of a perpetual."""

    symbol: str
    coin: Coin
    kind: str
    quote: str
    multiplier: int = 1


def error(code: int, msg: str) -> Reply:
    return in_json({"code": code, "msg": msg}, 400)


def found_symbol(asked: Asked) -> str | Reply:
    symbol = asked.query.get("symbol", "")
    if not symbol:
        return error(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    if not re.fullmatch(r"[A-Z0-9\-_.]{1,20}", symbol):
        return error(-1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.")
    return symbol


def _is_priced_in(coin: Coin, quote: str, market: Market) -> bool:
    if coin.base in ONLY_IN_USDC or coin.base == "USDC":
        return quote == ("USDT" if coin.base == "USDC" else "USDC")
    if quote in RANK:
        before = RANK[: RANK.index(coin.base)] if coin.base in RANK else RANK
        return quote in before and coin.price / market.coins[quote].price > 1e-6
    return True


def spot_pair(market: Market, symbol: str) -> Pair | None:
    for quote in QUOTES:
        coin = market.lists("binance", symbol.removesuffix(quote), "spot") if symbol.endswith(quote) else None
        if coin is not None and _is_priced_in(coin, quote, market):
            return Pair(symbol, coin, "spot", quote)
    if symbol.endswith("USDT") and symbol[:-4] in LEVERAGED:
        return Pair(symbol, market.coins[LEVERAGED[symbol[:-4]][0]], "leveraged", "USDT", LEVERAGED[symbol[:-4]][1])
    return None


def perp_pair(market: Market, symbol: str) -> Pair | None:
    coin, quote = market.contract("binance", symbol[:-4]), symbol[-4:]
    if coin is None or quote not in market.margins("binance", coin.base):
        return None
    return Pair(symbol, coin, "perp", quote, contract_of("binance", coin)[1])


def perp_name(coin: Coin) -> str:
    return contract_of("binance", coin)[0]


def spot_pairs(market: Market, coins: list[Coin]) -> Iterator[Pair]:
    for coin in coins:
        for quote in QUOTES:
            if _is_priced_in(coin, quote, market):
                yield Pair(f"{coin.base}{quote}", coin, "spot", quote)


def perp_pairs(market: Market, coins: list[Coin]) -> Iterator[Pair]:
    for coin in coins:
        for margin in ("USDT", "USDC"):
            if margin in market.margins("binance", coin.base):
                yield Pair(f"{perp_name(coin)}{margin}", coin, "perp", margin, contract_of("binance", coin)[1])


def pair_day(market: Market, pair: Pair) -> Day:
    if pair.kind == "leveraged":
        day = market.day("binance", pair.coin.base, "spot")
        moved = [10 * (1 + pair.multiplier * (price / day.open - 1)) for price in (day.last, day.high, day.low)]
        last, high, low = moved[0], max(moved), min(moved)
        return Day(last, 10, high, low, 6e6, 6e7, last - 0.001, last + 0.001)
    if pair.kind == "perp":
        return market.day("binance", pair.coin.base, "perp", pair.multiplier, pair.quote)
    day = market.day("binance", pair.coin.base, "spot")
    part, now = QUOTES[pair.quote], market.dollars_of(pair.quote)
    if now == 1.0:
        return day._replace(volume=day.volume * part, turnover=day.turnover * part)
    before = market.dollars_of(pair.quote, market.clock() - 86_400)
    last, begin = day.last / now, day.open / before
    return Day(
        *(last, begin, max(last, begin, day.high / now), min(last, begin, day.low / now)),
        *(day.volume * part, day.turnover * part / now, day.bid / now, day.ask / now),
    )


def ticker(market: Market, pair: Pair) -> dict[str, object]:
    day, now = pair_day(market, pair), int(market.clock() * 1000)
    decimals = max(8, decimals_of(pair.coin.tick / market.dollars_of(pair.quote)))
    row: dict[str, object] = {
        "symbol": pair.symbol,
        "priceChange": plain(day.last - day.open, decimals),
        "priceChangePercent": plain((day.last - day.open) / day.open * 100, 3),
        "weightedAvgPrice": plain(day.turnover / day.volume if day.volume else day.last, decimals),
    }
    if pair.kind != "perp":
        row["prevClosePrice"] = plain(day.open, decimals)
    row |= {"lastPrice": plain(day.last, decimals), "lastQty": "0.00731000"}
    if pair.kind != "perp":
        row |= {"bidPrice": plain(day.bid, decimals), "bidQty": "7.15931000"}
        row |= {"askPrice": plain(day.ask, decimals), "askQty": "0.09592000"}
    n_trades = int(day.turnover * market.dollars_of(pair.quote) / 900)
    return row | {
        "openPrice": plain(day.open, decimals),
        "highPrice": plain(day.high, decimals),
        "lowPrice": plain(day.low, decimals),
        "volume": plain(day.volume),
        "quoteVolume": plain(day.turnover),
        "openTime": now - 86_400_000,
        "closeTime": now,
        "firstId": 5117964946 - n_trades,
        "lastId": 5117964946,
        "count": n_trades,
    }


def halted(fillers: Sequence[Coin], n: int) -> list[dict[str, object]]:
    """Pairs that are traded no more: nothing but zeros, and a day that was over years ago."""
    rest = {"openTime": 1700550060000, "closeTime": 1700636460000, "firstId": -1, "lastId": -1, "count": 0}
    symbols = [f"{coin.base}{quote}" for quote in HALTED_IN for coin in fillers]
    return [{"symbol": symbol, **NOTHING, **rest} for symbol in symbols[:n]]


def span(asked: Asked, market: Market, minutes: int, most: int, usual: int = 500) -> tuple[int, int]:
    """The numbers of the first and last candle (or period) that a request means."""
    limit, now = max(1, min(number(asked.query.get("limit"), usual), most)), int(market.clock() * 1000)
    end = min(number(asked.query.get("endTime"), now), now)
    if "startTime" in asked.query:
        return earliest(minutes, limit, number(asked.query["startTime"], 0), end)
    return latest(minutes, limit, None, end)


def klines(candles: list[Candle], minutes: int, decimals: int) -> list[str]:
    figures, step = f'"{{:.{decimals}f}}",' * 4, minutes * 60_000 - 1
    spell = f'[{{}},{figures}"{{:.8f}}",{{}},"{{:.8f}}",{{}},"{{:.8f}}","{{:.8f}}","0"]'.format
    return [
        spell(begin, *prices, volume, begin + step, turnover, n_trades, buy_volume, buy_turnover)
        for begin, *prices, volume, turnover, buy_volume, buy_turnover, n_trades, _ in candles
    ]


class Markets:
    """One host's share of the public data each: `spot`, `usdm` and `coinm` give None for a path of somebody else."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def spot(self, asked: Asked) -> Reply | None:
        if asked.path == "/api/v3/klines":
            return self._klines(asked, spot_pair, 1000)
        if asked.path != "/api/v3/ticker/24hr":
            return None
        mini = asked.query.get("type") == "MINI"
        if "symbols" in asked.query:
            return self._some_spot(asked.query["symbols"], mini)
        if "symbol" not in asked.query:
            return self._all_spot(mini)
        pair = self._pair(asked, spot_pair)
        if isinstance(pair, Reply):
            return pair
        row = ticker(self._market, pair)
        return in_json({key: row[key] for key in MINI} if mini else row)

    def _some_spot(self, symbols: str, mini: bool) -> Reply:
        """symbols is a JSON array without spaces."""
        if not re.fullmatch(r'\["[A-Z0-9]{1,20}"(,"[A-Z0-9]{1,20}")*\]', symbols):
            return error(-1100, "Illegal characters found in parameter 'symbols'.")
        pairs = [spot_pair(self._market, symbol) for symbol in json.loads(symbols)]
        rows = [ticker(self._market, pair) for pair in pairs if pair is not None]
        if len(rows) < len(pairs):
            return error(-1121, "Invalid symbol.")
        return in_json([{key: row[key] for key in MINI} if mini else row for row in rows])

    def _all_spot(self, mini: bool) -> Reply:
        """The known coins in USDT as they are now, all others as they were at most a minute ago."""

        def spelt(rows: list[dict[str, object]]) -> list[str]:
            return [compact({key: row[key] for key in MINI} if mini else row) for row in rows]

        def others() -> list[str]:
            pairs = spot_pairs(self._market, self._market.listed("binance", "spot"))
            rows = [ticker(self._market, pair) for pair in pairs if not self._is_fresh(pair)]
            rows += [
                ticker(self._market, pair)
                for pair in (spot_pair(self._market, f"{name}USDT") for name in LEVERAGED)
                if pair is not None
            ]
            return spelt([*rows, *halted(self._market.fillers, N_SPOT - len(rows) - n_fresh)])

        shown = [coin for coin in self._market.listed("binance", "spot") if coin.base in SHOWN]
        fresh = [pair for pair in spot_pairs(self._market, shown) if self._is_fresh(pair)]
        n_fresh = len(fresh)
        rows = spelt([ticker(self._market, pair) for pair in fresh])
        return in_pieces("[", [*rows, *self._market.kept(f"binance spot {mini}", others)], "]")

    def _is_fresh(self, pair: Pair) -> bool:
        return pair.coin.base in SHOWN and pair.quote == "USDT"

    def _pair(self, asked: Asked, find: Callable[[Market, str], Pair | None]) -> Pair | Reply:
        symbol = found_symbol(asked)
        if isinstance(symbol, Reply):
            return symbol
        return find(self._market, symbol) or error(-1121, "Invalid symbol.")

    def _klines(self, asked: Asked, find: Callable[[Market, str], Pair | None], most: int) -> Reply:
        pair, minutes = self._pair(asked, find), MINUTES.get(asked.query.get("interval", ""))
        if isinstance(pair, Reply):
            return pair
        if minutes is None:
            return error(-1120, "Invalid interval.")
        numbers = span(asked, self._market, minutes, most)
        margin = pair.quote if pair.kind == "perp" else "USDT"
        kind = "perp" if pair.kind == "perp" else "spot"
        multiplier = pair.multiplier if pair.kind == "perp" else 1
        decimals = max(8, decimals_of(pair.coin.tick / self._market.dollars_of(pair.quote)))

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("binance", pair.coin.base, kind, minutes, first, last, multiplier, margin)
            if kind == "spot" and pair.quote != "USDT":
                candles = [self._in_quote(candle, minutes, pair.quote) for candle in candles]
            return klines(candles, minutes, decimals)

        name = f"{asked.path} {pair.symbol} {minutes} {decimals}"
        return in_pieces("[", self._market.history(name, pair.coin, minutes, *numbers, spell), "]")

    def _in_quote(self, candle: Candle, minutes: int, quote: str) -> Candle:
        """A candle of dollars in another currency: its ends exactly, its highest and lowest nearly."""
        begin = self._market.dollars_of(quote, candle.open_ms / 1000)
        end = self._market.dollars_of(quote, min(candle.open_ms / 1000 + minutes * 60, self._market.clock()))
        first, last, mean, part = candle.open / begin, candle.close / end, (begin + end) / 2, QUOTES[quote]
        return candle._replace(
            open=first,
            close=last,
            high=max(first, last, candle.high / mean),
            low=min(first, last, candle.low / mean),
            volume=candle.volume * part,
            turnover=candle.turnover * part / mean,
            buy_volume=candle.buy_volume * part,
            buy_turnover=candle.buy_turnover * part / mean,
            n_trades=int(candle.n_trades * part) + 1,
        )

    # USD-M.

    def usdm(self, asked: Asked) -> Reply | None:
        if asked.path == "/fapi/v1/klines":
            return self._klines(asked, perp_pair, 1500)
        history = {
            "/futures/data/openInterestHist": self._interest_row,
            "/futures/data/globalLongShortAccountRatio": self._ratio_row,
            "/futures/data/topLongShortAccountRatio": self._ratio_row,
            "/futures/data/topLongShortPositionRatio": self._ratio_row,
            "/futures/data/takerlongshortRatio": self._taker_row,
        }.get(asked.path)
        if history is not None:
            pair = self._pair(asked, perp_pair)
            return pair if isinstance(pair, Reply) else self._history(asked, pair, history)
        answer = {
            "/fapi/v1/ticker/24hr": lambda pair: ticker(self._market, pair),
            "/fapi/v1/openInterest": self._open_interest,
            "/fapi/v1/premiumIndex": self._premium_index,
        }.get(asked.path)
        if answer is None:
            return None
        if "symbol" not in asked.query and asked.path != "/fapi/v1/openInterest":
            return self._all_usdm(asked.path, answer)
        pair = self._pair(asked, perp_pair)
        return pair if isinstance(pair, Reply) else in_json(answer(pair))

    def _all_usdm(self, path: str, answer: Callable[[Pair], dict[str, object]]) -> Reply:
        listed = self._market.listed("binance", "perp")
        others = [coin for coin in listed if coin.base not in SHOWN]
        shown = perp_pairs(self._market, [coin for coin in listed if coin.base in SHOWN])
        rows = [compact(answer(pair)) for pair in shown]
        kept = self._market.kept(path, lambda: [compact(answer(pair)) for pair in perp_pairs(self._market, others)])
        return in_pieces("[", [*rows, *kept], "]")

    def _open_interest(self, pair: Pair) -> dict[str, object]:
        coins = self._market.interest_of("binance", pair.coin.base, pair.quote)
        return {"openInterest": plain(coins / pair.multiplier, 3), "symbol": pair.symbol, "time": self._now_ms()}

    def _premium_index(self, pair: Pair) -> dict[str, object]:
        rate, _, due = self._market.funding(pair.coin.base)
        mark = self._market.mark("binance", pair.coin.base) * pair.multiplier
        index = self._market.index("binance", pair.coin.base) * pair.multiplier
        decimals = max(8, decimals_of(pair.coin.tick))
        return {
            "symbol": pair.symbol,
            "markPrice": plain(mark, decimals),
            "indexPrice": plain(index, decimals),
            "estimatedSettlePrice": plain(index * 0.9999, decimals),
            "lastFundingRate": plain(rate),
            "nextFundingTime": due,
            "interestRate": "0.00010000",
            "time": self._now_ms(),
        }

    def _history(self, asked: Asked, pair: Pair, row: Callable[[str, Pair, int, int], dict[str, object]]) -> Reply:
        """Rows at whole periods, oldest first."""
        minutes = PERIODS.get(asked.query.get("period", ""))
        if minutes is None:
            return error(-1130, "Data sent for parameter 'period' is not valid.")

        def spell(first: int, last: int) -> list[str]:
            times = range(first * minutes * 60_000, (last + 1) * minutes * 60_000, minutes * 60_000)
            return [compact(row(asked.path, pair, at, minutes)) for at in times]

        name, numbers = f"{asked.path} {pair.symbol} {minutes}", span(asked, self._market, minutes, 500, 30)
        return in_pieces("[", self._market.history(name, pair.coin, minutes, *numbers, spell), "]")

    def _interest_row(self, path: str, pair: Pair, at_ms: int, minutes: int) -> dict[str, object]:
        coins = self._market.interest_of("binance", pair.coin.base, pair.quote, at_ms / 1000)
        return {
            "symbol": pair.symbol,
            "sumOpenInterest": plain(coins / pair.multiplier),
            "sumOpenInterestValue": plain(coins * self._market.mark("binance", pair.coin.base, at_ms / 1000)),
            "CMCCirculatingSupply": "0.00000000",
            "timestamp": at_ms,
        }

    def _ratio_row(self, path: str, pair: Pair, at_ms: int, minutes: int) -> dict[str, object]:
        return {"symbol": pair.symbol, **ratio(self._market, path, pair.coin.base, at_ms), "timestamp": at_ms}

    def _taker_row(self, path: str, pair: Pair, at_ms: int, minutes: int) -> dict[str, object]:
        slot = at_ms // (minutes * 60_000)
        (candle,) = self._market.candles("binance", pair.coin.base, "perp", minutes, slot, slot, pair.multiplier)
        sold = candle.volume - candle.buy_volume
        return {
            "buySellRatio": plain(candle.buy_volume / sold if sold else 1.0, 4),
            "buyVol": plain(candle.buy_volume, 4),
            "sellVol": plain(sold, 4),
            "timestamp": at_ms,
        }


def ratio(market: Market, path: str, base: str, at_ms: int) -> dict[str, object]:
    of = "top positions" if "Position" in path else "top accounts" if "top" in path else "accounts"
    share = round(market.long_share("binance", base, of, at_ms / 1000), 4)
    return {
        "longAccount": plain(share, 4),
        "longShortRatio": plain(share / (1 - share), 4),
        "shortAccount": plain(1 - share, 4),
    }


class CoinMarkets:
    """COIN-M: amounts are contracts of 100 or 10 dollars, money is in coins, and lists are arrays even of one row."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def bases(self) -> list[str]:
        return [base for base in COIN_MARGINED if "coin" in self._market.margins("binance", base)]

    def symbols(self) -> dict[str, str]:
        """The base of each symbol: the perpetuals, and one contract with an end."""
        dated = f"BTCUSD_{self._market.quarter():%y%m%d}"
        return {**{f"{base}USD_PERP": base for base in self.bases()}, dated: "BTC"}

    def handle(self, asked: Asked) -> Reply | None:
        answer = {
            "/dapi/v1/exchangeInfo": self._exchange_info,
            "/dapi/v1/ticker/24hr": lambda asked: self._rows(asked, self._ticker),
            "/dapi/v1/premiumIndex": lambda asked: self._rows(asked, self._premium_index),
            "/dapi/v1/ticker/bookTicker": lambda asked: self._rows(asked, self._book),
            "/dapi/v1/openInterest": self._open_interest,
            "/dapi/v1/fundingRate": self._fundings,
            "/dapi/v1/fundingInfo": lambda asked: in_json([]),  # every contract has the usual 8 hours
            "/futures/data/takerBuySellVol": self._taker_volume,
            "/dapi/v1/klines": self._klines,
            "/futures/data/openInterestHist": self._history,
            "/futures/data/globalLongShortAccountRatio": self._history,
            "/futures/data/topLongShortAccountRatio": self._history,
            "/futures/data/topLongShortPositionRatio": self._history,
        }.get(asked.path)
        return None if answer is None else answer(asked)

    def _exchange_info(self, asked: Asked) -> Reply:
        end_ms = int(self._market.quarter().timestamp() * 1000)
        limits = [
            {"interval": "MINUTE", "intervalNum": 1, "limit": 2400, "rateLimitType": "REQUEST_WEIGHT"},
            {"interval": "MINUTE", "intervalNum": 1, "limit": 1200, "rateLimitType": "ORDERS"},
        ]
        rows = [exchange_info_row(name, base, end_ms) for name, base in self.symbols().items()]
        head = {"exchangeFilters": [], "rateLimits": limits, "serverTime": self._now_ms()}
        return in_json({**head, "symbols": rows, "timezone": "UTC"})

    def _rows(self, asked: Asked, row: Callable[[str, str], dict[str, object]]) -> Reply:
        wanted, symbols = asked.query.get("symbol"), self.symbols()
        if wanted is None and "pair" in asked.query:
            symbols = {name: base for name, base in symbols.items() if name.startswith(f"{asked.query['pair']}_")}
        elif wanted is not None:
            symbols = {wanted: symbols[wanted]} if wanted in symbols else {}
        if not symbols:
            return error(-1121, "Invalid symbol.")
        return in_json([row(name, base) for name, base in symbols.items()])

    def _ticker(self, symbol: str, base: str) -> dict[str, object]:
        day, now = self._market.day("binance", base, "perp", margin="coin"), self._now_ms()
        part = 1.0 if symbol.endswith("PERP") else 0.1
        contracts = round(day.turnover * part / dollar_contract("binance", base))
        return {
            "symbol": symbol,
            "pair": f"{base}USD",
            "priceChange": plain(day.last - day.open),
            "priceChangePercent": plain((day.last / day.open - 1) * 100, 3),
            "weightedAvgPrice": plain(day.turnover / day.volume),
            "lastPrice": plain(day.last),
            "lastQty": "1",
            "openPrice": plain(day.open),
            "highPrice": plain(day.high),
            "lowPrice": plain(day.low),
            "volume": str(contracts),
            "baseVolume": plain(day.volume * part),
            "openTime": now - 86_400_000,
            "closeTime": now,
            "firstId": 152560106,
            "lastId": 153843955,
            "count": 1283779,
        }

    def _premium_index(self, symbol: str, base: str) -> dict[str, object]:
        rate, _, due = self._market.funding(base)
        mark, is_perp = self._market.mark("binance", base), symbol.endswith("PERP")
        index = self._market.index("binance", base)
        return {
            "symbol": symbol,
            "pair": f"{base}USD",
            "markPrice": plain(mark if is_perp else mark * 1.008),
            "indexPrice": plain(index),
            "estimatedSettlePrice": plain(index * 0.9999),
            "lastFundingRate": plain(rate) if is_perp else "",
            "interestRate": "0.00010000" if is_perp else "",
            "nextFundingTime": due if is_perp else 0,
            "time": self._now_ms(),
        }

    def _book(self, symbol: str, base: str) -> dict[str, object]:
        day = self._market.day("binance", base, "perp", margin="coin")
        prices = {"bidPrice": plain(day.bid), "bidQty": "4", "askPrice": plain(day.ask), "askQty": "9"}
        return {"lastUpdateId": 1027024, "symbol": symbol, "pair": f"{base}USD", **prices, "time": self._now_ms()}

    def _fundings(self, asked: Asked) -> Reply:
        """What was paid, oldest first."""
        symbol = found_symbol(asked)
        if isinstance(symbol, Reply):
            return symbol
        base = self.symbols().get(symbol)
        if base is None or not symbol.endswith("PERP"):
            return error(-1121, "Invalid symbol.")
        limit = max(1, min(number(asked.query.get("limit"), 100), 1000))
        begin, end = number(asked.query.get("startTime"), 0), number(asked.query.get("endTime"), self._now_ms())
        paid = self._market.fundings("binance", base, begin, end, limit if not begin else 1 << 20)
        return in_json([{"symbol": symbol, "fundingTime": at, "fundingRate": plain(rate)} for at, rate in paid[:limit]])

    def _taker_volume(self, asked: Asked) -> Reply:
        """Contracts, and their value in coins, oldest first."""
        pair, minutes = asked.query.get("pair", ""), PERIODS.get(asked.query.get("period", ""))
        kind, base = asked.query.get("contractType", ""), pair.removesuffix("USD")
        if base not in self.bases() or minutes is None:
            return error(-1121, "Invalid symbol.") if minutes else error(-1130, "Data sent for 'period' is not valid.")
        dollars, part = dollar_contract("binance", base), 1.0 if kind in ("PERPETUAL", "ALL") else 0.1
        numbers = span(asked, self._market, minutes, 500, 30)
        rows = []
        for candle in self._market.candles("binance", base, "perp", minutes, *numbers, margin="coin"):
            sold, sold_for = candle.volume - candle.buy_volume, candle.turnover - candle.buy_turnover
            rows.append(
                {
                    "pair": pair,
                    "contractType": kind,
                    "takerBuyVol": str(round(candle.buy_turnover * part / dollars)),
                    "takerSellVol": str(round(sold_for * part / dollars)),
                    "takerBuyVolValue": plain(candle.buy_volume * part, 4),
                    "takerSellVolValue": plain(sold * part, 4),
                    "timestamp": candle.open_ms,
                }
            )
        return in_json(rows)

    def _contracts(self, base: str, kind: str, at_s: float | None = None) -> int:
        dated = self._market.interest_of("binance", base, "dated", at_s) * self._market.mark("binance", base, at_s)
        n_dated = round(dated / dollar_contract("binance", base)) if base == "BTC" else 0
        n_perp = self._market.contracts_of("binance", base, at_s)
        return {"PERPETUAL": n_perp, "CURRENT_QUARTER": n_dated, "ALL": n_perp + n_dated}.get(kind, 0)

    def _open_interest(self, asked: Asked) -> Reply:
        symbol = found_symbol(asked)
        if isinstance(symbol, Reply):
            return symbol
        base = self.symbols().get(symbol)
        if base is None:
            return error(-1121, "Invalid symbol.")
        kind = "PERPETUAL" if symbol.endswith("PERP") else "CURRENT_QUARTER"
        return in_json(
            {
                "symbol": symbol,
                "pair": f"{base}USD",
                "openInterest": str(self._contracts(base, kind)),
                "contractType": kind,
                "time": self._now_ms(),
            }
        )

    def _klines(self, asked: Asked) -> Reply:
        symbol, minutes = found_symbol(asked), MINUTES.get(asked.query.get("interval", ""))
        if isinstance(symbol, Reply):
            return symbol
        base = self.symbols().get(symbol)
        if base is None:
            return error(-1121, "Invalid symbol.")
        if minutes is None:
            return error(-1120, "Invalid interval.")
        numbers = span(asked, self._market, minutes, 1500)
        dollars = dollar_contract("binance", base)
        candles = self._market.candles("binance", base, "perp", minutes, *numbers, margin="coin")
        return in_json(
            [
                [
                    candle.open_ms,
                    *(plain(price) for price in candle[1:5]),
                    str(round(candle.turnover / dollars)),
                    candle.open_ms + minutes * 60_000 - 1,
                    plain(candle.volume),
                    candle.n_trades,
                    str(round(candle.buy_turnover / dollars)),
                    plain(candle.buy_volume),
                    "0",
                ]
                for candle in candles
            ]
        )

    def _history(self, asked: Asked) -> Reply:
        pair, minutes = asked.query.get("pair", ""), PERIODS.get(asked.query.get("period", ""))
        base = pair.removesuffix("USD")
        if base not in self.bases():
            return error(-1121, "Invalid symbol.")
        if minutes is None:
            return error(-1130, "Data sent for parameter 'period' is not valid.")
        first, last = span(asked, self._market, minutes, 500, 30)
        times = [slot * minutes * 60_000 for slot in range(first, last + 1)]
        if not asked.path.endswith("Hist"):
            return in_json([{"pair": pair, **self._ratio(asked.path, base, at), "timestamp": at} for at in times])
        kind, dollars = asked.query.get("contractType", ""), dollar_contract("binance", base)
        if kind not in ("ALL", "CURRENT_QUARTER", "NEXT_QUARTER", "PERPETUAL"):
            return error(-1102, "Mandatory parameter 'contractType' was not sent, was empty/null, or malformed.")
        rows = []
        for at in times:
            contracts = self._contracts(base, kind, at / 1000)
            coins = contracts * dollars / self._market.mark("binance", base, at / 1000)
            rows.append(
                {
                    "contractType": kind,
                    "sumOpenInterest": plain(contracts),
                    "sumOpenInterestValue": plain(coins),
                    "pair": pair,
                    "timestamp": at,
                }
            )
        return in_json(rows)

    def _ratio(self, path: str, base: str, at_ms: int) -> dict[str, object]:
        row = ratio(self._market, path, base, at_ms)
        if "Position" not in path:
            return row
        return {
            "longShortRatio": row["longShortRatio"],
            "longPosition": row["longAccount"],
            "shortPosition": row["shortAccount"],
        }


def exchange_info_row(symbol: str, base: str, end_ms: int) -> dict[str, object]:
    is_perp = symbol.endswith("PERP")
    return {
        "filters": [
            {"filterType": "PRICE_FILTER", "maxPrice": "1000000", "minPrice": "0.0001", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "maxQty": "100000", "minQty": "1", "stepSize": "1"},
            {"filterType": "MARKET_LOT_SIZE", "maxQty": "100000", "minQty": "1", "stepSize": "1"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": 4,
            },
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "TAKE_PROFIT", "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "liquidationFee": "0.010000",
        "marketTakeBound": "0.30",
        "symbol": symbol,
        "pair": f"{base}USD",
        "contractType": "PERPETUAL" if is_perp else "CURRENT_QUARTER",
        "deliveryDate": 4133404800000 if is_perp else end_ms,
        "onboardDate": 1597042800000,
        "contractStatus": "TRADING",
        "contractSize": dollar_contract("binance", base),
        "quoteAsset": "USD",
        "baseAsset": base,
        "marginAsset": base,
        "pricePrecision": 1,
        "quantityPrecision": 0,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "equalQtyPrecision": 4,
        "triggerProtect": "0.0500",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "underlyingType": "COIN",
        "underlyingSubType": [],
    }
