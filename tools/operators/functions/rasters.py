"""Slope, grades, overlay and statistics of rasters, strip by strip; rasterio draws and traces."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.geometry.area import M2_PER_HA, ellipsoidal_areas_m2
from tools.library.raster import MAX_CELLS_IN_MEMORY, Floats, Grid, Raster, make_raster
from tools.library.units import Quantity, parse_unit
from tools.library.values import Layer, Rows, require_same_crs, specs_of
from tools.operators.model import operator


@operator("slope")
def slope(dem: Raster) -> dict[str, Any]:
    """Compute the slope in degrees by Horn's 3 × 3 window; edge cells repeat their neighbours."""
    grid = dem.grid
    require_same_crs(dem)

    def strip(first: int, last: int) -> Floats:
        above, below = max(0, first - 1), min(grid.rows, last + 1)
        z = np.pad(
            dem.rows(above, below),
            ((first == above, last == below), (1, 1)),
            mode="edge",
        )
        east = (z[:-2, 2:] + 2 * z[1:-1, 2:] + z[2:, 2:]) - (
            z[:-2, :-2] + 2 * z[1:-1, :-2] + z[2:, :-2]
        )
        north = (z[:-2, :-2] + 2 * z[:-2, 1:-1] + z[:-2, 2:]) - (
            z[2:, :-2] + 2 * z[2:, 1:-1] + z[2:, 2:]
        )
        rise = np.hypot(east, north) / (8 * grid.cell)
        return np.asarray(np.degrees(np.arctan(rise)), dtype=np.float64)

    return {"result": make_raster(grid, strip, dem.specs)}


@operator("reclassify")
def reclassify(raster: Raster, classes: Rows) -> dict[str, Any]:
    """Replace values by those of the class they fall in: from ≤ value < to.

    A value in no class, or in a class whose value is null, becomes no data.

    Raises:
        InputError: classes overlap or lack a column.
    """
    bounds = []
    for number, row in enumerate(classes, 1):
        try:
            low = float(row.get("from", -np.inf))
            high = float(row.get("to", np.inf))
            value = np.nan if row["value"] is None else float(row["value"])
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"分级表第 {number} 行有误", field="classes", mend="每行写 from、to、value"
            ) from None
        bounds.append((low, high, value))
    bounds.sort()
    for (_, high, _), (low, _, _) in pairwise(bounds):
        if low < high:
            raise InputError(
                "分级区间重叠", field="classes", mend="上一级的 to 不大于下一级的 from"
            )

    def strip(first: int, last: int) -> Floats:
        values = raster.rows(first, last)
        result = np.full(values.shape, np.nan)
        for low, high, value in bounds:
            result[(values >= low) & (values < high)] = value
        return result

    return {"result": make_raster(raster.grid, strip, raster.specs)}


@operator("weighted_overlay")
def weighted_overlay(rasters: tuple[Raster, ...], weights: tuple[Quantity, ...]) -> dict[str, Any]:
    """Sum graded rasters by weights that sum to 1; no data in any of them is no data.

    Raises:
        InputError: different grids, or weights that do not fit.
    """
    if len(rasters) != len(weights):
        raise InputError(
            f"{len(rasters)} 个因子栅格有 {len(weights)} 个权重",
            field="weights",
            mend="每个因子一个权重，次序相同",
        )
    total = sum(w.value for w in weights)
    if abs(total - 1) > 1e-9 or any(w.value < 0 for w in weights):
        raise InputError(
            f"权重之和为 {total:g}，应为 1 且都不小于 0", field="weights", mend="调整权重"
        )
    grid = rasters[0].grid
    if any(raster.grid != grid for raster in rasters):
        raise InputError("因子栅格的范围或像元不同", field="rasters", mend="先重采样到同一格网")

    def strip(first: int, last: int) -> Floats:
        parts = (r.rows(first, last) * w.value for r, w in zip(rasters, weights, strict=True))
        return np.asarray(np.round(sum(parts), 10), dtype=np.float64)

    return {"result": make_raster(grid, strip, specs_of(*rasters))}


@operator("zonal_statistics")
def zonal_statistics(
    raster: Raster, zones: Layer, unit: str, thresholds: tuple[Quantity, ...]
) -> dict[str, Any]:
    """Summarise the cells whose centres lie in each zone; only the zone's window is read."""
    require_same_crs(raster, zones)
    labels = zones.fields.get("name", np.arange(1, len(zones) + 1))
    rows = []
    everything: list[Floats] = []
    for geometry, label in zip(zones.geometries, labels.tolist(), strict=True):
        values = _cells(raster, geometry)
        everything.append(values)
        rows.append({"zone": str(label), **_statistics(values, thresholds)})
    values = np.concatenate(everything) if everything else np.empty(0)
    if not len(values):
        raise InputError("分区内没有栅格数据", field="zones", mend="核对分区与栅格的范围、坐标系")
    parsed = parse_unit(unit)
    return {
        "table": tuple(rows),
        "mean": Quantity(round(float(values.mean()), 6), parsed),
        "maximum": Quantity(round(float(values.max()), 6), parsed),
        "minimum": Quantity(round(float(values.min()), 6), parsed),
    }


@operator("raster_to_polygon")
def raster_to_polygon(raster: Raster, at_least: Quantity, min_area: Quantity) -> dict[str, Any]:
    """Trace the cells whose value is at least a threshold into polygons of one value each.

    Raises:
        InputError: the raster is too large to trace at once.
    """
    from rasterio import features

    grid = raster.grid
    if grid.rows * grid.columns > MAX_CELLS_IN_MEMORY:
        raise InputError("栅格过大，不能一次转为图斑", field="raster", mend="先按范围裁剪栅格")
    values = raster.array()
    wanted = np.isfinite(values) & (values >= at_least.value)
    traced = list(features.shapes(values.astype(np.float32), mask=wanted, transform=grid.affine))
    geometries = np.empty(len(traced), dtype=object)
    geometries[:] = [shapely.geometry.shape(shape) for shape, _ in traced]
    layer = Layer(
        "polygon",
        grid.epsg,
        geometries,
        {"value": np.array([round(float(value), 5) for _, value in traced])},
        raster.specs,
    )
    areas = np.round(ellipsoidal_areas_m2(geometries, grid.epsg) / M2_PER_HA, 4)
    layer = replace(layer, fields={**layer.fields, "area_ha": areas})
    return {"result": layer.take(areas >= min_area.value)}


def _cells(raster: Raster, geometry: Any) -> Floats:
    """Return the values of the cells whose centres lie in a polygon."""
    from affine import Affine
    from rasterio import features

    grid = raster.grid
    west, south, east, north = geometry.bounds
    left = max(0, int((west - grid.west) // grid.cell))
    right = min(grid.columns, int((east - grid.west) // grid.cell) + 1)
    first = max(0, int((grid.north - north) // grid.cell))
    last = min(grid.rows, int((grid.north - south) // grid.cell) + 1)
    if left >= right or first >= last:
        return np.empty(0)
    window = Grid(
        grid.west + left * grid.cell,
        grid.north - first * grid.cell,
        grid.cell,
        last - first,
        right - left,
        grid.epsg,
    )
    assert isinstance(window.affine, Affine)
    inside = features.geometry_mask(
        [geometry], (window.rows, window.columns), window.affine, invert=True
    )
    values = raster.read(first, last, left, right)[inside]
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def _statistics(values: Floats, thresholds: tuple[Quantity, ...]) -> dict[str, Any]:
    if not len(values):
        return {"cells": 0, "mean": None, "minimum": None, "maximum": None}
    row: dict[str, Any] = {
        "cells": len(values),
        "mean": round(float(values.mean()), 6),
        "minimum": round(float(values.min()), 6),
        "maximum": round(float(values.max()), 6),
    }
    for limit in thresholds:
        row[f"over_{limit.value:g}_percent"] = round(100 * float((values > limit.value).mean()), 2)
    return row
