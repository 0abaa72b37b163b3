"""Figures that state no market are believed only as far as an answer that does: answer by answer."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from conftest import House, a_house, a_perp, requests_of, together

import json_api
from exchanges.anothers import Seen, can_be_of, refuse_flow, refuse_history, refuse_other_last, refuse_pages
from exchanges.endpoints import Endpoint
from exchanges.errors import BadResponse, MarketError, NotSupported, Reason, Unavailable, UnknownSymbol, WrongMarket
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Flow, Listing, Ticker
from watchman.quotes import MarketQuotes

HOUR_MS = 3_600_000
NOW_MS = 400_000 * HOUR_MS + 60_000  # a minute into an hour
DAY_MS = 24 * HOUR_MS


def candles(*ranges: tuple[float, float], last_ms: int = 400_000 * HOUR_MS) -> Candles:
    """Hourly candles of these lows and highs, which open low and close high; the last one opens then."""
    lows, highs = (array("d", each) for each in zip(*ranges, strict=True))
    times = array("q", (last_ms - (len(ranges) - 1 - i) * HOUR_MS for i in range(len(ranges))))
    return Candles("x", "AB-USDT", "spot", HOUR_MS, times, lows, highs, lows, highs, lows)


@together(
    "told, price, seen_ms, can_be",
    [
        (candles((90, 110), (95, 105)), 100, NOW_MS, True),
        (candles((90, 110), (95, 105)), 3000, NOW_MS, False),
        (candles((90, 110), (95, 105)), 4, NOW_MS, False),
        (candles((90, 110), (95, 105)), 219, NOW_MS, True),  # within twice the high: two exchanges, two seconds
        (candles((90, 110), (95, 105)), 221, NOW_MS, False),
        (candles((90, 110), (4, 105)), 4, NOW_MS, True),  # it crashed within the hour, and is back
        (candles((4, 110), (95, 105)), 4, NOW_MS, True),  # in the hour before, as the price is a minute old
        (candles((4, 110), (90, 110), (95, 105)), 4, NOW_MS, False),
        (candles((4, 110), (90, 110), (95, 105)), 4, NOW_MS - HOUR_MS, True),  # a price of an hour ago
        (candles((90, 110), last_ms=NOW_MS - 20 * HOUR_MS), 100, NOW_MS, True),  # nothing was traded since
        (candles((90, 110), last_ms=NOW_MS - 20 * HOUR_MS), 3000, NOW_MS, False),
        (candles((90, 110), last_ms=NOW_MS - 27 * HOUR_MS), 3000, NOW_MS, True),  # it is refused as old, not as this
    ],
)
def test_candles_against_a_price(told: Candles, price: float, seen_ms: int, can_be: bool) -> None:
    assert can_be_of(told, Seen(price, None, seen_ms)) is can_be


def test_no_candles_are_nobodys() -> None:
    assert can_be_of(candles((1, 2)).part(0, 0), Seen(500, None, NOW_MS))


def test_a_page_has_to_end_where_the_next_begins() -> None:
    newer = candles((98, 105), (95, 105))
    older = candles((40, 60), (90, 110), last_ms=newer.open_ms[0] - HOUR_MS)
    refuse_pages([older.part(0, 0), older, newer])
    with pytest.raises(WrongMarket):
        refuse_pages([candles((3000, 3100), last_ms=newer.open_ms[0] - HOUR_MS), newer])


def flow(hours: int, coins: float) -> Flow:
    times = [NOW_MS // HOUR_MS * HOUR_MS - i * HOUR_MS for i in reversed(range(hours))]
    return Flow("x", "AB-USDT", "perp", HOUR_MS, times, [coins / 2] * hours, [coins / 2] * hours)


@together(
    "hours, coins, is_anothers",
    [
        (26, 100, False),
        (26, 350, False),  # 2400 in a day; both sides may be counted
        (26, 900_000, True),
        (5, 900_000, True),
        (1, 900_000, False),  # the running hour: it may have been traded after the volume was told
        (26, 0.1, True),
        (5, 0.1, False),  # of five quiet hours nothing is known
        (26, 8, False),
    ],
)
def test_takers_against_the_volume_of_a_day(hours: int, coins: float, is_anothers: bool) -> None:
    refuse_flow(flow(hours, coins), Seen(5, None, NOW_MS))
    if is_anothers:
        with pytest.raises(WrongMarket):
            refuse_flow(flow(hours, coins), Seen(5, 2400, NOW_MS))
    else:
        refuse_flow(flow(hours, coins), Seen(5, 2400, NOW_MS))


@together(
    "last, now, is_anothers",
    [(90, 100, False), (15, 100, False), (12, 100, True), (810, 100, True), (0, 100, False), (90, None, False)],
)
def test_the_past_of_open_interest_against_now(last: float, now: float | None, is_anothers: bool) -> None:
    rows = [(1, 50.0), (2, float(last))]
    refuse_history("x", "AB-USDT", [], now)
    if is_anothers:
        with pytest.raises(WrongMarket):
            refuse_history("x", "AB-USDT", rows, now)
    else:
        refuse_history("x", "AB-USDT", rows, now)


def test_two_prices_of_one_last_trade() -> None:
    ticker = Ticker("x", "AB-USD", 100.0, None, None, None, None, None, None, None, 0)
    refuse_other_last(ticker, 150.0)
    refuse_other_last(ticker, None)
    with pytest.raises(WrongMarket):
        refuse_other_last(ticker, 250.0)


# What each exchange leaves unsaid, held against what it says.

Ask = Callable[..., Endpoint[Any]]


def lies(monkeypatch: pytest.MonkeyPatch, exchange: str, question: str, base: str = "ETH") -> None:
    """From now on the exchange answers this question about every coin with the figures of one coin."""
    venue = EXCHANGES[exchange]
    honest: Ask = getattr(type(venue), question)

    def asked(self: Any, of: Listing, *more: Any) -> Any:
        quote = of.listed.partition("-")[2]
        other = Listing(of.kind, f"{base}-{quote}", f"{base}-{quote}", 1, of.contract_size)
        return honest(self, other, *more)._replace(parse=honest(self, of, *more).parse)

    monkeypatch.setattr(type(venue), question, asked)


ASKED = {
    "candles": "candles",
    "flow": "taker_flow",
    "open_interest_history": "open_interest_history",
    "ticker": "spot",
}
UNNAMED = [
    (exchange, kind, question)
    for exchange, venue in EXCHANGES.items()
    for kind, questions in venue.unnamed.items()
    for question in questions
]


async def told(house: House, exchange: str, kind: str, question: str, symbol: str = "BTC-USDT") -> Any:
    market, venue = house.bot.market, EXCHANGES[exchange]
    if question == "candles":
        return await market.candles(venue, symbol, kind, "1h", 30)
    if question == "flow":
        return await market.flow(venue, symbol, kind, "1h", 30)
    if question == "ticker":
        return await market.spot_at(venue, symbol)
    of = a_perp(f"BTC-{venue.quotes['perp'][0]}")
    return await market.open_interest_history(venue, await market.sized(venue, of, "perp"), 26)


@pytest.mark.parametrize(("exchange", "kind", "question"), UNNAMED)
async def test_anothers_figures_are_refused(
    monkeypatch: pytest.MonkeyPatch, exchange: str, kind: str, question: str
) -> None:
    coin = {"flow": "PEPE", "open_interest_history": "DOGE"}.get(question, "ETH")
    async with a_house(EXCHANGES=exchange) as house:
        assert await told(house, exchange, kind, question)
        house.bot.market.forget()
        lies(monkeypatch, exchange, ASKED[question], coin)
        with pytest.raises(BadResponse) as refused:
            await told(house, exchange, kind, question)
        assert refused.value.reason is Reason.WRONG_MARKET


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_every_market_of_an_honest_exchange_is_itself(exchange: str) -> None:
    """All intervals, spot and perpetuals, contracts on thousands of coins."""
    venue = EXCHANGES[exchange]
    async with a_house(EXCHANGES=exchange, RATE_BUDGETS="0") as house:
        for kind in venue.kinds:
            for interval in venue.intervals[kind]:
                for symbol in ("BTC-USDT", "PEPE-USDT", "SHIB-USDT", "BTC-COIN"):
                    with suppress(UnknownSymbol, NotSupported):
                        assert len(await house.bot.market.candles(venue, symbol, kind, interval, 50))


async def test_a_witness_costs_one_request_and_none_while_it_is_fresh() -> None:
    async with a_house(EXCHANGES="binance") as house:
        market, venue = house.bot.market, EXCHANGES["binance"]
        await market.candles(venue, "BTC-USDT", "spot", "1h", 30)
        assert requests_of(house) == 2
        await market.candles(venue, "BTC-USDT", "spot", "15m", 30)
        assert requests_of(house) == 3


async def test_answers_that_state_their_market_need_no_witness() -> None:
    async with a_house(EXCHANGES="bybit") as house:
        await house.bot.market.candles(EXCHANGES["bybit"], "BTC-USDT", "spot", "1h", 30)
        assert requests_of(house) == 1


def fails(monkeypatch: pytest.MonkeyPatch, error: MarketError) -> None:
    """Binance's spot ticker does, from now on."""
    venue = type(EXCHANGES["binance"])
    honest: Ask = venue.spot

    def parse(body: bytes) -> Ticker:
        raise error

    monkeypatch.setattr(venue, "spot", lambda self, of: honest(self, of)._replace(parse=parse))


async def test_without_any_witness_candles_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house(EXCHANGES="binance") as house:
        fails(monkeypatch, Unavailable("binance", "ill"))
        assert await told(house, "binance", "spot", "candles")


async def test_a_coins_price_elsewhere_is_a_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house() as house:
        await house.bot.market.spot_at(EXCHANGES["kraken"], "BTC-USDT")
        fails(monkeypatch, Unavailable("binance", "ill"))
        assert await told(house, "binance", "spot", "candles")
        lies(monkeypatch, "binance", "candles")
        with pytest.raises(WrongMarket):
            await told(house, "binance", "spot", "candles", "BTC-USDC")


async def test_a_witness_of_another_market_is_none_and_so_are_the_candles(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house(EXCHANGES="binance") as house:
        fails(monkeypatch, WrongMarket("binance", "ETHUSDT"))
        with pytest.raises(WrongMarket):
            await told(house, "binance", "spot", "candles")


async def test_coinbase_has_to_agree_with_others_where_they_were_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both its prices are another's: so is a coin that bears the same name there."""
    async with a_house() as house:
        market, venue = house.bot.market, EXCHANGES["coinbase"]
        await market.spot_at(EXCHANGES["kraken"], "BTC-USDT")
        lies(monkeypatch, "coinbase", "spot")
        lies(monkeypatch, "coinbase", "last_again")
        with pytest.raises(UnknownSymbol):
            await market.spot_at(venue, "BTC-USDT")
        house.bot.market.forget()
        assert await market.spot_at(venue, "BTC-USDT")  # nobody knows better


# Answer by answer.


@pytest.mark.parametrize(
    "line",
    [
        *("/volume BTC", "/volume BTC spot", "/cvd BTC spot", "/analysis BTC", "/analysis BTC spot"),
        *("/profile BTC", "/profile BTC 30d spot", "/profile BTC today", "/chart BTC", "/chart BTC spot"),
        "/chart profile BTC",
    ],
)
async def test_an_answer_goes_on_to_who_tells_its_market(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:
        lies(monkeypatch, "binance", "candles")
        text = await house.ask(line)
        assert "Binance answered about another market" in text
        assert "Bybit" in text or line.startswith("/cvd")  # of takers Bybit tells nothing


@pytest.mark.parametrize("line", ["/price BTC", "/volscan", "/chart compare BTC SOL"])
async def test_what_is_shown_beside_says_so_or_is_left_out(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    async with a_house(EXCHANGES="binance", VOLSCAN_SYMBOLS="3") as house:
        lies(monkeypatch, "binance", "candles", "XRP")
        text = await house.ask(line)
        assert "another market" in text
        assert "volscan" not in line or "0 perpetuals scanned, 3 failed" in text


async def test_the_api_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house(EXCHANGES="okx") as house:
        lies(monkeypatch, "okx", "candles")
        told = await json_api.answer(json_api.ROUTES["/volume_spike"], house.bot.tools, {"symbol": "BTC/USDT"})
        assert told["code"] == "no_answer"
        assert "OKX answered about another market" in told["error"]


@pytest.mark.parametrize("question", ["candles", "open_interest_history"])
async def test_an_alert_is_not_judged_by_anothers_figures(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    async with a_house() as house:
        quotes = MarketQuotes(house.bot.market, house.bot.accounts())
        lies(monkeypatch, "okx", question, "DOGE")
        asked: Awaitable[Any] = (
            quotes.candles("okx", "perp", "BTC-USDT", "1m", 20)
            if question == "candles"
            else quotes.open_interest_history("okx", "BTC-USDT", 120)
        )
        with pytest.raises(WrongMarket):
            await asked
