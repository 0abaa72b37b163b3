"""A call's parameters as a body: JSON, or with a file in it multipart/form-data, as Telegram reads it. Pure.

The same bytes serve as a webhook's answer, base64 on Lambda, and in a call that polling sends.

Telegram's reader is strict: lines end with CRLF and nothing else, a boundary has at most 70 characters, all parameters
together at most 1 MiB (files are not counted), and what it cannot read is a failed delivery: the update comes again.
Source: RFC 7578; RFC 2046 §5.1.1; tdlib/td, HttpReader::parse_multipart_form_data.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import orjson

MAX_PARAMETERS = 1 << 20


class File(NamedTuple):
    """A part with a file name: without one Telegram would take it for a parameter. Both names are ours: ASCII."""

    name: str
    content_type: str
    content: bytes


def body_of(parameters: Mapping[str, object]) -> tuple[str, bytes]:
    """The Content-Type and the body of a call. A File among them is sent as one. Raises ValueError, as encode."""
    files = {name: value for name, value in parameters.items() if isinstance(value, File)}
    if not files:
        return "application/json", orjson.dumps(parameters)
    return encode({name: value for name, value in parameters.items() if name not in files}, files)


def encode(parameters: Mapping[str, object], files: Mapping[str, File]) -> tuple[str, bytes]:
    """The Content-Type and the body. Parameters that are no text are told as JSON; None is not told.

    Raises ValueError when the parameters are larger than Telegram takes.
    """
    texts = {name: _text(value) for name, value in parameters.items() if value is not None}
    if sum(map(len, texts.values())) > MAX_PARAMETERS:
        raise ValueError("parameters of more than 1 MiB")
    boundary = _boundary([*texts.values(), *(file.content for file in files.values())])
    lines: list[bytes] = []
    for name, text in texts.items():
        lines += [b"--" + boundary, b'Content-Disposition: form-data; name="%b"' % _quoted(name), b"", text]
    for name, file in files.items():
        told = b'Content-Disposition: form-data; name="%b"; filename="%b"' % (_quoted(name), _quoted(file.name))
        lines += [b"--" + boundary, told, b"Content-Type: " + file.content_type.encode("ascii"), b"", file.content]
    lines += [b"--" + boundary + b"--", b""]
    return f"multipart/form-data; boundary={boundary.decode()}", b"\r\n".join(lines)


def _text(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _quoted(name: str) -> bytes:
    """A name that needs no quoting, or ValueError: one with a quote in it would end the header early."""
    if not name or not all(letter.isalnum() or letter in "_-." for letter in name):
        raise ValueError(f"{name!r} is no name of a part")
    return name.encode("ascii")


def _boundary(contents: list[bytes]) -> bytes:
    """40 characters that stand in none of the contents: the same for the same ones, another one should they do."""
    digest = hashlib.sha256()
    for each in contents:
        digest.update(each)
    while True:
        boundary = b"picture-" + digest.hexdigest()[:32].encode()
        if not any(boundary in each for each in contents):
            return boundary
        digest.update(boundary)
