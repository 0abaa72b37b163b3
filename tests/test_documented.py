"""Every command that the README and docs/ tell to type: run here as printed, or marked with why it cannot be.

Above each block stands a comment, "run by FILE: TEST" or "not run: REASON". What is left out here is only what a reader
has to fill in: variables are the offline world's, the address is the house's.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from conftest import ADA, ROOT, House, a_house, together
from house import free_port
from test_webhook_server import Process

import bot
import demo
from telegram import webhook

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KEY = "open-sesame.1234"


class Block(NamedTuple):
    """A block of shell commands, and the comment above it."""

    file: str
    mark: str
    lines: list[str]


def blocks(path: Path) -> list[Block]:
    found = re.findall(r"(?:<!-- (.+?) -->\n)?```sh\n(.*?)```", path.read_text(), re.DOTALL)
    return [Block(path.name, mark, text.strip().splitlines()) for mark, text in found]


ALL = [block for path in DOCS for block in blocks(path)]
LINES = [line for block in ALL for line in block.lines]


class Typed(NamedTuple):
    """A line as a shell reads it: variables that it sets, the program, its arguments."""

    variables: dict[str, str]
    words: list[str]


def read(line: str) -> Typed:
    words = shlex.split(line)
    n = next(i for i, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))
    return Typed(dict(word.split("=", 1) for word in words[:n]), words[n:])


def the_line(file: str, *parts: str) -> Typed:
    """The one line of a file's blocks that holds the parts."""
    lines = {line for block in ALL if block.file == file for line in block.lines if all(part in line for part in parts)}
    (line,) = lines
    return read(line)


def start(typed: Typed, world: demo.World, **more: str) -> Process:
    """What the line starts, with the world's values for the variables that it sets, and the way to the world."""
    assert typed.words[0].endswith("python")
    known = {**world.environ, "TELEGRAM_CHAT_ID": str(ADA), **more}
    given = {name: known[name] for name in typed.variables}
    ways = {name: value for name, value in known.items() if name.endswith("_URL") and name != "WEBHOOK_URL"}
    return Process(typed.words[1:], {**ways, **given, "PORT": more.get("PORT", "0")}, is_whole=True)


def test_every_block_is_run_or_says_why_not() -> None:
    assert len(ALL) > 15
    assert [block for block in ALL if not re.search(r"run by [\w./]+(: test_\w+)?|not run: \w", block.mark)] == []


def test_tests_that_are_named_exist() -> None:
    named = {found for block in ALL for found in re.findall(r"by (\w+\.py)(?:: (test_\w+))?", block.mark)}
    texts = {file: (ROOT / "tests" / file).read_text() for file, _ in named}
    assert [test for file, test in named if test and f"def {test}(" not in texts[file]] == []


def test_programs_of_ours_know_their_arguments() -> None:
    """Also in the blocks that are not run."""
    tails = [shlex.split(tail) for line in LINES for tail in re.findall(r"python bot\.py(.*)", line)]
    assert len(tails) > 5
    assert [tail for tail in tails if tail not in bot.ARGUMENTS] == []


def test_programs_of_ours_have_their_packages() -> None:
    """Outside a container they are started by the Python that has them."""
    started = [line for line in LINES if re.search(r"(bot|webhook_server)\.py", line) and "docker" not in line]
    assert len(started) > 5
    assert [line for line in started if ".venv/bin/python " not in line] == []


def test_no_tag_is_named_that_need_not_be_there() -> None:
    assert [path.name for path in DOCS if re.search(r"git checkout v\d", path.read_text())] == []


def test_files_that_are_named_exist() -> None:
    names = re.findall(r"(?:--config|--template-file|python) ((?!build/)[\w./]+\.(?:toml|yaml|py))", "\n".join(LINES))
    assert {"fly.polling.toml", "template.yaml", "tools/build_lambda.py", "bot.py"} <= set(names)
    assert [name for name in names if not (ROOT / name).is_file()] == []


@together("path", DOCS)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"(?:\]\(|src=\")((?!https?:)[^)#\"]+)[)\"]", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_readme_fits_on_a_page() -> None:
    assert len(DOCS[0].read_text().splitlines()) <= 120


def test_demo_as_in_the_readme() -> None:
    """The last part of it; what comes before makes the environment that this test runs in."""
    (line,) = [line for line in LINES if line.endswith("--demo")]
    typed = read(line.rpartition("&& ")[2])
    assert typed.words[0] == ".venv/bin/python"
    process = Process(typed.words[1:], {"PORT": str(free_port())}, is_whole=True)
    process.until("^http://127.0.0.1:")
    assert process.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("file", ["README.md", "home.md"])
@pytest.mark.real_time
async def test_polling_as_in_the_readme(file: str) -> None:
    async with a_house() as house:
        process = start(the_line(file, ".venv/bin/python bot.py"), house.world)
        await asyncio.to_thread(process.until, "polling as @demomarketbot")
        house.world.telegram.send("/help", ADA)
        await house.world.telegram.settle()
        assert (await asyncio.to_thread(process.end, signal.SIGTERM))[0] == 0
        assert "sendMessage" in [method for method, _ in house.world.telegram.calls]


@pytest.mark.real_time
async def test_webhook_as_in_the_docs() -> None:
    async with a_house() as house:
        port = str(await asyncio.to_thread(free_port))
        typed = the_line("home.md", ".venv/bin/python webhook_server.py")
        process = start(typed, house.world, PORT=port, WEBHOOK_URL=f"http://127.0.0.1:{port}")
        await asyncio.to_thread(process.until, "Telegram delivers to")
        house.world.telegram.send("/help", ADA)
        await house.world.telegram.settle()
        assert (await asyncio.to_thread(process.end, signal.SIGTERM))[0] == 0


@pytest.mark.parametrize(
    ("file", "action"), [("lambda.md", "webhook set"), ("lambda.md", "webhook info"), ("validation.md", "webhook info")]
)
@pytest.mark.real_time
async def test_webhook_commands_as_in_the_docs(file: str, action: str) -> None:
    """Against a server that is well."""
    async with a_house() as house:
        assert house.bot.api is not None
        await webhook.register(
            house.bot.api,
            house.settings._replace(webhook_url=f"{house.url}/webhook"),
            bot.introduction(house.settings),
        )
        process = start(the_line(file, f"bot.py {action}"), house.world, WEBHOOK_URL=house.url)
        code, out = await asyncio.to_thread(process.end)
        assert code == 0, out
        assert f"{house.url}/webhook" in out


@pytest.mark.real_time
async def test_health_as_in_the_docs() -> None:
    async with a_house() as house:
        assert '"status":"ok"' in await fetched(the_line("validation.md", "/health"), house)


@pytest.mark.real_time
async def test_json_as_in_the_docs() -> None:
    async with a_house(API_KEY=KEY) as house:
        assert '"success":true' in await fetched(the_line("api.md", "/volume_spike"), house)


@pytest.mark.real_time
async def test_json_of_the_demo_as_in_the_docs() -> None:
    typed = the_line("api.md", "localhost:8000/price")
    port = await asyncio.to_thread(free_port)
    process = Process(["webhook_server.py", "--demo"], {"PORT": str(port)})
    await asyncio.to_thread(process.until, "^http://127.0.0.1:")
    try:
        words = [word.replace("localhost:8000", f"http://127.0.0.1:{port}") for word in typed.words]
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.post(words[-1], content=words[words.index("-d") + 1])
        assert answer.json()["success"] is True
    finally:
        await asyncio.to_thread(process.end, signal.SIGTERM)


@pytest.mark.real_time
async def test_metrics_as_in_the_docs() -> None:
    async with a_house(API_KEY=KEY) as house:
        assert "# TYPE bot_updates_total counter" in await fetched(the_line("api.md", "/metrics"), house)


async def fetched(typed: Typed, house: House) -> str:
    """What curl would print, asked of the house."""
    assert typed.words[0] == "curl"
    words = [word.replace("https://APP.fly.dev", house.url).replace("$API_KEY", KEY) for word in typed.words[1:]]
    options = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
    headers = dict([options["-H"].split(": ", 1)]) if "-H" in options else {}
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        method = "POST" if "-d" in options else "GET"
        response = await client.request(method, words[-1], headers=headers, content=options.get("-d"))
    assert response.status_code == 200
    return response.text
