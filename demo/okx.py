"""OKX v5 as it speaks on the wire: everything a string, swaps in contracts, unknown instruments with HTTP 200."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from demo.keys import okx_refusal
from demo.market import Coin, Market
from demo.web import Asked, Reply, in_json

PRIVATE = tuple(
    f"/api/v5/{path}"
    for path in (
        "account/balance",
        "asset/balances",
        "account/positions",
        "account/positions-history",
        "account/bills",
        "account/config",
    )
)
CONTRACT = 0.01  # coins of one swap contract


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(451, b"<html><body>Unavailable For Legal Reasons</body></html>", "text/html")
    return in_json({"msg": "Too Many Requests", "code": "50011"}, 429)


class Okx:
    def __init__(self, market: Market) -> None:
        self._market = market

    async def handle(self, asked: Asked) -> Reply:
        now_ms = int(self._market.clock() * 1000)
        now = str(now_ms)
        if asked.path in PRIVATE:
            return okx_refusal(asked, now_ms) or _data(self._private(asked, now_ms))
        if asked.path == "/api/v5/public/time":
            return _data([{"ts": now}])
        if asked.path == "/api/v5/market/tickers":
            kind = "spot" if asked.query.get("instType") == "SPOT" else "perp"
            coins = [coin for coin in self._market.coins.values() if self._market.lists("okx", coin.base, kind)]
            return _data([self._ticker(coin, kind, "USDT", now) for coin in coins])
        answer = {
            "/api/v5/market/ticker": self._ticker,
            "/api/v5/public/open-interest": self._open_interest,
            "/api/v5/public/funding-rate": self._funding,
        }.get(asked.path)
        if answer is None:
            return in_json({"msg": "Not Found", "code": "404"}, 404)
        name = asked.query.get("instId", "")
        if not name:
            return in_json({"code": "50014", "data": [], "msg": "Parameter instId can not be empty."}, 400)
        base, _, rest = name.partition("-")
        quote, _, swap = rest.partition("-")
        kind = "perp" if swap == "SWAP" else "spot"
        coin = self._market.lists("okx", base, kind)
        if coin is None or quote not in ("USDT", "USDC") or swap not in ("", "SWAP"):
            return in_json({"code": "51001", "data": [], "msg": "Instrument ID doesn't exist."})
        return _data([answer(coin, kind, quote, now)])

    def _private(self, asked: Asked, now_ms: int) -> list[dict[str, Any]]:
        day_ms = 86_400_000
        mark = self._market.day("okx", "SOL", "perp").last
        if asked.path == "/api/v5/account/balance":
            usdt = {"ccy": "USDT", "eq": "800", "cashBal": "800", "availBal": "700", "availEq": "700", "eqUsd": "799.9"}
            eth = {"ccy": "ETH", "eq": "0.4", "cashBal": "0.4", "availBal": "0.4", "availEq": "", "eqUsd": "1380"}
            return [{"totalEq": "2179.9", "uTime": str(now_ms), "details": [usdt, eth]}]
        if asked.path == "/api/v5/asset/balances":
            return [{"availBal": "5", "bal": "5", "ccy": "SOL", "frozenBal": "0"}]
        if asked.path == "/api/v5/account/positions":
            return [
                {
                    "instId": "SOL-USDT-SWAP",
                    "instType": "SWAP",
                    "pos": "-12",
                    "posSide": "net",
                    "avgPx": _short(mark * 1.03),
                    "markPx": _short(mark),
                    "upl": _short(12 * mark * 0.03),
                    "uplRatio": "0.15",
                    "lever": "5",
                    "liqPx": "",
                    "notionalUsd": _short(12 * mark),
                    "margin": "",
                    "imr": _short(12 * mark / 5),
                    "mgnMode": "cross",
                    "ccy": "USDT",
                    "realizedPnl": "-1",
                    "fee": "-0.5",
                    "fundingFee": "-0.5",
                }
            ]
        if asked.path == "/api/v5/account/positions-history":
            before = int(asked.query.get("after", now_ms + 1))
            times = [now_ms - each * day_ms // 4 for each in range(160)]
            rows = [{"instId": "SOL-USDT-SWAP", "ccy": "USDT", "realizedPnl": "0.5", "uTime": str(t)} for t in times]
            return [row for row in rows if int(row["uTime"]) < before][: int(asked.query.get("limit", "100"))]
        if asked.path == "/api/v5/account/bills":
            funding = {"type": "8", "subType": "173", "balChg": "-0.3", "fee": "0", "pnl": "-0.3"}
            trade = {"type": "2", "subType": "1", "balChg": "0.1", "fee": "-0.05", "pnl": "0"}
            return [
                {**row, "ccy": "USDT", "ts": str(now_ms - 1000), "billId": f"{i}"}
                for i, row in enumerate((funding, trade))
            ]
        return [{"uid": "1", "acctLv": "2", "posMode": "net_mode", "perm": "read_only"}]

    def _ticker(self, coin: Coin, kind: str, quote: str, now: str) -> dict[str, str]:
        day = self._market.day("okx", coin.base, kind)
        is_spot = kind == "spot"
        return {
            "instType": "SPOT" if is_spot else "SWAP",
            "instId": f"{coin.base}-{quote}" + ("" if is_spot else "-SWAP"),
            "last": _short(day.last),
            "lastSz": "0.044378",
            "askPx": _short(day.ask),
            "askSz": "4.2",
            "bidPx": _short(day.bid),
            "bidSz": "6.050058",
            "open24h": _short(day.open),
            "high24h": _short(day.high),
            "low24h": _short(day.low),
            "volCcy24h": f"{day.turnover if is_spot else day.volume:.6f}",
            "vol24h": f"{day.volume if is_spot else day.volume / CONTRACT:.6f}",
            "ts": now,
            "sodUtc0": _short(day.open),
            "sodUtc8": _short(day.open),
        }

    def _open_interest(self, coin: Coin, kind: str, quote: str, now: str) -> dict[str, str]:
        coins = self._market.interest("okx", coin.base)
        price = self._market.day("okx", coin.base, "perp").last
        return {
            "instType": "SWAP",
            "instId": f"{coin.base}-{quote}-SWAP",
            "oi": f"{coins / CONTRACT:.2f}",
            "oiCcy": f"{coins:.4f}",
            "oiUsd": f"{coins * price:.4f}",
            "ts": now,
        }

    def _funding(self, coin: Coin, kind: str, quote: str, now: str) -> dict[str, str]:
        rate, hours, due = self._market.funding(coin.base)
        return {
            "fundingRate": f"{rate:.16f}",
            "fundingTime": str(due),
            "instId": f"{coin.base}-{quote}-SWAP",
            "instType": "SWAP",
            "method": "current_period",
            "maxFundingRate": "0.00375",
            "minFundingRate": "-0.00375",
            "nextFundingTime": str(due + hours * 3_600_000),
            "premium": "0.0001233824646391",
            "settFundingRate": f"{rate:.16f}",
            "settState": "settled",
            "ts": now,
        }


def _data(rows: Sequence[Mapping[str, Any]]) -> Reply:
    return in_json({"code": "0", "msg": "", "data": rows})


def _short(figure: float) -> str:
    return f"{figure:.10f}".rstrip("0").rstrip(".")
