"""Attach places to the nearest edge: where along it, and how long the straight leg to it is.

A polygon (a park) is entered wherever a street comes near its outline, since data name no gates.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from tools.accessibility.network import Floats, Network
from tools.accessibility.noding import Ints

ENTRY_SPACING_M = 25.0
"""Between the points of a polygon's outline that look for a street."""
ENTRY_REACH_M = 30.0
"""A street this near to an outline point is an entry; where there is none, the nearest street is."""

_AT_NODE_M = 0.01
"""An entry this near to the end of an edge is at the node: a one-way street does not hold it."""


@dataclass(frozen=True)
class Attached:
    """Entries of places: parallel arrays, one element an entry, in the order of the places."""

    count: int
    """Places, attached or not."""
    place: Ints
    edge: Ints
    offset_m: Floats
    """From the start of the edge, along it."""
    leg_m: Floats
    """Straight, from the place to its point on the edge; 0 from an outline that touches."""

    @property
    def outside(self) -> Ints:
        """Places that no road comes near."""
        return np.setdiff1d(np.arange(self.count), self.place)


def attach(network: Network, places: npt.NDArray[np.object_], farthest_m: float) -> Attached:
    """Attach places to their nearest edges that have frontage.

    Args:
        network: Of one mode.
        places: Points (one entry each) or polygons (several), in the network's system.
        farthest_m: Longest straight leg.
    """
    open_ = np.flatnonzero(network.frontage)
    tree = shapely.STRtree(network.lines[open_])
    points, owner = _entry_points(places)
    which, found = tree.query_nearest(points, max_distance=farthest_m, all_matches=False)
    edge, place = open_[found], owner[which]
    leg = shapely.distance(points[which], network.lines[edge])
    offset = shapely.line_locate_point(network.lines[edge], points[which])
    length = network.length_m[edge]
    offset = np.where(
        offset < _AT_NODE_M, 0.0, np.where(offset > length - _AT_NODE_M, length, offset)
    )
    kept = _entries(place, edge, offset, leg, len(places))
    return Attached(len(places), place[kept], edge[kept], offset[kept], leg[kept])


def _entry_points(
    places: npt.NDArray[np.object_],
) -> tuple[npt.NDArray[np.object_], Ints]:
    """Return a point itself, or the points of a polygon's outline."""
    area = np.flatnonzero(shapely.get_dimensions(places) == 2)
    point = np.setdiff1d(np.arange(len(places)), area)
    outline = shapely.segmentize(shapely.boundary(places[area]), ENTRY_SPACING_M)
    xy, index = shapely.get_coordinates(outline, return_index=True)
    points = np.concatenate([shapely.centroid(places[point]), shapely.points(xy)])
    owner = np.concatenate([point, area[index]])
    order = np.argsort(owner, kind="stable")
    return points[order], owner[order]


def _entries(place: Ints, edge: Ints, offset: Floats, leg: Floats, count: int) -> Ints:
    """Choose the entries: of each place those within reach, else the nearest; each stretch once."""
    if not len(place):
        return np.empty(0, np.int64)
    nearest = np.full(count, np.inf)
    np.minimum.at(nearest, place, leg)
    chosen = np.flatnonzero((leg <= ENTRY_REACH_M) | (leg == nearest[place]))
    stretch = np.round(offset[chosen] / ENTRY_SPACING_M).astype(np.int64)
    order = np.lexsort((leg[chosen], stretch, edge[chosen], place[chosen]))
    keys = np.column_stack([place[chosen], edge[chosen], stretch])[order]
    first = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
    return np.sort(chosen[order][first])
