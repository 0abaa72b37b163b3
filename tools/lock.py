"""Writes deploy/NAME.lock for every NAME.txt of requirements: each package, its version and the hashes of its files.

`python tools/lock.py`, after requirements.txt changed; needs uv (.ci/requirements.txt) and the network. The image and
Lambda's zip are installed from the locks, so that a file which was exchanged at the registry stops the build.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11"  # as pyproject.toml says; one lock serves this one and all newer ones


def lock(requirements: Path) -> Path:
    """The lock's path. Raises CalledProcessError when a requirement cannot be met."""
    target = ROOT / "deploy" / f"{requirements.stem}.lock"
    how = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    command = ["uv", "pip", "compile", *how, "--python-version", OLDEST_PYTHON, "--output-file", str(target)]
    subprocess.run([*command, requirements.name], cwd=ROOT, check=True)
    return target


def main() -> int:
    for requirements in sorted(ROOT.glob("requirements*.txt")):
        print(lock(requirements).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
