"""The control-line check as HTML: banner, figures, map, tables, rules with their procedure."""

from collections.abc import Sequence
from typing import Any

from agents.assistant.compose import mark_of
from cspon.schemas.knowledge import Citation
from cspon.schemas.spatial import Compliance, RuleOutcome, Table, Verdict
from serving.pages.text import TONES, badge, esc, link_marks
from tools.geometry.area import MU_PER_HA
from tools.rules.model import BOUNDARY, FARMLAND, REDLINE

ALWAYS_SHOWN = (FARMLAND, REDLINE, BOUNDARY)
"""Lines with a tile of their own even where a project does not meet them."""

SHOWN_ROWS = 60
"""Rows of a table on the page; the download has all."""


def banner_block(site: Compliance) -> str:
    """The verdict and its one sentence."""
    return (
        f'<div class="banner {TONES[site.verdict]}"><span class="verdict">{esc(site.verdict)}</span>'
        f'<p class="headline">{esc(site.headline)}</p></div>'
    )


def tile_row(site: Compliance) -> str:
    """The project's area and, for each line, what conflicts: the part inside, or outside.

    Of the many lines, those that are not met have no tile, except the three control lines.
    """
    verdicts = {rule.line: rule.verdict for rule in site.rules if rule.line}
    tiles = [_tile("项目面积", site.area_ha, f"{site.area_ha * MU_PER_HA:,.2f} 亩", "plain")]
    for line in site.lines:
        within = line.control == "within"
        if line.present and not line.area_ha and not within and line.role not in ALWAYS_SHOWN:
            continue
        area = line.outside_ha if within else line.area_ha
        label = f"{line.title}外" if within else f"占用{line.title}"
        note = f"{line.patches} 处" if area else "全部在界内" if within else "未占用"
        tone = TONES[verdicts.get(line.role, Verdict.NEEDS_STUDY)] if area else "plain"
        if not line.present or area is None:
            note, tone = "图层缺失，未检查", "mute"
        tiles.append(_tile(label, area, note, tone))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(label: str, area_ha: float | None, note: str, tone: str) -> str:
    value = "—" if area_ha is None else f"{area_ha:,.4f}<small>公顷</small>"
    return (
        f'<div class="tile {tone}"><span class="label">{esc(label)}</span>'
        f'<span class="value">{value}</span><span class="note">{esc(note)}</span></div>'
    )


def result_banner(headline: str) -> str:
    """The one sentence of a result that passes no verdict."""
    return f'<div class="banner plain"><p class="headline">{esc(headline)}</p></div>'


def rule_list(rules: Sequence[RuleOutcome], citations: Sequence[Citation], turn: str) -> str:
    """The rules, gravest first; what needs action is open, what passes is folded."""
    if not rules:
        return ""
    rows = "".join(_rule(rule, citations, turn) for rule in rules)
    return (
        '<section class="block rules"><h3>规则审查与办理手续<small>点击展开步骤与材料</small></h3>'
        f"{rows}</section>"
    )


def _rule(rule: RuleOutcome, citations: Sequence[Citation], turn: str) -> str:
    marks = "".join(dict.fromkeys(mark_of(basis, citations) for basis in rule.basis))
    doubt = "" if rule.verified else badge("部分参数未核验", "mute")
    head = (
        f'<span class="rule-title">{esc(rule.title)}</span>{badge(rule.verdict)}'
        f'<span class="rule-text">{esc(rule.message)}'
        f"{link_marks(esc(marks), turn, len(citations))} {doubt}</span>"
    )
    steps = "".join(f"<li>{esc(step)}</li>" for step in rule.procedure)
    body = [
        f"<p><b>审批机关</b>{esc(rule.approval)}</p>" if rule.approval else "",
        f"<p><b>办理步骤</b></p><ol>{steps}</ol>" if steps else "",
        f"<p><b>材料</b>{esc('、'.join(rule.documents))}</p>" if rule.documents else "",
    ]
    if not any(body):
        return f'<div class="rule plain">{head}</div>'
    shown = "" if rule.verdict is Verdict.PASS else " open"
    return (
        f'<details class="rule"{shown}><summary>{head}</summary>'
        f'<div class="rule-more">{"".join(body)}</div></details>'
    )


def table_block(table: Table, *, folded: bool = False) -> str:
    """Render one table; numbers right-aligned, verdicts as badges."""
    numeric = {
        c.key
        for c in table.columns
        if any(isinstance(r.get(c.key), int | float) for r in table.rows)
    }
    head = "".join(
        f'<th class="{"num" if c.key in numeric else ""}">{esc(c.title)}'
        f"{f'<small>（{esc(c.unit)}）</small>' if c.unit else ''}</th>"
        for c in table.columns
    )
    rows = [
        "<tr>"
        + "".join(_cell(row.get(c.key), c.unit, c.key in numeric) for c in table.columns)
        + "</tr>"
        for row in table.rows[:SHOWN_ROWS]
    ]
    note = table.note
    if len(table.rows) > SHOWN_ROWS:
        note = (
            f"{note} 此处只列前 {SHOWN_ROWS} 行，共 {len(table.rows)} 行，全部见下载文件。".strip()
        )
    title, foot = esc(table.title), f'<p class="table-note">{esc(note)}</p>' if note else ""
    body = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead>'
        f"<tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{foot}"
    )
    if not folded:
        return f'<section class="block"><h3>{title}</h3>{body}</section>'
    count = f"<small>{len(table.rows)} 行，点击展开</small>"
    return (
        f'<section class="block"><details class="fold"><summary><h3>{title}{count}</h3></summary>'
        f"{body}</details></section>"
    )


def _cell(value: Any, unit: str, numeric: bool) -> str:
    if value is None:
        shown = '<span class="none">—</span>'
    elif isinstance(value, bool):
        shown = "是" if value else "否"
    elif isinstance(value, float):
        shown = f"{value:,.{4 if unit == '公顷' else 2}f}"
    elif isinstance(value, str) and value in set(Verdict):
        shown = badge(value)
    else:
        shown = esc(value)
    return f'<td class="{"num" if numeric else ""}">{shown}</td>'
