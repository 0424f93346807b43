"""Layers of a result that are small enough to travel: classes and explained places, on a thinned grid.

The rasters at full resolution are files of `save`; these polygons are for looking at.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import shapes

from cspon.schemas.spatial import LayerOutput
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.places import Mask, Place
from tools.dual_evaluation.tables import class_areas

MOST_CELLS = 120_000
"""A larger raster is thinned for the polygons."""
PLACES = "places"


def result_layers(made: DualEvaluation, places: tuple[Place, ...] = ()) -> tuple[LayerOutput, ...]:
    """Return a layer by evaluation that was asked for, and the places that were explained.

    Areas of the properties are those of the full raster, not of the thinned polygons.
    """
    asked = made.inputs.config.parts
    layers = [_classes(made, p) for n, p in made.parts.items() if n in asked and p.grades]
    if places:
        layers.append(_places(made, places))
    return tuple(layers)


def _classes(made: DualEvaluation, part: Part) -> LayerOutput:
    areas, _ = class_areas(made, part.result)
    step = _step(made)
    thin = part.result[step // 2 :: step, step // 2 :: step]
    features = []
    for one in part.evaluation.classes:
        polygons = _polygons(made, thin == one.value, step)
        if polygons is not None:
            properties = {
                "PJDM": one.value, "PJJG": one.title, "MJ_HA": round(areas[one.value], 4),
                "YS": one.colour,
            }  # fmt: skip
            features.append(_feature(polygons, properties))
    return LayerOutput(
        name=part.evaluation.layer,
        title=f"{part.evaluation.title}（概化到 {step * made.inputs.grid.cell:g} 米格网）",
        epsg=made.inputs.epsg,
        features=tuple(features),
    )


def _places(made: DualEvaluation, places: tuple[Place, ...]) -> LayerOutput:
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    features = []
    for place in places:
        step = 1 if place.cells.sum() < 1000 else _step(made)  # a point must not be thinned away
        polygons = _polygons(made, place.cells[step // 2 :: step, step // 2 :: step], step)
        if polygons is not None:
            area = round(int(place.cells.sum()) * cell_ha, 4)
            features.append(_feature(polygons, {"MC": place.title, "MJ_HA": area}))
    return LayerOutput(
        name=PLACES, title="所解释的位置", epsg=made.inputs.epsg, features=tuple(features)
    )


def _step(made: DualEvaluation) -> int:
    """Every how many cells one is kept."""
    return max(1, int(np.ceil(np.sqrt(made.unit_of.size / MOST_CELLS))))


def _polygons(made: DualEvaluation, cells: Mask, step: int) -> Any:
    grid = made.inputs.grid
    transform = grid.affine @ grid.affine.scale(step)
    values: npt.NDArray[np.uint8] = cells.astype(np.uint8)
    found = [
        shapely.geometry.shape(shape) for shape, _ in shapes(values, cells, 4, transform=transform)
    ]
    return shapely.union_all(found) if found else None


def _feature(geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    rounded = shapely.set_precision(geometry, 0.1)
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": shapely.geometry.mapping(rounded),
    }
