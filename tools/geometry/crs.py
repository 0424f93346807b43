"""CGCS2000 coordinate systems: zones and EPSG codes, and the guard against degrees.

Sources: EPSG registry (checked against pyproj in the tests); GB/T 17278-2009 for the zones.
The numbers of 3° zones over China (25–45) and of 6° zones (13–23) do not overlap, so the prefix of
an easting alone tells the width of the zone.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from tools.geometry.ellipsoid import FALSE_EASTING_M

CGCS2000_GEOGRAPHIC = 4490
PREFIX_M = 1_000_000.0
"""An easting with zone prefix is zone·10⁶ + 500 km + distance from the central meridian."""
METRIC_MEND = (
    "请先转换到 CGCS2000 高斯-克吕格投影（单位：米），例如中央经线 114°E 的 3 度带 EPSG:4547"
)

# First zone, last zone, EPSG of the first with prefix, EPSG of the first without.
_FAMILIES = {3: (25, 45, 4513, 4534), 6: (13, 23, 4491, 4502)}


@dataclass(frozen=True)
class Zone:
    """A CGCS2000 Gauss–Krüger zone."""

    width: int
    """Degrees: 3 or 6."""
    number: int
    prefixed: bool
    """Whether eastings start with the zone number."""

    @property
    def central_meridian(self) -> int:
        """Degrees east."""
        return 3 * self.number if self.width == 3 else 6 * self.number - 3

    @property
    def false_easting_m(self) -> float:
        """Easting of the central meridian."""
        return FALSE_EASTING_M + (self.number * PREFIX_M if self.prefixed else 0.0)

    @property
    def epsg(self) -> int:
        """EPSG code."""
        first, _, prefixed, plain = _FAMILIES[self.width]
        return (prefixed if self.prefixed else plain) + self.number - first

    @property
    def plain(self) -> "Zone":
        """The same zone with eastings of six digits."""
        return Zone(self.width, self.number, prefixed=False)


def zone_numbers(width: int) -> range:
    """List the zone numbers over China for a width of 3 or 6 degrees."""
    first, last, _, _ = _FAMILIES[width]
    return range(first, last + 1)


def zone_of(epsg: int) -> Zone | None:
    """Return the zone of an EPSG code, or None when it is no CGCS2000 projection."""
    for width, (first, last, prefixed, plain) in _FAMILIES.items():
        for base, has_prefix in ((prefixed, True), (plain, False)):
            if base <= epsg <= base + last - first:
                return Zone(width, epsg - base + first, has_prefix)
    return None


def zone_by_number(number: int, *, prefixed: bool) -> Zone | None:
    """Return the zone that a zone number (带号) names; the number also tells the width."""
    for width in _FAMILIES:
        if number in zone_numbers(width):
            return Zone(width, number, prefixed)
    return None


def zone_by_longitude(longitude: float) -> Zone | None:
    """Return the 3° zone without prefix that holds a longitude in degrees east."""
    number = math.floor((longitude + 1.5) / 3)
    return Zone(3, number, prefixed=False) if number in zone_numbers(3) else None


def require_metric(epsg: int) -> Zone:
    """Return the zone of a CGCS2000 projection in metres.

    Raises:
        InputError: degrees, another datum or another projection.
    """
    zone = zone_of(epsg)
    if zone is None:
        raise InputError(
            f"此处需要以米为单位的 CGCS2000 投影坐标系，给出的是 {describe(epsg)}", mend=METRIC_MEND
        )
    return zone


def describe(epsg: int) -> str:
    """Describe a coordinate system in Chinese, e.g. for messages and map captions."""
    zone = zone_of(epsg)
    if zone is not None:
        prefix = "东坐标含带号" if zone.prefixed else "东坐标不含带号"
        return (
            f"CGCS2000 {zone.width} 度带高斯-克吕格投影，第 {zone.number} 带，"
            f"中央经线 {zone.central_meridian}°E，{prefix}（EPSG:{epsg}）"
        )
    if epsg == CGCS2000_GEOGRAPHIC:
        return "CGCS2000 经纬度（EPSG:4490，单位：度）"
    if epsg == 4326:
        return "WGS 84 经纬度（EPSG:4326，单位：度）"
    if epsg == 3857:
        return "Web 墨卡托投影（EPSG:3857）"
    return f"EPSG:{epsg}"


@lru_cache(maxsize=64)
def _transformer(from_epsg: int, to_epsg: int) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(from_epsg, to_epsg, always_xy=True)


def reproject(geometry: BaseGeometry, from_epsg: int, to_epsg: int) -> BaseGeometry:
    """Transform a geometry; x is always east or longitude.

    Between the two forms of one zone the prefix is added or subtracted, so nothing is rounded.

    Raises:
        InputError: the coordinates cannot be transformed.
    """
    if from_epsg == to_epsg:
        return geometry
    source, target = zone_of(from_epsg), zone_of(to_epsg)
    if source and target and source.plain == target.plain:
        shift = target.false_easting_m - source.false_easting_m
        return shapely.transform(geometry, lambda xy: xy + np.array([shift, 0.0]))

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, y = _transformer(from_epsg, to_epsg).transform(xy[:, 0], xy[:, 1])
        return np.column_stack([x, y])

    moved = shapely.transform(geometry, move)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InputError(
            f"坐标无法从 {describe(from_epsg)} 转换到 {describe(to_epsg)}",
            mend="请核对坐标系是否填写正确",
        )
    return moved
