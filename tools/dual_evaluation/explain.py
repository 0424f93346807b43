"""Why a place has its class: the limiting factors with their figures, read from the factor layers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.places import Mask, Place, find_place
from tools.dual_evaluation.rasters import UNKNOWN_CODE
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.steps import (
    OUTSIDE,
    AnyStep,
    DemoteStep,
    GeometricStep,
    PatchStep,
    needs,
    variables_of,
)
from tools.dual_evaluation.tables import figures_of
from tools.dual_evaluation.variables import variables

SHORT = 40
"""A standard longer than this is left to the table of the scheme."""


class Limit(Frozen):
    """One factor that limits a place."""

    step: str
    title: str
    area_ha: float
    """Where it limits."""
    share_percent: float
    """Of the limited cells."""
    threshold: str
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
    limits: tuple[Limit, ...]
    outside: tuple[Limit, ...]
    """What makes the land outside the range 生态保护极重要."""
    missing: tuple[str, ...]
    text: str


def explain_place(
    made: DualEvaluation, place: str | Place, evaluation: str = "urban"
) -> Explanation:
    """Explain an evaluation at a place.

    Args:
        made: The evaluation.
        place: Name, "x,y", or cells.
        evaluation: ecology, agriculture or urban.

    Raises:
        InputError: no such place, or the evaluation has no result.
    """
    part = made.parts.get(evaluation)
    if part is None or not part.grades:
        why = part.feasible.refused if part is not None else "没有做这一项评价"
        raise InputError(f"不能解释：{why}", field="evaluation", mend="补充输入后再评价")
    where = find_place(made, place) if isinstance(place, str) else place
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    classes = {
        c.title: round(int((where.cells & (part.result == c.value)).sum()) * cell_ha, 4)
        for c in part.evaluation.classes
    }
    if evaluation == "ecology":
        limits = _drivers(made, part, where.cells & (part.result == 3))
        outside: tuple[Limit, ...] = ()
    else:
        limits = _limits(made, part, where.cells & (part.result == 1))
        beyond = where.cells & (part.result == OUTSIDE)
        ecology = made.parts.get("ecology")
        drives = ecology is not None and bool(ecology.grades)
        outside = _drivers(made, ecology, beyond) if drives and ecology is not None else ()
    found = Explanation(
        place=where.title, note=where.note, evaluation=evaluation, title=part.evaluation.title,
        area_ha=round(int(where.cells.sum()) * cell_ha, 4), classes_ha=classes, limits=limits,
        outside=outside, missing=tuple(part.feasible.missing), text="",
    )  # fmt: skip
    return found.model_copy(update={"text": _text(made, found)})


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
            at = (grades == low) & (grades <= 2) & (grades < max(_grades(step)))
        if at.any():
            found.append(_limit(made, step, cells, at))
    return tuple(sorted(found, key=lambda limit: -limit.area_ha))


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
            found.append(_limit(made, step, cells, at))
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


def _limit(made: DualEvaluation, step: AnyStep, cells: Mask, at: npt.NDArray[np.bool_]) -> Limit:
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    read = variables_of(step)
    if isinstance(step, GeometricStep):
        home = next(e for e in made.scheme.evaluations if any(s.id == step.id for s in e.steps))
        steps = {s.id: s for s in home.steps}
        read = tuple(dict.fromkeys(v for need in step.of for v in variables_of(steps[need])))
    values = {
        variables()[name].title: _figures(made, name, cells, at)
        for name in read
        if name in made.inputs.found
    }
    count = int(at.sum())
    return Limit(
        step=step.id, title=step.title, area_ha=round(count * cell_ha, 4),
        share_percent=round(100 * count / len(at), 2), threshold=figures_of(step), values=values,
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


def _text(made: DualEvaluation, found: Explanation) -> str:
    """Say it in sentences."""
    shares = "，".join(
        f"{title} {area:,.2f} 公顷（{area / found.area_ha:.1%}）"
        for title, area in found.classes_ha.items()
        if area
    )
    lines = [f"{found.place}（{found.area_ha:,.2f} 公顷）的{found.title}：{shares}。"]
    if found.evaluation == "ecology":
        lines += [f"极重要的主要原因：{_said(found.limits)}。"] if found.limits else []
    else:
        if found.limits:
            lines.append(f"不适宜的限制因素：{_said(found.limits)}。")
        if found.outside:
            lines.append(f"评价范围外的土地为生态保护极重要区，主要因为：{_said(found.outside)}。")
        if not found.limits and not found.outside:
            lines.append("没有发现限制因素。")
    if found.missing:
        lines.append(f"未计入（没有输入）：{'、'.join(found.missing)}。")
    if found.note:
        lines.append(f"{found.note}。")
    if not made.scheme.verified:
        lines.append(f"依据 {made.scheme.id} 版方案，阈值尚未与指南原文核对。")
    return "".join(lines)


def _said(limits: tuple[Limit, ...]) -> str:
    return "；".join(
        f"{limit.title} {limit.area_ha:,.2f} 公顷（占 {limit.share_percent:g}%"
        + "".join(f"，{title}{_value(values)}" for title, values in limit.values.items() if values)
        + (f"；标准：{limit.threshold}）" if len(limit.threshold) <= SHORT else "）")
        for limit in limits[:5]
    )


def _value(values: dict[str, Any]) -> str:
    if "mean" not in values:
        return "为" + "、".join(f"“{title}”" for title in list(values)[:3])
    unit = values["unit"]
    if values["lowest"] == values["highest"]:
        return f" {values['mean']:g}{unit}"
    return f"平均 {values['mean']:g}{unit}（{values['lowest']:g}–{values['highest']:g}{unit}）"


def limits_table(found: Explanation) -> Table:
    """Return the limiting factors of a place as a table."""
    rows = [
        {
            "kind": kind,
            "title": limit.title,
            "area": limit.area_ha,
            "share": limit.share_percent,
            "values": "；".join(f"{t}{_value(v)}" for t, v in limit.values.items() if v),
        }
        for kind, limits in (
            ("极重要" if found.evaluation == "ecology" else "不适宜", found.limits),
            ("评价范围外", found.outside),
        )
        for limit in limits
    ]
    return Table(
        name="limits",
        title=f"{found.place}：{found.title}的限制因素",
        columns=(
            Column(key="kind", title="结果"),
            Column(key="title", title="因素"),
            Column(key="area", title="面积", unit="公顷"),
            Column(key="share", title="占该类", unit="%"),
            Column(key="values", title="因子值"),
        ),
        rows=tuple(rows),
        note="一处可同时受几个因素限制，占比之和可以超过 100%。",
    )
