"""Edges of a block's polygons, known by their vertices bit by bit: what two layers share needs no cutting."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import shapely

from tools.compliance.coverage import chained, mixed

_FIRST = 2_000
"""Edges looked at first: data without shared vertices shows in them."""


class Edges:
    """The edges of some polygons.

    Args:
        polygons: Valid (Multi)Polygons.
    """

    def __init__(self, polygons: npt.NDArray[Any]) -> None:
        self._polygons = polygons
        parts, of = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        self._points, ring = shapely.get_coordinates(rings, return_index=True)
        bits = np.ascontiguousarray(self._points + 0.0).view(np.uint64)
        vertex = mixed(mixed(bits[:, 0]) + bits[:, 1])
        self._start = np.flatnonzero((ring[:-1] == ring[1:]) & (vertex[:-1] != vertex[1:]))
        self._owner = of[part[ring[self._start]]]
        self._edge = vertex[self._start] + vertex[self._start + 1]
        self._forth = vertex[self._start] < vertex[self._start + 1]

    def may_overlap(self) -> bool:
        """Say whether the polygons may overlap; False is certain.

        Where they do not, an edge is shared by at most two polygons that lie on either side of it, and
        an edge that none shares runs along no other polygon's edge and through none's interior.
        """
        if not len(self._edge):
            return False
        order = np.argsort(self._edge)
        edge = self._edge[order]
        first = np.flatnonzero(np.concatenate([[True], edge[1:] != edge[:-1]]))
        count = np.diff(np.append(first, len(edge)))
        sides = np.add.reduceat(np.where(self._forth, 1, -1)[order], first)
        if (count > 2).any() or (sides[count == 2] != 0).any():
            return True
        single = order[first[count == 1]]
        tree = shapely.STRtree(self._polygons)
        return any(self._meets(tree, some) for some in (single[:_FIRST], single[_FIRST:]))

    def _meets(self, tree: shapely.STRtree, some: npt.NDArray[np.intp]) -> bool:
        """Say whether some edges run along or through polygons that are not theirs."""
        start = self._start[some]
        ends = np.stack([self._points[start], self._points[start + 1]], axis=1)
        lines = cast(npt.NDArray[Any], shapely.linestrings(ends))
        line, near = tree.query(lines, predicate="intersects")
        foreign = self._owner[some[line]] != near
        one, other = lines[line[foreign]], self._polygons[near[foreign]]
        return any(shapely.relate_pattern(one, other, p).any() for p in ("T********", "*1*******"))

    def not_in(self, other: "Edges") -> npt.NDArray[Any]:
        """Return the edges that the other polygons do not have, those that follow one another as a line."""
        known = np.sort(other._edge)
        place = np.minimum(np.searchsorted(known, self._edge), max(len(known) - 1, 0))
        foreign = known[place] != self._edge if len(known) else np.ones(len(self._edge), dtype=bool)
        own = np.sort(self._start[foreign])
        return chained(self._points, own) if len(own) else np.empty(0, dtype=object)
