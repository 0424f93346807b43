"""`cspon check BOUNDARY`: control lines, land use and rules for one project, without any model."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.tables import console, print_json, print_table, say_saved
from cspon.settings import load_settings

if TYPE_CHECKING:
    from cspon.schemas.spatial import ToolResult

_STYLES = {
    "符合": "bold green",
    "不符合": "bold red",
    "需论证": "bold yellow",
    "数据缺失": "bold magenta",
}


def command(
    boundary: Annotated[
        Path,
        typer.Argument(help="项目边界：GeoJSON、Shapefile（或 zip）、GeoPackage、DXF、界址点 TXT"),
    ],
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            help="项目类型的代号、名称或别名，如 industrial_park、住宅、道路；写错时列出全部",
        ),
    ] = "unspecified",
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天的规则检查，默认今天")
    ] = None,
    epsg: Annotated[int | None, typer.Option(help="边界文件未写坐标系时指定，如 4547")] = None,
    sliver: Annotated[
        float,
        typer.Option(
            min=0.0, help="容差：单块不足该面积（平方米）的重叠按边界接触处理，不计入占用"
        ),
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(help="另存 JSON、冲突图斑 GeoPackage、地图、报告（md、docx、pdf）的目录"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """控制线合规性检查：退出码 0 为符合，1 为发现问题，2 为输入有误."""
    from cspon.schemas.spatial import Verdict
    from tools.catalogue import load_tools

    folder = load_settings(layers=layers).layers
    result = load_tools()["check_compliance"].run(
        boundary=boundary,
        layers=folder,
        project_type=kind,
        asked_on=date.date() if date else None,
        sliver_m2=sliver,
        epsg=epsg,
    )
    if out is not None:
        _save(result, out, boundary, folder)
    if as_json:
        print_json(result)
    else:
        _show(result)
    return 0 if result.data["verdict"] == Verdict.PASS else 1


def _save(result: "ToolResult", out: Path, boundary: Path, layers: Path) -> None:
    from tools.compliance.export import save_result

    files, notices = save_result(result, out, boundary=boundary, layers=layers)
    say_saved(files, notices)


def _show(result: "ToolResult") -> None:
    """Print the result for a reader: verdict, tables, procedure, what is not known."""
    target, data = console(), result.data
    target.print(f"[{_STYLES[data['verdict']]}]{data['headline']}[/]")
    target.print(f"项目面积 {data['area_ha']:.4f} 公顷（EPSG:{data['epsg']}）")
    for table in result.tables:
        if table.rows and table.name != "rules":
            print_table(target, table)
    for rule in data["rules"]:
        style = _STYLES[rule["verdict"]]
        target.print(f"\n[{style}]{rule['verdict']}[/] {rule['title']}：{rule['message']}")
        for number, step in enumerate(rule["procedure"], start=1):
            target.print(f"  {number}. {step}")
        if rule["approval"]:
            target.print(f"  审批（审核）层级：{rule['approval']}")
        laws = dict.fromkeys(f"《{b['title']}》{b['article'] or ''}" for b in rule["basis"])
        if laws:
            target.print(f"  依据：{'；'.join(laws)}", style="dim")
    for warning in result.warnings:
        typer.echo(f"注意：{warning}", err=True)
    for unknown in data["unknowns"]:
        typer.echo(f"未核查：{unknown}", err=True)
