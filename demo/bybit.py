"""Bybit v5 as it speaks on the wire: one path for all markets, errors with HTTP 200."""

from __future__ import annotations

from collections.abc import Callable

from demo.keys import bybit_refusal
from demo.market import Coin, Market
from demo.web import CLOUDFRONT, Asked, Reply, in_json


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    if status == 418:
        return in_json({"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit.", "result": {}, "retExtInfo": {}}, 403)
    return in_json({"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}, "time": 0}, 429)


DAY_MS = 86_400_000


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

    async def handle(self, asked: Asked) -> Reply:
        if asked.path == "/v5/market/time":
            second = int(self._market.clock())
            return self._envelope({"timeSecond": str(second), "timeNano": str(second * 10**9)})
        if asked.path in self._private:
            return bybit_refusal(asked, int(self._market.clock() * 1000)) or self._private[asked.path](asked)
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

    def _wallet(self, asked: Asked) -> Reply:
        if asked.query.get("accountType") != "UNIFIED":
            return self._envelope({}, 10001, "accountType only support UNIFIED.")
        btc = self._market.price("BTC", self._market.clock())
        coins = [
            _coin("USDT", 1500.0, 300.0, 1500.0),
            _coin("BTC", 0.05, 0.0, 0.05 * btc),
            _coin("XRP", 0.5, 0.0, 0.26),
        ]
        row = {"totalEquity": f"{1500 + 0.05 * btc:.8f}", "accountType": "UNIFIED", "coin": coins}
        return self._envelope({"list": [row]})

    def _funding_wallet(self, asked: Asked) -> Reply:
        balance = {"coin": "USDC", "transferBalance": "20", "walletBalance": "20", "bonus": ""}
        return self._envelope({"memberId": "1", "accountType": "FUND", "balance": [balance]})

    def _positions(self, asked: Asked) -> Reply:
        """ETHUSDT long; BTCUSD short; nothing in USDC, where a row without a position comes."""
        category, settle = asked.query.get("category", ""), asked.query.get("settleCoin", "")
        if category == "linear" and settle not in ("USDT", "USDC"):
            return self._envelope({}, 10001, "Missing some parameters that must be filled in, symbol or settleCoin.")
        rows: list[dict[str, object]] = []
        if category == "inverse":
            mark = self._market.day("bybit", "BTC", "perp").last
            rows = [_position("BTCUSD", "Sell", 300, mark * 1.02, mark, 300 / mark, 300 / mark - 300 / (mark * 1.02))]
        elif settle == "USDT":
            mark = self._market.day("bybit", "ETH", "perp").last
            rows = [_position("ETHUSDT", "Buy", 1.5, mark * 0.99, mark, 1.5 * mark, 1.5 * mark * 0.01)]
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
