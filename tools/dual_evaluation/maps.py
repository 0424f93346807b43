"""Maps of the results: classes as a raster, units and centre on top, legend with areas."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.outputs import rgb
from tools.dual_evaluation.tables import class_areas
from tools.geometry.crs import reproject
from tools.layers import read_windows
from tools.thematic_map import MapImage, MapLabel, MapLayer, ThematicMap, draw_map

MOST_PIXELS = 4_000_000
"""A larger raster is thinned for the picture."""


def class_map(made: DualEvaluation, part: Part) -> ThematicMap:
    """Return the sheet of one evaluation."""
    areas, _ = class_areas(made, part.result)
    legend = [
        (c.title, c.colour, f"{areas.get(c.value, 0.0):,.0f} 公顷")
        for c in part.evaluation.classes
        if c.value in areas or c.value < 9
    ]
    if areas.get(0):
        legend.append(("无数据", "#ffffff", f"{areas[0]:,.0f} 公顷"))
    missing = part.feasible.missing
    state = f"结果不完整，未计入：{'、'.join(missing)}。" if missing else "结果完整。"
    title = f"{made.inputs.catalogue.region_name}{part.evaluation.title}评价（{made.scheme.id} 版）"
    return sheet(
        made,
        title,
        part.result,
        {c.value: c.colour for c in part.evaluation.classes},
        legend,
        (
            f"评价方案：{made.scheme.title}。",
            state,
            f"像元 {made.inputs.grid.cell:g} 米；EPSG:{made.inputs.epsg}；面积为投影平面面积。",
        ),
    )


def sheet(
    made: DualEvaluation,
    title: str,
    values: Any,
    colours: dict[int, str],
    legend: list[tuple[str, str, str]],
    notes: tuple[str, ...],
) -> ThematicMap:
    """Return a sheet of any classes with the units' outlines and names."""
    grid = made.inputs.grid
    step = max(1, int(np.ceil(np.sqrt(values.size / MOST_PIXELS))))
    shown = values[::step, ::step]
    palette = np.zeros((256, 4), np.uint8)
    for value, colour in colours.items():
        palette[value] = (*rgb(colour), 255)
    west, south, east, north = grid.bounds
    image = MapImage(
        palette[shown],
        (
            west,
            north - shown.shape[0] * step * grid.cell,
            west + shown.shape[1] * step * grid.cell,
            north,
        ),
        legend,
    )
    outlines, labels = _units(made)
    area = made.inputs.area
    layers = [
        MapLayer("乡镇界", np.array(outlines, object), edge="#5c5f66", width=0.5, dash=(4, 2)),
        *(
            [MapLayer("县界", np.array([area], object), edge="#212529", width=1.1)]
            if area is not None
            else []
        ),
    ]
    bounds = area.bounds if area is not None else (west, south, east, north)
    return ThematicMap(
        title=title,
        layers=layers,
        bounds=bounds,
        labels=labels,
        notes=notes,
        synthetic=made.inputs.catalogue.synthetic,
        image=image,
    )


def _units(made: DualEvaluation) -> tuple[list[Any], list[MapLabel]]:
    inputs = made.inputs
    spec = inputs.role(inputs.config.unit_role)
    if spec is None:
        return [], []
    outlines, labels = [], []
    for part in read_windows(spec, inputs.folder, shapely.box(-1e9, -1e9, 1e9, 1e9)):
        for name, geometry in zip(part.names.tolist(), part.geometries, strict=True):
            shape = reproject(geometry, spec.epsg, inputs.epsg)
            place = shapely.point_on_surface(shape)
            outlines.append(shape)
            labels.append(MapLabel(name, place.x, place.y, "#343a40"))
    return outlines, labels


def draw_class_map(made: DualEvaluation, part: Part, out: Path) -> Path:
    """Draw one evaluation's map as a PNG.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    return draw_map(class_map(made, part), out)
