"""Save a comparison: report, map, patches as GeoPackage, matrix as CSV."""

import csv
from pathlib import Path

import numpy as np
import shapely

from cspon.schemas.spatial import ToolResult
from tools.outputs import published_together
from tools.plan_versions.compare import Comparison
from tools.plan_versions.tables import matrix_rows
from tools.plan_versions.version import read_version
from tools.result_files import Picture, save_tool_result
from tools.thematic_map import MapLabel, MapLayer, ThematicMap, draw_map

COLOURS = {"新增": "#2b8a3e", "删除": "#c92a2a", "变更": "#e67700"}
MOST_LABELS = 15


def save_comparison(
    result: ToolResult, folder: Path, *, after: Path
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the report, the map, the patches and the matrix.

    Args:
        result: What `compare_plan_versions` gave.
        folder: Made when it is not there.
        after: The later version, drawn under the patches.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = Comparison.model_validate(result.data)
    lead = [
        f"图层：{data.title}（{data.layer}），按 {data.field} 比对；前一版 {data.before_date or '（未注明）'}，"
        f"后一版 {data.after_date or '（未注明）'}；EPSG:{data.epsg}。",
        f"**变更 {data.changed_ha:.4f} 公顷，新增 {data.added_ha:.4f} 公顷，删除 {data.removed_ha:.4f} 公顷；"
        f"其中容差以下的碎片 {data.sliver_ha:.4f} 公顷。**",
    ]
    picture = Picture("map.png", "变化分布图", lambda out: _draw(result, data, after, out))
    files, notices = save_tool_result(
        result, folder, title=f"{data.title}规划版本比对报告", lead=lead, pictures=[picture]
    )
    with published_together(folder) as draft:
        rows = matrix_rows(data)
        with (draft / "matrix.csv").open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(
                [
                    "前一版＼后一版（公顷）",
                    *[k for k in rows[0] if k not in ("code", "sum")],
                    "合计",
                ]
            )
            writer.writerows(list(row.values()) for row in rows)
    return {**files, "matrix": folder / "matrix.csv"}, notices


def _draw(result: ToolResult, data: Comparison, after: Path, out: Path) -> None:
    version = read_version(
        after, str(result.provenance.parameters["role"]), None if "（" in data.field else data.field
    )
    features = next(layer for layer in result.layers if layer.name == "changes").features
    layers = [
        MapLayer(version.spec.title, version.geometries, face="#f1f3f5", edge="#ced4da", width=0.2)
    ]
    for kind, colour in COLOURS.items():
        shapes = [
            shapely.geometry.shape(f["geometry"])
            for f in features
            if f["properties"]["kind"] == kind
        ]
        total = sum(f["properties"]["area_ha"] for f in features if f["properties"]["kind"] == kind)
        layers.append(
            MapLayer(
                kind, np.array(shapes, object), face=colour + "b0", edge=colour, width=0.5,
                value=f"{len(shapes)} 处 {total:.2f} 公顷",
            )
        )  # fmt: skip
    labels = [
        MapLabel(
            str(f["properties"]["number"]), f["properties"]["x"], f["properties"]["y"], "#212529"
        )
        for f in features[:MOST_LABELS]
    ]
    draw_map(
        ThematicMap(
            title=f"{data.title}变化分布图",
            layers=layers,
            bounds=tuple(shapely.total_bounds(version.geometries).tolist()),
            labels=labels,
            notes=[
                f"前一版 {data.before_date or '未注明'}，后一版 {data.after_date or '未注明'}；EPSG:{data.epsg}。",
                f"编号为面积最大的 {len(labels)} 处，见“变化图斑”表；不含容差以下的碎片。",
            ],
            synthetic=result.synthetic,
        ),
        out,
    )
