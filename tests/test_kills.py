"""Alerts while their processes are killed at random moments: briefly here, longer as a trial, longest by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from databases import PGBOUNCER, fresh_url

pytestmark = [pytest.mark.no_cover, pytest.mark.real_time]  # others reach what these do

KILLS = Path(__file__).parent.parent / "trials" / "kills.py"
ENGINES = [  # with the processes that work on it
    ("sqlite", "1"),
    ("postgres", "3"),
    pytest.param("pooler", "3", marks=pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")),
]


def killed(url: str, n_alerts: int, n_kills: int, *options: str) -> dict[str, int]:
    command = [sys.executable, str(KILLS), "--url", url, "--alerts", str(n_alerts), "--kills", str(n_kills), *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome: dict[str, int] = json.loads(ran.stdout)
    return outcome


def test_a_process_killed_once_loses_nothing(tmp_path: Path) -> None:
    outcome = killed(fresh_url("sqlite", tmp_path), 20, 1)
    assert (outcome["fired"], outcome["lost"], outcome["ticks judged twice"]) == (20, 0, 0)
    assert outcome["sent twice"] <= outcome["kills between answer and mark"] <= 1


@pytest.mark.trial
@pytest.mark.parametrize(("engine", "processes"), ENGINES)
def test_killed_processes_lose_nothing(engine: str, processes: str, tmp_path: Path) -> None:
    outcome = killed(fresh_url(engine, tmp_path), 100, 5, "--processes", processes)
    assert (outcome["fired"], outcome["lost"], outcome["ticks judged twice"]) == (100, 0, 0)
    assert outcome["sent twice"] <= outcome["kills between answer and mark"] <= 5


@pytest.mark.trial
@pytest.mark.parametrize(("engine", "processes"), ENGINES)
def test_stopped_processes_send_nothing_twice(engine: str, processes: str, tmp_path: Path) -> None:
    outcome = killed(fresh_url(engine, tmp_path), 100, 5, "--processes", processes, "--signal", "TERM")
    assert (outcome["lost"], outcome["ticks judged twice"], outcome["sent twice"]) == (0, 0, 0)
