"""/chart: pictures as answers, at every door."""

from __future__ import annotations

import asyncio
import io
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import httpx
import pictures
import pytest
from answering import NOW, intercept, young
from conftest import ADA, House, a_house, pressed, text_of, together, updated
from mocked import Mocked
from PIL import Image

from accounts import Part, Profit
from answers import chart, chart_compare, chart_oi, chart_pnl
from answers.account import Asked
from answers.asked import Misread
from answers.chart_compare import Compared
from answers.pictures import MAX_KEPT, Pictures
from demo.telegram import Refused, Telegram
from demo.web import in_json
from exchanges.table import EXCHANGES
from exchanges.words import Candles
from render.figures import format_percent
from render.message import DOOR, MAX_CAPTION, Answer, short
from render.picture import drawing
from render.picture.figure import Figure
from telegram import beside
from telegram.api import TelegramAPI, TelegramError
from telegram.beside import in_answer
from telegram.multipart import File
from telegram.polling import Poller
from telegram.replies import without_picture

KEY = "an-api-key-of-24-letters"


async def asked(house: House, text: str) -> dict[str, Any]:
    call = await house.bot.answer(updated(text))
    assert call is not None
    return call


def size_of(file: object) -> tuple[int, int]:
    assert isinstance(file, File)
    image = Image.open(io.BytesIO(file.content))
    image.load()
    return image.size


# What is drawn.


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("BTC", "<b>BTC perp</b> 1h chart"),
        ("btc 15m spot", "<b>BTC spot</b> 15m chart"),
        ("spot 1d ETH", "<b>ETH spot</b> 1d chart"),
        ("PEPE 4h", "<b>PEPE perp</b> 4h chart"),
        ("BTC 1m", "<b>BTC perp</b> 1m chart"),
        ("oi BTC", "<b>BTC open interest</b> · 7 days"),
        ("oi", "<b>BTC open interest</b> · 7 days"),
        ("profile BTC 7d", "<b>BTC perp</b> profile 7d"),
        ("cvd ETH 15m", "<b>ETH perp</b> 15m CVD"),
        ("BTC ETH SOL", "<b>BTC · ETH · SOL</b> · 7 days"),
        ("compare BTC ETH", "<b>BTC · ETH</b> · 7 days"),
        ("compare 1h", "<b>BTC</b> · 7 days"),
        ("compare spot", "<b>BTC</b> spot · 7 days"),
        ("BTC ETH 4h spot", "<b>BTC · ETH</b> spot · 7 days"),
    ],
)
async def test_picture_of(words: str, title: str) -> None:
    async with a_house() as house:
        call = await asked(house, f"/chart {words}")
        assert (call["method"], call["chat_id"]) == ("sendPhoto", ADA)
        assert size_of(call["photo"]) == (1080, 1080)
        assert call["caption"].startswith(title)
        assert len(call["caption"]) <= MAX_CAPTION
        assert call["caption"].endswith(" UTC</tg-time></i>")


@together(
    "words, view",
    [
        ("BTC 4h spot", "candles"),
        ("BTC 1INCH", "compare"),
        ("0G BTC", "compare"),
        ("BTC 4-USDT", "compare"),
        ("BTC $ETH", "compare"),
        ("$ETH", "candles"),
    ],
)
def test_coins_that_begin_with_a_figure_are_compared(words: str, view: str) -> None:
    assert chart.command(words.split()).view == view


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Which symbol?"),
        ("NOPE", f"Not listed on any of {len(EXCHANGES)} exchanges: NOPE"),
        ("oi NOPE", "not listed on 5 others"),
        ("BTC ETH SOL XRP DOGE PEPE", "At most 5 symbols"),
        ("🚀", "is not a symbol"),
        ("profile BTC 9h", "not understood"),
        ("oi BTC ETH", "one coin at a time"),
    ],
)
async def test_no_picture_of(words: str, said: str) -> None:
    async with a_house() as house:
        call = await asked(house, f"/chart {words}")
        assert call["method"] == "sendMessage"
        assert said in call["text"]


async def test_one_of_several_is_not_listed() -> None:
    async with a_house() as house:
        caption = (await asked(house, "/chart BTC NOPE"))["caption"]
        assert "n/a: NOPE-USDT." in caption
        assert f"Not listed on any of {len(EXCHANGES)} exchanges: NOPE." in caption


def compared(*candles: Candles) -> Compared:
    return Compared({each.symbol: each for each in candles}, [], [], pictures.NOW_MS, 0.1)


@pytest.mark.parametrize("is_first", [False, True])
def test_comparison_begins_with_the_youngest(is_first: bool) -> None:
    """Twelve hours of NEW beside seven days of BTC: what BTC did before is not in the picture, nor in its figure."""
    btc, new = pictures.candles(169), pictures.candles(12, 1.0, symbol="NEW-USDT", seed=2)
    report = compared(new, btc) if is_first else compared(btc, new)
    drawn = chart_compare.figure(report)
    assert drawn is not None
    assert (drawn.start_ms, drawn.n) == (new.open_ms[0], 12)
    assert " · ".join(map(short, report.candles)) + " · 12 hours" in f"{drawn.title} · {drawn.subtitle}"
    legend = [label.text for label in drawing.draw(drawn).labels]
    assert f"BTC {format_percent((btc.close[-1] / btc.close[-12] - 1) * 100)}" in legend
    text = chart_compare.show(report, pictures.NOW_MS / 1000).text
    assert " · 12 hours\n" in text
    assert "NEW has no candles before 2026-11-25 04:00 UTC: the picture begins there." in text


def test_comparison_of_old_ones_is_of_seven_days() -> None:
    """Of their first candle nothing is drawn, so that nothing is counted from it."""
    btc, eth = pictures.candles(169), pictures.candles(169, 3_000.0, symbol="ETH-USDT", seed=2)
    drawn = chart_compare.figure(compared(btc, eth))
    assert drawn is not None
    assert (drawn.start_ms, drawn.n) == (btc.open_ms[1], 168)
    legend = [label.text for label in drawing.draw(drawn).labels]
    assert f"ETH {format_percent((eth.close[-1] / eth.close[1] - 1) * 100)}" in legend
    assert "no candles before" not in chart_compare.show(compared(btc, eth), 0.0).text


def test_comparison_of_no_common_hour_is_no_picture() -> None:
    btc, gone = pictures.candles(12), pictures.candles(40, symbol="GONE-USDT")
    report = compared(btc, gone.part(0, 20))
    assert chart_compare.figure(report) is None
    assert "n/a: they have no hour in common." in chart_compare.show(report, 0.0).text


async def test_what_is_not_told_is_named() -> None:
    async with a_house(EXCHANGES="deribit") as house:
        caption = (await asked(house, "/chart BTC"))["caption"]
        assert "CVD n/a: Deribit tells no taker volume." in caption
        assert "Open interest n/a: Deribit tells no history of open interest." in caption


@pytest.mark.parametrize("words", ["BTC 1h", "cvd BTC 1h"])
async def test_takers_of_less_than_the_picture_are_named(words: str) -> None:
    """OKX tells a hundred periods of them, and the picture has 120 candles."""
    async with a_house(EXCHANGES="okx") as house:
        house.stop_at(NOW)
        caption = (await asked(house, f"/chart {words}"))["caption"]
        assert "CVD since 2025-11-19 11:00 UTC: what takers did before is not told." in caption
        assert "from the picture's first candle on" not in caption


async def test_profile_of_less_than_its_window_is_named() -> None:
    async with a_house(EXCHANGES="binance") as house:
        house.stop_at(NOW)
        assert "No candles before" not in (await asked(house, "/chart profile ETH 7d"))["caption"]
        intercept(house, "BINANCE_USDM", young(48))
        caption = (await asked(house, "/chart profile BTC 7d"))["caption"]
        assert "No candles before 2025-11-23 02:15 UTC: the picture begins there." in caption


async def test_past_that_is_too_short_is_named() -> None:
    async with a_house() as house:
        caption = (await asked(house, "/chart BTC 1d"))["caption"]
        assert "Open interest n/a: its past is not told for so long." in caption


async def test_exchanges_without_history_are_named() -> None:
    async with a_house() as house:
        caption = (await asked(house, "/chart oi BTC"))["caption"]
        assert "Bitget, Hyperliquid and Deribit tell no history of open interest." in caption


async def test_line_without_one_of_its_contracts_is_named() -> None:
    """Three quarters of Binance's open interest are in a contract whose past is refused."""

    async def answer(request: Any, whole: Any) -> Any:
        is_refused = request.path.endswith("openInterestHist") and request.query.get("symbol") == "BTCUSDT"
        return in_json({"code": -1001, "msg": "Internal error"}, 500) if is_refused else await whole(request)

    async with a_house() as house:
        intercept(house, "BINANCE_USDM", answer)
        report = await chart_oi.ask(house.bot.tools, "BTC")
        caption = chart_oi.show(report, NOW).text
        assert "Only in part: Binance answered HTTP 500." in caption
        legend = [label.text.rsplit(" ", 1)[0] for label in drawing.draw(chart_oi.figure(report)).labels]
        assert {"Binance (part)", "Bybit", "Gate"} <= set(legend)


async def test_next_exchange_draws_when_one_fails() -> None:
    async with a_house() as house:
        for name in ("BINANCE_USDM", "BINANCE_SPOT"):
            await house.world.sites[name].set_fault("500")
        caption = (await asked(house, "/chart BTC"))["caption"]
        assert "Bybit" in caption
        assert "Binance" in caption


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_every_exchange_has_a_picture(exchange: str) -> None:
    async with a_house(EXCHANGES=exchange) as house:
        assert size_of((await asked(house, "/chart BTC"))["photo"]) == (1080, 1080)


# Of the owner's money.


async def test_profit_is_drawn_for_its_owner() -> None:
    async with a_house() as house:
        call = await asked(house, "/chart pnl")
        assert size_of(call["photo"]) == (1080, 1080)
        assert call["caption"].startswith("<b>Profit and loss</b> · 30 days\n+$")
        assert text_of(await asked(house, "/chart pnl okx")).startswith("<b>Profit and loss</b>")
        assert "Accounts can be asked for at" in text_of(await asked(house, "/chart pnl gate"))


@pytest.mark.parametrize("text", ["/chart pnl", "/chart PNL binance", "/start chart_pnl", "chart pnl", "/c pnl"])
async def test_profit_is_drawn_for_nobody_else(text: str) -> None:
    async with a_house(TELEGRAM_CHAT_ID=f"*,{ADA}") as house:
        stranger = await house.bot.answer(updated(text, chat_id=5005, user_id=5005))
        assert stranger is not None
        assert text_of(stranger).startswith("Only users who are listed")
        in_group = await house.bot.answer(updated(text, chat_id=-100))
        assert in_group is None or text_of(in_group).startswith("Ask me in private")
        pressed_by_stranger = await house.bot.answer(pressed("chart pnl", user_id=5005))
        assert pressed_by_stranger is not None
        assert pressed_by_stranger["method"] == "answerCallbackQuery"


async def test_profit_by_day_ends_today() -> None:
    async with a_house() as house:
        for part in await house.bot.accounts().pnl():
            assert part.found is not None
            assert part.found.by_day is not None
            days = [day for day, _ in part.found.by_day]
            assert days == list(range(days[0], days[0] + 30 * 86_400_000, 86_400_000))
            assert days[-1] == house.bot.market.now_ms() // 86_400_000 * 86_400_000
            assert part.found.by_day[-1][1] == pytest.approx(part.found.realised["today"])


def by_days(**exchanges: tuple[tuple[int, float], ...] | None) -> Asked[Profit]:
    """What accounts told of days of 1970."""
    day_ms = 86_400_000
    parts = []
    for exchange, days in exchanges.items():
        told = None if days is None else tuple((day * day_ms, dollars) for day, dollars in days)
        parts.append(Part(exchange, Profit(None, None, {}, None, None, None, told), (), None))
    return Asked("", parts)


def test_profit_of_several_exchanges_is_added_day_by_day() -> None:
    told = by_days(okx=((0, 1.0), (1, -3.0)), bybit=((0, 0.5), (1, 2.0)), binance=None)
    assert list(chart_pnl.by_day(told).values()) == [1.5, -1.0]
    assert "Not in it: Binance." in chart_pnl.show(told, 0.0).text


def test_profit_is_of_days_that_all_tell() -> None:
    """Binance's are known whole for 5 days, -$1,000 each, OKX's for 30, +$100 each: 25 sums would be OKX's alone."""
    told = by_days(binance=tuple((day, -1000.0) for day in range(25, 30)), okx=tuple((day, 100.0) for day in range(30)))
    assert list(chart_pnl.by_day(told).values()) == [-900.0] * 5
    drawn = chart_pnl.figure(told)
    assert drawn is not None
    assert (drawn.subtitle, drawn.n) == ("realised · 5 days · Binance, OKX", 5)
    text = chart_pnl.show(told, 0.0).text
    assert text.startswith("<b>Profit and loss</b> · 5 days\n-$4,500.00 realised")
    assert "\nBinance: there is more than could be read. Known whole since 1970-01-26 00:00 UTC.\n" in text
    assert "OKX: " not in text


def test_profit_of_not_even_today_is_not_in_it() -> None:
    told = by_days(binance=(), okx=tuple((day, 100.0) for day in range(30)))
    assert len(chart_pnl.by_day(told)) == 30
    assert "Not in it: Binance." in chart_pnl.show(told, 0.0).text


async def test_profit_that_is_not_told_is_no_picture() -> None:
    async with a_house() as house:
        for site in house.world.sites.values():
            await site.set_fault("500")
        call = await asked(house, "/chart pnl")
        assert call["method"] == "sendMessage"
        assert "n/a: no exchange tells what was realised day by day." in call["text"]


# Where it is shown.


async def test_button_turns_a_text_into_a_picture() -> None:
    async with a_house() as house:
        call = await house.bot.answer(pressed("chart BTC 1h"))
        assert call is not None
        assert (call["method"], call["message_id"]) == ("editMessageMedia", 9)
        assert call["media"] == {
            "type": "photo",
            "media": "attach://photo",
            "caption": text_of(call),
            "parse_mode": "HTML",
        }
        assert size_of(call["photo"]) == (1080, 1080)


async def test_text_under_a_picture_is_a_new_message() -> None:
    """Telegram makes no text of a picture (Bot API: editMessageText)."""
    press = pressed("price BTC")
    press["callback_query"]["message"]["photo"] = [{"file_id": "x", "width": 90, "height": 90}]
    async with a_house() as house:
        call = await house.bot.answer(press)
        assert call is not None
        assert call["method"] == "sendMessage"
        assert "message_id" not in call


async def test_picture_in_a_topic_of_a_group() -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        call = await house.bot.answer(updated("/chart BTC", chat_id=-100, message_thread_id=7, is_topic_message=True))
        assert call is not None
        assert call["message_thread_id"] == 7
        assert call["reply_parameters"]["message_id"] == 41


async def test_buttons_of_a_picture_lead_on() -> None:
    async with a_house() as house:
        rows = (await asked(house, "/chart ETH 4h spot"))["reply_markup"]["inline_keyboard"]
        data = [button["callback_data"] for row in rows for button in row]
        assert data[:4] == ["chart ETH 4h spot", "+alert ETH spot", "chart ETH 5m spot", "chart ETH 15m spot"]
        assert {"price ETH 4h spot", "cvd ETH 4h spot"} <= set(data)
        assert data[-1] == "chart ETH 4h perp"  # said, so that a coin without one does not show the same once more


# What is kept.


async def test_picture_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = counted(monkeypatch)
    async with a_house() as house:
        one, other = await asyncio.gather(asked(house, "/chart BTC"), asked(house, "/chart btcusdt 1h"))
        assert one["photo"] == other["photo"] == (await asked(house, "/chart BTC"))["photo"]
        assert len(drawn) == 1
        await asked(house, "/chart BTC spot")
        assert len(drawn) == 2


def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    drawn: list[object] = []
    draw = drawing.draw

    def count(figure: Figure) -> drawing.Drawn:
        drawn.append(figure)
        return draw(figure)

    monkeypatch.setattr(drawing, "draw", count)
    return drawn


async def test_few_pictures_are_kept() -> None:
    pictures, made = Pictures(), list[int]()

    async def make() -> bytes:
        made.append(1)
        return b"png"

    for number in (*range(MAX_KEPT + 1), 0, MAX_KEPT):
        await pictures.kept(("candles", number), make())
    assert len(made) == MAX_KEPT + 2  # the first one was drawn again, the last one was kept


async def test_picture_that_cannot_be_drawn_is_a_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(figure: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(drawing, "draw", fail)
    async with a_house() as house:
        call = await asked(house, "/chart BTC")
        assert call["method"] == "sendMessage"
        assert call["text"].startswith("<b>BTC perp</b> 1h chart")
        assert "The picture could not be drawn" in call["text"]
        assert "a fault" in caplog.text


def test_caption_keeps_its_foot() -> None:
    answer = Answer("title", (), tuple("x" * 99 for _ in range(20)), "<i>foot</i>", photo=b"png")
    assert answer.caption.startswith("title\nxx")
    assert answer.caption.endswith("\n<i>foot</i>")
    assert len(answer.caption) <= MAX_CAPTION - DOOR


# Doors.


@asynccontextmanager
async def a_client(**variables: str) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    async with (
        a_house(**variables) as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        yield house, client


async def test_webhook_answers_in_multipart() -> None:
    async with a_client() as (house, client):
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        response = await client.post("/webhook", headers=headers, json=updated("/chart BTC"))
        parts = parts_of(response.headers["content-type"], response.content)
        assert (parts["method"], parts["chat_id"]) == (b"sendPhoto", str(ADA).encode())
        assert Image.open(io.BytesIO(parts["photo"])).size == (1080, 1080)
        assert json.loads(parts["reply_markup"])["inline_keyboard"]
        assert int(response.headers["content-length"]) == len(response.content)


async def test_picture_travels_in_the_answer_and_is_replaced_in_place() -> None:
    """Telegram takes [📈] under a price, then another interval, then [Price] under the picture."""
    async with a_house() as house:
        telegram = house.world.telegram
        secret = house.settings.webhook_secret
        telegram.execute("setWebhook", {"url": f"{house.url}/webhook", "secret_token": secret})
        telegram.send("/price BTC")
        await telegram.settle()
        (message,) = [each for each in telegram.messages.values() if each.of_bot]
        shown = []
        for data in ("chart BTC", "chart BTC 15m", "chart oi BTC"):
            telegram.press(ADA, message.message_id, data)
            await telegram.settle()
            shown.append(message.file_id)
        assert len(set(shown)) == 3
        assert message.text.startswith("BTC open interest")
        telegram.press(ADA, message.message_id, "price BTC")
        await telegram.settle()
        texts = [each.text.split()[0] for each in telegram.messages.values() if each.of_bot]
        assert texts == ["BTC", "BTC"]
        assert telegram.lost == []


async def test_poller_sends_a_picture() -> None:
    async with a_house() as house:
        telegram = house.world.telegram
        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 20)
        telegram.send("/chart ETH")
        poller.take_in(await telegram.get_updates({}))
        await poller.finish()
        (message,) = [each for each in telegram.messages.values() if each.of_bot]
        picture = telegram.pictures[message.file_id]
        assert (picture.width, picture.height) == (1080, 1080)


def parts_of(content_type: str, body: bytes) -> dict[str, bytes]:
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
    parts = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts[part["content-disposition"].params["name"]] = content
    return parts


@pytest.mark.parametrize(
    ("code", "description", "sent"),
    [
        (400, "Bad Request: not enough rights to send photos to the chat", ["sendPhoto", "sendMessage"]),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", ["sendPhoto", "sendMessage"]),
        (400, "Bad Request: chat not found", ["sendPhoto"]),
        (403, "Forbidden: bot was blocked by the user", ["sendPhoto"]),
        (500, "Internal Server Error", ["sendPhoto", "sendPhoto"]),
    ],
)
async def test_refused_picture_is_sent_as_text(code: int, description: str, sent: list[str]) -> None:
    requests: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        is_first = len(requests) == 1
        refusal = {"ok": False, "error_code": code, "description": description}
        return httpx.Response(code if is_first else 200, json=refusal if is_first else {"ok": True, "result": {}})

    api = TelegramAPI("123456:TEST-token", Mocked(answer), "http://telegram.invalid")
    poller = Poller(nothing, api, 20, lambda seconds: asyncio.sleep(0))
    await poller.send(
        {"method": "sendPhoto", "chat_id": 7, "photo": File("c.png", "image/png", b"png"), "caption": "<b>BTC</b>"}
    )
    assert [request.url.path.rpartition("/")[2] for request in requests] == sent
    assert requests[0].headers["content-type"].startswith("multipart/form-data; boundary=")
    if sent[-1] == "sendMessage":
        assert json.loads(requests[1].content)["text"] == "<b>BTC</b>\nTelegram did not take the picture."


async def nothing(update: object) -> None: ...


CROWD = -1009
NO_PHOTOS = Refused(400, "Bad Request: not enough rights to send photos to the chat")


@asynccontextmanager
async def a_crowd() -> AsyncIterator[House]:
    """A house whose Telegram delivers what is written in groups to its webhook."""
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        hook = {"url": f"{house.url}/webhook", "secret_token": house.settings.webhook_secret}
        house.world.telegram.execute("setWebhook", hook)
        yield house


def written(house: House) -> list[str]:
    """What the bot wrote, or changed, in order of messages."""
    return [each.text for each in house.world.telegram.messages.values() if each.of_bot]


@pytest.mark.parametrize("text", ["/chart BTC", "/chart oi BTC"])
async def test_group_that_allows_no_photos_is_told_in_words(text: str) -> None:
    async with a_crowd() as house:
        telegram = house.world.telegram
        refusing(telegram, "sendPhoto")
        telegram.send(text, CROWD, ADA)
        await telegram.settle()
        (said,) = written(house)
        assert said.startswith("BTC ")
        assert said.endswith("Telegram did not take the picture.")
        (method, params) = telegram.calls[-1]
        assert (method, params["reply_parameters"]["allow_sending_without_reply"]) == ("sendMessage", True)
        assert telegram.lost == []


async def test_button_in_a_group_that_allows_no_photos() -> None:
    async with a_crowd() as house:
        telegram = house.world.telegram
        telegram.send("/price BTC", CROWD, ADA)
        await telegram.settle()
        (card,) = [each for each in telegram.messages.values() if each.of_bot]
        refusing(telegram, "editMessageMedia")
        telegram.press(CROWD, card.message_id, "chart BTC", ADA)
        await telegram.settle()
        assert written(house)[0] == card.text
        assert written(house)[1].endswith("Telegram did not take the picture.")
        assert telegram.lost == []


def refusing(telegram: Telegram, of: str) -> None:
    """A group that takes no photos by this method."""
    execute = telegram.execute

    def refused(method: str, params: dict[str, Any]) -> Any:
        if method == of:
            raise NO_PHOTOS
        return execute(method, params)

    telegram.execute = refused  # type: ignore[method-assign]


async def test_picture_in_a_group_is_sent_once() -> None:
    async with a_crowd() as house:
        telegram = house.world.telegram
        telegram.send("/chart BTC", CROWD, ADA)
        await telegram.settle()
        assert [method for method, _ in telegram.calls if method.startswith("send")] == ["sendPhoto"]
        assert len(written(house)) == 1


async def test_picture_in_a_group_whose_update_comes_twice() -> None:
    """While the first is in work, as its line was cut, and after it."""
    async with a_crowd() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        update = updated("/chart BTC", chat_id=CROWD)

        async def deliver(update: dict[str, Any]) -> tuple[int, bytes]:
            answer = await client.post(f"{house.url}/webhook", json=update, headers=headers)
            return answer.status_code, answer.content

        assert [*await asyncio.gather(deliver(update), deliver(update))] == [(200, b"")] * 2
        assert await deliver(update) == (200, b"")
        assert len(written(house)) == 1
        assert await deliver(updated("/chart BTC", 2, CROWD)) == (200, b"")
        assert len(written(house)) == 2


async def test_text_whose_update_comes_twice_is_in_both_answers() -> None:
    """Telegram carries out the one of the connection that holds."""
    async with a_crowd() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        update = {"json": updated("/price BTC"), "headers": headers}
        twice = await asyncio.gather(*(client.post(f"{house.url}/webhook", **update) for _ in range(2)))  # type: ignore[arg-type]
        assert [each.json()["method"] for each in twice] == ["sendMessage"] * 2


async def test_update_that_failed_is_answered_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_crowd() as house, httpx.AsyncClient(trust_env=False, verify=False) as client:
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        api, begun = house.bot.api, asyncio.Event()
        assert api is not None
        honest = api.call

        async def fails(method: str, *rest: Any, **more: Any) -> Any:
            if method != "sendPhoto":
                return await honest(method, *rest, **more)
            monkeypatch.setattr(api, "call", honest)
            begun.set()
            await asyncio.sleep(0.01)
            raise RuntimeError("once")

        async def deliver() -> int:
            update = updated("/chart BTC", chat_id=CROWD)
            return (await client.post(f"{house.url}/webhook", json=update, headers=headers)).status_code

        monkeypatch.setattr(api, "call", fails)
        first = asyncio.ensure_future(deliver())
        await begun.wait()
        assert (await deliver(), await first) == (200, 500)
        assert len(written(house)) == 1


@pytest.mark.parametrize(
    ("refusal", "left"),
    [
        (Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), ("sendMessage", CROWD)),
        (Refused(400, "group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100), ("sendPhoto", -100)),
        (Refused(429, "Too Many Requests", retry_after=3), ("sendPhoto", CROWD)),
        (Refused(400, "Bad Request: message is not modified: the same"), None),
    ],
)
async def test_what_is_left_of_a_picture_for_the_answer(refusal: Refused, left: tuple[str, int] | None) -> None:
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        call = await house.bot.answer(updated("/chart BTC", chat_id=CROWD))
        assert call is not None
        house.world.telegram.fail_next.append(refusal)
        found = await in_answer(house.bot.api, call)
        assert (found and (found["method"], found["chat_id"])) == left


@together("word, is_coin", [("4", False), ("100X", False), ("4-USDT", True), ("100X-USDT", True), ("1INCH", True)])
def test_a_figure_beside_a_coin_is_one_where_its_quote_is_typed(word: str, is_coin: bool) -> None:
    try:
        view = chart.command(["BTC", word]).view
    except Misread:
        view = ""
    assert (view == "compare") == is_coin


class Slow:
    """A Telegram that takes whatever has so long to arrive."""

    def __init__(self, needs_s: float) -> None:
        self.needs_s = needs_s

    async def call(self, method: str, params: Mapping[str, Any], timeout_s: float) -> None:
        if timeout_s < self.needs_s:
            raise TelegramError(method, 0, f"nothing within {timeout_s} s", was_sent=True)


async def test_a_picture_has_longer_than_a_text_to_be_taken(caplog: pytest.LogCaptureFixture) -> None:
    picture = {"method": "sendPhoto", "chat_id": CROWD, "photo": File("a.png", "image/png", b"x"), "caption": "BTC"}
    text = {"method": "sendMessage", "chat_id": CROWD, "text": "BTC", "rich_message": {}}
    for call, needs_s, is_lost in ((picture, 8.0, False), (picture, 11.0, True), (text, 8.0, True)):
        caplog.clear()
        assert await in_answer(Slow(needs_s), call) is None  # type: ignore[arg-type]
        assert bool(caplog.messages) == is_lost


async def test_picture_that_may_have_been_taken_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "PICTURE_S", 0.1)
    async with a_house(TELEGRAM_CHAT_ID="*") as house:
        call = await house.bot.answer(updated("/chart BTC", chat_id=CROWD))
        assert call is not None
        await house.world.telegram_site.set_fault("hang")
        assert await in_answer(house.bot.api, call) is None


def test_text_of_a_picture_that_would_have_been_edited() -> None:
    media = {"type": "photo", "media": "attach://photo", "caption": "<b>BTC</b>", "parse_mode": "HTML"}
    call = {"method": "editMessageMedia", "chat_id": 7, "message_id": 9, "media": media, "photo": File("a", "b", b"")}
    assert without_picture(call) == {
        "method": "sendMessage",
        "chat_id": 7,
        "text": "<b>BTC</b>\nTelegram did not take the picture.",
        "parse_mode": "HTML",
    }


async def test_api_gives_the_picture_and_its_etag() -> None:
    async with a_client(API_KEY=KEY) as (_, client):
        headers = {"authorization": f"Bearer {KEY}"}
        response = await client.get("/chart.png?symbol=BTC&timeframe=1h", headers=headers)
        assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(response.content)).size == (1080, 1080)
        again = await client.get(
            "/chart.png?symbol=btc", headers={**headers, "if-none-match": response.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == response.headers["etag"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("symbol=BTC,ETH", 200),
        ("symbol=BTC&what=oi", 200),
        ("symbol=BTC&what=profile&timeframe=7d", 200),
        ("symbol=ETH&market=spot&timeframe=5m", 200),
        ("", 400),
        ("symbol=BTC&timeframe=9h", 400),
        ("symbol=BTC&what=soup", 400),
        ("symbol=binance&what=pnl", 400),
        ("symbol=pnl", 404),
        ("symbol=%F0%9F%9A%80", 400),
        ("symbol=BTC&what=oi&timeframe=1h", 200),
        ("symbol=,", 400),
        ("symbol=NOPE", 404),
    ],
)
async def test_api_of(query: str, status: int) -> None:
    async with a_client(API_KEY=KEY) as (_, client):
        response = await client.get(f"/chart.png?{query}", headers={"authorization": f"Bearer {KEY}"})
        assert response.status_code == status, response.text
        assert (response.headers["content-type"] == "image/png") == (status == 200)


async def test_api_without_key_or_answer() -> None:
    async with a_client(API_KEY=KEY) as (house, client):
        assert (await client.get("/chart.png?symbol=BTC")).status_code == 401
        for site in house.world.sites.values():
            await site.set_fault("refuse")
        response = await client.get("/chart.png?symbol=BTC", headers={"authorization": f"Bearer {KEY}"})
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")


def test_nothing_of_pictures_is_loaded_at_start() -> None:
    script = "import sys, serving; print([each for each in sys.modules if each.startswith('render.picture')])"
    assert run(script) == "[]"


def run(script: str) -> str:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_lambda_answers_in_base64(monkeypatch: pytest.MonkeyPatch) -> None:
    import aws_lambda
    from http1.server import Response

    assert aws_lambda.lambda_answer(Response(200, b"\x89PNG", "image/png"), is_head=False)["body"] == "iVBORw=="
    told = aws_lambda.lambda_answer(Response(200, b"{}"), is_head=False)
    assert (told["body"], told["isBase64Encoded"]) == ("{}", False)
    multipart = aws_lambda.lambda_answer(Response(200, b"\xff", "multipart/form-data; boundary=x"), is_head=False)
    assert (b64decode(multipart["body"]), multipart["isBase64Encoded"]) == (b"\xff", True)
