"""What alerts cost: requests, processor time and memory of a tick, and what an idle store weighs.

    python bench/alerts.py                        SQLite
    python bench/alerts.py --url postgresql://…   PostgreSQL (an empty database)

Every figure comes from a process of its own that has imported the whole bot. Markets answer at once from memory, so
what is counted is the tick, the store and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

EXCHANGES = ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken", "coinbase")
N_SYMBOLS = 20  # watched at each exchange
TICKS = 30


async def measure(url: str, n_alerts: int) -> dict[str, object]:
    """Memory before the store, with it, and after TICKS of that many alerts; and what a tick takes."""
    from alerting import FakeQuotes

    import bot  # noqa: F401, weighs what the bot weighs
    import watchman.ticker as ticking
    import webhook_server  # noqa: F401
    from metrics import resident_bytes
    from watchman import delivery  # noqa: F401

    quotes = FakeQuotes()
    before = resident_bytes()
    from store.connect import open_store

    store = await open_store(url)
    await store.counts()
    idle = resident_bytes()
    await fill(store, quotes, n_alerts)
    filled = resident_bytes()
    ticker, now_ms, ticks = ticking.Ticker(store, quotes), 1_700_000_000_000, []
    for _ in range(TICKS):
        now_ms += ticking.PERIOD_MS
        began, cpu = time.perf_counter(), time.process_time()
        ticked = await ticker.tick(now_ms)
        ticks.append((time.perf_counter() - began, time.process_time() - cpu, ticked.n_requests, len(quotes.asked)))
        quotes.asked.clear()
    after = resident_bytes()
    await store.close()
    mib = 1024 * 1024
    return {
        "alerts": n_alerts,
        "store_mib": round((idle - before) / mib, 1),
        "alerts_mib": round((after - filled) / mib, 1) if n_alerts else 0.0,
        "tick_ms": round(sorted(each[0] for each in ticks)[TICKS // 2] * 1000, 1),
        "tick_cpu_ms": round(sorted(each[1] for each in ticks)[TICKS // 2] * 1000, 1),
        "requests": sorted(each[3] for each in ticks)[TICKS // 2],
        "requests_at_the_minute": max(each[3] for each in ticks),
    }


async def fill(store: object, quotes: object, n_alerts: int) -> None:
    """Alerts of the usual kinds over nine exchanges; a twentieth of the prices near their level."""
    from alerting import FakeQuotes, an_alert

    from answers.judging import HOUR_MS, MINUTE_MS, Rule
    from store.scripts import SqlStore
    from store.words import Limits

    assert isinstance(store, SqlStore)
    assert isinstance(quotes, FakeQuotes)
    most = Limits(10**9, 10**9, 10**9)
    for number in range(n_alerts):
        symbol = f"C{number // 9 % N_SYMBOLS}-USDT"
        for figures in (quotes.price, quotes.funding, quotes.change, quotes.open_interest, quotes.basis):
            figures[symbol] = 100.0
        exchange, turn = EXCHANGES[number % 9], number // 9 % 10
        kind = "spot" if exchange == "coinbase" else "perp"
        level = 100.5 if number % 20 == 0 else 110.0 + number / 100
        rule = Rule("price", "up", level, exchange=exchange, kind=kind, symbol=symbol)
        if turn == 7:
            rule = Rule("move", "down", 3.0, 15 * MINUTE_MS, exchange=exchange, kind=kind, symbol=symbol)
        elif turn == 8 and kind == "perp":
            rule = Rule("funding", "up", 200.0, exchange=exchange, kind=kind, symbol=symbol)
        elif turn == 9 and kind == "perp":
            rule = Rule("oi", "up", 5.0, HOUR_MS, exchange=exchange, kind=kind, symbol=symbol)
        await store.add_alert(an_alert(rule, 100.0, 1_700_000_000_000, number=number, chat_id=number // 20), most)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--url", default="")
    words.add_argument("--alerts", type=int, default=-1, help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.alerts >= 0:
        print(json.dumps(asyncio.run(measure(said.url, said.alerts))))
        return 0
    before = 0
    for n_alerts in (0, 1000, 5000):
        with tempfile.TemporaryDirectory() as folder:
            url = said.url or f"sqlite:///{folder}/bot.db"
            if said.url:
                asyncio.run(emptied(said.url))
            command = [sys.executable, __file__, "--url", url, "--alerts", str(n_alerts)]
            subprocess.run(command, check=True)
        before = n_alerts
    return 0 if before else 1


async def emptied(url: str) -> None:
    from store import sql
    from store.connect import open_store
    from store.scripts import One, Script

    def empty() -> Script[None]:
        for table in sql.TABLES:
            yield One(f"DELETE FROM {table}")

    store = await open_store(url)
    await store.engine.run(empty())
    await store.close()


if __name__ == "__main__":
    sys.exit(main())
