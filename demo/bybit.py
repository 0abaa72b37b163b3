"""Bybit v5 as it speaks on the wire: one path for all markets, errors with HTTP 200."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote

from demo.coins import ONLY_IN_USDC, SHOWN, Coin, contract_of, decimals_of
from demo.keys import bybit_refusal
from demo.market import Candle, Market
from demo.spelling import compact, earliest, in_pieces, latest, number, plain
from demo.web import CLOUDFRONT, Asked, Reply, in_json


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    if status == 418:
        return in_json({"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit.", "result": {}, "retExtInfo": {}}, 403)
    return in_json({"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}, "time": 0}, 429)


DAY_MS = 86_400_000
MINUTES = {
    "1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360, "720": 720, "D": 1440,
}  # fmt: skip
PERIODS = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
BORROWED_ETH = 0.06142  # is owed: worth less than nothing, while nothing is in the wallet
USDC_SPOT = 0.15  # of the trading in USDT


class Pair(NamedTuple):
    """A market. margin: of a perpetual, "dated" with an end; of spot its quote."""

    symbol: str
    coin: Coin
    margin: str
    multiplier: int = 1


def _coin(coin: str, wallet: float, held: float, usd: float) -> dict[str, object]:
    return {
        "coin": coin,
        "equity": f"{wallet:.8f}",
        "walletBalance": f"{wallet:.8f}",
        "usdValue": f"{usd:.8f}",
        "unrealisedPnl": "0",
        "locked": "0",
        "totalOrderIM": "0",
        "totalPositionIM": f"{held:.8f}",
        "availableToWithdraw": "",
        "collateralSwitch": True,
        "borrowAmount": "0",
    }


def _position(
    symbol: str, side: str, size: float, entry: float, mark: float, value: float, pnl: float
) -> dict[str, object]:
    return {
        "positionIdx": 0,
        "symbol": symbol,
        "side": side,
        "size": f"{size:g}",
        "avgPrice": f"{entry:.8f}",
        "positionValue": f"{value:.8f}",
        "leverage": "10",
        "markPrice": f"{mark:.2f}",
        "liqPrice": "",
        "positionIM": f"{value / 10:.8f}",
        "unrealisedPnl": f"{pnl:.8f}",
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "seq": 5723621632,
    }


def _quotes(coin: Coin) -> tuple[str, ...]:
    """What a coin is traded in on spot."""
    quotes = ("USDC",) if coin.base in ONLY_IN_USDC else ("USDT", "USDC")
    return tuple(quote for quote in quotes if quote != coin.base)


class Bybit:
    def __init__(self, market: Market) -> None:
        self._market = market
        self._private: dict[str, Callable[[Asked], Reply]] = {
            "/v5/account/wallet-balance": self._wallet,
            "/v5/asset/transfer/query-account-coins-balance": self._funding_wallet,
            "/v5/position/list": self._positions,
            "/v5/position/closed-pnl": self._closed_pnl,
            "/v5/account/transaction-log": self._transaction_log,
            "/v5/user/query-api": lambda asked: self._envelope({"readOnly": 0, "permissions": {}, "ips": ["*"]}),
        }

    def handle(self, asked: Asked) -> Reply:
        if asked.path == "/v5/market/time":
            second = int(self._market.clock())
            return self._envelope({"timeSecond": str(second), "timeNano": str(second * 10**9)})
        if asked.path in self._private:
            return bybit_refusal(asked, int(self._market.clock() * 1000)) or self._private[asked.path](asked)
        answer = {
            "/v5/market/tickers": self._ticker,
            "/v5/market/kline": self._klines,
            "/v5/market/open-interest": self._interest_history,
            "/v5/market/account-ratio": self._ratio_history,
            "/v5/market/funding/history": self._fundings,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/instruments-info": self._instruments,
        }.get(asked.path)
        if answer is None:
            return in_json({"retCode": 10404, "retMsg": "Not found"}, 404)
        category = asked.query.get("category", "" if asked.path.endswith("tickers") else "linear")
        if category not in ("spot", "linear", "inverse"):
            return self._envelope({}, 10001, "params error: Category is invalid")
        symbol = asked.query.get("symbol")
        if symbol is None:
            if asked.path.endswith("tickers"):
                return self._all_tickers(category)
            if asked.path.endswith("instruments-info"):
                return self._all_instruments(asked, category)
            return self._envelope({}, 10001, "params error: Symbol Is Invalid")
        pair = self._pair(category, symbol)
        if pair is None:
            return self._envelope({}, 10001, "params error: symbol invalid")
        return answer(asked, category, pair)

    def _wallet(self, asked: Asked) -> Reply:
        if asked.query.get("accountType") != "UNIFIED":
            return self._envelope({}, 10001, "accountType only support UNIFIED.")
        btc, eth = (self._market.price(base, self._market.clock()) for base in ("BTC", "ETH"))
        coins = [
            _coin("USDT", 1500.0, 300.0, 1500.0),
            _coin("BTC", 0.05, 0.0, 0.05 * btc),
            _coin("XRP", 0.5, 0.0, 0.26),
            _coin("ETH", 0.0, 0.0, -BORROWED_ETH * eth) | {"borrowAmount": str(BORROWED_ETH), "equity": "0"},
        ]
        row = {"totalEquity": f"{1500 + 0.05 * btc:.8f}", "accountType": "UNIFIED", "coin": coins}
        return self._envelope({"list": [row]})

    def _funding_wallet(self, asked: Asked) -> Reply:
        balance = {"coin": "USDC", "transferBalance": "20", "walletBalance": "20", "bonus": ""}
        return self._envelope({"memberId": "1", "accountType": "FUND", "balance": [balance]})

    def _positions(self, asked: Asked) -> Reply:
        """ETHUSDT long; BTCUSD short; nothing in USDC, where a row without a position comes. Values are at entry."""
        category, settle = asked.query.get("category", ""), asked.query.get("settleCoin", "")
        if category == "linear" and settle not in ("USDT", "USDC"):
            return self._envelope({}, 10001, "Missing some parameters that must be filled in, symbol or settleCoin.")
        rows: list[dict[str, object]] = []
        if category == "inverse":
            mark = self._market.day("bybit", "BTC", "perp").last
            rows = [
                _position("BTCUSD", "Sell", 300, mark * 1.02, mark, 300 / mark / 1.02, 300 / mark - 300 / mark / 1.02)
            ]
        elif settle == "USDT":
            mark = self._market.day("bybit", "ETH", "perp").last
            rows = [_position("ETHUSDT", "Buy", 1.5, mark * 0.99, mark, 1.5 * mark * 0.99, 1.5 * mark * 0.01)]
        else:
            rows = [
                _position("BTCPERP", "", 0, 0, 1, 0, 0) | {"positionValue": "", "unrealisedPnl": "", "liqPrice": ""}
            ]
        return self._envelope({"list": rows, "nextPageCursor": "", "category": category})

    def _closed_pnl(self, asked: Asked) -> Reply:
        """One a day at noon, +3 USDT or -0.00002 BTC; at most 7 days at a time, newest first."""
        begin, end = int(asked.query["startTime"]), int(asked.query["endTime"])
        if end - begin > 7 * DAY_MS:
            return self._envelope({}, 10001, "The time range between startTime and endTime cannot exceed 7 days.")
        is_inverse = asked.query["category"] == "inverse"
        noons = [day * DAY_MS + DAY_MS // 2 for day in range(begin // DAY_MS, end // DAY_MS + 1)]
        rows = [
            {
                "symbol": "BTCUSD" if is_inverse else "ETHUSDT",
                "side": "Sell",
                "closedPnl": "-0.00002" if is_inverse else "3",
                "updatedTime": str(noon),
                "createdTime": str(noon),
            }
            for noon in reversed(noons)
            if begin <= noon <= end
        ]
        return self._envelope({"nextPageCursor": "", "category": asked.query["category"], "list": rows})

    def _transaction_log(self, asked: Asked) -> Reply:
        """Two pages: funding paid, then a trade's fee."""
        end = asked.query["endTime"]
        if asked.query.get("cursor") == "second":
            row = {"currency": "USDT", "type": "TRADE", "funding": "", "fee": "0.25", "transactionTime": end}
            return self._envelope({"nextPageCursor": "", "list": [row]})
        row = {"currency": "USDT", "type": "SETTLEMENT", "funding": "-0.4", "fee": "0", "transactionTime": end}
        return self._envelope({"nextPageCursor": "second", "list": [row]})

    def _envelope(self, result: object, code: int = 0, msg: str = "OK") -> Reply:
        now = int(self._market.clock() * 1000)
        return in_json({"retCode": code, "retMsg": msg, "result": result, "retExtInfo": {}, "time": now})

    # Public data.

    def _pair(self, category: str, symbol: str) -> Pair | None:
        if category == "spot":
            base, quote = symbol[:-4], symbol[-4:]
            coin = self._market.lists("bybit", base, "spot")
            return Pair(symbol, coin, quote) if coin and quote in _quotes(coin) else None
        if category == "inverse":
            base = "BTC" if symbol == self._dated()[1] else symbol.removesuffix("USD")
            coin = self._market.lists("bybit", base, "perp")
            if coin is None or "coin" not in self._market.margins("bybit", base) or symbol == base:
                return None
            return Pair(symbol, coin, "coin" if symbol == f"{base}USD" else "dated")
        if symbol == self._dated()[0]:
            return Pair(symbol, self._market.coins["BTC"], "dated")
        coin, margin = self._market.contract("bybit", symbol[:-4]), {"USDT": "USDT", "PERP": "USDC"}.get(symbol[-4:])
        if coin is None or margin not in self._market.margins("bybit", coin.base):
            return None
        return Pair(symbol, coin, margin, contract_of("bybit", coin)[1])

    def _dated(self) -> tuple[str, str]:
        """The names of the contracts with an end: one paid in USDC, one in coins."""
        end = self._market.quarter()
        return f"BTC-{end:%d%b%y}".upper(), f"BTCUSD{'HMUZ'[end.month // 3 - 1]}{end:%y}"

    def _pairs(self, category: str, coins: list[Coin]) -> list[Pair]:
        if category == "spot":
            return [Pair(f"{coin.base}{quote}", coin, quote) for coin in coins for quote in _quotes(coin)]
        pairs = []
        for coin in coins:
            margins = self._market.margins("bybit", coin.base)
            if category == "inverse":
                pairs += [Pair(f"{coin.base}USD", coin, "coin")] if "coin" in margins else []
                continue
            name, multiplier = contract_of("bybit", coin)
            pairs += [
                Pair(f"{name}{ending}", coin, margin, multiplier)
                for margin, ending in (("USDT", "USDT"), ("USDC", "PERP"))
                if margin in margins
            ]
        if any(coin.base == "BTC" for coin in coins):
            pairs.append(Pair(self._dated()[category == "inverse"], self._market.coins["BTC"], "dated"))
        return pairs

    def _ticker(self, asked: Asked, category: str, pair: Pair) -> Reply:
        return self._envelope({"category": category, "list": [self._row(category, pair)]})

    def _all_tickers(self, category: str) -> Reply:
        """The known coins as they are now, the others as they were at most a minute ago."""
        listed = self._market.listed("bybit", "spot" if category == "spot" else "perp")
        shown = [coin for coin in listed if coin.base in SHOWN]
        others = [coin for coin in listed if coin.base not in SHOWN]

        def spelt(coins: list[Coin]) -> list[str]:
            return [compact(self._row(category, pair)) for pair in self._pairs(category, coins)]

        kept = self._market.kept(f"bybit {category}", lambda: spelt(others))
        return self._listed(f'"category":"{category}"', [*spelt(shown), *kept])

    def _listed(self, before: str, rows: Iterable[str], after: str = "") -> Reply:
        """A list of rows that are JSON already, with what stands before and after it."""
        before = f'{{"retCode":0,"retMsg":"OK","result":{{{before},"list":['
        return in_pieces(before, rows, f']{after}}},"retExtInfo":{{}},"time":{self._now_ms()}}}')

    def _row(self, category: str, pair: Pair) -> dict[str, str]:
        return self._spot_row(pair) if category == "spot" else self._perp_row(category, pair)

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def _spot_row(self, pair: Pair) -> dict[str, str]:
        day, digits = self._market.day("bybit", pair.coin.base, "spot"), max(8, decimals_of(pair.coin.tick))
        part = 1.0 if pair.margin == "USDT" else USDC_SPOT
        return {
            "symbol": pair.symbol,
            "bid1Price": plain(day.bid, digits),
            "bid1Size": "2",
            "ask1Price": plain(day.ask, digits),
            "ask1Size": "1.862172",
            "lastPrice": plain(day.last, digits),
            "prevPrice24h": plain(day.open, digits),
            "price24hPcnt": f"{(day.last - day.open) / day.open:.4f}",
            "highPrice24h": plain(day.high, digits),
            "lowPrice24h": plain(day.low, digits),
            "turnover24h": f"{day.turnover * part:.8f}",
            "volume24h": f"{day.volume * part:.5f}",
            "usdIndexPrice": plain(day.last, digits),
        }

    def _one_side(self, category: str, pair: Pair, at_s: float | None = None) -> float:
        """Open interest as it is counted: in the base of the contract, or in dollars."""
        coins = self._market.interest_of("bybit", pair.coin.base, pair.margin, at_s)
        if category == "inverse":
            return round(coins * self._market.mark("bybit", pair.coin.base, at_s))
        return coins / pair.multiplier

    def _perp_row(self, category: str, pair: Pair) -> dict[str, str]:
        coin, is_inverse, is_dated = pair.coin, category == "inverse", pair.margin == "dated"
        margin = "coin" if is_dated else pair.margin
        day = self._market.day("bybit", coin.base, "perp", pair.multiplier, margin)
        mark = self._market.mark("bybit", coin.base) * pair.multiplier
        hour_ago = self._market.mark("bybit", coin.base, self._market.clock() - 3600) * pair.multiplier
        digits = max(8, decimals_of(coin.tick))
        one_side = self._one_side(category, pair)
        value = one_side / mark if is_inverse else one_side * mark
        rate, hours, due = self._market.funding_of("bybit", coin.base)
        part = 0.1 if is_dated else 1.0
        volume, turnover = (day.turnover, day.volume) if is_inverse else (day.volume, day.turnover)
        counted = 0 if is_inverse else 3
        return {
            "symbol": pair.symbol,
            "lastPrice": plain(day.last, digits),
            "indexPrice": plain(self._market.index("bybit", coin.base) * pair.multiplier, digits),
            "markPrice": plain(mark, digits),
            "prevPrice24h": plain(day.open, digits),
            "price24hPcnt": f"{(day.last - day.open) / day.open:.6f}",
            "highPrice24h": plain(day.high, digits),
            "lowPrice24h": plain(day.low, digits),
            "prevPrice1h": plain(hour_ago, digits),
            "openInterest": plain(one_side * 2, counted),
            "openInterestValue": f"{value * 2:.2f}",
            "singleOpenInterest": plain(one_side, counted),
            "singleOpenInterestValue": f"{value:.2f}",
            "turnover24h": f"{turnover * part:.4f}",
            "volume24h": f"{volume * part:.4f}",
            "fundingRate": "" if is_dated else "0" if coin.began_d else f"{rate:.8f}",
            "nextFundingTime": "" if is_dated else str(due),
            "predictedDeliveryPrice": "",
            "basisRate": "0.0081" if is_dated else "",
            "deliveryFeeRate": "0.0005" if is_dated else "",
            "deliveryTime": str(int(self._market.quarter().timestamp() * 1000)) if is_dated else "0",
            "ask1Size": "14.246",
            "bid1Price": plain(day.bid, digits),
            "ask1Price": plain(day.ask, digits),
            "bid1Size": "0.043",
            "basis": "545.2" if is_dated else "",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "ContinuousTrading" if coin.began_d else "",
            "fundingIntervalHour": "" if is_dated else str(hours),
        }

    def _klines(self, asked: Asked, category: str, pair: Pair) -> Reply:
        """Newest first. Of a dated contract there are the perpetual's."""
        minutes = MINUTES.get(asked.query.get("interval", ""))
        if minutes is None:
            return self._envelope({}, 10001, "params error: interval invalid")
        numbers = self._span(asked, minutes, "start", "end", 200, 1000)
        kind = "spot" if category == "spot" else "perp"
        margin = "coin" if pair.margin == "dated" else pair.margin if kind == "perp" else "USDT"
        part, digits = USDC_SPOT if kind == "spot" and pair.margin == "USDC" else 1.0, decimals_of(pair.coin.tick)

        def row(candle: Candle) -> str:
            volume, turnover, prices = candle.volume * part, candle.turnover * part, candle[1:5]
            if category == "inverse":
                volume, turnover = round(turnover), volume
            amounts = plain(volume, 0 if category == "inverse" else 6), plain(turnover)
            return compact([str(candle.open_ms), *(plain(price, digits) for price in prices), *amounts])

        def spell(first: int, last: int) -> list[str]:
            base, many = pair.coin.base, pair.multiplier
            return [row(c) for c in self._market.candles("bybit", base, kind, minutes, first, last, many, margin)]

        name = f"bybit {category} {pair.symbol} {minutes}"
        rows = self._market.history(name, pair.coin, minutes, *numbers, spell)
        return self._listed(f'"category":"{category}","symbol":"{pair.symbol}"', reversed(rows))

    def _span(self, asked: Asked, minutes: int, begin: str, end: str, usual: int, most: int) -> tuple[int, int]:
        """From the beginning if only that is given, or else the latest."""
        limit = max(1, min(number(asked.query.get("limit"), usual), most))
        until = min(number(asked.query.get(end), self._now_ms()), self._now_ms())
        page = re.search(r"lasttime(?:=|%3D)(\d+)", asked.query.get("cursor", ""))
        if page is not None:
            until = min(until, int(page[1]) * 1000 - 1)
        since = number(asked.query[begin], 0) if begin in asked.query else None
        if since is not None and end not in asked.query and page is None:
            return earliest(minutes, limit, since, until)
        return latest(minutes, limit, since, until)

    def _periods(self, asked: Asked, word: str, most: int) -> list[int] | None:
        """Whole periods, in ms, newest first; None for a word that there is not."""
        minutes = PERIODS.get(asked.query.get(word, ""))
        if minutes is None:
            return None
        first, last = self._span(asked, minutes, "startTime", "endTime", 50, most)
        return [slot * minutes * 60_000 for slot in range(last, first - 1, -1)]

    def _page(self, times: list[int], asked: Asked, most: int) -> str:
        """The cursor of the next page, where this one is full."""
        is_full = times and len(times) == min(number(asked.query.get("limit"), 50), most)
        return f"lastid%3D0%26lasttime%3D{times[-1] // 1000}" if is_full else ""

    def _interest_history(self, asked: Asked, category: str, pair: Pair) -> Reply:
        times = self._periods(asked, "intervalTime", 200)
        if times is None or category == "spot":
            return self._envelope({}, 10001, "params error: intervalTime invalid")
        rows = []
        for at in times:
            one_side = self._one_side(category, pair, at / 1000)
            single = plain(one_side, 0 if category == "inverse" else 3)
            rows.append({"openInterest": plain(one_side * 2), "singleOpenInterest": single, "timestamp": str(at)})
        page = self._page(times, asked, 200)
        return self._envelope({"symbol": pair.symbol, "category": category, "list": rows, "nextPageCursor": page})

    def _ratio_history(self, asked: Asked, category: str, pair: Pair) -> Reply:
        times = self._periods(asked, "period", 500)
        if times is None or category == "spot":
            return self._envelope({}, 10001, "params error: period invalid")
        rows = []
        for at in times:
            share = round(self._market.long_share("bybit", pair.coin.base, at_s=at / 1000), 4)
            ratios = {"buyRatio": f"{share:.4f}", "sellRatio": f"{1 - share:.4f}"}
            rows.append({"symbol": pair.symbol, **ratios, "timestamp": str(at)})
        return self._envelope({"list": rows, "nextPageCursor": self._page(times, asked, 500)})

    def _fundings(self, asked: Asked, category: str, pair: Pair) -> Reply:
        """What was paid, newest first; startTime alone is refused."""
        begin, end = asked.query.get("startTime"), asked.query.get("endTime")
        if category == "spot" or pair.margin == "dated":
            return self._envelope({}, 10001, "params error: symbol invalid")
        if begin is not None and end is None:
            return self._envelope({}, 10001, "params error: endTime is required")
        limit = max(1, min(number(asked.query.get("limit"), 200), 200))
        paid = self._market.fundings("bybit", pair.coin.base, number(begin, 0), number(end, 1 << 60), limit)
        rows = [
            {"symbol": pair.symbol, "fundingRate": f"{rate:.8f}", "fundingRateTimestamp": str(at)}
            for at, rate in reversed(paid)
        ]
        return self._envelope({"category": category, "list": rows})

    def _trades(self, asked: Asked, category: str, pair: Pair) -> Reply:
        """The latest, newest first: spot 60 at most, others 1000. They say what the minute before them does."""
        is_spot, many, base = category == "spot", pair.multiplier, pair.coin.base
        most = 60 if is_spot else 1000
        limit, now_ms = max(1, min(number(asked.query.get("limit"), min(most, 500)), most)), self._now_ms()
        minute, digits = now_ms // 60_000 - 1, max(8, decimals_of(pair.coin.tick))
        rows = []
        for minute_before in self._market.candles(
            "bybit", base, "spot" if is_spot else "perp", 1, minute, minute, many
        ):
            for count in range(limit):
                draw, at_ms = count * 0.6180339887 % 1, now_ms - count * 150
                bought = draw < minute_before.buy_volume / minute_before.volume
                rows.append(
                    {
                        "execId": f"2100000000{at_ms}",
                        "symbol": pair.symbol,
                        "price": plain(self._market.mark("bybit", base, at_ms / 1000) * many, digits),
                        "size": plain(minute_before.volume / 400 * (0.2 + 1.6 * draw), 6),
                        "side": "Buy" if bought else "Sell",
                        "time": str(at_ms),
                        "isBlockTrade": False,
                        "isRPITrade": False,
                        "seq": str(at_ms),
                    }
                )
        return self._envelope({"category": category, "list": rows})

    def _instruments(self, asked: Asked, category: str, pair: Pair) -> Reply:
        return self._envelope({"category": category, "nextPageCursor": "", "list": [self._instrument(category, pair)]})

    def _all_instruments(self, asked: Asked, category: str) -> Reply:
        """A page of them; of linear ones there are more than a page usually has."""
        pairs = self._pairs(category, self._market.listed("bybit", "spot" if category == "spot" else "perp"))
        limit = max(1, min(number(asked.query.get("limit"), 500), 1000))
        begin = number(unquote(asked.query.get("cursor", "")).removeprefix("first="), 0)
        rows = [self._instrument(category, pair) for pair in pairs[begin : begin + limit]]
        page = f"first%3D{begin + limit}" if begin + limit < len(pairs) and category != "spot" else ""
        return self._envelope({"category": category, "nextPageCursor": page, "list": rows})

    def _instrument(self, category: str, pair: Pair) -> dict[str, object]:
        coin, is_dated = pair.coin, pair.margin == "dated"
        tick = plain(coin.tick * pair.multiplier, max(2, decimals_of(coin.tick)))
        if category == "spot":
            row = {"symbol": pair.symbol, "baseCoin": coin.base, "quoteCoin": pair.margin, "status": "Trading"}
            return {**row, "priceFilter": {"tickSize": tick}}
        quote = "USD" if category == "inverse" else "USDT" if pair.margin == "USDT" else "USDC"
        kind = f"{'Inverse' if category == 'inverse' else 'Linear'}{'Futures' if is_dated else 'Perpetual'}"
        return {
            "symbol": pair.symbol,
            "contractType": kind,
            "status": "PreLaunch" if coin.began_d else "Trading",
            "baseCoin": contract_of("bybit", coin)[0],
            "quoteCoin": quote,
            "launchTime": "1699990000000",
            "deliveryTime": str(int(self._market.quarter().timestamp() * 1000)) if is_dated else "0",
            "deliveryFeeRate": "0.0005" if is_dated else "",
            "priceScale": str(decimals_of(coin.tick * pair.multiplier)),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "1"},
            "priceFilter": {"minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
            "lotSizeFilter": {
                "maxOrderQty": "100.0",
                "minOrderQty": "0.001",
                "qtyStep": "0.001",
                "postOnlyMaxOrderQty": "100.0",
                "maxMktOrderQty": "50.0",
                "minNotionalValue": "5",
            },
            "unifiedMarginTrade": True,
            "fundingInterval": 0 if is_dated else coin.funding_h * 60,
            "settleCoin": coin.base if category == "inverse" else quote,
        }
