"""Nothing lost, nothing doubled: the process is killed and restarted while updates arrive.

The offline Telegram delivers 500 commands of 20 chats to the real server process, which is ended five times at random
moments (the seed is printed; SEED sets it). Telegram executes the call in an answer, and repeats what was not answered:
every update has one executed answer in the end, each chat's in the order of its questions. Polling cannot promise as
much: what was answered but not confirmed is answered again.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from house import free_port

import demo
from demo.telegram import Telegram
from demo.telegram_html import parse

pytestmark = [pytest.mark.trial, pytest.mark.real_time]
N_UPDATES, N_CHATS, N_ENDS = 500, 20, 5
LATENCY_S = 0.02  # of every exchange, so that there is work to interrupt
QUESTIONS = {
    "/price BTC": "BTC ",
    "/price ETH SOL": "SOL ",
    "/help": "One market",
    "/volume ETH": "ETH perp",
    "/oi": "BTC OI",
    "/cvd SOL": "SOL perp",
    "/funding ETH": "ETH funding",
    "/ls BTC": "longs and shorts",
    "/top10": "Top",
    "/price": "Which symbol?",
}
"""What is asked, and what the answer has to have in it."""


class Driver(Telegram):
    """Telegram, with notes: what was asked, which call answered which update, what polling was given."""

    def __init__(self) -> None:
        super().__init__(demo.TOKEN, back_off_s=0.02)
        self.asked: dict[int, tuple[int, str]] = {}  # update_id -> chat_id, text
        self.update_of: dict[int, int] = {}  # message_id -> update_id
        self.executed: list[tuple[int, dict[str, Any]]] = []  # update_id, the call's parameters
        self.unconfirmed: set[int] = set()  # given to polling

    def ask(self, text: str, chat_id: int) -> None:
        message_id = self._next_message_id
        update_id = self.send(text, chat_id, user_id=abs(chat_id))
        self.asked[update_id], self.update_of[message_id] = (chat_id, text), update_id

    def _execute_quietly(self, method: str, params: dict[str, Any]) -> None:
        self.executed.append((self.attempts[-1][0], params))
        super()._execute_quietly(method, params)

    def execute(self, method: str, params: dict[str, Any]) -> Any:
        if method == "sendMessage" and not self.webhook["url"]:
            self.executed.append((self.update_of[params["reply_parameters"]["message_id"]], params))
        return super().execute(method, params)

    async def get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        updates = await super().get_updates(params)
        self.unconfirmed = {update["update_id"] for update in updates}
        return updates

    @property
    def n_answered(self) -> int:
        return len({update_id for update_id, _ in self.executed})

    def check_answers(self) -> None:
        """Every answer is to its question, and each chat's first answers came in the order of its questions."""
        first: dict[int, list[int]] = {}
        for update_id, params in self.executed:
            chat_id, text = self.asked[update_id]
            assert params["chat_id"] == chat_id
            assert QUESTIONS[text] in parse(params["text"]).text, f"{text}: {params['text']}"
            if update_id not in first.setdefault(chat_id, []):
                first[chat_id].append(update_id)
        assert all(ids == sorted(ids) for ids in first.values())


class Bot:
    """The bot's process; it can be started again. Its log goes into a file, as a full pipe would hold it up."""

    def __init__(self, script: str, world: demo.World, port: int, log: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name[:3] == "COV"}
        own = {"TELEGRAM_CHAT_ID": "*", "COMMANDS_PER_MINUTE": "0", "PORT": str(port)}
        if script == "webhook_server.py":
            own["WEBHOOK_URL"] = f"http://127.0.0.1:{port}"
        self._script, self._environ, self._log = script, {**kept, **world.environ, **own}, log
        self.exit_codes: list[int] = []

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def is_up(self) -> bool:
        """Whether the process that was started last serves or polls, and hears signals."""
        return len(re.findall("serving on port|polling as", self.log)) > len(self.exit_codes)

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, self._script], cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )

    async def end(self, number: int) -> None:
        self._process.send_signal(number)
        self.exit_codes.append(await asyncio.to_thread(self._process.wait, 15))


@asynccontextmanager
async def a_world() -> AsyncIterator[tuple[demo.World, Driver]]:
    world = demo.World()
    world.telegram = driver = Driver()
    await world.start()
    world.set_latency(LATENCY_S)
    try:
        yield world, driver
    finally:
        await world.close()


def a_generator() -> random.Random:
    seed = int(os.environ.get("SEED") or 1)
    print(f"seed {seed}")
    return random.Random(seed)


async def until(is_true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not is_true():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.003)


async def restarted_meanwhile(bot: Bot, driver: Driver, number: int, rng: random.Random) -> list[set[int]]:
    """Asks everything, and ends and starts the bot N_ENDS times. For each end: what polling had, unconfirmed."""
    for _ in range(N_UPDATES):
        driver.ask(rng.choice(list(QUESTIONS)), -rng.randrange(1, N_CHATS + 1))
    in_work = []
    bot.start()
    try:
        for n_wanted in sorted(rng.sample(range(N_UPDATES // 20, N_UPDATES * 19 // 20), N_ENDS)):
            await until(lambda n=n_wanted: bot.is_up and driver.n_answered >= n)  # type: ignore[misc]
            await asyncio.sleep(rng.uniform(0, 0.05))
            await bot.end(number)
            in_work.append(set(driver.unconfirmed))
            bot.start()
        await until(lambda: bot.is_up and not driver.n_pending)
    finally:
        await bot.end(signal.SIGTERM)
    return in_work


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_webhook_loses_and_doubles_nothing(number: int, tmp_path: Path) -> None:
    rng = a_generator()
    async with a_world() as (world, driver):
        bot = Bot("webhook_server.py", world, await asyncio.to_thread(free_port), tmp_path / "log")
        await restarted_meanwhile(bot, driver, number, rng)
        outcomes = Counter(outcome for _, outcome in driver.attempts)
        print(f"{len(driver.asked)} updates, {N_ENDS} ends, deliveries by outcome: {dict(outcomes)}")
        assert Counter(update_id for update_id, _ in driver.executed) == dict.fromkeys(driver.asked, 1)
        assert sum(method == "sendMessage" for method, _ in driver.calls) == len(driver.asked)
        driver.check_answers()
        assert driver.lost == []
    assert "Traceback" not in bot.log
    assert bot.exit_codes == [*[-number if number == signal.SIGKILL else 0] * N_ENDS, 0]
    if number == signal.SIGTERM:  # what had been begun was finished, and was delivered
        answered = Counter(re.findall(r"\[update (\d+) /\w+\] answered in", bot.log))
        assert answered == {str(update_id): 1 for update_id in driver.asked}
        assert "cut off" not in bot.log


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_polling_loses_nothing_and_doubles_only_what_was_in_work(number: int, tmp_path: Path) -> None:
    rng = a_generator()
    async with a_world() as (world, driver):
        bot = Bot("bot.py", world, 0, tmp_path / "log")
        in_work = await restarted_meanwhile(bot, driver, number, rng)
        answers = Counter(update_id for update_id, _ in driver.executed)
        doubled = {update_id for update_id, n in answers.items() if n > 1}
        print(f"{len(driver.asked)} updates, {N_ENDS} ends, {len(doubled)} answered twice of", end=" ")
        print(f"{[len(each) for each in in_work]} in work at each end")
        assert set(answers) == set(driver.asked)
        driver.check_answers()
        assert all(n <= 1 + sum(update_id in each for each in in_work) for update_id, n in answers.items())
        assert doubled <= set().union(*in_work)
        if number == signal.SIGTERM:  # what was in work was finished and confirmed
            assert not doubled
    assert "Traceback" not in bot.log
    assert bot.exit_codes == [*[-number if number == signal.SIGKILL else 0] * N_ENDS, 0]
