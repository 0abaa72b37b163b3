"""multipart/form-data, read as Telegram's own HTTP reader reads it.

The same reader takes what is posted to the Bot API and what a webhook answers, so a form that
it does not take is a delivery that failed. It is stricter than a browser's: the lines between
parts end with CRLF and nothing else, a boundary has 1 to 70 characters, a part without a
`filename` is a parameter however long it is.
Source: tdlib/td, tdnet HttpReader.cpp, `parse_multipart_form_data`.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

MAX_BOUNDARY = 70  # characters
MAX_PARAMETERS = 1 << 20  # bytes of all values that are no files
MAX_HEADERS = 1 << 18  # bytes of all parts' headers
MAX_FILES = 50


class Malformed(ValueError):
    """A form that Telegram does not read, with the status and words of its answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class File(NamedTuple):
    """A part with a filename."""

    name: str
    content_type: str
    content: bytes


class Part(NamedTuple):
    """What the headers of a part say; filename is None for a parameter."""

    name: str
    filename: str | None
    content_type: str


def read_form(content_type: str, body: bytes) -> dict[str, str | File]:
    """The parameters and files of a form, by name. Raises Malformed."""
    delimiter = b"\r\n--" + boundary(content_type)
    found: dict[str, str | File] = {}
    at = _after(body, delimiter[2:], 0)  # the first needs no line end before it
    n_headers = n_parameters = n_files = 0
    while body[at : at + 2] != b"--":
        headers_end = body.find(b"\r\n\r\n", at)
        if headers_end < 0:
            raise Malformed(400, "Bad Request: the form ends within the headers of a part")
        if headers_end == at:
            raise Malformed(400, "Bad Request: headers in multipart/form-data are empty")
        n_headers += headers_end - at
        if n_headers > MAX_HEADERS:
            raise Malformed(431, "Request Header Fields Too Large: total headers size exceeded")
        part = _part(body[at + 2 : headers_end])
        end = body.find(delimiter, headers_end + 4)
        if end < 0:
            raise Malformed(400, "Bad Request: the form ends within a part")
        content, at = body[headers_end + 4 : end], end + len(delimiter)
        if part.filename is not None:
            n_files += 1
            if n_files > MAX_FILES:
                raise Malformed(413, "Request Entity Too Large: too much files attached")
            found[part.name] = File(part.filename, part.content_type, content)
            continue
        n_parameters += len(content)
        if n_parameters > MAX_PARAMETERS:
            raise Malformed(413, "Request Entity Too Large: too much parameters in form data")
        found |= _values(part, content)
    return found


def boundary(content_type: str) -> bytes:
    """What stands between parts. Raises Malformed."""
    at = content_type.lower().find("boundary")
    if at < 0:
        raise Malformed(400, "Bad Request: boundary not found")
    _, sign, value = content_type[at:].partition("=")
    if not sign:
        raise Malformed(400, "Bad Request: boundary value not found")
    value = value.partition(";")[0]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not 1 <= len(value) <= MAX_BOUNDARY:
        raise Malformed(400, "Bad Request: boundary too big or empty")
    return value.encode("latin-1")


def _after(body: bytes, mark: bytes, start: int) -> int:
    at = body.find(mark, start)
    if at < 0:
        raise Malformed(400, "Bad Request: the form has no boundary in it")
    return at + len(mark)


def _part(headers: bytes) -> Part:
    """Reads a part's headers. Raises Malformed."""
    name, filename, content_type = "", None, "application/octet-stream"
    for line in headers.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            raise Malformed(400, "Bad Request: can't parse form data headers")
        if key.strip().lower() == "content-type":
            content_type = value.strip()
        elif key.strip().lower() == "content-disposition":
            if not value.strip().startswith("form-data;"):
                raise Malformed(400, "Bad Request: expected form-data content disposition")
            fields = _fields(value.strip().removeprefix("form-data;"))
            name, filename = fields.get("name", ""), fields.get("filename")
    if not name:
        raise Malformed(400, "Bad Request: field name in multipart/form-data not found")
    return Part(name, filename, content_type)


def _fields(text: str) -> dict[str, str]:
    """`name="photo"; filename="a.png"`. A semicolon ends a value even within quotes, as it does for Telegram."""
    fields = {}
    for each in text.split(";"):
        key, sign, value = each.partition("=")
        value = value.strip()
        if sign:
            fields[key.strip()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    return fields


def _values(part: Part, content: bytes) -> dict[str, str]:
    text = content.decode("utf-8", "replace")
    if part.content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(text, keep_blank_values=True))
    return {part.name: text}
