"""Why a place has its class: the limiting factors with their figures, read from the factor layers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.places import Mask, Place, find_place
from tools.dual_evaluation.rasters import UNKNOWN_CODE
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.sensitivity import SPREAD
from tools.dual_evaluation.standards import standard_of
from tools.dual_evaluation.steps import (
    OUTSIDE,
    AnyStep,
    DemoteStep,
    GeometricStep,
    GradeStep,
    PatchStep,
    needs,
    variables_of,
)
from tools.dual_evaluation.variables import variables


class Limit(Frozen):
    """One factor that limits a place."""

    step: str
    title: str
    area_ha: float
    """Where it limits."""
    share_percent: float
    """Of the cells of the class that is explained."""
    threshold: str
    """The standard that is not met, or is near."""
    source: str = ""
    verified: bool = False
    """Was the official text of the standard read?"""
    values: dict[str, Any]
    """By variable, within the limited cells: mean, lowest, highest, unit, or area by category."""


class Explanation(Frozen):
    """One evaluation at one place."""

    place: str
    note: str
    evaluation: str
    title: str
    area_ha: float
    classes_ha: dict[str, float]
    unknown_ha: float = 0.0
    worst: str = ""
    """Title of the class that `limits` explains: the lowest that is there."""
    best: str = ""
    """Title of the best class, which `lowered` and `near` explain."""
    limits: tuple[Limit, ...]
    outside: tuple[Limit, ...]
    """What makes the land outside the range 生态保护极重要."""
    lowered: tuple[Limit, ...] = ()
    """Of the best class: factors that are below their own best grade there."""
    near: tuple[Limit, ...] = ()
    """Of the best class: where a factor would fall if its bound were tightened by a fifth."""
    missing: tuple[str, ...]
    lines: tuple[str, ...] = ()
    text: str


def explain_place(
    made: DualEvaluation, place: str | Place, evaluation: str = "urban"
) -> Explanation:
    """Explain an evaluation at a place: the unfit land by what limits it, the fit by what is next.

    Args:
        made: The evaluation.
        place: Name, "x,y", or cells.
        evaluation: ecology, agriculture or urban.

    Raises:
        InputError: no such place, or the evaluation has no result.
    """
    from tools.dual_evaluation.explain_text import caveats, sentences

    part = made.parts.get(evaluation)
    if part is None or not part.grades:
        why = part.feasible.refused if part is not None else "没有做这一项评价"
        raise InputError(f"不能解释：{why}", field="evaluation", mend="补充输入后再评价")
    where = find_place(made, place) if isinstance(place, str) else place
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    here = np.bincount(part.result[where.cells], minlength=16)
    titles = {c.value: c.title for c in part.evaluation.classes}
    graded = sorted(v for v in titles if v != OUTSIDE)
    best = graded[-1]
    worst = next((v for v in graded[:-1] if here[v]), graded[0])
    limits: tuple[Limit, ...] = ()
    outside: tuple[Limit, ...] = ()
    lowered: tuple[Limit, ...] = ()
    near: tuple[Limit, ...] = ()
    if evaluation == "ecology":
        limits = _drivers(made, part, where.cells & (part.result == best))
    else:
        limits = _limits(made, part, where.cells & (part.result == worst))
        lowered, near = _next(made, part, where.cells & (part.result == best))
        ecology = made.parts.get("ecology")
        if ecology is not None and ecology.grades:
            outside = _drivers(made, ecology, where.cells & (part.result == OUTSIDE))
    found = Explanation(
        place=where.title, note=where.note, evaluation=evaluation, title=part.evaluation.title,
        area_ha=round(int(where.cells.sum()) * cell_ha, 4),
        classes_ha={t: round(int(here[v]) * cell_ha, 4) for v, t in titles.items()},
        unknown_ha=round(int(here[0]) * cell_ha, 4), worst=titles[worst], best=titles[best],
        limits=limits, outside=outside, lowered=lowered, near=near,
        missing=tuple(part.feasible.missing), text="",
    )  # fmt: skip
    lines = sentences(found)
    text = "".join((*lines, *caveats(made.scheme, found)))
    return found.model_copy(update={"lines": lines, "text": text})


def _limits(made: DualEvaluation, part: Part, cells: Mask) -> tuple[Limit, ...]:
    """Attribute unfit cells: the leaf steps of the lowest grade, and corrections that lowered it."""
    leaves = [s for s in _feeding(part.evaluation, part) if _is_leaf(s)]
    if not cells.any() or not leaves:
        return ()
    plain = [s for s in leaves if not isinstance(s, DemoteStep | PatchStep)]
    stack = [part.grades[s.id][cells] for s in plain]
    low = np.min(np.stack([np.where(g == 0, 255, g) for g in stack]), axis=0) if stack else None
    found = []
    for step in leaves:
        grades = part.grades[step.id][cells]
        if isinstance(step, DemoteStep):
            at = grades < part.grades[step.base][cells]
        elif isinstance(step, PatchStep):
            at = (grades == 1) & np.isin(part.grades[step.of][cells], step.among)
        else:
            assert low is not None
            at = (grades == low) & (grades < max(_grades(step)))
        if at.any():
            found.append(_limit(made, step, cells, at, grades))
    return tuple(sorted(found, key=lambda limit: -limit.area_ha))


def _next(
    made: DualEvaluation, part: Part, cells: Mask
) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Tell what limits the best class next: factors below their best grade, and bounds that are near."""
    lowered: list[Limit] = []
    near: list[Limit] = []
    if not cells.any():
        return (), ()
    for step in _feeding(part.evaluation, part):
        if not variables_of(step) or isinstance(step, DemoteStep):
            continue
        grades = part.grades[step.id][cells]
        below = (grades > 0) & (grades < max(_grades(step)))
        if below.any():
            lowered.append(_limit(made, step, cells, below, grades))
        elif isinstance(step, GradeStep) and step.variable in made.inputs.found:
            values = made.inputs.read(step.variable)[cells]
            tight, words = _tightened(step, values)
            if words:
                near.append(_limit(made, step, cells, tight, grades, words=words))
    by_area = sorted(near, key=lambda limit: -limit.area_ha)
    return tuple(sorted(lowered, key=lambda limit: -limit.area_ha)), tuple(by_area)


def _tightened(step: GradeStep, values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.bool_], str]:
    """Say where values of the best grade would fall if its bounds were a fifth stricter."""
    best, falls = max(step.grades), np.zeros(values.shape, bool)
    unit = variables()[step.variable].unit
    unit = "" if unit == "1" else unit
    told = []
    for k, bound in enumerate(step.breaks):
        below, above = step.grades[k], step.grades[k + 1]
        if (below == best) == (above == best):
            continue
        strict = bound - SPREAD * abs(bound) if below == best else bound + SPREAD * abs(bound)
        at = values > strict if below == best else values < strict
        falls |= at & (values <= bound if below == best else values >= bound)
        told.append(f"界线 {bound:g}{unit} 收紧 {SPREAD:.0%} 为 {strict:g}{unit}")
    return falls, "，".join(told)


def _drivers(made: DualEvaluation, part: Part, cells: Mask) -> tuple[Limit, ...]:
    """Attribute cells of the highest importance: the leaf steps of the highest grade there."""
    if not cells.any():
        return ()
    leaves = [s for s in _feeding(part.evaluation, part) if _is_leaf(s) and max(_grades(s)) >= 3]
    if not leaves:
        return ()
    stack = np.stack([part.grades[s.id][cells] for s in leaves])
    high = stack.max(axis=0)
    found = []
    for step, grades in zip(leaves, stack, strict=True):
        at = (grades == high) & (high > 1)
        if at.any():
            found.append(_limit(made, step, cells, at, grades))
    return tuple(sorted(found, key=lambda limit: -limit.area_ha))


def _feeding(evaluation: Evaluation, part: Part) -> list[AnyStep]:
    """Return the steps that the result is made from."""
    steps = {s.id: s for s in (part.feasible.evaluation or evaluation).steps}
    wanted, todo = set(), [evaluation.result]
    while todo:
        name = todo.pop()
        if name in steps and name not in wanted:
            wanted.add(name)
            if not isinstance(steps[name], GeometricStep):  # it is one factor, its parts are not
                todo += needs(steps[name])
    return [step for name, step in steps.items() if name in wanted]


def _is_leaf(step: AnyStep) -> bool:
    return bool(variables_of(step)) or isinstance(step, PatchStep | GeometricStep)


def _grades(step: AnyStep) -> tuple[int, ...]:
    if step.kind in ("grade", "cumulative", "patch", "geometric"):
        return tuple(step.grades)
    if step.kind == "category":
        return (*step.grades.values(), *([step.outside] if step.outside else []))
    if step.kind == "cases":
        return (*(case.grade for case in step.cases), step.other)
    return (1,)


def _limit(
    made: DualEvaluation,
    step: AnyStep,
    cells: Mask,
    at: npt.NDArray[np.bool_],
    grades: npt.NDArray[Any],
    words: str = "",
) -> Limit:
    """Read one factor where it limits; where `words` say the standard, over all of the cells."""
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    read = variables_of(step)
    if isinstance(step, GeometricStep):
        home = next(e for e in made.scheme.evaluations if any(s.id == step.id for s in e.steps))
        steps = {s.id: s for s in home.steps}
        read = tuple(dict.fromkeys(v for need in step.of for v in variables_of(steps[need])))
    where = np.ones_like(at) if words else at
    values = {
        variables()[name].title: _figures(made, name, cells, where)
        for name in read
        if name in made.inputs.found
    }
    count = int(at.sum())
    return Limit(
        step=step.id, title=step.title, area_ha=round(count * cell_ha, 4),
        share_percent=round(100 * count / len(at), 2),
        threshold=words or standard_of(step, {int(g) for g in np.unique(grades[at])}),
        source=step.source, verified=step.verified, values=values,
    )  # fmt: skip


def _figures(
    made: DualEvaluation, name: str, cells: Mask, at: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """Read a factor layer where it limits."""
    found = made.inputs.found[name]
    values = made.inputs.read(name)[cells][at]
    if found.variable.category:
        cell_ha = made.inputs.grid.cell_m2 / 1e4
        titles = {code: title for title, code in found.codes.items()} | {0: "未覆盖"}
        counts = np.bincount(values, minlength=256)
        return {
            titles[int(code)]: round(float(counts[code]) * cell_ha, 4)
            for code in np.argsort(-counts, kind="stable")
            if counts[code] and code != UNKNOWN_CODE
        }
    known = values[np.isfinite(values)]
    if not len(known):
        return {}
    unit = found.variable.unit
    return {
        "mean": float(f"{known.mean():.4g}"), "lowest": float(f"{known.min():.4g}"),
        "highest": float(f"{known.max():.4g}"), "unit": "" if unit == "1" else unit,
    }  # fmt: skip
