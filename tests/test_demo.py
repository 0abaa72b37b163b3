"""The offline world as a witness: it reads HTML as Telegram does, and speaks as the recordings do."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import recorded
from test_webhook_server import Process

import demo
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


# Wire formats: the same keys and JSON types as the recordings.


def shape(value: Any) -> Any:
    """Keys and types, lists by their first row. What is "" in a recording may be any string."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


OPTIONAL = {"singleOpenInterest", "singleOpenInterestValue", "fundingIntervalHour", "oiUsd"}  # newer than the recording


def without_optional(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_optional(each) for key, each in value.items() if key not in OPTIONAL}
    return [without_optional(each) for each in value] if isinstance(value, list) else value


@asynccontextmanager
async def a_world() -> AsyncIterator[demo.World]:
    world = await demo.start()
    try:
        yield world
    finally:
        await world.close()


@pytest.mark.parametrize(
    ("site", "target", "recording"),
    [
        ("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=BTCUSDT", "binance/spot-ticker-24hr"),
        ("BINANCE_USDM", "/fapi/v1/ticker/24hr?symbol=BTCUSDT", "binance/um-ticker-24hr"),
        ("BINANCE_USDM", "/fapi/v1/openInterest?symbol=BTCUSDT", "binance/um-open-interest"),
        ("BINANCE_USDM", "/fapi/v1/premiumIndex?symbol=BTCUSDT", "binance/um-premium-index"),
        ("BINANCE_USDM", "/fapi/v1/fundingInfo", "binance/um-funding-info"),
        ("BINANCE_SPOT", "/api/v3/ticker/24hr?symbol=NOPEUSDT", "binance/error-unknown-symbol"),
        ("BINANCE_SPOT", "/api/v3/time", "binance/spot-time"),
        ("BYBIT", "/v5/market/tickers?category=spot&symbol=BTCUSDT", "bybit/spot-ticker"),
        ("BYBIT", "/v5/market/tickers?category=linear&symbol=BTCUSDT", "bybit/linear-ticker"),
        ("BYBIT", "/v5/market/time", "bybit/time"),
        ("OKX", "/api/v5/market/ticker?instId=BTC-USDT", "okx/spot-ticker"),
        ("OKX", "/api/v5/market/tickers?instType=SWAP", "okx/swap-tickers"),
        ("OKX", "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP", "okx/open-interest-swap-docs"),
        ("OKX", "/api/v5/public/funding-rate?instId=BTC-USDT-SWAP", "okx/funding-rate"),
        ("OKX", "/api/v5/market/ticker?instId=NOPE-USDT", "okx/error-unknown-instrument"),
        ("OKX", "/api/v5/public/time", "okx/time"),
    ],
)
async def test_world_speaks_as_recorded(site: str, target: str, recording: str) -> None:
    expected = shape(without_optional(json.loads(recorded(recording))))
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(world.sites[site].url + target)
        assert shape(without_optional(answer.json())) == expected


async def test_world_agrees_with_itself() -> None:
    """The same moment is the same market on every exchange; another moment is another one."""
    now = [1_763_906_602.0]
    one, other = demo.World(clock=lambda: now[0]).market, demo.World(clock=lambda: now[0]).market
    assert one.day("binance", "BTC", "spot") == other.day("binance", "BTC", "spot")
    assert one.day("bybit", "BTC", "perp").last == pytest.approx(one.day("okx", "BTC", "spot").last, rel=1e-3)
    before = one.day("binance", "BTC", "spot")
    now[0] += 600
    assert one.day("binance", "BTC", "spot") != before
    for base in one.coins:
        day = one.day("okx", base, "spot")
        assert day.low <= day.last <= day.high
        assert day.bid < day.last < day.ask


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
        with pytest.raises(Refused, match="BUTTON_"):
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


async def test_page_is_for_this_machine_only() -> None:
    async with a_world() as world, httpx.AsyncClient(trust_env=False, verify=False) as client:
        assert "<title>" in (await client.get(world.page_url)).text
        assert (await client.get(world.page_url, headers={"host": "evil.example"})).status_code == 403
        assert (await client.post(f"{world.page_url}chat/send", content=b'{"text":"x"}')).status_code == 404
        body = {"site": "OKX", "fault": "500", "latency_ms": 0}
        await client.post(f"{world.page_url}world/fault", json=body)
        assert (await client.get(f"{world.page_url}world")).json()["sites"]["OKX"] == "500"


def test_world_by_itself() -> None:
    """`python -m demo` prints the variables that lead into it, and stays until it is stopped."""
    process = Process(["-m", "demo"], {})
    environ = json.loads(process.until(r"^\{.*\}$")[0])
    assert environ["TELEGRAM_BOT_TOKEN"] == demo.TOKEN
    answer = httpx.get(f"{environ['OKX_URL']}/api/v5/public/time", trust_env=False)
    assert answer.json()["code"] == "0"
    process.end(signal.SIGINT)
