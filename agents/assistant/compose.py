"""The parts of an answer about clauses that no model writes: grounds, quotations, caveats.

A mark 〔n〕 counts the answer's citations from 1.
"""

import re
from collections.abc import Sequence
from datetime import date

from cspon.schemas.knowledge import Basis, Citation, Validity
from knowledge_base.numerals import article_key
from knowledge_base.titles import canonical_key

RELATED = 3
"""Clauses that were found but not used, listed at most."""

NOT_IN_BASE = "依据未入库，未核验"
NO_MODEL_OPENING = "未使用大模型归纳。"
NO_RULE = "所给条文没有规定"
"""What the prompt asks a model to say when the clauses do not answer."""

REJECTED_OPENING = "大模型的归纳未通过条文核对，没有采用。"
NO_RULE_OPENING = "检索到的条文没有直接规定。"


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
