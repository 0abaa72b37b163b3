"""Alerts while their processes are killed: nothing may be lost, no tick judged twice, and a message sent twice only
where a kill fell between Telegram's answer and the mark behind it.

    python trials/kills.py                                 SQLite, one process, 1,000 firings, 50 kills
    python trials/kills.py --url postgresql://… --processes 3
    python trials/kills.py --signal TERM                   stopped in good order: nothing twice at all

Real processes tick and deliver on one store. The market is a line that rises through a level of every alert, each of
which rings once: so it is known what must be fired. "Telegram" is a file that is appended to. Every step is noted there
with one write, which outlives the writer:

    B              a process has begun
    C tick         a tick was claimed
    J tick         what it judged was stored
    S alert        Telegram has taken the message
    M alert        and the store knows it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from alerting import FakeQuotes, PlainShow, an_alert

from answers.judging import Rule
from store.connect import open_store
from store.scripts import SqlStore
from store.words import Claim, Judged, Limits, Message, StoreError
from watchman.delivery import Delivery
from watchman.ticker import Ticker

PERIOD_MS = 100
ALERTS_A_CHAT = 2  # fewer than what becomes a summary
ANSWER_S = 0.002  # what Telegram takes
LEASE_MS = 1500
START = 1000.0  # the line's price at the beginning; it rises by one for each level


class Noted(SqlStore):
    """A store whose steps are noted."""

    notes = -1

    async def claim_tick(self, name: str, period_ms: int, now_ms: int | None = None) -> Claim | None:
        claim = await super().claim_tick(name, period_ms, now_ms)
        if claim is not None:
            note(self.notes, f"C {claim.at_ms}")
        return claim

    async def store_tick(self, claim: Claim, seen: str, judged: Sequence[Judged], now_ms: int) -> int:
        n_fired = await super().store_tick(claim, seen, judged, now_ms)
        note(self.notes, f"J {claim.at_ms}")
        return n_fired

    async def mark_sent(self, messages: Sequence[Message], message_id: int | None, burst: str, now_ms: int) -> None:
        await super().mark_sent(messages, message_id, burst, now_ms)
        for message in messages:
            note(self.notes, f"M {message.alert_id}")


def note(file: int, line: str) -> None:
    os.write(file, f"{line}\n".encode())


# One process.


async def work(url: str, notes_path: str, began_s: float, a_second: float) -> None:
    """Ticks and delivers until it is stopped or killed."""
    from watchman import delivery

    delivery.LEASE_MS, delivery.CALL_MS = LEASE_MS, 300
    notes = os.open(notes_path, os.O_WRONLY | os.O_APPEND)
    store = Noted((await open_store(url)).engine)
    store.notes = notes
    note(notes, "B")
    quotes = FakeQuotes()
    ticker = Ticker(store, quotes, period_ms=PERIOD_MS)

    async def send(method: str, params: Mapping[str, Any]) -> Any:
        await asyncio.sleep(ANSWER_S)
        note(notes, f"S {params['text'][3:].partition('<')[0]}")
        return {"message_id": 1}

    out = Delivery(store, send, PlainShow, pace_s=0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: setattr(out, "is_stopping", True))
    while not out.is_stopping:
        quotes.price["BTC-USDT"] = START + (time.time() - began_s) * a_second
        try:
            await ticker.tick()
            await out.deliver()
        except StoreError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        await asyncio.sleep(PERIOD_MS / 1000 - time.time() % (PERIOD_MS / 1000))
    await store.close()


# All of them.


async def fill(url: str, n_alerts: int) -> None:
    store = await open_store(url)
    most = Limits(10**9, 10**9, 10**9)
    now_ms = time.time_ns() // 1_000_000
    for number in range(n_alerts):
        rule = Rule("price", "up", START + 1 + number, exchange="binance", kind="perp", symbol="BTC-USDT")
        alert = an_alert(rule, START, now_ms, number=number, chat_id=1 + number // ALERTS_A_CHAT)
        await store.add_alert(alert, most)
    await store.close()


async def waiting(url: str) -> tuple[int, int]:
    store = await open_store(url)
    counts = await store.counts()
    await store.close()
    return counts.n_armed, counts.n_waiting


def run(url: str, n_processes: int, n_alerts: int, n_kills: int, how: int, seed: int) -> dict[str, object]:
    """Kills at random moments until all have been, then lets the rest be sent; what was noted."""
    chance = random.Random(seed)
    asyncio.run(fill(url, n_alerts))
    with tempfile.TemporaryDirectory() as folder:
        notes, log = Path(folder) / "notes", Path(folder) / "log"
        notes.touch()
        seconds = max(2.0, n_kills * 0.6)
        command = [sys.executable, __file__, "--work", str(notes), "--url", url]
        command += ["--began", str(time.time()), "--a-second", str(n_alerts / seconds)]
        with log.open("wb") as errors:
            processes = [subprocess.Popen(command, stderr=errors) for _ in range(n_processes)]
            try:
                for i in range(n_kills):
                    wait_for(notes, n_processes + i)
                    time.sleep(chance.uniform(0.0, 0.4))
                    i = chance.randrange(n_processes)
                    processes[i].send_signal(how)
                    processes[i].wait()
                    processes[i] = subprocess.Popen(command, stderr=errors)
                deadline = time.time() + 60
                while any(asyncio.run(waiting(url))) and time.time() < deadline:
                    time.sleep(0.3)
            finally:
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.wait(10)
        return {**judge(notes.read_text(), n_alerts), "log": Counter(log.read_text().splitlines()).most_common(5)}


def wait_for(notes: Path, n_begun: int) -> None:
    """Until so many processes have begun, so that a kill always meets one at work."""
    deadline = time.time() + 20
    while notes.read_text().count("B\n") < n_begun and time.time() < deadline:
        time.sleep(0.02)


def judge(notes: str, n_alerts: int) -> dict[str, object]:
    claimed: Counter[str] = Counter()
    ticks: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for line in notes.splitlines():
        kind, _, what = line.partition(" ")
        if what:
            {"C": claimed, "J": ticks, "S": sent, "M": marked}[kind][what] += 1
    return {
        "fired": len(sent),
        "lost": n_alerts - len(sent),
        "ticks": len(claimed),
        "ticks judged twice": sum(n > 1 for each in (claimed, ticks) for n in each.values()),
        "sent twice": sum(n - 1 for n in sent.values()),
        "kills between answer and mark": sum(max(0, n - marked[what]) for what, n in sent.items()),
    }


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--url", default="")
    words.add_argument("--processes", type=int, default=1)
    words.add_argument("--alerts", type=int, default=1000)
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--signal", choices=("KILL", "TERM"), default="KILL")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--work", default="", help=argparse.SUPPRESS)
    words.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    words.add_argument("--a-second", type=float, default=1.0, help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.work:
        asyncio.run(work(said.url, said.work, said.began, said.a_second))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        url = said.url or f"sqlite:///{folder}/bot.db"
        how = signal.SIGKILL if said.signal == "KILL" else signal.SIGTERM
        outcome = run(url, said.processes, said.alerts, said.kills, how, said.seed)
    print(json.dumps(outcome))
    return 1 if outcome["lost"] or outcome["ticks judged twice"] else 0


if __name__ == "__main__":
    sys.exit(main())
