"""The words of our client: a request as it is sent, an answer as it comes, and what may go wrong between them.

Names are httpx's, which everybody knows; httpx itself costs 5 MiB and a third of the time of a start (and 11 MiB where
what it shows on a terminal is installed as well).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote, urlsplit

PORTS = {"http": 80, "https": 443}

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+")
_HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*")
_AS_THEY_ARE = "".join(map(chr, range(0x21, 0x7F)))  # in a target; anything beyond is sent as UTF-8 in percent signs


class LineError(Exception):
    """There is no whole answer.

    LineError
      LocalProtocolError     the request cannot be sent as it is
      NotSent                nobody has seen the request
        ConnectError
        ConnectTimeout
        PoolTimeout          too many connections are open
      ReadError
      ReadTimeout
      RemoteProtocolError    what came is no answer (RFC 9112), or more than one
    """

    is_late = False


class LocalProtocolError(LineError):
    pass


class NotSent(LineError):
    pass


class ConnectError(NotSent):
    pass


class ConnectTimeout(NotSent):
    is_late = True


class PoolTimeout(NotSent):
    is_late = True


class ReadError(LineError):
    pass


class ReadTimeout(LineError):
    is_late = True


class RemoteProtocolError(LineError):
    pass


class Timeouts(NamedTuple):
    """Seconds: for a place among the open connections, to connect, and between two reads. None: no bound here."""

    pool: float | None = None
    connect: float | None = None
    read: float | None = None


NO_TIMEOUTS = Timeouts()


class Asked(NamedTuple):
    """A request as bytes, made once, and where it goes. is_repeatable: that it comes twice does no harm."""

    place: tuple[str, str, int]  # scheme, host, port
    sent: bytes
    has_body: bool  # of the answer
    is_repeatable: bool


class Answer(Protocol):
    """An answer whose head has come. Names of headers are in lower case; a repeated one's values are joined."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def is_whole(self) -> bool:
        """Whether its last byte has been read: then `read` need not be asked for the end."""
        ...

    def at_hand(self) -> bytes | None:
        """The body's next piece, where one has come: b"" is its end, None says that one is to be waited for. Raises
        LineError."""
        ...

    async def read(self) -> bytes:
        """The body's next piece; b"" is its end. Raises LineError."""
        ...

    def close(self) -> None:
        """Lets the connection go: always, whatever was read."""
        ...


class Line(Protocol):
    """Sends requests; `client.Transport` is the real one."""

    async def send(self, asked: Asked, timeouts: Timeouts = NO_TIMEOUTS) -> Answer:
        """The answer, as soon as its head is there. Raises LineError."""
        ...

    async def aclose(self) -> None: ...


def to_ask(
    method: str, url: str, headers: Mapping[str, str], content: bytes = b"", *, is_repeatable: bool = False
) -> Asked:
    """The request as it is sent (RFC 9112 §3). A GET is repeatable in any case.

    Raises LocalProtocolError, without the value that is wrong.
    """
    place, host, target = _place(url)
    named = {"Host": host, **headers}
    if content or method == "POST":
        named["Content-Length"] = str(len(content))
    try:
        line = f"{method} {target}".encode("ascii")
        lines = [f"{name}: {value}".encode("latin-1") for name, value in named.items()]
    except UnicodeEncodeError:
        raise LocalProtocolError("the request has a target or header that cannot be sent") from None
    if not _REQUEST_LINE.fullmatch(line) or not all(_HEADER.fullmatch(each) for each in lines):
        raise LocalProtocolError("the request has a target or header that cannot be sent")
    sent = b"\r\n".join([line + b" HTTP/1.1", *lines, b"", content])
    return Asked(place, sent, method != "HEAD", is_repeatable or method == "GET")


def _place(url: str) -> tuple[tuple[str, str, int], str, str]:
    """Where a url leads: scheme, host and port; the host as the server is told of it; path and query."""
    if not url.isprintable():  # urlsplit would leave line ends out without a word
        raise LocalProtocolError("the address has characters that no address has")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("ascii" if url.isascii() else "idna").decode()
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):  # UnicodeError is one
        host = ""
    if not host:
        raise LocalProtocolError("the address is none of http or https") from None
    named = f"[{host}]" if ":" in host else host
    named = named if port == PORTS[parts.scheme] else f"{named}:{port}"
    target = quote(f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}", _AS_THEY_ARE)
    return (parts.scheme, host, port), named, target
