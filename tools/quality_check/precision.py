"""Checks of how exactly values and coordinates are stated."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from tools.quality_check.attributes import number, present
from tools.quality_check.context import LayerContext
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check
from tools.quality_check.shapes import hits, usable

_FEW = 4
"""Coordinate pairs below which a coarse look is chance."""


@check("value_decimals", scope="features")
def value_decimals(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find numbers with more decimals than the field has (areas: two, in m²)."""
    for field, values in present(chunk, context):
        if field.decimals is None:
            continue
        read = np.array([np.nan if (n := number(v)) is None else n for v in values])
        scaled = read * 10.0**field.decimals
        with np.errstate(invalid="ignore"):
            more = np.abs(scaled - np.rint(scaled)) > np.maximum(1e-6, np.abs(scaled) * 1e-15 * 8)
        for row in np.flatnonzero(more):
            hit = next(hits(chunk, context, int(row), f"小数多于 {field.decimals} 位"))
            yield replace(
                hit,
                field=field.name,
                measured=repr(float(read[row])),
                tolerance=f"{field.decimals} 位小数",
            )


@check("coordinate_precision", scope="features", parameters=("coarsest_m",))
def coordinate_precision(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find features whose coordinates are all rounded to a coarse step: digits have been lost."""
    step = float(parameters["coarsest_m"])
    counts = shapely.get_num_coordinates(chunk.geometries)
    rows = np.flatnonzero(usable(chunk) & (counts >= _FEW))
    if not len(rows):
        return
    scaled = shapely.get_coordinates(chunk.geometries[rows]) / step
    with np.errstate(invalid="ignore"):
        whole = (np.abs(scaled - np.rint(scaled)) < 1e-4).all(axis=1)
    starts = np.cumsum(counts[rows]) - counts[rows]
    coarse = np.logical_and.reduceat(whole, starts)
    for row in rows[coarse]:
        yield from hits(
            chunk,
            context,
            int(row),
            f"全部节点坐标都取整到 {step:g} 米，精度丢失",
            measured=f"{step:g} 米",
            tolerance="0.001 米",
        )
