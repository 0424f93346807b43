"""A result as Markdown: the report that `cspon check --out` writes, without any model."""

from typing import Any

from cspon.schemas.spatial import Column, Compliance, RuleOutcome, Table, ToolResult, Verdict

MAP = "map.png"
_DIGITS = {"公顷": 4, "亩": 2, "%": 2}


def report_markdown(result: ToolResult, *, with_map: bool = False) -> str:
    """Write the whole result as Markdown: verdict, tables, procedure, grounds, what is not known.

    Args:
        result: Result of `check_compliance`.
        with_map: Whether a picture named `map.png` goes with it.
    """
    data = Compliance.model_validate(result.data)
    parts = [f"# {data.project}控制线合规性检查报告", f"**{data.headline}**"]
    if result.synthetic:
        parts.append("> 合成数据：仅供演示，不得用于实际项目。")
    parts.append(_overview(data.rules))
    parts.append(
        f"项目面积 {data.area_ha:.4f} 公顷；检查日期 {data.asked_on}；坐标系 EPSG:{data.epsg}。"
        f"{data.area_definition}"
    )
    parts += [
        f"## {table.title}\n\n{table_markdown(table)}"
        for table in result.tables
        if table.rows and table.name != "rules"
    ]
    if with_map:
        parts.append(f"## 图\n\n![控制线合规性检查图]({MAP})")
    parts.append("## 规则判定与办理程序")
    plain = [rule for rule in data.rules if _is_plain(rule)]
    parts += [_rule(rule) for rule in data.rules if rule not in plain]
    if plain:
        said = "\n".join(f"- {rule.title}：{rule.message}" for rule in plain)
        parts.append(f"### 符合、无须办理手续的规则\n\n{said}")
    grounds = [
        f"- 《{b.title}》{b.article or ''}：{b.point}"
        + ("" if b.verified else "（未见原文，未核验）")
        for b in result.basis
    ]
    parts.append("## 依据\n\n" + "\n".join(grounds))
    parts.append("条文效力以知识库核验为准，本报告只列规则所依据的条文。")
    if result.warnings:
        parts.append("## 注意\n\n" + "\n".join(f"- {text}" for text in result.warnings))
    parts.append("## 未核查事项\n\n" + "\n".join(f"- {text}" for text in data.unknowns))
    parts.append(_footer(result))
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """Write a table as Markdown; numbers keep the digits of their unit."""
    lines = ["| " + " | ".join(heading(c) for c in table.columns) + " |"]
    lines.append("|" + "|".join(" ---: " if c.unit else " --- " for c in table.columns) + "|")
    for row in table.rows:
        cells = (cell(row.get(c.key), c.unit).replace("|", "\\|") for c in table.columns)
        lines.append("| " + " | ".join(cells) + " |")
    if table.note:
        lines += ["", f"注：{table.note}"]
    return "\n".join(lines)


def heading(column: Column) -> str:
    """Return the title of a column with its unit."""
    return f"{column.title}（{column.unit}）" if column.unit else column.title


def cell(value: Any, unit: str) -> str:
    """Format a value of a table for a reader."""
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:.{_DIGITS[unit]}f}" if unit in _DIGITS else f"{value:g}"
    return str(value)


def _overview(rules: tuple[RuleOutcome, ...]) -> str:
    """Count the rules by verdict and name those that are not 符合."""
    lines = []
    for verdict in (Verdict.FAIL, Verdict.NEEDS_STUDY, Verdict.MISSING_DATA, Verdict.PASS):
        titles = [rule.title for rule in rules if rule.verdict is verdict]
        if titles:
            named = "" if verdict is Verdict.PASS else f"：{'、'.join(titles)}"
            lines.append(f"- {verdict.value} {len(titles)} 条{named}")
    return f"共判定 {len(rules)} 条规则：\n\n" + "\n".join(lines)


def _is_plain(rule: RuleOutcome) -> bool:
    """Say whether a rule is met without anything to do."""
    return rule.verdict is Verdict.PASS and not (rule.procedure or rule.documents or rule.approval)


def _rule(rule: RuleOutcome) -> str:
    lines = [f"### {rule.title}：{rule.verdict.value}", "", rule.message]
    if rule.procedure and rule.verdict is not Verdict.MISSING_DATA:
        lines += ["", *(f"{n}. {step}" for n, step in enumerate(rule.procedure, start=1))]
    if rule.documents:
        lines += ["", f"材料：{'、'.join(rule.documents)}。"]
    if rule.approval:
        lines += ["", f"审批（审核）层级：{rule.approval}。"]
    return "\n".join(lines)


def _footer(result: ToolResult) -> str:
    made = result.provenance
    layers = "；".join(f"{name} {day}" for name, day in made.layer_dates.items())
    return (
        f"工具 {made.tool} 版本 {made.version}；边界 {made.inputs.get('boundary', '')}；"
        f"图层数据时点：{layers}。"
    )
