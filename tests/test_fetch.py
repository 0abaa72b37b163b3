"""Asking: bytes, seconds, foreign errors, budgets, circuits; and cutting lists out of streams."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest
from conftest import NOW_MS, a_house, a_perp, a_spot, together
from mocked import Mocked, MockedAnswer
from wires import no_more_files

from asking import circuits, fetch
from asking.bodies import INFLATE_STEP, read_chunks
from asking.budgets import OverBudget, Spending
from asking.circuits import FAILURES_TO_REST, Circuit
from asking.cutter import ArrayCutter
from asking.fetch import Fetcher
from clock import Clock
from exchanges.binance import Binance
from exchanges.bybit import Bybit
from exchanges.endpoints import Budget, Endpoint, Host, ListEndpoint, Wanted, names_and_one
from exchanges.errors import (
    BadResponse,
    Blocked,
    MarketError,
    RateLimited,
    Reason,
    Unavailable,
    UnknownSymbol,
    WrongMarket,
)
from exchanges.gate import Gate
from exchanges.hyperliquid import Hyperliquid
from exchanges.reading import Row
from exchanges.table import EXCHANGES
from exchanges.words import Key, Listing
from http1.client import Transport
from http1.turns import Turns

HOST = Host("X", "x", "https://x.example")
BUDGET = Budget("x weight", 10, 60, is_told=True)


def explain(status: int, body: bytes) -> MarketError:
    kinds: dict[int, type[MarketError]] = {429: RateLimited, 451: Blocked, 400: UnknownSymbol, 500: Unavailable}
    return kinds.get(status, BadResponse)("x", f"HTTP {status}")


STANDING = Clock(lambda: 1_700_000_000.0, lambda: 1000.0)
ENDPOINT: Endpoint[Any] = Endpoint(HOST, "/a?b=c", orjson.loads, explain, BUDGET)
LIST: ListEndpoint[Any] = ListEndpoint(HOST, "/list", (), lambda row: row.json, explain, BUDGET)


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; an exception among them is raised in its turn."""

    def __init__(self, pieces: list[bytes | Exception]) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def a_fetcher(
    answer: httpx.Response | Exception | Callable[[httpx.Request], Awaitable[httpx.Response]], **options: Any
) -> Fetcher:
    async def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else await answer(request)

    return Fetcher(Mocked(handle), **options)


def answer(status: int, *pieces: bytes | Exception, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=Pieces(list(pieces)))


async def listed(fetcher: Fetcher, endpoint: ListEndpoint[Any] = LIST) -> list[Any]:
    found: list[Any] = []
    await fetcher.fetch_items(endpoint, found.extend)
    return found


# One answer.


async def test_fetch_asks_the_target_as_it_is() -> None:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(200, b'{"a"', b":1}")

    assert await a_fetcher(handle).fetch(ENDPOINT) == {"a": 1}
    assert str(seen[0].url) == "https://x.example/a?b=c"
    assert await a_fetcher(handle, urls={"X": "http://127.0.0.1:9/base"}).fetch(ENDPOINT) == {"a": 1}
    assert str(seen[1].url) == "http://127.0.0.1:9/base/a?b=c"


@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [
        (httpx.ConnectError("refused"), Unavailable, Reason.UNREACHABLE),
        (httpx.ConnectTimeout("late"), Unavailable, Reason.LATE),
        (httpx.RemoteProtocolError("closed"), Unavailable, Reason.UNREACHABLE),
        (answer(500, b"<html>"), Unavailable, Reason.UNREACHABLE),
        (answer(302, b"", location="/"), Unavailable, Reason.HTTP_STATUS),
        (answer(429, b"{}"), RateLimited, Reason.RATE_LIMITED),
        (answer(451, b"{}"), Blocked, Reason.BLOCKED),
        (answer(400, b"{}"), UnknownSymbol, Reason.NOT_LISTED),
        (answer(200, b'{"a"', httpx.RemoteProtocolError("cut")), BadResponse, Reason.UNUSABLE),
        (answer(200, b'{"a"', httpx.ReadError("reset")), Unavailable, Reason.UNREACHABLE),
        (answer(200, b"{}", content_length="2000000"), BadResponse, Reason.UNUSABLE),
        (answer(200, *[b"x" * 100_000] * 20), BadResponse, Reason.UNUSABLE),
        (answer(200, b"{}", content_encoding="br"), BadResponse, Reason.UNUSABLE),
        (answer(200, b"no gzip", content_encoding="gzip"), BadResponse, Reason.UNUSABLE),
        (answer(200, gzip.compress(b"{}")[:-9], content_encoding="gzip"), BadResponse, Reason.UNUSABLE),
    ],
)
async def test_fetch_failures(failure: Any, kind: type[MarketError], reason: Reason) -> None:
    with pytest.raises(kind) as caught:
        await a_fetcher(failure).fetch(ENDPOINT)
    assert type(caught.value) is kind
    assert (caught.value.exchange, caught.value.reason) == ("x", reason)


async def test_without_a_file_descriptor_no_exchange_is_blamed() -> None:
    host = HOST._replace(url="http://127.0.0.1:9")
    fetcher = Fetcher(Transport())
    with no_more_files():
        for _ in range(FAILURES_TO_REST + 1):
            with pytest.raises(OverBudget, match="Too many open files"):
                await fetcher.fetch(ENDPOINT._replace(host=host))
            await asyncio.sleep(1)
    assert fetcher.circuits["X"].health().state == "ok"


async def test_fetch_gzip_bomb_stops_early() -> None:
    """50 MiB in 50 KiB: given up at the limit, never unpacked whole."""
    taken = 0

    def count(chunk: bytes) -> None:
        nonlocal taken
        assert len(chunk) <= INFLATE_STEP
        taken += len(chunk)

    bomb = answer(200, gzip.compress(b"0" * 50_000_000), content_encoding="gzip")
    with pytest.raises(BadResponse):
        await read_chunks("x", MockedAnswer(bomb), fetch.MAX_ANSWER, count, Turns())
    assert taken <= fetch.MAX_ANSWER


async def test_fetch_hanging_exchange() -> None:

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(Unavailable, match="no whole answer") as caught:
        await a_fetcher(hang).fetch(ENDPOINT)
    assert caught.value.reason == Reason.LATE


async def test_fetch_posts_what_an_endpoint_asks_to_post() -> None:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(200, b"{}")

    line = Mocked(handle)
    fetcher = Fetcher(line)
    for body in (b'{"type":"meta"}', b'{"type":"other"}', b"", b'{"type":"meta"}'):
        await fetcher.fetch(ENDPOINT._replace(body=body))
    assert [(request.method, request.content) for request in seen] == [
        ("POST", b'{"type":"meta"}'),
        ("POST", b'{"type":"other"}'),
        ("GET", b""),
        ("POST", b'{"type":"meta"}'),
    ]
    assert [request.headers.get("content-type") for request in seen[1:3]] == ["application/json", None]
    assert line.asked[3] is line.asked[0]  # made once


async def test_fetch_posts_again_when_a_kept_connection_is_dead() -> None:
    """The exchange closes after every answer without saying so; nothing is done twice by asking twice."""
    posted: list[bytes] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        posted.append(head.partition(b" ")[0] + b" " + await reader.readexactly(8))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read(1)  # the next request arrives, and is met by a closed door
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = Transport()
    fetcher = Fetcher(transport, {"X": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
    for _ in range(3):
        assert await fetcher.fetch(ENDPOINT._replace(body=b'{"a": 1}')) == {}
    assert posted == [b'POST {"a": 1}'] * 3
    await transport.aclose()
    await asyncio.wait([task for task in serving if task is not None])
    server.close()


async def test_fetch_closes_every_answer() -> None:
    bad = answer(200, b"\xff")
    with pytest.raises(orjson.JSONDecodeError):
        await a_fetcher(bad).fetch(ENDPOINT)
    assert bad.extensions["is_closed"]


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry_after": "7"}, 7),
        ({}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "9" * 400}, 999_999_999),
        ({"x_bapi_limit_reset_timestamp": "1"}, 1),
    ],
)
async def test_fetch_rate_limit_says_how_long(headers: dict[str, str], wait_s: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        await a_fetcher(answer(429, b"{}", **headers)).fetch(ENDPOINT)
    assert caught.value.retry_after_s == wait_s


async def test_fetch_rate_limit_inside_an_answer() -> None:
    def parse(body: bytes) -> None:
        raise RateLimited("x", "too many visits")

    reset_ms = str(int(time.time() * 1000) + 5000)
    with pytest.raises(RateLimited) as caught:
        await a_fetcher(answer(200, b"{}", x_bapi_limit_reset_timestamp=reset_ms)).fetch(ENDPOINT._replace(parse=parse))
    assert caught.value.retry_after_s == pytest.approx(5, abs=0.5)


# Circuits.


async def test_circuit_rests_after_three_failures_and_probes() -> None:
    asked = 0
    ok = False

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return answer(200, b"{}") if ok else answer(500, b"")

    fetcher = a_fetcher(handle)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await fetcher.fetch(ENDPOINT)
        await asyncio.sleep(1)
    assert asked == 3
    circuit = fetcher.circuit(HOST)
    assert circuit.resting_s == pytest.approx(circuits.REST_S - 3)
    ok = True
    await asyncio.sleep(circuits.REST_S)
    assert await fetcher.fetch(ENDPOINT) == {}
    assert (asked, circuit.failures, circuit.resting_s) == (4, 0, 0)


@pytest.mark.parametrize("status", [200, 503])
async def test_circuit_sends_one_probe_only(status: int) -> None:
    """Who asks meanwhile waits for what the probe finds: then all are sent, or none."""
    n_sent = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal n_sent
        n_sent += 1
        await asyncio.sleep(0.05)
        return answer(status, b"{}")

    fetcher = a_fetcher(handle)
    fetcher.circuit(HOST).failures = circuits.FAILURES_TO_REST
    fetcher.circuit(HOST).failed(RateLimited("x", "y", retry_after_s=7))
    await asyncio.sleep(7)
    asked = [asyncio.ensure_future(fetcher.fetch(ENDPOINT)) for _ in range(4)]
    await asyncio.sleep(0.01)
    assert n_sent == 1
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert n_sent == (4 if status == 200 else 1)
    assert all(isinstance(each, dict if status == 200 else MarketError) for each in found)


async def test_a_probe_that_is_given_up_is_followed_by_another() -> None:
    n_sent = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal n_sent
        n_sent += 1
        await asyncio.sleep(0.05)
        return answer(200, b"{}")

    fetcher = a_fetcher(handle)
    fetcher.circuit(HOST).failed(RateLimited("x", "y", retry_after_s=7))
    await asyncio.sleep(7)
    first, second = (asyncio.ensure_future(fetcher.fetch(ENDPOINT)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == {}
    assert n_sent == 2


@together(
    "error, rest_s",
    [
        (RateLimited("x", "y", retry_after_s=7), 7),
        (RateLimited("x", "y"), circuits.RATE_LIMITED_S),
        (Blocked("x", "y"), circuits.BLOCKED_S),
        (Unavailable("x", "y"), 0),
        (BadResponse("x", "y"), 0),
    ],
)
def test_circuit_rests_as_long_as_the_error_says(error: MarketError, rest_s: float) -> None:
    circuit = Circuit("x", "X", STANDING)
    with pytest.raises(type(error)), circuit.watch():
        raise error
    assert circuit.resting_s == rest_s
    if rest_s:
        with pytest.raises(type(error)) as caught, circuit.watch():
            raise AssertionError("asked while resting")
        assert caught.value.reason == error.reason


def test_circuit_older_answers_do_not_end_a_rest() -> None:
    now = 1000.0
    circuit = Circuit("x", "X", Clock(lambda: now, lambda: now))
    older = circuit.watch()
    now += 0.1
    with pytest.raises(RateLimited), circuit.watch():
        raise RateLimited("x", "y", retry_after_s=3600)
    with pytest.raises(RateLimited), circuit.watch():
        raise AssertionError("asked while resting")
    older.__exit__(None, None, None)
    assert circuit.resting_s > 3500
    circuit.failed(Unavailable("x", "timeout"))
    assert circuit.resting_s > 3500


def test_circuit_side_by_side_failures_count_once() -> None:
    circuit = Circuit("x", "X", STANDING)
    for _ in range(5):
        circuit.failed(Unavailable("x", "y"))
    assert (circuit.failures, circuit.resting_s) == (1, 0)


def test_circuit_unknown_symbol_is_an_answer() -> None:
    circuit = Circuit("x", "X", STANDING)
    circuit.failures = 2
    with pytest.raises(UnknownSymbol), circuit.watch():
        raise UnknownSymbol("x", "y")
    assert circuit.failures == 0


@pytest.mark.parametrize(("after_s", "failures"), [(0.9, 0), (1.1, 1)])
def test_circuit_given_up_late_is_a_failure_early_is_not(after_s: float, failures: int) -> None:
    now = 100.0
    circuit = Circuit("x", "X", Clock(lambda: now, lambda: now))
    watch = circuit.watch()
    now += after_s
    watch.__exit__(asyncio.CancelledError, asyncio.CancelledError(), None)
    assert circuit.failures == failures


# Budgets.


def test_spending_slides() -> None:
    spending = Spending(Budget("x", 10, 60))  # 8 of which are ours
    assert [spending.pay(2, now) for now in (0, 1, 2, 3)] == [0, 0, 0, 0]
    assert spending.pay(2, 4) == 56.25
    assert spending.pay(2, 59.5) == 0.75
    assert spending.pay(2, 61.5) == 0


def test_spending_counts_from_the_answer() -> None:
    """A request that took 3 s to be answered may have been counted only then."""
    spending = Spending(Budget("x", 10, 60))
    assert spending.pay(8, 0) == 0
    spending.answered(spending.latest, 3)
    assert spending.pay(1, 61) == 2.25
    assert spending.pay(1, 63.25) == 0


def test_spending_listens_to_the_exchange() -> None:
    spending = Spending(Budget("x", 10, 60))
    spending.pay(1, 0)
    spending.heard(8, 1)
    assert spending.pay(1, 2) == 58.25
    spending.heard(3, 3)  # less than we know of: older news
    assert spending.pay(1, 4) == 56.25


async def test_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://evil.example/"})

    fetcher = Fetcher(Mocked(handle), {"BINANCE_SPOT": "http://spot.test"})
    with pytest.raises(Unavailable) as caught:
        await fetcher.fetch(Binance().spot(a_spot("BTC-USDT")))
    assert caught.value.reason == Reason.HTTP_STATUS
    assert len(asked) == 1


async def test_cursor_that_no_address_can_hold() -> None:
    """Where a list goes on is the exchange's own text."""

    async def handle(request: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    endpoint = Bybit().rights()._replace(target="/v5/position/closed-pnl?cursor=\x00")
    with pytest.raises(BadResponse):
        await Fetcher(Mocked(handle)).fetch_signed(endpoint, Key("a", "b"), Bybit().sign, Bybit().time())


async def test_fetch_holds_back_when_the_budget_is_spent() -> None:
    asked = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return answer(200, b"{}")

    fetcher = a_fetcher(handle)
    for _ in range(8):
        await fetcher.fetch(ENDPOINT)
    with pytest.raises(RateLimited, match="our own budget"):
        await fetcher.fetch(ENDPOINT)
    assert asked == 8
    assert fetcher.circuit(HOST).resting_s == 0  # nothing is wrong with the exchange
    free = a_fetcher(handle, keep_budgets=False)
    for _ in range(9):
        await free.fetch(ENDPOINT)


async def test_fetch_obeys_the_used_weight_header() -> None:
    fetcher = a_fetcher(answer(200, b"{}", x_mbx_used_weight_1m="8"))
    await fetcher.fetch(ENDPOINT)
    with pytest.raises(RateLimited):
        await fetcher.fetch(ENDPOINT)


async def test_fetch_obeys_the_requests_that_are_left() -> None:
    """Gate tells what is left of an endpoint's limit, of which others behind this address may have spent."""
    fetcher = a_fetcher(answer(200, b"{}", x_gate_ratelimit_requests_remain="2"))
    await fetcher.fetch(ENDPOINT)
    with pytest.raises(RateLimited, match="our own budget"):
        await fetcher.fetch(ENDPOINT)


@pytest.mark.parametrize("left", ["9", "10", "500", "", "-1", "many", "２", "1e1", "9" * 20])
async def test_fetch_with_enough_requests_left(left: str) -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        headers = [(b"x-gate-ratelimit-requests-remain", left.encode())]
        return httpx.Response(200, headers=headers, stream=Pieces([b"{}"]))

    fetcher = a_fetcher(handle)
    for _ in range(3):
        assert await fetcher.fetch(ENDPOINT) == {}


async def test_fetch_hears_only_where_it_is_told() -> None:
    quiet = ENDPOINT._replace(budget=BUDGET._replace(name="y weight", is_told=False))
    fetcher = a_fetcher(answer(200, b"{}", x_gate_ratelimit_requests_remain="0", x_mbx_used_weight_1m="10"))
    for _ in range(3):
        assert await fetcher.fetch(quiet) == {}


async def test_fetch_hears_gate_of_one_endpoint_at_a_time() -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        return answer(200, b"[]", x_gate_ratelimit_requests_remain="0" if "spot" in request.url.path else "199")

    fetcher = a_fetcher(handle)
    first, second, elsewhere = (
        Gate().spot(a_spot("BTC-USDT")),
        Gate().spot(a_spot("ETH-USDT")),
        Gate().perp(a_perp("BTC-USDT"))["ticker"],
    )
    await fetcher.fetch(first._replace(parse=orjson.loads))
    with pytest.raises(RateLimited):
        await fetcher.fetch(second._replace(parse=orjson.loads))
    await fetcher.fetch(elsewhere._replace(parse=orjson.loads))


# Lists.


async def test_fetch_items_in_order_whatever_the_chunks() -> None:
    body = json.dumps([{"n": n, "s": 'x},{"'} for n in range(50)]).encode()
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    assert [row["n"] for row in await listed(a_fetcher(answer(200, *pieces)))] == list(range(50))


async def test_fetch_items_gzip() -> None:
    packed = gzip.compress(json.dumps([{"n": n} for n in range(3000)]).encode())
    rows = await listed(a_fetcher(answer(200, packed[:100], packed[100:], content_encoding="gzip")))
    assert len(rows) == 3000


async def test_fetch_items_leaves_out_unwanted_rows() -> None:
    wanted = LIST._replace(row=lambda row: row.get("n") if row.get("n") > 1 else None)
    assert await listed(a_fetcher(answer(200, b'[{"n":1},{"n":2}]')), wanted) == [2]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"b":',
        b'[{"a":1}',
        b'[{"a":1} {"b":2}]',
        b'[{"a":1},]',
        b'[{"a":1},5]',
        b'{"rows":[]}',
        b"",
        b"<html>",
        b'[{"a":1},{"b":"' + b"x" * 70_000 + b'"}]',
        b"[" + b"1," * 70_000 + b"1]",
    ],
)
async def test_fetch_items_bad_lists(body: bytes) -> None:
    with pytest.raises(BadResponse, match=r"^x: "):
        await listed(a_fetcher(answer(200, *[body[i : i + 1000] for i in range(0, len(body), 1000)])))


async def test_fetch_items_too_many() -> None:
    with pytest.raises(BadResponse, match="more than 50000 elements"):
        await listed(a_fetcher(answer(200, b"[", *[b'{"a":1},' * 1000] * 50, b'{"a":1}]')))


async def test_fetch_items_too_long() -> None:
    with pytest.raises(BadResponse, match="longer than 16777216 bytes"):
        await listed(a_fetcher(answer(200, b"[", *[b'{"a":"' + b"x" * 60_000 + b'"},'] * 280)))


TWO_ARRAYS = json.dumps(
    [
        {
            "universe": [{"name": "A"}, {"name": "B},[{", "isDelisted": True}, {"name": "kC"}],
            "tiers": [[1, [{"m": []}]]],
        },
        [{"markPx": str(price), "dayNtlVlm": "9", "impactPxs": ["1", "2"], "premium": None} for price in (1, 2, 3)],
    ]
).encode()


async def test_fetch_items_by_what_stands_before_them() -> None:
    """Hyperliquid's names and figures, cut at every byte."""
    endpoint = Hyperliquid().tickers("perp", NOW_MS)["ticker"]
    for at in range(len(TWO_ARRAYS) + 1):
        rows = await listed(a_fetcher(answer(200, TWO_ARRAYS[:at], TWO_ARRAYS[at:])), endpoint)
        lasts = [(symbol, perp.ticker and perp.ticker.last) for symbol, perp in rows]
        assert lasts == [("A-USDC", 1), ("B},[{-USDC", None), ("1000C-USDC", 0.003)]  # B has been delisted


async def test_fetch_items_by_what_stands_before_them_byte_by_byte() -> None:
    pieces = [TWO_ARRAYS[i : i + 1] for i in range(len(TWO_ARRAYS))]
    rows = await listed(a_fetcher(answer(200, *pieces)), Hyperliquid().tickers("perp", NOW_MS)["ticker"])
    assert [symbol for symbol, _ in rows] == ["A-USDC", "B},[{-USDC", "1000C-USDC"]


async def test_fetch_items_ends_anywhere() -> None:
    endpoint = Hyperliquid().tickers("perp", NOW_MS)["ticker"]
    for at in range(len(TWO_ARRAYS) - 1):  # the last byte closes what is around the list
        with pytest.raises(BadResponse):
            await listed(a_fetcher(answer(200, TWO_ARRAYS[:at])), endpoint)


async def test_fetch_items_makes_a_reader_for_each_answer() -> None:
    heads: list[Any] = []

    def reader(head: Any) -> Callable[[Any], Any]:
        heads.append(head)
        return lambda row: (head["factor"] * row.get("n")) or None

    endpoint = LIST._replace(place=("rows",), reader=reader)
    bodies = [b'{"factor":2,"rows":[{"n":1},{"n":0},{"n":3}],"more":[{"n":9}]}', b'{"factor":5,"rows":[{"n":1}]}']
    found = [await listed(a_fetcher(answer(200, body[:30], body[30:])), endpoint) for body in bodies]
    assert (found, heads) == ([[2, 6], [5]], [{"factor": 2, "rows": []}, {"factor": 5, "rows": []}])


async def test_fetch_items_too_much_before_the_list() -> None:
    names = {"universe": [{"name": f"C{i}"} for i in range(20_000)]}
    with pytest.raises(BadResponse, match="in the first 262144 bytes"):
        await listed(a_fetcher(answer(200, json.dumps([names, []]).encode())), LIST._replace(place=(2,)))


async def test_fetch_items_posts() -> None:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(200, TWO_ARRAYS)

    assert len(await listed(a_fetcher(handle), Hyperliquid().tickers("perp", NOW_MS)["ticker"])) == 3
    assert (seen[0].method, seen[0].content) == ("POST", b'{"type":"metaAndAssetCtxs"}')
    assert (seen[0].headers["content-type"], seen[0].headers["accept-encoding"]) == ("application/json", "gzip")


async def test_fetch_items_refusal() -> None:
    with pytest.raises(Blocked):
        await listed(a_fetcher(answer(451, b"{}")))


async def test_fetch_items_endless() -> None:

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"["
            while True:
                await asyncio.sleep(0.1)
                yield b'{"a":1},'

    with pytest.raises(Unavailable):
        await listed(a_fetcher(httpx.Response(200, stream=Endless())))


def cut(
    body: bytes, place: tuple[str | int, ...], sizes: Callable[[], int], wanted: Wanted | None = None
) -> tuple[list[Any], ArrayCutter]:
    cutter = ArrayCutter("x", place, wanted)
    found: list[Any] = []
    position = 0
    while position < len(body):
        size = sizes()
        found += cutter.feed(body[position : position + size])
        position += size
    return found, cutter


@together(
    "body, place",
    [
        ('[{"a":1}]', ()),
        ('  [ {"a":1} ] ', ()),
        ('{"code":"0","data":[{"a":1}]}', ("data",)),
        ('{"x":"data\\":[","data" : [ {"a":1} ],"data2":[{}]}', ("data",)),
        ('{"other":{"list":[{"b":2}]},"result":{"category":"linear","list":[{"a":1}]},"time":5}', ("result", "list")),
        ('[{"universe":[{"n":"BTC"},{"n":"x],[{"}],"t":[[1,{"m":[{"q":1}]}],[2,{}]]},[{"a":1}]]', (1,)),
    ],
)
def test_cutter_finds_the_place(body: str, place: tuple[str | int, ...]) -> None:
    for size in (1, 3, 1000):
        found, cutter = cut(body.encode(), place, lambda size=size: size)  # type: ignore[misc]
        assert (found, cutter.is_done) == ([{"a": 1}], True)


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b'{"data":[]}'])
def test_cutter_empty_list(body: bytes) -> None:
    found, cutter = cut(body, () if b"data" not in body else ("data",), lambda: 1)
    assert (found, cutter.is_done) == ([], True)


@pytest.mark.no_cover
def test_cutter_same_as_parsing_the_whole() -> None:
    """5,000 random documents, cut anywhere, hold what orjson finds in the whole."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    texts = ["", "}", "{", "},{", '"', '\\"', "\\", "]", "[", "],[", "é", "🚀", "a,b", '{"a":1}', "\n"]

    def value(depth: int) -> Any:
        kind = rng.randrange(7 if depth else 4)
        if kind == 4:
            return {rng.choice(texts): value(depth - 1) for _ in range(rng.randrange(3))}
        if kind == 5:
            return [value(depth - 1) for _ in range(rng.randrange(3))]
        if kind == 6:
            return [{}] * rng.randrange(3)
        return [rng.choice(texts), rng.random(), None, rng.randrange(100)][kind]

    for number in range(5_000):
        rows = [{"n": value(2), rng.choice(texts): value(1)} for _ in range(rng.randrange(5))]
        forms: list[tuple[Any, tuple[str | int, ...]]] = [
            (rows, ()),
            ({"x": value(1), "data": rows, "y": value(1)}, ("data",)),
            ([{"u": value(2)}, rows], (1,)),
        ]
        document, place = rng.choice(forms)
        body = json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, None, 1])).encode()
        found, cutter = cut(body, place, lambda: rng.choice([1, 2, 5, 20, 200]))
        assert found == rows, f"seed {seed}, document {number}: {body!r}"
        assert cutter.is_done, f"seed {seed}, document {number}: {body!r}"


# Rows that are not read, as they are not wanted.


IN_AB = Wanted(b"s", (b"A", b"B"))


def in_ab(rows: list[Any]) -> list[Any]:
    return [row for row in rows if str(row.get("s"))[-1:] in ("A", "B")]


def test_cutter_hands_out_what_is_wanted() -> None:
    body = b'[{"s":"1A","n":5},{"s":"1C"},{"s":"C"},{"s":"B","t":"],"},{"s":"A1"},{"s":"A"}]'
    found, cutter = cut(body, (), lambda: 1000, IN_AB)
    assert [row["s"] for row in found] == ["1A", "B", "A"]
    assert (cutter.n_elements, cutter.is_done) == (6, True)


def test_cutter_hands_out_what_is_wanted_wherever_it_is_cut() -> None:
    """The last row at hand is handed out whatever it is."""
    rows = [{"s": name, "t": text} for name in ("1A", "1C", "1B", "C", "A") for text in ("x", "}", "],")]
    body = json.dumps(rows, separators=(",", ":")).encode()
    for at in range(len(body) + 1):
        found, cutter = cut(body, (), lambda at=at: at or 1000, IN_AB)  # type: ignore[misc]
        assert (in_ab(found), cutter.n_elements, cutter.is_done) == (in_ab(rows), len(rows), True)


@together(
    "body",
    [
        '[{"s": "1C"},{"s": "1A"},{"s": "2C"}]',
        '[{"s":"1C"}, {"s":"1A"}, {"s":"2C"}]',
        '[{"t":1,"s":"1C"},{"t":1,"s":"1A"},{"s":"2C"}]',
        '[{"s":"1C"},{"t":1,"s":"1A"},{"s":"2C"}]',
        r'[{"s":"1\u0041"},{"s":"1C"},{"s":"2C"}]',
        '[{"s":"1C","of":[{"s":"2C"},{"s":"3A"}]},{"s":"4C"}]',
        '[{"s":"1C","t":"},{"},{"s":"1A"}]',
        '[{"s":5},{"s":null},{"s":"1C"}]',
    ],
)
def test_rows_of_another_form_are_all_read(body: str) -> None:
    rows = json.loads(body)
    assert cut(body.encode(), (), lambda: 1000, IN_AB)[0] == rows
    for size in (1, 2, 7):
        found, cutter = cut(body.encode(), (), lambda size=size: size, IN_AB)  # type: ignore[misc]
        assert (in_ab(found), cutter.n_elements, cutter.is_done) == (in_ab(rows), len(rows), True)


@pytest.mark.no_cover
def test_cutter_loses_nothing_that_is_wanted() -> None:
    """2,000 random lists, cut anywhere."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    texts = ["", "A", "C", "}", "{", "},{", '"', '\\"', "\\", "]", ",", "é", '},{"s":"A', "B"]

    def row() -> dict[str, Any]:
        told = {"n": rng.choice((1, "1.5", None, [], [{"s": "A"}, {"s": "C"}]))} if rng.random() < 0.2 else {"n": 5}
        name = {"s": rng.choice("ABCDE") if rng.random() < 0.9 else rng.choice(texts)}
        return {**name, **told, "t": rng.choice(texts)} if rng.random() < 0.95 else {**told, **name}

    for number in range(2000):
        rows = [row() for _ in range(rng.randrange(12))]
        body = json.dumps(rows, ensure_ascii=rng.random() < 0.5, separators=(",", ":")).encode()
        found, cutter = cut(body, (), lambda: rng.choice([1, 5, 20, 200]), IN_AB)
        assert in_ab(found) == in_ab(rows), f"seed {seed}, list {number}: {body!r}"
        assert (cutter.n_elements, cutter.is_done) == (len(rows), True), f"seed {seed}, list {number}: {body!r}"


@pytest.mark.parametrize(
    "body", [b'[{"s":"C"},{"s":"A"', b'[{"s":"C"},{"s":"A"}', b'[{"s":"C"},{"s":"A",}]', b'[{"s":"C"}{"s":"A"}]']
)
async def test_list_of_which_not_all_is_read_has_to_be_whole(body: bytes) -> None:
    with pytest.raises(BadResponse):
        await listed(a_fetcher(answer(200, body)), LIST._replace(wanted=IN_AB))


async def test_rows_that_are_not_wanted_count_as_read(caplog: pytest.LogCaptureFixture) -> None:
    """Two odd ones of five are not more than half, be three of them not wanted."""
    body = b'[{"s":"C"},{"s":"1A","n":"x"},{"s":"D"},{"s":"2A","n":"x"},{"s":"E"}]'
    endpoint = LIST._replace(wanted=IN_AB, row=lambda row: row.needed("n") if row.name("s")[-1] in "AB" else None)
    with caplog.at_level("INFO"):
        assert await listed(a_fetcher(answer(200, body)), endpoint) == []
    assert "2 of 5 rows of a list were left out: n is no number: 'x'" in caplog.text
    with pytest.raises(BadResponse, match="n is no number: 'x'"):
        await listed(a_fetcher(answer(200, body.replace(b"D", b"3B"))), endpoint)


async def test_rows_that_are_not_wanted_are_counted() -> None:
    pieces = [b"[", *[b'{"s":"C"},' * 1000] * 50, b'{"s":"A"}]']
    with pytest.raises(BadResponse, match="more than 50000 elements"):
        await listed(a_fetcher(answer(200, *pieces)), LIST._replace(wanted=IN_AB))


async def test_binance_spot_list_is_read_for_dollars() -> None:
    """As it would be read as a whole, to the bit."""
    async with a_house() as house:
        spot = Binance()
        names, tickers = spot.symbols("spot"), spot.tickers("spot", NOW_MS)["ticker"]
        one = names_and_one(names, tickers, "BTC", is_multiplied=False)
        endpoints: list[ListEndpoint[Any]] = [names, tickers, one]
        for endpoint in endpoints:
            assert endpoint.wanted is not None
            found, whole = list[Any](), list[Any]()
            await house.bot.market.stream(endpoint, found.extend)
            await house.bot.market.stream(endpoint._replace(wanted=None), whole.extend)
            assert len(found) > 100
            assert repr(found) == repr(whole)


@together(
    "row, is_told", [({"lastPrice": "5", "turnover24h": "9"}, True), ({"lastPrice": "", "turnover24h": "0"}, False)]
)
def test_one_market_of_a_list_that_tells_nothing_is_asked_by_itself(row: dict[str, str], is_told: bool) -> None:
    bybit = EXCHANGES["bybit"]
    names = bybit.symbols("spot")
    assert names is not None
    one = names_and_one(names, bybit.tickers("spot", NOW_MS)["ticker"], "X", is_multiplied=True)
    found = one.row(Row("bybit", {"symbol": "XUSDT", **row}))
    assert found is not None
    assert (found[0], found[1] is not None) == ("X-USDT", is_told)


# Which outcomes count.


COUNTS = {
    "BadResponse": True,
    "Blocked": True,
    "ClockWrong": False,
    "Declined": False,
    "Gone": False,
    "LongQuiet": False,
    "NotSupported": False,
    "NotTraded": False,
    "OverBudget": True,  # but nobody was asked: the circuit does not hear of it
    "RateLimited": True,
    "Refused": False,
    "Unavailable": True,
    "UnknownSymbol": False,
    "Unlikely": False,
    "WrongMarket": True,
}


def all_errors(kind: type[MarketError] = MarketError) -> set[type[MarketError]]:
    return {each for direct in kind.__subclasses__() for each in ({direct} | all_errors(direct))}


def test_every_error_says_whether_it_counts() -> None:
    assert {kind.__name__: kind.counts_for_circuit for kind in all_errors()} == COUNTS


@pytest.mark.parametrize("kind", sorted(all_errors(), key=str), ids=str)
async def test_only_silence_bans_and_garbage_open_a_circuit(kind: type[MarketError]) -> None:
    circuit = Circuit("x", "X")
    with pytest.raises(kind), circuit.watch():
        raise kind("x", "y")
    assert circuit.failures == int(COUNTS[kind.__name__] and kind.__name__ != "OverBudget")


@together("names, n_counted", [(["EUR"] * 5, 1), (["EUR", "GBP", "AUD"], 3)])
def test_one_odd_name_opens_no_circuit(names: list[str], n_counted: int) -> None:
    """Asked for again and again it takes its exchange from nobody; an exchange that mixes up many names rests."""
    now = 0.0
    circuit = Circuit("x", "X", Clock(lambda: now, lambda: now))
    for name in names:
        now += 5
        circuit.failed(WrongMarket("x", f"the pair is 'ODD{name}', not '{name}'"))
    assert (circuit.failures, circuit.resting_s > 0) == (n_counted, n_counted == FAILURES_TO_REST)


@together("exchange", EXCHANGES)
@together("status", [400, 401, 404, 405, 410, 422, 499])
@together("body", [b"", b"<html>", b"{}", b'{"code":1}', b'{"retCode":170001}', b'{"label":"NEW"}', b"null"])
def test_any_answered_refusal_says_that_the_host_is_well(exchange: str, status: int, body: bytes) -> None:
    venue = EXCHANGES[exchange]
    kind = venue.kinds[0]
    endpoint = venue.candles(Listing(kind, "X-USD", "X-USD", 1, 1.0), "1h", 2, NOW_MS)
    assert not endpoint.explain(status, body).counts_for_circuit


async def test_fetch_items_one_odd_row_costs_one_row(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"n": 1}, {"n": "x"}, {"n": 3}, {"n": None}, {"n": 5}]
    wanted = LIST._replace(row=lambda row: row.needed("n"))
    with caplog.at_level("INFO"):
        assert await listed(a_fetcher(answer(200, json.dumps(rows).encode())), wanted) == [1, 3, 5]
    assert "2 of 5 rows of a list were left out: n is no number: 'x'" in caplog.text


async def test_fetch_items_mostly_odd_rows_are_no_list() -> None:
    rows = [{"n": 1}, {"n": "x"}, {"n": "y"}]
    with pytest.raises(BadResponse, match="n is no number: 'x'"):
        await listed(a_fetcher(answer(200, json.dumps(rows).encode())), LIST._replace(row=lambda row: row.needed("n")))


async def test_fetch_items_of_lists_that_do_not_belong_together() -> None:
    def read(row: Any) -> Any:
        raise WrongMarket("x", "another's")

    with pytest.raises(WrongMarket):
        await listed(a_fetcher(answer(200, b'[{"n":1}]')), LIST._replace(row=read))
