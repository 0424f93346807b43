"""Intersect a project with one layer: the path that the product runs and the benchmark times.

Knows geometry and areas only, no rules. Parcels that lie properly inside the project are taken whole;
only those that meet its boundary are intersected, and of a boundary with very many vertices only the
stretch near the parcel takes part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerSpec
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import CHUNK, Features, read_windows

MANY_VERTICES = 1_000
"""Above this many vertices the project is cut to the surroundings of each boundary parcel."""
_CELL_DEPTH = 12
_CELL_MARGIN_M = 1.0
"""Cells reach over their neighbours, so that no cut runs along a parcel's own edge."""
_AREAL = (int(shapely.GeometryType.POLYGON), int(shapely.GeometryType.MULTIPOLYGON))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OverlayRows:
    """Pieces of a layer inside a project: parallel arrays, one element a feature with some area."""

    fids: npt.NDArray[np.int64]
    codes: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    planar_m2: Floats
    ellipsoidal_m2: Floats
    geometries: npt.NDArray[np.object_]
    positions: npt.NDArray[np.intp]
    """Place of each row's feature among the features that were cut together."""
    repaired: tuple[int, ...] = ()
    """Features whose invalid geometry was repaired before it was intersected."""

    def __len__(self) -> int:
        return len(self.fids)


def overlay_layer(project: BaseGeometry, spec: LayerSpec, folder: Path) -> OverlayRows:
    """Intersect a project with a polygon layer.

    Args:
        project: Valid (Multi)Polygon in the layer's coordinate system (`spec.epsg`).
        spec: The layer.
        folder: Folder of the catalogue.

    Returns:
        One row a feature that shares area with the project; features that only touch it have none.

    Raises:
        InputError: the layer cannot be read.
    """
    return concatenate(list(overlay_chunks(project, spec, folder)))


def overlay_chunks(
    project: BaseGeometry, spec: LayerSpec, folder: Path, *, chunk: int = CHUNK
) -> Iterator[OverlayRows]:
    """Yield what `overlay_layer` returns, from at most `chunk` features at a time."""
    cutter = Cutter(project)
    for features in read_windows(spec, folder, project, chunk=chunk):
        yield cut_features(cutter, features, spec.epsg)


def cut_features(cutter: "Cutter", features: Features, epsg: int) -> OverlayRows:
    """Intersect features with a project and measure the pieces."""
    pieces, repaired = cutter.cut(features.geometries)
    areas = shapely.area(pieces)  # NaN where nothing is shared
    kept = np.flatnonzero(areas > 0)
    geometries, planar = pieces[kept], areas[kept]
    return OverlayRows(
        fids=features.fids[kept],
        codes=features.codes[kept],
        names=features.names[kept],
        planar_m2=planar,
        ellipsoidal_m2=ellipsoidal_areas_m2(geometries, epsg),
        geometries=geometries,
        positions=kept,
        repaired=tuple(int(f) for f in features.fids[repaired]),
    )


def concatenate(parts: list[OverlayRows]) -> OverlayRows:
    """Join rows of several chunks."""
    if len(parts) == 1:
        return parts[0]
    return OverlayRows(
        fids=np.concatenate([np.empty(0, np.int64), *(p.fids for p in parts)]),
        codes=np.concatenate([np.empty(0, "U1"), *(p.codes for p in parts)]),
        names=np.concatenate([np.empty(0, "U1"), *(p.names for p in parts)]),
        planar_m2=np.concatenate([np.empty(0), *(p.planar_m2 for p in parts)]),
        ellipsoidal_m2=np.concatenate([np.empty(0), *(p.ellipsoidal_m2 for p in parts)]),
        geometries=np.concatenate([np.empty(0, object), *(p.geometries for p in parts)]),
        positions=np.concatenate([np.empty(0, np.intp), *(p.positions for p in parts)]),
        repaired=tuple(fid for p in parts for fid in p.repaired),
    )


def polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """Keep the polygons of an intersection, which may also hold shared points and lines."""
    if shapely.get_type_id(geometry) in _AREAL:
        return geometry
    parts = shapely.get_parts(geometry)
    areal = parts[_areal(shapely.get_type_id(parts))]
    return shapely.union_all(areal) if len(areal) else shapely.Polygon()


def mended(geometries: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Repair invalid polygons.

    Returns:
        All geometries, and the places of those that were repaired.
    """
    broken = np.flatnonzero(~shapely.is_valid(geometries) & is_areal(geometries))
    if len(broken):
        geometries = geometries.copy()
        for i in broken.tolist():
            geometries[i] = polygonal(shapely.make_valid(geometries[i]))
    return geometries, broken


def is_areal(geometries: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell polygons from other geometries."""
    return _areal(shapely.get_type_id(geometries))


def _areal(kinds: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray((kinds == _AREAL[0]) | (kinds == _AREAL[1]))


class Cutter:
    """A project that cuts many features; prepared once."""

    def __init__(self, project: BaseGeometry) -> None:
        shapely.prepare(project)
        self.project = project
        self._cells: dict[tuple[int, int, int], BaseGeometry] = {}
        self._local = shapely.get_num_coordinates(project) > MANY_VERTICES

    def cut(self, geometries: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        """Intersect each geometry with the project.

        Returns:
            The pieces (None where nothing is shared), and the indices of repaired geometries.
        """
        pieces = np.full(len(geometries), None, dtype=object)
        meets = np.flatnonzero(shapely.intersects(self.project, geometries))
        inside = shapely.contains_properly(self.project, geometries[meets])
        pieces[meets[inside]] = geometries[meets[inside]]
        edge = meets[~inside]
        repaired = np.empty(0, dtype=np.intp)
        try:
            cut = self._intersect(geometries[edge])
        except shapely.errors.GEOSException:
            repaired = edge[~shapely.is_valid(geometries[edge])]
            mended = geometries.copy()
            mended[repaired] = shapely.make_valid(mended[repaired])
            cut = self._intersect(mended[edge])
        cut[shapely.area(cut) == 0] = None
        kinds = shapely.get_type_id(cut)
        for i in np.flatnonzero((kinds >= 0) & ~_areal(kinds)):
            cut[i] = polygonal(cut[i])
        pieces[edge] = cut
        return pieces, repaired

    def _intersect(self, geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not self._local:
            return np.asarray(shapely.intersection(geometries, self.project), dtype=object)
        near = np.array([self._near(*box) for box in shapely.bounds(geometries)], dtype=object)
        return np.asarray(shapely.intersection(geometries, near), dtype=object)

    def _near(self, min_x: float, min_y: float, max_x: float, max_y: float) -> BaseGeometry:
        """Return the project cut to the smallest cell of a quadtree that holds the box."""
        left, bottom, right, top = self.project.bounds
        width, height = right - left, top - bottom
        depth = column = row = 0
        cell = self.project
        while depth < _CELL_DEPTH and shapely.get_num_coordinates(cell) > MANY_VERTICES // 4:
            side = 2 ** (depth + 1)
            columns = {int((x - left) / width * side) for x in (min_x, max_x)}
            rows = {int((y - bottom) / height * side) for y in (min_y, max_y)}
            if len(columns) > 1 or len(rows) > 1:
                break
            column, row, depth = columns.pop(), rows.pop(), depth + 1
            if not (0 <= column < side and 0 <= row < side):
                break
            key = (depth, column, row)
            if key not in self._cells:
                box = shapely.box(
                    left + column * width / side - _CELL_MARGIN_M,
                    bottom + row * height / side - _CELL_MARGIN_M,
                    left + (column + 1) * width / side + _CELL_MARGIN_M,
                    bottom + (row + 1) * height / side + _CELL_MARGIN_M,
                )
                self._cells[key] = polygonal(shapely.intersection(cell, box))
            cell = self._cells[key]
        return cell
