"""What is there before the run: grid, unit, gaps of every input, and what a missing one costs."""

from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.inputs import Found, Inputs, find
from tools.dual_evaluation.scheme import Evaluation, Scheme
from tools.dual_evaluation.steps import CategoryStep, variables_of
from tools.dual_evaluation.survey import Survey, survey
from tools.dual_evaluation.variables import Variable, variables
from tools.raster.opening import open_raster
from tools.raster.sources import Source, Terrain

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
    variable, source = found.variable, _source_of(found)
    _check_parts(inputs, variable)
    stats = survey(inputs, variable.id)
    share = 100 * stats.unknown / stats.cells if stats.cells else 100.0
    if stats.cells and stats.unknown == stats.cells:
        raise InputError(
            f"因子“{variable.title}”在评价范围内全部为无数据",
            file=_named(inputs, found),
            field=variable.id,
            mend="核对范围、坐标系和 nodata，或在 absent 中声明不适用",
        )
    _check_range(inputs, found, stats)
    if stats.unknown:
        inputs.notices.append(_gaps(variable.title, stats, share))
    resolution = _resolution(source.file)
    other = resolution != f"{inputs.grid.cell:g} 米"
    low, high = (None, None) if variable.category else (stats.lowest, stats.highest)
    return Readiness(
        variable=variable.id, title=variable.title, status=THERE, unit=variable.unit, how=f"{found.how}；原始 {resolution}" if other else found.how,
        resolution=resolution, unknown_percent=round(share, 2),
        lowest=low if low is None else float(f"{low:.5g}"),
        highest=high if high is None else float(f"{high:.5g}"), used_by=told,
    )  # fmt: skip


def _check_parts(inputs: Inputs, variable: Variable) -> None:
    """Check what a variable is made from first: the error is to name the file that is wrong."""
    for name in variable.made_from:
        found = inputs.found.get(name)
        if found is not None:
            _check_parts(inputs, found.variable)
            _check_range(inputs, found, survey(inputs, name))


def _gaps(title: str, stats: Survey, share: float) -> str:
    """Say how much is without data, and where whole rows or columns are."""
    bands = [
        f"第 {band[0] + 1}–{band[1] + 1} {word}全部无数据"
        for band, word in ((stats.empty_rows, "行"), (stats.empty_columns, "列"))
        if band is not None
    ]
    where = f"（{'，'.join(bands)}，可能缺一幅数据）" if bands else ""
    told = f"{share:.2f}%" if share >= 0.005 else "不足 0.01%"
    return (
        f"“{title}”在评价范围内有 {stats.unknown:,} 个像元（{told}）无数据{where}，"
        "用到它的结果在这些像元为无数据"
    )


def _source_of(found: Found) -> Source:
    return found.source.dem if isinstance(found.source, Terrain) else found.source


def _named(inputs: Inputs, found: Found) -> str | None:
    """Return the file to name in an error: as given, else what the values were computed from."""
    source = _source_of(found)
    if source.file.parent != inputs.work:
        return str(source.file)
    return "、".join(found.files) or None


def _check_range(inputs: Inputs, found: Found, stats: Survey) -> None:
    variable = found.variable
    if variable.category or variable.range is None or stats.lowest is None or stats.highest is None:
        return
    low, high = stats.lowest, stats.highest
    if variable.range[0] <= low and high <= variable.range[1]:
        return
    where = f"{variable.range[0]:g} 到 {variable.range[1]:g} {variable.unit}"
    cell = stats.lowest_at if low < variable.range[0] else stats.highest_at
    at = f"（例如评价格网第 {cell[0] + 1} 行第 {cell[1] + 1} 列）" if cell is not None else ""
    raise InputError(
        f"因子“{variable.title}”的值为 {low:g} 到 {high:g}，超出合理范围 {where}{at}",
        file=_named(inputs, found),
        field=variable.id,
        mend=_mend(variable),
    )


def _mend(variable: Variable) -> str:
    if variable.id == "slope":
        return "可能是百分比坡度：改由高程计算（删去 inputs.slope），或把数据换算为度"
    tenth = "（例如 0.1 mm 误作 mm 时写 unit: 0.1mm）" if variable.unit == "mm" else ""
    return (
        f"在 inputs.{variable.id} 中用 unit 写明数据的单位{tenth}；"
        "未声明的无数据值（如 -9999）用 nodata 写明"
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
                    file=_named(inputs, found),
                    field=step.variable,
                    mend=f"用 inputs.{step.variable}.classes 归并为：{'、'.join(step.grades)}",
                )
            if step.outside is None and survey(inputs, step.variable).uncovered:
                inputs.notices.append(f"“{found.variable.title}”有未覆盖的像元，按无数据处理")


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
