"""An answer as HTML for the chat page: everything that comes from outside is escaped here.

Pure functions from contracts to strings; knows no Gradio. Markdown is rendered without raw HTML,
links and images, so a text can neither run anything nor fetch anything.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from pydantic import ValidationError

from agents.assistant.compose import mark_of
from cspon.schemas.agent import Answer, RefusalKind
from cspon.schemas.knowledge import Citation, Validity
from cspon.schemas.spatial import Compliance, RuleOutcome, Table, ToolResult, Verdict
from tools.geometry.area import MU_PER_HA
from tools.rules.model import BOUNDARY

SHOWN_ROWS = 60
"""Rows of a table on the page; the download has all."""

SHOWN_ELSEWHERE = ("结论", "占用情况", "逐项审查", "依据", "尚不清楚的事项")
"""Sections of the text that the page shows as banner, tables and clauses instead."""

FOLDED = ("crossings",)
"""Tables that start folded."""

GRAVITY = (Verdict.FAIL, Verdict.MISSING_DATA, Verdict.NEEDS_STUDY, Verdict.PASS)
TONES = {
    Verdict.PASS: "good",
    Verdict.FAIL: "bad",
    Verdict.NEEDS_STUDY: "warn",
    Verdict.MISSING_DATA: "mute",
}
STANDING = {
    Validity.IN_FORCE: "good",
    Validity.NOT_YET: "warn",
    Validity.REPEALED: "bad",
    Validity.SUPERSEDED: "bad",
    Validity.UNKNOWN: "mute",
}
REFUSALS = {
    RefusalKind.NOT_IN_KNOWLEDGE_BASE: "法规库中没有依据",
    RefusalKind.NO_PERMISSION: "没有权限",
    RefusalKind.UNSOLVABLE: "无法得出结论",
    RefusalKind.UNSAFE: "不予回答",
    RefusalKind.NEEDS_INPUT: "需要补充材料",
}
DOWNLOADS = {"docx": "Word 报告", "md": "Markdown", "json": "JSON 数据", "png": "PNG 地图"}

MARK = re.compile(r"〔(\d{1,3})〕")
_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True})
    .enable(["table", "strikethrough"])
    .disable(
        ["image", "link", "autolink", "reference", "html_block", "html_inline", "fence", "code"]
    )
)
_CLOSING = re.compile(r"(\*\*[^*\n]+?)([。；：，、！？])\*\*(?=\w)")
"""CommonMark does not close `**…。**` before a letter: the mark goes before the full stop."""
_VERDICT_LINE = re.compile(rf"[：:]({'|'.join(v.value for v in Verdict)})</strong>")


def esc(value: object) -> str:
    """Escape text; braces, `$` and backticks too, so that no template engine finds its own."""
    text = html.escape(str(value), quote=True)
    return re.sub(r"[{}$`]", lambda m: f"&#{ord(m.group())};", text)


def rich(text: str, turn: str, citations: int) -> str:
    """Render Markdown; marks 〔n〕 become links to the clause n of the turn."""
    body = _markdown.render(_CLOSING.sub(r"\1**\2", text))
    body = re.sub(r"[{}$`]", lambda m: f"&#{ord(m.group())};", body)
    body = body.replace("<table>", '<div class="scroll"><table>').replace(
        "</table>", "</table></div>"
    )
    body = _VERDICT_LINE.sub(lambda m: f"</strong> {badge(m.group(1))}", body)

    return link_marks(body, turn, citations)


def link_marks(body: str, turn: str, citations: int) -> str:
    """Make marks 〔n〕 in HTML links to the clauses of a turn."""

    def link(match: re.Match[str]) -> str:
        number = int(match.group(1))
        if not 1 <= number <= citations:
            return match.group()
        target = f"{turn}-c{number}"
        return (
            f'<a class="mark" href="#{target}" data-cite="{target}" '
            f'aria-label="查看依据 {number}">〔{number}〕</a>'
        )

    return MARK.sub(link, body)


def badge(text: str, tone: str | None = None) -> str:
    """Return a badge; a verdict brings its own tone."""
    if tone is None:
        tone = TONES[Verdict(text)] if text in set(Verdict) else "mute"
    return f'<span class="badge {tone}">{esc(text)}</span>'


def question_block(question: str, boundary: str | None, turn: str) -> str:
    """What was asked; the page scrolls to a new turn."""
    file = f'<div class="asked-file">边界：{esc(boundary)}</div>' if boundary else ""
    return f'<div class="asked" data-turn="{turn}"><div class="asked-text">{esc(question)}</div>{file}</div>'


def steps_block(stages: Sequence[str], current: str | None, seconds: float) -> str:
    """Show the stages, those done and the one at work; `current` None means all done."""
    at = stages.index(current) if current in stages else len(stages)
    items = []
    for i, stage in enumerate(stages):
        state = "done" if i < at else "now" if i == at else "todo"
        now = ' aria-current="step"' if state == "now" else ""
        items.append(f'<li class="{state}"{now}>{esc(stage)}</li>')
    busy = f'<span class="clock">{seconds:.1f} 秒</span>'
    return f'<div class="steps" role="status"><ol>{"".join(items)}</ol>{busy}</div>'


def live_block(text: str, turn: str) -> str:
    """The text as far as it has come."""
    return f'<div class="text live">{rich(text, turn, 0)}</div>' if text else ""


def answer_block(answer: Answer, turn: str, addresses: Mapping[str, str]) -> str:
    """Lay out a finished answer."""
    parts = [notice_list(answer.notices)]
    if answer.refusal:
        parts.append(_refusal(answer))
    site = _site(answer)
    text = answer.text if site is None else _without_sections(answer.text, SHOWN_ELSEWHERE)
    if site:
        parts += [_banner(site), _tiles(site)]
    parts.append(_downloads(addresses))
    if text.strip():
        parts.append(f'<div class="text">{rich(text, turn, len(answer.citations))}</div>')
    if "png" in addresses:
        parts.append(_map(addresses["png"]))
    parts += [_tables(result) for result in answer.results]
    if site:
        parts.append(_rules(site, answer.citations, turn))
    parts += [
        _citations(answer.citations, turn),
        _unknowns([*answer.unknowns, *(w for r in answer.results for w in r.warnings)]),
        _footer(answer),
    ]
    return "".join(parts)


def error_block(title: str, message: str, mend: str = "") -> str:
    """Say an error and its mend."""
    help_ = f'<p class="mend">处理办法：{esc(mend)}</p>' if mend else ""
    return (
        f'<div class="card refusal" role="alert"><h3>{esc(title)}</h3><p>{esc(message)}</p>'
        f"{help_}</div>"
    )


def notice_list(notices: Iterable[str]) -> str:
    """Notices that a reader must see."""
    items = "".join(f"<li>{esc(notice)}</li>" for notice in notices)
    return f'<ul class="notices">{items}</ul>' if items else ""


def _site(answer: Answer) -> Compliance | None:
    for result in answer.results:
        try:
            return Compliance.model_validate(result.data)
        except ValidationError:
            continue
    return None


def _refusal(answer: Answer) -> str:
    assert answer.refusal is not None
    title = f"未作答：{REFUSALS[answer.refusal.kind]}"
    return error_block(title, answer.refusal.message, answer.refusal.mend)


def _banner(site: Compliance) -> str:
    return (
        f'<div class="banner {TONES[site.verdict]}"><span class="verdict">{esc(site.verdict)}</span>'
        f'<p class="headline">{esc(site.headline)}</p></div>'
    )


def _tiles(site: Compliance) -> str:
    """The project's area and, for each line, what conflicts: the part inside, or outside."""
    verdicts = {rule.line: rule.verdict for rule in site.rules if rule.line}
    tiles = [_tile("项目面积", site.area_ha, f"{site.area_ha * MU_PER_HA:,.2f} 亩", "plain")]
    for line in site.lines:
        within = line.role == BOUNDARY
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


def _map(address: str) -> str:
    return (
        f'<figure class="map"><a href="{esc(address)}" target="_blank" rel="noopener" '
        f'title="在新窗口打开原图"><img src="{esc(address)}" alt="控制线合规性检查图" '
        f'width="1200" height="900"></a><figcaption>控制线合规性检查图，点击看原图</figcaption></figure>'
    )


def _rules(site: Compliance, citations: Sequence[Citation], turn: str) -> str:
    rules = sorted(site.rules, key=lambda rule: GRAVITY.index(rule.verdict))
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


def _tables(result: ToolResult) -> str:
    """All tables; the rules have a list of their own, detail tables start folded."""
    return "".join(
        table_block(table, folded=table.name in FOLDED)
        for table in result.tables
        if table.name != "rules"
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


def _citations(citations: Sequence[Citation], turn: str) -> str:
    if not citations:
        return ""
    items = "".join(_citation(n, c, turn) for n, c in enumerate(citations, 1))
    return f'<section class="block"><h3>条文依据<small>点击展开原文</small></h3>{items}</section>'


def _citation(number: int, citation: Citation, turn: str) -> str:
    if citation.verification == "verified":
        marks = badge(citation.status, STANDING[citation.status])
        text = "".join(
            f"<p>{esc(line)}</p>" for line in citation.quote.splitlines() if line.strip()
        )
    else:
        marks = badge("依据未入库，未核验", "warn")
        text = "<p class='none'>库中没有这一条的原文，请以官方发布的文本为准。</p>"
    if citation.level:
        marks = badge(citation.level, "mute") + marks
    facts = [
        f"自 {citation.effective_from} 起施行" if citation.effective_from else "",
        f"至 {citation.effective_to} 止" if citation.effective_to else "",
        f"来源：{citation.source}" if citation.source else "",
    ]
    about = "　".join(esc(fact) for fact in facts if fact)
    point = f'<p class="point">用于：{esc(citation.point)}</p>' if citation.point else ""
    note = f'<p class="mend">{esc(citation.note)}</p>' if citation.note else ""
    return (
        f'<details class="cite" id="{turn}-c{number}"><summary><span class="no">{number}</span>'
        f'<span class="law">{esc(citation.label)}</span><span class="marks">{marks}</span></summary>'
        f'<div class="clause">{point}<blockquote>{text}</blockquote>{note}'
        f'<p class="facts">{about}</p></div></details>'
    )


def _unknowns(unknowns: Sequence[str]) -> str:
    items = "".join(f"<li>{esc(unknown)}</li>" for unknown in dict.fromkeys(unknowns))
    if not items:
        return ""
    return f'<section class="block unknowns"><h3>尚不清楚的事项</h3><ul>{items}</ul></section>'


def _downloads(addresses: Mapping[str, str]) -> str:
    links = "".join(
        f'<a class="download" href="{esc(addresses[kind])}" '
        f"{'target=_blank rel=noopener' if kind == 'png' else 'download'}>{label}</a>"
        for kind, label in DOWNLOADS.items()
        if kind in addresses
    )
    return f'<div class="downloads"><span>导出</span>{links}</div>' if links else ""


def _footer(answer: Answer) -> str:
    seconds = sum(answer.usage.seconds.values())
    model = "未使用大模型" if answer.model == "none" else f"大模型 {answer.model}"
    parts = [f"效力按 {answer.asked_on} 判断", model, f"用时 {seconds:.1f} 秒" if seconds else ""]
    parts.append(f"运行编号 {answer.run_id}" if answer.run_id else "")
    return f'<p class="foot">{" · ".join(esc(part) for part in parts if part)}</p>'


def _without_sections(text: str, titles: Sequence[str]) -> str:
    """Drop `## ` sections by title; text before the first heading stays."""
    parts = re.split(r"(?m)^(?=## )", text)
    return "".join(
        part
        for part in parts
        if not (part.startswith("## ") and part[3:].startswith(tuple(titles)))
    )
