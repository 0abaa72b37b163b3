"""/price: what its card costs, and what it leaves out when that is late."""

from __future__ import annotations

import pytest
from answering import NOW, freeze
from conftest import a_house, requests_of

from clock import loop_time
from demo.telegram_html import parse

MAX_REQUESTS = 8  # of the first question of all: two tickers, open interest, funding, its periods, a past of each


@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL"])
async def test_cold_price_asks_for_few_things(symbol: str) -> None:
    async with a_house() as house:
        await house.ask(f"/price {symbol}")
        assert requests_of(house) <= MAX_REQUESTS


async def test_next_price_asks_for_less() -> None:
    async with a_house() as house:
        await house.ask("/price BTC")
        before = requests_of(house)
        await house.ask("/price ETH")
        assert requests_of(house) - before < MAX_REQUESTS
        before = requests_of(house)
        await house.ask("/price ETH")
        assert requests_of(house) == before


async def test_late_extras_are_left_out_with_their_reason() -> None:
    """Candles and the past of open interest hang: the card is there a second later, and says what it lacks."""
    async with a_house() as house:
        house.world.set_path_fault("BINANCE_SPOT", "/api/v3/klines", "hang")
        house.world.set_path_fault("BINANCE_USDM", "/futures/data", "hang")
        began = loop_time()
        text = parse(await house.ask("/price BTC")).text
        assert loop_time() - began < 2.0
        assert "7d" not in text.split("\n")[2]
        assert "did not answer in time" in text
        assert text.startswith("BTC 6")


async def test_card_takes_as_long_as_one_answer() -> None:
    """What a card shows beside the prices is asked for with them, at the exchanges that are preferred."""
    async with a_house() as house:
        await house.ask("/price BTC")  # connects
        await house.later()
        house.world.set_latency(0.5)
        began = loop_time()
        text = parse(await house.ask("/price ETH")).text
        assert loop_time() - began < 0.9
        assert "7d" in text.split("\n")[2]


async def test_where_the_preferred_exchange_fails_the_extras_come_from_the_other() -> None:
    async with a_house() as house:
        await house.world.set_fault("binance", "500")
        text = parse(await house.ask("/price BTC")).text
        assert "Bybit" in text
        assert "7d" in text.split("\n")[2]


async def test_a_card_tells_since_when_its_long_moves_are() -> None:
    """14:03 is nearest to the candle of 16:00 that far back, which is two hours and no more."""
    async with a_house(EXCHANGES="binance") as house:
        truth = freeze(house)
        text = parse(await house.ask("/price BTC")).text
        told = "7d since 2025-11-16 16:00 UTC, 30d since 2025-10-24 16:00 UTC: where candles of 4h opened"
        assert told in text
        last = truth.day("binance", "BTC", "spot").last
        for span, days in (("7d", 7), ("30d", 30)):
            slot = round((NOW - days * 86400) / 14400)
            (candle,) = truth.candles("binance", "BTC", "spot", 240, slot, slot)
            assert f"{span} {(last / candle.open - 1) * 100:+.1f}" in text


async def test_parts_without_a_figure_keep_their_capitals() -> None:
    async with a_house(EXCHANGES="bitget") as house:
        house.world.set_path_fault("BITGET", "/api/v2/spot/market", "500")
        text = parse(await house.ask("/price BTC")).text
        assert "oI" not in text
        assert "OI change n/a: Bitget tells no history of open interest." in text
