"""Net edges of a polygon layer: what is left when every edge meets its opposite.

Give each edge of each polygon a sign by the side on which its polygon lies. How many polygons cover a
point, its *degree*, changes only across edges, and not at all across one that two polygons share
from opposite sides. So the edges that do not cancel decide the degree of every point: a layer
without overlaps and gaps keeps nothing but its outer border, and a million parcels are checked by
sorting their edges, without comparing any two of them.

Coordinates are whole multiples of the pack's grid (0.1 mm), so that equal points are equal numbers.
Two different edges with the same 64-bit hash would cancel wrongly: one in 10⁵ at 26 million edges.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from tools.quality_check.vertices import Rings

_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)


@dataclass(frozen=True)
class Edges:
    """Directed edges with their signs."""

    ends: npt.NDArray[np.int64]
    """Shape (n, 4): x, y of the lexicographically smaller end, then of the other, in grid units."""
    signs: npt.NDArray[np.int8]
    """+1 where the polygon lies on the left of the edge as `ends` directs it, −1 on the right."""

    def __len__(self) -> int:
        return len(self.signs)


def no_edges() -> Edges:
    """Return the edges of a layer without polygons."""
    return Edges(np.empty((0, 4), np.int64), np.empty(0, np.int8))


def edges_of(rings: Rings, grid_m: float) -> Edges:
    """Take the edges of polygons' rings and cancel those that meet their opposites."""
    if not len(rings.xy):
        return no_edges()
    points = np.rint(rings.xy / grid_m).astype(np.int64)
    inner = np.ones(len(points) - 1, dtype=bool)
    inner[rings.starts[1:] - 1] = False
    first, second = points[:-1][inner], points[1:][inner]
    ring = np.repeat(np.arange(len(rings.starts)), rings.counts - 1)
    # The shoelace sum about the ring's first point says its direction.
    origin = rings.xy[rings.starts]
    a = rings.xy[:-1][inner] - origin[ring]
    b = rings.xy[1:][inner] - origin[ring]
    twice = np.bincount(ring, a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], minlength=len(rings.starts))
    left = np.where((twice > 0) != rings.hole, 1, -1).astype(np.int8)
    forward = (first[:, 0] < second[:, 0]) | (
        (first[:, 0] == second[:, 0]) & (first[:, 1] < second[:, 1])
    )
    signs = np.where(forward, left[ring], -left[ring]).astype(np.int8)
    ends = np.where(forward[:, None], np.hstack([first, second]), np.hstack([second, first]))
    real = (first != second).any(axis=1)
    return cancelled(Edges(ends[real], signs[real]))


def cancelled(edges: Edges) -> Edges:
    """Drop the edges whose signs sum to nothing."""
    if not len(edges):
        return edges
    _, which = np.unique(_hashes(edges.ends), return_inverse=True)
    net = np.bincount(which, weights=edges.signs)
    kept = net[which] != 0
    return Edges(edges.ends[kept], edges.signs[kept])


def joined(parts: list[Edges]) -> Edges:
    """Put the edges of several parts of a layer together and cancel again."""
    if not parts:
        return no_edges()
    return cancelled(
        Edges(np.concatenate([p.ends for p in parts]), np.concatenate([p.signs for p in parts]))
    )


def reversed_edges(edges: Edges) -> Edges:
    """Return the edges of a layer that counts −1."""
    return Edges(edges.ends, (-edges.signs).astype(np.int8))


def _hashes(ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    mixed = np.zeros(len(ends), dtype=np.uint64)
    for column, factor in enumerate(_MIX):
        mixed ^= ends[:, column].astype(np.uint64)
        mixed *= factor
        mixed ^= mixed >> np.uint64(29)
    return mixed


def lines(edges: Edges, grid_m: float) -> npt.NDArray[np.object_]:
    """Return each different edge once as a line in metres."""
    _, first = np.unique(_hashes(edges.ends), return_index=True)
    xy = edges.ends[first].reshape(-1, 2, 2) * grid_m
    return np.atleast_1d(np.asarray(shapely.linestrings(xy), dtype=object))


def degrees(edges: Edges, points: npt.NDArray[np.float64], grid_m: float) -> npt.NDArray[np.int64]:
    """Count how many polygons cover each point.

    A ray upwards leaves the layer in the end: the degree is what its crossings sum to, negated.

    Args:
        edges: Net edges.
        points: Shape (n, 2), metres, on no edge.
        grid_m: Size of the grid.
    """
    found = np.zeros(len(points), dtype=np.int64)
    if not len(edges) or not len(points):
        return found
    ends = edges.ends * grid_m
    tree = shapely.STRtree(np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2)), dtype=object))
    top = float(ends[:, (1, 3)].max()) + 1.0
    rays = np.stack([points, np.column_stack([points[:, 0], np.full(len(points), top)])], axis=1)
    for start in range(0, len(points), 2000):
        part = slice(start, start + 2000)
        at, edge = tree.query(shapely.linestrings(rays[part]))
        x, y = points[part][at].T
        x0, y0, x1, y1 = ends[edge].T
        spans = (x0 <= x) & (x < x1)
        with np.errstate(invalid="ignore", divide="ignore"):
            above = y0 + (x - x0) * (y1 - y0) / (x1 - x0) > y
        crossing = spans & above
        found[part] -= np.bincount(
            at[crossing], edges.signs[edge[crossing]], minlength=len(points[part])
        ).astype(np.int64)
    return found
