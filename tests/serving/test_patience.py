"""Connections that dawdle or send too much, on real sockets, with short times."""

import asyncio
import contextlib
import socket
import time

import pytest
import uvicorn

from serving.patience import Patience


class Hasty(Patience):
    head_s, body_s, send_s, body_bytes = 0.3, 0.3, 0.5, 64


class App:
    """Reads a body, then writes as many pieces as the path says; notes how requests ended."""

    def __init__(self):
        self.bodies, self.gone = [], 0

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(int(scope["path"][1:] or 1)):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def serving(app):
    config = uvicorn.Config(
        app, port=0, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False,
        loop="uvloop", timeout_keep_alive=5,
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as opened:
        await server.startup(sockets=[opened])
        server.told = server.server_state
        try:
            yield server, opened.getsockname()[1]
        finally:
            await server.shutdown(sockets=[opened])


async def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return condition()


@pytest.fixture
async def served():
    app = App()
    async with serving(app) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        yield app, server.told, reader, writer
        writer.close()


POST = b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx-a: "])
async def test_a_head_that_does_not_come_is_given_up(served, begun):
    app, told, reader, writer = served
    writer.write(begun)
    assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"HTTP/1.1 408 ")
    assert await until(lambda: not told.connections)
    assert app.bodies == []


async def test_a_head_byte_by_byte_is_given_up(served):
    _, told, reader, writer = served
    before = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for byte in b"GET / HTTP/1.1\r\n" + b"x-a: 1\r\n" * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
            if not told.connections:
                break
    assert time.monotonic() - before < 2
    assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_trickles_is_given_up_and_the_request_ends(served):
    app, told, _, writer = served
    writer.write(POST)
    with contextlib.suppress(ConnectionError):
        for _ in range(60):
            writer.write(b"x")
            await asyncio.sleep(0.02)
    assert await until(lambda: app.gone == 1)
    assert await until(lambda: not told.connections)
    assert app.bodies == []


async def test_a_slow_but_steady_body_arrives(served):
    app, _, reader, writer = served
    writer.write(POST)
    for _ in range(10):
        writer.write(b"x" * 100)
        await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"HTTP/1.1 200 ")
    assert app.bodies == [b"x" * 1000]


async def test_a_kept_connection_may_be_idle_between_requests(served):
    app, told, reader, writer = served
    for _ in range(2):
        writer.write(b"GET /0 HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 3)).startswith(
            b"HTTP/1.1 200"
        )
        await asyncio.sleep(0.5)  # longer than a head may take
    assert len(app.bodies) == 2
    assert told.connections


async def test_a_reader_that_does_not_read_is_cut_off(served):
    app, told, reader, writer = served
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer.write(b"GET /2000 HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await until(lambda: len(app.bodies) == 1)
    before = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while told.connections and time.monotonic() - before < 5:
            await reader.read(1)
            await asyncio.sleep(0.05)
    assert time.monotonic() - before < 4
    assert await until(lambda: not told.tasks)


async def test_a_reader_that_keeps_up_gets_all(served):
    _, _, reader, writer = served
    writer.write(b"GET /40 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    got = 0
    while data := await asyncio.wait_for(reader.read(65_536), 3):
        got += len(data)
        await asyncio.sleep(0.01)
    assert got > 40 * 65_536


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nx-a: " + b"a" * 70_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 9000,
        b"GET / HTTP/1.1\r\nx-a: " + b"a" * 70_000,
    ],
)
async def test_a_head_that_is_too_long_is_refused(served, head):
    app, told, reader, writer = served
    writer.write(head)
    assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"HTTP/1.1 431 ")
    assert await until(lambda: not told.connections)
    assert app.bodies == []


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde",
        b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\nabc",
        b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length : 3\r\n\r\nabc",
        b"GET /1 HTTP/1.1\nhost: x\n\n",
        b"GET /1 HTTP/1.1\r\nhost: x\r\nx-a: b\r\n folded\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere:443\r\n\r\n",
        b"GET /1 HTTP/3.7\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(served, request_):
    app, told, reader, writer = served
    writer.write(request_)
    assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"HTTP/1.1 400 ")
    assert await until(lambda: not told.connections)
    assert app.bodies == []
