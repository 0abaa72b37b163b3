"""Processes of the product that do not read it from disk each: one has imported it all, and they are forks of it.

That is the better part of what a short process costs. A fork runs the file or module that is named as the main one,
with arguments, environment and output of its own, and ends as any process does. What a start from nothing takes and
does is shown where coverage is counted (`.ci/run`), as nothing is forked there, and by the tests of the image, of
Lambda and of the documents.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ("webhook_server.py", "bot.py")
MODULES = ("pytest", "awslambdaric")
MAX_REQUEST = 64 * 1024  # bytes of arguments and environment


def can_fork(arguments: list[str]) -> bool:
    is_counted = any(name.startswith("COV") for name in os.environ)
    is_known = arguments[0] in FILES or (arguments[0] == "-m" and arguments[1] in MODULES)
    return is_known and not is_counted and hasattr(os, "pidfd_open")


class Fork:
    """A process as `subprocess.Popen` has it, as far as the tests ask; its errors are in its output."""

    def __init__(self, arguments: list[str], environ: dict[str, str], folder: Path = ROOT, log: int = -1) -> None:
        """log: a file that its output goes to, instead of to `stdout`."""
        self._arguments = arguments
        out, written = os.pipe()
        told, telling = os.pipe()
        self.stdout, self._told = os.fdopen(out, encoding="utf-8"), os.fdopen(told, "rb", buffering=0)
        request = json.dumps([arguments, environ, str(folder)]).encode()
        try:
            socket.send_fds(_ready(), [request], [written if log < 0 else log, telling])
        finally:
            os.close(written)
            os.close(telling)
        self.pid = int.from_bytes(self._told.read(4), "big")
        self.returncode: int | Any = None  # until it has ended, as with `subprocess.Popen`

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        code: int | None = self.returncode
        return code

    def wait(self) -> None:
        """Until it has ended."""
        if self.returncode is None:
            self.returncode = int.from_bytes(self._told.read(4), "big", signed=True)
        self._told.close()
        self.stdout.close()

    def communicate(self, timeout: float) -> tuple[str, None]:
        """What it still says, once it has ended, and its exit code is known."""
        if not select.select([self._told], [], [], timeout)[0]:
            self.kill()
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        said = self.stdout.read()
        self.wait()
        return said, None


@cache
def _ready() -> socket.socket:
    """Where the process that has imported all of it listens; it ends with this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-u", __file__, str(its.fileno())], cwd=ROOT, pass_fds=[its.fileno()]
        )

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


# In the process that is forked.


def _serve(asked: socket.socket) -> tuple[list[str], int] | None:
    """Forks for every request. Gives, in a fork, what it shall run and where to write; None at the end."""
    running: dict[int, tuple[int, int]] = {}  # by the file that tells of an end: the process, and whom to tell
    while True:
        ready = select.select([asked.fileno(), *running], [], [])[0]
        for ended in running.keys() & ready:
            _tell_the_end(ended, *running.pop(ended))
        if asked.fileno() not in ready:
            continue
        request, given, _, _ = socket.recv_fds(asked, MAX_REQUEST, 2)
        if not request:
            return None
        (arguments, environ, folder), (output, telling) = json.loads(request), given
        if arguments[0] == "-m":
            __import__(arguments[1])
        if not (pid := os.fork()):
            _close(asked.detach(), telling, *running, *(each for _, each in running.values()))
            os.environ.clear()
            os.environ.update(environ)
            os.chdir(folder)
            return arguments, output
        _close(output)
        os.write(telling, pid.to_bytes(4, "big"))
        running[os.pidfd_open(pid)] = pid, telling


def _close(*files: int) -> None:
    for file in files:
        os.close(file)


def _tell_the_end(file: int, pid: int, telling: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(telling, code.to_bytes(4, "big", signed=True))
    _close(file, telling)


def _main() -> None:
    sys.path[0] = str(ROOT)
    import bot  # noqa: F401
    import demo  # noqa: F401
    import serving  # noqa: F401

    gc.freeze()
    asked = socket.socket(fileno=int(sys.argv[1]))
    fork = _serve(asked)
    if fork is None:
        return
    arguments, output = fork
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    random.seed()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")


if __name__ == "__main__":
    _main()
