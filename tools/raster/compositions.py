"""Lower compositions: which values can occur in each, and the steps that compute them."""

from fractions import Fraction
from itertools import product

import numpy as np

from cspon.errors import InputError
from tools.raster.layers import MAX_VALUE, Layers
from tools.raster.plan import (
    Classes,
    Composition,
    Extreme,
    Mask,
    Matrix,
    Product,
    Regrade,
    Thresholds,
    Weighted,
    Worst,
)
from tools.raster.program import Exclude, Grade, Limit, Table, Times, WeightedMean
from tools.raster.stored import class_table, typed_bounds, typed_scores, with_layer

MAX_VALUES = 200_000
"""Possible values of a layer that are followed one by one."""
_WHAT = "组合"


def lower_composition(layers: Layers, step: Composition) -> None:
    """Add the layer of a composition.

    Raises:
        InputError: a matrix, order or table that a possible value misses; values over 30,000.
    """
    of = tuple(layers.index[name] for name in step.of)
    values = [set(layers.layers[i].values) for i in of]
    match step:
        case Weighted():
            _weighted(layers, step, of, values)
        case Extreme():
            merged = _extreme_values(values, step.kind == "maximum", step.missing == "skip")
            out = layers.layer(step.name, merged, _WHAT)
            layers.add(Limit(of, out, step.kind == "maximum", step.missing == "skip"))
        case Worst():
            _worst(layers, step, of, values)
        case Matrix():
            _matrix(layers, step, of, values)
        case Product():
            products = {1}
            for some in values:
                products = {a * b for a, b in product(products, some)}
                if len(products) > MAX_VALUES or max(products) > MAX_VALUE:
                    raise InputError(
                        f"组合“{step.name}”的乘积可达 {max(products)}，超出 0–{MAX_VALUE}"
                    )
            out = layers.layer(step.name, products, _WHAT)
            layers.add(Times(of, out))
        case Regrade():
            _regrade(layers, step, of[0], values[0])
        case Mask():
            kept = set(values[0]) | ({step.becomes} if step.becomes is not None else set())
            out = layers.layer(step.name, kept, _WHAT)
            excluded = np.zeros(max(*values[1], *step.exclude) + 1, dtype=np.uint8)
            excluded[list(step.exclude)] = 1
            layers.add(Exclude(of[0], of[1], out, excluded, step.becomes))


def _weighted(layers: Layers, step: Weighted, of: tuple[int, ...], values: list[set[int]]) -> None:
    weights = np.array(list(step.weights.values()), dtype=np.int64)
    total, factor = int(weights.sum()), 10**step.decimals
    if step.missing == "skip":
        low, high = min(min(v) for v in values), max(max(v) for v in values)
        low, high = low * factor, high * factor
    else:
        low, high = (
            _half_up(factor * sum(int(w) * f(v) for w, v in zip(weights, values, strict=True)), total)
            for f in (min, max)
        )  # fmt: skip
    out = layers.layer(step.name, set(range(low, high + 1)), _WHAT)
    layers.add(WeightedMean(of, out, weights, factor, step.missing == "skip"))


def _worst(layers: Layers, step: Worst, of: tuple[int, ...], values: list[set[int]]) -> None:
    """Rank, take the largest rank, and take the score back: three steps that exist already."""
    missing = sorted(set().union(*values) - set(step.order))
    if missing:
        raise InputError(
            f"组合“{step.name}”的优劣次序没有列出分值 {missing}", field="order", mend="补全次序"
        )
    ranks = Classes(scores={score: rank for rank, score in enumerate(step.order)})
    back = Classes(scores=dict(enumerate(step.order)))
    ranked = []
    for number, layer in enumerate(of):
        name = f"{step.name}#{number}"
        _regrade(
            layers,
            Regrade(name=name, layer=layers.layers[layer].name, grades=ranks),
            layer,
            values[number],
        )
        ranked.append(layers.index[name])
    possible = [set(layers.layers[i].values) for i in ranked]
    merged = _extreme_values(possible, True, step.missing == "skip")
    limit = layers.layer(f"{step.name}#", merged, _WHAT)
    layers.add(Limit(tuple(ranked), limit, True, step.missing == "skip"))
    _regrade(layers, Regrade(name=step.name, layer=f"{step.name}#", grades=back), limit, merged)


def _matrix(layers: Layers, step: Matrix, of: tuple[int, ...], values: list[set[int]]) -> None:
    indices = []
    for which, scores, possible in zip(
        ("行", "列"), (step.row_scores, step.column_scores), values, strict=True
    ):
        missing = sorted(possible - set(scores))
        if missing:
            raise InputError(
                f"组合“{step.name}”的判别矩阵没有{which}分值 {missing}", mend="补全矩阵的行列"
            )
        index = np.zeros(max(possible) + 1, dtype=np.uint8)
        for position, score in enumerate(scores):
            if score < len(index):
                index[score] = position
        indices.append(index)
    used = {
        step.table[i][j]
        for i, a in enumerate(step.row_scores)
        if a in values[0]
        for j, b in enumerate(step.column_scores)
        if b in values[1]
    }
    out = layers.layer(step.name, used, _WHAT)
    table = np.array(step.table, dtype=np.int64)
    table[~np.isin(table, list(used))] = min(used)
    layers.add(
        Table(of[0], of[1], out, indices[0], indices[1], table.astype(layers.layers[out].dtype))
    )


def _regrade(layers: Layers, step: Regrade, layer: int, possible: set[int]) -> None:
    if isinstance(step.grades, Thresholds):
        dtype = layers.layers[layer].dtype
        stored = [Fraction(str(bound)) for bound in step.grades.bounds]
        bounds, scores = typed_bounds(stored, list(step.grades.scores), step.grades.closed, dtype)
        out = layers.layer(step.name, set(scores), _WHAT)
        layers.add(
            Grade(
                None,
                layer,
                out,
                bounds,
                typed_scores(scores, layers.layers[out]),
                step.grades.closed,
            )
        )
        return
    missing = sorted(possible - set(step.grades.scores))
    if missing and step.grades.unlisted == "error":
        raise InputError(
            f"组合“{step.name}”没有给出分值 {missing[:10]} 的分级",
            mend="补全分级表，或写明 unlisted",
        )
    values = {step.grades.scores[v] for v in possible - set(missing)}
    if missing and isinstance(step.grades.unlisted, int):
        values.add(step.grades.unlisted)
    if not values:
        raise InputError(f"组合“{step.name}”的分级表没有一个会出现的分值")
    listed = {k: v for k, v in step.grades.scores.items() if k in possible}
    grades = Classes(
        scores=listed,
        unlisted="nodata" if step.grades.unlisted == "error" else step.grades.unlisted,
    )
    out = layers.layer(step.name, values, _WHAT)
    layers.add(
        with_layer(class_table(None, layer, step.name, grades), out, layers.layers[out], grades)
    )


def _half_up(weighted_sum: int, total: int) -> int:
    return (2 * weighted_sum + total) // (2 * total)


def _extreme_values(values: list[set[int]], largest: bool, skip: bool) -> set[int]:
    merged = set().union(*values)
    if skip:
        return merged
    if largest:
        floor = max(min(v) for v in values)
        return {v for v in merged if v >= floor}
    ceiling = min(max(v) for v in values)
    return {v for v in merged if v <= ceiling}
