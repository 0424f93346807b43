"""The figures of a control-line check as sentences that a model may repeat, and as Markdown.

Every number here is formatted from the tool's own fields; nothing is computed again.
"""

from agents.assistant.grounding import Fact
from cspon.schemas.spatial import Compliance, LineOverlap, Table

WITHIN = "urban_development_boundary"
"""The one line that a project should lie within; for the others the part outside is no news."""

PROJECT = ("项目", "总面积", "用地面积")


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
