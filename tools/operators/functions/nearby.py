"""Joins and distances between layers, with the STRtree of shapely 2."""

from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.library.raster import Grid, Raster, make_raster
from tools.library.units import Quantity
from tools.library.values import Layer, require_same_crs, specs_of
from tools.operators.model import operator

MAX_CELLS = 100_000_000


@operator("spatial_join")
def spatial_join(layer: Layer, other: Layer, method: str, field: str) -> dict[str, Any]:
    """Give each feature a field of the other layer: of what it lies within, or of the nearest.

    A feature within several takes the one that comes first; one within none gets an empty value.
    """
    require_same_crs(layer, other)
    values = other.column(field)
    joined = np.full(len(layer), None, dtype=object)
    distances = np.full(len(layer), np.nan)
    if len(layer) and len(other):
        tree = shapely.STRtree(other.geometries)
        if method == "within":
            points = shapely.point_on_surface(layer.geometries)
            left, right = tree.query(points, predicate="intersects")
            gaps = np.zeros(len(left))
        else:
            (left, right), gaps = tree.query_nearest(layer.geometries, return_distance=True)
        order = np.lexsort((right, left))
        left, right, gaps = left[order], right[order], gaps[order]
        first = np.unique(left, return_index=True)[1]
        joined[left[first]] = values[right[first]]
        distances[left[first]] = gaps[first]
    fields = {**layer.fields, field: joined, "distance_m": distances}
    result = replace(layer, fields=fields, specs=specs_of(layer, other))
    unmatched = int(sum(value is None for value in joined))
    return {"result": result, "unmatched": Quantity.of(unmatched, "个")}


@operator("distance_to")
def distance_to(
    layer: Layer, other: Layer | None = None, grid: Raster | None = None
) -> dict[str, Any]:
    """Return the straight distance to a layer: of each feature of `other`, or of each cell centre.

    Raises:
        InputError: neither or both are given, or the layer is empty.
    """
    if (other is None) == (grid is None):
        raise InputError(
            "要素图层 other 与栅格 grid 须给其一",
            field="other",
            mend="量图斑的距离给 other，做距离栅格给 grid",
        )
    if not len(layer):
        raise InputError("被量距离的图层是空的", field="layer", mend="核对图层与筛选条件")
    tree = shapely.STRtree(_segments(layer))
    if other is not None:
        require_same_crs(layer, other)
        distances = _nearest(tree, other.geometries)
        measured = replace(
            other,
            fields={**other.fields, "distance_m": distances},
            specs=specs_of(layer, other),
        )
        least = float(distances.min()) if len(distances) else 0.0
        return {"result": measured, "least": Quantity.of(least, "m")}
    assert grid is not None
    require_same_crs(layer, grid)
    shape = grid.grid
    if shape.rows * shape.columns > MAX_CELLS:
        raise InputError("栅格过大，不能逐像元量距离", field="grid", mend="先按范围裁剪或放大像元")
    raster = make_raster(
        shape, lambda a, b: _nearest(tree, _centres(shape, a, b)).reshape(b - a, -1), layer.specs
    )
    least = min(float(np.nanmin(raster.rows(a, b))) for a, b in shape.strips())
    return {"raster": raster, "least": Quantity.of(least, "m")}


def _segments(layer: Layer) -> Any:
    """Cut lines into their segments: a distance to one costs nothing, to a long line its length."""
    if layer.geometry != "line":
        return layer.geometries
    parts = shapely.get_parts(layer.geometries)
    coordinates, owner = shapely.get_coordinates(parts, return_index=True)
    joined = owner[1:] == owner[:-1]
    return shapely.linestrings(
        np.stack([coordinates[:-1][joined], coordinates[1:][joined]], axis=1)
    )


def _nearest(tree: Any, geometries: Any) -> Any:
    found, gaps = tree.query_nearest(geometries, return_distance=True, all_matches=False)
    distances = np.full(len(geometries), np.nan)
    distances[found[0]] = gaps
    return distances


def _centres(grid: Grid, first: int, last: int) -> Any:
    x = grid.west + (np.arange(grid.columns) + 0.5) * grid.cell
    y = grid.north - (np.arange(first, last) + 0.5) * grid.cell
    east, north = np.meshgrid(x, y)
    return shapely.points(east.ravel(), north.ravel())
