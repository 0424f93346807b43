"""Lay two versions over each other: every place once, with the code that it had and has."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

from tools.compliance.overlay import polygonal
from tools.geometry.area import ellipsoidal_areas_m2
from tools.plan_versions.version import Version

NOTHING = "（无）"
"""Stands for the code where a version has no feature."""
_SAME_M2 = 1e-3
_CONGRUENT = 0.005
"""Share of the area by which a moved feature may differ from itself."""


@dataclass(frozen=True)
class Pieces:
    """Places by the code before and after; parallel arrays."""

    geometries: npt.NDArray[Any]
    before: npt.NDArray[np.str_]
    after: npt.NDArray[np.str_]
    areas_m2: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moved:
    """A feature that lies elsewhere now, with its shape and code."""

    code: str
    before: int
    """Place among the features of the version before."""
    after: int
    east_m: float
    north_m: float


def lay_over(before: Version, after: Version) -> tuple[Pieces, tuple[Moved, ...]]:
    """Cut both versions by each other.

    Features that are the same in both, vertex by vertex, are taken whole; only the others are cut.

    Returns:
        Pieces that cover both versions once, and features that have only been moved.
    """
    same_a, same_b = _identical(before.geometries, after.geometries)
    rest_a = np.setdiff1d(np.arange(len(before.geometries)), same_a)
    rest_b = np.setdiff1d(np.arange(len(after.geometries)), same_b)
    a, b = before.geometries[rest_a], after.geometries[rest_b]
    pair_a, pair_b = shapely.STRtree(b).query(a, predicate="intersects")
    shapely.prepare(a)
    cuts = shapely.intersection(a[pair_a], b[pair_b])
    cuts = polygons_of(cuts)
    some = shapely.area(cuts) > 0
    cuts, pair_a, pair_b = cuts[some], pair_a[some], pair_b[some]
    gone, of_a = left_over(a, b, pair_a, pair_b, cuts)
    new, of_b = left_over(b, a, pair_b, pair_a, cuts)
    none_gone, none_new = np.full(len(of_a), NOTHING), np.full(len(of_b), NOTHING)
    geometries = np.concatenate([before.geometries[same_a], cuts, gone, new])
    pieces = Pieces(
        geometries=geometries,
        before=np.concatenate(
            [
                before.codes[same_a],
                before.codes[rest_a[pair_a]],
                before.codes[rest_a[of_a]],
                none_new,
            ]
        ),
        after=np.concatenate(
            [after.codes[same_b], after.codes[rest_b[pair_b]], none_gone, after.codes[rest_b[of_b]]]
        ),
        areas_m2=ellipsoidal_areas_m2(geometries, before.spec.epsg),
    )
    return pieces, _moved(before, after, rest_a, rest_b)


def _identical(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[Any, Any]:
    """Pair features whose geometries have the same vertices."""
    known: dict[bytes, list[int]] = {}
    for i, wkb in enumerate(shapely.to_wkb(shapely.normalize(b))):
        known.setdefault(wkb, []).append(i)
    first: list[int] = []
    second: list[int] = []
    for i, wkb in enumerate(shapely.to_wkb(shapely.normalize(a))):
        if known.get(wkb):
            first.append(i)
            second.append(known[wkb].pop())
    return np.array(first, dtype=np.intp), np.array(second, dtype=np.intp)


def polygons_of(geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Keep the polygons of intersections, which may also hold shared points and lines."""
    kinds = shapely.get_type_id(geometries)
    result = geometries.copy()
    odd = ~np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    for i in np.flatnonzero(odd).tolist():
        result[i] = polygonal(geometries[i])
    return result


def left_over(
    of: npt.NDArray[Any],
    other: npt.NDArray[Any],
    pair_of: npt.NDArray[np.intp],
    pair_other: npt.NDArray[np.intp],
    cuts: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Return what of each feature no feature of the other version covers, and whose it is."""
    shared = np.bincount(pair_of, shapely.area(cuts), len(of)) if len(cuts) else np.zeros(len(of))
    missing = np.flatnonzero(shapely.area(of) - shared > _SAME_M2)
    order = np.argsort(pair_of, kind="stable")
    start = np.searchsorted(pair_of[order], missing, "left")
    end = np.searchsorted(pair_of[order], missing, "right")
    found: list[Any] = []
    owners: list[int] = []
    for i, low, high in zip(missing.tolist(), start.tolist(), end.tolist(), strict=True):
        covers = other[pair_other[order[low:high]]]
        rest = polygonal(shapely.difference(of[i], shapely.union_all(covers)))
        if rest.area > 0:
            found.append(rest)
            owners.append(i)
    result = np.empty(len(found), dtype=object)
    result[:] = found
    return result, np.array(owners, dtype=np.intp)


def _moved(before: Version, after: Version, rest_a: Any, rest_b: Any) -> tuple[Moved, ...]:
    """Find features that have the same code and shape at another place."""
    area_b = shapely.area(after.geometries[rest_b])
    centre_b = shapely.get_coordinates(shapely.centroid(after.geometries[rest_b]))
    moved: list[Moved] = []
    taken: set[int] = set()
    for i in rest_a.tolist():
        geometry = before.geometries[i]
        alike = np.flatnonzero(
            (np.abs(area_b - geometry.area) <= _CONGRUENT * geometry.area)
            & (after.codes[rest_b] == before.codes[i])
        )
        centre = shapely.get_coordinates(shapely.centroid(geometry))[0]
        for k in alike.tolist():
            j = int(rest_b[k])
            shift = centre_b[k] - centre
            if j in taken or np.hypot(*shift) < 1.0:
                continue
            there = shapely.affinity.translate(geometry, *shift.tolist())
            apart = shapely.symmetric_difference(there, after.geometries[j]).area
            if apart <= _CONGRUENT * geometry.area:
                taken.add(j)
                moved.append(
                    Moved(
                        str(before.codes[i]),
                        i,
                        j,
                        round(float(shift[0]), 1),
                        round(float(shift[1]), 1),
                    )
                )
                break
    return tuple(moved)
