"""What a boundary file holds: as drawn (file coordinates) and as read (valid, metric, 2D)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_VERTICES = 500_000
"""Of a boundary: ten times that takes minutes to intersect, and no project is drawn so finely."""
MAX_PLOTS = 20_000

_NAMES = ("DKMC", "地块名称", "XMMC", "项目名称", "名称", "name", "NAME")
_NUMBERS = ("DKBH", "地块编号", "编号", "number", "BSM")
_USES = ("DKYT", "地块用途", "用途", "use")
_AREAS = ("DKMJ", "地块面积", "area_ha")
_UNITS_HA = {
    "": 1.0,
    "公顷": 1.0,
    "ha": 1.0,
    "hm2": 1.0,
    "hm²": 1.0,
    "㎡": 1e-4,
    "m2": 1e-4,
    "m²": 1e-4,
    "平方米": 1e-4,
    "平米": 1e-4,
    "亩": 1 / 15,
    "平方公里": 100.0,
    "km2": 100.0,
    "km²": 100.0,
}
_AREA = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([^\d\s]*[2²]?)\s*")


@dataclass(frozen=True)
class BoundaryParcel:
    """One plot (地块) of a boundary, valid and two-dimensional, in the boundary's EPSG."""

    name: str
    number: str
    use: str
    declared_area_ha: float | None
    """Area written in the file; never used for a result."""
    geometry: Polygon | MultiPolygon


@dataclass(frozen=True)
class Boundary:
    """A project boundary, ready for analysis."""

    name: str
    geometry: Polygon | MultiPolygon
    """Union of the plots: valid, 2D, x = east and y = north in metres."""
    epsg: int
    """CGCS2000 3° zone whose eastings carry no zone prefix (EPSG:4534–4554)."""
    parcels: tuple[BoundaryParcel, ...]
    source: Path
    sha256: str
    """Hex digest of the file (of all its parts for a Shapefile)."""
    notices: tuple[str, ...]
    """What was repaired, converted or noticed, in Chinese, for the user."""


@dataclass(frozen=True)
class Plot:
    """One plot as drawn: file coordinates, possibly invalid, possibly 3D."""

    geometry: BaseGeometry
    name: str = ""
    number: str = ""
    use: str = ""
    declared_area_ha: float | None = None
    row: int | None = None
    """Line or feature it starts at, 1-based."""


@dataclass(frozen=True)
class Drawing:
    """A boundary file as drawn."""

    plots: tuple[Plot, ...]
    epsg: int | None = None
    """What the file states; None when it states nothing."""
    stated_by: str = ""
    """Where it states so, e.g. 文件头“带号=38”."""
    notices: tuple[str, ...] = ()


def plot_from_attributes(
    geometry: BaseGeometry, attributes: Mapping[str, Any], row: int, file: object
) -> Plot:
    """Build a plot from a feature's attributes by their usual names."""

    def text(keys: tuple[str, ...]) -> str:
        for key in keys:
            value = attributes.get(key, attributes.get(_cut(key)))
            if value is not None and str(value).strip() not in ("", "nan", "None"):
                return str(value).strip()
        return ""

    area = text(_AREAS)
    return Plot(
        geometry,
        name=text(_NAMES),
        number=text(_NUMBERS),
        use=text(_USES),
        declared_area_ha=parse_area_ha(area, file=file, row=row, field="DKMJ") if area else None,
        row=row,
    )


def _cut(name: str) -> str:
    """Return a name as a Shapefile in UTF-8 holds it: ten bytes, no half character."""
    return name.encode("utf-8")[:10].decode("utf-8", "ignore")


def parse_area_ha(text: str, *, file: object, row: int, field: str) -> float | None:
    """Parse an area in hectares, with or without its unit, e.g. "0.7655公顷"; empty is None.

    Raises:
        InputError: no number, or an unknown unit.
    """
    if not text.strip():
        return None
    match = _AREA.fullmatch(text)
    factor = _UNITS_HA.get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        raise InputError(
            f"面积“{text.strip()[:40]}”无法识别",
            file=file,
            row=row,
            field=field,
            mend="面积应写作以公顷为单位的数字，例如 0.7655",
        )
    return float(match.group(1)) * factor
