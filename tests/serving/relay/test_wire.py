"""The client to the engines: whole and piecewise replies, kept connections, and every way they break."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.relay.connection import Broken, TooLong
from serving.relay.wire import NotConnected, Wire, head_of

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
REQUEST = b"POST /v1/x HTTP/1.1\r\nhost: e\r\ncontent-length: 2\r\n\r\n{}"


class Engine:
    """Answers each request on a connection with the next of some scripts of bytes and pauses."""

    def __init__(self, *scripts):
        self.scripts, self.connections, self.requests = list(scripts), 0, 0
        self.closed = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while await reader.readuntil(b"{}"):
                self.requests += 1
                for step in self.scripts.pop(0):
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                    elif step is None:
                        return
                    else:
                        await asyncio.sleep(step)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.closed.set()
            writer.close()


@asynccontextmanager
async def engine(*scripts, keep_s=5.0):
    made = Engine(*scripts)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = Wire(connect_s=2, keep_s=keep_s)
    made.wire, made.url = wire, f"http://127.0.0.1:{port}/v1"
    try:
        yield made
    finally:
        wire.close()
        server.close()


async def ask(made, timeout_s=5.0):
    connection = await made.wire.connection(made.url)
    await connection.ask(REQUEST, timeout_s)
    return connection


async def test_a_reply_is_read_and_its_connection_used_again():
    async with engine(*([[HEAD + b"hello"]] * 3)) as made:
        for _ in range(3):
            connection = await ask(made)
            assert (connection.status, connection.headers) == (200, {"content-length": "5"})
            assert await connection.read(100) == b"hello"
            connection.release()
        assert (made.connections, made.requests) == (1, 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.integers(1, 60))
def test_a_chunked_reply_is_whole_however_it_is_cut(pieces, step):
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body

    async def run():
        cut = [raw[i : i + step] for i in range(0, len(raw), step)]
        async with engine(cut) as made:
            connection = await ask(made)
            got = b""
            while piece := await connection.some():
                got += piece
            assert got == b"".join(pieces)

    asyncio.run(run())


async def test_two_at_once_have_two_connections_and_the_latest_is_taken_first():
    async with engine(*([[HEAD + b"hello"]] * 3)) as made:
        one, two = await ask(made), await ask(made)
        for connection in (one, two):
            await connection.read(100)
            connection.release()
        assert await ask(made) is two
        assert made.connections == 2


async def test_an_engine_that_closes_is_not_asked_on_that_connection_again():
    close = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with engine([close, None], [HEAD + b"hello", None], [HEAD + b"hello"]) as made:
        for expected in (b"ok", b"hello", b"hello"):
            connection = await ask(made)
            assert await connection.read(100) == expected
            connection.release()
            await asyncio.sleep(0.05)  # its end arrives
        assert made.connections == 3


async def test_an_idle_connection_is_closed_in_time():
    async with engine([HEAD + b"hello"], keep_s=0.1) as made:
        connection = await ask(made)
        await connection.read(100)
        connection.release()
        await asyncio.wait_for(made.closed.wait(), 2)
        assert not connection.usable


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([None], Broken),
        ([b"HTTP/1.1 200 OK\r\ncontent-le", None], Broken),
        ([HEAD + b"he", None], Broken),
        ([b"nonsense\r\n\r\n"], Broken),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000], Broken),
        (
            [b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
            Broken,
        ),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + b"x" * 500], TooLong),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"], Broken),
        ([1.0], TimeoutError),
        ([HEAD + b"he", 1.0], TimeoutError),
    ],
)
async def test_what_breaks_is_an_error_and_closes_the_connection(script, error):
    async with engine(script) as made:
        with pytest.raises(error):
            connection = await ask(made, timeout_s=0.2)
            await connection.read(100)
            pytest.fail("it was read")
        if error is not TooLong:
            await asyncio.wait_for(made.closed.wait(), 3)


async def test_a_slow_reply_is_no_late_one():
    async with engine(
        [HEAD, *[part for char in b"hello" for part in (0.1, bytes([char]))]]
    ) as made:
        connection = await ask(made, timeout_s=0.3)
        assert await connection.read(100) == b"hello"


async def test_a_reply_without_a_length_ends_with_the_connection():
    async with engine([b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", None]) as made:
        connection = await ask(made)
        assert await connection.read(100) == b"all of it"
        connection.release()
        assert not connection.usable


async def test_interim_replies_are_passed_over():
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\ncontent-length: 9\r\n\r\n"
    async with engine([interim, HEAD + b"hello"]) as made:
        connection = await ask(made)
        assert connection.headers == {"content-length": "5"}
        assert await connection.read(100) == b"hello"


async def test_the_end_of_a_reply_that_nobody_reads_is_taken_before_the_next():
    reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"
    async with engine([reply, 0.1, b"0\r\n\r\n"], [HEAD + b"hello"]) as made:
        connection = await ask(made)
        assert await connection.some() == b"ok"
        connection.release()
        assert not connection.usable
        await asyncio.sleep(0.3)
        again = await ask(made)
        assert again is connection
        assert await again.read(100) == b"hello"


async def test_an_engine_is_held_back_while_nobody_reads():
    size = 40 << 20
    sent = []

    async def serve(reader, writer):
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(40):
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent.append(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = Wire(connect_s=2, keep_s=5)
    connection = await wire.connection(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await connection.ask(REQUEST, 5)
    await asyncio.sleep(0.3)
    assert len(sent) < 40
    got = 0
    while piece := await connection.some():
        got += len(piece)
    assert got == size
    connection.close()
    server.close()


async def test_who_leaves_closes_the_connection():
    async with engine([HEAD, 3.0]) as made:
        connection = await ask(made)
        task = asyncio.create_task(connection.read(100))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        connection.close()
        await asyncio.wait_for(made.wire.connection(made.url), 1)


async def test_nobody_at_the_address():
    wire = Wire(connect_s=0.5, keep_s=1)
    with pytest.raises(NotConnected):
        await wire.connection("http://127.0.0.1:9/v1")


def test_a_head_has_no_credentials_of_the_address_and_no_line_of_its_own():
    head = head_of("http://u:p@host:81/v1", "/chat/completions", "Bearer k")
    assert head == (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: host:81\r\naccept: */*\r\n"
        b"authorization: Bearer k\r\n"
    )
    with pytest.raises(ValueError, match="control"):
        head_of("http://host/v1", "/x", "Bearer k\r\nx: y")
