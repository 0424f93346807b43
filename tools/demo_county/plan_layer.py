"""A vector layer with the attributes that every layer of a plan database has.

YSDM values are those that the domain handbook (§6.2) gives; where it gives none the field is left
out. Areas are ellipsoidal, in m²; lengths are planar, in m.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.land_cover import PRECISION
from tools.demo_county.products import Setting, VectorLayer
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import points_at, polygons
from tools.geometry.area import ellipsoidal_areas_m2

LABEL = "合成数据"
Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""Field name to GeoPackage type and values."""


def plan_polygons(
    setting: Setting, number: int, areas: Sequence[BaseGeometry], own: Columns, *,
    towns: tuple[Town, ...] | None = None, element: str | None = None,
) -> VectorLayer:  # fmt: skip
    """Polygons with BSM, (YSDM), XZQDM, XZQMC, `own`, MJ and BZ.

    Args:
        number: Four digits of BSM that stand for the layer.
        towns: Give the town that an inner point lies in; without them the county.
        element: YSDM.
    """
    geometries = _array(areas)
    area = ("REAL", np.round(ellipsoidal_areas_m2(geometries, setting.epsg), 2).tolist())
    return _layer(setting, "polygon", number, geometries, own, ("MJ", area), towns, element)


def plan_lines(
    setting: Setting, number: int, lines: Sequence[BaseGeometry], own: Columns
) -> VectorLayer:
    """Lines with BSM, XZQDM and XZQMC of the county, `own`, CD and BZ."""
    geometries = np.asarray(shapely.set_precision(_array(lines), PRECISION))
    length = ("REAL", np.round(shapely.length(geometries), 2).tolist())
    return _layer(setting, "line", number, geometries, own, ("CD", length), None, None)


def plan_points(
    setting: Setting, number: int, places: Any, own: Columns, towns: tuple[Town, ...]
) -> VectorLayer:
    """Points at (n, 2) with BSM, XZQDM and XZQMC of the town, `own` and BZ."""
    geometries = np.asarray(points_at(np.round(places, 3)))
    return _layer(setting, "point", number, geometries, own, None, towns, None)


def _array(geometries: Sequence[BaseGeometry]) -> Any:
    found = np.empty(len(geometries), dtype=object)
    found[:] = list(geometries)
    return found


def _layer(
    setting: Setting, geometry: Any, number: int, geometries: Any, own: Columns,
    size: tuple[str, tuple[str, Sequence[Any]]] | None, towns: tuple[Town, ...] | None,
    element: str | None,
) -> VectorLayer:  # fmt: skip
    count = len(geometries)
    places = town_of(geometries, towns) if towns else None
    region = (setting.region_code, setting.region_name)
    named = (
        [(towns[k].code, towns[k].name) for k in places] if towns and places else [region] * count
    )
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "BSM": (
            "TEXT(18)",
            [f"{setting.region_code}{number:04d}{k:08d}" for k in range(1, count + 1)],
        )
    }
    if element:
        columns["YSDM"] = ("TEXT(10)", [element] * count)
    columns["XZQDM"] = ("TEXT(12)", [code for code, _ in named])
    columns["XZQMC"] = ("TEXT(100)", [name for _, name in named])
    columns |= own
    if size:
        columns[size[0]] = size[1]
    columns["BZ"] = ("TEXT(255)", [LABEL] * count)
    return VectorLayer(
        geometry, geometries,
        {key: kind for key, (kind, _) in columns.items()},
        {key: values for key, (_, values) in columns.items()},
    )  # fmt: skip


def town_of(geometries: Any, towns: tuple[Town, ...]) -> list[int]:
    """Index of the town that an inner point of each geometry lies in, or is nearest to."""
    tree = shapely.STRtree([town.territory for town in towns])
    points = shapely.point_on_surface(geometries)
    found: list[int] = tree.query_nearest(points, all_matches=False)[1].tolist()
    return found


def areas(geometry: BaseGeometry, least_m2: float = 0.0) -> shapely.MultiPolygon:
    """The polygons of a geometry on the millimetre grid, without small ones."""
    exact = shapely.set_precision(geometry, PRECISION)
    return shapely.MultiPolygon([part for part in polygons(exact) if part.area >= least_m2])
