"""Control figures (容积率 …) that a detailed plan states for a parcel; none is ever made up."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import yaml
from pydantic import ValidationError
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.compliance.overlay import Cutter
from tools.compliance.patches import SLIVER_M2
from tools.compliance.rounding import hectares
from tools.feature_table import columns_of, read_table
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import layer_by_role
from tools.rules.model import PLANNED_USE

TABLE = Path(__file__).with_name("control_figures.yaml")
DETAILED_PLAN = "detailed_plan"
NOT_GIVEN = "详细规划未提供"


class Figure(Frozen):
    """One control figure and the field that usually holds it."""

    key: str
    title: str
    field: str
    unit: str = ""
    describes: bool = False
    """Says which plot and clause the figures are of; it is no control figure itself."""


class _Table(Frozen):
    source: str
    verified: bool
    figures: tuple[Figure, ...]


class PlotFigures(Frozen):
    """Control figures of one plot of the plan that shares area with the parcel."""

    layer: str
    fid: int
    code: str
    area_ha: float
    """Of the parcel, in this plot."""
    values: dict[str, float | str]
    """By key of the figure; a figure that the plan leaves empty is not here."""


@cache
def figure_table() -> tuple[Figure, ...]:
    """Return the figures in their order; a mistake in the file is a bug of this project."""
    raw: Any = yaml.load(TABLE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        return _Table.model_validate(raw).figures
    except ValidationError as error:
        raise AssertionError(f"{TABLE.name}: {error}") from error


def read_figures(
    parcel: BaseGeometry, catalogue: LayerCatalogue, folder: Path
) -> tuple[tuple[PlotFigures, ...], tuple[LayerSpec, ...]]:
    """Read the figures of the plots under a parcel, from the detailed plan or else planned land use.

    Args:
        parcel: Valid (Multi)Polygon in the catalogue's coordinate system.
        catalogue: The layers.
        folder: Folder of the catalogue.

    Returns:
        The plots, the largest share first, and the layer that was used; both empty where no layer
        has any of the fields.

    Raises:
        InputError: the catalogue names a figure or field that does not exist, or a value is no
            number where one must stand.
    """
    known = {figure.key: figure for figure in figure_table()}
    for role in (DETAILED_PLAN, PLANNED_USE):
        spec = layer_by_role(catalogue, role)
        if spec is None:
            continue
        fields = _fields(spec, folder)
        if any(not known[key].describes for key in fields):
            plots = _plots(parcel, spec, folder, fields)
            if plots or role == PLANNED_USE:
                return tuple(sorted(plots, key=lambda plot: -plot.area_ha)), (spec,)
    return (), ()


def _fields(spec: LayerSpec, folder: Path) -> dict[str, str]:
    """Return field by figure, for the fields that the layer has."""
    known = {figure.key: figure for figure in figure_table()}
    named = {entry.figure: entry.field for entry in spec.control_fields}
    unknown = [key for key in named if key not in known]
    if unknown:
        raise InputError(
            f"没有控制指标 {unknown[0]}",
            file="layers.yaml",
            layer=spec.name,
            field="control_fields",
            mend=f"可用：{'、'.join(f'{f.key}（{f.title}）' for f in known.values())}",
        )
    columns = columns_of(spec, folder)
    missing = [field for field in named.values() if field not in columns]
    if missing:
        raise InputError(
            f"图层“{spec.title}”没有字段 {missing[0]}；已有：{'、'.join(columns)}",
            file=spec.path,
            layer=spec.name,
            field="control_fields",
            mend="改正 layers.yaml 的 control_fields",
        )
    wanted = {key: named.get(key, figure.field) for key, figure in known.items()}
    return {key: field for key, field in wanted.items() if field in columns}


def _plots(
    parcel: BaseGeometry, spec: LayerSpec, folder: Path, fields: dict[str, str]
) -> list[PlotFigures]:
    columns = tuple(
        dict.fromkeys([*fields.values(), *([spec.code_field] if spec.code_field else [])])
    )
    cutter, plots = Cutter(parcel), []
    for window in read_table(spec, folder, parcel, columns):
        pieces, _ = cutter.cut(window.geometries)
        for i in np.flatnonzero(shapely.area(pieces) >= SLIVER_M2).tolist():
            fid = int(window.fids[i])
            values = {}
            for key, field in fields.items():
                value = _value(spec, fid, field, window.columns[field][i])
                if value is not None:
                    values[key] = value
            area = float(ellipsoidal_areas_m2(pieces[i : i + 1], spec.epsg)[0])
            code = window.columns[spec.code_field][i] if spec.code_field else ""
            plots.append(
                PlotFigures(
                    layer=spec.name,
                    fid=fid,
                    code=str(code or ""),
                    area_ha=hectares(area),
                    values=values,
                )
            )
    return plots


def _value(spec: LayerSpec, fid: int, field: str, value: Any) -> float | str | None:
    """Return a figure as the plan states it: a number, or a range such as ≤2.5 as text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text)
        except ValueError:
            return text
    number = float(value)
    if not np.isfinite(number) or number < 0:
        raise InputError(
            f"要素 {fid} 的 {field} 为 {value}，不是有效的控制指标",
            file=spec.path,
            layer=spec.name,
            field=field,
            mend="改正该值；没有规定的指标留空，不要写负数",
        )
    return number
