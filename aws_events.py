"""The events that AWS Lambda is called with, as requests. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from http1.server import HTTPError, Request


def request_of(event: Mapping[str, Any]) -> Request:
    """The request in an event. Raises HTTPError 400 for events that are none, such as a timer's."""
    context = event.get("requestContext") or {}
    of_http = context.get("http") or {}  # payload 2.0
    method, path = of_http.get("method") or event.get("httpMethod"), event.get("rawPath") or event.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        raise HTTPError(400, "the event is no HTTP request")
    stage = context.get("stage", "$default")
    if stage != "$default" and f"{path}/".startswith(f"/{stage}/"):
        path = path.removeprefix(f"/{stage}") or "/"
    query = event.get("rawQueryString") or urlencode(event.get("queryStringParameters") or {})
    headers = {
        # What no header can hold becomes "?", as it would not have come over the wire.
        str(name).lower(): str(value).encode("latin-1", "replace").decode("latin-1")
        for name, value in (event.get("headers") or {}).items()
    }
    body = event.get("body") or ""
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (ValueError, AttributeError, TypeError) as error:
        raise HTTPError(400, "the event's body cannot be decoded") from error
    headers["content-length"] = str(len(content))

    async def read_body(max_bytes: int) -> bytes:
        if len(content) > max_bytes:
            raise HTTPError(413, f"the body is larger than {max_bytes} bytes")
        return content

    return Request(method, f"{path}?{query}" if query else path, headers, read_body)
