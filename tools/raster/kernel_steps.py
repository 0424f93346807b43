"""The steps of a program as vector code: grades, weighted means, limits, products."""

import math

import numpy as np

from tools.raster.kernel_cells import Cells, Place, Total, only
from tools.raster.kernel_compare import compared, refuse_outside
from tools.raster.kernel_slope import slope
from tools.raster.kernel_tables import exclude, lookup, table
from tools.raster.program import (
    Exclude,
    Grade,
    Limit,
    Lookup,
    Slope,
    Step,
    Table,
    Times,
    WeightedMean,
)
from tools.raster.vectors import KINDS, Vector

MAX_COMPARED_GRADES = 10


def write_step(place: Place, step: Step, check: int | None) -> Cells:
    """Write a step and return its layer. `check` is the number of its check."""
    out = place.program.layers[step.out]
    match step:
        case Grade():
            return _grade(place, step, out.dtype, check)
        case Lookup():
            return lookup(place, step, out.dtype, check)
        case Slope():
            squared, missing = slope(place, step)
            masks = compared(place, squared, step.squares, step.closed)
            return Cells(out.dtype, missing, masks=masks, scores=step.scores, nested=True)
        case WeightedMean():
            return _weighted(place, step, out.dtype, out.values)
        case Limit():
            return _limit(place, step, out.dtype)
        case Times():
            return _times(place, step, out.dtype)
        case Table():
            return table(place, step, out.dtype)
        case Exclude():
            return exclude(place, step, out.dtype)


def _grade(place: Place, step: Grade, dtype: str, check: int | None) -> Cells:
    values, missing, source = place.input(step.band, step.layer)
    if step.valid is not None and check is not None:
        refuse_outside(place, values, missing, step.valid, check)
    masks = compared(place, values, step.bounds, step.closed, unsigned=source.startswith("u"))
    return Cells(dtype, missing, masks=masks, scores=step.scores, nested=True)


def _weighted(place: Place, step: WeightedMean, dtype: str, values: tuple[int, ...]) -> Cells:
    """Write the weighted mean in the shortest whole numbers that hold the sum.

    Weights and their sum are divided by their common divisor, which leaves the mean as it is.
    """
    code, layers = place.code, place.program.layers
    divisor = math.gcd(*(int(w) for w in step.weights))
    weights = [int(w) // divisor for w in step.weights]
    largest = sum(w * max(layers[i].values) for w, i in zip(weights, step.of, strict=True))
    if step.skip:
        return _weighted_skip(place, step, weights, largest, dtype)
    kind = _kind(largest)
    sums = Total(place, kind)
    for weight, layer in zip(weights, step.of, strict=True):
        sums.add(layer, weight)
    total, missing = sums.sum(), sums.missing()
    whole = sum(weights)
    if len(values) <= MAX_COMPARED_GRADES:
        limits = [-(-(2 * whole * k - whole) // (2 * step.factor)) for k in values[1:]]
        masks = compared(place, (total,), np.array(limits, dtype=kind), "left", unsigned=True)
        return Cells(dtype, missing, masks=masks, scores=np.array(values), nested=True)
    scaled, half = code.number(2.0 * step.factor, "float64"), code.number(whole, "float64")
    doubled = code.number(2.0 * whole, "float64")
    exact = code.convert(total, "double")
    raised = code.calculate("fadd", code.calculate("fmul", exact, scaled), half)
    return Cells(dtype, missing, _whole(place, code.calculate("fdiv", raised, doubled), dtype))


def _weighted_skip(
    place: Place, step: WeightedMean, weights: list[int], largest: int, dtype: str
) -> Cells:
    code = place.code
    kind = "int32" if max(largest, sum(weights)) < 2**31 else "int64"
    zero = code.constant(0, kind)
    total = weight_sum = zero
    for weight, layer in zip(weights, step.of, strict=True):
        missing = place.missing(layer)
        term, held = place.weighted(layer, weight, kind), code.number(weight, kind)
        if missing is not None:
            term, held = code.select(missing, zero, term), code.select(missing, zero, held)
        total = code.calculate("add", total, term)
        weight_sum = code.calculate("add", weight_sum, held)
    lost = code.compare("==", weight_sum, zero)
    divisor = code.select(lost, code.constant(1, kind), weight_sum)
    half = code.convert(divisor, "double")
    exact = code.convert(total, "double")
    scaled = code.calculate("fmul", exact, code.number(2.0 * step.factor, "float64"))
    mean = code.calculate(
        "fdiv", code.calculate("fadd", scaled, half), code.calculate("fadd", half, half)
    )
    return Cells(dtype, (lost,), _whole(place, mean, dtype))


def _limit(place: Place, step: Limit, dtype: str) -> Cells:
    code = place.code
    wide = "int16" if any(place.layer(i).dtype == "int16" for i in step.of) else "uint8"
    worst = 0 if step.largest else (255 if wide == "uint8" else 32_767)
    result: Vector | None = None
    for layer in step.of:
        value = code.convert(place.value(layer), KINDS[wide])
        missing = place.missing(layer)
        if step.skip and missing is not None:
            value = code.select(missing, code.constant(worst, wide), value)
        if result is not None:
            sign = ">" if step.largest else "<"
            better = code.compare(sign, value, result, unsigned=True)
            value = code.select(better, value, result)
        result = value
    assert result is not None
    masks = [place.missing(i) for i in step.of]
    lost = code.either(masks)
    if step.skip:
        lost = masks[0]
        for mask in masks[1:]:
            lost = None if lost is None or mask is None else code.calculate("and", lost, mask)
    return Cells(dtype, only(lost), code.convert(result, KINDS[dtype]))


def _times(place: Place, step: Times, dtype: str) -> Cells:
    code = place.code
    result = code.convert(place.value(step.of[0]), "i16")
    for layer in step.of[1:]:
        result = code.calculate("mul", result, code.convert(place.value(layer), "i16"))
    lost = code.either([place.missing(i) for i in step.of])
    return Cells(dtype, only(lost), code.convert(result, KINDS[dtype]))


def _whole(place: Place, value: Vector, dtype: str) -> Vector:
    """Return floating numbers of 0 or more without their fractions."""
    code = place.code
    whole = Vector(code.put(f"fptosi {value} to <{value.lanes} x i32>"), "i32", value.lanes)
    return code.convert(whole, KINDS[dtype])


def _kind(largest: int) -> str:
    """Return the shortest type of whole numbers that holds sums up to a number."""
    for kind, limit in (("uint8", 2**8), ("uint16", 2**16), ("int32", 2**31)):
        if largest < limit:
            return kind
    return "int64"
