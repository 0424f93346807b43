"""Say in words which values of a factor a grade stands for: 坡度 > 25°, 极高, 累计前 50%."""

from collections.abc import Collection
from itertools import pairwise

from tools.dual_evaluation.steps import (
    AnyStep,
    CategoryStep,
    CumulativeStep,
    DemoteStep,
    GradeStep,
)
from tools.dual_evaluation.tables import figures_of
from tools.dual_evaluation.variables import variables


def standard_of(step: AnyStep, grades: Collection[int]) -> str:
    """Return the values that give a step one of these grades.

    Args:
        step: Of the scheme.
        grades: That occur where the step limits.
    """
    if isinstance(step, GradeStep):
        classes = [k for k, grade in enumerate(step.grades) if grade in grades]
        return _ranges(step.variable, step.breaks, step.closed, classes)
    if isinstance(step, DemoteStep):
        classes = [k for k, drop in enumerate(step.drops) if drop]
        return _ranges(step.variable, step.breaks, step.closed, classes) + "（降级）"
    if isinstance(step, CategoryStep):
        names = [name for name, grade in step.grades.items() if grade in grades]
        elsewhere = ["图层未覆盖的地方"] if step.outside in grades else []
        return f"{variables()[step.variable].title}为" + "、".join([*names, *elsewhere])
    if isinstance(step, CumulativeStep):
        shares = (0.0, *step.shares, 1.0)
        told = [
            f"{a:.0%}–{b:.0%}"
            for (a, b), grade in zip(pairwise(shares), step.grades, strict=True)
            if grade in grades
        ]
        return f"{variables()[step.variable].title}由高到低累计总量的 {'、'.join(told)}"
    return figures_of(step)


def _ranges(name: str, breaks: tuple[float, ...], closed: str, classes: list[int]) -> str:
    """Join neighbouring classes: 3–8 and 8–15 are 3–15."""
    runs: list[list[int]] = []
    for k in classes:
        if runs and runs[-1][1] == k - 1:
            runs[-1][1] = k
        else:
            runs.append([k, k])
    above, upto = (">", "≤") if closed == "right" else ("≥", "<")
    variable = variables()[name]
    unit = "" if variable.unit in ("", "1") else variable.unit
    told = []
    for first, last in runs:
        words = []
        if first > 0:
            words.append(f"{above}{breaks[first - 1]:g}{unit}")
        if last < len(breaks):
            words.append(f"{upto}{breaks[last]:g}{unit}")
        told.append(" 且 ".join(words))
    return f"{variable.title} " + " 或 ".join(told)
