"""/top10 and /volscan: ranks, what is left out and why, caps from CoinGecko, a scan that stays within its bounds."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from conftest import House, a_house

from answers import top10, volscan
from answers.top10 import Top, is_leveraged, trading
from answers.volscan import Scan
from clock import loop_time
from demo.binance_markets import LEVERAGED
from demo.market import Market as Truth
from demo.telegram_html import parse
from demo.web import Reply, in_json
from exchanges import coingecko
from exchanges.words import Snapshot, Ticker

NOW = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC; the candle of 15m began 202 s ago
QUARTER_S = 900


def freeze(house: House, at_s: float = NOW) -> Truth:
    return house.stop_at(at_s)


def intercept(house: House, site: str, answer: Callable[[Any, Callable[[Any], Awaitable[Reply]]], Any]) -> None:
    """answer(asked, whole) answers in a site's place; whole is how the site itself answers."""
    house.world.sites[site].intercept(answer)


def asked_of(house: House, site: str, path: str) -> list[str]:
    return [target for target in house.world.sites[site].asked if target.startswith(path)]


def scanned(house: House) -> list[str]:
    """The coins whose candles were asked for, each as often as it was, by whatever contract."""
    asked = asked_of(house, "BINANCE_USDM", "/fapi/v1/klines")
    return [target.split("symbol=")[1].split("USD")[0].removeprefix("1000") for target in asked]


async def top(house: House, kind: str = "perp", sort: str = "volume") -> Top:
    return await top10.ask(house.bot.tools, top10.Sorting(kind, sort))


def bases(top: Top) -> list[str]:
    return [symbol.partition("-")[0] for symbol, _ in top.rows]


def largest(truth: Truth, exchange: str, kind: str) -> dict[str, tuple[float, float]]:
    """Turnover and change of every coin's most traded dollar market, most traded first."""
    found = {}
    for coin in truth.listed(exchange, kind):
        day = truth.day(exchange, coin.base, kind, coin.multiplier if kind == "perp" else 1)
        found[coin.base] = (day.turnover, round((day.last - day.open) / day.open * 100, 3))
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


# /top10


@pytest.mark.parametrize("kind", ["perp", "spot"])
async def test_top_by_volume(kind: str) -> None:
    async with a_house() as house:
        truth = freeze(house)
        found = await top(house, kind)
        assert bases(found) == list(largest(truth, "binance", kind))[:10]
        assert found.exchange == "binance"
        assert len(found.rows) == 10


@pytest.mark.parametrize("kind", ["perp", "spot"])
@pytest.mark.parametrize(("sort", "sign"), [("gainers", -1), ("losers", 1)])
async def test_top_by_change(kind: str, sort: str, sign: int) -> None:
    async with a_house() as house:
        truth = freeze(house)
        found = await top(house, kind, sort)
        liquid = {base: pct for base, (usd, pct) in largest(truth, "binance", kind).items() if usd >= 1e6}
        if kind == "spot":
            liquid |= {}
        assert bases(found) == sorted(liquid, key=lambda base: sign * liquid[base])[:10]


async def test_top_by_funding() -> None:
    """By size, whoever pays, per 8 hours."""
    async with a_house() as house:
        truth = freeze(house)
        rates = {}
        for coin in truth.listed("binance", "perp"):
            rate, hours, _ = truth.funding(coin.base)
            rates[coin.base] = abs(round(rate, 8)) * 8 / hours
        found = await top(house, sort="funding")
        assert [rates[base] for base in bases(found)] == pytest.approx(sorted(rates.values(), reverse=True)[:10])
        assert "Funding is per 8 hours." in await house.ask("/top10 funding")


async def test_top_by_open_interest_is_elsewhere() -> None:
    """Binance has no list of open interest, so the next one in order answers, and that is said."""
    async with a_house() as house:
        truth = freeze(house)
        worth = {
            c.base: truth.interest("bybit", c.base) * truth.mark("bybit", c.base) for c in truth.listed("bybit", "perp")
        }
        found = await top(house, sort="oi")
        assert found.exchange == "bybit"
        assert bases(found) == sorted(worth, key=lambda base: -worth[base])[:10]
        text = parse(await house.ask("/top10 oi")).text
        assert "Binance has no list of open interest." in text
        assert "Bybit, of " in text


@pytest.mark.parametrize("exchange", ["okx", "gate", "bitget", "hyperliquid", "deribit", "kraken"])
async def test_top_by_open_interest_everywhere(exchange: str) -> None:
    async with a_house(EXCHANGES=exchange) as house:
        truth = freeze(house, float(int(time.time())))
        found = await top(house, sort="oi")
        dollars = [perp.open_interest.open_interest_quote or 0 for _, perp in found.rows if perp.open_interest]
        assert len(dollars) == len(found.rows) > 3
        assert dollars == sorted(dollars, reverse=True)
        margin = {"hyperliquid": "USDC", "deribit": "USDC", "kraken": "USD"}.get(exchange, "USDT")
        btc = next(perp for symbol, perp in found.rows if symbol.startswith("BTC-"))
        worth = truth.interest_of(exchange, "BTC", margin) * truth.mark(exchange, "BTC")
        assert btc.open_interest is not None
        assert btc.open_interest.open_interest_quote == pytest.approx(worth, rel=1e-3)


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "kraken"])
async def test_top_of_every_exchange_agrees(exchange: str) -> None:
    """The largest coins are the same ones everywhere, at the same price and per coin."""
    async with a_house(EXCHANGES=exchange) as house:
        truth = freeze(house, float(int(time.time())))
        found = await top(house)
        assert {"BTC", "ETH", "SOL", "PEPE"} <= set(bases(found))
        for symbol, perp in found.rows:
            base = symbol.partition("-")[0]
            assert perp.ticker is not None
            assert perp.ticker.last == pytest.approx(truth.price(base, truth.clock()), rel=2e-3)
            rate, hours, _ = truth.funding_of(exchange, base)
            assert perp.funding is not None
            assert perp.funding.funding_rate * 8 / (perp.funding.funding_interval_h or 0) == pytest.approx(
                rate * 8 / hours, rel=0.01, abs=5e-6
            )


async def test_top_costs_one_request_for_all_funding() -> None:
    async with a_house(EXCHANGES="binance") as house:
        await house.ask("/top10 funding")
        assert asked_of(house, "BINANCE_USDM", "/fapi/v1/premiumIndex") == ["/fapi/v1/premiumIndex"]
        assert len(house.world.sites["BINANCE_USDM"].asked) == 3
        await house.ask("/top10 perps gainers")
        assert len(house.world.sites["BINANCE_USDM"].asked) == 3


async def test_top_by_funding_without_periods_is_elsewhere() -> None:
    """Rows in some other order under “by funding”, each n/a, would be no answer."""
    async with a_house(EXCHANGES="binance,bybit") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/fundingInfo", "500")
        text = parse(await house.ask("/top10 funding")).text
        assert "n/a" not in text.split("Funding is per")[0]
        assert "Bybit, of " in text


async def test_top_of_thousands_is_per_coin() -> None:
    async with a_house() as house:
        truth = freeze(house)
        for kind in ("perp", "spot"):
            rows = dict((await top(house, kind)).rows)
            pepe = rows["PEPE-USDT"].ticker
            assert pepe is not None
            assert pepe.last == pytest.approx(truth.price("PEPE", NOW), rel=2e-3)
        assert "0.0₄" in await house.ask("/top10")


async def test_top_leaves_leveraged_tokens_out() -> None:
    """Those of the world are traded enough to be in the first ten; coins that only sound so stay."""
    async with a_house() as house:
        market = house.bot.market
        listed = await market.listing(market.exchanges[0], "spot")
        assert {f"{name}-USDT" for name in LEVERAGED} <= set(listed)
        kept = {symbol.partition("-")[0] for symbol, _ in trading(listed, market.now_ms())}
        assert not kept & set(LEVERAGED)
        assert {"JUP", "SUPER", "SYRUP"} <= kept


@pytest.mark.parametrize(
    ("base", "beside", "expected"),
    [
        ("BTCUP", ["BTCDOWN"], True),
        ("BTCDOWN", ["BTCUP"], True),
        ("ETHBULL", ["ETHBEAR"], True),
        ("ETHBEAR", ["ETHBULL"], True),
        ("BTC3L", ["BTC3S"], True),
        ("ETH5S", ["ETH5L"], True),
        ("JUP", ["JDOWN2", "DOWN"], False),
        ("SUPER", ["BTCDOWN"], False),
        ("SYRUP", ["BTCDOWN"], False),
        ("UP", ["DOWN"], False),
        ("BULL", ["BEAR"], False),
        ("BTCUP", [], False),
        ("TRY", ["TRX"], False),
        ("COPE", [], False),
        ("ARS", [], False),
        ("BTC3L", [], False),
        ("SOL", ["SOS"], False),
    ],
)
def test_leveraged_tokens_come_in_pairs(base: str, beside: list[str], expected: bool) -> None:
    assert is_leveraged(base, {base, *beside}) is expected


@pytest.mark.parametrize(
    ("changes", "is_listed"),
    [
        ({}, True),
        ({"lastPrice": "0"}, False),
        ({"quoteVolume": "0", "volume": "0"}, False),
        ({"closeTime": int((NOW - 16 * 60) * 1000)}, False),
        ({"closeTime": int((NOW - 14 * 60) * 1000)}, True),
    ],
)
async def test_top_leaves_halted_pairs_out(changes: dict[str, object], is_listed: bool) -> None:
    async def with_one_more(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        rows = orjson.loads(reply.body)
        (bitcoin,) = (row for row in rows if row["symbol"] == "BTCUSDT")
        return in_json([*rows, {**bitcoin, "symbol": "HALTUSDT", "quoteVolume": "9e12"} | changes])

    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        intercept(house, "BINANCE_SPOT", with_one_more)
        assert ("HALT" in bases(await top(house, "spot"))) == is_listed


def test_top_counts_a_coin_once() -> None:
    def row(symbol: str, volume: float) -> tuple[str, Snapshot]:
        return symbol, Snapshot(Ticker("x", symbol, 1.0, None, None, None, None, None, None, volume, 0))

    found = dict([row("A-USDT", 5), row("A-USDC", 7), row("A-COIN", 9), row("B-USDC", 1), row("C-USDT", 0)])
    assert {symbol for symbol, _ in trading(found, 0)} == {"A-USDC", "B-USDC"}


async def test_top_names_who_failed() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "451")
        text = parse(await house.ask("/top10")).text
        assert "Binance refused this server's region." in text
        assert "Bybit, of " in text
        assert text.startswith("Top 10 perpetuals by volume")


# Market capitalisation.


async def test_caps_are_of_coingecko() -> None:
    async with a_house() as house:
        freeze(house)
        found = await top(house, "spot")
        supplies = {"BTC": 19.7e6, "ETH": 120.2e6, "PEPE": 420.7e12}
        for symbol, perp in found.rows:
            base = symbol.partition("-")[0]
            if base in supplies:
                assert perp.ticker is not None
                assert found.caps[symbol] == pytest.approx(supplies[base] * perp.ticker.last, rel=2e-3)
        assert set(found.caps) == {symbol for symbol, _ in found.rows}
        assert (await top(house)).caps["PEPE-USDT"] == pytest.approx(found.caps["PEPE-USDT"])


async def test_caps_cost_one_request_for_many() -> None:
    async with a_house() as house:
        words = itertools.cycle(["", "spot", "perps gainers", "spot losers"])
        await asyncio.gather(*(house.ask(f"/top10 {next(words)}") for _ in range(10)))
        for _ in range(10):
            await house.ask(f"/top10 {next(words)}")
        assert house.world.sites["COINGECKO"].n_requests == 1


async def test_caps_that_hang_are_not_waited_for() -> None:
    async with a_house() as house:
        await house.world.set_fault("COINGECKO", "hang")
        began = loop_time()
        text = parse(await house.ask("/top10 spot")).text
        assert loop_time() - began == pytest.approx(top10.CAPS_LATE_S, abs=0.01)
        assert "Market cap n/a: CoinGecko did not answer in time." in text
        assert text.split("\n")[2].endswith(" n/a")


def test_caps_are_waited_for_at_most() -> None:
    assert top10.CAPS_LATE_S <= 1.5
    assert top10.CAPS_S >= 600


async def test_caps_that_are_late_serve_the_next() -> None:
    """A slow CoinGecko is heard out: else nobody would ever get its answer."""
    async with a_house() as house:
        house.world.sites["COINGECKO"].latency_s = 3.0
        assert "n/a" in await house.ask("/top10 spot")
        await asyncio.sleep(2)
        assert "n/a" not in await house.ask("/top10 spot")
        assert house.world.sites["COINGECKO"].n_requests == 1


@pytest.mark.parametrize("fault", ["500", "429", "451", "cut", "nulls", "html", "refuse"])
async def test_caps_that_fail_are_na(fault: str) -> None:
    async with a_house() as house:
        await house.world.set_fault("COINGECKO", fault)
        text = parse(await house.ask("/top10 spot")).text
        assert "Market cap n/a" in text
        assert all(line.endswith(" n/a") for line in text.split("\n")[2:12])
        for _ in range(4):
            await house.ask("/top10 spot")
        assert house.world.sites["COINGECKO"].n_requests <= 1, "it is left alone for a while"


async def test_caps_of_namesakes_are_not_used() -> None:
    async def with_namesakes(asked: Any, whole: Any) -> Any:
        rows = orjson.loads((await whole(asked)).body)
        fakes = [{"symbol": each, "current_price": 0.5, "market_cap": 77} for each in ("btc", "eth")]
        return in_json([*fakes, *(row for row in rows if row["symbol"] != "eth")])

    async with a_house() as house:
        freeze(house)
        intercept(house, "COINGECKO", with_namesakes)
        found = await top(house, "spot")
        assert found.caps["BTC-USDT"] > 1e11
        assert "ETH-USDT" not in found.caps
        assert "n/a where it knows no such coin at this price" in await house.ask("/top10 spot")


@pytest.mark.parametrize(("price", "is_used"), [(100, True), (119, True), (81, True), (121, False), (79, False)])
def test_caps_need_a_near_price(price: float, is_used: bool) -> None:
    ticker = Ticker("x", "A-USDT", 100.0, None, None, None, None, None, None, None, 0)
    found = top10.caps_of([("A-USDT", Snapshot(ticker))], {"A": [coingecko.MarketCap("A", 5.0, price)]})
    assert found == ({"A-USDT": 5.0} if is_used else {})


# What is asked.


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("", "Top 10 perpetuals by volume"),
        ("spot", "Top 10 spot by volume"),
        ("perps", "Top 10 perpetuals by volume"),
        ("gainers", "Top 10 perpetuals by gain in 24h"),
        ("gainers spot", "Top 10 spot by gain in 24h"),
        ("spot gainers", "Top 10 spot by gain in 24h"),
        ("LOSERS Futures", "Top 10 perpetuals by loss in 24h"),
        ("perp funding", "Top 10 perpetuals by funding"),
        ("funding swap", "Top 10 perpetuals by funding"),
        ("oi perps", "Top 10 perpetuals by open interest"),
    ],
)
async def test_top_words_in_any_order(words: str, title: str) -> None:
    async with a_house() as house:
        assert parse(await house.ask(f"/top10 {words}")).text.startswith(title)


@pytest.mark.parametrize("sort", ["funding", "oi"])
async def test_top_spot_has_no_funding(sort: str) -> None:
    async with a_house() as house:
        text = await house.ask(f"/top10 {sort} spot")
        assert text.startswith("Spot markets have no ")
        assert f"/top10 perps {sort}" in text
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


@pytest.mark.parametrize("word", ["BTC", "15m", "10", "marketcap", "<b>", "spott", "🚀"])
async def test_top_unknown_word(word: str) -> None:
    async with a_house() as house:
        text = parse(await house.ask(f"/top10 spot {word}")).text
        assert text == f"“{word}” is not understood here. Try /top10 perps gainers, or /top10 spot."


# /volscan


async def scan(house: House, threshold: float = 200.0, interval: str = "15m", n: int = 200) -> Scan:
    return await volscan.ask(house.bot.tools, volscan.Scanning(threshold, interval, n))


def true_spike(truth: Truth, base: str, minutes: int, exchange: str = "binance") -> float:
    """Percent above the median of the 96 candles before, the 4 highest and 4 lowest left out."""
    last = int(truth.clock() // (minutes * 60)) - 1
    candles = truth.candles(exchange, base, "perp", minutes, last - 96, last)
    *before, now = (candle.volume for candle in candles)
    return (now / statistics.median(sorted(before)[4:-4]) - 1) * 100


@pytest.mark.parametrize("interval", ["15m", "1h"])
async def test_scan_finds_the_true_spikes(interval: str) -> None:
    async with a_house() as house:
        truth = freeze(house)
        found = await scan(house, 0.0, interval)
        minutes = {"15m": 15, "1h": 60}[interval]
        wanted = list(largest(truth, "binance", "perp"))[:200]
        spikes = {base: true_spike(truth, base, minutes) for base in wanted}
        assert {each.symbol.partition("-")[0] for each in found.spikes} == {b for b, pct in spikes.items() if pct >= 0}
        for each in found.spikes:
            assert each.spike_pct == pytest.approx(spikes[each.symbol.partition("-")[0]], rel=1e-4, abs=1e-3)
        assert [each.spike_pct for each in found.spikes] == sorted((e.spike_pct for e in found.spikes), reverse=True)
        assert (found.n_scanned, found.n_young, found.failed) == (200, 0, {})


async def test_scan_tells_turnover_and_price_of_the_closed_candle() -> None:
    async with a_house() as house:
        truth = freeze(house)
        each = (await scan(house, 100.0)).spikes[0]
        base = each.symbol.partition("-")[0]
        last = int(NOW // QUARTER_S) - 1
        (candle,) = truth.candles("binance", base, "perp", 15, last, last, truth.coins[base].multiplier)
        assert each.dollars == pytest.approx(candle.turnover, rel=1e-6)
        assert each.change_pct == pytest.approx((candle.close / candle.open - 1) * 100, abs=1e-3)
        assert each.closed_ms == (last + 1) * QUARTER_S * 1000


@pytest.mark.parametrize("threshold", [0.0, 50.0, 200.0, 400.0])
async def test_scan_threshold(threshold: float) -> None:
    async with a_house() as house:
        freeze(house)
        everything = (await scan(house, 0.0)).spikes
        found = (await scan(house, threshold)).spikes
        assert found == [each for each in everything if each.spike_pct >= threshold]


async def test_scan_takes_the_most_traded() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        truth = freeze(house)
        text = await house.ask("/volscan")
        assert "20 perpetuals scanned, 0 failed" in text
        assert set(scanned(house)) == set(list(largest(truth, "binance", "perp"))[:20])


async def test_scan_is_of_two_hundred_unless_told() -> None:
    async with a_house() as house:
        assert "200 perpetuals scanned, 0 failed" in await house.ask("/volscan")
        assert len(set(scanned(house))) == 199  # CAT and 1000CAT are two coins of one name


async def test_scan_asks_few_at_once() -> None:
    open_now, most = 0, 0

    async def counting(asked: Any, whole: Any) -> Any:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.005)
        try:
            return await whole(asked)
        finally:
            open_now -= 1

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", counting)
        await scan(house)
        assert 8 <= most <= 24


async def test_scan_stays_within_the_weight() -> None:
    async with a_house() as house:
        freeze(house)
        for interval in ("15m", "1h", "5m", "4h"):
            await house.ask(f"/volscan {interval}")
        assert 400 < sum(house.world.sites["BINANCE_USDM"].weights.values()) <= 2400


async def test_scan_again_costs_nothing_within_the_candle() -> None:
    async with a_house() as house:
        freeze(house)
        first = await scan(house)
        n_asked = len(scanned(house))
        second = await scan(house, 10.0)
        assert len(scanned(house)) == n_asked
        assert (second.n_scanned, second.closed_ms) == (first.n_scanned, first.closed_ms)


async def test_scan_of_the_next_candle_asks_again() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        freeze(house)
        before = await scan(house, 0.0, n=20)
        truth = freeze(house, NOW + QUARTER_S)
        after = await scan(house, -100.0, n=20)
        assert after.closed_ms == before.closed_ms + QUARTER_S * 1000
        for each in after.spikes:
            spike = true_spike(truth, each.symbol.partition("-")[0], 15)
            assert each.spike_pct == pytest.approx(spike, rel=1e-4, abs=1e-3)


async def test_scan_some_markets_fail() -> None:
    async def failing(asked: Any, whole: Any) -> Any:
        broken = asked.query.get("symbol") in ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        return Reply(500, b"{}") if broken and asked.path.endswith("klines") else await whole(asked)

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", failing)
        found = await scan(house, 0.0)
        assert set(found.failed) == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
        assert found.n_scanned == 197
        text = await house.ask("/volscan")
        assert "197 perpetuals scanned, 3 failed" in text
        assert "Failed: Binance answered HTTP 500." in text


async def test_scan_forgets_failures() -> None:
    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        assert len((await scan(house, n=20)).failed) == 20
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "")
        await house.later()
        assert (await scan(house, n=20)).failed == {}


async def test_scan_exchange_fails_midway() -> None:
    n_asked = 0

    async def until_the_fiftieth(asked: Any, whole: Any) -> Any:
        nonlocal n_asked
        n_asked += asked.path.endswith("klines")
        return Reply(500, b"{}") if n_asked > 50 else await whole(asked)

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", until_the_fiftieth)
        found = await scan(house, 0.0)
        assert 30 < found.n_scanned <= 50
        assert found.n_scanned + len(found.failed) == 200
        assert all(each.symbol not in found.failed for each in found.spikes)


async def test_scan_ends_in_time() -> None:

    async def slow(asked: Any, whole: Any) -> Any:
        if asked.path.endswith("klines") and asked.query["symbol"] == "BTCUSDT":
            await asyncio.sleep(9)
        return await whole(asked)

    async with a_house(VOLSCAN_SYMBOLS="20") as house:
        intercept(house, "BINANCE_USDM", slow)
        began = loop_time()
        text = await house.ask("/volscan")
        assert loop_time() - began <= volscan.SCAN_S
        assert "19 perpetuals scanned, 1 failed" in text
        assert "Failed: Binance did not answer in time." in text


async def test_scan_that_saw_nothing_says_so() -> None:
    """Neither “no market is above” nor a candle of 1970: nothing is known."""
    async with a_house() as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/klines", "500")
        text = parse(await house.ask("/volscan")).text
        assert "No market is above" not in text
        assert "1970" not in text
        assert "00:00:00 UTC" not in text
        assert "9999d" not in text


async def test_scan_of_an_exchange_with_a_small_budget_goes_on() -> None:
    """OKX allows 40 candles per 2 s: the scan takes its time, it does not give up on all others at once."""
    async with a_house(EXCHANGES="okx") as house:
        found = await scan(house, n=80)
        assert (found.n_scanned, found.failed) == (80, {})


async def test_scan_without_lists_of_perpetuals() -> None:
    async with a_house(EXCHANGES="coinbase") as house:
        text = await house.ask("/volscan")
        assert "Something went wrong" not in text
        assert "Coinbase" in text


async def test_scan_names_who_failed_before() -> None:
    async with a_house(VOLSCAN_SYMBOLS="10") as house:
        await house.world.set_fault("binance", "451")
        text = await house.ask("/volscan")
        assert "Binance refused this server's region." in text
        assert "Bybit · candle closed" in text


async def test_scan_young_markets_are_no_spikes() -> None:
    """20 candles before the last closed one are what it takes to say what is normal."""

    async def young(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        keep = {"BTCUSDT": 21, "ETHUSDT": 22, "SOLUSDT": 1}.get(asked.query.get("symbol", ""))
        return in_json(orjson.loads(reply.body)[-keep:]) if keep and asked.path.endswith("klines") else reply

    async with a_house(VOLSCAN_SYMBOLS="10") as house:
        intercept(house, "BINANCE_USDM", young)
        found = await scan(house, -100.0, n=10)
        names = {each.symbol for each in found.spikes}
        assert "ETH-USDT" in names
        assert not names & {"BTC-USDT", "SOL-USDT"}
        assert (found.n_scanned, found.n_young, len(found.failed)) == (8, 2, 0)
        assert ", 2 too young." in await house.ask("/volscan")


OFFSETS = (1, 9, 90, 450, 891, 899)  # seconds of a candle's 900


@pytest.mark.parametrize("offset_s", OFFSETS)
async def test_scan_flat_market_is_no_spike(offset_s: int) -> None:
    async with a_house() as house:
        truth = freeze(house, NOW // QUARTER_S * QUARTER_S + offset_s)
        truth.activities["BTC"] = lambda minute: 1.0
        (each,) = (await scan(house, -100.0, n=1)).spikes
        assert each.spike_pct == pytest.approx(0, abs=1e-4)
        assert each.level == "NORMAL"


@pytest.mark.parametrize("offset_s", OFFSETS)
async def test_scan_fourfold_candle_at_every_moment(offset_s: int) -> None:
    begin_s = NOW // QUARTER_S * QUARTER_S
    async with a_house() as house:
        truth = freeze(house, begin_s + offset_s)
        truth.activities["BTC"] = lambda minute: 4.0 if begin_s - QUARTER_S <= minute * 60 < begin_s else 1.0
        (each,) = (await scan(house, 200.0, n=1)).spikes
        assert each.spike_pct == pytest.approx(300, abs=1e-3)
        assert each.level == "HIGH"


@pytest.mark.parametrize(
    ("words", "head"),
    [
        ("", "Volume spikes from +200% 15m"),
        ("300", "Volume spikes from +300% 15m"),
        ("1h", "Volume spikes from +200% 1h"),
        ("1h 50", "Volume spikes from +50% 1h"),
        ("50 1H", "Volume spikes from +50% 1h"),
        ("50%", "Volume spikes from +50% 15m"),
        ("0", "Volume spikes from +0% 15m"),
        ("12.5", "Volume spikes from +12.5% 15m"),
        ("100000", "Volume spikes from +100000% 15m"),
    ],
)
async def test_scan_words(words: str, head: str) -> None:
    async with a_house(VOLSCAN_SYMBOLS="2") as house:
        assert parse(await house.ask(f"/volscan {words}")).text.split("\n")[0] == head


@pytest.mark.parametrize("word", ["BTC", "1e999", "nan", "inf", "٣", "5x", "%", "<b>", "1_000", "7m"])
async def test_scan_unknown_word(word: str) -> None:
    async with a_house() as house:
        text = parse(await house.ask(f"/volscan {word}")).text
        assert text == f"“{word}” is not understood here. Try /volscan 200 15m."
        assert sum(site.n_requests for site in house.world.sites.values()) == 0


@pytest.mark.parametrize("word", ["-5", "100001", "999999999999"])
async def test_scan_beyond_its_bounds(word: str) -> None:
    async with a_house() as house:
        text = parse(await house.ask(f"/volscan {word}")).text
        assert text == "A spike is looked for from 0% to 100,000%. Try /volscan 200 15m."


async def test_scan_at_once_costs_one_set_of_requests() -> None:
    async with a_house(VOLSCAN_SYMBOLS="30") as house:
        await asyncio.gather(*(house.ask("/volscan") for _ in range(20)))
        counts = Counter(house.world.sites["BINANCE_USDM"].asked)
        assert len(set(scanned(house))) == 30
        assert max(counts.values()) == 1
