"""The parts of an answer that show tool results, whatever the tool: plan, conclusion, tables, rules, gaps.

Works from the `ToolResult` contract and from what `intents.yaml` says of the tool; knows no tool.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.assistant.compose import grounds, mark_of
from agents.assistant.facts import markdown_table
from agents.assistant.wording import Showing, showing
from cspon.schemas.agent import Plan, Step
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import RuleOutcome, Table, ToolResult, Verdict

SYNTHETIC = "本次使用的图层为合成数据，仅供演示，不得用于实际业务。"
FEW_ROWS = 6
LEAD_ROWS, OTHER_ROWS, FOLDED_ROWS = 30, 10, 5
"""Rows of a table in the text; the exported files have all."""
FIELD = re.compile(r"\{(\w+)(?::(\.\d+f))?\}")
ORDER = (Verdict.FAIL, Verdict.MISSING_DATA, Verdict.NEEDS_STUDY, Verdict.PASS)


def plan_section(plan: Plan) -> str:
    """Say what is done, with how the question was read: shown before anything runs."""
    lines = [f"{n}. **{step.title}**{_reading(step)}" for n, step in enumerate(plan.steps, 1)]
    return "## 执行计划\n\n" + "\n".join(lines) + "\n\n"


def _reading(step: Step) -> str:
    return "：" + "；".join(step.said) if step.said else ""


def headline(result: ToolResult) -> str:
    """The one sentence of a result."""
    show = showing(result.tool)
    said = filled(show.headline, result.data) if show.headline else result.data.get("headline")
    if show.first and (first := _first_row(result)) is not None:
        said = f"{said or ''}{filled(show.first, first)}"
    rows = next((t for t in result.tables if t.name == show.say_rows), None)
    if rows is not None and 0 < len(rows.rows) <= FEW_ROWS:
        said = f"{said or ''}" + "；".join(_quantity(row) for row in rows.rows) + "。"
    return str(said or "已完成。")


def note(result: ToolResult) -> str:
    """What is said after the headline, as Markdown; empty where there is nothing."""
    return filled(showing(result.tool).note, result.data)


def _first_row(result: ToolResult) -> dict[str, Any] | None:
    name = showing(result.tool).lead[:1]
    table = next((t for t in result.tables if t.name in name and t.rows), None)
    return table.rows[0] if table else None


def _quantity(row: Mapping[str, Any]) -> str:
    """Say a row that is one quantity: 人均公园绿地面积 3.19 m²/人; or why it has no value."""
    title, value = row.get("title", ""), row.get("value")
    if value in (None, "", "—"):
        return f"{title}没有数据（{row.get('note') or '原因见表'}）"
    return f"{title} {value} {row.get('unit', '')}".rstrip()


def filled(template: str, data: Mapping[str, Any]) -> str:
    """Put fields of the data into a sentence; `{name}` or `{name:.4f}`, nothing else."""

    def value(match: re.Match[str]) -> str:
        found = data.get(match[1])
        if match[2] and isinstance(found, float | int):
            return format(found, match[2])
        if isinstance(found, Mapping):
            return "、".join(f"{k} {v}" for k, v in found.items() if v) or "无"
        if isinstance(found, list | tuple):
            return str(len(found))
        return "—" if found is None else str(found)

    return FIELD.sub(value, template)


def head(results: Sequence[ToolResult], steps: Sequence[Step]) -> str:
    """Conclusions and tables of all steps: shown before the model has said a word."""
    conclusions, tables = [], []
    for number, (result, step) in enumerate(zip(results, steps, strict=True), 1):
        show, title = showing(result.tool), _title(number, step, results)
        said = note(result)
        conclusions.append(f"{title}**{headline(result)}**" + (f"\n\n{said}" if said else ""))
        shown = once_noted(ordered_tables(result))
        if shown:
            tables.append(
                title + "\n\n".join(_table(table, show, folded(result)) for table in shown)
            )
    parts = ["## 结论\n\n" + "\n\n".join(conclusions)]
    if any(result.synthetic for result in results):
        parts.append(f"> {SYNTHETIC}")
    if tables:
        parts.append(f"## {tables_title(results)}\n\n" + "\n\n".join(tables))
    return "\n\n".join(parts)


def tables_title(results: Sequence[ToolResult]) -> str:
    """Title of the section of tables; the tool's own where there is one step."""
    return showing(results[0].tool).tables_title if len(results) == 1 else "计算结果"


def _title(number: int, step: Step, results: Sequence[ToolResult]) -> str:
    return f"### {number}. {step.title or step.tool}\n\n" if len(results) > 1 else ""


def ordered_tables(result: ToolResult) -> list[Table]:
    """Tables that have rows: those that lead, the others, those that start folded."""
    show = showing(result.tool)
    known = {table.name: table for table in result.tables if table.rows}
    lead = [known[name] for name in show.lead if name in known]
    fold = [known[name] for name in show.fold if name in known]
    left = [
        table for name, table in known.items() if name not in (*show.lead, *show.fold, *show.hide)
    ]
    return [*lead, *left, *fold]


def folded(result: ToolResult) -> set[str]:
    """Names of the tables that start folded."""
    show = showing(result.tool)
    leads = any(table.name in show.lead for table in result.tables if table.rows)
    if not (show.fold_rest and leads):
        return set(show.fold)
    return {table.name for table in result.tables} - set(show.lead)


def once_noted(tables: Sequence[Table]) -> list[Table]:
    """Keep a note that several tables have at the first of them."""
    seen: set[str] = set()
    found = []
    for table in tables:
        found.append(table.model_copy(update={"note": ""}) if table.note in seen else table)
        seen.add(table.note)
    return found


def _table(table: Table, show: Showing, fold: set[str]) -> str:
    most = LEAD_ROWS if table.name in show.lead else OTHER_ROWS
    most = FOLDED_ROWS if table.name in fold else most
    note = table.note
    if len(table.rows) > most:
        note = f"{note} 此处只列前 {most} 行，共 {len(table.rows)} 行，全部见导出文件。".strip()
    short = table.model_copy(update={"rows": table.rows[:most], "note": note})
    return f"**{table.title}**\n\n{markdown_table(short)}"


def tail(results: Sequence[ToolResult], citations: Sequence[Citation]) -> str:
    """Rule by rule: verdict, procedure, grounds; then what is not known."""
    parts = []
    following = list(dict.fromkeys(s for r in results if (s := showing(r.tool).next)))
    if following:
        parts.append("## 下一步\n\n" + "\n".join(f"- {sentence}" for sentence in following))
    rules = rule_outcomes(results)
    if rules:
        plain = [r for r in rules if r.verdict is Verdict.PASS and not r.procedure]
        parts.append("## 逐项审查与办理手续")
        shown = (r for r in rules if r not in plain)
        parts += [_rule(i, r, citations) for i, r in enumerate(shown, 1)]
        if plain:
            lines = [f"- {r.title}：{r.message}{marks(r, citations)}" for r in plain]
            parts.append("**其余各项符合，没有需要办理的手续：**\n\n" + "\n".join(lines))
    if citations:
        parts.append(grounds(citations))
    gaps = unknowns(results)
    if gaps:
        parts.append("## 尚不清楚的事项\n\n" + "\n".join(f"- {gap}" for gap in gaps))
    return "\n\n".join(parts)


def rule_outcomes(results: Sequence[ToolResult]) -> list[RuleOutcome]:
    """Outcomes of rules in all results, gravest first, each said once."""
    found: dict[tuple[str, str], RuleOutcome] = {}
    for result in results:
        field = showing(result.tool).rules
        for raw in result.data.get(field, ()) if field else ():
            rule = RuleOutcome.model_validate(raw)
            found.setdefault((rule.rule_id, rule.message), rule)
    return sorted(found.values(), key=lambda rule: ORDER.index(rule.verdict))


def unknowns(results: Sequence[ToolResult]) -> list[str]:
    """What was not checked, is not known, or must be kept in mind, each said once."""
    said = [str(u) for result in results for u in result.data.get("unknowns", ())]
    said += [w for result in results for w in result.warnings]
    return list(dict.fromkeys(said))


def _rule(index: int, rule: RuleOutcome, citations: Sequence[Citation]) -> str:
    signs = marks(rule, citations)
    verdict = f"{rule.verdict}，须办理手续" if rule.verdict is Verdict.PASS else rule.verdict
    lines = [f"**{index}. {rule.title}：{verdict}**", "", f"{rule.message}{signs}"]
    if rule.approval:
        lines += ["", f"审批机关：{rule.approval}{signs}"]
    if rule.procedure:
        lines += ["", f"办理步骤（依据{signs or '见规则库'}）：", ""]
        lines += [f"{n}. {step}" for n, step in enumerate(rule.procedure, 1)]
    if rule.documents:
        lines += ["", "材料：" + "、".join(rule.documents) + "。"]
    if not rule.verified:
        lines += ["", "（本规则的部分参数未经官方文本核验，须人工复核。）"]
    return "\n".join(lines)


def marks(rule: RuleOutcome, citations: Sequence[Citation]) -> str:
    """The marks of a rule's clauses."""
    return "".join(dict.fromkeys(mark_of(basis, citations) for basis in rule.basis))
