"""Hyperliquid as it speaks on the wire: one path, a body that says what is wanted, lists that are joined by index."""

from __future__ import annotations

import json
import math
from typing import Any

from demo.coins import FILLERS, Coin, contract_of
from demo.market import Candle, Market
from demo.spelling import compact, earliest, in_pieces, short
from demo.web import CLOUDFRONT, Asked, Reply, in_json

MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720, "1d": 1440,
    "3d": 4320,
}  # fmt: skip
NOT_UNDERSTOOD = Reply(422, b"Failed to deserialize the JSON body into the target type", "text/plain")
DELISTED = {
    "name": "LOOM", "szDecimals": 1, "maxLeverage": 3, "marginTableId": 3, "onlyIsolated": True, "isDelisted": True,
}  # fmt: skip
NOBODY = {  # the figures of a market without a book
    "funding": "0.0", "openInterest": "0.0", "prevDayPx": "0.0484", "dayNtlVlm": "0.0", "premium": None,
    "oraclePx": "0.0484", "markPx": "0.0484", "midPx": None, "impactPxs": None, "dayBaseVlm": "0.0",
}  # fmt: skip
BOOKLESS = [coin.base for coin in FILLERS if "hyperliquid" in coin.only_on and coin.perp_usd][-1]  # has open interest
MAX_FUNDINGS = 500
MAX_CANDLES = 5000


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    return Reply(429, b"rate limited", "text/plain")


def name_of(coin: Coin) -> str:
    return contract_of("hyperliquid", coin)[0]


def _multiplier(coin: Coin) -> int:
    return contract_of("hyperliquid", coin)[1]


class Hyperliquid:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        if asked.path != "/info":
            return Reply(404, b"", "text/plain")
        if asked.method != "POST":
            return Reply(405, b"", "text/plain")
        try:
            wanted = json.loads(asked.body)
        except ValueError:
            return NOT_UNDERSTOOD
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind == "metaAndAssetCtxs":
            return self._meta_and_contexts()
        if kind == "meta":
            return in_json({"universe": [self._universe_row(coin) for coin in self._coins()] + [DELISTED]})
        if kind == "allMids":
            mids = {name_of(coin): short(self._mid(coin)) for coin in self._coins()}
            return in_json({**mids, "PURR/USDC": "0.2268", "@107": short(self._market.price("HYPE", self._now()))})
        if kind == "spotMetaAndAssetCtxs":
            return in_json(self._spot())
        if kind == "candleSnapshot":
            return self._candles(wanted.get("req"))
        if kind == "l2Book":
            return self._book(str(wanted.get("coin")))
        if kind == "fundingHistory":
            return self._fundings(wanted)
        if kind == "predictedFundings":
            return in_json([self._predicted(coin) for coin in self._coins()])
        if kind == "perpDexs":
            return in_json([None])
        return NOT_UNDERSTOOD

    def _book(self, name: str) -> Reply:
        """Bids and asks, the best first; null for a coin that there is not."""
        coin = self._market.contract("hyperliquid", name)
        if coin is None:
            return in_json(None)
        day = self._market.day("hyperliquid", coin.base, "perp", _multiplier(coin), "USDC")
        tick = (day.ask - day.bid) / 2
        levels = [
            [{"px": short(first + way * tick * step), "sz": "1.5", "n": 3} for step in range(20)]
            for first, way in ((day.bid, -1), (day.ask, 1))
        ]
        return in_json({"coin": name, "time": int(self._now() * 1000), "levels": levels})

    def _now(self) -> float:
        return self._market.clock()

    def _coins(self) -> list[Coin]:
        return self._market.listed("hyperliquid", "perp")

    def _coin(self, name: object) -> Coin | None:
        return self._market.contract("hyperliquid", name) if isinstance(name, str) else None

    def _universe_row(self, coin: Coin) -> dict[str, Any]:
        decimals = max(0, min(5, round(math.log10(coin.price * _multiplier(coin))) + 1))
        most = 40 if coin.base == "BTC" else 10
        row = {"szDecimals": decimals, "name": name_of(coin), "maxLeverage": most, "marginTableId": most + 16}
        return row | {"isDelisted": True} if coin.ended_d else row

    def _mid(self, coin: Coin) -> float:
        return self._market.day("hyperliquid", coin.base, "perp", _multiplier(coin), "USDC").last

    def _meta_and_contexts(self) -> Reply:
        universe, contexts = [], []
        for row in self._market.rows("contexts", "hyperliquid", "perp", lambda coin: [self._both(coin)]):
            meta, _, context = row.partition("\n")
            universe.append(meta)
            contexts.append(context)
        universe.append(compact(DELISTED))
        contexts.append(compact(NOBODY))
        before = f'[{{"universe":[{",".join(universe)}],"marginTables":[],"collateralToken":0}},['
        return in_pieces(before, contexts, "]]")

    def _both(self, coin: Coin) -> str:
        return f"{compact(self._universe_row(coin))}\n{compact(self._context(coin))}"

    def _context(self, coin: Coin) -> dict[str, Any]:
        day = self._market.day("hyperliquid", coin.base, "perp", _multiplier(coin), "USDC")
        mark = self._market.mark("hyperliquid", coin.base) * _multiplier(coin)
        has_book = coin.base != BOOKLESS
        if coin.ended_d:
            return NOBODY | {name: short(mark) for name in ("prevDayPx", "oraclePx", "markPx")}
        return {
            "funding": short(self._market.funding_of("hyperliquid", coin.base)[0], 10),
            "openInterest": short(self._market.interest_of("hyperliquid", coin.base, "USDC") / _multiplier(coin), 6),
            "prevDayPx": short(day.open),
            "dayNtlVlm": short(day.turnover, 10),
            "premium": "-0.0005927453" if has_book else None,
            "oraclePx": short(self._market.index("hyperliquid", coin.base) * _multiplier(coin)),
            "markPx": short(mark),
            "midPx": short(day.last) if has_book else None,
            "impactPxs": [short(day.bid), short(day.ask)] if has_book else None,
            "dayBaseVlm": short(day.volume, 6),
        }

    def _spot(self) -> list[Any]:
        tokens = [
            {
                "name": name,
                "szDecimals": decimals,
                "weiDecimals": 8,
                "index": index,
                "tokenId": f"0x{index:032x}",
                "isCanonical": True,
                "evmContract": None,
                "fullName": None,
            }
            for name, decimals, index in (("USDC", 8, 0), ("PURR", 0, 1), ("HYPE", 2, 150))
        ]
        universe = [
            {"tokens": [1, 0], "name": "PURR/USDC", "index": 0, "isCanonical": True},
            {"tokens": [150, 0], "name": "@107", "index": 107, "isCanonical": False},
        ]
        price, before = (self._market.price("HYPE", self._now() - ago) for ago in (0, 86_400))
        contexts = [
            ("PURR/USDC", "0.2108", "14350747.92152", "0.22695", "0.2268", "65824101.0"),
            ("@107", short(before), short(2.1e6 * price), short(price), short(price), "2100000.0"),
        ]
        rows = [
            {
                "prevDayPx": prev,
                "dayNtlVlm": notional,
                "markPx": mark,
                "midPx": mid,
                "circulatingSupply": "597683272.12003005",
                "coin": name,
                "totalSupply": "597683276.64275002",
                "dayBaseVlm": volume,
            }
            for name, prev, notional, mark, mid, volume in contexts
        ]
        return [{"universe": universe, "tokens": tokens}, rows]

    def _candles(self, wanted: object) -> Reply:
        """Ascending, the first 5000 of the time that is asked for; null for a coin that there is not."""
        if not isinstance(wanted, dict) or not isinstance(wanted.get("startTime"), int):
            return NOT_UNDERSTOOD
        minutes, word = MINUTES.get(str(wanted.get("interval"))), wanted.get("interval")
        end = wanted.get("endTime", int(self._now() * 1000))
        if minutes is None or not isinstance(end, int) or not isinstance(wanted.get("coin"), str):
            return NOT_UNDERSTOOD
        coin, now_ms = self._coin(wanted["coin"]), int(self._now() * 1000)
        if coin is None:
            return in_json(None)
        since = max(wanted["startTime"] // (minutes * 60_000) * minutes * 60_000, now_ms - 5000 * minutes * 60_000)
        numbers = earliest(minutes, MAX_CANDLES, since, min(end, now_ms))

        def row(c: Candle) -> str:
            times = {"t": c.open_ms, "T": c.open_ms + minutes * 60_000 - 1, "s": wanted["coin"], "i": word}
            prices = {"o": short(c.open), "c": short(c.close), "h": short(c.high), "l": short(c.low)}
            return compact({**times, **prices, "v": short(c.volume, 6), "n": c.n_trades})

        def spell(first: int, last: int) -> list[str]:
            market, many = self._market, _multiplier(coin)
            candles = market.candles("hyperliquid", coin.base, "perp", minutes, first, last, many, "USDC")
            return [row(candle) for candle in candles]

        rows = self._market.history(f"hyperliquid {coin.base} {minutes}", coin, minutes, *numbers, spell)
        return in_pieces("[", rows, "]")

    def _fundings(self, wanted: dict[str, Any]) -> Reply:
        """What was paid at every full hour, oldest first."""
        coin, begin, end = self._coin(wanted.get("coin")), wanted.get("startTime"), wanted.get("endTime", 1 << 60)
        if not isinstance(begin, int) or not isinstance(end, int):
            return NOT_UNDERSTOOD
        if coin is None:
            return in_json(None)
        first, last = earliest(60, MAX_FUNDINGS, begin, min(end, int(self._now() * 1000)))
        rows = []
        for hour in range(first, last + 1):
            rate = self._market.funding_of("hyperliquid", coin.base, hour * 3600 - 1)[0]
            figures = {"fundingRate": short(rate, 10), "premium": short(rate * 8 - 0.0001, 10)}
            rows.append({"coin": name_of(coin), **figures, "time": hour * 3_600_000 + 48})
        return in_json(rows)

    def _predicted(self, coin: Coin) -> list[Any]:
        """What is expected here and at two others; null where the coin is not traded."""
        venues: list[list[Any]] = []
        for venue, exchange in (("BinPerp", "binance"), ("HlPerp", "hyperliquid"), ("BybitPerp", "bybit")):
            if self._market.lists(exchange, coin.base, "perp") is not coin:
                venues.append([venue, None])
                continue
            rate, hours, due = self._market.funding_of(exchange, coin.base)
            figures = {"fundingRate": short(rate, 10), "nextFundingTime": due, "fundingIntervalHours": hours}
            venues.append([venue, figures])
        return [name_of(coin), venues]
