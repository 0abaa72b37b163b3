"""One exchange's name service is silent: the others answer as ever, and the process stops in time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import load
from house import World, first_answer, free_port

pytestmark = [pytest.mark.real_time, pytest.mark.no_cover]
SERVER = """
import socket, sys, time
look_up = socket.getaddrinfo

def silent(host, *arguments, **options):
    if str(host).endswith(".example"):
        time.sleep(60)
    return look_up(host, *arguments, **options)

socket.getaddrinfo = silent
import serving
sys.exit(serving.main([]))
"""


async def seconds_of(port: int, secret: str, text: str) -> float:
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(load.request(load.update(text), secret))
        status, body = await load.read_answer(reader)
    finally:
        writer.close()
    assert (status, b"<pre>" in body) == (200, True)
    return time.monotonic() - began


async def asked(port: int, secret: str) -> float:
    """Seconds of a /price in the middle of five, while ten commands wait for the exchanges whose names are not told."""
    waiting = [asyncio.ensure_future(seconds_of(port, secret, "/oi BTC")) for _ in range(10)]
    await asyncio.sleep(0.2)
    prices = [await seconds_of(port, secret, "/price BTC") for _ in range(5)]
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return sorted(prices)[2]


def test_others_answer_and_the_process_stops() -> None:
    port = free_port()
    hosts = ("OKX", "BYBIT", "GATE", "BITGET", "DERIBIT", "KRAKEN", "KRAKEN_FUTURES", "HYPERLIQUID")
    silent = {f"{name}_URL": f"http://{name.lower().replace('_', '-')}.example" for name in hosts}
    with World() as world:
        environ = {**os.environ, **world.environ, **silent, "PORT": str(port), "PYTHONPATH": str(ROOT)}
        server = subprocess.Popen([sys.executable, "-c", SERVER], env=environ, cwd=ROOT)
        try:
            asyncio.run(first_answer(port, world.secret, time.perf_counter()))
            price_s = asyncio.run(asked(port, world.secret))
            began = time.monotonic()
            server.terminate()
            code = server.wait(30)
            stopped_s = time.monotonic() - began
        finally:
            server.kill()
            server.wait()
    assert price_s < 3.0  # who waited for a name would take 4
    assert (code, stopped_s < 11.0) == (0, True)
