"""Grown-looking outlines and lines: blobs, bent lines, ribbons of varying width, contours."""

import itertools
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.noise import Floats, Warp


def blob(
    centre: tuple[float, float], radius: float, rng: np.random.Generator, *,
    rough: float = 0.22, stretch: float = 1.0, points: int = 48,
) -> Polygon:  # fmt: skip
    """A roundish outline; `stretch` > 1 lengthens it along a random direction."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    r = np.ones(points)
    for k in range(2, 7):
        r += rough / k * rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    r = radius * np.clip(r, 0.45, 1.7)
    x, y = r * np.cos(angle) * np.sqrt(stretch), r * np.sin(angle) / np.sqrt(stretch)
    turn = rng.uniform(0, np.pi)
    return Polygon(
        np.column_stack(
            [
                centre[0] + x * np.cos(turn) - y * np.sin(turn),
                centre[1] + x * np.sin(turn) + y * np.cos(turn),
            ]
        )
    )


def bent_line(
    start: Floats, end: Floats, rng: np.random.Generator, *, sway: float = 0.08, step: float = 40.0
) -> Floats:
    """Points of a line between two places that sways to the sides by about `sway` of its length."""
    length = float(np.hypot(*(end - start)))
    n = max(3, int(length / step))
    t = np.linspace(0, 1, n + 1)
    side = np.zeros_like(t)
    for k in range(1, 6):
        side += rng.normal() * np.sin(np.pi * k * t) / k**1.6
    along = (end - start) / max(length, 1.0)
    normal = np.array([-along[1], along[0]])
    return np.asarray(start + np.outer(t, end - start) + np.outer(side * sway * length, normal))


def meander(
    start: Floats, end: Floats, rng: np.random.Generator, *, wavelength: float, swing: float,
    step: float = 25.0,
) -> Floats:  # fmt: skip
    """A river's course: a sine-generated curve (Langbein and Leopold 1966), fitted to its ends."""
    n = int(np.hypot(*(end - start)) * 1.6 / step)
    s = np.arange(n) * step
    phase = 2 * np.pi * s / wavelength + np.cumsum(rng.normal(0, 0.02, n))
    drift = np.interp(s, np.linspace(0, s[-1], 7), rng.normal(0, 0.25, 7))
    heading = swing * np.sin(phase) * (0.75 + 0.25 * np.sin(phase / 3.7)) + drift
    path = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * step, 0)
    path -= path[0]
    span, goal = path[-1], end - start
    z = complex(*goal) / complex(*span)  # turn and stretch
    turned = (path[:, 0] + 1j * path[:, 1]) * z
    return np.column_stack([start[0] + turned.real, start[1] + turned.imag])


def ribbon(line: Floats, width: Floats) -> BaseGeometry:
    """The area within half a (varying) width of a line."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1])[:, None], 1e-9)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) * width[:, None] / 2
    outline = Polygon(np.concatenate([line + normal, (line - normal)[::-1]]))
    return outline if outline.is_valid else shapely.buffer(outline, 0)


def points_at(places: Floats) -> NDArray[np.object_]:
    """Points at coordinates (n, 2)."""
    return np.asarray(shapely.points(places))


def strip(line: Floats, width: float) -> Polygon:
    """The area within half a width of a line, with flat ends."""
    area = shapely.buffer(LineString(line), width / 2, cap_style="flat", quad_segs=3)
    return largest(area)


def largest(geometry: BaseGeometry) -> Polygon:
    """The largest polygon of an area."""
    return max(polygons(geometry), key=lambda part: part.area)


def polygons(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of any geometry."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [part for part in getattr(geometry, "geoms", ()) if isinstance(part, Polygon)]


def warped(geometry: BaseGeometry, warp: Warp, *, step: float) -> BaseGeometry:
    """Bend a geometry, after adding vertices so that no piece is longer than `step` m."""
    fine = shapely.segmentize(geometry, step)
    return shapely.transform(fine, lambda p: np.column_stack(warp(p[:, 0], p[:, 1])))


def contour(x: Floats, y: Floats, values: Floats, level: float) -> MultiPolygon:
    """The area where a gridded surface (rows along y) lies above a level."""
    from contourpy import FillType, contour_generator

    generator = contour_generator(x, y, values, fill_type=FillType.OuterOffset)
    filled: Any = generator.filled(level, np.inf)
    parts = []
    for ring_points, ring_offsets in zip(*filled, strict=True):
        rings = [ring_points[a:b] for a, b in itertools.pairwise(ring_offsets)]
        parts.append(Polygon(rings[0], rings[1:]))
    area = shapely.union_all(shapely.make_valid(np.array(parts, dtype=object)))
    return MultiPolygon(polygons(area))


def subdivide(area: Polygon, *, vertices: int = 300) -> list[Polygon]:
    """Cut an area into pieces of few vertices each, which predicates work on faster."""
    if shapely.get_num_coordinates(area) <= vertices:
        return [area]
    minx, miny, maxx, maxy = area.bounds
    x, y = (minx + maxx) / 2, (miny + maxy) / 2
    halves = (
        [(minx, miny, x, maxy), (x, miny, maxx, maxy)]
        if maxx - minx > maxy - miny
        else [(minx, miny, maxx, y), (minx, y, maxx, maxy)]
    )
    return [
        piece
        for box in halves
        for part in polygons(shapely.intersection(area, shapely.box(*box)))
        for piece in subdivide(part, vertices=vertices)
    ]
