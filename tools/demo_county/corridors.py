"""Straight-spanned lines that keep off houses, for power lines and pipelines."""

import numpy as np
import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from tools.demo_county.control_lines import Boundary
from tools.demo_county.mining import MineralSite
from tools.demo_county.noise import Floats
from tools.demo_county.products import product
from tools.demo_county.projects import Project
from tools.demo_county.settlements import Village
from tools.demo_county.shapes import polygons


@product
def settled(
    development_boundary: Boundary,
    villages: tuple[Village, ...],
    mineral_sites: tuple[MineralSite, ...],
    projects: tuple[Project, ...],
) -> tuple[BaseGeometry, ...]:
    """Outlines of the towns, villages, mineral sites and projects that corridors keep off."""
    town = shapely.union_all([area for _, _, area in development_boundary.zones])
    return (
        *polygons(shapely.buffer(town, 30)),
        *(v.outline for v in villages),
        *(s.area for s in mineral_sites),
        *(p.geometry for p in projects),
    )


def corridor(
    stops: Floats, settled: tuple[BaseGeometry, ...], *, keep_m: float, span_m: float = 300.0
) -> LineString:
    """A line along stops, bent outwards around each settlement that it would meet."""
    line = LineString(stops)
    tree = shapely.STRtree(settled)
    for _ in range(6):
        met: list[int] = tree.query(line, "dwithin", distance=keep_m).tolist()
        if not met:
            break
        for n in met:
            line = _around(line, settled[n], keep_m + 15)
    return shapely.simplify(shapely.segmentize(line, span_m), 12.0)


def _around(line: LineString, body: BaseGeometry, keep_m: float) -> LineString:
    """Replace what lies in a settlement's hull by the shorter way along the hull."""
    hull = shapely.convex_hull(shapely.buffer(body, keep_m, quad_segs=2))
    ring = LineString(shapely.get_coordinates(hull))
    cuts = shapely.get_coordinates(shapely.intersection(line, ring))
    at = sorted(line.project(shapely.Point(cut)) for cut in cuts)
    if len(at) < 2:
        return line
    ends = line.interpolate(at[0]), line.interpolate(at[-1])
    way = min(
        (_along(turned, *ends) for turned in (ring, shapely.reverse(ring))),
        key=lambda way: LineString(way).length,
    )
    before = shapely.get_coordinates(substring(line, 0, at[0]))
    after = shapely.get_coordinates(substring(line, at[-1], line.length))
    places = np.concatenate([before, way, after])
    return LineString(places[np.r_[True, np.hypot(*np.diff(places, axis=0).T) > 0.5]])


def _along(ring: LineString, first: Point, last: Point) -> Floats:
    """Points of a ring from one place on it to another, in its direction."""
    start, end = ring.project(first), ring.project(last)
    if start <= end:
        pieces = [substring(ring, start, end)]
    else:
        pieces = [substring(ring, start, ring.length), substring(ring, 0, end)]
    return np.concatenate([shapely.get_coordinates(piece) for piece in pieces])
