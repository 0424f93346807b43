"""Compute a measure of coverage: groups of facilities against a demand, all on the network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from tools.accessibility.attach import Attached, attach
from tools.accessibility.coverage import Coverage, coverage
from tools.accessibility.definition import CoverageMeasure
from tools.accessibility.facilities import facilities, tell_unattached
from tools.accessibility.network import Floats, Network
from tools.accessibility.outcome import COMPUTED, MISSING, GroupRow
from tools.accessibility.parameters import Mode
from tools.accessibility.place import DemandPlaces, Place
from tools.accessibility.service_areas import ServiceArea, service_area


@dataclass(frozen=True)
class Measured:
    """Rows, areas and what each place of the demand has."""

    rows: tuple[GroupRow, ...]
    areas: dict[str, ServiceArea]
    stops: dict[str, npt.NDArray[np.object_]]
    """Facilities of each group."""
    minutes: Floats
    """Of each place, to the group that is farthest from it; infinite without a way."""
    share: Floats
    """Of each place, covered by all groups: 0 or 1, or its part in the service areas."""
    complete: bool
    """No group lacks data."""


def measure_coverage(
    place: Place,
    network: Network,
    measure: CoverageMeasure,
    demand: DemandPlaces,
    *,
    limit_minutes: float,
    mode: Mode,
    by_area: bool,
) -> Measured:
    """Compute the rows of a measure.

    Args:
        place: Where facilities are read; notices and gaps are added to it.
        network: Of the mode.
        measure: Groups and their definition.
        demand: With a positive sum of weights.
        limit_minutes: Straight legs included.
        mode: Speeds and the longest leg.
        by_area: A place counts by its part in the service area, and not by its inner point.
    """
    known = facilities(place, measure.groups)
    found = coverage(
        network,
        demand.points,
        demand.weights,
        {group: geometries for group, (geometries, _) in known.items()},
        limit_s=limit_minutes * 60,
        mode=mode,
        from_facility=measure.from_facility,
    )
    _tell_demand(place, measure, demand, found, mode)
    rows, areas = [], {}
    minutes, share = np.zeros(len(demand.weights)), np.ones(len(demand.weights))
    for group in measure.groups:
        geometries, labels = known[group.id]
        if not len(geometries):
            lacks = "、".join(group.kinds) or "相应地类的图斑"
            missing = f"{group.title}：没有{lacks}的数据"
            place.missing.append(missing)
            rows.append(
                GroupRow(
                    id=group.id, title=group.title, status=MISSING, facilities=0, missing=missing
                )
            )
            continue
        kind = found.kinds[group.id]
        tell_unattached(
            place, measure, group, labels, kind.unattached.tolist(), mode.farthest_access_m
        )
        stops = attach(network, geometries, mode.farthest_access_m)
        areas[group.id] = _area(network, stops, measure, limit_minutes, mode)
        part = kind.covered.astype(float)
        if by_area:
            part = _part_inside(demand.geometries, areas[group.id].area)
        minutes = np.maximum(minutes, kind.nearest.total / 60)
        share = np.minimum(share, part)
        rows.append(
            _row(
                group.id,
                group.title,
                len(geometries),
                demand.weights,
                part,
                kind.nearest.total / 60,
            )
        )
    return Measured(
        tuple(rows), areas, {g: known[g][0] for g in areas}, minutes, share, len(areas) == len(measure.groups)
    )  # fmt: skip


def _row(
    group: str, title: str, count: int, weights: Floats, part: Floats, minutes: Floats
) -> GroupRow:
    total, covered = float(weights.sum()), float((weights * part).sum())
    way = np.isfinite(minutes)
    mean = float(np.average(minutes[way], weights=weights[way])) if way.any() else None
    return GroupRow(
        id=group,
        title=title,
        status=COMPUTED,
        facilities=count,
        demand=round(total, 4),
        covered=round(covered, 4),
        share_percent=round(100 * covered / total, 2),
        mean_minutes=None if mean is None else round(mean, 2),
        without_way=round(float(weights[~way].sum()), 4),
    )


def _area(
    network: Network, stops: Attached, measure: CoverageMeasure, limit_minutes: float, mode: Mode
) -> ServiceArea:
    return service_area(
        network,
        stops,
        limit=limit_minutes * 60,
        width_m=measure.width_m,
        access_m_s=mode.access_m_s,
        from_facility=measure.from_facility,
    )


def _part_inside(geometries: npt.NDArray[np.object_], area: BaseGeometry) -> Floats:
    """Return the part of each polygon inside an area, 0 to 1, by planar area."""
    shapely.prepare(area)
    part = shapely.contains(area, geometries).astype(float)
    for k in np.flatnonzero(shapely.intersects(area, geometries) & (part == 0)).tolist():
        near = shapely.clip_by_rect(area, *geometries[k].bounds)
        part[k] = shapely.area(shapely.intersection(near, geometries[k])) / geometries[k].area
    return np.asarray(np.clip(part, 0.0, 1.0))


def _tell_demand(
    place: Place, measure: CoverageMeasure, demand: DemandPlaces, found: Coverage, mode: Mode
) -> None:
    far = found.unattached
    if len(far):
        fids = "、".join(str(fid) for fid in demand.fids[far[:5]].tolist())
        place.notices.append(
            f"有 {len(far)} 处需求（{demand.weights[far].sum():.2f}）距可走的道路超过 {mode.farthest_access_m:g} 米，"
            f"按不能到达计（{measure.title}；如要素 {fids}）"
        )
