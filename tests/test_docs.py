"""The README against the code; and the house's rules that a machine can check."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import commands
import settings

README = (ROOT / "README.md").read_text()
FLOORS = {
    "webhook_server": 5,
    "bot": 4,
    "commands": 4,
    **dict.fromkeys(("market", "accounts", "analysis", "derivatives", "lists", "render", "reports"), 3),
    "api": 4,
    "fetch": 2,
    "telegram_api": 2,
}
"""Who stands above whom; all others are on the ground. Imports point down or along a floor."""


def test_every_command_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `/(\w+)([^`]*)` \| (.+?) \|$", README, re.MULTILINE)
    table = [(name, command.usage, command.summary) for name, command in commands.COMMANDS.items()]
    assert [(name, usage.strip().replace("\\|", "|"), summary) for name, usage, summary in rows] == table


def test_every_variable_is_in_the_readme() -> None:
    read = set(re.findall(r'environ(?:\.get\(|, )"([A-Z_]+)"', (ROOT / "settings.py").read_text()))
    read |= {f"{name}_URL" for name in settings.HOST_NAMES}
    read |= {f"{name.upper()}_{part}" for name, parts in settings.KEYS.items() for part in (*parts, "TESTNET")}
    assert read == set(re.findall(r"`([A-Z][A-Z_]{3,})`", README.partition("## Settings")[2].partition("\n## ")[0]))


def test_readme_map_names_every_room() -> None:
    house = README.partition("## The house")[2].partition("\n## ")[0]
    rooms = {path.name for path in ROOT.glob("*.py")} | {"exchanges/", "demo/", "tests/", "bench/"}
    assert {room for room in rooms if room not in house} == set()


def imports(name: str) -> set[str]:
    tree = ast.parse((ROOT / name).read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


PRODUCT = [
    *(path.name for path in ROOT.glob("*.py")),
    *(f"exchanges/{path.name}" for path in (ROOT / "exchanges").glob("*.py")),
]


@pytest.mark.parametrize("name", PRODUCT)
def test_imports_point_down(name: str) -> None:
    here = name.partition("/")[0].removesuffix(".py")
    assert all(FLOORS.get(there, 1) <= FLOORS.get(here, 1) for there in imports(name))
    assert "demo" not in imports(name) or here == "webhook_server"


@pytest.mark.parametrize("path", sorted((ROOT / "demo").glob("*.py")), ids=lambda path: path.name)
def test_world_is_independent(path: object) -> None:
    ours = {path.stem for path in ROOT.glob("*.py")} | {"exchanges"}
    assert not imports(str(path)) & ours


def test_requirements_are_what_is_imported() -> None:
    """Beside httpx, orjson and h11 only what httpx itself brings."""
    ours = {path.stem for path in ROOT.glob("*.py")} | {"exchanges", "demo"}
    foreign = {name for each in PRODUCT for name in imports(each)} - ours - set(sys.stdlib_module_names)
    assert foreign == {"httpx", "orjson", "h11", "certifi"}
    pinned = re.findall(r"^(\w+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert set(pinned) == {"httpx", "orjson", "h11"}


def test_server_start_imports_little() -> None:
    script = "import sys, webhook_server; print(' '.join(sys.modules))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "httpx" in loaded
    heavy = {"argparse", "multiprocessing", "unittest", "pdb", "httpcore", "anyio", "difflib", "sqlite3", "demo"}
    assert loaded & heavy == set()


def test_security_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    files = set(re.findall(r"`((?:test_\w+|conftest)\.py)`", text))
    assert {name for name in files if not (ROOT / "tests" / name).is_file()} == set()
    tests = set(re.findall(r"`(test_\w+)`", text))
    written = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert tests
    assert {name for name in tests if f"def {name}(" not in written} == set()
