"""`cspon serve`: the gateway, with `--ui` also the chat page."""

from pathlib import Path
from typing import Annotated

import typer

from cspon.settings import load_settings


def command(
    host: Annotated[str | None, typer.Option(help="监听地址，默认只限本机 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="端口，默认 8765；0 为任取空闲端口")] = None,
    ui: Annotated[bool, typer.Option("--ui", help="同时打开问答页面 /ui")] = False,
    model: Annotated[
        str | None, typer.Option(help="对话模型 provider:model，例如 openai:qwen3-8b、none")
    ] = None,
    layers: Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml）")] = None,
) -> None:
    """启动服务：OpenAI 兼容接口、工具接口，加 --ui 另有问答页面；按 Ctrl-C 停止."""
    settings = load_settings(host=host, port=port, model=model, layers=layers)
    try:
        from serving.run import serve
    except ModuleNotFoundError as error:
        from cspon.errors import missing_extra

        raise missing_extra(error.name or "fastapi", "serve") from None

    def ready(address: str) -> None:
        typer.echo(f"服务已启动：{address}", err=True)
        typer.echo(f"  OpenAI 兼容接口  {address}/v1（模型 cspon-assistant）", err=True)
        if ui:
            typer.echo(f"  问答页面        {address}/ui/", err=True)
        typer.echo("  状态            " + f"{address}/readyz", err=True)
        typer.echo("按 Ctrl-C 停止。", err=True)

    try:
        serve(settings, ui=ui, on_ready=ready)
    except KeyboardInterrupt:  # uvicorn has already shut down in order
        typer.echo("服务已停止。", err=True)
