"""Save a result: record, report, layers and the map."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import ToolResult
from tools.accessibility.definition import CoverageMeasure, find_measure
from tools.accessibility.outcome import Accessibility
from tools.accessibility.parameters import network_parameters
from tools.accessibility.place import open_place, roads_of_place, scope_of
from tools.result_files import Picture, save_tool_result
from tools.thematic_map import MapLayer, ThematicMap, draw_map

_FACILITY_COLOURS = ("#1971c2", "#e8590c", "#6741d9", "#c2255c", "#0b7285", "#5c940d")

_BESIDE_M = 500.0
"""Facilities farther outside the scope are not drawn."""
_SCOPE_DASH = (6.0, 3.0)


def save_accessibility(
    result: ToolResult, folder: Path, *, layers: Path, scope: Path | None = None
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the result, and a map where there is something to show.

    Args:
        result: Of the tool `accessibility`.
        folder: Made when it is not there.
        layers: Folder of the layer catalogue that the result was made from.
        scope: The boundary file that was given.

    Returns:
        Path by kind, and notices about what could not be made.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = Accessibility.model_validate(result.data)
    pictures = []
    if result.layers:
        sheet = access_map(result, layers, scope)
        pictures.append(Picture("map.png", sheet.title, lambda path: draw_map(sheet, path)))
        centre = _centre(sheet)
        if centre is not None:
            title = f"{sheet.title}（最大一片）"
            pictures.append(Picture("map_centre.png", title, lambda path: draw_map(centre, path)))
    return save_tool_result(
        result,
        folder,
        title=f"{data.title}评价报告",
        lead=(f"**{data.headline}**", data.definition, f"定义来源：{data.source}。"),
        pictures=pictures,
    )


def access_map(result: ToolResult, layers: Path, scope: Path | None = None) -> ThematicMap:
    """Return the sheet: roads, what all kinds together serve, facilities, what is not covered."""
    data = Accessibility.model_validate(result.data)
    measure = find_measure(data.kind)
    assert isinstance(measure, CoverageMeasure)
    place = open_place(layers)
    whole = bool(result.provenance.parameters["whole"])
    outline, scope_title = scope_of(place, measure.scope_role, scope, whole)
    roads = roads_of_place(place)
    assert roads is not None, "a result with layers has roads"
    closed = network_parameters().modes[result.provenance.parameters["mode"]].closed
    open_roads = roads.lines[~np.isin(roads.kinds, closed)]
    shown = {layer.name: layer.features for layer in result.layers}
    areas = [shapely.geometry.shape(f["geometry"]) for f in shown.get("service_area", ())]
    served = shapely.intersection_all(areas) if areas else shapely.Polygon()
    left = [shapely.geometry.shape(f["geometry"]) for f in shown.get("uncovered", ())]
    minutes = f"{data.parameters['出行方式']} {data.parameters['时间上限（分钟）']:g} 分钟"
    several = "各类都能到达" if len(areas) > 1 else "服务范围"
    unit = data.demand_unit
    missed = sum(f["properties"]["未覆盖"] for f in shown.get("uncovered", ()))
    drawn = [
        MapLayer(f"{minutes}{several}", _array([served]), face="#b2f2bb", edge="#69db7c", width=0.2),
        MapLayer("可走的道路", open_roads, edge="#868e96", width=0.4),
        MapLayer(
            f"未覆盖{data.demand_title}", _array(left), face="#ff6b6b", edge="#c92a2a", width=0.3,
            value=f"{missed:.0f} {unit}" if unit == "人" else f"{missed:.2f} {unit}",
        ),
    ]  # fmt: skip
    if outline is not None:
        drawn.append(
            MapLayer(scope_title, _array([outline]), edge="#343a40", width=1.0, dash=_SCOPE_DASH)
        )
    for colour, row in zip(_FACILITY_COLOURS, data.groups, strict=False):
        points = [
            shapely.geometry.shape(f["geometry"])
            for f in shown.get("facilities", ())
            if f["properties"]["设施类别"] == row.title
        ]
        if outline is not None:
            points = [point for point in points if point.dwithin(outline, _BESIDE_M)]
        share = "数据缺失" if row.share_percent is None else f"{row.share_percent:.2f}%"
        drawn.append(
            MapLayer(row.title, _array(points), face=colour, edge="white", width=0.4, value=share)
        )
    extent = outline if outline is not None else shapely.box(*shapely.total_bounds(open_roads))
    x0, y0, x1, y1 = extent.bounds
    total = "数据缺失" if data.value is None else f"{data.value:.2f}%"
    return ThematicMap(
        title=f"{data.title}：{total}",
        layers=drawn,
        bounds=(x0, y0, x1, y1),
        notes=(data.headline, data.definition, f"定义来源：{data.source}。"),
        synthetic=result.synthetic,
    )


def _centre(sheet: ThematicMap) -> ThematicMap | None:
    """Return the sheet zoomed to the largest part of the scope, where that has several parts."""
    outlines = [layer.geometries for layer in sheet.layers if layer.dash == _SCOPE_DASH]
    parts = shapely.get_parts(np.concatenate([np.empty(0, object), *outlines]))
    if len(parts) < 2:
        return None
    x0, y0, x1, y1 = max(parts, key=lambda part: part.area).bounds
    return replace(sheet, title=f"{sheet.title}（最大一片）", bounds=(x0, y0, x1, y1))


def _array(geometries: Sequence[BaseGeometry]) -> npt.NDArray[np.object_]:
    return np.array(list(geometries), dtype=object)
