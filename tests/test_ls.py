"""/ls: longs and shorts, and whose."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from answering import DAY_MS, HOUR_MS, NOW, freeze, intercept
from conftest import House, a_house

from answers import ls
from answers.ls import RatioReport
from demo.telegram_html import parse
from demo.web import in_json

# /ls


async def ratios(house: House, symbol: str = "BTC-USDT") -> RatioReport:
    return await ls.ask(house.bot.tools, symbol)


async def test_ratios_are_the_truth() -> None:
    async with a_house() as house:
        truth = freeze(house)
        report = await ratios(house)
        of = ["accounts", "top accounts", "top positions"]
        assert [(each.exchange, each.what) for each in report.shares] == [
            *(("binance", what) for what in of),
            ("bybit", "accounts"),
            ("okx", "accounts"),
            *(("gate", what) for what in of),
            ("bitget", "accounts"),
            ("kraken", "accounts"),
        ]
        for each in report.shares:
            now, before = (
                truth.long_share(each.exchange, "BTC", each.what, (each.time_ms - back) / 1000) for back in (0, DAY_MS)
            )
            assert 0 <= NOW * 1000 - each.time_ms < 2 * HOUR_MS
            assert (each.now, each.before) == pytest.approx((now, before), abs=2e-4)
        assert report.without == ["hyperliquid", "deribit"]


async def test_ratios_without_yesterday_are_na() -> None:
    async def short(asked: Any, whole: Any) -> Any:
        reply = await whole(asked)
        return in_json(orjson.loads(reply.body)[-5:]) if asked.path.startswith("/futures/data") else reply

    async with a_house(EXCHANGES="binance") as house:
        intercept(house, "BINANCE_USDM", short)
        assert {each.before for each in (await ratios(house)).shares} == {None}
        lines = parse(await house.ask("/ls BTC")).text.split("\n")
        assert [line.split()[-1] for line in lines if line.startswith((" all ", " top "))] == ["n/a"] * 3


async def test_ratios_one_exchange_hangs() -> None:
    async with a_house() as house:
        await house.world.set_fault("gate", "hang")
        text = parse(await house.ask("/ls BTC")).text
        assert "Missing: Gate did not answer in time." in text
        assert "Hyperliquid, Deribit: no data." in text
        assert "\nBitget\n" in text


async def test_ratios_one_of_three_fails() -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.world.set_path_fault("BINANCE_USDM", "/futures/data/topLongShortAccountRatio", "500")
        text = parse(await house.ask("/ls BTC")).text
        assert "top accounts" not in text
        assert "top positions" in text
        assert "Binance answered HTTP 500" in text


@pytest.mark.parametrize("symbol", ["XYZXYZ", "OKB"])
async def test_ratios_of_what_has_no_perpetual(symbol: str) -> None:
    """“Please try again” is no help with a coin of which there are none."""
    async with a_house() as house:
        text = await house.ask(f"/ls {symbol}")
        assert "try again" not in text
        assert "not listed" in text or "perpetual" in text


async def test_ratios_of_thousands() -> None:
    async with a_house(EXCHANGES="binance,bybit") as house:
        assert [each.exchange for each in (await ratios(house, "PEPE-USDT")).shares] == ["binance"] * 3 + ["bybit"]


async def test_ratios_of_which_nothing_is_told_are_no_proof_that_it_is_not_listed() -> None:
    """It was "No perpetual on OKX: BTC. Did you mean LTC or BCH?"."""
    async with a_house(EXCHANGES="okx") as house:
        house.world.sites["OKX"].intercept(_without_ratios)
        assert (await house.ask("/ls BTC")).startswith("No longs and shorts of BTC-USDT. OKX tells no ")
        assert (await house.ask("/ls BTCC")).startswith("No perpetual on OKX: BTCC.")


async def _without_ratios(asked: Any, whole: Any) -> Any:
    is_of_ratios = "long-short" in asked.path
    return in_json({"code": "0", "msg": "", "data": []}) if is_of_ratios else await whole(asked)
