"""`python trials/floods.py`: strangers flood the real server, and genuine updates are answered meanwhile.

Each flood runs for some seconds against one server process: connections that are opened and say nothing, senders of a
byte now and then, heads and bodies at and beyond their limits, chunks without an end, wrong secrets at full speed. All
the while a Telegram asks RATE updates a second, each from its own connection, again at once where the connection is
lost. Printed: how long updates took to be answered, how many deliveries had to be repeated, and the server's peak
memory. At last every exchange hangs, and 100 chats ask at once.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import load
from house import Process, World, free_port

from clock import loop_time

KIB, MIB = 1024, 1024 * 1024
MAX_HEAD, MAX_BODY = 16 * KIB, MIB  # http1/server.py's
RATE = 25  # genuine updates a second
MAX_TRIES = 50  # of one delivery
LONGEST_S, P99_S, DEADLINE_S = 30.0, 1.0, 8.0
N_CHATS = 100
Flood = Callable[[int, float], Awaitable[Counter[str]]]


class Weathered(NamedTuple):
    """seconds: of each genuine update, with its repetitions; sorted. outcomes: what the flood was told.

    n_lost: updates that MAX_TRIES deliveries in a row did not bring in.
    """

    seconds: list[float]
    n_repeated: int
    n_lost: int
    outcomes: Counter[str]

    @property
    def p99_s(self) -> float:
        return self.seconds[len(self.seconds) * 99 // 100] if not self.n_lost else LONGEST_S


async def answered(port: int, secret: str, text: str, chat_id: int = 1) -> tuple[float, int, bytes]:
    """Seconds until an update is answered, how often it was repeated, and the answer. Raises RuntimeError."""
    began = loop_time()
    body = load.update(text, chat_id)
    for n_repeated in range(MAX_TRIES):
        with suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(LONGEST_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(load.request(body, secret))
                    status, answer = await load.read_answer(reader)
                finally:
                    writer.transport.abort()
            if status == 200:
                return loop_time() - began, n_repeated, answer
            await asyncio.sleep(1)  # 503: as its Retry-After asks
    raise RuntimeError(f"{text} was never answered")


async def weathered(port: int, secret: str, flood: Flood, seconds: float) -> Weathered:
    """A flood for some seconds, and genuine updates all the while."""
    flooding = asyncio.ensure_future(flood(port, seconds))
    asking: list[asyncio.Task[tuple[float, int, bytes]]] = []
    while not flooding.done():
        asking.append(asyncio.ensure_future(answered(port, secret, "/price BTC", len(asking) + 1)))
        await asyncio.sleep(1 / RATE)
    results = await asyncio.gather(*asking, return_exceptions=True)
    found = [each for each in results if not isinstance(each, BaseException)]
    if not all(b"<pre>" in answer for _, _, answer in found):
        raise RuntimeError("a genuine update had no figures in its answer")
    n_repeated, n_lost = sum(each[1] for each in found), len(results) - len(found)
    return Weathered(sorted(each[0] for each in found) or [LONGEST_S], n_repeated, n_lost, await flooding)


# Floods. Each does its worst for some seconds and tells how its connections fared.


async def on_each(
    port: int, n: int, seconds: float, talk: Callable[..., Awaitable[str]], *, again: bool = False
) -> Counter[str]:
    """Opens n connections, has `talk(reader, writer, until)` with each, and counts what it says.

    again: a connection that is over is opened anew, as long as there is time.
    """
    until = time.monotonic() + seconds

    async def one() -> Counter[str]:
        outcomes = Counter([await once()])
        while again and time.monotonic() < until:
            outcomes[await once()] += 1
        return outcomes

    async def once() -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return "not connected"
        try:
            async with asyncio.timeout(max(seconds, 1.0) + 15):
                return await talk(reader, writer, until)
        except (OSError, asyncio.IncompleteReadError):
            return "closed"
        finally:
            writer.transport.abort()

    return sum(await asyncio.gather(*(one() for _ in range(n))), Counter[str]())


async def told(reader: asyncio.StreamReader) -> str:
    """The status of an answer; "closed" without one."""
    line = await reader.readline()
    return line.split()[1].decode() if line else "closed"


def idle(n: int, *, again: bool = False) -> Flood:
    """Connections that say nothing. again: those that are closed come back at once."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                return await told(reader)
        return "still open"

    return lambda port, seconds: on_each(port, n, seconds, talk, again=again)


def slow(n: int, start: bytes) -> Flood:
    """Senders of a byte every half second, after a start."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float) -> str:
        answer = asyncio.ensure_future(told(reader))
        writer.write(start)
        while time.monotonic() < until and not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.5)
        if answer.done():
            return answer.result()
        answer.cancel()
        return "still open"

    return lambda port, seconds: on_each(port, n, seconds, talk)


def endless(n: int, start: bytes) -> Flood:
    """Chunks without an end, at full speed, again and again."""
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float) -> str:
        answer = asyncio.ensure_future(told(reader))
        writer.write(start)
        with suppress(OSError):
            while time.monotonic() < until and not answer.done():
                writer.write(chunk)
                await writer.drain()
        return await answer

    return lambda port, seconds: on_each(port, n, seconds, talk, again=True)


def wrong_secrets(n: int, n_connections: int) -> Flood:
    """n updates with guessed secrets, as fast as they are refused; a connection that is closed is opened again."""

    async def flood(port: int, seconds: float) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        left = iter(range(n))

        async def one_connection() -> None:
            writer = None
            for number in left:
                try:
                    if writer is None:
                        reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(load.request(load.update("/price BTC"), f"guess-{number}"))
                    outcomes[str((await load.read_answer(reader))[0])] += 1
                except (OSError, asyncio.IncompleteReadError):
                    outcomes["closed"] += 1
                    writer = None
            if writer is not None:
                writer.transport.abort()

        await asyncio.gather(*(one_connection() for _ in range(n_connections)))
        return outcomes

    return flood


def webhook_head(secret: str, *lines: str) -> bytes:
    start = ("POST /webhook HTTP/1.1", "Host: x", "Content-Type: application/json")
    return "\r\n".join([*start, f"X-Telegram-Bot-Api-Secret-Token: {secret}", *lines, "", ""]).encode()


def padded(body: bytes, size: int) -> bytes:
    return body + b" " * (size - len(body))


async def limits(port: int, secret: str) -> dict[str, str]:
    """What is answered to heads and bodies at, over and far over each limit."""

    async def sent(data: bytes) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float) -> str:
            answer = asyncio.ensure_future(told(reader))
            with suppress(OSError):
                writer.write(data)
                await writer.drain()
            return await answer

        return next(iter(await on_each(port, 1, 1, talk)))

    def head(size: int) -> bytes:
        bare = b"GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
        return bare.replace(b"X: ", b"X: " + b"y" * (size - len(bare)))

    def update(size: int) -> bytes:
        return webhook_head(secret, f"Content-Length: {size}") + padded(load.update("/help"), size)

    def chunked(size: int) -> bytes:
        body = padded(load.update("/help"), size)
        return webhook_head(secret, "Transfer-Encoding: chunked") + f"{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"

    return {
        "head at": await sent(head(MAX_HEAD)),
        "head over": await sent(head(MAX_HEAD + 16)),
        "head far over": await sent(head(64 * MIB)),
        "body at": await sent(update(MAX_BODY)),
        "body over": await sent(update(MAX_BODY + 1)),
        "body far over": await sent(update(64 * MIB)),
        "chunks at": await sent(chunked(MAX_BODY)),
        "chunks over": await sent(chunked(MAX_BODY + 1)),
        "chunks far over": await sent(chunked(64 * MIB)),
    }


LIMITS = {
    "head at": "200",
    "head over": "431",
    "head far over": "431",
    "body at": "200",
    "body over": "413",
    "body far over": "413",
    "chunks at": "200",
    "chunks over": "413",
    "chunks far over": "413",
}
"""What `limits` should find."""


async def all_hang(port: int, secret: str, n_chats: int = N_CHATS) -> list[float]:
    """n chats ask at once, each for its own symbol, while no exchange answers; the seconds that each waited, sorted."""

    async def one(number: int) -> float:
        took_s, _, answer = await answered(port, secret, f"/price COIN{number}", number + 1)
        if b"did not answer in time" not in answer:
            raise RuntimeError(f"no sentence: {answer[:200]!r}")
        return took_s

    return sorted(await asyncio.gather(*(one(number) for number in range(n_chats))))


def floods(secret: str, scale: float = 1.0) -> dict[str, tuple[Flood, float]]:
    """Every flood, and for how many seconds."""

    def n(whole: int) -> int:
        return max(1, round(whole * scale))

    length = 12.0 if scale == 1 else 1.0
    return {
        f"{n(2000)} connections, idle": (idle(n(2000)), length),
        f"{n(300)} idle, coming back": (idle(n(300), again=True), length),
        f"{n(1000)} slow heads": (slow(n(1000), b"GET / HTTP/1.1\r\nX: "), length),
        f"{n(1000)} slow bodies": (slow(n(1000), webhook_head("guess", "Content-Length: 1000")), length),
        f"{n(100)} endless chunked": (endless(n(100), webhook_head("guess", "Transfer-Encoding: chunked")), length),
        f"{n(10)} endless, secret known": (endless(n(10), webhook_head(secret, "Transfer-Encoding: chunked")), length),
        f"{n(10_000)} wrong secrets": (wrong_secrets(n(10_000), 50), length),
    }


def all_floods(world: World, server: Process, port: int, scale: float = 1.0) -> dict[str, Weathered]:
    found = {}
    for name, (flood, seconds) in floods(world.secret, scale).items():
        found[name] = weather = asyncio.run(weathered(port, world.secret, flood, seconds))
        took = f"p50 {weather.seconds[len(weather.seconds) // 2] * 1000:5.0f} ms  p99 {weather.p99_s * 1000:5.0f} ms"
        print(f"{name:28} {len(weather.seconds):4} answered  {took}  {weather.n_repeated:3} repeated", end=" ")
        print(f"{weather.n_lost:3} lost", end="  ")
        print(f"VmHWM {server.memory_mib('VmHWM'):5.1f} MiB  {dict(weather.outcomes)}", flush=True)
    return found


def main() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port = free_port()
    with World() as world:
        server = world.server(port, CACHE_SECONDS="2", MAX_CONNECTIONS="20")
        try:
            print(f"before: VmHWM {server.memory_mib('VmHWM'):.1f} MiB")
            found = all_floods(world, server, port)
            limited = asyncio.run(limits(port, world.secret))
            print(f"limits: {limited}; VmHWM {server.memory_mib('VmHWM'):.1f} MiB")
        finally:
            server.stop()
        server = world.server(port, CACHE_SECONDS="2", MAX_CONNECTIONS="100")
        try:
            world.set_weather(fault="hang")
            waited = asyncio.run(all_hang(port, world.secret))
            print(
                f"all exchanges hang: {len(waited)} answered, first {waited[0]:.2f} s, last {waited[-1]:.2f} s;",
                end=" ",
            )
            print(f"VmHWM {server.memory_mib('VmHWM'):.1f} MiB")
        finally:
            server.stop()
    is_well = all(each.p99_s < P99_S for each in found.values()) and limited == LIMITS and waited[-1] <= DEADLINE_S
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
