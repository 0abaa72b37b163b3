"""OKX v5 as it speaks on the wire: everything a string, swaps in contracts, unknown instruments with HTTP 200."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from demo.coins import MARGINS, ONLY_IN_USDC, SHOWN, Coin, decimals_of, dollar_contract, okx_contract
from demo.keys import okx_refusal
from demo.market import Candle, Market
from demo.spelling import compact, in_pieces, latest, number, short
from demo.web import Asked, Reply, in_json

PRIVATE = tuple(
    f"/api/v5/{path}"
    for path in (
        "account/balance",
        "asset/balances",
        "account/positions",
        "account/positions-history",
        "account/bills",
        "account/config",
    )
)
MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240, "6Hutc": 360, "12Hutc": 720,
    "1Dutc": 1440,
}  # fmt: skip  # 6H, 12H and 1D open at UTC+8 and are not played
COIN_PERIODS = {"5m": (5, 576), "1H": (60, 720), "1D": (1440, 180)}  # and how many rows there are
USDC_SPOT = 0.1  # of the trading in USDT
RUBIK = "/api/v5/rubik/stat/"
RATIOS = {
    f"{RUBIK}contracts/long-short-account-ratio-contract": "accounts",
    f"{RUBIK}contracts/long-short-account-ratio-contract-top-trader": "top accounts",
    f"{RUBIK}contracts/long-short-position-ratio-contract-top-trader": "top positions",
}


def refusal(status: int) -> Reply:
    if status == 451:
        return Reply(451, b"<html><body>Unavailable For Legal Reasons</body></html>", "text/html")
    return in_json({"msg": "Too Many Requests", "code": "50011"}, 429)


class Pair(NamedTuple):
    """A market. quote: USDT, USDC, or USD of an inverse swap."""

    name: str
    coin: Coin
    is_swap: bool
    quote: str

    @property
    def margin(self) -> str:
        return "coin" if self.quote == "USD" else self.quote

    @property
    def contract(self) -> float:
        """Coins of one linear contract, dollars of one inverse contract."""
        return dollar_contract("okx", self.coin.base) if self.quote == "USD" else okx_contract(self.coin)


def _quotes(coin: Coin) -> tuple[str, ...]:
    """What a coin is traded in on spot."""
    quotes = ("USDC",) if coin.base in ONLY_IN_USDC else ("USDT", "USDC") if coin.base in SHOWN else ("USDT",)
    return tuple(quote for quote in quotes if quote != coin.base)


class Okx:
    def __init__(self, market: Market) -> None:
        self._market = market

    def handle(self, asked: Asked) -> Reply:
        now_ms = int(self._market.clock() * 1000)
        now = str(now_ms)
        if asked.path in PRIVATE:
            return okx_refusal(asked, now_ms) or _data(self._private(asked, now_ms))
        if asked.path == "/api/v5/public/time":
            return _data([{"ts": now}])
        if asked.path == f"{RUBIK}taker-volume" or asked.path == f"{RUBIK}contracts/long-short-account-ratio":
            return self._of_coin(asked)
        listed = {
            "/api/v5/market/tickers": self._ticker,
            "/api/v5/public/open-interest": self._open_interest,
            "/api/v5/public/instruments": self._instrument,
        }.get(asked.path)
        if listed is not None and "instId" not in asked.query:
            return self._all(asked, listed)
        if asked.path == "/api/v5/public/funding-rate" and asked.query.get("instId") == "ANY":
            return self._all_fundings()
        if asked.path == "/api/v5/public/liquidation-orders":
            return self._liquidations(asked)
        one = {
            "/api/v5/market/ticker": self._ticker,
            "/api/v5/public/open-interest": self._open_interest,
            "/api/v5/public/instruments": self._instrument,
            "/api/v5/public/funding-rate": self._funding,
        }.get(asked.path)
        several = {
            "/api/v5/market/candles": self._candles,
            "/api/v5/market/history-candles": self._candles,
            f"{RUBIK}contracts/open-interest-history": self._interest_history,
            f"{RUBIK}taker-volume-contract": self._taker_volume,
            "/api/v5/public/funding-rate-history": self._funding_history,
            **dict.fromkeys(RATIOS, self._ratio_history),
        }.get(asked.path)
        if one is None and several is None:
            return in_json({"msg": "Not Found", "code": "404"}, 404)
        name = asked.query.get("instId", "")
        if not name:
            return in_json({"code": "50014", "data": [], "msg": "Parameter instId can not be empty."}, 400)
        pair = self._pair(name)
        if pair is None or not (pair.is_swap or asked.path.startswith(("/api/v5/market", "/api/v5/public/instr"))):
            return in_json({"code": "51001", "data": [], "msg": "Instrument ID doesn't exist."})
        if one is not None:
            return _data([one(pair, now)])
        assert several is not None
        return several(asked, pair)

    def _pair(self, name: str) -> Pair | None:
        base, _, rest = name.partition("-")
        quote, _, swap = rest.partition("-")
        coin = self._market.lists("okx", base, "perp" if swap == "SWAP" else "spot")
        if coin is None or swap not in ("", "SWAP"):
            return None
        pair = Pair(name, coin, swap == "SWAP", quote)
        if pair.is_swap:
            return pair if quote in ("USDT", "USDC", "USD") and pair.margin in self._margins(coin) else None
        return pair if quote in _quotes(coin) else None

    def _margins(self, coin: Coin) -> tuple[str, ...]:
        return self._market.margins("okx", coin.base)

    def _pairs(self, coin: Coin, is_swap: bool) -> Iterator[Pair]:
        if is_swap:
            for margin in self._margins(coin):
                quote = "USD" if margin == "coin" else margin
                yield Pair(f"{coin.base}-{quote}-SWAP", coin, True, quote)
        else:
            for quote in _quotes(coin):
                yield Pair(f"{coin.base}-{quote}", coin, False, quote)

    def _all(self, asked: Asked, row: Callable[[Pair, str], Mapping[str, Any]]) -> Reply:
        kind, now = asked.query.get("instType", ""), str(int(self._market.clock() * 1000))
        if not kind:
            return in_json({"code": "50014", "data": [], "msg": "Parameter instType can not be empty."}, 400)
        family = asked.query.get("instFamily") or asked.query.get("uly")
        if family and self._pair(f"{family}-SWAP") is None:
            return _wrong("instFamily")
        if kind not in ("SPOT", "SWAP") or (kind == "SPOT" and asked.path == "/api/v5/public/open-interest"):
            return _data([]) if kind in ("FUTURES", "OPTION") else _wrong("instType")

        def spell(coin: Coin) -> Iterator[str]:
            pairs = self._pairs(coin, kind == "SWAP")
            return (compact(row(pair, now)) for pair in pairs if not family or pair.name == f"{family}-SWAP")

        market = "perp" if kind == "SWAP" else "spot"
        rows = self._market.rows(f"{asked.path} {kind} {family}", "okx", market, spell)
        return _listed(rows)

    def _private(self, asked: Asked, now_ms: int) -> list[dict[str, Any]]:
        day_ms = 86_400_000
        mark = self._market.day("okx", "SOL", "perp").last
        if asked.path == "/api/v5/account/balance":
            usdt = {"ccy": "USDT", "eq": "800", "cashBal": "800", "availBal": "700", "availEq": "700", "eqUsd": "799.9"}
            eth = {"ccy": "ETH", "eq": "0.4", "cashBal": "0.4", "availBal": "0.4", "availEq": "", "eqUsd": "1380"}
            return [{"totalEq": "2179.9", "uTime": str(now_ms), "details": [usdt, eth]}]
        if asked.path == "/api/v5/asset/balances":
            return [{"availBal": "5", "bal": "5", "ccy": "SOL", "frozenBal": "0"}]
        if asked.path == "/api/v5/account/positions":
            kind = asked.query.get("instType", "")
            rows = [
                {
                    "instId": "SOL-USDT-SWAP",
                    "instType": "SWAP",
                    "pos": "-12",
                    "posSide": "net",
                    "avgPx": short(mark * 1.03),
                    "markPx": short(mark),
                    "upl": short(12 * mark * 0.03),
                    "uplRatio": "0.15",
                    "lever": "5",
                    "liqPx": "",
                    "notionalUsd": short(12 * mark),
                    "margin": "",
                    "imr": short(12 * mark / 5),
                    "mgnMode": "cross",
                    "ccy": "USDT",
                    "realizedPnl": "-1",
                    "fee": "-0.5",
                    "fundingFee": "-0.5",
                    "posCcy": "",
                },
                self._margin_position(),
            ]
            return [row for row in rows if kind in ("", row["instType"])]
        if asked.path == "/api/v5/account/positions-history":
            before = int(asked.query.get("after", now_ms + 1))
            times = [now_ms - each * day_ms // 4 for each in range(160)]
            times[100] = times[99]  # where a page ends
            rows = [{"instId": "SOL-USDT-SWAP", "ccy": "USDT", "realizedPnl": "0.5", "uTime": str(t)} for t in times]
            return [row for row in rows if int(row["uTime"]) < before][: int(asked.query.get("limit", "100"))]
        if asked.path == "/api/v5/account/bills":
            funding = {"type": "8", "subType": "173", "balChg": "-0.3", "fee": "0", "pnl": "-0.3"}
            trade = {"type": "2", "subType": "1", "balChg": "0.1", "fee": "-0.05", "pnl": "0"}
            return [
                {**row, "ccy": "USDT", "ts": str(now_ms - 1000), "billId": f"{i}"}
                for i, row in enumerate((funding, trade))
            ]
        return [{"uid": "1", "acctLv": "2", "posMode": "net_mode", "perm": "read_only"}]

    def _margin_position(self) -> dict[str, Any]:
        """Borrowed ETH, sold: `pos` is what was got for it, never negative, and `posCcy` tells the side."""
        mark = self._market.day("okx", "ETH", "spot").last
        entry = mark * 1.02
        return {
            "instId": "ETH-USDT",
            "instType": "MARGIN",
            "pos": short(0.2 * entry, 6),
            "posCcy": "USDT",
            "posSide": "net",
            "avgPx": short(entry),
            "markPx": short(mark),
            "upl": short(0.2 * (entry - mark), 6),
            "uplRatio": short(3 * (1 - mark / entry), 8),
            "lever": "3",
            "liqPx": short(entry * 1.3),
            "liab": "-0.2",
            "liabCcy": "ETH",
            "notionalUsd": short(0.2 * mark, 6),
            "margin": short(0.2 * entry / 3, 6),
            "imr": "",
            "mgnMode": "isolated",
            "ccy": "USDT",
            "realizedPnl": "0",
            "fee": "0",
            "fundingFee": "0",
        }

    def _ticker(self, pair: Pair, now: str) -> dict[str, str]:
        kind, part = ("perp", 1.0) if pair.is_swap else ("spot", 1.0 if pair.quote == "USDT" else USDC_SPOT)
        day = self._market.day("okx", pair.coin.base, kind, margin=pair.margin)
        volume, turnover = day.volume * part, day.turnover * part
        contracts = (turnover if pair.quote == "USD" else volume) / pair.contract if pair.is_swap else volume
        return {
            "instType": "SWAP" if pair.is_swap else "SPOT",
            "instId": pair.name,
            "last": short(day.last),
            "lastSz": "0.044378",
            "askPx": short(day.ask),
            "askSz": "4.2",
            "bidPx": short(day.bid),
            "bidSz": "6.050058",
            "open24h": short(day.open),
            "high24h": short(day.high),
            "low24h": short(day.low),
            "volCcy24h": f"{volume if pair.is_swap else turnover:.6f}",
            "vol24h": f"{contracts:.6f}",
            "ts": now,
            "sodUtc0": short(day.open),
            "sodUtc8": short(day.open),
        }

    def _amounts(self, pair: Pair, at_s: float | None = None) -> tuple[str, str, str]:
        """Open interest in contracts, coins and dollars."""
        coins = self._market.interest_of("okx", pair.coin.base, pair.margin, at_s)
        dollars = coins * self._market.mark("okx", pair.coin.base, at_s)
        contracts = (dollars if pair.quote == "USD" else coins) / pair.contract
        return short(round(contracts, 2)), short(coins, 8), short(dollars, 8)

    def _open_interest(self, pair: Pair, now: str) -> dict[str, str]:
        contracts, coins, dollars = self._amounts(pair)
        row = {"instType": "SWAP", "instId": pair.name, "oi": contracts, "oiCcy": coins, "oiUsd": dollars}
        return row | {"ts": now}

    def _funding(self, pair: Pair, now: str) -> dict[str, str]:
        rate, hours, due = self._market.funding_of("okx", pair.coin.base)
        return {
            "formulaType": "withRate",
            "fundingRate": f"{rate:.16f}",
            "fundingTime": str(due),
            "instId": pair.name,
            "instType": "SWAP",
            "method": "current_period",
            "maxFundingRate": "0.00375",
            "minFundingRate": "-0.00375",
            "impactValue": "20000.0000000000000000",
            "interestRate": f"{0.0001 * hours / 8:.16f}",
            "nextFundingRate": "",
            "nextFundingTime": str(due + hours * 3_600_000),
            "prevFundingTime": str(due - hours * 3_600_000),
            "premium": "0.0001233824646391",
            "settFundingRate": f"{rate:.16f}",
            "settState": "settled",
            "ts": now,
        }

    def _all_fundings(self) -> Reply:
        """Of all swaps, and of a contract with an end that pays, too."""
        now = str(int(self._market.clock() * 1000))

        def spell(coin: Coin) -> Iterator[str]:
            return (compact(self._funding(pair, now)) for pair in self._pairs(coin, True))

        rows = self._market.rows("fundings", "okx", "perp", spell)
        dated = {"instId": f"BTC-USDT-{self._market.quarter():%y%m%d}", "instType": "FUTURES"}
        rows.append(compact(self._funding(Pair("", self._market.coins["BTC"], True, "USDT"), now) | dated))
        return _listed(rows)

    def _funding_history(self, asked: Asked, pair: Pair) -> Reply:
        """What was paid, newest first; after and before as with candles."""
        limit = max(1, min(number(asked.query.get("limit"), 100), 400))
        until = number(asked.query.get("after"), 1 << 60) - 1
        since = number(asked.query.get("before"), -1) + 1
        name = {"instType": "SWAP", "instId": pair.name}
        paid = self._market.fundings("okx", pair.coin.base, since, until, limit)
        return _data(
            [
                {**name, "fundingRate": f"{rate:.10f}", "realizedRate": f"{rate:.10f}", "fundingTime": str(at)}
                for at, rate in reversed(paid)
            ]
        )

    def _liquidations(self, asked: Asked) -> Reply:
        """Of one family at most 100, newest first, back to older ones by `after`; seven days of them are kept."""
        if asked.query.get("instType") != "SWAP":
            return _wrong("instType")
        family = asked.query.get("instFamily") or asked.query.get("uly")
        if not family:
            return in_json({"code": "50014", "data": [], "msg": "Parameter uly/instFamily can not be empty."}, 400)
        pair = self._pair(f"{family}-SWAP")
        if pair is None:
            return _wrong("instFamily")
        limit, now = max(1, min(number(asked.query.get("limit"), 100), 100)), self._market.clock()
        until, since = number(asked.query.get("after"), 1 << 60), number(asked.query.get("before"), -1)
        details: list[dict[str, str]] = []
        for hour in range(int(min(until / 1000, now) // 3600), int(now // 3600) - 7 * 24, -1):
            details += self._liquidated(pair, hour * 3600, since, until)
            if len(details) >= limit or hour * 3_600_000 < since:
                break
        row = {"details": details[:limit], "instFamily": family, "instId": pair.name, "instType": "SWAP"}
        return _data([{**row, "totalLoss": "0", "uly": family}] if details else [])

    def _liquidated(self, pair: Pair, begin_s: int, since: int, until: int) -> list[dict[str, str]]:
        """An hour's. side is the order's: a long is sold."""
        found = self._market.liquidations("okx", pair.coin.base, begin_s, begin_s + 3600, pair.margin)
        rows = []
        for each in reversed(found):
            if since < each.time_ms < until:
                amount = each.size * each.price if pair.quote == "USD" else each.size
                price = each.price * (0.995 if each.side == "long" else 1.005)  # where nothing would be left
                rows.append(
                    {
                        "bkLoss": "0",
                        "bkPx": short(price),
                        "ccy": "",
                        "posSide": each.side,
                        "side": "sell" if each.side == "long" else "buy",
                        "sz": short(max(0.01, round(amount / pair.contract, 2))),
                        "ts": str(each.time_ms),
                    }
                )
        return rows

    def _candles(self, asked: Asked, pair: Pair) -> Reply:
        """Newest first; "after" asks for older ones, "before" for newer ones."""
        minutes = MINUTES.get(asked.query.get("bar", "1m"))
        if minutes is None:
            return _wrong("bar")
        now_ms = int(self._market.clock() * 1000)
        limit = max(1, min(number(asked.query.get("limit"), 100), 300))
        until = min(number(asked.query.get("after"), now_ms + 1) - 1, now_ms)
        since = number(asked.query.get("before"), -1) + 1
        if asked.path.endswith("/candles"):
            since = max(since, now_ms - 1440 * minutes * 60_000)
        numbers = latest(minutes, limit, since, until)
        kind = "perp" if pair.is_swap else "spot"

        def spell(first: int, last: int) -> list[str]:
            candles = self._market.candles("okx", pair.coin.base, kind, minutes, first, last, margin=pair.margin)
            return [compact(self._candle(pair, candle)) for candle in candles]

        rows = self._market.history(f"okx {pair.name} {minutes}", pair.coin, minutes, *numbers, spell)
        return _listed(reversed(rows))

    def _candle(self, pair: Pair, candle: Candle) -> list[str]:
        digits, confirm = decimals_of(pair.coin.tick), "1" if candle.is_closed else "0"
        prices = [f"{price:.{digits}f}" for price in candle[1:5]]
        if not pair.is_swap:
            part = 1.0 if pair.quote == "USDT" else USDC_SPOT
            turnover = f"{candle.turnover * part:.9f}"
            return [str(candle.open_ms), *prices, f"{candle.volume * part:.8f}", turnover, turnover, confirm]
        contracts = (candle.turnover if pair.quote == "USD" else candle.volume) / pair.contract
        amounts = [short(contracts, 8), f"{candle.volume:.8f}", f"{candle.turnover:.8f}"]
        return [str(candle.open_ms), *prices, *amounts, confirm]

    def _times(self, asked: Asked) -> tuple[int, list[int]] | None:
        """The minutes of a period, and the periods' beginnings in ms, newest first; begin and end are exclusive."""
        minutes, now_ms = MINUTES.get(asked.query.get("period", "5m")), int(self._market.clock() * 1000)
        if minutes is None or minutes < 5:
            return None
        limit = max(1, min(number(asked.query.get("limit"), 100), 100))
        until = min(number(asked.query.get("end"), now_ms + 1) - 1, now_ms)
        since = max(number(asked.query.get("begin"), -1) + 1, now_ms - 1440 * minutes * 60_000)
        first, last = latest(minutes, limit, since, until)
        return minutes, [slot * minutes * 60_000 for slot in range(last, first - 1, -1)]

    def _interest_history(self, asked: Asked, pair: Pair) -> Reply:
        times = self._times(asked)
        if times is None:
            return _wrong("period")
        return self._periods(asked, pair, times, lambda at: [str(at), *self._amounts(pair, at / 1000)])

    def _periods(
        self, asked: Asked, pair: Pair, times: tuple[int, list[int]], row: Callable[[int], list[str]], unit: str = ""
    ) -> Reply:
        """A row of every period, by its beginning in ms, newest first."""
        (minutes, begins), step = times, times[0] * 60_000

        def spell(first: int, last: int) -> list[str]:
            return [compact(row(slot * step)) for slot in range(first, last + 1)]

        if not begins:
            return _data([])
        name = f"{asked.path} {pair.name} {minutes} {unit}"
        rows = self._market.history(name, pair.coin, minutes, begins[-1] // step, begins[0] // step, spell)
        return _listed(reversed(rows))

    def _taker_volume(self, asked: Asked, pair: Pair) -> Reply:
        """[time, sold, bought]; in coins, contracts or money, as `unit` says."""
        times, unit = self._times(asked), asked.query.get("unit", "1")
        if times is None or unit not in ("0", "1", "2"):
            return _wrong("unit" if times else "period")
        minutes, in_money = times[0], unit == "2" or (unit == "1" and pair.quote == "USD")
        size = pair.contract if unit == "1" else 1

        def row(at: int) -> list[str]:
            slot = at // (minutes * 60_000)
            (candle,) = self._market.candles("okx", pair.coin.base, "perp", minutes, slot, slot, margin=pair.margin)
            bought = (candle.buy_turnover if in_money else candle.buy_volume) / size
            whole = (candle.turnover if in_money else candle.volume) / size
            return [str(at), f"{whole - bought:.8f}", f"{bought:.8f}"]

        began_ms = int(self._market.begin_s(pair.coin)) * 1000 // (minutes * 60_000) * (minutes * 60_000)
        return self._periods(asked, pair, (minutes, [at for at in times[1] if at >= began_ms]), row, unit)

    def _ratio_history(self, asked: Asked, pair: Pair) -> Reply:
        times = self._times(asked)
        if times is None:
            return _wrong("period")
        of = RATIOS[asked.path]
        return self._periods(asked, pair, times, lambda at: [str(at), self._ratio(pair.coin, of, at)])

    def _ratio(self, coin: Coin, of: str, at_ms: int) -> str:
        share = self._market.long_share("okx", coin.base, of, at_ms / 1000)
        return f"{share / (1 - share):.16f}"

    def _of_coin(self, asked: Asked) -> Reply:
        """All pairs or all contracts of a coin together."""
        is_spot = asked.query.get("instType") == "SPOT"
        base, period = asked.query.get("ccy", ""), COIN_PERIODS.get(asked.query.get("period", "5m"))
        coin = self._market.lists("okx", base, "spot" if is_spot else "perp")
        if coin is None or period is None:
            return _wrong("ccy" if coin is None else "period")
        minutes, most = period
        now_ms = int(self._market.clock() * 1000)
        until = min(number(asked.query.get("end"), now_ms + 1) - 1, now_ms)
        first, last = latest(minutes, most, number(asked.query.get("begin"), -1) + 1, until)
        first = max(first, now_ms // (minutes * 60_000) - most + 1)
        times = [slot * minutes * 60_000 for slot in range(last, first - 1, -1)]
        if not asked.path.endswith("taker-volume"):
            return _data([[str(at), self._ratio(coin, "accounts", at)] for at in times])
        if asked.query.get("instType") not in ("SPOT", "CONTRACTS"):
            return _wrong("instType")
        part = 1 + USDC_SPOT if is_spot else sum(MARGINS["okx"][margin] for margin in self._margins(coin))
        candles = self._market.candles("okx", base, "spot" if is_spot else "perp", minutes, first, last)
        return _data(
            [
                [str(c.open_ms), f"{(c.volume - c.buy_volume) * part:.8f}", f"{c.buy_volume * part:.8f}"]
                for c in reversed(candles)
            ]
        )

    def _instrument(self, pair: Pair, now: str) -> dict[str, Any]:
        tick, is_inverse = short(pair.coin.tick), pair.quote == "USD"
        row = {
            "alias": "",
            "auctionEndTime": "",
            "baseCcy": "" if pair.is_swap else pair.coin.base,
            "category": "1",
            "ctMult": "1" if pair.is_swap else "",
            "ctType": ("inverse" if is_inverse else "linear") if pair.is_swap else "",
            "ctVal": short(pair.contract) if pair.is_swap else "",
            "ctValCcy": ("USD" if is_inverse else pair.coin.base) if pair.is_swap else "",
            "expTime": "",
            "instFamily": f"{pair.coin.base}-{pair.quote}" if pair.is_swap else "",
            "instId": pair.name,
            "instType": "SWAP" if pair.is_swap else "SPOT",
            "lever": "100" if pair.is_swap else "10",
            "listTime": "1573557408000",
            "lotSz": "0.01" if pair.is_swap else "0.00000001",
            "maxIcebergSz": "100000000.0000000000000000",
            "maxLmtAmt": "20000000",
            "maxLmtSz": "100000000",
            "maxMktAmt": "" if pair.is_swap else "1000000",
            "maxMktSz": "12000",
            "maxStopSz": "12000",
            "maxTriggerSz": "100000000.0000000000000000",
            "maxTwapSz": "100000000.0000000000000000",
            "minSz": "0.01" if pair.is_swap else "0.00001",
            "optType": "",
            "quoteCcy": "" if pair.is_swap else pair.quote,
            "ruleType": "pre_market" if pair.coin.began_d else "normal",
            "settleCcy": (pair.coin.base if is_inverse else pair.quote) if pair.is_swap else "",
            "state": "live",
            "stk": "",
            "tickSz": tick,
            "uly": f"{pair.coin.base}-{pair.quote}" if pair.is_swap else "",
        }
        if not pair.is_swap:
            return row
        more = dict.fromkeys(("contTdSwTime", "maxPlatOILmt", "openType", "posLmtAmt", "posLmtPct", "preMktSwTime"), "")
        return {**row, **more, "futureSettlement": False, "instIdCode": 10459, "tradeQuoteCcyList": []}


def _wrong(parameter: str) -> Reply:
    return in_json({"code": "51000", "data": [], "msg": f"Parameter {parameter} error"}, 400)


def _listed(rows: Iterable[str]) -> Reply:
    """Of rows that are JSON already."""
    return in_pieces('{"code":"0","msg":"","data":[', rows, "]}")


def _data(rows: Sequence[Any]) -> Reply:
    return in_json({"code": "0", "msg": "", "data": rows})
