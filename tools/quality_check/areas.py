"""Checks of areas: stated against computed, units, derived fields, sums by level."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.geometry.area import ellipsoidal_areas_m2
from tools.geometry.crs import zone_of
from tools.layer_health import UNIT_TITLES, UNITS_M2, guess_unit
from tools.quality_check.attributes import number
from tools.quality_check.context import LayerContext, Survey
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check
from tools.quality_check.shapes import hits, of_kind, valid

_REACH_M = 1_000_000.0


def areas_m2(chunk: Chunk, context: LayerContext) -> npt.NDArray[np.float64]:
    """Compute ellipsoidal areas once a chunk; zeros without a metric system."""
    if "ellipsoidal" not in chunk.cache:
        epsg = context.file.epsg
        areas = np.zeros(len(chunk))
        if epsg is not None and zone_of(epsg) is not None and context.rule.geometry == "polygon":
            rows = np.flatnonzero(of_kind(chunk, "polygon") & valid(chunk))
            rows = rows[_in_reach(chunk, epsg)[rows]]
            areas[rows] = ellipsoidal_areas_m2(chunk.geometries[rows], epsg)
        chunk.cache["ellipsoidal"] = areas
    areas_found: npt.NDArray[np.float64] = chunk.cache["ellipsoidal"]
    return areas_found


def _in_reach(chunk: Chunk, epsg: int) -> npt.NDArray[np.bool_]:
    """Say which features lie where the projection holds; another zone's numbers do not."""
    zone = zone_of(epsg)
    assert zone is not None
    bounds = shapely.bounds(chunk.geometries)
    east = np.abs(bounds[:, (0, 2)] - zone.false_easting_m).max(axis=1)
    reach: npt.NDArray[np.bool_] = (east < _REACH_M) & (np.abs(bounds[:, 3]) < 10 * _REACH_M)
    return reach


def stated_m2(chunk: Chunk, context: LayerContext) -> npt.NDArray[np.float64]:
    """Return the stated areas in m², NaN where there is none."""
    field = context.rule.area_field
    if field is None or field not in chunk.columns:
        return np.full(len(chunk), np.nan)
    read = [number(value) for value in chunk.columns[field]]
    factor = UNITS_M2[context.rule.area_unit]
    return np.array([np.nan if v is None else v for v in read], dtype=np.float64) * factor


@check("stated_area", scope="features", parameters=("tolerance_m2", "relative"))
def stated_area(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare each stated area with the ellipsoidal one; a likely other unit is named.

    The tolerance is the larger of an absolute one (m²) and a share of the area.
    """
    computed, stated = areas_m2(chunk, context), stated_m2(chunk, context)
    known = (computed > 0) & np.isfinite(stated)
    if not known.any():
        return
    allowed = np.maximum(
        float(parameters["tolerance_m2"]), float(parameters["relative"]) * computed
    )
    off = known & (np.abs(stated - computed) > allowed)
    unit = context.rule.area_unit
    for row in np.flatnonzero(off):
        said = stated[row] / UNITS_M2[unit]
        likely = guess_unit(np.array([said]), computed[[row]]) if said > 0 else None
        hint = f"，数值像是以{UNIT_TITLES[likely]}为单位" if likely not in (None, unit) else ""
        hit = next(
            hits(
                chunk,
                context,
                int(row),
                f"属性面积 {said:.2f} {UNIT_TITLES[unit]}，椭球面积 {computed[row]:.2f} 平方米{hint}",
            )
        )
        yield replace(
            hit,
            field=context.rule.area_field or "",
            measured=f"相差 {stated[row] - computed[row]:.2f} 平方米",
            tolerance=f"{allowed[row]:.2f} 平方米",
        )


@check("derived_area", scope="features", parameters=("total", "part", "rest", "tolerance"))
def derived_area(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Check that total − part = rest (TBMJ − KCMJ = TBDLMJ) holds in every feature."""
    names = [str(parameters[key]) for key in ("total", "part", "rest")]
    if any(name not in chunk.columns for name in names):
        return
    most = float(parameters["tolerance"])
    for row, values in enumerate(zip(*(chunk.columns[name] for name in names), strict=True)):
        total, part, rest = (number(value) for value in values)
        if total is None or part is None or rest is None or abs(total - part - rest) <= most:
            continue
        hit = next(
            hits(
                chunk,
                context,
                int(row),
                f"{names[0]} {total:g} − {names[1]} {part:g} ≠ {names[2]} {rest:g}",
            )
        )
        yield replace(
            hit, field=names[2], measured=f"相差 {total - part - rest:.2f}", tolerance=f"{most:g}"
        )


@check("level_sum", scope="after", parameters=("parts", "whole", "tolerance_ha"))
def level_sum(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare the sum of stated areas of one layer with that of the level above."""
    parts, whole = str(parameters["parts"]), str(parameters["whole"])
    if parts not in survey.gathered or whole not in survey.gathered:
        return
    most = float(parameters["tolerance_ha"])
    of_parts = float(np.nansum(survey.gathered[parts].stated_m2)) / 1e4
    of_whole = float(np.nansum(survey.gathered[whole].stated_m2)) / 1e4
    if not of_parts or not of_whole or abs(of_parts - of_whole) <= most:
        return
    yield Hit(
        f"图层 {parts} 面积合计 {of_parts:.4f} 公顷，{whole} 为 {of_whole:.4f} 公顷",
        layer=parts,
        field=survey.layers[parts].rule.area_field or "",
        measured=f"相差 {of_parts - of_whole:.4f} 公顷",
        tolerance=f"{most:g} 公顷",
    )
