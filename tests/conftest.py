"""Async tests run in a loop of their own, whose time is turned; the recordings are read where they lie."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import inspect
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from turning import MAX_REAL_S, TurningLoop

import bot as bot_module
import demo
import settings as settings_module
from clock import Clock
from demo.coins import FILLERS
from demo.market import Market as Truth
from door import Door
from exchanges import table
from exchanges.words import Listing
from http1.client import Transport
from http1.server import Server

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = Path(os.environ.get("RECORDINGS") or ROOT.parent / "shared" / "recordings")
ADA = 1001
DATA = tempfile.TemporaryDirectory(prefix="data")  # what real processes remember in tests
os.environ["DATA_DIR"] = DATA.name
settings_module.DATA_DIR = Path(DATA.name)
BEGAN_S = round(time.time(), 3)
LATER_S = 2 * 3600.0
WEEK_S = 7 * 86400.0
OF_CHILDREN = "COVERAGE_PROCESS_CONFIG"  # by which coverage begins in child processes
FEW = 10  # coins that nobody asks for, in lists of some eighty markets


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Thousands of tests stay until the end: garbage is not looked for among them, and less often than in a server."""
    gc.disable()
    keeps_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        _import_own_part(session)
        return (yield)
    finally:
        sys.dont_write_bytecode = keeps_nothing
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20)
        gc.enable()


def _import_own_part(session: pytest.Session) -> None:
    """What pytest makes of the asserts of a file costs more than all else of collecting it, and is kept beside it. So
    each worker of a whole run begins with files of its own, and finds of most others what is kept by then."""
    worker: dict[str, Any] = getattr(session.config, "workerinput", {})
    if worker and session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        n, n_workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        for file in sorted((ROOT / "tests").glob("test_*.py"))[n::n_workers]:
            importlib.import_module(file.stem)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Trials reach nothing new, and counting what they reach would double their time."""
    if item.get_closest_marker("trial"):
        item.add_marker("no_cover")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser first, as one worker begins with them, then what waits for other processes and threads: so the other
    workers have the processors meanwhile. Who is done early takes from the end of another's row (worksteal)."""
    items.sort(
        key=lambda item: next((n for n, name in enumerate(WAITING) if item.get_closest_marker(name)), len(WAITING))
    )


WAITING = ("xdist_group", "real_time")  # markers


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """A worker's coverage is pytest-cov's affair: as a child process it would begin one of its own before that."""
    os.environ.pop(OF_CHILDREN, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that no coverage is counted of counts none in its processes either."""
    counted = os.environ.pop(OF_CHILDREN, None) if item.get_closest_marker("no_cover") else None
    try:
        return (yield)
    finally:
        if counted is not None:
            os.environ[OF_CHILDREN] = counted


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What is true of every test, where a fixture would cost more than most of them."""
    with _log_without_secrets(item), _uncounted(item):
        return (yield)


@contextmanager
def _uncounted(item: pytest.Item) -> Iterator[None]:
    """pytest-cov stops its coverage for `no_cover`; but in a worker it has begun two, and the outer one would go on."""
    tracer = sys.gettrace()
    if tracer is None or not item.get_closest_marker("no_cover"):
        yield
        return
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


class _Kept(logging.Handler):
    """Keeps what is logged, before the log's own redaction."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _log_without_secrets(item: pytest.Item) -> Iterator[None]:
    """Loggers are as they were, whatever a test has set up; and no line of any test holds a key or a signature."""
    root, kept = logging.getLogger(), _Kept()
    handlers, level = root.handlers[:], root.level
    root.addHandler(kept)
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
    if not kept.records or item.get_closest_marker("raw_secrets"):
        return
    said = "\n".join(logging.Formatter().format(record) for record in kept.records)
    for secret in (*demo.keys.ENVIRON.values(), demo.TOKEN, "&signature=", "TEST-"):
        assert secret not in said, "a secret is in the log"


def of_this_test_only() -> None:
    """The collector looks at nothing that is there already: among what all tests before have left, it takes long."""
    gc.freeze()


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test, for at most a week of its time, or 100 real seconds; see turning.py."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    is_real = pyfuncitem.get_closest_marker("real_time") is not None

    async def run() -> None:
        async with asyncio.timeout(MAX_REAL_S if is_real else WEEK_S):
            await pyfuncitem.obj(**arguments)

    with asyncio.Runner(loop_factory=None if is_real else TurningLoop) as runner:
        runner.run(run())
    return True


def recorded(name: str) -> bytes:
    """The body of a recorded answer, as bytes. Skips the test on a machine without the recordings."""
    path = RECORDINGS / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no recording {name}: ../shared/recordings is not on this machine")
    body = json.loads(path.read_text())["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def updated(text: str, update_id: int = 1, chat_id: int = ADA, user_id: int = ADA, **fields: Any) -> dict[str, Any]:
    """An update with a text message; fields go into the message. Chats below zero are groups."""
    message: dict[str, Any] = {
        "message_id": 40 + update_id,
        "from": {"id": user_id, "is_bot": False, "first_name": "Ada"},
        "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"},
        "date": 4_000_000_000,
        "text": text,
    }
    return {"update_id": update_id, "message": message | fields}


ANONYMOUS, A_CHANNELS = 1_087_968_824, 136_817_688  # whom Telegram names as the sender where a group or channel speaks


def spoken(text: str, update_id: int, chat_id: int, by: int | None = None) -> dict[str, Any]:
    """An update with a message that an administrator writes in the group's name, or somebody in a channel's."""
    user_id = ANONYMOUS if by is None else A_CHANNELS
    speaker = {"id": by or chat_id, "type": "supergroup" if by is None else "channel"}
    update = updated(text, update_id, chat_id, user_id, sender_chat=speaker)
    update["message"]["from"]["is_bot"] = True
    return update


def pressed(data: str, update_id: int = 1, chat_id: int = ADA, user_id: int = ADA) -> dict[str, Any]:
    """An update with a pressed button."""
    callback = {
        "id": "77",
        "from": {"id": user_id, "is_bot": False, "first_name": "Ada"},
        "message": {"message_id": 9, "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}},
        "data": data,
    }
    return {"update_id": update_id, "callback_query": callback}


def some(cases: Iterable[tuple[Any, ...]], every: int) -> list[Any]:
    """For parametrize: each nth of a long row of cases; the others are trials."""
    return [pytest.param(*case, marks=[pytest.mark.trial] if n % every else []) for n, case in enumerate(cases)]


def together(
    names: str, cases: Iterable[Any], ids: Iterable[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like parametrize, of cases that cost less than a test each: one test of all, which names the one that fails.

    A case is named as it is written, or by its id.
    """
    cases, of_names = list(cases), names.split(", ")
    ids = list(ids or map(repr, cases))

    def of(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(**others: Any) -> None:
            for name, case in zip(ids, cases, strict=True):
                values = dict(zip(of_names, case, strict=True)) if len(of_names) > 1 else {names: case}
                try:
                    test(**others, **values)
                except BaseException as error:
                    error.add_note(f"{names}: {name}")
                    raise

        whole = inspect.signature(test)
        others = [each for each in whole.parameters.values() if each.name not in of_names]
        run.__signature__ = whole.replace(parameters=others)  # type: ignore[attr-defined]
        return run

    return of


class Answers:
    """A file of answers/ for a test: without words to read, and what it gives is the answer itself."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self.ask = ask

    def command(self, words: list[str]) -> None:
        """Nothing is read."""

    def show(self, record: Any, now_s: float) -> Any:
        return record


class Wall:
    """The clock on the wall, of the world and of the house: it goes as the loop's does, or stands.

    Where time is turned it begins for every test at the same moment, that of the run: what the world says then is made
    once. In real time it is the machine's, as other processes have it.
    """

    def __init__(self) -> None:
        self.stands_at: float | None = None
        self.wrong_s = 0.0  # by how much the house's own is wrong
        self._loop = asyncio.get_running_loop()
        self._since_s = self._loop.time()
        self._began_s = BEGAN_S if isinstance(self._loop, TurningLoop) else time.time()

    def __call__(self) -> float:
        return self._began_s + (self._loop.time() - self._since_s) if self.stands_at is None else self.stands_at

    def in_the_house(self) -> float:
        return self() + self.wrong_s


def text_of(call: dict[str, Any]) -> str:
    """What a call shows in words: a message's text, or what stands under a picture."""
    return str(call.get("text") or call.get("caption") or call["media"]["caption"])


class House:
    """The real server, bot and exchange code, living in the offline world."""

    def __init__(self, world: demo.World, settings: settings_module.Settings, transport: Transport, wall: Wall) -> None:
        self.world, self.settings, self.transport, self.wall = world, settings, transport, wall
        self.bot = bot_module.build(settings, transport, Clock(wall.in_the_house))
        self.server, self.door = Server(), Door(self.bot, settings)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        (self.port,) = await self.server.start(self.serve, "127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """At the door that there is when the client comes."""
        await self.door.serve(self.server, reader, writer)

    async def ask(self, text: str, **fields: Any) -> str:
        """The text that answers a private message, or stands under the picture that does."""
        call = await self.bot.answer(updated(text, **fields))
        assert call is not None, f"no answer to {text}"
        return text_of(call)

    def stop_at(self, at_s: float) -> Truth:
        """Stops the world's clock and ours at a moment; the world's market."""
        self.wall.stands_at = at_s
        return self.world.market

    async def later(self) -> None:
        """After the longest rest of a host and the longest life of an answer that is kept."""
        await asyncio.sleep(LATER_S)

    async def reopen_circuits(self) -> None:
        """Forgets failures and cached answers, as if time had passed."""
        self.bot.market.forget()


def a_house(**variables: str) -> AbstractAsyncContextManager[House]:
    """A house whose settings are the world's, with the variables given; the world's lists are short."""
    return _house_among(FEW, variables)


def a_house_among_many(**variables: str) -> AbstractAsyncContextManager[House]:
    """The same in a world whose lists are as long as real ones."""
    return _house_among(len(FILLERS), variables)


@asynccontextmanager
async def _house_among(n_fillers: int, variables: dict[str, str]) -> AsyncIterator[House]:
    wall = Wall()
    world = demo.World(clock=wall, back_off_s=0.02, n_fillers=n_fillers)
    await world.start()
    environ = {"TELEGRAM_CHAT_ID": str(ADA), "COMMANDS_PER_MINUTE": "0", **world.environ, **variables}
    settings = settings_module.load(environ, table.EXCHANGES)
    transport = Transport()
    house = House(world, settings, transport, wall)
    try:
        await house.open()
        yield house
    finally:
        told = repr([(method, params) for method, params in world.telegram.calls if method != "setWebhook"])
        assert not any(secret in told for secret in demo.keys.ENVIRON.values()), "a secret was sent to a chat"
        await house.server.close(1)
        await transport.aclose()
        await world.close()


NOW_MS = 1_700_000_000_000  # 22:13:20; the next full hour is 1700002800000


def a_listing(kind: str, listed: str, multiplier: int = 1, contract_size: float | None = None) -> Listing:
    """A market as an exchange lists it, of which nothing was asked yet."""
    return Listing(kind, listed, listed, multiplier, contract_size)


def a_spot(listed: str, multiplier: int = 1) -> Listing:
    return a_listing("spot", listed, multiplier)


def a_perp(listed: str, multiplier: int = 1, contract_size: float | None = None) -> Listing:
    return a_listing("perp", listed, multiplier, contract_size)


def requests_of(house: House) -> int:
    """How many requests the world's exchanges have had so far."""
    return sum(site.n_requests for site in house.world.sites.values())
