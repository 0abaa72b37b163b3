"""Requests as they are sent; httpx, which takes the same words, is the witness."""

from __future__ import annotations

import httpx
import pytest
from conftest import together

from http1.words import LocalProtocolError, to_ask


def test_request_is_made_into_bytes() -> None:
    asked = to_ask("POST", "https://x.test:8443/a?b=c", {"x-key": "1"}, b"hello")
    assert asked.place == ("https", "x.test", 8443)
    assert asked.sent == b"POST /a?b=c HTTP/1.1\r\nHost: x.test:8443\r\nx-key: 1\r\nContent-Length: 5\r\n\r\nhello"
    assert (asked.has_body, asked.is_repeatable) == (True, False)


def test_which_requests_may_come_twice() -> None:
    assert to_ask("GET", "http://x/", {}).is_repeatable
    assert not to_ask("POST", "http://x/", {}, b"1").is_repeatable
    assert to_ask("POST", "http://x/", {}, b"1", is_repeatable=True).is_repeatable


@together(
    "url",
    [
        "http://x.test",
        "http://x.test?a=1",
        "https://X.Test:443/a/../b?c=d&e=f#g",
        "http://127.0.0.1:8080/a%20b?symbol=BTC-USDT",
        "http://[::1]:8080/a",
        "https://user:word@x.test/a",
        "https://x.test/a?symbol=\u5e01\u5b89USDT",
        "https://b\u00f6rse.test/a",
        "https://x.test/a?symbol=BTC USDT",
    ],
)
def test_request_goes_where_httpx_would_send_it(url: str) -> None:
    asked, theirs = to_ask("GET", url, {}), httpx.Request("GET", url)
    line, host, *_ = asked.sent.split(b"\r\n")
    port = theirs.url.port or {"http": 80, "https": 443}[theirs.url.scheme]
    assert asked.place == (theirs.url.scheme, theirs.url.raw_host.decode(), port)
    assert line.split(b" ")[1].replace(b"/a/../b", b"/b") == theirs.url.raw_path
    assert host == b"Host: " + theirs.headers["host"].encode()


@together(
    "url",
    ["", "x.test/a", "ftp://x/", "http://", "http://x:99999/", "http://x:a/", "http://x/\r\nHost: y", "http://x/\x00"],
)
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(LocalProtocolError):
        to_ask("GET", url, {})


@together("named", [{"x-key": "secret\r\nX-Other: 1"}, {"x\r\ny": "secret"}, {"x y": "secret"}, {"x:": "secret"}])
def test_header_that_cannot_be_sent_is_told_without_its_value(named: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError) as told:
        to_ask("GET", "http://x/", named)
    assert "secret" not in str(told.value)


def test_method_that_is_none_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        to_ask("GET /a HTTP/1.1\r\nX:", "http://x/", {})
