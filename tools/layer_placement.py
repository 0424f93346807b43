"""Where a layer lies: refuse one that is shifted against the county boundary.

A layer in GCJ-02 (the offset coordinates of web maps) or of another zone has numbers that look right.
It is known by the county boundary: coverage that should end there ends some hundred metres away.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.geometry.crs import reproject
from tools.geopackage import (
    Box,
    Table,
    Window,
    count_indexed,
    indexed_extent,
    not_indexed,
)
from tools.layer_health import MOST_NAMED, Finding, label
from tools.layers import AnyTable, layer_state, open_layer, read_boxes_of
from tools.ogr_layer import OgrTable
from tools.postgis.table import PostgisTable, without_geometry

LEAST_SHIFT_M = 50.0
"""Edge matching between data of one place is finer than this."""
FAR_M = 100_000.0
"""A neighbouring river may lie outside the county; half a zone's width is another zone."""
_SAMPLE = 2_000
_MOST_SOUGHT = 1_000_000
"""Features of a table in which those without geometry are looked for one by one."""


def gcj02_offset_m(longitude: float, latitude: float) -> tuple[float, float]:
    """Return the offset east and north, in metres, of GCJ-02 at a place.

    The offset itself is not published; this is the approximation that is in public use
    (eviltransform), good to a few metres: `verified: false`.
    """
    x, y = longitude - 105.0, latitude - 35.0
    wave = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    return east, north


def check_placement(
    spec: LayerSpec, county: LayerSpec, folder: Path, *, coverage: bool
) -> tuple[Finding, ...]:
    """Check a vector layer against the county boundary; unchanged files are judged once a process.

    Args:
        spec: The layer.
        county: The county's layer, in the same coordinate system.
        folder: Folder of the catalogue.
        coverage: Whether the layer should cover the county, so that their extents are equal.

    Returns:
        Features without geometry, which no window ever shows.

    Raises:
        InputError: the layer lies elsewhere, in degrees, or shifted; the message says how far.
    """
    return _judge(_asked(spec, folder), _asked(county, folder), coverage)


@dataclass(frozen=True)
class _Layer:
    """A layer at one version of its file; equal ones are judged once."""

    spec: LayerSpec = field(compare=False)
    folder: Path
    place: tuple[str, str | None, int]
    version: tuple[object, ...]


def _asked(spec: LayerSpec, folder: Path) -> _Layer:
    return _Layer(spec, folder, (spec.path, spec.layer, spec.epsg), layer_state(spec, folder))


@lru_cache(maxsize=256)
def _judge(layer: _Layer, county: _Layer, coverage: bool) -> tuple[Finding, ...]:
    spec = layer.spec
    table = open_layer(spec, layer.folder)
    findings = _without_geometry(spec, table)
    outline = _outline(county)
    if layer == county or outline.is_empty or _empty(table.extent):
        return findings
    problem = _problem(spec, table, table.extent, outline, coverage)
    if problem and isinstance(table, Table):  # the stated extent may be out of date
        problem = _problem(spec, table, indexed_extent(table), outline, coverage)
    if problem:
        raise problem
    return findings


def _empty(box: Box | None) -> bool:
    return box is None or box[2] < box[0]


def _problem(
    spec: LayerSpec,
    table: AnyTable,
    box: Box | None,
    outline: BaseGeometry,
    coverage: bool,
) -> InputError | None:
    """Say what is wrong with a layer's place, if its features lie in this box."""
    if box is None:
        return None
    bounds = outline.bounds
    if max(map(abs, box)) <= 360:
        return _refused(spec, table, "的坐标像经纬度，不是米", "先投影到目录的坐标系")
    gap = shapely.distance(shapely.box(*box), shapely.box(*bounds))
    if gap > FAR_M:
        return _refused(
            spec,
            table,
            f"与县级行政区相距约 {gap / 1000:.0f} 千米，可能带号或中央经线写错",
            "核对坐标系、带号和坐标轴次序后重新导出",
        )
    shift = _uniform_shift(box, bounds) if coverage else None
    if shift is None and not _sticks_out(box, bounds):
        return None
    gcj = _gcj02_at(outline, spec.epsg)
    if shift is None:
        if not _comes_back(table, outline, box, gcj):
            return None
        shift = gcj
    like = math.hypot(shift[0] - gcj[0], shift[1] - gcj[1]) <= 0.15 * math.hypot(*gcj)
    why = (
        "与 GCJ-02（火星坐标）的偏移一致" if like else "可能是其他基准（如 1980 西安坐标系）的坐标"
    )
    return _refused(
        spec,
        table,
        f"相对县级行政区整体偏移 {math.hypot(*shift):.0f} 米"
        f"（东 {shift[0]:.0f}、北 {shift[1]:.0f}），{why}",
        "向提供单位索取 2000 国家大地坐标系（CGCS2000）的数据，不要自行平移",
    )


@lru_cache(maxsize=8)
def _outline(county: _Layer) -> BaseGeometry:
    """Return the dissolved county layer."""
    table = open_layer(county.spec, county.folder)
    if table.extent is None:
        return shapely.Polygon()
    parts = [w.geometries for w in _windows(table, [table.extent])]
    return (
        shapely.union_all(shapely.make_valid(np.concatenate(parts))) if parts else shapely.Polygon()
    )


def _without_geometry(spec: LayerSpec, table: AnyTable) -> tuple[Finding, ...]:
    """Find features without geometry: the spatial index has none of them."""
    if isinstance(table, PostgisTable):
        number, fids = without_geometry(table, MOST_NAMED)
        slow = "没有空间索引，每次都要读全表，请在图形字段上建 GiST 索引"
        found = () if table.indexed else (Finding("no_index", label(spec), slow),)
        return (*found, _no_geometry(spec, number, fids)) if number else found
    if isinstance(table, OgrTable) or table.features is None:
        return ()
    indexed = count_indexed(table)
    if indexed >= table.features:
        return ()
    fids = not_indexed(table, MOST_NAMED) if table.features <= _MOST_SOUGHT else ()
    return (_no_geometry(spec, table.features - indexed, fids),)


def _no_geometry(spec: LayerSpec, number: int, fids: tuple[int, ...]) -> Finding:
    message = f"有 {number} 个要素没有图形，未参与计算，请修正源数据"
    return Finding("no_geometry", label(spec), message, fids)


def _windows(table: AnyTable, boxes: list[Box]) -> Iterator[Window]:
    return read_boxes_of(table, boxes, (), chunk=_SAMPLE)


def _uniform_shift(box: Box, bounds: tuple[float, ...]) -> tuple[float, float] | None:
    """Return the shift of a coverage whose four sides all lie off the county's by the same."""
    off = [a - b for a, b in zip(box, bounds, strict=True)]
    east, north = (off[0] + off[2]) / 2, (off[1] + off[3]) / 2
    alike = max(abs(off[0] - off[2]), abs(off[1] - off[3])) <= 0.2 * math.hypot(east, north)
    return (east, north) if alike and math.hypot(east, north) > LEAST_SHIFT_M else None


def _sticks_out(box: Box, bounds: tuple[float, ...]) -> bool:
    return (
        min(box[0] - bounds[0], box[1] - bounds[1]) < -LEAST_SHIFT_M
        or max(box[2] - bounds[2], box[3] - bounds[3]) > LEAST_SHIFT_M
    )


def _comes_back(
    table: AnyTable, county: BaseGeometry, box: Box, shift: tuple[float, float]
) -> bool:
    """Say whether what lies outside the county would lie inside without the shift of GCJ-02."""
    min_x, min_y, max_x, max_y = county.bounds
    sides = [
        (box[0], box[1], min_x, box[3]),
        (max_x, box[1], box[2], box[3]),
        (box[0], box[1], box[2], min_y),
        (box[0], max_y, box[2], box[3]),
    ]
    boxes = [side for side in sides if side[2] > side[0] and side[3] > side[1]]
    window = next(_windows(table, boxes), None)
    if window is None:
        return False
    shapely.prepare(county)
    geometries = shapely.make_valid(window.geometries)
    outside = _size(shapely.difference(geometries, county))
    back = shapely.transform(geometries, lambda xy: xy - np.array(shift))
    return bool(outside > 0 and _size(shapely.difference(back, county)) < 0.1 * outside)


def _size(geometries: npt.NDArray[Any]) -> float:
    """Return area, or length where there is none."""
    return float(shapely.area(geometries).sum() or shapely.length(geometries).sum())


def _gcj02_at(county: BaseGeometry, epsg: int) -> tuple[float, float]:
    """Return the offset of GCJ-02 at the middle of a county, in the metres of its projection."""
    longitude, latitude = shapely.get_coordinates(reproject(county.centroid, epsg, 4490))[0]
    return gcj02_offset_m(float(longitude), float(latitude))


def _refused(spec: LayerSpec, table: AnyTable, message: str, mend: str) -> InputError:
    return InputError(f"图层“{spec.title}”{message}", file=table.file, layer=spec.name, mend=mend)
