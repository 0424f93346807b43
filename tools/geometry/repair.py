"""Make plots valid and two-dimensional, and say what was changed and where.

Knows nothing of files. Nothing is repaired silently: every change is a notice.
"""

import contextlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import MultiPolygon, Polygon
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from tools.geometry.area import M2_PER_HA, ellipsoidal_area_m2
from tools.geometry.boundary import BoundaryParcel, Plot

_PLACE = re.compile(r"^(.*)\[(-?[\d.eE+]+) (-?[\d.eE+]+)\]$")
_REASONS = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相接",
    "Hole lies outside shell": "孔洞位于外环之外",
    "Nested holes": "孔洞嵌套",
    "Nested shells": "部分互相嵌套",
    "Interior is disconnected": "内部被分割",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "某个环的点数不足",
}
_OVERLAP_M2 = 0.01
_AREA_TOLERANCE = 0.01
"""Relative difference between declared and computed area that the user is told of."""


@dataclass(frozen=True)
class Repaired:
    """Valid plots, their union, and what was changed."""

    parcels: tuple[BoundaryParcel, ...]
    geometry: Polygon | MultiPolygon
    notices: tuple[str, ...]


def repair_plots(
    plots: tuple[Plot, ...], geometries: npt.NDArray[Any], epsg: int, *, file: object
) -> Repaired:
    """Turn plots as drawn into valid 2D polygons.

    Args:
        plots: As drawn, for their attributes.
        geometries: Their geometries, already in `epsg`.
        epsg: CGCS2000 projection in metres.
        file: Path, for messages.

    Raises:
        InputError: nothing that has an area is left, or one plot has none.
    """
    notices: list[str] = []
    parcels = []
    flattened = 0
    for index, (plot, geometry) in enumerate(zip(plots, geometries, strict=True), start=1):
        title = _title(plot, index, len(plots))
        flattened += bool(geometry.has_z)
        whole = _valid(shapely.force_2d(geometry), title, epsg, notices)
        if whole is None:
            raise InputError(
                f"{title}面积为零，不是面状图形", file=file, row=plot.row, mend="请检查该地块的坐标"
            )
        _compare_area(plot, whole, epsg, title, notices)
        parcels.append(
            BoundaryParcel(plot.name, plot.number, plot.use, plot.declared_area_ha, whole)
        )
    if flattened:
        notices.insert(0, "坐标带有高程（Z 值），已舍去，按二维图形处理")
    return Repaired(tuple(parcels), _union(parcels, epsg, notices), tuple(notices))


def _title(plot: Plot, index: int, count: int) -> str:
    if plot.name or plot.number:
        return f"地块“{plot.name or plot.number}”"
    return "边界" if count == 1 else f"第 {index} 个地块"


def _valid(
    geometry: BaseGeometry, title: str, epsg: int, notices: list[str]
) -> Polygon | MultiPolygon | None:
    """Repair one geometry; None when it has no area."""
    with contextlib.suppress(GEOSException):  # a ring of one repeated point; refused below
        geometry = shapely.remove_repeated_points(geometry)
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        before_m2 = ellipsoidal_area_m2(geometry, epsg)
        parts = len(shapely.get_parts(geometry))
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        geometry = _polygons_of(geometry)
        after_m2 = ellipsoidal_area_m2(geometry, epsg)
        notices.append(
            f"{title}图形不合法（{_explain(reason)}），已修复："
            f"部分数 {parts}→{len(shapely.get_parts(geometry))}，"
            f"面积 {before_m2 / M2_PER_HA:.4f}→{after_m2 / M2_PER_HA:.4f} 公顷。请核对原图形"
        )
    polygons = _polygons_of(geometry)
    return polygons if polygons.area > 0 else None


def _polygons_of(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """Keep the polygons: one Polygon, or a MultiPolygon."""
    if isinstance(geometry, Polygon):
        return geometry
    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = shapely.get_parts(parts)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    parts = parts[~shapely.is_empty(parts)]
    polygon: Polygon | MultiPolygon = parts[0] if len(parts) == 1 else MultiPolygon(list(parts))
    return polygon


def _explain(reason: str) -> str:
    """Translate GEOS' reason and its place."""
    match = _PLACE.match(reason)
    if match is None:
        return _REASONS.get(reason, reason)
    what, east, north = match.groups()
    return f"{_REASONS.get(what, what)}，首处位于东 {float(east):.3f}、北 {float(north):.3f}"


def _compare_area(
    plot: Plot, geometry: BaseGeometry, epsg: int, title: str, notices: list[str]
) -> None:
    """Tell when the declared area differs by more than one percent, with the likely unit."""
    declared_ha = plot.declared_area_ha
    if declared_ha is None:
        return
    computed_ha = ellipsoidal_area_m2(geometry, epsg) / M2_PER_HA
    if abs(declared_ha - computed_ha) <= _AREA_TOLERANCE * computed_ha:
        return
    likely = next(
        (
            f"（数值像是以{unit}为单位）"
            for unit, per_ha in (("平方米", 10_000.0), ("亩", 15.0))
            if abs(declared_ha / per_ha - computed_ha) <= _AREA_TOLERANCE * computed_ha
        ),
        "",
    )
    notices.append(
        f"{title}文件所写面积 {declared_ha:.4f} 公顷{likely}与按坐标计算的椭球面积 "
        f"{computed_ha:.4f} 公顷相差超过 1%，以计算面积为准"
    )


def _union(parcels: list[BoundaryParcel], epsg: int, notices: list[str]) -> Polygon | MultiPolygon:
    """Unite the plots; overlaps count once and are told."""
    if len(parcels) == 1:
        return parcels[0].geometry
    geometries = np.array([parcel.geometry for parcel in parcels], dtype=object)
    union = _polygons_of(shapely.union_all(geometries))
    overlap_m2 = float(shapely.area(geometries).sum()) - union.area
    if overlap_m2 > max(_OVERLAP_M2, 1e-9 * union.area):
        notices.append(
            f"{len(parcels)} 个地块互相重叠或嵌套，重叠约 {overlap_m2 / M2_PER_HA:.4f} 公顷，"
            "合并为项目边界时只计一次"
        )
    return union
