"""The engines that serve models here: `embedded`, `vllm-cpu`, and the command for `vllm-gpu`.

Knows which engine is which and what to say of it. Each engine's own module knows how it starts.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from llm import embedded, server_process, vllm
from llm.fetch import Progress, silent
from llm.providers import ModelOptions
from llm.server_process import ServerRecord

ENGINES = ("embedded", "vllm-cpu", "vllm-gpu")

_START: dict[str, Callable[..., ServerRecord]] = {
    embedded.NAME: embedded.start,
    vllm.NAME: vllm.start,
}


class EngineStatus(Frozen):
    """What is known of an engine; empty fields where it does not run."""

    engine: str
    running: bool
    """The process lives."""
    ready: bool
    """It answers and offers the model."""
    detail: str
    model: str | None = None
    address: str | None = None
    """For `openai:` clients, ending in `/v1`."""
    pid: int | None = None
    started_at: datetime | None = None
    log: Path | None = None


def start(
    engine: str, model: str, options: ModelOptions, *, progress: Progress = silent
) -> EngineStatus:
    """Make sure that an engine serves the model, and wait until it answers; reuses a running one.

    Args:
        engine: `embedded` or `vllm-cpu`.
        model: Name in `models.yaml`; for vLLM also a Hugging Face folder.
        options: Folders, port, context, threads, the user's model file.
        progress: Gets lines in Chinese.

    Raises:
        SetupError: something must be installed or freed first; says what.
        InputError: the user's model file is not usable.
    """
    if engine == "vllm-gpu":
        raise SetupError(
            "vLLM GPU 引擎由运维启动，本命令只给出启动命令",
            mend="cspon engine start --engine vllm-gpu 会打印命令",
        )
    _known(engine)
    return _describe(engine, _START[engine](model, options, progress=progress), options)


def stop(engine: str, options: ModelOptions, *, progress: Progress = silent) -> bool:
    """Stop an engine; returns whether one ran.

    Raises:
        SetupError: it cannot be ended.
    """
    _known(engine)
    with server_process.exclusive(options.engine_dir, engine, progress):
        record = server_process.read_record(options.engine_dir, engine)
        if record is not None:
            server_process.end(options.engine_dir, record)
    return record is not None


def status(engine: str, options: ModelOptions) -> EngineStatus:
    """Say whether an engine runs and answers; never waits long and never raises for a dead one."""
    _known(engine)
    return _describe(engine, server_process.read_record(options.engine_dir, engine), options)


def _describe(engine: str, record: ServerRecord | None, options: ModelOptions) -> EngineStatus:
    if record is None:
        log = options.engine_dir / f"{engine}.log"
        seen = f"；上次日志 {log}" if log.exists() else ""
        return EngineStatus(engine=engine, running=False, ready=False, detail=f"没有运行{seen}")
    ready = server_process.answers(record)
    return EngineStatus(
        engine=engine,
        running=True,
        ready=ready,
        detail="正在提供服务" if ready else "进程在运行，但没有应答",
        model=record.model,
        address=record.address,
        pid=record.pid,
        started_at=record.started_at,
        log=record.log,
    )


def _known(engine: str) -> None:
    if engine not in ENGINES:
        raise SetupError(f"没有名为 {engine!r} 的引擎；可用：{'、'.join(ENGINES)}")
