"""The offline Telegram as a witness: it reads HTML, refuses calls and brings updates as Telegram does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conftest import together

from demo.telegram import Refused, Telegram
from demo.telegram_html import BadHTML, parse
from demo.telegram_inline import CACHE_S
from demo.telegram_limits import ChatLimits


@together(
    "raw, text",
    [
        ("plain", "plain"),
        ("<b>a</b> <i>b</i>", "a b"),
        ("<B>a</b>", "a"),
        ("a > b & c", "a > b & c"),
        ("&lt;&gt;&amp;&quot;&#39;&#x1F600;", "<>&\"'😀"),
        ("&nbsp;&mdash;", "&nbsp;&mdash;"),
        ("<b>a<i>b</></b>", "ab"),
        ('<pre><code class="language-x">a</code></pre>', "a"),
        ("<blockquote expandable>a</blockquote>", "a"),
        ('<a href="https://x.example">a</a>', "a"),
        ('<span class="tg-spoiler">a</span>', "a"),
        ('<tg-time unix="1700000000" format="wDT">a</tg-time>', "a"),
        ("<tg-time unix=1700000000>a</tg-time>", "a"),
        ("  a  ", "a"),
        ("x" * 4096, "x" * 4096),
        ("🚀" * 4096, "🚀" * 4096),
    ],
)
def test_html_that_telegram_takes(raw: str, text: str) -> None:
    assert parse(raw).text == text


@together(
    "raw, words",
    [
        ("price < 5", 'Unsupported start tag "" at byte offset 6'),
        ("a <5", 'Unsupported start tag "5" at byte offset 2'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("é<b", "Unclosed start tag at byte offset 2"),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>a</b></i>", 'expected "</i>", found "</b>"'),
        ("a</b>", "Unexpected end tag"),
        ("a<br>b", 'Unsupported start tag "br"'),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler"'),
        ("</b", "Unclosed end tag"),
        ('<tg-time format="r">a</tg-time>', 'Tag "tg-time" must have attribute "unix"'),
        ('<tg-time unix="1" format="x">a</tg-time>', 'a known "format"'),
        ('<a href="x>a</a>', "Unclosed attribute value"),
        ("", "message text is empty"),
        ("<b> </b>", "text must be non-empty"),
        ("x" * 4097, "message is too long"),
        ("<b>" * 9000 + "x" * 9000, "text is too long"),
    ],
)
def test_html_that_telegram_refuses(raw: str, words: str) -> None:
    with pytest.raises(BadHTML) as caught:
        parse(raw)
    assert words in str(caught.value)


def test_page_shows_no_markup_of_strangers() -> None:
    assert parse("<b>&lt;script&gt;</b>").page == "<b>&lt;script&gt;</b>"
    assert parse('<a href="javascript:alert(1)">a</a>').page == "<a>a</a>"


# Updates.


class Time:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def a_telegram() -> AsyncIterator[tuple[Telegram, Time]]:
    time = Time()
    telegram = Telegram("1:TEST-x", clock=time)
    try:
        yield telegram, time
    finally:
        await telegram.close()


async def waiting(telegram: Telegram) -> list[dict[str, Any]]:
    """The updates that polling gives, without their ids."""
    return [{kind: of for kind, of in each.items() if kind != "update_id"} for each in await telegram.get_updates({})]


async def test_only_what_is_asked_for_becomes_an_update() -> None:
    async with a_telegram() as (telegram, _):
        telegram.execute("setWebhook", {"url": "https://x.example", "allowed_updates": ["message"]})
        telegram.execute("deleteWebhook", {})
        telegram.ask_inline("btc")
        telegram.send("hello")
        assert [list(update) for update in await waiting(telegram)] == [["message"]]


@pytest.mark.parametrize(
    ("push", "lives_s"),
    [
        (lambda telegram: telegram.press(7, 1, "x"), 150),
        (lambda telegram: telegram.ask_inline("btc"), 30),
        (lambda telegram: telegram.send("hello"), 86_400),
        (lambda telegram: telegram.stop(7), 86_400),
    ],
    ids=["callback", "inline", "message", "membership"],
)
async def test_updates_die(push: Callable[[Telegram], object], lives_s: int) -> None:
    async with a_telegram() as (telegram, time):
        push(telegram)
        time.now += lives_s - 1
        assert len(await waiting(telegram)) == 1
        time.now += 1
        assert await waiting(telegram) == []


async def test_press_under_a_message_that_is_gone() -> None:
    async with a_telegram() as (telegram, _):
        telegram.press(7, 99, "x")
        (update,) = await waiting(telegram)
        gone = {"message_id": 99, "chat": {"id": 7, "first_name": "Ada", "type": "private"}, "date": 0}
        assert update["callback_query"]["message"] == gone


async def test_membership_and_migration_are_told() -> None:
    async with a_telegram() as (telegram, _):
        telegram.stop(7)
        telegram.resume(7)
        new_id = telegram.migrate(-55)
        blocked, back, away, here = await waiting(telegram)
        assert blocked["my_chat_member"]["new_chat_member"]["status"] == "kicked"
        assert back["my_chat_member"]["new_chat_member"]["status"] == "member"
        assert (away["message"]["chat"]["id"], away["message"]["migrate_to_chat_id"]) == (-55, new_id)
        assert (here["message"]["chat"]["id"], here["message"]["migrate_from_chat_id"]) == (new_id, -55)


async def test_edited_message_is_told() -> None:
    async with a_telegram() as (telegram, _):
        telegram.send("/price BTC", 7)
        telegram.edit(7, 1, "/price ETH")
        _, edited = await waiting(telegram)
        assert edited["edited_message"]["text"] == "/price ETH"


# Refusals of sending.


REFUSALS = {
    "blocked": (403, "bot was blocked by the user"),
    "kicked": (403, "bot was kicked from the supergroup chat"),
    "upgraded": (400, "group chat was upgraded to a supergroup chat"),
    "closed": (400, "TOPIC_CLOSED"),
    "never wrote": (400, "chat not found"),
    "no original": (400, "message to be replied not found"),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_chats_that_cannot_be_written_to(what: str) -> None:
    async with a_telegram() as (telegram, _):
        params: dict[str, Any] = {"chat_id": -55, "text": "x"}
        if what == "blocked":
            telegram.stop(7)
            params["chat_id"] = 7
        elif what == "kicked":
            telegram.stop(-55)
        elif what == "upgraded":
            telegram.migrate(-55)
        elif what == "closed":
            telegram.closed_topics.add((-55, 4))
            params["message_thread_id"] = 4
        elif what == "never wrote":
            telegram.strangers_first, params["chat_id"] = True, 8
        else:
            params["reply_parameters"] = {"message_id": 9}
        with pytest.raises(Refused) as caught:
            telegram.execute("sendMessage", params)
        code, words = REFUSALS[what]
        assert (caught.value.code, words in caught.value.description) == (code, True)
        assert caught.value.parameters == ({"migrate_to_chat_id": -1_000_000_000_055} if what == "upgraded" else {})


async def test_reply_without_its_original() -> None:
    async with a_telegram() as (telegram, _):
        reply = {"message_id": 9, "allow_sending_without_reply": True}
        assert telegram.execute("sendMessage", {"chat_id": 7, "text": "x", "reply_parameters": reply})


async def test_chat_is_written_to_once_a_second() -> None:
    async with a_telegram() as (telegram, time):
        telegram.limits = ChatLimits()
        for _ in range(3):
            telegram.execute("sendMessage", {"chat_id": 7, "text": "x"})
        with pytest.raises(Refused, match="Too Many Requests: retry after 3") as caught:
            telegram.execute("sendMessage", {"chat_id": 7, "text": "x"})
        assert caught.value.parameters == {"retry_after": 3}
        time.now += 3
        assert telegram.execute("sendMessage", {"chat_id": 7, "text": "x"})


def test_group_has_twenty_a_minute() -> None:
    limits = ChatLimits()
    assert [limits.wait_s(-5, 2.0 * number) for number in range(20)] == [0] * 20
    assert limits.wait_s(-5, 40.0) == 20
    assert limits.wait_s(-5, 60.5) == 0


def test_all_chats_have_thirty_a_second() -> None:
    limits = ChatLimits()
    assert [limits.wait_s(chat_id, 0.0) for chat_id in range(1, 31)] == [0] * 30
    assert limits.wait_s(31, 0.5) == 1
    assert limits.wait_s(31, 1.1) == 0


# Inline and guest queries.


def article(**fields: Any) -> dict[str, Any]:
    return {"type": "article", "id": "1", "title": "a", "input_message_content": {"message_text": "b"}} | fields


BUTTONS = {"inline_keyboard": [[{"text": "1h", "callback_data": "1h"}]]}


async def test_inline_query_answered_chosen_pressed_and_edited() -> None:
    async with a_telegram() as (telegram, _):
        telegram.inline_feedback = True
        query_id = telegram.ask_inline("btc", user_id=7, chat_id=-5001)
        result = article(reply_markup=BUTTONS)
        telegram.execute("answerInlineQuery", {"inline_query_id": query_id, "results": [result]})
        message = telegram.choose(query_id, "1")
        telegram.press(-5001, message.message_id, "1h", user_id=7)
        asked, chosen, pressed = await waiting(telegram)
        assert (asked["inline_query"]["query"], asked["inline_query"]["chat_type"]) == ("btc", "supergroup")
        assert chosen["chosen_inline_result"]["inline_message_id"] == message.inline_id
        assert "message" not in pressed["callback_query"]
        inline_id = pressed["callback_query"]["inline_message_id"]
        assert telegram.execute("editMessageText", {"inline_message_id": inline_id, "text": "c"}) is True
        assert message.text == "c"


async def test_bot_hears_what_is_sent_by_way_of_it_where_it_is() -> None:
    """A bot that answers those messages talks to itself."""
    async with a_telegram() as (telegram, _):
        query_id = telegram.ask_inline("btc", user_id=7, chat_id=7)
        telegram.execute("answerInlineQuery", {"inline_query_id": query_id, "results": [article()]})
        telegram.choose(query_id, "1")
        assert (await waiting(telegram))[-1]["message"]["via_bot"]["username"] == "DemoMarketBot"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"results": [article()] * 51}, "RESULTS_TOO_MUCH"),
        ({"results": [article(), article()]}, "RESULT_ID_DUPLICATE"),
        ({"results": [article(id="ä" * 33)]}, "RESULT_ID_INVALID"),
        ({"results": [article(id="")]}, "RESULT_ID_INVALID"),
        ({"results": [article(title="")]}, 'can\'t find field "title"'),
        ({"results": [article(input_message_content=None)]}, "input message content is not specified"),
        ({"results": [article(input_message_content={"message_text": "<x>", "parse_mode": "HTML"})]}, "parse entities"),
        ({"results": [article(reply_markup={"inline_keyboard": [[{"text": "a"}]]})]}, "Text buttons are unallowed"),
        ({"results": [article(type="news")]}, "invalid inline query result type"),
        ({"results": [{"type": "photo", "id": "1", "photo_url": "attach://x"}]}, "WEBDOCUMENT_URL_INVALID"),
        ({"results": [], "next_offset": "x" * 65}, "NEXT_OFFSET_INVALID"),
        ({"results": [], "button": {"text": "ask", "start_parameter": "a b"}}, "START_PARAM_INVALID"),
        ({}, "can't parse inline query results"),
        ({"inline_query_id": "nobody's", "results": []}, "query is too old"),
    ],
)
async def test_answers_to_inline_queries_that_are_refused(answer: dict[str, Any], words: str) -> None:
    async with a_telegram() as (telegram, _):
        query_id = telegram.ask_inline("btc")
        with pytest.raises(Refused, match=words):
            telegram.execute("answerInlineQuery", {"inline_query_id": query_id} | answer)


async def test_inline_query_waits_thirty_seconds() -> None:
    async with a_telegram() as (telegram, time):
        query_id = telegram.ask_inline("btc")
        time.now += 31
        with pytest.raises(Refused, match="query is too old"):
            telegram.execute("answerInlineQuery", {"inline_query_id": query_id, "results": []})


@pytest.mark.parametrize(
    ("more", "user_id", "later_s", "n_asked"),
    [
        ({}, 7, CACHE_S - 1, 1),
        ({}, 8, 0, 1),
        ({}, 7, CACHE_S, 2),
        ({"cache_time": 5}, 7, 5, 2),
        ({"cache_time": 0}, 7, 0, 2),
        ({"is_personal": True}, 8, 0, 2),
        ({"is_personal": True}, 7, 0, 1),
    ],
)
async def test_inline_answers_are_kept(more: dict[str, Any], user_id: int, later_s: int, n_asked: int) -> None:
    """The same query is not asked again for cache_time; of another user neither, unless the answer is personal."""
    async with a_telegram() as (telegram, time):
        query_id = telegram.ask_inline("btc", user_id=7)
        n_before = len(await waiting(telegram))
        telegram.execute("answerInlineQuery", {"inline_query_id": query_id, "results": [article()], **more})
        telegram.execute("deleteWebhook", {"drop_pending_updates": True})
        time.now += later_s
        telegram.ask_inline("btc", user_id=user_id)
        assert n_before + len(await waiting(telegram)) == n_asked


async def test_guest_is_answered_once() -> None:
    async with a_telegram() as (telegram, _):
        telegram.mention("@DemoMarketBot BTC", chat_id=-5001, user_id=7)
        (update,) = await waiting(telegram)
        guest = update["guest_message"]
        assert (guest["text"], guest["from"]["id"]) == ("@DemoMarketBot BTC", 7)
        params = {"guest_query_id": guest["guest_query_id"], "result": article()}
        assert set(telegram.execute("answerGuestQuery", params)) == {"inline_message_id"}
        with pytest.raises(Refused, match="query is too old"):
            telegram.execute("answerGuestQuery", params)


async def test_new_picture_cannot_be_put_into_an_inline_message() -> None:
    async with a_telegram() as (telegram, _):
        query_id = telegram.ask_inline("btc", user_id=7, chat_id=-5001)
        telegram.execute("answerInlineQuery", {"inline_query_id": query_id, "results": [article()]})
        inline_id = telegram.choose(query_id, "1").inline_id
        media = {"type": "photo", "media": "attach://p"}
        with pytest.raises(Refused, match="can't be uploaded"):
            telegram.execute("editMessageMedia", {"inline_message_id": inline_id, "media": media})


# About the bot, and the rest.


async def test_menus_by_scope() -> None:
    async with a_telegram() as (telegram, _):

        def set_menu(name: str, **scope: Any) -> None:
            command = {"command": name, "description": "x"}
            telegram.execute("setMyCommands", {"commands": [command], **({"scope": scope} if scope else {})})

        set_menu("all")
        set_menu("group", type="all_group_chats")
        set_menu("mine", type="chat", chat_id=7)
        found = [telegram.menu_in(chat_id, 7)[0]["command"] for chat_id in (8, -5, 7)]
        assert found == ["all", "group", "mine"]
        assert telegram.execute("getMyCommands", {"scope": {"type": "chat", "chat_id": 7}})[0]["command"] == "mine"
        telegram.execute("deleteMyCommands", {"scope": {"type": "chat", "chat_id": 7}})
        assert telegram.menu_in(7, 7)[0]["command"] == "all"


PRECEDENCE = (  # of menus in a group, the narrowest first; in a private chat: chat, all_private_chats, default
    {"type": "chat_member", "chat_id": -5, "user_id": 7},
    {"type": "chat_administrators", "chat_id": -5},
    {"type": "chat", "chat_id": -5},
    {"type": "all_chat_administrators"},
    {"type": "all_group_chats"},
    {"type": "default"},
)


async def test_narrower_scope_stands_before_wider() -> None:
    """As "Determining list of commands" of the Bot API has it; a language's own menu before that for all of a scope."""
    async with a_telegram() as (telegram, _):

        def seen(*, is_admin: bool, language: str = "") -> str:
            return telegram.menu_in(-5, 7, language, is_admin=is_admin)[0]["command"]

        for n, scope in reversed(list(enumerate(PRECEDENCE))):
            command = {"command": f"of_{n}", "description": "x"}
            telegram.execute("setMyCommands", {"commands": [command], "scope": scope})
            assert seen(is_admin=True) == f"of_{n}"
            assert seen(is_admin=False) == (f"of_{n}" if n not in (1, 3) else f"of_{n + 1}")
        german = {"commands": [{"command": "de", "description": "x"}], "language_code": "de"}
        telegram.execute("setMyCommands", german | {"scope": PRECEDENCE[2]})
        telegram.execute("deleteMyCommands", {"scope": PRECEDENCE[0]})
        assert (seen(is_admin=False, language="de"), seen(is_admin=True, language="de")) == ("de", "of_1")


async def test_descriptions() -> None:
    async with a_telegram() as (telegram, _):
        telegram.execute("setMyDescription", {"description": "what I do"})
        assert telegram.execute("getMyDescription", {}) == {"description": "what I do"}
        with pytest.raises(Refused, match="TOO_LONG"):
            telegram.execute("setMyShortDescription", {"short_description": "x" * 121})


async def test_message_is_deleted_once() -> None:
    async with a_telegram() as (telegram, time):
        telegram.execute("sendMessage", {"chat_id": 7, "text": "x"})
        telegram.execute("sendMessage", {"chat_id": 7, "text": "y"})
        assert telegram.execute("deleteMessage", {"chat_id": 7, "message_id": 1}) is True
        with pytest.raises(Refused, match="message to delete not found"):
            telegram.execute("deleteMessage", {"chat_id": 7, "message_id": 1})
        time.now += 49 * 3600
        with pytest.raises(Refused, match="message can't be deleted"):
            telegram.execute("deleteMessage", {"chat_id": 7, "message_id": 2})


async def test_webhook_info_tells_the_last_error() -> None:
    telegram = Telegram("1:TEST-x", back_off_s=0.01)
    telegram.execute("setWebhook", {"url": "http://127.0.0.1:9/webhook", "max_connections": 4})
    telegram.send("hello")
    async with asyncio.timeout(5):
        while not telegram.attempts:  # noqa: ASYNC110 - a refused connection takes a moment
            await asyncio.sleep(0.001)
    info = telegram.execute("getWebhookInfo", {})
    assert (info["last_error_message"], info["pending_update_count"]) == ("Connection refused", 1)
    telegram.execute("deleteWebhook", {"drop_pending_updates": True})
    info = telegram.execute("getWebhookInfo", {})
    assert ("last_error_message" in info, info["pending_update_count"]) == (False, 0)
    await telegram.close()


# Deliveries, and calls that are refused.


async def test_telegram_repeats_with_growing_pauses() -> None:
    statuses = [500, 500, 500, 200]
    seen: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            seen.append(asyncio.get_running_loop().time())
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % statuses.pop(0))
            if not statuses:
                writer.close()
                return

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    telegram = Telegram("1:TEST-x", back_off_s=0.05)
    port = server.sockets[0].getsockname()[1]
    telegram.execute("setWebhook", {"url": f"http://127.0.0.1:{port}/webhook"})
    telegram.send("/help")
    await telegram.settle()
    assert [status for _, status in telegram.attempts] == [500, 500, 500, 200]
    gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert gaps[0] < 0.04 < gaps[1] < gaps[2]
    await telegram.close()
    server.close()


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("sendMessage", {"chat_id": 1, "text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ("sendMessage", {"chat_id": 1, "text": ""}, "text is empty"),
        ("sendMessage", {"chat_id": 1, "text": "x", "parse_mode": "XML"}, "unsupported parse_mode"),
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", {"chat_id": 1, "text": "x", "message_thread_id": 1}, "thread not found"),
        ("sendMessage", {"chat_id": 1, "text": "x" * 4097}, "too long"),
        ("editMessageText", {"chat_id": 1, "message_id": 5, "text": "x"}, "to edit not found"),
        ("setWebhook", {"url": "http://example.com"}, "HTTPS"),
        ("setWebhook", {"url": "https://example.com", "secret_token": "a b"}, "unallowed characters"),
        ("setMyCommands", {"commands": [{"command": "Bad!", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("answerCallbackQuery", {}, "query is too old"),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("sendChatAction", {"chat_id": 1, "action": "thinking"}, "wrong parameter action"),
        ("sendMessage", {"chat_id": "@nobody", "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON"),
        ("setMyCommands", {"commands": [], "scope": {"type": "nobody"}}, "BotCommandScope"),
        ("noSuchMethod", {}, "Not Found"),
    ],
)
async def test_telegram_refuses(method: str, params: dict[str, Any], words: str) -> None:
    telegram = Telegram("1:TEST-x")
    with pytest.raises(Refused, match=words):
        telegram.execute(method, params)
    await telegram.close()


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"text": "a", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": "ä" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "a"}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": "", "callback_data": "x"}, "BUTTON_TEXT_INVALID"),
        ({"text": "a", "callback_data": "x", "url": "https://x.example"}, "BUTTON_TYPE_INVALID"),
        ({"text": "a", "callback_data": "x", "style": "pink"}, "invalid button style"),
        ({"text": "a", "url": "javascript:alert(1)"}, "BUTTON_URL_INVALID"),
        ({"text": "a", "copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "a", "copy_text": "x"}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "a", "switch_inline_query": 5}, "BUTTON_SWITCH_QUERY_INVALID"),
        ("a", "Object expected"),
    ],
)
async def test_buttons_that_are_refused(button: Any, words: str) -> None:
    async with a_telegram() as (telegram, _):
        markup = {"inline_keyboard": [[{"text": "well", "callback_data": "x"}, button]]}
        with pytest.raises(Refused, match=words):
            telegram.execute("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": markup})


async def test_buttons_of_all_kinds_are_taken() -> None:
    async with a_telegram() as (telegram, _):
        actions: list[dict[str, Any]] = [
            {"callback_data": "x" * 64, "style": "danger"},
            {"copy_text": {"text": "x" * 256}},
            {"switch_inline_query": ""},
            {"switch_inline_query_current_chat": "btc"},
            {"url": "https://x.example"},
        ]
        markup = {"inline_keyboard": [[{"text": "a"} | action] for action in actions]}
        sent = telegram.execute("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": markup})
        assert sent["reply_markup"] == markup
        many = {"inline_keyboard": [[{"text": "a", "callback_data": "x"}] * 101]}
        with pytest.raises(Refused, match="REPLY_MARKUP_TOO_LONG"):
            telegram.execute("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": many})


async def test_telegram_polling_rules() -> None:
    telegram = Telegram("1:TEST-x")
    telegram.send("one")
    telegram.send("two")
    first = await telegram.get_updates({})
    assert [update["message"]["text"] for update in first] == ["one", "two"]
    assert await telegram.get_updates({}) == first
    assert [u["message"]["text"] for u in await telegram.get_updates({"offset": first[1]["update_id"]})] == ["two"]
    waiting = asyncio.ensure_future(telegram.get_updates({"offset": first[1]["update_id"] + 1, "timeout": 5}))
    await asyncio.sleep(0.01)
    assert await telegram.get_updates({}) == []
    with pytest.raises(Refused, match="terminated by other getUpdates"):
        await waiting
    telegram.webhook = {"url": "https://x.example"}
    with pytest.raises(Refused, match="webhook is active"):
        await telegram.get_updates({})
    await telegram.close()
