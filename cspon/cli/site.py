"""`cspon site REQUEST`: candidate sites by constraints and weighted criteria."""

from pathlib import Path
from typing import Annotated

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.errors import InputError
from cspon.settings import load_settings


def command(
    request: Annotated[
        Path | None, typer.Argument(help="选址条件（YAML）；样例用 --example 打印")
    ] = None,
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    boundary: Annotated[Path | None, typer.Option(help="研究范围的边界文件，默认全县")] = None,
    unit: Annotated[str | None, typer.Option(help="研究范围为行政单元：名称或代码")] = None,
    epsg: Annotated[int | None, typer.Option(help="边界文件未写坐标系时指定，如 4547")] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存报告（docx、md）、地图、候选地块 GeoPackage 的目录")
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="打印选址条件样例")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """项目智能选址：约束加权指标，给出候选地块的排序、理由与敏感性."""
    from tools.catalogue import load_tools
    from tools.site_selection.request import EXAMPLE, read_request

    if example:
        typer.echo(EXAMPLE, nl=False)
        return 0
    if request is None:
        raise InputError(
            "没有给出选址条件",
            field="request",
            mend="cspon site --example > 选址.yaml，改好后 cspon site 选址.yaml",
        )
    result = load_tools()["select_sites"].run(
        layers=load_settings(layers=layers).layers,
        request=read_request(request),
        boundary=boundary,
        unit=unit,
        epsg=epsg,
    )
    if out is not None:
        from tools.site_selection.report import save_selection

        say_saved(*save_selection(result, out))
    if as_json:
        print_json(result)
    else:
        data = result.data
        lead = [
            f"{data['title']}：{data['study']} {data['study_ha']:.4f} 公顷，候选 {data['found']} 处"
        ]
        show_result(result, lead=lead)
    return 0
