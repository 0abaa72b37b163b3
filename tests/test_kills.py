"""Alerts while their processes are killed at random moments; the long run is trials/kills.py by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from databases import fresh_url

KILLS = Path(__file__).parent.parent / "trials" / "kills.py"


def killed(url: str, *options: str) -> dict[str, int]:
    command = [sys.executable, str(KILLS), "--url", url, "--alerts", "100", "--kills", "5", *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome: dict[str, int] = json.loads(ran.stdout)
    return outcome


@pytest.mark.parametrize(("engine", "processes"), [("sqlite", "1"), ("postgres", "3")])
def test_killed_processes_lose_nothing(engine: str, processes: str, tmp_path: Path) -> None:
    outcome = killed(fresh_url(engine, tmp_path), "--processes", processes)
    assert (outcome["fired"], outcome["lost"], outcome["ticks judged twice"]) == (100, 0, 0)
    assert outcome["sent twice"] <= outcome["kills between answer and mark"] <= 5


@pytest.mark.parametrize(("engine", "processes"), [("sqlite", "1"), ("postgres", "3")])
def test_stopped_processes_send_nothing_twice(engine: str, processes: str, tmp_path: Path) -> None:
    outcome = killed(fresh_url(engine, tmp_path), "--processes", processes, "--signal", "TERM")
    assert (outcome["lost"], outcome["ticks judged twice"], outcome["sent twice"]) == (0, 0, 0)
