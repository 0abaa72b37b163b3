"""Where hosts are: name look-ups that cannot take anybody else down.

The system's getaddrinfo blocks, for half a minute where a name service is silent, and cannot be stopped. Threads of
the loop's own executor are few and shared, and the process waits for them at its end. So each look-up here has a
thread of its own, one for each host at a time, which ends with the process; whoever waits for a look-up waits only for
that of their host. The last good addresses are kept and used while a newer look-up is slow or fails.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

FRESH_S = 60.0  # an exchange that moves away tells of it in a time to live of about this
OLD_S = 3600.0  # for so long the last good addresses serve where no newer are to be had
PATIENCE_S = 0.3  # for a newer look-up, where there are old ones
MAX_LOOK_UPS = 32  # threads at once: one for each host there is, and some
MAX_HOSTS = 128  # remembered
MAX_ADDRESSES = 8  # of a host


class Address(NamedTuple):
    family: int
    place: tuple[Any, ...]  # as connect() wants it, without the port: the host, and what IPv6 has after its port

    def at(self, port: int) -> tuple[Any, ...]:
        return (self.place[0], port, *self.place[1:])


class _Host:
    """What is known of one host's addresses."""

    __slots__ = ("addresses", "found_at", "looking_up", "worked")

    def __init__(self) -> None:
        self.addresses: list[Address] = []
        self.found_at = 0.0
        self.worked: Address | None = None  # the last one that took a connection
        self.looking_up: asyncio.Future[OSError | None] | None = None

    def in_order(self, addresses: list[Address]) -> list[Address]:
        """The one that worked first."""
        return sorted(addresses, key=lambda each: each != self.worked)


LookUp = Callable[[str], list[Any]]


def _look_up(host: str) -> list[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class Names:
    """Looks hosts up. look_up blocks, and gives what getaddrinfo does."""

    def __init__(
        self,
        look_up: LookUp = _look_up,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
        max_look_ups: int = MAX_LOOK_UPS,
    ) -> None:
        self._patience_s, self._max_look_ups = patience_s, max_look_ups
        self._look_up, self._clock = look_up, clock
        self._hosts: dict[str, _Host] = {}
        self._n_looking_up = 0

    async def addresses(self, host: str) -> list[Address]:
        """The host's addresses in the order in which to try them. Raises OSError.

        Waits as long as a first look-up takes: the caller says how long that may be.
        """
        written_out = _as_written(host)
        if written_out is not None:
            return [written_out]
        known = self._hosts.get(host) or self._remember(host)
        age_s = self._clock() - known.found_at
        if known.addresses and age_s <= FRESH_S:
            return known.addresses
        if known.looking_up is None:
            self._start(host, known)
        may_use_old = bool(known.addresses) and age_s <= OLD_S
        looking_up = known.looking_up
        if looking_up is not None:  # shared: whoever is cancelled leaves it to the others
            await asyncio.wait([looking_up], timeout=self._patience_s if may_use_old else None)
        if may_use_old:
            return known.addresses
        error = looking_up.result() if looking_up is not None else OSError("too many names are being looked up")
        if error is not None:
            raise OSError(*error.args)  # one of many who waited: each has an error of its own
        return known.addresses

    def worked(self, host: str, address: Address) -> None:
        """This address took a connection: it is tried first from now on."""
        known = self._hosts.get(host)
        if known is not None and known.worked is not address:
            known.worked = address
            known.addresses = known.in_order(known.addresses)

    def failed(self, host: str, address: Address) -> None:
        """This address took a connection and made nothing of it: it is tried last."""
        known = self._hosts.get(host)
        if known is not None and address in known.addresses:
            known.worked = None
            known.addresses = [*(each for each in known.addresses if each != address), address]

    def _remember(self, host: str) -> _Host:
        if len(self._hosts) >= MAX_HOSTS:
            idle = next((name for name, each in self._hosts.items() if each.looking_up is None), None)
            if idle is not None:
                del self._hosts[idle]
        known = self._hosts[host] = _Host()
        return known

    def _start(self, host: str, known: _Host) -> None:
        if self._n_looking_up >= self._max_look_ups:
            return
        loop = asyncio.get_running_loop()

        def work() -> None:
            outcome: list[Any] | OSError
            try:
                outcome = self._look_up(host)
            except (OSError, UnicodeError) as error:  # UnicodeError: no name at all
                outcome = OSError(*error.args) if isinstance(error, OSError) else OSError(str(error))
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._found, known, outcome)

        with suppress(RuntimeError):  # no more threads are to be had
            threading.Thread(target=work, name=f"look-up of {host[:40]}", daemon=True).start()
            known.looking_up = loop.create_future()
            self._n_looking_up += 1

    def _found(self, known: _Host, outcome: list[Any] | OSError) -> None:
        looking_up, known.looking_up = known.looking_up, None
        self._n_looking_up -= 1
        error = outcome if isinstance(outcome, OSError) else None
        if not isinstance(outcome, OSError):
            known.addresses = known.in_order(in_turn([_address(family, to) for family, _, _, _, to in outcome]))
            known.found_at = self._clock()
            error = None if known.addresses else OSError("the name has no address")
        assert looking_up is not None
        if not looking_up.done():
            looking_up.set_result(error)


def _address(family: int, place: tuple[Any, ...]) -> Address:
    """Of one of getaddrinfo's, whose second part is a port."""
    return Address(family, (place[0], *place[2:]))


def _as_written(host: str) -> Address | None:
    """The address that a host's name is, in digits; None for a name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return None
    return Address(family, (host, 0, 0) if family == socket.AF_INET6 else (host,))


def in_turn(addresses: Sequence[Address]) -> list[Address]:
    """At most MAX_ADDRESSES, both families in turn, so that a broken one costs one attempt (RFC 8305 §4)."""
    if not addresses:
        return []
    first = [each for each in addresses if each.family == addresses[0].family]
    second = [each for each in addresses if each.family != addresses[0].family]
    mixed = chain.from_iterable(zip_longest(first, second))
    return [each for each in mixed if each is not None][:MAX_ADDRESSES]
