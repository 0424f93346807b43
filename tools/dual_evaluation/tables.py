"""Tables of a result: area by class and unit, steps, scheme figures, what is missing."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.sources import corroboration
from tools.dual_evaluation.steps import MOST_GRADES, AnyStep, needs

HA = 1e4
AREA_NOTE = "面积为评价格网像元面积之和（投影平面），各类与无数据之和等于评价范围。"


def class_areas(
    made: DualEvaluation, classes: npt.NDArray[np.uint8]
) -> tuple[dict[int, float], npt.NDArray[np.float64]]:
    """Return hectares by class in all, and by unit (rows: 0 no unit) and class (columns)."""
    cell_ha = made.inputs.grid.cell_m2 / HA
    counts = np.zeros((len(made.units) + 1, 16))
    inside = made.inputs.inside
    np.add.at(counts, (made.unit_of[inside], classes[inside]), 1)
    by_unit = counts * cell_ha
    return {k: float(v) for k, v in enumerate(by_unit.sum(axis=0)) if v}, by_unit


def area_table(made: DualEvaluation, part: Part) -> Table:
    """Return area by unit and class, the whole last."""
    _, by_unit = class_areas(made, part.result)
    classes = [c for c in part.evaluation.classes if by_unit[:, c.value].any() or c.value < 9]
    columns = [Column(key="unit", title="评价单元")]
    columns += [Column(key=f"c{c.value}", title=c.title, unit="公顷") for c in classes]
    columns += [
        Column(key="unknown", title="无数据", unit="公顷"),
        Column(key="total", title="合计", unit="公顷"),
        Column(key="share", title=f"{classes[0].title}占比", unit="%"),
    ]
    rows = []
    order = [k for k in range(1, len(made.units) + 1) if by_unit[k].any()]
    if by_unit[0].any():
        order.append(0)
    for k in order:
        name = made.units[k - 1] if k else "（单元图层之外）"
        rows.append(_area_row(name, by_unit[k], [c.value for c in classes]))
    rows.append(_area_row("合计", by_unit.sum(axis=0), [c.value for c in classes]))
    return Table(
        name=f"{part.evaluation.id}_area",
        title=f"{part.evaluation.title}评价结果面积",
        columns=tuple(columns),
        rows=tuple(rows),
        note=AREA_NOTE,
    )


def _area_row(name: str, areas: Any, classes: list[int]) -> dict[str, Any]:
    total = float(areas.sum())
    return {
        "unit": name,
        **{f"c{k}": round(float(areas[k]), 4) for k in classes},
        "unknown": round(float(areas[0]), 4),
        "total": round(total, 4),
        "share": round(100 * float(areas[classes[0]]) / total, 2) if total else None,
    }


def step_table(made: DualEvaluation, part: Part) -> Table:
    """Return area by step and grade, with the source of the step."""
    cell_ha = made.inputs.grid.cell_m2 / HA
    inside = made.inputs.inside
    grades = sorted(
        {int(g) for step in part.grades.values() for g in np.unique(step[inside]) if 0 < g < 9}
    )
    rows = []
    for step in part.evaluation.steps:
        state = "已评价"
        if step.title in part.feasible.missing:
            state = "缺失：" + part.feasible.missing[step.title]
        elif step.title in part.feasible.absent:
            state = "不适用：" + part.feasible.absent[step.title]
        elif step.id not in part.grades:
            state = "缺失：上一步没有结果"
        row: dict[str, Any] = {"title": step.title, "state": state}
        if step.id in part.grades:
            found = np.bincount(part.grades[step.id][inside], minlength=16)
            row |= {f"g{g}": round(float(found[g]) * cell_ha, 4) for g in grades}
        rows.append(row)
    return Table(
        name=f"{part.evaluation.id}_steps",
        title=f"{part.evaluation.title}单项与集成结果",
        columns=(
            Column(key="title", title="步骤"),
            Column(key="state", title="状态"),
            *(Column(key=f"g{g}", title=f"等级 {g}", unit="公顷") for g in reversed(grades)),
        ),
        rows=tuple(rows),
        note="等级数字大者为好（适宜、重要）。",
    )


def scheme_table(made: DualEvaluation, part: Part) -> Table:
    """Return the figures of the scheme with source and mark."""
    rows = [
        {
            "title": step.title,
            "figures": figures_of(step),
            "source": f"{step.source}。{step.note}".rstrip("。"),
            "verified": "是" if step.verified else "否",
            "secondary": corroboration(step.secondary),
        }
        for step in part.evaluation.steps
        if figures_of(step)
    ]
    return Table(
        name=f"{part.evaluation.id}_scheme",
        title=f"{part.evaluation.title}所用阈值与来源",
        columns=(
            Column(key="title", title="步骤"),
            Column(key="figures", title="阈值、权重或矩阵"),
            Column(key="source", title="来源"),
            Column(key="verified", title="已核对原文"),
            Column(key="secondary", title="旁证"),
        ),
        rows=tuple(rows),
    )


_WORDS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}


def figures_of(step: AnyStep) -> str:
    """Say the figures of a step in one line."""
    from tools.dual_evaluation.variables import variables

    if step.kind in ("grade", "demote"):
        variable = variables()[step.variable]
        unit = "" if variable.unit in ("", "1") else variable.unit
        told = (
            [str(g) for g in step.grades]
            if step.kind == "grade"
            else [_drop(d) for d in step.drops]
        )
        low, high = ("≤", ">") if step.closed == "right" else ("<", "≥")
        parts = [f"{low}{step.breaks[0]:g}：{told[0]}"]
        for k, (a, b) in enumerate(pairwise(step.breaks), start=1):
            parts.append(f"{a:g}–{b:g}：{told[k]}")
        return f"{variable.title}（{unit or '比值'}）" + "，".join(
            [*parts, f"{high}{step.breaks[-1]:g}：{told[-1]}"]
        )
    if step.kind == "category":
        named = "，".join(f"{name}：{grade}" for name, grade in step.grades.items())
        return named + (f"，其他地方：{step.outside}" if step.outside is not None else "")
    if step.kind == "cases":
        said = []
        for case in step.cases:
            words = []
            for c in case.when:
                title = variables()[c.variable].title
                words.append(
                    f"{title}为{'、'.join(c.among)}"
                    if c.among
                    else title
                    + "且".join(f"{_WORDS[n]}{b:g}{_unit(c.variable)}" for n, b in c.bounds.items())
                )
            said.append(f"{'且'.join(words)}：{case.grade}")
        return "；".join([*said, f"其他：{step.other}"])
    if step.kind == "cumulative":
        return "由高到低累计 " + "，".join(
            f"{s:.0%}：{g}" for s, g in zip((*step.shares, 1.0), step.grades, strict=True)
        )
    if step.kind == "patch":
        return f"斑块面积（{step.unit}）界线 {'、'.join(f'{b:g}' for b in step.breaks)}"
    if step.kind == "geometric":
        return f"几何平均界线 {'、'.join(f'{b:g}' for b in step.breaks)}"
    if step.kind == "matrix":
        return "矩阵（行、列由低到高）" + "；".join(" ".join(map(str, row)) for row in step.table)
    if step.kind == "combine" and len(needs(step)) > 1:
        return "取最低等级" if step.how == "lowest" else "取最高等级"
    return ""


def _drop(grades: int) -> str:
    """Say by how many grades a step lowers."""
    if grades == 0:
        return "不降"
    return f"降 {grades} 级" if grades < MOST_GRADES else "取最低"


def _unit(name: str) -> str:
    from tools.dual_evaluation.variables import variables

    unit = variables()[name].unit
    return "" if unit in ("", "1") else unit
