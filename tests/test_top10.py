"""/top10: sorted by what the world truly has, and market capitalisations."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import orjson
import pytest
from answering import NOW, asked_of, bases, freeze, intercept, largest, top
from conftest import a_house, a_house_among_many, together

from answers import top10
from answers.traded import is_leveraged, trading
from clock import loop_time
from demo.binance_markets import LEVERAGED
from demo.telegram_html import parse
from demo.web import Reply, in_json
from exchanges import coingecko
from exchanges.words import Snapshot, Ticker

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
    async with a_house_among_many() as house:
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


@together(
    "base, beside, expected",
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


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (429, b"{}", "limited our requests"),
        (403, b"<html>", "refused this server's region"),
        (500, b"", "answered HTTP 500"),
        (200, b"[]", "did not tell"),
        (200, b'{"error": "x"}', "gave an unusable answer"),
    ],
)
async def test_caps_that_are_refused_have_their_reason(status: int, body: bytes, why: str) -> None:
    async def refused(asked: Any, whole: Any) -> Any:
        return Reply(status, body)

    async with a_house() as house:
        intercept(house, "COINGECKO", refused)
        assert f"Market cap n/a: CoinGecko {why}." in await house.ask("/top10 spot")
        assert "Market cap n/a: CoinGecko failed." in await house.ask("/top10")  # it is left alone


async def test_caps_are_asked_for_again_though_somebody_always_asks() -> None:
    async with a_house() as house:
        await house.world.set_fault("COINGECKO", "500")
        for _ in range(4):
            assert "Market cap n/a" in await house.ask("/top10 spot")
            await asyncio.sleep(top10.CAPS_AGAIN_S * 0.4)
        await house.world.set_fault("COINGECKO", "")
        for _ in range(3):
            text = await house.ask("/top10 spot")
            await asyncio.sleep(top10.CAPS_AGAIN_S * 0.4)
        assert "Market cap n/a" not in text


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


@together("price, is_used", [(100, True), (119, True), (81, True), (121, False), (79, False)])
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
