"""`cspon bench gateway`: what the gateway adds to a request, beside a bare proxy and LiteLLM.

A made-up engine of fixed delay on one core with the load, each gateway alone on the other, real sockets,
1 KiB in and 10 KiB out. Everything is on: key, reservation in four limits, guards that mask two values of
each request and put them back in its reply, record, metrics.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.bench.figures import machine, raise_open_files, versions
from eval.bench.gateway_load import Order
from eval.bench.gateway_servers import (
    MODEL,
    ROOT,
    bare,
    cpu_s,
    gateway,
    litellm,
    rss_mb,
    upstream,
)
from eval.bench.gateway_streams import budget_holds, chunk_cost, idle_streams

PROMPT = (
    "请核对规划文本第三章的建设用地指标与附表是否一致，逐项列出差异。" * 8
    + "经办人张三，电话13800138000，身份证号11010519491231002X。"
)
"""1 KiB with two values of a person: masked on the way in, named in the reply, put back on the way out."""
CHAT = "/v1/chat/completions"
Say = Callable[[str], None]


def run(
    *,
    delay_ms: float = 10.0,
    seconds: float = 10.0,
    connections: int = 32,
    idle: int = 10_000,
    peer: Path | None = None,
    soak_minutes: float = 0.0,
    say: Say = lambda text: print(text, file=sys.stderr, flush=True),
) -> dict[str, Any]:
    """Measure; returns one object.

    Args:
        delay_ms: The engine's delay.
        seconds: Seconds of each measurement.
        connections: Connections of the closed loop.
        idle: Idle streams held open.
        peer: Python of an environment with `litellm[proxy]`; None: not compared.
        soak_minutes: Minutes at 70 % load.
        say: Progress.
    """
    raise_open_files(2 * idle + 4096)
    cores = (0, 1) if (os.cpu_count() or 1) > 1 else (None, None)
    why: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="cspon-gateway-") as temporary:
        folder = Path(temporary)
        with upstream(delay_ms, cores[1]) as engine:
            load = Load(seconds, connections, cores[1])
            say(f"直接访问引擎（延迟 {delay_ms:g} 毫秒）…")
            direct = load.both(f"{engine}{CHAT}", {}, rate=300)
            say("裸转发…")
            with bare(engine, cores[0]) as url:
                through_bare = load.both(f"{url}{CHAT}", {}, half=True)
            say("本网关，全部开启…")
            with gateway(engine, folder / "home", cores[0]) as (url, secret, server):
                head = {"authorization": f"Bearer {secret}"}
                before = cpu_s(server)
                own = load.both(f"{url}{CHAT}", head, half=True)
                spent = cpu_s(server) - before
                own["cpu_us_per_request"] = round(spent / max(1, load.sent) * 1e6, 1)
                say("流式逐块…")
                chunks = chunk_cost(engine, url, secret, CHAT)
                say(f"{idle} 个空闲流…")
                streams = idle_streams(url, secret, CHAT, idle, server) if idle else {}
            say("并发下的限额…")
            budget = budget_holds(engine, folder / "budget", CHAT, cores)
            other = _peer(peer, engine, folder, load, cores[0], say, why)
            soaked = _soak(engine, folder / "soak", own, soak_minutes, cores, say)
    base50, base99 = direct["open"]["p50_ms"], direct["open"]["p99_ms"]
    result = {
        "added_p50_ms": round(own["open"]["p50_ms"] - base50, 3),
        "added_p99_ms": round(own["open"]["p99_ms"] - base99, 3),
        "rps_per_core": own["closed"]["rps"],
        "bare_rps_per_core": through_bare["closed"]["rps"],
        "bare_added_p50_ms": round(through_bare["open"]["p50_ms"] - base50, 3),
        "peer_rps_per_core": other["closed"]["rps"] if other else None,
        "peer_added_p50_ms": round(other["open"]["p50_ms"] - base50, 3) if other else None,
        "stream_added_ms": chunks["added_ms"],
        "idle_streams": streams.get("open"),
        "idle_streams_rss_mb": streams.get("rss_mb"),
        "overspent_tokens": budget["overspent"],
        "budget": budget,
        "cpu_us_per_request": own["cpu_us_per_request"],
        "direct": direct, "bare": through_bare, "own": own, "peer": other, "soak": soaked,
        "delay_ms": delay_ms, "connections": connections, "seconds": seconds,
        "bytes_in": len(json.dumps(body_of(), ensure_ascii=False).encode()), "reply_bytes": 10 * 1024,
        "guards": True,
        "why": why, "n": own["closed"]["requests"], "machine": machine(),
        "versions": versions("uvicorn", "uvloop", "httptools", "aiohttp", "fastapi", "orjson"),
    }  # fmt: skip
    return result


def body_of() -> dict[str, Any]:
    """Return the request that is sent."""
    return {
        "model": MODEL, "max_tokens": 256, "messages": [{"role": "user", "content": PROMPT}],
    }  # fmt: skip


class Load:
    """Sends load from a process of its own, pinned beside the engine."""

    def __init__(self, seconds: float, connections: int, core: int | None) -> None:
        self.seconds, self.connections, self.core = seconds, connections, core
        self.sent = 0

    def send(self, url: str, headers: dict[str, str], **given: Any) -> dict[str, Any]:
        """Send one load; returns what `gateway_load` prints."""
        facts = {"connections": self.connections, "seconds": self.seconds, **given}
        order = Order(url, body_of(), headers, **facts)
        command = [sys.executable, "-m", "eval.bench.gateway_load", json.dumps(order.__dict__)]
        pinned = ["taskset", "-c", str(self.core), *command] if self.core is not None else command
        done = subprocess.run(pinned, check=True, capture_output=True)
        said: dict[str, Any] = json.loads(done.stdout)
        warm = 1 + order.warm_s / order.seconds
        self.sent += round(said["requests"] * warm)
        return said

    def both(
        self, url: str, headers: dict[str, str], *, rate: float = 0.0, half: bool = False
    ) -> dict[str, Any]:
        """Measure a closed loop and an open one, at a rate or at half of what the closed one did."""
        self.sent = 0
        closed = self.send(url, headers)
        wanted = closed["rps"] / 2 if half else rate
        opened = self.send(url, headers, rate=wanted)
        return {"closed": closed, "open": {**opened, "rate": round(wanted, 1)}}


def _peer(
    python: Path | None, engine: str, folder: Path, load: Load, core: int | None, say: Say,
    why: dict[str, str],
) -> dict[str, Any] | None:  # fmt: skip
    if python is None:
        why["peer"] = "no --peer given (Python of an environment with litellm[proxy])"
        return None
    say("LiteLLM…")
    try:
        with litellm(python, engine, folder / "peer", core) as url:
            return load.both(f"{url}{CHAT}", {"authorization": "Bearer none"}, half=True)
    except RuntimeError as error:
        why["peer"] = str(error)
        return None


def _soak(
    engine: str, home: Path, own: dict[str, Any], minutes: float, cores: tuple[Any, Any], say: Say
) -> dict[str, Any] | None:
    """Hold 70 % load; memory, audit lines, the chain and open reservations at the end."""
    if not minutes:
        return None
    import sqlite3

    load = Load(60.0, 32, cores[1])
    with gateway(engine, home, cores[0]) as (url, secret, server):
        head = {"authorization": f"Bearer {secret}"}
        rate = own["closed"]["rps"] * 0.7
        memory, sent, answered = [], 0, 0
        for minute in range(round(minutes)):
            said = load.send(f"{url}{CHAT}", head, rate=rate, warm_s=0.0)
            sent += said["requests"]
            answered += said["statuses"].get("200", 0)
            memory.append(rss_mb(server))
            say(f"  第 {minute + 1} 分钟：{said['rps']:g} 次/秒，{memory[-1]} MB")
    lines = sum(b'"kind":"relayed"' in line for line in (home / "audit.jsonl").open("rb"))
    verify = [sys.executable, "-m", "cspon.cli", "audit", "verify"]
    whole = subprocess.run(
        verify, env={**os.environ, "CSPON_HOME": str(home)}, cwd=ROOT, capture_output=True
    )
    ledger = sqlite3.connect(home / "ledger.sqlite")
    leaked = ledger.execute("select count(*) from uses where state = 0").fetchone()[0]
    held = ledger.execute("select coalesce(sum(held), 0) from counters").fetchone()[0]
    return {
        "minutes": round(minutes), "rate": round(rate, 1), "requests": sent, "answered": answered,
        "audit_lines": lines, "lost_audit_lines": answered - lines,
        "chain_whole": whole.returncode == 0, "open_reservations": leaked, "held": held,
        "rss_mb": memory,
    }  # fmt: skip
