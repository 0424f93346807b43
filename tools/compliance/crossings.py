"""How much of which parcel lies in which conflict patch.

Most parcels of a patch lie in it as far as they lie in the project at all: those that do not meet the
rest of the project. Their area is known already; only parcels across a patch's inner edge are cut.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.compliance.overlay import Cutter, OverlayRows
from tools.compliance.patches import NOISE_M2, Patches
from tools.geometry.area import ellipsoidal_areas_m2


@dataclass(frozen=True)
class Crossings:
    """Common areas of parcels and the patches of one conflict: parallel arrays."""

    name: str
    """Of the conflict."""
    patches: npt.NDArray[np.intp]
    """Place of the patch in its conflict, ascending."""
    rows: npt.NDArray[np.intp]
    """Row of the parcel, ascending within a patch."""
    areas_m2: npt.NDArray[np.float64]


def crossings(
    rows: OverlayRows, parcels: npt.NDArray[Any], conflicts: Mapping[str, Patches], epsg: int
) -> Iterator[Crossings]:
    """Yield the common areas of parcels and patches, one conflict after another.

    Args:
        rows: Pieces of the parcels inside the project.
        parcels: The parcel of each row, not cut.
        conflicts: Patches by name, all of them parts of the project.
        epsg: Coordinate system.
    """
    tree = shapely.STRtree(parcels)
    found: list[tuple[str, npt.NDArray[np.intp], npt.NDArray[np.intp]]] = []
    cuts: list[npt.NDArray[Any]] = []
    for name, group in conflicts.items():
        which, near = _meeting(group, tree, parcels)
        whole = _whole(group, which, near, parcels)
        cut = _cut(group, which, near, parcels, ~whole)
        shared = np.where(whole, rows.planar_m2[near], shapely.area(cut)) >= NOISE_M2
        found.append((name, which[shared], near[shared]))
        cuts.append(cut[shared])
    pieces = np.concatenate([np.empty(0, dtype=object), *cuts])
    areas_m2 = ellipsoidal_areas_m2(pieces, epsg)
    start = 0
    for name, which, near in found:
        end = start + len(which)
        known = shapely.is_missing(pieces[start:end])
        yield Crossings(
            name, which, near, np.where(known, rows.ellipsoidal_m2[near], areas_m2[start:end])
        )
        start = end


def _meeting(
    group: Patches, tree: shapely.STRtree, parcels: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pair patches with the parcels that they meet, by patch, then parcel."""
    which, near = tree.query(group.polygons)
    order = np.lexsort((near, which))
    which, near = which[order], near[order]
    shapely.prepare(group.polygons)
    meets = shapely.intersects(group.polygons[which], parcels[near])
    return which[meets], near[meets]


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
    for patch in dict.fromkeys(which[chosen].tolist()):
        pairs = np.flatnonzero(chosen & (which == patch))
        pieces[pairs], _ = Cutter(group.polygons[patch]).cut(parcels[near[pairs]])
    return pieces
