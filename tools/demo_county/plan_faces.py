"""The pieces that plan layers are put together from: the county's faces, cut along the plan's lines.

Only faces that a line meets are noded anew, so that the rest keeps its vertices; whatever is put
together from these pieces is a coverage of the county.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tools.demo_county.dissolve import (
    longest_neighbour,
    shared_lengths,
)
from tools.demo_county.land_cover import PRECISION, Faces
from tools.demo_county.land_use import LandUse, Neighbours
from tools.demo_county.noise import Floats
from tools.demo_county.shapes import points_at, polygons, subdivide

Objects = NDArray[np.object_]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
LINEAR = ("road", "track", "ditch", "street")


@dataclass(frozen=True)
class PlanFaces:
    """Pieces of the county with the parcel and the town of each, and which are neighbours.

    Attributes:
        parcel: Index into `LandUse`.
        a, b, shared: Pairs of neighbours and the length of their common boundary, m.
    """

    polygons: Objects
    points: Floats
    area_m2: Floats
    parcel: Ints
    town: Ints
    a: Ints
    b: Ints
    shared: Floats
    made: dict[bytes, BaseGeometry] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def spots(self) -> shapely.STRtree:
        """Tree of the inner points."""
        return shapely.STRtree(points_at(self.points))

    def within(self, area: BaseGeometry) -> Flags:
        """Which pieces lie within an area, by their inner points."""
        found = np.zeros(len(self.polygons), bool)
        pieces = [piece for part in polygons(area) for piece in subdivide(part)]
        if pieces:
            found[self.spots.query(np.array(pieces, dtype=object), "contains")[1]] = True
        return found


def cut_faces(
    faces: Faces, neighbours: Neighbours, land_use: LandUse, lines: Sequence[BaseGeometry]
) -> PlanFaces:
    """Cut the faces along lines."""
    segments = np.concatenate([_short(line) for line in lines])
    tree = shapely.STRtree(faces.polygons)
    met = np.unique(tree.query(segments, "dwithin", distance=10 * PRECISION)[1])
    noded = shapely.union_all(
        np.concatenate([shapely.boundary(faces.polygons[met]), segments]), grid_size=PRECISION
    )
    pieces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inner = shapely.point_on_surface(pieces)
    piece, owner = shapely.STRtree(faces.polygons[met]).query(inner, "within")[:2]
    piece, first = np.unique(piece, return_index=True)  # others are holes between cut faces
    kept = np.setdiff1d(np.arange(len(faces.polygons)), met)
    found = np.concatenate([faces.polygons[kept], pieces[piece]])
    points = np.concatenate([faces.points[kept], shapely.get_coordinates(inner[piece])])
    town = np.concatenate([faces.town[kept], faces.town[met[owner[first]]]])
    parcel = np.full(len(found), -1)
    owner, spot = shapely.STRtree(points_at(points)).query(land_use.polygons, "contains")
    parcel[spot] = owner
    lost = np.flatnonzero(parcel < 0)  # an inner point of a sliver may lie on a boundary
    if len(lost):
        nearest = shapely.STRtree(land_use.polygons).query_nearest(
            points_at(points[lost]), all_matches=False
        )
        parcel[lost[nearest[0]]] = nearest[1]
    a, b, shared = _neighbours(found, kept, met, neighbours)
    return PlanFaces(found, points, shapely.area(found), parcel, town, a, b, shared)


def _neighbours(
    found: Objects, kept: Ints, met: Ints, before: Neighbours
) -> tuple[Ints, Ints, Floats]:
    """Neighbours after the cut: those among kept faces are known, the others are found anew."""
    place = np.full(len(kept) + len(met), -1)
    place[kept] = np.arange(len(kept))
    a, b = place[before.a], place[before.b]
    known = (a >= 0) & (b >= 0)
    beside = np.unique(np.concatenate([a[(a >= 0) & (b < 0)], b[(b >= 0) & (a < 0)]]))
    part = np.concatenate([beside, np.arange(len(kept), len(found))])
    one, other, length = shared_lengths(found[part], precision=PRECISION)
    one, other = part[one], part[other]
    new = np.maximum(one, other) >= len(kept)
    return (
        np.concatenate([a[known], one[new]]),
        np.concatenate([b[known], other[new]]),
        np.concatenate([before.length[known], length[new]]),
    )


def _short(line: BaseGeometry) -> Objects:
    """A line in pieces of few segments, which a tree finds faster."""
    pieces = []
    for part in shapely.get_parts(shapely.get_parts(line)):
        xy = np.asarray(part.coords)
        pieces += [
            shapely.LineString(xy[k : k + 17])
            for k in range(0, len(xy) - 1, 16)
        ]  # fmt: skip
    return np.array(pieces, dtype=object)


def components(count: int, a: Ints, b: Ints) -> Ints:
    """Number each of `count` things by the least one that links lead to."""
    part = np.arange(count)
    while True:
        least = np.minimum(part[a], part[b])
        found = part.copy()
        np.minimum.at(found, part[a], least)
        np.minimum.at(found, part[b], least)
        found = found[found]
        if (found == part).all():
            return part
        part = found


def absorb(faces: PlanFaces, label: Ints, wanted: Flags, allowed: Flags, rounds: int = 4) -> Ints:
    """Give wanted pieces the label of the neighbour with the longest common boundary.

    Args:
        allowed: Pieces whose label may be taken over.
    """
    label, open_, giver = label.copy(), wanted.copy(), allowed & ~wanted
    for _ in range(rounds):
        if not open_.any():
            break
        usable = np.where(giver[faces.a] | giver[faces.b], faces.shared, 0.0)
        usable[giver[faces.a] == giver[faces.b]] = 0.0
        target = longest_neighbour(len(label), faces.a, faces.b, usable, open_)
        done = np.flatnonzero(target >= 0)
        label[done] = label[target[done]]
        giver[done], open_[done] = True, False
    return label


def absorb_specks(
    faces: PlanFaces, label: Ints, fixed: Flags, allowed: Flags, *,
    least_m2: float, least_width_m: float, rounds: int = 2,
) -> Ints:  # fmt: skip
    """Give parts of one label that are small or thin to their longest neighbour.

    Args:
        fixed: Pieces that keep their label; a part with one of them stays.
        allowed: Pieces whose label may be taken over.
    """
    outline = shapely.length(faces.polygons)
    for _ in range(rounds):
        same = label[faces.a] == label[faces.b]
        part = components(len(label), faces.a[same], faces.b[same])
        count = len(label)
        area = np.bincount(part, faces.area_m2, count)
        edge = np.bincount(part, outline, count) - 2 * np.bincount(
            part[faces.a[same]], faces.shared[same], count
        )
        width = 2 * area / np.maximum(edge, 1.0)
        held = np.bincount(part, fixed, count) > 0
        small = ((area < least_m2) | (width < least_width_m)) & ~held
        wanted = small[part]
        if not wanted.any():
            break
        # A speck goes as a whole: to the neighbour that its outline shares most with.
        p, q = part[faces.a], part[faces.b]
        usable = ~same & (wanted[faces.a] | wanted[faces.b])
        one = np.concatenate([p[usable], q[usable]])
        other = np.concatenate([q[usable], p[usable]])
        give = np.concatenate([faces.b[usable], faces.a[usable]])
        length = np.tile(faces.shared[usable], 2)
        use = small[one] & allowed[give] & ~small[other]
        key, position = np.unique(one[use] * count + other[use], return_inverse=True)
        total = np.bincount(position, length[use], len(key))
        best = np.full(count, -1)
        order = np.argsort(total, kind="stable")
        best[key[order] // count] = key[order] % count
        label_of = np.zeros(count, label.dtype)
        label_of[part] = label
        moved = wanted & (best[part] >= 0)
        label = label.copy()
        label[moved] = label_of[best[part[moved]]]
    return label


def dissolve(faces: PlanFaces, label: Ints) -> tuple[Objects, Ints]:
    """Connected areas of one label within a town, with the first piece's index of each.

    Areas of the same pieces are made once, whichever version of the plan asks for them.
    """
    same = (label[faces.a] == label[faces.b]) & (faces.town[faces.a] == faces.town[faces.b])
    part = components(len(label), faces.a[same], faces.b[same])
    order = np.argsort(part, kind="stable")
    first, starts = np.unique(part[order], return_index=True)
    areas = np.empty(len(first), dtype=object)
    for k, members in enumerate(np.split(order, starts[1:])):
        key = members.tobytes()
        area = faces.made.get(key)
        if area is None:
            pieces = faces.polygons[members]
            area = pieces[0] if len(pieces) == 1 else shapely.coverage_union_all(pieces)
            faces.made[key] = area
        areas[k] = area
    return areas, first
