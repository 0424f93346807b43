"""The county's outline, its towns with their built-up areas, and its villages."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.noise import Floats, Warp
from tools.demo_county.products import FRAME_KM, Setting, product
from tools.demo_county.shapes import blob, largest, points_at, warped
from tools.demo_county.terrain import Courses, Terrain, Waters

TOWN_PLACES = (
    # name, km east, km north, radius of the built-up area in m
    ("城关镇", 15.2, 9.6, 1650.0),
    ("白沙镇", 4.6, 8.2, 520.0),
    ("新桥镇", 8.9, 4.3, 560.0),
    ("竹园乡", 3.9, 14.6, 360.0),
    ("西山乡", 8.2, 17.6, 330.0),
    ("柳溪镇", 12.2, 14.6, 480.0),
    ("北岭乡", 18.6, 18.8, 340.0),
    ("青石镇", 25.3, 14.2, 540.0),
    ("东河镇", 23.2, 8.9, 620.0),
    ("南湖镇", 20.4, 3.4, 500.0),
)
"""The county seat first."""


@dataclass(frozen=True)
class Town:
    """A town: its seat, its built-up outline, and its territory."""

    code: str
    name: str
    centre: tuple[float, float]
    radius: float
    built_up: Polygon
    territory: BaseGeometry


@dataclass(frozen=True)
class Village:
    """A natural village; `outline` is where its houses stand."""

    name: str
    centre: tuple[float, float]
    outline: Polygon


@product
def county_outline(setting: Setting) -> Polygon:
    """The county's boundary before it is cut into parcels: a rounded frame, bent."""
    west, south = setting.south_west
    width, height = FRAME_KM[0] * 1000, FRAME_KM[1] * 1000
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    power = 2 / 3.4  # a superellipse fills the frame better than an ellipse
    x = west + width / 2 + 0.455 * width * np.sign(c) * np.abs(c) ** power
    y = south + height / 2 + 0.455 * height * np.sign(s) * np.abs(s) ** power
    bend = Warp(setting.seed, 31, ((640.0, 9500.0), (98.0, 2400.0), (16.0, 520.0), (1.4, 80.0)))
    outline = warped(Polygon(np.column_stack([x, y])), bend, step=25)
    return largest(shapely.set_precision(shapely.make_valid(outline), 0.001))


@product
def towns(setting: Setting, county_outline: Polygon, courses: Courses) -> tuple[Town, ...]:
    """Ten towns; their territories are the warped neighbourhoods of their centres."""
    rng = setting.rng("towns")
    river = shapely.LineString(courses.river)
    centres, radii = [], []
    for name, u, v, radius in TOWN_PLACES:
        x, y = setting.at(u + rng.uniform(-0.4, 0.4), v + rng.uniform(-0.3, 0.3))
        spot = shapely.Point(x, y)
        if name == TOWN_PLACES[0][0]:  # the seat lies on the river's north bank
            near = river.interpolate(river.project(spot))
            x, y = near.x, near.y + 1250
        elif spot.distance(river) < radius + 150:
            near = river.interpolate(river.project(spot))
            y = near.y + (radius + 200) * (1 if y >= near.y else -1)
        centres.append((x, y))
        radii.append(radius)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.MultiPoint(centres), extend_to=county_outline.buffer(9000))
    )
    cells = cells[shapely.STRtree(cells).query(points_at(np.array(centres)), "intersects")[1]]
    bend = Warp(setting.seed, 32, ((400.0, 5200.0), (60.0, 1300.0), (7.0, 260.0)))
    found = []
    for number, (name, _, _, radius) in enumerate(TOWN_PLACES):
        built_up = blob(centres[number], radius, rng, rough=0.3, stretch=1.25, points=72)
        territory = shapely.intersection(warped(cells[number], bend, step=60), county_outline)
        code = f"{setting.region_code}{100 + number if number < 8 else 192 + number}"
        found.append(Town(code, name, centres[number], radius, built_up, territory))
    return tuple(found)


_FIRST = "陈李王张刘杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_LAST = ("家湾", "家畈", "家冲", "家塝", "家大湾", "家咀", "家店", "家岗", "家塘", "家台")


@product
def villages(
    setting: Setting, county_outline: Polygon, towns: tuple[Town, ...], terrain: Terrain,
    waters: Waters,
) -> tuple[Village, ...]:  # fmt: skip
    """Villages on the plain and up the valleys, apart from each other, towns and open water."""
    rng = setting.rng("villages")
    count = max(24, round(430 / setting.scale**2))
    gap = 560.0 * (430 / count) ** 0.5
    minx, miny, maxx, maxy = county_outline.bounds
    tries = np.column_stack(
        [rng.uniform(minx, maxx, 60 * count), rng.uniform(miny, maxy, 60 * count)]
    )
    hill = terrain.hill.sample(tries[:, 0], tries[:, 1])
    keep = (hill < 45) & (rng.random(len(tries)) < np.where(hill < 12, 1.0, 0.35))
    points = points_at(tries)
    within = county_outline.buffer(-250)
    shapely.prepare(within)
    keep &= shapely.contains_properly(within, points)
    for town in towns:
        keep &= shapely.distance(points, town.built_up) > 200
    for _, _, body in waters.bodies:
        shapely.prepare(body)
        keep &= ~shapely.dwithin(points, body, 130)
    chosen: list[Floats] = []
    for place in tries[keep]:
        if len(chosen) >= count:
            break
        if not chosen or np.hypot(*(np.array(chosen) - place).T).min() > gap:
            chosen.append(place)
    names = _village_names(len(chosen), rng)
    return tuple(
        Village(
            name,
            (float(place[0]), float(place[1])),
            blob((place[0], place[1]), min(230.0, 55 + rng.gamma(2.2, 26)) * setting.scale**0.6, rng,
                 rough=0.34, stretch=rng.uniform(1.0, 2.4), points=36),
        )
        for name, place in zip(names, chosen, strict=True)
    )  # fmt: skip


def _village_names(count: int, rng: np.random.Generator) -> list[str]:
    names = [first + last for first in _FIRST for last in _LAST]
    order: NDArray[np.int64] = rng.permutation(len(names) * 2)
    return [("" if k < len(names) else "上") + names[k % len(names)] for k in order[:count]]
