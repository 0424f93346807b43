"""Overlay of layers by shapely 2 (GEOS), in metres."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.library.units import Quantity
from tools.library.values import Layer, require_same_crs, specs_of
from tools.operators.model import operator

_SEGMENTS = 16
"""Segments of a quarter circle: 0.16 % less area than the true circle."""
NOISE_M2 = 0.001
"""Below this a polygon is a rounding error of the overlay."""
_DIMENSION = {"polygon": 2, "line": 1, "point": 0}


@operator("buffer")
def buffer(layer: Layer, distance: Quantity, dissolve: str) -> dict[str, Any]:
    """Widen features by a distance; `dissolve` merges what then overlaps."""
    require_same_crs(layer)
    wide = shapely.buffer(layer.geometries, distance.value, quad_segs=_SEGMENTS)
    result = replace(layer, geometry="polygon", geometries=wide).take(~shapely.is_empty(wide))
    if dissolve == "是":
        result = merged(result)
    return {"result": result}


@operator("clip")
def clip(layer: Layer, mask: Layer) -> dict[str, Any]:
    """Keep what lies within the mask; fields stay."""
    require_same_crs(layer, mask)
    area = shapely.union_all(_valid(mask.geometries))
    shapely.prepare(area)
    near = layer.take(shapely.intersects(area, layer.geometries))
    inside = np.asarray(shapely.contains_properly(area, near.geometries))
    pieces = near.geometries.copy()
    pieces[~inside] = shapely.intersection(_valid(near.geometries[~inside]), area)
    return {"result": _kept(near, pieces, specs_of(layer, mask))}


@operator("erase")
def erase(layer: Layer, mask: Layer) -> dict[str, Any]:
    """Keep what lies outside the mask; fields stay."""
    require_same_crs(layer, mask)
    pieces = layer.geometries.copy()
    tree = shapely.STRtree(mask.geometries)
    which, masks = tree.query(layer.geometries, predicate="intersects")
    for index in np.unique(which):
        cutters = shapely.union_all(_valid(mask.geometries[masks[which == index]]))
        pieces[index] = shapely.difference(_valid(pieces[index : index + 1])[0], cutters)
    return {"result": _kept(layer, pieces, specs_of(layer, mask))}


@operator("merge")
def merge(layer: Layer) -> dict[str, Any]:
    """Union all features, so that no place counts twice."""
    return {"result": merged(layer)}


def merged(layer: Layer) -> Layer:
    """Union all features; each connected part becomes a feature without fields."""
    parts = shapely.get_parts(shapely.union_all(layer.geometries))
    return replace(layer, geometries=parts[~shapely.is_empty(parts)], fields={})


def of_dimension(geometries: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    """Drop the points and lines that an overlay of polygons leaves where they only touch."""
    wanted = _DIMENSION[kind]
    mixed = shapely.get_type_id(geometries) == shapely.GeometryType.GEOMETRYCOLLECTION
    result = geometries.copy()
    for index in np.flatnonzero(mixed):
        parts = shapely.get_parts(geometries[index])
        result[index] = shapely.union_all(parts[shapely.get_dimensions(parts) == wanted])
    return result


def _kept(layer: Layer, pieces: npt.NDArray[Any], specs: Any) -> Layer:
    pieces = of_dimension(pieces, layer.geometry)
    right = shapely.get_dimensions(pieces) == _DIMENSION[layer.geometry]
    keep = right & ~shapely.is_empty(pieces)
    if layer.geometry == "polygon":
        keep &= shapely.area(pieces) >= NOISE_M2
    return replace(layer, geometries=pieces, specs=specs).take(keep)


def _valid(geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    broken = ~shapely.is_valid(geometries)
    if not broken.any():
        return geometries
    mended = geometries.copy()
    mended[broken] = shapely.make_valid(geometries[broken], method="structure")
    return mended
