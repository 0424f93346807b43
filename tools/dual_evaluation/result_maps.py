"""Maps drawn from a tool result alone: classes, the towns, and the place that was explained."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import CsponError
from cspon.schemas.spatial import LayerOutput, ToolResult
from tools.dual_evaluation.outcome import DualOutcome, PartOutcome
from tools.dual_evaluation.result_layers import PLACES
from tools.dual_evaluation.sensitivity_shown import draw_sensitivity
from tools.geometry.crs import reproject
from tools.layers import layer_by_role, load_catalogue, read_windows
from tools.thematic_map import MapLabel, MapLayer, ThematicMap

Draw = Callable[[Path], Path]


def result_map(
    result: ToolResult, data: DualOutcome, part: PartOutcome, layers: Path
) -> ThematicMap:
    """Return the sheet of one evaluation.

    Args:
        result: With the layer of the evaluation.
        data: Of the result.
        part: The evaluation.
        layers: Folder of the layer catalogue; without towns there the map has no outlines of them.
    """
    classes = _layer(result, part.layer)
    drawn = [
        MapLayer(
            feature["properties"]["PJJG"],
            np.array([shapely.geometry.shape(feature["geometry"])], object),
            face=feature["properties"]["YS"],
            edge="none",
            width=0.0,
            value=f"{feature['properties']['MJ_HA']:,.0f} 公顷",
        )
        for feature in classes.features
    ]
    outlines, labels = towns(layers, data.epsg)
    if outlines:
        drawn.append(
            MapLayer("乡镇界", np.array(outlines, object), edge="#5c5f66", width=0.5, dash=(4, 2))
        )
    whole = shapely.union_all([g for layer in drawn[: len(classes.features)] for g in layer.geometries])  # fmt: skip
    for feature in _places(result):
        shape, title = (
            shapely.geometry.shape(feature["geometry"]),
            feature["properties"]["MC"],
        )
        around = shape.buffer(20 * data.cell_m) if shape.area < 400 * data.cell_m**2 else shape
        drawn.append(MapLayer(title, np.array([around], object), edge="#101418", width=2.0))
        at = shapely.point_on_surface(shape)
        labels.insert(0, MapLabel(title, at.x, at.y, "#101418"))
    missing = "、".join(part.missing)
    return ThematicMap(
        title=f"{data.region}{part.title}评价（{data.scheme} 版）",
        layers=drawn,
        bounds=whole.bounds,
        labels=labels,
        notes=(
            f"评价方案：{data.scheme_title}。",
            f"结果不完整，未计入：{missing}。" if missing else "结果完整。",
            f"{classes.title}；面积按 {data.cell_m:g} 米像元统计；EPSG:{data.epsg}。",
        ),
        synthetic=result.synthetic,
    )


def sensitivity_sheets(data: DualOutcome) -> dict[str, Draw]:
    """Return the plots of the sensitivities by name."""
    return {
        f"sensitivity_{found.part}": partial(draw_sensitivity, found) for found in data.sensitivity
    }


def towns(folder: Path, epsg: int) -> tuple[list[Any], list[MapLabel]]:
    """Return outlines and names of the towns; none where the catalogue has no such layer."""
    outlines: list[Any] = []
    labels: list[MapLabel] = []
    try:
        spec = layer_by_role(load_catalogue(folder), "admin_town")
        if spec is None:
            return [], []
        for window in read_windows(spec, folder, shapely.box(-1e9, -1e9, 1e9, 1e9)):
            for name, geometry in zip(window.names.tolist(), window.geometries, strict=True):
                shape = reproject(geometry, spec.epsg, epsg)
                at = shapely.point_on_surface(shape)
                outlines.append(shape)
                labels.append(MapLabel(name, at.x, at.y, "#343a40"))
    except CsponError:  # the layers went away: the classes are drawn without towns
        return [], []
    return outlines, labels


def _layer(result: ToolResult, name: str) -> LayerOutput:
    return next(layer for layer in result.layers if layer.name == name)


def _places(result: ToolResult) -> tuple[dict[str, Any], ...]:
    return next((layer.features for layer in result.layers if layer.name == PLACES), ())
