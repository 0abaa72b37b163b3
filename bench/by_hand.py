"""The yardstick: the same exchange of bytes as one /price, written by hand on asyncio streams, without any checks.

A webhook update in, seven requests to an exchange out, a fixed answer back: the same seven that a cold /price of
Binance asks at once (two tickers, open interest, funding, and for its card two spans of candles and the past of open
interest). Where exchanges speak HTTPS, so does this, with one context. No routing, limits, parsing, failover or
rendering: what is left is what the machine, asyncio and TLS cost.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import urllib.parse

TARGETS = (
    ("BINANCE_SPOT_URL", "/api/v3/ticker/24hr?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/ticker/24hr?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/openInterest?symbol=BTCUSDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/premiumIndex?symbol=BTCUSDT"),
    ("BINANCE_SPOT_URL", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=61"),
    ("BINANCE_SPOT_URL", "/api/v3/klines?symbol=BTCUSDT&interval=4h&limit=181"),
    ("BINANCE_USDM_URL", "/futures/data/openInterestHist?symbol=BTCUSDT&period=1h&limit=25"),
)
IS_TLS = os.environ.get(TARGETS[0][0], "").startswith("https:")
TLS = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE")) if IS_TLS else None
ANSWER = b'{"method":"sendMessage","text":"<pre>' + b"x" * 700 + b'</pre>"}'
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
idle: dict[int, list[Streams]] = {}


async def read_message(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def get(port: int, target: str) -> bytes:
    links = idle.setdefault(port, [])
    reader, writer = links.pop() if links else await asyncio.open_connection("127.0.0.1", port, ssl=TLS)
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
