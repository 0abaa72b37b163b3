"""Every recorded answer has its reader, and what it reads can be; also with one thing changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from conftest import NOW_MS, RECORDINGS, a_perp, a_spot, recorded, together
from wire import plain

from asking.cutter import ArrayCutter
from exchanges import binance, bitget, bybit, coinbase, coingecko, deribit, gate, hyperliquid, kraken, okx
from exchanges.binance import Binance
from exchanges.bitget import Bitget
from exchanges.bybit import Bybit
from exchanges.deribit import Deribit
from exchanges.endpoints import ListEndpoint
from exchanges.errors import (
    BadResponse,
    Blocked,
    ClockWrong,
    Declined,
    Gone,
    MarketError,
    NotSupported,
    RateLimited,
    Refused,
    Unavailable,
    UnknownSymbol,
)
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.kraken import Kraken
from exchanges.okx import Okx
from exchanges.reading import row_in
from exchanges.words import Candles, Funding, OpenInterest, Ratio, Ticker


def _listed(endpoint: ListEndpoint[Any]) -> Callable[[bytes], Any]:
    """Reads a list as fetch.py does."""

    def read(body: bytes) -> Any:
        exchange = endpoint.host.exchange
        cutter = ArrayCutter(exchange, endpoint.place, endpoint.wanted)
        rows = cutter.feed(body)
        if not cutter.found:
            raise endpoint.explain(200, cutter.unread)
        read_row = endpoint.row if endpoint.reader is None else endpoint.reader(cutter.head)
        found = [read_row(row_in(exchange, row)) for row in rows]
        if not cutter.is_done:
            raise BadResponse(exchange, "the list was cut")
        return found

    return read


def _refusal(module: Any, status: int, kind: type[MarketError]) -> Callable[[bytes], Any]:
    def read(body: bytes) -> Any:
        error = module.explain(status, body)
        assert isinstance(error, MarketError)
        return error, kind

    return read


def _both(*readers: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    return lambda body: [read(body) for read in readers]


def _named_by_ourselves(body: bytes) -> Any:
    """Hyperliquid's contexts without their names."""
    rows = json.loads(body)
    try:
        rows = rows["data"]["ctxs"][0][1] if isinstance(rows, dict) else rows
        names = [{"name": f"C{i}"} for i in range(len(rows))]
    except (LookupError, TypeError):
        raise BadResponse("hyperliquid", "no list of contexts") from None
    return _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"])(plain([{"universe": names}, rows]))


def _row(row: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Reads an answer about one market as a row of the list of all."""
    return lambda body: row(row_in("x", json.loads(body)))


def _contract_list() -> ListEndpoint[Any]:
    found = Binance().positions()[1].second
    assert isinstance(found, ListEndpoint)
    return found


def _usdm_positions(body: bytes) -> Any:
    answer = json.loads(body)
    account, risks = (answer, []) if isinstance(answer, dict) else (None, answer)
    return binance.parse_usdm_positions(risks, account)


NOT_ASKED = "none of our questions asks this"
CONTRACTS = "contract sizes and periods are known without it"
TRADES = "trades are not asked"
VECTORS = "no answer; tests/test_accounts.py signs by it"
RECORDINGS_READ: dict[str, Callable[[bytes], Any] | str] = {
    "binance/cm-balance": binance.parse_futures_balances,
    "binance/cm-exchange-info": _both(
        lambda body: binance.parse_contract_size(body, "BTCUSD_200925"),
        _listed(_contract_list()),
    ),
    "binance/cm-klines": "candles of COIN-M are not asked: they count contracts",
    "binance/cm-open-interest-hist": Binance().open_interest_history(a_perp("BTC-COIN"), 25).parse,
    "binance/cm-open-interest": lambda body: binance.parse_coinm_open_interest(
        body.replace(b"BTCUSD_200626", b"BTCUSD_PERP"), a_perp("BTC-COIN", 1, 100)
    ),
    "binance/cm-position-risk": lambda body: binance.parse_coinm_positions(json.loads(body), {"BTCUSD_201225": 100.0}),
    "binance/cm-premium-index": lambda body: binance.parse_coinm_funding(body, a_perp("BTC-COIN")),
    "binance/cm-taker-buy-sell-vol": NOT_ASKED,
    "binance/cm-ticker-24hr": lambda body: binance.parse_coinm_ticker(body, a_perp("BTC-COIN", 1, 100)),
    "binance/cm-top-long-short-position-ratio": NOT_ASKED,
    "binance/error-api-key": _refusal(binance, 401, Refused),
    "binance/error-bad-interval": _refusal(binance, 400, NotSupported),
    "binance/error-ip-ban-418": _refusal(binance, 418, RateLimited),
    "binance/error-rate-limit-429": _refusal(binance, 429, RateLimited),
    "binance/error-restricted-location-451": _refusal(binance, 451, Blocked),
    "binance/error-signature": _refusal(binance, 400, Refused),
    "binance/error-timestamp": _refusal(binance, 400, ClockWrong),
    "binance/error-unknown-symbol": _refusal(binance, 400, UnknownSymbol),
    "binance/signature-vectors": VECTORS,
    "binance/spot-account": binance.parse_spot_balances,
    "binance/spot-agg-trades": TRADES,
    "binance/spot-exchange-info": "symbols are read from the list of last prices",
    "binance/spot-klines-1h": lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "binance/spot-klines": lambda body: binance.parse_candles(body, a_spot("BTC-USDT"), "1m"),
    "binance/spot-ticker-24hr": lambda body: binance.parse_ticker(body, a_spot("BTC-USDT")),
    "binance/spot-time": binance.parse_time,
    "binance/spot-trades": TRADES,
    "binance/um-account-v3": _usdm_positions,
    "binance/um-balance-v3": binance.parse_futures_balances,
    "binance/um-exchange-info": "symbols are read from the list of last prices",
    "binance/um-force-orders": NOT_ASKED,
    "binance/um-funding-info-2026-09": _listed(Binance().funding_intervals("USDT")[0]),
    "binance/um-funding-info": _listed(Binance().funding_intervals("USDT")[0]),
    "binance/um-funding-rate-history": lambda body: binance.parse_paid(body, a_perp("BTC-USDT")),
    "binance/um-global-long-short-account-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "accounts"
    ),
    "binance/um-income": binance.parse_income,
    "binance/um-klines": lambda body: binance.parse_candles(body, a_perp("BTC-USDT"), "1h"),
    "binance/um-open-interest-hist-docs": lambda body: binance.parse_open_interest_history(
        body, a_perp("BTC-USDT"), "sumOpenInterest"
    ),
    "binance/um-open-interest-hist": lambda body: binance.parse_open_interest_history(
        body, a_perp("BTC-USDT", 1000), "sumOpenInterest"
    ),
    "binance/um-open-interest": lambda body: binance.parse_open_interest(body, a_perp("BTC-USDT")),
    "binance/um-position-risk-v3": _usdm_positions,
    "binance/um-premium-index": _both(
        lambda body: binance.parse_funding(body, a_perp("BTC-USDT")), _row(binance.parse_funding_row)
    ),
    "binance/um-taker-long-short-ratio": "told with the candles",
    "binance/um-ticker-24hr": _both(
        lambda body: binance.parse_perp(body, a_perp("S-USDT")), _row(binance.parse_ticker_row)
    ),
    "binance/um-top-long-short-account-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "top accounts"
    ),
    "binance/um-top-long-short-position-ratio": lambda body: binance.parse_ratios(
        body, a_perp("BTC-USDT"), "top positions"
    ),
    "bitget/error-missing-param": _refusal(bitget, 400, Declined),
    "bitget/error-rate-limit": _refusal(bitget, 429, RateLimited),
    "bitget/error-symbol-not-found": _refusal(bitget, 400, UnknownSymbol),
    "bitget/margin-long-short-ratio": NOT_ASKED,
    "bitget/mix-account-long-short": lambda body: bitget.parse_ratios(body, a_perp("BTC-USDT")),
    "bitget/mix-candles-2": lambda body: bitget.parse_candles(body, a_perp("BTC-USDT"), "5m"),
    "bitget/mix-candles": lambda body: bitget.parse_candles(body, a_perp("BTC-USDT"), "5m"),
    "bitget/mix-contracts": CONTRACTS,
    "bitget/mix-current-fund-rate": _both(
        lambda body: bitget.parse_funding(body, a_perp("BTC-USDT")),
        _listed(Bitget().tickers("perp", NOW_MS)["funding"]),
    ),
    "bitget/mix-funding-time": "told with the funding",
    "bitget/mix-history-fund-rate": lambda body: bitget.parse_paid(body, a_perp("BTC-USDT"), 0, 1),
    "bitget/mix-open-interest-2": "told with the ticker",
    "bitget/mix-open-interest": "told with the ticker",
    "bitget/mix-ticker-trimmed-2026-09": lambda body: bitget.parse_perp(body, a_perp("BTC-USDT")),
    "bitget/mix-ticker-ETHUSD-delivery-doc": lambda body: bitget.parse_perp(
        body.replace(b"ETHUSD_231229", b"ETHUSD"), a_perp("ETH-COIN")
    ),
    "bitget/mix-ticker-one": _both(
        lambda body: bitget.parse_perp(body, a_perp("BTC-USDT")), _listed(Bitget().tickers("perp", NOW_MS)["ticker"])
    ),
    "bitget/mix-tickers-all-coin-futures": _both(
        lambda body: bitget.parse_perp(body, a_perp("BTC-COIN")), _listed(Bitget().tickers("perp", NOW_MS)["ticker"])
    ),
    "bitget/spot-candles": "the example tells one candle twice, which is refused; see test_exchange_candles.py",
    "bitget/spot-ticker-one": _both(
        lambda body: bitget.parse_spot(body, a_spot("BTC-USDT")), _listed(Bitget().tickers("spot", NOW_MS)["ticker"])
    ),
    "bitget/spot-tickers-all-doc": _listed(Bitget().tickers("spot", NOW_MS)["ticker"]),
    "bitget/v3-futures-ticker": "of version 3, which is not asked",
    "bybit/account-ratio": lambda body: bybit.parse_ratios(body, a_perp("BTC-USDT")),
    "bybit/closed-pnl": bybit.parse_closed_pnl,
    "bybit/error-ip-403": _refusal(bybit, 403, Blocked),
    "bybit/error-rate-limit": _refusal(bybit, 200, RateLimited),
    "bybit/error-timestamp": _refusal(bybit, 200, ClockWrong),
    "bybit/funding-history": lambda body: bybit.parse_paid(body, a_perp("ETH-USDC")),
    "bybit/instruments-inverse": CONTRACTS,
    "bybit/instruments-linear": CONTRACTS,
    "bybit/inverse-kline": lambda body: bybit.parse_candles(body, a_perp("BTC-COIN"), "1h"),
    "bybit/inverse-open-interest": lambda body: bybit.parse_open_interest_history(body, a_perp("BTC-COIN")),
    "bybit/inverse-ticker-2": lambda body: bybit.parse_perp(body, a_perp("BTC-COIN")),
    "bybit/inverse-ticker": lambda body: bybit.parse_perp(body, a_perp("BTC-COIN")),
    "bybit/linear-kline": lambda body: bybit.parse_candles(body, a_perp("BTC-USDT"), "1m"),
    "bybit/linear-ticker": _both(
        lambda body: bybit.parse_perp(body, a_perp("BTC-USDT")), _listed(Bybit().tickers("perp", NOW_MS)["ticker"])
    ),
    "bybit/open-interest-inverse": lambda body: bybit.parse_open_interest_history(body, a_perp("BTC-COIN")),
    "bybit/position-list-inverse": lambda body: bybit.parse_positions(json.loads(body)),
    "bybit/recent-trade-spot": TRADES,
    "bybit/signature-vectors": VECTORS,
    "bybit/spot-kline": lambda body: bybit.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "bybit/spot-ticker": _both(
        lambda body: bybit.parse_spot(body, a_spot("BTC-USDT")), _listed(Bybit().tickers("spot", NOW_MS)["ticker"])
    ),
    "bybit/time": bybit.parse_time,
    "bybit/linear-tickers-list-2026-09": _both(
        _listed(Bybit().tickers("perp", NOW_MS)["ticker"]), _listed(Bybit().symbols("perp"))
    ),
    "bybit/wallet-balance-borrowed": bybit.parse_unified_balances,
    "bybit/wallet-balance": bybit.parse_unified_balances,
    "coinbase/advanced-candles": "of the other API, which is not asked",
    "coinbase/advanced-product": "of the other API, which is not asked",
    "coinbase/advanced-products-future": "of the other API, which is not asked",
    "coinbase/advanced-products": "of the other API, which is not asked",
    "coinbase/advanced-ticker": "of the other API, which is not asked",
    "coinbase/exchange-candles": lambda body: coinbase.parse_candles(body, a_spot("BTC-USD"), "1m"),
    "coinbase/exchange-error-not-found": _refusal(coinbase, 404, UnknownSymbol),
    "coinbase/exchange-stats-2026-06": lambda body: coinbase.parse_spot(body, a_spot("BTC-USD")),
    "coinbase/exchange-stats": lambda body: coinbase.parse_spot(
        json.dumps({"last": "50", **json.loads(body)}).encode(), a_spot("X-USD")
    ),
    "coinbase/exchange-ticker-2017": "the price is told with the stats",
    "coinbase/exchange-ticker": "the price is told with the stats",
    "coingecko/error-429": _refusal(coingecko, 429, RateLimited),
    "coingecko/global-2021": NOT_ASKED,
    "coingecko/market-chart-1d": NOT_ASKED,
    "coingecko/market-chart-30d-hourly": NOT_ASKED,
    "coingecko/markets-error-missing-vs-currency": _refusal(coingecko, 422, Declined),
    "coingecko/markets-one-2021": _listed(coingecko.market_caps()),
    "coingecko/markets-one-2024": _listed(coingecko.market_caps()),
    "coingecko/markets-one-in-myr": _listed(coingecko.market_caps()),
    "coingecko/markets-two-in-eth": _listed(coingecko.market_caps()),
    "coingecko/simple-price-2021": NOT_ASKED,
    "coingecko/simple-price-error-missing-ids": _refusal(coingecko, 422, Declined),
    "coingecko/simple-price-spaces-lose-coins": NOT_ASKED,
    "coingecko/simple-price-unknown-vs-currency": NOT_ASKED,
    "deribit/book-summary-BTC-27MAR20": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-BTC-PERPETUAL-2020-2": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-BTC-PERPETUAL-2020": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-USDC-1000PEPE-shape": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-by-currency-option-row": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/book-summary-by-instrument-perp-testnet": _listed(Deribit().tickers("perp", NOW_MS)["ticker"]),
    "deribit/error-bad-instrument": _refusal(deribit, 400, UnknownSymbol),
    "deribit/error-rate-limit": _refusal(deribit, 429, RateLimited),
    "deribit/funding-rate-history": deribit.parse_paid,
    "deribit/get-index-2020": NOT_ASKED,
    "deribit/get-instrument-perp": CONTRACTS,
    "deribit/get-instruments-BTC-future-2020": CONTRACTS,
    "deribit/get-instruments-ETH-future-2020": CONTRACTS,
    "deribit/get-instruments-mixed": CONTRACTS,
    "deribit/order-book-BTC-PERPETUAL": lambda body: deribit.parse_perp(body, a_perp("BTC-COIN")),
    "deribit/tradingview-chart-1m": lambda body: deribit.parse_candles(body, a_perp("BTC-COIN"), "1m"),
    "gate/contract-eth-usd-btc-settled-2019": lambda body: gate.parse_contract(body, a_perp("ETH-USD")),
    "gate/contract-stats-doc": _both(
        lambda body: gate.parse_open_interest_history(body, a_perp("BTC-USDT")),
        lambda body: gate.parse_ratios(body, a_perp("BTC-USDT")),
    ),
    "gate/contract-usdt-one": _both(
        lambda body: gate.parse_contract(body, a_perp("0G-USDT")),
        lambda body: gate.parse_contract_size(body, a_perp("0G-USDT")),
    ),
    "gate/contracts-btc-settled-2019": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/contracts-list-2026-09-19": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/oi-two-answers-2026-08": lambda body: gate.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "gate/perp-tickers-with-dated-2026-09": _both(
        _listed(Gate().tickers("perp", NOW_MS)["ticker"]), _listed(Gate().symbols("perp"))
    ),
    "gate/contracts-usdt-doc": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/delivery-contract": _listed(Gate().tickers("perp", NOW_MS)["funding"]),
    "gate/error-forbidden": _refusal(gate, 403, Blocked),
    "gate/error-invalid-currency": _refusal(gate, 400, UnknownSymbol),
    "gate/error-invalid-key": _refusal(gate, 401, Declined),
    "gate/error-ip-forbidden": _refusal(gate, 401, Declined),
    "gate/error-server": _refusal(gate, 500, Unavailable),
    "gate/funding-rate-history-doc": gate.parse_paid,
    "gate/liq-orders": lambda body: gate.parse_liquidations(body, a_perp("BTC-USDT", 1, 0.0001), 0),
    "gate/perp-candles-doc": lambda body: gate.parse_perp_candles(body, a_perp("BTC-USDT", 1, 0.0001), "1m"),
    "gate/perp-ticker-doc": _both(
        lambda body: gate.parse_perp(body, a_perp("BTC-USDT")), _listed(Gate().tickers("perp", NOW_MS)["ticker"])
    ),
    "gate/perp-tickers-all-btc-settled-2019": _listed(Gate().tickers("perp", NOW_MS)["ticker"]),
    "gate/spot-candles": lambda body: gate.parse_spot_candles(body, a_spot("BTC-USDT"), "1m"),
    "gate/spot-ticker-one": _both(
        lambda body: gate.parse_spot(body, a_spot("BTC-USDT")), _listed(Gate().tickers("spot", NOW_MS)["ticker"])
    ),
    "gate/spot-tickers-all": _listed(Gate().tickers("spot", NOW_MS)["ticker"]),
    "hyperliquid/allDexsAssetCtxs-ws": _named_by_ourselves,
    "hyperliquid/allMids": NOT_ASKED,
    "hyperliquid/allPerpMetas-other-collateral": "markets of other builders are not asked",
    "hyperliquid/assetCtx-HYPE-merged": "names and contexts merged by somebody; no answer has this shape",
    "hyperliquid/candleSnapshot-spot": lambda body: hyperliquid.parse_candles(body, a_perp("@107-USDC"), "1d"),
    "hyperliquid/candleSnapshot": lambda body: hyperliquid.parse_candles(body, a_perp("1000PEPE-USDC", 1000), "1h"),
    "hyperliquid/ctx-rows-with-nulls": _named_by_ourselves,
    "hyperliquid/error-422-text": _refusal(hyperliquid, 422, Declined),
    "hyperliquid/fundingHistory-2": lambda body: hyperliquid.parse_paid(body, a_perp("BTC-USDC")),
    "hyperliquid/fundingHistory": lambda body: hyperliquid.parse_paid(body, a_perp("BTC-USDC")),
    "hyperliquid/meta-with-delisted": _listed(Hyperliquid().symbols("perp")),
    "hyperliquid/meta": _listed(Hyperliquid().symbols("perp")),
    "hyperliquid/metaAndAssetCtxs-2026-09": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-BTC-ETH-ATOM": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-doc3": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/metaAndAssetCtxs-one": _listed(Hyperliquid().tickers("perp", NOW_MS)["ticker"]),
    "hyperliquid/spotMetaAndAssetCtxs": "its spot markets are not asked",
    "kraken/asset-pairs-all-2017": NOT_ASKED,
    "kraken/asset-pairs-few": NOT_ASKED,
    "kraken/error-rate-limit": _refusal(kraken, 200, RateLimited),
    "kraken/error-too-many": _refusal(kraken, 200, RateLimited),
    "kraken/error-unavailable": _refusal(kraken, 200, Unavailable),
    "kraken/error-unknown-pair": _refusal(kraken, 200, UnknownSymbol),
    "kraken/ohlc-1m-full": lambda body: kraken.parse_spot_candles(body, a_spot("BTC-USDT"), "1m"),
    "kraken/ohlc-1m": lambda body: kraken.parse_spot_candles(body, a_spot("BTC-USD"), "1m"),
    "kraken/system-status": NOT_ASKED,
    "kraken/ticker-BCHEUR-2017": lambda body: kraken.parse_spot(body, a_spot("BCH-EUR")),
    "kraken/ticker-one-2": lambda body: kraken.parse_spot(body, a_spot("BTC-USD")),
    "kraken/ticker-one": lambda body: kraken.parse_spot(body, a_spot("BTC-USDT")),
    "krakenfutures/candles-trade-1h": lambda body: kraken.parse_perp_candles(body, a_perp("BTC-COIN"), "1h"),
    "krakenfutures/error-404-2026-09": _refusal(kraken, 404, Gone),
    "krakenfutures/error-resolution-400-2026-09": _refusal(kraken, 400, NotSupported),
    "krakenfutures/historical-funding-rates": "the past of funding is read from the analytics",
    "krakenfutures/instruments-2019": CONTRACTS,
    "krakenfutures/instruments": CONTRACTS,
    "krakenfutures/ticker-PF_ENJUSD-row": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-2": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-all-2019-2": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-all-2019": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-relative-2026-09": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "krakenfutures/tickers-mixed-rows": _listed(Kraken().tickers("perp", NOW_MS)["ticker"]),
    "okx/account-balance": okx.parse_trading_balances,
    "okx/account-bills": okx.parse_bills,
    "okx/account-positions": lambda body: okx.parse_positions(json.loads(body)),
    "okx/error-invalid-key": _refusal(okx, 401, Refused),
    "okx/error-invalid-sign": _refusal(okx, 401, Refused),
    "okx/error-rate-limit": _refusal(okx, 429, RateLimited),
    "okx/error-timestamp-expired": _refusal(okx, 401, ClockWrong),
    "okx/error-unknown-instrument": _refusal(okx, 200, UnknownSymbol),
    "okx/funding-account-balances": okx.parse_funding_balances,
    "okx/funding-rate-history": lambda body: okx.parse_paid(body, a_perp("BTC-USDT"), 0),
    "okx/error-parameter-2026-09": _refusal(okx, 200, Declined),
    "okx/funding-rate-any-2026-09": _listed(Okx().tickers("perp", NOW_MS)["funding"]),
    "okx/open-interest-list-2026-01": _listed(Okx().tickers("perp", NOW_MS)["open_interest"]),
    "okx/funding-rate": _both(
        lambda body: okx.parse_funding(body, a_perp("BTC-USDT")), _listed(Okx().tickers("perp", NOW_MS)["funding"])
    ),
    "okx/instruments-spot": CONTRACTS,
    "okx/instruments-swap": CONTRACTS,
    "okx/open-interest-option": _listed(Okx().tickers("perp", NOW_MS)["open_interest"]),
    "okx/open-interest-swap-docs": _both(
        lambda body: okx.parse_open_interest(body, a_perp("BTC-USDT")),
        _listed(Okx().tickers("perp", NOW_MS)["open_interest"]),
    ),
    "okx/positions-history-eth": lambda body: okx.parse_closed_positions(body, 0),
    "okx/positions-history": lambda body: okx.parse_closed_positions(body, 0),
    "okx/rubik-long-short-account-ratio-contract": lambda body: okx.parse_ratios(body, a_perp("BTC-USDT")),
    "okx/rubik-long-short-account-ratio": lambda body: okx.parse_ratios(body, a_perp("BTC-USDT")),
    "okx/rubik-open-interest-history": lambda body: okx.parse_open_interest_history(body, a_perp("BTC-USDT")),
    "okx/rubik-open-interest-volume": NOT_ASKED,
    "okx/rubik-taker-volume": lambda body: okx.parse_taker_flow(body, a_perp("BTC-USDT"), "1d"),
    "okx/signature-vectors": VECTORS,
    "okx/spot-candles": lambda body: okx.parse_candles(body, a_spot("BTC-USDT"), "1h"),
    "okx/spot-ticker": _both(
        lambda body: okx.parse_spot(body, a_spot("ETH-BTC")),
        _listed(Okx().tickers("spot", NOW_MS)["ticker"]),
        _listed(Okx().symbols("spot")),
    ),
    "okx/swap-candles": lambda body: okx.parse_candles(body, a_perp("BTC-USDT"), "1h"),
    "okx/swap-tickers": _both(
        lambda body: okx.parse_perp(body, a_perp("LTC-COIN")), _listed(Okx().tickers("perp", NOW_MS)["ticker"])
    ),
    "okx/time": okx.parse_time,
    "okx/trades-spot": TRADES,
}
"""The parser of every recording but BitMEX's, which is not asked; or why there is none."""

READ = {name: reader for name, reader in RECORDINGS_READ.items() if not isinstance(reader, str)}
YEAR_2010_MS, YEAR_2100_MS = 1_262_304_000_000, 4_102_444_800_000


def _check(found: Any) -> None:
    """That a figure of a parser is one that a market may have."""
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], MarketError):
        assert type(found[0]) is found[1]
    elif isinstance(found, Candles):
        assert len(found) > 0
        assert YEAR_2010_MS < found.open_ms[0] <= found.open_ms[-1] < YEAR_2100_MS
        for volume, bought in zip(found.volume, found.taker_buy or found.volume, strict=True):
            assert 0 <= bought <= volume
        for volume, quote, low, high in zip(
            found.volume, found.quote_volume or (), found.low, found.high, strict=False
        ):
            assert found.symbol != "BTC-USDT" or volume * low * 0.9 <= quote <= volume * high * 1.1 or low < 2
    elif isinstance(found, Ticker):
        assert found.last > 0
        assert found.high is None or found.low is None or found.low <= found.high
        assert abs(found.change_pct or 0) < 100
        assert min(found.base_volume or 0, found.quote_volume or 0) >= 0
        assert found.time_ms == 0 or YEAR_2010_MS < found.time_ms < YEAR_2100_MS
        assert found.symbol == found.symbol.upper()
    elif isinstance(found, OpenInterest):
        assert min(each for each in found if each is not None) >= 0
    elif isinstance(found, Funding):
        assert abs(found.funding_rate) < 0.02
        assert found.funding_interval_h in (None, 1, 2, 4, 8)
        assert found.next_funding_ms is None or YEAR_2010_MS < found.next_funding_ms < YEAR_2100_MS
    elif isinstance(found, Ratio):
        assert 0 <= found.long_share <= 1
    elif isinstance(found, dict):
        _check(list(found.values()))
    elif isinstance(found, (tuple, list)):
        for each in found:
            _check(each)


def test_every_recording_has_its_reader() -> None:
    """A new recording needs a line in RECORDINGS_READ."""
    if not RECORDINGS.is_dir():
        pytest.skip("no recordings on this machine")
    there = {str(path.relative_to(RECORDINGS).with_suffix("")) for path in RECORDINGS.rglob("*.json")}
    assert {name for name in there if not name.startswith("bitmex/")} == set(RECORDINGS_READ)


@together("name", READ)
def test_recording_is_read(name: str) -> None:
    found = READ[name](recorded(name))
    assert found is not None
    _check(found)


# Recordings with one thing in them changed.


N_CHANGED = 3000
LEAVES: list[Any] = [
    "",
    None,
    "x",
    [],
    {},
    True,
    -1,
    0,
    1e300,
    -0.5,
    "NaN",
    "inf",
    "1e999",
    "-1",
    " 5 ",
    "é",
    [None],
    {"a": []},
]


def _document(body: bytes) -> Any:
    """The body as JSON; None for what is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _holders(document: Any) -> list[Any]:
    """Every object and list of a document that has something in it."""
    found, left = [], [document]
    while left:
        each = left.pop()
        if isinstance(each, (dict, list)) and each:
            found.append(each)
            left += each.values() if isinstance(each, dict) else each
    return found


def _spoil(document: Any, rng: random.Random) -> Callable[[], None]:
    """Changes one thing somewhere, and gives what puts it back."""
    holder = rng.choice(_holders(document))
    before = holder.copy()
    place = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    kind = rng.randrange(5)
    if kind == 0:
        del holder[place]
    elif kind == 1 and isinstance(holder, list):
        del holder[place:]
    elif kind == 2 and isinstance(holder, list):
        holder.insert(place, holder[place])
    else:
        holder[place] = rng.choice(LEAVES)

    def put_back() -> None:
        holder.clear()
        (holder.update if isinstance(holder, dict) else holder.extend)(before)

    return put_back


def test_changed_recordings_are_read_or_refused() -> None:
    """Whatever an exchange makes of its answer: a parser gives a record or raises a MarketError."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    names = [name for name in READ if (RECORDINGS / f"{name}.json").is_file()]
    if not names:
        pytest.skip("no recordings on this machine")
    for name in names:
        document = _document(recorded(name))
        n_cases = 4 if len(recorded(name)) > 20_000 else N_CHANGED // len(names) + 4
        for _ in range(n_cases if _holders(document) else 0):
            put_back = _spoil(document, rng)
            body = json.dumps(document).encode()
            with suppress(MarketError):
                try:
                    READ[name](body)
                except Exception as error:
                    if not isinstance(error, MarketError):
                        pytest.fail(f"seed {seed}, {name}: {error!r} of {body[:2000]!r}")
                    raise
            put_back()
