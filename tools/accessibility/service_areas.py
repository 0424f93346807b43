"""Service areas (isochrones): the stretches reached within a limit, widened and dissolved."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from tools.accessibility.attach import Attached
from tools.accessibility.cutting import substring
from tools.accessibility.distances import reached_from
from tools.accessibility.graph import Cost, Graph, split_edges
from tools.accessibility.network import Floats, Network

_ROUND = 4
"""Segments of a quarter circle at the ends of the widened streets."""


@dataclass(frozen=True)
class ServiceArea:
    """What is reached within a limit."""

    area: BaseGeometry
    """Polygon or MultiPolygon; empty where nothing is reached."""
    streets: npt.NDArray[np.object_]
    """The stretches, cut at the limit."""
    length_m: float


def service_area(
    network: Network,
    facilities: Attached,
    *,
    limit: float,
    width_m: float,
    access_m_s: float,
    cost: Cost = "seconds",
    from_facility: bool = False,
) -> ServiceArea:
    """Return the area served by any of the facilities within a limit.

    Args:
        network: Of one mode.
        facilities: One or several entries each.
        limit: Cost from the facility, its straight leg included.
        width_m: On each side of the streets reached.
        access_m_s: Speed on the straight legs.
        cost: What the limit counts.
        from_facility: The way leads from the facility and not to it.
    """
    graph = split_edges(network, (facilities,), cost)
    found, _ = reached_from(graph, facilities, access_m_s, limit, from_facility=from_facility)
    streets = _reached(graph, found, limit, from_facility)
    if not len(streets):
        return ServiceArea(shapely.Polygon(), streets, 0.0)
    area = shapely.union_all(shapely.buffer(streets, width_m, quad_segs=_ROUND))
    return ServiceArea(area, streets, float(shapely.length(streets).sum()))


def _reached(
    graph: Graph, found: Floats, limit: float, from_facility: bool
) -> npt.NDArray[np.object_]:
    """Cut each stretch where the limit ends, coming from its start and from its end."""
    along, against = graph.forward, graph.backward
    if not from_facility:
        along, against = against, along
    from_start = _share(limit - found[graph.start], graph.weight, along)
    from_end = _share(limit - found[graph.end], graph.weight, against)
    whole = from_start + from_end >= 1
    from_start = np.where(whole, 1.0, from_start)
    from_end = np.where(whole, 0.0, from_end)
    span = graph.to_m - graph.from_m
    lines = graph.network.lines
    pieces: list[shapely.LineString] = []
    for k in np.flatnonzero((from_start > 0) & (span > 0)).tolist():
        line, stop = lines[graph.edge[k]], graph.from_m[k] + from_start[k] * span[k]
        entire = graph.from_m[k] == 0 and stop == graph.network.length_m[graph.edge[k]]
        pieces.append(line if entire else substring(line, graph.from_m[k], stop))
    for k in np.flatnonzero((from_end > 0) & (span > 0)).tolist():
        begin = graph.to_m[k] - from_end[k] * span[k]
        pieces.append(substring(lines[graph.edge[k]], begin, graph.to_m[k]))
    return np.array(pieces, dtype=object)


def _share(left: Floats, weight: Floats, allowed: npt.NDArray[np.bool_]) -> Floats:
    """Return how much of a stretch is reached with what is left of the limit, 0 to 1."""
    reached = np.isfinite(left) & (left >= 0) & allowed
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(weight > 0, left / weight, 1.0)
    return np.where(reached, np.clip(share, 0.0, 1.0), 0.0)
