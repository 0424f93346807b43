"""The area that is extracted: a boundary file, an administrative unit, or everything."""

from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.compliance.overlay import polygonal
from tools.compliance.survey import place
from tools.feature_table import read_table
from tools.geometry.read import read_boundary
from tools.layers import layer_by_role
from tools.rules.model import COUNTY

UNITS = (COUNTY, "admin_town", "admin_village")
_MOST_NAMED = 12


def extraction_area(
    catalogue: LayerCatalogue,
    folder: Path,
    boundary: Path | None,
    unit: str | None,
    epsg: int | None,
) -> tuple[BaseGeometry | None, str, str]:
    """Return the area in the catalogue's coordinates (None: everything), its name and its source.

    Raises:
        InputError: both or an unknown or ambiguous unit are given, or the boundary is wrong.
    """
    if boundary is not None and unit is not None:
        raise InputError("范围给了两种", field="unit", mend="边界文件和行政单元只给一种")
    if boundary is not None:
        source = read_boundary(boundary, epsg=epsg)
        return place(source, catalogue)[0], source.name, f"sha256:{source.sha256}"
    if unit is not None:
        area, name = _unit(catalogue, folder, unit.strip())
        return area, name, f"行政单元 {unit.strip()}"
    return None, catalogue.region_name, "全部"


def _unit(catalogue: LayerCatalogue, folder: Path, wanted: str) -> tuple[BaseGeometry, str]:
    found: dict[tuple[str, str], list[Any]] = {}
    known: list[str] = []
    for role in UNITS:
        spec = layer_by_role(catalogue, role)
        if spec is None:
            continue
        columns = tuple(
            dict.fromkeys(c for c in (spec.id_field, spec.code_field, spec.name_field) if c)
        )
        for window in read_table(spec, folder, None, columns):
            for i, geometry in enumerate(window.geometries):
                values = [str(window.columns[c][i] or "").strip() for c in columns]
                if role == COUNTY:
                    values += [catalogue.region_name, catalogue.region_code]
                if not values:
                    continue
                name = _value(spec, window.columns, i) or values[0]
                known.append(name)
                if wanted in values:
                    found.setdefault((role, name), []).append(geometry)
    if len(found) == 1:
        ((_, name), parts) = next(iter(found.items()))
        return polygonal(shapely.union_all(shapely.make_valid(parts))), name
    if found:
        names = "、".join(name for _, name in found)
        raise InputError(
            f"有 {len(found)} 个行政单元叫“{wanted}”：{names}", field="unit", mend="改用代码"
        )
    listed = "、".join(known[:_MOST_NAMED]) + (
        f"等 {len(known)} 个" if len(known) > _MOST_NAMED else ""
    )
    raise InputError(
        f"没有行政单元“{wanted}”",
        field="unit",
        mend=f"可用名称或代码：{listed or '（目录没有行政区图层）'}",
    )


def _value(spec: LayerSpec, columns: dict[str, list[Any]], row: int) -> str:
    return str(columns[spec.name_field][row] or "").strip() if spec.name_field else ""
