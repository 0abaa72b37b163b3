"""The time under an answer: each reader's own; and what a client shows that knows nothing of it."""

from __future__ import annotations

import re

import pytest
from conftest import a_house, updated

from demo.telegram_html import parse
from render.message import foot, moment
from telegram.replies import plain_text

NOW_S = 1_763_906_602.0  # 2025-11-23 14:03:22 UTC


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, '<tg-time unix="1763906602" format="T">14:03:22 UTC</tg-time>'),
        (7200, '<tg-time unix="1763899402" format="T">12:03:22 UTC</tg-time>, 2h00 old'),
        (2 * 86400, '<tg-time unix="1763733802" format="dT">14:03:22 UTC</tg-time>, 2d old'),
    ],
)
def test_moment_in_each_readers_own_zone(ago_s: float, text: str) -> None:
    assert moment(int((NOW_S - ago_s) * 1000), NOW_S) == text


@pytest.mark.parametrize("time_ms", [0, -1, 10**20])
def test_moment_that_no_clock_has_is_plain(time_ms: int) -> None:
    assert "tg-time" not in moment(time_ms, NOW_S)


def test_client_without_it_reads_utc() -> None:
    """It shows what is inside the tag, as for any tag that it does not know; so does a text without markup."""
    text = foot("OKX", int(NOW_S * 1000), NOW_S)
    assert re.sub(r"</?tg-time[^>]*>", "", text) == "<i>OKX · 14:03:22 UTC</i>"
    assert plain_text(text) == parse(text).text == "OKX · 14:03:22 UTC"


@pytest.mark.parametrize(
    "command", ["price BTC", "oi BTC", "funding BTC", "volume BTC", "analysis BTC", "top10", "balance"]
)
async def test_every_foot_has_it_and_no_table(command: str) -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated(f"/{command}"))
        assert call is not None
        assert call["text"].count("<tg-time ") == 1
        tables = re.findall(r"<pre>.*?</pre>", call["text"], re.DOTALL)
        assert not [each for each in tables if "tg-time" in each]
