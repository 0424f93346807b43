"""Score candidates by weighted criteria, and how far their rank depends on each weight."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.compliance.overlay import overlay_layer
from tools.compliance.slope import measure_slope
from tools.geometry.area import M2_PER_HA, ellipsoidal_areas_m2
from tools.rules.model import DEM, LAND_USE
from tools.site_selection.feasible import Places
from tools.site_selection.request import Criterion, Line, SiteRequest

Floats = npt.NDArray[np.float64]
CHANGE = 0.2
"""By which each weight is raised and lowered."""
FARTHEST_M = 30_000.0
"""Features beyond the study area are looked for this far."""


@dataclass(frozen=True)
class Scores:
    """Arrays of candidates × criteria, candidates in the order they were given."""

    values: Floats
    scores: Floats
    totals: Floats
    ranks: npt.NDArray[np.int64]
    """1 is best."""
    best_rank: npt.NDArray[np.int64]
    worst_rank: npt.NDArray[np.int64]
    """Over all weights raised and lowered, one at a time."""
    first: dict[str, tuple[int, int]]
    """By criterion: who comes first with the weight lowered and raised."""


def score(candidates: npt.NDArray[Any], request: SiteRequest, places: Places) -> Scores:
    """Measure and score candidates.

    Args:
        candidates: Polygons in the catalogue's coordinates.
        request: The criteria.
        places: The layers.

    Raises:
        InputError: a criterion's layer is missing or wrong, or has nothing to measure.
    """
    values = np.column_stack([_measure(c, candidates, places) for c in request.criteria])
    scores = np.column_stack(
        [[c.score(v) for v in values[:, k].tolist()] for k, c in enumerate(request.criteria)]
    )
    weights = np.array([criterion.weight for criterion in request.criteria])
    totals = weighted(scores, weights)
    ranks = ranked(totals, candidates)
    best, worst = ranks.copy(), ranks.copy()
    first: dict[str, tuple[int, int]] = {}
    for k, criterion in enumerate(request.criteria):
        leaders = []
        for factor in (1 - CHANGE, 1 + CHANGE):
            changed = weights.copy()
            changed[k] *= factor
            other = ranked(weighted(scores, changed), candidates)
            best, worst = np.minimum(best, other), np.maximum(worst, other)
            leaders.append(int(np.argmin(other)))
        first[criterion.name] = (leaders[0], leaders[1])
    return Scores(values, scores, totals, ranks, best, worst, first)


def weighted(scores: Floats, weights: Floats) -> Floats:
    """Return totals 0–100; weights need not sum to anything."""
    return np.asarray(np.round(scores @ weights / weights.sum(), 6), dtype=np.float64)


def ranked(totals: Floats, candidates: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Rank totals, the larger area first where they are equal."""
    order = np.lexsort((-shapely.area(candidates), -totals))
    ranks = np.empty(len(totals), dtype=np.int64)
    ranks[order] = np.arange(1, len(totals) + 1)
    return ranks


def _measure(criterion: Criterion, candidates: npt.NDArray[Any], places: Places) -> Floats:
    epsg = places.catalogue.epsg
    if criterion.measure == "area":
        return np.round(ellipsoidal_areas_m2(candidates, epsg) / M2_PER_HA, 4)
    if criterion.measure == "compactness":
        outline = shapely.length(candidates)
        return np.asarray(np.round(4 * np.pi * shapely.area(candidates) / outline**2, 4))
    role = criterion.role or {"slope": DEM, "cost": LAND_USE}.get(criterion.measure, "")
    spec = places.spec(role)
    if spec is None:
        raise InputError(
            f"指标“{criterion.name}”的图层已声明没有",
            field="criteria",
            mend="删去该指标，或换一个图层",
        )
    if criterion.measure == "slope":
        found = [measure_slope(c, spec, places.folder, set()) for c in candidates]
        if any(slope is None for slope in found):
            raise InputError(
                f"指标“{criterion.name}”：高程图层没有覆盖全部候选地块",
                layer=spec.name,
                mend="补充高程数据，或用 max_slope_degrees 排除坡度未知的土地",
            )
        return np.array([round(slope.mean_degrees, 2) for slope in found if slope is not None])
    if criterion.measure == "cost":
        return np.array([_cost(criterion, c, places, spec) for c in candidates])
    line = Line(role=role, codes=criterion.codes)
    if criterion.measure == "distance":
        shapes, _ = places.features(line, spec, widen_m=FARTHEST_M)
        if not len(shapes):
            raise InputError(
                f"指标“{criterion.name}”：图层“{spec.title}”附近没有符合条件的要素",
                layer=spec.name,
                field="codes",
                mend="核对 codes 与图层",
            )
        _, distance = shapely.STRtree(shapes).query_nearest(
            candidates, return_distance=True, all_matches=False
        )
        return np.asarray(np.round(distance, 1), dtype=np.float64)
    shapes, _ = places.features(line, spec)
    whole = shapely.union_all(shapes[shapely.get_dimensions(shapes) == 2])
    inside = shapely.area(shapely.intersection(candidates, whole))
    return np.asarray(np.round(inside / shapely.area(candidates), 4), dtype=np.float64)


def _cost(criterion: Criterion, candidate: Any, places: Places, spec: Any) -> float:
    """Return the area-weighted mean cost of the land of a candidate."""
    rows = overlay_layer(candidate, spec, places.folder)
    prefixes = sorted(criterion.costs, key=len, reverse=True)
    total = cost = 0.0
    for code, area, fid in zip(
        rows.codes.tolist(), rows.ellipsoidal_m2.tolist(), rows.fids.tolist(), strict=True
    ):
        fits = next((prefix for prefix in prefixes if code.startswith(prefix)), None)
        each = criterion.other_cost if fits is None else criterion.costs[fits]
        if each is None:
            raise InputError(
                f"指标“{criterion.name}”没有编码 {code} 的成本（要素 {fid}）",
                file=spec.path,
                layer=spec.name,
                field="costs",
                mend="在 costs 中补上，或写 other_cost",
            )
        total += area
        cost += area * each
    if total == 0:
        raise InputError(
            f"指标“{criterion.name}”：图层“{spec.title}”没有覆盖候选地块",
            layer=spec.name,
            mend="核对图层范围",
        )
    return round(cost / total, 4)
