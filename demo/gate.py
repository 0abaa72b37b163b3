"""Gate (api.gateio.ws, v4) as it speaks on the wire: spot figures are strings, a perpetual's amounts are contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from demo.market import Candle, Coin, Day, Market, decimals_of, gate_contract
from demo.spelling import compact, earliest, in_pieces, latest, number, plain, short
from demo.web import Asked, Reply, in_json

MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "8h": 480, "1d": 1440}
QUOTES = {"USDT": 1.0, "ETH": 0.01, "BTC": 0.02}  # of spot, and their part of the trading
LEVERAGED = {"BTC3L": ("BTC", 3), "BTC3S": ("BTC", -3), "ETH3L": ("ETH", 3), "ETH3S": ("ETH", -3)}


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(403, b"<html><body>403 Forbidden</body></html>", "text/html")
    return in_json({"label": "TOO_MANY_REQUESTS", "message": "Request Rate Limit Exceeded"}, 429)


def error(status: int, label: str, message: str) -> Reply:
    return in_json({"label": label, "message": message}, status)


NO_CONTRACT = error(404, "CONTRACT_NOT_FOUND", "contract not found")


class Gate:
    def __init__(self, market: Market) -> None:
        self._market = market

    async def handle(self, asked: Asked) -> Reply:
        parts = asked.path.removeprefix("/api/v4/").split("/")
        if parts == ["spot", "time"]:
            return in_json({"server_time": int(self._market.clock() * 1000)})
        if parts == ["spot", "tickers"]:
            return self._spot_tickers(asked)
        if parts == ["spot", "candlesticks"]:
            return self._spot_candles(asked)
        if parts[0] == "futures" and len(parts) >= 3 and parts[1].lower() in ("usdt", "btc", "usdc"):
            return self._futures(asked, parts[1].lower(), parts[2:])
        return error(404, "NOT_FOUND", "The requested URL was not found")

    # Spot.

    def _spot(self, name: str) -> tuple[Coin, str] | None:
        base, _, quote = name.partition("_")
        coin = self._market.lists("gate", base, "spot")
        return (coin, quote) if coin is not None and quote in self._quotes(coin) else None

    def _quotes(self, coin: Coin) -> Iterator[str]:
        for quote in QUOTES:
            cheaper = quote == "USDT" or 1e-6 < coin.price / self._market.coins[quote].price < 0.9
            if cheaper and (coin.base, quote) != ("USDC", "BTC"):
                yield quote

    def _spot_tickers(self, asked: Asked) -> Reply:
        name = asked.query.get("currency_pair")
        if name is not None:
            pair = self._spot(name)
            if pair is None and name.removesuffix("_USDT") in LEVERAGED:
                return in_json([self._leveraged_row(name.removesuffix("_USDT"))])
            if pair is None:
                return error(400, "INVALID_CURRENCY_PAIR", f"Invalid currency pair {name}")
            return in_json([self._spot_row(*pair)])

        def spell(coin: Coin) -> list[str]:
            ends = {"change_utc0": "0.36", "change_utc8": "1.04"}
            return [compact(self._spot_row(coin, quote) | ends) for quote in self._quotes(coin)]

        rows = self._market.rows("spot", "gate", "spot", spell)
        return in_pieces("[", [*rows, *(compact(self._leveraged_row(base)) for base in LEVERAGED)], "]")

    def _spot_row(self, coin: Coin, quote: str) -> dict[str, str]:
        day, rate = self._market.day("gate", coin.base, "spot"), self._market.dollars_of(quote)
        before = self._market.dollars_of(quote, self._market.clock() - 86_400)
        change = (day.last / rate) / (day.open / before) - 1
        return self._ticker_row(f"{coin.base}_{quote}", day, rate, QUOTES[quote], change)

    def _leveraged_row(self, name: str) -> dict[str, str]:
        base, times = LEVERAGED[name]
        day = self._market.day("gate", base, "spot")
        change = times * (day.last / day.open - 1)
        last = 5 * (1 + change)
        moved = Day(last, 5, max(5, last) * 1.01, min(5, last) * 0.99, 8e6, 4e7, last - 0.001, last + 0.001)
        return self._ticker_row(f"{name}_USDT", moved, 1.0, 1.0, change)

    def _ticker_row(self, name: str, day: Day, rate: float, part: float, change: float) -> dict[str, str]:
        return {
            "currency_pair": name,
            "last": short(day.last / rate),
            "lowest_ask": short(day.ask / rate),
            "highest_bid": short(day.bid / rate),
            "change_percentage": f"{change * 100:.2f}",
            "base_volume": short(day.volume * part, 9),
            "quote_volume": short(day.turnover * part / rate, 9),
            "high_24h": short(day.high / rate),
            "low_24h": short(day.low / rate),
        }

    def _span(self, asked: Asked, minutes: int, most: int) -> tuple[int, int] | Reply:
        now_ms = int(self._market.clock() * 1000)
        if "limit" in asked.query and ("from" in asked.query or "to" in asked.query):
            return error(400, "INVALID_PARAM_VALUE", "limit conflicts with from and to")
        until = min(number(asked.query.get("to"), now_ms // 1000) * 1000, now_ms)
        if "from" not in asked.query:
            return latest(minutes, min(number(asked.query.get("limit"), 100), most), None, until)
        since = number(asked.query["from"], 0) * 1000
        if until // (minutes * 60_000) - since // (minutes * 60_000) >= most:
            return error(400, "INVALID_PARAM_VALUE", f"Too many points requested, at most {most}")
        if now_ms - since > 10_000 * minutes * 60_000:
            told = "Candlestick too long ago. Maximum 10000 points ago are allowed"
            return error(400, "INVALID_PARAM_VALUE", told)
        return earliest(minutes, most, since, until)

    def _spot_candles(self, asked: Asked) -> Reply:
        """[time in s, quote volume, CLOSE, high, low, OPEN, base volume, whether it is closed]."""
        pair, minutes = (
            self._spot(asked.query.get("currency_pair", "")),
            MINUTES.get(asked.query.get("interval", "30m")),
        )
        if pair is None or pair[1] != "USDT":
            return error(400, "INVALID_CURRENCY_PAIR", "Invalid currency pair")
        if minutes is None:
            return error(400, "INVALID_PARAM_VALUE", "Invalid interval")
        numbers = self._span(asked, minutes, 1000)
        if isinstance(numbers, Reply):
            return numbers
        digits = decimals_of(pair[0].tick)
        candles = self._market.candles("gate", pair[0].base, "spot", minutes, *numbers)
        return in_json(
            [
                [
                    *(str(c.open_ms // 1000), plain(c.turnover)),
                    *(plain(price, digits) for price in (c.close, c.high, c.low, c.open)),
                    *(plain(c.volume), "true" if c.is_closed else "false"),
                ]
                for c in candles
            ]
        )

    # Perpetuals.

    def _futures(self, asked: Asked, settle: str, parts: list[str]) -> Reply:
        margin = {"usdt": "USDT", "btc": "coin"}.get(settle, "none")
        rows: Callable[[str, Coin], dict[str, object]] | None = None
        if parts[0] in ("contracts", "tickers"):
            rows = self._contract if parts[0] == "contracts" else self._ticker
        name = parts[1] if len(parts) == 2 else asked.query.get("contract")
        if name is None and rows is not None:
            return self._all(parts[0], margin, rows)
        if name is None:
            return error(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
        coin = self._perp(name, margin)
        if coin is None:
            return NO_CONTRACT
        if rows is not None:
            row = rows(margin, coin)
            return in_json(row if len(parts) == 2 else [row])
        if parts == ["candlesticks"]:
            return self._candles(asked, margin, coin)
        if parts == ["contract_stats"]:
            return self._stats(asked, margin, coin)
        return error(404, "NOT_FOUND", "The requested URL was not found")

    def _perp(self, name: str, margin: str) -> Coin | None:
        base, _, quote = name.partition("_")
        if quote != ("USD" if margin == "coin" else "USDT") or margin not in self._market.margins("gate", base):
            return None
        return self._market.coins[base]

    def _all(self, word: str, margin: str, row: Callable[[str, Coin], dict[str, object]]) -> Reply:
        def spell(coin: Coin) -> list[str]:
            return [compact(row(margin, coin))] if margin in self._market.margins("gate", coin.base) else []

        return in_pieces("[", self._market.rows(f"{word} {margin}", "gate", "perp", spell), "]")

    def _size(self, margin: str, coin: Coin, at_s: float | None = None) -> int:
        """Open interest in contracts: of so many coins, or of one dollar."""
        if margin == "coin":
            return self._market.contracts_of("gate", coin.base, at_s)
        return round(self._market.interest_of("gate", coin.base, margin, at_s) / gate_contract(coin))

    def _contracts(self, margin: str, coin: Coin, volume: float, turnover: float) -> int:
        return round(turnover if margin == "coin" else volume / gate_contract(coin))

    def _ticker(self, margin: str, coin: Coin) -> dict[str, object]:
        day = self._market.day("gate", coin.base, "perp", margin=margin)
        rate, mark = self._market.funding_of("gate", coin.base)[0], self._market.mark("gate", coin.base)
        contracts = self._contracts(margin, coin, day.volume, day.turnover)
        return {
            "contract": f"{coin.base}_{'USD' if margin == 'coin' else 'USDT'}",
            "last": short(day.last),
            "low_24h": short(day.low),
            "high_24h": short(day.high),
            "change_percentage": f"{(day.last / day.open - 1) * 100:.2f}",
            "total_size": str(2 * self._size(margin, coin)),  # both sides, where position_size is one
            "volume_24h": str(contracts),
            "volume_24h_btc": str(round(day.turnover / self._market.price("BTC", self._market.clock()))),
            "volume_24h_usd": str(round(day.turnover)),
            "volume_24h_base": short(day.volume, 6),
            "volume_24h_quote": short(day.turnover, 4),
            "volume_24h_settle": short(day.volume if margin == "coin" else day.turnover, 6),
            "mark_price": short(mark),
            "funding_rate": short(rate, 6),
            "funding_rate_indicative": short(rate, 6),
            "index_price": short(mark * 1.00039),
            "quanto_base_rate": "",
            "highest_bid": short(day.bid),
            "lowest_ask": short(day.ask),
        }

    def _contract(self, margin: str, coin: Coin) -> dict[str, object]:
        rate, hours, due = self._market.funding_of("gate", coin.base)
        last, mark = self._market.day("gate", coin.base, "perp").last, self._market.mark("gate", coin.base)
        is_inverse = margin == "coin"
        return {
            "funding_rate_indicative": short(rate, 6),
            "mark_price_round": short(coin.tick),
            "funding_offset": 0,
            "in_delisting": False,
            "risk_limit_base": "5000",
            "interest_rate": "0.0003",
            "index_price": short(mark * 1.00039),
            "order_price_round": short(coin.tick),
            "order_size_min": 1,
            "enable_decimal": False,
            "ref_rebate_rate": "0.2",
            "name": f"{coin.base}_{'USD' if is_inverse else 'USDT'}",
            "ref_discount_rate": "0",
            "order_price_deviate": "0.15",
            "maintenance_rate": "0.01",
            "mark_type": "index",
            "funding_interval": hours * 3600,
            "type": "inverse" if is_inverse else "direct",
            "risk_limit_step": "2495000",
            "enable_bonus": True,
            "enable_credit": True,
            "leverage_min": "1",
            "funding_rate": short(rate, 6),
            "last_price": short(last),
            "mark_price": short(mark),
            "order_size_max": 450000,
            "funding_next_apply": due // 1000,
            "short_users": 157,
            "config_change_time": 1782119113,
            "create_time": 1758124392,
            "trade_size": 767606392,
            "position_size": self._size(margin, coin),
            "long_users": 191,
            "quanto_multiplier": "0" if is_inverse else short(gate_contract(coin)),
            "funding_impact_value": "7000",
            "leverage_max": "50",
            "cross_leverage_default": "10",
            "risk_limit_max": "2500000",
            "maker_fee_rate": "-0.0001",
            "taker_fee_rate": "0.00075",
            "orders_limit": 100,
            "trade_id": 10376084,
            "orderbook_id": 1203922859,
            "funding_cap_ratio": "1",
            "voucher_leverage": "0",
            "is_pre_market": False,
            "status": "trading",
            "launch_time": 1758124392,
            "enable_circuit_breaker": False,
            "funding_rate_limit": "0.02",
            "market_order_slip_ratio": "0.04",
            "market_order_size_max": "300000",
            "contract_type": "",
        }

    def _candles(self, asked: Asked, margin: str, coin: Coin) -> Reply:
        minutes = (MINUTES | {"2h": 120}).get(asked.query.get("interval", "5m"))
        if minutes is None:
            return error(400, "INVALID_PARAM_VALUE", "Invalid interval")
        numbers = self._span(asked, minutes, 2000)
        if isinstance(numbers, Reply):
            return numbers
        digits = decimals_of(coin.tick)

        def row(c: Candle) -> dict[str, object]:
            prices = {"c": plain(c.close, digits), "h": plain(c.high, digits), "l": plain(c.low, digits)}
            volume = self._contracts(margin, coin, c.volume, c.turnover)
            total = c.volume if margin == "coin" else c.turnover
            return {"t": c.open_ms // 1000, "v": volume, **prices, "o": plain(c.open, digits), "sum": short(total, 6)}

        candles = self._market.candles("gate", coin.base, "perp", minutes, *numbers, margin=margin)
        return in_json([row(candle) for candle in candles])

    def _stats(self, asked: Asked, margin: str, coin: Coin) -> Reply:
        minutes = {word: MINUTES[word] for word in ("5m", "15m", "30m", "1h", "4h", "1d")}.get(
            asked.query.get("interval", "5m")
        )
        if minutes is None:
            return error(400, "INVALID_PARAM_VALUE", "Invalid interval")
        now_ms, limit = int(self._market.clock() * 1000), min(number(asked.query.get("limit"), 30), 100)
        if "from" in asked.query:
            first, last = earliest(minutes, limit, number(asked.query["from"], 0) * 1000, now_ms)
        else:
            first, last = latest(minutes, limit, None, now_ms)
        return in_json([self._stat(margin, coin, minutes, slot) for slot in range(first, last + 1)])

    def _stat(self, margin: str, coin: Coin, minutes: int, slot: int) -> dict[str, object]:
        at = slot * minutes * 60
        size, mark = self._size(margin, coin, at), self._market.mark("gate", coin.base, at)
        (candle,) = self._market.candles("gate", coin.base, "perp", minutes, slot, slot, margin=margin)
        sold = candle.volume - candle.buy_volume
        ratios = {}
        for name, of in (
            ("lsr_account", "accounts"),
            ("top_lsr_account", "top accounts"),
            ("top_lsr_size", "top positions"),
        ):
            share = self._market.long_share("gate", coin.base, of, at)
            ratios[name] = round(share / (1 - share), 6)
        liquidated = round(candle.n_trades / 50) + 1  # contracts; a trickle
        value = liquidated if margin == "coin" else liquidated * gate_contract(coin) * mark
        return {
            "time": at,
            "lsr_taker": round(candle.buy_volume / sold, 6) if sold else 0,
            "lsr_account": ratios["lsr_account"],
            "long_liq_size": liquidated,
            "short_liq_size": liquidated,
            "open_interest": 2 * size,  # both sides
            "short_liq_usd": round(value, 4),
            "mark_price": short(mark),
            "top_lsr_size": ratios["top_lsr_size"],
            "short_liq_amount": round(value / mark, 8),
            "long_liq_amount": round(value / mark, 8),
            "open_interest_usd": 2 * size if margin == "coin" else round(2 * size * gate_contract(coin) * mark, 4),
            "top_lsr_account": ratios["top_lsr_account"],
            "long_liq_usd": round(value, 4),
        }
