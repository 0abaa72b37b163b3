"""The HTTP server spoken to by http.client, httpx and raw bytes."""

from __future__ import annotations

import asyncio
import errno
import http.client
import socket
import struct
from contextlib import ExitStack, suppress

import h11
import httpx
import pytest
from conftest import together
from wires import a_server, answer, connect, echo, exchange, is_gone, no_more_files, post, served

from http1.heads import http_date, usual_head
from http1.server import BACKLOG, WRITE_S, Request, Response, Serve, Server


async def nobody(max_bytes: int) -> bytes:
    return b""


async def gives_much(request: Request) -> Response:
    return Response(200, b"x" * 30_000_000)


async def takes_much(request: Request) -> Response:
    return Response(200, str(len(await request.body())).encode())


async def test_http_client_of_the_standard_library() -> None:
    async with a_server() as (_, port):

        def ask() -> tuple[int, bytes, int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/a", b"one")
            first = connection.getresponse()
            body = first.read()
            connection.request("GET", "/b?c=d")
            second = connection.getresponse()
            result = first.status, body, second.status, second.read()
            connection.close()
            return result

        assert await asyncio.to_thread(ask) == (200, b"POST /a one", 200, b"GET /b ")


async def test_httpx_keeps_the_connection() -> None:
    async with a_server() as (server, port), httpx.AsyncClient(trust_env=False, verify=False) as client:
        for _ in range(3):
            response = await client.post(f"http://127.0.0.1:{port}/x", content=b"hello")
            assert response.text == "POST /x hello"
        assert server.n_connections == 1


async def test_bytes_one_at_a_time() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        for byte in post(b"hello", "/drip"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[2] == b"POST /drip hello"
        writer.close()


async def test_pipelined_requests_in_order() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(post(b"1", "/slow") + post(b"2") + b"GET /three HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(await answer(reader))[2] for _ in range(3)] == [b"POST /slow 1", b"POST / 2", b"GET /three "]
        writer.close()


async def test_chunked_body() -> None:
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with a_server() as (_, port):
        status, _, body = await exchange(port, sent)
        assert (status, body) == (200, b"POST / abcde")


async def test_head_has_length_without_body() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 8" in head
        assert (await answer(reader))[2] == b"GET /y "
        writer.close()


async def test_expect_continue() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"ok")
        assert (await answer(reader))[2] == b"POST / ok"
        writer.close()


async def test_refusal_before_the_body_is_read() -> None:
    """The client never sends its body, and is answered nevertheless."""
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        status, headers, body = await answer(reader)
        assert (status, body, headers["x-why"], headers["connection"]) == (401, b'{"error":"no"}', "because", "close")
        writer.close()


async def test_refusal_reaches_a_client_that_is_still_sending() -> None:
    async with a_server() as (_, port):

        def ask() -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/refuse", b"x" * 2_000_000)
            status = connection.getresponse().status
            connection.close()
            return status

        assert await asyncio.to_thread(ask) == 401


async def test_body_that_is_declared_too_large_is_not_waited_for() -> None:
    """Nor is it called for by 100 Continue."""
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        assert (await answer(reader))[0] == 413
        writer.close()


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_body_too_large(framing: str) -> None:
    body = b"x" * 1001
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + b"\r\n0\r\n\r\n"
    async with a_server() as (_, port):
        status, _, text = await exchange(port, post(body) if framing == "length" else chunked)
        assert status == 413
        assert text == b'{"error":"the body is larger than 1000 bytes"}'


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
    ],
)
async def test_malformed_head(sent: bytes, status: int) -> None:
    async with a_server() as (_, port):
        got, headers, _ = await exchange(port, sent)
        assert (got, headers["connection"]) == (status, "close")


async def test_cut_body() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(post(b"hello")[:-2])
        writer.write_eof()
        assert (await answer(reader))[0] == 400
        writer.close()


async def test_crash_tells_nothing() -> None:
    async with a_server() as (_, port):
        assert (await exchange(port, b"GET /crash HTTP/1.1\r\nHost: x\r\n\r\n"))[::2] == (
            500,
            b'{"error":"internal error"}',
        )


async def test_without_a_file_descriptor_a_client_waits_and_one_line_a_second_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    async with a_server() as (_, port):
        with socket.socket() as client:
            client.setblocking(False)
            with no_more_files():
                await loop.sock_connect(client, ("127.0.0.1", port))
                await asyncio.sleep(2.5)
            assert 1 <= sum("out of system resource" in each.message for each in caplog.records) <= 4
            await loop.sock_sendall(client, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await loop.sock_recv(client, 100)).startswith(b"HTTP/1.1 200 ")


async def test_as_many_clients_as_ever_wait_to_be_accepted() -> None:
    async with a_server() as (_, port):
        with ExitStack() as clients:
            for _ in range(BACKLOG):  # none is accepted meanwhile, as the loop does not turn
                clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1))


async def test_an_answer_that_needs_a_file_descriptor_is_503(caplog: pytest.LogCaptureFixture) -> None:
    async def full(request: Request) -> Response:
        raise OSError(errno.EMFILE, "Too many open files")

    async with a_server(full) as (_, port):
        status, headers, body = await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["retry-after"], body) == (503, "30", b'{"error":"too many files are open"}')
    assert [(each.message, each.exc_info) for each in caplog.records] == [
        ("a request is refused: [Errno 24] Too many open files", None)
    ]


async def test_slow_head_is_dropped_while_others_are_served() -> None:
    async with a_server() as (_, port):
        slow_reader, slow_writer = await connect(port)
        slow_writer.write(b"GET / HTTP/1.1\r\nHo")
        assert (await exchange(port, post(b"quick")))[0] == 200
        assert (await answer(slow_reader))[0] == 408
        assert await slow_reader.read() == b""
        slow_writer.close()


async def test_slow_body_is_dropped() -> None:
    async with a_server() as (_, port):
        assert (await exchange(port, post(b"hello")[:-1]))[0] == 408


async def test_idle_connection_is_closed() -> None:
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        assert await reader.read() == b""
        writer.close()


async def test_oldest_idle_connection_makes_room() -> None:
    async with a_server(max_connections=2) as (server, port):
        oldest, newer = await connect(port), await connect(port)
        newer[1].write(post(b"warm"))
        await answer(newer[0])
        newest = await connect(port)
        newest[1].write(post(b"new"))
        assert (await answer(newest[0]))[0] == 200
        assert await oldest[0].read() == b""
        newer[1].write(post(b"still here"))
        assert (await answer(newer[0]))[2] == b"POST / still here"
        assert server.n_refused == 0
        for _, writer in (oldest, newer, newest):
            writer.close()


@pytest.mark.real_time  # nobody waits
async def test_endless_pipelines_keep_nobody_waiting() -> None:
    """Twenty connections send requests without end; one more is served all the same."""
    async with a_server() as (_, port):
        stopped = asyncio.Event()

        async def flood() -> None:
            reader, writer = await connect(port)
            while not stopped.is_set():
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
                await asyncio.wait([asyncio.ensure_future(writer.drain())], timeout=0.05)
                await reader.read(65536)
            writer.close()

        floods = [asyncio.ensure_future(flood()) for _ in range(20)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(30):  # they never end
            for _ in range(3):
                assert (await exchange(port, post(b"genuine")))[2] == b"POST / genuine"
        stopped.set()
        await asyncio.gather(*floods)


async def test_refused_senders_make_room() -> None:
    """Whoever was refused and does not go away holds no place."""
    async with a_server(max_connections=3) as (server, port):
        lingering = [await connect(port) for _ in range(3)]
        for reader, writer in lingering:
            writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            assert (await answer(reader))[0] == 401
        assert (await exchange(port, post(b"genuine")))[2] == b"POST / genuine"
        assert server.n_refused == 0
        for _, writer in lingering:
            writer.close()


async def test_requests_in_work_never_make_room() -> None:
    release = asyncio.Event()

    async def wait(request: Request) -> Response:
        await release.wait()
        return Response(200, b"done")

    async with a_server(wait, max_connections=1) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        refused, refused_writer = await connect(port)
        assert await is_gone(refused)
        release.set()
        assert (await answer(reader))[2] == b"done"
        assert server.n_refused == 1
        writer.close()
        refused_writer.close()


async def test_close_lets_open_requests_finish() -> None:
    async with a_server() as (server, port):
        idle, busy = await connect(port), await connect(port)
        busy[1].write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        closing = asyncio.ensure_future(server.close(5))
        status, headers, body = await answer(busy[0])
        assert (status, body, headers["connection"]) == (200, b"GET /slow ", "close")
        assert await idle[0].read() == b""
        await closing
        with pytest.raises(OSError):  # noqa: PT011
            await connect(port)
        idle[1].close()
        busy[1].close()


async def test_close_begins_nothing_for_who_was_accepted_last() -> None:
    """A connection is taken before the server stops, and its task gets its first turn only afterwards."""
    gate, begun = asyncio.Event(), []

    async def note(request: Request) -> Response:
        begun.append(request.path)
        return Response(200)

    server = Server()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await served(server, note)(reader, writer)

    (port,) = await server.start(late, "127.0.0.1", 0)
    reader, writer = await connect(port)
    writer.write(post(b"1"))
    await asyncio.sleep(0.02)
    await server.close(1)
    gate.set()
    assert await is_gone(reader)
    assert begun == []
    writer.close()


@pytest.mark.real_time  # of the kernel's buffers
async def test_close_waits_for_who_takes_an_answer_slowly() -> None:
    async with a_server(gives_much) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(1000)
        closing = asyncio.ensure_future(server.close(9))
        await asyncio.sleep(0.02)
        assert len(await reader.read(-1)) > 29_000_000
        await closing
        writer.close()


async def test_close_cuts_off_what_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def never(request: Request) -> Response:
        await asyncio.sleep(60)
        return Response(200)

    async with a_server(never) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        await server.close(0.05)
        assert await is_gone(reader)
        assert "cut off" in caplog.text
        writer.close()


async def test_client_that_does_not_read_is_let_go() -> None:
    async with a_server(gives_much) as (server, port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        assert server.n_connections == 1
        await asyncio.sleep(WRITE_S + 1)
        assert server.n_connections == 0
        taken = 0  # the socket is closed with it: what was not taken by then never comes
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                taken += len(data)
        assert taken < 30_000_000
        writer.close()


async def test_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    listen = server.listen

    async def only_ipv4(serve: Serve, host: str | None, port: int) -> asyncio.Server:
        if host is None:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6 here")
        return await listen(serve, host, port)

    monkeypatch.setattr(server, "listen", only_ipv4)
    (port,) = await server.start(served(server, echo), None, 0)
    assert (await exchange(port, post(b"x")))[0] == 200
    await server.close(1)


def test_date_is_as_in_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 784111777.0)  # the RFC's own example
    assert http_date() == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_usual_head_is_as_h11_writes_it() -> None:
    for content_type, length in (("application/json", 12_345), ("text/plain; charset=utf-8", 7), ("", 0)):
        kind = [("content-type", content_type)] if content_type else []
        headers = [("date", http_date()), ("content-length", str(length)), *kind]
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.next_event()
        assert usual_head(content_type, length) == connection.send(
            h11.Response(status_code=200, reason=b"OK", headers=headers)
        )


async def test_both_framings_are_served_and_closed() -> None:
    """Whoever stands between may have taken the length (RFC 9112 §6.1)."""
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(head + b"2\r\nok\r\n0\r\n\r\n" + post(b"smuggled"))
        status, headers, body = await answer(reader)
        assert (status, body, headers["connection"]) == (200, b"POST /a ok", "close")
        assert await is_gone(reader)
        writer.close()


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0"])
async def test_other_versions_are_505(version: str) -> None:
    async with a_server() as (_, port):
        status, headers, _ = await exchange(port, f"GET / {version}\r\nHost: x\r\n\r\n".encode())
        assert (status, headers["connection"]) == (505, "close")


async def test_old_version_is_served() -> None:
    async with a_server() as (_, port):
        assert (await exchange(port, b"GET /a HTTP/1.0\r\n\r\n"))[::2] == (200, b"GET /a ")


@together(
    "target, path, query",
    [
        ("http://host.example/a?b=c", "/a", "b=c"),
        ("HTTPS://host.example:8443/a", "/a", ""),
        ("http://host.example", "/", ""),
        ("http://host.example?b=/c", "/", "b=/c"),
        ("/a?b=http://c/", "/a", "b=http://c/"),
        ("ftp://host.example/a", "ftp://host.example/a", ""),
        ("//host.example/a", "//host.example/a", ""),
        ("*", "*", ""),
    ],
)
def test_target_may_be_a_whole_address(target: str, path: str, query: str) -> None:
    request = Request("GET", target, {}, nobody)
    assert (request.path, request.query) == (path, query)


async def test_absolute_form_is_served() -> None:
    async with a_server() as (_, port):
        got = await exchange(port, b"GET http://host.example/a HTTP/1.1\r\nHost: host.example\r\n\r\n")
        assert got[::2] == (200, b"GET /a ")


@pytest.mark.parametrize("lines", [b"\r\n", b"\r\n\r\n", b"\n"])
async def test_empty_lines_before_a_request_are_ignored(lines: bytes) -> None:
    """Before the first and before a later one, in one piece with it or not (RFC 9112 §2.2)."""
    async with a_server() as (_, port):
        reader, writer = await connect(port)
        writer.write(lines)
        await asyncio.sleep(0.01)
        writer.write(post(b"1") + lines + post(b"2") + lines)
        assert [(await answer(reader))[2] for _ in range(2)] == [b"POST / 1", b"POST / 2"]
        writer.write(post(b"3"))
        assert (await answer(reader))[2] == b"POST / 3"
        writer.close()


async def test_many_empty_lines_are_no_request() -> None:
    async with a_server() as (_, port):
        assert (await exchange(port, b"\r\n" * 20 + post(b"1")))[0] == 400


@pytest.mark.parametrize("sent", [b"", b"GET / HT", post(b"hello")[:-1], b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_reset_of_a_client_is_no_error_of_ours(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with a_server() as (server, port):
        reader, writer = await connect(port)
        writer.write(post(b"first") + sent)
        await answer(reader)
        writer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        with caplog.at_level("DEBUG", "http1"):
            writer.transport.abort()
            async with asyncio.timeout(5):
                while server.n_connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    assert [record.levelname for record in caplog.records if record.levelname != "DEBUG"] == []
    assert all(record.exc_info is None for record in caplog.records)
    assert server.n_gone == 1


async def test_slow_bodies_make_room_for_others() -> None:
    """Places for connections are full of bodies that do not come; one that is there is served."""
    async with a_server(max_connections=3) as (server, port):
        slow = [await connect(port) for _ in range(3)]
        for _, writer in slow:
            writer.write(post(b"hello")[:-1])
        await asyncio.sleep(0.05)
        assert (await exchange(port, post(b"genuine")))[2] == b"POST / genuine"
        assert await is_gone(slow[0][0])
        assert server.n_gone == 0
        for _, writer in slow:
            writer.close()


async def test_bodies_that_arrive_are_bounded_together() -> None:
    async with a_server(max_arriving=1500) as (server, port):
        slow = [await connect(port) for _ in range(3)]
        for number, (_, writer) in enumerate(slow):
            writer.write(post(b"x" * 1000)[: -1 - number])
            await asyncio.sleep(0.02)
        assert sum(server.arriving.values()) <= 1500
        assert await is_gone(slow[0][0])
        slow[2][1].write(b"xxx")
        assert (await answer(slow[2][0]))[0] == 200
        for _, writer in slow:
            writer.close()


async def test_close_waits_for_bodies_that_arrive() -> None:
    async with a_server() as (server, port):
        reader, writer = await connect(port)
        writer.write(post(b"hello")[:-1])
        await asyncio.sleep(0.02)
        closing = asyncio.ensure_future(server.close(5))
        await asyncio.sleep(0.02)
        writer.write(b"o")
        assert (await answer(reader))[2] == b"POST / hello"
        await closing
        writer.close()


async def test_body_in_too_many_pieces() -> None:
    async with a_server(takes_much) as (_, port):
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await exchange(port, head + b"1\r\nx\r\n" * 5000))[0] == 400
        assert (await exchange(port, head + b"50\r\n%80d\r\n" % 1 * 5000 + b"0\r\n\r\n"))[0] == 200
