"""`python bench/charts.py`: CPU, size and memory of pictures; and what they cost the real server.

First in a process that does nothing else but holds the bot: CPU is of drawing, the middle of N pictures of different
data; peak is how far RSS rises above what it was before the first picture; growth is what remains after 500 pictures of
50 markets. Then of the server: from its start to the first answer, a text and a picture, on a server of its own each
time; its memory after the one and the other; and its RSS after every command and every kind of picture.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import asyncio

import load
from house import Process, World, connected, free_port, median

N = 31  # pictures of each kind
N_MARKETS, N_PICTURES = 50, 500
MAX_CPU_MS, MAX_PEAK_MIB, MAX_GROWTH_MIB = 30.0, 3.0, 1.0
N_STARTS = 5
MAX_RSS_MIB = 45.0  # of the server, after everything
PICTURES = tuple(f"/chart {each}" for each in (
    *("BTC", "ETH 4h", "SOL 15m spot", "BTC ETH SOL", "cvd BTC", "funding BTC", "oi BTC", "profile BTC", "pnl"),
))  # fmt: skip
WITH_COIN = frozenset(
    ["price", "analysis", "volume", "cvd", "chart", "profile", "ls", "oi", "funding", "liq", "spread"]
)
MORE = (
    "/price BTC ETH SOL PEPE DOGE",
    "/funding top",
    "/top10 spot",
    "/top10 oi",
    "/watch add BTC ETH",
    "/alert BTC 1%",
)


def memory_mib(field: str) -> float:
    """VmRSS now, or VmHWM, the highest so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def forget_the_peak() -> None:
    """From now on VmHWM tells the highest since now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def cpu_ms(draw: Callable[[int], bytes]) -> tuple[float, int]:
    """The middle of N, and the size of the last one."""
    taken = []
    for number in range(N):
        began = time.process_time()
        png = draw(number)
        taken.append((time.process_time() - began) * 1000)
    return sorted(taken)[N // 2], len(png)


def measured() -> int:
    import serving  # noqa: F401 - what the process holds anyway

    gc.collect()
    before = memory_mib("VmRSS")
    began = time.perf_counter()
    import pictures

    from render.figures import format_amount
    from render.picture import charts, drawing

    loaded_ms, loaded = (time.perf_counter() - began) * 1000, memory_mib("VmRSS") - before
    markets = [pictures.candles(180, seed=number, symbol=f"COIN{number}-USDT") for number in range(N_MARKETS)]
    lines = {n: pictures.lines(n) for n in (3, 9)}
    span = charts.span_of(pictures.candles(168), 168)
    head = charts.Head("BTC open interest", "7 days", None, None)
    figures = {
        "candles, volume, OI, CVD": lambda n: pictures.whole(markets[n]),
        "profile": lambda n: pictures.profile(markets[n]),
        "CVD": lambda n: charts.cvd(pictures.head(markets[n]), markets[n], pictures.flow(markets[n]), is_running=True),
        "3 exchanges, 7 days": lambda n: charts.by_exchange(head, lines[3], span, "", format_amount),
        "9 exchanges, 7 days": lambda n: charts.by_exchange(head, lines[9], span, "", format_amount),
    }
    made = [figures["candles, volume, OI, CVD"](number) for number in range(N_MARKETS)]
    gc.collect()
    forget_the_peak()
    base = memory_mib("VmRSS")
    first_ms = time.process_time()
    drawing.draw(made[0]).png()
    first_ms = (time.process_time() - first_ms) * 1000
    peak = memory_mib("VmHWM") - base
    costs = {name: cpu_ms(lambda n, of=of: drawing.draw(of(n)).png()) for name, of in figures.items()}  # type: ignore[misc]
    after_some = memory_mib("VmRSS")
    for number in range(N_PICTURES):
        drawing.draw(made[number % N_MARKETS]).png()
    growth = memory_mib("VmRSS") - after_some
    print(f"loading {loaded_ms:.0f} ms, {loaded:+.1f} MiB; the first picture {first_ms:.0f} ms\n")
    print("picture                      CPU ms   bytes")
    for name, (took, size) in costs.items():
        print(f"{name:28} {took:6.1f} {size:7,}")
    print(f"\npeak {peak:+.1f} MiB, growth after {N_PICTURES} pictures of {N_MARKETS} markets {growth:+.2f} MiB")
    worst = max(took for took, _ in costs.values())
    return int(worst > MAX_CPU_MS or peak > MAX_PEAK_MIB or growth > MAX_GROWTH_MIB)


# The server.


async def asked(port: int, secret: str, text: str, user_id: int) -> tuple[float, bytes]:
    """Seconds to an answer, and what it is. Raises RuntimeError for one that is none."""
    began = time.perf_counter()
    reader, writer = await connected(port)
    writer.write(load.request(load.update(text, user_id), secret))
    status, body = await load.read_answer(reader)
    writer.close()
    is_answer = any(each in body[:4000] for each in (b"sendMessage", b"sendPhoto"))
    if status != 200 or not is_answer or any(each in body for each in (b"went wrong", b"could not be drawn")):
        raise RuntimeError(f"{text}: {status} {body[:200]!r}")
    return time.perf_counter() - began, body


def started(world: World, text: str, user_id: int) -> tuple[float, float]:
    """Milliseconds from the start of a process to its answer, and the MiB that it holds then."""
    port = free_port()
    began = time.perf_counter()
    server = Process(["webhook_server.py"], {**world.environ, "PORT": str(port)})
    try:
        asyncio.run(asked(port, world.secret, text, user_id))
        return (time.perf_counter() - began) * 1000, server.memory_mib("VmRSS")
    finally:
        server.stop()


def every_command() -> Iterator[str]:
    """Each command that the bot knows, some in several ways, then each kind of picture."""
    import bot

    for name in bot.COMMANDS:
        yield f"/{name} BTC" if name in WITH_COIN else f"/{name}"
    yield from MORE
    yield from PICTURES


def of_the_server() -> int:
    with World() as world:
        user_id = 7
        world.environ |= {"TELEGRAM_CHAT_ID": str(user_id), "CACHE_SECONDS": "2"}
        subprocess.run([sys.executable, "-m", "compileall", "-q", ".", "-x", "venv"], cwd=ROOT, check=True)
        print("\nserver, start to first answer      ms   RSS MiB")
        for text in ("/help", "/price BTC", "/chart BTC"):
            found = [started(world, text, user_id) for _ in range(N_STARTS)]
            print(f"{text:28} {median([ms for ms, _ in found]):8.0f} {median([rss for _, rss in found]):9.1f}")
        port = free_port()
        server = Process(["webhook_server.py"], {**world.environ, "PORT": str(port)})
        try:
            pictures = 0
            texts = list(every_command())
            for text in texts:
                _, body = asyncio.run(asked(port, world.secret, text, user_id))
                pictures += b"sendPhoto" in body[:4000]
            print(
                f"\nafter {len(texts)} commands, {pictures} of them pictures: RSS {server.memory_mib('VmRSS'):.1f} MiB",
                end="",
            )
            print(f", at its peak {server.memory_mib('VmHWM'):.1f}")
            return int(server.memory_mib("VmRSS") > MAX_RSS_MIB or pictures < len(PICTURES))
        finally:
            server.stop()


if __name__ == "__main__":
    # In a process of its own, whose allocator nobody has used before.
    if sys.argv[1:] == ["--here"]:
        sys.exit(measured())
    code = subprocess.call([sys.executable, __file__, "--here"])
    sys.exit(of_the_server() or code)
