"""`python trials/mutated.py --count 20000 --seed 1`: every command and API path, while exchanges lie in good HTTP.

Each case asks one question of the whole bot, at one of its two doors, with exchanges whose answers are mutated on their
way: figures that no market has, names with line ends and unseen signs in them, parts missing or moved, bytes spoiled,
another coin's answer. What is asked for is

  chat   a call that Telegram takes, and never "went wrong"
  API    HTTP 200, 400, 404 or 503, never 500
  both   no figure without bounds in any record, no line of a reply or of the log that an exchange has made

The offline world's clock stands still, its answers are kept, and their lists cut, so that a case is mutating and
answering, little else. The seed is printed first, and after a failure the line that runs its case again.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import math
import random
import re
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import fuzz
from fuzz import Failed, Wires, check_call, chosen_settings, in_json, mutated, spoiled, updated

import bot as bot_module
import demo
import json_api
from clock import Clock
from demo.telegram import Telegram
from demo.telegram_html import parse
from demo.web import Asked, Handler, Reply
from door import Door
from exchanges import table
from http1.server import HTTPError, Request
from log import _Redacting

COMMANDS = (
    *fuzz.ASKED,
    *("/price BTC ETH SOL", "/spread BTC", "/spread ETH perp", "/liq BTC", "/liq", "/oi", "/top10 gainers"),
    *("/chart BTC", "/chart BTC 1d spot", "/chart profile BTC 7d", "/chart oi BTC", "/chart funding BTC"),
    *("/chart compare BTC ETH", "/chart cvd BTC", "/alert BTC > 70000", "/alert BTC", "/watch BTC ETH", "/status"),
)
FIGURES = (
    *("1e999", "-1e999", "inf", "-Infinity", "NaN", "1e-310", "5e-324", "-1e-310", "1e308", "-1e308", "1e-18", "1e30"),
    *("0", "-0", "-1", "1", "1e-19", "9" * 25, "0.000", "1e18", "1_0", "", " 1", "٣", "0x10", "1e", "--1", "1,5"),
    *("1700000000000", "4102444800001", "99999999999999", "0.1", "1e-9", "1e12"),
)
EVIL = "EVIL"
NAMES = (
    *(
        f"\n{EVIL}",
        f"\r\n{EVIL}",
        f"BTC\n{EVIL}USDT",
        f"\u2028{EVIL}",
        f"\x85{EVIL}",
        f"\x0b{EVIL}",
        "\u202eTSURT",
        "\0",
    ),
    *("<b>", "&", "</pre>", "'", '"', "a" * 5000, "BTC", "ETHUSDT", "币安人生", "\ud800", "", " ", "null", "TRADING"),
)
FIGURE = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
TEXT = re.compile(rb'"[^"\\\d][^"\\]*"')
KEY = "mutating-needs-a-key-too"
NOW_S = 1_790_000_000.0
ROWS = 40  # of a long list
LONG = 20_000  # bytes; longer answers are not taken apart as JSON
WELL = (200, 304, 400, 404, 503)


# Lies.


def some_replaced(rng: random.Random, body: bytes, what: re.Pattern[bytes], by: Callable[[], bytes]) -> bytes:
    """A few matches, at random places, replaced."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        found = what.search(body, rng.randrange(len(body) + 1)) or what.search(body)
        if found is not None:
            body = body[: found.start()] + by() + body[found.end() :]
    return body


def lie(rng: random.Random, body: bytes) -> bytes:
    """The answer, told otherwise."""
    kind = rng.random()
    if kind < 0.35:
        return some_replaced(rng, body, FIGURE, lambda: rng.choice(FIGURES).encode())
    if kind < 0.5:
        figure = rng.choice(FIGURES).encode()
        return FIGURE.sub(lambda found: figure if rng.random() < 0.9 else found[0], body[: 4 * LONG]) + body[4 * LONG :]
    if kind < 0.65:
        return some_replaced(rng, body, TEXT, lambda: json.dumps(rng.choice(NAMES)).encode())
    if kind < 0.7:
        return body.replace(b"BTC", rng.choice((b"ETH", b"BTC\\n" + EVIL.encode(), b"")))
    if kind < 0.95 and len(body) < LONG:
        with suppress(ValueError):
            return in_json(mutated(rng, json.loads(body)))
    return spoiled(rng, body)


class LyingWires(Wires):
    """Wires whose honest answers are kept, as the world's clock stands."""

    def __init__(self, world: demo.World) -> None:
        super().__init__(world)
        self._hosts = {name: kept(handler) for name, handler in self._hosts.items()}


def kept(handler: Handler) -> Handler:
    replies: dict[tuple[str, str, bytes], Reply] = {}

    async def reply(asked: Asked) -> Reply:
        key = (asked.method, asked.target.partition("&signature")[0], asked.body)
        if key not in replies:
            whole = await handler(asked)
            replies[key] = whole._replace(body=cut(whole.body)) if len(whole.body) > LONG else whole
        return replies[key]

    return reply


def cut(body: bytes) -> bytes:
    """An answer whose lists of objects have ROWS at most: each row is read for itself, which took most of the time."""
    with suppress(ValueError):
        return in_json(_cut(json.loads(body)))
    return body


def _cut(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _cut(each) for key, each in document.items()}
    if isinstance(document, list) and document and isinstance(document[0], (dict, list)):
        is_of_objects = isinstance(document[0], dict)
        return [_cut(each) for each in (document[:ROWS] if is_of_objects else document)]
    return document


# What is looked at.


def unbounded(record: Any, way: str = "") -> Iterator[str]:
    """Where in a record an infinite figure stands."""
    if isinstance(record, float):
        if math.isinf(record):
            yield way
    elif isinstance(record, dict):
        for key, each in record.items():
            yield from unbounded(each, f"{way}.{key}")
    elif isinstance(record, (list, tuple, set, frozenset, array)):
        names = getattr(record, "_fields", range(len(record)))
        for name, each in zip(names, record, strict=False):
            yield from unbounded(each, f"{way}.{name}")
    elif dataclasses.is_dataclass(record) and not isinstance(record, type):
        for field in dataclasses.fields(record):
            yield from unbounded(getattr(record, field.name), f"{way}.{field.name}")


def check_bounded(record: Any) -> None:
    for way in unbounded(record):
        raise Failed(f"an infinite figure at {way[:200]}")


def check_lines(text: str) -> None:
    """Raises Failed for a line that an exchange's text has begun."""
    if any(line.lstrip().startswith(EVIL) for line in text.splitlines()):
        raise Failed(f"a line was made by an exchange: {text[:300]!r}")


class Said(logging.Handler):
    """What the log would show. A traceback is a finding, and so is a record of more than one line."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(_Redacting(()))
        self.findings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.exc_info or len(text.splitlines()) > 1:
            self.findings.append(text[-900:])


class Checked:
    """A command's file, whose records are looked at."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    async def ask(self, tools: Any, asked: Any) -> Any:
        record = await self._of.ask(tools, asked)
        check_bounded(record)
        return record


@contextmanager
def everything_checked() -> Iterator[None]:
    """Records of commands, and what the API tells, before it becomes JSON: there an infinite figure is null."""
    commands, answer = dict(bot_module.COMMANDS), json_api.answer

    async def checked(route: json_api.Route, tools: Any, request: object) -> Any:
        told = await answer(route, tools, request)
        check_bounded(told)
        check_lines(json.dumps(told, ensure_ascii=False).replace("\\n", "\n"))
        return told

    try:
        for name, command in commands.items():
            bot_module.COMMANDS[name] = command._replace(answer=Checked(command.file))
        json_api.answer = checked
        yield
    finally:
        bot_module.COMMANDS.update(commands)
        json_api.answer = answer


# Questions.

SYMBOLS = ("BTC", "ETH-USDT", "PEPE/USDT", "BTC-COIN")


def api_questions() -> list[tuple[str, str, bytes]]:
    """Method, target and body, every path several times."""
    found = [("GET", f"/chart.png?symbol=BTC&what={view}", b"") for view in sorted(json_api.CHART["what"].choices)]
    found.append(("GET", "/chart.png?symbol=BTC,ETH", b""))
    for path, route in json_api.ROUTES.items():
        for exchange in (None, *table.EXCHANGES) if "exchange" in route.fields and not route.is_account else (None,):
            for symbol in SYMBOLS if "symbol" in route.fields else SYMBOLS[:1]:
                asked = {"symbol": symbol, "exchange": exchange, "symbols": 3, "timeframe": "1h"}
                body = json.dumps({name: value for name, value in asked.items() if name in route.fields and value})
                found.append(("POST", path, body.encode()))
    found.append(("GET", f"/comprehensive_analysis?symbol={quote('BTC/USDT')}", b""))
    return found


class Trial:
    """All that the cases need, made once."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._world = demo.World(clock=lambda: NOW_S, n_fillers=10)
        self._telegram = Telegram(demo.TOKEN)
        self._wires = LyingWires(self._world)
        self._clock = Clock(now=lambda: NOW_S)
        self._api = api_questions()
        chosen = (*table.EXCHANGES, ",".join(table.EXCHANGES))
        words = {"API_KEY": KEY, "CACHE_SECONDS": "0", "VOLSCAN_SYMBOLS": "2"}
        self._settings = [chosen_settings(self._world, EXCHANGES=each, **words) for each in chosen]
        self._said = Said()

    async def run(self, numbers: range) -> None:
        log = logging.getLogger()
        level = log.level
        log.addHandler(self._said)
        log.setLevel(logging.INFO)
        try:
            with everything_checked():
                for number in numbers:
                    await self._case(number)
        finally:
            log.removeHandler(self._said)
            log.setLevel(level)
            await self._world.telegram.close()
            await self._telegram.close()

    async def _case(self, number: int) -> None:
        """What goes wrong is noted, with the number that runs it again."""
        rng = random.Random(f"{self.seed}:{number}")
        share = rng.choice((0.1, 0.5, 1.0))
        self._wires.spoil = lambda body: lie(rng, body) if body and rng.random() < share else body
        settings = rng.choice(self._settings)
        the_bot = bot_module.build(settings, self._wires, self._clock)  # type: ignore[arg-type]
        began = time.perf_counter()
        is_chat = rng.random() < 0.5
        question: Any = rng.choice(COMMANDS) if is_chat else rng.choice(self._api)
        try:
            async with asyncio.timeout(20):
                await (self._chat(the_bot, question) if is_chat else self._door(the_bot, question))
            if self._said.findings:
                raise Failed(f"the log says: {self._said.findings[0]}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            asked = f"{question} at {','.join(settings.exchanges)[:20]}"
            said = self._said.findings[:1] or [""]
            self.failures.append(f"{number}: {type(error).__name__}: {error} ({asked}) {said[0]}"[:1800])
        finally:
            self._said.findings.clear()
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)

    async def _chat(self, the_bot: bot_module.Bot, command: str) -> None:
        call = await the_bot.answer(updated(command))
        self.counts["chat"] += 1
        check_call(self._telegram, call)
        text = str((call or {}).get("text") or (call or {}).get("caption") or "")
        if not text or "went wrong" in text:
            raise Failed(f"the command failed: {text[:100]!r}")
        check_lines(parse(text).text)
        self.counts["figures"] += "<pre>" in text

    async def _door(self, the_bot: bot_module.Bot, question: tuple[str, str, bytes]) -> None:
        method, target, body = question
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

        async def read_body(max_bytes: int) -> bytes:
            return body

        door = Door(the_bot, the_bot.settings)
        try:
            status = (await door.respond(Request(method, target, headers, read_body))).status
        except HTTPError as error:
            status = error.status
        self.counts[f"API {status}"] += 1
        if status not in WELL:
            raise Failed(f"HTTP {status}")


async def tried(seed: int, numbers: range) -> Trial:
    trial = Trial(seed)
    await trial.run(numbers)
    return trial


def alike(failures: list[str]) -> list[str]:
    """One of each kind, with how many there are."""
    kinds: dict[str, list[str]] = {}
    for line in failures:
        kinds.setdefault(re.sub(r"\d+", "", line)[:80], []).append(line)
    return [f"{len(lines)} like {lines[0]}" for lines in kinds.values()]


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--count", type=int, default=20_000)
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked.add_argument("--only", type=int, default=-1, help="one case again")
    given = asked.parse_args()
    logging.getLogger().handlers = [logging.NullHandler()]
    print(f"seed {given.seed}", flush=True)
    numbers = range(given.count) if given.only < 0 else range(given.only, given.only + 1)
    began = time.monotonic()
    trial = asyncio.run(tried(given.seed, numbers))
    print(f"seed {given.seed}: {len(numbers)} cases in {time.monotonic() - began:.0f} s, {dict(trial.counts)}")
    print(f"slowest {trial.slowest_s:.2f} s; {len(trial.failures)} failures")
    print(*(ascii(each) for each in alike(trial.failures)), sep="\n")
    if trial.failures:
        number = trial.failures[0].partition(":")[0]
        print(f"again: python trials/mutated.py --seed {given.seed} --only {number}")
    return 1 if trial.failures else 0


if __name__ == "__main__":
    sys.exit(main())
