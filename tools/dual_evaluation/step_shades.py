"""Which grades a step can have, and their names and colours in its raster."""

from collections.abc import Mapping

from tools.dual_evaluation.steps import (
    OUTSIDE,
    AnyStep,
    CasesStep,
    CategoryStep,
    CombineStep,
    DemoteStep,
    MatrixStep,
    PatchStep,
    ScopeStep,
    needs,
)
from tools.raster.plan import Category

Grades = frozenset[int]
RAMP = ("#d7301f", "#fc8d59", "#fee08b", "#91cf60", "#1a9850")
"""Least to best (suitable, important)."""
OUT = Category(name="评价范围外", colour="#a6bddb")


def possible(step: AnyStep, before: Mapping[str, Grades]) -> Grades:
    """Return the grades that a step can have.

    Args:
        step: Of a scheme.
        before: Grades of the steps that it reads.
    """
    read = [before[name] for name in needs(step)]
    if isinstance(step, CategoryStep):
        return frozenset({*step.grades.values(), *([step.outside] if step.outside else [])})
    if isinstance(step, CasesStep):
        return frozenset({step.other, *(case.grade for case in step.cases)})
    if isinstance(step, CombineStep):
        return frozenset().union(*read)
    if isinstance(step, DemoteStep):
        return frozenset(max(1, g - d) for g in before[step.base] for d in step.drops)
    if isinstance(step, MatrixStep):
        return frozenset(grade for row in step.table for grade in row)
    if isinstance(step, PatchStep):
        return frozenset({*step.grades, step.elsewhere})
    if isinstance(step, ScopeStep):
        return before[step.of] | {OUTSIDE}
    return frozenset(step.grades)


def shades(grades: Grades) -> dict[int, Category]:
    """Return name and colour by grade: the ramp over the grades that there can be."""
    found = sorted(grades - {OUTSIDE})
    last = max(1, len(found) - 1)
    shown = {
        grade: Category(name=f"等级 {grade}", colour=RAMP[round(k * (len(RAMP) - 1) / last)])
        for k, grade in enumerate(found)
    }
    return shown | ({OUTSIDE: OUT} if OUTSIDE in grades else {})
