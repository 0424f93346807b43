"""The last look: every clause that the text names must be one that the base confirms."""

import re
from collections.abc import Sequence

from agents.assistant.compose import same_clause
from agents.assistant.numbers import MARK
from cspon.schemas.knowledge import Basis, Citation
from knowledge_base.retrieve.query import parse_citations


def used_marks(text: str) -> set[int]:
    """Numbers of the marks 〔n〕 in a text."""
    return {int(mark) for mark in MARK.findall(text)}


def contradictions(text: str, citations: Sequence[Citation]) -> list[str]:
    """List what the base contradicts: clauses it does not have, words that do not stand there.

    A clause that the base simply does not hold is no contradiction; it is shown as unverified.
    """
    wrong = [
        f"{citation.label}：{citation.note or '库内没有这一条或引文不符'}"
        for citation in citations
        if citation.verification == "contradicted"
    ]
    out_of_range = [n for n in used_marks(text) if not 1 <= n <= len(citations)]
    wrong += [f"〔{n}〕没有对应的依据" for n in out_of_range]
    quotes = "".join(c.quote for c in citations)
    for title, article in parse_citations(_own_words(text)):
        basis = Basis(title=title, article=article)
        if any(same_clause(basis, citation) for citation in citations):
            continue
        if article is None or f"{article}" in quotes:
            continue  # a whole document, or an article that a cited clause itself refers to
        wrong.append(f"文中提到的《{title}》{article}不在已核验的依据中")
    return wrong


def _own_words(text: str) -> str:
    """Leave out quotations: a clause may name other clauses."""
    return re.sub(r"“[^”]*”", "", text)
