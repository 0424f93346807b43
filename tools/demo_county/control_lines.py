"""The three control lines, drawn so that they neither cross nor overlap each other.

Order of drawing: development boundary (whole parcels around the towns), ecological redline (smooth
outlines in the hills and along the river, kept off the boundary), permanent basic farmland (whole
cultivated parcels that touch neither). Real lines are drawn farmland first; the result is the same
kind of map.
"""

from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.land_cover import PRECISION
from tools.demo_county.land_use import LandUse
from tools.demo_county.noise import Fractal, Warp, hash01
from tools.demo_county.products import Setting, product
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import blob, contour, points_at, polygons, subdivide, warped
from tools.demo_county.terrain import Courses, Grid, Terrain, Waters
from tools.demo_county.zoning import CULTIVATED

Objects = NDArray[np.object_]
CORE, ELASTIC, SPECIAL = "城镇集中建设区", "城镇弹性发展区", "特别用途区"
EXPANSION = 1.16
"""The boundary reaches this far beyond the built-up outline of a town."""


@dataclass(frozen=True)
class Boundary:
    """Urban development boundary: zones as (town, kind, area), and all of it."""

    zones: tuple[tuple[int, str, BaseGeometry], ...]
    area: BaseGeometry


@dataclass(frozen=True)
class Redline:
    """Ecological redline: patches as (name, function, area), and all of it."""

    patches: tuple[tuple[str, str, Polygon], ...]
    area: BaseGeometry


@dataclass(frozen=True)
class Farmland:
    """Permanent basic farmland: patches with town, and the parcels that they are made of."""

    patches: tuple[tuple[int, Polygon], ...]
    parcels: NDArray[np.bool_]


@product
def development_boundary(setting: Setting, land_use: LandUse, towns: tuple[Town, ...]) -> Boundary:
    """Whole parcels in and around each town; the seat grows mostly to the east."""
    rng = setting.rng("boundary")
    spots = shapely.STRtree(points_at(land_use.points))
    river = land_use.kinds == "water"
    linear = np.isin(land_use.kinds, ["road", "track", "ditch"])
    zones = []
    for n, town in enumerate(towns):
        plan = _planned(town, rng, seat=n == 0)
        inside = np.zeros(len(land_use.codes), bool)
        inside[spots.query(plan, "contains")] = True
        inside &= ~river & ~linear & (land_use.kinds != "hill")
        core = np.zeros_like(inside)
        core[spots.query(shapely.buffer(town.built_up, 40), "contains")] = True
        outer = inside & ~core
        x, y = (land_use.points - town.centre).T
        south = (y < -0.35 * town.radius) if n == 0 else np.zeros_like(inside)
        elastic = outer & ~south & (np.abs(np.arctan2(y, x) - 0.2) < 0.55)
        special = outer & south
        area = _closed(_union(land_use.polygons[inside]))
        for kind, chosen in ((ELASTIC, elastic), (SPECIAL, special)):
            if chosen.any():
                part = shapely.intersection(_closed(_union(land_use.polygons[chosen])), area)
                part = _areas(shapely.set_precision(part, PRECISION))
                area = _areas(shapely.difference(area, part, grid_size=PRECISION))
                zones.append((n, kind, part))
        zones.append((n, CORE, _areas(area)))
    zones = [zone for zone in zones if not zone[2].is_empty]
    return Boundary(
        tuple(zones), shapely.union_all([area for _, _, area in zones], grid_size=PRECISION)
    )


def _areas(geometry: BaseGeometry) -> shapely.MultiPolygon:
    """What has an area: cutting leaves points and lines where outlines touch."""
    return shapely.MultiPolygon(polygons(geometry))


def _closed(area: BaseGeometry, gap: float = 20.0) -> BaseGeometry:
    """Fill the gaps that roads leave between parcels, and holes below a hectare."""
    area = shapely.buffer(shapely.buffer(area, gap, join_style="mitre"), -gap, join_style="mitre")
    parts = [
        Polygon(part.exterior, [ring for ring in part.interiors if Polygon(ring).area > 10_000])
        for part in polygons(area)
        if part.area > 20_000
    ]
    return shapely.set_precision(shapely.union_all(parts), PRECISION)


def _union(parcels: Objects) -> BaseGeometry:
    return shapely.coverage_union_all(shapely.get_parts(parcels))


def _planned(town: Town, rng: np.random.Generator, *, seat: bool) -> BaseGeometry:
    reach = shapely.affinity.scale(town.built_up, EXPANSION, EXPANSION, origin=town.centre)
    if not seat:
        return reach
    x, y = town.centre
    east = blob((x + 1.0 * town.radius, y + 0.1 * town.radius), 0.62 * town.radius, rng, rough=0.25)
    return shapely.union(reach, east)


@product
def ecological_redline(
    setting: Setting, terrain: Terrain, courses: Courses, waters: Waters, villages: tuple[Village, ...],
    county_outline: Polygon, development_boundary: Boundary,
) -> Redline:  # fmt: skip
    """Core hills, the reservoir's shore and two reaches of the river, without villages."""
    hill = terrain.hill
    x, y = np.meshgrid(hill.x, hill.y)
    smooth = _blur(hill.values, round(270 / hill.cell)) + 60 * Fractal(setting.seed, 91, 3800, 2)(
        x, y
    )
    grid = Grid(hill.west, hill.south, hill.cell, smooth)
    hills = shapely.simplify(contour(grid.x, grid.y, grid.values, 165.0), 4.0)
    river = courses.river
    bank = Warp(setting.seed, 92, ((30.0, 900.0), (8.0, 190.0)))
    reaches = [
        warped(
            LineString(river[int(a * len(river)) : int(b * len(river))]).buffer(width),
            bank,
            step=25,
        )
        for a, b, width in ((0.10, 0.27, 190.0), (0.54, 0.80, 240.0))
    ]
    shore = shapely.buffer(waters.reservoir, 220)
    keep_off = [shapely.buffer(development_boundary.area, 25)]
    keep_off += [shapely.buffer(v.outline, 45) for v in villages]
    off = shapely.union_all(keep_off)
    named = [
        ("北部山地", "水源涵养", shapely.union(hills, shore)),
        ("示例河", "生物多样性维护", shapely.union_all(reaches)),
    ]
    patches: list[tuple[str, str, Polygon]] = []
    taken: BaseGeometry = Polygon()
    for name, function, sketch in named:
        area = shapely.difference(shapely.intersection(sketch, county_outline), off)
        area = shapely.set_precision(shapely.difference(area, taken.buffer(1.0)), PRECISION)
        found = [part for part in polygons(area) if part.area > 30_000]
        patches += [(name, function, _without_specks(part)) for part in found]
        taken = shapely.union(taken, shapely.union_all(found))
    return Redline(tuple(patches), shapely.MultiPolygon([area for _, _, area in patches]))


def _without_specks(area: Polygon) -> Polygon:
    return Polygon(area.exterior, [ring for ring in area.interiors if Polygon(ring).area > 4000])


def _blur(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    kernel = np.hanning(2 * radius + 3)[1:-1]
    kernel /= kernel.sum()
    for axis in (0, 1):
        values = np.apply_along_axis(np.convolve, axis, values, kernel, "same")
    return values


@product
def permanent_farmland(
    setting: Setting, land_use: LandUse, towns: tuple[Town, ...], terrain: Terrain,
    development_boundary: Boundary, ecological_redline: Redline,
) -> Farmland:  # fmt: skip
    """Cultivated parcels that touch neither other line, merged to patches of about a km²."""
    fields = np.isin(land_use.codes, CULTIVATED) & (land_use.area_m2 > 1500)
    fields &= terrain.slope.sample(*land_use.points.T) < 12
    x, y = land_use.points.T
    fields &= Fractal(setting.seed, 93, 1500, 2)(x, y) < 0.62
    fields &= hash01(setting.seed, 94, np.arange(len(fields))) < 0.965
    # Free land for the towns' fringe: north-east of the seat, and a little around each town.
    seat = towns[0]
    edge = shapely.Point(seat.centre[0] + 0.6 * seat.radius, seat.centre[1] + 1.15 * seat.radius)
    fields &= ~shapely.dwithin(edge, points_at(land_use.points), 700)
    candidates = np.flatnonzero(fields)
    tree = shapely.STRtree(land_use.polygons[candidates])
    touched = [tree.query(part, "intersects") for part in _small_parts(development_boundary.area)]
    touched += [tree.query(part, "intersects") for part in _small_parts(ecological_redline.area)]
    fields[candidates[np.unique(np.concatenate(touched))]] = False
    return Farmland(farmland_patches(setting, land_use, fields), fields)


def farmland_patches(
    setting: Setting, land_use: LandUse, fields: NDArray[np.bool_]
) -> tuple[tuple[int, Polygon], ...]:
    """Merge parcels to patches of about a km², each within a town."""
    chosen = np.flatnonzero(fields)
    tile = 1100.0 * setting.scale
    column, row = (land_use.points[chosen] // tile).astype(np.int64).T
    group = (column * 100_000 + row) * 16 + land_use.town[chosen]
    patches = []
    for name in np.unique(group):
        members = chosen[group == name]
        patches += [(int(name % 16), part) for part in polygons(_union(land_use.polygons[members]))]
    return tuple(patches)


def _small_parts(area: BaseGeometry) -> list[Polygon]:
    return [piece for part in polygons(area) for piece in subdivide(part)]
