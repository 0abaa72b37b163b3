"""`python trials/weather.py --seed 1`: an hour of bad weather at every exchange, in four minutes.

The offline world lives in this process, so that each request to an exchange is seen here; the real server lives in its
own, with RATE_BUDGETS=1. A schedule, made of a seed that is printed, takes every exchange through spells of latency,
429, 451, cut and dropped and slow answers, refusals, garbage, gzip bombs and silence, and once all of them together.
Chats ask mixed commands all the while. Printed: how many answers were whole, partial or a sentence, how many were late
or unclear, the slowest; and of each documented limit the most that was spent of it in any of its windows.

An hour becomes 240 s in the schedule, but not in the server, whose rests stay as they are: 30 s after three failures,
as long as Retry-After says (10 s where a 429 says nothing), 10 minutes after a 451. So a 451 outlasts the storm: it
comes in the second half, to N_BLOCKED of the exchanges, which then count as missing to the end.

At last an exchange is the only one, is away, and comes back: the seconds until a whole answer. Of a 451 only the rest
that /health tells is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import load
from house import Process, World, first_answer, free_port

import demo
import demo.binance
from demo.telegram_html import BadHTML, parse
from demo.web import Asked
from exchanges import table

STORM_S = 240.0
CALM_S = 0.02  # of latency
N_CHATS = 5
N_BLOCKED = 2  # exchanges that answer 451, once
BLACKOUT = (0.65, 0.68)  # of the storm: all are silent
PAUSE_S = (0.2, 1.2)  # a chat's, between an answer and its next command
MAX_S, MAX_RECOVERY_S = 8.0, 35.0
GIVE_UP_S = 30.0
DISTINCT_S = 0.6  # failures that are nearer to each other count as one
SPELLS = (
    *(("", 0.3), ("", 1.2), ("", 3.0), ("", 5.0), ("hang", CALM_S), ("429", CALM_S), ("500", CALM_S), ("cut", CALM_S)),
    *(("drop", CALM_S), ("refuse", CALM_S), ("garbage", CALM_S), ("slow", CALM_S), ("gzipbomb", CALM_S), ("html", 0.3)),
)
"""Fault and latency of a spell."""
COMMANDS = (
    *("/price {}", "/price {}", "/price {} ETH", "/volume {}", "/volume {} spot", "/cvd {}", "/analysis {}", "/ls {}"),
    *("/profile {}", "/oi {}", "/funding {}", "/spread {}", "/liq {} 1h", "/funding top", "/top10", "/top10 spot"),
    *("/top10 perps oi", "/volscan", "/price 1000CAT", "/volume 1000CAT"),
)
BASES = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "PEPE", "LINK")
NAMES = (*(exchange.name for exchange in table.EXCHANGES.values()), "CoinGecko")
REASONS = (
    *("not answer in time", "not be reached", "limited our requests", "refused this server", "an unusable answer"),
    *("was slow", "were slow", "being tried again", "answered HTTP", "not asked, to keep", "not tell", "out of order"),
    *("no closed candle", "no candle"),
)
GOOD = ("whole", "partial", "sentence")


class Event(NamedTuple):
    """From at_s on, an exchange has this fault and latency."""

    at_s: float
    exchange: str
    fault: str
    latency_s: float


def schedule(seed: int, seconds: float = STORM_S, exchanges: Sequence[str] = ()) -> list[Event]:
    """Every exchange's spells of one to five minutes of the hour, and calm ones of one to six, in the order of time.

    Spells are dealt like cards, so that all kinds occur. At the end all is calm.
    """
    rng = random.Random(seed)
    minute = seconds / 60
    exchanges = list(exchanges or (*table.EXCHANGES, "coingecko"))
    blocked = {each: rng.uniform(0.5, 0.9) * seconds for each in rng.sample(exchanges, min(N_BLOCKED, len(exchanges)))}
    events: list[Event] = []
    deck: list[tuple[str, float]] = []
    for exchange in exchanges:
        at_s = rng.uniform(0, 3) * minute
        while at_s < seconds - minute:
            deck = deck or rng.sample(SPELLS, len(SPELLS))
            fault, latency_s = deck.pop()
            if at_s > blocked.get(exchange, seconds):
                del blocked[exchange]
                fault, latency_s = "451", CALM_S
            events.append(Event(at_s, exchange, fault, latency_s))
            at_s += rng.uniform(1, 5) * minute
            events.append(Event(min(at_s, seconds), exchange, "", CALM_S))
            at_s += rng.uniform(1, 6) * minute
    for share, fault in zip(BLACKOUT, ("hang", ""), strict=True):
        events += [Event(share * seconds, each, fault, CALM_S) for each in exchanges]
    return sorted(events)


# Answers.


class Heard(NamedTuple):
    """A command's answer: of which kind, after how long, and its text."""

    command: str
    kind: str
    seconds: float
    text: str


def judged(text: str) -> str:
    """What kind of answer a text is.

    whole: figures, and nobody is missing. partial: figures, and who is missing. sentence: no figures, and who is to
    blame. unclear: it says that something is missing, but not whose; or no figures and no reason. refused: Telegram
    would not take it.
    """
    try:
        parse(text)
    except BadHTML:
        return "refused"
    notes = re.sub(r"<pre>.*?</pre>|<i>[^<]*</i>", "", text, flags=re.DOTALL).splitlines()
    telling = [note for note in notes if note.startswith("n/a: ") or any(reason in note for reason in REASONS)]
    if not all(any(name in note for name in NAMES) for note in telling):
        return "unclear"
    if "<pre>" in text or re.search(r"[1-9]\d* perpetuals? scanned", text):
        return "partial" if telling else "whole"
    return "sentence" if telling else "unclear"


async def ask(port: int, secret: str, command: str, chat_id: int) -> Heard:
    """One update from a connection of its own, sent once."""
    began = time.monotonic()
    status, body = 0, b""
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(load.request(load.update(command, chat_id), secret))
                status, body = await load.read_answer(reader)
            finally:
                writer.transport.abort()
    seconds = time.monotonic() - began
    if status != 200 or not body:
        return Heard(command, "none", seconds, f"{status} {body[:200]!r}")
    text = str(json.loads(body).get("text"))
    return Heard(command, judged(text), seconds, text)


async def chat(port: int, secret: str, rng: random.Random, chat_id: int, until: float) -> list[Heard]:
    """One command after the other, until then (monotonic)."""
    heard: list[Heard] = []
    while time.monotonic() < until:
        command = rng.choice(COMMANDS).format(rng.choice(BASES))
        heard.append(await ask(port, secret, command, chat_id))
        await asyncio.sleep(rng.uniform(*PAUSE_S))
    return heard


async def blow(world: demo.World, events: Iterable[Event]) -> None:
    """Carries a schedule out."""
    began = time.monotonic()
    for event in events:
        await asyncio.sleep(began + event.at_s - time.monotonic())
        for name in world.names(event.exchange):
            world.sites[name].latency_s = event.latency_s
        await world.set_fault(event.exchange, event.fault)


async def storm(
    world: demo.World,
    port: int,
    secret: str,
    events: Sequence[Event],
    seconds: float,
    seed: int,
    n_chats: int = N_CHATS,
) -> list[Heard]:
    """All that the chats heard while a schedule was carried out."""
    until = time.monotonic() + seconds
    blowing = asyncio.ensure_future(blow(world, events))
    chats = [chat(port, secret, random.Random(f"{seed}:{number}"), number, until) for number in range(1, n_chats + 1)]
    heard = await asyncio.gather(*chats)
    await blowing
    return [each for of_chat in heard for each in of_chat]


# What exchanges allow.


class Limit(NamedTuple):
    """What a documented limit counts: requests to the paths that match, or their weight.

    is_each: every path has its own; names of markets in it do not make it another one.
    """

    site: str
    path: str
    most: int
    window_s: float
    is_each: bool = False
    is_weight: bool = False


LIMITS = (
    Limit("BINANCE_SPOT", "", 6000, 60, is_weight=True),
    Limit("BINANCE_USDM", "", 2400, 60, is_weight=True),
    Limit("BINANCE_COINM", "", 2400, 60, is_weight=True),
    Limit("BINANCE_USDM", "/fapi/v1/funding(Info|Rate)", 500, 300),
    Limit("BINANCE_USDM", "/futures/data/", 1000, 300),
    Limit("BYBIT", "", 600, 5),
    Limit("OKX", "/api/v5/market/(ticker|tickers|history-candles)$", 20, 2, is_each=True),
    Limit("OKX", "/api/v5/market/candles$", 40, 2),
    Limit("OKX", "/api/v5/public/open-interest$", 20, 2),
    Limit("OKX", "/api/v5/public/funding-rate$", 10, 2),
    Limit("OKX", "/api/v5/rubik/stat/", 5, 2, is_each=True),
    Limit("GATE", "", 200, 10, is_each=True),
    Limit("BITGET", "(?!.*account-long-short)", 20, 1, is_each=True),
    Limit("BITGET", "/api/v2/mix/market/account-long-short$", 1, 1),
    Limit("HYPERLIQUID", "", 1200, 60, is_weight=True),
    Limit("DERIBIT", "", 100, 5),
    Limit("KRAKEN", "", 15, 15),
    Limit("KRAKEN_FUTURES", "", 100, 10),
    Limit("COINBASE", "", 10, 1),
    Limit("COINGECKO", "", 5, 60),
)
"""As documented, in 2026."""


class Ledger(deque[str]):
    """Takes the place of a site's memory of what it was asked; notes when."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[tuple[float, str]] = []

    def append(self, asked: str) -> None:
        self.moments.append((time.monotonic(), asked))


def weight(site: str, asked: str) -> int:
    """What a request costs: as the offline Binance counts; at Hyperliquid 20, and 1 more for 60 candles."""
    target, _, body = asked.partition(" ")
    if site.startswith("BINANCE"):
        path, _, query = target.partition("?")
        values = dict(pair.partition("=")[::2] for pair in query.replace("%2C", ",").split("&") if pair)
        return demo.binance._weight(site, Asked("GET", path, values, {}, b"", target))
    wanted = json.loads(body).get("req") if "candleSnapshot" in body else None
    if wanted is None:
        return 20
    minutes = {"m": 1, "h": 60, "d": 1440}[wanted["interval"][-1]] * int(wanted["interval"][:-1])
    return 20 + int((wanted["endTime"] - wanted["startTime"]) / 60_000 / minutes) // 60


def peak(moments: Iterable[tuple[float, int]], window_s: float) -> int:
    """The most that was spent in any stretch of window_s. moments: when and how much, in the order of time."""
    within: deque[tuple[float, int]] = deque()
    spent = most = 0
    for at, cost in moments:
        within.append((at, cost))
        spent += cost
        while within[0][0] <= at - window_s:
            spent -= within.popleft()[1]
        most = max(most, spent)
    return most


def spent(limit: Limit, moments: Iterable[tuple[float, str]]) -> int:
    """The most that was spent of a limit in any of its windows."""
    accounts: dict[str, list[tuple[float, int]]] = {}
    for at, asked in moments:
        path = re.split(r"[? ]", asked, maxsplit=1)[0]
        if re.match(limit.path, path) is None:
            continue
        key = re.sub(r"/[A-Z0-9]+_[A-Z]+\b", "/*", path) if limit.is_each else ""
        accounts.setdefault(key, []).append((at, weight(limit.site, asked) if limit.is_weight else 1))
    return max((peak(each, limit.window_s) for each in accounts.values()), default=0)


# The real server.


@asynccontextmanager
async def a_server(**variables: str) -> AsyncIterator[tuple[demo.World, Process, int]]:
    """The world in this loop, all its requests noted, and the server in a process of its own."""
    world = demo.World()
    await world.start()
    for site in world.sites.values():
        site.asked = Ledger()
    world.set_latency(CALM_S)
    port = free_port()
    chosen = {"TELEGRAM_CHAT_ID": "*", "COMMANDS_PER_MINUTE": "0", "RATE_BUDGETS": "1", "LOG_LEVEL": "ERROR"}
    environ = {**os.environ, **world.environ, **chosen, "PORT": str(port), "MALLOC_ARENA_MAX": "1", **variables}
    server = Process(["webhook_server.py"], environ)
    try:
        await first_answer(port, World.secret, time.perf_counter())
        yield world, server, port
    finally:
        await asyncio.to_thread(server.stop)
        await world.close()


async def health(port: int) -> dict[str, dict[str, object]]:
    """What the server says of each host that it asks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n")
    _, body = await load.read_answer(reader)
    writer.close()
    found: dict[str, dict[str, object]] = json.loads(body)["exchanges"]
    return found


async def recovery(fault: str, *, in_probe: bool = False) -> float:
    """Seconds from the return of the only exchange to the first whole answer.

    It returns at the worst moment, when a rest has just begun; in_probe: when the server has just asked again, to wait
    for an answer that does not come.
    """
    async with a_server(EXCHANGES="bybit") as (world, _, port):
        site = world.sites["BYBIT"]
        await world.set_fault("bybit", fault)
        async with asyncio.timeout(MAX_RECOVERY_S):
            while (await health(port))["BYBIT"]["state"] != "resting":
                await ask(port, World.secret, "/price BTC", 1)
                await asyncio.sleep(DISTINCT_S)
        asking = asyncio.ensure_future(_first_whole(port))
        n_requests = site.n_requests
        while in_probe and site.n_requests == n_requests:  # noqa: ASYNC110 - the site knows no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(CALM_S * 5)  # what was asked meets the fault when its latency is over
        await world.set_fault("bybit", "")
        began = time.monotonic()
        async with asyncio.timeout(120):
            return await asking - began


async def _first_whole(port: int) -> float:
    """When there is one, monotonic; asked for four times a second."""
    while (await ask(port, World.secret, "/price BTC", 1)).kind != "whole":  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.25)
    return time.monotonic()


async def blocked_rest() -> float:
    """For how many seconds the server leaves an exchange alone that answers 451."""
    async with a_server(EXCHANGES="binance") as (world, _, port):
        await world.set_fault("binance", "451")
        await asyncio.sleep(2.1)  # the cache's time
        await ask(port, World.secret, "/price BTC", 1)
        return max(float(str(of["resting_s"])) for of in (await health(port)).values())


async def weathered(seed: int, seconds: float, n_chats: int) -> bool:
    """The storm, told line by line; whether all is as it should be."""
    events = schedule(seed, seconds)
    spells = Counter(f"{each.fault or 'latency'}" for each in events if each.fault or each.latency_s > CALM_S)
    print(f"{sum(spells.values())} spells: {dict(sorted(spells.items()))}", flush=True)
    async with a_server() as (world, server, port):
        heard = await storm(world, port, World.secret, events, seconds, seed, n_chats)
        resting = {name: of["resting_s"] for name, of in (await health(port)).items() if of["state"] == "resting"}
        ledgers = {name: site.asked for name, site in world.sites.items()}
        memory_mib = server.memory_mib("VmHWM")
        minutes = {name: max(site.weights.values()) for name, site in world.sites.items() if site.weights}
    kinds = Counter(each.kind for each in heard)
    shares = ", ".join(f"{kinds[kind]} {kind} ({kinds[kind] / len(heard):.1%})" for kind in GOOD)
    bad = [each for each in heard if each.kind not in GOOD or each.seconds > MAX_S]
    took = sorted(each.seconds for each in heard)
    slowest = max(heard, key=lambda each: each.seconds)
    print(f"{len(heard)} commands of {n_chats} chats: {shares}; {len(bad)} late, unclear or without an answer")
    print(f"p50 {took[len(took) // 2]:.2f} s, p99 {took[len(took) * 99 // 100]:.2f} s,", end=" ")
    print(f"slowest {slowest.seconds:.2f} s ({slowest.command}); VmHWM {memory_mib:.1f} MiB")
    for command in dict.fromkeys(each.split()[0] for each in COMMANDS):
        of = Counter(each.kind for each in heard if each.command.split()[0] == command)
        print(f"  {command:9} {dict(of)}")
    for each in bad[:10]:
        print(f"  {each.command} after {each.seconds:.2f} s, {each.kind}: {each.text[:400]!r}")
    print(f"left alone at the end, for so many seconds more: {resting}")
    print(f"weight that Binance counted in a minute, at most: {minutes}")
    is_within = True
    for limit in LIMITS:
        ledger = ledgers[limit.site]
        assert isinstance(ledger, Ledger)
        most = spent(limit, ledger.moments)
        is_within = is_within and most <= limit.most
        what = "weight" if limit.is_weight else "requests"
        told = f"{most} of {limit.most} {what} in {limit.window_s:g} s"
        print(f"  {limit.site:15} {limit.path[:44]:44} {told}{'' if most <= limit.most else '  OVER'}")
    return not bad and is_within


async def recovered() -> bool:
    """An exchange that is the only one, away and back again; whether that took no longer than it should."""
    cases = [("refuse", False), ("500", False), ("429", False), ("hang", False), ("hang", True)]
    found = await asyncio.gather(*(recovery(fault, in_probe=in_probe) for fault, in_probe in cases))
    for (fault, in_probe), seconds in zip(cases, found, strict=True):
        when = "while it was tried again" if in_probe else "as its rest began"
        print(f"the only exchange back from {fault:6} {when:24} {seconds:5.1f} s to a whole answer")
    print(f"after a 451 an exchange is left alone for {await blocked_rest():.0f} s")
    return max(found) <= MAX_RECOVERY_S


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked.add_argument("--seconds", type=float, default=STORM_S)
    asked.add_argument("--chats", type=int, default=N_CHATS)
    given = asked.parse_args()
    print(f"seed {given.seed}", flush=True)
    is_well = asyncio.run(weathered(given.seed, given.seconds, given.chats))
    is_back = asyncio.run(recovered())
    return 0 if is_well and is_back else 1


if __name__ == "__main__":
    sys.exit(main())
