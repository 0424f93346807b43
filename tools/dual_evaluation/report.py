"""The report of a 双评价 as Markdown: results first, then readiness, figures of the scheme, limits."""

from cspon.schemas.spatial import ToolResult
from tools.compliance.narrative import table_markdown
from tools.dual_evaluation.outcome import DualOutcome
from tools.result_files import SYNTHETIC


def report_markdown(result: ToolResult, pictures: tuple[str, ...], *, record: bool = True) -> str:
    """Write the report.

    Args:
        result: Of the tool.
        pictures: Names of the maps that go with it, `<evaluation>.png`.
        record: Whether the run record is written beside it.
    """
    data = DualOutcome.model_validate(result.data)
    tables = {table.name: table for table in result.tables}
    parts = [f"# {data.region}资源环境承载能力和国土空间开发适宜性评价报告"]
    if result.synthetic:
        parts.append(f"> {SYNTHETIC}")
    parts += [
        "## 评价结论",
        "\n".join(f"- **{line}**" for line in _headlines(data)),
        f"评价范围 {data.area_ha:,.4f} 公顷，像元 {data.cell_m:g} 米，坐标系 EPSG:{data.epsg}。"
        f"评价方案：{data.scheme_title}，依据{data.document}。",
    ]
    if data.own_figures:
        told = "\n".join(f"- {line}" for line in data.own_figures)
        parts.append(f"本单位改写的方案数值：\n\n{told}")
    for part in data.parts:
        parts.append(f"## {part.title}")
        if part.status == "未评价":
            parts.append(part.headline)
            continue
        parts.append(f"结果{part.status}。" + _lost(part.missing, part.absent))
        if f"{part.id}.png" in pictures:
            parts.append(f"![{part.title}评价结果图]({part.id}.png)")
        for name in (f"{part.id}_area", f"{part.id}_steps"):
            parts.append(f"### {tables[name].title}\n\n{table_markdown(tables[name])}")
    if data.carrying:
        parts.append("## 承载规模")
        for name in ("carrying_farmland", "carrying_urban"):
            parts.append(f"### {tables[name].title}\n\n{table_markdown(tables[name])}")
    if data.findings:
        parts.append(f"## {tables['checks'].title}\n\n{table_markdown(tables['checks'])}")
    for number, found in enumerate(data.explanations, 1):
        table = tables["limits" if number == 1 else f"limits_{number}"]
        parts.append(f"## {table.title}\n\n" + "\n".join(f"- {line}" for line in found.lines))
        if table.rows:
            parts.append(table_markdown(table))
    if "scenarios" in tables:
        parts.append(f"## {tables['scenarios'].title}\n\n{table_markdown(tables['scenarios'])}")
    for name, table in tables.items():
        if name.startswith("sensitivity_"):
            parts.append(f"## {table.title}")
            if f"{name}.png" in pictures:
                parts.append(f"![{table.title}]({name}.png)")
            parts.append(table_markdown(table))
    if "interpolation" in tables:
        parts.append(
            f"## {tables['interpolation'].title}\n\n{table_markdown(tables['interpolation'])}"
        )
    parts.append(f"## {tables['readiness'].title}\n\n{table_markdown(tables['readiness'])}")
    parts.append("## 评价方案的数值与来源")
    owners = [*(part.id for part in data.parts), "parameters", "formulas", "publications"]
    for name in owners:
        table = tables[f"{name}_scheme"]
        if table.rows:
            parts.append(f"### {table.title}\n\n{table_markdown(table)}")
    if result.warnings:
        parts.append("## 注意\n\n" + "\n".join(f"- {text}" for text in result.warnings))
    days = "；".join(f"{name} {day}" for name, day in result.provenance.layer_dates.items())
    parts.append(
        f"工具 {result.tool} 版本 {result.version}；密级 {result.secrecy.value}；图层数据时点：{days}。"
        + (
            "输入文件的校验值、参数和软件版本见 run.json，可据此重新运行得到相同的栅格。"
            if record
            else "栅格成果和运行记录用 cspon dual-eval --out 输出。"
        )
    )
    return "\n\n".join(parts) + "\n"


def _headlines(data: DualOutcome) -> list[str]:
    told = [part.headline for part in data.parts]
    totals: dict[str, float | None] = {}
    for row in data.carrying:
        before = totals.get(row.use, 0.0)
        totals[row.use] = None if before is None or row.scale_ha is None else before + row.scale_ha
    if totals:
        scales = [
            f"{use} {'数据缺失' if v is None else f'{v:,.0f} 公顷'}" for use, v in totals.items()
        ]
        told.append(f"承载规模（水、土约束取小）：{'，'.join(scales)}。")
    problems = [f for f in data.findings if f.kind == "问题" and f.area_ha]
    if problems:
        told.append(
            "主要问题：" + "；".join(f"{f.what} {f.area_ha:,.0f} 公顷" for f in problems) + "。"
        )
    return told


def _lost(missing: dict[str, str], absent: dict[str, str]) -> str:
    lines = [f"- 未计入：{title}（{why}）" for title, why in missing.items()]
    lines += [f"- 不适用：{title}（{why}）" for title, why in absent.items()]
    return "\n\n" + "\n".join(lines) if lines else ""
