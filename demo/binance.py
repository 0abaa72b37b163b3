"""Binance as it speaks on the wire: api, fapi and dapi.binance.com."""

from __future__ import annotations

import re
from collections.abc import Callable

from demo.keys import binance_refusal
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


CONTRACTS = {"BTCUSD_PERP": 100, "ETHUSD_PERP": 10, "DOGEUSD_PERP": 10}  # dollars of one COIN-M contract
COINM_HELD = {"ETHUSD_PERP": 200}
USDM_HELD = (("BTC", "LONG", 0.25), ("ETH", "LONG", 2.0), ("ETH", "SHORT", -1.0))
SPOT_HELD = {"BTC": ("0.12345678", "0.01000000"), "USDT": ("2500.50000000", "0.00000000"), "SHIB": ("100.00", "0.00")}


def _spot_account(asked: Asked) -> dict[str, object]:
    balances = [{"asset": asset, "free": free, "locked": locked} for asset, (free, locked) in SPOT_HELD.items()]
    return {
        "canTrade": True,
        "canWithdraw": False,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
    }


def _rights(asked: Asked) -> dict[str, object]:
    return {
        "ipRestrict": False,
        "createTime": 1623840271000,
        "enableReading": True,
        "enableWithdrawals": False,
        "enableSpotAndMarginTrading": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
    }


def _futures_balance(asset: str, total: float, available: float) -> dict[str, object]:
    return {
        "accountAlias": "SgsR",
        "asset": asset,
        "balance": _plain(total),
        "crossWalletBalance": _plain(total),
        "crossUnPnl": "0.00000000",
        "availableBalance": _plain(available),
        "maxWithdrawAmount": _plain(available),
        "marginAvailable": True,
        "updateTime": 1617939110373,
    }


def _coinm_balance(asset: str, total: float, available: float) -> dict[str, object]:
    row = _futures_balance(asset, total, available) | {"withdrawAvailable": _plain(available)}
    return {key: value for key, value in row.items() if key not in ("maxWithdrawAmount", "marginAvailable")}


class Binance:
    """All hosts; each answers its own paths only."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def _private(self, asked: Asked, answers: dict[str, Callable[[Asked], object]]) -> Reply | None:
        """The answer to a signed request; None for a path that is not one of those."""
        answer = answers.get(asked.path)
        if answer is None:
            return None
        return binance_refusal(asked, self._now_ms()) or in_json(answer(asked))

    async def spot(self, asked: Asked) -> Reply:
        private = self._private(asked, {"/api/v3/account": _spot_account, "/sapi/v1/account/apiRestrictions": _rights})
        if private is not None:
            return private
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

    async def coinm(self, asked: Asked) -> Reply:
        """COIN-M: contracts of dollars, money in coins."""
        if asked.path == "/dapi/v1/exchangeInfo":
            rows = [{"symbol": name, "pair": name[:-5], "contractSize": size} for name, size in CONTRACTS.items()]
            return in_json({"timezone": "UTC", "serverTime": self._now_ms(), "symbols": rows})
        answers: dict[str, Callable[[Asked], object]] = {
            "/dapi/v1/balance": lambda asked: [_coinm_balance("BTC", 0.25, 0.2)],
            "/dapi/v1/positionRisk": lambda asked: self._coinm_positions(),
            "/dapi/v1/income": lambda asked: self._income(asked, "BTC", 0.0001),
        }
        return self._private(asked, answers) or Reply(404, b"<html>404</html>", "text/html")

    def _coinm_positions(self) -> list[dict[str, object]]:
        rows = []
        for name, size in CONTRACTS.items():
            base = name.partition("USD")[0]
            mark = self._market.day("binance", base, "perp").last
            held = COINM_HELD.get(name, 0)
            entry = mark * 0.98 if held else 0.0
            pnl = held * size * (1 / entry - 1 / mark) if held else 0.0
            rows.append(
                {
                    "symbol": name,
                    "positionAmt": str(held),
                    "entryPrice": _plain(entry),
                    "markPrice": _plain(mark if held else 0.0),
                    "unRealizedProfit": _plain(pnl),
                    "liquidationPrice": _plain(mark * 0.5 if held else 0.0),
                    "leverage": "5",
                    "marginType": "cross",
                    "positionSide": "BOTH",
                    "notionalValue": _plain(held * size / mark),
                    "updateTime": self._now_ms(),
                }
            )
        return rows

    def _usdm_positions(self) -> list[dict[str, object]]:
        """Hedge mode: a long and a short of ETH, and a long of BTC."""
        rows = []
        for base, side, amount in USDM_HELD:
            mark = self._market.day("binance", base, "perp").last
            entry = mark * (0.97 if side == "LONG" else 1.01)
            rows.append(
                {
                    "symbol": f"{base}USDT",
                    "positionSide": side,
                    "positionAmt": str(amount),
                    "entryPrice": _plain(entry),
                    "breakEvenPrice": _plain(entry),
                    "markPrice": _plain(mark),
                    "unRealizedProfit": _plain(amount * (mark - entry)),
                    "liquidationPrice": _plain(mark * 0.7) if side == "LONG" else "0",
                    "notional": _plain(amount * mark),
                    "marginAsset": "USDT",
                    "isolatedMargin": "0.00000000",
                    "updateTime": self._now_ms(),
                }
            )
        return rows

    def _usdm_account(self) -> dict[str, object]:
        rows = []
        for base, side, amount in USDM_HELD:
            margin = abs(amount) * self._market.day("binance", base, "perp").last / 10
            rows.append({"symbol": f"{base}USDT", "positionSide": side, "initialMargin": _plain(margin)})
        return {"totalWalletBalance": "5000.00000000", "assets": [], "positions": rows}

    def _income(self, asked: Asked, asset: str, unit: float) -> list[dict[str, object]]:
        """Four entries a day for as long as one looks, oldest first, 1000 at most."""
        begin, end = int(asked.query.get("startTime", "0")), int(asked.query.get("endTime", str(self._now_ms())))
        step = 6 * 3_600_000
        kinds = ("REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "TRANSFER")
        amounts = (12.5, -0.75, -0.5, 1000.0)
        return [
            {
                "symbol": "BTCUSDT",
                "incomeType": kinds[slot % 4],
                "income": _plain(amounts[slot % 4] * unit),
                "asset": asset,
                "info": "",
                "time": slot * step,
                "tranId": str(slot),
                "tradeId": "",
            }
            for slot in range(-(-begin // step), end // step + 1)
        ][: int(asked.query.get("limit", "100"))]

    async def usdm(self, asked: Asked) -> Reply:
        answers: dict[str, Callable[[Asked], object]] = {
            "/fapi/v3/balance": lambda asked: [_futures_balance("USDT", 5000, 3100), _futures_balance("USDC", 0, 3100)],
            "/fapi/v3/positionRisk": lambda asked: self._usdm_positions(),
            "/fapi/v3/account": lambda asked: self._usdm_account(),
            "/fapi/v1/income": lambda asked: self._income(asked, "USDT", 1.0),
        }
        private = self._private(asked, answers)
        if private is not None:
            return private
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
