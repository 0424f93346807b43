"""Whether parcels cover a project once and only once, and what to do where they do not."""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from tools.compliance.overlay import polygonal


def covers_once(parcels: npt.NDArray[Any], project: BaseGeometry) -> bool:
    """Say whether every parcel edge inside a project is shared by exactly two parcels.

    If so, there is neither gap nor overlap in it. If not, there may be one, or neighbours only miss
    each other's vertices: then areas have to decide. Vertices are compared bit by bit.

    Args:
        parcels: Polygons of all parcels that meet the project, not cut.
        project: Prepared (Multi)Polygon.
    """
    rings, _ = shapely.get_rings(parcels, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)
    vertex = (bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)) ^ (
        bits[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    vertex ^= vertex >> np.uint64(31)
    vertex *= np.uint64(0xBF58476D1CE4E5B9)
    start = np.flatnonzero((ring[:-1] == ring[1:]) & (vertex[:-1] != vertex[1:]))
    _, first, count = np.unique(
        vertex[start] + vertex[start + 1], return_index=True, return_counts=True
    )
    single = start[first[count != 2]]
    lines = shapely.linestrings(np.stack([points[single], points[single + 1]], axis=1))
    return not shapely.intersects(project, lines).any()


def first_come(
    pieces: npt.NDArray[Any], taken: BaseGeometry
) -> tuple[npt.NDArray[Any], BaseGeometry]:
    """Make pieces disjoint: a shared place stays with the piece that comes first.

    Args:
        pieces: Polygons in order.
        taken: What earlier pieces have taken already.

    Returns:
        The pieces without shared places, and `taken` with them.
    """
    left, right = shapely.STRtree(pieces).query(pieces, predicate="intersects")
    earlier: dict[int, list[int]] = defaultdict(list)
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        if i < j:
            earlier[j].append(i)
    disjoint = pieces.copy()
    for j, before in earlier.items():
        rest = shapely.difference(pieces[j], shapely.union_all(pieces[before]))
        disjoint[j] = polygonal(rest)
    if not taken.is_empty:
        disjoint = np.array([polygonal(g) for g in shapely.difference(disjoint, taken)])
    return disjoint, shapely.union_all([taken, *disjoint])
