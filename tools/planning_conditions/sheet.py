"""The 规划条件 sheet as Word and Markdown, with its location map."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerCatalogue, ToolResult, Verdict
from tools.feature_table import read_table
from tools.layers import layer_by_role, load_catalogue
from tools.planning_conditions.conditions import Conditions
from tools.result_files import Picture, save_tool_result
from tools.rules.model import LAND_USE, PLANNED_USE
from tools.thematic_map import MapLayer, ThematicMap, draw_map, window_of

MAP_MARGIN_M = 300.0


def save_sheet(
    result: ToolResult, folder: Path, *, layers: Path
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the sheet (`规划条件.docx`, `.md`), the map, the parcel and the record.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = Conditions.model_validate(result.data)
    lead = [
        f"地块“{data.parcel}”，面积 {data.area_ha:.4f} 公顷（{data.area_mu:.2f} 亩），EPSG:{data.epsg}。",
        f"合规性结论：**{data.headline}**",
        "本表按现有图层和规则提取，供拟定规划条件使用；不是批准的规划条件。"
        + (f"规划控制指标：{data.figures_note}。" if data.figures_note else ""),
    ]
    return save_tool_result(
        result,
        folder,
        title=f"{data.parcel}规划条件（提取）",
        lead=lead,
        pictures=[Picture("map.png", "地块与规划用途", lambda out: _draw(result, layers, out))],
        sections=[_demands(data)],
        skip=("demands",),
        stem="规划条件",
    )


def _demands(data: Conditions) -> str:
    """Write what rules demand, one heading each: the steps are too long for a table."""
    parts = ["## 管控要求"]
    for rule in data.demands:
        parts.append(f"### {rule.title}：{rule.verdict.value}\n\n{rule.message}")
        if rule.procedure and rule.verdict is not Verdict.MISSING_DATA:
            parts.append("\n".join(f"{n}. {step}" for n, step in enumerate(rule.procedure, 1)))
        if rule.documents:
            parts.append(f"材料：{'、'.join(rule.documents)}。")
        if rule.approval:
            parts.append(f"审批（审核）层级：{rule.approval}。")
        clauses = dict.fromkeys(f"《{b.title}》{b.article or ''}" for b in rule.basis)
        if clauses:
            parts.append(f"依据：{'；'.join(clauses)}。")
    if data.met:
        parts.append(f"另有 {len(data.met)} 项已核对、没有限制：{'、'.join(data.met)}。")
    return "\n\n".join(parts)


def _draw(result: ToolResult, layers: Path, out: Path) -> None:
    from tools.map_style import PROJECT_EDGE, class_style, line_style

    data = Conditions.model_validate(result.data)
    parcel = shapely.geometry.shape(result.layers[0].features[0]["geometry"])
    size = max(parcel.bounds[2] - parcel.bounds[0], parcel.bounds[3] - parcel.bounds[1])
    around = shapely.box(*parcel.bounds).buffer(max(MAP_MARGIN_M, size / 2), join_style="mitre")
    frame, _ = window_of(around.bounds)
    view = shapely.box(*frame).buffer(size / 10, join_style="mitre")
    catalogue = load_catalogue(layers)
    uses = layer_by_role(catalogue, PLANNED_USE) or layer_by_role(catalogue, LAND_USE)
    drawn: list[MapLayer] = []
    if uses is not None and uses.code_field is not None:
        by_class: dict[str, list[Any]] = {}
        for window in read_table(uses, layers, view, (uses.code_field,)):
            for code, geometry in zip(
                window.columns[uses.code_field], window.geometries, strict=True
            ):
                by_class.setdefault(str(code)[:2], []).append(geometry)
        for code, geometries in sorted(by_class.items()):
            name, colour = class_style(uses.code_scheme, code)
            drawn.append(
                MapLayer(name, np.array(geometries, object), face=colour, edge="#9a9a9a", width=0.3)
            )
    for line in data.lines:
        if line.present and line.area_ha:
            style = line_style(line.role)
            shapes = _read(catalogue, line.role, layers, view)
            drawn.append(
                MapLayer(
                    line.title,
                    shapes,
                    edge=style.edge,
                    width=max(1.0, style.width),
                    dash=style.dash,
                )
            )
    roads = _read(catalogue, "roads", layers, view)
    drawn.append(MapLayer("道路中心线", roads, edge="#495057", width=0.9, dash=(9, 1.5)))
    drawn.append(MapLayer("地块", np.array([parcel], object), edge=PROJECT_EDGE, width=2.2))
    title = "规划用途" if uses is not None and uses.role == PLANNED_USE else "现状地类"
    draw_map(
        ThematicMap(
            title=f"{data.parcel}{title}与控制线",
            layers=drawn,
            bounds=around.bounds,
            notes=[f"坐标系 EPSG:{data.epsg}；底图为{title}；色彩为示意。"],
            synthetic=result.synthetic,
        ),
        out,
    )


def _read(catalogue: LayerCatalogue, role: str, folder: Path, view: BaseGeometry) -> Any:
    spec = layer_by_role(catalogue, role)
    found: list[Any] = []
    if spec is not None:
        for window in read_table(spec, folder, view):
            found.extend(window.geometries)
    clipped = shapely.intersection(shapely.make_valid(np.array(found, dtype=object)), view)
    return clipped[~shapely.is_empty(clipped)] if len(found) else np.empty(0, object)
