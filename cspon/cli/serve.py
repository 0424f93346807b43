"""`cspon serve`: the gateway, with `--ui` also the chat page."""

from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import say, start_engine
from cspon.errors import InputError, SetupError, missing_extra
from cspon.settings import Settings, load_settings


def command(
    host: Annotated[str | None, typer.Option(help="监听地址，默认只限本机 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="端口，默认 8765；0 为任取空闲端口")] = None,
    ui: Annotated[bool, typer.Option("--ui", help="同时打开问答页面 /ui")] = False,
    model: Annotated[
        str | None, typer.Option(help="对话模型 provider:model，例如 openai:qwen3-8b、none")
    ] = None,
    layers: Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml）")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="证书（PEM），给出则以 https 服务")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="证书的私钥（PEM）")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="客户端须出示由它签发的证书（双向 TLS）")
    ] = None,
) -> None:
    """启动服务：OpenAI 兼容接口、工具接口，加 --ui 另有问答页面；按 Ctrl-C 停止."""
    settings = load_settings(
        host=host, port=port, model=model, layers=layers,
        tls_cert=tls_cert, tls_key=tls_key, tls_client_ca=tls_client_ca,
    )  # fmt: skip
    try:
        from serving.run import listen, serve
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve") from None

    def ready(address: str) -> None:
        say(f"服务已启动：{address}")
        if ui:
            say(f"  问答页面    {address}/ui/")
        say(f"  知识库      {address}/kb")
        say(f"  接口        {address}/v1（OpenAI 兼容，模型 cspon/assistant、cspon/model）")
        say(f"  状态        {address}/readyz")
        if settings.auth == "keys" or settings.host not in ("127.0.0.1", "::1", "localhost"):
            who = "访问" if settings.auth == "keys" else "经网络访问"
            say(f"{who}须有密钥：用 cspon key create 发放，页面在 {address}/login 登录")
        say("按 Ctrl-C 停止。")

    with listen(settings.host, settings.port) as opened:  # before anything slow is started
        _start_engine(settings)
        try:
            serve(settings, opened, ui=ui, on_ready=ready)
        except KeyboardInterrupt:  # the server has already shut down in order
            say("服务已停止。")


def _start_engine(settings: Settings) -> None:
    """Start the embedded engine where the model needs it; without it the service is degraded."""
    if not settings.model.startswith("embedded:"):
        return
    try:
        start_engine(settings)
    except (SetupError, InputError) as error:
        say(f"注意：大模型不可用，服务将只给出工具结论与条文原文。{error}")
