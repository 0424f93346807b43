"""Hazards: ground prone to slides, a fault, and points that are watched or flood in rain."""

from typing import Any

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.land_use import LandUse
from tools.demo_county.layers.elevation import north_up
from tools.demo_county.noise import Floats, Fractal
from tools.demo_county.plan_layer import Columns, areas, plan_lines, plan_points, plan_polygons
from tools.demo_county.products import LayerInfo, RasterLayer, Setting, VectorLayer, layer, product
from tools.demo_county.roughness import smoothed
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import bent_line, contour, points_at, polygons
from tools.demo_county.terrain import Courses, Grid, Terrain

LEVELS = (("低", 7.0), ("中", 13.0), ("高", 19.0))
"""Class and smoothed slope from which it holds, degrees: plausible, not from a standard."""
_FLOOD_RISE_M, _FLOOD_REACH_M = 5.2, 1500.0


@product
def slide_zones(
    setting: Setting, terrain: Terrain, county_outline: Polygon
) -> tuple[tuple[str, BaseGeometry], ...]:
    """Class and area, classes apart from each other."""
    slope = terrain.slope
    east, north = slope.x[::2], slope.y[::2]
    x, y = np.meshgrid(east, north)
    surface = smoothed(slope.values, round(150 / slope.cell))[::2, ::2].copy()
    surface += 2.2 * Fractal(setting.seed, 220, 1700, 2)(x, y) * (surface > 3)
    shells = [
        shapely.intersection(
            shapely.simplify(contour(east, north, surface, level), 3.0), county_outline
        )
        for _, level in LEVELS
    ]
    found = []
    for k, (name, _) in enumerate(LEVELS):
        shell = shells[k]
        if k + 1 < len(shells):
            shell = shapely.difference(shell, shells[k + 1])
        found.append((name, areas(shell, 30_000)))
    return tuple(found)


@layer(LayerInfo("geohazard_zones", "DZZHYFQ", "地质灾害易发区", id_field="BSM", name_field="YFCD"))
def slide_zones_layer(
    setting: Setting, slide_zones: tuple[tuple[str, BaseGeometry], ...], towns: tuple[Town, ...]
) -> VectorLayer:
    """One row a connected area."""
    rows = [(name, part) for name, area in slide_zones for part in polygons(area)]
    own = {"YFCD": ("TEXT(10)", [name for name, _ in rows])}
    return plan_polygons(setting, 2331, [part for _, part in rows], own, towns=towns)


@layer(LayerInfo("fault_lines", "DLDC", "断裂", id_field="BSM", name_field="MC"))
def faults_layer(setting: Setting, county_outline: Polygon) -> VectorLayer:
    """One fault through the hills."""
    rng = setting.rng("fault")
    ends = np.array(setting.at(-1, 20.6)), np.array(setting.at(31, 16.8))
    line = shapely.intersection(LineString(bent_line(*ends, rng, sway=0.02)), county_outline)
    own = {"MC": ("TEXT(100)", ["北山断裂（合成）"]), "HDX": ("TEXT(30)", ["早中更新世活动"])}
    return plan_lines(setting, 3014, [line], own)


@layer(LayerInfo("hazard_points", "ZHYHD", "灾害隐患点", id_field="BSM", name_field="MC"))
def hazard_points_layer(
    setting: Setting, slide_zones: tuple[tuple[str, BaseGeometry], ...], land_use: LandUse,
    terrain: Terrain, towns: tuple[Town, ...],
) -> VectorLayer:  # fmt: skip
    """Slides, falls and debris flows on prone ground, and places in the seat that flood in rain."""
    rng = setting.rng("hazard points")
    rows: list[tuple[Floats, str, str, int, str]] = []
    for (level, area), count in zip(slide_zones, (4, 14, 18), strict=True):
        for spot in _spots(area, count, rng):
            kind = str(rng.choice(["滑坡", "崩塌", "泥石流"], p=[0.6, 0.25, 0.15]))
            size = str(rng.choice(["小型", "中型"], p=[0.8, 0.2]))
            state = str(rng.choice(["已治理", "监测中"], p=[0.45, 0.55]))
            rows.append((spot, kind, size, int(rng.integers(3, 60)), f"{level}易发区，{state}"))
    streets = np.flatnonzero((land_use.town == 0) & (land_use.kinds == "street"))
    low = streets[np.argsort(terrain.height.sample(*land_use.points[streets].T))]
    chosen: list[int] = []
    for k in low.tolist():
        apart = np.hypot(*(land_use.points[chosen] - land_use.points[k]).T) > 400
        if len(chosen) < 6 and apart.all():
            chosen.append(k)
    rows += [(land_use.points[k], "内涝积水点", "小型", 0, "城区") for k in chosen]
    own: Columns = {
        "MC": ("TEXT(100)", [f"{row[1]}{n}（合成）" for n, row in enumerate(rows, start=1)]),
        "ZHLX": ("TEXT(20)", [row[1] for row in rows]),
        "GM": ("TEXT(10)", [row[2] for row in rows]),
        "WXRK": ("INTEGER", [row[3] for row in rows]),
        "SM": ("TEXT(60)", [row[4] for row in rows]),
    }
    return plan_points(setting, 3211, np.array([row[0] for row in rows]), own, towns)


def _spots(area: BaseGeometry, count: int, rng: np.random.Generator) -> list[Any]:
    """Random places in an area."""
    if area.is_empty:
        return []
    minx, miny, maxx, maxy = area.bounds
    tries = np.column_stack([rng.uniform(minx, maxx, 4000), rng.uniform(miny, maxy, 4000)])
    shapely.prepare(area)
    return list(tries[shapely.contains(area, points_at(tries))][:count])


@layer(LayerInfo("flood_depth", "HSSD", "百年一遇洪水淹没深度"))
def flood_depth_layer(setting: Setting, terrain: Terrain, courses: Courses) -> RasterLayer:
    """Depth in m: a level of some metres over the river's bed, which falls away from the river."""
    height = terrain.height
    step = 6
    x, y = np.meshgrid(height.x[::step], height.y[::step])
    river = courses.river[::4]
    index, distance = shapely.STRtree(points_at(river)).query_nearest(
        points_at(np.column_stack([x.ravel(), y.ravel()])), return_distance=True, all_matches=False
    )
    rise = _FLOOD_RISE_M * np.clip(1 - distance / _FLOOD_REACH_M, -1, 1)
    level = (height.sample(*river.T)[index[1]] + rise).reshape(x.shape)
    shift = height.cell * (step - 1) / 2
    coarse = Grid(height.west - shift, height.south - shift, height.cell * step, level)
    depth = np.clip(coarse.sample(*np.meshgrid(height.x, height.y)) - height.values, 0, None)
    return north_up(Grid(height.west, height.south, height.cell, depth), unit="m", decimals=1)
