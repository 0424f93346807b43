"""Take the features of one layer: clip, filter, desensitise, measure."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerSpec
from tools.base_data.desensitise import Withheld, generalise, reader_columns, rounded_places
from tools.base_data.filters import CODE, Filter, matches
from tools.compliance.overlay import Cutter, mended
from tools.compliance.patches import NOISE_M2
from tools.compliance.zones import zone_name
from tools.feature_table import columns_of, read_table
from tools.geometry.area import M2_PER_HA, ellipsoidal_areas_m2
from tools.operators.functions.overlay import of_dimension

AREA_FIELD = "AREA_HA"
MOST_VERTICES = 30_000_000
_DIMENSIONS = {"point": 0, "line": 1, "polygon": 2}


@dataclass
class Taken:
    """Features of one layer as they are exported; parallel lists, one element a feature."""

    spec: LayerSpec
    geometries: npt.NDArray[Any]
    columns: dict[str, list[Any]]
    codes: npt.NDArray[np.str_]
    names: dict[str, str]
    """Name by code."""
    areas_m2: npt.NDArray[np.float64]
    """Ellipsoidal, before places are rounded; 0 for lines and points."""
    exact: npt.NDArray[Any]
    """Geometries before places are rounded."""
    cut: int
    """Features that the area's edge cuts."""
    withheld: tuple[Withheld, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.geometries)


def take(
    spec: LayerSpec,
    folder: Path,
    area: BaseGeometry | None,
    *,
    clearance: Secrecy,
    where: tuple[Filter, ...] = (),
    codes: tuple[str, ...] = (),
    dropped: tuple[str, ...] = (),
    round_m: float | None = None,
    max_features: int,
) -> Taken:
    """Take the features of a vector layer.

    Args:
        spec: A layer that the reader may have.
        folder: Folder of the catalogue.
        area: Valid (Multi)Polygon in `spec.epsg`; None for all.
        clearance: Level of the reader.
        where: All of these must hold.
        codes: Code prefixes of which one must hold; empty for all.
        dropped: Columns that are left out.
        round_m: Grid to which vertices are moved, metres.
        max_features: More are refused.

    Raises:
        InputError: a field that is not there or may not be read, a code of another scheme, or too
            many features.
    """
    columns = columns_of(spec, folder)
    kept, levels, withheld = reader_columns(spec, columns, clearance, dropped)
    conditions = _conditions(spec, where, codes, tuple(c for c in kept if c not in levels))
    reading = tuple(dict.fromkeys([*kept, *([spec.code_field] if spec.code_field else [])]))
    counted = (
        spec.code_field is not None and spec.code_field in kept and spec.code_field not in levels
    )
    cutter = None if area is None else Cutter(area)
    shapes: list[Any] = []
    values: dict[str, list[Any]] = {column: [] for column in reading}
    fids: list[int] = []
    cut = vertices = 0
    for window in read_table(spec, folder, area, reading):
        keep = np.ones(len(window), dtype=bool)
        for condition in conditions:
            keep &= matches(condition, window.columns[condition.field], spec, window.fids)
        chosen = np.flatnonzero(keep)
        pieces, _ = mended(window.geometries[chosen])
        if cutter is not None:
            whole, pieces = pieces, _inside(cutter, spec, pieces)
            cut += int(
                sum(p is not None and not p.equals(w) for p, w in zip(pieces, whole, strict=True))
            )
        there = shapely.get_dimensions(pieces) == _DIMENSIONS[spec.geometry]
        there &= ~shapely.is_empty(pieces)
        if spec.geometry == "polygon":
            there &= shapely.area(pieces) >= NOISE_M2
        chosen, pieces = chosen[there], pieces[there]
        shapes.extend(pieces)
        fids.extend(window.fids[chosen].tolist())
        vertices += int(shapely.get_num_coordinates(pieces).sum())
        for column in reading:
            values[column].extend(window.columns[column][i] for i in chosen.tolist())
        if len(shapes) > max_features or vertices > MOST_VERTICES:
            raise InputError(
                f"图层“{spec.title}”的要素超过 {max_features} 个或顶点超过 {MOST_VERTICES} 个",
                file=spec.path,
                layer=spec.name,
                mend="缩小范围、加筛选条件，或分乡镇导出；确需更多时提高 max_features",
            )
    exact = np.empty(len(shapes), dtype=object)
    exact[:] = shapes
    areal = spec.geometry == "polygon"
    areas = ellipsoidal_areas_m2(exact, spec.epsg) if areal else np.zeros(len(exact))
    found = (
        [str(v or "").strip() for v in values[spec.code_field]]
        if counted and spec.code_field
        else []
    )
    code_of = np.array(found or [""] * len(exact), dtype=np.str_)
    names = _names(spec, values, code_of, fids) if counted else {}
    out: dict[str, list[Any]] = {
        c: generalise(levels[c], values[c]) if c in levels else values[c] for c in kept
    }
    if areal and AREA_FIELD not in out:
        out[AREA_FIELD] = [round(a / M2_PER_HA, 4) for a in areas.tolist()]
    geometries = exact
    if round_m is not None:
        geometries = rounded_places(exact, round_m)
        there = ~shapely.is_empty(geometries)
        if not there.all():
            said = Withheld(
                what=f"图层 {spec.name} 的 {int((~there).sum())} 个要素",
                why=f"坐标取整到 {round_m:g} 米后不成图形（面积仍计入底数）",
            )
            withheld = (*withheld, said)
            out = {c: [v for v, t in zip(vs, there, strict=True) if t] for c, vs in out.items()}
            geometries = geometries[there]
    return Taken(spec, geometries, out, code_of, names, areas, exact, cut, withheld)


def _conditions(
    spec: LayerSpec, where: tuple[Filter, ...], codes: tuple[str, ...], readable: tuple[str, ...]
) -> list[Filter]:
    """Point conditions at real columns; one that the reader may not see does not exist for them."""
    conditions = [
        c.model_copy(update={"field": spec.code_field or CODE}) if c.field == CODE else c
        for c in where
    ]
    if codes:
        conditions.append(
            Filter(field=spec.code_field or CODE, operator="starts_with", values=codes)
        )
    for condition in conditions:
        if condition.field not in readable:
            missing = condition.field == CODE and spec.code_field is None
            raise InputError(
                f"图层“{spec.title}”"
                + ("没有编码字段" if missing else f"没有可筛选的字段 {condition.field}"),
                file=spec.path,
                layer=spec.name,
                field=condition.field,
                mend=f"可用字段：{'、'.join(readable)}；或用 --layer 只选有该字段的图层",
            )
    return conditions


def _inside(cutter: Cutter, spec: LayerSpec, geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if spec.geometry == "polygon":
        return cutter.cut(geometries)[0]
    pieces = np.asarray(
        shapely.intersection(shapely.make_valid(geometries), cutter.project), object
    )
    if spec.geometry == "line" and len(pieces):
        pieces = of_dimension(pieces, "line")
    return pieces


def _names(
    spec: LayerSpec, values: dict[str, list[Any]], codes: npt.NDArray[np.str_], fids: list[int]
) -> dict[str, str]:
    """Name each code; codes are checked against the layer's scheme."""
    names: dict[str, str] = {}
    for i, code in enumerate(codes.tolist()):
        if code in names:
            continue
        own = str(values[spec.name_field][i] or "") if spec.name_field in values else ""
        names[code] = own if spec.code_scheme == "none" else zone_name(spec, code, own, fid=fids[i])
    return names
