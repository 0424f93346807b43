"""`/kb`: search the base, and open a passage at its place in the original."""

import re
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BeforeValidator, Field

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document
from knowledge_base.describe.metadata import KINDS, LEVELS
from serving.kb_access import Parts, Who, opened_base, passages_of, reading
from serving.kb_reading import passage_at_place, search_base
from serving.kb_schema import MAX_QUERY, Asked, Id, PassageQuery, PassageReply, SearchQuery, Short
from serving.pages.paper import HERE, PageRoute, paper
from serving.problems import ApiError
from serving.services import Services

router = APIRouter(prefix="/kb", route_class=PageRoute, include_in_schema=False)

EXAMPLES = (
    "占用永久基本农田由谁批准",
    "土地管理法第三十五条",
    "生态保护红线内允许哪些活动",
    "城乡规划公告不得少于三十日",
)
ASSETS = re.compile(r"[a-z]+\.(?:css|js|svg)")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Blank = BeforeValidator(lambda value: value or None)
"""An empty field of a form is none."""


class SearchForm(Asked):
    """The search page's form."""

    q: str = Field("", max_length=MAX_QUERY)
    asked_on: Annotated[date | None, Blank] = Field(None, alias="date")
    level: list[Short] = Field(default_factory=list, max_length=10)
    kind: list[Short] = Field(default_factory=list, max_length=20)
    region: Annotated[Short | None, Blank] = None
    repealed: bool = False
    k: int = Field(10, ge=1, le=50)


class OpenQuery(Asked):
    """Which passage to open, and which page of its document beside it."""

    passage: Id
    page: int | None = Field(None, ge=1, le=20_000)
    quote: str = Field("", max_length=2000)


@router.get("")
async def search_page(
    request: Request, services: Parts, principal: Who, form: Annotated[SearchForm, Query()]
) -> HTMLResponse:
    """The search page, with hits when something was asked."""
    query, reply = form.q.strip(), None
    if query:
        asked = SearchQuery(
            query=query,
            k=form.k,
            asked_on=form.asked_on,
            include_repealed=form.repealed,
            kinds=form.kind,
            levels=form.level,
            regions=[form.region] if form.region else [],
        )
        reply = await search_base(services, asked, principal, request.state.request_id)
    known = await _known(services, principal)
    kinds = {d.kind for d in known}
    return paper(
        request,
        "search.html",
        form=form,
        reply=reply,
        day=form.asked_on or date.today(),
        levels=[level for level in LEVELS if level in {d.level for d in known}],
        kinds=[kind for kind in KINDS if kind in kinds],
        regions=sorted({d.region for d in known if d.region}),
        titles=len({d.title for d in known}),
        documents=len(known),
        examples=EXAMPLES,
    )


@router.get("/open")
async def open_page(
    request: Request, services: Parts, principal: Who, asked: Annotated[OpenQuery, Query()]
) -> HTMLResponse:
    """A passage at its place: the page image with its box, or the text around it."""
    reply = await passage_at_place(
        services,
        asked.passage,
        PassageQuery(before=3, after=3),
        principal,
        request.state.request_id,
    )
    last = await _last_page(services, reply, principal)
    page = min(asked.page or reply.passage.page or 1, last) if last else None
    return paper(
        request,
        "open.html",
        reply=reply,
        page=page,
        last=last,
        quote=asked.quote,
        chapter=_chapter(reply),
    )


@router.get("/assets/{name}")
async def asset(name: str) -> FileResponse:
    """A style, script or picture of these pages."""
    path = HERE / "assets" / name
    if not ASSETS.fullmatch(name) or not path.is_file():
        raise ApiError(404, "没有这个文件", code="not_found")
    return FileResponse(
        path, media_type=TYPES[path.suffix], headers={"cache-control": "public, max-age=300"}
    )


async def _known(services: Services, principal: Principal) -> list[Document]:
    base = opened_base(services)
    return await reading(lambda: base.documents(principal=principal))


async def _last_page(services: Services, reply: PassageReply, principal: Principal) -> int | None:
    """Return the last page on which the document has text; None without page images."""
    if reply.place.image is None:
        return None
    base = opened_base(services)
    passages = await reading(lambda: passages_of(base, reply.document.id, principal))
    pages = [p.page or 0 for p in passages] + [b.page for p in passages for b in p.boxes]
    return max(pages)


def _chapter(reply: PassageReply) -> tuple[str, ...]:
    """The heading whose passages `parent` lists, if it adds anything to the neighbours."""
    shown = {p.id for p in (*reply.before, reply.passage, *reply.after)}
    more = any(p.id not in shown for p in reply.parent)
    return reply.passage.heading_path if more else ()
