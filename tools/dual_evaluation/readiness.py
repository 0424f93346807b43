"""What is there before the run: grid, unit, gaps of every input, and what a missing one costs."""

from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.inputs import Found, Inputs, find
from tools.dual_evaluation.rasters import UNKNOWN_CODE
from tools.dual_evaluation.scheme import Evaluation, Scheme
from tools.dual_evaluation.steps import CasesStep, CategoryStep, variables_of
from tools.dual_evaluation.variables import variables
from tools.raster.opening import open_raster
from tools.raster.sources import Terrain

THERE, MISSING, ABSENT = "具备", "缺失", "不适用"


class Readiness(Frozen):
    """One input."""

    variable: str
    title: str
    status: str
    unit: str = ""
    how: str = ""
    resolution: str = ""
    """Of the file that it comes from."""
    unknown_percent: float | None = None
    lowest: float | None = None
    highest: float | None = None
    used_by: str
    """Evaluations and steps."""
    cost: str = ""
    """What is lost where it is missing."""


def check_readiness(
    inputs: Inputs, scheme: Scheme, wanted: tuple[str, ...]
) -> tuple[Readiness, ...]:
    """Look at every input that the wanted evaluations read.

    Args:
        inputs: Variables are looked for in it.
        scheme: With its evaluations.
        wanted: Ids of evaluations.

    Raises:
        InputError: an input that is there does not fit: range, unit, category, grid.
    """
    used: dict[str, list[str]] = {}
    required: set[str] = set()
    for evaluation in scheme.evaluations:
        if evaluation.id not in wanted:
            continue
        for step in evaluation.steps:
            for name in variables_of(step):
                used.setdefault(name, []).append(f"{evaluation.title}·{step.title}")
                if step.required:
                    required.add(name)
    rows = []
    for name, steps in used.items():
        told = "；".join(dict.fromkeys(steps))
        variable = variables()[name]
        if name in inputs.config.absent:
            reason = inputs.config.absent[name]
            rows.append(
                Readiness(
                    variable=name, title=variable.title, status=ABSENT, how=reason, used_by=told
                )
            )
        elif find(inputs, name):
            found = inputs.found[name]
            rows.append(_there(inputs, found, told))
        else:
            loss = "评价不能进行" if name in required else "该项不评价，结果标为不完整"
            rows.append(
                Readiness(
                    variable=name, title=variable.title, unit=variable.unit, status=MISSING,
                    how=inputs.missing[name], used_by=told, cost=f"{told}：{loss}",
                )
            )  # fmt: skip
    for evaluation in scheme.evaluations:
        if evaluation.id in wanted:
            _check_categories(inputs, evaluation)
    return tuple(rows)


def _there(inputs: Inputs, found: Found, told: str) -> Readiness:
    variable = found.variable
    values = inputs.read(variable.id)[inputs.inside]
    unknown = values == UNKNOWN_CODE if variable.category else ~np.isfinite(values)
    share = 100 * float(unknown.mean()) if len(values) else 100.0
    if len(values) and unknown.all():
        raise InputError(
            f"因子“{variable.title}”在评价范围内全部为无数据",
            file=next(iter(found.files), None),
            field=variable.id,
            mend="核对范围与坐标系，或在 absent 中声明不适用",
        )
    low = high = None
    if not variable.category:
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        _check_range(found, low, high)
    source = found.source.dem if isinstance(found.source, Terrain) else found.source
    resolution = _resolution(source.file)
    other = resolution != f"{inputs.grid.cell:g} 米"
    return Readiness(
        variable=variable.id, title=variable.title, status=THERE, unit=variable.unit, how=f"{found.how}；原始 {resolution}" if other else found.how,
        resolution=resolution, unknown_percent=round(share, 2),
        lowest=low if low is None else float(f"{low:.5g}"),
        highest=high if high is None else float(f"{high:.5g}"), used_by=told,
    )  # fmt: skip


def _check_range(found: Found, low: float, high: float) -> None:
    variable = found.variable
    if variable.range is None or (variable.range[0] <= low and high <= variable.range[1]):
        return
    where = f"{variable.range[0]:g} 到 {variable.range[1]:g} {variable.unit}"
    hint = "核对单位（例如 0.1 mm 误作 mm、百分比坡度误作度）和无数据值，用 unit、nodata 写明"
    raise InputError(
        f"因子“{variable.title}”的值为 {low:g} 到 {high:g}，超出合理范围 {where}",
        file=next(iter(found.files), None),
        field=variable.id,
        mend=hint,
    )


def _resolution(file: Path) -> str:
    with open_raster(file, factor=file.stem) as dataset:
        unit = "度" if dataset.crs is not None and dataset.crs.is_geographic else "米"
        return f"{dataset.transform.a:g} {unit}"


def _check_categories(inputs: Inputs, evaluation: Evaluation) -> None:
    """Refuse categories that the scheme has no grade for."""
    for step in evaluation.steps:
        if isinstance(step, CategoryStep) and step.variable in inputs.found:
            found = inputs.found[step.variable]
            unknown = sorted(set(found.codes) - set(step.grades))
            if unknown:
                raise InputError(
                    f"因子“{found.variable.title}”的类别“{unknown[0]}”在方案“{step.title}”中没有等级",
                    field=step.variable,
                    mend=f"用 inputs.{step.variable}.classes 归并为：{'、'.join(step.grades)}",
                )
            if step.outside is None and 0 in np.unique(inputs.read(step.variable)[inputs.inside]):
                inputs.notices.append(f"“{found.variable.title}”有未覆盖的像元，按无数据处理")
        if isinstance(step, CasesStep):
            continue


def readiness_table(rows: tuple[Readiness, ...]) -> Table:
    """Return the rows as a table."""
    columns = (
        Column(key="title", title="因子"),
        Column(key="status", title="状态"),
        Column(key="how", title="来源与处理"),
        Column(key="range", title="取值范围"),
        Column(key="unknown_percent", title="无数据", unit="%"),
        *([Column(key="cost", title="缺失的影响")] if any(row.cost for row in rows) else []),
    )
    return Table(
        name="readiness",
        title="数据准备情况",
        columns=columns,
        rows=tuple(_row(row) for row in rows),
        note="缺失的因子不作推断；“不适用”为配置中声明本地没有的因子。",
    )


def _row(row: Readiness) -> dict[str, Any]:
    unit = "" if row.unit in ("1", "") else f" {row.unit}"
    told = "" if row.lowest is None else f"{row.lowest:g}–{row.highest:g}{unit}"
    return {**row.model_dump(), "range": told}
