"""Cut the features of a block by each other: every place once, with its planned and present code."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.compliance.overlay import polygonal
from tools.geometry.area import ellipsoidal_areas_m2
from tools.implementation_assessment.blocks import Index, Part
from tools.implementation_assessment.edges import Edges
from tools.plan_versions.overlay import NOTHING, left_over, polygons_of

NONE = -1
"""Stands for the fid where a layer has no feature."""
_NOISE_M2 = 1e-3
_INTERIORS_MEET = "T********"


@dataclass(frozen=True)
class Pieces:
    """Places by planned and present code; parallel arrays."""

    geometries: npt.NDArray[Any]
    planned: npt.NDArray[np.str_]
    present: npt.NDArray[np.str_]
    fids: npt.NDArray[np.int64]
    """Of the planned and the present feature, in two columns."""
    areas_m2: npt.NDArray[np.float64]


def cut_block(planned: Part, present: Part, epsg: int) -> Pieces:
    """Lay the features of a block over each other.

    Args:
        planned: The plan near the block.
        present: Present use near it.
        epsg: Of both.

    Returns:
        What own planned features share with present ones, and what of own features of either layer no
        feature of the other covers. A place that two features of one layer claim is that of the lower fid.
    """
    (planned, edges_a), (present, edges_b) = disjoint(planned), disjoint(present)
    a, b = planned.geometries, present.geometries
    pair_a, pair_b, cuts = _pairs(planned, present, edges_a.not_in(edges_b))
    gone, of_a = _uncovered(planned, b, pair_a, pair_b, cuts)
    new, of_b = _uncovered(present, a, pair_b, pair_a, cuts)
    mine = planned.own[pair_a]
    pair_a, pair_b, cuts = pair_a[mine], pair_b[mine], cuts[mine]
    geometries = np.concatenate([cuts, gone, new])
    no_a, no_b = np.full(len(of_b), NOTHING), np.full(len(of_a), NOTHING)
    return Pieces(
        geometries=geometries,
        planned=np.concatenate([planned.codes[pair_a], planned.codes[of_a], no_a]),
        present=np.concatenate([present.codes[pair_b], no_b, present.codes[of_b]]),
        fids=np.stack(
            [
                np.concatenate([planned.fids[pair_a], planned.fids[of_a], np.full(len(of_b), NONE)]),
                np.concatenate([present.fids[pair_b], np.full(len(of_a), NONE), present.fids[of_b]]),
            ],
            axis=1,
        ),
        areas_m2=ellipsoidal_areas_m2(geometries, epsg),
    )  # fmt: skip


def _pairs(
    planned: Part, present: Part, borders: npt.NDArray[Any]
) -> tuple[Index, Index, npt.NDArray[Any]]:
    """Pair features that share area, and cut them.

    A parcel of one part that no border of the plan enters lies wholly in the planned feature that holds a
    point of it: it is taken as it is and meets no other. A border that is an edge of parcels enters none,
    as parcels are disjoint; so only parcels that another border meets are intersected.

    Args:
        planned: Disjoint features of the plan.
        present: Disjoint parcels.
        borders: Edges of the plan that are not edges of parcels.
    """
    a, b = planned.geometries, present.geometries
    met_by = shapely.STRtree(b).query(borders, predicate="intersects")[1]
    cut = np.isin(np.arange(len(b)), met_by) | (shapely.get_num_geometries(b) > 1)
    free, rest = np.flatnonzero(~cut), np.flatnonzero(cut)
    tree = shapely.STRtree(a)
    in_b, in_a = tree.query(shapely.point_on_surface(b[free]), predicate="within")
    in_b = free[in_b]
    near_b, near_a = tree.query(b[rest], predicate="intersects")
    near_b = rest[near_b]
    wanted = planned.own[near_a] | present.own[near_b]
    near_a, near_b = near_a[wanted], near_b[wanted]
    met = shapely.relate_pattern(a[near_a], b[near_b], _INTERIORS_MEET)
    near_a, near_b = near_a[met], near_b[met]
    cuts = polygons_of(shapely.intersection(a[near_a], b[near_b]))
    some = shapely.area(cuts) > 0
    return (
        np.concatenate([in_a, near_a[some]]),
        np.concatenate([in_b, near_b[some]]),
        np.concatenate([b[in_b], cuts[some]]),
    )


def _uncovered(
    of: Part,
    other: npt.NDArray[Any],
    pair_of: Index,
    pair_other: Index,
    cuts: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], Index]:
    """Return what of the own features no feature of the other layer covers, and whose it is."""
    own = np.flatnonzero(of.own)
    place = np.full(len(of.own), NONE)
    place[own] = np.arange(len(own))
    mine = of.own[pair_of]
    found, owners = left_over(
        of.geometries[own], other, place[pair_of[mine]], pair_other[mine], cuts[mine]
    )
    return found, own[owners]


def disjoint(part: Part) -> tuple[Part, Edges]:
    """Give every place that two features claim to the one with the lower fid; also return the edges."""
    edges = Edges(part.geometries)
    if not edges.may_overlap():
        return part, edges
    geometries = part.geometries
    left, right = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    left, right = left[left < right], right[left < right]
    met = shapely.relate_pattern(geometries[left], geometries[right], _INTERIORS_MEET)
    left, right = left[met], right[met]
    much = shapely.area(shapely.intersection(geometries[left], geometries[right])) > _NOISE_M2
    earlier: dict[int, list[int]] = defaultdict(list)
    for i, j in zip(left[much].tolist(), right[much].tolist(), strict=True):
        earlier[j].append(i)
    result = geometries.copy()
    for j, before in earlier.items():
        taken = shapely.union_all(geometries[before])
        result[j] = polygonal(shapely.difference(geometries[j], taken))
    keep = shapely.area(result) > 0
    rest = replace(
        part,
        geometries=result[keep],
        codes=part.codes[keep],
        fids=part.fids[keep],
        own=part.own[keep],
    )
    return rest, Edges(rest.geometries)
