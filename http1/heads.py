"""What stands in heads: of requests as strangers write them, and of our answers. Pure but for the date."""

from __future__ import annotations

import time

MAX_EMPTY_LINES = 4  # bytes of them before a request line (RFC 9112 §2.2: at least one empty line is ignored)
REASONS = {
    200: "OK",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
"""What people read beside a status; RFC 9112 §4 allows none. The table of http.HTTPStatus takes 1 ms at start."""


def own_part(target: str) -> str:
    """Of a target: what comes after scheme and host, where it has them."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return target
    host_end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    path = rest[host_end:]
    return path if path.startswith("/") else f"/{path}"


def without_empty_lines(data: bytes) -> bytes:
    """Up to MAX_EMPTY_LINES of them; what stands before a request line beyond that is left to be refused."""
    return data[:MAX_EMPTY_LINES].lstrip(b"\r\n") + data[MAX_EMPTY_LINES:]


def usual_head(content_type: str, length: int) -> bytes:
    """Of an answer of status 200 with a length, after which the connection stays. content_type: "" for no body.

    Nearly every answer's, and what h11 would write of the same headers (RFC 9112 §4, §5), for a tenth of its time: h11
    makes each answer twice, and checks each name and value, which here are all ours.
    """
    kind = f"content-type: {content_type}\r\n" if content_type else ""
    return f"HTTP/1.1 200 OK\r\ndate: {http_date()}\r\ncontent-length: {length}\r\n{kind}\r\n".encode("ascii")


_date: tuple[int, str] = (0, "")


def http_date() -> str:
    """Now as RFC 9110 §5.6.7 writes it, made once a second. (strftime follows no locale unless one is set.)"""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)))
    return _date[1]
