"""Look-ups that hang, fail or move, and connections to hosts of several addresses; no name service is asked."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import ROOT, of_this_test_only

from http1.links import connect
from http1.names import FRESH_S, OLD_S, Address, Names, in_turn

pytestmark = pytest.mark.real_time  # threads look names up


def found(*hosts: str) -> list[Any]:
    """What getaddrinfo gives for a name of these addresses."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, 0, 0, 0))
        if ":" in host
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0))
        for host in hosts
    ]


class Service:
    """A name service: tells `known`, fails for what is not there, and hangs for `silent` until released."""

    def __init__(self, known: dict[str, list[Any]], **bounds: Any) -> None:
        self.known, self.silent, self.asked = known, set[str](), list[str]()
        self.released = threading.Event()
        self.now = 0.0
        self.names = Names(self.look_up, lambda: self.now, **bounds)

    def look_up(self, host: str) -> list[Any]:
        self.asked.append(host)
        if host in self.silent:
            self.released.wait(10)
        if host not in self.known:
            raise socket.gaierror(-2, "Name or service not known")
        return self.known[host]


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service({"a": found("127.0.0.1"), "b": found("127.0.0.2")})
    yield service
    service.released.set()


def places(addresses: list[Address]) -> list[str]:
    return [address.place[0] for address in addresses]


async def test_an_address_in_digits_is_not_looked_up(service: Service) -> None:
    assert places(await service.names.addresses("127.0.0.9")) == ["127.0.0.9"]
    assert (await service.names.addresses("::1"))[0].at(80) == ("::1", 80, 0, 0)
    assert service.asked == []


async def test_found_addresses_are_kept_for_a_while(service: Service) -> None:
    for service.now in (0.0, FRESH_S):
        assert places(await service.names.addresses("a")) == ["127.0.0.1"]
    assert service.asked == ["a"]


async def test_many_who_wait_share_one_look_up(service: Service) -> None:
    service.silent = {"a"}
    waiting = [asyncio.ensure_future(service.names.addresses("a")) for _ in range(40)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    service.released.set()
    assert [places(each) for each in await asyncio.gather(*waiting[1:])] == [["127.0.0.1"]] * 39
    assert service.asked == ["a"]


async def test_hanging_name_holds_up_nobody_else(service: Service) -> None:
    service.silent = {f"silent{number}" for number in range(20)}
    waiting = [asyncio.ensure_future(service.names.addresses(name)) for name in service.silent for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(8):  # less than those wait
        assert places(await service.names.addresses("a")) == ["127.0.0.1"]
    for each in waiting:
        each.cancel()


async def test_look_ups_are_bounded() -> None:
    service = Service({"a": found("127.0.0.1"), "b": found("127.0.0.2")}, max_look_ups=1)
    service.silent = {"a"}
    waiting = asyncio.ensure_future(service.names.addresses("a"))
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="too many names"):
        await service.names.addresses("b")
    service.released.set()
    await waiting
    assert places(await service.names.addresses("b")) == ["127.0.0.2"]


async def test_unknown_name_tells_all_who_wait(service: Service) -> None:
    told = await asyncio.gather(*(service.names.addresses("nowhere") for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in told] == ["[Errno -2] Name or service not known"] * 3
    assert len({id(error) for error in told}) == 3


async def test_last_good_addresses_serve_while_the_service_is_silent() -> None:
    service = Service({"a": found("127.0.0.1")}, patience_s=0.001)
    await service.names.addresses("a")
    service.silent, service.now = {"a"}, FRESH_S + 1
    assert places(await service.names.addresses("a")) == ["127.0.0.1"]
    service.now = OLD_S + 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await service.names.addresses("a")


async def test_last_good_addresses_serve_while_the_name_is_not_found(service: Service) -> None:
    await service.names.addresses("a")
    service.known, service.now = {}, FRESH_S + 1
    assert places(await service.names.addresses("a")) == ["127.0.0.1"]
    service.now = OLD_S + 1
    with pytest.raises(OSError, match="not known"):
        await service.names.addresses("a")


async def test_host_that_moved_is_found_again(service: Service) -> None:
    await service.names.addresses("a")
    service.known, service.now = {"a": found("127.0.0.7")}, FRESH_S + 1
    await service.names.addresses("a")
    assert places(await service.names.addresses("a")) == ["127.0.0.7"]


async def test_address_that_worked_is_tried_first(service: Service) -> None:
    service.known = {"a": found("127.0.0.1", "127.0.0.2", "127.0.0.3")}
    first, second, third = await service.names.addresses("a")
    service.names.worked("a", second)
    assert await service.names.addresses("a") == [second, first, third]
    service.names.failed("a", second)
    assert await service.names.addresses("a") == [first, third, second]


def test_both_families_in_turn() -> None:
    six, four = Address(socket.AF_INET6, ("::1", 0, 0)), Address(socket.AF_INET, ("127.0.0.1",))
    assert in_turn([six, six, six, four]) == [six, four, six, six]
    assert in_turn([four]) == [four]
    assert in_turn([]) == []


def test_process_ends_while_a_look_up_hangs() -> None:
    script = (
        "import asyncio, time\n"
        "from http1.names import Names\n"
        "async def main():\n"
        "    task = asyncio.ensure_future(Names(lambda host: time.sleep(60)).addresses('x'))\n"
        "    await asyncio.sleep(0.01)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=40)  # less than the name takes


# Connections.


@contextmanager
def a_silent_address() -> Iterator[int]:
    """A port of 127.0.0.1 whose queue is full: whoever connects waits."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for each in waiting:
                each.close()


FIRST, SECOND = Address(socket.AF_INET, ("127.0.0.1",)), Address(socket.AF_INET, ("127.0.0.2",))


def n_open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_second_address_is_reached_while_the_first_is_silent() -> None:
    with a_silent_address() as port, socket.create_server(("127.0.0.2", port)):
        before = n_open_files()
        async with asyncio.timeout(20):  # the first one never answers
            sock, address = await connect([FIRST, SECOND], port)
        assert address is SECOND
        sock.close()
        await asyncio.sleep(0.01)
        assert n_open_files() == before


async def test_second_address_is_tried_at_once_when_the_first_refuses() -> None:
    with socket.create_server(("127.0.0.2", 0)) as listening:
        async with asyncio.timeout(20):  # less than the next attempt would wait for a first one that is silent
            sock, address = await connect([FIRST, SECOND], listening.getsockname()[1], next_attempt_s=60.0)
        assert address is SECOND
        sock.close()


async def test_no_address_takes_the_connection() -> None:
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await connect([FIRST, SECOND], port)
    with pytest.raises(OSError, match="no address"):
        await connect([], port)


@pytest.mark.parametrize("n_turns", range(6))
async def test_cancelled_attempts_leave_no_socket_open(n_turns: int) -> None:
    """Cancelled in any turn of the loop, also in that in which a connection is made."""
    of_this_test_only()
    with a_silent_address() as port, socket.create_server(("127.0.0.2", port)):
        before = n_open_files()
        attempt = asyncio.ensure_future(connect([FIRST, SECOND], port, next_attempt_s=0.0))
        for _ in range(n_turns):
            await asyncio.sleep(0)
        if attempt.cancel():
            with pytest.raises(asyncio.CancelledError):
                await attempt
        else:
            attempt.result()[0].close()
        await asyncio.sleep(0.01)
        gc.collect()
        assert n_open_files() == before
