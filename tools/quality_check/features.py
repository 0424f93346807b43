"""Layers as their files declare them, and features in chunks.

Unlike `tools.geopackage`, nothing is left out or refused: a missing, broken or three-dimensional
geometry is what the check is after.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.geometry.crs import epsg_of_definition


@dataclass(frozen=True)
class FieldInfo:
    """A field as the file declares it."""

    name: str
    type: str
    """text, integer, number, date or other."""
    length: int | None
    """Declared most characters; None where the file does not say."""


@dataclass(frozen=True)
class LayerFile:
    """A vector layer in a file."""

    file: Path
    name: str
    geometry_type: str
    """Upper case, as declared, e.g. MULTIPOLYGON or UNKNOWN."""
    fields: tuple[FieldInfo, ...]
    epsg: int | None
    """Of the plane coordinates; None when not declared or not a CGCS2000 system."""
    crs_problem: str
    """Why `epsg` is None, for a reader."""
    height_epsg: int | None
    features: int
    key: str = ""
    geometry_column: str = ""
    encoding: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(info.name for info in self.fields)


@dataclass
class Chunk:
    """Features of a layer: parallel arrays, one element a feature."""

    fids: npt.NDArray[np.int64]
    geometries: npt.NDArray[np.object_]
    """Two-dimensional; None where there is none or it does not parse."""
    missing: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]
    raised: npt.NDArray[np.bool_]
    """Whether the geometry carries Z or M."""
    columns: dict[str, list[Any]]
    cache: dict[str, Any] = field(default_factory=dict)
    """What several checks compute once."""

    def __len__(self) -> int:
        return len(self.fids)


def make_chunk(
    fids: npt.NDArray[np.int64], wkb: npt.NDArray[Any], columns: dict[str, list[Any]]
) -> Chunk:
    """Parse geometries whatever they are like; Z and M are noted and dropped."""
    missing = np.array([blob is None for blob in wkb], dtype=bool)
    try:
        with np.errstate(invalid="ignore"):
            geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    except (NotImplementedError, TypeError):
        geometries = np.array([_one(blob) for blob in wkb] + [None], dtype=object)[:-1]
    none = np.array([g is None for g in geometries], dtype=bool)
    raised = shapely.has_z(geometries) | shapely.has_m(geometries)
    if raised.any():
        geometries[raised] = shapely.force_2d(geometries[raised])
    return Chunk(fids, geometries, missing, none & ~missing, raised, columns)


def _one(blob: bytes | None) -> Any:
    try:
        return shapely.from_wkb(blob, on_invalid="ignore")
    except (NotImplementedError, TypeError):
        return None


def declared_systems(definition: str | None) -> tuple[int | None, int | None, str]:
    """Return the plane system, the height system, and what is wrong with the plane one."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if not definition or "undefined" in definition.lower():
        return None, None, "没有定义坐标系"
    height = None
    try:
        crs = CRS.from_user_input(definition)
        if crs.is_compound:
            vertical = crs.sub_crs_list[1].to_epsg(min_confidence=70)
            height = int(vertical) if vertical else None
            definition = crs.sub_crs_list[0].to_wkt()
        else:
            definition = crs.to_wkt()
    except CRSError:
        return None, None, "坐标系定义无法识别"
    try:
        return epsg_of_definition(definition), height, ""
    except InputError as error:
        return None, height, error.message
