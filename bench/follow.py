"""`python bench/follow.py`: the way of an update to the wire, and calls that go up.

The whole house and the offline world run in this process. At the moment at which bytes leave for an exchange, the
stack is taken down: the frames of the product's functions in the task that sends, then those that were at work where
that task was begun, and so on up to the connection that brought the update. A call goes up when the function's room
may import the caller's, by the arrows in docs/house.md, directly or through others. A coroutine that is handed
down and awaited there is no call; one that wakes up, what asyncio calls, and expressions handed down count as nothing.
"""

from __future__ import annotations

import asyncio
import dis
import inspect
import json
import opcode
import re
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bot
import demo
import settings
from door import Door
from exchanges import table
from http1.client import Transport
from http1.links import Link
from http1.server import Server

COMMANDS = (
    *("/price BTC", "/price BTC ETH", "/analysis BTC", "/volume BTC", "/cvd BTC", "/profile BTC", "/ls BTC", "/oi BTC"),
    *(
        "/funding BTC",
        "/funding top",
        "/top10",
        "/top10 spot",
        "/volscan",
        "/spread BTC",
        "/liq BTC",
        "/status",
        "/help",
    ),
    *("/price NOSUCHCOIN", "/balance", "/positions", "/pnl"),
)
RESUME = opcode.opmap["RESUME"]
Stack = list[tuple[str, bool]]  # functions, the innermost first, and whether they are awaited


@cache
def room_of(file: str) -> str:
    """The room; "" for what is not of the product."""
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return ""
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return room if room in ARROWS else ""


def arrows() -> dict[str, set[str]]:
    """Which rooms a room reaches, by the map."""
    told: dict[str, set[str]] = {}
    for rooms, others in re.findall(
        r"^\| ((?:`\w+` ?)+) \| (nothing|(?:`\w+` ?)+) \|$", (ROOT / "docs" / "house.md").read_text(), re.MULTILINE
    ):
        for room in re.findall(r"`(\w+)`", rooms):
            told[room] = set(re.findall(r"`(\w+)`", others))
    while True:
        further = {room: others.union(*(told.get(each, set()) for each in others)) for room, others in told.items()}
        if further == told:
            return told
        told = further


ARROWS = arrows()


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """From the innermost outwards."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def stack_here(skip: int) -> Stack:
    """The product's functions at work, the innermost first."""
    codes = [each.f_code for each in frames(sys._getframe(skip)) if room_of(each.f_code.co_filename)]
    return [(code.co_qualname, bool(code.co_flags & inspect.CO_COROUTINE)) for code in codes]


def wakes_up(frame: FrameType) -> bool:
    """Whether a coroutine goes on here; its start counts as a call."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == RESUME and code[at + 1] != 0


@cache
def is_called_there(code: CodeType, at: int) -> bool:
    """Whether what a frame awaits at that place is called there, and not a coroutine that was handed to it."""
    before = [each for each in dis.get_instructions(code) if each.offset <= at]
    last = max((i for i, each in enumerate(before) if each.opname == "GET_AWAITABLE"), default=0)
    return last > 0 and before[last - 1].opname == "CALL"


def caller_of(frame: FrameType) -> tuple[str, str]:
    """Room and function that called it; of a coroutine, where it was made."""
    by = frame.f_back
    assert by is not None
    if frame.f_code.co_flags & inspect.CO_COROUTINE and not is_called_there(by.f_code, by.f_lasti):
        return "", ""
    return room_of(by.f_code.co_filename), by.f_code.co_qualname


class Follower:
    """Notes where each task was begun, each way to the wire, and each call that goes up."""

    def __init__(self) -> None:
        self.begun: dict[asyncio.Task[Any], tuple[Stack, asyncio.Task[Any] | None]] = {}
        self.ways: list[list[Stack]] = []
        self.up: Counter[tuple[str, str]] = Counter()
        self.n_calls = 0

    def task(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **named: Any) -> asyncio.Task[Any]:
        """As a loop's task factory."""
        made = asyncio.Task(work, loop=loop, **named)
        try:
            parent = asyncio.current_task(loop)
        except RuntimeError:
            parent = None
        self.begun[made] = stack_here(2), parent
        return made

    def sent(self) -> None:
        """Bytes leave now."""
        way, task = [stack_here(3)], asyncio.current_task()
        while task is not None and task in self.begun:
            stack, task = self.begun[task]
            way.append(stack)
        self.ways.append(way)

    def called(self, frame: FrameType, event: str, argument: object) -> None:
        """As sys.setprofile takes it."""
        if event != "call" or frame.f_back is None or wakes_up(frame):
            return
        here = room_of(frame.f_code.co_filename)
        if not here or frame.f_code.co_name.startswith("<"):
            return
        caller, by = caller_of(frame)
        if caller:
            self.n_calls += 1
            if here != caller and caller in ARROWS[here]:
                self.up[f"{caller}: {by}", f"{here}: {frame.f_code.co_qualname}"] += 1


async def followed(commands: tuple[str, ...]) -> dict[str, Follower]:
    """Each command once, asked over HTTP."""
    found: dict[str, Follower] = {}
    world = demo.World()
    await world.start()
    transport = Transport()
    environ = {**world.environ, "TELEGRAM_CHAT_ID": "1001", "COMMANDS_PER_MINUTE": "0", "VOLSCAN_SYMBOLS": "10"}
    chosen = settings.load(environ, table.EXCHANGES)
    the_bot = bot.build(chosen, transport)
    server, door = Server(), Door(the_bot, chosen)
    (port,) = await server.start(partial(door.serve, server), "127.0.0.1", 0)
    ask, loop = Link.ask, asyncio.get_running_loop()
    for number, text in enumerate(commands, 1):
        follower = found[text] = Follower()

        def noted(link: Link, question: bytes, follower: Follower = follower) -> None:
            follower.sent()
            ask(link, question)

        Link.ask = noted  # type: ignore[assignment, method-assign]
        loop.set_task_factory(follower.task)  # type: ignore[arg-type]
        the_bot.market.forget()
        await post(port, chosen.webhook_secret, update(text, number), follower)
        loop.set_task_factory(None)
    Link.ask = ask  # type: ignore[method-assign]
    await server.close(1)
    await transport.aclose()
    await world.close()
    return found


def update(text: str, number: int) -> dict[str, Any]:
    people = {"from": {"id": 1001, "is_bot": False, "first_name": "A"}, "chat": {"id": 1001, "type": "private"}}
    return {"update_id": number, "message": {"message_id": number, "date": 4_000_000_000, "text": text, **people}}


async def post(port: int, secret: str, told: dict[str, Any], follower: Follower) -> None:
    """Sends an update to the webhook, and reads the answer."""
    body = json.dumps(told).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sys.setprofile(follower.called)
    try:
        writer.write(head.encode() + body)
        await reader.read()
    finally:
        sys.setprofile(None)
    writer.close()


def n_awaited(way: list[Stack]) -> int:
    return sum(is_awaited for stack in way for _, is_awaited in stack)


def told(way: list[Stack]) -> str:
    """From the connection to the wire, tasks apart."""
    return "\n  task: ".join(" → ".join(name for name, _ in reversed(stack)) for stack in reversed(way))


def main() -> None:
    found = asyncio.run(followed(COMMANDS))
    for text, follower in found.items():
        n_frames = sorted(n_awaited(way) for way in follower.ways)
        told_of = (
            f"{n_frames[0]} to {n_frames[-1]} awaited frames of {len(n_frames)} questions"
            if n_frames
            else "asks nobody"
        )
        print(f"{text:18} {told_of}; {follower.n_calls} calls between functions, {sum(follower.up.values())} up")
    print("\n/price BTC, the longest way:\n  " + told(max(found["/price BTC"].ways, key=n_awaited)))
    for (caller, called), n in sum((each.up for each in found.values()), Counter()).most_common():
        print(f"up {n:6} {caller} → {called}")


if __name__ == "__main__":
    main()
