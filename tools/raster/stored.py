"""Thresholds, ranges and class tables in the types that rasters and layers are stored in, exactly."""

import math
from fractions import Fraction

import numpy as np

from cspon.errors import InputError
from tools.raster.plan import Classes
from tools.raster.program import Array, Layer, Lookup

MAX_TABLE = 1_000_000
"""Codes between the smallest and the largest of a class table."""


def typed_scores(scores: list[int], layer: Layer) -> Array:
    """Bring scores to the type of a layer."""
    return np.array(scores, dtype=layer.dtype)


def typed_bounds(
    bounds: list[Fraction], scores: list[int], closed: str, dtype: str
) -> tuple[Array, list[int]]:
    """Bring thresholds to a stored type; those that every or no value passes are left out."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return np.array([float(b) for b in bounds], dtype=kind), scores
    info = np.iinfo(kind)
    typed: list[int] = []
    kept = [scores[0]]
    for bound, score in zip(bounds, scores[1:], strict=True):
        value = math.floor(bound) if closed == "right" else math.ceil(bound)
        always = value < info.min if closed == "right" else value <= info.min
        never = value >= info.max if closed == "right" else value > info.max
        if always:
            kept = [score]
        elif not never:
            typed.append(value)
            kept.append(score)
    return np.array(typed, dtype=kind), kept


def typed_range(limits: list[Fraction], dtype: str) -> Array | None:
    """Bring a plausible range to a stored type; None where the type itself cannot leave it."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return np.array([float(limit) for limit in limits], dtype=kind)
    info = np.iinfo(kind)
    low, high = max(math.ceil(limits[0]), info.min), min(math.floor(limits[1]), info.max)
    if (low, high) == (info.min, info.max):
        return None
    return np.array([low, high], dtype=kind)


def class_table(band: int | None, layer: int | None, name: str, grades: Classes) -> Lookup:
    """Make the table of class codes; its layer is not known yet.

    Raises:
        InputError: codes that lie too far apart.
    """
    codes = np.array(sorted(grades.scores), dtype=np.int64)
    base, last = int(codes[0]), int(codes[-1])
    if last - base >= MAX_TABLE or max(abs(base), abs(last)) > 2**31 - 1:
        raise InputError(f"“{name}”的类别代码跨度过大（{base}–{last}）")
    table = np.full(last - base + 1, -1, dtype=np.int16)
    scores = np.array([grades.scores[int(code)] for code in codes], dtype=np.int64)
    table[codes - base] = scores
    return Lookup(band, layer, -1, base, table, None, codes, scores)


def with_layer(lookup: Lookup, out: int, layer: Layer, grades: Classes) -> Lookup:
    """Give a class table its layer, and the score of codes that are not listed."""
    unlisted: int | None = None
    if grades.unlisted == "nodata":
        unlisted = layer.nodata
    elif isinstance(grades.unlisted, int):
        unlisted = grades.unlisted
    return Lookup(
        lookup.band, lookup.layer, out, lookup.base, lookup.table, unlisted, lookup.codes,
        lookup.code_scores.astype(layer.dtype),
    )  # fmt: skip
