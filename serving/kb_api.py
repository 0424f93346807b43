"""`/v1/kb`: search, articles, citations, the citation graph, passages at their place.

Every read carries the caller's permissions into the store's query. What the caller may not read and
what does not exist are answered alike. Documents are managed in `kb_documents`, taken in by
`kb_ingest`.
"""

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from cspon.schemas.knowledge import Citation, Document, GraphView, Passage
from serving.guards.calls import CallGuard
from serving.kb_access import (
    Parts,
    Who,
    absent,
    document_of,
    opened_base,
    passage_of,
    view_of,
)
from serving.kb_reading import audited, cite_clause, graph_of, passage_at_place, search_base
from serving.kb_schema import (
    ArticleQuery,
    ArticleReply,
    CiteBody,
    GraphQuery,
    ImageQuery,
    PassageQuery,
    PassageReply,
    SearchQuery,
    SearchReply,
    label_of,
    place_of,
)
from serving.problems import ApiError

if TYPE_CHECKING:
    pass

router = APIRouter(prefix="/v1/kb", tags=["knowledge base"])
drawing = CapacityLimiter(1)
"""Page images are drawn one at a time: a page of a scan takes seconds and much memory."""

IMAGE_CACHE = "private, max-age=300"


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
    guard = CallGuard(services.guards, principal, request.state.request_id)

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
    await guard.give_as_it_stands(f"{reply.label}\n{reply.passage.text}")
    return reply


@router.post("/cite")
async def cite(request: Request, services: Parts, principal: Who, asked: CiteBody) -> Citation:
    """Verify a clause and the words that are said to stand in it."""
    return await cite_clause(services, asked, principal, request.state.request_id)


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
    guard = CallGuard(services.guards, principal, request.state.request_id)
    await guard.give_as_it_stands(passage.text)
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
