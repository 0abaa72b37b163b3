"""What one always-open websocket costs: memory and CPU, against the offline world's liquidations.

    python bench/websocket_probe.py                 by hand, on asyncio streams
    pip install websockets==15.0.1                  for the third line

Binance and Bybit tell liquidations by stream only. Whether the bot should listen is decided by what that takes of its
256 MB and of its shared processor; the answer is below the table. A process each: one plays the exchange over TLS on
loopback (Binance's forceOrder, made of the world's liquidations), the others listen and look at themselves. What the
bot has loaded anyway (asyncio, ssl with its roots, orjson) is loaded before they look.

                      1 socket KiB    8th, KiB  us a message     us a ping
    by hand                    596         285            12           276
    websockets                2148         293             8           250

(Python 3.11.7, websockets 15.0.1, 2 shared processors, 2026-11-26.) The first socket brings what asyncio's streams and
ssl, or the package, load; most of each further one is asyncio's own 256 KiB buffer for TLS. A message is read,
parsed and added up; a ping is answered, with the loop's waking up, which is most of it.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
MAX_MESSAGE = 256 * 1024  # bytes
N_MESSAGES = 20_000
QUIET_S = 10
PINGS_A_SECOND = 2  # while quiet; Binance pings every 3 minutes, Bybit wants one every 20 s
SOCKETS = (1, 2, 8)
ROW = "{:<22}{:>12}{:>12}{:>14}{:>14}"
RECOMMENDATION = """\
Recommendation: when the two streams are wanted, listen by hand, on asyncio streams, and only where the process never
sleeps. Binance's and Bybit's socket together take some 0.9 MiB, the package 2.4 MiB, for what some 70 lines give. Ten
messages a second all day are 10 s of CPU, so that neither decides. What decides is the rest of the price: a machine
that may not sleep, a reconnect at least every 24 h and after every silence, sums kept in the store for the hours before
the socket was open, and a third door to the exchanges beside requests and their budgets."""


class Closed(Exception):
    """The other end has closed, or broken the protocol."""


async def connect(host: str, port: int, path: str, tls: ssl.SSLContext) -> tuple[Any, Any]:
    """Streams after the opening handshake (RFC 6455 §4.1). Raises Closed."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=2 * MAX_MESSAGE)
    key = base64.b64encode(os.urandom(16))
    head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    writer.write(head.encode() + b"sec-websocket-version: 13\r\nsec-websocket-key: " + key + b"\r\n\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    proof = base64.b64encode(hashlib.sha1(key + GUID).digest())
    if not answer.startswith(b"HTTP/1.1 101") or proof not in answer:
        raise Closed(answer[:80])
    return reader, writer


def frame(opcode: int, payload: bytes, *, is_masked: bool) -> bytes:
    """A whole frame (RFC 6455 §5.2); a client's is masked."""
    mask_bit, n = 0x80 if is_masked else 0, len(payload)
    head = (
        bytes([0x80 | opcode, mask_bit | n])
        if n < 126
        else bytes([0x80 | opcode, mask_bit | 126]) + struct.pack("!H", n)
    )
    if not is_masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def messages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Whole messages; pings are answered. Ends with Closed."""
    whole = b""
    while True:
        first, second = await reader.readexactly(2)
        n = second & 0x7F
        if n == 126:
            (n,) = struct.unpack("!H", await reader.readexactly(2))
        elif n == 127:
            (n,) = struct.unpack("!Q", await reader.readexactly(8))
        if n + len(whole) > MAX_MESSAGE or second & 0x80:  # a server masks nothing
            raise Closed("a frame that cannot be")
        payload = await reader.readexactly(n)
        opcode = first & 0x0F
        if opcode == CLOSE:
            raise Closed("closed")
        if opcode == PING:
            writer.write(frame(PONG, payload, is_masked=True))
        elif opcode != PONG:
            whole += payload
            if first & 0x80:
                yield whole
                whole = b""


# The exchange.


def liquidations() -> list[bytes]:
    """A day's, as Binance tells them: {"e": "forceOrder", "o": {"s", "S", "q", "p", "ap", "T", …}}."""
    sys.path.insert(0, str(ROOT))
    from demo.market import Market

    market, told = Market(), []
    now = market.clock()
    for base in ("BTC", "ETH", "SOL", "XRP", "DOGE"):
        for each in market.liquidations("binance", base, now - 86_400, now):
            side, size, price = "SELL" if each.side == "long" else "BUY", str(each.size), str(each.price)
            order = {"s": f"{base}USDT", "S": side, "o": "LIMIT", "f": "IOC", "q": size, "p": price, "ap": price}
            order_s = {**order, "X": "FILLED", "l": size, "z": size, "T": each.time_ms}
            told.append(json.dumps({"e": "forceOrder", "E": each.time_ms, "o": order_s}).encode())
    return told


async def serve(certificate: str) -> None:
    """/flood sends N_MESSAGES at once; /quiet pings only."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    told = liquidations()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        proof = base64.b64encode(hashlib.sha1(key + GUID).digest())
        upgrade = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        )
        writer.write(upgrade + proof + b"\r\n\r\n")
        try:
            for n in range(N_MESSAGES if b"/flood" in head else 0):
                writer.write(frame(TEXT, told[n % len(told)], is_masked=False))
                await writer.drain()
            while True:
                writer.write(frame(PING, b"1", is_masked=False))
                await writer.drain()
                await asyncio.sleep(1 / PINGS_A_SECOND)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


# The listeners.

Listen = Callable[[int, str, ssl.SSLContext], Awaitable[AsyncIterator[bytes]]]


async def by_hand(port: int, path: str, tls: ssl.SSLContext) -> AsyncIterator[bytes]:
    return messages(*await connect("localhost", port, path, tls))


async def by_package(port: int, path: str, tls: ssl.SSLContext) -> AsyncIterator[bytes]:
    client = importlib.import_module("websockets.asyncio.client")
    opened = await client.connect(f"wss://localhost:{port}{path}", ssl=tls, compression=None, ping_interval=None)

    async def raw() -> AsyncIterator[bytes]:
        while True:
            yield await opened.recv(decode=False)

    return raw()


LISTENERS: dict[str, Listen] = {"by hand": by_hand, "websockets": by_package}


def resident_kib() -> int:
    """What is in memory and nobody else's (proc(5), smaps_rollup)."""
    gc.collect()
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_"))


async def look(listen: Listen, port: int, roots: str) -> dict[str, float]:
    """Memory with some sockets open, CPU of messages that are parsed, and of keeping still."""
    tls = ssl.create_default_context(cafile=roots)
    sys.path.insert(0, str(ROOT))
    importlib.import_module("bot")  # what is there anyway
    before, opened, figures = resident_kib(), list[Any](), dict[str, float]()
    for n in SOCKETS:
        while len(opened) < n:
            opened.append(asyncio.ensure_future(anext(aiter(await listen(port, "/quiet", tls)))))
            await asyncio.sleep(0.3)
        figures[f"KiB {n}"] = resident_kib() - before
    began = time.process_time()
    await asyncio.sleep(QUIET_S)
    figures["quiet"] = (time.process_time() - began) * 1e6 / (QUIET_S * PINGS_A_SECOND * len(opened))
    stream, began = await listen(port, "/flood", tls), time.process_time()
    n_coins = 0.0
    for _ in range(N_MESSAGES):
        n_coins += float(orjson.loads(await anext(stream))["o"]["q"])
    figures["message"] = (time.process_time() - began) * 1e6 / N_MESSAGES
    for task in opened:
        task.cancel()
    return figures


def main() -> None:
    import trustme

    with tempfile.TemporaryDirectory() as folder:
        authority, certificate, roots = trustme.CA(), f"{folder}/server.pem", f"{folder}/roots.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(roots)
        server = subprocess.Popen([sys.executable, __file__, "serve", certificate], stdout=subprocess.PIPE)
        assert server.stdout is not None
        try:
            port = server.stdout.readline().decode().strip()
            print(ROW.format("", "1 socket KiB", "8th, KiB", "us a message", "us a ping"))
            for name in LISTENERS:
                if name != "by hand" and importlib.util.find_spec(name) is None:
                    print(ROW.format(name, *["not there"] * 4))
                    continue
                told = subprocess.run(
                    [sys.executable, __file__, name, port, roots], capture_output=True, check=True
                ).stdout
                of = json.loads(told)
                each = (of["KiB 8"] - of["KiB 2"]) / 6
                print(
                    ROW.format(name, f"{of['KiB 1']:.0f}", f"{each:.0f}", f"{of['message']:.0f}", f"{of['quiet']:.0f}")
                )
            print(f"\n{RECOMMENDATION}")
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
    elif sys.argv[1:]:
        print(json.dumps(asyncio.run(look(LISTENERS[sys.argv[1]], int(sys.argv[2]), sys.argv[3]))))
    else:
        main()
