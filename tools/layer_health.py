"""Health of a layer's features: what a check must know before it believes them.

Knows features, fields and units; refuses nothing but reports with layer, feature and field. Where a
layer lies is `tools.layer_placement`'s question.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.schemas.spatial import LayerSpec
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import Features

UNITS_M2 = {"m2": 1.0, "ha": 10_000.0, "mu": 10_000.0 / 15.0}
UNIT_TITLES = {"m2": "平方米", "ha": "公顷", "mu": "亩"}
UNIT_TOLERANCE = 0.03
"""A stated area that differs so little from the computed one is taken to be in that unit."""
MOST_COMPARED = 200
SLIVER_WIDTH_M = 0.01
"""A polygon that is narrower on average than this has no width."""
MOST_NAMED = 5

_POLYGONS = (int(shapely.GeometryType.POLYGON), int(shapely.GeometryType.MULTIPOLYGON))
_LINES = (
    int(shapely.GeometryType.LINESTRING),
    int(shapely.GeometryType.LINEARRING),
    int(shapely.GeometryType.MULTILINESTRING),
)
_WANTED = {"polygon": _POLYGONS, "line": _LINES}
_KINDS = {"polygon": "面", "line": "线"}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with features of a layer."""

    kind: str
    """mixed_type, empty, no_width, invalid, duplicate_id, area_unit, no_geometry, no_index or no_scheme."""
    layer: str
    """Title of the layer and its name, as users know it."""
    message: str
    """What is wrong and what was done, without the layer."""
    fids: tuple[int, ...] = ()
    field: str | None = None

    def sentence(self) -> str:
        """Say layer, features and field in one sentence."""
        field = f"字段 {self.field} " if self.field else ""
        return f"图层“{self.layer}”{field}{self.message}{named(self.fids)}。"


def named(fids: Iterable[int]) -> str:
    """List features for a reader, the first few of them."""
    known = sorted(set(fids))
    if not known:
        return ""
    shown = "、".join(str(fid) for fid in known[:MOST_NAMED])
    return f"（fid {shown}{f' 等 {len(known)} 个' if len(known) > MOST_NAMED else ''}）"


def label(spec: LayerSpec) -> str:
    """Name a layer as findings do."""
    return f"{spec.title}（{spec.name}）"


def check_window(spec: LayerSpec, features: Features) -> list[Finding]:
    """Check the features that were read near a project, or of a whole layer chunk by chunk."""
    if not len(features):
        return []
    return [
        *_check_types(spec, features),
        *_check_width(spec, features),
        *_check_ids(spec, features),
        *_check_unit(spec, features),
    ]


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join findings that say the same of several windows."""
    by_text: dict[tuple[str, str, str, str | None], dict[int, None]] = {}
    for finding in findings:
        key = (finding.kind, finding.layer, finding.message, finding.field)
        by_text.setdefault(key, {}).update(dict.fromkeys(finding.fids))
    return tuple(
        Finding(kind, layer, message, tuple(fids), field)
        for (kind, layer, message, field), fids in by_text.items()
    )


def _check_types(spec: LayerSpec, features: Features) -> list[Finding]:
    """Find features of another geometry type than the layer's, and empty ones."""
    wanted = _WANTED.get(spec.geometry)
    if wanted is None:
        return []
    empty = shapely.is_empty(features.geometries)
    wrong = ~np.isin(shapely.get_type_id(features.geometries), wanted) & ~empty
    found = []
    if wrong.any():
        kind = _KINDS[spec.geometry]
        message = f"混有不是{kind}的图形，其中不是{kind}的部分未参与计算，请修正源数据"
        found.append(Finding("mixed_type", label(spec), message, _fids(features, wrong)))
    if empty.any():
        message = "有空图形，未参与计算，请修正源数据"
        found.append(Finding("empty", label(spec), message, _fids(features, empty)))
    return found


def _check_width(spec: LayerSpec, features: Features) -> list[Finding]:
    """Find polygons without width: area so small for their outline that it is a doubled line."""
    if spec.geometry != "polygon":
        return []
    areas, outlines = shapely.area(features.geometries), shapely.length(features.geometries)
    areal = np.isin(shapely.get_type_id(features.geometries), _POLYGONS) & (outlines > 0)
    narrow = areal & (2 * areas < SLIVER_WIDTH_M * outlines)
    narrow[narrow] = shapely.is_valid(features.geometries[narrow])  # a bow-tie is something else
    if not narrow.any():
        return []
    message = f"有宽度不足 {SLIVER_WIDTH_M * 100:g} 厘米的狭长图形，请检查是否为拓扑碎屑"
    return [Finding("no_width", label(spec), message, _fids(features, narrow))]


def _check_ids(spec: LayerSpec, features: Features) -> list[Finding]:
    """Find identifiers that several features share."""
    if features.ids is None or len(set(features.ids.tolist())) == len(features.ids):
        return []
    _, which, count = np.unique(features.ids, return_inverse=True, return_counts=True)
    shared = (count > 1)[which] & (features.ids != "")
    if not shared.any():
        return []
    message = f"有重复的标识码（如 {features.ids[shared][0]}），不影响面积，请修正源数据"
    return [Finding("duplicate_id", label(spec), message, _fids(features, shared), spec.id_field)]


def _check_unit(spec: LayerSpec, features: Features) -> list[Finding]:
    """Compare stated areas with computed ones: another unit shows in a constant ratio."""
    if features.stated_areas is None or spec.geometry != "polygon":
        return []
    usable = np.flatnonzero(
        (features.stated_areas > 0)
        & np.isin(shapely.get_type_id(features.geometries), _POLYGONS)
        & (shapely.area(features.geometries) > 1.0)
    )[:MOST_COMPARED]
    if not len(usable):
        return []
    computed = ellipsoidal_areas_m2(features.geometries[usable], spec.epsg)
    stated_in = guess_unit(features.stated_areas[usable], computed)
    if stated_in is None or stated_in == spec.area_unit:
        return []
    ratio = UNITS_M2[spec.area_unit] / UNITS_M2[stated_in]
    message = (
        f"的面积像是{UNIT_TITLES[stated_in]}而不是目录所写的{UNIT_TITLES[spec.area_unit]}"
        f"（与椭球面积相差 {ratio:g} 倍），本次按图形计算，请核对单位"
    )
    return [Finding("area_unit", label(spec), message, _fids(features, usable), spec.area_field)]


def guess_unit(stated: npt.NDArray[np.float64], computed_m2: npt.NDArray[np.float64]) -> str | None:
    """Return the unit in which stated areas agree with computed ones, or None.

    The median decides: single wrong areas are another matter.
    """
    ratio = float(np.median(stated / computed_m2))
    for unit, square_metres in UNITS_M2.items():
        if abs(ratio * square_metres - 1.0) <= UNIT_TOLERANCE:
            return unit
    return None


def _fids(features: Features, chosen: npt.NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(fid) for fid in features.fids[chosen])
