"""What the image holds, and that it runs read-only, as a user without rights. No container engine is needed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest
from conftest import ADA, ROOT, a_house, together, updated
from house import free_port

import settings
from exchanges import table
from tools import build_lambda

pytestmark = pytest.mark.no_cover  # others reach what these do

NOBODY = 65532
DEFAULT = settings.load({}, table.EXCHANGES)

Instruction = tuple[str, str]


@cache
def instructions() -> list[list[Instruction]]:
    """The Dockerfile's stages, each from its FROM on, as (word, rest)."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    stages: list[list[Instruction]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word.upper() == "FROM":
            stages.append([])
        stages[-1].append((word.upper(), rest.strip()))
    return stages


def the_last(word: str) -> str:
    """What the final stage says last, and so means."""
    return [rest for each, rest in instructions()[-1] if each == word][-1]


def matches(path: PurePosixPath, pattern: str) -> bool:
    """Whether a pattern of .dockerignore or COPY names the path or a folder above it. "*" stops at "/"."""
    parts = pattern.strip("/").split("/")
    any_depth, parts = (parts[0] == "**", parts[1:]) if parts[0] == "**" else (False, parts)
    for end in range(len(parts), len(path.parts) + 1):
        begins = range(end - len(parts) + 1) if any_depth else (0,)
        for begin in begins:
            here = path.parts[begin:end]
            if len(here) == len(parts) and all(fnmatchcase(n, p) for p, n in zip(parts, here, strict=True)):
                return True
    return False


def is_sent(path: PurePosixPath) -> bool:
    """Whether .dockerignore lets the builder have the file: the last line that names it decides."""
    last = next((each for each in reversed(ignored()) if matches(path, each.removeprefix("!"))), "!")
    return last.startswith("!")


@cache
def ignored() -> list[str]:
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@cache
def copied() -> dict[PurePosixPath, PurePosixPath]:
    """The project's files that come into the image, with their places under /app."""
    files = [PurePosixPath(file.relative_to(ROOT).as_posix()) for file in project_files()]
    found: dict[PurePosixPath, PurePosixPath] = {}
    for stage in instructions():
        for word, rest in stage:
            if word != "COPY" or rest.startswith("--from"):
                continue
            *patterns, target = [part for part in rest.split() if not part.startswith("--")]
            for pattern in patterns:
                of_pattern = [file for file in files if is_sent(file) and (pattern == "." or matches(file, pattern))]
                assert of_pattern, f"COPY {pattern} finds nothing"
                if not target.startswith("/"):
                    found |= {file: file if pattern == "." else PurePosixPath(target, file.name) for file in of_pattern}
    return found


def project_files() -> Iterator[Path]:
    """All but other people's: environments, caches, git's own."""
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if not name.startswith(".") and not (Path(folder) / name / "bin").is_dir()]
        yield from (Path(folder, file) for file in files)


# What the files say.


def test_base_is_pinned_and_one() -> None:
    """All stages come from the first one, which names Python's newest patch and the state of it that is meant."""
    bases = [rest.split() for stage in instructions() for word, rest in stage if word == "FROM"]
    assert re.fullmatch(r"python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases[0][0])
    assert bases[0][1:] == ["AS", "base"]
    assert {base[0] for base in bases[1:]} == {"base"}


def test_library_of_the_base_is_compiled() -> None:
    """Wherever the base's Python says that it is."""
    (command,) = [rest for word, rest in instructions()[0] if word == "RUN"]
    compiled, _, where = command.removesuffix(')"').partition('"$(')
    assert shlex.split(compiled)[:3] == ["python", "-m", "compileall"]
    said = subprocess.run([sys.executable, *shlex.split(where)[1:]], capture_output=True, text=True, check=True).stdout
    assert said.strip() == sysconfig.get_path("stdlib")


def test_packages_are_checked_by_their_hashes() -> None:
    (command,) = [rest for stage in instructions() for word, rest in stage if word == "RUN" and "pip install" in rest]
    assert "--require-hashes" in command.split()
    (name,) = [rest for stage in instructions() for word, rest in stage if word == "ARG" and "=r" in rest]
    assert (ROOT / "deploy" / f"{name.partition('=')[2]}.lock").is_file()


def test_user_has_no_rights() -> None:
    user, group = the_last("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0  # files belong to group 0, and may be writable for it
    words = [word for word, _ in instructions()[-1]]
    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :])


def test_command_gets_the_signals() -> None:
    """The exec form: with a shell before it the process would never hear SIGTERM."""
    command = json.loads(the_last("CMD"))
    assert command == ["python", "webhook_server.py"]
    assert "ENTRYPOINT" not in [word for word, _ in instructions()[-1]]


def test_no_health_check_starts_an_interpreter() -> None:
    assert "HEALTHCHECK" not in [word for stage in instructions() for word, _ in stage]


def test_port_is_the_default() -> None:
    assert int(the_last("EXPOSE")) == DEFAULT.port


def test_volume_belongs_to_the_user() -> None:
    """A new volume takes over the folder's owner; with another one nothing could be written."""
    (made,) = [rest for word, rest in instructions()[-1] if word == "RUN"]
    user, group = the_last("USER").split(":")
    assert made == f"install -d -o {user} -g {group} /data"


def test_every_imported_module_is_copied() -> None:
    """Only the offline world stays out: it is imported with --demo alone."""
    script = (
        "import sys, json, webhook_server, serving, bot\n"
        "print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]))\n"
    )
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = {Path(file).resolve() for file in json.loads(out)}
    ours = {PurePosixPath(file.relative_to(ROOT).as_posix()) for file in files & set(project_files())}
    assert PurePosixPath("exchanges/okx.py") in ours
    assert ours - set(copied()) == set()
    assert all(place == file for file, place in copied().items())


NOT_SENT = """
.env .env.home .git/config .venv/lib/a.py venv/lib/a.py exchanges/.secret.py __pycache__/bot.pyc
exchanges/__pycache__/okx.pyc tests/test_image.py tests/data/a.json demo/page.html demo/web.py bench/run.py
tools/lock.py build/function/bot.py data/bot.db README.md Dockerfile fly.toml deploy/grafana.json
"""


@together("path", NOT_SENT.split())
def test_builder_does_not_get(path: str) -> None:
    assert not is_sent(PurePosixPath(path))


@together("path", ["deploy/requirements.lock", "bot.py", "exchanges/okx.py", "a_new_room/a.py"])
def test_builder_gets(path: str) -> None:
    assert is_sent(PurePosixPath(path))


def test_rooms_hold_nothing_that_is_left_out() -> None:
    """A room with another kind of file than .py would lose it: then .dockerignore has to let that kind in."""
    here = copied()
    rooms = {path.parts[0] for path in here if "/" in str(path)} - {"deploy"}
    ours = [PurePosixPath(path.relative_to(ROOT).as_posix()) for path in project_files() if path.suffix != ".pyc"]
    assert "exchanges" in rooms
    assert [str(path) for path in ours if path.parts[0] in rooms and path not in here] == []


def test_lambda_gets_what_the_image_gets() -> None:
    """Two readers of one list, .dockerignore, written apart."""
    ours = {PurePosixPath(path.relative_to(ROOT).as_posix()) for path in build_lambda.our_files(ROOT)}
    assert ours == {path for path in copied() if ".venv" not in path.parts}


# The files, laid out as in the image.


@contextmanager
def an_image(*, compiled: bool = False) -> Iterator[Path]:
    """/app of the image, read-only for the user whom it runs as."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app")
        for source, place in copied().items():
            (app / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / source, app / place)
        if compiled:
            run = [rest for stage in instructions() for word, rest in stage if word == "RUN" and " /app" in rest]
            command = next(part for part in run[0].split("&&") if "compileall" in part)
            words = [str(app) if word == "/app" else word for word in shlex.split(command) if word != "/packages"]
            subprocess.run([sys.executable, *words[1:]], check=True)
        Path(folder).chmod(0o755)
        for path in app.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        app.chmod(0o555)
        yield app
        for path in (app, *app.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)


def as_nobody(folder: Path) -> dict[str, Any]:
    """Arguments of Popen: the image's user where we may become it and it may run this Python, else ourselves."""
    return AS_NOBODY if os.getuid() == 0 and may_run(folder.parent.parent) else {}


AS_NOBODY: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}


@cache
def may_run(folder: Path) -> bool:
    try:
        done = subprocess.run([sys.executable, "-c", "import httpx, orjson, h11"], cwd=folder, **AS_NOBODY, check=False)
    except OSError:
        return False
    return done.returncode == 0


@contextmanager
def in_image(app: Path, arguments: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process of the image; a line that it does not print in time ends it."""
    of_image = dict(part.split("=", 1) for word, rest in instructions()[-1] if word == "ENV" for part in rest.split())
    of_image |= {name: "" for name, value in of_image.items() if value.startswith("$")}  # a build argument not given
    of_image.pop("PYTHONPATH", None)  # here the packages are this Python's own
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=app,
        env={"PATH": os.environ["PATH"], **of_image, "DATA_DIR": str(app.parent / "data"), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **as_nobody(app),
    )
    end_of_patience = threading.Timer(60, process.kill)
    end_of_patience.start()
    try:
        yield process
    finally:
        end_of_patience.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until_it_serves(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = ""
    while line := process.stdout.readline():
        said += line
        if "serving on port" in line:
            return
    raise AssertionError(f"it does not serve:\n{said}")


@pytest.mark.real_time
async def test_image_answers_and_lets_an_open_request_finish() -> None:
    async with a_house() as house, httpx.AsyncClient(trust_env=False, verify=False, timeout=20) as client:
        url = f"http://127.0.0.1:{(port := free_port())}"
        environ = {**house.world.environ, "TELEGRAM_CHAT_ID": str(ADA), "PORT": str(port)}
        house.world.set_latency(0.4)
        with an_image() as app, in_image(app, json.loads(the_last("CMD"))[1:], environ) as process:
            before = sorted(app.rglob("*"))
            await asyncio.to_thread(wait_until_it_serves, process)
            assert (await client.get(f"{url}/health")).json()["status"] == "ok"
            secret = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
            asking = asyncio.ensure_future(client.post(f"{url}/webhook", json=updated("/price BTC"), headers=secret))
            async with asyncio.timeout(10):
                while not (await client.get(f"{url}/health")).json()["updates_in_work"]:
                    pass
            process.send_signal(signal.SIGTERM)
            response = await asking
            assert (response.status_code, "<b>BTC " in response.json()["text"]) == (200, True)
            out = (await asyncio.to_thread(process.communicate))[0]
            assert process.returncode == 0, out
            assert "Traceback" not in out
            assert sorted(app.rglob("*")) == before, "something was written into the image"


def test_image_ends_at_once_when_idle() -> None:
    environ = {"TELEGRAM_BOT_TOKEN": "123456:TEST-unknown", "PORT": str(free_port())}
    with an_image() as app, in_image(app, json.loads(the_last("CMD"))[1:], environ) as process:
        wait_until_it_serves(process)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out = process.communicate()[0]
        assert (process.returncode, time.monotonic() - began < 9) == (0, True), out  # open requests may take 10 s


def test_compiled_files_are_used_when_file_times_are_rounded() -> None:
    """Layers hold whole seconds, and some builders round them up: every start would then compile anew."""
    with an_image(compiled=True) as app:
        for path in app.rglob("*.py"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 1))
        with in_image(app, ["-v", "-c", "import webhook_server"], {}) as process:
            out = process.communicate()[0]
        assert process.returncode == 0, out
        assert "bytecode is stale" not in out
        assert len(re.findall(rf"matches {re.escape(str(app))}/", out)) > 20


def test_files_of_a_private_checkout_can_be_read() -> None:
    """With umask 077 a checkout's files are readable for their owner alone, and COPY keeps that."""
    of_app = [rest for stage in instructions() for word, rest in stage if word in ("RUN", "COPY")]
    assert any(re.search(r"chmod -R [\w,+=-]*a\+rX.* /app|--chmod=", rest) for rest in of_app)
