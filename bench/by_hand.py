"""The yardstick: /price of one coin, written by hand on asyncio streams, without any checks.

A webhook update in, seven requests to an exchange out, a card with the same figures back: the same seven that a cold
/price of Binance asks at once (two tickers, open interest, funding, and for its card two spans of candles and the past
of open interest), each read by orjson. Where exchanges speak HTTPS, so does this, with one context. No routing,
limits, failover, budgets, counts, units, reasons for what is missing: what is left is what the machine, asyncio and TLS
cost, and the least that a card takes. All rows are read, where the bot cuts out those that it needs. BYTES_ONLY=1
leaves out reading and writing figures as well: the seven answers are looked at by nobody, and the reply is the same
every time.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
import urllib.parse
from typing import Any

import orjson

TARGETS = (
    ("BINANCE_SPOT_URL", "/api/v3/ticker/24hr?symbol={}USDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/ticker/24hr?symbol={}USDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/openInterest?symbol={}USDT"),
    ("BINANCE_USDM_URL", "/fapi/v1/premiumIndex?symbol={}USDT"),
    ("BINANCE_SPOT_URL", "/api/v3/klines?symbol={}USDT&interval=1m&limit=61"),
    ("BINANCE_SPOT_URL", "/api/v3/klines?symbol={}USDT&interval=4h&limit=181"),
    ("BINANCE_USDM_URL", "/futures/data/openInterestHist?symbol={}USDT&period=15m&limit=98"),
)
IS_TLS = os.environ.get(TARGETS[0][0], "").startswith("https:")
TLS = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE")) if IS_TLS else None
BYTES_ONLY = os.environ.get("BYTES_ONLY") == "1"
ANSWER = b'{"method":"sendMessage","text":"<pre>' + b"x" * 700 + b'</pre>"}'
BUTTONS = (
    (("🔄", "price"), ("📈", "chart"), ("🔔", "alert"), ("⭐", "watch add")),
    (("Analysis", "analysis"), ("CVD", "cvd"), ("OI", "oi"), ("Funding", "funding")),
)
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


def card(chat_id: int, coin: str, bodies: list[bytes]) -> bytes:
    """The reply with the figures of a /price's card."""
    spot, perp, interest, premium, minutes, hours, past = map(orjson.loads, bodies)
    last, perp_last, rate = float(spot["lastPrice"]), float(perp["lastPrice"]), float(premium["lastFundingRate"])
    held, now = float(interest["openInterest"]), time.time()
    befores = (float(minutes[0][1]), float(hours[-43][1]), float(hours[0][1]))
    hour, week, month = ((last / before - 1) * 100 for before in befores)
    hour_oi, day_oi = ((held / float(past[at]["sumOpenInterest"]) - 1) * 100 for at in (-5, -97))
    due_min = (premium["nextFundingTime"] / 1000 - now) / 60
    change = float(spot["priceChangePercent"])
    sides = [
        f"{name} 24h: {float(of['lowPrice']):,.2f} – {float(of['highPrice']):,.2f}, "
        f"{float(of['priceChangePercent']):+.2f}%, {float(of['volume']) / 1e3:.1f}K {coin}"
        for name, of in (("Spot", spot), ("Perpetual", perp))
    ]
    text = (
        f"<b>{coin} {last:,.2f}</b>  {'🟢' if change > 0 else '🔴'} {change:+.2f}% 24h\n"
        f"<pre>24h   {float(spot['lowPrice']):,.0f} – {float(spot['highPrice']):,.0f}\n"
        f"      1h {hour:+.1f}  7d {week:+.1f}  30d {month:+.1f}%\n"
        f"bid   {float(spot['bidPrice']):,.2f}  ask {float(spot['askPrice']):,.2f}\n"
        f"perp  {perp_last:,.2f}  basis {(perp_last / last - 1) * 1e4:+.1f} bp\n"
        f"fund  {rate * 100:+.4f}%/8h  {rate * 3 * 365 * 100:+.1f}%/y\n"
        f"      {'longs' if rate > 0 else 'shorts'} pay in {due_min // 60:.0f}h{due_min % 60:02.0f}\n"
        f"OI    ${held * perp_last / 1e9:.2f}B  1h {hour_oi:+.1f}%  24h {day_oi:+.1f}%\n"
        f"vol   ${float(spot['quoteVolume']) / 1e9:.2f}B spot  ${float(perp['quoteVolume']) / 1e9:.2f}B perp</pre>\n"
        f"<blockquote expandable>{sides[0]}\n{sides[1]}\nOpen interest: {held:,.0f} {coin}\n"
        f"Funding: {rate * 100:+.4f}% every 8h</blockquote>\n"
        f"<i>Binance · {time.strftime('%H:%M:%S', time.gmtime(spot['closeTime'] / 1000))} UTC</i>"
    )
    reply: dict[str, Any] = {"method": "sendMessage", "chat_id": chat_id, "text": text, "parse_mode": "HTML"}
    keyboard = [[{"text": text, "callback_data": f"{data} {coin}"} for text, data in row] for row in BUTTONS]
    return orjson.dumps({**reply, "reply_markup": {"inline_keyboard": keyboard}})


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asks = [(urllib.parse.urlsplit(os.environ[name]).port or 80, target) for name, target in TARGETS]
    try:
        while True:
            message = orjson.loads(await read_message(reader))["message"]
            coin = message["text"].removeprefix("/price ")
            bodies = await asyncio.gather(*(get(port, target.format(coin)) for port, target in asks))
            answer = ANSWER if BYTES_ONLY else card(message["chat"]["id"], coin, bodies)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
