"""The check-up report (体检评估报告): Word, Markdown, workbook, charts and record."""

from functools import partial
from pathlib import Path

from cspon.schemas.spatial import ToolResult
from tools.assessment.assess import Assessed
from tools.assessment.charts import MOST_PANELS, draw_overview, draw_series
from tools.assessment.tool import CATEGORIES, Assessment, current_shown, in_order
from tools.indicators.workbook import write_workbook
from tools.outputs import published_together
from tools.result_files import Picture, save_tool_result

STEM = "体检评估报告"


def save_assessment(result: ToolResult, folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the report and its charts.

    Raises:
        SetupError: the folder cannot be written, or openpyxl is missing.
    """
    data = Assessment.model_validate(result.data)
    drawn = [a for a in in_order(data.items) if len(a.points) > 1]
    pictures = [
        Picture("overview.png", "各指标偏离程度", partial(draw_overview, data.items, data.grades))
    ]
    for number, start in enumerate(range(0, len(drawn), MOST_PANELS), start=1):
        part = drawn[start : start + MOST_PANELS]
        pictures.append(
            Picture(
                f"series_{number}.png",
                f"逐年变化（{number}）",
                partial(draw_series, part, data.grades),
            )
        )
    files, notices = save_tool_result(
        result,
        folder,
        title=f"{data.place}{data.year} 年国土空间体检评估报告",
        lead=_lead(data),
        pictures=pictures,
        sections=[_findings(data), _set_section(data), _confirm(data)],
        stem=STEM,
    )
    with published_together(folder) as draft:
        write_workbook(result.tables, draft / f"{STEM}.xlsx")
    return {**files, "xlsx": folder / f"{STEM}.xlsx"}, notices


def _lead(data: Assessment) -> list[str]:
    counts = "，".join(f"{name} {n} 个" for name, n in data.counts.items())
    share = data.normal_share_percent
    weighted = "" if share is None else f"按权重计，没有预警的指标占有等级指标的 {share:.1f}%。"
    return [
        f"本报告按“{data.set.title}”（版本 {data.set.version}，阶段：{data.set.stage}）评估"
        f" {len(data.items)} 个指标：{counts}。{weighted}",
        "指标定义、目标、权重与预警阈值的来源和须确认的事项见文末；未核实的不能作为正式结论。",
    ]


def _findings(data: Assessment) -> str:
    """Say by category what is behind, getting worse, or unknown."""
    parts = ["## 分类评述"]
    normal = data.grades.tables[data.grades.standard][0].name
    for category in dict.fromkeys((*CATEGORIES, *(a.now.category for a in data.items))):
        items = [a for a in data.items if a.now.category == category]
        if items:
            lines = [f"- {_sentence(a, data.year, normal)}" for a in items]
            parts.append(f"### {category}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _sentence(a: Assessed, year: int, normal: str) -> str:
    title = a.now.title
    if a.now.value is None:
        return f"{title}：数据缺失，{a.now.method}。"
    text = f"{title} {current_shown(a, year)} {a.now.unit}"
    if a.required is not None and a.deviation_percent is not None:
        word = "落后" if a.deviation_percent > 0 else "优于"
        text += f"，{year} 年应达 {a.required:.{max(a.now.digits, 1)}f}，{word} {abs(a.deviation_percent):.2f}%，{a.grade}"
    else:
        text += "，未设目标"
    if a.trend is not None:
        text += f"；近年{a.trend_word}"
    if a.forecast is not None and a.forecast_grade != normal and a.grade == normal:
        text += f"，按此趋势到 {a.target_year} 年将为{a.forecast_grade}"
    return text + "。"


def _set_section(data: Assessment) -> str:
    """Say which indicators were watched, and how the set came to be."""
    chosen = data.set
    lines = [
        "## 指标集与预警方法",
        f"指标集 {chosen.id} 版本 {chosen.version}，自 {chosen.valid_from} 起。{chosen.source}。",
        f"预警分级：{data.grades.source}。{data.grades.method}。",
        f"趋势：{data.trend_method}；至少 {data.grades.trend.least_points} 年、一致度不低于"
        f" {data.grades.trend.least_agreement:g} 才说有趋势。",
    ]
    changes = [
        f"- 版本调整（{c.at}，{c.by}）：{'；'.join(c.what)}。原因：{c.reason}"
        for c in chosen.changes
    ]
    changes += [f"- 已退出 {r.id}（{r.since}）：{r.reason}" for r in chosen.retired]
    if changes:
        lines.append("\n".join(changes))
    return "\n\n".join(lines)


def _confirm(data: Assessment) -> str:
    """List what the bureau must confirm before the report is used."""
    lines = [
        f"- {a.now.title}：{a.now.to_confirm}" for a in in_order(data.items) if a.now.to_confirm
    ]
    return "## 须由使用单位确认的事项\n\n" + "\n".join(lines)
