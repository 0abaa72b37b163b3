"""A stretch of the offline world with a turned clock: forty alerts against other code. A year of it is
trials/replay.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import replay

pytestmark = pytest.mark.no_cover  # others reach what these do


@pytest.mark.parametrize(
    ("days", "sleep", "every"), [(0.5, 100, 700), pytest.param(1, 180, 1600, marks=pytest.mark.trial)]
)
def test_forty_alerts_ring_when_they_must(
    days: float, sleep: int, every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sleep of some hours, and a process that begins anew every few hours."""
    monkeypatch.setattr(replay, "SLEEP_EVERY", every)
    monkeypatch.setattr(replay, "SLEEPS", (sleep,))
    monkeypatch.setattr(replay, "RESTART", 397)
    outcome = replay.compared(days, seed=7, folder=tmp_path)
    assert outcome["wrong"] == []
    assert outcome["alerts"] == 40
    assert outcome["all"] > 50
    assert outcome["late"] > 0


@pytest.mark.trial
def test_forty_alerts_over_days_ring_when_they_must(tmp_path: Path) -> None:
    outcome = replay.compared(4, seed=3, folder=tmp_path)
    assert outcome["wrong"] == []
    assert outcome["ticks"] == 4 * 1440


@pytest.mark.trial
def test_the_witness_sees_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine does not look at candles, crossings in wicks are missed, and that is told."""
    monkeypatch.setattr("watchman.ticker.NEAR", 0.0)
    assert replay.compared(1, seed=7, folder=tmp_path)["wrong"] != []
