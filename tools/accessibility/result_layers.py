"""The layers of a result: service areas, facilities, what is not covered."""

from typing import Any

import numpy as np
import shapely

from cspon.schemas.spatial import LayerOutput
from tools.accessibility.definition import CoverageMeasure
from tools.accessibility.measuring import Measured
from tools.accessibility.place import DemandPlaces, Place

MOST_FEATURES = 5_000
"""Places that a result lists as not covered; the heaviest first."""


def result_layers(
    place: Place, measure: CoverageMeasure, measured: Measured, demand: DemandPlaces, unit: str
) -> tuple[LayerOutput, ...]:
    """Return service areas, facilities and what is not covered, as GeoJSON features."""
    titles = {group.id: group.title for group in measure.groups}
    areas = [
        _feature(area.area, 设施类别=titles[group], 街道长度米=round(area.length_m, 1))
        for group, area in measured.areas.items()
        if not area.area.is_empty
    ]
    stops = [
        _feature(shapely.point_on_surface(geometry), 设施类别=titles[group])
        for group, geometries in measured.stops.items()
        for geometry in geometries
    ]
    uncovered = demand.weights * (1 - measured.share)
    order = np.argsort(-uncovered, kind="stable")
    order = order[uncovered[order] > 0]
    if len(order) > MOST_FEATURES:
        place.notices.append(f"未覆盖的地方有 {len(order)} 处，图层只列最大的 {MOST_FEATURES} 处")
    left = [
        _feature(
            demand.geometries[k],
            要素=int(demand.fids[k]),
            未覆盖=round(float(uncovered[k]), 4),
            单位=unit,
            最慢一类分钟=round(float(measured.minutes[k]), 1)
            if np.isfinite(measured.minutes[k])
            else None,
        )
        for k in order[:MOST_FEATURES].tolist()
    ]
    named = (
        ("service_area", "服务范围", areas),
        ("facilities", "设施", stops),
        ("uncovered", "未覆盖", left),
    )
    return tuple(
        LayerOutput(name=name, title=title, epsg=place.epsg, features=tuple(features))
        for name, title, features in named
        if features
    )


def _feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(geometry),
        "properties": properties,
    }
