"""The encoder byte by byte, and against three readers that others wrote."""

from __future__ import annotations

import io
from collections.abc import Callable
from email import message_from_bytes
from email.policy import HTTP

import pytest
import python_multipart
from conftest import together
from werkzeug.sansio.multipart import Data, Epilogue, Field, MultipartDecoder
from werkzeug.sansio.multipart import File as WerkzeugFile

from telegram.multipart import File, encode

PNG = b"\x89PNG\r\n\x1a\n\r\n--not-the-boundary\r\n\x00\xff"
PHOTO = File("chart.png", "image/png", PNG)
PARAMETERS = {
    "method": "sendPhoto",
    "chat_id": -1001234567890,
    "caption": '<b>BTC-USDT</b> 64 401,2 · 币安人生\r\n--"quoted"\r\n',
    "reply_markup": {"inline_keyboard": [[{"text": "🔄", "callback_data": "chart BTC"}]]},
    "disable_notification": True,
    "message_thread_id": None,
}
TOLD = {
    "method": "sendPhoto",
    "chat_id": "-1001234567890",
    "caption": '<b>BTC-USDT</b> 64 401,2 · 币安人生\r\n--"quoted"\r\n',
    "reply_markup": '{"inline_keyboard":[[{"text":"🔄","callback_data":"chart BTC"}]]}',
    "disable_notification": "true",
}

Read = tuple[dict[str, str], dict[str, File]]


def by_email(content_type: str, body: bytes) -> Read:
    """The standard library's reader of mail: it wants the header in front."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
    texts, files = {}, {}
    for part in message.iter_parts():
        name, content = part["content-disposition"].params["name"], part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename():
            files[name] = File(str(part.get_filename()), part.get_content_type(), content)
        else:
            texts[name] = content.decode()
    return texts, files


def by_python_multipart(content_type: str, body: bytes) -> Read:
    texts: dict[str, str] = {}
    files: dict[str, File] = {}

    def on_field(field: python_multipart.multipart.Field) -> None:
        texts[(field.field_name or b"").decode()] = (field.value or b"").decode()

    def on_file(file: python_multipart.multipart.File) -> None:
        file.file_object.seek(0)
        name = (file.file_name or b"").decode()
        files[(file.field_name or b"").decode()] = File(name, "image/png", file.file_object.read())

    headers = {"Content-Type": content_type.encode(), "Content-Length": str(len(body)).encode()}
    python_multipart.parse_form(headers, io.BytesIO(body), on_field, on_file)
    return texts, files


def by_werkzeug(content_type: str, body: bytes) -> Read:
    decoder = MultipartDecoder(content_type.partition("boundary=")[2].encode())
    decoder.receive_data(body)
    decoder.receive_data(None)
    texts, files, contents = dict[str, str](), dict[str, File](), dict[str, bytes]()
    begun: Field | WerkzeugFile | None = None
    while not isinstance(event := decoder.next_event(), Epilogue):
        if isinstance(event, Field | WerkzeugFile):
            begun = event
        elif isinstance(event, Data):
            assert begun is not None
            contents[begun.name] = contents.get(begun.name, b"") + event.data
            if isinstance(begun, WerkzeugFile):
                files[begun.name] = File(begun.filename, begun.headers["content-type"], contents[begun.name])
            else:
                texts[begun.name] = contents[begun.name].decode()
    return texts, files


READERS = (by_email, by_python_multipart, by_werkzeug)
by_every_reader = together("read", READERS)


@by_every_reader
def test_photo_is_read_as_it_was(read: Callable[[str, bytes], Read]) -> None:
    texts, files = read(*encode(PARAMETERS, {"photo": PHOTO}))
    assert files == {"photo": PHOTO}
    assert texts == TOLD


@by_every_reader
def test_edited_media_has_its_part(read: Callable[[str, bytes], Read]) -> None:
    media = {"type": "photo", "media": "attach://p"}
    texts, files = read(*encode({"method": "editMessageMedia", "media": media}, {"p": PHOTO}))
    assert texts["media"] == '{"type":"photo","media":"attach://p"}'
    assert files["p"].content == PNG


@by_every_reader
@together("content", [b"\r\n", b"\r\n\r\n--", b"-" * 99, bytes(range(256)) * 50, b"\n", b"x"])
def test_odd_contents(read: Callable[[str, bytes], Read], content: bytes) -> None:
    content_type, body = encode({"method": "sendPhoto"}, {"photo": PHOTO._replace(content=content)})
    found = read(content_type, body)[1]["photo"].content
    assert found == content


def test_every_byte() -> None:
    content_type, body = encode({"method": "sendPhoto", "chat_id": 7}, {"photo": File("c.png", "image/png", b"\x89P")})
    boundary = content_type.removeprefix("multipart/form-data; boundary=")
    assert body.decode("latin-1") == (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="method"\r\n'
        "\r\n"
        "sendPhoto\r\n"
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="chat_id"\r\n'
        "\r\n"
        "7\r\n"
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="photo"; filename="c.png"\r\n'
        "Content-Type: image/png\r\n"
        "\r\n"
        "\x89P\r\n"
        f"--{boundary}--\r\n"
    )


def test_boundary_is_short_and_plain() -> None:
    boundary = encode({}, {"photo": PHOTO})[0].partition("boundary=")[2]
    assert len(boundary) <= 70
    assert boundary.replace("-", "").isalnum()


def test_same_contents_same_bytes() -> None:
    assert encode(PARAMETERS, {"photo": PHOTO}) == encode(PARAMETERS, {"photo": PHOTO})


def test_boundary_within_contents_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents that hold the boundary that they would get: as good as impossible, so the digest is made to repeat."""

    class Digest:
        turns = 0

        def update(self, _: bytes) -> None: ...

        def hexdigest(self) -> str:
            self.turns += 1
            return f"{self.turns:032}"

    monkeypatch.setattr("telegram.multipart.hashlib.sha256", Digest)
    content_type, body = encode({"caption": "picture-" + "1".zfill(32)}, {})
    assert content_type.endswith("2".zfill(32))
    assert by_email(content_type, body)[0] == {"caption": "picture-" + "1".zfill(32)}


@together("name", ["", 'a"b', "a\r\nb", "a;b", "é"])
def test_names_that_would_need_quoting_are_refused(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that of ASCII says it its own way
        encode({name: "x"}, {})
    with pytest.raises(ValueError):  # noqa: PT011
        encode({}, {"photo": PHOTO._replace(name=name)})


def test_parameters_beyond_telegrams_limit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 MiB"):
        encode({"caption": "x" * (1 << 20), "chat_id": 1}, {})
