"""`cspon extract`: base maps and base figures of an area, clipped, filtered and desensitised."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.schemas.base import Secrecy
from cspon.settings import load_settings


def command(
    boundary: Annotated[
        Path | None,
        typer.Argument(help="范围边界：GeoJSON、Shapefile（或 zip）、GeoPackage、DXF、界址点 TXT"),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="行政单元的名称或代码，代替边界文件")] = None,
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="图层名或角色，可多次；默认全部可读的矢量图层")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help='筛选条件，可多次，须同时满足：如 "DLBM starts_with 01"、"MJ ge 1000"'),
    ] = None,
    code: Annotated[
        list[str] | None, typer.Option(help="编码的开头，可多次，满足其一即可，如 01")
    ] = None,
    clearance: Annotated[Secrecy, typer.Option(help="读取人的权限")] = Secrecy.PUBLIC,
    drop: Annotated[list[str] | None, typer.Option(help="不导出的字段，可多次")] = None,
    round_m: Annotated[
        float | None, typer.Option("--round", help="坐标取整到多少米（脱敏），默认不取整")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="导出目录；不写则只统计底数")] = None,
    file_format: Annotated[
        Literal["gpkg", "shp", "geojson", "csv"], typer.Option("--format", help="导出格式")
    ] = "gpkg",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="覆盖同名文件")] = False,
    max_features: Annotated[int, typer.Option(help="每个图层的要素上限")] = 500_000,
    epsg: Annotated[int | None, typer.Option(help="边界文件未写坐标系时指定，如 4547")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """底图底数提取：裁剪、筛选、脱敏、导出，并按编码统计底数."""
    from tools.base_data.filters import parse_filter
    from tools.catalogue import load_tools

    result = load_tools()["extract_base_data"].run(
        layers=load_settings(layers=layers).layers,
        boundary=boundary,
        unit=unit,
        names=tuple(layer or ()),
        where=tuple(parse_filter(text) for text in where or ()),
        codes=tuple(code or ()),
        clearance=clearance,
        drop_fields=tuple(drop or ()),
        round_m=round_m,
        out=out,
        file_format=file_format,
        overwrite=overwrite,
        max_features=max_features,
        epsg=epsg,
    )
    data = result.data
    if out is not None:
        say_saved({name: out / name for name in data["files"]})
    if as_json:
        print_json(result)
        return 0
    area = "" if data["area_ha"] is None else f"，{data['area_ha']:.4f} 公顷"
    show_result(result, lead=[f"{data['area']}{area}；读取人权限 {data['clearance']}"])
    for item in data["withheld"]:
        typer.echo(f"未导出或已处理：{item['what']}：{item['why']}", err=True)
    return 0
