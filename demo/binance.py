"""Binance as it speaks on the wire: api, fapi and dapi.binance.com."""

from __future__ import annotations

from collections.abc import Callable

from demo.binance_lists import Lists
from demo.binance_markets import CoinMarkets, Markets
from demo.coins import dollar_contract
from demo.keys import binance_refusal
from demo.market import Market
from demo.spelling import number, plain
from demo.standing import Standing
from demo.web import Asked, Reply, in_json


def refusal(status: int) -> Reply:
    if status == 451:
        msg = "Service unavailable from a restricted location according to 'b. Eligibility' in the terms of use."
        return in_json({"code": 0, "msg": msg}, 451)
    msg = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
    if status == 418:
        msg = "Way too much request weight used; IP banned until 4102444800000."
    return in_json({"code": -1003, "msg": msg}, status, (("Retry-After", "7"),))


NOT_FOUND = Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")
WEIGHTS = {  # documented ones that are not 1: one, and all without a symbol
    "/api/v3/ticker/24hr": (2, 80),
    "/api/v3/ticker/price": (2, 4),
    "/api/v3/ticker/bookTicker": (2, 4),
    "/api/v3/klines": (2, 2),
    "/api/v3/account": (20, 20),
    "/fapi/v1/ticker/24hr": (1, 40),
    "/fapi/v1/ticker/price": (1, 2),
    "/fapi/v2/ticker/price": (1, 2),
    "/fapi/v1/ticker/bookTicker": (2, 5),
    "/fapi/v1/fundingRate": (0, 0),
    "/fapi/v1/premiumIndex": (1, 10),
    "/fapi/v1/fundingInfo": (0, 0),
    "/fapi/v3/balance": (5, 5),
    "/fapi/v3/positionRisk": (5, 5),
    "/fapi/v3/account": (5, 5),
    "/fapi/v1/income": (30, 30),
    "/dapi/v1/ticker/24hr": (1, 40),
    "/dapi/v1/ticker/bookTicker": (2, 5),
    "/dapi/v1/premiumIndex": (10, 10),
    "/dapi/v1/fundingInfo": (0, 0),
    "/dapi/v1/income": (20, 20),
}
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
        "balance": plain(total),
        "crossWalletBalance": plain(total),
        "crossUnPnl": "0.00000000",
        "availableBalance": plain(available),
        "maxWithdrawAmount": plain(available),
        "marginAvailable": True,
        "updateTime": 1617939110373,
    }


def _coinm_balance(asset: str, total: float, available: float) -> dict[str, object]:
    row = _futures_balance(asset, total, available) | {"withdrawAvailable": plain(available)}
    return {key: value for key, value in row.items() if key not in ("maxWithdrawAmount", "marginAvailable")}


def _weight(host: str, asked: Asked) -> int:
    if asked.path.endswith("apiRestrictions") or asked.path.startswith("/futures/data"):
        return 1 if host == "BINANCE_COINM" or asked.path.startswith("/sapi") else 0
    if asked.path in ("/fapi/v1/klines", "/dapi/v1/klines"):
        limit = number(asked.query.get("limit"), 500)
        return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
    n_symbols = asked.query.get("symbols", "").count(",") + 1 if "symbols" in asked.query else 0
    if n_symbols:
        return 2 if n_symbols <= 20 else 40 if n_symbols <= 100 else 80
    one, every = WEIGHTS.get(asked.path, (1, 1))
    return one if "symbol" in asked.query or "pair" in asked.query else every


class Binance:
    """All hosts; each answers its own paths only. weights: what each host has counted, by the minute."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._markets, self._coin_markets, self._lists = Markets(market), CoinMarkets(market), Lists(market)
        self.weights: dict[str, dict[int, int]] = {
            name: {} for name in ("BINANCE_SPOT", "BINANCE_USDM", "BINANCE_COINM")
        }
        answers = {"BINANCE_SPOT": self._spot, "BINANCE_USDM": self._usdm, "BINANCE_COINM": self._coinm}
        self._hosts = {name: Standing(market, name, answer) for name, answer in answers.items()}

    def _counted(self, host: str, asked: Asked) -> Reply:
        """The answer with the weight used on this host in this minute, as every answer of Binance says it."""
        reply = self._hosts[host].reply(asked)
        weights, minute = self.weights[host], int(self._market.clock() // 60)
        weights[minute] = weights.get(minute, 0) + _weight(host, asked)
        if len(weights) > 100:
            del weights[min(weights)]
        return reply._replace(headers=(*reply.headers, ("X-MBX-USED-WEIGHT-1M", str(weights[minute]))))

    async def spot(self, asked: Asked) -> Reply:
        return self._counted("BINANCE_SPOT", asked)

    async def usdm(self, asked: Asked) -> Reply:
        return self._counted("BINANCE_USDM", asked)

    async def coinm(self, asked: Asked) -> Reply:
        return self._counted("BINANCE_COINM", asked)

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def _private(self, asked: Asked, answers: dict[str, Callable[[Asked], object]]) -> Reply | None:
        """The answer to a signed request; None for a path that is not one of those."""
        answer = answers.get(asked.path)
        if answer is None:
            return None
        return binance_refusal(asked, self._now_ms()) or in_json(answer(asked))

    def _spot(self, asked: Asked) -> Reply:
        private = self._private(asked, {"/api/v3/account": _spot_account, "/sapi/v1/account/apiRestrictions": _rights})
        if private is not None:
            return private
        if asked.path == "/api/v3/time":
            return in_json({"serverTime": self._now_ms()})
        return self._lists.spot(asked) or self._markets.spot(asked) or NOT_FOUND

    def _coinm(self, asked: Asked) -> Reply:
        """COIN-M: contracts of dollars, money in coins."""
        answers: dict[str, Callable[[Asked], object]] = {
            "/dapi/v1/balance": lambda asked: [_coinm_balance("BTC", 0.25, 0.2)],
            "/dapi/v1/positionRisk": lambda asked: self._coinm_positions(),
            "/dapi/v1/income": lambda asked: self._income(asked, "BTC", 0.0001),
        }
        if asked.path == "/dapi/v1/time":
            return in_json({"serverTime": self._now_ms()})
        return self._private(asked, answers) or self._coin_markets.handle(asked) or NOT_FOUND

    def _coinm_positions(self) -> list[dict[str, object]]:
        rows = []
        for base in self._coin_markets.bases():
            name, size = f"{base}USD_PERP", dollar_contract("binance", base)
            mark = self._market.day("binance", base, "perp").last
            held = COINM_HELD.get(name, 0)
            entry = mark * 0.98 if held else 0.0
            pnl = held * size * (1 / entry - 1 / mark) if held else 0.0
            rows.append(
                {
                    "symbol": name,
                    "positionAmt": str(held),
                    "entryPrice": plain(entry),
                    "markPrice": plain(mark if held else 0.0),
                    "unRealizedProfit": plain(pnl),
                    "liquidationPrice": plain(mark * 0.5 if held else 0.0),
                    "leverage": "5",
                    "marginType": "cross",
                    "positionSide": "BOTH",
                    "notionalValue": plain(held * size / mark),
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
            margin, for_orders = self._usdm_margins(base, amount, mark)
            rows.append(
                {
                    "symbol": f"{base}USDT",
                    "positionSide": side,
                    "positionAmt": str(amount),
                    "entryPrice": plain(entry),
                    "breakEvenPrice": plain(entry),
                    "markPrice": plain(mark),
                    "unRealizedProfit": plain(amount * (mark - entry)),
                    "liquidationPrice": plain(mark * 0.7) if side == "LONG" else "0",
                    "notional": plain(amount * mark),
                    "marginAsset": "USDT",
                    "isolatedMargin": "0.00000000",
                    "isolatedWallet": "0",
                    "initialMargin": plain(margin + for_orders),
                    "maintMargin": plain(margin / 10),
                    "positionInitialMargin": plain(margin),
                    "openOrderInitialMargin": plain(for_orders),
                    "updateTime": self._now_ms(),
                }
            )
        return rows

    def _usdm_margins(self, base: str, amount: float, mark: float) -> tuple[float, float]:
        """Of a position, and of its open orders: there are some for BTC."""
        margin = abs(amount) * mark / 10
        return margin, 2 * margin if base == "BTC" else 0.0

    def _usdm_account(self) -> dict[str, object]:
        """initialMargin is what positions and open orders need together; there are orders for BTC."""
        rows = []
        for base, side, amount in USDM_HELD:
            mark = self._market.day("binance", base, "perp").last
            margin, for_orders = self._usdm_margins(base, amount, mark)
            rows.append(
                {
                    "symbol": f"{base}USDT",
                    "positionSide": side,
                    "positionAmt": str(amount),
                    "unrealizedProfit": "0.00000000",
                    "isolatedMargin": "0.00000000",
                    "notional": plain(amount * mark),
                    "isolatedWallet": "0",
                    "initialMargin": plain(margin + for_orders),
                    "maintMargin": plain(margin / 10),
                    "updateTime": self._now_ms(),
                }
            )
        return {"totalWalletBalance": "5000.00000000", "assets": [], "positions": rows}

    def _income(self, asked: Asked, asset: str, unit: float) -> list[dict[str, object]]:
        """Four times a day for as long as one looks, oldest first, 1000 at most; each with a fee of the same time."""
        begin, end = int(asked.query.get("startTime", "0")), int(asked.query.get("endTime", str(self._now_ms())))
        step = 6 * 3_600_000
        kinds = ("REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "TRANSFER")
        amounts = (12.5, -0.75, -0.5, 1000.0)
        return [
            {
                "symbol": "BTCUSDT",
                "incomeType": kind,
                "income": plain(amount * unit),
                "asset": asset,
                "info": "",
                "time": slot * step,
                "tranId": f"{slot}{i}",
                "tradeId": "",
            }
            for slot in range(-(-begin // step), end // step + 1)
            for i, (kind, amount) in enumerate(((kinds[slot % 4], amounts[slot % 4]), ("COMMISSION", -0.01)))
        ][: int(asked.query.get("limit", "100"))]

    def _usdm(self, asked: Asked) -> Reply:
        answers: dict[str, Callable[[Asked], object]] = {
            "/fapi/v3/balance": lambda asked: [
                *(_futures_balance("USDT", 5000, 3100), _futures_balance("USDC", 0, 3100)),
                _futures_balance("BNFCR", 12.5, 12.5),  # the exchange's own dollar, which has no market
            ],
            "/fapi/v3/positionRisk": lambda asked: self._usdm_positions(),
            "/fapi/v3/account": lambda asked: self._usdm_account(),
            "/fapi/v1/income": lambda asked: self._income(asked, "USDT", 1.0),
        }
        private = self._private(asked, answers)
        if private is not None:
            return private
        if asked.path == "/fapi/v1/time":
            return in_json({"serverTime": self._now_ms()})
        return self._lists.usdm(asked) or self._markets.usdm(asked) or NOT_FOUND
