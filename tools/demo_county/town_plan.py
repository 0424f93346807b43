"""Streets and blocks inside the built-up areas."""

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from tools.demo_county.field_pattern import FieldPattern, make_tile, pattern_lines
from tools.demo_county.noise import Warp
from tools.demo_county.products import Setting, product
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import polygons


@dataclass(frozen=True)
class TownPlan:
    """Streets as strips and as (centre line, width), and the lines between lots, all clipped."""

    streets: tuple[BaseGeometry, ...]
    centre_lines: tuple[tuple[BaseGeometry, float], ...]
    lots: NDArray[np.object_]


@product
def town_plans(setting: Setting, towns: tuple[Town, ...]) -> tuple[TownPlan, ...]:
    """A bent street grid per town, finer in small towns."""
    return tuple(_plan(setting, number, town) for number, town in enumerate(towns))


def _plan(setting: Setting, number: int, town: Town) -> TownPlan:
    seat = number == 0
    spacing = (58.0 if seat else 42.0) * max(1.0, setting.scale)
    bend = Warp(setting.seed, 40 + number, ((40.0, 900.0), (5.0, 210.0)))
    minx, miny, maxx, maxy = town.built_up.bounds
    pattern = FieldPattern(setting.seed + 977 * (number + 1), spacing, (minx - 60, miny - 60), bend)
    ni = int((maxx - minx + 120) / pattern.block) + 1
    nj = int((maxy - miny + 120) / pattern.block) + 1
    tile = make_tile(pattern, 0, 0, ni, nj)

    def width(k: int) -> float:
        return (30.0 if k % 4 == 1 else 15.0) if seat else 10.0

    i, j = np.meshgrid(np.arange(ni + 1), np.arange(nj + 1), indexing="ij")
    nodes = pattern.corners(i, j)
    t = np.linspace(0, 1, 9)[:-1, None]

    def street(path: NDArray[np.float64]) -> LineString:
        fine = np.concatenate([a * (1 - t) + b * t for a, b in itertools.pairwise(path)])
        return LineString(pattern.place(np.concatenate([fine, path[-1:]])))

    lines = [(street(nodes[k]), width(k)) for k in range(1, ni)]
    lines += [(street(nodes[:, k]), width(k)) for k in range(1, nj)]
    streets = [
        part
        for line, w in lines
        for part in polygons(line.buffer(w / 2, cap_style="flat").intersection(town.built_up))
    ]
    _, inner = pattern_lines(tile)
    rng = setting.rng(f"lots {number}")
    # Fewer lots than cells: a lot is one to four of them.
    rows = ni * nj * 3
    keep = np.concatenate([rng.random(rows) < 0.62, rng.random(len(inner) - rows) < 0.5])
    inner = inner[keep]
    shapely.prepare(town.built_up)
    inner = inner[shapely.intersects(town.built_up, inner)]
    centre_lines = tuple((line.intersection(town.built_up), w) for line, w in lines)
    return TownPlan(tuple(streets), centre_lines, shapely.intersection(inner, town.built_up))
