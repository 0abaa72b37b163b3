"""`python trials/hostile.py`: exchanges that lie, babble and hang, and a bot that must not believe them.

The offline world lives in this process, and answers a share of all requests in one of BEHAVIOURS: a second answer to
one question, answers before any question, framings that contradict each other, streams without end, silence, another
market's answer. The real server, in its own process, is asked all commands from many connections meanwhile, plain and
then over TLS. Coins are taken whose prices lie far from each other, so that a figure under another's name is seen.

The server's rests after failures are cut to REST_S, or hardly anybody would be asked. Printed: answers, prices that
were checked, wrong ones; the slowest answer, and the slowest command as the server itself timed it; how long the loop
stood at most, in CPU of one callback (on a busy machine the clock would also count others' work), with where it was
seen, in CPU of one round of all callbacks that were due, and by the clock; the longest run of Python's collector, which
those have in them; memory at its peak, before and afterwards.

Before and afterwards are measured alike: every command about a coin that nobody lists; honest traffic from all
connections for WARM_S, whose first half is answered slowly; then time for the server to tidy up. Without these, honest
traffic alone adds 2 to 4 MiB after its first 10 s: caches are not full yet; the exchanges' lists of symbols are kept
for an hour once a name was not found, as it is to a bot that was told about another market; and Python keeps what the
most commands that were ever at work at once took, which are more where exchanges are slow.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import re
import ssl
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import load
from house import Process, first_answer, free_port, make_certificate

import demo
import upkeep
from demo.web import Asked, Reply, Site

BASES = ("BTC", "ETH", "SOL", "BNB", "DOGE", "PEPE", "HYPE", "XRP")
"""Their prices are at least three times as far from each other as NEAR allows."""
NEAR = 1.5  # a price that differs by more than this factor is another coin's
COMMANDS = (
    *(
        "/price {}",
        "/price {}",
        "/price {}",
        "/volume {}",
        "/cvd {}",
        "/ls {}",
        "/analysis {}",
        "/profile {}",
        "/profile {} 7d",
        "/oi {}",
        "/chart {}",
        "/liq {}",
    ),
    *("/funding {}", "/spread {}", "/funding top", "/top10", "/top10 spot", "/top10 gainers", "/volscan"),
)
SHARE = 0.3  # of requests that are answered badly
REST_S = 0.2
LOOK_S = 0.03  # by the clock, after which it is looked where a callback stands
N_CONNECTIONS = 40
NOT_LISTED = "NOSUCHCOIN"
WARM_S = 30.0  # of honest traffic; half as long as the trial, where that is shorter
SLOW_S = 0.5  # that an honest answer takes in the first half of it
MAX_ANSWER_S, MAX_STALL_S, MAX_MIB, MAX_GROWTH_MIB = 8.5, 0.1, 64.0, 3.0
SECRET = "hostile-trial-secret"
VARIABLES = {
    "WEBHOOK_SECRET": SECRET,
    "TELEGRAM_CHAT_ID": "*",
    "CACHE_SECONDS": "0",
    "RATE_BUDGETS": "0",
    "COMMANDS_PER_MINUTE": "0",
    "MAX_CONNECTIONS": "100",
    "LOG_LEVEL": "ERROR",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}

SERVER = """
import asyncio, gc, json, sys, threading, time
import asking.circuits as circuits
import bot, serving
circuits.REST_S = circuits.BLOCKED_S = circuits.MAX_REST_S = circuits.RATE_LIMITED_S = {rest_s}
stood = {{"callback": 0.0, "cpu": 0.0, "clock": 0.0, "command": 0.0, "where": "", "round": "", "collector": 0.0}}
running = [0.0]  # when the callback that runs now began; 0 between two
run, main = asyncio.Handle._run, threading.get_ident()
taken = []  # by each callback of this round

def timed(handle):
    running[0] = time.monotonic()
    began = time.thread_time()
    run(handle)
    took, running[0] = time.thread_time() - began, 0.0
    taken.append(took)
    if took > stood["callback"]:
        stood["callback"], stood["where"] = took, seen.pop() if seen else repr(handle)[:200]
    seen.clear()

run_once = asyncio.BaseEventLoop._run_once

def timed_round(loop):  # waits without CPU, then runs all callbacks that are due
    taken.clear()
    began = time.thread_time()
    run_once(loop)
    took = time.thread_time() - began
    if took > stood["cpu"]:
        longest = ", ".join(f"{{each * 1000:.0f}}" for each in sorted(taken)[:-6:-1])
        stood["cpu"], stood["round"] = took, f"{{len(taken)}} callbacks, the longest of them {{longest}} ms"

collecting = [0.0]

def collected(phase, about):
    if phase == "start":
        collecting[0] = time.thread_time()
    else:
        stood["collector"] = max(stood["collector"], time.thread_time() - collecting[0])

seen = []

def look():  # at what has been running for so long
    while True:
        time.sleep(0.01)
        if running[0] and time.monotonic() - running[0] > {look_s}:
            frame, ways = sys._current_frames()[main], []
            while frame is not None and len(ways) < 7:
                ways.append(f"{{frame.f_code.co_name}} {{frame.f_code.co_filename.split('/')[-1]}}:{{frame.f_lineno}}")
                frame = frame.f_back
            seen[:] = [" < ".join(ways)]

async def watch():
    while True:
        clock = time.monotonic()
        await asyncio.sleep(0.005)
        stood["clock"] = max(stood["clock"], time.monotonic() - clock - 0.005)

answer = bot.Bot.answer
async def answered(bot, update):
    began = time.monotonic()
    try:
        return await answer(bot, update)
    finally:
        stood["command"] = max(stood["command"], time.monotonic() - began)

serve = serving.serve
async def watched(*arguments):
    watching = asyncio.ensure_future(watch())
    gc.callbacks.append(collected)
    try:
        return await serve(*arguments)
    finally:
        watching.cancel()
        print(json.dumps(stood), flush=True)

asyncio.Handle._run, asyncio.BaseEventLoop._run_once = timed, timed_round
bot.Bot.answer = answered
threading.Thread(target=look, daemon=True).start()
serving.serve = watched
sys.exit(serving.main([]))
"""


class Turn(NamedTuple):
    """One request to be answered badly."""

    writer: asyncio.StreamWriter
    honest: bytes  # the right answer
    body: bytes  # its body
    wrong: bytes  # the right answer to the same question about another coin
    previous: bytes  # what was answered before on any connection


Behaviour = Callable[[Turn], Awaitable[bool]]
BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(act: Behaviour) -> Behaviour:
    BEHAVIOURS[getattr(act, "__name__", "")] = act
    return act


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    if length is None or length >= 0:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = "Transfer-Encoding: chunked"


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces) + end


def says(name: str, what: Callable[[Turn], bytes], *, stays: bool = True) -> None:
    """A behaviour that says something in one piece, and then waits for the next request, or closes."""

    async def act(turn: Turn) -> bool:
        turn.writer.write(what(turn))
        await turn.writer.drain()
        return stays

    BEHAVIOURS[name] = act


def babbles(name: str, head: bytes, piece: bytes, most: int = 64 * 1024 * 1024) -> None:
    """A behaviour that says a head, and then the same for ever."""

    async def act(turn: Turn) -> bool:
        turn.writer.write(head)
        left = most
        while left > 0:
            turn.writer.write(piece)
            await turn.writer.drain()
            await asyncio.sleep(0)
            left -= len(piece)
        return False

    BEHAVIOURS[name] = act


def repeated(body: bytes, size: int) -> bytes:
    """A body whose longest list of rows has them so often that it is of almost that size."""
    rows = max(re.findall(rb"(?<=\[)[\[{].*(?=\])", body), key=len, default=b"")
    n_more = (size - len(body)) // (len(rows) + 1) if rows else 0
    return body.replace(rows, b",".join([rows] * (1 + n_more)), 1) if n_more > 0 else body


@lru_cache(maxsize=1)
def a_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(b"["), *(packer.compress(b" " * 2**20) for _ in range(50)), packer.flush()])


# Answers to nobody.


@behaviour
async def second_answer_20_ms_later(turn: Turn) -> bool:
    turn.writer.write(turn.honest)
    await asyncio.sleep(0.02)
    turn.writer.write(turn.honest)
    return True


@behaviour
async def anothers_answer_1_ms_later(turn: Turn) -> bool:
    turn.writer.write(turn.honest)
    await asyncio.sleep(0.001)
    turn.writer.write(turn.wrong)
    return True


@behaviour
async def noise_between_two_answers(turn: Turn) -> bool:
    turn.writer.write(turn.honest)
    await asyncio.sleep(0.005)
    turn.writer.write(b"\r\n")
    return True


@behaviour
async def timeout_told_to_an_idle_connection(turn: Turn) -> bool:
    turn.writer.write(turn.honest)
    await asyncio.sleep(0.005)
    turn.writer.write(answer(b"", "Connection: close", status="408 Request Timeout"))
    return False


says("second_answer_at_once", lambda turn: turn.honest * 2)
says("anothers_answer_at_once", lambda turn: turn.honest + turn.wrong)
says("length_too_short", lambda turn: answer(turn.body, length=max(0, len(turn.body) - 10)))
says("length_zero", lambda turn: answer(turn.body, length=0))
says("bytes_after_the_last_chunk", lambda turn: answer(chunked(turn.body) + turn.wrong, CHUNKED, length=-1))
says("length_and_chunks", lambda turn: answer(chunked(turn.body), CHUNKED))
says("length_of_chunks_and_anothers", lambda turn: answer(chunked(turn.body), CHUNKED, length=3) + turn.wrong)
says("two_lengths", lambda turn: answer(turn.body, f"Content-Length: {len(turn.body) + 1}"))
says("list_of_lengths", lambda turn: answer(turn.body, f"Content-Length: {len(turn.body)}, 7", length=-1))
says("body_without_content", lambda turn: answer(turn.body, status="204 No Content"))
says("not_modified_with_body", lambda turn: answer(turn.body, status="304 Not Modified"))
says("anothers_answer", lambda turn: turn.wrong)
says("closes_and_goes_on", lambda turn: answer(turn.body, "Connection: close") + turn.wrong)
says("switches_protocols", lambda turn: b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + turn.honest)

# Streams without end.

babbles("chunks_of_a_byte", answer(b"", CHUNKED, length=-1), b"1\r\n[\r\n" * 5000)
babbles("chunks_of_16_bytes", answer(b"", CHUNKED, length=-1), b"10\r\n                \r\n" * 3000)
babbles("interim_answers", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)
babbles("interim_answers_with_hints", b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2000)
babbles("headers", b"HTTP/1.1 200 OK\r\n", b"X-Header: 0123456789\r\n" * 2000)
babbles("header_without_end", b"HTTP/1.1 200 OK\r\nX: ", b"x" * 60_000)
babbles("body_until_closed", answer(b"", length=-1), b'[{"symbol":"BTCUSDT"},' * 3000)
babbles("trailers", answer(chunked(b"{}", end=b"0\r\n"), CHUNKED, length=-1), b"X: y\r\n" * 5000)
babbles("chunk_extension", answer(b"", CHUNKED, length=-1) + b"5;", b"x=y;" * 10_000)
babbles(
    "empty_gzip_members",
    answer(b"", CHUNKED, "Content-Encoding: gzip", length=-1),
    chunked(gzip.compress(b"") * 1000, end=b""),
)
babbles("spaces", answer(b"", CHUNKED, length=-1), chunked(b" " * 60_000, end=b""))

# Bodies.

says("brackets", lambda turn: answer(b"[" * 900_000))
says("braces", lambda turn: answer(b'[{"a":' * 150_000))
says("closing_braces", lambda turn: answer(b"[" + b"{},}" * 220_000))
says("digits", lambda turn: answer(b"[" + b"9" * 900_000 + b"]"))
says("exactly_too_long", lambda turn: answer(turn.body + b" " * (1024 * 1024)))
says("bomb", lambda turn: answer(a_bomb(), "Content-Encoding: gzip"))
says("second_member", lambda turn: answer(gzip.compress(turn.body) + gzip.compress(b" "), "Content-Encoding: gzip"))
says("zeros_after_gzip", lambda turn: answer(gzip.compress(turn.body) + bytes(900), "Content-Encoding: gzip"))
says("noise_after_gzip", lambda turn: answer(gzip.compress(turn.body) + b"noise", "Content-Encoding: gzip"))
says("gzip_that_is_none", lambda turn: answer(turn.body, "Content-Encoding: gzip"))
says("unknown_coding", lambda turn: answer(zlib.compress(turn.body), "Content-Encoding: br"))
says("no_numbers", lambda turn: answer(re.sub(rb"\d+\.\d+", b"1e999", turn.body)))
says("tiny_numbers", lambda turn: answer(re.sub(rb"\d+\.\d+", b"1e-310", turn.body)))
says("nothing_there", lambda turn: answer(re.sub(rb'"[^"]*"(?=[,}\]])', b"null", turn.body)))
says("all_rows_again_and_again", lambda turn: answer(repeated(turn.body, 500_000)))
says("half_a_body", lambda turn: answer(turn.body[: len(turn.body) // 2]))

# Lines that fail.

says("cut_body", lambda turn: turn.honest[: -len(turn.body) // 2], stays=False)
says("cut_head", lambda turn: turn.honest[:20], stays=False)
says("nothing", lambda turn: b"", stays=False)
says("another_version", lambda turn: turn.honest.replace(b"HTTP/1.1", b"HTTP/2.0"))
says("no_http", lambda turn: turn.body)
says("bare_line_feeds", lambda turn: turn.honest.replace(b"\r\n", b"\n"))
says("folded_header", lambda turn: turn.honest.replace(b"\r\n", b"\r\nX: a\r\n b\r\n", 1))
says("negative_length", lambda turn: answer(turn.body, "Content-Length: -1", length=-1))
says("length_beyond_all", lambda turn: answer(turn.body, f"Content-Length: {'9' * 30}", length=-1))
says("chunk_beyond_all", lambda turn: answer(b"ffffffffffff\r\n" + turn.body, CHUNKED, length=-1))
says("chunk_without_size", lambda turn: answer(b"\r\n" + turn.body, CHUNKED, length=-1))
says("moved", lambda turn: answer(b"", "Location: /", status="302 Found"))
says("status_beyond_all", lambda turn: answer(turn.body, status="999 Beyond"))
says("server_error", lambda turn: answer(b"<html>", status="500 Internal Server Error"))
says("wait_for_ever", lambda turn: answer(b"{}", "Retry-After: 999999999", status="429 Too Many Requests"))


@behaviour
async def silence(turn: Turn) -> bool:
    await asyncio.sleep(30)
    return False


@behaviour
async def a_byte_now_and_then(turn: Turn) -> bool:
    for at in range(100):
        turn.writer.write(turn.honest[at : at + 1])
        await turn.writer.drain()
        await asyncio.sleep(0.2)
    return False


@behaviour
async def reset_half_way(turn: Turn) -> bool:
    turn.writer.write(turn.honest[: len(turn.honest) // 2])
    await asyncio.sleep(0)
    turn.writer.transport.abort()
    return False


@behaviour
async def half_and_silence(turn: Turn) -> bool:
    turn.writer.write(turn.honest[: len(turn.honest) // 2])
    await asyncio.sleep(30)
    return False


class Hostile:
    """Answers a share of a world's requests badly, in some of the BEHAVIOURS or in all of them."""

    def __init__(self, seed: int, share: float, ways: Sequence[str] = ()) -> None:
        self.rng, self.share, self.ways = random.Random(seed), share, ways or list(BEHAVIOURS)
        self.acted: Counter[str] = Counter()
        self._previous = answer(b"{}")

    def take_over(self, world: demo.World) -> None:
        for site in world.sites.values():
            site.speak, site.greet = self.speak, self.greet

    async def greet(self, writer: asyncio.StreamWriter) -> None:
        """An answer before any question, on a few connections."""
        if self.rng.random() < self.share / 20:
            self.acted["greeting"] += 1
            writer.write(self._previous)

    async def speak(self, site: Site, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        honest = await site.reply(asked)
        said = answer(honest.body, *(f"{name}: {value}" for name, value in honest.headers), status=f"{honest.status} X")
        previous, self._previous = self._previous, said
        if self.rng.random() >= self.share:
            writer.write(said)
            await writer.drain()
            return True
        name = self.rng.choice(self.ways)
        self.acted[name] += 1
        wrong = await self._of_another(site, asked)
        return await BEHAVIOURS[name](Turn(writer, said, honest.body, wrong, previous))

    async def _of_another(self, site: Site, asked: Asked) -> bytes:
        """The answer to the same question about another coin."""
        here = next((base for base in BASES if base in asked.target or base in asked.body.decode("latin-1")), "")
        there = self.rng.choice([base for base in BASES if base != here])
        target = asked.target.replace(here, there) if here else asked.target
        query = {name: value.replace(here, there) if here else value for name, value in asked.query.items()}
        body = asked.body.replace(here.encode(), there.encode()) if here else asked.body
        path = asked.path.replace(here, there) if here else asked.path
        reply: Reply = await site.reply(asked._replace(target=target, query=query, body=body, path=path))
        return answer(reply.body, status=f"{reply.status} X")


# What was answered.

FIGURE = r"(-?[\d,]+(?:\.\d+)?(?:[₀-₉]+\d+)?)"
PRICES = (
    rf"^<b>{{base}} {FIGURE}</b>",
    rf"^24h +{FIGURE} ▕.*▏ {FIGURE}$",
    rf"^bid +{FIGURE} +ask {FIGURE}$",
    rf"^perp +{FIGURE} +basis",
    rf" at {FIGURE}\.$",
    rf"^price +\w+, {FIGURE}$",
    rf"^<b>{FIGURE}</b>",
    rf"^{FIGURE} [█▒░]",
    rf"^(?:VAH|POC|VAL) +{FIGURE} +{FIGURE}$",
    rf"^Price {FIGURE} ",
    rf"^VWAP(?: of 24:)? {FIGURE}[.,]",
    rf"^EMA 20 \w+ EMA 50: {FIGURE}, {FIGURE}$",
    rf"^Bollinger 20, 2: {FIGURE} – {FIGURE}",
    rf"^{FIGURE}  [🟢🔴⚪] ",
    rf"^\w+ asks {FIGURE}, \w+ bids {FIGURE};",
    rf"^\w+ +{FIGURE} +[-+]?\d+\.\d +\d+\.\d\d$",
    rf"^\w+, USD[CT]?: bid {FIGURE}, ask {FIGURE}, last {FIGURE}$",
    rf" (?:long|short) at {FIGURE}, ",
)
AMOUNT = r"([\d.]+)([KMBT]?)"
AMOUNTS = rf"{AMOUNT} {{base}},? +\${AMOUNT}"  # coins, and dollars of them: together a price
TOP_ROW = rf"^([A-Z]+) +{FIGURE} +[-+]"
UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def value(figure: str) -> float:
    """Of "57,815.1" or "0.0₄1142"."""
    found = re.fullmatch(r"([\d,]+\.)0([₀-₉]+)(\d+)", figure)
    if found is None:
        return float(figure.replace(",", ""))
    zeros = int(found[2].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")))
    return float(f"{found[1].replace(',', '')}{'0' * zeros}{found[3]}")


def prices_in(text: str, base: str) -> Iterator[tuple[str, float]]:
    """Every price of a reply, with the coin that it is said to be of."""
    for pattern in PRICES:
        for found in re.finditer(pattern.format(base=base), text, re.MULTILINE):
            yield from ((base, value(figure)) for figure in found.groups() if figure)
    for coins, coin_unit, dollars, dollar_unit in re.findall(AMOUNTS.format(base=base), text):
        if float(coins):
            yield base, float(dollars) * UNITS[dollar_unit] / (float(coins) * UNITS[coin_unit])
    if "Top 10" in text:
        yield from ((name, value(figure)) for name, figure in re.findall(TOP_ROW, text, re.MULTILINE) if name in BASES)


class Stood(NamedTuple):
    """What held the server's loop for longest: one callback, and where it was seen; a round of the loop, all callbacks
    that were due; Python's collector; by the clock. And the longest time that a command took inside."""

    callback_cpu_s: float
    where: str
    round_cpu_s: float
    of_round: str
    collector_cpu_s: float
    clock_s: float
    command_s: float

    @classmethod
    def read(cls, line: str) -> Self:
        """What the server's last line tells."""
        told = json.loads(line)
        return cls(*(told[name] for name in ("callback", "where", "cpu", "round", "collector", "clock", "command")))


class Found(NamedTuple):
    """What a trial saw. wrong: the replies with a figure of another coin."""

    n_answers: int
    n_with_figures: int
    n_prices: int
    wrong: list[str]
    odd: list[str]  # answers that are none, or "went wrong"
    slowest_s: float
    stood: Stood
    before_mib: float
    peak_mib: float
    after_mib: float
    acted: Counter[str]


def words_of(body: bytes) -> str:
    """A message's text, or what stands under a picture; nothing where there is neither."""
    if body.startswith(b"--"):
        found = re.search(rb'name="caption"\r\n\r\n(.*?)\r\n--', body, re.DOTALL)
        return found[1].decode() if found is not None else ""
    return str(json.loads(body).get("text")) if body else ""


async def ask(port: int, secret: str, text: str, chat_id: int) -> tuple[int, str]:
    """Status and text."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(load.request(load.update(text, chat_id), secret))
        status, body = await load.read_answer(reader)
        return status, words_of(body)
    finally:
        writer.transport.abort()


async def known_prices(port: int, secret: str) -> dict[str, float]:
    """Of each coin, told while all are honest."""
    known = {}
    for base in BASES:
        _, text = await ask(port, secret, f"/price {base}", 1)
        known[base] = next(price for _, price in prices_in(text, base))
    return known


async def tried(
    port: int, secret: str, seconds: float, seed: int, known: dict[str, float], n_connections: int
) -> tuple[Counter[str], list[str], list[str], float]:
    """Asks from so many connections for so long: counts, wrong and odd replies, the slowest answer's seconds."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    odd: list[str] = []
    slowest_s = 0.0
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        nonlocal slowest_s
        rng = random.Random(seed * 1000 + number)
        while time.monotonic() < until:
            base = rng.choice(BASES)
            text = rng.choice(COMMANDS).format(base)
            began = time.monotonic()
            status, said = 0, ""
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout(30):
                    status, said = await ask(port, secret, text, number + 1)
            slowest_s = max(slowest_s, time.monotonic() - began)
            counts["answers"] += 1
            if status != 200 or not said or "went wrong" in said:
                odd.append(f"{text}: {status} {said[:200]}")
            prices = list(prices_in(said, base))
            counts["with figures"] += bool(prices)
            counts["prices"] += len(prices)
            for name, price in prices:
                if not known[name] / NEAR < price < known[name] * NEAR:
                    wrong.append(f"{text}: {name} at {price:g}, which is at {known[name]:g}\n{said}")

    await asyncio.gather(*(one(number) for number in range(n_connections)))
    return counts, wrong, odd, slowest_s


async def trial(
    seconds: float, seed: int, share: float = SHARE, *, n_connections: int = N_CONNECTIONS, is_tls: bool = False
) -> Found:
    """One run against a world of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tls, trusted = None, {}
        if is_tls:
            trusted = {"SSL_CERT_FILE": make_certificate(Path(folder))}
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(str(Path(folder) / "server.pem"))
        world = await demo.start(tls=tls)
        try:
            return await _trial(world, trusted, seconds, seed, share, n_connections)
        finally:
            await world.close()


async def _trial(
    world: demo.World, trusted: dict[str, str], seconds: float, seed: int, share: float, n_connections: int
) -> Found:
    port = free_port()
    environ = {
        **os.environ,
        **world.environ,
        **trusted,
        **VARIABLES,
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    server = Process(["-c", SERVER.format(rest_s=REST_S, look_s=LOOK_S)], environ)
    try:
        await first_answer(port, SECRET, time.perf_counter())
        known = await known_prices(port, SECRET)

        async def memory_when_honest(seed: int) -> float:
            for text in COMMANDS:
                await ask(port, SECRET, text.format(NOT_LISTED), 1)
            for latency_s in (SLOW_S, 0.0):
                for site in world.sites.values():
                    site.latency_s = latency_s
                await tried(port, SECRET, min(WARM_S, seconds / 2) / 2, seed, known, n_connections)
            await asyncio.sleep(upkeep.SWEEP_S + 1)
            return server.memory_mib("VmRSS")

        before_mib = await memory_when_honest(seed)
        hostile = Hostile(seed, share)
        hostile.take_over(world)
        counts, wrong, odd, slowest_s = await tried(port, SECRET, seconds, seed + 1, known, n_connections)
        peak_mib = server.memory_mib("VmHWM")
        hostile.share = 0.0
        await asyncio.sleep(5)
        after_mib = await memory_when_honest(seed + 2)
        await asyncio.to_thread(server.process.terminate)
        stood = Stood.read(await asyncio.to_thread(server.line))
    finally:
        await asyncio.to_thread(server.stop)
    return Found(
        counts["answers"],
        counts["with figures"],
        counts["prices"],
        wrong,
        odd,
        slowest_s,
        stood,
        before_mib,
        peak_mib,
        after_mib,
        hostile.acted,
    )


def told(found: Found) -> list[str]:
    acted, stood = found.acted, found.stood
    before, peak, after = (f"{mib:.1f}" for mib in (found.before_mib, found.peak_mib, found.after_mib))
    return [
        f"{found.n_answers} answers, {found.n_with_figures} with figures, {found.n_prices} prices checked",
        f"wrong figures       {len(found.wrong)}",
        f"answers that are none {len(found.odd)}",
        f"slowest answer      {found.slowest_s:.2f} s; inside, a command took {stood.command_s:.2f} s",
        f"loop stood          {stood.callback_cpu_s * 1000:.0f} ms of CPU in one callback, "
        f"{stood.round_cpu_s * 1000:.0f} ms in one round, {stood.collector_cpu_s * 1000:.0f} ms in the collector; "
        f"{stood.clock_s * 1000:.0f} ms by the clock",
        f"  the callback: {stood.where}",
        f"  the round: {stood.of_round}",
        f"MiB of memory       {before} before, {peak} at its peak, {after} after",
        f"badly answered      {sum(acted.values())} times, in {len(acted)} ways",
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=SHARE, help="of requests that are answered badly")
    parser.add_argument("--connections", type=int, default=N_CONNECTIONS)
    parser.add_argument("--ways", nargs="*", help="only these behaviours")
    parser.add_argument("--show", type=int, default=3, help="how many wrong and odd answers to print")
    parser.add_argument("--only", choices=("plain", "tls"))
    chosen = parser.parse_args()
    for name in set(BEHAVIOURS) - set(chosen.ways or BEHAVIOURS):
        del BEHAVIOURS[name]
    is_well = True
    for name in [chosen.only] if chosen.only else ["plain", "tls"]:
        found = asyncio.run(
            trial(
                chosen.seconds,
                chosen.seed,
                chosen.share,
                n_connections=chosen.connections,
                is_tls=name == "tls",
            )
        )
        print(f"{name}, seed {chosen.seed}, {len(BEHAVIOURS) + 1} ways, {chosen.share:.0%}", *told(found), sep="\n  ")
        print(*found.wrong[: chosen.show], *found.odd[: chosen.show], sep="\n")
        is_well &= not found.wrong and not found.odd
        is_well &= found.stood.command_s <= MAX_ANSWER_S + found.stood.clock_s
        is_well &= found.stood.round_cpu_s <= MAX_STALL_S and found.peak_mib <= MAX_MIB
        is_well &= found.after_mib <= found.before_mib + MAX_GROWTH_MIB
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
