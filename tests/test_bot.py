"""What the bot says, to whom; and polling, against the offline Telegram."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from conftest import A_CHANNELS, ADA, ANONYMOUS, Answers, House, a_house, pressed, spoken, together, updated

import bot as bot_module
import settings
from answers import help as of_help
from answers.asked import Tools
from answers.command import Command
from answers.conditions import read_condition
from bot import COMMAND_S, COMMANDS, Bot
from demo.telegram import Refused
from demo.telegram_html import parse
from exchanges import table
from render.message import Answer
from telegram import webhook
from telegram.api import TelegramAPI, TelegramError
from telegram.introduction import introduce_to
from telegram.limiter import Limiter, Told
from telegram.polling import Poller
from telegram.replies import plain_text
from telegram.sign import TYPING_AFTER_S, TYPING_EVERY_S
from telegram.updates import ALLOWED_UPDATES

GROUP = -1009


# Commands.


async def test_price_in_private() -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated("/price btc"))
        assert call is not None
        assert (call["method"], call["chat_id"], call["parse_mode"]) == ("sendMessage", ADA, "HTML")
        assert "reply_parameters" not in call
        acts, neighbours = call["reply_markup"]["inline_keyboard"]
        assert acts == [
            {"text": "🔄", "callback_data": "price BTC"},
            {"text": "📈 Chart", "callback_data": "chart BTC"},
            {"text": "🔔 Alert", "callback_data": "+alert BTC"},
            {"text": "⭐", "callback_data": "+watch add BTC"},
            {"text": "📋", "copy_text": {"text": call["text"].split("<b>BTC ")[1].split("</b>")[0].replace(",", "")}},
        ]
        assert [button["text"] for button in neighbours] == ["Analysis", "CVD", "OI", "Funding"]
        text = parse(call["text"]).text
        for word in ("BTC ", "24h ", "1h ", "7d ", "30d ", "bid ", "ask ", "perp ", " spot", "vol ", "OI    $"):
            assert word in text
        for word in ("fund  ", "%/8h", "%/y", " pay in ", "basis", "Binance · ", " UTC"):
            assert word in text


async def test_price_of_several() -> None:
    async with a_house() as house:
        text = await house.ask("/price BTC, eth;SOL btcusdt NOPE ADA")
        assert [text.count(f"\n{base} ") + text.count(f">{base} ") for base in ("BTC", "ETH", "SOL")] == [1, 1, 1]
        assert f"Not listed on any of {len(table.EXCHANGES)} exchanges: NOPE." in text
        assert "At most 5 symbols at once" in text
        assert "ADA" not in text


async def test_price_without_symbol_and_with_junk() -> None:
    async with a_house() as house:
        assert "Which symbol?" in await house.ask("/price")
        assert await house.ask("/price <b>&") == "“&lt;b&gt;&amp;” is not a symbol. Try BTC, or BTC-USDT."


async def test_help_is_made_of_the_table() -> None:
    async with a_house() as house:
        text = parse(await house.ask("/help")).text
        for name, command in COMMANDS.items():
            assert f"/{name}" in text.split()
            told = parse(await house.ask(f"/help {name}")).text
            assert told.startswith(f"/{name} {command.usage}".rstrip())
            assert command.summary[1:] in told
        assert len(text.splitlines()) <= 16


@together("name", COMMANDS)
def test_every_command_has_its_file(name: str) -> None:
    """It is imported when it is asked; that there is one is seen here."""
    file = COMMANDS[name].file
    assert all(callable(each) for each in (file.command, file.ask, file.show))


@pytest.mark.parametrize("words", ["volume", "/volume", "vol", "VOLUME BTC"])
async def test_help_of_one_command(words: str) -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated(f"/help {words}"))
        assert call is not None
        assert parse(call["text"]).text.startswith("/volume SYMBOL [15m] [spot]")
        assert buttons_of(call)[0] == ("/volume BTC", "volume BTC")
        assert ("All commands", "help") in buttons_of(call)


async def test_help_of_alerts_tells_what_is_understood() -> None:
    for words in of_help.OF_POSITIONS + tuple(
        f"BTC {each} {ending}" for each in of_help.CONDITIONS for ending in of_help.ENDINGS
    ):
        assert read_condition(words, table.EXCHANGES).rule.measure
    async with a_house() as house:
        assert "<code>funding &gt; 0.05</code>" in await house.ask("/help alert")
        assert "Intervals" not in await house.ask("/help liq")  # which has windows of its own
        assert "Intervals: 1m, 3m" in await house.ask("/help cvd")


async def test_start_says_what_for_and_what_to_press() -> None:
    async with a_house() as house:
        call = await house.bot.answer(updated("/start"))
        assert call is not None
        assert call["text"] == f"Crypto markets from {len(table.EXCHANGES)} exchanges.\nType a coin: btc, eth, sol"
        assert [label for label, _ in buttons_of(call)] == ["BTC", "ETH", "SOL", "🔥 Volume", "💸 Funding", "🏆 Top"]
    async with a_house(EXCHANGES="okx") as house:
        assert "from OKX." in await house.ask("/start")


def buttons_of(call: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and command line of each button."""
    rows = call["reply_markup"]["inline_keyboard"]
    return [(each["text"], each["callback_data"]) for row in rows for each in row]


async def test_every_answer_of_the_demo_says_simulated() -> None:
    async with a_house() as house:
        demo_settings = settings.load({**house.world.environ, "TELEGRAM_CHAT_ID": "*"}, table.EXCHANGES, is_demo=True)
        bot = Bot(demo_settings, house.bot.market, house.bot.accounts)
        for text in ("/start", "/help", "/price BTC", "/price", "/price NOPE", "/price 🚀", "hello", "/nope"):
            call = await bot.answer(updated(text))
            assert call is not None
            assert "SIMULATED" in parse(call["text"]).text
        toast = await bot.answer(pressed("nonsense"))
        assert toast is not None
        assert "SIMULATED" in toast["text"]


# Where and who.


async def test_unknown_text_helps_in_private_only() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        assert await house.ask("/nope") == "I do not know that command."
        assert await house.ask("what should I do with all of it") == "Type a coin, such as BTC, or /help."
        for text in ("/nope", "hello", "/price_", ""):
            assert await house.bot.answer(updated(text, chat_id=GROUP)) is None


async def test_group_commands_by_name() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        for text in ("/price BTC", "/price@DemoMarketBot BTC", "/PRICE@demomarketbot BTC"):
            call = await house.bot.answer(updated(text, chat_id=GROUP))
            assert call is not None
            assert call["chat_id"] == GROUP
            assert call["reply_parameters"] == {"message_id": 41, "allow_sending_without_reply": True}
        assert await house.bot.answer(updated("/price@OtherBot BTC", chat_id=GROUP)) is None
        assert await house.bot.answer(updated("/price@OtherBot BTC")) is None


async def test_group_command_by_name_while_telegram_is_down() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        await house.world.telegram_site.set_fault("refuse")
        assert await house.bot.answer(updated("/price@DemoMarketBot BTC", chat_id=GROUP)) is not None


async def test_topic_is_answered_in_the_topic() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        in_topic = await house.bot.answer(
            updated("/price BTC", chat_id=GROUP, message_thread_id=7, is_topic_message=True)
        )
        in_thread = await house.bot.answer(updated("/price BTC", chat_id=GROUP, message_thread_id=7))
        assert in_topic is not None
        assert in_thread is not None
        assert in_topic["message_thread_id"] == 7
        assert "message_thread_id" not in in_thread


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"update_id": 1},
        {"update_id": 1, "edited_message": updated("/price BTC")["message"]},
        {"update_id": 1, "channel_post": updated("/price BTC")["message"]},
        {"update_id": 1, "my_chat_member": {"chat": {"id": 1}}},
        {"update_id": 1, "message": {"message_id": 1, "chat": {"id": ADA, "type": "private"}, "photo": []}},
        {"update_id": 1, "message": {"text": "/price BTC"}},
        {"update_id": 1, "message": 5},
        {"update_id": 1, "message": {"text": 7, "chat": {"id": ADA}}},
        {"update_id": 1, "message": {"text": "/price", "chat": {"id": "x"}}},
        {"update_id": 1, "callback_query": {"id": "1", "data": "price BTC"}},
        {"update_id": 1, "callback_query": {"id": "1", "message": {"chat": {"id": ADA}}}},
        {"update_id": 1, "inline_query": {"id": "1", "query": "BTC"}},
    ],
)
async def test_other_updates_are_passed_over(update: dict[str, Any]) -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        assert await house.bot.answer(update) is None


async def test_access() -> None:
    async with a_house(TELEGRAM_CHAT_ID=f"{ADA},{GROUP}") as house:

        async def says(**who: int) -> str | None:
            call = await house.bot.answer(updated("/help", **who))
            return None if call is None else str(call["text"])

        assert "/price" in (await says() or "")
        assert "/price" in (await says(chat_id=-5, user_id=ADA) or "")  # a listed user, anywhere
        assert "/price" in (await says(chat_id=GROUP, user_id=77) or "")  # anybody, in a listed chat
        assert await says(chat_id=-5, user_id=77) is None
        refusal = await says(chat_id=77, user_id=77) or ""
        assert "<code>77</code>" in refusal
        assert "/price" not in refusal


async def test_who_speaks_as_a_chat_is_no_listed_user() -> None:
    """Nor is a listed group one where it is not; and Telegram's own bots are the same in every group."""
    async with a_house(TELEGRAM_CHAT_ID=f"{GROUP},{ANONYMOUS},{A_CHANNELS}", ACCOUNTS_IN_GROUPS="1") as house:
        assert [await house.bot.answer(spoken("/help", 1, -5, by)) for by in (None, GROUP, -7)] == [None] * 3
        for by in (None, GROUP, -7):
            for command in ("status", "balance"):
                call = await house.bot.answer(spoken(f"/{command}", 2, GROUP, by)) or {}
                assert str(call.get("text")).startswith("Only users who are listed by their own id")


async def test_empty_list_is_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house(TELEGRAM_CHAT_ID="") as house:
        assert "TELEGRAM_CHAT_ID" in await house.ask("/price BTC")
        assert house.world.sites["BINANCE_SPOT"].n_requests == 0
        bot_module.warn_of_nobody(house.settings)
        assert "nobody may ask" in caplog.text


# Buttons.


async def test_refresh_edits_the_message() -> None:
    async with a_house() as house:
        call = await house.bot.answer(pressed("price BTC"))
        assert call is not None
        assert (call["method"], call["chat_id"], call["message_id"]) == ("editMessageText", ADA, 9)
        assert call["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "price BTC"
        assert ("answerCallbackQuery", {"callback_query_id": "77"}) in house.world.telegram.calls


async def test_spinner_stays_until_the_answer_is_there() -> None:
    """OKX takes half a second: the callback is answered after that, not before."""
    async with a_house(EXCHANGES="okx") as house:
        house.world.sites["OKX"].latency_s = 0.5
        asking = asyncio.ensure_future(house.bot.answer(pressed("price BTC")))
        await asyncio.sleep(0.05)
        methods = [method for method, _ in house.world.telegram.calls]
        assert "answerCallbackQuery" not in methods
        assert (await asking or {})["method"] == "editMessageText"
        assert ("answerCallbackQuery", {"callback_query_id": "77"}) in house.world.telegram.calls


async def test_unchanged_answer_says_so() -> None:
    """The press's own answer is the note: one call, and no edit that Telegram would refuse."""
    async with a_house() as house:
        house.stop_at(1_763_906_602.0)
        shown = await house.bot.answer(updated("/price BTC"))
        assert shown is not None
        again = pressed("price BTC")
        again["callback_query"]["message"] |= {
            "text": parse(shown["text"]).text,
            "reply_markup": shown["reply_markup"],
        }
        toast = await house.bot.answer(again)
        assert toast == {"method": "answerCallbackQuery", "callback_query_id": "77", "text": "Unchanged."}
        assert "answerCallbackQuery" not in [method for method, _ in house.world.telegram.calls]
        again["callback_query"]["message"]["text"] = "older figures"
        edit = await house.bot.answer(again)
        assert edit is not None
        assert edit["method"] == "editMessageText"


async def test_refresh_while_telegram_is_down() -> None:
    async with a_house() as house:
        await house.world.telegram_site.set_fault("refuse")
        call = await house.bot.answer(pressed("price BTC"))
        assert call is not None
        assert call["method"] == "editMessageText"


@pytest.mark.parametrize("data", ["", "nonsense", "drop table", "../price", "/price BTC", "x" * 64])
async def test_forged_buttons(data: str) -> None:
    async with a_house() as house:
        call = await house.bot.answer(pressed(data))
        assert call is not None
        assert call["method"] == "answerCallbackQuery"
        assert "out of date" in call["text"]


async def test_buttons_of_strangers() -> None:
    async with a_house() as house:
        call = await house.bot.answer(pressed("price BTC", chat_id=GROUP, user_id=77))
        assert call == {
            "method": "answerCallbackQuery",
            "callback_query_id": "77",
            "text": "This bot does not know you.",
        }


# Limits.


def test_limiter_says_how_long_and_recovers() -> None:
    limiter = Limiter(3)
    assert [limiter.count(1, 0) for _ in range(5)] == [0, 0, 0, 20, 20]
    assert limiter.count(2, 0) == 0
    assert limiter.count(1, 15) == pytest.approx(5)
    assert [limiter.count(1, 20), limiter.count(1, 20)] == [0, pytest.approx(20)]
    assert [limiter.count(1, 999) for _ in range(4)] == [0, 0, 0, 20]


def test_who_was_told_by_a_clock_that_was_ahead_is_told_again() -> None:
    told = Told(60.0)
    assert [told.is_told(1, now) for now in (3600.0, 3610.0, 10.0, 20.0, 71.0)] == [False, True, False, True, False]


def test_limiter_forgets_the_oldest_users() -> None:
    limiter = Limiter(1, max_users=2)
    assert [limiter.count(user, 0) for user in (1, 2, 3, 2, 1)] == [0, 0, 0, 60, 0]


async def test_limit_in_chat() -> None:
    async with a_house(COMMANDS_PER_MINUTE="2") as house:
        answers = [await house.bot.answer(updated("/help")) for _ in range(5)]
        told = "2 a minute is the limit. Next one in 30 s."
        assert [call and call["text"] for call in answers[2:]] == [told] * 3
        toast = await house.bot.answer(pressed("price BTC"))
        assert toast == {"method": "answerCallbackQuery", "callback_query_id": "77", "text": told}


async def test_limit_of_chats_that_speak() -> None:
    async with a_house(COMMANDS_PER_MINUTE="1", TELEGRAM_CHAT_ID="-100,-200") as house:
        asked = [(-100, None), (-100, None), (-200, None), (-100, -7), (-200, -7), (-100, -8)]
        calls = [await house.bot.answer(spoken("/help", n, chat_id, by)) for n, (chat_id, by) in enumerate(asked, 1)]
        told = ["limit" in str(call and call["text"]) for call in calls]
        assert told == [False, True, False, False, True, False]


async def test_old_questions_are_not_answered() -> None:
    async with a_house() as house:
        late = [await house.bot.answer(updated("/price BTC", date=int(house.wall()) - 7300)) for _ in range(3)]
        assert [call and call["text"] for call in late] == [
            "Your question is 2h01 old: it reached me only now. Please ask again.", None, None,
        ]  # fmt: skip
        assert house.bot.n_stale == 3
        assert await house.bot.answer(updated("/price BTC", date=int(house.wall()) - 800)) is not None


@asynccontextmanager
async def a_command(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Awaitable[Answer]]) -> AsyncIterator[House]:
    monkeypatch.setitem(COMMANDS, "test", Command(Answers(run), "", "a test"))
    async with a_house() as house:
        yield house


async def test_without_a_file_descriptor_the_answer_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(tools: Tools, asked: None) -> Answer:
        raise OSError(errno.EMFILE, "Too many open files")

    async with a_command(monkeypatch, full) as house:
        assert await house.ask("/test") == "Too much is open here just now. Please try again in a minute."
    (said,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert said.getMessage() == "the command failed: [Errno 24] Too many open files"
    assert not said.exc_info


async def test_typing_while_a_command_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:

    async def slow(tools: Tools, asked: None) -> Answer:
        await asyncio.sleep(TYPING_AFTER_S + TYPING_EVERY_S + 0.1)
        return Answer("done")

    async with a_command(monkeypatch, slow) as house:
        assert await house.ask("/test", message_thread_id=7, is_topic_message=True) == "done"
        actions = [params for method, params in house.world.telegram.calls if method == "sendChatAction"]
        assert len(actions) >= 2
        assert actions[0] == {"chat_id": ADA, "action": "typing", "message_thread_id": 7}
        n_actions = len(actions)
        await house.ask("/help")
        await asyncio.sleep(60)
        actions = [params for method, params in house.world.telegram.calls if method == "sendChatAction"]
        assert len(actions) == n_actions


async def test_command_that_never_ends(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:

    async def never(tools: Tools, asked: None) -> Answer:
        await asyncio.sleep(60)
        return Answer("")

    async with a_command(monkeypatch, never) as house:
        assert "too long" in await house.ask("/test")
        assert "no answer within" in caplog.text


@pytest.mark.parametrize("update", [updated("/test@SomeBot"), pressed("test")], ids=["addressed", "button"])
async def test_a_commands_seconds_count_from_its_update(monkeypatch: pytest.MonkeyPatch, update: Any) -> None:
    """Learning our name and ending a button's spinner are among them."""

    async def never(tools: Tools, asked: None) -> Answer:
        await asyncio.sleep(60)
        return Answer("")

    async def slow() -> None:
        await asyncio.sleep(0.9)

    async with a_command(monkeypatch, never) as house:
        monkeypatch.setattr(house.bot, "learn_username", slow)
        began = asyncio.get_running_loop().time()
        assert await house.bot.answer(update) is not None
        assert 7.5 < asyncio.get_running_loop().time() - began <= COMMAND_S + 0.05


async def test_command_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(tools: Tools, asked: None) -> Answer:
        raise RuntimeError("the private reason")

    async with a_command(monkeypatch, fails) as house:
        text = await house.ask("/test")
        assert "private reason" not in text
        assert "private reason" in caplog.text


# The webhook.


async def test_register() -> None:
    """The menu only where it differs; the webhook always, as its secret cannot be compared."""
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        assert house.bot.api is not None
        await webhook.register(house.bot.api, house.settings, bot_module.introduction(house.settings))
        telegram = house.world.telegram
        assert telegram.webhook["url"] == "http://127.0.0.1:1/webhook"
        assert telegram.webhook["secret_token"] == house.settings.webhook_secret
        assert telegram.webhook["allowed_updates"] == ALLOWED_UPDATES
        assert telegram.commands == bot_module.menu(is_listed=False)
        n_calls = len(telegram.calls)
        await webhook.register(house.bot.api, house.settings, bot_module.introduction(house.settings))
        assert [method for method, _ in telegram.calls[n_calls:]] == [
            *("getWebhookInfo", "setWebhook", *["getMyCommands"] * 4, "getMyDescription"),
            "getMyShortDescription",
        ]


def names(menu: list[dict[str, str]]) -> set[str]:
    return {each["command"] for each in menu}


async def test_menus_by_scope() -> None:
    """Groups and strangers do not see what they would be refused; listed users do, where they ask."""
    private = {"balance", "positions", "pnl", "status"}
    async with a_house(TELEGRAM_CHAT_ID=f"{ADA},{GROUP}", WEBHOOK_URL="http://127.0.0.1:1") as house:
        assert house.bot.api is not None
        await webhook.register(house.bot.api, house.settings, bot_module.introduction(house.settings))
        telegram = house.world.telegram
        assert names(telegram.menu_in(GROUP, ADA)) == names(telegram.menu_in(77, 77)) == set(COMMANDS) - private
        assert names(telegram.menu_in(ADA, ADA)) == set(COMMANDS)
        assert names(telegram.menu_in(GROUP, ADA, "de", is_admin=True)) == set(COMMANDS) - private


async def test_menu_that_was_left_for_groups_is_replaced() -> None:
    """A narrower scope stands before the default: what another program set there would be shown for ever."""
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        assert house.bot.api is not None
        telegram = house.world.telegram
        for scope in ("all_group_chats", "all_private_chats"):
            old = {"commands": [{"command": "balance", "description": "x"}], "scope": {"type": scope}}
            telegram.execute("setMyCommands", old)
        await introduce_to(house.bot.api, bot_module.introduction(house.settings))
        assert "balance" not in names(telegram.menu_in(GROUP, ADA)) | names(telegram.menu_in(77, 77))


async def test_descriptions_of_an_empty_chat() -> None:
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        assert house.bot.api is not None
        telegram, how = house.world.telegram, bot_module.introduction(house.settings)
        await webhook.register(house.bot.api, house.settings, how)
        sources = f"from {len(table.EXCHANGES)} exchanges"
        assert f"straight {sources}" in telegram.texts["description"]
        assert telegram.texts["short_description"] == f"Crypto markets {sources}: type a coin."
        telegram.texts["description"] = "changed at BotFather"
        await introduce_to(house.bot.api, how)
        assert telegram.texts["description"] == how.description


async def test_menu_of_a_user_without_a_chat_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house() as house:
        api = house.bot.api
        assert api is not None
        honest = api.call

        async def no_chat(method: str, params: Any = None, **more: Any) -> Any:
            if method == "setMyCommands" and "chat_id" in params.get("scope", {}):
                raise TelegramError(method, 400, "Bad Request: chat not found")
            return await honest(method, params, **more)

        monkeypatch.setattr(api, "call", no_chat)
        await introduce_to(api, bot_module.introduction(house.settings))
        assert house.world.telegram.texts["short_description"]


async def test_register_a_changed_secret() -> None:
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        assert house.bot.api is not None
        await webhook.register(house.bot.api, house.settings, bot_module.introduction(house.settings))
        changed = house.settings._replace(webhook_secret="another")
        await webhook.register(house.bot.api, changed, bot_module.introduction(changed))
        assert house.world.telegram.webhook["secret_token"] == "another"


async def test_webhook_set_info_delete(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_house(WEBHOOK_URL="http://127.0.0.1:1") as house:
        telegram = house.world.telegram

        async def run(action: str, drop_pending: bool = False) -> tuple[int, str]:
            how = bot_module.introduction(house.settings)
            code = await webhook.look_after_webhook(house.settings, action, how, drop_pending=drop_pending)
            return code, capsys.readouterr().out

        assert (await run("info"))[0] == 1
        code, out = await run("set")
        assert (code, out.splitlines()[0]) == (0, "url      http://127.0.0.1:1/webhook")
        telegram.send("/help")
        assert (await run("delete"))[0] == 0
        assert (telegram.webhook["url"], telegram.n_pending) == ("", 1)
        await run("delete", drop_pending=True)
        assert telegram.n_pending == 0
        await house.world.telegram_site.set_fault("refuse")
        assert (await run("info"))[0] == 1


async def test_webhook_set_needs_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_house() as house:
        how = bot_module.introduction(house.settings)
        assert await webhook.look_after_webhook(house.settings, "set", how, drop_pending=False) == 2
        assert "WEBHOOK_URL" in capsys.readouterr().err


# Polling.


@asynccontextmanager
async def a_poller(house: House) -> AsyncIterator[list[float]]:
    """Polls inside; gives the list of back-offs that were slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0.001)

    assert house.bot.api is not None
    stopped = asyncio.Event()
    polling = asyncio.ensure_future(Poller(house.bot.answer, house.bot.api, 20, sleep).run(stopped))
    try:
        yield slept
    finally:
        stopped.set()
        await polling


def said(house: House) -> list[str]:
    return [message.text for message in house.world.telegram.messages.values() if message.of_bot]


async def test_polling_answers_and_confirms() -> None:
    async with a_house() as house:
        for text in ("/start", "/price BTC"):
            house.world.telegram.send(text)
        async with a_poller(house):
            await house.world.telegram.settle()
        assert len(said(house)) == 2
        assert said(house)[1].startswith("BTC ")


async def test_polling_confirms_only_after_the_answer() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        telegram.send("/help")
        answered = asyncio.Event()

        async def never(call: dict[str, Any]) -> bool:
            answered.set()
            await asyncio.sleep(60)
            return True

        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 20)
        poller.send = never  # type: ignore[method-assign]
        polling = asyncio.ensure_future(poller.run(asyncio.Event()))
        await answered.wait()
        assert telegram.n_pending == 1
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        async with a_poller(house):
            await telegram.settle()
        assert len(said(house)) == 1


async def test_polling_order_per_chat() -> None:
    async with a_house() as house:
        for number in range(6):
            house.world.telegram.send(f"/nope{number}" if number % 2 else "/help", chat_id=ADA)
        async with a_poller(house):
            await house.world.telegram.settle()
        assert [text.startswith("I do not know") for text in said(house)] == [False, True] * 3


@pytest.mark.parametrize(
    ("refusal", "wait_s"),
    [
        (Refused(429, "Too Many Requests: retry after 7", retry_after=7), 7),
        (Refused(502, "Bad Gateway"), 1),
        (Refused(409, "Conflict: terminated by other getUpdates request"), 1),
        (Refused(429, "Too Many Requests: retry after 999", retry_after=999), 60),
    ],
)
async def test_polling_survives(refusal: Refused, wait_s: float, caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        house.world.telegram.fail_next.append(refusal)
        house.world.telegram.send("/help")
        async with a_poller(house) as slept:
            await house.world.telegram.settle()
        assert slept[0] == wait_s
        assert ("Another poller" if refusal.code == 409 else refusal.description) in caplog.text
        assert len(said(house)) == 1


async def test_polling_survives_a_broken_network(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        await house.world.telegram_site.set_fault("refuse")
        async with a_poller(house) as slept:
            await asyncio.sleep(0.1)
            await house.world.telegram_site.set_fault("")
            house.world.telegram.send("/help")
            await house.world.telegram.settle()
        assert slept[:3] == [1, 2, 4]
        assert "no connection" in caplog.text
        assert house.settings.token not in caplog.text


async def test_polling_ends_when_the_token_is_refused() -> None:
    async with a_house() as house:
        assert house.bot.api is not None
        api = TelegramAPI("123456:TEST-wrong", house.transport, house.settings.telegram_url)
        with pytest.raises(TelegramError, match="401"):
            await Poller(house.bot.answer, api, 20).run(asyncio.Event())


async def test_refused_html_is_resent_as_plain_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def bad(tools: Tools, asked: None) -> Answer:
        return Answer("<b>1 < 2</b> &amp; &lt;3")

    async with a_command(monkeypatch, bad) as house:
        house.world.telegram.send("/test")
        async with a_poller(house):
            await house.world.telegram.settle()
        assert said(house) == ["1 < 2 & <3"]
        assert "<b>1 < 2</b>" in caplog.text


@pytest.mark.parametrize(
    ("refusals", "n_said", "logged"),
    [
        ([Refused(403, "Forbidden: bot was blocked by the user")], 0, "could not be delivered"),
        ([Refused(429, "Too Many Requests", retry_after=3)] * 2, 1, "sent again in 3 s"),
        ([Refused(502, "Bad Gateway")] * 9, 1, "sent again in 30 s"),
        ([Refused(502, "Bad Gateway")] * 40, 0, "could not be delivered"),  # after a quarter of an hour
        ([Refused(500, "Internal")] * 4, 1, "sent again in 8 s"),
        ([Refused(500, "Internal")] * 9, 0, "could not be delivered"),  # after half a minute: it may be this very one
        ([Refused(429, "Too Many Requests", retry_after=3600)], 0, "could not be delivered"),
        ([Refused(400, "Bad Request: message is not modified: exactly the same")], 0, ""),
        ([Refused(400, "group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1005)], 1, ""),
    ],
)
async def test_sending(refusals: list[Refused], n_said: int, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 20, lambda seconds: asyncio.sleep(0))
        house.world.telegram.fail_next += refusals
        await poller.send({"method": "sendMessage", "chat_id": ADA, "text": "hello"})
        assert len(said(house)) == n_said
        assert logged in caplog.text
        assert bool(logged) == bool(caplog.records)


async def test_stop_while_an_answer_cannot_be_sent_leaves_it_unconfirmed() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        telegram.send("/help")
        await house.world.telegram_site.set_fault("")
        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 20)
        stopped = asyncio.Event()
        updates = await telegram.get_updates({})
        telegram.fail_next += [Refused(429, "Too Many Requests", retry_after=20)] * 3
        poller.stopped = stopped
        poller.take_in(updates)
        await asyncio.sleep(0.1)
        stopped.set()
        async with asyncio.timeout(2):
            await poller.finish()
        assert poller.offset == updates[0]["update_id"]
        assert said(house) == []


async def test_strangers_in_groups_cost_nothing() -> None:
    async with a_house() as house:
        for name in ("DemoMarketBot", "OtherBot"):
            assert await house.bot.answer(updated(f"/price@{name} BTC", chat_id=GROUP, user_id=77)) is None
        assert house.world.telegram.calls == []


@pytest.mark.parametrize(
    "update",
    [
        updated("/help", date=10**400),
        updated("/help", message_thread_id=10**30, is_topic_message=True),
        {"update_id": 10**60, "message": updated("/help")["message"]},
    ],
)
async def test_huge_numbers(update: dict[str, Any]) -> None:
    async with a_house() as house:
        assert orjson.dumps(await house.bot.answer(update))


@pytest.mark.parametrize("callback_id", ["", 7, None, "\ud800", "x" * 65, "a b"])
async def test_buttons_with_odd_ids(callback_id: Any) -> None:
    async with a_house() as house:
        update = pressed("price BTC")
        update["callback_query"]["id"] = callback_id
        assert await house.bot.answer(update) is None


def test_plain_text() -> None:
    assert plain_text('<b>a</b> &lt;b&gt; &amp;lt; <a href="x">&quot;c&quot;</a>') == 'a <b> &lt; "c"'


async def test_poll_leaves_a_webhook_alone_unless_asked(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house() as house:
        caplog.set_level(logging.INFO)
        house.world.telegram.webhook = {"url": "http://127.0.0.1:1/webhook"}
        assert await bot_module.poll(house.settings, delete_webhook=False) == 1
        assert "--delete-webhook" in caplog.text
        house.world.telegram.send("/help")
        polling = asyncio.ensure_future(bot_module.poll(house.settings, delete_webhook=True))
        await house.world.telegram.settle()
        signal.raise_signal(signal.SIGTERM)
        assert await polling == 0
        assert house.world.telegram.webhook["url"] == ""
        assert len(said(house)) == 1


async def test_poll_waits_for_telegram_and_stops_meanwhile() -> None:
    async with a_house() as house:
        await house.world.telegram_site.set_fault("refuse")
        polling = asyncio.ensure_future(bot_module.poll(house.settings, delete_webhook=False))
        await asyncio.sleep(0.1)
        signal.raise_signal(signal.SIGINT)
        assert await polling == 0


async def test_poll_with_a_wrong_token(caplog: pytest.LogCaptureFixture) -> None:
    async with a_house(TELEGRAM_BOT_TOKEN="123456:TEST-wrong-one") as house:
        assert await bot_module.poll(house.settings, delete_webhook=False) == 1
        assert "TELEGRAM_BOT_TOKEN" in caplog.text
        assert "TEST-wrong-one" not in caplog.text


def test_main_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    assert bot_module.main([]) == 2
    assert "TELEGRAM_BOT_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("PORT", "x")
    assert bot_module.main([]) == 2
    assert "PORT" in capsys.readouterr().err
    assert [bot_module.main(["--help"]), bot_module.main(["--nonsense"])] == [0, 2]


def test_main_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    async def poll(settings: settings.Settings, *, delete_webhook: bool) -> int:
        asked.append(delete_webhook)
        return 0

    monkeypatch.setattr(bot_module, "poll", poll)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:TEST-abcdefgh")
    assert [bot_module.main(arguments) for arguments in ([], ["--delete-webhook"])] == [0, 0]
    assert asked == [False, True]


async def test_button_under_a_message_that_may_not_be_edited() -> None:
    """Telegram gives such a message the date 0; the answer is a new one."""
    async with a_house() as house:
        update = pressed("price BTC")
        update["callback_query"]["message"]["date"] = 0
        call = await house.bot.answer(update)
        assert call is not None
        assert (call["method"], call["chat_id"]) == ("sendMessage", ADA)
        assert "message_id" not in call
