"""Deribit as it speaks on the wire: JSON-RPC with numbers; inverse contracts count dollars, linear ones coins."""

from __future__ import annotations

from typing import Any, NamedTuple

from demo.coins import Coin, contract_of, dollar_contract
from demo.market import Market
from demo.spelling import earliest, number
from demo.web import Asked, Reply, in_json

RESOLUTIONS = {
    "1": 1, "3": 3, "5": 5, "10": 10, "15": 15, "30": 30, "60": 60, "120": 120, "180": 180, "360": 360, "720": 720,
    "1D": 1440,
}  # fmt: skip
MAX_ROWS = 5000
MAX_FUNDINGS = 744  # hours
HOUR_MS = 3_600_000
INVERSE = ("BTC", "ETH")
CURRENCIES = ("BTC", "ETH", "USDC", "USDT", "EURR", "any")


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, b"<html><body>403 Forbidden</body></html>", "text/html")
    told = {"code": 10028, "message": "too_many_requests"}
    times = {"testnet": False, "usIn": 1700000000000000, "usOut": 1700000000000100, "usDiff": 100}
    return in_json({"jsonrpc": "2.0", "error": told, **times}, 429)


class Contract(NamedTuple):
    name: str
    coin: Coin
    is_inverse: bool
    is_dated: bool = False
    multiplier: int = 1  # prices and amounts are of so many coins

    @property
    def base(self) -> str:
        return self.name.partition("_")[0] if not self.is_inverse else self.coin.base


class Deribit:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        method = asked.path.removeprefix("/api/v2/public/")
        if method == "get_time":
            return self._result(int(self._market.clock() * 1000))
        if method in ("get_book_summary_by_currency", "get_instruments"):
            currency = asked.query.get("currency", "")
            if currency not in CURRENCIES:
                return self._refuse("currency")
            row = self._summary if method.startswith("get_book") else self._instrument
            is_wanted = asked.query.get("kind", "future") == "future"
            return self._result([row(contract) for contract in self._of(currency) if is_wanted])
        if method.startswith("get_last_trades_by_currency"):
            currency = asked.query.get("currency", "")
            return self._trades(asked, self._of(currency)) if currency in CURRENCIES else self._refuse("currency")
        if method == "get_index_price":
            return self._index(asked)
        answers = {
            *("ticker", "get_book_summary_by_instrument", "get_tradingview_chart_data", "get_instrument"),
            *("get_funding_rate_history", "get_funding_rate_value"),
            *("get_last_trades_by_instrument", "get_last_trades_by_instrument_and_time"),
        }
        if method not in answers:
            return self._envelope({"error": {"code": -32601, "message": "Method not found"}}, 400)
        name = asked.query.get("instrument_name", "")
        contract = next((each for each in self._of("any") if each.name == name), None)
        if contract is None:
            return self._refuse("instrument_name")
        if method == "get_tradingview_chart_data":
            return self._chart(asked, contract)
        if method.startswith("get_funding_rate"):
            return self._fundings(asked, contract, method.endswith("value"))
        if method.startswith("get_last_trades"):
            return self._trades(asked, [contract])
        if method == "get_instrument":
            return self._result(self._instrument(contract))
        if method == "ticker":
            return self._result(self._ticker(contract))
        return self._result([self._summary(contract)])

    def _envelope(self, answer: dict[str, Any], status: int = 200) -> Reply:
        now = int(self._market.clock() * 1e6)
        return in_json(
            {"jsonrpc": "2.0", **answer, "usIn": now, "usOut": now + 83, "usDiff": 83, "testnet": False}, status
        )

    def _result(self, result: object) -> Reply:
        return self._envelope({"result": result})

    def _refuse(self, parameter: str) -> Reply:
        told = {"message": "Invalid params", "data": {"reason": "wrong format", "param": parameter}, "code": -32602}
        return self._envelope({"error": told}, 400)

    def _of(self, currency: str) -> list[Contract]:
        coins, end = self._market.coins, self._market.quarter()
        dated = f"{end.day}{end:%b%y}".upper()
        contracts = []
        for base in INVERSE:
            if currency in (base, "any"):
                contracts.append(Contract(f"{base}-PERPETUAL", coins[base], True))
                contracts.append(Contract(f"{base}-{dated}", coins[base], True, True))
        if currency in ("USDC", "any"):
            for coin in self._market.listed("deribit", "perp"):
                name, multiplier = contract_of("deribit", coin)
                contracts.append(Contract(f"{name}_USDC-PERPETUAL", coin, False, multiplier=multiplier))
        return contracts

    def _figures(self, contract: Contract) -> dict[str, Any]:
        """What is in tickers and summaries alike."""
        base, margin, many = contract.coin.base, "coin" if contract.is_inverse else "USDC", contract.multiplier
        day, mark = self._market.day("deribit", base, "perp", many, margin), self._market.mark("deribit", base) * many
        coins = self._market.interest_of("deribit", base, "dated" if contract.is_dated else margin) / many
        dollars, part = dollar_contract("deribit", base), 0.1 if contract.is_dated else 1.0
        return {
            "high": day.high,
            "low": day.low,
            "last": day.last,
            "bid": day.bid,
            "ask": day.ask,
            "mark": mark,
            "index": self._market.index("deribit", base) * many,
            "interest": round(coins * mark / dollars) * dollars if contract.is_inverse else coins,
            "volume": round(day.volume * part, 8),
            "turnover": round(day.turnover * part, 1),
            "change": round((day.last / day.open - 1) * 100, 4),
            "funding": round(self._market.funding_of("deribit", base)[0], 8),
        }

    def _summary(self, contract: Contract) -> dict[str, Any]:
        is_of = self._figures(contract)
        row = {
            "high": is_of["high"],
            "low": is_of["low"],
            "last": is_of["last"],
            "instrument_name": contract.name,
            "bid_price": is_of["bid"],
            "ask_price": is_of["ask"],
            "open_interest": is_of["interest"],
            "mark_price": is_of["mark"],
            "creation_timestamp": int(self._market.clock() * 1000),
            "price_change": is_of["change"],
            "volume": is_of["volume"],
            "estimated_delivery_price": is_of["index"],
            "base_currency": contract.base,
            "quote_currency": "USD" if contract.is_inverse else "USDC",
            "volume_usd": is_of["turnover"],
            "volume_notional": is_of["turnover"],
            "mid_price": (is_of["bid"] + is_of["ask"]) / 2,
        }
        if not contract.is_dated:
            row |= {"current_funding": 0.0, "funding_8h": is_of["funding"]}
        return row

    def _ticker(self, contract: Contract) -> dict[str, Any]:
        is_of = self._figures(contract)
        row = {
            "best_ask_amount": 125090.0,
            "best_ask_price": is_of["ask"],
            "best_bid_amount": 199190.0,
            "best_bid_price": is_of["bid"],
            "estimated_delivery_price": is_of["index"],
            "index_price": is_of["index"],
            "instrument_name": contract.name,
            "interest_value": 0.008832736292871022,
            "last_price": is_of["last"],
            "mark_price": is_of["mark"],
            "max_price": round(is_of["mark"] * 1.015, 4),
            "min_price": round(is_of["mark"] * 0.985, 4),
            "open_interest": is_of["interest"],
            "settlement_price": is_of["mark"],
            "state": "open",
            "stats": {
                "high": is_of["high"],
                "low": is_of["low"],
                "price_change": is_of["change"],
                "volume": is_of["volume"],
                "volume_notional": is_of["turnover"],
                "volume_usd": is_of["turnover"],
            },
            "timestamp": int(self._market.clock() * 1000),
        }
        if not contract.is_dated:
            row |= {"current_funding": 0.0, "funding_8h": is_of["funding"]}
        return row

    def _instrument(self, contract: Contract) -> dict[str, Any]:
        base, kind = contract.base, "reversed" if contract.is_inverse else "linear"
        size = float(dollar_contract("deribit", base)) if contract.is_inverse else 0.001
        end_ms = int(self._market.quarter().timestamp() * 1000) if contract.is_dated else 32503708800000
        return {
            "price_index": f"{base.lower()}_{'usd' if contract.is_inverse else 'usdc'}",
            "kind": "future",
            "instrument_name": contract.name,
            "max_leverage": 50,
            "maker_commission": 0.0,
            "taker_commission": 0.0005,
            "instrument_type": kind,
            "expiration_timestamp": end_ms,
            "creation_timestamp": 1534167754000,
            "is_active": True,
            "tick_size": contract.coin.tick,
            "contract_size": size,
            "instrument_id": 124972,
            "min_trade_amount": size,
            "future_type": kind,
            "max_liquidation_commission": 0.0075,
            "max_non_default_leverage": 5,
            "block_trade_commission": 0.00025,
            "block_trade_min_trade_amount": 200000,
            "block_trade_tick_size": 0.01,
            "settlement_currency": base if contract.is_inverse else "USDC",
            "settlement_period": "month" if contract.is_dated else "perpetual",
            "base_currency": base,
            "counter_currency": "USD" if contract.is_inverse else "USDC",
            "quote_currency": "USD" if contract.is_inverse else "USDC",
            "tick_size_steps": [],
        }

    def _chart(self, asked: Asked, contract: Contract) -> Reply:
        """Columns, oldest first. volume in coins, cost in dollars."""
        minutes = RESOLUTIONS.get(asked.query.get("resolution", ""))
        if minutes is None:
            return self._refuse("resolution")
        for name in ("start_timestamp", "end_timestamp"):
            if not asked.query.get(name, "").isdecimal():
                return self._refuse(name)
        step, now_ms = minutes * 60_000, int(self._market.clock() * 1000)
        begin = number(asked.query["start_timestamp"], 0) // step * step
        numbers = earliest(minutes, MAX_ROWS, begin, min(number(asked.query["end_timestamp"], 0), now_ms))
        margin = "coin" if contract.is_inverse else "USDC"
        base, many = contract.coin.base, contract.multiplier
        candles = self._market.candles("deribit", base, "perp", minutes, *numbers, many, margin)
        columns: dict[str, Any] = {
            "close": [c.close for c in candles],
            "cost": [round(c.turnover, 1) for c in candles],
            "high": [c.high for c in candles],
            "low": [c.low for c in candles],
            "open": [c.open for c in candles],
            "status": "ok" if candles else "no_data",
            "ticks": [c.open_ms for c in candles],
            "volume": [round(c.volume, 8) for c in candles],
        }
        return self._result(columns)

    def _span(self, asked: Asked) -> tuple[int, int]:
        now_ms = int(self._market.clock() * 1000)
        end = min(number(asked.query.get("end_timestamp"), now_ms), now_ms)
        return number(asked.query.get("start_timestamp"), end - 3_600_000), end

    def _index(self, asked: Asked) -> Reply:
        base, _, quote = asked.query.get("index_name", "").upper().partition("_")
        if self._market.lists("deribit", base, "perp") is None or quote not in ("USD", "USDC", "USDT"):
            return self._refuse("index_name")
        price = self._market.index("deribit", base)
        return self._result({"index_price": price, "estimated_delivery_price": price})

    def _fundings(self, asked: Asked, contract: Contract, is_sum: bool) -> Reply:
        """What was paid in each hour, oldest first: of the hour, and of the 8 hours to its end; or the sum."""
        (begin, end), base = self._span(asked), contract.coin.base
        hours = range(-(-begin // HOUR_MS), end // HOUR_MS + 1)[-MAX_FUNDINGS:]
        rates = {hour: self._market.funding_of("deribit", base, hour * 3600 - 1)[0] for hour in hours}
        if is_sum:
            return self._result(sum(rates.values()) / 8)
        prices = {hour: self._market.index("deribit", base, hour * 3600) for each in hours for hour in (each - 1, each)}
        return self._result(
            [
                {
                    "timestamp": hour * HOUR_MS,
                    "index_price": prices[hour],
                    "prev_index_price": prices[hour - 1],
                    "interest_8h": rate,
                    "interest_1h": rate / 8,
                }
                for hour, rate in rates.items()
            ]
        )

    def _trades(self, asked: Asked, contracts: list[Contract]) -> Reply:
        """Newest first unless another order is asked for: liquidations, each between two ordinary trades."""
        begin, end = self._span(asked)
        trades = [
            trade for contract in contracts if not contract.is_dated for trade in self._trades_of(contract, begin, end)
        ]
        trades.sort(key=lambda trade: trade["timestamp"], reverse=asked.query.get("sorting", "desc") != "asc")
        count = max(1, min(number(asked.query.get("count"), 10), 1000))
        return self._result({"trades": trades[:count], "has_more": len(trades) > count})

    def _trades_of(self, contract: Contract, begin: int, end: int) -> list[dict[str, Any]]:
        base, many = contract.coin.base, contract.multiplier
        margin, rows = "coin" if contract.is_inverse else "USDC", []
        found = self._market.liquidations("deribit", base, begin / 1000, end / 1000 + 0.001, margin)
        for i, each in enumerate(found):
            forced = "sell" if each.side == "long" else "buy"
            amount = each.size * each.price if contract.is_inverse else each.size / many
            least = dollar_contract("deribit", base) if contract.is_inverse else 0.001
            row: dict[str, Any] = {
                "trade_seq": each.time_ms // 10,
                "trade_id": str(each.time_ms // 10),
                "timestamp": each.time_ms,
                "tick_direction": 2,
                "price": float(f"{each.price * many:.9g}"),
                "mark_price": self._market.mark("deribit", base, each.time_ms / 1000) * many,
                "instrument_name": contract.name,
                "index_price": self._market.index("deribit", base, each.time_ms / 1000) * many,
                "direction": forced,
                "amount": max(least, round(amount / least) * least),
                "contracts": max(1.0, float(round(amount / least))),
            }
            is_maker = i % 7 == 6
            if is_maker:  # the other side was the taker
                row["direction"] = "buy" if forced == "sell" else "sell"
            rows += [
                row | {"liquidation": "M" if is_maker else "T"},
                row | {"timestamp": each.time_ms - 40, "trade_id": f"9{each.time_ms // 10}"},
            ]
        return [row for row in rows if begin <= row["timestamp"] <= end]
