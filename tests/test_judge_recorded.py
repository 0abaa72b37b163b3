"""Recorded answers served to the bot, its text held against the same bytes read by other code (raw.py)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import raw
from conftest import recorded
from raw import Wire
from test_judge import check_perp, check_spot, shows
from wired import say, wired

from exchanges import hyperliquid
from exchanges.words import Listing

SPOT = {
    "binance/spot-ticker-24hr": ("binance", "/api/v3/ticker/24hr"),
    "bybit/spot-ticker": ("bybit", "/v5/market/tickers"),
    "gate/spot-ticker-one": ("gate", "/spot/tickers"),
    "bitget/spot-ticker-one": ("bitget", "/spot/market/tickers"),
    "kraken/ticker-one-2": ("kraken", "/0/public/Ticker"),
    "coinbase/exchange-stats-2026-06": ("coinbase", "/products/BTC-USD/stats"),
}
PERP = {
    "binance": {
        "/fapi/v1/ticker/24hr": "binance/um-ticker-24hr",
        "/fapi/v1/premiumIndex": "binance/um-premium-index",
        "/fapi/v1/openInterest": "binance/um-open-interest",
        "/fapi/v1/fundingInfo": "binance/um-funding-info",
    },
    "bybit": {"/v5/market/tickers": "bybit/linear-ticker"},
    "bitget": {
        "/mix/market/ticker": "bitget/mix-ticker-one",
        "/mix/market/current-fund-rate": "bitget/mix-current-fund-rate",
    },
    "hyperliquid": {"/info": "hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM"},
}
CANDLES = {
    "binance/spot-klines": ("binance", "/api/v3/klines", "spot", "1m"),
    "binance/spot-klines-1h": ("binance", "/api/v3/klines", "spot", "1h"),
    "binance/um-klines": ("binance", "/fapi/v1/klines", "perp", "1h"),
    "bybit/spot-kline": ("bybit", "/v5/market/kline", "spot", "1h"),
    "okx/spot-candles": ("okx", "/market/candles", "spot", "1h"),
    "okx/swap-candles": ("okx", "/market/candles", "perp", "1h"),
    "bitget/mix-candles": ("bitget", "/mix/market/candles", "perp", "5m"),
    "bitget/mix-candles-2": ("bitget", "/mix/market/candles", "perp", "5m"),
    "kraken/ohlc-1m-full": ("kraken", "/0/public/OHLC", "spot", "1m"),
}


class Served:
    """An exchange that answers some paths by recordings, and says of all else that it does not exist."""

    def __init__(self, exchange: str, paths: Mapping[str, str], change: tuple[bytes, bytes] = (b"", b"")) -> None:
        self.wire, self.exchange = Wire(), exchange
        bodies = {path: recorded(name) for path, name in paths.items()}
        self.bodies = {path: body.replace(*change) if change[0] else body for path, body in bodies.items()}
        moments = [int(each) for body in bodies.values() for each in re.findall(rb"\b1[4-9]\d{8}(?:\d{3})?\b", body)]
        self.now_ms = max((each if each > 10**12 else each * 1000 for each in moments), default=1_790_000_000_000)

    def __call__(self, host: str, path: str, query: Mapping[str, str]) -> Any:
        for wanted, body in self.bodies.items():
            if path.endswith(wanted) and query.get("category", "linear") in ("linear", *self.kinds):
                self.wire.append(raw.said(self.exchange.upper(), path, dict(query), b"metaAndAssetCtxs", body))
                return json.loads(body)
        return 404, {"code": -1121, "msg": "Invalid symbol.", "retCode": 10001, "message": "NotFound"}

    kinds: tuple[str, ...] = ()

    async def say(self, text: str, later_ms: int = 500) -> str:
        return await say(wired(self, self.exchange, now=lambda: (self.now_ms + later_ms) / 1000), text)


@pytest.mark.parametrize("name", SPOT)
async def test_recorded_spot_market(name: str) -> None:
    exchange, path = SPOT[name]
    served = Served(exchange, {path: name})
    served.kinds = ("spot",)
    text = await served.say("/price BTC")
    check_spot(text, exchange, served.wire, "BTC")


@pytest.mark.parametrize("exchange", PERP)
async def test_recorded_perpetual(exchange: str) -> None:
    served = Served(exchange, PERP[exchange], (b'"SUSDT"', b'"BTCUSDT"'))
    text = await served.say("/price BTC")
    check_perp(text, exchange, served.wire, "BTC", is_lead=True)


@pytest.mark.parametrize(
    ("name", "base"),
    [("-doc3", "HPOS"), ("-one", "SOL"), ("-2026-09", "BTC"), ("-2026-09", "ATOM"), ("-BTC-ETH-ATOM", "ETH")],
)
async def test_recorded_contexts(name: str, base: str) -> None:
    served = Served("hyperliquid", {"/info": f"hyperliquid/metaAndAssetCtxs{name}"})
    text = await served.say(f"/price {base}")
    check_perp(text, "hyperliquid", served.wire, base, is_lead=True)


@pytest.mark.parametrize("n", ["", "-2"])
def test_recorded_payments(n: str) -> None:
    """Longs paid what the rows say, oldest first, to the last digit."""
    body = recorded(f"hyperliquid/fundingHistory{n}")
    rows = hyperliquid.parse_paid(body, Listing("perp", "BTC-USDC", "BTC-USDC")).rows
    told = [(row["time"], float(row["fundingRate"])) for row in json.loads(body)]
    assert [tuple(each) for each in rows] == told


@pytest.mark.parametrize("name", CANDLES)
async def test_recorded_candles(name: str) -> None:
    """The last one but one is closed, as the last one runs still; OKX's say themselves that they are closed."""
    exchange, path, kind, interval = CANDLES[name]
    served = Served(exchange, {path: name}, (b'"XBTUSDT"', b'"XXBTZUSD"'))
    served.kinds = (kind,)
    bars = raw.bars(exchange, _asked_for(served, path), kind, interval)
    served.now_ms = bars[-1].at_ms
    text = await served.say(f"/volume BTC {interval} {kind}", 2000)
    closed = bars[-1 if exchange == "okx" else -2]
    shows(text, r"^closed +(\S+) BTC", closed.coins)
    if closed.dollars is not None:
        shows(text, r"^closed .*\s+(\$\S+)$", closed.dollars)
    shows(text, r" at (\S+)\.$", closed.close)


def _asked_for(served: Served, path: str) -> Wire:
    """As if all candles had been asked for, for who reads them by what was asked."""
    everything = (
        "symbol=BTCUSDT instId=BTC-USDT& instId=BTC-USDT-SWAP& pair=XBTUSD& bar=1H& granularity=5m& category=spot& "
    )
    everything += "interval=1m interval=1h interval=1& interval=60& mix/market/ candles?"
    return Wire([raw.said("", f"{path}?", {}, everything.encode(), served.bodies[path])])
