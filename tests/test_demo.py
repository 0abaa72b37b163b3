"""The offline world as a witness: it speaks as the recordings do, and agrees with itself."""

from __future__ import annotations

import asyncio
import json
import signal
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import recorded
from test_webhook_server import Process

import demo
from demo.market import Coin, Market

# Wire formats: the same keys and JSON types as the recordings.


def shape(value: Any, in_list: bool = False) -> Any:
    """Keys and types. Lists by their first row; a row of a list entry by entry, and so is what is mixed."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        kinds = {type(each) for each in value}
        if kinds <= {dict} or kinds <= {list}:
            return [shape(value[0], True)] if value else []
        shapes = [shape(each, True) for each in value]
        return shapes if in_list or dict in kinds else sorted(set(shapes))
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


OPTIONAL = {  # newer than the recording, or only in some
    *("singleOpenInterest", "singleOpenInterestValue", "fundingIntervalHour", "oiUsd", "CMCCirculatingSupply"),
    *("basisRateYear", "fundingCap", "quanto_base_rate", "volume_30day"),
}


def without_optional(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_optional(each) for key, each in value.items() if key not in OPTIONAL}
    return [without_optional(each) for each in value] if isinstance(value, list) else value


NOW = 1_763_906_602.0


@asynccontextmanager
async def a_world(clock: Callable[[], float] | None = None) -> AsyncIterator[demo.World]:
    world = demo.World(clock=clock)
    await world.start()
    try:
        yield world
    finally:
        await world.close()


Ask = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def a_still_world() -> AsyncIterator[tuple[demo.World, Ask]]:
    """A world whose clock stands, and a function that asks a site of it: a GET, or a POST of what is wanted."""
    async with a_world(lambda: NOW) as world, httpx.AsyncClient(trust_env=False, verify=False) as client:

        async def ask(site: str, target: str, wanted: Any = None) -> Any:
            url = world.sites[site].url + target
            return (await (client.get(url) if wanted is None else client.post(url, json=wanted))).json()

        yield world, ask


HYPERLIQUID = ("HYPERLIQUID", "/info")


@pytest.mark.parametrize(
    ("site", "target", "recording"),
    [
        ("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=BTCUSDT", "binance/spot-ticker-24hr"),
        ("BINANCE_SPOT", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=24", "binance/spot-klines"),
        ("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=NOPEUSDT", "binance/error-unknown-symbol"),
        ("BINANCE_SPOT", "/api/v3/klines?symbol=BTCUSDT&interval=7m", "binance/error-bad-interval"),
        ("BINANCE_SPOT", "/api/v3/time", "binance/spot-time"),
        ("BINANCE_USDM", "/fapi/v1/ticker/24hr?symbol=BTCUSDT", "binance/um-ticker-24hr"),
        ("BINANCE_USDM", "/fapi/v1/openInterest?symbol=BTCUSDT", "binance/um-open-interest"),
        ("BINANCE_USDM", "/fapi/v1/premiumIndex?symbol=BTCUSDT", "binance/um-premium-index"),
        ("BINANCE_USDM", "/fapi/v1/fundingInfo", "binance/um-funding-info"),
        ("BINANCE_USDM", "/fapi/v1/klines?symbol=BTCUSDT&interval=1h", "binance/um-klines"),
        ("BINANCE_USDM", "/futures/data/openInterestHist?symbol=BTCUSDT&period=5m", "binance/um-open-interest-hist"),
        (
            "BINANCE_USDM",
            "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=1d&limit=1",
            "binance/um-global-long-short-account-ratio",
        ),
        ("BINANCE_COINM", "/dapi/v1/ticker/24hr?symbol=BTCUSD_PERP", "binance/cm-ticker-24hr"),
        ("BINANCE_COINM", "/dapi/v1/premiumIndex?pair=BTCUSD", "binance/cm-premium-index"),
        ("BINANCE_COINM", "/dapi/v1/openInterest?symbol=BTCUSD_PERP", "binance/cm-open-interest"),
        ("BINANCE_COINM", "/dapi/v1/exchangeInfo", "binance/cm-exchange-info"),
        ("BINANCE_COINM", "/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1m&limit=1", "binance/cm-klines"),
        (
            "BINANCE_COINM",
            "/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=1d",
            "binance/cm-open-interest-hist",
        ),
        (
            "BINANCE_COINM",
            "/futures/data/topLongShortPositionRatio?pair=BTCUSD&period=1d",
            "binance/cm-top-long-short-position-ratio",
        ),
        ("BYBIT", "/v5/market/tickers?category=spot&symbol=BTCUSDT", "bybit/spot-ticker"),
        ("BYBIT", "/v5/market/tickers?category=linear&symbol=BTCUSDT", "bybit/linear-ticker"),
        ("BYBIT", "/v5/market/tickers?category=inverse&symbol=BTCUSD", "bybit/inverse-ticker"),
        ("BYBIT", "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60", "bybit/spot-kline"),
        ("BYBIT", "/v5/market/kline?category=inverse&symbol=BTCUSD&interval=60", "bybit/inverse-kline"),
        (
            "BYBIT",
            "/v5/market/open-interest?category=inverse&symbol=BTCUSD&intervalTime=1d&limit=5",
            "bybit/inverse-open-interest",
        ),
        ("BYBIT", "/v5/market/account-ratio?category=linear&symbol=BTCUSDT&period=1h&limit=2", "bybit/account-ratio"),
        ("BYBIT", "/v5/market/time", "bybit/time"),
        ("OKX", "/api/v5/market/ticker?instId=BTC-USDT", "okx/spot-ticker"),
        ("OKX", "/api/v5/market/tickers?instType=SWAP", "okx/swap-tickers"),
        ("OKX", "/api/v5/market/candles?instId=BTC-USDT&bar=1H", "okx/spot-candles"),
        ("OKX", "/api/v5/market/candles?instId=BTC-USDT-SWAP&bar=1H&limit=4", "okx/swap-candles"),
        ("OKX", "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP", "okx/open-interest-swap-docs"),
        ("OKX", "/api/v5/public/funding-rate?instId=BTC-USDT-SWAP", "okx/funding-rate"),
        ("OKX", "/api/v5/public/instruments?instType=SWAP", "okx/instruments-swap"),
        ("OKX", "/api/v5/public/instruments?instType=SPOT", "okx/instruments-spot"),
        (
            "OKX",
            "/api/v5/rubik/stat/contracts/open-interest-history?instId=BTC-USDT-SWAP&period=5m",
            "okx/rubik-open-interest-history",
        ),
        ("OKX", "/api/v5/rubik/stat/taker-volume?ccy=BTC&instType=CONTRACTS&period=1D", "okx/rubik-taker-volume"),
        (
            "OKX",
            "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract?instId=BTC-USDT-SWAP&period=5m",
            "okx/rubik-long-short-account-ratio-contract",
        ),
        ("OKX", "/api/v5/market/ticker?instId=NOPE-USDT", "okx/error-unknown-instrument"),
        ("OKX", "/api/v5/public/time", "okx/time"),
        ("GATE", "/api/v4/spot/tickers?currency_pair=BTC_USDT", "gate/spot-ticker-one"),
        ("GATE", "/api/v4/spot/tickers", "gate/spot-tickers-all"),
        ("GATE", "/api/v4/spot/candlesticks?currency_pair=BTC_USDT&interval=1m&limit=1", "gate/spot-candles"),
        ("GATE", "/api/v4/futures/usdt/contracts/ETH_USDT", "gate/contract-usdt-one"),
        ("GATE", "/api/v4/futures/usdt/tickers?contract=BTC_USDT", "gate/perp-ticker-doc"),
        ("GATE", "/api/v4/futures/usdt/contract_stats?contract=BTC_USDT", "gate/contract-stats-doc"),
        ("GATE", "/api/v4/futures/usdt/candlesticks?contract=BTC_USDT&interval=1m", "gate/perp-candles-doc"),
        ("BITGET", "/api/v2/spot/market/tickers?symbol=BTCUSDT", "bitget/spot-ticker-one"),
        ("BITGET", "/api/v2/mix/market/ticker?symbol=BTCUSDT&productType=USDT-FUTURES", "bitget/mix-ticker-one"),
        (
            "BITGET",
            "/api/v2/mix/market/open-interest?symbol=BTCUSDT&productType=USDT-FUTURES",
            "bitget/mix-open-interest",
        ),
        (
            "BITGET",
            "/api/v2/mix/market/current-fund-rate?symbol=BTCUSDT&productType=USDT-FUTURES",
            "bitget/mix-current-fund-rate",
        ),
        ("BITGET", "/api/v2/mix/market/account-long-short?symbol=BTCUSDT&period=5m", "bitget/mix-account-long-short"),
        (
            "BITGET",
            "/api/v2/mix/market/candles?symbol=BTCUSDT&productType=USDT-FUTURES&granularity=5m",
            "bitget/mix-candles",
        ),
        ("BITGET", "/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1min", "bitget/spot-candles"),
        ("BITGET", "/api/v2/mix/market/contracts?productType=USDT-FUTURES", "bitget/mix-contracts"),
        (
            "BITGET",
            "/api/v2/mix/market/ticker?symbol=NOPEUSDT&productType=USDT-FUTURES",
            "bitget/error-symbol-not-found",
        ),
        ("BITGET", "/api/v2/mix/market/ticker?symbol=BTCUSDT", "bitget/error-missing-param"),
        (
            "DERIBIT",
            "/api/v2/public/get_book_summary_by_currency?currency=BTC&kind=future",
            "deribit/book-summary-by-instrument-perp-testnet",
        ),
        (
            "DERIBIT",
            "/api/v2/public/get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&resolution=1"
            "&start_timestamp=1763906000000&end_timestamp=1763906240000",
            "deribit/tradingview-chart-1m",
        ),
        ("DERIBIT", "/api/v2/public/get_instrument?instrument_name=BTC-PERPETUAL", "deribit/get-instrument-perp"),
        ("DERIBIT", "/api/v2/public/ticker?instrument_name=NOPE", "deribit/error-bad-instrument"),
        ("KRAKEN", "/0/public/Ticker?pair=XBTUSDT", "kraken/ticker-one"),
        ("KRAKEN", "/0/public/Ticker?pair=XBTUSD", "kraken/ticker-one-2"),
        ("KRAKEN", "/0/public/OHLC?pair=XBTUSD&interval=1", "kraken/ohlc-1m"),
        ("KRAKEN", "/0/public/AssetPairs?pair=XBTUSDT", "kraken/asset-pairs-few"),
        ("KRAKEN", "/0/public/SystemStatus", "kraken/system-status"),
        ("KRAKEN", "/0/public/Ticker?pair=NOPE", "kraken/error-unknown-pair"),
        ("KRAKEN_FUTURES", "/derivatives/api/v3/tickers", "krakenfutures/ticker-PF_ENJUSD-row"),
        ("KRAKEN_FUTURES", "/api/charts/v1/trade/PI_XBTUSD/1h", "krakenfutures/candles-trade-1h"),
        ("COINBASE", "/products/BTC-USD/ticker", "coinbase/exchange-ticker"),
        ("COINBASE", "/products/BTC-USD/candles?granularity=60", "coinbase/exchange-candles"),
        ("COINBASE", "/products/NOPE-USD/ticker", "coinbase/exchange-error-not-found"),
        ("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250", "coingecko/markets-one-2024"),
        ("COINGECKO", "/api/v3/coins/markets", "coingecko/markets-error-missing-vs-currency"),
    ],
)
async def test_world_speaks_as_recorded(site: str, target: str, recording: str) -> None:
    recorded_body = json.loads(recorded(recording))
    if site == "DERIBIT":
        recorded_body.pop("id", None)  # is answered to those who send one
    async with a_still_world() as (_, ask):
        assert shape(without_optional(await ask(site, target))) == shape(without_optional(recorded_body))


@pytest.mark.parametrize(
    ("wanted", "recording"),
    [
        ({"type": "metaAndAssetCtxs"}, "hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM"),
        ({"type": "meta"}, "hyperliquid/meta"),
        ({"type": "spotMetaAndAssetCtxs"}, "hyperliquid/spotMetaAndAssetCtxs"),
        ({"type": "fundingHistory", "coin": "BTC", "startTime": 1763900000000}, "hyperliquid/fundingHistory"),
        (
            {
                "type": "candleSnapshot",
                "req": {"coin": "kPEPE", "interval": "1h", "startTime": 1763900000000, "endTime": 1763906000000},
            },
            "hyperliquid/candleSnapshot",
        ),
    ],
)
async def test_hyperliquid_speaks_as_recorded(wanted: Any, recording: str) -> None:
    async with a_still_world() as (_, ask):
        assert shape(await ask(*HYPERLIQUID, wanted)) == shape(json.loads(recorded(recording)))


async def test_world_has_the_keys_of_recordings_with_other_types() -> None:
    """Where the recording is a book with the ticker in it, has lost its types, or is of an older time."""
    async with a_still_world() as (_, ask):
        ticker = (await ask("DERIBIT", "/api/v2/public/ticker?instrument_name=BTC-PERPETUAL"))["result"]
        book = json.loads(recorded("deribit/order-book-BTC-PERPETUAL"))["result"]
        assert set(book) - set(ticker) == {"asks", "bids", "change_id"}
        (universe, *_), (context, *_) = (
            (await ask(*HYPERLIQUID, {"type": "metaAndAssetCtxs"}))[0]["universe"],
            (await ask(*HYPERLIQUID, {"type": "metaAndAssetCtxs"}))[1],
        )
        merged = set(json.loads(recorded("hyperliquid/assetCtx-HYPE-merged")))
        assert merged - {"baseId"} == {*universe, *context}
        stats = await ask("COINBASE", "/products/BTC-USD/stats")
        assert set(json.loads(recorded("coinbase/exchange-stats"))) <= set(stats)


async def test_world_agrees_with_itself() -> None:
    """The same moment is the same market on every exchange; another moment is another one."""
    now = [1_763_906_602.0]
    one, other = demo.World(clock=lambda: now[0]).market, demo.World(clock=lambda: now[0]).market
    assert one.day("binance", "BTC", "spot") == other.day("binance", "BTC", "spot")
    assert one.day("bybit", "BTC", "perp").last == pytest.approx(one.day("okx", "BTC", "spot").last, rel=1e-3)
    before = one.day("binance", "BTC", "spot")
    now[0] += 600
    assert one.day("binance", "BTC", "spot") != before
    for base in one.coins:
        day = one.day("okx", base, "spot")
        assert day.low <= day.last <= day.high
        assert day.bid < day.last < day.ask


# The market.


def a_market(at_s: float = NOW) -> Market:
    return Market(clock=lambda: at_s)


@pytest.mark.parametrize("minutes", [5, 15, 60, 240, 1440])
def test_candles_sum_to_bigger_candles(minutes: int) -> None:
    market = a_market()
    slot = int(NOW // (minutes * 60)) - 1
    (whole,) = market.candles("bybit", "ETH", "perp", minutes, slot, slot)
    parts = market.candles("bybit", "ETH", "perp", 1, slot * minutes, (slot + 1) * minutes - 1)
    assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)
    assert max(part.high for part in parts) == pytest.approx(whole.high, rel=4e-3)
    assert min(part.low for part in parts) == pytest.approx(whole.low, rel=4e-3)
    assert whole.low <= min(whole.open, whole.close) <= max(whole.open, whole.close) <= whole.high
    for field in ("volume", "buy_volume"):
        assert sum(getattr(part, field) for part in parts) == pytest.approx(getattr(whole, field), rel=1e-3)
    assert 0.35 <= whole.buy_volume / whole.volume <= 0.65


def test_running_candle_has_its_elapsed_part_only() -> None:
    market = a_market(NOW // 3600 * 3600 + 900)
    market.activities["BTC"] = lambda minute: 1.0
    slot = int(NOW // 3600)
    before, running = market.candles("binance", "BTC", "spot", 60, slot - 1, slot + 5)
    assert (before.is_closed, running.is_closed) == (True, False)
    assert running.volume == pytest.approx(before.volume / 4)
    assert running.close == round(market.price("BTC", market.clock()), 1)
    assert before.close == running.open


def test_day_is_the_sum_of_its_candles() -> None:
    for base in ("BTC", "JUP", "QAK"):
        market = a_market(NOW // 3600 * 3600)
        slot = int(NOW // 3600)
        day = market.day("okx", base, "perp")
        candles = market.candles("okx", base, "perp", 60, slot - 24, slot - 1)
        assert sum(candle.volume for candle in candles) == pytest.approx(day.volume, rel=1e-6)
        assert sum(candle.turnover for candle in candles) == pytest.approx(day.turnover, rel=0.03)
        assert max(candle.high for candle in candles) == pytest.approx(day.high, rel=0.01)
        assert candles[0].open == pytest.approx(day.open, rel=1e-4)


def test_activity_can_be_told() -> None:
    market = a_market()
    usual = market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)
    busy = range(1_959_004 * 15, 1_959_005 * 15)
    market.activities["SOL"] = lambda minute: 4.0 if minute in busy else 1.0
    volumes = [candle.volume for candle in market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)]
    assert [round(volume / volumes[0], 6) for volume in volumes] == [1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1]
    assert market.activity("SOL", busy[0]) == 4.0
    del market.activities["SOL"]
    assert market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010) == usual


@pytest.mark.parametrize("minutes", [5, 15, 60, 240])
def test_few_candles_are_spikes(minutes: int) -> None:
    """Of all coins' last closed candles some are at least twice the twenty before, and most are as ever."""
    market, last = a_market(), int(NOW // (minutes * 60)) - 1
    ratios = []
    for base in market.coins:
        *before, bar = market.bars(base, minutes, last - 20, last)
        ratios.append(bar.volume / (sum(each.volume for each in before) / 20))
    assert 1 <= sum(ratio > 2 for ratio in ratios) <= 20
    assert sum(0.6 < ratio < 1.4 for ratio in ratios) > len(ratios) * 0.8


def test_interest_has_a_past_and_funding_a_period() -> None:
    market = a_market()
    assert market.interest("okx", "BTC") == market.interest_of("okx", "BTC", "USDT", NOW)
    assert market.interest_of("okx", "BTC", "USDT", NOW - 86_400) != market.interest("okx", "BTC")
    assert market.interest_of("gate", "ETH", "coin") == 0
    assert market.margins("hyperliquid", "BTC") == ("USDC",)
    assert market.margins("kraken", "SOL") == ("USD",)
    assert market.funding_of("binance", "BTC") == market.funding("BTC")
    hours = {exchange: market.funding_of(exchange, "BTC")[1] for exchange in ("bybit", "kraken", "hyperliquid")}
    assert hours == {"bybit": 8, "kraken": 1, "hyperliquid": 1}
    assert market.funding_of("bybit", "JUP")[1] == 4


# Units: every exchange spells the same truth.


def thousands(coin: Coin) -> str:
    return f"{coin.multiplier if coin.multiplier > 1 else ''}{coin.base}"


def of_list(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}


async def interest_on_binance(ask: Ask, coin: Coin) -> dict[str, float]:
    found = {}
    for margin in ("USDT", "USDC"):
        row = await ask("BINANCE_USDM", f"/fapi/v1/openInterest?symbol={thousands(coin)}{margin}")
        found[margin] = float(row.get("openInterest", 0)) * coin.multiplier
    info = of_list((await ask("BINANCE_COINM", "/dapi/v1/exchangeInfo"))["symbols"], "symbol")
    symbol = f"{coin.base}USD_PERP"
    if symbol in info:
        contracts = int((await ask("BINANCE_COINM", f"/dapi/v1/openInterest?symbol={symbol}"))["openInterest"])
        (mark,) = await ask("BINANCE_COINM", f"/dapi/v1/premiumIndex?symbol={symbol}")
        found["coin"] = contracts * info[symbol]["contractSize"] / float(mark["markPrice"])
    return found


async def interest_on_bybit(ask: Ask, coin: Coin) -> dict[str, float]:
    linear = of_list((await ask("BYBIT", "/v5/market/tickers?category=linear"))["result"]["list"], "symbol")
    inverse = of_list((await ask("BYBIT", "/v5/market/tickers?category=inverse"))["result"]["list"], "symbol")
    found = {}
    for margin, symbol in (("USDT", f"{thousands(coin)}USDT"), ("USDC", f"{thousands(coin)}PERP")):
        if symbol in linear:
            found[margin] = float(linear[symbol]["singleOpenInterest"]) * coin.multiplier
            assert float(linear[symbol]["openInterest"]) * coin.multiplier == pytest.approx(2 * found[margin])
    if row := inverse.get(f"{coin.base}USD"):
        found["coin"] = float(row["singleOpenInterest"]) / float(row["markPrice"])
    return found


async def interest_on_okx(ask: Ask, coin: Coin) -> dict[str, float]:
    rows = of_list((await ask("OKX", "/api/v5/public/open-interest?instType=SWAP"))["data"], "instId")
    contracts = of_list((await ask("OKX", "/api/v5/public/instruments?instType=SWAP"))["data"], "instId")
    found = {}
    for quote in ("USDT", "USDC", "USD"):
        row = rows.get(f"{coin.base}-{quote}-SWAP")
        if row is None:
            continue
        found["coin" if quote == "USD" else quote] = float(row["oiCcy"])
        size = float(row["oi"]) * float(contracts[row["instId"]]["ctVal"])
        assert size == pytest.approx(float(row["oiUsd" if quote == "USD" else "oiCcy"]), rel=1e-9)
    return found


async def interest_on_gate(ask: Ask, coin: Coin) -> dict[str, float]:
    found = {}
    contracts = of_list(await ask("GATE", "/api/v4/futures/usdt/contracts"), "name")
    if row := contracts.get(f"{coin.base}_USDT"):
        found["USDT"] = row["position_size"] * float(row["quanto_multiplier"])
        (ticker,) = await ask("GATE", f"/api/v4/futures/usdt/tickers?contract={coin.base}_USDT")
        assert int(ticker["total_size"]) == 2 * row["position_size"]  # both sides, and one
    (row,) = await ask("GATE", "/api/v4/futures/btc/contracts")
    assert (row["name"], row["quanto_multiplier"], row["type"]) == ("BTC_USD", "0", "inverse")
    return found | {"coin": row["position_size"] / float(row["mark_price"])} if coin.base == "BTC" else found


async def interest_on_bitget(ask: Ask, coin: Coin) -> dict[str, float]:
    found = {}
    for kind, margin, ending in (("USDT", "USDT", "USDT"), ("USDC", "USDC", "PERP"), ("COIN", "coin", "USD")):
        rows = (await ask("BITGET", f"/api/v2/mix/market/tickers?productType={kind}-FUTURES"))["data"]
        if row := of_list(rows, "symbol").get(f"{coin.base}{ending}"):
            found[margin] = float(row["holdingAmount"])
    return found


async def interest_on_hyperliquid(ask: Ask, coin: Coin) -> dict[str, float]:
    meta, contexts = await ask(*HYPERLIQUID, {"type": "metaAndAssetCtxs"})
    names = [asset["name"] for asset in meta["universe"]]
    context = dict(zip(names, contexts, strict=True)).get(f"{'k' if coin.multiplier > 1 else ''}{coin.base}")
    return {"USDC": float(context["openInterest"]) * coin.multiplier} if context else {}


async def interest_on_deribit(ask: Ask, coin: Coin) -> dict[str, float]:
    found = {}
    for currency in ("BTC", "ETH", "USDC"):
        target = f"/api/v2/public/get_book_summary_by_currency?currency={currency}&kind=future"
        rows = of_list((await ask("DERIBIT", target))["result"], "instrument_name")
        if row := rows.get(f"{coin.base}-PERPETUAL"):
            found["coin"] = row["open_interest"] / row["mark_price"]
        if row := rows.get(f"{coin.base}_USDC-PERPETUAL"):
            found["USDC"] = row["open_interest"]
    return found


async def interest_on_kraken(ask: Ask, coin: Coin) -> dict[str, float]:
    own = "XBT" if coin.base == "BTC" else coin.base
    rows = of_list((await ask("KRAKEN_FUTURES", "/derivatives/api/v3/tickers"))["tickers"], "symbol")
    found = {}
    if row := rows.get(f"PF_{own}USD"):
        found["USD"] = row["openInterest"]
    if row := rows.get(f"PI_{own}USD"):
        found["coin"] = row["openInterest"] / row["markPrice"]
    return found


@pytest.mark.parametrize("base", ["BTC", "ETH", "SOL", "DOGE", "PEPE", "QAK"])
async def test_interest_on_the_wire_is_the_truth(base: str) -> None:
    """Coins from what is sent, as the documentation says they are to be had."""
    async with a_still_world() as (world, ask):
        found: dict[tuple[str, str], float] = {}
        for name, read in (
            ("binance", interest_on_binance),
            ("bybit", interest_on_bybit),
            ("okx", interest_on_okx),
            ("gate", interest_on_gate),
            ("bitget", interest_on_bitget),
            ("hyperliquid", interest_on_hyperliquid),
            ("deribit", interest_on_deribit),
            ("kraken", interest_on_kraken),
        ):
            coins = await read(ask, world.market.coins[base])
            found |= {(name, margin): amount for margin, amount in coins.items() if amount}
        assert found == pytest.approx(world.market.truth_of_interest(base), rel=1e-6)


async def test_thousands_have_one_name_only() -> None:
    async with a_still_world() as (_, ask):
        assert (await ask("BINANCE_USDM", "/fapi/v1/openInterest?symbol=PEPEUSDT"))["code"] == -1121
        assert (await ask("BYBIT", "/v5/market/tickers?category=linear&symbol=PEPEUSDT"))["retCode"] == 10001
        (row,) = await ask("BINANCE_USDM", "/fapi/v1/klines?symbol=1000PEPEUSDT&interval=1h&limit=1")
        assert float(row[4]) > 0.001


async def test_kraken_funding_is_absolute() -> None:
    async with a_still_world() as (world, ask):
        rate, hours, _ = world.market.funding_of("kraken", "BTC")
        assert hours == 1
        rows = of_list((await ask("KRAKEN_FUTURES", "/derivatives/api/v3/tickers"))["tickers"], "symbol")
        linear, inverse = rows["PF_XBTUSD"], rows["PI_XBTUSD"]
        assert linear["fundingRate"] / linear["markPrice"] == pytest.approx(rate)
        assert inverse["fundingRate"] * inverse["indexPrice"] == pytest.approx(rate)
        assert "fundingRate" not in rows["in_xbtusd"]


async def test_bybit_inverse_volumes_are_swapped() -> None:
    async with a_still_world() as (world, ask):
        (row,) = (await ask("BYBIT", "/v5/market/tickers?category=inverse&symbol=BTCUSD"))["result"]["list"]
        day = world.market.day("bybit", "BTC", "perp", margin="coin")
        assert float(row["turnover24h"]) == pytest.approx(day.volume, rel=1e-6)
        assert float(row["volume24h"]) == pytest.approx(day.turnover, rel=1e-6)
        (kline,) = (await ask("BYBIT", "/v5/market/kline?category=inverse&symbol=BTCUSD&interval=60&limit=1"))[
            "result"
        ]["list"]
        assert float(kline[5]) / float(kline[6]) == pytest.approx(day.last, rel=0.02)


async def test_candles_are_the_same_everywhere() -> None:
    """The hour before this, in every exchange's order, units and columns, next to the truth."""
    async with a_still_world() as (world, ask):
        hour = int(NOW // 3600) - 1
        at_ms = hour * 3_600_000

        def truth(exchange: str, kind: str, margin: str = "USDT") -> list[Any]:
            (c,) = world.market.candles(exchange, "BTC", kind, 60, hour, hour, margin=margin)
            return pytest.approx([c.open, c.high, c.low, c.close, c.volume], rel=1e-6)  # type: ignore[return-value]

        spot = await ask("BINANCE_SPOT", "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2")
        assert (spot[0][0], [float(each) for each in spot[0][1:6]]) == (at_ms, truth("binance", "spot"))
        assert float(spot[0][9]) < float(spot[0][5])
        coinm = await ask("BINANCE_COINM", "/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1h&limit=2")
        assert [float(each) for each in (*coinm[0][1:5], coinm[0][7])] == truth("binance", "perp", "coin")
        assert float(coinm[0][5]) * 100 / float(coinm[0][7]) == pytest.approx(float(coinm[0][4]), rel=0.02)
        rows = (await ask("BYBIT", "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=60&limit=2"))["result"][
            "list"
        ]
        assert (rows[1][0], [float(each) for each in rows[1][1:6]]) == (str(at_ms), truth("bybit", "perp"))
        rows = (await ask("OKX", f"/api/v5/market/candles?instId=BTC-USDT-SWAP&bar=1H&after={at_ms + 1}&limit=1"))[
            "data"
        ]
        assert (rows[0][0], [float(rows[0][i]) for i in (1, 2, 3, 4, 6)]) == (str(at_ms), truth("okx", "perp"))
        assert float(rows[0][5]) * 0.01 == pytest.approx(float(rows[0][6]), rel=1e-6)
        rows = (await ask("OKX", "/api/v5/rubik/stat/taker-volume-contract?instId=BTC-USDT-SWAP&period=1H&unit=0"))[
            "data"
        ]
        (candle,) = world.market.candles("okx", "BTC", "perp", 60, hour, hour)
        assert [float(each) for each in rows[1]] == pytest.approx(
            [at_ms, candle.volume - candle.buy_volume, candle.buy_volume]
        )
        rows = await ask("GATE", "/api/v4/spot/candlesticks?currency_pair=BTC_USDT&interval=1h&limit=2")
        assert (rows[0][0], [float(rows[0][i]) for i in (5, 3, 4, 2, 6)]) == (str(at_ms // 1000), truth("gate", "spot"))
        rows = (await ask("BITGET", "/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1h&limit=2"))["data"]
        assert (rows[0][0], [float(each) for each in rows[0][1:6]]) == (str(at_ms), truth("bitget", "spot"))
        span = {"coin": "BTC", "interval": "1h", "startTime": at_ms, "endTime": at_ms}
        rows = await ask(*HYPERLIQUID, {"type": "candleSnapshot", "req": span})
        assert [float(rows[0][key]) for key in "ohlcv"] == truth("hyperliquid", "perp", "USDC")
        columns = (
            await ask(
                "DERIBIT",
                "/api/v2/public/get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&resolution=60"
                f"&start_timestamp={at_ms}&end_timestamp={at_ms + 999_999_999}",
            )
        )["result"]
        first = [columns[key][0] for key in ("open", "high", "low", "close", "volume")]
        assert (first, len(columns["ticks"])) == (truth("deribit", "perp", "coin"), 2)
        answer = (await ask("KRAKEN", f"/0/public/OHLC?pair=XBTUSD&interval=60&since={at_ms // 1000 - 1}"))["result"]
        rows = answer["XXBTZUSD"]
        assert (rows[0][0], [float(rows[0][i]) for i in (1, 2, 3, 4, 6)]) == (at_ms // 1000, truth("kraken", "spot"))
        assert answer["last"] == at_ms // 1000
        rows = (await ask("KRAKEN_FUTURES", f"/api/charts/v1/trade/PF_XBTUSD/1h?from={at_ms // 1000}"))["candles"]
        first = [float(rows[0][key]) for key in ("open", "high", "low", "close", "volume")]
        assert (rows[0]["time"], first) == (at_ms, truth("kraken", "perp"))
        rows = await ask("COINBASE", "/products/BTC-USD/candles?granularity=3600")
        assert (rows[1][0], [rows[1][i] for i in (3, 2, 1, 4, 5)]) == (at_ms // 1000, truth("coinbase", "spot"))
        assert len(rows) == 300


# Lists, faults, counters.


async def test_lists_are_as_long_as_real_ones() -> None:
    async with a_still_world() as (_, ask):
        spot = await ask("BINANCE_SPOT", "/api/v3/ticker/24hr")
        assert len(spot) == 3300
        assert len({row["symbol"] for row in spot}) == 3300
        names = of_list(spot, "symbol")
        assert {"BTCUPUSDT", "ETHBEARUSDT", "ETHBTC", "BTCTRY", "BTCFDUSD", "JUPUSDT", "SUPERUSDT", "SYRUPUSDT"} <= set(
            names
        )
        halted = [row for row in spot if float(row["volume"]) == 0]
        assert 500 < len(halted) < 1500
        assert all(row["closeTime"] < 1_750_000_000_000 for row in halted)
        assert names["BTCUSDT"] == await ask("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=BTCUSDT")
        some = next(name for name in names if name.startswith("Q") and name.endswith("ETH"))
        assert names[some] == await ask("BINANCE_SPOT", f"/api/v3/ticker/24hr?symbol={some}")
        assert 250 < len(await ask("BINANCE_USDM", "/fapi/v1/ticker/24hr")) < 400
        assert 250 < len((await ask("BYBIT", "/v5/market/tickers?category=linear"))["result"]["list"]) < 400
        assert 250 < len((await ask("OKX", "/api/v5/public/funding-rate?instId=ANY"))["data"]) < 400
        gate = await ask("GATE", "/api/v4/spot/tickers")
        assert len(gate) > 600
        assert "BTC3L_USDT" in of_list(gate, "currency_pair")
        assert await ask("GATE", "/api/v4/futures/usdc/contracts") == []
        universe = (await ask(*HYPERLIQUID, {"type": "meta"}))["universe"]
        assert {"kPEPE", "kSHIB"} <= set(of_list(universe, "name"))
        assert sum(row.get("isDelisted", False) for row in universe) == 1
        assert len(await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250")) == 250
        assert 0 < len(await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250&page=2")) < 250


async def test_long_answers_are_packed() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = f"{world.sites['BINANCE_SPOT'].url}/api/v3/ticker/24hr"
        packed = await client.get(url)
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(packed.content) / 3
        plain = await client.get(url, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert len(plain.json()) == len(packed.json())
        assert "content-encoding" not in (await client.get(f"{url}?symbol=BTCUSDT")).headers


async def test_weights_are_counted() -> None:
    async with a_world(lambda: NOW) as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        used = []
        for target in ("ticker/24hr", "ticker/24hr?symbol=BTCUSDT", "klines?symbol=BTCUSDT&interval=1h", "time"):
            answer = await client.get(f"{world.sites['BINANCE_SPOT'].url}/api/v3/{target}")
            used.append(int(answer.headers["x-mbx-used-weight-1m"]))
        assert used == [80, 82, 84, 85]
        assert max(world.sites["BINANCE_SPOT"].weights.values()) == 85
        await client.get(f"{world.sites['BINANCE_USDM'].url}/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=1500")
        assert world.sites["BINANCE_USDM"].weights == {int(NOW // 60): 10}


async def test_site_remembers_who_asked() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        site = world.sites["HYPERLIQUID"]
        await client.post(f"{site.url}/info", json={"type": "meta"})
        assert list(site.asked) == ['/info {"type":"meta"}']
        assert (site.n_requests, site.n_connections, site.n_open) == (1, 1, 1)
        await client.aclose()
        await asyncio.sleep(0.02)
        assert (site.n_connections, site.n_open) == (1, 0)


async def test_fault_of_some_paths_only() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = world.sites["KRAKEN"].url
        world.set_path_fault("KRAKEN", "/0/public/OHLC", "500")
        assert (await client.get(f"{url}/0/public/OHLC?pair=XBTUSD")).status_code == 500
        assert (await client.get(f"{url}/0/public/Ticker?pair=XBTUSD")).status_code == 200
        world.set_path_fault("KRAKEN", "/0/public/OHLC", "")
        assert (await client.get(f"{url}/0/public/OHLC?pair=XBTUSD")).status_code == 200
        with pytest.raises(ValueError, match="no such fault of a path"):
            world.set_path_fault("KRAKEN", "/0", "refuse")


async def test_set_fault_takes_all_hosts_of_an_exchange() -> None:
    async with a_world() as world:
        await world.set_fault("kraken", "500")
        faults = {name for name, site in world.sites.items() if site.fault}
        assert faults == {"KRAKEN", "KRAKEN_FUTURES"}


async def test_faults_of_the_body() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = f"{world.sites['COINBASE'].url}/products/BTC-USD/stats"
        await world.set_fault("coinbase", "garbage")
        answer = await client.get(url)
        assert answer.status_code == 200
        with pytest.raises(ValueError):  # noqa: PT011
            answer.json()
        await world.set_fault("coinbase", "gzipbomb")
        async with client.stream("GET", url) as answer:
            assert int(answer.headers["content-length"]) < 64 * 1024
            packed = b"".join([piece async for piece in answer.aiter_raw()])
        unpacked = zlib.decompress(packed, wbits=31)
        assert len(unpacked) > 50 * 1024 * 1024
        await world.set_fault("coinbase", "slow")
        with pytest.raises(httpx.ReadTimeout):
            async with asyncio.timeout(1), client.stream("GET", url, timeout=0.1) as answer:
                await answer.aread()


@pytest.mark.parametrize(
    ("site", "target", "status", "words"),
    [
        ("BINANCE_USDM", "/futures/data/openInterestHist?symbol=BTCUSDT&period=7m", 400, "-1130"),
        ("BINANCE_COINM", "/dapi/v1/ticker/24hr?symbol=NOPEUSD_PERP", 400, "-1121"),
        ("BYBIT", "/v5/market/kline?category=linear&symbol=NOPEUSDT&interval=60", 200, '"retCode":10001'),
        ("OKX", "/api/v5/market/candles?instId=BTC-USDT&bar=1D", 400, '"code":"51000"'),
        ("GATE", "/api/v4/spot/tickers?currency_pair=NOPE_USDT", 400, "INVALID_CURRENCY_PAIR"),
        ("GATE", "/api/v4/futures/usdt/contracts/NOPE_USDT", 404, "CONTRACT_NOT_FOUND"),
        ("GATE", "/api/v4/futures/usdc/contracts/BTC_USDC", 404, "CONTRACT_NOT_FOUND"),
        ("GATE", "/api/v4/spot/candlesticks?currency_pair=BTC_USDT&limit=5&from=1", 400, "INVALID_PARAM_VALUE"),
        ("BITGET", "/api/v2/mix/market/candles?productType=USDT-FUTURES&symbol=BTCUSDT&granularity=1h", 400, "400171"),
        ("HYPERLIQUID", "/info", 405, ""),
        ("KRAKEN", "/0/public/OHLC?pair=NOPE", 200, "EQuery:Unknown asset pair"),
        ("KRAKEN_FUTURES", "/derivatives/api/v3/tickers/PF_NOPEUSD", 400, "contractNotFound"),
        ("COINBASE", "/products/BTC-USD/candles?granularity=1800", 400, "Unsupported granularity"),
        ("COINGECKO", "/api/v3/coins/markets?vs_currency=xyz", 422, "invalid vs_currency"),
    ],
)
async def test_exchange_refuses_in_its_words(site: str, target: str, status: int, words: str) -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(world.sites[site].url + target)
        assert answer.status_code == status
        assert words in answer.text


@pytest.mark.parametrize("status", [429, 418, 451])
async def test_exchange_limits_in_its_words(status: int) -> None:
    """Each site has a refusal of its own for each, even where it comes with another status."""
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        texts = set()
        for name, site in world.sites.items():
            await world.set_fault(name, str(status))
            answer = await client.get(site.url)
            assert answer.status_code in (200, 403, 418, 429, 451)
            texts.add(answer.text)
        assert len(texts) > 4


def test_world_by_itself() -> None:
    """`python -m demo` prints the variables that lead into it and, last, its page; it stays until it is stopped."""
    process = Process(["-m", "demo"], {})
    environ = json.loads(process.until(r"^\{.*\}$")[0])
    assert process.until(r"^(http://\S+)/$")[1] == environ["TELEGRAM_API_URL"]
    assert environ["TELEGRAM_BOT_TOKEN"] == demo.TOKEN
    answer = httpx.get(f"{environ['OKX_URL']}/api/v5/public/time", trust_env=False)
    assert answer.json()["code"] == "0"
    process.end(signal.SIGINT)
