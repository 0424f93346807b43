"""`/v1/kb`: search, articles, citations, the citation graph, passages at their place.

Every read carries the caller's permissions into the store's query. What the caller may not read and
what does not exist are answered alike. Documents are managed in `kb_documents`, taken in by
`kb_ingest`.
"""

import hashlib
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Basis, Citation, Document, GraphView, Passage, SearchOutcome
from knowledge_base.validity import caveats
from serving.audit import digest
from serving.kb_access import (
    Parts,
    Who,
    absent,
    document_of,
    opened_base,
    passage_of,
    reading,
    view_of,
)
from serving.kb_schema import (
    ArticleQuery,
    ArticleReply,
    CiteBody,
    GraphQuery,
    Hit,
    ImageQuery,
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

router = APIRouter(prefix="/v1/kb", tags=["knowledge base"])
drawing = CapacityLimiter(1)
"""Page images are drawn one at a time: a page of a scan takes seconds and much memory."""

WITHHELD = "另有内部资料涉及该问题，您没有查看权限；如工作需要，请向知识库管理员申请。"  # never of 敏感 ones
IMAGE_CACHE = "private, max-age=300"
T = TypeVar("T")


@router.get("/search")
async def search(
    request: Request, services: Parts, principal: Who, asked: Annotated[SearchQuery, Query()]
) -> SearchReply:
    """Search the base: hybrid, for the law of a day, within what the caller may read."""
    return await search_base(services, asked, principal, request.state.request_id)


@router.post("/search")
async def search_by_body(
    request: Request, services: Parts, principal: Who, asked: SearchQuery
) -> SearchReply:
    """Search the base with a JSON body."""
    return await search_base(services, asked, principal, request.state.request_id)


@router.get("/articles")
async def article(
    request: Request, services: Parts, principal: Who, asked: Annotated[ArticleQuery, Query()]
) -> ArticleReply:
    """Return an article in the version of the day, and the versions of its law."""
    base, day = opened_base(services), asked.asked_on or date.today()

    def work() -> ArticleReply | None:
        found = base.article(asked.title, asked.article, on_date=day, principal=principal)
        if found is None:
            return None
        document = document_of(base, found.document_id, principal)
        versions = base.versions(asked.title, on_date=day, principal=principal)
        return ArticleReply(
            **dict(view_of(document, day)),
            label=label_of(found.title, found.article),
            date=day,
            passage=found,
            place=place_of(found, document),
            versions=tuple(view_of(entry.document, day) for entry in versions),
        )

    reply = await audited(
        services,
        principal,
        request.state.request_id,
        "kb.article",
        work,
        lambda reply: {"clauses": [reply.label] if reply else []},
    )
    if reply is None:
        raise absent()
    return reply


@router.post("/cite")
async def cite(request: Request, services: Parts, principal: Who, asked: CiteBody) -> Citation:
    """Verify a clause and the words that are said to stand in it."""
    base, day = opened_base(services), asked.asked_on or date.today()
    basis = Basis(
        title=asked.title, article=asked.article, quote=asked.quote or None, point=asked.point
    )
    return await audited(
        services,
        principal,
        request.state.request_id,
        "kb.cite",
        lambda: base.cite(basis, on_date=day, principal=principal),
        lambda citation: {"clauses": [citation.label], "verification": citation.verification},
    )


@router.get("/graph")
async def graph(
    request: Request, services: Parts, principal: Who, asked: Annotated[GraphQuery, Query()]
) -> GraphView:
    """Return what a clause rests on and what rests on it, as far as the caller may know."""
    return await graph_of(services, asked, principal, request.state.request_id)


@router.get("/passages/{passage_id:path}/page.png", response_class=Response)
async def page_png(
    request: Request,
    services: Parts,
    principal: Who,
    passage_id: str,
    asked: Annotated[ImageQuery, Query()],
) -> Response:
    """Draw the page on which a passage stands, with its boxes (PNG)."""
    base = opened_base(services)

    def find() -> tuple[Passage, Document]:
        return passage_of(base, passage_id, principal)

    passage, document = await audited(
        services,
        principal,
        request.state.request_id,
        "kb.page",
        find,
        lambda found: {"clauses": [label_of(found[0].title, found[0].article)]},
    )
    page = asked.page or passage.page
    if page is None or place_of(passage, document).image is None:
        raise ApiError(404, "这段文字没有页面图像", code="no_page_image")
    boxes = tuple(box for box in passage.boxes if box.page == page)
    tag = hashlib.sha256(f"{document.original} {page} {asked.dpi} {boxes!r}".encode()).hexdigest()[
        :32
    ]
    headers = {"cache-control": IMAGE_CACHE, "etag": f'"{tag}"', "vary": "authorization, cookie"}
    if request.headers.get("if-none-match") == f'"{tag}"':
        return Response(status_code=304, headers=headers)

    def draw() -> bytes | None:
        from knowledge_base.ingest.originals import original_file
        from knowledge_base.parse.page_image import page_image

        path = original_file(services.settings.kb_dir, document)
        return page_image(path, page, boxes, dpi=asked.dpi) if path else None

    image = await to_thread.run_sync(draw, limiter=drawing)
    if image is None:
        raise ApiError(404, "原件未保存，无法显示页面图像", code="no_page_image")
    return Response(image, media_type="image/png", headers=headers)


@router.get("/passages/{passage_id:path}")
async def passage(
    request: Request,
    services: Parts,
    principal: Who,
    passage_id: str,
    asked: Annotated[PassageQuery, Query()],
) -> PassageReply:
    """Return a passage with its neighbours and all that stands under the same heading."""
    return await passage_at_place(services, passage_id, asked, principal, request.state.request_id)


async def search_base(
    services: Services, asked: SearchQuery, principal: Principal, request_id: str
) -> SearchReply:
    """Search for a request of the API or a page."""
    base, day = opened_base(services), asked.asked_on or date.today()

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
        return SearchReply(
            query=asked.query,
            date=day,
            hits=_hits(base, outcome, day, principal),
            withheld=outcome.withheld,
            notice=WITHHELD if outcome.withheld else "",
        )

    return await audited(
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
    """Read a passage and its surroundings for a request of the API or a page."""
    base, day = opened_base(services), asked.asked_on or date.today()

    def work() -> PassageReply:
        found, document = passage_of(base, passage_id, principal)
        around = base.neighbours(found, before=asked.before, after=asked.after, principal=principal)
        place = found.ordinal if found.ordinal is not None else 0
        near = [p for p in around if p.id != found.id and p.ordinal is not None]
        return PassageReply(
            **dict(view_of(document, day)),
            label=label_of(found.title, found.article),
            date=day,
            passage=found,
            place=place_of(found, document),
            before=tuple(p for p in near if (p.ordinal or 0) < place),
            after=tuple(p for p in near if (p.ordinal or 0) > place),
            parent=tuple(base.parent(found, principal=principal)),
        )

    return await audited(
        services,
        principal,
        request_id,
        "kb.passage",
        work,
        lambda reply: {"clauses": [reply.label]},
    )


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
