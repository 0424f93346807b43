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
    rings = shapely.get_rings(shapely.get_parts(parcels))
    if len(rings) == 0:
        return False
    points, ring = shapely.get_coordinates(rings, return_index=True)
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)
    vertex = mixed(mixed(bits[:, 0]) + bits[:, 1])
    start = np.flatnonzero((ring[:-1] == ring[1:]) & (vertex[:-1] != vertex[1:]))
    edge = vertex[start] + vertex[start + 1]
    order = np.argsort(edge)
    edge = edge[order]
    first = np.flatnonzero(np.concatenate([[True], edge[1:] != edge[:-1]]))
    count = np.diff(np.append(first, len(edge)))
    single = np.sort(start[order[first[count != 2]]])
    return len(single) == 0 or not shapely.intersects(project, chained(points, single)).any()


def chained(points: npt.NDArray[np.float64], edges: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Draw the edges that begin at these points, those that follow one another as one line."""
    begins = np.concatenate([[True], edges[1:] != edges[:-1] + 1])
    line = np.cumsum(begins) - 1
    ends = np.flatnonzero(np.append(begins[1:], True))
    at = np.insert(edges, ends + 1, edges[ends] + 1)
    return np.asarray(
        shapely.linestrings(points[at], indices=np.insert(line, ends + 1, line[ends]))
    )


def mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread every bit over the whole word (the finaliser of MurmurHash3, public domain)."""
    bits = bits ^ (bits >> np.uint64(33))
    bits *= np.uint64(0xFF51AFD7ED558CCD)
    bits ^= bits >> np.uint64(33)
    bits *= np.uint64(0xC4CEB9FE1A85EC53)
    bits ^= bits >> np.uint64(33)
    return bits


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
