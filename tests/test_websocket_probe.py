"""The probe's websocket by hand: what it measures is one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websocket_probe as probe


class Pen:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


async def read(wire: bytes) -> tuple[list[bytes], bytes, BaseException]:
    """The messages, what was answered, and how it ended."""
    reader, pen, found = asyncio.StreamReader(), Pen(), list[bytes]()
    reader.feed_data(wire)
    reader.feed_eof()
    writer: Any = pen
    try:
        async for message in probe.messages(reader, writer):
            found.append(message)
    except (probe.Closed, asyncio.IncompleteReadError) as error:
        return found, pen.written, error
    raise AssertionError("it never ends by itself")


@pytest.mark.parametrize("n", [0, 125, 126, 65_535])
async def test_frame_of_every_length(n: int) -> None:
    found, _, _ = await read(probe.frame(probe.TEXT, b"x" * n, is_masked=False))
    assert found == [b"x" * n]


async def test_fragments_are_one_message_and_a_ping_between_them_is_answered() -> None:
    begin, end = b"\x01\x03abc", b"\x80\x01d"
    found, answered, _ = await read(begin + probe.frame(probe.PING, b"hi", is_masked=False) + end)
    assert found == [b"abcd"]
    assert answered[:2] == b"\x8a\x82"  # a pong of two bytes, masked


@pytest.mark.parametrize("wire", [b"\x88\x00", b"\x81\x83abc", b"\x81\x7f" + (1 << 40).to_bytes(8, "big")])
async def test_what_ends_it(wire: bytes) -> None:
    found, _, error = await read(wire)
    assert found == []
    assert isinstance(error, probe.Closed)
