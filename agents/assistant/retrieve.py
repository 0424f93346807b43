"""From bases and queries to verified citations.

A rule's basis is looked up by title and article; a question is searched. What the base does not
hold stays as `not_in_base` and is shown so.
"""

from collections.abc import Sequence
from datetime import date

from agents.assistant.grounding import content_coverage
from cspon.schemas.agent import Plan, Principal
from cspon.schemas.knowledge import Basis, Citation, SearchHit
from cspon.schemas.spatial import ToolResult
from knowledge_base.base import KnowledgeBase
from knowledge_base.query import parse_citations

MIN_COVERAGE = 0.34
"""Below this share of the question's bigrams in the hits the base is not about the question.
The project's own choice (verified: false)."""


def cite_results(
    results: Sequence[ToolResult],
    knowledge_base: KnowledgeBase | None,
    *,
    on_date: date,
    principal: Principal,
) -> list[Citation]:
    """Check every basis that the tools name, once each, in the order of first use."""
    seen: dict[tuple[str, str | None], Basis] = {}
    for result in results:
        for basis in result.basis:
            seen.setdefault((basis.title, basis.article), basis)
    return [cite(basis, knowledge_base, on_date, principal) for basis in seen.values()]


def search(
    plan: Plan, knowledge_base: KnowledgeBase, *, on_date: date, principal: Principal, k: int = 6
) -> tuple[list[SearchHit], list[Citation]]:
    """Search for the plan's queries and check the hits; documents named but absent are kept.

    Returns:
        The hits, best first, and one citation a hit, named-but-absent documents last.
    """
    hits: list[SearchHit] = []
    for query in plan.queries:
        for hit in knowledge_base.search(query, k=k, on_date=on_date, principal=principal):
            if all(hit.passage.id != other.passage.id for other in hits):
                hits.append(hit)
    citations = [
        cite(
            Basis(title=h.passage.title, article=h.passage.article),
            knowledge_base,
            on_date,
            principal,
        )
        if h.passage.article
        else _passage_citation(h)
        for h in hits
    ]
    for query in plan.queries:
        for title, article in parse_citations(query):
            named = cite(Basis(title=title, article=article), knowledge_base, on_date, principal)
            if all(named.label != c.label for c in citations):
                first = named.verification == "verified"
                citations.insert(0 if first else len(citations), named)
    return hits, citations


def covers(question: str, hits: Sequence[SearchHit]) -> bool:
    """Whether the hits speak of what the question asks."""
    if any("exact" in hit.routes for hit in hits):
        return True
    texts = [f"{h.passage.title}{''.join(h.passage.heading_path)}{h.passage.text}" for h in hits]
    return content_coverage(question, texts) >= MIN_COVERAGE


def cite(
    basis: Basis, knowledge_base: KnowledgeBase | None, on_date: date, principal: Principal
) -> Citation:
    """Check one basis; without a base nothing is verified."""
    if knowledge_base is None:
        return Citation(source="", title=basis.title, article=basis.article, point=basis.point)
    return knowledge_base.cite(basis, on_date=on_date, principal=principal)


def _passage_citation(hit: SearchHit) -> Citation:
    passage = hit.passage
    return Citation(
        source=passage.document_id,
        title=passage.title,
        article=passage.article,
        quote=passage.text,
        status=hit.validity,
        effective_from=passage.effective_from,
        effective_to=passage.effective_to,
        verification="verified",
        passage_id=passage.id,
    )
