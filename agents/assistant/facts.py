"""The figures of a tool result as sentences that a model may repeat, and tables as Markdown.

Every number here is formatted from the tool's own fields; nothing is computed again.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agents.assistant.grounding import Fact
from agents.assistant.wording import showing
from cspon.schemas.spatial import Compliance, LineOverlap, Table, ToolResult

WITHIN = "urban_development_boundary"
"""The one line that a project should lie within; for the others the part outside is no news."""

PROJECT = ("项目", "总面积", "用地面积")
MOST_TOLD = 6
"""Rows that a model is told of one result; the others only serve to check what it writes."""


def facts_of(result: ToolResult, headline: str) -> list[Fact]:
    """List the facts of any result: the headline and the rows of its leading tables first.

    A result that has the contract of the control-line check is read as such, for there a sentence may
    also deny what was measured.
    """
    try:
        return compliance_facts(Compliance.model_validate(result.data))
    except ValidationError:
        return result_facts(result, headline)


def result_facts(result: ToolResult, headline: str) -> list[Fact]:
    """List headline and table rows; a row is about what its first words name."""
    show = showing(result.tool)
    told = show.told or show.lead or tuple(table.name for table in result.tables[:1])
    facts = [Fact(subjects=(), text=headline)]
    left = MOST_TOLD
    for table in sorted(result.tables, key=lambda t: t.name not in told):
        for row in table.rows:
            subject, text = row_text(table, row)
            shown = table.name in told and left > 0
            left -= shown
            facts.append(Fact(subjects=(subject,) if subject else (), text=text, shown=shown))
    words = "。".join(str(v) for v in _scalars(result.data))
    return [*facts, Fact(subjects=(), text=words, shown=False)]


def row_text(table: Table, row: dict[str, Any]) -> tuple[str, str]:
    """Say a row as a sentence; returns what it is about and the sentence.

    A column `value` followed by a column `unit` is one quantity.
    """
    cells = [(c, row.get(c.key)) for c in table.columns if row.get(c.key) not in (None, "", "—")]
    unit = str(row.get("unit") or "")
    parts: list[str] = []
    for column, value in cells:
        if column.key == "unit":
            continue
        shown = _cell(value, column.unit) + (unit if column.key == "value" else column.unit)
        named = bool(parts) or not re.search(r"[\u4e00-\u9fff]", shown)
        parts.append(f"{column.title} {shown}" if named else shown)
    if len(parts) == 2 and len(cells) == 2:  # a name and its one figure
        parts = [f"{parts[0]} {_cell(cells[1][1], cells[1][0].unit)}{cells[1][0].unit}"]
    first = str(cells[0][1]) if cells else ""
    name = next((str(v) for c, v in cells if c.key in ("title", "name") and v), first)
    subject = name if re.search(r"[\u4e00-\u9fff]{2}", name) else ""
    return subject, "，".join(parts).rstrip("。") + "。"


def _scalars(data: Any) -> Sequence[Any]:
    """Texts and numbers of nested data: what may be repeated though no table shows it."""
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in _scalars(value)]
    if isinstance(data, list | tuple):
        return [leaf for value in data for leaf in _scalars(value)]
    return [data] if isinstance(data, str | int | float) and not isinstance(data, bool) else []


def ha(value: float | None) -> str:
    """Hectares with four decimals, as 1 m² is 0.0001 ha."""
    return "—" if value is None else f"{value:.4f}"


def compliance_facts(data: Compliance) -> list[Fact]:
    """List the facts: the problems, which a model is told, then the rest, to check it by."""
    facts = [Fact(subjects=PROJECT, text=f"项目面积{ha(data.area_ha)}公顷。")]
    for line in data.lines:
        facts += _line_facts(line)
    facts.append(Fact(subjects=(), text=f"结论：{data.verdict}。"))
    facts += [
        Fact(subjects=(code.name,), text=f"{code.name}{ha(code.area_ha)}公顷。", shown=False)
        for code in data.codes
    ]
    for rule in data.rules:
        words = "".join((rule.message, *rule.procedure))
        facts.append(Fact(subjects=(), text=words, shown=False))
    return facts


def _line_facts(line: LineOverlap) -> list[Fact]:
    subject = (line.title,)
    if not line.present:
        return [Fact(subjects=subject, text=f"{line.title}图层缺失，未检查。")]
    if line.role == WITHIN and line.outside_ha is not None:
        outside = f"位于{line.title}外{ha(line.outside_ha)}公顷。"
        inside = f"位于{line.title}内{ha(line.area_ha)}公顷。"
        return [
            Fact(subjects=subject, text=outside, shown=line.outside_ha > 0),
            Fact(subjects=subject, text=inside, shown=line.outside_ha == 0),
        ]
    if not line.area_ha:
        return [Fact(subjects=subject, text=f"不占用{line.title}。")]
    return [Fact(subjects=subject, text=f"占用{line.title}{ha(line.area_ha)}公顷。")]


def markdown_table(table: Table) -> str:
    """Render a tool's table as Markdown, numbers as the tool gave them."""
    head = [f"{c.title}（{c.unit}）" if c.unit else c.title for c in table.columns]
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + "|".join(" ---: " if c.unit else " --- " for c in table.columns) + "|")
    for row in table.rows:
        cells = [_cell(row.get(c.key), c.unit) for c in table.columns]
        lines.append("| " + " | ".join(cells) + " |")
    if table.note:
        lines += ["", f"注：{table.note}"]
    return "\n".join(lines)


def _cell(value: object, unit: str) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        digits = {"公顷": 4, "亩": 2, "%": 2}.get(unit)
        return f"{value:.{digits}f}" if digits is not None else f"{value:g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
