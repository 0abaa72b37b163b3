"""The events that AWS Lambda is called with, as requests. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from http1.server import HTTPError, Request


def request_of(event: object) -> Request:
    """The request in an event. Raises HTTPError 400 for events that are none, such as a timer's, whatever their shape.

    What no header can hold becomes "?", as does half a character, as it would not have come over the wire.
    """
    if not isinstance(event, dict):
        raise HTTPError(400, "the event is no HTTP request")
    context = _mapping(event, "requestContext")
    method, path = method_of(event), event.get("rawPath") or event.get("path")
    if not method or not isinstance(path, str):
        raise HTTPError(400, "the event is no HTTP request")
    stage = context.get("stage", "$default")
    if stage != "$default" and f"{path}/".startswith(f"/{stage}/"):
        path = path.removeprefix(f"/{stage}") or "/"
    query = event.get("rawQueryString")
    if not query or not isinstance(query, str):
        told = _mapping(event, "queryStringParameters")
        query = urlencode({name: str(value) for name, value in told.items()}, errors="replace")
    headers = {
        str(name).lower(): str(value).encode("latin-1", "replace").decode("latin-1")
        for name, value in _mapping(event, "headers").items()
    }
    body = event.get("body") or ""
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (ValueError, AttributeError, TypeError) as error:
        raise HTTPError(400, "the event's body cannot be decoded") from error
    headers.pop("transfer-encoding", None)
    headers["content-length"] = str(len(content))

    async def read_body(max_bytes: int) -> bytes:
        if len(content) > max_bytes:
            raise HTTPError(413, f"the body is larger than {max_bytes} bytes")
        return content

    return Request(_whole(method), _whole(f"{path}?{query}" if query else path), headers, read_body)


def method_of(event: object) -> str:
    """GET, POST, HEAD … of an event, payload 2.0 or 1.0; "" where there is none."""
    if not isinstance(event, dict):
        return ""
    method = _mapping(_mapping(event, "requestContext"), "http").get("method") or event.get("httpMethod")
    return method if isinstance(method, str) else ""


def _whole(text: str) -> str:
    """Without half characters (lone surrogates), which JSON can write and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in the event; an empty one for what is none."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}
