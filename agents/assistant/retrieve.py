"""From bases and queries to verified citations.

A rule's basis is looked up by title and article; a question is searched. What the base does not
hold stays as `not_in_base` and is shown so.
"""

from collections.abc import Sequence
from datetime import date

from cspon.schemas.agent import Plan, Principal
from cspon.schemas.knowledge import Basis, Citation, SearchHit, SearchOutcome
from cspon.schemas.spatial import ToolResult
from knowledge_base.base import KnowledgeBase
from knowledge_base.retrieve.query import parse_citations


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
) -> tuple[SearchOutcome, list[Citation]]:
    """Search for the plan's queries and check the hits; documents named but absent are kept.

    Returns:
        The hits of all queries, best first, with whether better ones are withheld; and one citation
        a hit, named-but-absent documents last.
    """
    hits: list[SearchHit] = []
    withheld = False
    for query in plan.queries:
        outcome = knowledge_base.outcome(query, k=k, on_date=on_date, principal=principal)
        withheld = withheld or outcome.withheld
        for hit in outcome.hits:
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
    return SearchOutcome(hits=tuple(hits), withheld=withheld), citations


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
