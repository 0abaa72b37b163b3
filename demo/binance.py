"""Binance as it speaks on the wire: api.binance.com and fapi.binance.com."""

from __future__ import annotations

import re

from demo.market import Coin, Market
from demo.web import Asked, Reply, in_json

QUOTES = ("USDT", "USDC")


def refusal(status: int) -> Reply:
    if status == 451:
        msg = "Service unavailable from a restricted location according to 'b. Eligibility' in the terms of use."
        return in_json({"code": 0, "msg": msg}, 451)
    msg = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
    if status == 418:
        msg = "Way too much request weight used; IP banned until 4102444800000."
    return in_json({"code": -1003, "msg": msg}, status, (("Retry-After", "7"),))


def error(code: int, msg: str) -> Reply:
    return in_json({"code": code, "msg": msg}, 400)


def _coin(market: Market, asked: Asked, kind: str) -> tuple[Coin, int] | Reply:
    """The coin and the contract's multiplier that a symbol names, or the refusal."""
    symbol = asked.query.get("symbol", "")
    if not symbol:
        return error(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    if not re.fullmatch(r"[A-Z0-9\-_.]{1,20}", symbol):
        return error(-1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.")
    for coin in market.coins.values():
        multiplier = coin.multiplier if kind == "perp" else 1
        name = f"{multiplier if multiplier > 1 else ''}{coin.base}"
        if symbol in (f"{name}USDT", f"{name}USDC") and market.lists("binance", coin.base, kind):
            return coin, multiplier
    return error(-1121, "Invalid symbol.")


def _plain(figure: float, decimals: int = 8) -> str:
    return f"{figure:.{decimals}f}"


def _ticker(market: Market, symbol: str, coin: Coin, kind: str, multiplier: int) -> dict[str, object]:
    day, now = market.day("binance", coin.base, kind, multiplier), int(market.clock() * 1000)
    row: dict[str, object] = {
        "symbol": symbol,
        "priceChange": _plain(day.last - day.open),
        "priceChangePercent": _plain((day.last - day.open) / day.open * 100, 3),
        "weightedAvgPrice": _plain(day.turnover / day.volume),
    }
    if kind == "spot":
        row["prevClosePrice"] = _plain(day.open)
    row |= {"lastPrice": _plain(day.last), "lastQty": "0.00731000"}
    if kind == "spot":
        row |= {"bidPrice": _plain(day.bid), "bidQty": "7.15931000"}
        row |= {"askPrice": _plain(day.ask), "askQty": "0.09592000"}
    return row | {
        "openPrice": _plain(day.open),
        "highPrice": _plain(day.high),
        "lowPrice": _plain(day.low),
        "volume": _plain(day.volume),
        "quoteVolume": _plain(day.turnover),
        "openTime": now - 86_400_000,
        "closeTime": now,
        "firstId": 5116031635,
        "lastId": 5117964946,
        "count": 1933312,
    }


class Binance:
    """Both hosts; each answers its own paths only."""

    def __init__(self, market: Market) -> None:
        self._market = market

    async def spot(self, asked: Asked) -> Reply:
        if asked.path == "/api/v3/time":
            return in_json({"serverTime": int(self._market.clock() * 1000)})
        if asked.path == "/api/v3/ticker/price":
            return in_json(self._prices("spot"))
        if asked.path != "/api/v3/ticker/24hr":
            return Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")
        found = _coin(self._market, asked, "spot")
        if isinstance(found, Reply):
            return found
        row = _ticker(self._market, asked.query["symbol"], found[0], "spot", 1)
        return in_json(row, headers=(("X-MBX-USED-WEIGHT-1M", "2"),))

    async def usdm(self, asked: Asked) -> Reply:
        if asked.path == "/fapi/v1/ticker/price":
            return in_json(self._prices("perp"))
        if asked.path == "/fapi/v1/fundingInfo":
            return in_json(self._funding_info())
        answer = {
            "/fapi/v1/ticker/24hr": self._perp_ticker,
            "/fapi/v1/openInterest": self._open_interest,
            "/fapi/v1/premiumIndex": self._premium_index,
        }.get(asked.path)
        if answer is None:
            return Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")
        found = _coin(self._market, asked, "perp")
        if isinstance(found, Reply):
            return found
        return in_json(answer(asked.query["symbol"], *found), headers=(("X-MBX-USED-WEIGHT-1M", "1"),))

    def _perp_ticker(self, symbol: str, coin: Coin, multiplier: int) -> dict[str, object]:
        return _ticker(self._market, symbol, coin, "perp", multiplier)

    def _open_interest(self, symbol: str, coin: Coin, multiplier: int) -> dict[str, object]:
        coins = self._market.interest("binance", coin.base)
        return {
            "openInterest": _plain(coins / multiplier, 3),
            "symbol": symbol,
            "time": int(self._market.clock() * 1000),
        }

    def _premium_index(self, symbol: str, coin: Coin, multiplier: int) -> dict[str, object]:
        rate, _, due = self._market.funding(coin.base)
        perp = self._market.day("binance", coin.base, "perp", multiplier).last
        return {
            "symbol": symbol,
            "markPrice": _plain(perp * 1.00001),
            "indexPrice": _plain(perp * 1.0004),
            "estimatedSettlePrice": _plain(perp * 1.0003),
            "lastFundingRate": _plain(rate),
            "nextFundingTime": due,
            "interestRate": "0.00010000",
            "time": int(self._market.clock() * 1000),
        }

    def _prices(self, kind: str) -> list[dict[str, object]]:
        now = int(self._market.clock() * 1000)
        rows: list[dict[str, object]] = []
        for coin in self._market.coins.values():
            if self._market.lists("binance", coin.base, kind):
                multiplier = coin.multiplier if kind == "perp" else 1
                name = f"{multiplier if multiplier > 1 else ''}{coin.base}USDT"
                row: dict[str, object] = {"symbol": name, "price": _plain(coin.price * multiplier)}
                rows.append(row if kind == "spot" else row | {"time": now})
        return rows

    def _funding_info(self) -> list[dict[str, object]]:
        return [
            {
                "symbol": f"{coin.multiplier if coin.multiplier > 1 else ''}{coin.base}USDT",
                "adjustedFundingRateCap": "0.02500000",
                "adjustedFundingRateFloor": "-0.02500000",
                "fundingIntervalHours": coin.funding_h,
                "disclaimer": False,
            }
            for coin in self._market.coins.values()
            if coin.funding_h != 8
        ]
