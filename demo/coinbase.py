"""Coinbase Exchange as it speaks on the wire: spot in dollars, prices as strings, candles as odd rows of numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from demo.coins import Coin, decimals_of
from demo.market import Market
from demo.spelling import compact, in_pieces, iso, latest, plain, short
from demo.web import CLOUDFRONT, Asked, Reply, in_json

GRANULARITIES = (60, 300, 900, 3600, 21600, 86400)  # seconds
MAX_ROWS = 300
LEAST_USD = 60  # traded in a candle; with less there was no trade, and there is no candle


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, CLOUDFRONT, "text/html")
    return in_json({"message": "Public rate limit exceeded"}, 429)


class Coinbase:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        if "user-agent" not in asked.headers:
            return in_json({"message": "User-Agent header is required."}, 400)
        parts = asked.path.strip("/").split("/")
        if parts == ["time"]:
            return in_json({"iso": iso(self._market.clock()), "epoch": self._market.clock()})
        if parts == ["products"]:
            return in_json([self._product(coin) for coin in self._market.listed("coinbase", "spot")])
        if parts == ["products", "stats"]:
            return self._all_stats()
        if parts[0] != "products" or len(parts) > 3:
            return in_json({"message": "NotFound"}, 404)
        coin = self._market.lists("coinbase", parts[1].removesuffix("-USD"), "spot")
        if coin is None or not parts[1].endswith("-USD"):
            return in_json({"message": "NotFound"}, 404)
        if parts[2:] == ["candles"]:
            return self._candles(asked, coin)
        row = {"ticker": self._ticker, "stats": self._stats, "": self._product}.get("".join(parts[2:]))
        return in_json({"message": "NotFound"}, 404) if row is None else in_json(row(coin))

    def _digits(self, coin: Coin) -> int:
        return max(2, decimals_of(coin.tick))

    def _ticker(self, coin: Coin) -> dict[str, Any]:
        day, digits = self._market.day("coinbase", coin.base, "spot"), self._digits(coin)
        return {
            "trade_id": 843439,
            "price": plain(day.last, digits),
            "size": "0.00000225",
            "time": iso(self._market.clock(), "microseconds"),
            "bid": plain(day.bid, digits),
            "ask": plain(day.ask, digits),
            "volume": plain(day.volume),
        }

    def _stats(self, coin: Coin) -> dict[str, Any]:
        day, digits = self._market.day("coinbase", coin.base, "spot"), self._digits(coin)
        return {
            "open": plain(day.open, digits),
            "high": plain(day.high, digits),
            "low": plain(day.low, digits),
            "last": plain(day.last, digits),
            "volume": plain(day.volume),
            "volume_30day": plain(day.volume * 30),
            "rfq_volume_24hour": plain(day.volume * 0.006, 6),
            "rfq_volume_30day": plain(day.volume * 0.18, 6),
        }

    def _all_stats(self) -> Reply:
        def spell(coin: Coin) -> list[str]:
            row = self._stats(coin)
            month = {"volume": row.pop("volume_30day")}
            del row["rfq_volume_24hour"], row["rfq_volume_30day"]
            return [f'"{coin.base}-USD":{compact({"stats_30day": month, "stats_24hour": row})}']

        return in_pieces("{", self._market.rows("stats", "coinbase", "spot", spell), "}")

    def _product(self, coin: Coin) -> dict[str, Any]:
        return {
            "id": f"{coin.base}-USD",
            "base_currency": coin.base,
            "quote_currency": "USD",
            "quote_increment": short(coin.tick),
            "base_increment": "0.00000001",
            "display_name": f"{coin.base}-USD",
            "min_market_funds": "1",
            "margin_enabled": False,
            "post_only": False,
            "limit_only": False,
            "cancel_only": False,
            "status": "online",
            "status_message": "",
            "trading_disabled": False,
        }

    def _candles(self, asked: Asked, coin: Coin) -> Reply:
        """[time in s, LOW, HIGH, OPEN, close, volume], newest first, at most 300."""
        granularity, now = asked.query.get("granularity", "60"), self._market.clock()
        if granularity not in map(str, GRANULARITIES):
            return in_json({"message": "Unsupported granularity"}, 400)
        minutes = int(granularity) // 60
        try:
            since, until = _moment(asked.query.get("start")), _moment(asked.query.get("end"))
        except ValueError:
            return in_json({"message": "Invalid time"}, 400)
        if since is not None and ((until or now) - since) / int(granularity) > MAX_ROWS:
            told = f"Count of aggregations requested exceeds {MAX_ROWS}"
            return in_json({"message": f"granularity too small for the requested time range. {told}"}, 400)
        numbers = latest(
            minutes, MAX_ROWS, None if since is None else int(since * 1000), int(min(until or now, now) * 1000)
        )
        candles = self._market.candles("coinbase", coin.base, "spot", minutes, *numbers)
        return in_json(
            [
                [c.open_ms // 1000, c.low, c.high, c.open, c.close, round(c.volume, 8)]
                for c in reversed(candles)
                if c.turnover >= LEAST_USD
            ]
        )


def _moment(text: str | None) -> float | None:
    """Seconds from ISO 8601 or from seconds."""
    if not text:
        return None
    return float(text) if text.replace(".", "").isdecimal() else datetime.fromisoformat(text).timestamp()
