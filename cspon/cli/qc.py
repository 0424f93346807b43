"""`cspon qc DATABASE`: quality check of a plan database, without any model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cspon.schemas.spatial import ToolResult

_STYLES = {"错误": "bold red", "警告": "bold yellow", "提示": "dim"}
_PIPE_WIDTH = 132
"""Columns of a table that goes to a file or a pipe."""


def command(
    database: Annotated[
        Path, typer.Argument(help="成果文件夹，或 GeoPackage、FileGDB、Shapefile 文件")
    ],
    pack: Annotated[
        str, typer.Option(help="规则包：自带的编号，或自己的规则包文件夹")
    ] = "county_master_plan",
    indicators: Annotated[
        Path | None, typer.Option(help="规划指标表（xlsx 或 csv），核对图数一致性，容差 1 公顷")
    ] = None,
    upper: Annotated[
        Path | None, typer.Option(help="上级下达指标表（csv 或 xlsx），按不低于、不高于核对")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="另存 JSON、错误图层 GeoPackage、报告（md、docx）的目录"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="大图层使用的进程数")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """规划成果数据库质检：退出码 0 为通过，1 为发现错误或警告，2 为输入有误."""
    from tools.quality_check.check import run

    result = run(
        database, pack, indicators, upper, workers, lambda text: typer.echo(text, err=True)
    )
    if out is not None:
        from tools.quality_check.report import save_result

        for kind, path in save_result(result, out).items():
            typer.echo(f"已保存 {kind}：{path}", err=True)
    if as_json:
        record = result.model_dump(mode="json", exclude={"layers", "tables"})
        typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
    else:
        _show(result)
    return 0 if result.data["passed"] else 1


def _show(result: "ToolResult") -> None:
    """Print the verdict, the summary and what was not checked."""
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    data = result.data
    console.print(f"[{'bold green' if data['passed'] else 'bold red'}]{data['headline']}[/]")
    summary = next(table for table in result.tables if table.name == "summary")
    if summary.rows:
        grid = Grid(title="问题汇总", title_justify="left")
        for title in ("检查项", "图层", "级别", "数量", "示例"):
            grid.add_column(title, justify="right" if title == "数量" else "left")
        first: dict[tuple[str, str], str] = {}
        for found in data["findings"]:
            first.setdefault((found["title"], found["layer"]), _place(found))
            first.setdefault((found["title"], ""), _place(found))
        for row in summary.rows:
            style = _STYLES[row["severity"]]
            grid.add_row(
                row["title"],
                row["layer"],
                f"[{style}]{row['severity']}[/]",
                f"{row['found']:,}",
                first.get((row["title"], row["layer"]), ""),
            )
        console.print(grid)
    for warning in result.warnings:
        typer.echo(f"注意：{warning}", err=True)
    for text in data["unchecked"]:
        typer.echo(f"未检查：{text}", err=True)


def _place(found: dict[str, object]) -> str:
    fid = f"fid {found['fid']}：" if found["fid"] is not None else ""
    return f"{fid}{found['message']}".replace("[", "\\[")
