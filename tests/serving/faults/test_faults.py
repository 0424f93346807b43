"""Whatever breaks: nobody is charged twice or beyond the budget, nothing is lost unseen, the audit is whole."""

import asyncio
import contextlib
import random
import resource
import signal
import socket
import time

import aiohttp
import pytest

pytestmark = pytest.mark.integration
SETTLED, REFUNDED, LAPSED = 1, 2, 3


def session():
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))


async def settled_soon(site, seconds=5.0):
    """Wait until nothing is open any more."""
    end = time.monotonic() + seconds
    while any(call[0] == 0 for call in site.calls().values()) and time.monotonic() < end:
        await asyncio.sleep(0.1)


async def test_an_engine_killed_in_mid_stream_and_one_that_hangs(site, callers):
    async with session() as http:
        streams = [
            asyncio.create_task(callers.ask(http, "slow", tokens=30, stream=True)) for _ in range(5)
        ]
        await asyncio.sleep(1.0)
        site.kill(site.engine)
        assert [usage for _, usage in await asyncio.gather(*streams)] == [None] * 5
        assert (await callers.ask(http))[0] in (502, 503)
        broken = [call for call in site.calls().values() if call[0] == SETTLED]
        assert len(broken) == 5  # charged for what they gave
        assert all(0 < call[2] < 30 for call in broken)

        site.start_engine()
        await asyncio.sleep(2.5)  # the replica rests after several failures
        assert (await callers.ask(http))[0] == 200
        site.engine.send_signal(signal.SIGSTOP)
        hung = await asyncio.gather(*(callers.ask(http) for _ in range(2)))
        assert {status for status, _ in hung} == {504}
        site.engine.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.5)
        assert (await callers.ask(http, stream=True))[0] == 200
    calls = site.check(callers.replies)
    assert sum(call[0] == REFUNDED for call in calls.values()) >= 2


async def test_a_gateway_killed_under_load(site, callers):
    before = asyncio.create_task(callers.load(3.0))
    await asyncio.sleep(2.0)
    await asyncio.to_thread(site.kill, site.gateway)
    await before
    after = asyncio.create_task(callers.load(1.0))  # while nobody listens
    await asyncio.to_thread(site.start_gateway)
    await after
    await callers.load(1.5)
    async with session() as http:
        assert (await callers.ask(http))[0] in (200, 429)
    await settled_soon(site)
    calls = site.check(callers.replies)
    assert callers.statuses()[200] > 50
    lapsed = [number for number, call in calls.items() if call[0] == LAPSED]
    assert lapsed, "nothing was under way when the gateway was killed"


async def test_stores_that_are_away_and_a_full_disk(site, callers):
    async with session() as http:
        assert (await callers.ask(http))[0] == 200
        before = len(site.asked())
        for name in ("ledger.sqlite", "keys.sqlite"):
            away = (site.home / name).rename(site.home / f"{name}.away")
            await asyncio.sleep(0.1)
            assert (await callers.ask(http))[0] == 503, name
            (site.home / name).touch()  # something else in its place
            await asyncio.sleep(0.1)
            assert (await callers.ask(http, stream=True))[0] == 503, name
            away.replace(site.home / name)
            await asyncio.sleep(0.1)
            assert (await callers.ask(http))[0] == 200, name
        assert len(site.asked()) == before + 2  # the engine was not asked meanwhile

        limits = resource.prlimit(site.gateway.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(site.gateway.pid, resource.RLIMIT_FSIZE, (16, limits[1]))
        full = [await callers.ask(http, stream=stream) for stream in (False, True, False)]
        assert {status for status, _ in full} == {503}
        assert len(site.asked()) == before + 2
        resource.prlimit(site.gateway.pid, resource.RLIMIT_FSIZE, limits)
        assert (await callers.ask(http))[0] == 200

        slow = asyncio.create_task(callers.ask(http, "slow", tokens=6, stream=True))
        await asyncio.sleep(0.6)  # full while a stream is under way
        resource.prlimit(site.gateway.pid, resource.RLIMIT_FSIZE, (16, limits[1]))
        assert (await slow)[1] is None
        resource.prlimit(site.gateway.pid, resource.RLIMIT_FSIZE, limits)
        assert (await callers.ask(http))[0] == 200
    await settled_soon(site)
    site.check(callers.replies)


async def test_a_reader_that_stops_reading_holds_nothing(site, callers):
    def stall():
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.connect(("127.0.0.1", site.port))
        body = b'{"model":"m","stream":true,"max_tokens":900,"messages":[{"role":"user","content":"long"}]}'
        opened.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (site.secret.encode(), len(body), body)
        )
        return opened

    stalled = [stall() for _ in range(3)]
    async with session() as http:
        await asyncio.sleep(0.5)
        assert (await callers.ask(http))[0] == 200  # the others are served meanwhile
    end = time.monotonic() + 8
    while site.open_count() and time.monotonic() < end:
        await asyncio.sleep(0.2)
    assert not site.open_count()
    for opened in stalled:
        opened.close()
    calls = site.check(callers.replies)
    cut = [call for number, call in calls.items() if number not in callers.replies]
    assert len(cut) == 3
    assert all(state == SETTLED and completion > 0 for state, _, completion in cut)


class Chaos:
    """Passes connections on, and drops some of the pieces together with their connection."""

    def __init__(self, target, share):
        self.target, self.share, self.dropped = target, share, 0
        self._dice, self._open = random.Random(6), set()

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self._open.add(task)
        there, inner = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            ways = [self._pass(reader, inner), self._pass(there, writer)]
            await asyncio.wait(
                [asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for end in (writer, inner):
                end.transport.abort()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._open.discard(task)

    async def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if self._dice.random() < self.share:
                    self.dropped += 1
                    return
                sink.write(data)
                await sink.drain()

    async def end(self):
        await asyncio.wait(self._open, timeout=10) if self._open else None


async def test_dropped_connections_to_the_engine(tmp_path, faults):
    port = faults.free_port()
    site = faults.Site(tmp_path, engine_port=port)
    chaos, callers = Chaos(site.engine_port, 0.01), faults.Callers(site)
    server = await asyncio.start_server(chaos.serve, "127.0.0.1", port)
    try:
        await asyncio.to_thread(site.start_engine)
        await asyncio.to_thread(site.start_gateway)
        others = [site.new_key().secret for _ in range(300)]
        async with session() as http:
            for start in range(0, 600, 30):  # 300 keys, each twice
                batch = (others * 2)[start : start + 30]
                await asyncio.gather(
                    *(callers.ask(http, secret=s, stream=i % 2 == 0) for i, s in enumerate(batch))
                )
        assert chaos.dropped >= 3
        statuses = callers.statuses()
        assert statuses[200] > 500
        assert set(statuses) <= {200, 502, 503}
        await settled_soon(site)
        site.check(callers.replies)
    finally:
        await asyncio.to_thread(site.stop)
        server.close()
        await chaos.end()


async def test_a_budget_under_load_is_used_up_to_the_last_request_and_never_passed(site, callers):
    for _ in range(4):
        await callers.load(2.0, streams=False, tokens=5000)
        if callers.statuses()[429] > 10:
            break
    assert callers.statuses()[429] > 10
    await settled_soon(site)
    site.check(callers.replies)
