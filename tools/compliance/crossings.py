"""How much of which parcel lies in which conflict patch.

Most parcels of a patch lie in it as far as they lie in the project at all: those that do not meet the
rest of the project. Their area is known already; only parcels across a patch's inner edge are cut.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.compliance.overlay import Cutter, OverlayRows
from tools.compliance.patches import NOISE_M2, Patches
from tools.geometry.area import ellipsoidal_areas_m2

Crossing = tuple[str, int, int, float]
"""Name of the conflict, its patch, the row of the parcel, and their common area in m²."""


def crossings(
    rows: OverlayRows, parcels: npt.NDArray[Any], conflicts: Mapping[str, Patches], epsg: int
) -> Iterator[Crossing]:
    """Yield the common areas of parcels and patches, by conflict, then patch, then parcel.

    Args:
        rows: Pieces of the parcels inside the project.
        parcels: The parcel of each row, not cut.
        conflicts: Patches by name, all of them parts of the project.
        epsg: Coordinate system.
    """
    tree = shapely.STRtree(parcels)
    found: list[tuple[str, int, int]] = []
    areas: list[float] = []
    cuts: list[Any] = []
    cut_at: list[int] = []
    for name, group in conflicts.items():
        which, near = tree.query(group.polygons)
        order = np.lexsort((near, which))
        which, near = which[order], near[order]
        shapely.prepare(group.polygons)
        meets = shapely.intersects(group.polygons[which], parcels[near])
        which, near = which[meets], near[meets]
        whole = _whole(group, which, near, parcels)
        cut = _cut(group, which, near, parcels, ~whole)
        planar = np.where(whole, rows.planar_m2[near], shapely.area(cut))
        for i in np.flatnonzero(planar >= NOISE_M2).tolist():
            found.append((name, int(which[i]), int(near[i])))
            areas.append(float(rows.ellipsoidal_m2[near[i]]))
            if not whole[i]:
                cut_at.append(len(areas) - 1)
                cuts.append(cut[i])
    for at, area in zip(cut_at, ellipsoidal_areas_m2(np.array(cuts, object), epsg), strict=True):
        areas[at] = float(area)
    for (name, patch, row), area in zip(found, areas, strict=True):
        yield name, patch, row, area


def _whole(
    group: Patches,
    which: npt.NDArray[np.intp],
    near: npt.NDArray[np.intp],
    parcels: npt.NDArray[Any],
) -> npt.NDArray[np.bool_]:
    """Say of which pairs the patch holds all of the parcel that the project has."""
    if group.rest is None:
        return np.asarray(shapely.contains_properly(group.polygons[which], parcels[near]))
    shapely.prepare(group.rest)
    patches_met = np.bincount(near, minlength=len(parcels))[near]
    return np.asarray((patches_met == 1) & ~shapely.intersects(group.rest, parcels[near]))


def _cut(
    group: Patches,
    which: npt.NDArray[np.intp],
    near: npt.NDArray[np.intp],
    parcels: npt.NDArray[Any],
    chosen: npt.NDArray[np.bool_],
) -> npt.NDArray[Any]:
    """Intersect the chosen pairs; None for the others and where nothing is shared."""
    pieces = np.full(len(which), None, dtype=object)
    for patch in np.unique(which[chosen]).tolist():
        pairs = np.flatnonzero(chosen & (which == patch))
        pieces[pairs], _ = Cutter(group.polygons[patch]).cut(parcels[near[pairs]])
    return pieces
