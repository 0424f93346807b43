"""`cspon conditions PARCEL`: the planning conditions of a parcel, without any model."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.settings import load_settings


def command(
    parcel: Annotated[
        Path,
        typer.Argument(help="地块边界：GeoJSON、Shapefile（或 zip）、GeoPackage、DXF、界址点 TXT"),
    ],
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    kind: Annotated[
        str, typer.Option("--type", help="拟建项目类型的代号、名称或别名，如 industrial_park、住宅")
    ] = "unspecified",
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天的规则，默认今天")
    ] = None,
    services: Annotated[float, typer.Option(help="公共服务设施的查找距离（米，直线）")] = 1000.0,
    epsg: Annotated[int | None, typer.Option(help="边界文件未写坐标系时指定，如 4547")] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存规划条件表（docx、md）、地图、GeoPackage、JSON 的目录")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """规划条件提取：规划用途、分区、控制线要求、道路、设施、坡度与控制指标."""
    from tools.catalogue import load_tools

    folder = load_settings(layers=layers).layers
    result = load_tools()["planning_conditions"].run(
        parcel=parcel,
        layers=folder,
        project_type=kind,
        asked_on=date.date() if date else None,
        services_m=services,
        epsg=epsg,
    )
    if out is not None:
        from tools.planning_conditions.sheet import save_sheet

        say_saved(*save_sheet(result, out, layers=folder))
    if as_json:
        print_json(result)
    else:
        data = result.data
        lead = [
            f"{data['parcel']}：{data['area_ha']:.4f} 公顷（{data['area_mu']:.2f} 亩）",
            data["headline"],
        ]
        show_result(result, lead=lead, skip=["demands"])
        for rule in data["demands"]:
            clauses = dict.fromkeys(f"《{b['title']}》{b['article'] or ''}" for b in rule["basis"])
            typer.echo(f"\n{rule['verdict']} {rule['title']}：{rule['message']}")
            for number, step in enumerate(rule["procedure"], start=1):
                typer.echo(f"  {number}. {step}")
            if clauses:
                typer.echo(f"  依据：{'；'.join(clauses)}")
    return 0
