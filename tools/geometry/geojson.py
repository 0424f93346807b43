"""Boundaries in GeoJSON (RFC 7946, and the older form with a `crs` member).

RFC 7946 says WGS 84 where no `crs` stands; files in use hold anything, so degrees without a stated
system are refused later (`georeference.py`) instead of believed.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from tools.geometry.boundary import MAX_PLOTS, MAX_VERTICES, Drawing, Plot, plot_from_attributes
from tools.geometry.crs import WGS84_GEOGRAPHIC, epsg_of_definition
from tools.geometry.decode import decode_text

_EPSG_NAME = re.compile(r"EPSG:{1,2}[\d.]*:?(\d{4,6})$", re.IGNORECASE)
_MEND = "请用 GIS 软件重新导出面状 GeoJSON"
_IGNORED = ("Point", "MultiPoint", "LineString", "MultiLineString")


class _Reader:
    """Collects plots and notices from one document."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.plots: list[Plot] = []
        self.ignored = self.unclosed = self.vertices = 0

    def error(self, message: str, row: int | None = None, mend: str = _MEND) -> InputError:
        return InputError(message, file=self.file, row=row, mend=mend)

    def add(self, node: Any, row: int, attributes: dict[str, Any]) -> None:
        """Add a geometry object's polygons as one plot."""
        polygons = self._polygons(node, row, depth=0)
        if polygons:
            geometry = polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
            self.plots.append(plot_from_attributes(geometry, attributes, row, self.file))
        if len(self.plots) > MAX_PLOTS:
            raise self.error(f"地块多于 {MAX_PLOTS} 个，不像项目边界", row)

    def _polygons(self, node: Any, row: int, depth: int) -> list[Polygon]:
        if node is None:
            self.ignored += 1
            return []
        if not isinstance(node, dict) or depth > 8:
            raise self.error("图形（geometry）结构不合规范", row)
        kind = node.get("type")
        if kind in _IGNORED:
            self.ignored += 1
            return []
        members = node.get("geometries" if kind == "GeometryCollection" else "coordinates")
        if not isinstance(members, list):
            raise self.error(f"图形类型“{kind}”缺少坐标", row)
        if kind == "Polygon":
            return [self._polygon(members, row)] if members else []
        if kind == "MultiPolygon":
            return [self._polygon(rings, row) for rings in members if rings]
        if kind == "GeometryCollection":
            return [p for member in members for p in self._polygons(member, row, depth + 1)]
        raise self.error(f"不认识的图形类型“{kind}”", row)

    def _polygon(self, rings: Any, row: int) -> Polygon:
        if not isinstance(rings, list):
            raise self.error("面的坐标应为环的数组", row)
        arrays = [self._ring(ring, row) for ring in rings]
        return Polygon(arrays[0], arrays[1:])

    def _ring(self, ring: Any, row: int) -> npt.NDArray[np.float64]:
        """Turn a ring into (n, 2) or (n, 3) floats, closed."""
        try:
            array = np.asarray(ring)
        except (ValueError, OverflowError):  # positions with and without height together
            try:
                array = np.asarray([position[:2] for position in ring])
            except (ValueError, TypeError, KeyError, OverflowError):
                array = np.empty(0)
        if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "if":
            raise self.error("环的坐标应为 [东, 北] 数字对的数组", row)
        array = array[:, :3].astype(np.float64)
        self.vertices += len(array)
        if self.vertices > MAX_VERTICES:
            raise self.error(f"顶点多于 {MAX_VERTICES} 个", mend="请概化或分块后重试")
        if not np.isfinite(array).all():
            raise self.error("坐标中有非数值（NaN 或无穷大）", row, mend="请改正后重新导出")
        if not np.array_equal(array[0], array[-1]):
            self.unclosed += 1
            array = np.vstack([array, array[:1]])
        if len(array) < 4:
            raise self.error("环少于三个不同的点，构不成面", row)
        return array


def read_geojson(path: Path, layer: str | None = None) -> Drawing:
    """Read the polygons of a GeoJSON file; each feature is a plot.

    Raises:
        InputError: not JSON, not GeoJSON, no polygon, or not a number.
    """
    reader = _Reader(path)
    document = _load(path, reader)
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise reader.error("FeatureCollection 缺少 features 数组")
    else:
        features = [document]
    for row, feature in enumerate(features, start=1):
        if not isinstance(feature, dict):
            raise reader.error("要素不是对象", row)
        if feature.get("type") == "Feature":
            properties = feature.get("properties")
            reader.add(
                feature.get("geometry"), row, properties if isinstance(properties, dict) else {}
            )
        else:
            reader.add(feature, row, {})
    if not reader.plots:
        raise reader.error("没有面状图形（Polygon、MultiPolygon），无法作为项目边界")
    notices = []
    if reader.ignored:
        notices.append(f"忽略了 {reader.ignored} 个点、线或空图形，只取面")
    if reader.unclosed:
        notices.append(f"{reader.unclosed} 个环没有首尾闭合，已补上闭合点")
    epsg = _stated_epsg(document.get("crs"), path)
    return Drawing(tuple(reader.plots), epsg, "文件的 crs 成员", tuple(notices))


def _load(path: Path, reader: _Reader) -> dict[str, Any]:
    def refuse_constant(name: str) -> Any:
        raise reader.error(f"坐标中有非数值 {name}", mend="请改正后重新导出")

    text = decode_text(path.read_bytes(), file=path)
    try:
        document = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise reader.error("不是完整的 JSON（文件可能被截断）", error.lineno) from None
    except RecursionError:
        raise reader.error("JSON 嵌套过深") from None
    except ValueError:
        raise reader.error("JSON 中的数字无法识别") from None
    if not isinstance(document, dict):
        raise reader.error("不是 GeoJSON（最外层应为对象）")
    return document


def _stated_epsg(member: Any, path: Path) -> int | None:
    """Read the `crs` member of the 2008 form, which Chinese GIS software still writes."""
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = (properties or {}).get("name") or (properties or {}).get("code")
    if name is None:
        raise InputError(
            "crs 成员没有写明坐标系名称", file=path, field="crs", mend="请用参数 epsg 指明坐标系"
        )
    text = str(name).strip()
    if text.upper().endswith("CRS84"):
        return WGS84_GEOGRAPHIC
    match = _EPSG_NAME.search(text)
    code = match.group(1) if match else text if text.isdigit() else None
    return epsg_of_definition(f"EPSG:{code}" if code else text, file=path)


def geometry_object(geometry: BaseGeometry) -> dict[str, Any]:
    """Return a two-dimensional (Multi)Polygon as a GeoJSON geometry object, much faster than `mapping`."""
    polygons = [
        [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(polygon)]
        for polygon in shapely.get_parts(geometry)
    ]
    if isinstance(geometry, Polygon):
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}
