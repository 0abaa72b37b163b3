"""The offline Telegram as a witness: it reads HTML, refuses calls and brings updates as Telegram does."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from demo.telegram import Refused, Telegram
from demo.telegram_html import BadHTML, parse


@pytest.mark.parametrize(
    ("raw", "text"),
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
        ("  a  ", "a"),
        ("x" * 4096, "x" * 4096),
        ("🚀" * 4096, "🚀" * 4096),
    ],
)
def test_html_that_telegram_takes(raw: str, text: str) -> None:
    assert parse(raw).text == text


@pytest.mark.parametrize(
    ("raw", "words"),
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


# Telegram.


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
        ("noSuchMethod", {}, "Not Found"),
    ],
)
async def test_telegram_refuses(method: str, params: dict[str, Any], words: str) -> None:
    telegram = Telegram("1:TEST-x")
    with pytest.raises(Refused, match=words):
        telegram.execute(method, params)
    await telegram.close()


async def test_telegram_checks_buttons() -> None:
    telegram = Telegram("1:TEST-x")
    for button in ({"text": "a", "callback_data": "x" * 65}, {"text": "a"}, {"text": "", "callback_data": "x"}):
        markup = {"inline_keyboard": [[button]]}
        with pytest.raises(Refused, match=r"BUTTON_|Text buttons are unallowed"):
            telegram.execute("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": markup})
    await telegram.close()


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
