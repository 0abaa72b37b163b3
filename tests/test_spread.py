"""/spread: one coin's price at all exchanges, and never two coins'."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from conftest import House, a_house

from answers import spread
from answers.gaps import gap_at, gaps_at
from answers.spread import SpreadReport, of_one_coin, widest_gap
from demo.telegram_html import parse
from demo.web import in_json
from exchanges import binance, coinbase, hyperliquid
from exchanges.errors import BadResponse, UnknownSymbol, WrongMarket
from exchanges.table import EXCHANGES
from exchanges.words import Book, Listing, Ticker

NOW = 1_763_906_602.0
BTC = Listing("perp", "BTC-USDT", "BTC-USDT")
MANY = [f"{base}-USDT" for base in ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB")]  # more than are asked for singly


def a_ticker(exchange: str, bid: float | None, ask: float | None, last: float, quote: str = "USDT") -> Ticker:
    return Ticker(exchange, f"BTC-{quote}", last, bid, ask, None, None, None, None, None, 0)


async def spreads(house: House, words: str) -> SpreadReport:
    return await spread.ask(house.bot.tools, spread.command(words.split()))


@pytest.mark.parametrize("kind", ["spot", "perp"])
async def test_spread_is_the_truth(kind: str) -> None:
    async with a_house() as house:
        truth = house.stop_at(NOW)
        report = await spreads(house, f"BTC {kind}")
        days = {each.exchange: truth.day(each.exchange, "BTC", kind) for each in report.tickers}
        assert len(days) == sum(kind in each.kinds for each in EXCHANGES.values())
        assert {each.exchange: (each.bid, each.ask) for each in report.tickers} == {
            name: (day.bid, day.ask) for name, day in days.items()
        }
        bid, ask = max(day.bid for day in days.values()), min(day.ask for day in days.values())
        gap = widest_gap(report.tickers)
        assert gap is not None
        assert gap.bps == pytest.approx((bid - ask) / (bid + ask) * 2e4)


async def test_spread_of_two_coins_of_one_name() -> None:
    """Gate's, Bitget's and Hyperliquid's NEIRO is another coin than Binance's."""
    async with a_house() as house:
        report = await spreads(house, "NEIRO perp")
        assert {each.exchange for each in report.strangers} == {"gate", "bitget", "hyperliquid"}
        assert "binance" in {each.exchange for each in report.tickers}
        gap = widest_gap(report.tickers)
        assert gap is not None
        assert abs(gap.bps) < 10
        assert "Not compared, as another coin of that name" in await house.ask("/spread NEIRO perp")


async def test_spread_means_the_preferred_exchanges_coin() -> None:
    async with a_house(EXCHANGES="gate,binance,bitget") as house:
        assert {each.exchange for each in (await spreads(house, "NEIRO perp")).strangers} == {"binance"}


def frozen(hours: float) -> Callable[[Any, Any], Any]:
    """OKX's tickers as they were hours ago, 5 % above what they are now."""

    async def answer(asked: Any, whole: Any) -> Any:
        told = await whole(asked)
        if not asked.path.startswith("/api/v5/market/ticker"):
            return told
        rows = orjson.loads(told.body)["data"]
        for row in rows:
            row["ts"] = str(round((NOW - hours * 3600) * 1000))
            row |= {key: f"{float(row[key]) * 1.05:.6g}" for key in ("last", "bidPx", "askPx", "high24h")}
        return in_json({"code": "0", "msg": "", "data": rows})

    return answer


@pytest.mark.parametrize(("hours", "is_compared"), [(0.2, True), (0.3, False), (20, False)])
async def test_spread_of_what_is_bid_now(hours: float, is_compared: bool) -> None:
    """Nobody bids any more what stood in a market that was last heard of 18 minutes ago."""
    async with a_house() as house:
        house.stop_at(NOW)
        house.world.sites["OKX"].intercept(frozen(hours))
        report = await spreads(house, "BTC perp")
        gap = widest_gap(report.tickers)
        assert gap is not None
        assert (gap.bps > 400) is is_compared
        assert [each.exchange for each in report.old] == ([] if is_compared else ["okx"])
        note = {0.3: "OKX (18m)", 20: "OKX (20h00)"}.get(hours, "")
        told = await house.ask("/spread BTC perp")
        assert (f"Not compared, as last heard of so long ago: {note}." in told) is not is_compared
        alerted = [await gap_at(house.bot.market, EXCHANGES["binance"], "perp", "BTC-USDT")]
        alerted += (await gaps_at(house.bot.market, EXCHANGES["binance"], "perp", MANY)).values()
        assert {each is not None and each.bps > 400 for each in alerted} == {is_compared}
        meant_by_okx = await gap_at(house.bot.market, EXCHANGES["okx"], "perp", "BTC-USDT")
        assert (meant_by_okx is not None) is is_compared


def quiet(path: str, key: str) -> Callable[[Any, Any], Any]:
    """An exchange whose last trades were 16 minutes ago; what is bid and asked is of now."""
    at = datetime.fromtimestamp(NOW - 16 * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def answer(asked: Any, whole: Any) -> Any:
        told = await whole(asked)
        if not asked.path.endswith(path):
            return told
        answered = orjson.loads(told.body)
        for row in answered.get("tickers", [answered]):
            row[key] = at
        return in_json(answered)

    return answer


@pytest.mark.parametrize(
    ("site", "path", "key", "kind"),
    [("COINBASE", "/ticker", "time", "spot"), ("KRAKEN_FUTURES", "/tickers", "lastTime", "perp")],
)
async def test_spread_of_quotes_where_nobody_trades(site: str, path: str, key: str, kind: str) -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        house.world.sites[site].intercept(quiet(path, key))
        exchange = EXCHANGES[site.partition("_")[0].lower()]
        report = await spreads(house, f"BTC {kind}")
        assert exchange.id in {each.exchange for each in report.tickers}
        assert min(each.time_ms for each in report.tickers) > (NOW - 60) * 1000
        assert not report.old
        assert await gap_at(house.bot.market, exchange, kind, "BTC-USDT") is not None
        assert set(await gaps_at(house.bot.market, exchange, kind, MANY)) >= set(MANY[:-1])  # Coinbase has no BNB


async def test_spread_where_all_are_old_says_so() -> None:
    async with a_house(EXCHANGES="okx") as house:
        house.stop_at(NOW)
        house.world.sites["OKX"].intercept(frozen(20))
        assert "20h00 old" in await house.ask("/spread BTC perp")


async def test_spread_per_coin_of_thousands() -> None:
    async with a_house() as house:
        house.stop_at(NOW)
        report = await spreads(house, "PEPE perp")
        assert len(report.tickers) == 8
        assert not report.strangers
        assert all(each.bid is not None and each.ask is not None for each in report.tickers)


async def test_spread_of_what_has_no_spot_market() -> None:
    async with a_house() as house:
        assert (await spreads(house, "TSLA")).kind == "perp"
        assert f"Not listed on any of {len(EXCHANGES)} exchanges: XYZXYZ." in await house.ask("/spread XYZXYZ")


async def test_spread_one_exchange_hangs() -> None:
    async with a_house() as house:
        await house.world.set_fault("gate", "hang")
        text = parse(await house.ask("/spread BTC")).text
        assert "(partial)" in text
        assert "Missing: Gate did not answer in time." in text


async def test_spread_without_a_book_keeps_the_price() -> None:
    async with a_house() as house:
        house.world.set_path_fault("BINANCE_USDM", "/fapi/v1/ticker/bookTicker", "500")
        binance_s = next(each for each in (await spreads(house, "BTC perp")).tickers if each.exchange == "binance")
        assert binance_s.bid is None
        assert binance_s.last > 0


def test_gap_buys_low_and_sells_high() -> None:
    gap = widest_gap([a_ticker("gate", 101, 102, 101), a_ticker("okx", 99, 100, 100), a_ticker("bybit", 90, 110, 99)])
    assert gap is not None
    assert (gap.buy.exchange, gap.sell.exchange) == ("okx", "gate")
    assert gap.bps == pytest.approx(1 / 100.5 * 1e4)


def test_gap_below_zero_is_told() -> None:
    gap = widest_gap([a_ticker("gate", 99, 101, 100), a_ticker("okx", 99.5, 100.5, 100)])
    assert gap is not None
    assert gap.bps < 0
    assert widest_gap([a_ticker("gate", 99, 101, 100), a_ticker("okx", None, None, 100)]) is None


def test_crossed_quotes_of_hardly_anything_have_no_sign() -> None:
    tickers = [a_ticker("gate", 100.00001, 100, 100), a_ticker("okx", 100.5, 100, 100)]
    text = spread.show(SpreadReport("BTC-USDT", "perp", tickers, [], {}, [], 0, 0.0), NOW).text
    assert re.findall(r" (\S+)$", parse(text).text, re.MULTILINE)
    assert re.search(r"^Gate .* 0\.00$", parse(text).text, re.MULTILINE)
    assert re.search(r"^OKX .* -49\.9$", parse(text).text, re.MULTILINE)


def test_gap_in_one_dollar() -> None:
    tickers = [a_ticker("kraken", 105, 106, 105, "USD"), a_ticker("okx", 99, 100, 100), a_ticker("gate", 101, 102, 101)]
    gaps = widest_gap(tickers), widest_gap(tickers, in_one_dollar=True)
    assert [gap and (gap.sell.exchange, gap.is_in_one_dollar) for gap in gaps] == [("kraken", False), ("gate", True)]


def test_coins_are_told_apart_by_price() -> None:
    tickers = [a_ticker("okx", None, None, price) for price in (100.0, 119.0, 130.0, 157.0, 10.0)]
    same, others = of_one_coin(tickers)
    assert [each.last for each in same] == [130.0, 119.0, 100.0]
    assert [each.last for each in others] == [157.0, 10.0]


def test_book_of_binance() -> None:
    body = b'{"symbol": "BTCUSDT", "bidPrice": "4.0", "bidQty": "431", "askPrice": "0", "askQty": "0", "time": 1}'
    assert binance.parse_book(body, BTC) == Book(4.0, None)
    with pytest.raises(WrongMarket):
        binance.parse_book(body.replace(b"BTC", b"ETH"), BTC)
    with pytest.raises(WrongMarket):
        binance.parse_book(body.replace(b', "time": 1', b""), BTC)  # as spot's


def test_book_of_coinbase() -> None:
    assert coinbase.parse_book(b'{"price": "63000.1", "bid": "63000.0", "ask": "63000.2"}') == Book(63000.0, 63000.2)
    with pytest.raises(BadResponse):
        coinbase.parse_book(b'{"bid": "-1"}')


def test_book_of_hyperliquid() -> None:
    of = Listing("perp", "PEPE-USDC", "1000PEPE-USDC", 1000)
    body = b'{"coin": "kPEPE", "time": 1, "levels": [[{"px": "0.012", "sz": "7", "n": 1}], []]}'
    assert hyperliquid.parse_book(body, of) == Book(0.000012, None)
    for odd, error in ((b"null", UnknownSymbol), (b'{"coin": "kPEPE", "levels": []}', BadResponse)):
        with pytest.raises(error):
            hyperliquid.parse_book(odd, of)


@pytest.mark.parametrize("line", ["/spread BTC", "/spread PEPE perp", "/spread NEIRO", "/liq BTC", "/liq PEPE 4h"])
async def test_tables_fit_a_phone(line: str) -> None:
    async with a_house() as house:
        (table,) = re.findall(r"<pre>(.*?)</pre>", await house.ask(line), re.DOTALL)
        assert max(map(len, table.split("\n"))) <= 34
