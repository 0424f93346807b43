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
    wrong += [
        f"文中提到的{clause}不在已核验的依据中" for clause in unknown_clauses(text, citations)
    ]
    return wrong


def unknown_clauses(text: str, citations: Sequence[Citation]) -> list[str]:
    """List the clauses that a text names beside its citations, unless a cited clause refers to them."""
    quotes = "".join(c.quote for c in citations)
    return [
        f"《{title}》{article}"
        for title, article in parse_citations(_own_words(text))
        if article is not None
        and article not in quotes
        and not any(same_clause(Basis(title=title, article=article), c) for c in citations)
    ]


def _own_words(text: str) -> str:
    """Leave out quotations: a clause may name other clauses."""
    return re.sub(r"“[^”]*”", "", text)
