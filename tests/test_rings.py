"""What is done with is gone at once. Objects that hold each other in a ring stay until Python's collector looks at what
is old, which is seldom: 15,000 after a minute of exchanges that lie, among them every connection that was closed."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Answers, a_house, of_this_test_only

from answers.asked import Tools
from answers.command import Command
from asking.spellings import Spellings
from bot import COMMANDS
from demo.web import bound
from exchanges.errors import UnknownSymbol
from exchanges.table import EXCHANGES
from http1.links import open_link
from http1.names import Address
from render.message import Answer
from telegram.sign import TYPING_AFTER_S, Sign


@pytest.fixture(autouse=True)
def _without_the_collector() -> Iterator[None]:
    of_this_test_only()
    gc.disable()
    yield
    gc.enable()


def n_of(kind: type[Any]) -> int:
    return sum(isinstance(each, kind) for each in gc.get_objects())


async def test_connection_that_was_dropped() -> None:
    with bound(0) as listening:
        listening.listen()
        link, _ = await open_link([Address(socket.AF_INET, ("127.0.0.1",))], listening.getsockname()[1], None)
        assert n_of(asyncio.Transport) == 1
        link.drop()
        await asyncio.sleep(0.1)
        del link
        assert n_of(asyncio.Transport) == 0


async def test_sign_of_a_command_that_took_long(monkeypatch: pytest.MonkeyPatch) -> None:

    async def slow(tools: Tools, asked: None) -> Answer:
        await asyncio.sleep(TYPING_AFTER_S + 0.1)
        return Answer("done")

    monkeypatch.setitem(COMMANDS, "test", Command(Answers(slow), "", "a test"))
    async with a_house() as house:
        assert await house.ask("/test") == "done"
        assert n_of(Sign) == 0


async def test_spellings_of_what_is_not_listed() -> None:
    async with a_house() as house:
        with pytest.raises(UnknownSymbol, match="binance"):
            await house.bot.market.spot_at(EXCHANGES["binance"], "NOSUCHCOIN-USDT")
        assert n_of(Spellings) == 0
