"""`embedded:` — a GGUF model on this machine's CPU, served by llama.cpp through xllamacpp.

Knows which file is served and how the engine's process is started, reused and stopped: one
process a machine (per engines' folder), shared by every client. Does not know the HTTP protocol
(`llm.openai_compatible`) or process handling (`llm.server_process`).
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from cspon.errors import ModelUnavailable, missing_extra
from llm import server_process
from llm.chat import ChatDelta, ChatReply, ChatRequest, Health
from llm.fetch import Progress, fetch_model, silent
from llm.models import check_gguf, packaged_model
from llm.openai_compatible import OpenAICompatibleModel
from llm.providers import ModelOptions
from llm.server_process import ServerRecord

NAME = "embedded"
"""Name of the record, lock and log in the engines' folder."""

HOST = "127.0.0.1"
PARALLEL = 2
"""Requests served side by side; more share the same cores and gain nothing here."""

READY_S = 180.0
"""Loading takes 5 s on an idle machine and much longer on a busy one or from a cold disk."""

START = "运行 cspon engine start"
ROOT = Path(__file__).resolve().parents[1]


class EmbeddedModel:
    """The embedded model as a client of the running engine.

    It starts nothing: `start` does. Each request looks up where the engine listens now, so a
    restarted engine is found again.

    Args:
        model: Name in `models.yaml`, or what to call the user's `options.model_path`.
        options: Folders, port, time-out and the user's model file.
    """

    def __init__(self, model: str, options: ModelOptions) -> None:
        self._model, self._options = served_name(model, options.model_path), options
        self._client: tuple[str, OpenAICompatibleModel] | None = None

    @property
    def name(self) -> str:
        """`embedded:<model>`."""
        return f"embedded:{self._model}"

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer at once.

        Raises:
            ModelUnavailable: the engine is not started, serves another model, or fails.
        """
        return await self._connect().complete(request)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Answer piece by piece.

        Raises:
            ModelUnavailable: as for `complete`; also when the engine ends meanwhile.
        """
        pieces = self._connect().stream(request)
        try:
            async for delta in pieces:
                yield delta
        finally:
            await pieces.aclose()

    async def health(self) -> Health:
        """Say whether the engine runs and offers the model; never raises."""
        try:
            return await self._connect().health()
        except ModelUnavailable as error:
            return Health(ok=False, detail=str(error))

    async def aclose(self) -> None:
        """Close the connections; the engine goes on."""
        if self._client is not None:
            await self._client[1].aclose()
            self._client = None

    def _connect(self) -> OpenAICompatibleModel:
        record = server_process.read_record(self._options.engine_dir, NAME)
        if record is None:
            raise ModelUnavailable(f"嵌入式引擎没有运行；请{START}")
        if record.model != self._model:
            raise ModelUnavailable(
                f"嵌入式引擎正在提供的是 {record.model}，不是 {self._model}；请{START} 换成后者"
            )
        if self._client is None or self._client[0] != record.address:
            client = OpenAICompatibleModel(
                record.model,
                base_url=record.address,
                timeout_s=self._options.timeout_s,
                name=self.name,
            )
            self._client = (record.address, client)
        return self._client[1]


def served_name(model: str, model_path: Path | None) -> str:
    """Return the name under which a model is served: the user's file goes by its own name.

    Raises:
        SetupError: without a file, when the name is not known.
    """
    return packaged_model(model).name if model_path is None else model_path.stem


def start(model: str, options: ModelOptions, *, progress: Progress = silent) -> ServerRecord:
    """Make sure that the engine runs with this model, and wait until it answers.

    A running engine with the same file, context and threads is reused; another one is restarted.
    The model file is fetched and verified first if need be.

    Raises:
        SetupError: xllamacpp is missing, the file cannot be had, no port is free, or the engine
            does not come up.
        InputError: the user's file is no GGUF model.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise missing_extra("xllamacpp", "embedded")
    name = served_name(model, options.model_path)
    if options.model_path is not None:
        file = check_gguf(options.model_path)
        progress(f"使用自备模型文件 {file}")
    else:
        file = fetch_model(model, options.models_dir, progress=progress)
    threads = options.threads or cores()
    fingerprint = _fingerprint(file.resolve(), options.context, threads)
    folder = options.engine_dir
    with server_process.exclusive(folder, NAME, progress):
        record = server_process.read_record(folder, NAME)
        if record is not None and record.fingerprint != fingerprint:
            progress(f"正在运行的引擎（{record.model}）模型或设置不同，停止后重新启动")
            server_process.end(folder, record)
            record = None
        if record is None:
            record = _spawn(file, name, threads, fingerprint, options, progress)
        try:
            server_process.await_ready(
                record, limit_s=READY_S, progress=progress, what="嵌入式引擎"
            )
        except BaseException:
            server_process.end(folder, record)
            raise
    return record


def _fingerprint(file: Path, context: int, threads: int) -> str:
    """What a running engine must share with the wanted one: file, settings, and our server's code."""
    stat = file.stat()
    code = hashlib.sha256(Path(__file__).with_name("embedded_server.py").read_bytes()).hexdigest()
    package = importlib.metadata.version("xllamacpp")
    parts = (file, stat.st_size, stat.st_mtime_ns, context, threads, package, code[:12])
    return "|".join(map(str, parts))


def _spawn(
    file: Path,
    name: str,
    threads: int,
    fingerprint: str,
    options: ModelOptions,
    progress: Progress,
) -> ServerRecord:
    port = server_process.free_port(HOST, options.engine_port)
    if options.engine_port not in (0, port):
        progress(f"端口 {options.engine_port} 被占用，改用 {port}")
    command = [sys.executable, "-m", "llm.embedded_server"]
    command += ["--model", str(file.resolve()), "--alias", name]
    command += ["--host", HOST, "--port", str(port), "--context", str(options.context)]
    command += ["--parallel", str(PARALLEL), "--threads", str(threads)]
    progress(f"启动嵌入式引擎：{name}，{threads} 线程，端口 {port}")
    return server_process.spawn(
        options.engine_dir,
        NAME,
        command,
        host=HOST,
        port=port,
        model=name,
        fingerprint=fingerprint,
        working_directory=ROOT,
    )


def cores() -> int:
    """Return the physical cores at hand: a second thread on a core slows llama.cpp down."""
    available = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if available is None:
        return max(1, (os.cpu_count() or 2) // 2)
    siblings = set()
    for cpu in available:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(topology.read_text().strip())
        except OSError:
            return len(available)
    return max(1, len(siblings))
