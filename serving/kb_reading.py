"""What the API and the pages read from the base: guarded, and on record before an answer goes out."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis, Citation, GraphView, SearchOutcome
from knowledge_base.validity import caveats
from serving.audit import digest
from serving.guards.calls import CallGuard
from serving.kb_access import absent, opened_base, passage_of, reading, view_of
from serving.kb_schema import (
    CiteBody,
    GraphQuery,
    Hit,
    PassageQuery,
    PassageReply,
    SearchQuery,
    SearchReply,
    label_of,
    place_of,
)
from serving.problems import ApiError
from serving.services import Services

if TYPE_CHECKING:
    from knowledge_base.base import KnowledgeBase

T = TypeVar("T")
REFUSED = "有 {count} 条结果因防护规则没有给出，请告知知识库管理员。"
WITHHELD = "另有内部资料涉及该问题，您没有查看权限；如工作需要，请向知识库管理员申请。"  # never of 敏感 ones


async def search_base(
    services: Services, asked: SearchQuery, principal: Principal, request_id: str
) -> SearchReply:
    """Search for a request of the API or a page.

    Raises:
        ApiError: 400, the guards refuse the query.
    """
    base, day = opened_base(services), asked.asked_on or date.today()
    guard = CallGuard(services.guards, principal, request_id)
    await guard.take_in(asked.model_dump(mode="json", by_alias=True))

    def work() -> SearchReply:
        outcome = base.outcome(
            asked.query,
            k=asked.k,
            on_date=day,
            principal=principal,
            include_repealed=asked.include_repealed,
            kinds=tuple(asked.kinds) or None,
            levels=tuple(asked.levels) or None,
            regions=tuple(asked.regions) or None,
        )
        found = _hits(base, outcome, day, principal)
        given = tuple(hit for hit in found if not guard.refused(f"{hit.label}\n{hit.text}"))
        notices = [WITHHELD] if outcome.withheld else []
        if refused := len(found) - len(given):
            notices.append(REFUSED.format(count=refused))
        return SearchReply(
            query=asked.query,
            date=day,
            hits=given,
            withheld=outcome.withheld,
            notice="".join(notices),
        )

    reply = await audited(
        services,
        principal,
        request_id,
        "kb.search",
        work,
        lambda reply: {
            "question": digest(asked.query),
            "clauses": [hit.label for hit in reply.hits],
            "withheld": reply.withheld,
        },
    )
    await guard.record()
    return reply


async def cite_clause(
    services: Services, asked: CiteBody, principal: Principal, request_id: str
) -> Citation:
    """Verify a clause and the words that are said to stand in it.

    Raises:
        ApiError: 400, the guards refuse what is asked, or the clause.
    """
    base, day = opened_base(services), asked.asked_on or date.today()
    guard = CallGuard(services.guards, principal, request_id)
    await guard.take_in(asked.model_dump(mode="json", by_alias=True))
    basis = Basis(
        title=asked.title, article=asked.article, quote=asked.quote or None, point=asked.point
    )
    citation = await audited(
        services,
        principal,
        request_id,
        "kb.cite",
        lambda: base.cite(basis, on_date=day, principal=principal),
        lambda citation: {"clauses": [citation.label], "verification": citation.verification},
    )
    await guard.give_as_it_stands(f"{citation.label}\n{citation.quote}")
    return citation


async def graph_of(
    services: Services, asked: GraphQuery, principal: Principal, request_id: str
) -> GraphView:
    """Read the citation graph for a request of the API or a page.

    Raises:
        ApiError: 400, no root; 404, the base does not know it.
    """
    base, day = opened_base(services), asked.asked_on or date.today()
    if asked.passage_id is None and asked.title is None:
        raise ApiError(400, "缺少参数：passage_id 或 title", param="passage_id", code="missing")

    def work() -> GraphView:
        return base.graph(
            asked.passage_id,
            title=asked.title,
            article=asked.article,
            up=asked.up,
            down=asked.down,
            on_date=day,
            principal=principal,
            limit=asked.limit,
        )

    view = await audited(
        services,
        principal,
        request_id,
        "kb.graph",
        work,
        lambda view: {
            "clauses": [label_of(view.root.title, view.root.article)],
            "nodes": len(view.nodes),
        },
    )
    if asked.passage_id is not None and not view.root.in_base:
        raise absent()
    return view


async def passage_at_place(
    services: Services, passage_id: str, asked: PassageQuery, principal: Principal, request_id: str
) -> PassageReply:
    """Read a passage and its surroundings for a request of the API or a page.

    Raises:
        ApiError: 400, the guards refuse the passage; those around it are left out.
    """
    base, day = opened_base(services), asked.asked_on or date.today()
    guard = CallGuard(services.guards, principal, request_id)

    def work() -> PassageReply:
        found, document = passage_of(base, passage_id, principal)
        around = base.neighbours(found, before=asked.before, after=asked.after, principal=principal)
        under = base.parent(found, principal=principal)
        others = {p.id: p for p in (*around, *under) if p.id != found.id}
        refused = {p.id for p in others.values() if guard.refused(p.text)}
        place = found.ordinal if found.ordinal is not None else 0
        near = [p for p in around if p.id in others.keys() - refused and p.ordinal is not None]
        return PassageReply(
            **dict(view_of(document, day)),
            label=label_of(found.title, found.article),
            date=day,
            passage=found,
            place=place_of(found, document),
            before=tuple(p for p in near if (p.ordinal or 0) < place),
            after=tuple(p for p in near if (p.ordinal or 0) > place),
            parent=tuple(p for p in under if p.id not in refused),
        )

    reply = await audited(
        services,
        principal,
        request_id,
        "kb.passage",
        work,
        lambda reply: {"clauses": [reply.label]},
    )
    await guard.give_as_it_stands(f"{reply.label}\n{reply.passage.text}")
    return reply


async def audited(
    services: Services,
    principal: Principal,
    request_id: str,
    kind: str,
    work: Callable[[], T],
    facts: Callable[[T], dict[str, object]],
) -> T:
    """Run a read in a thread and put it on record before its answer goes out.

    Raises:
        ApiError: the read's own; a refusal is on record, too.
    """

    def recorded() -> T:
        record = services.audit.knowledge
        try:
            result = work()
        except ApiError as error:
            code = error.body["code"]
            record(kind, principal=principal, request_id=request_id, refused=code)
            raise
        record(kind, principal=principal, request_id=request_id, **facts(result))
        return result

    return await reading(recorded)


def _hits(
    base: "KnowledgeBase", outcome: SearchOutcome, day: date, principal: Principal
) -> tuple[Hit, ...]:
    known = {document.id: document for document in base.documents(principal=principal)}
    return tuple(
        Hit(
            passage_id=hit.passage.id,
            document_id=hit.passage.document_id,
            label=label_of(hit.passage.title, hit.passage.article),
            title=hit.passage.title,
            article=hit.passage.article,
            type=hit.passage.kind,
            text=hit.passage.text,
            html=hit.passage.html,
            validity=hit.validity,
            effective_from=hit.passage.effective_from,
            effective_to=hit.passage.effective_to,
            kind=document.kind,
            level=document.level,
            region=document.region,
            issuer=document.issuer,
            number=document.number,
            secrecy=hit.passage.secrecy,
            flags=hit.passage.flags,
            confidence=hit.passage.confidence,
            note=caveats(document, day),
            routes=hit.routes,
            place=place_of(hit.passage, document),
        )
        for hit in outcome.hits
        if (document := known.get(hit.passage.document_id)) is not None
    )
