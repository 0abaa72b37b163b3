"""`python trials/hung.py`: the event loop blocks for good, and the process ends itself.

The real server, with a /price that blocks, has its HUNG_S of 30 s: after an update asks it, the process has to end with
an exit code that is not 0 within 40 s, and the traceback of what blocked has to be in its log.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import load
from house import ROOT, World, free_port

MAX_S = 40.0
SCRIPT = """
import sys, time
import serving
from bot import COMMANDS

async def blocks_for_good(room, words):
    time.sleep(600)

COMMANDS["help"] = COMMANDS["help"]._replace(run=blocks_for_good)
sys.exit(serving.main([]))
"""


async def ask(port: int, secret: str) -> None:
    """Asks what blocks, and does not wait for an answer."""
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.05)
    writer.write(load.request(load.update("/help"), secret))
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()


def main() -> int:
    port = free_port()
    with World() as world, tempfile.TemporaryFile("w+") as log:
        environ = {**os.environ, **world.environ, "PORT": str(port), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "INFO"}
        process = subprocess.Popen([sys.executable, "-c", SCRIPT], env=environ, stdout=log, stderr=log)
        try:
            asyncio.run(ask(port, world.secret))
            began = time.monotonic()
            code = process.wait(MAX_S + 20)
            took_s = time.monotonic() - began
        except subprocess.TimeoutExpired:
            process.kill()
            code, took_s = 0, MAX_S + 20
        log.seek(0)
        said = log.read()
    is_told = "Timeout (" in said and "blocks_for_good" in said
    print(f"exit code {code} after {took_s:.1f} s; the traceback is {'in the log' if is_told else 'missing'}")
    print(said[said.find("Timeout (") :][:1500])
    return 0 if code != 0 and took_s <= MAX_S and is_told else 1


if __name__ == "__main__":
    sys.exit(main())
