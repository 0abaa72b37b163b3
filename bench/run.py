"""`python bench/run.py`: what the bot costs, measured on the real server against the offline world.

Server, world and load are three processes. CPU is the server's own, from the kernel's
accounting; nothing is cached (CACHE_SECONDS=0), so every /price asks an exchange four times.
Machines differ and are noisy: "by hand" is the same exchange of bytes in bench/by_hand.py,
measured in the same minute; compare with that.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench")]

import load  # noqa: E402


class Process:
    """A child process and what the kernel says of it."""

    def __init__(self, arguments: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def cpu_s(self) -> float:
        """Seconds on a processor so far, all threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory_mib(self, what: str) -> float:
        """VmRSS (now) or VmHWM (peak)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {what}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def set_latency(world: dict[str, str], latency_ms: float) -> None:
    body = json.dumps({"latency_ms": latency_ms}).encode()
    urllib.request.urlopen(f"{world['TELEGRAM_API_URL']}/world/fault", body, timeout=5).read()


async def first_answer(port: int, secret: str, began: float) -> float:
    """Seconds from `began` to the first answered update."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.001)
    writer.write(load.request(load.update("/price BTC"), secret))
    status, body = await load.read_answer(reader)
    writer.close()
    if status != 200 or b"<pre>" not in body:
        raise RuntimeError(f"the first answer is none: {status} {body[:200]!r}")
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def starts(environ: dict[str, str], secret: str, n: int = 7) -> tuple[float, float]:
    """Medians of process start to first answer, and of the interpreter's own start, in seconds."""
    answered, bare = [], []
    for _ in range(n):
        port = free_port()
        began = time.perf_counter()
        server = Process(["webhook_server.py"], {**environ, "PORT": str(port)})
        answered.append(asyncio.run(first_answer(port, secret, began)))
        server.stop()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - began)
    return median(answered), median(bare)


class Measured(NamedTuple):
    took_s: float
    cpu_ms: float  # of the server, per update
    p50_ms: float
    p99_ms: float


def measured(process: Process, port: int, secret: str, n: int, n_connections: int) -> Measured:
    """n updates over some connections, after a warm-up."""
    asyncio.run(load.run(port, secret, lambda _: "/price BTC", max(50, n_connections * 2), n_connections))
    cpu_s, began = process.cpu_s(), time.perf_counter()
    seconds = sorted(asyncio.run(load.run(port, secret, lambda _: "/price BTC", n, n_connections)))
    took_s, cpu_s = time.perf_counter() - began, process.cpu_s() - cpu_s
    return Measured(took_s, cpu_s / n * 1000, seconds[n // 2] * 1000, seconds[n * 99 // 100] * 1000)


def main() -> None:
    token = "123456:TEST-offline-world-token"
    secret = hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest()
    world_process = Process(["-m", "demo"], dict(os.environ))
    world = json.loads(world_process.line())
    environ = {
        **os.environ,
        **world,
        "TELEGRAM_CHAT_ID": "*",
        "CACHE_SECONDS": "0",
        "RATE_BUDGETS": "0",
        "COMMANDS_PER_MINUTE": "0",
        "MAX_CONNECTIONS": "100",
        "LOG_LEVEL": "WARNING",
        "MALLOC_ARENA_MAX": "1",
    }
    lines = [
        f"Python {platform.python_version()}, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d', time.gmtime())}",
        "",
    ]
    try:
        answered_s, bare_s = starts(environ, secret)
        lines.append(
            f"start to first answer       {answered_s * 1000:6.0f} ms (the bare interpreter: {bare_s * 1000:.0f} ms)"
        )
        port, hand_port = free_port(), free_port()
        server = Process(["webhook_server.py"], {**environ, "PORT": str(port)})
        hand = Process(["bench/by_hand.py"], {**environ, "PORT": str(hand_port)})
        asyncio.run(first_answer(port, secret, time.perf_counter()))
        time.sleep(1)
        lines.append(f"idle RSS                    {server.memory_mib('VmRSS'):6.1f} MiB")
        lines += ["", "upstream  connections    /price per s   CPU ms each   by hand   p50 ms   p99 ms"]
        for latency_ms in (0, 80):
            set_latency(world, latency_ms)
            for n_connections in (1, 40):
                n = 1500 if n_connections == 40 else 700 if not latency_ms else 60
                by_hand = measured(hand, hand_port, secret, n, n_connections)
                ours = measured(server, port, secret, n, n_connections)
                lines.append(
                    f"{latency_ms:5} ms  {n_connections:11}  {n / ours.took_s:13.0f}  {ours.cpu_ms:12.2f}"
                    f"  {by_hand.cpu_ms:8.2f}  {ours.p50_ms:7.1f}  {ours.p99_ms:7.1f}"
                )
        lines += ["", f"peak RSS                    {server.memory_mib('VmHWM'):6.1f} MiB"]
        server.stop()
        hand.stop()
    finally:
        world_process.stop()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
