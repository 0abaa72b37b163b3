"""The yardstick: the same exchange of bytes as one /price, written by hand on asyncio streams, without any checks.

A webhook update in, four requests to an exchange out, a fixed answer back. No routing, limits,
parsing, failover or rendering: what is left is what the machine and asyncio cost.
"""

from __future__ import annotations

import asyncio
import os
import urllib.parse

TARGETS = (
    ("BINANCE_SPOT_URL", "/api/v3/ticker/24hr?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/ticker/24hr?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/openInterest?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/premiumIndex?symbol=BTCUSDT"),
)
ANSWER = b'{"method":"sendMessage","text":"<pre>' + b"x" * 700 + b'</pre>"}'
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
idle: dict[int, list[Streams]] = {}


async def read_message(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def get(port: int, target: str) -> bytes:
    links = idle.setdefault(port, [])
    reader, writer = links.pop() if links else await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    body = await read_message(reader)
    links.append((reader, writer))
    return body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asks = [(urllib.parse.urlsplit(os.environ[name]).port or 80, target) for name, target in TARGETS]
    try:
        while True:
            await read_message(reader)
            await asyncio.gather(*(get(port, target) for port, target in asks))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
