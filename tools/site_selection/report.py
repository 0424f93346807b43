"""Save a site selection: report, map, candidates and excluded land as GeoPackage."""

from pathlib import Path

import numpy as np
import shapely

from cspon.schemas.spatial import ToolResult
from tools.result_files import Picture, save_tool_result
from tools.site_selection.select import Selection
from tools.thematic_map import MapLabel, MapLayer, ThematicMap, draw_map

SHADES = (
    "#f1e4d8", "#dfe7ef", "#f6edc4", "#e9dff0", "#dcefe4", "#f3d9d9", "#e5e5e5", "#d8ecf3",
    "#efe0c9", "#e2e8d0", "#eadfe2", "#d9dff0",
)  # fmt: skip


def save_selection(result: ToolResult, folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the report, the map and the layers.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = Selection.model_validate(result.data)
    best = data.candidates[0] if data.candidates else None
    lead = [
        f"研究范围：{data.study}，{data.study_ha:.4f} 公顷；候选地块 {data.found} 处；EPSG:{data.epsg}。",
        f"**首选：第 1 名，{best.area_ha:.4f} 公顷，得分 {best.score:.1f}。{best.reason}。**"
        if best
        else "**没有符合全部约束的地块。**",
    ]
    pictures = [Picture("map.png", "候选地块分布图", lambda out: _draw(result, data, out))]
    if best is not None:
        pictures.append(
            Picture("sites.png", "候选地块近图", lambda out: _draw(result, data, out, near=True))
        )
    return save_tool_result(
        result, folder, title=f"{data.title}（{data.study}）", lead=lead, pictures=pictures
    )


def _draw(result: ToolResult, data: Selection, out: Path, *, near: bool = False) -> None:
    by_name = {layer.name: layer for layer in result.layers}

    def shapes(name: str) -> list[shapely.Geometry]:
        return [shapely.geometry.shape(f["geometry"]) for f in by_name[name].features]

    study = shapes("study")
    layers = []
    for number, (feature, shape) in enumerate(
        zip(by_name["excluded"].features, shapes("excluded"), strict=True)
    ):
        row = feature["properties"]
        layers.append(
            MapLayer(
                row["reason"], np.array([shape], object), face=SHADES[number % len(SHADES)],
                edge="#c8c8c8", width=0.1, value=f"{row['area_ha']:.1f} 公顷",
            )
        )  # fmt: skip
    sites = shapes("candidates")
    layers += [
        MapLayer(
            "候选：第 1 名", np.array(sites[:1], object), face="#2b8a3e", edge="#1b5e29", width=1.0
        ),
        MapLayer(
            "候选：其他", np.array(sites[1:], object), face="#8ce99a", edge="#2b8a3e", width=0.8
        ),
        MapLayer("研究范围", np.array(study, object), edge="#495057", width=1.2, dash=(6, 2)),
    ]
    around = shapely.union_all(sites) if near else shapely.union_all(study)
    draw_map(
        ThematicMap(
            title=f"{data.title}候选地块{'近图' if near else '分布图'}",
            layers=layers,
            bounds=around.bounds,
            labels=[MapLabel(str(c.rank), c.x, c.y, "#1b5e29") for c in data.candidates],
            notes=[
                "编号为名次；浅色为排除的土地，按列出的次序逐项排除。",
                f"EPSG:{data.epsg}；坐标与面积见报告。",
            ],
            synthetic=result.synthetic,
        ),
        out,
    )
