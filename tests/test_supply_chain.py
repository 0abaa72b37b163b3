"""What is built of what: requirements and their locks, the base image, the actions of the workflows."""

from __future__ import annotations

import re
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, together
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import audit, build_lambda

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))


def pinned(requirements: Path) -> dict[str, str]:
    """Names and versions; those of a file that is included count too."""
    found: dict[str, str] = {}
    for line in requirements.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["-r"]:
            found |= pinned(requirements.with_name(words[1]))
        elif words:
            name, _, version = words[0].partition("==")
            found[canonicalize_name(name)] = version
    return found


def locked(requirements: Path) -> dict[str, tuple[str, int]]:
    """Of each package in the lock its version, and how many hashes there are."""
    text = (ROOT / "deploy" / f"{requirements.stem}.lock").read_text()
    entries = re.findall(r"^([\w.-]+)==(\S+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)*)$", text, re.MULTILINE)
    return {canonicalize_name(name): (version, hashes.count("--hash")) for name, version, hashes in entries}


def needed(names: set[str]) -> set[str]:
    """The packages and what they need on this Python, without extras, as the installed ones say."""
    found, left = set[str](), [canonicalize_name(name) for name in names]
    while left:
        if (name := left.pop()) in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                left.append(canonicalize_name(requirement.name))
    return found


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: path.name)
def test_lock_agrees(requirements: Path) -> None:
    """`python tools/lock.py` was run after the last change."""
    pins, locks = pinned(requirements), locked(requirements)
    assert all(pins.values())
    assert {name: locks[name][0] for name in pins} == pins
    assert all(n_hashes for _, n_hashes in locks.values())


def test_lock_holds_all_that_is_needed_and_no_more() -> None:
    requirements = ROOT / "requirements.txt"
    assert needed(set(pinned(requirements))) <= set(locked(requirements))
    assert set(locked(requirements)) - needed(set(pinned(requirements))) <= {"typing-extensions"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(workflow: Path) -> None:
    """By commit, with the version beside it: a tag can be moved."""
    uses = re.findall(r"uses: (.+)", workflow.read_text())
    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read(workflow: Path) -> None:
    """But for the jobs that say what else they need."""
    told: dict[str, Any] = yaml.safe_load(workflow.read_text())
    assert told["permissions"] == {"contents": "read"}
    more = {(name, what) for name, job in told["jobs"].items() for what, how in job.get("permissions", {}).items()
            if how == "write"}  # fmt: skip
    assert more <= {("image", "packages")}


def test_the_bot_that_updates_looks_after_everything() -> None:
    told = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    assert {each["package-ecosystem"] for each in told["updates"]} == {"pip", "docker", "github-actions"}


# The zip for Lambda.


@pytest.fixture(scope="module")
def function_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("zip") / "function.zip"
    build_lambda.build(ROOT, target, "arm64", None)
    return target


def test_zip_is_the_same_every_time(tmp_path: Path, function_zip: Path) -> None:
    build_lambda.build(ROOT, tmp_path / "other.zip", "arm64", None)
    assert function_zip.read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_zip_holds_what_serves(function_zip: Path) -> None:
    with zipfile.ZipFile(function_zip) as packed:
        names = {name for name in packed.namelist() if not name.endswith(".pyc")}
        assert {entry.external_attr >> 16 & 0o777 for entry in packed.infolist()} == {0o644}
    assert {"webhook_server.py", "exchanges/okx.py"} <= names
    assert {name.partition("/")[0] for name in names} & {"tests", "demo", "bench", "tools", "docs", ".git"} == set()


def test_zip_is_built_for_what_the_template_says() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert f"Runtime: python{build_lambda.PYTHON}" in text
    (values,) = re.findall(r"AllowedValues: \[(arm64.*)\]", text)
    assert set(values.split(", ")) == set(build_lambda.PLATFORMS)
    assert "CodeUri: build/function.zip" in text


def test_zip_without_a_lock(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_lambda.main(["--requirements", "requirements-unknown"]) == 2
    assert capsys.readouterr().err == "There is no deploy/requirements-unknown.lock.\n"


# The audit.

FINE = {"name": "h11", "version": "0.16.0", "vulns": []}
HOLE = {"name": "h11", "version": "0.14.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"]}]}
SKIPPED = {"name": "idna", "skip_reason": "not found"}


@together(
    "told, is_well, line",
    [
        ([FINE], True, "a.lock: no known holes in 1 packages"),
        ([FINE, HOLE], False, "a.lock: h11 0.14.0: PYSEC-1, mended in 0.16.0"),
        ([HOLE, SKIPPED], False, "a.lock: h11 0.14.0: PYSEC-1, mended in 0.16.0"),
        ([FINE, SKIPPED], True, "a.lock: NOT AUDITED but for 1 packages: the list of holes is not reached from here"),
        ([], True, "a.lock: NOT AUDITED but for 0 packages: the list of holes is not reached from here"),
    ],
)
def test_audit_says_what_it_knows(told: list[dict[str, Any]], is_well: bool, line: str) -> None:
    assert audit.verdict("a.lock", told) == (is_well, [line])
