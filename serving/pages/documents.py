"""`/kb/documents`, `/kb/document`, `/kb/ingest`: what is in the base, its metadata, new files."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.describe.metadata import KINDS, LEVELS, Metadata
from knowledge_base.parse.read import READERS
from serving.kb_access import EDITOR, Parts, Who, may_edit
from serving.kb_documents import document_for, documents_for
from serving.kb_schema import MAX_QUERY, Asked, DocumentsQuery, Id, Short
from serving.kb_upload import MAX_FILES
from serving.pages.knowledge import Blank
from serving.pages.paper import PageRoute, paper

router = APIRouter(prefix="/kb", route_class=PageRoute, include_in_schema=False)

FOUND_BY = {"rules": "规则", "model": "模型", "person": "人工"}
FIELDS = {
    "title": "标题",
    "number": "文号",
    "issuer": "发文机关",
    "kind": "类型",
    "level": "层级",
    "region": "地区",
    "version": "版本",
    "published": "公布日期",
    "effective_from": "施行日期",
    "effective_to": "失效日期",
    "recorded_status": "来源所载效力",
    "superseded_by": "被取代于",
    "supersedes": "取代或废止",
    "secrecy": "密级",
    "department": "限部门",
    "roles": "限角色",
    "note": "提示",
    "source": "来源",
}


GIVEN = ("secrecy", "department", "roles", "source", "note")
"""Given with the file, not found in its text."""


class DocumentsForm(Asked):
    """The filter of the list."""

    text: str = Field("", max_length=MAX_QUERY)
    kind: Annotated[Short | None, Blank] = None
    level: Annotated[Short | None, Blank] = None
    offset: int = Field(0, ge=0)


class DocumentQuery(Asked):
    """Which document."""

    id: Id


class Row(Frozen):
    """A metadata field on the page."""

    name: str
    label: str
    type: str
    """text, date or list."""
    value: str
    shown: str
    choices: tuple[str, ...]
    hint: str
    editable: bool
    found_by: str
    by_label: str


@router.get("/documents")
async def documents_page(
    request: Request, services: Parts, principal: Who, form: Annotated[DocumentsForm, Query()]
) -> HTMLResponse:
    """The list of documents."""
    asked = DocumentsQuery(**form.model_dump(), limit=100)
    reply = await documents_for(services, asked, principal, request.state.request_id)

    def link(offset: int) -> str:
        given = {k: v for k, v in form.model_dump().items() if v} | {"offset": offset}
        return f"/kb/documents?{urlencode(given)}"

    return paper(
        request, "documents.html", asked=asked, reply=reply, kinds=KINDS, levels=LEVELS, link=link
    )


@router.get("/document")
async def document_page(
    request: Request, services: Parts, principal: Who, asked: Annotated[DocumentQuery, Query()]
) -> HTMLResponse:
    """A document: metadata with who found each field, a form for editors, its passages."""
    reply = await document_for(services, asked.id, principal, request.state.request_id)
    return paper(request, "document.html", reply=reply, fields=_rows(reply.document, principal))


@router.get("/ingest")
async def ingest_page(request: Request, services: Parts, principal: Who) -> HTMLResponse:
    """Upload files and follow their batches."""
    return paper(
        request,
        "ingest.html",
        editor=may_edit(principal),
        role=EDITOR,
        formats=[*READERS, ".zip"],
        levels=_levels(principal),
        departments=principal.departments,
        roles=principal.roles,
        max_mb=services.settings.max_upload_mb,
        max_files=MAX_FILES,
    )


def _levels(principal: Principal) -> list[str]:
    return [level.value for level in Secrecy if level.rank <= principal.clearance.rank]


def _rows(document: Document, principal: Principal) -> list[Row]:
    choices: dict[str, tuple[str, ...]] = {
        "kind": KINDS,
        "level": LEVELS,
        "secrecy": tuple(_levels(principal)),
        "department": ("", *principal.departments),
    }
    return [_row(document, name, choices.get(name, ())) for name in FIELDS]


def _row(document: Document, name: str, choices: tuple[str, ...]) -> Row:
    value: Any = getattr(document, name)
    several = isinstance(value, tuple)
    text = "、".join(value) if several else "" if value is None else str(value)
    if choices and text not in choices:
        choices = (text, *choices)
    annotated: type[BaseModel] = Document
    is_date = date in getattr(annotated.model_fields[name].annotation, "__args__", ())
    by_rules = text and name not in GIVEN
    found = document.found_by.get(name, "rules" if by_rules else "")
    return Row(
        name=name,
        label=FIELDS[name],
        type="list" if several else "date" if is_date else "text",
        value=text,
        shown=text,
        choices=choices,
        hint="多个用顿号分开" if several else "",
        editable=name in Metadata.model_fields,
        found_by=found,
        by_label=FOUND_BY.get(found, ""),
    )
