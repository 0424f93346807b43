"""`cspon diff BEFORE AFTER`: two versions of a layer of a plan compared."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.errors import InputError


def command(
    before: Annotated[
        Path, typer.Argument(help="前一版：图层目录（含 layers.yaml），或 GeoPackage、Shapefile")
    ],
    after: Annotated[Path, typer.Argument(help="后一版，同上")],
    role: Annotated[
        str, typer.Option("--layer", help="图层的角色或名称，如 planned_land_use、GHFQ、CZKFBJ")
    ] = "planned_land_use",
    field: Annotated[
        str | None, typer.Option(help="按哪个字段比对，默认编码字段；没有编码的图层只分线内外")
    ] = None,
    sliver: Annotated[float, typer.Option(help="不足该面积（平方米）的变化图斑按碎片另列")] = 100.0,
    sliver_width: Annotated[
        float, typer.Option(help="平均宽度不足该值（米）的变化图斑按碎片另列")
    ] = 1.0,
    scheme: Annotated[
        str | None, typer.Option(help="单个文件的编码体系，如 ydyh_2023、planning_zones")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存报告（docx、md）、地图、变化图斑、转移矩阵的目录")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """规划版本比对：新增、删除、移动、编码变化，面积转移矩阵闭合."""
    from cspon.schemas.spatial import CodeScheme
    from tools.catalogue import load_tools

    if scheme is not None and scheme not in get_args(CodeScheme):
        raise InputError(
            f"没有编码体系 {scheme}",
            field="scheme",
            mend=f"可用：{'、'.join(get_args(CodeScheme))}",
        )
    result = load_tools()["compare_plan_versions"].run(
        before=before,
        after=after,
        role=role,
        field=field,
        sliver_m2=sliver,
        sliver_width_m=sliver_width,
        scheme=scheme,
    )
    if out is not None:
        from tools.plan_versions.report import save_comparison

        say_saved(*save_comparison(result, out, after=after))
    if as_json:
        print_json(result)
    else:
        data = result.data
        lead = [
            f"{data['title']}（{data['layer']}）：变更 {data['changed_ha']:.4f} 公顷，"
            f"新增 {data['added_ha']:.4f} 公顷，删除 {data['removed_ha']:.4f} 公顷"
        ]
        show_result(result, lead=lead)
    return 0
