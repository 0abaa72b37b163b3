"""The offline market: whatever one looks at, and whenever, it is one market."""

from __future__ import annotations

import pytest
from demo_kit import NOW

import demo
from demo.market import Market


async def test_world_agrees_with_itself() -> None:
    """The same moment is the same market on every exchange; another moment is another one."""
    now = [1_763_906_602.0]
    one, other = demo.World(clock=lambda: now[0]).market, demo.World(clock=lambda: now[0]).market
    assert one.day("binance", "BTC", "spot") == other.day("binance", "BTC", "spot")
    assert one.day("bybit", "BTC", "perp").last == pytest.approx(one.day("okx", "BTC", "spot").last, rel=1e-3)
    before = one.day("binance", "BTC", "spot")
    now[0] += 600
    assert one.day("binance", "BTC", "spot") != before
    for base in one.coins:
        day = one.day("okx", base, "spot")
        assert day.low <= day.last <= day.high
        assert day.bid < day.last < day.ask


# The market.


def a_market(at_s: float = NOW) -> Market:
    return Market(clock=lambda: at_s)


@pytest.mark.parametrize("minutes", [5, 15, 60, 240, 1440])
def test_candles_sum_to_bigger_candles(minutes: int) -> None:
    market = a_market()
    slot = int(NOW // (minutes * 60)) - 1
    (whole,) = market.candles("bybit", "ETH", "perp", minutes, slot, slot)
    parts = market.candles("bybit", "ETH", "perp", 1, slot * minutes, (slot + 1) * minutes - 1)
    assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)
    assert max(part.high for part in parts) == pytest.approx(whole.high, rel=4e-3)
    assert min(part.low for part in parts) == pytest.approx(whole.low, rel=4e-3)
    assert whole.low <= min(whole.open, whole.close) <= max(whole.open, whole.close) <= whole.high
    for field in ("volume", "buy_volume"):
        assert sum(getattr(part, field) for part in parts) == pytest.approx(getattr(whole, field), rel=1e-3)
    assert 0.35 <= whole.buy_volume / whole.volume <= 0.65


def test_running_candle_has_its_elapsed_part_only() -> None:
    market = a_market(NOW // 3600 * 3600 + 900)
    market.activities["BTC"] = lambda minute: 1.0
    slot = int(NOW // 3600)
    before, running = market.candles("binance", "BTC", "spot", 60, slot - 1, slot + 5)
    assert (before.is_closed, running.is_closed) == (True, False)
    assert running.volume == pytest.approx(before.volume / 4)
    assert running.close == round(market.price("BTC", market.clock()), 1)
    assert before.close == running.open


def test_day_is_the_sum_of_its_candles() -> None:
    for base in ("BTC", "JUP", "QAK"):
        market = a_market(NOW // 3600 * 3600)
        slot = int(NOW // 3600)
        day = market.day("okx", base, "perp")
        candles = market.candles("okx", base, "perp", 60, slot - 24, slot - 1)
        assert sum(candle.volume for candle in candles) == pytest.approx(day.volume, rel=1e-6)
        assert sum(candle.turnover for candle in candles) == pytest.approx(day.turnover, rel=0.03)
        assert max(candle.high for candle in candles) == pytest.approx(day.high, rel=0.01)
        assert candles[0].open == pytest.approx(day.open, rel=1e-4)


def test_activity_can_be_told() -> None:
    market = a_market()
    usual = market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)
    busy = range(1_959_004 * 15, 1_959_005 * 15)
    market.activities["SOL"] = lambda minute: 4.0 if minute in busy else 1.0
    volumes = [candle.volume for candle in market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010)]
    assert [round(volume / volumes[0], 6) for volume in volumes] == [1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1]
    assert market.activity("SOL", busy[0]) == 4.0
    del market.activities["SOL"]
    assert market.candles("binance", "SOL", "spot", 15, 1_959_000, 1_959_010) == usual


@pytest.mark.parametrize("minutes", [5, 15, 60, 240])
def test_few_candles_are_spikes(minutes: int) -> None:
    """Of all coins' last closed candles some are at least twice the twenty before, and most are as ever."""
    market, last = a_market(), int(NOW // (minutes * 60)) - 1
    ratios = []
    for base in market.coins:
        *before, bar = market.bars(base, minutes, last - 20, last)
        ratios.append(bar.volume / (sum(each.volume for each in before) / 20))
    assert 1 <= sum(ratio > 2 for ratio in ratios) <= len(ratios) * 0.08
    assert sum(0.6 < ratio < 1.4 for ratio in ratios) > len(ratios) * 0.8


def test_interest_has_a_past_and_funding_a_period() -> None:
    market = a_market()
    assert market.interest("okx", "BTC") == market.interest_of("okx", "BTC", "USDT", NOW)
    assert market.interest_of("okx", "BTC", "USDT", NOW - 86_400) != market.interest("okx", "BTC")
    assert market.interest_of("gate", "ETH", "coin") == 0
    assert market.margins("hyperliquid", "BTC") == ("USDC",)
    assert market.margins("kraken", "SOL") == ("USD",)
    assert market.funding_of("binance", "BTC") == market.funding("BTC")
    hours = {exchange: market.funding_of(exchange, "BTC")[1] for exchange in ("bybit", "kraken", "hyperliquid")}
    assert hours == {"bybit": 8, "kraken": 1, "hyperliquid": 1}
    assert market.funding_of("bybit", "JUP")[1] == 4
