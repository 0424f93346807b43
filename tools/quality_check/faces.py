"""Faces of net edges: where polygons cover a point twice, or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.quality_check.context import Survey
from tools.quality_check.edges import Edges, lines
from tools.quality_check.mend import mended
from tools.quality_check.source import read_features

_BOXES = 200_000


@dataclass(frozen=True)
class Faces:
    """Bounded faces of an arrangement of edges, each with a point inside."""

    polygons: npt.NDArray[np.object_]
    points: npt.NDArray[np.float64]
    """Shape (n, 2)."""

    def __len__(self) -> int:
        return len(self.polygons)

    def chosen(self, mask: npt.NDArray[np.bool_]) -> "Faces":
        """Return some of the faces."""
        return Faces(self.polygons[mask], self.points[mask])


def faces_of(parts: list[Edges], grid_m: float, *, least_m2: float, least_width_m: float) -> Faces:
    """Node the edges on the grid and return their faces that are large and wide enough."""
    drawn = [lines(edges, grid_m) for edges in parts if len(edges)]
    if not drawn:
        return Faces(np.empty(0, object), np.empty((0, 2)))
    # Joined to long lines first, the noding has a hundredth of the pieces to compare.
    merged = shapely.line_merge(shapely.multilinestrings(np.concatenate(drawn)))
    noded = shapely.union_all(shapely.get_parts(merged), grid_size=grid_m)
    polygons = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    areas, outlines = shapely.area(polygons), shapely.length(polygons)
    wide = (areas >= least_m2) & (2 * areas > least_width_m * outlines)
    polygons = polygons[wide]
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons))
    return Faces(polygons, inside)


@dataclass(frozen=True)
class Owner:
    """A feature that lies over a face, wholly or partly."""

    fid: int
    identifier: str
    whole: Any
    """Its geometry, mended."""
    geometry: Any
    """Its part inside the face. A face may span many features: borders between them cancel."""


def owners(survey: Survey, layer: str, faces: Faces, least_m2: float) -> list[list[Owner]]:
    """Name the features of a layer that lie over each face, in ascending order of id."""
    found: list[list[Owner]] = [[] for _ in range(len(faces))]
    if not len(faces):
        return found
    context, gathered = survey.layers[layer], survey.gathered[layer]
    tree = shapely.STRtree(faces.polygons)
    by_fid: dict[int, list[int]] = {}
    known = np.flatnonzero(np.isfinite(gathered.bounds).all(axis=1))
    for start in range(0, len(known), _BOXES):
        rows = known[start : start + _BOXES]
        which, face = tree.query(shapely.box(*gathered.bounds[rows].T))
        for fid, at in zip(gathered.fids[rows[which]].tolist(), face.tolist(), strict=True):
            by_fid.setdefault(fid, []).append(at)
    id_field = survey.pack.id_field
    columns = (id_field,) if id_field in context.file.column_names else ()
    fids = sorted(by_fid)
    for start in range(0, len(fids), 5000):
        chunk = read_features(context.file, fids[start : start + 5000], columns)
        valid = mended(chunk.geometries)
        for row, fid in enumerate(chunk.fids.tolist()):
            identifier = str(chunk.columns[id_field][row] or "") if columns else ""
            faces_near = np.array(by_fid[fid], dtype=np.intp)
            parts = shapely.intersection(faces.polygons[faces_near], valid[row])
            areas = shapely.area(parts)
            for at, part, area in zip(faces_near.tolist(), parts, areas.tolist(), strict=True):
                if area > 0 and area >= least_m2:
                    found[at].append(Owner(fid, identifier, valid[row], part))
    return found


def pairs_of(
    groups: list[tuple[list[Owner], list[Owner]]], least_m2: float
) -> Iterator[tuple[Owner, Owner, Any, float]]:
    """Cross two lists of owners face by face: each pair once, with what they share and its area."""
    shared: dict[tuple[int, int], list[Any]] = {}
    known: dict[tuple[int, int], tuple[Owner, Owner]] = {}
    for first, second in groups:
        if not first or not second:
            continue
        shapes = np.array([o.geometry for o in second], dtype=object)
        mine = np.array([o.geometry for o in first], dtype=object)
        one, other = shapely.STRtree(shapes).query(mine)
        parts = shapely.intersection(mine[one], shapes[other])
        areas = shapely.area(parts)
        for at in np.flatnonzero(areas > 0):
            a, b = first[one[at]], second[other[at]]
            shared.setdefault((a.fid, b.fid), []).append(parts[at])
            known[a.fid, b.fid] = (a, b)
    for name, parts_of in shared.items():
        shape = shapely.union_all(parts_of)
        if shape.area >= least_m2:
            yield *known[name], shape, float(shape.area)
