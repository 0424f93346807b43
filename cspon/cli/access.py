"""`cspon access KIND`: who reaches what in how many minutes, on the street network."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.errors import InputError
from cspon.settings import load_settings


def command(
    kind: Annotated[
        str,
        typer.Argument(
            help="community_circle（15 分钟社区生活圈）、park（公园广场步行 5 分钟）、"
            "fire（消防 5 分钟）、commuting（通勤时间），或其中文名称"
        ),
    ] = "community_circle",
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="walk（步行）或 drive（机动车），默认按定义")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="时间上限（分钟），默认按定义")] = None,
    weight: Annotated[
        str, typer.Option(help="按 area（用地面积）或 population（人口）计算覆盖率")
    ] = "area",
    scope: Annotated[Path | None, typer.Option(help="评价范围的边界文件，默认城镇开发边界")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="按全部图层范围评价")] = False,
    table: Annotated[
        Path | None, typer.Option(help="通勤起讫点表（CSV：起点,终点,人数，或起讫点坐标）")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存报告（docx、md）、地图、服务范围图层的目录")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """可达性评价：沿路网计算，不用圆形缓冲；退出码 0 为已计算，2 为数据缺失或输入有误."""
    from tools.accessibility.outcome import COMPUTED, Weight
    from tools.accessibility.parameters import ModeName
    from tools.catalogue import load_tools

    for name, value, known in (
        ("mode", mode, get_args(ModeName)),
        ("weight", weight, get_args(Weight)),
    ):
        if value is not None and value not in known:
            raise InputError(f"不能是“{value}”", field=name, mend=f"可用：{'、'.join(known)}")
    folder = load_settings(layers=layers).layers
    result = load_tools()["accessibility"].run(
        layers=folder,
        kind=kind,
        mode=mode,
        limit_minutes=minutes,
        weight=weight,
        scope=scope,
        whole=whole,
        table=table,
    )
    if out is not None:
        from tools.accessibility.report import save_accessibility

        say_saved(*save_accessibility(result, out, layers=folder, scope=scope))
    if as_json:
        print_json(result)
    else:
        show_result(result, lead=[result.data["headline"]])
    return 0 if result.data["status"] == COMPUTED else 2
