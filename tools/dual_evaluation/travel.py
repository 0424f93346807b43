"""Travel time of every cell to the central town: by car along the roads, on foot beside them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import row_strips

Strips = Iterator[tuple[slice, npt.NDArray[np.float64]]]
POINTS_AT_ONCE = 200_000

STEP_M = 60.0
"""Points along a road that cells are attached to."""


def travel_minutes(
    inputs: Inputs, spec: LayerSpec, centre: tuple[float, float]
) -> tuple[Strips, tuple[str, ...]]:
    """Return minutes by cell as strips of rows, and what was noticed about the network.

    A cell goes straight, at the speed of the parameter `travel_fallback_kmh`, to the point of a road
    that gives the least time among the nearest eight, and from there by the fastest way.

    Raises:
        InputError: roads in another system, or the centre is far from every road.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    from tools.accessibility.network import build_network
    from tools.accessibility.parameters import network_parameters
    from tools.accessibility.roads import read_roads

    if spec.epsg != inputs.epsg:
        raise InputError(
            "道路图层与评价格网的坐标系不同", layer=spec.name, field="epsg", mend="转换到同一坐标系"
        )
    parameters = network_parameters()
    roads, told = read_roads(spec, inputs.folder, parameters)
    network, more = build_network(roads, "drive", parameters)
    notices = (*told, *more)
    tree = cKDTree(network.nodes)
    away, start = tree.query(centre)
    if away > 5_000:
        raise InputError("中心城区位置离道路超过 5 千米", field="centre", mend="核对坐标")
    both = [
        (
            network.start[network.forward],
            network.end[network.forward],
            network.seconds[network.forward],
        ),
        (
            network.end[network.backward],
            network.start[network.backward],
            network.seconds[network.backward],
        ),
    ]
    # Towards the centre: the graph is searched against the direction of travel.
    rows = np.concatenate([b for _, b, _ in both])
    columns = np.concatenate([a for a, _, _ in both])
    weight = np.maximum(np.concatenate([w for _, _, w in both]), 1e-6)
    size = len(network.nodes)
    order = np.lexsort((weight, columns, rows))
    rows, columns, weight = rows[order], columns[order], weight[order]
    first = np.r_[True, (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])]
    graph = coo_matrix((weight[first], (rows[first], columns[first])), (size, size)).tocsr()
    seconds = dijkstra(graph, indices=int(start))
    points, times = _along(network, seconds)
    reached = np.isfinite(times)
    speed = inputs.scheme.parameters["travel_fallback_kmh"].value / 3.6
    return _minutes(inputs, points[reached], times[reached], speed), notices


def _minutes(inputs: Inputs, points: Any, times: npt.NDArray[np.float64], speed: float) -> Strips:
    """Yield minutes by strips; NaN everywhere where no point is reached."""
    from scipy.spatial import cKDTree

    grid = inputs.grid
    near = cKDTree(points)
    for strip in row_strips(grid.height):
        inside = inputs.inside[strip] & (len(points) > 0)
        result = np.full(inside.shape, np.nan)
        rows, columns = np.nonzero(inside)
        for begin in range(0, len(rows), POINTS_AT_ONCE):
            r, c = rows[begin : begin + POINTS_AT_ONCE], columns[begin : begin + POINTS_AT_ONCE]
            x = grid.west + grid.cell * (c + 0.5)
            y = grid.north - grid.cell * (strip.start + r + 0.5)
            distance, index = near.query(np.column_stack([x, y]), k=min(8, len(points)))
            distance, index = distance.reshape(len(r), -1), index.reshape(len(r), -1)
            result[r, c] = (times[index] + distance / speed).min(axis=1) / 60
        yield strip, result


def _along(network: Any, seconds: npt.NDArray[np.float64]) -> tuple[Any, npt.NDArray[np.float64]]:
    """Return points along the roads that may be entered, and the time from each to the centre."""
    points, times = [network.nodes], [seconds]
    for k in np.flatnonzero(network.frontage).tolist():
        length, line = float(network.length_m[k]), network.lines[k]
        count = int(length // STEP_M)
        if not count:
            continue
        share = np.arange(1, count + 1) * STEP_M / length
        share = share[share < 1]
        at = shapely.line_interpolate_point(line, share * length)
        whole = float(network.seconds[k])
        back = seconds[network.start[k]] + share * whole if network.backward[k] else np.inf
        on = seconds[network.end[k]] + (1 - share) * whole if network.forward[k] else np.inf
        points.append(shapely.get_coordinates(at))
        times.append(np.minimum(back, on) * np.ones(len(share)))
    return np.concatenate(points), np.concatenate(times)
