"""Sends updates to a webhook as fast as a number of connections allow, and times the answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable

_numbers = itertools.count(1)


def update(text: str, chat_id: int = 1) -> bytes:
    """A private message as Telegram delivers it."""
    number = next(_numbers)
    message = {
        "message_id": number,
        "from": {"id": chat_id, "is_bot": False, "first_name": "Ada"},
        "chat": {"id": chat_id, "first_name": "Ada", "type": "private"},
        "date": int(time.time()),
        "text": text,
    }
    return json.dumps({"update_id": number, "message": message}).encode()


def request(body: bytes, secret: str) -> bytes:
    head = (
        "POST /webhook HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)


async def run(
    port: int, secret: str, text: Callable[[int], str], n: int, n_connections: int, *, any_text: bool = False
) -> list[float]:
    """The seconds that each of n updates took.

    Raises RuntimeError for an answer that is no message, or (unless any_text) has no figures.
    """
    seconds: list[float] = []
    numbers = iter(range(n))

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            began = time.perf_counter()
            writer.write(request(update(text(number), number % 500 + 1), secret))
            status, body = await read_answer(reader)
            seconds.append(time.perf_counter() - began)
            is_answer = b'"sendMessage"' in body and b"went wrong" not in body and (any_text or b"<pre>" in body)
            if status != 200 or not is_answer:
                raise RuntimeError(f"not an answer: {status} {body[:300]!r}")
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(n_connections)))
    return seconds
