"""Bitget v2 as it speaks on the wire: everything a string, open interest in coins, symbols without a separator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from demo.coins import Coin, decimals_of
from demo.market import Candle, Market
from demo.spelling import compact, earliest, in_pieces, latest, number, plain, short
from demo.web import CLOUDFRONT, Asked, Reply, in_json

SPOT_MINUTES = {
    "1min": 1, "3min": 3, "5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240,
    "6Hutc": 360, "12Hutc": 720, "1Dutc": 1440,
}  # fmt: skip  # 6h, 12h and 1day open at UTC+8 and are not played
PERP_MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "4H": 240, "6Hutc": 360, "12Hutc": 720, "1Dutc": 1440,
}  # fmt: skip
PERIODS = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}
MARGINS = {"USDT-FUTURES": "USDT", "USDC-FUTURES": "USDC", "COIN-FUTURES": "coin"}
ENDINGS = {"USDT": "USDT", "USDC": "PERP", "coin": "USD"}  # of a perpetual's symbol
HOUR_MS = 3_600_000
LATE_MS = 180_000  # of liquidations
LEVERAGED = {"BTC3LUSDT": ("BTC", 3), "BTC3SUSDT": ("BTC", -3)}


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    return in_json({"code": "429", "msg": "Too Many Requests", "requestTime": 1700000000000, "data": None}, 429)


class Perp(NamedTuple):
    symbol: str
    coin: Coin
    margin: str  # or "dated"


class Bitget:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        if asked.path.startswith("/api/v3/"):
            return self._v3(asked, asked.path.removeprefix("/api/v3/market/"))
        path = asked.path.removeprefix("/api/v2/")
        if path == "public/time":
            return self._data({"serverTime": str(self._now_ms())})
        if path == "spot/market/tickers":
            return self._spot_tickers(asked)
        if path in ("spot/market/candles", "spot/market/history-candles"):
            return self._spot_candles(asked)
        if path in ("mix/market/account-long-short", "mix/market/position-long-short"):
            return self._ratios(asked, "Account" if "account" in path else "Position")
        answer = {
            "mix/market/ticker": self._ticker,
            "mix/market/tickers": self._ticker,
            "mix/market/contracts": self._contract,
            "mix/market/current-fund-rate": self._funding,
            "mix/market/funding-time": self._funding_time,
        }.get(path)
        several = {
            "mix/market/open-interest": self._open_interest,
            "mix/market/candles": self._candles,
            "mix/market/history-candles": self._candles,
            "mix/market/history-fund-rate": self._fundings,
        }.get(path)
        if answer is None and several is None:
            return self._refuse("40404", "Request URL NOT FOUND", 404)
        margin = MARGINS.get(asked.query.get("productType", "").upper())
        if margin is None:
            return self._refuse("40019", "Parameter productType cannot be empty")
        symbol = asked.query.get("symbol", "").upper()
        if answer is not None and not symbol and path != "mix/market/ticker":
            return self._all(path, margin, answer)
        if not symbol:
            return self._refuse("40019", "Parameter symbol cannot be empty")
        perp = self._perp(symbol, margin)
        if perp is None:
            return self._refuse("40034", f"Parameter {symbol} does not exist")
        if answer is not None:
            return self._data([answer(perp)])
        assert several is not None
        return several(asked, perp)

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def _data(self, data: object) -> Reply:
        return in_json({"code": "00000", "msg": "success", "requestTime": self._now_ms(), "data": data})

    def _refuse(self, code: str, msg: str, status: int = 400) -> Reply:
        return in_json({"code": code, "msg": msg, "requestTime": self._now_ms(), "data": None}, status)

    # Spot.

    def _spot_tickers(self, asked: Asked) -> Reply:
        symbol = asked.query.get("symbol", "").upper()
        if symbol in LEVERAGED:
            return self._data([self._leveraged_row(symbol)])
        if symbol:
            coin = self._spot(symbol)
            if coin is None:
                return self._refuse("40034", f"Parameter {symbol} does not exist")
            return self._data([self._spot_row(coin)])
        rows = self._market.rows("spot", "bitget", "spot", lambda coin: [compact(self._spot_row(coin))])
        rows += [compact(self._leveraged_row(name)) for name in LEVERAGED]
        return in_pieces(self._before(), rows, "]}")

    def _before(self) -> str:
        return f'{{"code":"00000","msg":"success","requestTime":{self._now_ms()},"data":['

    def _spot(self, symbol: str) -> Coin | None:
        return self._market.lists("bitget", symbol[:-4], "spot") if symbol.endswith("USDT") else None

    def _spot_row(self, coin: Coin) -> dict[str, str]:
        day = self._market.day("bitget", coin.base, "spot")
        return {
            "open": short(day.open),
            "symbol": f"{coin.base}USDT",
            "high24h": short(day.high),
            "low24h": short(day.low),
            "lastPr": short(day.last),
            "quoteVolume": short(day.turnover, 6),
            "baseVolume": short(day.volume, 6),
            "usdtVolume": short(day.turnover, 6),
            "ts": str(self._now_ms()),
            "bidPr": short(day.bid),
            "askPr": short(day.ask),
            "bidSz": "0.0007",
            "askSz": "0.0829",
            "openUtc": short(day.open),
            "changeUtc24h": "0.00359",
            "change24h": f"{day.last / day.open - 1:.5f}",
        }

    def _leveraged_row(self, symbol: str) -> dict[str, str]:
        base, times = LEVERAGED[symbol]
        row, day = self._spot_row(self._market.coins[base]), self._market.day("bitget", base, "spot")
        change = times * (day.last / day.open - 1)
        last = 5 * (1 + change)
        moved = {"open": "5", "high24h": short(max(5, last) * 1.01, 4), "low24h": short(min(5, last) * 0.99, 4)}
        moved |= {"lastPr": short(last, 4), "bidPr": short(last - 0.001, 4), "askPr": short(last + 0.001, 4)}
        return row | moved | {"symbol": symbol, "change24h": f"{change:.5f}"}

    def _span(self, asked: Asked, minutes: int) -> tuple[int, int]:
        most = 200 if asked.path.endswith("history-candles") else 1000
        limit = max(1, min(number(asked.query.get("limit"), 100), most))
        until = min(number(asked.query.get("endTime"), self._now_ms()), self._now_ms())
        since = number(asked.query["startTime"], 0) if "startTime" in asked.query else None
        if since is not None and "endTime" not in asked.query:
            return earliest(minutes, limit, since, until)
        return latest(minutes, limit, since, until)

    def _spot_candles(self, asked: Asked) -> Reply:
        symbol = asked.query.get("symbol", "").upper()
        coin, minutes = self._spot(symbol), SPOT_MINUTES.get(asked.query.get("granularity", ""))
        if coin is None:
            return self._refuse("40034", f"Parameter {symbol} does not exist")
        if minutes is None:
            return self._refuse("400171", "Parameter granularity verification failed")
        if asked.path.endswith("history-candles") and "endTime" not in asked.query:
            return self._refuse("40019", "Parameter endTime cannot be empty")

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("bitget", coin.base, "spot", minutes, first, last)
            return [compact([*self._candle(coin, candle), plain(candle.turnover, 6)]) for candle in candles]

        numbers = self._span(asked, minutes)
        rows = self._market.history(f"bitget spot {coin.base} {minutes}", coin, minutes, *numbers, spell)
        return in_pieces(self._before(), rows, "]}")

    def _candle(self, coin: Coin, candle: Candle) -> list[str]:
        prices = [plain(price, decimals_of(coin.tick)) for price in candle[1:5]]
        return [str(candle.open_ms), *prices, plain(candle.volume, 6), plain(candle.turnover, 6)]

    # Perpetuals.

    def _dated(self) -> str:
        return f"ETHUSD_{self._market.quarter():%y%m%d}"

    def _perp(self, symbol: str, margin: str) -> Perp | None:
        if margin == "coin" and symbol == self._dated():
            return Perp(symbol, self._market.coins["ETH"], "dated")
        base = symbol.removesuffix(ENDINGS[margin])
        if base == symbol or margin not in self._market.margins("bitget", base):
            return None
        return Perp(symbol, self._market.coins[base], margin)

    def _all(self, path: str, margin: str, row: Callable[[Perp], dict[str, Any]]) -> Reply:
        def spell(coin: Coin) -> list[str]:
            if margin not in self._market.margins("bitget", coin.base):
                return []
            return [compact(row(Perp(f"{coin.base}{ENDINGS[margin]}", coin, margin)))]

        rows = self._market.rows(f"{path} {margin}", "bitget", "perp", spell)
        if margin == "coin":
            rows.append(compact(row(Perp(self._dated(), self._market.coins["ETH"], "dated"))))
        return in_pieces(self._before(), rows, "]}")

    def _interest(self, perp: Perp) -> str:
        return short(self._market.interest_of("bitget", perp.coin.base, perp.margin), 6)

    def _end_ms(self, perp: Perp) -> str | None:
        return str(int(self._market.quarter().timestamp() * 1000)) if perp.margin == "dated" else None

    def _ticker(self, perp: Perp) -> dict[str, Any]:
        is_dated = perp.margin == "dated"
        day = self._market.day("bitget", perp.coin.base, "perp", margin="coin" if is_dated else perp.margin)
        mark = self._market.mark("bitget", perp.coin.base)
        part = 0.1 if is_dated else 1.0
        return {
            "symbol": perp.symbol,
            "lastPr": short(day.last),
            "askPr": short(day.ask),
            "bidPr": short(day.bid),
            "bidSz": "0.703",
            "askSz": "13.894",
            "high24h": short(day.high),
            "low24h": short(day.low),
            "ts": str(self._now_ms()),
            "change24h": f"{day.last / day.open - 1:.5f}",
            "baseVolume": short(day.volume * part, 6),
            "quoteVolume": short(day.turnover * part, 6),
            "usdtVolume": short(day.turnover * part, 6),
            "openUtc": short(day.open),
            "changeUtc24h": "-0.00009",
            "indexPrice": short(self._market.index("bitget", perp.coin.base)),
            "fundingRate": "0" if is_dated else short(self._market.funding_of("bitget", perp.coin.base)[0], 8),
            "holdingAmount": self._interest(perp),
            "deliveryStartTime": "1693538723186" if is_dated else None,
            "deliveryTime": self._end_ms(perp),
            "deliveryStatus": "delivery_normal" if is_dated else "",
            "open24h": short(day.open),
            "markPrice": short(mark),
        }

    def _contract(self, perp: Perp) -> dict[str, Any]:
        quote = {"USDT": "USDT", "USDC": "USDC"}.get(perp.margin, "USD")
        return {
            "symbol": perp.symbol,
            "baseCoin": perp.coin.base,
            "quoteCoin": quote,
            "buyLimitPriceRatio": "0.9",
            "sellLimitPriceRatio": "0.9",
            "feeRateUpRatio": "0.1",
            "makerFeeRate": "0.0004",
            "takerFeeRate": "0.0006",
            "openCostUpRatio": "0.1",
            "supportMarginCoins": [perp.coin.base if quote == "USD" else quote],
            "minTradeNum": "0.01",
            "priceEndStep": "1",
            "volumePlace": "2",
            "pricePlace": str(decimals_of(perp.coin.tick)),
            "sizeMultiplier": "0.01",
            "symbolType": "delivery" if perp.margin == "dated" else "perpetual",
            "minTradeUSDT": "5",
            "maxSymbolOrderNum": "999999",
            "maxProductOrderNum": "999999",
            "maxPositionNum": "150",
            "symbolStatus": "off" if perp.coin.ended_d else "normal",
            "offTime": "-1",
            "limitOpenTime": "-1",
            "deliveryTime": self._end_ms(perp) or "",
            "deliveryStartTime": "",
            "launchTime": "",
            "fundInterval": str(self._market.funding_of("bitget", perp.coin.base)[1]),
            "minLever": "1",
            "maxLever": "125",
            "posLimit": "0.05",
            "maintainTime": "",
        }

    def _funding(self, perp: Perp) -> dict[str, Any]:
        rate, hours, due = self._market.funding_of("bitget", perp.coin.base)
        row = {"symbol": perp.symbol, "fundingRate": short(rate, 8), "fundingRateInterval": str(hours)}
        return row | {"nextUpdate": str(due), "minFundingRate": "-0.003", "maxFundingRate": "0.003"}

    def _open_interest(self, asked: Asked, perp: Perp) -> Reply:
        row = {"symbol": perp.symbol, "size": self._interest(perp)}
        return self._data({"openInterestList": [row], "ts": str(self._now_ms())})

    def _candles(self, asked: Asked, perp: Perp) -> Reply:
        minutes = PERP_MINUTES.get(asked.query.get("granularity", ""))
        if minutes is None:
            return self._refuse("400171", "Parameter granularity verification failed")
        margin = "coin" if perp.margin == "dated" else perp.margin
        coin, numbers = perp.coin, self._span(asked, minutes)

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("bitget", coin.base, "perp", minutes, first, last, margin=margin)
            return [compact(self._candle(coin, candle)) for candle in candles]

        rows = self._market.history(f"bitget {margin} {coin.base} {minutes}", coin, minutes, *numbers, spell)
        return in_pieces(self._before(), rows, "]}")

    def _funding_time(self, perp: Perp) -> dict[str, Any]:
        _, hours, due = self._market.funding_of("bitget", perp.coin.base)
        return {"symbol": perp.symbol, "nextFundingTime": str(due), "ratePeriod": str(hours)}

    def _fundings(self, asked: Asked, perp: Perp) -> Reply:
        """Pages of what was paid, newest first."""
        size = max(1, min(number(asked.query.get("pageSize"), 20), 100))
        page = max(1, number(asked.query.get("pageNo"), 1))
        paid = self._market.fundings("bitget", perp.coin.base, 0, 1 << 60, size * page)[: size or None]
        return self._data(
            [
                {"symbol": perp.symbol, "fundingRate": short(rate, 8), "fundingTime": str(at)}
                for at, rate in reversed(paid)
            ]
        )

    def _ratios(self, asked: Asked, word: str) -> Reply:
        """Shares of accounts or positions, oldest first; the accounts' ratio is a hundredth of it, as on Bitget."""
        symbol, minutes = asked.query.get("symbol", "").upper(), PERIODS.get(asked.query.get("period", "5m"))
        perp = self._perp(symbol, "USDT")
        if perp is None:
            return self._refuse("40034", f"Parameter {symbol} does not exist")
        if minutes is None:
            return self._refuse("400171", "Parameter period verification failed")
        last, rows = self._now_ms() // (minutes * 60_000), []
        of = "accounts" if word == "Account" else "top positions"
        for slot in range(last - 29, last + 1):
            share = round(self._market.long_share("bitget", perp.coin.base, of, slot * minutes * 60), 4)
            ratio = share / (1 - share) / (100 if word == "Account" else 1)
            rows.append(
                {
                    f"long{word}Ratio": short(share, 4),
                    f"short{word}Ratio": short(1 - share, 4),
                    f"longShort{word}Ratio": short(ratio, 4),
                    "ts": str(slot * minutes * 60_000),
                }
            )
        return self._data(rows)

    # The unified account's addresses, with names of their own.

    def _v3(self, asked: Asked, path: str) -> Reply:
        category = asked.query.get("category", "").upper()
        margin, symbol = MARGINS.get(category), asked.query.get("symbol", "").upper()
        if path not in ("tickers", "open-interest", "liquidations"):
            return self._refuse("40404", "Request URL NOT FOUND", 404)
        if margin is None:
            return self._refuse("40019", "Parameter category cannot be empty")
        perps = list(self._perps(margin)) if not symbol else [each for each in [self._perp(symbol, margin)] if each]
        if not perps:
            return self._refuse("40034", f"Parameter {symbol} does not exist")
        if path == "tickers":
            return self._data([self._v3_row(category, perp) for perp in perps])
        if path == "open-interest":
            rows = [{"symbol": perp.symbol, "openInterest": self._interest(perp)} for perp in perps]
            return self._data({"list": rows, "ts": str(self._now_ms())})
        return self._liquidations(asked, margin, perps)

    def _perps(self, margin: str) -> Iterator[Perp]:
        for coin in self._market.listed("bitget", "perp"):
            if margin in self._market.margins("bitget", coin.base):
                yield Perp(f"{coin.base}{ENDINGS[margin]}", coin, margin)

    def _v3_row(self, category: str, perp: Perp) -> dict[str, Any]:
        row = self._ticker(perp)
        names = {
            "lastPrice": "lastPr",
            "openPrice24h": "open24h",
            "highPrice24h": "high24h",
            "lowPrice24h": "low24h",
            "ask1Price": "askPr",
            "bid1Price": "bidPr",
            "bid1Size": "bidSz",
            "ask1Size": "askSz",
            "price24hPcnt": "change24h",
            "volume24h": "baseVolume",
            "turnover24h": "quoteVolume",
            "indexPrice": "indexPrice",
            "markPrice": "markPrice",
            "fundingRate": "fundingRate",
            "openInterest": "holdingAmount",
        }
        ends = {name: row[name] or "" for name in ("deliveryStartTime", "deliveryTime", "deliveryStatus")}
        figures = {new: row[old] for new, old in names.items()}
        return {"category": category, "symbol": perp.symbol, "ts": str(self._now_ms()), **figures, **ends}

    def _liquidations(self, asked: Asked, margin: str, perps: list[Perp]) -> Reply:
        """Of three days, some minutes late, newest first; side is the position's. The cursor is the last one's time."""
        limit = max(1, min(number(asked.query.get("limit"), 100), 100))
        late, cursor = self._now_ms() - LATE_MS, number(asked.query.get("cursor"), 1 << 60)
        until, found = min(late, cursor), []
        for hour in range(until // HOUR_MS, (late - 3 * 24 * HOUR_MS) // HOUR_MS, -1):
            for perp in perps:
                amounts = self._market.liquidations("bitget", perp.coin.base, hour * 3600, hour * 3600 + 3600, margin)
                found += [(each, perp.symbol) for each in amounts if each.time_ms < until]
            if len(found) >= limit:
                break
        found.sort(key=lambda pair: -pair[0].time_ms)
        rows = [
            {
                "symbol": symbol,
                "side": "buy" if each.side == "long" else "sell",
                "price": short(each.price),
                "amount": short(each.size, 9),
                "ts": str(each.time_ms),
            }
            for each, symbol in found[:limit]
        ]
        return self._data({"list": rows, "cursor": rows[-1]["ts"] if len(rows) == limit else ""})
