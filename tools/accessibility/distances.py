"""Shortest ways on the network: between places, and to the nearest facility."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.accessibility.attach import Attached
from tools.accessibility.graph import Cost, Graph, matrix_with_sources, split_edges
from tools.accessibility.network import Floats, Network
from tools.accessibility.noding import Ints

_CELLS = 8_000_000
"""Distances held at a time."""


@dataclass(frozen=True)
class Distances:
    """Between origins and destinations; infinite where there is no way within the limit."""

    total: Floats
    """Shape (origins, destinations), legs included; metres or seconds."""
    origin_leg: Floats
    """Cost of each origin's straight leg; infinite where it is not attached."""
    destination_leg: Floats

    @property
    def on_network(self) -> Floats:
        """The part that is on the network."""
        with np.errstate(invalid="ignore"):
            along = self.total - self.origin_leg[:, None] - self.destination_leg[None, :]
        return np.where(np.isfinite(self.total), along, np.inf)


@dataclass(frozen=True)
class Nearest:
    """For each place the facility that is reached first."""

    total: Floats
    """Cost with both legs; infinite where none is reached."""
    facility: Ints
    """Index of the facility; -1 where none is reached."""
    place_leg: Floats
    """Cost of the straight leg that the way uses."""


def network_distances(
    network: Network,
    origins: Attached,
    destinations: Attached,
    *,
    cost: Cost = "metres",
    access_m_s: float = 1.0,
    limit: float = np.inf,
) -> Distances:
    """Measure the shortest way from each origin to each destination.

    Args:
        network: Of one mode.
        origins: Points, one entry each.
        destinations: Points, one entry each.
        cost: Metres, or seconds.
        access_m_s: Speed on the straight legs; used for seconds only.
        limit: Longest cost on the network, the origin's leg included.

    Raises:
        AssertionError: a place has several entries.
    """
    for places in (origins, destinations):
        assert len(places.place) == len(np.unique(places.place)), "a polygon has several entries"
    graph = split_edges(network, (origins, destinations), cost)
    leg = _leg_weights(origins, cost, access_m_s)
    matrix, nodes = matrix_with_sources(graph, 0, origins, leg, reverse=False)
    destination_leg = _by_place(destinations, _leg_weights(destinations, cost, access_m_s))
    total = np.full((origins.count, destinations.count), np.inf)
    rows = max(1, _CELLS // matrix.shape[0])
    for first in range(0, len(origins.place), rows):
        chosen = origins.place[first : first + rows]
        found = _dijkstra(matrix, nodes[chosen], limit)
        total[chosen[:, None], destinations.place[None, :]] = found[:, graph.stops[1]]
    return Distances(total + destination_leg[None, :], _by_place(origins, leg), destination_leg)


def nearest_facility(
    network: Network,
    places: Attached,
    facilities: Attached,
    *,
    cost: Cost = "seconds",
    access_m_s: float,
    limit: float = np.inf,
    from_facility: bool = False,
) -> Nearest:
    """Find for each place the facility that is reached first.

    Args:
        network: Of one mode.
        places: Where people are; one or several entries each.
        facilities: One or several entries each.
        cost: Metres, or seconds.
        access_m_s: Speed on the straight legs.
        limit: Longest cost, both legs included.
        from_facility: The way leads from the facility (a fire engine) and not to it.
    """
    graph = split_edges(network, (facilities, places), cost)
    found, source = reached_from(graph, facilities, access_m_s, limit, from_facility=from_facility)
    stops, leg = graph.stops[1], _leg_weights(places, cost, access_m_s)
    at_entry = found[stops] + leg
    order = np.lexsort((at_entry, places.place))
    first = (
        order[np.append(True, places.place[order][1:] != places.place[order][:-1])]
        if len(order)
        else order
    )
    total, by = np.full(places.count, np.inf), np.full(places.count, -1, dtype=np.int64)
    place_leg = np.full(places.count, np.inf)
    total[places.place[first]] = at_entry[first]
    place_leg[places.place[first]] = leg[first]
    by[places.place[first]] = source[stops[first]]
    beyond = ~(total <= limit)
    total[beyond], by[beyond] = np.inf, -1
    return Nearest(total, by, place_leg)


def reached_from(
    graph: Graph, facilities: Attached, access_m_s: float, limit: float, *, from_facility: bool
) -> tuple[Floats, Ints]:
    """Return for every node of the graph the least cost and the facility; group 0 is searched from.

    Args:
        graph: Split with the facilities as its first group.
        facilities: That group.
        access_m_s: Speed on the straight legs.
        limit: Longest cost.
        from_facility: The way leads from the facility.
    """
    from scipy.sparse.csgraph import dijkstra

    leg = _leg_weights(facilities, graph.cost, access_m_s)
    matrix, nodes = matrix_with_sources(graph, 0, facilities, leg, reverse=not from_facility)
    known = np.unique(facilities.place)
    if not len(known):
        return np.full(graph.count, np.inf), np.full(graph.count, -1, dtype=np.int64)
    found, _, sources = dijkstra(
        matrix, indices=nodes[known], min_only=True, return_predecessors=True, limit=limit
    )
    facility = np.where(np.isfinite(found), sources - graph.count, -1)[: graph.count]
    return np.asarray(found[: graph.count]), facility.astype(np.int64)


def _dijkstra(matrix: npt.ArrayLike, nodes: Ints, limit: float) -> Floats:
    from scipy.sparse.csgraph import dijkstra

    return np.asarray(dijkstra(matrix, indices=nodes, limit=limit))


def _leg_weights(places: Attached, cost: Cost, access_m_s: float) -> Floats:
    return places.leg_m if cost == "metres" else places.leg_m / access_m_s


def _by_place(places: Attached, values: Floats) -> Floats:
    result = np.full(places.count, np.inf)
    result[places.place] = values
    return result
