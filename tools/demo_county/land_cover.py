"""From lines to parcels: one noded arrangement of everything, cut into faces and labelled.

All boundaries (county, towns, waters, roads, streets, villages, ponds, fields, forest stands) are
noded together on a 1 mm grid; the faces of that arrangement share their edges exactly. Faces get
their cover from the areas that hold an inner point of theirs, the strongest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from tools.demo_county.field_pattern import FieldPattern, make_tile, pattern_lines
from tools.demo_county.noise import Warp
from tools.demo_county.parcels import field_warp
from tools.demo_county.products import FRAME_KM, Setting, product
from tools.demo_county.road_network import Road
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import blob, contour, points_at, polygons, strip, subdivide, warped
from tools.demo_county.terrain import Terrain, Waters
from tools.demo_county.town_plan import TownPlan

PRECISION = 0.001
"""Grid of all coordinates, m."""
Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Cover:
    """An area with a meaning; where covers lie over each other the lower rank wins."""

    rank: int
    kind: str
    """road, street, track, ditch, water, pond, built_up, village, hill."""
    area: Polygon
    number: int = 0
    """Of the road, water, town or village it came from."""


@dataclass(frozen=True)
class Faces:
    """The arrangement: polygons, an inner point of each, and the cover that it belongs to.

    Attributes:
        cover: Index into `covers`, or -1 for open fields.
        town: Index of the town's territory.
    """

    polygons: Objects
    points: NDArray[np.float64]
    cover: NDArray[np.int64]
    town: NDArray[np.int64]
    covers: tuple[Cover, ...]


@product
def covers(
    setting: Setting, county_outline: Polygon, terrain: Terrain, waters: Waters,
    towns: tuple[Town, ...], villages: tuple[Village, ...], road_network: tuple[Road, ...],
    town_plans: tuple[TownPlan, ...], fields: "Fields",
) -> tuple[Cover, ...]:  # fmt: skip
    """Every area that is not open field."""
    found = [
        Cover(road.rank, "road", strip(np.asarray(road.line.coords), road.width), n)
        for n, road in enumerate(road_network)
    ]
    for n, plan in enumerate(town_plans):
        found += [
            Cover(9, "street", area, n) for street in plan.streets for area in polygons(street)
        ]
    found += [Cover(9, "track", area) for area in fields.tracks]
    found += [
        Cover(8, "water", area, n)
        for n, (_, _, body) in enumerate(waters.bodies)
        for area in polygons(body)
    ]
    found += [Cover(10, "ditch", area) for area in fields.ditches]
    found += [Cover(11, "built_up", town.built_up, n) for n, town in enumerate(towns)]
    found += [Cover(12, "village", village.outline, n) for n, village in enumerate(villages)]
    found += [Cover(13, "pond", area) for area in _ponds(setting, county_outline, terrain)]
    hill = terrain.hill
    heights = contour(hill.x, hill.y, hill.values, 26.0)
    found += [Cover(14, "hill", area) for area in polygons(heights) if area.area > 20_000]
    shapely.prepare(county_outline)
    return tuple(c for c in found if county_outline.intersects(c.area))


def _ponds(setting: Setting, outline: Polygon, terrain: Terrain) -> list[Polygon]:
    rng = setting.rng("ponds")
    count = round(1500 / setting.scale**2)
    minx, miny, maxx, maxy = outline.bounds
    x, y = rng.uniform(minx, maxx, 2 * count), rng.uniform(miny, maxy, 2 * count)
    south = 1 - (y - miny) / (maxy - miny)
    keep = (terrain.hill.sample(x, y) < 18) & (rng.random(2 * count) < 0.25 + 0.75 * south**2)
    radius = np.minimum(12 + rng.gamma(2.0, 9.0, 2 * count), 75) * setting.scale**0.8
    return [
        blob((a, b), r, rng, rough=0.3, stretch=rng.uniform(1, 1.8), points=22)
        for a, b, r in zip(x[keep][:count], y[keep][:count], radius[keep][:count], strict=True)
    ]


@dataclass(frozen=True)
class Fields:
    """Field lines over the whole frame, and the strips of tracks and ditches between blocks."""

    lines: Objects
    tracks: tuple[Polygon, ...]
    ditches: tuple[Polygon, ...]


@product
def fields(setting: Setting, county_outline: Polygon) -> Fields:
    """The field pattern, some of its lines left out so that fields grow together."""
    spacing = 120.0 * setting.scale
    west, south = setting.south_west
    pattern = FieldPattern(
        setting.seed, spacing, (west - 500, south - 500), field_warp(setting.seed, spacing)
    )
    ni = int((FRAME_KM[0] * 1000 + 1000) / pattern.block) + 1
    nj = int((FRAME_KM[1] * 1000 + 1000) / pattern.block) + 1
    tile = make_tile(pattern, 0, 0, ni, nj)
    rng = setting.rng("fields")
    sides, inner = pattern_lines(tile)
    rows = ni * nj * 3
    keep = np.concatenate([rng.random(rows) < 0.93, rng.random(len(inner) - rows) < 0.82])
    i, j = np.meshgrid(np.arange(ni + 1), np.arange(nj + 1), indexing="ij")
    nodes = pattern.corners(i, j)
    t = np.linspace(0, 1, 9)[:, None]

    def side(a: NDArray[np.float64], b: NDArray[np.float64], width: float) -> Polygon:
        return strip(pattern.place(a * (1 - t) + b * t), width)

    track_rows, ditch_columns = rng.random(nj + 1) < 0.4, rng.random(ni + 1) < 0.35
    tracks = [
        side(nodes[k, m], nodes[k + 1, m], 4.0)
        for m in np.flatnonzero(track_rows) for k in range(ni) if rng.random() < 0.7
    ]  # fmt: skip
    ditches = [
        side(nodes[k, m], nodes[k, m + 1], 3.2)
        for k in np.flatnonzero(ditch_columns) for m in range(nj) if rng.random() < 0.7
    ]  # fmt: skip
    lines = np.concatenate([sides, inner[keep]])
    shapely.prepare(county_outline)
    return Fields(
        lines[shapely.intersects(county_outline, lines)],
        tuple(a for a in tracks if county_outline.intersects(a)),
        tuple(a for a in ditches if county_outline.intersects(a)),
    )


@product
def faces(
    setting: Setting, county_outline: Polygon, terrain: Terrain, towns: tuple[Town, ...],
    town_plans: tuple[TownPlan, ...], fields: Fields, covers: tuple[Cover, ...],
) -> Faces:  # fmt: skip
    """Node all lines, build the faces, and find each face's cover and town."""
    areas = np.array([c.area for c in covers], dtype=object)
    kinds = np.array([c.kind for c in covers])
    settled = _pieces(areas[np.isin(kinds, ["built_up", "village", "pond", "water"])])
    wild = _pieces(areas[kinds == "hill"])
    closed = np.concatenate([settled, wild])
    lines: list[Objects] = [
        _cut(fields.lines, closed),
        _within(_stands(setting), wild, settled),
        _cut(shapely.boundary(areas[np.isin(kinds, ["track", "ditch"])]), closed),
        *(plan.lots for plan in town_plans),
        shapely.boundary(areas[~np.isin(kinds, ["track", "ditch"])]),
        shapely.boundary(np.array([town.territory for town in towns], dtype=object)),
        np.array([county_outline.boundary], dtype=object),
    ]
    noded = shapely.union_all(_inside(np.concatenate(lines), county_outline), grid_size=PRECISION)
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    points = shapely.get_coordinates(shapely.point_on_surface(found))
    spots = shapely.STRtree(points_at(points))
    cover = _strongest(spots, covers, len(found))
    town = np.full(len(found), -1)
    for n, item in enumerate(towns):
        town[spots.query(item.territory, "contains")] = n
    return Faces(found, points, cover, town, covers)


def _strongest(spots: shapely.STRtree, covers: Sequence[Cover], count: int) -> NDArray[np.int64]:
    pieces = [(piece, n) for n, c in enumerate(covers) for piece in subdivide(c.area)]
    found, face = spots.query(np.array([piece for piece, _ in pieces], dtype=object), "intersects")
    which = np.array([n for _, n in pieces])[found]
    rank = np.array([c.rank for c in covers])[which]
    order = np.lexsort((which, rank))[::-1]
    cover = np.full(count, -1)
    cover[face[order]] = which[order]  # the strongest is written last
    return cover


def _cut(lines: Objects, areas: Objects) -> Objects:
    """Take the areas out of the lines."""
    tree = shapely.STRtree(areas)
    line, area = tree.query(lines, "intersects")
    lines = lines.copy()
    turn = np.arange(len(line)) - np.searchsorted(line, line)  # the how-manieth area of its line
    for k in range(int(turn.max()) + 1 if len(turn) else 0):
        now = turn == k
        lines[line[now]] = shapely.difference(lines[line[now]], areas[area[now]])
    return lines[~shapely.is_empty(lines)]


def _within(lines: Objects, areas: Objects, without: Objects) -> Objects:
    """Keep what lies inside the areas and outside the others."""
    line, area = shapely.STRtree(areas).query(lines, "intersects")
    parts = shapely.intersection(lines[line], areas[area])
    return _cut(parts[~shapely.is_empty(parts)], without)


def _pieces(areas: Objects) -> Objects:
    return np.array([piece for area in areas for piece in subdivide(area)], dtype=object)


def _stands(setting: Setting) -> Objects:
    """Lines between forest stands: a bent mosaic, coarser than the fields."""
    spacing = 285.0 * setting.scale
    minx, miny, maxx, maxy = setting.frame
    rng = setting.rng("stands")
    x, y = np.meshgrid(np.arange(minx, maxx, spacing), np.arange(miny, maxy, spacing))
    seeds = (
        np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.48, 0.48, (x.size, 2)) * spacing
    )
    edges = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), only_edges=True))
    bend = Warp(setting.seed, 51, ((0.22 * spacing, 2.8 * spacing), (0.03 * spacing, 0.55 * spacing), (0.003 * spacing, 0.13 * spacing)))  # fmt: skip
    return shapely.get_parts(
        warped(shapely.MultiLineString(list(edges)), bend, step=0.09 * spacing)
    )


def _inside(lines: Objects, outline: Polygon) -> Objects:
    """Clip lines to the county."""
    shapely.prepare(outline)
    lines = lines[shapely.intersects(outline, lines)]
    edge = outline.boundary
    shapely.prepare(edge)
    crossing = shapely.intersects(edge, lines)
    lines = lines.copy()
    lines[crossing] = shapely.intersection(lines[crossing], outline)
    return lines
