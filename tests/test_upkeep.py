"""What a process does for itself: connections and memory that nobody needs are let go."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import weakref

import pytest
from conftest import ROOT, of_this_test_only
from test_http1_client import get
from wires import a_server

import upkeep
from http1.client import IDLE_KEEP_S, Transport
from metrics import resident_bytes
from upkeep import Memory, keep_tidy

MIB = 1024 * 1024
HEAVY = {"statistics", "decimal", "sqlite3", "asyncpg", "ctypes", "zipfile", "argparse", "unittest", "render.picture"}
"""Modules that a start does without: each costs milliseconds and up to a megabyte, and most processes never need it."""
HAS_TRIM = hasattr(ctypes.CDLL(None), "malloc_trim")


@pytest.fixture(autouse=True)
def _alone() -> None:
    of_this_test_only()


def without_holes() -> tuple[Memory, float]:
    """What earlier tests have left would be taken first."""
    Memory(kept=-1000 * MIB).give_back()
    return Memory(), resident_bytes()


def pieces_of_memory() -> list[bytes]:
    """40 MB that are written to: of what is only promised, nothing is resident."""
    return [b"x" * 40_000 for _ in range(1000)]


@pytest.mark.skipif(not HAS_TRIM, reason="this C library has no malloc_trim")
def test_holes_of_the_heap_are_given_back() -> None:
    memory, before = without_holes()
    pieces = pieces_of_memory()
    kept = pieces[::100]  # here and there one that lives
    del pieces
    gc.collect()
    memory.give_back()
    assert resident_bytes() < before + 6 * MIB
    assert len(kept) == 10


@pytest.mark.skipif(not HAS_TRIM, reason="this C library has no malloc_trim")
def test_what_was_in_use_at_one_time_is_given_back_the_next() -> None:
    memory, before = without_holes()
    pieces = pieces_of_memory()
    memory.give_back()  # in the midst of it
    assert resident_bytes() > before + 30 * MIB
    kept = pieces[::100]
    del pieces
    memory.give_back()
    assert resident_bytes() < before + 6 * MIB
    assert len(kept) == 10


def test_what_holds_itself_is_let_go() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    gone = weakref.ref(Ring())
    assert gone() is not None
    Memory(kept=-1000 * MIB).give_back()
    assert gone() is None


def test_memory_that_has_not_grown_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", None)  # would fail
    Memory().give_back()
    with pytest.raises(TypeError):
        Memory(kept=-1000 * MIB).give_back()


def test_a_library_without_the_call_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    Memory(kept=-1000 * MIB).give_back()


async def test_idle_connections_are_swept_while_nobody_asks() -> None:
    async with a_server() as (server, port):
        transport = Transport()
        tidying = asyncio.ensure_future(keep_tidy(transport.sweep))
        await get(transport, f"http://127.0.0.1:{port}/")
        assert transport.n_idle == 1
        await asyncio.sleep(IDLE_KEEP_S + upkeep.SWEEP_S + 1)
        assert (transport.n_idle, server.n_connections) == (0, 0)
        tidying.cancel()
        await transport.aclose()


def test_start_loads_nothing_heavy() -> None:
    """httpx loads its own command line where click is there, as it is on a developer's machine."""
    script = "import sys; sys.modules.update(click=None, rich=None); import serving; print(*sys.modules)"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    asked = [sys.executable, "-c", script]
    told = subprocess.run(asked, cwd=ROOT, env=unmeasured, check=True, capture_output=True, text=True).stdout
    assert "serving" in told.split()
    assert HEAVY & set(told.split()) == set()
