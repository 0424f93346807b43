"""Streams and budgets of the gateway benchmark: the cost of a chunk, idle streams, 200 at once."""

import asyncio
import json
import time
import urllib.request
from pathlib import Path
from subprocess import Popen
from typing import Any

from eval.bench.gateway_servers import MODEL, gateway, rss_mb

CHUNKS = 4000


def _request(url: str, secret: str, body: dict[str, Any]) -> bytes:
    host, _, path = url.removeprefix("http://").partition("/")
    content = json.dumps(body).encode()
    head = (
        f"POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {secret}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _body(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "规划"}], **more}


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    return host, int(port)


async def _stream_s(url: str, secret: str, count: int) -> float:
    reader, writer = await asyncio.open_connection(*_place(url))
    start = time.perf_counter()
    body = _body(stream=True, max_tokens=count)
    writer.write(_request(url, secret, body))
    tail = b""
    while b"[DONE]" not in tail:
        data = await reader.read(65_536)
        if not data:
            raise ConnectionError(tail[-200:])
        tail = tail[-64:] + data
    spent = time.perf_counter() - start
    writer.close()
    return spent


def chunk_cost(engine: str, url: str, secret: str, path: str) -> dict[str, Any]:
    """Return what the gateway adds to a chunk: a long stream without pauses, through it and directly."""
    times: dict[str, list[float]] = {"direct": [], "through": []}
    for _ in range(5):
        times["direct"].append(asyncio.run(_stream_s(engine + path, "none", CHUNKS)))
        times["through"].append(asyncio.run(_stream_s(url + path, secret, CHUNKS)))
    added = (min(times["through"]) - min(times["direct"])) / CHUNKS * 1000
    return {"added_ms": round(added, 4), "chunks": CHUNKS}


def idle_streams(
    url: str, secret: str, path: str, count: int, server: Popen[bytes]
) -> dict[str, Any]:
    """Open streams that send one chunk and then nothing; return how many and the server's memory."""
    before = rss_mb(server)

    async def hold() -> tuple[int, float]:
        opened: list[asyncio.StreamWriter] = []
        gate = asyncio.Semaphore(100)
        raw = _request(url + path, secret, _body(stream=True, max_tokens=1, stop="idle"))

        async def one() -> None:
            async with gate:
                try:
                    reader, writer = await asyncio.open_connection(*_place(url))
                    writer.write(raw)
                    data = b""
                    while b"data: " not in data:
                        data += (part := await asyncio.wait_for(reader.read(4096), 60))
                        if not part:
                            return
                except (OSError, TimeoutError):
                    return
                if b" 200 " in data[:20]:
                    opened.append(writer)

        await asyncio.gather(*(one() for _ in range(count)))
        await asyncio.sleep(2)
        memory = rss_mb(server)
        for writer in opened:
            writer.close()
        return len(opened), memory

    held, memory = asyncio.run(hold())
    return {"open": held, "rss_mb": memory, "rss_before_mb": before}


def budget_holds(engine: str, home: Path, path: str, cores: tuple[Any, Any]) -> dict[str, Any]:
    """Let 200 clients at once ask for four times the budget; return what was told beyond it."""
    amount = 60_000
    limit = {"id": "all", "by": "everyone", "of": "tokens", "per": "total", "amount": amount}
    before = _told(engine)
    with gateway(engine, home, cores[0], limits={"limits": [limit]}) as (url, secret, _):
        statuses = asyncio.run(_storm(url, path, secret))
    told = _told(engine) - before
    return {
        "limit": amount, "told": told, "overspent": max(0, told - amount), "clients": 200,
        "statuses": statuses,
    }  # fmt: skip


async def _storm(url: str, path: str, secret: str) -> dict[str, int]:
    statuses: dict[str, int] = {}

    async def client(number: int) -> None:
        raw = _request(url + path, secret, _body(max_tokens=90 + number % 21))
        for _ in range(10):
            reader, writer = await asyncio.open_connection(*_place(url))
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            status = head[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            writer.close()

    await asyncio.gather(*(client(i) for i in range(200)))
    await asyncio.sleep(0.5)
    return statuses


def _told(engine: str) -> int:
    with urllib.request.urlopen(f"{engine}/told", timeout=10) as reply:  # noqa: S310
        return int(json.loads(reply.read())["told"])
