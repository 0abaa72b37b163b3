"""Faults that readers found in replies, and what became of them. Others' tests stand with what they are of."""

from __future__ import annotations

import logging
import random
import re

import httpx
import pytest
from conftest import a_house, text_of, updated

from accounts import Holding, Part
from answers import balance
from answers.account import Asked
from answers.profile import drawing
from demo.telegram_html import parse
from door import Door
from exchanges import table
from indicators import volume_profile
from render.figures import format_prices

NOW_S = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC


def test_profile_marks_the_price_once() -> None:
    """Also where it stands on a row's edge: there were two marks then."""
    for seed in range(240):
        rng = random.Random(seed)
        lows = [rng.randrange(900, 1100) / 1e8 for _ in range(50)]
        profile = volume_profile(lows, [low + 1e-8 for low in lows], [1.0] * 50)
        assert profile is not None
        edge = profile.low + rng.randrange(17) * (profile.high - profile.low) / 16
        drawn = drawing(profile, min(edge, profile.high), 1e-8)
        assert (drawn.count("◄"), drawn.count("P")) == (1, 1), seed


def test_profile_marks_the_longest_row() -> None:
    for seed in range(100):
        rng = random.Random(seed)
        lows = [rng.uniform(900, 1100) for _ in range(50)]
        profile = volume_profile(lows, [low + 9 for low in lows], [rng.uniform(1, 9) for _ in lows])
        assert profile is not None
        rows = drawing(profile, None, 0.1).split("\n")
        longest = max(len(re.findall("[█░]", row)) for row in rows)
        (marked,) = (row for row in rows if "P" in row)
        assert len(re.findall("[█░]", marked)) == longest, seed


def test_prices_of_a_row_have_the_same_decimals() -> None:
    assert format_prices(0.11784, 0.1178) == ["0.11784", "0.11780"]
    assert format_prices(67_432.1, None, 67_400) == ["67,432.10", "n/a", "67,400.00"]
    assert format_prices(0, 1e-20) == ["0", "1e-20"]


async def test_only_the_right_key_opens_a_demo_that_has_one() -> None:
    async with a_house(API_KEY="open-sesame.1234") as house:
        demo_settings = house.settings._replace(is_demo=True)
        house.door = Door(house.bot, demo_settings)
        async with httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
            for key, status in (("wrong", 401), ("open-sesame.1234", 200)):
                headers = {"authorization": f"Bearer {key}"}
                answer = await client.post("/price", json={"symbol": "BTC"}, headers=headers)
                assert answer.status_code == status


async def test_outage_is_logged_once_per_host(caplog: pytest.LogCaptureFixture) -> None:
    """/oi asks OKX eight things; each failed, and each was a line."""
    async with a_house() as house:
        for exchange in table.EXCHANGES:
            await house.world.set_fault(exchange, "500")
        with caplog.at_level(logging.WARNING):
            await house.ask("/oi BTC")
        said = [record.getMessage().split(":")[1] for record in caplog.records if record.name == "fetch"]
        assert said
        assert len(said) == len(set(said)), said


async def test_nobody_is_no_source() -> None:
    async with a_house() as house:
        for exchange in ("binance", "bybit", "okx"):
            await house.world.set_fault(exchange, "refuse")
        assert "nobody" not in await house.ask("/balance")


def test_dust_of_no_worth_is_not_zero_dollars() -> None:
    parts = [Part("okx", [Holding("SHIB", 1.0, 0.0, 0.00002)], (), None)]
    text = balance.show(Asked("", parts), NOW_S).text
    assert "1 more worth less than a cent in all." in text
    assert "$0.00 in all" not in text


async def test_reason_inside_a_sentence_is_not_capital() -> None:
    async with a_house() as house:
        for question in ("/price OKB", "/analysis OKB", "/volume OKB"):
            assert not re.search(r"(: |; |, )Not listed on", parse(await house.ask(question)).text)


@pytest.mark.parametrize(
    "command", ["price BTC", "analysis BTC", "volume BTC", "cvd BTC", "oi BTC", "ls BTC", "positions"]
)
async def test_units_stay_with_their_figures(command: str) -> None:
    """A space before % or ms would let the unit fall to the next line; latency is no trader's business."""
    async with a_house() as house:
        call = await house.bot.answer(updated(f"/{command}"))
        assert call is not None
        assert re.search(r"\d (%|ms)", parse(text_of(call)).text) is None
