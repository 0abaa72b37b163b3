"""Every way an exchange can fail, at each exchange: an answer or a clear sentence, and the cause in the log."""

from __future__ import annotations

import itertools
import logging
import re

import pytest
from conftest import a_house, some

from clock import loop_time
from demo.telegram_html import parse
from demo.web import FAULTS
from exchanges import table

EXCHANGES = ("binance", "bybit", "okx")
EACH = list(itertools.product(FAULTS, EXCHANGES))
FOREIGN = (
    "Traceback",
    "Error",
    "Exception",
    "HTTP/1.1",
    "{",
    "code",
    "msg",
    "retMsg",
    "html",
    "request weight",
    "127.0.0.1",
)


@pytest.mark.parametrize(("fault", "exchange"), some(EACH, 5))
async def test_one_exchange_fails(exchange: str, fault: str) -> None:
    async with a_house() as house:
        await house.world.set_fault(exchange, fault)
        began = loop_time()
        text = parse(await house.ask("/price BTC")).text
        assert loop_time() - began < 8
        assert re.match(r"BTC [\d,.]+ ", text)
        assert ("Binance · " in text) == (exchange != "binance")
        if exchange == "binance":
            assert "Bybit · " in text
            assert "Binance" in text


@pytest.mark.parametrize(("fault", "exchange"), some(EACH, 5))
async def test_the_only_exchange_fails(exchange: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with a_house(EXCHANGES=exchange) as house:
        await house.world.set_fault(exchange, fault)
        began = loop_time()
        text = parse(await house.ask("/price BTC")).text
        assert loop_time() - began < 8
        assert text.startswith(("No price for BTC-USDT right now. ", "Not listed on "))
        assert len(text) < 200
        for word in FOREIGN:
            assert word not in text
        assert f"{exchange}: " in caplog.text
        await house.world.set_fault(exchange, "")
        await house.later()
        await house.ask("/price BTC")  # one request is the probe
        assert "fund " in await house.ask("/price BTC")


async def test_all_exchanges_hang() -> None:
    """In real seconds: the sentence is there within 8 s, and names them all."""
    async with a_house() as house:
        for exchange in table.EXCHANGES:
            await house.world.set_fault(exchange, "hang")
        began = loop_time()
        text = await house.ask("/price BTC")
        assert loop_time() - began < 8
        assert "did not answer in time" in text
        for each in table.EXCHANGES.values():
            assert each.name in text
