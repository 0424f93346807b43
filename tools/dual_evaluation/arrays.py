"""A scheme's evaluation on arrays in memory: one step after the other, as the YAML says it.

For what is small or is asked a hundred times (sensitivity); the rasters of a result come from the
engine through `tools.dual_evaluation.compile`, and a test holds the two equal.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.patches import UNIT_M2, graded, labelled
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.steps import (
    OUTSIDE,
    AnyStep,
    CasesStep,
    CategoryStep,
    CombineStep,
    Condition,
    CumulativeStep,
    DemoteStep,
    GeometricStep,
    GradeStep,
    MatrixStep,
    PatchStep,
    ScopeStep,
)

Grades = npt.NDArray[np.uint8]
"""0 is unknown."""
Values = Mapping[str, npt.NDArray[Any]]
"""Quantities as floats with NaN; categories as uint8 codes, 0 for no feature, 255 for unknown."""
UNKNOWN_CODE = 255
_BLOCK = 1_000_000


def evaluate_arrays(
    evaluation: Evaluation,
    values: Values,
    codes: Mapping[str, Mapping[str, int]],
    *,
    cell_m: float,
    inside: npt.NDArray[np.bool_] | None = None,
    others: Mapping[str, Grades] | None = None,
) -> dict[str, Grades]:
    """Return the grades of every step whose variables are there.

    Args:
        evaluation: Of a scheme; steps that lack a variable must have been taken out.
        values: Arrays by variable, all of one shape.
        codes: Of the category variables: category to code.
        cell_m: Side of a cell.
        inside: Area of evaluation; elsewhere every grade is 0.
        others: Results of the evaluations that a scope names.
    """
    done: dict[str, Grades] = {}
    for step in evaluation.steps:
        grades = _apply(step, done, values, codes, cell_m, inside, others or {})
        done[step.id] = grades if inside is None else np.where(inside, grades, 0).astype(np.uint8)
    return done


def _apply(
    step: AnyStep,
    done: Mapping[str, Grades],
    values: Values,
    codes: Mapping[str, Mapping[str, int]],
    cell_m: float,
    inside: npt.NDArray[np.bool_] | None,
    others: Mapping[str, Grades],
) -> Grades:
    if isinstance(step, GradeStep):
        return graded(values[step.variable], step.breaks, step.closed, step.grades)
    if isinstance(step, CategoryStep):
        return _category(step, values, codes)
    if isinstance(step, CasesStep):
        return _cases(step, values, codes)
    if isinstance(step, CumulativeStep):
        return cumulative(values[step.variable], step, inside)
    if isinstance(step, DemoteStep):
        drops = graded(
            values[step.variable], step.breaks, step.closed, tuple(d + 1 for d in step.drops)
        )
        base = done[step.base].astype(np.int16)
        return _known(np.maximum(base - (drops.astype(np.int16) - 1), 1), base, drops)
    if isinstance(step, PatchStep):
        return patch_grades(step, done[step.of], cell_m)
    if isinstance(step, ScopeStep):
        other = others[step.evaluation]
        return _known(
            np.where(np.isin(other, step.exclude), OUTSIDE, done[step.of]), done[step.of], other
        )
    if isinstance(step, MatrixStep):
        rows, columns = done[step.rows], done[step.columns]
        table = np.asarray(step.table, dtype=np.uint8)
        return _known(table[np.maximum(rows, 1) - 1, np.maximum(columns, 1) - 1], rows, columns)
    stack = np.stack([done[name] for name in step.of]).astype(np.int64)
    if isinstance(step, CombineStep):
        result = stack.min(axis=0) if step.how == "lowest" else stack.max(axis=0)
    else:
        assert isinstance(step, GeometricStep)
        powers = tuple(b ** len(step.of) for b in step.breaks)
        result = graded(stack.prod(axis=0).astype(float), powers, step.closed, step.grades)
    return _known(result, *stack)


def _known(result: Any, *parts: Any) -> Grades:
    """Set what depends on something unknown to 0."""
    unknown = np.zeros(np.shape(result), dtype=bool)
    for part in parts:
        unknown |= np.asarray(part) == 0
    return np.where(unknown, 0, result).astype(np.uint8)


def _category(step: CategoryStep, values: Values, codes: Mapping[str, Mapping[str, int]]) -> Grades:
    table = category_table(step, codes[step.variable])
    return np.asarray(table[values[step.variable]])


def category_table(step: CategoryStep, codes: Mapping[str, int]) -> Grades:
    """Return grade by code, 0 for codes without a grade."""
    table = np.zeros(256, dtype=np.uint8)
    for name, code in codes.items():
        table[code] = step.grades.get(name, 0)
    table[0] = step.outside or 0
    return table


def _cases(step: CasesStep, values: Values, codes: Mapping[str, Mapping[str, int]]) -> Grades:
    shape = np.shape(next(iter(values.values())))
    result = np.full(shape, step.other, dtype=np.uint8)
    open_, known = np.ones(shape, dtype=bool), np.ones(shape, dtype=bool)
    for case in step.cases:
        holds = open_.copy()
        for condition in case.when:
            found, sure = _holds(condition, values, codes)
            holds &= found
            known &= sure
        result[holds] = case.grade
        open_ &= ~holds
    return np.where(known, result, 0).astype(np.uint8)


def _holds(
    condition: Condition, values: Values, codes: Mapping[str, Mapping[str, int]]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    value = values[condition.variable]
    if condition.among:
        wanted = [
            codes[condition.variable][n] for n in condition.among if n in codes[condition.variable]
        ]
        return np.isin(value, wanted), value != UNKNOWN_CODE
    holds = np.isfinite(value)
    for name, bound in condition.bounds.items():
        tests = {"at_least": np.greater_equal, "above": np.greater}
        tests |= {"at_most": np.less_equal, "below": np.less}
        holds = holds & tests[name](value, bound)
    return holds, np.isfinite(value)


def cumulative(
    values: npt.NDArray[Any], step: CumulativeStep, inside: npt.NDArray[np.bool_] | None
) -> Grades:
    """Grade cells by the share of the total of the cells with higher values; below 0 counts as 0."""
    breaks = cumulative_breaks(values, step.shares, inside)
    # Breaks fall as shares rise: grade from the lowest class upwards.
    grades = graded(values, breaks[::-1], "left", step.grades[::-1])
    return np.asarray(grades)


def cumulative_breaks(
    values: npt.NDArray[Any], shares: tuple[float, ...], inside: npt.NDArray[np.bool_] | None
) -> tuple[float, ...]:
    """Return for every share the value from which the highest cells make up that share at least.

    Cells of one value are never divided. The breaks fall; two shares that end in one value are
    set apart by the next number, so that breaks stay distinct.
    """
    known = np.isfinite(values) if inside is None else np.isfinite(values) & inside
    return breaks_of(values[known], shares)


def breaks_of(found: npt.NDArray[Any], shares: tuple[float, ...]) -> tuple[float, ...]:
    """Return the breaks of `cumulative_breaks` from the known values, which are sorted in place."""
    found.sort()
    found = found[::-1]
    if not len(found) or found[0] <= 0:
        return tuple(float(np.finfo(np.float32).max) / (k + 1) for k in range(len(shares)))
    ends = np.array([0.0, *(total[-1] for total in _running(found))])
    result: list[float] = []
    for share in shares:
        wanted = share * ends[-1] * (1 - 1e-12)
        block = min(max(int(np.searchsorted(ends, wanted)) - 1, 0), len(ends) - 2)
        part = found[block * _BLOCK : (block + 1) * _BLOCK]
        place = int(np.searchsorted(_running_of(part, float(ends[block])), wanted))
        value = float(part[min(place, len(part) - 1)])
        if result and value >= result[-1]:
            value = float(np.nextafter(np.float32(result[-1]), np.float32(-np.inf)))
        result.append(value)
    return tuple(result)


def _running(found: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.float64]]:
    """Yield running totals block by block, as one `cumsum` gives them."""
    before = 0.0
    for first in range(0, len(found), _BLOCK):
        total = _running_of(found[first : first + _BLOCK], before)
        before = float(total[-1])
        yield total


def _running_of(part: npt.NDArray[Any], before: float) -> npt.NDArray[np.float64]:
    values = np.clip(part.astype(np.float64), 0, None)
    values[0] += before
    return np.cumsum(values)


def patch_grades(step: PatchStep, grades: Grades, cell_m: float) -> Grades:
    """Grade cells by the area of their patch."""
    table = np.zeros(256, bool)
    table[list(step.among)] = True
    labels, areas = labelled(table[grades], cell_m * cell_m)
    by_patch = graded(areas / UNIT_M2[step.unit], step.breaks, step.closed, step.grades)
    by_patch[0] = step.elsewhere
    found = by_patch[labels]
    found[grades == 0] = 0
    return np.asarray(found)
