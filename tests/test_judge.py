"""Every command through the door that Telegram comes in by, its figures held against the answers that were served.

The offline world says what exchanges say, byte for byte; raw.py reads the same bytes by other code than the product's.
What is compared is the text that a chat shows, each figure to the last digit that is written.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import raw
from answering import NOW, freeze
from conftest import House, a_house, a_house_among_many
from raw import Bar, D, Wire, is_shown

pytestmark = pytest.mark.no_cover  # others reach what these do

SPOTS = ("binance", "bybit", "okx", "gate", "bitget", "kraken", "coinbase")
PERPS = ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken")
WITH_PAST = ("binance", "bybit", "okx", "gate", "kraken")
WITH_SHARES = ("binance", "bybit", "okx", "gate", "bitget", "kraken")
NAMES = {"okx": "OKX"}
NOW_MS = int(NOW * 1000)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


class Judge:
    """A house whose exchanges' answers are read along."""

    def __init__(self, house: House) -> None:
        self.house, self.wire = house, Wire()
        for name, site in house.world.sites.items():
            site.intercept(self._listening(name))

    def _listening(self, name: str) -> Callable[..., Any]:
        async def answer(asked: Any, whole: Any) -> Any:
            reply = await whole(asked)
            if reply.status == 200 and reply.content_type.startswith("application/json"):
                self.wire.append(raw.said(name, asked.path, asked.query, asked.body, reply.body))
            return reply

        return answer

    async def ask(self, text: str) -> str:
        """What the chat shows, without markup."""
        self.wire.clear()
        told = re.sub(r"<[^>]+>", "", await self.house.ask(text))
        return told.replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<")


@asynccontextmanager
async def a_judge(exchanges: str, *, of_many: bool = False) -> AsyncIterator[Judge]:
    """of_many: where lists are as long as real ones."""
    async with (a_house_among_many if of_many else a_house)(EXCHANGES=exchanges, RATE_BUDGETS="0") as house:
        freeze(house)
        yield Judge(house)


def shows(text: str, pattern: str, *figures: Decimal | float | None) -> None:
    """That the pattern's groups in the text are these figures; None is not looked at."""
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, f"no {pattern!r} in\n{text}"
    for word, figure in zip(found.groups(), figures, strict=True):
        assert figure is None or is_shown(word, figure), f"{word} for {figure} in\n{found[0]}\nof\n{text}"


def named(coin: str) -> str:
    """A coin as a table names it: whole, or cut with a mark."""
    return rf"(?:{re.escape(coin)}|{re.escape(coin[:3])}\S*…\S*)"


def pct(now: Decimal, before: Decimal) -> Decimal:
    return (now / before - 1) * 100


# One market.


def check_spot(text: str, exchange: str, wire: Wire, base: str) -> None:
    """Everything that a card tells of a spot market's day."""
    day = raw.spot(exchange, wire, base)
    shows(text, rf"^{base} (\S+)  ", day.last)
    shows(text, r"^Spot 24h: (\S+) – (\S+),", day.low, day.high)
    shows(text, r"^Spot 24h: .*, (\S+) [A-Z]+$", day.coins)
    if day.change is not None:
        shows(text, r"^Spot 24h: \S+ – \S+, (\S+)%, ", day.change)
        shows(text, r"([+-]?\S+)% 24h$", day.change)
    if day.dollars is not None:
        shows(text, r"^vol +(\S+) spot", day.dollars)
    if day.bid is not None:
        shows(text, r"^bid +(\S+)\s+ask (\S+)$", day.bid, day.ask)


def check_perp(text: str, exchange: str, wire: Wire, base: str, *, is_lead: bool) -> None:
    """Everything that a card tells of a perpetual's day, its funding and open interest. is_lead: without spot."""
    told = raw.perp(exchange, wire, base)
    shows(text, rf"^{f'{base} ' if is_lead else 'perp +'}(\S+)  ", told.day.last)
    if told.day.high is not None:
        shows(text, r"^Perpetual 24h: (\S+) – (\S+),", told.day.low, told.day.high)
    shows(text, r"^Perpetual 24h: .+, (\S+)%, ", told.day.change)
    if told.day.coins is not None:
        shows(text, r"^Perpetual 24h: .+, (\S+) [A-Z]+$", told.day.coins)
    shows(text, r"^(?:vol)? .*?(\S+) perp$", told.day.dollars)
    if told.hours:
        rate = told.rate * 8 / told.hours * 100
        shows(text, r"^fund +(\S+)%/8h(?:  |\n +)(\S+)%/y$", rate, rate * 3 * 365)
        shows(text, r"^Funding: (\S+)% every (\d+)h$", told.rate * 100, told.hours)
    else:
        shows(text, r"^fund +(\S+)% per period$", told.rate * 100)
    shows(text, r"^OI +(\S+)", told.worth)
    shows(text, r"^Open interest: (\S+) ", told.interest)


@pytest.mark.parametrize("base", ["BTC", "PEPE"])
@pytest.mark.parametrize("exchange", SPOTS)
async def test_price_of_spot(exchange: str, base: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/price {base}")
        check_spot(text, exchange, judge.wire, base)
        day = raw.spot(exchange, judge.wire, base)
        minutes = raw.bars(exchange, judge.wire, "spot", "1m", base)
        (then,) = (bar.open for bar in minutes if bar.at_ms == (NOW_MS - HOUR_MS) // 60_000 * 60_000)
        shows(text, r"1h (\S+?)%?(?: |$)", pct(day.last, then))


@pytest.mark.parametrize("base", ["BTC", "PEPE"])
@pytest.mark.parametrize("exchange", PERPS)
async def test_price_of_a_perpetual(exchange: str, base: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/price {base}")
        check_perp(text, exchange, judge.wire, base, is_lead=exchange not in SPOTS)
        told = raw.perp(exchange, judge.wire, base)
        if exchange in WITH_PAST:
            for hours in (1, 24):
                then = raw.interest_before(exchange, judge.wire, base, NOW_MS - hours * HOUR_MS)
                shows(text, rf"^(?:OI)? .*{hours}h (\S+)%", pct(told.interest, then))
        if exchange in SPOTS:
            spot = raw.spot(exchange, judge.wire, base)
            shows(text, r"basis (\S+)bp$", pct(told.day.last, spot.last) * 100)


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "bitget", "kraken"])
async def test_moves_of_days(exchange: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask("/price BTC")
        opened = {bar.at_ms: bar.open for bar in raw.bars(exchange, judge.wire, "spot", "4h")}
        last = raw.spot(exchange, judge.wire, "BTC").last
        for days in (7, 30):
            nearest = min(opened, key=lambda at: abs(at - (NOW_MS - days * DAY_MS)))
            shows(text, rf"{days}d (\S+?)%?(?: |$)", pct(last, opened[nearest]))


OF_CANDLES = [*((each, "perp") for each in PERPS), *((each, "spot") for each in SPOTS)]


@pytest.mark.parametrize(("exchange", "kind"), OF_CANDLES)
async def test_volume(exchange: str, kind: str) -> None:
    """The last closed candle against the median of the 96 before it, without four at either end."""
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/volume BTC 15m {kind}")
        *closed, running = raw.bars(exchange, judge.wire, kind, "15m")
        before = sorted(bar.coins for bar in closed[-97:-1])
        normal = statistics.median(before[4:-4])
        shows(text, r"^closed +(\S+) BTC", closed[-1].coins)
        if closed[-1].dollars is not None:
            shows(text, r"^closed .*\s+(\$\S+)$", closed[-1].dollars)
        shows(text, r"^normal +(\S+) BTC", normal)
        shows(text, r"([+-]?\d+)% against normal", pct(closed[-1].coins, normal))
        shows(text, r"^so far +(\S+) BTC", running.coins)
        shows(text, r"^Candle closed 14:00 UTC at (\S+)\.$", closed[-1].close)
        assert running.at_ms == NOW_MS // 900_000 * 900_000


def _wilder(close: Sequence[Decimal]) -> float:
    moves = [float(after - before) for before, after in pairwise(close)]
    gain, loss = (statistics.fmean(max(sign * each, 0.0) for each in moves[:14]) for sign in (1, -1))
    for each in moves[14:]:
        gain, loss = (gain * 13 + max(each, 0.0)) / 14, (loss * 13 + max(-each, 0.0)) / 14
    return 100 - 100 / (1 + gain / loss)


def _mean(close: Sequence[Decimal], n: int) -> float:
    """Exponential, begun with the plain mean of the first n."""
    mean = statistics.fmean(map(float, close[:n]))
    for each in close[n:]:
        mean += (float(each) - mean) * 2 / (n + 1)
    return mean


def _true_range(rows: Sequence[Bar]) -> float:
    ranges = [float(max(b.high, a.close) - min(b.low, a.close)) for a, b in pairwise(rows)]
    found = statistics.fmean(ranges[:14])
    for each in ranges[14:]:
        found = (found * 13 + each) / 14
    return found


@pytest.mark.parametrize(("exchange", "kind"), [each for each in OF_CANDLES if each[0] != "deribit"])
async def test_analysis(exchange: str, kind: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/analysis BTC 15m {kind}")
        day = raw.perp(exchange, judge.wire, "BTC").day if kind == "perp" else raw.spot(exchange, judge.wire, "BTC")
        shows(text, r"^BTC\S* \S+ 15m (\S+) ", day.last)
        if day.change is not None:
            shows(text, r"^BTC\S* .* (\S+)% 24h$", day.change)
        closed = raw.bars(exchange, judge.wire, kind, "15m")[:-1]
        recent = closed[-200:]
        close = [bar.close for bar in recent]
        shows(text, r"^vol +(\S+) BTC", closed[-1].coins)
        shows(text, r"^RSI 14: ([\d.]+)", _wilder(close))
        shows(text, r"^EMA 20 \w+ EMA 50: ([\d,.]+), ([\d,.]+)$", _mean(close, 20), _mean(close, 50))
        last20 = list(map(float, close[-20:]))
        middle, apart = statistics.fmean(last20), 2 * statistics.pstdev(last20)
        shows(text, r"^Bollinger 20, 2: (\S+) – (\S+)$", middle - apart, middle + apart)
        shows(text, r"^ATR 14: (\S+) ", _true_range(recent))
        window = closed[-24:]
        typical = sum((bar.high + bar.low + bar.close) / 3 * bar.coins for bar in window)
        shows(text, r"^VWAP of 24: ([\d,.]+),", typical / sum(bar.coins for bar in window))
        swing = math.sqrt(sum(math.log(b.close / a.close) ** 2 for a, b in pairwise(closed[-97:]))) * 100
        shows(text, r"^Volatility 24h: (\S+)% ", swing)
        today = [bar for bar in closed if bar.at_ms >= NOW_MS // DAY_MS * DAY_MS]
        shows(text, r"^Day so far: (\S+) BTC", sum(bar.coins for bar in today))
        if kind == "perp":
            told = raw.perp(exchange, judge.wire, "BTC")
            shows(text, r"^OI +(\S+)", told.worth)
            shows(text, r"^fund +(\S+)%/8h", told.rate * 8 / told.hours * 100)


@pytest.mark.parametrize(("exchange", "kind"), OF_CANDLES)
async def test_profile(exchange: str, kind: str) -> None:
    """The window's candles by their own times; the mean of typical prices by volume; the fullest of 48 steps."""
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/profile BTC 24h {kind}")
        rows = [bar for bar in raw.bars(exchange, judge.wire, kind, "5m") if bar.at_ms >= NOW_MS - DAY_MS]
        shows(text, r"From (\d+) candles", D(len(rows)))
        paid = sum((bar.high + bar.low + bar.close) / 3 * bar.coins for bar in rows)
        shows(text, r"^VWAP (\S+)\. ", paid / sum(bar.coins for bar in rows))
        bottom, top = min(bar.low for bar in rows), max(bar.high for bar in rows)
        step, bins = (top - bottom) / 48, [D(0)] * 48
        for bar in rows:
            for i in range(48):
                inside = min(bar.high, bottom + (i + 1) * step) - max(bar.low, bottom + i * step)
                bins[i] += bar.coins * inside / (bar.high - bar.low) if inside > 0 else 0
        fullest = bottom + (bins.index(max(bins)) + D("0.5")) * step
        shows(text, r"^POC (\S+) ", fullest)
        shows(text, r"^Price (\S+) ", rows[-1].close)


@pytest.mark.parametrize(
    ("exchange", "kind"), [("binance", "perp"), ("binance", "spot"), ("okx", "perp"), ("kraken", "perp")]
)
async def test_cvd(exchange: str, kind: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask(f"/cvd BTC 1h {kind}")
        hours, quarters = (taken(exchange, kind, judge.wire, interval) for interval in ("1h", "15m"))
        for label, rows in (("last", hours[-1:]), ("24h", quarters)):
            bought, sold = (sum(row[at] for row in rows) for at in (1, 2))
            shows(text, rf"^{label} +(\S+) BTC +(\S+)% bought$", bought - sold, bought / (bought + sold) * 100)


def taken(exchange: str, kind: str, wire: Wire, interval: str) -> list[tuple[int, Decimal, Decimal]]:
    """When each closed period began, and what takers bought and sold in it."""
    if exchange == "binance":
        rows = raw.bars(exchange, wire, kind, interval)
        told = [(bar.at_ms, bar.bought or D(0), bar.coins - (bar.bought or D(0))) for bar in rows]
    elif exchange == "kraken":
        result = wire.one("/cvd?", f"interval={raw.STEP_MS[interval] // 1000}")["result"]
        columns = result["timestamp"], result["data"]["buy_volume"], result["data"]["sell_volume"]
        told = [(int(at) * 1000, D(bought), D(sold)) for at, bought, sold in zip(*columns, strict=True)]
    else:
        body = wire.one("taker-volume-contract", f"period={interval.replace('h', 'H')}&")
        told = [(int(at), D(bought), D(sold)) for at, sold, bought in body["data"]]
    n = {"1h": 40, "15m": 96}[interval]
    return sorted(told)[:-1][-n:]


@pytest.mark.parametrize("exchange", WITH_SHARES)
async def test_longs_and_shorts(exchange: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask("/ls BTC")
        for what, rows in raw.shares(exchange, judge.wire).items():
            (at, now), (before,) = rows[-1], [share for then, share in rows if then == rows[-1][0] - DAY_MS]
            assert at == NOW_MS // HOUR_MS * HOUR_MS
            figures = (now * 100, now / (1 - now), (now - before) * 100)
            shows(text, rf"^ {what} +(\S+)% +(\S+) +(\S+)$", *figures)


@pytest.mark.parametrize("exchange", PERPS)
async def test_caption_of_a_chart(exchange: str) -> None:
    async with a_judge(exchange) as judge:
        text = await judge.ask("/chart BTC perp")
        day = raw.perp(exchange, _with_a_card(judge, await judge.house.ask("/price BTC")), "BTC").day
        shows(text, r"^([\d,.]+)  \S+ (\S+)% 24h$", day.last, day.change)


def _with_a_card(judge: Judge, _: str) -> Wire:
    """All that was said so far: a caption's own question asks less than a card's."""
    return judge.wire


# All exchanges.


async def test_open_interest() -> None:
    """Of a coin whose perpetuals have one margin at each exchange."""
    async with a_judge(",".join(PERPS)) as judge:
        text = await judge.ask("/oi TON")
        told = {each: raw.perp(each, judge.wire, "TON") for each in PERPS if each != "deribit"}
        coins, worth = (sum(getattr(each, name) for each in told.values()) for name in ("interest", "worth"))
        shows(text, r"^TON OI (\S+) ", worth)
        shows(text, r"^(\S+) TON", coins)
        past = [each for each in WITH_PAST if each in told]
        for hours in (1, 24):
            now = sum(told[each].interest for each in past)
            then = sum(raw.interest_before(each, judge.wire, "TON", NOW_MS - hours * HOUR_MS) for each in past)
            shows(text, rf"^TON OI .* (\S+)% {hours}h", pct(D(now), D(then)))
        for exchange, each in told.items():
            name = NAMES.get(exchange, exchange.capitalize())
            shows(text, rf"^{name[:8]} +(\S+) +(\S+) ", each.worth, each.worth / worth * 100)
            rate = each.rate * 8 / each.hours * 100
            shows(
                text,
                rf"^{name} \w+: (\S+) TON, .* funding (\S+)% per 8h · 24h (\S+)$",
                each.interest,
                rate,
                each.day.dollars,
            )


async def test_funding() -> None:
    async with a_judge(",".join(PERPS)) as judge:
        text = await judge.ask("/funding TON")
        told = {each: raw.perp(each, judge.wire, "TON") for each in PERPS if each != "deribit"}
        rates = {exchange: each.rate * 8 / each.hours * 100 for exchange, each in told.items()}
        worth = sum(each.worth for each in told.values())
        mean = sum(rates[exchange] * each.worth for exchange, each in told.items()) / worth
        shows(text, r"^TON funding (\S+)%/8h (\S+)%/y", mean, mean * 3 * 365)
        for exchange, rate in rates.items():
            name = NAMES.get(exchange, exchange.capitalize())
            shows(text, rf"^{name[:8]} +(\S+) (\S+) +\d", rate, rate * 3 * 365)


async def test_spread() -> None:
    async with a_judge(",".join(SPOTS)) as judge:
        text = await judge.ask("/spread BTC spot")
        told = {each: raw.spot(each, judge.wire, "BTC") for each in SPOTS}
        book = judge.wire.one("/products/BTC-USD/ticker")
        told["coinbase"] = told["coinbase"]._replace(bid=D(book["bid"]), ask=D(book["ask"]))
        bids = {name: day.bid for name, day in told.items() if day.bid is not None}
        asks = {name: day.ask for name, day in told.items() if day.ask is not None}
        gap = (max(bids.values()) - min(asks.values())) / ((max(bids.values()) + min(asks.values())) / 2) * 10_000
        shows(text, r"spot gap (\S+) bp", gap)
        for exchange, day in told.items():
            name = NAMES.get(exchange, exchange.capitalize())
            shows(text, rf"^{name}, \w+: bid (\S+), ask (\S+), last (\S+)$", day.bid, day.ask, day.last)


# All markets.


REAL = ("JUP", "SYRUP", "JUPUP")  # no leveraged tokens, whatever their names end with
WITH_LISTS = [
    *((each, "perp") for each in ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "kraken")),
    *((each, "spot") for each in ("binance", "bybit", "okx", "gate", "bitget")),
]


@pytest.mark.parametrize(("exchange", "kind"), WITH_LISTS)
async def test_top10(exchange: str, kind: str) -> None:
    """In every order, from the lists that the first question has asked for."""
    async with a_judge(exchange, of_many=True) as judge:
        await judge.ask(f"/top10 {kind}")
        listed = {
            name: row
            for name, row in raw.listed(exchange, judge.wire, kind).items()
            if not re.search("(BULL|BEAR|.UP|DOWN|[2-9][LS])$", name) or name in REAL
        }
        for sort in ("volume", "gainers", "losers"):
            text = await judge.ask(f"/top10 {kind} {sort}")
            assert judge.wire == []
            for coin in sorted(listed, key=in_order(sort, listed))[:10]:
                shows(text, rf"^{named(coin)} +(\S+) +(\S+) +(\S+)", *listed[coin])


def in_order(sort: str, listed: dict[str, Any]) -> Callable[[str], Any]:
    orders: dict[str, Callable[[str], Any]] = {
        "volume": lambda coin: -listed[coin][2],
        "gainers": lambda coin: (listed[coin][2] < 1_000_000, -listed[coin][1]),
        "losers": lambda coin: (listed[coin][2] < 1_000_000, listed[coin][1]),
    }
    return orders[sort]


async def test_funding_extremes() -> None:
    async with a_judge("binance") as judge:
        text = await judge.ask("/funding top")
        changed = {row["symbol"]: int(row["fundingIntervalHours"]) for row in judge.wire.one("/fapi/v1/fundingInfo")}
        rates = {
            row["symbol"].removesuffix("USDT"): D(row["lastFundingRate"]) * 8 / changed.get(row["symbol"], 8) * 100
            for row in judge.wire.one("/fapi/v1/premiumIndex? ")
            if row["symbol"].endswith("USDT") and row["lastFundingRate"]
        }
        ranked = sorted(rates, key=lambda coin: rates[coin])
        for coin in (*ranked[:5], *ranked[-5:]):
            shows(text, rf"^{named(raw.of_many(coin)[0])} +(\S+) +(\S+) ", rates[coin], rates[coin] * 3 * 365)


async def test_volscan() -> None:
    async with a_judge("binance", of_many=True) as judge:
        text = await judge.ask("/volscan 200")
        spikes = {}
        for each in judge.wire:
            if not each.path.endswith("klines") or len(each.body) < 98:
                continue
            *before, last = [D(row[5]) for row in each.body[-98:-1]]
            normal = statistics.median(sorted(before)[4:-4])
            spikes[raw.of_many(each.query["symbol"].removesuffix("USDT"))[0]] = pct(last, normal), D(each.body[-2][7])
        found = {coin: spike for coin, spike in spikes.items() if spike[0] >= 200}
        assert len(found) > 3
        for coin, (spike, dollars) in found.items():
            if dollars > 100_000:
                shows(text, rf"^{named(coin)} +(\S+) +\S+ +(\S+)$", spike, dollars)
        shows(text, r"^(\d+) perpetuals scanned", D(len(spikes)))


# Liquidations: when, side and dollars.

Row = tuple[int, str, Decimal]


def _okx(wire: Wire) -> Iterator[Row]:
    sizes = {row["instFamily"]: row for body in wire.all("/public/instruments") for row in body["data"]}
    for of in (of for body in wire.all("liquidation-orders") for of in body["data"]):
        size = sizes[of["instFamily"]]
        for row in of["details"]:
            worth = D(row["sz"]) * D(size["ctVal"]) * (1 if size["ctValCcy"] == "USD" else D(row["bkPx"]))
            yield int(row["ts"]), "long" if row["side"] == "sell" else "short", worth


def _gate(wire: Wire) -> Iterator[Row]:
    """Contracts on coins, and those of one dollar; size is + of a long."""
    size = D(wire.one("/futures/usdt/contracts/BTC_USDT")["quanto_multiplier"])
    for margin in ("usdt", "btc"):
        for row in (row for body in wire.all(f"/futures/{margin}/liq_orders") for row in body):
            filled = abs(D(row["order_size"])) - abs(D(row["left"]))
            worth = filled * size * D(row["fill_price"]) if margin == "usdt" else filled
            yield int(row["time"]) * 1000, "long" if row["size"] > 0 else "short", worth


def _bitget(wire: Wire) -> Iterator[Row]:
    for row in (row for body in wire.all("/market/liquidations") for row in body["data"]["list"]):
        yield int(row["ts"]), "", D(row["amount"]) * D(row["price"])


def _deribit(wire: Wire) -> Iterator[Row]:
    """T: the taker was liquidated, M: the maker; a taker who sold was long."""
    for name in ("BTC_USDC-PERPETUAL", "BTC-PERPETUAL"):
        rows = (
            row for body in wire.all("get_last_trades", f"instrument_name={name}&") for row in body["result"]["trades"]
        )
        for row in (row for row in rows if "liquidation" in row):
            worth = D(row["amount"]) * (D(row["price"]) if "USDC" in name else 1)
            is_long = (row["direction"] == "sell") == (row["liquidation"] == "T")
            yield int(row["timestamp"]), "long" if is_long else "short", worth


def _kraken(wire: Wire) -> Iterator[Row]:
    """Sums in coins, and in dollars, without sides; worth what the perpetual is now."""
    (btc,) = (row for row in wire.one("/derivatives/api/v3/tickers")["tickers"] if row["symbol"] == "PF_XBTUSD")
    for name, price in (("PF_XBTUSD", D(btc["last"])), ("PI_XBTUSD", D(1))):
        told = wire.one(f"/{name}/liquidation-volume")["result"]
        for at, amount in zip(told["timestamp"], told["data"], strict=True):
            yield int(at) * 1000, "", D(amount) * price


@pytest.mark.parametrize(
    ("read", "base"),
    [(_okx, "BTC"), (_okx, "TON"), (_gate, "BTC"), (_bitget, "BTC"), (_deribit, "BTC"), (_kraken, "BTC")],
)
async def test_liquidations(read: Callable[[Wire], Iterator[Row]], base: str) -> None:
    """Of TON there is one contract, of BTC one in each margin."""
    since_ms = (NOW_MS - 4 * HOUR_MS) // 900_000 * 900_000
    async with a_judge(read.__name__[1:]) as judge:
        text = await judge.ask(f"/liq {base} 4h")
        rows = [(side, worth) for at, side, worth in read(judge.wire) if at >= since_ms]
        whole = sum(worth for _, worth in rows)
        assert whole > 0
        shows(text, rf"^{base} liquidations 4h (\S+)$", whole)
        if rows[0][0]:
            longs, shorts = (sum(worth for side, worth in rows if side == each) for each in ("long", "short"))
            shows(text, r"^longs (\S+) \((\d+)%\) · shorts (\S+)$", longs, longs / whole * 100, shorts)


# The owner's accounts.


async def test_positions() -> None:
    async with a_judge("binance,bybit,okx") as judge:
        text = await judge.ask("/positions")
        for row in judge.wire.one("/fapi/v3/positionRisk"):
            entry, mark, pnl = (D(row[each]) for each in ("entryPrice", "markPrice", "unRealizedProfit"))
            if D(row["positionAmt"]):
                side = "short" if D(row["positionAmt"]) < 0 else "long"
                what = rf"^{row['symbol']} {side} on Binance: (\S+) \w+, entry (\S+), mark (\S+), .*PnL (\S+)$"
                shows(text, what, abs(D(row["positionAmt"])), entry, mark, pnl)
                worth, margin = abs(D(row["positionAmt"])) * mark, D(row["positionInitialMargin"])
                short = rf"^{row['symbol'][:3]} {side[0].upper()}{round(worth / margin)} Bn (\S+) +(\S+) +(\S+) "
                shows(text, short, worth, pnl, pnl / margin * 100)
        (row,) = (
            each for each in judge.wire.one("/v5/position/list", "settleCoin=USDT")["result"]["list"] if D(each["size"])
        )
        what = rf"^{row['symbol']} long on Bybit: (\S+) ETH, entry (\S+), mark (\S+), .*PnL (\S+)$"
        shows(text, what, D(row["size"]), D(row["avgPrice"]), D(row["markPrice"]), D(row["unrealisedPnl"]))


async def test_balance() -> None:
    async with a_judge("binance,bybit,okx") as judge:
        text = await judge.ask("/balance")
        (unified,) = judge.wire.one("/v5/account/wallet-balance")["result"]["list"]
        funding = judge.wire.one("query-account-coins-balance")["result"]["balance"]
        dollars = [D(row["usdValue"]) for row in unified["coin"] if row["usdValue"]]
        assert {row["coin"] for row in funding} == {"USDC"}
        shows(text, r"^Bybit +(\S+)$", sum(dollars) + D(funding[0]["walletBalance"]))
        (btc,) = (row for row in unified["coin"] if row["coin"] == "BTC")
        of_bybit, of_okx = text[text.index("\nBybit") :], text[text.index("\nOKX") :]
        shows(of_bybit, r"^BTC +(\S+) +0 +(\S+)$", D(btc["walletBalance"]), D(btc["usdValue"]))
        (account,) = judge.wire.one("/api/v5/account/balance")["data"]
        for row in account["details"]:
            free = D(row["availBal"])
            shows(of_okx, rf"^{row['ccy']} +(\S+) +(\S+) +(\S+)$", free, D(row["eq"]) - free, D(row["eqUsd"]))


async def test_pnl() -> None:
    """Of Bybit: what was closed since midnight and over 7 and 30 days, in dollars, and what is open."""
    async with a_judge("bybit") as judge:
        text = await judge.ask("/pnl")
        price = D(
            judge.wire.one("/v5/market/tickers", "category=spot", "symbol=BTCUSDT")["result"]["list"][0]["lastPrice"]
        )
        closed = {
            (row["symbol"], row["updatedTime"]): D(row["closedPnl"]) * (1 if category == "linear" else price)
            for category in ("linear", "inverse")
            for body in judge.wire.all("/v5/position/closed-pnl", f"category={category}")
            for row in body["result"]["list"]
        }
        since = [NOW_MS // DAY_MS * DAY_MS, NOW_MS - 7 * DAY_MS, NOW_MS - 30 * DAY_MS]
        sums = [sum(pnl for (_, at), pnl in closed.items() if int(at) >= begin) for begin in since]
        held = [
            D(row["unrealisedPnl"]) * (1 if category == "settleCoin=USDT" else price)
            for category in ("settleCoin=USDT", "category=inverse")
            for row in judge.wire.one("/v5/position/list", category)["result"]["list"]
            if D(row["size"] or 0)
        ]
        shows(text, r"^Bybit +(\S+) +(\S+) +(\S+) +(\S+)$", sum(held), *sums)
