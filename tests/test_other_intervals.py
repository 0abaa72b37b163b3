"""Candles of another interval, and of a time that has not come, are no answer: whichever exchange tells them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from conftest import House, a_house

from demo.web import Reply
from exchanges import kraken
from exchanges.endpoints import Endpoint
from exchanges.errors import MarketError
from exchanges.table import EXCHANGES
from exchanges.words import Candles, Flow, Listing, Ratio

DAY_MS = 86_400_000
Ask = Callable[..., Endpoint[Candles]]


def answers_of(monkeypatch: pytest.MonkeyPatch, exchange: str, instead: str) -> None:
    """From now on the exchange answers questions about any interval with candles of one."""
    venue = type(EXCHANGES[exchange])
    honest: Ask = venue.candles

    def candles(self: Any, of: Listing, interval: str, *more: Any) -> Endpoint[Candles]:
        return honest(self, of, instead, *more)._replace(parse=honest(self, of, interval, *more).parse)

    monkeypatch.setattr(venue, "candles", candles)


def answers_later(monkeypatch: pytest.MonkeyPatch, exchange: str, by_ms: int) -> None:
    """From now on the exchange's candles are told to be of another time."""
    venue = type(EXCHANGES[exchange])
    honest: Ask = venue.candles

    def candles(self: Any, *asked: Any) -> Endpoint[Candles]:
        endpoint = honest(self, *asked)

        def parse(body: bytes) -> Candles:
            told = endpoint.parse(body)
            return told._replace(open_ms=array("q", [at + by_ms for at in told.open_ms]))

        return endpoint._replace(parse=parse)

    monkeypatch.setattr(venue, "candles", candles)


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_candles_of_another_interval_are_refused(monkeypatch: pytest.MonkeyPatch, exchange: str) -> None:
    venue = EXCHANGES[exchange]
    kind = venue.kinds[-1]
    async with a_house(EXCHANGES=exchange, RATE_BUDGETS="0") as house:
        assert await house.bot.market.candles(venue, "BTC-USDT", kind, "1h", 30)
        for instead, asked in (("15m", "1h"), ("1d", "1h"), ("1h", "1d")):
            house.bot.market.forget()
            with monkeypatch.context() as lie:
                answers_of(lie, exchange, instead)
                with pytest.raises(MarketError):
                    await house.bot.market.candles(venue, "BTC-USDT", kind, asked, 30)


@pytest.mark.parametrize("by_ms", [DAY_MS, 20_000 * DAY_MS])
async def test_candles_of_a_time_that_has_not_come_are_refused(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    """Filled up to the year 2080, minutes would also take all memory."""
    venue = EXCHANGES["coinbase"]
    async with a_house(EXCHANGES="coinbase") as house:
        answers_later(monkeypatch, "coinbase", by_ms)
        with pytest.raises(MarketError, match="is told"):
            await house.bot.market.candles(venue, "BTC-USDT", "spot", "1m", 30)
        with pytest.raises(MarketError, match="is told"):
            await house.bot.market.running_candle(venue, "BTC-USDT", "spot", "1m")


def tells(monkeypatch: pytest.MonkeyPatch, exchange: str, question: str, change: Callable[[Any], Any]) -> None:
    """From now on the exchange's answers to a question are read as something else."""
    venue = type(EXCHANGES[exchange])
    honest = getattr(venue, question)

    def changed(endpoint: Endpoint[Any]) -> Endpoint[Any]:
        return endpoint._replace(parse=lambda body: change(endpoint.parse(body)))

    def asked(self: Any, *of: Any) -> Any:
        endpoint = honest(self, *of)
        return [changed(each) for each in endpoint] if isinstance(endpoint, list) else changed(endpoint)

    monkeypatch.setattr(venue, question, asked)


@pytest.mark.parametrize("exchange", ["okx", "kraken"])
async def test_what_takers_did_in_another_interval_is_refused(monkeypatch: pytest.MonkeyPatch, exchange: str) -> None:
    venue = EXCHANGES[exchange]
    honest = type(venue).taker_flow
    async with a_house(EXCHANGES=exchange, RATE_BUDGETS="0") as house:
        assert await house.bot.market.flow(venue, "BTC-USDT", "perp", "1h", 30)
        house.bot.market.forget()

        def quarters(self: Any, of: Listing, interval: str, *more: Any) -> Any:
            return honest(self, of, "15m", *more)._replace(parse=honest(self, of, interval, *more).parse)

        monkeypatch.setattr(type(venue), "taker_flow", quarters)
        with pytest.raises(MarketError):
            await house.bot.market.flow(venue, "BTC-USDT", "perp", "1h", 30)


@pytest.mark.parametrize("by_days", [-3, 3])
async def test_what_takers_did_at_another_time_is_refused(monkeypatch: pytest.MonkeyPatch, by_days: int) -> None:
    """Days ago it would be told by its hour alone: "Candle closed 14:00 UTC"."""

    def moved(flow: Flow) -> Flow:
        return flow._replace(open_ms=[at + by_days * DAY_MS for at in flow.open_ms])

    tells(monkeypatch, "okx", "taker_flow", moved)
    async with a_house(EXCHANGES="okx") as house:
        assert (await house.ask("/cvd BTC")).startswith("No taker volume of BTC-USDT right now. OKX ")


def moved_ratios(by_ms: int) -> Callable[[dict[str, list[Ratio]]], dict[str, list[Ratio]]]:
    return lambda told: {
        what: [each._replace(time_ms=each.time_ms + by_ms) for each in rows] for what, rows in told.items()
    }


@pytest.mark.parametrize("by_ms", [-3 * DAY_MS, 3 * DAY_MS])
async def test_longs_of_another_day_are_not_in_an_analysis(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    """/ls tells how old they are; of a time that has not come it tells none."""
    async with a_house(EXCHANGES="okx") as house:
        assert "L/S   n/a" not in await house.ask("/analysis BTC")
        house.bot.market.forget()
        tells(monkeypatch, "okx", "ratios", moved_ratios(by_ms))
        told = await house.ask("/analysis BTC")
        assert "L/S   n/a" in told
        assert "OKX gave an unusable answer" in told
        told = await house.ask("/ls BTC")
        assert ("3d" in told) if by_ms < 0 else told.startswith("No ")


def test_kraken_tells_the_past_in_either_order() -> None:
    body = b'{"result":{"timestamp":[1700003600,1700000000],"data":["2.0","1.0"]}}'
    assert [each.time_ms for each in kraken.parse_ratios(body)["accounts"]] == [1_700_000_000_000, 1_700_003_600_000]


def times_moved(body: bytes, by_ms: int) -> bytes:
    """An answer of another time: whatever in it looks like one, in seconds or in ms."""

    def moved(found: re.Match[bytes]) -> bytes:
        return b"%d" % (int(found[0]) + (by_ms if len(found[0]) == 13 else by_ms // 1000))

    return re.sub(rb"(?<![\d.])1[5-9]\d{8}(\d{3})?(?![\d.])", moved, body)


def answers_of_another_time(house: House, by_ms: int) -> None:
    async def answer(asked: Any, whole: Any) -> Reply:
        reply: Reply = await whole(asked)
        return reply._replace(body=times_moved(reply.body, by_ms))

    for site in house.world.sites.values():
        site.intercept(answer)


@pytest.mark.parametrize("by_ms", [-DAY_MS, 365 * DAY_MS])
async def test_funding_is_not_due_at_a_time_that_cannot_be(by_ms: int) -> None:
    """It was "in 365d", and "in 0s" for what was over the day before."""
    async with a_house(EXCHANGES="binance,bybit") as house:
        assert "longs pay in" in await house.ask("/price BTC")
        answers_of_another_time(house, by_ms)
        house.bot.market.forget()
        assert "pay in" not in await house.ask("/price BTC")
        told = await house.ask("/funding BTC")
        assert "365d" not in told
        assert "next in" not in told


@pytest.mark.parametrize("by_ms", [-3 * DAY_MS, 3 * DAY_MS])
async def test_what_was_paid_is_of_the_last_days(by_ms: int) -> None:
    """Moved by three days, the sum over seven had the payments of four, or of ten."""
    async with a_house(EXCHANGES="bybit") as house:
        assert re.search(r"Bybit +[+-]0\.\d+ [+-]0", await house.ask("/funding BTC"))
        answers_of_another_time(house, by_ms)
        house.bot.market.forget()
        assert not re.search(r"Bybit +[+-]0\.\d+ [+-]0", await house.ask("/funding BTC"))


async def test_liquidations_of_a_time_that_has_not_come_are_not_counted() -> None:
    async with a_house(EXCHANGES="okx,gate", RATE_BUDGETS="0") as house:
        assert "liquidations 1h" in await house.ask("/liq BTC 1h")
        answers_of_another_time(house, 365 * DAY_MS)
        house.bot.market.forget()
        told = await house.ask("/liq BTC 1h")
        assert "$0" in told or told.startswith("No ")


@pytest.mark.parametrize("question", ["/top10", "/top10 spot", "/volscan 0"])
async def test_list_of_another_day_is_followed_by_the_next_exchange(question: str) -> None:
    """It was "Top 0 perpetuals", "of 0 markets", without a reason."""
    async with a_house(EXCHANGES="binance,bybit", VOLSCAN_SYMBOLS="3", RATE_BUDGETS="0") as house:

        async def old(asked: Any, whole: Any) -> Reply:
            reply: Reply = await whole(asked)
            return reply._replace(body=times_moved(reply.body, -DAY_MS))

        for name in ("BINANCE_SPOT", "BINANCE_USDM"):
            house.world.sites[name].intercept(old)
        told = await house.ask(question)
        assert "Binance had no figures of now" in told
        assert "Bybit ·" in told or "Bybit, of" in told
