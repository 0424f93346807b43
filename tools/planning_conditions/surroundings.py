"""What lies around a parcel: roads by class and distance, public services."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import LayerSpec
from tools.compliance.near import SEARCH_M, distances_m, limits
from tools.compliance.zones import check_scheme, zone_name
from tools.feature_table import columns_of, read_table
from tools.rules.model import Rule

KIND_FIELD = "SSLX"
"""Field of a facility's kind where the catalogue names no code field."""
CONTROL_ZONE = "highway_control_zone"
_WINDS = ("东", "东北", "北", "西北", "西", "西南", "南", "东南")


class Road(Frozen):
    """The nearest stretch of one road."""

    name: str
    kind: str
    distance_m: float
    """Planar, from the parcel's edge to the centre line; 0 where it crosses."""
    direction: str
    """From the parcel's middle, e.g. 东北; 穿越 where it crosses."""
    control_m: float | None = None
    """Width of the building-control zone from the edge of the road's land; None: the rule names no
    width for this class."""
    half_width_m: float | None = None
    """Assumed half of the road's land, for the layer has centre lines."""


class Service(Frozen):
    """Public services of one kind near a parcel."""

    kind: str
    count: int
    nearest: str
    distance_m: float
    """From the parcel's edge: along the network where there is one, else a planar straight line."""


def roads_around(
    parcel: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    rule: Rule | None,
    within_m: float = SEARCH_M,
) -> tuple[Road, ...]:
    """List the roads near a parcel, each once, the nearest first.

    Args:
        parcel: Valid (Multi)Polygon in `spec.epsg`.
        spec: Layer of centre lines with road classes.
        folder: Folder of the catalogue.
        rule: The rule on building-control zones; None when it is switched off.
        within_m: How far is looked.

    Raises:
        InputError: the layer has no classes, or a feature has another class.
    """
    check_scheme(spec)
    assert spec.code_field is not None, "check_scheme asks for codes"
    columns = tuple(c for c in (spec.code_field, spec.name_field) if c)
    found: dict[tuple[str, str], Road] = {}
    middle = shapely.get_coordinates(parcel.centroid)[0]
    for window in read_table(spec, folder, parcel, columns, widen_m=within_m):
        distances = distances_m(parcel, window.geometries)
        for i in np.flatnonzero(distances <= within_m).tolist():
            kind = str(window.columns[spec.code_field][i] or "").strip()
            zone_name(spec, kind, "", fid=int(window.fids[i]))
            name = str(
                (window.columns[spec.name_field][i] if spec.name_field else "") or ""
            ).strip()
            distance = round(float(distances[i]), 1)
            known = found.get((name, kind))
            if known is not None and known.distance_m <= distance:
                continue
            asked = limits(rule, {kind}).get(kind) if rule else None
            found[name, kind] = Road(
                name=name or "（未命名）",
                kind=kind,
                distance_m=distance,
                direction="穿越"
                if distance == 0
                else _direction(middle, parcel, window.geometries[i]),
                control_m=asked[0] if asked else None,
                half_width_m=asked[1] if asked else None,
            )
    return tuple(sorted(found.values(), key=lambda road: (road.distance_m, road.name)))


def _direction(middle: Any, parcel: BaseGeometry, line: BaseGeometry) -> str:
    there = shapely.get_coordinates(shapely.shortest_line(parcel, line))[-1]
    angle = math.atan2(there[1] - middle[1], there[0] - middle[0])
    return _WINDS[round(angle / (math.pi / 4)) % 8]


def services_around(
    parcel: BaseGeometry, spec: LayerSpec, folder: Path, within_m: float
) -> tuple[Service, ...]:
    """Count public services by kind within a straight-line distance, the nearest kind first."""
    kind_field = spec.code_field or (KIND_FIELD if KIND_FIELD in columns_of(spec, folder) else None)
    columns = tuple(dict.fromkeys(c for c in (kind_field, spec.name_field) if c))
    found: dict[str, list[tuple[float, str]]] = {}
    for window in read_table(spec, folder, parcel, columns, widen_m=within_m):
        distances = distances_m(parcel, window.geometries)
        for i in np.flatnonzero(distances <= within_m).tolist():
            kind = str((window.columns[kind_field][i] if kind_field else "") or "").strip()
            name = str(
                (window.columns[spec.name_field][i] if spec.name_field else "") or ""
            ).strip()
            found.setdefault(kind or spec.title, []).append((float(distances[i]), name))
    services = [
        Service(kind=kind, count=len(near), nearest=min(near)[1], distance_m=round(min(near)[0], 1))
        for kind, near in found.items()
    ]
    return tuple(sorted(services, key=lambda service: service.distance_m))
