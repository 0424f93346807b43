"""`cspon ask QUESTION`: one question, one answer with verified clauses and tool figures."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import open_assistant, say
from cspon.schemas.agent import Answer, RefusalKind
from cspon.settings import load_settings


def command(
    question: Annotated[str, typer.Argument(help="问题")],
    boundary: Annotated[
        Path | None,
        typer.Option(help="项目边界：GeoJSON、Shapefile（或 zip）、GeoPackage、DXF、界址点 TXT"),
    ] = None,
    epsg: Annotated[
        int | None, typer.Option(help="边界文件未说明坐标系时，用 EPSG 代码指明")
    ] = None,
    layers: Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml）")] = None,
    model: Annotated[str | None, typer.Option(help="对话模型 provider:model，none 为不用")] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天的效力回答，默认今天")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="另存 Markdown、JSON、PNG、docx 的目录")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """提问：给出带核验引文和工具数据的回答."""
    settings = load_settings(layers=layers, model=model)
    if boundary is not None and not boundary.exists():
        from cspon.errors import InputError

        raise InputError("文件不存在", file=boundary, mend="检查 --boundary 的路径")
    with open_assistant(settings) as assistant:

        async def run() -> Answer:
            answer, spoken = None, False
            async for event in assistant.stream(
                question, boundary=boundary, epsg=epsg, asked_on=date.date() if date else None
            ):
                if event.kind == "progress":
                    say(f"· {event.text}" if not spoken else f"\n· {event.text}")
                elif event.kind == "delta" and not as_json:
                    typer.echo(event.text, nl=False)
                    spoken = True
                answer = event.answer or answer
            assert answer is not None, "a run ends with its answer"
            return answer

        answer = asyncio.run(run())
    return finish(answer, boundary=boundary, layers=settings.layers, out=out, as_json=as_json)


def finish(
    answer: Answer, *, boundary: Path | None, layers: Path, out: Path | None, as_json: bool
) -> int:
    """Print what is left to print, save what was asked for, and return the exit code."""
    if as_json:
        typer.echo(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        typer.echo("")
        for notice in answer.notices:
            say(f"注意：{notice}")
    if out is not None:
        from agents.assistant.export import save_answer

        for kind, path in save_answer(answer, out, boundary=boundary, layers=layers).items():
            say(f"已保存 {kind}：{path}")
    if answer.refusal is None:
        return 0
    say(f"未作答（{answer.refusal.kind}）：{answer.refusal.message}")
    if answer.refusal.mend:
        say(f"处理办法：{answer.refusal.mend}")
    return 2 if answer.refusal.kind is RefusalKind.NEEDS_INPUT else 0
