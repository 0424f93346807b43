"""Roads between towns and villages as centre lines with class, name and width."""

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.noise import Floats
from tools.demo_county.products import Setting, product
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import bent_line
from tools.demo_county.terrain import Waters


@dataclass(frozen=True)
class Road:
    """A road or railway; `rank` 0 is the most important and wins at crossings."""

    name: str
    kind: str
    code: str
    width: float
    rank: int
    line: LineString


@product
def road_network(
    setting: Setting, county_outline: Polygon, towns: tuple[Town, ...],
    villages: tuple[Village, ...], waters: Waters,
) -> tuple[Road, ...]:  # fmt: skip
    """A railway, a motorway, trunk roads between towns, and a tree of village roads."""
    rng = setting.rng("roads")
    roads = [*_through_roads(setting, rng), *_town_roads(towns, rng)]
    roads += _village_roads(setting, towns, villages, waters, rng)
    inside = county_outline.buffer(400)
    return tuple(
        Road(r.name, r.kind, r.code, r.width, r.rank, line)
        for r in roads
        for line in _lines(shapely.intersection(r.line, inside))
        if line.length > 30
    )


def _lines(geometry: BaseGeometry) -> list[LineString]:
    return [part for part in shapely.get_parts(geometry) if isinstance(part, LineString)]


def _through_roads(setting: Setting, rng: np.random.Generator) -> list[Road]:
    def line(stops: list[tuple[float, float]], sway: float) -> LineString:
        points = [np.array(setting.at(*stop)) for stop in stops]
        pieces = [bent_line(a, b, rng, sway=sway) for a, b in itertools.pairwise(points)]
        return LineString(_smooth(np.concatenate(pieces)))

    return [
        Road("合成铁路", "铁路", "1201", 22.0, 0, line([(-1, 4.8), (13, 6.6), (31, 10.9)], 0.02)),
        Road("示例高速", "高速公路", "1202", 32.0, 1, line([(-1, 2.6), (11, 2.9), (19, 7.2), (22.5, 26)], 0.03)),
    ]  # fmt: skip


def _smooth(points: Floats) -> Floats:
    kernel = np.hanning(31)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(points[:1], 15, 0), points, np.repeat(points[-1:], 15, 0)])
    return np.column_stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)])


_TRUNKS = (
    # from, to (indices of towns), class, number, width
    (1, 2, "省道", "S201", 16.0), (2, 0, "国道", "G901", 22.0), (0, 8, "国道", "G901", 22.0),
    (0, 5, "省道", "S202", 16.0), (5, 4, "县道", "X001", 10.0), (5, 6, "县道", "X002", 10.0),
    (8, 7, "省道", "S203", 16.0), (8, 9, "县道", "X003", 10.0), (9, 0, "省道", "S204", 16.0),
    (1, 3, "县道", "X004", 10.0), (3, 4, "县道", "X005", 10.0), (6, 7, "县道", "X006", 10.0),
    (9, 2, "县道", "X007", 10.0), (1, 0, "省道", "S201", 16.0),
)  # fmt: skip


def _town_roads(towns: tuple[Town, ...], rng: np.random.Generator) -> list[Road]:
    roads = []
    for a, b, kind, number, width in _TRUNKS:
        line = bent_line(np.array(towns[a].centre), np.array(towns[b].centre), rng, sway=0.05)
        rank = {"国道": 2, "省道": 3, "县道": 4}[kind]
        roads.append(Road(f"{number}（合成）", kind, "1202", width, rank, LineString(line)))
    return roads


def _village_roads(
    setting: Setting, towns: tuple[Town, ...], villages: tuple[Village, ...], waters: Waters,
    rng: np.random.Generator,
) -> list[Road]:  # fmt: skip
    """The shortest tree that joins all villages to the towns; crossing the river is dear."""
    places = np.array([*(t.centre for t in towns), *(v.centre for v in villages)])
    joined = list(range(len(towns)))
    river = shapely.LineString(shapely.get_coordinates(shapely.boundary(waters.river))[::12])
    dear = _cost(places, river)
    best = np.full(len(places), np.inf)
    parent = np.zeros(len(places), np.int64)
    open_ = np.ones(len(places), bool)
    for k in joined:
        open_[k] = False
        cost = dear(k)
        better = cost < best
        best[better], parent[better] = cost[better], k
    roads = []
    while open_.any():
        k = int(np.argmin(np.where(open_, best, np.inf)))
        open_[k] = False
        near = int(parent[k])
        line = bent_line(places[near], places[k], rng, sway=0.05, step=25 * setting.scale)
        main = rng.random() < 0.22
        name = f"{villages[k - len(towns)].name}路"
        roads.append(
            Road(name, "乡道" if main else "村道", "1202" if main else "060101",
                 7.5 if main else 5.0, 5 if main else 6, LineString(line))
        )  # fmt: skip
        cost = dear(k)
        better = open_ & (cost < best)
        best[better], parent[better] = cost[better], k
    return roads


class _cost:  # noqa: N801 - a function with memory
    """Length from one place to all others, with a surcharge for crossing the river."""

    def __init__(self, places: Floats, river: LineString) -> None:
        self.places, self.river = places, river
        shapely.prepare(river)

    def __call__(self, k: int) -> Floats:
        ends = np.stack([np.broadcast_to(self.places[k], self.places.shape), self.places], 1)
        length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        crosses: NDArray[np.bool_] = np.asarray(
            shapely.intersects(self.river, shapely.linestrings(ends))
        )
        return np.asarray(length + 4000.0 * crosses)
