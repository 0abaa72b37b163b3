"""The offline world's wire formats: keys and types of the recordings, and every exchange spells the same truth."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import httpx
import pytest
from conftest import recorded
from demo_kit import HYPERLIQUID, NOW, Ask, a_still_world, a_world, of_list

from demo.coins import Coin, contract_of

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
    "marginTableId",
    *("price_type", "change_from", "change_price", "relativeFundingRate", "relativeFundingRatePrediction"),
    *("formulaType", "impactValue", "interestRate", "nextFundingRate", "prevFundingTime"),
}
NEWER = {  # than one recording only
    "binance/um-funding-info": {"updateTime"},
    "gate/perp-ticker-doc": {"funding_interval", "funding_offset", "funding_next_apply", "t"},
}


def without_optional(value: Any, more: Collection[str] = ()) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in OPTIONAL and key not in more}
        return {key: without_optional(each, more) for key, each in kept.items()}
    return [without_optional(each, more) for each in value] if isinstance(value, list) else value


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
    if recording == "kraken/ohlc-1m":
        recorded_body["result"]["BTC/USD"] = recorded_body["result"].pop("XXBTZUSD")  # as it is called since 2026
    async with a_still_world() as (_, ask):
        answer = without_optional(await ask(site, target), NEWER.get(recording, ()))
        assert shape(answer) == shape(without_optional(recorded_body, NEWER.get(recording, ())))


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
        answer = without_optional(await ask(*HYPERLIQUID, wanted))
        assert shape(answer) == shape(without_optional(json.loads(recorded(recording))))


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
        assert merged - {"baseId"} == {*universe, *context} - OPTIONAL
        stats = await ask("COINBASE", "/products/BTC-USD/stats")
        assert set(json.loads(recorded("coinbase/exchange-stats"))) <= set(stats)


def holds(ours: Any, theirs: Any, where: str = "") -> None:
    """Whatever is recorded is in ours, too, and of the same JSON type; of lists each recorded row in our first one."""
    if isinstance(theirs, dict):
        assert set(theirs) <= set(ours), f"{where}: {set(theirs) - set(ours)}"
        for key, each in theirs.items():
            holds(ours[key], each, f"{where}.{key}")
    elif isinstance(theirs, list):
        for each in theirs if ours else ():
            holds(ours[0], each, f"{where}[]")
        assert bool(ours) >= bool(theirs), where
    elif theirs is not None and ours is not None:
        assert shape(ours) == shape(theirs), f"{where}: {ours} instead of {theirs}"


@pytest.mark.parametrize(
    ("site", "target", "recording"),
    [
        ("BINANCE_USDM", "/fapi/v1/fundingRate?symbol=BTCUSDT&limit=2", "binance/um-funding-rate-history"),
        ("BINANCE_USDM", "/fapi/v1/fundingInfo", "binance/um-funding-info-2026-09"),
        (
            "BINANCE_COINM",
            "/futures/data/takerBuySellVol?pair=BTCUSD&contractType=CURRENT_QUARTER&period=5m",
            "binance/cm-taker-buy-sell-vol",
        ),
        ("BYBIT", "/v5/market/tickers?category=linear", "bybit/linear-tickers-list-2026-09"),
        ("BYBIT", "/v5/market/funding/history?category=linear&symbol=ETHPERP&limit=1", "bybit/funding-history"),
        ("BYBIT", "/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=1", "bybit/recent-trade-spot"),
        ("BYBIT", "/v5/market/instruments-info?category=linear", "bybit/instruments-linear"),
        ("BYBIT", "/v5/market/instruments-info?category=inverse&symbol=BTCUSD", "bybit/instruments-inverse"),
        ("OKX", "/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP", "okx/funding-rate-history"),
        ("OKX", "/api/v5/public/open-interest?instType=SWAP", "okx/open-interest-list-2026-01"),
        ("OKX", "/api/v5/public/funding-rate?instId=ANY", "okx/funding-rate-any-2026-09"),
        ("OKX", "/api/v5/public/open-interest?instType=SWAP&instFamily=NOPE", "okx/error-parameter-2026-09"),
        ("GATE", "/api/v4/futures/usdt/contracts", "gate/contracts-list-2026-09-19"),
        ("GATE", "/api/v4/futures/usdt/funding_rate?contract=BTC_USDT", "gate/funding-rate-history-doc"),
        ("GATE", "/api/v4/futures/usdt/liq_orders", "gate/liq-orders"),
        (
            "BITGET",
            "/api/v2/mix/market/history-fund-rate?symbol=BTCUSDT&productType=USDT-FUTURES&pageSize=2",
            "bitget/mix-history-fund-rate",
        ),
        (
            "BITGET",
            "/api/v2/mix/market/funding-time?symbol=BTCUSDT&productType=USDT-FUTURES",
            "bitget/mix-funding-time",
        ),
        (
            "BITGET",
            "/api/v2/mix/market/ticker?symbol=BTCUSDT&productType=USDT-FUTURES",
            "bitget/mix-ticker-trimmed-2026-09",
        ),
        ("BITGET", "/api/v3/market/tickers?category=USDT-FUTURES&symbol=BTCUSDT", "bitget/v3-futures-ticker"),
        (
            "DERIBIT",
            "/api/v2/public/get_book_summary_by_currency?currency=USDC&kind=future",
            "deribit/book-summary-USDC-1000PEPE-shape",
        ),
        (
            "KRAKEN_FUTURES",
            "/derivatives/api/v4/historicalfundingrates?symbol=PI_XBTUSD",
            "krakenfutures/historical-funding-rates",
        ),
        ("KRAKEN_FUTURES", "/derivatives/api/v3/historicalfundingrates", "krakenfutures/error-404-2026-09"),
        ("COINBASE", "/products/BTC-USD/stats", "coinbase/exchange-stats-2026-06"),
    ],
)
async def test_world_has_what_is_recorded(site: str, target: str, recording: str) -> None:
    """Recordings of 2026, many of them trimmed: every recorded key stands in our answer, with its type."""
    async with a_still_world() as (_, ask):
        holds(await ask(site, target), json.loads(recorded(recording)))


async def test_contracts_of_um_stand_in_its_list() -> None:
    """But for `filters` and assets, of which ours are fewer."""
    async with a_still_world() as (_, ask):
        ours, theirs = (
            await ask("BINANCE_USDM", "/fapi/v1/exchangeInfo"),
            json.loads(recorded("binance/um-exchange-info")),
        )
        for each in (ours, theirs):
            each["assets"] = each["assets"][:1]
            each["symbols"] = [row | {"filters": row["filters"][:1]} for row in each["symbols"]]
        holds(ours, theirs)
        assert of_list(ours["symbols"], "symbol")["NVDAUSDT"]["contractType"] == "TRADIFI_PERPETUAL"


async def test_lists_have_rows_that_are_unlike_the_first() -> None:
    """A dated contract without funding, a pre-market one with funding 0, one that has ended."""
    async with a_still_world() as (_, ask):
        *_, dated = await ask("GATE", "/api/v4/futures/usdt/tickers")
        rows = json.loads(recorded("gate/perp-tickers-with-dated-2026-09"))
        holds(dated, rows[1])
        holds((await ask("GATE", "/api/v4/futures/usdt/tickers"))[0], rows[0])
        assert dated["funding_rate"] == ""
        linear = of_list((await ask("BYBIT", "/v5/market/tickers?category=linear"))["result"]["list"], "symbol")
        assert (linear["MEGAUSDT"]["fundingRate"], linear["MEGAUSDT"]["curPreListingPhase"]) == (
            "0",
            "ContinuousTrading",
        )
        gate = of_list(await ask("GATE", "/api/v4/futures/usdt/contracts"), "name")
        assert (gate["MEGA_USDT"]["is_pre_market"], gate["FTT_USDT"]["in_delisting"]) == (True, True)
        universe = of_list((await ask(*HYPERLIQUID, {"type": "meta"}))["universe"], "name")
        assert universe["FTT"]["isDelisted"] is True


async def test_hyperliquid_has_what_is_recorded() -> None:
    async with a_still_world() as (_, ask):
        meta, contexts = await ask(*HYPERLIQUID, {"type": "metaAndAssetCtxs"})
        their_meta, theirs = json.loads(recorded("hyperliquid/metaAndAssetCtxs-2026-09"))
        holds(meta["universe"], [{k: v for k, v in row.items() if k != "isDelisted"} for row in their_meta["universe"]])
        holds(contexts, theirs)


# Units: every exchange spells the same truth.


def named(exchange: str, coin: Coin) -> str:
    return contract_of(exchange, coin)[0]


async def interest_on_binance(ask: Ask, coin: Coin) -> dict[str, float]:
    found = {}
    for margin in ("USDT", "USDC"):
        row = await ask("BINANCE_USDM", f"/fapi/v1/openInterest?symbol={named('binance', coin)}{margin}")
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
    for margin, symbol in (("USDT", f"{named('bybit', coin)}USDT"), ("USDC", f"{named('bybit', coin)}PERP")):
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
        assert int(ticker["total_size"]) == 2 * row["position_size"], "the ticker counts both sides"
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
        if row := rows.get(f"{named('deribit', coin)}_USDC-PERPETUAL"):
            found["USDC"] = row["open_interest"] * contract_of("deribit", coin)[1]
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
        rows = answer["BTC/USD"]
        assert (rows[0][0], [float(rows[0][i]) for i in (1, 2, 3, 4, 6)]) == (at_ms // 1000, truth("kraken", "spot"))
        assert answer["last"] == at_ms // 1000
        rows = (await ask("KRAKEN_FUTURES", f"/api/charts/v1/trade/PF_XBTUSD/1h?from={at_ms // 1000}"))["candles"]
        first = [float(rows[0][key]) for key in ("open", "high", "low", "close", "volume")]
        assert (rows[0]["time"], first) == (at_ms, truth("kraken", "perp"))
        rows = await ask("COINBASE", "/products/BTC-USD/candles?granularity=3600")
        assert (rows[1][0], [rows[1][i] for i in (3, 2, 1, 4, 5)]) == (at_ms // 1000, truth("coinbase", "spot"))
        assert len(rows) == 300


# Names, histories, liquidations.


async def test_thousands_are_named_as_each_exchange_names_them() -> None:
    async with a_still_world() as (world, ask):
        price = world.market.price("SHIB", NOW)
        linear = of_list((await ask("BYBIT", "/v5/market/tickers?category=linear"))["result"]["list"], "symbol")
        assert float(linear["SHIB1000USDT"]["lastPrice"]) == pytest.approx(1000 * price, rel=2e-3)
        assert "1000SHIBUSDT" not in linear
        doge = world.market.price("BABYDOGE", NOW)
        (ticker,) = await ask("GATE", "/api/v4/futures/usdt/tickers?contract=MBABYDOGE_USDT")
        assert float(ticker["last"]) == pytest.approx(1e6 * doge, rel=2e-3)
        contract = await ask("GATE", "/api/v4/futures/usdt/contracts/MBABYDOGE_USDT")
        coins = contract["position_size"] * float(contract["quanto_multiplier"]) * 1e6
        assert coins == pytest.approx(world.market.interest("gate", "BABYDOGE"))
        assert float((await ask(*HYPERLIQUID, {"type": "allMids"}))["kBONK"]) > 0.001


async def test_interest_histories_end_at_the_level() -> None:
    """At a full five minutes the newest row is the level itself, on the basis that each exchange counts on."""
    at = NOW // 300 * 300
    async with a_world(lambda: at) as world, httpx.AsyncClient(trust_env=False, verify=False) as client:

        async def ask(site: str, target: str) -> Any:
            return (await client.get(world.sites[site].url + target)).json()

        level = await ask("BINANCE_USDM", "/fapi/v1/openInterest?symbol=ETHUSDT")
        *_, row = await ask("BINANCE_USDM", "/futures/data/openInterestHist?symbol=ETHUSDT&period=5m")
        assert float(row["sumOpenInterest"]) == float(level["openInterest"])
        level = await ask("BINANCE_COINM", "/dapi/v1/openInterest?symbol=BTCUSD_PERP")
        *_, row = await ask(
            "BINANCE_COINM", "/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=5m"
        )
        assert float(row["sumOpenInterest"]) == float(level["openInterest"])
        (level,) = (await ask("BYBIT", "/v5/market/tickers?category=linear&symbol=ETHUSDT"))["result"]["list"]
        rows = await ask("BYBIT", "/v5/market/open-interest?category=linear&symbol=ETHUSDT&intervalTime=5min")
        assert float(rows["result"]["list"][0]["openInterest"]) == float(level["openInterest"])
        (level,) = (await ask("OKX", "/api/v5/public/open-interest?instType=SWAP&instId=ETH-USDT-SWAP"))["data"]
        rows = await ask("OKX", "/api/v5/rubik/stat/contracts/open-interest-history?instId=ETH-USDT-SWAP&period=5m")
        assert rows["data"][0][1:3] == [level["oi"], level["oiCcy"]]
        contract = await ask("GATE", "/api/v4/futures/usdt/contracts/ETH_USDT")
        *_, row = await ask("GATE", "/api/v4/futures/usdt/contract_stats?contract=ETH_USDT")
        assert row["open_interest"] == 2 * contract["position_size"]
        coins = row["open_interest_usd"] / float(row["mark_price"])
        assert coins == pytest.approx(2 * contract["position_size"] * float(contract["quanto_multiplier"]), rel=1e-6)
        ticker = (await ask("KRAKEN_FUTURES", "/derivatives/api/v3/tickers/PF_ETHUSD"))["ticker"]
        path = f"/api/charts/v1/analytics/PF_ETHUSD/open-interest?since={at - 3600:.0f}&interval=300"
        *_, row = (await ask("KRAKEN_FUTURES", path))["result"]["data"]
        assert float(row[-1]) == ticker["openInterest"]


@pytest.mark.parametrize("period", ["1m", "3m", "7m"])
async def test_okx_has_no_rows_of_less_than_five_minutes(period: str) -> None:
    async with a_still_world() as (_, ask):
        for path in ("taker-volume-contract", "contracts/open-interest-history"):
            answer = await ask("OKX", f"/api/v5/rubik/stat/{path}?instId=BTC-USDT-SWAP&period={period}")
            assert (answer["code"], answer["msg"]) == ("51000", "Parameter period error")


async def test_liquidations_on_the_wire_are_the_truth() -> None:
    """Dollars of longs and of shorts of the last hour, by every exchange's own way of telling them."""
    async with a_still_world() as (world, ask):
        begin = NOW // 3600 * 3600 - 7 * 3600  # of an hour in which BTC went up and down
        end = begin + 3600

        def truth(exchange: str, margin: str = "USDT") -> dict[str, float]:
            sums = {"long": 0.0, "short": 0.0}
            for each in world.market.liquidations(exchange, "BTC", begin, end, margin):
                sums[each.side] += each.size * each.price
            assert min(sums.values()) > 0
            return sums

        def within(time_ms: float) -> bool:
            return begin * 1000 <= time_ms < end * 1000

        path = "/api/v5/public/liquidation-orders?instType=SWAP&instFamily=BTC-USDT&state=filled&limit=100"
        okx, after, oldest = {"long": 0.0, "short": 0.0}, "", NOW * 1000
        while oldest >= begin * 1000:
            (data,) = (await ask("OKX", path + after))["data"]
            for row in data["details"]:
                if within(int(row["ts"])):
                    okx[row["posSide"]] += float(row["sz"]) * 0.01 * float(row["bkPx"])
                    assert row["side"] == ("sell" if row["posSide"] == "long" else "buy")
            oldest = int(data["details"][-1]["ts"])
            after = f"&after={oldest}"
        assert okx == pytest.approx(truth("okx"), rel=0.02)  # at the bankruptcy price
        stats = await ask("GATE", f"/api/v4/futures/usdt/contract_stats?contract=BTC_USDT&interval=1h&from={begin:.0f}")
        gate = {"long": stats[0]["long_liq_usd"], "short": stats[0]["short_liq_usd"]}
        assert gate == pytest.approx(truth("gate"), rel=1e-6)
        orders = await ask(
            "GATE", f"/api/v4/futures/usdt/liq_orders?contract=BTC_USDT&from={begin:.0f}&to={end - 1:.0f}&limit=1000"
        )
        gate = {"long": 0.0, "short": 0.0}
        for row in orders:
            gate["long" if row["size"] > 0 else "short"] += abs(row["size"]) * 0.0001 * float(row["fill_price"])
        assert gate == pytest.approx(truth("gate"), rel=0.02)
        bitget, cursor = {"long": 0.0, "short": 0.0}, ""
        while True:
            path = f"/api/v3/market/liquidations?category=USDT-FUTURES&symbol=BTCUSDT&limit=100{cursor}"
            data = (await ask("BITGET", path))["data"]
            for row in data["list"]:
                if within(int(row["ts"])):
                    bitget["long" if row["side"] == "buy" else "short"] += float(row["price"]) * float(row["amount"])
            cursor = f"&cursor={data['cursor']}"
            if not data["cursor"] or int(data["list"][-1]["ts"]) < begin * 1000:
                break
        assert bitget == pytest.approx(truth("bitget"), rel=1e-6)
        span = f"start_timestamp={begin * 1000:.0f}&end_timestamp={end * 1000 - 1:.0f}&count=1000"
        trades = await ask(
            "DERIBIT", f"/api/v2/public/get_last_trades_by_instrument_and_time?instrument_name=BTC-PERPETUAL&{span}"
        )
        deribit = {"long": 0.0, "short": 0.0}
        for row in trades["result"]["trades"]:
            if "liquidation" in row:
                forced = (
                    row["direction"] if row["liquidation"] == "T" else {"buy": "sell", "sell": "buy"}[row["direction"]]
                )
                deribit["long" if forced == "sell" else "short"] += row["amount"]
        assert deribit == pytest.approx(truth("deribit", "coin"), rel=0.05)
        path = f"/api/charts/v1/analytics/PF_XBTUSD/liquidation-volume?since={begin:.0f}&to={end - 1:.0f}&interval=3600"
        (coins,) = (await ask("KRAKEN_FUTURES", path))["result"]["data"]
        assert float(coins) * world.market.price("BTC", end) == pytest.approx(
            sum(truth("kraken", "USD").values()), rel=0.02
        )


async def test_coinbase_leaves_out_candles_without_trades() -> None:
    async with a_still_world() as (world, ask):
        thin = min(world.market.listed("coinbase", "spot"), key=lambda coin: abs(coin.spot_usd - 2.2e5))
        rows = await ask("COINBASE", f"/products/{thin.base}-USD/candles?granularity=60")
        assert 0 < len(rows) < 290
        assert len(await ask("COINBASE", "/products/BTC-USD/candles?granularity=60")) == 300


async def test_prices_and_books_are_those_of_the_tickers() -> None:
    async with a_still_world() as (_, ask):
        for site, prefix, symbol in (
            ("BINANCE_SPOT", "/api/v3", "ETHUSDT"),
            ("BINANCE_USDM", "/fapi/v1", "1000PEPEUSDT"),
        ):
            ticker = await ask(site, f"{prefix}/ticker/24hr?symbol={symbol}")
            price = of_list(await ask(site, f"{prefix}/ticker/price"), "symbol")[symbol]
            book = await ask(site, f"{prefix}/ticker/bookTicker?symbol={symbol}")
            assert float(price["price"]) == float(ticker["lastPrice"])
            assert float(book["bidPrice"]) < float(ticker["lastPrice"]) < float(book["askPrice"])


async def test_coin_that_is_traded_in_usdc_only() -> None:
    async with a_still_world() as (_, ask):
        assert (await ask("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=AEROUSDT"))["code"] == -1121
        assert float((await ask("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=AEROUSDC"))["lastPrice"]) > 0
        assert (await ask("BYBIT", "/v5/market/tickers?category=spot&symbol=AEROUSDT"))["retCode"] == 10001
        assert (await ask("OKX", "/api/v5/market/ticker?instId=AERO-USDC"))["code"] == "0"


async def test_coingecko_tells_coins_of_one_name_apart() -> None:
    async with a_still_world() as (_, ask):
        rows = await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&symbols=neiro,cat,nvda")
        assert [row["symbol"] for row in rows] == ["neiro", "neiro", "cat"]  # shares are no coins
        assert len({row["id"] for row in rows}) == 3
        dear = of_list(rows, "id")["neiro-on-eth"]["current_price"]
        assert dear > 30 * of_list(rows, "id")["neiro-3"]["current_price"]
        assert of_list(rows, "id")["simon-s-cat"]["current_price"] < 0.0001
        every = await ask("COINGECKO", "/api/v3/coins/markets?vs_currency=usd&per_page=250")
        assert [row["id"] for row in every[:2]] == ["bitcoin", "ethereum"]
