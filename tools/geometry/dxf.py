"""Boundaries in DXF, read through ezdxf: closed polylines, hatches, or lines that form rings.

GDAL is not used: it garbles Chinese layer names and turns closed polylines into lines. A DXF has
no coordinate system, so the zone comes from the eastings' prefix or the caller.
"""

import logging
import math
import struct
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.geometry.arcs import Points, densify, flatten
from tools.geometry.boundary import MAX_VERTICES, Drawing, Plot
from tools.geometry.georeference import looks_metric
from tools.geometry.rings import has_three_points, polygons_from_rings

_SAME_POINT_M = 0.001
_GAP_M = 0.05
"""A polyline whose ends are this close is closed, with a notice."""
_UNITS_M = {1: 0.0254, 2: 0.3048, 4: 0.001, 5: 0.01, 7: 1_000.0, 14: 0.1}
_UNIT_NAMES = {1: "英寸", 2: "英尺", 4: "毫米", 5: "厘米", 7: "千米", 14: "分米"}
_CURVES = ("ARC", "CIRCLE", "ELLIPSE", "SPLINE", "LINE")
_BEZIERS = 16
"""Curves are approximated by this many Béziers before they are flattened (error below 1e-9 r)."""

# What ezdxf lets through where tags of a damaged file are missing or misplaced.
_DAMAGE = (
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
    StopIteration,
    EOFError,
    struct.error,
)


@dataclass
class _LayerDrawing:
    """What one layer holds."""

    rings: list[Points] = field(default_factory=list)
    hatches: list[Points] = field(default_factory=list)
    lines: list[Points] = field(default_factory=list)
    gaps: int = 0
    heights: int = 0

    @property
    def has_area(self) -> bool:
        return bool(self.rings or self.hatches)


def read_dxf(path: Path, layer: str | None = None) -> Drawing:
    """Read the rings of one layer of the model space; rings inside others are holes.

    Args:
        path: DXF file, text or binary.
        layer: Layer name; needed only where several layers hold closed figures.

    Raises:
        InputError: damaged, no closed figure, several layers, or lines that do not close.
    """
    from ezdxf.lldxf.const import DXFError

    try:
        document = _open(path)
        layers, blocks = _collect(document)
    except (DXFError, *_DAMAGE) as error:
        raise InputError(
            f"DXF 无法读取，可能已损坏或被截断（{type(error).__name__}）",
            file=path,
            mend="请在 CAD 中执行“核查”后另存为 DXF（2007 或更新版本）",
        ) from None
    name = _choose(layers, layer, blocks, path)
    drawing = layers[name]
    notices: list[str] = []
    rings = _rings(drawing, name, notices, path)
    rings = _in_metres(rings, int(document.header.get("$INSUNITS", 0)), notices)
    polygons, holes = polygons_from_rings(rings)
    if holes:
        notices.append(f"图层“{name}”中有 {holes} 个环位于其他环之内，按孔洞扣除")
    if drawing.gaps:
        notices.append(f"{drawing.gaps} 条多段线首尾相距不足 {_GAP_M} 米，已闭合")
    if drawing.heights:
        notices.append("图形带有高程（Z 值），已舍去，按二维图形处理")
    return Drawing(
        tuple(Plot(polygon, row=index) for index, polygon in enumerate(polygons, start=1)),
        notices=tuple(notices),
    )


def _open(path: Path) -> Any:
    """Open with the encoding that the bytes show, not the one that the header claims."""
    from ezdxf.filemanagement import readfile

    # Its warnings on damaged entities belong in a log, not on the terminal.
    logging.getLogger("ezdxf").addHandler(logging.NullHandler())
    content = path.read_bytes()
    try:
        return readfile(path, encoding=_encoding(content))
    except OSError as error:
        raise InputError(
            f"不是 DXF 文件（{error}）"[:200], file=path, mend="DWG 请先在 CAD 中另存为 DXF"
        ) from None


def _encoding(content: bytes) -> str | None:
    """Return the encoding to force, or None to trust the header (plain ASCII or binary DXF)."""
    if content.startswith(b"AutoCAD Binary DXF") or content.isascii():
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def _collect(document: Any) -> tuple[dict[str, _LayerDrawing], int]:
    """Sort the model space by layer; count block references, which are not opened."""
    from ezdxf.lldxf.encoding import decode_dxf_unicode

    layers: dict[str, _LayerDrawing] = defaultdict(_LayerDrawing)
    blocks = 0
    for entity in document.modelspace():
        kind = entity.dxftype()
        name = decode_dxf_unicode(str(entity.dxf.get("layer", "0")))
        if kind == "LWPOLYLINE":
            points = np.array(entity.lwpoints.values).reshape(-1, 5)[:, [0, 1, 4]]
            _add_polyline(layers[name], points, entity.closed, entity.ocs())
        elif kind == "POLYLINE" and (entity.is_2d_polyline or entity.is_3d_polyline):
            _add_old_polyline(layers[name], entity)
        elif kind in ("HATCH", "MPOLYGON"):
            layers[name].hatches += _hatch_rings(entity)
        elif kind in _CURVES:
            _add_curve(layers[name], entity)
        elif kind == "INSERT":
            blocks += 1
    return dict(layers), blocks


def _add_old_polyline(drawing: _LayerDrawing, entity: Any) -> None:
    vertices = [(v.dxf.location, float(v.dxf.get("bulge", 0.0))) for v in entity.vertices]
    if any(abs(location.z) > 1e-9 for location, _ in vertices):
        drawing.heights += 1
    ocs = entity.ocs() if entity.is_2d_polyline else None
    points = np.array([(location.x, location.y, bulge) for location, bulge in vertices])
    _add_polyline(drawing, points, entity.is_closed, ocs)


def _add_polyline(drawing: _LayerDrawing, points: Points, closed: bool, ocs: Any) -> None:
    """Densify the arcs of (n, 3) x, y, bulge and file the polyline under rings or lines."""
    if len(points) < 2:
        return
    gap = math.dist(points[0][:2], points[-1][:2])
    if not closed and len(points) > 2 and gap <= _GAP_M:
        drawing.gaps += gap > _SAME_POINT_M
        closed = True
    xy = densify(points, closed)
    xy = _to_world(xy, ocs)
    if closed and has_three_points(xy):
        drawing.rings.append(xy)
    elif not closed:
        drawing.lines.append(xy)


def _to_world(xy: Points, ocs: Any) -> Points:
    """Apply the object coordinate system (mirrored figures have their extrusion downwards)."""
    if ocs is None or not ocs.transform:
        return xy
    return np.array([(p.x, p.y) for p in ocs.points_to_wcs([(x, y, 0.0) for x, y in xy])])


def _add_curve(drawing: _LayerDrawing, entity: Any) -> None:
    from ezdxf import path as dxf_path

    curve = dxf_path.make_path(entity, segments=_BEZIERS)
    xy = flatten(curve)
    if len(xy) > 3 and math.dist(xy[0], xy[-1]) <= _SAME_POINT_M:
        drawing.rings.append(np.vstack([xy[:-1], xy[:1]]))
    elif len(xy) > 1:
        drawing.lines.append(xy)


def _hatch_rings(entity: Any) -> list[Points]:
    """Return the boundary paths of a hatch as rings."""
    from ezdxf import path as dxf_path

    rings = []
    ocs = entity.ocs()
    for boundary in entity.paths:
        if hasattr(boundary, "vertices"):
            xy = _to_world(densify(np.array(boundary.vertices), closed=True), ocs)
        else:
            xy = flatten(dxf_path.from_hatch_boundary_path(boundary, ocs))
            xy = np.vstack([xy, xy[:1]])
        if has_three_points(xy):
            rings.append(xy)
    return rings


def _choose(layers: dict[str, _LayerDrawing], asked: str | None, blocks: int, path: Path) -> str:
    """Choose the layer: the one asked for, or the only one with closed figures (else lines)."""
    if asked is not None:
        if asked not in layers:
            raise InputError(
                f"没有名为“{asked}”的图层，或其中没有线状图形；已有：{_listed(layers)}",
                file=path,
                layer=asked,
            )
        return asked
    names = [name for name, drawing in layers.items() if drawing.has_area]
    names = names or [name for name, drawing in layers.items() if drawing.lines]
    if len(names) == 1:
        return names[0]
    if names:
        raise InputError(
            f"有 {len(names)} 个图层含有图形：{_listed(names)}",
            file=path,
            mend="请用参数 layer 指明边界所在图层",
        )
    hint = f"；有 {blocks} 个图块，请先在 CAD 中炸开" if blocks else ""
    raise InputError(
        f"模型空间中没有闭合多段线、填充或线段{hint}", file=path, mend="请用闭合多段线绘制边界"
    )


def _listed(names: Iterable[str]) -> str:
    # A name that could not be decoded holds lone surrogates, which no terminal prints.
    return "、".join(n.encode("utf-8", "replace").decode("utf-8") for n in names) or "（无）"


def _rings(drawing: _LayerDrawing, name: str, notices: list[str], path: Path) -> list[Points]:
    """Take closed polylines, else hatches, else rings made of lines; drop repeated ones."""
    if drawing.has_area:
        rings = drawing.rings or drawing.hatches
        if drawing.lines:
            notices.append(f"忽略了图层“{name}”中 {len(drawing.lines)} 条未闭合的线")
    else:
        rings = _join(drawing.lines, name, path)
        notices.append(f"图层“{name}”没有闭合多段线，由 {len(drawing.lines)} 条线段连成边界")
    if sum(map(len, rings)) > MAX_VERTICES:
        raise InputError(f"顶点多于 {MAX_VERTICES} 个", file=path, mend="请概化后重试")
    unique = {shapely.Polygon(ring).normalize().wkb: ring for ring in rings}
    if len(unique) < len(rings):
        notices.append(f"图层“{name}”中有 {len(rings) - len(unique)} 个重复的环，只取一次")
    return list(unique.values())


def _join(lines: list[Points], name: str, path: Path) -> list[Points]:
    """Join lines at coinciding ends (to 0.1 mm) into closed rings.

    Raises:
        InputError: some line ends meet nothing; the place of one is told.
    """
    merged = shapely.line_merge(
        shapely.MultiLineString([shapely.LineString(np.round(line, 4)) for line in lines])
    )
    parts = shapely.get_parts(merged)
    for part in parts:
        if not part.is_closed:
            east, north = part.coords[0]
            raise InputError(
                f"图层“{name}”的线段没有连成闭合的环，断开处约在（{east:.3f}，{north:.3f}）",
                file=path,
                layer=name,
                mend="请在 CAD 中用闭合多段线（PEDIT 合并、BOUNDARY 生成）绘制边界",
            )
    return [shapely.get_coordinates(part) for part in parts]


def _in_metres(rings: list[Points], units: int, notices: list[str]) -> list[Points]:
    """Believe $INSUNITS only where it makes sense of the coordinates; CAD templates say 毫米."""
    factor = _UNITS_M.get(units)
    if factor is None or looks_metric(np.vstack(rings)):
        return rings
    if not looks_metric(np.vstack(rings) * factor):
        return rings
    notices.append(f"图形单位为{_UNIT_NAMES[units]}，坐标已换算为米")
    return [ring * factor for ring in rings]
