"""The parts of an answer that no model writes: verdict, tables, procedure, grounds, gaps.

Every rule line names its clauses with marks 〔n〕; a mark counts the answer's citations from 1.
"""

import re
from collections.abc import Sequence
from datetime import date

from agents.assistant.facts import markdown_table
from cspon.schemas.knowledge import Basis, Citation, Validity
from cspon.schemas.spatial import Compliance, RuleOutcome, ToolResult, Verdict
from knowledge_base.numerals import article_key
from knowledge_base.titles import canonical_key

SITE_TABLES = ("lines", "codes", "crossings")
RELATED = 3
"""Clauses that were found but not used, listed at most."""

NOT_IN_BASE = "依据未入库，未核验"
NO_MODEL_OPENING = "未使用大模型归纳。"
NO_RULE = "所给条文没有规定"
"""What the prompt asks a model to say when the clauses do not answer."""

REJECTED_OPENING = "大模型的归纳未通过条文核对，没有采用。"
NO_RULE_OPENING = "检索到的条文没有直接规定。"
SYNTHETIC = "本次使用的图层为合成数据，仅供演示，不得用于实际业务。"


def site_head(data: Compliance, result: ToolResult) -> str:
    """Conclusion and overlay tables: shown before the model has said a word."""
    parts = [
        f"## 结论\n\n**{data.headline}**",
        f"项目“{data.project}”，面积 {data.area_ha:.4f} 公顷。{data.area_definition}",
    ]
    if result.synthetic:
        parts.append(f"> {SYNTHETIC}")
    parts.append("## 占用情况")
    for name in SITE_TABLES:
        table = next((t for t in result.tables if t.name == name), None)
        if table is not None and table.rows:
            parts.append(f"**{table.title}**\n\n{markdown_table(table)}")
    return "\n\n".join(parts)


def site_tail(data: Compliance, result: ToolResult, citations: Sequence[Citation]) -> str:
    """Rule by rule: verdict, procedure, grounds; then what is not known."""
    order = [Verdict.FAIL, Verdict.MISSING_DATA, Verdict.NEEDS_STUDY, Verdict.PASS]
    rules = sorted(data.rules, key=lambda rule: order.index(rule.verdict))
    plain = [r for r in rules if r.verdict is Verdict.PASS and not r.procedure]
    parts = ["## 逐项审查与办理手续"]
    parts += [_rule(i, r, citations) for i, r in enumerate((r for r in rules if r not in plain), 1)]
    if plain:
        lines = [f"- {r.title}：{r.message}{_marks(r, citations)}" for r in plain]
        parts.append("**其余各项符合，没有需要办理的手续：**\n\n" + "\n".join(lines))
    parts.append(grounds(citations))
    gaps = [*data.unknowns, *result.warnings]
    if gaps:
        parts.append("## 尚不清楚的事项\n\n" + "\n".join(f"- {gap}" for gap in gaps))
    return "\n\n".join(parts)


def _rule(index: int, rule: RuleOutcome, citations: Sequence[Citation]) -> str:
    marks = _marks(rule, citations)
    verdict = f"{rule.verdict}，须办理手续" if rule.verdict is Verdict.PASS else rule.verdict
    lines = [f"**{index}. {rule.title}：{verdict}**", "", f"{rule.message}{marks}"]
    if rule.approval:
        lines += ["", f"审批机关：{rule.approval}{marks}"]
    if rule.procedure:
        lines += ["", f"办理步骤（依据{marks or '见规则库'}）：", ""]
        lines += [f"{n}. {step}" for n, step in enumerate(rule.procedure, 1)]
    if rule.documents:
        lines += ["", "材料：" + "、".join(rule.documents) + "。"]
    if not rule.verified:
        lines += ["", "（本规则的部分参数未经官方文本核验，须人工复核。）"]
    return "\n".join(lines)


def _marks(rule: RuleOutcome, citations: Sequence[Citation]) -> str:
    return "".join(mark_of(basis, citations) for basis in rule.basis)


def grounds(citations: Sequence[Citation]) -> str:
    """List the citations with their standing."""
    lines = [f"- 〔{n}〕{describe(citation)}" for n, citation in enumerate(citations, 1)]
    return "## 依据\n\n" + "\n".join(lines) if lines else "## 依据\n\n- 无。"


def describe(citation: Citation) -> str:
    """One line: label, what it says here, standing, dates, and any caveat."""
    if citation.verification == "not_in_base":
        parts = [] if citation.withheld else [NOT_IN_BASE]
    else:
        parts = [str(citation.status)]
        if citation.effective_from and "施行日期以修正决定为准" not in citation.note:
            parts.append(f"自 {citation.effective_from.isoformat()} 起施行")
        if citation.effective_to:
            parts.append(f"至 {citation.effective_to.isoformat()} 止")
        parts.append("条文已核验" if citation.verification == "verified" else "与库内条文不符")
    parts += [part for part in citation.note.split("；") if part and part not in parts]
    point = f"：{citation.point}" if citation.point else ""
    return f"{citation.label}{point}（{'；'.join(parts)}）"


def mark_of(basis: Basis, citations: Sequence[Citation]) -> str:
    """Return the mark of a basis, e.g. 〔3〕; empty when it is not among the citations."""
    for number, citation in enumerate(citations, 1):
        if same_clause(basis, citation):
            return f"〔{number}〕"
    return ""


def same_clause(basis: Basis, citation: Citation) -> bool:
    """Whether a named basis is this citation, the full or the short title alike."""
    return canonical_key(basis.title) == canonical_key(citation.title) and (
        _key(basis.article) == _key(citation.article)
    )


def _key(article: str | None) -> str | None:
    return article_key(article) or article if article else None


def qa_tail(question: str, citations: Sequence[Citation], used: set[int], asked_on: date) -> str:
    """Grounds of a regulation answer, word for word; clauses that the text does not use last."""
    lines = [
        f"- 〔{n}〕{describe(c)}\n\n  > {one_line(excerpt(c.quote, question, 260))}"
        for n, c in enumerate(citations, 1)
        if n in used and c.quote
    ]
    rest = [f"- 〔{n}〕{describe(c)}" for n, c in enumerate(citations, 1) if n not in used]
    parts = []
    if lines:
        parts.append("## 依据\n\n" + "\n\n".join(lines))
    if rest:
        parts.append("## 相关条文（未直接引用）\n\n" + "\n".join(rest[:RELATED]))
    parts.append(f"效力按 {asked_on.isoformat()} 判断。")
    return "\n\n".join(parts)


def extract(
    question: str, citations: Sequence[Citation], *, opening: str = NO_MODEL_OPENING, limit: int = 3
) -> str:
    """Answer without a model's words: name the best clauses; `qa_tail` quotes them."""
    best = [
        f"{c.label}〔{n}〕" for n, c in enumerate(citations, 1) if c.verification == "verified"
    ][:limit]
    if not best:
        return f"{opening}库内没有可核验的相关条文。"
    return f"{opening}最相关的条文是{'、'.join(best)}，原文见下。"


def one_line(text: str) -> str:
    """Join the lines of a clause."""
    return re.sub(r"\s*\n\s*", "", text)


def excerpt(text: str, question: str, limit: int) -> str:
    """Choose whole paragraphs nearest to the question, in order, up to `limit` characters."""
    if len(text) <= limit:
        return text.strip()
    paragraphs = [p for p in re.split(r"\n+", text) if p]
    wanted = {question[i : i + 2] for i in range(len(question) - 1)}
    ranked = sorted(
        range(len(paragraphs)),
        key=lambda i: -sum(1 for bigram in wanted if bigram in paragraphs[i]),
    )
    chosen: list[int] = []
    length = 0
    for i in ranked:
        if chosen and length + len(paragraphs[i]) > limit:
            continue
        chosen.append(i)
        length += len(paragraphs[i])
    joined = ""
    for previous, i in zip([-1, *sorted(chosen)], sorted(chosen), strict=False):
        joined += ("……" if i != previous + 1 else "") + paragraphs[i] + "\n"
    joined = joined.strip()
    return joined if len(joined) <= limit * 2 else joined[: limit * 2] + "……"


def caveats(citations: Sequence[Citation]) -> list[str]:
    """Notices for clauses that are not plainly in force or not in the base."""
    notices = []
    for citation in citations:
        if citation.verification == "contradicted":
            notices.append(f"{citation.label}与库内条文不符：{citation.note}")
        elif citation.verification == "verified" and citation.status is not Validity.IN_FORCE:
            notices.append(f"{citation.label}在所问日期为“{citation.status}”，不作为现行依据。")
    return notices
