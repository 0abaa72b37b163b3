"""One answer is about one market, also where an exchange contradicts itself about which ones it lists."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from answering import intercept
from conftest import House, a_house

import json_api
from answers.interest import Before, at_hours_ago, leading_to
from demo.web import Reply, in_json
from exchanges.errors import BadResponse
from exchanges.kraken import parse_paid
from exchanges.words import OpenInterest

HOUR_MS = 3_600_000
UNKNOWN = in_json({"retCode": 10001, "retMsg": "params error: Symbol Invalid", "result": {}, "time": 1763906602000})


def knows_nothing_of(house: House, path: str) -> None:
    """From now on Bybit has never heard of ETHUSDT, where that question is asked; of ETHPERP it has."""

    async def answer(asked: Any, whole: Any) -> Reply:
        is_it = asked.path.endswith(path) and asked.query.get("symbol") == "ETHUSDT"
        return UNKNOWN if is_it else await whole(asked)

    intercept(house, "BYBIT", answer)


async def told(house: House, path: str, **fields: Any) -> Any:
    return await json_api.answer(json_api.ROUTES[path], house.bot.tools, {"symbol": "ETH", **fields})


@pytest.mark.parametrize("of", ["kline", "open-interest"])
async def test_the_side_of_a_price_is_of_the_market_that_is_priced(of: str) -> None:
    """The quarter of an hour of ETHPERP, a sixteenth, stood under ETHUSDT; its open interest had grown by 1538 %."""
    async with a_house(EXCHANGES="bybit") as house:
        whole = (await told(house, "/combined_price"))["data"]["perp"]
        house.bot.market.forget()
        knows_nothing_of(house, of)
        perp = (await told(house, "/combined_price"))["data"]["perp"]
        assert (whole["symbol"], perp["symbol"]) == ("ETH/USDT:USDT",) * 2
        name = "volume_15m" if of == "kline" else "oi_change_24h"
        assert (whole[name] is not None, perp[name]) == (True, None)


async def test_an_analysis_is_not_of_two_markets() -> None:
    async with a_house(EXCHANGES="bybit") as house:
        knows_nothing_of(house, "kline")
        assert "another market" in str(await told(house, "/comprehensive_analysis", timeframe="1h"))
        assert "1538" not in await house.ask("/price ETH")


@pytest.mark.parametrize(("now", "is_told"), [(100.0, True), (13.0, True), (800.0, True), (810.0, False), (6.0, False)])
def test_a_past_has_to_lead_to_now(now: float, is_told: bool) -> None:
    before = at_hours_ago([(i * HOUR_MS // 4, 100.0) for i in range(100)], 99 * HOUR_MS // 4)
    assert bool(leading_to(OpenInterest(now, None), before)) is is_told
    assert leading_to(None, before) is before
    assert leading_to(OpenInterest(now, None), None) == {}
    assert leading_to(OpenInterest(now, None), Before()) == {}


def test_krakens_payments_are_of_each_hour() -> None:
    def paid(step_h: int) -> bytes:
        times = [1_763_906_400_000 + i * step_h * HOUR_MS for i in range(9)]
        return in_json({"result": {"timestamp": times, "data": {"relativeRate": [["0.001"] * 4] * 9}}}).body

    assert len(parse_paid(paid(1)).rows) == 8
    with pytest.raises(BadResponse, match="apart"):
        parse_paid(paid(4))


async def test_an_odd_market_that_is_asked_for_again_and_again_rests_nobody() -> None:
    """Its day's high is below its low. Three such answers rested Binance for everybody, for half a minute."""
    async with a_house(EXCHANGES="binance") as house:

        async def odd(asked: Any, whole: Any) -> Reply:
            reply: Reply = await whole(asked)
            if asked.query.get("symbol") != "ETHUSDT" or not asked.path.endswith("24hr"):
                return reply
            told: dict[str, Any] = orjson.loads(reply.body)
            return in_json(told | {"highPrice": "5", "lowPrice": "9"})

        for site in ("BINANCE_SPOT", "BINANCE_USDM"):
            intercept(house, site, odd)
        for _ in range(4):
            assert "unusable answer" in await house.ask("/price ETH")
            await asyncio.sleep(1)
        assert (await house.ask("/price BTC")).startswith("<b>BTC ")
