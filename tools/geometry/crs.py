"""CGCS2000 coordinate systems: zones and EPSG codes, and the guard against degrees.

Sources: EPSG registry (checked against pyproj in the tests); GB/T 17278-2009 for the zones.
The numbers of 3° zones over China (25–45) and of 6° zones (13–23) do not overlap, so the prefix of
an easting alone tells the width of the zone.
"""

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from tools.geometry.ellipsoid import (
    BETA,
    DELTA,
    FALSE_EASTING_M,
    RECTIFYING_RADIUS_M,
)

CGCS2000_GEOGRAPHIC = 4490
WGS84_GEOGRAPHIC = 4326
GEOGRAPHIC = (CGCS2000_GEOGRAPHIC, WGS84_GEOGRAPHIC)
PREFIX_M = 1_000_000.0
"""An easting with zone prefix is zone·10⁶ + 500 km + distance from the central meridian."""
METRIC_MEND = (
    "请先转换到 CGCS2000 高斯-克吕格投影（单位：米），例如中央经线 114°E 的 3 度带 EPSG:4547"
)
OTHER_DATUM_MEND = "不同基准之间需要当地转换参数，本系统不代为换算；请由测绘单位转换到 2000 国家大地坐标系（CGCS2000）后再用"

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
    if epsg == WGS84_GEOGRAPHIC:
        return "WGS 84 经纬度（EPSG:4326，单位：度）"
    if epsg == 3857:
        return "Web 墨卡托投影（EPSG:3857）"
    return f"EPSG:{epsg}"


def geographic(east: float, north: float, zone: Zone) -> tuple[float, float]:
    """Invert one point to longitude and latitude in degrees (to 1e-11; no library is loaded)."""
    zeta = complex(north, east - zone.false_easting_m) / RECTIFYING_RADIUS_M
    conformal = zeta - sum(b * cmath.sin(2 * j * zeta) for j, b in enumerate(BETA, start=1))
    isometric = cmath.atanh(cmath.sin(conformal))
    chi = math.atan(math.sinh(isometric.real))
    latitude = chi + sum(d * math.sin(2 * j * chi) for j, d in enumerate(DELTA, start=1))
    return zone.central_meridian + math.degrees(isometric.imag), math.degrees(latitude)


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


def epsg_of_definition(definition: str, *, file: object = None, layer: str | None = None) -> int:
    """Return the EPSG code of a coordinate system definition (an authority code or WKT).

    CGCS2000 systems are told by datum, central meridian and false easting, because the names in
    `.prj` files vary. A 6° zone without prefix has the same coordinates as the 3° zone of its
    central meridian, whose code is returned.

    Raises:
        InputError: unreadable, another datum (西安80, 北京54, …) or another projection.
    """
    code = definition.removeprefix("EPSG:")
    if code.isdigit() and (int(code) in GEOGRAPHIC or zone_of(int(code)) is not None):
        return int(code)

    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(definition)
    except CRSError:
        raise InputError(
            "坐标系定义无法识别",
            file=file,
            layer=layer,
            mend=f"请用参数 epsg 指明坐标系；{METRIC_MEND}",
        ) from None
    zone = _zone_of_crs(crs)
    if zone is not None:
        return zone.epsg
    datum = _datum(crs)
    if crs.is_geographic and datum in ("CGCS2000", "WGS 84"):
        return CGCS2000_GEOGRAPHIC if datum == "CGCS2000" else WGS84_GEOGRAPHIC
    raise InputError(
        f"坐标系是“{crs.name}”（基准 {datum}），不是 CGCS2000 的 3 度带或 6 度带投影",
        file=file,
        layer=layer,
        mend=OTHER_DATUM_MEND if datum not in ("CGCS2000", "WGS 84") else METRIC_MEND,
    )


def _datum(crs: Any) -> str:
    """Name the datum: CGCS2000, WGS 84, 1980西安坐标系, 1954北京坐标系, or as it stands."""
    geodetic = crs.geodetic_crs or crs
    name = f"{geodetic.name} {geodetic.datum.name if geodetic.datum else ''}"
    folded = name.replace("_", " ").lower()
    for label, words in (
        ("CGCS2000", ("cgcs2000", "china 2000", "china geodetic coordinate system 2000")),
        ("1980西安坐标系", ("xian 1980", "xian80", "xian 80")),
        ("1954北京坐标系", ("beijing 1954", "beijing54", "beijing 54")),
        ("WGS 84", ("wgs 84", "wgs 1984", "wgs84", "world geodetic system 1984")),
    ):
        if any(word in folded for word in words):
            return label
    return name.strip()


def _zone_of_crs(crs: Any) -> Zone | None:
    """Return the zone when a CRS is a CGCS2000 transverse Mercator on a standard meridian."""
    if not crs.is_projected or _datum(crs) != "CGCS2000":
        return None
    code = crs.to_epsg()
    if code is not None and zone_of(code) is not None:
        return zone_of(code)
    values = {p.name.lower(): p.value for p in crs.coordinate_operation.params}
    units = {axis.unit_name.lower() for axis in crs.axis_info}

    def value(word: str, default: float) -> float:
        return next((float(v) for name, v in values.items() if word in name), default)

    if units - {"metre", "meter"} or value("scale factor", 1.0) != 1.0:
        return None
    if value("false northing", 0.0) or value("latitude of natural origin", 0.0):
        return None
    meridian, false_easting = value("longitude of natural origin", -1.0), value("false easting", 0)
    number, rest = divmod(false_easting, PREFIX_M)
    if rest != FALSE_EASTING_M or meridian % 3:
        return None
    zone = zone_by_number(int(number), prefixed=True) if number else zone_by_longitude(meridian)
    return zone if zone is not None and zone.central_meridian == meridian else None
