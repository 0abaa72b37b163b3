"""Answers of plain functions in httpx's words, behind those of our client."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx

from http1 import words
from http1.words import NO_TIMEOUTS, Asked, Timeouts

Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[Any, Any, httpx.Response]]


class Mocked:
    """Takes requests to a handler, as httpx.MockTransport does; httpx's errors come as ours of the same name."""

    def __init__(self, handler: Handler) -> None:
        self._line = httpx.MockTransport(handler)
        self.asked: list[Asked] = []

    async def send(self, asked: Asked, timeouts: Timeouts = NO_TIMEOUTS) -> MockedAnswer:
        self.asked.append(asked)
        try:
            return MockedAnswer(await self._line.handle_async_request(request_of(asked)))
        except httpx.HTTPError as error:
            raise as_ours(error) from error

    async def aclose(self) -> None:
        await self._line.aclose()


class MockedAnswer:
    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        self.is_whole = False
        self._response, self._pieces = response, aiter(response.stream)

    def at_hand(self) -> bytes | None:
        """Everything is waited for."""
        return None

    async def read(self) -> bytes:
        """The next piece that has a byte."""
        try:
            while not (piece := await anext(self._pieces, None)):
                if piece is None:
                    self.is_whole = True
                    return b""
        except httpx.HTTPError as error:
            raise as_ours(error) from error
        return piece

    def close(self) -> None:
        """Nothing is open; that it was called can be seen."""
        self._response.extensions["is_closed"] = True


def request_of(asked: Asked) -> httpx.Request:
    """A request that was made into bytes, read again."""
    head, _, content = asked.sent.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = [(name, value) for name, _, value in (each.partition(": ") for each in lines)]
    scheme, host, port = asked.place
    where = f"[{host}]" if ":" in host else host
    return httpx.Request(method, f"{scheme}://{where}:{port}{target}", headers=headers, content=content)


def as_ours(error: httpx.HTTPError) -> words.LineError:
    kind: type[words.LineError] = getattr(words, type(error).__name__)
    return kind(str(error))
