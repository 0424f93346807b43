"""A plan carried out on whole arrays with plain numpy: the oracle of the raster engine.

Written from the contract alone; it shares no code with the engine. No data is NaN in values and -1 in
layers. Slow and hungry for memory on purpose: one statement for each rule.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.raster.plan import (
    Classes,
    Extreme,
    Factor,
    Mask,
    Matrix,
    Plan,
    Product,
    Regrade,
    Thresholds,
    Weighted,
    Worst,
)
from tools.raster.sources import Source, Terrain

Array = npt.NDArray[Any]


def carry_out(plan: Plan) -> dict[str, Array]:
    """Return every factor and composition as int64 of the grid's shape; -1 is no data."""
    layers: dict[str, Array] = {}
    for factor in plan.factors:
        layers[factor.name] = _factor(plan, factor)
    for step in plan.compositions:
        inputs = [layers[name] for name in step.of]
        any_missing = np.any([a < 0 for a in inputs], axis=0)
        all_missing = np.all([a < 0 for a in inputs], axis=0)
        if isinstance(step, Weighted):
            layer = _weighted(step, inputs)
            lost = all_missing if step.missing == "skip" else any_missing
        elif isinstance(step, Extreme):
            layer = _extreme(inputs, step.kind == "maximum")
            lost = all_missing if step.missing == "skip" else any_missing
        elif isinstance(step, Worst):
            ranks = [np.full(a.shape, -1) for a in inputs]
            for rank, score in enumerate(step.order):
                for a, b in zip(inputs, ranks, strict=True):
                    b[a == score] = rank
            layer = np.array(step.order)[np.maximum(_extreme(ranks, True), 0)]
            lost = all_missing if step.missing == "skip" else any_missing
        elif isinstance(step, Matrix):
            layer, lost = np.full(inputs[0].shape, -1), any_missing
            for i, row in enumerate(step.row_scores):
                for j, column in enumerate(step.column_scores):
                    layer[(inputs[0] == row) & (inputs[1] == column)] = step.table[i][j]
        elif isinstance(step, Product):
            layer, lost = np.prod(inputs, axis=0), any_missing
        elif isinstance(step, Regrade):
            layer, lost = (
                _graded(inputs[0].astype(np.float64), any_missing, step.grades, None),
                any_missing,
            )
        else:
            assert isinstance(step, Mask)
            hit = np.isin(inputs[1], step.exclude)
            layer = np.where(hit, -1 if step.becomes is None else step.becomes, inputs[0])
            lost = inputs[1] < 0
        layers[step.name] = np.where(lost, -1, layer)
    return layers


def _weighted(step: Weighted, inputs: list[Array]) -> Array:
    total, weight = np.zeros(inputs[0].shape, np.int64), np.zeros(inputs[0].shape, np.int64)
    for w, a in zip(step.weights.values(), inputs, strict=True):
        total += np.where(a >= 0, a * w, 0)
        weight += np.where(a >= 0, w, 0)
    weight[weight == 0] = 1
    result: Array = (2 * 10**step.decimals * total + weight) // (2 * weight)
    return result


def _extreme(inputs: list[Array], largest: bool) -> Array:
    masked = np.ma.masked_less(np.array(inputs), 0)
    return np.ma.filled(masked.max(axis=0) if largest else masked.min(axis=0), -1)


def _read(plan: Plan, source: Source) -> tuple[Array, Array]:
    """Return stored values and where there are none."""
    import rasterio

    with rasterio.open(source.file) as dataset:
        stored = dataset.read(source.band or 1)
        nodata = dataset.nodata if source.nodata is None else source.nodata
    assert stored.shape == (plan.grid.height, plan.grid.width)
    missing = ~np.isfinite(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape, bool)
    if nodata is not None and not math.isnan(nodata):
        missing |= (
            stored == stored.dtype.type(nodata) if stored.dtype.kind == "f" else stored == nodata
        )
    return stored, missing


def _factor(plan: Plan, factor: Factor) -> Array:
    if isinstance(factor.source, Source):
        stored, missing = _read(plan, factor.source)
        return _graded(stored, missing, factor.grades, factor.source)
    stored, missing = _read(plan, factor.source.dem)
    z = np.where(missing, np.nan, stored.astype(np.float32)).astype(np.float32)
    assert isinstance(factor.grades, Thresholds)
    if factor.source.measure == "elevation":
        return _graded(stored, missing, factor.grades, factor.source.dem)
    if factor.source.measure == "relief":
        return _graded(_relief(z, factor.source.window), missing, factor.grades, factor.source.dem)
    squared, lost = _squared_gradient(z, factor.source)
    result = np.full(z.shape, factor.grades.scores[0])
    metres = factor.source.dem.scale
    for bound, score in zip(factor.grades.bounds, factor.grades.scores[1:], strict=True):
        limit = np.float32((8.0 * plan.grid.cell / metres * math.tan(math.radians(bound))) ** 2)
        result[squared > limit if factor.grades.closed == "right" else squared >= limit] = score
    return np.where(lost, -1, result)


def _graded(stored: Array, missing: Array, grades: Any, source: Source | None) -> Array:
    result = np.full(stored.shape, -1, np.int64)
    if isinstance(grades, Classes):
        unlisted = -1 if isinstance(grades.unlisted, str) else grades.unlisted
        result[:] = unlisted
        for code, score in grades.scores.items():
            result[stored == code] = score
    else:
        scale, offset = (source.scale, source.offset) if source else (1.0, 0.0)
        result[:] = grades.scores[0]
        for bound, score in zip(grades.bounds, grades.scores[1:], strict=True):
            limit: Any = round((bound - offset) / scale, 9)
            if stored.dtype.kind == "f":
                limit = stored.dtype.type(limit)
            result[stored > limit if grades.closed == "right" else stored >= limit] = score
    return np.where(missing, -1, result)


def _squared_gradient(z: Array, terrain: Terrain) -> tuple[Array, Array]:
    rows, columns = z.shape
    padded = np.pad(z, 1, constant_values=np.nan)
    lost = np.isnan(z)
    n = {}
    for i in range(3):
        for j in range(3):
            part = padded[i : i + rows, j : j + columns]
            if terrain.missing == "nodata":
                lost = lost | np.isnan(part)
            n[i, j] = np.where(np.isnan(part), z, part)
    two = np.float32(2)
    gx = ((n[0, 2] - n[0, 0]) + two * (n[1, 2] - n[1, 0])) + (n[2, 2] - n[2, 0])
    gy = ((n[2, 0] - n[0, 0]) + two * (n[2, 1] - n[0, 1])) + (n[2, 2] - n[0, 2])
    squared: Array = gx * gx + gy * gy
    return squared, lost


def _relief(z: Array, window: int) -> Array:
    half = window // 2
    padded = np.pad(z, half, constant_values=np.nan)
    views = np.lib.stride_tricks.sliding_window_view(padded, (window, window))
    top = np.max(np.where(np.isnan(views), -np.inf, views), axis=(2, 3))
    bottom = np.min(np.where(np.isnan(views), np.inf, views), axis=(2, 3))
    with np.errstate(invalid="ignore"):
        result: Array = (top - bottom).astype(np.float32)
    return result
