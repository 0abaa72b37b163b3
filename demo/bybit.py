"""Bybit v5 as it speaks on the wire: one path for all markets, errors with HTTP 200."""

from __future__ import annotations

from demo.market import Coin, Market
from demo.web import CLOUDFRONT, Asked, Reply, in_json


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    if status == 418:
        return in_json({"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit.", "result": {}, "retExtInfo": {}}, 403)
    return in_json({"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}, "time": 0}, 429)


class Bybit:
    def __init__(self, market: Market) -> None:
        self._market = market

    async def handle(self, asked: Asked) -> Reply:
        if asked.path == "/v5/market/time":
            second = int(self._market.clock())
            return self._envelope({"timeSecond": str(second), "timeNano": str(second * 10**9)})
        if asked.path != "/v5/market/tickers":
            return in_json({"retCode": 10404, "retMsg": "Not found"}, 404)
        kind = {"spot": "spot", "linear": "perp"}.get(asked.query.get("category", ""))
        if kind is None:
            return self._envelope({}, 10001, "params error: Category is invalid")
        rows = [row for coin in self._market.coins.values() for row in self._rows(coin, kind)]
        symbol = asked.query.get("symbol")
        if symbol is not None:
            rows = [row for row in rows if row["symbol"] == symbol]
            if not rows:
                return self._envelope({}, 10001, "params error: symbol invalid")
        return self._envelope({"category": asked.query["category"], "list": rows})

    def _envelope(self, result: object, code: int = 0, msg: str = "OK") -> Reply:
        now = int(self._market.clock() * 1000)
        return in_json({"retCode": code, "retMsg": msg, "result": result, "retExtInfo": {}, "time": now})

    def _rows(self, coin: Coin, kind: str) -> list[dict[str, str]]:
        if not self._market.lists("bybit", coin.base, kind):
            return []
        if kind == "spot":
            return [self._spot_row(coin, quote) for quote in ("USDT", "USDC")]
        name = f"{coin.multiplier if coin.multiplier > 1 else ''}{coin.base}"
        return [self._perp_row(coin, f"{name}{ending}") for ending in ("USDT", "PERP")]

    def _spot_row(self, coin: Coin, quote: str) -> dict[str, str]:
        day = self._market.day("bybit", coin.base, "spot")
        return {
            "symbol": f"{coin.base}{quote}",
            "bid1Price": f"{day.bid:.8f}",
            "bid1Size": "2",
            "ask1Price": f"{day.ask:.8f}",
            "ask1Size": "1.862172",
            "lastPrice": f"{day.last:.8f}",
            "prevPrice24h": f"{day.open:.8f}",
            "price24hPcnt": f"{(day.last - day.open) / day.open:.4f}",
            "highPrice24h": f"{day.high:.8f}",
            "lowPrice24h": f"{day.low:.8f}",
            "turnover24h": f"{day.turnover:.8f}",
            "volume24h": f"{day.volume:.5f}",
            "usdIndexPrice": f"{day.last:.8f}",
        }

    def _perp_row(self, coin: Coin, symbol: str) -> dict[str, str]:
        day = self._market.day("bybit", coin.base, "perp", coin.multiplier)
        one_side = self._market.interest("bybit", coin.base) / coin.multiplier
        rate, hours, due = self._market.funding(coin.base)
        return {
            "symbol": symbol,
            "lastPrice": f"{day.last:.8f}",
            "indexPrice": f"{day.last * 1.0004:.8f}",
            "markPrice": f"{day.last:.8f}",
            "prevPrice24h": f"{day.open:.8f}",
            "price24hPcnt": f"{(day.last - day.open) / day.open:.6f}",
            "highPrice24h": f"{day.high:.8f}",
            "lowPrice24h": f"{day.low:.8f}",
            "prevPrice1h": f"{day.open:.8f}",
            "openInterest": f"{one_side * 2:.3f}",
            "openInterestValue": f"{one_side * 2 * day.last:.2f}",
            "singleOpenInterest": f"{one_side:.3f}",
            "singleOpenInterestValue": f"{one_side * day.last:.2f}",
            "turnover24h": f"{day.turnover:.4f}",
            "volume24h": f"{day.volume:.4f}",
            "fundingRate": f"{rate:.8f}",
            "nextFundingTime": str(due),
            "predictedDeliveryPrice": "",
            "basisRate": "",
            "deliveryFeeRate": "",
            "deliveryTime": "0",
            "ask1Size": "14.246",
            "bid1Price": f"{day.bid:.8f}",
            "ask1Price": f"{day.ask:.8f}",
            "bid1Size": "0.043",
            "basis": "",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
            "fundingIntervalHour": str(hours),
        }
