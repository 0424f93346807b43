"""`cspon ask QUESTION`: one question, one answer with verified clauses and tool figures."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.assembly import open_assistant, say
from cspon.errors import InputError
from cspon.schemas.agent import Answer, RefusalKind
from cspon.settings import load_settings

DATA = "data"
"""Folder under `--out` into which tools write the data that a user asks for."""


def command(
    question: Annotated[str, typer.Argument(help="问题")],
    boundary: Annotated[
        Path | None,
        typer.Option(help="项目边界：GeoJSON、Shapefile（或 zip）、GeoPackage、DXF、界址点 TXT"),
    ] = None,
    before: Annotated[
        Path | None, typer.Option(help="前一版规划：目录（含 layers.yaml）或矢量文件，用于版本比对")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="规划成果数据库：文件夹、.gpkg、.gdb、.shp，用于质检")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="通勤起讫点表（CSV），用于通勤时间")] = None,
    epsg: Annotated[
        int | None, typer.Option(help="边界文件未说明坐标系时，用 EPSG 代码指明")
    ] = None,
    layers: Annotated[Path | None, typer.Option(help="图层目录（含 layers.yaml）")] = None,
    model: Annotated[str | None, typer.Option(help="对话模型 provider:model，none 为不用")] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天的效力回答，默认今天")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存回答、各工具的报告与地图、所要导出的数据的目录")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """提问：给出带核验引文和工具数据的回答."""
    settings = load_settings(layers=layers, model=model)
    files = _given(boundary=boundary, before=before, database=database, table=table)
    workspace = out / DATA if out is not None else None
    with open_assistant(settings) as assistant:

        async def run() -> Answer:
            answer, spoken = None, False
            async for event in assistant.stream(
                question,
                files=files,
                workspace=workspace,
                epsg=epsg,
                asked_on=date.date() if date else None,
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
    return finish(answer, files=files, layers=settings.layers, out=out, as_json=as_json)


def _given(**files: Path | None) -> dict[str, Path]:
    """Return the files that were given.

    Raises:
        InputError: one is not there.
    """
    for name, path in files.items():
        if path is not None and not path.exists():
            raise InputError("文件不存在", file=path, mend=f"检查 --{name} 的路径")
    return {name: path for name, path in files.items() if path is not None}


def finish(
    answer: Answer, *, files: Mapping[str, Path], layers: Path, out: Path | None, as_json: bool
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

        for saved in save_answer(answer, out, files=files, layers=layers):
            say(f"已保存 {saved.title}：{out / saved.name}")
    if answer.refusal is None:
        return 0
    say(f"未作答（{answer.refusal.kind}）：{answer.refusal.message}")
    if answer.refusal.mend:
        say(f"处理办法：{answer.refusal.mend}")
    return 2 if answer.refusal.kind is RefusalKind.NEEDS_INPUT else 0
