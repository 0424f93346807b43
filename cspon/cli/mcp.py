"""`cspon mcp`: the tools for an assistant on this machine, over standard input and output."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cspon.errors import missing_extra
from cspon.settings import load_settings


def command(
    layers: Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml）")] = None,
) -> None:
    """以 MCP（标准输入输出）向本机的智能体客户端提供全部工具；由客户端启动，不必手工运行."""
    settings = load_settings(layers=layers)
    try:
        from serving.mcp.stdio import serve_stdio
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "mcp", "serve") from None
    asyncio.run(serve_stdio(settings))
