"""@bot btc in any chat, a guest's message, and the buttons under what was chosen, by Telegram's own rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from conftest import ADA, ANONYMOUS, House, a_house, pressed, together, updated

from answers import inline
from clock import loop_time
from demo.telegram_html import parse
from demo.telegram_inline import content_of, results_of
from exchanges.table import EXCHANGES
from telegram.updates import chat_of, read_query, read_question

STRANGER = 666


def typed(text: str, user_id: int = ADA, changed: dict[str, Any] | None = None) -> dict[str, Any]:
    query = {"id": "q1", "from": {"id": user_id, "is_bot": False}, "query": text, "offset": ""}
    return {"update_id": 5, "inline_query": query | (changed or {})}


def called(text: str, user_id: int = ADA, changed: dict[str, Any] | None = None) -> dict[str, Any]:
    message = updated(text, user_id=user_id)["message"] | {"guest_query_id": "g1"}
    return {"update_id": 6, "guest_message": message | (changed or {})}


async def offered(house: House, text: str, user_id: int = ADA) -> list[dict[str, Any]]:
    """The results, each of which Telegram takes."""
    call = await house.bot.answer(typed(text, user_id))
    assert call is not None
    assert (call["method"], call["inline_query_id"]) == ("answerInlineQuery", "q1")
    assert 0 < call["cache_time"] <= 60
    return results_of(call)


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never was")


def n_asked(house: House) -> int:
    return sum(site.n_requests for site in house.world.sites.values())


async def test_a_coin_is_answered_in_the_list_itself() -> None:
    async with a_house() as house:
        truth = house.stop_at(1_763_906_602.0)
        price, funding, oi, *_ = await offered(house, "btc")
        last = truth.day("bybit", "BTC", "perp").last
        assert price["title"].startswith(f"BTC {last:,.2f}  -")
        assert price["description"].startswith("Bybit perp · 24h ")
        assert funding["title"] == f"BTC funding +{truth.funding_of('bybit', 'BTC')[0] * 100:.4f}%/8h"
        assert "next in " in funding["description"]
        assert oi["title"].startswith("BTC OI $")
        assert f"BTC {last:,.2f}" in parse(content_of(price).raw).text


async def test_typing_letter_by_letter_asks_once() -> None:
    """Cold, the first letters fetch a list that then holds the coin; warm, only the whole coin is asked for."""
    async with a_house() as house:
        assert (await offered(house, "bt"))[0]["title"].startswith("BTC ")
        await offered(house, "btc")
        assert n_asked(house) == 1
        await asyncio.sleep(60)
        for text in ("b", "bt", "btc", "btc"):
            await offered(house, text)
        assert n_asked(house) == 2


async def test_nothing_typed_asks_nobody() -> None:
    async with a_house() as house:
        assert [each["title"] for each in await offered(house, "")] == ["BTC", "ETH", "SOL"]
        assert n_asked(house) == 0


@pytest.mark.parametrize(
    ("text", "first"), [("funding eth", "ETH funding"), ("oi eth", "ETH OI"), ("/price eth", "ETH ")]
)
async def test_a_view_may_be_named(text: str, first: str) -> None:
    async with a_house() as house:
        assert (await offered(house, text))[0]["title"].startswith(first)


async def test_a_letter_alone_is_the_beginning_of_a_name() -> None:
    """Though f is short for funding, and p for price."""
    async with a_house() as house:
        assert {each["title"][0] for each in await offered(house, "f")} == {"F"}
        assert (await offered(house, "f btc"))[0]["title"].startswith("BTC funding")


@together(
    "text, name, views, place",
    [
        ("btc 4h", "btc", [], ("4h", "")),
        ("btc 1h chart", "btc", ["chart"], ("1h", "")),
        ("chart BTC 4h spot", "BTC", ["chart"], ("4h", "spot")),
        ("btc usdt", "btc-usdt", [], ("", "")),
        ("btc usd perp?", "btc-usd", [], ("", "perp")),
        ("price of btc please", "btc", ["price"], ("", "")),
        ("how is btc doing", "btc", [], ("", "")),
        ("btc funding?", "btc", ["funding"], ("", "")),
        ("btc liq", "btc", [], ("", "")),
        ("btc et", "et", [], ("", "")),
        ("the btc", "btc", [], ("", "")),
        ("btc on", "on", [], ("", "")),  # a coin of that name
        ("btc xyzzy", "btc", [], ("", "")),
        ("in", "in", [], ("", "")),  # INJ, perhaps
        ("spot", "spot", [], ("", "")),
        ("f", "f", ["funding"], ("", "")),
        ("OI", "", ["oi"], ("", "")),
        ("oi 4h", "", ["oi"], ("4h", "")),
        ("hi there", "there", [], ("", "")),
        ("", "", [], ("", "")),
    ],
)
def test_what_is_wanted(text: str, name: str, views: list[str], place: tuple[str, str]) -> None:
    assert inline.read(text, frozenset({"BTC", "ETH", "ON"})) == (name, views, place)


async def test_an_interval_and_a_kind_lead_on() -> None:
    async with a_house(WEBHOOK_URL="https://bot.example/webhook") as house:
        price, chart = await offered(house, "btc 4h spot")
        assert price["description"].startswith("Binance spot · 24h ")
        lines = [each.get("callback_data") for row in price["reply_markup"]["inline_keyboard"] for each in row]
        assert {"price BTC 4h spot", "analysis BTC 4h spot"} <= set(lines)
        assert (chart["title"], "4h chart" in content_of(chart).raw) == ("BTC chart 4h", True)
        assert [each["title"].split()[0] for each in await offered(house, "okb perp")] == ["OKB", "OKB"]
        assert (await offered(house, "btc perp"))[1]["title"].startswith("BTC funding")


async def test_a_coin_of_spot_only_and_one_that_nobody_lists() -> None:
    async with a_house() as house:
        assert [each["description"].split(" · ")[0] for each in await offered(house, "USDC")][:1] == ["Binance spot"]
        assert await offered(house, "QQQQQQ") == []


@pytest.mark.parametrize(
    "text", ["<b>", "💥 💥", "'; DROP", "a" * 300, "1e999", "btc-eur", "1000pepe-0", "币安人生", "@", "/", "\u202e"]
)
async def test_any_text_is_answered_by_what_telegram_takes(text: str, caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        await offered(house, text)
    assert "failed" not in caplog.text


async def test_a_coin_in_a_currency_of_spot_only() -> None:
    async with a_house() as house:
        assert (await offered(house, "btc-eur"))[0]["description"].startswith("Binance spot")


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_any_single_exchange(exchange: str) -> None:
    async with a_house(EXCHANGES=exchange) as house:
        assert (await offered(house, "btc"))[0]["title"].startswith("BTC ")


@pytest.mark.parametrize("fault", ["hang", "500"])
async def test_names_come_from_another_where_the_quick_one_fails(fault: str) -> None:
    async with a_house() as house:
        await house.world.set_fault("bybit", fault)
        assert [each["title"].split()[0] for each in await offered(house, "PEP")] == ["PEPE"]
        assert [each["title"].split()[0] for each in await offered(house, "BTC")][:1] == ["BTC"]


async def test_all_exchanges_hang() -> None:
    async with a_house() as house:
        for name in house.world.sites:
            await house.world.set_fault(name, "hang")
        began = asyncio.get_running_loop().time()
        assert await offered(house, "btc") == []
        assert asyncio.get_running_loop().time() - began <= 5.1


async def test_strangers_get_nothing_but_the_way_to_ask() -> None:
    async with a_house() as house:
        call = await house.bot.answer(typed("btc", STRANGER))
        assert call is not None
        assert results_of(call) == []
        assert call["button"] == {"text": "Ask the owner to let you in", "start_parameter": "inline"}
        assert call["is_personal"] is True
        assert n_asked(house) == 0


async def test_answers_are_personal_where_a_list_decides() -> None:
    async with a_house() as house, a_house(TELEGRAM_CHAT_ID="*") as open_house:
        calls = [await each.bot.answer(typed("btc")) for each in (house, open_house)]
        assert [call and call["is_personal"] for call in calls] == [True, False]


async def test_queries_are_counted_apart_from_commands() -> None:
    async with a_house(COMMANDS_PER_MINUTE="2") as house:
        answers = [await house.bot.answer(typed("")) for _ in range(13)]
        assert [len(call["results"]) for call in answers if call] == [3] * 12 + [0]
        assert "is the limit" not in await house.ask("/help")
        assert house.bot.metrics.updates.values["inline answered",] == 12
        assert house.bot.metrics.updates.values["inline too many",] == 1


async def test_telegram_plays_it_from_letter_to_button() -> None:
    """Typed, answered through the webhook, chosen in a group, a button pressed there, the message edited."""
    async with a_house() as house:
        telegram = house.world.telegram
        opened = {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret}
        telegram.execute("setWebhook", opened)
        query_id = telegram.ask_inline("btc", ADA, -5001)
        await until(lambda: telegram.offered(query_id) is not None)
        message = telegram.choose(query_id, "0")
        assert message.text.startswith("BTC ")
        telegram.press(-5001, message.message_id, "funding BTC", ADA)
        await until(lambda: "BTC funding" in message.text)
        assert message.inline_id


def inline_press(data: str, user_id: int = ADA) -> dict[str, Any]:
    callback = pressed(data, user_id=user_id)["callback_query"]
    del callback["message"]
    return {"update_id": 9, "callback_query": callback | {"inline_message_id": "AAA"}}


async def test_button_edits_the_inline_message() -> None:
    async with a_house() as house:
        call = await house.bot.answer(inline_press("oi BTC"))
        assert call is not None
        assert (call["method"], call["inline_message_id"]) == ("editMessageText", "AAA")
        assert "chat_id" not in call
        assert "BTC OI" in call["text"]


async def test_picture_is_not_uploaded_there() -> None:
    async with a_house() as house:
        call = await house.bot.answer(inline_press("chart BTC"))
        assert call is not None
        assert call["method"] == "editMessageText"
        assert "The picture itself is for a chat with me." in call["text"]


async def test_buttons_that_need_a_chat_are_left_out() -> None:
    async with a_house() as house:
        call = await house.bot.answer(inline_press("price BTC"))
        assert call is not None
        buttons = [each for row in call["reply_markup"]["inline_keyboard"] for each in row]
        assert [each["text"] for each in buttons if "copy_text" in each] == ["📋"]
        data = [each["callback_data"].split()[0] for each in buttons if "callback_data" in each]
        assert set(data) == {"price", "analysis", "cvd", "oi", "funding"}


@pytest.mark.parametrize("command", ["balance", "positions", "pnl", "status"])
async def test_accounts_are_told_nowhere_but_at_home(command: str) -> None:
    async with a_house(ACCOUNTS_IN_GROUPS="1") as house:
        call = await house.bot.answer(inline_press(command))
        assert call is not None
        assert call["method"] == "answerCallbackQuery"
        assert "in private" in call["text"]


async def test_strangers_press_in_vain() -> None:
    async with a_house() as house:
        call = await house.bot.answer(inline_press("price BTC", STRANGER))
        assert call is not None
        assert (call["method"], call["text"]) == ("answerCallbackQuery", "This bot does not know you.")


# Guests.


async def test_guest_gets_one_answer() -> None:
    async with a_house() as house:
        call = await house.bot.answer(called("@DemoMarketBot BTC funding"))
        assert call is not None
        assert (call["method"], call["guest_query_id"]) == ("answerGuestQuery", "g1")
        assert "BTC funding" in content_of(call["result"]).raw


async def test_guest_names_more_than_the_coin() -> None:
    async with a_house() as house:
        for text in ("BTC 4h", "price of btc please", "how is btc doing"):
            call = await house.bot.answer(called(f"@DemoMarketBot {text}"))
            assert call is not None
            assert content_of(call["result"]).raw.startswith("<b>BTC ")


async def test_guests_caller_counts_not_who_wrote() -> None:
    async with a_house() as house:
        for caller, is_answered in ((ADA, True), (STRANGER, False)):
            other = STRANGER if caller == ADA else ADA
            update = called("@DemoMarketBot BTC", other, {"guest_bot_caller_user": {"id": caller, "is_bot": False}})
            call = await house.bot.answer(update)
            assert call is not None
            assert content_of(call["result"]).raw.startswith("<b>BTC ") is is_answered


async def test_guest_that_speaks_as_a_chat_is_nobody() -> None:
    async with a_house(TELEGRAM_CHAT_ID=str(ANONYMOUS)) as house:
        speaker = {"sender_chat": {"id": -100, "type": "supergroup"}}
        assert await house.bot.answer(called("@DemoMarketBot BTC", ANONYMOUS, speaker)) is None


async def test_guest_without_an_answer_is_told_so() -> None:
    async with a_house() as house:
        call = await house.bot.answer(called("@DemoMarketBot QQQQQQ"))
        assert call is not None
        assert "Name a coin" in content_of(call["result"]).raw


async def test_telegram_plays_a_guest() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        opened = {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret}
        telegram.execute("setWebhook", opened)
        telegram.mention("@DemoMarketBot eth", user_id=ADA)
        await until(lambda: any(each.inline_id for each in telegram.messages.values()))
        assert [each.text[:4] for each in telegram.messages.values() if each.inline_id] == ["ETH "]


# Updates.


@together(
    "update",
    [
        typed("btc", changed={"from": None}),
        typed("btc", changed={"id": 7}),
        typed("btc", changed={"query": None}),
        called("BTC", changed={"guest_query_id": ""}),
        called("BTC", changed={"text": 5}),
        {"inline_query": 5, "guest_message": []},
    ],
)
def test_queries_that_are_none(update: dict[str, Any]) -> None:
    assert read_query(update) is None


def test_query_is_without_our_name() -> None:
    query = read_query(called("hello @DemoMarketBot /price BTC"))
    assert query is not None
    assert query.text.split() == ["hello", "/price", "BTC"]
    assert chat_of(typed("b")) == chat_of(typed("bt")) == ("query", ADA)


def test_another_bots_words_are_no_question() -> None:
    """Two bots that answer would talk for ever; an anonymous administrator speaks by @GroupAnonymousBot."""
    bots = updated("/price BTC", chat_id=-100)
    bots["message"]["from"] = {"id": 1, "is_bot": True}
    assert read_question(bots, 0) is None
    bots["message"]["sender_chat"] = {"id": -100, "type": "supergroup"}
    assert read_question(bots, 0) is not None


def test_own_words_are_no_question() -> None:
    """What was sent by way of a bot comes back as a message where that bot is."""
    assert read_question(updated("/price BTC", via_bot={"id": 1, "is_bot": True}), 0) is None
    assert read_question(updated("/price BTC"), 0) is not None


def test_matches_are_the_shortest_first() -> None:
    known = frozenset({"BTC", "BTCDOM", "BT", "ETH", "WBTC"})
    assert inline.matching("bt", known) == ["BT", "BTC", "BTCDOM"]


@pytest.mark.no_cover
async def test_query_takes_one_round_trip() -> None:
    """Of 80 ms to every exchange, each time everything forgotten; nothing is asked in turn."""
    async with a_house() as house:
        await offered(house, "x")
        house.world.set_latency(0.08)
        took, coins = [], ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK")
        for text in (each for coin in coins for each in (coin[:2], coin)):
            await house.later()
            began, before = loop_time(), n_asked(house)
            await offered(house, text)
            took.append(loop_time() - began)
            assert n_asked(house) - before == 1
        assert min(took) > 0.07
        assert sorted(took)[len(took) // 2] < 0.15
