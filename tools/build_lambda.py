"""Builds build/function.zip, the code for AWS Lambda that template.yaml deploys.

`python tools/build_lambda.py [--arch arm64|x86_64] [--requirements requirements-postgres]`, with any Python from
3.11 on: the packages are fetched for the function's Python and processor, not for this one's, and their hashes are
checked. What of the project goes in is what goes into the image: .dockerignore is the one list.

The same sources give the same zip, byte for byte, so that a deployment without changes is none. Compiled files are
added when this Python is the function's; without them the first event after a pause waits longer (0.2 s, measured).
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.13"  # template.yaml's Runtime
PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}  # as Lambda and as wheels call the processors
GLIBCS = ("manylinux_2_28", "manylinux2014")  # Amazon Linux 2023 has 2.34
NO_TIME = (1980, 1, 1, 0, 0, 0)  # a zip's earliest


def is_ours(path: PurePosixPath, ignore: str) -> bool:
    """Whether a list such as .dockerignore lets a file in: the last line that names it or a folder above decides."""
    is_in = True
    for line in ignore.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _names(pattern.removeprefix("!"), path):
            is_in = pattern.startswith("!")
    return is_in


def _names(pattern: str, path: PurePosixPath) -> bool:
    """Whether the pattern fits the path or a folder above it. `**/` at the front stands for any folders, or none."""
    last = pattern.removeprefix("**/")
    parts, n = last.split("/"), last.count("/") + 1
    begins = range(len(path.parts) - n + 1) if pattern.startswith("**/") else range(1 if len(path.parts) >= n else 0)
    return any(_fit(parts, path.parts[begin : begin + n]) for begin in begins)


def _fit(patterns: list[str], names: tuple[str, ...]) -> bool:
    return all(re.match(translate(pattern), name) for pattern, name in zip(patterns, names, strict=True))


def our_files(root: Path) -> Iterator[Path]:
    """The project's own files that belong in, in a settled order."""
    ignore = (root / ".dockerignore").read_text()
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder, file)
            if is_ours(PurePosixPath(path.relative_to(root).as_posix()), ignore):
                yield path


def install(target: Path, lock: Path, arch: str) -> None:
    """The locked packages for the function's Python and processor. Raises CalledProcessError when one is missing."""
    where = [f"--platform={glibc}_{PLATFORMS[arch]}" for glibc in GLIBCS]
    how = [f"--python-version={PYTHON}", "--only-binary=:all:", "--require-hashes", "--no-compile", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *where, *how, f"--target={target}", f"--requirement={lock}"]
    subprocess.run(command, check=True)


def compile_all(folder: Path) -> bool:
    """Compiles by content, not by time; only for the function's own Python."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" != PYTHON:
        return False
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    return bool(compileall.compile_dir(folder, quiet=1, force=True, stripdir=str(folder), invalidation_mode=mode))


def pack(folder: Path, target: Path) -> None:
    """All files below the folder, readable for everybody, in a settled order and without their times."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), NO_TIME)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())


def build(root: Path, target: Path, arch: str, lock: Path | None) -> None:
    """Builds the zip. lock None leaves the packages out, for tests."""
    folder = target.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if lock is not None:
        install(folder, lock, arch)
    for path in our_files(root):
        place = folder / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    is_compiled = compile_all(folder)
    pack(folder, target)
    size = target.stat().st_size / 1048576
    print(f"{target}: {size:.1f} MiB for {arch}, Python {PYTHON}, {'' if is_compiled else 'not '}compiled")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Builds the code for AWS Lambda.")
    parser.add_argument("--arch", choices=sorted(PLATFORMS), default="arm64", help="template.yaml's Architecture")
    parser.add_argument("--requirements", default="requirements", help="which deploy/*.lock; requirements-postgres")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "function.zip")
    given = parser.parse_args(arguments)
    lock = ROOT / "deploy" / f"{given.requirements}.lock"
    if not lock.is_file():
        print(f"There is no {lock.relative_to(ROOT)}.", file=sys.stderr)
        return 2
    try:
        build(ROOT, given.out.resolve(), given.arch, lock)
    except subprocess.CalledProcessError:
        print("The packages could not be had; pip says why above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
