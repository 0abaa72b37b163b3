"""The offline world for measuring: what an exchange has worked out once, it says again for KEPT_S.

A hundred open interests of the past cost the world 3 ms, as much as the bot takes for a whole card: what was measured
then was the world. Real exchanges answer from memory, and so do these.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import demo
from demo.web import Asked, Handler, Reply, Site, in_json

KEPT_S = 20.0
MAX_KEPT = 4096  # answers of one site


def remember(site: Site) -> None:
    """Lets a site say again what it said to the same request."""
    kept: dict[tuple[str, str, bytes], tuple[float, Reply]] = {}

    async def answer(asked: Asked, whole: Handler) -> Reply:
        key, now = (asked.method, asked.target, asked.body), time.monotonic()
        found = kept.get(key)
        if found is None or now - found[0] > KEPT_S:
            if len(kept) >= MAX_KEPT:
                kept.clear()
            found = kept[key] = (now, await whole(asked))
        return found[1]

    site.intercept(answer)


async def main(certificate: str = "") -> None:
    """Prints the world's environment as one line of JSON, and stays until stopped.

    BENCH_REQUESTS_URL tells how many requests the exchanges have had so far.
    """
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    world = await demo.start(0, tls)
    for site in world.sites.values():
        remember(site)

    async def n_requests(asked: Asked) -> Reply:
        return in_json(sum(site.n_requests for site in world.sites.values()))

    counter = Site("BENCH", n_requests)
    await counter.start()
    try:
        print(json.dumps({**world.environ, "BENCH_REQUESTS_URL": counter.url}), flush=True)
        await asyncio.Event().wait()
    finally:
        await counter.close()
        await world.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
