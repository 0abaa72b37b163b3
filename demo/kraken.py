"""Kraken's two hosts on the wire: spot, with names of its own, and futures, with absolute funding rates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from demo.coins import Coin, decimals_of
from demo.market import Candle, Market
from demo.prices import DAY
from demo.spelling import compact, earliest, in_pieces, iso, latest, number, plain, short, with_floats
from demo.web import CLOUDFRONT, Asked, Reply, in_json

OWN = {"BTC": "XBT", "DOGE": "XDG"}
OLD = ("BTC", "ETH", "XRP")  # whose pairs in dollars have longer keys, such as XXBTZUSD
USDT_PAIRS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "BNB")
USDT_PART = 0.15  # of the trading in dollars
MINUTES = (1, 5, 15, 30, 60, 240, 1440)
MAX_ROWS = 720
RESOLUTIONS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "1d": 1440}
MAX_FUTURES_ROWS = 2000
MAX_FUNDINGS = 24 * 92
ANALYTICS = ("liquidation-volume", "open-interest", "cvd", "long-short-ratio", "future-basis", "funding")
ANALYTICS_S = (60, 300, 900, 1800, 3600, 14_400, 43_200, 86_400, 604_800)


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    return in_json({"error": ["EAPI:Rate limit exceeded" if status == 429 else "EGeneral:Too many requests"]})


def futures_refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    return in_json({"result": "error", "error": "apiLimitExceeded", "serverTime": "2024-06-28T09:29:04.243Z"}, 429)


class Pair(NamedTuple):
    key: str
    coin: Coin
    quote: str

    @property
    def own(self) -> str:
        return OWN.get(self.coin.base, self.coin.base)


class Kraken:
    """Spot. Errors have HTTP status 200."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._names: dict[str, Pair] = {}

    def handle(self, asked: Asked) -> Reply:
        method, now = asked.path.removeprefix("/0/public/"), self._market.clock()
        if method == "Time":
            return self._result({"unixtime": int(now), "rfc1123": iso(now, "seconds")})
        if method == "SystemStatus":
            return self._result({"status": "online", "timestamp": iso(now, "seconds")})
        if method == "Assets":
            return self._result(dict(self._assets()))
        if method not in ("Ticker", "OHLC", "AssetPairs"):
            return self._refuse("EGeneral:Unknown method")
        wanted = asked.query.get("pair")
        if wanted is None:
            return self._refuse("EGeneral:Invalid arguments") if method == "OHLC" else self._all(method)
        pairs = [self._pair(name) for name in wanted.split(",")]
        found = [pair for pair in pairs if pair is not None]
        if len(found) < len(pairs) or (method == "OHLC" and len(pairs) > 1):
            return self._refuse("EQuery:Unknown asset pair")
        if method == "OHLC":
            return self._candles(asked, found[0])
        row = self._ticker if method == "Ticker" else self._description
        return self._result({pair.key: row(pair) for pair in found})

    def _result(self, result: object) -> Reply:
        return in_json({"error": [], "result": result})

    def _refuse(self, word: str) -> Reply:
        return in_json({"error": [word]})

    def _of(self, coin: Coin) -> Iterator[Pair]:
        own = OWN.get(coin.base, coin.base)
        yield Pair(f"X{own}ZUSD" if coin.base in OLD else f"{own}USD", coin, "USD")
        if coin.base in USDT_PAIRS:
            yield Pair(f"{own}USDT", coin, "USDT")

    def _assets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """ "Get Asset Info": the oldest ones have a letter before their name."""
        for key, name in (("ZUSD", "USD"), ("USDT", "USDT")):
            yield key, {"aclass": "currency", "altname": name, "decimals": 4, "display_decimals": 2}
        for coin in self._market.listed("kraken", "spot"):
            own = OWN.get(coin.base, coin.base)
            known = {"aclass": "currency", "altname": own, "decimals": 10, "display_decimals": 5, "status": "enabled"}
            yield f"X{own}" if coin.base in OLD else own, known

    def _pair(self, name: str) -> Pair | None:
        """By its key, its other name or the one of the websocket."""
        if not self._names:
            for coin in self._market.listed("kraken", "spot"):
                for pair in self._of(coin):
                    self._names |= dict.fromkeys(
                        (pair.key, f"{pair.own}{pair.quote}", f"{pair.own}/{pair.quote}"), pair
                    )
        return self._names.get(name)

    def _all(self, method: str) -> Reply:
        row = self._ticker if method == "Ticker" else self._description

        def spell(coin: Coin) -> Iterator[str]:
            return (f'"{pair.key}":{compact(row(pair))}' for pair in self._of(coin))

        return in_pieces('{"error":[],"result":{', self._market.rows(method, "kraken", "spot", spell), "}}")

    def _ticker(self, pair: Pair) -> dict[str, Any]:
        """Of two figures the first is since midnight (UTC), the second of 24 hours; o is the price at midnight."""
        now, base, part = self._market.clock(), pair.coin.base, 1.0 if pair.quote == "USD" else USDT_PART
        day, slot = self._market.day("kraken", base, "spot"), int(now // 86_400)
        (today,) = self._market.candles("kraken", base, "spot", DAY, slot, slot)
        digits = max(5, decimals_of(pair.coin.tick))
        means = (
            today.turnover / today.volume if today.volume else day.last,
            day.turnover / day.volume if day.volume else day.last,
        )
        return {
            "a": [plain(day.ask, digits), "1", "1.000"],
            "b": [plain(day.bid, digits), "1", "1.000"],
            "c": [plain(day.last, digits), "0.00067643"],
            "v": [plain(today.volume * part), plain(day.volume * part)],
            "p": [plain(mean, digits) for mean in means],
            "t": [int(today.turnover * part / 900), int(day.turnover * part / 900)],
            "l": [plain(today.low, digits), plain(min(day.low, today.low), digits)],
            "h": [plain(today.high, digits), plain(max(day.high, today.high), digits)],
            "o": plain(today.open, digits),
        }

    def _description(self, pair: Pair) -> dict[str, Any]:
        is_old = pair.coin.base in (*OLD, "DOGE")
        return {
            "altname": f"{pair.own}{pair.quote}",
            "wsname": f"{pair.own}/{pair.quote}",
            "aclass_base": "currency",
            "base": f"X{pair.own}" if is_old else pair.own,
            "aclass_quote": "currency",
            "quote": "ZUSD" if pair.quote == "USD" else pair.quote,
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": decimals_of(pair.coin.tick),
            "lot_decimals": 8,
            "lot_multiplier": 1,
            "leverage_buy": [2, 3],
            "leverage_sell": [2, 3],
            "fees": [[0, 0.4], [10000, 0.35], [50000, 0.24]],
            "fees_maker": [[0, 0.25], [10000, 0.2], [50000, 0.14]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": "0.00005",
            "costmin": "0.5",
            "tick_size": short(pair.coin.tick),
            "status": "online",
            "long_position_limit": 80,
            "short_position_limit": 80,
        }

    def _candles(self, asked: Asked, pair: Pair) -> Reply:
        """The last 720 and the running one, whatever `since` (exclusive) says; last: the newest closed one."""
        minutes, now_ms = number(asked.query.get("interval"), 1), int(self._market.clock() * 1000)
        if minutes not in MINUTES:
            return self._refuse("EGeneral:Invalid arguments:interval")
        since = (number(asked.query["since"], 0) + 1) * 1000 if "since" in asked.query else None
        numbers = latest(minutes, MAX_ROWS + 1, since, now_ms)
        part = 1.0 if pair.quote == "USD" else USDT_PART

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("kraken", pair.coin.base, "spot", minutes, first, last)
            return [compact(self._candle(candle, part, decimals_of(pair.coin.tick))) for candle in candles]

        rows = self._market.history(f"kraken {pair.key} {minutes}", pair.coin, minutes, *numbers, spell)
        before = f'{{"error":[],"result":{{"{pair.coin.base}/{pair.quote}":['  # unlike a ticker's name, since 2026
        return in_pieces(before, rows, f'],"last":{(now_ms // (minutes * 60_000) - 1) * minutes * 60}}}}}')

    def _candle(self, c: Candle, part: float, digits: int) -> list[Any]:
        mean = c.turnover / c.volume if c.volume else 0.0
        prices = [plain(price, digits) for price in (c.open, c.high, c.low, c.close, mean)]
        return [c.open_ms // 1000, *prices, plain(c.volume * part), int(c.n_trades * part) + 1]


class Perp(NamedTuple):
    """margin: "USD" of a linear one, "coin" of an inverse one, "dated" of one with an end."""

    symbol: str
    coin: Coin
    margin: str


class KrakenFutures:
    """Linear perpetuals count coins, inverse ones dollars."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("/derivatives/api/v3/")
        if path == "tickers":
            return self._tickers()
        if path == "instruments":
            rows = [self._instrument(perp) for coin in self._coins() for perp in self._of(coin)]
            return in_json({"result": "success", "instruments": rows, "serverTime": self._time()})
        if path.startswith("tickers/"):
            perp = self._perp(path.removeprefix("tickers/"))
            if perp is None:
                return self._refuse("contractNotFound")
            return in_json({"result": "success", "ticker": self._ticker(perp), "serverTime": self._time()})
        if asked.path == "/derivatives/api/v4/historicalfundingrates":
            return self._fundings(asked)
        if path == "history":
            return self._trades(asked)
        if asked.path.startswith("/api/charts/v1/analytics/"):
            return self._analytics(asked)
        if asked.path.startswith("/api/charts/v1/"):
            return self._chart(asked)
        gone = {"status": "NOT_FOUND", "result": "error", "errors": [{"code": 0, "message": "404 NOT_FOUND"}]}
        return in_json({**gone, "serverTime": self._time()}, 404)

    def _time(self) -> str:
        return iso(self._market.clock())

    def _refuse(self, word: str, status: int = 400) -> Reply:
        return in_json({"result": "error", "error": word, "serverTime": self._time()}, status)

    def _coins(self) -> list[Coin]:
        return self._market.listed("kraken", "perp")

    def _own(self, coin: Coin) -> str:
        return "XBT" if coin.base == "BTC" else coin.base

    def _of(self, coin: Coin) -> Iterator[Perp]:
        own, margins = self._own(coin), self._market.margins("kraken", coin.base)
        if "coin" in margins:
            yield Perp(f"PI_{own}USD", coin, "coin")
        yield Perp(f"PF_{own}USD", coin, "USD")
        if coin.base == "BTC":
            yield Perp(f"FI_XBTUSD_{self._market.quarter():%y%m%d}", coin, "dated")

    def _perp(self, symbol: str) -> Perp | None:
        own = symbol[3:].partition("USD")[0].upper()
        base = "BTC" if own == "XBT" else own
        coin = self._market.lists("kraken", base, "perp")
        found = self._of(coin) if coin is not None else iter(())
        return next((perp for perp in found if perp.symbol == symbol.upper()), None)

    def _tickers(self) -> Reply:
        rows = self._market.rows(
            "tickers", "kraken", "perp", lambda coin: [with_floats(self._ticker(perp)) for perp in self._of(coin)]
        )
        last = self._market.day("kraken", "BTC", "spot").last
        rows += [
            with_floats({"symbol": name, "last": last, "lastTime": self._time()}) for name in ("in_xbtusd", "rr_xbtusd")
        ]
        return in_pieces('{"result":"success","tickers":[', rows, f'],"serverTime":"{self._time()}"}}')

    def _ticker(self, perp: Perp) -> dict[str, Any]:
        base, is_linear, is_dated = perp.coin.base, perp.margin == "USD", perp.margin == "dated"
        day = self._market.day("kraken", base, "perp", margin="coin" if is_dated else perp.margin)
        mark, rate = self._market.mark("kraken", base), self._market.funding_of("kraken", base)[0]
        index, part = self._market.index("kraken", base), 0.1 if is_dated else 1.0
        coins = self._market.interest_of("kraken", base, perp.margin)
        absolute = rate * mark if is_linear else rate / index
        row: dict[str, Any] = {
            "symbol": perp.symbol,
            "last": day.last,
            "lastTime": self._time(),
            "tag": "quarter" if is_dated else "perpetual",
            "pair": f"{base}:USD",
            "markPrice": mark,
            "bid": day.bid,
            "bidSize": 4609,
            "ask": day.ask,
            "askSize": 4609,
            "vol24h": round(day.volume * part, 4) if is_linear else round(day.turnover * part),
            "volumeQuote": round(day.turnover * part, 4),
            "openInterest": round(coins, 6) if is_linear else float(round(coins * mark)),
            "open24h": day.open,
            "high24h": day.high,
            "low24h": day.low,
            "lastSize": 1272,
            "fundingRate": absolute,
            "fundingRatePrediction": absolute * 0.9,
            "relativeFundingRate": rate,
            "relativeFundingRatePrediction": rate * 0.9,
            "suspended": False,
            "indexPrice": index,
            "postOnly": False,
            "change24h": round((day.last / day.open - 1) * 100, 2),
        }
        if is_dated:
            for key in [key for key in row if "unding" in key]:
                del row[key]
        return row

    def _instrument(self, perp: Perp) -> dict[str, Any]:
        is_linear = perp.margin == "USD"
        levels = "numNonContractUnits" if is_linear else "contracts"
        row = {
            "symbol": perp.symbol,
            "type": "flexible_futures" if is_linear else "futures_inverse",
            "tickSize": perp.coin.tick,
            "contractSize": 1,
            "tradeable": True,
            "impactMidSize": 1000.0,
            "maxPositionSize": 75000000.0,
            "openingDate": "2018-08-31T00:00:00Z",
            "marginLevels": [{levels: 0, "initialMargin": 0.02, "maintenanceMargin": 0.01}],
            "fundingRateCoefficient": 24,
            "maxRelativeFundingRate": 0.0025,
            "isin": "GB00J62YGL67",
            "contractValueTradePrecision": 3 if is_linear else 0,
            "postOnly": False,
            "feeScheduleUid": "a6cbc326-9477-4a6c-911a-d4cb3ed7481e",
            "mtf": True,
            "base": perp.coin.base,
            "quote": "USD",
            "pair": f"{perp.coin.base}:USD",
        }
        if perp.margin == "dated":
            row |= {"lastTradingTime": iso(self._market.quarter().timestamp())}
        return row if is_linear else row | {"underlying": "rr_xbtusd"}

    def _chart(self, asked: Asked) -> Reply:
        """/trade|mark|spot/symbol/resolution, oldest first; from and to in seconds."""
        parts = asked.path.removeprefix("/api/charts/v1/").split("/")
        perp = self._perp(parts[1]) if len(parts) == 3 and parts[0] in ("trade", "mark", "spot") else None
        minutes = RESOLUTIONS.get(parts[-1])
        if perp is None:
            return self._refuse("contractNotFound", 404)
        if minutes is None:
            return Reply(400, b"Invalid resolution", "text/plain")
        now_ms = int(self._market.clock() * 1000)
        until = min(number(asked.query.get("to"), now_ms // 1000) * 1000, now_ms)
        step, has_more = minutes * 60_000, False
        if "from" in asked.query:
            first, last = earliest(minutes, MAX_FUTURES_ROWS, number(asked.query["from"], 0) * 1000, until)
            has_more = last < until // step
        else:
            first, last = latest(minutes, MAX_FUTURES_ROWS, None, until)
        margin, digits = "USD" if perp.margin == "USD" else "coin", decimals_of(perp.coin.tick)

        def row(c: Candle) -> str:
            prices = {"open": short(c.open, digits), "high": short(c.high, digits), "low": short(c.low, digits)}
            volume = short(c.volume, 6) if margin == "USD" else str(round(c.turnover))
            return compact({"time": c.open_ms, **prices, "close": short(c.close, digits), "volume": volume})

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("kraken", perp.coin.base, "perp", minutes, first, last, margin=margin)
            return [row(candle) for candle in candles]

        rows = self._market.history(
            f"kraken {perp.coin.base} {margin} {minutes}", perp.coin, minutes, first, last, spell
        )
        return in_pieces('{"candles":[', rows, f'],"more_candles":{"true" if has_more else "false"}}}')

    def _fundings(self, asked: Asked) -> Reply:
        """What was paid in every hour of three months, oldest first: absolute, and of the price."""
        perp = self._perp(asked.query.get("symbol", ""))
        if perp is None or perp.margin == "dated":
            return self._refuse("contractNotFound")
        rows = []
        for at, rate in self._market.fundings("kraken", perp.coin.base, 0, 1 << 60, MAX_FUNDINGS):
            index = self._market.index("kraken", perp.coin.base, at / 1000)
            absolute = rate * index if perp.margin == "USD" else rate / index
            rows.append({"timestamp": iso(at / 1000), "fundingRate": absolute, "relativeFundingRate": rate})
        return in_json({"result": "success", "serverTime": self._time(), "rates": rows})

    def _trades(self, asked: Asked) -> Reply:
        """The last 100, newest first; among them the liquidations of the last hour."""
        perp = self._perp(asked.query.get("symbol", ""))
        if perp is None:
            return self._refuse("contractNotFound")
        now, rows = self._market.clock(), []
        margin = "coin" if perp.margin == "dated" else perp.margin
        found = self._market.liquidations("kraken", perp.coin.base, now - 3600, now, margin)
        for i, each in enumerate(reversed(found)):
            row = {
                "time": iso(each.time_ms / 1000),
                "trade_id": 200 - 2 * i,
                "price": round(each.price, 6),
                "size": each.size if perp.margin == "USD" else float(round(each.size * each.price) or 1),
                "side": "sell" if each.side == "long" else "buy",
                "type": "liquidation",
                "uid": f"{i:08x}-liq",
            }
            rows += [row, row | {"trade_id": 199 - 2 * i, "type": "fill", "uid": f"{i:08x}-fill"}]
        return in_json({"result": "success", "history": rows[:100], "serverTime": self._time()})

    def _analytics(self, asked: Asked) -> Reply:
        """Columns of one kind, oldest first; times in seconds, `more` when there are further ones."""
        symbol, _, kind = asked.path.removeprefix("/api/charts/v1/analytics/").partition("/")
        perp, interval = self._perp(symbol), number(asked.query.get("interval"), 0)
        if perp is None:
            return self._refuse("contractNotFound", 404)
        if kind not in ANALYTICS or interval not in ANALYTICS_S or "since" not in asked.query:
            told = {"severity": "error", "error_class": "EGeneral", "type": "Invalid arguments"}
            return in_json({"result": None, "errors": [told]}, 400)
        now = int(self._market.clock())
        until = min(number(asked.query.get("to"), now), now)
        first = -(-number(asked.query["since"], 0) // interval)
        last = min(until // interval, first + MAX_FUTURES_ROWS - 1)
        times = [slot * interval for slot in range(first, last + 1)]
        data = self._analysed(kind, perp, times, interval)
        scale = 1000 if kind == "funding" else 1  # the only one in ms
        result = {"timestamp": [at * scale for at in times], "data": data, "more": last < until // interval}
        return in_json({"result": result, "errors": []})

    def _analysed(self, kind: str, perp: Perp, times: list[int], interval: int) -> object:
        """Amounts in coins of a linear contract, in dollars of an inverse one; levels as open, high, low, close."""
        base = perp.coin.base
        if kind == "liquidation-volume":
            return [short(self._liquidated(perp, at, interval), 8) for at in times]
        if kind == "open-interest":
            return [_levels([self._level(perp, at + interval * part / 2) for part in range(3)], 6) for at in times]
        if kind == "long-short-ratio":
            shares = [self._market.long_share("kraken", base, at_s=at) for at in times]
            return [short(share / (1 - share), 4) for share in shares]
        if kind == "future-basis":
            marks = [self._market.mark("kraken", base, at) / self._market.index("kraken", base, at) for at in times]
            return {"basis": [short(mark - 1, 8) for mark in marks]}
        if kind == "cvd":
            return self._flow(perp, times, interval)
        rates = [self._market.funding_of("kraken", base, at)[0] for at in times]
        prices = [self._market.index("kraken", base, at) for at in times]
        absolute = [
            rate * price if perp.margin == "USD" else rate / price for rate, price in zip(rates, prices, strict=True)
        ]
        return {
            "rate": [[short(rate, 14)] * 4 for rate in absolute],
            "relativeRate": [[short(rate, 14)] * 4 for rate in rates],
        }

    def _liquidated(self, perp: Perp, begin: int, lasts: int) -> float:
        margin = "coin" if perp.margin == "dated" else perp.margin
        found = self._market.liquidations("kraken", perp.coin.base, begin, begin + lasts, margin)
        return sum(each.size if margin == "USD" else each.size * each.price for each in found)

    def _flow(self, perp: Perp, times: list[int], interval: int) -> dict[str, list[str]]:
        """What takers bought and sold, and the sum of the differences from the first on."""
        margin = "coin" if perp.margin == "dated" else perp.margin
        columns: dict[str, list[str]] = {"buy_volume": [], "sell_volume": [], "cvd": []}
        if not times:
            return columns
        slots, total = (times[0] // interval, times[-1] // interval), 0.0
        for candle in self._market.candles("kraken", perp.coin.base, "perp", interval // 60, *slots, margin=margin):
            bought, whole = candle.buy_turnover, candle.turnover
            if margin == "USD":
                bought, whole = candle.buy_volume, candle.volume
            total += 2 * bought - whole
            for name, figure in zip(columns, (bought, whole - bought, total), strict=True):
                columns[name].append(short(figure, 6))
        return columns

    def _level(self, perp: Perp, at_s: float) -> float:
        at = min(at_s, self._market.clock())
        coins = self._market.interest_of("kraken", perp.coin.base, perp.margin, at)
        return coins if perp.margin == "USD" else float(round(coins * self._market.mark("kraken", perp.coin.base, at)))


def _levels(levels: list[float], decimals: int) -> list[str]:
    """Open, high, low and close."""
    return [short(level, decimals) for level in (levels[0], max(levels), min(levels), levels[-1])]
