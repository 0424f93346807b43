"""Merge faces of a coverage into parcels: it stays a coverage, because faces share every vertex."""

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.noise import Floats

Ints = NDArray[np.int64]
Objects = NDArray[np.object_]


def shared_lengths(faces: Objects, *, precision: float) -> tuple[Ints, Ints, Floats]:
    """Find all pairs of neighbours (a < b) with the length of their common boundary, m.

    Two segments of an arrangement cannot cross, so a segment is known by its middle.
    """
    rings, of_polygon = shapely.get_rings(faces, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    face = of_polygon[ring[:-1][inside]]
    start, end = points[:-1][inside], points[1:][inside]
    middle = np.rint((start + end) / precision).astype(np.int64)
    middle -= middle.min(0)
    key = middle[:, 0] * (int(middle[:, 1].max()) + 1) + middle[:, 1]
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    one, other = order[twin], order[twin + 1]
    a, b = np.minimum(face[one], face[other]), np.maximum(face[one], face[other])
    length = np.hypot(*(end[one] - start[one]).T)
    pair, position = np.unique(a * len(faces) + b, return_inverse=True)
    one_face: Ints = pair // len(faces)
    other_face: Ints = pair % len(faces)
    return one_face, other_face, np.asarray(np.bincount(position, length), np.float64)


def longest_neighbour(
    count: int, a: Ints, b: Ints, weight: Floats, wanted: NDArray[np.bool_]
) -> Ints:
    """The neighbour of greatest weight for each wanted face; -1 where there is none."""
    here, there, value = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(weight, 2)
    use = wanted[here] & (value > 0)
    here, there, value = here[use], there[use], value[use]
    order = np.lexsort((value, here))
    best = np.full(count, -1)
    best[here[order]] = there[order]  # the greatest is written last
    return best


def merge_groups(group: Ints, link_from: Ints, link_to: Ints) -> Ints:
    """Join groups that faces link; returns a group number per face."""
    parent = np.arange(int(group.max()) + 1)

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = int(parent[k])
        return k

    for one, other in zip(group[link_from].tolist(), group[link_to].tolist(), strict=True):
        parent[root(one)] = root(other)
    return np.array([root(int(k)) for k in group])


def union_groups(faces: Objects, group: Ints) -> tuple[Objects, Ints]:
    """Union each group; returns connected parts and the group of each."""
    order = np.argsort(group, kind="stable")
    names, starts = np.unique(group[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    merged = np.empty(len(names), dtype=object)
    single = ends - starts == 1
    merged[single] = faces[order[starts[single]]]
    for k in np.flatnonzero(~single):
        merged[k] = shapely.coverage_union_all(faces[order[starts[k] : ends[k]]])
    parts, index = shapely.get_parts(merged, return_index=True)
    return parts, names[index]
