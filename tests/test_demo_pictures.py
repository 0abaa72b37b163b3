"""Forms with files as the offline Telegram reads them: posted to it, and inside the answer to an update."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import together

import demo
from demo.multipart import File, Malformed, boundary, read_form
from demo.pictures import NoPicture, read_picture
from demo.telegram import Refused, Telegram

FORM = "multipart/form-data; boundary=b"
ADA = 1001


def a_png(width: int = 3, height: int = 2, colour: bytes = b"\xff\x00\x00") -> bytes:
    """A picture of one colour, eight bits a channel."""
    rows = (b"\0" + colour * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def a_form(**parts: str | bytes) -> bytes:
    """Texts as parameters, bytes as files; the boundary is b."""
    written = b""
    for name, value in parts.items():
        file = b'; filename="a.png"' if isinstance(value, bytes) else b""
        written += b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + file + b"\r\n\r\n"
        written += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return written + b"--b--\r\n"


# Forms.


def test_form_with_a_file() -> None:
    found = read_form(FORM, a_form(method="sendPhoto", chat_id="-5", photo=b"\r\n--x"))
    assert found == {
        "method": "sendPhoto",
        "chat_id": "-5",
        "photo": File("a.png", "application/octet-stream", b"\r\n--x"),
    }


def test_form_as_httpx_writes_it() -> None:
    request = httpx.Request("POST", "http://x", data={"a": "ä\n"}, files={"photo": ("p.png", b"\x00\xff", "image/png")})
    body = request.read()
    found = read_form(request.headers["content-type"], body)
    assert found == {"a": "ä\n", "photo": File("p.png", "image/png", b"\x00\xff")}


@together(
    "body, words",
    [
        (a_form(a="1").replace(b"\r\n", b"\n"), "within the headers"),
        (a_form(a="1")[:-10], "ends within a part"),
        (b"", "no boundary in it"),
        (a_form(a="1").replace(b"--b--", b"--c--"), "ends within a part"),
        (a_form(a="1").replace(b"--b--", b"--b"), "within the headers"),
        (b"--b\r\n\r\n1\r\n--b--", "headers in multipart/form-data are empty"),
        (a_form(a="1").replace(b"form-data", b"attachment"), "expected form-data content disposition"),
        (a_form(a="1").replace(b' name="a"', b""), "expected form-data|field name in multipart/form-data not found"),
        (a_form(a="1").replace(b"Content-Disposition:", b"Content-Disposition"), "can't parse form data headers"),
        (a_form(a="x" * (1 << 20), b="y"), "too much parameters"),
        (a_form(**{f"f{number}": b"x" for number in range(51)}), "too much files"),
    ],
)
def test_malformed_forms(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read_form(FORM, body)


@pytest.mark.parametrize(
    ("content_type", "found"),
    [
        ("multipart/form-data; boundary=ab", b"ab"),
        ('multipart/form-data; boundary="a b"; charset=utf-8', b"a b"),
        ("multipart/form-data; Boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_boundary(content_type: str, found: bytes) -> None:
    assert boundary(content_type) == found


@together("rest", ["", "; boundary", "; boundary=", "; boundary=" + "x" * 71])
def test_boundaries_that_are_none(rest: str) -> None:
    with pytest.raises(Malformed, match="boundary"):
        boundary("multipart/form-data" + rest)


# Pictures.


def test_png_is_measured() -> None:
    picture = read_picture(a_png(300, 20))
    assert (picture.content_type, picture.width, picture.height) == ("image/png", 300, 20)


def test_jpeg_is_measured() -> None:
    frame = b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20, 300) + b"\x01" * 4
    assert read_picture(frame + b"\xff\xd9")[1:] == ("image/jpeg", 300, 20)


@together(
    "content, words",
    [
        (b"", "file must be non-empty"),
        (b"GIF89a" + b"\0" * 50, "IMAGE_PROCESS_FAILED"),
        (a_png()[:-12], "IMAGE_PROCESS_FAILED"),
        (a_png()[:-1] + b"\0", "IMAGE_PROCESS_FAILED"),
        (a_png()[:-20] + b"\0" * 20, "IMAGE_PROCESS_FAILED"),
        (a_png().replace(b"IDAT", b"IDAX"), "IMAGE_PROCESS_FAILED"),
        (a_png(3, 2, b"\xff\x00"), "IMAGE_PROCESS_FAILED"),
        (a_png(3, 2, b"\xff\x00\x00\x01"), "IMAGE_PROCESS_FAILED"),
        (a_png(210, 10), "PHOTO_INVALID_DIMENSIONS"),
        (a_png(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (b"\x89PNG" + b"\0" * (10 * 1024 * 1024), "too big for a photo"),
    ],
)
def test_pictures_that_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(NoPicture, match=words):
        read_picture(content)


# As calls of their own.


@asynccontextmanager
async def a_world() -> AsyncIterator[tuple[demo.World, httpx.AsyncClient]]:
    world = demo.World(back_off_s=0.02)
    await world.start()
    url = f"{world.telegram_site.url}/bot{demo.TOKEN}/"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as client:
            yield world, client
    finally:
        await world.close()


async def test_photo_is_sent_shown_and_replaced() -> None:
    async with a_world() as (world, client):
        answer = await client.post("sendPhoto", data={"chat_id": "7", "caption": "a"}, files={"photo": a_png()})
        sent = answer.json()["result"]
        assert (sent["caption"], sent["photo"][0]["width"]) == ("a", 3)
        photo = await client.get(f"{world.page_url}chat/photo/{sent['photo'][0]['file_id']}")
        assert (photo.content, photo.headers["content-type"]) == (a_png(), "image/png")
        media = {
            "chat_id": "7",
            "message_id": str(sent["message_id"]),
            "media": '{"type":"photo","media":"attach://p"}',
        }
        edited = (await client.post("editMessageMedia", data=media, files={"p": a_png(4, 4)})).json()["result"]
        assert (edited["photo"][0]["width"], "caption" in edited) == (4, False)


async def test_malformed_form_is_refused_when_posted() -> None:
    async with a_world() as (_, client):
        answer = await client.post("sendPhoto", content=a_form(chat_id="7")[:-9], headers={"content-type": FORM})
        assert (answer.status_code, answer.json()["ok"]) == (400, False)


def photo(**fields: Any) -> dict[str, Any]:
    return {"chat_id": 7, "photo": File("a.png", "image/png", a_png())} | fields


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("sendPhoto", {"chat_id": 7}, "there is no photo in the request"),
        ("sendPhoto", photo(photo="AgACnothing"), "wrong file identifier"),
        ("sendPhoto", photo(photo="attach://x"), "wrong file identifier"),
        ("sendPhoto", photo(photo="https://x.example/a.png"), "failed to get HTTP URL content"),
        ("sendPhoto", photo(photo=File("a.png", "", b"x")), "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", photo(caption="x" * 1025), "caption is too long"),
        ("sendPhoto", photo(caption="<b>", parse_mode="HTML"), "can't parse entities"),
        ("editMessageText", {"chat_id": 7, "message_id": 1, "text": "x"}, "no text in the message to edit"),
        ("editMessageCaption", {"chat_id": 7, "message_id": 1, "caption": "a"}, "message is not modified"),
        ("editMessageCaption", {"chat_id": 7, "message_id": 2, "caption": "x"}, "no caption in the message to edit"),
        ("editMessageMedia", {"chat_id": 7, "message_id": 1, "media": {"type": "video"}}, "can't parse input media"),
        ("editMessageMedia", {"chat_id": 7, "message_id": 1, "media": "{"}, "can't parse media JSON"),
    ],
)
async def test_photo_calls_that_are_refused(method: str, params: dict[str, Any], words: str) -> None:
    telegram = Telegram("1:TEST-x")
    telegram.execute("sendPhoto", photo(caption="a"))
    telegram.execute("sendMessage", {"chat_id": 7, "text": "b"})
    with pytest.raises(Refused, match=words):
        telegram.execute(method, params)
    await telegram.close()


async def test_text_becomes_a_picture_and_is_sent_again_by_its_id() -> None:
    telegram = Telegram("1:TEST-x")
    sent = telegram.execute("sendMessage", {"chat_id": 7, "text": "b"})
    media = {"type": "photo", "media": "attach://p", "caption": "<i>c</i>", "parse_mode": "HTML"}
    params = {"chat_id": 7, "message_id": sent["message_id"], "media": media, "p": photo()["photo"]}
    file_id = telegram.execute("editMessageMedia", params)["photo"][0]["file_id"]
    assert telegram.execute("sendPhoto", {"chat_id": 8, "photo": file_id})["photo"][0]["file_id"] == file_id
    assert telegram.messages[7, sent["message_id"]].text == "c"
    await telegram.close()


# Inside the answer to an update.


@asynccontextmanager
async def a_bot(telegram: Telegram, answers: list[tuple[str, bytes]]) -> AsyncIterator[None]:
    """A webhook that answers every update with the next of answers: content type and body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            content_type, body = answers.pop(0)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
                % (content_type.encode(), len(body))
            )
            writer.write(body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    telegram.execute("setWebhook", {"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhook"})
    try:
        yield
    finally:
        await telegram.close()
        server.close()


async def test_photo_inside_an_answer() -> None:
    telegram = Telegram("1:TEST-x", back_off_s=0.02)
    markup = '{"inline_keyboard":[[{"text":"1h","callback_data":"chart BTC 1h"}]]}'
    body = a_form(method="sendPhoto", chat_id="7", caption="BTC", reply_markup=markup, photo=a_png())
    async with a_bot(telegram, [(FORM, body)]):
        telegram.send("/chart", 7)
        await telegram.settle()
    (message,) = [message for message in telegram.messages.values() if message.of_bot]
    assert (message.text, telegram.pictures[message.file_id].content) == ("BTC", a_png())
    assert message.markup["inline_keyboard"][0][0]["callback_data"] == "chart BTC 1h"
    assert telegram.lost == []


async def test_malformed_form_inside_an_answer_is_a_failed_delivery() -> None:
    telegram = Telegram("1:TEST-x", back_off_s=0.02)
    whole = a_form(method="sendPhoto", chat_id="7", photo=a_png())
    async with a_bot(telegram, [(FORM, whole[:-9]), (FORM, whole.replace(b"\r\n", b"\n")), (FORM, whole)]):
        telegram.send("/chart", 7)
        await telegram.settle()
    assert [outcome for _, outcome in telegram.attempts] == ["Malformed", "Malformed", 200]
    assert sum(message.of_bot for message in telegram.messages.values()) == 1


async def test_picture_without_a_filename_is_no_file_and_is_lost() -> None:
    telegram = Telegram("1:TEST-x", back_off_s=0.02)
    body = a_form(method="sendPhoto", chat_id="7", photo=a_png()).replace(b'; filename="a.png"', b"")
    async with a_bot(telegram, [(FORM, body)]):
        telegram.send("/chart", 7)
        await telegram.settle()
    assert telegram.lost == ["sendPhoto: Bad Request: wrong file identifier/HTTP URL specified"]


@pytest.mark.parametrize(
    ("content_type", "body", "n_sent"),
    [
        ("application/json", b'{"method":"sendMessage","chat_id":7,"text":"x"}', 1),
        ("application/json", b'{"method":"sendMessage","chat_id":"7","text":"x"}', 1),
        ("application/x-www-form-urlencoded", b"method=sendMessage&chat_id=7&text=x", 1),
        ("text/plain", b'{"method":"sendMessage","chat_id":7,"text":"x"}', 0),
        ("application/json", b'{"method":"sendMessage"', 0),
        ("application/json", b"", 0),
    ],
)
async def test_other_answers(content_type: str, body: bytes, n_sent: int) -> None:
    """Only the three content types are looked at, and junk is no failure."""
    telegram = Telegram("1:TEST-x", back_off_s=0.02)
    async with a_bot(telegram, [(content_type, body)]):
        telegram.send("x", 7)
        await telegram.settle()
    assert sum(message.of_bot for message in telegram.messages.values()) == n_sent
    assert [outcome for _, outcome in telegram.attempts] == [200]
