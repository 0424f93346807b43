"""Rings to polygons by containment: a ring inside an odd number of others is a hole."""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon


def has_three_points(points: npt.NDArray[np.float64]) -> bool:
    """Tell whether (n, 2) points hold at least three different ones."""
    from_first = (points != points[0]).any(axis=1)
    if not from_first.any():
        return False
    second = points[int(np.argmax(from_first))]
    return bool((from_first & (points != second).any(axis=1)).any())


def polygons_from_rings(rings: list[npt.NDArray[np.float64]]) -> tuple[list[Polygon], int]:
    """Assemble polygons from closed rings in any order and direction.

    Args:
        rings: Arrays (n, 2) whose last point equals the first.

    Returns:
        Polygons in the order of their outer rings, and how many rings became holes. Rings that
        cross one another are left as they are for the repair.
    """
    discs: npt.NDArray[Any] = np.array([Polygon(ring) for ring in rings], dtype=object)
    areas = shapely.area(discs)
    inside = _containing(discs, areas)
    depth = [len(outer) for outer in inside]
    holes: dict[int, list[npt.NDArray[np.float64]]] = {}
    for index, outer in enumerate(inside):
        if depth[index] % 2:
            parent = min(outer, key=lambda j: areas[j])
            holes.setdefault(parent, []).append(rings[index])
    polygons = [
        Polygon(ring, holes.get(index)) for index, ring in enumerate(rings) if depth[index] % 2 == 0
    ]
    return polygons, len(rings) - len(polygons)


def _containing(discs: npt.NDArray[Any], areas: npt.NDArray[np.float64]) -> list[list[int]]:
    """List, for each ring, the larger rings that hold it (its inner point and its whole box)."""
    inside: list[list[int]] = [[] for _ in discs]
    if len(discs) == 1:
        return inside
    points = shapely.point_on_surface(discs)
    boxes = shapely.bounds(discs)
    shapely.prepare(discs)
    inner, outer = shapely.STRtree(discs).query(points)
    for i, j in zip(inner.tolist(), outer.tolist(), strict=True):
        if (
            areas[j] > areas[i]
            and (boxes[j, :2] <= boxes[i, :2]).all()
            and (boxes[j, 2:] >= boxes[i, 2:]).all()
            and shapely.contains_properly(discs[j], points[i])
        ):
            inside[i].append(j)
    return inside
