"""OKX v5 as it speaks on the wire: everything a string, swaps in contracts, unknown instruments with HTTP 200."""

from __future__ import annotations

from demo.market import Coin, Market
from demo.web import Asked, Reply, in_json

CONTRACT = 0.01  # coins of one swap contract


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(451, b"<html><body>Unavailable For Legal Reasons</body></html>", "text/html")
    return in_json({"msg": "Too Many Requests", "code": "50011"}, 429)


class Okx:
    def __init__(self, market: Market) -> None:
        self._market = market

    async def handle(self, asked: Asked) -> Reply:
        now = str(int(self._market.clock() * 1000))
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


def _data(rows: list[dict[str, str]]) -> Reply:
    return in_json({"code": "0", "msg": "", "data": rows})


def _short(figure: float) -> str:
    return f"{figure:.10f}".rstrip("0").rstrip(".")
