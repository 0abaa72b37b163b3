"""The processes of a measurement: the offline world, the real server, and what the kernel says of them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import load
import trustme

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "123456:TEST-offline-world-token"


class Process:
    """A child process."""

    def __init__(
        self, arguments: list[str], environ: dict[str, str], prefix: list[str] | None = None, tree: Path = ROOT
    ) -> None:
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, *arguments],
            cwd=tree,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
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
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class World:
    """The offline world in a process of its own, and the environment that leads a server there."""

    secret = hmac.new(TOKEN.encode(), b"webhook secret", hashlib.sha256).hexdigest()

    def __init__(self, *, is_tls: bool = False) -> None:
        """is_tls: the exchanges speak HTTPS, with a certificate that is made here and which the server trusts."""
        self._made = tempfile.TemporaryDirectory()
        ca_file = {"SSL_CERT_FILE": make_certificate(Path(self._made.name))} if is_tls else {}
        certificate = [str(Path(self._made.name) / "server.pem")] if is_tls else []
        self._process = Process(["bench/quick_world.py", *certificate], dict(os.environ))
        self._urls: dict[str, str] = json.loads(self._process.line())
        self.environ = {
            **os.environ,
            **self._urls,
            **ca_file,
            "TELEGRAM_CHAT_ID": "*",
            "CACHE_SECONDS": "0",
            "RATE_BUDGETS": "0",
            "COMMANDS_PER_MINUTE": "0",
            "MAX_CONNECTIONS": "100",
            "LOG_LEVEL": "WARNING",
            "DATA_DIR": self._made.name,
            "MALLOC_ARENA_MAX": "1",
        }

    def __enter__(self) -> World:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.stop()
        self._made.cleanup()

    def set_latency(self, latency_ms: float) -> None:
        self.set_weather(latency_ms=latency_ms)

    def set_weather(self, **weather: object) -> None:
        """What every exchange does from now on: latency_ms, fault; or one, with site."""
        body = json.dumps(weather).encode()
        where, headers = f"{self._urls['TELEGRAM_API_URL']}/world/fault", {"content-type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(where, body, headers), timeout=5).read()

    def n_requests(self) -> int:
        """How many requests the exchanges have had so far."""
        return int(urllib.request.urlopen(self._urls["BENCH_REQUESTS_URL"], timeout=5).read())

    def folder(self, port: int) -> str:
        """Where the server on that port keeps what it remembers."""
        folder = Path(self._made.name) / f"data {port}"
        folder.mkdir(exist_ok=True)
        return str(folder)

    def coins(self, n: int) -> list[str]:
        """The first n that Binance has in dollars on both markets: asked for side by side, they share no request."""
        found, trusted = [], ssl.create_default_context(cafile=self.environ.get("SSL_CERT_FILE"))
        for site, path in (("SPOT", "/api/v3"), ("USDM", "/fapi/v1")):
            url = f"{self._urls[f'BINANCE_{site}_URL']}{path}/ticker/price"
            told = urllib.request.urlopen(url, timeout=30, context=trusted).read()
            found.append([row["symbol"] for row in json.loads(told)])
        both = [name.removesuffix("USDT") for name in found[0] if name.endswith("USDT") and name in set(found[1])]
        return both[:n]

    def server(
        self, port: int, prefix: list[str] | None = None, tree: Path = ROOT, first: str = "/price BTC", **variables: str
    ) -> Process:
        """The real server of a checkout on a port, which has answered a first question."""
        environ = {**self.environ, "DATA_DIR": self.folder(port), "PORT": str(port), **variables}
        server = Process(["webhook_server.py"], environ, prefix, tree)
        asyncio.run(first_answer(port, self.secret, time.perf_counter(), first))
        return server


def make_certificate(folder: Path) -> str:
    """Writes server.pem, a certificate of 127.0.0.1 with its key, and gives the file of who vouches for it."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return str(folder / "ca.pem")


def free_port() -> int:
    """Below those that systems give to whoever asks for any: it is still free when a server has started."""
    while True:
        with socket.socket() as sock, suppress(OSError):
            port = random.randrange(20_000, 32_000)
            sock.bind(("127.0.0.1", port))
            return port


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a server that starts, once it listens. Raises OSError after 20 s."""
    began = time.perf_counter()
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.perf_counter() - began > 20:
                raise
            await asyncio.sleep(0.001)


async def first_answer(port: int, secret: str, began: float, text: str = "/price BTC") -> float:
    """Seconds from `began` to the first answered update. Raises as `connected`."""
    reader, writer = await connected(port)
    writer.write(load.request(load.update(text), secret))
    status, body = await load.read_answer(reader)
    writer.close()
    if status != 200 or (b"<pre>" not in body and text != "/help"):
        raise RuntimeError(f"the first answer is none: {status} {body[:200]!r}")
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
