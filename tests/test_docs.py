"""The README and docs/ against the code; and the house's rules that a machine can check."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from statistics import median

from conftest import ROOT, together

import bot
import settings
from exchanges.table import ACCOUNTS, HOSTS

MAX_LINES, MEDIAN_LINES = 500, 200  # of a product module
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
HOUSE = (ROOT / "docs" / "house.md").read_text()


def test_every_command_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `/(\w+)([^`]*)` \| (.+?) \|$", README, re.MULTILINE)
    table = [(name, command.usage, command.summary) for name, command in bot.COMMANDS.items()]
    assert [(name, usage.strip().replace("\\|", "|"), summary) for name, usage, summary in rows] == table


def test_every_variable_is_in_the_docs() -> None:
    read = set(re.findall(r'environ(?:\.get\(|, )"([A-Z_]+)"', (ROOT / "settings.py").read_text()))
    read |= {f"{name}_URL" for name in (host.name for host in HOSTS)}
    read |= {f"{name.upper()}_{part}" for name, each in ACCOUNTS.items() for part in (*each.key_parts, "TESTNET")}
    assert read == set(re.findall(r"`([A-Z][A-Z_]{3,})`", SETTINGS))


def test_no_variable_is_explained_twice() -> None:
    rows = re.findall(r"^\| (`[A-Z_` ]+`) \|", SETTINGS, re.MULTILINE)
    names = [name for row in rows for name in row.replace("`", "").split()]
    assert "FLY_APP_NAME" in names
    assert len(names) == len(set(names))


def test_map_names_every_room() -> None:
    others = ("demo", "tests", "trials", "bench", "tools", "deploy", "docs")
    rooms = {path.name for path in ROOT.glob("*.py")} | {f"{room}/" for room in (*ROOMS, *others)}
    assert {room for room in rooms if room not in HOUSE} == set()


@cache
def tree_of(name: str) -> ast.Module:
    """Of a file of ours, read once for all tests."""
    return ast.parse((ROOT / name).read_text())


@cache
def statements_of(name: str) -> list[ast.AST]:
    """The same without what is within statements, where nothing is imported: a tenth of the nodes."""
    found, waiting = list[ast.AST](), list[ast.AST]([tree_of(name)])
    while waiting:
        found.append(node := waiting.pop())
        waiting += [each for part in BODIES for each in getattr(node, part, ())]
    return found


BODIES = ("body", "orelse", "finalbody", "handlers", "cases")  # of a statement


def imports(name: str) -> set[str]:
    found: set[str] = set()
    for node in statements_of(name):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


ROOMS = {"answers", "asking", "exchanges", "http1", "render", "store", "telegram", "watchman"}
PRODUCT = [
    *(path.name for path in ROOT.glob("*.py")),
    *(str(path.relative_to(ROOT)) for room in sorted(ROOMS) for path in (ROOT / room).rglob("*.py")),
]


def test_arrows_between_rooms_are_those_of_the_map() -> None:
    ours = {name.partition("/")[0].removesuffix(".py") for name in PRODUCT} | {"demo"}
    arrows: dict[str, set[str]] = {}
    for name in PRODUCT:
        here = name.partition("/")[0].removesuffix(".py")
        arrows.setdefault(here, set()).update((imports(name) & ours) - {here})
    written: dict[str, set[str]] = {}
    for rooms, those in re.findall(r"^\| ((?:`\w+` ?)+) \| (nothing|(?:`\w+` ?)+) \|$", HOUSE, re.MULTILINE):
        for room in re.findall(r"`(\w+)`", rooms):
            written[room] = set(re.findall(r"`(\w+)`", those))
    assert arrows == written


def n_lines(name: str) -> int:
    return len((ROOT / name).read_text().splitlines())


def test_rooms_are_small() -> None:
    """An exchange may be as long as its documentation makes it."""
    large = {name: n for name in PRODUCT if (n := n_lines(name)) > MAX_LINES and not name.startswith("exchanges/")}
    assert large == {}
    assert median(n_lines(name) for name in PRODUCT) <= MEDIAN_LINES


def test_one_version() -> None:
    (written,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert written == settings.VERSION


NAMED = re.compile(r"[\w/]+\.py\b")


def prose_of(text: str) -> Iterator[str]:
    """Comments and docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and '"""' in token.string[:4]):
            yield token.string


def test_files_that_are_named_exist() -> None:
    """In the product's comments and docstrings, by their path or their name alone."""
    folders = ("", *ROOMS, "demo", "tests", "trials", "bench", "tools")
    paths = [path for folder in folders for path in (ROOT / folder).glob("**/*.py" if folder else "*.py")]
    names = {str(path.relative_to(ROOT)) for path in paths} | {path.name for path in paths}
    texts = {name: (ROOT / name).read_text() for name in PRODUCT}
    doubtful = [name for name, text in texts.items() if set(NAMED.findall(text)) - names]  # if only in the code
    lost = {
        (name, file)
        for name in doubtful
        for text in prose_of(texts[name])
        for file in NAMED.findall(text)
        if file not in names
    }
    assert lost == set()


def test_arrows_make_no_circle() -> None:
    """Modules, not rooms: a room's files may import each other."""
    modules = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): name for name in PRODUCT}
    imported = {module: named_modules(name) & modules.keys() - {module} for module, name in modules.items()}
    while free := [module for module, others in imported.items() if not others & imported.keys()]:
        for module in free:
            del imported[module]
    assert imported == {}


def named_modules(name: str) -> set[str]:
    found: set[str] = set()
    for node in statements_of(name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@together("path", sorted((ROOT / "demo").glob("*.py")))
def test_world_is_independent(path: object) -> None:
    ours = {path.stem for path in ROOT.glob("*.py")} | ROOMS
    assert not imports(str(path)) & ours


def test_requirements_are_what_is_imported() -> None:
    """Beside orjson and h11 only httpx, of the offline Telegram; asyncpg for a PostgreSQL; and certifi for its file."""
    ours = {path.stem for path in ROOT.glob("*.py")} | ROOMS | {"demo"}
    world = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "demo").glob("*.py"))
    foreign = {name for each in (*PRODUCT, *world) for name in imports(each)} - ours - set(sys.stdlib_module_names)
    foreign = {name.partition(".")[0] for name in foreign} - ours - set(sys.stdlib_module_names)
    assert foreign == {"httpx", "orjson", "h11", "asyncpg"}
    pinned = re.findall(r"^(\w+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert set(pinned) == (foreign | {"certifi"}) - {"asyncpg"}


def test_server_start_imports_little() -> None:
    script = "import sys, serving; print(' '.join(sys.modules))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "orjson" in loaded
    heavy = {
        "httpx",
        "email",
        "html",
        "shutil",
        "random",
        "argparse",
        "multiprocessing",
        "unittest",
        "pdb",
        "httpcore",
        "anyio",
        "difflib",
        "sqlite3",
        "asyncpg",
        "demo",
        "http",
        "pathlib",
        "json_api",
        "accounts",
        "answers.chat_settings",
        "answers.alert",
        "answers.chart",
        "answers.price",
        "telegram.polling",
        "watchman.rounds",
    }
    assert loaded & heavy == set()


def test_what_python_starts_with_is_short() -> None:
    """It is compiled anew at every start, as 385 lines in 4 ms once were; what it imports lies compiled beside it."""
    assert n_lines("webhook_server.py") < 40


def test_security_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    files = set(re.findall(r"`((?:test_\w+|conftest)\.py)`", text))
    assert {name for name in files if not (ROOT / "tests" / name).is_file()} == set()
    tests = set(re.findall(r"`(test_\w+)`", text))
    written = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert tests
    assert {name for name in tests if f"def {name}(" not in written} == set()
