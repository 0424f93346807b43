"""Checks of single geometries: missing, wrong kind, invalid, raised, split, small, narrow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.quality_check.context import LayerContext
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check

TYPE_IDS = {"polygon": (3, 6), "line": (1, 2, 5), "point": (0, 4)}
TYPE_NAMES = {
    0: "点", 1: "线", 2: "线环", 3: "面", 4: "多点", 5: "多线", 6: "多面", 7: "几何集合",
}  # fmt: skip
_REASONS = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相接",
    "Hole lies outside shell": "孔洞位于外环之外",
    "Nested holes": "孔洞嵌套",
    "Nested shells": "部分互相嵌套",
    "Interior is disconnected": "内部被分割",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "某个环的点数不足",
    "Invalid Coordinate": "坐标不是数",
}


def usable(chunk: Chunk) -> npt.NDArray[np.bool_]:
    """Say which features have a geometry that is not empty."""
    if "usable" not in chunk.cache:
        chunk.cache["usable"] = ~(chunk.missing | chunk.broken | shapely.is_empty(chunk.geometries))
    mask: npt.NDArray[np.bool_] = chunk.cache["usable"]
    return mask


def valid(chunk: Chunk) -> npt.NDArray[np.bool_]:
    """Say which features are valid; computed once a chunk."""
    if "valid" not in chunk.cache:
        chunk.cache["valid"] = shapely.is_valid(chunk.geometries)
    mask: npt.NDArray[np.bool_] = chunk.cache["valid"]
    return mask


def of_kind(chunk: Chunk, kind: str) -> npt.NDArray[np.bool_]:
    """Say which features are of a kind: polygon, line or point."""
    return usable(chunk) & np.isin(shapely.get_type_id(chunk.geometries), TYPE_IDS[kind])


def hits(
    chunk: Chunk, context: LayerContext, chosen: npt.NDArray[Any] | int, message: str, **more: Any
) -> Iterator[Hit]:
    """Make a hit of every chosen feature (a mask, or one row), with its identifier and place."""
    ids = chunk.columns.get(context.pack.id_field)
    for row in (chosen,) if isinstance(chosen, int) else np.flatnonzero(chosen).tolist():
        hit = Hit(
            message,
            layer=context.name,
            fid=int(chunk.fids[row]),
            identifier="" if ids is None or ids[row] is None else str(ids[row]),
            **more,
        )
        geometry = chunk.geometries[row]
        yield hit if geometry is None or geometry.is_empty else hit.at(_place(geometry))


def _place(geometry: Any) -> Any:
    """Return a point of a geometry that may be invalid."""
    xy = shapely.get_coordinates(geometry)
    finite = xy[np.isfinite(xy).all(axis=1)]
    return shapely.Point(finite[0]) if len(finite) else shapely.Point()


@check("null_geometry", scope="features")
def null_geometry(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features without a geometry, and geometry that does not parse."""
    yield from hits(chunk, context, chunk.missing, "要素没有图形")
    yield from hits(chunk, context, chunk.broken, "图形数据无法解析")


@check("empty_geometry", scope="features")
def empty_geometry(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find geometries without any point."""
    empty = shapely.is_empty(chunk.geometries) & ~chunk.missing & ~chunk.broken
    yield from hits(chunk, context, empty, "图形为空")


@check("geometry_type", scope="features")
def geometry_type(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features of another kind than the layer's."""
    kinds = shapely.get_type_id(chunk.geometries)
    wrong = usable(chunk) & ~np.isin(kinds, TYPE_IDS[context.rule.geometry])
    for kind in np.unique(kinds[wrong]).tolist():
        name = TYPE_NAMES.get(kind, "其他")
        yield from hits(
            chunk,
            context,
            wrong & (kinds == kind),
            f"图形是{name}，与图层的几何类型不符",
            measured=name,
        )


@check("invalid_geometry", scope="features")
def invalid_geometry(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find polygons that are not valid (self-intersecting rings, wrong holes …)."""
    wrong = of_kind(chunk, "polygon") & ~valid(chunk)
    for row in np.flatnonzero(wrong):
        said = shapely.is_valid_reason(chunk.geometries[row])
        what, _, place = said.partition("[")
        hit = next(hits(chunk, context, int(row), ""))
        reason = _REASONS.get(what, what)
        x, y = _xy(place, hit)
        yield Hit(
            f"图形不合法：{reason}",
            layer=hit.layer, fid=hit.fid, identifier=hit.identifier, x=x, y=y, measured=reason,
        )  # fmt: skip


def _xy(place: str, hit: Hit) -> tuple[float | None, float | None]:
    """Return the place that GEOS names, else the feature's first point."""
    try:
        x, y = (float(part) for part in place.rstrip("]").split()[:2])
    except ValueError:
        return hit.x, hit.y
    return (x, y) if np.isfinite([x, y]).all() else (hit.x, hit.y)


@check("raised_geometry", scope="features")
def raised_geometry(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find geometries with Z or M values."""
    yield from hits(chunk, context, chunk.raised, "图形带高程（Z）或量测（M）值")


@check("multipart", scope="features")
def multipart(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features of several parts."""
    parts = shapely.get_num_geometries(chunk.geometries)
    for row in np.flatnonzero(usable(chunk) & (parts > 1)):
        mask = int(row)
        count = int(parts[row])
        yield from hits(
            chunk,
            context,
            mask,
            f"要素有 {count} 个部分",
            measured=f"{count} 部分",
            tolerance="1 部分",
        )


@check("small_area", scope="features", parameters=("min_area_m2",))
def small_area(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find polygons below an area (m², planar)."""
    least = float(parameters["min_area_m2"])
    areas = _areas(chunk)
    small = of_kind(chunk, "polygon") & valid(chunk) & (areas < least)
    for row in np.flatnonzero(small):
        yield from hits(
            chunk,
            context,
            int(row),
            f"图斑面积 {areas[row]:.4f} 平方米，小于 {least:g} 平方米",
            measured=f"{areas[row]:.4f} 平方米",
            tolerance=f"{least:g} 平方米",
        )


@check("narrow", scope="features", parameters=("min_width_m",))
def narrow(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find polygons whose smallest rectangle has a short side below a width.

    Twice the area over the outline never exceeds that side, which picks the candidates.
    """
    least = float(parameters["min_width_m"])
    areas, outlines = _areas(chunk), shapely.length(chunk.geometries)
    candidates = of_kind(chunk, "polygon") & valid(chunk) & (2 * areas <= least * outlines)
    for row in np.flatnonzero(candidates):
        width = _short_side(chunk.geometries[row])
        if width < least:
            yield from hits(
                chunk,
                context,
                int(row),
                f"狭长面：外接矩形短边 {width:.3f} 米，小于 {least:g} 米",
                measured=f"{width:.3f} 米",
                tolerance=f"{least:g} 米",
            )


def _areas(chunk: Chunk) -> npt.NDArray[np.float64]:
    if "planar" not in chunk.cache:
        chunk.cache["planar"] = shapely.area(chunk.geometries)
    areas: npt.NDArray[np.float64] = chunk.cache["planar"]
    return areas


def _short_side(geometry: Any) -> float:
    rectangle = shapely.minimum_rotated_rectangle(geometry)
    xy = shapely.get_coordinates(rectangle)
    if len(xy) < 4:
        return 0.0
    sides = np.hypot(*np.diff(xy[:3], axis=0).T)
    return float(sides.min())


@check("many_vertices", scope="features", parameters=("most",))
def many_vertices(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find geometries with more vertices than software can edit."""
    most = int(parameters["most"])
    counts = shapely.get_num_coordinates(chunk.geometries)
    for row in np.flatnonzero(counts > most):
        yield from hits(
            chunk,
            context,
            int(row),
            f"图形有 {counts[row]:,} 个节点，多于 {most:,} 个",
            measured=f"{counts[row]} 个",
            tolerance=f"{most} 个",
        )


@check("self_crossing_line", scope="features")
def self_crossing_line(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find lines that cross or touch themselves."""
    wrong = of_kind(chunk, "line") & ~shapely.is_simple(chunk.geometries)
    yield from hits(chunk, context, wrong, "线自相交")


@check("short_line", scope="features", parameters=("min_length_m",))
def short_line(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find lines below a length."""
    least = float(parameters["min_length_m"])
    lengths = shapely.length(chunk.geometries)
    for row in np.flatnonzero(of_kind(chunk, "line") & (lengths < least)):
        yield from hits(
            chunk,
            context,
            int(row),
            f"线长 {lengths[row]:.4f} 米，短于 {least:g} 米",
            measured=f"{lengths[row]:.4f} 米",
            tolerance=f"{least:g} 米",
        )
