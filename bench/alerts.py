"""What alerts cost: requests, processor time and memory of a tick, and what an idle store weighs.

    python bench/alerts.py                        SQLite
    python bench/alerts.py --url postgresql://…   PostgreSQL (an empty database)

Every figure comes from a process of its own that has imported the whole bot. Markets answer at once from memory, so
what is counted is the tick, the store and nothing else: alerts of all kinds at nine exchanges, twenty in each chat,
and every chat has a watchlist and a digest at some hour. Once a minute is also looked whose digest is due.
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
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

EXCHANGES = ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid", "deribit", "kraken", "coinbase")
N_SYMBOLS = 20  # watched at each exchange
ALERTS_A_CHAT = 20
TICKS = 30


async def measure(url: str, n_alerts: int) -> dict[str, object]:
    """Memory before the store, with it, and after TICKS of that many alerts; and what a tick takes."""
    from alerting import FakeQuotes

    import bot  # noqa: F401, weighs what the bot weighs
    import serving  # noqa: F401
    import watchman.ticker as ticking
    from metrics import resident_bytes
    from watchman import delivery  # noqa: F401
    from watchman.rounds import due_chats
    from watchman.ticked import PERIOD_MS

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
        now_ms += PERIOD_MS
        began, cpu = time.perf_counter(), time.process_time()
        await ticker.tick(now_ms)
        if now_ms // 60_000 > (now_ms - PERIOD_MS) // 60_000:
            await due_chats(store, now_ms)
        ticks.append((time.perf_counter() - began, time.process_time() - cpu, len(quotes.asked)))
        quotes.asked.clear()
    after = resident_bytes()
    at_minutes = [each[1] for each in ticks if each[2] == max(n_asked for *_, n_asked in ticks)]
    await store.close()
    mib = 1024 * 1024
    return {
        "alerts": n_alerts,
        "store_mib": round((idle - before) / mib, 1),
        "alerts_mib": round((after - filled) / mib, 1) if n_alerts else 0.0,
        "tick_ms": round(sorted(each[0] for each in ticks)[TICKS // 2] * 1000, 1),
        "tick_cpu_ms": round(sorted(each[1] for each in ticks)[TICKS // 2] * 1000, 1),
        "tick_cpu_ms_at_the_minute": round(min(at_minutes) * 1000, 1),
        "requests": sorted(each[2] for each in ticks)[TICKS // 2],
        "requests_at_the_minute": max(each[2] for each in ticks),
    }


async def fill(store: object, quotes: object, n_alerts: int) -> None:
    """Alerts over nine exchanges, half of them on prices, of which a twentieth is near its level."""
    from alerting import FakeQuotes, an_alert, candles

    from answers.judging import HOUR_MS, MINUTE_MS, Rule
    from answers.quiet import Wishes
    from store.scripts import SqlStore
    from store.words import Limits

    assert isinstance(store, SqlStore)
    assert isinstance(quotes, FakeQuotes)
    most = Limits(10**9, 10**9, 10**9)
    for number in range(n_alerts):
        symbol = f"C{number // 9 % N_SYMBOLS}-USDT"
        for figures in (quotes.price, quotes.funding, quotes.change, quotes.open_interest, quotes.basis, quotes.gap):
            figures[symbol] = 100.0
        quotes.minutes[symbol] = [(1_700_000_000_000 + (i - 16) * MINUTE_MS, 99.0, 101.0, 100.0) for i in range(16)]
        quotes.closed[f"{symbol} 15m"] = candles(symbol, "15m", [(i * 900_000, 99.0, 101.0, 100.0) for i in range(120)])
        quotes.liquidated[f"{symbol} 15m"] = 100.0
        exchange, turn = EXCHANGES[number % 9], number // 9 % 20
        kind = "spot" if exchange == "coinbase" else "perp"
        level = 100.5 if number % 20 == 0 else 110.0 + number / 100
        of: dict[str, Any] = {"exchange": exchange, "kind": kind, "symbol": symbol}
        quarter_ms = 15 * MINUTE_MS
        others = [
            Rule("move", "down", 3.0, quarter_ms, **of),
            Rule("move", "either", 5.0, HOUR_MS, **of),
            Rule("change", "either", 200.0, **of),
            Rule("timer", "", 0.0, 4 * HOUR_MS, **of),
            Rule("rsi", "up", 90.0, quarter_ms, **of),
            Rule("spread", "up", 900.0, **of),
            *([] if kind == "spot" else [Rule("oi", "up", 5.0, HOUR_MS, **of), Rule("funding", "up", 200.0, **of)]),
            *([] if kind == "spot" else [Rule("liquidations", "up", 1e6, quarter_ms, **of)]),
        ]
        rule = others[turn - 11] if 11 <= turn < 11 + len(others) else Rule("price", "up", level, **of)
        chat_id = number // ALERTS_A_CHAT
        if number % ALERTS_A_CHAT == 0:
            await store.watch(chat_id, [f"C{i}-USDT" for i in range(8)], 20, number)
            await store.change_settings(chat_id, Wishes(digest_at=number % 1440 // 60 * 60).text)
        await store.add_alert(an_alert(rule, 100.0, 1_700_000_000_000, number=number, chat_id=chat_id), most)


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
