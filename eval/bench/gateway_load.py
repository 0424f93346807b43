"""Load for the gateway benchmark, in a process of its own: `python -m eval.bench.gateway_load ORDER`.

A closed loop keeps a number of connections busy; an open loop sends at fixed times whatever comes back
(latency counts from the time at which a request was due, so that a stall shows). Prints JSON.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np


@dataclass
class Order:
    """What to send.

    Args:
        url: Where to.
        body: JSON of the request.
        headers: Headers beside those of the body.
        connections: Connections side by side.
        seconds: Seconds that are measured.
        warm_s: Seconds before.
        rate: Requests a second of an open loop; 0: closed.
    """

    url: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    connections: int = 32
    seconds: float = 10.0
    warm_s: float = 2.0
    rate: float = 0.0


class Connection(asyncio.Protocol):
    """One connection that sends a fixed request and reads a reply of known or chunked length."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[int] | None = None
        self.data, self.need = b"", -1
        self.status, self.lost = 0, False

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Wake who waits."""
        self.lost = True
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(0)

    def data_received(self, data: bytes) -> None:
        """Collect until the reply is whole."""
        self.data += data
        if self.need < 0:
            head, mark, rest = self.data.partition(b"\r\n\r\n")
            if not mark:
                return
            self.status = int(head[9:12])
            lower = head.lower()
            at = lower.find(b"content-length:")
            if at < 0:
                if rest.endswith(b"0\r\n\r\n"):
                    self._end()
                return
            self.need = int(lower[at + 15 :].split(b"\r\n", 1)[0]) + len(head) + 4
        if len(self.data) >= self.need:
            self._end()

    def _end(self) -> None:
        self.data, self.need = b"", -1
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(self.status)

    def ask(self, raw: bytes) -> "asyncio.Future[int]":
        """Send a request; the future holds its status, 0 where the connection broke."""
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(raw)
        return self.waiter


async def run(order: Order) -> dict[str, Any]:
    """Send the load and return counts and latencies."""
    parts, content = urlsplit(order.url), json.dumps(order.body, ensure_ascii=False).encode()
    given = "".join(f"{k}: {v}\r\n" for k, v in order.headers.items())
    raw = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        f"{given}content-length: {len(content)}\r\n\r\n"
    ).encode() + content
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "", parts.port or 80

    async def connect() -> Connection:
        return (await loop.create_connection(Connection, host, port))[1]

    times: list[tuple[float, float]] = []
    statuses: dict[int, int] = {}
    begin = time.perf_counter() + order.warm_s
    end = begin + order.seconds

    def note(due: float, status: int) -> None:
        now = time.perf_counter()
        if due >= begin:
            statuses[status] = statuses.get(status, 0) + 1
            times.append((due, now - due))

    async def closed() -> None:
        connection = await connect()
        while (now := time.perf_counter()) < end:
            note(now, await connection.ask(raw))
            if connection.lost:
                connection = await connect()

    async def opened() -> None:
        free: list[Connection] = []
        running: set[asyncio.Task[None]] = set()

        async def one(due: float) -> None:
            connection = free.pop() if free else await connect()
            note(due, await connection.ask(raw))
            if not connection.lost:
                free.append(connection)

        due = time.perf_counter()
        while due < end:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(one(due))
            running.add(task)
            task.add_done_callback(running.discard)
            due += 1 / order.rate
        await asyncio.gather(*running)

    await (
        opened() if order.rate else asyncio.gather(*(closed() for _ in range(order.connections)))
    )
    taken = np.array([latency for _, latency in times]) * 1000
    ended = [due + latency for due, latency in times]
    span = (max(ended) - begin) if ended else order.seconds
    return {
        "requests": len(times),
        "rps": round(len(times) / span, 1),
        "p50_ms": round(float(np.percentile(taken, 50)), 3) if len(taken) else None,
        "p90_ms": round(float(np.percentile(taken, 90)), 3) if len(taken) else None,
        "p99_ms": round(float(np.percentile(taken, 99)), 3) if len(taken) else None,
        "max_ms": round(float(taken.max()), 3) if len(taken) else None,
        "statuses": statuses,
    }


def main(order: str) -> None:
    """Run an order given as JSON."""
    import uvloop

    print(json.dumps(uvloop.run(run(Order(**json.loads(order))))))


if __name__ == "__main__":
    main(sys.argv[1])
