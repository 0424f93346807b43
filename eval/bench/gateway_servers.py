"""Servers of the gateway benchmark as pinned processes: made-up engine, gateway, bare proxy, LiteLLM."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MODEL = "bench-model"
UP_S = 90.0

LIMITS = {
    "limits": [
        {"id": "key-minute", "by": "key", "of": "requests", "per": "minute", "amount": 10**7},
        {"id": "key-day", "by": "key", "of": "tokens", "per": "day", "amount": 10**12},
        {"id": "unit-month", "by": "tenant", "of": "money", "per": "month", "amount": 10**9},
        {"id": "model-now", "by": "model", "of": "concurrency", "amount": 20_000},
    ],
    "prices": {"*": {"prompt": 2, "completion": 8}},
}


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def process(
    command: list[str], ready: str, *, core: int | None = None, env: dict[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """Run a server until the context ends; it is up when `ready` answers.

    Raises:
        RuntimeError: it did not come up.
    """
    pinned = ["taskset", "-c", str(core), *command] if core is not None else command
    with open(log or os.devnull, "wb") as sink:  # noqa: PTH123 - devnull is no path of ours
        server = subprocess.Popen(
            pinned, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=sink, stderr=sink
        )
    try:
        end = time.monotonic() + UP_S
        while not _answers(ready):
            if server.poll() is not None or time.monotonic() > end:
                said = log.read_text(encoding="utf-8", errors="replace")[-500:] if log else ""
                raise RuntimeError(f"{' '.join(command[1:4])} did not come up: {said}")
            time.sleep(0.1)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 - our own address
            return bool(reply.status < 500)
    except urllib.error.HTTPError as error:
        return bool(error.code < 500)
    except OSError:
        return False


@contextmanager
def upstream(delay_ms: float, core: int | None) -> Iterator[str]:
    """Serve the made-up engine; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "eval.bench.gateway_upstream", "upstream", str(port)]
    with process([*command, str(delay_ms)], f"{url}/told", core=core):
        yield url


@contextmanager
def bare(target: str, core: int | None) -> Iterator[str]:
    """Serve the bare proxy; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "eval.bench.gateway_upstream", "bare", str(port), target]
    url = f"http://127.0.0.1:{port}"
    with process(command, f"{url}/none", core=core):
        yield url


@contextmanager
def gateway(
    target: str, home: Path, core: int | None, *, limits: dict[str, Any] | None = None
) -> Iterator[tuple[str, str, subprocess.Popen[bytes]]]:
    """Serve the gateway with everything on; yields its address, a key and the process."""
    home.mkdir(parents=True)
    engine = {
        "name": "bench", "urls": [f"{target}/v1"], "models": [{"name": MODEL}], "context": 32_768,
    }  # fmt: skip
    (home / "engines.yaml").write_text(yaml.safe_dump({"engines": [engine]}), encoding="utf-8")
    chosen = limits or LIMITS
    (home / "budgets.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
    env = {"CSPON_HOME": str(home), "CSPON_MODEL": "none", "CSPON_AUTH": "keys"}
    cli = [sys.executable, "-m", "cspon.cli"]
    made = subprocess.run(
        [*cli, "key", "create", "--user", "bench", "--tenant", "unit", "--json"],
        cwd=ROOT, env={**os.environ, **env}, check=True, capture_output=True,
    )  # fmt: skip
    secret: str = json.loads(made.stdout)["secret"]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = [*cli, "serve", "--port", str(port)]
    log = home / "serve.log"
    with process(serve, f"{url}/healthz", core=core, env=env, log=log) as server:
        yield url, secret, server


@contextmanager
def litellm(python: Path, target: str, folder: Path, core: int | None) -> Iterator[str]:
    """Serve the LiteLLM proxy with a bare configuration from an environment of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{MODEL}", "api_base": f"{target}/v1", "api_key": "none",
                },
            }
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }  # fmt: skip
    file = folder / "litellm.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(python.parent / "litellm"), "--config", str(file), "--port", str(port),
        "--host", "127.0.0.1", "--num_workers", "1",
    ]  # fmt: skip
    env = {
        "LITELLM_TELEMETRY": "False",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # loopback, for the run alone
    }
    with process(
        command, f"{url}/health/liveliness", core=core, env=env, log=folder / "litellm.log"
    ):
        yield url


def cpu_s(server: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds that a process and its threads have taken."""
    stat = Path(f"/proc/{server.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(server: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
