"""Binance's lists besides the tickers: prices, books, contracts, and the funding that was paid."""

from __future__ import annotations

from collections.abc import Iterator

from demo.binance_markets import Pair, error, found_symbol, pair_day, perp_pair, perp_pairs, spot_pair, spot_pairs
from demo.coins import SHOWN, STOCKS, Coin, contract_of, decimals_of
from demo.market import Market
from demo.spelling import compact, in_pieces, number, plain
from demo.web import Asked, Reply, in_json

FOREVER_MS = 4_133_404_800_000
LIMITS = [
    {"interval": "MINUTE", "intervalNum": 1, "limit": 2400, "rateLimitType": "REQUEST_WEIGHT"},
    {"interval": "MINUTE", "intervalNum": 1, "limit": 1200, "rateLimitType": "ORDERS"},
]


class Lists:
    def __init__(self, market: Market) -> None:
        self._market = market

    def spot(self, asked: Asked) -> Reply | None:
        if asked.path == "/api/v3/ticker/price":
            return self._asked(asked, "spot", self._price)
        if asked.path == "/api/v3/ticker/bookTicker":
            return self._asked(asked, "spot", self._book)
        return None

    def usdm(self, asked: Asked) -> Reply | None:
        if asked.path in ("/fapi/v1/ticker/price", "/fapi/v2/ticker/price"):
            return self._asked(asked, "perp", self._price)
        if asked.path == "/fapi/v1/ticker/bookTicker":
            return self._asked(asked, "perp", self._book)
        if asked.path == "/fapi/v1/exchangeInfo":
            return self._exchange_info()
        if asked.path == "/fapi/v1/fundingRate":
            return self._fundings(asked)
        if asked.path == "/fapi/v1/fundingInfo":
            return in_json(self._funding_info())
        return None

    def _now_ms(self) -> int:
        return int(self._market.clock() * 1000)

    def _pairs(self, kind: str) -> Iterator[Pair]:
        listed = self._market.listed("binance", kind)
        return spot_pairs(self._market, listed) if kind == "spot" else perp_pairs(self._market, listed)

    def _asked(self, asked: Asked, kind: str, row: object) -> Reply:
        """One row for a symbol, all of them without."""
        assert callable(row)
        if "symbol" not in asked.query:
            now = [compact(row(pair)) for pair in self._pairs(kind) if pair.coin.base in SHOWN]
            others = (pair for pair in self._pairs(kind) if pair.coin.base not in SHOWN)
            kept = self._market.kept(f"{asked.path} {kind}", lambda: [compact(row(pair)) for pair in others])
            return in_pieces("[", now + kept, "]")
        symbol = found_symbol(asked)
        if isinstance(symbol, Reply):
            return symbol
        pair = spot_pair(self._market, symbol) if kind == "spot" else perp_pair(self._market, symbol)
        return error(-1121, "Invalid symbol.") if pair is None else in_json(row(pair))

    def _decimals(self, pair: Pair) -> int:
        return max(8, decimals_of(pair.coin.tick / self._market.dollars_of(pair.quote)))

    def _price(self, pair: Pair) -> dict[str, object]:
        row: dict[str, object] = {
            "symbol": pair.symbol,
            "price": plain(pair_day(self._market, pair).last, self._decimals(pair)),
        }
        return row if pair.kind == "spot" else row | {"time": self._now_ms()}

    def _book(self, pair: Pair) -> dict[str, object]:
        day, digits = pair_day(self._market, pair), self._decimals(pair)
        row: dict[str, object] = {
            "symbol": pair.symbol,
            "bidPrice": plain(day.bid, digits),
            "bidQty": "4.31000000",
            "askPrice": plain(day.ask, digits),
            "askQty": "9.00000000",
        }
        return row if pair.kind == "spot" else row | {"time": self._now_ms(), "lastUpdateId": 1027024}

    def _fundings(self, asked: Asked) -> Reply:
        """What was paid, oldest first."""
        symbol = found_symbol(asked)
        if isinstance(symbol, Reply):
            return symbol
        pair = perp_pair(self._market, symbol)
        if pair is None:
            return error(-1121, "Invalid symbol.")
        limit = max(1, min(number(asked.query.get("limit"), 100), 1000))
        begin, end = number(asked.query.get("startTime"), 0), number(asked.query.get("endTime"), self._now_ms())
        paid = self._market.fundings("binance", pair.coin.base, begin, end, limit if not begin else 1 << 20)
        return in_json(
            [
                {
                    "symbol": symbol,
                    "fundingTime": at,
                    "fundingRate": plain(rate),
                    "markPrice": plain(self._market.mark("binance", pair.coin.base, at / 1000) * pair.multiplier),
                }
                for at, rate in paid[:limit]
            ]
        )

    def _funding_info(self) -> list[dict[str, object]]:
        """Those with other periods or limits than usual."""
        return [
            {
                "symbol": pair.symbol,
                "adjustedFundingRateCap": "0.02500000",
                "adjustedFundingRateFloor": "-0.02500000",
                "fundingIntervalHours": pair.coin.funding_h,
                "disclaimer": False,
                "updateTime": 1758377721362,
            }
            for pair in self._pairs("perp")
            if pair.coin.funding_h != 8
        ]

    def _exchange_info(self) -> Reply:
        assets = [
            {"asset": name, "marginAvailable": True, "autoAssetExchange": 0} for name in ("USDT", "USDC", "BNFCR")
        ]
        rows = [self._contract(pair.coin, pair.quote) for pair in self._pairs("perp")]
        head = {"exchangeFilters": [], "rateLimits": LIMITS, "serverTime": self._now_ms(), "assets": assets}
        return in_json({**head, "symbols": rows, "timezone": "UTC"})

    def _contract(self, coin: Coin, quote: str) -> dict[str, object]:
        name, multiplier = contract_of("binance", coin)
        is_stock = coin.base in STOCKS
        return {
            "symbol": f"{name}{quote}",
            "pair": f"{name}{quote}",
            "contractType": "TRADIFI_PERPETUAL" if is_stock else "PERPETUAL",
            "deliveryDate": FOREVER_MS,
            "onboardDate": 1598252400000,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": name,
            "quoteAsset": quote,
            "marginAsset": quote,
            "pricePrecision": decimals_of(coin.tick * multiplier),
            "quantityPrecision": 0,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "EQUITY" if is_stock else "COIN",
            "underlyingSubType": ["Layer-1"],
            "settlePlan": 0,
            "triggerProtect": "0.15",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "maxPrice": "300000",
                    "minPrice": plain(coin.tick * multiplier),
                    "tickSize": plain(coin.tick * multiplier),
                },
            ],
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
            "liquidationFee": "0.010000",
            "marketTakeBound": "0.30",
        }
