"""Pictures for chats that the bot may not be in: by an address that it signed, and only by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from conftest import ADA, House, a_house, requests_of, text_of, together
from test_inline import called, inline_press, offered, typed, until

from answers.chart_address import LIFE_S, Addresses, Refused
from demo.telegram_inline import content_of
from render.picture import drawing

SECRET = "a-secret-of-the-webhook"
ADDRESSES = Addresses("https://bot.example/hook/webhook", SECRET)
NOW = 1_763_906_602.0
PUBLIC = {"WEBHOOK_URL": "http://127.0.0.1:9"}


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_address_is_of_the_words_that_were_signed() -> None:
    url = ADDRESSES.of(["BTC", "1h", "perp"], NOW)
    assert url.startswith("https://bot.example/chart.png?of=BTC+1h+perp&until=1763907540&sig=")
    assert ADDRESSES.read(query_of(url), NOW) == ["BTC", "1h", "perp"]


def test_each_minute_has_an_address_of_its_own() -> None:
    """Telegram keeps for days what it found at one."""
    urls = {ADDRESSES.of(["BTC"], NOW + second) for second in range(180)}
    assert len(urls) == 4


@together(
    "changed",
    [
        {"of": "ETH 1h perp"},
        {"of": "BTC 1h"},
        {"of": "BTC 1h perp "},
        {"until": "1763999999"},
        {"until": "1763907540 "},
        {"until": ""},
        {"sig": ""},
        {"sig": "0" * 64},
        {"sig": "é"},
        {"sig": "\udcff"},
        {"more": "x"},
    ],
)
def test_address_that_was_changed(changed: dict[str, str]) -> None:
    query = query_of(ADDRESSES.of(["BTC", "1h", "perp"], NOW)) | changed
    with pytest.raises(Refused):
        ADDRESSES.read(query, NOW)


@pytest.mark.parametrize("name", ["of", "until", "sig"])
def test_address_without_a_part(name: str) -> None:
    query = query_of(ADDRESSES.of(["BTC"], NOW))
    del query[name]
    with pytest.raises(Refused):
        ADDRESSES.read(query, NOW)


@together("later_s", [LIFE_S + 61, 86_400, -LIFE_S, -86_400])
def test_address_at_another_time(later_s: float) -> None:
    """One that reaches further than any of ours does is refused as well, whoever signed it."""
    with pytest.raises(Refused):
        ADDRESSES.read(query_of(ADDRESSES.of(["BTC"], NOW)), NOW + later_s)


def test_another_key_signs_otherwise() -> None:
    other = Addresses("https://bot.example", SECRET + "2")
    with pytest.raises(Refused):
        ADDRESSES.read(query_of(other.of(["BTC"], NOW)), NOW)


def test_key_is_not_the_webhooks_secret() -> None:
    """Nor is what Telegram sends with each update of any use here."""
    assert SECRET.encode() not in ADDRESSES._key
    assert SECRET not in ADDRESSES.of(["BTC"], NOW)


@together("words", [["pnl"], ["pnl", "binance"], [], ["<b>"], ["BTC"] * 60])
def test_what_gets_no_address(words: list[str]) -> None:
    assert ADDRESSES.of(words, NOW) == ""


# The door.


@asynccontextmanager
async def a_public_house(**variables: str) -> AsyncIterator[tuple[House, httpx.AsyncClient, str]]:
    """A house with a public address, a client of it, and an address of BTC's chart."""
    async with (
        a_house(**PUBLIC, **variables) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        house.stop_at(NOW)
        addresses = house.bot.queries.addresses
        assert addresses is not None
        yield house, client, addresses.of(["BTC", "1h", "perp"], NOW).removeprefix(PUBLIC["WEBHOOK_URL"])


async def test_picture_needs_no_key() -> None:
    async with a_public_house() as (_, client, path):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.content.startswith(b"\x89PNG")
        again = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_without_a_signature_it_is_the_keys_door() -> None:
    async with a_public_house() as (_, client, _path):
        assert (await client.get("/chart.png?symbol=BTC")).status_code == 404
        assert (await client.get("/chart.png?of=BTC")).status_code == 404
    async with a_public_house(API_KEY="open-sesame.1234") as (_, client, path):
        assert (await client.get("/chart.png?symbol=BTC")).status_code == 401
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "change", [("of=BTC", "of=ETH"), ("sig=", "sig=0"), ("until=17", "until=18"), ("&sig=", "&s=")]
)
async def test_forged_address_asks_nobody(change: tuple[str, str]) -> None:
    async with a_public_house() as (house, client, path):
        answer = await client.get(path.replace(*change))
        assert answer.status_code == (404 if change[1] == "&s=" else 403)
        assert requests_of(house) == 0


async def test_stranger_with_an_address_draws_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    draw = drawing.draw

    def drawing_once_more(figure: Any) -> Any:
        drawn.append(figure)
        return draw(figure)

    monkeypatch.setattr(drawing, "draw", drawing_once_more)
    async with a_public_house() as (house, client, path):
        statuses = [(await client.get(path)).status_code for _ in range(40)]
        assert statuses == [200] * 6 + [429] * 34
        assert len(drawn) == 1
        limited = await client.get(path)
        assert 0 < int(limited.headers["retry-after"]) <= 10
        assert requests_of(house) < 10


async def test_many_addresses_have_one_bound() -> None:
    async with a_public_house() as (house, client, _):
        addresses = house.bot.queries.addresses
        assert addresses is not None
        paths = [addresses.of(["BTC", "1h", "perp"], NOW - 60 * i)[len(PUBLIC["WEBHOOK_URL"]) :] for i in range(12)]
        statuses = [(await client.get(path)).status_code for path in paths for _ in range(6)]
        assert (statuses.count(200), statuses.count(429)) == (60, 12)


async def test_no_public_address_no_door_and_no_offer() -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        assert house.bot.queries.addresses is None
        url = Addresses(house.url, house.settings.webhook_secret).of(["BTC"], house.wall())
        assert (await client.get(url)).status_code == 404
        assert not [each for each in await offered(house, "btc") if "chart" in each["title"]]


# What is offered.


async def test_chart_is_offered_and_nothing_is_drawn_before_it_is_chosen() -> None:
    async with a_public_house() as (house, _, path):
        before = await offered(house, "btc")
        (result,) = [each for each in before if each["title"] == "BTC chart 1h"]
        assert content_of(result).photo_url == PUBLIC["WEBHOOK_URL"] + path
        assert result["input_message_content"]["link_preview_options"]["show_above_text"] is True
        buttons = [button["text"] for row in result["reply_markup"]["inline_keyboard"] for button in row]
        assert buttons == ["5m", "15m", "•1h", "4h", "1d", "Price", "Analysis", "CVD"]
        assert requests_of(house) <= 2


async def test_chart_is_first_where_it_is_named() -> None:
    async with a_public_house() as (house, _, _path):
        assert (await offered(house, "chart btc"))[0]["title"] == "BTC chart 1h"
        call = await house.bot.answer(called("@DemoMarketBot chart BTC"))
        assert call is not None
        assert content_of(call["result"]).photo_url.startswith(f"{PUBLIC['WEBHOOK_URL']}/chart.png?of=BTC+1h+perp&")


async def test_button_under_it_shows_another_interval() -> None:
    async with a_public_house() as (house, client, _):
        call: Any = await house.bot.answer(inline_press("chart BTC 4h"))
        shown = call["link_preview_options"]
        assert (call["method"], call["inline_message_id"]) == ("editMessageText", "AAA")
        assert "BTC perp</b> 4h chart" in text_of(call)
        assert "for a chat with me" not in text_of(call)
        assert query_of(shown["url"])["of"] == "BTC 4h"
        asked = requests_of(house)
        assert (await client.get(shown["url"].removeprefix(PUBLIC["WEBHOOK_URL"]))).status_code == 200
        assert requests_of(house) == asked  # it is the picture that was drawn for the caption


async def test_other_buttons_keep_the_way_to_the_chart() -> None:
    async with a_public_house() as (house, _, _path):
        call: Any = await house.bot.answer(inline_press("price BTC"))
        data = [button.get("callback_data", "") for row in call["reply_markup"]["inline_keyboard"] for button in row]
        assert "chart BTC" in data
        assert not [each for each in data if each.startswith(("alert", "+"))]


async def test_strangers_are_offered_no_address() -> None:
    async with a_public_house() as (house, _, _path):
        for update in (typed("btc", 666), called("chart BTC", 666)):
            assert "sig=" not in str(await house.bot.answer(update))


async def test_telegram_plays_the_chart_from_letters_to_picture() -> None:
    """Typed, chosen, its preview fetched, another interval pressed."""
    async with a_house() as plain:
        port = plain.port
    async with a_house(WEBHOOK_URL=f"http://127.0.0.1:{port}") as house:
        telegram = house.world.telegram
        telegram.execute("setWebhook", {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret})
        query_id = telegram.ask_inline("btc", ADA, -5001)
        await until(lambda: telegram.offered(query_id) is not None)
        message = telegram.choose(query_id, "3")
        first = message.preview_url
        async with httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
            assert (await client.get(f"/chart.png?{urlsplit(first).query}")).status_code == 200
            telegram.press(-5001, message.message_id, "chart BTC 4h", ADA)
            await until(lambda: message.preview_url != first)
            assert (await client.get(f"/chart.png?{urlsplit(message.preview_url).query}")).status_code == 200
