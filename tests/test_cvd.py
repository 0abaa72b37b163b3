"""/cvd: what takers bought and sold."""

from __future__ import annotations

from array import array
from typing import Any

import orjson
import pytest
from answering import BOTH, MINUTES, NOW, QUARTER_MS, closed, freeze, intercept, young
from conftest import House, a_house

from answers import cvd as cvd_answer
from answers.asked import OfMarket
from answers.cvd import FlowReport, cumulated, until_one_end
from demo.telegram_html import parse
from demo.web import in_json
from exchanges.words import Candles, Flow

# /cvd


async def cvd(house: House, interval: str = "1h", kind: tuple[str, ...] = BOTH) -> FlowReport:
    return await cvd_answer.ask(house.bot.tools, OfMarket("BTC-USDT", interval, kind))


@pytest.mark.parametrize(
    ("exchange", "interval"),
    [("binance", "1m"), *((name, interval) for name in ("binance", "okx") for interval in ("15m", "1h", "4h"))],
)
async def test_cvd_is_the_takers(exchange: str, interval: str) -> None:
    """Delta and share of the last candle, and of 24 hours by the clock whatever the interval."""
    async with a_house(EXCHANGES=exchange) as house:
        truth = freeze(house)
        report = await cvd(house, interval)
        last, day = closed(truth, interval, 1, exchange)[0], closed(truth, "15m", 96, exchange)
        bought, all_of_it = sum(candle.buy_volume for candle in day), sum(candle.volume for candle in day)
        assert report.last_delta == pytest.approx(2 * last.buy_volume - last.volume, rel=1e-4, abs=0.1)
        assert report.last_share == pytest.approx(last.buy_volume / last.volume, rel=1e-4)
        assert report.day_delta == pytest.approx(2 * bought - all_of_it, rel=1e-4, abs=1)
        assert report.day_share == pytest.approx(bought / all_of_it, rel=1e-4)
        assert report.closed_ms == last.open_ms + MINUTES[interval] * 60_000
        assert report.close == last.close


async def test_cvd_is_not_of_candle_colours() -> None:
    """Takers buy three quarters of every candle of a day on which the price falls."""

    async def bought(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        if not asked.path.endswith("klines"):
            return reply
        rows = orjson.loads(reply.body)
        for i, row in enumerate(rows):
            price = 60_000 - i
            row[1:6] = [str(price), str(price + 1), str(price - 2), str(price - 1), "100"]
            row[9] = "75"
        return in_json(rows)

    async with a_house(EXCHANGES="binance") as house:
        freeze(house)
        intercept(house, "BINANCE_USDM", bought)
        report = await cvd(house)
        assert (report.last_delta, report.last_share) == (50, 0.75)
        assert (report.day_delta, report.day_share) == (96 * 50, 0.75)
        assert (report.trend, report.price_trend, report.divergence) == (1, -1, "bullish")
        assert "Price falls while takers buy." in await house.ask("/cvd BTC")


def test_takers_are_held_against_prices_of_the_same_periods() -> None:
    """Who is behind with one of them tells nothing of the other: up to where both reach, they are compared."""
    figures = array("d", [1.0, 2.0, 3.0, 4.0])
    times = array("q", range(0, 4 * QUARTER_MS, QUARTER_MS))
    candles = Candles("okx", "BTC-USDT", "perp", QUARTER_MS, times, figures, figures, figures, figures, figures)
    flow = Flow("okx", "BTC-USDT", "perp", QUARTER_MS, candles.open_ms[:3].tolist(), [1.0] * 3, [0.0] * 3)
    closes, sums = until_one_end(candles, 4, flow, cumulated(flow))
    assert (list(closes), list(sums)) == ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    closes, sums = until_one_end(candles.part(0, 2), 2, flow, cumulated(flow)[1:])  # sums of the last two periods only
    assert (list(closes), list(sums)) == ([1.0, 2.0], [2.0])
    assert until_one_end(candles, 4, flow._replace(open_ms=[-3, -2, -1]), [1.0])[0] == array("d")


async def test_cvd_does_not_contradict_itself() -> None:
    """Both trends of the same stretch: “CVD falling” beside “while takers buy” is nonsense."""
    async with a_house() as house:
        for hours in range(0, 480, 8):
            freeze(house, NOW - hours * 3600)
            await house.later()
            report = await cvd(house, "15m")
            if report.divergence:
                assert report.trend != report.price_trend or not report.trend, f"{hours} h before"
            if report.divergence == "bullish":
                assert (report.trend, report.price_trend) != (-1, -1)


async def test_cvd_comes_from_binance_first() -> None:
    async with a_house() as house:
        report = await cvd(house)
        assert (report.source.exchange, report.source.failed) == ("binance", ())


async def test_cvd_names_who_tells_none() -> None:
    async with a_house(EXCHANGES="bybit,okx") as house:
        text = parse(await house.ask("/cvd BTC")).text
        assert "Bybit tells no taker volume. This is OKX's." in text
        assert "OKX · " in text


async def test_cvd_that_nobody_tells() -> None:
    """A sentence, and no advice to try again: a minute changes nothing."""
    async with a_house(EXCHANGES="bybit") as house:
        text = await house.ask("/cvd BTC")
        assert text.startswith("No taker volume of BTC-USDT")
        assert "Bybit tells no taker volume." in text
        assert "try again" not in text


async def test_cvd_of_okx_that_hangs_is_not_called_untold() -> None:
    """OKX tells the takers' volume of perpetuals; that it tells none of spot is no reason here."""
    async with a_house(EXCHANGES="okx") as house:
        await house.world.set_fault("okx", "hang")
        assert "OKX did not answer in time" in await house.ask("/cvd BTC")


async def test_cvd_of_okx_spot_is_not_told() -> None:
    async with a_house(EXCHANGES="okx") as house:
        assert "OKX tells no taker volume." in await house.ask("/cvd BTC spot")


async def test_cvd_of_a_young_market_is_no_flat_one() -> None:
    """Of two candles there is no trend: n/a, not “flat”, and 24 hours are not there."""
    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", young(3))
        report = await cvd(house, kind=("perp",))
        text = parse(await house.ask("/cvd BTC perp")).text
        assert report.day_delta is None
        assert "24h n/a: the market's candles do not reach back so far." in text
        assert "flat" not in text
        assert "diverges no" not in text


def test_day_sums_are_by_the_clock() -> None:
    """96 quarters to the end of the last closed one; a running one does not count, and gaps count nothing."""
    begin = int(NOW * 1000) // QUARTER_MS * QUARTER_MS - 97 * QUARTER_MS
    times = [begin + i * QUARTER_MS for i in range(98) if i != 50]
    flow = Flow("x", "BTC-USDT", "perp", QUARTER_MS, times, [1.0] * 97, [2.0] * 97)
    assert cvd_answer.day_sums(flow, int(NOW * 1000)) == (95, 190)
    assert (
        cvd_answer.day_sums(flow._replace(open_ms=times[2:], buy=[1.0] * 95, sell=[1.0] * 95), int(NOW * 1000)) is None
    )
    assert cvd_answer.day_sums(flow._replace(open_ms=[], buy=[], sell=[]), int(NOW * 1000)) is None
