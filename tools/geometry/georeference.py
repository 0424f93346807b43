"""Decide which coordinate system a boundary's numbers stand in, and bring them into metres.

Evidence, strongest first: the caller's EPSG code, the zone prefix of the eastings, what the file
states. Evidence that contradicts is an error that names both sides; nothing is guessed where two
readings are possible. The result is always the 3° zone without prefix of the same central
meridian, reached from a projection by subtraction alone, so no written digit changes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.geometry.crs import (
    CGCS2000_GEOGRAPHIC,
    GEOGRAPHIC,
    METRIC_MEND,
    PREFIX_M,
    Zone,
    describe,
    geographic,
    reproject,
    zone_by_longitude,
    zone_by_number,
    zone_of,
)

CHINA_LONGITUDE = (73.0, 136.0)
CHINA_LATITUDE = (3.0, 54.0)
_EPSG_MEND = "请用参数 epsg 指明坐标系，例如 4547（CGCS2000 3 度带，中央经线 114°E，东坐标 6 位）"
_FAR_DEGREES = 2.0
"""Distance from the central meridian of a 3° zone above which the user is told."""
_TOO_FAR_DEGREES = 4.5
_MERCATOR_ZONES = (13, 14)
"""6° zone prefixes whose eastings also look like Web Mercator x of eastern China."""


@dataclass(frozen=True)
class Georeferenced:
    """Geometries in a 3° zone without prefix."""

    geometries: npt.NDArray[Any]
    epsg: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Box:
    """Least and greatest x and y."""

    x: tuple[float, float]
    y: tuple[float, float]

    def __str__(self) -> str:
        return f"x {self.x[0]:.10g}～{self.x[1]:.10g}，y {self.y[0]:.10g}～{self.y[1]:.10g}"


def georeference(
    geometries: npt.NDArray[Any],
    *,
    asked: int | None,
    stated: int | None,
    stated_by: str,
    file: object,
) -> Georeferenced:
    """Find the coordinate system and convert.

    Args:
        geometries: As drawn, x = east (or longitude) unless the axes are swapped.
        asked: The caller's EPSG code.
        stated: The file's EPSG code.
        stated_by: Where the file states it, for messages.
        file: Path, for messages.

    Raises:
        InputError: not finite, no or contradicting coordinate systems, outside China.
    """
    notices: list[str] = []
    if asked is not None and asked not in GEOGRAPHIC and zone_of(asked) is None:
        raise InputError(f"参数 epsg={asked} 不是 CGCS2000 坐标系", mend=_EPSG_MEND)
    box = _bounds(geometries, file)
    if _is_swapped(box):
        geometries = _swap(geometries)
        box = _Box(box.y, box.x)
        notices.append("坐标列次序与约定相反（第一列为北坐标），已按数值大小对调为先东后北")
    if asked is not None and stated is not None and not _same_system(asked, stated):
        notices.append(f"{stated_by}为 {describe(stated)}，与参数 epsg={asked} 不一致，按参数处理")
    epsg = asked if asked is not None else stated
    by = f"参数 epsg={asked}" if asked is not None else stated_by
    width = 3
    if _looks_like_degrees(box):
        geometries, zone = _from_degrees(geometries, box, epsg, by, notices, file)
    else:
        source = _zone_of_metres(box, epsg, by, file)
        # A 6° zone has the coordinates of the 3° zone on the same meridian.
        zone = Zone(3, source.central_meridian // 3, prefixed=False)
        width = source.width
        shift = source.false_easting_m - zone.false_easting_m
        if shift:
            geometries = _subtract(geometries, shift)
    _check_place(geometries, zone, width, notices, file)
    return Georeferenced(geometries, zone.epsg, tuple(notices))


def looks_metric(coordinates: npt.NDArray[np.float64]) -> bool:
    """Tell whether (n, 2) coordinates can be Gauss–Krüger metres, in either order of axes."""
    box = _box(coordinates)
    return any(
        _is_north(north) and (_is_east(east) or _is_prefixed(east))
        for east, north in ((box.x, box.y), (box.y, box.x))
    )


def _bounds(geometries: npt.NDArray[Any], file: object) -> _Box:
    coordinates = shapely.get_coordinates(geometries)
    if len(coordinates) == 0:
        raise InputError("边界为空", file=file, mend="请提供至少一个面")
    if not np.isfinite(coordinates).all():
        raise InputError("坐标中有非数值（NaN 或无穷大）", file=file, mend="请改正后重新导出")
    return _box(coordinates)


def _box(coordinates: npt.NDArray[np.float64]) -> _Box:
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    return _Box((float(low[0]), float(high[0])), (float(low[1]), float(high[1])))


def _is_north(span: tuple[float, float]) -> bool:
    return span[0] >= 4e5 and span[1] < 6.1e6


def _is_east(span: tuple[float, float]) -> bool:
    return span[0] >= 1e5 and span[1] < 1e6


def _is_prefixed(span: tuple[float, float]) -> bool:
    return span[0] >= 13e6 and span[1] < 46e6


def _is_within(span: tuple[float, float], limits: tuple[float, float]) -> bool:
    return limits[0] <= span[0] and span[1] <= limits[1]


def _is_swapped(box: _Box) -> bool:
    """Tell swapped axes where only one reading is possible."""
    if _is_within(box.y, CHINA_LONGITUDE) and _is_within(box.x, CHINA_LATITUDE):
        return True
    return box.x[0] >= 1e6 and _is_north(box.x) and (_is_prefixed(box.y) or _is_east(box.y))


def _swap(geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    swapped: npt.NDArray[Any] = shapely.transform(geometries, lambda xy: xy[:, ::-1])
    return swapped


def _subtract(geometries: npt.NDArray[Any], shift: float) -> npt.NDArray[Any]:
    """Take a zone prefix off the eastings.

    An easting of eight digits is held to 7e-9 m; rounding to 1e-8 m restores the float that the
    written digits have without the prefix, so the same boundary reads alike in every format.
    """

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack([np.round(xy[:, 0] - shift, 8), xy[:, 1]])

    moved: npt.NDArray[Any] = shapely.transform(geometries, move)
    return moved


def _looks_like_degrees(box: _Box) -> bool:
    return max(map(abs, (*box.x, *box.y))) <= 180


def _same_system(left: int, right: int) -> bool:
    if left in GEOGRAPHIC and right in GEOGRAPHIC:
        return True
    a, b = zone_of(left), zone_of(right)
    return a is not None and b is not None and a.central_meridian == b.central_meridian


def _from_degrees(
    geometries: npt.NDArray[Any],
    box: _Box,
    epsg: int | None,
    by: str,
    notices: list[str],
    file: object,
) -> tuple[npt.NDArray[Any], Zone]:
    """Project longitudes and latitudes to the 3° zone of their middle."""
    if not (_is_within(box.x, CHINA_LONGITUDE) and _is_within(box.y, CHINA_LATITUDE)):
        raise InputError(
            f"坐标既不是米制投影坐标，也不在我国经纬度范围内（{box}），可能是局部坐标",
            file=file,
            mend=METRIC_MEND,
        )
    if epsg is None:
        raise InputError(
            f"坐标是经纬度（单位：度；{box}），但文件没有写明坐标系，不能据以量算面积",
            file=file,
            mend="请用参数 epsg 指明（4490 为 CGCS2000 经纬度，4326 为 WGS 84 经纬度）；"
            + METRIC_MEND,
        )
    if epsg not in GEOGRAPHIC:
        raise InputError(
            f"{by}为 {describe(epsg)}（单位：米），但坐标是经纬度（单位：度；{box}）",
            file=file,
            mend="请核对坐标系与坐标是否来自同一套数据",
        )
    zone = zone_by_longitude(sum(box.x) / 2)
    assert zone is not None, "every longitude of China has a zone"
    moved = np.array([reproject(g, CGCS2000_GEOGRAPHIC, zone.epsg) for g in geometries])
    treated = (
        "" if epsg == CGCS2000_GEOGRAPHIC else "（按与 CGCS2000 一致处理，偏差一般在 1 米以内）"
    )
    notices.append(f"坐标由 {describe(epsg)}{treated}换算到 {describe(zone.epsg)}")
    return moved, zone


def _zone_of_metres(box: _Box, epsg: int | None, by: str, file: object) -> Zone:
    """Check metric coordinates against what is stated."""
    if epsg in GEOGRAPHIC:
        raise InputError(
            f"{by}为 {describe(epsg)}，但坐标不是经纬度（{box}）",
            file=file,
            mend="请核对坐标系与坐标是否来自同一套数据；" + _EPSG_MEND,
        )
    if not _is_north(box.y) or not (_is_east(box.x) or _is_prefixed(box.x)):
        raise InputError(
            f"坐标数值不像 CGCS2000 高斯-克吕格投影坐标（{box}）："
            "东坐标应为 6 位，或含带号的 8 位；北坐标应为 7 位（单位：米）",
            file=file,
            mend="请核对单位（毫米、公里）、坐标系（Web 墨卡托、局部坐标）与坐标列；" + METRIC_MEND,
        )
    stated = None if epsg is None else zone_of(epsg)
    return _zone_of_eastings(box, stated, by, file)


def _zone_of_eastings(box: _Box, stated: Zone | None, by: str, file: object) -> Zone:
    """Combine the prefix of the eastings with the stated zone."""
    if not _is_prefixed(box.x):
        if stated is None:
            raise InputError(
                f"东坐标为 6 位、不含带号（{box}），文件也没有写明坐标系，无法判断属于哪一带",
                file=file,
                mend=_EPSG_MEND,
            )
        return stated.plain
    first, last = int(box.x[0] // PREFIX_M), int(box.x[1] // PREFIX_M)
    if first != last:
        raise InputError(
            f"东坐标含有不同的带号 {first} 和 {last}", file=file, mend="请把全部坐标换算到同一带"
        )
    zone = zone_by_number(first, prefixed=True)
    if zone is None:
        raise InputError(
            f"东坐标前两位 {first} 不是我国的带号（3 度带 25～45，6 度带 13～23）",
            file=file,
            mend="请核对东坐标",
        )
    if stated is None and first in _MERCATOR_ZONES:
        raise InputError(
            f"东坐标（{box}）可能是 6 度带第 {first} 带，也可能是 Web 墨卡托投影，文件没有写明坐标系",
            file=file,
            mend=_EPSG_MEND,
        )
    if stated is not None and stated.central_meridian != zone.central_meridian:
        raise InputError(
            f"带号不一致：{by}对应第 {stated.number} 带（中央经线 {stated.central_meridian}°E），"
            f"而东坐标前两位是 {first}（中央经线 {zone.central_meridian}°E）",
            file=file,
            mend=f"请核对后改正；若以坐标为准，用参数 epsg={zone.epsg} 指明",
        )
    return zone


def _check_place(
    geometries: npt.NDArray[Any], zone: Zone, width: int, notices: list[str], file: object
) -> None:
    """Refuse places outside China or far from the zone; tell the user when it is somewhat far."""
    west, south, east, north = shapely.total_bounds(geometries)
    corners = [geographic(x, y, zone) for x in (west, east) for y in (south, north)]
    longitudes, latitudes = zip(*corners, strict=True)
    place = f"约东经 {sum(longitudes) / 4:.3f}°、北纬 {sum(latitudes) / 4:.3f}°"
    offset = max(abs(longitude - zone.central_meridian) for longitude in longitudes)
    inside = _is_within((min(longitudes), max(longitudes)), CHINA_LONGITUDE) and _is_within(
        (min(latitudes), max(latitudes)), CHINA_LATITUDE
    )
    if not inside or offset > _TOO_FAR_DEGREES:
        raise InputError(
            f"按 {describe(zone.epsg)} 解算，位置在{place}，"
            + ("超出该带的合理范围" if inside else "不在我国范围内"),
            file=file,
            mend="请核对带号与坐标",
        )
    if width == 3 and offset > _FAR_DEGREES:
        notices.append(
            f"边界（{place}）距第 {zone.number} 带中央经线 {zone.central_meridian}°E 达 "
            f"{offset:.1f}°，超出 3 度带的常用范围，请核对带号"
        )
