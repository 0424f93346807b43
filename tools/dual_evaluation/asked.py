"""Sentences that answer what was asked beside the evaluation: one factor, scenarios, sensitivity."""

import numpy as np

from cspon.errors import InputError
from cspon.schemas.spatial import Table
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.scheme import load_scheme
from tools.dual_evaluation.sensitivity import Sensitivity
from tools.dual_evaluation.steps import OUTSIDE, AnyStep

MOST_MOVED = 3
"""Thresholds that a sentence names."""


def factor_sentences(made: DualEvaluation, names: tuple[str, ...]) -> tuple[str, ...]:
    """Say area by grade of single steps, or why they have no result.

    Args:
        made: The evaluation.
        names: Ids of steps (water_erosion), in any evaluation that was asked for.

    Raises:
        InputError: the scheme has no such step.
    """
    told = []
    for name in names:
        found = [
            (part, step)
            for id_, part in made.parts.items()
            if id_ in made.inputs.config.parts
            for step in part.evaluation.steps
            if step.id == name
        ]
        if not found:
            raise InputError(
                f"{made.scheme.id} 版方案所评价的部分没有“{step_title(name)}”这一项",
                field="factors",
                mend=f"可用：{'、'.join(_titles(made))}",
            )
        told += [_factor(made, part, step) for part, step in found]
    return tuple(told)


def _factor(made: DualEvaluation, part: Part, step: AnyStep) -> str:
    head = f"{part.evaluation.title}的单项“{step.title}”"
    if step.title in part.feasible.absent:
        return f"{head}不适用：{part.feasible.absent[step.title]}。"
    if step.id not in part.grades:
        why = part.feasible.missing.get(step.title, part.feasible.refused or "上一步没有结果")
        return f"{head}没有结果：{why}；补充数据后才能评价，不作推断。"
    grades = part.grades[step.id][made.inputs.inside]
    counts = np.bincount(grades, minlength=16)
    cell_ha = made.inputs.grid.cell_m2 / 1e4
    names = {c.value: c.title for c in part.evaluation.classes if c.value != OUTSIDE}
    shares = [
        f"等级 {g}（相当于“{names[g]}”）" if g in names else f"等级 {g}"
        for g in range(len(counts) - 1, 0, -1)
        if counts[g] and g != OUTSIDE
    ]
    areas = [
        f"{counts[g] * cell_ha:,.0f} 公顷（{counts[g] / len(grades):.1%}）"
        for g in range(len(counts) - 1, 0, -1)
        if counts[g] and g != OUTSIDE
    ]
    said = "，".join(f"{a} {b}" for a, b in zip(shares, areas, strict=True))
    mark = "" if step.verified else "；阈值未与原文核对"
    return f"{head}：{said}{mark}。"


def step_title(name: str) -> str:
    """Title of a step in whatever scheme has it; the name itself where none has."""
    for scheme in ("2020", "2019"):
        for evaluation in load_scheme(scheme).evaluations:
            for step in evaluation.steps:
                if step.id == name:
                    return step.title
    return name


def _titles(made: DualEvaluation) -> list[str]:
    asked = [p for n, p in made.parts.items() if n in made.inputs.config.parts]
    return list(dict.fromkeys(s.title for part in asked for s in part.evaluation.steps))


def scenario_sentences(table: Table | None) -> tuple[str, ...]:
    """Say what each scenario changes against the present, from the table of scenarios."""
    if table is None or len(table.rows) < 2:
        return ()
    present, *others = table.rows
    told = []
    for row in others:
        changes = []
        for column in table.columns[1:]:
            before, after = present.get(column.key), row.get(column.key)
            if before is None or after is None:
                changes.append(f"{column.title}数据缺失")
                continue
            moved = after - before
            way = (
                "不变"
                if moved == 0
                else f"{'增加' if moved > 0 else '减少'} {abs(moved):,.1f} 公顷"
            )
            share = f"（{moved / before:+.2%}）" if before and moved else ""
            changes.append(f"{column.title} {before:,.1f} → {after:,.1f} 公顷，{way}{share}")
        told.append(f"{row['title']}：{'；'.join(changes)}。")
    return tuple(told)


def sensitivity_sentences(found: tuple[Sensitivity, ...]) -> tuple[str, ...]:
    """Name the thresholds that move a result most."""
    told = []
    for one in found:
        moved = [e for e in one.effects if e.largest or e.mu_star][:MOST_MOVED]
        if not moved:
            told.append(f"{one.title}：各阈值上下变动 {one.spread:.0%}，结果都不变。")
            continue
        said = "；".join(
            f"{e.threshold.title}（降低 {one.spread:.0%} 时{one.class_title}面积{_signed(e.lower_ha)}，"
            f"提高时{_signed(e.higher_ha)}）"
            for e in moved
        )
        told.append(f"{one.title}影响最大的阈值依次是：{said}。")
    return tuple(told)


def _signed(area: float) -> str:
    if round(area, 1) == 0:
        return "不变"
    return f"{'增加' if area > 0 else '减少'} {abs(area):,.1f} 公顷"
