"""`python trials/fuzz.py --cases 200000 --seed 1`: random and mutated input against every reader of the bot.

Five kinds of cases, mixed in the shares of SHARES, all in this process and on loopback:

  door      bytes at the HTTP door: every answer is valid HTTP or the connection ends; never 500; it serves on
  update    `Bot.answer` with mutated updates: never raises, and Telegram would accept the call that it returns
  parser    each exchange's answer, mutated, to its parser and to `explain`: nothing but MarketError comes out
  rows      the same for the long lists: row readers, and the cutter of arrays in random pieces
  weather   commands while exchanges and Telegram answer mutated bytes: never "went wrong", always a valid call

Each case has its own generator, made of seed, kind and number; `--only parser:17 --seed 1` runs one again. Input that
was worth keeping lies in tests/data/corpus and is mutated along with the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import httpx
import orjson

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mocked import Mocked, request_of

import bot as bot_module
import demo
import settings as settings_module
from asking.cutter import ArrayCutter
from bot import COMMANDS
from demo.multipart import read_form
from demo.telegram import Message, Refused, Telegram
from demo.telegram_html import Parsed, parse
from demo.telegram_inline import Query
from demo.telegram_rules import typed
from demo.web import Asked, Handler
from door import Door
from exchanges import table
from exchanges.endpoints import Endpoint, ListEndpoint
from exchanges.errors import MarketError
from exchanges.reading import row_in
from http1.client import Counts
from http1.server import Server
from http1.words import Asked as Request
from telegram.multipart import body_of

CORPUS = ROOT / "tests" / "data" / "corpus"
SHARES = {"door": 0.15, "update": 0.3, "parser": 0.4, "rows": 0.12, "weather": 0.03}
MAX_MEMORY = 2 * 1024**3  # bytes of address space: an answer that makes the bot eat more is a finding
STUCK_S = 30  # a case that blocks for so long ends the run with its traceback
CALLS = (
    *("sendMessage", "editMessageText", "answerCallbackQuery", "sendPhoto", "editMessageMedia"),
    *("answerInlineQuery", "answerGuestQuery"),
)
API_KEY = "fuzzing-needs-a-key-too"
ADA = demo.keys.USER_ID
HOSTILE_TEXTS = (
    *("", " ", "0", "-0", "00", "1e400", "-1e400", "NaN", "inf", "-Infinity", "1_000", "0x10", "9" * 400, "١٢", "½"),
    *("<b>", "</pre>", "<", "&", "&amp;", "&#0;", '"', "'", "\0", "\x1b[2J", "\r\n", "\t", "\u2028", "\ufeff"),
    *("\u202eCTB", "\u2066BTC\u2069", "🚀", "👨‍👩‍👧‍👦" * 40, "é" * 5000, "BTC" * 3000, "{}", "null", "../..", "%00"),
    *("BTC-USDT", "btcusdt", "-", "--", "-USDT", "USDT", "1000PEPE", "1M", "SOL/USDC", "a" * 64, "１２３", "ΒΤС", "@x"),
)
HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 10**30),
    *(0.1, -0.0, 1e-320, 1e308, -1e308, 1.5e29, [], {}, [[]], [None], {"": None}, [{}], [[0]]),
)
HOSTILE_BYTES = (
    *(b"\r\n", b"\n", b"\0", b" ", b"\xff", b"\t", b"\r\n\r\n", b":", b"Content-Length: -1\r\n"),
    *(b"Content-Length: 99999999999999999999\r\n", b"Content-Length: +5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Transfer-Encoding: gzip\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Host: a\r\nHost: b\r\n"),
    *(b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"HTTP/2.0", b"HTTP/1.0", b"HTTP/9.9", b"CONNECT x:1", b"HEAD"),
    *(b"5;x=y\r\nabcde\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM", b"?" + b"a&" * 40),
    *(b"A" * 20000, b"X: " + b"y" * 9000 + b"\r\n", b"X: y\r\n" * 200, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
)


class Failed(AssertionError):
    """A case went wrong; the text says how."""


# Making input.


def text(rng: random.Random) -> str:
    """A text that somebody might send: hostile pieces, characters of all planes, lone surrogates now and then."""
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(HOSTILE_TEXTS)
    if kind < 0.8:
        return rng.choice(HOSTILE_TEXTS) + rng.choice(HOSTILE_TEXTS)
    top = 0x110000 if kind < 0.85 else 0x3000
    return "".join(chr(rng.randrange(1, top)) for _ in range(rng.randrange(1, 40)))


def value(rng: random.Random) -> Any:
    kind = rng.random()
    if kind < 0.45:
        return _copied(rng.choice(HOSTILE_VALUES))
    if kind < 0.9:
        return text(rng)
    nested: Any = _copied(rng.choice(HOSTILE_VALUES))
    for _ in range(rng.randrange(1, 80)):
        nested = [nested] if rng.random() < 0.5 else {text(rng)[:20]: nested}
    return nested


def mutated(rng: random.Random, document: Any, n: int | None = None) -> Any:
    """A copy of a JSON document with some of its nodes replaced, taken out, doubled or moved."""
    document = _copied(document)
    for _ in range(n or rng.choice((1, 1, 1, 2, 4))):
        places = _places(document)
        if not places or rng.random() < 0.03:
            return value(rng)
        holder, key = rng.choice(places)
        what = rng.random()
        if what < 0.6:
            holder[key] = value(rng)
        elif what < 0.8:
            del holder[key]
        elif what < 0.9 and isinstance(holder, list):
            holder.append(_copied(holder[key]))
        else:
            other, at = rng.choice(places)
            if isinstance(other, dict) or at < len(other):
                with suppress(LookupError):
                    holder[key] = _copied(other[at])
    return document


def _copied(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _copied(each) for key, each in document.items()}
    return [_copied(each) for each in document] if isinstance(document, list) else document


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key) of a document."""
    found: list[tuple[Any, Any]] = []
    holders = [document]
    while holders:
        holder = holders.pop()
        if isinstance(holder, (dict, list)):
            for key in holder if isinstance(holder, dict) else range(len(holder)):
                found.append((holder, key))
                holders.append(holder[key])
    return found


def spoiled(rng: random.Random, raw: bytes) -> bytes:
    """Bytes with some flipped, put in, taken out, doubled or cut off."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, end = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
        what = rng.random()
        if what < 0.2 and at < len(raw):
            raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]
        elif what < 0.55:
            raw = raw[:at] + rng.choice(HOSTILE_BYTES) + raw[at:]
        elif what < 0.7:
            raw = raw[:at] + raw[min(end, at + 40) :]
        elif what < 0.8:
            raw = raw[:end] + raw[at:end][:2000] + raw[end:]
        elif what < 0.9:
            line = raw.find(b"\r\n", at) + 2
            raw = raw[:line] + rng.choice(HOSTILE_BYTES) + raw[line:]
        else:
            raw = raw[:end]
    return raw


def in_json(document: Any) -> bytes:
    """As an exchange or Telegram would send it; lone surrogates as the escapes that orjson refuses."""
    return json.dumps(document).encode()


# The world without sockets.


class Wires(Mocked):
    """Takes requests straight to the offline world's hosts. spoil: what happens to the answers' bodies."""

    def __init__(self, world: demo.World) -> None:
        super().__init__(self.handle)
        self.spoil: Callable[[bytes], bytes] | None = None
        self.counts = Counts()
        self._hosts: dict[str, Handler] = {
            name.lower().replace("_", "-"): site.handler for name, site in world.sites.items()
        }
        self._hosts["telegram"] = world.telegram.handle

    @staticmethod
    def environ(world: demo.World) -> dict[str, str]:
        urls = {f"{name}_URL": f"http://{name.lower().replace('_', '-')}" for name in world.sites}
        return {**world.environ, **urls, "TELEGRAM_API_URL": "http://telegram"}

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.clear()  # millions
        target = request.url.raw_path.decode()
        path, _, query = target.partition("?")
        values = {name: each[-1] for name, each in parse_qs(query, keep_blank_values=True).items()}
        taken = Asked(request.method, path, values, dict(request.headers), request.content, target)
        reply = await self._hosts[request.url.host](taken)
        told = self.spoil(reply.body) if self.spoil is not None else reply.body
        headers = [("content-type", reply.content_type), *reply.headers]
        return httpx.Response(reply.status, headers=headers, stream=httpx.ByteStream(told))


class Answer(NamedTuple):
    """An endpoint that a command asked, and the world's whole answer."""

    endpoint: Endpoint[Any] | ListEndpoint[Any]
    body: bytes
    document: Any


def shortened(document: Any, n: int = 6) -> Any:
    """With no list longer than n: enough to mutate."""
    if isinstance(document, dict):
        return {key: shortened(each, n) for key, each in list(document.items())[:200]}
    return [shortened(each, n) for each in document[:n]] if isinstance(document, list) else document


def chosen_settings(world: demo.World, **variables: str) -> settings_module.Settings:
    environ = {"TELEGRAM_CHAT_ID": f"*,{ADA}", "COMMANDS_PER_MINUTE": "0", "RATE_BUDGETS": "0", **Wires.environ(world)}
    return settings_module.load({**environ, **variables}, table.EXCHANGES)


ASKED = (
    *("/price BTC", "/price PEPE", "/price NOPE", "/volume BTC", "/volume BTC spot", "/cvd ETH", "/cvd BTC 5m spot"),
    *("/analysis BTC", "/analysis SOL 4h", "/analysis BTC spot", "/ls BTC", "/profile BTC 30d", "/profile ETH today"),
    *("/oi BTC", "/oi PEPE", "/funding BTC", "/funding top", "/top10", "/top10 spot", "/top10 perps oi", "/volscan"),
    *("/balance", "/positions", "/pnl"),
)


async def all_answers(world: demo.World) -> list[Answer]:
    """Every endpoint of every exchange that a command asks, with the world's answer."""
    wires = Wires(world)
    found: dict[tuple[object, ...], Answer] = {}
    for exchange in table.EXCHANGES:
        the_bot = bot_module.build(chosen_settings(world, EXCHANGES=exchange, VOLSCAN_SYMBOLS="3"), wires)  # type: ignore[arg-type]
        fetcher = the_bot.market.fetcher
        ask = fetcher._ask

        async def asking(endpoint: Any, deadlines: Any, asked: Request, read: Any, ask: Any = ask, **kind: Any) -> Any:
            key = (endpoint.host.name, endpoint.target.partition("&signature")[0], endpoint.body, str(endpoint.parse
                   if isinstance(endpoint, Endpoint) else endpoint.row)[:200])  # fmt: skip
            if key not in found:
                body = await (await wires.handle(request_of(asked))).aread()
                with suppress(orjson.JSONDecodeError):
                    found[key] = Answer(endpoint, body, shortened(orjson.loads(body)))
            return await ask(endpoint, deadlines, asked, read)

        fetcher._ask = asking  # type: ignore[method-assign]
        for number, command in enumerate(ASKED):
            await the_bot.answer(updated(command, number + 1))
    return list(found.values())


# Updates.


def updated(words: str, update_id: int = 1, chat_id: int = ADA) -> dict[str, Any]:
    chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
    message = {"message_id": 40, "from": {"id": ADA, "is_bot": False}, "chat": chat, "date": 4_000_000_000}
    return {"update_id": update_id, "message": {**message, "text": words}}


def pressed(data: str, update_id: int = 1) -> dict[str, Any]:
    message = {"message_id": 9, "chat": {"id": ADA, "type": "private"}, "date": 1, "text": "x"}
    callback = {"id": "77", "from": {"id": ADA}, "message": message, "chat_instance": "1", "data": data}
    return {"update_id": update_id, "callback_query": callback}


def corpus_updates() -> list[Any]:
    """One update of each kind that the Bot API has."""
    return [json.loads(path.read_text()) for path in sorted(CORPUS.glob("*.json"))]


def corpus_requests() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.http"))]


WORDS = (
    *("BTC", "eth", "SOL-USDC", "PEPE", "1000PEPE", "NOPE", "BTC-COIN", "15m", "1h", "1d", "spot", "perps", "oi"),
    *("top", "gainers", "losers", "funding", "volume", "200", "0", "BTCEUR", "ETH-0", "1000PEPE-EUR", "today", "7d"),
    *("30d", "binance", "okx", "@x", ",", ";", "1M", "add", "remove", "edit", "> 70000", "-3% 15m", "every 4h"),
)
COINS = (
    *("BTC", "ETH", "PEPE", "CAT", "NEIRO", "BABYDOGE", "MOG", "AERO", "OKB", "NVDA", "NOPE"),
    *("0", "K", "1000", "币", "ß"),
)
BEFORE_COINS = ("", "", "", "1000", "1M", "k", "100", "$", "binance:", "0")
QUOTES = ("USDT", "USDC", "USD", "FDUSD", "USD1", "EUR", "BTC", "COIN", "PERP", "0", "-", "x", "币", "ß", "")
FIRST_WORDS = {
    "chart": ("candles", "compare", "cvd", "funding", "oi", "pnl", "profile"),
    "alert": ("liq 5%", "pos liq 70.000", "funding > 0,05", "rsi < 30.000 4h", "vol 4x", "gap > 20bp", "step 500"),
}


def a_symbol(rng: random.Random) -> str:
    """Any coin, with a thousand or without, in any quote: mostly what nobody lists."""
    coin = rng.choice(BEFORE_COINS) + rng.choice(COINS)
    return coin if rng.random() < 0.4 else f"{coin}{rng.choice('--/_')}{rng.choice(QUOTES)}"


def a_word(rng: random.Random) -> str:
    kind = rng.random()
    return a_symbol(rng) if kind < 0.3 else rng.choice(WORDS) if kind < 0.8 else text(rng)


def words(rng: random.Random) -> str:
    """A command's name and what somebody might write after it."""
    name = rng.choice([*COMMANDS, "nope", ""])
    after = [a_word(rng) for _ in range(rng.choice((0, 1, 1, 2, 3, 20)))]
    if name in FIRST_WORDS and rng.random() < 0.7:
        after.insert(0, rng.choice(FIRST_WORDS[name]))
    return rng.choice((" ", "  ", "\n", ", ")).join([name, *after])


def an_update(rng: random.Random, known: list[Any]) -> Any:
    kind = rng.random()
    if kind < 0.35:
        update: Any = updated(f"/{words(rng)}", chat_id=rng.choice((ADA, -1009, 5)))
    elif kind < 0.65:
        update = pressed(words(rng))
    else:
        update = rng.choice(known)
    return update if rng.random() < 0.4 else mutated(rng, update)


def check_call(telegram: Telegram, call: Any) -> None:
    """Raises Failed for a call that Telegram would refuse."""
    if call is None:
        return
    params = sent(call)
    method = params.pop("method")
    if method not in CALLS:
        raise Failed(f"the call is {method}")
    if method == "answerInlineQuery":
        telegram._queries[params["inline_query_id"]] = Query(
            params["inline_query_id"], ADA, ADA, "", "", telegram.clock()
        )
    if method == "answerGuestQuery":
        telegram._guests[params["guest_query_id"]] = Query(params["guest_query_id"], ADA, ADA, "", "", telegram.clock())
    if isinstance(inline_id := params.get("inline_message_id"), str):
        telegram._inline[inline_id] = Message(ADA, 1, True, "-", Parsed("-", "-"), None)
        telegram._inline[inline_id].inline_id = inline_id
    chat_id, message_id = params.get("chat_id"), params.get("message_id")
    if method.startswith("editMessage") and isinstance(chat_id, int) and isinstance(message_id, int):
        telegram.messages[chat_id, message_id] = Message(chat_id, message_id, True, "-", Parsed("-", "-"), None)
    try:
        telegram.execute(method, params)
        if "text" in params and params.get("parse_mode") == "HTML":
            shown = parse(params["text"]).text
            if len(shown.encode("utf-16-le")) > 2 * 4096:
                raise Failed("the text is longer than 4096 UTF-16 units")
    except Refused as error:
        raise Failed(f"Telegram refuses {method}: {error.description}") from error
    except (LookupError, TypeError, ValueError) as error:
        raise Failed(f"Telegram cannot read {method}: {error!r}") from error
    finally:
        telegram.calls.clear()
        telegram.messages.clear()


def sent(call: Any) -> dict[str, Any]:
    """A call as it arrives at Telegram, as JSON or as a form with a picture. Raises Failed for what cannot be sent."""
    try:
        content_type, body = body_of(call)
        return typed(read_form(content_type, body) if content_type != "application/json" else json.loads(body))
    except (TypeError, ValueError) as error:  # Malformed is a ValueError
        raise Failed(f"the call cannot be written: {error}") from error


# Cases.


class Fuzz:
    """All that the cases need, opened once."""

    def __init__(self, seed: int, *, is_alone: bool) -> None:
        self.seed, self.is_alone, self.at_work = seed, is_alone, ""
        self.n_run: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.failures: list[str] = []
        self.logged = _Failures()
        self.kinds: dict[str, Callable[[random.Random], Awaitable[None]]] = {
            "door": self.door,
            "update": self.update,
            "parser": self.parser,
            "rows": self.rows,
            "weather": self.weather,
        }

    async def open(self, *, has_answers: bool = True) -> None:
        """Without the exchanges' answers, whose making takes longest, there are no cases of them."""
        self.world = demo.World(n_fillers=10)
        self.telegram = Telegram(demo.TOKEN)
        self.answers = await all_answers(self.world) if has_answers else []
        self.lists = [each for each in self.answers if isinstance(each.endpoint, ListEndpoint)]
        self.parsed = [each for each in self.answers if isinstance(each.endpoint, Endpoint)]
        self.updates = corpus_updates()
        self.wires, self.calm = Wires(self.world), Wires(self.world)
        self.door_settings = chosen_settings(self.world, API_KEY=API_KEY, CACHE_SECONDS="60", VOLSCAN_SYMBOLS="2")
        calm = self.calm
        self.bots = [
            bot_module.build(self.door_settings, calm),  # type: ignore[arg-type]
            bot_module.build(chosen_settings(self.world, CACHE_SECONDS="60", TELEGRAM_CHAT_ID=str(ADA)), calm),  # type: ignore[arg-type]
            bot_module.build(chosen_settings(self.world, CACHE_SECONDS="60", COMMANDS_PER_MINUTE="1"), calm),  # type: ignore[arg-type]
        ]
        self.server, door = Server(), Door(self.bots[0], self.door_settings)
        (self.port,) = await self.server.start(partial(door.serve, self.server), "127.0.0.1", 0)
        secret = self.door_settings.webhook_secret.encode()
        self.requests = [
            each.replace(b"{secret}", secret).replace(b"{key}", API_KEY.encode()) for each in corpus_requests()
        ]
        logging.getLogger().addHandler(self.logged)

    async def close(self) -> None:
        logging.getLogger().removeHandler(self.logged)
        await self.server.close(1)
        for each in self.bots:
            await each.market.fetcher.aclose()
        await self.world.telegram.close()
        await self.telegram.close()

    async def run(self, kind: str, number: int) -> None:
        """One case; what goes wrong is noted, not raised."""
        rng = random.Random(f"{self.seed}:{kind}:{number}")
        self.n_run[kind] += 1
        self.at_work = f"{kind}:{number}"
        if self.is_alone:
            faulthandler.dump_traceback_later(STUCK_S, exit=True)
        try:
            async with asyncio.timeout(15):
                await self.kinds[kind](rng)
            if self.logged.said:
                raise Failed(f"the log has: {self.logged.said[-1]}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            notes = getattr(error, "__notes__", [])
            self.failures.append(f"{kind}:{number}: {type(error).__name__}: {error} {' '.join(notes)}"[:1500])
        finally:
            self.logged.said.clear()

    async def door(self, rng: random.Random) -> None:
        """One connection with up to three requests, whole or mutated, in pieces or not, and its end."""
        sent = b"".join(rng.choice(self.requests) for _ in range(rng.choice((1, 1, 2, 3))))
        if rng.random() < 0.15:
            body = in_json(an_update(rng, self.updates))
            head = self.requests[0].partition(b"\r\n\r\n")[0]
            sent = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body
        elif rng.random() < 0.9:
            sent = spoiled(rng, sent)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            received = await self._spoken(rng, sent, reader, writer)
        finally:
            writer.close()
        try:
            for status in statuses_of(received, may_be_head=b"HEAD" in sent):
                self.statuses[f"{status}"] += 1
                if status >= 500 and status not in (501, 503, 505):
                    raise Failed(f"HTTP {status}")
        except Failed as error:
            error.add_note(f"sent {sent[:600]!r} received {received[:300]!r}")
            raise

    async def _spoken(
        self, rng: random.Random, sent: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        received = bytearray()
        with suppress(ConnectionError):
            size = rng.choice((len(sent), len(sent), 1 + rng.randrange(400)))
            for at in range(0, len(sent), max(size, 1 + len(sent) // 40)):
                writer.write(sent[at : at + max(size, 1 + len(sent) // 40)])
                await asyncio.sleep(0)
            writer.write_eof()
            while chunk := await reader.read(65536):
                received += chunk
        return bytes(received)

    async def update(self, rng: random.Random) -> None:
        """As it comes from the wire; now and then as no wire could bring it."""
        update = an_update(rng, self.updates)
        is_from_wire = True
        try:
            arrived = orjson.loads(in_json(update))
        except orjson.JSONDecodeError:  # lone surrogates, too deep, NaN
            arrived, is_from_wire = update, False
        if not isinstance(arrived, dict):
            return
        call = await rng.choice(self.bots).answer(arrived)
        try:
            if is_from_wire:
                check_call(self.telegram, call)
            if call is not None and "went wrong" in str(call.get("text")):
                raise Failed("the command failed")
        except Failed as error:
            error.add_note(f"update {str(arrived)[:500]!r} call {str(call)[:500]!r}")
            raise

    async def parser(self, rng: random.Random) -> None:
        answer = rng.choice(self.parsed)
        endpoint = answer.endpoint
        assert isinstance(endpoint, Endpoint)
        body = in_json(mutated(rng, answer.document)) if rng.random() < 0.8 else spoiled(rng, answer.body[:20_000])
        status = rng.choice((400, 403, 404, 418, 429, 451, 500, 503))
        try:
            with suppress(MarketError):
                endpoint.parse(body)
            if not isinstance(endpoint.explain(status, body), MarketError):
                raise Failed("explain gives no MarketError")
        except Exception as error:
            error.add_note(f"at {endpoint.host.name} {endpoint.target} with {body[:800]!r}")
            raise

    async def rows(self, rng: random.Random) -> None:
        answer = rng.choice(self.lists)
        endpoint = answer.endpoint
        assert isinstance(endpoint, ListEndpoint)
        document = answer.document if rng.random() < 0.2 else mutated(rng, answer.document)
        body = in_json(document)
        if rng.random() < 0.3:
            body = spoiled(rng, body)
        try:
            with suppress(MarketError):
                read_list(endpoint, body, rng)
            if not isinstance(endpoint.explain(200, body), MarketError):
                raise Failed("explain gives no MarketError")
        except Exception as error:
            error.add_note(f"at {endpoint.host.name} {endpoint.target} with {body[:800]!r}")
            raise

    async def weather(self, rng: random.Random) -> None:
        """A command that asks anew, of one exchange or all, whose answers are mutated as they come."""
        exchanges = rng.choice([*table.EXCHANGES, ",".join(table.EXCHANGES)])
        chosen = chosen_settings(self.world, EXCHANGES=exchanges, CACHE_SECONDS="0", VOLSCAN_SYMBOLS="2")
        the_bot = bot_module.build(chosen, self.wires)  # type: ignore[arg-type]
        share = rng.choice((0.1, 0.5, 1.0))

        def spoil(body: bytes) -> bytes:
            if rng.random() > share:
                return body
            if rng.random() < 0.2 or len(body) > 100_000:
                return spoiled(rng, body)
            with suppress(ValueError):
                return in_json(mutated(rng, json.loads(body)))
            return body

        command = rng.choice(ASKED)
        self.wires.spoil = spoil
        try:
            call = await the_bot.answer(updated(command))
        finally:
            self.wires.spoil = None
        try:
            check_call(self.telegram, call)
            if call is None or "went wrong" in call["text"]:
                raise Failed(f"the command failed: {self.logged.said[-1:]}")
        except Failed as error:
            error.add_note(f"{command} at {exchanges}: {str(call)[:300]}")
            raise


def read_list(endpoint: ListEndpoint[Any], body: bytes, rng: random.Random) -> None:
    """As Fetcher.fetch_items does, in random pieces. Raises MarketError."""
    cutter = ArrayCutter(endpoint.host.exchange, endpoint.place, endpoint.wanted)
    row = endpoint.row
    at = 0
    while at < len(body):
        size = rng.choice((1 + rng.randrange(200), 4096, len(body)))
        elements = cutter.feed(body[at : at + size])
        at += size
        if cutter.head is not None and endpoint.reader is not None:
            row, cutter.head = endpoint.reader(cutter.head), None
        for element in elements:
            row(row_in(endpoint.host.exchange, element))
    if not cutter.found:
        raise endpoint.explain(200, cutter.unread)


def statuses_of(received: bytes, *, may_be_head: bool) -> list[int]:
    """The statuses of the answers. Raises Failed for bytes that are no answers; the last one may be cut."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        start = re.match(rb"HTTP/1\.1 (\d{3}) [ -~]*(\r\n|$)", head)
        if start is None or not end:
            raise Failed("not an answer")
        found.append(int(start[1]))
        if start[1][:1] == b"1":
            received = rest
            continue
        length = re.search(rb"\r\ncontent-length: (\d+)(\r\n|$)", head, re.IGNORECASE)
        if length is None:
            raise Failed("an answer without a length")
        has_no_body = may_be_head and (not rest or rest.startswith(b"HTTP/1.1 "))
        if not has_no_body and len(rest) < int(length[1]):
            raise Failed("an answer was cut")
        received = rest if has_no_body else rest[int(length[1]) :]
    return found


class _Failures(logging.Handler):
    """Keeps what was logged as an exception: the bot caught what nobody should have thrown."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.said.append(logging.Formatter().format(record)[-700:])


async def fuzz(seed: int, n: int, *, only: str = "", is_alone: bool = False) -> Fuzz:
    """Runs n cases, or the one that `only` names."""
    run = Fuzz(seed, is_alone=is_alone)
    await run.open()
    try:
        if only:
            await run.run(only.partition(":")[0], int(only.partition(":")[2]))
            return run
        for kind, share in SHARES.items():
            for number in range(round(n * share)):
                await run.run(kind, number)
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            if (await client.get(f"http://127.0.0.1:{run.port}/health")).status_code != 200:
                run.failures.append("the server does not serve any more")
    finally:
        await run.close()
    return run


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--cases", type=int, default=200_000)
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked.add_argument("--only", default="", help="one case again, such as parser:17")
    given = asked.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.ERROR)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    run = asyncio.run(fuzz(given.seed, given.cases, only=given.only, is_alone=True))
    print(f"{sum(run.n_run.values())} cases in {time.monotonic() - began:.0f} s: {dict(run.n_run)}")
    print(f"{len(run.parsed)} endpoints, {len(run.lists)} lists; HTTP answers {dict(run.statuses)}")
    print(f"{len(run.failures)} failures")
    alike: dict[str, list[str]] = {}
    for line in run.failures:
        alike.setdefault(re.sub(r"\d+", "", line)[:90], []).append(line)
    for lines in alike.values():
        print(ascii(f"{len(lines)} like {lines[0]}"))  # half characters would end the run before it has told
    if run.failures:
        kind, number, *_ = run.failures[0].split(":")
        print(f"again: python trials/fuzz.py --seed {given.seed} --only {kind}:{number}")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
