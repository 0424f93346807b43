"""An answer as HTML for the chat page: everything that comes from outside is escaped here.

Pure functions from contracts to strings; knows no Gradio. Markdown is rendered without raw HTML,
links and images, so a text can neither run anything nor fetch anything.
"""

import re
from collections.abc import Iterable, Sequence, Set

from agents.assistant.results import rule_outcomes, tables_title, unknowns
from cspon.schemas.agent import Answer, RefusalKind
from cspon.schemas.knowledge import Citation, Validity
from serving.kb_schema import open_address, segment
from serving.pages.results import Download, conclusions, details, plan_card
from serving.pages.site import rule_list
from serving.pages.text import MARK, badge, esc, rich

SHOWN_ELSEWHERE = ("执行计划", "结论", "逐项审查", "依据", "尚不清楚的事项")
"""Sections of the text that the page shows as banner, tables and clauses instead."""


MAKING = '<div class="downloads" role="status"><span>正在绘制地图、生成报告……</span></div>'
CLAUSE_SECTIONS = ("依据", "相关条文")
"""Those of a regulation answer."""

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
    running = f' data-seconds="{seconds:.1f}"' if current is not None else ""
    busy = f'<span class="clock"{running}>{seconds:.1f} 秒</span>'
    return f'<div class="steps" role="status"><ol>{"".join(items)}</ol>{busy}</div>'


def live_block(text: str, turn: str) -> str:
    """The text as far as it has come."""
    return f'<div class="text live">{rich(text, turn, 0)}</div>' if text else ""


def answer_block(answer: Answer, turn: str, files: Sequence[Download] | None) -> str:
    """Lay out a finished answer; `files` is None while maps and files are being made."""
    parts = [notice_list(answer.notices)]
    if answer.refusal:
        parts.append(_refusal(answer))
    tools = bool(answer.results)
    elsewhere = (*SHOWN_ELSEWHERE, tables_title(answer.results)) if tools else CLAUSE_SECTIONS
    text = _without_sections(answer.text, elsewhere)
    used = {int(n) for n in MARK.findall(text)} if not tools else set()
    if tools:
        parts += [plan_card(answer.plan), conclusions(answer)]
    parts.append(MAKING if files is None else _downloads(files))
    if text.strip():
        parts.append(f'<div class="text">{rich(text, turn, len(answer.citations))}</div>')
    parts += [
        details(answer, files or ()),
        rule_list(rule_outcomes(answer.results), answer.citations, turn),
        _citations(answer.citations, turn, used),
        _unknowns([*answer.unknowns, *unknowns(answer.results)]),
        _footer(answer) if files is not None else "",
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


def _refusal(answer: Answer) -> str:
    assert answer.refusal is not None
    title = f"未作答：{REFUSALS[answer.refusal.kind]}"
    return error_block(title, answer.refusal.message, answer.refusal.mend)


def _citations(citations: Sequence[Citation], turn: str, used: Set[int]) -> str:
    """The clauses; those that a regulation answer uses are open, the others say so."""
    if not citations:
        return ""
    items = "".join(
        _citation(n, c, turn, used=n in used if used else None) for n, c in enumerate(citations, 1)
    )
    return f'<section class="block"><h3>条文依据<small>点击展开原文</small></h3>{items}</section>'


def _citation(number: int, citation: Citation, turn: str, *, used: bool | None) -> str:
    if citation.verification == "verified":
        marks = badge(citation.status, STANDING[citation.status])
        text = "".join(
            f"<p>{esc(line)}</p>" for line in citation.quote.splitlines() if line.strip()
        )
    else:
        marks = badge("依据未入库，未核验", "warn")
        text = "<p class='none'>库中没有这一条的原文，请以官方发布的文本为准。</p>"
    if used is False:
        marks = badge("未直接引用", "mute") + marks
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
    place = _place_links(citation.passage_id) if citation.passage_id else ""
    return (
        f'<details class="cite" id="{turn}-c{number}"{" open" if used else ""}><summary><span class="no">{number}</span>'
        f'<span class="law">{esc(citation.label)}</span><span class="marks">{marks}</span></summary>'
        f'<div class="clause">{point}<blockquote>{text}</blockquote>{note}'
        f'<p class="facts">{about}{place}</p></div></details>'
    )


def _place_links(passage_id: str) -> str:
    """Links to the clause in its original and to what it rests on."""
    links = (
        (open_address(passage_id), "在原文中查看"),
        (f"/kb/graph?passage_id={segment(passage_id)}", "引用关系"),
    )
    return "".join(
        f'　<a href="{esc(address)}" target="_blank" rel="noopener">{label}</a>'
        for address, label in links
    )


def _unknowns(unknowns: Sequence[str]) -> str:
    items = "".join(f"<li>{esc(unknown)}</li>" for unknown in dict.fromkeys(unknowns))
    if not items:
        return ""
    return f'<section class="block unknowns"><h3>尚不清楚的事项</h3><ul>{items}</ul></section>'


def _downloads(files: Sequence[Download]) -> str:
    links = "".join(
        f'<a class="download" href="{esc(file.address)}" download>{esc(file.title)}</a>'
        for file in files
        if not file.picture
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
