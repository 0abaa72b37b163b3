"""Gate (api.gateio.ws, v4) as it speaks on the wire: spot figures are strings, a perpetual's amounts are contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from demo.coins import STOCKS, Coin, contract_of, decimals_of, gate_contract
from demo.market import Candle, Day, Liquidation, Market
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

    def handle(self, asked: Asked) -> Reply:
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
        coin, digits = pair[0], decimals_of(pair[0].tick)

        def row(c: Candle) -> str:
            prices = (plain(price, digits) for price in (c.close, c.high, c.low, c.open))
            is_closed = "true" if c.is_closed else "false"
            return compact([str(c.open_ms // 1000), plain(c.turnover), *prices, plain(c.volume), is_closed])

        def spell(first: int, last: int) -> list[str]:
            return [row(c) for c in self._market.candles("gate", coin.base, "spot", minutes, first, last)]

        rows = self._market.history(f"gate spot {coin.base} {minutes}", coin, minutes, *numbers, spell)
        return in_pieces("[", rows, "]")

    # Perpetuals.

    def _futures(self, asked: Asked, settle: str, parts: list[str]) -> Reply:
        margin = {"usdt": "USDT", "btc": "coin"}.get(settle, "none")
        rows: Callable[[str, Coin], dict[str, object]] | None = None
        if parts[0] in ("contracts", "tickers"):
            rows = self._contract if parts[0] == "contracts" else self._ticker
        name = parts[1] if len(parts) == 2 else asked.query.get("contract")
        if name is None and rows is not None:
            return self._all(parts[0], margin, rows)
        if name is None and parts != ["liq_orders"]:
            return error(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
        coin = self._perp(name, margin) if name is not None else None
        if coin is None and name is not None:
            return NO_CONTRACT
        if parts == ["liq_orders"]:
            return self._liquidations(asked, margin, coin)
        assert coin is not None
        if rows is not None:
            row = rows(margin, coin)
            return in_json(row if len(parts) == 2 else [row])
        answer = {
            "candlesticks": self._candles,
            "contract_stats": self._stats,
            "funding_rate": self._fundings,
        }.get("/".join(parts))
        if answer is None:
            return error(404, "NOT_FOUND", "The requested URL was not found")
        return answer(asked, margin, coin)

    def _perp(self, name: str, margin: str) -> Coin | None:
        base, _, quote = name.partition("_")
        coin = self._market.contract("gate", base)
        if coin is None or quote != ("USD" if margin == "coin" else "USDT"):
            return None
        return coin if margin in self._market.margins("gate", coin.base) else None

    def _all(self, word: str, margin: str, row: Callable[[str, Coin], dict[str, object]]) -> Reply:
        def spell(coin: Coin) -> list[str]:
            return [compact(row(margin, coin))] if margin in self._market.margins("gate", coin.base) else []

        rows = self._market.rows(f"{word} {margin}", "gate", "perp", spell)
        if word == "tickers" and margin == "USDT":
            rows.append(compact(self._dated_row()))
        return in_pieces("[", rows, "]")

    def _name(self, margin: str, coin: Coin) -> str:
        return f"{contract_of('gate', coin)[0]}_{'USD' if margin == 'coin' else 'USDT'}"

    def _size(self, margin: str, coin: Coin, at_s: float | None = None) -> int:
        """Open interest of one side, in contracts: of so many coins, or of one dollar."""
        if margin == "coin":
            return self._market.contracts_of("gate", coin.base, at_s)
        return round(self._market.interest_of("gate", coin.base, margin, at_s) / gate_contract(coin))

    def _contracts(self, margin: str, coin: Coin, volume: float, turnover: float) -> int:
        """volume: in coins."""
        return round(turnover if margin == "coin" else volume / gate_contract(coin))

    def _ticker(self, margin: str, coin: Coin) -> dict[str, object]:
        """total_size counts both sides, a contract's position_size one."""
        many, now = contract_of("gate", coin)[1], self._market.clock()
        day = self._market.day("gate", coin.base, "perp", many, margin)
        rate, hours, due = self._market.funding_of("gate", coin.base)
        mark = self._market.mark("gate", coin.base) * many
        return {
            "contract": self._name(margin, coin),
            "last": short(day.last),
            "low_24h": short(day.low),
            "high_24h": short(day.high),
            "change_percentage": f"{(day.last / day.open - 1) * 100:.4f}",
            "change_price": short(day.last - day.open),
            "change_from": "24h",
            "price_type": "last",
            "total_size": str(2 * self._size(margin, coin)),
            "volume_24h": str(self._contracts(margin, coin, day.volume * many, day.turnover)),
            "volume_24h_btc": str(round(day.turnover / self._market.price("BTC", now))),
            "volume_24h_usd": str(round(day.turnover)),
            "volume_24h_base": short(day.volume, 6),
            "volume_24h_quote": short(day.turnover, 4),
            "volume_24h_settle": short(day.volume if margin == "coin" else day.turnover, 6),
            "mark_price": short(mark),
            "funding_rate": short(rate, 6),
            "funding_rate_indicative": short(rate, 6),
            "funding_interval": hours * 3600,
            "funding_offset": 0,
            "funding_next_apply": due // 1000,
            "index_price": short(self._market.index("gate", coin.base) * many),
            "quanto_base_rate": "",
            "highest_bid": short(day.bid),
            "lowest_ask": short(day.ask),
            "t": int(now * 1000),
        }

    def _dated_row(self) -> dict[str, object]:
        """A contract with an end stands in the list, too: without funding, a period and a time."""
        coin = self._market.coins["BTC"]
        row = self._ticker("USDT", coin)
        for key in ("funding_interval", "funding_offset", "funding_next_apply", "change_from", "change_price", "t"):
            del row[key]
        few = {"total_size": "38", "volume_24h": "22361", "funding_rate": "", "funding_rate_indicative": ""}
        few |= {"volume_24h_base": "2", "volume_24h_quote": "150210", "volume_24h_settle": "150210"}
        return row | few | {"contract": f"BTC_USDT_{self._market.quarter():%Y%m%d}"}

    def _contract(self, margin: str, coin: Coin) -> dict[str, object]:
        rate, hours, due = self._market.funding_of("gate", coin.base)
        many, is_new, has_ended = contract_of("gate", coin)[1], bool(coin.began_d), bool(coin.ended_d)
        last, mark = self._market.day("gate", coin.base, "perp", many).last, self._market.mark("gate", coin.base) * many
        is_inverse, tick = margin == "coin", short(coin.tick * many)
        return {
            "funding_rate_indicative": short(rate, 6),
            "mark_price_round": tick,
            "funding_offset": 0,
            "in_delisting": has_ended,
            "risk_limit_base": "5000",
            "interest_rate": "0.0003",
            "index_price": short(self._market.index("gate", coin.base) * many),
            "order_price_round": tick,
            "order_size_min": 1,
            "enable_decimal": False,
            "ref_rebate_rate": "0.2",
            "name": self._name(margin, coin),
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
            "funding_rate": "0" if is_new else short(rate, 6),
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
            "quanto_multiplier": "0" if is_inverse else short(gate_contract(coin) / many),
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
            "is_pre_market": is_new,
            "status": "delisted" if has_ended else "trading",
            "launch_time": 1758124392,
            "enable_circuit_breaker": False,
            "funding_rate_limit": "0.02",
            "market_order_slip_ratio": "0.04",
            "market_order_size_max": "300000",
            "contract_type": "stocks" if coin.base in STOCKS else "",
        }

    def _candles(self, asked: Asked, margin: str, coin: Coin) -> Reply:
        minutes = (MINUTES | {"2h": 120}).get(asked.query.get("interval", "5m"))
        if minutes is None:
            return error(400, "INVALID_PARAM_VALUE", "Invalid interval")
        numbers = self._span(asked, minutes, 2000)
        if isinstance(numbers, Reply):
            return numbers
        many = contract_of("gate", coin)[1]
        digits = decimals_of(coin.tick * many)

        def row(c: Candle) -> str:
            prices = {"c": plain(c.close, digits), "h": plain(c.high, digits), "l": plain(c.low, digits)}
            volume = self._contracts(margin, coin, c.volume * many, c.turnover)
            total = c.volume if margin == "coin" else c.turnover
            ends = {"o": plain(c.open, digits), "sum": short(total, 6)}
            return compact({"t": c.open_ms // 1000, "v": volume, **prices, **ends})

        def spell(first: int, last: int) -> list[str]:
            return [row(c) for c in self._market.candles("gate", coin.base, "perp", minutes, first, last, many, margin)]

        rows = self._market.history(f"gate {margin} {coin.base} {minutes}", coin, minutes, *numbers, spell)
        return in_pieces("[", rows, "]")

    def _fundings(self, asked: Asked, margin: str, coin: Coin) -> Reply:
        """What was paid, newest first."""
        limit = max(1, min(number(asked.query.get("limit"), 100), 1000))
        begin, end = (number(asked.query.get(word), -1) * 1000 for word in ("from", "to"))
        paid = self._market.fundings("gate", coin.base, max(begin, 0), end if end > 0 else 1 << 60, limit)
        return in_json([{"t": at // 1000, "r": short(rate, 6)} for at, rate in reversed(paid)])

    def _liquidations(self, asked: Asked, margin: str, coin: Coin | None) -> Reply:
        """The last hour, or an hour at most; size is the position's: above zero a long was liquidated."""
        now = int(self._market.clock())
        until = min(number(asked.query.get("to"), now), now)
        since = number(asked.query.get("from"), until - 3600)
        if until - since > 3600:
            return error(400, "INVALID_PARAM_VALUE", "from to range can not be greater than 1 hour")
        coins = [coin] if coin is not None else list(self._market.listed("gate", "perp"))
        rows = []
        for each in coins:
            if margin in self._market.margins("gate", each.base):
                rows += self._liquidated(margin, each, since, until + 1)
        rows.sort(key=lambda row: row["time"], reverse=True)
        return in_json(rows[: max(1, min(number(asked.query.get("limit"), 100), 1000))])

    def _liquidated(self, margin: str, coin: Coin, since: int, until: int) -> list[dict[str, Any]]:
        many, digits = contract_of("gate", coin)[1], decimals_of(coin.tick)
        rows = []
        for each in self._market.liquidations("gate", coin.base, since, until, margin):
            size = max(1, self._contracts(margin, coin, each.size, each.size * each.price))
            price, sign = each.price * many, 1 if each.side == "long" else -1
            rows.append(
                {
                    "time": each.time_ms // 1000,
                    "contract": self._name(margin, coin),
                    "size": sign * size,
                    "order_size": -sign * size,
                    "order_price": plain(price * (1 - sign * 0.005), digits),
                    "fill_price": plain(price, digits),
                    "left": 0,
                }
            )
        return rows

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
        return in_json(self._stats_of(margin, coin, minutes, first, last))

    def _stats_of(self, margin: str, coin: Coin, minutes: int, first: int, last: int) -> list[dict[str, object]]:
        many, step_ms = contract_of("gate", coin)[1], minutes * 60_000
        candles = self._market.candles("gate", coin.base, "perp", minutes, first, last, many, margin)
        traded = {candle.open_ms // step_ms: candle for candle in candles}
        closed: dict[int, list[Liquidation]] = {}
        for each in self._market.liquidations(
            "gate", coin.base, first * minutes * 60, (last + 1) * minutes * 60, margin
        ):
            closed.setdefault(each.time_ms // step_ms, []).append(each)
        return [
            self._stat(margin, coin, slot * minutes * 60, traded.get(slot), closed.get(slot, []))
            for slot in range(first, last + 1)
        ]

    def _stat(
        self, margin: str, coin: Coin, at: int, candle: Candle | None, closed: list[Liquidation]
    ) -> dict[str, object]:
        """open_interest counts both sides here, the contracts' position_size one."""
        many = contract_of("gate", coin)[1]
        size, mark = 2 * self._size(margin, coin, at), self._market.mark("gate", coin.base, at) * many
        bought, sold = (candle.buy_volume, candle.volume - candle.buy_volume) if candle is not None else (0, 0)
        return {
            "time": at,
            "lsr_taker": round(bought / sold, 6) if sold else 0,
            "lsr_account": self._ratio(coin, "accounts", at),
            **self._liquidated_in(margin, coin, closed),
            "open_interest": size,
            "mark_price": short(mark),
            "top_lsr_size": self._ratio(coin, "top positions", at),
            "open_interest_usd": size if margin == "coin" else round(size * gate_contract(coin) / many * mark, 4),
            "top_lsr_account": self._ratio(coin, "top accounts", at),
        }

    def _ratio(self, coin: Coin, of: str, at: int) -> float:
        share = self._market.long_share("gate", coin.base, of, at)
        return round(share / (1 - share), 6)

    def _liquidated_in(self, margin: str, coin: Coin, found: list[Liquidation]) -> dict[str, object]:
        """Sums of longs and shorts: contracts, coins and dollars."""
        sums: dict[str, object] = {}
        for side in ("long", "short"):
            coins = sum(each.size for each in found if each.side == side)
            dollars = sum(each.size * each.price for each in found if each.side == side)
            sums[f"{side}_liq_size"] = self._contracts(margin, coin, coins, dollars)
            sums[f"{side}_liq_amount"] = round(coins, 8)
            sums[f"{side}_liq_usd"] = round(dollars, 4)
        return sums
