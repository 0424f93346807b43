"""A model server as a process of its own: started detached, recorded, awaited, stopped.

Knows process ids, locks, ports, logs and health addresses. Does not know any engine's command
line. There is one record a name in the engines' folder, so all our processes on the machine that
share this folder share one server; a lock makes two starters wait for each other.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen

Progress = Callable[[str], None]

STOP_S = 5.0
"""Seconds between asking a server to end and ending it."""

PORTS_TRIED = 20


class ServerRecord(Frozen):
    """A server that we started; lives as `<name>.json` in the engines' folder."""

    name: str
    pid: int
    born: str
    """Start time of the process as the kernel counts it: a reused pid has another one."""
    host: str
    port: int
    model: str
    """Name under which the server offers the model."""
    fingerprint: str
    """What must be equal for a running server to be reused: file, context, threads …"""
    log: Path
    started_at: datetime
    command: tuple[str, ...]

    @property
    def address(self) -> str:
        """Base address for OpenAI-compatible clients."""
        return f"http://{self.host}:{self.port}/v1"

    @property
    def alive(self) -> bool:
        """Whether the very process that was recorded still runs."""
        return process_birth(self.pid) == self.born


def process_birth(pid: int) -> str | None:
    """Return a mark of the process's start, or None when no live process has that id."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return None if not shown or shown.startswith("Z") else shown.partition(" ")[2].strip()


def read_record(folder: Path, name: str) -> ServerRecord | None:
    """Return the record of a server that still runs; a stale or damaged one counts as none."""
    try:
        record = ServerRecord.model_validate_json(_record_file(folder, name).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return record if record.alive else None


@contextlib.contextmanager
def exclusive(folder: Path, name: str, progress: Progress) -> Iterator[None]:
    """Hold the start-and-stop lock of a server; waits for another process that holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f"{name}.lock").open("w")
    except OSError as error:
        raise SetupError(f"无法写入引擎目录 {folder}：{error}", mend="检查 CSPON_HOME") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("另一个进程正在启动或停止引擎，等待中")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port(host: str, first: int, *, tried: int = PORTS_TRIED) -> int:
    """Return the first free port from `first` on; any free one for 0.

    Raises:
        SetupError: all of them are in use.
    """
    if first == 0:
        tried = 1
    for port in range(first, min(first + tried, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupError(
        f"端口 {first}–{first + tried - 1} 均被占用，引擎无法监听",
        mend="结束占用端口的程序，或用 CSPON_ENGINE_PORT 换一个端口",
    )


def spawn(
    folder: Path,
    name: str,
    command: list[str],
    *,
    host: str,
    port: int,
    model: str,
    fingerprint: str,
    environment: dict[str, str] | None = None,
    working_directory: Path | None = None,
) -> ServerRecord:
    """Start a detached process that outlives this one, and record it (call under the lock).

    A shell in between hands the process over to init: no zombie is left with us.
    """
    log = folder.resolve() / f"{name}.log"
    shell = 'log="$0"; "$@" >"$log" 2>&1 </dev/null & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", shell, str(log), *command],
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
        cwd=working_directory,
        env={**os.environ, **(environment or {})},
    )
    pid = int(started.stdout)
    record = ServerRecord(
        name=name,
        pid=pid,
        born=process_birth(pid) or "",
        host=host,
        port=port,
        model=model,
        fingerprint=fingerprint,
        log=log,
        started_at=datetime.now(UTC),
        command=tuple(command),
    )
    temporary = _record_file(folder, name).with_suffix(".part")
    temporary.write_text(record.model_dump_json(indent=2), encoding="utf-8")
    temporary.replace(_record_file(folder, name))
    return record


def answers(record: ServerRecord, *, timeout_s: float = 2.0) -> bool:
    """Whether the server is up and offers its model: its `/v1/models` names it."""
    try:
        reply = httpx.get(f"{record.address}/models", timeout=timeout_s, trust_env=False)
        offered = reply.json().get("data", []) if reply.status_code == 200 else []
        return any(model.get("id") == record.model for model in offered)
    except (httpx.HTTPError, json.JSONDecodeError):
        return False


def await_ready(record: ServerRecord, *, limit_s: float, progress: Progress, what: str) -> None:
    """Wait until the server offers its model.

    Raises:
        SetupError: it ended, or took longer than `limit_s` seconds; with the end of its log.
    """
    started = time.monotonic()
    next_word = 3.0
    while record.alive:
        if answers(record):
            progress(f"{what}已就绪：{record.address}（用时 {time.monotonic() - started:.1f} 秒）")
            return
        waited = time.monotonic() - started
        if waited > limit_s:
            raise SetupError(
                f"{what}在 {limit_s:g} 秒内没有就绪；日志 {record.log} 的末尾：{log_tail(record.log)}",
                mend="机器繁忙时稍后再试 cspon engine start；仍不行则查看日志",
            )
        if waited > next_word:
            progress(f"{what}正在载入模型，已 {waited:.0f} 秒")
            next_word = waited + 5
        time.sleep(0.1)
    raise SetupError(
        f"{what}启动后退出；日志 {record.log} 的末尾：{log_tail(record.log)}",
        mend="按日志处理后再运行 cspon engine start",
    )


def end(folder: Path, record: ServerRecord) -> None:
    """Stop the server: ask, wait, then kill; removes the record (call under the lock)."""
    for wish, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        if not record.alive:
            break
        with contextlib.suppress(ProcessLookupError):
            if wish == signal.SIGKILL:  # its workers too: the session is theirs alone
                os.killpg(os.getpgid(record.pid), wish)
            else:
                os.kill(record.pid, wish)
        until = time.monotonic() + patience_s
        while record.alive and time.monotonic() < until:
            time.sleep(0.05)
    if record.alive:
        raise SetupError(f"引擎进程 {record.pid} 无法结束", mend=f"kill -9 {record.pid}")
    _record_file(folder, record.name).unlink(missing_ok=True)


def log_tail(log: Path, lines: int = 4) -> str:
    """Return the last lines of a log as one line."""
    try:
        return " | ".join(
            log.read_text(encoding="utf-8", errors="replace").split("\n")[-lines - 1 :]
        )
    except OSError:
        return "（无日志）"


def _record_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
