"""`cspon bench gateway --libraries`: servers, clients and JSON libraries on the gateway's own load.

Servers answer the made-up engine's 10 KiB to 32 connections of a closed loop, on a core of their own.
Clients send the gateway's body to that engine, 32 at a time; what counts is their CPU. What is not
installed is left out and named: granian and msgspec are no dependencies of the project.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from eval.bench.figures import machine, versions
from eval.bench.gateway import CHAT, Load, body_of
from eval.bench.gateway_servers import free_port, process, upstream
from eval.bench.gateway_upstream import Upstream

APP = f"{__name__}:app"
AT_ONCE = 32
SERVERS: dict[str, tuple[str, list[str]]] = {
    "uvicorn, uvloop, httptools": ("uvicorn", ["--loop", "uvloop", "--http", "httptools"]),
    "uvicorn, asyncio, h11": ("uvicorn", ["--loop", "asyncio", "--http", "h11"]),
    "granian, uvloop": ("granian", ["--interface", "asgi", "--loop", "uvloop"]),
}
"""Each with its module and what it is started with."""
CLIENTS = ("own (serving.relay.wire)", "aiohttp", "httpx")
Ask = Callable[[], Awaitable[None]]

app = Upstream(0.0, 10 * 1024)
"""What the servers serve: no delay, so that they are the limit."""


def run(*, seconds: float = 8.0, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure; returns one object.

    Args:
        seconds: Seconds of each measurement.
        say: Progress.
    """
    cores = (0, 1) if (os.cpu_count() or 1) > 1 else (None, None)
    missing = [n for n in ("granian", "msgspec", "httpx") if importlib.util.find_spec(n) is None]
    servers, clients = {}, {}
    for name, (module, options) in SERVERS.items():
        if module not in missing:
            say(f"{name}…")
            servers[name] = _server(module, options, seconds, cores)
    with upstream(10.0, cores[1]) as engine:
        for name in CLIENTS:
            if name not in missing:
                say(f"{name}…")
                clients[name] = _client(name, engine, seconds, cores[0])
    say("JSON…")
    names = [
        n
        for n in ("uvicorn", "granian", "aiohttp", "httpx", "orjson", "msgspec")
        if n not in missing
    ]
    return {
        "servers_rps_per_core": servers, "clients_cpu_us_per_request": clients,
        "json_us_per_reply": _json(missing), "missing": missing, "seconds": seconds,
        "machine": machine(), "versions": versions(*names),
    }  # fmt: skip


def _server(
    module: str, options: list[str], seconds: float, cores: tuple[int | None, int | None]
) -> float:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    quiet = ["--log-level", "error"] if module == "uvicorn" else ["--no-log"]
    command = [sys.executable, "-m", module, APP, "--host", "127.0.0.1", "--port", str(port)]
    with process([*command, *options, *quiet], f"{url}/told", core=cores[0]):
        rate: float = Load(seconds, AT_ONCE, cores[1]).send(f"{url}{CHAT}", {})["rps"]
    return rate


def _client(name: str, engine: str, seconds: float, core: int | None) -> float:
    command = [sys.executable, "-m", __name__, name, engine, str(seconds)]
    pinned = ["taskset", "-c", str(core), *command] if core is not None else command
    return float(subprocess.run(pinned, check=True, capture_output=True).stdout)


async def _ask_for(seconds: float, ask: Ask) -> float:
    """Return the CPU microseconds of a request, 32 at a time."""
    sent = 0
    end = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal sent
        while time.perf_counter() < end:
            await ask()
            sent += 1

    await ask()
    before = time.process_time()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return round((time.process_time() - before) / sent * 1e6, 1)


async def client_cost(name: str, engine: str, seconds: float) -> float:
    """Return the CPU microseconds that a client takes for a request.

    Args:
        name: One of `CLIENTS`.
        engine: Address of the made-up engine.
        seconds: Seconds of sending.
    """
    content, url = orjson.dumps(body_of()), f"{engine}{CHAT}"
    headers = {"content-type": "application/json"}
    if name == "aiohttp":
        import aiohttp

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def by_aiohttp() -> None:
                async with session.post(url, data=content, headers=headers) as answer:
                    await answer.read()

            return await _ask_for(seconds, by_aiohttp)
    if name == "httpx":
        import httpx

        async with httpx.AsyncClient(limits=httpx.Limits()) as client:  # all are kept

            async def by_httpx() -> None:
                await client.post(url, content=content, headers=headers)

            return await _ask_for(seconds, by_httpx)
    from serving.relay.wire import Wire, head_of

    wire = Wire(connect_s=5, keep_s=60)

    async def own() -> None:
        connection = await wire.connection(engine)
        head = head_of(engine, CHAT, "")
        kind = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
        await connection.ask(head + kind + content, 60)
        await connection.read(1 << 20)
        connection.release()

    try:
        return await _ask_for(seconds, own)
    finally:
        wire.close()


def _json(missing: list[str], times: int = 2000) -> dict[str, float]:
    """Return the microseconds for reading and writing the engine's reply."""
    message = {"role": "assistant", "content": app.text}
    reply = orjson.dumps({"choices": [{"index": 0, "message": message}]})
    both: dict[str, Callable[[], Any]] = {
        "orjson": lambda: orjson.dumps(orjson.loads(reply)),
        "json": lambda: json.dumps(json.loads(reply), ensure_ascii=False).encode(),
    }
    if "msgspec" not in missing:
        msgspec = importlib.import_module("msgspec.json")
        both["msgspec"] = lambda: msgspec.encode(msgspec.decode(reply))
    costs = {}
    for name, work in both.items():
        before = time.perf_counter()
        for _ in range(times):
            work()
        costs[name] = round((time.perf_counter() - before) / times * 1e6, 2)
    return costs


def main(name: str, engine: str, seconds: float) -> None:
    """Measure one client and print its figure."""
    import uvloop

    print(uvloop.run(client_cost(name, engine, seconds)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
