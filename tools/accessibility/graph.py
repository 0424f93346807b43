"""The graph that is searched: the network's edges split at the entries of places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tools.accessibility.attach import Attached
from tools.accessibility.network import Flags, Floats, Network
from tools.accessibility.noding import Ints

Cost = Literal["metres", "seconds"]


@dataclass(frozen=True)
class Graph:
    """Stretches of edges between nodes and entries: parallel arrays, one element a stretch."""

    network: Network
    cost: Cost
    edge: Ints
    from_m: Floats
    to_m: Floats
    """Metres from the start of the edge."""
    start: Ints
    end: Ints
    weight: Floats
    forward: Flags
    backward: Flags
    stops: tuple[Ints, ...]
    """Node of each entry, for each group of places."""
    count: int
    """Nodes."""


def split_edges(network: Network, groups: Sequence[Attached], cost: Cost) -> Graph:
    """Split edges at entries; every entry becomes a node.

    Args:
        network: Of one mode.
        groups: Origins, destinations, …; a node a different entry, also where two coincide.
        cost: What a search adds up.
    """
    edge = np.concatenate([np.empty(0, np.int64), *(group.edge for group in groups)])
    offset = np.concatenate([np.empty(0), *(group.offset_m for group in groups)])
    entries = len(edge)
    order = np.lexsort((offset, edge))
    stop = np.empty(entries, dtype=np.int64)
    stop[order] = len(network.nodes) + np.arange(entries)
    # Along every edge: its start, its entries in order, its end.
    per_edge = np.bincount(edge, minlength=len(network))
    stretches = np.repeat(np.arange(len(network)), per_edge + 1)
    first = np.concatenate([[0], np.cumsum(per_edge + 1)[:-1]]).astype(np.int64)
    last = first + per_edge
    total = len(stretches)
    is_first, is_last = np.zeros(total, bool), np.zeros(total, bool)
    is_first[first], is_last[last] = True, True
    start, end = np.empty(total, np.int64), np.empty(total, np.int64)
    from_m, to_m = np.empty(total), np.empty(total)
    start[first], from_m[first] = network.start, 0.0
    end[last], to_m[last] = network.end, network.length_m
    start[~is_first], from_m[~is_first] = stop[order], offset[order]
    end[~is_last], to_m[~is_last] = stop[order], offset[order]
    weight = to_m - from_m
    no_way = weight == 0  # one and the same place, whatever the direction of the street
    if cost == "seconds":
        weight = weight * (network.seconds / network.length_m)[stretches]
    sizes = np.cumsum([len(group.edge) for group in groups])[:-1]
    return Graph(
        network=network,
        cost=cost,
        edge=stretches,
        from_m=from_m,
        to_m=to_m,
        start=start,
        end=end,
        weight=weight,
        forward=network.forward[stretches] | no_way,
        backward=network.backward[stretches] | no_way,
        stops=tuple(np.split(stop, sizes)) if groups else (),
        count=len(network.nodes) + entries,
    )


def matrix_with_sources(
    graph: Graph, group: int, places: Attached, leg_weight: Floats, *, reverse: bool
) -> tuple[Any, Ints]:
    """Return the sparse matrix of the graph with one more node for each place of a group.

    Args:
        graph: As split.
        group: Index of the group whose places are searched from.
        places: That group.
        leg_weight: Cost of the straight leg of each entry.
        reverse: Search against the direction of travel: what is found is the way to the places.

    Returns:
        A CSR matrix, and the node of each place.
    """
    from scipy.sparse import csr_matrix

    tail = [graph.start[graph.forward], graph.end[graph.backward]]
    head = [graph.end[graph.forward], graph.start[graph.backward]]
    if reverse:
        tail, head = head, tail
    tails = np.concatenate([*tail, graph.count + places.place])
    heads = np.concatenate([*head, graph.stops[group]])
    weights = np.concatenate(
        [graph.weight[graph.forward], graph.weight[graph.backward], leg_weight]
    )
    # scipy adds up parallel edges: of each pair the cheapest is kept. Zero weights stay stored.
    order = np.lexsort((weights, heads, tails))
    tails, heads, weights = tails[order], heads[order], weights[order]
    keep = np.append(True, (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1]))
    keep &= tails != heads
    tails, heads, weights = tails[keep], heads[keep], weights[keep]
    size = graph.count + places.count
    pointer = np.searchsorted(tails, np.arange(size + 1))
    matrix = csr_matrix(
        (weights, heads.astype(np.int32), pointer.astype(np.int32)), shape=(size, size)
    )
    return matrix, graph.count + np.arange(places.count)
