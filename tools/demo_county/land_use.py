"""Parcels: faces merged to believable pieces, with their codes."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.dissolve import (
    longest_neighbour,
    merge_groups,
    shared_lengths,
    union_groups,
)
from tools.demo_county.land_cover import PRECISION, Faces
from tools.demo_county.noise import Floats, hash01
from tools.demo_county.products import Setting, product
from tools.demo_county.road_network import Road
from tools.demo_county.settlements import Town, Village
from tools.demo_county.terrain import Terrain, Waters
from tools.demo_county.zoning import field_codes, forest_codes, nearest_distance, town_codes

_LOTS = ("open", "hill", "built_up")
"""Kinds whose faces stay single parcels; faces of other kinds are merged per cover and town."""
SMALL_LOT_M2, SMALL_PIECE_M2 = 200.0, 60.0
"""Below this a face is merged into its neighbour, except for a few slivers that are left in."""


@dataclass(frozen=True)
class LandUse:
    """The county's parcels, in spatial order.

    Attributes:
        polygons: Polygons and multipolygons.
        points: An inner point of each, (n, 2).
        codes: 用地用海 codes.
        kinds: What each came from: open, hill, road, ….
        town, village: Index of its town and of the nearest village.
        area_m2: Planar area.
    """

    polygons: NDArray[np.object_]
    points: Floats
    codes: NDArray[np.str_]
    kinds: NDArray[np.str_]
    town: NDArray[np.int64]
    village: NDArray[np.int64]
    area_m2: Floats


@dataclass(frozen=True)
class Neighbours:
    """Pairs of faces (a < b) with the length of their common boundary, m."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    length: Floats


@product
def face_neighbours(faces: Faces) -> Neighbours:
    """Which faces border on each other."""
    return Neighbours(*shared_lengths(faces.polygons, precision=PRECISION))


@product
def land_use(
    setting: Setting, faces: Faces, terrain: Terrain, waters: Waters, towns: tuple[Town, ...],
    villages: tuple[Village, ...], road_network: tuple[Road, ...], face_neighbours: Neighbours,
) -> LandUse:  # fmt: skip
    """Merge, name and order the parcels."""
    kind = np.array([*(c.kind for c in faces.covers), "open"])[faces.cover]
    number = np.array([*(c.number for c in faces.covers), -1])[faces.cover]
    parts, first = _merge(setting, faces, kind, face_neighbours)
    kind, number, town = kind[first], number[first], faces.town[first]
    points = shapely.get_coordinates(shapely.point_on_surface(parts))
    centres = np.array([v.centre for v in villages])
    village, to_village = nearest_distance(points, centres)
    area = shapely.area(parts)
    unit = hash01(setting.seed, 60, np.arange(len(parts)))
    codes = np.full(len(parts), "", "<U6")
    for name, code in {"street": "1207", "track": "060102", "ditch": "1705", "pond": "1704", "village": "0703"}.items():  # fmt: skip
        codes[kind == name] = code
    for name, table in {"road": [r.code for r in road_network], "water": [b[1] for b in waters.bodies]}.items():  # fmt: skip
        codes[kind == name] = np.array(table)[number[kind == name]]
    here = kind == "hill"
    codes[here] = forest_codes(setting, points[here], terrain, unit[here])
    here = kind == "open"
    codes[here] = field_codes(
        setting, points[here], terrain, unit[here], towns[0], to_village[here]
    )
    for n, item in enumerate(towns):
        here = (kind == "built_up") & (number == n)
        codes[here] = town_codes(setting, n, item, points[here], area[here])
    parts, keep = _join_across(setting, parts, points, codes, kind, town)
    order = keep[spatial_order(points[keep])]
    return LandUse(
        parts[order], points[order], codes[order], kind[order], town[order], village[order],
        shapely.area(parts[order]),
    )  # fmt: skip


def _merge(
    setting: Setting, faces: Faces, kind: NDArray[np.str_], neighbours: Neighbours
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Merge linear features and slivers; returns parts and a face that stands for each."""
    count = len(faces.polygons)
    area = shapely.area(faces.polygons)
    lot = np.isin(kind, _LOTS)
    group = np.where(lot, np.arange(count), count + faces.cover * 64 + faces.town)
    _, group = np.unique(group, return_inverse=True)
    a, b, length = neighbours.a, neighbours.b, neighbours.length
    small = area < np.where(lot, SMALL_LOT_M2, SMALL_PIECE_M2)
    left_in = hash01(setting.seed, 67, np.arange(count)) < 0.03
    same_town = faces.town[a] == faces.town[b]
    likeness = np.where(kind[a] == kind[b], 4.0, np.where(lot[a] == lot[b], 1.0, 0.05)) * same_town
    target = longest_neighbour(count, a, b, length * likeness, small & ~left_in)
    source = np.flatnonzero(target >= 0)
    group[source] = group.max() + 1 + np.arange(len(source))  # a sliver leaves its own cover
    source = source[np.argsort(area[source], kind="stable")]
    group = merge_groups(group, source, target[source])
    parts, names = union_groups(faces.polygons, group)
    # The largest face of a group stands for it.
    order = np.lexsort((area, group))
    leader = np.zeros(int(group.max()) + 1, np.int64)
    leader[group[order]] = order
    return parts, leader[names]


def _join_across(
    setting: Setting, parts: NDArray[np.object_], points: Floats, codes: NDArray[np.str_],
    kind: NDArray[np.str_], town: NDArray[np.int64],
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:  # fmt: skip
    """Join a few fields with a like one across a track or ditch: parcels of several parts."""
    fields = np.flatnonzero(kind == "open")
    chosen = fields[hash01(setting.seed, 68, fields) < 0.012]
    tree = shapely.STRtree(parts[fields])
    here, there = tree.query(parts[chosen], "dwithin", distance=9.0)
    one, other = chosen[here], fields[there]
    fits = (one < other) & (codes[one] == codes[other]) & (town[one] == town[other])
    fits &= shapely.disjoint(parts[one], parts[other])
    parts, gone = parts.copy(), np.zeros(len(parts), bool)
    used: set[int] = set()
    for i, j in zip(one[fits].tolist(), other[fits].tolist(), strict=True):
        if not used & {i, j}:
            parts[i] = shapely.multipolygons([parts[i], parts[j]])
            gone[j] = True
            used |= {i, j}
    return parts, np.flatnonzero(~gone)


def spatial_order(points: Floats, *, bits: int = 12) -> NDArray[np.int64]:
    """Order places along a Hilbert curve (Skilling 2004 for two dimensions), so that near ones follow."""
    low, high = points.min(0), points.max(0)
    x, y = ((points - low) / np.maximum(high - low, 1e-9) * ((1 << bits) - 1)).astype(np.int64).T
    key = np.zeros(len(points), np.int64)
    side = 1 << (bits - 1)
    while side:
        right, up = (x & side) > 0, (y & side) > 0
        key += side * side * ((3 * right) ^ up)
        flip = ~up & right
        x, y = np.where(flip, side * 2 - 1 - x, x) & (side - 1), np.where(flip, side * 2 - 1 - y, y) & (side - 1)  # fmt: skip
        x, y = np.where(up, x, y), np.where(up, y, x)
        side //= 2
    return np.argsort(key, kind="stable")
