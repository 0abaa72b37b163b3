"""Half characters (lone surrogates): JSON can write them, UTF-8 cannot. Every way in, and what comes out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from conftest import ADA, a_house, pressed, together, updated

from door import Door
from exchanges import table
from exchanges.errors import BadResponse
from exchanges.reading import code_in, load
from http1.server import HTTPError, Request
from settings import SettingsError
from settings import load as load_settings
from telegram.api import TelegramError, result_of
from telegram.multipart import body_of

HALVES = ("\ud800", "\udbdb", "\udc00", "\udfff", "\udc00\ud800", "BTC\ud83d")
LINES = (
    "{}",
    "/price {}",
    "/priec {} BTC",
    "/alert BTC > {}",
    "/alert {} > 5",
    "/watch {}",
    "/settings symbol {}",
    "/{}",
)


@pytest.mark.parametrize("half", HALVES)
async def test_whatever_is_said_in_halves_is_answered_in_utf_8(half: str) -> None:
    """Handed in past every wire; stored, said again, and put under buttons."""
    async with a_house(DATABASE_URL="sqlite:///:memory:") as house:
        for line in LINES:
            for update in (updated(line.format(half)), pressed(line.format(half).removeprefix("/"))):
                call = await house.bot.answer(update)
                assert call is not None
                assert body_of(call)[1].decode()
                assert "went wrong" not in str(call.get("text"))


@pytest.mark.parametrize("half", HALVES)
async def test_an_inline_query_in_halves(half: str) -> None:
    async with a_house() as house:
        query = {"id": half, "from": {"id": ADA}, "query": half}
        guest = {"guest_query_id": half, "from": {"id": ADA}, "text": half}
        for update in ({"update_id": 1, "inline_query": query}, {"update_id": 2, "guest_message": guest}):
            call = await house.bot.answer(update)
            assert call is None or body_of(call)[1].decode()


async def test_a_message_sent_by_way_of_us_may_have_a_halved_id() -> None:
    async with a_house() as house:
        update = pressed("price BTC")
        del update["callback_query"]["message"]
        update["callback_query"]["inline_message_id"] = "a\ud800"
        call = await house.bot.answer(update)
        assert call is not None
        assert body_of(call)[1].decode()


SPELT = (b'{"symbol": "\\ud800"}', b'{"symbol": "\\udbdb\\u0041"}', b'{"symbol": "\xed\xa0\x80"}', b'{"\\udc00": 1}')


@together("body", SPELT)
def test_no_wire_brings_them(body: bytes) -> None:
    """However they are spelt: an exchange's answer, a refusal, Telegram's answer to getUpdates."""
    with pytest.raises(BadResponse):
        load("binance", body)
    assert code_in(body, "symbol") is None
    with pytest.raises(TelegramError):
        result_of("getUpdates", 200, b'{"ok": true, "result": [' + body + b"]}")
    assert load("binance", b'{"symbol": "\\ud83d\\ude80"}') == {"symbol": "\U0001f680"}


@pytest.mark.parametrize("target", ["/chart.png?symbol=%ED%A0%80", "/chart.png?symbol=\xff\xed", "/price?%ED%B0%80=1"])
async def test_no_query_brings_them(target: str) -> None:
    key = "a-key-of-sixteen-and-more"
    async with a_house(API_KEY=key) as house:

        async def read_body(max_bytes: int) -> bytes:
            return b""

        request: Any = Request("GET", target, {"authorization": f"Bearer {key}"}, read_body)
        try:
            response = await Door(house.bot, house.settings).respond(request)
        except HTTPError as error:
            assert 400 <= error.status < 500  # noqa: PT017 - either is right
        else:
            assert response.status < 500
            assert orjson.loads(response.body)


@pytest.mark.parametrize("name", ["WEBHOOK_URL", "TELEGRAM_API_URL", "BINANCE_SPOT_URL"])
def test_no_address_in_the_environment_has_them(name: str) -> None:
    """What is no UTF-8 there comes to Python as halves."""
    with pytest.raises(SettingsError):
        load_settings({name: "https://example.com/\udcff"}, table.EXCHANGES)
    assert load_settings({"COMMIT": "1a\udcff2b"}, table.EXCHANGES).commit == "1a2b"
