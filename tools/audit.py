"""Asks the registry for known holes in the locked packages: `python tools/audit.py`, with pip-audit on the PATH.

Exit code 1 when there is one. Where the registry's list cannot be reached, it says so and does not fail: an audit
that did not happen is no proof, but no reason either to stop work that has no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0


def audit(lock: Path) -> list[dict[str, Any]]:
    """What pip-audit found of each package; [] when it could not ask at all."""
    command = ["pip-audit", "--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run(
            [*command, f"--requirement={lock}"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        told = json.loads(done.stdout)["dependencies"]
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return []
    return [each for each in told if isinstance(each, dict)]


def verdict(name: str, told: list[dict[str, Any]]) -> tuple[bool, list[str]]:
    """Whether all is well as far as is known, and what to print."""
    asked = [each for each in told if "vulns" in each]
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {' or '.join(hole['fix_versions']) or 'no version'}"
        for each in asked
        for hole in each["vulns"]
    ]
    if holes:
        return False, [f"{name}: {line}" for line in holes]
    if len(asked) < max(1, len(told)):
        return True, [f"{name}: NOT AUDITED but for {len(asked)} packages: the list of holes is not reached from here"]
    return True, [f"{name}: no known holes in {len(asked)} packages"]


def main() -> int:
    well = True
    for lock in sorted((ROOT / "deploy").glob("*.lock")):
        is_well, lines = verdict(lock.name, audit(lock))
        well = well and is_well
        print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
